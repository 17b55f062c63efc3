//! `__consumer_offsets`-0 and who leads it: one log for each epoch, equal up to where it was committed.
//!
//! That replicas really keep this promise is the other simulation's matter. Here a new leader has everything that
//! was committed, and as much of the rest as chance lets it have.

use std::collections::{BTreeMap, BTreeSet};

use crate::coordinator::{
    Logged, Replay, StoredRecord,
    group_metadata_record::{self, GroupMetadataValue},
    offset_commit_record::{OffsetAndMetadata, OffsetCommitKey},
};
use wire::{BrokerId, LeaderEpoch, fields::FieldReader};

/// The log as the leader of each epoch has it.
#[derive(Debug)]
pub(super) struct OffsetsLog {
    /// The current one is the last. Invariant: not empty.
    epochs: BTreeMap<LeaderEpoch, Epoch>,
    pub(super) leader: Option<BrokerId>,
}

#[derive(Debug, Default, Clone)]
struct Epoch {
    /// Batches by the write that brought them; a compacted one is empty.
    batches: Vec<Vec<Entry>>,
    /// How many of them every in-sync replica has.
    committed: usize,
}

/// A record and what it says.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    record: StoredRecord,
    pub(super) says: Says,
}

#[derive(Debug, Clone)]
pub(super) enum Says {
    Generation(Option<GroupMetadataValue>),
    Offset(i32, Option<OffsetAndMetadata>),
}

impl OffsetsLog {
    pub(super) fn new() -> Self {
        Self {
            epochs: BTreeMap::from([(LeaderEpoch(0), Epoch::default())]),
            leader: None,
        }
    }

    pub(super) fn epoch(&self) -> LeaderEpoch {
        let last = self.epochs.last_key_value();
        *last.expect("there always is an epoch").0
    }

    /// Appends as the leader of an epoch, over or not; where the batch stands.
    pub(super) fn append(&mut self, epoch: LeaderEpoch, batch: Vec<Entry>) -> usize {
        let log = self.epochs.entry(epoch).or_default();
        log.batches.push(batch);
        log.batches.len() - 1
    }

    /// Every in-sync replica has what the leader of `epoch` had up to `end`; whether that still counts.
    pub(super) fn replicated(&mut self, epoch: LeaderEpoch, end: usize) -> bool {
        let is_current = epoch == self.epoch();
        if is_current && let Some(log) = self.epochs.get_mut(&epoch) {
            log.committed = log.committed.max(end);
        }
        is_current
    }

    pub(super) fn committed(&self, epoch: LeaderEpoch) -> usize {
        self.epochs.get(&epoch).map_or(0, |log| log.committed)
    }

    /// How much would be lost if a new leader had only what was committed.
    pub(super) fn uncommitted(&self) -> usize {
        let log = self.epochs.values().next_back();
        log.map_or(0, |log| log.batches.len() - log.committed)
    }

    /// Begins the next epoch, with `kept` of what was not committed; how long the log is then.
    pub(super) fn elect(&mut self, leader: BrokerId, kept: usize, compacts: bool) -> usize {
        let now = self.epoch();
        let mut log = self.epochs.get(&now).cloned().unwrap_or_default();
        log.batches.truncate(log.committed + kept);
        if compacts {
            log.compact();
        }
        let end = log.batches.len();
        self.epochs.insert(LeaderEpoch(now.0 + 1), log);
        self.leader = Some(leader);
        end
    }

    /// Everything from a batch on, as the leader of `epoch` has it.
    pub(super) fn from(
        &self,
        epoch: LeaderEpoch,
        begin: usize,
    ) -> impl DoubleEndedIterator<Item = &Entry> {
        let batches = self.epochs.get(&epoch).map_or(&[][..], |log| &log.batches);
        batches.get(begin..).unwrap_or_default().iter().flatten()
    }

    /// One batch, as the leader of `epoch` wrote it.
    pub(super) fn batch(&self, epoch: LeaderEpoch, index: usize) -> &[Entry] {
        let log = self.epochs.get(&epoch);
        let batch = log.and_then(|log| log.batches.get(index));
        batch.map_or(&[], Vec::as_slice)
    }

    /// The newest generation that was stored; `None` where there is no group.
    pub(super) fn last_generation(&self, epoch: LeaderEpoch) -> Option<&GroupMetadataValue> {
        let mut entries = self.from(epoch, 0).rev();
        entries.find_map(|entry| match &entry.says {
            Says::Generation(value) => Some(value.as_ref()),
            Says::Offset(..) => None,
        })?
    }

    /// What a new coordinator reads.
    pub(super) fn replay(&self, epoch: LeaderEpoch) -> Replay {
        let mut replay = Replay::default();
        for entry in self.from(epoch, 0) {
            let record = Logged::Record(entry.record.clone(), None);
            replay.apply(record).expect("a coordinator wrote it");
        }
        replay
    }
}

impl Epoch {
    /// As the log cleaner does, which leaves alone what is not committed.
    fn compact(&mut self) {
        let committed = self.batches.get_mut(..self.committed).unwrap_or_default();
        let mut has_generation = false;
        let mut offsets = BTreeSet::new();
        for batch in committed.iter_mut().rev() {
            let entries = std::mem::take(batch).into_iter().rev();
            let mut newest: Vec<Entry> = entries
                .filter(|entry| match entry.says {
                    Says::Generation(_) => !std::mem::replace(&mut has_generation, true),
                    Says::Offset(partition, _) => offsets.insert(partition),
                })
                .collect();
            newest.reverse();
            *batch = newest;
        }
    }
}

impl Entry {
    /// A record as the coordinator wants it appended.
    pub(super) fn of(record: StoredRecord) -> Self {
        let mut key = FieldReader::new(record.key.clone());
        let version = key.i16().expect("a key has a version");
        let value = record.value.clone();
        let says = if version == group_metadata_record::KEY_VERSION {
            let value = value.map(GroupMetadataValue::decode);
            Says::Generation(value.map(|value| value.expect("it is whole")))
        } else {
            let key = OffsetCommitKey::decode(&mut key).expect("it is a key of an offset");
            let value = value.map(OffsetAndMetadata::decode);
            let value = value.map(|value| value.expect("it is whole"));
            Says::Offset(key.at.partition, value)
        };
        Self { record, says }
    }
}
