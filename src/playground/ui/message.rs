//! What the keys had to say, in the last line.

use ratatui::layout::Rect;

use super::{
    canvas::{Canvas, broken, fit, wrap},
    theme::Role,
};
use crate::state::Message;

/// The lines that a message takes at most: what a server answered may be as long as it likes.
const LINES_MAX: usize = 6;

/// Draws it; what is too long for the last line begins in those above, but never over a question.
pub fn draw(
    canvas: &mut Canvas<'_>,
    message: &Message,
    (x, y, end): (u16, u16, u16),
    asked: Option<u16>,
) {
    let role = if message.bad { Role::Dead } else { Role::Text };
    let room = end.saturating_sub(x + 2);
    let mut lines: Vec<String> = wrap(&message.text, usize::from(room))
        .iter()
        .flat_map(|line| broken(line, room))
        .collect();
    if let Some(excess) = lines.get(LINES_MAX - 1..).filter(|rest| rest.len() > 1) {
        let last = fit(&excess.join(" "), room);
        lines.truncate(LINES_MAX - 1);
        lines.push(last);
    }
    let rows = (0..=y).rev().filter(|row| asked != Some(*row));
    for (line, row) in lines.iter().rev().zip(rows) {
        canvas.clear(Rect::new(x, row, end - x, 1));
        canvas.tone(x, row, end - x, Role::Bar);
        canvas.text(x, row, end, &format!(" {line}"), role);
    }
}
