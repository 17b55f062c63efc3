//! What a replica does as the leader: append, answer readers, count followers, change the ISR.

use std::time::{Duration, Instant};

use super::{
    EpochEnd, FollowerFetch, IsrWrite, Refusal, Replica, ReplicaLog, WriteOutcome, replica::Role,
};
use wire::{LeaderEpoch, Offset};

/// What a read asks, apart from how much.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReadRequest {
    pub(crate) from: Offset,
    pub(crate) current_leader_epoch: Option<LeaderEpoch>,
    pub(crate) last_fetched_epoch: Option<LeaderEpoch>,
    pub(crate) reader: Reader,
}

/// Who reads.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Reader {
    /// Sees what is committed; from followers too if it says so (KIP-392).
    Consumer { from_followers: bool },
    /// Sees the whole log, of the leader only. Tells its own progress, once for each request.
    Follower(Option<FollowerFetch>),
    /// Sees the whole log of any replica.
    Debugger,
}

/// What a reader gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Readable {
    /// Records that end at or below this offset.
    UpTo(Offset),
    /// Where the reader's log parts from this one, and no records.
    Diverging(EpochEnd),
}

/// What a follower's fetch changed.
#[derive(Debug)]
pub(crate) struct Progress {
    /// Whether the high watermark or the follower's log start moved.
    pub(crate) moved: bool,
    /// To be written, for the follower to be in the ISR.
    pub(crate) write: Option<IsrWrite>,
    /// Whether the follower is in the ISR.
    pub(crate) in_sync: bool,
}

impl<L: ReplicaLog> Replica<L> {
    /// Appends as the leader, which `append` does to the log at the leader's epoch. With `min_isr` (acks=all),
    /// refuses if fewer replicas are in sync.
    pub(crate) fn append<T, E: From<Refusal>>(
        &mut self,
        min_isr: Option<usize>,
        append: impl FnOnce(&mut L, LeaderEpoch) -> Result<T, E>,
    ) -> Result<(LeaderEpoch, T), E> {
        let leader = self.leader()?;
        let (epoch, isr) = (leader.epoch(), leader.isr().len());
        if let Some(min) = min_isr
            && isr < min
        {
            return Err(Refusal::NotEnoughReplicas { isr, min }.into());
        }
        let appended = append(&mut self.log, epoch)?;
        let end = self.log.log_end_offset();
        let leader = self.leader_mut()?;
        leader.appended(end);
        self.high_watermark = leader.high_watermark();
        Ok((epoch, appended))
    }

    /// Whether what was appended under this epoch, up to `last_offset`, is committed; `None`: not yet.
    pub(crate) fn commit_outcome(
        &self,
        leader_epoch: LeaderEpoch,
        last_offset: Offset,
        min_isr: usize,
    ) -> Option<Result<(), Refusal>> {
        let leader = match self.leader() {
            Ok(leader) if leader.epoch() == leader_epoch => leader,
            _ => return Some(Err(Refusal::NotLeader)),
        };
        if leader.high_watermark() <= last_offset {
            return None;
        }
        let (isr, min) = (leader.isr().len(), min_isr);
        Some(if isr < min {
            Err(Refusal::NotEnoughReplicasAfterAppend { isr, min })
        } else {
            Ok(())
        })
    }

    /// What a reader gets; the records are then read from the log.
    pub(crate) fn readable(&self, read: &ReadRequest) -> Result<Readable, Refusal> {
        self.check_epoch(read.current_leader_epoch)?;
        let leads = matches!(self.role, Role::Leader(_));
        let may_read = match read.reader {
            Reader::Consumer { from_followers } => {
                leads || (from_followers && matches!(self.role, Role::Follower { .. }))
            }
            Reader::Follower(_) => leads,
            Reader::Debugger => true,
        };
        if !may_read {
            return Err(Refusal::NotLeader);
        }
        if let Some(diverging) = self.diverging(read)? {
            return Ok(Readable::Diverging(diverging));
        }
        Ok(Readable::UpTo(match read.reader {
            Reader::Consumer { .. } => self.high_watermark,
            Reader::Follower(_) | Reader::Debugger => self.log.log_end_offset(),
        }))
    }

    /// Counts a follower's fetch, which was [`Self::readable`] and did not diverge.
    pub(crate) fn fetched(&mut self, fetch: &FollowerFetch) -> Result<Progress, Refusal> {
        let leader = self.leader_mut()?;
        if !leader.has_replica(fetch.broker) {
            return Err(Refusal::NotReplica(fetch.broker));
        }
        let moved = leader.fetched(fetch);
        let write = leader.enter(fetch);
        let in_sync = leader.isr().contains(&fetch.broker);
        self.high_watermark = leader.high_watermark();
        Ok(Progress {
            moved,
            write,
            in_sync,
        })
    }

    /// The end of what a consumer may see. A new leader must not tell one below an end that an earlier leader
    /// told (KIP-207).
    pub(crate) fn latest_offset(&self) -> Result<Offset, Refusal> {
        if self.leader()?.knows_high_watermark() {
            Ok(self.high_watermark)
        } else {
            Err(Refusal::OffsetNotAvailable)
        }
    }

    /// Begins to write an ISR without the followers that fell behind, if there are any.
    pub(crate) fn shrink(&mut self, now: Instant, lag_time_max: Duration) -> Option<IsrWrite> {
        self.leader_mut().ok()?.shrink(now, lag_time_max)
    }

    /// Whether the fate of an ISR write still matters and is not known yet.
    pub(crate) fn awaits(&self, write: &IsrWrite) -> bool {
        let leader = self.leader();
        leader.is_ok_and(|leader| leader.epoch() == write.epoch && leader.awaits(write))
    }

    /// Takes the fate of an ISR write.
    pub(crate) fn written(&mut self, write: &IsrWrite, outcome: WriteOutcome) {
        if let Ok(leader) = self.leader_mut()
            && leader.epoch() == write.epoch
        {
            leader.written(write, outcome);
            self.high_watermark = leader.high_watermark();
        }
    }

    /// Where the reader's log parts from ours, if its last epoch shows that it does.
    fn diverging(&self, read: &ReadRequest) -> Result<Option<EpochEnd>, Refusal> {
        let Some(last_fetched) = read.last_fetched_epoch else {
            return Ok(None);
        };
        let start = self.log.log_start_offset();
        let out_of_range = Refusal::OffsetOutOfRange {
            offset: read.from,
            start,
            end: self.log.log_end_offset(),
        };
        let end = self.log.epoch_end(last_fetched).ok_or(out_of_range)?;
        if read.from < start {
            return Err(out_of_range);
        }
        let parts = end.epoch < last_fetched || end.end_offset < read.from;
        Ok(parts.then_some(end))
    }
}
