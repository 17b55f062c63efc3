//! Opening a log: what lies behind the recovery point is checked, what is unsound is cut.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use uuid::Uuid;

use super::cleaner::complete_swap;
use super::folder::Metadata;
use super::leader_epochs::LeaderEpochs;
use super::producer_state::ProducerState;
use super::scan::CheckedBatches;
use super::segment::{Place, Segment, remove_retired};
use super::transaction_index::AbortedTransactions;
use super::verification::Verifications;
use super::{Log, LogConfig, LogError};
use wire::record_batch::BatchHeader;
use wire::{Offset, TopicPartition};

/// What the checkpoints know of a log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct OpenAt {
    /// Before it the log is trusted; 0 checks all of it.
    pub recovery_point: Offset,
    /// Where the log starts, if that is known to lie inside a segment.
    pub log_start_offset: Option<Offset>,
}

/// What opening a log found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct RecoveryReport {
    pub log_end_offset: Offset,
    /// Bytes that were read and checked.
    pub scanned_bytes: u64,
    /// Bytes behind the last sound batch, now gone.
    pub cut_bytes: u64,
    /// Why they were cut, with the file.
    pub cut_reason: Option<String>,
    /// Segments whose indexes were built anew from the log.
    pub rebuilt_indexes: usize,
    /// The log ends before its recovery point, or has no segment: records that were on disk are gone.
    pub is_short: bool,
}

/// Opens the log in `folder`; see [`Log::open`].
pub(super) fn open(
    folder: &Path,
    partition: TopicPartition,
    config: LogConfig,
    at: OpenAt,
    now_ms: i64,
) -> Result<(Log, RecoveryReport), LogError> {
    let topic_id = Metadata::read(folder)?.map_or(Uuid::nil(), |metadata| metadata.topic_id);
    complete_swap(folder)?;
    let files = Files::list(folder)?;
    let epochs = match LeaderEpochs::open(folder) {
        Err(error @ LogError::Corrupt { .. }) => {
            tracing::warn!("{error}; the batches tell their epochs again");
            None
        }
        read => read?,
    };
    let knows_epochs = epochs.is_some();
    let mut log = Log {
        partition,
        topic_id,
        folder: Arc::from(folder),
        config,
        segments: BTreeMap::new(),
        log_start_offset: Offset(0),
        recovery_point: at.recovery_point,
        epochs: epochs.unwrap_or_else(|| LeaderEpochs::new(folder)),
        producers: ProducerState::default(),
        verifications: Verifications::default(),
        aborted: AbortedTransactions::default(),
        snapshots: files.snapshots,
        active_since_ms: now_ms,
        active_first_timestamp: None,
        first_dirty_offset: Offset(0),
        generation: 0,
        offline: false,
        is_made: true,
    };
    let mut report = RecoveryReport::default();
    log.load_segments(&files.bases, &mut report)?;
    if !knows_epochs {
        log.read_epochs()?;
    }
    if log.segments.is_empty() {
        let start = at.log_start_offset.unwrap_or_default();
        let segment = Segment::create(&log.folder, start)?;
        log.segments.insert(start, Box::new(segment));
    }
    let end = log.log_end_offset();
    let base = log.segments.first_key_value().map_or(end, |first| *first.0);
    log.log_start_offset = at.log_start_offset.unwrap_or(base).max(base);
    if log.log_start_offset > end {
        // Everything before the start was deleted on purpose: nothing of what is left may be read.
        log.truncate_fully_and_start_at(log.log_start_offset, now_ms)?;
    }
    let end = log.log_end_offset();
    report.is_short = end < at.recovery_point || files.bases.is_empty();
    log.recovery_point = at.recovery_point.min(end);
    // An epoch is written down before its first batch; a crash may have come between.
    log.epochs.truncate_from_end(end)?;
    log.epochs.truncate_from_start(log.log_start_offset)?;
    log.read_aborted()?;
    log.reload_producers(end)?;
    report.log_end_offset = end;
    Ok((log, report))
}

impl Log {
    fn load_segments(
        &mut self,
        bases: &[Offset],
        report: &mut RecoveryReport,
    ) -> Result<(), LogError> {
        let mut following = bases.iter().skip(1);
        for base in bases {
            let next_base = following.next().copied();
            if report.cut_reason.is_some() {
                // After a cut nothing follows: offsets would have a hole.
                let (segment, _) = Segment::open(&self.folder, *base, *base)?;
                report.cut_bytes += segment.size_bytes;
                remove_retired(segment.retire()?);
                continue;
            }
            let (mut segment, damaged) =
                Segment::open(&self.folder, *base, next_base.unwrap_or(*base))?;
            let is_behind = next_base.is_none_or(|next| next > self.recovery_point);
            if is_behind {
                self.recover(&mut segment, damaged, next_base, report)?;
            } else if damaged {
                rebuild_indexes(&mut segment, self.config.index_interval_bytes)?;
            }
            report.rebuilt_indexes += usize::from(damaged);
            if next_base.is_some() {
                // Whoever reads by offset relies on it, also where compaction left a gap at the end.
                segment.next_offset = next_base
                    .filter(|_| report.cut_reason.is_none())
                    .unwrap_or(segment.next_offset);
                segment.close_for_appends()?;
            }
            self.segments.insert(*base, Box::new(segment));
        }
        Ok(())
    }

    /// Learns the leader epochs from the batches, where the file that keeps them is lost.
    fn read_epochs(&mut self) -> Result<(), LogError> {
        let mut epochs = LeaderEpochs::new(&self.folder);
        for segment in self.segments.values() {
            for header in segment.headers(0)? {
                let (_, header) = header?;
                if header.leader_epoch.0 >= 0 {
                    epochs.assign(header.leader_epoch, header.base_offset)?;
                }
            }
        }
        self.epochs = epochs;
        Ok(())
    }

    /// Checks the batches of a segment from the recovery point on and cuts it at the first unsound one.
    fn recover(
        &mut self,
        segment: &mut Segment,
        damaged: bool,
        next_base: Option<Offset>,
        report: &mut RecoveryReport,
    ) -> Result<(), LogError> {
        let end = segment.size_bytes;
        let from = self.recovery_point.max(segment.base_offset);
        let mut position = segment.indexed_position(from)?;
        if damaged || position >= end {
            position = 0;
        }
        let mut expected = (position == 0).then_some(segment.base_offset);
        segment.forget(position, expected.unwrap_or(from))?;
        let interval = self.config.index_interval_bytes;
        let mut batches =
            CheckedBatches::new(Arc::clone(segment.file()?), segment.path(), position, end);
        let mut reason = None;
        while let Some(checked) = batches.next()? {
            let (position, header) = match checked {
                Ok((position, batch)) => (position, batch.header),
                Err(error) => {
                    reason = Some(error.to_string());
                    break;
                }
            };
            if let Some(problem) = self.misplaced(&header, expected) {
                reason = Some(problem);
                break;
            }
            expected = Some(header.next_offset());
            if self.epochs.epoch_at(header.base_offset) != Some(header.leader_epoch)
                && header.leader_epoch.0 >= 0
            {
                self.epochs
                    .assign(header.leader_epoch, header.base_offset)?;
            }
            segment.note(Place::new(position, &header), interval)?;
        }
        report.scanned_bytes += segment.size_bytes - position;
        if reason.is_some() && expected.is_none() {
            // Even the batch at the recovery point is unsound, so the index told us nothing that
            // helps: walk the segment from its start, which this same function does.
            segment.size_bytes = end;
            return self.recover(segment, true, next_base, report);
        }
        let ends_early =
            next_base.filter(|next| segment.next_offset < *next && !self.config.compact);
        if let (None, Some(next)) = (&reason, ends_early) {
            reason = Some(format!("the records up to {next} are missing"));
        }
        if let Some(reason) = reason {
            segment.cut(segment.size_bytes, segment.next_offset)?;
            report.cut_bytes += end - segment.size_bytes;
            report.cut_reason = Some(format!(
                "{} at byte {}: {reason}",
                segment.path().display(),
                segment.size_bytes
            ));
        }
        Ok(())
    }

    /// Why a batch with a good checksum is not where it belongs: base offset and leader epoch are
    /// outside the checksum.
    fn misplaced(&self, header: &BatchHeader, expected: Option<Offset>) -> Option<String> {
        let base = header.base_offset;
        if header.last_offset_delta < 0
            || base
                .0
                .checked_add(i64::from(header.last_offset_delta))
                .is_none()
        {
            return Some(format!("a batch at {base} with impossible offsets"));
        }
        // Only compaction leaves gaps between batches.
        if expected
            .is_some_and(|expected| base < expected || (base > expected && !self.config.compact))
        {
            let expected = expected.unwrap_or_default();
            return Some(format!("a batch at {base} where {expected} was expected"));
        }
        // An epoch is written down before its first batch, so the newest one in the file bounds all.
        let known = self.epochs.epoch_at(base)?;
        (known != header.leader_epoch)
            .then(|| format!("a batch of epoch {} in epoch {known}", header.leader_epoch))
    }
}

/// Builds both indexes of a closed segment from its headers.
fn rebuild_indexes(segment: &mut Segment, index_interval_bytes: u64) -> Result<(), LogError> {
    let next_offset = segment.next_offset;
    let headers = segment.headers(0)?;
    segment.forget(0, segment.base_offset)?;
    for header in headers {
        let (position, header) = header?;
        segment.note(Place::new(position, &header), index_interval_bytes)?;
    }
    segment.next_offset = next_offset;
    Ok(())
}

/// What lies in a log's folder.
struct Files {
    bases: Vec<Offset>,
    snapshots: Vec<Offset>,
}

impl Files {
    /// Lists segments and snapshots; deletes what an interrupted deletion or replacement left.
    fn list(folder: &Path) -> Result<Self, LogError> {
        let mut bases = Vec::new();
        let mut snapshots = Vec::new();
        let mut indexes = Vec::new();
        let mut leftovers = Vec::new();
        for entry in fs::read_dir(folder).map_err(LogError::storage("list", folder))? {
            let path = entry.map_err(LogError::storage("list", folder))?.path();
            let stem = path.file_stem().and_then(|stem| stem.to_str());
            let base = stem.and_then(|stem| stem.parse().ok()).map(Offset);
            match (
                path.extension().and_then(|extension| extension.to_str()),
                base,
            ) {
                (Some("log"), Some(base)) => bases.push(base),
                (Some("snapshot"), Some(at)) => snapshots.push(at),
                (Some("index" | "timeindex" | "txnindex"), Some(base)) => {
                    indexes.push((base, path));
                }
                (Some("deleted" | "tmp"), _) => leftovers.push(path),
                _ => {}
            }
        }
        bases.sort_unstable();
        snapshots.sort_unstable();
        let orphans = indexes
            .into_iter()
            .filter(|(base, _)| bases.binary_search(base).is_err());
        leftovers.extend(orphans.map(|(_, path)| path));
        remove_retired(leftovers);
        Ok(Self { bases, snapshots })
    }
}
