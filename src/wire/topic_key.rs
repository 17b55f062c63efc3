//! Requests about a group's offsets, as brokers take them, written here because the codec ends at version 9: from version
//! 10 on topics are named by their ids (KIP-848).

use anyhow::{Result, ensure};
use bytes::Buf;
use kafka_protocol::messages::{
    self, TopicName,
    offset_commit_request::OffsetCommitRequestPartition,
    offset_fetch_request::{OffsetFetchRequestGroup, OffsetFetchRequestTopics},
};
use kafka_protocol::protocol::buf::ByteBuf;
use kafka_protocol::protocol::{Decodable, StrBytes};
use uuid::Uuid;

use super::fields::{FieldError, FieldReader};

/// The last version that the codec knows.
const CODEC: i16 = 9;

/// The version in which topics are named by their ids.
const BY_ID: i16 = 10;

/// How a request names a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TopicKey {
    /// Up to version 9.
    Name(TopicName),
    /// From version 10 on.
    Id(Uuid),
}

/// `OffsetCommitRequest`, versions 2 to 10.
#[derive(Debug, Clone, PartialEq)]
pub struct OffsetCommitRequest {
    /// Everything but the topics.
    pub group: messages::OffsetCommitRequest,
    /// The topics with the offsets of their partitions.
    pub topics: Vec<(TopicKey, Vec<OffsetCommitRequestPartition>)>,
}

/// `OffsetFetchRequest`, versions 1 to 10.
#[derive(Debug, Clone, PartialEq)]
pub struct OffsetFetchRequest {
    /// Everything but the groups of version 8 and newer.
    pub single: messages::OffsetFetchRequest,
    /// The groups of version 8 and newer, each without its topics and with them; `None` are all.
    pub groups: Vec<(OffsetFetchRequestGroup, Option<Vec<PartitionsOf>>)>,
}

/// A topic and some of its partitions.
pub type PartitionsOf = (TopicKey, Vec<i32>);

impl Decodable for OffsetCommitRequest {
    fn decode<B: ByteBuf>(buf: &mut B, version: i16) -> Result<Self> {
        if version <= CODEC {
            let mut group = messages::OffsetCommitRequest::decode(buf, version)?;
            let topics = std::mem::take(&mut group.topics).into_iter();
            let topics = topics.map(|topic| (TopicKey::Name(topic.name), topic.partitions));
            let topics = topics.collect();
            return Ok(Self { group, topics });
        }
        let mut fields = reader(buf, version)?;
        let group = messages::OffsetCommitRequest::default()
            .with_group_id(text(fields.compact_string()?).into())
            .with_generation_id_or_member_epoch(fields.i32()?)
            .with_member_id(text(fields.compact_string()?))
            .with_group_instance_id(fields.compact_nullable_string()?.map(text));
        let topics = fields.compact_array(|fields| {
            let id = TopicKey::Id(Uuid::from_bytes(fields.uuid()?));
            let partitions = fields.compact_array(committed)?;
            end(fields).map(|()| (id, partitions))
        })?;
        end(&mut fields)?;
        Ok(Self { group, topics })
    }
}

fn committed(fields: &mut FieldReader) -> Result<OffsetCommitRequestPartition, FieldError> {
    let partition = OffsetCommitRequestPartition::default()
        .with_partition_index(fields.i32()?)
        .with_committed_offset(fields.i64()?)
        .with_committed_leader_epoch(fields.i32()?)
        .with_committed_metadata(fields.compact_nullable_string()?.map(text));
    end(fields).map(|()| partition)
}

impl Decodable for OffsetFetchRequest {
    fn decode<B: ByteBuf>(buf: &mut B, version: i16) -> Result<Self> {
        if version <= CODEC {
            let mut single = messages::OffsetFetchRequest::decode(buf, version)?;
            let groups = std::mem::take(&mut single.groups).into_iter();
            let groups = groups.map(|mut group| {
                let topics = group.topics.take();
                let topics = topics.map(|topics| topics.into_iter().map(by_name).collect());
                (group, topics)
            });
            let groups = groups.collect();
            return Ok(Self { single, groups });
        }
        let mut fields = reader(buf, version)?;
        let groups = fields.compact_array(|fields| {
            let group = OffsetFetchRequestGroup::default()
                .with_group_id(text(fields.compact_string()?).into())
                .with_member_id(fields.compact_nullable_string()?.map(text))
                .with_member_epoch(fields.i32()?);
            let topics = fields.compact_nullable_array(|fields| {
                let id = TopicKey::Id(Uuid::from_bytes(fields.uuid()?));
                let partitions = fields.compact_array(FieldReader::i32)?;
                end(fields).map(|()| (id, partitions))
            })?;
            end(fields).map(|()| (group, topics))
        })?;
        let single = messages::OffsetFetchRequest::default().with_require_stable(fields.i8()? != 0);
        end(&mut fields)?;
        Ok(Self { single, groups })
    }
}

fn by_name(topic: OffsetFetchRequestTopics) -> PartitionsOf {
    (TopicKey::Name(topic.name), topic.partition_indexes)
}

fn reader<B: ByteBuf>(buf: &mut B, version: i16) -> Result<FieldReader> {
    ensure!(version == BY_ID, "there is no version {version} here");
    let bytes = buf.remaining();
    Ok(FieldReader::new(buf.copy_to_bytes(bytes)))
}

/// The tagged fields at the end of a structure, of which there are none.
fn end(fields: &mut FieldReader) -> Result<(), FieldError> {
    fields.tagged(|_, _| Ok(()))
}

fn text(text: String) -> StrBytes {
    StrBytes::from(text)
}

#[cfg(test)]
mod tests {
    use bytes::{BufMut, Bytes, BytesMut};
    use kafka_protocol::messages;
    use kafka_protocol::messages::offset_fetch_request::OffsetFetchRequestGroup;
    use kafka_protocol::protocol::{Decodable, Encodable, StrBytes};
    use uuid::Uuid;

    use super::{OffsetCommitRequest, OffsetCommitRequestPartition, OffsetFetchRequest, TopicKey};
    use crate::fields::{put_compact_length, put_compact_nullable_string, put_compact_string};
    use crate::message_shape::Shape;
    use crate::message_shape::requests::{OFFSET_COMMIT, OFFSET_FETCH};

    const ID: Uuid = Uuid::from_u128(7);

    fn commit() -> Bytes {
        let mut out = BytesMut::new();
        put_compact_string(&mut out, "billing");
        out.put_i32(3);
        put_compact_string(&mut out, "m1");
        put_compact_nullable_string(&mut out, None);
        put_compact_length(&mut out, 1);
        out.put_slice(ID.as_bytes());
        put_compact_length(&mut out, 1);
        out.put_i32(2);
        out.put_i64(40);
        out.put_i32(5);
        put_compact_nullable_string(&mut out, Some("note"));
        out.put_slice(&[0, 0, 0]);
        out.freeze()
    }

    fn fetch(topics: bool) -> Bytes {
        let mut out = BytesMut::new();
        put_compact_length(&mut out, 1);
        put_compact_string(&mut out, "billing");
        put_compact_nullable_string(&mut out, Some("m1"));
        out.put_i32(3);
        if topics {
            put_compact_length(&mut out, 1);
            out.put_slice(ID.as_bytes());
            put_compact_length(&mut out, 2);
            out.put_i32(0);
            out.put_i32(2);
            out.put_u8(0);
        } else {
            out.put_u8(0);
        }
        out.put_slice(&[0, 1, 0]);
        out.freeze()
    }

    #[test]
    fn version_10_names_topics_by_their_ids() {
        let read = OffsetCommitRequest::decode(&mut commit(), 10).expect("sound");
        assert_eq!(read.group.group_id.as_str(), "billing");
        assert_eq!(read.group.generation_id_or_member_epoch, 3);
        assert_eq!(read.group.member_id.as_str(), "m1");
        let partition = OffsetCommitRequestPartition::default()
            .with_partition_index(2)
            .with_committed_offset(40)
            .with_committed_leader_epoch(5)
            .with_committed_metadata(Some(StrBytes::from_static_str("note")));
        assert_eq!(read.topics, [(TopicKey::Id(ID), vec![partition])]);

        let read = OffsetFetchRequest::decode(&mut fetch(true), 10).expect("sound");
        assert!(read.single.require_stable);
        let group = OffsetFetchRequestGroup::default()
            .with_group_id(StrBytes::from_static_str("billing").into())
            .with_member_id(Some(StrBytes::from_static_str("m1")))
            .with_member_epoch(3)
            .with_topics(Some(Vec::new()));
        assert_eq!(
            read.groups,
            [(group.clone(), Some(vec![(TopicKey::Id(ID), vec![0, 2])]))]
        );
        let read = OffsetFetchRequest::decode(&mut fetch(false), 10).expect("sound");
        assert_eq!(read.groups, [(group, None)]);
    }

    #[test]
    fn older_versions_are_those_of_the_codec() {
        let topic = messages::offset_commit_request::OffsetCommitRequestTopic::default()
            .with_name(StrBytes::from_static_str("orders").into());
        let theirs = messages::OffsetCommitRequest::default().with_topics(vec![topic]);
        let mut out = BytesMut::new();
        theirs.encode(&mut out, 9).expect("the codec writes it");
        let read = OffsetCommitRequest::decode(&mut out.freeze(), 9).expect("and reads it");
        let name = TopicKey::Name(StrBytes::from_static_str("orders").into());
        assert_eq!(read.topics, [(name, Vec::new())]);
    }

    /// The shape lets nothing through that could not be read, and what it refuses is never a panic.
    #[test]
    fn a_torn_request_is_an_error_and_never_a_panic() {
        type Reads = fn(Bytes) -> bool;
        let cases: [(&Shape, Bytes, Reads); 3] = [
            (&OFFSET_COMMIT, commit(), |mut it| {
                OffsetCommitRequest::decode(&mut it, 10).is_ok()
            }),
            (&OFFSET_FETCH, fetch(true), |mut it| {
                OffsetFetchRequest::decode(&mut it, 10).is_ok()
            }),
            (&OFFSET_FETCH, fetch(false), |mut it| {
                OffsetFetchRequest::decode(&mut it, 10).is_ok()
            }),
        ];
        for (shape, bytes, reads) in cases {
            assert_eq!(shape.check(10, &bytes), Ok(()));
            assert!(reads(bytes.clone()));
            for end in 0..bytes.len() {
                assert!(shape.check(10, bytes.get(..end).expect("shorter")).is_err());
                assert!(!reads(bytes.slice(..end)), "cut at {end}");
            }
        }
        assert!(OffsetCommitRequest::decode(&mut commit(), 11).is_err());
    }
}
