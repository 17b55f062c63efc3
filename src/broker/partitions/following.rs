//! What a follower does to its log: append what the leader sent, cut what the leader does not have.

use std::sync::Arc;

use super::{
    Partition, PartitionError,
    partition::{Role, State},
};
use crate::{
    broker::replication::{EpochEnd, truncation},
    wire::{BrokerId, LeaderEpoch, Offset},
};

/// A partition that is fetched from its leader, and how its log stood when the fetch was sent.
#[derive(Debug, Clone)]
pub(crate) struct Followed {
    pub(crate) partition: Arc<Partition>,
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
}

impl Partition {
    /// How to go on fetching, if this broker follows.
    pub(crate) fn followed(self: &Arc<Self>) -> Option<Followed> {
        let state = self.lock();
        let Role::Follower { leader, epoch } = state.role else {
            return None;
        };
        Some(Followed {
            partition: Arc::clone(self),
            leader,
            epoch,
            offset: state.log.log_end_offset(),
            last_fetched_epoch: state.log.latest_epoch(),
            log_start_offset: state.log.log_start_offset(),
            high_watermark: state.high_watermark,
        })
    }

    /// Takes the leader's answer to a fetch. Does nothing if role or log changed since it was sent.
    pub(crate) fn append_fetched(
        &self,
        sent: &Followed,
        records: &[u8],
        high_watermark: Offset,
        log_start_offset: Offset,
        now_ms: i64,
    ) -> Result<(), PartitionError> {
        let mut state = self.lock();
        if !is_still(&state, sent) {
            return Ok(());
        }
        if !records.is_empty() {
            state.log.append_as_follower(records, now_ms)?;
        }
        let end = state.log.log_end_offset();
        let start = log_start_offset.min(end);
        if start > state.log.log_start_offset() {
            state.log.set_log_start_offset(start)?;
        }
        let known = high_watermark
            .min(end)
            .max(state.high_watermark)
            .max(state.log.log_start_offset());
        let moved = !records.is_empty() || known != state.high_watermark;
        state.high_watermark = known;
        drop(state);
        if moved {
            self.wake();
        }
        Ok(())
    }

    /// Cuts what the leader's log shows to be another history.
    pub(crate) fn truncate_diverged(
        &self,
        sent: &Followed,
        diverging: EpochEnd,
        now_ms: i64,
    ) -> Result<Option<Truncated>, PartitionError> {
        let mut state = self.lock();
        if !is_still(&state, sent) {
            return Ok(None);
        }
        let own = state
            .log
            .epoch_end_offset(diverging.epoch)
            .map(|(epoch, end_offset)| EpochEnd { epoch, end_offset });
        let cut = truncation(diverging, own, state.log.log_end_offset());
        self.truncate(&mut state, cut.to, now_ms)
    }

    /// Follows a leader whose log ends before ours, or starts after our end.
    pub(crate) fn reset_to(
        &self,
        sent: &Followed,
        leader_start: Offset,
        leader_end: Offset,
        now_ms: i64,
    ) -> Result<Option<Truncated>, PartitionError> {
        let mut state = self.lock();
        if !is_still(&state, sent) {
            return Ok(None);
        }
        let end = state.log.log_end_offset();
        if leader_end < end {
            return self.truncate(&mut state, leader_end, now_ms);
        }
        if leader_start <= end {
            return Ok(None);
        }
        state
            .log
            .truncate_fully_and_start_at(leader_start, now_ms)?;
        state.high_watermark = leader_start;
        drop(state);
        self.wake();
        Ok(Some(Truncated {
            from: end,
            to: leader_start,
        }))
    }

    fn truncate(
        &self,
        state: &mut State,
        to: Offset,
        now_ms: i64,
    ) -> Result<Option<Truncated>, PartitionError> {
        let from = state.log.log_end_offset();
        let to = state.log.truncate_to(to, now_ms)?;
        if to == from {
            return Ok(None);
        }
        if to < state.high_watermark {
            tracing::warn!(
                "{}: cut to {to}, below the high watermark {}: an unclean leader, or a disk that lost records",
                self.at(),
                state.high_watermark
            );
            state.high_watermark = to;
        }
        self.wake();
        Ok(Some(Truncated { from, to }))
    }
}

fn is_still(state: &State, sent: &Followed) -> bool {
    matches!(state.role, Role::Follower { leader, epoch }
        if leader == sent.leader && epoch == sent.epoch)
        && state.log.log_end_offset() == sent.offset
}
