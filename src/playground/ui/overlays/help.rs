//! The help page, made from the key table.

use ratatui::layout::Rect;

use crate::{
    state::{
        BYTES_MAX, Help, Obstacle, State,
        keymap::Section,
        mib,
        settings::{BoundRow, Keymap},
    },
    ui::{
        canvas::{Canvas, fit, width, wrap_pieces},
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
    let middle = area.x + 61;
    column(
        canvas,
        state,
        &Section::LEFT,
        chosen,
        (area.x, middle),
        area,
    );
    column(canvas, state, &Section::RIGHT, chosen, (middle, end), area);
    let y = area.bottom().saturating_sub(3);
    let words =
        " Nothing here needs Ctrl, Alt or F keys. Change any key: ~/.config/kafkarium/keys.toml";
    canvas.text(area.x, y, end, words, Role::Dim);
    canvas.text(area.x, y + 1, end, &how_far_back(keys), Role::Dim);
    legend(canvas, area);
}

/// What there is to go back to.
fn how_far_back(keys: &Keymap) -> String {
    let mib = mib(BYTES_MAX);
    let words =
        format!(" {{step -1}} and {{step 1}} go through the last {mib} MiB of what happened.");
    keys.fill(&words)
}

fn column(
    canvas: &mut Canvas<'_>,
    state: &State,
    sections: &[Section],
    chosen: Option<&BoundRow>,
    (x, end): (u16, u16),
    area: Rect,
) {
    let mut y = area.y + 2;
    for part in sections {
        let mut rows = state.view.keys.section(*part).peekable();
        if rows.peek().is_none() {
            continue;
        }
        canvas.text(x + 1, y, area.right(), part.title(), Role::Strong);
        y += 1;
        for row in rows {
            line(canvas, state, row, chosen == Some(row), (x, y, end));
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
    let below = legend(canvas, area) + 1;
    let y = area.bottom().saturating_sub(below);
    let keys = &state.view.keys;
    canvas.text(area.x, y, area.right(), &how_far_back(keys), Role::Dim);
    let room = usize::from(area.height.saturating_sub(below + 2)).max(1);
    let first = (cursor + 1).saturating_sub(room);
    if rows.len() > room {
        let last = (first + room).min(rows.len());
        let words = format!("{}-{last} of {} ", first + 1, rows.len());
        canvas.right(area.x, area.y + 1, area.right(), &words, Role::Dim);
    }
    for (index, row) in rows.iter().enumerate().skip(first).take(room) {
        let y = area.y + 2 + u16::try_from(index - first).unwrap_or(0);
        line(
            canvas,
            state,
            row,
            index == cursor,
            (area.x, y, area.right()),
        );
    }
}

fn line(
    canvas: &mut Canvas<'_>,
    state: &State,
    row: &BoundRow,
    chosen: bool,
    (x, y, end): (u16, u16, u16),
) {
    let shown = fit(&row.shown, KEYS);
    let label = state.view.keys.fill(&row.label);
    let in_the_way = obstacle(state, row);
    let why = in_the_way.map_or_else(String::new, |obstacle| format!("  {}", obstacle.words()));
    let room = end.saturating_sub(x + KEYS + 2);
    // Where both have no room, what it does is said without how.
    let label = if width(&label) + width(&why) <= room {
        label
    } else {
        let brief = label.split([':', ';', '(']).next().unwrap_or_default();
        brief.trim_end().to_owned()
    };
    let role = if why.is_empty() {
        Role::Text
    } else {
        Role::Dim
    };
    canvas.text(x + KEYS - width(&shown), y, end, &shown, Role::Focus);
    let after = canvas.text(x + KEYS + 2, y, end, &label, role);
    canvas.text(after, y, end, &why, Role::Warning);
    if chosen {
        canvas.text(x + KEYS + 1, y, end, "►", Role::Focus);
        canvas.tone(x + KEYS + 2, y, width(&label), Role::Selected);
    }
}

/// What is in the way of all that a row does.
fn obstacle(state: &State, row: &BoundRow) -> Option<Obstacle> {
    let mut found = row.keys.iter().map(|(_, action)| state.obstacle(action));
    let first = found.next()??;
    found.all(|other| other.is_some()).then_some(first)
}

/// Draws the signs of the log in the last lines; returns how many it took.
fn legend(canvas: &mut Canvas<'_>, area: Rect) -> u16 {
    let pieces = [
        (Role::Dim, "Log: "),
        (Role::Focus, "◆1▼"),
        (Role::Dim, " leader 1 wrote to here  "),
        (Role::Text, "2▼"),
        (Role::Dim, " follower 2 copied  "),
        (Role::HighWatermark, "┃"),
        (Role::Dim, " readers stop  "),
        (Role::Reader, "▲┄△"),
        (Role::Dim, " read again after a crash  "),
        (Role::Dim, "▲s group s…"),
    ];
    let pieces = pieces.map(|(role, words)| (role, words.to_owned()));
    let lines = wrap_pieces(&pieces, area.width.saturating_sub(2));
    let count = u16::try_from(lines.len()).unwrap_or(0);
    for (line, y) in lines.iter().zip(area.bottom().saturating_sub(count)..) {
        canvas.pieces(area.x + 1, y, area.right(), line);
    }
    count
}
