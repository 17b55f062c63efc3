//! Appending: what a leader accepts from clients, and what a follower takes over from its leader.

use std::ops::Range;

use super::producer_state::Verdict;
use super::segment::AppendFailure;
use super::{Log, LogError};
use wire::record_batch::{
    Batch, BatchError, BatchHeader, Batches, EndMarker, TimestampType, stamp, stamp_log_append_time,
};
use wire::{LeaderEpoch, Offset};

/// Who made the records that a leader appends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AppendOrigin {
    /// A Produce request: nothing about it is trusted.
    Client,
    /// This broker's own coordinator: control batches are allowed, sequences are not checked.
    Coordinator,
}

/// What an append did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Appended {
    pub first_offset: Offset,
    /// Before the first offset where a follower was sent nothing.
    pub last_offset: Offset,
    /// The stamp of the leader's clock where the topic uses it, else -1 as on the wire.
    pub log_append_time: i64,
    pub log_start_offset: Offset,
    /// The batch was in the log already; the offsets are those it got then, and nothing was written.
    pub duplicate: bool,
    pub size_bytes: usize,
}

impl Log {
    /// Appends one batch as the leader of `leader_epoch`: checks it, gives it offsets, stamps the epoch.
    ///
    /// An error leaves the log as it was. After [`LogError::Offline`] only opening it anew helps.
    pub(crate) fn append_as_leader(
        &mut self,
        records: &[u8],
        leader_epoch: LeaderEpoch,
        origin: AppendOrigin,
        now_ms: i64,
    ) -> Result<Appended, LogError> {
        self.check_online()?;
        let batch = self.sole_batch(records)?;
        let rewritten = match origin {
            AppendOrigin::Client => self.validate(&batch, now_ms)?,
            AppendOrigin::Coordinator => self.convert(&batch)?,
        };
        let batch = match &rewritten {
            Some(bytes) => Batch::parse(bytes).expect("a batch just built is whole"),
            None => batch,
        };
        match origin {
            AppendOrigin::Client => {
                if let Some(original) = self.check_producer(&batch)? {
                    return Ok(original);
                }
            }
            AppendOrigin::Coordinator => self.check_epoch(&batch.header)?,
        }
        self.check_verified(&batch.header)?;
        self.write_as_leader(&batch, leader_epoch, now_ms)
    }

    /// Appends what the leader sent, offsets and epochs as they are. A batch cut at the end is left out;
    /// the next fetch brings it whole. An empty log may begin inside the first batch: its first segment is
    /// that batch's then, and its start stays.
    pub(crate) fn append_as_follower(
        &mut self,
        records: &[u8],
        now_ms: i64,
    ) -> Result<Appended, LogError> {
        self.check_online()?;
        let Some(base) = self.begins_inside(records)? else {
            return self.append_fetched(records, now_ms);
        };
        let start = self.log_start_offset;
        self.truncate_fully_and_start_at(base, now_ms)?;
        let appended = self.append_fetched(records, now_ms);
        if appended.is_ok() {
            self.set_log_start_offset(start)?;
        } else {
            self.truncate_fully_and_start_at(start, now_ms)?;
        }
        appended
    }

    /// Where the first batch begins, if that lies before the start of this log, which is empty: the leader's
    /// start was moved into the batch, and followers get batches only whole.
    fn begins_inside(&self, records: &[u8]) -> Result<Option<Offset>, LogError> {
        let start = self.log_start_offset;
        let Some(Ok(batch)) = Batches::new(records).next() else {
            return Ok(None);
        };
        let header = batch.header;
        if start < self.log_end_offset()
            || header.base_offset >= start
            || header.last_offset() < start
        {
            return Ok(None);
        }
        self.check_sound(&batch)?;
        Ok(Some(header.base_offset))
    }

    fn append_fetched(&mut self, records: &[u8], now_ms: i64) -> Result<Appended, LogError> {
        let first_offset = self.log_end_offset();
        let mut run = Run::at(0);
        let (mut end, mut epoch) = (first_offset, self.latest_epoch().unwrap_or(LeaderEpoch(-1)));
        for batch in Batches::new(records) {
            let batch = match batch {
                Err(BatchError::Truncated { .. }) => break,
                other => other.map_err(|source| self.corrupt_batch(source))?,
            };
            self.check_sound(&batch)?;
            let header = batch.header;
            if header.base_offset < end || header.leader_epoch < epoch {
                return Err(LogError::NotContiguous {
                    partition: self.partition.clone(),
                    end,
                    epoch,
                    offset: header.base_offset,
                    batch_epoch: header.leader_epoch,
                });
            }
            if self.needs_roll(&header, run.bytes.len(), now_ms)? {
                self.write(&run.headers, &run.markers, run.of(records), &[])?;
                run = Run::at(run.bytes.end);
                self.make_room(&header, now_ms)?;
            }
            (end, epoch) = (header.next_offset(), header.leader_epoch);
            run.headers.push(header);
            run.markers.extend(markers_of(&batch));
            run.bytes.end += batch.bytes.len();
        }
        let size_bytes = run.bytes.end;
        self.write(&run.headers, &run.markers, run.of(records), &[])?;
        Ok(Appended {
            first_offset,
            last_offset: Offset(self.log_end_offset().0 - 1),
            log_append_time: -1,
            log_start_offset: self.log_start_offset,
            duplicate: false,
            size_bytes,
        })
    }

    /// Stamps and writes a checked batch. The records themselves are not copied.
    pub(super) fn write_as_leader(
        &mut self,
        batch: &Batch<'_>,
        leader_epoch: LeaderEpoch,
        now_ms: i64,
    ) -> Result<Appended, LogError> {
        let first_offset = self.log_end_offset();
        let markers = markers_of(batch);
        let mut header = batch.header;
        header.base_offset = first_offset;
        header.leader_epoch = leader_epoch;
        self.make_room(&header, now_ms)?;
        let mut log_append_time = -1;
        if self.config.timestamp_type == TimestampType::LogAppendTime {
            // The time is inside the checksum.
            log_append_time = now_ms;
            let mut bytes = batch.bytes.to_vec();
            stamp(&mut bytes, first_offset, leader_epoch);
            stamp_log_append_time(&mut bytes, now_ms);
            header.max_timestamp = now_ms;
            self.write(&[header], &markers, &bytes, &[])?;
        } else {
            let Some((head, tail)) = batch.bytes.split_first_chunk::<STAMPED_BYTES>() else {
                return Err(self.invalid("a batch without a header"));
            };
            let mut head = *head;
            stamp(&mut head, first_offset, leader_epoch);
            self.write(&[header], &markers, &head, tail)?;
        }
        Ok(Appended {
            first_offset,
            last_offset: header.last_offset(),
            log_append_time,
            log_start_offset: self.log_start_offset,
            duplicate: false,
            size_bytes: batch.bytes.len(),
        })
    }

    /// Writes batches, whose bytes are `head` and `tail`, behind the last one, their epochs first. Of those that are
    /// control batches, `markers` tells what each says.
    fn write(
        &mut self,
        headers: &[BatchHeader],
        markers: &[Option<EndMarker>],
        head: &[u8],
        tail: &[u8],
    ) -> Result<(), LogError> {
        let Some(first) = headers.first() else {
            return Ok(());
        };
        self.make()?;
        for header in headers.iter().filter(|header| header.leader_epoch.0 >= 0) {
            self.epochs
                .assign(header.leader_epoch, header.base_offset)?;
        }
        self.epochs.write_unwritten()?;
        let interval = self.config.index_interval_bytes;
        match self.active_mut().append(head, tail, headers, interval) {
            Ok(()) => {}
            Err(AppendFailure::Undone(error)) => {
                self.epochs.truncate_from_end(self.log_end_offset())?;
                return Err(error);
            }
            Err(AppendFailure::Torn(error)) => {
                self.offline = true;
                return Err(error);
            }
        }
        self.active_first_timestamp
            .get_or_insert(first.max_timestamp);
        let mut markers = markers.iter();
        for header in headers {
            let is_control = header.is_control();
            let marker = is_control.then(|| markers.next().copied().flatten());
            self.note_producer(header, marker.flatten())?;
        }
        Ok(())
    }

    /// Rolls if a batch does not belong into the active segment any more.
    fn make_room(&mut self, header: &BatchHeader, now_ms: i64) -> Result<(), LogError> {
        if !self.needs_roll(header, 0, now_ms)? {
            return Ok(());
        }
        if self.active().is_empty() {
            // A follower's first batch lies so far beyond where the log was told to start that
            // relative offsets would not hold it.
            return self.truncate_fully_and_start_at(header.base_offset, now_ms);
        }
        self.roll(now_ms)
    }

    /// Whether the active segment cannot take a batch after `pending` more bytes.
    fn needs_roll(
        &mut self,
        header: &BatchHeader,
        pending: usize,
        now_ms: i64,
    ) -> Result<bool, LogError> {
        let segment = self.active();
        if header.last_offset().0 - segment.base_offset.0 > i64::from(i32::MAX) {
            return Ok(true);
        }
        if segment.is_empty() && pending == 0 {
            return Ok(false);
        }
        let added = u64::try_from(header.size_bytes() + pending).unwrap_or(u64::MAX);
        let is_full = segment.size_bytes.saturating_add(added) > self.config.segment_bytes;
        Ok(is_full || self.is_old(header.max_timestamp, now_ms)?)
    }

    /// Checks an idempotent batch against what its producer sent before; `Some` for a repetition.
    fn check_producer(&self, batch: &Batch<'_>) -> Result<Option<Appended>, LogError> {
        let header = &batch.header;
        if !header.has_producer_id() {
            return Ok(None);
        }
        let partition = || self.partition.clone();
        match self.producers.check(header) {
            Verdict::Accept => Ok(None),
            Verdict::Duplicate(original) => Ok(Some(Appended {
                first_offset: original.first_offset(),
                last_offset: original.last_offset,
                // Of whichever clock: so Apache Kafka answers it.
                log_append_time: original.timestamp,
                log_start_offset: self.log_start_offset,
                duplicate: true,
                size_bytes: 0,
            })),
            Verdict::Fenced { current_epoch } => Err(LogError::InvalidProducerEpoch {
                partition: partition(),
                producer_id: header.producer_id,
                producer_epoch: header.producer_epoch,
                current_epoch,
            }),
            Verdict::OutsideTransaction => Err(LogError::InvalidTxnState {
                partition: partition(),
                producer_id: header.producer_id,
            }),
            Verdict::OutOfOrder { last_sequence } => Err(LogError::OutOfOrderSequence {
                partition: partition(),
                producer_id: header.producer_id,
                producer_epoch: header.producer_epoch,
                sequence: header.base_sequence,
                last_sequence,
            }),
        }
    }

    pub(super) fn check_online(&self) -> Result<(), LogError> {
        if self.offline {
            return Err(LogError::Offline {
                partition: self.partition.clone(),
            });
        }
        Ok(())
    }
}

/// What a control batch says; nothing of any other, which is not even allocated for.
fn markers_of(batch: &Batch<'_>) -> Vec<Option<EndMarker>> {
    if batch.header.is_control() {
        vec![batch.end_marker()]
    } else {
        Vec::new()
    }
}

/// Batches that are written together.
struct Run {
    headers: Vec<BatchHeader>,
    /// Of the control batches among them.
    markers: Vec<Option<EndMarker>>,
    /// Where they lie in what the leader sent.
    bytes: Range<usize>,
}

impl Run {
    fn at(start: usize) -> Self {
        Self {
            headers: Vec::new(),
            markers: Vec::new(),
            bytes: start..start,
        }
    }

    fn of<'a>(&self, records: &'a [u8]) -> &'a [u8] {
        records.get(self.bytes.clone()).unwrap_or_default()
    }
}

/// The part of a batch that a leader stamps: base offset, length, leader epoch.
const STAMPED_BYTES: usize = 16;
