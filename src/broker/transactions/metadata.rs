//! What is known of one transactional id: its producer, and how its transaction stands.

use std::collections::BTreeSet;
use std::fmt;

use wire::TopicPartition;

/// The producer epoch of an id that no producer has yet.
pub(crate) const NO_EPOCH: i16 = -1;

/// The version of the transaction protocol in which each end of a transaction raises the epoch (KIP-890).
pub(crate) const EPOCH_BUMPING_VERSION: i16 = 2;

/// How a transaction stands, by Kafka's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum TransactionState {
    /// None was begun by this producer.
    Empty,
    Ongoing,
    /// It will be committed whatever happens: the markers are on their way.
    PrepareCommit,
    PrepareAbort,
    CompleteCommit,
    CompleteAbort,
    /// The id expired and is about to be forgotten.
    Dead,
    /// A newer producer aborts the transaction.
    PrepareEpochFence,
}

impl TransactionState {
    pub(crate) const ALL: [Self; 8] = [
        Self::Empty,
        Self::Ongoing,
        Self::PrepareCommit,
        Self::PrepareAbort,
        Self::CompleteCommit,
        Self::CompleteAbort,
        Self::Dead,
        Self::PrepareEpochFence,
    ];

    /// Kafka's name of it.
    pub(crate) fn name(self) -> &'static str {
        wire::TransactionState::from(self).name()
    }

    /// The outcome that is decided: `true` is a commit.
    pub(crate) const fn decided(self) -> Option<bool> {
        match self {
            Self::PrepareCommit => Some(true),
            Self::PrepareAbort => Some(false),
            _ => None,
        }
    }

    /// Whether no transaction is open.
    pub(crate) const fn is_at_rest(self) -> bool {
        matches!(
            self,
            Self::Empty | Self::CompleteCommit | Self::CompleteAbort
        )
    }
}

impl From<TransactionState> for wire::TransactionState {
    fn from(state: TransactionState) -> Self {
        match state {
            TransactionState::Empty => Self::Empty,
            TransactionState::Ongoing => Self::Ongoing,
            TransactionState::PrepareCommit => Self::PrepareCommit,
            TransactionState::PrepareAbort => Self::PrepareAbort,
            TransactionState::CompleteCommit => Self::CompleteCommit,
            TransactionState::CompleteAbort => Self::CompleteAbort,
            TransactionState::Dead => Self::Dead,
            TransactionState::PrepareEpochFence => Self::PrepareEpochFence,
        }
    }
}

impl fmt::Display for TransactionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Everything about one transactional id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Metadata {
    pub(crate) producer_id: i64,
    /// The producer id before the last change: a producer whose epochs ran out asks under it once more.
    pub(crate) previous_producer_id: i64,
    /// The id that takes over once the transaction is complete, where the epochs run out with it.
    pub(crate) next_producer_id: Option<i64>,
    pub(crate) producer_epoch: i16,
    /// The epoch before the last change that its own producer asked for; not stored. Whoever names it asks again.
    pub(crate) last_producer_epoch: i16,
    pub(crate) timeout_ms: i32,
    pub(crate) state: TransactionState,
    /// Those that still need a marker, once the outcome is decided.
    pub(crate) partitions: BTreeSet<TopicPartition>,
    /// Milliseconds since 1970; `-1` before the first transaction.
    pub(crate) start_ms: i64,
    pub(crate) last_update_ms: i64,
    /// The version of the protocol that the producer speaks: 0 for those that say nothing of it.
    pub(crate) transaction_version: i16,
}

impl Metadata {
    /// An id that no producer has yet.
    pub(crate) fn new(producer_id: i64, timeout_ms: i32, now_ms: i64) -> Self {
        Self {
            producer_id,
            previous_producer_id: producer_id,
            next_producer_id: None,
            producer_epoch: NO_EPOCH,
            last_producer_epoch: NO_EPOCH,
            timeout_ms,
            state: TransactionState::Empty,
            partitions: BTreeSet::new(),
            start_ms: -1,
            last_update_ms: now_ms,
            transaction_version: 0,
        }
    }

    /// The same in another state, from now on.
    pub(crate) fn entering(&self, state: TransactionState, now_ms: i64) -> Self {
        Self {
            state,
            previous_producer_id: self.producer_id,
            last_update_ms: now_ms,
            ..self.clone()
        }
    }

    /// Whether this producer id takes over when the transaction is complete: its producer was told so.
    pub(crate) fn is_followed_by(&self, producer_id: i64) -> bool {
        self.next_producer_id == Some(producer_id)
    }

    /// Whether the last epoch that a client may have is reached; the one above it is for fencing alone.
    pub(crate) const fn is_epoch_exhausted(&self) -> bool {
        is_epoch_exhausted(self.producer_epoch)
    }
}

pub(crate) const fn is_epoch_exhausted(epoch: i16) -> bool {
    epoch >= i16::MAX - 1
}
