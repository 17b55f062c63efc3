//! The window is too small for any pane: says so, and that the cluster runs on.

use ratatui::layout::Rect;

use crate::playground::{
    state::State,
    ui::{canvas::Canvas, theme::Role},
};

/// Draws it, wrapped to the window.
pub fn draw(canvas: &mut Canvas<'_>, state: &State, area: Rect) {
    let (up, planned) = state.cluster.brokers_up();
    let (acked, lost) = (state.cluster.produced.acked, state.cluster.lost);
    let (columns, rows) = state.view.size;
    let paragraphs = [
        (
            Role::Strong,
            format!("kafkarium needs 60 x 16, this is {columns} x {rows}."),
        ),
        (
            Role::Text,
            format!("The cluster runs on: {up} of {planned} brokers, acked {acked}, lost {lost}."),
        ),
        (
            Role::Text,
            state
                .view
                .keys
                .fill("Make the window larger or the font smaller.  {quit} quits."),
        ),
    ];
    let left = area.x + 2.min(area.width);
    let room = usize::from(area.width.saturating_sub(3)).max(1);
    let mut y = area.y + u16::from(area.height > 8);
    for (role, paragraph) in &paragraphs {
        for line in wrap(paragraph, room) {
            canvas.text(left, y, area.right(), &line, *role);
            y += 1;
        }
        y += u16::from(area.height > 8);
    }
}

/// Breaks a text between words; blanks before it, and two after a full stop, stay where they do not break.
pub fn wrap(text: &str, columns: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let words = text.trim_start_matches(' ');
    let mut line = " ".repeat(text.len() - words.len());
    for word in words.split(' ') {
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > columns {
            lines.push(line.trim_end().to_owned());
            line = String::new();
            if word.is_empty() {
                continue;
            }
        } else if !line.trim_start().is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line.trim_end().to_owned());
    lines
}
