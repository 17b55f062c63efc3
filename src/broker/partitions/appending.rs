//! What a leader appends, and waiting until it is committed.

use std::sync::Arc;

use tokio::sync::Notify;

use super::{
    AppendReceipt, Partition, PartitionError,
    partition::{Role, State},
};
use crate::{broker::log::AppendOrigin, wire::LeaderEpoch};

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
        self.check_epoch(&state.role, Some(leader_epoch))?;
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
        let Role::Leader(leader) = &mut state.role else {
            return Err(self.not_leader());
        };
        let (isr, min) = (leader.isr().len(), state.min_insync_replicas);
        if acks_all && isr < min {
            return Err(PartitionError::NotEnoughReplicas {
                at: self.at().clone(),
                isr,
                min,
            });
        }
        let leader_epoch = leader.epoch();
        let appended = state
            .log
            .append_as_leader(records, leader_epoch, origin, now_ms)?;
        if !appended.duplicate {
            leader.appended(state.log.log_end_offset());
            state.high_watermark = leader.high_watermark();
            self.wake();
        }
        Ok(AppendReceipt {
            appended,
            leader_epoch,
        })
    }

    /// Waits until every in-sync replica has the appended records.
    pub(crate) async fn committed(
        &self,
        receipt: &AppendReceipt,
        deadline: tokio::time::Instant,
    ) -> Result<(), PartitionError> {
        let waiter = Arc::new(Notify::new());
        loop {
            self.register(&waiter);
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
        let leader = match &state.role {
            Role::Leader(leader) if leader.epoch() == receipt.leader_epoch => leader,
            _ => return Some(Err(self.not_leader())),
        };
        if leader.high_watermark() <= receipt.appended.last_offset {
            return None;
        }
        let (isr, min) = (leader.isr().len(), state.min_insync_replicas);
        Some(if isr < min {
            Err(PartitionError::NotEnoughReplicasAfterAppend {
                at: self.at().clone(),
                isr,
                min,
            })
        } else {
            Ok(())
        })
    }
}
