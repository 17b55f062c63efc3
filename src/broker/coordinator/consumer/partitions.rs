//! Sets of partitions by the ids of their topics, also with the epochs in which a member got them.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

/// Partitions by topic id. Invariant: no set is empty.
pub(crate) type Partitions = BTreeMap<Uuid, BTreeSet<i32>>;

/// Partitions of a member, each with the member epoch in which it was assigned.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Assigned(BTreeMap<Uuid, BTreeMap<i32, i32>>);

impl Assigned {
    pub(crate) fn insert(&mut self, topic: Uuid, partition: i32, epoch: i32) {
        self.0.entry(topic).or_default().insert(partition, epoch);
    }

    pub(crate) fn extend(&mut self, other: &Self) {
        for (topic, partition, epoch) in other.iter() {
            self.insert(topic, partition, epoch);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn contains(&self, topic: Uuid, partition: i32) -> bool {
        self.epoch(topic, partition).is_some()
    }

    /// The epoch in which the partition was assigned, if it is one of these.
    pub(crate) fn epoch(&self, topic: Uuid, partition: i32) -> Option<i32> {
        self.0.get(&topic)?.get(&partition).copied()
    }

    /// Every partition with its epoch.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Uuid, i32, i32)> + '_ {
        self.0.iter().flat_map(|(topic, partitions)| {
            let partitions = partitions.iter();
            partitions.map(|(partition, epoch)| (*topic, *partition, *epoch))
        })
    }

    /// By topic.
    pub(crate) fn topics(&self) -> impl ExactSizeIterator<Item = (Uuid, &BTreeMap<i32, i32>)> {
        self.0
            .iter()
            .map(|(topic, partitions)| (*topic, partitions))
    }

    /// Without the epochs.
    pub(crate) fn partitions(&self) -> Partitions {
        let topics = self.0.iter();
        topics
            .map(|(topic, partitions)| (*topic, partitions.keys().copied().collect()))
            .collect()
    }

    /// The same partitions, as if they had been there from the beginning.
    pub(crate) fn without_epochs(&self) -> Self {
        let mut out = Self::default();
        for (topic, partition, _) in self.iter() {
            out.insert(topic, partition, 0);
        }
        out
    }

    /// Those that `keep` names, and the others.
    pub(crate) fn split(&self, keep: impl Fn(Uuid, i32) -> bool) -> (Self, Self) {
        let (mut kept, mut others) = (Self::default(), Self::default());
        for (topic, partition, epoch) in self.iter() {
            let into = if keep(topic, partition) {
                &mut kept
            } else {
                &mut others
            };
            into.insert(topic, partition, epoch);
        }
        (kept, others)
    }

    /// Whether these are all in there.
    pub(crate) fn contains_all(&self, partitions: &Partitions) -> bool {
        all(partitions).all(|(topic, partition)| self.contains(topic, partition))
    }

    /// Whether any of these is in there.
    pub(crate) fn contains_any(&self, partitions: &Partitions) -> bool {
        all(partitions).any(|(topic, partition)| self.contains(topic, partition))
    }
}

/// Every partition.
pub(crate) fn all(partitions: &Partitions) -> impl Iterator<Item = (Uuid, i32)> + '_ {
    partitions.iter().flat_map(|(topic, partitions)| {
        let partitions = partitions.iter();
        partitions.map(|partition| (*topic, *partition))
    })
}
