//! What the keys had to say, in the last line, and what they ask above it.

use std::ops::Range;

use ratatui::layout::Rect;

use super::{
    canvas::{Canvas, broken, fit, wrap},
    theme::Role,
};
use crate::state::{Message, State};

/// The lines that it takes at most: what a server answered may be as long as it likes.
const LINES_MAX: usize = 6;

/// Draws it; what is too long for the last line begins in those above, but never over the rows of a question.
pub fn draw(
    canvas: &mut Canvas<'_>,
    message: &Message,
    (x, y, end): (u16, u16, u16),
    asked: &Range<u16>,
) {
    let role = if message.bad { Role::Dead } else { Role::Text };
    let lines = lines(&message.text, end.saturating_sub(x + 2));
    let rows = (0..=y).rev().filter(|row| !asked.contains(row));
    for (line, row) in lines.iter().rev().zip(rows) {
        write(canvas, line, role, (x, row, end));
    }
}

/// Draws a question that ends in row `y`; returns its rows.
pub fn question(canvas: &mut Canvas<'_>, text: &str, (x, y, end): (u16, u16, u16)) -> Range<u16> {
    let lines = lines(text, end.saturating_sub(x + 2));
    let first = (y + 1).saturating_sub(u16::try_from(lines.len()).unwrap_or(1));
    for (line, row) in lines.iter().zip(first..) {
        write(canvas, line, Role::Warning, (x, row, end));
    }
    first..y + 1
}

/// What the keys ask, or had to say, over the last lines of a page that has no footer.
pub fn over_the_page(canvas: &mut Canvas<'_>, state: &State, page: Rect) {
    let at = (page.x, page.bottom().saturating_sub(1), page.right());
    if let Some(ask) = &state.view.ask {
        question(canvas, &ask.text, at);
    } else if let Some(message) = &state.view.message {
        draw(canvas, message, at, &(0..0));
    }
}

fn write(canvas: &mut Canvas<'_>, line: &str, role: Role, (x, y, end): (u16, u16, u16)) {
    canvas.clear(Rect::new(x, y, end - x, 1));
    canvas.tone(x, y, end - x, Role::Bar);
    canvas.text(x, y, end, &format!(" {line}"), role);
}

fn lines(text: &str, room: u16) -> Vec<String> {
    let mut lines: Vec<String> = wrap(text, usize::from(room))
        .iter()
        .flat_map(|line| broken(line, room))
        .collect();
    if let Some(excess) = lines.get(LINES_MAX - 1..).filter(|rest| rest.len() > 1) {
        let last = fit(&excess.join(" "), room);
        lines.truncate(LINES_MAX - 1);
        lines.push(last);
    }
    lines
}
