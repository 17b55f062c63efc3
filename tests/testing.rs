//! The test library as its users have it, and what becomes of a cluster whose test is killed.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use kafkarium::testing::{Cluster, Error};

fn runs(pid: u32) -> bool {
    nix::sys::signal::kill(
        nix::unistd::Pid::from_raw(pid.try_into().expect("a pid")),
        None,
    )
    .is_ok()
}

#[tokio::test]
async fn a_cluster_is_broken_and_healed_in_a_test_and_gone_afterwards() {
    let cluster = Cluster::builder()
        .program(env!("CARGO_BIN_EXE_kafkarium"))
        .topic("orders", 3, 3)
        .start()
        .await
        .expect("it starts");
    let before = cluster.status().await.expect("it answers");
    let folder = before.folder.clone();
    assert_eq!(
        before.topics.iter().filter(|topic| !topic.internal).count(),
        1
    );
    cluster
        .kill("leader of orders p0")
        .await
        .expect("it is killed");
    cluster
        .wait("leader orders p0 moved or leader orders p0 any and isr orders 2")
        .await
        .expect("another leads");
    cluster.heal().await.expect("it is started");
    cluster.wait("isr orders 3").await.expect("it catches up");
    cluster.freeze("broker 2").await.expect("it is frozen");
    cluster.thaw("broker 2").await.expect("it is thawed");
    cluster.restart("broker 3").await.expect("it comes back");
    cluster
        .exec("produce amy:hello")
        .await
        .expect("acknowledged");
    let seen = cluster
        .wait("record orders key amy")
        .await
        .expect("it is there");
    assert!(seen.starts_with("orders p0 @"), "{seen}");

    let wrong = cluster.wait("isr orders").await.expect_err("no condition");
    assert!(matches!(wrong, Error::Wrong { .. }), "{wrong}");
    let refused = cluster.kill("broker 9").await.expect_err("nobody");
    assert_eq!(refused.to_string(), "kill broker 9: there is no broker 9");

    let after = cluster.status().await.expect("it answers");
    let pids: Vec<u32> = after
        .processes
        .iter()
        .filter_map(|process| process.pid)
        .collect();
    assert_eq!(pids.len(), 4);
    cluster.end().await.expect("it ends");
    assert!(pids.iter().all(|pid| !runs(*pid)));
    assert!(!folder.exists(), "nothing is kept");
}

#[tokio::test]
async fn a_program_that_is_not_there_is_named() {
    let nowhere = Cluster::builder()
        .program("/nowhere/kafkarium")
        .start()
        .await;
    let error = nowhere.expect_err("it is not there").to_string();
    assert!(
        error.starts_with("cannot start kafkarium (/nowhere/kafkarium): "),
        "{error}"
    );
}

#[tokio::test]
async fn a_program_that_never_says_that_it_is_ready_is_given_up() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("temporary folder");
    let program = folder.path().join("kafkarium");
    std::fs::write(&program, "#!/bin/sh\nexec sleep 600\n").expect("written");
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("ours");
    let start = Cluster::builder()
        .program(&program)
        .start_within(std::time::Duration::from_secs(1))
        .start();
    let error = start.await.expect_err("it only sleeps").to_string();
    assert_eq!(
        error,
        "the cluster did not start: it was not ready within 1 s"
    );
}

/// The system closes what a killed process held: for the cluster that is the end of its stdin.
#[test]
fn a_cluster_ends_with_whoever_holds_its_stdin() {
    let mut up = Command::new(env!("CARGO_BIN_EXE_kafkarium"))
        .args([
            "up",
            "--until-eof",
            "--ephemeral",
            "--json",
            "--brokers",
            "1",
        ])
        .args(["--base-port", "0", "--zookeeper-port", "0"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let mut stdout = BufReader::new(up.stdout.take().expect("piped"));
    let mut line = String::new();
    stdout.read_line(&mut line).expect("read");
    let status: serde_json::Value = serde_json::from_str(&line).expect("one JSON object");
    let broker = status["processes"][1]["pid"].as_u64().expect("a pid");
    drop(up.stdin.take());
    assert!(up.wait().expect("it ends").success());
    assert!(!runs(broker.try_into().expect("a pid")));
    let folder = status["folder"].as_str().expect("a folder");
    assert!(!Path::new(folder).exists(), "nothing is kept");
}
