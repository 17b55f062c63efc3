//! Who watches what in `ZooKeeper`, and when it last told.
//!
//! ```text
//! /brokers     brokers 1 2, recursive   fired 2.8 s ago
//! /admin       brokers 1 2, recursive  never
//! ```

use ratatui::layout::Rect;

use super::znodes::{FIRED_FOR, is_gone, owners};
use crate::{
    state::{Pane, State, Watch},
    ui::{
        canvas::{Canvas, Frame, fit, width, wrap},
        theme::Role,
        title, words,
    },
};

/// Columns of a path.
const PATH: u16 = 13;
/// Columns up to when it fired.
const FIRED: u16 = 37;
/// Columns of ` fired 2.8 s ago `.
const CHIP: u16 = 17;

/// Draws the pane with its frame.
pub fn draw(canvas: &mut Canvas<'_>, state: &State, area: Rect) {
    let seen = state.cluster.zookeeper.as_ref();
    let note = seen.map_or_else(String::new, |seen| seen.watches.to_string());
    let frame = Frame {
        title: title(state, Pane::Watches, Pane::Watches.title()),
        note: &note,
        focused: state.view.focus == Pane::Watches,
        dashed: is_gone(state),
    };
    let inside = canvas.frame(area, &frame);
    draw_inside(canvas, state, inside);
}

/// Draws what is inside the frame.
pub fn draw_inside(canvas: &mut Canvas<'_>, state: &State, area: Rect) {
    let refused = state
        .cluster
        .zookeeper
        .as_ref()
        .is_some_and(|seen| seen.refused.iter().any(|word| word == "wchp"));
    let watches = state.cluster.znodes.watches();
    let instead = if refused {
        Some("watches: this server does not allow \"wchp\" (4lw.commands.whitelist)")
    } else if is_gone(state) {
        Some(
            "ZooKeeper is dead: no watch fires. Whoever watches sets its watches anew when it is back.",
        )
    } else if watches.is_empty() {
        Some("Who wants to be told of which change.")
    } else {
        None
    };
    let end = area.right() + 1;
    if let Some(words) = instead {
        let columns = usize::from(area.width).max(1);
        for (line, y) in wrap(words, columns).iter().zip(area.top()..area.bottom()) {
            canvas.text(area.x, y, end, line, Role::Dim);
        }
        return;
    }
    let mut ordered: Vec<&Watch> = watches.iter().collect();
    // The screen's own comes last: it is only there to draw this.
    ordered.sort_by_key(|watch| (watch.path == "/", watch.path.clone()));
    let columns = Columns::new(state, &ordered, area.width + 1);
    let room = usize::from(area.height);
    let fits = ordered.len() <= room;
    let shown = if fits { room } else { room.saturating_sub(1) };
    let mut y = area.y;
    for watch in ordered.iter().take(shown) {
        line(canvas, state, watch, (area, y), columns);
        y += 1;
    }
    if !fits {
        let words = format!("{} more paths", ordered.len() - shown);
        canvas.text(area.x, y, end, &words, Role::Dim);
    } else if y + 2 <= area.bottom() {
        let words = "A watch tells; the watcher must then read again.";
        canvas.text(area.x, area.bottom() - 1, end, words, Role::Dim);
    }
}

/// Where the columns begin.
#[derive(Clone, Copy)]
struct Columns {
    who: u16,
    fired: u16,
}

impl Columns {
    /// As drawn; closer together where more brokers watch.
    fn new(state: &State, watches: &[&Watch], columns: u16) -> Self {
        let longest = |of: &dyn Fn(&Watch) -> u16| watches.iter().map(|watch| of(watch)).max();
        let path = longest(&|watch| width(&watch.path)).unwrap_or(0);
        let who = longest(&|watch| width(&who(state, watch))).unwrap_or(0);
        let most = columns.saturating_sub(CHIP);
        let airy = PATH.max(path + 2);
        let begins = if airy + who + 2 > most {
            path + 1
        } else {
            airy
        };
        let at = begins.min(columns / 2);
        Self {
            who: at,
            fired: FIRED.max(at + who + 1).min(most),
        }
    }
}

fn who(state: &State, watch: &Watch) -> String {
    format!(
        "{}{}",
        owners(state, &watch.sessions, ", "),
        recursive(watch)
    )
}

/// The same, where not each of many brokers can be named.
fn how_many(watch: &Watch) -> String {
    format!("{} sessions{}", watch.sessions.len(), recursive(watch))
}

fn recursive(watch: &Watch) -> &'static str {
    if watch.recursive && watch.path != "/" {
        ", recursive"
    } else {
        ""
    }
}

fn line(
    canvas: &mut Canvas<'_>,
    state: &State,
    watch: &Watch,
    (area, y): (Rect, u16),
    columns: Columns,
) {
    let end = area.right() + 1;
    let path = fit(&watch.path, columns.who.saturating_sub(1));
    canvas.text(area.x, y, end, &path, Role::Text);
    let (x, fired) = (area.x + columns.who, area.x + columns.fired);
    let room = fired.min(end).saturating_sub(x + 1);
    let who = who(state, watch);
    let way = if width(&who) > room {
        how_many(watch)
    } else {
        who
    };
    let way = fit(&way, room);
    canvas.text(x, y, end, &way, Role::Text);
    let since = watch.fired_at.map(|at| (at, state.now.since(at)));
    match since {
        Some((_, since)) if since < FIRED_FOR => {
            let words = format!(" fired {} ago ", words::ago(since));
            canvas.text(fired, y, end, &words, Role::WarningChip);
        }
        Some((at, _)) => {
            let clock = at.clock(state.setup.utc_offset_s).to_string();
            canvas.text(fired, y, end, &clock, Role::Dim);
        }
        None => {
            canvas.text(fired, y, end, "never", Role::Dim);
        }
    }
}
