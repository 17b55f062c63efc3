//! The window is too small for any pane: says so, and that the cluster runs on.

use ratatui::layout::Rect;

use crate::{
    state::State,
    ui::{
        canvas::{Canvas, wrap},
        theme::Role,
    },
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
