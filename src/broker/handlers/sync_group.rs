//! `SyncGroup`, versions 0 to 5: the leader brings the assignments, every member fetches its own.
//!
//! From version 5 on the protocol's type and name must be named and fit the group's (KIP-559).

use std::sync::Arc;

use kafka_protocol::messages::{SyncGroupRequest, SyncGroupResponse};
use kafka_protocol::protocol::StrBytes;

use super::{RequestContext, optional};
use crate::Broker;
use crate::coordinator::{MemberIdentity, Request, Response, SyncRequest, SyncResponse};
use wire::ErrorCode;

pub(super) async fn handle(
    broker: &Arc<Broker>,
    context: &RequestContext,
    request: SyncGroupRequest,
) -> SyncGroupResponse {
    let named = request.protocol_type.is_some() && request.protocol_name.is_some();
    if context.version >= 5 && !named {
        return response(SyncResponse::error(ErrorCode::InconsistentGroupProtocol));
    }
    let sync = SyncRequest {
        member: MemberIdentity {
            group: request.group_id.to_string(),
            generation: request.generation_id,
            member_id: request.member_id.to_string(),
            group_instance_id: optional(request.group_instance_id),
        },
        protocol_type: optional(request.protocol_type),
        protocol_name: optional(request.protocol_name),
        assignments: request
            .assignments
            .into_iter()
            .map(|assignment| (assignment.member_id.to_string(), assignment.assignment))
            .collect(),
    };
    match broker.groups.ask(Request::Sync(sync)).await {
        Some(Response::Sync(synced)) => response(synced),
        _ => response(SyncResponse::error(ErrorCode::CoordinatorNotAvailable)),
    }
}

fn response(synced: SyncResponse) -> SyncGroupResponse {
    SyncGroupResponse::default()
        .with_error_code(synced.error.code())
        .with_protocol_type(synced.protocol_type.map(StrBytes::from))
        .with_protocol_name(synced.protocol_name.map(StrBytes::from))
        .with_assignment(synced.assignment)
}
