//! What logs need from time to time: checkpoints, retention, a flush; and a last flush at the end.

use std::{
    fs,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use tokio::time::{Instant, sleep_until};

use super::{Partition, Partitions};
use crate::{configs::Settings, log::LogError, millis};

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

/// Runs until dropped. `settings` tells those that hold now: some change while the broker runs.
pub(crate) async fn run(partitions: Arc<Partitions>, settings: impl Fn() -> Settings) {
    let start = Instant::now();
    let (mut checkpointed, mut compacted, mut aged) = (None, None, None);
    let next = |last: Option<Instant>, interval| last.map_or(start, |last| last + interval);
    let mut folders = Folders::default();
    loop {
        let settings = settings();
        let checkpoint = millis(settings.replica_high_watermark_checkpoint_interval_ms);
        let compaction = millis(settings.log_cleaner_backoff_ms);
        let retention = millis(settings.log_retention_check_interval_ms);
        let expiration_ms = settings.producer_id_expiration_ms.into();
        let (due, last) = tokio::select! {
            () = sleep_until(next(checkpointed, checkpoint)) => (Due::Checkpoint, &mut checkpointed),
            () = sleep_until(next(compacted, compaction)), if settings.log_cleaner_enable => {
                (Due::Compaction, &mut compacted)
            }
            () = sleep_until(next(aged, retention)) => (Due::Retention, &mut aged),
        };
        *last = Some(Instant::now());
        let mut hosted = partitions.all();
        if matches!(due, Due::Checkpoint) {
            folders.look(&partitions, &hosted);
        }
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
                partitions.save();
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

/// The partitions' folders, as the one above them was last seen.
#[derive(Default)]
struct Folders {
    modified: Option<SystemTime>,
}

impl Folders {
    /// Finds partitions whose folder was removed or moved away: where nobody writes, nothing else would
    /// notice. Whatever does that changes the folder above, so that a quiet broker looks at one.
    fn look(&mut self, partitions: &Partitions, hosted: &[Arc<Partition>]) {
        let directory = partitions.data_dir();
        let modified = match fs::metadata(directory).and_then(|found| found.modified()) {
            Ok(modified) => Some(modified),
            Err(error) => {
                partitions.directory_failed(&LogError::storage("read", directory)(error));
                return;
            }
        };
        if std::mem::replace(&mut self.modified, modified) == modified {
            return;
        }
        for partition in hosted {
            let mut state = partition.lock();
            if !state.replica.log.is_made() {
                continue;
            }
            let folder = state.replica.log.folder().to_owned();
            // Its topic may have been deleted since it was listed.
            let is_hosted = partitions.get(partition.at()).is_some();
            if let Err(error) = fs::metadata(&folder)
                && is_hosted
            {
                let error = LogError::storage("read", &folder)(error);
                partition.failed(&mut state, error);
            }
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
        let flushed = partition.lock().replica.log.flush();
        report(&partition, flushed);
    }
    partitions.save();
}

fn report(partition: &Partition, result: Result<(), LogError>) {
    let Err(error) = result else { return };
    let error = partition.failed(&mut partition.lock(), error);
    // The others are told where they are taken offline.
    if !error.takes_offline() {
        tracing::error!("{}: {error}", partition.at());
    }
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
            state.replica.log.roll_if_old(now_ms())?;
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
            let (before, after) = (compacted.bytes_before, compacted.bytes_after);
            tracing::info!("{}: compacted, {before} bytes are {after}", self.at());
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
