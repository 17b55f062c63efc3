//! What a replica does as a follower: append what the leader sent, cut what the leader does not have.

use super::{EpochEnd, Replica, ReplicaLog, replica::Role, truncation};
#[cfg(test)]
use crate::planted::{self, Bug};
use wire::{BrokerId, LeaderEpoch, Offset};

/// How a follower stood when it sent a fetch. The answer counts only if it still stands so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SentFetch {
    pub(crate) leader: BrokerId,
    pub(crate) epoch: LeaderEpoch,
    /// The log's end: what is fetched next.
    pub(crate) offset: Offset,
    pub(crate) last_fetched_epoch: Option<LeaderEpoch>,
    pub(crate) log_start_offset: Offset,
    pub(crate) high_watermark: Offset,
}

/// A cut that was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Truncated {
    pub(crate) from: Offset,
    pub(crate) to: Offset,
    /// The high watermark, where the cut went below it: an unclean leader, or a disk that lost records.
    pub(crate) below: Option<Offset>,
}

impl<L: ReplicaLog> Replica<L> {
    /// How to go on fetching, if this broker follows.
    pub(crate) fn next_fetch(&self) -> Option<SentFetch> {
        let Role::Follower { leader, epoch } = self.role else {
            return None;
        };
        Some(SentFetch {
            leader,
            epoch,
            offset: self.log.log_end_offset(),
            last_fetched_epoch: self.log.latest_epoch(),
            log_start_offset: self.log.log_start_offset(),
            high_watermark: self.high_watermark,
        })
    }

    /// Takes the leader's records, which `append` adds to the log, and its offsets. Returns whether
    /// anything moved; nothing does if role or log changed since the fetch was sent.
    pub(crate) fn take_fetched<E: From<L::Error>>(
        &mut self,
        sent: &SentFetch,
        high_watermark: Offset,
        log_start_offset: Offset,
        append: impl FnOnce(&mut L) -> Result<(), E>,
    ) -> Result<bool, E> {
        if !self.is_still(sent) {
            return Ok(false);
        }
        append(&mut self.log)?;
        let end = self.log.log_end_offset();
        let start = log_start_offset.min(end);
        if start > self.log.log_start_offset() {
            self.log.move_log_start(start)?;
        }
        let known = high_watermark
            .min(end)
            .max(self.high_watermark)
            .max(self.log.log_start_offset());
        let moved = end != sent.offset || known != self.high_watermark;
        self.high_watermark = known;
        Ok(moved)
    }

    /// Cuts what the leader's log shows to be another history.
    pub(crate) fn truncate_diverged(
        &mut self,
        sent: &SentFetch,
        diverging: EpochEnd,
        now_ms: i64,
    ) -> Result<Option<Truncated>, L::Error> {
        if !self.is_still(sent) {
            return Ok(None);
        }
        let own = self.log.epoch_end(diverging.epoch);
        let cut = truncation(diverging, own, self.log.log_end_offset());
        self.truncate(cut.to, now_ms)
    }

    /// Follows a leader whose log ends before ours, or starts after our end.
    pub(crate) fn reset_to(
        &mut self,
        sent: &SentFetch,
        leader_start: Offset,
        leader_end: Offset,
        now_ms: i64,
    ) -> Result<Option<Truncated>, L::Error> {
        if !self.is_still(sent) {
            return Ok(None);
        }
        let end = self.log.log_end_offset();
        if leader_end < end {
            return self.truncate(leader_end, now_ms);
        }
        if leader_start <= end {
            return Ok(None);
        }
        self.log.truncate_fully_and_start_at(leader_start, now_ms)?;
        self.high_watermark = leader_start;
        Ok(Some(Truncated {
            from: end,
            to: leader_start,
            below: None,
        }))
    }

    fn truncate(&mut self, to: Offset, now_ms: i64) -> Result<Option<Truncated>, L::Error> {
        let from = self.log.log_end_offset();
        let to = self.log.truncate_to(to, now_ms)?;
        if to == from {
            return Ok(None);
        }
        let below = (to < self.high_watermark).then_some(self.high_watermark);
        self.high_watermark = self.high_watermark.min(to);
        Ok(Some(Truncated { from, to, below }))
    }

    fn is_still(&self, sent: &SentFetch) -> bool {
        #[cfg(test)]
        if planted::is(Bug::StaleFetchAnswer) {
            return matches!(self.role, Role::Follower { .. });
        }
        matches!(self.role, Role::Follower { leader, epoch }
            if leader == sent.leader && epoch == sent.epoch)
            && self.log.log_end_offset() == sent.offset
    }
}
