//! How long a partition had no leader, and how long whoever wrote to it waited: two numbers, since nobody may have
//! tried meanwhile.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use super::{
    Cluster, ProcessChange, ProcessName, Receipt, Status,
    fact::{Change, Fact, Told},
};
use crate::state::Timestamp;
use wire::{LeaderEpoch, TopicPartition};

/// Partitions whose leader was lost, and how the last such gap ended.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Outages {
    since: BTreeMap<TopicPartition, Timestamp>,
    /// Those of them that have a leader again, and since when; nobody wrote to them yet.
    #[serde(default)]
    led_at: BTreeMap<TopicPartition, Timestamp>,
    /// The partition that got a leader again last, and how long it had none.
    pub last: Option<(TopicPartition, Duration)>,
    /// The longest time without a leader since all was well last.
    pub longest: Option<(TopicPartition, Duration)>,
    /// When the first record after its last outage was acknowledged, of every partition that had one.
    #[serde(skip)]
    acked_again: BTreeMap<TopicPartition, Timestamp>,
}

impl Outages {
    /// The partition that has no leader for the longest time now, and since when: its leader is gone, and no
    /// other was told.
    #[must_use]
    pub fn open(&self, cluster: &Cluster) -> Option<(&TopicPartition, Timestamp)> {
        let open = self.since.iter().filter(|(place, _)| !led(cluster, place));
        open.map(|(place, since)| (place, *since))
            .min_by_key(|(_, since)| *since)
    }

    /// What is not there any more cannot be written, and nobody waits for it.
    pub fn forget(&mut self, cluster: &Cluster) {
        let there = |place: &TopicPartition| cluster.partition(place).is_some();
        self.since.retain(|place, _| there(place));
        self.led_at.retain(|place, _| there(place));
        self.acked_again.retain(|place, _| there(place));
    }

    /// When the first record after its last outage was acknowledged.
    #[must_use]
    pub fn acked_again(&self, place: &TopicPartition) -> Option<Timestamp> {
        self.acked_again.get(place).copied()
    }

    /// Something was learned: what has a leader again was without one until now.
    pub fn follow(&mut self, cluster: &Cluster, now: Timestamp) {
        for (place, since) in &self.since {
            if self.led_at.contains_key(place) || !led(cluster, place) {
                continue;
            }
            self.led_at.insert(place.clone(), now);
            let without = (place.clone(), now.since(*since));
            if self
                .longest
                .as_ref()
                .is_none_or(|(_, longest)| *longest < without.1)
            {
                self.longest = Some(without.clone());
            }
            self.last = Some(without);
        }
    }

    /// A fact may begin outages. Where nobody leads what was led before, one begins that no process of ours
    /// announced, unless everything is just starting.
    pub(in crate::state) fn hear(
        &mut self,
        cluster: &Cluster,
        fact: &Fact,
        starting: bool,
        at: Timestamp,
    ) {
        match fact {
            Fact::Process {
                process: ProcessName::Broker(broker),
                change:
                    ProcessChange::Exited { .. } | ProcessChange::Frozen | ProcessChange::Silent { .. },
                ..
            } => {
                // It answers no more: what it led has no leader from now on.
                for (place, partition) in cluster.partitions() {
                    if partition.seen.leader == Some(*broker) {
                        self.begin_at(place, at);
                    }
                }
            }
            Fact::LeadersSeen(_)
            | Fact::Told(Told {
                change: Change::StateWritten { .. },
                ..
            }) if !starting => {
                for (place, partition) in cluster.partitions() {
                    let seen = &partition.seen;
                    // A partition is in its first epoch until somebody led it.
                    if seen.leader.is_none() && seen.epoch > LeaderEpoch(0) {
                        self.begin_at(place, at);
                    }
                }
            }
            Fact::Process { .. }
            | Fact::LeadersSeen(_)
            | Fact::QuorumSeen(_)
            | Fact::RecordsDeleted(_)
            | Fact::Told(_) => {}
        }
    }

    fn begin_at(&mut self, place: TopicPartition, at: Timestamp) {
        if self.since.len() == self.led_at.len() {
            self.longest = None;
        }
        if self.led_at.remove(&place).is_some() || !self.since.contains_key(&place) {
            self.since.insert(place, at);
        }
    }

    /// Something was acknowledged: whether that ends an outage, and which.
    pub fn end(&mut self, cluster: &Cluster, receipt: &Receipt) -> Option<Ended> {
        let acked_at = receipt.sent_at.plus(receipt.latency);
        let since = self.since.get(&receipt.partition).copied()?;
        let leader = cluster.partition(&receipt.partition)?.seen.leader?;
        if acked_at <= since || cluster.is_gone(leader) {
            return None;
        }
        self.since.remove(&receipt.partition);
        self.acked_again.insert(receipt.partition.clone(), acked_at);
        let led_at = self.led_at.remove(&receipt.partition).unwrap_or(acked_at);
        let idle = receipt.sent_at > led_at;
        Some(Ended {
            partition: receipt.partition.clone(),
            acked_at,
            without_leader: led_at.since(since),
            not_tried: idle.then(|| receipt.sent_at.since(led_at)),
            took: acked_at.since(receipt.sent_at.max(since)),
        })
    }
}

/// An outage that is over: a record was acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// Where.
    pub partition: TopicPartition,
    /// When.
    pub acked_at: Timestamp,
    /// How long nobody led.
    pub without_leader: Duration,
    /// How long nobody tried to write after somebody led again.
    pub not_tried: Option<Duration>,
    /// How long the acknowledged record waited, as far as the outage lasted.
    pub took: Duration,
}

/// Whether a partition has a leader that answers, as far as anybody told.
fn led(cluster: &Cluster, place: &TopicPartition) -> bool {
    let leader = cluster.partition(place).and_then(|known| known.seen.leader);
    leader.is_some_and(|leader| {
        let process = cluster.process(leader);
        process.is_none_or(|process| process.status == Status::Up)
    })
}
