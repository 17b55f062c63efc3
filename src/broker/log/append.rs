//! Appending: what a leader accepts from clients, and what a follower takes over from its leader.

use std::ops::Range;

use super::error::{RecordFault, RejectedRecord};
use super::producer_state::Verdict;
use super::segment::AppendFailure;
use super::{Log, LogError};
use crate::wire::record_batch::{
    Batch, BatchBuilder, BatchError, BatchHeader, Batches, Compression, TimestampType, stamp,
    stamp_log_append_time,
};
use crate::wire::{LeaderEpoch, Offset};

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
        if origin == AppendOrigin::Client {
            self.check_client_batch(&batch, now_ms)?;
            if let Some(original) = self.check_producer(&batch)? {
                return Ok(original);
            }
        }
        let target = self.config.compression;
        if let Some(codec) = target
            && batch.header.compression() != Ok(codec)
            && !batch.header.is_control()
        {
            let converted = self.convert(&batch, codec)?;
            let batch = Batch::parse(&converted).expect("a batch just built is whole");
            return self.write_as_leader(&batch, leader_epoch, now_ms);
        }
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
                self.write(&run.headers, run.of(records), &[])?;
                run = Run::at(run.bytes.end);
                self.make_room(&header, now_ms)?;
            }
            (end, epoch) = (header.next_offset(), header.leader_epoch);
            run.headers.push(header);
            run.bytes.end += batch.bytes.len();
        }
        let size_bytes = run.bytes.end;
        self.write(&run.headers, run.of(records), &[])?;
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
    fn write_as_leader(
        &mut self,
        batch: &Batch<'_>,
        leader_epoch: LeaderEpoch,
        now_ms: i64,
    ) -> Result<Appended, LogError> {
        let first_offset = self.log_end_offset();
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
            self.write(&[header], &bytes, &[])?;
        } else {
            let Some((head, tail)) = batch.bytes.split_first_chunk::<STAMPED_BYTES>() else {
                return Err(self.invalid("a batch without a header"));
            };
            let mut head = *head;
            stamp(&mut head, first_offset, leader_epoch);
            self.write(&[header], &head, tail)?;
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

    /// Writes batches, whose bytes are `head` and `tail`, behind the last one, their epochs first.
    fn write(&mut self, headers: &[BatchHeader], head: &[u8], tail: &[u8]) -> Result<(), LogError> {
        let Some(first) = headers.first() else {
            return Ok(());
        };
        for header in headers.iter().filter(|header| header.leader_epoch.0 >= 0) {
            self.epochs
                .assign(header.leader_epoch, header.base_offset)?;
        }
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
        for header in headers {
            self.producers.update(header);
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

    /// The one batch that a Produce request may carry for a partition.
    fn sole_batch<'a>(&self, records: &'a [u8]) -> Result<Batch<'a>, LogError> {
        let mut batches = Batches::new(records);
        let batch = match batches.next() {
            Some(Ok(batch)) => batch,
            Some(Err(BatchError::Magic(magic @ (0 | 1)))) => {
                return Err(self.invalid(&format!(
                    "message format {magic} is not supported, only 2 is"
                )));
            }
            // The end of the bytes is the end of the batches, as Kafka reads them.
            None | Some(Err(BatchError::Truncated { .. })) => {
                return Err(self.invalid("there is no batch"));
            }
            Some(Err(source)) => return Err(self.corrupt_batch(source)),
        };
        if !matches!(
            batches.next(),
            None | Some(Err(BatchError::Truncated { .. }))
        ) {
            return Err(self.invalid("there is more than one batch"));
        }
        self.check_sound(&batch)?;
        Ok(batch)
    }

    /// Checks what every batch must be, whoever made it.
    fn check_sound(&self, batch: &Batch<'_>) -> Result<(), LogError> {
        batch
            .check_crc()
            .map_err(|source| self.corrupt_batch(source))?;
        let header = &batch.header;
        if header.last_offset_delta < 0
            || header.base_offset.0 < 0
            || header
                .base_offset
                .0
                .checked_add(i64::from(header.last_offset_delta))
                .is_none_or(|o| o == i64::MAX)
        {
            return Err(self.invalid("its offsets are not possible"));
        }
        header
            .compression()
            .map(|_| ())
            .map_err(|error| self.invalid(&error.to_string()))
    }

    /// Checks what only a client's batch must be.
    fn check_client_batch(&self, batch: &Batch<'_>, now_ms: i64) -> Result<(), LogError> {
        let header = &batch.header;
        let size_bytes = batch.bytes.len();
        if size_bytes > self.config.max_message_bytes {
            return Err(LogError::BatchTooLarge {
                partition: self.partition.clone(),
                size_bytes,
                max_bytes: self.config.max_message_bytes,
            });
        }
        if u64::try_from(size_bytes).unwrap_or(u64::MAX) > self.config.segment_bytes {
            return Err(LogError::LargerThanSegment {
                partition: self.partition.clone(),
                size_bytes,
                segment_bytes: self.config.segment_bytes,
            });
        }
        if header.base_offset != Offset(0) {
            return Err(self.invalid("a client's batch begins at offset 0"));
        }
        if header.is_control() {
            return Err(self.invalid("clients may not write control records"));
        }
        if header.last_offset_delta.checked_add(1) != Some(header.records_count) {
            return Err(self.invalid(&format!(
                "{} records do not span {} offsets",
                header.records_count,
                i64::from(header.last_offset_delta) + 1
            )));
        }
        if header.has_producer_id() && (header.base_sequence < 0 || header.producer_epoch < 0) {
            return Err(self.invalid("an idempotent batch without sequence or epoch"));
        }
        if header.is_transactional() && !header.has_producer_id() {
            return Err(self.invalid("a transaction without a producer id"));
        }
        self.check_records(batch, now_ms)
    }

    /// Looks at the records where something depends on them: keys of compacted topics and limits on
    /// timestamps. Uncompressed ones are always walked, which costs next to nothing.
    fn check_records(&self, batch: &Batch<'_>, now_ms: i64) -> Result<(), LogError> {
        let header = &batch.header;
        let config = &self.config;
        let by_producer = config.timestamp_type == TimestampType::CreateTime;
        if by_producer && header.timestamp_type() == TimestampType::LogAppendTime {
            let message = "Timestamp claims to be the broker's".to_owned();
            return Err(LogError::RejectedRecords {
                fault: RecordFault::Timestamp,
                records: vec![RejectedRecord { index: 0, message }],
            });
        }
        let limits_time = by_producer
            && (config.timestamp_before_max_ms != i64::MAX
                || config.timestamp_after_max_ms != i64::MAX);
        let within = now_ms.saturating_sub(config.timestamp_before_max_ms)
            ..=now_ms.saturating_add(config.timestamp_after_max_ms);
        let is_plain = header.compression() == Ok(Compression::None);
        if !is_plain && !limits_time && !config.compact {
            return Ok(());
        }
        let payload = batch
            .payload()
            .map_err(|source| self.corrupt_batch(source))?;
        let (mut fault, mut rejected) = (RecordFault::Key, Vec::new());
        for (index, record) in (0i32..).zip(batch.records(&payload)) {
            let record = record.map_err(|error| self.invalid(&error.to_string()))?;
            if record.offset.0 - header.base_offset.0 != i64::from(index) {
                return Err(self.invalid(&format!("record {index} has another record's offset")));
            }
            if config.compact && record.key.is_none() {
                let message = format!(
                    "Compacted topic cannot accept message without key in topic partition {}",
                    self.partition
                );
                rejected.push(RejectedRecord { index, message });
            } else if limits_time && record.timestamp >= 0 && !within.contains(&record.timestamp) {
                let message = format!(
                    "Timestamp {} of message with offset {index} is out of range. The timestamp should be within [{}, {}]",
                    record.timestamp,
                    within.start(),
                    within.end()
                );
                fault = RecordFault::Timestamp;
                rejected.push(RejectedRecord { index, message });
            }
        }
        if rejected.is_empty() {
            return Ok(());
        }
        Err(LogError::RejectedRecords {
            fault,
            records: rejected,
        })
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
            Verdict::OutOfOrder { last_sequence } => Err(LogError::OutOfOrderSequence {
                partition: partition(),
                producer_id: header.producer_id,
                producer_epoch: header.producer_epoch,
                sequence: header.base_sequence,
                last_sequence,
            }),
        }
    }

    /// The same records under the topic's codec.
    fn convert(&self, batch: &Batch<'_>, codec: Compression) -> Result<Vec<u8>, LogError> {
        let payload = batch
            .payload()
            .map_err(|source| self.corrupt_batch(source))?;
        let mut builder = BatchBuilder::new();
        builder.like(&batch.header).compression(codec);
        for record in batch.records(&payload) {
            let record = record.map_err(|error| self.invalid(&error.to_string()))?;
            let (offset, timestamp) = (record.offset, record.timestamp);
            builder.push_at(offset, timestamp, record.key, record.value, record.headers);
        }
        Ok(builder.build())
    }

    fn check_online(&self) -> Result<(), LogError> {
        if self.offline {
            return Err(LogError::Offline {
                partition: self.partition.clone(),
            });
        }
        Ok(())
    }

    fn invalid(&self, reason: &str) -> LogError {
        LogError::InvalidRecord {
            partition: self.partition.clone(),
            reason: reason.to_owned(),
        }
    }

    fn corrupt_batch(&self, source: BatchError) -> LogError {
        LogError::CorruptBatch {
            partition: self.partition.clone(),
            source,
        }
    }
}

/// Batches that are written together.
struct Run {
    headers: Vec<BatchHeader>,
    /// Where they lie in what the leader sent.
    bytes: Range<usize>,
}

impl Run {
    fn at(start: usize) -> Self {
        Self {
            headers: Vec::new(),
            bytes: start..start,
        }
    }

    fn of<'a>(&self, records: &'a [u8]) -> &'a [u8] {
        records.get(self.bytes.clone()).unwrap_or_default()
    }
}

/// The part of a batch that a leader stamps: base offset, length, leader epoch.
const STAMPED_BYTES: usize = 16;
