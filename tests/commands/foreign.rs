//! What others wrote reaches a terminal written out; bytes for programs stay as they are.

use std::io::Read;
use std::process::Stdio;

use portable_pty::{CommandBuilder, PtySize, native_pty_system};

use crate::cluster::{Cluster, wait_until};

/// A window title and a colour.
const SEQUENCES: &str = "\x1b]0;t\x07\x1b[31m";

/// The same as a person reads it.
const SEEN: &str = r"\x1b]0;t\x07\x1b[31m";

fn named(what: &str) -> String {
    format!("{what}{SEQUENCES}")
}

/// Whether nothing in it commands a terminal.
fn is_text(printed: &str) -> bool {
    !printed.contains(|sign: char| sign.is_control() && !"\n\r\t".contains(sign))
}

/// A record, and a group and a client that are called so.
fn cluster() -> Cluster {
    let cluster = Cluster::start(1, &[]);
    cluster.create_topic("orders", 1, 1);
    let record = format!("{}:{}", named("key"), named("value"));
    cluster.produce("orders", &[record]);
    cluster
}

/// What a command prints at a terminal.
fn at_a_terminal(cluster: &Cluster, arguments: &[&str]) -> String {
    let pty = native_pty_system()
        .openpty(PtySize {
            rows: 24,
            cols: 200,
            ..PtySize::default()
        })
        .expect("a terminal");
    let bootstrap = format!("--bootstrap-server={}", cluster.bootstrap());
    let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_kafkarium"));
    command.args(arguments);
    command.arg(bootstrap);
    let mut child = pty.slave.spawn_command(command).expect("the binary starts");
    drop(pty.slave);
    let mut reader = pty.master.try_clone_reader().expect("the other end");
    let mut printed = Vec::new();
    // Linux tells the end of a terminal as an error.
    let _ = reader.read_to_end(&mut printed);
    child.wait().expect("it ends");
    String::from_utf8(printed).expect("UTF-8")
}

#[test]
fn records_are_written_out_at_a_terminal_and_untouched_in_a_pipe() {
    let cluster = cluster();
    let consume = [
        "consume",
        "--topic=orders",
        "--from-beginning",
        "--max-messages=1",
        "--print-key",
    ];
    let seen = at_a_terminal(&cluster, &consume);
    assert!(is_text(&seen), "{seen}");
    assert!(
        seen.starts_with(&format!("key{SEEN}\tvalue{SEEN}\r\n")),
        "{seen}"
    );
    let piped = cluster.run(&consume);
    assert_eq!(piped, format!("{}\t{}\n", named("key"), named("value")));
    let json = cluster.run(&[&consume[..4], &["--json"]].concat());
    assert!(is_text(&json), "{json}");
}

#[test]
fn names_of_groups_and_members_are_written_out_in_tables_and_errors() {
    let cluster = cluster();
    let (client, group) = (named("client"), named("billing"));
    let consumer = cluster.consumer(&client, "orders", &group);
    wait_until("it reads", || (!consumer.values().is_empty()).then_some(()));
    let described = |view: &str| {
        let printed = cluster.run(&["groups", "describe", &group, view]);
        assert!(is_text(&printed), "{printed}");
        assert!(printed.contains(&format!("billing{SEEN}")), "{printed}");
        printed
    };
    wait_until("it is a member", || {
        described("--members")
            .contains(&format!("client{SEEN}"))
            .then_some(())
    });
    assert!(described("--offsets").contains(&format!("client{SEEN}")));
    described("--state");
    let listed = at_a_terminal(&cluster, &["groups", "list"]);
    assert!(is_text(&listed) && listed.contains(SEEN), "{listed}");
    // A script asks on with what it reads.
    assert!(cluster.run(&["groups", "list"]).contains(&group));
    let (code, _, said) = cluster.tried(&["groups", "delete", &group]);
    assert_eq!(code, Some(1));
    assert!(is_text(&said) && said.contains(SEEN), "{said}");
    let (code, _, said) = cluster.tried(&["topics", "delete", &named("t")]);
    assert_eq!(code, Some(1));
    assert!(is_text(&said) && said.contains(SEEN), "{said}");
    let mut produce = cluster.command(&["produce", "--topic", &named("t")]);
    let output = produce.stdin(Stdio::null()).output().expect("it runs");
    assert!(is_text(&String::from_utf8_lossy(&output.stderr)));
}
