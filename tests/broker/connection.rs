//! One connection: answers in the order of the questions, also behind the last one, and an end where nothing moves.

use std::time::Duration;

use bytes::BytesMut;
use kafka_protocol::{
    messages::{
        FetchRequest,
        fetch_request::{FetchPartition, FetchTopic},
    },
    protocol::Encodable,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::{
    cluster::{Cluster, PATIENCE},
    garbage::frame,
    versions::{Stage, batch, name},
};

const FETCH: i16 = 1;
const API_VERSIONS: i16 = 18;

/// The last version of Fetch whose header has no tags.
const FETCH_VERSION: i16 = 11;

/// A frame under this correlation id.
fn numbered(number: i32, mut frame: Vec<u8>) -> Vec<u8> {
    frame[8..12].copy_from_slice(&number.to_be_bytes());
    frame
}

fn fetch(number: i32, request: &FetchRequest) -> Vec<u8> {
    let mut body = BytesMut::new();
    let encoded = request.encode(&mut body, FETCH_VERSION);
    encoded.expect("it has this version");
    numbered(number, frame(FETCH, FETCH_VERSION, &body))
}

/// The correlation ids of all answers until the broker closes.
async fn answered(stream: &mut TcpStream) -> Vec<i32> {
    let mut bytes = Vec::new();
    let read = timeout(PATIENCE, stream.read_to_end(&mut bytes)).await;
    read.expect("the broker closes").expect("in good order");
    let mut rest = bytes.as_slice();
    let mut numbers = Vec::new();
    while let Some((length, after)) = rest.split_first_chunk() {
        let length = usize::try_from(u32::from_be_bytes(*length)).expect("small");
        let (answer, after) = after.split_at(length);
        let number = answer.first_chunk().expect("a correlation id");
        numbers.push(i32::from_be_bytes(*number));
        rest = after;
    }
    numbers
}

#[tokio::test]
async fn answers_leave_in_the_order_of_the_requests_also_when_no_more_come() {
    let mut stage = Stage::new().await;
    let address = stage.cluster.address_of(1);
    let mut stream = TcpStream::connect(&address).await.expect("it listens");
    // The fetch waits for a record; who asks behind it could be answered at once.
    let waiting = fetch(1, &stage.fetch_request(FETCH_VERSION, 0, 300_000));
    let quick = numbered(2, frame(API_VERSIONS, 0, b""));
    let requests = [waiting, quick].concat();
    stream.write_all(&requests).await.expect("sent");
    stream.shutdown().await.expect("nothing more is asked");
    let (numbers, produced) =
        tokio::join!(answered(&mut stream), stage.produce(9, 1, batch(1, b"new")));
    assert_eq!(produced, (0, 0));
    assert_eq!(numbers, [1, 2]);
}

#[tokio::test]
async fn a_connection_on_which_nothing_moves_is_closed_and_one_that_waits_is_not() {
    let idle = Duration::from_secs(1);
    let setting = format!("connections.max.idle.ms={}", idle.as_millis());
    let cluster = Cluster::start(1, &[&setting]);
    cluster.create_topic("orders", 1, 1);
    let address = cluster.address_of(1);
    let mut stream = TcpStream::connect(&address).await.expect("it listens");
    // The fetch waits for longer than an idle connection stays.
    let wait_ms = i32::try_from(idle.as_millis() * 2).expect("small");
    let partition = FetchPartition::default().with_partition_max_bytes(1);
    let topic = FetchTopic::default().with_topic(name());
    let request = FetchRequest::default()
        .with_max_wait_ms(wait_ms)
        .with_min_bytes(1)
        .with_max_bytes(1)
        .with_topics(vec![topic.with_partitions(vec![partition])]);
    let requests = [numbered(1, frame(API_VERSIONS, 0, b"")), fetch(2, &request)];
    stream.write_all(&requests.concat()).await.expect("sent");
    assert_eq!(answered(&mut stream).await, [1, 2]);
}
