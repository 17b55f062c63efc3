//! Folders that are the user's own: records, znodes and what was typed are nobody else's to read.
//!
//! New files and folders are private by the process's file mode mask, which [`keep_others_out`] sets once; what
//! earlier programs left open to others is closed where it is opened again.

use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use nix::libc::O_NOFOLLOW;
use nix::sys::stat::{Mode, umask};

/// What only the owner may do with a folder.
const PRIVATE: u32 = 0o700;

/// What a mode lets others do.
const OTHERS: u32 = 0o077;

/// From now on, what this process creates can be read and written by its user alone.
pub fn keep_others_out() {
    umask(Mode::from_bits_truncate(0o077));
}

/// Makes a folder that is the user's own. One that is there and open to others is closed to them where all in it
/// is `ours`; otherwise the returned sentence says that it is open.
///
/// # Errors
/// The disk refuses.
pub fn make(folder: &Path, ours: impl Fn(&OsStr) -> bool) -> Result<Option<String>> {
    let said = || format!("cannot create the data folder {}", folder.display());
    let mut builder = DirBuilder::new();
    builder
        .recursive(true)
        .mode(PRIVATE)
        .create(folder)
        .with_context(said)?;
    let data = fs::metadata(folder).with_context(said)?;
    let mode = data.mode() & 0o7777;
    if mode & OTHERS == 0 {
        return Ok(None);
    }
    let all_ours = data.uid() == nix::unistd::geteuid().as_raw()
        && fs::read_dir(folder)
            .with_context(said)?
            .flatten()
            .all(|entry| ours(&entry.file_name()));
    if all_ours && fs::set_permissions(folder, Permissions::from_mode(PRIVATE)).is_ok() {
        return Ok(None);
    }
    Ok(Some(format!(
        "{} is open to other users (mode {mode:o}): chmod 700 closes it",
        folder.display()
    )))
}

/// Why a lock is not had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process has it; its id, where the file says so. Only a hint for people.
    #[error("another process has it")]
    Held(Option<u32>),
    /// Somebody put a link there: what it leads to is not ours to write into.
    #[error("it is a symbolic link, which is not followed: remove it")]
    Link,
    /// The system says no.
    #[error(transparent)]
    Refused(#[from] io::Error),
}

/// Takes the lock that a file is, and writes this process's id into it.
///
/// # Errors
/// Another process has it, or the file cannot be had.
pub fn lock(path: &Path) -> Result<Flock<File>, LockError> {
    let opened = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(O_NOFOLLOW)
        .open(path);
    let file = opened.map_err(|error| match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::ELOOP) => LockError::Link,
        _ => LockError::Refused(error),
    })?;
    let mut lock = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
        Ok(lock) => lock,
        Err((file, Errno::EWOULDBLOCK)) => return Err(LockError::Held(holder(file))),
        Err((_, error)) => return Err(LockError::Refused(error.into())),
    };
    lock.set_len(0)?;
    lock.rewind()?;
    writeln!(lock, "{}", std::process::id())?;
    Ok(lock)
}

fn holder(file: File) -> Option<u32> {
    let mut text = String::new();
    file.take(20).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::path::Path;

    use super::{LockError, lock, make};

    fn mode(path: &Path) -> u32 {
        let data = fs::metadata(path).expect("it is there");
        data.permissions().mode() & 0o777
    }

    #[test]
    fn a_folder_is_made_for_its_user_alone() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("outer/inner");
        assert_eq!(make(&path, |_| true).expect("made"), None);
        assert_eq!(
            (mode(&path), mode(path.parent().expect("outer"))),
            (0o700, 0o700)
        );
    }

    #[test]
    fn a_folder_that_is_open_to_others_is_closed_where_all_in_it_is_ours() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path();
        fs::write(path.join("lock"), "").expect("written");
        let open = || fs::set_permissions(path, Permissions::from_mode(0o755)).expect("it is ours");
        open();
        assert_eq!(make(path, |name| name == "lock").expect("there"), None);
        assert_eq!(mode(path), 0o700);
        open();
        fs::write(path.join("notes.txt"), "mine").expect("written");
        let said = make(path, |name| name == "lock").expect("there");
        let said = said.expect("it is not closed");
        assert!(
            said.ends_with("is open to other users (mode 755): chmod 700 closes it"),
            "{said}"
        );
        assert_eq!(mode(path), 0o755);
    }

    #[test]
    fn a_lock_is_not_taken_through_a_link() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (target, path) = (folder.path().join("target"), folder.path().join("lock"));
        fs::write(&target, "somebody's").expect("written");
        symlink(&target, &path).expect("linked");
        assert!(matches!(lock(&path), Err(LockError::Link)));
        assert_eq!(fs::read_to_string(&target).expect("there"), "somebody's");
        fs::remove_file(&path).expect("ours");
        let held = lock(&path).expect("a file of its own");
        assert_eq!(mode(&path), 0o600);
        let pid = std::process::id();
        assert!(matches!(lock(&path), Err(LockError::Held(Some(by))) if by == pid));
        drop(held);
        lock(&path).expect("free again");
    }
}
