//! Where replicas are and who leads: asked of the controller over one connection.

use std::collections::BTreeMap;
use std::time::Duration;

use kafka_protocol::messages::alter_partition_reassignments_request::{
    ReassignablePartition, ReassignableTopic,
};
use kafka_protocol::messages::{AlterPartitionReassignmentsRequest, ElectLeadersRequest};

use super::kafka::KafkaConnection;
use super::refusal::Refusal;
use super::topics::{millis, topic_name};
use wire::{BrokerId, ErrorCode, TopicPartition};

/// `ElectLeaders` election type: the first replica, if it is in sync.
const PREFERRED: i8 = 0;

/// Gives partitions other replicas; that they are copied shows in Metadata, later.
///
/// # Errors
/// The controller refuses one of them, or the connection failed.
pub async fn reassign(
    connection: &mut KafkaConnection,
    partitions: &[(TopicPartition, Vec<BrokerId>)],
    wait: Duration,
) -> Result<(), Refusal> {
    let mut topics: BTreeMap<&str, Vec<ReassignablePartition>> = BTreeMap::new();
    for (at, replicas) in partitions {
        let replicas = replicas.iter().map(|broker| broker.0.into()).collect();
        topics.entry(&at.topic).or_default().push(
            ReassignablePartition::default()
                .with_partition_index(at.partition)
                .with_replicas(Some(replicas)),
        );
    }
    let topics = topics.into_iter().map(|(name, partitions)| {
        ReassignableTopic::default()
            .with_name(topic_name(name))
            .with_partitions(partitions)
    });
    let request = AlterPartitionReassignmentsRequest::default()
        .with_timeout_ms(millis(wait))
        .with_topics(topics.collect());
    let answer = connection.ask(&request, wait).await?;
    Refusal::check(answer.error_code, answer.error_message.as_deref())?;
    for topic in answer.responses {
        for partition in topic.partitions {
            Refusal::check(partition.error_code, partition.error_message.as_deref())?;
        }
    }
    Ok(())
}

/// Gives leadership back to preferred leaders, of all partitions, and says what became of those
/// that were led by others.
///
/// # Errors
/// The controller refuses, or the connection failed.
pub async fn elect_preferred_leaders(
    connection: &mut KafkaConnection,
    wait: Duration,
) -> Result<Vec<(TopicPartition, ErrorCode)>, Refusal> {
    let request = ElectLeadersRequest::default()
        .with_election_type(PREFERRED)
        .with_topic_partitions(None)
        .with_timeout_ms(millis(wait));
    let answer = connection.ask(&request, wait).await?;
    Refusal::check(answer.error_code, None)?;
    let mut elected = Vec::new();
    for topic in answer.replica_election_results {
        for partition in topic.partition_result {
            let at = TopicPartition::new(topic.topic.to_string(), partition.partition_id);
            elected.push((at, ErrorCode::from_code(partition.error_code)));
        }
    }
    elected.retain(|(_, code)| *code != ErrorCode::ElectionNotNeeded);
    Ok(elected)
}
