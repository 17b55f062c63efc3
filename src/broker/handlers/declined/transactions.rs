//! Transactions are not built: no transactional id is known, and everything about one is refused as Apache Kafka
//! refuses it for an id that its coordinator never heard of.
//!
//! `AddPartitionsToTxn` 0 to 5, `AddOffsetsToTxn`, `EndTxn` and `TxnOffsetCommit` 0 to 4: `INVALID_PRODUCER_ID_MAPPING`,
//! which ends a producer instead of making it ask again. `DescribeTransactions` 0: `TRANSACTIONAL_ID_NOT_FOUND`.
//! `ListTransactions` 0 to 1: none.

use std::collections::BTreeSet;

use kafka_protocol::{
    messages::{
        AddOffsetsToTxnRequest, AddOffsetsToTxnResponse, AddPartitionsToTxnRequest,
        AddPartitionsToTxnResponse, DescribeTransactionsRequest, DescribeTransactionsResponse,
        EndTxnRequest, EndTxnResponse, ListTransactionsRequest, ListTransactionsResponse,
        TransactionalId, TxnOffsetCommitRequest, TxnOffsetCommitResponse,
        add_partitions_to_txn_request::AddPartitionsToTxnTopic,
        add_partitions_to_txn_response::{
            AddPartitionsToTxnPartitionResult, AddPartitionsToTxnResult,
            AddPartitionsToTxnTopicResult,
        },
        describe_transactions_response::TransactionState,
        txn_offset_commit_response::{
            TxnOffsetCommitResponsePartition, TxnOffsetCommitResponseTopic,
        },
    },
    protocol::StrBytes,
};

use wire::ErrorCode;

/// The states that a transaction can be in.
const STATES: [&str; 8] = [
    "Empty",
    "Ongoing",
    "PrepareCommit",
    "PrepareAbort",
    "CompleteCommit",
    "CompleteAbort",
    "Dead",
    "PrepareEpochFence",
];

/// What is said of an id that is not known; an empty one is none at all.
fn refusal(id: &TransactionalId) -> i16 {
    if id.is_empty() {
        ErrorCode::InvalidRequest.code()
    } else {
        ErrorCode::InvalidProducerIdMapping.code()
    }
}

pub(crate) fn add_partitions(
    version: i16,
    request: &AddPartitionsToTxnRequest,
) -> AddPartitionsToTxnResponse {
    if version < 4 {
        let refusal = refusal(&request.v3_and_below_transactional_id);
        let topics = refused(&request.v3_and_below_topics, refusal);
        return AddPartitionsToTxnResponse::default().with_results_by_topic_v3_and_below(topics);
    }
    let results = request.transactions.iter().map(|transaction| {
        let refusal = refusal(&transaction.transactional_id);
        AddPartitionsToTxnResult::default()
            .with_transactional_id(transaction.transactional_id.clone())
            .with_topic_results(refused(&transaction.topics, refusal))
    });
    AddPartitionsToTxnResponse::default().with_results_by_transaction(results.collect())
}

fn refused(topics: &[AddPartitionsToTxnTopic], code: i16) -> Vec<AddPartitionsToTxnTopicResult> {
    let topics = topics.iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|index| {
            AddPartitionsToTxnPartitionResult::default()
                .with_partition_index(*index)
                .with_partition_error_code(code)
        });
        AddPartitionsToTxnTopicResult::default()
            .with_name(topic.name.clone())
            .with_results_by_partition(partitions.collect())
    });
    topics.collect()
}

pub(crate) fn add_offsets(
    _version: i16,
    request: &AddOffsetsToTxnRequest,
) -> AddOffsetsToTxnResponse {
    AddOffsetsToTxnResponse::default().with_error_code(refusal(&request.transactional_id))
}

pub(crate) fn end(_version: i16, request: &EndTxnRequest) -> EndTxnResponse {
    EndTxnResponse::default().with_error_code(refusal(&request.transactional_id))
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

pub(crate) fn describe(
    _version: i16,
    request: &DescribeTransactionsRequest,
) -> DescribeTransactionsResponse {
    let asked: BTreeSet<&TransactionalId> = request.transactional_ids.iter().collect();
    let states = asked.into_iter().map(|id| {
        let code = if id.is_empty() {
            ErrorCode::InvalidRequest
        } else {
            ErrorCode::TransactionalIdNotFound
        };
        TransactionState::default()
            .with_error_code(code.code())
            .with_transactional_id(id.clone())
    });
    DescribeTransactionsResponse::default().with_transaction_states(states.collect())
}

pub(crate) fn list(_version: i16, request: &ListTransactionsRequest) -> ListTransactionsResponse {
    let unknown = |state: &&StrBytes| !STATES.contains(&state.as_str());
    let unknown = request.state_filters.iter().filter(unknown).cloned();
    ListTransactionsResponse::default().with_unknown_state_filters(unknown.collect())
}
