//! A saved session: a line that says what it is, then its parts, each packed and with its length before it. The first
//! part is what it begins with; the others are its events.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::format::{Mirror, StoredBeginning, StoredEvent};
use crate::state::{ActionError, History, Page, PageError, Relived};

/// The form that is written here, and the only one that is read: what stands in `format`.
pub(super) const FORMAT: u32 = 6;

/// The first line is no longer.
const HEADER_MAX: u64 = 4096;

/// No part packs to more than everything that is ever kept.
const PART_MAX: u32 = 64 * 1024 * 1024;

/// No part unpacks to more: what a session begins with and the events of a page stay far below it.
const UNPACKED_MAX: u64 = 64 * 1024 * 1024;

/// The level that packs well within a few milliseconds a part.
const LEVEL: i32 = 3;

/// Far above what is kept, also by earlier programs, which kept twice as much.
const FILE_MAX: u64 = 128 * 1024 * 1024;

/// The first line.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Header {
    kafkarium_session: u32,
    program: String,
    parts: u32,
}

/// Why a part does not read.
#[derive(Debug, thiserror::Error)]
pub enum PartError {
    /// It cannot be unpacked.
    #[error("cannot be unpacked")]
    Packing(#[from] io::Error),
    /// It unpacks to more than any session takes.
    #[error("unpacks to more than {UNPACKED_MAX} bytes")]
    TooLarge,
    /// What is in it has another form.
    #[error("does not read as a part of a session")]
    Form(#[from] rmp_serde::decode::Error),
    /// It holds an action that there is none of.
    #[error("holds an action that this program does not have")]
    Action(#[from] ActionError),
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
    #[error("{path} ends in the middle: {whole} of {parts} parts are whole")]
    Truncated {
        /// The file.
        path: PathBuf,
        /// Parts that are there.
        whole: u32,
        /// Parts that should be.
        parts: u32,
    },
    /// A part of it is damaged.
    #[error("{path} is damaged: part {number} of {parts}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Which part.
        number: u32,
        /// Of how many.
        parts: u32,
        /// What is wrong.
        source: PartError,
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
/// The disk does not take it, or a page does not read.
pub(super) fn write(file: File, pages: &[Arc<Page>]) -> io::Result<u64> {
    let mut out = BufWriter::new(file);
    let header = Header {
        kafkarium_session: FORMAT,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        parts: u32::try_from(pages.len() + 1).unwrap_or(u32::MAX),
    };
    let header = serde_json::to_string(&header)? + "\n";
    out.write_all(header.as_bytes())?;
    let mut written = header.len() as u64;
    let unread = |error: PageError| io::Error::other(error);
    let Some(first) = pages.first() else {
        return Err(io::Error::other("nothing has happened yet"));
    };
    let mut plain = Vec::new();
    put(
        &mut plain,
        &StoredBeginning::of(first.beginning().map_err(unread)?),
    )?;
    written += write_part(&mut out, &plain)?;
    for page in pages {
        plain.clear();
        for event in page.events().map_err(unread)? {
            put(&mut plain, &StoredEvent::of(event))?;
        }
        written += write_part(&mut out, &plain)?;
    }
    out.into_inner()?.sync_all()?;
    Ok(written)
}

fn put(plain: &mut Vec<u8>, stored: &impl Serialize) -> io::Result<()> {
    rmp_serde::encode::write_named(plain, stored).map_err(io::Error::other)
}

fn write_part(out: &mut impl Write, plain: &[u8]) -> io::Result<u64> {
    let packed = zstd::encode_all(plain, LEVEL)?;
    let length = u32::try_from(packed.len()).map_err(io::Error::other)?;
    out.write_all(&length.to_le_bytes())?;
    out.write_all(&packed)?;
    Ok(4 + u64::from(length))
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
    let parts = header.parts;
    let mut session: Option<Relived> = None;
    for number in 1..=parts {
        let packed = read_part(&mut file).ok_or_else(|| SessionFileError::Truncated {
            path: path(),
            whole: number - 1,
            parts,
        })?;
        let went = match &mut session {
            None => begin(&packed).map(|begun| session = Some(begun)),
            Some(session) => go_on(session, &packed),
        };
        went.map_err(|source| SessionFileError::Damaged {
            path: path(),
            number,
            parts,
            source,
        })?;
    }
    let session = session.ok_or_else(|| SessionFileError::Foreign { path: path() })?;
    Ok(session.history())
}

fn begin(packed: &[u8]) -> Result<Relived, PartError> {
    let plain = unpack(packed)?;
    let beginning: StoredBeginning = next(&mut plain.as_slice())?;
    Ok(Relived::begin(beginning.back()))
}

fn go_on(session: &mut Relived, packed: &[u8]) -> Result<(), PartError> {
    let plain = unpack(packed)?;
    let mut rest = plain.as_slice();
    while !rest.is_empty() {
        let event: StoredEvent = next(&mut rest)?;
        session.happen(event.event()?);
    }
    Ok(())
}

fn next<T: DeserializeOwned>(bytes: &mut &[u8]) -> Result<T, PartError> {
    let mut reader = rmp_serde::Deserializer::new(bytes);
    Ok(T::deserialize(&mut reader)?)
}

pub(super) fn unpack(packed: &[u8]) -> Result<Vec<u8>, PartError> {
    let mut plain = Vec::new();
    let reader = zstd::Decoder::new(packed)?.single_frame();
    let count = reader.take(UNPACKED_MAX + 1).read_to_end(&mut plain)?;
    if u64::try_from(count).is_ok_and(|count| count > UNPACKED_MAX) {
        return Err(PartError::TooLarge);
    }
    Ok(plain)
}

/// The next part, as long as it says it is, if so much is there.
pub(super) fn read_part(file: &mut impl Read) -> Option<Vec<u8>> {
    let mut length = [0; 4];
    file.read_exact(&mut length).ok()?;
    let length = u32::from_le_bytes(length);
    if length > PART_MAX {
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
        assert!(cut.contains("ends in the middle: 1 of 2 parts"), "{cut}");
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
