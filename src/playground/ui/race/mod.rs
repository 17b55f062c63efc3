//! Two clusters side by side, and what each took from the same key.
//!
//! ```text
//! header: the key that both got
//! boxes of one          boxes of the other
//! its clock             its clock
//! Log                   Log
//! both clocks, memory, CPU, launch
//! What happened         What happened
//! footer: what is picked in both; the commands
//! ```

mod boxes;
mod figures;
mod settings;
mod story;

use ratatui::{Frame, layout::Rect};

use super::{
    canvas::{self, Canvas, Pieces, fit, width},
    overlays, panes,
    theme::{Look, Role},
    words,
};
use crate::state::{ProcessName, RaceClocks, RaceSettings, State, grouped};

pub use self::figures::{Figure, figures};

/// What is drawn of a race.
#[derive(Debug, Clone, Copy)]
pub struct Race<'a> {
    /// Both sides, ours first.
    pub sides: [Side<'a>; 2],
    /// What both were told last.
    pub said: &'a str,
    /// What the race itself has to say.
    pub note: Option<&'a str>,
    /// What their brokers say of their settings, once they were asked.
    pub settings: Option<&'a RaceSettings>,
    /// Whether all of that is shown.
    pub settings_open: bool,
}

/// One of the two.
#[derive(Debug, Clone, Copy)]
pub struct Side<'a> {
    /// `Apache Kafka 3.9.2`
    pub name: &'a str,
    /// `3.9`, where there is little room.
    pub short: &'a str,
    /// What its processes are.
    pub made_of: &'a str,
    /// What is known of it.
    pub state: &'a State,
    /// What it took.
    pub clocks: &'a RaceClocks,
}

/// Draws one frame.
pub fn draw(race: &Race<'_>, frame: &mut Frame<'_>) {
    let area = frame.area();
    let [ours, _] = race.sides;
    let look = Look::new(&ours.state.view);
    let mut canvas = Canvas::new(frame.buffer_mut(), look);
    if ours.state.view.too_small() {
        overlays::too_small::draw(&mut canvas, ours.state, area);
    } else {
        draw_on(&mut canvas, race, area);
    }
    if look.ascii() {
        canvas.replace_signs();
    }
}

fn draw_on(canvas: &mut Canvas<'_>, race: &Race<'_>, area: Rect) {
    let row = |y: u16| Rect::new(area.x, y, area.width, 1);
    header(canvas, race, row(area.y));
    let middle = Rect::new(area.x, area.y + 1, area.width, area.height - 3);
    if race.settings_open {
        settings::draw(canvas, race, middle);
    } else if race.sides.iter().any(|side| side.state.view.narrow()) {
        narrow(canvas, race, middle);
    } else {
        wide(canvas, race, middle);
    }
    let below = row(middle.bottom());
    footer(canvas, race, below);
    let last = row(middle.bottom() + 1);
    canvas.tone(last.x, last.y, last.width, Role::Bar);
    match race.note {
        Some(note) => {
            let note = format!(" {note}");
            canvas.text(last.x, last.y, last.right(), &note, Role::Text);
        }
        None => halves(last, race, |side, place| command(canvas, side, place)),
    }
}

/// Rows of the boxes, of the digits with their label and the air around them, of a log, of the figures.
const BOXES: u16 = 5;
const CLOCK: u16 = 6;
const LOG: u16 = 6;

fn wide(canvas: &mut Canvas<'_>, race: &Race<'_>, area: Rect) {
    let figures = u16::try_from(figures(race).len()).unwrap_or(u16::MAX) + 3;
    let mut y = area.y;
    let mut rows = |height: u16| {
        let height = height.min(area.bottom().saturating_sub(y));
        let place = Rect::new(area.x, y, area.width, height);
        y += height;
        place
    };
    let top = rows(BOXES + 1);
    halves(top, race, |side, place| title(canvas, side, place));
    let below = Rect::new(top.x, top.y + 1, top.width, top.height - 1);
    halves(below, race, |side, place| boxes::draw(canvas, side, place));
    let clocks = rows(CLOCK);
    halves(clocks, race, |side, place| {
        figures::clock(
            canvas,
            side,
            Rect {
                y: place.y + 1,
                ..place
            },
        );
    });
    halves(rows(LOG), race, |side, place| log(canvas, side, place));
    figures::draw(canvas, race, rows(figures));
    halves(rows(u16::MAX), race, |side, place| {
        story::of_one(canvas, side, place);
    });
}

fn narrow(canvas: &mut Canvas<'_>, race: &Race<'_>, area: Rect) {
    let figures = u16::try_from(figures(race).len()).unwrap_or(u16::MAX) + 3;
    let clocks = Rect::new(area.x, area.y, area.width, CLOCK - 1);
    halves(clocks, race, |side, place| {
        title(canvas, side, place);
        let inside = Rect {
            y: place.y + 1,
            height: place.height - 1,
            ..place
        };
        canvas.clear(inside);
        figures::clock(canvas, side, inside);
    });
    let table = Rect::new(
        area.x,
        clocks.bottom(),
        area.width,
        figures.min(area.bottom().saturating_sub(clocks.bottom())),
    );
    figures::draw(canvas, race, table);
    let rest = area.bottom().saturating_sub(table.bottom());
    story::of_both(
        canvas,
        race,
        Rect::new(area.x, table.bottom(), area.width, rest),
    );
}

/// Does the same to both, each in its half.
fn halves(area: Rect, race: &Race<'_>, mut draw: impl FnMut(&Side<'_>, Rect)) {
    let half = area.width / 2;
    let [ours, theirs] = &race.sides;
    draw(ours, Rect::new(area.x, area.y, half, area.height));
    let (x, width) = (area.x + half, area.width - half);
    draw(theirs, Rect::new(x, area.y, width, area.height));
}

/// ` kafkarium race   key to both: kill broker 3   sessions 1500 ms, acks=all, RF 3`
fn header(canvas: &mut Canvas<'_>, race: &Race<'_>, area: Rect) {
    canvas.tone(area.x, area.y, area.width, Role::Bar);
    let [Side { state, .. }, _] = race.sides;
    let end = area.right();
    let mut x = canvas.text(area.x, area.y, end, " kafkarium", Role::Focus);
    x = canvas.text(x, area.y, end, " race   to both: ", Role::Text);
    let clock = format!("{} ", state.now.clock(state.setup.utc_offset_s));
    let room = end.saturating_sub(x + width(&clock) + 1);
    x = canvas.text(x, area.y, end, &fit(race.said, room), Role::Strong);
    let same = format!("   {}", same(race));
    if x + width(&same) + width(&clock) < end {
        x = canvas.text(x, area.y, end, &same, Role::Text);
    }
    canvas.right(x, area.y, end, &clock, Role::Text);
}

/// What is the same in both and matters most to the clocks.
fn same(race: &Race<'_>) -> String {
    let [Side { state, .. }, _] = race.sides;
    let mut same = Vec::new();
    let settings = race.settings.map(|settings| &settings.equal);
    let session = settings.and_then(|equal| equal.get("zookeeper.session.timeout.ms"));
    same.extend(session.map(|session| format!("sessions {session} ms")));
    same.push(format!("acks={}", state.cluster.acks.setting()));
    let topic = state.cluster.topics.get(&state.view.topic);
    let first = topic.and_then(|topic| topic.partitions.first());
    same.extend(first.map(|first| format!("RF {}", first.seen.replicas.len())));
    same.join(", ")
}

/// The name of a side over its half, as the upper edge of a frame.
fn title(canvas: &mut Canvas<'_>, side: &Side<'_>, area: Rect) {
    canvas.frame(
        area,
        &canvas::Frame {
            title: vec![(Role::Strong, side.name.to_owned())],
            note: side.made_of,
            focused: false,
            dashed: false,
        },
    );
}

fn log(canvas: &mut Canvas<'_>, side: &Side<'_>, area: Rect) {
    let state = side.state;
    let count = |number: u64| grouped(i64::try_from(number).unwrap_or(i64::MAX));
    let produced = &state.cluster.produced;
    let note = format!(
        "sent {}  acked {}  lost {}",
        count(produced.sent),
        count(produced.acked),
        count(state.cluster.lost)
    );
    let inside = canvas.frame(
        area,
        &canvas::Frame {
            title: vec![(Role::Strong, format!("Log of {}", state.view.topic))],
            note: &note,
            focused: false,
            dashed: false,
        },
    );
    panes::log::draw_inside(canvas, state, inside);
}

/// What is picked in both, and the keys.
fn footer(canvas: &mut Canvas<'_>, race: &Race<'_>, area: Rect) {
    canvas.tone(area.x, area.y, area.width, Role::Bar);
    let [ours, theirs] = &race.sides;
    let keys = &ours.state.view.keys;
    let end = area.right();
    let picked = &ours.state.view.picked;
    let sign = |side: &Side<'_>| {
        let process = side.state.cluster.processes.get(picked);
        process.map_or("-", |process| words::status(process).0)
    };
    let mut pieces: Pieces = vec![
        (Role::Strong, format!("  {}", words::name(picked))),
        (Role::Text, format!(" {} {}  ", sign(ours), sign(theirs))),
    ];
    let gone = |side: &Side<'_>| {
        let process = side.state.cluster.processes.get(picked);
        process.is_some_and(|process| process.status.is_gone())
    };
    let own: &[(&str, &str)] = if gone(ours) || gone(theirs) {
        &[("start", "start again")]
    } else if matches!(picked, ProcessName::Broker(_)) {
        &[("kill", "kill"), ("stop", "stop"), ("freeze", "freeze")]
    } else {
        &[("kill", "kill"), ("freeze", "freeze")]
    };
    let verb = |pieces: &mut Pieces, key: String, does: &str| {
        pieces.push((Role::Focus, key));
        pieces.push((Role::Text, format!(" {does}  ")));
    };
    for (action, does) in own {
        verb(&mut pieces, keys.shown(action), does);
    }
    pieces.push((Role::Text, "│  ".to_owned()));
    verb(&mut pieces, keys.shown("produce"), "produce");
    let stream = format!(
        "{} {}",
        keys.shown("stream faster"),
        keys.shown("stream slower")
    );
    verb(&mut pieces, stream, "stream");
    verb(&mut pieces, keys.shown("consumer add"), "consumer");
    verb(&mut pieces, keys.shown("heal"), "heal all");
    let after = canvas.pieces(area.x, area.y, end, &pieces);
    let open = keys.fill("{open} what differs   {quit} ends both ");
    if after + width(&open) <= end {
        canvas.right(after, area.y, end, &open, Role::Text);
    }
}

/// The command of what was done last, or why it was not done.
fn command(canvas: &mut Canvas<'_>, side: &Side<'_>, area: Rect) {
    let (role, words) = match (&side.state.view.message, &side.state.view.command) {
        (Some(message), _) if message.bad => (Role::Dead, message.text.clone()),
        (Some(message), _) => (Role::Text, message.text.clone()),
        (None, Some(command)) => (Role::Dim, format!("$ {command}")),
        (None, None) => return,
    };
    let words = fit(&words, area.width.saturating_sub(2));
    canvas.text(area.x + 1, area.y, area.right(), &words, role);
}
