//! Reading: batches by offset, offsets by time.

use bytes::BytesMut;

use super::{Log, LogError};
use wire::record_batch::{Batch, peek};
use wire::{LeaderEpoch, Offset};

/// What a read put into the caller's buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ReadResult {
    /// Bytes appended: whole batches, none where there is nothing to read yet.
    pub size_bytes: usize,
    /// The offset to read next; the requested one where nothing was read.
    pub next_offset: Offset,
}

/// Where a lookup by time ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TimestampedOffset {
    pub offset: Offset,
    /// Of the record at the offset.
    pub timestamp: i64,
    pub leader_epoch: LeaderEpoch,
}

impl Log {
    /// Appends batches to `out`, from the one that holds `from` on and as long as they end below `up_to`,
    /// at most `max_bytes` of them. With `min_one_batch` the first one comes whole, however large.
    ///
    /// The first batch may begin before `from`, as everywhere in Kafka: clients skip its records.
    pub(crate) fn read_into(
        &self,
        from: Offset,
        up_to: Offset,
        max_bytes: usize,
        min_one_batch: bool,
        out: &mut BytesMut,
    ) -> Result<ReadResult, LogError> {
        if from < self.log_start_offset || from > self.log_end_offset() {
            return Err(self.out_of_range(from));
        }
        let nothing = ReadResult {
            size_bytes: 0,
            next_offset: from,
        };
        if from >= up_to {
            return Ok(nothing);
        }
        let first = self.segments.range(..=from).next_back();
        let first = first.map_or(from, |first| *first.0);
        for (_, segment) in self.segments.range(first..) {
            // A compacted log has gaps: the batch may be in a later segment.
            let Some(place) = segment.locate(from)? else {
                continue;
            };
            let first_bytes = usize::try_from(place.size_bytes).unwrap_or(usize::MAX);
            if place.last_offset >= up_to || (first_bytes > max_bytes && !min_one_batch) {
                return Ok(nothing);
            }
            let left = usize::try_from(segment.size_bytes - place.position).unwrap_or(usize::MAX);
            let wanted = max_bytes.max(first_bytes).min(left);
            let before = out.len();
            out.resize(before + wanted, 0);
            let taken = out.get_mut(before..).unwrap_or_default();
            if let Err(error) = segment.read_at(taken, place.position) {
                out.truncate(before);
                return Err(error);
            }
            let (size_bytes, next_offset) = whole_batches(taken, up_to, from);
            out.truncate(before + size_bytes);
            return Ok(ReadResult {
                size_bytes,
                next_offset,
            });
        }
        Ok(nothing)
    }

    /// The first record at or after `timestamp`, as `ListOffsets` asks; `None` where all are older.
    pub(crate) fn offset_for_timestamp(
        &self,
        timestamp: i64,
    ) -> Result<Option<TimestampedOffset>, LogError> {
        let first = self.segments.range(..=self.log_start_offset).next_back();
        let first = first.map_or(self.log_start_offset, |first| *first.0);
        for (_, segment) in self.segments.range(first..) {
            if segment.max_timestamp.0 < timestamp {
                continue;
            }
            let start = self.log_start_offset;
            let found = segment.find_record(timestamp, |record| {
                record.timestamp >= timestamp && record.offset >= start
            })?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// The record with the largest timestamp, the first of several; `None` in a log without records.
    pub(crate) fn max_timestamp_offset(&self) -> Result<Option<TimestampedOffset>, LogError> {
        let youngest = self
            .segments
            .values()
            .filter(|segment| segment.next_offset > self.log_start_offset && !segment.is_empty())
            // Of equal ones the first: `max_by_key` would take the last.
            .rev()
            .max_by_key(|segment| segment.max_timestamp.0);
        let Some(segment) = youngest else {
            return Ok(None);
        };
        let timestamp = segment.max_timestamp.0;
        segment.find_record(timestamp, |record| record.timestamp == timestamp)
    }
}

impl super::segment::Segment {
    /// The first record that `is_wanted` among the batches with a timestamp of at least `timestamp`.
    fn find_record(
        &self,
        timestamp: i64,
        is_wanted: impl Fn(&wire::record_batch::Record<'_>) -> bool,
    ) -> Result<Option<TimestampedOffset>, LogError> {
        let Some(mut place) = self.locate_timestamp(timestamp)? else {
            return Ok(None);
        };
        loop {
            let corrupt = |error: wire::record_batch::BatchError| LogError::Corrupt {
                path: self.path(),
                position: place.position,
                reason: error.to_string(),
            };
            if place.max_timestamp >= timestamp {
                let mut bytes = vec![0; usize::try_from(place.size_bytes).unwrap_or(0)];
                self.read_at(&mut bytes, place.position)?;
                let batch = Batch::parse(&bytes).map_err(corrupt)?;
                let payload = batch.payload().map_err(corrupt)?;
                for record in batch.records(&payload) {
                    let record = record.map_err(corrupt)?;
                    if is_wanted(&record) {
                        return Ok(Some(TimestampedOffset {
                            offset: record.offset,
                            timestamp: record.timestamp,
                            leader_epoch: batch.header.leader_epoch,
                        }));
                    }
                }
            }
            match self.headers(place.end())?.next() {
                Some(next) => {
                    let (position, header) = next?;
                    place = super::segment::Place::new(position, &header);
                }
                None => return Ok(None),
            }
        }
    }
}

/// Bytes of the whole batches at the start of `bytes` that end below `up_to`, and the offset after them.
fn whole_batches(bytes: &[u8], up_to: Offset, from: Offset) -> (usize, Offset) {
    let mut end = 0;
    let mut next_offset = from;
    while let Some((_, last_offset, size)) = bytes.get(end..).and_then(peek) {
        if last_offset >= up_to || end + size > bytes.len() {
            break;
        }
        end += size;
        next_offset = Offset(last_offset.0 + 1);
    }
    (end, next_offset)
}
