//! How long a partition could not be written: from the fault to the first acknowledgement after it.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use super::{
    Cluster, ProcessName, Receipt, Status, Timestamp,
    names::place,
    story::{Line, Story, Subject, Tone},
};
use crate::wire::TopicPartition;

/// Partitions whose leader was lost, and how the last such gap ended.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Outages {
    since: BTreeMap<TopicPartition, Timestamp>,
    /// The partition that was written again last, and how long it had not been.
    pub last: Option<(TopicPartition, Duration)>,
    /// The longest gap since all was well last.
    pub longest: Option<(TopicPartition, Duration)>,
}

impl Outages {
    /// The partition that cannot be written for the longest time now, and since when: its leader is
    /// gone, and no other was told.
    #[must_use]
    pub fn open(&self, cluster: &Cluster) -> Option<(&TopicPartition, Timestamp)> {
        let led = |place: &TopicPartition| {
            let leader = cluster.partition(place).and_then(|known| known.seen.leader);
            leader.is_some_and(|leader| {
                let process = cluster.process(leader);
                process.is_none_or(|process| process.status == Status::Up)
            })
        };
        let open = self.since.iter().filter(|(place, _)| !led(place));
        open.map(|(place, since)| (place, *since))
            .min_by_key(|(_, since)| *since)
    }

    /// A broker stopped answering: what it led cannot be written from now on.
    pub fn begin(&mut self, cluster: &Cluster, process: &ProcessName, at: Timestamp) {
        let ProcessName::Broker(broker) = process else {
            return;
        };
        for (place, partition) in cluster.partitions() {
            if partition.seen.leader == Some(*broker) {
                if self.since.is_empty() {
                    self.longest = None;
                }
                self.since.entry(place).or_insert(at);
            }
        }
    }

    /// Something was acknowledged.
    pub fn end(&mut self, story: &mut Story, cluster: &Cluster, home: &str, receipt: &Receipt) {
        let acked_at = receipt.sent_at.plus(receipt.latency);
        let Some(since) = self.since.get(&receipt.partition).copied() else {
            return;
        };
        let led = cluster
            .partition(&receipt.partition)
            .and_then(|partition| partition.seen.leader)
            .is_some_and(|leader| !cluster.is_gone(leader));
        if acked_at <= since || !led {
            return;
        }
        self.since.remove(&receipt.partition);
        let gap = acked_at.since(since);
        self.last = Some((receipt.partition.clone(), gap));
        if self
            .longest
            .as_ref()
            .is_none_or(|(_, longest)| *longest < gap)
        {
            self.longest = self.last.clone();
        }
        let place = place(home, &receipt.partition.topic, receipt.partition.partition);
        let lost = cluster.lost;
        let line = Line::new(acked_at, "client")
            .say(format!(
                "{place} writes again: gap {:.3} s, ",
                gap.as_secs_f64()
            ))
            .with(
                if lost == 0 { Tone::Good } else { Tone::Bad },
                format!("{lost} lost"),
            );
        story.tell(&[Subject::Partition(receipt.partition.clone())], line);
    }
}
