//! Questions about transactional ids, asked over one connection to their coordinator.

use std::time::Duration;

use kafka_protocol::messages::{DescribeTransactionsRequest, ListTransactionsRequest};

use super::kafka::{KafkaConnection, KafkaError};
use super::refusal::Refusal;
use super::topics::text;
use wire::{ErrorCode, TopicPartition, TransactionState};

/// A transactional id as its coordinator describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transaction {
    /// The id.
    pub transactional_id: String,
    /// Where its transaction stands.
    pub state: TransactionState,
    /// The producer that has the id.
    pub producer_id: i64,
    /// How often the id changed hands, or with KIP-890 a transaction ended.
    pub producer_epoch: i16,
    /// After so long the coordinator aborts what is open.
    pub timeout: Duration,
    /// When the open one began, in milliseconds since 1970.
    pub started_ms: Option<i64>,
    /// What belongs to it, or still needs its marker.
    pub partitions: Vec<TopicPartition>,
}

/// The transactional ids that this broker coordinates.
///
/// # Errors
/// The broker is still loading them, does not know transactions, or the connection failed.
pub async fn list_transactions(
    connection: &mut KafkaConnection,
    wait: Duration,
) -> Result<Vec<String>, Refusal> {
    let request = ListTransactionsRequest::default();
    let answer = connection.ask(&request, wait).await?;
    Refusal::check(answer.error_code, None)?;
    let ids = answer.transaction_states.into_iter();
    Ok(ids.map(|it| it.transactional_id.to_string()).collect())
}

/// Describes transactional ids that this broker coordinates; those it does not are left out.
///
/// # Errors
/// The connection failed.
pub async fn describe_transactions(
    connection: &mut KafkaConnection,
    ids: &[String],
    wait: Duration,
) -> Result<Vec<Transaction>, KafkaError> {
    let ids = ids.iter().map(|id| text(id).into());
    let request = DescribeTransactionsRequest::default().with_transactional_ids(ids.collect());
    let answer = connection.ask(&request, wait).await?;
    let known = answer.transaction_states.into_iter();
    let known = known.filter(|it| ErrorCode::from_code(it.error_code).is_none());
    Ok(known
        .map(|it| {
            let parts = it.topics.iter().flat_map(|topic| {
                let indexes = topic.partitions.iter();
                indexes.map(|index| TopicPartition::new(topic.topic.as_str(), *index))
            });
            let mut partitions: Vec<TopicPartition> = parts.collect();
            partitions.sort();
            let began = Some(it.transaction_start_time_ms).filter(|ms| *ms >= 0);
            Transaction {
                transactional_id: it.transactional_id.to_string(),
                state: TransactionState::of_name(&it.transaction_state),
                producer_id: it.producer_id.0,
                producer_epoch: it.producer_epoch,
                timeout: Duration::from_millis(
                    u64::try_from(it.transaction_timeout_ms).unwrap_or_default(),
                ),
                started_ms: began,
                partitions,
            }
        })
        .collect())
}
