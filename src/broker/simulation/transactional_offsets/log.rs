//! `__consumer_offsets`-0 as its leader has it. The next leader has what was committed, and perhaps more.

use std::collections::{BTreeMap, BTreeSet};

use super::producer::Serial;
use crate::coordinator::{Logged, Producer, Replay, StoredRecord, TransactionEnd};

/// What was appended with one write.
#[derive(Debug, Clone)]
pub(super) enum Batch {
    Offsets {
        records: Vec<StoredRecord>,
        /// What the records say, by partition: every value is written once.
        values: BTreeMap<i32, i64>,
        transaction: Option<(Serial, Producer)>,
    },
    Marker {
        serial: Serial,
        /// As it stands in the log: its epoch is the marker's own.
        end: TransactionEnd,
    },
}

#[derive(Debug, Default)]
pub(super) struct OffsetsLog {
    batches: Vec<Batch>,
    /// How many of them every in-sync replica has.
    pub(super) committed: usize,
}

impl OffsetsLog {
    pub(super) fn len(&self) -> usize {
        self.batches.len()
    }

    /// Appends a batch; how long the log is then.
    pub(super) fn append(&mut self, batch: Batch) -> usize {
        self.batches.push(batch);
        self.batches.len()
    }

    /// Another broker leads, with `kept` of what was not committed.
    pub(super) fn elect(&mut self, kept: usize) {
        self.batches.truncate(self.committed + kept);
        self.committed = self.batches.len();
    }

    /// What a new coordinator reads.
    pub(super) fn replay(&self) -> Replay {
        let mut replay = Replay::default();
        let mut apply = |logged| replay.apply(logged).expect("own record");
        for batch in &self.batches {
            match batch {
                Batch::Offsets {
                    records,
                    transaction,
                    ..
                } => {
                    for record in records {
                        let producer = transaction.map(|(_, producer)| producer);
                        apply(Logged::Record(record.clone(), producer));
                    }
                }
                Batch::Marker { end, .. } => apply(Logged::TransactionEnd(*end)),
            }
        }
        replay
    }

    /// Where a value stands, and whose it is.
    pub(super) fn find(&self, partition: i32, value: i64) -> Option<(usize, Option<Serial>)> {
        let mut batches = self.batches.iter().enumerate();
        batches.find_map(|(index, batch)| match batch {
            Batch::Offsets {
                values,
                transaction,
                ..
            } if values.get(&partition) == Some(&value) => {
                Some((index, transaction.map(|(serial, _)| serial)))
            }
            _ => None,
        })
    }

    /// Whether a transaction has its marker, committed or not.
    pub(super) fn is_marked(&self, serial: Serial) -> bool {
        let mut batches = self.batches.iter();
        batches.any(|batch| matches!(batch, Batch::Marker { serial: of, .. } if *of == serial))
    }

    /// What counts of each partition once everything was read: the value of the last batch that is in no transaction, or in
    /// one that was committed.
    pub(super) fn counting(&self) -> BTreeMap<i32, i64> {
        let committed = self.batches.iter().filter_map(|batch| match batch {
            Batch::Marker { serial, end } => end.is_committed.then_some(*serial),
            Batch::Offsets { .. } => None,
        });
        let committed: BTreeSet<Serial> = committed.collect();
        let mut counting = BTreeMap::new();
        for batch in &self.batches {
            if let Batch::Offsets {
                values,
                transaction,
                ..
            } = batch
                && transaction.is_none_or(|(serial, _)| committed.contains(&serial))
            {
                counting.extend(values.iter().map(|(at, value)| (*at, *value)));
            }
        }
        counting
    }
}
