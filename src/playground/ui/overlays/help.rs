//! The help page, made from the key table.

use ratatui::layout::Rect;

use crate::{
    state::{
        Help, State,
        keymap::Section,
        settings::{BoundRow, Keymap},
    },
    ui::{
        canvas::{Canvas, fit, width},
        theme::Role,
        words,
    },
};

/// Where the keys end in each column.
const KEYS: u16 = 10;

/// Draws the page over the whole window.
pub fn draw(canvas: &mut Canvas<'_>, state: &State, help: &Help, area: Rect) {
    canvas.tone(area.x, area.y, area.width, Role::Bar);
    let end = area.right();
    let x = canvas.text(area.x, area.y, end, " Help   ", Role::Focus);
    let searched = help.search.text();
    if help.typing || !searched.is_empty() {
        let x = canvas.text(x, area.y, end, &format!("/ {searched}"), Role::Strong);
        if help.typing {
            canvas.tone(x, area.y, 1, Role::Selected);
        }
    } else {
        let x = canvas.text(x, area.y, end, "the keys that work now, with ", Role::Text);
        let x = canvas.text(
            x,
            area.y,
            end,
            &words::name(&state.view.picked),
            Role::Focus,
        );
        canvas.text(x, area.y, end, " picked", Role::Text);
    }
    if area.width > 100 {
        let hints = "{overlay filter} search   {overlay accept} do it   {overlay back} close ";
        let hints = state.view.keys.fill(hints);
        canvas.right(x, area.y, end, &hints, Role::Text);
    }
    let rows = state.view.keys.help_rows(searched);
    let cursor = help.cursor.min(rows.len().saturating_sub(1));
    let chosen = rows.get(cursor).copied();
    if !searched.is_empty() || area.height < 34 || area.width < 110 {
        list(canvas, state, &rows, cursor, area);
        return;
    }
    let keys = &state.view.keys;
    column(canvas, keys, &Section::LEFT, chosen, area, area.x);
    column(canvas, keys, &Section::RIGHT, chosen, area, area.x + 61);
    let y = area.bottom().saturating_sub(3);
    let words =
        " Nothing here needs Ctrl, Alt or F keys. Change any key: ~/.config/kafkarium/keys.toml";
    canvas.text(area.x, y, end, words, Role::Dim);
    legend(canvas, area.x, y + 1, end);
}

fn column(
    canvas: &mut Canvas<'_>,
    keys: &Keymap,
    sections: &[Section],
    chosen: Option<&BoundRow>,
    area: Rect,
    x: u16,
) {
    let mut y = area.y + 2;
    for part in sections {
        let mut rows = keys.section(*part).peekable();
        if rows.peek().is_none() {
            continue;
        }
        canvas.text(x + 1, y, area.right(), part.title(), Role::Strong);
        y += 1;
        for row in rows {
            line(canvas, keys, row, chosen == Some(row), (x, y), area);
            y += 1;
        }
        y += 1;
    }
}

/// One row below the other, the cursor's in sight.
fn list(canvas: &mut Canvas<'_>, state: &State, rows: &[&BoundRow], cursor: usize, area: Rect) {
    if rows.is_empty() {
        let words = state
            .view
            .keys
            .fill(" nothing matches.  {overlay back} clears");
        canvas.text(area.x, area.y + 2, area.right(), &words, Role::Dim);
        return;
    }
    let keys = &state.view.keys;
    let room = usize::from(area.height.saturating_sub(5)).max(1);
    let first = (cursor + 1).saturating_sub(room);
    for (index, row) in rows.iter().enumerate().skip(first).take(room) {
        let y = area.y + 2 + u16::try_from(index - first).unwrap_or(0);
        line(canvas, keys, row, index == cursor, (area.x, y), area);
    }
    legend(canvas, area.x, area.bottom() - 1, area.right());
}

fn line(
    canvas: &mut Canvas<'_>,
    keys: &Keymap,
    row: &BoundRow,
    chosen: bool,
    (x, y): (u16, u16),
    area: Rect,
) {
    let end = area.right();
    let shown = fit(&row.shown, KEYS);
    let label = keys.fill(&row.label);
    canvas.text(x + KEYS - width(&shown), y, end, &shown, Role::Focus);
    canvas.text(x + KEYS + 2, y, end, &label, Role::Text);
    if chosen {
        canvas.text(x + KEYS + 1, y, end, "►", Role::Focus);
        canvas.tone(x + KEYS + 2, y, width(&label), Role::Selected);
    }
}

fn legend(canvas: &mut Canvas<'_>, x: u16, y: u16, end: u16) {
    let pieces = [
        (Role::Dim, " Log: "),
        (Role::Focus, "◆1▼"),
        (Role::Dim, " leader 1 wrote to here  "),
        (Role::Text, "2▼"),
        (Role::Dim, " follower 2 copied to here  "),
        (Role::HighWatermark, "┃"),
        (Role::Dim, " readers stop  "),
        (Role::Reader, "▲┄△"),
        (Role::Dim, " read again after a crash"),
    ];
    let pieces: Vec<(Role, String)> = pieces
        .iter()
        .map(|(role, words)| (*role, (*words).to_owned()))
        .collect();
    canvas.pieces(x, y, end, &pieces);
}
