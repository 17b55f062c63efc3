//! Reads znodes into the mirror: all of them after a connect, the changed ones after a watch.

use std::collections::BTreeSet;

use futures::future::try_join_all;

use super::{
    mirror::{Found, Listing, Mirror},
    znodes::{self, Znode},
};
use crate::{
    broker::image::ClusterImage,
    client::zookeeper::{Connection, ZooKeeperError},
    wire::{BrokerId, TopicPartition},
};

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
    let mut listing = Listing {
        brokers: brokers
            .iter()
            .filter_map(|id| id.parse().ok().map(BrokerId))
            .collect(),
        topics,
        topic_configs,
        broker_configs: broker_configs
            .iter()
            .filter_map(|name| match name.as_str() {
                znodes::EVERY_BROKER => Some(None),
                id => id.parse().ok().map(|id| Some(BrokerId(id))),
            })
            .collect(),
        deleting,
        present: Vec::new(),
    };
    let znodes = (listing.brokers.iter().copied().map(Znode::Broker))
        .chain(
            listing
                .broker_configs
                .iter()
                .copied()
                .map(Znode::BrokerConfig),
        )
        .chain(listing.deleting.iter().cloned().map(Znode::DeleteTopic))
        .chain(listing.topics.iter().cloned().map(Znode::Topic))
        .chain([Znode::Controller])
        .collect();
    let (found, ()) = futures::try_join!(
        read(connection, znodes),
        read_controller_epoch(connection, mirror)
    )?;
    listing.present = present_topics(&found);
    mirror.retain(&listing);
    let image = mirror.draft(found);
    // Whoever takes the picture for the whole truth deletes the logs of topics that are not in it.
    if let Some(name) = unreadable(&listing, &image) {
        let path = znodes::topic(name);
        return Err(ZooKeeperError::Unreadable { path });
    }
    let states = image.topics.iter().flat_map(|(name, topic)| {
        let indexes = topic.partitions.keys();
        indexes.map(move |index| Znode::State(TopicPartition::new(name, *index)))
    });
    let configs = listing
        .topic_configs
        .iter()
        .cloned()
        .map(Znode::TopicConfig);
    let found = read(connection, states.chain(configs).collect()).await?;
    mirror.apply(found);
    Ok(())
}

/// The topics that were still there when they were read.
fn present_topics(found: &[(Znode, Found)]) -> Vec<String> {
    let present = found
        .iter()
        .filter_map(|(znode, found)| match (znode, found) {
            (Znode::Topic(name), Some(_)) => Some(name.clone()),
            _ => None,
        });
    present.collect()
}

/// A topic that was listed and whose znode is there, but not what Kafka writes.
fn unreadable<'a>(listing: &'a Listing, image: &ClusterImage) -> Option<&'a str> {
    let mut present = listing.present.iter();
    present
        .find(|name| !image.topics.contains_key(*name))
        .map(String::as_str)
}

/// Reads what changed. A topic's new partitions and configs are read with it.
pub(super) async fn read_changed(
    connection: &Connection,
    mirror: &Mirror,
    changed: BTreeSet<Znode>,
) -> Result<(), ZooKeeperError> {
    let before = mirror.image();
    let topics: Vec<String> = changed
        .iter()
        .filter_map(|znode| match znode {
            Znode::Topic(name) => Some(name.clone()),
            _ => None,
        })
        .collect();
    // States and configs are read after their topic, or the mirror would not know them yet.
    let (first, second): (Vec<_>, Vec<_>) = changed.into_iter().partition(|znode| match znode {
        Znode::State(at) => !topics.contains(&at.topic),
        Znode::TopicConfig(name) => !topics.contains(name),
        _ => true,
    });
    let after = mirror.draft(read(connection, first).await?);
    let mut second: BTreeSet<Znode> = second.into_iter().collect();
    for name in topics {
        let Some(topic) = after.topics.get(&name) else {
            continue;
        };
        let known = before
            .topics
            .get(&name)
            .filter(|known| known.czxid == topic.czxid);
        for index in topic.partitions.keys() {
            if known.is_none_or(|known| !known.partitions.contains_key(index)) {
                second.insert(Znode::State(TopicPartition::new(&name, *index)));
            }
        }
        if known.is_none() {
            second.insert(Znode::TopicConfig(name));
        }
    }
    let found = read(connection, second.into_iter().collect()).await?;
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
    if let Some(epoch) = std::str::from_utf8(&data)
        .ok()
        .and_then(|text| text.trim().parse().ok())
    {
        mirror.update(|image| {
            if stat.version >= image.controller_epoch_version {
                image.controller_epoch = epoch;
                image.controller_epoch_version = stat.version;
            }
        });
    }
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
