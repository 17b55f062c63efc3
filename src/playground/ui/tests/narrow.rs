//! What a small window, a narrow box or a bad moment must still say.

use super::{
    frame,
    session::{Session, broker, orders, ready},
    text,
};
use crate::state::{
    Action, GroupSeen, Happening, Key, Observation, PartitionOffsets, ProcessChange, ProcessName,
    ScreenAction, ZooKeeperSeen,
};
use wire::{BrokerId, GroupState, Offset};

fn screen(session: &Session) -> String {
    text(&frame(&session.state))
}

fn kill(session: &mut Session, id: i32) {
    let action: Action = format!("kill broker {id}").parse().expect("an action");
    session.later(200).happen(Happening::Do(action));
    let exited = ProcessChange::Exited {
        code: None,
        signal: Some(9),
    };
    session.later(20).process(broker(id), exited);
}

fn all_dead(size: (u16, u16)) -> Session {
    let mut session = ready(size);
    for id in [1, 2, 3] {
        kill(&mut session, id);
    }
    session.later(2000).tick();
    session
}

#[test]
fn with_every_broker_dead_the_footer_names_the_key_that_starts_them() {
    for size in [(80, 24), (100, 30), (120, 36)] {
        let drawn = screen(&all_dead(size));
        assert!(drawn.contains("H heal all"), "{drawn}");
        assert!(drawn.contains(": all"), "{drawn}");
    }
}

#[test]
fn help_says_why_keys_do_nothing_and_cuts_none_of_its_words() {
    for size in [(80, 24), (120, 36)] {
        let mut session = all_dead(size);
        session.press('?');
        let drawn = screen(&session);
        for words in [
            "kill -9  is dead",
            "produce one record; hold for more  waits",
            "read again after a crash",
            "the last 32 MiB of what happened",
        ] {
            assert!(drawn.contains(words), "{words} is missing:\n{drawn}");
        }
        assert!(
            !drawn.contains('…') || drawn.contains("▲s group s…"),
            "{drawn}"
        );
        session.press('G');
        session.press('/');
        for sign in "leaders".chars() {
            session.press(sign);
        }
        let drawn = screen(&session);
        assert!(
            drawn.contains("elect preferred leaders  no broker"),
            "{drawn}"
        );
    }
}

#[test]
fn a_long_answer_stands_whole_above_the_footer() {
    let why = "preferred leader of __consumer_offsets-3 not elected: PREFERRED_LEADER_NOT_AVAILABLE, and 9 more; \
               retention.ms: Not a number of type LONG: soon. Say it as kafka-configs.sh --alter takes it, or take it back";
    let mut session = ready((80, 24));
    session.see(Observation::Failed { why: why.into() });
    let drawn = screen(&session);
    let lines: Vec<&str> = drawn.lines().map(str::trim).collect();
    let from = lines
        .iter()
        .position(|line| line.starts_with("preferred leader of"));
    let said = lines[from.expect("it is said")..].join(" ");
    assert_eq!(said, why, "{drawn}");
}

#[test]
fn members_that_nobody_coordinates_are_not_said_to_be_gone() {
    let mut session = all_dead((120, 36));
    session.offsets(0, 44, &[(1, 44)]);
    session.see(Observation::Group(GroupSeen {
        group: "billing".into(),
        state: GroupState::Stable,
        committed: vec![(orders(0), Offset(40))],
        ..GroupSeen::default()
    }));
    let drawn = screen(&session);
    assert!(drawn.contains("billing no coordinator"), "{drawn}");
    assert!(!drawn.contains("no reader"), "{drawn}");
}

#[test]
fn marks_of_other_groups_are_explained_beside_them() {
    for size in [(80, 24), (120, 36)] {
        let mut session = ready(size);
        session.later(100).key(Key::Esc);
        session.offsets(0, 10, &[(1, 10), (2, 10), (3, 10)]);
        session.group(GroupState::Stable, [9, 0, 0]);
        for (group, told) in [
            ("shipping", "▲s group shipping"),
            ("audit", "▲as other groups"),
        ] {
            session.see(Observation::Group(GroupSeen {
                group: group.into(),
                state: GroupState::Empty,
                committed: vec![(orders(0), Offset(5))],
                ..GroupSeen::default()
            }));
            let drawn = screen(&session);
            assert!(drawn.contains(told), "{told} is missing:\n{drawn}");
        }
    }
}

#[test]
fn a_log_that_retention_emptied_keeps_its_figures() {
    for size in [(80, 24), (120, 36)] {
        let mut session = ready(size);
        for partition in 0..3 {
            session.see(Observation::Offsets(vec![PartitionOffsets {
                partition: orders(partition),
                log_start: Offset(44),
                high_watermark: Offset(44),
                last_stable: None,
                ends: vec![(BrokerId(1), Offset(44))],
            }]));
        }
        let drawn = screen(&session);
        let figures = drawn
            .lines()
            .any(|line| line.contains("end") && line.contains("44"));
        assert!(figures && drawn.contains("HW"), "{drawn}");
        assert!(
            !drawn.contains("Press  p"),
            "records were written:\n{drawn}"
        );
        assert!(drawn.contains("start 44"), "{drawn}");
    }
}

#[test]
fn the_palette_breaks_what_a_broker_does_for_others() {
    let mut session = ready((120, 36));
    session.metadata(
        &[1, 2, 3],
        [(2, 1, &[1, 2, 3]), (2, 1, &[2, 3, 1]), (2, 1, &[3, 1, 2])],
    );
    session.see(Observation::Group(GroupSeen {
        group: "billing".into(),
        state: GroupState::Stable,
        coordinator: Some(BrokerId(2)),
        ..GroupSeen::default()
    }));
    session.press(':');
    for sign in "kill broker 2".chars() {
        session.press(sign);
    }
    let drawn = screen(&session);
    assert!(
        drawn.contains("leads p0 p1 p2 of orders, controller, coordinator of"),
        "{drawn}"
    );
    assert!(drawn.contains("│ billing  "), "{drawn}");
}

#[test]
fn boxes_of_four_brokers_say_their_words_whole() {
    let mut session = ready((120, 36));
    session.spawned(broker(4), 4124, Some(9095));
    session.ready(broker(4), 9095);
    session.press('4');
    kill(&mut session, 4);
    session.later(2000).tick();
    let drawn = screen(&session);
    let boxes: Vec<&str> = drawn.lines().skip(1).take(5).collect();
    let boxes = boxes.join("\n");
    assert!(boxes.contains("2 ● UP controller"), "{boxes}");
    assert!(boxes.contains("4 ✗ KILLED  2.0 s"), "{boxes}");
    assert!(boxes.contains("leads nothing"), "{boxes}");
    assert!(!boxes.contains('…'), "{boxes}");
}

#[test]
fn a_dead_brokers_log_opens_at_its_last_line() {
    let mut session = ready((80, 24));
    session.press('3');
    session.see(Observation::LogLines {
        process: broker(3),
        file: "~/demo/broker-3/server.log".into(),
        lines: (1..=200).map(|number| format!("line {number}")).collect(),
    });
    session.process(
        broker(3),
        ProcessChange::Exited {
            code: Some(101),
            signal: None,
        },
    );
    session.later(150).key(Key::Enter);
    let drawn = screen(&session);
    assert!(
        drawn.contains("line 200") && drawn.contains("whole log"),
        "{drawn}"
    );
    session.later(150).key(Key::Up);
    let drawn = screen(&session);
    assert!(
        drawn.contains("line 199") && !drawn.contains("line 200"),
        "{drawn}"
    );
    session.later(150).press('g');
    let drawn = screen(&session);
    assert!(
        drawn.contains("line 1 ") && drawn.contains("line 9 "),
        "{drawn}"
    );
    assert_eq!(session.state.view.picked, ProcessName::Broker(BrokerId(3)));
}

#[test]
fn groups_that_read_too_stay_within_the_flow() {
    let mut session = ready((80, 24));
    session.happen(Happening::Do(Action::Screen(ScreenAction::Layout(
        "flow".into(),
    ))));
    for partition in 0..3 {
        session.offsets(partition, 6, &[(1, 6), (2, 6), (3, 6)]);
    }
    session.group(GroupState::Stable, [6, 6, 6]);
    for group in ["audit", "shipping"] {
        session.see(Observation::Group(GroupSeen {
            group: group.into(),
            state: GroupState::Empty,
            committed: (0..3).map(|p| (orders(p), Offset(4))).collect(),
            ..GroupSeen::default()
        }));
    }
    let drawn = screen(&session);
    assert_eq!(drawn.matches("audit lag 2").count(), 3, "{drawn}");
    assert_eq!(drawn.matches("shipping lag 2").count(), 3, "{drawn}");
    let story = drawn.lines().skip(17).collect::<Vec<_>>().join("\n");
    assert!(!story.contains(" lag 2"), "{drawn}");
}

#[test]
fn a_small_box_of_a_dead_broker_says_whole_words() {
    let mut session = ready((80, 24));
    session.metadata(&[1, 2, 3], [(2, 5, &[2]), (2, 5, &[2]), (3, 4, &[3, 1])]);
    kill(&mut session, 1);
    kill(&mut session, 2);
    session.later(2000).tick();
    let drawn = screen(&session);
    assert!(drawn.contains("┆ p0 p1 offline    ┆"), "{drawn}");
    kill(&mut session, 3);
    session.see(Observation::ZooKeeper(ZooKeeperSeen::default()));
    assert!(screen(&session).contains("no sessions"));
}

#[test]
fn a_narrow_palette_says_whole_how_a_verb_goes_on() {
    let mut session = all_dead((80, 24));
    for (verb, words) in [
        (
            "kill",
            "kill broker 1, zookeeper, c1, controller, leader of TOPIC pN, all brokers",
        ),
        (
            "restart",
            "restart broker 1, zookeeper, c1, controller, leader of TOPIC pN",
        ),
    ] {
        session.happen(Happening::Do(Action::Screen(ScreenAction::Palette(
            verb.into(),
        ))));
        let drawn = screen(&session);
        assert!(drawn.contains(words), "{drawn}");
    }
    session.happen(Happening::Do(Action::Screen(ScreenAction::Palette(
        "kill controller".into(),
    ))));
    assert!(screen(&session).contains("now broker 2, which is dead"));
}
