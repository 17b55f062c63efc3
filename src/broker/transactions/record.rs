//! One transactional id as `__transaction_state` keeps it: `TransactionLogKey` (version 0) and `TransactionLogValue`,
//! written in version 1 as Kafka 4 does, which 3.9 reads too.

use std::collections::{BTreeMap, BTreeSet};

use bytes::{BufMut, Bytes, BytesMut};

use super::metadata::{Metadata, NO_EPOCH, TransactionState};
use wire::TopicPartition;
use wire::fields::{
    FieldError, FieldReader, put_compact_length, put_compact_string, put_string,
    put_unsigned_varint,
};

const KEY_VERSION: i16 = 0;
const VALUE_VERSION: i16 = 1;

const PREVIOUS_PRODUCER_ID: u32 = 0;
const NEXT_PRODUCER_ID: u32 = 1;
const CLIENT_TRANSACTION_VERSION: u32 = 2;

/// The key under which a transactional id is stored.
pub(crate) fn encode_key(transactional_id: &str) -> Bytes {
    let mut out = BytesMut::new();
    out.put_i16(KEY_VERSION);
    put_string(&mut out, transactional_id);
    out.freeze()
}

pub(crate) fn decode_key(key: Bytes) -> Result<String, FieldError> {
    let mut fields = FieldReader::new(key);
    match fields.i16()? {
        KEY_VERSION => fields.string(),
        other => Err(FieldError::Version(other)),
    }
}

impl TransactionState {
    const fn status(self) -> i8 {
        match self {
            Self::Empty => 0,
            Self::Ongoing => 1,
            Self::PrepareCommit => 2,
            Self::PrepareAbort => 3,
            Self::CompleteCommit => 4,
            Self::CompleteAbort => 5,
            Self::Dead => 6,
            Self::PrepareEpochFence => 7,
        }
    }

    fn of_status(status: i8) -> Result<Self, FieldError> {
        let state = Self::ALL.into_iter().find(|it| it.status() == status);
        state.ok_or(FieldError::Length(i32::from(status)))
    }
}

impl Metadata {
    pub(crate) fn encode(&self) -> Bytes {
        let mut out = BytesMut::new();
        out.put_i16(VALUE_VERSION);
        out.put_i64(self.producer_id);
        out.put_i16(self.producer_epoch);
        out.put_i32(self.timeout_ms);
        out.put_i8(self.state.status());
        if self.state == TransactionState::Empty {
            // Null.
            put_unsigned_varint(&mut out, 0);
        } else {
            put_partitions(&mut out, &self.partitions);
        }
        out.put_i64(self.last_update_ms);
        out.put_i64(self.start_ms);
        let says_version = self.transaction_version > 0;
        let tags = 1 + u32::from(self.next_producer_id.is_some()) + u32::from(says_version);
        put_unsigned_varint(&mut out, tags);
        let mut put_id = |tag: u32, id: i64| {
            put_unsigned_varint(&mut out, tag);
            put_unsigned_varint(&mut out, 8);
            out.put_i64(id);
        };
        put_id(PREVIOUS_PRODUCER_ID, self.previous_producer_id);
        if let Some(next) = self.next_producer_id {
            put_id(NEXT_PRODUCER_ID, next);
        }
        if says_version {
            put_unsigned_varint(&mut out, CLIENT_TRANSACTION_VERSION);
            put_unsigned_varint(&mut out, 2);
            out.put_i16(self.transaction_version);
        }
        out.freeze()
    }

    pub(crate) fn decode(value: Bytes) -> Result<Self, FieldError> {
        let mut fields = FieldReader::new(value);
        let version = fields.version(VALUE_VERSION)?;
        let is_flexible = version >= 1;
        let producer_id = fields.i64()?;
        let mut read = Self {
            producer_id,
            previous_producer_id: producer_id,
            next_producer_id: None,
            producer_epoch: fields.i16()?,
            last_producer_epoch: NO_EPOCH,
            timeout_ms: fields.i32()?,
            state: TransactionState::of_status(fields.i8()?)?,
            partitions: if is_flexible {
                flat(fields.compact_array(|fields| {
                    let topic = fields.compact_string()?;
                    let indexes = fields.compact_array(FieldReader::i32)?;
                    fields.tagged(|_, _| Ok(()))?;
                    Ok((topic, indexes))
                })?)
            } else {
                flat(
                    fields
                        .array(|fields| Ok((fields.string()?, fields.array(FieldReader::i32)?)))?,
                )
            },
            last_update_ms: fields.i64()?,
            start_ms: fields.i64()?,
            transaction_version: 0,
        };
        if is_flexible {
            fields.tagged(|tag, field| {
                match tag {
                    PREVIOUS_PRODUCER_ID => read.previous_producer_id = field.i64()?,
                    NEXT_PRODUCER_ID => {
                        read.next_producer_id = Some(field.i64()?).filter(|id| *id >= 0);
                    }
                    CLIENT_TRANSACTION_VERSION => read.transaction_version = field.i16()?,
                    _ => {}
                }
                Ok(())
            })?;
        }
        Ok(read)
    }
}

fn put_partitions(out: &mut BytesMut, partitions: &BTreeSet<TopicPartition>) {
    let mut topics: BTreeMap<&str, Vec<i32>> = BTreeMap::new();
    for at in partitions {
        topics.entry(&at.topic).or_default().push(at.partition);
    }
    put_compact_length(out, topics.len());
    for (topic, indexes) in topics {
        put_compact_string(out, topic);
        put_compact_length(out, indexes.len());
        for index in indexes {
            out.put_i32(index);
        }
        put_unsigned_varint(out, 0);
    }
}

fn flat(topics: Vec<(String, Vec<i32>)>) -> BTreeSet<TopicPartition> {
    let topics = topics.into_iter();
    topics
        .flat_map(|(topic, indexes)| {
            let at = move |index| TopicPartition::new(topic.clone(), index);
            indexes.into_iter().map(at)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use bytes::Bytes;

    use super::{Metadata, TransactionState, decode_key, encode_key};
    use wire::TopicPartition;

    /// As Apache Kafka 4.3.1 wrote the id `s364594` at its start, but for the time.
    const EMPTY: &[u8] =
        b"\0\x01\0\0\0\0\0\0\x03\xea\0\0\0\0\xea\x60\0\0\0\0\x01\xa2\x1b\xe3\xe6\x61\
        \xff\xff\xff\xff\xff\xff\xff\xff\x01\0\x08\0\0\0\0\0\0\x03\xea";
    /// And with its first partition.
    const ONGOING: &[u8] = b"\0\x01\0\0\0\0\0\0\x03\xea\0\0\0\0\xea\x60\x01\x02\x02q\x02\0\0\0\0\0\
        \0\0\x01\xa2\x1b\xe3\xe6\x70\0\0\x01\xa2\x1b\xe3\xe6\x70\x02\0\x08\0\0\0\0\0\0\x03\xea\x02\x02\0\x02";

    fn empty() -> Metadata {
        Metadata {
            producer_epoch: 0,
            ..Metadata::new(1002, 60_000, 0x01a2_1be3_e661)
        }
    }

    fn ongoing() -> Metadata {
        let at = TopicPartition::new("q", 0);
        Metadata {
            partitions: BTreeSet::from([at]),
            start_ms: 0x01a2_1be3_e670,
            transaction_version: 2,
            ..empty().entering(TransactionState::Ongoing, 0x01a2_1be3_e670)
        }
    }

    #[test]
    fn records_have_the_bytes_of_apache_kafka_4() {
        assert_eq!(&encode_key("s364594")[..], b"\0\0\0\x07s364594");
        assert_eq!(decode_key(encode_key("s364594")), Ok("s364594".into()));
        for (metadata, bytes) in [(empty(), EMPTY), (ongoing(), ONGOING)] {
            assert_eq!(&metadata.encode()[..], bytes);
            assert_eq!(Metadata::decode(Bytes::from_static(bytes)), Ok(metadata));
        }
    }

    #[test]
    fn records_of_apache_kafka_3_9_are_read() {
        let bytes =
            b"\0\0\0\0\0\0\0\0\x03\xea\0\0\0\0\xea\x60\x01\0\0\0\x01\0\x01q\0\0\0\x01\0\0\0\0\
            \0\0\x01\xa2\x1b\xe3\xe6\x70\0\0\x01\xa2\x1b\xe3\xe6\x70";
        let expected = Metadata {
            transaction_version: 0,
            ..ongoing()
        };
        assert_eq!(Metadata::decode(Bytes::from_static(bytes)), Ok(expected));
    }

    #[test]
    fn the_id_that_takes_over_is_kept() {
        let metadata = Metadata {
            next_producer_id: Some(7),
            producer_epoch: i16::MAX,
            ..ongoing().entering(TransactionState::PrepareAbort, 5)
        };
        assert_eq!(Metadata::decode(metadata.encode()), Ok(metadata));
    }

    #[test]
    fn a_torn_value_is_an_error_and_never_a_panic() {
        let bytes = ongoing().encode();
        for end in 0..bytes.len() {
            assert!(Metadata::decode(bytes.slice(..end)).is_err());
        }
    }
}
