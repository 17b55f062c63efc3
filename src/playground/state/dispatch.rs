//! From a key to an action: the question first, then the overlay, the pane, and what holds always.

use crate::state::{
    State,
    action::{Action, Answer, Key, KeyPress, Motion, Pane, Request, ScreenAction},
    cluster::{Process, ProcessName},
    gate::{By, pass, pass_record},
    settings::Context,
    view::{Compose, Enter, Overlay, PICK_WITHIN, Purpose, REPEAT_WITHIN, TypedPick, navigate},
};

use wire::BrokerId;

/// What a key press does.
pub(super) fn key(state: &mut State, press: KeyPress) -> Vec<Request> {
    let now = state.now;
    let soon = state
        .view
        .last_key
        .is_some_and(|(last, at)| last == press.key && now.since(at) < REPEAT_WITHIN);
    let press = KeyPress {
        repeat: press.repeat || soon,
        ..press
    };
    state.view.last_key = Some((press.key, now));
    state.view.press(press.key, now);
    if state.view.ask.is_some() {
        match answer(state, press) {
            Answered::Done(requests) => return requests,
            Answered::NotMeant => {}
        }
    }
    let always = state.view.keys.lookup(Context::Always, press.key);
    match &state.view.overlay {
        Overlay::Palette(_) | Overlay::Compose(_) | Overlay::Prompt(_) => input(state, press),
        Overlay::Help(help) if help.typing => input(state, press),
        Overlay::Help(_) | Overlay::Opened(_) | Overlay::Lessons(_) => {
            let listed = matches!(state.view.overlay, Overlay::Lessons(_));
            let lesson = state.view.keys.lookup(Context::Lesson, press.key);
            let lesson = lesson.filter(|_| listed);
            match lesson.or_else(|| state.view.keys.lookup(Context::Overlay, press.key)) {
                Some((action, _)) => pass(state, &action, By::Key(press.key)),
                None => match (press.key, always) {
                    (Key::Ctrl(_), Some((action, _))) => pass(state, &action, By::Key(press.key)),
                    _ => Vec::new(),
                },
            }
        }
        Overlay::None => {
            let pane = Context::Pane(state.view.focus);
            let pane = state.view.keys.lookup(pane, press.key);
            let nearer = in_lesson(state, press.key).or(in_transaction(state, press.key));
            match nearer.or(pane).or(always) {
                Some((_, repeats)) if press.repeat && !repeats => Vec::new(),
                Some((action, _)) => {
                    let action = longer_pick(state, press.key, action);
                    pass(state, &action, By::Key(press.key))
                }
                None => {
                    unbound(state, press.key);
                    Vec::new()
                }
            }
        }
    }
}

/// A digit soon after another one picks the broker of both: `4`, `7` is 4, then 47. With fewer than ten brokers no
/// digit waits for another.
fn longer_pick(state: &mut State, key: Key, action: Action) -> Action {
    let digit = match (key, &action) {
        (Key::Char(digit), Action::Screen(ScreenAction::Pick(_))) => digit.to_digit(10),
        _ => None,
    };
    let now = state.now;
    let before = state.view.typed_pick.take();
    let before = before.filter(|typed| now.since(typed.at) < PICK_WITHIN);
    let Some(digit) = digit.and_then(|digit| i32::try_from(digit).ok()) else {
        return action;
    };
    let brokers: Vec<i32> = state
        .cluster
        .brokers()
        .filter_map(Process::broker)
        .map(|id| id.0)
        .collect();
    let longer = before.map(|typed| typed.number.saturating_mul(10).saturating_add(digit));
    let longer = longer.filter(|number| brokers.contains(number));
    let number = longer.unwrap_or(digit);
    let begins = |id: &i32| *id / 10 == number || *id / 100 == number;
    if number > 0 && brokers.iter().any(begins) {
        state.view.typed_pick = Some(TypedPick { number, at: now });
    }
    match longer {
        Some(number) => ScreenAction::Pick(ProcessName::Broker(BrokerId(number))).into(),
        None => action,
    }
}

/// What a key means to the lesson that is on the screen: letters, while its question has the keys.
fn in_lesson(state: &State, pressed: Key) -> Option<(Action, bool)> {
    let keys = &state.view.keys;
    let asks = state.asks_in_lesson() && state.view.focus == Pane::Lesson;
    let answers = asks
        .then(|| keys.lookup(Context::Question, pressed))
        .flatten();
    let leads = state.leads_through_a_lesson();
    answers.or_else(|| keys.lookup(Context::Lesson, pressed).filter(|_| leads))
}

/// What a key means to the open transaction of the producer that is picked.
fn in_transaction(state: &State, pressed: Key) -> Option<(Action, bool)> {
    let open =
        matches!(state.view.picked, ProcessName::Producer(_)) && state.open_transaction().is_some();
    let keys = &state.view.keys;
    open.then(|| keys.lookup(Context::Transaction, pressed))
        .flatten()
}

enum Answered {
    Done(Vec<Request>),
    NotMeant,
}

/// Takes a key as the answer to the open question. A held key never confirms: its second press
/// counts only when the wake-up comes before a third.
fn answer(state: &mut State, press: KeyPress) -> Answered {
    let Some(ask) = &mut state.view.ask else {
        return Answered::NotMeant;
    };
    match &mut ask.how {
        Answer::Yes => {
            let action = ask.action.clone();
            // What the terminal is asked for goes on meanwhile; whoever wants out is out of the question.
            if matches!(press.key, Key::Ctrl('z' | 'l')) {
                let bound = state.view.keys.lookup(Context::Always, press.key);
                let bound = bound.map(|(action, _)| action);
                let requests = bound.map(|action| pass(state, &action, By::Key(press.key)));
                return Answered::Done(requests.unwrap_or_default());
            }
            if press.key == Key::Ctrl('c') {
                state.view.ask = None;
                state.message("kept as it is", false);
                return Answered::Done(Vec::new());
            }
            match state.view.keys.lookup(Context::Confirm, press.key) {
                Some((Action::Screen(ScreenAction::Accept), _)) if !press.repeat => {
                    state.view.ask = None;
                    Answered::Done(pass(state, &action, By::Sure))
                }
                Some((Action::Screen(ScreenAction::Back), _)) => {
                    state.view.ask = None;
                    state.message("kept as it is", false);
                    Answered::Done(Vec::new())
                }
                _ => Answered::Done(Vec::new()),
            }
        }
        Answer::Again { key, at } => {
            // Whoever begins with q may end with ^C.
            let bound = state.view.keys.lookup(Context::Always, press.key);
            let same = *key == press.key || bound.is_some_and(|(action, _)| action == ask.action);
            if same && at.is_none() && !press.repeat {
                *at = Some(state.now);
                return Answered::Done(Vec::new());
            }
            state.view.ask = None;
            if same || press.key == Key::Esc {
                Answered::Done(Vec::new())
            } else {
                Answered::NotMeant
            }
        }
    }
}

/// A key while a line is typed.
fn input(state: &mut State, press: KeyPress) -> Vec<Request> {
    if matches!(press.key, Key::Ctrl('c' | 'z' | 'l')) {
        if press.key == Key::Ctrl('c') {
            navigate::back(state);
            return Vec::new();
        }
        return state
            .view
            .keys
            .lookup(Context::Always, press.key)
            .map(|(action, _)| pass(state, &action, By::Key(press.key)))
            .unwrap_or_default();
    }
    let bound = state
        .view
        .keys
        .lookup(Context::Input, press.key)
        .map(|(action, _)| action);
    match (&mut state.view.overlay, bound) {
        (_, Some(Action::Screen(ScreenAction::Accept))) => accept(state, press),
        (Overlay::Help(help), Some(Action::Screen(ScreenAction::Back))) => {
            help.typing = false;
            help.search = crate::state::view::Typing::default();
            Vec::new()
        }
        (_, Some(Action::Screen(ScreenAction::Back))) => {
            navigate::back(state);
            Vec::new()
        }
        (Overlay::Palette(_), Some(Action::Screen(ScreenAction::Move(motion)))) => {
            if let Overlay::Palette(palette) = &mut state.view.overlay {
                palette.step(motion == Motion::Down);
            }
            Vec::new()
        }
        (Overlay::Palette(_), Some(Action::Screen(ScreenAction::NextPane))) => {
            crate::state::palette::complete(state);
            Vec::new()
        }
        (
            Overlay::Compose(compose),
            Some(Action::Screen(ScreenAction::Move(Motion::Down) | ScreenAction::NextPane)),
        ) => {
            compose.step(true);
            Vec::new()
        }
        (
            Overlay::Compose(compose),
            Some(Action::Screen(ScreenAction::Move(Motion::Up) | ScreenAction::PreviousPane)),
        ) => {
            compose.step(false);
            Vec::new()
        }
        (Overlay::Compose(compose), None) => {
            compose.press(press.key);
            Vec::new()
        }
        (Overlay::Palette(palette), None) => {
            palette.press(press.key);
            Vec::new()
        }
        (Overlay::Prompt(prompt), None) => {
            prompt.input.press(press.key);
            Vec::new()
        }
        (Overlay::Help(help), None) => {
            help.search.press(press.key);
            help.cursor = 0;
            Vec::new()
        }
        _ => Vec::new(),
    }
}

/// Pasted text never fires keys: it goes into the open input, or into the composer.
pub(super) fn paste(state: &mut State, text: &str) {
    match &mut state.view.overlay {
        Overlay::Palette(palette) => palette.paste(text),
        Overlay::Prompt(prompt) => prompt.input.insert(text),
        Overlay::Compose(compose) => compose.paste(text),
        Overlay::Help(help) if help.typing => help.search.insert(text),
        overlay => {
            let (key, value) = text.split_once(':').unwrap_or(("", text));
            let key = if key.len() > 40 { "" } else { key };
            let value = if key.is_empty() { text } else { value };
            *overlay = Overlay::Compose(Compose::new(key.trim(), value.trim()));
        }
    }
}

/// Enter in an input.
fn accept(state: &mut State, press: KeyPress) -> Vec<Request> {
    if press.repeat {
        return Vec::new();
    }
    match &mut state.view.overlay {
        Overlay::Palette(_) => {
            let text = match crate::state::palette::chosen(state) {
                Enter::Does(text) => text,
                Enter::Completes(_) => {
                    crate::state::palette::complete(state);
                    return Vec::new();
                }
                Enter::Refuses(wrong) => {
                    if let Overlay::Palette(palette) = &mut state.view.overlay {
                        palette.wrong = Some(wrong);
                    }
                    return Vec::new();
                }
                Enter::Nothing => return Vec::new(),
            };
            let Ok(action) = text.parse::<Action>() else {
                return Vec::new();
            };
            state.view.overlay = Overlay::None;
            state.view.recent.retain(|known| *known != text);
            state.view.recent.push(text);
            let excess = state.view.recent.len().saturating_sub(RECENT_MAX);
            state.view.recent.drain(..excess);
            pass(state, &action, By::Key(press.key))
        }
        Overlay::Compose(compose) => match compose.record(&state.view.topic) {
            Ok(record) => {
                state.view.overlay = Overlay::None;
                pass_record(state, record)
            }
            Err(wrong) => {
                compose.wrong = Some(wrong);
                Vec::new()
            }
        },
        Overlay::Prompt(prompt) => {
            let purpose = prompt.purpose;
            let text = prompt.input.text().trim().to_owned();
            state.view.overlay = Overlay::None;
            answer_prompt(state, purpose, &text)
        }
        Overlay::Help(help) => {
            help.typing = false;
            Vec::new()
        }
        Overlay::None | Overlay::Opened(_) | Overlay::Lessons(_) => Vec::new(),
    }
}

/// Typed actions that the palette offers again.
const RECENT_MAX: usize = 20;

fn answer_prompt(state: &mut State, purpose: Purpose, text: &str) -> Vec<Request> {
    match purpose {
        Purpose::Filter(pane) => {
            state.view.filters.retain(|(filtered, _)| *filtered != pane);
            if !text.is_empty() {
                state.view.filters.push((pane, text.to_owned()));
            }
            Vec::new()
        }
        Purpose::NewTopic if text.is_empty() => Vec::new(),
        Purpose::NewTopic => match format!("topic create {text}").parse() {
            Ok(action) => pass(state, &action, By::Sure),
            Err(wrong) => {
                state.message(crate::state::action::ActionError::to_string(&wrong), true);
                Vec::new()
            }
        },
    }
}

/// Says of a key that it does nothing, and why that may be.
fn unbound(state: &mut State, key: Key) {
    let text = match key {
        // Some clickers send it to blank the screen.
        Key::Char('b') => return,
        Key::Char(character) if character.is_ascii_uppercase() => {
            format!("{character} is not a key here (caps lock?)")
        }
        Key::Char(character) if !character.is_ascii() && character.is_alphabetic() => {
            format!("{character} is not a key here: switch keyboard, or keys.toml")
        }
        key => match state.view.keys.pane_of(key) {
            Some(pane) => {
                let title = pane.title();
                format!("{key} is a key of the pane {title}: {{pane next}} goes from pane to pane")
            }
            None => format!("{key} is not a key here: {{help}} shows all"),
        },
    };
    state.message(text, false);
}
