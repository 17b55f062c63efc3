//! `DescribeProducers` 0: the idempotent producers that a replica of this broker remembers (KIP-664).
//!
//! Behaviour: any replica answers for its own log, followers too. A partition that another broker has is
//! `NOT_LEADER_OR_FOLLOWER`.

use std::sync::Arc;

use kafka_protocol::{
    messages::{
        DescribeProducersRequest, DescribeProducersResponse,
        describe_producers_response::{PartitionResponse, ProducerState, TopicResponse},
    },
    protocol::StrBytes,
};

use super::RequestContext;
use crate::{Broker, log::ActiveProducer, topic_name};
use wire::{ErrorCode, TopicPartition};

#[expect(clippy::unused_async, reason = "handlers have one signature")]
pub(super) async fn handle(
    broker: &Arc<Broker>,
    _context: &RequestContext,
    request: DescribeProducersRequest,
) -> DescribeProducersResponse {
    let image = broker.registry.image();
    let topics = request.topics.into_iter().map(|topic| {
        let name = topic.name.as_str();
        let refusal = match topic_name::refusal(name) {
            Some(message) => Some((ErrorCode::InvalidTopicException, message)),
            None if !image.topics.contains_key(name) => {
                let message = "This server does not host this topic-partition.";
                Some((ErrorCode::UnknownTopicOrPartition, message.to_owned()))
            }
            None => None,
        };
        let partitions = topic.partition_indexes.iter().map(|index| {
            let partition = PartitionResponse::default().with_partition_index(*index);
            if let Some((code, message)) = &refusal {
                return partition
                    .with_error_code(code.code())
                    .with_error_message(Some(StrBytes::from_string(message.clone())));
            }
            match broker
                .partitions
                .find(&TopicPartition::new(name, *index), &image)
            {
                Ok(hosted) => {
                    let producers = hosted.active_producers().into_iter().map(state);
                    partition.with_active_producers(producers.collect())
                }
                Err(error) => partition.with_error_code(ErrorCode::from(&error).code()),
            }
        });
        let partitions = partitions.collect();
        TopicResponse::default()
            .with_name(topic.name)
            .with_partitions(partitions)
    });
    DescribeProducersResponse::default().with_topics(topics.collect())
}

fn state(producer: ActiveProducer) -> ProducerState {
    ProducerState::default()
        .with_producer_id(producer.producer_id.into())
        .with_producer_epoch(producer.producer_epoch.into())
        .with_last_sequence(producer.last_sequence)
        .with_last_timestamp(producer.last_timestamp)
        .with_coordinator_epoch(producer.coordinator_epoch)
        .with_current_txn_start_offset(producer.current_txn_first_offset.map_or(-1, |at| at.0))
}
