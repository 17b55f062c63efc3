//! `OffsetFetch`, versions 1 to 9: where a group reads on, for some partitions or for all.
//!
//! Several groups at once from version 8 on. Errors are told per partition in version 1, per
//! request up to 7, per group after. `require_stable` changes nothing: there are no transactions,
//! so no offset is ever unstable. Not done: version 10 (topic ids).

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
use crate::coordinator::OffsetAndMetadata;
use wire::{ErrorCode, TopicPartition};

/// What is asked of one group: topics with their partitions, or everything.
type Asked = Option<Vec<(TopicName, Vec<i32>)>>;

/// A topic with its partitions' offsets.
type Found = Vec<(TopicName, Vec<(i32, Option<OffsetAndMetadata>)>)>;

#[expect(clippy::unused_async, reason = "every handler is called the same way")]
pub(super) async fn handle(
    broker: &Arc<Broker>,
    context: &RequestContext,
    request: OffsetFetchRequest,
) -> OffsetFetchResponse {
    if context.version >= 8 {
        let groups = request.groups.into_iter().map(|group| {
            let asked = group.topics.map(|topics| {
                let pairs = topics.into_iter();
                pairs
                    .map(|topic| (topic.name, topic.partition_indexes))
                    .collect()
            });
            let (error, found) = fetch(broker, &group.group_id, asked);
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
    let (error, mut found) = fetch(broker, &request.group_id, asked.clone());
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

fn fetch(broker: &Arc<Broker>, group: &str, asked: Asked) -> (ErrorCode, Found) {
    let partitions: Option<Vec<TopicPartition>> = asked.as_ref().map(|topics| {
        let partitions = topics.iter().flat_map(|(topic, indexes)| {
            indexes
                .iter()
                .map(|index| TopicPartition::new(topic.as_str(), *index))
        });
        partitions.collect()
    });
    let offsets = match broker.groups.fetch_offsets(group, partitions.as_deref()) {
        Ok(offsets) => offsets,
        Err(error) => return (error, Vec::new()),
    };
    let found = match asked {
        Some(topics) => {
            let offsets: BTreeMap<_, _> = offsets.into_iter().collect();
            let topics = topics.into_iter().map(|(topic, indexes)| {
                let found = indexes.into_iter().map(|index| {
                    let at = TopicPartition::new(topic.as_str(), index);
                    (index, offsets.get(&at).cloned().flatten())
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

fn by_topic(offsets: Vec<(TopicPartition, Option<OffsetAndMetadata>)>) -> Found {
    let mut topics: BTreeMap<String, Vec<(i32, Option<OffsetAndMetadata>)>> = BTreeMap::new();
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
                indexes.into_iter().map(|index| (index, None)).collect(),
            )
        })
        .collect()
}

/// Offset, leader epoch and metadata of what was committed, or what stands for nothing.
fn told(committed: Option<OffsetAndMetadata>) -> (i64, i32, StrBytes) {
    match committed {
        Some(it) => (it.offset.0, it.leader_epoch.0, it.metadata.into()),
        None => (-1, -1, StrBytes::default()),
    }
}

fn single_topic(
    (topic, partitions): (TopicName, Vec<(i32, Option<OffsetAndMetadata>)>),
    version: i16,
    error: ErrorCode,
) -> OffsetFetchResponseTopic {
    let partitions = partitions.into_iter().map(|(index, offset)| {
        let (offset, leader_epoch, metadata) = told(offset);
        let partition = OffsetFetchResponsePartition::default()
            .with_partition_index(index)
            .with_committed_offset(offset)
            .with_committed_leader_epoch(leader_epoch)
            .with_metadata(Some(metadata));
        if version < 2 {
            partition.with_error_code(error.code())
        } else {
            partition
        }
    });
    OffsetFetchResponseTopic::default()
        .with_name(topic)
        .with_partitions(partitions.collect())
}

fn group_topic(
    (topic, partitions): (TopicName, Vec<(i32, Option<OffsetAndMetadata>)>),
) -> OffsetFetchResponseTopics {
    let partitions = partitions.into_iter().map(|(index, offset)| {
        let (offset, leader_epoch, metadata) = told(offset);
        OffsetFetchResponsePartitions::default()
            .with_partition_index(index)
            .with_committed_offset(offset)
            .with_committed_leader_epoch(leader_epoch)
            .with_metadata(Some(metadata))
    });
    OffsetFetchResponseTopics::default()
        .with_name(topic)
        .with_partitions(partitions.collect())
}
