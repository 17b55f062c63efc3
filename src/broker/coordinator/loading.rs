//! Reading a partition of `__consumer_offsets` into groups: the last record of each key counts.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::event::{StoredRecord, WriteId};
use super::group::{CommittedOffset, Group, GroupState, OffsetsPartition};
use super::group_metadata_record::{self, GroupMetadataValue};
use super::member::Member;
use super::offset_commit_record::{self, OffsetAndMetadata, OffsetCommitKey};
#[cfg(test)]
use crate::planted::{self, Bug};
use wire::TopicPartition;
use wire::fields::{FieldError, FieldReader};

/// What the records so far add up to.
#[derive(Debug, Default)]
pub(crate) struct Replay {
    generations: BTreeMap<String, GroupMetadataValue>,
    offsets: BTreeMap<String, BTreeMap<TopicPartition, OffsetAndMetadata>>,
}

impl Replay {
    /// Applies the next record. Records of versions that are not known are left out, as Kafka
    /// does, so that a newer broker's log does not take the group away.
    ///
    /// # Errors
    /// The record is none of ours; nothing was changed.
    pub(crate) fn apply(&mut self, record: StoredRecord) -> Result<(), FieldError> {
        let mut fields = FieldReader::new(record.key);
        let version = fields.i16()?;
        if offset_commit_record::KEY_VERSIONS.contains(&version) {
            self.apply_offset(OffsetCommitKey::decode(&mut fields)?, record.value)
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
        } else {
            Err(FieldError::Version(version))
        }
    }

    fn apply_offset(
        &mut self,
        key: OffsetCommitKey,
        value: Option<Bytes>,
    ) -> Result<(), FieldError> {
        match value {
            Some(value) => {
                let offset = OffsetAndMetadata::decode(value)?;
                let offsets = self.offsets.entry(key.group).or_default();
                #[cfg(test)]
                if planted::is(Bug::FirstRecordCounts) && offsets.contains_key(&key.at) {
                    return Ok(());
                }
                offsets.insert(key.at, offset);
            }
            None => {
                if let Some(offsets) = self.offsets.get_mut(&key.group) {
                    offsets.remove(&key.at);
                    if offsets.is_empty() {
                        self.offsets.remove(&key.group);
                    }
                }
            }
        }
        Ok(())
    }

    /// The groups, as they stood after the last record. `write` orders the loaded offsets before
    /// everything that is written from now on.
    pub(crate) fn into_groups(
        mut self,
        offsets_partition: OffsetsPartition,
        write: WriteId,
    ) -> Vec<Group> {
        let mut groups: BTreeMap<String, Group> = BTreeMap::new();
        for (id, stored) in self.generations {
            let group = restore(&id, offsets_partition, stored);
            groups.insert(id, group);
        }
        for (id, offsets) in std::mem::take(&mut self.offsets) {
            let group = groups
                .entry(id)
                .or_insert_with_key(|id| Group::new(id, offsets_partition, -1));
            group.offsets = offsets
                .into_iter()
                .map(|(at, value)| {
                    let written_by = write;
                    (at, CommittedOffset { value, written_by })
                })
                .collect();
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
