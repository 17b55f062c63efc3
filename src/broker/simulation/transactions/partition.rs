//! A partition that producers write into, as its leader has it. What a leader knows of its producers is the product's
//! code; the next leader derives it from its log, which has what was committed, and perhaps more.

use std::collections::BTreeSet;

use super::ledger::Serial;
use crate::log::{
    AbortedTransaction, MarkerRefusal, NotVerified, ProducerState, TransactionEnd, Verdict,
    VerificationGuard, Verifications,
};
use crate::planted::{self, Bug};
use crate::transactions::Mark;
use wire::record_batch::{BatchHeader, ControlType, EndMarker, NO_SEQUENCE};
use wire::{ErrorCode, LeaderEpoch, Offset, TopicPartition};

/// Attributes of a batch: part of a transaction, and a marker.
const TRANSACTIONAL: i16 = 0x10;
const CONTROL: i16 = 0x20;

#[derive(Debug)]
pub(super) struct Partition {
    pub(super) at: TopicPartition,
    pub(super) leader_epoch: LeaderEpoch,
    pub(super) high_watermark: Offset,
    log: Vec<Entry>,
    producers: ProducerState,
    verifications: Verifications,
    aborted: Vec<AbortedTransaction>,
}

/// A batch of one record, or a marker.
#[derive(Debug, Clone, Copy)]
struct Entry {
    header: BatchHeader,
    marker: Option<EndMarker>,
    /// Whose record it is.
    serial: Option<Serial>,
}

impl Partition {
    pub(super) fn new(at: TopicPartition) -> Self {
        Self {
            at,
            leader_epoch: LeaderEpoch(0),
            high_watermark: Offset(0),
            log: Vec::new(),
            producers: ProducerState::default(),
            verifications: Verifications::default(),
            aborted: Vec::new(),
        }
    }

    pub(super) fn log_end_offset(&self) -> Offset {
        Offset(i64::try_from(self.log.len()).expect("a simulation is short"))
    }

    pub(super) fn begin_verification(
        &mut self,
        producer: (i64, i16),
        lowest_sequence: i32,
    ) -> Option<VerificationGuard> {
        let (producers, verifications) = (&self.producers, &mut self.verifications);
        verifications.begin(producers, producer, lowest_sequence, 0)
    }

    pub(super) fn end_verification(&mut self, guard: VerificationGuard, is_part: bool) {
        self.verifications.answered(guard, is_part);
    }

    /// Appends a producer's record; the end up to which it has to be committed.
    pub(super) fn append(
        &mut self,
        (producer_id, producer_epoch): (i64, i16),
        sequence: i32,
        serial: Serial,
    ) -> Result<Offset, ErrorCode> {
        let header = self.header(TRANSACTIONAL, (producer_id, producer_epoch), sequence);
        match self.producers.check(&header) {
            Verdict::Accept => {}
            Verdict::Duplicate(original) => return Ok(Offset(original.last_offset.0 + 1)),
            Verdict::Fenced { .. } => return Err(ErrorCode::InvalidProducerEpoch),
            Verdict::OutOfOrder { .. } => return Err(ErrorCode::OutOfOrderSequenceNumber),
            Verdict::OutsideTransaction => return Err(ErrorCode::InvalidTxnState),
        }
        let verified = self.verifications.check(&self.producers, &header);
        verified.map_err(|refusal| match refusal {
            NotVerified::Ended => ErrorCode::InvalidTxnState,
            NotVerified::OutOfOrder { .. } => ErrorCode::OutOfOrderSequenceNumber,
        })?;
        self.write(Entry {
            header,
            marker: None,
            serial: Some(serial),
        });
        Ok(self.log_end_offset())
    }

    /// Appends a marker; the end up to which it has to be committed, and which transactions it ends.
    pub(super) fn mark(&mut self, mark: &Mark) -> Result<(Offset, BTreeSet<Serial>), ErrorCode> {
        let control = if mark.commit {
            ControlType::Commit
        } else {
            ControlType::Abort
        };
        let end = TransactionEnd {
            producer_id: mark.producer_id,
            producer_epoch: mark.producer_epoch,
            coordinator_epoch: mark.coordinator_epoch.0,
            raises_epoch: mark.transaction_version >= 2,
            control,
        };
        match self.producers.check_marker(&end) {
            Ok(()) => {}
            Err(MarkerRefusal::Repeated) if planted::is(Bug::RepeatedMarkerNotAwaited) => {
                return Ok((Offset(0), BTreeSet::new()));
            }
            Err(MarkerRefusal::Repeated) => return Ok((self.log_end_offset(), BTreeSet::new())),
            Err(MarkerRefusal::Fenced { .. }) => return Err(ErrorCode::InvalidProducerEpoch),
            Err(MarkerRefusal::CoordinatorFenced { .. }) => {
                return Err(ErrorCode::TransactionCoordinatorFenced);
            }
        }
        let of_producer = |entry: &&Entry| entry.header.producer_id == mark.producer_id;
        let since_last = self.log.iter().rev().filter(of_producer);
        let ended = since_last
            .take_while(|entry| entry.marker.is_none())
            .filter_map(|entry| entry.serial)
            .collect();
        let producer = (mark.producer_id, mark.producer_epoch);
        let marker = EndMarker {
            control,
            coordinator_epoch: end.coordinator_epoch,
        };
        self.write(Entry {
            header: self.header(TRANSACTIONAL | CONTROL, producer, NO_SEQUENCE),
            marker: Some(marker),
            serial: None,
        });
        Ok((self.log_end_offset(), ended))
    }

    fn header(&self, attributes: i16, producer: (i64, i16), sequence: i32) -> BatchHeader {
        BatchHeader {
            base_offset: self.log_end_offset(),
            batch_length: 60,
            leader_epoch: self.leader_epoch,
            crc: 0,
            attributes,
            last_offset_delta: 0,
            base_timestamp: 0,
            max_timestamp: 0,
            producer_id: producer.0,
            producer_epoch: producer.1,
            base_sequence: sequence,
            records_count: 1,
        }
    }

    fn write(&mut self, entry: Entry) {
        self.log.push(entry);
        self.note(entry);
    }

    fn note(&mut self, entry: Entry) {
        self.verifications.note(&entry.header);
        let aborted = self.producers.update(&entry.header, entry.marker);
        self.aborted.extend(aborted);
    }

    /// Every in-sync replica has the log up to `end`.
    pub(super) fn replicated(&mut self, end: Offset) {
        self.high_watermark = self.high_watermark.max(end.min(self.log_end_offset()));
        self.producers.settle(self.high_watermark);
    }

    /// Another broker leads; it has what was committed and `kept` of the rest.
    pub(super) fn elect(&mut self, kept: u64) {
        self.leader_epoch = LeaderEpoch(self.leader_epoch.0 + 1);
        let committed = usize::try_from(self.high_watermark.0).expect("not negative");
        let end = committed + usize::try_from(kept).expect("few");
        self.log.truncate(end);
        self.producers = ProducerState::default();
        self.verifications = Verifications::default();
        self.aborted.clear();
        for entry in self.log.clone() {
            self.note(entry);
        }
        self.producers.settle(self.high_watermark);
    }

    pub(super) fn last_stable_offset(&self) -> Offset {
        let unstable = self.producers.first_unstable_offset(self.high_watermark);
        unstable.map_or(self.high_watermark, |unstable| {
            unstable.min(self.high_watermark)
        })
    }

    /// Where the first record lies whose producer has no marker behind it that is committed: looked for in the log itself.
    pub(super) fn first_open(&self) -> Option<Offset> {
        let committed = self
            .log
            .iter()
            .filter(|it| it.header.base_offset < self.high_watermark);
        let mut ended = BTreeSet::new();
        let mut first = None;
        let behind = self
            .log
            .iter()
            .filter(|it| it.header.base_offset >= self.high_watermark);
        for entry in behind.rev().chain(committed.rev()) {
            let producer = entry.header.producer_id;
            if entry.marker.is_some() {
                if entry.header.base_offset < self.high_watermark {
                    ended.insert(producer);
                }
            } else if !ended.contains(&producer) {
                first = Some(entry.header.base_offset);
            }
        }
        first
    }

    /// What a consumer of committed records gets from `position` on, as Kafka's clients filter it.
    pub(super) fn read_committed(&self, position: Offset) -> Vec<Serial> {
        let end = self.last_stable_offset();
        let mut aborted: Vec<&AbortedTransaction> = self.aborted.iter().collect();
        aborted.retain(|it| it.last_offset >= position && it.first_offset < end);
        aborted.sort_by_key(|it| it.first_offset);
        let mut aborted = aborted.into_iter().peekable();
        let mut of_aborted = BTreeSet::new();
        let mut records = Vec::new();
        let from = usize::try_from(position.0).expect("not negative");
        for entry in self.log.iter().skip(from) {
            let header = &entry.header;
            if header.base_offset >= end {
                break;
            }
            while let Some(next) = aborted.next_if(|it| it.first_offset <= header.base_offset) {
                of_aborted.insert(next.producer_id);
            }
            match (entry.marker, entry.serial) {
                (Some(marker), _) if marker.control == ControlType::Abort => {
                    of_aborted.remove(&header.producer_id);
                }
                (None, Some(serial)) if !of_aborted.contains(&header.producer_id) => {
                    records.push(serial);
                }
                _ => {}
            }
        }
        records
    }
}
