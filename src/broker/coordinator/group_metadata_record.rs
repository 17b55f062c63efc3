//! A group's generation as `__consumer_offsets` keeps it: `GroupMetadataKey` (version 2) and
//! `GroupMetadataValue`, written in version 3 as Kafka 3.9 does.

use bytes::{BufMut, Bytes, BytesMut};

use wire::fields::{FieldError, FieldReader, put_bytes, put_nullable_string, put_string};

/// The key version of this format.
pub(crate) const KEY_VERSION: i16 = 2;
const VALUE_VERSION: i16 = 3;

/// One generation of a group. Without members it says that the group is empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GroupMetadataValue {
    pub protocol_type: String,
    pub generation: i32,
    /// The assignor that was chosen; `None` in an empty group.
    pub protocol: Option<String>,
    /// The leader's member id; `None` in an empty group.
    pub leader: Option<String>,
    /// Wall clock at which the group entered its state, milliseconds since 1970; `-1`: not known.
    pub current_state_timestamp_ms: i64,
    pub members: Vec<StoredMember>,
}

/// A member of a stored generation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredMember {
    pub member_id: String,
    pub group_instance_id: Option<String>,
    pub client_id: String,
    pub client_host: String,
    pub rebalance_timeout_ms: i32,
    pub session_timeout_ms: i32,
    /// Its metadata for the chosen protocol only; the others are not stored.
    pub subscription: Bytes,
    pub assignment: Bytes,
}

/// The key under which `group`'s generations are stored.
pub(crate) fn encode_key(group: &str) -> Bytes {
    let mut out = BytesMut::new();
    out.put_i16(KEY_VERSION);
    put_string(&mut out, group);
    out.freeze()
}

/// Reads what follows the key's version: the group's id.
pub(crate) fn decode_key(fields: &mut FieldReader) -> Result<String, FieldError> {
    fields.string()
}

impl GroupMetadataValue {
    pub(crate) fn encode(&self) -> Bytes {
        let mut out = BytesMut::new();
        out.put_i16(VALUE_VERSION);
        put_string(&mut out, &self.protocol_type);
        out.put_i32(self.generation);
        put_nullable_string(&mut out, self.protocol.as_deref());
        put_nullable_string(&mut out, self.leader.as_deref());
        out.put_i64(self.current_state_timestamp_ms);
        out.put_i32(i32::try_from(self.members.len()).expect("group.max.size is an i32"));
        for member in &self.members {
            member.encode(&mut out);
        }
        out.freeze()
    }

    pub(crate) fn decode(value: Bytes) -> Result<Self, FieldError> {
        let mut fields = FieldReader::new(value);
        let version = fields.version(VALUE_VERSION)?;
        Ok(Self {
            protocol_type: fields.string()?,
            generation: fields.i32()?,
            protocol: fields.nullable_string()?,
            leader: fields.nullable_string()?,
            current_state_timestamp_ms: if version >= 2 { fields.i64()? } else { -1 },
            members: fields.array(|fields| StoredMember::decode(fields, version))?,
        })
    }
}

impl StoredMember {
    fn encode(&self, out: &mut BytesMut) {
        put_string(out, &self.member_id);
        put_nullable_string(out, self.group_instance_id.as_deref());
        put_string(out, &self.client_id);
        put_string(out, &self.client_host);
        out.put_i32(self.rebalance_timeout_ms);
        out.put_i32(self.session_timeout_ms);
        put_bytes(out, &self.subscription);
        put_bytes(out, &self.assignment);
    }

    fn decode(fields: &mut FieldReader, version: i16) -> Result<Self, FieldError> {
        let member_id = fields.string()?;
        let group_instance_id = if version >= 3 {
            fields.nullable_string()?
        } else {
            None
        };
        let client_id = fields.string()?;
        let client_host = fields.string()?;
        let rebalance_timeout_ms = if version >= 1 {
            Some(fields.i32()?)
        } else {
            None
        };
        let session_timeout_ms = fields.i32()?;
        Ok(Self {
            member_id,
            group_instance_id,
            client_id,
            client_host,
            rebalance_timeout_ms: rebalance_timeout_ms.unwrap_or(session_timeout_ms),
            session_timeout_ms,
            subscription: fields.bytes()?,
            assignment: fields.bytes()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::{
        FieldReader, GroupMetadataValue, KEY_VERSION, StoredMember, decode_key, encode_key,
    };

    fn stable() -> GroupMetadataValue {
        GroupMetadataValue {
            protocol_type: "consumer".into(),
            generation: 3,
            protocol: Some("range".into()),
            leader: Some("c1-x".into()),
            current_state_timestamp_ms: 1_700_000_000_000,
            members: vec![StoredMember {
                member_id: "c1-x".into(),
                group_instance_id: Some("one".into()),
                client_id: "c1".into(),
                client_host: "/127.0.0.1".into(),
                rebalance_timeout_ms: 60_000,
                session_timeout_ms: 3_000,
                subscription: Bytes::from_static(b"sub"),
                assignment: Bytes::from_static(b"asg"),
            }],
        }
    }

    #[test]
    fn a_key_reads_back_and_has_kafkas_bytes() {
        let bytes = encode_key("billing");
        assert_eq!(&bytes[..], b"\0\x02\0\x07billing");
        let mut fields = FieldReader::new(bytes);
        assert_eq!(fields.i16(), Ok(KEY_VERSION));
        assert_eq!(decode_key(&mut fields), Ok("billing".into()));
    }

    #[test]
    fn a_value_reads_back_and_has_kafkas_bytes() {
        let bytes = stable().encode();
        assert_eq!(
            &bytes[..],
            b"\0\x03\0\x08consumer\0\0\0\x03\0\x05range\0\x04c1-x\0\0\x01\x8b\xcf\xe5\x68\0\
              \0\0\0\x01\0\x04c1-x\0\x03one\0\x02c1\0\x0a/127.0.0.1\0\0\xea\x60\0\0\x0b\xb8\
              \0\0\0\x03sub\0\0\0\x03asg"
        );
        assert_eq!(GroupMetadataValue::decode(bytes), Ok(stable()));
    }

    #[test]
    fn an_empty_group_has_no_protocol_and_no_leader() {
        let empty = GroupMetadataValue {
            protocol: None,
            leader: None,
            members: Vec::new(),
            ..stable()
        };
        assert_eq!(GroupMetadataValue::decode(empty.encode()), Ok(empty));
    }

    #[test]
    fn version_0_of_older_brokers_is_read() {
        let bytes = b"\0\0\0\x08consumer\0\0\0\x03\0\x05range\0\x04c1-x\
            \0\0\0\x01\0\x04c1-x\0\x02c1\0\x0a/127.0.0.1\0\0\x0b\xb8\0\0\0\x03sub\0\0\0\x03asg";
        let read = GroupMetadataValue::decode(Bytes::from_static(bytes)).expect("version 0");
        assert_eq!(read.current_state_timestamp_ms, -1);
        assert_eq!(read.members.len(), 1);
        assert_eq!(read.members[0].rebalance_timeout_ms, 3_000);
    }

    #[test]
    fn a_torn_value_is_an_error_and_never_a_panic() {
        let bytes = stable().encode();
        for end in 0..bytes.len() {
            assert!(GroupMetadataValue::decode(bytes.slice(..end)).is_err());
        }
    }
}
