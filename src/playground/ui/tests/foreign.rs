//! What others wrote is shown and never obeyed: sequences for a terminal in every field that comes from outside.

use super::{
    frame,
    session::{START_MS, Session, broker, orders},
    text,
};
use crate::state::{
    Action, Appearance, BrokerSeen, ClusterAction, ClusterSeen, GroupSeen, Happening, Key,
    MemberSeen, Observation, PartitionSeen, ProcessChange, ProcessName, RecordSeen, ScreenAction,
    TopicSeen, WatchSeen, ZnodeContent, ZnodeSeen, ZnodesSeen, ZooKeeperSeen,
};
use wire::{
    BrokerId, GroupState, Offset,
    report::{GroupCause, MemberStep, Report, ZnodeChange},
};

/// A window title, a colour by one byte, a turned line and a blank that takes no room.
pub const SEQUENCES: &str = "\x1b]0;t\x07\u{9b}31m\u{202e}\u{200b}";

/// How a name ends that others chose; as it is written out.
const SEEN: &str = r"\x1b]0;t\x07\x9b31m\u{202e}\u{200b}";

fn named(what: &str) -> String {
    format!("{what}{SEQUENCES}")
}

/// Everything that comes from outside carries the sequences.
pub fn session(size: (u16, u16)) -> Session {
    let mut session = Session::new(size, Appearance::default());
    session.rebalancing();
    // Of a cluster that others started: its brokers are where they say, its topics are called as they like.
    session.see(Observation::Cluster(ClusterSeen {
        cluster_id: Some(named("id")),
        controller: Some(BrokerId(1)),
        brokers: vec![BrokerSeen {
            id: BrokerId(1),
            address: named("host"),
            rack: Some(named("rack")),
        }],
        topics: ["orders".to_owned(), named("t")]
            .map(|name| TopicSeen {
                name,
                partitions: vec![PartitionSeen {
                    leader: Some(BrokerId(1)),
                    replicas: vec![BrokerId(1)],
                    isr: vec![BrokerId(1)],
                    ..PartitionSeen::default()
                }],
                configs: [(named("retention.ms"), named("1"))].into(),
                ..TopicSeen::default()
            })
            .into(),
    }));
    groups(&mut session);
    records(&mut session);
    znodes(&mut session);
    session.later(300).tick();
    session
}

fn groups(session: &mut Session) {
    for group in ["billing".to_owned(), named("g")] {
        session.see(Observation::Group(GroupSeen {
            group: group.clone(),
            state: GroupState::of_name(&named("Stable")),
            protocol: named("range"),
            committed: vec![(orders(0), Offset(5))],
            members: vec![MemberSeen {
                member_id: named("m"),
                client_id: named("c"),
                host: named("/h"),
                assignment: vec![orders(0)],
                ..MemberSeen::default()
            }],
            ..GroupSeen::default()
        }));
        session.report(
            broker(1),
            Report::GroupMember {
                group: group.clone(),
                member: named("m"),
                client_id: named("c"),
                step: MemberStep::Left,
                generation: 3,
                partitions: vec![orders(0)],
                why: GroupCause::from(named("why")),
            },
        );
        session.report(
            broker(1),
            Report::GroupState {
                group,
                state: GroupState::PreparingRebalance,
                generation: 4,
                why: GroupCause::from(named("c asks to join ")),
                protocol: Some(named("range")),
                leader: Some(named("m")),
                awaited: vec![named("m")],
                rebalance_timeout_ms: 60_000,
                members: Vec::new(),
                before: Vec::new(),
            },
        );
    }
}

fn records(session: &mut Session) {
    let record = |offset| RecordSeen {
        offset: Offset(offset),
        key: Some(named("k")),
        value: Some(named("v")),
        timestamp_ms: START_MS,
        size_bytes: 40,
        headers: vec![(named("name"), named("header"))],
        ..RecordSeen::default()
    };
    session.see(Observation::Records {
        partition: orders(0),
        from: Offset(43),
        upto: Offset(45),
        records: vec![record(43), record(44)],
    });
    session.see(Observation::SendFailed {
        partition: Some(orders(0)),
        key: Some(named("k")),
        error: named("ERROR"),
    });
}

/// Znodes, and what the processes say.
fn znodes(session: &mut Session) {
    session.see(Observation::Znodes(ZnodesSeen {
        session: 4,
        whole: true,
        znodes: ["/controller".to_owned(), named("/z")]
            .map(|path| ZnodeSeen {
                path,
                content: Some(ZnodeContent {
                    data: named("data"),
                    size_bytes: 30,
                    ephemeral_owner: 2,
                    ..ZnodeContent::default()
                }),
            })
            .into(),
    }));
    session.see(Observation::ZooKeeper(ZooKeeperSeen {
        watched: vec![WatchSeen {
            path: named("/z"),
            sessions: vec![1],
        }],
        ..ZooKeeperSeen::default()
    }));
    session.report(
        ProcessName::ZooKeeper,
        Report::WatchFired {
            path: named("/z"),
            change: ZnodeChange::Changed,
            sessions: vec![2],
        },
    );
    for process in [ProcessName::ZooKeeper, broker(1), broker(2)] {
        session.see(Observation::LogLines {
            process,
            file: named("server.log"),
            lines: vec![named("2026-11-22T12:01:09.402Z ERROR line")],
        });
    }
    session.process(
        broker(2),
        ProcessChange::Exited {
            code: Some(1),
            signal: None,
        },
    );
    session.see(Observation::Notice(named("port 9092 was taken")));
}

/// Signs that command a terminal, turn a line or are not seen; a frame's lines end in `\n`.
fn commands(text: &str) -> Vec<char> {
    let obeyed = |sign: &char| {
        (sign.is_control() && *sign != '\n') || matches!(sign, '\u{202e}' | '\u{200b}')
    };
    text.chars().filter(obeyed).collect()
}

fn drawn(session: &Session, where_to: &str) -> String {
    let drawn = text(&frame(&session.state));
    assert!(commands(&drawn).is_empty(), "{where_to}: {drawn}");
    drawn
}

#[test]
fn no_layout_hands_a_sequence_to_the_terminal() {
    let layouts = [
        "overview",
        "replication",
        "flow",
        "stage",
        "zookeeper",
        "groups",
        "developer",
    ];
    let mut shown = 0;
    for size in [(80, 24), (120, 36), (200, 60)] {
        for layout in layouts {
            let mut session = session(size);
            session.happen(Happening::Do(Action::Screen(ScreenAction::Layout(
                layout.into(),
            ))));
            for broker in ['0', '1', '2'] {
                session.press(broker);
                let drawn = drawn(&session, layout);
                shown += drawn.matches(r"\x1b]0;t\x07").count();
            }
            // Each pane has the focus once, and what is under its cursor is opened.
            for _ in 0..8 {
                session.key(Key::Tab);
                drawn(&session, layout);
                session.key(Key::Enter);
                let opened = drawn(&session, layout);
                shown += opened.matches(SEEN).count();
                session.key(Key::Esc);
            }
        }
    }
    assert!(shown > 100, "they are written out, not left out: {shown}");
}

#[test]
fn the_palette_and_the_composer_show_what_was_pasted() {
    let mut session = session((120, 36));
    for (key, what) in [(':', "palette"), ('/', "filter")] {
        session.press(key);
        session.happen(Happening::Paste(named("paste")));
        drawn(&session, what);
        session.key(Key::Esc);
        session.key(Key::Esc);
    }
    session.happen(Happening::Do(Action::Cluster(ClusterAction::Compose)));
    session.happen(Happening::Paste(named("paste")));
    drawn(&session, "composer");
}

#[test]
fn a_name_that_is_drawn_otherwise_stays_the_name_that_is_asked_with() {
    let session = session((120, 36));
    assert!(session.state.cluster.groups.contains_key(&named("g")));
}
