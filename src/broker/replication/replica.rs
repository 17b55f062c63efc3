//! One replica of a partition: its log, its role and its high watermark.
//!
//! What a replica may do depends on its role; `leading` and `following` say what it does in each.

use std::time::Instant;

use thiserror::Error;

use super::{EpochEnd, Leader, LeaderStart};
use crate::image::PartitionImage;
#[cfg(test)]
use crate::planted::{self, Bug};
use wire::{BrokerId, LeaderEpoch, Offset};

/// What replication needs of a log; `broker::log` has one on disk.
pub(crate) trait ReplicaLog {
    /// Why the log could not be changed.
    type Error;

    fn log_start_offset(&self) -> Offset;

    /// The offset of the next record.
    fn log_end_offset(&self) -> Offset;

    /// The newest leader epoch of which the log knows.
    fn latest_epoch(&self) -> Option<LeaderEpoch>;

    /// The largest epoch at or below `epoch` and where it ended; `None` where `epoch` is above all that is known.
    fn epoch_end(&self, epoch: LeaderEpoch) -> Option<EpochEnd>;

    /// A leader of `epoch` appends from `start` on.
    fn assign_epoch_start(&mut self, epoch: LeaderEpoch, start: Offset) -> Result<(), Self::Error>;

    /// Moves the log's start to `offset`; never backwards.
    fn move_log_start(&mut self, offset: Offset) -> Result<(), Self::Error>;

    /// Removes every record at `offset` and above. Returns the new log end offset.
    fn truncate_to(&mut self, offset: Offset, now_ms: i64) -> Result<Offset, Self::Error>;

    /// Removes every record; the next one gets `offset`.
    fn truncate_fully_and_start_at(
        &mut self,
        offset: Offset,
        now_ms: i64,
    ) -> Result<(), Self::Error>;
}

/// A replica of a partition on the broker `own`.
#[derive(Debug)]
pub(crate) struct Replica<L> {
    pub(super) own: BrokerId,
    pub(crate) log: L,
    pub(super) role: Role,
    /// Never falls but by truncation, never above the log's end. A leader's is the same as its own.
    pub(super) high_watermark: Offset,
    /// Replicas that must be in sync while this one leads.
    min_isr: usize,
}

/// What this broker is to the partition.
#[derive(Debug)]
pub(crate) enum Role {
    Leader(Leader),
    Follower {
        leader: BrokerId,
        epoch: LeaderEpoch,
    },
    /// Nobody leads, as far as is known.
    Leaderless {
        epoch: LeaderEpoch,
    },
}

/// Who this broker believes to lead a partition, as answers tell it to clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CurrentLeader {
    pub(crate) leader: Option<BrokerId>,
    pub(crate) epoch: LeaderEpoch,
}

/// A role that the partition did not have before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RoleChange {
    pub(crate) before: CurrentLeader,
    pub(crate) now: CurrentLeader,
}

/// Why a replica does not do what it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum Refusal {
    #[error("this broker does not lead it")]
    NotLeader,
    #[error("broker {0} is no replica")]
    NotReplica(BrokerId),
    #[error("it is at leader epoch {current}, and the request at {requested}")]
    FencedLeaderEpoch {
        requested: LeaderEpoch,
        current: LeaderEpoch,
    },
    #[error("it is at leader epoch {current} here, and the request at {requested} already")]
    UnknownLeaderEpoch {
        requested: LeaderEpoch,
        current: LeaderEpoch,
    },
    #[error("{isr} in-sync replicas are there, and {min} needed")]
    NotEnoughReplicas { isr: usize, min: usize },
    #[error("{isr} in-sync replicas are there, and {min} needed; the records are in the log")]
    NotEnoughReplicasAfterAppend { isr: usize, min: usize },
    /// A new leader does not know yet what earlier ones told (KIP-207).
    #[error("the high watermark has not reached the beginning of this leader's epoch")]
    OffsetNotAvailable,
    #[error("offset {offset} is not between {start} and {end}")]
    OffsetOutOfRange {
        offset: Offset,
        start: Offset,
        end: Offset,
    },
}

impl<L: ReplicaLog> Replica<L> {
    /// A replica that has no role yet. `high_watermark` is what the checkpoint knows.
    pub(crate) fn new(own: BrokerId, log: L, high_watermark: Offset) -> Self {
        Self {
            own,
            high_watermark: high_watermark
                .max(log.log_start_offset())
                .min(log.log_end_offset()),
            role: Role::Leaderless {
                epoch: LeaderEpoch(-1),
            },
            log,
            min_isr: 1,
        }
    }

    /// Takes `min.insync.replicas`, which is never more than there are replicas.
    pub(crate) fn require(&mut self, min_isr: usize) {
        self.min_isr = min_isr;
        if let Role::Leader(leader) = &mut self.role {
            leader.require(min_isr);
            self.high_watermark = leader.high_watermark();
        }
    }

    /// The broker it is on.
    pub(crate) fn own(&self) -> BrokerId {
        self.own
    }

    pub(crate) fn high_watermark(&self) -> Offset {
        self.high_watermark
    }

    pub(crate) fn current_leader(&self) -> CurrentLeader {
        CurrentLeader {
            leader: match &self.role {
                Role::Leader(_) => Some(self.own),
                Role::Follower { leader, .. } => Some(*leader),
                Role::Leaderless { .. } => None,
            },
            epoch: self.role.epoch(),
        }
    }

    /// The partition as its leader sees it, if this replica leads.
    pub(crate) fn leader(&self) -> Result<&Leader, Refusal> {
        match &self.role {
            Role::Leader(leader) => Ok(leader),
            Role::Follower { .. } | Role::Leaderless { .. } => Err(Refusal::NotLeader),
        }
    }

    /// Takes the newest image of the partition. `leader` is its leader if that one is alive and knows of it.
    pub(crate) fn apply(
        &mut self,
        image: &PartitionImage,
        leader: Option<BrokerId>,
        now: Instant,
    ) -> Result<Option<RoleChange>, L::Error> {
        let before = self.current_leader();
        let now_leads = CurrentLeader {
            leader,
            epoch: image.leader_epoch,
        };
        if now_leads == before {
            if let Role::Leader(current) = &mut self.role {
                current.observe(&image.isr, image.version, now);
                current.assign(&image.replicas, now);
                self.high_watermark = current.high_watermark();
            }
            return Ok(None);
        }
        #[cfg(test)]
        if planted::is(Bug::TruncationToHighWatermark) && leader.is_some_and(|it| it != self.own) {
            self.log.truncate_to(self.high_watermark, 0)?;
        }
        self.role = match leader {
            Some(leader) if leader == self.own => Role::Leader(self.lead(image, now)?),
            Some(leader) => Role::Follower {
                leader,
                epoch: image.leader_epoch,
            },
            None => Role::Leaderless {
                epoch: image.leader_epoch,
            },
        };
        Ok(Some(RoleChange {
            before,
            now: now_leads,
        }))
    }

    /// Gives up every role: this broker shall not have the partition any more.
    pub(crate) fn resign(&mut self) -> Option<RoleChange> {
        let before = self.current_leader();
        let now = CurrentLeader {
            leader: None,
            epoch: before.epoch,
        };
        self.role = Role::Leaderless {
            epoch: before.epoch,
        };
        (before != now).then_some(RoleChange { before, now })
    }

    /// Compares the leader epoch that a request names with ours (KIP-320).
    pub(crate) fn check_epoch(&self, requested: Option<LeaderEpoch>) -> Result<(), Refusal> {
        let current = self.role.epoch();
        match requested {
            Some(requested) if requested < current => {
                Err(Refusal::FencedLeaderEpoch { requested, current })
            }
            Some(requested) if requested > current => {
                Err(Refusal::UnknownLeaderEpoch { requested, current })
            }
            _ => Ok(()),
        }
    }

    pub(super) fn leader_mut(&mut self) -> Result<&mut Leader, Refusal> {
        match &mut self.role {
            Role::Leader(leader) => Ok(leader),
            Role::Follower { .. } | Role::Leaderless { .. } => Err(Refusal::NotLeader),
        }
    }

    /// Begins to lead: the epoch starts where the log ends, and is written down before its first record.
    fn lead(&mut self, image: &PartitionImage, now: Instant) -> Result<Leader, L::Error> {
        let log_end = self.log.log_end_offset();
        self.log.assign_epoch_start(image.leader_epoch, log_end)?;
        let leader = Leader::new(&LeaderStart {
            own: self.own,
            epoch: image.leader_epoch,
            replicas: &image.replicas,
            isr: &image.isr,
            version: image.version,
            min_isr: self.min_isr,
            log_end,
            high_watermark: self.high_watermark,
            now,
        });
        self.high_watermark = leader.high_watermark();
        Ok(leader)
    }
}

impl Role {
    fn epoch(&self) -> LeaderEpoch {
        match self {
            Self::Leader(leader) => leader.epoch(),
            Self::Follower { epoch, .. } | Self::Leaderless { epoch } => *epoch,
        }
    }
}
