//! What goes to the terminal, twice: once there, and once into a copy while somebody wants one.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A copy of the bytes that the terminal got.
#[derive(Debug, Clone, Default)]
pub(crate) struct Frames(Arc<Mutex<Option<Vec<u8>>>>);

impl Frames {
    /// Copies from now on.
    pub(super) fn begin(&self) {
        *self.copy() = Some(Vec::new());
    }

    /// Copies no more.
    pub(super) fn end(&self) {
        *self.copy() = None;
    }

    /// What came since the last call.
    pub(super) fn take(&self) -> Vec<u8> {
        self.copy().as_mut().map(std::mem::take).unwrap_or_default()
    }

    fn copy(&self) -> MutexGuard<'_, Option<Vec<u8>>> {
        // A panic ends the process; a poisoned lock is never seen.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A writer that copies what it writes.
#[derive(Debug)]
pub(crate) struct Tee<W> {
    out: W,
    frames: Frames,
}

impl<W> Tee<W> {
    pub(crate) fn new(out: W, frames: Frames) -> Self {
        Self { out, frames }
    }
}

impl<W: Write> Write for Tee<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.out.write(bytes)?;
        if let (Some(copy), Some(written)) = (&mut *self.frames.copy(), bytes.get(..count)) {
            copy.extend_from_slice(written);
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
