//! `AddOffsetsToTxn` 0 to 4: a group's committed offsets become part of a transaction, as the partition of
//! `__consumer_offsets` that keeps them.
//!
//! Behaviour: whether the group exists is no matter here. A fenced producer is `PRODUCER_FENCED` from version 2 on.

use std::{collections::BTreeSet, sync::Arc};

use kafka_protocol::messages::{AddOffsetsToTxnRequest, AddOffsetsToTxnResponse};

use super::{RequestContext, init_producer_id::fenced_until};
use crate::{
    Broker,
    internal_topic::InternalTopic,
    transactions::{AddRequest, ProducerIdentity, Request},
};
use wire::{ErrorCode, TopicPartition};

/// The first version that knows `PRODUCER_FENCED`.
const FENCED_SINCE: i16 = 2;

pub(super) async fn handle(
    broker: &Arc<Broker>,
    context: &RequestContext,
    request: AddOffsetsToTxnRequest,
) -> AddOffsetsToTxnResponse {
    let code = match offsets_partition(broker, &request.group_id).await {
        Ok(at) => {
            let request = Request::AddPartitions(AddRequest {
                producer: ProducerIdentity {
                    transactional_id: request.transactional_id.to_string(),
                    producer_id: request.producer_id.0,
                    producer_epoch: request.producer_epoch,
                },
                partitions: BTreeSet::from([at]),
                transaction_version: 0,
            });
            broker.transactions.ask_to_add(request).await
        }
        Err(code) => code,
    };
    let code = fenced_until(FENCED_SINCE, context.version, code);
    AddOffsetsToTxnResponse::default().with_error_code(code.code())
}

async fn offsets_partition(broker: &Broker, group: &str) -> Result<TopicPartition, ErrorCode> {
    const TOPIC: InternalTopic = InternalTopic::ConsumerOffsets;
    if !broker.registry.image().topics.contains_key(TOPIC.name()) {
        // Nobody asked for a group yet: the topic is created by the first question.
        broker.find_coordinator(TOPIC, group).await?;
    }
    let place = TOPIC.place_of(group, &broker.registry.image());
    place.ok_or(ErrorCode::CoordinatorNotAvailable)
}
