//! Follows the znodes: every new connection reads everything, every watch what it names.

use std::{collections::BTreeSet, sync::atomic::Ordering, time::Duration};

use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::{Registry, RegistryError, reader, znodes::Znode};
use client::zookeeper::{Changes, Connection, Link, ZooKeeperError};
use wire::report::Report;

/// A cluster of so many brokers is read at every change.
const GATHERING_FROM: usize = 10;

/// How long changes are gathered after a read, for each broker of a larger one: every change is read by everybody, and
/// a hundred brokers that start, or a topic of theirs, are ten thousand changes.
const GATHERED_FOR_EACH: Duration = Duration::from_micros(200);

/// Longer nobody waits.
const GATHERED_MAX: Duration = Duration::from_millis(20);

/// Runs until `cancel`, or until the session is closed. Cancels `cancel` itself when the broker
/// cannot be registered any more: it must not serve then.
pub(super) async fn run(registry: Registry, first: Connection, cancel: CancellationToken) {
    let (mut number, mut session) = (first.number, first.session);
    // No connection is held on to here: a clean stop waits for all of them to be dropped.
    drop(first);
    let mut links = registry.links();
    let mut gathered = Instant::now();
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
            changes = changes_after(&registry, gathered) => {
                gathered = Instant::now() + gathering(registry.image().brokers.len());
                if let Err(error) = registry.follow(changes).await {
                    // Only a lost connection is expected: the next one reads everything.
                    tracing::info!(%error, "cannot read what changed");
                }
            }
        }
    }
}

/// What the watches told until then, or what they tell next.
async fn changes_after(registry: &Registry, gathered: Instant) -> Changes {
    if gathered > Instant::now() {
        sleep_until(gathered).await;
    }
    registry.shared.zookeeper.changes().await
}

/// How long changes are gathered, from one read to the next.
fn gathering(brokers: usize) -> Duration {
    match u32::try_from(brokers) {
        Ok(count) if brokers >= GATHERING_FROM => (GATHERED_FOR_EACH * count).min(GATHERED_MAX),
        Ok(_) => Duration::ZERO,
        Err(_) => GATHERED_MAX,
    }
}

/// Whether a broker tells that it reads this znode again: how all learn that one came or went is what people want to see.
/// Of the states of partitions nobody does, and every broker sees each.
fn is_told(znode: &Znode) -> bool {
    matches!(znode, Znode::Broker(_))
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
                if is_told(&znode) {
                    self.shared.reporter.report(Report::WatchSeen {
                        broker: self.broker_id(),
                        path,
                    });
                }
                znodes.insert(znode);
            }
        }
        reader::read_changed(&connection, &self.shared.mirror, znodes).await
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{GATHERED_MAX, Znode, gathering, is_told};
    use wire::{BrokerId, TopicPartition};

    #[test]
    fn a_broker_that_comes_or_goes_is_told_and_a_state_is_not() {
        assert!(is_told(&Znode::Broker(BrokerId(3))));
        assert!(!is_told(&Znode::State(TopicPartition::new("orders", 0))));
    }

    #[test]
    fn few_brokers_read_at_once_and_many_gather_for_a_moment() {
        assert_eq!(gathering(3), Duration::ZERO);
        assert_eq!(gathering(50), Duration::from_millis(10));
        assert_eq!(gathering(1_000), GATHERED_MAX);
    }
}
