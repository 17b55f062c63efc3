//! The broker program against real clients and real enemies: librdkafka, raw frames, SIGKILL.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use kafka_protocol::messages::{MetadataRequest, metadata_response::MetadataResponsePartition};
use kafkarium::client::kafka::KafkaConnection;
use rdkafka::{
    ClientConfig, Message, Offset, TopicPartitionList,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
    consumer::{BaseConsumer, Consumer},
    producer::{FutureProducer, FutureRecord},
};

const PATIENCE: Duration = Duration::from_secs(30);

/// A server process; killed when dropped.
struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_kafkarium"))
            .args(arguments)
            .env("KAFKARIUM_LOG", "error")
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("the program starts");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("it is piped");
        BufReader::new(stdout)
            .read_line(&mut line)
            .expect("a line on stdout");
        let address = line
            .trim()
            .strip_prefix("ready ")
            .and_then(|address| address.parse().ok());
        Self {
            child,
            address: address.unwrap_or_else(|| panic!("not ready: {line:?}")),
        }
    }

    fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    fn terminate(&mut self) {
        let pid = i32::try_from(self.child.id()).expect("a pid");
        nix::sys::signal::kill(
            nix::unistd::Pid::from_raw(pid),
            nix::sys::signal::Signal::SIGTERM,
        )
        .expect("the process is there");
        assert!(self.child.wait().expect("it ends").success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A ZooKeeper and brokers 1 to n with short sessions.
struct Cluster {
    folder: tempfile::TempDir,
    zookeeper: Server,
    brokers: Vec<Server>,
}

impl Cluster {
    fn start(brokers: usize) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let data = folder.path().join("zookeeper");
        let data = data.to_str().expect("a plain path");
        let zookeeper =
            Server::start(&["zookeeper", "--listener", "127.0.0.1:0", "--data-dir", data]);
        let mut cluster = Self {
            folder,
            zookeeper,
            brokers: Vec::new(),
        };
        for id in 1..=brokers {
            let broker = cluster.start_broker(id, "127.0.0.1:0");
            cluster.brokers.push(broker);
        }
        cluster
    }

    fn start_broker(&self, id: usize, listener: &str) -> Server {
        Server::start(&[
            "broker",
            "--id",
            &id.to_string(),
            "--listener",
            listener,
            "--zookeeper",
            &self.zookeeper.address.to_string(),
            "--data-dir",
            self.folder(id).to_str().expect("a plain path"),
            "--set",
            "zookeeper.session.timeout.ms=1500",
            "--set",
            "min.insync.replicas=2",
        ])
    }

    fn folder(&self, id: usize) -> PathBuf {
        self.folder.path().join(format!("broker-{id}"))
    }

    fn broker(&mut self, id: usize) -> &mut Server {
        &mut self.brokers[id - 1]
    }

    fn restart(&mut self, id: usize) {
        let address = self.broker(id).address.to_string();
        let broker = self.start_broker(id, &address);
        self.brokers[id - 1] = broker;
    }

    fn bootstrap(&self) -> String {
        self.brokers
            .iter()
            .map(|broker| broker.address.to_string())
            .collect::<Vec<_>>()
            .join(",")
    }

    fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", self.bootstrap())
            .set("reconnect.backoff.ms", "10")
            .set("reconnect.backoff.max.ms", "50")
            .set("retry.backoff.ms", "10")
            .set("topic.metadata.refresh.fast.interval.ms", "20");
        config
    }

    async fn create_topic(&self, name: &str, partitions: i32, replicas: i32) {
        let admin: AdminClient<DefaultClientContext> = self.config().create().expect("a client");
        let topic = NewTopic::new(name, partitions, TopicReplication::Fixed(replicas));
        let created = admin
            .create_topics([&topic], &AdminOptions::new())
            .await
            .expect("an answer");
        assert_eq!(created, [Ok(name.to_owned())]);
    }

    /// The partition's state as a broker that answers tells it.
    async fn partition(&self, topic: &str, partition: i32) -> Option<MetadataResponsePartition> {
        for broker in &self.brokers {
            let wait = Duration::from_secs(1);
            let Ok(mut connection) = KafkaConnection::connect(broker.address, "test", wait).await
            else {
                continue;
            };
            let request = MetadataRequest::default().with_topics(None);
            let Ok(metadata) = connection.ask(&request, wait).await else {
                continue;
            };
            return metadata
                .topics
                .into_iter()
                .find(|it| it.name.as_ref().is_some_and(|name| name.as_str() == topic))?
                .partitions
                .into_iter()
                .find(|it| it.partition_index == partition);
        }
        None
    }

    async fn wait_until_in_sync(&self, topic: &str, replicas: usize) {
        let begun = Instant::now();
        loop {
            let state = self.partition(topic, 0).await;
            if state
                .as_ref()
                .is_some_and(|it| it.isr_nodes.len() == replicas)
            {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "still {state:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    fn producer(&self, codec: &str) -> FutureProducer {
        self.config()
            .set("enable.idempotence", "true")
            .set("compression.type", codec)
            .set("linger.ms", "0")
            .create()
            .expect("a producer")
    }

    /// Produces `values` to partition 0 one after the other, each acknowledged by all.
    async fn produce(&self, topic: &str, values: impl Iterator<Item = i32>) {
        let producer = self.producer("none");
        for value in values {
            let value = value.to_string();
            let record = FutureRecord::<(), _>::to(topic)
                .partition(0)
                .payload(&value);
            let sent = producer.send(record, PATIENCE).await;
            assert!(sent.is_ok(), "{value}: {sent:?}");
        }
    }

    /// Everything in partition 0, from the beginning, by a client of its own.
    fn consume(&self, topic: &str, count: usize) -> Vec<i32> {
        let consumer: BaseConsumer = self
            .config()
            .set("group.id", "reader")
            .set("enable.auto.commit", "false")
            .create()
            .expect("a consumer");
        let mut assignment = TopicPartitionList::new();
        assignment
            .add_partition_offset(topic, 0, Offset::Beginning)
            .expect("an offset");
        consumer.assign(&assignment).expect("assigned");
        let begun = Instant::now();
        let mut values = Vec::new();
        while values.len() < count {
            assert!(
                begun.elapsed() < PATIENCE,
                "{} of {count} records: {values:?}",
                values.len()
            );
            if let Some(Ok(message)) = consumer.poll(Duration::from_millis(100)) {
                let value = std::str::from_utf8(message.payload().expect("a value"));
                values.push(value.expect("text").parse().expect("a number"));
            }
        }
        values
    }
}

#[tokio::test]
async fn acknowledged_records_survive_the_death_of_their_leader_once_and_in_order() {
    let mut cluster = Cluster::start(3);
    cluster.create_topic("orders", 1, 3).await;
    cluster.produce("orders", 0..50).await;
    let state = cluster.partition("orders", 0).await.expect("a leader");
    let leader = usize::try_from(state.leader_id.0).expect("an id");
    cluster.broker(leader).kill();
    cluster.produce("orders", 50..100).await;
    let after = cluster.partition("orders", 0).await.expect("a leader");
    assert_ne!(after.leader_id, state.leader_id);
    assert_eq!(after.leader_epoch, state.leader_epoch + 1);
    assert_eq!(after.isr_nodes.len(), 2);
    cluster.restart(leader);
    cluster.wait_until_in_sync("orders", 3).await;
    assert_eq!(cluster.consume("orders", 100), (0..100).collect::<Vec<_>>());
}

#[tokio::test]
async fn acknowledged_records_survive_the_death_of_every_process_at_once() {
    let mut cluster = Cluster::start(3);
    cluster.create_topic("orders", 1, 3).await;
    cluster.produce("orders", 0..50).await;
    for broker in &mut cluster.brokers {
        broker.kill();
    }
    for id in 1..=3 {
        cluster.restart(id);
    }
    cluster.wait_until_in_sync("orders", 3).await;
    cluster.produce("orders", 50..60).await;
    assert_eq!(cluster.consume("orders", 60), (0..60).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_clean_stop_hands_leadership_over_before_the_session_ends() {
    let mut cluster = Cluster::start(3);
    cluster.create_topic("orders", 1, 3).await;
    cluster.produce("orders", 0..10).await;
    let state = cluster.partition("orders", 0).await.expect("a leader");
    let leader = usize::try_from(state.leader_id.0).expect("an id");
    cluster.broker(leader).terminate();
    let begun = Instant::now();
    cluster.produce("orders", 10..20).await;
    assert!(
        begun.elapsed() < Duration::from_millis(1_400),
        "nobody waited for a session"
    );
    assert_eq!(cluster.consume("orders", 20), (0..20).collect::<Vec<_>>());
}

#[tokio::test]
async fn every_codec_is_stored_and_read_back() {
    let cluster = Cluster::start(2);
    for codec in ["none", "gzip", "snappy", "lz4", "zstd"] {
        cluster.create_topic(codec, 1, 2).await;
        let producer = cluster.producer(codec);
        let sending = (0..200).map(|value| {
            let (producer, topic) = (producer.clone(), codec.to_owned());
            async move {
                let value = value.to_string();
                let record = FutureRecord::<(), _>::to(&topic).payload(&value);
                producer.send(record, PATIENCE).await.expect("acknowledged");
            }
        });
        futures::future::join_all(sending).await;
        let mut values = cluster.consume(codec, 200);
        values.sort_unstable();
        assert_eq!(values, (0..200).collect::<Vec<_>>(), "{codec}");
    }
}

/// Sends bytes as they are; what comes back until the broker closes, or `None` if it does not.
fn send_raw(address: SocketAddr, bytes: &[u8]) -> Option<Vec<u8>> {
    let mut stream = TcpStream::connect(address).expect("the broker listens");
    stream
        .set_read_timeout(Some(Duration::from_millis(200)))
        .expect("a timeout");
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

fn frame(api_key: i16, version: i16, body: &[u8]) -> Vec<u8> {
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
    let mut cluster = Cluster::start(1);
    let address = cluster.broker(1).address;
    let wait = Duration::from_secs(5);
    let mut bystander = KafkaConnection::connect(address, "test", wait)
        .await
        .expect("a connection");
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
        assert_eq!(send_raw(address, garbage), Some(vec![]), "{garbage:?}");
    }
    // Half a frame is waited for.
    assert_eq!(send_raw(address, b"\x00\x00\x00\xffabc"), None);
    let request = MetadataRequest::default().with_topics(None);
    let metadata = bystander.ask(&request, wait).await.expect("an answer");
    assert_eq!(metadata.brokers.len(), 1);
}

#[tokio::test]
async fn a_huge_count_in_any_request_of_any_version_is_refused() {
    let mut cluster = Cluster::start(1);
    let address = cluster.broker(1).address;
    let listed = send_raw_once(address, &frame(18, 0, b""));
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
                    let mut stream = TcpStream::connect(address).expect("the broker lives");
                    let _ = stream.write_all(&frame(key, version, &body));
                }
            }
        }
    }
    assert!(apis >= 8, "{apis} APIs are listed");
    let again = send_raw_once(address, &frame(18, 0, b""));
    assert_eq!(again, listed);
}

/// Sends a request and reads one answer, without its length.
fn send_raw_once(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
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
    let mut cluster = Cluster::start(1);
    let answer = send_raw_once(cluster.broker(1).address, &frame(18, 99, b"\0\0\0"));
    assert_eq!(answer, [0, 0, 0, 7, 0, 35, 0, 0, 0, 1, 0, 18, 0, 0, 0, 4]);
}
