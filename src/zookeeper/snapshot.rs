//! Snapshots: the whole state in one file, valid by its name only when it is complete.

use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
};

use super::{
    data_tree::{DataTree, Znode},
    database::Database,
    error::ZooKeeperError,
    txn::SessionRecord,
};
use wire::jute::{Acl, JuteError, JuteReader, Record};

/// The first bytes of every snapshot; the last one counts the format.
const MAGIC: [u8; 8] = *b"KKZSNAP\x01";
const CHECKSUM_BYTES: usize = size_of::<i32>();

/// The bytes of a snapshot of this state.
pub(super) fn encode(
    tree: &DataTree,
    sessions: &[SessionRecord],
    last_zxid: i64,
    last_session: i64,
) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    last_zxid.write(&mut bytes);
    last_session.write(&mut bytes);
    count(sessions.len()).write(&mut bytes);
    for session in sessions {
        session.write(&mut bytes);
    }
    count(tree.len()).write(&mut bytes);
    for (path, node) in tree.iter() {
        path.to_owned().write(&mut bytes);
        write_znode(node, &mut bytes);
    }
    let checksum = crc32c::crc32c(&bytes);
    bytes.extend_from_slice(&checksum.to_be_bytes());
    bytes
}

/// Writes a snapshot so that it is there completely, also after a crash, or not at all.
pub(super) fn store(folder: &Path, zxid: i64, bytes: &[u8]) -> Result<PathBuf, ZooKeeperError> {
    let path = folder.join(name(zxid));
    let unfinished = folder.join(UNFINISHED);
    let failed = |action| ZooKeeperError::file(action, &unfinished);
    let mut file = File::create(&unfinished).map_err(failed("create"))?;
    file.write_all(bytes).map_err(failed("write"))?;
    file.sync_all().map_err(failed("write"))?;
    fs::rename(&unfinished, &path).map_err(failed("rename"))?;
    sync_folder(folder)?;
    Ok(path)
}

/// Reads a snapshot back.
pub(super) fn load(path: &Path) -> Result<Database, ZooKeeperError> {
    let bytes = fs::read(path).map_err(ZooKeeperError::file("read", path))?;
    decode(&bytes).map_err(|why| ZooKeeperError::Damaged {
        path: path.to_owned(),
        why,
    })
}

/// The snapshots in a folder with the transaction each one goes up to, oldest first.
pub(super) fn list(folder: &Path) -> Result<Vec<(i64, PathBuf)>, ZooKeeperError> {
    list_files(folder, PREFIX)
}

/// What a snapshot is called while it is being written.
pub(super) const UNFINISHED: &str = "snapshot.unfinished";
const PREFIX: &str = "snapshot.";

fn name(zxid: i64) -> String {
    format!("{PREFIX}{zxid:016x}")
}

/// Files called `prefix` and sixteen hexadecimal digits, by the number these are.
pub(super) fn list_files(
    folder: &Path,
    prefix: &str,
) -> Result<Vec<(i64, PathBuf)>, ZooKeeperError> {
    let failed = || ZooKeeperError::file("list", folder);
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed())? {
        let entry = entry.map_err(failed())?;
        let name = entry.file_name();
        let number = name
            .to_str()
            .and_then(|name| name.strip_prefix(prefix))
            .filter(|digits| digits.len() == 16)
            .and_then(|digits| i64::from_str_radix(digits, 16).ok());
        if let Some(number) = number {
            files.push((number, entry.path()));
        }
    }
    files.sort();
    Ok(files)
}

/// Makes created, renamed and deleted names survive a crash of the machine.
pub(super) fn sync_folder(folder: &Path) -> Result<(), ZooKeeperError> {
    File::open(folder)
        .and_then(|opened| opened.sync_all())
        .map_err(ZooKeeperError::file("write", folder))
}

fn decode(bytes: &[u8]) -> Result<Database, String> {
    let body = bytes
        .len()
        .checked_sub(CHECKSUM_BYTES)
        .and_then(|end| bytes.split_at_checked(end))
        .filter(|(body, checksum)| crc32c::crc32c(body).to_be_bytes() == **checksum)
        .map(|(body, _)| body)
        .ok_or("the checksum is wrong")?;
    let body = body
        .strip_prefix(&MAGIC)
        .ok_or("it is not a snapshot of this format")?;
    read_database(&mut JuteReader::new(body)).map_err(|error| error.to_string())
}

fn read_database(from: &mut JuteReader<'_>) -> Result<Database, JuteError> {
    let mut database = Database {
        last_zxid: from.read()?,
        last_session: from.read()?,
        ..Database::new()
    };
    for _ in 0..from.read::<i32>()? {
        let session: SessionRecord = from.read()?;
        database.sessions.insert(session.session, session);
    }
    for _ in 0..from.read::<i32>()? {
        let path = from.read()?;
        let node = read_znode(from)?;
        database.tree.restore(path, node);
    }
    Ok(database)
}

fn write_znode(node: &Znode, to: &mut Vec<u8>) {
    node.data.write(to);
    node.acl.to_vec().write(to);
    node.created.write(to);
    node.modified.write(to);
    node.version.write(to);
    node.aversion.write(to);
    node.owner.write(to);
    node.pzxid.write(to);
    node.creations.write(to);
}

fn read_znode(from: &mut JuteReader<'_>) -> Result<Znode, JuteError> {
    Ok(Znode {
        data: from.read()?,
        acl: from.read::<Vec<Acl>>()?.into(),
        created: from.read()?,
        modified: from.read()?,
        version: from.read()?,
        aversion: from.read()?,
        owner: from.read()?,
        pzxid: from.read()?,
        creations: from.read()?,
        children: std::collections::BTreeSet::new(),
    })
}

fn count(items: usize) -> i32 {
    i32::try_from(items).expect("the state fits in memory, and each item takes some")
}

#[cfg(test)]
mod tests {
    use super::{decode, encode, list, load, store};
    use crate::{
        data_tree::CONTAINER_OWNER,
        database::Database,
        txn::{Change, SessionRecord, Stamp, Txn, TxnKind},
    };
    use wire::jute::open_acl;

    fn database() -> Database {
        let mut database = Database::new();
        let create = |path: &str, owner| Change::Create {
            path: path.into(),
            data: None,
            acl: open_acl(),
            owner,
        };
        let kinds = [
            TxnKind::CreateSession(SessionRecord {
                session: 5,
                timeout_ms: 700,
                password: [3; 16],
            }),
            TxnKind::Changes(vec![create("/a", 0), create("/a/b", 5)]),
            TxnKind::Changes(vec![
                create("/c", CONTAINER_OWNER),
                create("/zookeeper/x", 0),
            ]),
        ];
        for (zxid, kind) in (1..).zip(kinds) {
            let at = Stamp { zxid, time_ms: 1 };
            database.replay(&Txn { at, kind }).expect("in order");
        }
        database
    }

    fn bytes(database: &Database) -> Vec<u8> {
        let sessions: Vec<_> = database.sessions.values().cloned().collect();
        encode(
            &database.tree,
            &sessions,
            database.last_zxid,
            database.last_session,
        )
    }

    #[test]
    fn a_snapshot_is_the_whole_state() {
        let before = database();
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = store(folder.path(), before.last_zxid, &bytes(&before)).expect("stored");
        assert_eq!(list(folder.path()).expect("listed"), [(3, path.clone())]);
        let after = load(&path).expect("own bytes");
        assert_eq!(format!("{after:?}"), format!("{before:?}"));
    }

    #[test]
    fn a_damaged_snapshot_is_refused() {
        let whole = bytes(&database());
        for at in 0..whole.len() {
            assert!(decode(&whole[..at]).is_err());
            let mut flipped = whole.clone();
            flipped[at] ^= 1;
            assert!(decode(&flipped).is_err());
        }
    }
}
