//! A ZooKeeper session that outlives its connections, on a thread of its own.
//!
//! The `zookeeper-client` crate gets one connection at a time here. When that breaks, its runtime
//! is dropped with everything the crate remembers, and a new connection takes the same session up
//! again: so watches are always new ones (the crate's own reconnect leaves persistent watches
//! dead), a refused port is tried again after 2 ms (the crate waits 100 ms and more), and a
//! session is over only when ZooKeeper says so (the crate says it by itself after 1.4 timeouts).

use std::{
    collections::BTreeSet,
    io,
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use futures::{StreamExt, stream};
use thiserror::Error;
use tokio::{
    net::TcpStream,
    sync::{Notify, watch},
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use zookeeper_client::{
    AddWatchMode, Client, CreateMode, Error, EventType, MultiWriteError, MultiWriteResult,
    SessionInfo, SessionState, Stat, WatchedEvent,
};

/// Pause between two attempts to reach the port.
const PROBE_PAUSE: Duration = Duration::from_millis(2);

/// From this long away on, probes are rarer: the loss of one more pause does not show any more.
const PROBE_OFTEN: Duration = Duration::from_secs(2);

/// Pause between two attempts when ZooKeeper has been away for longer.
const PROBE_PAUSE_LATER: Duration = Duration::from_millis(20);

/// A host that does not even refuse is tried again after this.
const PROBE_TIMEOUT: Duration = Duration::from_secs(1);

/// Changed paths that are remembered one by one; beyond it the reader has to read everything.
const CHANGED_PATHS_MAX: usize = 10_000;

/// How long closing waits for ZooKeeper's answer: without one the session runs out by itself.
const CLOSE_WAIT: Duration = Duration::from_millis(500);

/// A handle on one session; clones share it.
#[derive(Debug, Clone)]
pub(crate) struct ZooKeeper {
    links: watch::Receiver<Link>,
    changed: Arc<ChangedPaths>,
    close: CancellationToken,
    /// Cancelled when the thread is about to end.
    closed: CancellationToken,
}

/// Whether a connection stands.
#[derive(Debug, Clone)]
pub(crate) enum Link {
    /// Not yet, or not just now: the session may well live on.
    Connecting,
    Connected(Connection),
    Closed,
}

/// One connection of the session. Another `number` means that watches were lost and set anew in
/// between; another `session` that ZooKeeper had ended the one before, with its ephemeral znodes.
#[derive(Debug, Clone)]
pub(crate) struct Connection {
    pub(crate) number: u64,
    pub(crate) session: i64,
    pub(crate) client: Client,
}

/// Where to connect, and what to watch.
#[derive(Debug, Clone)]
pub(crate) struct ZooKeeperOptions {
    /// `host:port,host:port/chroot`, as in Kafka's `zookeeper.connect`.
    pub(crate) connect: String,
    pub(crate) session_timeout: Duration,
    /// Watched with everything below them, on every connection anew.
    pub(crate) watches: Vec<&'static str>,
}

/// What the watches told since it was last asked.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Changes {
    pub(crate) paths: BTreeSet<String>,
    /// Too many paths to remember: anything may have changed.
    pub(crate) everything: bool,
}

#[derive(Debug, Default)]
struct ChangedPaths {
    changes: Mutex<Changes>,
    notify: Notify,
}

/// Why an operation on znodes failed.
#[derive(Debug, Error)]
pub(crate) enum ZooKeeperError {
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
pub(crate) enum ZnodeWrite {
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
    pub(crate) fn start(options: ZooKeeperOptions) -> Result<Self, ZooKeeperError> {
        let (links_out, links) = watch::channel(Link::Connecting);
        let handle = Self {
            links,
            changed: Arc::default(),
            close: CancellationToken::new(),
            closed: CancellationToken::new(),
        };
        let hosts = hosts(&options.connect);
        let session = Session {
            options,
            hosts,
            links: links_out,
            changed: handle.changed.clone(),
            close: handle.close.clone(),
            taken_up: None,
            connections: 0,
        };
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
    pub(crate) fn links(&self) -> watch::Receiver<Link> {
        self.links.clone()
    }

    /// The connection, if there is one now.
    pub(crate) fn connection(&self) -> Result<Connection, ZooKeeperError> {
        match &*self.links.borrow() {
            Link::Connected(connection) => Ok(connection.clone()),
            Link::Connecting | Link::Closed => Err(ZooKeeperError::ConnectionLost),
        }
    }

    /// Waits for watches to fire and takes what they told. Hints only: what changed must be read.
    pub(crate) async fn changes(&self) -> Changes {
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
    pub(crate) async fn close(&self) {
        self.close.cancel();
        self.closed.cancelled().await;
    }
}

impl Connection {
    /// Writes all of it or nothing. The results are in the order of the writes.
    pub(crate) async fn multi(
        &self,
        writes: &[ZnodeWrite],
    ) -> Result<Vec<Option<Stat>>, ZooKeeperError> {
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
    pub(crate) async fn read(&self, path: &str) -> Result<Option<(Vec<u8>, Stat)>, ZooKeeperError> {
        match self.client.get_data(path).await {
            Ok(found) => Ok(Some(found)),
            Err(Error::NoNode) => Ok(None),
            Err(source) => Err(ZooKeeperError::of(path, source)),
        }
    }

    /// The names of the znodes below; none where there is no such znode.
    pub(crate) async fn children(&self, path: &str) -> Result<Vec<String>, ZooKeeperError> {
        match self.client.list_children(path).await {
            Ok(names) => Ok(names),
            Err(Error::NoNode) => Ok(Vec::new()),
            Err(source) => Err(ZooKeeperError::of(path, source)),
        }
    }

    /// Whether the znode is there.
    pub(crate) async fn stat(&self, path: &str) -> Result<Option<Stat>, ZooKeeperError> {
        self.client
            .check_stat(path)
            .await
            .map_err(|source| ZooKeeperError::of(path, source))
    }

    /// Replaces the znode's data; with a version only if it still has that one.
    pub(crate) async fn set_data(
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
    pub(crate) fn path(&self) -> &str {
        match self {
            Self::Check { path, .. }
            | Self::Create { path, .. }
            | Self::CreateEphemeral { path, .. }
            | Self::SetData { path, .. }
            | Self::Delete { path } => path,
        }
    }

    /// About how many bytes it takes in a multi.
    pub(crate) fn size(&self) -> usize {
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

/// What the session's thread works on.
struct Session {
    options: ZooKeeperOptions,
    /// `host:port` of each server.
    hosts: Vec<String>,
    links: watch::Sender<Link>,
    changed: Arc<ChangedPaths>,
    close: CancellationToken,
    /// The session to take up again; `None` before the first and after ZooKeeper ended one.
    taken_up: Option<SessionInfo>,
    connections: u64,
}

impl Session {
    fn run(mut self) {
        while !self.close.is_cancelled() {
            // One runtime for each connection: dropping it ends the crate's task, which would
            // else reconnect by itself and take the session from the connection made here.
            match tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
            {
                Ok(runtime) => runtime.block_on(self.connect_and_serve()),
                Err(error) => {
                    tracing::error!(%error, "no runtime for the ZooKeeper session");
                    thread::sleep(PROBE_TIMEOUT);
                }
            }
        }
        self.links.send_replace(Link::Closed);
    }

    async fn connect_and_serve(&mut self) {
        let close = self.close.clone();
        let Some(Some(client)) = close.run_until_cancelled(self.connect()).await else {
            return;
        };
        self.serve(client).await;
    }

    async fn connect(&mut self) -> Option<Client> {
        self.probe().await;
        let mut connector = Client::connector().with_session_timeout(self.options.session_timeout);
        if let Some(session) = &self.taken_up {
            connector = connector.with_session(session.clone());
        }
        match connector.connect(&self.options.connect).await {
            Ok(client) => {
                self.taken_up = Some(client.session().clone());
                Some(client)
            }
            Err(Error::SessionExpired) => {
                if let Some(session) = self.taken_up.take() {
                    tracing::warn!(session = %session.id(), "ZooKeeper ended the session");
                }
                None
            }
            Err(error) => {
                tracing::info!(%error, "no ZooKeeper session yet");
                sleep(PROBE_PAUSE).await;
                None
            }
        }
    }

    /// Waits until one of the servers accepts a connection.
    async fn probe(&self) {
        let since = Instant::now();
        loop {
            for host in &self.hosts {
                match timeout(PROBE_TIMEOUT, TcpStream::connect(host)).await {
                    Ok(Ok(_)) => return,
                    Ok(Err(error)) => tracing::trace!(%host, %error, "ZooKeeper does not answer"),
                    Err(_) => tracing::trace!(%host, "ZooKeeper does not answer in time"),
                }
            }
            sleep(if since.elapsed() < PROBE_OFTEN {
                PROBE_PAUSE
            } else {
                PROBE_PAUSE_LATER
            })
            .await;
        }
    }

    /// Hands the connection out and passes its watch events on until it breaks.
    async fn serve(&mut self, client: Client) {
        let mut states = client.state_watcher();
        let mut watchers = Vec::new();
        for path in &self.options.watches {
            match client.watch(path, AddWatchMode::PersistentRecursive).await {
                Ok(watcher) => watchers.push(watcher),
                Err(error) => {
                    tracing::warn!(path, %error, "cannot watch");
                    return;
                }
            }
        }
        let events = watchers.into_iter().map(|watcher| {
            stream::unfold(Some(watcher), |watcher| async {
                let mut watcher = watcher?;
                let event = watcher.changed().await;
                // After a last state there are no events any more, and asking panics.
                let over =
                    event.event_type == EventType::Session && event.session_state.is_terminated();
                Some((event, (!over).then_some(watcher)))
            })
            .boxed()
        });
        let mut events = stream::select_all(events);
        self.connections += 1;
        self.links.send_replace(Link::Connected(Connection {
            number: self.connections,
            session: client.session_id().0,
            client: client.clone(),
        }));
        loop {
            tokio::select! {
                biased;
                () = self.close.cancelled() => {
                    self.links.send_replace(Link::Closed);
                    drop((events, client));
                    let _ = timeout(CLOSE_WAIT, until_terminated(&mut states)).await;
                    return;
                }
                // Any change means that this connection broke, even if the crate has the next one.
                state = states.changed() => {
                    tracing::info!(?state, "the connection to ZooKeeper is lost");
                    self.links.send_replace(Link::Connecting);
                    return;
                }
                Some(event) = events.next() => self.pass_on(event),
            }
        }
    }

    fn pass_on(&self, event: WatchedEvent) {
        if event.event_type != EventType::Session {
            self.changed.add(event.path);
        }
    }
}

async fn until_terminated(states: &mut zookeeper_client::StateWatcher) -> SessionState {
    loop {
        let state = states.changed().await;
        if state.is_terminated() {
            return state;
        }
    }
}

fn stat_of(result: &MultiWriteResult) -> Option<Stat> {
    match result {
        MultiWriteResult::Create { stat, .. } | MultiWriteResult::SetData { stat } => Some(*stat),
        _ => None,
    }
}

/// The servers named in a connect string, without its chroot.
fn hosts(connect: &str) -> Vec<String> {
    /// ZooKeeper's port where none is given.
    const DEFAULT_PORT: u16 = 2181;
    let servers = connect
        .split_once('/')
        .map_or(connect, |(servers, _)| servers);
    servers
        .split(',')
        .map(|host| {
            let host = host.trim();
            if host
                .rsplit_once(':')
                .is_some_and(|(_, port)| port.parse::<u16>().is_ok())
            {
                host.to_owned()
            } else {
                format!("{host}:{DEFAULT_PORT}")
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{CHANGED_PATHS_MAX, ChangedPaths, hosts};

    #[test]
    fn a_connect_string_names_hosts_ports_and_chroot() {
        assert_eq!(hosts("a:1,b/kafka"), ["a:1", "b:2181"]);
        assert_eq!(hosts("127.0.0.1:2181"), ["127.0.0.1:2181"]);
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
