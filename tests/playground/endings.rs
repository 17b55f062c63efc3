//! However the playground ends, no process and no wrecked terminal is left.

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::{
    playground,
    terminal::{Terminal, processes_of, wait_until_nothing_runs},
};

fn send(terminal: &Terminal, signal: Signal) {
    let pid = i32::try_from(terminal.pid()).expect("a pid");
    kill(Pid::from_raw(pid), signal).expect("it is our child");
}

/// Starts, freezes a broker (which hears nothing any more), ends by `signal`.
fn ends_cleanly(signal: Signal) {
    let mut terminal = playground(&["--ephemeral"]);
    terminal.wait_for("ready in");
    terminal.press("2z");
    terminal.wait_for("2 z FROZEN");
    assert!(!processes_of(terminal.home()).is_empty());
    send(&terminal, signal);
    let (_, home) = terminal.wait_for_end();
    wait_until_nothing_runs(home.path());
    // Nobody cleans up for who was killed; the next start does.
    if signal != Signal::SIGKILL {
        let kept = std::fs::read_dir(home.path().join("tmp")).expect("it is there");
        let kept: Vec<_> = kept.flatten().map(|entry| entry.file_name()).collect();
        assert!(kept.is_empty(), "--ephemeral left {kept:?}");
    }
}

#[test]
fn a_closed_terminal_leaves_nothing_behind() {
    ends_cleanly(Signal::SIGHUP);
}

#[test]
fn sigterm_leaves_nothing_behind() {
    ends_cleanly(Signal::SIGTERM);
}

#[test]
fn its_own_kill_9_leaves_nothing_behind() {
    ends_cleanly(Signal::SIGKILL);
}

#[test]
fn what_was_acknowledged_is_there_at_the_next_start() {
    let mut terminal = playground(&[]);
    terminal.wait_for("ready in");
    for count in 1..=5 {
        terminal.press("p");
        terminal.wait_until("the acknowledgement", |screen| {
            screen.contains(&format!("acked {count} "))
        });
    }
    send(&terminal, Signal::SIGKILL);
    let (_, home) = terminal.wait_for_end();
    wait_until_nothing_runs(home.path());

    let ports = crate::free_ports();
    let arguments = ["--base-port", &ports.0, "--zookeeper-port", &ports.1];
    let terminal = Terminal::start_in(home, crate::program(), &arguments, 120, 36);
    // amy ben cleo dan eli fall 2 2 1 on the partitions; who leads them now depends on who came back first.
    terminal.wait_until("the records of before", |screen| {
        screen.matches("end 2 ").count() == 2
            && screen.matches("end 1 ").count() == 1
            && ["amy", "ben", "cleo", "dan", "eli"]
                .iter()
                .all(|key| screen.contains(&format!("│ {key}")))
    });
}

#[test]
fn a_second_playground_of_the_same_name_is_refused_with_a_sentence() {
    let terminal = playground(&[]);
    terminal.wait_for("ready in");
    let second = assert_cmd::Command::new(crate::program())
        .envs(crate::terminal::environment(terminal.home()))
        .args(["--for", "5s"])
        .assert()
        .failure();
    let said = String::from_utf8_lossy(&second.get_output().stderr).into_owned();
    assert!(
        said.contains(&format!("pid {}", terminal.pid())) && said.contains("--name"),
        "{said}"
    );
}

#[test]
fn a_recording_that_goes_on_at_the_end_is_named_in_the_shell() {
    let mut terminal = playground(&["--ephemeral"]);
    terminal.wait_for("ready in");
    terminal.press("R");
    terminal.wait_for("recording the screen: ");
    terminal.press_by_hand(&["q", "q"]);
    terminal.wait_until("the name of the recording", |screen| {
        screen.contains("s of the screen: ") && screen.contains("nothing kept")
    });
    let (status, home) = terminal.wait_for_end();
    assert!(status.success(), "{status:?}");
    wait_until_nothing_runs(home.path());
}
