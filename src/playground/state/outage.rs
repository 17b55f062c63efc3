//! How long a partition could not be written: from the fault to the first acknowledgement after it.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use super::{
    Cluster, ProcessName, ProducedSeen, Receipt, State, Status, Timestamp,
    names::place,
    story::{Line, Merge, Story, Subject, Tone},
};
use crate::wire::TopicPartition;

/// A sentence about records that wait because too few replicas are in sync is told again after so long.
const TOLD_AGAIN: Duration = Duration::from_secs(60);

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

    /// What is not there any more cannot be written, and nobody waits for it.
    pub fn forget(&mut self, cluster: &Cluster) {
        self.since
            .retain(|place, _| cluster.partition(place).is_some());
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

/// Says why records wait that nobody refuses: the client library tries on and tells nothing.
pub(super) fn explain_waiting(state: &mut State, produced: &ProducedSeen) {
    let waits = |wanted: &TopicPartition| {
        let topic = state.cluster.topics.get(&wanted.topic)?;
        let least = usize::try_from(topic.min_insync_replicas?).ok()?;
        let seen = &topic.partition(wanted.partition)?.seen;
        let dead = seen.replicas.iter().find(|broker| {
            let process = state.cluster.process(**broker);
            process.is_some_and(|process| process.status.is_gone())
        });
        (seen.leader.is_some() && seen.isr.len() < least).then_some((
            seen.isr.len(),
            least,
            dead.copied(),
        ))
    };
    let found = produced
        .waiting
        .iter()
        .filter(|(_, count)| *count > 0)
        .find_map(|(place, _)| waits(place));
    let Some((in_sync, least, dead)) = found else {
        return;
    };
    let words = format!("NOT_ENOUGH_REPLICAS: {in_sync} in sync, min.insync.replicas {least}");
    let merge = Merge::Refused(words.clone(), 1);
    let latest = state.story.entries().iter().rev();
    if latest
        .take_while(|entry| state.now.since(entry.at) < TOLD_AGAIN)
        .any(|entry| entry.merge.as_ref() == Some(&merge))
    {
        return;
    }
    let remedy = match dead {
        Some(broker) => format!("  {{start broker {broker}}} starts broker {broker}"),
        None => String::new(),
    };
    // What happened is too narrow for both at most sizes; the footer is not.
    state.message(format!("{words}{remedy}"), true);
    let line = Line::new(state.now, "client")
        .with(Tone::Bad, words)
        .merging(merge);
    state.story.begin(line);
}
