//! Versions older than the codec's first ones, and strings that are not UTF-8: both are read as Kafka reads them.

use kafka_protocol::{
    messages::{
        ApiKey, FindCoordinatorRequest, OffsetFetchRequest,
        offset_fetch_request::OffsetFetchRequestTopic,
    },
    protocol::StrBytes,
};

use crate::{
    clients::WAIT,
    cluster::{Cluster, until},
    declined::{exchange, header},
    versions::{Stage, name},
};

/// What follows the correlation id.
const BODY: usize = 4;

/// A request's body, and the body of the answer, as a broker of Apache Kafka 3.9.2 gave it, one after the other, where
/// there is an empty topic `orders` of one partition.
#[rustfmt::skip]
const APACHE: &[(ApiKey, i16, &[u8], &[u8])] = &[
    (ApiKey::CreateTopics, 0, b"\0\0\0\x01\0\x03old\0\0\0\x01\0\x01\0\0\0\0\0\0\0\0\0\0'\x10", b"\0\0\0\x01\0\x03old\0\0"),
    (ApiKey::CreateTopics, 0, b"\0\0\0\x01\0\x03old\0\0\0\x01\0\x01\0\0\0\0\0\0\0\0\0\0'\x10", b"\0\0\0\x01\0\x03old\0$"),
    (ApiKey::CreateTopics, 1, b"\0\0\0\x01\0\x03old\0\0\0\x01\0\x01\0\0\0\0\0\0\0\0\0\0'\x10\0", b"\0\0\0\x01\0\x03old\0$\0\x1bTopic 'old' already exists."),
    (ApiKey::CreateTopics, 1, b"\0\0\0\x01\0\x05older\0\0\0\0\0\x01\0\0\0\0\0\0\0\0\0\0'\x10\0", b"\0\0\0\x01\0\x05older\0%\0+Number of partitions must be larger than 0."),
    (ApiKey::DeleteTopics, 0, b"\0\0\0\x02\0\x03old\0\x04nope\0\0'\x10", b"\0\0\0\x02\0\x03old\0\0\0\x04nope\0\x03"),
    (ApiKey::OffsetForLeaderEpoch, 0, b"\0\0\0\x01\0\x06orders\0\0\0\x02\0\0\0\0\0\0\0\0\0\0\0\x07\0\0\0\0", b"\0\0\0\x01\0\x06orders\0\0\0\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x03\0\0\0\x07\xff\xff\xff\xff\xff\xff\xff\xff"),
    (ApiKey::OffsetForLeaderEpoch, 1, b"\0\0\0\x01\0\x06orders\0\0\0\x02\0\0\0\0\0\0\0\0\0\0\0\x07\0\0\0\0", b"\0\0\0\x01\0\x06orders\0\0\0\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x03\0\0\0\x07\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
];

fn ask(
    address: &str,
    client_id: Option<&[u8]>,
    key: ApiKey,
    version: i16,
    body: &[u8],
) -> bytes::Bytes {
    let mut request = header(key as i16, version, key.request_header_version(version));
    if let Some(client_id) = client_id {
        // In the place of null.
        let rest = request.split_off(10);
        request.truncate(8);
        let length = i16::try_from(client_id.len()).expect("short");
        request.extend_from_slice(&length.to_be_bytes());
        request.extend_from_slice(client_id);
        request.extend_from_slice(&rest);
    }
    request.extend_from_slice(body);
    exchange(address, &request).slice(BODY..)
}

#[tokio::test]
async fn old_versions_are_answered_as_apache_kafka_answers_them() {
    let cluster = Cluster::start(1, &[]);
    cluster.create_topic("orders", 1, 1);
    let address = cluster.address_of(1);
    for (key, version, body, expected) in APACHE {
        let answer = ask(&address, None, *key, *version, body);
        assert_eq!(answer, *expected, "{key:?} version {version}");
    }
    // These two name a folder.
    let asked: &[u8] = b"\0\0\0\x01\0\x06orders\0\0\0\x01\0\0\0\0";
    let old = ask(&address, None, ApiKey::DescribeLogDirs, 0, asked);
    let new = ask(&address, None, ApiKey::DescribeLogDirs, 1, asked);
    assert_eq!(old, new);
    assert!(old.windows(6).any(|text| text == b"orders"));
}

#[tokio::test]
async fn an_offset_is_committed_in_version_1_with_its_metadata() {
    let mut stage = Stage::new().await;
    let request = FindCoordinatorRequest::default().with_key(StrBytes::from_static_str("kaf"));
    let found = stage.connection.ask_in(2, &request, WAIT).await;
    assert_eq!(found.expect("an answer").error_code, 0);
    let address = stage.connection.peer().expect("connected").to_string();
    let commit = [
        &b"\0\x03kaf\xff\xff\xff\xff\0\0\0\0\0\x01\0\x06orders\0\0\0\x01\0\0\0\0"[..],
        &4_i64.to_be_bytes(),
        &(-1_i64).to_be_bytes(),
        b"\0\x05m\xe9ta!",
    ]
    .concat();
    let committed = b"\0\0\0\x01\0\x06orders\0\0\0\x01\0\0\0\0\0\0";
    until("the coordinator has loaded its groups", async || {
        let answer = ask(&address, None, ApiKey::OffsetCommit, 1, &commit);
        (answer[..] == committed[..]).then_some(())
    })
    .await;
    let topic = OffsetFetchRequestTopic::default()
        .with_name(name())
        .with_partition_indexes(vec![0]);
    let request = OffsetFetchRequest::default()
        .with_group_id(StrBytes::from_static_str("kaf").into())
        .with_topics(Some(vec![topic]));
    let answer = stage.connection.ask_in(5, &request, WAIT).await;
    let partition = &answer.expect("an answer").topics[0].partitions[0];
    assert_eq!((partition.error_code, partition.committed_offset), (0, 4));
    assert_eq!(partition.metadata.as_deref(), Some("m\u{fffd}ta!"));
}

#[tokio::test]
async fn what_is_not_utf_8_gets_replacement_characters() {
    let cluster = Cluster::start(1, &[]);
    let address = cluster.address_of(1);
    let latin = &b"caf\xe9"[..];
    let asked = [&b"\0\0\0\x01\0\x04"[..], latin].concat();
    let named = "caf\u{fffd}".as_bytes();
    let classic = ask(&address, Some(latin), ApiKey::Metadata, 1, &asked);
    let told = [&b"\0\0\0\x01\0\x11\0\x06"[..], named].concat();
    assert!(
        classic.windows(told.len()).any(|part| part == told),
        "{classic:?}"
    );
    let asked = [&b"\x02"[..], &[0; 16], b"\x05", latin, b"\0\0\0\0"].concat();
    let flexible = ask(&address, Some(latin), ApiKey::Metadata, 12, &asked);
    let told = [&b"\0\x11\x07"[..], named].concat();
    assert!(
        flexible.windows(told.len()).any(|part| part == told),
        "{flexible:?}"
    );
}
