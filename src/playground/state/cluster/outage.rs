//! How long a partition had no leader, and how long whoever wrote to it waited: two numbers, since nobody may have
//! tried meanwhile.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use super::{BelowMinimum, Cluster, ProcessName, ProducedSeen, Receipt, Status};
use crate::state::{
    State, Timestamp,
    story::{Line, Merge, Story, Subject, Tone, place},
};
use wire::TopicPartition;

/// A sentence about records that wait because too few replicas are in sync is told again after so long.
const TOLD_AGAIN: Duration = Duration::from_secs(60);

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

    /// A broker was seen to have stopped answering: what it led has no leader from now on.
    pub fn begin(&mut self, cluster: &Cluster, process: &ProcessName, at: Timestamp) {
        let ProcessName::Broker(broker) = process else {
            return;
        };
        for (place, partition) in cluster.partitions() {
            if partition.seen.leader == Some(*broker) {
                if self.since.len() == self.led_at.len() {
                    self.longest = None;
                }
                if self.led_at.remove(&place).is_some() || !self.since.contains_key(&place) {
                    self.since.insert(place, at);
                }
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
        let led_at = self.led_at.remove(&receipt.partition).unwrap_or(acked_at);
        let place = place(home, &receipt.partition.topic, receipt.partition.partition);
        let lost = cluster.lost;
        let seconds = |time: Duration| format!("{:.2} s", time.as_secs_f64());
        let took = seconds(acked_at.since(receipt.sent_at.max(since)));
        let tried = if receipt.sent_at > led_at {
            let idle = seconds(receipt.sent_at.since(led_at));
            format!("; not tried {idle}; the try took {took}")
        } else {
            format!("; writes waited {took}")
        };
        let without = seconds(led_at.since(since));
        let line = Line::new(acked_at, "client")
            .say(format!("{place} writes again, "))
            .with(
                if lost == 0 { Tone::Good } else { Tone::Bad },
                format!("{lost} lost"),
            )
            .say(format!(". Without leader {without}{tried}"));
        story.tell(&[Subject::Partition(receipt.partition.clone())], line);
    }
}

/// Whether a partition has a leader that answers, as far as anybody told.
fn led(cluster: &Cluster, place: &TopicPartition) -> bool {
    let leader = cluster.partition(place).and_then(|known| known.seen.leader);
    leader.is_some_and(|leader| {
        let process = cluster.process(leader);
        process.is_none_or(|process| process.status == Status::Up)
    })
}

/// Takes that sentence back as soon as it is not so any more.
pub(in crate::state) fn stop_explaining(state: &mut State) {
    let waits = state.cluster.produced.waiting_for_all.iter();
    let waits = waits
        .filter(|(_, count)| *count > 0)
        .any(|(place, _)| state.cluster.below_minimum(place).is_some());
    let view = &mut state.view;
    view.message
        .take_if(|message| message.while_waiting && !waits);
}

/// Says why records wait that nobody refuses: the client library tries on and tells nothing.
pub(in crate::state) fn explain_waiting(state: &mut State, produced: &ProducedSeen) {
    let found = produced
        .waiting_for_all
        .iter()
        .filter(|(_, count)| *count > 0)
        .find_map(|(place, _)| state.cluster.below_minimum(place));
    let Some(BelowMinimum {
        in_sync,
        needed,
        missed,
    }) = found
    else {
        return;
    };
    let words = format!("NOT_ENOUGH_REPLICAS: {in_sync} in sync, min.insync.replicas {needed}");
    let merge = Merge::Refused(words.clone(), 1);
    let latest = state.story.entries().iter().rev();
    if latest
        .take_while(|entry| state.now.since(entry.at) < TOLD_AGAIN)
        .any(|entry| entry.merge.as_ref() == Some(&merge))
    {
        return;
    }
    let remedy = match missed {
        Some(broker) => format!("  {{start broker {broker}}} starts broker {broker}"),
        None => String::new(),
    };
    // What happened is too narrow for both at most sizes; the footer is not.
    state.message(format!("{words}{remedy}"), true);
    if let Some(message) = &mut state.view.message {
        message.while_waiting = true;
    }
    let line = Line::new(state.now, "client")
        .with(Tone::Bad, words)
        .merging(merge);
    state.story.begin(line);
}
