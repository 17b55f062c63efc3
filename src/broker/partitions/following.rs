//! What a follower's fetches and their answers do to its partition.

use std::sync::Arc;

use super::{Partition, PartitionError};
use crate::{
    log::{Log, LogError},
    replication::{CurrentLeader, EpochEnd, SentFetch, Truncated},
};
use wire::Offset;

/// A partition that is fetched from its leader, and how it stood when the fetch was sent.
#[derive(Debug, Clone)]
pub(crate) struct Followed {
    pub(crate) partition: Arc<Partition>,
    pub(crate) sent: SentFetch,
}

impl Partition {
    /// How to go on fetching, if this broker follows.
    pub(crate) fn followed(self: &Arc<Self>) -> Option<Followed> {
        let sent = self.lock().replica.next_fetch()?;
        Some(Followed {
            partition: Arc::clone(self),
            sent,
        })
    }

    /// Takes the leader's answer to a fetch. Does nothing if role or log changed since it was sent.
    pub(crate) fn append_fetched(
        &self,
        sent: &SentFetch,
        records: &[u8],
        high_watermark: Offset,
        log_start_offset: Offset,
        now_ms: i64,
    ) -> Result<(), PartitionError> {
        let mut state = self.lock();
        let append = |log: &mut Log| -> Result<(), LogError> {
            if !records.is_empty() {
                log.append_as_follower(records, now_ms)?;
            }
            Ok(())
        };
        let taken = state
            .replica
            .take_fetched(sent, high_watermark, log_start_offset, append);
        let moved = taken.map_err(|error| self.failed(&mut state, error))?;
        let committed = state.replica.high_watermark();
        state.replica.log.settle_transactions(committed);
        let from = CurrentLeader {
            leader: Some(sent.leader),
            epoch: sent.epoch,
        };
        if state.missing.is_some()
            && state.replica.current_leader() == from
            && state.replica.log.log_end_offset() >= high_watermark
        {
            // Everything that is committed is here again.
            state.missing = None;
        }
        drop(state);
        if moved {
            self.wake();
        }
        Ok(())
    }

    /// Cuts what the leader's log shows to be another history.
    pub(crate) fn truncate_diverged(
        &self,
        sent: &SentFetch,
        diverging: EpochEnd,
        now_ms: i64,
    ) -> Result<Option<Truncated>, PartitionError> {
        let mut state = self.lock();
        let cut = state.replica.truncate_diverged(sent, diverging, now_ms);
        let cut = cut.map_err(|error| self.failed(&mut state, error))?;
        drop(state);
        Ok(self.cut(cut))
    }

    /// Follows a leader whose log ends before ours, or starts after our end.
    pub(crate) fn reset_to(
        &self,
        sent: &SentFetch,
        leader_start: Offset,
        leader_end: Offset,
        now_ms: i64,
    ) -> Result<Option<Truncated>, PartitionError> {
        let mut state = self.lock();
        let cut = state
            .replica
            .reset_to(sent, leader_start, leader_end, now_ms);
        let cut = cut.map_err(|error| self.failed(&mut state, error))?;
        drop(state);
        Ok(self.cut(cut))
    }

    /// Tells of a cut.
    fn cut(&self, cut: Option<Truncated>) -> Option<Truncated> {
        let cut = cut?;
        if let Some(high_watermark) = cut.below {
            tracing::warn!(
                "{}: cut to {}, below the high watermark {high_watermark}: an unclean leader, or a disk that lost records",
                self.at(),
                cut.to,
            );
        }
        self.wake();
        Some(cut)
    }
}
