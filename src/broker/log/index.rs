//! The sparse indexes of a segment: Kafka's `.index` and `.timeindex`, entries of fixed size in rising order.
//!
//! Entries are collected in memory and written in runs, so that an append costs one write. What is
//! lost of them with a crash lies behind the recovery point and is built anew from the log.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::LogError;

/// Entries held back before they are written: at the default interval of 4 KiB, a megabyte of log.
const PENDING_ENTRIES_MAX: usize = 256;

/// An entry as it lies in the file.
pub(super) trait IndexEntry: Copy {
    /// Bytes of one entry.
    const BYTES: usize;
    /// Appends the entry's bytes.
    fn write(self, into: &mut Vec<u8>);
    /// Reads an entry from exactly [`IndexEntry::BYTES`] bytes.
    fn read(bytes: &[u8]) -> Option<Self>;
}

/// `.index`: the batch that ends with this offset begins at this byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OffsetEntry {
    /// Relative to the segment's base offset.
    pub offset: u32,
    pub position: u32,
}

impl IndexEntry for OffsetEntry {
    const BYTES: usize = 8;

    fn write(self, into: &mut Vec<u8>) {
        into.extend_from_slice(&self.offset.to_be_bytes());
        into.extend_from_slice(&self.position.to_be_bytes());
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        Some(Self {
            offset: u32::from_be_bytes(*bytes.first_chunk()?),
            position: u32::from_be_bytes(*bytes.last_chunk()?),
        })
    }
}

/// `.timeindex`: no record up to this offset is younger than this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TimeEntry {
    /// Milliseconds since the Unix epoch.
    pub timestamp: i64,
    /// The last offset of the batch with that timestamp, relative to the segment's base offset.
    pub offset: u32,
}

impl IndexEntry for TimeEntry {
    const BYTES: usize = 12;

    fn write(self, into: &mut Vec<u8>) {
        into.extend_from_slice(&self.timestamp.to_be_bytes());
        into.extend_from_slice(&self.offset.to_be_bytes());
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        Some(Self {
            timestamp: i64::from_be_bytes(*bytes.first_chunk()?),
            offset: u32::from_be_bytes(*bytes.last_chunk()?),
        })
    }
}

/// One index: entries on file, then those not yet written.
#[derive(Debug)]
pub(super) struct IndexFile<E> {
    path: PathBuf,
    /// Opened at the first use: most closed segments are never searched.
    file: OnceLock<File>,
    /// Entries on file.
    written: usize,
    pending: Vec<E>,
    last: Option<E>,
}

impl<E: IndexEntry> IndexFile<E> {
    /// An empty index; a file that is there already is emptied.
    pub(super) fn create(path: PathBuf) -> Result<Self, LogError> {
        let index = Self::empty(path);
        index.clear()?;
        Ok(index)
    }

    /// Makes the file where there is none, and empties it where there is one.
    pub(super) fn clear(&self) -> Result<(), LogError> {
        self.file()?
            .set_len(0)
            .map_err(LogError::storage("empty", &self.path))
    }

    /// The index on file; `None` where there is no file. A last entry that is not whole does not count.
    pub(super) fn open(path: PathBuf) -> Result<Option<Self>, LogError> {
        let length = match path.metadata() {
            Ok(metadata) => metadata.len(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(LogError::storage("read", &path)(error)),
        };
        let mut index = Self::empty(path);
        index.written = usize::try_from(length).unwrap_or(0) / E::BYTES;
        if let Some(last) = index.written.checked_sub(1) {
            index.last = Some(index.get(last)?);
        }
        Ok(Some(index))
    }

    /// No entries, whatever lies under this path.
    pub(super) fn empty(path: PathBuf) -> Self {
        Self {
            path,
            file: OnceLock::new(),
            written: 0,
            pending: Vec::new(),
            last: None,
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn len(&self) -> usize {
        self.written + self.pending.len()
    }

    pub(super) fn last(&self) -> Option<E> {
        self.last
    }

    /// Adds an entry above the last one.
    pub(super) fn push(&mut self, entry: E) -> Result<(), LogError> {
        self.pending.push(entry);
        self.last = Some(entry);
        if self.pending.len() >= PENDING_ENTRIES_MAX {
            self.write_pending()?;
        }
        Ok(())
    }

    /// Puts on file what is held back.
    pub(super) fn write_pending(&mut self) -> Result<(), LogError> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let mut bytes = Vec::with_capacity(self.pending.len() * E::BYTES);
        for entry in &self.pending {
            entry.write(&mut bytes);
        }
        self.file()?
            .write_all_at(&bytes, byte_position::<E>(self.written))
            .map_err(LogError::storage("write", &self.path))?;
        self.written += self.pending.len();
        self.pending = Vec::new();
        Ok(())
    }

    /// The last entry for which `is_before` holds; it must hold for a run from the start.
    pub(super) fn floor(&self, is_before: impl Fn(&E) -> bool) -> Result<Option<E>, LogError> {
        match self.last {
            Some(last) if is_before(&last) => return Ok(Some(last)),
            _ => {}
        }
        match self.partition_point(is_before)?.checked_sub(1) {
            Some(index) => self.get(index).map(Some),
            None => Ok(None),
        }
    }

    /// Drops every entry for which `keep` does not hold; it must hold for a run from the start.
    pub(super) fn truncate(&mut self, keep: impl Fn(&E) -> bool) -> Result<(), LogError> {
        let kept = self.partition_point(keep)?;
        if kept < self.written {
            self.pending.clear();
            self.file()?
                .set_len(byte_position::<E>(kept))
                .map_err(LogError::storage("cut", &self.path))?;
            self.written = kept;
        } else {
            self.pending.truncate(kept - self.written);
        }
        self.last = match kept.checked_sub(1) {
            Some(last) => Some(self.get(last)?),
            None => None,
        };
        Ok(())
    }

    /// The entry at `index`, which must be below [`IndexFile::len`].
    pub(super) fn get(&self, index: usize) -> Result<E, LogError> {
        if let Some(entry) = index
            .checked_sub(self.written)
            .and_then(|pending| self.pending.get(pending))
        {
            return Ok(*entry);
        }
        // No entry is larger than this.
        let mut buffer = [0; 16];
        let bytes = buffer.get_mut(..E::BYTES).unwrap_or_default();
        self.file()?
            .read_exact_at(bytes, byte_position::<E>(index))
            .map_err(LogError::storage("read", &self.path))?;
        E::read(bytes).ok_or_else(|| LogError::Corrupt {
            path: self.path.clone(),
            position: byte_position::<E>(index),
            reason: "an entry of no size".to_owned(),
        })
    }

    fn partition_point(&self, holds: impl Fn(&E) -> bool) -> Result<usize, LogError> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low.midpoint(high);
            if holds(&self.get(middle)?) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }

    fn file(&self) -> Result<&File, LogError> {
        if let Some(file) = self.file.get() {
            return Ok(file);
        }
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&self.path)
            .map_err(LogError::storage("open", &self.path))?;
        Ok(self.file.get_or_init(|| file))
    }
}

fn byte_position<E: IndexEntry>(index: usize) -> u64 {
    u64::try_from(index * E::BYTES).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(n: u32) -> OffsetEntry {
        OffsetEntry {
            offset: n * 10,
            position: n * 100,
        }
    }

    #[test]
    fn floor_finds_entries_on_file_and_held_back() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = folder.path().join("0.index");
        let mut index = IndexFile::create(path.clone()).expect("created");
        for n in 1..=1_000 {
            index.push(entry(n)).expect("written");
        }
        for offset in [0, 9, 10, 11, 5_000, 9_999, 10_000, 20_000] {
            let found = index.floor(|e: &OffsetEntry| e.offset <= offset);
            let expected = Some(offset / 10)
                .filter(|n| *n > 0)
                .map(|n| entry(n.min(1_000)));
            assert_eq!(found.expect("readable"), expected, "{offset}");
        }
        index.write_pending().expect("written");
        let reopened = IndexFile::<OffsetEntry>::open(path).expect("readable");
        let reopened = reopened.expect("there");
        assert_eq!(reopened.len(), 1_000);
        assert_eq!(reopened.last(), Some(entry(1_000)));
    }

    #[test]
    fn truncation_drops_entries_on_file_and_held_back() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let mut index = IndexFile::create(folder.path().join("0.index")).expect("created");
        for n in 1..=600 {
            index.push(entry(n)).expect("written");
        }
        for kept in [599, 513, 512, 300, 1] {
            index.truncate(|e| e.offset <= kept * 10).expect("cut");
            assert_eq!(index.last(), Some(entry(kept)));
            assert_eq!(index.len(), usize::try_from(kept).expect("small"));
        }
        index.truncate(|_| false).expect("cut");
        assert_eq!((index.len(), index.last()), (0, None));
        index.push(entry(7)).expect("written");
        assert_eq!(index.get(0).expect("readable"), entry(7));
    }

    #[test]
    fn half_an_entry_at_the_end_does_not_count() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = folder.path().join("0.timeindex");
        std::fs::write(&path, [0; 12 + 5]).expect("written");
        let index = IndexFile::<TimeEntry>::open(path)
            .expect("readable")
            .expect("there");
        assert_eq!(index.len(), 1);
    }
}
