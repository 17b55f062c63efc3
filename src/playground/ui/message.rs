//! What the keys had to say, in the last line.

use ratatui::layout::Rect;

use super::{
    canvas::{Canvas, fit, width, wrap},
    theme::Role,
};
use crate::state::Message;

/// Draws it; what is too long for a line begins in the one above.
pub fn draw(
    canvas: &mut Canvas<'_>,
    message: &Message,
    (x, y, end): (u16, u16, u16),
    above: Option<u16>,
) {
    let role = if message.bad { Role::Dead } else { Role::Text };
    let room = end.saturating_sub(x + 1);
    let mut rest = format!(" {}", message.text);
    if let Some(above) = above.filter(|_| width(&rest) > room) {
        let lines = wrap(&rest, usize::from(room));
        if let Some((first, others)) = lines.split_first() {
            canvas.clear(Rect::new(x, above, end - x, 1));
            canvas.tone(x, above, end - x, Role::Bar);
            canvas.text(x, above, end, first, role);
            rest = format!(" {}", others.join(" "));
        }
    }
    canvas.text(x, y, end, &fit(&rest, room), role);
}
