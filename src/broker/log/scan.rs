//! Walking a `.log` file from a batch boundary on: headers only, or whole checked batches.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;

use super::LogError;
use wire::record_batch::{Batch, BatchError, BatchHeader, HEADER_BYTES};

/// Bytes read at once to look for headers: two index intervals.
const HEADER_WINDOW_BYTES: usize = 8 * 1024;
/// Bytes read at once to check whole batches.
const BATCH_WINDOW_BYTES: usize = 1024 * 1024;

/// The headers of a file and where each batch begins. A batch that does not parse is an error and the last item.
#[derive(Debug)]
pub(super) struct Headers {
    window: Window,
    done: bool,
}

impl Headers {
    /// From `position`, a batch boundary, to `end`.
    pub(super) fn new(file: Arc<File>, path: PathBuf, position: u64, end: u64) -> Self {
        Self {
            window: Window::new(file, path, position, end, HEADER_WINDOW_BYTES),
            done: false,
        }
    }

    fn read(&mut self) -> Result<(u64, BatchHeader), LogError> {
        let position = self.window.position;
        let bytes = self.window.at_least(HEADER_BYTES)?;
        let parsed = BatchHeader::parse(bytes);
        let header = parsed.map_err(|error| self.window.corrupt(&error))?;
        let size = header.size_bytes();
        if self.window.left() < to_u64(size) {
            let left = usize::try_from(self.window.left()).unwrap_or(usize::MAX);
            return Err(self
                .window
                .corrupt(&BatchError::Truncated { needed: size, left }));
        }
        self.window.position += to_u64(size);
        Ok((position, header))
    }
}

impl Iterator for Headers {
    type Item = Result<(u64, BatchHeader), LogError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done || self.window.left() == 0 {
            return None;
        }
        let read = self.read();
        self.done = read.is_err();
        Some(read)
    }
}

/// A batch and where it begins, or why it is not sound.
pub(super) type Checked<'a> = Result<(u64, Batch<'a>), BatchError>;

/// Whole batches of a file, checksums compared.
#[derive(Debug)]
pub(super) struct CheckedBatches {
    window: Window,
    /// Bytes of the batch handed out last.
    taken: u64,
}

impl CheckedBatches {
    /// From `position`, a batch boundary, to `end`.
    pub(super) fn new(file: Arc<File>, path: PathBuf, position: u64, end: u64) -> Self {
        Self {
            window: Window::new(file, path, position, end, BATCH_WINDOW_BYTES),
            taken: 0,
        }
    }

    /// The next batch and where it begins; `None` at the end. The inner error says why the bytes there
    /// are no sound batch: nothing after it can be trusted.
    pub(super) fn next(&mut self) -> Result<Option<Checked<'_>>, LogError> {
        self.window.position += self.taken;
        self.taken = 0;
        if self.window.left() == 0 {
            return Ok(None);
        }
        let position = self.window.position;
        let header = match BatchHeader::parse(self.window.at_least(HEADER_BYTES)?) {
            Ok(header) => header,
            Err(error) => return Ok(Some(Err(error))),
        };
        // No more is allocated than is left of the file, whatever the length says.
        self.taken = to_u64(header.size_bytes());
        let batch = Batch::parse(self.window.at_least(header.size_bytes())?);
        Ok(Some(batch.and_then(|batch| {
            batch.check_crc().map(|()| (position, batch))
        })))
    }
}

/// A piece of a file in memory that follows a position.
#[derive(Debug)]
struct Window {
    file: Arc<File>,
    path: PathBuf,
    position: u64,
    end: u64,
    bytes: Vec<u8>,
    /// Where `bytes` begins in the file.
    start: u64,
    bytes_at_once: usize,
}

impl Window {
    fn new(file: Arc<File>, path: PathBuf, position: u64, end: u64, bytes_at_once: usize) -> Self {
        Self {
            file,
            path,
            position,
            end,
            bytes: Vec::new(),
            start: position,
            bytes_at_once,
        }
    }

    /// Bytes between the position and the end.
    fn left(&self) -> u64 {
        self.end.saturating_sub(self.position)
    }

    /// The bytes at the position: `wanted` or more of them, fewer only at the end of the file.
    fn at_least(&mut self, wanted: usize) -> Result<&[u8], LogError> {
        let wanted = wanted.min(usize::try_from(self.left()).unwrap_or(usize::MAX));
        let skip = usize::try_from(self.position - self.start).unwrap_or(usize::MAX);
        if self.bytes.len().saturating_sub(skip) < wanted {
            let length = self.bytes_at_once.max(wanted);
            let length = length.min(usize::try_from(self.left()).unwrap_or(usize::MAX));
            self.bytes.resize(length, 0);
            self.start = self.position;
            self.file
                .read_exact_at(&mut self.bytes, self.position)
                .map_err(LogError::storage("read", &self.path))?;
            return Ok(&self.bytes);
        }
        Ok(self.bytes.get(skip..).unwrap_or_default())
    }

    fn corrupt(&self, error: &BatchError) -> LogError {
        LogError::Corrupt {
            path: self.path.clone(),
            position: self.position,
            reason: error.to_string(),
        }
    }
}

fn to_u64(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}
