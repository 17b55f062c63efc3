//! What each side took, in large digits and in a table.

use std::time::Duration;

use ratatui::layout::Rect;

use super::{Race, Side};
use crate::{
    state::{RaceClock, RaceClocks, race_memory},
    ui::{
        canvas::{Canvas, Frame},
        panes::stage_numbers::digits,
        theme::Role,
    },
};

/// One row of the table.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// What was measured.
    pub what: &'static str,
    /// What it is called where programs read it, its unit last.
    pub key: &'static str,
    /// Ours and theirs, as far as they are known.
    pub values: [Option<f64>; 2],
    /// How it is written.
    unit: Unit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Seconds,
    Megabytes,
    Percent,
}

impl Figure {
    /// A value as people read it; `-` where it is not known.
    #[must_use]
    pub fn shown(&self, side: usize) -> String {
        let value = self.values.get(side).copied().flatten();
        match (value, self.unit) {
            (None, _) => "-".to_owned(),
            (Some(value), Unit::Seconds) if value < 1.0 => format!("{value:.3} s"),
            (Some(value), Unit::Seconds) => format!("{value:.2} s"),
            (Some(value), Unit::Megabytes) => format!("{value:.1} MB"),
            (Some(value), Unit::Percent) => format!("{value:.1} %"),
        }
    }

    /// `1 : 2.3`, of both.
    #[must_use]
    pub fn ratio(&self) -> String {
        let [Some(ours), Some(theirs)] = self.values else {
            return String::new();
        };
        if ours <= 0.0 {
            return String::new();
        }
        let ratio = theirs / ours;
        if ratio < 100.0 {
            format!("1 : {ratio:.1}")
        } else {
            format!("1 : {ratio:.0}")
        }
    }
}

/// All rows of the table.
#[must_use]
pub fn figures(race: &Race<'_>) -> Vec<Figure> {
    let figure = |what, key, value: fn(&Side<'_>) -> Option<f64>, unit| Figure {
        what,
        key,
        values: race.sides.each_ref().map(value),
        unit,
    };
    vec![
        figure(
            "first acknowledged again",
            "acked_again_s",
            |side| stopped(side.clocks.acked_again),
            Unit::Seconds,
        ),
        figure(
            "every ISR full after the start",
            "isr_full_s",
            |side| stopped(side.clocks.isr_full),
            Unit::Seconds,
        ),
        figure(
            "memory of the live servers",
            "memory_mb",
            memory,
            Unit::Megabytes,
        ),
        figure("CPU, the last 10 s", "cpu_percent", cpu, Unit::Percent),
        figure("launch to first record", "launch_s", launch, Unit::Seconds),
    ]
}

#[expect(
    clippy::cast_precision_loss,
    reason = "memory is shown in tenths of a megabyte"
)]
fn memory(side: &Side<'_>) -> Option<f64> {
    Some(race_memory(side.state)? as f64 / (1024.0 * 1024.0))
}

#[expect(
    clippy::cast_precision_loss,
    reason = "milliseconds in a second are few"
)]
fn cpu(side: &Side<'_>) -> Option<f64> {
    Some(side.clocks.cpu()? as f64 / 10.0)
}

fn stopped(clock: RaceClock) -> Option<f64> {
    match clock {
        RaceClock::Stopped(took) => Some(took.as_secs_f64()),
        RaceClock::Still | RaceClock::Running(_) => None,
    }
}

fn launch(side: &Side<'_>) -> Option<f64> {
    side.clocks.launch.map(|launch| launch.as_secs_f64())
}

/// Draws the table.
pub(super) fn draw(canvas: &mut Canvas<'_>, race: &Race<'_>, area: Rect) {
    let inside = canvas.frame(
        area,
        &Frame {
            title: vec![(Role::Strong, "Two clocks, one key".to_owned())],
            note: "at the same instant, on the same machine",
            focused: false,
            dashed: false,
        },
    );
    if inside.height == 0 {
        return;
    }
    let end = inside.right() + 1;
    let narrow = inside.width < 90;
    let ends = if narrow { [44, 58, 72] } else { [48, 72, 88] };
    let [ours, theirs, ratio] = ends.map(|column| (inside.x + column).min(end));
    let heads = race
        .sides
        .map(|side| if narrow { side.short } else { side.name });
    for (head, column) in heads.into_iter().zip([ours, theirs]) {
        canvas.right(inside.x, inside.y, column, head, Role::Strong);
    }
    for (figure, y) in figures(race).iter().zip(inside.y + 1..inside.bottom()) {
        canvas.text(inside.x, y, end, figure.what, Role::Text);
        for (side, column) in [ours, theirs].into_iter().enumerate() {
            canvas.right(inside.x, y, column, &figure.shown(side), Role::Strong);
        }
        canvas.right(inside.x, y, ratio, &figure.ratio(), Role::Good);
    }
}

/// Draws one side's clock, in digits that can be read from the last row.
pub(super) fn clock(canvas: &mut Canvas<'_>, side: &Side<'_>, area: Rect) {
    let state = side.state;
    let (number, label, role) = told(
        side.clocks,
        state.now.since(state.setup.started_at),
        |since| state.now.since(since),
    );
    let x = area.x + 5;
    let end = area.right();
    if !number.is_empty() {
        let after = digits(canvas, &number, (x, area.y, end), role);
        canvas.text(after + 1, area.y + 2, end, "s", Role::Strong);
    }
    canvas.text(x, area.y + 3, end, label, Role::Text);
}

fn told(
    clocks: &RaceClocks,
    began: Duration,
    since: impl Fn(crate::state::Timestamp) -> Duration,
) -> (String, &'static str, Role) {
    let running = |time: Duration| format!("{:.1}", time.as_secs_f64());
    let stopped = |time: Duration| format!("{:.2}", time.as_secs_f64());
    let again = "acknowledged again after the key";
    match (clocks.launch, clocks.acked_again, clocks.isr_full) {
        (None, ..) => (running(began), "starting", Role::Warning),
        (_, _, RaceClock::Running(at)) => {
            (running(since(at)), "not all are in sync yet", Role::Warning)
        }
        (_, _, RaceClock::Stopped(took)) => (
            stopped(took),
            "all in sync after the start",
            Role::HighWatermark,
        ),
        (_, RaceClock::Running(at), _) => (
            running(since(at)),
            "nothing acknowledged since the key",
            Role::Warning,
        ),
        (_, RaceClock::Stopped(took), _) => (stopped(took), again, Role::HighWatermark),
        (Some(launch), RaceClock::Still, RaceClock::Still) => {
            (stopped(launch), "launch to first record", Role::Good)
        }
    }
}
