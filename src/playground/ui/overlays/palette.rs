//! The palette, docked over the lower row: the cluster stays in sight while somebody types.

use ratatui::layout::Rect;

use super::above_the_footer;
use crate::{
    state::{Action, Candidate, ClusterAction, Enter, Palette, Preview, Process, State, Target},
    ui::{
        canvas::{Canvas, Frame, fit, width, wrap},
        theme::Role,
        words,
    },
};

/// Rows with the frame.
const HEIGHT: u16 = 12;

/// Where the keys of an action stand, and where what it reaches.
const KEYS: u16 = 27;
const NOTE: u16 = 30;

/// Lines that the preview has for its sentence, and for what a process does for others.
const SENTENCE_LINES: usize = 2;
const FACTS_LINES: usize = 2;

/// Draws the palette.
pub fn draw(canvas: &mut Canvas<'_>, state: &State, palette: &Palette, window: Rect) {
    let height = HEIGHT.min(window.height.saturating_sub(3));
    let area = above_the_footer(window, height);
    canvas.clear(area);
    let wide = area.width >= 100;
    let frame = Frame {
        title: vec![(Role::Strong, "Do".into())],
        note: if wide {
            "every action by name; the same words work in scripts"
        } else {
            "every action by name"
        },
        focused: true,
        dashed: false,
    };
    let inside = canvas.frame(area, &frame);
    let end = inside.right();
    let x = canvas.text(inside.x, inside.y, end, ": ", Role::Focus);
    canvas.text(x, inside.y, end, palette.input.text(), Role::Text);
    let before: String = palette
        .input
        .text()
        .chars()
        .take(palette.input.cursor())
        .collect();
    canvas.tone(x + width(&before), inside.y, 1, Role::Selected);
    let split = if wide {
        area.x + area.width * 13 / 24
    } else {
        area.right() - 1
    };
    rule(canvas, area, inside.y + 1, wide.then_some(split));
    let list = Rect::new(
        inside.x,
        inside.y + 2,
        split - inside.x - 1,
        inside.bottom().saturating_sub(inside.y + 2),
    );
    rows(canvas, &palette.found, palette.cursor, list);
    if list.height > 7 && !state.view.recent.is_empty() {
        let recent: Vec<&str> = state
            .view
            .recent
            .iter()
            .rev()
            .take(3)
            .map(String::as_str)
            .collect();
        let y = list.bottom() - 1;
        let x = canvas.text(list.x, y, split, "recent  ", Role::Dim);
        canvas.text(
            x,
            y,
            split,
            &fit(&recent.join("   "), split.saturating_sub(x + 1)),
            Role::Text,
        );
    }
    if wide {
        let side = Rect::new(split + 2, list.y, area.right() - split - 3, list.height);
        if let Some(preview) = &palette.preview {
            consequences(canvas, state, preview, side);
        }
    }
}

fn rule(canvas: &mut Canvas<'_>, area: Rect, y: u16, split: Option<u16>) {
    let line = "─".repeat(usize::from(area.width.saturating_sub(2)));
    canvas.text(
        area.x,
        y,
        area.right(),
        &format!("├{line}┤"),
        Role::FocusBorder,
    );
    let Some(split) = split else { return };
    canvas.text(split, y, area.right(), "┬", Role::FocusBorder);
    for y in y + 1..area.bottom() - 1 {
        canvas.text(split, y, area.right(), "│", Role::FocusBorder);
    }
    canvas.text(
        split,
        area.bottom() - 1,
        area.right(),
        "┴",
        Role::FocusBorder,
    );
}

fn rows(canvas: &mut Canvas<'_>, found: &[Candidate], cursor: usize, area: Rect) {
    let room = usize::from(area.height.saturating_sub(2).max(1));
    let first = (cursor + 1).saturating_sub(room);
    if found.is_empty() {
        canvas.text(
            area.x + 1,
            area.y,
            area.right(),
            "no action is called that",
            Role::Dim,
        );
    }
    for (index, candidate) in found.iter().enumerate().skip(first).take(room) {
        let y = area.y + u16::try_from(index - first).unwrap_or(0);
        let chosen = index == cursor;
        if chosen {
            canvas.text(area.x, y, area.right(), "►", Role::Focus);
        }
        let role = if chosen { Role::Strong } else { Role::Text };
        let (end, note) = (area.right(), area.x + NOTE);
        let text = fit(&candidate.text, end.saturating_sub(area.x + 1));
        let after = canvas.text(area.x + 1, y, end, &text, role);
        if let Some(keys) = &candidate.keys {
            // In the middle of its column: one key, or the one that picks and the one that does it.
            let x = area.x + KEYS - width(keys).saturating_sub(1) / 2;
            if after < x && x + width(keys) < note {
                canvas.text(x, y, end, keys, Role::Focus);
            }
        }
        let note_role = match (candidate.asks, candidate.idle) {
            (true, _) => Role::Warning,
            (_, true) => Role::Dim,
            _ => Role::Text,
        };
        let x = note.max(after + 2);
        let words = fit(&candidate.note, end.saturating_sub(x));
        canvas.text(x, y, end, &words, note_role);
        if chosen {
            canvas.tone(area.x, y, area.width, Role::Selected);
        }
    }
}

/// What the action will do, how it is undone, and the command that does the same.
fn consequences(canvas: &mut Canvas<'_>, state: &State, preview: &Preview, area: Rect) {
    let end = area.right();
    let mut y = match preview.action.aim() {
        Some((verb, target)) if !aimed(state, target).is_empty() => {
            verb_and_processes(canvas, state, verb, target, area)
        }
        _ => sentence(canvas, preview, area),
    };
    y += 1;
    let mut x = area.x;
    if let Some((note, role)) = killing(state, &preview.action) {
        for line in &note {
            x = canvas.text(area.x, y, end, line, role);
            y += 1;
        }
        y -= 1;
    }
    if let Some(undo) = &preview.undo {
        let x = canvas.text(x, y, end, "undo: ", Role::Text);
        canvas.text(x, y, end, &fit(undo, end.saturating_sub(x)), Role::Focus);
    }
    let Some(command) = &preview.command else {
        return;
    };
    let free = area.bottom().saturating_sub(y + 2).max(1);
    let lines = within(&format!("$ {command}"), area.width, usize::from(free));
    for (line, y) in lines.iter().zip(y + 2..area.bottom()) {
        canvas.text(area.x, y, end, line, Role::Dim);
    }
}

fn sentence(canvas: &mut Canvas<'_>, preview: &Preview, area: Rect) -> u16 {
    let (x, y, end) = (area.x, area.y, area.right());
    let action = fit(&preview.action.to_string(), area.width);
    canvas.text(x, y, end, &action, Role::Strong);
    let lines = within(&preview.does, area.width, SENTENCE_LINES);
    for (line, y) in lines.iter().zip(y + 1..) {
        canvas.text(x, y, end, line, Role::Text);
    }
    y + 1 + u16::from(lines.len() > 1) + 1
}

/// A text over at most so many lines; `…` stands for what does not fit.
fn within(text: &str, columns: u16, lines_max: usize) -> Vec<String> {
    let mut lines: Vec<String> = wrap(text, usize::from(columns))
        .iter()
        .map(|line| fit(line, columns))
        .collect();
    if lines.len() > lines_max {
        lines.truncate(lines_max);
        if let Some(last) = lines.last_mut() {
            *last = fit(&format!("{last} …"), columns);
        }
    }
    lines
}

/// `kill broker 1   SIGKILL to pid 4121`, and what that process does for the others.
fn verb_and_processes(
    canvas: &mut Canvas<'_>,
    state: &State,
    verb: &str,
    target: &Target,
    area: Rect,
) -> u16 {
    let end = area.right();
    let mut y = area.y;
    for process in aimed(state, target).iter().take(2) {
        let pid = process
            .pid
            .map_or_else(String::new, |pid| format!(" to pid {pid}"));
        let signal = match verb {
            "kill" => format!("   SIGKILL{pid}"),
            "stop" => format!("   SIGTERM{pid}"),
            "freeze" => format!("   SIGSTOP{pid}"),
            "thaw" => format!("   SIGCONT{pid}"),
            _ => String::new(),
        };
        let words = format!("{verb} {}", process.name);
        let x = canvas.text(area.x, y, end, &words, Role::Strong);
        canvas.text(x, y, end, &signal, Role::Text);
        y += 1;
        if let Some(facts) = facts(state, process) {
            let lines = within(&facts, area.width, FACTS_LINES);
            for line in lines {
                canvas.text(area.x, y, end, &line, Role::Text);
                y += 1;
            }
        }
    }
    y
}

/// What one broker less means for writers.
fn killing(state: &State, action: &Action) -> Option<(Vec<String>, Role)> {
    let Action::Cluster(ClusterAction::Kill(target)) = action else {
        return None;
    };
    let processes = aimed(state, target);
    let [process] = processes.as_slice() else {
        return None;
    };
    if process.broker().is_none() || !process.status.is_running() {
        return None;
    }
    let (up, planned) = state.cluster.brokers_up();
    let left = up.saturating_sub(1);
    let minimum = state
        .cluster
        .topics
        .get(&state.view.topic)
        .and_then(|topic| topic.min_insync_replicas)
        .and_then(|minimum| usize::try_from(minimum).ok());
    let refused = minimum.is_some_and(|minimum| left < minimum);
    let end = if refused { ": acks=all is refused" } else { "" };
    let note = minimum.map_or_else(String::new, |m| format!("(min.insync.replicas {m})  "));
    let role = if refused { Role::Warning } else { Role::Text };
    let words = format!("{left} of {planned} brokers will be left{end}");
    Some((vec![words, note], role))
}

fn aimed<'a>(state: &'a State, target: &Target) -> Vec<&'a Process> {
    state
        .aimed(target)
        .iter()
        .filter_map(|name| state.cluster.processes.get(name))
        .collect()
}

/// `leads p0 p2 of orders, coordinator of billing`
fn facts(state: &State, process: &Process) -> Option<String> {
    let broker = process.broker()?;
    let (leads, _) = state.cluster.roles(broker, &state.view.topic);
    let mut facts = Vec::new();
    if !leads.is_empty() {
        facts.push(format!(
            "leads {} of {}",
            words::few(&leads),
            state.view.topic
        ));
    }
    if state.cluster.is_controller(broker) {
        facts.push("controller".into());
    }
    let coordinated = state
        .cluster
        .groups
        .iter()
        .filter(|(_, group)| group.coordinator == Some(broker));
    facts.extend(coordinated.map(|(name, _)| format!("coordinator of {name}")));
    (!facts.is_empty()).then(|| facts.join(", "))
}

/// The keys of the palette, and how the verb that is typed goes on.
pub fn footer(canvas: &mut Canvas<'_>, state: &State, palette: &Palette, area: Rect) {
    let enter = match palette.enter {
        Enter::Completes(_) => "name it",
        _ => "do it",
    };
    crate::ui::bars::hints(
        canvas,
        state,
        area,
        &[
            ("input move up} {input move down", "choose"),
            ("input pane next", "complete"),
            ("input accept", enter),
            ("input back", "close"),
        ],
    );
    let typed = palette.input.text();
    let (usage, role) = match &palette.wrong {
        Some(wrong) => (wrong.clone(), Role::Dead),
        None => (usage(palette, typed, state.view.narrow()), Role::Dim),
    };
    let usage = fit(&usage, area.width.saturating_sub(2));
    canvas.text(area.x + 1, area.y + 1, area.right(), &usage, role);
}

fn usage(palette: &Palette, typed: &str, narrow: bool) -> String {
    let verb = typed.split_whitespace().next().unwrap_or_default();
    let aimed = ["kill", "stop", "freeze", "thaw", "start", "restart"];
    let verb = aimed
        .into_iter()
        .find(|known| !verb.is_empty() && known.starts_with(verb));
    match verb {
        Some("kill") if narrow => {
            "kill broker 1, zookeeper, c1, controller, leader of TOPIC pN, all brokers".into()
        }
        Some(verb) if narrow => {
            format!("{verb} broker 1, zookeeper, c1, controller, leader of TOPIC pN")
        }
        Some("kill") => {
            "kill WHAT: broker 1, zookeeper, c1, controller, random, leader of TOPIC pN, all brokers"
                .into()
        }
        Some(verb) => format!("{verb} WHAT: broker 1, zookeeper, c1, controller, leader of TOPIC pN"),
        None => format!("{} actions fit", palette.found.len()),
    }
}
