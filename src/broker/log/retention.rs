//! Deleting what is too old, too much, or before the log's start.

use std::path::PathBuf;

use super::segment::remove_retired;
use super::{Log, LogError};
use wire::Offset;

/// Why a segment was deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DeleteReason {
    /// Its youngest record is older than `retention.ms`.
    Age,
    /// The log without it still holds `retention.bytes`.
    Size,
    /// All of it lies before the log's start.
    LogStart,
}

/// Segments that are no longer part of the log; their files wait to be removed.
#[derive(Debug, Default)]
#[must_use = "the files stay on disk until they are removed"]
pub(crate) struct Retired {
    /// Base offset, bytes and reason of each, oldest first.
    pub segments: Vec<(Offset, u64, DeleteReason)>,
    files: Vec<PathBuf>,
}

impl Retired {
    /// Frees the disk space; can take long, and needs no lock.
    pub(crate) fn remove(self) {
        remove_retired(self.files);
    }
}

impl Log {
    /// Takes the oldest segments out of the log as far as retention wants it and every record in them is
    /// below the high watermark. The log's start moves to the first segment that stays.
    pub(crate) fn delete_old_segments(
        &mut self,
        now_ms: i64,
        high_watermark: Offset,
    ) -> Result<Retired, LogError> {
        let mut retired = Retired::default();
        while let Some(reason) = self.deletable(now_ms, high_watermark)? {
            if self.segments.len() == 1 {
                // The active segment goes as well; appends need a new one first.
                self.roll(now_ms)?;
            }
            let Some((base, segment)) = self.segments.pop_first() else {
                break;
            };
            self.generation += 1;
            retired.segments.push((base, segment.size_bytes, reason));
            retired.files.extend(segment.retire()?);
            let first = self
                .segments
                .first_key_value()
                .map_or(base, |first| *first.0);
            self.log_start_offset = self.log_start_offset.max(first);
        }
        if !retired.segments.is_empty() {
            self.epochs.truncate_from_start(self.log_start_offset)?;
            let start = self
                .segments
                .first_key_value()
                .map_or(Offset(0), |first| *first.0);
            self.drop_snapshots(|at| at >= start);
            self.aborted.drop_before(start);
        }
        Ok(retired)
    }

    /// Why the oldest segment may go, if it may.
    fn deletable(
        &self,
        now_ms: i64,
        high_watermark: Offset,
    ) -> Result<Option<DeleteReason>, LogError> {
        let Some((_, segment)) = self.segments.first_key_value() else {
            return Ok(None);
        };
        if segment.is_empty() && self.segments.len() == 1 || segment.next_offset > high_watermark {
            return Ok(None);
        }
        if segment.next_offset <= self.log_start_offset {
            return Ok(Some(DeleteReason::LogStart));
        }
        if !self.config.delete {
            return Ok(None);
        }
        let retention_ms = self.config.retention_ms;
        if retention_ms >= 0 && now_ms.saturating_sub(segment.largest_timestamp()?) > retention_ms {
            return Ok(Some(DeleteReason::Age));
        }
        let limit = u64::try_from(self.config.retention_bytes).ok();
        let remaining = self.size_bytes() - segment.size_bytes;
        if limit.is_some_and(|limit| remaining >= limit) {
            return Ok(Some(DeleteReason::Size));
        }
        Ok(None)
    }
}
