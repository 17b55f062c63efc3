//! Servers that are started as Kafka's own are: with a `zookeeper.properties` and a `server.properties`.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use kafka_protocol::messages::MetadataRequest;
use kafkarium::client::kafka::KafkaConnection;
use tempfile::TempDir;

use crate::{clients::WAIT, cluster::wait_until};

/// What the file of Kafka 3.9 sets, but for its ports and folders.
const SERVER: &str = "\
broker.id=0
num.network.threads=3
num.io.threads=8
socket.send.buffer.bytes=102400
socket.receive.buffer.bytes=102400
socket.request.max.bytes=104857600
num.partitions=1
num.recovery.threads.per.data.dir=1
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
log.retention.hours=168
log.retention.check.interval.ms=300000
zookeeper.connection.timeout.ms=18000
group.initial.rebalance.delay.ms=0
";

/// What people write besides.
const MORE: &str = "\
log.roll.hours = 24
log.cleaner.enable=TRUE
broker.rack=r1
zookeeper.session.timeout.ms=18000
my.own.plugin=x
";

/// A server that ends with the test.
struct Server {
    child: Child,
    stdout: PathBuf,
    stderr: PathBuf,
}

impl Server {
    fn start(folder: &Path, program: &str, properties: &str) -> Self {
        let file = |suffix: &str| folder.join(format!("{program}.{suffix}"));
        fs::write(file("properties"), properties).expect("it can be written");
        let (stdout, stderr) = (file("out"), file("err"));
        let child = Command::new(env!("CARGO_BIN_EXE_kafkarium"))
            .args([program, "--config"])
            .arg(file("properties"))
            .env("KAFKARIUM_LOG", "warn")
            .stdin(Stdio::null())
            .stdout(File::create(&stdout).expect("it can be written"))
            .stderr(File::create(&stderr).expect("it can be written"))
            .spawn()
            .expect("the binary runs");
        Self {
            child,
            stdout,
            stderr,
        }
    }

    fn address(&self) -> String {
        wait_until("a server is ready", || {
            let said = fs::read_to_string(&self.stdout).ok()?;
            let (line, _) = said.split_once('\n')?;
            Some(line.strip_prefix("ready ")?.to_owned())
        })
    }

    fn said(&self) -> String {
        fs::read_to_string(&self.stderr).expect("UTF-8")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn stock_files_start_a_zookeeper_and_a_broker() {
    let folder = TempDir::new().expect("a temporary folder");
    let in_folder = |name: &str| folder.path().join(name).display().to_string();
    let properties = format!(
        "# comment\ndataDir={}\nclientPort=0\nmaxClientCnxns=0\nadmin.enableServer=false\n",
        in_folder("zookeeper-data")
    );
    let zookeeper = Server::start(folder.path(), "zookeeper", &properties);
    let port = zookeeper.address();
    let port = port.strip_prefix("127.0.0.1:").expect("of this machine");
    assert!(
        zookeeper
            .said()
            .contains("without effect here: admin.enableServer, maxClientCnxns"),
        "{}",
        zookeeper.said()
    );
    let properties = format!(
        "{SERVER}{MORE}zookeeper.connect=localhost:{port}\nlisteners=PLAINTEXT://localhost:0\nlog.dirs={},{}\n",
        in_folder("logs"),
        in_folder("more-logs"),
    );
    let broker = Server::start(folder.path(), "broker", &properties);
    let address = broker.address();
    let connected = KafkaConnection::connect(&address, "test", WAIT).await;
    let mut connection = connected.expect("it listens");
    let request = MetadataRequest::default().with_topics(Some(Vec::new()));
    let metadata = connection.ask(&request, WAIT).await.expect("metadata");
    let node = &metadata.brokers[0];
    assert_eq!(node.node_id.0, 0);
    // As the file says it, with the port that was found.
    assert_eq!(
        format!("{}:{}", node.host, node.port).replace("localhost", "127.0.0.1"),
        address
    );
    assert_eq!(node.host.as_str(), "localhost");
    assert_eq!(node.rack.as_deref(), Some("r1"));
    let said = broker.said();
    for part in [
        "num.io.threads, num.network.threads, num.recovery.threads.per.data.dir (there are no pools",
        "without effect: my.own.plugin",
        "more-logs",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(folder.path().join("logs/meta.properties").exists());
}

#[test]
fn a_file_that_is_wrong_is_named_with_what_is() {
    let folder = TempDir::new().expect("a temporary folder");
    for (line, sentence) in [
        (
            "socket.request.max.bytes=-1",
            "Invalid value -1 for configuration socket.request.max.bytes",
        ),
        (
            "process.roles=broker,controller",
            "process.roles=broker,controller: this file is for KRaft mode",
        ),
        (
            "listeners=SSL://localhost:9092",
            "only PLAINTEXT is spoken here",
        ),
        (
            "log.dirs=/nowhere",
            "Missing required configuration `zookeeper.connect` which has no default value.",
        ),
    ] {
        let mut broker = Server::start(folder.path(), "broker", &format!("{SERVER}{line}\n"));
        let status = wait_until("it ends", || broker.child.try_wait().ok().flatten());
        assert!(!status.success());
        assert!(broker.said().contains(sentence), "{}", broker.said());
    }
}
