//! The cells of Replicas where they are narrow, and the words for a topic with one replica.

use super::{
    frame,
    session::{Session, broker},
    text,
};
use crate::state::{
    Appearance, ClusterSeen, Observation, PartitionOffsets, PartitionSeen, ProcessChange, TopicSeen,
};
use wire::{BrokerId, Offset, TopicPartition};

fn ids(brokers: &[i32]) -> Vec<BrokerId> {
    brokers.iter().copied().map(BrokerId).collect()
}

/// A topic whose partitions have these replicas, all in sync; the first leads.
fn topic(session: &mut Session, partitions: &[&[i32]]) {
    let partitions = (0..).zip(partitions);
    let partitions = partitions.map(|(partition, replicas)| PartitionSeen {
        partition,
        leader: replicas.first().copied().map(BrokerId),
        replicas: ids(replicas),
        isr: ids(replicas),
        ..PartitionSeen::default()
    });
    session.see(Observation::Cluster(ClusterSeen {
        topics: vec![TopicSeen {
            name: "orders".into(),
            partitions: partitions.collect(),
            min_insync_replicas: Some(1),
            ..TopicSeen::default()
        }],
        ..ClusterSeen::default()
    }));
}

fn ends(session: &mut Session, partition: i32, ends: &[(i32, i64)]) {
    let ends = ends.iter().map(|(id, end)| (BrokerId(*id), Offset(*end)));
    session.see(Observation::Offsets(vec![PartitionOffsets {
        partition: TopicPartition::new("orders", partition),
        log_start: Offset(0),
        high_watermark: Offset(0),
        last_stable: None,
        ends: ends.collect(),
    }]));
}

/// Four brokers, in whose columns there is room for no more than a sign and four digits.
fn four_brokers(end: i64) -> Session {
    let mut session = Session::new((120, 36), Appearance::default());
    session.all_ready();
    session.spawned(broker(4), 4124, Some(9095));
    session.ready(broker(4), 9095);
    topic(&mut session, &[&[1, 2], &[2, 3], &[3, 4]]);
    for (partition, [first, second]) in [(0, [1, 2]), (1, [2, 3]), (2, [3, 4])] {
        ends(&mut session, partition, &[(first, end), (second, end)]);
    }
    session
}

#[test]
fn the_cell_of_a_dead_or_frozen_leader_never_touches_the_next() {
    for (end, cells) in [
        (5, ["p0    ✗ 5 ◆  z 5", "p1    -      z 5 ◆  ● 5"]),
        (36, ["p0    ✗ 36 ◆ z 36", "p1    -      z 36 ◆ ● 36"]),
        (361, ["p0    ✗◆ 361 z 361", "p1    -      z◆ 361 ● 361"]),
        (3612, ["p0    ✗◆3612 z 3612", "p1    -      z◆3612 ● 3612"]),
        (36_123, ["p0    ✗◆ 36k z 36k", "p1    -      z◆ 36k ● 36k"]),
    ] {
        let mut session = four_brokers(end);
        let exited = ProcessChange::Exited {
            code: None,
            signal: Some(9),
        };
        session.process(broker(1), exited);
        session.process(broker(2), ProcessChange::Frozen);
        let drawn = text(&frame(&session.state));
        for cell in cells {
            assert!(drawn.contains(cell), "{cell} is missing:\n{drawn}");
        }
    }
}

#[test]
fn the_legend_names_no_sign_that_is_drawn_nowhere() {
    let mut session = four_brokers(36);
    topic(&mut session, &[&[1, 2], &[2, 3], &[3, 4]]);
    assert!(!text(&frame(&session.state)).contains('◇'));
    let mut session = Session::new((120, 36), Appearance::default());
    session.all_ready();
    assert!(text(&frame(&session.state)).contains("◇ preferred"));
}

#[test]
fn with_one_replica_nobody_copies() {
    for (replicas, words) in [
        (&[1][..], ["leader writes it, one consumer ", "reads it. "]),
        (
            &[1, 2][..],
            [
                "leader writes it, one follower copies",
                "it, one consumer reads it.",
            ],
        ),
    ] {
        let mut session = Session::new((120, 36), Appearance::default());
        session.all_ready();
        topic(&mut session, &[replicas]);
        let drawn = text(&frame(&session.state));
        for words in words {
            assert!(drawn.contains(words), "{words} is missing:\n{drawn}");
        }
        assert!(!drawn.contains("writes it,  "), "{drawn}");
    }
}
