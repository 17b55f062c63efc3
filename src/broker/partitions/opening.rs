//! Opening a partition's log, at a start and after a failure, and what to make of records that are missing.

use std::{path::PathBuf, sync::Arc};

use uuid::Uuid;

use super::{
    Partition,
    held::Held,
    housekeeping::now_ms,
    offline::{Failures, Missing},
    partition::Opening,
};
use crate::log::{Log, LogConfig, LogError};
use wire::{BrokerId, Offset, Reporter, TopicPartition, report::Report};

/// A log to be opened, on a thread that may wait for the disk.
pub(super) struct Opener {
    pub(super) own: BrokerId,
    pub(super) at: TopicPartition,
    pub(super) topic_id: Uuid,
    pub(super) folder: PathBuf,
    pub(super) config: LogConfig,
    pub(super) held: Held,
    /// Whether records that are missing here can be had from a leader, or are not worth waiting for.
    pub(super) may_miss: bool,
    pub(super) failures: Arc<Failures>,
    pub(super) reporter: Reporter,
}

impl Opener {
    /// Opens the log, or makes a new one. One that lost its folder is not made anew while its records are nowhere else:
    /// somebody may put the folder back.
    pub(super) fn open(self) -> Result<Partition, LogError> {
        let exists = self.folder.try_exists();
        let (log, missing) = if exists.map_err(LogError::storage("read", &self.folder))? {
            self.reopen()?
        } else if self.held.end() > Offset(0) && !self.may_miss {
            return Err(LogError::Short {
                path: self.folder,
                end: Offset(0),
                held: self.held.end(),
            });
        } else {
            let (at, config) = (self.at.clone(), self.config.clone());
            let log = Log::create(&self.folder, at, self.topic_id, config, now_ms());
            let missing = Missing {
                held: self.held.end(),
                were_safe: true,
            };
            (log, missing)
        };
        let end = log.log_end_offset();
        let is_missing = end < missing.held;
        if is_missing && missing.were_safe && !self.may_miss {
            return Err(LogError::Short {
                path: self.folder,
                end,
                held: missing.held,
            });
        }
        if is_missing {
            let held = missing.held;
            tracing::warn!("{}: the records from {end} to {held} are missing", self.at);
        }
        Ok(Partition::new(Opening {
            log,
            own: self.own,
            topic_id: self.topic_id,
            high_watermark: self.held.high_watermark,
            missing: is_missing.then_some(missing),
            failures: self.failures,
        }))
    }

    fn reopen(&self) -> Result<(Log, Missing), LogError> {
        let at = &self.at;
        let opened = Log::open(
            &self.folder,
            at.clone(),
            self.config.clone(),
            self.held.open_at(),
            now_ms(),
        );
        let (mut log, report) = opened?;
        if log.topic_id() != self.topic_id {
            return Err(LogError::TopicId {
                path: self.folder.clone(),
                found: log.topic_id(),
                expected: self.topic_id,
            });
        }
        log.set_first_dirty_offset(self.held.cleaned.unwrap_or_default());
        if let Some(reason) = &report.cut_reason {
            tracing::warn!("{at}: cut {} bytes: {reason}", report.cut_bytes);
        }
        self.reporter.report(Report::LogRecovered {
            broker: self.own,
            topic: at.topic.clone(),
            partition: at.partition,
            log_end_offset: report.log_end_offset,
            cut_bytes: report.cut_bytes,
        });
        let missing = Missing {
            held: self.held.end(),
            were_safe: report.is_short,
        };
        Ok((log, missing))
    }
}
