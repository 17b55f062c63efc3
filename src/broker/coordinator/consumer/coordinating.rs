//! What happens to groups of the consumer protocol: heartbeats, time that passed, topics that changed.

use std::time::Duration;

use super::converting::MigrationPolicy;
use super::event::{ConsumerHeartbeat, JOIN_EPOCH, Refusal};
use super::group::ConsumerGroup;
use super::heartbeat::{Heartbeat, validate};
use super::writing::{Change, did};
use crate::coordinator::Coordinator;
use crate::coordinator::deadlines::Deadline;
use crate::coordinator::event::{Effect, LeavingMember, Now, RequestId, Response, StoredRecord};
use crate::coordinator::group::{Group, GroupState};
use crate::coordinator::turn::{AfterWrite, Turn};
use wire::ErrorCode;
use wire::report::{GroupCause, MemberStep};

impl Coordinator {
    /// `None`: the answer comes once it is stored.
    pub(in crate::coordinator) fn consumer_heartbeat(
        &mut self,
        id: RequestId,
        mut request: ConsumerHeartbeat,
        now: Now,
        effects: &mut Vec<Effect>,
    ) -> Option<Refusal> {
        if !self.config.consumer.is_enabled {
            let message = "The consumer group protocol is not enabled.";
            return Some(Refusal::new(ErrorCode::UnsupportedVersion, message));
        }
        if let Err(refusal) = validate(&request, &self.config.consumer) {
            return Some(refusal);
        }
        if let Err(error) = self.checked(&request.group, false) {
            return Some(Refusal::new(error, error.name()));
        }
        if request.member_id.is_empty() {
            request.member_id.clone_from(&request.new_member_id);
        }
        let group = request.group.clone();
        if request.member_epoch == JOIN_EPOCH {
            self.create_group(&group, now);
        }
        let took = self.with_group(&group, now, effects, |group, turn| {
            group.consumer_heartbeat(id, &request, turn)
        });
        if let Some(took) = took {
            return took.err();
        }
        let message = format!("Group {group} not found.");
        Some(Refusal::new(ErrorCode::GroupIdNotFound, message))
    }

    /// A classic member joins: an empty group of the consumer protocol gives way, one with members takes it in where
    /// that is allowed. Whether it is one of those.
    pub(in crate::coordinator) fn make_way_for_classic(
        &mut self,
        group: &str,
        now: Now,
        effects: &mut Vec<Effect>,
    ) -> Result<bool, ErrorCode> {
        let gave_way = self.with_group(group, now, effects, |group, turn| {
            let Some(consumer) = &group.consumer else {
                return Ok(false);
            };
            if !consumer.members.is_empty() {
                let is_allowed = turn.config.consumer.migration_policy != MigrationPolicy::Disabled;
                return if is_allowed {
                    Ok(true)
                } else {
                    Err(ErrorCode::InconsistentGroupProtocol)
                };
            }
            let records = ConsumerGroup::tombstones(&group.id);
            let at = group.offsets_partition;
            turn.write(&group.id, at, records, AfterWrite::Nothing);
            group.consumer = None;
            group.protocol_type = None;
            Ok(false)
        });
        gave_way.unwrap_or(Ok(false))
    }
}

impl Group {
    fn consumer_heartbeat(
        &mut self,
        id: RequestId,
        request: &ConsumerHeartbeat,
        turn: &mut Turn<'_>,
    ) -> Result<(), Refusal> {
        let joins = request.member_epoch == JOIN_EPOCH;
        if self.is(GroupState::Dead) {
            let message = "The group is being deleted.";
            return Err(Refusal::new(ErrorCode::CoordinatorNotAvailable, message));
        }
        let is_classic = self.consumer.is_none() && !self.members.is_empty();
        let may_upgrade = turn.config.consumer.migration_policy.upgrades();
        if (self.consumer.is_none() && !joins) || (is_classic && !may_upgrade) {
            return Err(self.not_a_consumer_group());
        }
        let config = turn.consumer_config(&self.id);
        let topics = turn.topics;
        let heartbeat = Heartbeat {
            request,
            topics,
            config: &config,
            now: turn.now,
        };
        let steady = self.consumer.as_ref().filter(|it| it.is_steady(&heartbeat));
        if let Some(consumer) = steady {
            let answer = heartbeat.steady_answer();
            let is_unresolved = consumer.has_unresolved(topics, turn.now);
            let answer = Response::ConsumerHeartbeat(Ok(answer));
            self.answer_when_stored(id, answer, turn);
            self.heard_consumer(&request.member_id, turn);
            self.look_up_soon(is_unresolved, turn);
            return Ok(());
        }
        let before = self.consumer.clone();
        let mut records = Vec::new();
        let mut consumer = match &before {
            Some(before) => before.clone(),
            None if is_classic => self
                .upgraded(topics, &mut records)
                .ok_or_else(|| self.not_a_consumer_group())?,
            None => {
                // What is left of an empty classic group is its offsets.
                records.extend(self.group_tombstones());
                Box::default()
            }
        };
        let answer = if request.member_epoch < JOIN_EPOCH {
            consumer.leave(request, topics, &mut records)?
        } else {
            consumer.heartbeat(&heartbeat, &mut records)?
        };
        let why = why(before.as_deref(), &consumer, request);
        let member_id = answer.member_id.clone();
        let is_there = consumer.members.contains_key(&member_id);
        let is_away = request.member_epoch < JOIN_EPOCH;
        let is_unresolved = consumer.has_unresolved(topics, turn.now);
        let classic = is_classic.then(|| Box::new(self.take_classic(turn)));
        self.become_consumer(consumer);
        let is_heard = is_there && !is_away;
        self.follow_speaker(before.as_deref(), &member_id, is_heard, turn);
        let upgraded = classic.is_some();
        let change = Change {
            before,
            classic,
            records,
            answer: Some((id, Response::ConsumerHeartbeat(Ok(answer)))),
            why,
            gone: MemberStep::Left,
        };
        self.store_change(change, turn);
        if upgraded {
            self.all_heard(turn);
        }
        self.look_up_soon(is_unresolved, turn);
        self.give_back_to_classic(turn);
        Ok(())
    }

    /// Sets what the member that spoke is waited for from now on.
    pub(super) fn follow_speaker(
        &self,
        before: Option<&ConsumerGroup>,
        member_id: &str,
        is_heard: bool,
        turn: &mut Turn<'_>,
    ) {
        let now = self.consumer.as_deref();
        // Its old self, where a static member came back.
        for gone in before.into_iter().flat_map(|before| before.members.keys()) {
            if now.is_some_and(|now| !now.members.contains_key(gone)) {
                self.forget_member(gone, turn);
            }
        }
        let to_give_up = |group: Option<&ConsumerGroup>| {
            let member = group.and_then(|group| group.members.get(member_id));
            member.map(|member| member.current.pending_revocation.clone())
        };
        if to_give_up(before) != to_give_up(now) {
            // It has all of its time for what it is to give up now.
            turn.clear_deadline(&Deadline::Revocation {
                group: self.id.clone(),
                member_id: member_id.to_owned(),
            });
        }
        if is_heard {
            self.heard_consumer(member_id, turn);
        }
    }

    fn not_a_consumer_group(&self) -> Refusal {
        let message = format!("Group {} is not a consumer group.", self.id);
        Refusal::new(ErrorCode::GroupIdNotFound, message)
    }

    fn all_heard(&self, turn: &mut Turn<'_>) {
        for member_id in self.consumer.iter().flat_map(|it| it.members.keys()) {
            self.heard_consumer(member_id, turn);
        }
    }

    fn become_consumer(&mut self, consumer: Box<ConsumerGroup>) {
        if self.consumer.is_none() {
            self.generation = 0;
            self.protocol = None;
            self.pending_members.clear();
        }
        self.consumer = Some(consumer);
    }

    /// Expressions are not looked up while a member waits for its answer.
    fn look_up_soon(&self, is_unresolved: bool, turn: &mut Turn<'_>) {
        if is_unresolved {
            let deadline = Deadline::Expressions {
                group: self.id.clone(),
            };
            turn.set_deadline(deadline, Duration::ZERO);
        }
    }

    /// Time to look which topics the members' expressions stand for.
    pub(in crate::coordinator) fn expressions_are_due(&mut self, turn: &mut Turn<'_>) {
        let (topics, now) = (turn.topics, turn.now);
        let why = "topics were found for a regular expression";
        self.change_consumer(why.into(), MemberStep::Left, turn, |group, id, records| {
            group.resolve(id, topics, now, records);
        });
    }

    /// A member was not heard for its session timeout.
    pub(in crate::coordinator) fn consumer_session_is_due(
        &mut self,
        member_id: &str,
        turn: &mut Turn<'_>,
    ) {
        let timeout = self.consumer_session_timeout(member_id, turn).as_millis();
        let what = format!("was not heard for {timeout} ms");
        self.remove_consumer(member_id, what, MemberStep::Expired, turn);
    }

    /// A member did not give up in time what it was to give up.
    pub(in crate::coordinator) fn revocation_is_due(
        &mut self,
        member_id: &str,
        turn: &mut Turn<'_>,
    ) {
        let member = self
            .consumer
            .as_ref()
            .and_then(|it| it.members.get(member_id));
        let timeout = member.map_or(0, |member| member.subscription.rebalance_timeout_ms);
        let what = format!("did not give up its partitions within {timeout} ms");
        self.remove_consumer(member_id, what, MemberStep::Expired, turn);
    }

    /// `LeaveGroup`, with which an administrator removes members.
    pub(in crate::coordinator) fn leave_consumer(
        &mut self,
        leaving: &LeavingMember,
        turn: &mut Turn<'_>,
    ) -> ErrorCode {
        let Some(consumer) = &self.consumer else {
            return ErrorCode::UnknownMemberId;
        };
        let instance_id = leaving.group_instance_id.as_deref();
        let holder = instance_id.and_then(|instance_id| consumer.static_member(instance_id));
        let member_id = match (instance_id, holder) {
            (None, _) => leaving.member_id.clone(),
            (Some(_), None) => return ErrorCode::UnknownMemberId,
            (Some(_), Some(holder)) => {
                let names_it =
                    leaving.member_id.is_empty() || leaving.member_id == holder.member_id;
                if !names_it {
                    return ErrorCode::FencedInstanceId;
                }
                holder.member_id.clone()
            }
        };
        if !consumer.members.contains_key(&member_id) {
            return ErrorCode::UnknownMemberId;
        }
        let what = match leaving.reason.as_deref() {
            Some(reason) if !reason.is_empty() => format!("leaves: {reason}"),
            _ => "leaves".to_owned(),
        };
        self.remove_consumer(&member_id, what, MemberStep::Left, turn);
        ErrorCode::None
    }

    fn remove_consumer(
        &mut self,
        member_id: &str,
        what: String,
        step: MemberStep,
        turn: &mut Turn<'_>,
    ) {
        let member = self
            .consumer
            .as_ref()
            .and_then(|it| it.members.get(member_id));
        let Some(member) = member else {
            return;
        };
        let why = did(member_id, &member.subscription.client_id, what);
        let topics = turn.topics;
        self.forget_member(member_id, turn);
        self.change_consumer(why, step, turn, |group, id, records| {
            group.remove(id, member_id, topics, records);
        });
        self.give_back_to_classic(turn);
    }

    fn change_consumer(
        &mut self,
        why: GroupCause,
        gone: MemberStep,
        turn: &mut Turn<'_>,
        change: impl FnOnce(&mut ConsumerGroup, &str, &mut Vec<StoredRecord>),
    ) {
        let before = self.consumer.clone();
        let Some(consumer) = &mut self.consumer else {
            return;
        };
        let mut records = Vec::new();
        change(consumer, &self.id, &mut records);
        let change = Change {
            before,
            classic: None,
            records,
            answer: None,
            why,
            gone,
        };
        self.store_change(change, turn);
    }

    /// Members have their whole session timeout to find this broker.
    pub(in crate::coordinator) fn consumer_was_loaded(
        &mut self,
        why: GroupCause,
        turn: &mut Turn<'_>,
    ) {
        self.follow_members(turn);
        self.report_consumer(why, turn);
        self.all_heard(turn);
    }
}

/// Why the group is another one now.
fn why(
    before: Option<&ConsumerGroup>,
    after: &ConsumerGroup,
    request: &ConsumerHeartbeat,
) -> GroupCause {
    let id = &request.member_id;
    let was = before.and_then(|before| before.members.get(id));
    let is = after.members.get(id);
    let what = match (was, is) {
        (_, None) => "leaves",
        (None, Some(_)) => "joins",
        (Some(_), Some(is)) if is.is_away() => "goes, and may come back",
        (Some(was), Some(is)) if was.subscription != is.subscription => "subscribes anew",
        (Some(was), Some(is)) if was.current.assigned != is.current.assigned => {
            "moves towards what it is to have"
        }
        (Some(was), Some(is)) if was.current != is.current => "has given up what it was to give up",
        _ if before.is_some_and(|before| before.metadata_hash != after.metadata_hash) => {
            return "its topics changed".into();
        }
        _ => "asks",
    };
    did(id, &request.client_id, what)
}
