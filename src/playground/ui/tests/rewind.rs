//! `o` on a record: the group goes back to it, step by step.

use super::{
    assert_drawn, frame,
    session::{Session, consumer, orders},
    text,
};
use crate::state::{
    Appearance, Entry, GroupSeen, Key, MemberSeen, Observation, ProcessChange, Request,
};
use wire::{GroupState, Offset};

fn exited() -> ProcessChange {
    ProcessChange::Exited {
        code: Some(0),
        signal: None,
    }
}

/// The cursor stands on p0 @30; billing committed 35 there.
fn looking_back() -> Session {
    let mut session = Session::new((120, 36), Appearance::default());
    session.all_ready();
    session.offsets(0, 36, &[(1, 36), (2, 36), (3, 36)]);
    session.group(GroupState::Stable, [35, 0, 0]);
    session.records(0, 26, "dan amy amy amy dan dan amy amy amy amy");
    session.key(Key::Tab);
    session.key(Key::Tab);
    for _ in 0..5 {
        session.key(Key::Left);
    }
    session
}

fn said(session: &Session) -> String {
    let words =
        |entry: &Entry| -> String { entry.text.iter().map(|(_, words)| words.as_str()).collect() };
    let lines: Vec<String> = session.state.story.entries().iter().map(words).collect();
    lines.join("\n")
}

#[test]
fn our_consumers_leave_the_offset_is_committed_and_they_come_back() {
    let mut session = looking_back();
    assert_eq!(session.press('o'), []);
    let ask = session.state.view.ask.as_ref().expect("it asks");
    assert_eq!(
        ask.text,
        "billing to p0 @30: 5 records are read again, c1 c2 pause meanwhile   y rewind   esc keep"
    );
    assert_eq!(session.key(Key::Enter), [], "enter does nothing");
    let stops = session.press('y');
    assert_eq!(
        stops,
        ["c1", "c2"].map(|name| Request::Stop(consumer(name)))
    );
    session.later(30).process(consumer("c1"), exited());
    session.process(consumer("c2"), exited());
    let follows = session.happen_group(GroupState::Empty);
    let wanted = Request::CommitOffset {
        group: "billing".into(),
        partition: orders(0),
        offset: Offset(30),
    };
    assert!(follows.contains(&wanted), "{follows:?}");
    session.later(5);
    let starts = session.happen(crate::state::Happening::Observed(
        Observation::OffsetCommitted {
            group: "billing".into(),
            error: None,
        },
    ));
    assert_eq!(
        starts,
        ["c1", "c2"].map(|name| Request::Start(consumer(name)))
    );
    let group = session.state.cluster.groups.get("billing").expect("known");
    assert_eq!(group.committed.get(&orders(0)), Some(&Offset(30)));
    let command = session.state.view.command.as_deref().unwrap_or_default();
    assert!(command.ends_with("--topic orders:0 --reset-offsets --to-offset 30 --execute"));
    let said = said(&session);
    for line in [
        "rewind billing to p0 @30",
        "p0 @30 committed for billing",
        "c1 c2 start again",
    ] {
        assert!(said.contains(line), "{line} in\n{said}");
    }
}

#[test]
fn what_is_read_again_stands_in_the_group_and_in_what_happened() {
    let mut session = looking_back();
    session.press('o');
    session.press('y');
    session.later(30).process(consumer("c1"), exited());
    session.process(consumer("c2"), exited());
    session.happen_group(GroupState::Empty);
    session.happen(crate::state::Happening::Observed(
        Observation::OffsetCommitted {
            group: "billing".into(),
            error: None,
        },
    ));
    session.later(20).spawned(consumer("c1"), 4140, None);
    session.spawned(consumer("c2"), 4141, None);
    session.later(60).assigned("c1", &[(0, 30), (1, 0)]);
    session.assigned("c2", &[(2, 0)]);
    session.group(GroupState::Stable, [30, 0, 0]);
    session.later(35);
    for offset in 30..36 {
        session.read("c1", 0, offset);
    }
    let words = "read 6 records from p0 @30 in 35 ms";
    let told = format!("billing/c1 {words}, the last p0 @35");
    assert!(said(&session).contains(&told), "{}", said(&session));
    assert_drawn("rewound_120x36", &session.state);
    session.later(10_000).tick();
    let later = text(&frame(&session.state));
    assert!(!later.contains("▪ read"), "{later}");
}

#[test]
fn a_refused_commit_brings_the_consumers_back_too() {
    let mut session = looking_back();
    session.press('o');
    session.press('y');
    session.process(consumer("c1"), exited());
    session.process(consumer("c2"), exited());
    session.happen_group(GroupState::Empty);
    let starts = session.happen(crate::state::Happening::Observed(
        Observation::OffsetCommitted {
            group: "billing".into(),
            error: Some("NOT_COORDINATOR".into()),
        },
    ));
    assert_eq!(starts.len(), 2);
    assert!(said(&session).contains("billing stays where it was: NOT_COORDINATOR"));
}

#[test]
fn members_that_do_not_leave_end_the_attempt() {
    let mut session = looking_back();
    session.press('o');
    session.press('y');
    session.process(consumer("c1"), exited());
    session.process(consumer("c2"), exited());
    session.later(16_000);
    let starts = session.tick();
    for name in ["c1", "c2"] {
        assert!(
            starts.contains(&Request::Start(consumer(name))),
            "{starts:?}"
        );
    }
    assert!(said(&session).contains("billing still has members"));
}

#[test]
fn a_group_that_strangers_read_for_is_left_alone() {
    let mut session = looking_back();
    session.see(Observation::Group(GroupSeen {
        group: "billing".into(),
        state: GroupState::Stable,
        members: vec![MemberSeen {
            member_id: "console-consumer-3f2c".into(),
            client_id: "console-consumer".into(),
            ..MemberSeen::default()
        }],
        ..GroupSeen::default()
    }));
    assert_eq!(session.press('o'), []);
    assert!(session.state.view.ask.is_none());
    let message = session.state.view.message.as_ref().expect("it says why");
    assert!(
        message
            .text
            .starts_with("console-consumer-3f2c reads for billing and is not ours")
    );
}

#[test]
fn without_a_record_o_says_how_to_pick_one() {
    let mut session = looking_back();
    session.press('G');
    assert_eq!(session.press('o'), []);
    let message = session.state.view.message.as_ref().expect("it says how");
    assert!(
        message.text.starts_with("no record is picked"),
        "{}",
        message.text
    );
}
