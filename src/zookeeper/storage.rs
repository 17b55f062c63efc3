//! The data folder: recovery at start, then one thread that writes the log, so that no slow disk
//! holds up the heartbeats.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    thread::{self, JoinHandle},
};

use tokio::sync::watch;

use super::{
    database::Database,
    error::ZooKeeperError,
    snapshot::{self, sync_folder},
    txn_log::{self, TxnLog},
};

/// Batches that may be on their way to the disk. While they are, more requests gather for the next
/// one, which is what makes commits of many sessions share a sync.
const BATCHES_IN_FLIGHT_MAX: u64 = 16;

/// A log of this size is followed by a snapshot: some tens of thousands of transactions, which are
/// replayed in a fraction of a second.
const LOG_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// Jobs that the queue to the writer holds: the batches above, and what one turn of the server may
/// add to them (requests, expired sessions, and a snapshot after each).
const JOBS_WAITING_MAX: usize = 32;

/// Writes transactions in the background and tells how far they are on the disk.
#[derive(Debug)]
pub(super) struct Storage {
    /// `None` once it is closed.
    jobs: Option<SyncSender<Job>>,
    durable: watch::Receiver<u64>,
    thread: Option<JoinHandle<Result<(), ZooKeeperError>>>,
    submitted: u64,
    /// Bytes of the log that is being written.
    log_bytes: u64,
}

enum Job {
    Append {
        records: Vec<u8>,
        ticket: u64,
    },
    /// Go on in a new log, and keep everything before it as a snapshot.
    Roll {
        snapshot: Vec<u8>,
        zxid: i64,
        ticket: u64,
    },
}

impl Storage {
    /// Recovers the state and starts the writing thread.
    pub(super) fn open(folder: &Path) -> Result<(Self, Database), ZooKeeperError> {
        let (database, log) = recover(folder)?;
        let log_bytes = log.bytes();
        let (jobs, waiting) = sync_channel(JOBS_WAITING_MAX);
        let (progress, durable) = watch::channel(0);
        let writer = Writer {
            folder: folder.to_owned(),
            log,
            progress,
            snapshot: None,
        };
        let thread = thread::Builder::new()
            .name("txn-log".into())
            .spawn(move || writer.run(&waiting))
            .map_err(ZooKeeperError::Thread)?;
        let storage = Self {
            jobs: Some(jobs),
            durable,
            thread: Some(thread),
            submitted: 0,
            log_bytes,
        };
        Ok((storage, database))
    }

    /// Hands encoded records to the writer; they are on the disk when [`Self::durable`] reaches the
    /// returned ticket. Look whether it [`Self::has_room`] before each turn.
    pub(super) fn append(&mut self, records: Vec<u8>) -> u64 {
        self.log_bytes += records.len() as u64;
        let ticket = self.submitted + 1;
        self.submit(Job::Append { records, ticket })
    }

    /// Whether the log is long enough to be replaced by a snapshot.
    pub(super) fn wants_snapshot(&self) -> bool {
        self.log_bytes > LOG_BYTES_MAX && self.has_room()
    }

    /// Goes on in a new log behind `zxid`, of which `snapshot` is the state.
    pub(super) fn roll(&mut self, snapshot: Vec<u8>, zxid: i64) {
        self.log_bytes = 0;
        let ticket = self.submitted + 1;
        self.submit(Job::Roll {
            snapshot,
            zxid,
            ticket,
        });
    }

    /// Whether another batch may be handed over.
    pub(super) fn has_room(&self) -> bool {
        self.submitted - *self.durable.borrow() < BATCHES_IN_FLIGHT_MAX
    }

    /// The ticket of the last batch that was handed over.
    pub(super) fn submitted(&self) -> u64 {
        self.submitted
    }

    /// The last ticket that is on the disk.
    pub(super) fn durable(&self) -> u64 {
        *self.durable.borrow()
    }

    /// Waits until more is on the disk.
    ///
    /// # Errors
    /// The writer failed: nothing more will be.
    pub(super) async fn progress(&mut self) -> Result<(), ZooKeeperError> {
        if self.durable.changed().await.is_ok() {
            return Ok(());
        }
        Err(self.close().err().unwrap_or(ZooKeeperError::WriterGone))
    }

    /// Writes what was handed over and ends the thread.
    pub(super) fn close(&mut self) -> Result<(), ZooKeeperError> {
        self.jobs = None;
        match self.thread.take().map(JoinHandle::join) {
            None => Ok(()),
            Some(Ok(result)) => result,
            Some(Err(_)) => Err(ZooKeeperError::WriterGone),
        }
    }

    fn submit(&mut self, job: Job) -> u64 {
        self.submitted += 1;
        if let Some(jobs) = &self.jobs {
            // A writer that is gone is noticed by `progress`; a full queue would lose a transaction.
            let sent = jobs.try_send(job);
            assert!(
                !matches!(sent, Err(TrySendError::Full(_))),
                "each turn begins with room"
            );
        }
        self.submitted
    }
}

/// The thread's side.
struct Writer {
    folder: PathBuf,
    log: TxnLog,
    progress: watch::Sender<u64>,
    /// The snapshot that is being written beside the log.
    snapshot: Option<JoinHandle<Result<(), ZooKeeperError>>>,
}

impl Writer {
    fn run(mut self, jobs: &Receiver<Job>) -> Result<(), ZooKeeperError> {
        while let Ok(job) = jobs.recv() {
            let mut next = Some(job);
            while let Some(job) = next.take() {
                match job {
                    Job::Append { records, ticket } => next = self.append(records, ticket, jobs)?,
                    Job::Roll {
                        snapshot,
                        zxid,
                        ticket,
                    } => {
                        self.roll(snapshot, zxid)?;
                        self.progress.send_replace(ticket);
                    }
                }
            }
        }
        self.finish_snapshot()
    }

    /// Writes a batch with all that wait behind it; returns the job that is no batch.
    fn append(
        &mut self,
        mut records: Vec<u8>,
        mut ticket: u64,
        jobs: &Receiver<Job>,
    ) -> Result<Option<Job>, ZooKeeperError> {
        let mut other = None;
        while other.is_none() {
            match jobs.try_recv() {
                Ok(Job::Append {
                    records: more,
                    ticket: later,
                }) => {
                    records.extend_from_slice(&more);
                    ticket = later;
                }
                Ok(roll) => other = Some(roll),
                Err(_) => break,
            }
        }
        self.log.append(&records)?;
        self.progress.send_replace(ticket);
        Ok(other)
    }

    fn roll(&mut self, bytes: Vec<u8>, zxid: i64) -> Result<(), ZooKeeperError> {
        self.finish_snapshot()?;
        self.log = TxnLog::create(&self.folder, zxid + 1)?;
        let folder = self.folder.clone();
        let thread = thread::Builder::new()
            .name("snapshot".into())
            .spawn(move || {
                snapshot::store(&folder, zxid, &bytes)?;
                purge(&folder, zxid)
            })
            .map_err(ZooKeeperError::Thread)?;
        self.snapshot = Some(thread);
        Ok(())
    }

    fn finish_snapshot(&mut self) -> Result<(), ZooKeeperError> {
        match self.snapshot.take().map(JoinHandle::join) {
            None => Ok(()),
            Some(Ok(result)) => result,
            Some(Err(_)) => Err(ZooKeeperError::WriterGone),
        }
    }
}

/// Deletes what the snapshot of `zxid` replaces: older snapshots, and logs that end with it.
fn purge(folder: &Path, zxid: i64) -> Result<(), ZooKeeperError> {
    let snapshots = snapshot::list(folder)?;
    let logs = txn_log::list(folder)?;
    let old = snapshots
        .into_iter()
        .filter(|(last, _)| *last < zxid)
        .chain(logs.into_iter().filter(|(first, _)| *first <= zxid));
    for (_, path) in old {
        fs::remove_file(&path).map_err(ZooKeeperError::file("delete", &path))?;
    }
    sync_folder(folder)
}

/// The state from the newest snapshot and the logs behind it, and the log to go on with.
fn recover(folder: &Path) -> Result<(Database, TxnLog), ZooKeeperError> {
    let mut database = match snapshot::list(folder)?.last() {
        Some((_, path)) => snapshot::load(path)?,
        None => Database::new(),
    };
    let logs = txn_log::list(folder)?;
    let mut last = None;
    for (index, (_, path)) in logs.iter().enumerate() {
        let found = txn_log::read(path)?;
        for txn in &found.txns {
            database
                .replay(txn)
                .map_err(|why| ZooKeeperError::Damaged {
                    path: path.clone(),
                    why: why.to_string(),
                })?;
        }
        if found.torn_bytes > 0 {
            if index + 1 < logs.len() {
                return Err(ZooKeeperError::Damaged {
                    path: path.clone(),
                    why: format!(
                        "it is torn at byte {}, and later logs exist",
                        found.whole_bytes
                    ),
                });
            }
            tracing::warn!(
                "{}: a torn write of {} bytes is cut behind byte {}; it was never answered",
                path.display(),
                found.torn_bytes,
                found.whole_bytes
            );
        }
        last = Some((path, found.whole_bytes));
    }
    let log = match last {
        Some((path, whole_bytes)) if whole_bytes > 0 => TxnLog::open(path, whole_bytes)?,
        _ => TxnLog::create(folder, database.last_zxid + 1)?,
    };
    Ok((database, log))
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::Storage;
    use crate::{
        database::Database,
        snapshot,
        txn::{Change, Stamp, Txn, TxnKind},
        txn_log,
    };
    use wire::jute::open_acl;

    fn create(zxid: i64) -> Txn {
        Txn {
            at: Stamp { zxid, time_ms: 1 },
            kind: TxnKind::Changes(vec![Change::Create {
                path: format!("/n{zxid}"),
                data: None,
                acl: open_acl(),
                owner: 0,
            }]),
        }
    }

    fn write(storage: &mut Storage, database: &mut Database, zxids: std::ops::RangeInclusive<i64>) {
        for zxid in zxids {
            let txn = create(zxid);
            database.replay(&txn).expect("in order");
            let mut record = Vec::new();
            txn_log::encode(&txn, &mut record);
            storage.append(record);
        }
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder)
            .expect("listed")
            .map(|entry| {
                entry
                    .expect("an entry")
                    .file_name()
                    .into_string()
                    .expect("text")
            })
            .collect();
        names.sort();
        names
    }

    #[test]
    fn what_was_written_is_there_again_with_and_without_snapshots() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (mut storage, mut database) = Storage::open(folder.path()).expect("new");
        write(&mut storage, &mut database, 1..=3);
        let bytes = snapshot::encode(&database.tree, &[], database.last_zxid, 0);
        storage.roll(bytes, database.last_zxid);
        write(&mut storage, &mut database, 4..=5);
        storage.close().expect("written");
        assert_eq!(
            names(folder.path()),
            ["log.0000000000000004", "snapshot.0000000000000003"]
        );

        let (mut storage, mut again) = Storage::open(folder.path()).expect("recovered");
        assert_eq!(format!("{again:?}"), format!("{database:?}"));
        write(&mut storage, &mut again, 6..=6);
        storage.close().expect("written");
        let (_, again) = Storage::open(folder.path()).expect("recovered");
        assert_eq!(again.last_zxid, 6);
    }

    #[test]
    fn a_crash_before_the_snapshot_is_complete_loses_nothing() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (mut storage, mut database) = Storage::open(folder.path()).expect("new");
        write(&mut storage, &mut database, 1..=3);
        storage.close().expect("written");
        // As if the crash came after the new log was made and before the snapshot was renamed.
        fs::write(folder.path().join(snapshot::UNFINISHED), b"half").expect("writable");
        fs::write(folder.path().join("log.0000000000000004"), b"KKZ").expect("writable");
        let (mut storage, mut database) = Storage::open(folder.path()).expect("recovered");
        assert_eq!(database.last_zxid, 3);
        write(&mut storage, &mut database, 4..=4);
        storage.close().expect("written");
        let (_, database) = Storage::open(folder.path()).expect("recovered");
        assert_eq!(database.last_zxid, 4);
    }

    #[test]
    fn a_log_damaged_in_the_middle_is_not_taken_for_a_torn_one() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (mut storage, mut database) = Storage::open(folder.path()).expect("new");
        write(&mut storage, &mut database, 1..=3);
        storage.close().expect("written");
        fs::write(folder.path().join("log.0000000000000009"), b"KKZKLOG\x01").expect("writable");
        let first = folder.path().join("log.0000000000000001");
        let bytes = fs::read(&first).expect("readable");
        fs::write(&first, &bytes[..bytes.len() - 1]).expect("writable");
        assert!(Storage::open(folder.path()).is_err());
    }
}
