//! Transactions in a log: which records belong together, and how they ended.

use std::collections::BTreeMap;

use super::{Partition, RecordKind};
use crate::state::Timestamp;
use wire::Offset;

/// The records of one transaction in one partition, as far as they are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bracket {
    /// Whose they are.
    pub producer_id: i64,
    /// Its epoch when it wrote them.
    pub epoch: i16,
    /// Where they stand, oldest first; never empty.
    pub own: Vec<Offset>,
    /// How they ended.
    pub end: Option<BracketEnd>,
}

/// The marker that ended a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BracketEnd {
    /// Where it stands.
    pub offset: Offset,
    /// Whether the records before it count.
    pub commit: bool,
    /// When it was written.
    pub at: Timestamp,
}

impl Bracket {
    /// Where it begins.
    #[must_use]
    pub fn first(&self) -> Offset {
        self.own.first().copied().unwrap_or_default()
    }

    /// Its last record.
    #[must_use]
    pub fn last(&self) -> Offset {
        self.own.last().copied().unwrap_or_default()
    }
}

impl Partition {
    /// The transactions among the newest records, in the order in which they began.
    #[must_use]
    pub fn brackets(&self) -> Vec<Bracket> {
        let mut open: BTreeMap<i64, Bracket> = BTreeMap::new();
        let mut all = Vec::new();
        for record in self.tail.iter() {
            let producer_id = record.batch.producer_id;
            match record.kind {
                RecordKind::Data | RecordKind::Aborted if record.batch.transactional => {
                    let bracket = open.entry(producer_id).or_insert_with(|| Bracket {
                        producer_id,
                        epoch: record.batch.producer_epoch,
                        own: Vec::new(),
                        end: None,
                    });
                    bracket.own.push(record.offset);
                }
                RecordKind::Commit | RecordKind::Abort => {
                    // An empty one has a marker only where its records are older than what is kept.
                    if let Some(mut bracket) = open.remove(&producer_id) {
                        bracket.end = Some(BracketEnd {
                            offset: record.offset,
                            commit: record.kind == RecordKind::Commit,
                            at: Timestamp::from_ms(record.timestamp_ms),
                        });
                        all.push(bracket);
                    }
                }
                RecordKind::Data | RecordKind::Aborted | RecordKind::Control => {}
            }
        }
        all.extend(open.into_values());
        all.sort_by_key(Bracket::first);
        all
    }

    /// Markers among the newest records; `None` where older ones are not known.
    #[must_use]
    pub fn markers(&self) -> Option<usize> {
        let whole = self.tail.is_empty() || self.tail.from() <= self.log_start;
        let is_marker = |kind| matches!(kind, RecordKind::Commit | RecordKind::Abort);
        let markers = self.tail.iter().filter(|record| is_marker(record.kind));
        whole.then(|| markers.count())
    }
}

#[cfg(test)]
mod tests {
    use super::Partition;
    use crate::state::{BatchSeen, RecordKind, RecordSeen};
    use wire::Offset;

    fn record(offset: i64, producer_id: i64, kind: RecordKind) -> RecordSeen {
        RecordSeen {
            offset: Offset(offset),
            kind,
            batch: BatchSeen {
                producer_id,
                transactional: producer_id > 0,
                ..BatchSeen::default()
            },
            ..RecordSeen::default()
        }
    }

    #[test]
    fn records_of_a_transaction_are_found_between_those_of_others() {
        let mut partition = Partition::default();
        let data = RecordKind::Data;
        let records = [
            record(0, 7, data),
            record(1, -1, data),
            record(2, 8, data),
            record(3, 7, data),
            record(4, 7, RecordKind::Commit),
            record(5, 8, data),
            record(6, 7, data),
        ];
        partition.see_records(Offset(0), Offset(7), &records);
        let shape = |partition: &Partition| -> Vec<(i64, Vec<i64>, Option<bool>)> {
            let brackets = partition.brackets().into_iter();
            let offsets = |own: &[Offset]| own.iter().map(|offset| offset.0).collect();
            brackets
                .map(|it| {
                    (
                        it.producer_id,
                        offsets(&it.own),
                        it.end.map(|end| end.commit),
                    )
                })
                .collect()
        };
        assert_eq!(
            shape(&partition),
            [
                (7, vec![0, 3], Some(true)),
                (8, vec![2, 5], None),
                (7, vec![6], None)
            ]
        );
        let abort = [record(7, 8, RecordKind::Abort)];
        partition.see_records(Offset(7), Offset(8), &abort);
        let kind = |offset| partition.record(Offset(offset)).expect("it is kept").kind;
        assert_eq!(
            kind(2),
            RecordKind::Aborted,
            "its reader learns it afterwards"
        );
        assert_eq!(kind(5), RecordKind::Aborted);
        assert_eq!(kind(3), data, "that one counts");
        assert_eq!(kind(6), data, "that one is open");
        assert_eq!(partition.markers(), Some(2));
    }
}
