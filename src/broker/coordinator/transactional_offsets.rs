//! Offsets that are committed in a transaction: they count once its commit marker is in the partition of
//! `__consumer_offsets`, and are forgotten after an abort marker (KIP-98, KIP-447).

use std::collections::BTreeMap;

use super::Coordinator;
use super::event::{Producer, TransactionEnd, WriteId};
use super::group::{CommittedOffset, Group};
use super::offset_commit_record::OffsetAndMetadata;
#[cfg(test)]
use crate::planted::{self, Bug};
use wire::{ErrorCode, TopicPartition};

/// Behind every write.
pub(crate) const AFTER_ALL: WriteId = WriteId(u64::MAX);

/// A group's offsets of transactions that have not ended.
#[derive(Debug, Default)]
pub(crate) struct TransactionalOffsets {
    /// Each write of an offset, until the transaction ends: a later one may still fail. Invariant: no map is empty.
    open: BTreeMap<Producer, BTreeMap<TopicPartition, BTreeMap<WriteId, OffsetAndMetadata>>>,
}

impl TransactionalOffsets {
    pub(crate) fn add(
        &mut self,
        producer: Producer,
        at: TopicPartition,
        write: WriteId,
        offset: OffsetAndMetadata,
    ) {
        let offsets = self.open.entry(producer).or_default();
        offsets.entry(at).or_default().insert(write, offset);
    }

    /// Forgets what the log refused.
    pub(crate) fn refused(&mut self, producer: Producer, at: &TopicPartition, write: WriteId) {
        self.retain(|of, offset_of, writes| {
            if of == producer && offset_of == at {
                writes.remove(&write);
            }
        });
    }

    /// Forgets a partition's offsets in every transaction; whether there were any.
    pub(crate) fn forget(&mut self, at: &TopicPartition) -> bool {
        let was_there = self.contains(at);
        self.retain(|_, offset_of, writes| {
            if offset_of == at {
                writes.clear();
            }
        });
        was_there
    }

    fn retain(
        &mut self,
        mut change: impl FnMut(Producer, &TopicPartition, &mut BTreeMap<WriteId, OffsetAndMetadata>),
    ) {
        self.open.retain(|producer, offsets| {
            offsets.retain(|at, writes| {
                change(*producer, at, writes);
                !writes.is_empty()
            });
            !offsets.is_empty()
        });
    }

    /// Takes the offsets of a transaction that has ended, as far as they were written before `before`: what counts from
    /// now on, if it was committed.
    pub(crate) fn take_ended(
        &mut self,
        end: &TransactionEnd,
        before: WriteId,
    ) -> Vec<(TopicPartition, CommittedOffset)> {
        let mut committed = Vec::new();
        self.retain(|producer, at, writes| {
            if producer.id != end.producer_id || producer.epoch > end.last_epoch {
                return;
            }
            let later = writes.split_off(&before);
            let last = std::mem::replace(writes, later).pop_last();
            committed.extend(last.map(|(written_by, value)| {
                let offset = CommittedOffset { value, written_by };
                (at.clone(), offset)
            }));
        });
        if end.is_committed {
            committed
        } else {
            Vec::new()
        }
    }

    /// The same with writes that begin at another number.
    pub(crate) fn numbered_from(self, first: WriteId) -> Self {
        let mut numbered = Self::default();
        for (producer, offsets) in self.open {
            for (at, writes) in offsets {
                for (write, offset) in writes {
                    let write = WriteId(first.0 + write.0);
                    numbered.add(producer, at.clone(), write, offset);
                }
            }
        }
        numbered
    }

    pub(crate) fn contains(&self, at: &TopicPartition) -> bool {
        self.open.values().any(|offsets| offsets.contains_key(at))
    }

    pub(crate) fn partitions(&self) -> impl Iterator<Item = &TopicPartition> {
        self.open.values().flat_map(BTreeMap::keys)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }
}

impl Coordinator {
    /// A marker is in the log of a partition. One that comes while the log is still read waits for the rest. This may be
    /// told late, and of a marker that was written twice the first time after the second: what was written since it was
    /// appended belongs to the producer's next transaction, although the epoch may be the same.
    pub(super) fn transaction_ended(
        &mut self,
        partition: i32,
        end: TransactionEnd,
        before: WriteId,
    ) {
        let Some(led) = self.partitions.get_mut(&partition) else {
            // Whoever leads now reads it in the log.
            return;
        };
        if !led.loaded {
            #[cfg(test)]
            if planted::is(Bug::MarkersWhileLoadingForgotten) {
                return;
            }
            led.ended_meanwhile.push(end);
            return;
        }
        let before = before.max(led.loaded_before);
        #[cfg(test)]
        let before = if planted::is(Bug::LateNewsEndsTheNext) {
            AFTER_ALL
        } else {
            before
        };
        let groups = &mut self.groups;
        led.in_transactions.retain(|id| {
            let Some(group) = groups.get_mut(id) else {
                return false;
            };
            group.transaction_ended(&end, before);
            !group.transactional_offsets.is_empty()
        });
    }
}

impl Group {
    /// A plain commit that was written after the transaction's stays.
    fn transaction_ended(&mut self, end: &TransactionEnd, before: WriteId) {
        for (at, offset) in self.transactional_offsets.take_ended(end, before) {
            let known = self.offsets.get(&at);
            let is_newest = known.is_none_or(|known| known.written_by < offset.written_by);
            #[cfg(test)]
            let is_newest = is_newest || planted::is(Bug::MarkersDecideTheOrder);
            if is_newest {
                self.offsets.insert(at, offset);
            }
        }
    }

    /// The offsets of a transaction are in the log, or are not.
    pub(crate) fn transactional_offsets_stored(
        &mut self,
        producer: Producer,
        write: WriteId,
        offsets: &[(TopicPartition, OffsetAndMetadata, ErrorCode)],
        stored: bool,
    ) {
        if stored {
            return;
        }
        for (at, ..) in offsets {
            self.transactional_offsets.refused(producer, at, write);
        }
    }
}
