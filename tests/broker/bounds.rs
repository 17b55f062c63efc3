//! What a broker holds at most for its clients.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use kafka_protocol::messages::MetadataRequest;
#[cfg(target_os = "linux")]
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpSocket,
};

use crate::{
    clients::WAIT,
    cluster::{Cluster, PATIENCE, until},
    configs::{BROKER, SET, alter, change},
    garbage::frame,
};

/// A bit more than one record batch of the test.
const BATCH_BYTES: usize = 1_000_000;

/// Asks for all of a topic's partition 0; how long the answer is, of which nothing more is read.
fn fetch_unread(address: &str, topic: &str) -> (TcpStream, usize) {
    let mut body = Vec::new();
    for number in [-1, 10_000, 1, 50_000_000] {
        body.extend(i32::to_be_bytes(number));
    }
    body.push(0);
    body.extend(1_i32.to_be_bytes());
    body.extend(i16::try_from(topic.len()).expect("short").to_be_bytes());
    body.extend(topic.as_bytes());
    body.extend(1_i32.to_be_bytes());
    body.extend(0_i32.to_be_bytes());
    body.extend(0_i64.to_be_bytes());
    body.extend(50_000_000_i32.to_be_bytes());
    let mut stream = TcpStream::connect(address).expect("the broker listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream.write_all(&frame(1, 4, &body)).expect("it is taken");
    let mut length = [0; 4];
    stream.read_exact(&mut length).expect("an answer");
    (
        stream,
        i32::from_be_bytes(length).try_into().expect("a length"),
    )
}

#[test]
fn answers_that_nobody_reads_stay_below_128_mib_and_one_batch_for_each_reader() {
    let cluster = Cluster::start(1, &[]);
    cluster.create_topic("large", 1, 1);
    let record = format!("key:{}", "x".repeat(900_000));
    cluster.produce("large", &vec![record; 40]);
    let readers: Vec<(TcpStream, usize)> = (0..8)
        .map(|_| fetch_unread(&cluster.address_of(1), "large"))
        .collect();
    let lengths: Vec<usize> = readers.iter().map(|(_, length)| *length).collect();
    assert!(lengths[0] > 30 * BATCH_BYTES, "a whole answer: {lengths:?}");
    assert!(
        lengths.iter().all(|length| *length > 900_000),
        "{lengths:?}"
    );
    let bound = 128 * 1024 * 1024 + readers.len() * BATCH_BYTES;
    assert!(lengths.iter().sum::<usize>() <= bound, "{lengths:?}");
}

#[tokio::test]
async fn a_connection_too_many_of_all_waits_until_another_ends_or_more_are_allowed() {
    let cluster = Cluster::start(1, &["max.connections=2"]);
    let mut first = cluster.connect(1).await;
    let second = cluster.connect(1).await;
    let mut third = Box::pin(cluster.connect(1));
    let metadata = MetadataRequest::default();
    tokio::select! {
        biased;
        _ = &mut third => panic!("two are open already"),
        answer = first.ask(&metadata, WAIT) => drop(answer.expect("the first is served")),
    }
    drop(second);
    let _third = third.await;

    let mut fourth = Box::pin(cluster.connect(1));
    tokio::select! {
        biased;
        _ = &mut fourth => panic!("two are open already"),
        answer = first.ask(&metadata, WAIT) => drop(answer.expect("the first is served")),
    }
    // It may be accepted before the answer to this is read.
    let more = change(BROKER, "", "max.connections", SET, "3");
    let altered = alter(&mut first, false, vec![more]).await;
    assert_eq!(altered[0].0, 0, "{altered:?}");
    fourth.await;
}

#[cfg(target_os = "linux")]
/// A connection from 127.0.0.N, if it is answered.
async fn answered(address: &str, from: u8) -> Option<tokio::net::TcpStream> {
    let socket = TcpSocket::new_v4().expect("a socket");
    let from = format!("127.0.0.{from}:0").parse().expect("an address");
    socket.bind(from).expect("loopback");
    let to = address.parse().expect("an address");
    let mut stream = socket.connect(to).await.expect("the broker listens");
    stream.write_all(&frame(18, 0, b"")).await.ok()?;
    stream.read_u32().await.ok().map(|_| stream)
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_connection_too_many_from_one_address_is_closed_until_another_ends_or_more_are_allowed() {
    let cluster = Cluster::start(
        1,
        &[
            "max.connections.per.ip=2",
            "max.connections.per.ip.overrides=127.0.0.2:1",
        ],
    );
    let address = cluster.address_of(1);
    let first = answered(&address, 2).await.expect("the first of one");
    assert!(
        answered(&address, 2).await.is_none(),
        "the second is closed"
    );
    let _others = [
        answered(&address, 3).await.expect("the first of two"),
        answered(&address, 3).await.expect("the second of two"),
    ];
    assert!(answered(&address, 3).await.is_none(), "the third is closed");
    drop(first);
    until("there is a place again", async || {
        answered(&address, 2).await
    })
    .await;

    let mut connection = cluster.connect(1).await;
    let more = change(BROKER, "", "max.connections.per.ip", SET, "3");
    let altered = alter(&mut connection, false, vec![more]).await;
    assert_eq!(altered[0].0, 0, "{altered:?}");
    until("more are allowed", async || answered(&address, 3).await).await;
}
