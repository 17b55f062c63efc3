//! Building batches of our own: `__consumer_offsets`, compaction, markers, tests.

use super::record::{encode_headers, write_record};
use super::{
    COMPRESSION_MASK, CONTROL_BIT, Compression, DELETE_HORIZON_BIT, HEADER_BYTES, NO_PRODUCER_ID,
    NO_SEQUENCE, NO_TIMESTAMP, TRANSACTIONAL_BIT, seal, write_at,
};
use crate::{LeaderEpoch, Offset};

/// An encoded header count of zero.
const NO_HEADERS: &[u8] = &[0];

/// What a control batch says about a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ControlType {
    Abort,
    Commit,
}

/// Collects records and writes them as one batch.
#[derive(Debug, Clone)]
pub struct BatchBuilder {
    base_offset: Offset,
    leader_epoch: LeaderEpoch,
    attributes: i16,
    compression: Compression,
    producer_id: i64,
    producer_epoch: i16,
    base_sequence: i32,
    base_timestamp: Option<i64>,
    max_timestamp: i64,
    last_offset_delta: i32,
    records_count: i32,
    records: Vec<u8>,
}

impl Default for BatchBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl BatchBuilder {
    /// An empty batch at offset 0, without codec or producer id.
    #[must_use]
    pub fn new() -> Self {
        Self {
            base_offset: Offset(0),
            leader_epoch: LeaderEpoch(-1),
            attributes: 0,
            compression: Compression::None,
            producer_id: NO_PRODUCER_ID,
            producer_epoch: -1,
            base_sequence: NO_SEQUENCE,
            base_timestamp: None,
            max_timestamp: NO_TIMESTAMP,
            last_offset_delta: -1,
            records_count: 0,
            records: Vec::new(),
        }
    }

    /// The offset that the records' deltas count from.
    pub fn base_offset(&mut self, offset: Offset) -> &mut Self {
        self.base_offset = offset;
        self
    }

    /// The epoch of the leader that appended the batch.
    pub fn leader_epoch(&mut self, epoch: LeaderEpoch) -> &mut Self {
        self.leader_epoch = epoch;
        self
    }

    /// The codec of the records.
    pub fn compression(&mut self, codec: Compression) -> &mut Self {
        self.compression = codec;
        self
    }

    /// Makes the batch an idempotent one of this producer.
    pub fn producer(&mut self, id: i64, epoch: i16, base_sequence: i32) -> &mut Self {
        self.producer_id = id;
        self.producer_epoch = epoch;
        self.base_sequence = base_sequence;
        self
    }

    /// Makes the batch part of a transaction.
    pub fn transactional(&mut self) -> &mut Self {
        self.attributes |= TRANSACTIONAL_BIT;
        self
    }

    /// Takes everything but length, records and their count from the header of another batch.
    pub fn like(&mut self, header: &super::BatchHeader) -> &mut Self {
        self.base_offset = header.base_offset;
        self.leader_epoch = header.leader_epoch;
        self.attributes = header.attributes & !COMPRESSION_MASK;
        self.producer_id = header.producer_id;
        self.producer_epoch = header.producer_epoch;
        self.base_sequence = header.base_sequence;
        self.base_timestamp = Some(header.base_timestamp);
        self.last_offset_delta = header.last_offset_delta;
        // Of records stamped by the leader's clock, the maximum is the time itself.
        if header.timestamp_type() == super::TimestampType::LogAppendTime {
            self.max_timestamp = header.max_timestamp;
        }
        self
    }

    /// Says from when on the batch's tombstones may go; the records' times then count from it.
    pub fn delete_horizon_ms(&mut self, horizon_ms: i64) -> &mut Self {
        self.attributes |= DELETE_HORIZON_BIT;
        self.base_timestamp = Some(horizon_ms);
        self
    }

    /// The batch's largest timestamp, for one whose records are gone.
    pub fn max_timestamp(&mut self, timestamp: i64) -> &mut Self {
        self.max_timestamp = timestamp;
        self
    }

    /// Adds a record after the last one.
    pub fn push(&mut self, timestamp: i64, key: Option<&[u8]>, value: Option<&[u8]>) -> &mut Self {
        let offset = Offset(self.base_offset.0 + i64::from(self.last_offset_delta) + 1);
        self.push_at(offset, timestamp, key, value, NO_HEADERS)
    }

    /// Adds a record with headers after the last one.
    pub fn push_with_headers(
        &mut self,
        timestamp: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[(&str, Option<&[u8]>)],
    ) -> &mut Self {
        let offset = Offset(self.base_offset.0 + i64::from(self.last_offset_delta) + 1);
        self.push_at(offset, timestamp, key, value, &encode_headers(headers))
    }

    /// Adds a record that keeps its own offset and its encoded headers.
    ///
    /// # Panics
    /// `offset` lies 2^31 or more from the base offset.
    pub fn push_at(
        &mut self,
        offset: Offset,
        timestamp: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[u8],
    ) -> &mut Self {
        let delta = i32::try_from(offset.0 - self.base_offset.0)
            .expect("a batch spans fewer than 2^31 offsets");
        let base_timestamp = *self.base_timestamp.get_or_insert(timestamp);
        let timestamp_delta = timestamp.wrapping_sub(base_timestamp);
        write_record(
            &mut self.records,
            timestamp_delta,
            delta,
            key,
            value,
            headers,
        );
        self.max_timestamp = self.max_timestamp.max(timestamp);
        self.last_offset_delta = self.last_offset_delta.max(delta);
        self.records_count += 1;
        self
    }

    /// Makes the batch the end of a producer's transaction: one control record and no sequence.
    #[must_use]
    pub fn end_transaction(
        mut self,
        control: ControlType,
        timestamp: i64,
        producer_id: i64,
        producer_epoch: i16,
        coordinator_epoch: i32,
    ) -> Vec<u8> {
        self.attributes |= CONTROL_BIT;
        self.transactional()
            .producer(producer_id, producer_epoch, NO_SEQUENCE);
        let mut key = [0; 4];
        write_at(&mut key, 2, &(control as i16).to_be_bytes());
        let mut value = [0; 6];
        write_at(&mut value, 2, &coordinator_epoch.to_be_bytes());
        self.push(timestamp, Some(&key), Some(&value));
        self.build()
    }

    /// Records so far.
    #[must_use]
    pub fn records_count(&self) -> i32 {
        self.records_count
    }

    /// The whole batch, its checksum included.
    ///
    /// # Panics
    /// The records take 2 GiB or more.
    #[must_use]
    pub fn build(&self) -> Vec<u8> {
        let records = self.compression.compress(&self.records);
        let batch_length = i32::try_from(HEADER_BYTES - super::LOG_OVERHEAD_BYTES + records.len())
            .expect("a batch is far below 2 GiB");
        let mut batch = Vec::with_capacity(HEADER_BYTES + records.len());
        batch.extend_from_slice(&self.base_offset.0.to_be_bytes());
        batch.extend_from_slice(&batch_length.to_be_bytes());
        batch.extend_from_slice(&self.leader_epoch.0.to_be_bytes());
        batch.push(2);
        batch.extend_from_slice(&[0; 4]);
        batch.extend_from_slice(&(self.attributes | self.compression.id()).to_be_bytes());
        batch.extend_from_slice(&self.last_offset_delta.max(0).to_be_bytes());
        let base_timestamp = self.base_timestamp.unwrap_or(NO_TIMESTAMP);
        batch.extend_from_slice(&base_timestamp.to_be_bytes());
        batch.extend_from_slice(&self.max_timestamp.to_be_bytes());
        batch.extend_from_slice(&self.producer_id.to_be_bytes());
        batch.extend_from_slice(&self.producer_epoch.to_be_bytes());
        batch.extend_from_slice(&self.base_sequence.to_be_bytes());
        batch.extend_from_slice(&self.records_count.to_be_bytes());
        batch.extend_from_slice(&records);
        seal(&mut batch);
        batch
    }
}

#[cfg(test)]
mod tests {
    use super::super::Batch;
    use super::*;

    #[test]
    fn a_batch_of_our_own_passes_our_own_check() {
        let mut builder = BatchBuilder::new();
        builder.producer(9, 1, 5).leader_epoch(LeaderEpoch(3));
        builder.push(7, Some(b"k"), Some(b"v")).push(6, None, None);
        let bytes = builder.build();
        let batch = Batch::parse(&bytes).expect("whole");
        batch.check_crc().expect("sealed");
        assert_eq!(batch.header.records_count, 2);
        assert_eq!(batch.header.last_sequence(), 6);
        assert_eq!(
            (batch.header.base_timestamp, batch.header.max_timestamp),
            (7, 7)
        );
    }

    #[test]
    fn the_end_of_a_transaction_is_one_control_record() {
        let bytes = BatchBuilder::new().end_transaction(ControlType::Commit, 7, 9, 1, 4);
        let batch = Batch::parse(&bytes).expect("whole");
        assert!(batch.header.is_control() && batch.header.is_transactional());
        let payload = batch.payload().expect("not compressed");
        let record = batch.records(&payload).next().expect("one").expect("sound");
        assert_eq!(record.key, Some([0, 0, 0, 1].as_slice()));
        assert_eq!(record.value, Some([0, 0, 0, 0, 0, 4].as_slice()));
    }

    #[test]
    fn another_codec_leaves_the_records_as_they_were() {
        let mut builder = BatchBuilder::new();
        builder
            .base_offset(Offset(4))
            .push(7, Some(b"k"), Some(b"v"));
        let bytes = builder.build();
        let batch = Batch::parse(&bytes).expect("whole");
        let mut again = BatchBuilder::new();
        again.like(&batch.header).compression(Compression::Lz4);
        for record in batch.records(&batch.payload().expect("plain")) {
            let record = record.expect("sound");
            let (offset, timestamp) = (record.offset, record.timestamp);
            again.push_at(offset, timestamp, record.key, record.value, record.headers);
        }
        let bytes = again.build();
        let squeezed = Batch::parse(&bytes).expect("whole");
        assert_eq!(squeezed.header.compression(), Ok(Compression::Lz4));
        let payload = squeezed.payload().expect("own codec");
        let record = squeezed
            .records(&payload)
            .next()
            .expect("one")
            .expect("sound");
        assert_eq!(
            (record.offset, record.key),
            (Offset(4), Some(b"k".as_slice()))
        );
    }
}
