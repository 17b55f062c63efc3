//! What the terminal and the program are asked: files, the clipboard, the mouse, the end.

use super::{Request, TerminalAction};
use crate::state::State;

/// Asks the terminal for what passed the gate.
pub(in crate::state) fn ask_terminal(state: &mut State, action: &TerminalAction) -> Vec<Request> {
    vec![match action {
        TerminalAction::Copy => {
            let Some(command) = state.view.command.clone() else {
                state.message("there is no command to copy", false);
                return Vec::new();
            };
            Request::Copy(command)
        }
        TerminalAction::Record(file) => Request::Record(file.clone()),
        TerminalAction::Shot(file) => Request::Shot(file.clone()),
        TerminalAction::Save(file) => Request::Save(file.clone()),
        TerminalAction::Mouse => mouse(state),
        TerminalAction::Quit => Request::Quit,
        TerminalAction::Suspend => Request::Suspend,
        TerminalAction::Redraw => Request::Redraw,
    }]
}

fn mouse(state: &mut State) -> Request {
    state.view.mouse = !state.view.mouse;
    let words = if state.view.mouse {
        "the mouse picks and scrolls here; :mouse gives it back to the terminal"
    } else {
        "the mouse is the terminal's again"
    };
    state.message(words, false);
    Request::Mouse(state.view.mouse)
}
