//! What happened in both: side by side, or in one list where there is little room.

use ratatui::layout::Rect;

use super::{Race, Side};
use crate::{
    state::{Entry, Pane, Tone},
    ui::{
        canvas::{Canvas, Frame, fit, width},
        panes::story,
        theme::{Role, role_of},
    },
};

/// Draws one side's.
pub(super) fn of_one(canvas: &mut Canvas<'_>, side: &Side<'_>, area: Rect) {
    let inside = canvas.frame(area, &frame());
    story::draw_inside(canvas, side.state, inside, story::WHO);
}

/// Draws both in one list, in order of time.
pub(super) fn of_both(canvas: &mut Canvas<'_>, race: &Race<'_>, area: Rect) {
    let inside = canvas.frame(area, &frame());
    let room = usize::from(inside.height);
    let mut lines: Vec<(&Side<'_>, &Entry)> = Vec::new();
    for side in &race.sides {
        let newest = side.state.story.entries().iter().rev().take(room);
        lines.extend(newest.map(|entry| (side, entry)));
    }
    lines.sort_by_key(|(_, entry)| entry.at);
    let first = lines.len().saturating_sub(room);
    let columns = race.sides.iter().map(|side| width(side.short)).max();
    let columns = columns.unwrap_or(0);
    for ((side, entry), y) in lines.iter().skip(first).zip(inside.y..) {
        line(
            canvas,
            side,
            entry,
            Rect::new(inside.x, y, inside.width + 1, 1),
            columns,
        );
    }
}

fn line(canvas: &mut Canvas<'_>, side: &Side<'_>, entry: &Entry, area: Rect, columns: u16) {
    let (state, end) = (side.state, area.right());
    let when = if entry.depth == 0 {
        format!("{:#}", entry.at.clock(state.setup.utc_offset_s))
    } else {
        let since = entry.at.since(state.story.root_at(entry)).as_secs_f64();
        format!("{:>12}", format!("+{since:.3} s"))
    };
    let x = canvas.text(area.x, area.y, end, &when, Role::Dim) + 1;
    canvas.text(x, area.y, end, side.short, Role::Strong);
    let x = x + columns + 1 + u16::from(entry.depth);
    let told = entry.text.iter().filter(|(tone, _)| *tone != Tone::Hint);
    told.fold(x, |x, (tone, words)| {
        let words = fit(words, end.saturating_sub(x));
        canvas.text(x, area.y, end, &words, role_of(*tone))
    });
}

fn frame() -> Frame<'static> {
    Frame {
        title: vec![(Role::Strong, Pane::Story.title().to_owned())],
        note: "",
        focused: false,
        dashed: false,
    }
}
