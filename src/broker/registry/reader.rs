//! Reads znodes into the mirror: all of them after a connect, the changed ones after a watch.

use std::collections::BTreeSet;

use futures::future::try_join_all;

use super::{
    mirror::{Found, Listing, Mirror},
    plan::Reads,
    znodes::{self, Znode},
};
use client::zookeeper::{Connection, ZooKeeperError};

/// Reads that are under way at once: they share one connection and its buffers.
const READS_AT_ONCE: usize = 1_000;

/// Reads everything there is, whatever was known before.
pub(super) async fn read_everything(
    connection: &Connection,
    mirror: &Mirror,
) -> Result<(), ZooKeeperError> {
    let (brokers, topics, topic_configs, broker_configs, deleting) = futures::try_join!(
        connection.children(znodes::BROKER_IDS),
        connection.children(znodes::TOPICS),
        connection.children(znodes::TOPIC_CONFIGS),
        connection.children(znodes::BROKER_CONFIGS),
        connection.children(znodes::DELETE_TOPICS),
    )?;
    let mut listing = Listing::of(&brokers, topics, topic_configs, &broker_configs, deleting);
    let (found, ()) = futures::try_join!(
        read(connection, listing.first()),
        read_controller_epoch(connection, mirror)
    )?;
    listing.saw(&found);
    mirror.retain(&listing);
    let image = mirror.draft(found);
    // Whoever takes the image for the whole truth deletes the logs of topics that are not in it.
    if let Some(name) = listing.unreadable(&image) {
        let path = znodes::topic(name);
        return Err(ZooKeeperError::Unreadable { path });
    }
    let found = read(connection, listing.second(&image)).await?;
    mirror.apply(found);
    Ok(())
}

/// Reads what changed. A topic's new partitions and configs are read with it.
pub(super) async fn read_changed(
    connection: &Connection,
    mirror: &Mirror,
    changed: BTreeSet<Znode>,
) -> Result<(), ZooKeeperError> {
    let before = mirror.image();
    let mut reads = Reads::of(changed, &before);
    let first = std::mem::take(&mut reads.first);
    let after = mirror.draft(read(connection, first).await?);
    let found = read(connection, reads.second(&before, &after)).await?;
    mirror.apply(found);
    Ok(())
}

/// `/controller_epoch` is not watched: only who wants to be controller needs it.
pub(super) async fn read_controller_epoch(
    connection: &Connection,
    mirror: &Mirror,
) -> Result<(), ZooKeeperError> {
    let Some((data, stat)) = connection.read(znodes::CONTROLLER_EPOCH).await? else {
        return Ok(());
    };
    mirror.apply_controller_epoch(&data, &stat);
    Ok(())
}

async fn read(
    connection: &Connection,
    znodes: Vec<Znode>,
) -> Result<Vec<(Znode, Found)>, ZooKeeperError> {
    let mut all = Vec::with_capacity(znodes.len());
    let mut znodes = znodes.into_iter().peekable();
    while znodes.peek().is_some() {
        let some = znodes.by_ref().take(READS_AT_ONCE).map(|znode| async {
            let found = connection.read(&znode.path()).await?;
            Ok::<_, ZooKeeperError>((znode, found))
        });
        all.extend(try_join_all(some).await?);
    }
    Ok(all)
}
