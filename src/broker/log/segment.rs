//! One segment: a `.log` file of batches and its two indexes.

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io::{self, IoSlice, Write};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use super::LogError;
use super::index::{IndexFile, OffsetEntry, TimeEntry};
use super::scan::Headers;
use wire::Offset;
use wire::record_batch::{BatchHeader, NO_TIMESTAMP};

/// Batches at the end of the log whose places are remembered: followers and most consumers read there,
/// and find their batch without reading an index.
const RECENT_BATCHES_MAX: usize = 64;

/// A file of batches, the records from one base offset on.
#[derive(Debug)]
pub(super) struct Segment {
    pub base_offset: Offset,
    /// The offset after the last record; the base offset where there is none.
    pub next_offset: Offset,
    pub size_bytes: u64,
    /// The largest timestamp of a record and the last offset of its batch; -1 where there is none.
    pub max_timestamp: (i64, Offset),
    folder: Arc<Path>,
    /// Opened at the first use, so that a thousand closed segments cost no descriptors.
    file: OnceLock<Arc<File>>,
    offset_index: IndexFile<OffsetEntry>,
    time_index: IndexFile<TimeEntry>,
    unindexed_bytes: u64,
    recent: VecDeque<Place>,
}

/// Where one batch lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub position: u64,
    pub size_bytes: u64,
    pub base_offset: Offset,
    pub last_offset: Offset,
    pub max_timestamp: i64,
}

impl Place {
    /// The place of a batch with this header at `position`.
    pub(super) fn new(position: u64, header: &BatchHeader) -> Self {
        Self {
            position,
            size_bytes: u64::try_from(header.size_bytes()).unwrap_or(u64::MAX),
            base_offset: header.base_offset,
            last_offset: header.last_offset(),
            max_timestamp: header.max_timestamp,
        }
    }

    /// The byte after the batch.
    pub(super) fn end(&self) -> u64 {
        self.position.saturating_add(self.size_bytes)
    }
}

impl Segment {
    /// A new empty segment; what lies under its names is emptied.
    pub(super) fn create(folder: &Arc<Path>, base_offset: Offset) -> Result<Self, LogError> {
        let segment = Self::without_files(folder, base_offset);
        segment.offset_index.clear()?;
        segment.time_index.clear()?;
        segment
            .file()?
            .set_len(0)
            .map_err(LogError::storage("empty", &segment.path()))?;
        Ok(segment)
    }

    /// An empty segment of which nothing is on the disk. It answers reads and takes no appends.
    pub(super) fn without_files(folder: &Arc<Path>, base_offset: Offset) -> Self {
        Self {
            base_offset,
            next_offset: base_offset,
            size_bytes: 0,
            max_timestamp: (NO_TIMESTAMP, base_offset),
            folder: Arc::clone(folder),
            file: OnceLock::new(),
            offset_index: IndexFile::empty(file_path(folder, base_offset, "index")),
            time_index: IndexFile::empty(file_path(folder, base_offset, "timeindex")),
            unindexed_bytes: 0,
            recent: VecDeque::new(),
        }
    }

    /// The segment on disk, its last records not looked at: `next_offset` is what the caller knows,
    /// and [`Segment::rescan_from`] finds it out. `true`: an index was missing or does not fit the log.
    pub(super) fn open(
        folder: &Arc<Path>,
        base_offset: Offset,
        next_offset: Offset,
    ) -> Result<(Self, bool), LogError> {
        let path = file_path(folder, base_offset, "log");
        let metadata = path.metadata().map_err(LogError::storage("read", &path))?;
        let offset_path = file_path(folder, base_offset, "index");
        let time_path = file_path(folder, base_offset, "timeindex");
        let offset_index = IndexFile::open(offset_path.clone())?;
        let time_index = IndexFile::open(time_path.clone())?;
        let mut damaged = offset_index.is_none() || time_index.is_none();
        let mut segment = Self {
            base_offset,
            next_offset,
            size_bytes: metadata.len(),
            max_timestamp: (NO_TIMESTAMP, base_offset),
            folder: Arc::clone(folder),
            file: OnceLock::new(),
            offset_index: match offset_index {
                Some(index) => index,
                None => IndexFile::create(offset_path)?,
            },
            time_index: match time_index {
                Some(index) => index,
                None => IndexFile::create(time_path)?,
            },
            unindexed_bytes: 0,
            recent: VecDeque::new(),
        };
        if let Some(last) = segment.offset_index.last() {
            // Entries of zeros are what a file system leaves of a write it lost.
            damaged |= u64::from(last.position) >= segment.size_bytes
                || last.offset == 0 && segment.offset_index.len() > 1;
        }
        if let Some(last) = segment.time_index.last() {
            damaged |= last.timestamp <= 0 && segment.time_index.len() > 1;
            segment.max_timestamp = (last.timestamp, segment.absolute(last.offset));
        }
        Ok((segment, damaged))
    }

    pub(super) fn path(&self) -> PathBuf {
        file_path(&self.folder, self.base_offset, "log")
    }

    /// The `.log` file, open for appending and reading.
    pub(super) fn file(&self) -> Result<&Arc<File>, LogError> {
        if let Some(file) = self.file.get() {
            return Ok(file);
        }
        let path = self.path();
        let file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(&path)
            .map_err(LogError::storage("open", &path))?;
        Ok(self.file.get_or_init(|| Arc::new(file)))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.size_bytes == 0
    }

    /// Appends `head` and then `tail`, which together are the batches of `headers`.
    ///
    /// Where the file does not take all of it, it is cut back and the segment is as before;
    /// where even that fails, the error says so and the file's end is not known.
    pub(super) fn append(
        &mut self,
        head: &[u8],
        tail: &[u8],
        headers: &[BatchHeader],
        index_interval_bytes: u64,
    ) -> Result<(), AppendFailure> {
        let file = Arc::clone(self.file().map_err(AppendFailure::Undone)?);
        if let Err(source) = write_both(&file, head, tail).and_then(|()| check_in_place(&file)) {
            let error = LogError::Storage {
                action: "append to",
                path: self.path(),
                source,
            };
            return Err(match file.set_len(self.size_bytes) {
                Ok(()) => AppendFailure::Undone(error),
                Err(_) => AppendFailure::Torn(error),
            });
        }
        for header in headers {
            // The records are in; an index that cannot be written only makes reads slower,
            // and the next flush meets the same disk and says so.
            if let Err(error) = self.note(Place::new(self.size_bytes, header), index_interval_bytes)
            {
                tracing::warn!(%error, "index entry lost");
            }
        }
        Ok(())
    }

    /// Counts a batch that lies at the end of the file, and indexes it where it is due.
    pub(super) fn note(&mut self, place: Place, index_interval_bytes: u64) -> Result<(), LogError> {
        self.size_bytes = place.end();
        self.next_offset = Offset(place.last_offset.0.saturating_add(1));
        if place.max_timestamp > self.max_timestamp.0 {
            self.max_timestamp = (place.max_timestamp, place.last_offset);
        }
        if self.recent.len() == RECENT_BATCHES_MAX {
            self.recent.pop_front();
        }
        self.recent.push_back(place);
        let due = self.unindexed_bytes > index_interval_bytes;
        self.unindexed_bytes += place.size_bytes;
        if due {
            self.unindexed_bytes = place.size_bytes;
            self.index_time()?;
            self.offset_index.push(OffsetEntry {
                offset: self.relative(place.last_offset),
                position: u32::try_from(place.position).unwrap_or(u32::MAX),
            })?;
        }
        Ok(())
    }

    /// No more appends: the indexes are written out and what only appends need is let go.
    pub(super) fn close_for_appends(&mut self) -> Result<(), LogError> {
        self.index_time()?;
        self.recent = VecDeque::new();
        self.write_indexes()
    }

    /// Puts the index entries held in memory on file.
    pub(super) fn write_indexes(&mut self) -> Result<(), LogError> {
        self.offset_index.write_pending()?;
        self.time_index.write_pending()
    }

    /// The time index's last entry becomes the segment's largest timestamp.
    pub(super) fn index_time(&mut self) -> Result<(), LogError> {
        let (timestamp, offset) = self.max_timestamp;
        let last = self.time_index.last().map_or(NO_TIMESTAMP, |e| e.timestamp);
        if timestamp > last {
            let offset = self.relative(offset);
            self.time_index.push(TimeEntry { timestamp, offset })?;
        }
        Ok(())
    }

    /// The first batch that ends at or above `offset`; `None` past the end.
    pub(super) fn locate(&self, offset: Offset) -> Result<Option<Place>, LogError> {
        if offset >= self.next_offset {
            return Ok(None);
        }
        if self
            .recent
            .front()
            .is_some_and(|first| first.base_offset <= offset)
        {
            let index = self
                .recent
                .partition_point(|place| place.last_offset < offset);
            return Ok(self.recent.get(index).copied());
        }
        let position = self.indexed_position(offset)?;
        for place in self.headers(position)? {
            let (position, header) = place?;
            if header.last_offset() >= offset {
                return Ok(Some(Place::new(position, &header)));
            }
        }
        Ok(None)
    }

    /// A batch boundary at or before the batch that holds `offset`. No checksum covers an index, so it is believed
    /// where the log agrees; elsewhere the search begins at the segment's start.
    pub(super) fn indexed_position(&self, offset: Offset) -> Result<u64, LogError> {
        let relative = self.relative(offset);
        let Some(entry) = self.offset_index.floor(|e| e.offset <= relative)? else {
            return Ok(0);
        };
        let position = u64::from(entry.position);
        let found = self.headers(position)?.next().and_then(Result::ok);
        let agrees = |header: &BatchHeader| header.last_offset() == self.absolute(entry.offset);
        let is_sound = found.is_some_and(|(_, header)| agrees(&header));
        Ok(if is_sound { position } else { 0 })
    }

    /// The headers of the batches from `position`, which must be a batch boundary, to the end.
    pub(super) fn headers(&self, position: u64) -> Result<Headers, LogError> {
        let file = Arc::clone(self.file()?);
        Ok(Headers::new(file, self.path(), position, self.size_bytes))
    }

    /// The first batch whose largest timestamp is at least `timestamp`.
    pub(super) fn locate_timestamp(&self, timestamp: i64) -> Result<Option<Place>, LogError> {
        if self.is_empty() {
            return Ok(None);
        }
        let entry = self.time_index.floor(|e| e.timestamp < timestamp)?;
        let passed = entry.map(|entry| (self.absolute(entry.offset), entry.timestamp));
        let mut position = 0;
        if let Some((offset, timestamp)) = passed
            && let Some(place) = self.locate(offset)?
            && (place.last_offset, place.max_timestamp) == (offset, timestamp)
        {
            // As with the other index, it is believed where the log agrees.
            position = place.position;
        }
        for place in self.headers(position)? {
            let (position, header) = place?;
            if header.max_timestamp >= timestamp {
                return Ok(Some(Place::new(position, &header)));
            }
        }
        Ok(None)
    }

    /// Reads exactly the bytes of `into` from `position` on.
    pub(super) fn read_at(&self, into: &mut [u8], position: u64) -> Result<(), LogError> {
        self.file()?
            .read_exact_at(into, position)
            .map_err(LogError::storage("read", &self.path()))
    }

    /// Cuts the file and its indexes at `end`, a batch boundary with `next_offset` after it.
    pub(super) fn cut(&mut self, end: u64, next_offset: Offset) -> Result<(), LogError> {
        self.forget(end, next_offset)?;
        self.file()?
            .set_len(end)
            .map_err(LogError::storage("cut", &self.path()))?;
        // The time index is sparse: the youngest record may lie behind its last entry.
        let from = self.indexed_position(self.max_timestamp.1)?;
        for place in self.headers(from)? {
            let (_, header) = place?;
            if header.max_timestamp > self.max_timestamp.0 {
                self.max_timestamp = (header.max_timestamp, header.last_offset());
            }
        }
        Ok(())
    }

    /// Drops from memory and from the indexes what lies behind `position`, a batch boundary with
    /// `next_offset` after it. The file stays: the caller notes its batches anew, or cuts it.
    pub(super) fn forget(&mut self, position: u64, next_offset: Offset) -> Result<(), LogError> {
        let base = self.base_offset;
        let is_kept = |relative: u32| base.0 + i64::from(relative) < next_offset.0;
        self.offset_index
            .truncate(|e| u64::from(e.position) < position && is_kept(e.offset))?;
        self.time_index.truncate(|e| is_kept(e.offset))?;
        self.size_bytes = position;
        self.next_offset = next_offset;
        self.recent.clear();
        self.unindexed_bytes = 0;
        self.max_timestamp = match self.time_index.last() {
            Some(last) => (last.timestamp, self.absolute(last.offset)),
            None => (NO_TIMESTAMP, base),
        };
        Ok(())
    }

    /// The timestamp of the first batch, for rolling by time.
    pub(super) fn first_timestamp(&self) -> Result<Option<i64>, LogError> {
        if self.is_empty() {
            return Ok(None);
        }
        match self.headers(0)?.next() {
            Some(first) => Ok(Some(first?.1.max_timestamp)),
            None => Ok(None),
        }
    }

    /// When the segment's youngest record was made; where no record says so, when the file last changed.
    pub(super) fn largest_timestamp(&self) -> Result<i64, LogError> {
        if self.max_timestamp.0 > NO_TIMESTAMP {
            return Ok(self.max_timestamp.0);
        }
        let path = self.path();
        let modified = path
            .metadata()
            .and_then(|metadata| metadata.modified())
            .map_err(LogError::storage("read", &path))?;
        let since = modified
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap_or_default();
        Ok(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    /// Takes the files out of the log's sight; readers that hold them open read on. What is left
    /// to do with them is [`remove_retired`].
    pub(super) fn retire(self) -> Result<Vec<PathBuf>, LogError> {
        let mut retired = Vec::new();
        // The log goes first: an index without a log is swept at the next start.
        for path in [
            self.path(),
            self.offset_index.path().to_owned(),
            self.time_index.path().to_owned(),
            file_path(&self.folder, self.base_offset, "txnindex"),
        ] {
            let mut renamed = path.clone().into_os_string();
            renamed.push(".deleted");
            match fs::rename(&path, &renamed) {
                Ok(()) => retired.push(renamed.into()),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(LogError::storage("rename", &path)(error)),
            }
        }
        Ok(retired)
    }

    fn relative(&self, offset: Offset) -> u32 {
        // A segment is rolled before its offsets outgrow 31 bits; a search below its base finds nothing.
        u32::try_from(offset.0 - self.base_offset.0).unwrap_or(if offset < self.base_offset {
            0
        } else {
            u32::MAX
        })
    }

    fn absolute(&self, relative: u32) -> Offset {
        Offset(self.base_offset.0 + i64::from(relative))
    }
}

/// How an append failed.
#[derive(Debug)]
pub(super) enum AppendFailure {
    /// The file is as before.
    Undone(LogError),
    /// Part of the bytes is in the file and could not be taken out.
    Torn(LogError),
}

impl AppendFailure {
    /// The cause, for files that are thrown away anyway.
    pub(super) fn into_error(self) -> LogError {
        let (Self::Undone(error) | Self::Torn(error)) = self;
        error
    }
}

/// The file of a log that covers the records from `base_offset` on: `00000000000000000042.log`.
pub(super) fn file_path(folder: &Path, base_offset: Offset, extension: &str) -> PathBuf {
    folder.join(format!("{:020}.{extension}", base_offset.0))
}

/// Frees the space of files that [`Segment::retire`] put aside. One that stays is swept at the next start.
pub(super) fn remove_retired(paths: Vec<PathBuf>) {
    for path in paths {
        if let Err(error) = fs::remove_file(&path) {
            tracing::warn!(path = %path.display(), %error, "a deleted segment's file stays");
        }
    }
}

/// A file whose last name was removed still takes writes, and with the process they are gone.
fn check_in_place(file: &File) -> io::Result<()> {
    if file.metadata()?.nlink() == 0 {
        return Err(io::Error::new(
            io::ErrorKind::NotFound,
            "the file was removed",
        ));
    }
    Ok(())
}

fn write_both(mut file: &File, head: &[u8], tail: &[u8]) -> io::Result<()> {
    let mut slices = [IoSlice::new(head), IoSlice::new(tail)];
    let mut left = slices.as_mut_slice();
    while left.iter().any(|slice| !slice.is_empty()) {
        match file.write_vectored(left) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => IoSlice::advance_slices(&mut left, written),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
