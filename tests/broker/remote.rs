//! Who can connect: this machine, unless more is said; and what clients are told to connect to.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use kafka_protocol::messages::MetadataRequest;
use kafkarium::client::kafka::KafkaConnection;
use tempfile::TempDir;

use crate::clients::WAIT;

/// A server of its own, killed when it is dropped.
struct Server {
    child: Child,
    address: String,
}

fn command(server: &str, folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kafkarium"));
    command
        .arg(server)
        .arg(format!("--data-dir={}", folder.join(server).display()))
        .args(arguments)
        .env("KAFKARIUM_LOG", "error")
        .stdin(Stdio::null());
    command
}

impl Server {
    fn start(server: &str, folder: &Path, arguments: &[&str]) -> Self {
        let mut command = command(server, folder, arguments);
        let mut child = command.stdout(Stdio::piped()).spawn().expect("it starts");
        let stdout = child.stdout.take().expect("it is piped");
        let mut line = String::new();
        BufReader::new(stdout)
            .read_line(&mut line)
            .expect("it says something");
        let address = line.trim_end().strip_prefix("ready ");
        Self {
            address: address.expect("it is ready").to_owned(),
            child,
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the server says that does not start.
fn refused(server: &str, folder: &Path, arguments: &[&str]) -> String {
    let output = command(server, folder, arguments).output();
    let output = output.expect("it runs");
    assert_eq!(output.status.code(), Some(1), "{arguments:?}");
    String::from_utf8(output.stderr).expect("UTF-8")
}

#[test]
fn a_listener_that_other_machines_reach_is_opened_only_where_it_is_meant() {
    let folder = TempDir::new().expect("a temporary folder");
    let folder = folder.path();
    for any in ["0.0.0.0:0", "[::]:0", "192.0.2.1:9092"] {
        for (server, more) in [("broker", &["--id=1"][..]), ("zookeeper", &[])] {
            let listener = format!("--listener={any}");
            let said = refused(server, folder, &[&[listener.as_str()], more].concat());
            assert!(
                said.contains(&format!("other machines can connect to {any}"))
                    && said.contains("there is no authentication")
                    && said.contains("--allow-remote"),
                "{said}"
            );
            assert!(!folder.join(server).exists(), "nothing was made");
        }
    }
    let file = folder.join("server.properties");
    std::fs::write(
        &file,
        "listeners=PLAINTEXT://:9092\nzookeeper.connect=localhost:1\n",
    )
    .expect("written");
    let config = format!("--config={}", file.display());
    let said = refused("broker", folder, &["--id=1", &config]);
    assert!(
        said.contains("other machines can connect to 0.0.0.0:9092"),
        "{said}"
    );
}

#[test]
fn any_address_is_no_place_to_connect_to() {
    let folder = TempDir::new().expect("a temporary folder");
    for arguments in [
        &["--id=1", "--allow-remote", "--listener=0.0.0.0:0"][..],
        &[
            "--id=1",
            "--listener=127.0.0.1:0",
            "--advertised-listener=0.0.0.0:9092",
        ],
        &[
            "--id=1",
            "--listener=127.0.0.1:0",
            "--advertised-listener=[::]:9092",
        ],
    ] {
        let said = refused("broker", folder.path(), arguments);
        assert!(
            said.contains("advertised.listeners cannot use the nonroutable meta-address 0.0.0.0. Use a routable IP address.")
                && said.contains("--advertised-listener HOST:PORT"),
            "{said}"
        );
    }
    let output = command(
        "broker",
        folder.path(),
        &["--id=1", "--advertised-listener=a:b:c"],
    )
    .output()
    .expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("HOST:PORT expected instead of"), "{said}");
}

#[tokio::test]
async fn clients_are_told_the_advertised_listener() {
    let folder = TempDir::new().expect("a temporary folder");
    let zookeeper = Server::start("zookeeper", folder.path(), &["--listener=127.0.0.1:0"]);
    let broker = Server::start(
        "broker",
        folder.path(),
        &[
            "--id=1",
            "--listener=127.0.0.1:0",
            "--advertised-listener=broker1.example:19092",
            &format!("--zookeeper={}", zookeeper.address),
        ],
    );
    let connected = KafkaConnection::connect(&broker.address, "test", WAIT).await;
    let mut connection = connected.expect("it listens");
    let request = MetadataRequest::default().with_topics(Some(Vec::new()));
    let metadata = connection.ask(&request, WAIT).await.expect("metadata");
    let node = metadata.brokers.first().expect("the broker");
    assert_eq!((node.host.as_str(), node.port), ("broker1.example", 19092));
}
