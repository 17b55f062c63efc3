//! Partitions that nobody leads and nobody can be elected for: what every pane says first.

use super::{
    assert_drawn, frame,
    session::{self, Session, broker, orders},
    text,
};
use crate::state::{
    Action, Appearance, BrokerSeen, ClusterSeen, GroupSeen, Happening, Key, Observation, Pane,
    PartitionSeen, ProcessChange, ProcessName, ProducedSeen, Request, ScreenAction, TopicSeen,
};
use wire::{BrokerId, GroupState, LeaderEpoch, report::Report};

fn ids(brokers: &[i32]) -> Vec<BrokerId> {
    brokers.iter().copied().map(BrokerId).collect()
}

/// A partition's replicas, leader, ISR and epoch.
type Seen<'a> = (&'a [i32], Option<i32>, &'a [i32], i32);

fn metadata(session: &mut Session, live: &[i32], partitions: &[Seen<'_>]) {
    let partitions = (0..).zip(partitions);
    let partitions = partitions.map(
        |(partition, (replicas, leader, isr, epoch))| PartitionSeen {
            partition,
            leader: leader.map(BrokerId),
            epoch: LeaderEpoch(*epoch),
            replicas: ids(replicas),
            isr: ids(isr),
        },
    );
    let topic = TopicSeen {
        name: "orders".into(),
        partitions: partitions.collect(),
        min_insync_replicas: Some(1),
        ..TopicSeen::default()
    };
    session.see(Observation::Cluster(ClusterSeen {
        controller: Some(BrokerId(3)),
        brokers: live
            .iter()
            .map(|id| BrokerSeen {
                id: BrokerId(*id),
                address: format!("127.0.0.1:{}", 9091 + id),
                rack: None,
            })
            .collect(),
        topics: vec![topic],
        ..ClusterSeen::default()
    }));
}

fn kill(session: &mut Session, digit: char, process: ProcessName) {
    session.press(digit);
    session.later(100).press('x');
    let exited = ProcessChange::Exited {
        code: None,
        signal: Some(9),
    };
    session.later(5).process(process, exited);
}

fn changed(session: &mut Session, partition: i32, leaders: (i32, i32), isr: [&[i32]; 2]) {
    let epoch = if leaders.0 == leaders.1 { 4 } else { 5 };
    let epochs = (LeaderEpoch(4), LeaderEpoch(epoch));
    session.report(
        broker(3),
        Report::PartitionChanged {
            topic: "orders".into(),
            partition,
            leader_before: BrokerId(leaders.0),
            leader: BrokerId(leaders.1),
            epoch_before: epochs.0,
            epoch: epochs.1,
            isr_before: ids(isr[0]),
            isr: ids(isr[1]),
            why: String::new(),
        },
    );
}

fn expired(session: &mut Session, id: i32) {
    session.report(
        ProcessName::ZooKeeper,
        Report::SessionExpired {
            session: i64::from(id),
            timeout_ms: 1500,
            ephemerals: vec![format!("/brokers/ids/{id}")],
        },
    );
}

fn waiting(session: &mut Session, waiting: &[(i32, u64)]) {
    session.see(Observation::Produced(ProducedSeen {
        sent: 160,
        acked: 128,
        waiting: waiting
            .iter()
            .map(|(p, count)| (orders(*p), *count))
            .collect(),
        ..ProducedSeen::default()
    }));
}

fn shown(session: &Session) -> String {
    text(&frame(&session.state))
}

#[test]
fn an_outage_begins_when_the_cluster_tells_it_whoever_ended_the_leader() {
    let mut session = Session::new((120, 36), Appearance::default());
    session.all_ready();
    metadata(&mut session, &[1, 2, 3], &[(&[1, 2], Some(1), &[1, 2], 4)]);
    let open = |session: &Session| {
        let open = session.state.outages.open(&session.state.cluster);
        open.map(|(place, since)| (place.clone(), since))
    };
    assert_eq!(open(&session), None);
    // Nobody pressed a key, and no process of ours ended.
    session.later(1000);
    let at = session.at;
    metadata(&mut session, &[3], &[(&[1, 2], None, &[1], 5)]);
    assert_eq!(open(&session), Some((orders(0), at)));
    session.later(700);
    metadata(&mut session, &[2, 3], &[(&[1, 2], Some(2), &[2], 6)]);
    assert_eq!(open(&session), None);
    let longest = &session.state.outages.longest;
    assert_eq!(
        longest.as_ref().map(|(_, time)| time.as_millis()),
        Some(700)
    );
    // A topic that is being made has no leader yet: that is no outage.
    metadata(&mut session, &[2, 3], &[(&[1, 2], None, &[], 0)]);
    assert_eq!(open(&session), None);
}

/// Three brokers, two replicas each; broker 3 is behind in p3, which broker 1 leads.
fn ready(size: (u16, u16)) -> Session {
    let mut session = session::ready(size);
    session.at_12_01(0).key(Key::Esc);
    metadata(
        &mut session,
        &[1, 2, 3],
        &[
            (&[3, 1], Some(3), &[3, 1], 4),
            (&[2, 3], Some(2), &[2, 3], 4),
            (&[3, 2], Some(3), &[3, 2], 4),
            (&[1, 3], Some(1), &[1], 4),
        ],
    );
    session.offsets(0, 44, &[(3, 44), (1, 44)]);
    session.offsets(1, 43, &[(2, 43), (3, 43)]);
    session.offsets(2, 40, &[(3, 40), (2, 40)]);
    session.offsets(3, 45, &[(1, 45), (3, 41)]);
    session
}

/// The leader of p3 is dead and noticed; then `ZooKeeper` dies and the leader of p1.
fn broken(size: (u16, u16)) -> Session {
    let mut session = ready(size);
    session.at_12_01(1000);
    kill(&mut session, '1', broker(1));
    session.at_12_01(2615);
    expired(&mut session, 1);
    session.at_12_01(2620);
    changed(&mut session, 3, (1, -1), [&[1], &[1]]);
    session.at_12_01(2621);
    changed(&mut session, 0, (3, 3), [&[3, 1], &[3]]);
    session.at_12_01(3910);
    kill(&mut session, '0', ProcessName::ZooKeeper);
    session.at_12_01(6100);
    kill(&mut session, '2', broker(2));
    session.at_12_01(10_100);
    waiting(&mut session, &[(1, 9), (3, 23)]);
    session.tick();
    session
}

#[test]
fn offline_is_said_first_and_nobody_can_be_elected_without_zookeeper() {
    let session = broken((120, 36));
    assert_drawn("offline_120x36", &session.state);
    let drawn = shown(&session);
    assert!(!drawn.contains("not yet noticed"), "{drawn}");
    assert!(!drawn.contains("left"), "no session counts down: {drawn}");
    let mut narrow = broken((80, 24));
    narrow.happen(Happening::Do(Action::Screen(ScreenAction::FocusPane(
        Pane::Replicas,
    ))));
    assert_drawn("offline_80x24", &narrow.state);
    let mut wide = broken((120, 36));
    wide.happen(Happening::Do(Action::Screen(ScreenAction::FocusPane(
        Pane::Replicas,
    ))));
    wide.happen(Happening::Do(Action::Screen(ScreenAction::PaneFull)));
    let drawn = shown(&wide);
    for row in [
        "p1    -         ✗ 43 ◆    ● 43      9 writes wait",
        "p3    ✗ 45 ◆    -         ◌ 41 -4   offline: 23 wait",
        "p3: only dead broker 1 has it all. 0 r, 1 r bring it back",
        "(3 lacks 4 records: unclean election would lose them)",
        "p1: 3 could lead. ZooKeeper is down: nobody is elected",
    ] {
        assert!(drawn.contains(row), "{row} is missing:\n{drawn}");
    }
}

#[test]
fn the_keys_that_are_named_bring_it_back() {
    let mut session = broken((120, 36));
    for key in ['0', 'r', '1', 'r'] {
        session.later(1000).press(key);
    }
    let started = |process| session.requests.contains(&Request::Start(process));
    assert!(started(ProcessName::ZooKeeper) && started(broker(1)));
}

#[test]
fn the_stage_says_what_is_offline_before_it_says_who_is_dead() {
    let mut session = broken((100, 30));
    session.happen(Happening::Do(Action::Screen(ScreenAction::Layout(
        "stage".into(),
    ))));
    let drawn = shown(&session);
    assert!(
        drawn.contains("p3 is offline: only dead broker 1 has all of it."),
        "{drawn}"
    );
    assert!(drawn.contains("next: 0 r brings ZooKeeper back"), "{drawn}");
}

#[test]
fn a_dead_broker_claims_no_partition_that_another_led_after_it() {
    let mut session = ready((120, 36));
    session.spawned(broker(4), 4124, Some(9095));
    session.ready(broker(4), 9095);
    let p = |leader, isr: &'static [i32], epoch| -> Seen<'static> { (&[4, 1], leader, isr, epoch) };
    let others: [Seen<'_>; 3] = [
        (&[1, 2], Some(2), &[2], 5),
        (&[2, 3], Some(2), &[2, 3], 4),
        (&[3, 4], Some(3), &[3], 4),
    ];
    let with = |last| -> Vec<Seen<'_>> { others.iter().copied().chain([last]).collect() };
    metadata(&mut session, &[1, 2, 3, 4], &with(p(Some(4), &[4, 1], 4)));
    session.offsets(3, 45, &[(4, 45), (1, 45)]);
    session.at_12_01(1000);
    kill(&mut session, '4', broker(4));
    session.at_12_01(2600);
    expired(&mut session, 4);
    metadata(&mut session, &[1, 2, 3], &with(p(Some(1), &[1], 5)));
    session.offsets(3, 52, &[(1, 52)]);
    session.at_12_01(5000);
    assert!(shown(&session).contains("led p3, now 1 does"));
    kill(&mut session, '1', broker(1));
    session.tick();
    let unnoticed = shown(&session);
    assert!(
        unnoticed.contains("p3: only dead broker 1 has it all."),
        "{unnoticed}"
    );
    session.at_12_01(6700);
    expired(&mut session, 1);
    metadata(&mut session, &[2, 3], &with(p(None, &[1], 6)));
    session.tick();
    let drawn = shown(&session);
    assert!(!drawn.contains("lose one more"), "{drawn}");
    assert!(drawn.contains("led p3, then 1 did"), "{drawn}");
    assert_drawn("offline_last_of_isr_120x36", &session.state);
    session.happen(Happening::Resize(80, 24));
    let table = shown(&session);
    assert!(table.contains("1 ✗ KILLED offline"), "{table}");
}

#[test]
fn a_partition_that_goes_offline_is_told_with_its_last_isr() {
    let session = broken((120, 36));
    let entries = session.state.story.entries().iter();
    let told: Vec<String> = entries
        .map(|entry| entry.text.iter().map(|(_, words)| words.as_str()).collect())
        .collect();
    assert!(
        told.contains(&"p3 offline: ISR was 1 only".to_owned()),
        "{told:?}"
    );
}

#[test]
fn with_every_broker_dead_nothing_is_stable() {
    let mut session = ready((120, 36));
    session.see(Observation::Group(GroupSeen {
        group: "billing".into(),
        state: GroupState::Stable,
        coordinator: Some(BrokerId(3)),
        ..GroupSeen::default()
    }));
    for (at, (digit, name)) in [
        (1000, ('1', broker(1))),
        (1400, ('2', broker(2))),
        (1800, ('3', broker(3))),
        (2200, ('0', ProcessName::ZooKeeper)),
    ] {
        session.at_12_01(at);
        kill(&mut session, digit, name);
    }
    session.at_12_01(9000).tick();
    assert_drawn("all_dead_120x36", &session.state);
    let drawn = shown(&session);
    assert!(drawn.contains("no coordinator"), "{drawn}");
    assert!(!drawn.contains("Stable   "), "{drawn}");
    session.happen(Happening::Do(Action::Screen(ScreenAction::Layout(
        "stage".into(),
    ))));
    assert!(shown(&session).contains("Every broker is dead."));
}
