//! Somebody else's cluster: a second kafkarium, attached to the first one's brokers.

use crate::{
    playground, program,
    terminal::{Terminal, wait_until_nothing_runs},
};

/// The address in a header.
fn address(screen: &str) -> String {
    let header = screen.lines().next().unwrap_or_default();
    let words = header.split_whitespace();
    let address = words.clone().find(|word| word.starts_with("127.0.0.1:"));
    address.expect("the header names it").to_owned()
}

fn quit(mut terminal: Terminal, says: &str) {
    terminal.press_by_hand(&["q", "q"]);
    let (status, home) = terminal.wait_for_end();
    assert!(status.success(), "{says}: {status:?}");
    wait_until_nothing_runs(home.path());
}

#[test]
fn a_broker_that_is_killed_elsewhere_is_seen_to_be_gone_and_to_come_back() {
    let mut owner = playground(&["--ephemeral"]);
    let address = address(&owner.wait_for("ready in"));
    let arguments = ["--bootstrap-server", &address];
    let mut guest = Terminal::start(program(), &arguments, 120, 36);
    let screen = guest.wait_until("all that is there", |screen| {
        let header = screen.lines().next().unwrap_or_default();
        let there = ["attached", "read-only", "3 of 3 brokers", "ZooKeeper"];
        there.iter().all(|words| header.contains(words))
            && ["1 ● UP", "Group billing", "Stable", "Log of orders"]
                .iter()
                .all(|words| screen.contains(words))
    });
    assert!(!screen.contains(" pid "), "no protocol tells it\n{screen}");
    // What the owner produces, the guest reads.
    owner.press("p");
    guest.wait_for("amy");
    // What is not ours stays as it is.
    guest.press("3x");
    guest.wait_for("broker 3 is not ours: its process is on 127.0.0.1");
    guest.press("p");
    guest.wait_for("read-only: --allow-writes at the start");
    owner.press("3x");
    guest.wait_for("3 ✗ GONE");
    guest.wait_for("2 of 3 brokers");
    guest.wait_for("broker 3 is not in the metadata any more");
    owner.wait_until("nobody else did anything", |screen| {
        screen.contains("kill -9 broker 3")
    });
    owner.press("3r");
    guest.wait_for("broker 3 is in the metadata");
    guest.wait_for("3 of 3 brokers");
    quit(guest, "the guest");
    owner.wait_for("3 of 3 brokers");
    quit(owner, "the owner");
}

#[test]
fn where_nobody_answers_the_screen_says_so_and_goes_on_asking() {
    let (port, _) = crate::free_ports();
    let address = format!("127.0.0.1:{port}");
    let guest = Terminal::start(program(), &["--bootstrap-server", &address], 80, 24);
    guest.wait_for("no broker answers, they are asked again and again");
    quit(guest, "the guest");
}
