//! Where recordings, pictures and sessions go: where the person says, else into a folder for them.
//! Nothing that is there is ever written over.

use std::fs::{File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use etcetera::BaseStrategy;

use crate::own_folder;

/// Names that are tried where nobody gave one: `demo-1.cast`, `demo-2.cast`, ...
const NAMES_MAX: u32 = 100_000;

/// What a file holds, which is how its name ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A recording.
    Cast,
    /// A session.
    Session,
    /// A picture as text.
    Text,
    /// A picture with its colours.
    Ansi,
}

impl Kind {
    fn ending(self) -> &'static str {
        match self {
            Self::Cast => "cast",
            Self::Session => "session",
            Self::Text => "txt",
            Self::Ansi => "ansi",
        }
    }
}

/// Creates the file that was asked for, or one with a free name.
///
/// # Errors
/// It is there already, or cannot be created.
pub(crate) fn new_file(asked: Option<&Path>, cluster: &str, kind: Kind) -> Result<(PathBuf, File)> {
    if let Some(path) = asked {
        let path = at_home(path);
        return match create(&path) {
            Ok(file) => Ok((path, file)),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                bail!("{} is there already: say another name", path.display())
            }
            Err(error) => Err(error).with_context(|| format!("cannot create {}", path.display())),
        };
    }
    let base = etcetera::choose_base_strategy().context("there is no home folder: say a file")?;
    let folder = base
        .state_dir()
        .unwrap_or_else(|| base.data_dir())
        .join("kafkarium");
    own_folder::make(&folder, |_| true)?;
    for number in 1..NAMES_MAX {
        let path = folder.join(format!("{cluster}-{number}.{}", kind.ending()));
        match create(&path) {
            Ok(file) => return Ok((path, file)),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => {
                return Err(error).with_context(|| format!("cannot create {}", path.display()));
            }
        }
    }
    bail!("{} is full of them: say a file", folder.display())
}

fn create(path: &Path) -> std::io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}

/// `~/demo.cast` as a shell would read it.
fn at_home(path: &Path) -> PathBuf {
    match (path.strip_prefix("~"), etcetera::home_dir()) {
        (Ok(rest), Ok(home)) => home.join(rest),
        _ => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Kind, new_file};

    #[test]
    fn what_is_there_is_never_written_over() {
        let folder = tempfile::TempDir::new().expect("a temporary folder");
        let path = folder.path().join("demo.cast");
        new_file(Some(&path), "demo", Kind::Cast).expect("a new name");
        let error = new_file(Some(&path), "demo", Kind::Cast).expect_err("it is there");
        assert!(error.to_string().contains("say another name"), "{error}");
    }
}
