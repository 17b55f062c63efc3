//! The logs of a topic: as many partitions open as fit, the others folded to a line each.

use ratatui::layout::Rect;

use super::log_lane::{Lane, OPEN, Ruler};
use super::log_legend::{narrow_legend, wide_legend};
use super::log_receipt::receipt;
use super::log_starting::starting;
use crate::{
    state::{Pane, Partition, State, Topic, grouped},
    ui::{
        canvas::{Canvas, Frame, fit, width, wrap},
        panes::log_window::CELL,
        theme::Role,
        title, words,
    },
};
use wire::TopicPartition;

/// Columns for a sentence behind the figures, and how wide a pane must be to have them; and those for fewer words.
const EXPLAINED: u16 = 36;
const EXPLAINED_FROM: u16 = 100;
const EXPLAINED_BRIEFLY: u16 = 18;

/// Draws the pane.
pub fn draw(canvas: &mut Canvas<'_>, state: &State, area: Rect) {
    let topic = topic_shown(state);
    let note = topic.map_or_else(String::new, |topic| note(state, topic));
    let name = match topic {
        Some(_) => format!("Log of {}", state.view.topic),
        None => "Log".to_owned(),
    };
    let frame = Frame {
        title: title(state, Pane::Log, name),
        note: &note,
        focused: state.view.focus == Pane::Log,
        dashed: false,
    };
    let inside = canvas.frame(area, &frame);
    draw_inside(canvas, state, inside);
}

/// Draws what is inside the frame.
pub fn draw_inside(canvas: &mut Canvas<'_>, state: &State, area: Rect) {
    match topic_shown(state) {
        Some(topic) => lanes(canvas, state, topic, area),
        None => starting(canvas, state, area),
    }
}

fn topic_shown(state: &State) -> Option<&Topic> {
    let topic = state.cluster.topics.get(&state.view.topic);
    topic.filter(|_| state.is_ready())
}

fn note(state: &State, topic: &Topic) -> String {
    if topic.partitions.iter().all(untouched) {
        return "empty".to_owned();
    }
    let grouping = topic
        .partitions
        .iter()
        .map(Partition::records_per_cell)
        .max();
    let start = topic
        .partitions
        .iter()
        .find(|partition| partition.seen.partition == state.view.partition)
        .map_or(0, |partition| partition.log_start.0);
    let gap = if state.view.narrow() { " " } else { "   " };
    let mut notes = Vec::new();
    let markers: Option<usize> = topic.partitions.iter().map(Partition::markers).sum();
    match markers {
        None | Some(0) => {}
        Some(1) => notes.push("1 marker".to_owned()),
        Some(count) => notes.push(format!("{count} markers")),
    }
    let hidden = topic.all_hidden();
    if hidden > 0 {
        notes.push(format!("{} not shown", grouped(hidden)));
    }
    if let Some(per_cell) = grouping.filter(|per_cell| *per_cell > 1) {
        notes.push(format!("1 cell = {} records", grouped(per_cell)));
    }
    if start > 0 {
        notes.push(format!("start {}", grouped(start)));
    }
    match state.view.record {
        Some(offset) => notes.push(
            state
                .view
                .keys
                .fill(&format!("at {offset}, {{move last}} follows")),
        ),
        None => notes.push(format!("older ◂{gap}▸ newest")),
    }
    notes.join("   ")
}

/// Whether nothing was ever written to it: a log that was emptied has figures still.
pub(super) fn untouched(partition: &Partition) -> bool {
    partition.log_end().0 == 0
}

fn lanes(canvas: &mut Canvas<'_>, state: &State, topic: &Topic, area: Rect) {
    let ruler = ruler(state, topic, area);
    let shown: Vec<&Partition> = topic
        .partitions
        .iter()
        .filter(|partition| {
            state.view.filter(Pane::Log).is_none_or(|filter| {
                format!("p{}", partition.seen.partition) == filter
                    || partition.tail.iter().any(|record| {
                        let has = |text: &Option<String>| {
                            text.as_ref().is_some_and(|text| text.contains(filter))
                        };
                        has(&record.key) || has(&record.value)
                    })
            })
        })
        .collect();
    if shown.is_empty() {
        let filter = state.view.filter(Pane::Log).unwrap_or_default();
        let words = words::no_match(state, filter);
        canvas.text(area.x, area.y, area.right(), &words, Role::Dim);
        return;
    }
    if let Some(lanes) = all_open(state, &shown, ruler, area.height) {
        let mut y = area.y;
        for (partition, (lane, open)) in shown.iter().zip(lanes) {
            let marked =
                state.view.focus == Pane::Log && state.view.partition == partition.seen.partition;
            if open {
                lane.draw_open(canvas, y, marked);
                y += lane.rows();
            } else {
                lane.draw_folded(canvas, y);
                y += 1;
            }
        }
        below(canvas, state, topic, area);
    } else {
        folded(canvas, state, &shown, area, ruler);
    }
    if topic.partitions.iter().all(untouched) && !state.coach.hidden {
        press_p(canvas, state, ruler, area);
    }
}

/// The lanes, and which of them are open: all, with rows for their transactions where there is room for those, else
/// without. Who looks at transactions has partitions without one folded before that. `None`: there is no room for all.
fn all_open<'a>(
    state: &'a State,
    shown: &[&'a Partition],
    ruler: Ruler,
    height: u16,
) -> Option<Vec<(Lane<'a>, bool)>> {
    let lanes = || {
        shown
            .iter()
            .map(|partition| Lane::new(state, partition, ruler))
    };
    let fits = |rows: u16| rows.saturating_add(2) <= height;
    let all: u16 = lanes().map(|lane| lane.rows()).sum();
    if fits(all) {
        return Some(lanes().map(|lane| (lane, true)).collect());
    }
    if state.view.is_on_screen(Pane::Transactions) {
        let opens = |lane: &Lane<'_>| lane.has_bracket();
        let rows = lanes().map(|lane| if opens(&lane) { lane.rows() } else { 1 });
        if lanes().any(|lane| opens(&lane)) && fits(rows.sum()) {
            let lanes = lanes().map(|lane| {
                let open = opens(&lane);
                (lane, open)
            });
            return Some(lanes.collect());
        }
    }
    let count = u16::try_from(shown.len()).unwrap_or(u16::MAX);
    let plain = || lanes().map(|lane| (lane.plain(), true)).collect();
    fits(count.saturating_mul(OPEN)).then(plain)
}

/// Only the picked partition is open; the others have a line each, and scroll if they must.
fn folded(canvas: &mut Canvas<'_>, state: &State, shown: &[&Partition], area: Rect, ruler: Ruler) {
    let picked = shown
        .iter()
        .position(|partition| partition.seen.partition == state.view.partition)
        .unwrap_or(0);
    let count = u16::try_from(shown.len()).unwrap_or(u16::MAX);
    let others = count.saturating_sub(1);
    let open = shown
        .get(picked)
        .map(|partition| Lane::new(state, partition, ruler));
    let with_bracket =
        open.is_some_and(|lane| lane.rows() + others.min(2) < area.height && lane.has_bracket());
    let open = OPEN + u16::from(with_bracket);
    let room = area.height.saturating_sub(open);
    let airy = others + 3 <= room;
    let legend = others < room;
    let fit_others = usize::from(others.min(room.saturating_sub(u16::from(legend && airy))));
    let before = picked.min(fit_others);
    let first = picked - before;
    let after = fit_others - before;
    let mut y = area.y;
    for (index, partition) in shown
        .iter()
        .enumerate()
        .skip(first)
        .take(before + 1 + after)
    {
        let lane = Lane::new(state, partition, ruler);
        if index == picked {
            if airy && index > first {
                y += 1;
            }
            let lane = if with_bracket { lane } else { lane.plain() };
            lane.draw_open(canvas, y, true);
            y += open;
            if airy {
                y += 1;
            }
        } else if y < area.bottom() {
            lane.draw_folded(canvas, y);
            y += 1;
        }
    }
    let after_lanes = y;
    if legend && y <= area.bottom().saturating_sub(1) {
        let y = area.bottom() - 1;
        if let Some(line) = state.coach_line() {
            coach(canvas, &line, area, after_lanes);
        } else if state.view.narrow() {
            narrow_legend(canvas, state, (area.x, y, area.right() + 1));
        } else {
            receipt(canvas, state, area, y);
        }
    }
}

/// What the coach says, on the last lines of the pane, as many as it needs and there are behind the lanes.
fn coach(canvas: &mut Canvas<'_>, line: &str, area: Rect, free_from: u16) {
    let columns = area.width + 1;
    let lines = wrap(line, usize::from(columns));
    let needed = u16::try_from(lines.len()).unwrap_or(u16::MAX);
    if needed > area.bottom().saturating_sub(free_from) {
        let words = fit(line, columns);
        canvas.text(
            area.x,
            area.bottom() - 1,
            area.right() + 1,
            &words,
            Role::Good,
        );
        return;
    }
    for (line, y) in lines.iter().zip(area.bottom() - needed..) {
        canvas.text(area.x, y, area.right() + 1, line, Role::Good);
    }
}

fn ruler(state: &State, topic: &Topic, area: Rect) -> Ruler {
    let narrow = state.view.narrow();
    let open = topic.partitions.len() * usize::from(OPEN) + 2 <= usize::from(area.height);
    let group = state.cluster.groups.get(&state.view.group);
    let figures = topic
        .partitions
        .iter()
        .map(|partition| {
            let high = partition.high_watermark.0;
            if open {
                return width(&high.to_string()) + 6;
            }
            let place = TopicPartition::new(&state.view.topic, partition.seen.partition);
            let lag = group.and_then(|group| state.cluster.lag(group, &place));
            width(&format!("HW {high} lag {}", lag.unwrap_or(0))) + 2
        })
        .max()
        .unwrap_or(0)
        .max(if narrow { 13 } else { 12 });
    // Why records are not shown, or not written, takes more room than the cells leave behind the log's end.
    let explained = topic.partitions.iter().any(|partition| {
        let place = TopicPartition::new(&state.view.topic, partition.seen.partition);
        let waits = state.cluster.waiting_for_all(&place) > 0 || topic.hidden(partition).is_some();
        waits && topic.too_few_in_sync(partition).is_some()
    });
    let explained = match explained {
        true if area.width >= EXPLAINED_FROM => EXPLAINED,
        true => EXPLAINED_BRIEFLY,
        false => 0,
    };
    let figures = (area.right() + 2)
        .saturating_sub(figures + explained)
        .max(area.x);
    let label = topic
        .partitions
        .iter()
        .filter(|partition| !untouched(partition))
        .map(|partition| width(&words::listed(&partition.seen.isr)) + 5)
        .max()
        .unwrap_or(0)
        .max(9);
    let cells = area.x + label;
    Ruler {
        labels: area.x,
        cells,
        count: figures.saturating_sub(cells + 2) / CELL,
        figures,
        end: area.right() + 1,
        narrow,
    }
}

/// The line of the signs, or the coach; and the receipt.
fn below(canvas: &mut Canvas<'_>, state: &State, topic: &Topic, area: Rect) {
    let (legend, last) = (area.bottom() - 2, area.bottom() - 1);
    if topic.partitions.iter().all(untouched) {
        if !state.coach.hidden {
            tries(canvas, state, area, last);
        }
        return;
    }
    match state.coach_line() {
        Some(line) => {
            let text = fit(&line, area.right() + 1 - area.x);
            canvas.text(area.x, legend, area.right() + 1, &text, Role::Good);
        }
        None => wide_legend(canvas, state, topic, (area.x, legend, area.right() + 1)),
    }
    receipt(canvas, state, area, last);
}

/// The first words of the coach, in the empty log.
fn press_p(canvas: &mut Canvas<'_>, state: &State, ruler: Ruler, area: Rect) {
    let x = ruler.cells + 17;
    let end = area.right() + 1;
    // A log that was lost is empty too, but its readers stand where they stood.
    let was_written = state.cluster.produced.acked > 0;
    if end.saturating_sub(x) < 36 || area.height < 6 || was_written {
        return;
    }
    let key = state.view.keys.shown("produce");
    let mut y = area.y + 1;
    let after = canvas.text(x, y, end, "Press ", Role::Strong);
    let after = canvas.text(after, y, end, &format!(" {key} "), Role::Flash);
    canvas.text(after, y, end, " to send a record.", Role::Strong);
    y += 2;
    let followers = state
        .cluster
        .topics
        .get(&state.view.topic)
        .and_then(|topic| topic.partitions.first())
        .map_or(0, |partition| {
            partition.seen.replicas.len().saturating_sub(1)
        });
    let follow = match followers {
        0 => String::new(),
        1 => ", one follower copies".to_owned(),
        2 => ", two followers copy".to_owned(),
        many => format!(", {many} followers copy"),
    };
    let (copies, reads) = if followers == 0 {
        ("leader writes it, one consumer".to_owned(), "reads it.")
    } else {
        (
            format!("leader writes it{follow}"),
            "it, one consumer reads it.",
        )
    };
    for line in ["Its key picks the partition, the", &copies, reads] {
        canvas.text(x, y, end, line, Role::Dim);
        y += 1;
    }
}

fn tries(canvas: &mut Canvas<'_>, state: &State, area: Rect, y: u16) {
    let picked = words::name(&state.view.picked);
    let end = area.right() + 1;
    let mut x = canvas.text(area.x, y, end, "try  ", Role::Dim);
    let known = state.cluster.processes.get(&state.view.picked);
    let gone = known.is_some_and(|process| process.status.is_gone());
    let mut what = vec![
        ("produce", "a record".into()),
        ("stream faster", "a stream".into()),
    ];
    if gone {
        what.push(("start", format!("start {picked} again")));
    } else {
        what.push(("kill", format!("kill {picked}")));
        what.push(("start", "start it again".into()));
    }
    for (action, words) in what {
        let key = state.view.keys.shown(action);
        x = canvas.text(x, y, end, &key, Role::Focus);
        x = canvas.text(x, y, end, &format!(" {words}   "), Role::Text);
    }
    let hides = state.view.keys.fill("{back} hides");
    canvas.text(x, y, end, &hides, Role::Dim);
}
