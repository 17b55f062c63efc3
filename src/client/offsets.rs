//! Where logs begin and end, and the records at their tails, asked over one connection.

use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::{BrokerId as NodeId, FetchRequest, ListOffsetsRequest};

use super::kafka::{KafkaConnection, KafkaError};
use super::topics::{millis, topic_name};
use wire::{ErrorCode, Offset, TopicPartition};

/// Fetch up to here names topics; later versions go by topic id.
const FETCH_VERSION_MAX: i16 = 12;

/// The replica id of a debugging tool: followers answer it too, with their own log end.
const REPLICA_DEBUGGING: i32 = -2;

/// The replica id of a client.
const REPLICA_CLIENT: i32 = -1;

/// The timestamp that asks for the end of the log.
const TIMESTAMP_LATEST: i64 = -1;

/// The timestamp that asks for the start of the log.
const TIMESTAMP_EARLIEST: i64 = -2;

/// Which offset of a log is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Position {
    /// The oldest record that is there.
    LogStart,
    /// Where clients stop reading.
    HighWatermark,
    /// The end of the asked broker's own log, be it the leader or a follower.
    LogEnd,
    /// The oldest record that is not older than this: milliseconds since the Unix epoch, from 0.
    Timestamp(i64),
}

/// How far a fetch reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Isolation {
    /// Up to the high watermark.
    ReadUncommitted,
    /// Up to the last stable offset; the answer names the transactions that were aborted.
    ReadCommitted,
}

/// What a broker tells of one partition.
#[derive(Debug, Clone)]
pub struct Fetched {
    /// Which.
    pub at: TopicPartition,
    /// `OFFSET_OUT_OF_RANGE`, `NOT_LEADER_OR_FOLLOWER`, ...
    pub error: Option<ErrorCode>,
    /// Where clients stop reading.
    pub high_watermark: Offset,
    /// Where readers of committed transactions stop.
    pub last_stable: Option<Offset>,
    /// The oldest record that is there; `None` where the version does not tell.
    pub log_start: Option<Offset>,
    /// Aborted transactions in these records, by producer id and first offset. Told to
    /// [`Isolation::ReadCommitted`] only.
    pub aborted: Vec<(i64, Offset)>,
    /// Whole batches, perhaps with records before the offset asked for and a torn last one.
    pub records: Bytes,
}

/// Asks one position of many partitions; those the broker cannot tell are left out.
///
/// # Errors
/// The connection failed.
pub async fn list_offsets(
    connection: &mut KafkaConnection,
    partitions: &[TopicPartition],
    position: Position,
    wait: Duration,
) -> Result<Vec<(TopicPartition, Offset)>, KafkaError> {
    let timestamp = match position {
        Position::LogStart => TIMESTAMP_EARLIEST,
        Position::HighWatermark | Position::LogEnd => TIMESTAMP_LATEST,
        // Negative ones are asked for by their names.
        Position::Timestamp(timestamp) => timestamp.max(0),
    };
    let replica = if position == Position::LogEnd {
        REPLICA_DEBUGGING
    } else {
        REPLICA_CLIENT
    };
    let topics = by_topic(partitions, |at| at)
        .into_iter()
        .map(|(topic, partitions)| {
            ListOffsetsTopic::default()
                .with_name(topic_name(topic))
                .with_partitions(
                    partitions
                        .into_iter()
                        .map(|at| {
                            ListOffsetsPartition::default()
                                .with_partition_index(at.partition)
                                .with_timestamp(timestamp)
                        })
                        .collect(),
                )
        })
        .collect();
    let request = ListOffsetsRequest::default()
        .with_replica_id(NodeId(replica))
        .with_topics(topics);
    let answer = connection.ask(&request, wait).await?;
    let mut found = Vec::new();
    for topic in answer.topics {
        for partition in topic.partitions {
            if partition.error_code == 0 && partition.offset >= 0 {
                found.push((
                    TopicPartition::new(topic.name.to_string(), partition.partition_index),
                    Offset(partition.offset),
                ));
            }
        }
    }
    Ok(found)
}

/// Reads on from these offsets; waits up to `hold` for something new.
///
/// # Errors
/// The connection failed.
pub async fn fetch(
    connection: &mut KafkaConnection,
    from: &[(TopicPartition, Offset)],
    partition_bytes: i32,
    hold: Duration,
    wait: Duration,
) -> Result<Vec<Fetched>, KafkaError> {
    let isolation = Isolation::ReadUncommitted;
    fetch_in(connection, isolation, from, partition_bytes, hold, wait).await
}

/// The same, as far as `isolation` allows.
///
/// # Errors
/// The connection failed.
pub async fn fetch_in(
    connection: &mut KafkaConnection,
    isolation: Isolation,
    from: &[(TopicPartition, Offset)],
    partition_bytes: i32,
    hold: Duration,
    wait: Duration,
) -> Result<Vec<Fetched>, KafkaError> {
    let topics = by_topic(from, |(at, _)| at)
        .into_iter()
        .map(|(topic, partitions)| {
            FetchTopic::default()
                .with_topic(topic_name(topic))
                .with_partitions(
                    partitions
                        .into_iter()
                        .map(|(at, offset)| {
                            FetchPartition::default()
                                .with_partition(at.partition)
                                .with_fetch_offset(offset.0)
                                .with_partition_max_bytes(partition_bytes)
                        })
                        .collect(),
                )
        })
        .collect();
    let request = FetchRequest::default()
        .with_replica_id(NodeId(REPLICA_CLIENT))
        .with_max_wait_ms(millis(hold))
        .with_min_bytes(1)
        .with_isolation_level(i8::from(isolation == Isolation::ReadCommitted))
        .with_topics(topics);
    let version = connection.version::<FetchRequest>(FETCH_VERSION_MAX)?;
    let answer = connection.ask_in(version, &request, hold + wait).await?;
    let mut fetched = Vec::new();
    for topic in answer.responses {
        for partition in topic.partitions {
            let code = ErrorCode::from_code(partition.error_code);
            fetched.push(Fetched {
                at: TopicPartition::new(topic.topic.to_string(), partition.partition_index),
                error: Some(code).filter(|code| !code.is_none()),
                high_watermark: Offset(partition.high_watermark),
                last_stable: some_offset(partition.last_stable_offset),
                log_start: some_offset(partition.log_start_offset),
                aborted: partition
                    .aborted_transactions
                    .unwrap_or_default()
                    .into_iter()
                    .map(|aborted| (aborted.producer_id.0, Offset(aborted.first_offset)))
                    .collect(),
                records: partition.records.unwrap_or_default(),
            });
        }
    }
    Ok(fetched)
}

fn some_offset(offset: i64) -> Option<Offset> {
    (offset >= 0).then_some(Offset(offset))
}

/// Groups what is ordered by topic anyway.
pub(super) fn by_topic<T>(items: &[T], at: impl Fn(&T) -> &TopicPartition) -> Vec<(&str, Vec<&T>)> {
    let mut topics: Vec<(&str, Vec<&T>)> = Vec::new();
    for item in items {
        let topic = at(item).topic.as_str();
        match topics.last_mut() {
            Some((last, partitions)) if *last == topic => partitions.push(item),
            _ => topics.push((topic, vec![item])),
        }
    }
    topics
}
