//! `TxnOffsetCommit` 0 to 5: where a group reads on, as part of a producer's transaction (KIP-98, KIP-447).
//!
//! Behaviour: the offsets count once the transaction is committed. Before the first of them is written the
//! transaction's coordinator says whether the group's partition of `__consumer_offsets` is part of it; from version 5
//! on it is made so (KIP-890). Partitions that do not exist are refused one by one.

use std::sync::Arc;

use kafka_protocol::messages::{
    TxnOffsetCommitRequest, TxnOffsetCommitResponse,
    txn_offset_commit_response::{TxnOffsetCommitResponsePartition, TxnOffsetCommitResponseTopic},
};

use super::{
    RequestContext,
    offset_results::{OffsetResults, Offsets},
    optional, transaction_parts,
};
use crate::{
    Broker,
    coordinator::{CommitRequest, MemberIdentity, OffsetAndMetadata, Producer, Request},
    internal_topic::InternalTopic,
    partitions::housekeeping::now_ms,
    transactions::ProducerIdentity,
};
use wire::{ErrorCode, LeaderEpoch, Offset, TopicPartition};

/// The first version that makes the offsets part of the transaction by itself.
const ADDS_SINCE: i16 = 5;

/// The first version that knows `TRANSACTION_ABORTABLE`.
const ABORTABLE_SINCE: i16 = 4;

pub(super) async fn handle(
    broker: &Arc<Broker>,
    context: &RequestContext,
    request: TxnOffsetCommitRequest,
) -> TxnOffsetCommitResponse {
    let offsets = offsets(broker, &request);
    let results = commit(broker, context.version, &request, offsets).await;
    let topics = request.topics.into_iter().map(|topic| {
        let partitions = topic.partitions.into_iter().map(|partition| {
            let index = partition.partition_index;
            TxnOffsetCommitResponsePartition::default()
                .with_partition_index(index)
                .with_error_code(results.code(&topic.name, index))
        });
        TxnOffsetCommitResponseTopic::default()
            .with_partitions(partitions.collect())
            .with_name(topic.name)
    });
    TxnOffsetCommitResponse::default().with_topics(topics.collect())
}

/// What is asked for partitions that exist.
fn offsets(broker: &Broker, request: &TxnOffsetCommitRequest) -> Offsets {
    let image = broker.registry.image();
    let commit_timestamp_ms = now_ms();
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
                commit_timestamp_ms,
                expire_timestamp_ms: None,
            };
            offsets.push((at, offset));
        }
    }
    offsets
}

async fn commit(
    broker: &Arc<Broker>,
    version: i16,
    request: &TxnOffsetCommitRequest,
    offsets: Offsets,
) -> OffsetResults {
    let asked: Vec<TopicPartition> = offsets.iter().map(|(at, _)| at.clone()).collect();
    if asked.is_empty() {
        return OffsetResults::all(asked, ErrorCode::None);
    }
    if let Err(code) = join_transaction(broker, version, request).await {
        return OffsetResults::all(asked, code);
    }
    let commit = CommitRequest {
        member: MemberIdentity {
            group: request.group_id.to_string(),
            generation: request.generation_id,
            member_id: request.member_id.to_string(),
            group_instance_id: optional(request.group_instance_id.clone()),
        },
        knows_member_epochs: true,
        offsets,
    };
    let producer = Producer {
        id: request.producer_id.0,
        epoch: request.producer_epoch,
    };
    let request = Request::CommitInTransaction { producer, commit };
    OffsetResults::of_commit(broker, asked, request).await
}

/// Makes sure that the group is this broker's and that its offsets are part of the transaction.
async fn join_transaction(
    broker: &Arc<Broker>,
    version: i16,
    request: &TxnOffsetCommitRequest,
) -> Result<(), ErrorCode> {
    if request.transactional_id.is_empty() {
        return Err(ErrorCode::InvalidRequest);
    }
    if request.group_id.is_empty() {
        return Err(ErrorCode::InvalidGroupId);
    }
    broker.groups.describe(&request.group_id)?;
    let image = broker.registry.image();
    let place = InternalTopic::ConsumerOffsets.place_of(&request.group_id, &image);
    let at = place.ok_or(ErrorCode::CoordinatorNotAvailable)?;
    let producer = ProducerIdentity {
        transactional_id: request.transactional_id.to_string(),
        producer_id: request.producer_id.0,
        producer_epoch: request.producer_epoch,
    };
    let adds = version >= ADDS_SINCE;
    let asked = [(at.clone(), 0)];
    let refused = transaction_parts::refused_of(broker, &image, &producer, asked, adds).await;
    match refused.get(&at) {
        None => Ok(()),
        Some(code) => Err(told(version, *code)),
    }
}

/// How the producer hears of it.
fn told(version: i16, code: ErrorCode) -> ErrorCode {
    match code {
        ErrorCode::ProducerFenced => ErrorCode::InvalidProducerEpoch,
        ErrorCode::TransactionAbortable if version < ABORTABLE_SINCE => ErrorCode::InvalidTxnState,
        // The transaction's coordinator is meant, of which this request says nothing.
        ErrorCode::NotCoordinator
        | ErrorCode::CoordinatorLoadInProgress
        | ErrorCode::UnknownServerError => ErrorCode::CoordinatorNotAvailable,
        ErrorCode::ConcurrentTransactions if version < ADDS_SINCE => {
            ErrorCode::CoordinatorNotAvailable
        }
        code => code,
    }
}

#[cfg(test)]
mod tests {
    use super::told;
    use wire::ErrorCode;

    #[test]
    fn producers_hear_codes_that_their_version_knows() {
        let abortable = ErrorCode::TransactionAbortable;
        assert_eq!(told(3, abortable), ErrorCode::InvalidTxnState);
        assert_eq!(told(4, abortable), abortable);
        let fenced = ErrorCode::ProducerFenced;
        assert_eq!(told(5, fenced), ErrorCode::InvalidProducerEpoch);
        let away = ErrorCode::NotCoordinator;
        assert_eq!(told(5, away), ErrorCode::CoordinatorNotAvailable);
        let ending = ErrorCode::ConcurrentTransactions;
        assert_eq!(told(4, ending), ErrorCode::CoordinatorNotAvailable);
        assert_eq!(told(5, ending), ending);
    }
}
