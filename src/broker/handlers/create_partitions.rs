//! CreatePartitions 0 to 3: a topic gets more partitions.
//!
//! Behaviour: the count must grow (`INVALID_PARTITIONS`); placed going on from the topic's first
//! partition, or by hand. Refused while the topic is being reassigned. Answered when all partitions
//! have leaders that serve them, else `REQUEST_TIMED_OUT`. `validate_only` changes nothing.
//! Not done: quotas.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use futures::future::join_all;
use kafka_protocol::{
    messages::{
        CreatePartitionsRequest, CreatePartitionsResponse,
        create_partitions_request::CreatePartitionsTopic,
        create_partitions_response::CreatePartitionsTopicResult,
    },
    protocol::StrBytes,
};

use tokio::time::Instant;
use uuid::Uuid;

use super::{RequestContext, create_topics::Refusal, repeated, served::unserved};
use crate::{
    Broker,
    controller::{AssignmentError, assignment},
    image::TopicImage,
};
use wire::{BrokerId, ErrorCode};

pub(super) async fn handle(
    broker: &Arc<Broker>,
    _context: &RequestContext,
    request: CreatePartitionsRequest,
) -> CreatePartitionsResponse {
    let patience = Duration::from_millis(u64::try_from(request.timeout_ms).unwrap_or(0));
    let deadline = Instant::now() + patience;
    let twice = repeated(request.topics.iter().map(|topic| &topic.name));
    let twice = &twice;
    // A name that was given twice is refused once.
    let mut told = BTreeSet::new();
    let each = request
        .topics
        .iter()
        .filter(|topic| told.insert(topic.name.as_str()));
    let results = each.map(|topic| async move {
        let result = CreatePartitionsTopicResult::default().with_name(topic.name.clone());
        let created = if twice.contains(&topic.name) {
            let message = "Duplicate topic in request.".to_owned();
            Err((ErrorCode::InvalidRequest, message))
        } else {
            create(broker, topic, request.validate_only, deadline).await
        };
        match created {
            Ok(()) => result,
            Err((code, message)) => result
                .with_error_code(code.code())
                .with_error_message(Some(StrBytes::from_string(message))),
        }
    });
    CreatePartitionsResponse::default().with_results(join_all(results).await)
}

async fn create(
    broker: &Broker,
    topic: &CreatePartitionsTopic,
    validate_only: bool,
    deadline: Instant,
) -> Result<(), Refusal> {
    let added = place(broker, topic)?;
    if validate_only {
        return Ok(());
    }
    let created = broker.registry.create_partitions(&topic.name, added).await;
    created.map_err(|error| (ErrorCode::from(&error), error.to_string()))?;
    let image = broker.registry.image();
    let id = image.topics.get(topic.name.as_str()).map(|found| found.id);
    let grown: Vec<(String, Uuid)> = id
        .map(|id| (topic.name.to_string(), id))
        .into_iter()
        .collect();
    if unserved(broker, &grown, deadline).await.is_empty() {
        Ok(())
    } else {
        let message = "The new partitions are there, and not all of their leaders serve them yet.";
        Err((ErrorCode::RequestTimedOut, message.to_owned()))
    }
}

fn place(
    broker: &Broker,
    topic: &CreatePartitionsTopic,
) -> Result<BTreeMap<i32, Vec<BrokerId>>, Refusal> {
    let image = broker.registry.image();
    let found = image.topics.get(topic.name.as_str()).ok_or_else(|| {
        let message = format!("The topic '{}' does not exist.", *topic.name);
        (ErrorCode::UnknownTopicOrPartition, message)
    })?;
    if is_being_reassigned(found) {
        let message = format!(
            "A partition reassignment is in progress for the topic '{}'.",
            *topic.name
        );
        return Err((ErrorCode::ReassignmentInProgress, message));
    }
    let count = i32::try_from(found.partitions.len()).unwrap_or(i32::MAX);
    if topic.count <= count {
        let message = if topic.count == count {
            format!("Topic already has {count} partitions.")
        } else {
            format!(
                "Topic currently has {count} partitions, which is higher than the requested {}.",
                topic.count
            )
        };
        return Err((ErrorCode::InvalidPartitions, message));
    }
    let first = found
        .partitions
        .values()
        .next()
        .map(|one| one.replicas.clone());
    let first = first.unwrap_or_default();
    let refuse = |error: AssignmentError| (ErrorCode::from(&error), error.to_string());
    let Some(wanted) = &topic.assignments else {
        return assignment::of_more_partitions(&image, &first, count..topic.count).map_err(refuse);
    };
    let wanted = wanted
        .iter()
        .map(|one| one.broker_ids.iter().map(|id| BrokerId(id.0)).collect());
    let wanted: BTreeMap<i32, Vec<BrokerId>> = (count..).zip(wanted).collect();
    if i32::try_from(wanted.len()).ok() != Some(topic.count - count) {
        let message = format!(
            "Increasing the number of partitions by {} but {} assignments provided.",
            topic.count - count,
            wanted.len()
        );
        return Err((ErrorCode::InvalidReplicaAssignment, message));
    }
    assignment::check_manual(&image, count, &wanted).map_err(refuse)?;
    if let Some((index, replicas)) = wanted.iter().find(|(_, one)| one.len() != first.len()) {
        let message = format!(
            "Inconsistent replication factor between partitions, partition 0 has {} while partitions [{index}] have replication factors [{}], respectively.",
            first.len(),
            replicas.len()
        );
        return Err((ErrorCode::InvalidReplicaAssignment, message));
    }
    Ok(wanted)
}

/// Whether replicas of some partition are being moved.
fn is_being_reassigned(topic: &TopicImage) -> bool {
    let mut partitions = topic.partitions.values();
    partitions.any(|one| !(one.adding.is_empty() && one.removing.is_empty()))
}
