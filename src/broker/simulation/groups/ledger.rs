//! What coordinators told and wrote, held against what they promised.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    message::Committed,
    offsets_log::{Entry, OffsetsLog, Says},
};
use crate::{
    coordinator::{CommitRequest, GroupDescription, GroupState},
    simulation::promises::{Invariant, Verdict},
};
use wire::{LeaderEpoch, Offset};

/// Everything that counts of what happened.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    pub(super) verdict: Verdict,
    /// How often the group was forgotten: generations count from 1 again then.
    pub(super) life: u64,
    /// Who was told to own a partition in a generation of this life.
    owners: BTreeMap<(i32, i32), String>,
    /// Of each partition, where the newest write stands in the log that was acknowledged.
    acknowledged: BTreeMap<i32, usize>,
    /// The same as it was when an epoch ended.
    ended: BTreeMap<LeaderEpoch, BTreeMap<i32, usize>>,
    /// Partitions whose offsets a coordinator forgot, though it could not write that down.
    forgotten: BTreeSet<(LeaderEpoch, i32)>,
    /// Epochs whose coordinator forgot the group, though it could not write that down.
    begun_anew: BTreeSet<LeaderEpoch>,
    /// The newest generation that a coordinator told.
    generations: BTreeMap<LeaderEpoch, i32>,
    /// The number of the newest process that joined under an instance id.
    instances: BTreeMap<String, u64>,
    /// Static members that were told their partitions: their ids are stored, and so survive their coordinator.
    settled: BTreeSet<String>,
    /// Of each partition, the end of what consumers read, all together.
    processed: BTreeMap<i32, i64>,
    /// Partitions whose commits were acknowledged since this was cleared.
    pub(super) committed: BTreeSet<i32>,
}

impl Ledger {
    /// A consumer read a partition up to `end`.
    pub(super) fn processed(&mut self, partition: i32, end: i64) {
        let known = self.processed.entry(partition).or_default();
        *known = end.max(*known);
    }

    pub(super) fn processed_up_to(&self, partition: i32) -> i64 {
        self.processed.get(&partition).copied().unwrap_or_default()
    }

    /// A consumer begins to read a partition that it was assigned.
    pub(super) fn reads_on(&mut self, member_id: &str, partition: i32, position: Offset) {
        let processed = self.processed_up_to(partition);
        if position.0 > processed {
            self.verdict.violated(Invariant::NothingSkipped, || {
                format!(
                    "{member_id} reads partition {partition} from {position} on, and nobody read beyond {processed}"
                )
            });
        }
    }

    /// An epoch ended: what is acknowledged from now on its coordinator cannot know.
    pub(super) fn ends(&mut self, epoch: LeaderEpoch) {
        self.ended.insert(epoch, self.acknowledged.clone());
    }

    /// A process without a member id asks to join under an instance id.
    pub(super) fn takes_instance(&mut self, instance: &str, process: u64) {
        self.instances.insert(instance.to_owned(), process);
    }

    /// A static member was told its partitions.
    pub(super) fn settles(&mut self, member_id: &str) {
        self.settled.insert(member_id.to_owned());
    }

    /// A member heard that another process took its instance id.
    pub(super) fn fenced(&mut self, instance: &str, member_id: &str) {
        let process = member_id.rsplit_once('-');
        let process = process.and_then(|(_, process)| process.parse().ok());
        if self.settled.contains(member_id) && self.instances.get(instance).copied() <= process {
            self.verdict.violated(Invariant::NewestInstanceStays, || {
                format!("{member_id} is fenced, and nobody took instance id {instance} after it")
            });
        }
    }

    /// A coordinator told a member its generation.
    pub(super) fn joined(&mut self, epoch: LeaderEpoch, generation: i32, log: &OffsetsLog) {
        let stored = if self.begun_anew.contains(&epoch) {
            0
        } else {
            log.last_generation(epoch).map_or(0, |it| it.generation)
        };
        let told = self.generations.get(&epoch).copied().unwrap_or_default();
        let before = stored.max(told);
        if generation < before {
            self.verdict.violated(Invariant::GenerationsGrow, || {
                format!("generation {generation} is told at epoch {epoch} after {before}")
            });
        }
        self.generations.insert(epoch, generation);
    }

    /// A coordinator told a member its partitions.
    pub(super) fn assigned(&mut self, owner: &str, generation: i32, partitions: &[i32]) {
        for partition in partitions {
            let known = self.owners.entry((generation, *partition));
            let known = known.or_insert_with(|| owner.to_owned());
            if known != owner {
                let known = known.clone();
                self.verdict.violated(Invariant::OneOwner, || {
                    format!(
                        "partition {partition} is given to {owner} in generation {generation}, as it was to {known}"
                    )
                });
                return;
            }
        }
    }

    /// A coordinator is about to write; `group` is what it says of the group now.
    pub(super) fn stores(
        &mut self,
        epoch: LeaderEpoch,
        batch: &[Entry],
        by: Option<&CommitRequest>,
        group: Option<&GroupDescription>,
        log: &OffsetsLog,
    ) {
        let stored = log.last_generation(epoch).map_or(0, |it| it.generation);
        let has_members = group.is_some_and(|it| !it.members.is_empty());
        for entry in batch {
            match &entry.says {
                Says::Generation(Some(now)) => {
                    if now.generation < stored && !self.begun_anew.contains(&epoch) {
                        self.verdict.violated(Invariant::GenerationsGrow, || {
                            format!(
                                "generation {} is stored at epoch {epoch} after {stored}",
                                now.generation
                            )
                        });
                    }
                }
                Says::Offset(_, Some(_)) => {
                    if let Some(by) = by {
                        self.commits(by, stored, group);
                    }
                }
                Says::Generation(None) | Says::Offset(_, None) if has_members => {
                    self.verdict.violated(Invariant::OffsetsAreKept, || {
                        format!("{entry:?} is written while {group:?}")
                    });
                }
                Says::Generation(None) | Says::Offset(_, None) => {}
            }
        }
    }

    /// The group was forgotten; its next life, or a number of its own where nobody else will ever know that group.
    pub(super) fn group_is_gone(&mut self, epoch: LeaderEpoch, log: &OffsetsLog) -> u64 {
        if epoch != log.epoch() {
            self.generations.remove(&epoch);
            return u64::MAX;
        }
        self.life += 1;
        self.owners.clear();
        self.generations.clear();
        self.life
    }

    fn commits(&mut self, by: &CommitRequest, stored: i32, group: Option<&GroupDescription>) {
        let Some(group) = group else { return };
        let by = &by.member;
        let may = if by.generation < 0 {
            group.members.is_empty()
        } else {
            let is_member = |it: &str| group.members.iter().any(|member| member.member_id == it);
            by.generation == stored
                && is_member(&by.member_id)
                && matches!(
                    group.state,
                    GroupState::Stable | GroupState::PreparingRebalance
                )
        };
        if !may {
            self.verdict.violated(Invariant::MembersCommit, || {
                format!("{by:?} commits, after generation {stored} was stored, in {group:?}")
            });
        }
    }

    /// A coordinator forgot offsets and could not write that down.
    pub(super) fn not_stored(&mut self, epoch: LeaderEpoch, batch: &[Entry]) {
        for entry in batch {
            match entry.says {
                Says::Offset(partition, None) => drop(self.forgotten.insert((epoch, partition))),
                Says::Generation(None) => drop(self.begun_anew.insert(epoch)),
                _ => {}
            }
        }
    }

    /// A write of offsets was acknowledged.
    pub(super) fn acknowledges(&mut self, epoch: LeaderEpoch, index: usize, log: &OffsetsLog) {
        for entry in log.batch(epoch, index) {
            if let Says::Offset(partition, _) = entry.says {
                let newest = self.acknowledged.entry(partition).or_default();
                *newest = index.max(*newest);
                self.forgotten.remove(&(epoch, partition));
                self.committed.insert(partition);
            }
        }
    }

    /// A coordinator told where the group reads on.
    pub(super) fn told(&mut self, epoch: LeaderEpoch, committed: &Committed, log: &OffsetsLog) {
        let acknowledged = self.ended.get(&epoch).unwrap_or(&self.acknowledged).clone();
        for (partition, told) in committed {
            let newest = acknowledged.get(partition).copied();
            let mut may = newest.is_none() || self.forgotten.contains(&(epoch, *partition));
            may &= told.is_none();
            let since = log.from(epoch, newest.unwrap_or_default());
            may |= since.into_iter().any(|entry| {
                matches!(&entry.says, Says::Offset(of, value)
                    if of == partition && value.as_ref().map(|value| value.offset) == *told)
            });
            if !may {
                self.verdict.violated(Invariant::CommittedOffsetsStay, || {
                    format!(
                        "{told:?} is told of partition {partition} at epoch {epoch}, which is older than what was acknowledged (batch {newest:?})"
                    )
                });
            }
        }
    }
}
