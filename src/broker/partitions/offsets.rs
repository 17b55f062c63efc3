//! Offsets of one partition as ListOffsets, OffsetForLeaderEpoch and DeleteRecords ask for them.

use std::sync::Arc;

use tokio::sync::Notify;

use super::{
    Partition, PartitionError,
    partition::{Role, State},
};
use crate::{
    broker::{log::TimestampedOffset, replication::EpochEnd},
    wire::{LeaderEpoch, Offset},
};

/// Which offset is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OffsetQuery {
    /// The end of what the reader may see.
    Latest,
    /// The log's start.
    Earliest,
    /// The record with the largest timestamp.
    MaxTimestamp,
    /// The first record at or after this time, in milliseconds.
    AtTime(i64),
}

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Viewer {
    /// Sees what the leader knows to be committed.
    Consumer,
    /// Sees the leader's log to its end.
    Follower,
    /// Sees the log of any replica to its end.
    Debugger,
}

impl Partition {
    /// Bytes of all batches in the log.
    pub(crate) fn size_bytes(&self) -> u64 {
        self.lock().log.size_bytes()
    }

    /// Finds an offset; `None` where no record fits.
    pub(crate) fn find_offset(
        &self,
        query: OffsetQuery,
        viewer: Viewer,
        current_leader_epoch: Option<LeaderEpoch>,
    ) -> Result<Option<TimestampedOffset>, PartitionError> {
        let state = self.lock();
        if viewer != Viewer::Debugger {
            self.check_epoch(&state.role, current_leader_epoch)?;
            if !matches!(state.role, Role::Leader(_)) {
                return Err(self.not_leader());
            }
        }
        let is_consumer = viewer == Viewer::Consumer;
        let end = if is_consumer {
            state.high_watermark
        } else {
            state.log.log_end_offset()
        };
        let without_time = |offset| TimestampedOffset {
            offset,
            timestamp: -1,
            leader_epoch: state.log.latest_epoch().unwrap_or(LeaderEpoch(-1)),
        };
        let start = state.log.log_start_offset();
        match query {
            OffsetQuery::Earliest => Ok(Some(TimestampedOffset {
                leader_epoch: state.log.epoch_at(start).unwrap_or(LeaderEpoch(-1)),
                ..without_time(start)
            })),
            OffsetQuery::Latest => {
                self.check_known(&state, is_consumer)?;
                Ok(Some(without_time(end)))
            }
            OffsetQuery::MaxTimestamp => {
                let found = state.log.max_timestamp_offset()?;
                Ok(found.filter(|found| found.offset < end))
            }
            OffsetQuery::AtTime(timestamp) => {
                let found = state.log.offset_for_timestamp(timestamp)?;
                if found.is_none_or(|found| found.offset >= end) {
                    // What lies there may be committed or not: too early to say.
                    self.check_known(&state, is_consumer)?;
                }
                Ok(found.filter(|found| found.offset < end))
            }
        }
    }

    /// A new leader must not tell an end below one that an earlier leader told (KIP-207).
    fn check_known(&self, state: &State, is_consumer: bool) -> Result<(), PartitionError> {
        match &state.role {
            Role::Leader(leader) if is_consumer && !leader.knows_high_watermark() => {
                Err(PartitionError::OffsetNotAvailable {
                    at: self.at().clone(),
                })
            }
            _ => Ok(()),
        }
    }

    /// Where the largest epoch at or below `epoch` ended; `None` where `epoch` is above all that is known.
    pub(crate) fn epoch_end(
        &self,
        epoch: LeaderEpoch,
        current_leader_epoch: Option<LeaderEpoch>,
    ) -> Result<Option<EpochEnd>, PartitionError> {
        let state = self.lock();
        self.check_epoch(&state.role, current_leader_epoch)?;
        if !matches!(state.role, Role::Leader(_)) {
            return Err(self.not_leader());
        }
        Ok(state
            .log
            .epoch_end_offset(epoch)
            .map(|(epoch, end_offset)| EpochEnd { epoch, end_offset }))
    }

    /// Deletes the records below `offset`, or all that are committed, as the leader. Returns where the log
    /// starts then.
    pub(crate) fn delete_records(&self, offset: Option<Offset>) -> Result<Offset, PartitionError> {
        let mut state = self.lock();
        let Role::Leader(leader) = &state.role else {
            return Err(self.not_leader());
        };
        let high_watermark = leader.high_watermark();
        if !state.log.config().delete {
            return Err(PartitionError::Compacted {
                at: self.at().clone(),
            });
        }
        let offset = offset.unwrap_or(high_watermark);
        if offset > high_watermark || offset < Offset(0) {
            return Err(PartitionError::OffsetOutOfRange {
                at: self.at().clone(),
                offset,
                start: state.log.log_start_offset(),
                end: high_watermark,
            });
        }
        state.log.set_log_start_offset(offset)?;
        let start = state.log.log_start_offset();
        drop(state);
        // Followers learn of it by their waiting fetches.
        self.wake();
        Ok(start)
    }

    /// Waits until the log starts at `offset` or later on every in-sync replica. Returns where it does.
    pub(crate) async fn deleted(
        &self,
        offset: Offset,
        deadline: tokio::time::Instant,
    ) -> Result<Offset, PartitionError> {
        let waiter = Arc::new(Notify::new());
        loop {
            self.register(&waiter);
            let low_watermark = {
                let state = self.lock();
                let Role::Leader(leader) = &state.role else {
                    return Err(self.not_leader());
                };
                leader.low_watermark(state.log.log_start_offset())
            };
            if low_watermark >= offset {
                return Ok(low_watermark);
            }
            if tokio::time::timeout_at(deadline, waiter.notified())
                .await
                .is_err()
            {
                return Err(PartitionError::TimedOut {
                    at: self.at().clone(),
                });
            }
        }
    }
}
