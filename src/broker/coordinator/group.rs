//! One consumer group: its members, its generation, its committed offsets.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use bytes::Bytes;

use super::consumer::ConsumerGroup;
use super::event::{Effect, JoinedMember, StoredRecord, WriteId};
use super::group_metadata_record::{self, GroupMetadataValue};
use super::member::Member;
use super::offset_commit_record::OffsetAndMetadata;
use super::transactional_offsets::TransactionalOffsets;
use super::turn::{AfterWrite, Turn};
use wire::report::{GroupCause, MemberPartitions};
use wire::{ErrorCode, LeaderEpoch, TopicPartition};

/// Where a group stands, with Kafka's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GroupState {
    /// No members; it lives as long as its offsets.
    Empty,
    /// Members are asked to join (again).
    PreparingRebalance,
    /// The generation's members are known; the leader divides the partitions.
    CompletingRebalance,
    /// Everybody has its assignment.
    Stable,
    /// Being deleted.
    Dead,
}

/// The partition of `__consumer_offsets` that keeps a group, under this broker's leadership of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OffsetsPartition {
    pub partition: i32,
    pub leader_epoch: LeaderEpoch,
}

/// A committed offset and the write that brought it.
#[derive(Debug, Clone)]
pub(crate) struct CommittedOffset {
    pub value: OffsetAndMetadata,
    /// Writes may be acknowledged out of order; an older one never replaces a newer one.
    pub written_by: WriteId,
}

/// The first rebalance of an empty group waits for more members than the first.
#[derive(Debug, Clone, Copy)]
pub(crate) struct InitialJoin {
    pub delay: Duration,
    /// By how much it may still be put off while new members come.
    pub remaining: Duration,
}

/// A group of this broker's.
#[derive(Debug)]
pub(crate) struct Group {
    pub id: String,
    pub offsets_partition: OffsetsPartition,
    pub state: GroupState,
    /// Wall clock; `-1`: not known.
    pub state_since_ms: i64,
    pub generation: i32,
    /// `consumer` for consumers; `None` where offsets are committed without any membership.
    pub protocol_type: Option<String>,
    /// The assignor that the members chose.
    pub protocol: Option<String>,
    /// The leader's member id. Invariant: a key of `members`.
    pub leader: Option<String>,
    pub members: BTreeMap<String, Member>,
    /// Member ids by instance id. Invariant: values are keys of `members`.
    pub static_members: BTreeMap<String, String>,
    /// Ids that were given out and have not come back yet.
    pub pending_members: BTreeSet<String>,
    /// Members of this generation that have not synced yet.
    pub pending_sync: BTreeSet<String>,
    /// Set while the first rebalance of an empty group is put off.
    pub initial_join: Option<InitialJoin>,
    pub new_member_added: bool,
    pub offsets: BTreeMap<TopicPartition, CommittedOffset>,
    /// Writes that bring commits and are on their way into the log. Each may still succeed, whatever
    /// becomes of the others. Invariant: no set is empty.
    pub pending_commits: BTreeMap<TopicPartition, BTreeSet<WriteId>>,
    pub transactional_offsets: TransactionalOffsets,
    /// The division before the current one, for people.
    pub before: Vec<MemberPartitions>,
    /// Set for a group of the consumer protocol. `members` is empty then, and `state` says no more
    /// than whether that has any.
    pub consumer: Option<Box<ConsumerGroup>>,
}

impl Group {
    /// A group without members.
    pub(crate) fn new(id: &str, offsets_partition: OffsetsPartition, state_since_ms: i64) -> Self {
        Self {
            id: id.to_owned(),
            offsets_partition,
            state: GroupState::Empty,
            state_since_ms,
            generation: 0,
            protocol_type: None,
            protocol: None,
            leader: None,
            members: BTreeMap::new(),
            static_members: BTreeMap::new(),
            pending_members: BTreeSet::new(),
            pending_sync: BTreeSet::new(),
            initial_join: None,
            new_member_added: false,
            offsets: BTreeMap::new(),
            pending_commits: BTreeMap::new(),
            transactional_offsets: TransactionalOffsets::default(),
            before: Vec::new(),
            consumer: None,
        }
    }

    pub(crate) fn is(&self, state: GroupState) -> bool {
        self.state == state
    }

    pub(crate) fn enter(&mut self, state: GroupState, turn: &Turn<'_>) {
        self.state = state;
        self.state_since_ms = turn.now.wall_ms;
    }

    pub(crate) fn is_leader(&self, member_id: &str) -> bool {
        self.leader.as_deref() == Some(member_id)
    }

    /// The longest that any member may take to join again.
    pub(crate) fn rebalance_timeout(&self) -> Duration {
        self.members
            .values()
            .map(|member| member.rebalance_timeout)
            .max()
            .unwrap_or_default()
    }

    /// Adds a member; the first one leads and sets the protocol type.
    pub(crate) fn add(&mut self, member: Member, protocol_type: &str) {
        if self.members.is_empty() {
            self.protocol_type = Some(protocol_type.to_owned());
        }
        if let Some(instance_id) = &member.group_instance_id {
            self.static_members
                .insert(instance_id.clone(), member.member_id.clone());
        }
        self.leader.get_or_insert_with(|| member.member_id.clone());
        self.pending_members.remove(&member.member_id);
        self.members.insert(member.member_id.clone(), member);
    }

    /// Removes a member or a pending id; another member leads then.
    pub(crate) fn remove(&mut self, member_id: &str, turn: &mut Turn<'_>) -> Option<Member> {
        turn.clear_session(&self.id, member_id);
        self.pending_members.remove(member_id);
        self.pending_sync.remove(member_id);
        let member = self.members.remove(member_id)?;
        if let Some(instance_id) = &member.group_instance_id
            && self.static_members.get(instance_id).map(String::as_str) == Some(member_id)
        {
            self.static_members.remove(instance_id);
        }
        if self.is_leader(member_id) {
            self.leader = self.members.keys().next().cloned();
        }
        Some(member)
    }

    /// Checks that a request comes from a current member: its instance id (if it names one)
    /// belongs to its member id, and the member id is known.
    pub(crate) fn validate_member(
        &self,
        member_id: &str,
        group_instance_id: Option<&str>,
    ) -> Result<(), ErrorCode> {
        if let Some(instance_id) = group_instance_id {
            match self.static_members.get(instance_id) {
                None => return Err(ErrorCode::UnknownMemberId),
                Some(current) if current != member_id => return Err(ErrorCode::FencedInstanceId),
                Some(_) => {}
            }
        }
        if self.members.contains_key(member_id) {
            Ok(())
        } else {
            Err(ErrorCode::UnknownMemberId)
        }
    }

    /// Whether a member with these assignors could take part.
    pub(crate) fn supports_protocols(
        &self,
        protocol_type: &str,
        protocols: &[(String, Bytes)],
    ) -> bool {
        if self.is(GroupState::Empty) {
            return !protocol_type.is_empty() && !protocols.is_empty();
        }
        self.protocol_type.as_deref() == Some(protocol_type)
            && protocols
                .iter()
                .any(|(name, _)| self.members.values().all(|member| member.supports(name)))
    }

    /// The assignor with the most votes: each member votes for the first of its own that all
    /// members know. Of equals, the one that an earlier member id voted for.
    pub(crate) fn select_protocol(&self) -> Option<String> {
        let mut votes: Vec<(&str, usize)> = Vec::new();
        for member in self.members.values() {
            let vote = member
                .protocols
                .iter()
                .map(|(name, _)| name.as_str())
                .find(|name| self.members.values().all(|other| other.supports(name)))?;
            match votes.iter_mut().find(|(name, _)| *name == vote) {
                Some((_, count)) => *count += 1,
                None => votes.push((vote, 1)),
            }
        }
        // The last of equals wins in max_by_key, so look from the end.
        votes
            .into_iter()
            .rev()
            .max_by_key(|(_, count)| *count)
            .map(|(name, _)| name.to_owned())
    }

    /// Everybody's metadata for the chosen assignor.
    pub(crate) fn joined_members(&self) -> Vec<JoinedMember> {
        let protocol = self.protocol.as_deref().unwrap_or_default();
        self.members
            .values()
            .map(|member| member.to_joined(protocol))
            .collect()
    }

    /// Whether everyone that is known waits for the new generation.
    pub(crate) fn all_members_joined(&self) -> bool {
        self.pending_members.is_empty()
            && self
                .members
                .values()
                .all(|member| member.awaiting_join.is_some())
    }

    /// The session timeout starts anew.
    pub(crate) fn heard(&self, member_id: &str, turn: &mut Turn<'_>) {
        if let Some(member) = self.members.get(member_id) {
            turn.set_session(&self.id, member_id, member.session_timeout);
        }
    }

    /// Appends the generation to the log with these assignments (members that are not named get
    /// nothing) and goes on with `then`.
    pub(crate) fn store(
        &self,
        assignments: &BTreeMap<String, Bytes>,
        then: AfterWrite,
        turn: &mut Turn<'_>,
    ) {
        let protocol = self.protocol.as_deref().unwrap_or_default();
        let value = GroupMetadataValue {
            protocol_type: self.protocol_type.clone().unwrap_or_default(),
            generation: self.generation,
            protocol: self.protocol.clone(),
            leader: self.leader.clone(),
            current_state_timestamp_ms: self.state_since_ms,
            members: self
                .members
                .values()
                .map(|member| {
                    let assignment = assignments.get(&member.member_id).cloned();
                    member.to_stored(protocol, assignment.unwrap_or_default())
                })
                .collect(),
        };
        let record = StoredRecord {
            key: group_metadata_record::encode_key(&self.id),
            value: Some(value.encode()),
        };
        turn.write(&self.id, self.offsets_partition, vec![record], then);
    }

    /// Whether anything keeps an empty group alive.
    pub(crate) fn has_offsets(&self) -> bool {
        !self.offsets.is_empty()
            || !self.pending_commits.is_empty()
            || !self.transactional_offsets.is_empty()
    }

    /// Whether there is nothing to it: a group that was not stored.
    pub(crate) fn is_nothing(&self) -> bool {
        self.consumer.is_none()
            && self.members.is_empty()
            && self.pending_members.is_empty()
            && self.generation == 0
            && !self.has_offsets()
    }

    /// Emits the group's state for people.
    pub(crate) fn report_state(&self, why: &GroupCause, turn: &mut Turn<'_>) {
        if self.consumer.is_some() {
            self.report_consumer(why.clone(), turn);
            return;
        }
        let report = super::reports::group_state(self, why.clone());
        turn.effects.push(Effect::Report(report));
    }
}

impl fmt::Display for GroupState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        wire::GroupState::from(*self).fmt(f)
    }
}

impl From<GroupState> for wire::GroupState {
    fn from(state: GroupState) -> Self {
        match state {
            GroupState::Empty => Self::Empty,
            GroupState::PreparingRebalance => Self::PreparingRebalance,
            GroupState::CompletingRebalance => Self::CompletingRebalance,
            GroupState::Stable => Self::Stable,
            GroupState::Dead => Self::Dead,
        }
    }
}
