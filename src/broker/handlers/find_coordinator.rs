//! `FindCoordinator`, versions 0 to 6: which broker coordinates a group, or a transactional id.
//!
//! Several keys at once from version 4 on. The first question creates `__consumer_offsets` or `__transaction_state`, and
//! waits for its leaders a moment instead of sending the client away to ask again.
//!
//! Not done: share groups are refused with `INVALID_REQUEST` and a sentence.

use std::sync::Arc;

use kafka_protocol::messages::{
    BrokerId as WireBrokerId, FindCoordinatorRequest, FindCoordinatorResponse,
    find_coordinator_response::Coordinator,
};
use kafka_protocol::protocol::StrBytes;

use super::RequestContext;
use crate::Broker;
use crate::internal_topic::InternalTopic;
use wire::ErrorCode;

/// `key_type` of groups.
const GROUP: i8 = 0;
/// `key_type` of transactional ids.
const TRANSACTION: i8 = 1;

/// What a client that asks for more is told.
const NOT_COORDINATED: &str =
    "This broker coordinates consumer groups and transactions, not share groups.";

pub(super) async fn handle(
    broker: &Arc<Broker>,
    context: &RequestContext,
    request: FindCoordinatorRequest,
) -> FindCoordinatorResponse {
    if context.version >= 4 {
        let mut coordinators = Vec::with_capacity(request.coordinator_keys.len());
        for key in request.coordinator_keys {
            coordinators.push(find(broker, request.key_type, key).await);
        }
        return FindCoordinatorResponse::default().with_coordinators(coordinators);
    }
    let found = find(broker, request.key_type, request.key).await;
    let response = FindCoordinatorResponse::default()
        .with_error_code(found.error_code)
        .with_node_id(found.node_id)
        .with_host(found.host)
        .with_port(found.port);
    if context.version >= 1 {
        // The name of the error, of success too: so Apache Kafka has it in these versions.
        let message = match found.error_code {
            0 => Some(StrBytes::from_static_str("NONE")),
            _ => found.error_message,
        };
        response.with_error_message(message)
    } else {
        response
    }
}

async fn find(broker: &Arc<Broker>, key_type: i8, key: StrBytes) -> Coordinator {
    let nowhere = |error: ErrorCode, message: &str| {
        Coordinator::default()
            .with_key(key.clone())
            .with_node_id(WireBrokerId(-1))
            .with_port(-1)
            .with_error_code(error.code())
            .with_error_message(Some(StrBytes::from(message.to_owned())))
    };
    let topic = match key_type {
        GROUP => InternalTopic::ConsumerOffsets,
        TRANSACTION => InternalTopic::TransactionState,
        _ => return nowhere(ErrorCode::InvalidRequest, NOT_COORDINATED),
    };
    match broker.find_coordinator(topic, &key).await {
        Ok((id, node)) => Coordinator::default()
            .with_key(key)
            .with_node_id(WireBrokerId(id.0))
            .with_host(StrBytes::from(node.host))
            .with_port(i32::from(node.port)),
        Err(error) => nowhere(error, "The coordinator is not available."),
    }
}
