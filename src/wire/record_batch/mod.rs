//! Record batches of magic 2 as they lie on disk and travel in Produce and Fetch.
//!
//! The layout is Kafka's (<https://kafka.apache.org/documentation/#recordbatch>). Base offset and
//! leader epoch lie outside the checksum, so a leader stamps them without touching the rest.
//!
//! ```text
//!  0 base_offset i64      17 crc u32                35 max_timestamp i64
//!  8 batch_length i32     21 attributes i16         43 producer_id i64
//! 12 leader_epoch i32     23 last_offset_delta i32  51 producer_epoch i16
//! 16 magic i8             27 base_timestamp i64     53 base_sequence i32
//!                                                   57 records_count i32, 61 records
//! ```

mod builder;
mod compression;
mod decompress;
mod end_marker;
mod record;

use std::borrow::Cow;

use bytes::Buf;
use thiserror::Error;

pub use builder::{BatchBuilder, ControlType};
pub use compression::Compression;
pub use decompress::Decompressor;
pub use end_marker::EndMarker;
pub use record::{Record, Records};

use super::{LeaderEpoch, Offset};

/// Bytes before the first record.
pub const HEADER_BYTES: usize = 61;
/// Bytes before the part that `batch_length` counts: base offset and the length itself.
pub const LOG_OVERHEAD_BYTES: usize = 12;
/// "No producer id": the batch is not idempotent.
pub const NO_PRODUCER_ID: i64 = -1;
/// "No sequence": the batch is not idempotent, or it is a control batch.
pub const NO_SEQUENCE: i32 = -1;
/// "No timestamp".
pub const NO_TIMESTAMP: i64 = -1;

const LEADER_EPOCH_AT: usize = 12;
const MAGIC_AT: usize = 16;
const CRC_AT: usize = 17;
const ATTRIBUTES_AT: usize = 21;
const LAST_OFFSET_DELTA_AT: usize = 23;
const MAX_TIMESTAMP_AT: usize = 35;

const COMPRESSION_MASK: i16 = 0x07;
const LOG_APPEND_TIME_BIT: i16 = 0x08;
const TRANSACTIONAL_BIT: i16 = 0x10;
const CONTROL_BIT: i16 = 0x20;
const DELETE_HORIZON_BIT: i16 = 0x40;

/// Why bytes are not a record batch, or not one that this program takes.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BatchError {
    /// The bytes end inside the batch.
    #[error("the batch needs {needed} bytes and {left} are left")]
    Truncated { needed: usize, left: usize },
    /// `batch_length` cannot hold a header, or is negative.
    #[error("the batch length {0} is not possible")]
    Length(i32),
    /// Message formats 0 and 1 (before Kafka 0.11), or garbage.
    #[error("record format {0} is not supported, only 2 is")]
    Magic(i8),
    /// The stored checksum is not that of the bytes.
    #[error("the checksum is {computed:08x}, the batch says {stored:08x}")]
    Checksum { stored: u32, computed: u32 },
    /// The attributes name a codec that does not exist.
    #[error("compression type {0} does not exist")]
    Compression(i16),
    /// The codec refused the bytes.
    #[error("the records do not decompress: {0}")]
    Decompress(String),
    /// The records grow beyond all reason.
    #[error("the records take more than {bytes_max} bytes when they are decompressed")]
    TooLarge { bytes_max: usize },
    /// The records do not match the header, or a record runs out of the batch.
    #[error("record {index}: {reason}")]
    Record { index: i32, reason: &'static str },
}

/// The clock that stamped a batch's records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimestampType {
    /// The producer's.
    CreateTime,
    /// The leader's; then every record carries the batch's maximum.
    LogAppendTime,
}

/// The 61 bytes before the records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchHeader {
    pub base_offset: Offset,
    /// Bytes after this field; a batch takes 12 more. Never below 49 in a parsed header.
    pub batch_length: i32,
    pub leader_epoch: LeaderEpoch,
    pub crc: u32,
    pub attributes: i16,
    pub last_offset_delta: i32,
    /// What the records' timestamp deltas count from; the delete horizon where that bit is set.
    pub base_timestamp: i64,
    pub max_timestamp: i64,
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub base_sequence: i32,
    pub records_count: i32,
}

impl BatchHeader {
    /// Reads the header at the start of `bytes`. The checksum and the records are not looked at.
    ///
    /// # Errors
    /// Fewer than 61 bytes, an impossible length, or a format other than 2.
    pub fn parse(bytes: &[u8]) -> Result<Self, BatchError> {
        // The magic byte comes before most of the header, so an old format is named as one
        // even where its message is shorter than our header.
        if let Some(&magic) = bytes.get(MAGIC_AT)
            && magic != 2
        {
            return Err(BatchError::Magic(magic.cast_signed()));
        }
        let Some(header) = bytes.first_chunk::<HEADER_BYTES>() else {
            return Err(BatchError::Truncated {
                needed: HEADER_BYTES,
                left: bytes.len(),
            });
        };
        let mut header = header.as_slice();
        let base_offset = Offset(header.get_i64());
        let batch_length = header.get_i32();
        let leader_epoch = LeaderEpoch(header.get_i32());
        let _magic = header.get_i8();
        let parsed = Self {
            base_offset,
            batch_length,
            leader_epoch,
            crc: header.get_u32(),
            attributes: header.get_i16(),
            last_offset_delta: header.get_i32(),
            base_timestamp: header.get_i64(),
            max_timestamp: header.get_i64(),
            producer_id: header.get_i64(),
            producer_epoch: header.get_i16(),
            base_sequence: header.get_i32(),
            records_count: header.get_i32(),
        };
        if usize::try_from(batch_length).is_ok_and(|l| l >= HEADER_BYTES - LOG_OVERHEAD_BYTES) {
            Ok(parsed)
        } else {
            Err(BatchError::Length(batch_length))
        }
    }

    /// Bytes of the whole batch.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        LOG_OVERHEAD_BYTES + usize::try_from(self.batch_length).unwrap_or_default()
    }

    /// The offset of the last record.
    #[must_use]
    pub fn last_offset(&self) -> Offset {
        Offset(
            self.base_offset
                .0
                .saturating_add(i64::from(self.last_offset_delta)),
        )
    }

    /// The offset after the last record.
    #[must_use]
    pub fn next_offset(&self) -> Offset {
        Offset(self.last_offset().0.saturating_add(1))
    }

    /// The sequence number of the last record; it wraps from `i32::MAX` to 0.
    #[must_use]
    pub fn last_sequence(&self) -> i32 {
        if self.base_sequence == NO_SEQUENCE {
            NO_SEQUENCE
        } else {
            advance_sequence(self.base_sequence, self.last_offset_delta)
        }
    }

    /// Whether a producer id stamps the batch (idempotent or transactional).
    #[must_use]
    pub fn has_producer_id(&self) -> bool {
        self.producer_id > NO_PRODUCER_ID
    }

    /// The clock that stamped the records.
    #[must_use]
    pub fn timestamp_type(&self) -> TimestampType {
        if self.attributes & LOG_APPEND_TIME_BIT == 0 {
            TimestampType::CreateTime
        } else {
            TimestampType::LogAppendTime
        }
    }

    /// The same header, saying that each record tells its own time.
    #[must_use]
    pub fn of_create_time(mut self) -> Self {
        self.attributes &= !LOG_APPEND_TIME_BIT;
        self
    }

    /// Whether the batch belongs to a transaction.
    #[must_use]
    pub fn is_transactional(&self) -> bool {
        self.attributes & TRANSACTIONAL_BIT != 0
    }

    /// Whether the batch is a marker for the log itself, invisible to consumers.
    #[must_use]
    pub fn is_control(&self) -> bool {
        self.attributes & CONTROL_BIT != 0
    }

    /// When the tombstones of this batch may go, if the cleaner has set that.
    #[must_use]
    pub fn delete_horizon_ms(&self) -> Option<i64> {
        (self.attributes & DELETE_HORIZON_BIT != 0).then_some(self.base_timestamp)
    }

    /// The codec of the records.
    ///
    /// # Errors
    /// The attributes name a codec that does not exist.
    pub fn compression(&self) -> Result<Compression, BatchError> {
        Compression::from_id(self.attributes & COMPRESSION_MASK)
    }
}

/// One whole batch: its parsed header and all of its bytes.
#[derive(Debug, Clone, Copy)]
pub struct Batch<'a> {
    pub header: BatchHeader,
    /// The header's bytes too; as long as the header says.
    pub bytes: &'a [u8],
}

impl<'a> Batch<'a> {
    /// Takes the batch at the start of `bytes`. The checksum is not looked at.
    ///
    /// # Errors
    /// The header does not parse, or `bytes` ends inside the batch.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, BatchError> {
        let header = BatchHeader::parse(bytes)?;
        let size = header.size_bytes();
        match bytes.get(..size) {
            Some(bytes) => Ok(Self { header, bytes }),
            None => Err(BatchError::Truncated {
                needed: size,
                left: bytes.len(),
            }),
        }
    }

    /// Compares the stored checksum with that of the bytes.
    ///
    /// # Errors
    /// They differ.
    pub fn check_crc(&self) -> Result<(), BatchError> {
        let computed = checksum(self.bytes);
        if computed == self.header.crc {
            Ok(())
        } else {
            Err(BatchError::Checksum {
                stored: self.header.crc,
                computed,
            })
        }
    }

    /// The records' bytes, decompressed where a codec is named.
    ///
    /// # Errors
    /// The codec does not exist, refuses the bytes, or yields more than a batch may hold.
    pub fn payload(&self) -> Result<Cow<'a, [u8]>, BatchError> {
        let stored = self.bytes.get(HEADER_BYTES..).unwrap_or_default();
        self.header.compression()?.decompress(stored)
    }

    /// As [`Batch::payload`], with a buffer that was used before.
    ///
    /// # Errors
    /// As there.
    pub fn payload_with<'b>(
        &'b self,
        decompressor: &'b mut Decompressor,
    ) -> Result<&'b [u8], BatchError> {
        let stored = self.bytes.get(HEADER_BYTES..).unwrap_or_default();
        decompressor.decompress(self.header.compression()?, stored)
    }

    /// The records in `payload`, which is what [`Batch::payload`] returned.
    #[must_use]
    pub fn records<'p>(&self, payload: &'p [u8]) -> Records<'p> {
        Records::new(&self.header, payload)
    }
}

/// The batches in a run of bytes, one after another. A cut or broken one is an error and the last item.
#[derive(Debug, Clone)]
pub struct Batches<'a> {
    left: &'a [u8],
}

impl<'a> Batches<'a> {
    /// Walks `bytes` from its start.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { left: bytes }
    }
}

impl<'a> Iterator for Batches<'a> {
    type Item = Result<Batch<'a>, BatchError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left.is_empty() {
            return None;
        }
        let batch = Batch::parse(self.left);
        self.left = match &batch {
            Ok(batch) => self.left.get(batch.bytes.len()..).unwrap_or_default(),
            Err(_) => &[],
        };
        Some(batch)
    }
}

/// Writes base offset and leader epoch into the batch at the start of `batch`; neither is in the checksum.
pub fn stamp(batch: &mut [u8], base_offset: Offset, leader_epoch: LeaderEpoch) {
    write_at(batch, 0, &base_offset.0.to_be_bytes());
    write_at(batch, LEADER_EPOCH_AT, &leader_epoch.0.to_be_bytes());
}

/// Makes `now_ms` the time of every record of the whole batch `batch`, and renews the checksum.
pub fn stamp_log_append_time(batch: &mut [u8], now_ms: i64) {
    if let Ok(header) = BatchHeader::parse(batch) {
        let attributes = header.attributes | LOG_APPEND_TIME_BIT;
        write_at(batch, ATTRIBUTES_AT, &attributes.to_be_bytes());
        write_at(batch, MAX_TIMESTAMP_AT, &now_ms.to_be_bytes());
        seal(batch);
    }
}

/// Makes `max_timestamp` the largest time of the whole batch `batch`, whose records tell their own, and renews
/// the checksum.
pub fn stamp_create_time(batch: &mut [u8], max_timestamp: i64) {
    if let Ok(header) = BatchHeader::parse(batch) {
        let attributes = header.attributes & !LOG_APPEND_TIME_BIT;
        write_at(batch, ATTRIBUTES_AT, &attributes.to_be_bytes());
        write_at(batch, MAX_TIMESTAMP_AT, &max_timestamp.to_be_bytes());
        seal(batch);
    }
}

/// The sequence number `delta` records after `sequence`; it wraps from `i32::MAX` to 0.
#[must_use]
pub fn advance_sequence(sequence: i32, delta: i32) -> i32 {
    let span = i64::from(i32::MAX) + 1;
    let next = (i64::from(sequence) + i64::from(delta)).rem_euclid(span);
    // Always below 2^31 after the remainder.
    i32::try_from(next).unwrap_or_default()
}

/// The offsets that the batch at the start of `bytes` spans and its size, read from its first bytes only.
///
/// For walking bytes that were checked before: enough of a header is 27 bytes.
#[must_use]
pub fn peek(bytes: &[u8]) -> Option<(Offset, Offset, usize)> {
    let base_offset = i64::from_be_bytes(*bytes.first_chunk()?);
    let length = i32::from_be_bytes(*bytes.get(8..)?.first_chunk()?);
    let delta = i32::from_be_bytes(*bytes.get(LAST_OFFSET_DELTA_AT..)?.first_chunk()?);
    let size = LOG_OVERHEAD_BYTES + usize::try_from(length).ok()?;
    let last_offset = base_offset.checked_add(i64::from(delta))?;
    (size >= HEADER_BYTES && delta >= 0).then_some((Offset(base_offset), Offset(last_offset), size))
}

/// Renews the checksum of the whole batch `batch`.
fn seal(batch: &mut [u8]) {
    let crc = checksum(batch);
    write_at(batch, CRC_AT, &crc.to_be_bytes());
}

/// CRC-32C from the attributes to the end of the batch.
fn checksum(batch: &[u8]) -> u32 {
    crc32c::crc32c(batch.get(ATTRIBUTES_AT..).unwrap_or_default())
}

/// Overwrites bytes at `at`; outside of `bytes` nothing happens.
fn write_at(bytes: &mut [u8], at: usize, value: &[u8]) {
    if let Some(place) = bytes.get_mut(at..at + value.len()) {
        place.copy_from_slice(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Vec<u8> {
        let mut builder = BatchBuilder::new();
        builder.push(1_000, Some(b"k1"), Some(b"v1"));
        builder.push(1_005, None, Some(b"v2"));
        builder.push(1_003, Some(b"k3"), None);
        builder.build()
    }

    #[test]
    fn header_spans_offsets_and_times() {
        let mut bytes = sample();
        stamp(&mut bytes, Offset(40), LeaderEpoch(7));
        let batch = Batch::parse(&bytes).expect("own batch");
        batch.check_crc().expect("stamping leaves the checksum");
        assert_eq!(batch.header.base_offset, Offset(40));
        assert_eq!(batch.header.last_offset(), Offset(42));
        assert_eq!(batch.header.leader_epoch, LeaderEpoch(7));
        assert_eq!(batch.header.max_timestamp, 1_005);
        assert_eq!(peek(&bytes), Some((Offset(40), Offset(42), bytes.len())));
    }

    #[test]
    fn every_flipped_bit_after_the_checksum_is_noticed() {
        let bytes = sample();
        for bit in CRC_AT * 8..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let noticed = Batch::parse(&flipped).and_then(|batch| batch.check_crc());
            assert!(noticed.is_err(), "bit {bit}");
        }
    }

    #[test]
    fn a_cut_batch_ends_the_walk_with_an_error() {
        let mut bytes = sample();
        let whole = bytes.len();
        bytes.extend_from_slice(&sample());
        for cut in whole + 1..bytes.len() {
            let items: Vec<_> = Batches::new(&bytes[..cut]).collect();
            assert_eq!(items.len(), 2);
            assert!(items[0].is_ok() && items[1].is_err());
        }
        assert_eq!(Batches::new(&bytes).flatten().count(), 2);
    }

    #[test]
    fn log_append_time_is_every_records_time() {
        let mut bytes = sample();
        stamp_log_append_time(&mut bytes, 9_999);
        let batch = Batch::parse(&bytes).expect("own batch");
        batch.check_crc().expect("sealed anew");
        assert_eq!(batch.header.timestamp_type(), TimestampType::LogAppendTime);
        let payload = batch.payload().expect("not compressed");
        for record in batch.records(&payload) {
            assert_eq!(record.expect("own record").timestamp, 9_999);
        }
    }

    #[test]
    fn sequences_wrap_to_zero() {
        assert_eq!(advance_sequence(5, 2), 7);
        assert_eq!(advance_sequence(i32::MAX, 1), 0);
        assert_eq!(advance_sequence(i32::MAX - 1, 3), 1);
    }

    #[test]
    fn old_formats_and_impossible_lengths_are_named() {
        let mut bytes = sample();
        bytes[MAGIC_AT] = 1;
        assert_eq!(Batch::parse(&bytes).unwrap_err(), BatchError::Magic(1));
        bytes[MAGIC_AT] = 2;
        bytes[8..12].copy_from_slice(&(-5i32).to_be_bytes());
        assert_eq!(Batch::parse(&bytes).unwrap_err(), BatchError::Length(-5));
        bytes[8..12].copy_from_slice(&i32::MAX.to_be_bytes());
        assert!(matches!(
            Batch::parse(&bytes),
            Err(BatchError::Truncated { .. })
        ));
    }
}
