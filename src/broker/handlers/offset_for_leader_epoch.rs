//! OffsetForLeaderEpoch 2 to 4: where an epoch ended in the leader's log (KIP-101, KIP-320).

use std::sync::Arc;

use kafka_protocol::messages::{
    OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse,
    offset_for_leader_epoch_response::{EpochEndOffset, OffsetForLeaderTopicResult},
};

use super::RequestContext;
use crate::Broker;
use wire::{ErrorCode, LeaderEpoch, TopicPartition};

const NO_EPOCH: i32 = -1;

#[expect(clippy::unused_async, reason = "handlers have one signature")]
pub(super) async fn handle(
    broker: &Arc<Broker>,
    _context: &RequestContext,
    request: OffsetForLeaderEpochRequest,
) -> OffsetForLeaderEpochResponse {
    let image = broker.registry.image();
    let topics = request
        .topics
        .into_iter()
        .map(|topic| {
            let partitions = topic
                .partitions
                .iter()
                .map(|asked| {
                    let at = TopicPartition::new(topic.topic.as_str(), asked.partition);
                    let current = asked.current_leader_epoch;
                    let current = (current >= 0).then_some(LeaderEpoch(current));
                    let found = broker.partitions.find(&at, &image).and_then(|partition| {
                        let end = partition.epoch_end(LeaderEpoch(asked.leader_epoch), current)?;
                        // A log that has no epoch yet is told nothing of the others.
                        Ok(end.filter(|_| asked.leader_epoch != NO_EPOCH))
                    });
                    let answer = EpochEndOffset::default().with_partition(asked.partition);
                    match found {
                        Ok(Some(end)) => answer
                            .with_leader_epoch(end.epoch.0)
                            .with_end_offset(end.end_offset.0),
                        // Not known: the defaults of -1.
                        Ok(None) => answer,
                        Err(error) => answer.with_error_code(ErrorCode::from(&error).code()),
                    }
                })
                .collect();
            OffsetForLeaderTopicResult::default()
                .with_topic(topic.topic)
                .with_partitions(partitions)
        })
        .collect();
    OffsetForLeaderEpochResponse::default().with_topics(topics)
}
