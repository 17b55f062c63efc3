//! `WriteTxnMarkers` 1 to 2, written here because the codec ends at version 1: the coordinator of a transaction tells the
//! leaders of its partitions how it ended. Version 2 says which protocol the producer speaks (KIP-1228).

use anyhow::{Context, Result, ensure};
use bytes::{Buf, BufMut, BytesMut};
use kafka_protocol::messages::write_txn_markers_request::WritableTxnMarkerTopic;
use kafka_protocol::messages::{self, ApiKey, ProducerId};
use kafka_protocol::protocol::buf::{ByteBuf, ByteBufMut};
use kafka_protocol::protocol::{
    Decodable, Encodable, HeaderVersion, Message, Request, StrBytes, VersionRange,
};

use super::fields::{FieldReader, put_compact_length, put_unsigned_varint};

/// The version that the codec knows; answers are the same in both.
const CODEC: i16 = 1;

/// The first version that says which protocol the producer speaks.
const SAYS_PROTOCOL: i16 = 2;

/// Markers of several transactions.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct WriteTxnMarkersRequest {
    /// One for each transaction.
    pub markers: Vec<TxnMarker>,
}

/// How one transaction ended.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TxnMarker {
    /// The producer's id.
    pub producer_id: ProducerId,
    /// The marker's own epoch: from version 2 of the protocol on, above that of the records.
    pub producer_epoch: i16,
    /// Committed, or else aborted.
    pub transaction_result: bool,
    /// Where the markers belong.
    pub topics: Vec<WritableTxnMarkerTopic>,
    /// The leader epoch of the coordinator: an older coordinator's markers are refused.
    pub coordinator_epoch: i32,
    /// The version of the transaction protocol; 0 in version 1 of this request.
    pub transaction_version: i8,
}

/// What became of each marker.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct WriteTxnMarkersResponse(pub messages::WriteTxnMarkersResponse);

impl Request for WriteTxnMarkersRequest {
    const KEY: i16 = ApiKey::WriteTxnMarkers as i16;
    type Response = WriteTxnMarkersResponse;
}

impl Message for WriteTxnMarkersRequest {
    const VERSIONS: VersionRange = VersionRange {
        min: CODEC,
        max: SAYS_PROTOCOL,
    };
    const DEPRECATED_VERSIONS: Option<VersionRange> = None;
}

impl HeaderVersion for WriteTxnMarkersRequest {
    fn header_version(_version: i16) -> i16 {
        messages::WriteTxnMarkersRequest::header_version(CODEC)
    }
}

impl Encodable for WriteTxnMarkersRequest {
    fn encode<B: ByteBufMut>(&self, buf: &mut B, version: i16) -> Result<()> {
        check(version)?;
        let mut out = BytesMut::new();
        put_compact_length(&mut out, self.markers.len());
        for marker in &self.markers {
            out.put_i64(marker.producer_id.0);
            out.put_i16(marker.producer_epoch);
            out.put_u8(marker.transaction_result.into());
            put_compact_length(&mut out, marker.topics.len());
            for topic in &marker.topics {
                topic.encode(&mut out, CODEC)?;
            }
            out.put_i32(marker.coordinator_epoch);
            if version >= SAYS_PROTOCOL {
                out.put_i8(marker.transaction_version);
            }
            // No tagged fields, here and at the end.
            put_unsigned_varint(&mut out, 0);
        }
        put_unsigned_varint(&mut out, 0);
        buf.put_slice(&out);
        Ok(())
    }

    fn compute_size(&self, version: i16) -> Result<usize> {
        let mut out = BytesMut::new();
        self.encode(&mut out, version)?;
        Ok(out.len())
    }
}

impl Decodable for WriteTxnMarkersRequest {
    fn decode<B: ByteBuf>(buf: &mut B, version: i16) -> Result<Self> {
        check(version)?;
        let bytes = buf.remaining();
        let mut fields = FieldReader::new(buf.copy_to_bytes(bytes));
        let markers = fields.compact_array(|fields| {
            Ok(TxnMarker {
                producer_id: fields.i64()?.into(),
                producer_epoch: fields.i16()?,
                transaction_result: fields.i8()? != 0,
                topics: fields.compact_array(|fields| {
                    let name = fields.compact_string()?;
                    let indexes = fields.compact_array(FieldReader::i32)?;
                    fields.tagged(|_, _| Ok(()))?;
                    Ok(WritableTxnMarkerTopic::default()
                        .with_name(StrBytes::from(name).into())
                        .with_partition_indexes(indexes))
                })?,
                coordinator_epoch: fields.i32()?,
                transaction_version: if version >= SAYS_PROTOCOL {
                    fields.i8()?
                } else {
                    0
                },
            })
            .and_then(|marker| fields.tagged(|_, _| Ok(())).map(|()| marker))
        });
        let markers = markers.context("the markers")?;
        fields.tagged(|_, _| Ok(()))?;
        Ok(Self { markers })
    }
}

impl Message for WriteTxnMarkersResponse {
    const VERSIONS: VersionRange = WriteTxnMarkersRequest::VERSIONS;
    const DEPRECATED_VERSIONS: Option<VersionRange> = None;
}

impl HeaderVersion for WriteTxnMarkersResponse {
    fn header_version(_version: i16) -> i16 {
        messages::WriteTxnMarkersResponse::header_version(CODEC)
    }
}

impl Encodable for WriteTxnMarkersResponse {
    fn encode<B: ByteBufMut>(&self, buf: &mut B, version: i16) -> Result<()> {
        check(version)?;
        self.0.encode(buf, CODEC)
    }

    fn compute_size(&self, version: i16) -> Result<usize> {
        check(version)?;
        self.0.compute_size(CODEC)
    }
}

impl Decodable for WriteTxnMarkersResponse {
    fn decode<B: ByteBuf>(buf: &mut B, version: i16) -> Result<Self> {
        check(version)?;
        messages::WriteTxnMarkersResponse::decode(buf, CODEC).map(Self)
    }
}

fn check(version: i16) -> Result<()> {
    ensure!(
        (CODEC..=SAYS_PROTOCOL).contains(&version),
        "WriteTxnMarkers has no version {version} here"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use bytes::{Bytes, BytesMut};
    use kafka_protocol::messages;
    use kafka_protocol::protocol::{Decodable, Encodable, StrBytes};

    use crate::message_shape::requests::WRITE_TXN_MARKERS;

    use super::{TxnMarker, WritableTxnMarkerTopic, WriteTxnMarkersRequest};

    fn request(transaction_version: i8) -> WriteTxnMarkersRequest {
        let topic = WritableTxnMarkerTopic::default()
            .with_name(StrBytes::from_static_str("orders").into())
            .with_partition_indexes(vec![0, 7]);
        WriteTxnMarkersRequest {
            markers: vec![TxnMarker {
                producer_id: 1002.into(),
                producer_epoch: 3,
                transaction_result: true,
                topics: vec![topic],
                coordinator_epoch: 5,
                transaction_version,
            }],
        }
    }

    fn encoded(request: &WriteTxnMarkersRequest, version: i16) -> Bytes {
        let mut out = BytesMut::new();
        request.encode(&mut out, version).expect("a known version");
        assert_eq!(request.compute_size(version).ok(), Some(out.len()));
        out.freeze()
    }

    #[test]
    fn version_1_is_that_of_the_codec() {
        let mut bytes = encoded(&request(0), 1);
        let theirs = messages::WriteTxnMarkersRequest::decode(&mut bytes.clone(), 1);
        let mut again = BytesMut::new();
        let theirs = theirs.expect("the codec reads it");
        theirs.encode(&mut again, 1).expect("and writes it");
        assert_eq!(again, bytes);
        let ours = WriteTxnMarkersRequest::decode(&mut bytes, 1);
        assert_eq!(ours.expect("read back"), request(0));
    }

    #[test]
    fn version_2_says_which_protocol_the_producer_speaks() {
        let mut bytes = encoded(&request(2), 2);
        assert_eq!(&bytes[bytes.len() - 7..], [0, 0, 0, 5, 2, 0, 0]);
        assert_eq!(WRITE_TXN_MARKERS.check(2, &bytes), Ok(()));
        assert!(WRITE_TXN_MARKERS.check(1, &bytes).is_err());
        let read = WriteTxnMarkersRequest::decode(&mut bytes, 2);
        assert_eq!(read.expect("read back"), request(2));
    }

    #[test]
    fn a_torn_request_is_an_error_and_never_a_panic() {
        let bytes = encoded(&request(2), 2);
        for end in 0..bytes.len() {
            assert!(WriteTxnMarkersRequest::decode(&mut bytes.slice(..end), 2).is_err());
        }
        assert!(WriteTxnMarkersRequest::decode(&mut bytes.clone(), 3).is_err());
    }
}
