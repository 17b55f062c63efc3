//! A committed offset as `__consumer_offsets` keeps it: `OffsetCommitKey` and `OffsetCommitValue`
//! of Kafka 3.9, which writes value version 3 (version 1 where the client named a retention time).

use bytes::{BufMut, Bytes, BytesMut};

use wire::fields::{FieldError, FieldReader, put_string};
use wire::{LeaderEpoch, Offset, TopicPartition};

/// Key versions of this format; version 2 belongs to group metadata.
pub(crate) const KEY_VERSIONS: std::ops::RangeInclusive<i16> = 0..=1;
const KEY_VERSION: i16 = 1;
const VALUE_VERSION: i16 = 3;
const VALUE_VERSION_WITH_EXPIRY: i16 = 1;

/// Whose offset it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OffsetCommitKey {
    pub group: String,
    pub at: TopicPartition,
}

/// Where a group reads on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OffsetAndMetadata {
    /// The next offset to read.
    pub offset: Offset,
    /// Epoch of the leader that served the last read record; `-1` where the client named none.
    pub leader_epoch: LeaderEpoch,
    /// The client's own text.
    pub metadata: String,
    /// Wall clock of the coordinator, milliseconds since 1970.
    pub commit_timestamp_ms: i64,
    /// Set only by clients that name a retention time (`OffsetCommit` up to version 4).
    pub expire_timestamp_ms: Option<i64>,
}

impl OffsetCommitKey {
    pub(crate) fn encode(&self) -> Bytes {
        let mut out = BytesMut::new();
        out.put_i16(KEY_VERSION);
        put_string(&mut out, &self.group);
        put_string(&mut out, &self.at.topic);
        out.put_i32(self.at.partition);
        out.freeze()
    }

    /// Reads what follows the key's version.
    pub(crate) fn decode(fields: &mut FieldReader) -> Result<Self, FieldError> {
        Ok(Self {
            group: fields.string()?,
            at: TopicPartition::new(fields.string()?, fields.i32()?),
        })
    }
}

impl OffsetAndMetadata {
    pub(crate) fn encode(&self) -> Bytes {
        let mut out = BytesMut::new();
        if let Some(expire_timestamp_ms) = self.expire_timestamp_ms {
            out.put_i16(VALUE_VERSION_WITH_EXPIRY);
            out.put_i64(self.offset.0);
            put_string(&mut out, &self.metadata);
            out.put_i64(self.commit_timestamp_ms);
            out.put_i64(expire_timestamp_ms);
        } else {
            out.put_i16(VALUE_VERSION);
            out.put_i64(self.offset.0);
            out.put_i32(self.leader_epoch.0);
            put_string(&mut out, &self.metadata);
            out.put_i64(self.commit_timestamp_ms);
        }
        out.freeze()
    }

    pub(crate) fn decode(value: Bytes) -> Result<Self, FieldError> {
        let mut fields = FieldReader::new(value);
        let version = fields.version(VALUE_VERSION)?;
        let offset = Offset(fields.i64()?);
        let leader_epoch = if version >= 3 { fields.i32()? } else { -1 };
        let metadata = fields.string()?;
        let commit_timestamp_ms = fields.i64()?;
        let expire_timestamp_ms = if version == 1 {
            Some(fields.i64()?).filter(|&at| at != -1)
        } else {
            None
        };
        Ok(Self {
            offset,
            leader_epoch: LeaderEpoch(leader_epoch),
            metadata,
            commit_timestamp_ms,
            expire_timestamp_ms,
        })
    }
}

#[cfg(test)]
mod tests {
    use bytes::{BufMut, BytesMut};

    use super::{KEY_VERSION, OffsetAndMetadata, OffsetCommitKey};
    use wire::fields::{FieldError, FieldReader, put_string};
    use wire::{LeaderEpoch, Offset, TopicPartition};

    fn committed() -> OffsetAndMetadata {
        OffsetAndMetadata {
            offset: Offset(42),
            leader_epoch: LeaderEpoch(5),
            metadata: "note".into(),
            commit_timestamp_ms: 1_700_000_000_000,
            expire_timestamp_ms: None,
        }
    }

    #[test]
    fn a_key_reads_back_and_has_kafkas_bytes() {
        let key = OffsetCommitKey {
            group: "billing".into(),
            at: TopicPartition::new("orders", 2),
        };
        let bytes = key.encode();
        assert_eq!(&bytes[..], b"\0\x01\0\x07billing\0\x06orders\0\0\0\x02");
        let mut fields = FieldReader::new(bytes);
        assert_eq!(fields.i16(), Ok(KEY_VERSION));
        assert_eq!(OffsetCommitKey::decode(&mut fields), Ok(key));
    }

    #[test]
    fn a_value_reads_back_and_has_kafkas_bytes() {
        let bytes = committed().encode();
        assert_eq!(
            &bytes[..],
            b"\0\x03\0\0\0\0\0\0\0\x2a\0\0\0\x05\0\x04note\0\0\x01\x8b\xcf\xe5\x68\0"
        );
        assert_eq!(OffsetAndMetadata::decode(bytes), Ok(committed()));
    }

    #[test]
    fn a_retention_time_is_kept_in_version_1_which_has_no_epoch() {
        let with_expiry = OffsetAndMetadata {
            expire_timestamp_ms: Some(1_700_000_060_000),
            leader_epoch: LeaderEpoch(-1),
            ..committed()
        };
        assert_eq!(
            OffsetAndMetadata::decode(with_expiry.encode()),
            Ok(with_expiry)
        );
    }

    #[test]
    fn version_0_and_2_of_older_brokers_are_read() {
        for version in [0, 2] {
            let mut out = BytesMut::new();
            out.put_i16(version);
            out.put_i64(42);
            put_string(&mut out, "note");
            out.put_i64(1_700_000_000_000);
            assert_eq!(
                OffsetAndMetadata::decode(out.freeze()),
                Ok(OffsetAndMetadata {
                    leader_epoch: LeaderEpoch(-1),
                    ..committed()
                })
            );
        }
        assert_eq!(
            OffsetAndMetadata::decode(bytes::Bytes::from_static(b"\0\x09")),
            Err(FieldError::Version(9))
        );
    }
}
