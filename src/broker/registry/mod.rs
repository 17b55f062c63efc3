//! The broker's side of the znodes: registers it, follows them into the [`ClusterImage`], writes them.
//!
//! Watches are hints and reads are truth: a watch only says which znode to read, and what was
//! read counts only if it is newer than what is known.

mod configs;
mod elections;
pub(super) mod mirror;
pub(super) mod plan;
mod producer_ids;
mod reader;
mod registration;
mod task;
mod topics;
pub(super) mod writes;
pub(crate) mod znodes;

use std::{
    collections::BTreeSet,
    io,
    ops::Range,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use futures::FutureExt;
use thiserror::Error;
use tokio::{sync::watch, task::JoinSet};
use tokio_util::sync::CancellationToken;

use self::{mirror::Mirror, znodes::Znode};
pub(crate) use self::{
    topics::NewTopic,
    writes::{Controllership, IsrChange},
};
use crate::image::ClusterImage;
use client::zookeeper::{Connection, Link, ZooKeeper, ZooKeeperError, ZooKeeperOptions};
use wire::{BrokerId, Reporter, TopicPartition};

/// How long a request waits for ZooKeeper to be back before its client is told to try again.
const CONNECTION_PATIENCE: Duration = Duration::from_secs(1);

/// How often a write whose fate is unknown is looked at again before its caller is told.
const TRIES_MAX: usize = 10;

/// What a broker is called, and where its ZooKeeper is.
#[derive(Debug, Clone)]
pub(crate) struct RegistryOptions {
    pub(crate) broker_id: BrokerId,
    /// As clients reach it.
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) rack: Option<String>,
    /// Kafka's `zookeeper.connect`.
    pub(crate) zookeeper: String,
    pub(crate) session_timeout: Duration,
    /// How long a start waits for ZooKeeper.
    pub(crate) connection_timeout: Duration,
    /// The broker's locked folder: `meta.properties` and the session's id are kept there.
    pub(crate) data_dir: PathBuf,
}

/// Why something about the cluster could not be read or written.
#[derive(Debug, Error)]
pub(crate) enum RegistryError {
    #[error("ZooKeeper at {connect} did not answer for {} s", waited.as_secs_f64())]
    Unreachable { connect: String, waited: Duration },
    #[error(
        "this folder belongs to cluster {folder}, but the ZooKeeper here belongs to cluster {zookeeper}: {path} says so"
    )]
    WrongCluster {
        folder: String,
        zookeeper: String,
        path: PathBuf,
    },
    #[error("this folder belongs to broker {folder}, not to broker {broker}: {path} says so")]
    WrongBroker {
        folder: BrokerId,
        broker: BrokerId,
        path: PathBuf,
    },
    #[error("broker {broker} is registered already, by another process (session {session:#x})")]
    AlreadyRegistered { broker: BrokerId, session: i64 },
    #[error("{path}: {source}")]
    Disk { path: PathBuf, source: io::Error },
    #[error(transparent)]
    ZooKeeper(#[from] ZooKeeperError),
    #[error("{at} changed meanwhile")]
    Changed { at: TopicPartition },
    #[error("the replicas of {at} changed meanwhile")]
    ReplicasChanged { at: TopicPartition },
    #[error("topic {topic:?} does not exist")]
    UnknownTopic { topic: String },
    #[error("topic {topic:?} exists already")]
    TopicExists { topic: String },
    #[error("{0}")]
    Topic(#[from] crate::controller::AssignmentError),
    #[error("this broker is not the controller")]
    NotController,
    #[error("the znode {path} is not what Kafka writes there")]
    Unreadable { path: String },
    #[error("{0} is stopping")]
    Stopping(&'static str),
}

/// A cheap handle on the registry of this broker.
#[derive(Debug, Clone)]
pub(crate) struct Registry {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    options: RegistryOptions,
    zookeeper: ZooKeeper,
    mirror: Mirror,
    reporter: Reporter,
    /// The czxid of `/brokers/ids/N`, or -1 while this broker is not registered.
    broker_epoch: AtomicI64,
    producer_ids: tokio::sync::Mutex<Range<i64>>,
}

impl Registry {
    /// Connects, compares the cluster's id with the folder's, registers the broker and reads
    /// everything there is. What follows happens in `tasks` until `cancel`.
    ///
    /// # Errors
    /// No ZooKeeper within the connection timeout, a folder of another cluster or broker, or another live process
    /// under this id. Nothing is registered then.
    pub(crate) async fn start(
        options: RegistryOptions,
        reporter: Reporter,
        tasks: &mut JoinSet<()>,
        cancel: CancellationToken,
    ) -> Result<Self, RegistryError> {
        let zookeeper = ZooKeeper::start(ZooKeeperOptions {
            connect: options.zookeeper.clone(),
            session_timeout: options.session_timeout,
            watches: znodes::WATCHED.to_vec(),
        })?;
        let started = registration::join_cluster(&zookeeper, &options).await;
        let (cluster_id, connection) = match started {
            Ok(joined) => joined,
            Err(error) => {
                zookeeper.close().await;
                return Err(error);
            }
        };
        let registry = Self {
            shared: Arc::new(Shared {
                options,
                zookeeper,
                mirror: Mirror::new(cluster_id),
                reporter,
                broker_epoch: AtomicI64::new(-1),
                producer_ids: tokio::sync::Mutex::new(0..0),
            }),
        };
        let connection = match registry.arrive_first(connection).await {
            Ok(connection) => connection,
            Err(error) => {
                registry.shared.zookeeper.close().await;
                return Err(error);
            }
        };
        let ids = registry.clone().reserve_producer_ids();
        tasks.spawn(cancel.clone().run_until_cancelled_owned(ids).map(drop));
        tasks.spawn(task::run(registry.clone(), connection, cancel));
        Ok(registry)
    }

    /// The newest image of the cluster.
    pub(crate) fn image(&self) -> Arc<ClusterImage> {
        self.shared.mirror.image()
    }

    /// The image as it changes.
    pub(crate) fn watch(&self) -> watch::Receiver<Arc<ClusterImage>> {
        self.shared.mirror.watch()
    }

    /// Waits until the image is as wished; `false` when it was not in time.
    pub(crate) async fn wait_for(
        &self,
        patience: Duration,
        mut holds: impl FnMut(&ClusterImage) -> bool,
    ) -> bool {
        let mut images = self.watch();
        let waiting = images.wait_for(|image| holds(image));
        matches!(tokio::time::timeout(patience, waiting).await, Ok(Ok(_)))
    }

    /// This broker.
    pub(crate) fn broker_id(&self) -> BrokerId {
        self.shared.options.broker_id
    }

    /// The czxid of this broker's znode; -1 while its session is being replaced.
    pub(crate) fn broker_epoch(&self) -> i64 {
        self.shared.broker_epoch.load(Ordering::Acquire)
    }

    /// Where this broker tells what happened.
    pub(crate) fn reporter(&self) -> &Reporter {
        &self.shared.reporter
    }

    /// The connection to ZooKeeper as it comes and goes.
    pub(super) fn links(&self) -> watch::Receiver<Link> {
        self.shared.zookeeper.links()
    }

    /// Waits a while for a connection to ZooKeeper.
    async fn connected(&self) -> Result<Connection, RegistryError> {
        let waiting = connected(&self.shared.zookeeper);
        match tokio::time::timeout(CONNECTION_PATIENCE, waiting).await {
            Ok(connected) => connected,
            Err(_) => Err(ZooKeeperError::ConnectionLost.into()),
        }
    }

    /// Reads these znodes into the image now, without waiting for a watch.
    pub(super) async fn refresh(&self, znodes: BTreeSet<Znode>) -> Result<(), RegistryError> {
        let connection = self.connected().await?;
        Ok(reader::read_changed(&connection, &self.shared.mirror, znodes).await?)
    }
}

async fn connected(zookeeper: &ZooKeeper) -> Result<Connection, RegistryError> {
    connected_after(zookeeper, 0).await
}

/// Waits for a connection other than the one of this number, which broke; 0 is none's. That it broke may be
/// seen by who uses it before it is told here.
async fn connected_after(zookeeper: &ZooKeeper, broken: u64) -> Result<Connection, RegistryError> {
    let mut links = zookeeper.links();
    let link = links
        .wait_for(|link| match link {
            Link::Connected(connection) => connection.number != broken,
            Link::Connecting => false,
            Link::Closed => true,
        })
        .await
        .map_err(|_| RegistryError::Stopping("the ZooKeeper session"))?;
    match &*link {
        Link::Connected(connection) => Ok(connection.clone()),
        Link::Connecting | Link::Closed => Err(RegistryError::Stopping("the ZooKeeper session")),
    }
}
