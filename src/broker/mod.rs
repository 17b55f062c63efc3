//! The Kafka server: log, replication, groups and controller behind Kafka's wire protocol.

mod connection;
#[cfg_attr(
    not(test),
    expect(dead_code, reason = "called by its task, which is being built")
)]
mod controller;
#[expect(dead_code, reason = "driven by the groups shell, which is being built")]
mod coordinator;
mod handlers;
#[expect(
    dead_code,
    reason = "read by the partitions and handlers, which are being built"
)]
mod image;
mod meta_properties;
#[expect(dead_code, reason = "used by the broker's run, which is being built")]
mod registry;
mod settings;

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use thiserror::Error;
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;

use crate::wire::{BrokerId, Reporter};

pub use settings::{Settings, SettingsError};

/// How a broker is started.
#[derive(Debug, Clone)]
pub struct BrokerOptions {
    pub id: BrokerId,
    /// Where clients and other brokers connect; port 0 takes a free one.
    pub listener: SocketAddr,
    /// ZooKeeper's servers, `host:port` with commas between.
    pub zookeeper: String,
    /// Exists and is locked for this process.
    pub data_dir: PathBuf,
    pub settings: Settings,
}

/// Why a broker cannot start or go on.
#[derive(Debug, Error)]
pub enum BrokerError {
    #[error("cannot listen on {address}: {error}")]
    Listen {
        address: SocketAddr,
        error: std::io::Error,
    },
}

/// What all handlers and tasks of a broker share.
pub(crate) struct Broker {
    pub(crate) id: BrokerId,
    /// Where it listens, and what it advertises.
    #[expect(dead_code, reason = "the registry advertises it, once it is built")]
    pub(crate) address: SocketAddr,
    pub(crate) settings: Settings,
    #[expect(dead_code, reason = "rooms that report are being built")]
    pub(crate) reporter: Reporter,
}

/// How long accepting pauses when the process has no file descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Runs a broker until `stop` is cancelled. `ready` is called once, when clients can connect.
///
/// # Errors
/// It could not start, or cannot go on: the sentence says what to do.
pub async fn run(
    options: BrokerOptions,
    reporter: Reporter,
    stop: CancellationToken,
    ready: impl FnOnce(SocketAddr),
) -> Result<(), BrokerError> {
    let failed = |error| BrokerError::Listen {
        address: options.listener,
        error,
    };
    let listener = TcpListener::bind(options.listener).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let broker = Arc::new(Broker {
        id: options.id,
        address,
        settings: options.settings,
        reporter,
    });
    ready(address);
    tracing::info!("broker {} serves on {address}", broker.id);
    accept(&broker, &listener, &stop).await;
    Ok(())
}

/// Accepts connections until told to stop, then closes them.
async fn accept(broker: &Arc<Broker>, listener: &TcpListener, stop: &CancellationToken) {
    let connections_max = usize::try_from(broker.settings.max_connections).unwrap_or(usize::MAX);
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((_, peer)) if connections.len() >= connections_max => {
                    tracing::warn!(%peer, "refused: {connections_max} connections are open");
                }
                Ok((stream, peer)) => {
                    connections.spawn(connection::run(
                        Arc::clone(broker),
                        stream,
                        peer,
                        stop.clone(),
                    ));
                }
                Err(error) => {
                    tracing::warn!("cannot accept a connection: {error}");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            () = stop.cancelled() => break,
        }
    }
    while connections.join_next().await.is_some() {}
}
