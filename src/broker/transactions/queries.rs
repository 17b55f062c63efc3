//! What is told about transactions without changing them.

use std::collections::BTreeSet;

use super::metadata::{NO_EPOCH, TransactionState};
use super::{Transaction, Transactions};
use crate::coordinator::Now;
use wire::{ErrorCode, TopicPartition};

/// A transactional id as `DescribeTransactions` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TransactionDescription {
    pub(crate) state: TransactionState,
    pub(crate) timeout_ms: i32,
    pub(crate) start_ms: i64,
    pub(crate) producer_id: i64,
    pub(crate) producer_epoch: i16,
    /// Those that still need a marker, once the outcome is decided.
    pub(crate) partitions: BTreeSet<TopicPartition>,
}

/// Which transactions are listed: those that fit everything that is said.
#[derive(Debug, Clone, Default)]
pub(crate) struct Filter {
    /// Empty: all.
    pub(crate) states: BTreeSet<TransactionState>,
    pub(crate) producer_ids: BTreeSet<i64>,
    /// Begun at least so long ago; below zero: whenever.
    pub(crate) duration_ms: i64,
}

impl Transactions {
    /// How a transactional id stands.
    ///
    /// # Errors
    /// `TRANSACTIONAL_ID_NOT_FOUND`, or this broker does not coordinate it now.
    pub(crate) fn describe(
        &self,
        transactional_id: &str,
    ) -> Result<TransactionDescription, ErrorCode> {
        self.checked(transactional_id)?;
        let found = self.ids.get(transactional_id);
        let found = found.filter(|it| it.is_visible());
        let transaction = found.ok_or(ErrorCode::TransactionalIdNotFound)?;
        let stored = &transaction.stored;
        Ok(TransactionDescription {
            state: stored.state,
            timeout_ms: stored.timeout_ms,
            start_ms: stored.start_ms,
            producer_id: stored.producer_id,
            producer_epoch: stored.producer_epoch,
            partitions: stored.partitions.clone(),
        })
    }

    /// The ids that this broker coordinates, with producer id and state.
    ///
    /// # Errors
    /// A partition is still being read: the list would not be complete.
    pub(crate) fn list(
        &self,
        filter: &Filter,
        now: Now,
    ) -> Result<Vec<(String, i64, TransactionState)>, ErrorCode> {
        if self.is_loading() {
            return Err(ErrorCode::CoordinatorLoadInProgress);
        }
        let listed = self.ids.iter().filter(|(_, it)| {
            let stored = &it.stored;
            let age_ms = now.wall_ms.saturating_sub(stored.start_ms);
            it.is_visible()
                && (filter.states.is_empty() || filter.states.contains(&stored.state))
                && (filter.producer_ids.is_empty()
                    || filter.producer_ids.contains(&stored.producer_id))
                && (filter.duration_ms < 0 || age_ms >= filter.duration_ms)
        });
        let listed = listed.map(|(id, it)| (id.clone(), it.stored.producer_id, it.stored.state));
        Ok(listed.collect())
    }
}

impl Transaction {
    /// Whether it is stored, and not about to be forgotten.
    fn is_visible(&self) -> bool {
        let is_dying = self.pending.as_ref().is_some_and(|it| it.target.is_none());
        self.stored.producer_epoch != NO_EPOCH && !is_dying
    }
}
