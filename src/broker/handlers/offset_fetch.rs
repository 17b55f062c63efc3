//! `OffsetFetch`, versions 1 to 10: where a group reads on, for some partitions or for all.
//!
//! Several groups at once from version 8 on. Errors are told per partition in version 1, per
//! request up to 7, per group after. With `require_stable` (7 and newer) partitions that an open transaction is about to
//! change are `UNSTABLE_OFFSET_COMMIT` (KIP-447). From version 9 on a member names itself and its epoch, from 10 on topics
//! are named by their ids; of all offsets those of topics that are gone are left out then (KIP-848).

use std::collections::BTreeMap;
use std::sync::Arc;

use kafka_protocol::messages::offset_fetch_response::{
    OffsetFetchResponseGroup, OffsetFetchResponsePartition, OffsetFetchResponsePartitions,
    OffsetFetchResponseTopic, OffsetFetchResponseTopics,
};
use kafka_protocol::messages::{OffsetFetchResponse, TopicName};
use kafka_protocol::protocol::StrBytes;

use super::{RequestContext, offset_results::name_of};
use crate::Broker;
use crate::coordinator::FoundOffset;
use crate::image::ClusterImage;
use wire::topic_key::{OffsetFetchRequest, PartitionsOf, TopicKey};
use wire::{ErrorCode, TopicPartition};

/// The first version that names topics by their ids.
const BY_ID_SINCE: i16 = 10;

/// What is asked of one group: topics with their partitions, or everything.
type Asked = Option<Vec<(TopicName, Vec<i32>)>>;

/// A topic with its partitions' offsets.
type Found = Vec<(TopicName, Vec<(i32, FoundOffset)>)>;

/// The same, named as the client names topics.
type FoundByKey = Vec<(TopicKey, Vec<(i32, FoundOffset)>)>;

#[expect(clippy::unused_async, reason = "every handler is called the same way")]
pub(super) async fn handle(
    broker: &Arc<Broker>,
    context: &RequestContext,
    request: OffsetFetchRequest,
) -> OffsetFetchResponse {
    let stable = request.single.require_stable;
    if context.version >= 8 {
        let image = broker.registry.image();
        let by_id = context.version >= BY_ID_SINCE;
        let groups = request.groups.into_iter().map(|(group, asked)| {
            let member_id = group.member_id.as_deref().unwrap_or_default();
            let checked = broker
                .groups
                .check_fetch(&group.group_id, member_id, group.member_epoch);
            let found = checked.and_then(|()| match asked {
                Some(asked) => some(broker, &image, &group.group_id, asked, stable),
                None => all(broker, &image, &group.group_id, by_id, stable),
            });
            let (error, found) = match found {
                Ok(found) => (ErrorCode::None, found),
                Err(error) => (error, Vec::new()),
            };
            OffsetFetchResponseGroup::default()
                .with_group_id(group.group_id)
                .with_error_code(error.code())
                .with_topics(found.into_iter().map(group_topic).collect())
        });
        return OffsetFetchResponse::default().with_groups(groups.collect());
    }
    let request = request.single;
    let asked: Asked = request.topics.map(|topics| {
        let pairs = topics.into_iter();
        pairs
            .map(|topic| (topic.name, topic.partition_indexes))
            .collect()
    });
    let (error, mut found) = match fetch(broker, &request.group_id, asked.clone(), stable) {
        Ok(found) => (ErrorCode::None, found),
        Err(error) => (error, Vec::new()),
    };
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

/// The offsets of some topics' partitions. An id that no topic has is an error of each of its partitions, told last.
fn some(
    broker: &Broker,
    image: &ClusterImage,
    group: &str,
    asked: Vec<PartitionsOf>,
    require_stable: bool,
) -> Result<FoundByKey, ErrorCode> {
    let (mut keys, mut known, mut unknown) = (Vec::new(), Vec::new(), Vec::new());
    for (key, indexes) in asked {
        match name_of(&key, image) {
            Ok(name) => {
                keys.push(key);
                known.push((name, indexes));
            }
            Err(code) => {
                let refused = indexes.into_iter().map(|index| (index, Err(code)));
                unknown.push((key, refused.collect()));
            }
        }
    }
    let found = fetch(broker, group, Some(known), require_stable)?;
    let found = keys.into_iter().zip(found);
    let found = found.map(|(key, (_, offsets))| (key, offsets));
    Ok(found.chain(unknown).collect())
}

/// All offsets of a group. By id only those of topics that exist can be told.
fn all(
    broker: &Broker,
    image: &ClusterImage,
    group: &str,
    by_id: bool,
    require_stable: bool,
) -> Result<FoundByKey, ErrorCode> {
    let found = fetch(broker, group, None, require_stable)?;
    let found = found.into_iter().filter_map(|(name, offsets)| {
        let key = if by_id {
            TopicKey::Id(image.topics.get(name.as_str())?.id)
        } else {
            TopicKey::Name(name)
        };
        Some((key, offsets))
    });
    Ok(found.collect())
}

fn fetch(
    broker: &Broker,
    group: &str,
    asked: Asked,
    require_stable: bool,
) -> Result<Found, ErrorCode> {
    let partitions: Option<Vec<TopicPartition>> = asked.as_ref().map(|topics| {
        let partitions = topics.iter().flat_map(|(topic, indexes)| {
            indexes
                .iter()
                .map(|index| TopicPartition::new(topic.as_str(), *index))
        });
        partitions.collect()
    });
    let groups = &broker.groups;
    let offsets = groups.fetch_offsets(group, partitions.as_deref(), require_stable)?;
    Ok(match asked {
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
    })
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
    (key, partitions): (TopicKey, Vec<(i32, FoundOffset)>),
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
    let topic = OffsetFetchResponseTopics::default().with_partitions(partitions.collect());
    match key {
        TopicKey::Name(name) => topic.with_name(name),
        TopicKey::Id(id) => topic.with_topic_id(id),
    }
}
