//! Transcripts: a command, a bar, and how the leader stands after it.

use std::{
    fmt::Write,
    time::{Duration, Instant},
};

use super::{FollowerFetch, IsrWrite, Leader, LeaderStart, WriteOutcome};
use wire::{BrokerId, LeaderEpoch, Offset};

const LAG: Duration = Duration::from_secs(1);

/// Broker 1 leads at epoch 5 and version 7; its log ends at 10, of which 8 are known as committed.
struct Stage {
    leader: Leader,
    begun: Instant,
    now: Instant,
    writes: Vec<IsrWrite>,
}

impl Stage {
    fn new(isr: &[i32]) -> Self {
        let now = Instant::now();
        let isr: Vec<_> = isr.iter().copied().map(BrokerId).collect();
        Self {
            leader: Leader::new(&LeaderStart {
                own: BrokerId(1),
                epoch: LeaderEpoch(5),
                replicas: &[BrokerId(1), BrokerId(2), BrokerId(3)],
                isr: &isr,
                version: 7,
                min_isr: 1,
                log_end: Offset(10),
                high_watermark: Offset(8),
                now,
            }),
            begun: now,
            now,
            writes: Vec::new(),
        }
    }

    fn act(&mut self, command: &str) {
        let words: Vec<&str> = command.split_whitespace().collect();
        let number = |text: &str| text.parse::<i64>().expect("a number");
        match words.as_slice() {
            ["start"] => {}
            ["at", ms] => {
                let ms = u64::try_from(number(ms)).expect("not negative");
                self.now = self.begun + Duration::from_millis(ms);
            }
            ["append", end] => {
                self.leader.appended(Offset(number(end)));
            }
            ["fetch", broker, offset, rest @ ..] => {
                let fetch = FollowerFetch {
                    broker: BrokerId(i32::try_from(number(broker)).expect("small")),
                    offset: Offset(number(offset)),
                    log_start: Offset(0),
                    registered: rest != ["unregistered"],
                    now: self.now,
                };
                self.leader.fetched(&fetch);
                self.writes.extend(self.leader.enter(&fetch));
            }
            ["min-isr", least] => {
                let least = usize::try_from(number(least)).expect("not negative");
                self.leader.require(least);
            }
            ["tick"] => self.writes.extend(self.leader.shrink(self.now, LAG)),
            ["written"] => {
                let write = self.writes.remove(0);
                let version = write.version + 1;
                self.leader
                    .written(&write, WriteOutcome::Written { version });
            }
            ["superseded"] => {
                let write = self.writes.remove(0);
                self.leader.written(&write, WriteOutcome::Superseded);
            }
            ["not-sent"] => {
                let write = self.writes.remove(0);
                self.leader.written(&write, WriteOutcome::NotWritten);
            }
            ["observe", version, isr @ ..] => {
                let isr: Vec<_> = isr
                    .iter()
                    .map(|id| BrokerId(i32::try_from(number(id)).expect("small")))
                    .collect();
                let version = i32::try_from(number(version)).expect("small");
                self.leader.observe(&isr, version, self.now);
            }
            other => unreachable!("{other:?}"),
        }
    }

    fn stand(&self) -> String {
        let ids = |isr: &[BrokerId]| {
            isr.iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(",")
        };
        let mut stand = format!(
            "hw {} isr {} v{}",
            self.leader.high_watermark(),
            ids(self.leader.isr()),
            self.leader.version()
        );
        for write in &self.writes {
            write!(stand, ", writes {} ({})", ids(&write.isr), write.why).expect("a string");
        }
        if !self.leader.knows_high_watermark() {
            stand += ", high watermark not known";
        }
        stand
    }
}

#[track_caller]
fn transcript(isr: &[i32], expected: &str) {
    let mut stage = Stage::new(isr);
    let mut told = Vec::new();
    for line in expected
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
    {
        let command = line.split('|').next().unwrap_or_default().trim();
        stage.act(command);
        told.push(format!("{command} | {}", stage.stand()));
    }
    let expected: Vec<_> = expected
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    assert_eq!(told, expected, "told:\n{}", told.join("\n"));
}

#[test]
fn the_high_watermark_is_the_least_end_in_the_isr() {
    transcript(
        &[1, 2, 3],
        "start | hw 8 isr 1,2,3 v7, high watermark not known
         fetch 2 10 | hw 8 isr 1,2,3 v7, high watermark not known
         fetch 3 10 | hw 10 isr 1,2,3 v7
         append 12 | hw 10 isr 1,2,3 v7
         fetch 2 12 | hw 10 isr 1,2,3 v7
         fetch 3 11 | hw 11 isr 1,2,3 v7
         fetch 3 12 | hw 12 isr 1,2,3 v7",
    );
}

#[test]
fn a_leader_that_is_alone_commits_at_once() {
    transcript(
        &[1],
        "start | hw 10 isr 1 v7
         append 13 | hw 13 isr 1 v7",
    );
}

#[test]
fn the_high_watermark_stands_still_below_min_insync_replicas() {
    transcript(
        &[1, 2],
        "min-isr 2 | hw 8 isr 1,2 v7, high watermark not known
         fetch 2 10 | hw 10 isr 1,2 v7
         at 1001 | hw 10 isr 1,2 v7
         append 11 | hw 10 isr 1,2 v7
         tick | hw 10 isr 1,2 v7, writes 1 (broker 2 fell behind for 1000 ms)
         written | hw 10 isr 1 v8
         append 12 | hw 10 isr 1 v8
         fetch 2 12 | hw 10 isr 1 v8, writes 1,2 (broker 2 caught up)
         written | hw 12 isr 1,2 v9
         observe 10 1 | hw 12 isr 1 v10
         append 13 | hw 12 isr 1 v10
         min-isr 1 | hw 13 isr 1 v10",
    );
}

#[test]
fn a_follower_leaves_after_the_lag_time_and_counts_until_that_is_written() {
    transcript(
        &[1, 2, 3],
        "fetch 2 10 | hw 8 isr 1,2,3 v7, high watermark not known
         fetch 3 10 | hw 10 isr 1,2,3 v7
         append 11 | hw 10 isr 1,2,3 v7
         at 500 | hw 10 isr 1,2,3 v7
         fetch 2 11 | hw 10 isr 1,2,3 v7
         at 1000 | hw 10 isr 1,2,3 v7
         tick | hw 10 isr 1,2,3 v7
         at 1001 | hw 10 isr 1,2,3 v7
         tick | hw 10 isr 1,2,3 v7, writes 1,2 (broker 3 fell behind for 1000 ms)
         append 12 | hw 10 isr 1,2,3 v7, writes 1,2 (broker 3 fell behind for 1000 ms)
         written | hw 11 isr 1,2 v8
         fetch 2 12 | hw 12 isr 1,2 v8",
    );
}

#[test]
fn a_follower_that_has_everything_never_lags() {
    transcript(
        &[1, 2],
        "fetch 2 10 | hw 10 isr 1,2 v7
         at 60000 | hw 10 isr 1,2 v7
         tick | hw 10 isr 1,2 v7",
    );
}

#[test]
fn a_follower_that_keeps_up_with_a_growing_log_stays() {
    transcript(
        &[1, 2],
        "fetch 2 10 | hw 10 isr 1,2 v7
         append 20 | hw 10 isr 1,2 v7
         at 900 | hw 10 isr 1,2 v7
         fetch 2 15 | hw 15 isr 1,2 v7
         append 30 | hw 15 isr 1,2 v7
         at 1800 | hw 15 isr 1,2 v7
         fetch 2 20 | hw 20 isr 1,2 v7
         tick | hw 20 isr 1,2 v7
         at 1901 | hw 20 isr 1,2 v7
         tick | hw 20 isr 1,2 v7, writes 1 (broker 2 fell behind for 1000 ms)",
    );
}

#[test]
fn a_follower_enters_at_the_high_watermark_and_the_epochs_start() {
    transcript(
        &[1],
        "append 12 | hw 12 isr 1 v7
         fetch 2 9 | hw 12 isr 1 v7
         fetch 2 12 unregistered | hw 12 isr 1 v7
         fetch 2 12 | hw 12 isr 1 v7, writes 1,2 (broker 2 caught up)
         append 14 | hw 12 isr 1 v7, writes 1,2 (broker 2 caught up)
         fetch 2 14 | hw 14 isr 1 v7, writes 1,2 (broker 2 caught up)
         written | hw 14 isr 1,2 v8",
    );
}

#[test]
fn a_replica_below_the_epochs_start_does_not_enter_even_at_the_high_watermark() {
    transcript(
        &[1, 2],
        "fetch 3 9 | hw 8 isr 1,2 v7, high watermark not known
         fetch 3 10 | hw 8 isr 1,2 v7, writes 1,2,3 (broker 3 caught up), high watermark not known",
    );
}

#[test]
fn one_change_at_a_time_and_a_superseded_one_counts_until_the_other_is_known() {
    transcript(
        &[1],
        "fetch 2 10 | hw 10 isr 1 v7, writes 1,2 (broker 2 caught up)
         fetch 3 10 | hw 10 isr 1 v7, writes 1,2 (broker 2 caught up)
         append 11 | hw 10 isr 1 v7, writes 1,2 (broker 2 caught up)
         superseded | hw 10 isr 1 v7
         append 12 | hw 10 isr 1 v7
         fetch 3 12 | hw 10 isr 1 v7
         observe 8 1 | hw 12 isr 1 v8",
    );
}

#[test]
fn a_change_that_was_never_sent_counts_no_more_and_is_decided_anew() {
    transcript(
        &[1],
        "fetch 2 10 | hw 10 isr 1 v7, writes 1,2 (broker 2 caught up)
         append 11 | hw 10 isr 1 v7, writes 1,2 (broker 2 caught up)
         not-sent | hw 11 isr 1 v7
         fetch 2 11 | hw 11 isr 1 v7, writes 1,2 (broker 2 caught up)",
    );
}

#[test]
fn the_controllers_word_replaces_a_pending_write() {
    transcript(
        &[1, 2, 3],
        "fetch 2 10 | hw 8 isr 1,2,3 v7, high watermark not known
         observe 8 1 2 | hw 10 isr 1,2 v8
         observe 7 1 2 3 | hw 10 isr 1,2 v8
         fetch 3 10 | hw 10 isr 1,2 v8, writes 1,2,3 (broker 3 caught up)
         observe 9 1 | hw 10 isr 1 v9, writes 1,2,3 (broker 3 caught up)
         written | hw 10 isr 1 v9
         append 11 | hw 11 isr 1 v9",
    );
}

#[test]
fn an_isr_member_that_never_fetches_holds_the_high_watermark_until_it_leaves() {
    transcript(
        &[1, 2],
        "append 11 | hw 8 isr 1,2 v7, high watermark not known
         at 1001 | hw 8 isr 1,2 v7, high watermark not known
         tick | hw 8 isr 1,2 v7, writes 1 (broker 2 fell behind for 1000 ms), high watermark not known
         written | hw 11 isr 1 v8",
    );
}
