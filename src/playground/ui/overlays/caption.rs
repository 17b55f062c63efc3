//! For those who watch: a caption over the footer, and the keys as they are pressed.

use ratatui::layout::Rect;

use crate::playground::{
    state::State,
    ui::{
        canvas::{Canvas, Frame, broken, width},
        moment::minutes,
        theme::Role,
    },
};

/// A caption is no wider: longer lines are not read while something happens.
const WIDTH_MAX: u16 = 72;

/// Draws both: the newest line of every pane stays in sight.
pub fn draw(canvas: &mut Canvas<'_>, state: &State, area: Rect) {
    if let Some(caption) = &state.view.caption {
        let widest = WIDTH_MAX.min(area.width.saturating_sub(6));
        let lines = broken(&caption.text, widest);
        let columns = lines.iter().map(|line| width(line)).max().unwrap_or(0) + 4;
        let rows = u16::try_from(lines.len()).unwrap_or(1) + 2;
        let place = Rect::new(
            area.x + area.width.saturating_sub(columns) / 2,
            area.bottom().saturating_sub(rows).max(area.y),
            columns,
            rows,
        )
        .intersection(area);
        canvas.clear(place);
        let frame = Frame {
            focused: true,
            ..Frame::default()
        };
        let inside = canvas.frame(place, &frame);
        for (y, line) in (inside.y..).zip(&lines) {
            canvas.text(inside.x + 1, y, place.right(), line, Role::Strong);
        }
    }
    let keys = pressed(state);
    let y = area.bottom().saturating_sub(3);
    let x = area.right().saturating_sub(width(&keys) + 2);
    if !keys.is_empty() && x > area.x {
        canvas.text(x, y, area.right(), &keys, Role::Flash);
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
