//! Offsets cannot be part of a transaction: `TxnOffsetCommit` 0 to 4 is refused with `INVALID_PRODUCER_ID_MAPPING`,
//! which ends a producer instead of making it ask again.

use kafka_protocol::messages::{
    TransactionalId, TxnOffsetCommitRequest, TxnOffsetCommitResponse,
    txn_offset_commit_response::{TxnOffsetCommitResponsePartition, TxnOffsetCommitResponseTopic},
};

use wire::ErrorCode;

/// What is said of an id that is not known; an empty one is none at all.
fn refusal(id: &TransactionalId) -> i16 {
    if id.is_empty() {
        ErrorCode::InvalidRequest.code()
    } else {
        ErrorCode::InvalidProducerIdMapping.code()
    }
}

pub(crate) fn commit_offsets(
    _version: i16,
    request: &TxnOffsetCommitRequest,
) -> TxnOffsetCommitResponse {
    let code = refusal(&request.transactional_id);
    let topics = request.topics.iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|partition| {
            TxnOffsetCommitResponsePartition::default()
                .with_partition_index(partition.partition_index)
                .with_error_code(code)
        });
        TxnOffsetCommitResponseTopic::default()
            .with_name(topic.name.clone())
            .with_partitions(partitions.collect())
    });
    TxnOffsetCommitResponse::default().with_topics(topics.collect())
}
