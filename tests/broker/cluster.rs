//! A cluster of real processes.

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
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

pub const PATIENCE: Duration = Duration::from_secs(30);

/// A server process; killed when dropped.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
}

impl Server {
    pub fn start(arguments: &[&str]) -> Self {
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

    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("a child of ours").is_none()
    }

    /// How it ended.
    pub fn success(&mut self) -> bool {
        self.child.wait().expect("a child of ours").success()
    }

    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    pub fn terminate(&mut self) {
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
pub struct Cluster {
    folder: tempfile::TempDir,
    pub zookeeper: Server,
    pub brokers: Vec<Server>,
    settings: &'static [&'static str],
}

impl Cluster {
    pub fn start(brokers: usize) -> Self {
        Self::start_with(brokers, &["min.insync.replicas=2"])
    }

    /// With these broker settings, `key=value`.
    pub fn start_with(brokers: usize, settings: &'static [&'static str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let data = folder.path().join("zookeeper");
        let data = data.to_str().expect("a plain path");
        let zookeeper =
            Server::start(&["zookeeper", "--listener", "127.0.0.1:0", "--data-dir", data]);
        let mut cluster = Self {
            folder,
            zookeeper,
            brokers: Vec::new(),
            settings,
        };
        for id in 1..=brokers {
            let broker = cluster.start_broker(id, "127.0.0.1:0");
            cluster.brokers.push(broker);
        }
        cluster
    }

    pub fn start_broker(&self, id: usize, listener: &str) -> Server {
        let id_text = id.to_string();
        let zookeeper = self.zookeeper.address.to_string();
        let folder = self.folder(id);
        let mut arguments = vec![
            "broker",
            "--id",
            &id_text,
            "--listener",
            listener,
            "--zookeeper",
            &zookeeper,
            "--data-dir",
            folder.to_str().expect("a plain path"),
            "--set",
            "zookeeper.session.timeout.ms=1500",
        ];
        for setting in self.settings {
            arguments.extend(["--set", setting]);
        }
        Server::start(&arguments)
    }

    pub fn folder(&self, id: usize) -> PathBuf {
        self.folder.path().join(format!("broker-{id}"))
    }

    pub fn broker(&mut self, id: usize) -> &mut Server {
        &mut self.brokers[id - 1]
    }

    pub fn restart(&mut self, id: usize) {
        let address = self.broker(id).address.to_string();
        let broker = self.start_broker(id, &address);
        self.brokers[id - 1] = broker;
    }

    pub fn bootstrap(&self) -> String {
        self.brokers
            .iter()
            .map(|broker| broker.address.to_string())
            .collect::<Vec<_>>()
            .join(",")
    }

    pub fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", self.bootstrap())
            .set("reconnect.backoff.ms", "10")
            .set("reconnect.backoff.max.ms", "50")
            .set("retry.backoff.ms", "10")
            .set("topic.metadata.refresh.fast.interval.ms", "20");
        config
    }

    /// Creates a topic, once there is a controller.
    pub async fn create_topic(&self, name: &str, partitions: i32, replicas: i32) {
        let admin: AdminClient<DefaultClientContext> = self.config().create().expect("a client");
        let topic = NewTopic::new(name, partitions, TopicReplication::Fixed(replicas));
        let begun = Instant::now();
        loop {
            let created = admin.create_topics([&topic], &AdminOptions::new()).await;
            if matches!(created.as_deref(), Ok([Ok(_)])) {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "{created:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// The partition's state as a broker that answers tells it.
    pub async fn partition(
        &self,
        topic: &str,
        partition: i32,
    ) -> Option<MetadataResponsePartition> {
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

    pub async fn wait_until_in_sync(&self, topic: &str, replicas: usize) {
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

    pub fn producer(&self, codec: &str) -> FutureProducer {
        self.config()
            .set("enable.idempotence", "true")
            .set("compression.type", codec)
            .set("linger.ms", "0")
            .create()
            .expect("a producer")
    }

    /// Produces `values` to partition 0 one after the other, each acknowledged by all.
    pub async fn produce(&self, topic: &str, values: impl Iterator<Item = i32>) {
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
    pub fn consume(&self, topic: &str, count: usize) -> Vec<i32> {
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
