//! What is said is so, in order, and is taken back when it is not so any more.

use super::{
    frame,
    session::{START_MS, Session, broker, orders, ready},
    text,
};
use crate::state::{
    Acks, Action, Appearance, Hand, Happening, Key, Observation, Overlay, ProcessChange,
    ProcessName, ProducedSeen, Request, ScreenAction, Timestamp,
};
use wire::{BrokerId, report::Report};

fn screen(session: &Session) -> String {
    text(&frame(&session.state))
}

/// Of three replicas only the leader is in sync, and 5 records wait, so many of them with `acks=all`.
fn below_minimum(size: (u16, u16), for_all: u64) -> Session {
    let mut session = ready(size);
    session.process(
        broker(2),
        ProcessChange::Exited {
            code: None,
            signal: Some(9),
        },
    );
    session.state.view.message = None;
    session.metadata(&[1, 3], [(1, 5, &[1]), (3, 5, &[3]), (1, 5, &[1])]);
    session.offsets(0, 36, &[(1, 36)]);
    session.see(Observation::Produced(ProducedSeen {
        sent: 100,
        acked: 95,
        waiting: vec![(orders(0), 5)],
        waiting_for_all: vec![(orders(0), for_all)],
        ..ProducedSeen::default()
    }));
    session
}

#[test]
fn only_records_that_wait_for_all_in_sync_are_said_to_be_refused() {
    for size in [(80, 24), (120, 36)] {
        let refused = screen(&below_minimum(size, 5));
        assert!(refused.contains("NOT_ENOUGH_REPLICAS"), "{refused}");
        let acked_by_one = screen(&below_minimum(size, 0));
        assert!(
            !acked_by_one.contains("NOT_ENOUGH_REPLICAS"),
            "{acked_by_one}"
        );
        assert!(!acked_by_one.contains("writes wait"), "{acked_by_one}");
    }
}

#[test]
fn why_records_wait_is_taken_back_when_they_do_not() {
    let says = |session: &Session| session.state.view.message.is_some();
    let mut session = below_minimum((120, 36), 5);
    assert!(says(&session));
    session.later(100).produced(100, 100, &[]);
    assert!(!says(&session), "nobody waits");
    let mut session = below_minimum((120, 36), 5);
    session.later(100);
    session.metadata(
        &[1, 2, 3],
        [(1, 5, &[1, 2]), (3, 5, &[3, 2]), (1, 5, &[1, 2])],
    );
    assert!(!says(&session), "there are enough");
    let mut session = below_minimum((120, 36), 5);
    session.later(100).press('1');
    assert!(says(&session), "to pick does not help");
    session.later(100).press('H');
    assert!(!says(&session), "somebody does something about it");
}

#[test]
fn a_key_of_another_pane_names_the_pane() {
    let mut session = ready((120, 36));
    session.press('o');
    let drawn = screen(&session);
    assert!(
        drawn.contains("o is a key of the pane Log: tab goes from pane to pane"),
        "{drawn}"
    );
}

#[test]
fn a_composed_record_takes_the_acks_that_are_typed() {
    let mut session = ready((120, 36));
    session.press('P');
    for sign in "amy".chars() {
        session.press(sign);
    }
    session.key(Key::Up);
    let drawn = screen(&session);
    assert!(drawn.contains("all, 1 or 0; empty: all"), "{drawn}");
    session.press('1');
    let requests = session.key(Key::Enter);
    let [Request::Produce(records)] = requests.as_slice() else {
        panic!("{requests:?}");
    };
    assert_eq!(records[0].acks, Acks::Leader);
}

#[test]
fn the_guide_sees_that_there_are_records() {
    let mut session = ready((120, 36));
    let line = |session: &Session| session.state.coach_line().unwrap_or_default();
    assert_eq!(line(&session), "Press p to send a record.");
    session.offsets(0, 44, &[(1, 44), (2, 44), (3, 44)]);
    assert_eq!(line(&session), "Press p to send one more record.");
}

#[test]
fn who_dies_by_itself_is_said_in_the_footer_too() {
    let mut session = ready((80, 24));
    session.process(
        broker(3),
        ProcessChange::Exited {
            code: Some(1),
            signal: None,
        },
    );
    let drawn = screen(&session);
    assert!(
        drawn.contains("broker 3 DIED: exit 1.  r starts it again"),
        "{drawn}"
    );
}

#[test]
fn a_new_broker_is_started_in_a_shell_with_its_own_port_and_folder() {
    let mut session = ready((120, 36));
    session.see(Observation::DataFolder {
        path: "~/data/demo".into(),
        last_used: None,
    });
    session.later(100).press('a');
    session.spawned(broker(4), 4124, Some(9095));
    let command = session.state.view.command.clone().expect("it is shown");
    for setting in [
        "broker.id=4",
        "listeners=PLAINTEXT://127.0.0.1:9095",
        "zookeeper.connect=127.0.0.1:2181",
        "log.dirs=\"$HOME\"/data/demo/broker-4",
    ] {
        assert!(command.contains(setting), "{setting}: {command}");
    }
    // What was done since is not overwritten.
    session.later(100).press('p');
    session.spawned(broker(5), 4125, Some(9096));
    let command = session.state.view.command.clone().unwrap_or_default();
    assert!(command.contains("kcat"), "{command}");
    assert!(command.contains("partitioner=murmur2_random"), "{command}");
}

#[test]
fn lines_of_the_start_stand_in_the_order_of_their_times() {
    let mut session = Session::new((120, 36), Appearance::default());
    session.see(Observation::DataFolder {
        path: "~/demo".into(),
        last_used: None,
    });
    let registered = |session: &mut Session, id: i32| {
        session.report(
            broker(id),
            Report::Registered {
                broker: BrokerId(id),
                session: i64::from(id),
                broker_epoch: i64::from(id),
            },
        );
    };
    session.at(40.0);
    registered(&mut session, 3);
    session.at(50.0).report(
        broker(2),
        Report::ControllerElected {
            broker: BrokerId(2),
            controller_epoch: 1,
        },
    );
    session.at(60.0);
    registered(&mut session, 1);
    // Its pipe is read last.
    session.at(80.0).process(
        ProcessName::ZooKeeper,
        ProcessChange::Spawned {
            pid: 9,
            address: None,
            group: None,
        },
    );
    let ready = ProcessChange::Ready {
        address: "127.0.0.1:2181".into(),
        at_ms: START_MS + 30,
    };
    session.process(ProcessName::ZooKeeper, ready);
    let entries = session.state.story.entries();
    let times: Vec<Timestamp> = entries.iter().map(|entry| entry.at).collect();
    assert!(times.is_sorted(), "{entries:#?}");
    assert_eq!(
        entries.get(1).map(|entry| &entry.hand),
        Some(&Hand::Process(ProcessName::ZooKeeper))
    );
}

#[test]
fn the_palette_says_what_is_in_the_way() {
    let mut session = ready((120, 36));
    for process in [broker(1), broker(2), broker(3)] {
        session.process(process, ProcessChange::Frozen);
    }
    session.happen(Happening::Do(Action::Screen(ScreenAction::Palette(
        "topic create".into(),
    ))));
    let Overlay::Palette(palette) = &session.state.view.overlay else {
        panic!("it is open");
    };
    let create = palette
        .found
        .iter()
        .find(|found| found.text == "topic create");
    assert_eq!(create.map(|found| found.note.as_str()), Some("no broker"));
}

#[test]
fn healing_elects_leaders_also_where_the_frozen_find_out_late() {
    let mut session = ready((120, 36));
    for id in [1, 2, 3] {
        session.process(broker(id), ProcessChange::Frozen);
    }
    session.later(5000).press('H');
    for id in [1, 2, 3] {
        session.process(broker(id), ProcessChange::Thawed);
    }
    // What Metadata said before stands until somebody looks again.
    session.later(100).metadata(
        &[1, 2, 3],
        [(1, 4, &[1, 2, 3]), (2, 4, &[2, 3, 1]), (3, 4, &[3, 1, 2])],
    );
    assert!(!session.requests.contains(&Request::ElectLeaders));
    session
        .later(300)
        .metadata(&[1, 2, 3], [(3, 5, &[3]), (3, 5, &[3]), (3, 4, &[3])]);
    session.later(300).metadata(
        &[1, 2, 3],
        [(3, 5, &[3, 1, 2]), (3, 5, &[3, 1, 2]), (3, 4, &[3, 1, 2])],
    );
    let elections = session.requests.iter();
    let elections = elections.filter(|asked| **asked == Request::ElectLeaders);
    assert_eq!(elections.count(), 1);
}

#[test]
fn a_question_is_never_cut() {
    let mut session = ready((60, 16));
    session.happen(Happening::Do(Action::Screen(ScreenAction::Palette(
        "kill random".into(),
    ))));
    session.key(Key::Enter);
    let ask = session.state.view.ask.clone().expect("it asks");
    let drawn = screen(&session);
    let lines: Vec<&str> = drawn.lines().map(str::trim).collect();
    let from = lines
        .iter()
        .position(|line| line.starts_with("kill random:"));
    let said = lines[from.expect("it is asked")..lines.len() - 1].join(" ");
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(words(&said), words(&ask.text), "{drawn}");
}

#[test]
fn bad_news_give_way_once_they_were_read() {
    let mut session = ready((80, 24));
    session.see(Observation::Failed {
        why: "refused".into(),
    });
    session.later(500).press('1');
    assert!(session.state.view.message.is_some());
    session.later(2000).press('2');
    assert!(session.state.view.message.is_none());
}

#[test]
fn without_zookeeper_nothing_is_promised_about_the_next_failure() {
    let mut session = ready((120, 36));
    session.happen(Happening::Do("kill zookeeper".parse().expect("an action")));
    session.process(
        ProcessName::ZooKeeper,
        ProcessChange::Exited {
            code: None,
            signal: Some(9),
        },
    );
    let drawn = screen(&session);
    assert!(!drawn.contains("acks=all goes on"), "{drawn}");
    assert!(
        drawn.contains("without ZooKeeper no ISR shrinks:"),
        "{drawn}"
    );
}
