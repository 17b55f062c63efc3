//! The commands as scripts written for Kafka's own tools use them, in the shapes of Kafka 3.9.

#[path = "../cluster/mod.rs"]
mod cluster;
mod foreign;
mod records;

use cluster::{Cluster, wait_until};

/// Words of a line, as a shell without quotes splits them.
fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

/// The line must succeed; what it printed.
fn done(cluster: &Cluster, line: &str) -> String {
    cluster.run(&words(line))
}

/// The line must fail; what it said on stderr.
fn refused(cluster: &Cluster, line: &str) -> String {
    let (code, _, said) = cluster.tried(&words(line));
    assert_eq!(code, Some(1), "{line}: {said}");
    said
}

fn lines(range: std::ops::Range<i32>) -> Vec<String> {
    range.map(|number| format!("k{number}:v{number}")).collect()
}

#[test]
fn topics_are_created_listed_described_altered_and_deleted_by_kafkas_lines() {
    let cluster = Cluster::start(2, &[]);
    cluster.create_topic("warm", 1, 2);
    let created = "topics --topic orders --partitions 2 --config retention.ms=5000 --replication-factor 2 --create";
    assert_eq!(done(&cluster, created), "Created topic orders.\n");
    let again = refused(&cluster, "topics --create --topic orders");
    assert!(again.contains("Topic 'orders' already exists."), "{again}");
    let unless = "topics --create --topic orders --if-not-exists";
    assert_eq!(done(&cluster, unless), "");
    done(
        &cluster,
        "topics --create --topic placed --replica-assignment 2:1,1:2",
    );
    assert_eq!(done(&cluster, "topics --list"), "orders\nplaced\nwarm\n");
    assert_eq!(done(&cluster, "topics list --topic o.*"), "orders\n");

    let described = done(&cluster, "topics --topic placed --describe");
    let [heading, first, second] = described.lines().collect::<Vec<_>>()[..] else {
        panic!("three lines: {described}");
    };
    assert!(heading.starts_with("Topic: placed\tTopicId: "), "{heading}");
    assert!(
        heading.ends_with("\tPartitionCount: 2\tReplicationFactor: 2\tConfigs: "),
        "{heading}"
    );
    assert_eq!(
        first,
        "\tTopic: placed\tPartition: 0\tLeader: 2\tReplicas: 2,1\tIsr: 2,1\tElr: N/A\tLastKnownElr: N/A"
    );
    assert!(second.contains("\tReplicas: 1,2\tIsr: 1,2\t"), "{second}");
    let uneven = refused(
        &cluster,
        "topics --create --topic uneven --replica-assignment 2:1,1",
    );
    assert!(uneven.contains("INVALID_REPLICA_ASSIGNMENT"), "{uneven}");
    let overridden = done(&cluster, "topics --describe --topics-with-overrides");
    assert_eq!(overridden.lines().count(), 1, "{overridden}");
    assert!(
        overridden.ends_with("Configs: retention.ms=5000\n"),
        "{overridden}"
    );
    let missing = refused(&cluster, "topics --describe --topic nowhere");
    assert!(
        missing.contains("Topic 'nowhere' does not exist as expected"),
        "{missing}"
    );
    assert_eq!(
        done(&cluster, "topics --describe --topic nowhere --if-exists"),
        ""
    );

    done(&cluster, "topics --alter --topic orders --partitions 4");
    wait_until("the new partitions are known", || {
        let described = done(&cluster, "topics --describe --topic orders");
        (described.lines().count() == 5).then_some(())
    });
    let fewer = refused(&cluster, "topics --alter --topic orders --partitions 2");
    assert!(fewer.contains("INVALID_PARTITIONS"), "{fewer}");
    done(&cluster, "topics --delete --topic orders");
    wait_until("the topic is gone", || {
        let listed = done(&cluster, "topics --list --exclude-internal");
        (listed == "placed\nwarm\n").then_some(())
    });
    refused(&cluster, "topics --delete --topic orders");
    assert_eq!(
        done(&cluster, "topics --delete --topic orders --if-exists"),
        ""
    );
    let none = refused(&cluster, "topics --topic orders");
    let exactly_one = "Command must include exactly one action: --list, --describe, --create, --alter or --delete";
    assert!(none.contains(exactly_one), "{none}");
}

#[test]
fn partitions_that_miss_a_replica_are_the_only_ones_described_where_that_is_asked() {
    let mut cluster = Cluster::start(2, &["min.insync.replicas=2"]);
    cluster.create_topic("safe", 1, 2);
    done(
        &cluster,
        "topics --create --topic lone --replica-assignment 2",
    );
    let said = |option: &str| done(&cluster, &format!("topics --describe {option}"));
    assert_eq!(said("--under-replicated-partitions"), "");
    assert_eq!(said("--unavailable-partitions"), "");
    assert!(said("--at-min-isr-partitions").starts_with("\tTopic: safe\tPartition: 0\t"));
    cluster.kill_broker(2);
    let said = |option: &str| done(&cluster, &format!("topics --describe {option}"));
    wait_until("the dead broker is missed", || {
        let under = said("--under-replicated-partitions");
        let none = said("--unavailable-partitions");
        let fewer = said("--under-min-isr-partitions");
        (under.contains("Topic: safe\tPartition: 0\tLeader: 1\t")
            && under.lines().count() == 1
            && none.starts_with("\tTopic: lone\tPartition: 0\tLeader: none\t")
            && none.lines().count() == 1
            && fewer.contains("Topic: safe\t"))
        .then_some(())
    });
}

/// A cluster with 10 records in partition 0 of `orders`, of which `billing` has committed 6.
fn with_group() -> Cluster {
    let cluster = Cluster::start(1, &[]);
    cluster.create_topic("orders", 2, 1);
    let mut produce = cluster.command(&["produce", "--topic=orders", "--partition=0"]);
    assert_cmd::Command::from_std({
        produce.stdin(std::process::Stdio::piped());
        produce
    })
    .write_stdin(lines(0..10).join("\n"))
    .assert()
    .success();
    let commit = "groups --reset-offsets --execute --group billing --topic orders:0 --to-offset 6";
    wait_until("the coordinator is there", || {
        (cluster.tried(&words(commit)).0 == Some(0)).then_some(())
    });
    cluster
}

/// The last column of the only row that `--reset-offsets` printed.
fn new_offset(printed: &str) -> String {
    let rows: Vec<&str> = printed
        .lines()
        .filter(|line| line.starts_with("billing "))
        .collect();
    let [row] = rows[..] else {
        panic!("one row: {printed}");
    };
    row.split_whitespace().last().expect("a column").to_owned()
}

#[test]
fn groups_are_listed_and_described_in_kafkas_columns() {
    let cluster = with_group();
    assert_eq!(done(&cluster, "groups --list"), "billing\n");
    let states = done(&cluster, "groups --list --state");
    assert_eq!(states, "GROUP    STATE\nbilling  Empty\n");
    assert_eq!(
        done(&cluster, "groups --list --state stable"),
        "GROUP  STATE\n"
    );
    let (code, offsets, remark) = cluster.tried(&words("groups --group billing --describe"));
    assert_eq!(code, Some(0));
    assert_eq!(
        offsets,
        "\nGROUP           TOPIC           PARTITION  CURRENT-OFFSET  LOG-END-OFFSET  LAG             CONSUMER-ID     HOST            CLIENT-ID\n\
         billing         orders          0          6               10              4               -               -               -\n"
    );
    assert!(
        remark.contains("Consumer group 'billing' has no active members."),
        "{remark}"
    );
    assert_eq!(
        done(&cluster, "groups --describe --all-groups --offsets"),
        offsets
    );
    let state = done(&cluster, "groups --describe --group billing --state");
    let row = words(state.lines().last().expect("a row"));
    let address = cluster.address_of(1);
    assert_eq!(row, ["billing", &address, "(1)", "Empty", "0"], "{state}");
    let nobody = refused(&cluster, "groups --describe --group nobody");
    assert!(
        nobody.contains("Consumer group 'nobody' does not exist."),
        "{nobody}"
    );

    let consumer = cluster.consumer("reader", "orders", "live");
    wait_until("it reads", || (consumer.holds()?.len() == 2).then_some(()));
    let members = done(
        &cluster,
        "groups --describe --group live --members --verbose",
    );
    let row = words(members.lines().last().expect("a row"));
    assert!(row[1].starts_with("reader-"), "{members}");
    assert_eq!(
        row[2..],
        ["/127.0.0.1", "reader", "2", "orders(0,1)"],
        "{members}"
    );
    let inactive = refused(
        &cluster,
        "groups --reset-offsets --group live --topic orders --to-earliest --execute",
    );
    let sentence = "Assignments can only be reset if the group 'live' is inactive, but the current state is Stable.";
    assert!(inactive.contains(sentence), "{inactive}");
    let kept = refused(
        &cluster,
        "groups --delete-offsets --group live --topic orders",
    );
    assert!(kept.contains("2 partitions were not deleted"), "{kept}");
    let kept = refused(&cluster, "groups --delete --group live");
    assert!(
        kept.contains("NON_EMPTY_GROUP: The group is not empty."),
        "{kept}"
    );
}

#[test]
fn offsets_are_reset_in_every_way_and_only_where_it_is_said_to_be_done() {
    let cluster = with_group();
    let reset = |rest: &str| {
        done(
            &cluster,
            &format!("groups --reset-offsets --group billing {rest}"),
        )
    };
    for (way, offset) in [
        ("--to-earliest", "0"),
        ("--to-latest", "10"),
        ("--to-current", "6"),
        ("--to-offset 3", "3"),
        ("--to-offset 99", "10"),
        ("--shift-by -2", "4"),
        ("--shift-by 2", "8"),
        ("--to-datetime 2020-01-01T00:00:00.000", "0"),
        ("--to-datetime 2999-01-01T00:00:00.000+02:00", "10"),
        ("--by-duration P1D", "0"),
    ] {
        let printed = reset(&format!("--topic orders:0 {way} --dry-run"));
        assert_eq!(new_offset(&printed), offset, "{way}: {printed}");
        assert_eq!(reset(&format!("--all-topics {way} --dry-run")), printed);
    }
    // Nothing of it was done, and what was not asked for is said not to be done.
    let quiet = "groups --reset-offsets --group billing --all-topics --to-earliest";
    let (code, printed, warning) = cluster.tried(&words(quiet));
    assert_eq!((code, new_offset(&printed).as_str()), (Some(0), "0"));
    assert!(warning.contains("No action will be performed"), "{warning}");
    assert_eq!(
        new_offset(&reset("--all-topics --to-current --dry-run")),
        "6"
    );

    let exported = reset("--all-topics --shift-by -1 --export");
    assert_eq!(exported, "orders,0,5\n");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("offsets.csv");
    std::fs::write(&file, exported).expect("written");
    let from_file = reset(&format!("--from-file {} --execute", file.display()));
    assert_eq!(new_offset(&from_file), "5");
    let described = done(&cluster, "groups --describe --group billing");
    assert!(
        described.contains(" 5               10              5 "),
        "{described}"
    );

    for (rest, said) in [
        (
            "--group billing --to-latest",
            "One of the reset scopes should be defined",
        ),
        (
            "--group billing --topic orders",
            "Option [reset-offsets] takes one of these options",
        ),
        (
            "--group billing --topic nowhere --to-latest",
            "there is no topic nowhere",
        ),
        (
            "--group billing --topic orders:7 --to-latest",
            "no partition 7",
        ),
        (
            "--group billing --topic orders:1 --shift-by 1",
            "no current committed offset",
        ),
        (
            "--to-latest --all-topics",
            "Option [reset-offsets] takes one of these options: [all-groups], [group]",
        ),
    ] {
        let refusal = refused(&cluster, &format!("groups --reset-offsets {rest}"));
        assert!(refusal.contains(said), "{rest}: {refusal}");
    }
    for wrong in ["--by-duration 1h", "--to-datetime 2020-01-01"] {
        let line = format!("groups --reset-offsets --group billing --all-topics {wrong}");
        assert_eq!(cluster.tried(&words(&line)).0, Some(2), "{wrong}");
    }
}

#[test]
fn what_a_group_committed_and_the_group_itself_are_deleted() {
    let cluster = with_group();
    done(
        &cluster,
        "groups --reset-offsets --execute --group billing --topic orders:1 --to-latest",
    );
    let deleted = done(
        &cluster,
        "groups --delete-offsets --group billing --topic orders:0",
    );
    assert!(
        deleted.starts_with(
            "Request succeed for deleting offsets with topic orders:0 group billing\n"
        ),
        "{deleted}"
    );
    assert_eq!(
        words(deleted.lines().last().expect("a row")),
        ["orders", "0", "Successful"]
    );
    let left = done(&cluster, "groups --describe --group billing");
    assert!(!left.contains(" 0          6 "), "{left}");
    let half = refused(&cluster, "groups --delete --group nobody --group billing");
    assert!(
        half.contains("* Group 'nobody' could not be deleted due to: GROUP_ID_NOT_FOUND")
            && half.contains("These consumer groups were deleted successfully: 'billing'"),
        "{half}"
    );
    assert_eq!(done(&cluster, "groups --list"), "");
    done(
        &cluster,
        "groups --reset-offsets --execute --group again --topic orders --to-latest",
    );
    assert_eq!(
        done(&cluster, "groups delete again"),
        "Deletion of requested consumer groups ('again') was successful.\n"
    );
}

#[test]
fn settings_are_described_altered_and_taken_back_by_kafkas_lines() {
    let cluster = Cluster::start(1, &[]);
    cluster.create_topic("orders", 1, 1);
    let alter = "configs --entity-type topics --entity-name orders --alter --add-config retention.ms=5000,cleanup.policy=[compact,delete]";
    assert_eq!(
        done(&cluster, alter),
        "Completed updating config for topic orders.\n"
    );
    let describe = "configs --describe --topic orders";
    wait_until("the settings are in effect", || {
        let described = done(&cluster, describe);
        (described.lines().count() == 3).then_some(())
    });
    let described = done(&cluster, describe);
    let [heading, policy, retention] = described.lines().collect::<Vec<_>>()[..] else {
        panic!("three lines: {described}");
    };
    assert_eq!(heading, "Dynamic configs for topic orders are:");
    assert!(
        policy.starts_with(
            "  cleanup.policy=compact,delete sensitive=false synonyms={DYNAMIC_TOPIC_CONFIG:cleanup.policy=compact,delete, "
        ),
        "{policy}"
    );
    assert!(retention.starts_with("  retention.ms=5000 "), "{retention}");
    let all = done(&cluster, "configs describe --all --topic orders");
    assert!(all.starts_with("All configs for topic orders are:\n"));
    assert!(all.lines().count() > 20, "{all}");

    done(
        &cluster,
        "configs alter --topic orders --delete-config retention.ms,cleanup.policy",
    );
    wait_until("nothing of its own is left", || {
        let described = done(&cluster, describe);
        (described.lines().count() == 1).then_some(())
    });
    let broker = done(&cluster, "configs --describe --all --broker 1");
    assert!(broker.contains("  log.retention.hours="), "{broker}");
    let wrong = refused(
        &cluster,
        "configs alter --topic orders --add-config retention.ms=soon",
    );
    assert!(wrong.contains("retention.ms"), "{wrong}");
    let whose = refused(&cluster, "configs --describe --entity-name orders");
    assert!(whose.contains("--entity-type"), "{whose}");
    let nobody = refused(
        &cluster,
        "configs --describe --entity-type brokers --entity-name x",
    );
    assert!(
        nobody.contains("must be a valid integer broker id, found: x"),
        "{nobody}"
    );
}

/// What a command says that nobody answers, and how it ends.
fn alone(line: &str, stdin: &str) -> (Option<i32>, String) {
    let program = env!("CARGO_BIN_EXE_kafkarium");
    let done = assert_cmd::Command::new(program)
        .args(words(line))
        .write_stdin(stdin)
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    (done.status.code(), said)
}

#[test]
fn nobody_waits_in_silence_for_a_broker_that_does_not_answer() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let nobody = listener.local_addr().expect("it is bound");
    drop(listener);
    let none = format!("no broker of {nobody} answers");
    let produce = format!("produce --topic orders --bootstrap-server {nobody}");
    // A flag counts before the property that means the same.
    for wait in [
        "--max-block-ms 2500",
        "--producer-property max.block.ms=2500",
        "--property max.block.ms=2500",
        "--max-block-ms 2500 --command-property max.block.ms=600000",
    ] {
        let (code, said) = alone(&format!("{produce} {wait}"), "one\n");
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains(&format!("{none}: trying on\n")), "{said}");
        assert!(
            said.lines().last().is_some_and(|last| last.contains(&none)),
            "{said}"
        );
        assert!(!said.contains("no effect"), "{said}");
    }
    let wrong = format!("{produce} --command-property max.block.ms=soon");
    let (code, said) = alone(&wrong, "one\n");
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("max.block.ms=soon: a number of milliseconds is expected"),
        "{said}"
    );
    let line = format!("consume --topic orders --from-beginning --bootstrap-server {nobody}");
    let (code, said) = alone(&line, "");
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains(&none), "{said}");
    assert!(!said.contains("Local:"), "{said}");
    let mut told: Vec<&str> = said.lines().collect();
    let all = told.len();
    told.sort_unstable();
    told.dedup();
    assert_eq!(told.len(), all, "each trouble is told once: {said}");
}

#[test]
fn who_waits_for_a_silent_broker_is_ended_by_a_signal() {
    use std::os::unix::process::ExitStatusExt;
    use std::process::{Command, Stdio};
    for line in ["consume --from-beginning", "consume", "produce"] {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let silent = listener.local_addr().expect("it is bound");
        let mut child = Command::new(env!("CARGO_BIN_EXE_kafkarium"))
            .args(words(&format!(
                "{line} --topic orders --bootstrap-server {silent}"
            )))
            .stdin(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        let connected = listener.accept().expect("it connects");
        let pid = i32::try_from(child.id()).expect("a pid");
        let pid = nix::unistd::Pid::from_raw(pid);
        // Not SIGINT: whoever is started in the background of a shell inherits that it is ignored.
        let signal = nix::sys::signal::Signal::SIGTERM;
        nix::sys::signal::kill(pid, signal).expect("it runs");
        let status = child.wait().expect("it ends");
        assert_eq!(status.signal(), Some(signal as i32), "{line}: {status}");
        drop(connected);
    }
}

#[test]
fn an_address_without_a_port_is_named() {
    for (server, says) in [
        (
            "localhost",
            "--bootstrap-server localhost: no port: write HOST:PORT, for example localhost:9092",
        ),
        (
            "localhost:abc",
            "--bootstrap-server localhost:abc: write HOST:PORT",
        ),
        (
            "127.0.0.1:9092,:9093",
            "--bootstrap-server :9093: write HOST:PORT",
        ),
    ] {
        for command in [
            "topics --list",
            "produce --topic orders",
            "consume --topic orders",
        ] {
            let (code, said) = alone(&format!("{command} --bootstrap-server {server}"), "");
            assert_eq!(code, Some(1), "{said}");
            assert!(said.contains(says), "{said}");
        }
    }
}

#[test]
fn a_broker_without_zookeeper_says_what_it_waits_for() {
    use std::io::{BufRead, BufReader};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let nobody = listener.local_addr().expect("it is bound");
    drop(listener);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut broker = std::process::Command::new(env!("CARGO_BIN_EXE_kafkarium"))
        .args(["broker", "--id", "1", "--listener", "127.0.0.1:0"])
        .args(["--zookeeper", &nobody.to_string(), "--data-dir"])
        .arg(folder.path())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("it starts");
    let stderr = BufReader::new(broker.stderr.take().expect("it is piped"));
    let said = stderr.lines().map_while(Result::ok);
    let mut said = said.inspect(|line| println!("{line}"));
    let waits = said.find(|line| line.contains("waiting for ZooKeeper"));
    let waits = waits.expect("it says so before it gives up");
    assert!(waits.contains(&nobody.to_string()), "{waits}");
    broker.kill().expect("it runs");
    broker.wait().expect("it ends");
}
