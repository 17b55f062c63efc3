//! The log on disk, as replication sees it.

use crate::{
    log::{Log, LogError},
    replication::{EpochEnd, ReplicaLog},
};
use wire::{LeaderEpoch, Offset};

impl ReplicaLog for Log {
    type Error = LogError;

    fn log_start_offset(&self) -> Offset {
        self.log_start_offset()
    }

    fn log_end_offset(&self) -> Offset {
        self.log_end_offset()
    }

    fn latest_epoch(&self) -> Option<LeaderEpoch> {
        self.latest_epoch()
    }

    fn epoch_end(&self, epoch: LeaderEpoch) -> Option<EpochEnd> {
        self.epoch_end_offset(epoch)
            .map(|(epoch, end_offset)| EpochEnd { epoch, end_offset })
    }

    fn assign_epoch_start(&mut self, epoch: LeaderEpoch, start: Offset) -> Result<(), LogError> {
        self.assign_epoch_start(epoch, start);
        Ok(())
    }

    fn move_log_start(&mut self, offset: Offset) -> Result<(), LogError> {
        self.set_log_start_offset(offset).map(drop)
    }

    fn truncate_to(&mut self, offset: Offset, now_ms: i64) -> Result<Offset, LogError> {
        self.truncate_to(offset, now_ms)
    }

    fn truncate_fully_and_start_at(&mut self, offset: Offset, now_ms: i64) -> Result<(), LogError> {
        self.truncate_fully_and_start_at(offset, now_ms)
    }
}
