//! What must hold of offsets in transactions, and what was acknowledged.

use std::collections::{BTreeMap, BTreeSet};

use super::super::promises::{Invariant, Verdict};
use super::log::OffsetsLog;
use super::producer::{Serial, Values};
use crate::coordinator::FoundOffset;

#[derive(Debug, Default)]
pub(super) struct Ledger {
    pub(super) verdict: Verdict,
    /// Of each partition, where the newest write stands in the log that was acknowledged, its transaction's included.
    acknowledged: BTreeMap<i32, usize>,
    /// Where the writes of each open transaction stand that were acknowledged.
    open: BTreeMap<Serial, BTreeMap<i32, usize>>,
    /// Transactions that were committed.
    committed: BTreeSet<Serial>,
}

impl Ledger {
    /// Whoever wrote these was told that they are in every in-sync replica.
    pub(super) fn acknowledge(
        &mut self,
        serial: Option<Serial>,
        values: &Values,
        log: &OffsetsLog,
    ) {
        for (partition, value) in values {
            let Some((index, _)) = log.find(*partition, *value) else {
                continue;
            };
            let newest = match serial {
                None => self.acknowledged.entry(*partition).or_default(),
                Some(serial) => {
                    let open = self.open.entry(serial).or_default();
                    open.entry(*partition).or_default()
                }
            };
            *newest = index.max(*newest);
        }
    }

    /// A transaction's outcome is decided.
    pub(super) fn decide(&mut self, serial: Serial, commit: bool) {
        if commit {
            self.committed.insert(serial);
        }
    }

    /// The transaction's coordinator was told that its marker is there.
    pub(super) fn complete(&mut self, serial: Serial) {
        let open = self.open.remove(&serial).unwrap_or_default();
        if self.committed.contains(&serial) {
            for (partition, index) in open {
                let newest = self.acknowledged.entry(partition).or_default();
                *newest = index.max(*newest);
            }
        }
    }

    /// A coordinator told an offset.
    pub(super) fn told(
        &mut self,
        partition: i32,
        found: &FoundOffset,
        stable: bool,
        log: &OffsetsLog,
    ) {
        let changes = |(serial, writes): (&Serial, &BTreeMap<i32, usize>)| {
            writes.contains_key(&partition) && !log.is_marked(*serial)
        };
        let Ok(found) = found else { return };
        if stable && self.open.iter().any(changes) {
            self.verdict.violated(Invariant::OpenIsNotStable, || {
                format!("partition {partition} is told at {found:?}, and a transaction is open")
            });
        }
        let newest = self.acknowledged.get(&partition).copied();
        let Some(value) = found.as_ref().map(|it| it.offset.0) else {
            if newest.is_some() {
                self.is_old(partition, "nothing", newest);
            }
            return;
        };
        match log.find(partition, value) {
            Some((_, Some(serial)))
                if !self.committed.contains(&serial) || !log.is_marked(serial) =>
            {
                self.verdict.violated(Invariant::NoAbortedRead, || {
                    format!("partition {partition} is told at {value}, which is of {serial:?}")
                });
            }
            Some((index, _)) if newest.is_none_or(|newest| index >= newest) => {}
            place => self.is_old(partition, &format!("{value} ({place:?})"), newest),
        }
    }

    fn is_old(&mut self, partition: i32, told: &str, newest: Option<usize>) {
        self.verdict.violated(Invariant::CommittedOffsetsStay, || {
            format!(
                "partition {partition} is told at {told}, after batch {newest:?} was acknowledged"
            )
        });
    }
}
