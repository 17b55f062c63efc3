//! CreateTopics 2 to 7: new topics, placed by the cluster or by hand.
//!
//! Behaviour: answered when every partition has a leader that serves it, else `REQUEST_TIMED_OUT` after
//! the request's timeout (the topic is created all the same). Any broker creates topics, as with
//! Kafka's forwarding: what it writes, the controller gives leaders. `validate_only` checks and
//! creates nothing. From version 5 the answer has partitions, replication factor and configs.
//! Not done: quotas, so no throttling.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use futures::future::join_all;
use kafka_protocol::{
    messages::{
        CreateTopicsRequest, CreateTopicsResponse,
        create_topics_request::CreatableTopic,
        create_topics_response::{CreatableTopicConfigs, CreatableTopicResult},
    },
    protocol::StrBytes,
};
use tokio::time::Instant;
use uuid::Uuid;

use super::{RequestContext, repeated, served::unserved};
use crate::{
    Broker,
    configs::{ConfigSource, TOPIC_CONFIGS, check_topic},
    controller::{AssignmentError, assignment},
    image::ClusterImage,
    registry::NewTopic,
    topic_name,
};
use wire::{BrokerId, ErrorCode};

/// Kafka keeps this name for its metadata quorum, and so do we, who have none.
const CLUSTER_METADATA_TOPIC: &str = "__cluster_metadata";

/// An error as a client is told it.
pub(super) type Refusal = (ErrorCode, String);

/// A new topic with its id, nil where it was only checked.
type Created = Result<(Uuid, NewTopic), Refusal>;

pub(super) async fn handle(
    broker: &Arc<Broker>,
    context: &RequestContext,
    request: CreateTopicsRequest,
) -> CreateTopicsResponse {
    let patience = Duration::from_millis(u64::try_from(request.timeout_ms).unwrap_or(0));
    let deadline = Instant::now() + patience;
    let mut created = create_all(broker, &request).await;
    let new = created.iter().flatten().filter(|(id, _)| !id.is_nil());
    let new: Vec<(String, Uuid)> = new.map(|(id, new)| (new.name.clone(), *id)).collect();
    let unserved = unserved(broker, &new, deadline).await;
    for result in &mut created {
        if let Ok((_, new)) = result
            && unserved.contains(&new.name)
        {
            let message = format!(
                "Topic '{}' is created, and not all of its leaders serve it yet.",
                new.name
            );
            *result = Err((ErrorCode::RequestTimedOut, message));
        }
    }
    let topics = request.topics.into_iter().zip(created);
    let topics = topics.map(|(topic, created)| match created {
        Ok((id, new)) => done(broker, context.version, id, &new),
        Err((code, message)) => CreatableTopicResult::default()
            .with_name(topic.name)
            .with_error_code(code.code())
            .with_error_message(Some(StrBytes::from_string(message)))
            .with_num_partitions(-1)
            .with_replication_factor(-1)
            .with_configs(Some(Vec::new())),
    });
    CreateTopicsResponse::default().with_topics(topics.collect())
}

/// All at once, but those whose names collide with another's of the same request: whether that one took the name
/// shows when it is there.
async fn create_all(broker: &Broker, request: &CreateTopicsRequest) -> Vec<Created> {
    let twice = repeated(request.topics.iter().map(|topic| &topic.name));
    let twice = &twice;
    let mut metrics = BTreeSet::new();
    let creating = request.topics.iter().map(|topic| {
        let is_first = metrics.insert(topic_name::metric(&topic.name));
        async move {
            if twice.contains(&topic.name) {
                let message = "Found multiple entries for this topic.".to_owned();
                return Some(Err((ErrorCode::InvalidRequest, message)));
            }
            if is_first {
                Some(create(broker, topic, request.validate_only).await)
            } else {
                None
            }
        }
    });
    let mut created = Vec::with_capacity(request.topics.len());
    for (topic, result) in request.topics.iter().zip(join_all(creating).await) {
        created.push(match result {
            Some(result) => result,
            None => create(broker, topic, request.validate_only).await,
        });
    }
    created
}

async fn create(broker: &Broker, topic: &CreatableTopic, validate_only: bool) -> Created {
    let new = new_topic(broker, topic)?;
    if validate_only {
        return Ok((Uuid::nil(), new));
    }
    match broker.registry.create_topic(new.clone()).await {
        Ok(id) => Ok((id, new)),
        Err(error) => {
            let code = ErrorCode::from(&error);
            let message = match code {
                ErrorCode::TopicAlreadyExists => format!("Topic '{}' already exists.", new.name),
                _ => error.to_string(),
            };
            Err((code, message))
        }
    }
}

/// Checks a wish for a topic and completes it with the broker's defaults.
fn new_topic(broker: &Broker, topic: &CreatableTopic) -> Result<NewTopic, Refusal> {
    let name = topic.name.as_str();
    if let Some(refusal) = topic_name::refusal(name) {
        return Err((ErrorCode::InvalidTopicException, refusal));
    }
    let image = broker.registry.image();
    if image.topics.contains_key(name) {
        let message = format!("Topic '{name}' already exists.");
        return Err((ErrorCode::TopicAlreadyExists, message));
    }
    if name == CLUSTER_METADATA_TOPIC {
        let message = format!("Creation of internal topic {name} is prohibited.");
        return Err((ErrorCode::InvalidRequest, message));
    }
    if let Some(other) = image
        .topics
        .keys()
        .find(|other| topic_name::collide(name, other))
    {
        let message = format!("Topic '{name}' collides with existing topics: {other}");
        return Err((ErrorCode::InvalidTopicException, message));
    }
    let mut configs = BTreeMap::new();
    for config in &topic.configs {
        let Some(value) = &config.value else {
            let message = format!(
                "Null value not supported for topic configs: {}",
                config.name
            );
            return Err((ErrorCode::InvalidConfig, message));
        };
        configs.insert(config.name.to_string(), value.to_string());
    }
    check_topic(&configs).map_err(|error| (ErrorCode::from(&error), error.to_string()))?;
    let assignment = place(broker, &image, topic)?;
    Ok(NewTopic {
        name: name.to_owned(),
        assignment,
        configs,
    })
}

fn place(
    broker: &Broker,
    image: &ClusterImage,
    topic: &CreatableTopic,
) -> Result<BTreeMap<i32, Vec<BrokerId>>, Refusal> {
    /// The client leaves the number to the broker.
    const DEFAULT: i32 = -1;
    let refuse = |error: AssignmentError| (ErrorCode::from(&error), error.to_string());
    let replicas = i32::from(topic.replication_factor);
    if topic.assignments.is_empty() {
        let partitions = match topic.num_partitions {
            DEFAULT => broker.settings.num_partitions,
            wanted => wanted,
        };
        let replicas = match replicas {
            DEFAULT => broker.settings.default_replication_factor,
            wanted => wanted,
        };
        let replicas = i16::try_from(replicas).unwrap_or(i16::MAX);
        return assignment::of_new_topic(image, &topic.name, partitions, replicas).map_err(refuse);
    }
    if topic.num_partitions != DEFAULT || replicas != DEFAULT {
        let message = "Both numPartitions or replicationFactor and replicasAssignments were set. \
                       Both cannot be used at the same time.";
        return Err((ErrorCode::InvalidRequest, message.to_owned()));
    }
    let mut wanted = BTreeMap::new();
    for partition in &topic.assignments {
        let replicas: Vec<BrokerId> = partition
            .broker_ids
            .iter()
            .map(|id| BrokerId(id.0))
            .collect();
        if wanted.insert(partition.partition_index, replicas).is_some() {
            let message = format!("Partition {} is assigned twice.", partition.partition_index);
            return Err((ErrorCode::InvalidReplicaAssignment, message));
        }
    }
    assignment::check_manual(image, 0, &wanted).map_err(refuse)?;
    Ok(wanted)
}

fn done(broker: &Broker, version: i16, id: Uuid, new: &NewTopic) -> CreatableTopicResult {
    /// From here on the answer describes the topic.
    const DESCRIBED: i16 = 5;
    let result = CreatableTopicResult::default()
        .with_name(StrBytes::from_string(new.name.clone()).into())
        .with_topic_id(id)
        .with_error_message(None);
    if version < DESCRIBED {
        return result;
    }
    let image = broker.registry.image();
    let layers = broker.config_layers(&image);
    let configs = TOPIC_CONFIGS.iter().map(|config| {
        let synonyms = config.synonyms(&new.configs, &layers);
        let source = synonyms
            .first()
            .map_or(ConfigSource::Default, |it| it.source);
        CreatableTopicConfigs::default()
            .with_name(StrBytes::from_static_str(config.name))
            .with_value(Some(StrBytes::from_string(
                config.value(&new.configs, &layers),
            )))
            .with_config_source(source as i8)
    });
    let replicas = new.assignment.values().next().map_or(0, Vec::len);
    result
        .with_num_partitions(i32::try_from(new.assignment.len()).unwrap_or(i32::MAX))
        .with_replication_factor(i16::try_from(replicas).unwrap_or(i16::MAX))
        .with_configs(Some(configs.collect()))
}
