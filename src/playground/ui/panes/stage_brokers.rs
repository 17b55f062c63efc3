//! The brokers as columns, large enough for the last row of a hall: no pids, ports or milliseconds.
//!
//! ```text
//! ╭─ broker 1 ────────────────────╮╭┄  broker 3  ✗ KILLED  ┄┄┄┄┄┄┄┄╮
//! │ ◆ p0  │ 41 │ 42 ┃ 43 ┊ 44 ┊   │┆ ✗ p0  ┊ 32 ┊ 33 ┊ 34 ┊ 35 ┊   ┆
//! ```

use ratatui::layout::Rect;

use crate::{
    state::{Pane, Partition, Process, State, Status},
    ui::{
        canvas::{Canvas, Frame, width},
        theme::Role,
        words,
    },
};
use wire::{BrokerId, Offset, TopicPartition};

/// A column narrower than this has no cells.
const COLUMN_MIN: u16 = 12;

/// Columns of ` ◆ p0  `.
const LABEL: u16 = 7;

/// Draws the columns.
pub fn draw(canvas: &mut Canvas<'_>, state: &State, area: Rect) {
    let brokers: Vec<&Process> = state.cluster.brokers().collect();
    let fit = usize::from((area.width / COLUMN_MIN).max(1));
    let count = u16::try_from(brokers.len().min(fit)).unwrap_or(1).max(1);
    let column = area.width / count;
    let rows = state
        .cluster
        .topics
        .get(&state.view.topic)
        .map_or(0, |topic| topic.partitions.len());
    let rows = u16::try_from(rows).unwrap_or(u16::MAX);
    // Air above and between where there is room.
    let above = u16::from(rows.saturating_mul(2) + 4 <= area.height || rows + 3 < area.height);
    let height = area.height - above;
    for (broker, index) in brokers.iter().take(fit).zip(0_u16..) {
        let place = Rect::new(area.x + index * column, area.y + above, column, height);
        draw_column(canvas, state, broker, place);
    }
}

fn draw_column(canvas: &mut Canvas<'_>, state: &State, process: &Process, area: Rect) {
    let Some(id) = process.broker() else { return };
    let alive = matches!(process.status, Status::Up | Status::Frozen);
    let frame = Frame {
        title: title(state, process, id, area.width.saturating_sub(6)),
        note: "",
        focused: state.view.picked == process.name,
        dashed: !alive,
    };
    let inside = canvas.frame(area, &frame);
    let Some(topic) = state.cluster.topics.get(&state.view.topic) else {
        return;
    };
    let count = topic.partitions.len();
    let airy = count * 2 < usize::from(inside.height);
    let step = if airy { 2 } else { 1 };
    let room = usize::from(inside.height.saturating_sub(u16::from(airy)) / step);
    let picked = usize::try_from(state.view.partition).unwrap_or(0);
    let first = picked
        .saturating_sub(room / 2)
        .min(count.saturating_sub(room));
    let rows = (inside.y + u16::from(airy)..inside.bottom()).step_by(usize::from(step));
    for (partition, y) in topic.partitions.iter().skip(first).zip(rows) {
        if partition.seen.replicas.contains(&id) {
            let place = (inside.x - 1, y, inside.right() + 1);
            replica(canvas, state, (partition, id), process.status, place);
        }
    }
}

fn title(state: &State, process: &Process, id: BrokerId, room: u16) -> Vec<(Role, String)> {
    let (sign, word) = words::status(process);
    let word = word.split("  ").next().unwrap_or_default();
    let role = match process.status {
        Status::Up => Role::Strong,
        Status::Frozen | Status::Silent => Role::WarningChip,
        status if status.is_gone() => Role::DeadChip,
        _ => Role::Dim,
    };
    let state_of = |gap: &str| match process.status {
        Status::Up => String::new(),
        _ => format!("{gap}{sign} {word}"),
    };
    let chip = matches!(role, Role::WarningChip | Role::DeadChip);
    let air = if chip { " " } else { "" };
    let controls = state.cluster.is_controller(id) && !process.status.is_gone();
    let controller = |gap: &str| {
        if controls {
            format!("{gap}controller")
        } else {
            String::new()
        }
    };
    // With less room the words come closer, and the last that goes is the number.
    let ways = [
        (
            format!("{air}broker {id}{}{air}", state_of("  ")),
            controller("   "),
        ),
        (
            format!("{air}broker {id}{}{air}", state_of(" ")),
            controller(" "),
        ),
        (format!("{air}{id}{}{air}", state_of(" ")), controller(" ")),
        (format!("{air}{id} {sign}{air}"), String::new()),
    ];
    let fits = |(name, controller): &&(String, String)| width(name) + width(controller) <= room;
    let (name, controller) = ways.iter().find(fits).cloned().unwrap_or_default();
    vec![(role, name), (Role::Focus, controller)]
}

/// `◆ p0  │ 41 │ 42 ┃ 43 ┊ 44 ┊`
fn replica(
    canvas: &mut Canvas<'_>,
    state: &State,
    (partition, broker): (&Partition, BrokerId),
    status: Status,
    (x, y, end): (u16, u16, u16),
) {
    let leads = partition.seen.leader == Some(broker);
    let in_sync = partition.seen.isr.contains(&broker);
    let gone = status.is_gone();
    let (sign, role) = match (gone, leads, in_sync) {
        (true, ..) => ("✗", Role::Dead),
        (_, true, _) => ("◆", Role::Leader),
        (_, _, true) => ("●", Role::Text),
        (_, _, false) => ("◌", Role::Warning),
    };
    let index = partition.seen.partition;
    canvas.text(x, y, end, &format!(" {sign} p{index} "), role);
    let Some(upto) = partition.ends.get(&broker).copied() else {
        return;
    };
    let upto = if leads && !gone {
        partition.log_end()
    } else {
        upto
    };
    let digits = usize::from(width(&upto.0.to_string()).max(2));
    let cell = u16::try_from(digits).unwrap_or(2) + 3;
    let from = x + LABEL.max(width(&format!(" {sign} p{index}  ")));
    let cells = end.saturating_sub(from + 1) / cell;
    // What is alive is lined up with the leader's cells, so that the eye sees who is behind.
    let window = |end: i64| (end - i64::from(cells)).max(partition.log_start.0);
    let first = match window(partition.log_end().0) {
        aligned if !gone && aligned < upto.0 => aligned,
        _ => window(upto.0),
    };
    let place = TopicPartition::new(&state.view.topic, index);
    let lane = state.cluster.flow.lane(&place);
    let written = lane.and_then(|lane| lane.written.as_ref());
    let still = state.view.appearance.reduced_motion;
    let fresh = written.filter(|word| leads && !still && state.just_changed(Some(word.at)));
    let high = partition.high_watermark.0;
    let boundary = |offset: i64| match offset {
        _ if gone => ("┊", Role::Dim),
        offset if leads && offset == high => ("┃", Role::HighWatermark),
        offset if leads && offset > high => ("┊", Role::Dim),
        _ => ("│", Role::Dim),
    };
    let mut column = from;
    for offset in first..upto.0 {
        let (mark, role) = boundary(offset);
        let after = canvas.text(column, y, end, mark, role);
        let role = match offset {
            _ if gone || (leads && offset >= high) => Role::Dim,
            offset if fresh.is_some_and(|word| word.offset == Offset(offset)) => Role::Flash,
            _ => Role::Text,
        };
        canvas.text(after, y, end, &format!(" {offset:>digits$} "), role);
        column += cell;
    }
    let (mark, role) = boundary(upto.0.max(first));
    canvas.text(column, y, end, mark, role);
}

/// Whether the stage is what is shown: then there are no pids, ports and commands around it either.
pub fn is_on(state: &State) -> bool {
    state.view.form().panes().contains(&Pane::StageBrokers)
}
