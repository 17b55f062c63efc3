//! Takes a file of the user's settings: it holds at once, or a line says where it is wrong and all stays.

use crate::state::{
    State,
    cluster::Unreadable,
    lessons,
    settings::{Keymap, Mistake},
    story::{Hand, Line, Tone},
    view::navigate,
};

/// Folds in what a file below the settings folder holds now; `None`: it is gone.
pub(super) fn take(state: &mut State, file: &str, text: Option<&str>, at_start: bool) {
    let name = |folder: &str| file.strip_prefix(folder)?.strip_suffix(".toml");
    let view = &mut state.view;
    let taken = if let Some(name) = name("layouts/") {
        let taken = match text {
            Some(text) => view.layouts.put(name, text),
            None => Ok(view.layouts.remove(name)),
        };
        if taken == Ok(true) {
            navigate::show_as_the_layout_says(view);
        }
        taken.map(|in_use| Taken::new("layout", name, in_use))
    } else if let Some(name) = name("themes/") {
        let taken = match text {
            Some(text) => view.themes.put(name, text),
            None => Ok(view.themes.remove(name)),
        };
        taken.map(|in_use| Taken::new("theme", name, in_use))
    } else if let Some(name) = name("lessons/") {
        let taken = lessons::put(state, name, text);
        if taken == Ok(true) {
            lessons::read_again(state);
        }
        taken.map(|in_use| Taken::new("lesson", name, in_use))
    } else if file == LEARNED {
        // This program wrote it, here or in another playground: nobody needs to be told.
        if let Err(mistake) = lessons::put_progress(state, text) {
            refuse(state, file, &mistake, at_start);
        }
        return;
    } else if file == KEYS {
        Keymap::parse(text.unwrap_or_default()).map(|keys| {
            view.keys = keys;
            Taken::new("keys", "", true)
        })
    } else {
        return;
    };
    match taken {
        Err(mistake) => refuse(state, file, &mistake, at_start),
        Ok(_) if at_start => {}
        Ok(_) if text.is_none() => state.message(format!("{file} is gone"), false),
        Ok(taken) if taken.in_use => state.message(format!("{file} read again"), false),
        Ok(Taken { kind, name, .. }) => {
            let say = state.view.keys.shown("palette");
            state.message(format!("{file} read: {say}{kind} {name} shows it"), false);
        }
    }
}

/// The file of keys.
pub const KEYS: &str = "keys.toml";

/// The file that keeps how far lessons were done.
pub const LEARNED: &str = "learned.toml";

#[derive(Debug)]
struct Taken<'a> {
    kind: &'a str,
    name: &'a str,
    in_use: bool,
}

impl<'a> Taken<'a> {
    fn new(kind: &'a str, name: &'a str, in_use: bool) -> Self {
        Self { kind, name, in_use }
    }
}

/// Leaves all as it was because a file that is there cannot be read, and says why.
pub(super) fn leave(state: &mut State, file: &str, why: &Unreadable, at_start: bool) {
    say_it_stays(state, &format!("{file}{why}."), file, at_start);
}

/// `layouts/my.toml:12:9 unknown pane "repicas", did you mean "replicas"? The old layout stays.`
fn refuse(state: &mut State, file: &str, mistake: &Mistake, at_start: bool) {
    let stop = if mistake.what.ends_with('?') { "" } else { "." };
    say_it_stays(state, &format!("{file}:{mistake}{stop}"), file, at_start);
}

fn say_it_stays(state: &mut State, wrong: &str, file: &str, at_start: bool) {
    let end = match (file.split_once('/'), at_start) {
        (Some(("layouts", _)), false) => "The old layout stays.",
        (Some(("themes", _)), false) => "The old theme stays.",
        (Some(("lessons", _)), false) => "The old lesson stays.",
        (None, false) if file == KEYS => "The old keys stay.",
        (None, true) if file == KEYS => "The program's own keys hold.",
        (None, false) => "What was read from it stays.",
        _ => "It is left out.",
    };
    let words = format!("{wrong} {end}");
    let line = Line::new(state.now, Hand::Kafkarium).with(Tone::Bad, words.clone());
    state.story.begin(line);
    state.message(words, true);
}
