//! What a leader appends, and waiting until it is committed.

use std::sync::Arc;

use tokio::sync::Notify;

use super::{AppendReceipt, Awaits, Partition, PartitionError, partition::State};
use crate::{
    log::{AppendOrigin, Appended, Log, LogError, TransactionEnd, VerificationGuard},
    replication::Refusal,
};
use wire::LeaderEpoch;

impl Partition {
    /// Appends a batch as the leader. With `acks_all`, refuses if too few replicas are in sync.
    pub(crate) fn append(
        &self,
        records: &[u8],
        acks_all: bool,
        origin: AppendOrigin,
        now_ms: i64,
    ) -> Result<AppendReceipt, PartitionError> {
        self.append_to(&mut self.lock(), records, acks_all, origin, now_ms)
    }

    /// Appends a coordinator's own batch with acks=all, if this broker leads under this very epoch:
    /// whoever led under an earlier one does not know what was written since.
    pub(crate) fn append_in_epoch(
        &self,
        leader_epoch: LeaderEpoch,
        records: &[u8],
        now_ms: i64,
    ) -> Result<AppendReceipt, PartitionError> {
        let mut state = self.lock();
        let replica = &state.replica;
        replica
            .check_epoch(Some(leader_epoch))
            .map_err(|it| self.refused(it))?;
        self.append_to(&mut state, records, true, AppendOrigin::Coordinator, now_ms)
    }

    fn append_to(
        &self,
        state: &mut State,
        records: &[u8],
        acks_all: bool,
        origin: AppendOrigin,
        now_ms: i64,
    ) -> Result<AppendReceipt, PartitionError> {
        self.append_with(state, acks_all, |log, leader_epoch| {
            log.append_as_leader(records, leader_epoch, origin, now_ms)
        })
    }

    /// Appends the marker that ends a producer's transaction, as the leader, with acks=all.
    pub(crate) fn append_marker(
        &self,
        end: &TransactionEnd,
        now_ms: i64,
    ) -> Result<AppendReceipt, PartitionError> {
        let mut state = self.lock();
        let receipt = self.append_with(&mut state, true, |log, leader_epoch| {
            log.append_marker(end, leader_epoch, now_ms)
        })?;
        let high_watermark = state.replica.high_watermark();
        state.replica.log.settle_transactions(high_watermark);
        self.wake();
        Ok(receipt)
    }

    fn append_with(
        &self,
        state: &mut State,
        acks_all: bool,
        append: impl FnOnce(&mut Log, LeaderEpoch) -> Result<Appended, LogError>,
    ) -> Result<AppendReceipt, PartitionError> {
        let min_isr = acks_all.then_some(state.min_insync_replicas);
        let committed = state.replica.high_watermark();
        let appended = state
            .replica
            .append(min_isr, |log, leader_epoch| Ok(append(log, leader_epoch)?));
        let (leader_epoch, appended) = appended.map_err(|error| match error {
            AppendError::Refused(refusal) => self.refused(refusal),
            AppendError::Log(error) => self.failed(state, error).into(),
        })?;
        // Alone in the ISR, what it has is committed.
        if state.replica.high_watermark() != committed {
            self.wake();
        } else if !appended.duplicate {
            self.wake_for_records();
        }
        Ok(AppendReceipt {
            appended,
            leader_epoch,
        })
    }

    /// See [`Log::begin_verification`].
    pub(crate) fn begin_verification(
        &self,
        producer: (i64, i16),
        lowest_sequence: i32,
        now_ms: i64,
    ) -> Option<VerificationGuard> {
        let log = &mut self.lock().replica.log;
        log.begin_verification(producer, lowest_sequence, now_ms)
    }

    /// See [`Log::end_verification`].
    pub(crate) fn end_verification(&self, guard: VerificationGuard, is_part: bool) {
        self.lock().replica.log.end_verification(guard, is_part);
    }

    /// Waits until every in-sync replica has the appended records.
    pub(crate) async fn committed(
        &self,
        receipt: &AppendReceipt,
        deadline: tokio::time::Instant,
    ) -> Result<(), PartitionError> {
        let waiter = Arc::new(Notify::new());
        loop {
            self.register(&waiter, Awaits::Commits);
            if let Some(outcome) = self.commit_outcome(receipt) {
                return outcome;
            }
            if tokio::time::timeout_at(deadline, waiter.notified())
                .await
                .is_err()
            {
                return self
                    .commit_outcome(receipt)
                    .unwrap_or(Err(PartitionError::TimedOut {
                        at: self.at().clone(),
                    }));
            }
        }
    }

    fn commit_outcome(&self, receipt: &AppendReceipt) -> Option<Result<(), PartitionError>> {
        let state = self.lock();
        let outcome = state.replica.commit_outcome(
            receipt.leader_epoch,
            receipt.appended.last_offset,
            state.min_insync_replicas,
        );
        outcome.map(|it| it.map_err(|refusal| self.refused(refusal)))
    }
}

/// Why nothing was appended.
enum AppendError {
    Refused(Refusal),
    Log(LogError),
}

impl From<Refusal> for AppendError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<LogError> for AppendError {
    fn from(error: LogError) -> Self {
        Self::Log(error)
    }
}
