//! Partitions of `__transaction_state` come and go: their transactions are loaded and dropped.

use std::collections::{BTreeMap, BTreeSet};

use super::event::Effect;
use super::metadata::{Metadata, TransactionState};
use super::{Led, Transaction, Transactions, outcomes, record};
use crate::coordinator::{Now, StoredRecord};
use crate::internal_topic::partition_for;
use wire::fields::FieldError;
use wire::{ErrorCode, LeaderEpoch};

/// What the records so far add up to: the last of each id counts.
#[derive(Debug, Default)]
pub(crate) struct Replay {
    ids: BTreeMap<String, Metadata>,
}

impl Replay {
    /// Applies the next record. Records of versions that are not known are left out, as Kafka does.
    ///
    /// # Errors
    /// The record is none of ours; nothing was changed.
    pub(crate) fn apply(&mut self, record: StoredRecord) -> Result<(), FieldError> {
        let id = record::decode_key(record.key)?;
        match record.value {
            Some(value) => {
                self.ids.insert(id, Metadata::decode(value)?);
            }
            None => {
                self.ids.remove(&id);
            }
        }
        Ok(())
    }
}

impl Transactions {
    pub(super) fn load_started(
        &mut self,
        partition: i32,
        leader_epoch: LeaderEpoch,
        effects: &mut Vec<Effect>,
    ) {
        // Led again under another epoch: another broker may have led in between.
        self.unload(partition, effects);
        let led = Led {
            leader_epoch,
            loaded: false,
        };
        self.led.insert(partition, led);
    }

    /// Whether the partition's log is still to be read, under this epoch.
    pub(crate) fn is_awaiting_load(&self, partition: i32, leader_epoch: LeaderEpoch) -> bool {
        self.led
            .get(&partition)
            .is_some_and(|led| led.leader_epoch == leader_epoch && !led.loaded)
    }

    pub(super) fn is_loading(&self) -> bool {
        self.led.values().any(|led| !led.loaded)
    }

    /// What was decided is carried out: this leader's markers fence those of the one before.
    pub(super) fn loaded(
        &mut self,
        partition: i32,
        leader_epoch: LeaderEpoch,
        replay: Replay,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        match self.led.get_mut(&partition) {
            Some(led) if led.leader_epoch == leader_epoch => led.loaded = true,
            // Led under a newer epoch by now, or not at all.
            _ => return,
        }
        let mut decided = Vec::new();
        for (id, stored) in replay.ids {
            let is_here = partition_for(&id, self.partition_count) == partition;
            let is_stored_state = !matches!(
                stored.state,
                TransactionState::Dead | TransactionState::PrepareEpochFence
            );
            if !is_here || !is_stored_state {
                continue;
            }
            if stored.state.decided().is_some() {
                decided.push(id.clone());
            }
            let transaction = Transaction {
                partition,
                leader_epoch,
                stored,
                pending: None,
                marking: BTreeSet::new(),
            };
            self.ids.insert(id, transaction);
        }
        for id in decided {
            self.go_on_marking(&id, now, effects);
        }
    }

    /// Drops the ids of a partition; whoever waits looks for the new coordinator.
    pub(super) fn unload(&mut self, partition: i32, effects: &mut Vec<Effect>) {
        let writes = &mut self.writes;
        self.ids.retain(|_, transaction| {
            if transaction.partition != partition {
                return true;
            }
            if let Some(pending) = transaction.pending.take() {
                writes.remove(&pending.write);
                outcomes::refuse(pending.then, ErrorCode::NotCoordinator, effects);
            }
            false
        });
    }
}
