//! What a log knows of its idempotent and transactional producers, and Kafka's `.snapshot` file of it.

use std::collections::{BTreeMap, HashSet, VecDeque};

use bytes::Buf;

use super::transaction_index::AbortedTransaction;
use super::transactions::TransactionEnd;
use wire::Offset;
use wire::record_batch::{BatchHeader, ControlType, EndMarker, NO_SEQUENCE};

/// Batches of each producer that a repetition is recognised by; Kafka's clients keep at most as many in flight.
const BATCHES_KEPT: usize = 5;
/// The version of the snapshot's layout.
const SNAPSHOT_VERSION: i16 = 1;
/// Version and checksum.
const SNAPSHOT_HEADER_BYTES: usize = 6;
/// One producer in a snapshot.
const SNAPSHOT_ENTRY_BYTES: usize = 46;

/// The producers of one partition.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct ProducerState {
    producers: BTreeMap<i64, Producer>,
    /// The producers of open transactions, by where these began.
    open: BTreeMap<Offset, i64>,
    /// Transactions whose markers not every replica may have: where they began and where the marker is. Until the
    /// marker is committed they count as open.
    ending: BTreeMap<Offset, Offset>,
}

/// One producer as this log last heard of it.
#[derive(Debug, Clone, PartialEq)]
struct Producer {
    epoch: i16,
    /// Oldest first, of this epoch only, at most [`BATCHES_KEPT`].
    batches: VecDeque<BatchMetadata>,
    last_timestamp: i64,
    coordinator_epoch: i32,
    /// Where an open transaction began.
    current_txn_first_offset: Option<Offset>,
}

/// What identifies a batch of a producer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BatchMetadata {
    pub last_sequence: i32,
    pub last_offset: Offset,
    pub offset_delta: i32,
    pub timestamp: i64,
}

/// The batches that must stay, so that a log tells of its producers.
#[derive(Debug)]
pub(super) struct LastBatches {
    /// The last offset of each producer's last batch.
    offsets: HashSet<Offset>,
    /// Producers and epochs of which only a marker is known.
    markers: HashSet<(i64, i16)>,
}

impl LastBatches {
    /// Whether this is the last batch of its producer.
    pub(super) fn is_last_batch(&self, header: &BatchHeader) -> bool {
        self.offsets.contains(&header.last_offset())
    }

    /// Whether this marker alone tells the epoch of its producer.
    pub(super) fn is_last_marker(&self, header: &BatchHeader) -> bool {
        let producer = (header.producer_id, header.producer_epoch);
        self.markers.contains(&producer)
    }
}

/// One producer as it is shown to those who ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ActiveProducer {
    pub(crate) producer_id: i64,
    pub(crate) producer_epoch: i16,
    /// [`NO_SEQUENCE`] where no batch of its epoch is remembered.
    pub(crate) last_sequence: i32,
    /// Milliseconds since the Unix epoch.
    pub(crate) last_timestamp: i64,
    pub(crate) coordinator_epoch: i32,
    /// Where an open transaction began.
    pub(crate) current_txn_first_offset: Option<Offset>,
}

/// What a producer may do with a batch.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It follows, or nothing is known of its producer.
    Accept,
    /// It was appended before; this is where.
    Duplicate(BatchMetadata),
    /// Its epoch was replaced.
    Fenced { current_epoch: i16 },
    /// Its sequence does not follow.
    OutOfOrder { last_sequence: i32 },
    /// Its producer is in a transaction, and the batch is not.
    OutsideTransaction,
}

/// Why a marker is not taken.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum MarkerRefusal {
    /// The producer's epoch was replaced.
    Fenced { current_epoch: i16 },
    /// A later coordinator ended a transaction of this producer already.
    CoordinatorFenced { current_epoch: i32 },
    /// It is in the log: written once more, it would end the producer's next transaction.
    Repeated,
}

impl BatchMetadata {
    fn new(header: &BatchHeader) -> Self {
        Self {
            last_sequence: header.last_sequence(),
            last_offset: header.last_offset(),
            offset_delta: header.last_offset_delta,
            timestamp: header.max_timestamp,
        }
    }

    /// The offset of the batch's first record.
    pub(super) fn first_offset(&self) -> Offset {
        Offset(self.last_offset.0 - i64::from(self.offset_delta))
    }

    fn first_sequence(&self) -> i32 {
        wire::record_batch::advance_sequence(self.last_sequence, -self.offset_delta)
    }
}

impl ProducerState {
    /// Judges a client's batch; nothing changes. A producer that is not known may begin anywhere
    /// (KIP-360): its earlier records may have been deleted.
    pub(crate) fn check(&self, header: &BatchHeader) -> Verdict {
        let Some(producer) = self.producers.get(&header.producer_id) else {
            return Verdict::Accept;
        };
        if header.producer_epoch < producer.epoch {
            return Verdict::Fenced {
                current_epoch: producer.epoch,
            };
        }
        let last = producer.batches.back();
        let last_sequence = last.map_or(NO_SEQUENCE, |batch| batch.last_sequence);
        let follows = if header.producer_epoch == producer.epoch {
            let repeated = producer.batches.iter().find(|batch| {
                batch.first_sequence() == header.base_sequence
                    && batch.last_sequence == header.last_sequence()
            });
            if let Some(batch) = repeated {
                return Verdict::Duplicate(*batch);
            }
            header.base_sequence == last_sequence.checked_add(1).unwrap_or(0)
        } else {
            header.base_sequence == 0
        };
        if !follows {
            return Verdict::OutOfOrder { last_sequence };
        }
        if producer.current_txn_first_offset.is_some() && !header.is_transactional() {
            return Verdict::OutsideTransaction;
        }
        Verdict::Accept
    }

    /// The epoch of a producer that was replaced by a newer one, if that of the batch is older.
    pub(super) fn newer_epoch(&self, producer_id: i64, producer_epoch: i16) -> Option<i16> {
        let known = self.producers.get(&producer_id)?.epoch;
        (producer_epoch < known).then_some(known)
    }

    /// Whether this producer has a transaction open, in this epoch.
    pub(crate) fn is_in_transaction(&self, producer_id: i64, producer_epoch: i16) -> bool {
        let producer = self.producers.get(&producer_id);
        producer.is_some_and(|producer| {
            producer.epoch == producer_epoch && producer.current_txn_first_offset.is_some()
        })
    }

    /// Judges a marker that a coordinator wants to be written.
    pub(crate) fn check_marker(&self, end: &TransactionEnd) -> Result<(), MarkerRefusal> {
        let Some(known) = self.producers.get(&end.producer_id) else {
            return Ok(());
        };
        if end.raises_epoch && end.producer_epoch == known.epoch {
            return Err(MarkerRefusal::Repeated);
        }
        if end.producer_epoch < known.epoch {
            return Err(MarkerRefusal::Fenced {
                current_epoch: known.epoch,
            });
        }
        if end.coordinator_epoch < known.coordinator_epoch {
            return Err(MarkerRefusal::CoordinatorFenced {
                current_epoch: known.coordinator_epoch,
            });
        }
        Ok(())
    }

    /// Where the first transaction began that has no end below the high watermark.
    pub(crate) fn first_unstable_offset(&self, high_watermark: Offset) -> Option<Offset> {
        let open = self.open.first_key_value().map(|first| *first.0);
        let mut ending = self.ending.iter();
        let ending = ending.find(|(_, marker)| **marker >= high_watermark);
        open.into_iter().chain(ending.map(|it| *it.0)).min()
    }

    /// Forgets the transactions whose markers are committed.
    pub(crate) fn settle(&mut self, high_watermark: Offset) {
        if !self.ending.is_empty() {
            self.ending.retain(|_, marker| *marker >= high_watermark);
        }
    }

    /// Takes over a batch that is in the log, its offsets stamped; of one that ends a transaction, what it says.
    /// Returns the transaction if that aborts one.
    pub(crate) fn update(
        &mut self,
        header: &BatchHeader,
        marker: Option<EndMarker>,
    ) -> Option<AbortedTransaction> {
        if !header.has_producer_id() {
            return None;
        }
        let producer = self
            .producers
            .entry(header.producer_id)
            .or_insert(Producer {
                epoch: header.producer_epoch,
                batches: VecDeque::new(),
                last_timestamp: header.max_timestamp,
                coordinator_epoch: -1,
                current_txn_first_offset: None,
            });
        if producer.epoch != header.producer_epoch {
            producer.epoch = header.producer_epoch;
            producer.batches.clear();
        }
        producer.last_timestamp = header.max_timestamp;
        if header.is_control() {
            // A marker has no sequence of its own.
            let marker = marker?;
            producer.coordinator_epoch = marker.coordinator_epoch;
            let began = producer.current_txn_first_offset.take()?;
            return self.end(began, header, marker);
        }
        if producer.batches.len() == BATCHES_KEPT {
            producer.batches.pop_front();
        }
        producer.batches.push_back(BatchMetadata::new(header));
        if header.is_transactional() && producer.current_txn_first_offset.is_none() {
            producer.current_txn_first_offset = Some(header.base_offset);
            self.open.insert(header.base_offset, header.producer_id);
        }
        None
    }

    /// Ends the transaction that `began` there.
    fn end(
        &mut self,
        began: Offset,
        header: &BatchHeader,
        marker: EndMarker,
    ) -> Option<AbortedTransaction> {
        let last_offset = header.last_offset();
        self.open.remove(&began);
        self.ending.insert(began, last_offset);
        let open = self.open.first_key_value().map(|first| *first.0);
        (marker.control == ControlType::Abort).then_some(AbortedTransaction {
            producer_id: header.producer_id,
            first_offset: began,
            last_offset,
            last_stable_offset: open.unwrap_or(header.next_offset()),
        })
    }

    /// Forgets producers that were silent for longer than `producer.id.expiration.ms`.
    pub(super) fn expire(&mut self, now_ms: i64, expiration_ms: i64) {
        self.producers.retain(|_, producer| {
            producer.current_txn_first_offset.is_some()
                || now_ms.saturating_sub(producer.last_timestamp) < expiration_ms
        });
    }

    /// What a log must keep to tell of these producers.
    pub(super) fn last_batches(&self) -> LastBatches {
        let last = |producer: &Producer| producer.batches.back().map(|batch| batch.last_offset);
        let offsets = self.producers.values().filter_map(last).collect();
        let known = self.producers.iter();
        let markers = known.filter(|(_, producer)| producer.batches.is_empty());
        LastBatches {
            offsets,
            markers: markers
                .map(|(id, producer)| (*id, producer.epoch))
                .collect(),
        }
    }

    /// All of them, by id.
    pub(super) fn active(&self) -> impl Iterator<Item = ActiveProducer> {
        self.producers.iter().map(|(id, producer)| {
            let last = producer.batches.back();
            ActiveProducer {
                producer_id: *id,
                producer_epoch: producer.epoch,
                last_sequence: last.map_or(NO_SEQUENCE, |batch| batch.last_sequence),
                last_timestamp: producer.last_timestamp,
                coordinator_epoch: producer.coordinator_epoch,
                current_txn_first_offset: producer.current_txn_first_offset,
            }
        })
    }

    /// The bytes of a `.snapshot` file. It holds only the last batch of each producer, as Kafka's does.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut entries = Vec::with_capacity(4 + self.producers.len() * SNAPSHOT_ENTRY_BYTES);
        let count = i32::try_from(self.producers.len()).unwrap_or(i32::MAX);
        entries.extend_from_slice(&count.to_be_bytes());
        for (id, producer) in &self.producers {
            let last = producer.batches.back().copied().unwrap_or(BatchMetadata {
                last_sequence: NO_SEQUENCE,
                last_offset: Offset(-1),
                offset_delta: 0,
                timestamp: producer.last_timestamp,
            });
            let txn = producer.current_txn_first_offset.map_or(-1, |at| at.0);
            entries.extend_from_slice(&id.to_be_bytes());
            entries.extend_from_slice(&producer.epoch.to_be_bytes());
            entries.extend_from_slice(&last.last_sequence.to_be_bytes());
            entries.extend_from_slice(&last.last_offset.0.to_be_bytes());
            entries.extend_from_slice(&last.offset_delta.to_be_bytes());
            entries.extend_from_slice(&producer.last_timestamp.to_be_bytes());
            entries.extend_from_slice(&producer.coordinator_epoch.to_be_bytes());
            entries.extend_from_slice(&txn.to_be_bytes());
        }
        let mut bytes = Vec::with_capacity(SNAPSHOT_HEADER_BYTES + entries.len());
        bytes.extend_from_slice(&SNAPSHOT_VERSION.to_be_bytes());
        bytes.extend_from_slice(&crc32c::crc32c(&entries).to_be_bytes());
        bytes.extend_from_slice(&entries);
        bytes
    }

    /// Reads a `.snapshot` file; `None` where version, checksum or size do not fit.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (header, mut entries) = bytes.split_at_checked(SNAPSHOT_HEADER_BYTES)?;
        let version = i16::from_be_bytes(*header.first_chunk()?);
        let stored = u32::from_be_bytes(*header.last_chunk()?);
        if version != SNAPSHOT_VERSION || stored != crc32c::crc32c(entries) || entries.len() < 4 {
            return None;
        }
        let count = usize::try_from(entries.get_i32()).ok()?;
        if entries.len() != count.checked_mul(SNAPSHOT_ENTRY_BYTES)? {
            return None;
        }
        let mut producers = BTreeMap::new();
        let mut open = BTreeMap::new();
        while entries.has_remaining() {
            let id = entries.get_i64();
            let epoch = entries.get_i16();
            let last_sequence = entries.get_i32();
            let last_offset = Offset(entries.get_i64());
            let offset_delta = entries.get_i32();
            let timestamp = entries.get_i64();
            let coordinator_epoch = entries.get_i32();
            let txn = entries.get_i64();
            let last = BatchMetadata {
                last_sequence,
                last_offset,
                offset_delta,
                timestamp,
            };
            let producer = Producer {
                epoch,
                batches: (last_offset.0 >= 0).then_some(last).into_iter().collect(),
                last_timestamp: timestamp,
                coordinator_epoch,
                current_txn_first_offset: (txn >= 0).then_some(Offset(txn)),
            };
            if let Some(began) = producer.current_txn_first_offset {
                open.insert(began, id);
            }
            producers.insert(id, producer);
        }
        Some(Self {
            producers,
            open,
            ending: BTreeMap::new(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::LeaderEpoch;
    use wire::record_batch::{Batch, BatchBuilder, stamp};

    fn header(epoch: i16, sequence: i32, records: usize, offset: i64) -> BatchHeader {
        let mut builder = BatchBuilder::new();
        builder.producer(7, epoch, sequence);
        for _ in 0..records {
            builder.push(1, None, Some(b"v"));
        }
        let mut bytes = builder.build();
        stamp(&mut bytes, Offset(offset), LeaderEpoch(0));
        Batch::parse(&bytes).expect("own batch").header
    }

    #[test]
    fn a_sequence_goes_on_without_gaps() {
        let mut state = ProducerState::default();
        assert_eq!(state.check(&header(0, 10, 2, 0)), Verdict::Accept);
        state.update(&header(0, 10, 2, 0), None);
        assert_eq!(state.check(&header(0, 12, 1, 2)), Verdict::Accept);
        let gap = Verdict::OutOfOrder { last_sequence: 11 };
        assert_eq!(state.check(&header(0, 13, 1, 2)), gap);
        state.update(&header(0, i32::MAX, 1, 2), None);
        assert_eq!(state.check(&header(0, 0, 1, 3)), Verdict::Accept);
    }

    #[test]
    fn the_last_five_batches_are_recognised() {
        let mut state = ProducerState::default();
        for n in 0..6 {
            state.update(&header(0, n * 3, 3, i64::from(n) * 3), None);
        }
        let Verdict::Duplicate(original) = state.check(&header(0, 3, 3, 99)) else {
            panic!("a repetition")
        };
        assert_eq!(
            (original.first_offset(), original.last_offset),
            (Offset(3), Offset(5))
        );
        assert_eq!(
            state.check(&header(0, 0, 3, 99)),
            Verdict::OutOfOrder { last_sequence: 17 }
        );
    }

    #[test]
    fn a_new_epoch_begins_at_zero_and_fences_the_old_one() {
        let mut state = ProducerState::default();
        state.update(&header(3, 5, 1, 0), None);
        assert_eq!(
            state.check(&header(2, 6, 1, 1)),
            Verdict::Fenced { current_epoch: 3 }
        );
        assert_eq!(
            state.check(&header(4, 6, 1, 1)),
            Verdict::OutOfOrder { last_sequence: 5 }
        );
        assert_eq!(state.check(&header(4, 0, 1, 1)), Verdict::Accept);
    }

    #[test]
    fn a_snapshot_reads_back_and_a_damaged_one_does_not() {
        let mut state = ProducerState::default();
        state.update(&header(3, 5, 2, 40), None);
        let bytes = state.encode();
        assert_eq!(ProducerState::decode(&bytes), Some(state.clone()));
        for at in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1;
            assert_eq!(ProducerState::decode(&flipped), None);
            assert_eq!(ProducerState::decode(&bytes[..at]), None);
        }
    }

    #[test]
    fn silent_producers_are_forgotten() {
        let mut state = ProducerState::default();
        state.update(&header(3, 5, 2, 40), None);
        state.expire(1_000, 1_000);
        assert_eq!(state.producers.len(), 1);
        state.expire(1_001, 1_000);
        assert_eq!(state.producers.len(), 0);
    }
}
