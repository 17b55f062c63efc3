//! `kafkarium broker`: one Kafka broker.

use std::{net::SocketAddr, path::PathBuf};

use anyhow::Context;
use clap::Args;

use super::{child::ChildFlags, data_folder::DataFolder, logging, open_files, shutdown};
use broker::{self, BrokerOptions, Settings};
use wire::BrokerId;

/// Worker threads of a broker: enough to use the cores of a small machine together with its
/// neighbours, few enough to stay small.
const WORKERS: usize = 2;

/// Threads that wait for the disk: logs opened at a time, housekeeping and a few more.
const BLOCKING_THREADS_MAX: usize = 16;

/// Runs one Kafka broker.
#[derive(Debug, Args)]
pub(super) struct BrokerArguments {
    /// The broker's id, unique in its cluster.
    #[arg(long, value_parser = clap::value_parser!(i32).range(0..))]
    id: i32,
    /// Where to listen; port 0 takes a free one.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:9092")]
    listener: SocketAddr,
    /// ZooKeeper's servers, with commas between.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:2181")]
    zookeeper: String,
    /// Where records are kept.
    #[arg(long, value_name = "DIR")]
    data_dir: PathBuf,
    /// Sets one of Kafka's broker settings, for example `min.insync.replicas=2`.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<String>,
    #[command(flatten)]
    child: ChildFlags,
}

/// Serves until a signal asks for the end.
pub(super) fn run(arguments: BrokerArguments) -> anyhow::Result<()> {
    arguments.child.tie_to_parent()?;
    logging::to_stderr();
    open_files::raise_limit();
    let mut settings = Settings::default();
    for setting in &arguments.settings {
        let (name, value) = setting
            .split_once('=')
            .with_context(|| format!("--set {setting}: KEY=VALUE expected"))?;
        settings.set(name, value)?;
    }
    let remarks = [settings.without_effect(), settings.unknown()];
    for remark in remarks.into_iter().flatten() {
        tracing::warn!("{remark}");
    }
    let _folder = DataFolder::lock(&arguments.data_dir)?;
    let reporter = arguments.child.reporter()?;
    let child = arguments.child;
    let options = BrokerOptions {
        id: BrokerId(arguments.id),
        listener: arguments.listener,
        advertised: None,
        zookeeper: arguments.zookeeper,
        data_dir: arguments.data_dir,
        settings,
    };
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .max_blocking_threads(BLOCKING_THREADS_MAX)
        .enable_all()
        .build()
        .context("cannot start the runtime")?
        .block_on(shutdown::until_signalled(|stop| {
            let announced = reporter.clone();
            broker::run(options, reporter, stop, move |address| {
                child.announce(address, &announced);
            })
        }))
        .context("cannot listen for signals")??;
    Ok(())
}
