//! What is broken from outside: a quick restart, a frozen and a dead ZooKeeper, wrong arguments. The rest goes on.

mod cluster;

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use assert_cmd::assert::OutputAssertExt;
use nix::sys::signal::Signal;
use tempfile::TempDir;

use cluster::{Cluster, wait_until};

const TOPIC: &str = "orders";

fn started(settings: &[&str]) -> Cluster {
    let cluster = Cluster::start(3, &[&["min.insync.replicas=2"], settings].concat());
    cluster.create_topic(TOPIC, 1, 3);
    cluster
}

fn wait_for_full_isr(cluster: &Cluster) -> i32 {
    wait_until("all three replicas are in sync", || {
        let (leader, isr) = cluster.partition(TOPIC)?;
        (isr.len() == 3).then_some(leader)
    })
}

fn produce(cluster: &Cluster, value: &str) {
    cluster.produce(TOPIC, &[format!("key:{value}")]);
}

/// What a reader without history finds.
fn read(cluster: &Cluster, group: &str, count: usize) -> Vec<String> {
    let consumer = cluster.consumer("reader", TOPIC, group);
    wait_until("all records are read", || {
        let values = consumer.values();
        (values.len() >= count).then_some(values)
    })
}

#[test]
fn a_broker_restarted_within_its_sessions_timeout_simply_comes_back() {
    let mut cluster = started(&["zookeeper.session.timeout.ms=30000"]);
    let leader = wait_for_full_isr(&cluster);
    produce(&cluster, "before");
    cluster.kill_broker(leader);
    cluster.start_broker(leader);
    wait_for_full_isr(&cluster);
    produce(&cluster, "after");
    assert_eq!(read(&cluster, "readers", 2), ["before", "after"]);
}

#[test]
fn after_a_freeze_of_zookeeper_a_killed_leader_is_still_replaced() {
    let mut cluster = started(&[]);
    let leader = wait_for_full_isr(&cluster);
    cluster.zookeeper().signal(Signal::SIGSTOP);
    produce(&cluster, "frozen");
    cluster.kill_broker(leader);
    cluster.zookeeper().signal(Signal::SIGCONT);
    let next = wait_until("another broker leads", || {
        let (now, isr) = cluster.partition(TOPIC)?;
        (now != leader && !isr.contains(&leader)).then_some(now)
    });
    assert_ne!(next, leader);
    produce(&cluster, "thawed");
    cluster.start_broker(leader);
    wait_for_full_isr(&cluster);
    assert_eq!(read(&cluster, "readers", 2), ["frozen", "thawed"]);
}

#[test]
fn without_zookeeper_records_flow_and_with_it_leaders_are_elected_again() {
    let mut cluster = started(&[]);
    let leader = wait_for_full_isr(&cluster);
    let consumer = cluster.consumer("c1", TOPIC, "meanwhile");
    wait_until("the group reads", || consumer.holds());
    cluster.zookeeper().kill();
    for value in ["one", "two", "three"] {
        produce(&cluster, value);
    }
    wait_until("the group read them", || {
        (consumer.values() == ["one", "two", "three"]).then_some(())
    });

    cluster.start_zookeeper();
    cluster.kill_broker(leader);
    wait_until("another broker leads", || {
        cluster.partition(TOPIC).filter(|(now, _)| *now != leader)
    });
    produce(&cluster, "four");
    assert_eq!(
        read(&cluster, "afterwards", 4),
        ["one", "two", "three", "four"]
    );
}

/// A way to ZooKeeper that breaks once: instead of passing on the request of this number.
struct BreakingWay {
    address: String,
    /// What was asked so far, on all connections.
    requests: Arc<AtomicUsize>,
}

impl BreakingWay {
    fn to(zookeeper: &str, breaks_at: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound").to_string();
        let requests = Arc::new(AtomicUsize::new(0));
        let (counted, zookeeper) = (Arc::clone(&requests), zookeeper.to_owned());
        // Both kinds of thread end with the connections, whose other ends die with their processes.
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(server) = TcpStream::connect(&zookeeper) else {
                    continue;
                };
                let ends = [client, server];
                let [client, server] = ends.each_ref().map(TcpStream::try_clone);
                let (Ok(mut client), Ok(mut server)) = (client, server) else {
                    continue;
                };
                thread::spawn(move || io::copy(&mut server, &mut client));
                let counted = Arc::clone(&counted);
                thread::spawn(move || {
                    let [mut client, mut server] = ends;
                    while let Ok(request) = request_of(&mut client) {
                        let number = counted.fetch_add(1, Ordering::SeqCst) + 1;
                        if number == breaks_at || server.write_all(&request).is_err() {
                            break;
                        }
                    }
                    let _ = client.shutdown(Shutdown::Both);
                    let _ = server.shutdown(Shutdown::Both);
                });
            }
        });
        Self { address, requests }
    }
}

/// A request to ZooKeeper with its length before it.
fn request_of(client: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut length = [0; 4];
    client.read_exact(&mut length)?;
    let mut request = length.to_vec();
    let body = u64::from(u32::from_be_bytes(length));
    client.take(body).read_to_end(&mut request)?;
    Ok(request)
}

#[test]
fn a_connection_to_zookeeper_that_breaks_at_any_step_of_a_start_ends_no_broker() {
    let cluster = Cluster::start(1, &[]);
    let started = |id: i32, breaks_at: usize| {
        let way = BreakingWay::to(cluster.zookeeper_address(), breaks_at);
        let mut broker = cluster.spawn_broker_over(id, &way.address);
        wait_until("the broker is ready or ends", || {
            let ready = broker.lines().iter().any(|line| line.starts_with("ready "));
            (ready || !broker.is_running()).then_some(())
        });
        assert!(broker.is_running(), "it broke at request {breaks_at}");
        way.requests.load(Ordering::SeqCst)
    };
    let requests = started(100, usize::MAX);
    for (id, breaks_at) in (101..).zip(1..=requests) {
        started(id, breaks_at);
    }
}

/// Runs a command that must fail; what it says.
fn refused(arguments: &[&str]) -> String {
    let home = TempDir::new().expect("a temporary folder");
    let output = Command::new(env!("CARGO_BIN_EXE_kafkarium"))
        .args(arguments)
        .envs([
            ("HOME", home.path()),
            ("XDG_DATA_HOME", home.path()),
            ("XDG_RUNTIME_DIR", home.path()),
        ])
        .assert()
        .failure();
    String::from_utf8_lossy(&output.get_output().stderr).into_owned()
}

#[test]
fn wrong_arguments_are_named_in_a_sentence() {
    let folder = TempDir::new().expect("a temporary folder");
    let data = format!("--data-dir={}", folder.path().display());
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let taken = taken.local_addr().expect("it is bound").to_string();
    let broker = ["broker", "--id=1", "--zookeeper=127.0.0.1:1", &data];
    let cases: [(&[&str], &str); 6] = [
        (
            &[
                &broker[..],
                &["--listener=127.0.0.1:0", "--set=min.insync=2"],
            ]
            .concat(),
            "min.insync",
        ),
        (
            &[
                &broker[..],
                &["--listener=127.0.0.1:0", "--set=num.partitions=two"],
            ]
            .concat(),
            "two",
        ),
        (&[&broker[..], &["--listener", &taken]].concat(), &taken),
        (&["--topic", "orders:x:2"], "orders:x:2"),
        (&["topics", "list"], "--bootstrap-server"),
        (&["--brokrs", "4"], "--brokers"),
    ];
    for (arguments, named) in cases {
        let said = refused(arguments);
        assert!(
            said.contains(named),
            "{arguments:?} is told {named:?}: {said}"
        );
    }
}

#[test]
fn what_a_cluster_cannot_do_is_said_with_its_numbers() {
    let cluster = started(&["auto.create.topics.enable=false"]);
    let bootstrap = cluster.bootstrap();
    let too_many = refused(&[
        "topics",
        "create",
        "chat",
        "--replication-factor=4",
        "-b",
        &bootstrap,
    ]);
    assert!(
        too_many.contains("INVALID_REPLICATION_FACTOR")
            && too_many.contains('4')
            && too_many.contains('3'),
        "{too_many}"
    );
    // As Kafka's own tool is told it.
    let kafkas = ["topics", "--bootstrap-server", &bootstrap, "--create"];
    let wanted = ["--topic", "chat", "--replication-factor", "4"];
    assert_eq!(refused(&[kafkas, wanted].concat()), too_many);
    let unknown = refused(&["topics", "describe", "nowhere", "-b", &bootstrap]);
    assert!(unknown.contains("nowhere"), "{unknown}");
    produce(&cluster, "fine");
}
