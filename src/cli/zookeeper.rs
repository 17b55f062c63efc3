//! `kafkarium zookeeper`: a ZooKeeper server that stands alone.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use anyhow::Context;
use clap::Args;

use super::{
    child::{ChildFlags, ListenerFlags},
    data_folder::DataFolder,
    logging, open_files,
    remote::Remote,
    server_files, shutdown,
    zookeeper_properties::{PORT, ZooKeeperProperties},
};
use zookeeper::ZooKeeperServer;

const LISTENER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), PORT);

/// Run a ZooKeeper server.
///
/// Prints `ready ADDRESS` on stdout when it answers, logs to stderr, stops on SIGTERM.
#[derive(Debug, Args)]
pub(super) struct ZooKeeperArguments {
    /// A `zookeeper.properties`, as `zookeeper-server-start.sh` takes it. What is said by flags wins over it.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The address to listen on; port 0 picks a free one. Without it and a file: 127.0.0.1:2181.
    #[arg(long, value_name = "ADDRESS")]
    listener: Option<SocketAddr>,
    #[command(flatten)]
    remote: Remote,
    /// The folder that keeps the znodes; made if it is absent.
    #[arg(long, value_name = "DIR", required_unless_present = "config")]
    data_dir: Option<PathBuf>,
    #[command(flatten)]
    socket: ListenerFlags,
    #[command(flatten)]
    child: ChildFlags,
}

/// Runs the server until it is told to stop.
pub(super) fn run(arguments: &ZooKeeperArguments) -> anyhow::Result<()> {
    arguments.child.tie_to_parent()?;
    logging::to_stderr();
    open_files::raise_limit();
    let file = match &arguments.config {
        Some(file) => ZooKeeperProperties::of(server_files::read(file)?)
            .with_context(|| file.display().to_string())?,
        None => ZooKeeperProperties::default(),
    };
    if !file.without_effect.is_empty() {
        let names = file.without_effect.join(", ");
        tracing::warn!("accepted, without effect here: {names}");
    }
    let listener = arguments.listener.or(file.address).unwrap_or(LISTENER);
    arguments.remote.check(listener)?;
    let data_dir = arguments.data_dir.clone().or(file.data_dir);
    let data_dir = data_dir
        .context("where are znodes to be kept? Say it by --data-dir, or by dataDir in the file")?;
    let _folder = DataFolder::lock(&data_dir)?;
    let reporter = arguments.child.reporter()?;
    // One thread: requests are taken in one order anyway, and it keeps the process small.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    runtime.block_on(async {
        let socket = arguments.socket.listen(listener)?;
        arguments.remote.check(socket.local_addr()?)?;
        let server = ZooKeeperServer::open(socket, data_dir, reporter.clone())?;
        let address = server.address();
        shutdown::until_signalled(|stop| {
            arguments.child.announce(address, &reporter);
            server.run(stop)
        })
        .await??;
        Ok(())
    })
}
