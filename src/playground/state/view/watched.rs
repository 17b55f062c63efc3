//! What those see who watch: captions, and the keys that are pressed.

use super::Caption;
use crate::state::State;

/// Says something to those who watch.
pub(in crate::state) fn say(state: &mut State, words: &str) {
    state.view.caption = Some(Caption {
        text: words.to_owned(),
        since: state.now,
    });
}

/// Shows the keys that are pressed, or no more.
pub(in crate::state) fn show_keys(state: &mut State) {
    state.view.show_keys = !state.view.show_keys;
    state.view.pressed.clear();
    let text = if state.view.show_keys {
        "keys are shown as they are pressed"
    } else {
        "keys are not shown any more"
    };
    state.message(text, false);
}
