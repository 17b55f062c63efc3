//! The aborted transactions of a log, and Kafka's `.txnindex` files of them.
//!
//! Readers of committed records are told which transactions among what they read were aborted, and leave their
//! records out. A segment has such a file only if a marker in it aborted something.

use std::collections::HashSet;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use bytes::{Buf, BufMut};

use super::LogError;
use super::checkpoints::replace_file;
use super::segment::{file_path, remove_retired};
use wire::Offset;

/// The version of an entry's layout.
const VERSION: i16 = 0;
/// One transaction in a file.
const ENTRY_BYTES: usize = 34;

/// A transaction that was aborted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AbortedTransaction {
    pub(crate) producer_id: i64,
    pub(crate) first_offset: Offset,
    /// The marker's.
    pub(crate) last_offset: Offset,
    /// Where the first transaction began that was still open after the marker; else the offset after it.
    pub(crate) last_stable_offset: Offset,
}

impl AbortedTransaction {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(ENTRY_BYTES);
        bytes.put_i16(VERSION);
        bytes.put_i64(self.producer_id);
        bytes.put_i64(self.first_offset.0);
        bytes.put_i64(self.last_offset.0);
        bytes.put_i64(self.last_stable_offset.0);
        bytes
    }

    fn decode(mut bytes: &[u8]) -> Option<Self> {
        if bytes.len() != ENTRY_BYTES || bytes.get_i16() != VERSION {
            return None;
        }
        let entry = Self {
            producer_id: bytes.get_i64(),
            first_offset: Offset(bytes.get_i64()),
            last_offset: Offset(bytes.get_i64()),
            last_stable_offset: Offset(bytes.get_i64()),
        };
        (entry.first_offset < entry.last_offset).then_some(entry)
    }
}

/// All of a log, in the order of their markers.
#[derive(Debug, Default)]
pub(super) struct AbortedTransactions {
    all: Vec<AbortedTransaction>,
    /// The segment whose file has entries that may not be on the disk.
    unsynced: Option<Offset>,
}

impl AbortedTransactions {
    /// Reads the files of these segments, oldest first. `false`: one of them holds what was never written to it, or
    /// entries of another segment, and nothing of any is to be trusted.
    pub(super) fn read(
        folder: &Path,
        segments: impl Iterator<Item = (Offset, Offset)>,
    ) -> Result<(Self, bool), LogError> {
        let mut all: Vec<AbortedTransaction> = Vec::new();
        for (base, next) in segments {
            let path = file_path(folder, base, "txnindex");
            let bytes = match fs::read(&path) {
                Ok(bytes) => bytes,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(LogError::storage("read", &path)(error)),
            };
            for entry in bytes.chunks(ENTRY_BYTES) {
                let follows = |entry: &AbortedTransaction| {
                    let last = all.last().map_or(Offset(-1), |last| last.last_offset);
                    entry.last_offset > last && entry.last_offset >= base
                };
                let Some(entry) = AbortedTransaction::decode(entry).filter(follows) else {
                    tracing::warn!("{} is damaged; the log tells it again", path.display());
                    return Ok((Self::default(), false));
                };
                // What lies behind was cut from the log.
                if entry.last_offset < next {
                    all.push(entry);
                }
            }
        }
        let read = Self {
            all,
            unsynced: None,
        };
        Ok((read, true))
    }

    /// Writes one down in the file of the segment that holds its marker.
    pub(super) fn add(
        &mut self,
        folder: &Path,
        segment: Offset,
        entry: AbortedTransaction,
    ) -> Result<(), LogError> {
        let path = file_path(folder, segment, "txnindex");
        let opened = OpenOptions::new().create(true).append(true).open(&path);
        let mut file = opened.map_err(LogError::storage("open", &path))?;
        file.write_all(&entry.encode())
            .map_err(LogError::storage("write", &path))?;
        self.all.push(entry);
        self.unsynced = Some(segment);
        Ok(())
    }

    /// Waits for the disk: a snapshot of the producers does not tell of transactions before it.
    pub(super) fn sync(&mut self, folder: &Path) -> Result<(), LogError> {
        let Some(segment) = self.unsynced.take() else {
            return Ok(());
        };
        let path = file_path(folder, segment, "txnindex");
        let synced = fs::File::open(&path).and_then(|file| file.sync_data());
        synced.map_err(LogError::storage("sync", &path))
    }

    /// Forgets those whose markers lie at `end` or above, in the files of these segments too.
    pub(super) fn truncate(
        &mut self,
        folder: &Path,
        segments: impl Iterator<Item = (Offset, Offset)>,
        end: Offset,
    ) -> Result<(), LogError> {
        self.all.retain(|entry| entry.last_offset < end);
        for (base, next) in segments {
            let path = file_path(folder, base, "txnindex");
            if !path.exists() {
                continue;
            }
            let bytes = self.encode(base, next);
            if bytes.is_empty() {
                remove_retired(vec![path]);
            } else {
                replace_file(&path, &bytes)?;
            }
        }
        Ok(())
    }

    /// Forgets those whose markers lie before `start`; their files went with their segments.
    pub(super) fn drop_before(&mut self, start: Offset) {
        self.all.retain(|entry| entry.last_offset >= start);
    }

    /// Forgets the transactions with these markers. The files of these segments were replaced by others, which are on
    /// the disk.
    pub(super) fn forget(&mut self, segments: &[Offset], markers: &HashSet<Offset>) {
        self.all
            .retain(|entry| !markers.contains(&entry.last_offset));
        self.unsynced = self.unsynced.filter(|segment| !segments.contains(segment));
    }

    /// The file of a segment with the offsets from `base` to below `next`.
    pub(super) fn encode(&self, base: Offset, next: Offset) -> Vec<u8> {
        let inside = |entry: &&AbortedTransaction| (base..next).contains(&entry.last_offset);
        let entries = self.all.iter().filter(inside);
        entries.flat_map(AbortedTransaction::encode).collect()
    }

    /// Those with records from `from` to below `up_to`, in the order in which they began.
    pub(super) fn between(&self, from: Offset, up_to: Offset) -> Vec<AbortedTransaction> {
        let first = self.all.partition_point(|entry| entry.last_offset < from);
        let mut found = Vec::new();
        for entry in self.all.get(first..).unwrap_or_default() {
            if entry.first_offset < up_to {
                found.push(*entry);
            }
            // Whatever ends later began later.
            if entry.last_stable_offset >= up_to {
                break;
            }
        }
        found.sort_by_key(|entry| entry.first_offset);
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(producer_id: i64, first: i64, last: i64, stable: i64) -> AbortedTransaction {
        AbortedTransaction {
            producer_id,
            first_offset: Offset(first),
            last_offset: Offset(last),
            last_stable_offset: Offset(stable),
        }
    }

    #[test]
    fn an_entry_lies_in_kafkas_format() {
        let bytes = entry(3, 6, 7, 8).encode();
        let mut expected = vec![0, 0];
        for number in [3i64, 6, 7, 8] {
            expected.extend_from_slice(&number.to_be_bytes());
        }
        assert_eq!(bytes, expected);
        assert_eq!(AbortedTransaction::decode(&bytes), Some(entry(3, 6, 7, 8)));
        assert_eq!(AbortedTransaction::decode(&bytes[1..]), None);
    }

    #[test]
    fn those_that_overlap_a_read_are_found_in_the_order_they_began() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let mut aborted = AbortedTransactions::default();
        // The first to begin ends last.
        let entries = [entry(2, 3, 5, 1), entry(1, 1, 8, 9), entry(2, 10, 12, 13)];
        for entry in entries {
            let added = aborted.add(folder.path(), Offset(0), entry);
            added.expect("written");
        }
        let between = |from, up_to| aborted.between(Offset(from), Offset(up_to));
        assert_eq!(between(0, 13), vec![entries[1], entries[0], entries[2]]);
        assert_eq!(between(6, 9), vec![entries[1]]);
        assert_eq!(between(4, 5), vec![entries[1], entries[0]]);
        assert_eq!(between(13, 20), vec![]);
        let segments = || [(Offset(0), Offset(13))].into_iter();
        let (read, sound) = AbortedTransactions::read(folder.path(), segments()).expect("read");
        assert_eq!((read.all.as_slice(), sound), (entries.as_slice(), true));
        aborted
            .truncate(folder.path(), segments(), Offset(8))
            .expect("cut");
        let (read, _) = AbortedTransactions::read(folder.path(), segments()).expect("read");
        assert_eq!(read.all, &entries[..1]);
    }

    #[test]
    fn a_damaged_file_is_not_trusted() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = file_path(folder.path(), Offset(0), "txnindex");
        let mut bytes = entry(2, 3, 5, 1).encode();
        bytes.extend_from_slice(&[0; 20]);
        for damaged in [&bytes[..40], &bytes[..33], &[7; 34]] {
            fs::write(&path, damaged).expect("written");
            let segments = [(Offset(0), Offset(13))].into_iter();
            let (read, sound) = AbortedTransactions::read(folder.path(), segments).expect("read");
            assert!(read.all.is_empty() && !sound);
        }
    }
}
