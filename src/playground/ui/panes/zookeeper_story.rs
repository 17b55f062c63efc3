//! What happened in `ZooKeeper`: who ended, who wrote, who was told, in time since the key.

use std::time::Duration;

use ratatui::layout::Rect;

use crate::{
    state::{Entry, Pane, State},
    ui::{
        canvas::{Canvas, Frame, fit, width},
        theme::{Role, role_of},
        title, words,
    },
};

/// Columns of the time.
const TIME: u16 = 7;

/// Columns of who did it.
const WHO: u16 = 9;

/// Draws the pane with its frame.
pub fn draw(canvas: &mut Canvas<'_>, state: &State, area: Rect) {
    let note = match state.view.filter(Pane::ZooKeeperStory) {
        Some(filter) => words::filter_note(state, filter),
        None => "zookeeper only".to_owned(),
    };
    let frame = Frame {
        title: title(state, Pane::ZooKeeperStory, Pane::ZooKeeperStory.title()),
        note: &note,
        focused: state.view.focus == Pane::ZooKeeperStory,
        dashed: false,
    };
    let inside = canvas.frame(area, &frame);
    draw_inside(canvas, state, inside);
}

/// Draws what is inside the frame: the newest lines that fit.
pub fn draw_inside(canvas: &mut Canvas<'_>, state: &State, area: Rect) {
    let story = &state.zookeeper_story.story;
    let filter = state.view.filter(Pane::ZooKeeperStory);
    let matches = |entry: &&Entry| {
        let hand = || format!("{:#}", entry.hand);
        filter.is_none_or(|filter| hand().contains(filter) || entry.says(filter))
    };
    let room = usize::from(area.height);
    let mut shown: Vec<&Entry> = story
        .entries()
        .iter()
        .rev()
        .filter(matches)
        .skip(state.view.zookeeper_story_back)
        .take(room)
        .collect();
    shown.reverse();
    let end = area.right() + 1;
    if shown.is_empty() {
        let words = match filter {
            Some(filter) => words::no_match(state, filter),
            None => "Nothing yet. What sessions, writes, watches do: here.".to_owned(),
        };
        canvas.text(area.x, area.y, end, &fit(&words, area.width + 1), Role::Dim);
        return;
    }
    for (entry, y) in shown.into_iter().zip(area.top()..) {
        let since = time(entry.at.since(story.root_at(entry)));
        canvas.text(area.x, y, end, &since, Role::Dim);
        let role = if entry.hand.is_wish() {
            Role::Focus
        } else {
            Role::Text
        };
        let after = canvas.text(area.x + TIME, y, end, &format!("{:#}", entry.hand), role);
        let mut x = (area.x + TIME + WHO).max(after + 1);
        if let Some(deep) = entry.depth.checked_sub(1) {
            let air = "  ".repeat(usize::from(deep));
            x = canvas.text(x, y, end, &format!("{air}└ "), Role::Dim);
        }
        for (tone, words) in &entry.text {
            let words = told(words, end.saturating_sub(x));
            x = canvas.text(x, y, end, &words, role_of(*tone));
        }
    }
}

/// As much of a sentence as there is room for: what follows from it goes first, as a whole.
fn told(words: &str, room: u16) -> String {
    match words.rsplit_once(", ") {
        Some((before, _)) if width(words) > room && width(before) + 2 <= room => {
            format!("{before} …")
        }
        _ => fit(words, room),
    }
}

/// `+1.501`, in six columns.
fn time(since: Duration) -> String {
    let seconds = since.as_secs_f64();
    match since.as_secs() {
        0..=9 => format!("+{seconds:.3}"),
        10..=99 => format!("+{seconds:.2}"),
        _ => format!("+{seconds:.0}"),
    }
}
