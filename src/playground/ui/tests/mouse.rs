//! What clicks and the wheel do, wherever they meet the screen.

use super::{
    frame,
    session::{Session, broker, consumer},
    text,
};
use crate::{
    state::{Action, Appearance, Happening, Motion, Pane, Request, ScreenAction},
    ui::mouse::{click, wheel},
};
use wire::Offset;

/// Where a text stands on the screen.
fn place_of(session: &Session, wanted: &str) -> (u16, u16) {
    let drawn = text(&frame(&session.state));
    for (row, line) in (0..).zip(drawn.lines()) {
        if let Some((before, _)) = line.split_once(wanted) {
            let column = u16::try_from(before.chars().count()).expect("narrow");
            return (column + 1, row);
        }
    }
    panic!("{wanted} is not on\n{drawn}");
}

fn do_all(session: &mut Session, actions: Vec<Action>) {
    for action in actions {
        session.happen(Happening::Do(action));
    }
}

#[test]
fn a_click_picks_what_it_meets() {
    let mut session = Session::new((120, 36), Appearance::default());
    session.rebalancing();
    let (column, row) = place_of(&session, ":9093   pid");
    let actions = click(&session.state, column, row);
    do_all(&mut session, actions);
    assert_eq!(session.state.view.picked, broker(2));
    let (column, row) = place_of(&session, "c2 ● asked");
    let actions = click(&session.state, column, row);
    do_all(&mut session, actions);
    assert_eq!(session.state.view.picked, consumer("c2"));
    assert_eq!(session.state.view.focus, Pane::Group);
    let (column, row) = place_of(&session, "│ fay │");
    let actions = click(&session.state, column + 2, row);
    do_all(&mut session, actions);
    let view = &session.state.view;
    assert_eq!((view.focus, view.partition), (Pane::Log, 2));
    assert_eq!(view.record, Some(Offset(37)));
}

#[test]
fn the_wheel_scrolls_what_lies_under_it() {
    let mut session = Session::new((120, 36), Appearance::default());
    session.rebalancing();
    let (column, row) = place_of(&session, "controller     └");
    let up = wheel(&session.state, column, row, true);
    assert_eq!(
        up,
        [
            Action::Screen(ScreenAction::FocusPane(Pane::Story)),
            Action::Screen(ScreenAction::Move(Motion::Up))
        ]
    );
    do_all(&mut session, up);
    assert_eq!(session.state.view.story_back, 1);
    assert_eq!(wheel(&session.state, 5, 0, true), [], "the header");
    session.press('?');
    let down = wheel(&session.state, column, row, false);
    assert_eq!(down, [Action::Screen(ScreenAction::Move(Motion::Down))]);
    assert_eq!(click(&session.state, column, row), []);
}

#[test]
fn the_mouse_is_the_terminals_until_it_is_asked_for() {
    let mut session = Session::new((120, 36), Appearance::default());
    session.all_ready();
    assert!(!session.state.view.mouse);
    let action = || Happening::Do("mouse".parse().expect("known"));
    assert_eq!(session.happen(action()), [Request::Mouse(true)]);
    assert_eq!(session.happen(action()), [Request::Mouse(false)]);
}
