//! A server's data folder: made if absent, and used by one process at a time.

use std::{fs::File, path::Path};

use anyhow::anyhow;
use nix::fcntl::Flock;

use playground::own_folder::{self, LockError};

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
        // Whatever is in a folder that a server had open is the server's.
        let ours = folder.join(LOCK_FILE).is_file();
        if let Some(open_to_others) = own_folder::make(folder, |_| ours)? {
            tracing::warn!("{open_to_others}");
        }
        let path = folder.join(LOCK_FILE);
        let lock = own_folder::lock(&path).map_err(|error| match error {
            LockError::Held(pid) => anyhow!(
                "the data folder {} is in use by {}; stop it or choose another --data-dir",
                folder.display(),
                pid.map_or_else(|| "another process".into(), |pid| format!("process {pid}"))
            ),
            other => anyhow!("cannot lock {}: {other}", path.display()),
        })?;
        Ok(Self { _lock: lock })
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
