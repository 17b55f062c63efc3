//! What must always hold, and the first of it that did not.

use std::fmt;

/// A promise of replication or of groups.
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
    /// Once everything is healed, everything works again.
    HealsAgain,
}

/// A broken promise.
#[derive(Debug, Clone)]
pub(super) struct Violation {
    pub(super) invariant: Invariant,
    pub(super) detail: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.invariant, self.detail)
    }
}
