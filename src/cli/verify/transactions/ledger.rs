//! What was promised and what was found: the ends of transactions against the records and offsets that count.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use wire::Offset;

/// How many topics each record is written to.
pub(super) const OUTPUTS: usize = 2;

/// A transaction: which process began it, and which of its own it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct TransactionId {
    pub(super) process: u32,
    pub(super) number: u64,
}

/// How a transaction ended, as its producer was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum End {
    Committed,
    Aborted,
}

/// The records of one partition that a transaction read, the first and the last one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Span {
    pub(super) partition: i32,
    pub(super) first: Offset,
    pub(super) last: Offset,
}

/// A record in one of the outputs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Copied {
    pub(super) transaction: TransactionId,
    /// Where it was read.
    pub(super) source: Offset,
}

/// What readers of committed records find, by partition, in each of the outputs.
pub(super) type Outputs = [BTreeMap<i32, Vec<Copied>>; OUTPUTS];

/// Every end that a producer was told.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    ended: BTreeMap<TransactionId, (End, Vec<Span>)>,
}

/// What the comparison found. Of transactions whose producer was told nothing, all may be there or nothing.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Findings {
    pub(super) committed: u64,
    pub(super) aborted: u64,
    /// Seen, although their producers were told nothing.
    pub(super) untold: u64,
    /// Records of the source that were copied.
    pub(super) copied: u64,
    /// Of a committed transaction and not there.
    pub(super) lost: u64,
    /// There more than once in one output; every further time counts.
    pub(super) duplicated: u64,
    /// There although the transaction was aborted.
    pub(super) aborted_seen: u64,
    /// In one of the outputs only.
    pub(super) torn: u64,
    /// There after a record that comes later in the source.
    pub(super) out_of_order: u64,
    /// There although the group's offset says that it is still to be read.
    pub(super) without_offset: u64,
    /// Not there although the group's offset says that it was read.
    pub(super) without_record: u64,
    /// The first few that are wrong, as sentences.
    pub(super) examples: Vec<String>,
}

/// Wrong records that are named; the rest are counted.
const EXAMPLES_MAX: usize = 8;

impl Ledger {
    /// A producer was told how its transaction ended.
    pub(super) fn ended(&mut self, id: TransactionId, end: End, spans: Vec<Span>) {
        self.ended.insert(id, (end, spans));
    }

    /// How many transactions were committed so far.
    pub(super) fn committed(&self) -> usize {
        let ends = self.ended.values();
        ends.filter(|(end, _)| *end == End::Committed).count()
    }

    /// Compares with everything that counts: records, and where the group reads on.
    pub(super) fn compare(&self, outputs: &Outputs, read_on: &BTreeMap<i32, Offset>) -> Findings {
        let mut findings = Findings::default();
        for (end, _) in self.ended.values() {
            match end {
                End::Committed => findings.committed += 1,
                End::Aborted => findings.aborted += 1,
            }
        }
        let seen: Vec<BTreeSet<(i32, Offset)>> = outputs
            .iter()
            .enumerate()
            .map(|(output, partitions)| {
                self.look_through(output, partitions, read_on, &mut findings)
            })
            .collect();
        let untold: BTreeSet<&TransactionId> = outputs
            .iter()
            .flat_map(BTreeMap::values)
            .flatten()
            .map(|copied| &copied.transaction)
            .filter(|id| !self.ended.contains_key(*id))
            .collect();
        findings.untold = u64::try_from(untold.len()).unwrap_or(u64::MAX);
        for (id, (end, spans)) in &self.ended {
            if *end != End::Committed {
                continue;
            }
            for (partition, offset) in spans.iter().flat_map(Span::records) {
                for (output, seen) in seen.iter().enumerate() {
                    if !seen.contains(&(partition, offset)) {
                        findings.lost += 1;
                        findings.example(|| {
                            format!("lost: {partition}-{offset} of {id} is not in output {output}")
                        });
                    }
                }
            }
        }
        if let [left, right] = seen.as_slice() {
            findings.copied = u64::try_from(left.len()).unwrap_or(u64::MAX);
            for (partition, offset) in left.symmetric_difference(right) {
                findings.torn += 1;
                findings.example(|| format!("torn: {partition}-{offset} is in one output only"));
            }
            for (partition, end) in read_on {
                for offset in (0..end.0).map(Offset) {
                    if !left.contains(&(*partition, offset)) {
                        findings.without_record += 1;
                        findings.example(|| {
                            format!("offset without record: {partition}-{offset}, read on at {end}")
                        });
                    }
                }
            }
        }
        findings
    }

    /// What is in one output.
    fn look_through(
        &self,
        output: usize,
        partitions: &BTreeMap<i32, Vec<Copied>>,
        read_on: &BTreeMap<i32, Offset>,
        findings: &mut Findings,
    ) -> BTreeSet<(i32, Offset)> {
        let mut seen = BTreeSet::new();
        for (partition, copies) in partitions {
            let end = read_on.get(partition).copied().unwrap_or_default();
            let mut highest = None;
            for copied in copies {
                let Copied {
                    transaction,
                    source,
                } = copied;
                let place = || format!("{partition}-{source} of {transaction} in output {output}");
                if self
                    .ended
                    .get(transaction)
                    .is_some_and(|(end, _)| *end == End::Aborted)
                {
                    findings.aborted_seen += 1;
                    findings.example(|| format!("aborted and seen: {}", place()));
                }
                if !seen.insert((*partition, *source)) {
                    findings.duplicated += 1;
                    findings.example(|| format!("duplicated: {}", place()));
                    continue;
                }
                if Some(*source) < highest {
                    findings.out_of_order += 1;
                    findings.example(|| format!("out of order: {}", place()));
                }
                highest = highest.max(Some(*source));
                if *source >= end {
                    findings.without_offset += 1;
                    findings.example(|| format!("record without offset: {}, {end}", place()));
                }
            }
        }
        seen
    }
}

impl Findings {
    /// How much is wrong.
    pub(super) fn violations(&self) -> u64 {
        self.lost
            + self.duplicated
            + self.aborted_seen
            + self.torn
            + self.out_of_order
            + self.without_offset
            + self.without_record
    }

    fn example(&mut self, sentence: impl FnOnce() -> String) {
        if self.examples.len() < EXAMPLES_MAX {
            self.examples.push(sentence());
        }
    }
}

impl Span {
    fn records(&self) -> impl Iterator<Item = (i32, Offset)> {
        let partition = self.partition;
        (self.first.0..=self.last.0).map(move |offset| (partition, Offset(offset)))
    }
}

impl std::fmt::Display for TransactionId {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            formatter,
            "transaction {} of process {}",
            self.number, self.process
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u64) -> TransactionId {
        TransactionId { process: 1, number }
    }

    fn span(first: i64, last: i64) -> Span {
        Span {
            partition: 0,
            first: Offset(first),
            last: Offset(last),
        }
    }

    /// Number of the transaction and offset in the source.
    fn output(copies: &[(u64, i64)]) -> BTreeMap<i32, Vec<Copied>> {
        let copies = copies.iter().map(|(number, source)| Copied {
            transaction: id(*number),
            source: Offset(*source),
        });
        BTreeMap::from([(0, copies.collect())])
    }

    fn compare(left: &[(u64, i64)], right: &[(u64, i64)], read_on: i64) -> Findings {
        let mut ledger = Ledger::default();
        ledger.ended(id(1), End::Committed, vec![span(0, 1)]);
        ledger.ended(id(2), End::Aborted, vec![span(2, 2)]);
        let read_on = BTreeMap::from([(0, Offset(read_on))]);
        ledger.compare(&[output(left), output(right)], &read_on)
    }

    #[test]
    fn all_that_was_committed_is_there_once_and_what_nobody_was_told_whole() {
        let both = [(1, 0), (1, 1), (3, 2)];
        let findings = compare(&both, &both, 3);
        assert_eq!(findings.violations(), 0, "{findings:?}");
        let counts = (findings.committed, findings.aborted, findings.untold);
        assert_eq!((counts, findings.copied), ((1, 1, 1), 3));
    }

    #[test]
    fn what_is_missing_is_lost_and_torn_and_lacks_its_record() {
        let findings = compare(&[(1, 0)], &[(1, 0), (1, 1)], 2);
        let counts = (findings.lost, findings.torn, findings.without_record);
        assert_eq!(counts, (1, 1, 1));
        assert_eq!(findings.violations(), 3);
    }

    #[test]
    fn what_is_there_twice_late_aborted_or_too_early_is_counted() {
        let both = [(1, 1), (1, 0), (1, 1), (2, 2)];
        let findings = compare(&both, &both, 2);
        let counts = (
            findings.duplicated,
            findings.out_of_order,
            findings.aborted_seen,
            findings.without_offset,
        );
        assert_eq!(counts, (2, 2, 2, 2));
        assert_eq!(findings.examples.len(), EXAMPLES_MAX);
    }
}
