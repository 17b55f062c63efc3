//! Every partition of a topic as a cell: who leads it, and how many replicas are in sync.
//!
//! ```text
//!      +0  +1  +2
//! p0   ◆3  ◇2  ✗1
//! ```

use ratatui::layout::Rect;

use crate::{
    state::{Action, Pane, Partition, ScreenAction, State, Topic},
    ui::{
        canvas::{Canvas, Frame, width},
        theme::Role,
        title,
    },
};

/// What the signs mean; the longest that fits.
const LEGEND: [&str; 2] = [
    "◆ preferred leads  ◇ another  3 in sync",
    "◆ preferred ◇ another",
];

/// The same where nobody leads something.
const LEGEND_OFFLINE: [&str; 2] = [
    "◆ preferred leads  ◇ another  ✗ nobody",
    "◇ another  ✗ nobody",
];

/// Draws the pane with its frame.
pub fn draw(canvas: &mut Canvas<'_>, state: &State, area: Rect) {
    let words = format!("Partitions of {}", state.view.topic);
    let frame = Frame {
        title: title(state, Pane::Partitions, words),
        note: &note(
            state,
            area.height.saturating_sub(2),
            area.width.saturating_sub(4),
        ),
        focused: state.view.focus == Pane::Partitions,
        dashed: false,
    };
    let inside = canvas.frame(area, &frame);
    draw_inside(canvas, state, inside);
}

/// Draws what is inside the frame.
pub fn draw_inside(canvas: &mut Canvas<'_>, state: &State, area: Rect) {
    let Some(topic) = topic(state) else {
        canvas.nothing_yet(area, "A cell for each partition.", "It needs a topic.");
        return;
    };
    let grid = state.partition_grid(area.width);
    let (above, rows, has_legend) = lines(topic, &grid, area.height);
    let end = area.right() + 1;
    for column in 0..grid.columns {
        let x = area.x + grid.name + u16::try_from(column).unwrap_or(0) * grid.cell;
        canvas.text(x, area.y, end, &format!("+{column}"), Role::Dim);
    }
    let top = grid.top(at(state), topic.partitions.len(), rows);
    let shown = topic.partitions.chunks(grid.columns).enumerate();
    for ((row, partitions), line) in shown.skip(top).take(rows).zip(0_u16..) {
        let y = area.y + above + line;
        let name = format!("p{}", row * grid.columns);
        canvas.text(area.x, y, end, &name, Role::Dim);
        for (partition, column) in partitions.iter().zip(0_u16..) {
            let x = area.x + grid.name + column * grid.cell;
            cell(canvas, state, topic, partition, (x, y, end));
        }
    }
    if has_legend {
        let offline = topic.partitions.iter().any(|it| it.seen.leader.is_none());
        let legend = if offline { LEGEND_OFFLINE } else { LEGEND };
        let fits = |legend: &&str| width(legend) <= end - area.x;
        if let Some(legend) = legend.into_iter().find(fits) {
            canvas.text(area.x, area.bottom() - 1, end, legend, Role::Dim);
        }
    }
}

fn topic(state: &State) -> Option<&Topic> {
    let topic = state.cluster.topics.get(&state.view.topic)?;
    (!topic.partitions.is_empty()).then_some(topic)
}

fn at(state: &State) -> usize {
    usize::try_from(state.view.partition).unwrap_or(0)
}

/// Lines above the first row, rows that are shown, and whether there is room for what the signs mean.
fn lines(topic: &Topic, grid: &crate::state::Grid, height: u16) -> (u16, usize, bool) {
    let all = u16::try_from(grid.rows(topic.partitions.len())).unwrap_or(u16::MAX);
    let (above, below) = [(2, 2), (1, 1), (1, 0)]
        .into_iter()
        .find(|(above, below)| all <= height.saturating_sub(above + below))
        .unwrap_or((1, 0));
    let rows = height.saturating_sub(above + below).min(all);
    (above, usize::from(rows), below > 0)
}

/// `RF 3`, or which rows these are.
fn note(state: &State, height: u16, room: u16) -> String {
    let Some(topic) = topic(state) else {
        return String::new();
    };
    let copies = topic.partitions.iter().map(|it| it.seen.replicas.len());
    let copies = copies.max().unwrap_or(0);
    let grid = state.partition_grid(room);
    let (_, rows, _) = lines(topic, &grid, height);
    let all = grid.rows(topic.partitions.len());
    if rows >= all {
        return format!("RF {copies}");
    }
    let top = grid.top(at(state), topic.partitions.len(), rows);
    format!("rows {}-{} of {all}", top + 1, top + rows)
}

fn cell(
    canvas: &mut Canvas<'_>,
    state: &State,
    topic: &Topic,
    partition: &Partition,
    (x, y, end): (u16, u16, u16),
) {
    let seen = &partition.seen;
    let index = seen.partition;
    canvas.spot(Rect::new(x, y, 3, 1), || {
        Action::Screen(ScreenAction::PickPartition(index))
    });
    let (sign, role) = match seen.leader {
        None => ("✗", Role::Dead),
        Some(_) if partition.is_astray() => ("◇", Role::Warning),
        Some(_) => ("◆", Role::Focus),
    };
    let after = canvas.text(x, y, end, sign, role);
    let least = topic
        .min_insync_replicas
        .and_then(|it| usize::try_from(it).ok());
    let role = match seen.isr.len() {
        few if least.is_some_and(|least| few < least) => Role::Dead,
        some if some < seen.replicas.len() => Role::Warning,
        _ => Role::Text,
    };
    canvas.text(after, y, end, &seen.isr.len().to_string(), role);
    if state.view.focus == Pane::Partitions && state.view.partition == index {
        canvas.tone(x, y, 2, Role::Selected);
    } else if state.just_changed(partition.changed_at) && !state.view.appearance.reduced_motion {
        canvas.tone(x, y, 2, Role::Flash);
    }
}
