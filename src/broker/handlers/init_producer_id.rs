//! InitProducerId 0 to 5: a producer id for an idempotent producer.
//!
//! Behaviour: an id and an epoch come together or not at all. A producer that names its old id to have its epoch raised gets a new id instead, as on
//! Apache Kafka where there is no transactional id.
//! Not done: transactional ids are refused with `INVALID_REQUEST`.

use std::sync::Arc;

use kafka_protocol::messages::{InitProducerIdRequest, InitProducerIdResponse};

use super::{RequestContext, find_coordinator::refuse_transactions};
use crate::Broker;
use wire::ErrorCode;

pub(super) async fn handle(
    broker: &Arc<Broker>,
    context: &RequestContext,
    request: InitProducerIdRequest,
) -> InitProducerIdResponse {
    let refused = |code: ErrorCode| {
        InitProducerIdResponse::default()
            .with_error_code(code.code())
            .with_producer_id((-1).into())
            .with_producer_epoch(-1)
    };
    let names_id = request.producer_id.0 != -1;
    let names_epoch = request.producer_epoch != -1;
    if let Some(id) = &request.transactional_id {
        refuse_transactions(broker, context, id);
        return refused(ErrorCode::InvalidRequest);
    }
    if names_id != names_epoch {
        return refused(ErrorCode::InvalidRequest);
    }
    match broker.registry.next_producer_id().await {
        Ok(producer_id) => InitProducerIdResponse::default()
            .with_producer_id(producer_id.into())
            .with_producer_epoch(0),
        Err(error) => {
            tracing::warn!("no producer id: {error}");
            refused(ErrorCode::CoordinatorLoadInProgress)
        }
    }
}
