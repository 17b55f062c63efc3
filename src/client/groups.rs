//! Questions about consumer groups, asked over one connection to their coordinator.

use std::time::Duration;

use kafka_protocol::messages::consumer_group_describe_response::{
    Assignment as ConsumerAssignment, DescribedGroup as ConsumerGroup,
};
use kafka_protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kafka_protocol::messages::offset_delete_request::{
    OffsetDeleteRequestPartition, OffsetDeleteRequestTopic,
};
use kafka_protocol::messages::offset_fetch_request::OffsetFetchRequestGroup;
use kafka_protocol::messages::{
    ConsumerGroupDescribeRequest, DeleteGroupsRequest, DescribeGroupsRequest,
    FindCoordinatorRequest, GroupId, ListGroupsRequest, OffsetCommitRequest, OffsetDeleteRequest,
    OffsetFetchRequest, TopicName,
};

use super::kafka::{KafkaConnection, KafkaError};
use super::offsets::by_topic;
use super::refusal::Refusal;
use super::topics::{text, topic_name};
use wire::consumer_protocol::decode_assignment;
use wire::{BrokerId, ErrorCode, GroupState, Offset, TopicPartition};

/// `FindCoordinator` up to here asks for one group.
const FIND_COORDINATOR_VERSION_MAX: i16 = 3;

/// `OffsetCommit` up to here goes by topic names.
const OFFSET_COMMIT_VERSION_MAX: i16 = 8;

/// `OffsetFetch` up to here asks for one group.
const OFFSET_FETCH_VERSION_MAX: i16 = 7;

/// `OffsetFetch` from here on asks for several groups (KIP-709).
const OFFSET_FETCH_VERSION_GROUPS: i16 = 8;

/// `OffsetFetch` up to here goes by topic names.
const OFFSET_FETCH_VERSION_NAMES: i16 = 9;

/// `OffsetFetch` from here on can ask for all partitions.
const OFFSET_FETCH_VERSION_ALL: i16 = 2;

/// A group as its coordinator describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its id.
    pub group: String,
    /// Where it stands; `Dead` is a group that is not there.
    pub state: GroupState,
    /// The assignor, `range`; empty while it is not agreed.
    pub protocol: String,
    /// Its members.
    pub members: Vec<Member>,
    /// Where the coordinator divides (KIP-848): how often who is to read what was asked for anew, and how often it was
    /// computed.
    pub epochs: Option<GroupEpochs>,
}

/// The epochs of a group of the consumer protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupEpochs {
    /// Of what members and topics ask for.
    pub group: i32,
    /// Of the target that was computed last.
    pub assignment: i32,
}

/// A member of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Given by the coordinator.
    pub member_id: String,
    /// Given by the client.
    pub client_id: String,
    /// Where it connects from.
    pub host: String,
    /// What it reads.
    pub assignment: Vec<TopicPartition>,
    /// The epoch of what it reads; members of the classic protocol have none.
    pub epoch: Option<i32>,
    /// What it is to read.
    pub target: Vec<TopicPartition>,
}

/// Who coordinates a group, and where it listens.
///
/// # Errors
/// Nobody does yet (`COORDINATOR_NOT_AVAILABLE`), or the connection failed.
pub async fn find_coordinator(
    connection: &mut KafkaConnection,
    group: &str,
    wait: Duration,
) -> Result<(BrokerId, String), Refusal> {
    let version = connection.version::<FindCoordinatorRequest>(FIND_COORDINATOR_VERSION_MAX)?;
    let request = FindCoordinatorRequest::default().with_key(text(group));
    let answer = connection.ask_in(version, &request, wait).await?;
    Refusal::check(answer.error_code, answer.error_message.as_deref())?;
    Ok((
        BrokerId(answer.node_id.0),
        format!("{}:{}", answer.host, answer.port),
    ))
}

/// The groups that this broker coordinates, with their states where it tells them.
///
/// # Errors
/// The broker is still loading them, or the connection failed.
pub async fn list_groups(
    connection: &mut KafkaConnection,
    wait: Duration,
) -> Result<Vec<(String, String)>, Refusal> {
    let answer = connection.ask(&ListGroupsRequest::default(), wait).await?;
    Refusal::check(answer.error_code, None)?;
    Ok(answer
        .groups
        .into_iter()
        .map(|group| (group.group_id.to_string(), group.group_state.to_string()))
        .collect())
}

/// Describes groups that this broker coordinates, of either protocol; those it does not are left out.
///
/// # Errors
/// The connection failed.
pub async fn describe_groups(
    connection: &mut KafkaConnection,
    groups: &[String],
    wait: Duration,
) -> Result<Vec<Group>, KafkaError> {
    let request = DescribeGroupsRequest::default()
        .with_groups(groups.iter().map(|group| group_id(group)).collect());
    let answer = connection.ask(&request, wait).await?;
    let mut described: Vec<Group> = answer
        .groups
        .into_iter()
        // From version 6 on an unknown group is an error with the state `Dead`, earlier only that.
        .filter(|group| {
            let code = ErrorCode::from_code(group.error_code);
            code.is_none() || code == ErrorCode::GroupIdNotFound
        })
        .map(|group| Group {
            group: group.group_id.to_string(),
            state: GroupState::of_name(&group.group_state),
            protocol: group.protocol_data.to_string(),
            members: group
                .members
                .into_iter()
                .map(|member| Member {
                    member_id: member.member_id.to_string(),
                    client_id: member.client_id.to_string(),
                    host: member.client_host.to_string(),
                    assignment: decode_assignment(&member.member_assignment).unwrap_or_default(),
                    epoch: None,
                    target: Vec::new(),
                })
                .collect(),
            epochs: None,
        })
        .collect();
    describe_consumer_groups(connection, &mut described, wait).await?;
    Ok(described)
}

/// Of a group of the consumer protocol (KIP-848) the older question is told that it is not there.
async fn describe_consumer_groups(
    connection: &mut KafkaConnection,
    described: &mut [Group],
    wait: Duration,
) -> Result<(), KafkaError> {
    let dead = described.iter().filter(|it| it.state == GroupState::Dead);
    let dead: Vec<GroupId> = dead.map(|it| group_id(&it.group)).collect();
    let newest = i16::MAX;
    if dead.is_empty()
        || connection
            .version::<ConsumerGroupDescribeRequest>(newest)
            .is_err()
    {
        return Ok(());
    }
    let request = ConsumerGroupDescribeRequest::default().with_group_ids(dead);
    let answer = connection.ask(&request, wait).await?;
    for group in answer.groups.into_iter().filter(|it| it.error_code == 0) {
        let mut slots = described.iter_mut();
        if let Some(slot) = slots.find(|it| it.group == group.group_id.as_str()) {
            *slot = consumer_group(group);
        }
    }
    Ok(())
}

fn consumer_group(group: ConsumerGroup) -> Group {
    let members = group.members.into_iter();
    Group {
        group: group.group_id.to_string(),
        state: GroupState::of_name(&group.group_state),
        protocol: group.assignor_name.to_string(),
        members: members
            .map(|member| Member {
                member_id: member.member_id.to_string(),
                client_id: member.client_id.to_string(),
                host: member.client_host.to_string(),
                assignment: partitions_of(&member.assignment),
                epoch: Some(member.member_epoch),
                target: partitions_of(&member.target_assignment),
            })
            .collect(),
        epochs: Some(GroupEpochs {
            group: group.group_epoch,
            assignment: group.assignment_epoch,
        }),
    }
}

fn partitions_of(assignment: &ConsumerAssignment) -> Vec<TopicPartition> {
    let topics = assignment.topic_partitions.iter();
    let partitions = topics.flat_map(|topic| {
        let partitions = topic.partitions.iter();
        partitions.map(|index| TopicPartition::new(topic.topic_name.to_string(), *index))
    });
    let mut partitions: Vec<TopicPartition> = partitions.collect();
    partitions.sort();
    partitions
}

/// Every offset that the group committed.
///
/// # Errors
/// The coordinator refuses, or the connection failed.
pub async fn committed_offsets(
    connection: &mut KafkaConnection,
    group: &str,
    wait: Duration,
) -> Result<Vec<(TopicPartition, Offset)>, Refusal> {
    let version = connection.version::<OffsetFetchRequest>(OFFSET_FETCH_VERSION_MAX)?;
    if version < OFFSET_FETCH_VERSION_ALL {
        return Err(Refusal::Code {
            code: ErrorCode::UnsupportedVersion,
            message: Some("this broker cannot list a group's offsets".to_owned()),
        });
    }
    let request = OffsetFetchRequest::default()
        .with_group_id(group_id(group))
        .with_topics(None);
    let answer = connection.ask_in(version, &request, wait).await?;
    Refusal::check(answer.error_code, None)?;
    let topics = answer.topics.iter();
    Ok(committed(topics.flat_map(|topic| {
        let partitions = topic.partitions.iter();
        partitions.map(|it| (&topic.name, it.partition_index, it.committed_offset))
    })))
}

/// Of partitions without a committed offset brokers tell -1.
fn committed<'a>(
    told: impl Iterator<Item = (&'a TopicName, i32, i64)>,
) -> Vec<(TopicPartition, Offset)> {
    let mut committed: Vec<_> = told
        .filter(|(_, _, offset)| *offset >= 0)
        .map(|(topic, partition, offset)| {
            let place = TopicPartition::new(topic.to_string(), partition);
            (place, Offset(offset))
        })
        .collect();
    committed.sort_unstable();
    committed
}

/// The same of several groups, in one request where the broker takes that; groups that it refuses are left out.
///
/// # Errors
/// The connection failed.
pub async fn committed_offsets_of(
    connection: &mut KafkaConnection,
    names: &[String],
    wait: Duration,
) -> Result<Vec<(String, Vec<(TopicPartition, Offset)>)>, Refusal> {
    let version = connection.version::<OffsetFetchRequest>(OFFSET_FETCH_VERSION_NAMES)?;
    if version < OFFSET_FETCH_VERSION_GROUPS {
        let mut told = Vec::new();
        for name in names {
            match committed_offsets(connection, name, wait).await {
                Ok(committed) => told.push((name.clone(), committed)),
                Err(Refusal::Code { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        return Ok(told);
    }
    let groups = names.iter().map(|name| {
        OffsetFetchRequestGroup::default()
            .with_group_id(group_id(name))
            .with_topics(None)
    });
    let request = OffsetFetchRequest::default().with_groups(groups.collect());
    let answer = connection.ask_in(version, &request, wait).await?;
    let groups = answer.groups.into_iter().filter(|it| it.error_code == 0);
    Ok(groups
        .map(|group| {
            let topics = group.topics.iter();
            let told = topics.flat_map(|topic| {
                let partitions = topic.partitions.iter();
                partitions.map(|it| (&topic.name, it.partition_index, it.committed_offset))
            });
            (group.group_id.to_string(), committed(told))
        })
        .collect())
}

/// Deletes a group that has no members.
///
/// # Errors
/// The coordinator refuses, or the connection failed.
pub async fn delete_group(
    connection: &mut KafkaConnection,
    group: &str,
    wait: Duration,
) -> Result<(), Refusal> {
    let request = DeleteGroupsRequest::default().with_groups_names(vec![group_id(group)]);
    let answer = connection.ask(&request, wait).await?;
    for result in answer.results {
        Refusal::check(result.error_code, None)?;
    }
    Ok(())
}

/// Commits offsets, ordered by topic, as nobody's member: a coordinator takes that while the group
/// has none.
///
/// # Errors
/// The coordinator refuses one of them, or the connection failed.
pub async fn commit_offsets(
    connection: &mut KafkaConnection,
    group: &str,
    offsets: &[(TopicPartition, Offset)],
    wait: Duration,
) -> Result<(), Refusal> {
    let version = connection.version::<OffsetCommitRequest>(OFFSET_COMMIT_VERSION_MAX)?;
    let topics = by_topic(offsets, |(at, _)| at)
        .into_iter()
        .map(|(topic, partitions)| {
            let partitions = partitions.into_iter().map(|(at, offset)| {
                OffsetCommitRequestPartition::default()
                    .with_partition_index(at.partition)
                    .with_committed_offset(offset.0)
            });
            OffsetCommitRequestTopic::default()
                .with_name(topic_name(topic))
                .with_partitions(partitions.collect())
        });
    let request = OffsetCommitRequest::default()
        .with_group_id(group_id(group))
        .with_topics(topics.collect());
    let answer = connection.ask_in(version, &request, wait).await?;
    let topics = answer.topics.iter();
    for partition in topics.flat_map(|topic| &topic.partitions) {
        Refusal::check(partition.error_code, None)?;
    }
    Ok(())
}

/// Forgets what the group committed for these partitions, ordered by topic; says what became of
/// each, `GROUP_SUBSCRIBED_TO_TOPIC` where a member reads it.
///
/// # Errors
/// The coordinator refuses all, `GROUP_ID_NOT_FOUND`, or the connection failed.
pub async fn delete_offsets(
    connection: &mut KafkaConnection,
    group: &str,
    partitions: &[TopicPartition],
    wait: Duration,
) -> Result<Vec<(TopicPartition, ErrorCode)>, Refusal> {
    let topics = by_topic(partitions, |at| at)
        .into_iter()
        .map(|(topic, partitions)| {
            let partitions = partitions.into_iter().map(|at| {
                OffsetDeleteRequestPartition::default().with_partition_index(at.partition)
            });
            OffsetDeleteRequestTopic::default()
                .with_name(topic_name(topic))
                .with_partitions(partitions.collect())
        });
    let request = OffsetDeleteRequest::default()
        .with_group_id(group_id(group))
        .with_topics(topics.collect());
    let answer = connection.ask(&request, wait).await?;
    Refusal::check(answer.error_code, None)?;
    let mut deleted = Vec::new();
    for topic in answer.topics {
        for partition in topic.partitions {
            let at = TopicPartition::new(topic.name.to_string(), partition.partition_index);
            deleted.push((at, ErrorCode::from_code(partition.error_code)));
        }
    }
    Ok(deleted)
}

fn group_id(group: &str) -> GroupId {
    GroupId(text(group))
}
