//! What must always hold, and the first of it that did not.

use std::fmt;

/// A promise of replication, of groups or of transactions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Invariant {
    /// No record acknowledged with acks=all and two in-sync replicas is ever lost: who may lead has it.
    AcknowledgedRecordsStay,
    /// Logs agree below the high watermark, on every replica and at any time.
    LogsAgree,
    /// No latest offset that was answered is later withdrawn.
    LatestOffsetStays,
    /// No record that was served is later withdrawn.
    ServedRecordsStay,
    /// One leader per epoch.
    OneLeaderPerEpoch,
    /// A partition's replicas are those that somebody wished, or those from before the wish.
    ReplicasAreWished,
    /// In one generation of a group, a partition has one owner.
    OneOwner,
    /// Offsets are committed by members of the group's generation, and nobody else.
    MembersCommit,
    /// Where an offset's commit was acknowledged, no older one is told.
    CommittedOffsetsStay,
    /// A group's generations grow.
    GenerationsGrow,
    /// Who came last under an instance id is not fenced, also not by another coordinator.
    NewestInstanceStays,
    /// Offsets are only forgotten where they may be: by a group without members.
    OffsetsAreKept,
    /// A consumer goes on where no record before was left out.
    NothingSkipped,
    /// A transaction ends in the same way in every partition, and no other one with it.
    AllOrNothing,
    /// A transaction is committed only where its producer asked for that.
    CommittedAsWished,
    /// A transaction ends as its producer was told.
    OutcomeIsAsTold,
    /// Who reads what is committed gets no record of a transaction that is not.
    NoAbortedRead,
    /// The last stable offset does not pass an open transaction.
    OpenIsNotStable,
    /// Once everything is healed, everything works again.
    HealsAgain,
}

/// A broken promise.
#[derive(Debug, Clone)]
pub(super) struct Violation {
    pub(super) invariant: Invariant,
    pub(super) detail: String,
}

/// The first promise that was broken, if one was.
#[derive(Debug, Default)]
pub(super) struct Verdict(Option<Violation>);

impl Verdict {
    pub(super) fn violated(&mut self, invariant: Invariant, detail: impl FnOnce() -> String) {
        self.0.get_or_insert_with(|| Violation {
            invariant,
            detail: detail(),
        });
    }

    pub(super) fn so_far(&self) -> Result<(), Violation> {
        self.0.clone().map_or(Ok(()), Err)
    }
}

/// How often it is looked whether everything works again, in milliseconds.
const HEALING_STEP: u64 = 25;

/// A world whose faults come to an end.
pub(super) trait Healing {
    /// Milliseconds since the beginning.
    fn now(&self) -> u64;

    /// Lets everything happen that is due until `until`, or until a promise is broken.
    fn run_until(&mut self, until: u64) -> Result<(), Violation>;

    /// Lets no more faults come, and ends those that last.
    fn heal(&mut self);

    /// What does not work.
    fn what_is_wrong(&self) -> Option<String>;

    /// Heals it and runs it until everything works, for `healing` milliseconds at most.
    fn heals_within(&mut self, healing: u64) -> Result<(), Violation> {
        self.heal();
        let end = self.now() + healing;
        while self.now() < end {
            self.run_until(self.now() + HEALING_STEP)?;
            if self.what_is_wrong().is_none() {
                return Ok(());
            }
        }
        Err(Violation {
            invariant: Invariant::HealsAgain,
            detail: self.what_is_wrong().unwrap_or_default(),
        })
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.invariant, self.detail)
    }
}
