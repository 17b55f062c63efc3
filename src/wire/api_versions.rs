//! `ApiVersionsRequest` 0 to 5 as brokers take it, written here because the codec ends at version 4: in version 5 a client
//! says which broker of which cluster it means to speak to (KIP-1242).

use anyhow::{Result, ensure};
use bytes::Buf;
use kafka_protocol::messages;
use kafka_protocol::protocol::buf::ByteBuf;
use kafka_protocol::protocol::{Decodable, StrBytes};

use super::fields::FieldReader;

/// The last version that the codec knows; answers are the same in the next one.
pub const API_VERSIONS_CODEC: i16 = 4;

/// The version in which a client says whom it means.
const NAMES_BROKER: i16 = 5;

/// What a client tells of itself before it asks anything.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ApiVersionsRequest {
    /// What its software is called, from version 3 on.
    pub client_software_name: StrBytes,
    /// The version of its software, from version 3 on.
    pub client_software_version: StrBytes,
    /// The cluster that it means, if it knows it.
    pub cluster_id: Option<String>,
    /// The broker that it means, if it knows it.
    pub node_id: Option<i32>,
}

impl Decodable for ApiVersionsRequest {
    fn decode<B: ByteBuf>(buf: &mut B, version: i16) -> Result<Self> {
        if version <= API_VERSIONS_CODEC {
            let request = messages::ApiVersionsRequest::decode(buf, version)?;
            return Ok(Self {
                client_software_name: request.client_software_name,
                client_software_version: request.client_software_version,
                cluster_id: None,
                node_id: None,
            });
        }
        ensure!(
            version == NAMES_BROKER,
            "there is no version {version} here"
        );
        let bytes = buf.remaining();
        let mut fields = FieldReader::new(buf.copy_to_bytes(bytes));
        let request = Self {
            client_software_name: StrBytes::from(fields.compact_string()?),
            client_software_version: StrBytes::from(fields.compact_string()?),
            cluster_id: fields.compact_nullable_string()?,
            node_id: Some(fields.i32()?).filter(|id| *id != -1),
        };
        fields.tagged(|_, _| Ok(()))?;
        Ok(request)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use kafka_protocol::protocol::{Decodable, StrBytes};

    use super::ApiVersionsRequest;
    use crate::message_shape::requests::API_VERSIONS;

    fn read(bytes: &'static [u8], version: i16) -> Option<ApiVersionsRequest> {
        assert_eq!(API_VERSIONS.check(version, bytes), Ok(()));
        ApiVersionsRequest::decode(&mut Bytes::from_static(bytes), version).ok()
    }

    #[test]
    fn version_5_says_whom_the_client_means() {
        let named = ApiVersionsRequest {
            client_software_name: StrBytes::from_static_str("x"),
            client_software_version: StrBytes::from_static_str("1"),
            cluster_id: Some("abc".to_owned()),
            node_id: Some(2),
        };
        let unnamed = ApiVersionsRequest {
            cluster_id: None,
            node_id: None,
            ..named.clone()
        };
        let both = b"\x02x\x021\x04abc\0\0\0\x02\0";
        assert_eq!(read(both, 5), Some(named));
        let neither = b"\x02x\x021\0\xff\xff\xff\xff\0";
        assert_eq!(read(neither, 5), Some(unnamed.clone()));
        assert_eq!(read(b"\x02x\x021\0", 4), Some(unnamed));
        assert_eq!(read(b"", 0), Some(ApiVersionsRequest::default()));
        for end in 0..both.len() {
            let mut cut = Bytes::from_static(both).slice(..end);
            assert!(ApiVersionsRequest::decode(&mut cut, 5).is_err());
        }
    }
}
