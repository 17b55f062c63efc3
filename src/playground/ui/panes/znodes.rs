//! `ZooKeeper`'s tree, and below it the znode under the cursor.
//!
//! ```text
//! │ └ topics
//! │   └ orders        v0              RF 3  p0 p1 p2
//! │     └ partitions
//! │       ├ 1/state   v5  leader 2 epoch 4 ISR 2,1
//! │       └ 2/state   v6  leader 1 epoch 5 ISR 1,2   was 3, 4
//! ├ admin/delete_topics               empty
//!
//! ──── /brokers/topics/orders/partitions/2/state ────────────
//! {"controller_epoch":1,"leader":1,"version":1,"leader_epoch":5,"isr":[1,2]}
//! ```

use std::time::Duration;

use ratatui::layout::Rect;

use super::znode_detail;
use crate::{
    state::{
        Pane, ProcessName, State, Status, Timestamp, Znode, ZnodeItem, ZnodeRow, row_words,
        znode_summary,
    },
    ui::{
        attached,
        canvas::{Canvas, Frame, fit, width, wrap},
        theme::Role,
        title, words,
    },
};

/// Where the versions stand, behind the names.
const VERSION: u16 = 20;

/// Where the words stand that are short enough.
const WORDS: u16 = 36;

/// How long it is told that a watch fired.
pub const FIRED_FOR: Duration = Duration::from_secs(10);

/// Lines that the tree keeps when the znode below it wants more.
const TREE_MIN: u16 = 9;

/// Draws the pane with its frame.
pub fn draw(canvas: &mut Canvas<'_>, state: &State, area: Rect) {
    let tree = Tree::new(state, inside(area));
    let frame = Frame {
        title: title(state, Pane::Znodes, Pane::Znodes.title()),
        note: &note(state, &tree),
        focused: state.view.focus == Pane::Znodes,
        dashed: is_gone(state),
    };
    let inside = canvas.frame(area, &frame);
    if no_znodes(canvas, state, inside) {
        return;
    }
    tree.draw(canvas);
}

/// Draws what is inside the frame.
pub fn draw_inside(canvas: &mut Canvas<'_>, state: &State, area: Rect) {
    if no_znodes(canvas, state, area) {
        return;
    }
    Tree::new(state, area).draw(canvas);
}

/// Says why there are none, if that is so.
pub(super) fn no_znodes(canvas: &mut Canvas<'_>, state: &State, area: Rect) -> bool {
    let why = attached::no_znodes(state);
    if let Some(words) = why {
        canvas.sentences(area, &[(Role::Dim, words)]);
    }
    why.is_some()
}

fn inside(area: Rect) -> Rect {
    let (width, height) = (area.width.saturating_sub(4), area.height.saturating_sub(2));
    Rect::new(area.x + 2, area.y + 1, width, height)
}

fn note(state: &State, tree: &Tree<'_>) -> String {
    if let Some(filter) = state.view.filter(Pane::Znodes) {
        return words::filter_note(state, filter);
    }
    if is_gone(state) {
        return "as it was".to_owned();
    }
    let mut notes = Vec::new();
    let shown = usize::from(tree.visible);
    if shown < tree.rows.len() {
        let (first, last) = (tree.first + 1, tree.first + shown);
        notes.push(format!("rows {first}-{last} of {}", tree.rows.len()));
    }
    if let Some(seen) = &state.cluster.zookeeper {
        notes.push(seen.znodes.to_string());
        notes.push(format!("zxid 0x{:x}", seen.zxid));
    }
    notes.join("   ")
}

/// Whether there is no `ZooKeeper` to ask.
pub fn is_gone(state: &State) -> bool {
    let process = state.cluster.processes.get(&ProcessName::ZooKeeper);
    process.is_some_and(|process| process.status.is_gone())
}

/// The rows that are there, those that are shown, and what is told below them.
struct Tree<'a> {
    state: &'a State,
    area: Rect,
    rows: Vec<ZnodeRow>,
    cursor: usize,
    first: usize,
    visible: u16,
    detail: Vec<znode_detail::Line>,
    /// Whether a line is left free between the rows and what is told below.
    blank: u16,
}

impl<'a> Tree<'a> {
    fn new(state: &'a State, area: Rect) -> Self {
        let rows = state.znode_rows();
        let cursor = state.view.znodes.row(&rows);
        let picked = rows.get(cursor).and_then(ZnodeRow::path);
        let mut detail = picked.map_or_else(Vec::new, |path| {
            znode_detail::lines(state, path, area.width + 1)
        });
        let count = u16::try_from(rows.len()).unwrap_or(u16::MAX);
        let wanted = u16::try_from(detail.len()).unwrap_or(u16::MAX);
        if wanted + 1 + TREE_MIN > area.height {
            detail.clear();
        }
        // The line with the path, and a blank before it where there is room.
        let below = if detail.is_empty() { 0 } else { wanted + 1 };
        let blank = u16::from(below > 0 && count.saturating_add(below) < area.height);
        let visible = count.min(area.height.saturating_sub(below + blank));
        let last_first = rows.len().saturating_sub(usize::from(visible));
        let first = cursor
            .saturating_sub(usize::from(visible / 2))
            .min(last_first);
        Self {
            state,
            area,
            rows,
            cursor,
            first,
            visible,
            detail,
            blank,
        }
    }

    fn draw(&self, canvas: &mut Canvas<'_>) {
        let (state, area) = (self.state, self.area);
        if self.rows.is_empty() {
            let words = match state.view.filter(Pane::Znodes) {
                Some(filter) => words::no_match(state, filter),
                None if is_gone(state) => {
                    "ZooKeeper is dead, and nothing was read of it before: what Kafka keeps in it is shown \
                     when it is back."
                        .to_owned()
                }
                None => "What Kafka keeps in ZooKeeper, who wrote it, who watches it.".to_owned(),
            };
            let lines = wrap(&words, usize::from(area.width).max(1));
            for (line, y) in lines.iter().zip(area.top()..area.bottom()) {
                canvas.text(area.x, y, area.right() + 1, line, Role::Dim);
            }
            return;
        }
        let names = name_columns(&self.rows, area.width);
        let focused = state.view.focus == Pane::Znodes;
        let shown = self.rows.iter().enumerate().skip(self.first);
        for (y, (index, row)) in (area.y..area.y + self.visible).zip(shown) {
            DrawnRow {
                state,
                row,
                names,
                area,
                y,
            }
            .draw(canvas);
            if index == self.cursor && focused {
                canvas.text(area.x - 1, y, area.right(), "►", Role::Focus);
                let columns = width(&row.branches) + width(&row.name);
                canvas.tone(area.x, y, columns.min(area.width), Role::Selected);
            }
        }
        let path = self.rows.get(self.cursor).and_then(ZnodeRow::path);
        if let (Some(path), false) = (path, self.detail.is_empty()) {
            let taken = self.visible + self.blank;
            let rest = Rect::new(area.x, area.y + taken, area.width, area.height - taken);
            znode_detail::draw(canvas, path, &self.detail, rest);
        }
    }
}

/// The columns that names get: as many as the drawing has, more where there is room.
fn name_columns(rows: &[ZnodeRow], columns: u16) -> u16 {
    let longest = rows
        .iter()
        .map(|row| width(&row.branches) + width(&row.name) + 2)
        .max()
        .unwrap_or(0);
    let most = VERSION.max(columns.saturating_sub(WORDS + 2));
    longest.clamp(VERSION, most)
}

/// A row of the tree.
struct DrawnRow<'a> {
    state: &'a State,
    row: &'a ZnodeRow,
    names: u16,
    area: Rect,
    y: u16,
}

impl DrawnRow<'_> {
    fn draw(&self, canvas: &mut Canvas<'_>) {
        let end = self.area.right() + 1;
        let x = canvas.text(self.area.x, self.y, end, &self.row.branches, Role::Dim);
        let (path, folded) = match &self.row.item {
            ZnodeItem::Znode(path) => (path, false),
            ZnodeItem::Folded(path) => (path, true),
            ZnodeItem::Minor { .. } | ZnodeItem::Unread { .. } => {
                canvas.text(x, self.y, end, &self.row.name, Role::Dim);
                return;
            }
        };
        let Some(znode) = self.state.cluster.znodes.get(path) else {
            return;
        };
        let role = match (znode.removed_at, folded) {
            (Some(_), _) => Role::Dead,
            (None, true) => Role::Dim,
            (None, false) => Role::Text,
        };
        let after = canvas.text(x, self.y, end, &self.row.name, role);
        let version = (self.area.x + self.names).max(after + 1);
        if let Some(removed_at) = znode.removed_at {
            self.removed(canvas, path, removed_at, version);
        } else {
            self.content(canvas, path, znode, version);
        }
    }

    fn words_column(&self, version: u16) -> u16 {
        (self.area.x + self.names + WORDS - VERSION).max(version)
    }

    fn removed(&self, canvas: &mut Canvas<'_>, path: &str, at: Timestamp, version: u16) {
        let end = self.area.right() + 1;
        let after = canvas.text(version, self.y, end, " ✗ removed ", Role::DeadChip);
        let told = self.state.cluster.znodes.writer(path, "");
        let why = told.filter(|write| write.by.is_session_end()).map_or_else(
            || format!("{} ago", words::ago(self.state.now.since(at))),
            |write| write.by.to_string(),
        );
        let x = self.words_column(version).max(after + 1);
        canvas.text(x, self.y, end, &why, Role::Dead);
    }

    fn content(&self, canvas: &mut Canvas<'_>, path: &str, znode: &Znode, version: u16) {
        let end = self.area.right() + 1;
        let after = self.version(canvas, znode, version);
        let words = row_words(&self.state.view.znodes, path, znode);
        let fired = znode
            .children_changed_at
            .filter(|at| self.state.now.since(*at) < FIRED_FOR);
        let column = self.words_column(version);
        if let (Some(at), true) = (fired, words.is_empty() || words == "empty") {
            let ago = words::ago(self.state.now.since(at));
            let x = column.max(after + 1);
            canvas.text(
                x,
                self.y,
                end,
                &format!(" watch fired {ago} ago "),
                Role::WarningChip,
            );
            return;
        }
        let x = if column + width(&words) <= end && column > after {
            column
        } else {
            after + 2
        };
        let role = if words == "empty" {
            Role::Dim
        } else {
            Role::Text
        };
        let shown = fit(&words, end.saturating_sub(x));
        let after = canvas.text(x, self.y, end, &shown, role);
        if !self.state.view.znodes.raw {
            self.changes(canvas, path, znode, &words, (x, after));
        }
    }

    /// `v6`, or whose session it lives as long as. Returns the column behind it.
    fn version(&self, canvas: &mut Canvas<'_>, znode: &Znode, x: u16) -> u16 {
        let end = self.area.right() + 1;
        if znode.content.ephemeral_owner != 0 {
            let owner = owner(self.state, znode.content.ephemeral_owner);
            return canvas.text(
                x,
                self.y,
                end,
                &format!(" ephemeral {owner} "),
                Role::Leader,
            );
        }
        // Nobody ever wrote to what is only a way to others.
        if znode.content.data.is_empty() && znode.content.version == 0 {
            return x;
        }
        let changed = self.state.just_changed(znode.changed_at);
        let still = self.state.view.appearance.reduced_motion;
        let role = if changed && !still {
            Role::Flash
        } else {
            Role::Text
        };
        let after = canvas.text(x, self.y, end, &format!("v{}", znode.content.version), role);
        if changed && still {
            canvas.text(after, self.y, end, "▪", Role::Warning);
        }
        after
    }

    /// Marks the words that just changed, and says for a while what the leader and epoch were.
    fn changes(
        &self,
        canvas: &mut Canvas<'_>,
        path: &str,
        znode: &Znode,
        words: &str,
        (x, after): (u16, u16),
    ) {
        let Some(before) = &znode.before else { return };
        let before = znode_summary(path, before);
        if self.state.just_changed(znode.changed_at) && !self.state.view.appearance.reduced_motion {
            let mut column = x;
            for (now, then) in words.split(' ').zip(before.split(' ')) {
                if now != then && column < after {
                    canvas.tone(column, self.y, width(now).min(after - column), Role::Flash);
                }
                column += width(now) + 1;
            }
        }
        let recent = znode
            .changed_at
            .is_some_and(|at| self.state.now.since(at) < crate::state::REMOVED_FOR);
        let mut told = before.split(' ');
        if let (true, Some("leader"), Some(leader), Some("epoch"), Some(epoch)) =
            (recent, told.next(), told.next(), told.next(), told.next())
        {
            let was = format!("was {leader}, {epoch}");
            let end = self.area.right() + 1;
            if after + 1 + width(&was) <= end
                && !words.starts_with(&format!("leader {leader} epoch {epoch} "))
            {
                let gap = (end - after - width(&was)).min(3);
                canvas.text(after + gap, self.y, end, &was, Role::Dim);
            }
        }
    }
}

/// Who a session belongs to: a broker's id, `screen`, or its own id.
pub fn owner(state: &State, session: i64) -> String {
    if state.cluster.znodes.session == Some(session) {
        return "screen".to_owned();
    }
    state
        .cluster
        .session_owner(session)
        .map_or_else(|| format!("0x{session:x}"), |broker| broker.to_string())
}

/// `brokers 1 2 and this screen`
pub fn owners(state: &State, sessions: &[i64], and: &str) -> String {
    let mut brokers: Vec<_> = sessions
        .iter()
        .filter_map(|session| state.cluster.session_owner(*session))
        .collect();
    brokers.sort();
    brokers.dedup();
    let own = state.cluster.znodes.session;
    let screen = own.is_some_and(|own| sessions.contains(&own));
    let others = sessions
        .len()
        .saturating_sub(brokers.len() + usize::from(screen));
    let ids: Vec<String> = brokers.iter().map(ToString::to_string).collect();
    let mut told = match brokers.len() {
        0 => Vec::new(),
        1 => vec![format!("broker {}", ids.join(" "))],
        _ => vec![format!("brokers {}", ids.join(" "))],
    };
    if screen {
        told.push("this screen".to_owned());
    }
    if others > 0 {
        told.push(format!("{others} more"));
    }
    told.join(and)
}

/// What can be done here, for the footer: the znode's own keys, then those of what is picked.
pub fn hints(state: &State) -> (String, [(&'static str, &'static str); 3]) {
    let rows = state.znode_rows();
    let row = rows.get(state.view.znodes.row(&rows));
    let name = row.map_or("", |row| row.name.as_str());
    let how = if state.view.znodes.raw {
        "in words"
    } else {
        "raw JSON"
    };
    (
        format!(" znode {}", fit(name, 24)),
        [("open", "open"), ("show", how), ("filter", "filter")],
    )
}

/// Whether this pane's keys stand in the footer.
pub fn has_footer(state: &State) -> bool {
    let up = state
        .cluster
        .processes
        .get(&ProcessName::ZooKeeper)
        .is_some_and(|process| process.status == Status::Up);
    state.view.focus == Pane::Znodes && state.is_ready() && state.held.is_none() && up
}
