//! Transactional ids: how their coordinators say that they stand.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use super::{Cluster, TransactionSeen, fact::TransactionMoved};
use crate::state::Timestamp;
use wire::{BrokerId, TopicPartition, TransactionState, report::TransactionCause};

/// Ids that are known at once; some programs take a new one each time.
const TRANSACTIONS_MAX: usize = 256;

/// A transactional id.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transaction {
    /// Where its transaction stands.
    pub state: TransactionState,
    /// Since when it was seen so.
    pub since: Timestamp,
    /// The broker that coordinates it.
    pub coordinator: Option<BrokerId>,
    /// The producer that has the id.
    pub producer_id: i64,
    /// Its epoch.
    pub epoch: i16,
    /// After so long the coordinator aborts what is open.
    pub timeout: Duration,
    /// When the open one began.
    pub started: Option<Timestamp>,
    /// What belongs to it, or still needs its marker.
    pub partitions: BTreeSet<TopicPartition>,
    /// What belonged to the one that ended last, or is being ended.
    pub ended_in: BTreeSet<TopicPartition>,
    /// How that one ended, and when.
    pub last: Option<(Outcome, Timestamp)>,
    /// How many were seen to be committed.
    pub committed: u64,
    /// How many were seen to be aborted.
    pub aborted: u64,
}

/// How a transaction ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// All of it counts.
    Committed,
    /// None of it counts.
    Aborted,
    /// None of it counts: it was open for too long.
    TimedOut,
    /// None of it counts: another producer took the id.
    TakenOver,
}

impl Transaction {
    fn enter(&mut self, state: TransactionState, why: Option<TransactionCause>, at: Timestamp) {
        if self.state == state {
            return;
        }
        self.state = state;
        self.since = at;
        match state {
            TransactionState::PrepareCommit => {
                self.ended_in.clone_from(&self.partitions);
                self.last = Some((Outcome::Committed, at));
            }
            TransactionState::PrepareAbort | TransactionState::PrepareEpochFence => {
                self.ended_in.clone_from(&self.partitions);
                let outcome = match why {
                    Some(TransactionCause::TimedOut) => Outcome::TimedOut,
                    Some(TransactionCause::TakenOver) => Outcome::TakenOver,
                    Some(TransactionCause::Producer) | None => Outcome::Aborted,
                };
                self.last = Some((outcome, at));
            }
            // Who only looks now and then has not seen it being prepared.
            TransactionState::CompleteCommit => {
                self.committed += 1;
                let seen = self
                    .last
                    .filter(|(outcome, _)| *outcome == Outcome::Committed);
                self.last = seen.or(Some((Outcome::Committed, at)));
            }
            TransactionState::CompleteAbort => {
                self.aborted += 1;
                let seen = self
                    .last
                    .filter(|(outcome, _)| *outcome != Outcome::Committed);
                self.last = seen.or(Some((Outcome::Aborted, at)));
            }
            TransactionState::Unknown
            | TransactionState::Empty
            | TransactionState::Ongoing
            | TransactionState::Dead => {}
        }
    }
}

impl Cluster {
    /// All that a coordinator has; what it had before and has no more is another's, or gone.
    pub(super) fn see_transactions(
        &mut self,
        coordinator: BrokerId,
        seen: &[TransactionSeen],
        at: Timestamp,
    ) {
        self.transactions.retain(|id, known| {
            known.coordinator != Some(coordinator)
                || seen.iter().any(|seen| seen.transactional_id == *id)
        });
        for seen in seen {
            let known = self.transaction_mut(&seen.transactional_id);
            if known.state == TransactionState::Unknown {
                // How it came here is not known.
                known.state = seen.state;
                known.since = at;
            }
            known.coordinator = Some(coordinator);
            known.producer_id = seen.producer_id;
            known.epoch = seen.producer_epoch;
            known.timeout = seen.timeout;
            known.started = seen.started;
            known.enter(seen.state, None, at);
            known.partitions = seen.partitions.iter().cloned().collect();
        }
    }

    /// A coordinator of ours told of a change.
    pub(super) fn transaction_moved(&mut self, moved: &TransactionMoved, at: Timestamp) {
        let known = self.transaction_mut(&moved.transactional_id);
        known.coordinator = moved.coordinator.or(known.coordinator);
        known.producer_id = moved.producer_id;
        known.epoch = moved.epoch.after;
        known.timeout = moved.timeout;
        known.started = moved.started;
        known.enter(moved.state.after, Some(moved.why), at);
        known.partitions = moved.partitions.iter().cloned().collect();
    }

    pub(super) fn marker_written(&mut self, id: &str, place: &TopicPartition) {
        if let Some(known) = self.transactions.get_mut(id)
            && known.state != TransactionState::Ongoing
        {
            known.partitions.remove(place);
        }
    }

    /// The transactional id that this producer has.
    #[must_use]
    pub fn transactional_id_of(&self, producer_id: i64) -> Option<&str> {
        let mut known = self.transactions.iter();
        let found = known.find(|(_, known)| known.producer_id == producer_id);
        found.map(|(id, _)| id.as_str())
    }

    fn transaction_mut(&mut self, id: &str) -> &mut Transaction {
        if self.transactions.len() >= TRANSACTIONS_MAX && !self.transactions.contains_key(id) {
            let ours: BTreeSet<String> = self
                .producers()
                .map(|(_, producing)| producing.transactional_id.clone())
                .collect();
            let others = self
                .transactions
                .iter()
                .filter(|(id, _)| !ours.contains(*id));
            let oldest = others.min_by_key(|(_, known)| (known.state.is_under_way(), known.since));
            let oldest = oldest.map(|(id, _)| id.clone());
            oldest.and_then(|id| self.transactions.remove(&id));
        }
        self.transactions.entry(id.to_owned()).or_default()
    }

    /// The transactions that are open or being ended in a partition.
    pub fn open_in<'a>(
        &'a self,
        place: &'a TopicPartition,
    ) -> impl Iterator<Item = (&'a str, &'a Transaction)> {
        let all: &BTreeMap<String, Transaction> = &self.transactions;
        let open = all.iter().filter(move |(_, known)| {
            known.state.is_under_way() && known.partitions.contains(place)
        });
        open.map(|(id, known)| (id.as_str(), known))
    }
}
