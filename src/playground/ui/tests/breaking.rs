//! Breaking and healing: who is meant, which keys are named, what is said to stand still.

use std::time::Duration;

use super::{
    frame,
    session::{self, Session, broker},
    text,
};
use crate::state::{
    Appearance, GroupSeen, Happening, Key, Observation, Overlay, ProcessChange, Request, State,
};
use wire::{BrokerId, GroupState};

fn ready() -> Session {
    let mut session = session::ready((120, 36));
    session.see(Observation::Group(GroupSeen {
        group: "billing".into(),
        state: GroupState::Stable,
        coordinator: Some(BrokerId(3)),
        ..GroupSeen::default()
    }));
    session.later(1000);
    session
}

/// Types an action in the palette; not yet enter.
fn typed(session: &mut Session, words: &str) {
    session.later(150).press(':');
    for character in words.chars() {
        session.later(150).press(character);
    }
}

fn entered(session: &mut Session, words: &str) -> Vec<Request> {
    typed(session, words);
    session.later(150).key(Key::Enter)
}

fn first_found(session: &Session) -> String {
    let Overlay::Palette(palette) = &session.state.view.overlay else {
        panic!("the palette is open");
    };
    let first = palette.found.first();
    first.map_or_else(String::new, |first| first.text.clone())
}

fn message(state: &State) -> String {
    let message = state.view.message.as_ref();
    message.map_or_else(String::new, |message| message.text.clone())
}

#[test]
fn a_role_means_the_broker_that_has_it() {
    for (words, request) in [
        ("kill controller", Request::Kill(broker(2))),
        ("kill coordinator of billing", Request::Kill(broker(3))),
        ("kill leader of orders p0", Request::Kill(broker(1))),
        ("kill follower of orders p0", Request::Kill(broker(2))),
        ("freeze controller", Request::Freeze(broker(2))),
        ("stop coordinator of billing", Request::Stop(broker(3))),
        ("restart leader of orders p2", Request::Restart(broker(3))),
    ] {
        let mut session = ready();
        typed(&mut session, words);
        assert_eq!(first_found(&session), words);
        assert_eq!(session.later(150).key(Key::Enter), [request], "{words}");
    }
    let mut session = ready();
    assert_eq!(entered(&mut session, "kill coordinator of shipping"), []);
    assert_eq!(message(&session.state), "there is no group shipping");
}

#[test]
fn chance_asks_first_and_falls_on_a_broker_that_lives() {
    let mut fell = Vec::new();
    for later in 0..40 {
        let mut session = ready();
        session.later(later * 13);
        assert_eq!(entered(&mut session, "kill random"), []);
        let ask = session.state.view.ask.clone().expect("it asks");
        assert!(!ask.text.contains("broker 1"), "nobody knows which");
        match session.later(150).press('y').as_slice() {
            [Request::Kill(name)] => fell.push(name.clone()),
            other => panic!("one broker is killed, not {other:?}"),
        }
    }
    fell.sort();
    fell.dedup();
    assert_eq!(fell, [broker(1), broker(2), broker(3)]);
}

#[test]
fn what_is_not_named_exactly_is_never_taken_away_by_enter_alone() {
    for vague in [
        "ki br",
        "kill",
        "kill con",
        "kill lead",
        "del ord",
        "",
        "restart",
        "kill x1",
    ] {
        let mut session = ready();
        assert_eq!(entered(&mut session, vague), [], "{vague}");
        assert!(session.state.view.ask.is_none(), "{vague}");
        assert!(
            matches!(session.state.view.overlay, Overlay::Palette(_)),
            "{vague} leaves the palette open"
        );
    }
    let mut session = ready();
    entered(&mut session, "kill contr");
    assert_eq!(first_found(&session), "kill controller");
    assert_eq!(
        session.later(150).key(Key::Enter),
        [Request::Kill(broker(2))],
        "the name is there now"
    );
    let mut session = ready();
    entered(&mut session, "kill nobody");
    let drawn = text(&frame(&session.state));
    assert!(drawn.contains("WHAT: broker 1, zookeeper"), "{drawn}");
}

#[test]
fn a_hint_is_the_keys_that_work_from_here() {
    let mut session = Session::new((120, 36), Appearance::default());
    session.killed();
    let drawn = |session: &Session| text(&frame(&session.state));
    assert!(drawn(&session).contains("r starts it"));
    session.later(200).press('2');
    assert!(
        drawn(&session).contains("3 r starts it"),
        "{}",
        drawn(&session)
    );
    session.later(200).press('3');
    session.press('x');
    assert_eq!(
        message(&session.state),
        "broker 3 is dead already: r starts it again"
    );
    session.later(200).press('2');
    let kill = "kill broker 3".parse().expect("an action");
    session.later(200).happen(Happening::Do(kill));
    assert_eq!(
        message(&session.state),
        "broker 3 is dead already: 3 r starts it again"
    );
    for key in ['3', 'r'] {
        session.later(200).press(key);
    }
    assert!(session.requests.contains(&Request::Start(broker(3))));
}

#[test]
fn where_no_key_reaches_it_the_hint_is_what_the_palette_takes() {
    let mut session = ready();
    session.press('c');
    let drawn = text(&frame(&session.state));
    assert!(drawn.contains(":stop c3 stops it"), "{drawn}");
    assert_eq!(
        ":stop c3"[1..].parse::<crate::state::Action>(),
        "stop consumer c3".parse()
    );
}

/// Broker 3, which led p2, is gone; after 1.25 s broker 1 leads it.
fn leader_moved(session: &mut Session) {
    session.process(
        broker(3),
        ProcessChange::Exited {
            code: None,
            signal: Some(9),
        },
    );
    session
        .later(1250)
        .metadata(&[1, 2], [(1, 0, &[1, 2]), (2, 0, &[2, 1]), (1, 1, &[1, 2])]);
}

fn told(session: &Session) -> String {
    let last = session.state.story.entries().back();
    let words = last.into_iter().flat_map(|last| &last.text);
    words.map(|(_, words)| words.as_str()).collect()
}

#[test]
fn time_in_which_nobody_wrote_is_no_outage() {
    let mut session = ready();
    leader_moved(&mut session);
    let without = session.state.outages.longest.clone().map(|(_, time)| time);
    assert_eq!(without, Some(Duration::from_millis(1250)));
    session.later(24_740).acked("cleo", 2, 1, 40_000);
    assert_eq!(
        told(&session),
        "p2 writes again, 0 lost. Without leader 1.25 s; not tried 24.70 s; the try took 0.04 s"
    );
}

#[test]
fn whoever_wrote_meanwhile_waited() {
    let mut session = ready();
    leader_moved(&mut session);
    session.later(60).acked("cleo", 2, 1, 1_200_000);
    assert_eq!(
        told(&session),
        "p2 writes again, 0 lost. Without leader 1.25 s; writes waited 1.20 s"
    );
}

#[test]
fn an_outage_begins_when_the_broker_is_seen_gone_and_not_with_the_key() {
    let mut session = ready();
    session.press('3');
    session.press('x');
    assert_eq!(session.state.outages.open(&session.state.cluster), None);
}
