//! `OffsetCommit`, versions 2 to 10: where a group reads on.
//!
//! Up to version 4 with a retention time of the client's own. Partitions that do not exist are
//! refused one by one. From version 9 on the generation may be a member epoch, from 10 on topics are named by their ids
//! (KIP-848).

use std::sync::Arc;

use kafka_protocol::messages::{
    OffsetCommitResponse, TopicName,
    offset_commit_response::{OffsetCommitResponsePartition, OffsetCommitResponseTopic},
};

use super::{
    RequestContext,
    offset_results::{OffsetResults, Offsets, name_of},
    optional,
};
use crate::Broker;
use crate::coordinator::{CommitRequest, MemberIdentity, OffsetAndMetadata, Request};
use crate::partitions::housekeeping::now_ms;
use wire::topic_key::{OffsetCommitRequest, TopicKey};
use wire::{ErrorCode, LeaderEpoch, Offset, TopicPartition};

pub(super) async fn handle(
    broker: &Arc<Broker>,
    context: &RequestContext,
    request: OffsetCommitRequest,
) -> OffsetCommitResponse {
    let image = broker.registry.image();
    let now_ms = now_ms();
    let retention_time_ms = request.group.retention_time_ms;
    let expire_timestamp_ms =
        (retention_time_ms != -1).then(|| now_ms.saturating_add(retention_time_ms.max(0)));
    let topics = request.topics.iter();
    let names: Vec<Result<TopicName, ErrorCode>> =
        topics.map(|(key, _)| name_of(key, &image)).collect();
    let mut offsets = Vec::new();
    for (name, (_, partitions)) in names.iter().zip(&request.topics) {
        let Ok(name) = name else { continue };
        for partition in partitions {
            let at = TopicPartition::new(name.as_str(), partition.partition_index);
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
    let topics = request.topics.into_iter().zip(names);
    let topics = topics.map(|((key, partitions), name)| {
        let partitions = partitions.into_iter().map(|partition| {
            let index = partition.partition_index;
            let code = match &name {
                Ok(name) => results.code(name, index),
                Err(code) => code.code(),
            };
            OffsetCommitResponsePartition::default()
                .with_partition_index(index)
                .with_error_code(code)
        });
        let topic = OffsetCommitResponseTopic::default().with_partitions(partitions.collect());
        match key {
            TopicKey::Name(name) => topic.with_name(name),
            TopicKey::Id(id) => topic.with_topic_id(id),
        }
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
            group: request.group.group_id.to_string(),
            generation: request.group.generation_id_or_member_epoch,
            member_id: request.group.member_id.to_string(),
            group_instance_id: optional(request.group.group_instance_id.clone()),
        },
        knows_member_epochs: version >= 9,
        offsets,
    };
    OffsetResults::of_commit(broker, asked, Request::Commit(commit)).await
}
