//! A group of the consumer protocol as `__consumer_offsets` keeps it, in the formats of Apache
//! Kafka 4: one record for the group, one for the target's epoch, three for each member, and one
//! for each regular expression.

use std::ops::RangeInclusive;

use bytes::{BufMut, Bytes, BytesMut};
use uuid::Uuid;

use super::group::ResolvedExpression;
use super::member::{ClassicMember, CurrentAssignment, MemberState, Subscription};
use super::partitions::{Assigned, Partitions};
use crate::coordinator::event::StoredRecord;
use wire::fields::{
    FieldError, FieldReader, put_compact_length, put_compact_nullable_string, put_compact_string,
    put_string, put_unsigned_varint,
};

/// Key versions of these formats, but for that of regular expressions.
pub(crate) const KEY_VERSIONS: RangeInclusive<i16> = 3..=8;
pub(crate) const REGULAR_EXPRESSION_KEY_VERSION: i16 = 16;

const VALUE_VERSION: i16 = 0;

/// What a record is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Key {
    /// The group's epoch.
    Group,
    /// Kafka 3.8 to 4.0 keep here what they know of the topics; only removed any more.
    Topics,
    Member(String),
    TargetEpoch,
    Target(String),
    Current(String),
    Expression(String),
}

impl Key {
    fn version(&self) -> i16 {
        match self {
            Self::Group => 3,
            Self::Topics => 4,
            Self::Member(_) => 5,
            Self::TargetEpoch => 6,
            Self::Target(_) => 7,
            Self::Current(_) => 8,
            Self::Expression(_) => REGULAR_EXPRESSION_KEY_VERSION,
        }
    }

    fn encode(&self, group: &str) -> Bytes {
        let mut out = BytesMut::new();
        out.put_i16(self.version());
        put_string(&mut out, group);
        match self {
            Self::Group | Self::Topics | Self::TargetEpoch => {}
            Self::Member(name)
            | Self::Target(name)
            | Self::Current(name)
            | Self::Expression(name) => put_string(&mut out, name),
        }
        out.freeze()
    }

    /// Reads what follows the key's version: the group, and what of it.
    pub(crate) fn decode(
        version: i16,
        fields: &mut FieldReader,
    ) -> Result<(String, Self), FieldError> {
        let group = fields.string()?;
        let key = match version {
            3 => Self::Group,
            4 => Self::Topics,
            5 => Self::Member(fields.string()?),
            6 => Self::TargetEpoch,
            7 => Self::Target(fields.string()?),
            8 => Self::Current(fields.string()?),
            REGULAR_EXPRESSION_KEY_VERSION => Self::Expression(fields.string()?),
            other => return Err(FieldError::Version(other)),
        };
        Ok((group, key))
    }

    /// The record that removes what was stored under this key.
    pub(crate) fn tombstone(&self, group: &str) -> StoredRecord {
        StoredRecord {
            key: self.encode(group),
            value: None,
        }
    }

    pub(crate) fn with(&self, group: &str, value: Bytes) -> StoredRecord {
        StoredRecord {
            key: self.encode(group),
            value: Some(value),
        }
    }
}

fn value() -> BytesMut {
    let mut out = BytesMut::new();
    out.put_i16(VALUE_VERSION);
    out
}

fn fields_of(value: Bytes) -> Result<FieldReader, FieldError> {
    let mut fields = FieldReader::new(value);
    match fields.i16()? {
        VALUE_VERSION => Ok(fields),
        other => Err(FieldError::Version(other)),
    }
}

/// One number behind an epoch, in a tagged field; 0 is not written.
fn epoch_and(epoch: i32, number: i64) -> Bytes {
    let mut out = value();
    out.put_i32(epoch);
    if number == 0 {
        put_unsigned_varint(&mut out, 0);
    } else {
        out.put_slice(&[1, 0, 8]);
        out.put_i64(number);
    }
    out.freeze()
}

fn read_epoch_and(value: Bytes) -> Result<(i32, i64), FieldError> {
    let mut fields = fields_of(value)?;
    let epoch = fields.i32()?;
    let mut number = 0;
    fields.tagged(|tag, field| {
        if tag == 0 {
            number = field.i64()?;
        }
        Ok(())
    })?;
    Ok((epoch, number))
}

/// `ConsumerGroupMetadataValue`: the group's epoch and the hash of its topics.
pub(crate) fn encode_group(epoch: i32, metadata_hash: i64) -> Bytes {
    epoch_and(epoch, metadata_hash)
}

pub(crate) fn decode_group(value: Bytes) -> Result<(i32, i64), FieldError> {
    read_epoch_and(value)
}

/// `ConsumerGroupTargetAssignmentMetadataValue`: the target's epoch and when it was computed.
pub(crate) fn encode_target_epoch(epoch: i32, timestamp_ms: i64) -> Bytes {
    epoch_and(epoch, timestamp_ms)
}

pub(crate) fn decode_target_epoch(value: Bytes) -> Result<(i32, i64), FieldError> {
    read_epoch_and(value)
}

/// `ConsumerGroupMemberMetadataValue`.
pub(crate) fn encode_member(member: &Subscription) -> Bytes {
    let mut out = value();
    put_compact_nullable_string(&mut out, member.instance_id.as_deref());
    put_compact_nullable_string(&mut out, member.rack_id.as_deref());
    put_compact_string(&mut out, &member.client_id);
    put_compact_string(&mut out, &member.client_host);
    put_compact_length(&mut out, member.topics.len());
    for topic in &member.topics {
        put_compact_string(&mut out, topic);
    }
    put_compact_string(&mut out, &member.expression);
    out.put_i32(member.rebalance_timeout_ms);
    put_compact_nullable_string(&mut out, member.assignor.as_deref());
    // In a tagged field; Kafka writes it also where there is none.
    let classic = member
        .classic
        .as_ref()
        .map_or_else(|| Bytes::from_static(&[0]), encode_classic);
    out.put_slice(&[1, 0]);
    put_unsigned_varint(&mut out, u32::try_from(classic.len()).unwrap_or(u32::MAX));
    out.put_slice(&classic);
    out.freeze()
}

fn encode_classic(classic: &ClassicMember) -> Bytes {
    let mut out = BytesMut::new();
    out.put_u8(1);
    out.put_i32(classic.session_timeout_ms);
    put_compact_length(&mut out, classic.protocols.len());
    for (name, metadata) in &classic.protocols {
        put_compact_string(&mut out, name);
        put_compact_length(&mut out, metadata.len());
        out.put_slice(metadata);
        put_unsigned_varint(&mut out, 0);
    }
    put_unsigned_varint(&mut out, 0);
    out.freeze()
}

fn decode_classic(fields: &mut FieldReader) -> Result<Option<ClassicMember>, FieldError> {
    if fields.unsigned_varint()? == 0 {
        return Ok(None);
    }
    Ok(Some(ClassicMember {
        session_timeout_ms: fields.i32()?,
        protocols: fields.compact_array(|fields| {
            let protocol = (fields.compact_string()?, fields.compact_bytes()?);
            fields.tagged(|_, _| Ok(()))?;
            Ok(protocol)
        })?,
    }))
}

pub(crate) fn decode_member(value: Bytes) -> Result<Subscription, FieldError> {
    let mut fields = fields_of(value)?;
    let mut member = Subscription {
        instance_id: fields.compact_nullable_string()?,
        rack_id: fields.compact_nullable_string()?,
        client_id: fields.compact_string()?,
        client_host: fields.compact_string()?,
        topics: fields
            .compact_array(FieldReader::compact_string)?
            .into_iter()
            .collect(),
        expression: fields.compact_nullable_string()?.unwrap_or_default(),
        rebalance_timeout_ms: fields.i32()?,
        assignor: fields.compact_nullable_string()?,
        classic: None,
    };
    fields.tagged(|tag, field| {
        if tag == 0 {
            member.classic = decode_classic(field)?;
        }
        Ok(())
    })?;
    Ok(member)
}

/// `ConsumerGroupTargetAssignmentMemberValue`.
pub(crate) fn encode_target(target: &Partitions) -> Bytes {
    let mut out = value();
    put_compact_length(&mut out, target.len());
    for (topic, partitions) in target {
        put_topic(&mut out, *topic, partitions.iter().copied());
        put_unsigned_varint(&mut out, 0);
    }
    put_unsigned_varint(&mut out, 0);
    out.freeze()
}

pub(crate) fn decode_target(value: Bytes) -> Result<Partitions, FieldError> {
    let topics = fields_of(value)?.compact_array(|fields| {
        let topic = Uuid::from_bytes(fields.uuid()?);
        let partitions = fields.compact_array(FieldReader::i32)?;
        fields.tagged(|_, _| Ok(()))?;
        Ok((topic, partitions.into_iter().collect()))
    })?;
    Ok(topics.into_iter().collect())
}

/// `ConsumerGroupCurrentMemberAssignmentValue`.
pub(crate) fn encode_current(current: &CurrentAssignment) -> Bytes {
    let mut out = value();
    out.put_i32(current.epoch);
    out.put_i32(current.previous_epoch);
    out.put_i8(current.state as i8);
    put_assigned(&mut out, &current.assigned);
    put_assigned(&mut out, &current.pending_revocation);
    put_unsigned_varint(&mut out, 0);
    out.freeze()
}

pub(crate) fn decode_current(value: Bytes) -> Result<CurrentAssignment, FieldError> {
    let mut fields = fields_of(value)?;
    Ok(CurrentAssignment {
        epoch: fields.i32()?,
        previous_epoch: fields.i32()?,
        state: match fields.i8()? {
            1 => MemberState::UnrevokedPartitions,
            2 => MemberState::UnreleasedPartitions,
            _ => MemberState::Stable,
        },
        assigned: read_assigned(&mut fields)?,
        pending_revocation: read_assigned(&mut fields)?,
    })
}

fn put_topic(out: &mut BytesMut, topic: Uuid, partitions: impl ExactSizeIterator<Item = i32>) {
    out.put_slice(topic.as_bytes());
    put_numbers(out, partitions);
}

fn put_numbers(out: &mut BytesMut, numbers: impl ExactSizeIterator<Item = i32>) {
    put_compact_length(out, numbers.len());
    for number in numbers {
        out.put_i32(number);
    }
}

fn put_assigned(out: &mut BytesMut, assigned: &Assigned) {
    put_compact_length(out, assigned.topics().len());
    for (topic, partitions) in assigned.topics() {
        put_topic(out, topic, partitions.keys().copied());
        let mut epochs = BytesMut::new();
        put_numbers(&mut epochs, partitions.values().copied());
        out.put_slice(&[1, 0]);
        put_unsigned_varint(out, u32::try_from(epochs.len()).unwrap_or(u32::MAX));
        out.put_slice(&epochs);
    }
}

fn read_assigned(fields: &mut FieldReader) -> Result<Assigned, FieldError> {
    let mut assigned = Assigned::default();
    let topics = fields.compact_array(|fields| {
        let topic = Uuid::from_bytes(fields.uuid()?);
        let partitions = fields.compact_array(FieldReader::i32)?;
        let mut epochs = Vec::new();
        fields.tagged(|tag, field| {
            if tag == 0 {
                epochs = field.compact_array(FieldReader::i32)?;
            }
            Ok(())
        })?;
        Ok((topic, partitions, epochs))
    })?;
    for (topic, partitions, epochs) in topics {
        // Kafka before 4.3 writes no epochs.
        let epochs = epochs.into_iter().chain(std::iter::repeat(0));
        for (partition, epoch) in partitions.into_iter().zip(epochs) {
            assigned.insert(topic, partition, epoch);
        }
    }
    Ok(assigned)
}

/// `ConsumerGroupRegularExpressionValue`.
pub(crate) fn encode_expression(resolved: &ResolvedExpression) -> Bytes {
    let mut out = value();
    put_compact_length(&mut out, resolved.topics.len());
    for topic in &resolved.topics {
        put_compact_string(&mut out, topic);
    }
    // The version of the metadata: Kafka's is an offset in its metadata log, and there is none here.
    out.put_i64(0);
    out.put_i64(resolved.timestamp_ms);
    put_unsigned_varint(&mut out, 0);
    out.freeze()
}

pub(crate) fn decode_expression(value: Bytes) -> Result<ResolvedExpression, FieldError> {
    let mut fields = fields_of(value)?;
    let topics = fields.compact_array(FieldReader::compact_string)?;
    fields.i64()?;
    Ok(ResolvedExpression {
        topics: topics.into_iter().collect(),
        timestamp_ms: fields.i64()?,
        topics_seen: 0,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use bytes::Bytes;
    use uuid::Uuid;

    use super::{
        Assigned, ClassicMember, CurrentAssignment, Key, MemberState, ResolvedExpression,
        Subscription, decode_current, decode_expression, decode_group, decode_member,
        decode_target, encode_current, encode_expression, encode_group, encode_member,
        encode_target,
    };
    use wire::fields::FieldReader;

    const TOPIC: Uuid = Uuid::from_u128(7);

    fn member() -> Subscription {
        Subscription {
            client_id: "raw".into(),
            client_host: "/127.0.0.1".into(),
            expression: "t[ab]4883".into(),
            rebalance_timeout_ms: 60_000,
            ..Subscription::default()
        }
    }

    fn current() -> CurrentAssignment {
        let mut assigned = Assigned::default();
        for partition in 0..3 {
            assigned.insert(TOPIC, partition, 2);
        }
        CurrentAssignment {
            epoch: 2,
            assigned,
            ..CurrentAssignment::default()
        }
    }

    #[test]
    fn values_have_the_bytes_that_kafka_4_writes() {
        let bytes = encode_member(&member());
        let told = b"\0\0\0\0\x04raw\x0b/127.0.0.1\x01\x0at[ab]4883\0\0\xea\x60\0\x01\0\x01\0";
        assert_eq!(&bytes[..], told);
        assert_eq!(decode_member(bytes), Ok(member()));
        let bytes = encode_current(&current());
        let mut told = b"\0\0\0\0\0\x02\0\0\0\0\0\x02".to_vec();
        told.extend(TOPIC.as_bytes());
        told.extend(b"\x04\0\0\0\0\0\0\0\x01\0\0\0\x02");
        told.extend(b"\x01\0\x0d\x04\0\0\0\x02\0\0\0\x02\0\0\0\x02\x01\0");
        assert_eq!(&bytes[..], told);
        assert_eq!(decode_current(bytes), Ok(current()));
        let bytes = encode_group(2, 258);
        assert_eq!(&bytes[..], b"\0\0\0\0\0\x02\x01\0\x08\0\0\0\0\0\0\x01\x02");
        assert_eq!(decode_group(bytes), Ok((2, 258)));
        assert_eq!(decode_group(encode_group(2, 0)), Ok((2, 0)));
    }

    #[test]
    fn everything_reads_back() {
        let whole = Subscription {
            instance_id: Some("one".into()),
            rack_id: Some("r1".into()),
            topics: BTreeSet::from(["a".to_owned(), "b".to_owned()]),
            assignor: Some("range".into()),
            classic: Some(ClassicMember {
                session_timeout_ms: 9,
                protocols: vec![("range".into(), Bytes::from_static(b"metadata"))],
            }),
            ..member()
        };
        assert_eq!(decode_member(encode_member(&whole)), Ok(whole));
        let target = [(TOPIC, BTreeSet::from([1, 2]))].into();
        assert_eq!(decode_target(encode_target(&target)), Ok(target));
        let leaving = CurrentAssignment {
            state: MemberState::UnrevokedPartitions,
            pending_revocation: current().assigned,
            ..current()
        };
        assert_eq!(decode_current(encode_current(&leaving)), Ok(leaving));
        let resolved = ResolvedExpression {
            topics: BTreeSet::from(["a".to_owned()]),
            timestamp_ms: 5,
            topics_seen: 0,
        };
        assert_eq!(
            decode_expression(encode_expression(&resolved)),
            Ok(resolved)
        );
        for key in [
            Key::Group,
            Key::Topics,
            Key::Member("m".into()),
            Key::TargetEpoch,
            Key::Target("m".into()),
            Key::Current("m".into()),
            Key::Expression("a.*".into()),
        ] {
            let mut fields = FieldReader::new(key.tombstone("g").key);
            let version = fields.i16().expect("a version");
            assert_eq!(Key::decode(version, &mut fields), Ok(("g".into(), key)));
        }
    }

    #[test]
    fn a_torn_value_is_an_error_and_never_a_panic() {
        // What follows the last field that is read are tags of no interest.
        let torn = |bytes: &Bytes| {
            let bytes = bytes.clone();
            (0..bytes.len() - 4).map(move |end| bytes.slice(..end))
        };
        assert!(torn(&encode_member(&member())).all(|it| decode_member(it).is_err()));
        assert!(torn(&encode_current(&current())).all(|it| decode_current(it).is_err()));
        assert!(torn(&encode_group(2, 9)).all(|it| decode_group(it).is_err()));
    }
}
