//! Members that go: by their own word, for good or for a while, or because they were not heard.

use super::event::{ConsumerHeartbeat, ConsumerHeartbeatAnswer, LEAVE_STATIC_EPOCH, Refusal};
use super::group::ConsumerGroup;
use super::heartbeat::member_tombstones;
use super::member::{CurrentAssignment, MemberState};
use super::records::{self, Key};
use super::topics::Topics;
use crate::coordinator::event::StoredRecord;
use wire::ErrorCode;

impl ConsumerGroup {
    /// Takes the last heartbeat of a member.
    ///
    /// # Errors
    /// It is refused, and nothing was changed.
    pub(super) fn leave(
        &mut self,
        request: &ConsumerHeartbeat,
        topics: &Topics,
        records: &mut Vec<StoredRecord>,
    ) -> Result<ConsumerHeartbeatAnswer, Refusal> {
        let id = &request.member_id;
        if let Some(instance_id) = &request.instance_id {
            self.static_holder(instance_id, request)?;
        } else if !self.members.contains_key(id) {
            let message = format!("Member {id} is not a member of group {}.", request.group);
            return Err(Refusal::new(ErrorCode::UnknownMemberId, message));
        }
        if request.member_epoch == LEAVE_STATIC_EPOCH {
            self.go_away(&request.group, id, records);
        } else {
            self.remove(&request.group, id, topics, records);
        }
        Ok(ConsumerHeartbeatAnswer {
            member_id: id.clone(),
            member_epoch: request.member_epoch,
            heartbeat_interval_ms: 0,
            assignment: None,
        })
    }

    /// A static member keeps what it has until it comes back or its session ends.
    pub(super) fn go_away(
        &mut self,
        group: &str,
        member_id: &str,
        records: &mut Vec<StoredRecord>,
    ) {
        if let Some(member) = self.members.get_mut(member_id) {
            member.current = CurrentAssignment {
                epoch: LEAVE_STATIC_EPOCH,
                previous_epoch: member.current.epoch,
                state: MemberState::Stable,
                assigned: member.current.assigned.without_epochs(),
                ..CurrentAssignment::default()
            };
            let value = records::encode_current(&member.current);
            records.push(Key::Current(member_id.to_owned()).with(group, value));
        }
    }

    /// Removes a member and raises the epoch.
    pub(super) fn remove(
        &mut self,
        group: &str,
        member_id: &str,
        topics: &Topics,
        records: &mut Vec<StoredRecord>,
    ) {
        let Some(member) = self.members.remove(member_id) else {
            return;
        };
        self.target.remove(member_id);
        records.extend(member_tombstones(group, member_id));
        self.drop_expression(group, &member.subscription.expression, records);
        self.raise_epoch(group, true, topics, records);
    }
}
