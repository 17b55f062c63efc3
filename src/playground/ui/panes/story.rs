//! What happened: trees of cause and effect, in time since the key that began them.

use ratatui::layout::Rect;

use crate::{
    state::{Entry, Hand, Pane, Standstill, State, Tone, named_places},
    ui::{
        attached,
        canvas::{Canvas, Frame, Pieces, broken, columns, room_for_note, width, wrap_pieces},
        moment,
        theme::{Role, role_of},
        title, words,
    },
};

/// Columns of the time.
const TIME: u16 = 12;

/// Columns of who did it, in a pane of its own.
pub const WHO: u16 = 11;
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
    let shown = visible(state, room, (area, who));
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
    let end = area.right() + 1;
    let (mut y, mut lowest) = (area.y, area.y);
    for entry in &shown {
        let rooted = !brief || roots.contains(&entry.root);
        let x = words_at(entry, area.x, (who, rooted));
        beginning(canvas, state, entry, (area.x, y, end), (who, rooted));
        lowest = y;
        for line in lines(state, entry, end.saturating_sub(x), who) {
            canvas.pieces(x, y, end, &line);
            y += 1;
        }
    }
    if state.view.focus == Pane::Story {
        // Enter opens the lowest line.
        canvas.text(area.x - 1, lowest, area.right(), "►", Role::Focus);
        for y in lowest..y {
            canvas.tone(area.x, y, area.width + 1, Role::Selected);
        }
    }
    let asks = attached::asks_by_api(state).filter(|_| !brief && y < area.bottom());
    if let Some(words) = asks {
        canvas.text(area.x, area.bottom() - 1, end, &words, Role::Dim);
    }
    if let Some(words) = now {
        canvas.text(area.x + 6, y, area.right() + 1, "now", Role::Dim);
        let x = area.x + TIME + 2;
        canvas.text(x, y, area.right() + 1, &words, Role::Dim);
    }
}

/// The lines that fit into so many rows, oldest first.
fn visible(state: &State, room: usize, (area, who): (Rect, u16)) -> Vec<&Entry> {
    let end = area.right() + 1;
    let rows = |entry: &Entry, rooted: bool| {
        let x = words_at(entry, area.x, (who, rooted));
        lines(state, entry, end.saturating_sub(x), who).len()
    };
    // Below its first line a tree stands farther right, and a line of it may take one row more.
    let mut shown: Vec<(&Entry, usize, usize)> = state
        .story
        .matching(state.view.filter(Pane::Story))
        .rev()
        .skip(state.view.story_back)
        .take(room)
        .map(|entry| (entry, rows(entry, true), rows(entry, false)))
        .collect();
    let brief = who == WHO_IN_TAB;
    while !shown.is_empty() {
        let begun = |root: u64| {
            let mut entries = shown.iter().map(|(entry, ..)| entry);
            entries.any(|entry| entry.depth == 0 && entry.root == root)
        };
        let needed = shown.iter().map(|(entry, rooted, alone)| {
            if !brief || begun(entry.root) {
                *rooted
            } else {
                *alone
            }
        });
        if needed.sum::<usize>() <= room {
            break;
        }
        shown.pop();
    }
    shown.into_iter().map(|(entry, ..)| entry).rev().collect()
}

/// Where the words of a line begin.
fn words_at(entry: &Entry, x: u16, (who, rooted): (u16, bool)) -> u16 {
    let start = x + TIME + 2;
    if entry.hand == Hand::Nobody {
        return start;
    }
    let after = start + width(&entry.hand.to_string()) + 1;
    let x = (start + who).max(after);
    if entry.depth > 0 && rooted {
        x + u16::from(entry.depth) * 2
    } else {
        x
    }
}

/// When it happened, and who did it.
fn beginning(
    canvas: &mut Canvas<'_>,
    state: &State,
    entry: &Entry,
    (x, y, end): (u16, u16, u16),
    (who, rooted): (u16, bool),
) {
    if entry.hand == Hand::Nobody {
        return;
    }
    if entry.depth == 0 {
        let clock = entry.at.clock(state.setup.utc_offset_s);
        canvas.text(x, y, end, &format!("{clock:#}"), Role::Dim);
    } else {
        let since = entry.at.since(state.story.root_at(entry)).as_secs_f64();
        let time = format!("+{since:.3} s");
        canvas.right(x, y, x + TIME, &time, Role::Dim);
    }
    let role = if entry.hand.is_wish() {
        Role::Focus
    } else {
        Role::Text
    };
    canvas.text(x + TIME + 2, y, end, &entry.hand.to_string(), role);
    if entry.depth > 0 && rooted {
        let x = words_at(entry, x, (who, rooted));
        canvas.text(x.saturating_sub(2), y, end, "└ ", Role::Dim);
    }
}

/// Rows that a line may take. Enter opens what is longer.
const ROWS_MAX: usize = 2;

/// The sentence in rows of so many columns; where panes take turns, the first line of a tree is without what is said
/// aside.
fn lines(state: &State, entry: &Entry, room: u16, who: u16) -> Vec<Pieces> {
    let brief = entry.depth == 0 && entry.hand != Hand::Nobody && who == WHO_IN_TAB;
    let aside = |tone: Tone| matches!(tone, Tone::Dim | Tone::Hint);
    let told = || {
        entry
            .text
            .iter()
            .filter(|(tone, _)| !(brief && aside(*tone)))
    };
    let pieces: Pieces = told()
        .map(|(tone, words)| {
            let role = role_of(*tone);
            match tone {
                Tone::Hint => (role, state.view.fill(words)),
                _ => (role, words.clone()),
            }
        })
        .collect();
    if columns(&pieces) <= room {
        return vec![pieces];
    }
    let undo = told().position(|(tone, _)| *tone == Tone::Hint);
    let (said, undo) = pieces.split_at(undo.unwrap_or(pieces.len()));
    if undo.is_empty() {
        return over_rows(said, room);
    }
    // What is said aside gives way to the keys that undo it. Keys that would be cut say nothing.
    let aside = |(role, _): &&(Role, String)| *role == Role::Dim;
    let done: u16 = said
        .iter()
        .filter(|it| !aside(it))
        .map(|(_, it)| width(it))
        .sum();
    let undo_first = undo.first().map_or(0, |(_, words)| width(words));
    if done > room {
        return over_rows(&pieces, room);
    }
    let undo = if done + undo_first > room { &[] } else { undo };
    let mut free = room - done;
    let undo: Vec<_> = undo
        .iter()
        .map_while(|piece| {
            free = free.checked_sub(width(&piece.1))?;
            Some(piece.clone())
        })
        .collect();
    let mut before = Pieces::new();
    let mut left_out = false;
    for piece in said {
        if !aside(&piece) {
            before.push(piece.clone());
        } else if let (false, Some(left)) = (left_out, free.checked_sub(width(&piece.1))) {
            free = left;
            before.push(piece.clone());
        } else if !left_out {
            left_out = true;
            before.extend((free > 1).then(|| (Role::Dim, " …".to_owned())));
        }
    }
    vec![before.into_iter().chain(undo).collect()]
}

fn over_rows(said: &[(Role, String)], room: u16) -> Vec<Pieces> {
    let mut rows = wrap_pieces(said, room);
    if rows.len() > ROWS_MAX {
        rows.truncate(ROWS_MAX);
        if let Some(last) = rows.last_mut() {
            last.push((Role::Dim, " …".to_owned()));
            *last = cut(last, room);
        }
    }
    rows
}

/// Pieces that take so many columns, with `…` for what does not fit.
fn cut(pieces: &[(Role, String)], room: u16) -> Pieces {
    if columns(pieces) <= room {
        return pieces.to_vec();
    }
    let mut free = room.saturating_sub(1);
    let mut kept = Pieces::new();
    for (role, words) in pieces {
        let piece: String = broken(words, free).into_iter().take(1).collect();
        let taken = width(&piece);
        kept.push((*role, piece));
        free -= taken.min(free);
        if taken < width(words) {
            break;
        }
    }
    kept.push((Role::Dim, "…".to_owned()));
    kept
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
