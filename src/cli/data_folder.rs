//! A server's data folder: made if absent, and used by one process at a time.

use std::{
    fs::{self, File, OpenOptions},
    io::{Read, Write},
    path::Path,
};

use anyhow::{Context, bail};
use nix::{
    errno::Errno,
    fcntl::{Flock, FlockArg},
};

/// Kafka's and our servers' name for the file that marks a folder as in use.
const LOCK_FILE: &str = ".lock";

/// The right to use a data folder, given back when dropped or when the process ends in any way.
#[derive(Debug)]
pub(super) struct DataFolder {
    _lock: Flock<File>,
}

impl DataFolder {
    /// Makes the folder if it is absent and takes its lock.
    pub(super) fn lock(folder: &Path) -> anyhow::Result<Self> {
        fs::create_dir_all(folder)
            .with_context(|| format!("cannot create the data folder {}", folder.display()))?;
        let path = folder.join(LOCK_FILE);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .with_context(|| format!("cannot open {}", path.display()))?;
        let mut lock = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => lock,
            Err((file, Errno::EWOULDBLOCK)) => {
                bail!(
                    "the data folder {} is in use by {}; stop it or choose another --data-dir",
                    folder.display(),
                    holder(file)
                )
            }
            Err((_, error)) => {
                return Err(error).with_context(|| format!("cannot lock {}", path.display()));
            }
        };
        lock.set_len(0)
            .and_then(|()| writeln!(lock, "{}", std::process::id()))
            .with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self { _lock: lock })
    }
}

/// Who holds the lock, as its file says; only a hint for people.
fn holder(file: File) -> String {
    let mut text = String::new();
    match file.take(16).read_to_string(&mut text) {
        Ok(_) if text.trim().parse::<u32>().is_ok() => format!("process {}", text.trim()),
        _ => "another process".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::DataFolder;

    #[test]
    fn a_folder_is_locked_once_and_free_again_after() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("new");
        let held = DataFolder::lock(&path).expect("nobody holds it");
        let refused = DataFolder::lock(&path).expect_err("it is held").to_string();
        assert!(
            refused.contains(&format!("in use by process {}", std::process::id())),
            "{refused}"
        );
        drop(held);
        DataFolder::lock(&path).expect("it was given back");
    }
}
