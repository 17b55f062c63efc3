//! Changes of a group are stored before anybody hears of them.

use std::time::Duration;

use super::converting::ClassicGroup;
use super::event::Refusal;
use super::group::ConsumerGroup;
use super::member::{ConsumerMember, MemberState};
use crate::coordinator::deadlines::Deadline;
use crate::coordinator::event::{Effect, JoinResponse, RequestId, Response, StoredRecord, WriteId};
use crate::coordinator::group::{Group, GroupState};
use crate::coordinator::member::millis;
use crate::coordinator::turn::{AfterWrite, Turn};
#[cfg(test)]
use crate::planted::{self, Bug};
use wire::ErrorCode;
use wire::TopicPartition;
use wire::consumer_protocol::CONSUMER_PROTOCOL_TYPE;
use wire::report::{GroupCause, MemberName, MemberPartitions, MemberStep, Report};

/// A change that was decided and is not stored yet.
pub(super) struct Change {
    /// As the group was: it is again, if the change cannot be stored.
    pub(super) before: Option<Box<ConsumerGroup>>,
    /// What the group was, if it was of the classic protocol and had members.
    pub(super) classic: Option<Box<ClassicGroup>>,
    pub(super) records: Vec<StoredRecord>,
    pub(super) answer: Option<(RequestId, Response)>,
    pub(super) why: GroupCause,
    /// Why members that are gone are gone.
    pub(super) gone: MemberStep,
}

/// What is to happen once a group's change is stored, or was not.
#[derive(Debug)]
pub(crate) struct StoredChange {
    pub(crate) before: Option<Box<ConsumerGroup>>,
    pub(crate) classic: Option<Box<ClassicGroup>>,
    pub(crate) answers: Vec<(RequestId, Response)>,
}

impl Group {
    /// Stores a change and tells of it.
    pub(super) fn store_change(&mut self, mut change: Change, turn: &mut Turn<'_>) {
        let Some(consumer) = &mut self.consumer else {
            return;
        };
        if change.records.is_empty() && consumer.is_unconfirmed {
            // Whatever became of the write before: once this one is in the log, so is that.
            change.records.push(consumer.group_record(&self.id));
        }
        if change.records.is_empty() {
            if let Some((to, answer)) = change.answer {
                self.answer_when_stored(to, answer, turn);
            }
            return;
        }
        consumer.is_unconfirmed = false;
        #[cfg(test)]
        if planted::is(Bug::ConsumerGroupToldTooEarly)
            && let Some((to, answer)) = change.answer.take()
        {
            turn.respond(to, answer);
        }
        let before = change.before.clone();
        self.write_change(
            change.before,
            change.classic,
            change.records,
            change.answer,
            turn,
        );
        self.follow_members(turn);
        self.tell_members(before.as_deref(), change.gone, &change.why, turn);
        self.tell_state(before.as_deref(), change.why, turn);
    }

    /// What is decided in one step, as when two members are not heard, is stored as one: where the first were refused and
    /// the second not, the log would keep a member that the second knows nothing of.
    fn write_change(
        &mut self,
        before: Option<Box<ConsumerGroup>>,
        classic: Option<Box<ClassicGroup>>,
        records: Vec<StoredRecord>,
        answer: Option<(RequestId, Response)>,
        turn: &mut Turn<'_>,
    ) {
        let Some(consumer) = &mut self.consumer else {
            return;
        };
        let last = consumer.last_write.filter(|_| classic.is_none());
        if let Some(unsent) = last.and_then(|last| turn.unsent(last)) {
            unsent.extend(records);
            if let Some((to, answer)) = answer {
                self.answer_when_stored(to, answer, turn);
            }
            return;
        }
        let then = AfterWrite::ChangeConsumerGroup(StoredChange {
            before,
            classic,
            answers: answer.into_iter().collect(),
        });
        consumer.last_write = Some(turn.write(&self.id, self.offsets_partition, records, then));
    }

    /// Answers once everything that the answer tells of is stored.
    pub(super) fn answer_when_stored(&self, to: RequestId, answer: Response, turn: &mut Turn<'_>) {
        let last = self.consumer.as_ref().and_then(|it| it.last_write);
        let pending = last.and_then(|last| turn.outstanding.writes.get_mut(&last));
        match pending.map(|pending| &mut pending.then) {
            Some(AfterWrite::ChangeConsumerGroup(change)) => change.answers.push((to, answer)),
            _ => turn.respond(to, answer),
        }
    }

    /// A change is in the log, or is not.
    pub(crate) fn change_stored(
        &mut self,
        write: WriteId,
        result: Result<(), ErrorCode>,
        before: Option<Box<ConsumerGroup>>,
        classic: Option<Box<ClassicGroup>>,
        turn: &mut Turn<'_>,
    ) {
        let Some(consumer) = &mut self.consumer else {
            return;
        };
        let is_last = consumer.last_write == Some(write);
        if is_last {
            consumer.last_write = None;
        }
        match result {
            Ok(()) => {}
            // It is in this log, and may be committed later or never.
            Err(ErrorCode::RequestTimedOut | ErrorCode::NotEnoughReplicasAfterAppend) => {
                consumer.is_unconfirmed = true;
            }
            // It was not appended. That is known at once, before anything else happens.
            Err(error) => {
                if is_last {
                    self.forget_members(turn);
                    self.consumer = before;
                    if let Some(classic) = classic {
                        self.put_classic_back(*classic, turn);
                        return;
                    }
                    for member_id in self.consumer.iter().flat_map(|it| it.members.keys()) {
                        self.heard_consumer(member_id, turn);
                    }
                    let why = format!("the change could not be stored: {error}");
                    self.follow_members(turn);
                    self.tell_state(None, why.into(), turn);
                }
            }
        }
    }

    /// Sets what the members are waited for, and whether the group is empty.
    pub(crate) fn follow_members(&mut self, turn: &mut Turn<'_>) {
        let Some(consumer) = &self.consumer else {
            return;
        };
        let state = if consumer.members.is_empty() {
            GroupState::Empty
        } else {
            GroupState::Stable
        };
        for member in consumer.members.values() {
            let deadline = Deadline::Revocation {
                group: self.id.clone(),
                member_id: member.member_id.clone(),
            };
            // A member of the classic protocol has the same time to join again.
            let is_behind = member.subscription.classic.is_some()
                && member.current.epoch < consumer.epoch
                && !member.is_away();
            if member.current.state != MemberState::UnrevokedPartitions && !is_behind {
                turn.clear_deadline(&deadline);
            } else if !turn.outstanding.deadlines.is_set(&deadline) {
                turn.set_deadline(deadline, member.rebalance_timeout());
            }
        }
        self.protocol_type = Some(CONSUMER_PROTOCOL_TYPE.to_owned());
        if self.state != state {
            self.enter(state, turn);
        }
    }

    /// The session timeout of a member starts anew.
    pub(super) fn heard_consumer(&self, member_id: &str, turn: &mut Turn<'_>) {
        let timeout = self.consumer_session_timeout(member_id, turn);
        turn.set_session(&self.id, member_id, timeout);
    }

    /// A member of the classic protocol brings its own.
    pub(super) fn consumer_session_timeout(&self, member_id: &str, turn: &Turn<'_>) -> Duration {
        let members = self.consumer.as_ref().map(|it| &it.members);
        let member = members.and_then(|members| members.get(member_id));
        let classic = member.and_then(|member| member.subscription.classic.as_ref());
        classic.map_or_else(
            || turn.consumer_config(&self.id).session_timeout,
            |classic| millis(classic.session_timeout_ms),
        )
    }

    /// Waits for a member no longer.
    pub(super) fn forget_member(&self, member_id: &str, turn: &mut Turn<'_>) {
        turn.clear_session(&self.id, member_id);
        turn.clear_deadline(&Deadline::Revocation {
            group: self.id.clone(),
            member_id: member_id.to_owned(),
        });
    }

    /// Waits for no member any longer.
    pub(crate) fn forget_members(&self, turn: &mut Turn<'_>) {
        for member_id in self.consumer.iter().flat_map(|it| it.members.keys()) {
            self.forget_member(member_id, turn);
        }
        turn.clear_deadline(&Deadline::Expressions {
            group: self.id.clone(),
        });
    }

    fn tell_state(&self, before: Option<&ConsumerGroup>, why: GroupCause, turn: &mut Turn<'_>) {
        let stood = before.map(|before| (before.state(), before.epoch));
        let stands = self.consumer.as_ref().map(|it| (it.state(), it.epoch));
        if stood != stands {
            self.report_consumer(why, turn);
        }
    }

    /// Tells where the group stands.
    pub(crate) fn report_consumer(&self, why: GroupCause, turn: &mut Turn<'_>) {
        let Some(consumer) = &self.consumer else {
            return;
        };
        let members = consumer.members.values();
        let members = members.map(|member| MemberPartitions {
            member: member.member_id.clone(),
            client_id: member.subscription.client_id.clone(),
            partitions: turn.topics.named(&member.current.assigned),
        });
        let report = Report::GroupState {
            group: self.id.clone(),
            state: consumer.state(),
            generation: consumer.epoch,
            why,
            protocol: Some(consumer.assignor(&turn.config.consumer).name().to_owned()),
            leader: None,
            awaited: Vec::new(),
            rebalance_timeout_ms: 0,
            members: members.collect(),
            before: Vec::new(),
        };
        turn.effects.push(Effect::Report(report));
    }

    fn tell_members(
        &self,
        before: Option<&ConsumerGroup>,
        gone: MemberStep,
        why: &GroupCause,
        turn: &mut Turn<'_>,
    ) {
        let Some(consumer) = &self.consumer else {
            return;
        };
        let none = ConsumerGroup::default();
        let before = before.unwrap_or(&none);
        for (member_id, member) in &before.members {
            if !consumer.members.contains_key(member_id) {
                let held = turn.topics.named(&member.current.assigned);
                self.tell_member(member, gone, held, why.clone(), turn);
            }
        }
        for (member_id, member) in &consumer.members {
            let was = before.members.get(member_id);
            if was.is_none() {
                let step = MemberStep::Joined;
                self.tell_member(member, step, Vec::new(), GroupCause::default(), turn);
            }
            let had = was.map(|was| was.current.assigned.partitions());
            if had.unwrap_or_default() != member.current.assigned.partitions() {
                let has = turn.topics.named(&member.current.assigned);
                self.tell_member(member, MemberStep::Synced, has, GroupCause::default(), turn);
            }
        }
    }

    fn tell_member(
        &self,
        member: &ConsumerMember,
        step: MemberStep,
        partitions: Vec<TopicPartition>,
        why: GroupCause,
        turn: &mut Turn<'_>,
    ) {
        turn.report(Report::GroupMember {
            group: self.id.clone(),
            member: member.member_id.clone(),
            client_id: member.subscription.client_id.clone(),
            step,
            generation: self.consumer.as_ref().map_or(0, |it| it.epoch),
            partitions,
            why,
        });
    }
}

/// A member did this, in words that follow its name.
pub(super) fn did(member_id: &str, client_id: &str, what: impl Into<String>) -> GroupCause {
    let name = MemberName {
        member: member_id.to_owned(),
        client_id: client_id.to_owned(),
    };
    GroupCause::by(vec![name], what)
}

/// The answer in place of this one, because the change that it tells of could not be stored.
pub(crate) fn not_stored(answer: Response, error: ErrorCode) -> Response {
    let refusal = refusal_of(error);
    match answer {
        Response::Join(joined) => {
            Response::Join(JoinResponse::error(joined.member_id, refusal.error))
        }
        _ => Response::ConsumerHeartbeat(Err(refusal)),
    }
}

fn refusal_of(error: ErrorCode) -> Refusal {
    let code = match error {
        ErrorCode::NotLeaderOrFollower
        | ErrorCode::FencedLeaderEpoch
        | ErrorCode::KafkaStorageError => ErrorCode::NotCoordinator,
        ErrorCode::MessageTooLarge | ErrorCode::RecordListTooLarge => ErrorCode::UnknownServerError,
        _ => ErrorCode::CoordinatorNotAvailable,
    };
    let message = format!("The change of the group could not be stored: {error}.");
    Refusal::new(code, message)
}
