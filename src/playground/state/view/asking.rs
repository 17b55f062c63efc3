//! Asks for words: what a wish still lacks, what a pane shall be filtered by; and does what was found on the help page.

use super::{Compose, Overlay, Palette, Prompt, Purpose, Typing, navigate::Moved};
use crate::state::{
    State,
    action::{Action, ClusterAction, Pane, TerminalAction},
};

/// Asks for the words that a wish still lacks: a record, or a new topic's name and numbers.
pub(in crate::state) fn ask_for_words(state: &mut State, action: &Action) -> bool {
    state.view.overlay = match action {
        Action::Cluster(ClusterAction::Compose) => Overlay::Compose(Compose::new("", "")),
        Action::Cluster(ClusterAction::CreateTopic(None)) => Overlay::Prompt(Prompt {
            purpose: Purpose::NewTopic,
            input: Typing::default(),
        }),
        _ => return false,
    };
    true
}

pub(super) fn filter(state: &mut State, text: Option<&str>) {
    if let Overlay::Help(help) = &mut state.view.overlay {
        help.typing = true;
        return;
    }
    let pane = match state.view.focus {
        Pane::Processes => Pane::Story,
        pane => pane,
    };
    if let Some(text) = text {
        state.view.filters.retain(|(filtered, _)| *filtered != pane);
        state.view.filters.push((pane, text.to_owned()));
        return;
    }
    state.view.focus = pane;
    let known = state.view.filter(pane).unwrap_or_default().to_owned();
    state.view.overlay = Overlay::Prompt(Prompt {
        purpose: Purpose::Filter(pane),
        input: Typing::new(known),
    });
}

/// Enter on the help page does the row under the cursor.
pub(super) fn do_help_row(state: &mut State) -> Moved {
    let Overlay::Help(help) = &state.view.overlay else {
        return Moved::default();
    };
    let rows = state.view.keys.help_rows(help.search.text());
    let row = rows.get(help.cursor.min(rows.len().saturating_sub(1)));
    let chosen = row.and_then(|row| row.keys.first()).cloned();
    let named = row.and_then(|row| row.shown.strip_prefix(':'));
    if let (None, Some(named)) = (&chosen, named) {
        // What has no key begins in the palette.
        state.view.overlay = Overlay::Palette(Palette::new(&format!("{named} ")));
        return Moved::default();
    }
    state.view.overlay = Overlay::None;
    let quits = Action::Terminal(TerminalAction::Quit);
    Moved {
        // As if its key had been pressed: what asks then asks now, for that key.
        chosen: chosen.filter(|(_, action)| *action != quits),
        ..Moved::default()
    }
}
