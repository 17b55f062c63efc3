//! A record in full: what it says, the batch it came in, and the hashes that pick its partition.

mod key;
mod payload;

use crate::{
    state::{Partition, RecordKind, RecordSeen, State, Timestamp},
    ui::words,
};
use wire::{Offset, TopicPartition};

/// The record's lines.
pub fn lines(state: &State, offset: Offset) -> Vec<String> {
    let place = TopicPartition::new(&state.view.topic, state.view.partition);
    let Some(partition) = state.cluster.partition(&place) else {
        return vec![format!("{place} is gone.")];
    };
    let Some(record) = partition.record(offset) else {
        let why = if partition.is_hole(offset) {
            "There is no record at this offset any more: compaction took it."
        } else if offset < partition.log_start {
            "Retention took it: the log begins behind it."
        } else {
            "It is not read yet."
        };
        return vec![format!("{place} @{offset}"), why.to_owned()];
    };
    let mut lines = head(state, partition, &place, record);
    lines.push(String::new());
    lines.extend(key::lines(state, &place, record));
    lines.push(String::new());
    if !record.headers.is_empty() {
        for (name, value) in &record.headers {
            lines.push(format!("header {name} = {value}"));
        }
        lines.push(String::new());
    }
    lines.extend(payload::value(state, record));
    lines.push(String::new());
    lines.extend(batch(record));
    lines
}

fn head(
    state: &State,
    partition: &Partition,
    place: &TopicPartition,
    record: &RecordSeen,
) -> Vec<String> {
    let offset = record.offset;
    let safe = if offset >= partition.high_watermark {
        "not safe yet: at or above the high watermark"
    } else if partition
        .stable_end()
        .is_some_and(|stable| offset >= stable)
    {
        "below the high watermark, at or above the last stable offset: its transaction is open"
    } else {
        "below the high watermark: on every replica in sync"
    };
    let clock = if record.batch.log_append_time {
        "LogAppendTime, the leader's clock"
    } else {
        "CreateTime, the producer's clock"
    };
    let at = Timestamp::from_ms(record.timestamp_ms).clock(state.setup.utc_offset_s);
    let mut lines = vec![
        format!("{place} @{offset}   {safe}"),
        format!(
            "timestamp {at:#}   {clock}   {} bytes",
            words::grouped(record.size_bytes)
        ),
    ];
    let kind = match record.kind {
        RecordKind::Data => return lines,
        RecordKind::Aborted => {
            "aborted: its transaction failed. Readers with isolation.level=read_committed skip it"
        }
        RecordKind::Commit => "control record: the transaction before it counts. No reader gets it",
        RecordKind::Abort => {
            "control record: the transaction before it does not count. No reader gets it"
        }
        RecordKind::Control => "control record. No reader gets it",
    };
    lines.push(kind.to_owned());
    lines.extend(marker(state, record));
    lines
}

/// `commit marker of t1, producer 7001 epoch 0, by its coordinator's epoch 2`
fn marker(state: &State, record: &RecordSeen) -> Option<String> {
    let end = match record.kind {
        RecordKind::Commit => "commit",
        RecordKind::Abort => "abort",
        RecordKind::Data | RecordKind::Aborted | RecordKind::Control => return None,
    };
    let producer = record.batch.producer_id;
    let id = state.cluster.transactional_id_of(producer);
    let of = id.map_or_else(String::new, |id| format!(" of {id}"));
    // A version of two bytes, then the epoch.
    let value = record.value_bytes.as_ref();
    let coordinator = match value.map(|bytes| bytes.first.as_slice()) {
        Some([_, _, epoch @ ..]) => epoch.first_chunk().map(|epoch| i32::from_be_bytes(*epoch)),
        _ => None,
    };
    let by = coordinator.map_or_else(String::new, |epoch| {
        format!(", by its coordinator's epoch {epoch}")
    });
    let epoch = record.batch.producer_epoch;
    Some(format!(
        "{end} marker{of}, producer {producer} epoch {epoch}{by}"
    ))
}

fn batch(record: &RecordSeen) -> Vec<String> {
    let batch = &record.batch;
    let mut lines = vec![format!(
        "batch  offsets {}-{}   {} bytes   codec {}   leader epoch {}",
        batch.base_offset,
        batch.last_offset,
        words::grouped(batch.size_bytes),
        if batch.codec.is_empty() {
            "none"
        } else {
            &batch.codec
        },
        batch.leader_epoch
    )];
    lines.push(match record.sequence() {
        Some(sequence) => format!(
            "       producer id {}   epoch {}   sequence {sequence}   {}",
            batch.producer_id,
            batch.producer_epoch,
            if batch.transactional {
                "part of a transaction"
            } else {
                "idempotent: the leader refuses the same sequence twice"
            }
        ),
        None if batch.transactional => format!(
            "       producer id {}   epoch {}",
            batch.producer_id, batch.producer_epoch
        ),
        None => "       no producer id: its producer is not idempotent".to_owned(),
    });
    lines
}
