//! `LeaveGroup`, versions 0 to 5: members go, one by itself or (from version 3 on) several by an
//! administrator, static ones by their instance id.

use std::sync::Arc;

use kafka_protocol::messages::{
    LeaveGroupRequest, LeaveGroupResponse, leave_group_response::MemberResponse,
};
use kafka_protocol::protocol::StrBytes;

use super::{RequestContext, optional};
use crate::Broker;
use crate::coordinator::{LeaveRequest, LeavingMember, Request, Response};
use wire::ErrorCode;

pub(super) async fn handle(
    broker: &Arc<Broker>,
    context: &RequestContext,
    request: LeaveGroupRequest,
) -> LeaveGroupResponse {
    let members = if context.version >= 3 {
        request
            .members
            .into_iter()
            .map(|member| LeavingMember {
                member_id: member.member_id.to_string(),
                group_instance_id: optional(member.group_instance_id),
                reason: optional(member.reason),
            })
            .collect()
    } else {
        vec![LeavingMember {
            member_id: request.member_id.to_string(),
            group_instance_id: None,
            reason: None,
        }]
    };
    let leave = LeaveRequest {
        group: request.group_id.to_string(),
        members,
    };
    let (error, results) = match broker.groups.ask(Request::Leave(leave)).await {
        Some(Response::Leave(error, results)) => (error, results),
        _ => (ErrorCode::CoordinatorNotAvailable, Vec::new()),
    };
    if context.version >= 3 {
        let members = results.into_iter().map(|(member, error)| {
            MemberResponse::default()
                .with_member_id(member.member_id.into())
                .with_group_instance_id(member.group_instance_id.map(StrBytes::from))
                .with_error_code(error.code())
        });
        return LeaveGroupResponse::default()
            .with_error_code(error.code())
            .with_members(members.collect());
    }
    // The only member's error is the request's.
    let error = results.first().map_or(error, |(_, error)| *error);
    LeaveGroupResponse::default().with_error_code(error.code())
}
