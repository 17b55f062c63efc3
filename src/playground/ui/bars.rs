//! The first line and the last two: what the cluster is, what is picked, what can be done to it.

use ratatui::layout::Rect;

use super::{
    attached,
    canvas::{Canvas, Pieces, columns, fit, width},
    lesson_bar, moment, panes,
    picked::{Verbs, picked},
    stage_bar,
    theme::Role,
};
use crate::state::{Overlay, Prompt, Purpose, State, Status, StreamRate, grouped, pace};

/// Steps in which the header becomes shorter.
const LEFT_OUT_MAX: u8 = 6;

/// The first line.
pub fn header(canvas: &mut Canvas<'_>, state: &State, shown: &State, area: Rect) {
    canvas.tone(area.x, area.y, area.width, Role::Bar);
    if panes::stage_brokers::is_on(state) {
        stage_bar::header(canvas, state, shown, area);
        return;
    }
    let narrow = state.view.narrow();
    let gap = if narrow { "  " } else { "   " };
    let fits = |pieces: &Pieces| columns(pieces) <= area.width;
    let mut pieces = (0..LEFT_OUT_MAX).map(|left_out| what_is(state, shown, left_out));
    let pieces = pieces.clone().find(fits).or_else(|| pieces.next_back());
    let pieces = pieces.unwrap_or_default();
    let right = if let (false, Some(given)) = (shown.is_ready(), shown.setup.reach.given()) {
        vec![given.to_owned()]
    } else if shown.is_ready() {
        let mut right = vec![shown.bootstrap(), state.view.layouts.current().name.clone()];
        if !narrow && state.moment().is_none() {
            right.push(shown.now.clock(state.setup.utc_offset_s).to_string());
        }
        right
    } else {
        vec![folder(state)]
    };
    let end = area.right();
    let after = canvas.pieces(area.x, area.y, end, &pieces);
    let room = end.saturating_sub(after + 2);
    // What does not fit is left out from the end: the address matters most.
    let fitting = (0..=right.len())
        .rev()
        .filter_map(|count| right.get(..count))
        .map(|kept| kept.join(gap))
        .find(|kept| width(kept) <= room);
    if let Some(fitting) = fitting {
        canvas.right(after, area.y, end - 1, &fitting, Role::Text);
    }
}

/// The left of the first line; the more is left out of it, the sooner what can be seen elsewhere goes:
/// the cluster's name, the pace of the stream, what was sent, our own name, the brokers.
fn what_is(state: &State, shown: &State, left_out: u8) -> Pieces {
    let narrow = state.view.narrow() || left_out >= 3;
    let gap = if narrow { "  " } else { "   " };
    let mut pieces = Pieces::new();
    if left_out < 4 {
        pieces.push((Role::Focus, " kafkarium".into()));
    }
    if !narrow && left_out < 1 && state.setup.reach.is_own() {
        pieces.push((Role::Text, format!(" {}", state.setup.name)));
    }
    let own = shown.setup.reach.is_own();
    if !own {
        attached::chip(shown, gap, &mut pieces);
    }
    if let Some(chip) = super::overlays::caption::recording(state) {
        pieces.push((Role::Text, " ".into()));
        pieces.push(chip);
    }
    let moment = state.moment();
    if let Some(moment) = &moment {
        pieces.push((Role::Text, gap.into()));
        pieces.push(moment::chip(state, moment));
    }
    if !shown.is_ready() {
        let since = shown.now.since(state.setup.started_at).as_secs_f64();
        let what = if own { "starting" } else { "asking" };
        pieces.push((Role::Text, format!("{gap}{what}{gap}{since:.1} s")));
        return pieces;
    }
    if left_out < 5 {
        brokers(shown, narrow, &mut pieces);
    }
    attached::software(shown, (gap, left_out), &mut pieces);
    if !own {
        if !narrow && left_out < 1 {
            attached::asks(shown, gap, &mut pieces);
        }
        if !shown.setup.reach.may_write() {
            return pieces;
        }
    }
    if left_out < 2 && (moment.is_none() || !narrow) {
        stream(shown, narrow, gap, &mut pieces);
    }
    numbers(shown, narrow, gap, &mut pieces);
    pieces
}

fn folder(state: &State) -> String {
    match &state.data_folder {
        Some((path, None)) => format!("new data folder {path}"),
        Some((path, Some(_))) => format!("data folder {path}"),
        None => String::new(),
    }
}

fn brokers(state: &State, narrow: bool, pieces: &mut Pieces) {
    let (up, planned) = state.cluster.brokers_up();
    let text = format!("{up} of {planned} brokers");
    if up == planned {
        let gap = if narrow { "  " } else { "   " };
        pieces.push((Role::Text, format!("{gap}{text}")));
        if narrow {
            pieces.push((Role::Text, " ".into()));
        }
    } else {
        pieces.push((Role::Text, if narrow { " " } else { "   " }.into()));
        pieces.push((Role::DeadChip, format!(" {text} ")));
    }
}

fn stream(state: &State, narrow: bool, gap: &str, pieces: &mut Pieces) {
    let stream = match state.cluster.stream {
        StreamRate::Off => "no stream".to_owned(),
        rate if narrow => pace(rate),
        rate if state.cluster.stream_into != state.view.topic => {
            format!("stream {} into {}", pace(rate), state.cluster.stream_into)
        }
        rate => format!("stream {}", pace(rate)),
    };
    let stream = stream + state.cluster.acks.sign();
    pieces.push((Role::Text, if narrow { " ".into() } else { gap.to_owned() }));
    pieces.push((Role::Text, stream));
}

fn numbers(state: &State, narrow: bool, gap: &str, pieces: &mut Pieces) {
    let produced = &state.cluster.produced;
    if produced.sent == 0 {
        if let (Some(took), false) = (state.opening.ready_after, narrow) {
            pieces.push((Role::Text, gap.to_owned()));
            pieces.push((Role::Good, format!("ready in {:.2} s", took.as_secs_f64())));
        }
        return;
    }
    let count = |number: u64| grouped(i64::try_from(number).unwrap_or(i64::MAX));
    if !narrow {
        pieces.push((Role::Text, format!("{gap}sent {}", count(produced.sent))));
    }
    pieces.push((Role::Text, format!("  acked {}  ", count(produced.acked))));
    let lost = state.cluster.lost;
    let role = if lost == 0 {
        Role::Focus
    } else {
        Role::DeadChip
    };
    pieces.push((role, format!("lost {}", count(lost))));
    let by_leader = state.cluster.lost_by_leader;
    if by_leader > 0 {
        pieces.push((Role::Dead, format!("  of acks=1 lost {}", count(by_leader))));
    }
}

/// The last two lines.
pub fn footer(canvas: &mut Canvas<'_>, state: &State, area: Rect) {
    let bare = matches!(state.view.overlay, Overlay::None) && state.view.ask.is_none();
    if bare && panes::stage_brokers::is_on(state) {
        stage_bar::footer(canvas, state, area);
        return;
    }
    let (keys, command) = (area.y, area.y + 1);
    canvas.tone(area.x, keys, area.width, Role::Bar);
    canvas.tone(area.x, command, area.width, Role::Bar);
    let end = area.right();
    let mut asked = keys..keys;
    match (&state.view.overlay, &state.view.ask) {
        (_, Some(ask)) => asked = super::message::question(canvas, &ask.text, (area.x, keys, end)),
        (Overlay::Palette(palette), None) => {
            super::overlays::palette::footer(canvas, state, palette, area);
            return;
        }
        (Overlay::Compose(_), None) => {
            let words = [
                ("input pane next", "next line"),
                ("input accept", "send"),
                ("input back", "close"),
            ];
            hints(canvas, state, area, &words);
            return;
        }
        (Overlay::Prompt(prompt), None) => {
            self::prompt(canvas, state, prompt, area);
            return;
        }
        (Overlay::Opened(_), None) => {
            let words = [
                ("overlay move up} {overlay move down", "scroll"),
                ("overlay back", "close"),
            ];
            hints(canvas, state, area, &words);
        }
        (_, None) => verbs(canvas, state, area),
    }
    if let Some(message) = &state.view.message {
        super::message::draw(canvas, message, (area.x, command, end), &asked);
        return;
    }
    command_line(canvas, state, area.x, command, end);
}

fn command_line(canvas: &mut Canvas<'_>, state: &State, x: u16, y: u16, end: u16) {
    let Some(command) = &state.view.command else {
        // Once all is there only the end of a stream has no command.
        let text = if !state.setup.reach.is_own() {
            ""
        } else if state.is_ready() {
            " in a shell ^C ends the stream"
        } else {
            " new here? the line above always names the keys that make sense now"
        };
        canvas.text(x, y, end, text, Role::Dim);
        return;
    };
    let key = state.view.keys.shown("copy");
    let hint = width(&key) + 6;
    let room = (end - x).saturating_sub(hint + 8);
    let mut text = command.clone();
    if width(&text) > room && state.view.narrow() {
        text = command.replace(&format!(" --bootstrap-server {}", state.bootstrap()), "");
        text.push_str(" …");
    }
    let text = fit(&text, room);
    canvas.text(x, y, end, &format!(" $ {text}"), Role::Dim);
    let after = canvas.text(end - hint, y, end, &key, Role::Focus);
    canvas.text(after, y, end, " copy", Role::Dim);
}

/// Actions, as sentences name them, by their keys, and what they do.
pub fn hints(canvas: &mut Canvas<'_>, state: &State, area: Rect, hints: &[(&str, &str)]) {
    let mut x = area.x + 1;
    for (action, does) in hints {
        let key = state.view.keys.fill(&format!("{{{action}}}"));
        let key = if key == "up down" { "↑ ↓" } else { &key };
        x = canvas.text(x, area.y, area.right(), key, Role::Focus);
        x = canvas.text(x, area.y, area.right(), &format!(" {does}   "), Role::Text);
    }
}

fn prompt(canvas: &mut Canvas<'_>, state: &State, prompt: &Prompt, area: Rect) {
    let (question, help) = match prompt.purpose {
        Purpose::NewTopic => (
            "new topic: ".to_owned(),
            "NAME PARTITIONS REPLICATION-FACTOR, as in: chat 4 2",
        ),
        Purpose::Filter(pane) => (
            format!("filter {}: ", pane.title()),
            "{input accept} keeps it, empty shows all",
        ),
    };
    let end = area.right();
    let x = canvas.text(area.x + 1, area.y, end, &question, Role::Focus);
    canvas.text(x, area.y, end, prompt.input.text(), Role::Strong);
    let before: String = prompt
        .input
        .text()
        .chars()
        .take(prompt.input.cursor())
        .collect();
    canvas.tone(x + width(&before), area.y, 1, Role::Selected);
    let closes = format!("{help}   {{input back}} closes");
    let ways = [closes.as_str(), help].map(|way| state.view.keys.fill(way));
    let fits = |way: &&String| width(way) < area.width;
    let way = ways.iter().find(fits).map_or("", String::as_str);
    canvas.text(area.x + 1, area.y + 1, end, way, Role::Dim);
}

/// What can be done to what is picked, then what can always be done.
pub fn verbs(canvas: &mut Canvas<'_>, state: &State, area: Rect) {
    let key_text = |action: &str| state.view.keys.shown(action);
    let narrow = state.view.narrow();
    let end = area.right();
    let help = format!("{} help ", key_text("help"));
    let (x, y) = (area.x, area.y);
    if !state.is_ready() && state.held.is_none() {
        let mut x = canvas.text(x, y, end, " starting", Role::Dim);
        for (action, does) in [("produce", "produce"), ("quit", "quit")] {
            x = canvas.text(x, y, end, "   ", Role::Text);
            x = canvas.text(x, y, end, &key_text(action), Role::Focus);
            x = canvas.text(x, y, end, &format!(" {does}"), Role::Text);
        }
        help_hint(canvas, end, y, (&key_text("help"), "help"));
        return;
    }
    if lesson_bar::question(canvas, state, area) {
        return;
    }
    let (chip, own) = picked(state);
    if panes::znodes::has_footer(state) && !narrow {
        znode_verbs(canvas, state, (chip, own), area);
        return;
    }
    let mut x = canvas.pieces(x, y, end, &chip);
    let gap = if narrow { " " } else { "  " };
    let dead = own.len() == 1 && !narrow;
    for (index, (key, does)) in own.iter().enumerate() {
        let before = if index == 0 && chip.len() > 1 {
            " "
        } else {
            gap
        };
        x = canvas.text(x, y, end, before, Role::Text);
        x = canvas.text(x, y, end, &key_text(key), Role::Focus);
        x = canvas.text(x, y, end, &format!(" {does}"), Role::Text);
    }
    let stop = end.saturating_sub(width(&help) + 1);
    if let Some(why) = attached::no_verbs(state) {
        x = canvas.text(x, y, stop, &why, Role::Dim);
    }
    let air = match (narrow, dead || !own.is_empty()) {
        (true, _) => [" │ ", " │ ", " "],
        (false, true) => ["   │  ", "  │  ", "  "],
        (false, false) => ["  │  ", "  │  ", "  "],
    };
    for (before, key, does) in always(state, air, stop.saturating_sub(x)) {
        x = canvas.text(x, y, stop, before, Role::Text);
        x = canvas.text(x, y, stop, &key, Role::Focus);
        x = canvas.text(x, y, stop, &format!(" {does}"), Role::Text);
    }
    help_hint(canvas, end, y, (&key_text("help"), "help"));
}

/// What can be done whatever is picked, as much as there is room for, each with the air before it: that before the first
/// one, between groups, between the verbs of one.
fn always(
    state: &State,
    [first, between, within]: [&'static str; 3],
    room: u16,
) -> Vec<(&'static str, String, &'static str)> {
    let ill = state.cluster.processes.values().any(|process| {
        (process.status.is_gone() && process.status != Status::Stopped)
            || process.status == Status::Frozen
    });
    let key = |action: &str| state.view.keys.shown(action);
    let stream = format!("{} {}", key("stream faster"), key("stream slower"));
    // The group, how soon it is left out, the key, what it does.
    let mut verbs = vec![
        (0, 2, key("produce"), "produce"),
        (0, 3, stream, "stream"),
        (0, if ill { 5 } else { 3 }, key("consumer add"), "consumer"),
    ];
    if ill {
        verbs.push((0, 1, key("heal"), "heal all"));
    }
    if let Some(keys) = lesson_bar::keys(state) {
        // The lesson says what to do: its keys matter more than those of the rest.
        verbs.retain(|(_, _, _, does)| *does == "heal all");
        let keys = keys.into_iter().zip([0, 1, 0]);
        verbs.extend(keys.map(|((action, does), rank)| (0, rank, key(action), does)));
    }
    if !state.setup.reach.may_write() {
        verbs.retain(|(_, _, _, does)| *does == "heal all");
    }
    if !state.setup.reach.is_own() {
        verbs.retain(|(_, _, _, does)| !matches!(*does, "heal all" | "consumer"));
    }
    if state.held.is_some() {
        verbs.clear();
    }
    if state.view.narrow() {
        if !verbs.is_empty() || !state.setup.reach.is_own() {
            verbs.push((0, 4, key("palette"), "all"));
        }
    } else {
        verbs.extend([
            (1, 7, state.view.keys.picking(), "process"),
            (1, 6, key("layout next"), "view"),
            (1, 4, key("palette"), "all"),
        ]);
    }
    loop {
        let mut before_it = None;
        let placed: Vec<_> = verbs
            .iter()
            .map(|(group, _, key, does)| {
                let before = match before_it.replace(*group) {
                    None => first,
                    Some(other) if other != *group => between,
                    Some(_) => within,
                };
                (before, key.clone(), *does)
            })
            .collect();
        let columns: u16 = placed
            .iter()
            .map(|(before, key, does)| width(before) + width(key) + width(does) + 1)
            .sum();
        let most = verbs.iter().map(|(_, rank, ..)| *rank).max();
        let goes = verbs.iter().rposition(|(_, rank, ..)| Some(*rank) == most);
        match goes.filter(|_| columns > room) {
            Some(goes) => verbs.remove(goes),
            None => return placed,
        };
    }
}

/// What can be done in the tree of znodes, then to what is picked.
fn znode_verbs(canvas: &mut Canvas<'_>, state: &State, (chip, own): (Pieces, Verbs), area: Rect) {
    let (y, end) = (area.y, area.right());
    let key_text = |action: &str| state.view.keys.shown(action);
    let stop = end.saturating_sub(width(&key_text("help")) + 7);
    let (name, keys) = panes::znodes::hints(state);
    let verbs = |canvas: &mut Canvas<'_>, x: u16, gap: &str, verbs: &[(&str, &str)]| {
        verbs.iter().fold(x, |x, (action, does)| {
            let key = key_text(action);
            if x + width(gap) + width(&key) + width(does) + 1 > stop {
                return x;
            }
            let x = canvas.text(x, y, stop, gap, Role::Text);
            let x = canvas.text(x, y, stop, &key, Role::Focus);
            canvas.text(x, y, stop, &format!(" {does}"), Role::Text)
        })
    };
    let mut x = canvas.text(area.x, y, stop, &name, Role::Dim);
    x = verbs(canvas, x, "   ", &keys);
    x = canvas.text(x, y, stop, "   │ ", Role::Text);
    x = canvas.pieces(x, y, stop, &chip);
    x = verbs(canvas, x, "  ", &own);
    x = canvas.text(x, y, stop, "   │", Role::Text);
    verbs(
        canvas,
        x,
        "  ",
        &[("layout next", "view"), ("palette", "all")],
    );
    help_hint(canvas, end, y, (&key_text("help"), "help"));
}

fn help_hint(canvas: &mut Canvas<'_>, end: u16, y: u16, (key, does): (&str, &str)) {
    let x = end.saturating_sub(width(key) + width(does) + 2);
    let after = canvas.text(x, y, end, key, Role::Focus);
    canvas.text(after, y, end, &format!(" {does} "), Role::Text);
}
