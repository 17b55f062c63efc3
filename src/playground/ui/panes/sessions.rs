//! Who has a session at `ZooKeeper`, and how long it lasts if nothing more is heard.
//!
//! ```text
//!             left before it expires     last heard
//! broker 1  ■■■■■■■■■■■■■■■■■■□□  1.35 s     0.15 s
//! broker 3  □□□□□□□□□□□□□□□□□□□□   expired   2.8 s
//! ```

use std::time::Duration;

use ratatui::layout::Rect;

use super::znodes::is_gone;
use crate::{
    state::{Pane, Process, State, ZooKeeperSeen},
    ui::{
        canvas::{Canvas, Frame, wrap},
        theme::Role,
        title, words,
    },
};

/// Cells of a bar.
const BAR: u16 = 20;
/// Where the bars begin.
const BARS: u16 = 10;
/// Columns from how long is left to when the session was heard last, and what that takes.
const HEARD_AFTER: u16 = 11;
const HEARD: u16 = 6;

/// A session's row.
struct Row {
    name: String,
    state: Countdown,
}

/// Where a session stands.
enum Countdown {
    /// It lasts so long yet, of so long, and was heard so long ago.
    Lives {
        left: Duration,
        whole: Duration,
        heard: Duration,
    },
    /// Nothing was heard for its timeout; the last was so long ago.
    Expired { heard: Duration, whole: Duration },
}

/// Draws the pane with its frame.
pub fn draw(canvas: &mut Canvas<'_>, state: &State, area: Rect) {
    let note = note(state);
    let frame = Frame {
        title: title(state, Pane::Sessions, Pane::Sessions.title()),
        note: &note,
        focused: state.view.focus == Pane::Sessions,
        dashed: is_gone(state),
    };
    let inside = canvas.frame(area, &frame);
    draw_inside(canvas, state, inside);
}

fn note(state: &State) -> String {
    let seen = state.cluster.zookeeper.as_ref();
    let own = state.cluster.znodes.session;
    let sessions = seen.into_iter().flat_map(|seen| &seen.sessions);
    let mut timeouts: Vec<u128> = sessions
        .filter(|session| Some(session.session) != own)
        .map(|session| session.timeout.as_millis())
        .collect();
    timeouts.sort_unstable();
    timeouts.dedup();
    match timeouts.as_slice() {
        [timeout] => format!("timeout {timeout} ms"),
        _ => String::new(),
    }
}

/// Draws what is inside the frame.
pub fn draw_inside(canvas: &mut Canvas<'_>, state: &State, area: Rect) {
    let Some(seen) = &state.cluster.zookeeper else {
        let words = "Who has a session, and how long it lasts if nothing more is heard.";
        sentences(canvas, area, &[words.to_owned()]);
        return;
    };
    if let Some(word) = seen.refused.iter().find(|word| *word != "wchp") {
        let words =
            format!("sessions: this server does not allow \"{word}\" (4lw.commands.whitelist)");
        sentences(canvas, area, &[words]);
        return;
    }
    if is_gone(state) {
        let words = "ZooKeeper is dead: nobody counts down. When it is back, every session goes on \
                     with its whole timeout.";
        sentences(canvas, area, &[words.to_owned()]);
        return;
    }
    let end = area.right() + 1;
    let bar = bar_columns(area.width + 1);
    if bar >= BAR {
        canvas.text(
            area.x + 12,
            area.y,
            end,
            "left before it expires",
            Role::Dim,
        );
    } else {
        canvas.text(area.x + BARS, area.y, end, "expires in", Role::Dim);
    }
    let heard = area.x + left_at(bar) + HEARD_AFTER;
    let heard = heard.saturating_sub(4).min(end.saturating_sub(10));
    canvas.text(heard, area.y, end, "last heard", Role::Dim);
    let rows = rows(state, seen);
    let count = u16::try_from(rows.len()).unwrap_or(u16::MAX);
    let told = [how(seen), own(state)];
    let told: Vec<String> = told
        .iter()
        .filter(|words| !words.is_empty())
        .flat_map(|words| wrap(words, usize::from(area.width + 1)))
        .collect();
    let lines = u16::try_from(told.len()).unwrap_or(0);
    let room = area.height.saturating_sub(1 + lines);
    let airy = count.saturating_mul(2) <= room;
    let step = if airy { 2 } else { 1 };
    let mut y = area.y + 1;
    for (index, row) in rows.iter().enumerate() {
        if y >= area.bottom() {
            break;
        }
        if y + 1 == area.bottom() && index + 1 < rows.len() {
            let words = format!("{} more", rows.len() - index);
            canvas.text(area.x, y, end, &words, Role::Dim);
            return;
        }
        line(canvas, state, row, (area, y));
        y += step;
    }
    if y + lines <= area.bottom() {
        for (words, y) in told.iter().zip(area.bottom() - lines..) {
            canvas.text(area.x, y, end, words, Role::Dim);
        }
    }
}

/// Cells of a bar where there are so many columns for a row.
fn bar_columns(columns: u16) -> u16 {
    columns
        .saturating_sub(BARS + 2 + HEARD_AFTER + HEARD)
        .min(BAR)
}

/// Where it says how long is left.
fn left_at(bar: u16) -> u16 {
    BARS + bar + 2
}

fn sentences(canvas: &mut Canvas<'_>, area: Rect, sentences: &[String]) {
    let columns = usize::from(area.width).max(1);
    let lines = sentences.iter().flat_map(|words| wrap(words, columns));
    for (line, y) in lines.zip(area.top()..area.bottom()) {
        canvas.text(area.x, y, area.right() + 1, &line, Role::Dim);
    }
}

/// How the server ends sessions.
fn how(seen: &ZooKeeperSeen) -> String {
    if seen.exact {
        "exact: this server ends each session at its deadline."
    } else {
        "at most: the server ends sessions in steps of its ticks."
    }
    .to_owned()
}

fn own(state: &State) -> String {
    let session = state.cluster.znodes.session;
    session.map_or_else(String::new, |session| {
        format!("This screen has session 0x{session:x}.")
    })
}

/// Brokers first, whether their session lives or ended; then whoever else has one.
fn rows(state: &State, seen: &ZooKeeperSeen) -> Vec<Row> {
    let mut rows: Vec<Row> = state
        .cluster
        .brokers()
        .filter_map(|process| broker_row(state, process))
        .collect();
    for session in &seen.sessions {
        let own = state.cluster.znodes.session == Some(session.session);
        if own || state.cluster.session_owner(session.session).is_some() {
            continue;
        }
        let heard = state.now.since(session.last_heard);
        let id = format!("{:x}", session.session);
        let short = id.get(id.len().saturating_sub(6)..).unwrap_or(&id);
        rows.push(Row {
            name: format!("…{short}"),
            state: Countdown::Lives {
                left: session.timeout.saturating_sub(heard),
                whole: session.timeout,
                heard,
            },
        });
    }
    rows
}

fn broker_row(state: &State, process: &Process) -> Option<Row> {
    let id = process.broker()?;
    let name = format!("broker {id}");
    if let Some(expired) = &process.session_expired {
        let heard = state.now.since(expired.at) + expired.timeout;
        return Some(Row {
            name,
            state: Countdown::Expired {
                heard,
                whole: expired.timeout,
            },
        });
    }
    let session = state.cluster.session(id)?;
    let heard = state.now.since(session.last_heard);
    Some(Row {
        name,
        state: Countdown::Lives {
            left: session.timeout.saturating_sub(heard),
            whole: session.timeout,
            heard,
        },
    })
}

fn line(canvas: &mut Canvas<'_>, state: &State, row: &Row, (area, y): (Rect, u16)) {
    let end = area.right() + 1;
    let still = state.view.appearance.reduced_motion;
    let columns = bar_columns(area.width + 1);
    let left_x = area.x + left_at(columns);
    let heard_x = left_x + HEARD_AFTER;
    let mut bar = |left: Duration, whole: Duration, role: Role| {
        if !still {
            let bar = words::bar(left, whole, columns);
            canvas.text(area.x + BARS, y, end, &bar, role);
        }
    };
    match row.state {
        Countdown::Lives { left, whole, heard } => {
            // Two heartbeats missed: a client sends one every third of its timeout.
            let late = heard * 3 > whole * 2;
            let role = if late { Role::Warning } else { Role::Good };
            bar(left, whole, role);
            canvas.text(area.x, y, end, &row.name, Role::Text);
            canvas.text(left_x, y, end, &words::seconds(left), Role::Text);
            canvas.text(heard_x, y, end, &words::seconds(heard), Role::Text);
        }
        Countdown::Expired { heard, whole } => {
            bar(Duration::ZERO, whole, Role::Dead);
            canvas.text(area.x, y, end, &row.name, Role::Dead);
            canvas.text(left_x, y, end, " expired ", Role::DeadChip);
            canvas.text(heard_x, y, end, &words::ago(heard), Role::Text);
        }
    }
}
