//! A hundred brokers, a hundred partitions, and twenty that die at once.

use std::time::Duration;

use super::{
    assert_drawn,
    session::{START_MS, Session, broker},
};
use crate::state::{
    Action, Appearance, BrokerSeen, ClusterSeen, Happening, Key, NewTopic, Observation,
    PartitionSeen, ProcessChange, ProcessName, Reach, SessionSeen, Setup, State, Timestamp,
    TopicSeen, ZooKeeperSeen,
};
use wire::{BrokerId, LeaderEpoch};

/// Who dies.
const DEAD: [i32; 20] = [
    2, 8, 13, 17, 20, 33, 36, 37, 43, 44, 47, 56, 68, 71, 73, 75, 84, 92, 96, 97,
];

fn fleet(size: (u16, u16), brokers: i32, partitions: i32) -> Session {
    let (state, requests) = State::new(Setup {
        name: "demo".into(),
        ephemeral: false,
        started_at: Timestamp::from_ms(START_MS),
        utc_offset_s: 0,
        brokers: (1..=brokers).map(BrokerId).collect(),
        topics: vec![NewTopic {
            name: "orders".into(),
            partitions,
            replication_factor: 3,
        }],
        group: "billing".into(),
        consumers: 0,
        proves: false,
        reach: Reach::Own,
        appearance: Appearance::default(),
        size,
    });
    let mut session = Session {
        state,
        requests,
        at: Timestamp::from_ms(START_MS),
    };
    session
        .later(4)
        .spawned(ProcessName::ZooKeeper, 4120, Some(2181));
    session.later(30).ready(ProcessName::ZooKeeper, 2181);
    for id in 1..=brokers {
        let port = 9091 + u16::try_from(id).expect("small");
        session.spawned(broker(id), 4120 + u32::from(port) - 9091, Some(port));
        session.later(1).ready(broker(id), port);
    }
    seen(&mut session, brokers, partitions, &[]);
    wish(&mut session, "layout fleet");
    session.later(30_000).tick();
    session
}

fn wish(session: &mut Session, action: &str) {
    let action: Action = action.parse().expect("an action");
    session.happen(Happening::Do(action));
}

/// What the cluster tells while these are dead.
fn seen(session: &mut Session, brokers: i32, partitions: i32, dead: &[i32]) {
    let live = |id: &i32| !dead.contains(id);
    let partitions = (0..partitions).map(|partition| {
        let replicas: Vec<i32> = (0..3)
            .map(|next| (partition + next) % brokers + 1)
            .collect();
        let isr: Vec<i32> = replicas.iter().copied().filter(live).collect();
        PartitionSeen {
            partition,
            leader: isr.first().copied().map(BrokerId),
            epoch: LeaderEpoch(i32::from(!live(&replicas[0]))),
            replicas: replicas.into_iter().map(BrokerId).collect(),
            isr: isr.into_iter().map(BrokerId).collect(),
        }
    });
    let cluster = ClusterSeen {
        cluster_id: None,
        controller: Some(BrokerId(12)),
        brokers: (1..=brokers)
            .filter(live)
            .map(|id| BrokerSeen {
                id: BrokerId(id),
                address: format!("127.0.0.1:{}", 9091 + id),
                rack: None,
            })
            .collect(),
        topics: vec![TopicSeen {
            name: "orders".into(),
            partitions: partitions.collect(),
            min_insync_replicas: Some(2),
            ..TopicSeen::default()
        }],
    };
    session.see(Observation::Cluster(cluster));
    let heard = session.at;
    let sessions = (1..=brokers).filter(live).map(|id| SessionSeen {
        session: i64::from(id),
        timeout: Duration::from_millis(1500),
        last_heard: heard,
        ephemerals: vec![format!("/brokers/ids/{id}")],
    });
    let zookeeper = ZooKeeperSeen {
        znodes: 1204,
        watches: 320,
        sessions: sessions.collect(),
        ..ZooKeeperSeen::default()
    };
    session.see(Observation::ZooKeeper(zookeeper));
}

fn die(session: &mut Session, brokers: i32, partitions: i32, dead: &[i32]) {
    let ids: Vec<String> = dead.iter().map(ToString::to_string).collect();
    wish(session, &format!("kill brokers {}", ids.join(" ")));
    for id in dead {
        let killed = ProcessChange::Exited {
            code: None,
            signal: Some(9),
        };
        session.later(1).process(broker(*id), killed);
    }
    session.later(1_500);
    seen(session, brokers, partitions, dead);
}

#[test]
fn twenty_of_a_hundred_are_dead_and_one_is_frozen() {
    let mut session = fleet((120, 36), 100, 100);
    die(&mut session, 100, 100, &DEAD);
    session.later(300);
    wish(&mut session, "freeze broker 88");
    session.process(broker(88), ProcessChange::Frozen);
    session.later(900).press('4');
    session.later(300).press('7');
    session.tick();
    assert_drawn("fleet_120x36", &session.state);
    session.later(5_000).tick();
    session.happen(Happening::Resize(80, 24));
    assert_drawn("fleet_80x24", &session.state);
}

#[test]
fn a_filter_leaves_the_brokers_that_it_names() {
    let mut session = fleet((120, 36), 100, 100);
    die(&mut session, 100, 100, &DEAD);
    session.later(900).press('1');
    session.later(900);
    wish(&mut session, "filter dead");
    let cells = |session: &Session| {
        let cells = session.state.broker_cells();
        cells
            .filter_map(|it| Some(it.broker()?.0))
            .collect::<Vec<i32>>()
    };
    assert_eq!(cells(&session), DEAD);
    session.tick();
    let drawn = super::text(&super::frame(&session.state));
    assert!(drawn.contains("/dead"), "{drawn}");
    session.key(Key::Down);
    assert_eq!(
        session.state.view.picked,
        broker(2),
        "arrows lead over what is shown"
    );
    wish(&mut session, "filter 47");
    assert_eq!(cells(&session), [47]);
    session.key(Key::Esc);
    assert_eq!(cells(&session).len(), 100);
}

#[test]
fn what_the_servers_cost_is_measured_from_one_look_to_the_next() {
    let mut session = fleet((120, 36), 3, 3);
    for used_ms in [100, 300] {
        session.later(2_000);
        for id in 1..=3 {
            session.see(Observation::Memory {
                process: broker(id),
                rss_bytes: 9 * 1024 * 1024,
                cpu_ms: Some(used_ms),
            });
        }
    }
    session.tick();
    let drawn = super::text(&super::frame(&session.state));
    assert!(drawn.contains("30 % of a core"), "{drawn}");
}

#[test]
fn rows_that_are_hidden_are_counted_with_their_dead() {
    let mut session = fleet((120, 36), 100, 200);
    die(&mut session, 100, 200, &[84, 92]);
    session.happen(Happening::Resize(100, 30));
    session.later(5_000).tick();
    assert_drawn("fleet_hidden_100x30", &session.state);
    session.press('9');
    session.later(2_000).key(Key::End);
    session.tick();
    let drawn = super::text(&super::frame(&session.state));
    assert!(drawn.contains("hidden"), "{drawn}");
    assert!(drawn.contains("►●100"), "{drawn}");
}

#[test]
fn ids_of_several_digits_are_typed_and_arrows_lead_over_the_grid() {
    let mut session = fleet((120, 36), 100, 100);
    let picked = |session: &Session| session.state.view.picked.to_string();
    session.press('4');
    assert_eq!(picked(&session), "broker 4");
    session.later(500).press('7');
    assert_eq!(picked(&session), "broker 47");
    session.later(900).press('1');
    assert_eq!(
        picked(&session),
        "broker 1",
        "too late to be 471, or 471 is none"
    );
    session.later(100).press('0');
    assert_eq!(picked(&session), "broker 10");
    session.later(100).press('0');
    assert_eq!(picked(&session), "broker 100");
    session.later(100).press('0');
    assert_eq!(picked(&session), "zookeeper");
    session.later(900).press('2');
    session.later(100).press('z');
    session.later(100).press('5');
    assert_eq!(picked(&session), "broker 5", "another key ends the id");
    session.later(1_000);
    for (key, now) in [
        (Key::Down, "broker 15"),
        (Key::Right, "broker 16"),
        (Key::Up, "broker 6"),
        (Key::Up, "zookeeper"),
        (Key::Down, "broker 1"),
        (Key::End, "broker 100"),
        (Key::Down, "broker 100"),
    ] {
        session.later(200).key(key);
        assert_eq!(picked(&session), now, "{key}");
    }
    session.key(Key::Tab);
    session.key(Key::Down);
    session.key(Key::Right);
    assert_eq!(session.state.view.partition, 11);
}

#[test]
fn with_a_few_brokers_every_digit_picks() {
    let mut session = Session::new((120, 36), Appearance::default());
    session.all_ready();
    session.later(500).press('1');
    session.later(100).press('2');
    assert_eq!(session.state.view.picked, broker(2));
    assert!(session.state.view.typed_pick.is_none());
}

#[test]
fn the_process_table_says_how_many_it_hides_and_shows_what_is_picked() {
    let mut session = fleet((120, 36), 40, 3);
    wish(&mut session, "layout overview");
    die(&mut session, 40, 3, &[3, 39]);
    session.later(5_000).tick();
    let drawn = super::text(&super::frame(&session.state));
    assert!(drawn.contains("7 hidden 1 ✗"), "{drawn}");
    session.press('3');
    session.later(100).press('9');
    session.tick();
    let drawn = super::text(&super::frame(&session.state));
    assert!(drawn.contains("►39 ✗ KILLED"), "{drawn}");
    assert!(drawn.contains(" hidden"), "{drawn}");
}
