//! From fetched bytes to records for the screen.

use crate::state::{BatchSeen, BytesSeen, RecordKind, RecordSeen};
use client::offsets::Fetched;
use wire::Offset;
use wire::payload::Payload;
use wire::record_batch::{Batch, BatchError, Batches, Record, TimestampType};

/// The longest key or value that is kept for the screen.
const BYTES_MAX: usize = 4096;

/// Records of one unreadable batch that are named; its header could claim any number.
const UNREADABLE_MAX: usize = 200;

/// Bytes of a key or value that is no text, as its stand-in shows them.
const HEX_BYTES: usize = 16;

/// The records from `from` on, and where to read on. A torn or unreadable batch ends it: the next
/// fetch begins with it.
pub(super) fn decode(fetched: &Fetched, from: Offset) -> (Vec<RecordSeen>, Offset) {
    let mut records = Vec::new();
    let mut next = from;
    // Transactions that are aborted, each from its first offset up to its marker.
    let mut aborted = fetched.aborted.clone();
    for batch in Batches::new(&fetched.records) {
        let Ok(batch) = batch else { break };
        let header = batch.header;
        next = next.max(header.next_offset());
        let payload = match batch.payload() {
            Ok(payload) => payload,
            Err(why) => {
                records.extend(unreadable(&batch, &why).filter(|record| record.offset >= from));
                continue;
            }
        };
        let producer = header.producer_id;
        let discarded = aborted
            .iter()
            .any(|(id, first)| *id == producer && *first <= header.base_offset);
        let seen = batch_seen(&batch);
        for record in batch.records(&payload).map_while(Result::ok) {
            let kind = if header.is_control() {
                control(&record)
            } else if header.is_transactional() && discarded {
                RecordKind::Aborted
            } else {
                RecordKind::Data
            };
            if kind == RecordKind::Abort {
                let ended = aborted
                    .iter()
                    .position(|(id, first)| *id == producer && *first <= record.offset);
                ended.map(|at| aborted.swap_remove(at));
            }
            if record.offset >= from {
                records.push(record_seen(&record, kind, seen.clone()));
            }
        }
    }
    (records, next)
}

/// The offsets of a batch whose records cannot be read, with the reason in their place.
fn unreadable(batch: &Batch<'_>, why: &BatchError) -> impl Iterator<Item = RecordSeen> {
    let seen = batch_seen(batch);
    let said = format!("cannot be read: {why}");
    (seen.base_offset.0..=seen.last_offset.0)
        .take(UNREADABLE_MAX)
        .map(move |offset| RecordSeen {
            offset: Offset(offset),
            value: Some(said.clone()),
            batch: seen.clone(),
            ..RecordSeen::default()
        })
}

fn batch_seen(batch: &Batch<'_>) -> BatchSeen {
    let header = &batch.header;
    BatchSeen {
        base_offset: header.base_offset,
        last_offset: header.last_offset(),
        size_bytes: size(Some(batch.bytes)),
        codec: header.compression().map_or_else(
            |error| error.to_string(),
            |codec| format!("{codec:?}").to_lowercase(),
        ),
        producer_id: header.producer_id,
        producer_epoch: header.producer_epoch,
        base_sequence: header.base_sequence,
        leader_epoch: header.leader_epoch,
        transactional: header.is_transactional(),
        log_append_time: header.timestamp_type() == TimestampType::LogAppendTime,
    }
}

/// A control record's key is a version and a type, each of two bytes.
fn control(record: &Record<'_>) -> RecordKind {
    match record.key.and_then(|key| key.get(2..4)) {
        Some([0, 0]) => RecordKind::Abort,
        Some([0, 1]) => RecordKind::Commit,
        _ => RecordKind::Control,
    }
}

fn record_seen(record: &Record<'_>, kind: RecordKind, batch: BatchSeen) -> RecordSeen {
    let (key, value) = (record.key.map(text), record.value.map(text));
    RecordSeen {
        offset: record.offset,
        timestamp_ms: record.timestamp,
        size_bytes: [record.key, record.value, Some(record.headers)]
            .into_iter()
            .map(size)
            .sum(),
        headers: record
            .headers()
            .map(|(name, value)| (text(name), value.map(text).unwrap_or_default()))
            .collect(),
        kind,
        batch,
        key_bytes: record.key.zip(key.as_deref()).and_then(differing),
        value_bytes: record.value.zip(value.as_deref()).and_then(differing),
        key,
        value,
    }
}

/// The bytes as what they most probably are, where that is text or a number, else in hexadecimal.
fn text(bytes: &[u8]) -> String {
    let first = bytes.get(..BYTES_MAX).unwrap_or(bytes);
    // JSON is text here, and told apart where somebody opens it.
    let payload = if first.len() < bytes.len() {
        Payload::of_first(first, bytes.len())
    } else {
        Payload::unparsed(bytes)
    };
    payload.words().unwrap_or_else(|| hexadecimal(bytes))
}

fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::from("0x");
    for byte in bytes.iter().take(HEX_BYTES) {
        let _ = write!(text, "{byte:02x}");
    }
    if bytes.len() > HEX_BYTES {
        text.push('…');
    }
    text
}

/// What is kept beside the text, where that is not the same.
fn differing((bytes, text): (&[u8], &str)) -> Option<BytesSeen> {
    (text.as_bytes() != bytes).then(|| BytesSeen {
        first: bytes.get(..BYTES_MAX).unwrap_or(bytes).to_vec(),
        count: size(Some(bytes)),
    })
}

fn size(bytes: Option<&[u8]>) -> u32 {
    u32::try_from(bytes.map_or(0, <[u8]>::len)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::decode;
    use crate::state::RecordKind;
    use client::offsets::Fetched;
    use wire::record_batch::{BatchBuilder, ControlType};
    use wire::{Offset, TopicPartition};

    fn fetched(records: Vec<u8>, aborted: Vec<(i64, Offset)>) -> Fetched {
        Fetched {
            at: TopicPartition::new("orders", 0),
            error: None,
            high_watermark: Offset(7),
            last_stable: None,
            log_start: None,
            aborted,
            records: Bytes::from(records),
        }
    }

    #[test]
    fn records_before_the_offset_asked_for_and_a_torn_batch_are_left_out() {
        let mut builder = BatchBuilder::new();
        builder.base_offset(Offset(4)).producer(9, 1, 30);
        for key in ["amy", "ben", "cleo"] {
            let headers: [(&str, Option<&[u8]>); 1] = [("trace", Some(b"7"))];
            builder.push_with_headers(1000, Some(key.as_bytes()), Some(b"order"), &headers);
        }
        let mut bytes = builder.build();
        let whole = bytes.clone();
        bytes.extend_from_slice(whole.get(..20).expect("longer"));
        let (records, next) = decode(&fetched(bytes, Vec::new()), Offset(5));
        let keys: Vec<_> = records
            .iter()
            .filter_map(|record| record.key.as_deref())
            .collect();
        assert_eq!(keys, ["ben", "cleo"]);
        assert_eq!(next, Offset(7));
        let first = records.first().expect("two are left");
        assert_eq!(first.headers[..], [("trace".to_owned(), "7".to_owned())]);
        assert_eq!(first.sequence(), Some(31));
        assert_eq!(first.batch.codec, "none");
        assert_eq!(
            usize::try_from(first.batch.size_bytes).ok(),
            Some(whole.len())
        );
    }

    #[test]
    fn an_aborted_transaction_ends_with_its_marker() {
        let data = |offset, producer: i64| {
            let mut builder = BatchBuilder::new();
            builder.base_offset(Offset(offset)).transactional();
            builder.producer(producer, 0, 0);
            builder.push(1, Some(b"amy"), None);
            builder.build()
        };
        let marker = |offset, producer, control| {
            let mut builder = BatchBuilder::new();
            builder.base_offset(Offset(offset));
            builder.end_transaction(control, 1, producer, 0, 0)
        };
        let log = [
            data(0, 7),
            data(1, 8),
            marker(2, 7, ControlType::Abort),
            data(3, 7),
            marker(4, 8, ControlType::Commit),
        ];
        let (records, _) = decode(&fetched(log.concat(), vec![(7, Offset(0))]), Offset(0));
        let kinds: Vec<RecordKind> = records.iter().map(|record| record.kind).collect();
        assert_eq!(
            kinds,
            [
                RecordKind::Aborted,
                RecordKind::Data,
                RecordKind::Abort,
                RecordKind::Data,
                RecordKind::Commit
            ]
        );
    }

    #[test]
    fn bytes_that_are_no_text_are_kept_as_they_are() {
        let mut builder = BatchBuilder::new();
        let long = "é".repeat(3000);
        builder.push(1, Some(&[0xff, 0x00, 0x1b]), Some(long.as_bytes()));
        let (records, _) = decode(&fetched(builder.build(), Vec::new()), Offset(0));
        let record = records.first().expect("one");
        assert_eq!(record.key.as_deref(), Some("0xff001b"));
        assert_eq!(record.whole_key(), Some(&[0xff, 0x00, 0x1b][..]));
        assert_eq!(record.value.as_ref().map(String::len), Some(4096));
        assert_eq!(
            record.value_bytes.as_ref().map(|bytes| bytes.count),
            Some(6000)
        );
    }

    #[test]
    fn numbers_are_shown_by_their_digits_and_kept_as_bytes() {
        let mut builder = BatchBuilder::new();
        builder.push(1, Some(&42_i64.to_be_bytes()), Some(&7_i32.to_be_bytes()));
        let (records, _) = decode(&fetched(builder.build(), Vec::new()), Offset(0));
        let record = records.first().expect("one");
        assert_eq!(record.key.as_deref(), Some("42"));
        assert_eq!(record.whole_key(), Some(&42_i64.to_be_bytes()[..]));
        assert_eq!(record.value.as_deref(), Some("7"));
    }
}
