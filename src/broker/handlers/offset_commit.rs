//! `OffsetCommit`, versions 2 to 9: where a group reads on.
//!
//! Up to version 4 with a retention time of the client's own. Partitions that do not exist are
//! refused one by one. From version 9 on the generation may be a member epoch (KIP-848). Not done:
//! version 10 (topic ids).

use std::sync::Arc;

use kafka_protocol::messages::{
    OffsetCommitRequest, OffsetCommitResponse,
    offset_commit_response::{OffsetCommitResponsePartition, OffsetCommitResponseTopic},
};

use super::{
    RequestContext,
    offset_results::{OffsetResults, Offsets},
    optional,
};
use crate::Broker;
use crate::coordinator::{CommitRequest, MemberIdentity, OffsetAndMetadata, Request};
use crate::partitions::housekeeping::now_ms;
use wire::{ErrorCode, LeaderEpoch, Offset, TopicPartition};

pub(super) async fn handle(
    broker: &Arc<Broker>,
    context: &RequestContext,
    request: OffsetCommitRequest,
) -> OffsetCommitResponse {
    let image = broker.registry.image();
    let now_ms = now_ms();
    let expire_timestamp_ms = (request.retention_time_ms != -1)
        .then(|| now_ms.saturating_add(request.retention_time_ms.max(0)));
    let mut offsets = Vec::new();
    for topic in &request.topics {
        for partition in &topic.partitions {
            let at = TopicPartition::new(topic.name.as_str(), partition.partition_index);
            if image.partition(&at).is_none() {
                continue;
            }
            let offset = OffsetAndMetadata {
                offset: Offset(partition.committed_offset),
                leader_epoch: LeaderEpoch(partition.committed_leader_epoch),
                metadata: optional(partition.committed_metadata.clone()).unwrap_or_default(),
                commit_timestamp_ms: now_ms,
                expire_timestamp_ms,
            };
            offsets.push((at, offset));
        }
    }
    let results = commit(broker, context.version, &request, offsets).await;
    let topics = request.topics.into_iter().map(|topic| {
        let partitions = topic.partitions.into_iter().map(|partition| {
            let index = partition.partition_index;
            OffsetCommitResponsePartition::default()
                .with_partition_index(index)
                .with_error_code(results.code(&topic.name, index))
        });
        OffsetCommitResponseTopic::default()
            .with_partitions(partitions.collect())
            .with_name(topic.name)
    });
    OffsetCommitResponse::default().with_topics(topics.collect())
}

async fn commit(
    broker: &Arc<Broker>,
    version: i16,
    request: &OffsetCommitRequest,
    offsets: Offsets,
) -> OffsetResults {
    let asked: Vec<TopicPartition> = offsets.iter().map(|(at, _)| at.clone()).collect();
    if asked.is_empty() {
        return OffsetResults::all(asked, ErrorCode::None);
    }
    let commit = CommitRequest {
        member: MemberIdentity {
            group: request.group_id.to_string(),
            generation: request.generation_id_or_member_epoch,
            member_id: request.member_id.to_string(),
            group_instance_id: optional(request.group_instance_id.clone()),
        },
        knows_member_epochs: version >= 9,
        offsets,
    };
    OffsetResults::of_commit(broker, asked, Request::Commit(commit)).await
}
