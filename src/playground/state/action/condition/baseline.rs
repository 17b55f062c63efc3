//! What `moved`, `more` and `new` count from: how things were when a wait or a step began.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Counted, look::count};
use crate::state::cluster::{Cluster, Reading};
use wire::{BrokerId, Offset, TopicPartition};

/// How things were.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Baseline {
    pub(super) controller: Option<BrokerId>,
    pub(super) leaders: BTreeMap<TopicPartition, BrokerId>,
    pub(super) ends: BTreeMap<TopicPartition, Offset>,
    pub(super) starts: BTreeMap<TopicPartition, Offset>,
    pub(super) reading: BTreeMap<String, Reading>,
    counts: [i64; 5],
}

impl Baseline {
    /// How things are now.
    #[must_use]
    pub fn of(cluster: &Cluster) -> Self {
        let partitions = || cluster.partitions();
        let groups = cluster.groups.iter();
        Self {
            controller: cluster.controller.map(|(id, _)| id),
            leaders: partitions()
                .filter_map(|(place, partition)| Some((place, partition.seen.leader?)))
                .collect(),
            // A record may be seen before the high watermark is told that it is below.
            ends: partitions()
                .map(|(place, partition)| {
                    (place, partition.high_watermark.max(partition.tail.upto()))
                })
                .collect(),
            starts: partitions()
                .map(|(place, partition)| (place, partition.log_start))
                .collect(),
            reading: groups
                .map(|(id, group)| (id.clone(), group.reading.clone()))
                .collect(),
            counts: COUNTED.map(|counted| count(cluster, counted)),
        }
    }

    pub(super) fn counted(&self, wanted: Counted) -> i64 {
        let counts = COUNTED.into_iter().zip(self.counts);
        counts
            .filter(|(counted, _)| *counted == wanted)
            .map(|(_, count)| count)
            .sum()
    }
}

const COUNTED: [Counted; 5] = [
    Counted::Sent,
    Counted::Acked,
    Counted::Failed,
    Counted::Lost,
    Counted::LostByLeader,
];
