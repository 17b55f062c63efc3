//! Whoever gives every action another key is told that key, wherever a sentence names one.

use std::fmt::Write as _;

use super::{
    frame,
    session::{Session, broker},
    text,
};
use crate::state::{
    Action, Appearance, Context, Key, Observation, Pane, ProcessChange, TerminalAction,
    keymap::TABLE,
};

/// Letters that the program's own table does not use.
const LETTERS: &str = "αβγδεζηθικλμνξοπρστυφχψωабвгдежзийклмнопрстуфхцчшщъыьэюяΓΔΘΛΞΠΣΦΨΩ";

/// A file that gives every action of the table one of these letters, in each context from the first on.
fn other_keys() -> String {
    let contexts = [
        ("always", Context::Always),
        ("overlay", Context::Overlay),
        ("confirm", Context::Confirm),
        ("input", Context::Input),
        ("log", Context::Pane(Pane::Log)),
        ("transaction", Context::Transaction),
    ];
    let mut file = String::new();
    for (name, context) in contexts {
        let _ = writeln!(file, "[{name}]");
        let mut actions: Vec<&str> = Vec::new();
        for (_, action) in TABLE
            .iter()
            .filter(|row| row.context == context)
            .flat_map(|row| row.keys)
        {
            if !actions.contains(action) {
                actions.push(action);
            }
        }
        let mut letters: Vec<char> = LETTERS.chars().collect();
        if name == "log" || name == "transaction" {
            // What holds in one pane only must not hide what holds always.
            letters.reverse();
        }
        assert!(actions.len() <= letters.len());
        for (action, letter) in actions.iter().zip(letters) {
            let _ = writeln!(file, "\"{action}\" = \"{letter}\"");
        }
    }
    file
}

fn bound(keys: &str) -> Session {
    let mut session = Session::new((120, 36), Appearance::default());
    session.see(Observation::SettingsFile {
        file: "keys.toml".into(),
        text: Some(keys.to_owned()),
        at_start: true,
    });
    session
}

/// Presses what an action is bound to.
fn perform_action(session: &mut Session, action: &str) {
    let key = session.state.view.keys.key_of(action).expect("it has one");
    session.later(400).key(key);
}

/// Broker 3 is killed by the key that kills.
fn killed(session: &mut Session) {
    session.all_ready();
    perform_action(session, "pick 3");
    perform_action(session, "kill");
    session.process(
        broker(3),
        ProcessChange::Exited {
            code: None,
            signal: Some(9),
        },
    );
}

fn screen(session: &Session) -> String {
    text(&frame(&session.state))
}

/// Default keys that a screen names, as a word before a verb.
fn named(screen: &str) -> Vec<String> {
    let keys = [
        "p",
        "P",
        "C",
        "t",
        "D",
        "x",
        "r",
        "H",
        "v",
        "V",
        "f",
        "i",
        "o",
        "y",
        "R",
        "q",
        "?",
        "/",
        ":",
        "esc",
        "enter",
        "tab",
        "shift-tab",
        "space",
        "PgUp",
        "PgDn",
        "0-9",
        "^C",
        "^Z",
        "^L",
        "G",
        "h",
    ];
    // Letters that are words, units or signs elsewhere.
    let phrases = [
        " s stop",
        " s leave",
        " z freeze",
        " z thaw",
        " c consumer",
        " c adds",
        " a adds",
        " m moves",
        " e elect",
        "+ - stream",
        "+ a stream",
        "+ for a",
        "space returns",
        " < back",
        " > on",
        "Press p",
        "press c",
        "j k l",
    ];
    let mut found = Vec::new();
    for line in screen.lines() {
        let words: Vec<&str> = line
            .split(|c: char| c.is_whitespace() || "│╭╮╰╯─┄".contains(c))
            .filter(|word| !word.is_empty())
            .collect();
        for pair in words.windows(2) {
            let verb = pair[1].chars().next().is_some_and(char::is_lowercase);
            if keys.contains(&pair[0]) && verb {
                found.push(format!("{} {}", pair[0], pair[1]));
            }
        }
        let phrases = phrases.iter().filter(|phrase| line.contains(**phrase));
        found.extend(phrases.map(|phrase| (*phrase).to_owned()));
    }
    found
}

/// What a person sees in the first ten minutes, each screen with its name.
fn screens(keys: &str) -> Vec<(&'static str, String)> {
    let mut seen = Vec::new();
    let mut starting = bound(keys);
    starting.starting();
    seen.push(("the start", screen(&starting)));

    let mut session = bound(keys);
    session.all_ready();
    seen.push(("ready", screen(&session)));
    for (name, action) in [
        ("palette", "palette"),
        ("compose", "compose"),
        ("new topic", "topic create"),
        ("filter", "filter"),
        ("help", "help"),
        ("process", "open"),
    ] {
        let mut session = bound(keys);
        session.all_ready();
        perform_action(&mut session, action);
        seen.push((name, screen(&session)));
    }
    for (name, actions) in [
        ("quit", &["quit"][..]),
        ("restart", &["start"]),
        ("delete", &["delete"]),
        ("spread", &["partitions spread"]),
        ("held", &["hold"]),
        ("refused while held", &["hold", "kill"]),
        ("the newest moment", &["hold", "step 1"]),
        ("no such broker", &["pick 7"]),
        ("frozen", &["freeze", "stop"]),
        ("stage", &["layout next", "layout next", "layout next"]),
    ] {
        let mut session = bound(keys);
        session.all_ready();
        for action in actions {
            perform_action(&mut session, action);
        }
        seen.push((name, screen(&session)));
    }
    let mut session = bound(keys);
    killed(&mut session);
    seen.push(("killed", screen(&session)));
    perform_action(&mut session, "kill");
    seen.push(("dead already", screen(&session)));
    for _ in 0..7 {
        perform_action(&mut session, "layout next");
        seen.push(("another layout", screen(&session)));
    }
    let mut session = bound(keys);
    session.all_ready();
    session.process(
        broker(2),
        ProcessChange::Exited {
            code: Some(101),
            signal: None,
        },
    );
    session.see(Observation::Failed {
        why: "INVALID_REPLICATION_FACTOR: 4 wanted, 3 brokers live. {broker add} adds one".into(),
    });
    seen.push(("died", screen(&session)));
    session.topics(&[]);
    seen.push(("no topic", screen(&session)));
    session.state.view.group = "nobody".into();
    seen.push(("no group", screen(&session)));
    session.state.view.size = (40, 12);
    seen.push(("too small", screen(&session)));
    seen
}

#[test]
fn no_sentence_names_a_key_that_is_not_bound() {
    for (name, screen) in screens(&other_keys()) {
        let named = named(&screen);
        assert!(named.is_empty(), "{name} names {named:?}:\n{screen}");
    }
}

#[test]
fn the_same_screens_name_the_own_keys_where_nobody_changed_them() {
    let all: Vec<String> = screens("")
        .iter()
        .flat_map(|(_, screen)| named(screen))
        .collect();
    for phrase in [
        "p produce",
        "r starts",
        "esc keep",
        "space returns",
        " a adds",
        "t makes",
        " c adds",
        "q quits.",
        "esc closes",
        "enter send",
        " z thaw",
        "space live",
    ] {
        assert!(all.iter().any(|found| found == phrase), "{phrase}: {all:?}");
    }
}

#[test]
fn what_has_no_key_is_named_as_the_palette_takes_it() {
    let mut session = bound("[always]\nstart = []\n\"topic create\" = []");
    killed(&mut session);
    perform_action(&mut session, "kill");
    let shown = screen(&session);
    assert!(
        shown.contains("is dead already: :start broker 3 starts it again"),
        "{shown}"
    );
    session.topics(&[]);
    let shown = screen(&session);
    assert!(shown.contains(":topic create makes one"), "{shown}");
}

#[test]
fn the_press_that_confirms_is_the_one_that_asked() {
    let mut session = bound("[always]\nquit = [\"u\", \"w\"]");
    session.all_ready();
    session.later(400).key(Key::Char('u'));
    let ask = session.state.view.ask.clone().expect("it asks");
    assert!(ask.text.starts_with("u again quits"), "{}", ask.text);
    // Two keys of one action confirm each other, as q and ^C do.
    session.later(400).key(Key::Char('w'));
    assert!(!session.later(150).tick().is_empty());
    assert_eq!("quit".parse(), Ok(Action::Terminal(TerminalAction::Quit)));
}
