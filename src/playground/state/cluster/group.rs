//! A consumer group as its coordinator and its own members tell it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

use super::{GroupProtocol, GroupSeen, Reading, fact::Share};
use crate::state::Timestamp;
use wire::{GroupState, Offset, TopicPartition, report::MemberStep};

/// Seconds of lag kept for the chart.
pub const LAG_SECONDS: usize = 60;

/// A consumer group.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Group {
    /// Where it stands, by who told last.
    pub state: GroupState,
    /// When it entered that state.
    pub since: Timestamp,
    /// When the rebalance that goes on began.
    pub rebalance_since: Option<Timestamp>,
    /// The generation that its members know, and the one before the rebalance.
    pub generation: Option<i32>,
    /// The assignor, `range`.
    pub protocol: String,
    /// The member that divides the partitions, by its member id, where the coordinator told.
    pub leader: Option<String>,
    /// Members that the coordinator waits for, by member id.
    pub awaited: Vec<String>,
    /// How long it waits, in milliseconds.
    pub rebalance_timeout_ms: u64,
    /// Members by member id: whole applications share a client id.
    pub members: BTreeMap<String, Member>,
    /// Committed offsets.
    pub committed: BTreeMap<TopicPartition, Offset>,
    /// Who read how far: the next offset each of our own consumers reads.
    pub positions: BTreeMap<TopicPartition, Offset>,
    /// What our own consumers read.
    #[serde(default, skip_serializing_if = "Reading::is_empty")]
    pub reading: Reading,
    /// Lag of the whole group, one value a second.
    pub lag_history: VecDeque<i64>,
    /// By which protocol it divides, where the coordinator told.
    #[serde(default)]
    pub kind: Option<GroupProtocol>,
    /// Of a group of the consumer protocol: the group's epoch, and that of the target that was computed last.
    #[serde(default)]
    pub epochs: Option<(i32, i32)>,
    /// The broker that coordinates it.
    pub coordinator: Option<wire::BrokerId>,
    last_lag_second: i64,
}

/// A member of a group.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Member {
    /// How it is called here: a consumer of ours by its own name, all others by client id and the
    /// first signs of what the coordinator added to it.
    pub name: String,
    /// Whether it is a consumer of ours.
    pub ours: bool,
    /// Given by the client.
    pub client_id: String,
    /// Where it connects from.
    pub host: String,
    /// The last step told of it.
    pub step: Option<MemberStep>,
    /// What it reads.
    pub reads: BTreeSet<TopicPartition>,
    /// The epoch of that, by the consumer protocol.
    #[serde(default)]
    pub epoch: Option<i32>,
    /// What it is to read, by the consumer protocol.
    #[serde(default)]
    pub target: BTreeSet<TopicPartition>,
    /// When it was first seen.
    pub first_seen: Timestamp,
}

impl Group {
    /// Whether partitions are being divided anew.
    #[must_use]
    pub fn rebalancing(&self) -> bool {
        self.state.is_rebalance()
    }

    /// Who reads this partition.
    #[must_use]
    pub fn reader(&self, partition: &TopicPartition) -> Option<&str> {
        self.members
            .values()
            .find(|member| member.reads.contains(partition))
            .map(|member| member.name.as_str())
    }

    /// The member of this name, with its member id.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<(&str, &Member)> {
        self.members
            .iter()
            .find(|(_, member)| member.name == name)
            .map(|(member_id, member)| (member_id.as_str(), member))
    }

    /// Whether the coordinator waits for the member of this name.
    #[must_use]
    pub fn awaits(&self, name: &str) -> bool {
        self.named(name)
            .is_some_and(|(member_id, _)| self.awaited.iter().any(|awaited| awaited == member_id))
    }

    /// The names of those that the coordinator waits for.
    #[must_use]
    pub fn awaited_names(&self) -> Vec<&str> {
        let awaited = self.awaited.iter();
        awaited
            .filter_map(|member_id| Some(self.members.get(member_id)?.name.as_str()))
            .collect()
    }

    /// The topics that it reads or has read.
    #[must_use]
    pub fn topics(&self) -> BTreeSet<&str> {
        let read = self.members.values().flat_map(|member| &member.reads);
        let places = self.committed.keys().chain(self.positions.keys());
        read.chain(places)
            .map(|place| place.topic.as_str())
            .collect()
    }

    pub(in crate::state) fn see(&mut self, seen: &GroupSeen, at: Timestamp) {
        self.coordinator = seen.coordinator.or(self.coordinator);
        if !seen.protocol.is_empty() {
            self.protocol.clone_from(&seen.protocol);
        }
        self.committed.extend(seen.committed.iter().cloned());
        self.enter(seen.state, at);
        self.kind = seen.kind.or(self.kind);
        self.epochs = seen.epochs;
        let is_consumer = self.kind == Some(GroupProtocol::Consumer);
        if is_consumer {
            self.generation = None;
        }
        let is_member = |member_id: &str| {
            let mut members = seen.members.iter();
            members.any(|known| known.member_id == member_id)
        };
        let settled = matches!(seen.state, GroupState::Stable | GroupState::Empty);
        self.members.retain(|member_id, member| {
            let went = matches!(member.step, Some(MemberStep::Expired | MemberStep::Left));
            is_member(member_id) || !(went || settled)
        });
        for known in &seen.members {
            let member = self.member(&known.member_id, &known.client_id, at);
            let host = known.host.trim_start_matches('/');
            host.clone_into(&mut member.host);
            member.epoch = known.epoch;
            member.target = known.target.iter().cloned().collect();
            // By the consumer protocol each has what it has, whatever the others do.
            if seen.state == GroupState::Stable || is_consumer {
                member.reads = known.assignment.iter().cloned().collect();
                member.step = Some(MemberStep::Synced);
            }
        }
    }

    /// Enters a state that was told.
    pub(in crate::state) fn enter(&mut self, state: GroupState, at: Timestamp) {
        if self.state == state || state == GroupState::Unknown {
            return;
        }
        let was_rebalancing = self.rebalancing();
        self.state = state;
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
    pub(super) fn divide(&mut self, shares: &[Share], at: Timestamp) {
        let holds = |member_id: &str| {
            let mut shares = shares.iter();
            shares.any(|share| share.holds.member == member_id)
        };
        self.members.retain(|member_id, _| holds(member_id));
        for Share { holds: known, .. } in shares {
            let member = self.member(&known.member, &known.client_id, at);
            member.reads = known.partitions.iter().cloned().collect();
            member.step = Some(MemberStep::Synced);
        }
    }

    /// A member; where it was not known before it has no name yet.
    pub(in crate::state) fn member(
        &mut self,
        member_id: &str,
        client_id: &str,
        at: Timestamp,
    ) -> &mut Member {
        self.members
            .entry(member_id.to_owned())
            .or_insert_with(|| Member {
                first_seen: at,
                client_id: client_id.to_owned(),
                ..Member::default()
            })
    }

    /// The member that is a consumer of ours.
    pub(super) fn our_member(&mut self, name: &str) -> Option<&mut Member> {
        let mut members = self.members.values_mut();
        members.find(|member| member.ours && member.name == name)
    }

    /// A member gave partitions up; its rows are nobody's until the next division.
    pub(super) fn revoke(&mut self, member_id: &str, partitions: &[TopicPartition]) {
        if let Some(member) = self.members.get_mut(member_id) {
            member.reads.retain(|held| !partitions.contains(held));
        }
    }

    /// Offsets that a member committed.
    pub(super) fn commit(&mut self, offsets: &[(TopicPartition, Offset)]) {
        let known = offsets.iter().filter(|(_, offset)| offset.0 >= 0);
        self.committed.extend(known.cloned());
    }

    /// Topics that are gone.
    pub(super) fn forget_topics(&mut self, gone: &[String]) {
        let stays = |place: &TopicPartition| !gone.contains(&place.topic);
        self.committed.retain(|place, _| stays(place));
        self.positions.retain(|place, _| stays(place));
        self.reading.forget_topics(gone);
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
    use crate::state::{GroupSeen, MemberSeen, Timestamp};
    use wire::{GroupState, TopicPartition};

    fn seen(state: GroupState, reads: &[(&str, i32)]) -> GroupSeen {
        GroupSeen {
            group: "billing".into(),
            state,
            members: reads
                .iter()
                .map(|(client, partition)| MemberSeen {
                    member_id: format!("{client}-id"),
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
        group.see(&seen(GroupState::Stable, &[("c1", 0)]), Timestamp(1));
        assert!(group.reader(&TopicPartition::new("orders", 0)).is_some());
        group.enter(GroupState::PreparingRebalance, Timestamp(5));
        group.enter(GroupState::CompletingRebalance, Timestamp(9));
        assert_eq!(group.rebalance_since, Some(Timestamp(5)));
        group.enter(GroupState::Stable, Timestamp(12));
        assert_eq!(group.rebalance_since, None);
    }

    #[test]
    fn who_is_gone_in_a_stable_group_is_gone() {
        let mut group = Group::default();
        group.see(
            &seen(GroupState::Stable, &[("c1", 0), ("c2", 1)]),
            Timestamp(1),
        );
        group.see(&seen(GroupState::Stable, &[("c1", 0)]), Timestamp(2));
        assert_eq!(group.members.len(), 1);
    }
}
