//! `OffsetDelete`, version 0: forgets offsets of topics that the group does not read (KIP-496).

use std::sync::Arc;

use kafka_protocol::messages::{
    OffsetDeleteRequest, OffsetDeleteResponse,
    offset_delete_response::{OffsetDeleteResponsePartition, OffsetDeleteResponseTopic},
};

use super::{RequestContext, offset_results::OffsetResults};
use crate::Broker;
use crate::coordinator::{Request, Response};
use wire::{ErrorCode, TopicPartition};

pub(super) async fn handle(
    broker: &Arc<Broker>,
    _context: &RequestContext,
    request: OffsetDeleteRequest,
) -> OffsetDeleteResponse {
    let image = broker.registry.image();
    let partitions: Vec<TopicPartition> = request
        .topics
        .iter()
        .flat_map(|topic| {
            let partitions = topic.partitions.iter();
            partitions.map(|partition| {
                TopicPartition::new(topic.name.as_str(), partition.partition_index)
            })
        })
        .filter(|at| image.partition(at).is_some())
        .collect();
    let delete = Request::DeleteOffsets {
        group: request.group_id.to_string(),
        partitions,
    };
    let (error, results) = match broker.groups.ask(delete).await {
        Some(Response::DeleteOffsets(error, results)) => (error, results),
        _ => (ErrorCode::CoordinatorNotAvailable, Vec::new()),
    };
    if !error.is_none() {
        return OffsetDeleteResponse::default().with_error_code(error.code());
    }
    let results: OffsetResults = results.into_iter().collect();
    let topics = request.topics.into_iter().map(|topic| {
        let partitions = topic.partitions.into_iter().map(|partition| {
            let index = partition.partition_index;
            OffsetDeleteResponsePartition::default()
                .with_partition_index(index)
                .with_error_code(results.code(&topic.name, index))
        });
        OffsetDeleteResponseTopic::default()
            .with_partitions(partitions.collect())
            .with_name(topic.name)
    });
    OffsetDeleteResponse::default().with_topics(topics.collect())
}
