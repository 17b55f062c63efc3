//! A consumer group: its state, who joined, who reads what and how far behind.

use std::collections::BTreeSet;

use ratatui::layout::Rect;

use super::chart::bars;
use super::group_consumer;
use super::group_state::{joined_line, same_client_ids, state_line, unread};

use crate::{
    state::{
        Action, Group, GroupProtocol, GroupRow, Member, Pane, ProcessName, ScreenAction, State,
        Status,
    },
    ui::{
        canvas::{Canvas, Frame, fit, width},
        theme::Role,
        title, words,
    },
};
use wire::{GroupState, TopicPartition};

/// A member is new for this long.
const NEW_FOR_SECONDS: u64 = 3;

/// Where pid, partitions and lag stand, from the pane's first column.
const PID: u16 = 16;
const READS: u16 = 22;

/// The same of partitions, behind hosts.
const HOST_READS: u16 = 29;

/// What a member reads matters more than its pid: a pane with fewer columns has none.
const PIDS_FROM: u16 = 32;

/// The same for hosts.
const HOSTS_FROM: u16 = 46;

/// Draws the pane with its frame.
pub fn draw(canvas: &mut Canvas<'_>, state: &State, area: Rect) {
    let name = &state.view.group;
    let group = state.cluster.groups.get(name);
    let room = area.width.saturating_sub(width(name) + 14);
    let note = group.map_or_else(String::new, |group| note(group, room));
    let frame = Frame {
        title: title(
            state,
            Pane::Group,
            if group.is_some() {
                format!("Group {name}")
            } else {
                "Groups".to_owned()
            },
        ),
        note: &note,
        focused: state.view.focus == Pane::Group,
        dashed: false,
    };
    let inside = canvas.frame(area, &frame);
    draw_inside(canvas, state, inside);
}

/// `classic   gen 3`, and while a rebalance goes on `classic   gen 3 -> 4`; by the other protocol `consumer   group epoch
/// 2 -> 3` while what is to be read is computed. In fewer words where there is no room.
fn note(group: &Group, room: u16) -> String {
    let counts = match (group.epochs, group.generation) {
        (Some((epoch, computed)), _) if epoch != computed => format!("epoch {computed} -> {epoch}"),
        (Some((epoch, _)), _) => format!("epoch {epoch}"),
        (None, Some(generation)) if group.state == GroupState::PreparingRebalance => {
            format!("gen {generation} -> {}", generation + 1)
        }
        (None, Some(generation)) => format!("gen {generation}"),
        (None, None) => String::new(),
    };
    let kind = group.kind.map_or("", GroupProtocol::setting);
    let whole = match group.epochs {
        Some(_) => format!("{kind}   group {counts}"),
        None => format!("{kind}   {counts}"),
    };
    let ways = [whole, format!("{kind}   {counts}"), counts];
    let fits = |way: &&String| width(way.trim()) <= room;
    let way = ways.iter().find(fits).map_or("", String::as_str);
    way.trim().to_owned()
}

/// What is awaited while there is no such group.
fn nobody_yet(state: &State) -> String {
    let joining = state.joining();
    if !joining.is_empty() {
        let wait = if joining.len() == 1 { "waits" } else { "wait" };
        let group = &state.view.group;
        format!("{} {wait} for a coordinator of {group}.", joining.join(" "))
    } else if state.is_ready() {
        let adds = if state.setup.reach.is_own() {
            state.view.keys.fill("  {consumer add} adds a consumer")
        } else {
            String::new()
        };
        format!("Nobody reads {}.{adds}", state.view.topic)
    } else {
        "No group yet.".to_owned()
    }
}

/// Draws what is inside the frame.
pub fn draw_inside(canvas: &mut Canvas<'_>, state: &State, area: Rect) {
    let end = area.right() + 1;
    let Some(group) = state.cluster.groups.get(&state.view.group) else {
        let hint = nobody_yet(state);
        canvas.nothing_yet(area, "Who reads what, and how far behind.", &hint);
        return;
    };
    let roomy = area.height >= 8;
    let mut y = area.y;
    state_line(canvas, state, group, (area.x, y, end));
    y += 1;
    if group.rebalancing() {
        joined_line(canvas, state, group, area.x, y, end);
        y += 1;
    }
    y += u16::from(roomy);
    let columns = Columns::new(state, group, area);
    let consumers = group_consumer::Columns::of(state, group, area);
    match &consumers {
        Some(consumers) => consumers.head(canvas, y),
        None => columns.head(canvas, y),
    }
    y += 1;
    let bottom = if roomy {
        area.bottom() - 1
    } else {
        area.bottom()
    };
    let rows = state.group_pane_rows();
    let orphans = orphans(state, group);
    let reserved = u16::from(!orphans.is_empty());
    let room = usize::from(bottom.saturating_sub(y + reserved).max(1));
    let cursor = state.group_cursor();
    let at = rows.iter().position(|row| *row == cursor);
    let first = at.map_or(0, |at| (at + 1).saturating_sub(room));
    if rows.is_empty()
        && let Some(filter) = state.view.filter(Pane::Group)
    {
        let words = words::no_match(state, filter);
        canvas.text(area.x, y, end, &words, Role::Dim);
    }
    for line in rows.iter().skip(first).take(room) {
        match line {
            GroupRow::Member(name) => {
                canvas.spot(Rect::new(area.x, y, area.width, 1), || {
                    Action::Screen(ScreenAction::Pick(name.clone()))
                });
                match &consumers {
                    Some(consumers) => consumers.row(canvas, state, group, name, y),
                    None => row(canvas, state, group, name, &columns, y),
                }
            }
            GroupRow::Group(name) => {
                let place = Rect::new(area.x, y, area.width, 1);
                canvas.spot(place, || {
                    Action::Screen(ScreenAction::ShowGroup(name.clone()))
                });
                let marked = state.view.focus == Pane::Group && *line == cursor;
                folded(canvas, state, name, area, (y, marked));
            }
        }
        y += 1;
    }
    if !orphans.is_empty() && y < bottom {
        let row = Rect {
            y,
            height: 1,
            ..area
        };
        unread(canvas, state, group, (&orphans, columns.with_topics), row);
        y += 1;
    }
    if y < bottom {
        y = caught_up(
            canvas,
            state,
            Rect {
                y,
                height: bottom - y,
                ..area
            },
        );
    }
    y = group_consumer::tell(canvas, state, group, area, (y, bottom));
    if y + 2 < bottom && area.width >= HOSTS_FROM {
        same_client_ids(canvas, group, area, bottom);
    }
    if roomy {
        chart(canvas, state, group, area);
    }
}

/// `▪ read 459 records from the beginning in 40 ms`, on two lines where one is too narrow. It says the
/// row below it.
fn caught_up(canvas: &mut Canvas<'_>, state: &State, area: Rect) -> u16 {
    let Some(known) = state.cluster.caught_up(&state.view.group, state.now) else {
        return area.y;
    };
    let words = format!("▪ {}", known.words(&state.view.topic));
    let mut lines = vec![String::new()];
    for word in words.split(' ') {
        match lines.last_mut() {
            Some(line) if width(line) + 1 + width(word) <= area.width => {
                line.push_str(if line.is_empty() { "" } else { " " });
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    let mut y = area.y;
    // Half a sentence would be another one.
    if lines.len() <= usize::from(area.height) {
        for line in lines {
            canvas.text(area.x, y, area.right() + 1, &line, Role::Good);
            y += 1;
        }
    }
    y
}

/// A group that is not open: `▸ shipping  Stable  2 members       17`
fn folded(
    canvas: &mut Canvas<'_>,
    state: &State,
    name: &str,
    area: Rect,
    (y, marked): (u16, bool),
) {
    let Some(group) = state.cluster.groups.get(name) else {
        return;
    };
    let end = area.right() + 1;
    if marked {
        canvas.text(area.x - 1, y, end, "►", Role::Focus);
    }
    let x = canvas.text(area.x, y, end, "▸ ", Role::Dim);
    let role = if marked { Role::Strong } else { Role::Text };
    let x = canvas.text(x, y, end, &fit(name, PID - 3), role);
    let lag = state.cluster.group_lag(group).to_string();
    let room = area.right().saturating_sub(width(&lag) + 1);
    let (word, role) = match group.state {
        _ if state.cluster.is_without_coordinator(group) => ("no coordinator", Role::Dead),
        GroupState::Stable => ("Stable", Role::Good),
        GroupState::Unknown => ("", Role::Warning),
        state => (state.name(), Role::Warning),
    };
    let x = x.max(area.x + PID - 1);
    let state_name = fit(word, room.saturating_sub(x + 1));
    let x = canvas.text(x + 1, y, room, &state_name, role);
    let members = match group.members.len() {
        1 => " 1 member".to_owned(),
        count => format!(" {count} members"),
    };
    if x + width(&members) < room {
        canvas.text(x, y, room, &members, Role::Dim);
    }
    canvas.right(x, y, area.right(), &lag, Role::Text);
}

/// Where the parts of the rows stand.
struct Columns {
    area: Rect,
    /// Columns of a name.
    name: u16,
    /// The host of members, or the pid of consumers, where there is room for them.
    second: Option<Second>,
    /// Whether partitions carry their topic: they do unless all of them are the shown one's.
    with_topics: bool,
}

/// What stands between a name and what it reads.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Second {
    Pid,
    Host,
}

impl Columns {
    fn new(state: &State, group: &Group, area: Rect) -> Self {
        let strangers = group.members.values().any(|member| !member.ours);
        let second = match (strangers, area.width) {
            (true, HOSTS_FROM..) => Some(Second::Host),
            (false, PIDS_FROM..) => Some(Second::Pid),
            _ => None,
        };
        let shown = state.view.topic.as_str();
        Self {
            area,
            name: if strangers { 13 } else { 8 },
            second,
            with_topics: group.topics().iter().any(|topic| *topic != shown),
        }
    }

    fn head(&self, canvas: &mut Canvas<'_>, y: u16) {
        let end = self.area.right() + 1;
        let head = match self.second {
            Some(Second::Pid) => "pid   reads",
            Some(Second::Host) => "host         reads",
            None => "reads",
        };
        canvas.text(self.area.x + PID, y, end, head, Role::Dim);
        let after = self.area.x + PID + width(head) + 1;
        canvas.right(after, y, self.area.right(), "lag", Role::Dim);
    }
}

fn row(
    canvas: &mut Canvas<'_>,
    state: &State,
    group: &Group,
    name: &ProcessName,
    columns: &Columns,
    y: u16,
) {
    let area = columns.area;
    let end = area.right() + 1;
    let ProcessName::Consumer(client) = name else {
        return;
    };
    let member = group.named(client).map(|(_, member)| member);
    let process = state.cluster.processes.get(name);
    let picked = state.view.picked == *name && state.view.group_row.is_none();
    if picked {
        canvas.text(area.x - 1, y, end, "►", Role::Focus);
    }
    let (sign, word, role) = step(group, client, member, process.map(|known| known.status));
    // A stranger's name leaves no room for a word that says nothing.
    let word = match word.as_str() {
        "up" if member.is_some_and(|member| !member.ours) => "",
        word => word,
    };
    let shown = words::member(client, columns.name);
    let x = canvas.text(area.x, y, end, &format!("{shown} "), Role::Text);
    let x = canvas.text(x, y, end, &format!("{sign} "), Role::Text);
    let mut x = canvas.text(x, y, end, word, role);
    if columns.name > 8 && !word.is_empty() {
        x += 1;
    }
    let new = member.is_some_and(|member| {
        group.rebalancing() && state.now.since(member.first_seen).as_secs() < NEW_FOR_SECONDS
    });
    if new {
        canvas.text(x + 1, y, end, " new ", Role::Flash);
        x += 7;
    }
    let gone = process.is_some_and(|process| process.status.is_gone());
    if gone {
        if let Some(notice) = notice(state, process.map(|process| process.since), member) {
            canvas.text(x + 2, y, end, &notice, Role::Dead);
        }
        return;
    }
    let x = x.max(area.x + PID);
    let pid = process.and_then(|process| process.pid);
    let pid = pid.map_or_else(|| "-".to_owned(), |pid| pid.to_string());
    let second = match columns.second {
        Some(Second::Pid) => Some((pid, READS)),
        Some(Second::Host) => {
            let host = member.map_or("-", |member| member.host.as_str());
            Some((fit(host, HOST_READS - PID - 1), HOST_READS))
        }
        None => None,
    };
    let x = match second {
        Some((second, reads)) => {
            let x = canvas.text(x, y, end, &second, Role::Text);
            (x + 1).max(if new { 0 } else { area.x + reads })
        }
        None => x,
    };
    let nothing = BTreeSet::new();
    let reads = member.map_or(&nothing, |member| &member.reads);
    if reads.is_empty() {
        let settled =
            group.state == GroupState::Stable && !state.cluster.is_without_coordinator(group);
        let idle = member.is_some() && !group.rebalancing() && settled;
        let words = if idle { idle_words(group) } else { "-".into() };
        let room = area.right().saturating_sub(x);
        let words = if width(&words) > room { "idle" } else { &words };
        canvas.text(x, y, end, words, Role::Dim);
        return;
    }
    let lag: i64 = reads
        .iter()
        .filter_map(|place| state.cluster.lag(group, place))
        .sum();
    let room = |lag: &str| area.right().saturating_sub(x + width(lag) + 1);
    let few = words::places(columns.with_topics, reads, room(&lag.to_string()));
    let lag = match lag.to_string() {
        digits if width(&few) <= room(&digits) => digits,
        _ => words::figure(u64::try_from(lag).unwrap_or(0)),
    };
    canvas.text(x, y, end, &fit(&few, room(&lag)), Role::Text);
    canvas.right(x, y, area.right(), &lag, Role::Text);
}

/// Why somebody reads nothing: `idle: 3 partitions, 4 consumers`
fn idle_words(group: &Group) -> String {
    let partitions: usize = group
        .members
        .values()
        .map(|member| member.reads.len())
        .sum();
    let noun = if partitions == 1 {
        "partition"
    } else {
        "partitions"
    };
    let consumers = group.members.len();
    format!("idle: {partitions} {noun}, {consumers} consumers")
}

/// The sign and word of a member.
fn step(
    group: &Group,
    client: &str,
    member: Option<&Member>,
    status: Option<Status>,
) -> (&'static str, String, Role) {
    match status {
        Some(Status::Frozen) => return ("z", "FROZEN".into(), Role::WarningChip),
        Some(Status::Killed) => return ("✗", "KILLED".into(), Role::Dead),
        Some(Status::Stopped) => return ("✗", "left".into(), Role::Dim),
        Some(Status::Died { .. }) => return ("✗", "DIED".into(), Role::Dead),
        Some(Status::Planned | Status::Starting) if member.is_none() => {
            return ("◌", "starting".into(), Role::Dim);
        }
        _ => {}
    }
    if group.awaits(client) {
        return ("●", "asked".into(), Role::Warning);
    }
    if group.rebalancing() {
        return ("●", "joined".into(), Role::Good);
    }
    ("●", "up".into(), Role::Text)
}

/// When the group will miss a killed member.
fn notice(
    state: &State,
    since: Option<crate::state::Timestamp>,
    member: Option<&Member>,
) -> Option<String> {
    member?;
    let silent = state.now.since(since?);
    let left = CONSUMER_SESSION.saturating_sub(silent);
    Some(if left.is_zero() {
        "group notices now".to_owned()
    } else {
        format!("group notices in {:.1} s", left.as_secs_f64())
    })
}

/// `session.timeout.ms` of the playground's own consumers.
const CONSUMER_SESSION: std::time::Duration = std::time::Duration::from_secs(3);

/// Partitions that have records to read and nobody who reads them.
fn orphans(state: &State, group: &Group) -> Vec<(TopicPartition, i64)> {
    group
        .committed
        .keys()
        .chain(group.positions.keys())
        .collect::<std::collections::BTreeSet<_>>()
        .into_iter()
        .filter(|place| group.reader(place).is_none())
        .filter_map(|place| {
            state.cluster.partition(place)?;
            Some((place.clone(), state.cluster.lag(group, place).unwrap_or(0)))
        })
        .collect()
}

/// Lag over the last minute.
fn chart(canvas: &mut Canvas<'_>, state: &State, group: &Group, area: Rect) {
    let y = area.bottom() - 1;
    let now = state.cluster.group_lag(group).to_string();
    let x = canvas.text(area.x, y, area.right(), "lag 60 s  ", Role::Dim);
    let cells = usize::from(area.right().saturating_sub(x + width(&now) + 1)).min(60);
    let values: Vec<u64> = group
        .lag_history
        .iter()
        .map(|lag| u64::try_from(*lag).unwrap_or(0))
        .collect();
    let seconds = crate::state::LAG_SECONDS;
    for row in bars(&values, seconds, cells, 1) {
        canvas.text(x, y, area.right(), &row, Role::Text);
    }
    canvas.right(x, y, area.right(), &now, Role::Text);
}
