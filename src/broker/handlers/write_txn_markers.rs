//! `WriteTxnMarkers` 1 to 2: the coordinator of a transaction tells the leaders of its partitions how it ended (KIP-98).
//!
//! Behaviour: every marker is appended before one is waited for; the answer comes when every in-sync replica has them
//! all, or tells which are missing. A marker for a transaction that has ended already is taken again: its coordinator
//! did not get the first answer. A coordinator, or a producer's epoch, that was replaced is refused. Version 2 says which
//! protocol the producer speaks (KIP-1228): from the second one on a marker's epoch is above that of the records, and one
//! that comes again is refused with `INVALID_PRODUCER_EPOCH`, so that it does not end the next transaction. Its
//! coordinator takes that for done: it is said when every in-sync replica has the first one.

use std::{sync::Arc, time::Duration};

use kafka_protocol::messages::{
    TopicName, WriteTxnMarkersResponse as Answer,
    write_txn_markers_response::{
        WritableTxnMarkerPartitionResult, WritableTxnMarkerResult, WritableTxnMarkerTopicResult,
    },
};
use tokio::time::Instant;

use super::{Reply, RequestContext, RequestError};
use crate::{
    Broker,
    coordinator::{self, WriteId},
    image::ClusterImage,
    internal_topic::InternalTopic,
    log::TransactionEnd,
    partitions::{AppendReceipt, Partition, PartitionError, housekeeping::now_ms},
};
use wire::{
    ErrorCode, TopicPartition,
    record_batch::ControlType,
    report::Report,
    write_txn_markers::{TxnMarker, WriteTxnMarkersRequest, WriteTxnMarkersResponse},
};

/// How long the in-sync replicas are waited for: Kafka's default of `request.timeout.ms`.
const COMMIT_WAIT: Duration = Duration::from_secs(30);

/// The markers of one producer by topic, as the answer repeats them.
struct Written {
    end: TransactionEnd,
    topics: Vec<(TopicName, Vec<PartWritten>)>,
}

struct PartWritten {
    index: i32,
    outcome: Result<(Arc<Partition>, AppendReceipt), PartitionError>,
    /// In a partition of `__consumer_offsets`: the groups' writes before this one are before the marker.
    before: Option<WriteId>,
}

#[expect(clippy::unused_async, reason = "handlers have one signature")]
pub(super) async fn handle(
    broker: &Arc<Broker>,
    context: &RequestContext,
    request: WriteTxnMarkersRequest,
) -> Result<Reply, RequestError> {
    let image = broker.registry.image();
    let markers = request.markers.into_iter();
    let written: Vec<Written> = markers
        .map(|marker| write(broker, &image, marker))
        .collect();
    let context = context.clone();
    let broker = Arc::clone(broker);
    Ok(Reply::Later(Box::pin(async move {
        let deadline = Instant::now() + COMMIT_WAIT;
        let mut markers = Vec::with_capacity(written.len());
        for producer in written {
            markers.push(committed(&broker, producer, deadline).await);
        }
        let response = WriteTxnMarkersResponse(Answer::default().with_markers(markers));
        Reply::response(&context, &response)
    })))
}

fn write(broker: &Broker, image: &ClusterImage, marker: TxnMarker) -> Written {
    let end = TransactionEnd {
        producer_id: marker.producer_id.0,
        producer_epoch: marker.producer_epoch,
        coordinator_epoch: marker.coordinator_epoch,
        raises_epoch: marker.transaction_version >= 2,
        control: if marker.transaction_result {
            ControlType::Commit
        } else {
            ControlType::Abort
        },
    };
    let topics = marker.topics.into_iter().map(|topic| {
        let is_of_groups = topic.name.as_str() == InternalTopic::ConsumerOffsets.name();
        let parts = topic.partition_indexes.iter().map(|index| {
            let at = TopicPartition::new(topic.name.as_str(), *index);
            let found = broker.partitions.find(&at, image);
            let outcome = found.and_then(|partition| {
                let receipt = partition.append_marker(&end, now_ms())?;
                Ok((partition, receipt))
            });
            PartWritten {
                index: *index,
                outcome,
                before: is_of_groups.then(|| broker.groups.next_write()),
            }
        });
        let parts = parts.collect();
        (topic.name, parts)
    });
    Written {
        end,
        topics: topics.collect(),
    }
}

async fn committed(
    broker: &Broker,
    written: Written,
    deadline: Instant,
) -> WritableTxnMarkerResult {
    let Written { end, topics: parts } = written;
    let mut topics = Vec::with_capacity(parts.len());
    for (name, parts) in parts {
        let mut partitions = Vec::with_capacity(parts.len());
        for part in parts {
            let outcome = match part.outcome {
                Ok((partition, receipt)) => {
                    let committed = partition.committed(&receipt, deadline).await;
                    if committed.is_ok() && !receipt.appended.duplicate {
                        let at = TopicPartition::new(name.as_str(), part.index);
                        report(broker, at, &receipt, &end);
                    }
                    committed.map(|()| receipt.appended.duplicate)
                }
                Err(error) => Err(error),
            };
            if outcome.is_ok()
                && let Some(before) = part.before
            {
                tell_groups(broker, part.index, &end, before);
            }
            let code = match outcome {
                Ok(false) => ErrorCode::None,
                Ok(true) => ErrorCode::InvalidProducerEpoch,
                Err(error) => ErrorCode::from(&error),
            };
            partitions.push(
                WritableTxnMarkerPartitionResult::default()
                    .with_partition_index(part.index)
                    .with_error_code(code.code()),
            );
        }
        topics.push(
            WritableTxnMarkerTopicResult::default()
                .with_name(name)
                .with_partitions(partitions),
        );
    }
    WritableTxnMarkerResult::default()
        .with_producer_id(end.producer_id.into())
        .with_topics(topics)
}

fn report(broker: &Broker, at: TopicPartition, receipt: &AppendReceipt, end: &TransactionEnd) {
    broker.reporter.report(Report::MarkerWritten {
        topic: at.topic,
        partition: at.partition,
        offset: receipt.appended.first_offset,
        producer_id: end.producer_id,
        epoch: end.producer_epoch,
        commit: end.control == ControlType::Commit,
    });
}

/// Offsets that were committed in the transaction count from now on, or are forgotten. Of a marker that came before this is
/// told once more: whoever asked for the first one may have gone.
fn tell_groups(broker: &Broker, partition: i32, end: &TransactionEnd, before: WriteId) {
    let last_epoch = if end.raises_epoch {
        end.producer_epoch.saturating_sub(1)
    } else {
        end.producer_epoch
    };
    let end = coordinator::TransactionEnd {
        producer_id: end.producer_id,
        last_epoch,
        is_committed: end.control == ControlType::Commit,
    };
    broker.groups.transaction_ended(partition, end, before);
}
