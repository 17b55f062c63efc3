//! For those who watch: a caption, and the keys as they are pressed.

use ratatui::layout::Rect;

use crate::{
    state::State,
    ui::{
        canvas::{Canvas, fit, width},
        moment::minutes,
        theme::Role,
    },
};

/// Draws both on the lower border of the panes: nothing that is told there is covered.
pub fn draw(canvas: &mut Canvas<'_>, state: &State, area: Rect) {
    let y = area.bottom().saturating_sub(3);
    let keys = pressed(state);
    let x = area.right().saturating_sub(width(&keys) + 2);
    if !keys.is_empty() && x > area.x {
        canvas.text(x, y, area.right(), &keys, Role::Flash);
    }
    if let Some(caption) = &state.view.caption {
        let words = fit(&caption.text, area.width.saturating_sub(width(&keys) + 10));
        let words = format!("   {words}   ");
        let x = area.x + area.width.saturating_sub(width(&words)) / 2;
        canvas.text(x, y, area.right(), &words, Role::WarningChip);
    }
}

fn pressed(state: &State) -> String {
    let keys: Vec<String> = state
        .view
        .pressed
        .iter()
        .map(|(key, _)| key.to_string())
        .collect();
    if keys.is_empty() {
        return String::new();
    }
    format!(" {} ", keys.join(" "))
}

/// The header's chip while the screen is recorded.
pub fn recording(state: &State) -> Option<(Role, String)> {
    let since = state.view.recording?;
    let length = minutes(state.now.since(since));
    let text = if state.view.narrow() {
        format!(" ● {length} ")
    } else {
        format!(" ● REC {length} ")
    };
    Some((Role::DeadChip, text))
}
