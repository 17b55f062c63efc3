//! Every broker as a cell: its state, its id, how many partitions it leads.
//!
//! ```text
//!  ●  1 2 ✗  2   ●  3 2 c  4 1 z  5 1►✗  6
//! ```

use ratatui::layout::Rect;

use crate::{
    state::{
        Action, Grid, Leads, Pane, Process, ProcessName, ScreenAction, State, Status, grouped,
    },
    ui::{
        canvas::{Canvas, Frame},
        theme::Role,
        title, words,
    },
};

/// What the signs mean.
const LEGEND: &str = "● up   c controller   z frozen   ✗ dead   ► picked   1 2 leads so many";

/// Draws the pane with its frame.
pub fn draw(canvas: &mut Canvas<'_>, state: &State, area: Rect) {
    let inside = Rect::new(
        0,
        0,
        area.width.saturating_sub(4),
        area.height.saturating_sub(2),
    );
    let shown = Shown::of(state, inside);
    let note = match state.view.filter(Pane::Brokers) {
        Some(filter) if state.view.filtered_by_hand(Pane::Brokers) => {
            words::filter_note(state, filter)
        }
        Some(filter) => format!("{filter} only"),
        None => shown.note(),
    };
    let frame = Frame {
        title: title(state, Pane::Brokers, Pane::Brokers.title()),
        note: &note,
        focused: state.view.focus == Pane::Brokers,
        dashed: false,
    };
    let inside = canvas.frame(area, &frame);
    draw_inside(canvas, state, inside);
}

/// Draws what is inside the frame.
pub fn draw_inside(canvas: &mut Canvas<'_>, state: &State, area: Rect) {
    let shown = Shown::of(state, area);
    let end = area.right() + 1;
    zookeeper(canvas, state, (area.x, area.y, end));
    if let (true, Some(filter)) = (shown.cells.is_empty(), state.view.filter(Pane::Brokers)) {
        let words = words::no_match(state, filter);
        canvas.text(area.x, area.y + shown.above, end, &words, Role::Dim);
    }
    let leads = state.leads();
    let cells = shown.cells.iter().enumerate();
    for (index, process) in cells.skip(shown.first()).take(shown.count()) {
        let index = index - shown.first();
        let row = u16::try_from(index / shown.grid.columns).unwrap_or(u16::MAX);
        let column = u16::try_from(index % shown.grid.columns).unwrap_or(0);
        let x = area.x + column * shown.grid.cell;
        let y = area.y.saturating_add(shown.above).saturating_add(row);
        let place = Rect::new(x, y, shown.grid.cell, 1);
        canvas.spot(place, || {
            Action::Screen(ScreenAction::Pick(process.name.clone()))
        });
        let leads = process.broker().and_then(|id| leads.get(&id)).copied();
        cell(canvas, state, process, leads.unwrap_or_default(), place);
    }
    if shown.has_legend {
        canvas.text(area.x, area.bottom() - 1, end, LEGEND, Role::Dim);
    }
}

/// The brokers, and which of their rows are shown.
struct Shown<'a> {
    cells: Vec<&'a Process>,
    grid: Grid,
    /// The first row and how many rows.
    top: usize,
    rows: usize,
    /// Lines above the first row.
    above: u16,
    has_legend: bool,
}

impl<'a> Shown<'a> {
    fn of(state: &'a State, area: Rect) -> Self {
        let cells: Vec<&Process> = state.broker_cells().collect();
        let grid = state.broker_grid(area.width);
        let all = u16::try_from(grid.rows(cells.len())).unwrap_or(u16::MAX);
        // The blank lines go first, then what the signs mean.
        let room = area.height.saturating_sub(1);
        let (above, below) = [(2, 2), (1, 1), (1, 0)]
            .into_iter()
            .find(|(above, below)| all <= (room + 1).saturating_sub(above + below))
            .unwrap_or((1, 0));
        let rows = usize::from((room + 1).saturating_sub(above + below).min(all));
        let at = state.broker_place(&state.view.picked).unwrap_or(0);
        Self {
            top: grid.top(at, cells.len(), rows),
            rows,
            above,
            has_legend: below > 0,
            cells,
            grid,
        }
    }

    fn first(&self) -> usize {
        self.top * self.grid.columns
    }

    fn count(&self) -> usize {
        self.rows * self.grid.columns
    }

    /// `rows 1-10 of 25, 150 hidden: 3 ✗ below`
    fn note(&self) -> String {
        let all = self.grid.rows(self.cells.len());
        let mut note = format!(
            "rows {}-{} of {all}",
            (self.top + 1).min(all),
            (self.top + self.rows).min(all)
        );
        let dead = |cells: &[&Process]| cells.iter().filter(|it| it.status.is_gone()).count();
        let (above, rest) = self.cells.split_at(self.first().min(self.cells.len()));
        let (_, below) = rest.split_at(self.count().min(rest.len()));
        let hidden = above.len() + below.len();
        if hidden > 0 {
            note = format!("{note}, {hidden} hidden");
            let sides = [(dead(above), "above"), (dead(below), "below")];
            let told = sides.iter().filter(|(dead, _)| *dead > 0);
            let told: Vec<String> = told
                .map(|(dead, side)| format!("{dead} ✗ {side}"))
                .collect();
            if !told.is_empty() {
                note = format!("{note}: {}", told.join(", "));
            }
        }
        note
    }
}

/// `0 ● ZooKeeper UP   sessions 80 of 100   znodes 1,204   watches 320`
fn zookeeper(canvas: &mut Canvas<'_>, state: &State, (x, y, end): (u16, u16, u16)) {
    let Some(process) = state.cluster.processes.get(&ProcessName::ZooKeeper) else {
        return;
    };
    canvas.spot(Rect::new(x, y, end - x, 1), || {
        Action::Screen(ScreenAction::Pick(ProcessName::ZooKeeper))
    });
    if state.view.picked == ProcessName::ZooKeeper {
        canvas.text(x - 1, y, end, "►", Role::Focus);
    }
    let (sign, word) = words::status(process);
    let role = match process.status {
        status if status.is_gone() => Role::DeadChip,
        Status::Frozen => Role::WarningChip,
        _ => Role::Strong,
    };
    let after = canvas.text(x, y, end, &format!("0 {sign} ZooKeeper {word}"), role);
    let told = state.cluster.zookeeper.as_ref();
    if let Some(seen) = told.filter(|_| !process.status.is_gone()) {
        let count = |count: u64| grouped(i64::try_from(count).unwrap_or(i64::MAX));
        let words = format!(
            "   sessions {} of {}   znodes {}   watches {}",
            seen.sessions.len(),
            state.cluster.brokers().count(),
            count(seen.znodes),
            count(seen.watches)
        );
        canvas.text(after, y, end, &words, Role::Dim);
    }
}

fn cell(canvas: &mut Canvas<'_>, state: &State, process: &Process, leads: Leads, place: Rect) {
    let (x, y, end) = (place.x, place.y, place.right());
    let id = process.broker().map_or(0, |id| id.0);
    let controls = process
        .broker()
        .is_some_and(|id| state.cluster.is_controller(id));
    let (sign, role) = match process.status {
        Status::Up if controls => ("c", Role::Focus),
        Status::Up => ("●", Role::Good),
        Status::Frozen => ("z", Role::WarningChip),
        Status::Silent => ("◌", Role::WarningChip),
        status if status.is_gone() => ("✗", Role::DeadChip),
        _ => ("◌", Role::Dim),
    };
    let gone = process.status.is_gone();
    let x = if state.view.picked == process.name {
        canvas.text(x, y, end, "►", Role::Focus)
    } else {
        x + 1
    };
    let x = canvas.text(x, y, end, sign, role);
    let role = if gone { Role::Dead } else { Role::Text };
    let x = canvas.text(x, y, end, &format!("{id:>3}"), role);
    if leads.partitions > 0 {
        let role = match leads.under_replicated {
            0 => Role::Focus,
            _ => Role::Warning,
        };
        canvas.right(x, y, end, &leads.partitions.to_string(), role);
    }
    if state.just_changed(Some(process.since))
        && state.is_ready()
        && !state.view.appearance.reduced_motion
    {
        canvas.tone(place.x + 1, y, place.width - 1, Role::Flash);
    }
}
