//! Bytes that no client sends.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use kafka_protocol::messages::MetadataRequest;

use crate::{
    clients::WAIT,
    cluster::{Cluster, PATIENCE},
};

/// Sends bytes as they are; what comes back until the broker closes, or `None` if it does not in that time.
fn send_raw(address: &str, bytes: &[u8], patience: Duration) -> Option<Vec<u8>> {
    let mut stream = TcpStream::connect(address).expect("the broker listens");
    stream.set_read_timeout(Some(patience)).expect("a timeout");
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return Some(answer),
            Ok(count) => answer.extend_from_slice(&buffer[..count]),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => {
                return Some(answer);
            }
            Err(_) => return None,
        }
    }
}

pub fn frame(api_key: i16, version: i16, body: &[u8]) -> Vec<u8> {
    let mut request = Vec::new();
    request.extend_from_slice(&api_key.to_be_bytes());
    request.extend_from_slice(&version.to_be_bytes());
    request.extend_from_slice(&7_i32.to_be_bytes());
    request.extend_from_slice(&(-1_i16).to_be_bytes());
    request.extend_from_slice(body);
    let mut frame = i32::try_from(request.len())
        .expect("short")
        .to_be_bytes()
        .to_vec();
    frame.extend(request);
    frame
}

#[tokio::test]
async fn garbage_closes_its_own_connection_and_nothing_else() {
    let cluster = Cluster::start(1, &[]);
    let address = cluster.address_of(1);
    let mut bystander = cluster.connect(1).await;
    for garbage in [
        &b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"[..],
        b"\x7f\xff\xff\xff",
        b"\xff\xff\xff\xff",
        b"\x00\x00\x00\x03abc",
        b"\x00\x00\x00\x00",
        &frame(12_345, 0, b""),
        &frame(0, 2, b"\0\x01\0\0\0\0"),
        &frame(3, 99, b""),
    ] {
        let answer = send_raw(&address, garbage, PATIENCE);
        assert_eq!(answer, Some(vec![]), "{garbage:?}");
    }
    // Half a frame is waited for.
    let half = b"\x00\x00\x00\xffabc";
    assert_eq!(send_raw(&address, half, Duration::from_millis(200)), None);
    let request = MetadataRequest::default().with_topics(None);
    let metadata = bystander.ask(&request, WAIT).await.expect("an answer");
    assert_eq!(metadata.brokers.len(), 1);
}

#[tokio::test]
async fn a_huge_count_in_any_request_of_any_version_is_refused() {
    let cluster = Cluster::start(1, &[]);
    let address = cluster.address_of(1);
    let listed = send_raw_once(&address, &frame(18, 0, b""));
    // Correlation id, error code, then the count of keys with their ranges.
    assert_eq!(&listed[..6], &[0, 0, 0, 7, 0, 0]);
    let mut apis = 0;
    for range in listed[10..].chunks_exact(6) {
        let field = |at| i16::from_be_bytes([range[at], range[at + 1]]);
        let (key, min, max) = (field(0), field(2), field(4));
        apis += 1;
        for version in min..=max {
            for count in [[0x7f, 0xff, 0xff, 0xff], [0xff, 0xff, 0xff, 0x7f]] {
                for zeros in [0, 1, 2, 3, 4, 5, 8, 12, 16] {
                    let mut body = vec![0; zeros];
                    body.extend(count);
                    // One write: refused ones are closed, others may be valid and are answered.
                    let mut stream = TcpStream::connect(&address).expect("the broker lives");
                    let _ = stream.write_all(&frame(key, version, &body));
                }
            }
        }
    }
    assert!(apis >= 8, "{apis} APIs are listed");
    let again = send_raw_once(&address, &frame(18, 0, b""));
    assert_eq!(again, listed);
}

/// Sends a request and reads one answer, without its length.
fn send_raw_once(address: &str, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).expect("the broker listens");
    stream.write_all(bytes).expect("sent");
    let mut length = [0; 4];
    stream.read_exact(&mut length).expect("an answer");
    let mut answer = vec![0; u32::from_be_bytes(length) as usize];
    stream.read_exact(&mut answer).expect("all of it");
    answer
}

#[tokio::test]
async fn an_unknown_version_of_api_versions_is_answered_with_the_known_ones() {
    let cluster = Cluster::start(1, &[]);
    let answer = send_raw_once(&cluster.address_of(1), &frame(18, 99, b"\0\0\0"));
    assert_eq!(answer, [0, 0, 0, 7, 0, 35, 0, 0, 0, 1, 0, 18, 0, 0, 0, 5]);
}
