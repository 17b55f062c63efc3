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

/// How soon the coordinator is asked again while it ends the producer's last transaction: a moment, as a rule. Each time
/// after twice as long, and at the longest for a tenth of a second, as in Kafka.
const RETRY_AFTER: Duration = Duration::from_millis(2);
const RETRY_AFTER_MAX: Duration = Duration::from_millis(64);

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
/// which sequence it begins there, or before. Where it is open already nothing is asked. `adds`: they become part of it;
/// while the coordinator ends the producer's last transaction it is asked again, for a moment.
pub(super) async fn refused_of(
    broker: &Broker,
    image: &ClusterImage,
    producer: &ProducerIdentity,
    parts: impl IntoIterator<Item = (TopicPartition, i32)>,
    adds: bool,
) -> Refused {
    let parts: Vec<(TopicPartition, i32)> = parts.into_iter().collect();
    let mut pause = RETRY_AFTER;
    loop {
        let refused = asked_once(broker, image, producer, &parts, adds).await;
        let mut codes = refused.values();
        let is_ending = codes.any(|code| *code == ErrorCode::ConcurrentTransactions);
        if !is_ending || !adds || pause > RETRY_AFTER_MAX {
            return refused;
        }
        tokio::time::sleep(pause).await;
        pause *= 2;
    }
}

/// Asks once: the marker of the last transaction may come before the next question, and ends what was asked before it.
async fn asked_once(
    broker: &Broker,
    image: &ClusterImage,
    producer: &ProducerIdentity,
    parts: &[(TopicPartition, i32)],
    adds: bool,
) -> Refused {
    let mut asked = Asked::new();
    let named = (producer.producer_id, producer.producer_epoch);
    for (at, lowest_sequence) in parts {
        // Whoever appends hears of a partition that is not here.
        let Ok(partition) = broker.partitions.find(at, image) else {
            continue;
        };
        let guard = partition.begin_verification(named, *lowest_sequence, now_ms());
        if let Some(guard) = guard {
            asked.insert(at.clone(), (partition, guard));
        }
    }
    if asked.is_empty() {
        return Refused::new();
    }
    let partitions: BTreeSet<TopicPartition> = asked.keys().cloned().collect();
    let answer = if adds || verifies(broker, image) {
        let producer = producer.clone();
        broker.ask_transaction(producer, partitions, !adds).await
    } else {
        Ok(partitions
            .into_iter()
            .map(|at| (at, ErrorCode::None))
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
