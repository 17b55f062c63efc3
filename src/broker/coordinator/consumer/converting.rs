//! A group changes its protocol while its members live (`group.consumer.migration.policy`, KIP-848): the first member of
//! the consumer protocol takes a classic group over, the last one that leaves gives it back.

use std::collections::{BTreeMap, BTreeSet};

use super::classic_members::{assignment_of, by_id};
use super::group::{ConsumerGroup, FIRST_EPOCH};
use super::heartbeat::member_tombstones;
use super::member::{ClassicMember, ConsumerMember, CurrentAssignment, Subscription};
use super::partitions::{Assigned, all};
use super::records::{self, Key};
use super::topics::Topics;
use crate::coordinator::event::{JoinResponse, Response, StoredRecord, SyncResponse};
use crate::coordinator::group::{Group, GroupState};
use crate::coordinator::member::{Member, millis, to_millis};
use crate::coordinator::turn::{AfterWrite, Turn};
use wire::ErrorCode;
use wire::consumer_protocol::{CONSUMER_PROTOCOL_TYPE, decode_assignment, decode_subscription};
use wire::report::GroupCause;

/// What the settings allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MigrationPolicy {
    Disabled,
    Upgrade,
    Downgrade,
    Bidirectional,
}

impl MigrationPolicy {
    /// By Kafka's name, in any case.
    pub(crate) fn of_name(name: &str) -> Self {
        match name.to_ascii_lowercase().as_str() {
            "upgrade" => Self::Upgrade,
            "downgrade" => Self::Downgrade,
            "bidirectional" => Self::Bidirectional,
            _ => Self::Disabled,
        }
    }

    pub(super) fn upgrades(self) -> bool {
        matches!(self, Self::Upgrade | Self::Bidirectional)
    }

    pub(super) fn downgrades(self) -> bool {
        matches!(self, Self::Downgrade | Self::Bidirectional)
    }
}

/// A classic group as it was before it changed its protocol.
#[derive(Debug)]
pub(crate) struct ClassicGroup {
    members: BTreeMap<String, Member>,
    static_members: BTreeMap<String, String>,
    state: GroupState,
    generation: i32,
    protocol: Option<String>,
    leader: Option<String>,
}

impl Group {
    /// The same group by the consumer protocol: members have what they had, in an epoch that is
    /// their generation. `None`: its members are no consumers.
    pub(super) fn upgraded(
        &self,
        topics: &Topics,
        records: &mut Vec<StoredRecord>,
    ) -> Option<Box<ConsumerGroup>> {
        if self.protocol_type.as_deref() != Some(CONSUMER_PROTOCOL_TYPE) {
            return None;
        }
        let epoch = self.generation.max(FIRST_EPOCH);
        let mut consumer = ConsumerGroup {
            epoch,
            assignment_epoch: epoch,
            ..ConsumerGroup::default()
        };
        for (id, member) in &self.members {
            let upgraded = upgraded_member(member, epoch, topics)?;
            let target = upgraded.current.assigned.partitions();
            if !target.is_empty() {
                consumer.target.insert(id.clone(), target);
            }
            consumer.members.insert(id.clone(), upgraded);
        }
        records.extend(self.group_tombstones());
        let id = self.id.as_str();
        for (member_id, member) in &consumer.members {
            let value = records::encode_member(&member.subscription);
            records.push(Key::Member(member_id.clone()).with(id, value));
        }
        records.push(consumer.group_record(id));
        for (member_id, target) in &consumer.target {
            let value = records::encode_target(target);
            records.push(Key::Target(member_id.clone()).with(id, value));
        }
        let value = records::encode_target_epoch(consumer.assignment_epoch, 0);
        records.push(Key::TargetEpoch.with(id, value));
        for (member_id, member) in &consumer.members {
            let value = records::encode_current(&member.current);
            records.push(Key::Current(member_id.clone()).with(id, value));
        }
        Some(Box::new(consumer))
    }

    /// Lets go of the classic protocol; members that wait are told to join again.
    pub(super) fn take_classic(&mut self, turn: &mut Turn<'_>) -> ClassicGroup {
        self.forget_rebalance(turn);
        for (member_id, member) in &mut self.members {
            turn.clear_session(&self.id, member_id);
            if let Some(to) = member.awaiting_join.take() {
                let error = ErrorCode::RebalanceInProgress;
                let response = JoinResponse::error(member_id.as_str(), error);
                turn.respond(to, Response::Join(response));
            }
            if let Some(to) = member.awaiting_sync.take() {
                let response = SyncResponse::error(ErrorCode::RebalanceInProgress);
                turn.respond(to, Response::Sync(response));
            }
        }
        for member_id in std::mem::take(&mut self.pending_members) {
            turn.clear_session(&self.id, &member_id);
        }
        ClassicGroup {
            members: std::mem::take(&mut self.members),
            static_members: std::mem::take(&mut self.static_members),
            state: self.state,
            generation: std::mem::take(&mut self.generation),
            protocol: self.protocol.take(),
            leader: self.leader.take(),
        }
    }

    /// The change to the consumer protocol could not be stored: all is as it was.
    pub(super) fn put_classic_back(&mut self, classic: ClassicGroup, turn: &mut Turn<'_>) {
        self.members = classic.members;
        self.static_members = classic.static_members;
        self.state = classic.state;
        self.generation = classic.generation;
        self.protocol = classic.protocol;
        self.leader = classic.leader;
        for member_id in self.members.keys() {
            self.heard(member_id, turn);
        }
        if !self.members.is_empty() {
            self.prepare_rebalance(&"the group keeps the classic protocol".into(), turn);
        }
    }

    /// Once only members of the classic protocol are left, the group is theirs again.
    pub(super) fn give_back_to_classic(&mut self, turn: &mut Turn<'_>) {
        let may = turn.config.consumer.migration_policy.downgrades();
        let Some(consumer) = &self.consumer else {
            return;
        };
        let mut members = consumer.members.values();
        let all_classic = members.all(|member| member.subscription.classic.is_some());
        if !may || consumer.members.is_empty() || !all_classic {
            return;
        }
        let classic: Vec<Member> = consumer
            .members
            .values()
            .filter_map(|member| downgraded_member(member, turn.topics))
            .collect();
        let records = consumer.all_tombstones(&self.id);
        self.forget_members(turn);
        self.generation = consumer.epoch;
        self.consumer = None;
        self.leader = None;
        for member in classic {
            let member_id = member.member_id.clone();
            self.add(member, CONSUMER_PROTOCOL_TYPE);
            self.heard(&member_id, turn);
        }
        self.protocol = self.select_protocol();
        self.state = GroupState::Stable;
        let at = self.offsets_partition;
        let id = self.id.clone();
        turn.write(&id, at, records, AfterWrite::Nothing);
        let assignments = self
            .members
            .values()
            .map(|member| (member.member_id.clone(), member.assignment.clone()))
            .collect();
        self.store(&assignments, AfterWrite::Nothing, turn);
        let why: GroupCause = "the last member of the consumer protocol is gone".into();
        self.prepare_rebalance(&why, turn);
    }
}

impl ConsumerGroup {
    /// What removes the group with its members from the log.
    fn all_tombstones(&self, group: &str) -> Vec<StoredRecord> {
        let members = self.members.keys();
        let members = members.flat_map(|member_id| member_tombstones(group, member_id));
        let expressions = self.expressions.keys();
        let expressions = expressions.map(|it| Key::Expression(it.clone()).tombstone(group));
        members
            .chain(expressions)
            .chain(Self::tombstones(group))
            .collect()
    }
}

fn upgraded_member(member: &Member, epoch: i32, topics: &Topics) -> Option<ConsumerMember> {
    let (_, metadata) = member.protocols.first()?;
    let subscription = decode_subscription(metadata).ok()?;
    let mut assigned = Assigned::default();
    let partitions = decode_assignment(&member.assignment).unwrap_or_default();
    for (topic, partition) in all(&by_id(&partitions, topics)) {
        assigned.insert(topic, partition, epoch);
    }
    Some(ConsumerMember {
        member_id: member.member_id.clone(),
        subscription: Subscription {
            instance_id: member.group_instance_id.clone(),
            client_id: member.client_id.clone(),
            client_host: member.client_host.clone(),
            topics: subscription.topics.into_iter().collect::<BTreeSet<_>>(),
            rebalance_timeout_ms: to_millis(member.rebalance_timeout),
            classic: Some(ClassicMember {
                session_timeout_ms: to_millis(member.session_timeout),
                protocols: member.protocols.clone(),
            }),
            ..Subscription::default()
        },
        current: CurrentAssignment {
            epoch,
            previous_epoch: epoch,
            assigned,
            ..CurrentAssignment::default()
        },
    })
}

fn downgraded_member(member: &ConsumerMember, topics: &Topics) -> Option<Member> {
    let subscription = &member.subscription;
    let classic = subscription.classic.as_ref()?;
    Some(Member {
        member_id: member.member_id.clone(),
        group_instance_id: subscription.instance_id.clone(),
        client_id: subscription.client_id.clone(),
        client_host: subscription.client_host.clone(),
        rebalance_timeout: member.rebalance_timeout(),
        session_timeout: millis(classic.session_timeout_ms),
        protocols: classic.protocols.clone(),
        assignment: assignment_of(member, topics),
        awaiting_join: None,
        awaiting_sync: None,
        is_new: false,
    })
}
