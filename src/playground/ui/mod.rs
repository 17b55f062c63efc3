//! Draws the state: the whole screen from the top down, each pane in its own file.
//!
//! ```text
//! header
//! boxes: one for each process
//! Replicas   Log
//! Group      What happened
//! footer: what is picked and what can be done to it
//! the command of the last action
//! ```

mod bars;
mod canvas;
mod layout;
mod overlays;
mod panes;
mod theme;
mod words;

#[cfg(test)]
mod tests;

use ratatui::{Frame, layout::Rect};

use self::{
    canvas::Canvas,
    layout::Slot,
    theme::{Role, Theme},
};
use super::state::{Overlay, Pane, State};

/// Draws one frame.
pub fn draw(state: &State, frame: &mut Frame<'_>) {
    let shown = state.held.as_deref().unwrap_or(state);
    let area = frame.area();
    let theme = Theme::new(state.view.appearance);
    let mut canvas = Canvas::new(frame.buffer_mut(), theme);
    draw_on(&mut canvas, state, shown, area);
    if theme.ascii() {
        canvas.replace_signs();
    }
}

/// Draws the picture that is `shown` with the live footer.
fn draw_on(canvas: &mut Canvas<'_>, state: &State, shown: &State, area: Rect) {
    if state.view.too_small() {
        overlays::too_small::draw(canvas, state, area);
        return;
    }
    let [header, middle, footer] = [
        Rect::new(area.x, area.y, area.width, 1),
        Rect::new(area.x, area.y + 1, area.width, area.height - 3),
        Rect::new(area.x, area.bottom() - 2, area.width, 2),
    ];
    if let Overlay::Help(help) = &state.view.overlay {
        overlays::help::draw(canvas, state, help, area);
        return;
    }
    bars::header(canvas, state, shown, header);
    for (slot, place) in layout::places(&state.view, middle) {
        match slot.pane() {
            Some(pane) => draw_pane(canvas, shown, pane, place),
            None => panes::tabs::draw(canvas, shown, place),
        }
    }
    match &state.view.overlay {
        Overlay::Palette(palette) => overlays::palette::draw(canvas, state, palette, area),
        Overlay::Compose(compose) => overlays::compose::draw(canvas, state, compose, area),
        Overlay::Opened(opened) => overlays::opened::draw(canvas, shown, opened, middle),
        Overlay::None | Overlay::Prompt(_) | Overlay::Help(_) => {}
    }
    bars::footer(canvas, state, footer);
}

fn draw_pane(canvas: &mut Canvas<'_>, state: &State, pane: Pane, place: Rect) {
    match pane {
        Pane::Processes => panes::processes::draw(canvas, state, place),
        Pane::Replicas => panes::replicas::draw(canvas, state, place),
        Pane::Log => panes::log::draw(canvas, state, place),
        Pane::Group => panes::group::draw(canvas, state, place),
        Pane::Story => panes::story::draw(canvas, state, place),
    }
}

/// A title, with the sign of the focus before it.
fn title(state: &State, pane: Pane, text: impl Into<String>) -> Vec<(Role, String)> {
    let mut pieces = Vec::new();
    if state.view.focus == pane {
        pieces.push((Role::Focus, "► ".to_owned()));
    }
    pieces.push((Role::Strong, text.into()));
    pieces
}

impl Slot {
    /// Panes that stand nowhere else in this layout take turns here.
    const TURNS: [Pane; 3] = [Pane::Story, Pane::Replicas, Pane::Group];
}
