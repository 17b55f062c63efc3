//! `ListPartitionReassignments` 0: the moves of replicas that are under way.
//!
//! Behaviour: of the topics and partitions named, or of all; those that do not move are left out.
//! Not done: nothing.

use std::sync::Arc;

use kafka_protocol::{
    messages::{
        ListPartitionReassignmentsRequest, ListPartitionReassignmentsResponse,
        list_partition_reassignments_response::{
            OngoingPartitionReassignment, OngoingTopicReassignment,
        },
    },
    protocol::StrBytes,
};

use super::{RequestContext, metadata::ids};
use crate::Broker;

#[expect(
    clippy::unused_async,
    reason = "handlers have one signature, and most of them wait"
)]
pub(super) async fn handle(
    broker: &Arc<Broker>,
    _context: &RequestContext,
    request: ListPartitionReassignmentsRequest,
) -> ListPartitionReassignmentsResponse {
    let asked = |name: &str, index: i32| {
        request.topics.as_ref().is_none_or(|topics| {
            let mut topics = topics.iter();
            topics.any(|topic| {
                topic.name.as_str() == name && topic.partition_indexes.contains(&index)
            })
        })
    };
    let image = broker.registry.image();
    let topics = image.topics.iter().filter_map(|(name, topic)| {
        let moving = topic.partitions.iter().filter(|(index, partition)| {
            let moves = !(partition.adding.is_empty() && partition.removing.is_empty());
            moves && asked(name, **index)
        });
        let partitions: Vec<_> = moving
            .map(|(index, partition)| {
                OngoingPartitionReassignment::default()
                    .with_partition_index(*index)
                    .with_replicas(ids(&partition.replicas))
                    .with_adding_replicas(ids(&partition.adding))
                    .with_removing_replicas(ids(&partition.removing))
            })
            .collect();
        let topic = OngoingTopicReassignment::default()
            .with_name(StrBytes::from_string(name.clone()).into());
        (!partitions.is_empty()).then(|| topic.with_partitions(partitions))
    });
    ListPartitionReassignmentsResponse::default()
        .with_topics(topics.collect())
        .with_error_message(None)
}
