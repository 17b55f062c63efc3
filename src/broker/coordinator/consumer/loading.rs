//! Reading groups of the consumer protocol out of `__consumer_offsets`: the last record of each key counts.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::group::{ConsumerGroup, FIRST_EPOCH, ResolvedExpression};
use super::member::{ConsumerMember, CurrentAssignment, Subscription};
use super::partitions::Partitions;
use super::records::{self, Key};
use wire::fields::{FieldError, FieldReader};

/// What the records so far add up to, by group.
#[derive(Debug, Default)]
pub(crate) struct StoredConsumerGroups(BTreeMap<String, StoredGroup>);

#[derive(Debug, Default)]
struct StoredGroup {
    metadata: Option<(i32, i64)>,
    target_epoch: Option<(i32, i64)>,
    members: BTreeMap<String, Subscription>,
    targets: BTreeMap<String, Partitions>,
    current: BTreeMap<String, CurrentAssignment>,
    expressions: BTreeMap<String, ResolvedExpression>,
}

impl StoredConsumerGroups {
    /// Applies a record whose key has this version.
    ///
    /// # Errors
    /// The record is none of ours; nothing was changed.
    pub(crate) fn apply(
        &mut self,
        key_version: i16,
        key: &mut FieldReader,
        value: Option<Bytes>,
    ) -> Result<(), FieldError> {
        let (group, key) = Key::decode(key_version, key)?;
        let stored = self.0.entry(group).or_default();
        match key {
            Key::Group => stored.metadata = value.map(records::decode_group).transpose()?,
            Key::TargetEpoch => {
                stored.target_epoch = value.map(records::decode_target_epoch).transpose()?;
            }
            Key::Member(id) => put(&mut stored.members, id, value, records::decode_member)?,
            Key::Target(id) => put(&mut stored.targets, id, value, records::decode_target)?,
            Key::Current(id) => put(&mut stored.current, id, value, records::decode_current)?,
            Key::Expression(it) => {
                put(
                    &mut stored.expressions,
                    it,
                    value,
                    records::decode_expression,
                )?;
            }
            Key::Topics => {}
        }
        Ok(())
    }

    /// The groups that are there after the last record.
    pub(crate) fn into_groups(self) -> impl Iterator<Item = (String, ConsumerGroup)> {
        let there = self.0.into_iter();
        there
            .filter(|(_, stored)| stored.metadata.is_some() || !stored.members.is_empty())
            .map(|(id, stored)| (id, stored.into_group()))
    }
}

fn put<T>(
    all: &mut BTreeMap<String, T>,
    name: String,
    value: Option<Bytes>,
    decode: impl Fn(Bytes) -> Result<T, FieldError>,
) -> Result<(), FieldError> {
    match value {
        Some(value) => drop(all.insert(name, decode(value)?)),
        None => drop(all.remove(&name)),
    }
    Ok(())
}

impl StoredGroup {
    fn into_group(mut self) -> ConsumerGroup {
        let (epoch, metadata_hash) = self.metadata.unwrap_or((FIRST_EPOCH, 0));
        let (assignment_epoch, assignment_timestamp_ms) =
            self.target_epoch.unwrap_or((FIRST_EPOCH, 0));
        let members = self.members.into_iter().map(|(member_id, subscription)| {
            let current = self.current.remove(&member_id).unwrap_or_default();
            let member = ConsumerMember {
                member_id: member_id.clone(),
                subscription,
                current,
            };
            (member_id, member)
        });
        ConsumerGroup {
            epoch,
            metadata_hash,
            members: members.collect(),
            assignment_epoch,
            assignment_timestamp_ms,
            target: self.targets,
            expressions: self.expressions,
            ..ConsumerGroup::default()
        }
    }
}
