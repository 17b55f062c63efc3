//! The Kafka server: log, replication, groups and controller behind Kafka's wire protocol.

#![warn(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod bounds;
mod configs;
mod connection;
mod controlled_shutdown;
mod controller;
mod controller_task;
mod coordinating;
mod coordinator;
mod error_code;
mod groups;
mod handlers;
mod image;
mod internal_topic;
mod log;
mod meta_properties;
mod partitions;
#[cfg(test)]
mod planted;
mod registry;
mod replica_fetcher;
mod replication;
#[cfg(test)]
mod scenario_tests;
#[cfg(test)]
mod simulation;
mod throttle;
mod transaction_coordinator;
mod transactions;

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use thiserror::Error;
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;

use self::{
    bounds::{AnswerBytes, ConnectionCounts, ConnectionLimits, RequestBytes},
    configs::BrokerLayers,
    controller_task::ControllerHandle,
    coordinating::ReplicatedLog,
    groups::Groups,
    handlers::FetchSessions,
    image::ClusterImage,
    internal_topic::InternalTopic,
    partitions::{
        Partitions, housekeeping, image_follower::ImageFollower, isr_writer::IsrWrites, offline,
    },
    registry::{Registry, RegistryOptions},
    replica_fetcher::ReplicaFetchers,
    throttle::Throttle,
    transaction_coordinator::{Coordinators, Sources, TransactionCoordinator},
};
use wire::{BrokerId, Reporter, topic_name};

pub use configs::{ConfigError, Endpoint, Placement, Settings};

/// How a broker is started.
#[derive(Debug, Clone)]
pub struct BrokerOptions {
    pub id: BrokerId,
    /// What clients and other brokers are told to connect to, where that is not the listener. Without a host it is
    /// the listener's; port 0 is the listener's, too.
    pub advertised: Option<Endpoint>,
    /// ZooKeeper's servers, `host:port` with commas between.
    pub zookeeper: String,
    /// Exists and is locked for this process.
    pub data_dir: PathBuf,
    pub settings: Settings,
}

impl BrokerOptions {
    /// Clients are told where to connect; "any address of this machine" is no such place, and the loopback one
    /// would lead clients elsewhere to themselves.
    fn check_reachable(&self, address: SocketAddr) -> Result<(), ConfigError> {
        let named = self.advertised.as_ref().and_then(|it| it.host.as_deref());
        let is_meta_address = named.map_or_else(
            || address.ip().is_unspecified(),
            |host| host.parse::<IpAddr>().is_ok_and(|ip| ip.is_unspecified()),
        );
        if is_meta_address {
            return Err(ConfigError::MetaAddress);
        }
        Ok(())
    }

    /// Says in the settings, under Kafka's names, what was said beside them, and checks them all together.
    fn place(&mut self, address: SocketAddr) -> Result<(), ConfigError> {
        const LISTENER: &str = "PLAINTEXT";
        for name in ["broker.id", "node.id"] {
            self.settings.set(name, &self.id.to_string())?;
        }
        let folder = self.data_dir.display().to_string();
        self.settings.set("log.dirs", &folder)?;
        self.settings.set("zookeeper.connect", &self.zookeeper)?;
        self.settings
            .set("listeners", &format!("{LISTENER}://{address}"))?;
        if let Some(advertised) = &mut self.advertised {
            let host = &mut advertised.host;
            host.get_or_insert_with(|| address.ip().to_string());
            if advertised.port == 0 {
                advertised.port = address.port();
            }
            let place = format!("{LISTENER}://{advertised}");
            self.settings.set("advertised.listeners", &place)?;
        }
        self.settings.check()
    }
}

/// Why a broker cannot start or go on.
#[derive(Debug, Error)]
pub enum BrokerError {
    #[error("cannot use the socket to listen on: {0}")]
    Listen(std::io::Error),
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("cannot join the cluster: {0}")]
    Join(String),
    #[error("cannot use the data folder: {0}")]
    Disk(String),
    #[error(
        "the log directory {} failed: {reason}. Give it room, or put it back, and start the broker again: \
         nothing that was acknowledged is lost", directory.display()
    )]
    LogDirectory { directory: PathBuf, reason: String },
    #[error("the broker was put out of its cluster; the log says why")]
    PutOut,
}

/// What all handlers and tasks of a broker share.
pub(crate) struct Broker {
    pub(crate) id: BrokerId,
    pub(crate) settings: Settings,
    /// The cluster as the znodes tell it, and this broker's place in it.
    pub(crate) registry: Registry,
    pub(crate) controller: ControllerHandle,
    pub(crate) partitions: Arc<Partitions>,
    pub(crate) groups: Groups,
    pub(crate) transactions: TransactionCoordinator,
    /// Connections to those of other brokers.
    pub(crate) coordinators: Coordinators,
    pub(crate) isr_writes: IsrWrites,
    pub(crate) reporter: Reporter,
    pub(crate) fetch_sessions: Mutex<FetchSessions>,
    /// Of what is led here.
    pub(crate) throttle: Throttle,
    pub(crate) requests: RequestBytes,
    pub(crate) answers: AnswerBytes,
}

impl Broker {
    /// This broker's settings with what was changed since its start.
    pub(crate) fn config_layers<'a>(&'a self, image: &'a ClusterImage) -> BrokerLayers<'a> {
        BrokerLayers::of(&self.settings, image, self.id)
    }
}

/// How much is read of committed offsets at a time: Kafka's `offsets.load.buffer.size`.
const OFFSETS_READ_BYTES_MAX: usize = 5 * 1024 * 1024;

const INTERVAL_MIN: Duration = Duration::from_millis(1);

/// A year: "never", where a setting says so by a huge number.
const INTERVAL_MAX: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// How long a start waits for ZooKeeper where `zookeeper.connection.timeout.ms` does not say it: as Kafka's own
/// `server.properties` has it.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(18);

/// How long accepting pauses when the process has no file descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Runs a broker until `stop` is cancelled. Clients that connect to `socket` wait until it serves. `ready` is called once, when clients can connect.
///
/// # Errors
/// It could not start, or cannot go on: the sentence says what to do.
pub async fn run(
    mut options: BrokerOptions,
    socket: std::net::TcpListener,
    reporter: Reporter,
    stop: CancellationToken,
    ready: impl FnOnce(SocketAddr),
) -> Result<(), BrokerError> {
    let (listener, address) = listening(socket).map_err(BrokerError::Listen)?;
    options.check_reachable(address)?;
    options.place(address)?;
    let mut tasks = JoinSet::new();
    // The registry cancels this too, when the broker lost its place in the cluster.
    let end = CancellationToken::new();
    let joining = Registry::start(
        registry_options(&options, address),
        reporter.clone(),
        &mut tasks,
        end.clone(),
    );
    let registry = tokio::select! {
        joined = joining => joined.map_err(|error| BrokerError::Join(error.to_string()))?,
        () = stop.cancelled() => return Ok(()),
    };
    let controller =
        ControllerHandle::start(registry.clone(), &options.settings, &mut tasks, end.clone());
    let started = start_rooms(
        options,
        registry.clone(),
        controller,
        reporter,
        &mut tasks,
        &end,
    );
    let broker = match started.await {
        Ok(broker) => broker,
        Err(error) => {
            end.cancel();
            while tasks.join_next().await.is_some() {}
            registry.close().await;
            return Err(error);
        }
    };
    ready(address);
    tracing::info!("broker {} serves on {address}", broker.id);
    let stopped = async {
        stop.cancelled().await;
        controlled_shutdown::hand_over(&broker).await;
    };
    let failed = async {
        let reason = broker.partitions.directory_failure().await;
        tracing::error!("the log directory failed, the broker hands over and ends: {reason}");
        controlled_shutdown::hand_over(&broker).await;
        reason
    };
    let ended = tokio::select! {
        () = accept(&broker, &listener) => Ok(()),
        () = stopped => Ok(()),
        () = end.cancelled() => Err(BrokerError::PutOut),
        reason = failed => Err(BrokerError::LogDirectory {
            directory: broker.partitions.data_dir().to_owned(),
            reason,
        }),
    };
    end.cancel();
    while tasks.join_next().await.is_some() {}
    let partitions = Arc::clone(&broker.partitions);
    // A disk that failed is not asked for more; the next start checks what it kept.
    if matches!(ended, Err(BrokerError::LogDirectory { .. })) {
        tracing::debug!("the logs are left as they are");
    } else if let Err(error) =
        tokio::task::spawn_blocking(move || housekeeping::close(&partitions)).await
    {
        tracing::error!("the logs were not flushed: {error}");
    }
    broker.registry.close().await;
    ended
}

/// The socket as the runtime uses it, and its address.
fn listening(listener: std::net::TcpListener) -> std::io::Result<(TcpListener, SocketAddr)> {
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    Ok((TcpListener::from_std(listener)?, address))
}

/// Opens the logs and starts the tasks of replication. All of them end with `end`.
async fn start_rooms(
    options: BrokerOptions,
    registry: Registry,
    controller: ControllerHandle,
    reporter: Reporter,
    tasks: &mut JoinSet<()>,
    end: &CancellationToken,
) -> Result<Arc<Broker>, BrokerError> {
    let settings = options.settings;
    let partitions = Arc::new(Partitions::new(options.data_dir));
    let mut image_follower = ImageFollower::new(
        options.id,
        settings.clone(),
        Arc::clone(&partitions),
        reporter.clone(),
        registry.watch(),
    )
    .map_err(|error| BrokerError::Disk(error.to_string()))?;
    image_follower.catch_up().await;
    let (isr_writes, writer) = IsrWrites::new(
        registry.clone(),
        Arc::clone(&partitions),
        millis(settings.replica_lag_time_max_ms),
    );
    let fetchers = ReplicaFetchers {
        settings: settings.clone(),
        registry: registry.clone(),
        partitions: Arc::clone(&partitions),
        reporter: reporter.clone(),
        throttle: Throttle::following(options.id),
    };
    let effective = {
        let (settings, registry, id) = (settings.clone(), registry.clone(), options.id);
        move || BrokerLayers::of(&settings, &registry.image(), id).effective()
    };
    until(end, tasks, image_follower.run());
    until(end, tasks, writer.run());
    until(
        end,
        tasks,
        offline::resign(registry.clone(), Arc::clone(&partitions)),
    );
    until(end, tasks, fetchers.run());
    until(
        end,
        tasks,
        housekeeping::run(Arc::clone(&partitions), effective),
    );
    let groups = Groups::start(
        options.id,
        &settings,
        Arc::new(ReplicatedLog {
            topic: InternalTopic::ConsumerOffsets,
            partitions: Arc::clone(&partitions),
            read_bytes_max: OFFSETS_READ_BYTES_MAX,
        }),
        partitions.coordinating(InternalTopic::ConsumerOffsets),
        registry.watch(),
        reporter.clone(),
        tasks,
        end.clone(),
    );
    let transactions = TransactionCoordinator::start(
        &settings,
        Arc::new(ReplicatedLog {
            topic: InternalTopic::TransactionState,
            partitions: Arc::clone(&partitions),
            read_bytes_max: usize::try_from(settings.transaction_state_log_load_buffer_size)
                .unwrap_or(1),
        }),
        registry.clone(),
        reporter.clone(),
        Sources {
            led: partitions.coordinating(InternalTopic::TransactionState),
            image: registry.watch(),
        },
        tasks,
        end,
    );
    let slots = settings.max_incremental_fetch_session_cache_slots;
    let slots = usize::try_from(slots).unwrap_or_default();
    Ok(Arc::new(Broker {
        fetch_sessions: Mutex::new(FetchSessions::new(slots, first_session_id())),
        throttle: Throttle::leading(options.id),
        requests: RequestBytes::new(settings.queued_max_request_bytes),
        answers: AnswerBytes::default(),
        id: options.id,
        settings,
        registry,
        controller,
        partitions,
        groups,
        transactions,
        coordinators: Coordinators::default(),
        isr_writes,
        reporter,
    }))
}

/// Somewhere among all positive numbers: a client must not meet its session's id in another process.
fn first_session_id() -> i32 {
    let (high, ..) = uuid::Uuid::new_v4().as_fields();
    i32::try_from(high >> 1).unwrap_or(1)
}

/// An interval of the settings: at least a millisecond, and at most what clocks can add to now. Below zero is
/// never, as of `connections.max.idle.ms`.
fn millis(ms: i64) -> Duration {
    u64::try_from(ms)
        .map_or(INTERVAL_MAX, Duration::from_millis)
        .clamp(INTERVAL_MIN, INTERVAL_MAX)
}

/// Runs a task until it is done or `end` is cancelled.
fn until(
    end: &CancellationToken,
    tasks: &mut JoinSet<()>,
    task: impl Future<Output = ()> + Send + 'static,
) {
    let end = end.clone();
    tasks.spawn(async move {
        end.run_until_cancelled(task).await;
    });
}

fn registry_options(options: &BrokerOptions, address: SocketAddr) -> RegistryOptions {
    let advertised = options.advertised.as_ref();
    let settings = &options.settings;
    let connection_timeout_ms = settings.zookeeper_connection_timeout_ms;
    RegistryOptions {
        broker_id: options.id,
        host: advertised
            .and_then(|it| it.host.clone())
            .unwrap_or_else(|| address.ip().to_string()),
        port: advertised.map_or_else(|| address.port(), |it| it.port),
        rack: settings.broker_rack.clone(),
        zookeeper: options.zookeeper.clone(),
        session_timeout: millis(settings.zookeeper_session_timeout_ms.into()),
        connection_timeout: connection_timeout_ms
            .map_or(CONNECTION_TIMEOUT, |ms| millis(ms.into())),
        data_dir: options.data_dir.clone(),
    }
}

/// Accepts connections. Dropped, it closes them all. As in Kafka, who is one too many of all waits to be accepted,
/// and who is one too many from its address is closed.
async fn accept(broker: &Arc<Broker>, listener: &TcpListener) {
    let counts = ConnectionCounts::default();
    let mut connections = JoinSet::new();
    let mut limits =
        ConnectionLimits::new(broker.id, broker.settings.clone(), broker.registry.watch());
    loop {
        let has_room = connections.len() < limits.all();
        tokio::select! {
            accepted = listener.accept(), if has_room => match accepted {
                Ok((stream, peer)) => match counts.enter(peer.ip(), &limits) {
                    Ok(place) => {
                        let served = connection::run(Arc::clone(broker), stream, peer);
                        connections.spawn(async move {
                            served.await;
                            drop(place);
                        });
                    }
                    // In Kafka's words.
                    Err(max) => tracing::warn!("Too many connections from {} (maximum = {max})", peer.ip()),
                },
                Err(error) => {
                    tracing::warn!("cannot accept a connection: {error}");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            () = limits.changed() => {}
        }
    }
}
