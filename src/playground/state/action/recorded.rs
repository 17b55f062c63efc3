//! What those see who watch a recording: a mark for each thing that was done.

use super::{Action, Request};
use crate::state::State;

/// The mark of an action, while the screen is recorded: for players that jump from one to the next.
pub(in crate::state) fn mark(state: &State, action: &Action) -> Option<Request> {
    state.view.recording?;
    let label = match action.aim() {
        Some((verb, target)) => {
            let aimed: Vec<String> = state
                .aimed(target)
                .iter()
                .map(ToString::to_string)
                .collect();
            format!("{verb} {}", aimed.join(", "))
        }
        None if State::is_verb(action) => action.to_string(),
        None => match action {
            Action::Say(words) => words.clone(),
            Action::Hold | Action::Live | Action::Step(_) | Action::Layout(_) => action.to_string(),
            _ => return None,
        },
    };
    Some(Request::Mark(label))
}
