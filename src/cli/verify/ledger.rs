//! What was promised and what was found: acknowledgements against the records read back.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use wire::Offset;

/// Which record of its partition, counted by the sender from 0.
pub(super) type Sequence = u64;

/// Every acknowledgement of a run, by partition.
#[derive(Debug)]
pub(super) struct Ledger {
    partitions: Vec<Promises>,
    /// What is being broken just now; the gaps that end meanwhile are put down to it.
    fault: &'static str,
    gaps: BTreeMap<&'static str, Duration>,
    given_up: u64,
    given_up_why: Option<String>,
}

/// What one partition's leader acknowledged.
#[derive(Debug, Default)]
struct Promises {
    acked: Vec<(Sequence, Offset)>,
    last_at: Option<Instant>,
}

/// What the comparison found. Records that were never acknowledged may be there or not.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Findings {
    pub acked: u64,
    /// Acknowledged and not there.
    pub lost: u64,
    /// There more than once; every further time counts.
    pub duplicated: u64,
    /// There after a record that was sent later.
    pub out_of_order: u64,
    /// Acknowledged at one offset and found at another.
    pub moved: u64,
    /// The first few lost ones as partition, sequence and promised offset.
    pub examples: Vec<(i32, Sequence, Offset)>,
}

/// Lost records that are named; the rest are counted.
const EXAMPLES_MAX: usize = 5;

impl Ledger {
    pub(super) fn new(partitions: usize) -> Self {
        Self {
            partitions: (0..partitions).map(|_| Promises::default()).collect(),
            fault: "start",
            gaps: BTreeMap::new(),
            given_up: 0,
            given_up_why: None,
        }
    }

    /// What is being broken from now on.
    pub(super) fn set_fault(&mut self, fault: &'static str) {
        self.fault = fault;
    }

    /// A record was acknowledged.
    pub(super) fn acked(
        &mut self,
        partition: i32,
        sequence: Sequence,
        offset: Offset,
        at: Instant,
    ) {
        let Some(promises) = index(partition).and_then(|at| self.partitions.get_mut(at)) else {
            return;
        };
        promises.acked.push((sequence, offset));
        let gap = promises
            .last_at
            .map(|last| at.saturating_duration_since(last));
        promises.last_at = Some(at);
        self.note_gap(gap);
    }

    /// The client library gave a record up.
    pub(super) fn given_up(&mut self, why: String) {
        self.given_up += 1;
        self.given_up_why = Some(why);
    }

    /// How many records the library gave up, and why the last one.
    pub(super) fn given_up_records(&self) -> (u64, Option<&str>) {
        (self.given_up, self.given_up_why.as_deref())
    }

    /// Nothing is sent any more: a partition that fell silent has its gap until now.
    pub(super) fn close(&mut self, at: Instant) {
        let gaps: Vec<_> = self
            .partitions
            .iter()
            .map(|promises| {
                promises
                    .last_at
                    .map(|last| at.saturating_duration_since(last))
            })
            .collect();
        for gap in gaps {
            self.note_gap(gap);
        }
    }

    /// The longest time that one partition went without an acknowledgement, by what was being broken.
    pub(super) fn gaps(&self) -> &BTreeMap<&'static str, Duration> {
        &self.gaps
    }

    /// Compares with everything that was read, in the order it was read, by partition.
    pub(super) fn compare(&self, read: &BTreeMap<i32, Vec<(Offset, Sequence)>>) -> Findings {
        let mut findings = Findings::default();
        for (partition, promises) in (0..).zip(&self.partitions) {
            let mut found: BTreeMap<Sequence, Offset> = BTreeMap::new();
            let mut highest = None;
            for (offset, sequence) in read.get(&partition).into_iter().flatten() {
                if found.contains_key(sequence) {
                    findings.duplicated += 1;
                    continue;
                }
                found.insert(*sequence, *offset);
                findings.out_of_order += u64::from(Some(*sequence) < highest);
                highest = highest.max(Some(*sequence));
            }
            for (sequence, promised) in &promises.acked {
                findings.acked += 1;
                if let Some(offset) = found.get(sequence) {
                    // An idempotent repetition may be acknowledged without its offset.
                    findings.moved += u64::from(promised.0 >= 0 && promised != offset);
                    continue;
                }
                findings.lost += 1;
                if findings.examples.len() < EXAMPLES_MAX {
                    findings.examples.push((partition, *sequence, *promised));
                }
            }
        }
        findings
    }

    fn note_gap(&mut self, gap: Option<Duration>) {
        let longest = self.gaps.entry(self.fault).or_default();
        *longest = (*longest).max(gap.unwrap_or_default());
    }
}

fn index(partition: i32) -> Option<usize> {
    usize::try_from(partition).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger(acked: &[(Sequence, i64)]) -> Ledger {
        let mut ledger = Ledger::new(1);
        for (sequence, offset) in acked {
            ledger.acked(0, *sequence, Offset(*offset), Instant::now());
        }
        ledger
    }

    fn read(records: &[(i64, Sequence)]) -> BTreeMap<i32, Vec<(Offset, Sequence)>> {
        let records = records
            .iter()
            .map(|(offset, sequence)| (Offset(*offset), *sequence));
        BTreeMap::from([(0, records.collect())])
    }

    #[test]
    fn a_record_that_is_not_there_is_lost() {
        let findings = ledger(&[(0, 0), (1, 1), (2, 2)]).compare(&read(&[(0, 0), (1, 2)]));
        assert_eq!((findings.acked, findings.lost, findings.moved), (3, 1, 1));
        assert_eq!(findings.examples, [(0, 1, Offset(1))]);
    }

    #[test]
    fn repeated_and_overtaken_records_are_counted() {
        let found = read(&[(0, 0), (1, 2), (2, 1), (3, 2), (4, 2), (5, 9)]);
        let findings = ledger(&[(0, 0), (1, 2), (2, 1)]).compare(&found);
        assert_eq!(
            (findings.lost, findings.duplicated, findings.out_of_order),
            (0, 2, 1)
        );
    }

    #[test]
    fn nothing_read_means_everything_lost() {
        let findings = ledger(&[(0, 0), (1, -1)]).compare(&BTreeMap::new());
        assert_eq!((findings.acked, findings.lost), (2, 2));
    }

    #[test]
    fn the_longest_silence_is_put_down_to_its_fault() {
        let start = Instant::now();
        let mut ledger = Ledger::new(2);
        let second = Duration::from_secs(1);
        ledger.acked(0, 0, Offset(0), start);
        ledger.acked(1, 0, Offset(0), start);
        ledger.set_fault("kill -9");
        ledger.acked(0, 1, Offset(1), start + second * 2);
        ledger.set_fault("freeze");
        ledger.close(start + second * 5);
        assert_eq!(ledger.gaps().get("kill -9"), Some(&(second * 2)));
        assert_eq!(ledger.gaps().get("freeze"), Some(&(second * 5)));
    }
}
