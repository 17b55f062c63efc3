//! `ConsumerGroupHeartbeat` of a member that joins or stays: what it says is taken over, the
//! partitions are divided anew where that is needed, and it moves one step towards its share.

use super::ConsumerConfig;
use super::assignor::Assignor;
use super::event::{
    ConsumerHeartbeat, ConsumerHeartbeatAnswer, JOIN_EPOCH, LEAVE_EPOCH, LEAVE_STATIC_EPOCH,
    Refusal,
};
use super::expression;
use super::group::ConsumerGroup;
use super::member::{ConsumerMember, CurrentAssignment};
use super::reconciling::Reconciliation;
use super::records::{self, Key};
use super::topics::Topics;
use crate::coordinator::event::{Now, StoredRecord};
use wire::ErrorCode;

/// A heartbeat with everything that decides about it.
pub(super) struct Heartbeat<'a> {
    pub(super) request: &'a ConsumerHeartbeat,
    pub(super) topics: &'a Topics,
    pub(super) config: &'a ConsumerConfig,
    pub(super) now: Now,
}

/// Checks what can be said of a request without its group.
pub(super) fn validate(
    request: &ConsumerHeartbeat,
    config: &ConsumerConfig,
) -> Result<(), Refusal> {
    let invalid = |message: &str| Err(Refusal::new(ErrorCode::InvalidRequest, message));
    let is_empty = |text: &Option<String>| text.as_deref() == Some("");
    if request.group.is_empty() {
        return invalid("GroupId can't be empty.");
    }
    if is_empty(&request.instance_id) {
        return invalid("InstanceId can't be empty.");
    }
    if is_empty(&request.rack_id) {
        return invalid("RackId can't be empty.");
    }
    if request.member_id.is_empty()
        && (request.makes_member_id || request.member_epoch != JOIN_EPOCH)
    {
        return invalid("MemberId can't be empty.");
    }
    match request.member_epoch {
        JOIN_EPOCH => {
            if request.rebalance_timeout_ms == -1 {
                return invalid("RebalanceTimeoutMs must be provided in first request.");
            }
            if request.owned.as_ref().is_none_or(|owned| !owned.is_empty()) {
                return invalid("TopicPartitions must be empty when (re-)joining.");
            }
            if request.topics.is_none() && request.expression.is_none() {
                return invalid(
                    "Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when (re-)joining.",
                );
            }
        }
        LEAVE_STATIC_EPOCH if request.instance_id.is_none() => {
            return invalid("InstanceId can't be null.");
        }
        LEAVE_EPOCH | LEAVE_STATIC_EPOCH => {}
        epoch if epoch < 0 => return invalid("MemberEpoch is invalid."),
        _ => {}
    }
    if let Some(name) = &request.assignor {
        let asked = Assignor::of_name(name).filter(|it| it.name() == name);
        if asked.is_none_or(|asked| !config.assignors.contains(&asked)) {
            let names: Vec<&str> = config.assignors.iter().map(|it| it.name()).collect();
            let message = format!(
                "ServerAssignor {name} is not supported. Supported assignors: {}.",
                names.join(", ")
            );
            return Err(Refusal::new(ErrorCode::UnsupportedAssignor, message));
        }
    }
    let expression = request.expression.as_deref().unwrap_or_default();
    expression::compile(expression).map(drop).map_err(|reason| {
        let message = format!(
            "SubscribedTopicRegex `{expression}` is not a valid regular expression: {reason}."
        );
        Refusal::new(ErrorCode::InvalidRegularExpression, message)
    })
}

impl Heartbeat<'_> {
    /// The answer to a heartbeat that says nothing new.
    pub(super) fn steady_answer(&self) -> ConsumerHeartbeatAnswer {
        ConsumerHeartbeatAnswer {
            member_id: self.request.member_id.clone(),
            member_epoch: self.request.member_epoch,
            heartbeat_interval_ms: self.config.heartbeat_interval_ms,
            assignment: None,
        }
    }
}

impl ConsumerGroup {
    /// Whether this heartbeat of a member that has its share says nothing new.
    pub(super) fn is_steady(&self, heartbeat: &Heartbeat<'_>) -> bool {
        let request = heartbeat.request;
        let Some(member) = self.members.get(&request.member_id) else {
            return false;
        };
        let subscription = &member.subscription;
        let same_instance =
            request.instance_id.is_none() || request.instance_id == subscription.instance_id;
        let says_nothing = subscription.classic.is_none()
            && request.rack_id.is_none()
            && request.rebalance_timeout_ms == -1
            && request.topics.is_none()
            && request.expression.is_none()
            && request.assignor.is_none()
            && request.client_id == subscription.client_id
            && request.client_host == subscription.client_host;
        says_nothing
            && same_instance
            && request.member_epoch == member.current.epoch
            && member.is_reconciled_to(self.assignment_epoch)
            && self.epoch == self.assignment_epoch
            && self.topics_seen == heartbeat.topics.version()
            && !self.is_unconfirmed
    }

    /// Takes a heartbeat; what is to be stored is added to `records`.
    ///
    /// # Errors
    /// It is refused, and nothing was changed.
    pub(super) fn heartbeat(
        &mut self,
        heartbeat: &Heartbeat<'_>,
        records: &mut Vec<StoredRecord>,
    ) -> Result<ConsumerHeartbeatAnswer, Refusal> {
        let request = heartbeat.request;
        let (group, topics) = (request.group.as_str(), heartbeat.topics);
        let before = self.find(heartbeat, records)?;
        let mut member = before.clone();
        member.subscription.update(request);
        let id = member.member_id.clone();
        let is_new = !self.members.contains_key(&id);
        if is_new || member.subscription != before.subscription {
            let value = records::encode_member(&member.subscription);
            records.push(Key::Member(id.clone()).with(group, value));
        }
        self.members.insert(id.clone(), member.clone());
        let has_changed = self.subscribe(&before, &member, group, records);
        self.raise_epoch(group, has_changed.is_known, topics, records);
        self.divide(group, topics, heartbeat.config, heartbeat.now, records);
        let reconciliation = Reconciliation {
            group: self,
            member: &member,
            subscribed: self.subscribed_ids(&member.subscription, topics),
            has_subscription_changed: has_changed.is_any,
            owned: request.owned.as_ref(),
        };
        let next = reconciliation.step();
        if next != member.current {
            let value = records::encode_current(&next);
            records.push(Key::Current(id.clone()).with(group, value));
        }
        let assignment = next.assigned.partitions();
        let is_told = request.member_epoch == JOIN_EPOCH
            || request.is_full()
            || assignment != before.current.assigned.partitions();
        let answer = ConsumerHeartbeatAnswer {
            member_id: id.clone(),
            member_epoch: next.epoch,
            heartbeat_interval_ms: heartbeat.config.heartbeat_interval_ms,
            assignment: is_told.then_some(assignment),
        };
        if let Some(member) = self.members.get_mut(&id) {
            member.current = next;
        }
        Ok(answer)
    }

    /// What a member's other subscription means for the group.
    fn subscribe(
        &mut self,
        before: &ConsumerMember,
        after: &ConsumerMember,
        group: &str,
        records: &mut Vec<StoredRecord>,
    ) -> SubscriptionChange {
        let (before, after) = (&before.subscription, &after.subscription);
        let other_topics = before.topics != after.topics;
        let other_expression = before.expression != after.expression;
        if other_expression && !before.expression.is_empty() {
            self.drop_expression(group, &before.expression, records);
        }
        // What a new expression stands for is not known before it was looked up.
        let is_known =
            after.expression.is_empty() || self.expressions.contains_key(&after.expression);
        SubscriptionChange {
            is_known: other_topics || (other_expression && is_known),
            is_any: other_topics || other_expression,
        }
    }

    /// The member that speaks, as it was before; a new one is not in the group yet.
    fn find(
        &mut self,
        heartbeat: &Heartbeat<'_>,
        records: &mut Vec<StoredRecord>,
    ) -> Result<ConsumerMember, Refusal> {
        let request = heartbeat.request;
        let id = request.member_id.as_str();
        let is_full = self.members.len() >= heartbeat.config.group_size_max;
        if is_full && !self.members.contains_key(id) {
            let message = format!(
                "The consumer group has reached its maximum capacity of {} members.",
                heartbeat.config.group_size_max
            );
            return Err(Refusal::new(ErrorCode::GroupMaxSizeReached, message));
        }
        let joins = request.member_epoch == JOIN_EPOCH;
        let member = match &request.instance_id {
            None => self.members.get(id),
            Some(instance_id) if joins => match self.static_member(instance_id) {
                Some(holder) if holder.member_id != id => {
                    return self.replace(holder.clone(), heartbeat, records);
                }
                Some(holder) if holder.is_away() => return Ok(returned(holder)),
                Some(holder) => Some(holder),
                None => self.members.get(id),
            },
            Some(instance_id) => Some(self.static_holder(instance_id, request)?),
        };
        match member {
            Some(member) => {
                check_epoch(member, request)?;
                Ok(member.clone())
            }
            None if joins => Ok(ConsumerMember::new(id)),
            None => {
                let message = format!("Member {id} is not a member of group {}.", request.group);
                Err(Refusal::new(ErrorCode::UnknownMemberId, message))
            }
        }
    }

    /// The static member of this instance, if it is the one that speaks.
    pub(super) fn static_holder(
        &self,
        instance_id: &str,
        request: &ConsumerHeartbeat,
    ) -> Result<&ConsumerMember, Refusal> {
        let Some(holder) = self.static_member(instance_id) else {
            let message = format!("Instance id {instance_id} is unknown.");
            return Err(Refusal::new(ErrorCode::UnknownMemberId, message));
        };
        if holder.member_id != request.member_id {
            let message = format!(
                "Static member {} with instance id {instance_id} was fenced by member {}.",
                request.member_id, holder.member_id
            );
            return Err(Refusal::new(ErrorCode::FencedInstanceId, message));
        }
        Ok(holder)
    }

    /// A static member comes back under another id: it gets what its old self had.
    fn replace(
        &mut self,
        old: ConsumerMember,
        heartbeat: &Heartbeat<'_>,
        records: &mut Vec<StoredRecord>,
    ) -> Result<ConsumerMember, Refusal> {
        let (group, id) = (
            heartbeat.request.group.as_str(),
            &heartbeat.request.member_id,
        );
        if !old.is_away() {
            let instance_id = old.subscription.instance_id.unwrap_or_default();
            let message = format!(
                "Static member {id} with instance id {instance_id} cannot join the group because the instance id is owned by {} member.",
                old.member_id
            );
            return Err(Refusal::new(ErrorCode::UnreleasedInstanceId, message));
        }
        let mut member = returned(&old);
        member.member_id.clone_from(id);
        self.members.remove(&old.member_id);
        records.extend(member_tombstones(group, &old.member_id));
        let value = records::encode_member(&member.subscription);
        records.push(Key::Member(id.clone()).with(group, value));
        if let Some(target) = self.target.remove(&old.member_id) {
            let value = records::encode_target(&target);
            records.push(Key::Target(id.clone()).with(group, value));
            self.target.insert(id.clone(), target);
        }
        let value = records::encode_current(&member.current);
        records.push(Key::Current(id.clone()).with(group, value));
        self.members.insert(id.clone(), member.clone());
        Ok(member)
    }
}

/// Whether a member's subscription changed.
#[derive(Debug, Clone, Copy)]
struct SubscriptionChange {
    /// It is known which topics the new one stands for.
    is_known: bool,
    is_any: bool,
}

/// A static member that was away, with what it had.
fn returned(away: &ConsumerMember) -> ConsumerMember {
    ConsumerMember {
        current: CurrentAssignment {
            assigned: away.current.assigned.clone(),
            ..CurrentAssignment::default()
        },
        ..away.clone()
    }
}

/// What removes a member from the log.
pub(super) fn member_tombstones(group: &str, member_id: &str) -> [StoredRecord; 3] {
    let id = || member_id.to_owned();
    [
        Key::Current(id()).tombstone(group),
        Key::Target(id()).tombstone(group),
        Key::Member(id()).tombstone(group),
    ]
}

/// A member speaks in its epoch, or begins anew. In the epoch before it may say again what it said,
/// because it may not have heard the answer.
fn check_epoch(member: &ConsumerMember, request: &ConsumerHeartbeat) -> Result<(), Refusal> {
    let (told, known) = (request.member_epoch, member.current.epoch);
    if told == known || (told == JOIN_EPOCH && !member.is_away()) {
        return Ok(());
    }
    let has_all = |owned| member.current.assigned.contains_all(owned);
    if told < known
        && told == member.current.previous_epoch
        && request.owned.as_ref().is_some_and(has_all)
    {
        return Ok(());
    }
    let compared = if told > known { "greater" } else { "smaller" };
    let message = format!(
        "The consumer group member has a {compared} member epoch ({told}) than the one known by the group coordinator \
         ({known}). The member must abandon all its partitions and rejoin."
    );
    Err(Refusal::new(ErrorCode::FencedMemberEpoch, message))
}
