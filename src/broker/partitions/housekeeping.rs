//! What logs need from time to time: checkpoints, retention, a flush; and a last flush at the end.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tokio::time::MissedTickBehavior;

use super::{Partition, Partitions};
use crate::{
    broker::log::{Checkpoint, LogError},
    wire::{Offset, TopicPartition},
};

/// Kafka's `replica.high.watermark.checkpoint.interval.ms`.
const CHECKPOINT_INTERVAL: Duration = Duration::from_secs(5);

/// Kafka's `log.cleaner.backoff.ms`.
const COMPACTION_INTERVAL: Duration = Duration::from_secs(15);

/// Bytes of a log behind its recovery point from which it is flushed at a checkpoint: what a start has to check
/// after a crash, a small part of a second's work.
const UNFLUSHED_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Milliseconds since the Unix epoch, as records are stamped.
pub(crate) fn now_ms() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|since| i64::try_from(since.as_millis()).ok())
        .unwrap_or_default()
}

/// How often old records are looked for, and how long silent producers are remembered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Intervals {
    pub(crate) retention_check: Duration,
    pub(crate) producer_id_expiration_ms: i64,
}

/// Runs until dropped.
pub(crate) async fn run(partitions: Arc<Partitions>, intervals: Intervals) {
    let mut checkpoint = tokio::time::interval(CHECKPOINT_INTERVAL);
    checkpoint.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut retention = tokio::time::interval(intervals.retention_check);
    retention.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut compaction = tokio::time::interval(COMPACTION_INTERVAL);
    compaction.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let (due, expiration_ms) = tokio::select! {
            _ = checkpoint.tick() => (Due::Checkpoint, 0),
            _ = compaction.tick() => (Due::Compaction, 0),
            _ = retention.tick() => (Due::Retention, intervals.producer_id_expiration_ms),
        };
        let mut hosted = partitions.all();
        match due {
            Due::Checkpoint if !hosted.iter().any(|it| it.is_unsaved()) => continue,
            Due::Compaction => hosted.retain(|it| it.lock().replica.log.config().compact),
            Due::Checkpoint | Due::Retention => {}
        }
        if hosted.is_empty() {
            continue;
        }
        let partitions = Arc::clone(&partitions);
        let work = tokio::task::spawn_blocking(move || match due {
            Due::Checkpoint => {
                for partition in &hosted {
                    partition.take_unsaved();
                    report(partition, partition.flush_if_long());
                }
                save(&partitions);
            }
            Due::Compaction => {
                for partition in &hosted {
                    report(partition, partition.compact());
                }
            }
            Due::Retention => {
                for partition in &hosted {
                    report(partition, partition.delete_old(expiration_ms));
                }
            }
        });
        if let Err(error) = work.await {
            tracing::error!("housekeeping failed: {error}");
        }
    }
}

enum Due {
    Checkpoint,
    Compaction,
    Retention,
}

/// Flushes everything and writes all checkpoints: the last thing a broker does with its logs.
pub(crate) fn close(partitions: &Partitions) {
    for partition in partitions.all() {
        report(&partition, partition.lock().replica.log.flush());
    }
    save(partitions);
}

fn report(partition: &Partition, result: Result<(), LogError>) {
    if let Err(error) = result {
        tracing::error!("{}: {error}", partition.at());
    }
}

/// Writes the checkpoint files.
fn save(partitions: &Partitions) {
    let mut high_watermarks = BTreeMap::new();
    let mut recovery_points = BTreeMap::new();
    let mut log_starts = BTreeMap::new();
    let mut cleaned = BTreeMap::new();
    for partition in partitions.all() {
        let state = partition.lock();
        let at = partition.at().clone();
        high_watermarks.insert(at.clone(), state.replica.high_watermark());
        recovery_points.insert(at.clone(), state.replica.log.recovery_point());
        if state.replica.log.config().compact {
            cleaned.insert(at.clone(), state.replica.log.first_dirty_offset());
        }
        // A log that starts where its first segment does needs no word about it.
        let start = state.replica.log.log_start_offset();
        if state.replica.log.segments().next().map(|(base, _)| base) != Some(start) {
            log_starts.insert(at, start);
        }
    }
    let write = |checkpoint: Checkpoint, offsets: &BTreeMap<TopicPartition, Offset>| {
        if let Err(error) = checkpoint.write(partitions.data_dir(), offsets) {
            tracing::error!("a checkpoint cannot be written: {error}");
        }
    };
    write(Checkpoint::HighWatermark, &high_watermarks);
    write(Checkpoint::RecoveryPoint, &recovery_points);
    write(Checkpoint::LogStartOffset, &log_starts);
    write(Checkpoint::Cleaner, &cleaned);
}

impl Partition {
    /// Flushes a log of which much would have to be checked after a crash. Its lock is free while
    /// the disk works.
    fn flush_if_long(&self) -> Result<(), LogError> {
        let flush = {
            let mut state = self.lock();
            let recovery_point = state.replica.log.recovery_point();
            let unflushed: u64 = state
                .replica
                .log
                .segments()
                .filter(|(base, _)| *base >= recovery_point)
                .map(|(_, bytes)| bytes)
                .sum();
            let active = state
                .replica
                .log
                .segments()
                .last()
                .map_or(0, |(_, bytes)| bytes);
            if unflushed.max(active) < UNFLUSHED_BYTES_MAX {
                return Ok(());
            }
            state.replica.log.begin_flush()?
        };
        if let Some(flush) = flush {
            let up_to = flush.sync()?;
            self.lock().replica.log.finish_flush(up_to);
        }
        Ok(())
    }

    /// Keeps the last record of each key, where enough of a compacted log is dirty. Only what is known to be
    /// on the disk takes part, so it is flushed first.
    fn compact(&self) -> Result<(), LogError> {
        let flush = {
            let mut state = self.lock();
            if state.replica.log.segments().nth(1).is_none() {
                return Ok(());
            }
            state.replica.log.begin_flush()?
        };
        if let Some(flush) = flush {
            let up_to = flush.sync()?;
            self.lock().replica.log.finish_flush(up_to);
        }
        let begun = {
            let state = self.lock();
            let high_watermark = state.replica.high_watermark();
            state
                .replica
                .log
                .begin_compaction(now_ms(), high_watermark)?
        };
        let Some(compaction) = begun else {
            return Ok(());
        };
        let compacted = compaction.run()?;
        if self.lock().replica.log.finish_compaction(&compacted)? {
            self.wake();
        }
        Ok(())
    }

    /// Deletes what retention lets go, and forgets silent producers.
    fn delete_old(&self, producer_expiration_ms: i64) -> Result<(), LogError> {
        let now_ms = now_ms();
        let retired = {
            let mut state = self.lock();
            let high_watermark = state.replica.high_watermark();
            state.replica.log.roll_if_old(now_ms)?;
            state
                .replica
                .log
                .expire_producers(now_ms, producer_expiration_ms);
            state
                .replica
                .log
                .delete_old_segments(now_ms, high_watermark)?
        };
        if !retired.segments.is_empty() {
            self.wake();
        }
        retired.remove();
        Ok(())
    }
}
