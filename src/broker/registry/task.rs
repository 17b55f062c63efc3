//! Follows the znodes: every new connection reads everything, every watch what it names.

use std::{collections::BTreeSet, sync::atomic::Ordering};

use tokio_util::sync::CancellationToken;

use super::{Registry, RegistryError, reader, znodes::Znode};
use client::zookeeper::{Changes, Connection, Link, ZooKeeperError};
use wire::report::Report;

/// Runs until `cancel`, or until the session is closed. Cancels `cancel` itself when the broker
/// cannot be registered any more: it must not serve then.
pub(super) async fn run(registry: Registry, first: Connection, cancel: CancellationToken) {
    let (mut number, mut session) = (first.number, first.session);
    // No connection is held on to here: a clean stop waits for all of them to be dropped.
    drop(first);
    let mut links = registry.links();
    loop {
        let link = links.borrow_and_update().clone();
        let connection = match link {
            Link::Closed => return,
            Link::Connected(connection) => Some(connection),
            Link::Connecting => None,
        };
        if let Some(connection) = connection.filter(|connection| connection.number != number) {
            if connection.session != session {
                registry.shared.broker_epoch.store(-1, Ordering::Release);
            }
            match registry.arrive(&connection).await {
                Ok(()) => (number, session) = (connection.number, connection.session),
                // The next connection begins anew.
                Err(RegistryError::ZooKeeper(ZooKeeperError::ConnectionLost)) => {}
                Err(error) => {
                    tracing::error!(%error, "cannot be part of the cluster any more");
                    cancel.cancel();
                    return;
                }
            }
        }
        tokio::select! {
            () = cancel.cancelled() => return,
            changed = links.changed() => if changed.is_err() { return },
            changes = registry.shared.zookeeper.changes() => {
                if let Err(error) = registry.follow(changes).await {
                    // Only a lost connection is expected: the next one reads everything.
                    tracing::info!(%error, "cannot read what changed");
                }
            }
        }
    }
}

impl Registry {
    async fn follow(&self, changes: Changes) -> Result<(), ZooKeeperError> {
        let connection = self.shared.zookeeper.connection()?;
        if changes.everything {
            return reader::read_everything(&connection, &self.shared.mirror).await;
        }
        let mut znodes = BTreeSet::new();
        for path in changes.paths {
            if let Some(znode) = Znode::of_path(&path) {
                znodes.insert(znode);
                self.shared.reporter.report(Report::WatchSeen {
                    broker: self.broker_id(),
                    path,
                });
            }
        }
        reader::read_changed(&connection, &self.shared.mirror, znodes).await
    }
}
