//! A log in memory: records with their leader epochs, each a batch of its own.

use std::convert::Infallible;

use crate::{
    log::EpochEntries,
    replication::{EpochEnd, ReplicaLog},
};
use wire::{LeaderEpoch, Offset};

/// A record as the simulation sees it: its value is never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) epoch: LeaderEpoch,
    pub(super) value: u64,
}

/// A log that survives a crash of its process, as what was written to a file does.
#[derive(Debug, Default, Clone)]
pub(super) struct MemoryLog {
    records: Vec<Record>,
    epochs: EpochEntries,
}

impl MemoryLog {
    /// What a start makes of it: an epoch that was written down before a first record that never came is forgotten.
    pub(super) fn recover(mut self) -> Self {
        self.epochs.truncate_from_end(self.log_end_offset());
        self
    }

    /// Appends as the leader of an epoch; the record's offset.
    pub(super) fn append(&mut self, epoch: LeaderEpoch, value: u64) -> Offset {
        let offset = self.log_end_offset();
        self.epochs.assign(epoch, offset);
        self.records.push(Record { epoch, value });
        offset
    }

    /// Appends what a leader sent.
    pub(super) fn append_fetched(&mut self, records: &[Record]) {
        for record in records {
            self.append(record.epoch, record.value);
        }
    }

    pub(super) fn get(&self, offset: Offset) -> Option<Record> {
        self.records.get(usize::try_from(offset.0).ok()?).copied()
    }

    /// Records from `from` on and below `up_to`, at most `max` of them; `None` where `from` is not in the log.
    pub(super) fn read(&self, from: Offset, up_to: Offset, max: usize) -> Option<Vec<Record>> {
        let begin = usize::try_from(from.0).ok()?;
        let end = usize::try_from(up_to.0).ok()?.min(begin + max);
        (begin <= self.records.len()).then(|| {
            let range = begin..end.max(begin);
            self.records.get(range).unwrap_or_default().to_vec()
        })
    }
}

impl ReplicaLog for MemoryLog {
    type Error = Infallible;

    fn log_start_offset(&self) -> Offset {
        Offset(0)
    }

    fn log_end_offset(&self) -> Offset {
        Offset(i64::try_from(self.records.len()).expect("a simulation is short"))
    }

    fn latest_epoch(&self) -> Option<LeaderEpoch> {
        self.epochs.latest()
    }

    fn epoch_end(&self, epoch: LeaderEpoch) -> Option<EpochEnd> {
        let (epoch, end_offset) = self.epochs.end_offset(epoch, self.log_end_offset())?;
        Some(EpochEnd { epoch, end_offset })
    }

    fn assign_epoch_start(&mut self, epoch: LeaderEpoch, start: Offset) -> Result<(), Infallible> {
        self.epochs.assign(epoch, start);
        Ok(())
    }

    fn move_log_start(&mut self, _: Offset) -> Result<(), Infallible> {
        unreachable!("no log of the simulation starts above 0")
    }

    fn truncate_to(&mut self, offset: Offset, _: i64) -> Result<Offset, Infallible> {
        let end = offset.min(self.log_end_offset());
        self.records
            .truncate(usize::try_from(end.0).unwrap_or_default());
        self.epochs.truncate_from_end(end);
        Ok(end)
    }

    fn truncate_fully_and_start_at(&mut self, offset: Offset, _: i64) -> Result<(), Infallible> {
        assert_eq!(offset, Offset(0), "no log of the simulation starts above 0");
        self.records.clear();
        self.epochs.clear();
        Ok(())
    }
}
