//! `kafkarium zookeeper`: a ZooKeeper server that stands alone.

use std::{net::SocketAddr, path::PathBuf};

use anyhow::Context;
use clap::Args;

use super::{child::ChildFlags, data_folder::DataFolder, logging, open_files, shutdown};
use zookeeper::ZooKeeperServer;

/// Run a ZooKeeper server.
///
/// Prints `ready ADDRESS` on stdout when it answers, logs to stderr, stops on SIGTERM.
#[derive(Debug, Args)]
pub(super) struct ZooKeeperArguments {
    /// The address to listen on; port 0 picks a free one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:2181")]
    listener: SocketAddr,
    /// The folder that keeps the znodes; made if it is absent.
    #[arg(long, value_name = "DIR")]
    data_dir: PathBuf,
    #[command(flatten)]
    child: ChildFlags,
}

/// Runs the server until it is told to stop.
pub(super) fn run(arguments: &ZooKeeperArguments) -> anyhow::Result<()> {
    arguments.child.tie_to_parent()?;
    logging::to_stderr();
    open_files::raise_limit();
    let _folder = DataFolder::lock(&arguments.data_dir)?;
    let reporter = arguments.child.reporter()?;
    // One thread: requests are taken in one order anyway, and it keeps the process small.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    runtime.block_on(async {
        let server = ZooKeeperServer::bind(
            arguments.listener,
            arguments.data_dir.clone(),
            reporter.clone(),
        )
        .await?;
        let address = server.address();
        shutdown::until_signalled(|stop| {
            arguments.child.announce(address, &reporter);
            server.run(stop)
        })
        .await??;
        Ok(())
    })
}
