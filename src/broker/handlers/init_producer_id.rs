//! InitProducerId 0 to 5: a producer id and an epoch, for an idempotent producer or for a transactional id.
//!
//! Behaviour: an id and an epoch come together or not at all. Without a transactional id each call gets a new producer
//! id. With one, the id's coordinator gives the epoch that fences whoever had the id before, and first aborts what that
//! one left open: meanwhile `CONCURRENT_TRANSACTIONS`. A fenced producer is `PRODUCER_FENCED` from version 4 on.

use std::sync::Arc;

use kafka_protocol::messages::{InitProducerIdRequest, InitProducerIdResponse};

use super::RequestContext;
use crate::{
    Broker,
    transactions::{InitRequest, Request},
};
use wire::ErrorCode;

/// The first version that knows `PRODUCER_FENCED`.
const FENCED_SINCE: i16 = 4;

pub(super) async fn handle(
    broker: &Arc<Broker>,
    context: &RequestContext,
    request: InitProducerIdRequest,
) -> InitProducerIdResponse {
    let named = (request.producer_id.0, request.producer_epoch);
    let producer = match (&request.transactional_id, named) {
        (_, (-1, epoch)) if epoch != -1 => Err(ErrorCode::InvalidRequest),
        (_, (id, -1)) if id != -1 => Err(ErrorCode::InvalidRequest),
        (Some(transactional_id), _) => {
            let request = Request::Init(InitRequest {
                transactional_id: transactional_id.to_string(),
                timeout_ms: request.transaction_timeout_ms,
                expected: (named != (-1, -1)).then_some(named),
                fresh_producer_id: None,
            });
            broker.transactions.ask_for_producer(request).await
        }
        (None, _) => match broker.registry.next_producer_id().await {
            Ok(producer_id) => Ok((producer_id, 0)),
            Err(error) => {
                tracing::warn!("no producer id: {error}");
                Err(ErrorCode::CoordinatorLoadInProgress)
            }
        },
    };
    let response = InitProducerIdResponse::default();
    match producer {
        Ok((producer_id, epoch)) => response
            .with_producer_id(producer_id.into())
            .with_producer_epoch(epoch),
        Err(code) => response
            .with_error_code(fenced_until(FENCED_SINCE, context.version, code).code())
            .with_producer_id((-1).into())
            .with_producer_epoch(-1),
    }
}

/// Older clients know a fenced producer by its epoch.
pub(super) fn fenced_until(since: i16, version: i16, code: ErrorCode) -> ErrorCode {
    match code {
        ErrorCode::ProducerFenced if version < since => ErrorCode::InvalidProducerEpoch,
        code => code,
    }
}
