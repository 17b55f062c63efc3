//! Partitions become part of a transaction, or are asked whether they are.

use std::collections::BTreeSet;

use super::event::{AddRequest, Effect, ProducerIdentity};
use super::metadata::{Metadata, TransactionState};
use super::{Pending, Then, Transaction, Transactions};
use crate::coordinator::{Now, RequestId};
use wire::{ErrorCode, TopicPartition};

impl Transactions {
    /// The error, or none yet where a record is on its way.
    pub(super) fn add_partitions(
        &mut self,
        to: RequestId,
        request: AddRequest,
        now: Now,
        effects: &mut Vec<Effect>,
    ) -> Option<ErrorCode> {
        let transaction = match self.of(&request.producer) {
            Ok(transaction) => transaction,
            Err(error) => return Some(error),
        };
        // Checked first: the producer may have the id already that it goes on with once this is over.
        if transaction.pending.is_some() || transaction.stored.state.decided().is_some() {
            return Some(ErrorCode::ConcurrentTransactions);
        }
        if let Err(error) = transaction.check_producer(&request.producer) {
            return Some(error);
        }
        let stored = &transaction.stored;
        let is_ongoing = stored.state == TransactionState::Ongoing;
        if is_ongoing && request.partitions.is_subset(&stored.partitions) {
            return Some(ErrorCode::None);
        }
        let (before, start_ms) = if is_ongoing {
            (stored.partitions.clone(), stored.start_ms)
        } else {
            (BTreeSet::new(), now.wall_ms)
        };
        let target = Metadata {
            partitions: before.into_iter().chain(request.partitions).collect(),
            start_ms,
            transaction_version: request.transaction_version,
            ..stored.entering(TransactionState::Ongoing, now.wall_ms)
        };
        let id = &request.producer.transactional_id;
        self.write(id, Some(target), Then::TellAdded(to), effects);
        None
    }

    /// Which of these partitions are part of the producer's transaction (KIP-890).
    ///
    /// # Errors
    /// None of them can be, for the same reason.
    pub(crate) fn verify(
        &self,
        producer: &ProducerIdentity,
        partitions: &[TopicPartition],
    ) -> Result<Vec<(TopicPartition, ErrorCode)>, ErrorCode> {
        let transaction = self.of(producer)?;
        transaction.check_producer(producer)?;
        // A record let in now could come behind the marker, and would open a transaction that nobody ends.
        let pending = transaction.pending.as_ref();
        if pending.is_some_and(Pending::decides) {
            return Err(ErrorCode::ConcurrentTransactions);
        }
        let stored = &transaction.stored;
        let results = partitions.iter().map(|at| {
            let is_part =
                stored.state == TransactionState::Ongoing && stored.partitions.contains(at);
            let error = if is_part {
                ErrorCode::None
            } else {
                ErrorCode::TransactionAbortable
            };
            (at.clone(), error)
        });
        Ok(results.collect())
    }

    /// The transaction of a producer's id.
    pub(super) fn of(&self, producer: &ProducerIdentity) -> Result<&Transaction, ErrorCode> {
        self.checked(&producer.transactional_id)?;
        let found = self.ids.get(&producer.transactional_id);
        found.ok_or(ErrorCode::InvalidProducerIdMapping)
    }
}

impl Transaction {
    /// Whether it is the id's producer, and the outcome of its transaction is not decided.
    fn check_producer(&self, producer: &ProducerIdentity) -> Result<(), ErrorCode> {
        if self.stored.producer_id != producer.producer_id {
            return Err(ErrorCode::InvalidProducerIdMapping);
        }
        if self.stored.producer_epoch != producer.producer_epoch {
            return Err(ErrorCode::ProducerFenced);
        }
        if self.stored.state.decided().is_some() {
            return Err(ErrorCode::ConcurrentTransactions);
        }
        Ok(())
    }
}
