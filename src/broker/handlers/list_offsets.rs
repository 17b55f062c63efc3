//! ListOffsets 1 to 11: the offset at the end, at the start, or at a time.
//!
//! Behaviour: asks the leader, except with replica id -2 (Kafka's "debugging" consumer), which any replica
//! answers from its own log, to the end of that log: this is how a follower's progress is seen from
//! outside. A follower's own request sees the leader's log to its end. Consumers see what is committed; a new
//! leader answers `OFFSET_NOT_AVAILABLE` until it knows that (KIP-207). With the isolation level `read_committed`, from
//! version 2 on, they see what lies before the first open transaction (KIP-98).
//! -4 is the start, -5 and -6 are not known: nothing is tiered. A version that is older than such a number does not
//! take it, and a partition that is named twice is refused.

use std::sync::Arc;

use kafka_protocol::messages::{
    ListOffsetsRequest, ListOffsetsResponse,
    list_offsets_request::ListOffsetsPartition,
    list_offsets_response::{ListOffsetsPartitionResponse, ListOffsetsTopicResponse},
};

use super::{RequestContext, repeated};
use crate::{
    Broker,
    image::ClusterImage,
    log::TimestampedOffset,
    partitions::{OffsetQuery, PartitionError, SETTLE_WAIT, Viewer},
};
use wire::{ErrorCode, LeaderEpoch, Offset, TopicPartition};

/// The replica id of a consumer that wants to see what is not committed, from any replica.
const DEBUGGING_REPLICA: i32 = -2;

/// The isolation level of those who do not want to see what is in an open transaction.
const READ_COMMITTED: i8 = 1;

pub(super) async fn handle(
    broker: &Arc<Broker>,
    context: &RequestContext,
    request: ListOffsetsRequest,
) -> ListOffsetsResponse {
    let viewer = match request.replica_id.0 {
        DEBUGGING_REPLICA => Viewer::Debugger,
        replica if replica >= 0 => Viewer::Follower,
        _ if request.isolation_level == READ_COMMITTED => Viewer::CommittedConsumer,
        _ => Viewer::Consumer,
    };
    let all = request.topics.iter().flat_map(|topic| {
        let asked = topic.partitions.iter();
        asked.map(|asked| TopicPartition::new(topic.name.as_str(), asked.partition_index))
    });
    let all: Vec<TopicPartition> = all.collect();
    let twice = repeated(&all);
    let images = || broker.registry.image();
    let settled = broker
        .partitions
        .wait_until_led(broker.id, images, &all, SETTLE_WAIT);
    settled.await;
    let image = broker.registry.image();
    let topics = request
        .topics
        .into_iter()
        .map(|topic| {
            let partitions = topic
                .partitions
                .iter()
                .map(|asked| {
                    let at = TopicPartition::new(topic.name.as_str(), asked.partition_index);
                    let found = if twice.contains(&at) {
                        Err(ErrorCode::InvalidRequest)
                    } else {
                        query(context.sent_version, asked.timestamp)
                            .and_then(|query| find(broker, &image, &at, asked, query, viewer))
                    };
                    answer(context.version, asked.partition_index, found)
                })
                .collect();
            ListOffsetsTopicResponse::default()
                .with_name(topic.name)
                .with_partitions(partitions)
        })
        .collect();
    ListOffsetsResponse::default().with_topics(topics)
}

/// What a timestamp asks for. The numbers below -2 came one by one: KIP-734, KIP-405, KIP-1005, KIP-1023.
fn query(version: i16, timestamp: i64) -> Result<OffsetQuery, ErrorCode> {
    Ok(match timestamp {
        -1 => OffsetQuery::Latest,
        -2 => OffsetQuery::Earliest,
        -3 if version >= 7 => OffsetQuery::MaxTimestamp,
        -4 if version >= 8 => OffsetQuery::Earliest,
        -5 if version >= 9 => OffsetQuery::Tiered,
        -6 if version >= 11 => OffsetQuery::Tiered,
        timestamp if timestamp >= 0 => OffsetQuery::AtTime(timestamp),
        _ => return Err(ErrorCode::UnsupportedVersion),
    })
}

fn find(
    broker: &Broker,
    image: &ClusterImage,
    at: &TopicPartition,
    asked: &ListOffsetsPartition,
    query: OffsetQuery,
    viewer: Viewer,
) -> Result<Option<TimestampedOffset>, ErrorCode> {
    let epoch =
        (asked.current_leader_epoch >= 0).then_some(LeaderEpoch(asked.current_leader_epoch));
    let found =
        |partition: Arc<crate::partitions::Partition>| partition.find_offset(query, viewer, epoch);
    broker
        .partitions
        .find(at, image)
        .and_then(found)
        .map_err(|error: PartitionError| ErrorCode::from(&error))
}

fn answer(
    version: i16,
    partition: i32,
    found: Result<Option<TimestampedOffset>, ErrorCode>,
) -> ListOffsetsPartitionResponse {
    let answer = ListOffsetsPartitionResponse::default().with_partition_index(partition);
    let nothing = TimestampedOffset {
        offset: Offset(-1),
        timestamp: -1,
        leader_epoch: LeaderEpoch(-1),
    };
    let (code, found) = match found {
        Ok(found) => (ErrorCode::None, found.unwrap_or(nothing)),
        Err(code) => (code, nothing),
    };
    let answer = answer
        .with_error_code(code.code())
        .with_timestamp(found.timestamp)
        .with_offset(found.offset.0);
    if version >= 4 {
        answer.with_leader_epoch(found.leader_epoch.0)
    } else {
        answer
    }
}
