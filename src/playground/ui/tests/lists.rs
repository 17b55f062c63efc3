//! Replicas and Group with much in them: what is open, what is folded, what is on its way back.

use super::{
    assert_drawn, frame,
    session::{Session, broker, orders},
    text,
};
use crate::state::{
    Appearance, ClusterSeen, GroupSeen, Happening, Key, MemberSeen, Observation, Pane,
    PartitionOffsets, PartitionSeen, ProcessChange, TopicSeen,
};
use wire::{BrokerId, GroupState, LeaderEpoch, Offset, TopicPartition};

fn ids(brokers: &[i32]) -> Vec<BrokerId> {
    brokers.iter().copied().map(BrokerId).collect()
}

fn topic(name: &str, min_insync_replicas: i32, isrs: &[&[i32]]) -> TopicSeen {
    TopicSeen {
        name: name.into(),
        min_insync_replicas: Some(min_insync_replicas),
        partitions: (0..)
            .zip(isrs)
            .map(|(partition, isr)| PartitionSeen {
                partition,
                leader: isr.first().copied().map(BrokerId),
                epoch: LeaderEpoch(2),
                replicas: ids(&[1, 2, 3]),
                isr: ids(isr),
            })
            .collect(),
        ..TopicSeen::default()
    }
}

/// Five topics and four groups; a client that is not ours reads for one of them.
fn busy(size: (u16, u16)) -> Session {
    let mut session = Session::new(size, Appearance::default());
    topics_and_groups(&mut session);
    session
}

pub fn topics_and_groups(session: &mut Session) {
    session.rebalancing();
    let mut internal = topic("__consumer_offsets", 1, &[&[1, 2], &[2, 1]]);
    internal.internal = true;
    session.see(Observation::Cluster(ClusterSeen {
        controller: Some(BrokerId(2)),
        topics: vec![
            internal,
            topic("audit", 1, &[&[1, 2], &[2, 1], &[1, 2], &[2, 1]]),
            topic("clicks", 2, &[&[1], &[1, 2]]),
            topic("orders", 2, &[&[1, 2], &[2, 1], &[1, 2]]),
            topic("payments", 1, &[&[], &[2]]),
            topic("支払い", 1, &[&[1, 2, 3]]),
        ],
        ..ClusterSeen::default()
    }));
    for (group, state, members) in [
        ("audit-trail", GroupState::Empty, 0),
        ("fraud", GroupState::PreparingRebalance, 1),
        ("shipping-to-the-other-side", GroupState::Stable, 12),
    ] {
        let members = (0..members).map(|number| MemberSeen {
            member_id: format!("client-{number}-{number:04}"),
            client_id: format!("client-{number}"),
            ..MemberSeen::default()
        });
        session.see(Observation::Group(GroupSeen {
            group: group.into(),
            state,
            members: members.collect(),
            committed: vec![(orders(0), Offset(40))],
            ..GroupSeen::default()
        }));
    }
}

fn layout(session: &mut Session, name: &str) {
    let action = format!("layout {name}").parse().expect("known");
    session.happen(Happening::Do(action));
}

fn focus(session: &mut Session, pane: Pane) {
    while session.state.view.focus != pane {
        session.key(Key::Tab);
    }
}

#[test]
fn many_topics_are_folded_and_one_is_open() {
    let mut session = busy((120, 36));
    assert_drawn("many_topics_overview_120x36", &session.state);
    layout(&mut session, "replication");
    focus(&mut session, Pane::Replicas);
    session.key(Key::Up);
    session.key(Key::Up);
    assert_drawn("many_topics_120x36", &session.state);
    session.key(Key::Enter);
    assert_eq!(session.state.view.topic, "clicks");
    let drawn = text(&frame(&session.state));
    assert!(drawn.contains("Replicas of clicks"), "{drawn}");
}

#[test]
fn a_filter_leaves_topics_and_one_partition() {
    let mut session = busy((120, 36));
    focus(&mut session, Pane::Replicas);
    let filtered = |session: &mut Session, filter: &str| {
        session.happen(Happening::Do(
            format!("filter {filter}").parse().expect("known"),
        ));
        text(&frame(&session.state))
    };
    let drawn = filtered(&mut session, "__");
    assert!(drawn.contains("__consumer_of…"), "{drawn}");
    assert!(!drawn.contains("payments"), "{drawn}");
    let drawn = filtered(&mut session, "p1");
    assert!(
        drawn.contains("p1    ●") && !drawn.contains("p0    ◆"),
        "{drawn}"
    );
    let drawn = filtered(&mut session, "nothing like it");
    assert!(
        drawn.contains("nothing matches \"nothing like it\""),
        "{drawn}"
    );
}

#[test]
fn many_groups_are_folded_and_any_can_be_opened() {
    let mut session = busy((120, 36));
    layout(&mut session, "groups");
    focus(&mut session, Pane::Group);
    session.key(Key::End);
    assert_drawn("many_groups_120x36", &session.state);
    session.key(Key::Enter);
    assert_eq!(session.state.view.group, "shipping-to-the-other-side");
    let drawn = text(&frame(&session.state));
    assert!(drawn.contains("client-0-0000 ● idle"), "not ours: {drawn}");
}

/// A group of two clients of one client id, which read two topics.
fn strangers(size: (u16, u16)) -> Session {
    let mut session = Session::new(size, Appearance::default());
    session.all_ready();
    session.see(Observation::Cluster(ClusterSeen {
        topics: vec![
            topic("orders", 2, &[&[1, 2, 3], &[2, 1, 3], &[3, 1, 2]]),
            topic("payments", 2, &[&[1, 2, 3], &[2, 1, 3]]),
        ],
        ..ClusterSeen::default()
    }));
    let payments = |partition| TopicPartition::new("payments", partition);
    let at = |partition, high| PartitionOffsets {
        partition,
        log_start: Offset(0),
        high_watermark: Offset(high),
        last_stable: None,
        ends: Vec::new(),
    };
    let offsets = vec![at(orders(0), 40), at(payments(0), 9), at(payments(1), 4)];
    session.see(Observation::Offsets(offsets));
    let member = |own: &str, assignment| MemberSeen {
        member_id: format!("rdkafka-{own}"),
        client_id: "rdkafka".into(),
        host: "/127.0.0.1".into(),
        assignment,
        ..MemberSeen::default()
    };
    session.see(Observation::Group(GroupSeen {
        group: "till".into(),
        state: GroupState::Stable,
        protocol: "range".into(),
        members: vec![
            member("3f2c81aa", vec![orders(0), orders(1), payments(0)]),
            member("9be10dd2", vec![orders(2), payments(1)]),
        ],
        committed: vec![
            (orders(0), Offset(40)),
            (payments(0), Offset(7)),
            (payments(1), Offset(3)),
        ],
        ..GroupSeen::default()
    }));
    session.state.view.group = "till".into();
    session
}

#[test]
fn two_clients_of_one_client_id_are_two_members_and_partitions_carry_their_topic() {
    let mut session = strangers((120, 36));
    assert_drawn("strangers_120x36", &session.state);
    layout(&mut session, "groups");
    let drawn = text(&frame(&session.state));
    assert!(drawn.contains("lag 3, 2 topics"), "{drawn}");
    session.state.view.size = (80, 24);
    layout(&mut session, "overview");
    focus(&mut session, Pane::Group);
    let drawn = text(&frame(&session.state));
    for row in ["rdkafka-3f2c ●", "rdkafka-9be1 ●"] {
        assert!(drawn.contains(row), "{drawn}");
    }
}

#[test]
fn who_reads_another_topic_than_the_shown_one_is_not_idle_on_stage() {
    let mut session = strangers((120, 36));
    session.see(Observation::Group(GroupSeen {
        group: "till".into(),
        state: GroupState::Stable,
        members: vec![MemberSeen {
            member_id: "kgo-07aa".into(),
            client_id: "kgo".into(),
            assignment: vec![TopicPartition::new("payments", 0)],
            ..MemberSeen::default()
        }],
        ..GroupSeen::default()
    }));
    layout(&mut session, "stage");
    let drawn = text(&frame(&session.state));
    assert!(drawn.contains("reads payments p0"), "{drawn}");
    assert!(!drawn.contains("idle"), "{drawn}");
}

#[test]
fn a_replica_on_its_way_back_shows_how_far_it_is() {
    let mut session = Session::new((120, 36), Appearance::default());
    session.rebalancing();
    session.press('r');
    session.spawned(broker(3), 4150, Some(9094));
    session.ready(broker(3), 9094);
    for end in [36, 39] {
        session.later(40);
        session.offsets(0, 43, &[(1, 45), (2, 43), (3, end)]);
    }
    let drawn = text(&frame(&session.state));
    assert!(drawn.contains("▸ 39 ■□□"), "{drawn}");
    session.process(broker(3), ProcessChange::Frozen);
    let drawn = text(&frame(&session.state));
    assert!(drawn.contains("z 39 -6"), "{drawn}");
    session.process(broker(3), ProcessChange::Thawed);
    session.later(3000).tick();
    let drawn = text(&frame(&session.state));
    assert!(drawn.contains("◌ 39 -6"), "it stands still: {drawn}");
}

#[test]
fn a_hundred_topics_scroll_with_the_cursor() {
    let mut session = Session::new((80, 24), Appearance::default());
    session.rebalancing();
    let names: Vec<String> = (0..100)
        .map(|number| format!("topic-{number:02}"))
        .collect();
    let mut topics: Vec<TopicSeen> = names
        .iter()
        .map(|name| topic(name, 1, &[&[1, 2, 3][..]; 10]))
        .collect();
    topics.insert(0, topic("orders", 2, &[&[1, 2, 3][..]; 3]));
    session.see(Observation::Cluster(ClusterSeen {
        topics,
        ..ClusterSeen::default()
    }));
    layout(&mut session, "replication");
    focus(&mut session, Pane::Replicas);
    session.press('G');
    let drawn = text(&frame(&session.state));
    assert!(drawn.contains("►▸ topic-99"), "{drawn}");
    session.press('g');
    let drawn = text(&frame(&session.state));
    assert!(drawn.contains("orders"), "{drawn}");
}

#[test]
fn partitions_of_other_topics_are_told_with_their_name() {
    let mut session = busy((120, 36));
    for (topic, partition) in [("audit", 2), ("audit", 3), ("orders", 0)] {
        session.report(
            super::session::broker(1),
            wire::report::Report::IsrChanged {
                topic: topic.into(),
                partition,
                leader: BrokerId(1),
                isr_before: vec![BrokerId(1), BrokerId(2)],
                isr: vec![BrokerId(1)],
                why: String::new(),
            },
        );
    }
    let told: Vec<String> = session.state.story.entries().iter().map(words).collect();
    for line in ["audit p2 p3 ISR without 2", "p0 ISR without 2"] {
        assert!(told.iter().any(|told| told == line), "{told:?}");
    }
}

fn words(entry: &crate::state::Entry) -> String {
    entry.text.iter().map(|(_, words)| words.as_str()).collect()
}
