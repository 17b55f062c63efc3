//! `Heartbeat`, versions 0 to 4: a member lives, and learns when it has to join again.

use std::sync::Arc;

use kafka_protocol::messages::{HeartbeatRequest, HeartbeatResponse};

use super::{RequestContext, optional};
use crate::Broker;
use crate::coordinator::{MemberIdentity, Request, Response};
use wire::ErrorCode;

pub(super) async fn handle(
    broker: &Arc<Broker>,
    _context: &RequestContext,
    request: HeartbeatRequest,
) -> HeartbeatResponse {
    let member = MemberIdentity {
        group: request.group_id.to_string(),
        generation: request.generation_id,
        member_id: request.member_id.to_string(),
        group_instance_id: optional(request.group_instance_id),
    };
    let error = match broker.groups.ask(Request::Heartbeat(member)).await {
        Some(Response::Heartbeat(error)) => error,
        _ => ErrorCode::CoordinatorNotAvailable,
    };
    HeartbeatResponse::default().with_error_code(error.code())
}
