//! `OffsetFetch`, versions 1 to 9: where a group reads on, for some partitions or for all.
//!
//! Several groups at once from version 8 on. Errors are told per partition in version 1, per
//! request up to 7, per group after. With `require_stable` (7 and newer) partitions that an open transaction is about to
//! change are `UNSTABLE_OFFSET_COMMIT` (KIP-447). From version 9 on a member names itself and its epoch (KIP-848). Not
//! done: version 10 (topic ids).

use std::collections::BTreeMap;
use std::sync::Arc;

use kafka_protocol::messages::offset_fetch_response::{
    OffsetFetchResponseGroup, OffsetFetchResponsePartition, OffsetFetchResponsePartitions,
    OffsetFetchResponseTopic, OffsetFetchResponseTopics,
};
use kafka_protocol::messages::{OffsetFetchRequest, OffsetFetchResponse, TopicName};
use kafka_protocol::protocol::StrBytes;

use super::RequestContext;
use crate::Broker;
use crate::coordinator::FoundOffset;
use wire::{ErrorCode, TopicPartition};

/// What is asked of one group: topics with their partitions, or everything.
type Asked = Option<Vec<(TopicName, Vec<i32>)>>;

/// A topic with its partitions' offsets.
type Found = Vec<(TopicName, Vec<(i32, FoundOffset)>)>;

#[expect(clippy::unused_async, reason = "every handler is called the same way")]
pub(super) async fn handle(
    broker: &Arc<Broker>,
    context: &RequestContext,
    request: OffsetFetchRequest,
) -> OffsetFetchResponse {
    let stable = request.require_stable;
    if context.version >= 8 {
        let groups = request.groups.into_iter().map(|group| {
            let asked = group.topics.map(|topics| {
                let pairs = topics.into_iter();
                pairs
                    .map(|topic| (topic.name, topic.partition_indexes))
                    .collect()
            });
            let member_id = group.member_id.as_deref().unwrap_or_default();
            let checked = broker
                .groups
                .check_fetch(&group.group_id, member_id, group.member_epoch);
            let (error, found) = match checked {
                Ok(()) => fetch(broker, &group.group_id, asked, stable),
                Err(error) => (error, Vec::new()),
            };
            OffsetFetchResponseGroup::default()
                .with_group_id(group.group_id)
                .with_error_code(error.code())
                .with_topics(found.into_iter().map(group_topic).collect())
        });
        return OffsetFetchResponse::default().with_groups(groups.collect());
    }
    let asked: Asked = request.topics.map(|topics| {
        let pairs = topics.into_iter();
        pairs
            .map(|topic| (topic.name, topic.partition_indexes))
            .collect()
    });
    let (error, mut found) = fetch(broker, &request.group_id, asked.clone(), stable);
    if !error.is_none() && context.version < 2 {
        // There is no place but the partitions to say it.
        found = nothing(asked.unwrap_or_default());
    }
    let topics = found
        .into_iter()
        .map(|topic| single_topic(topic, context.version, error));
    let response = OffsetFetchResponse::default().with_topics(topics.collect());
    if context.version >= 2 {
        response.with_error_code(error.code())
    } else {
        response
    }
}

fn fetch(
    broker: &Arc<Broker>,
    group: &str,
    asked: Asked,
    require_stable: bool,
) -> (ErrorCode, Found) {
    let partitions: Option<Vec<TopicPartition>> = asked.as_ref().map(|topics| {
        let partitions = topics.iter().flat_map(|(topic, indexes)| {
            indexes
                .iter()
                .map(|index| TopicPartition::new(topic.as_str(), *index))
        });
        partitions.collect()
    });
    let groups = &broker.groups;
    let offsets = match groups.fetch_offsets(group, partitions.as_deref(), require_stable) {
        Ok(offsets) => offsets,
        Err(error) => return (error, Vec::new()),
    };
    let found = match asked {
        Some(topics) => {
            let offsets: BTreeMap<_, _> = offsets.into_iter().collect();
            let topics = topics.into_iter().map(|(topic, indexes)| {
                let found = indexes.into_iter().map(|index| {
                    let at = TopicPartition::new(topic.as_str(), index);
                    (index, offsets.get(&at).cloned().unwrap_or(Ok(None)))
                });
                let found = found.collect();
                (topic, found)
            });
            topics.collect()
        }
        None => by_topic(offsets),
    };
    (ErrorCode::None, found)
}

fn by_topic(offsets: Vec<(TopicPartition, FoundOffset)>) -> Found {
    let mut topics: BTreeMap<String, Vec<(i32, FoundOffset)>> = BTreeMap::new();
    for (at, offset) in offsets {
        topics
            .entry(at.topic)
            .or_default()
            .push((at.partition, offset));
    }
    topics
        .into_iter()
        .map(|(topic, partitions)| (TopicName(topic.into()), partitions))
        .collect()
}

fn nothing(asked: Vec<(TopicName, Vec<i32>)>) -> Found {
    asked
        .into_iter()
        .map(|(topic, indexes)| {
            (
                topic,
                indexes.into_iter().map(|index| (index, Ok(None))).collect(),
            )
        })
        .collect()
}

/// Code, offset, leader epoch and metadata of what was committed, or what stands for nothing.
fn told(found: FoundOffset) -> (ErrorCode, i64, i32, StrBytes) {
    match found {
        Ok(Some(it)) => {
            let metadata = it.metadata.into();
            (ErrorCode::None, it.offset.0, it.leader_epoch.0, metadata)
        }
        Ok(None) => (ErrorCode::None, -1, -1, StrBytes::default()),
        Err(error) => (error, -1, -1, StrBytes::default()),
    }
}

fn single_topic(
    (topic, partitions): (TopicName, Vec<(i32, FoundOffset)>),
    version: i16,
    error: ErrorCode,
) -> OffsetFetchResponseTopic {
    let partitions = partitions.into_iter().map(|(index, offset)| {
        let (unstable, offset, leader_epoch, metadata) = told(offset);
        let partition = OffsetFetchResponsePartition::default()
            .with_partition_index(index)
            .with_committed_offset(offset)
            .with_committed_leader_epoch(leader_epoch)
            .with_metadata(Some(metadata));
        if version < 2 {
            partition.with_error_code(error.code())
        } else {
            partition.with_error_code(unstable.code())
        }
    });
    OffsetFetchResponseTopic::default()
        .with_name(topic)
        .with_partitions(partitions.collect())
}

fn group_topic(
    (topic, partitions): (TopicName, Vec<(i32, FoundOffset)>),
) -> OffsetFetchResponseTopics {
    let partitions = partitions.into_iter().map(|(index, offset)| {
        let (error, offset, leader_epoch, metadata) = told(offset);
        OffsetFetchResponsePartitions::default()
            .with_partition_index(index)
            .with_committed_offset(offset)
            .with_committed_leader_epoch(leader_epoch)
            .with_metadata(Some(metadata))
            .with_error_code(error.code())
    });
    OffsetFetchResponseTopics::default()
        .with_name(topic)
        .with_partitions(partitions.collect())
}
