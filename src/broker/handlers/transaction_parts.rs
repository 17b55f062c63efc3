//! Which parts of a request may begin a transaction in their partitions: the transaction's coordinator says so before the
//! first batch is appended (KIP-890). A late one would otherwise open a transaction that nobody ends.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use crate::{
    Broker,
    image::ClusterImage,
    log::VerificationGuard,
    partitions::{Partition, housekeeping::now_ms},
    transactions::ProducerIdentity,
};
use wire::{ErrorCode, TopicPartition, record_batch::BatchHeader};

/// The first version of Produce whose clients do not name their partitions to the coordinator: the leader does.
const LEADER_ADDS_SINCE: i16 = 12;

/// The first version of Produce that knows `TRANSACTION_ABORTABLE`.
const ABORTABLE_SINCE: i16 = 11;

/// How often and how long apart the coordinator is asked again while it ends the producer's last transaction.
const TRIES: usize = 5;
const RETRY_AFTER: Duration = Duration::from_millis(20);

/// The parts that may not be appended, with the reason.
pub(super) type Refused = BTreeMap<TopicPartition, ErrorCode>;

/// The parts of which the coordinator has to say something.
type Asked = BTreeMap<TopicPartition, (Arc<Partition>, VerificationGuard)>;

/// Asks the coordinators about those `parts` of a Produce request, batches by their partitions, that begin a transaction.
pub(super) async fn refused<'a>(
    broker: &Broker,
    image: &ClusterImage,
    version: i16,
    transactional_id: &str,
    parts: impl Iterator<Item = (&'a TopicPartition, &'a [u8])>,
) -> Refused {
    let adds = version >= LEADER_ADDS_SINCE;
    let mut by_producer: BTreeMap<(i64, i16), Vec<(TopicPartition, i32)>> = BTreeMap::new();
    for (at, records) in parts {
        if let Ok(header) = BatchHeader::parse(records)
            && header.is_transactional()
            && header.has_producer_id()
            && !header.is_control()
        {
            let producer = (header.producer_id, header.producer_epoch);
            let parts = by_producer.entry(producer).or_default();
            // Where each transaction has an epoch of its own, it begins with its first sequence.
            let lowest_sequence = if adds { 0 } else { header.base_sequence };
            parts.push((at.clone(), lowest_sequence));
        }
    }
    let mut refused = Refused::new();
    for ((producer_id, producer_epoch), parts) in by_producer {
        let producer = ProducerIdentity {
            transactional_id: transactional_id.to_owned(),
            producer_id,
            producer_epoch,
        };
        let of_producer = refused_of(broker, image, &producer, parts, adds).await;
        let told = of_producer
            .into_iter()
            .map(|(at, code)| (at, told(version, code)));
        refused.extend(told);
    }
    refused
}

/// What the coordinator has against a producer's transaction in these partitions, by its own codes; of each is said with
/// which sequence it begins there, or before. Where it is open already nothing is asked. `adds`: they become part of it.
pub(super) async fn refused_of(
    broker: &Broker,
    image: &ClusterImage,
    producer: &ProducerIdentity,
    parts: impl IntoIterator<Item = (TopicPartition, i32)>,
    adds: bool,
) -> Refused {
    let mut asked = Asked::new();
    let named = (producer.producer_id, producer.producer_epoch);
    for (at, lowest_sequence) in parts {
        // Whoever appends hears of a partition that is not here.
        let Ok(partition) = broker.partitions.find(&at, image) else {
            continue;
        };
        let guard = partition.begin_verification(named, lowest_sequence, now_ms());
        if let Some(guard) = guard {
            asked.insert(at, (partition, guard));
        }
    }
    if asked.is_empty() {
        return Refused::new();
    }
    let answer = if adds || verifies(broker, image) {
        ask(broker, producer, &asked, !adds).await
    } else {
        Ok(asked
            .keys()
            .map(|at| (at.clone(), ErrorCode::None))
            .collect())
    };
    let mut refused = Refused::new();
    for (at, (partition, guard)) in asked {
        let code = match &answer {
            Ok(codes) => codes
                .get(&at)
                .copied()
                .unwrap_or(ErrorCode::UnknownServerError),
            Err(code) => *code,
        };
        if code.is_none() || !passes(code) {
            partition.end_verification(guard, code.is_none());
        }
        if !code.is_none() {
            refused.insert(at, code);
        }
    }
    refused
}

fn verifies(broker: &Broker, image: &ClusterImage) -> bool {
    let settings = broker.config_layers(image).effective();
    settings.transaction_partition_verification_enable
}

/// Asks again while the coordinator ends the producer's last transaction: a moment, as a rule.
async fn ask(
    broker: &Broker,
    producer: &ProducerIdentity,
    asked: &Asked,
    verify_only: bool,
) -> Result<Refused, ErrorCode> {
    let partitions: BTreeSet<TopicPartition> = asked.keys().cloned().collect();
    let mut tries = 1;
    loop {
        let answer = broker
            .ask_transaction(producer.clone(), partitions.clone(), verify_only)
            .await?;
        let is_ending = answer
            .values()
            .any(|code| *code == ErrorCode::ConcurrentTransactions);
        if !is_ending || verify_only || tries == TRIES {
            return Ok(answer);
        }
        tries += 1;
        tokio::time::sleep(RETRY_AFTER).await;
    }
}

/// Whether the producer asks again after this one, and the batch is still to come.
fn passes(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::ConcurrentTransactions
            | ErrorCode::NotCoordinator
            | ErrorCode::CoordinatorNotAvailable
            | ErrorCode::CoordinatorLoadInProgress
    )
}

/// How the producer hears of it.
fn told(version: i16, code: ErrorCode) -> ErrorCode {
    match code {
        ErrorCode::ProducerFenced => ErrorCode::InvalidProducerEpoch,
        ErrorCode::TransactionAbortable if version < ABORTABLE_SINCE => ErrorCode::InvalidTxnState,
        ErrorCode::ConcurrentTransactions if version >= LEADER_ADDS_SINCE => code,
        // Older clients do not know the code here; after this one they ask again, and this very broker.
        code if passes(code) => ErrorCode::NotEnoughReplicas,
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
        assert_eq!(told(10, abortable), ErrorCode::InvalidTxnState);
        assert_eq!(told(11, abortable), abortable);
        let ending = ErrorCode::ConcurrentTransactions;
        assert_eq!(told(11, ending), ErrorCode::NotEnoughReplicas);
        assert_eq!(told(12, ending), ending);
        let fenced = ErrorCode::ProducerFenced;
        assert_eq!(told(12, fenced), ErrorCode::InvalidProducerEpoch);
        let away = ErrorCode::NotCoordinator;
        assert_eq!(told(9, away), ErrorCode::NotEnoughReplicas);
        assert_eq!(told(13, away), ErrorCode::NotEnoughReplicas);
        let mapping = ErrorCode::InvalidProducerIdMapping;
        assert_eq!(told(3, mapping), mapping);
    }
}
