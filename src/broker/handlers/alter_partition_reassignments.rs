//! `AlterPartitionReassignments` 0 to 1: replicas move to other brokers, or a move is called off.
//!
//! Behaviour: new replicas are added at once and the old ones leave when all new ones are in sync
//! (KIP-455); this answer only says that the move has begun. No replicas: the move is called off.
//! Any broker takes the request; the controller ends the move. From version 1 a change of the
//! replication factor can be forbidden.
//! Not done: throttling.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use futures::future::join_all;
use kafka_protocol::{
    messages::{
        AlterPartitionReassignmentsRequest, AlterPartitionReassignmentsResponse,
        alter_partition_reassignments_request::{ReassignablePartition, ReassignableTopic},
        alter_partition_reassignments_response::{
            ReassignablePartitionResponse, ReassignableTopicResponse,
        },
    },
    protocol::StrBytes,
};

use super::{RequestContext, create_topics::Refusal};
use crate::{
    Broker,
    controller::assignment::{Replicas, listed},
    image::ClusterImage,
};
use wire::{BrokerId, ErrorCode, TopicPartition};

pub(super) async fn handle(
    broker: &Arc<Broker>,
    context: &RequestContext,
    request: AlterPartitionReassignmentsRequest,
) -> AlterPartitionReassignmentsResponse {
    let any_factor = context.version < 1 || request.allow_replication_factor_change;
    let topics = request.topics.iter().map(|topic| async {
        let partitions = alter(broker, topic, any_factor).await;
        ReassignableTopicResponse::default()
            .with_name(topic.name.clone())
            .with_partitions(partitions)
    });
    let response = AlterPartitionReassignmentsResponse::default()
        .with_responses(join_all(topics).await)
        .with_error_message(None);
    if context.version < 1 {
        return response;
    }
    response.with_allow_replication_factor_change(request.allow_replication_factor_change)
}

async fn alter(
    broker: &Broker,
    topic: &ReassignableTopic,
    any_factor: bool,
) -> Vec<ReassignablePartitionResponse> {
    let image = broker.registry.image();
    let mut moves = BTreeMap::new();
    let mut refusals: BTreeMap<i32, Refusal> = BTreeMap::new();
    for partition in &topic.partitions {
        let at = TopicPartition::new(topic.name.to_string(), partition.partition_index);
        match plan(&image, &at, partition, any_factor) {
            Ok(replicas) => drop(moves.insert(at.partition, replicas)),
            Err(refusal) => drop(refusals.insert(at.partition, refusal)),
        }
    }
    let written = broker.registry.change_assignment(&topic.name, |json| {
        for (index, (before, after)) in &moves {
            // A move that was decided on other replicas than these is not made.
            if json.replicas(*index).as_ref() == Some(before) {
                json.set_replicas(*index, after.clone());
            }
        }
    });
    if !moves.is_empty()
        && let Err(error) = written.await
    {
        for index in moves.keys() {
            refusals.insert(*index, (ErrorCode::from(&error), error.to_string()));
        }
    }
    let partitions = topic.partitions.iter().map(|partition| {
        let response = ReassignablePartitionResponse::default()
            .with_partition_index(partition.partition_index);
        match refusals.remove(&partition.partition_index) {
            None => response.with_error_message(None),
            Some((code, message)) => response
                .with_error_code(code.code())
                .with_error_message(Some(StrBytes::from_string(message))),
        }
    });
    partitions.collect()
}

/// The replicas before and after, if the wish can be granted.
fn plan(
    image: &ClusterImage,
    at: &TopicPartition,
    wanted: &ReassignablePartition,
    any_factor: bool,
) -> Result<(Replicas, Replicas), Refusal> {
    let partition = image.partition(at).ok_or_else(|| {
        let message = "The partition does not exist.".to_owned();
        (ErrorCode::UnknownTopicOrPartition, message)
    })?;
    let before = Replicas {
        all: partition.replicas.clone(),
        adding: partition.adding.clone(),
        removing: partition.removing.clone(),
    };
    let Some(target) = &wanted.replicas else {
        if before.adding.is_empty() && before.removing.is_empty() {
            let message = "No partition reassignment is in progress.".to_owned();
            return Err((ErrorCode::NoReassignmentInProgress, message));
        }
        let after = before.called_off();
        return Ok((before, after));
    };
    let target: Vec<BrokerId> = target.iter().map(|id| BrokerId(id.0)).collect();
    if let Some(message) = refusal(image, &target) {
        return Err((ErrorCode::InvalidReplicaAssignment, message));
    }
    if !any_factor && before.called_off().all.len() != target.len() {
        let message = "The replication factor is changed.".to_owned();
        return Err((ErrorCode::InvalidReplicationFactor, message));
    }
    let after = before.moving_to(&target);
    Ok((before, after))
}

/// Why a partition cannot have these replicas, in Kafka's words.
fn refusal(image: &ClusterImage, target: &[BrokerId]) -> Option<String> {
    if target.is_empty() {
        return Some("Empty replica list specified in partition reassignment.".to_owned());
    }
    let list = listed(target);
    let distinct: BTreeSet<&BrokerId> = target.iter().collect();
    if distinct.len() < target.len() {
        return Some(format!(
            "Duplicate replica ids in partition reassignment replica list: {list}"
        ));
    }
    if target.iter().any(|broker| broker.0 < 0) {
        return Some(format!("Invalid broker id in replica list: {list}"));
    }
    let is_live = |broker: &BrokerId| image.brokers.contains_key(broker);
    if !target.iter().all(is_live) {
        let live = listed(image.brokers.keys());
        return Some(format!(
            "Replica assignment has brokers that are not alive. Replica list: {list}, live broker list: {live}"
        ));
    }
    None
}
