//! What happened: trees of cause and effect, in time since the key that began them.

use ratatui::layout::Rect;

use crate::{
    state::{Entry, Pane, Standstill, State, Tone, named_places},
    ui::{
        canvas::{Canvas, Frame, columns, room_for_note, width},
        moment,
        theme::Role,
        title, words,
    },
};

/// Columns of the time.
const TIME: u16 = 12;

/// Columns of who did it, in a pane of its own.
const WHO: u16 = 11;
/// The same, where panes take turns.
pub const WHO_IN_TAB: u16 = 12;

/// Draws the pane with its frame.
pub fn draw(canvas: &mut Canvas<'_>, state: &State, area: Rect) {
    let filter = state.view.filter(Pane::Story);
    let title = title(state, Pane::Story, Pane::Story.title());
    let room = usize::from(room_for_note(area, &title));
    let note = match (filter, state.view.story_back) {
        (Some(filter), _) if state.view.filtered_by_hand(Pane::Story) => {
            words::filter_note(state, filter)
        }
        (Some(filter), 0) => format!("{filter} only"),
        (None, 0) => moment::story_note(state, room),
        (_, back) => state
            .view
            .keys
            .fill(&format!("{back} lines back, {{move last}} follows")),
    };
    let frame = Frame {
        title,
        note: &note,
        focused: state.view.focus == Pane::Story,
        dashed: false,
    };
    let inside = canvas.frame(area, &frame);
    draw_inside(canvas, state, inside, WHO);
}

/// Draws what is inside the frame; `who` columns name who did it.
pub fn draw_inside(canvas: &mut Canvas<'_>, state: &State, area: Rect, who: u16) {
    let brief = who == WHO_IN_TAB;
    let now = now_line(state).filter(|_| state.view.story_back == 0 && !brief);
    let room = usize::from(area.height.saturating_sub(u16::from(now.is_some())));
    let shown = visible(state, room);
    if shown.is_empty() {
        let words = match state.view.filter(Pane::Story) {
            Some(filter) => words::no_match(state, filter),
            None => "Nothing yet. Your keys and what they cause appear here.".to_owned(),
        };
        canvas.text(area.x, area.y, area.right() + 1, &words, Role::Dim);
        return;
    }
    let roots: Vec<u64> = shown
        .iter()
        .filter(|entry| entry.depth == 0)
        .map(|entry| entry.root)
        .collect();
    let mut y = area.y;
    for entry in &shown {
        let rooted = !brief || roots.contains(&entry.root);
        line(canvas, state, entry, (area, y), (who, rooted));
        y += 1;
    }
    if state.view.focus == Pane::Story {
        // Enter opens the lowest line.
        canvas.text(area.x - 1, y - 1, area.right(), "►", Role::Focus);
        canvas.tone(area.x, y - 1, area.width + 1, Role::Selected);
    }
    if let Some(words) = now {
        canvas.text(area.x + 6, y, area.right() + 1, "now", Role::Dim);
        let x = area.x + TIME + 2;
        canvas.text(x, y, area.right() + 1, &words, Role::Dim);
    }
}

/// The lines that fit, oldest first.
fn visible(state: &State, room: usize) -> Vec<&Entry> {
    let mut shown: Vec<&Entry> = state
        .story
        .matching(state.view.filter(Pane::Story))
        .rev()
        .skip(state.view.story_back)
        .take(room)
        .collect();
    shown.reverse();
    shown
}

fn line(
    canvas: &mut Canvas<'_>,
    state: &State,
    entry: &Entry,
    (area, y): (Rect, u16),
    (who, rooted): (u16, bool),
) {
    let end = area.right() + 1;
    let start = area.x + TIME + 2;
    if entry.who.is_empty() {
        words(canvas, state, entry, (start, y, end), false);
        return;
    }
    if entry.depth == 0 {
        let clock = entry.at.clock(state.setup.utc_offset_s);
        canvas.text(area.x, y, end, &format!("{clock:#}"), Role::Dim);
    } else {
        let since = entry.at.since(state.story.root_at(entry)).as_secs_f64();
        let time = format!("+{since:.3} s");
        canvas.right(area.x, y, area.x + TIME, &time, Role::Dim);
    }
    let role = if entry.is_wish() {
        Role::Focus
    } else {
        Role::Text
    };
    let after = canvas.text(start, y, end, &entry.who, role);
    let mut x = (start + who).max(after + 1);
    if entry.depth > 0 && rooted {
        let air = "  ".repeat(usize::from(entry.depth - 1));
        x = canvas.text(x, y, end, &format!("{air}└ "), Role::Dim);
    }
    let brief = entry.depth == 0 && who == WHO_IN_TAB;
    words(canvas, state, entry, (x, y, end), brief);
}

/// The sentence; `brief` leaves out what is said aside.
fn words(
    canvas: &mut Canvas<'_>,
    state: &State,
    entry: &Entry,
    (x, y, end): (u16, u16, u16),
    brief: bool,
) {
    let aside = |tone: Tone| matches!(tone, Tone::Dim | Tone::Hint);
    let told = || {
        entry
            .text
            .iter()
            .filter(|(tone, _)| !(brief && aside(*tone)))
    };
    let pieces: Vec<(Role, String)> = told()
        .map(|(tone, words)| {
            let role = match tone {
                Tone::Plain => Role::Text,
                Tone::Dim | Tone::Hint => Role::Dim,
                Tone::Good => Role::Good,
                Tone::Bad => Role::Dead,
            };
            match tone {
                Tone::Hint => (role, state.view.fill(words)),
                _ => (role, words.clone()),
            }
        })
        .collect();
    if x.saturating_add(columns(&pieces)) <= end {
        canvas.pieces(x, y, end, &pieces);
        return;
    }
    // What stands before the keys that undo it gives way to them, but for what was done. Keys that would be cut say
    // nothing.
    let undo = told().position(|(tone, _)| *tone == Tone::Hint);
    let (said, undo) = pieces.split_at(undo.unwrap_or(pieces.len()));
    let done = said.first().map_or(0, |(_, words)| width(words) + 1);
    let mut free = end.saturating_sub(x.saturating_add(done));
    let undo: Vec<_> = undo
        .iter()
        .map_while(|piece| {
            free = free.checked_sub(width(&piece.1))?;
            Some(piece.clone())
        })
        .collect();
    let room = columns(&undo);
    let stop = end.saturating_sub(room).max(x);
    let after = canvas.pieces(x, y, stop, said);
    if after > x && columns(said) > stop - x {
        canvas.text(stop - 1, y, end, "…", Role::Dim);
    }
    canvas.pieces(stop, y, end, &undo);
}

/// What is being waited for.
fn now_line(state: &State) -> Option<String> {
    standstill_line(state).or_else(|| rebalance_line(state))
}

/// What nobody can write until somebody presses a key.
fn standstill_line(state: &State) -> Option<String> {
    if !state.is_ready() {
        return None;
    }
    let mut standing = state.cluster.partitions();
    let standing = standing.find(|(_, known)| {
        let what = state.cluster.standstill(known);
        what.is_some_and(|what| what.is_without_leader())
    });
    let (place, partition) = standing?;
    if state.cluster.zookeeper_away().is_some() {
        let key = state.cluster.revival_of_zookeeper();
        let key = key.map(|action| state.view.keys_for(&action));
        let key = key.map_or_else(String::new, |key| format!(": {key}"));
        return Some(format!("nobody can be elected{key}"));
    }
    let Some(Standstill::Offline { isr }) = state.cluster.standstill(partition) else {
        return None;
    };
    let keys = state
        .view
        .keys_in_turn(&state.cluster.revival(*isr.first()?));
    let place = named_places(place.topic != state.home_topic(), [&place]);
    Some(format!("{place} offline: {} brings it back", keys.first()?))
}

fn rebalance_line(state: &State) -> Option<String> {
    let group = state.cluster.groups.get(&state.view.group)?;
    if !state.is_ready() || group.awaited.is_empty() {
        return None;
    }
    let timeout = group.rebalance_timeout_ms / 1000;
    Some(format!(
        "waiting for {} (rebalance timeout {timeout} s)",
        group.awaited_names().join(" ")
    ))
}
