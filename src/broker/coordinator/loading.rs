//! Reading a partition of `__consumer_offsets` into groups: the last record of each key counts, those of a
//! transaction once its commit marker comes.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::consumer::{KEY_VERSIONS, REGULAR_EXPRESSION_KEY_VERSION, StoredConsumerGroups};
use super::event::{Logged, Producer, TransactionEnd, WriteId};
use super::group::{CommittedOffset, Group, GroupState, OffsetsPartition};
use super::group_metadata_record::{self, GroupMetadataValue};
use super::member::Member;
use super::offset_commit_record::{self, OffsetAndMetadata, OffsetCommitKey};
use super::transactional_offsets::{AFTER_ALL, TransactionalOffsets};
#[cfg(test)]
use crate::planted::{self, Bug};
use wire::TopicPartition;
use wire::fields::{FieldError, FieldReader};

/// What the records so far add up to.
#[derive(Debug, Default)]
pub(crate) struct Replay {
    generations: BTreeMap<String, GroupMetadataValue>,
    offsets: BTreeMap<String, BTreeMap<TopicPartition, CommittedOffset>>,
    /// Those of transactions that have not ended so far.
    transactional: BTreeMap<String, TransactionalOffsets>,
    /// Records so far: each is written by the one of its number.
    records_count: u64,
    consumer: StoredConsumerGroups,
}

impl Replay {
    /// How many writes the records stand for.
    pub(crate) fn records_count(&self) -> u64 {
        self.records_count
    }

    /// Applies what comes next. Records of versions that are not known are left out, as Kafka does, so that a newer
    /// broker's log does not take the group away.
    ///
    /// # Errors
    /// The record is none of ours; nothing was changed.
    pub(crate) fn apply(&mut self, logged: Logged) -> Result<(), FieldError> {
        let (record, producer) = match logged {
            Logged::Record(record, producer) => (record, producer),
            Logged::TransactionEnd(end) => {
                self.end_transaction(&end);
                return Ok(());
            }
        };
        let mut fields = FieldReader::new(record.key);
        let version = fields.i16()?;
        if offset_commit_record::KEY_VERSIONS.contains(&version) {
            let key = OffsetCommitKey::decode(&mut fields)?;
            self.apply_offset(key, record.value, producer)
        } else if version == group_metadata_record::KEY_VERSION {
            let group = group_metadata_record::decode_key(&mut fields)?;
            match record.value {
                Some(value) => {
                    let generation = GroupMetadataValue::decode(value)?;
                    self.generations.insert(group, generation);
                }
                None => {
                    self.generations.remove(&group);
                }
            }
            Ok(())
        } else if KEY_VERSIONS.contains(&version) || version == REGULAR_EXPRESSION_KEY_VERSION {
            self.consumer.apply(version, &mut fields, record.value)
        } else {
            Err(FieldError::Version(version))
        }
    }

    fn apply_offset(
        &mut self,
        key: OffsetCommitKey,
        value: Option<Bytes>,
        producer: Option<Producer>,
    ) -> Result<(), FieldError> {
        let written_by = WriteId(self.records_count);
        let Some(value) = value else {
            if let Some(offsets) = self.transactional.get_mut(&key.group) {
                offsets.forget(&key.at);
            }
            if let Some(offsets) = self.offsets.get_mut(&key.group) {
                offsets.remove(&key.at);
                if offsets.is_empty() {
                    self.offsets.remove(&key.group);
                }
            }
            return Ok(());
        };
        let value = OffsetAndMetadata::decode(value)?;
        self.records_count += 1;
        #[cfg(test)]
        let producer = producer.filter(|_| !planted::is(Bug::OpenOffsetsCount));
        if let Some(producer) = producer {
            let offsets = self.transactional.entry(key.group).or_default();
            offsets.add(producer, key.at, written_by, value);
            return Ok(());
        }
        let offset = CommittedOffset { value, written_by };
        let offsets = self.offsets.entry(key.group).or_default();
        #[cfg(test)]
        if planted::is(Bug::FirstRecordCounts) && offsets.contains_key(&key.at) {
            return Ok(());
        }
        offsets.insert(key.at, offset);
        Ok(())
    }

    /// A marker: the transaction's offsets count from here on, or are forgotten.
    pub(crate) fn end_transaction(&mut self, end: &TransactionEnd) {
        let (offsets, transactional) = (&mut self.offsets, &mut self.transactional);
        transactional.retain(|group, transactional| {
            for (at, offset) in transactional.take_ended(end, AFTER_ALL) {
                let offsets = offsets.entry(group.clone()).or_default();
                let known = offsets.get(&at);
                if known.is_none_or(|known| known.written_by < offset.written_by) {
                    offsets.insert(at, offset);
                }
            }
            !transactional.is_empty()
        });
    }

    /// The groups, as they stood after the last record. Writes are numbered from `first_write` on.
    pub(crate) fn into_groups(
        mut self,
        offsets_partition: OffsetsPartition,
        first_write: WriteId,
    ) -> Vec<Group> {
        let mut groups: BTreeMap<String, Group> = BTreeMap::new();
        for (id, stored) in self.generations {
            let group = restore(&id, offsets_partition, stored);
            groups.insert(id, group);
        }
        for (id, consumer) in std::mem::take(&mut self.consumer).into_groups() {
            let group = groups
                .entry(id)
                .or_insert_with_key(|id| Group::new(id, offsets_partition, -1));
            // Of both protocols only where the tombstones of one could not be written.
            if group.members.is_empty() {
                group.generation = 0;
                group.consumer = Some(Box::new(consumer));
            }
        }
        for (id, offsets) in std::mem::take(&mut self.offsets) {
            let group = groups
                .entry(id)
                .or_insert_with_key(|id| Group::new(id, offsets_partition, -1));
            group.offsets = offsets
                .into_iter()
                .map(|(at, mut committed)| {
                    committed.written_by.0 += first_write.0;
                    (at, committed)
                })
                .collect();
        }
        let open = self.transactional.into_iter();
        for (id, transactional) in open.filter(|(_, it)| !it.is_empty()) {
            let group = groups
                .entry(id)
                .or_insert_with_key(|id| Group::new(id, offsets_partition, -1));
            group.transactional_offsets = transactional.numbered_from(first_write);
        }
        groups.into_values().collect()
    }
}

fn restore(id: &str, offsets_partition: OffsetsPartition, stored: GroupMetadataValue) -> Group {
    let mut group = Group::new(id, offsets_partition, stored.current_state_timestamp_ms);
    group.generation = stored.generation;
    group.protocol_type = Some(stored.protocol_type).filter(|name| !name.is_empty());
    if stored.members.is_empty() {
        return group;
    }
    let protocol = stored.protocol.unwrap_or_default();
    for member in stored.members {
        let member = Member::from_stored(member, &protocol);
        if let Some(instance_id) = &member.group_instance_id {
            group
                .static_members
                .insert(instance_id.clone(), member.member_id.clone());
        }
        group.members.insert(member.member_id.clone(), member);
    }
    group.state = GroupState::Stable;
    group.leader = stored
        .leader
        .filter(|leader| group.members.contains_key(leader))
        .or_else(|| group.members.keys().next().cloned());
    group.protocol = Some(protocol);
    group
}
