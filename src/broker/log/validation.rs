//! What a leader checks of a producer's batch before it appends it, down to every record.
//!
//! A batch lies in the log as long as its topic keeps it, and every reader trusts it: a payload that does not
//! decompress, a count that is not that of the records, ends each of them at this place. So the records are
//! walked where they come in, and what a header says of them is derived from them or compared.

use std::cell::RefCell;

use super::error::{RecordFault, RejectedRecord};
use super::{Log, LogError};
use wire::Offset;
use wire::record_batch::{
    Batch, BatchBuilder, BatchError, BatchHeader, Batches, Decompressor, NO_TIMESTAMP, Record,
    TimestampType, stamp_create_time,
};

thread_local! {
    // Appends run to their end on the thread they began on, so a thread needs one, and a log none.
    static DECOMPRESSOR: RefCell<Decompressor> = RefCell::default();
}

impl Log {
    /// The one batch that a Produce request may carry for a partition.
    pub(super) fn sole_batch<'a>(&self, records: &'a [u8]) -> Result<Batch<'a>, LogError> {
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
    pub(super) fn check_sound(&self, batch: &Batch<'_>) -> Result<(), LogError> {
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
            .map_err(|source| self.corrupt_batch(source))
    }

    /// Checks a client's batch. `Some`: what is appended in its place, where the topic wants another codec or
    /// the header does not say what the records do.
    pub(super) fn validate(
        &self,
        batch: &Batch<'_>,
        now_ms: i64,
    ) -> Result<Option<Vec<u8>>, LogError> {
        self.check_size(batch.bytes.len())?;
        self.check_header(&batch.header)?;
        let by_producer = self.config.timestamp_type == TimestampType::CreateTime;
        let max_timestamp = DECOMPRESSOR.with_borrow_mut(|decompressor| {
            let payload = batch
                .payload_with(decompressor)
                .map_err(|source| self.corrupt_batch(source))?;
            self.walk(batch, payload, now_ms)
        })?;
        if let Some(converted) = self.convert(batch)? {
            self.check_size(converted.len())?;
            return Ok(Some(converted));
        }
        let header = &batch.header;
        let is_derived = header.max_timestamp == max_timestamp
            && header.timestamp_type() == TimestampType::CreateTime;
        if is_derived || !by_producer {
            return Ok(None);
        }
        let mut bytes = batch.bytes.to_vec();
        stamp_create_time(&mut bytes, max_timestamp);
        Ok(Some(bytes))
    }

    fn check_size(&self, size_bytes: usize) -> Result<(), LogError> {
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
        Ok(())
    }

    fn check_header(&self, header: &BatchHeader) -> Result<(), LogError> {
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
        if header.has_producer_id() && header.base_sequence < 0 {
            return Err(self.invalid("an idempotent batch without a sequence"));
        }
        if header.is_transactional() && !header.has_producer_id() {
            return Err(self.invalid("a transaction without a producer id"));
        }
        Ok(())
    }

    /// Walks every record of a client's batch, and returns the largest timestamp of them.
    fn walk(&self, batch: &Batch<'_>, payload: &[u8], now_ms: i64) -> Result<i64, LogError> {
        // Each record tells its own time here, whatever the header says of whose clock it is.
        let claimed = batch.header.timestamp_type();
        let header = batch.header.of_create_time();
        let records = Batch {
            header,
            bytes: batch.bytes,
        };
        let mut refusals = Refusals::new(self, claimed, now_ms);
        let mut max_timestamp = NO_TIMESTAMP;
        for (index, record) in (0i32..).zip(records.records(payload)) {
            let record = record.map_err(|source| self.corrupt_batch(source))?;
            if record.offset.0 - header.base_offset.0 != i64::from(index) {
                return Err(self.invalid(&format!("record {index} has another record's offset")));
            }
            max_timestamp = max_timestamp.max(record.timestamp);
            refusals.look(index, &record);
        }
        refusals.outcome()?;
        Ok(max_timestamp)
    }

    /// The same records under the topic's codec, if that is another one.
    pub(super) fn convert(&self, batch: &Batch<'_>) -> Result<Option<Vec<u8>>, LogError> {
        let corrupt = |source| self.corrupt_batch(source);
        let codec = batch.header.compression().map_err(corrupt)?;
        let Some(wanted) = self.config.compression.filter(|wanted| *wanted != codec) else {
            return Ok(None);
        };
        if batch.header.is_control() {
            return Ok(None);
        }
        let header = batch.header.of_create_time();
        let records = Batch {
            header,
            bytes: batch.bytes,
        };
        let payload = records.payload().map_err(corrupt)?;
        let mut builder = BatchBuilder::new();
        builder.like(&header).compression(wanted);
        for record in records.records(&payload) {
            let record = record.map_err(corrupt)?;
            let (offset, timestamp) = (record.offset, record.timestamp);
            builder.push_at(offset, timestamp, record.key, record.value, record.headers);
        }
        Ok(Some(builder.build()))
    }

    pub(super) fn invalid(&self, reason: &str) -> LogError {
        LogError::InvalidRecord {
            partition: self.partition.clone(),
            reason: reason.to_owned(),
        }
    }

    pub(super) fn corrupt_batch(&self, source: BatchError) -> LogError {
        LogError::CorruptBatch {
            partition: self.partition.clone(),
            source,
        }
    }
}

/// The records of a batch that the topic does not take, sound as they are.
struct Refusals<'a> {
    log: &'a Log,
    by_producer: bool,
    /// Whose clock the header says stamped the records.
    claimed: TimestampType,
    earliest: i64,
    latest: i64,
    fault: RecordFault,
    records: Vec<RejectedRecord>,
}

impl<'a> Refusals<'a> {
    fn new(log: &'a Log, claimed: TimestampType, now_ms: i64) -> Self {
        let config = &log.config;
        Self {
            log,
            by_producer: config.timestamp_type == TimestampType::CreateTime,
            claimed,
            earliest: now_ms.saturating_sub(config.timestamp_before_max_ms),
            latest: now_ms.saturating_add(config.timestamp_after_max_ms),
            fault: RecordFault::Key,
            records: Vec::new(),
        }
    }

    fn look(&mut self, index: i32, record: &Record<'_>) {
        if self.log.config.compact && record.key.is_none() {
            let message = format!(
                "Compacted topic cannot accept message without key in topic partition {}",
                self.log.partition
            );
            self.records.push(RejectedRecord { index, message });
            return;
        }
        let message = if self.by_producer && record.timestamp != NO_TIMESTAMP {
            if (self.earliest..=self.latest).contains(&record.timestamp) {
                return;
            }
            format!(
                "Timestamp {} of message with offset {index} is out of range. The timestamp should be within [{}, {}]",
                record.timestamp, self.earliest, self.latest
            )
        } else if self.claimed == TimestampType::LogAppendTime {
            format!(
                "Invalid timestamp type in message with offset {index}. Producer should not set timestamp type to \
                 LogAppendTime."
            )
        } else {
            return;
        };
        self.fault = RecordFault::Timestamp;
        self.records.push(RejectedRecord { index, message });
    }

    fn outcome(self) -> Result<(), LogError> {
        if self.records.is_empty() {
            return Ok(());
        }
        Err(LogError::RejectedRecords {
            fault: self.fault,
            records: self.records,
        })
    }
}
