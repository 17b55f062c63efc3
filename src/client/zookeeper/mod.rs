//! A ZooKeeper session that outlives its connections, on a thread of its own.
//!
//! At rest the thread wakes for its heartbeats and their answers, a few times in a session's timeout. When a connection
//! breaks the next one takes the same session up again, with its watches set anew; a refused port is tried again
//! after 2 ms; and a session is over only when ZooKeeper says so.

mod link;
mod requests;
mod session;

use std::{
    collections::BTreeSet,
    io,
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

use bytes::Bytes;
use thiserror::Error;
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use self::{
    requests::{Chroot, Found, Request},
    session::{Asked, Session},
};
use wire::jute::{JuteError, Stat};

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

/// One connection of the session; requests on it are sent in the order in which they are asked. Another `number` means that watches were lost and set anew in
/// between; another `session` that ZooKeeper had ended the one before, with its ephemeral znodes.
#[derive(Debug, Clone)]
pub struct Connection {
    pub number: u64,
    pub session: i64,
    asking: mpsc::Sender<Asked>,
    chroot: Arc<Chroot>,
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
    #[error("ZooKeeper refused {path}: {why}")]
    Refused { path: String, why: String },
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
        let path = |index: usize| writes.get(index).map_or("", ZnodeWrite::path);
        let answer = self.ask(requests::multi(&self.chroot, writes)).await?;
        let body = answer.map_err(|code| ZooKeeperError::of(path(0), code))?;
        requests::written(&body)
            .map_err(|error| ZooKeeperError::unclear(path(0), error))?
            .map_err(|failed| ZooKeeperError::of(path(failed.index), failed.code))
    }

    /// The znode's data, or `None` where there is no such znode.
    ///
    /// # Errors
    /// The connection broke, or ZooKeeper refused.
    pub async fn read(&self, path: &str) -> Result<Found, ZooKeeperError> {
        let request = requests::get_data(&self.chroot, path);
        self.find(request, path, requests::data).await
    }

    /// As [`Self::read`], of several znodes in one request and at one moment.
    ///
    /// # Errors
    /// The connection broke, or ZooKeeper refused one of them.
    pub async fn read_all(&self, paths: &[String]) -> Result<Vec<Found>, ZooKeeperError> {
        if let [path] = paths {
            return Ok(vec![self.read(path).await?]);
        }
        let path = |index: usize| paths.get(index).map_or("", String::as_str);
        let answer = self.ask(requests::multi_read(&self.chroot, paths)).await?;
        let body = answer.map_err(|code| ZooKeeperError::of(path(0), code))?;
        let found =
            requests::all_data(&body).map_err(|error| ZooKeeperError::unclear(path(0), error))?;
        if found.len() != paths.len() {
            return Err(ZooKeeperError::ConnectionLost);
        }
        found
            .into_iter()
            .map(|found| {
                found.map_err(|failed| ZooKeeperError::of(path(failed.index), failed.code))
            })
            .collect()
    }

    /// The names of the znodes below; none where there is no such znode.
    ///
    /// # Errors
    /// The connection broke, or ZooKeeper refused.
    pub async fn children(&self, path: &str) -> Result<Vec<String>, ZooKeeperError> {
        let request = requests::get_children(&self.chroot, path);
        let names = self.find(request, path, requests::children).await?;
        Ok(names.unwrap_or_default())
    }

    /// Whether the znode is there.
    ///
    /// # Errors
    /// The connection broke, or ZooKeeper refused.
    pub async fn stat(&self, path: &str) -> Result<Option<Stat>, ZooKeeperError> {
        let request = requests::exists(&self.chroot, path);
        self.find(request, path, requests::stat).await
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
        let request = requests::set_data(&self.chroot, path, data, version);
        let body = self.ask(request).await?;
        let body = body.map_err(|code| ZooKeeperError::of(path, code))?;
        requests::stat(&body).map_err(|error| ZooKeeperError::unclear(path, error))
    }

    /// What a request finds; nothing where there is no such znode.
    async fn find<T>(
        &self,
        request: Request,
        path: &str,
        read: impl FnOnce(&[u8]) -> Result<T, JuteError>,
    ) -> Result<Option<T>, ZooKeeperError> {
        let answer = self.ask(request).await?;
        match answer.map_err(|code| ZooKeeperError::of(path, code)) {
            Ok(body) => match read(&body) {
                Ok(found) => Ok(Some(found)),
                Err(error) => Err(ZooKeeperError::unclear(path, error)),
            },
            Err(ZooKeeperError::NoNode { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The answer's bytes, or its code.
    async fn ask(&self, request: Request) -> Result<Result<Bytes, i32>, ZooKeeperError> {
        let (answer, answered) = oneshot::channel();
        let sent = self.asking.send(Asked { request, answer }).await;
        sent.map_err(|_| ZooKeeperError::ConnectionLost)?;
        answered.await.map_err(|_| ZooKeeperError::ConnectionLost)
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
    /// An answer that cannot be read.
    fn unclear(path: &str, error: JuteError) -> Self {
        Self::Refused {
            path: path.to_owned(),
            why: format!("its answer is not valid: {error}"),
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
