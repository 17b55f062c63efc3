//! Questions about brokers and topics, asked over one connection.

use std::collections::BTreeMap;
use std::time::Duration;

use kafka_protocol::messages::create_partitions_request::{
    CreatePartitionsAssignment, CreatePartitionsTopic,
};
use kafka_protocol::messages::create_topics_request::{
    CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig,
};
use kafka_protocol::messages::delete_topics_request::DeleteTopicState;
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::metadata_response::MetadataResponsePartition;
use kafka_protocol::messages::{
    CreatePartitionsRequest, CreateTopicsRequest, DeleteTopicsRequest, DescribeConfigsRequest,
    MetadataRequest, TopicName,
};
use kafka_protocol::protocol::StrBytes;
use uuid::Uuid;

use super::kafka::{KafkaConnection, KafkaError};
use super::refusal::Refusal;
use wire::{BrokerId, ErrorCode, LeaderEpoch};

/// Metadata up to here names topics; later versions go by topic id alone.
const METADATA_VERSION_MAX: i16 = 12;

/// `DescribeConfigs` resource type of a topic.
const RESOURCE_TOPIC: i8 = 2;

/// `DescribeConfigs` source of a value that was set on the topic itself.
const SOURCE_TOPIC: i8 = 1;

/// What one Metadata answer says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cluster {
    /// The cluster's id.
    pub cluster_id: Option<String>,
    /// Who is controller.
    pub controller: Option<BrokerId>,
    /// Live brokers with their addresses, by id.
    pub brokers: BTreeMap<BrokerId, String>,
    /// Where those of them stand that say so (`broker.rack`).
    pub racks: BTreeMap<BrokerId, String>,
    /// Topics, by name.
    pub topics: Vec<Topic>,
}

/// A topic as Metadata tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topic {
    /// Its name.
    pub name: String,
    /// What it has since it was created; `None` where the broker is too old to tell.
    pub topic_id: Option<Uuid>,
    /// Why there is nothing to tell, `UNKNOWN_TOPIC_OR_PARTITION`.
    pub error: Option<ErrorCode>,
    /// Whether Kafka keeps it for itself.
    pub internal: bool,
    /// By index.
    pub partitions: Vec<Partition>,
}

/// A partition as Metadata tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    /// Its index.
    pub partition: i32,
    /// Who leads; nobody can where it is `None`.
    pub leader: Option<BrokerId>,
    /// How often the leader changed.
    pub epoch: LeaderEpoch,
    /// The first is the preferred leader.
    pub replicas: Vec<BrokerId>,
    /// In the order the leader gives.
    pub isr: Vec<BrokerId>,
}

/// A topic to create.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTopic {
    /// Its name.
    pub name: String,
    /// `-1` is the broker's `num.partitions`.
    pub partitions: i32,
    /// `-1` is the broker's `default.replication.factor`.
    pub replication_factor: i16,
    /// Settings of its own, by Kafka's names.
    pub configs: Vec<(String, String)>,
    /// Who keeps each partition, from partition 0 on, the preferred leader first. Where there are
    /// any, both counts above are `-1`.
    pub assignments: Vec<Vec<BrokerId>>,
}

/// One setting of a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicConfig {
    /// Kafka's name.
    pub name: String,
    /// Its value.
    pub value: String,
    /// Whether it was set on the topic itself.
    pub of_topic: bool,
}

/// Asks for these topics, or for all of them. Topics that are unknown are not created.
///
/// # Errors
/// The connection failed.
pub async fn metadata(
    connection: &mut KafkaConnection,
    topics: Option<&[String]>,
    wait: Duration,
) -> Result<Cluster, KafkaError> {
    let topics = topics.map(|names| {
        names
            .iter()
            .map(|name| MetadataRequestTopic::default().with_name(Some(topic_name(name))))
            .collect()
    });
    let request = MetadataRequest::default()
        .with_topics(topics)
        .with_allow_auto_topic_creation(false);
    let version = connection.version::<MetadataRequest>(METADATA_VERSION_MAX)?;
    let answer = connection.ask_in(version, &request, wait).await?;
    let mut topics: Vec<Topic> = answer
        .topics
        .into_iter()
        .map(|topic| Topic {
            name: topic.name.map(|name| name.to_string()).unwrap_or_default(),
            topic_id: Some(topic.topic_id).filter(|id| !id.is_nil()),
            error: Some(ErrorCode::from_code(topic.error_code)).filter(|code| !code.is_none()),
            internal: topic.is_internal,
            partitions: partitions(topic.partitions),
        })
        .collect();
    topics.sort_by(|left, right| left.name.cmp(&right.name));
    let racks = answer.brokers.iter().filter_map(|node| {
        let rack = node.rack.as_ref()?;
        Some((BrokerId(node.node_id.0), rack.to_string()))
    });
    let racks = racks.collect();
    Ok(Cluster {
        cluster_id: answer.cluster_id.map(|id| id.to_string()),
        controller: broker(answer.controller_id.0),
        brokers: answer
            .brokers
            .into_iter()
            .map(|node| {
                (
                    BrokerId(node.node_id.0),
                    format!("{}:{}", node.host, node.port),
                )
            })
            .collect(),
        racks,
        topics,
    })
}

/// Creates a topic; only the controller does.
///
/// # Errors
/// The controller refuses, or the connection failed.
pub async fn create_topic(
    connection: &mut KafkaConnection,
    topic: &NewTopic,
    wait: Duration,
) -> Result<(), Refusal> {
    let configs = topic
        .configs
        .iter()
        .map(|(name, value)| {
            CreatableTopicConfig::default()
                .with_name(text(name))
                .with_value(Some(text(value)))
        })
        .collect();
    let assignments = (0..).zip(&topic.assignments).map(|(partition, brokers)| {
        CreatableReplicaAssignment::default()
            .with_partition_index(partition)
            .with_broker_ids(nodes(brokers))
    });
    let request = CreateTopicsRequest::default()
        .with_timeout_ms(millis(wait))
        .with_topics(vec![
            CreatableTopic::default()
                .with_name(topic_name(&topic.name))
                .with_num_partitions(topic.partitions)
                .with_replication_factor(topic.replication_factor)
                .with_assignments(assignments.collect())
                .with_configs(configs),
        ]);
    let answer = connection.ask(&request, wait).await?;
    for topic in answer.topics {
        Refusal::check(topic.error_code, topic.error_message.as_deref())?;
    }
    Ok(())
}

/// Gives a topic `total` partitions, the new ones on `assignments` or where the controller likes.
///
/// # Errors
/// The controller refuses, as it does where there are as many already, or the connection failed.
pub async fn create_partitions(
    connection: &mut KafkaConnection,
    topic: &str,
    total: i32,
    assignments: &[Vec<BrokerId>],
    wait: Duration,
) -> Result<(), Refusal> {
    let assignments = assignments
        .iter()
        .map(|brokers| CreatePartitionsAssignment::default().with_broker_ids(nodes(brokers)));
    let assignments: Vec<_> = assignments.collect();
    let topic = CreatePartitionsTopic::default()
        .with_name(topic_name(topic))
        .with_count(total)
        .with_assignments(Some(assignments).filter(|brokers| !brokers.is_empty()));
    let request = CreatePartitionsRequest::default()
        .with_topics(vec![topic])
        .with_timeout_ms(millis(wait));
    let answer = connection.ask(&request, wait).await?;
    for result in answer.results {
        Refusal::check(result.error_code, result.error_message.as_deref())?;
    }
    Ok(())
}

/// Deletes a topic for good; only the controller does.
///
/// # Errors
/// The controller refuses, or the connection failed.
pub async fn delete_topic(
    connection: &mut KafkaConnection,
    name: &str,
    wait: Duration,
) -> Result<(), Refusal> {
    let version = connection.version::<DeleteTopicsRequest>(i16::MAX)?;
    let request = DeleteTopicsRequest::default().with_timeout_ms(millis(wait));
    let request = if version >= 6 {
        request.with_topics(vec![
            DeleteTopicState::default().with_name(Some(topic_name(name))),
        ])
    } else {
        request.with_topic_names(vec![topic_name(name)])
    };
    let answer = connection.ask_in(version, &request, wait).await?;
    for topic in answer.responses {
        Refusal::check(topic.error_code, topic.error_message.as_deref())?;
    }
    Ok(())
}

/// The settings of these topics, in the order asked for; a topic that is gone has none.
///
/// # Errors
/// The connection failed.
pub async fn topic_configs(
    connection: &mut KafkaConnection,
    topics: &[String],
    wait: Duration,
) -> Result<Vec<(String, Vec<TopicConfig>)>, KafkaError> {
    let resources = topics
        .iter()
        .map(|topic| {
            DescribeConfigsResource::default()
                .with_resource_type(RESOURCE_TOPIC)
                .with_resource_name(text(topic))
                .with_configuration_keys(None)
        })
        .collect();
    let request = DescribeConfigsRequest::default().with_resources(resources);
    let answer = connection.ask(&request, wait).await?;
    Ok(answer
        .results
        .into_iter()
        .map(|result| {
            let configs = result
                .configs
                .into_iter()
                .map(|config| TopicConfig {
                    name: config.name.to_string(),
                    value: config
                        .value
                        .map(|value| value.to_string())
                        .unwrap_or_default(),
                    of_topic: config.config_source == SOURCE_TOPIC,
                })
                .collect();
            (result.resource_name.to_string(), configs)
        })
        .collect())
}

fn partitions(partitions: Vec<MetadataResponsePartition>) -> Vec<Partition> {
    let brokers = |nodes: Vec<kafka_protocol::messages::BrokerId>| {
        nodes.into_iter().map(|node| BrokerId(node.0)).collect()
    };
    let mut partitions: Vec<Partition> = partitions
        .into_iter()
        .map(|partition| Partition {
            partition: partition.partition_index,
            leader: broker(partition.leader_id.0),
            epoch: LeaderEpoch(partition.leader_epoch),
            replicas: brokers(partition.replica_nodes),
            isr: brokers(partition.isr_nodes),
        })
        .collect();
    partitions.sort_by_key(|partition| partition.partition);
    partitions
}

fn nodes(brokers: &[BrokerId]) -> Vec<kafka_protocol::messages::BrokerId> {
    brokers.iter().map(|broker| broker.0.into()).collect()
}

/// `-1` on the wire is nobody.
fn broker(id: i32) -> Option<BrokerId> {
    (id >= 0).then_some(BrokerId(id))
}

pub(super) fn topic_name(name: &str) -> TopicName {
    TopicName(text(name))
}

pub(super) fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

pub(super) fn millis(wait: Duration) -> i32 {
    i32::try_from(wait.as_millis()).unwrap_or(i32::MAX)
}
