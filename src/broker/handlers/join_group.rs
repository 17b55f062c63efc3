//! `JoinGroup`, versions 0 to 9: a consumer asks to be a member, and waits for the others.
//!
//! From version 1 with its own rebalance timeout, from 4 on a new member gets its id first
//! (KIP-394), from 5 on static members (KIP-345), from 9 on `skip_assignment` (KIP-814).

use std::sync::Arc;

use kafka_protocol::messages::{
    JoinGroupRequest, JoinGroupResponse, join_group_response::JoinGroupResponseMember,
};
use kafka_protocol::protocol::StrBytes;
use uuid::Uuid;

use super::{RequestContext, optional};
use crate::Broker;
use crate::coordinator::{JoinRequest, JoinResponse, Request, Response};
use wire::ErrorCode;

pub(super) async fn handle(
    broker: &Arc<Broker>,
    context: &RequestContext,
    request: JoinGroupRequest,
) -> JoinGroupResponse {
    let member_id = request.member_id.to_string();
    let join = JoinRequest {
        group: request.group_id.to_string(),
        member_id: member_id.clone(),
        group_instance_id: optional(request.group_instance_id),
        client_id: optional(context.client_id.clone()).unwrap_or_default(),
        client_host: format!("/{}", context.peer.ip()),
        session_timeout_ms: request.session_timeout_ms,
        rebalance_timeout_ms: if context.version >= 1 {
            request.rebalance_timeout_ms
        } else {
            request.session_timeout_ms
        },
        protocol_type: request.protocol_type.to_string(),
        protocols: request
            .protocols
            .into_iter()
            .map(|protocol| (protocol.name.to_string(), protocol.metadata))
            .collect(),
        requires_known_member_id: context.version >= 4,
        supports_skipping_assignment: context.version >= 9,
        new_member_suffix: Uuid::new_v4().to_string(),
    };
    let joined = match broker.groups.ask(Request::Join(join)).await {
        Some(Response::Join(joined)) => joined,
        _ => JoinResponse::error(member_id, ErrorCode::CoordinatorNotAvailable),
    };
    response(context.version, joined)
}

fn response(version: i16, joined: JoinResponse) -> JoinGroupResponse {
    // Null is allowed from version 7 on.
    let protocol_name = joined.protocol_name.map(StrBytes::from);
    let protocol_name = if version >= 7 {
        protocol_name
    } else {
        Some(protocol_name.unwrap_or_default())
    };
    JoinGroupResponse::default()
        .with_error_code(joined.error.code())
        .with_generation_id(joined.generation)
        .with_protocol_type(joined.protocol_type.map(StrBytes::from))
        .with_protocol_name(protocol_name)
        .with_leader(joined.leader.into())
        .with_skip_assignment(joined.skip_assignment)
        .with_member_id(joined.member_id.into())
        .with_members(
            joined
                .members
                .into_iter()
                .map(|member| {
                    JoinGroupResponseMember::default()
                        .with_member_id(member.member_id.into())
                        .with_group_instance_id(member.group_instance_id.map(StrBytes::from))
                        .with_metadata(member.metadata)
                })
                .collect(),
        )
}
