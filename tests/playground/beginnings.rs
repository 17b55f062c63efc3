//! Starts that go wrong for one process: the others are a cluster without it, and the screen says how it comes back.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::{Ipv4Addr, TcpListener},
    path::Path,
    process::{Command, Stdio},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tempfile::TempDir;

use crate::{
    free_ports, playground, program,
    terminal::{Terminal, environment, processes_of, wait_until_nothing_runs},
};

/// A folder in the place of this file.
const META_PROPERTIES: &str = "broker-2/meta.properties";

/// A data folder in which broker 2 cannot read what it wrote.
fn damaged() -> (TempDir, String) {
    let home = TempDir::new().expect("a temporary folder");
    let data = home.path().join("data");
    fs::create_dir_all(data.join(META_PROPERTIES)).expect("a folder");
    let data = data.to_str().expect("it is text").to_owned();
    (home, data)
}

fn quit(mut terminal: Terminal) {
    terminal.press_by_hand(&["q", "q"]);
    let (status, home) = terminal.wait_for_end();
    assert!(status.success(), "{status:?}");
    wait_until_nothing_runs(home.path());
}

#[test]
fn a_broker_that_dies_at_the_start_is_not_waited_for_and_comes_back_by_its_keys() {
    let (home, data) = damaged();
    let ports = free_ports();
    let arguments = [
        "--data-dir",
        &data,
        "--brokers",
        "3",
        "--base-port",
        &ports.0,
        "--zookeeper-port",
        &ports.1,
    ];
    let mut terminal = Terminal::start_in(home, program(), &arguments, 120, 36);
    let screen = terminal.wait_for("with 2 of 3 brokers");
    assert!(screen.contains("2 ✗ DIED"), "{screen}");
    terminal.wait_for("2 r starts it again");
    terminal.wait_for("orders: replication factor 2 instead of 3");
    terminal.press("p");
    terminal.wait_for("acked 1");
    fs::remove_dir(Path::new(&data).join(META_PROPERTIES)).expect("it is there");
    terminal.press("2r");
    terminal.wait_for("2 ● UP");
    quit(terminal);
}

#[test]
fn plain_lines_say_how_many_brokers_there_are_and_where_to_look() {
    let home = TempDir::new().expect("a temporary folder");
    let data = home.path().join("data");
    fs::create_dir_all(&data).expect("a folder");
    // No folder, so that the process cannot even be spawned.
    fs::write(data.join("broker-2"), "").expect("a file");
    let ports = free_ports();
    let mut child = Command::new(program())
        .args(["--brokers", "2", "--topic", "orders:2:2", "--data-dir"])
        .arg(&data)
        .args(["--base-port", &ports.0, "--zookeeper-port", &ports.1])
        .envs(environment(home.path()))
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let stdout = BufReader::new(child.stdout.take().expect("it is piped"));
    let mut lines = stdout.lines().map_while(Result::ok);
    let ready = lines.find(|line| line.contains("ready in"));
    let ready = ready.expect("the other broker makes topic and group");
    assert!(
        ready.contains("with 1 of 2 brokers: broker 2 died"),
        "{ready}"
    );
    let pid = i32::try_from(child.id()).expect("a pid");
    kill(Pid::from_raw(pid), Signal::SIGTERM).expect("it runs");
    assert!(lines.any(|line| line.contains("its data is in")));
    assert!(child.wait().expect("it ends").success());
    wait_until_nothing_runs(home.path());
}

#[test]
fn a_port_that_somebody_took_from_a_dead_broker_is_named_with_who_has_it() {
    let mut terminal = playground(&["--ephemeral"]);
    terminal.wait_for("ready in");
    let port: u16 = processes_of(terminal.home())
        .iter()
        .find_map(|command| {
            let (_, broker) = command.split_once("--id 3 --listener ")?;
            let address = broker.split(' ').next()?;
            address.rsplit(':').next()?.parse().ok()
        })
        .expect("the address of broker 3");
    terminal.press("3x");
    terminal.wait_for("3 ✗ KILLED");
    let thief = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).expect("nobody has it");
    terminal.press("3r");
    terminal.wait_for(&format!("port {port} of broker 3 is taken by "));
    drop(thief);
    terminal.press("3r");
    terminal.wait_for("3 ● UP");
    quit(terminal);
}
