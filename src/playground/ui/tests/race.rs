//! Two clusters under one key, side by side.

use ratatui::{Terminal, backend::TestBackend};

use super::{
    assert_text,
    session::{Session, broker, ready},
    text,
};
use crate::state::{
    Action, Happening, Observation, ProcessChange, ProcessName, RaceClocks, RaceSettings,
    ScreenAction,
};
use crate::ui::race::{Race, Side, draw};
use wire::report::Report;

/// Milliseconds after 12:01 at which broker 3 is killed.
const KEY_MS: i64 = 15_000;

/// A side that is ready and acknowledged its first record after so long.
fn launched(size: (u16, u16), megabytes: u64, launch_ms: f64) -> (Session, RaceClocks) {
    let mut session = ready(size);
    session.at(launch_ms).acked("amy", 0, 0, 2000);
    let mut clocks = RaceClocks::default();
    clocks.follow(&session.state);
    for used in [0, 40 * megabytes / 33] {
        session.later(2000);
        for name in [ProcessName::ZooKeeper, broker(1), broker(2), broker(3)] {
            session.see(Observation::Memory {
                process: name,
                rss_bytes: megabytes * 1024 * 1024,
                cpu_ms: Some(used),
            });
        }
        clocks.follow(&session.state);
    }
    session.at_12_01(KEY_MS - 120).tick();
    (session, clocks)
}

/// `3`, `x`, and so long after that a record is acknowledged in the place of broker 3.
fn killed((session, clocks): &mut (Session, RaceClocks), expired_ms: i64, acked_ms: i64) {
    let kill: Action = "kill broker 3".parse().expect("an action");
    session.at_12_01(KEY_MS);
    if let Action::Cluster(kill) = &kill {
        clocks.press(kill, &session.state, session.at);
    }
    let pick = ScreenAction::PickPartition(clocks.partition().expect("it led one"));
    session.happen(Happening::Do(pick.into()));
    session.press('3');
    session.press('x');
    let exited = ProcessChange::Exited {
        code: None,
        signal: Some(9),
    };
    session.at_12_01(KEY_MS + 5).process(broker(3), exited);
    session.at_12_01(KEY_MS + expired_ms).report(
        ProcessName::ZooKeeper,
        Report::SessionExpired {
            session: 3,
            timeout_ms: 1500,
            ephemerals: vec!["/brokers/ids/3".into()],
        },
    );
    session.partition_changed(2, (3, 1), (0, 1), &[3, 1, 2], &[1, 2]);
    session.offsets(2, 2, &[(1, 2), (2, 2)]);
    session.records(2, 0, "cleo fay");
    session
        .at_12_01(KEY_MS + acked_ms)
        .acked("fay", 2, 1, 1_000_000);
    session.produced(124, 124, &[]);
    clocks.follow(&session.state);
    session.at_12_01(KEY_MS + 3900).tick();
    clocks.follow(&session.state);
}

/// Both sides after the kill.
struct Both {
    ours: (Session, RaceClocks),
    theirs: (Session, RaceClocks),
}

impl Both {
    fn killed(size: (u16, u16)) -> Self {
        let mut ours = launched(size, 4, 62.0);
        let mut theirs = launched(size, 307, 9600.0);
        killed(&mut ours, 1262, 1310);
        killed(&mut theirs, 2631, 3070);
        Self { ours, theirs }
    }

    fn drawn(&self, size: (u16, u16), settings_open: bool) -> String {
        let told = |fetch_wait: &str| {
            let told = [
                ("zookeeper.session.timeout.ms", "1500"),
                ("replica.fetch.wait.max.ms", fetch_wait),
            ];
            told.map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into()
        };
        let settings = RaceSettings::of(&told("5000"), &told("500"));
        let race = Race {
            sides: [
                Side {
                    name: "Kafkarium",
                    short: "ours",
                    made_of: "4 processes of 1 binary",
                    state: &self.ours.0.state,
                    clocks: &self.ours.1,
                },
                Side {
                    name: "Apache Kafka 3.9.2",
                    short: "3.9",
                    made_of: "3 JVMs of -Xmx512m, our ZooKeeper",
                    state: &self.theirs.0.state,
                    clocks: &self.theirs.1,
                },
            ],
            said: "kill broker 3",
            note: None,
            settings: Some(&settings),
            settings_open,
        };
        let backend = TestBackend::new(size.0, size.1);
        let mut terminal = Terminal::new(backend).expect("a test backend never fails");
        terminal
            .draw(|frame| draw(&race, frame))
            .expect("a test backend never fails");
        text(terminal.backend().buffer())
    }
}

/// The same in a window of this size.
fn drawn(size: (u16, u16), settings_open: bool) -> String {
    Both::killed(size).drawn(size, settings_open)
}

#[test]
fn the_same_key_is_timed_on_both_sides() {
    assert_text("race_120x36", &drawn((120, 36), false));
}

#[test]
fn a_narrow_window_has_one_story_of_both() {
    assert_text("race_80x24", &drawn((80, 24), false));
}

#[test]
fn what_differs_is_a_page() {
    assert_text("race_settings_120x36", &drawn((120, 36), true));
}

#[test]
fn no_window_is_too_small_for_a_race() {
    let mut both = Both::killed((120, 36));
    for size in [
        (1, 1),
        (59, 15),
        (60, 16),
        (61, 40),
        (80, 16),
        (99, 30),
        (100, 30),
        (240, 70),
    ] {
        for (session, _) in [&mut both.ours, &mut both.theirs] {
            session.happen(Happening::Resize(size.0, size.1));
        }
        for settings_open in [false, true] {
            both.drawn(size, settings_open);
        }
    }
}
