//! A consumer group as its coordinator and its own members tell it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

use super::{GroupSeen, Timestamp};
use crate::wire::{
    Offset, TopicPartition,
    report::{MemberPartitions, PartitionOffset},
};

/// Seconds of lag kept for the chart.
pub const LAG_SECONDS: usize = 60;

/// A consumer group.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Group {
    /// Kafka's name of its state; empty until somebody told.
    pub state: String,
    /// When it entered that state.
    pub since: Timestamp,
    /// When the rebalance that goes on began.
    pub rebalance_since: Option<Timestamp>,
    /// The generation that its members know, and the one before the rebalance.
    pub generation: Option<i32>,
    /// The assignor, `range`.
    pub protocol: String,
    /// Members that the coordinator waits for.
    pub awaited: Vec<String>,
    /// How long it waits, in milliseconds.
    pub rebalance_timeout_ms: u64,
    /// Members by client id.
    pub members: BTreeMap<String, Member>,
    /// Committed offsets.
    pub committed: BTreeMap<TopicPartition, Offset>,
    /// Who read how far: the next offset each of our own consumers reads.
    pub positions: BTreeMap<TopicPartition, Offset>,
    /// Lag of the whole group, one value a second.
    pub lag_history: VecDeque<i64>,
    /// The broker that coordinates it.
    pub coordinator: Option<crate::wire::BrokerId>,
    last_lag_second: i64,
}

/// A member of a group.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Member {
    /// The id that the coordinator gave.
    pub member_id: String,
    /// Where it connects from.
    pub host: String,
    /// The last step told of it: `asked`, `joined`, `synced`, `left`, `expired`.
    pub step: String,
    /// What it reads.
    pub reads: BTreeSet<TopicPartition>,
    /// When it was first seen.
    pub first_seen: Timestamp,
}

impl Group {
    /// Whether partitions are being divided anew.
    #[must_use]
    pub fn rebalancing(&self) -> bool {
        matches!(
            self.state.as_str(),
            "PreparingRebalance" | "CompletingRebalance"
        )
    }

    /// Who reads this partition.
    #[must_use]
    pub fn reader(&self, partition: &TopicPartition) -> Option<&str> {
        self.members
            .iter()
            .find(|(_, member)| member.reads.contains(partition))
            .map(|(client_id, _)| client_id.as_str())
    }

    pub(super) fn see(&mut self, seen: &GroupSeen, at: Timestamp) {
        self.coordinator = seen.coordinator.or(self.coordinator);
        if !seen.protocol.is_empty() {
            self.protocol.clone_from(&seen.protocol);
        }
        self.committed.extend(seen.committed.iter().cloned());
        self.enter(&seen.state, at);
        self.members.retain(|client_id, member| {
            member.step != "expired" && member.step != "left"
                || seen
                    .members
                    .iter()
                    .any(|known| known.client_id == *client_id)
        });
        for known in &seen.members {
            let member = self
                .members
                .entry(known.client_id.clone())
                .or_insert_with(|| Member {
                    first_seen: at,
                    ..Member::default()
                });
            member.member_id.clone_from(&known.member_id);
            member.host.clone_from(&known.host);
            if seen.state == "Stable" {
                member.reads = known.assignment.iter().cloned().collect();
                member.step = "synced".into();
            }
        }
        if seen.state == "Stable" || seen.state == "Empty" {
            self.members.retain(|client_id, _| {
                seen.members
                    .iter()
                    .any(|known| known.client_id == *client_id)
            });
        }
    }

    /// Enters a state that was told.
    pub(super) fn enter(&mut self, state: &str, at: Timestamp) {
        if self.state == state || state.is_empty() {
            return;
        }
        let was_rebalancing = self.rebalancing();
        state.clone_into(&mut self.state);
        self.since = at;
        if self.rebalancing() {
            if !was_rebalancing {
                self.rebalance_since = Some(at);
            }
        } else {
            self.rebalance_since = None;
            self.awaited.clear();
        }
    }

    /// The coordinator said who holds what.
    pub(super) fn divide(&mut self, members: &[MemberPartitions], at: Timestamp) {
        self.members
            .retain(|client_id, _| members.iter().any(|known| known.client_id == *client_id));
        for known in members {
            let member = self.member(&known.client_id, at);
            member.member_id.clone_from(&known.member);
            member.reads = known.partitions.iter().cloned().collect();
            member.step = "synced".into();
        }
    }

    pub(super) fn member(&mut self, client_id: &str, at: Timestamp) -> &mut Member {
        self.members
            .entry(client_id.to_owned())
            .or_insert_with(|| Member {
                first_seen: at,
                ..Member::default()
            })
    }

    /// A consumer said that it gave partitions up; its rows are nobody's until the next division.
    pub(super) fn revoke(&mut self, client_id: &str, partitions: &[TopicPartition]) {
        if let Some(member) = self.members.get_mut(client_id) {
            member.reads.retain(|held| !partitions.contains(held));
        }
    }

    /// Offsets that a member committed.
    pub(super) fn commit(&mut self, offsets: &[PartitionOffset]) {
        for offset in offsets.iter().filter(|offset| offset.offset.0 >= 0) {
            self.committed.insert(
                TopicPartition::new(&offset.topic, offset.partition),
                offset.offset,
            );
        }
    }

    /// Topics that are gone.
    pub(super) fn forget_topics(&mut self, gone: &[String]) {
        let stays = |place: &TopicPartition| !gone.contains(&place.topic);
        self.committed.retain(|place, _| stays(place));
        self.positions.retain(|place, _| stays(place));
        for member in self.members.values_mut() {
            member.reads.retain(stays);
        }
    }

    /// Takes one lag value for each second that passed.
    pub(super) fn sample_lag(&mut self, lag: i64, at: Timestamp) {
        let second = at.ms() / 1000;
        if second == self.last_lag_second {
            if let Some(last) = self.lag_history.back_mut() {
                *last = (*last).max(lag);
            }
            return;
        }
        self.last_lag_second = second;
        self.lag_history.push_back(lag);
        while self.lag_history.len() > LAG_SECONDS {
            self.lag_history.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Group;
    use crate::{
        playground::state::{GroupSeen, MemberSeen, Timestamp},
        wire::TopicPartition,
    };

    fn seen(state: &str, reads: &[(&str, i32)]) -> GroupSeen {
        GroupSeen {
            group: "billing".into(),
            state: state.into(),
            members: reads
                .iter()
                .map(|(client, partition)| MemberSeen {
                    client_id: (*client).into(),
                    assignment: vec![TopicPartition::new("orders", *partition)],
                    ..MemberSeen::default()
                })
                .collect(),
            ..GroupSeen::default()
        }
    }

    #[test]
    fn a_rebalance_has_one_beginning_through_both_its_states() {
        let mut group = Group::default();
        group.see(&seen("Stable", &[("c1", 0)]), Timestamp(1));
        assert_eq!(group.reader(&TopicPartition::new("orders", 0)), Some("c1"));
        group.enter("PreparingRebalance", Timestamp(5));
        group.enter("CompletingRebalance", Timestamp(9));
        assert_eq!(group.rebalance_since, Some(Timestamp(5)));
        group.enter("Stable", Timestamp(12));
        assert_eq!(group.rebalance_since, None);
    }

    #[test]
    fn who_is_gone_in_a_stable_group_is_gone() {
        let mut group = Group::default();
        group.see(&seen("Stable", &[("c1", 0), ("c2", 1)]), Timestamp(1));
        group.see(&seen("Stable", &[("c1", 0)]), Timestamp(2));
        assert_eq!(group.members.len(), 1);
    }
}
