//! A group of the consumer protocol: its members, its epoch, its target assignment.

use std::collections::{BTreeMap, BTreeSet};

use bytes::{BufMut, BytesMut};
use uuid::Uuid;

use super::ConsumerConfig;
use super::assignor::{Assignor, MemberToAssign, TopicToAssign};
use super::expression;
use super::member::{ConsumerMember, Subscription};
use super::partitions::{Assigned, Partitions};
use super::records::{self, Key};
use super::topics::Topics;
use crate::coordinator::event::{Now, StoredRecord, WriteId};

/// Where a new group stands, without a record of it.
pub(crate) const FIRST_EPOCH: i32 = 1;

/// How long the topics that an expression found are believed while there are new ones.
const EXPRESSION_REFRESH_MS: i64 = 10_000;

/// A group's members and what they are to have.
#[derive(Debug, Clone)]
pub(crate) struct ConsumerGroup {
    /// Rises with each change of members, subscriptions or topics.
    pub epoch: i32,
    /// Of the topics that are subscribed to: another one means that a topic changed.
    pub metadata_hash: i64,
    pub members: BTreeMap<String, ConsumerMember>,
    /// The epoch that the target assignment is for.
    pub assignment_epoch: i32,
    /// Wall clock; 0: none was computed yet.
    pub assignment_timestamp_ms: i64,
    /// By member id; who is not in it gets nothing.
    pub target: BTreeMap<String, Partitions>,
    /// What regular expressions of members stand for, once that was looked up.
    pub expressions: BTreeMap<String, ResolvedExpression>,
    /// The version of the topics that the hash was computed from.
    pub topics_seen: u64,
    /// The last write that changed the group: whoever hears of the change waits for it.
    pub last_write: Option<WriteId>,
    /// A write was not confirmed in time. It may be in the log or not: the next one tells.
    pub is_unconfirmed: bool,
}

/// The topics that a regular expression matched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ResolvedExpression {
    pub topics: BTreeSet<String>,
    /// Wall clock of the look.
    pub timestamp_ms: i64,
    /// The version of the topics that were looked at; 0: another broker's.
    pub topics_seen: u64,
}

impl Default for ConsumerGroup {
    fn default() -> Self {
        Self {
            epoch: FIRST_EPOCH,
            metadata_hash: 0,
            members: BTreeMap::new(),
            assignment_epoch: FIRST_EPOCH,
            assignment_timestamp_ms: 0,
            target: BTreeMap::new(),
            expressions: BTreeMap::new(),
            topics_seen: 0,
            last_write: None,
            is_unconfirmed: false,
        }
    }
}

impl ConsumerGroup {
    /// Kafka's name for where the group stands.
    pub(crate) fn state(&self) -> wire::GroupState {
        let is_reconciled =
            |member: &ConsumerMember| member.is_reconciled_to(self.assignment_epoch);
        if self.members.is_empty() {
            wire::GroupState::Empty
        } else if self.epoch > self.assignment_epoch {
            wire::GroupState::Assigning
        } else if self.members.values().all(is_reconciled) {
            wire::GroupState::Stable
        } else {
            wire::GroupState::Reconciling
        }
    }

    /// The static member of this instance.
    pub(crate) fn static_member(&self, instance_id: &str) -> Option<&ConsumerMember> {
        let mut members = self.members.values();
        members.find(|member| member.subscription.instance_id.as_deref() == Some(instance_id))
    }

    /// The topics that a member asks for by name or by an expression that was looked up.
    pub(crate) fn topics_of<'a>(
        &'a self,
        subscription: &'a Subscription,
    ) -> impl Iterator<Item = &'a str> {
        let found = self.expressions.get(&subscription.expression);
        let found = found.into_iter().flat_map(|resolved| &resolved.topics);
        let named = subscription.topics.iter();
        named.chain(found).map(String::as_str)
    }

    /// The topics that any member asks for.
    pub(crate) fn subscribed_topics(&self) -> BTreeSet<&str> {
        let members = self.members.values();
        members
            .flat_map(|member| self.topics_of(&member.subscription))
            .collect()
    }

    /// The ids of those that exist.
    pub(crate) fn subscribed_ids(
        &self,
        subscription: &Subscription,
        topics: &Topics,
    ) -> BTreeSet<Uuid> {
        let names = self.topics_of(subscription);
        names
            .filter_map(|name| topics.find(name))
            .map(|it| it.id)
            .collect()
    }

    /// Raises the epoch, if what members ask for or the topics themselves changed.
    pub(super) fn raise_epoch(
        &mut self,
        group: &str,
        has_changed: bool,
        topics: &Topics,
        records: &mut Vec<StoredRecord>,
    ) {
        if !has_changed && self.topics_seen == topics.version() {
            return;
        }
        self.topics_seen = topics.version();
        let hash = self.hash_of_topics(topics);
        if has_changed || hash != self.metadata_hash {
            self.metadata_hash = hash;
            self.epoch = self.epoch.saturating_add(1);
            records.push(self.group_record(group));
        }
    }

    pub(super) fn group_record(&self, group: &str) -> StoredRecord {
        let value = records::encode_group(self.epoch, self.metadata_hash);
        Key::Group.with(group, value)
    }

    /// Of names, ids and partition counts of the topics that are subscribed to and exist; 0 where
    /// there are none. Only ever compared with one computed here.
    fn hash_of_topics(&self, topics: &Topics) -> i64 {
        let mut bytes = BytesMut::new();
        for name in self.subscribed_topics() {
            if let Some(topic) = topics.find(name) {
                bytes.put_slice(name.as_bytes());
                bytes.put_slice(topic.id.as_bytes());
                bytes.put_i32(topic.partitions);
            }
        }
        if bytes.is_empty() {
            return 0;
        }
        // FNV-1a.
        let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        });
        hash.cast_signed()
    }

    /// Computes the target assignment for the group's epoch, if there is none yet and the last one
    /// is old enough.
    pub(super) fn divide(
        &mut self,
        group: &str,
        topics: &Topics,
        config: &ConsumerConfig,
        now: Now,
        records: &mut Vec<StoredRecord>,
    ) {
        let age = now.wall_ms.saturating_sub(self.assignment_timestamp_ms);
        // A clock that was set back does not hold the group up.
        let is_too_early = (0..config.assignment_interval_ms).contains(&age);
        if self.epoch <= self.assignment_epoch || is_too_early {
            return;
        }
        let target = self.new_target(topics, config);
        for (member_id, share) in &target {
            if self.target.get(member_id).unwrap_or(&Partitions::new()) != share {
                let value = records::encode_target(share);
                records.push(Key::Target(member_id.clone()).with(group, value));
            }
        }
        self.target = target;
        self.assignment_epoch = self.epoch;
        self.assignment_timestamp_ms = now.wall_ms;
        let value = records::encode_target_epoch(self.epoch, now.wall_ms);
        records.push(Key::TargetEpoch.with(group, value));
    }

    fn new_target(&self, topics: &Topics, config: &ConsumerConfig) -> BTreeMap<String, Partitions> {
        let names: Vec<&str> = self.subscribed_topics().into_iter().collect();
        let existing: Vec<(&str, TopicToAssign)> = names
            .into_iter()
            .filter_map(|name| {
                let topic = topics.find(name)?;
                let (id, partitions) = (topic.id, topic.partitions);
                Some((name, TopicToAssign { id, partitions }))
            })
            .collect();
        let position = |name: &str| {
            existing
                .binary_search_by(|(other, _)| (*other).cmp(name))
                .ok()
        };
        let members = self.members.iter().map(|(member_id, member)| {
            let names = self.topics_of(&member.subscription);
            let positions: BTreeSet<usize> = names.filter_map(position).collect();
            MemberToAssign {
                instance_id: member.subscription.instance_id.as_deref(),
                topics: positions.into_iter().collect(),
                before: self.target.get(member_id),
            }
        });
        let members: Vec<MemberToAssign<'_>> = members.collect();
        let to_assign: Vec<TopicToAssign> = existing.iter().map(|(_, topic)| *topic).collect();
        let shares = self.assignor(config).assign(&to_assign, &members);
        self.members.keys().cloned().zip(shares).collect()
    }

    /// The assignor that most members ask for; of equals, the one that the settings name first.
    pub(crate) fn assignor(&self, config: &ConsumerConfig) -> Assignor {
        let votes = |assignor: &Assignor| {
            let asked = self.members.values();
            asked
                .filter_map(|member| member.subscription.assignor.as_deref())
                .filter(|name| Assignor::of_name(name) == Some(*assignor))
                .count()
        };
        let all = config.assignors.iter().rev();
        all.max_by_key(|assignor| votes(assignor))
            .copied()
            .unwrap_or(Assignor::Uniform)
    }

    /// The partitions that members other than this one have, or have not given up yet.
    pub(super) fn held_by_others(&self, member_id: &str) -> Assigned {
        let mut held = Assigned::default();
        for (other, member) in &self.members {
            if other != member_id {
                held.extend(&member.current.assigned);
                held.extend(&member.current.pending_revocation);
            }
        }
        held
    }

    /// Whether an expression is to be looked up: for the first time, or again because there are
    /// other topics now.
    pub(crate) fn has_unresolved(&self, topics: &Topics, now: Now) -> bool {
        let members = self.members.values();
        let mut expressions = members.map(|member| &member.subscription.expression);
        expressions
            .any(|expression| !expression.is_empty() && self.is_unresolved(expression, topics, now))
    }

    fn is_unresolved(&self, expression: &str, topics: &Topics, now: Now) -> bool {
        self.expressions.get(expression).is_none_or(|resolved| {
            let age = now.wall_ms.saturating_sub(resolved.timestamp_ms);
            age >= EXPRESSION_REFRESH_MS && resolved.topics_seen != topics.version()
        })
    }

    /// Looks up which topics the members' expressions stand for now.
    pub(super) fn resolve(
        &mut self,
        group: &str,
        topics: &Topics,
        now: Now,
        records: &mut Vec<StoredRecord>,
    ) {
        let members = self.members.values();
        let asked: BTreeSet<String> = members
            .map(|member| member.subscription.expression.clone())
            .filter(|expression| !expression.is_empty())
            .collect();
        let mut has_changed = false;
        for expression in asked {
            if !self.is_unresolved(&expression, topics, now) {
                continue;
            }
            // Checked when a member brought it; one that an older broker took may be none here.
            let found: BTreeSet<String> = expression::compile(&expression).map_or_else(
                |_| BTreeSet::new(),
                |compiled| {
                    let names = topics.names();
                    names
                        .filter(|name| compiled.is_match(name))
                        .map(str::to_owned)
                        .collect()
                },
            );
            let before = self.expressions.get(&expression);
            has_changed |= before.is_none_or(|before| before.topics != found);
            let resolved = ResolvedExpression {
                topics: found,
                timestamp_ms: now.wall_ms,
                topics_seen: topics.version(),
            };
            let value = records::encode_expression(&resolved);
            records.push(Key::Expression(expression.clone()).with(group, value));
            self.expressions.insert(expression, resolved);
        }
        self.raise_epoch(group, has_changed, topics, records);
    }

    /// Forgets an expression that no member asks for any more.
    pub(super) fn drop_expression(
        &mut self,
        group: &str,
        expression: &str,
        records: &mut Vec<StoredRecord>,
    ) {
        let mut members = self.members.values();
        let is_asked = members.any(|member| member.subscription.expression == expression);
        if !is_asked && self.expressions.remove(expression).is_some() {
            records.push(Key::Expression(expression.to_owned()).tombstone(group));
        }
    }

    /// What removes the group from the log once it has no members.
    pub(crate) fn tombstones(group: &str) -> Vec<StoredRecord> {
        let keys = [Key::TargetEpoch, Key::Topics, Key::Group];
        keys.iter().map(|key| key.tombstone(group)).collect()
    }
}
