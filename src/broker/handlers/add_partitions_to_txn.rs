//! `AddPartitionsToTxn` 0 to 5: partitions become part of a transaction.
//!
//! Behaviour: up to version 3 a producer asks for its own transaction; from 4 on brokers ask for several, to add or only
//! to verify (KIP-890). One partition that does not exist, and nothing is added: it is `UNKNOWN_TOPIC_OR_PARTITION`, the
//! others are `OPERATION_NOT_ATTEMPTED`. A fenced producer is `PRODUCER_FENCED` from version 2 on.

use std::{collections::BTreeMap, sync::Arc};

use kafka_protocol::messages::{
    AddPartitionsToTxnRequest, AddPartitionsToTxnResponse,
    add_partitions_to_txn_request::{AddPartitionsToTxnTopic, AddPartitionsToTxnTransaction},
    add_partitions_to_txn_response::{
        AddPartitionsToTxnPartitionResult, AddPartitionsToTxnResult, AddPartitionsToTxnTopicResult,
    },
};

use super::{RequestContext, init_producer_id::fenced_until};
use crate::{
    Broker,
    transactions::{AddRequest, ProducerIdentity, Request},
};
use wire::{ErrorCode, TopicPartition};

/// The first version that knows `PRODUCER_FENCED`.
const FENCED_SINCE: i16 = 2;

/// The first version in which brokers ask.
const BATCHED_SINCE: i16 = 4;

pub(super) async fn handle(
    broker: &Arc<Broker>,
    context: &RequestContext,
    request: AddPartitionsToTxnRequest,
) -> AddPartitionsToTxnResponse {
    if context.version < BATCHED_SINCE {
        let own = AddPartitionsToTxnTransaction::default()
            .with_transactional_id(request.v3_and_below_transactional_id)
            .with_producer_id(request.v3_and_below_producer_id)
            .with_producer_epoch(request.v3_and_below_producer_epoch)
            .with_topics(request.v3_and_below_topics);
        let topics = of_transaction(broker, context, own).await.topic_results;
        return AddPartitionsToTxnResponse::default().with_results_by_topic_v3_and_below(topics);
    }
    let mut results = Vec::with_capacity(request.transactions.len());
    for transaction in request.transactions {
        results.push(of_transaction(broker, context, transaction).await);
    }
    AddPartitionsToTxnResponse::default().with_results_by_transaction(results)
}

async fn of_transaction(
    broker: &Broker,
    context: &RequestContext,
    asked: AddPartitionsToTxnTransaction,
) -> AddPartitionsToTxnResult {
    let partitions: Vec<TopicPartition> = asked.topics.iter().flat_map(of_topic).collect();
    let producer = ProducerIdentity {
        transactional_id: asked.transactional_id.to_string(),
        producer_id: asked.producer_id.0,
        producer_epoch: asked.producer_epoch,
    };
    let codes = if asked.verify_only {
        verified(broker, &producer, &partitions)
    } else {
        added(broker, context, producer, &partitions).await
    };
    let topics = asked.topics.into_iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|index| {
            let at = TopicPartition::new(topic.name.as_str(), *index);
            let code = codes.get(&at).copied();
            let code = code.unwrap_or(ErrorCode::UnknownServerError);
            let code = fenced_until(FENCED_SINCE, context.version, code);
            AddPartitionsToTxnPartitionResult::default()
                .with_partition_index(*index)
                .with_partition_error_code(code.code())
        });
        let partitions = partitions.collect();
        AddPartitionsToTxnTopicResult::default()
            .with_name(topic.name)
            .with_results_by_partition(partitions)
    });
    AddPartitionsToTxnResult::default()
        .with_topic_results(topics.collect())
        .with_transactional_id(asked.transactional_id)
}

fn of_topic(topic: &AddPartitionsToTxnTopic) -> impl Iterator<Item = TopicPartition> {
    let indexes = topic.partitions.iter();
    indexes.map(|index| TopicPartition::new(topic.name.as_str(), *index))
}

type Codes = BTreeMap<TopicPartition, ErrorCode>;

fn verified(broker: &Broker, producer: &ProducerIdentity, partitions: &[TopicPartition]) -> Codes {
    match broker.transactions.verify(producer, partitions) {
        Ok(results) => results.into_iter().collect(),
        Err(code) => partitions.iter().map(|at| (at.clone(), code)).collect(),
    }
}

async fn added(
    broker: &Broker,
    context: &RequestContext,
    producer: ProducerIdentity,
    partitions: &[TopicPartition],
) -> Codes {
    let image = broker.registry.image();
    let is_known = |at: &TopicPartition| image.partition(at).is_some();
    if !partitions.iter().all(is_known) {
        let code = |at: &TopicPartition| {
            if is_known(at) {
                ErrorCode::OperationNotAttempted
            } else {
                ErrorCode::UnknownTopicOrPartition
            }
        };
        return partitions.iter().map(|at| (at.clone(), code(at))).collect();
    }
    let request = Request::AddPartitions(AddRequest {
        producer,
        partitions: partitions.iter().cloned().collect(),
        // Only leaders ask so, for producers whose epoch rises with each end.
        transaction_version: if context.version >= BATCHED_SINCE {
            2
        } else {
            0
        },
    });
    let code = broker.transactions.ask_to_add(request).await;
    partitions.iter().map(|at| (at.clone(), code)).collect()
}
