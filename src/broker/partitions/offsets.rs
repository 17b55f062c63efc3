//! Offsets of one partition as ListOffsets, OffsetForLeaderEpoch and DeleteRecords ask for them.

use std::sync::Arc;

use tokio::sync::Notify;

use super::{Awaits, Partition, PartitionError, partition::State};
use crate::{
    log::{ActiveProducer, TimestampedOffset},
    replication::{EpochEnd, Refusal, ReplicaLog},
};
use wire::{LeaderEpoch, Offset};

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
    /// A place in remote storage.
    Tiered,
}

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Viewer {
    /// Sees what the leader knows to be committed.
    Consumer,
    /// Sees of that what lies before the first open transaction.
    CommittedConsumer,
    /// Sees the leader's log to its end.
    Follower,
    /// Sees the log of any replica to its end.
    Debugger,
}

impl Partition {
    /// Bytes of all batches in the log.
    pub(crate) fn size_bytes(&self) -> u64 {
        self.lock().replica.log.size_bytes()
    }

    /// The idempotent producers that the log remembers.
    pub(crate) fn active_producers(&self) -> Vec<ActiveProducer> {
        self.lock().replica.log.active_producers().collect()
    }

    /// Finds an offset; `None` where no record fits.
    pub(crate) fn find_offset(
        &self,
        query: OffsetQuery,
        viewer: Viewer,
        current_leader_epoch: Option<LeaderEpoch>,
    ) -> Result<Option<TimestampedOffset>, PartitionError> {
        let mut state = self.lock();
        if viewer != Viewer::Debugger || self.is_offline() {
            self.check_leads(&state, current_leader_epoch)?;
        }
        let is_consumer = matches!(viewer, Viewer::Consumer | Viewer::CommittedConsumer);
        let high_watermark = state.replica.high_watermark();
        let end = match viewer {
            Viewer::Consumer => high_watermark,
            Viewer::CommittedConsumer => state.replica.log.last_stable_offset(high_watermark),
            Viewer::Follower | Viewer::Debugger => state.replica.log.log_end_offset(),
        };
        let log = &state.replica.log;
        let without_time = |offset| TimestampedOffset {
            offset,
            timestamp: -1,
            leader_epoch: log.latest_epoch().unwrap_or(LeaderEpoch(-1)),
        };
        let start = log.log_start_offset();
        match query {
            OffsetQuery::Earliest => Ok(Some(TimestampedOffset {
                leader_epoch: log.epoch_at(start).unwrap_or(LeaderEpoch(-1)),
                ..without_time(start)
            })),
            OffsetQuery::Latest => {
                self.check_known(&state, is_consumer)?;
                Ok(Some(without_time(end)))
            }
            OffsetQuery::MaxTimestamp => {
                let found = log.max_timestamp_offset();
                let found = found.map_err(|error| self.failed(&mut state, error))?;
                Ok(found.filter(|found| found.offset < end))
            }
            OffsetQuery::Tiered => Ok(None),
            OffsetQuery::AtTime(timestamp) => {
                let found = log.offset_for_timestamp(timestamp);
                let found = found.map_err(|error| self.failed(&mut state, error))?;
                if found.is_none_or(|found| found.offset >= end) {
                    // What lies there may be committed or not: too early to say.
                    self.check_known(&state, is_consumer)?;
                }
                Ok(found.filter(|found| found.offset < end))
            }
        }
    }

    /// Where the log starts.
    pub(crate) fn log_start_offset(&self) -> Offset {
        self.lock().replica.log.log_start_offset()
    }

    /// Whether a consumer may be told where the committed records end.
    fn check_known(&self, state: &State, is_consumer: bool) -> Result<(), PartitionError> {
        if is_consumer {
            let latest = state.replica.latest_offset();
            latest.map_err(|it| self.refused(it))?;
        }
        Ok(())
    }

    fn check_leads(
        &self,
        state: &State,
        current_leader_epoch: Option<LeaderEpoch>,
    ) -> Result<(), PartitionError> {
        let checked = state.replica.check_epoch(current_leader_epoch);
        let leads = checked.and_then(|()| state.replica.leader());
        leads.map(drop).map_err(|it| self.refused(it))
    }

    /// Where the largest epoch at or below `epoch` ended; `None` where `epoch` is above all that is known.
    pub(crate) fn epoch_end(
        &self,
        epoch: LeaderEpoch,
        current_leader_epoch: Option<LeaderEpoch>,
    ) -> Result<Option<EpochEnd>, PartitionError> {
        let state = self.lock();
        self.check_leads(&state, current_leader_epoch)?;
        Ok(state.replica.log.epoch_end(epoch))
    }

    /// Deletes the records below `offset`, or all that are committed, as the leader. Returns where the log
    /// starts then.
    pub(crate) fn delete_records(&self, offset: Option<Offset>) -> Result<Offset, PartitionError> {
        let mut state = self.lock();
        let leader = state.replica.leader().map_err(|it| self.refused(it))?;
        let high_watermark = leader.high_watermark();
        let log = &mut state.replica.log;
        if !log.config().delete {
            return Err(PartitionError::Compacted {
                at: self.at().clone(),
            });
        }
        let offset = offset.unwrap_or(high_watermark);
        if offset > high_watermark || offset < Offset(0) {
            return Err(self.refused(Refusal::OffsetOutOfRange {
                offset,
                start: log.log_start_offset(),
                end: high_watermark,
            }));
        }
        let moved = log.set_log_start_offset(offset);
        let start = log.log_start_offset();
        moved.map_err(|error| self.failed(&mut state, error))?;
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
            self.register(&waiter, Awaits::Commits);
            let low_watermark = {
                let state = self.lock();
                let leader = state.replica.leader().map_err(|it| self.refused(it))?;
                leader.low_watermark(state.replica.log.log_start_offset())
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
