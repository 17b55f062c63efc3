//! Records as a fetch brought them, and runs of them without a gap.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use wire::{LeaderEpoch, Offset, record_batch::advance_sequence};

/// A record for the Log pane.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordSeen {
    /// Where it stands.
    pub offset: Offset,
    /// Its key, shown as text; `0x..` where it is none.
    pub key: Option<String>,
    /// Its value, shown as text; `0x..` where it is none.
    pub value: Option<String>,
    /// The record's own timestamp, in milliseconds.
    pub timestamp_ms: i64,
    /// Key, value and headers together.
    pub size_bytes: u32,
    /// The headers, shown as text.
    pub headers: Vec<(String, String)>,
    /// What it is to those who read.
    pub kind: RecordKind,
    /// The batch it came in.
    pub batch: BatchSeen,
    /// The key's bytes, where the text is not the same.
    pub key_bytes: Option<BytesSeen>,
    /// The value's bytes, where the text is not the same.
    pub value_bytes: Option<BytesSeen>,
}

/// What a record is to those who read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum RecordKind {
    /// Data.
    #[default]
    Data,
    /// Data of a transaction that was aborted: readers of committed transactions skip it.
    Aborted,
    /// A control record: the end of a transaction that counts. No reader is given it.
    Commit,
    /// A control record: the end of a transaction that does not.
    Abort,
    /// A control record of another kind.
    Control,
}

/// A batch as its header tells it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchSeen {
    /// The offset of its first record when it was written.
    pub base_offset: Offset,
    /// The offset of its last one.
    pub last_offset: Offset,
    /// Header and records, as stored.
    pub size_bytes: u32,
    /// `none`, `zstd`, ...
    pub codec: String,
    /// -1: its producer is not idempotent.
    pub producer_id: i64,
    /// How often this producer id began anew.
    pub producer_epoch: i16,
    /// The sequence number of its first record.
    pub base_sequence: i32,
    /// The leader that appended it.
    pub leader_epoch: LeaderEpoch,
    /// Whether it belongs to a transaction.
    pub transactional: bool,
    /// Whether the leader's clock stamped it, not the producer's.
    pub log_append_time: bool,
}

/// Bytes that are no text, or too long to be kept whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BytesSeen {
    /// The first of them.
    pub first: Vec<u8>,
    /// How many there are.
    pub count: u32,
}

impl RecordSeen {
    /// The bytes of the key, as many as are kept, and how many there are.
    #[must_use]
    pub fn kept_key(&self) -> Option<(&[u8], usize)> {
        kept(self.key_bytes.as_ref(), self.key.as_ref())
    }

    /// The same of the value.
    #[must_use]
    pub fn kept_value(&self) -> Option<(&[u8], usize)> {
        kept(self.value_bytes.as_ref(), self.value.as_ref())
    }

    /// The key byte by byte; `None` where it has none, or where it was too long to be kept.
    #[must_use]
    pub fn whole_key(&self) -> Option<&[u8]> {
        let (bytes, count) = self.kept_key()?;
        (bytes.len() == count).then_some(bytes)
    }

    /// The sequence number that its producer gave it, if it is idempotent. Some clients that are not
    /// number their batches all the same: without a producer id nothing is refused.
    #[must_use]
    pub fn sequence(&self) -> Option<i32> {
        let delta = i32::try_from(self.offset.0 - self.batch.base_offset.0).ok()?;
        let base = self.batch.base_sequence;
        (base >= 0 && self.batch.producer_id >= 0).then(|| advance_sequence(base, delta))
    }
}

fn kept<'a>(bytes: Option<&'a BytesSeen>, text: Option<&'a String>) -> Option<(&'a [u8], usize)> {
    match (bytes, text) {
        (Some(bytes), _) => {
            let count = usize::try_from(bytes.count).unwrap_or(usize::MAX);
            Some((&bytes.first, count))
        }
        (None, text) => text.map(|text| (text.as_bytes(), text.len())),
    }
}

/// A stretch of a log that was read without a gap: an offset in it that has no record has none in
/// the log either.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Run {
    from: Offset,
    upto: Offset,
    records: VecDeque<RecordSeen>,
}

impl Run {
    /// Where it begins.
    #[must_use]
    pub fn from(&self) -> Offset {
        self.from
    }

    /// The offset behind it.
    #[must_use]
    pub fn upto(&self) -> Offset {
        self.upto
    }

    /// Whether this offset was read.
    #[must_use]
    pub fn covers(&self, offset: Offset) -> bool {
        self.from <= offset && offset < self.upto
    }

    /// The record at this offset.
    #[must_use]
    pub fn record(&self, offset: Offset) -> Option<&RecordSeen> {
        let at = self
            .records
            .binary_search_by_key(&offset, |record| record.offset)
            .ok()?;
        self.records.get(at)
    }

    /// All of them, oldest first.
    #[must_use]
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &RecordSeen> + ExactSizeIterator {
        self.records.iter()
    }

    /// The newest.
    #[must_use]
    pub fn back(&self) -> Option<&RecordSeen> {
        self.records.back()
    }

    /// How many records there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Whether offsets of it have no record.
    #[must_use]
    pub fn has_holes(&self) -> bool {
        i64::try_from(self.records.len()).is_ok_and(|count| count < self.upto.0 - self.from.0)
    }

    /// Whether a transaction in it was aborted.
    #[must_use]
    pub fn has_aborted(&self) -> bool {
        let aborted = |record: &RecordSeen| record.kind == RecordKind::Aborted;
        self.records.iter().any(aborted)
    }

    /// Takes what was read from `from` up to `upto`. What does not join on begins it anew; more
    /// than `most` records lose the oldest.
    pub(in crate::state) fn read(
        &mut self,
        from: Offset,
        upto: Offset,
        records: &[RecordSeen],
        most: usize,
    ) {
        if from > self.upto || upto < self.from || self.upto == Offset::default() {
            self.records.clear();
            self.from = from;
            self.upto = from;
        }
        // What was known from there on may have been cut and written anew.
        let known = self.records.partition_point(|known| known.offset < from);
        let behind = self.records.partition_point(|known| known.offset < upto);
        let later = self.records.split_off(behind);
        self.records.truncate(known);
        self.records.extend(records.iter().cloned());
        self.records.extend(later);
        self.from = self.from.min(from);
        self.upto = self.upto.max(upto);
        let excess = self.records.len().saturating_sub(most);
        if excess > 0 {
            self.records.drain(..excess);
            self.from = self.records.front().map_or(self.upto, |first| first.offset);
        }
        for marker in records
            .iter()
            .filter(|record| record.kind == RecordKind::Abort)
        {
            self.abort(marker);
        }
    }

    /// Forgets what lies at or behind the end of a log that was cut.
    pub(in crate::state) fn cut(&mut self, end: Offset) {
        if end < self.upto {
            let kept = self.records.partition_point(|record| record.offset < end);
            self.records.truncate(kept);
            self.upto = end;
            self.from = self.from.min(end);
        }
    }

    /// A marker says what became of its producer's records since the marker before.
    fn abort(&mut self, marker: &RecordSeen) {
        let of_producer = |record: &&mut RecordSeen| {
            record.offset < marker.offset && record.batch.producer_id == marker.batch.producer_id
        };
        self.records
            .iter_mut()
            .rev()
            .filter(of_producer)
            .take_while(|record| !matches!(record.kind, RecordKind::Commit | RecordKind::Abort))
            .filter(|record| record.batch.transactional)
            .for_each(|record| record.kind = RecordKind::Aborted);
    }
}

#[cfg(test)]
mod tests {
    use super::{BatchSeen, RecordKind, RecordSeen, Run};
    use wire::Offset;

    fn record(offset: i64, producer_id: i64, kind: RecordKind) -> RecordSeen {
        RecordSeen {
            offset: Offset(offset),
            kind,
            batch: BatchSeen {
                producer_id,
                transactional: producer_id >= 0,
                ..BatchSeen::default()
            },
            ..RecordSeen::default()
        }
    }

    #[test]
    fn a_marker_aborts_its_own_producers_last_transaction() {
        let mut run = Run::default();
        let written = [
            record(0, 7, RecordKind::Data),
            record(1, 7, RecordKind::Commit),
            record(2, 7, RecordKind::Data),
            record(3, 8, RecordKind::Data),
            record(4, -1, RecordKind::Data),
        ];
        run.read(Offset(0), Offset(5), &written, 100);
        let marker = [record(5, 7, RecordKind::Abort)];
        run.read(Offset(5), Offset(6), &marker, 100);
        let aborted: Vec<i64> = run
            .iter()
            .filter(|record| record.kind == RecordKind::Aborted)
            .map(|record| record.offset.0)
            .collect();
        assert_eq!(aborted, [2]);
    }

    #[test]
    fn what_was_read_and_is_not_there_is_a_hole() {
        let mut run = Run::default();
        let read = [
            record(10, -1, RecordKind::Data),
            record(14, -1, RecordKind::Data),
        ];
        run.read(Offset(10), Offset(16), &read, 100);
        assert!(run.covers(Offset(12)) && run.record(Offset(12)).is_none());
        assert!(!run.covers(Offset(9)) && !run.covers(Offset(16)));
        run.cut(Offset(13));
        assert_eq!((run.len(), run.upto()), (1, Offset(13)));
    }

    #[test]
    fn a_run_that_is_jumped_over_begins_anew_and_old_records_leave_it() {
        let mut run = Run::default();
        let many: Vec<_> = (0..10)
            .map(|offset| record(offset, -1, RecordKind::Data))
            .collect();
        run.read(Offset(0), Offset(10), &many, 4);
        assert_eq!((run.from(), run.len()), (Offset(6), 4));
        run.read(
            Offset(50),
            Offset(51),
            &[record(50, -1, RecordKind::Data)],
            4,
        );
        assert_eq!((run.from(), run.len()), (Offset(50), 1));
    }

    #[test]
    fn sequences_count_through_the_batch_and_wrap() {
        let mut seen = record(12, 7, RecordKind::Data);
        seen.batch.base_offset = Offset(10);
        seen.batch.base_sequence = i32::MAX;
        assert_eq!(seen.sequence(), Some(1));
        seen.batch.base_sequence = -1;
        assert_eq!(seen.sequence(), None);
    }

    #[test]
    fn without_a_producer_id_a_sequence_means_nothing() {
        let mut seen = record(12, -1, RecordKind::Data);
        seen.batch.base_offset = Offset(12);
        seen.batch.base_sequence = 0;
        assert_eq!(seen.sequence(), None);
    }
}
