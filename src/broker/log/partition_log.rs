//! One partition's log: its segments, its ends, flushing, rolling and truncating.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use uuid::Uuid;

use super::checkpoints::replace_file;
use super::folder::Metadata;
use super::leader_epochs::LeaderEpochs;
use super::producer_state::{ActiveProducer, ProducerState};
use super::recovery::{OpenAt, RecoveryReport};
use super::segment::{Segment, file_path, remove_retired};
use super::transaction_index::AbortedTransactions;
use super::verification::Verifications;
use super::{LogConfig, LogError};
use wire::{LeaderEpoch, Offset, TopicPartition};

/// The log of one partition. Used under its owner's lock; see the room's door for what holds.
#[derive(Debug)]
#[expect(
    clippy::struct_field_names,
    reason = "log start offset is Kafka's word"
)]
pub(crate) struct Log {
    pub(super) partition: TopicPartition,
    pub(super) topic_id: Uuid,
    pub(super) folder: Arc<Path>,
    pub(super) config: LogConfig,
    /// By base offset, never empty; the last one takes the appends. Boxed, for a map of one has room for eleven.
    pub(super) segments: BTreeMap<Offset, Box<Segment>>,
    pub(super) log_start_offset: Offset,
    /// Everything before is on disk, whatever happens to the machine.
    pub(super) recovery_point: Offset,
    pub(super) epochs: LeaderEpochs,
    pub(super) producers: ProducerState,
    pub(super) verifications: Verifications,
    pub(super) aborted: AbortedTransactions,
    /// Offsets at which a `.snapshot` of the producers exists.
    pub(super) snapshots: Vec<Offset>,
    /// When the active segment was begun, for rolling one without records of its own time.
    pub(super) active_since_ms: i64,
    /// The first timestamp in the active segment, once it is known.
    pub(super) active_first_timestamp: Option<i64>,
    /// Before it the log has been compacted.
    pub(super) first_dirty_offset: Offset,
    /// Counts truncations and deletions, so that a compaction notices what happened meanwhile.
    pub(super) generation: u64,
    /// A failed write could not be taken back.
    pub(super) offline: bool,
    /// Whether the folder is there. That of a new log is made with its first record: until then there is nothing that
    /// could be lost, and a topic of thousands of partitions costs the disk nothing.
    pub(super) is_made: bool,
}

impl Log {
    /// The empty log of a new partition. Its folder is made with its first record, and may exist by then where an
    /// earlier attempt was cut short.
    pub(crate) fn create(
        folder: &Path,
        partition: TopicPartition,
        topic_id: Uuid,
        config: LogConfig,
        now_ms: i64,
    ) -> Self {
        let folder: Arc<Path> = Arc::from(folder);
        let start = Offset(0);
        let segment = Box::new(Segment::without_files(&folder, start));
        Self {
            partition,
            topic_id,
            config,
            segments: BTreeMap::from([(start, segment)]),
            log_start_offset: start,
            recovery_point: start,
            epochs: LeaderEpochs::without_folder(&folder),
            producers: ProducerState::default(),
            aborted: AbortedTransactions::default(),
            verifications: Verifications::default(),
            snapshots: Vec::new(),
            active_since_ms: now_ms,
            active_first_timestamp: None,
            first_dirty_offset: start,
            generation: 0,
            offline: false,
            is_made: false,
            folder,
        }
    }

    /// Makes the folder and the files of a new log, where that was not done yet: what writes calls it first.
    pub(super) fn make(&mut self) -> Result<(), LogError> {
        if self.is_made {
            return Ok(());
        }
        match std::fs::create_dir(&self.folder) {
            Err(error)
                if error.kind() == io::ErrorKind::AlreadyExists
                    && !holds_records(&self.folder)? => {}
            // Not the folder of all logs with it: where that vanished, nothing empty may take its place.
            made => made.map_err(LogError::storage("create", &self.folder))?,
        }
        let topic_id = self.topic_id;
        Metadata { topic_id }.write(&self.folder)?;
        let base = self.active().base_offset;
        let segment = Segment::create(&self.folder, base)?;
        self.segments.insert(base, Box::new(segment));
        self.epochs.folder_is_made();
        self.is_made = true;
        Ok(())
    }

    /// Whether the log's folder is there, or should be.
    pub(crate) fn is_made(&self) -> bool {
        self.is_made
    }

    /// Opens the log in `folder` and recovers what lies behind the recovery point in `at`.
    pub(crate) fn open(
        folder: &Path,
        partition: TopicPartition,
        config: LogConfig,
        at: OpenAt,
        now_ms: i64,
    ) -> Result<(Self, RecoveryReport), LogError> {
        super::recovery::open(folder, partition, config, at, now_ms)
    }

    pub(crate) fn partition(&self) -> &TopicPartition {
        &self.partition
    }

    /// The topic's id as `partition.metadata` has it.
    pub(crate) fn topic_id(&self) -> Uuid {
        self.topic_id
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn config(&self) -> &LogConfig {
        &self.config
    }

    /// Takes effect with the next append, roll or deletion.
    pub(crate) fn set_config(&mut self, config: LogConfig) {
        self.config = config;
    }

    /// The first offset that can be read.
    pub(crate) fn log_start_offset(&self) -> Offset {
        self.log_start_offset
    }

    /// The log's start, if a checkpoint must say where it is: the first segment says it by its name, but that of an
    /// empty log may give way to one that begins earlier.
    pub(crate) fn log_start_to_be_kept(&self) -> Option<Offset> {
        let start = self.log_start_offset;
        let is_empty = start == self.log_end_offset() && start > Offset(0);
        let is_named = self.segments.first_key_value().map(|first| *first.0) == Some(start);
        (is_empty || !is_named).then_some(start)
    }

    /// The offset of the next record.
    pub(crate) fn log_end_offset(&self) -> Offset {
        self.active().next_offset
    }

    pub(crate) fn recovery_point(&self) -> Offset {
        self.recovery_point
    }

    /// Bytes of all batches.
    pub(crate) fn size_bytes(&self) -> u64 {
        self.segments
            .values()
            .map(|segment| segment.size_bytes)
            .sum()
    }

    /// Base offset and size of each segment, oldest first.
    pub(crate) fn segments(&self) -> impl Iterator<Item = (Offset, u64)> {
        self.segments
            .values()
            .map(|segment| (segment.base_offset, segment.size_bytes))
    }

    /// The idempotent producers whose sequences are remembered.
    pub(crate) fn active_producers(&self) -> impl Iterator<Item = ActiveProducer> {
        self.producers.active()
    }

    /// Forgets producers that were silent for longer than `producer.id.expiration.ms`.
    pub(crate) fn expire_producers(&mut self, now_ms: i64, expiration_ms: i64) {
        self.producers.expire(now_ms, expiration_ms);
        self.verifications.expire(now_ms, expiration_ms);
    }

    /// The newest leader epoch of which the log knows.
    pub(crate) fn latest_epoch(&self) -> Option<LeaderEpoch> {
        self.epochs.latest()
    }

    /// The epoch of the record at `offset`, as far as is known.
    pub(crate) fn epoch_at(&self, offset: Offset) -> Option<LeaderEpoch> {
        self.epochs.epoch_at(offset)
    }

    /// The largest epoch at or below `epoch` and where it ended, as `OffsetForLeaderEpoch` answers;
    /// `None` where `epoch` is newer than all in the log (on the wire -1 and -1).
    pub(crate) fn epoch_end_offset(&self, epoch: LeaderEpoch) -> Option<(LeaderEpoch, Offset)> {
        self.epochs.end_offset(epoch, self.log_end_offset())
    }

    /// A leader of `epoch` appends from `start` on, the log's end: written down before its first batch.
    pub(crate) fn assign_epoch_start(&mut self, epoch: LeaderEpoch, start: Offset) {
        self.epochs.assign_unwritten(epoch, start);
    }

    /// Moves the log's start to `offset`, as `DeleteRecords` and a leader's own start do; never backwards.
    /// `false`: it was there or beyond already. Segments before it go with the next deletion.
    pub(crate) fn set_log_start_offset(&mut self, offset: Offset) -> Result<bool, LogError> {
        let end = self.log_end_offset();
        if offset > end {
            return Err(self.out_of_range(offset));
        }
        if offset <= self.log_start_offset {
            return Ok(false);
        }
        self.log_start_offset = offset;
        self.epochs.truncate_from_start(offset)?;
        Ok(true)
    }

    /// Begins a new segment if the active one has records and is too old. An append does so by itself.
    pub(crate) fn roll_if_old(&mut self, now_ms: i64) -> Result<bool, LogError> {
        if self.active().is_empty() || !self.is_old(now_ms, now_ms)? {
            return Ok(false);
        }
        self.roll(now_ms)?;
        Ok(true)
    }

    /// Writes down everything that is only in memory and says what must be synced for it to survive
    /// the machine. `None`: nothing was appended since the last flush.
    pub(crate) fn begin_flush(&mut self) -> Result<Option<Flush>, LogError> {
        let up_to = self.log_end_offset();
        if up_to <= self.recovery_point {
            return Ok(None);
        }
        let mut files = Vec::new();
        for segment in self.segments.values_mut().rev() {
            segment.write_indexes()?;
            files.push((segment.path(), Arc::clone(segment.file()?)));
            if segment.base_offset <= self.recovery_point {
                break;
            }
        }
        self.take_snapshot()?;
        Ok(Some(Flush { files, up_to }))
    }

    /// The flush that reached `up_to` has been synced. Meanwhile the log may have been truncated.
    pub(crate) fn finish_flush(&mut self, up_to: Offset) {
        let up_to = up_to.min(self.log_end_offset());
        self.recovery_point = self.recovery_point.max(up_to);
    }

    /// Everything in the log is on disk afterwards.
    pub(crate) fn flush(&mut self) -> Result<(), LogError> {
        if let Some(flush) = self.begin_flush()? {
            let up_to = flush.sync()?;
            self.finish_flush(up_to);
        }
        Ok(())
    }

    /// Removes every record at `offset` and above; a batch that spans it goes as a whole.
    /// Returns the new log end offset. Below the first segment it empties the log and starts it there.
    pub(crate) fn truncate_to(&mut self, offset: Offset, now_ms: i64) -> Result<Offset, LogError> {
        let end = self.log_end_offset();
        if offset >= end {
            // A leader that was replaced before it wrote anything left its epoch without a record.
            // Named to the new leader, it would be answered with this same truncation again and again.
            self.epochs.truncate_from_end(end)?;
            return Ok(end);
        }
        let Some((base, _)) = self.segments.range(..=offset).next_back() else {
            self.truncate_fully_and_start_at(offset, now_ms)?;
            return Ok(offset);
        };
        let base = *base;
        self.generation += 1;
        // Lowered first: after a crash in between, what is left of the tail is checked again.
        self.recovery_point = self.recovery_point.min(offset);
        let later: Vec<Offset> = self
            .segments
            .keys()
            .copied()
            .filter(|later| *later > base)
            .collect();
        // From the end, so that a crash leaves no gap.
        for later in later.into_iter().rev() {
            if let Some(segment) = self.segments.remove(&later) {
                remove_retired(segment.retire()?);
            }
        }
        let segment = self.active_mut();
        let place = segment.locate(offset)?;
        if let Some(place) = place {
            let end = place.base_offset.min(offset);
            segment.cut(place.position, end)?;
        }
        let end = self.log_end_offset();
        self.active_first_timestamp = self.active().first_timestamp()?;
        self.active_since_ms = now_ms;
        self.log_start_offset = self.log_start_offset.min(end);
        self.recovery_point = self.recovery_point.min(end);
        self.first_dirty_offset = self.first_dirty_offset.min(end);
        self.epochs.truncate_from_end(end)?;
        self.reload_producers(end)?;
        Ok(end)
    }

    /// Removes every record; the next one gets `offset`.
    pub(crate) fn truncate_fully_and_start_at(
        &mut self,
        offset: Offset,
        now_ms: i64,
    ) -> Result<(), LogError> {
        self.make()?;
        self.generation += 1;
        while let Some((_, segment)) = self.segments.pop_last() {
            // The map stays empty only until the next statement after the loop.
            remove_retired(segment.retire()?);
        }
        self.segments
            .insert(offset, Box::new(Segment::create(&self.folder, offset)?));
        self.active_since_ms = now_ms;
        self.active_first_timestamp = None;
        self.log_start_offset = offset;
        self.recovery_point = offset;
        self.first_dirty_offset = offset;
        self.epochs.clear()?;
        self.producers = ProducerState::default();
        self.verifications = Verifications::default();
        self.aborted = AbortedTransactions::default();
        self.drop_snapshots(|_| false);
        Ok(())
    }

    pub(super) fn active(&self) -> &Segment {
        let last = self.segments.last_key_value();
        last.expect("a log has a segment from opening on").1
    }

    pub(super) fn active_mut(&mut self) -> &mut Segment {
        let last = self.segments.last_entry();
        last.expect("a log has a segment from opening on")
            .into_mut()
    }

    /// Closes the active segment and begins one at the log's end.
    pub(super) fn roll(&mut self, now_ms: i64) -> Result<(), LogError> {
        let end = self.log_end_offset();
        self.active_mut().close_for_appends()?;
        self.take_snapshot()?;
        self.segments
            .insert(end, Box::new(Segment::create(&self.folder, end)?));
        self.active_since_ms = now_ms;
        self.active_first_timestamp = None;
        Ok(())
    }

    /// Whether the active segment is older than `segment.ms` when a record of `timestamp` comes.
    pub(super) fn is_old(&mut self, timestamp: i64, now_ms: i64) -> Result<bool, LogError> {
        if self.active_first_timestamp.is_none() {
            self.active_first_timestamp = self.active().first_timestamp()?;
        }
        let age = match self.active_first_timestamp {
            Some(first) if first >= 0 && timestamp >= 0 => timestamp.saturating_sub(first),
            _ => now_ms.saturating_sub(self.active_since_ms),
        };
        Ok(age > self.config.segment_ms_max())
    }

    /// Writes a `.snapshot` of the producers at the log's end.
    pub(super) fn take_snapshot(&mut self) -> Result<(), LogError> {
        let end = self.log_end_offset();
        if self.snapshots.last() == Some(&end) {
            return Ok(());
        }
        self.aborted.sync(&self.folder)?;
        replace_file(
            &file_path(&self.folder, end, "snapshot"),
            &self.producers.encode(),
        )?;
        self.snapshots.push(end);
        // Those at the start of a segment are what truncation goes back to; of the others the newest
        // two are enough.
        let newest = self.snapshots.iter().rev().nth(1).copied();
        let bases: Vec<Offset> = self.segments.keys().copied().collect();
        self.drop_snapshots(|at| Some(at) >= newest || bases.binary_search(&at).is_ok());
        Ok(())
    }

    /// Deletes the snapshots for which `keep` does not hold.
    pub(super) fn drop_snapshots(&mut self, keep: impl Fn(Offset) -> bool) {
        let folder = &self.folder;
        self.snapshots.retain(|at| {
            if keep(*at) {
                return true;
            }
            remove_retired(vec![file_path(folder, *at, "snapshot")]);
            false
        });
    }

    pub(super) fn out_of_range(&self, offset: Offset) -> LogError {
        LogError::OffsetOutOfRange {
            partition: self.partition.clone(),
            offset,
            start: self.log_start_offset,
            end: self.log_end_offset(),
        }
    }
}

/// Whether a folder has a log that is not empty: somebody put it there, and what opens it finds its records.
fn holds_records(folder: &Path) -> Result<bool, LogError> {
    let failed = LogError::storage("list", folder);
    let entries = std::fs::read_dir(folder).and_then(|entries| {
        entries
            .map(|entry| {
                let entry = entry?;
                let is_log = entry.path().extension().is_some_and(|kind| kind == "log");
                Ok(is_log && entry.metadata()?.len() > 0)
            })
            .collect::<io::Result<Vec<bool>>>()
    });
    Ok(entries.map_err(failed)?.contains(&true))
}

/// Files to be synced, without the log's lock.
#[derive(Debug)]
pub(crate) struct Flush {
    files: Vec<(PathBuf, Arc<File>)>,
    up_to: Offset,
}

impl Flush {
    /// Waits for the disk. The offset is for [`Log::finish_flush`].
    pub(crate) fn sync(self) -> Result<Offset, LogError> {
        for (path, file) in &self.files {
            file.sync_data().map_err(LogError::storage("sync", path))?;
        }
        Ok(self.up_to)
    }
}
