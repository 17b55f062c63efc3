//! What a child writes: reports on its stdout, messages for people in its `server.log`.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use tokio::io::{AsyncBufRead, AsyncBufReadExt};

/// A `server.log` that reaches this size moves to `server.log.1`.
const LOG_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// How much of the end of a `server.log` is read to find its last lines.
const TAIL_BYTES_MAX: u64 = 16 * 1024;

/// The longest report that is read; longer lines (a record's value can be a megabyte) are skipped.
pub(super) const LINE_BYTES_MAX: usize = 256 * 1024;

/// One process's log file. The child writes to it directly, so it never waits for the
/// playground, be that held, suspended or dead.
#[derive(Debug, Clone)]
pub struct ServerLog {
    path: PathBuf,
    /// The file as it was opened last: it can be read on when its folder was removed.
    opened: Arc<Mutex<Option<File>>>,
}

impl ServerLog {
    /// The log in a process's folder.
    #[must_use]
    pub fn in_folder(folder: &Path) -> Self {
        Self {
            path: folder.join("server.log"),
            opened: Arc::default(),
        }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens it for a child to append to.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn open(&self) -> Result<File> {
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder)
                .with_context(|| format!("cannot create {}", folder.display()))?;
        }
        self.bound();
        let file = OpenOptions::new()
            .create(true)
            .read(true)
            .append(true)
            .open(&self.path)
            .with_context(|| format!("cannot open {}", self.path.display()))?;
        // A panic ends the process; a poisoned lock is never seen.
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        *opened = file.try_clone().ok();
        Ok(file)
    }

    /// Copies a full log aside and empties it under its writer, who appends and so starts over.
    pub fn bound(&self) {
        let full = fs::metadata(&self.path).is_ok_and(|data| data.len() >= LOG_BYTES_MAX);
        if full && fs::copy(&self.path, self.path.with_extension("log.1")).is_ok() {
            let _ = OpenOptions::new()
                .write(true)
                .truncate(true)
                .open(&self.path);
        }
    }

    /// The last `count` lines that say something, oldest first. Where its folder was removed under the process, the
    /// last of them says so.
    #[must_use]
    pub fn last_lines(&self, count: usize) -> Vec<String> {
        let folder = self.path.parent().filter(|folder| !folder.exists());
        let Some(folder) = folder else {
            return self.written(count);
        };
        let mut lines = self.written(count.saturating_sub(1));
        lines.push(format!(
            "its folder was removed: {}",
            super::folder::shown(folder)
        ));
        lines
    }

    fn written(&self, count: usize) -> Vec<String> {
        let Ok(text) = self.tail() else {
            return Vec::new();
        };
        let mut lines: Vec<String> = text
            .lines()
            .rev()
            .filter(|line| !line.trim().is_empty())
            .take(count)
            .map(str::to_owned)
            .collect();
        lines.reverse();
        lines
    }

    fn tail(&self) -> std::io::Result<String> {
        match File::open(&self.path) {
            Ok(file) => end_of(&file),
            Err(error) => {
                let opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
                opened.as_ref().map_or(Err(error), end_of)
            }
        }
    }
}

/// The end of a file, read without moving where its writer is.
fn end_of(file: &File) -> std::io::Result<String> {
    let mut at = file.metadata()?.len().saturating_sub(TAIL_BYTES_MAX);
    let mut bytes = Vec::new();
    let mut part = [0; 4096];
    while u64::try_from(bytes.len()).unwrap_or(u64::MAX) < TAIL_BYTES_MAX {
        let read = file.read_at(&mut part, at)?;
        if read == 0 {
            break;
        }
        bytes.extend(part.iter().take(read));
        at += u64::try_from(read).unwrap_or(0);
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Reads the next line of at most `max` bytes into `line`, without its end; longer ones are
/// skipped. `false` is the end of the stream.
///
/// # Errors
/// The stream's own.
pub(super) async fn next_line(
    stream: &mut (impl AsyncBufRead + Unpin),
    line: &mut Vec<u8>,
    max: usize,
) -> std::io::Result<bool> {
    line.clear();
    let mut skipping = false;
    loop {
        let available = stream.fill_buf().await?;
        if available.is_empty() {
            return Ok(!line.is_empty() && !skipping);
        }
        let end = available.iter().position(|byte| *byte == b'\n');
        let part = available
            .get(..end.unwrap_or(available.len()))
            .unwrap_or_default();
        skipping = skipping || line.len() + part.len() > max;
        if !skipping {
            line.extend_from_slice(part);
        }
        let used = end.map_or(available.len(), |end| end + 1);
        stream.consume(used);
        if end.is_some() {
            if !skipping {
                return Ok(true);
            }
            skipping = false;
            line.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{LOG_BYTES_MAX, ServerLog, next_line};

    #[tokio::test]
    async fn a_line_that_is_too_long_is_skipped_and_the_next_one_read() {
        let mut stream: &[u8] = b"one\nmuch too long for us\ntwo\nthree";
        let mut line = Vec::new();
        let mut read = Vec::new();
        while next_line(&mut stream, &mut line, 8).await.expect("memory") {
            read.push(String::from_utf8(line.clone()).expect("text"));
        }
        assert_eq!(read, ["one", "two", "three"]);
    }

    #[test]
    fn a_log_whose_folder_was_removed_tells_its_last_words() {
        let home = tempfile::tempdir().expect("temporary folder");
        let folder = home.path().join("broker-2");
        let log = ServerLog::in_folder(&folder);
        let mut writer = log.open().expect("created");
        std::io::Write::write_all(&mut writer, b"first\nsecond\n").expect("written");
        std::fs::remove_dir_all(&folder).expect("removed");
        std::io::Write::write_all(&mut writer, b"No such file\n").expect("written");
        let gone = format!("its folder was removed: {}", folder.display());
        assert_eq!(log.last_lines(3), ["second", "No such file", &gone]);
        drop(log.open().expect("created again"));
        assert_eq!(log.last_lines(3), [""; 0]);
    }

    #[test]
    fn a_full_log_is_emptied_under_its_writer() {
        use std::io::Write;
        let folder = tempfile::tempdir().expect("temporary folder");
        let log = ServerLog::in_folder(folder.path());
        let mut writer = log.open().expect("created");
        let full = vec![b'x'; usize::try_from(LOG_BYTES_MAX).expect("fits")];
        writer.write_all(&full).expect("written");
        log.bound();
        writeln!(writer, "first").expect("written");
        writeln!(writer, "second").expect("written");
        assert_eq!(log.last_lines(5), ["first", "second"]);
        assert_eq!(log.last_lines(1), ["second"]);
    }
}
