//! `EndTxn` 0 to 5: a transaction is committed or aborted.
//!
//! Behaviour: answered when the outcome is stored, before the markers are written. From version 5 on the end raises the
//! producer's epoch and tells it (KIP-890). A fenced producer is `PRODUCER_FENCED` from version 2 on.

use std::sync::Arc;

use kafka_protocol::messages::{EndTxnRequest, EndTxnResponse};

use super::{RequestContext, init_producer_id::fenced_until};
use crate::{
    Broker,
    transactions::{EndRequest, ProducerIdentity, Request},
};
use wire::ErrorCode;

/// The first version that knows `PRODUCER_FENCED`.
const FENCED_SINCE: i16 = 2;

/// The first version whose answer has the raised epoch.
const RAISES_EPOCH_SINCE: i16 = 5;

pub(super) async fn handle(
    broker: &Arc<Broker>,
    context: &RequestContext,
    request: EndTxnRequest,
) -> EndTxnResponse {
    let raises_epoch = context.version >= RAISES_EPOCH_SINCE;
    let request = Request::End(EndRequest {
        producer: ProducerIdentity {
            transactional_id: request.transactional_id.to_string(),
            producer_id: request.producer_id.0,
            producer_epoch: request.producer_epoch,
        },
        commit: request.committed,
        transaction_version: if raises_epoch { 2 } else { 0 },
        fresh_producer_id: None,
    });
    let (code, (producer_id, epoch)) = match broker.transactions.ask_for_producer(request).await {
        Ok(producer) => (ErrorCode::None, producer),
        Err(code) => (fenced_until(FENCED_SINCE, context.version, code), (-1, -1)),
    };
    let response = EndTxnResponse::default().with_error_code(code.code());
    if raises_epoch {
        response
            .with_producer_id(producer_id.into())
            .with_producer_epoch(epoch)
    } else {
        response
    }
}
