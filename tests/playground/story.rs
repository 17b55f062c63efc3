//! The ten minutes that everybody spends first: feed it, kill a leader, heal it, share the work, quit.

use std::collections::HashSet;

use regex::Regex;

use crate::{
    playground, program,
    terminal::{Terminal, environment, processes_of, wait_until_nothing_runs},
};

/// `sent`, `acked` and `lost` as the header says them.
fn counts(screen: &str) -> Option<[u64; 3]> {
    let pattern = Regex::new(r"sent ([\d,]+)\s+acked ([\d,]+)\s+lost ([\d,]+)").expect("a pattern");
    let found = pattern.captures(screen)?;
    let number = |index| found.get(index)?.as_str().replace(',', "").parse().ok();
    Some([number(1)?, number(2)?, number(3)?])
}

/// The rows of the group's members, as `c1` -> `p0 p1`.
fn reads(screen: &str) -> Vec<(String, String)> {
    let pattern = Regex::new(r"│[ ►](c\d) ● up +\d+ +((?:p\d ?)+)").expect("a pattern");
    pattern
        .captures_iter(screen)
        .map(|found| (found[1].to_owned(), found[2].trim().to_owned()))
        .collect()
}

fn wait_for_acked(terminal: &Terminal, at_least: u64) -> String {
    terminal.wait_until(&format!("{at_least} acknowledged records"), |screen| {
        counts(screen).is_some_and(|[_, acked, _]| acked >= at_least)
    })
}

/// Every partition is read by exactly one member, and everybody reads as many as `shares` says.
fn divided(screen: &str, shares: &[usize]) -> bool {
    let rows = reads(screen);
    let mut partitions: Vec<&str> = rows
        .iter()
        .flat_map(|(_, parts)| parts.split(' '))
        .collect();
    partitions.sort_unstable();
    let mut sizes: Vec<usize> = rows
        .iter()
        .map(|(_, parts)| parts.split(' ').count())
        .collect();
    sizes.sort_unstable();
    partitions == ["p0", "p1", "p2"] && sizes == shares
}

#[test]
fn a_killed_leader_is_replaced_and_comes_back_and_consumers_share_the_partitions() {
    let mut terminal = playground(&[]);
    terminal.wait_until("a ready cluster whose group is settled", |screen| {
        screen.contains("ready in") && divided(screen, &[1, 2])
    });

    for (count, receipt) in [
        "last amy -> p0 @0",
        "last ben -> p1 @0",
        "last cleo -> p2 @0",
    ]
    .iter()
    .enumerate()
    {
        terminal.press("p");
        terminal.wait_for(receipt);
        wait_for_acked(&terminal, count as u64 + 1);
    }
    let log = terminal.wait_until("each record as read by its consumer", |screen| {
        screen.matches("▲").count() >= 3 && screen.contains("read by billing/")
    });
    assert!(
        log.contains("│ cleo┃"),
        "the record stands in the log below the high watermark:\n{log}"
    );

    terminal.press("++");
    terminal.wait_for("stream 10/s");
    terminal.press("3x");
    terminal.wait_for("3 ✗ KILLED");
    terminal.wait_for("session of broker 3 expired after 1500 ms");
    let moved = terminal.wait_for("p2 leader 3->1  epoch 0->1  ISR 3,1,2->1,2");
    let before = counts(&moved).expect("the header counts");
    terminal.wait_for("p2 writes again");
    terminal.wait_for("3 of 3 partitions under-replicated");
    wait_for_acked(&terminal, before[1] + 20);

    terminal.press("r");
    let healed = terminal.wait_until("broker 3 back in every ISR", |screen| {
        screen.contains("3 ● UP") && screen.contains("every partition on 3 brokers")
    });
    assert!(
        healed.contains("e1    ISR 1,2,3"),
        "p2 stays in its new epoch:\n{healed}"
    );

    terminal.press("c");
    terminal.wait_until("one partition each for three consumers", |screen| {
        divided(screen, &[1, 1, 1])
    });

    // Log, Group; its second row is c2.
    terminal.press("\t\t\t");
    terminal.wait_for("► Group billing");
    terminal.press("jj");
    terminal.wait_until("c2 as picked", |screen| screen.contains("│►c2 "));
    terminal.press("x");
    terminal.wait_for("c2 ✗ KILLED");
    terminal.wait_until("its partition with another consumer", |screen| {
        divided(screen, &[1, 2])
    });
    let end = terminal.text();
    let [sent, _, lost] = counts(&end).expect("the header counts");
    assert!(
        sent > 20 && lost == 0,
        "nothing acknowledged was lost:\n{end}"
    );

    quit(terminal);
}

#[test]
fn four_partitions_on_four_brokers_have_four_leaders_and_four_followers() {
    let terminal = playground(&["--brokers", "4", "--topic", "orders:4:2"]);
    terminal.wait_for("ready in");
    let described = assert_cmd::Command::new(program())
        .envs(environment(terminal.home()))
        .args(["topics", "describe", "orders"])
        .output()
        .expect("it runs");
    let described = String::from_utf8_lossy(&described.stdout).into_owned();
    let rows: Vec<Vec<&str>> = described
        .lines()
        .filter(|line| line.starts_with("\tTopic: orders\tPartition: "))
        .map(|line| {
            let fields = line.split('\t').filter_map(|field| field.split_once(": "));
            fields.map(|(_, value)| value).collect()
        })
        .collect();
    let leaders: HashSet<&str> = rows.iter().map(|row| row[2]).collect();
    let followers: HashSet<&str> = rows
        .iter()
        .filter_map(|row| row[3].split(',').find(|replica| *replica != row[2]))
        .collect();
    assert_eq!(
        (rows.len(), leaders.len(), followers.len()),
        (4, 4, 4),
        "{described}"
    );
    assert!(
        rows.iter().all(|row| row[3].split(',').count() == 2),
        "{described}"
    );
    quit(terminal);
}

/// `q q`, and the screen and the process table are as they were.
fn quit(mut terminal: Terminal) {
    assert!(
        !processes_of(terminal.home()).is_empty(),
        "the cluster's processes were seen"
    );
    terminal.press_by_hand(&["q", "q"]);
    let (status, home) = terminal.wait_for_end();
    assert!(status.success(), "{status:?}");
    wait_until_nothing_runs(home.path());
}
