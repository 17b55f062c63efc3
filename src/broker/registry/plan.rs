//! Which znodes are read, and in which order: topics before their states, or the mirror would not
//! know them yet, and after them, or a state might be another topic's. Pure.

use std::collections::BTreeSet;

use super::{
    mirror::{Found, Listing},
    znodes::{self, Znode},
};
use crate::image::{ClusterImage, PartitionImage};
use wire::{BrokerId, TopicPartition};

/// What is read after a watch: first some znodes, then those that they call for.
#[derive(Debug)]
pub(crate) struct Reads {
    pub(crate) first: Vec<Znode>,
    /// Named by the watch, but part of a topic that is among the first.
    later: BTreeSet<Znode>,
    topics: Vec<String>,
}

impl Reads {
    /// Plans the reads of what changed since this image.
    pub(crate) fn of(changed: BTreeSet<Znode>, image: &ClusterImage) -> Self {
        let topics: Vec<String> = changed
            .iter()
            .filter_map(|znode| match znode {
                Znode::Topic(name) => Some(name.clone()),
                _ => None,
            })
            .collect();
        let (first, later): (Vec<_>, Vec<_>) = changed.into_iter().partition(|znode| match znode {
            Znode::State(at) => !topics.contains(&at.topic),
            Znode::TopicConfig(name) => !topics.contains(name),
            _ => true,
        });
        Self {
            first: with_topics(first, image),
            later: later.into_iter().collect(),
            topics,
        }
    }

    /// What to read when the first are in the image: a topic's new partitions and configs come with it.
    pub(crate) fn second(self, before: &ClusterImage, after: &ClusterImage) -> Vec<Znode> {
        let mut second = self.later;
        for name in self.topics {
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
        with_topics(second.into_iter().collect(), after)
    }
}

/// Adds the topics of states of which the image has none yet. Read after them, they show whether the states are
/// theirs: a topic made anew meanwhile is another one and takes no state of its own from this read.
fn with_topics(mut znodes: Vec<Znode>, image: &ClusterImage) -> Vec<Znode> {
    let topics: BTreeSet<String> = znodes
        .iter()
        .filter_map(|znode| match znode {
            Znode::State(at) => {
                let known = image.partition(at).is_some_and(PartitionImage::has_state);
                (!known).then(|| at.topic.clone())
            }
            _ => None,
        })
        .collect();
    znodes.extend(topics.into_iter().map(Znode::Topic));
    znodes
}

impl Listing {
    /// What the children of the listed znodes say there is.
    pub(crate) fn of(
        brokers: &[String],
        topics: Vec<String>,
        topic_configs: Vec<String>,
        broker_configs: &[String],
        deleting: Vec<String>,
    ) -> Self {
        let broker = |id: &String| id.parse().ok().map(BrokerId);
        Self {
            brokers: brokers.iter().filter_map(broker).collect(),
            topics,
            topic_configs,
            broker_configs: broker_configs
                .iter()
                .filter_map(|name| match name.as_str() {
                    znodes::EVERY_BROKER => Some(None),
                    _ => broker(name).map(Some),
                })
                .collect(),
            deleting,
            group_configs: Vec::new(),
            present: Vec::new(),
        }
    }

    /// What is read first: all but states and the configs of topics.
    pub(crate) fn first(&self) -> Vec<Znode> {
        let brokers = self.brokers.iter().copied().map(Znode::Broker);
        let configs = self.broker_configs.iter().copied().map(Znode::BrokerConfig);
        brokers
            .chain(configs)
            .chain(self.group_configs.iter().cloned().map(Znode::GroupConfig))
            .chain(self.deleting.iter().cloned().map(Znode::DeleteTopic))
            .chain(self.topics.iter().cloned().map(Znode::Topic))
            .chain([Znode::Controller])
            .collect()
    }

    /// Notes which of the topics were still there when they were read.
    pub(crate) fn saw(&mut self, found: &[(Znode, Found)]) {
        let present = found
            .iter()
            .filter_map(|(znode, found)| match (znode, found) {
                (Znode::Topic(name), Some(_)) => Some(name.clone()),
                _ => None,
            });
        self.present = present.collect();
    }

    /// A topic whose znode was there, but is not what Kafka writes.
    pub(crate) fn unreadable(&self, image: &ClusterImage) -> Option<&str> {
        let mut present = self.present.iter();
        present
            .find(|name| !image.topics.contains_key(*name))
            .map(String::as_str)
    }

    /// What is read when the first are in the image.
    pub(crate) fn second(&self, image: &ClusterImage) -> Vec<Znode> {
        let states = image.topics.iter().flat_map(|(name, topic)| {
            let indexes = topic.partitions.keys();
            indexes.map(move |index| Znode::State(TopicPartition::new(name, *index)))
        });
        let configs = self.topic_configs.iter().cloned().map(Znode::TopicConfig);
        with_topics(states.chain(configs).collect(), image)
    }
}
