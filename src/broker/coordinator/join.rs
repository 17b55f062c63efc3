//! `JoinGroup`: new members, members that come back, static members that restarted.

use super::event::{JoinRequest, JoinResponse, RequestId, Response, SyncResponse};
use super::group::{Group, GroupState};
use super::member::{Member, millis};
use super::reports;
use super::turn::{AfterWrite, Replacement, Turn, pending};
#[cfg(test)]
use crate::planted::{self, Bug};
use wire::ErrorCode;
use wire::report::{GroupCause, MemberStep};

impl Group {
    /// Answers now, or holds the request until the generation begins.
    pub(crate) fn join(&mut self, to: RequestId, request: &JoinRequest, turn: &mut Turn<'_>) {
        if !self.has_room_for(&request.member_id, turn.config.group_size_max) {
            let size = turn.config.group_size_max;
            let why = GroupCause::from(format!("the group is full ({size} members)"));
            self.remove_member(&request.member_id, MemberStep::Left, &why, turn);
            refuse(to, "", ErrorCode::GroupMaxSizeReached, turn);
        } else if self.is(GroupState::Dead) {
            refuse(
                to,
                &request.member_id,
                ErrorCode::CoordinatorNotAvailable,
                turn,
            );
        } else if !self.supports_protocols(&request.protocol_type, &request.protocols) {
            refuse(
                to,
                &request.member_id,
                ErrorCode::InconsistentGroupProtocol,
                turn,
            );
        } else if request.member_id.is_empty() {
            self.join_as_new_member(to, request, turn);
        } else {
            self.join_again(to, request, turn);
        }
        self.try_complete_join(turn);
    }

    /// While members join, those that wait are counted: the last to come back are turned away
    /// when the limit was lowered.
    fn has_room_for(&self, member_id: &str, group_size_max: usize) -> bool {
        let known = self.members.get(member_id);
        match self.state {
            GroupState::Empty | GroupState::Dead => true,
            GroupState::PreparingRebalance => {
                let joined = |member: &Member| member.awaiting_join.is_some();
                known.is_some_and(joined)
                    || self
                        .members
                        .values()
                        .filter(|member| joined(member))
                        .count()
                        < group_size_max
            }
            GroupState::CompletingRebalance | GroupState::Stable => {
                known.is_some() || self.members.len() < group_size_max
            }
        }
    }

    fn join_as_new_member(&mut self, to: RequestId, request: &JoinRequest, turn: &mut Turn<'_>) {
        let prefix = request
            .group_instance_id
            .as_deref()
            .unwrap_or(&request.client_id);
        let member_id = format!("{prefix}-{}", request.new_member_suffix);
        let replaced = request
            .group_instance_id
            .as_ref()
            .and_then(|instance_id| self.static_members.get(instance_id).cloned());
        if let Some(old_member_id) = replaced {
            self.replace_static_member(to, &old_member_id, member_id, request, turn);
        } else if request.group_instance_id.is_none() && request.requires_known_member_id {
            let asking = Member::new(member_id.clone(), request);
            reports::member(self, &asking, MemberStep::Asked, Vec::new(), "", turn);
            turn.set_deadline(
                pending(&self.id, &member_id),
                millis(request.session_timeout_ms),
            );
            self.pending_members.insert(member_id.clone());
            refuse(to, &member_id, ErrorCode::MemberIdRequired, turn);
        } else {
            self.add_member(to, &member_id, request, turn);
        }
    }

    fn add_member(
        &mut self,
        to: RequestId,
        member_id: &str,
        request: &JoinRequest,
        turn: &mut Turn<'_>,
    ) {
        let mut member = Member::new(member_id.to_owned(), request);
        member.awaiting_join = Some(to);
        let why = member.did("asks to join");
        if self.is(GroupState::PreparingRebalance) && self.generation == 0 {
            self.new_member_added = true;
        }
        turn.clear_session(&self.id, member_id);
        reports::member(self, &member, MemberStep::Joined, Vec::new(), "", turn);
        self.add(member, &request.protocol_type);
        // It has no id to send heartbeats with, and its connection is not read while its request
        // is held: whoever gave up is noticed only by this longer timeout.
        let timeout = turn.config.new_member_join_timeout;
        turn.set_session(&self.id, member_id, timeout);
        self.maybe_prepare_rebalance(&why, turn);
    }

    fn join_again(&mut self, to: RequestId, request: &JoinRequest, turn: &mut Turn<'_>) {
        let member_id = request.member_id.as_str();
        if self.pending_members.contains(member_id) {
            if request.group_instance_id.is_some() {
                // A pending id was given to a dynamic member.
                refuse(to, member_id, ErrorCode::UnknownMemberId, turn);
            } else {
                self.add_member(to, member_id, request, turn);
            }
            return;
        }
        let checked = self.validate_member(member_id, request.group_instance_id.as_deref());
        if let Err(error) = checked {
            refuse(to, member_id, error, turn);
            return;
        }
        let Some(member) = self.members.get(member_id) else {
            return;
        };
        let changed = member.protocols != request.protocols;
        let why = match self.state {
            GroupState::PreparingRebalance => GroupCause::default(),
            GroupState::CompletingRebalance | GroupState::Stable if changed => {
                member.did("joins again with another subscription")
            }
            // The leader watches the topics: it asks when partitions were added.
            GroupState::Stable if self.is_leader(member_id) => {
                member.did("leads and asks to divide anew")
            }
            GroupState::CompletingRebalance | GroupState::Stable => {
                // It missed the answer: the generation as it is lets it sync.
                let mut response = self.join_response(member_id);
                if self.is(GroupState::Stable) {
                    response.members = Vec::new();
                }
                turn.respond(to, Response::Join(response));
                return;
            }
            GroupState::Empty | GroupState::Dead => {
                refuse(to, member_id, ErrorCode::UnknownMemberId, turn);
                return;
            }
        };
        self.update_member(to, member_id, request, turn);
        self.maybe_prepare_rebalance(&why, turn);
    }

    /// Takes over a member's new wishes; its request is held from now on.
    fn update_member(
        &mut self,
        to: RequestId,
        member_id: &str,
        request: &JoinRequest,
        turn: &mut Turn<'_>,
    ) {
        let Some(member) = self.members.get_mut(member_id) else {
            return;
        };
        member.protocols.clone_from(&request.protocols);
        member.rebalance_timeout = millis(request.rebalance_timeout_ms);
        member.session_timeout = millis(request.session_timeout_ms);
        let superseded = member.awaiting_join.replace(to);
        let member = member.clone();
        if let Some(superseded) = superseded {
            // The same member asked anew, likely over another connection.
            refuse(superseded, member_id, ErrorCode::RebalanceInProgress, turn);
        } else {
            let gave_up = reports::gave_up(self, &member);
            reports::member(self, &member, MemberStep::Joined, gave_up, "", turn);
        }
    }

    /// A static member came back without its member id: it gets a new one, its old self is fenced,
    /// and in a stable group nobody else notices.
    fn replace_static_member(
        &mut self,
        to: RequestId,
        old_member_id: &str,
        member_id: String,
        request: &JoinRequest,
        turn: &mut Turn<'_>,
    ) {
        let leader_before = self.leader.clone();
        let Some(mut old) = self.swap_member_id(old_member_id, &member_id, turn) else {
            return;
        };
        if let Some(waiting) = old.awaiting_join.take() {
            refuse(waiting, old_member_id, ErrorCode::FencedInstanceId, turn);
        }
        if let Some(waiting) = old.awaiting_sync.take() {
            let response = SyncResponse::error(ErrorCode::FencedInstanceId);
            turn.respond(waiting, Response::Sync(response));
        }
        self.update_member(to, &member_id, request, turn);
        self.heard(&member_id, turn);
        let name = request.group_instance_id.as_deref().unwrap_or_default();
        match self.state {
            GroupState::Stable if self.select_protocol() == self.protocol => {
                let assignments = self
                    .members
                    .values()
                    .map(|member| (member.member_id.clone(), member.assignment.clone()))
                    .collect();
                let replacement = Replacement {
                    to,
                    generation: self.generation,
                    member_id,
                    old,
                    leader_before,
                    supports_skipping_assignment: request.supports_skipping_assignment,
                };
                #[cfg(test)]
                if planted::is(Bug::StaticMemberNotStored) {
                    self.static_member_stored(replacement, Ok(()), turn);
                    return;
                }
                self.store(
                    &assignments,
                    AfterWrite::Replace(Box::new(replacement)),
                    turn,
                );
            }
            GroupState::Stable => {
                let why = format!("static member {name} came back with other protocols");
                self.maybe_prepare_rebalance(&why.into(), turn);
            }
            // The leader may divide for the old id already, so it must divide again.
            GroupState::CompletingRebalance => {
                let why = format!("static member {name} came back");
                self.prepare_rebalance(&why.into(), turn);
            }
            GroupState::PreparingRebalance | GroupState::Empty | GroupState::Dead => {}
        }
    }

    /// Gives a static member another id; answers with its old self.
    pub(crate) fn swap_member_id(
        &mut self,
        from: &str,
        to: &str,
        turn: &mut Turn<'_>,
    ) -> Option<Member> {
        let leads = self.is_leader(from);
        let awaited_to_sync = self.pending_sync.contains(from);
        let old = self.remove(from, turn)?;
        let mut member = old.clone();
        to.clone_into(&mut member.member_id);
        member.awaiting_join = None;
        member.awaiting_sync = None;
        if let Some(instance_id) = &member.group_instance_id {
            self.static_members
                .insert(instance_id.clone(), to.to_owned());
        }
        if leads {
            self.leader = Some(to.to_owned());
        }
        if awaited_to_sync {
            self.pending_sync.insert(to.to_owned());
        }
        self.members.insert(to.to_owned(), member);
        Some(old)
    }

    /// The new id of a static member is in the log, or is not.
    pub(crate) fn static_member_stored(
        &mut self,
        replacement: Replacement,
        result: Result<(), ErrorCode>,
        turn: &mut Turn<'_>,
    ) {
        let Replacement {
            to,
            generation,
            member_id,
            old,
            leader_before,
            supports_skipping_assignment,
        } = replacement;
        let waits = self
            .members
            .get(&member_id)
            .is_some_and(|member| member.awaiting_join == Some(to));
        // A rebalance began meanwhile, or the member asked again: that answers.
        if !waits || !self.is(GroupState::Stable) || generation != self.generation {
            return;
        }
        if let Err(error) = result {
            let old_member_id = old.member_id.clone();
            self.swap_member_id(&member_id, &old_member_id, turn);
            self.members.insert(old_member_id.clone(), old);
            self.heard(&old_member_id, turn);
            refuse(to, "", error, turn);
            return;
        }
        if let Some(member) = self.members.get_mut(&member_id) {
            member.awaiting_join = None;
            member.is_new = false;
        }
        self.heard(&member_id, turn);
        let mut response = self.join_response(&member_id);
        if supports_skipping_assignment {
            response.skip_assignment = self.is_leader(&member_id);
        } else {
            // An older client must not take itself for the leader: a stable group would not
            // spread its assignment. The old leader's id is nobody's now.
            response.leader = leader_before.unwrap_or_default();
            response.members = Vec::new();
        }
        turn.respond(to, Response::Join(response));
    }
}

fn refuse(to: RequestId, member_id: &str, error: ErrorCode, turn: &mut Turn<'_>) {
    turn.respond(to, Response::Join(JoinResponse::error(member_id, error)));
}
