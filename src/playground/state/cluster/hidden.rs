//! Records that are written and shown to nobody: with fewer in sync than `min.insync.replicas` the high watermark stands
//! still (KAFKA-15583), and `acks=1` goes on being acknowledged.

use std::collections::BTreeSet;

use super::{Cluster, Group, Partition, Topic};
use wire::TopicPartition;

/// How many such records a partition has, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hidden {
    /// Records behind the high watermark.
    pub records: i64,
    /// Replicas in sync.
    pub in_sync: usize,
    /// Replicas that must be in sync before readers see more.
    pub needed: usize,
}

impl Topic {
    /// Whether fewer replicas are in sync than `min.insync.replicas`: how many are, and how many must be. It is never
    /// more than there are replicas.
    #[must_use]
    pub fn too_few_in_sync(&self, partition: &Partition) -> Option<(usize, usize)> {
        let seen = &partition.seen;
        seen.leader?;
        let needed = usize::try_from(self.min_insync_replicas?).ok()?;
        let needed = needed.min(seen.replicas.len());
        (seen.isr.len() < needed).then_some((seen.isr.len(), needed))
    }

    /// What of this partition nobody is shown.
    #[must_use]
    pub fn hidden(&self, partition: &Partition) -> Option<Hidden> {
        let (in_sync, needed) = self.too_few_in_sync(partition)?;
        let records = partition.log_end().0 - partition.high_watermark.0;
        (records > 0).then_some(Hidden {
            records,
            in_sync,
            needed,
        })
    }

    /// The same, of all its partitions together.
    #[must_use]
    pub fn all_hidden(&self) -> i64 {
        let hidden = self.partitions.iter();
        hidden
            .filter_map(|partition| Some(self.hidden(partition)?.records))
            .sum()
    }
}

impl Cluster {
    /// What waits to be shown to this group.
    #[must_use]
    pub fn hidden_from(&self, group: &Group) -> i64 {
        let places = group.committed.keys();
        let reads = group.members.values().flat_map(|member| &member.reads);
        let places: BTreeSet<&TopicPartition> = places.chain(reads).collect();
        let hidden = |place: &TopicPartition| {
            let topic = self.topics.get(&place.topic)?;
            Some(topic.hidden(topic.partition(place.partition)?)?.records)
        };
        places.into_iter().filter_map(hidden).sum()
    }
}
