//! `LeaveGroup`, and members that fall silent.

use super::event::LeavingMember;
use super::group::Group;
use super::turn::Turn;
use wire::ErrorCode;
use wire::report::{GroupCause, MemberStep};

impl Group {
    /// Lets one member go.
    pub(crate) fn leave(&mut self, leaving: &LeavingMember, turn: &mut Turn<'_>) -> ErrorCode {
        if self.consumer.is_some() {
            return self.leave_consumer(leaving, turn);
        }
        let member_id = leaving.member_id.as_str();
        if self.pending_members.contains(member_id) {
            self.remove_pending(member_id, turn);
            return ErrorCode::None;
        }
        let instance_id = leaving.group_instance_id.as_deref();
        let member_id = if member_id.is_empty() {
            // An administrator names a static member only by its instance.
            match instance_id.and_then(|instance_id| self.static_members.get(instance_id)) {
                Some(member_id) => member_id.clone(),
                None => return ErrorCode::UnknownMemberId,
            }
        } else if let Err(error) = self.validate_member(member_id, instance_id) {
            return error;
        } else {
            member_id.to_owned()
        };
        let what = match leaving.reason.as_deref() {
            Some(reason) if !reason.is_empty() => format!("leaves: {reason}"),
            _ => "leaves".to_owned(),
        };
        let member = self.members.get(&member_id);
        let why = member.map_or_else(GroupCause::default, |member| member.did(what));
        self.remove_member(&member_id, MemberStep::Left, &why, turn);
        ErrorCode::None
    }

    /// A member's session ran out. One whose request we hold is not silent: we are.
    pub(crate) fn session_is_due(&mut self, member_id: &str, turn: &mut Turn<'_>) {
        if self.consumer.is_some() {
            self.consumer_session_is_due(member_id, turn);
            return;
        }
        let Some(member) = self.members.get(member_id) else {
            return;
        };
        if member.is_kept_alive() {
            return;
        }
        let timeout = if member.is_new {
            turn.config.new_member_join_timeout
        } else {
            member.session_timeout
        };
        let why = member.did(format!("was not heard for {} ms", timeout.as_millis()));
        self.remove_member(member_id, MemberStep::Expired, &why, turn);
    }
}
