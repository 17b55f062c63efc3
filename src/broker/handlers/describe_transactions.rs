//! `DescribeTransactions` 0: how transactional ids stand (KIP-664).
//!
//! Behaviour: only the id's coordinator answers. The partitions are those that still need a marker, once the outcome is
//! decided. An id that is not known is `TRANSACTIONAL_ID_NOT_FOUND`.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use kafka_protocol::{
    messages::{
        DescribeTransactionsRequest, DescribeTransactionsResponse, TransactionalId,
        describe_transactions_response::{TopicData, TransactionState as Described},
    },
    protocol::StrBytes,
};

use super::RequestContext;
use crate::Broker;

#[expect(clippy::unused_async, reason = "handlers have one signature")]
pub(super) async fn handle(
    broker: &Arc<Broker>,
    _context: &RequestContext,
    request: DescribeTransactionsRequest,
) -> DescribeTransactionsResponse {
    let asked: BTreeSet<TransactionalId> = request.transactional_ids.into_iter().collect();
    let states = asked.into_iter().map(|id| describe(broker, id));
    DescribeTransactionsResponse::default().with_transaction_states(states.collect())
}

fn describe(broker: &Broker, id: TransactionalId) -> Described {
    let found = broker.transactions.describe(&id);
    let described = Described::default().with_transactional_id(id);
    let transaction = match found {
        Ok(transaction) => transaction,
        Err(code) => return described.with_error_code(code.code()),
    };
    let mut topics: BTreeMap<String, Vec<i32>> = BTreeMap::new();
    for at in transaction.partitions {
        topics.entry(at.topic).or_default().push(at.partition);
    }
    let topics = topics.into_iter().map(|(name, indexes)| {
        TopicData::default()
            .with_topic(StrBytes::from_string(name).into())
            .with_partitions(indexes)
    });
    described
        .with_transaction_state(StrBytes::from_static_str(transaction.state.name()))
        .with_transaction_timeout_ms(transaction.timeout_ms)
        .with_transaction_start_time_ms(transaction.start_ms)
        .with_producer_id(transaction.producer_id.into())
        .with_producer_epoch(transaction.producer_epoch)
        .with_topics(topics.collect())
}
