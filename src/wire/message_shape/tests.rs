//! The shapes against the codec: what a shape generates, the codec reads and writes back unchanged.

use std::ops::RangeInclusive;

use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::messages::*;
use kafka_protocol::protocol::{Decodable, Encodable, Message};
use rand::{RngExt, SeedableRng, rngs::SmallRng};

use super::requests::*;
use super::responses::Answered;
use super::{Field, Kind, Shape, ShapeError};
use crate::write_txn_markers::WriteTxnMarkersRequest;

struct Case {
    name: &'static str,
    shape: &'static Shape,
    versions: RangeInclusive<i16>,
    /// Whether the codec can read it.
    decodes: fn(Bytes, i16) -> bool,
    /// Decodes with the codec and encodes again.
    round_trip: fn(Bytes, i16) -> Bytes,
}

impl Case {
    fn new<M: Message + Decodable + Encodable>(
        name: &'static str,
        shape: &'static Shape,
        versions: RangeInclusive<i16>,
    ) -> Self {
        Self {
            name,
            shape,
            versions,
            decodes: |mut bytes, version| M::decode(&mut bytes, version).is_ok(),
            round_trip: |mut bytes, version| {
                let message = M::decode(&mut bytes, version).expect("the codec reads it");
                assert!(bytes.is_empty(), "the codec reads all of it");
                let mut again = BytesMut::new();
                message
                    .encode(&mut again, version)
                    .expect("the codec writes it");
                again.freeze()
            },
        }
    }

    /// The answer to a request of type `R`, in every version that the codec knows.
    fn answer<R: Answered>(name: &'static str) -> Self
    where
        R::Response: Message,
    {
        let versions = <R::Response as Message>::VERSIONS;
        Self::new::<R::Response>(name, R::ANSWER, versions.min..=versions.max)
    }
}

macro_rules! shape {
    ($shape:ident, $request:ident, $versions:expr) => {
        Case::new::<$request>(stringify!($request), &$shape, $versions)
    };
}

macro_rules! answers {
    ($($request:ident,)*) => {
        [$(Case::answer::<$request>(concat!("the answer to ", stringify!($request)))),*]
    };
}

fn cases() -> Vec<Case> {
    requests().into_iter().chain(answers()).collect()
}

fn answers() -> Vec<Case> {
    Vec::from(answers![
        ProduceRequest,
        FetchRequest,
        ListOffsetsRequest,
        MetadataRequest,
        OffsetCommitRequest,
        OffsetFetchRequest,
        FindCoordinatorRequest,
        JoinGroupRequest,
        HeartbeatRequest,
        LeaveGroupRequest,
        SyncGroupRequest,
        DescribeGroupsRequest,
        ConsumerGroupDescribeRequest,
        ListGroupsRequest,
        ApiVersionsRequest,
        CreateTopicsRequest,
        DeleteTopicsRequest,
        DeleteRecordsRequest,
        InitProducerIdRequest,
        AddPartitionsToTxnRequest,
        WriteTxnMarkersRequest,
        OffsetForLeaderEpochRequest,
        DescribeConfigsRequest,
        AlterConfigsRequest,
        DescribeLogDirsRequest,
        DescribeQuorumRequest,
        CreatePartitionsRequest,
        DeleteGroupsRequest,
        SaslHandshakeRequest,
        SaslAuthenticateRequest,
        ElectLeadersRequest,
        IncrementalAlterConfigsRequest,
        AlterPartitionReassignmentsRequest,
        ListPartitionReassignmentsRequest,
        OffsetDeleteRequest,
        DescribeClusterRequest,
        DescribeTopicPartitionsRequest,
        BrokerHeartbeatRequest,
    ])
}

fn requests() -> Vec<Case> {
    vec![
        shape!(PRODUCE, ProduceRequest, 3..=13),
        shape!(FETCH, FetchRequest, 4..=18),
        shape!(LIST_OFFSETS, ListOffsetsRequest, 1..=10),
        shape!(METADATA, MetadataRequest, 0..=13),
        shape!(OFFSET_COMMIT, OffsetCommitRequest, 2..=9),
        shape!(OFFSET_FETCH, OffsetFetchRequest, 1..=9),
        shape!(FIND_COORDINATOR, FindCoordinatorRequest, 0..=6),
        shape!(JOIN_GROUP, JoinGroupRequest, 0..=9),
        shape!(HEARTBEAT, HeartbeatRequest, 0..=4),
        shape!(LEAVE_GROUP, LeaveGroupRequest, 0..=5),
        shape!(SYNC_GROUP, SyncGroupRequest, 0..=5),
        shape!(DESCRIBE_GROUPS, DescribeGroupsRequest, 0..=6),
        shape!(LIST_GROUPS, ListGroupsRequest, 0..=5),
        shape!(API_VERSIONS, ApiVersionsRequest, 0..=4),
        shape!(CREATE_TOPICS, CreateTopicsRequest, 2..=7),
        shape!(DELETE_TOPICS, DeleteTopicsRequest, 1..=6),
        shape!(DELETE_RECORDS, DeleteRecordsRequest, 0..=2),
        shape!(INIT_PRODUCER_ID, InitProducerIdRequest, 0..=5),
        shape!(OFFSET_FOR_LEADER_EPOCH, OffsetForLeaderEpochRequest, 2..=4),
        shape!(DESCRIBE_CONFIGS, DescribeConfigsRequest, 1..=4),
        shape!(ALTER_CONFIGS, AlterConfigsRequest, 0..=2),
        shape!(DESCRIBE_LOG_DIRS, DescribeLogDirsRequest, 1..=4),
        shape!(CREATE_PARTITIONS, CreatePartitionsRequest, 0..=3),
        shape!(DELETE_GROUPS, DeleteGroupsRequest, 0..=2),
        shape!(ELECT_LEADERS, ElectLeadersRequest, 0..=2),
        shape!(
            INCREMENTAL_ALTER_CONFIGS,
            IncrementalAlterConfigsRequest,
            0..=1
        ),
        shape!(
            ALTER_PARTITION_REASSIGNMENTS,
            AlterPartitionReassignmentsRequest,
            0..=1
        ),
        shape!(
            LIST_PARTITION_REASSIGNMENTS,
            ListPartitionReassignmentsRequest,
            0..=0
        ),
        shape!(OFFSET_DELETE, OffsetDeleteRequest, 0..=0),
        shape!(DESCRIBE_CLUSTER, DescribeClusterRequest, 0..=2),
        shape!(
            DESCRIBE_TOPIC_PARTITIONS,
            DescribeTopicPartitionsRequest,
            0..=0
        ),
        shape!(SASL_HANDSHAKE, SaslHandshakeRequest, 0..=1),
        Case::new::<kafka_protocol::messages::WriteTxnMarkersRequest>(
            "WriteTxnMarkersRequest",
            &WRITE_TXN_MARKERS,
            1..=1,
        ),
        shape!(ADD_PARTITIONS_TO_TXN, AddPartitionsToTxnRequest, 0..=5),
        shape!(ADD_OFFSETS_TO_TXN, AddOffsetsToTxnRequest, 0..=4),
        shape!(END_TXN, EndTxnRequest, 0..=5),
        shape!(TXN_OFFSET_COMMIT, TxnOffsetCommitRequest, 0..=5),
        shape!(DESCRIBE_ACLS, DescribeAclsRequest, 1..=3),
        shape!(CREATE_ACLS, CreateAclsRequest, 1..=3),
        shape!(DELETE_ACLS, DeleteAclsRequest, 1..=3),
        shape!(ALTER_REPLICA_LOG_DIRS, AlterReplicaLogDirsRequest, 1..=2),
        shape!(SASL_AUTHENTICATE, SaslAuthenticateRequest, 0..=2),
        shape!(CREATE_DELEGATION_TOKEN, CreateDelegationTokenRequest, 1..=3),
        shape!(RENEW_DELEGATION_TOKEN, RenewDelegationTokenRequest, 1..=2),
        shape!(EXPIRE_DELEGATION_TOKEN, ExpireDelegationTokenRequest, 1..=2),
        shape!(
            DESCRIBE_DELEGATION_TOKEN,
            DescribeDelegationTokenRequest,
            1..=3
        ),
        shape!(DESCRIBE_CLIENT_QUOTAS, DescribeClientQuotasRequest, 0..=1),
        shape!(ALTER_CLIENT_QUOTAS, AlterClientQuotasRequest, 0..=1),
        shape!(
            DESCRIBE_USER_SCRAM_CREDENTIALS,
            DescribeUserScramCredentialsRequest,
            0..=0
        ),
        shape!(
            ALTER_USER_SCRAM_CREDENTIALS,
            AlterUserScramCredentialsRequest,
            0..=0
        ),
        shape!(DESCRIBE_PRODUCERS, DescribeProducersRequest, 0..=0),
        shape!(DESCRIBE_TRANSACTIONS, DescribeTransactionsRequest, 0..=0),
        shape!(LIST_TRANSACTIONS, ListTransactionsRequest, 0..=2),
        shape!(
            CONSUMER_GROUP_HEARTBEAT,
            ConsumerGroupHeartbeatRequest,
            0..=1
        ),
        shape!(CONSUMER_GROUP_DESCRIBE, ConsumerGroupDescribeRequest, 0..=1),
        shape!(BROKER_HEARTBEAT, BrokerHeartbeatRequest, 0..=1),
        shape!(LIST_CONFIG_RESOURCES, ListConfigResourcesRequest, 0..=1),
    ]
}

/// Writes a message of a shape with every field present and every array filled.
struct Writer {
    out: BytesMut,
    version: i16,
    flexible: bool,
    next: u8,
}

impl Writer {
    fn write(shape: &Shape, version: i16) -> Bytes {
        let mut writer = Self {
            out: BytesMut::new(),
            version,
            flexible: shape.is_flexible(version),
            next: 0,
        };
        writer.structure(shape.fields);
        writer.out.freeze()
    }

    fn structure(&mut self, fields: &'static [Field]) {
        let version = self.version;
        for field in fields {
            if field.tag.is_none() && field.is_in(version) {
                self.field(field);
            }
        }
        if !self.flexible {
            return;
        }
        let tagged: Vec<_> = fields
            .iter()
            .filter(|field| field.tag.is_some() && field.is_in(version))
            .collect();
        self.varint(tagged.len() + 1);
        for field in tagged {
            self.varint(field.tag.expect("it is tagged") as usize);
            let outside = self.out.split_off(0);
            let before = std::mem::replace(&mut self.out, BytesMut::new());
            self.field(field);
            let content = std::mem::replace(&mut self.out, before);
            self.out.unsplit(outside);
            self.varint(content.len());
            self.out.put_slice(&content);
        }
        // A field of a later version that nobody knows yet.
        self.varint(99);
        self.varint(3);
        self.out.put_slice(b"new");
    }

    fn field(&mut self, field: &'static Field) {
        match field.kind {
            // Only this also reads back as a boolean.
            Kind::Fixed(1) => self.out.put_u8(1),
            Kind::Fixed(size) => {
                for _ in 0..size {
                    self.next = self.next.wrapping_add(1);
                    self.out.put_u8(self.next % 100);
                }
            }
            Kind::Text if !self.flexible => {
                self.out.put_i16(4);
                self.out.put_slice(b"text");
            }
            Kind::Text | Kind::Bytes => {
                self.length(4);
                self.out.put_slice(b"text");
            }
            Kind::Structure(fields) => self.structure(fields),
            Kind::Optional(fields) => {
                self.out.put_u8(1);
                self.structure(fields);
            }
            Kind::Values(value) => {
                self.length(3);
                for _ in 0..3 {
                    self.field(value);
                }
            }
            Kind::List(fields) => {
                self.length(2);
                for _ in 0..2 {
                    self.structure(fields);
                }
            }
        }
    }

    fn length(&mut self, length: usize) {
        if self.flexible {
            self.varint(length + 1);
        } else {
            self.out.put_i32(i32::try_from(length).expect("small"));
        }
    }

    fn varint(&mut self, mut value: usize) {
        while value >= 0x80 {
            self.out
                .put_u8(u8::try_from(value & 0x7f).expect("seven bits") | 0x80);
            value >>= 7;
        }
        self.out.put_u8(u8::try_from(value).expect("seven bits"));
    }
}

#[test]
fn the_codec_reads_what_the_shape_says_in_every_version() {
    for case in cases() {
        for version in case.versions.clone() {
            let bytes = Writer::write(case.shape, version);
            let again = (case.round_trip)(bytes.clone(), version);
            assert_eq!(again, bytes, "{} version {version}", case.name);
            assert_eq!(
                case.shape.walk(version, &bytes),
                Ok(bytes.len()),
                "{} version {version}",
                case.name
            );
        }
    }
}

#[test]
fn a_cut_message_is_refused_wherever_it_is_cut() {
    for case in cases() {
        for version in case.versions.clone() {
            let bytes = Writer::write(case.shape, version);
            for length in 0..bytes.len() {
                let cut = bytes.get(..length).expect("shorter");
                assert!(
                    case.shape.check(version, cut).is_err(),
                    "{} version {version} cut at {length}",
                    case.name
                );
            }
        }
    }
}

/// Puts a huge count at every position: what the walk lets through must be safe to decode.
#[test]
fn no_count_reaches_the_codec_without_its_elements() {
    for case in cases() {
        for version in case.versions.clone() {
            let bytes = Writer::write(case.shape, version);
            for at in 0..bytes.len().saturating_sub(4) {
                for hostile in [[0x7f, 0xff, 0xff, 0xff], [0xff, 0xff, 0xff, 0x7f]] {
                    let mut wrong = BytesMut::from(bytes.as_ref());
                    wrong
                        .get_mut(at..at + 4)
                        .expect("inside")
                        .copy_from_slice(&hostile);
                    if case.shape.check(version, &wrong).is_ok() {
                        // It may be a number or a text: the codec reads or refuses it.
                        (case.decodes)(wrong.freeze(), version);
                    }
                }
            }
        }
    }
}

#[test]
fn a_count_without_elements_names_what_is_missing() {
    assert_eq!(
        METADATA.check(1, &[0x7f, 0xff, 0xff, 0xff]),
        Err(ShapeError::Short { needed: 2, left: 0 })
    );
    assert_eq!(
        METADATA.check(1, &[0xff, 0xff, 0xff, 0xfe]),
        Err(ShapeError::Length(-2))
    );
}

/// What a peer might send instead: bytes changed, cut, moved or made up. What the walk lets through
/// the codec reads or refuses; it neither panics nor asks for memory that is not there.
/// `KAFKARIUM_FUZZ` is how many are tried of each API and version.
#[test]
fn a_mutated_message_is_refused_or_read() {
    let rounds = std::env::var("KAFKARIUM_FUZZ").map_or(50, |rounds| {
        rounds.parse().expect("KAFKARIUM_FUZZ is a number")
    });
    for case in cases() {
        // Each with the same chances, whatever other APIs there are.
        let mut chance = SmallRng::seed_from_u64(4711);
        let mut passed = 0;
        for version in case.versions.clone() {
            let valid = Writer::write(case.shape, version);
            for _ in 0..rounds.max(200 / case.versions.clone().count()) {
                let wrong = mutated(&valid, &mut chance);
                if case.shape.check(version, &wrong).is_ok() {
                    passed += 1;
                    (case.decodes)(wrong, version);
                }
            }
        }
        assert!(passed > 0, "nothing of {} reached the codec", case.name);
    }
}

fn mutated(valid: &[u8], chance: &mut SmallRng) -> Bytes {
    if chance.random_ratio(1, 10) {
        let size = chance.random_range(0..valid.len().max(2) * 2);
        return (0..size).map(|_| chance.random::<u8>()).collect();
    }
    let mut bytes = valid.to_vec();
    for _ in 0..chance.random_range(1..4) {
        let at = chance.random_range(0..=bytes.len());
        match chance.random_range(0..4) {
            0 => bytes.truncate(at),
            1 => bytes.insert(at, chance.random()),
            2 => bytes.rotate_left(at),
            _ => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = *[0, 1, 0x7f, 0x80, 0xff, chance.random()]
                        .get(chance.random_range(0..6))
                        .expect("six");
                }
            }
        }
    }
    bytes.into()
}
