//! The boxes: one for each broker and one for `ZooKeeper`.
//!
//! ```text
//! ╭┄ ► 3 ✗ KILLED  2.8 s ago ┄┄╮
//! ┆ :9094   was pid 4123       ┆
//! ┆ led p2, now broker 1 does  ┆
//! ┆ session □□□□□□ expired 1.5s┆
//! ╰┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄╯
//! ```

use ratatui::layout::Rect;

use super::{
    dead_broker, process_table,
    quorum::{in_box, in_small_box},
    small_box::small_line,
    zookeeper_box::zookeeper,
};
use crate::{
    state::{Action, Pane, Process, ProcessName, Quorum, ScreenAction, Standstill, State, Status},
    ui::{
        canvas::{Canvas, Frame, fit, width},
        theme::Role,
        words,
    },
};
use wire::BrokerId;

pub(super) type Line = Vec<(Role, String)>;

/// Narrower boxes become cells of a table.
pub const BOX_WIDTH_MIN: u16 = 17;

/// With less room inside, the title has none for the controller.
const IN_TITLE: u16 = 20;

/// Draws the boxes.
pub fn draw(canvas: &mut Canvas<'_>, state: &State, area: Rect) {
    let boxes: Vec<&Process> = state
        .cluster
        .brokers()
        .chain(state.cluster.processes.get(&ProcessName::ZooKeeper))
        .collect();
    let quorum = state.cluster.quorum.as_ref();
    let count = boxes.len() + usize::from(quorum.is_some());
    let count = u16::try_from(count).unwrap_or(u16::MAX).max(1);
    let in_row = (area.width / BOX_WIDTH_MIN).clamp(1, count);
    if count > in_row {
        process_table::draw(canvas, state, &boxes, area);
        return;
    }
    let mut left = area.left();
    for index in 0..usize::from(count) {
        let upto = u32::from(area.width) * (u32::try_from(index).unwrap_or(0) + 1);
        let right = area.left() + u16::try_from(upto / u32::from(count)).unwrap_or(area.width);
        let place = Rect::new(left, area.top(), right - left, area.height);
        match (boxes.get(index), quorum) {
            (Some(process), _) => draw_box(canvas, state, process, place),
            (None, Some(quorum)) => quorum_box(canvas, state, quorum, place),
            (None, None) => {}
        }
        left = right;
    }
}

/// The box in the place of `ZooKeeper`'s.
fn quorum_box(canvas: &mut Canvas<'_>, state: &State, quorum: &Quorum, area: Rect) {
    let zookeeper = ProcessName::ZooKeeper;
    let picked = zookeeper == state.view.picked;
    canvas.spot(area, || Action::Screen(ScreenAction::Pick(zookeeper)));
    let silent = quorum.silent_since.is_some();
    let mut title: Line = Vec::new();
    if picked {
        title.push((Role::Focus, "► ".into()));
    }
    title.push(if silent {
        (Role::WarningChip, "0 ◌ quorum".into())
    } else {
        (Role::Strong, "0 ◆ quorum".into())
    });
    let frame = Frame {
        title,
        note: "",
        focused: picked && state.view.focus == Pane::Processes,
        dashed: silent,
    };
    let inside = canvas.frame(area, &frame);
    let end = inside.right() + 1;
    if area.height < 5 {
        let (role, words) = in_small_box(&quorum.seen, inside.right() - inside.x);
        canvas.text(inside.x, inside.y, end, &words, role);
        return;
    }
    let lines = in_box(&quorum.seen, end - inside.x);
    for (y, line) in (inside.top()..inside.bottom()).zip(&lines) {
        whole_pieces(canvas, line, (inside.x, y, end));
    }
}

fn draw_box(canvas: &mut Canvas<'_>, state: &State, process: &Process, area: Rect) {
    canvas.spot(area, || {
        Action::Screen(ScreenAction::Pick(process.name.clone()))
    });
    let picked = process.name == state.view.picked && state.is_ready();
    let small = area.height < 5;
    let title = title(state, process, picked, area.width.saturating_sub(6));
    let frame = Frame {
        title,
        note: "",
        focused: picked && state.view.focus == Pane::Processes,
        dashed: !matches!(process.status, Status::Up | Status::Frozen | Status::Silent),
    };
    let inside = canvas.frame(area, &frame);
    let end = inside.right() + 1;
    if small {
        let (left, right) = small_line(state, process, inside.right() - inside.x);
        let after = canvas.pieces(inside.x, inside.y, inside.right(), &left);
        if width(&right) < inside.right().saturating_sub(after) {
            canvas.right(after, inside.y, inside.right() - 1, &right, Role::Text);
        }
        return;
    }
    let room = end - inside.x;
    let lines = match process.name {
        ProcessName::ZooKeeper => zookeeper(state, process, room),
        _ => broker(state, process, room),
    };
    for (y, line) in (inside.top()..inside.bottom()).zip(&lines) {
        whole_pieces(canvas, line, (inside.x, y, end));
    }
}

/// Writes the pieces that fit whole; the first is cut if it must be.
fn whole_pieces(canvas: &mut Canvas<'_>, line: &Line, (mut x, y, end): (u16, u16, u16)) {
    for (index, (role, words)) in line.iter().enumerate() {
        if index > 0 && x + width(words) > end {
            break;
        }
        let words = fit(words, end.saturating_sub(x));
        x = canvas.text(x, y, end, &words, *role);
    }
}

fn title(state: &State, process: &Process, picked: bool, room: u16) -> Line {
    let small = state.view.narrow();
    let (sign, word) = words::status(process);
    let id = match process.name {
        ProcessName::Broker(id) => id.to_string(),
        _ => "0".to_owned(),
    };
    let mut pieces: Line = Vec::new();
    if picked {
        pieces.push((Role::Focus, "► ".into()));
    }
    let name = match process.name {
        ProcessName::ZooKeeper if small && process.status == Status::Up => "ZooKeeper".to_owned(),
        // Who was killed by hand is named inside.
        ProcessName::ZooKeeper if process.status.is_gone() && process.intent.is_some() => word,
        ProcessName::ZooKeeper => format!("ZooKeeper {word}"),
        _ => word,
    };
    let sign = if sign == "●" && canvas_is_ascii(state) {
        "*"
    } else {
        sign
    };
    let mut head = format!("{id} {sign} {name}");
    if process.broker().is_none() && width(&head) > room && !small {
        head = match process.status {
            Status::Up => format!("{id} {sign} ZooKeeper"),
            _ => format!("{id} {sign} {}", words::status(process).1),
        };
    }
    if process.status.is_gone() {
        // The chip reaches over the blanks around the words.
        if let Some((_, before)) = pieces.last_mut() {
            "►".clone_into(before);
        }
        let chip = if picked {
            format!(" {head} ")
        } else {
            format!("{head} ")
        };
        let since = words::ago(state.now.since(process.since));
        let taken = width(&chip) + u16::from(picked);
        pieces.push((Role::DeadChip, chip));
        let ways = if process.status == Status::Gone {
            [
                format!(" {since}: not in the metadata"),
                format!(" {since}"),
            ]
        } else {
            [format!(" {since} ago"), format!(" {since}")]
        };
        let way = ways
            .into_iter()
            .find(|way| !small && taken + width(way) <= room + 1);
        pieces.extend(way.map(|way| (Role::Dead, way)));
        return pieces;
    }
    let role = if matches!(process.status, Status::Frozen | Status::Silent) {
        Role::WarningChip
    } else {
        Role::Strong
    };
    let taken = width(&head) + if picked { 2 } else { 0 };
    pieces.push((role, head));
    if process.status == Status::Frozen && !small {
        let since = words::ago(state.now.since(process.since));
        let ways = [format!("  for {since}"), format!("  {since}")];
        let ways = ways.into_iter().find(|way| taken + width(way) <= room);
        pieces.extend(ways.map(|way| (Role::Warning, way)));
    }
    let controls = process.broker().is_some()
        && state.cluster.controller.map(|(id, _)| id) == process.broker();
    if controls && process.status == Status::Up {
        let left = room.saturating_sub(taken);
        let (gap, word) = match left {
            13.. => ("   ", "controller"),
            11.. => (" ", "controller"),
            8.. if small => (" ", "control"),
            _ => ("", ""),
        };
        pieces.push((Role::Focus, format!("{gap}{word}")));
    }
    pieces
}

fn canvas_is_ascii(state: &State) -> bool {
    state.view.appearance.glyphs == crate::state::Glyphs::Ascii
}

/// What it does, and for how long, if there is room for that.
pub(super) fn lasts(what: &str, since: &str) -> Line {
    vec![
        (Role::Text, what.to_owned()),
        (Role::Text, format!("  {since}")),
    ]
}

pub(super) fn text(role: Role, words: impl Into<String>) -> Line {
    vec![(role, words.into())]
}

/// `:9092   pid 4121    9 MB`
pub(super) fn address(process: &Process, role: Role) -> Line {
    if !process.ours {
        return text(role, process.address.clone().unwrap_or_default());
    }
    let port = process
        .port()
        .map_or_else(String::new, |port| format!(":{port}"));
    let pid = match (process.pid, process.status.is_gone()) {
        (Some(pid), false) => format!("   pid {pid}"),
        (Some(pid), true) => format!("   was pid {pid}"),
        (None, _) => String::new(),
    };
    let memory = process.rss_bytes.map_or_else(String::new, |bytes| {
        format!("  {:>6}", words::memory(bytes))
    });
    vec![(role, port), (role, pid), (role, memory)]
}

/// Where it listens, and how connections there are secured.
fn listener(state: &State, process: &Process) -> Line {
    let mut line = address(process, Role::Text);
    let secured = state.setup.reach.secured();
    line.extend(secured.map(|how| (Role::Dim, format!("   {how}"))));
    line
}

fn broker(state: &State, process: &Process, room: u16) -> Vec<Line> {
    let Some(id) = process.broker() else {
        return Vec::new();
    };
    match process.status {
        status if status.is_gone() => gone(state, process, id, room),
        Status::Planned | Status::Starting => {
            let since = words::seconds(state.now.since(process.since));
            let waits = state
                .cluster
                .processes
                .get(&ProcessName::ZooKeeper)
                .is_none_or(|zookeeper| zookeeper.status != Status::Up);
            let what = if waits {
                "waits for ZooKeeper"
            } else {
                "starting"
            };
            vec![address(process, Role::Text), lasts(what, &since)]
        }
        _ => vec![
            listener(state, process),
            roles(state, id, room),
            third(state, process, id, room),
        ],
    }
}

/// `leads ◆ p0 p2  follows p1`
fn roles(state: &State, id: BrokerId, room: u16) -> Line {
    let (leads, follows) = state.cluster.roles(id, &state.view.topic);
    if leads.is_empty() && follows.is_empty() {
        return vec![
            (Role::Dim, "keeps nothing".into()),
            (Role::Dim, format!(" of {}", state.view.topic)),
        ];
    }
    if leads.is_empty() {
        let few = words::few(&follows);
        let ways = [
            format!("only follows {few}"),
            format!("follows {few}"),
            format!("follows {}", words::counted(follows.len())),
        ];
        let way = ways.into_iter().find(|way| width(way) <= room);
        return text(Role::Text, way.unwrap_or_default());
    }
    let mut line: Line = vec![
        (Role::Text, "leads ".into()),
        (Role::Focus, format!("◆ {}", words::few(&leads))),
    ];
    if !follows.is_empty() {
        let gap = if leads.len() > 1 { "  " } else { "   " };
        line.push((Role::Text, format!("{gap}follows {}", words::few(&follows))));
    }
    line
}

fn third(state: &State, process: &Process, id: BrokerId, room: u16) -> Line {
    if process.status == Status::Frozen {
        return dead_broker::session(state, process, id, room);
    }
    if process.status == Status::Silent {
        let since = words::ago(state.now.since(process.since));
        return vec![
            (Role::Warning, "does not answer".to_owned()),
            (Role::Warning, format!(" for {since}")),
        ];
    }
    if let Some(rack) = &process.rack {
        return text(Role::Dim, format!("rack {rack}"));
    }
    if let Some(line) = waits_for_dead(state, id, room) {
        return line;
    }
    let picked = if process.name == state.view.picked {
        2
    } else {
        0
    };
    if state.cluster.is_controller(id) && room < IN_TITLE + picked {
        return text(Role::Focus, "controller");
    }
    let coordinates = state
        .cluster
        .groups
        .iter()
        .find(|(name, group)| group.coordinator == Some(id) && **name == state.view.group);
    if let Some((group, _)) = coordinates {
        return vec![
            (Role::Dim, "coordinator".into()),
            (Role::Dim, format!(" of {group}")),
        ];
    }
    match state.cluster.controller {
        Some((controller, _)) if controller == id && state.cluster.produced.sent == 0 => {
            let whole = "it asked ZooKeeper first";
            let words = if width(whole) <= room {
                whole
            } else {
                "it asked first"
            };
            text(Role::Dim, words)
        }
        Some((controller, since)) if controller == id => {
            let clock = since.clock(state.setup.utc_offset_s);
            vec![
                (Role::Dim, "controller".into()),
                (Role::Dim, format!(" since {clock}")),
            ]
        }
        _ => Line::new(),
    }
}

/// `p2 waits for 2, p0 goes on`: what a live leader can acknowledge while no ISR shrinks.
fn waits_for_dead(state: &State, id: BrokerId, room: u16) -> Option<Line> {
    let topic = state.cluster.topics.get(&state.view.topic)?;
    let (mut waits, mut on) = (Vec::new(), Vec::new());
    let mut dead = Vec::new();
    let led = topic.partitions.iter();
    for partition in led.filter(|partition| partition.seen.leader == Some(id)) {
        match state.cluster.standstill(partition) {
            Some(Standstill::IsrStands { silent }) => {
                waits.push(partition.seen.partition);
                dead.extend(silent);
            }
            _ => on.push(partition.seen.partition),
        }
    }
    if waits.is_empty() {
        return None;
    }
    dead.sort_unstable();
    dead.dedup();
    let wait = if waits.len() == 1 { "waits" } else { "wait" };
    let goes = if on.len() == 1 { "goes" } else { "go" };
    let words = format!("{} {wait} for {}", words::few(&waits), words::listed(&dead));
    let on = match on.as_slice() {
        [] => String::new(),
        on => format!(", {} {goes} on", words::few(on)),
    };
    let on = if width(&words) + width(&on) <= room {
        on
    } else {
        String::new()
    };
    Some(vec![(Role::Warning, words), (Role::Text, on)])
}

fn gone(state: &State, process: &Process, id: BrokerId, room: u16) -> Vec<Line> {
    let mut lines = dead_broker::stuck(state, id, room);
    let died = matches!(process.status, Status::Died { .. }) && !process.log.is_empty();
    if died {
        // Of what stands still the second line says most.
        let stuck = lines.into_iter().nth(1);
        let first = stuck.unwrap_or_else(|| address(process, Role::Dead));
        return [first]
            .into_iter()
            .chain(dead_broker::last_words(process))
            .collect();
    }
    if lines.is_empty() {
        lines = vec![
            address(process, Role::Dead),
            dead_broker::after_it(state, process, id, room),
            if process.status == Status::Gone {
                text(Role::Dead, "not in the metadata")
            } else {
                dead_broker::session(state, process, id, room)
            },
        ];
    }
    lines
}
