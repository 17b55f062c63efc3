//! What the cluster does not have: tools that ask for it get the answer of an Apache Kafka 3.9 that is not set up for it.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use bytes::{Bytes, BytesMut};
use kafka_protocol::{
    messages::{
        ApiKey, DescribeProducersRequest, InitProducerIdRequest, RequestHeader, ResponseHeader,
        describe_producers_request::TopicRequest,
    },
    protocol::{Decodable, Encodable, HeaderVersion, Request},
};
use kafkarium::wire::record_batch::BatchBuilder;

use crate::{
    clients::WAIT,
    cluster::Cluster,
    versions::{Stage, name},
};

/// A request's body, and the body of the answer, as a broker of Apache Kafka 3.9.2 with ZooKeeper gave it: no
/// authorizer, a plaintext listener, no transactions, a topic `orders` of one partition.
#[rustfmt::skip]
const APACHE: &[(ApiKey, i16, &[u8], &[u8])] = &[
    (ApiKey::DescribeAcls, 1, b"\x01\xff\xff\x01\xff\xff\xff\xff\x01\x01", b"\0\0\0\0\x006\0)No Authorizer is configured on the broker\0\0\0\0"),
    (ApiKey::DescribeAcls, 2, b"\x01\0\x01\0\0\x01\x01\0", b"\0\0\0\0\0\x006*No Authorizer is configured on the broker\x01\0"),
    (ApiKey::DescribeAcls, 3, b"\x01\0\x01\0\0\x01\x01\0", b"\0\0\0\0\0\x006*No Authorizer is configured on the broker\x01\0"),
    (ApiKey::DescribeClientQuotas, 0, b"\0\0\0\0\0", b"\0\0\0\0\0\0\0\0\0\0\0\0"),
    (ApiKey::DescribeClientQuotas, 1, b"\x01\0\0", b"\0\0\0\0\0\0\0\x01\x01\0"),
    (ApiKey::DescribeClientQuotas, 1, b"\x02\x05user\x02\0\0\0\0", b"\0\0\0\0\0\0\0\x01\x01\0"),
    (ApiKey::DescribeClientQuotas, 1, b"\x02\x09nonsense\x02\0\0\0\0", b"\0\0\0\0\0\0#,Custom entity type 'nonsense' not supported\0\0"),
    (ApiKey::DescribeClientQuotas, 1, b"\x03\x05user\x02\0\0\x05user\x02\0\0\0\0", b"\0\0\0\0\0\0*,Duplicate user filter component entity type\0\0"),
    (ApiKey::DescribeClientQuotas, 1, b"\x03\x05user\x02\0\0\x03ip\x02\0\0\0\0", b"\0\0\0\0\0\0*|Invalid entity filter component combination, IP filter component should not be used with user or clientId filter component.\0\0"),
    (ApiKey::DescribeClientQuotas, 1, b"\x02\x01\x02\0\0\0\0", b"\0\0\0\0\0\0*.Unexpected empty filter component entity type\0\0"),
    (ApiKey::DescribeUserScramCredentials, 0, b"\0\0", b"\0\0\0\0\0\0\0\x01\x01\0"),
    (ApiKey::DescribeUserScramCredentials, 0, b"\x01\0", b"\0\0\0\0\0\0\0\x01\x01\0"),
    (ApiKey::DescribeUserScramCredentials, 0, b"\x02\x04amy\0\0", b"\0\0\0\0\0\0\0\x01\x02\x04amy\0[?Attempt to describe a user credential that does not exist: amy\x01\0\0"),
    (ApiKey::DescribeUserScramCredentials, 0, b"\x03\x04amy\0\x04amy\0\0", b"\0\0\0\0\0\0\0\x01\x02\x04amy\0\x5cSCannot describe SCRAM credentials for the same user twice in a single request: amy\x01\0\0"),
    (ApiKey::DescribeUserScramCredentials, 0, b"\x02\x01\0\0", b"\0\0\0\0\0\0\0\x01\x02\x01\0[\x1bUsername must not be empty\x01\0\0"),
    (ApiKey::ListTransactions, 0, b"\x01\x01\0", b"\0\0\0\0\0\0\0\x01\x01\0"),
    (ApiKey::ListTransactions, 0, b"\x03\x04Foo\x08Ongoing\x01\0", b"\0\0\0\0\0\0\0\x02\x04Foo\x01\0"),
    (ApiKey::ListTransactions, 1, b"\x01\x01\xff\xff\xff\xff\xff\xff\xff\xff\0", b"\0\0\0\0\0\0\0\x01\x01\0"),
    (ApiKey::DescribeProducers, 0, b"\x03\x07orders\x03\0\0\0\0\0\0\0c\0\x05nope\x02\0\0\0\0\0\0", b"\0\0\0\0\0\x03\x07orders\x03\0\0\0\0\0\0\0\x01\0\0\0\0c\0\x03\0\x01\0\0\x05nope\x02\0\0\0\0\0\x030This server does not host this topic-partition.\x01\0\0\0"),
    (ApiKey::DescribeProducers, 0, b"\x02\x04a b\x02\0\0\0\0\0\0", b"\0\0\0\0\0\x02\x04a b\x02\0\0\0\0\0\x11nTopic name is invalid: 'a b' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'\x01\0\0\0"),
    (ApiKey::DescribeAcls, 0, b"\x02\0\x01t\0\x06User:a\xff\xff\x03\x03", b"\0\0\0\0\x006\0)No Authorizer is configured on the broker\0\0\0\0"),
    (ApiKey::CreateAcls, 0, b"\0\0\0\x01\x02\0\x01t\0\x06User:a\0\x01*\x03\x03", b"\0\0\0\0\0\0\0\x01\x006\0\x1cNo Authorizer is configured."),
    (ApiKey::DeleteAcls, 0, b"\0\0\0\x01\x02\0\x01t\0\x06User:a\0\x01*\x03\x03", b"\0\0\0\0\0\0\0\x01\x006\0\x1cNo Authorizer is configured.\0\0\0\0"),
    (ApiKey::AlterReplicaLogDirs, 0, b"\0\0\0\x01\0\x08/nowhere\0\0\0\x01\0\x04nope\0\0\0\x01\0\0\0\0", b"\0\0\0\0\0\0\0\x01\0\x04nope\0\0\0\x01\0\0\0\0\x009"),
    (ApiKey::CreateDelegationToken, 0, b"\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff", b"\0@\0\x04User\0\x09ANONYMOUS\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0\0\0\0\0\0\0"),
    (ApiKey::RenewDelegationToken, 0, b"\0\0\0\x03abc\0\0\0\0\0\0\0\x01", b"\0@\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0"),
    (ApiKey::ExpireDelegationToken, 0, b"\0\0\0\x03abc\0\0\0\0\0\0\0\x01", b"\0@\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0"),
    (ApiKey::DescribeDelegationToken, 0, b"\xff\xff\xff\xff", b"\0@\0\0\0\0\0\0\0\0"),
    (ApiKey::SaslHandshake, 0, b"\0\x05PLAIN", b"\0\x22\0\0\0\0"),
    (ApiKey::SaslHandshake, 1, b"\0\x05PLAIN", b"\0\x22\0\0\0\0"),
    (ApiKey::SaslAuthenticate, 0, b"\0\0\0\x03abc", b"\0\x22\0ASaslAuthenticate request received after successful authentication\0\0\0\0"),
    (ApiKey::SaslAuthenticate, 1, b"\0\0\0\x03abc", b"\0\x22\0ASaslAuthenticate request received after successful authentication\0\0\0\0\0\0\0\0\0\0\0\0"),
    (ApiKey::SaslAuthenticate, 2, b"\x04abc\0", b"\0\0\x22BSaslAuthenticate request received after successful authentication\x01\0\0\0\0\0\0\0\0\0"),
    (ApiKey::CreateAcls, 1, b"\0\0\0\x01\x02\0\x01t\x03\0\x06User:a\0\x01*\x03\x03", b"\0\0\0\0\0\0\0\x01\x006\0\x1cNo Authorizer is configured."),
    (ApiKey::CreateAcls, 2, b"\x02\x02\x02t\x03\x07User:a\x02*\x03\x03\0\0", b"\0\0\0\0\0\x02\x006\x1dNo Authorizer is configured.\0\0"),
    (ApiKey::CreateAcls, 1, b"\0\0\0\0", b"\0\0\0\0\0\0\0\0"),
    (ApiKey::DeleteAcls, 1, b"\0\0\0\x01\x02\0\x01t\x03\0\x06User:a\0\x01*\x03\x03", b"\0\0\0\0\0\0\0\x01\x006\0\x1cNo Authorizer is configured.\0\0\0\0"),
    (ApiKey::DeleteAcls, 2, b"\x02\x02\x02t\x03\x07User:a\x02*\x03\x03\0\0", b"\0\0\0\0\0\x02\x006\x1dNo Authorizer is configured.\x01\0\0"),
    (ApiKey::AlterReplicaLogDirs, 1, b"\0\0\0\x01\0\x08/nowhere\0\0\0\x01\0\x04nope\0\0\0\x01\0\0\0\0", b"\0\0\0\0\0\0\0\x01\0\x04nope\0\0\0\x01\0\0\0\0\x009"),
    (ApiKey::CreateDelegationToken, 1, b"\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff", b"\0@\0\x04User\0\x09ANONYMOUS\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0\0\0\0\0\0\0"),
    (ApiKey::CreateDelegationToken, 2, b"\x01\xff\xff\xff\xff\xff\xff\xff\xff\0", b"\0\0@\x05User\x0aANONYMOUS\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x01\0\0\0\0\0"),
    (ApiKey::CreateDelegationToken, 3, b"\0\0\x01\xff\xff\xff\xff\xff\xff\xff\xff\0", b"\0\0@\x05User\x0aANONYMOUS\x05User\x0aANONYMOUS\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x01\0\0\0\0\0"),
    (ApiKey::RenewDelegationToken, 1, b"\0\0\0\x03abc\0\0\0\0\0\0\0\x01", b"\0@\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0"),
    (ApiKey::RenewDelegationToken, 2, b"\x04abc\0\0\0\0\0\0\0\x01\0", b"\0\0@\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0\0"),
    (ApiKey::ExpireDelegationToken, 1, b"\0\0\0\x03abc\0\0\0\0\0\0\0\x01", b"\0@\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0"),
    (ApiKey::ExpireDelegationToken, 2, b"\x04abc\0\0\0\0\0\0\0\x01\0", b"\0\0@\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0\0"),
    (ApiKey::DescribeDelegationToken, 1, b"\xff\xff\xff\xff", b"\0@\0\0\0\0\0\0\0\0"),
    (ApiKey::DescribeDelegationToken, 2, b"\0\0", b"\0\0@\x01\0\0\0\0\0"),
    (ApiKey::EndTxn, 0, b"\0\0\0\0\0\0\0\0\0\x05\0\0\x01", b"\0\0\0\0\0*"),
    (ApiKey::AlterUserScramCredentials, 0, b"\x02\x04amy\x01\0\x01\0", b"\0\0\0\0\0\x02\x04amy\0[8Attempt to delete a user credential that does not exist\0\0"),
];

/// Sends a whole request behind its length, and reads the whole answer.
pub fn exchange(address: &str, request: &[u8]) -> Bytes {
    let mut stream = TcpStream::connect(address).expect("the broker listens");
    let length = i32::try_from(request.len()).expect("short");
    stream.write_all(&length.to_be_bytes()).expect("sent");
    stream.write_all(request).expect("sent");
    let mut length = [0; 4];
    stream.read_exact(&mut length).expect("an answer");
    let mut answer = vec![0; u32::from_be_bytes(length) as usize];
    stream.read_exact(&mut answer).expect("all of it");
    answer.into()
}

pub fn header(key: i16, version: i16, header_version: i16) -> BytesMut {
    let mut request = BytesMut::new();
    RequestHeader::default()
        .with_request_api_key(key)
        .with_request_api_version(version)
        .with_correlation_id(7)
        .encode(&mut request, header_version)
        .expect("a header");
    request
}

/// Asks with the codec alone: our own client has no use for these answers.
pub fn ask<R: Request + HeaderVersion>(address: &str, version: i16, request: &R) -> R::Response
where
    R::Response: HeaderVersion,
{
    let mut frame = header(R::KEY, version, R::header_version(version));
    request.encode(&mut frame, version).expect("a request");
    let mut answer = exchange(address, &frame);
    ResponseHeader::decode(&mut answer, R::Response::header_version(version)).expect("a header");
    R::Response::decode(&mut answer, version).expect("an answer")
}

#[tokio::test]
async fn what_is_not_there_is_declined_as_apache_kafka_declines_it() {
    let cluster = Cluster::start(1, &[]);
    cluster.create_topic("orders", 1, 1);
    let address = cluster.address_of(1);
    for (key, version, body, expected) in APACHE {
        let mut request = header(*key as i16, *version, key.request_header_version(*version));
        request.extend_from_slice(body);
        let answer = exchange(&address, &request);
        let correlation_id = 4;
        assert_eq!(
            &answer[correlation_id..],
            *expected,
            "{key:?} version {version}"
        );
    }
}

#[tokio::test]
async fn idempotent_producers_are_described_as_their_log_knows_them() {
    let mut stage = Stage::new().await;
    let request = InitProducerIdRequest::default().with_transactional_id(None);
    let given = stage.connection.ask(&request, WAIT).await.expect("an id");
    let mut builder = BatchBuilder::new();
    builder.producer(given.producer_id.0, 0, 0);
    builder.push(1_000, None, Some(b"one"));
    builder.push(2_000, None, Some(b"two"));
    let appended = stage.produce(9, -1, Bytes::from(builder.build())).await;
    assert_eq!(appended, (0, 0));
    let topic = TopicRequest::default()
        .with_name(name())
        .with_partition_indexes(vec![0]);
    let request = DescribeProducersRequest::default().with_topics(vec![topic]);
    let address = stage.connection.peer().expect("connected").to_string();
    let answer = ask(&address, 0, &request);
    let partition = &answer.topics[0].partitions[0];
    assert_eq!(partition.error_code, 0);
    let [producer] = partition.active_producers.as_slice() else {
        panic!("one producer: {partition:?}")
    };
    assert_eq!(producer.producer_id, given.producer_id);
    assert_eq!((producer.producer_epoch, producer.last_sequence), (0, 1));
    assert_eq!(producer.last_timestamp, 2_000);
    let unknown = (
        producer.coordinator_epoch,
        producer.current_txn_start_offset,
    );
    assert_eq!(unknown, (-1, -1));
}
