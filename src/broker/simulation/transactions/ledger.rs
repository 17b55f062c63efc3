//! The partitions that producers write into, and what must hold of them.

use std::collections::{BTreeMap, BTreeSet};

use super::super::promises::{Invariant, Verdict};
use crate::transactions::Mark;
use wire::{LeaderEpoch, TopicPartition};

/// Names a transaction as its producer sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Serial(pub(super) u64);

/// A producer in one partition.
#[derive(Debug, Default)]
struct Writer {
    epoch: i16,
    coordinator_epoch: LeaderEpoch,
    open: BTreeSet<Serial>,
}

#[derive(Debug, Default)]
pub(super) struct Ledger {
    writers: BTreeMap<(TopicPartition, i64), Writer>,
    /// How each transaction ended where it first did.
    ended: BTreeMap<Serial, bool>,
    told: BTreeMap<Serial, bool>,
    wished: BTreeSet<Serial>,
}

impl Ledger {
    /// Whether the partition has a transaction of this producer open.
    pub(super) fn is_open(&self, at: &TopicPartition, producer_id: i64) -> bool {
        let writer = self.writers.get(&(at.clone(), producer_id));
        writer.is_some_and(|writer| !writer.open.is_empty())
    }

    /// A batch; `false`: its epoch is not the producer's any more.
    pub(super) fn write(
        &mut self,
        at: &TopicPartition,
        producer_id: i64,
        epoch: i16,
        serial: Serial,
    ) -> bool {
        let writer = self.writers.entry((at.clone(), producer_id)).or_default();
        if epoch < writer.epoch {
            return false;
        }
        writer.epoch = epoch;
        writer.open.insert(serial);
        true
    }

    /// A marker; `false`: a newer coordinator was here, or a newer epoch.
    pub(super) fn mark(&mut self, at: &TopicPartition, mark: &Mark, verdict: &mut Verdict) -> bool {
        let key = (at.clone(), mark.producer_id);
        let writer = self.writers.entry(key).or_default();
        if mark.coordinator_epoch < writer.coordinator_epoch || mark.producer_epoch < writer.epoch {
            return false;
        }
        if mark.transaction_version >= 2 && mark.producer_epoch == writer.epoch {
            // It was here already.
            return true;
        }
        writer.coordinator_epoch = mark.coordinator_epoch;
        writer.epoch = mark.producer_epoch;
        let open = std::mem::take(&mut writer.open);
        if open.len() > 1 {
            verdict.violated(Invariant::AllOrNothing, || {
                format!("one marker in {at} ends {open:?}")
            });
        }
        for serial in open {
            let before = *self.ended.entry(serial).or_insert(mark.commit);
            if before != mark.commit {
                verdict.violated(Invariant::AllOrNothing, || {
                    format!("{serial:?} is committed in one partition and aborted in {at}")
                });
            }
            if mark.commit && !self.wished.contains(&serial) {
                verdict.violated(Invariant::CommittedAsWished, || {
                    format!("{serial:?} is committed in {at}")
                });
            }
            self.compare(serial, verdict);
        }
        true
    }

    /// The producer asks for a commit.
    pub(super) fn wish(&mut self, serial: Serial) {
        self.wished.insert(serial);
    }

    /// The producer was told how its transaction ends.
    pub(super) fn tell(&mut self, serial: Serial, commit: bool, verdict: &mut Verdict) {
        self.told.insert(serial, commit);
        self.compare(serial, verdict);
    }

    fn compare(&self, serial: Serial, verdict: &mut Verdict) {
        let (told, ended) = (self.told.get(&serial), self.ended.get(&serial));
        if let (Some(told), Some(ended)) = (told, ended)
            && told != ended
        {
            verdict.violated(Invariant::OutcomeIsAsTold, || {
                format!("{serial:?}: told commit={told}, ended commit={ended}")
            });
        }
    }

    /// What no marker has ended.
    pub(super) fn still_open(&self) -> Option<String> {
        let mut open = self.writers.iter().filter(|(_, it)| !it.open.is_empty());
        let ((at, producer_id), writer) = open.next()?;
        Some(format!(
            "{:?} of producer {producer_id} is open in {at}",
            writer.open
        ))
    }
}
