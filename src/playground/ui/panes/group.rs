//! A consumer group: its state, who joined, who reads what and how far behind.

use ratatui::layout::Rect;

use super::chart::bars;

use crate::{
    playground::{
        state::{Action, Group, GroupRow, Member, Pane, ProcessName, State, Status},
        ui::{
            canvas::{Canvas, Frame, fit, width},
            theme::Role,
            title, words,
        },
    },
    wire::TopicPartition,
};

/// A member is new for this long.
const NEW_FOR_SECONDS: u64 = 3;

/// Where pid, partitions and lag stand, from the pane's first column.
const PID: u16 = 16;
const READS: u16 = 22;

/// A pane with fewer columns has no pids.
const PIDS_FROM: u16 = 32;

/// Draws the pane with its frame.
pub fn draw(canvas: &mut Canvas<'_>, state: &State, area: Rect) {
    let name = &state.view.group;
    let group = state.cluster.groups.get(name);
    let note = group.map_or_else(String::new, note);
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

/// `gen 3`, and while a rebalance goes on `gen 3 -> 4`
fn note(group: &Group) -> String {
    match group.generation {
        Some(generation) if group.state == "PreparingRebalance" => {
            format!("gen {generation} -> {}", generation + 1)
        }
        Some(generation) => format!("gen {generation}"),
        None => String::new(),
    }
}

/// Draws what is inside the frame.
pub fn draw_inside(canvas: &mut Canvas<'_>, state: &State, area: Rect) {
    let end = area.right() + 1;
    let Some(group) = state.cluster.groups.get(&state.view.group) else {
        let hint = if state.is_ready() {
            let adds = state.view.keys.fill("{consumer add} adds a consumer");
            format!("Nobody reads {}.  {adds}", state.view.topic)
        } else {
            "No group yet.".to_owned()
        };
        canvas.nothing_yet(area, "Who reads what, and how far behind.", &hint);
        return;
    };
    let roomy = area.height >= 8;
    let mut y = area.y;
    state_line(canvas, group, area.x, y, end);
    y += 1;
    if group.rebalancing() {
        joined_line(canvas, state, group, area.x, y, end);
        y += 1;
    }
    if roomy {
        y += 1;
    }
    let head = if has_pids(area) {
        "pid   reads"
    } else {
        "reads"
    };
    canvas.text(area.x + PID, y, end, head, Role::Dim);
    let after = area.x + PID + width(head) + 1;
    canvas.right(after, y, area.right(), "lag", Role::Dim);
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
                    Action::Pick(name.clone())
                });
                row(canvas, state, group, name, area, y);
            }
            GroupRow::Group(name) => {
                let place = Rect::new(area.x, y, area.width, 1);
                canvas.spot(place, || Action::ShowGroup(name.clone()));
                let marked = state.view.focus == Pane::Group && *line == cursor;
                folded(canvas, state, name, area, (y, marked));
            }
        }
        y += 1;
    }
    if !orphans.is_empty() && y < bottom {
        let x = canvas.text(area.x, y, end, "nobody reads ", Role::Warning);
        let places: Vec<i32> = orphans.iter().map(|(place, _)| place.partition).collect();
        canvas.text(x, y, end, &words::few(&places), Role::Text);
        let lag: i64 = orphans.iter().map(|(_, lag)| lag).sum();
        canvas.right(x, y, area.right(), &lag.to_string(), Role::Text);
    }
    if roomy {
        chart(canvas, state, group, area);
    }
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
    let role = match group.state.as_str() {
        "Stable" => Role::Good,
        _ => Role::Warning,
    };
    let x = x.max(area.x + PID - 1);
    let state_name = fit(&group.state, room.saturating_sub(x + 1));
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

/// `Stable >  PreparingRebalance  > …`
fn state_line(canvas: &mut Canvas<'_>, group: &Group, x: u16, y: u16, end: u16) {
    match group.state.as_str() {
        "PreparingRebalance" => {
            let x = canvas.text(x, y, end, "Stable > ", Role::Dim);
            let x = canvas.text(x, y, end, " PreparingRebalance ", Role::WarningChip);
            canvas.text(x, y, end, " > …", Role::Dim);
        }
        "CompletingRebalance" => {
            let x = canvas.text(x, y, end, "… > ", Role::Dim);
            let x = canvas.text(x, y, end, " CompletingRebalance ", Role::WarningChip);
            canvas.text(x, y, end, " > Stable", Role::Dim);
        }
        "Stable" => {
            canvas.text(x, y, end, "Stable", Role::Good);
        }
        "" => {}
        state => {
            canvas.text(x, y, end, state, Role::Warning);
        }
    }
}

/// `2 of 3 joined, waiting for c2  0.5s`
fn joined_line(canvas: &mut Canvas<'_>, state: &State, group: &Group, x: u16, y: u16, end: u16) {
    let Some(since) = group.rebalance_since else {
        return;
    };
    let all = group.members.len();
    let joined = all.saturating_sub(group.awaited.len());
    let (x, waiting) = if group.awaited.is_empty() {
        (
            canvas.text(x, y, end, &format!("all {all} joined"), Role::Text),
            String::new(),
        )
    } else {
        let words = format!("{joined} of {all} joined, waiting for ");
        let x = canvas.text(x, y, end, &words, Role::Text);
        (x, fit(&group.awaited.join(" "), end.saturating_sub(x + 6)))
    };
    let x = canvas.text(x, y, end, &waiting, Role::Warning);
    let seconds = format!("  {:.1}s", state.now.since(since).as_secs_f64());
    canvas.text(x, y, end, &seconds, Role::Text);
}

fn row(
    canvas: &mut Canvas<'_>,
    state: &State,
    group: &Group,
    name: &ProcessName,
    area: Rect,
    y: u16,
) {
    let end = area.right() + 1;
    let ProcessName::Consumer(client) = name else {
        return;
    };
    let member = group.members.get(client);
    let process = state.cluster.processes.get(name);
    let picked = state.view.picked == *name && state.view.group_row.is_none();
    if picked {
        canvas.text(area.x - 1, y, end, "►", Role::Focus);
    }
    let x = canvas.text(area.x, y, end, &format!("{} ", fit(client, 8)), Role::Text);
    let (sign, word, role) = step(group, client, member, process.map(|known| known.status));
    let x = canvas.text(x, y, end, &format!("{sign} "), Role::Text);
    let mut x = canvas.text(x, y, end, &word, role);
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
    // A member that is no process of ours has no pid here.
    let pid = match process {
        Some(process) => process
            .pid
            .map_or_else(|| "-".to_owned(), |pid| pid.to_string()),
        None => "other".to_owned(),
    };
    let x = if has_pids(area) {
        let x = canvas.text(x, y, end, &pid, Role::Text);
        (x + 1).max(if new { 0 } else { area.x + READS })
    } else {
        x
    };
    let reads: Vec<&TopicPartition> = member
        .into_iter()
        .flat_map(|member| &member.reads)
        .collect();
    if reads.is_empty() {
        let idle = member.is_some() && !group.rebalancing() && group.state == "Stable";
        let words = if idle { idle_words(group) } else { "-".into() };
        let room = area.right().saturating_sub(x);
        let words = if width(&words) > room { "idle" } else { &words };
        canvas.text(x, y, end, words, Role::Dim);
        return;
    }
    let places: Vec<i32> = reads.iter().map(|place| place.partition).collect();
    let lag: i64 = reads
        .iter()
        .filter_map(|place| state.cluster.lag(group, place))
        .sum();
    let few = words::few(&places);
    let room = |lag: &str| area.right().saturating_sub(x + width(lag) + 1);
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

/// What a member reads matters more than its pid, where there is no room for both.
fn has_pids(area: Rect) -> bool {
    area.width >= PIDS_FROM
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
    if group.awaited.iter().any(|awaited| awaited == client) {
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
    since: Option<crate::playground::state::Timestamp>,
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
    let seconds = crate::playground::state::LAG_SECONDS;
    for row in bars(&values, seconds, cells, 1) {
        canvas.text(x, y, area.right(), &row, Role::Text);
    }
    canvas.right(x, y, area.right(), &now, Role::Text);
}
