//! DeleteRecords 0 to 2: moves the start of partitions' logs (KIP-107).
//!
//! Behaviour: offset -1 means all that is committed; answers when the log starts there on every in-sync replica.
//! Of Kafka's own topics nothing can be deleted (`INVALID_TOPIC_EXCEPTION`).

use std::{sync::Arc, time::Duration};

use kafka_protocol::messages::{
    DeleteRecordsRequest, DeleteRecordsResponse,
    delete_records_response::{DeleteRecordsPartitionResult, DeleteRecordsTopicResult},
};
use tokio::time::Instant;

use super::RequestContext;
use crate::{Broker, controller::assignment::is_internal};
use wire::{ErrorCode, Offset, TopicPartition};

pub(super) async fn handle(
    broker: &Arc<Broker>,
    _context: &RequestContext,
    request: DeleteRecordsRequest,
) -> DeleteRecordsResponse {
    let timeout = Duration::from_millis(u64::try_from(request.timeout_ms).unwrap_or_default());
    let deadline = Instant::now() + timeout;
    let image = broker.registry.image();
    // All logs are cut first, then all followers are waited for.
    let mut cut = Vec::new();
    for topic in request.topics {
        let mut partitions = Vec::new();
        for asked in topic.partitions {
            let at = TopicPartition::new(topic.name.as_str(), asked.partition_index);
            let offset = (asked.offset != -1).then_some(Offset(asked.offset));
            let deleted = if image.partition(&at).is_some() && is_internal(&at.topic) {
                Err(ErrorCode::InvalidTopicException)
            } else {
                let found = broker.partitions.find(&at, &image);
                let deleted = found.and_then(|partition| {
                    let start = partition.delete_records(offset)?;
                    Ok((partition, start))
                });
                deleted.map_err(|error| ErrorCode::from(&error))
            };
            partitions.push((asked.partition_index, deleted));
        }
        cut.push((topic.name, partitions));
    }
    let mut topics = Vec::new();
    for (name, partitions) in cut {
        let mut results = Vec::new();
        for (index, deleted) in partitions {
            let low_watermark = match deleted {
                Ok((partition, start)) => {
                    let deleted = partition.deleted(start, deadline).await;
                    deleted.map_err(|error| ErrorCode::from(&error))
                }
                Err(code) => Err(code),
            };
            results.push(result(index, low_watermark));
        }
        topics.push(
            DeleteRecordsTopicResult::default()
                .with_name(name)
                .with_partitions(results),
        );
    }
    DeleteRecordsResponse::default().with_topics(topics)
}

fn result(index: i32, low_watermark: Result<Offset, ErrorCode>) -> DeleteRecordsPartitionResult {
    let result = DeleteRecordsPartitionResult::default().with_partition_index(index);
    match low_watermark {
        Ok(low_watermark) => result.with_low_watermark(low_watermark.0),
        Err(code) => result.with_low_watermark(-1).with_error_code(code.code()),
    }
}
