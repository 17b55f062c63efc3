//! A saved session: a line that says what it is, then its pages, each with its length before it.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::state::{History, Page, PageError};

/// The form that is written here, and the only one that is read.
pub(super) const FORMAT: u32 = 6;

/// The first line is no longer.
const HEADER_MAX: u64 = 4096;

/// No page packs to more than all pages that are ever kept.
const PAGE_MAX: u32 = 64 * 1024 * 1024;

/// Far above what is kept, also by earlier programs, which kept twice as much.
const FILE_MAX: u64 = 128 * 1024 * 1024;

/// The first line.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Header {
    kafkarium_session: u32,
    program: String,
    pages: u32,
}

/// Why a file cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum SessionFileError {
    /// The system says no.
    #[error("cannot read {path}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Its words.
        source: io::Error,
    },
    /// It is something else.
    #[error("{path} is no session of kafkarium: the first line says nothing of one")]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// A later program wrote it, or an earlier one of another form.
    #[error(
        "{path} was saved by kafkarium {program} in format {format}; this is {ours}, which reads format {FORMAT}",
        ours = env!("CARGO_PKG_VERSION")
    )]
    OtherFormat {
        /// The file.
        path: PathBuf,
        /// The program that wrote it.
        program: String,
        /// The form it has.
        format: u32,
    },
    /// It ends too soon.
    #[error("{path} ends in the middle: {whole} of {pages} parts are whole")]
    Truncated {
        /// The file.
        path: PathBuf,
        /// Parts that are there.
        whole: u32,
        /// Parts that should be.
        pages: u32,
    },
    /// A part of it is damaged.
    #[error("{path} is damaged: part {number} of {pages}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Which part.
        number: u32,
        /// Of how many.
        pages: u32,
        /// What is wrong.
        source: PageError,
    },
    /// It is larger than any session.
    #[error("{path} is larger than any session of kafkarium: {FILE_MAX} bytes at most")]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
}

/// Writes a session into a new file.
///
/// # Errors
/// The disk does not take it.
pub(super) fn write(file: File, pages: &[Arc<Page>]) -> io::Result<u64> {
    let mut out = BufWriter::new(file);
    let header = Header {
        kafkarium_session: FORMAT,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        pages: u32::try_from(pages.len()).unwrap_or(u32::MAX),
    };
    let header = serde_json::to_string(&header)? + "\n";
    out.write_all(header.as_bytes())?;
    let mut written = header.len() as u64;
    for page in pages {
        let length = u32::try_from(page.packed().len()).map_err(io::Error::other)?;
        out.write_all(&length.to_le_bytes())?;
        out.write_all(page.packed())?;
        written += 4 + u64::from(length);
    }
    out.into_inner()?.sync_all()?;
    Ok(written)
}

/// Reads a session.
///
/// # Errors
/// It is none, or not a whole one.
pub(super) fn read(path: &Path) -> Result<History, SessionFileError> {
    let unreadable = |source| SessionFileError::Unreadable {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(unreadable)?;
    if file.metadata().map_err(unreadable)?.len() > FILE_MAX {
        return Err(SessionFileError::TooLarge {
            path: path.to_owned(),
        });
    }
    read_from(path, BufReader::new(file))
}

fn read_from(path: &Path, mut file: impl BufRead) -> Result<History, SessionFileError> {
    let path = || path.to_owned();
    let mut first = Vec::new();
    let line = (&mut file).take(HEADER_MAX).read_until(b'\n', &mut first);
    line.map_err(|source| SessionFileError::Unreadable {
        path: path(),
        source,
    })?;
    let header: Header =
        serde_json::from_slice(&first).map_err(|_| SessionFileError::Foreign { path: path() })?;
    if header.kafkarium_session != FORMAT {
        return Err(SessionFileError::OtherFormat {
            path: path(),
            program: header.program,
            format: header.kafkarium_session,
        });
    }
    let pages = header.pages;
    let mut read = Vec::new();
    for number in 1..=pages {
        let packed = read_part(&mut file).ok_or_else(|| SessionFileError::Truncated {
            path: path(),
            whole: number - 1,
            pages,
        })?;
        let page = Page::from_packed(packed).map_err(|source| SessionFileError::Damaged {
            path: path(),
            number,
            pages,
            source,
        })?;
        read.push(page);
    }
    Ok(History::of_pages(read))
}

/// The next part, as long as it says it is, if so much is there.
fn read_part(file: &mut impl Read) -> Option<Vec<u8>> {
    let mut length = [0; 4];
    file.read_exact(&mut length).ok()?;
    let length = u32::from_le_bytes(length);
    if length > PAGE_MAX {
        return None;
    }
    // Grows with what is there, whatever the length says.
    let mut packed = Vec::new();
    file.take(u64::from(length)).read_to_end(&mut packed).ok()?;
    (packed.len() == usize::try_from(length).ok()?).then_some(packed)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;

    use super::{FORMAT, SessionFileError, read, read_from, write};
    use crate::{state::Appearance, ui::tests::session::Session};

    fn saved() -> Vec<u8> {
        let folder = tempfile::TempDir::new().expect("a temporary folder");
        let path = folder.path().join("demo.session");
        let mut session = Session::new((120, 36), Appearance::default());
        session.rebalancing();
        let file = std::fs::File::create(&path).expect("a new file");
        let bytes = write(file, &session.state.past.history.pages()).expect("the disk takes it");
        let saved = std::fs::read(&path).expect("it is there");
        assert_eq!(saved.len() as u64, bytes);
        read(&path).expect("a whole session");
        saved
    }

    fn said(bytes: &[u8]) -> String {
        let read = read_from(Path::new("demo.session"), bytes);
        read.map_or_else(|error| error.to_string(), |_| "opened".to_owned())
    }

    #[test]
    fn what_cannot_be_opened_says_why() {
        let saved = saved();
        assert_eq!(said(&saved), "opened");
        assert!(said(b"").contains("is no session of kafkarium"));
        assert!(said(b"{\"version\": 2, \"width\": 80}\n").contains("is no session of kafkarium"));
        let text = String::from_utf8_lossy(&saved).into_owned();
        let header = text.lines().next().expect("a first line");
        let newer = header
            .replace(&format!(":{FORMAT},"), ":7,")
            .replace(env!("CARGO_PKG_VERSION"), "3.1.4");
        let newer = said(format!("{newer}\n").as_bytes());
        assert!(
            newer.contains("saved by kafkarium 3.1.4 in format 7"),
            "{newer}"
        );
        let cut = said(&saved[..saved.len() - 10]);
        assert!(cut.contains("ends in the middle: 0 of 1 parts"), "{cut}");
        let missing = read(Path::new("/nowhere/demo.session")).expect_err("nothing is there");
        assert!(matches!(missing, SessionFileError::Unreadable { .. }));
    }

    #[test]
    fn a_length_that_lies_allocates_nothing() {
        let mut bytes = saved();
        let at = bytes
            .iter()
            .position(|byte| *byte == b'\n')
            .expect("a line")
            + 1;
        bytes[at..at + 4].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(said(&bytes).contains("ends in the middle"));
    }

    proptest! {
        #[test]
        fn damage_anywhere_is_a_sentence_and_never_a_panic(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
            let mut bytes = saved();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            let _ = said(&bytes);
            let _ = said(&bytes[..at]);
        }
    }
}
