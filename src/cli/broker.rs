//! `kafkarium broker`: one Kafka broker.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    num::NonZero,
    path::PathBuf,
};

use anyhow::{Context, ensure};
use clap::Args;

use super::{
    child::{ChildFlags, ListenerFlags},
    data_folder::DataFolder,
    logging, open_files,
    remote::Remote,
    server_files, shutdown,
};
use broker::{self, BrokerOptions, Endpoint, Placement, Settings};
use wire::BrokerId;

/// Worker threads of a broker where there are cores for them: its neighbours and clients use the others, and work that
/// is handed from one thread to another costs more than it gains where both wait for the same core.
const WORKERS_MAX: usize = 2;

/// Cores for each worker.
const CORES: usize = 2;

/// Threads that wait for the disk: logs opened at a time, housekeeping and a few more.
const BLOCKING_THREADS_MAX: usize = 16;

const LISTENER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9092);
const ZOOKEEPER: &str = "127.0.0.1:2181";

/// Runs one Kafka broker.
#[derive(Debug, Args)]
pub(super) struct BrokerArguments {
    /// A `server.properties`, as `kafka-server-start.sh` takes it. What is said by flags wins over it.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The broker's id, unique in its cluster.
    #[arg(long, value_parser = clap::value_parser!(i32).range(0..), required_unless_present = "config")]
    id: Option<i32>,
    /// Where to listen; port 0 takes a free one. Without it and a file: 127.0.0.1:9092.
    #[arg(long, value_name = "HOST:PORT")]
    listener: Option<SocketAddr>,
    #[command(flatten)]
    remote: Remote,
    /// What clients and other brokers are told to connect to, where it is not the listener. Without a port, or
    /// with port 0: the listener's.
    #[arg(long, value_name = "HOST:PORT")]
    advertised_listener: Option<Endpoint>,
    /// ZooKeeper's servers, with commas between. Without it and a file: 127.0.0.1:2181.
    #[arg(long, value_name = "HOST:PORT")]
    zookeeper: Option<String>,
    /// Where records are kept.
    #[arg(long, value_name = "DIR", required_unless_present = "config")]
    data_dir: Option<PathBuf>,
    /// Sets one of Kafka's broker settings, for example `min.insync.replicas=2`.
    #[arg(long = "set", visible_alias = "override", value_name = "KEY=VALUE")]
    settings: Vec<String>,
    #[command(flatten)]
    socket: ListenerFlags,
    #[command(flatten)]
    child: ChildFlags,
}

/// Serves until a signal asks for the end.
pub(super) fn run(arguments: BrokerArguments) -> anyhow::Result<()> {
    arguments.child.tie_to_parent()?;
    logging::to_stderr();
    open_files::raise_limit();
    let (options, listener) = options(&arguments)?;
    arguments.remote.check(listener)?;
    let remarks = [
        options.settings.without_effect(),
        options.settings.unknown(),
    ];
    for remark in remarks.into_iter().flatten() {
        tracing::warn!("{remark}");
    }
    let _folder = DataFolder::lock(&options.data_dir)?;
    let reporter = arguments.child.reporter()?;
    let child = arguments.child;
    let socket = arguments.socket.listen(listener)?;
    arguments.remote.check(socket.local_addr()?)?;
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(workers())
        .max_blocking_threads(BLOCKING_THREADS_MAX)
        .enable_all()
        .build()
        .context("cannot start the runtime")?
        .block_on(shutdown::until_signalled(|stop| {
            let announced = reporter.clone();
            broker::run(options, socket, reporter, stop, move |address| {
                child.announce(address, &announced);
            })
        }))
        .context("cannot listen for signals")??;
    Ok(())
}

/// How many worker threads this machine has cores for.
fn workers() -> usize {
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    (cores / CORES).clamp(1, WORKERS_MAX)
}

/// What a broker is started with and where it listens: by flags, else by the file, else by what is usual.
fn options(arguments: &BrokerArguments) -> anyhow::Result<(BrokerOptions, SocketAddr)> {
    let mut settings = Settings::default();
    if let Some(file) = &arguments.config {
        for (name, value) in server_files::read(file)? {
            settings
                .set(&name, &value)
                .with_context(|| file.display().to_string())?;
        }
    }
    for setting in &arguments.settings {
        let (name, value) = setting
            .split_once('=')
            .with_context(|| format!("--set {setting}: KEY=VALUE expected"))?;
        settings.set(name, value)?;
    }
    let placement = Placement::of(&settings)?;
    if !placement.other_data_dirs.is_empty() && arguments.data_dir.is_none() {
        let others = placement.other_data_dirs.join(", ");
        tracing::warn!("log.dirs: a broker has one folder here, the first; not used: {others}");
    }
    let id = arguments
        .id
        .or(placement.id)
        .context("which id has this broker? Say it by --id, or by broker.id in the file")?;
    let data_dir = arguments.data_dir.clone();
    let data_dir = data_dir.or(placement.data_dir.map(PathBuf::from)).context(
        "where are records to be kept? Say it by --data-dir, or by log.dirs in the file",
    )?;
    // In Kafka's words.
    ensure!(
        arguments.config.is_none()
            || arguments.zookeeper.is_some()
            || placement.zookeeper.is_some(),
        "Missing required configuration `zookeeper.connect` which has no default value. \
         --zookeeper says it, too"
    );
    let zookeeper = arguments.zookeeper.clone().or(placement.zookeeper);
    let (listener, name) = match (arguments.listener, &placement.listener) {
        (Some(listener), _) => (listener, None),
        (None, Some(listener)) => listening(listener)?,
        (None, None) => (LISTENER, None),
    };
    let options = BrokerOptions {
        id: BrokerId(id),
        advertised: arguments
            .advertised_listener
            .clone()
            .or(placement.advertised)
            .or(name),
        zookeeper: zookeeper.unwrap_or_else(|| ZOOKEEPER.to_owned()),
        data_dir,
        settings,
    };
    Ok((options, listener))
}

/// Where a listener listens; where it has a name, clients are told that.
fn listening(listener: &Endpoint) -> anyhow::Result<(SocketAddr, Option<Endpoint>)> {
    let Some(host) = listener.host.as_deref() else {
        return Ok(((Ipv4Addr::UNSPECIFIED, listener.port).into(), None));
    };
    let address = server_files::resolve(host, listener.port)
        .with_context(|| format!("listeners: cannot find {listener}"))?;
    let is_name = host.parse::<IpAddr>().is_err();
    let advertised = is_name.then(|| Endpoint {
        host: Some(host.to_owned()),
        port: 0,
    });
    Ok((address, advertised))
}
