//! A record in the making.

use ratatui::layout::Rect;

use super::above_the_footer;
use crate::{
    state::{Compose, FIELDS, State},
    ui::{
        canvas::{Canvas, Frame, width},
        theme::Role,
    },
};
use wire::murmur2::murmur2;

/// Draws the composer over the lower part of the window.
pub fn draw(canvas: &mut Canvas<'_>, state: &State, compose: &Compose, window: Rect) {
    let height = 10.min(window.height.saturating_sub(3));
    let area = above_the_footer(window, height);
    canvas.clear(area);
    let note = format!("into {}", state.view.topic);
    let frame = Frame {
        title: vec![(Role::Strong, "A record".into())],
        note: &note,
        focused: true,
        dashed: false,
    };
    let inside = canvas.frame(area, &frame);
    let end = inside.right();
    for (index, ((name, hint), field)) in FIELDS.iter().zip(&compose.fields).enumerate() {
        let y = inside.y + u16::try_from(index).unwrap_or(0);
        let focused = index == compose.focus;
        let role = if focused { Role::Focus } else { Role::Dim };
        canvas.text(
            inside.x,
            y,
            end,
            if focused { "►" } else { " " },
            Role::Focus,
        );
        canvas.text(inside.x + 2, y, end, name, role);
        let start = inside.x + 13;
        let x = canvas.text(start, y, end, field.text(), Role::Text);
        if focused {
            let before: String = field.text().chars().take(field.cursor()).collect();
            canvas.tone(start + width(&before), y, 1, Role::Selected);
        }
        if field.text().is_empty() {
            canvas.text(x + 2, y, end, hint, Role::Dim);
        }
    }
    let y = inside.bottom().saturating_sub(2);
    match &compose.wrong {
        Some(wrong) => canvas.text(inside.x + 2, y, end, wrong, Role::Dead),
        None => canvas.text(inside.x + 2, y, end, &sum(state, compose), Role::Dim),
    };
}

/// Where the record will go, and why.
fn sum(state: &State, compose: &Compose) -> String {
    let [key, _, _, partition, _] = &compose.fields;
    let chosen = partition.text().trim();
    if !chosen.is_empty() {
        return format!(
            "goes to p{} because you say so",
            chosen.trim_start_matches('p')
        );
    }
    let count = state
        .cluster
        .topics
        .get(&state.view.topic)
        .map_or(0, |topic| topic.partitions.len());
    let Some(count) = u32::try_from(count).ok().filter(|count| *count > 0) else {
        return String::new();
    };
    let key = key.text().trim();
    if key.is_empty() {
        return "without a key the producer picks a partition".into();
    }
    let hash = murmur2(key.as_bytes()) & 0x7fff_ffff;
    format!(
        "(murmur2(\"{key}\") & 0x7fffffff) % {count} = {hash} % {count} = {}: goes to p{}",
        hash % count,
        hash % count
    )
}
