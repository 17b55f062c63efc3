//! A cluster that somebody else runs: what is drawn of it, and what is refused.

use super::{
    assert_drawn, frame,
    session::{Session, broker, cluster_of_orders},
    text,
};
use crate::state::{
    Action, Appearance, ClusterSeen, GroupSeen, Happening, Key, MemberSeen, Observation,
    PartitionOffsets, ProcessChange, QuorumReplica, QuorumSeen, Reach, RecordSeen, Request, Setup,
    SoftwareSeen, State, Timestamp,
};
use wire::{BrokerId, GroupState, LeaderEpoch, Offset, TopicPartition};

/// A session that nobody answered yet.
fn asking(size: (u16, u16), writes: bool) -> Session {
    let own = Session::new(size, Appearance::default());
    let (state, requests) = State::new(Setup {
        name: "attached".into(),
        brokers: Vec::new(),
        topics: Vec::new(),
        group: String::new(),
        consumers: 0,
        reach: Reach::Attached {
            bootstrap: "k1.shop:9092,k2.shop:9092".into(),
            writes,
            secured: None,
            user: None,
        },
        ..own.state.setup
    });
    assert_eq!(requests, [], "nothing is started");
    Session {
        state,
        requests,
        at: own.at,
    }
}

fn listed(session: &mut Session, id: i32) {
    let rack = ["a", "b", "c"][usize::try_from(id - 1).expect("small") % 3];
    let change = ProcessChange::Listed {
        address: format!("k{id}.shop:9092"),
        rack: Some(rack.to_owned()),
    };
    session.process(broker(id), change);
}

/// What Metadata says: who lives, who leads each partition, and its ISR.
fn metadata(session: &mut Session, live: &[i32], partitions: [(i32, i32, &[i32]); 3]) {
    let address = |id| format!("k{id}.shop:9092");
    let seen = ClusterSeen {
        cluster_id: Some("hQ4mTn2sR1q".into()),
        ..cluster_of_orders(live, address, partitions)
    };
    session.see(Observation::Cluster(seen));
}

const ALL_IN_SYNC: [(i32, i32, &[i32]); 3] =
    [(1, 4, &[1, 2, 3]), (2, 4, &[2, 3, 1]), (3, 4, &[3, 1, 2])];

/// A cluster that answered: three brokers, a topic, a group.
fn attached(size: (u16, u16), writes: bool) -> Session {
    let mut session = asking(size, writes);
    session.later(210);
    let software = SoftwareSeen {
        quorum: true,
        release: Some("4.3".into()),
    };
    session.see(Observation::Software(software));
    for id in 1..=3 {
        listed(&mut session, id);
    }
    metadata(&mut session, &[1, 2, 3], ALL_IN_SYNC);
    for partition in 0..3 {
        let place = TopicPartition::new("orders", partition);
        let high = 8_812_040 + i64::from(partition);
        let ends = (1..=3).map(|id| (BrokerId(id), Offset(high)));
        session.see(Observation::Offsets(vec![PartitionOffsets {
            partition: place.clone(),
            log_start: Offset(8_000_000),
            high_watermark: Offset(high),
            last_stable: None,
            ends: ends.collect(),
        }]));
        let records = (high - 9..high).zip(["amy", "ben", "cleo"].into_iter().cycle());
        let records = records.map(|(offset, key)| RecordSeen {
            offset: Offset(offset),
            key: Some(key.into()),
            value: Some("order".into()),
            ..RecordSeen::default()
        });
        session.see(Observation::Records {
            partition: place,
            from: Offset(high - 9),
            upto: Offset(high),
            records: records.collect(),
        });
    }
    let member = |name: &str, partitions: &[i32]| MemberSeen {
        member_id: format!("{name}-id"),
        client_id: name.into(),
        host: "/10.2.0.14".into(),
        assignment: partitions
            .iter()
            .map(|p| TopicPartition::new("orders", *p))
            .collect(),
        ..MemberSeen::default()
    };
    session.see(Observation::Group(GroupSeen {
        group: "shop".into(),
        state: GroupState::Stable,
        coordinator: Some(BrokerId(2)),
        protocol: "range".into(),
        members: vec![member("shop-0", &[0, 1]), member("shop-1", &[2])],
        committed: (0..3)
            .map(|p| (TopicPartition::new("orders", p), Offset(8_812_000)))
            .collect(),
        ..GroupSeen::default()
    }));
    session
}

/// Broker 3 does not answer, and then Metadata names it no more.
fn without_broker_3(size: (u16, u16)) -> Session {
    let mut session = attached(size, false);
    session.later(4000).press('3');
    let why = "cannot connect: Connection refused (os error 111)".to_owned();
    session.process(broker(3), ProcessChange::Silent { why });
    session.later(9000);
    session.process(broker(3), ProcessChange::Unlisted);
    let moved: [(i32, i32, &[i32]); 3] = [(1, 5, &[1, 2]), (2, 5, &[2, 1]), (1, 5, &[1, 2])];
    metadata(&mut session, &[1, 2], moved);
    session.later(12_000).tick();
    session
}

#[test]
fn somebody_elses_cluster_is_drawn_as_it_answers() {
    assert_drawn("attached_120x36", &attached((120, 36), false).state);
    assert_drawn("attached_80x24", &attached((80, 24), false).state);
    assert_drawn("attached_gone_120x36", &without_broker_3((120, 36)).state);
    assert_drawn("attached_gone_80x24", &without_broker_3((80, 24)).state);
}

#[test]
fn before_anybody_answered_the_screen_says_who_is_asked() {
    let mut session = asking((120, 36), false);
    let why = "no broker answers, they are asked again and again. k1.shop:9092: cannot connect";
    session.see(Observation::Failed { why: why.into() });
    let seen = text(&frame(&session.state));
    for words in [
        "asking",
        "read-only",
        "Nobody has answered yet at k1.shop:9092",
        why,
    ] {
        assert!(seen.contains(words), "{words}\n{seen}");
    }
    assert!(!session.state.is_ready());
}

#[test]
fn what_our_hands_do_not_reach_is_refused_whoever_wants_it() {
    let mut session = attached((120, 36), false);
    session.press('2');
    let not_ours = "broker 2 is not ours: its process is on k2.shop";
    let read_only = "read-only: --allow-writes at the start";
    let attached = "this cluster is not ours";
    for (action, why) in [
        ("kill broker 2", not_ours),
        ("stop", not_ours),
        ("freeze broker 2", not_ours),
        ("restart broker 2", not_ours),
        ("start broker 2", not_ours),
        ("kill leader of orders p1", not_ours),
        ("heal", attached),
        ("broker add", attached),
        ("lesson 8", attached),
        ("produce amy:tea", read_only),
        ("compose", read_only),
        ("stream 10", read_only),
        ("topic create chat 4 2", read_only),
        ("topic delete orders", read_only),
        ("group delete shop", read_only),
        ("config orders retention.ms 60000", read_only),
        ("leaders elect", read_only),
        ("partitions spread", read_only),
        ("consumer add shop", read_only),
    ] {
        session.requests.clear();
        session.later(3000);
        let action: Action = action.parse().unwrap_or_else(|_| panic!("{action}"));
        session.happen(Happening::Do(action.clone()));
        let message = session.state.view.message.as_ref();
        let said = message
            .map(|message| message.text.clone())
            .unwrap_or_default();
        assert!(said.starts_with(why), "{action}: {said}");
        let done: Vec<&Request> = session
            .requests
            .iter()
            .filter(|it| !it.concerns_the_terminal())
            .collect();
        assert_eq!(done, [] as [&Request; 0], "{action}");
        assert!(session.state.view.ask.is_none(), "{action}");
    }
    for key in [
        'p', 'P', '+', 'c', 'C', 't', 'D', 'x', 's', 'z', 'r', 'a', 'm', 'e', 'H',
    ] {
        session.later(3000).key(Key::Esc);
        session.requests.clear();
        session.press(key);
        let done = session
            .requests
            .iter()
            .any(|it| !it.concerns_the_terminal());
        assert!(!done && session.state.view.ask.is_none(), "{key}");
        assert!(session.state.view.message.is_some(), "{key} says why");
    }
}

#[test]
fn with_writes_allowed_records_go_and_processes_stay_out_of_reach() {
    let mut session = attached((120, 36), true);
    let produce = "produce amy:tea".parse().expect("an action");
    session.happen(Happening::Do(produce));
    let produces = |request: &Request| matches!(request, Request::Produce(_));
    assert!(session.requests.iter().any(produces));
    session.later(3000);
    session.happen(Happening::Do("kill broker 2".parse().expect("an action")));
    let kills = |request: &Request| matches!(request, Request::Kill(_));
    assert!(!session.requests.iter().any(kills));
}

#[test]
fn what_happened_is_what_was_seen_with_its_effects_below_it() {
    let session = without_broker_3((120, 36));
    let told: Vec<(String, u8)> = session
        .state
        .story
        .entries()
        .iter()
        .map(|entry| {
            let words: String = entry.text.iter().map(|(_, words)| words.as_str()).collect();
            (format!("{} {words}", entry.hand), entry.depth)
        })
        .collect();
    let expected = [
        (
            "kafkarium attached to k1.shop:9092,k2.shop:9092: 3 brokers, 1 topic, read-only",
            0,
        ),
        (
            "seen broker 3 does not answer (leads 1 partition): cannot connect: Connection refused (os error 111)",
            0,
        ),
        ("seen broker 3 is not in the metadata any more", 1),
        ("seen orders p2 leader 3->1", 2),
        ("seen orders p0 p1 ISR without 3", 2),
    ];
    let expected: Vec<(String, u8)> = expected
        .into_iter()
        .map(|(words, depth)| (words.to_owned(), depth))
        .collect();
    assert_eq!(told, expected);
}

/// What the quorum's leader says: of each copy its id, what it lacks, and how long ago it fetched and was level.
fn quorum(session: &mut Session, leader: i32, epoch: i32, copies: &[(i32, i64, f64, f64)]) {
    let now = session.at;
    let ago = |seconds: f64| {
        let micros = std::time::Duration::from_secs_f64(seconds).as_micros();
        Timestamp(now.0 - i64::try_from(micros).expect("small"))
    };
    let copy = |(id, lag, fetched, caught_up): &(i32, i64, f64, f64)| QuorumReplica {
        id: BrokerId(*id),
        log_end: Some(Offset(48_211 - lag)),
        fetched: Some(ago(*fetched)),
        caught_up: Some(ago(*caught_up)),
    };
    let (voters, observers): (Vec<_>, Vec<_>) = copies.iter().partition(|(id, ..)| *id >= 3000);
    session.see(Observation::Quorum(QuorumSeen {
        leader: Some(BrokerId(leader)),
        epoch: LeaderEpoch(epoch),
        high_watermark: Offset(48_211),
        voters: voters.iter().map(copy).collect(),
        observers: observers.iter().map(copy).collect(),
    }));
}

const LEVEL: [(i32, i64, f64, f64); 6] = [
    (3000, 0, 0.2, 0.2),
    (3001, 0, 0.0, 0.0),
    (3002, 0, 0.3, 0.3),
    (1, 0, 0.3, 0.3),
    (2, 0, 0.1, 0.1),
    (3, 2, 0.4, 0.9),
];

const ONE_BEHIND: [(i32, i64, f64, f64); 6] = [
    (3000, 0, 0.2, 0.2),
    (3001, 0, 0.0, 0.0),
    (3002, 37, 6.1, 9.8),
    (1, 0, 0.3, 0.3),
    (2, 0, 0.1, 0.1),
    (3, 2, 0.4, 0.9),
];

/// Voter 3002 stopped fetching, and the layout shows it.
fn with_quorum(size: (u16, u16)) -> Session {
    let mut session = attached(size, false);
    session.later(500);
    quorum(&mut session, 3001, 12, &LEVEL);
    session.happen(Happening::Do("layout quorum".parse().expect("an action")));
    session.later(8000);
    quorum(&mut session, 3001, 12, &ONE_BEHIND);
    session.press('0');
    session
}

#[test]
fn the_quorum_stands_where_zookeeper_stood() {
    assert_drawn("quorum_120x36", &with_quorum((120, 36)).state);
    assert_drawn("quorum_80x24", &with_quorum((80, 24)).state);
}

#[test]
fn who_stopped_following_is_seen_and_why_is_inferred() {
    let mut session = with_quorum((120, 36));
    session.later(2000);
    session.see(Observation::QuorumSilent {
        why: "no answer to DescribeQuorum within 5s".into(),
    });
    session.later(2000);
    quorum(&mut session, 3000, 13, &LEVEL);
    let told: Vec<String> = session
        .state
        .story
        .entries()
        .iter()
        .skip(1)
        .map(|entry| {
            let words: String = entry.text.iter().map(|(_, words)| words.as_str()).collect();
            format!("{} {} {words}", entry.depth, entry.hand)
        })
        .collect();
    let expected = [
        "0 seen voter 3002 stopped fetching",
        "1 seen voter 3002 has caught up",
        "1 inferred stuck, stopped or cut off: 37 behind",
        "0 seen nobody of the quorum answers: no answer to DescribeQuorum within 5s",
        "1 seen the quorum's leader 3001->3000  epoch 12->13",
    ];
    let mut sorted = told.clone();
    sorted.sort();
    let mut wanted = expected.map(str::to_owned);
    wanted.sort();
    assert_eq!(sorted, wanted, "{told:#?}");
}

#[test]
fn every_layout_of_an_attached_cluster_is_drawn_at_every_size() {
    for (columns, rows) in [(60, 16), (80, 24), (100, 30), (120, 36), (200, 60)] {
        let mut session = with_quorum((columns, rows));
        let first = session.state.view.layouts.current().name.clone();
        let mut seen = Vec::new();
        loop {
            session.happen(Happening::Do("layout next".parse().expect("an action")));
            let name = session.state.view.layouts.current().name.clone();
            let _ = text(&frame(&session.state));
            seen.push(name.clone());
            if name == first {
                break;
            }
        }
        assert!(
            !seen.iter().any(|name| name == "zookeeper"),
            "it would stay empty: {seen:?}"
        );
    }
}
