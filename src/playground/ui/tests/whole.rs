//! What does not fit is said in fewer words, in another place, or opened by enter: never half.

use super::{
    frame,
    session::{Session, broker, orders},
    text,
};
use crate::state::{Appearance, GroupSeen, Hand, Key, Observation, Pane, ProcessChange};
use wire::{GroupState, Offset};

fn screen(session: &Session) -> String {
    text(&frame(&session.state))
}

fn focus(session: &mut Session, pane: Pane) {
    for _ in 0..20 {
        if session.state.view.focus == pane {
            return;
        }
        session.later(150).key(Key::Tab);
    }
    panic!("{pane:?} cannot be reached");
}

#[test]
fn enter_opens_a_long_line_with_all_that_led_to_it() {
    let mut session = Session::new((80, 24), Appearance::default());
    session.rebalancing();
    focus(&mut session, Pane::Story);
    for _ in 0..10 {
        let at_hand = session.state.line_at_hand().expect("there are lines");
        if at_hand.hand == Hand::Client {
            break;
        }
        session.later(150).key(Key::Up);
    }
    let shown = screen(&session);
    assert!(
        shown.contains("Without leader 1.50 s;    │") && shown.contains(" writes waited 1.50 s"),
        "it is too long for one row:\n{shown}"
    );
    session.later(150).key(Key::Enter);
    let opened = screen(&session);
    for words in [
        "you  kill -9 broker 3 (pid 4123, leader of p2)",
        "session of broker 3 expired",
        "p2 leader 3->1  epoch 4->5",
        "p2 writes again, 0 lost.",
        "writes waited",
    ] {
        assert!(opened.contains(words), "{words} is not in\n{opened}");
    }
    let pane = opened.lines().take(22);
    assert!(pane.into_iter().all(|line| !line.contains('…')), "{opened}");
    // What happens meanwhile does not change what is read.
    session.later(150).key(Key::Char('p'));
    session.later(150).produced(200, 190, &[]).tick();
    assert!(screen(&session).contains("writes waited"));
}

#[test]
fn writes_that_wait_for_replicas_stay_in_the_lane_whatever_is_pressed() {
    for size in [(80, 24), (120, 36)] {
        let mut session = Session::new(size, Appearance::default());
        session.all_ready().killed().broker_3_dies();
        session.metadata(&[1, 2], [(1, 5, &[1]), (2, 5, &[2, 1]), (1, 5, &[1])]);
        session.produced(100, 7, &[(0, 93)]);
        for key in ['2', 'p', '1'] {
            session.later(400).press(key);
            session.tick();
            let shown = screen(&session);
            let said = shown
                .lines()
                .find(|line| line.contains(": NOT_ENOUGH_REPLICAS"));
            let wait = said.is_some_and(|line| line.contains("  93 w"));
            assert!(wait, "after {key}:\n{shown}");
        }
        session.produced(100, 100, &[]).tick();
        assert!(!screen(&session).contains("  93 w"));
    }
}

#[test]
fn a_mistake_in_a_file_is_said_whole_in_a_narrow_window() {
    let mut session = Session::new((80, 24), Appearance::default());
    session.all_ready();
    session.see(Observation::SettingsFile {
        file: "layouts/my.toml".into(),
        text: Some("rows = [[\"repicas\"]]".into()),
        at_start: false,
    });
    let shown = screen(&session);
    let footer: Vec<&str> = shown.lines().skip(22).map(str::trim).collect();
    let footer = footer.join(" ");
    assert!(footer.contains("layouts/my.toml:1:"), "{shown}");
    assert!(footer.ends_with("The old layout stays."), "{shown}");
    assert!(!footer.contains('…'), "{shown}");
}

#[test]
fn a_frozen_box_names_its_time_whole_or_not_at_all() {
    for ms in [3_100, 13_100, 313_100] {
        let mut session = Session::new((120, 36), Appearance::default());
        session.all_ready();
        session.later(150).press('3');
        session.process(broker(3), ProcessChange::Frozen);
        session.later(ms).tick();
        let shown = screen(&session);
        let title = shown.lines().nth(1).unwrap_or_default();
        let (_, rest) = title.split_once("FROZEN").expect("its title");
        let rest = rest.split('╮').next().unwrap_or_default();
        let said = rest.trim_matches(['─', ' ']);
        let whole = said.is_empty() || said.ends_with(" s") || said.ends_with("min");
        assert!(whole, "{title}");
    }
}

/// `other` stands where it stands, beside the group that is shown.
fn beside(other: i64) -> Session {
    let mut session = Session::new((120, 36), Appearance::default());
    session.all_ready();
    session.offsets(0, 10, &[(1, 10), (2, 10), (3, 10)]);
    session.group(GroupState::Stable, [9, 0, 0]);
    session.see(Observation::Group(GroupSeen {
        group: "shipping".into(),
        state: GroupState::Empty,
        committed: vec![(orders(0), Offset(other))],
        ..GroupSeen::default()
    }));
    session
}

#[test]
fn a_readers_name_covers_no_mark_of_another_group() {
    for other in 2..=10 {
        let shown = screen(&beside(other));
        let row = shown
            .lines()
            .find(|line| line.contains("readers") && line.contains("lag"))
            .unwrap_or_default();
        // The mark that both have is ours, and has the other's letter.
        let mark = if other == 9 { "▲s" } else { "▲" };
        assert!(row.contains(mark), "{other}: {row}\n{shown}");
        let marks = row.matches('▲').count();
        assert_eq!(marks, if other == 9 { 1 } else { 2 }, "{other}: {row}");
        assert!(row.contains("c1"), "{other}: {row}");
    }
}

#[test]
fn a_receipt_leaves_out_words_before_it_cuts_a_number() {
    for columns in 80..=120 {
        let mut session = Session::new((columns, 36), Appearance::default());
        session.all_ready();
        session.acked("amy", 0, 0, 14_600).read("c1", 0, 0);
        session.later(20).tick();
        let shown = screen(&session);
        let Some(row) = shown.lines().find(|line| line.contains("last amy -> p0")) else {
            continue;
        };
        let (_, said) = row.split_once("last amy").expect("it is there");
        let said = said.trim_end_matches(['│', ' ']);
        let whole = said.ends_with(" ms") || said.ends_with(" s") || said.ends_with("@0");
        assert!(whole, "{columns}: {row}");
    }
}
