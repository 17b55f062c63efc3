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

mod attached;
mod bars;
mod canvas;
mod lesson_bar;
mod message;
mod moment;
pub mod mouse;
mod overlays;
mod panes;
mod picked;
pub mod race;
mod stage_bar;
mod theme;
mod words;

#[cfg(test)]
pub(super) mod tests;

use ratatui::{Frame, layout::Rect};

use self::{
    canvas::Canvas,
    theme::{Look, Role},
};
use super::state::{Overlay, Pane, Standing, State};

/// Draws one frame.
pub fn draw(state: &State, frame: &mut Frame<'_>) {
    let shown = state.held.as_deref().unwrap_or(state);
    let area = frame.area();
    let look = Look::new(&state.view);
    let mut canvas = Canvas::new(frame.buffer_mut(), look);
    draw_on(&mut canvas, state, shown, area);
    if look.ascii() {
        canvas.replace_signs();
    }
}

/// Draws the picture that is `shown` with the live footer.
fn draw_on(canvas: &mut Canvas<'_>, state: &State, shown: &State, area: Rect) {
    if state.view.too_small() {
        overlays::too_small::draw(canvas, state, area);
        message::over_the_page(canvas, state, area);
        return;
    }
    let [header, footer] = [
        Rect::new(area.x, area.y, area.width, 1),
        Rect::new(area.x, area.bottom() - 2, area.width, 2),
    ];
    if let Overlay::Help(help) = &state.view.overlay {
        overlays::help::draw(canvas, state, help, area);
        message::over_the_page(canvas, state, area);
        return;
    }
    bars::header(canvas, state, shown, header);
    for (standing, place) in state.view.places() {
        match standing {
            Standing::Pane(pane) => panes::draw(canvas, shown, pane, place),
            Standing::Tabs(tabs) => panes::tabs::draw(canvas, shown, tabs, place),
        }
    }
    match &state.view.overlay {
        Overlay::Palette(palette) => overlays::palette::draw(canvas, state, palette, area),
        Overlay::Compose(compose) => overlays::compose::draw(canvas, state, compose, area),
        Overlay::Opened(opened) => {
            overlays::opened::draw(canvas, shown, opened, state.view.middle());
        }
        Overlay::None | Overlay::Prompt(_) | Overlay::Help(_) | Overlay::Lessons(_) => {}
    }
    bars::footer(canvas, state, footer);
    if let Overlay::Lessons(cursor) = &state.view.overlay {
        overlays::lessons::draw(canvas, state, *cursor, area);
    }
    overlays::caption::draw(canvas, state, area);
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
