//! What a producer's batch must be, and the code it is refused with: Apache Kafka 3.9.2's answers to the same
//! bytes. Where ours is stricter, its readers would choke on what its broker takes.

use super::*;
use wire::ErrorCode;
use wire::record_batch::HEADER_BYTES;

const CRC_AT: usize = 17;
const ATTRIBUTES_AT: usize = 21;
const MAX_TIMESTAMP_AT: usize = 35;
const COUNT_AT: usize = 57;

/// A batch whose header says `count` records and whose records are `payload`.
fn raw(count: i32, payload: &[u8], attributes: i16) -> Vec<u8> {
    let mut builder = BatchBuilder::new();
    for _ in 0..count.max(1) {
        builder.push(NOW_MS, None, None);
    }
    let mut bytes = builder.build();
    bytes.truncate(HEADER_BYTES);
    bytes.extend_from_slice(payload);
    let length = i32::try_from(bytes.len() - 12).expect("small");
    bytes[8..12].copy_from_slice(&length.to_be_bytes());
    bytes[ATTRIBUTES_AT..ATTRIBUTES_AT + 2].copy_from_slice(&attributes.to_be_bytes());
    bytes[COUNT_AT..HEADER_BYTES].copy_from_slice(&count.to_be_bytes());
    sealed(bytes)
}

fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
    let crc = crc32c::crc32c(&bytes[ATTRIBUTES_AT..]);
    bytes[CRC_AT..ATTRIBUTES_AT].copy_from_slice(&crc.to_be_bytes());
    bytes
}

fn with_max_timestamp(mut bytes: Vec<u8>, timestamp: i64) -> Vec<u8> {
    bytes[MAX_TIMESTAMP_AT..MAX_TIMESTAMP_AT + 8].copy_from_slice(&timestamp.to_be_bytes());
    sealed(bytes)
}

/// The records of a batch under a codec, without its header.
fn stored(codec: Compression, batch: &[u8]) -> Vec<u8> {
    let mut builder = BatchBuilder::new();
    let batch = Batch::parse(batch).expect("own batch");
    builder.like(&batch.header).compression(codec);
    for record in batch.records(&batch.payload().expect("plain")) {
        let record = record.expect("sound");
        let (offset, timestamp) = (record.offset, record.timestamp);
        builder.push_at(offset, timestamp, record.key, record.value, record.headers);
    }
    builder.build().split_off(HEADER_BYTES)
}

fn send(config: LogConfig, bytes: &[u8]) -> Result<Log, ErrorCode> {
    let folder = tempfile::tempdir().expect("temporary folder");
    let mut log = create(folder.path(), config);
    let outcome = log.append_as_leader(bytes, LeaderEpoch(0), AppendOrigin::Client, NOW_MS);
    match outcome {
        Ok(_) => Ok(log),
        Err(error) => {
            assert_eq!(log.log_end_offset(), Offset(0), "nothing was written");
            Err(ErrorCode::from(&error))
        }
    }
}

/// The header of the first batch in a log.
fn header_of(log: &Log) -> wire::record_batch::BatchHeader {
    let mut out = BytesMut::new();
    let end = log.log_end_offset();
    log.read_into(Offset(0), end, 1_000, true, &mut out)
        .expect("read");
    let batch = Batch::parse(&out).expect("whole");
    batch.check_crc().expect("sealed");
    batch.header
}

/// A record of one key byte and one value byte: its size, attributes, two deltas, key, value, no headers.
const RECORD: &[u8] = &[0x10, 0, 0, 0, 2, b'k', 2, b'v', 0];
/// The next one in its batch.
const SECOND: &[u8] = &[0x10, 0, 0, 2, 2, b'k', 2, b'v', 0];

/// What is wrong, how many records the header says, and the records.
fn unsound() -> Vec<(&'static str, i32, Vec<u8>)> {
    let two = [RECORD, SECOND].concat();
    let first = |bytes: &[u8]| [bytes, SECOND].concat();
    vec![
        ("more counted than there are", 3, two.clone()),
        ("fewer counted than there are", 1, two.clone()),
        ("none", 1, vec![]),
        ("bytes behind the last", 2, [&two, &[0][..]].concat()),
        ("a size beyond the batch", 2, [RECORD, &[0x7e, 0]].concat()),
        ("a size below zero", 2, first(&[1])),
        ("a size of zero", 2, first(&[0])),
        (
            "too small a size",
            2,
            first(&[0x0e, 0, 0, 0, 2, b'k', 2, b'v', 0]),
        ),
        (
            "bytes behind the headers",
            2,
            first(&[0x12, 0, 0, 0, 2, b'k', 2, b'v', 0, 0]),
        ),
        (
            "a key beyond its record",
            2,
            first(&[0x10, 0, 0, 0, 40, b'k', 2, b'v', 0]),
        ),
        (
            "a header without a name",
            2,
            first(&[0x14, 0, 0, 0, 2, b'k', 2, b'v', 2, 1, 1]),
        ),
        (
            "headers below zero",
            2,
            first(&[0x10, 0, 0, 0, 2, b'k', 2, b'v', 1]),
        ),
        (
            "more headers than there are",
            2,
            first(&[0x14, 0, 0, 0, 2, b'k', 2, b'v', 4, 0, 1]),
        ),
        ("an offset twice", 2, [RECORD, RECORD].concat()),
    ]
}

#[test]
fn every_record_is_walked_under_every_codec() {
    let invalid = Err(ErrorCode::InvalidRecord);
    let sent = |count, payload: &[u8], attributes| {
        send(LogConfig::default(), &raw(count, payload, attributes)).map(drop)
    };
    assert_eq!(sent(2, &[RECORD, SECOND].concat(), 0), Ok(()));
    assert_eq!(
        sent(1, &[0x0c, 0, 0, 0, 1, 1, 0], 0),
        Ok(()),
        "neither key nor value"
    );
    for (what, count, payload) in &unsound() {
        assert_eq!(sent(*count, payload, 0), invalid, "{what}");
        assert_eq!(
            sent(*count, &gzip(payload), 1),
            invalid,
            "{what}, compressed"
        );
    }
    let plain = batch(0, 5);
    for codec in [
        Compression::Gzip,
        Compression::Snappy,
        Compression::Lz4,
        Compression::Zstd,
    ] {
        let payload = stored(codec, &plain);
        let log = send(LogConfig::default(), &raw(5, &payload, codec.id())).expect("sound");
        assert_holds(&log, 0, 5);
        for count in [4, 6] {
            assert_eq!(sent(count, &payload, codec.id()), invalid, "{codec:?}");
        }
        for unreadable in [&payload[..payload.len() - 5], b"not compressed at all"] {
            let refused = Err(ErrorCode::UnknownServerError);
            assert_eq!(sent(5, unreadable, codec.id()), refused, "{codec:?}");
        }
    }
    let no_codec = sent(5, &plain[HEADER_BYTES..], 5);
    assert_eq!(no_codec, Err(ErrorCode::UnknownServerError));
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(plain).expect("a vector takes everything");
    encoder.finish().expect("a vector takes everything")
}

#[test]
fn the_largest_timestamp_is_that_of_the_records() {
    let plain = batch(0, 5);
    for claimed in [0, -1, NOW_MS + 1_000_000_000_000] {
        let log = send(
            LogConfig::default(),
            &with_max_timestamp(plain.clone(), claimed),
        );
        assert_eq!(header_of(&log.expect("sound")).max_timestamp, NOW_MS + 4);
        let payload = stored(Compression::Lz4, &plain);
        let bytes = with_max_timestamp(raw(5, &payload, Compression::Lz4.id()), claimed);
        let mut log = send(LogConfig::default(), &bytes).expect("sound");
        assert_eq!(header_of(&log).max_timestamp, NOW_MS + 4);
        // What a header of 0 led to: records just acknowledged were older than any retention.
        let retired = log
            .delete_old_segments(NOW_MS + 1_000, Offset(5))
            .expect("looked");
        assert!(retired.segments.is_empty());
        retired.remove();
        let found = log.offset_for_timestamp(NOW_MS + 3).expect("looked");
        assert_eq!(found.map(|it| it.offset), Some(Offset(3)));
    }
    let mut without = BatchBuilder::new();
    without.push(-1, None, None);
    let log = send(
        LogConfig::default(),
        &with_max_timestamp(without.build(), 7),
    )
    .expect("sound");
    assert_eq!(header_of(&log).max_timestamp, -1);
}

#[test]
fn whose_clock_it_is_the_topic_says() {
    let claims_the_brokers = raw(5, &batch(0, 5)[HEADER_BYTES..], 0x08);
    let log = send(LogConfig::default(), &claims_the_brokers).expect("the claim is dropped");
    let header = header_of(&log);
    assert_eq!(
        (header.timestamp_type(), header.max_timestamp),
        (TimestampType::CreateTime, NOW_MS + 4)
    );
    let by_broker = LogConfig {
        timestamp_type: TimestampType::LogAppendTime,
        ..LogConfig::default()
    };
    let sent = send(by_broker.clone(), &claims_the_brokers);
    assert_eq!(sent.map(drop), Err(ErrorCode::InvalidTimestamp));
    let log = send(by_broker, &with_max_timestamp(batch(0, 5), 0)).expect("sound");
    assert_eq!(header_of(&log).max_timestamp, NOW_MS);
}

#[test]
fn keys_of_a_compacted_topic_are_looked_for_inside_a_codec() {
    let compacted = LogConfig {
        compact: true,
        ..LogConfig::default()
    };
    for codec in [
        Compression::Gzip,
        Compression::Snappy,
        Compression::Lz4,
        Compression::Zstd,
    ] {
        let mut builder = BatchBuilder::new();
        builder.compression(codec);
        builder
            .push(NOW_MS, Some(b"k"), None)
            .push(NOW_MS, None, None);
        let sent = send(compacted.clone(), &builder.build());
        assert_eq!(sent.map(drop), Err(ErrorCode::InvalidRecord));
    }
}

#[test]
fn a_batch_that_its_topics_codec_makes_too_large_is_refused() {
    let mut builder = BatchBuilder::new();
    builder.compression(Compression::Zstd);
    builder.push(NOW_MS, None, Some(&[b'a'; 5_000]));
    let bytes = builder.build();
    assert!(bytes.len() < 200);
    let plain = LogConfig {
        compression: Some(Compression::None),
        ..LogConfig::default()
    };
    send(plain.clone(), &bytes).expect("it fits");
    let small_batches = LogConfig {
        max_message_bytes: 1_000,
        ..plain.clone()
    };
    let sent = send(small_batches, &bytes);
    assert_eq!(sent.map(drop), Err(ErrorCode::MessageTooLarge));
    let small_segments = LogConfig {
        segment_bytes: 1_000,
        ..plain
    };
    let sent = send(small_segments, &bytes);
    assert_eq!(sent.map(drop), Err(ErrorCode::RecordListTooLarge));
}

#[test]
fn an_idempotent_batch_needs_a_sequence() {
    let sent = send(LogConfig::default(), &idempotent(0, -1, 1));
    assert_eq!(sent.map(drop), Err(ErrorCode::InvalidRecord));
    send(LogConfig::default(), &idempotent(-1, 0, 1)).expect("as in Kafka");
}
