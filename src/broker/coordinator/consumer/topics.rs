//! The topics that exist, as far as groups need to know them.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::partitions::Assigned;
use wire::TopicPartition;

/// A topic that exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Topic {
    pub id: Uuid,
    pub partitions: i32,
}

/// All topics of the cluster.
#[derive(Debug, Clone, Default)]
pub(crate) struct Topics {
    by_name: BTreeMap<String, Topic>,
    names: BTreeMap<Uuid, String>,
    /// Rises with each change, so that a group need not look twice at the same.
    version: u64,
}

impl Topics {
    /// Takes over what exists now, by name, with each topic's id and how many partitions it has.
    pub(crate) fn replace(&mut self, topics: impl IntoIterator<Item = (String, Uuid, i32)>) {
        let topics = topics.into_iter();
        let by_name: BTreeMap<String, Topic> = topics
            .map(|(name, id, partitions)| (name, Topic { id, partitions }))
            .collect();
        if by_name == self.by_name {
            return;
        }
        let names = by_name.iter();
        self.names = names
            .map(|(name, topic)| (topic.id, name.clone()))
            .collect();
        self.by_name = by_name;
        self.version += 1;
    }

    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    pub(crate) fn find(&self, name: &str) -> Option<Topic> {
        self.by_name.get(name).copied()
    }

    pub(crate) fn name(&self, id: Uuid) -> Option<&str> {
        self.names.get(&id).map(String::as_str)
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(String::as_str)
    }

    /// The same partitions by the names of their topics, in their order.
    pub(crate) fn named(&self, assigned: &Assigned) -> Vec<TopicPartition> {
        let named = assigned.iter().filter_map(|(topic, partition, _)| {
            Some(TopicPartition::new(self.name(topic)?, partition))
        });
        let mut named: Vec<TopicPartition> = named.collect();
        named.sort();
        named
    }
}
