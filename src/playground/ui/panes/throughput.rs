//! Throughput and lag over the last minute, from what was counted in each second.

use ratatui::layout::Rect;

use super::chart::bars;
use crate::{
    state::{Pane, RATE_SECONDS, State},
    ui::{
        canvas::{Canvas, Frame, fit, width},
        theme::Role,
        title, words,
    },
};

/// Rows of one chart at most; more show nothing new.
const ROWS_MAX: u16 = 4;

/// Columns of the names and of the figures.
const NAME: u16 = 20;
const FIGURE: u16 = 11;

/// One chart.
struct Chart {
    name: String,
    values: Vec<u64>,
    figure: fn(u64) -> String,
    role: Role,
}

/// Draws the pane with its frame.
pub fn draw(canvas: &mut Canvas<'_>, state: &State, area: Rect) {
    let frame = Frame {
        title: title(state, Pane::Throughput, Pane::Throughput.title()),
        note: "60 s, a second each",
        focused: state.view.focus == Pane::Throughput,
        dashed: false,
    };
    let inside = canvas.frame(area, &frame);
    draw_inside(canvas, state, inside);
}

/// Draws what is inside the frame.
pub fn draw_inside(canvas: &mut Canvas<'_>, state: &State, area: Rect) {
    let charts = charts(state);
    let count = u16::try_from(charts.len()).unwrap_or(u16::MAX).max(1);
    let rows = (area.height / count).clamp(1, ROWS_MAX);
    let room = usize::from(area.height / rows);
    // The cursor's row comes first: there may be more groups than rows.
    let first = state
        .view
        .throughput_scroll
        .min(charts.len().saturating_sub(room));
    let mut y = area.y;
    for chart in charts.iter().skip(first).take(room) {
        draw_chart(canvas, chart, Rect::new(area.x, y, area.width, rows));
        y += rows;
    }
}

fn charts(state: &State) -> Vec<Chart> {
    let seconds = &state.rates.seconds;
    let records = |value: u64| format!("{}/s", words::figure(value));
    let mut charts = vec![
        Chart {
            name: "we send, acked".into(),
            values: seconds.iter().map(|second| second.acked).collect(),
            figure: records,
            role: Role::Good,
        },
        Chart {
            name: "the same in bytes".into(),
            values: seconds.iter().map(|second| second.acked_bytes).collect(),
            figure: |value| format!("{}/s", words::bytes(value)),
            role: Role::Good,
        },
        Chart {
            name: format!("{} grows by", state.view.topic),
            values: seconds.iter().map(|second| second.written).collect(),
            figure: records,
            role: Role::Text,
        },
    ];
    let mut groups: Vec<_> = state.cluster.groups.iter().collect();
    groups.sort_by_key(|(name, _)| **name != state.view.group);
    for (name, group) in groups {
        charts.push(Chart {
            name: format!("{name} reads"),
            values: seconds
                .iter()
                .map(|second| second.read.get(name).copied().unwrap_or(0))
                .collect(),
            figure: records,
            role: Role::Text,
        });
        charts.push(Chart {
            name: format!("{name} lags"),
            values: group
                .lag_history
                .iter()
                .map(|lag| u64::try_from(*lag).unwrap_or(0))
                .collect(),
            figure: words::figure,
            role: Role::Warning,
        });
    }
    charts
}

fn draw_chart(canvas: &mut Canvas<'_>, chart: &Chart, area: Rect) {
    let end = area.right();
    let newest = chart.values.last().copied().unwrap_or(0);
    let most = chart.values.iter().copied().max().unwrap_or(0);
    let bottom = area.bottom() - 1;
    canvas.text(area.x, area.y, end, &fit(&chart.name, NAME - 1), Role::Text);
    if area.height > 1 && most > 0 {
        let words = format!("most {}", (chart.figure)(most));
        canvas.text(area.x, area.y + 1, end, &words, Role::Dim);
    }
    let x = area.x + NAME;
    let cells = usize::from(end.saturating_sub(x + FIGURE)).min(RATE_SECONDS);
    let drawn = bars(&chart.values, RATE_SECONDS, cells, usize::from(area.height));
    for (row, y) in drawn.iter().zip(area.y..) {
        canvas.text(x, y, end, row, chart.role);
    }
    let figure = (chart.figure)(newest);
    let role = if newest > 0 { Role::Strong } else { Role::Dim };
    canvas.right(end - width(&figure).min(FIGURE), bottom, end, &figure, role);
}
