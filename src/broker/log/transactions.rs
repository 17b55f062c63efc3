//! Transactions in a log: their markers, which of them are open, and which were aborted.

use std::collections::HashSet;

use super::producer_state::{MarkerRefusal, ProducerState};
use super::segment::file_path;
use super::transaction_index::{AbortedTransaction, AbortedTransactions};
use super::verification::Verifications;
use super::{Appended, Log, LogError};
use wire::record_batch::{Batch, BatchBuilder, BatchHeader, ControlType, EndMarker};
use wire::{LeaderEpoch, Offset};

/// How a coordinator ends the transaction of a producer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TransactionEnd {
    pub(crate) producer_id: i64,
    pub(crate) producer_epoch: i16,
    /// The leader epoch under which the coordinator leads its partition of `__transaction_state`.
    pub(crate) coordinator_epoch: i32,
    /// Whether the producer speaks the protocol in which each end raises its epoch (KIP-890).
    pub(crate) raises_epoch: bool,
    pub(crate) control: ControlType,
}

impl Log {
    /// Appends the marker that ends a transaction, as the leader of `leader_epoch`. Where none is open it is appended
    /// all the same, as in Apache Kafka: coordinators send a marker again whose answer they did not get. Of a producer
    /// whose epoch rises with each end it is known by that, and not written again.
    pub(crate) fn append_marker(
        &mut self,
        end: &TransactionEnd,
        leader_epoch: LeaderEpoch,
        now_ms: i64,
    ) -> Result<Appended, LogError> {
        self.check_online()?;
        let TransactionEnd {
            producer_id,
            producer_epoch,
            coordinator_epoch,
            control,
            ..
        } = *end;
        match self.producers.check_marker(end) {
            Ok(()) => {}
            Err(MarkerRefusal::Repeated) => return Ok(self.repeated()),
            Err(MarkerRefusal::Fenced { current_epoch }) => {
                return Err(LogError::InvalidProducerEpoch {
                    partition: self.partition.clone(),
                    producer_id,
                    producer_epoch,
                    current_epoch,
                });
            }
            Err(MarkerRefusal::CoordinatorFenced { current_epoch }) => {
                return Err(LogError::CoordinatorFenced {
                    partition: self.partition.clone(),
                    producer_id,
                    coordinator_epoch,
                    current_epoch,
                });
            }
        }
        let bytes = BatchBuilder::new().end_transaction(
            control,
            now_ms,
            producer_id,
            producer_epoch,
            coordinator_epoch,
        );
        let batch = Batch::parse(&bytes).expect("a batch just built is whole");
        self.write_as_leader(&batch, leader_epoch, now_ms)
    }

    /// A marker that is somewhere in the log: whoever waits for all of the log waits for it.
    fn repeated(&self) -> Appended {
        let end = self.log_end_offset();
        Appended {
            first_offset: end,
            last_offset: Offset(end.0 - 1),
            log_append_time: -1,
            log_start_offset: self.log_start_offset,
            duplicate: true,
            size_bytes: 0,
        }
    }

    /// Refuses a coordinator's batch on behalf of a producer that was replaced by a newer one.
    pub(super) fn check_epoch(&self, header: &BatchHeader) -> Result<(), LogError> {
        let (producer_id, producer_epoch) = (header.producer_id, header.producer_epoch);
        match self.producers.newer_epoch(producer_id, producer_epoch) {
            Some(current_epoch) => Err(LogError::InvalidProducerEpoch {
                partition: self.partition.clone(),
                producer_id,
                producer_epoch,
                current_epoch,
            }),
            None => Ok(()),
        }
    }

    /// Where the records end that readers of committed ones may see: before the first open transaction, and at the
    /// high watermark where there is none.
    pub(crate) fn last_stable_offset(&mut self, high_watermark: Offset) -> Offset {
        self.producers.settle(high_watermark);
        let unstable = self.producers.first_unstable_offset(high_watermark);
        let stable = unstable.map_or(high_watermark, |unstable| unstable.min(high_watermark));
        // Its first records may have been deleted.
        stable.max(self.log_start_offset.min(high_watermark))
    }

    /// Forgets what was kept of transactions until their ends are committed.
    pub(crate) fn settle_transactions(&mut self, high_watermark: Offset) {
        self.producers.settle(high_watermark);
    }

    /// The aborted transactions with records from `from` to below `up_to`, in the order in which they began.
    pub(crate) fn aborted_between(&self, from: Offset, up_to: Offset) -> Vec<AbortedTransaction> {
        self.aborted.between(from, up_to)
    }

    /// A pass of the cleaner has replaced these segments and their files, and left nothing of the aborted transactions
    /// with these markers.
    pub(super) fn forget_aborted(&mut self, segments: &[Offset], markers: &HashSet<Offset>) {
        self.aborted.forget(segments, markers);
    }

    /// Takes over a batch that lies in the log. Of a control batch, `marker` is what it says.
    pub(super) fn note_producer(
        &mut self,
        header: &BatchHeader,
        marker: Option<EndMarker>,
    ) -> Result<(), LogError> {
        self.verifications.note(header);
        let Some(aborted) = self.producers.update(header, marker) else {
            return Ok(());
        };
        let segment = self.segments.range(..=aborted.last_offset).next_back();
        let segment = segment.map_or(aborted.last_offset, |segment| *segment.0);
        self.aborted
            .add(&self.folder, segment, aborted)
            // The marker is in the log: opening it anew writes the entry.
            .inspect_err(|_| self.offline = true)
    }

    /// Reads the aborted transactions once, when the log is opened. Where a file is damaged they are derived from all
    /// that lies in the log, by [`Self::reload_producers`].
    pub(super) fn read_aborted(&mut self) -> Result<(), LogError> {
        let (aborted, sound) = AbortedTransactions::read(&self.folder, self.spans())?;
        self.aborted = aborted;
        if !sound {
            self.drop_snapshots(|_| false);
        }
        Ok(())
    }

    /// Makes the producers' state that of a log which ends at `end`: the newest sound snapshot at or below, then the
    /// headers after it. What was aborted after it is derived from there as well.
    pub(super) fn reload_producers(&mut self, end: Offset) -> Result<(), LogError> {
        self.drop_snapshots(|at| at <= end);
        let mut from = self
            .segments
            .first_key_value()
            .map_or(end, |first| *first.0);
        self.producers = ProducerState::default();
        self.verifications = Verifications::default();
        while let Some(at) = self.snapshots.last().copied() {
            let bytes = std::fs::read(file_path(&self.folder, at, "snapshot"));
            if let Some(state) = bytes.ok().and_then(|bytes| ProducerState::decode(&bytes)) {
                self.producers = state;
                from = at;
                break;
            }
            self.drop_snapshots(|other| other != at);
        }
        // That which ends there too: a file may tell of markers that were cut.
        let after: Vec<(Offset, Offset)> = self.spans().filter(|span| span.1 >= from).collect();
        self.aborted
            .truncate(&self.folder, after.iter().copied(), from)?;
        for (base, _) in after {
            self.replay_producers(base, from, end)?;
        }
        Ok(())
    }

    /// Takes over the batches of a segment from `from` to below `end`.
    fn replay_producers(
        &mut self,
        base: Offset,
        from: Offset,
        end: Offset,
    ) -> Result<(), LogError> {
        let Some(segment) = self.segments.get(&base) else {
            return Ok(());
        };
        let mut found = Vec::new();
        let producers = &mut self.producers;
        let position = segment.indexed_position(from)?;
        for header in segment.headers(position)? {
            let (position, header) = header?;
            if header.base_offset < from || header.base_offset >= end || !header.has_producer_id() {
                continue;
            }
            let marker = if header.is_control() {
                let mut bytes = vec![0; header.size_bytes()];
                segment.read_at(&mut bytes, position)?;
                Batch::parse(&bytes)
                    .ok()
                    .and_then(|batch| batch.end_marker())
            } else {
                None
            };
            found.extend(producers.update(&header, marker));
        }
        for aborted in found {
            self.aborted.add(&self.folder, base, aborted)?;
        }
        Ok(())
    }

    /// Base offset of each segment and the offset after it, oldest first.
    fn spans(&self) -> impl Iterator<Item = (Offset, Offset)> + use<'_> {
        let segments = self.segments.values();
        segments.map(|segment| (segment.base_offset, segment.next_offset))
    }
}
