//! The zookeeper layout: tree, sessions, watches and what followed from what.

use std::time::Duration;

use ratatui::style::Modifier;

use super::{
    assert_drawn, frame,
    session::{Session, broker},
    text,
};
use crate::state::{
    Action, Appearance, Glyphs, Happening, Key, Observation, ProcessChange, ProcessName, Request,
    Scheme, ScreenAction, SessionSeen, Timestamp, WatchSeen, ZnodeContent, ZnodeSeen, ZnodesSeen,
    ZooKeeperSeen,
};
use wire::{
    BrokerId, LeaderEpoch,
    report::{Report, ReportLine, ZnodeChange},
};

/// A session in the zookeeper layout; `story` brings it as far as it shall be.
fn session(size: (u16, u16), appearance: Appearance, story: fn(&mut Session)) -> Session {
    let mut session = Session::new(size, appearance);
    session.happen(Happening::Do(Action::Screen(ScreenAction::Layout(
        "zookeeper".into(),
    ))));
    story(&mut session);
    session
}

fn wide(story: fn(&mut Session)) -> Session {
    session((120, 36), Appearance::default(), story)
}

fn znode(path: &str, data: &str, version: i32, mzxid: i64, children: i32) -> ZnodeSeen {
    let owner = match path {
        "/controller" => 2,
        path => path
            .strip_prefix("/brokers/ids/")
            .map_or(0, |id| id.parse().expect("an id")),
    };
    ZnodeSeen {
        path: path.into(),
        content: Some(ZnodeContent {
            data: data.into(),
            size_bytes: i32::try_from(data.len()).expect("small"),
            version,
            mzxid,
            ephemeral_owner: owner,
            children,
        }),
    }
}

fn state(
    partition: i32,
    (leader, epoch, isr): (i32, i32, &str),
    version: i32,
    mzxid: i64,
) -> ZnodeSeen {
    let data = format!(
        r#"{{"controller_epoch":1,"leader":{leader},"version":1,"leader_epoch":{epoch},"isr":[{isr}]}}"#
    );
    let path = format!("/brokers/topics/orders/partitions/{partition}/state");
    znode(&path, &data, version, mzxid, 0)
}

fn read(session: &mut Session, whole: bool, znodes: Vec<ZnodeSeen>) {
    session.see(Observation::Znodes(ZnodesSeen {
        session: 4,
        whole,
        znodes,
    }));
}

/// The whole tree is read.
pub fn tree_of(session: &mut Session) {
    read(session, true, tree());
}

/// The tree as it is before anything breaks.
fn tree() -> Vec<ZnodeSeen> {
    let mut znodes = vec![
        znode("/", "", 0, 0, 8),
        znode(
            "/controller",
            r#"{"version":1,"brokerid":2,"timestamp":"43255071"}"#,
            0,
            0x10,
            0,
        ),
        znode("/controller_epoch", "1", 1, 0x10, 0),
        znode("/brokers", "", 0, 2, 3),
        znode("/brokers/ids", "", 0, 3, 3),
        znode("/brokers/seqid", "", 0, 3, 0),
        znode("/brokers/topics", "", 0, 3, 2),
        znode(
            "/brokers/topics/__consumer_offsets",
            r#"{"partitions":{"0":[1,2,3]}}"#,
            0,
            0x40,
            1,
        ),
        znode(
            "/brokers/topics/orders",
            r#"{"version":3,"partitions":{"0":[1,2,3],"1":[2,3,1],"2":[3,1,2]},"topic_id":"x"}"#,
            0,
            0x20,
            1,
        ),
        znode("/brokers/topics/orders/partitions", "", 0, 0x20, 3),
        znode("/config", "", 0, 4, 3),
        znode("/config/topics", "", 0, 4, 1),
        znode(
            "/config/topics/orders",
            r#"{"version":1,"config":{"min.insync.replicas":"2"}}"#,
            0,
            0x20,
            0,
        ),
        znode("/config/brokers", "", 0, 4, 0),
        znode("/config/changes", "", 0, 4, 0),
        znode("/admin", "", 0, 5, 1),
        znode("/admin/delete_topics", "", 0, 5, 0),
        znode("/cluster", "", 0, 6, 1),
        znode(
            "/cluster/id",
            r#"{"version":"1","id":"hQ4mTn2sR1q"}"#,
            0,
            6,
            0,
        ),
        znode("/consumers", "", 0, 7, 0),
        znode("/isr_change_notification", "", 0, 7, 0),
    ];
    for id in 1..=3 {
        let data = format!(r#"{{"host":"127.0.0.1","port":{}}}"#, 9091 + id);
        znodes.push(znode(&format!("/brokers/ids/{id}"), &data, 0, 8, 0));
        let path = format!("/brokers/topics/orders/partitions/{}", id - 1);
        znodes.push(znode(&path, "", 0, 0x20, 1));
    }
    znodes.push(state(0, (1, 4, "1,2,3"), 4, 0x90));
    znodes.push(state(1, (2, 4, "2,3,1"), 4, 0x91));
    znodes.push(state(2, (3, 4, "3,1,2"), 5, 0x97));
    znodes
}

fn words(session: &mut Session, heard: &[(i64, u64)], refused: &[&str]) {
    let at = session.at;
    let brokers: Vec<i64> = heard.iter().map(|(session, _)| *session).collect();
    let watch = |path: &str, sessions: &[i64]| WatchSeen {
        path: path.into(),
        sessions: sessions.to_vec(),
    };
    let seen = ZooKeeperSeen {
        znodes: 61,
        zxid: 0x9e,
        watches: u64::try_from(brokers.len()).expect("few") * 4 + 1,
        watched: if refused.contains(&"wchp") {
            Vec::new()
        } else {
            vec![
                watch("/", &[4]),
                watch("/admin", &brokers),
                watch("/brokers", &brokers),
                watch("/config", &brokers),
                watch("/controller", &brokers),
            ]
        },
        sessions: heard
            .iter()
            .map(|(session, ago_ms)| SessionSeen {
                session: *session,
                timeout: Duration::from_millis(1500),
                last_heard: Timestamp(at.0 - i64::try_from(*ago_ms).expect("small") * 1000),
                ephemerals: vec![format!("/brokers/ids/{session}")],
            })
            .collect(),
        exact: refused.is_empty(),
        refused: refused.iter().map(|word| (*word).to_owned()).collect(),
    };
    session.see(Observation::ZooKeeper(seen));
}

/// What a process says at a time of its own.
fn told(session: &mut Session, process: ProcessName, at_ms: i64, report: Report) {
    let line = ReportLine {
        at_ms: 43_260_000 + at_ms,
        report,
    };
    session.see(Observation::Report { process, line });
}

fn fired(path: &str, change: ZnodeChange) -> Report {
    Report::WatchFired {
        path: path.into(),
        change,
        sessions: vec![1, 2, 4],
    }
}

fn moved(partition: i32, leaders: (i32, i32), epochs: (i32, i32), isr: [&[i32]; 2]) -> Report {
    let ids = |isr: &[i32]| isr.iter().copied().map(BrokerId).collect();
    Report::PartitionChanged {
        topic: "orders".into(),
        partition,
        leader_before: BrokerId(leaders.0),
        leader: BrokerId(leaders.1),
        epoch_before: LeaderEpoch(epochs.0),
        epoch: LeaderEpoch(epochs.1),
        isr_before: ids(isr[0]),
        isr: ids(isr[1]),
        why: "broker 3 is gone".into(),
    }
}

fn quiet(session: &mut Session) {
    session.all_ready();
    read(session, true, tree());
    words(session, &[(1, 150), (2, 370), (3, 420)], &[]);
    told(
        session,
        ProcessName::ZooKeeper,
        -5_000,
        fired("/brokers/topics/orders", ZnodeChange::Created),
    );
    session.tick();
}

/// Broker 3 was killed 2.8 s ago; its session expired, p2 has a new leader.
fn killed(session: &mut Session) {
    quiet(session);
    session.broker_3_dies();
    session.at_12_01(8622);
    let expired = Report::SessionExpired {
        session: 3,
        timeout_ms: 1500,
        ephemerals: vec!["/brokers/ids/3".into()],
    };
    told(session, ProcessName::ZooKeeper, 8621, expired);
    told(
        session,
        ProcessName::ZooKeeper,
        8621,
        fired("/brokers/ids/3", ZnodeChange::Deleted),
    );
    let gone = ZnodeSeen {
        path: "/brokers/ids/3".into(),
        content: None,
    };
    read(
        session,
        false,
        vec![gone, znode("/brokers/ids", "", 0, 3, 2)],
    );
    for id in [2, 1] {
        let seen = Report::WatchSeen {
            broker: BrokerId(id),
            path: "/brokers/ids/3".into(),
        };
        told(session, broker(id), 8623, seen);
    }
    session.at_12_01(8630);
    let path = |partition: i32| format!("/brokers/topics/orders/partitions/{partition}/state");
    for (partition, leaders, epochs, isr) in [
        (2, (3, 1), (4, 5), [&[3, 1, 2][..], &[1, 2]]),
        (0, (1, 1), (4, 4), [&[1, 2, 3], &[1, 2]]),
        (1, (2, 2), (4, 4), [&[2, 3, 1], &[2, 1]]),
    ] {
        told(
            session,
            ProcessName::ZooKeeper,
            8628,
            fired(&path(partition), ZnodeChange::Changed),
        );
        told(
            session,
            broker(2),
            8629,
            moved(partition, leaders, epochs, isr),
        );
    }
    let states = vec![
        state(0, (1, 4, "1,2"), 5, 0x9a),
        state(1, (2, 4, "2,1"), 5, 0x9b),
        state(2, (1, 5, "1,2"), 6, 0x99),
    ];
    read(session, false, states);
    session.at_12_01(9925);
    words(session, &[(1, 150), (2, 370)], &[]);
    session.tick();
}

/// Puts the cursor on the state of p2.
fn pick_state(session: &mut Session) {
    session.press('G');
    for _ in 0..20 {
        let on = session.state.view.znodes.cursor.clone().unwrap_or_default();
        if on.ends_with("2/state") {
            break;
        }
        session.press('k');
    }
}

#[test]
fn broker_3_was_killed_and_its_znode_is_gone() {
    let mut session = wide(killed);
    pick_state(&mut session);
    assert_eq!(
        session.state.view.command.as_deref(),
        Some("zookeeper-shell.sh 127.0.0.1:2181 get /brokers/topics/orders/partitions/2/state")
    );
    assert_drawn("zookeeper_120x36", &session.state);
    let drawn = frame(&session.state);
    let chip = |column: u16, row: u16| drawn[(column, row)].modifier;
    assert!(chip(23, 9).contains(Modifier::BOLD), "removed is a chip");
    session.press('i');
    assert!(text(&frame(&session.state)).contains(r#"v6  {"controller_epoch":1,"leader":1"#));
    session.key(Key::Enter);
    assert_drawn("opened_znode_120x36", &session.state);
}

#[test]
fn a_small_window_has_the_tree_and_the_rest_by_turns() {
    let mut session = session((80, 24), Appearance::default(), killed);
    assert_drawn("zookeeper_80x24", &session.state);
    session.key(Key::Tab);
    session.key(Key::Tab);
    assert_drawn("zookeeper_sessions_80x24", &session.state);
}

#[test]
fn who_watches_is_apart_from_when_it_fired_however_many_do() {
    let mut session = wide(|session| {
        session.all_ready();
        for id in 4..=6 {
            session.later(10).spawned(broker(id), 4200, Some(9092));
            session.report(
                broker(id),
                Report::Registered {
                    broker: BrokerId(id),
                    broker_epoch: 30,
                    session: i64::from(id),
                },
            );
        }
    });
    let watched = |path: &str| WatchSeen {
        path: path.into(),
        sessions: (1..=6).collect(),
    };
    session.see(Observation::ZooKeeper(ZooKeeperSeen {
        watches: 12,
        watched: vec![watched("/brokers"), watched("/controller")],
        ..ZooKeeperSeen::default()
    }));
    let drawn = text(&frame(&session.state));
    let lines: Vec<&str> = drawn
        .lines()
        .filter(|line| line.contains("never"))
        .collect();
    assert_eq!(lines.len(), 2, "{drawn}");
    for line in lines {
        assert!(
            line.contains("brokers 1 2 3 4 5 6") && line.contains(" never"),
            "{line}"
        );
    }
    for id in 7..=16 {
        session.later(10).spawned(broker(id), 4200, Some(9092));
        session.report(
            broker(id),
            Report::Registered {
                broker: BrokerId(id),
                broker_epoch: 30,
                session: i64::from(id),
            },
        );
    }
    session.see(Observation::ZooKeeper(ZooKeeperSeen {
        watched: vec![WatchSeen {
            path: "/brokers".into(),
            sessions: (1..=16).collect(),
        }],
        ..ZooKeeperSeen::default()
    }));
    let drawn = text(&frame(&session.state));
    assert!(drawn.contains(" 16 sessions "), "{drawn}");
}

#[test]
fn a_large_window_shows_more_of_the_same() {
    let mut session = session((200, 60), Appearance::default(), killed);
    pick_state(&mut session);
    assert_drawn("zookeeper_200x60", &session.state);
}

#[test]
fn before_the_tree_is_read_each_pane_says_what_it_will_show() {
    let session = wide(|session| {
        session.starting();
    });
    assert_drawn("zookeeper_starting_120x36", &session.state);
}

#[test]
fn a_server_that_does_not_allow_the_words_is_named_as_such() {
    let session = wide(|session| {
        quiet(session);
        words(session, &[(1, 150), (2, 370), (3, 420)], &["cons", "wchp"]);
    });
    assert_drawn("zookeeper_refused_120x36", &session.state);
}

#[test]
fn a_dead_zookeeper_leaves_the_tree_as_it_was() {
    let session = wide(|session| {
        quiet(session);
        session.press('0');
        session.later(100).press('x');
        let exited = ProcessChange::Exited {
            code: None,
            signal: Some(9),
        };
        session.later(5).process(ProcessName::ZooKeeper, exited);
        session.later(900).tick();
    });
    assert_drawn("zookeeper_dead_120x36", &session.state);
}

#[test]
fn a_tree_that_was_never_read_of_a_dead_zookeeper_says_so() {
    let session = wide(|session| {
        session.all_ready();
        session.press('0');
        session.later(100).press('x');
        let exited = ProcessChange::Exited {
            code: None,
            signal: Some(9),
        };
        session.later(5).process(ProcessName::ZooKeeper, exited);
    });
    let drawn = text(&frame(&session.state));
    assert!(
        drawn.contains("ZooKeeper is dead, and nothing was read"),
        "{drawn}"
    );
}

#[test]
fn states_are_words_and_weight_where_there_is_no_colour_and_no_line_drawing() {
    let ascii = Appearance {
        glyphs: Glyphs::Ascii,
        ..Appearance::default()
    };
    let mut drawn = session((120, 36), ascii, killed);
    pick_state(&mut drawn);
    assert_drawn("zookeeper_120x36_ascii", &drawn.state);
    let mono = Appearance {
        scheme: Scheme::Mono,
        ..Appearance::default()
    };
    let drawn = session((120, 36), mono, killed);
    let buffer = frame(&drawn.state);
    let line = text(&buffer).lines().nth(9).expect("a row").to_owned();
    assert!(line.contains("✗ removed      session expired"), "{line}");
    assert!(buffer[(23, 9)].modifier.contains(Modifier::REVERSED));
}

#[test]
fn the_tree_is_read_while_it_is_on_the_screen_and_no_longer() {
    let asked = |session: &Session| -> Vec<Option<String>> {
        let requests = session.requests.iter();
        let asked = requests.filter_map(|request| match request {
            Request::WatchZnodes(topic) => Some(topic.clone()),
            _ => None,
        });
        asked.collect()
    };
    let mut session = Session::new((120, 36), Appearance::default());
    session.all_ready();
    assert_eq!(asked(&session), []);
    session.happen(Happening::Do(Action::Screen(ScreenAction::Layout(
        "zookeeper".into(),
    ))));
    session.later(1000).tick();
    assert_eq!(asked(&session), [Some("orders".to_owned())]);
    session.happen(Happening::Do(Action::Screen(ScreenAction::Layout(
        "overview".into(),
    ))));
    assert_eq!(asked(&session), [Some("orders".to_owned()), None]);
}
