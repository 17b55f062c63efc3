//! ZooKeeper's bytes: the jute encoding (big-endian numbers, length-prefixed strings, buffers and
//! vectors) and, in its own files, the codes and records of the client protocol.

mod codes;
mod records;

use bytes::Bytes;
use thiserror::Error;

pub use codes::{CreateMode, EventType, KeeperCode, OpCode, WatchMode, WatcherType, perms, xid};
pub use records::{
    Acl, AddWatchRequest, AuthPacket, CheckWatchesRequest, ClientInfo, ConnectRequest,
    ConnectResponse, Create2Response, CreateRequest, CreateResponse, CreateTtlRequest,
    DeleteRequest, GetAclResponse, GetChildren2Response, GetChildrenResponse, GetDataResponse, Id,
    MultiHeader, PathRequest, PathVersionRequest, PathWatchRequest, ReplyHeader, RequestHeader,
    SetAclRequest, SetDataRequest, SetWatches, SetWatches2, Stat, WatcherEvent, open_acl,
};

/// The largest frame a server reads by default: `jute.maxbuffer`.
pub const FRAME_BYTES_MAX: usize = 0xf_ffff;

/// Why bytes are not the record they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum JuteError {
    /// The record goes on behind the end of the bytes.
    #[error("the record ends early")]
    Short,
    /// A length is negative (other than -1 for null) or larger than what is left.
    #[error("a length of {0} does not fit the record")]
    Length(i32),
    /// A string is not UTF-8.
    #[error("a string is not UTF-8")]
    NotUtf8,
    /// A byte that tells kinds of records apart has no such meaning.
    #[error("there is no record of kind {0}")]
    Tag(u8),
}

/// What travels: read from untrusted bytes, written to a growing buffer.
pub trait Record: Sized {
    /// Reads one record from the front of what is left.
    ///
    /// # Errors
    /// The bytes are not such a record; the connection or file they came from is not to be trusted.
    fn read(from: &mut JuteReader<'_>) -> Result<Self, JuteError>;

    /// Appends the record.
    fn write(&self, to: &mut Vec<u8>);
}

/// Bytes that are being read, front to back.
#[derive(Debug, Clone, Copy)]
pub struct JuteReader<'a> {
    left: &'a [u8],
}

impl<'a> JuteReader<'a> {
    /// Starts at the front of `bytes`.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { left: bytes }
    }

    /// Reads the next record.
    ///
    /// # Errors
    /// The bytes that are left do not begin with such a record.
    pub fn read<R: Record>(&mut self) -> Result<R, JuteError> {
        R::read(self)
    }

    /// How many bytes are left.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.left.len()
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], JuteError> {
        let (front, rest) = self.left.split_first_chunk().ok_or(JuteError::Short)?;
        self.left = rest;
        Ok(*front)
    }

    /// A length prefix: `None` is null. Never more than the bytes that are left, so it is safe to
    /// allocate by, for every element takes at least one byte.
    fn length(&mut self) -> Result<Option<usize>, JuteError> {
        let length = i32::read(self)?;
        if length == -1 {
            return Ok(None);
        }
        match usize::try_from(length) {
            Ok(fits) if fits <= self.left.len() => Ok(Some(fits)),
            _ => Err(JuteError::Length(length)),
        }
    }

    fn slice(&mut self) -> Result<Option<&'a [u8]>, JuteError> {
        let Some(length) = self.length()? else {
            return Ok(None);
        };
        let (front, rest) = self.left.split_at(length);
        self.left = rest;
        Ok(Some(front))
    }
}

macro_rules! numbers {
    ($($number:ty),*) => {$(
        impl Record for $number {
            fn read(from: &mut JuteReader<'_>) -> Result<Self, JuteError> {
                from.array().map(<$number>::from_be_bytes)
            }

            fn write(&self, to: &mut Vec<u8>) {
                to.extend_from_slice(&self.to_be_bytes());
            }
        }
    )*};
}

numbers!(u8, i32, i64);

impl Record for bool {
    fn read(from: &mut JuteReader<'_>) -> Result<Self, JuteError> {
        Ok(u8::read(from)? != 0)
    }

    fn write(&self, to: &mut Vec<u8>) {
        u8::from(*self).write(to);
    }
}

/// A buffer: null and empty are different, and a znode's data keeps the difference.
impl Record for Option<Bytes> {
    fn read(from: &mut JuteReader<'_>) -> Result<Self, JuteError> {
        Ok(from.slice()?.map(Bytes::copy_from_slice))
    }

    fn write(&self, to: &mut Vec<u8>) {
        match self {
            None => (-1_i32).write(to),
            Some(bytes) => {
                write_length(bytes.len(), to);
                to.extend_from_slice(bytes);
            }
        }
    }
}

/// A string: null reads as empty, for no record gives it another meaning.
impl Record for String {
    fn read(from: &mut JuteReader<'_>) -> Result<Self, JuteError> {
        let bytes = from.slice()?.unwrap_or_default();
        std::str::from_utf8(bytes)
            .map(str::to_owned)
            .map_err(|_| JuteError::NotUtf8)
    }

    fn write(&self, to: &mut Vec<u8>) {
        write_length(self.len(), to);
        to.extend_from_slice(self.as_bytes());
    }
}

/// A vector: null reads as empty.
impl<R: Record> Record for Vec<R> {
    fn read(from: &mut JuteReader<'_>) -> Result<Self, JuteError> {
        let count = from.length()?.unwrap_or_default();
        (0..count).map(|_| R::read(from)).collect()
    }

    fn write(&self, to: &mut Vec<u8>) {
        write_length(self.len(), to);
        for record in self {
            record.write(to);
        }
    }
}

/// The bytes of one record.
#[must_use]
pub fn to_bytes(record: &impl Record) -> Vec<u8> {
    let mut bytes = Vec::new();
    record.write(&mut bytes);
    bytes
}

/// A frame: four bytes of length, then what `write` appends.
#[must_use]
pub fn frame(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    const PREFIX_BYTES: usize = size_of::<i32>();
    let mut bytes = vec![0; PREFIX_BYTES];
    write(&mut bytes);
    let mut prefix = Vec::with_capacity(PREFIX_BYTES);
    write_length(bytes.len() - PREFIX_BYTES, &mut prefix);
    for (byte, value) in bytes.iter_mut().zip(prefix) {
        *byte = value;
    }
    bytes
}

fn write_length(length: usize, to: &mut Vec<u8>) {
    i32::try_from(length)
        .expect("what we write was read in frames far below 2 GiB")
        .write(to);
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::{
        CreateRequest, JuteError, JuteReader, Record, SetWatches2, Stat, frame, open_acl, to_bytes,
    };

    fn round_trip<R: Record + PartialEq + std::fmt::Debug>(record: &R) {
        let bytes = to_bytes(record);
        let mut reader = JuteReader::new(&bytes);
        assert_eq!(&reader.read::<R>().expect("own bytes"), record);
        assert_eq!(reader.remaining(), 0);
        for cut in 0..bytes.len() {
            assert!(JuteReader::new(&bytes[..cut]).read::<R>().is_err());
        }
    }

    #[test]
    fn records_read_back_and_never_from_less() {
        round_trip(&CreateRequest {
            path: "/brokers/ids/1".into(),
            data: Some(Bytes::from_static(b"{}")),
            acl: open_acl(),
            flags: 1,
        });
        round_trip(&CreateRequest {
            data: None,
            ..CreateRequest::default()
        });
        round_trip(&Stat {
            czxid: 7,
            data_length: 9,
            ..Stat::default()
        });
    }

    #[test]
    fn a_count_beyond_the_bytes_is_refused_before_it_is_allocated() {
        let bytes = [0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0];
        assert_eq!(
            JuteReader::new(&bytes).read::<Vec<String>>(),
            Err(JuteError::Length(0x7fff_ffff))
        );
    }

    #[test]
    fn a_frame_begins_with_its_length() {
        assert_eq!(frame(|to| 5_i32.write(to)), [0, 0, 0, 4, 0, 0, 0, 5]);
    }

    proptest! {
        #[test]
        fn no_bytes_make_a_reader_fail_worse_than_by_an_error(bytes: Vec<u8>) {
            let _ = JuteReader::new(&bytes).read::<SetWatches2>();
            let _ = JuteReader::new(&bytes).read::<CreateRequest>();
        }
    }
}
