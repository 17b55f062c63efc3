//! A day of a cluster that never rests, in a test: what is known and shown takes no more room at
//! midnight than it did in the evening.

use std::time::Duration;

use crate::state::{
    Appearance, Timestamp,
    cluster::{
        BrokerSeen, ClusterSeen, GroupSeen, MemberSeen, Observation, PartitionSeen, ProcessChange,
        TopicSeen, WatchSeen, ZooKeeperSeen,
    },
};
use crate::ui::tests::session::{Session, broker, consumer};
use wire::{
    BrokerId, GroupState, LeaderEpoch, Offset, TopicPartition,
    report::{PartitionOffset, Report, ZnodeChange},
};

/// How often something happens: each minute.
const ROUNDS: u32 = 1440;
const ROUND: Duration = Duration::from_secs(60);

fn topic(name: &str, epoch: u32) -> TopicSeen {
    let partition = |partition| PartitionSeen {
        partition,
        leader: Some(BrokerId(1 + partition)),
        epoch: LeaderEpoch(i32::try_from(epoch).expect("small")),
        replicas: (1..=3).map(BrokerId).collect(),
        isr: (1..=3).map(BrokerId).collect(),
    };
    TopicSeen {
        name: name.into(),
        partitions: (0..3).map(partition).collect(),
        ..TopicSeen::default()
    }
}

/// A topic comes and is read by a group of its own; a broker dies meanwhile; then topic and group go,
/// and nobody tells of the group any more.
fn round(session: &mut Session, number: u32) {
    let name = format!("topic-{number:05}");
    let cluster = |names: &[&str]| ClusterSeen {
        controller: Some(BrokerId(1)),
        brokers: vec![BrokerSeen {
            id: BrokerId(1),
            address: "127.0.0.1:9092".into(),
            rack: None,
        }],
        topics: names.iter().map(|name| topic(name, number)).collect(),
        ..ClusterSeen::default()
    };
    session.see(Observation::Cluster(cluster(&["orders", &name])));
    let place = TopicPartition::new(&name, 0);
    session.report(
        broker(1),
        Report::GroupState {
            group: format!("console-consumer-{number:05}"),
            state: GroupState::PreparingRebalance,
            generation: 1,
            before: Vec::new(),
            protocol: None,
            leader: None,
            awaited: Vec::new(),
            rebalance_timeout_ms: 60_000,
            members: Vec::new(),
            why: "somebody asks to join".into(),
        },
    );
    session.see(Observation::Group(GroupSeen {
        group: "billing".into(),
        state: GroupState::Stable,
        members: vec![MemberSeen {
            member_id: format!("client-{number:05}-id"),
            client_id: format!("client-{number:05}"),
            assignment: vec![place.clone()],
            ..MemberSeen::default()
        }],
        committed: vec![(place.clone(), Offset(7))],
        ..GroupSeen::default()
    }));
    session.report(
        consumer("c1"),
        Report::Assigned {
            partitions: vec![PartitionOffset {
                topic: name.clone(),
                partition: 0,
                offset: Offset(7),
            }],
        },
    );
    session.records(0, i64::from(number) * 20, "amy dan amy amy dan");
    session.see(Observation::ZooKeeper(ZooKeeperSeen {
        watched: vec![WatchSeen {
            path: format!("/brokers/topics/{name}"),
            sessions: vec![i64::from(number)],
        }],
        ..ZooKeeperSeen::default()
    }));
    session.report(
        crate::state::cluster::ProcessName::ZooKeeper,
        Report::WatchFired {
            path: format!("/brokers/topics/{name}"),
            change: ZnodeChange::Created,
            sessions: vec![i64::from(number)],
        },
    );
    session.press('2');
    session.press('x');
    let exited = ProcessChange::Exited {
        code: None,
        signal: Some(9),
    };
    session.process(broker(2), exited);
    session.spawned(broker(2), 5000 + number, Some(9093));
    session.ready(broker(2), 9093);
    session.see(Observation::SendFailed {
        partition: Some(place),
        key: None,
        error: format!("error {number:05}"),
    });
    session.see(Observation::Cluster(cluster(&["orders"])));
    session.at = session.at.plus(ROUND);
    session.tick();
}

/// Bytes of everything that is known, told and shown, as it is saved.
fn weight(session: &Session) -> usize {
    let written = rmp_serde::to_vec_named(&session.state).expect("it has a form");
    written.len()
}

#[test]
fn what_is_known_at_midnight_takes_no_more_room_than_in_the_evening() {
    let mut session = Session::new((120, 36), Appearance::default());
    session.all_ready();
    let mut by_evening = 0;
    for number in 0..ROUNDS {
        round(&mut session, number);
        if number == ROUNDS * 3 / 4 {
            by_evening = weight(&session);
        }
    }
    assert!(session.state.now > Timestamp(0).plus(Duration::from_secs(86_400)));
    let by_midnight = weight(&session);
    let grown = by_midnight.saturating_sub(by_evening);
    assert!(
        grown * 100 < by_evening,
        "{by_evening} bytes in the evening, {by_midnight} at midnight"
    );
    assert_eq!(session.state.outages.open(&session.state.cluster), None);
}
