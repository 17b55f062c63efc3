//! Reads znodes into the mirror: all of them after a connect, the changed ones after a watch.

use std::collections::BTreeSet;

use futures::future::try_join_all;

use super::{
    mirror::{Found, Listing, Mirror},
    plan::Reads,
    znodes::{self, Znode},
};
use client::zookeeper::{Connection, ZooKeeperError};

/// Requests that are under way at once: they share one connection and its buffers.
const REQUESTS_AT_ONCE: usize = 256;

/// States and brokers that are read with one request: some hundred bytes each, so that the answer is far below
/// `jute.maxbuffer`. One by one, a hundred brokers that start would be ten thousand requests.
const SMALL_TOGETHER: usize = 512;

/// Reads everything there is, whatever was known before.
pub(super) async fn read_everything(
    connection: &Connection,
    mirror: &Mirror,
) -> Result<(), ZooKeeperError> {
    let (brokers, topics, topic_configs, broker_configs, group_configs, deleting) = futures::try_join!(
        connection.children(znodes::BROKER_IDS),
        connection.children(znodes::TOPICS),
        connection.children(znodes::TOPIC_CONFIGS),
        connection.children(znodes::BROKER_CONFIGS),
        connection.children(znodes::GROUP_CONFIGS),
        connection.children(znodes::DELETE_TOPICS),
    )?;
    let mut listing = Listing::of(&brokers, topics, topic_configs, &broker_configs, deleting);
    listing.group_configs = group_configs
        .iter()
        .filter_map(|name| znodes::decoded(name))
        .collect();
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

/// Reads znodes in their order: whether a state is its topic's shows by which of them was read first.
async fn read(
    connection: &Connection,
    znodes: Vec<Znode>,
) -> Result<Vec<(Znode, Found)>, ZooKeeperError> {
    let mut all = Vec::with_capacity(znodes.len());
    let mut requests = requests(znodes).into_iter();
    while requests.len() > 0 {
        let some = requests
            .by_ref()
            .take(REQUESTS_AT_ONCE)
            .map(|znodes| async {
                let paths: Vec<String> = znodes.iter().map(Znode::path).collect();
                let found = connection.read_all(&paths).await?;
                Ok::<_, ZooKeeperError>(znodes.into_iter().zip(found))
            });
        all.extend(try_join_all(some).await?.into_iter().flatten());
    }
    Ok(all)
}

/// What is read with one request: states and brokers that follow each other, and anything else by itself.
fn requests(znodes: Vec<Znode>) -> Vec<Vec<Znode>> {
    let is_small = |znode: &Znode| matches!(znode, Znode::State(_) | Znode::Broker(_));
    let mut requests: Vec<Vec<Znode>> = Vec::new();
    for znode in znodes {
        match requests.last_mut() {
            Some(last)
                if is_small(&znode)
                    && last.len() < SMALL_TOGETHER
                    && last.first().is_some_and(is_small) =>
            {
                last.push(znode);
            }
            _ => requests.push(vec![znode]),
        }
    }
    requests
}

#[cfg(test)]
mod tests {
    use super::{SMALL_TOGETHER, Znode, requests};
    use wire::{BrokerId, TopicPartition};

    #[test]
    fn brokers_are_read_together() {
        let brokers: Vec<Znode> = (1..=100).map(|id| Znode::Broker(BrokerId(id))).collect();
        let controller = Znode::Controller;
        let znodes = [brokers.clone(), vec![controller.clone()]].concat();
        assert_eq!(requests(znodes), [brokers, vec![controller]]);
    }

    #[test]
    fn states_are_read_together_and_never_past_what_stands_between_them() {
        let state = |index| Znode::State(TopicPartition::new("orders", index));
        let topic = || Znode::Topic("orders".to_owned());
        let znodes = vec![topic(), state(0), state(1), topic(), state(2)];
        assert_eq!(
            requests(znodes),
            [
                vec![topic()],
                vec![state(0), state(1)],
                vec![topic()],
                vec![state(2)]
            ]
        );
        let count = i32::try_from(SMALL_TOGETHER).expect("small");
        let sizes: Vec<usize> = requests((0..=count).map(state).collect())
            .iter()
            .map(Vec::len)
            .collect();
        assert_eq!(sizes, [SMALL_TOGETHER, 1]);
    }
}
