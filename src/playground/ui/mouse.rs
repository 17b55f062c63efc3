//! What the mouse means: the screen is drawn once more, and every part says what a click on it does.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use super::{canvas::Canvas, draw_on, theme::Look};
use crate::state::{Action, Motion, Overlay, Pane, ScreenAction, State};

/// What a click does.
#[must_use]
pub fn click(state: &State, column: u16, row: u16) -> Vec<Action> {
    if state.view.overlay != Overlay::None {
        return Vec::new();
    }
    spots(state, column, row)
}

/// What a turn of the wheel does: it scrolls what lies under the pointer.
#[must_use]
pub fn wheel(state: &State, column: u16, row: u16, up: bool) -> Vec<Action> {
    let motion = if up { Motion::Up } else { Motion::Down };
    if state.view.overlay != Overlay::None {
        return vec![Action::Screen(ScreenAction::Move(motion))];
    }
    let pane = spots(state, column, row)
        .into_iter()
        .find_map(|action| match action {
            Action::Screen(ScreenAction::FocusPane(pane)) => Some(pane),
            _ => None,
        });
    let motion = match pane {
        // Older records lie at the left.
        Some(Pane::Log) if up => Motion::Left,
        Some(Pane::Log) => Motion::Right,
        Some(_) => motion,
        None => return Vec::new(),
    };
    pane.map(ScreenAction::FocusPane)
        .map(Action::Screen)
        .into_iter()
        .chain([Action::Screen(ScreenAction::Move(motion))])
        .collect()
}

fn spots(state: &State, column: u16, row: u16) -> Vec<Action> {
    let (columns, rows) = state.view.size;
    let area = Rect::new(0, 0, columns, rows);
    let shown = state.held.as_deref().unwrap_or(state);
    let mut buffer = Buffer::empty(area);
    let mut canvas = Canvas::with_spots(&mut buffer, Look::new(&state.view));
    draw_on(&mut canvas, state, shown, area);
    canvas.spots_at(Position::new(column, row))
}
