//! What lies over the panes, and what takes their place.

pub mod caption;
pub mod compose;
pub mod help;
pub mod lessons;
pub mod opened;
pub mod palette;
mod record;
pub mod too_small;

use ratatui::layout::Rect;

/// So many rows over the lower part of the window.
fn above_the_footer(window: Rect, height: u16) -> Rect {
    const FOOTER_ROWS: u16 = 2;
    let y = window.bottom().saturating_sub(FOOTER_ROWS + height);
    Rect::new(window.x, y, window.width, height)
}
