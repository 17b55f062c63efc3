//! From one generation to the next: asking members to join, waiting for them, beginning.

use std::mem;

use bytes::Bytes;

use super::deadlines::Deadline;
use super::event::{JoinResponse, Response, SyncResponse};
use super::group::{Group, GroupState, InitialJoin};
use super::reports;
use super::turn::{AfterWrite, Turn};
use wire::ErrorCode;
use wire::report::{GroupCause, MemberStep};

/// Said of a member that joined and did not ask for its part.
const TOO_LATE: &str = "did not fetch its assignment in time";

impl Group {
    /// Asks everybody to join again, unless that is going on already.
    pub(crate) fn maybe_prepare_rebalance(&mut self, why: &GroupCause, turn: &mut Turn<'_>) {
        match self.state {
            GroupState::Empty | GroupState::Stable | GroupState::CompletingRebalance => {
                self.prepare_rebalance(why, turn);
            }
            GroupState::PreparingRebalance | GroupState::Dead => {}
        }
    }

    /// Asks everybody to join again. Members learn it from their heartbeats.
    pub(crate) fn prepare_rebalance(&mut self, why: &GroupCause, turn: &mut Turn<'_>) {
        if self.is(GroupState::CompletingRebalance) {
            self.refuse_syncs(ErrorCode::RebalanceInProgress, turn);
        } else if self.is(GroupState::Stable) {
            self.before = reports::division(self, |member| !member.is_new);
        }
        self.forget_syncs(turn);
        let join = Deadline::Join {
            group: self.id.clone(),
        };
        let rebalance_timeout = self.rebalance_timeout();
        if self.is(GroupState::Empty) {
            let delay = turn.config.initial_rebalance_delay;
            self.initial_join = Some(InitialJoin {
                delay,
                remaining: rebalance_timeout.saturating_sub(delay),
            });
            turn.set_deadline(join, delay);
        } else {
            self.initial_join = None;
            turn.set_deadline(join, rebalance_timeout);
        }
        self.enter(GroupState::PreparingRebalance, turn);
        self.report_state(why, turn);
        self.try_complete_join(turn);
    }

    /// Begins the generation if nobody is awaited any more. The first rebalance of an empty group
    /// always waits for its time.
    pub(crate) fn try_complete_join(&mut self, turn: &mut Turn<'_>) {
        if self.is(GroupState::PreparingRebalance)
            && self.initial_join.is_none()
            && self.all_members_joined()
        {
            self.complete_join(turn);
        }
    }

    /// The time to join is over.
    pub(crate) fn join_is_due(&mut self, turn: &mut Turn<'_>) {
        if !self.is(GroupState::PreparingRebalance) {
            return;
        }
        if let Some(initial) = self.initial_join
            && self.new_member_added
            && !initial.remaining.is_zero()
        {
            self.new_member_added = false;
            let delay = turn.config.initial_rebalance_delay.min(initial.remaining);
            self.initial_join = Some(InitialJoin {
                delay,
                remaining: initial.remaining.saturating_sub(initial.delay),
            });
            let join = Deadline::Join {
                group: self.id.clone(),
            };
            turn.set_deadline(join, delay);
            return;
        }
        self.complete_join(turn);
    }

    fn complete_join(&mut self, turn: &mut Turn<'_>) {
        self.initial_join = None;
        turn.clear_deadline(&Deadline::Join {
            group: self.id.clone(),
        });
        self.drop_who_did_not_join(turn);
        if !self.elect_joined_leader() && !self.members.is_empty() {
            // Only static members are left and none has come back: their sessions decide.
            let join = Deadline::Join {
                group: self.id.clone(),
            };
            turn.set_deadline(join, self.rebalance_timeout());
            return;
        }
        self.generation += 1;
        self.new_member_added = false;
        if self.members.is_empty() {
            self.become_empty(turn);
        } else {
            self.begin_generation(turn);
        }
    }

    fn drop_who_did_not_join(&mut self, turn: &mut Turn<'_>) {
        let late: Vec<String> = self
            .members
            .values()
            .filter(|member| member.awaiting_join.is_none() && member.group_instance_id.is_none())
            .map(|member| member.member_id.clone())
            .collect();
        for member_id in late {
            if let Some(member) = self.remove(&member_id, turn) {
                let held = reports::partitions(self, &member.assignment);
                let timeout = member.rebalance_timeout.as_millis();
                let why = member.did(format!("did not join again within {timeout} ms"));
                reports::member(self, &member, MemberStep::Expired, held, why, turn);
            }
        }
    }

    /// Makes sure that the leader is one who waits for the new generation.
    fn elect_joined_leader(&mut self) -> bool {
        let Some(leader) = self.leader.as_ref().and_then(|id| self.members.get(id)) else {
            return false;
        };
        if leader.awaiting_join.is_some() {
            return true;
        }
        let joined = self
            .members
            .values()
            .find(|member| member.awaiting_join.is_some());
        match joined.map(|member| member.member_id.clone()) {
            Some(member_id) => {
                self.leader = Some(member_id);
                true
            }
            None => false,
        }
    }

    fn become_empty(&mut self, turn: &mut Turn<'_>) {
        self.protocol = None;
        self.leader = None;
        self.before.clear();
        self.enter(GroupState::Empty, turn);
        self.report_state(&"the last member is gone".into(), turn);
        self.store(
            &std::collections::BTreeMap::new(),
            AfterWrite::Nothing,
            turn,
        );
    }

    fn begin_generation(&mut self, turn: &mut Turn<'_>) {
        self.protocol = self.select_protocol();
        self.enter(GroupState::CompletingRebalance, turn);
        let leader = self.leader.as_ref().and_then(|id| self.members.get(id));
        let protocol = self.protocol.as_deref().unwrap_or_default();
        let why = leader.map_or_else(GroupCause::default, |leader| {
            leader.did(format!("leads and divides with {protocol:?}"))
        });
        self.report_state(&why, turn);
        let member_ids: Vec<String> = self.members.keys().cloned().collect();
        for member_id in member_ids {
            let response = self.join_response(&member_id);
            if let Some(member) = self.members.get_mut(&member_id) {
                member.is_new = false;
                if let Some(to) = member.awaiting_join.take() {
                    turn.respond(to, Response::Join(response));
                }
            }
            self.heard(&member_id, turn);
            self.pending_sync.insert(member_id);
        }
        let sync = Deadline::Sync {
            group: self.id.clone(),
        };
        turn.set_deadline(sync, self.rebalance_timeout());
    }

    /// The current generation as a `JoinGroup` answer; the leader's holds everybody.
    pub(crate) fn join_response(&self, member_id: &str) -> JoinResponse {
        JoinResponse {
            error: ErrorCode::None,
            generation: self.generation,
            protocol_type: self.protocol_type.clone(),
            protocol_name: self.protocol.clone(),
            leader: self.leader.clone().unwrap_or_default(),
            skip_assignment: false,
            member_id: member_id.to_owned(),
            members: if self.is_leader(member_id) {
                self.joined_members()
            } else {
                Vec::new()
            },
        }
    }

    /// Takes back all assignments; who waits for its own gets the error.
    pub(crate) fn refuse_syncs(&mut self, error: ErrorCode, turn: &mut Turn<'_>) {
        let mut refused = Vec::new();
        for member in self.members.values_mut() {
            member.assignment = Bytes::new();
            if let Some(to) = member.awaiting_sync.take() {
                turn.respond(to, Response::Sync(SyncResponse::error(error)));
                refused.push(member.member_id.clone());
            }
        }
        for member_id in refused {
            self.heard(&member_id, turn);
        }
    }

    /// Members that have not synced are dropped.
    pub(crate) fn sync_is_due(&mut self, turn: &mut Turn<'_>) {
        let due = matches!(
            self.state,
            GroupState::CompletingRebalance | GroupState::Stable
        );
        if !due || self.pending_sync.is_empty() {
            return;
        }
        let late = mem::take(&mut self.pending_sync);
        let mut names = Vec::new();
        for member_id in late {
            if let Some(member) = self.remove(&member_id, turn) {
                let held = reports::partitions(self, &member.assignment);
                names.push(member.name());
                let why = member.did(TOO_LATE);
                reports::member(self, &member, MemberStep::Expired, held, why, turn);
            }
        }
        self.prepare_rebalance(&GroupCause::by(names, TOO_LATE), turn);
    }

    /// A member synced: nobody waits for it any more.
    pub(crate) fn has_synced(&mut self, member_id: &str, turn: &mut Turn<'_>) {
        self.pending_sync.remove(member_id);
        if self.pending_sync.is_empty() {
            self.forget_syncs(turn);
        }
    }

    /// Waits for nobody to join or sync any longer.
    pub(crate) fn forget_rebalance(&mut self, turn: &mut Turn<'_>) {
        self.initial_join = None;
        self.new_member_added = false;
        turn.clear_deadline(&Deadline::Join {
            group: self.id.clone(),
        });
        self.forget_syncs(turn);
    }

    fn forget_syncs(&mut self, turn: &mut Turn<'_>) {
        self.pending_sync.clear();
        turn.clear_deadline(&Deadline::Sync {
            group: self.id.clone(),
        });
    }

    /// Removes a member for good; whoever is left divides anew.
    pub(crate) fn remove_member(
        &mut self,
        member_id: &str,
        step: MemberStep,
        why: &GroupCause,
        turn: &mut Turn<'_>,
    ) {
        let Some(mut member) = self.remove(member_id, turn) else {
            return;
        };
        if let Some(to) = member.awaiting_join.take() {
            // A client that is still there asks again.
            let response = JoinResponse::error("", ErrorCode::UnknownMemberId);
            turn.respond(to, Response::Join(response));
        }
        if let Some(to) = member.awaiting_sync.take() {
            let response = SyncResponse::error(ErrorCode::UnknownMemberId);
            turn.respond(to, Response::Sync(response));
        }
        let held = reports::partitions(self, &member.assignment);
        reports::member(self, &member, step, held, why.clone(), turn);
        match self.state {
            GroupState::Empty | GroupState::Dead => {}
            GroupState::Stable | GroupState::CompletingRebalance => {
                self.maybe_prepare_rebalance(why, turn);
            }
            GroupState::PreparingRebalance => self.try_complete_join(turn),
        }
    }

    /// Removes an id that was given out and not used yet.
    pub(crate) fn remove_pending(&mut self, member_id: &str, turn: &mut Turn<'_>) {
        self.remove(member_id, turn);
        self.try_complete_join(turn);
    }
}
