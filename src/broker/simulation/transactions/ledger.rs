//! What must hold of transactions, and what each producer and consumer was told.

use std::collections::{BTreeMap, BTreeSet};

use super::super::promises::{Invariant, Verdict};
use super::partition::Partition;
use wire::{Offset, TopicPartition};

/// Names a transaction as its producer sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Serial(pub(super) u64);

/// Records of one transaction in one partition.
#[derive(Debug, Default)]
struct Records {
    acknowledged: u64,
    read: u64,
}

#[derive(Debug, Default)]
pub(super) struct Ledger {
    records: BTreeMap<(TopicPartition, Serial), Records>,
    /// Where the consumer of each partition stands.
    positions: BTreeMap<TopicPartition, Offset>,
    /// How each transaction ended where it first did.
    ended: BTreeMap<Serial, bool>,
    told: BTreeMap<Serial, bool>,
    wished: BTreeSet<Serial>,
}

impl Ledger {
    /// A marker was appended, and ends these.
    pub(super) fn marked(
        &mut self,
        at: &TopicPartition,
        commit: bool,
        ended: BTreeSet<Serial>,
        verdict: &mut Verdict,
    ) {
        if ended.len() > 1 {
            verdict.violated(Invariant::AllOrNothing, || {
                format!("one marker in {at} ends {ended:?}")
            });
        }
        for serial in ended {
            let before = *self.ended.entry(serial).or_insert(commit);
            if before != commit {
                verdict.violated(Invariant::AllOrNothing, || {
                    format!("{serial:?} is committed in one partition and aborted in {at}")
                });
            }
            if commit && !self.wished.contains(&serial) {
                verdict.violated(Invariant::CommittedAsWished, || {
                    format!("{serial:?} is committed in {at}")
                });
            }
            self.compare(serial, verdict);
        }
    }

    /// The producer asks for a commit.
    pub(super) fn wish(&mut self, serial: Serial) {
        self.wished.insert(serial);
    }

    /// The producer was told that a record of it is in every in-sync replica.
    pub(super) fn acknowledge(&mut self, at: &TopicPartition, serial: Serial) {
        let records = self.records.entry((at.clone(), serial)).or_default();
        records.acknowledged += 1;
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

    /// A consumer of committed records reads what is new.
    pub(super) fn read(&mut self, partition: &Partition, verdict: &mut Verdict) {
        let at = &partition.at;
        let stable = partition.last_stable_offset();
        if let Some(open) = partition.first_open()
            && stable > open
        {
            verdict.violated(Invariant::OpenIsNotStable, || {
                format!("{at} is stable up to {stable}, and what lies at {open} is open")
            });
        }
        let position = self.positions.entry(at.clone()).or_default();
        if stable < *position {
            verdict.violated(Invariant::ServedRecordsStay, || {
                format!("{at} is stable up to {stable} only, after {position} was read")
            });
        }
        for serial in partition.read_committed(*position) {
            let records = self.records.entry((at.clone(), serial)).or_default();
            records.read += 1;
            if self.ended.get(&serial) != Some(&true) {
                verdict.violated(Invariant::NoAbortedRead, || {
                    format!("a record of {serial:?} in {at}")
                });
            }
        }
        *position = (*position).max(stable);
    }

    /// Everything is read: a committed transaction has exactly the records that its producer was told.
    pub(super) fn compare_with_read(&self, verdict: &mut Verdict) {
        for ((at, serial), records) in &self.records {
            let is_committed = self.ended.get(serial) == Some(&true);
            let expected = if is_committed {
                records.acknowledged
            } else {
                0
            };
            if records.read != expected {
                let read = records.read;
                verdict.violated(Invariant::AllOrNothing, || {
                    format!(
                        "{read} records of {serial:?} were read from {at} instead of {expected}"
                    )
                });
            }
        }
    }
}
