//! Versions of Kafka 4.3 and 4.4, in bytes: what Apache Kafka 4.4.0 answered to the same requests.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use kafka_protocol::messages::{
    ApiKey, DescribeClusterRequest, DescribeLogDirsRequest, DescribeLogDirsResponse,
    FindCoordinatorRequest,
};
use kafka_protocol::protocol::{Encodable, StrBytes};
use kafkarium::wire::ErrorCode;
use uuid::Uuid;

use crate::{
    clients::WAIT,
    cluster::{Cluster, until, wait_until},
    declined::{ask, exchange},
    garbage::frame,
    versions::Stage,
};

/// A topic that nobody made.
const NOBODYS: Uuid = Uuid::from_bytes([1; 16]);

/// Asks in a version with tagged fields; the answer's body.
fn ask_flexible(address: &str, key: ApiKey, version: i16, body: &[u8]) -> Vec<u8> {
    let body = [b"\0", body].concat();
    let answer = exchange(address, &frame(key as i16, version, &body)[4..]);
    // The correlation id, and in all APIs but one a byte for tagged fields of the header.
    let head = if key == ApiKey::ApiVersions { 4 } else { 5 };
    answer[head..].to_vec()
}

fn address(stage: &Stage) -> String {
    stage.connection.peer().expect("connected").to_string()
}

/// Waits until the one broker coordinates the group.
async fn coordinates(address: &str) {
    until("the group has its coordinator", async || {
        let request = FindCoordinatorRequest::default().with_key(StrBytes::from_static_str("kaf"));
        (ask(address, 3, &request).error_code == 0).then_some(())
    })
    .await;
}

/// `OffsetCommit` 10 of a group without members.
fn commit(topics: &[(Uuid, &[(i32, i64)])]) -> Vec<u8> {
    let mut body = b"\x04kaf\xff\xff\xff\xff\x01\0".to_vec();
    body.push(u8::try_from(topics.len() + 1).expect("few"));
    for (id, partitions) in topics {
        body.extend(id.as_bytes());
        body.push(u8::try_from(partitions.len() + 1).expect("few"));
        for (index, offset) in *partitions {
            body.extend(index.to_be_bytes());
            body.extend(offset.to_be_bytes());
            body.extend(b"\xff\xff\xff\xff\x02m\0");
        }
        body.push(0);
    }
    body.push(0);
    body
}

/// `OffsetFetch` of one group in version 10, of some topics or of all.
fn fetch(topics: Option<&[(Uuid, &[i32])]>) -> Vec<u8> {
    let mut body = b"\x02\x04kaf\0\xff\xff\xff\xff".to_vec();
    body.push(topics.map_or(0, |it| u8::try_from(it.len() + 1).expect("few")));
    for (id, partitions) in topics.unwrap_or_default() {
        body.extend(id.as_bytes());
        body.push(u8::try_from(partitions.len() + 1).expect("few"));
        for index in *partitions {
            body.extend(index.to_be_bytes());
        }
        body.push(0);
    }
    body.extend(b"\0\0\0");
    body
}

/// A topic in the answer to `OffsetFetch` 10, with code and offset of each partition.
fn fetched(id: Uuid, partitions: &[(i32, i64, i16)]) -> Vec<u8> {
    let mut out = id.as_bytes().to_vec();
    out.push(u8::try_from(partitions.len() + 1).expect("few"));
    for (index, offset, code) in partitions {
        out.extend(index.to_be_bytes());
        out.extend(offset.to_be_bytes());
        out.extend(b"\xff\xff\xff\xff");
        out.extend(if *offset < 0 { &b"\x01"[..] } else { b"\x02m" });
        out.extend(code.to_be_bytes());
        out.push(0);
    }
    out.push(0);
    out
}

fn told(topics: &[Vec<u8>]) -> Vec<u8> {
    let count = u8::try_from(topics.len() + 1).expect("few");
    let head = [&b"\0\0\0\0\x02\x04kaf"[..], &[count]].concat();
    [head, topics.concat(), b"\0\0\0\0".to_vec()].concat()
}

#[tokio::test]
async fn offsets_are_committed_and_fetched_by_the_ids_of_their_topics() {
    let stage = Stage::new().await;
    let (address, id) = (address(&stage), stage.topic_id);
    coordinates(&address).await;
    let both = [(id, &[(0, 7), (5, 1)][..]), (NOBODYS, &[(0, 3)])];
    let expected = [
        &b"\0\0\0\0\x03"[..],
        id.as_bytes(),
        b"\x03\0\0\0\0\0\0\0\0\0\0\x05\0\x03\0\0",
        NOBODYS.as_bytes(),
        b"\x02\0\0\0\0\0\x64\0\0\0",
    ]
    .concat();
    until("the coordinator has read its log", async || {
        let answer = ask_flexible(&address, ApiKey::OffsetCommit, 10, &commit(&both));
        (answer == expected).then_some(())
    })
    .await;
    let nothing = ask_flexible(&address, ApiKey::OffsetCommit, 10, &commit(&[]));
    assert_eq!(nothing, b"\0\0\0\0\x01\0");

    let ask = |body: &[u8]| ask_flexible(&address, ApiKey::OffsetFetch, 10, body);
    let unknown = ErrorCode::UnknownTopicId.code();
    let answer = ask(&fetch(Some(&[(NOBODYS, &[0, 1]), (id, &[0, 5])])));
    let known = fetched(id, &[(0, 7, 0), (5, -1, 0)]);
    let refused = fetched(NOBODYS, &[(0, -1, unknown), (1, -1, unknown)]);
    assert_eq!(
        answer,
        told(&[known, refused]),
        "those that are unknown last"
    );
    assert_eq!(ask(&fetch(None)), told(&[fetched(id, &[(0, 7, 0)])]));
    assert_eq!(ask(&fetch(Some(&[]))), told(&[]));
}

#[tokio::test]
async fn a_client_that_means_another_broker_is_told_to_begin_anew() {
    let mut stage = Stage::new().await;
    let request = DescribeClusterRequest::default();
    let cluster = stage.connection.ask(&request, WAIT).await;
    let cluster = cluster.expect("an answer").cluster_id.to_string();
    let address = address(&stage);
    let code = |cluster: Option<&str>, node: i32| {
        let named = cluster.map_or(vec![0], |id| {
            let length = u8::try_from(id.len() + 1).expect("short");
            [&[length], id.as_bytes()].concat()
        });
        let body = [&b"\x02x\x021"[..], &named, &node.to_be_bytes(), b"\0"].concat();
        let answer = ask_flexible(&address, ApiKey::ApiVersions, 5, &body);
        let code = i16::from_be_bytes([answer[0], answer[1]]);
        assert_eq!(answer.len() == 8, code != 0, "a refusal lists nothing");
        ErrorCode::from_code(code)
    };
    let another = "somebody-else-s-cluster";
    for (cluster, node, expected) in [
        (None, -1, ErrorCode::None),
        (Some(&*cluster), 1, ErrorCode::None),
        (Some(&*cluster), 2, ErrorCode::RebootstrapRequired),
        (Some(&*cluster), -2, ErrorCode::RebootstrapRequired),
        (Some(another), 1, ErrorCode::RebootstrapRequired),
        (Some(""), 1, ErrorCode::RebootstrapRequired),
        (None, 1, ErrorCode::InvalidRequest),
        (Some(&*cluster), -1, ErrorCode::InvalidRequest),
    ] {
        assert_eq!(code(cluster, node), expected, "{cluster:?} {node}");
    }
}

#[tokio::test]
async fn numbers_for_offsets_are_taken_from_their_version_on() {
    let stage = Stage::new().await;
    let address = address(&stage);
    let list = |version: i16, timestamp: i64| {
        let timeout: &[u8] = if version >= 10 { b"\0\0\x03\xe8" } else { b"" };
        let body = [
            &b"\xff\xff\xff\xff\0\x02\x07orders\x02\0\0\0\0\xff\xff\xff\xff"[..],
            &timestamp.to_be_bytes(),
            b"\0\0",
            timeout,
            b"\0",
        ]
        .concat();
        let answer = ask_flexible(&address, ApiKey::ListOffsets, version, &body);
        let head = b"\0\0\0\0\x02\x07orders\x02\0\0\0\0";
        let (code, rest) = answer[head.len()..].split_at(2);
        assert_eq!(&answer[..head.len()], head);
        assert_eq!(rest.len(), 8 + 8 + 4 + 3);
        let offset: [u8; 8] = rest[8..16].try_into().expect("eight");
        (
            i16::from_be_bytes([code[0], code[1]]),
            i64::from_be_bytes(offset),
        )
    };
    let refused = (ErrorCode::UnsupportedVersion.code(), -1);
    assert_eq!(list(11, -1), (0, 0));
    assert_eq!(list(11, -5), (0, -1));
    assert_eq!(list(11, -6), (0, -1));
    assert_eq!(list(10, -6), refused);
    assert_eq!(list(11, -7), refused);
}

#[tokio::test]
async fn newer_answers_have_the_fields_that_came_with_them() {
    let mut stage = Stage::new().await;
    let address = address(&stage);
    let request = DescribeLogDirsRequest::default().with_topics(None);
    let older = stage.connection.ask_in(4, &request, WAIT).await;
    let older: DescribeLogDirsResponse = older.expect("an answer");
    let mut plain = Vec::new();
    older.encode(&mut plain, 4).expect("the codec writes it");
    let newer = ask_flexible(&address, ApiKey::DescribeLogDirs, 5, b"\0\0");
    // One folder, which is not cordoned; the room on its disk may have changed, which is told before that.
    assert_eq!(newer.len(), plain.len() + 1);
    assert_eq!(newer[newer.len() - 3..], [0, 0, 0]);
    let same = plain.len() - 3 - 16;
    assert_eq!(newer[..same], plain[..same]);

    coordinates(&address).await;
    let body = b"\x02\x07nobody\0";
    let expected = b"\0\0\0\0\x02\x07nobody\0\x45\0\0\0";
    until("the coordinator has read its log", async || {
        let answer = ask_flexible(&address, ApiKey::DeleteGroups, 3, body);
        (answer == expected).then_some(())
    })
    .await;
}

#[test]
fn whatever_has_configs_is_listed_by_its_kind() {
    let cluster = Cluster::start(1, &[]);
    cluster.create_topic("orders", 1, 1);
    let address = cluster.address_of(1);
    let alter = b"\x02\x20\x08billing\x02\x1fconsumer.heartbeat.interval.ms\0\x056000\0\0\0\0";
    let altered = ask_flexible(&address, ApiKey::IncrementalAlterConfigs, 1, alter);
    assert_eq!(altered, b"\0\0\0\0\x02\0\0\0\x20\x08billing\0\0");
    let list = |version, body: &[u8]| {
        let answer = ask_flexible(&address, ApiKey::ListConfigResources, version, body);
        answer[4..].to_vec()
    };
    let all = b"\0\0\x05\x08billing\x20\0\x021\x08\0\x021\x04\0\x07orders\x02\0\0";
    wait_until("the group's config is read", || {
        (list(1, b"\x01\0") == all).then_some(())
    });
    assert_eq!(list(0, b"\0"), b"\0\0\x01\0", "client metrics alone");
    assert_eq!(list(1, b"\x02\x10\0"), b"\0\0\x01\0");
    let some = b"\0\0\x03\x021\x04\0\x07orders\x02\0\0";
    assert_eq!(list(1, b"\x03\x02\x04\0"), some);
    assert_eq!(list(1, b"\x03\x02\x63\0"), b"\0\x23\x01\0");
}

/// What is longer than it says, or says more than it has, closes its own connection.
#[tokio::test]
async fn garbage_in_newer_versions_is_refused() {
    let stage = Stage::new().await;
    let address = address(&stage);
    let sound: [(ApiKey, i16, Vec<u8>); 4] = [
        (ApiKey::OffsetCommit, 10, commit(&[(NOBODYS, &[(0, 3)])])),
        (ApiKey::OffsetFetch, 10, fetch(Some(&[(NOBODYS, &[0])]))),
        (
            ApiKey::ApiVersions,
            5,
            b"\x02x\x021\0\xff\xff\xff\xff\0".to_vec(),
        ),
        (ApiKey::ListConfigResources, 1, b"\x02\x02\0".to_vec()),
    ];
    for (key, version, body) in sound {
        assert!(!ask_flexible(&address, key, version, &body).is_empty());
        for end in 0..body.len() {
            let cut = [b"\0", &body[..end]].concat();
            let mut stream = TcpStream::connect(&address).expect("the broker lives");
            stream
                .set_read_timeout(Some(Duration::from_secs(10)))
                .expect("a timeout");
            stream
                .write_all(&frame(key as i16, version, &cut))
                .expect("sent");
            let mut answer = Vec::new();
            // Closed, by a reset or not.
            let _ = stream.read_to_end(&mut answer);
            assert_eq!(answer, b"", "{key:?} {version} cut at {end}");
        }
    }
}
