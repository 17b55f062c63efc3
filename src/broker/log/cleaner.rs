//! Compaction: of the records with one key, the last one stays (`cleanup.policy=compact`).
//!
//! A pass is begun under the log's lock, run without it over closed segments, which nothing changes, and
//! finished under the lock again. Segments are rewritten in groups into a folder `cleaned`; renaming that to
//! `swap` is the point from which on the pass counts, and a start that finds `swap` completes it.

mod transactions;

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use self::transactions::{AbortedByProducer, CleanedTransactions, MarkerFate};
use super::checkpoints::{read_lines, write_lines};
use super::producer_state::LastBatches;
use super::scan::CheckedBatches;
use super::segment::{Segment, file_path, remove_retired};
use super::{Log, LogConfig, LogError};
use wire::Offset;
use wire::record_batch::{Batch, BatchBuilder, BatchError, BatchHeader, Record};

/// Keys that one pass remembers, about 64 bytes each. A log with more is cleaned in several passes.
const KEYS_MAX: usize = 1_000_000;
/// Where the new segments are written.
const CLEANED: &str = "cleaned";
/// Where they are once they count.
const SWAP: &str = "swap";
/// In both: the base offsets of segments that go without a successor of the same name.
const REPLACED: &str = "replaced";

/// One pass over a log, to be run without its lock.
#[derive(Debug)]
pub(crate) struct Compaction {
    folder: Arc<Path>,
    config: LogConfig,
    now_ms: i64,
    /// The log's [`Log::generation`] when the pass began.
    generation: u64,
    sources: Vec<Source>,
    first_dirty_offset: Offset,
    aborted: AbortedByProducer,
    /// The last batch of each producer stays, if only as a header: its sequence is in no other place.
    last_of_producers: LastBatches,
}

/// What a pass did, to be taken over by [`Log::finish_compaction`].
#[derive(Debug)]
#[must_use = "the log is as before until the pass is finished"]
pub(crate) struct Compacted {
    generation: u64,
    /// Base offsets of the new segments and the offset that follows each.
    heads: Vec<(Offset, Offset)>,
    /// Base offsets of all segments that were read, and the offset after them.
    sources: Vec<Offset>,
    end: Offset,
    /// The markers of aborted transactions that nothing is left of.
    forgotten: HashSet<Offset>,
    /// Everything before has been cleaned once.
    pub clean_up_to: Offset,
    pub bytes_before: u64,
    pub bytes_after: u64,
}

/// A closed segment to be read.
#[derive(Debug)]
struct Source {
    base_offset: Offset,
    next_offset: Offset,
    size_bytes: u64,
    file: Arc<File>,
    path: PathBuf,
}

impl Log {
    /// Up to where the log has been compacted; kept in `cleaner-offset-checkpoint`.
    pub(crate) fn first_dirty_offset(&self) -> Offset {
        self.first_dirty_offset.max(self.log_start_offset)
    }

    /// Takes over what the checkpoint says, once after opening.
    pub(crate) fn set_first_dirty_offset(&mut self, offset: Offset) {
        self.first_dirty_offset = offset.min(self.log_end_offset());
    }

    /// A pass, if the topic is compacted and enough of the log is dirty. Only closed segments below high
    /// watermark, last stable offset and recovery point whose records are older than `min.compaction.lag.ms` take
    /// part.
    pub(crate) fn begin_compaction(
        &self,
        now_ms: i64,
        high_watermark: Offset,
    ) -> Result<Option<Compaction>, LogError> {
        if !self.config.compact || self.offline {
            return Ok(None);
        }
        let first_dirty_offset = self.first_dirty_offset();
        let unstable = self.producers.first_unstable_offset(high_watermark);
        let stable = unstable.unwrap_or(high_watermark);
        let closed = self.segments.len() - 1;
        let (mut clean_bytes, mut dirty_bytes) = (0, 0);
        let mut dirty_since = None;
        let mut sources = Vec::new();
        for segment in self.segments.values().take(closed) {
            let is_young = self.config.min_compaction_lag_ms > 0
                && segment.largest_timestamp()? > now_ms - self.config.min_compaction_lag_ms;
            // Recovery takes a gap between offsets for damage unless the topic is compacted, and a
            // topic's policy can change: gaps are made only where recovery does not look.
            let settled = high_watermark.min(self.recovery_point).min(stable);
            if segment.next_offset > settled || is_young {
                break;
            }
            if segment.next_offset > first_dirty_offset {
                dirty_bytes += segment.size_bytes;
                if dirty_since.is_none() {
                    dirty_since = segment.first_timestamp()?;
                }
            } else {
                clean_bytes += segment.size_bytes;
            }
            sources.push(Source {
                base_offset: segment.base_offset,
                next_offset: segment.next_offset,
                size_bytes: segment.size_bytes,
                file: Arc::clone(segment.file()?),
                path: segment.path(),
            });
        }
        #[expect(clippy::cast_precision_loss, reason = "a ratio of sizes")]
        let dirty_ratio = dirty_bytes as f64 / (clean_bytes + dirty_bytes).max(1) as f64;
        let is_overdue = dirty_since
            .is_some_and(|since| now_ms.saturating_sub(since) > self.config.max_compaction_lag_ms);
        let is_dirty = is_overdue || dirty_ratio >= self.config.min_cleanable_dirty_ratio;
        if dirty_bytes == 0 || !is_dirty {
            return Ok(None);
        }
        let aborted = match (sources.first(), sources.last()) {
            (Some(first), Some(last)) => self.aborted_between(first.base_offset, last.next_offset),
            _ => Vec::new(),
        };
        Ok(Some(Compaction {
            folder: Arc::clone(&self.folder),
            config: self.config.clone(),
            now_ms,
            generation: self.generation,
            sources,
            first_dirty_offset,
            aborted: AbortedByProducer::new(aborted),
            last_of_producers: self.producers.last_batches(),
        }))
    }

    /// Puts the new segments in the place of the old ones. `false`: the log was truncated, or lost
    /// segments, while the pass ran; then it stays as it is.
    pub(crate) fn finish_compaction(&mut self, compacted: &Compacted) -> Result<bool, LogError> {
        let cleaned = self.folder.join(CLEANED);
        if self.generation != compacted.generation {
            remove_folder_if_there(&cleaned)?;
            return Ok(false);
        }
        fs::rename(&cleaned, self.folder.join(SWAP))
            .map_err(LogError::storage("rename", &cleaned))?;
        if let Err(error) = complete_swap(&self.folder) {
            // Half of the files may be new; the next start completes it.
            self.offline = true;
            return Err(error);
        }
        for base in &compacted.sources {
            self.segments.remove(base);
        }
        self.forget_aborted(&compacted.sources, &compacted.forgotten);
        // One within what was cleaned may tell of a transaction as open whose marker is gone.
        self.drop_snapshots(|at| at >= compacted.end);
        for (base, next) in &compacted.heads {
            let (segment, _) = Segment::open(&self.folder, *base, *next)?;
            self.segments.insert(*base, Box::new(segment));
        }
        self.first_dirty_offset = compacted.clean_up_to;
        Ok(true)
    }
}

impl Compaction {
    /// Reads, decides and writes; takes as long as the disk does.
    pub(crate) fn run(self) -> Result<Compacted, LogError> {
        let keys = self.map_keys()?;
        let cleaned: Arc<Path> = self.folder.join(CLEANED).into();
        remove_folder_if_there(&cleaned)?;
        fs::create_dir(&cleaned).map_err(LogError::storage("create", &cleaned))?;
        let mut heads: Vec<(Offset, Offset)> = Vec::new();
        let mut replaced = Vec::new();
        let mut target: Option<Segment> = None;
        let mut bytes_after = 0;
        let mut transactions = CleanedTransactions::new(&self.aborted, &self.last_of_producers);
        for source in &self.sources {
            let fits = target.as_ref().is_some_and(|target| {
                let span = source.next_offset.0 - target.base_offset.0;
                target.size_bytes + source.size_bytes <= self.config.segment_bytes
                    && span <= i64::from(i32::MAX)
            });
            if fits {
                replaced.push(source.base_offset);
            } else {
                if let Some(full) = target.take() {
                    transactions.write_index(&self.folder, &cleaned, full.base_offset)?;
                    bytes_after += finish_segment(full)?;
                }
                target = Some(Segment::create(&cleaned, source.base_offset)?);
                heads.push((source.base_offset, source.next_offset));
            }
            if let Some(target) = &mut target {
                self.rewrite(source, &keys, &mut transactions, target)?;
            }
            if let Some(head) = heads.last_mut() {
                head.1 = source.next_offset;
            }
        }
        if let Some(last) = target.take() {
            transactions.write_index(&self.folder, &cleaned, last.base_offset)?;
            bytes_after += finish_segment(last)?;
        }
        let lines = replaced.iter().map(|base| base.0.to_string());
        write_lines(&cleaned.join(REPLACED), lines)?;
        Ok(Compacted {
            generation: self.generation,
            heads,
            sources: self
                .sources
                .iter()
                .map(|source| source.base_offset)
                .collect(),
            end: self
                .sources
                .last()
                .map_or(keys.end, |last| last.next_offset),
            forgotten: transactions.into_forgotten(),
            clean_up_to: keys.end,
            bytes_before: self.sources.iter().map(|source| source.size_bytes).sum(),
            bytes_after,
        })
    }

    /// The last offset of every key in the dirty part, as far as the map holds it.
    fn map_keys(&self) -> Result<Keys, LogError> {
        let mut keys = Keys::new(self.first_dirty_offset);
        for source in &self.sources {
            if source.next_offset <= self.first_dirty_offset {
                continue;
            }
            let mut batches = source.batches();
            while let Some(batch) = batches.next()? {
                let (position, batch) = batch.map_err(|error| source.corrupt(0, &error))?;
                let header = batch.header;
                let is_dirty = header.last_offset() >= self.first_dirty_offset;
                if !is_dirty || header.is_control() || self.aborted.holds(&header) {
                    continue;
                }
                let records = usize::try_from(header.records_count).unwrap_or(0);
                if !keys.offsets.is_empty() && keys.offsets.len() + records > KEYS_MAX {
                    return Ok(keys);
                }
                let corrupt = |error: BatchError| source.corrupt(position, &error);
                let payload = batch.payload().map_err(corrupt)?;
                for record in batch.records(&payload) {
                    let record = record.map_err(corrupt)?;
                    if let Some(key) = record.key {
                        keys.note(key, record.offset);
                    }
                }
                keys.end = header.next_offset();
            }
            keys.end = source.next_offset;
        }
        Ok(keys)
    }

    /// Copies what stays of `source` behind `target`.
    fn rewrite(
        &self,
        source: &Source,
        keys: &Keys,
        transactions: &mut CleanedTransactions<'_>,
        target: &mut Segment,
    ) -> Result<(), LogError> {
        let mut batches = source.batches();
        while let Some(batch) = batches.next()? {
            let (position, batch) = batch.map_err(|error| source.corrupt(0, &error))?;
            let kept = self
                .filter(&batch, keys, transactions)
                .map_err(|error| source.corrupt(position, &error))?;
            let bytes = match &kept {
                Kept::All => batch.bytes,
                Kept::Some(bytes) => bytes.as_slice(),
                Kept::Nothing => continue,
            };
            let header =
                BatchHeader::parse(bytes).map_err(|error| source.corrupt(position, &error))?;
            target
                .append(bytes, &[], &[header], self.config.index_interval_bytes)
                .map_err(super::segment::AppendFailure::into_error)?;
        }
        Ok(())
    }

    /// What stays of one batch.
    fn filter(
        &self,
        batch: &Batch<'_>,
        keys: &Keys,
        transactions: &mut CleanedTransactions<'_>,
    ) -> Result<Kept, BatchError> {
        let header = &batch.header;
        if header.is_control() {
            let retention_ms = self.config.delete_retention_ms;
            return match transactions.end(batch, self.now_ms, retention_ms) {
                MarkerFate::Stays => Ok(Kept::All),
                MarkerFate::Goes => Ok(Kept::Nothing),
                MarkerFate::GoesFrom(horizon_ms) => with_horizon(batch, horizon_ms),
            };
        }
        let is_aborted = transactions.meet(header);
        let payload = batch.payload()?;
        let horizon = header.delete_horizon_ms();
        let tombstones_go = horizon.is_some_and(|horizon| self.now_ms >= horizon);
        let stays = |record: &Record<'_>| {
            let Some(key) = record.key else { return false };
            let is_last = keys.last(key).is_none_or(|last| record.offset >= last);
            is_last && !is_aborted && !(record.value.is_none() && tombstones_go)
        };
        let mut kept = Vec::new();
        let (mut count, mut has_tombstone) = (0, false);
        for record in batch.records(&payload) {
            let record = record?;
            count += 1;
            if stays(&record) {
                has_tombstone |= record.value.is_none();
                kept.push(record);
            }
        }
        // A tombstone's time begins to run with the pass that first finds it in clean company.
        let new_horizon = (has_tombstone && horizon.is_none() && header.last_offset() < keys.end)
            .then(|| self.now_ms.saturating_add(self.config.delete_retention_ms));
        if kept.len() == count && new_horizon.is_none() && count > 0 {
            return Ok(Kept::All);
        }
        if kept.is_empty() && !self.last_of_producers.is_last_batch(header) {
            return Ok(Kept::Nothing);
        }
        let mut builder = BatchBuilder::new();
        builder.like(header).compression(header.compression()?);
        if let Some(horizon) = new_horizon {
            builder.delete_horizon_ms(horizon);
        }
        if kept.is_empty() {
            builder.max_timestamp(header.max_timestamp);
        }
        for record in kept {
            let (offset, timestamp) = (record.offset, record.timestamp);
            builder.push_at(offset, timestamp, record.key, record.value, record.headers);
        }
        Ok(Kept::Some(builder.build()))
    }
}

/// The whole batch, and from when on it may go.
fn with_horizon(batch: &Batch<'_>, horizon_ms: i64) -> Result<Kept, BatchError> {
    let header = &batch.header;
    let payload = batch.payload()?;
    let mut builder = BatchBuilder::new();
    builder.like(header).compression(header.compression()?);
    builder.delete_horizon_ms(horizon_ms);
    for record in batch.records(&payload) {
        let record = record?;
        let (offset, timestamp) = (record.offset, record.timestamp);
        builder.push_at(offset, timestamp, record.key, record.value, record.headers);
    }
    Ok(Kept::Some(builder.build()))
}

/// What stays of a batch.
enum Kept {
    All,
    Some(Vec<u8>),
    Nothing,
}

impl Source {
    fn batches(&self) -> CheckedBatches {
        CheckedBatches::new(
            Arc::clone(&self.file),
            self.path.clone(),
            0,
            self.size_bytes,
        )
    }

    fn corrupt(&self, position: u64, error: &BatchError) -> LogError {
        LogError::Corrupt {
            path: self.path.clone(),
            position,
            reason: error.to_string(),
        }
    }
}

/// The last offset of each key. Keys are remembered by two independent 64-bit hashes with random seeds:
/// that two keys of one log share both is less likely than a failing disk.
struct Keys {
    offsets: HashMap<(u64, u64), Offset>,
    hashers: (RandomState, RandomState),
    /// Up to where the log has been looked at.
    end: Offset,
}

impl Keys {
    fn new(end: Offset) -> Self {
        Self {
            offsets: HashMap::new(),
            hashers: (RandomState::new(), RandomState::new()),
            end,
        }
    }

    fn note(&mut self, key: &[u8], offset: Offset) {
        let hash = self.hash(key);
        self.offsets.insert(hash, offset);
    }

    fn last(&self, key: &[u8]) -> Option<Offset> {
        self.offsets.get(&self.hash(key)).copied()
    }

    fn hash(&self, key: &[u8]) -> (u64, u64) {
        (self.hashers.0.hash_one(key), self.hashers.1.hash_one(key))
    }
}

/// Completes a pass that counts: called at its end, and at a start that finds it unfinished.
/// Every step may be repeated.
pub(super) fn complete_swap(folder: &Path) -> Result<(), LogError> {
    remove_folder_if_there(&folder.join(CLEANED))?;
    let swap = folder.join(SWAP);
    let replaced = swap.join(REPLACED);
    let entries = match fs::read_dir(&swap) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(LogError::storage("list", &swap)(error)),
    };
    for line in read_lines(&replaced)?.unwrap_or_default() {
        let base = line.parse().map(Offset).map_err(|_| LogError::Corrupt {
            path: replaced.clone(),
            position: 0,
            reason: format!("{line:?} is no offset"),
        })?;
        let files = ["log", "index", "timeindex", "txnindex"]
            .map(|extension| file_path(folder, base, extension));
        remove_retired(files.into_iter().filter(|path| path.exists()).collect());
    }
    for entry in entries {
        let path = entry.map_err(LogError::storage("list", &swap))?.path();
        if let Some(name) = path.file_name().filter(|_| path != replaced) {
            fs::rename(&path, folder.join(name)).map_err(LogError::storage("rename", &path))?;
        }
    }
    remove_folder_if_there(&swap)
}

/// Writes a new segment's indexes out and syncs it: the records it holds are on disk already elsewhere,
/// and that place is about to go.
fn finish_segment(mut segment: Segment) -> Result<u64, LogError> {
    segment.close_for_appends()?;
    let file = segment.file()?;
    file.sync_data()
        .map_err(LogError::storage("sync", &segment.path()))?;
    Ok(segment.size_bytes)
}

fn remove_folder_if_there(folder: &Path) -> Result<(), LogError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(LogError::storage("remove", folder)(error))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use bytes::BytesMut;

    use super::*;
    use crate::log::{AppendOrigin, OpenAt};
    use wire::record_batch::Batches;
    use wire::{LeaderEpoch, TopicPartition};

    const NOW_MS: i64 = 1_700_000_000_000;

    fn config() -> LogConfig {
        LogConfig {
            segment_bytes: 1_000,
            index_interval_bytes: 200,
            compact: true,
            delete: false,
            delete_retention_ms: 1_000,
            ..LogConfig::default()
        }
    }

    fn open(folder: &Path) -> Log {
        let partition = TopicPartition::new("table", 0);
        let opened = Log::open(folder, partition, config(), OpenAt::default(), NOW_MS);
        opened.expect("opened").0
    }

    fn put(log: &mut Log, key: u32, value: Option<&str>) {
        let mut builder = BatchBuilder::new();
        builder.push(
            NOW_MS,
            Some(key.to_string().as_bytes()),
            value.map(str::as_bytes),
        );
        builder.push(NOW_MS, Some(b"same"), Some(b"x"));
        log.append_as_leader(
            &builder.build(),
            LeaderEpoch(0),
            AppendOrigin::Client,
            NOW_MS,
        )
        .expect("appended");
    }

    /// Bytes before and after the pass, if there was one.
    fn compact(log: &mut Log, now_ms: i64) -> Option<(u64, u64)> {
        log.flush().expect("flushed");
        let end = log.log_end_offset();
        let pass = log.begin_compaction(now_ms, end).expect("looked")?;
        let compacted = pass.run().expect("compacted");
        assert!(log.finish_compaction(&compacted).expect("finished"));
        Some((compacted.bytes_before, compacted.bytes_after))
    }

    /// Offset, key and value of every record.
    fn records(log: &Log) -> Vec<(i64, String, Option<String>)> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let mut found = Vec::new();
        let mut next = log.log_start_offset();
        loop {
            let mut out = BytesMut::new();
            let end = log.log_end_offset();
            let read = log
                .read_into(next, end, 1_000, true, &mut out)
                .expect("read");
            if read.size_bytes == 0 {
                return found;
            }
            for batch in Batches::new(&out).map(|batch| batch.expect("whole")) {
                batch.check_crc().expect("sound");
                for record in batch.records(&batch.payload().expect("plain")) {
                    let record = record.expect("sound");
                    let key = text(record.key.expect("a key"));
                    found.push((record.offset.0, key, record.value.map(text)));
                }
            }
            next = read.next_offset;
        }
    }

    fn table(log: &Log) -> BTreeMap<String, Option<String>> {
        records(log)
            .into_iter()
            .map(|(_, key, value)| (key, value))
            .collect()
    }

    #[test]
    fn the_last_record_of_each_key_stays_where_it_was() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let mut log = open(folder.path());
        for n in 0..200u32 {
            put(&mut log, n % 7, Some(&n.to_string()));
        }
        let (before, latest) = (records(&log), table(&log));
        let (before_bytes, after_bytes) = compact(&mut log, NOW_MS).expect("all of it is dirty");
        assert!(after_bytes < before_bytes / 10);
        assert_eq!(table(&log), latest);
        let after = records(&log);
        assert!(after.iter().all(|record| before.contains(record)));
        let active = log.segments().last().expect("one").0;
        let clean = after
            .iter()
            .filter(|(offset, ..)| *offset < active.0)
            .count();
        assert!(clean <= 8, "each key at most once: {after:?}");
        assert_eq!(log.log_end_offset(), Offset(400));
        assert!(compact(&mut log, NOW_MS).is_none(), "nothing is dirty now");
        log.close().expect("closed");
        let at = OpenAt {
            recovery_point: Offset(400),
            log_start_offset: None,
        };
        let partition = TopicPartition::new("table", 0);
        let (log, report) =
            Log::open(folder.path(), partition, config(), at, NOW_MS).expect("opened");
        assert_eq!(report.cut_reason, None);
        assert_eq!(records(&log), after);
    }

    #[test]
    fn what_is_dirty_for_too_long_does_not_wait_for_more() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let mut log = open(folder.path());
        (0..60).for_each(|n| put(&mut log, n % 3, Some("v")));
        compact(&mut log, NOW_MS).expect("all of it is dirty");
        let patient = LogConfig {
            max_compaction_lag_ms: 5_000,
            min_cleanable_dirty_ratio: 1.0,
            ..config()
        };
        log.set_config(patient);
        (0..20).for_each(|n| put(&mut log, n % 3, Some("w")));
        assert!(
            compact(&mut log, NOW_MS + 5_000).is_none(),
            "not dirty enough"
        );
        assert!(compact(&mut log, NOW_MS + 5_001).is_some());
        // The active segment is closed in time, or its records would wait for more of them.
        put(&mut log, 1, Some("x"));
        assert!(!log.roll_if_old(NOW_MS + 5_000).expect("looked"));
        assert!(log.roll_if_old(NOW_MS + 5_001).expect("rolled"));
    }

    #[test]
    fn a_tombstone_goes_when_its_time_is_over() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let mut log = open(folder.path());
        let fill = |log: &mut Log| (100..120).for_each(|key| put(log, key, Some("filler")));
        put(&mut log, 1, Some("value"));
        put(&mut log, 1, None);
        fill(&mut log);
        compact(&mut log, NOW_MS).expect("dirty");
        assert_eq!(
            table(&log).get("1"),
            Some(&None),
            "readers must learn of the deletion"
        );
        fill(&mut log);
        fill(&mut log);
        compact(&mut log, NOW_MS + 999).expect("dirty");
        assert_eq!(table(&log).get("1"), Some(&None));
        (0..4).for_each(|_| fill(&mut log));
        compact(&mut log, NOW_MS + 1_000).expect("dirty");
        assert_eq!(table(&log).get("1"), None);
        assert!(records(&log).iter().all(|(_, _, value)| value.is_some()));
    }

    #[test]
    fn a_producers_last_sequence_survives_its_records() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let mut log = open(folder.path());
        let mut builder = BatchBuilder::new();
        builder
            .producer(5, 0, 0)
            .push(NOW_MS, Some(b"same"), Some(b"first"));
        let idempotent = builder.build();
        let send = |log: &mut Log| {
            log.append_as_leader(&idempotent, LeaderEpoch(0), AppendOrigin::Client, NOW_MS)
        };
        send(&mut log).expect("appended");
        (0..60).for_each(|n| put(&mut log, n, Some("v")));
        compact(&mut log, NOW_MS).expect("dirty");
        assert!(!records(&log).iter().any(|(offset, ..)| *offset == 0));
        log.drop_snapshots(|_| false);
        drop(log);
        let mut log = open(folder.path());
        assert!(send(&mut log).expect("a repetition").duplicate);
    }

    #[test]
    fn a_pass_that_was_interrupted_is_completed_or_forgotten() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let mut log = open(folder.path());
        for n in 0..200u32 {
            put(&mut log, n % 7, Some(&n.to_string()));
        }
        let latest = table(&log);
        let size = log.size_bytes();
        log.flush().expect("flushed");
        let pass = log.begin_compaction(NOW_MS, Offset(400)).expect("looked");
        let _ = pass.expect("dirty").run().expect("compacted");
        drop(log);
        let mut log = open(folder.path());
        log.flush().expect("flushed");
        assert_eq!(log.size_bytes(), size, "it did not count yet");
        assert!(!folder.path().join(CLEANED).exists());
        let pass = log.begin_compaction(NOW_MS, Offset(400)).expect("looked");
        let _ = pass.expect("dirty").run().expect("compacted");
        drop(log);
        fs::rename(folder.path().join(CLEANED), folder.path().join(SWAP)).expect("renamed");
        let log = open(folder.path());
        assert!(log.size_bytes() < size / 5, "it counted");
        assert_eq!(table(&log), latest);
        assert!(!folder.path().join(SWAP).exists());
    }

    #[test]
    fn a_truncation_meanwhile_discards_the_pass() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let mut log = open(folder.path());
        (0..100).for_each(|n| put(&mut log, n % 3, Some("v")));
        log.flush().expect("flushed");
        let pass = log.begin_compaction(NOW_MS, Offset(200)).expect("looked");
        let compacted = pass.expect("dirty").run().expect("compacted");
        log.truncate_to(Offset(20), NOW_MS).expect("cut");
        let before = records(&log);
        assert!(!log.finish_compaction(&compacted).expect("looked"));
        assert_eq!(records(&log), before);
    }
}
