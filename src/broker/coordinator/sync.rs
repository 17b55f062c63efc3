//! `SyncGroup` and Heartbeat: getting the assignment, staying a member.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::event::{MemberIdentity, RequestId, Response, SyncRequest, SyncResponse};
use super::group::{Group, GroupState};
use super::reports;
use super::turn::{AfterWrite, Turn};
use wire::ErrorCode;
use wire::report::MemberStep;

impl Group {
    /// Answers with the assignment, once the leader has brought it.
    pub(crate) fn sync(&mut self, to: RequestId, request: SyncRequest, turn: &mut Turn<'_>) {
        if self.consumer.is_some() {
            self.classic_sync(to, &request, turn);
            return;
        }
        if let Err(error) = self.validate_sync(&request) {
            turn.respond(to, Response::Sync(SyncResponse::error(error)));
            return;
        }
        let member_id = request.member.member_id;
        match self.state {
            GroupState::Empty | GroupState::Dead => {
                let response = SyncResponse::error(ErrorCode::UnknownMemberId);
                turn.respond(to, Response::Sync(response));
            }
            GroupState::PreparingRebalance => {
                let response = SyncResponse::error(ErrorCode::RebalanceInProgress);
                turn.respond(to, Response::Sync(response));
            }
            GroupState::CompletingRebalance => {
                let waiting = self
                    .members
                    .get_mut(&member_id)
                    .and_then(|member| member.awaiting_sync.replace(to));
                if let Some(superseded) = waiting {
                    let response = SyncResponse::error(ErrorCode::RebalanceInProgress);
                    turn.respond(superseded, Response::Sync(response));
                }
                self.has_synced(&member_id, turn);
                if self.is_leader(&member_id) {
                    self.store_assignments(request.assignments, turn);
                }
            }
            GroupState::Stable => {
                self.has_synced(&member_id, turn);
                self.answer_sync(to, &member_id, turn);
                self.heard(&member_id, turn);
            }
        }
    }

    fn validate_sync(&self, request: &SyncRequest) -> Result<(), ErrorCode> {
        self.validate_generation(&request.member)?;
        let differs =
            |asked: &Option<String>, ours: &Option<String>| asked.is_some() && asked != ours;
        if differs(&request.protocol_type, &self.protocol_type)
            || differs(&request.protocol_name, &self.protocol)
        {
            return Err(ErrorCode::InconsistentGroupProtocol);
        }
        Ok(())
    }

    /// Checks that a request comes from a member of the current generation.
    pub(crate) fn validate_generation(&self, member: &MemberIdentity) -> Result<(), ErrorCode> {
        if self.is(GroupState::Dead) {
            return Err(ErrorCode::CoordinatorNotAvailable);
        }
        self.validate_member(&member.member_id, member.group_instance_id.as_deref())?;
        if member.generation == self.generation {
            Ok(())
        } else {
            Err(ErrorCode::IllegalGeneration)
        }
    }

    fn store_assignments(&mut self, assignments: Vec<(String, Bytes)>, turn: &mut Turn<'_>) {
        let assignments: BTreeMap<String, Bytes> = assignments
            .into_iter()
            .filter(|(member_id, _)| self.members.contains_key(member_id))
            .collect();
        let then = AfterWrite::Assign {
            generation: self.generation,
            assignments: assignments.clone(),
        };
        self.store(&assignments, then, turn);
    }

    /// The leader's division is in the log: everybody may know it. Meanwhile another rebalance may
    /// have begun, then it is void.
    pub(crate) fn assignments_stored(
        &mut self,
        generation: i32,
        mut assignments: BTreeMap<String, Bytes>,
        result: Result<(), ErrorCode>,
        turn: &mut Turn<'_>,
    ) {
        if !self.is(GroupState::CompletingRebalance) || generation != self.generation {
            return;
        }
        if let Err(error) = result {
            self.refuse_syncs(error, turn);
            let why = format!("the assignments could not be stored: {error}");
            self.maybe_prepare_rebalance(&why.into(), turn);
            return;
        }
        for member in self.members.values_mut() {
            member.assignment = assignments.remove(&member.member_id).unwrap_or_default();
        }
        self.enter(GroupState::Stable, turn);
        self.report_state(&"everybody may have its partitions".into(), turn);
        let waiting: Vec<(String, RequestId)> = self
            .members
            .values_mut()
            .filter_map(|member| Some((member.member_id.clone(), member.awaiting_sync.take()?)))
            .collect();
        for (member_id, to) in waiting {
            self.answer_sync(to, &member_id, turn);
            // A session that ran out while the answer was held did not count.
            self.heard(&member_id, turn);
        }
    }

    fn answer_sync(&self, to: RequestId, member_id: &str, turn: &mut Turn<'_>) {
        let Some(member) = self.members.get(member_id) else {
            return;
        };
        let got = reports::partitions(self, &member.assignment);
        reports::member(self, member, MemberStep::Synced, got, "", turn);
        let response = SyncResponse {
            error: ErrorCode::None,
            protocol_type: self.protocol_type.clone(),
            protocol_name: self.protocol.clone(),
            assignment: member.assignment.clone(),
        };
        turn.respond(to, Response::Sync(response));
    }

    /// The member lives; the answer tells it when it has to join again.
    pub(crate) fn heartbeat(&self, member: &MemberIdentity, turn: &mut Turn<'_>) -> ErrorCode {
        if self.consumer.is_some() {
            return self.classic_heartbeat(member, turn);
        }
        if let Err(error) = self.validate_generation(member) {
            return error;
        }
        match self.state {
            GroupState::Empty | GroupState::Dead => ErrorCode::UnknownMemberId,
            GroupState::PreparingRebalance => {
                self.heard(&member.member_id, turn);
                ErrorCode::RebalanceInProgress
            }
            // It may have its JoinGroup answer and wait for the leader.
            GroupState::CompletingRebalance | GroupState::Stable => {
                self.heard(&member.member_id, turn);
                ErrorCode::None
            }
        }
    }
}
