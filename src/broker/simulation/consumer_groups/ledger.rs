//! What must hold of a group's members, and who read what last.

use std::collections::BTreeMap;

use super::super::promises::{Invariant, Verdict};
use super::member::Member;

/// A process of a consumer.
type Process = (usize, u64);

#[derive(Debug, Default)]
pub(super) struct Ledger {
    pub(super) verdict: Verdict,
    /// Who began to read a partition last.
    readers: BTreeMap<i32, Process>,
}

impl Ledger {
    /// Holds what the consumers read against each other. `is_in` says whether the coordinator has such a member.
    pub(super) fn look(&mut self, members: &mut [Member], is_in: impl Fn(&str) -> bool) {
        let mut owners: BTreeMap<i32, String> = BTreeMap::new();
        for (index, member) in members.iter_mut().enumerate() {
            member.counts_in &= is_in(&member.id);
            for partition in &member.owned {
                let process = (index, member.incarnation);
                let reader = self.readers.entry(*partition).or_insert(process);
                if !member.counts_in {
                    continue;
                }
                // Whoever reads it while the one before does not any more has begun after it.
                *reader = process;
                if let Some(other) = owners.insert(*partition, member.id.clone()) {
                    self.verdict.violated(Invariant::OneOwner, || {
                        format!(
                            "partition {partition} is read by {other} and by {}",
                            member.id
                        )
                    });
                }
            }
        }
    }

    /// A member was told its epoch.
    pub(super) fn epoch(&mut self, member: &Member, told: i32) {
        if told < member.epoch {
            self.verdict.violated(Invariant::GenerationsGrow, || {
                format!("{} is told epoch {told} after {}", member.id, member.epoch)
            });
        }
    }

    /// A commit was taken.
    pub(super) fn committed(&mut self, by: Process, partition: i32, members: &[Member]) {
        let Some(reader) = self.readers.get(&partition).filter(|reader| **reader != by) else {
            return;
        };
        let other = members.get(reader.0);
        let reads = other.is_some_and(|it| {
            it.incarnation == reader.1 && it.counts_in && it.owned.contains(&partition)
        });
        if reads {
            self.verdict.violated(Invariant::MembersCommit, || {
                format!("{by:?} commits partition {partition}, which {reader:?} reads")
            });
        }
    }
}
