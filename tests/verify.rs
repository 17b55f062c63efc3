//! `kafkarium verify`: finds nothing wrong with acks=all or in transactions, and finds the loss that acks=1 allows.

use std::process::{Command, Output};

fn verify(arguments: &[&str]) -> (Output, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_kafkarium"))
        .arg("verify")
        .args(arguments)
        .output()
        .expect("the program starts");
    let printed = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    (output, printed)
}

/// The number that follows `name` at the start of a line.
fn count(printed: &str, name: &str) -> u64 {
    printed
        .lines()
        .find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
        .unwrap_or_else(|| panic!("{name} is counted: {printed}"))
}

#[test]
fn every_record_that_all_acknowledged_is_there_once_and_in_order() {
    let (output, printed) = verify(&["--seconds", "10", "--rate", "500", "--seed", "1"]);
    assert_eq!(output.status.code(), Some(0), "{printed}");
    for name in ["lost", "duplicated", "out of order", "moved"] {
        assert_eq!(count(&printed, name), 0, "{printed}");
    }
    assert!(count(&printed, "acked") > 100 && count(&printed, "elections") > 0);
}

#[test]
fn a_record_that_only_its_leader_acknowledged_is_missed_when_it_dies() {
    let (output, printed) = verify(&["--seconds", "4", "--acks", "1", "--seed", "1"]);
    assert_eq!(output.status.code(), Some(1), "{printed}");
    assert!(count(&printed, "lost") > 0, "{printed}");
}

#[test]
fn transactions_are_all_or_nothing_and_their_offsets_with_them() {
    let arguments = ["--transactions", "--seconds", "15", "--rate", "200"];
    let (output, printed) =
        verify(&[&arguments[..], &["--partitions", "3", "--seed", "1"]].concat());
    assert_eq!(output.status.code(), Some(0), "{printed}");
    for name in [
        "lost",
        "duplicated",
        "aborted and seen",
        "torn",
        "out of order",
        "record without offset",
        "offset without record",
    ] {
        assert_eq!(count(&printed, name), 0, "{printed}");
    }
    assert!(count(&printed, "committed") > 10 && count(&printed, "records") > 100);
}
