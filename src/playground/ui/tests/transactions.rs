//! Transactions in the log, in their pane and in What happened; groups of the consumer protocol.

use std::time::Duration;

use super::{
    assert_drawn, frame,
    session::{START_MS, Session, broker, consumer, orders, ready},
    text,
};
use crate::state::{
    Action, BatchSeen, GroupProtocol, GroupSeen, Happening, Key, MemberSeen, Observation,
    PartitionOffsets, ProcessChange, ProcessName, RecordKind, RecordSeen, Request, Timestamp,
    TransactionSeen,
};
use wire::{
    BrokerId, GroupState, Offset, TopicPartition, TransactionState,
    report::{PartitionOffset, Report, TransactionCause, TransactionStep},
};

fn wanted(session: &mut Session, words: &str) -> Vec<Request> {
    let action: Action = words.parse().expect(words);
    session.happen(Happening::Do(action))
}

fn producer(name: &str) -> ProcessName {
    ProcessName::Producer(name.into())
}

/// A coordinator wrote down how an id stands.
fn stands(
    session: &mut Session,
    (id, producer_id, epochs): (&str, i64, (i16, i16)),
    (before, state): (TransactionState, TransactionState),
    partitions: &[i32],
    why: TransactionCause,
) {
    let timeout_ms = if id == "t2" { 10_000 } else { 60_000 };
    let start_ms = session.at.ms();
    session.report(
        broker(2),
        Report::TransactionState {
            transactional_id: id.into(),
            producer_id,
            epoch_before: epochs.0,
            epoch: epochs.1,
            state_before: before,
            state,
            partitions: partitions.iter().copied().map(orders).collect(),
            start_ms,
            timeout_ms,
            why,
        },
    );
}

fn marker(session: &mut Session, leader: i32, partition: i32, offset: i64, producer_id: i64) {
    session.report(
        broker(leader),
        Report::MarkerWritten {
            topic: "orders".into(),
            partition,
            offset: Offset(offset),
            producer_id,
            epoch: 4,
            commit: producer_id == 7001,
        },
    );
}

/// `key` of a producer; `+` and `-` are markers.
fn record(offset: i64, key: &str, producer_id: i64) -> RecordSeen {
    let kind = match key {
        "+" => RecordKind::Commit,
        "-" => RecordKind::Abort,
        _ => RecordKind::Data,
    };
    RecordSeen {
        offset: Offset(offset),
        key: Some(key.into()),
        value: Some(format!("order {offset}")),
        timestamp_ms: START_MS,
        size_bytes: 12,
        kind,
        batch: BatchSeen {
            producer_id,
            transactional: producer_id > 0,
            producer_epoch: if producer_id == 7002 { 3 } else { 0 },
            ..BatchSeen::default()
        },
        ..RecordSeen::default()
    }
}

fn log(session: &mut Session, partition: i32, stable: i64, first: i64, records: &[(&str, i64)]) {
    let records: Vec<RecordSeen> = (first..)
        .zip(records)
        .map(|(offset, (key, producer_id))| record(offset, key, *producer_id))
        .collect();
    let end = first + i64::try_from(records.len()).expect("few");
    session.see(Observation::Offsets(vec![PartitionOffsets {
        partition: orders(partition),
        log_start: Offset(0),
        high_watermark: Offset(end),
        last_stable: Some(Offset(stable)),
        ends: [1, 2, 3].map(|id| (BrokerId(id), Offset(end))).into(),
    }]));
    session.see(Observation::Records {
        partition: orders(partition),
        from: Offset(first),
        upto: Offset(end),
        records,
    });
}

/// t2 was left by its producer, and its time was up.
fn left(size: (u16, u16)) -> Session {
    use TransactionState::{CompleteAbort, Empty, Ongoing, PrepareAbort};
    let mut session = ready(size);
    session.later(1000);
    wanted(&mut session, "txn begin t2 timeout 10s");
    session.spawned(producer("t2"), 4180, None);
    session.later(20).ready(producer("t2"), 0);
    let by_producer = TransactionCause::Producer;
    stands(
        &mut session,
        ("t2", 7002, (-1, 3)),
        (Empty, Empty),
        &[],
        by_producer,
    );
    let began = TransactionStep::Began;
    session.report(producer("t2"), Report::Transaction { step: began });
    stands(
        &mut session,
        ("t2", 7002, (3, 3)),
        (Empty, Ongoing),
        &[1, 2],
        by_producer,
    );
    session.later(800);
    wanted(&mut session, "txn abandon t2");
    let exited = ProcessChange::Exited {
        code: None,
        signal: Some(9),
    };
    session.later(5).process(producer("t2"), exited);
    session.later(9200);
    let up = TransactionCause::TimedOut;
    stands(
        &mut session,
        ("t2", 7002, (3, 4)),
        (Ongoing, PrepareAbort),
        &[1, 2],
        up,
    );
    marker(session.later(2), 2, 1, 40, 7002);
    marker(&mut session, 3, 2, 39, 7002);
    session.later(1);
    stands(
        &mut session,
        ("t2", 7002, (4, 4)),
        (PrepareAbort, CompleteAbort),
        &[],
        by_producer,
    );
    session
}

/// t1 is open on p0 behind that.
fn open(size: (u16, u16)) -> Session {
    use TransactionState::{Empty, Ongoing};
    let by_producer = TransactionCause::Producer;
    let began = TransactionStep::Began;
    let mut session = left(size);
    session.later(5000);
    wanted(&mut session, "txn begin t1");
    session.spawned(producer("t1"), 4171, None);
    session.later(20).ready(producer("t1"), 0);
    stands(
        &mut session,
        ("t1", 7001, (-1, 0)),
        (Empty, Empty),
        &[],
        by_producer,
    );
    session.report(producer("t1"), Report::Transaction { step: began });
    for number in 0..4 {
        wanted(&mut session, "txn produce amy:tea");
        let delivered = Report::Delivered {
            number,
            topic: "orders".into(),
            partition: 0,
            offset: Some(Offset(41)),
            error: None,
        };
        session.later(3).report(producer("t1"), delivered);
    }
    stands(
        &mut session,
        ("t1", 7001, (0, 0)),
        (Empty, Ongoing),
        &[0],
        by_producer,
    );
    let amy = ("amy", 0);
    let own = ("amy", 7001);
    let lane = [
        amy,
        ("dan", 0),
        amy,
        amy,
        own,
        ("dan", 7001),
        amy,
        ("dan", 7001),
        amy,
        own,
        amy,
    ];
    log(&mut session, 0, 41, 37, &lane);
    let of_t2 = ("ben", 7002);
    let lane = [
        ("ben", 0),
        ("eli", 0),
        ("ben", 0),
        of_t2,
        ("eli", 7002),
        of_t2,
        ("-", 7002),
        ("eli", 0),
    ];
    log(&mut session, 1, 42, 34, &lane);
    log(&mut session, 2, 40, 31, &[("cleo", 0); 9]);
    session.group(GroupState::Stable, [41, 42, 40]);
    session.later(7400).tick();
    wanted(&mut session, "layout transactions");
    wanted(&mut session, "pane transactions");
    session
}

#[test]
fn an_open_transaction_holds_readers_back_and_one_whose_time_was_up_is_struck() {
    let session = open((120, 36));
    assert_drawn("transactions_120x36", &session.state);
    let session = open((80, 24));
    assert_drawn("transactions_80x24", &session.state);
}

#[test]
fn a_commit_is_told_step_by_step() {
    use TransactionState::{CompleteCommit, Ongoing, PrepareCommit};
    let mut session = open((120, 36));
    session.later(100).press('T');
    let by_producer = TransactionCause::Producer;
    session.later(2);
    stands(
        &mut session,
        ("t1", 7001, (0, 0)),
        (Ongoing, PrepareCommit),
        &[0],
        by_producer,
    );
    let step = TransactionStep::Committed;
    session
        .later(1)
        .report(producer("t1"), Report::Transaction { step });
    marker(session.later(1), 1, 0, 48, 7001);
    session.later(1);
    stands(
        &mut session,
        ("t1", 7001, (0, 0)),
        (PrepareCommit, CompleteCommit),
        &[],
        by_producer,
    );
    let told = session.state.story.entries();
    let says = |words: &str| told.iter().any(|entry| entry.says(words));
    for words in [
        "commit t1",
        "PrepareCommit: decided",
        "marker p0 @48",
        "CompleteCommit: 4 readable",
    ] {
        assert!(says(words), "{words}: {told:?}");
    }
    assert!(!says("committed: 4"), "it is said once: {told:?}");
}

#[test]
fn the_pane_is_empty_at_first_and_asks_only_while_it_is_seen() {
    let mut session = ready((120, 36));
    let watches = |requests: &[Request]| -> Vec<bool> {
        let asked = requests.iter().filter_map(|request| match request {
            Request::WatchTransactions(watching) => Some(*watching),
            _ => None,
        });
        asked.collect()
    };
    assert!(watches(&session.requests).is_empty());
    let shown = wanted(&mut session, "layout transactions");
    assert_eq!(watches(&shown), [true]);
    let drawn = text(&frame(&session.state));
    assert!(
        drawn.contains("No transaction yet.  T begins one"),
        "{drawn}"
    );
    let seen = TransactionSeen {
        transactional_id: "app".into(),
        state: TransactionState::Ongoing,
        producer_id: 31,
        producer_epoch: 2,
        timeout: Duration::from_secs(10),
        started: Some(Timestamp(session.at.0)),
        partitions: vec![TopicPartition::new("orders", 0)],
    };
    session.see(Observation::Transactions {
        coordinator: BrokerId(3),
        transactions: vec![seen],
    });
    session.later(8000).tick();
    let drawn = text(&frame(&session.state));
    assert!(drawn.contains("8.0 of 10 s"), "{drawn}");
    session.see(Observation::Transactions {
        coordinator: BrokerId(3),
        transactions: Vec::new(),
    });
    let drawn = text(&frame(&session.state));
    assert!(drawn.contains("No transaction yet"), "it is gone:\n{drawn}");
    let hidden = wanted(&mut session, "layout overview");
    assert_eq!(watches(&hidden), [false]);
}

/// c1 reads all, c2 came and is to have p2.
fn moving(size: (u16, u16)) -> Session {
    let mut session = ready(size);
    session.later(2000);
    wanted(&mut session, "group protocol consumer");
    let partition = |partition: i32| PartitionOffset {
        topic: "orders".into(),
        partition,
        offset: Offset(0),
    };
    let partitions = vec![partition(2)];
    session
        .later(30_000)
        .report(consumer("c2"), Report::Revoked { partitions });
    let partitions = vec![partition(0), partition(1), partition(2)];
    session
        .later(1)
        .report(consumer("c1"), Report::Assigned { partitions });
    let member = |name: &str, epoch: i32, has: &[i32], target: &[i32]| MemberSeen {
        member_id: format!("{name}-id"),
        client_id: name.into(),
        host: "/127.0.0.1".into(),
        assignment: has.iter().copied().map(orders).collect(),
        epoch: Some(epoch),
        target: target.iter().copied().map(orders).collect(),
    };
    session.later(310).see(Observation::Group(GroupSeen {
        group: "billing".into(),
        state: GroupState::Reconciling,
        coordinator: Some(BrokerId(1)),
        protocol: "uniform".into(),
        kind: Some(GroupProtocol::Consumer),
        epochs: Some((3, 2)),
        members: vec![
            member("c1", 2, &[0, 1, 2], &[0, 1]),
            member("c2", 3, &[], &[2]),
        ],
        committed: (0..3).map(|p| (orders(p), Offset(0))).collect(),
    }));
    wanted(&mut session, "layout groups");
    session
}

#[test]
fn a_partition_on_its_way_is_drawn_between_its_members() {
    let session = moving((120, 36));
    assert_drawn("group_consumer_120x36", &session.state);
    let session = moving((80, 24));
    assert_drawn("group_consumer_80x24", &session.state);
}

#[test]
fn keys_of_the_pane_pick_the_producer() {
    let mut session = open((120, 36));
    session.later(500).key(Key::Down);
    assert_eq!(session.state.view.picked, producer("t2"));
    session.later(500).key(Key::Up);
    assert_eq!(session.state.view.picked, producer("t1"));
    let sent = session.later(500).press('p');
    assert!(
        matches!(sent.as_slice(), [Request::Transact { .. }]),
        "{sent:?}"
    );
}
