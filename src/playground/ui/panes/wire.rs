//! Requests and answers of our own connections to Kafka, as they come.
//!
//! ```text
//! 12:01:09.402  broker 1  Metadata v12     412     38 B    512 B   0.4 ms  all topics -> 3 brokers, 4 topics
//! ```

use ratatui::layout::Rect;

use crate::{
    state::{Action, ExchangeSeen, Pane, Process, ScreenAction, State},
    ui::{
        canvas::{Canvas, Frame, fit, width},
        theme::Role,
        title, words,
    },
};

/// From here on every column has room.
const WIDE: u16 = 100;

/// What is never among these.
const NOT_AMONG: &str = "this screen's own; librdkafka's are not among them";

/// Draws the pane with its frame.
pub fn draw(canvas: &mut Canvas<'_>, state: &State, area: Rect) {
    let note = match (state.view.filter(Pane::Wire), state.view.exchange) {
        (Some(filter), _) => words::filter_note(state, filter),
        (None, Some(_)) => state.view.keys.fill("held here, {move last} follows"),
        (None, None) if area.width >= WIDE => NOT_AMONG.to_owned(),
        (None, None) => "not librdkafka's".to_owned(),
    };
    let frame = Frame {
        title: title(state, Pane::Wire, Pane::Wire.title()),
        note: &note,
        focused: state.view.focus == Pane::Wire,
        dashed: false,
    };
    let inside = canvas.frame(area, &frame);
    draw_inside(canvas, state, inside);
}

/// Draws what is inside the frame.
pub fn draw_inside(canvas: &mut Canvas<'_>, state: &State, area: Rect) {
    let end = area.right() + 1;
    let shown = visible(state, usize::from(area.height.saturating_sub(1)));
    if shown.is_empty() {
        empty(canvas, state, area);
        return;
    }
    let wide = area.width >= WIDE;
    let x = columns(canvas, area.x, area.y, end, wide, &HEAD, Role::Dim);
    let missed = match state.wire.missed {
        0 => "what".to_owned(),
        missed => format!("what   {missed} were too fast"),
    };
    canvas.text(x, area.y, end, &missed, Role::Dim);
    for ((number, exchange), y) in shown.into_iter().zip(area.y + 1..) {
        let place = Rect::new(area.x, y, area.width, 1);
        canvas.spot(place, || Action::Screen(ScreenAction::PickExchange(number)));
        row(canvas, state, exchange, (area.x, y, end), wide);
        if state.view.exchange == Some(number) {
            canvas.text(area.x - 1, y, end, "►", Role::Focus);
            canvas.tone(area.x, y, area.width + 1, Role::Selected);
        }
    }
}

fn empty(canvas: &mut Canvas<'_>, state: &State, area: Rect) {
    let lines = match state.view.filter(Pane::Wire) {
        Some(filter) => vec![words::no_match(state, filter)],
        None => vec![
            "Requests and answers of this screen's own connections appear here.".to_owned(),
            "Its producers and consumers are librdkafka's: what they send is not among them."
                .to_owned(),
        ],
    };
    let lines: Vec<_> = lines
        .iter()
        .map(|line| (Role::Dim, line.as_str()))
        .collect();
    canvas.sentences(area, &lines);
}

/// The rows that fit: around the cursor, or the newest.
fn visible(state: &State, room: usize) -> Vec<(u64, &ExchangeSeen)> {
    let filter = state.view.filter(Pane::Wire);
    let upto = state.view.exchange.map_or(u64::MAX, |cursor| {
        // Some of what came after the cursor stays in sight.
        cursor.saturating_add(u64::try_from(room / 2).unwrap_or(0))
    });
    let mut shown: Vec<(u64, &ExchangeSeen)> = state
        .wire
        .iter()
        .rev()
        .filter(|(number, _)| *number <= upto)
        .filter(|(_, exchange)| filter.is_none_or(|filter| exchange.matches(filter)))
        .take(room)
        .collect();
    shown.reverse();
    shown
}

/// What the columns before the words say.
type Columns<'a> = [&'a str; 7];

const HEAD: Columns<'static> = ["sent at", "to", "api", "id", "sent", "got", "took"];

fn columns(
    canvas: &mut Canvas<'_>,
    x: u16,
    y: u16,
    end: u16,
    wide: bool,
    texts: &Columns<'_>,
    role: Role,
) -> u16 {
    let [at, to, api, id, sent, got, took] = texts;
    let mut x = x;
    let mut column = |text: &str, columns: u16, right: bool| {
        let text = fit(text, columns);
        let start = if right { x + columns - width(&text) } else { x };
        canvas.text(start, y, end, &text, role);
        x += columns + 2;
    };
    column(at, 12, false);
    if wide {
        column(to, 9, false);
    }
    column(api, if wide { 22 } else { 16 }, false);
    if wide {
        column(id, 6, true);
        column(sent, 6, true);
    }
    column(got, 7, true);
    column(took, 7, true);
    x
}

fn row(
    canvas: &mut Canvas<'_>,
    state: &State,
    exchange: &ExchangeSeen,
    (x, y, end): (u16, u16, u16),
    wide: bool,
) {
    let at = exchange.at.clock(state.setup.utc_offset_s);
    let texts = [
        &*format!("{at:#}"),
        &*broker(state, &exchange.address),
        &*format!("{} v{}", exchange.api, exchange.version),
        &*exchange.correlation_id.to_string(),
        &*words::bytes(exchange.request_bytes),
        &*exchange
            .answer_bytes
            .map_or_else(|| "-".to_owned(), words::bytes),
        &*words::latency(exchange.latency),
    ];
    let mut x = columns(canvas, x, y, end, wide, &texts, Role::Text);
    if let Some(error) = &exchange.error {
        x = canvas.text(x, y, end, &format!("{error}  "), Role::Dead);
    }
    let asks = fit(&exchange.asks, end.saturating_sub(x));
    let x = canvas.text(x, y, end, &asks, Role::Text);
    let room = end.saturating_sub(x);
    let arrow = if exchange.asks.is_empty() {
        "-> "
    } else {
        " -> "
    };
    if exchange.tells.is_empty() || room < width(arrow) + 4 {
        return;
    }
    let role = if exchange.answer_bytes.is_none() {
        Role::Dead
    } else {
        Role::Dim
    };
    let tells = fit(&format!("{arrow}{}", exchange.tells), room);
    canvas.text(x, y, end, &tells, role);
}

/// Who listens at an address.
pub fn broker(state: &State, address: &str) -> String {
    let known = state
        .cluster
        .brokers()
        .find(|process| process.address.as_deref() == Some(address));
    known
        .and_then(Process::broker)
        .map_or_else(|| address.to_owned(), |id| format!("broker {id}"))
}
