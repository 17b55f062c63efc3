//! A ZooKeeper session that outlives its connections, on a thread of its own.
//!
//! The `zookeeper-client` crate gets one connection at a time here. When that breaks, its runtime
//! is dropped with everything the crate remembers, and a new connection takes the same session up
//! again: so watches are always new ones (the crate's own reconnect leaves persistent watches
//! dead), a refused port is tried again after 2 ms (the crate waits 100 ms and more), and a
//! session is over only when ZooKeeper says so (the crate says it by itself after 1.4 timeouts).

mod session;

use std::{
    collections::BTreeSet,
    io,
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

use thiserror::Error;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use zookeeper_client::{
    Client, CreateMode, Error, MultiReadResult, MultiWriteError, MultiWriteResult, Stat,
};

use session::Session;

/// Changed paths that are remembered one by one, those of a topic of ten thousand partitions too; beyond it the reader
/// has to read everything.
const CHANGED_PATHS_MAX: usize = 50_000;

/// A handle on one session; clones share it.
#[derive(Debug, Clone)]
pub struct ZooKeeper {
    links: watch::Receiver<Link>,
    changed: Arc<ChangedPaths>,
    close: CancellationToken,
    /// Cancelled when the thread is about to end.
    closed: CancellationToken,
}

/// Whether a connection stands.
#[derive(Debug, Clone)]
pub enum Link {
    /// Not yet, or not just now: the session may well live on.
    Connecting,
    Connected(Connection),
    Closed,
}

/// One connection of the session. Another `number` means that watches were lost and set anew in
/// between; another `session` that ZooKeeper had ended the one before, with its ephemeral znodes.
#[derive(Debug, Clone)]
pub struct Connection {
    pub number: u64,
    pub session: i64,
    pub client: Client,
}

/// Where to connect, and what to watch.
#[derive(Debug, Clone)]
pub struct ZooKeeperOptions {
    /// `host:port,host:port/chroot`, as in Kafka's `zookeeper.connect`.
    pub connect: String,
    pub session_timeout: Duration,
    /// Watched with everything below them, on every connection anew.
    pub watches: Vec<&'static str>,
}

/// What the watches told since it was last asked.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Changes {
    pub paths: BTreeSet<String>,
    /// Too many paths to remember: anything may have changed.
    pub everything: bool,
}

#[derive(Debug, Default)]
struct ChangedPaths {
    changes: Mutex<Changes>,
    notify: Notify,
}

/// Why an operation on znodes failed.
#[derive(Debug, Error)]
pub enum ZooKeeperError {
    /// The connection is not there or broke: if the operation was a write, it may have happened.
    #[error("the connection to ZooKeeper is lost")]
    ConnectionLost,
    #[error("znode {path} does not exist")]
    NoNode { path: String },
    #[error("znode {path} exists already")]
    NodeExists { path: String },
    #[error("znode {path} has another version than expected")]
    BadVersion { path: String },
    #[error("znode {path} is not what Kafka writes there")]
    Unreadable { path: String },
    #[error("ZooKeeper refused {path}: {source}")]
    Refused { path: String, source: Error },
    #[error("cannot start the thread of the ZooKeeper session: {0}")]
    Thread(#[from] io::Error),
}

/// One operation of a multi: all of them happen, or none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ZnodeWrite {
    Check {
        path: String,
        version: i32,
    },
    Create {
        path: String,
        data: Vec<u8>,
    },
    CreateEphemeral {
        path: String,
        data: Vec<u8>,
    },
    SetData {
        path: String,
        data: Vec<u8>,
        version: Option<i32>,
    },
    Delete {
        path: String,
    },
}

impl ZooKeeper {
    /// Starts the session's thread. It connects for as long as it takes; see [`Self::links`].
    ///
    /// # Errors
    /// [`ZooKeeperError::Thread`]: the system gives no thread.
    pub fn start(options: ZooKeeperOptions) -> Result<Self, ZooKeeperError> {
        let (links_out, links) = watch::channel(Link::Connecting);
        let handle = Self {
            links,
            changed: Arc::default(),
            close: CancellationToken::new(),
            closed: CancellationToken::new(),
        };
        let session = Session::new(
            options,
            links_out,
            handle.changed.clone(),
            handle.close.clone(),
        );
        let closed = handle.closed.clone().drop_guard();
        thread::Builder::new()
            .name("zookeeper".into())
            .spawn(move || {
                session.run();
                drop(closed);
            })?;
        Ok(handle)
    }

    /// The connection as it comes and goes.
    #[must_use]
    pub fn links(&self) -> watch::Receiver<Link> {
        self.links.clone()
    }

    /// The connection, if there is one now.
    ///
    /// # Errors
    /// [`ZooKeeperError::ConnectionLost`] while there is none.
    pub fn connection(&self) -> Result<Connection, ZooKeeperError> {
        match &*self.links.borrow() {
            Link::Connected(connection) => Ok(connection.clone()),
            Link::Connecting | Link::Closed => Err(ZooKeeperError::ConnectionLost),
        }
    }

    /// Waits for watches to fire and takes what they told. Hints only: what changed must be read.
    pub async fn changes(&self) -> Changes {
        loop {
            let told = self.changed.notify.notified();
            let changes = self.changed.take();
            if changes != Changes::default() {
                return changes;
            }
            told.await;
        }
    }

    /// Ends the session at ZooKeeper, and with it its ephemeral znodes.
    pub async fn close(&self) {
        self.close.cancel();
        self.closed.cancelled().await;
    }
}

impl Connection {
    /// Writes all of it or nothing. The results are in the order of the writes.
    ///
    /// # Errors
    /// Which write did not fit; none of them happened. After [`ZooKeeperError::ConnectionLost`] they may have.
    pub async fn multi(&self, writes: &[ZnodeWrite]) -> Result<Vec<Option<Stat>>, ZooKeeperError> {
        let mut multi = self.client.new_multi_writer();
        let anyone = zookeeper_client::Acls::anyone_all();
        for write in writes {
            match write {
                ZnodeWrite::Check { path, version } => multi.add_check_version(path, *version),
                ZnodeWrite::Create { path, data } => {
                    multi.add_create(path, data, &CreateMode::Persistent.with_acls(anyone))
                }
                ZnodeWrite::CreateEphemeral { path, data } => {
                    multi.add_create(path, data, &CreateMode::Ephemeral.with_acls(anyone))
                }
                ZnodeWrite::SetData {
                    path,
                    data,
                    version,
                } => multi.add_set_data(path, data, *version),
                ZnodeWrite::Delete { path } => multi.add_delete(path, None),
            }
            .map_err(|source| ZooKeeperError::of(write.path(), source))?;
        }
        match multi.commit().await {
            Ok(results) => Ok(results.iter().map(stat_of).collect()),
            Err(MultiWriteError::RequestFailed { source }) => Err(ZooKeeperError::of(
                writes.first().map_or("", ZnodeWrite::path),
                source,
            )),
            Err(MultiWriteError::OperationFailed { index, source }) => Err(ZooKeeperError::of(
                writes.get(index).map_or("", ZnodeWrite::path),
                source,
            )),
        }
    }

    /// The znode's data, or `None` where there is no such znode.
    ///
    /// # Errors
    /// The connection broke, or ZooKeeper refused.
    pub async fn read(&self, path: &str) -> Result<Option<(Vec<u8>, Stat)>, ZooKeeperError> {
        match self.client.get_data(path).await {
            Ok(found) => Ok(Some(found)),
            Err(Error::NoNode) => Ok(None),
            Err(source) => Err(ZooKeeperError::of(path, source)),
        }
    }

    /// As [`Self::read`], of several znodes in one request and at one moment.
    ///
    /// # Errors
    /// The connection broke, or ZooKeeper refused one of them.
    pub async fn read_all(
        &self,
        paths: &[String],
    ) -> Result<Vec<Option<(Vec<u8>, Stat)>>, ZooKeeperError> {
        if let [path] = paths {
            return Ok(vec![self.read(path).await?]);
        }
        let first = paths.first().map_or("", String::as_str);
        let mut multi = self.client.new_multi_reader();
        for path in paths {
            multi
                .add_get_data(path)
                .map_err(|source| ZooKeeperError::of(path, source))?;
        }
        let results = multi.commit().await;
        let results = results.map_err(|source| ZooKeeperError::of(first, source))?;
        let found = paths
            .iter()
            .zip(results)
            .map(|(path, result)| match result {
                MultiReadResult::Data { data, stat } => Ok(Some((data, stat))),
                MultiReadResult::Error { err: Error::NoNode } => Ok(None),
                MultiReadResult::Error { err } => Err(ZooKeeperError::of(path, err)),
                // Another kind of answer than was asked for.
                _ => Err(ZooKeeperError::ConnectionLost),
            });
        found.collect()
    }

    /// The names of the znodes below; none where there is no such znode.
    ///
    /// # Errors
    /// The connection broke, or ZooKeeper refused.
    pub async fn children(&self, path: &str) -> Result<Vec<String>, ZooKeeperError> {
        match self.client.list_children(path).await {
            Ok(names) => Ok(names),
            Err(Error::NoNode) => Ok(Vec::new()),
            Err(source) => Err(ZooKeeperError::of(path, source)),
        }
    }

    /// Whether the znode is there.
    ///
    /// # Errors
    /// The connection broke, or ZooKeeper refused.
    pub async fn stat(&self, path: &str) -> Result<Option<Stat>, ZooKeeperError> {
        self.client
            .check_stat(path)
            .await
            .map_err(|source| ZooKeeperError::of(path, source))
    }

    /// Replaces the znode's data; with a version only if it still has that one.
    ///
    /// # Errors
    /// There is no such znode, or it has another version. After [`ZooKeeperError::ConnectionLost`] it may be written.
    pub async fn set_data(
        &self,
        path: &str,
        data: &[u8],
        version: Option<i32>,
    ) -> Result<Stat, ZooKeeperError> {
        self.client
            .set_data(path, data, version)
            .await
            .map_err(|source| ZooKeeperError::of(path, source))
    }
}

impl ZnodeWrite {
    /// The znode it is about.
    #[must_use]
    pub fn path(&self) -> &str {
        match self {
            Self::Check { path, .. }
            | Self::Create { path, .. }
            | Self::CreateEphemeral { path, .. }
            | Self::SetData { path, .. }
            | Self::Delete { path } => path,
        }
    }

    /// About how many bytes it takes in a multi.
    #[must_use]
    pub fn size(&self) -> usize {
        /// Header, lengths, version and access list of one operation.
        const OVERHEAD: usize = 64;
        let data = match self {
            Self::Create { data, .. }
            | Self::CreateEphemeral { data, .. }
            | Self::SetData { data, .. } => data.len(),
            Self::Check { .. } | Self::Delete { .. } => 0,
        };
        OVERHEAD + self.path().len() + data
    }
}

impl ZooKeeperError {
    fn of(path: &str, source: Error) -> Self {
        let path = path.to_owned();
        match source {
            Error::NoNode => Self::NoNode { path },
            Error::NodeExists => Self::NodeExists { path },
            Error::BadVersion => Self::BadVersion { path },
            // The crate answers "unexpected" for requests of a connection that was dropped.
            Error::ConnectionLoss
            | Error::SessionExpired
            | Error::SessionMoved
            | Error::ClientClosed
            | Error::Timeout
            | Error::UnexpectedError(_)
            | Error::Custom(_) => Self::ConnectionLost,
            source => Self::Refused { path, source },
        }
    }
}

impl ChangedPaths {
    fn add(&self, path: String) {
        let mut changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        if changes.paths.len() < CHANGED_PATHS_MAX {
            changes.paths.insert(path);
        } else {
            changes.everything = true;
        }
        drop(changes);
        self.notify.notify_one();
    }

    fn take(&self) -> Changes {
        std::mem::take(&mut self.changes.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn stat_of(result: &MultiWriteResult) -> Option<Stat> {
    match result {
        MultiWriteResult::Create { stat, .. } | MultiWriteResult::SetData { stat } => Some(*stat),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::{net::TcpListener, time::Duration};

    use super::{
        CHANGED_PATHS_MAX, ChangedPaths, Link, ZooKeeper, ZooKeeperError, ZooKeeperOptions,
    };

    #[tokio::test]
    async fn a_session_that_finds_nobody_is_connecting_until_it_is_closed() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
        let address = listener.local_addr().expect("an address");
        drop(listener);
        let zookeeper = ZooKeeper::start(ZooKeeperOptions {
            connect: address.to_string(),
            session_timeout: Duration::from_secs(6),
            watches: vec!["/brokers"],
        })
        .expect("a thread");
        let links = zookeeper.links();
        assert!(matches!(*links.borrow(), Link::Connecting));
        let none = zookeeper.connection();
        assert!(matches!(none, Err(ZooKeeperError::ConnectionLost)));
        zookeeper.close().await;
        assert!(matches!(*links.borrow(), Link::Closed));
    }

    #[test]
    fn more_changes_than_can_be_remembered_mean_everything() {
        let changed = ChangedPaths::default();
        changed.add("/a".into());
        changed.add("/a".into());
        assert_eq!(changed.take().paths.len(), 1);
        for number in 0..=CHANGED_PATHS_MAX {
            changed.add(format!("/{number}"));
        }
        assert!(changed.take().everything);
        assert!(!changed.take().everything);
    }
}
