//! The transaction log: files of checksummed records, appended and forced to the disk.

use std::{
    fs::{self, File, OpenOptions},
    io::{Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use super::{
    error::ZooKeeperError,
    snapshot::{list_files, sync_folder},
    txn::Txn,
};
use wire::jute::{JuteReader, to_bytes};

/// The first bytes of every log; the last one counts the format.
const MAGIC: [u8; 8] = *b"KKZKLOG\x01";
const PREFIX: &str = "log.";

/// The log that is being written.
#[derive(Debug)]
pub(super) struct TxnLog {
    file: File,
    path: PathBuf,
    bytes: u64,
}

impl TxnLog {
    /// Begins a log whose first transaction will be `first_zxid`.
    pub(super) fn create(folder: &Path, first_zxid: i64) -> Result<Self, ZooKeeperError> {
        let path = folder.join(format!("{PREFIX}{first_zxid:016x}"));
        let failed = |action| ZooKeeperError::file(action, &path);
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .open(&path)
            .map_err(failed("create"))?;
        file.write_all(&MAGIC).map_err(failed("write"))?;
        file.sync_all().map_err(failed("write"))?;
        sync_folder(folder)?;
        Ok(Self {
            file,
            path,
            bytes: MAGIC.len() as u64,
        })
    }

    /// Goes on with a log behind its last whole record; what is behind that is cut.
    pub(super) fn open(path: &Path, whole_bytes: u64) -> Result<Self, ZooKeeperError> {
        let failed = |action| ZooKeeperError::file(action, path);
        let mut file = OpenOptions::new()
            .write(true)
            .open(path)
            .map_err(failed("open"))?;
        file.set_len(whole_bytes).map_err(failed("cut"))?;
        file.sync_all().map_err(failed("write"))?;
        file.seek(SeekFrom::End(0)).map_err(failed("open"))?;
        Ok(Self {
            file,
            path: path.to_owned(),
            bytes: whole_bytes,
        })
    }

    /// Appends encoded records; on return they are on the disk.
    pub(super) fn append(&mut self, records: &[u8]) -> Result<(), ZooKeeperError> {
        self.file
            .write_all(records)
            .and_then(|()| self.file.sync_data())
            .map_err(ZooKeeperError::file("write", &self.path))?;
        self.bytes += records.len() as u64;
        Ok(())
    }

    /// How long the file is.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }
}

/// Appends a record to `to`: its length, its checksum, the transaction.
pub(super) fn encode(txn: &Txn, to: &mut Vec<u8>) {
    let payload = to_bytes(txn);
    let length = u32::try_from(payload.len())
        .expect("a transaction comes from one frame, which is far below 4 GiB");
    to.extend_from_slice(&length.to_be_bytes());
    to.extend_from_slice(&crc32c::crc32c(&payload).to_be_bytes());
    to.extend_from_slice(&payload);
}

/// A log as it was found.
#[derive(Debug)]
pub(super) struct Found {
    pub txns: Vec<Txn>,
    /// Where the last whole record ends; 0 if even the first bytes of the file are missing.
    pub whole_bytes: u64,
    /// Bytes behind it: a write that a crash cut short, and that was never answered.
    pub torn_bytes: u64,
}

/// Reads a log up to its first record that is not whole.
pub(super) fn read(path: &Path) -> Result<Found, ZooKeeperError> {
    let bytes = fs::read(path).map_err(ZooKeeperError::file("read", path))?;
    let Some(mut left) = bytes.strip_prefix(&MAGIC) else {
        if MAGIC.starts_with(&bytes) {
            return Ok(Found {
                txns: Vec::new(),
                whole_bytes: 0,
                torn_bytes: bytes.len() as u64,
            });
        }
        return Err(ZooKeeperError::Damaged {
            path: path.to_owned(),
            why: "it is not a transaction log of this format".into(),
        });
    };
    let mut txns = Vec::new();
    while let Some((txn, rest)) = split_record(left) {
        txns.push(txn);
        left = rest;
    }
    Ok(Found {
        txns,
        whole_bytes: (bytes.len() - left.len()) as u64,
        torn_bytes: left.len() as u64,
    })
}

/// The logs in a folder with the first transaction each may hold, oldest first.
pub(super) fn list(folder: &Path) -> Result<Vec<(i64, PathBuf)>, ZooKeeperError> {
    list_files(folder, PREFIX)
}

fn split_record(bytes: &[u8]) -> Option<(Txn, &[u8])> {
    let (length, bytes) = bytes.split_first_chunk()?;
    let (checksum, bytes) = bytes.split_first_chunk()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    let (payload, rest) = bytes.split_at_checked(length)?;
    if crc32c::crc32c(payload) != u32::from_be_bytes(*checksum) {
        return None;
    }
    let txn = JuteReader::new(payload).read().ok()?;
    Some((txn, rest))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{MAGIC, TxnLog, encode, list, read};
    use crate::txn::{Stamp, Txn, TxnKind};

    fn txn(zxid: i64) -> Txn {
        Txn {
            at: Stamp { zxid, time_ms: 0 },
            kind: TxnKind::CloseSession { session: zxid },
        }
    }

    fn record(zxid: i64) -> Vec<u8> {
        let mut bytes = Vec::new();
        encode(&txn(zxid), &mut bytes);
        bytes
    }

    #[test]
    fn a_log_torn_anywhere_keeps_its_whole_records() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut log = TxnLog::create(folder.path(), 7).expect("created");
        log.append(&record(7)).expect("written");
        log.append(&record(8)).expect("written");
        let (first, path) = list(folder.path()).expect("listed").remove(0);
        assert_eq!(first, 7);
        let whole = fs::read(&path).expect("readable");
        assert_eq!(whole.len() as u64, log.bytes());
        let one = MAGIC.len() + record(7).len();
        for length in 0..whole.len() {
            fs::write(&path, &whole[..length]).expect("writable");
            let found = read(&path).expect("readable");
            let expected = usize::from(length >= one);
            assert_eq!(found.txns.len(), expected, "torn at {length}");
            assert_eq!(found.whole_bytes + found.torn_bytes, length as u64);
        }
    }

    #[test]
    fn a_cut_log_goes_on_behind_its_last_whole_record() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut log = TxnLog::create(folder.path(), 1).expect("created");
        log.append(&record(1)).expect("written");
        log.append(&record(2)[..9]).expect("written");
        let (_, path) = list(folder.path()).expect("listed").remove(0);
        let found = read(&path).expect("readable");
        assert_eq!((found.txns.len(), found.torn_bytes), (1, 9));
        let mut log = TxnLog::open(&path, found.whole_bytes).expect("opened");
        log.append(&record(2)).expect("written");
        assert_eq!(read(&path).expect("readable").txns, [txn(1), txn(2)]);
    }

    #[test]
    fn a_foreign_file_is_not_cut() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("log.0000000000000001");
        fs::write(&path, b"something else entirely").expect("writable");
        assert!(read(&path).is_err());
    }
}
