//! The quorum of controllers that keeps a cluster's metadata, as its leader describes it.

use std::time::Duration;

use kafka_protocol::messages::DescribeQuorumRequest;
use kafka_protocol::messages::describe_quorum_request::{PartitionData, TopicData};
use kafka_protocol::messages::describe_quorum_response::ReplicaState;

use super::kafka::KafkaConnection;
use super::refusal::Refusal;
use super::topics::topic_name;
use wire::{BrokerId, ErrorCode, LeaderEpoch, Offset};

/// The log in which the quorum keeps what it decided.
pub const METADATA_TOPIC: &str = "__cluster_metadata";

/// The quorum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quorum {
    /// Who leads it; nobody does where it is `None`.
    pub leader: Option<BrokerId>,
    /// How often a leader was elected.
    pub epoch: LeaderEpoch,
    /// What is below it was decided.
    pub high_watermark: Offset,
    /// Who votes, by id.
    pub voters: Vec<Replica>,
    /// Who only follows: the brokers, by id.
    pub observers: Vec<Replica>,
}

/// A copy of the metadata's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replica {
    /// Whose.
    pub id: BrokerId,
    /// Where it ends; `None`: the leader does not know yet.
    pub log_end: Option<Offset>,
    /// When it was last fetched for, by the leader's clock in milliseconds since 1970; `None`: the leader does not tell.
    pub fetched_ms: Option<i64>,
    /// When it was last level with the leader, by that clock.
    pub caught_up_ms: Option<i64>,
}

/// Asks any broker, which asks the quorum's leader.
///
/// # Errors
/// Nobody leads it, it may not be described, or the connection failed.
pub async fn describe(connection: &mut KafkaConnection, wait: Duration) -> Result<Quorum, Refusal> {
    let topic = TopicData::default()
        .with_topic_name(topic_name(METADATA_TOPIC))
        .with_partitions(vec![PartitionData::default().with_partition_index(0)]);
    let request = DescribeQuorumRequest::default().with_topics(vec![topic]);
    let answer = connection.ask(&request, wait).await?;
    Refusal::check(answer.error_code, answer.error_message.as_deref())?;
    let mut partitions = answer.topics.into_iter().flat_map(|topic| topic.partitions);
    let Some(told) = partitions.next() else {
        return Err(Refusal::Code {
            code: ErrorCode::UnknownTopicOrPartition,
            message: None,
        });
    };
    Refusal::check(told.error_code, told.error_message.as_deref())?;
    let replicas = |told: Vec<ReplicaState>| {
        let mut replicas: Vec<Replica> = told.iter().map(replica).collect();
        replicas.sort_by_key(|replica| replica.id);
        replicas
    };
    Ok(Quorum {
        leader: Some(BrokerId(told.leader_id.0)).filter(|id| id.0 >= 0),
        epoch: LeaderEpoch(told.leader_epoch),
        high_watermark: Offset(told.high_watermark),
        voters: replicas(told.current_voters),
        observers: replicas(told.observers),
    })
}

fn replica(told: &ReplicaState) -> Replica {
    let known = |value: i64| Some(value).filter(|value| *value >= 0);
    Replica {
        id: BrokerId(told.replica_id.0),
        log_end: known(told.log_end_offset).map(Offset),
        fetched_ms: known(told.last_fetch_timestamp),
        caught_up_ms: known(told.last_caught_up_timestamp),
    }
}
