//! Which broker keeps which partition, who leads, and what the next failure costs.
//!
//! ```text
//!       broker 1  broker 2  broker 3
//! p0    ◆ 45      ● 43 -2   ✗ 36 -9
//! e4    ISR 1,2
//! ```

use ratatui::layout::Rect;

use super::{
    replica_costs::{Line, aside, costs},
    topic_rows,
};

use crate::{
    state::{Action, Pane, Partition, Process, ReplicaRow, ScreenAction, State, Status, Topic},
    ui::{
        canvas::{Canvas, Frame, width, wrap_pieces},
        theme::Role,
        title, words,
    },
};
use wire::BrokerId;

/// Cells of the way back into the ISR.
const WAY_STEPS: usize = 3;

/// A broker's column: as drawn, and the least that holds `◆ 17k` with a blank.
const COLUMN_MAX: u16 = 10;
const COLUMN_MIN: u16 = 6;

/// A narrower column has no room for the mark of the preferred leader.
const PREFERRED_FROM: u16 = 8;

/// Columns before the first broker's.
const LABEL: u16 = 6;

/// Draws the pane with its frame.
pub fn draw(canvas: &mut Canvas<'_>, state: &State, area: Rect) {
    let topic = state.cluster.topics.get(&state.view.topic);
    let (name, note) = match topic {
        Some(topic) => {
            let factor = topic
                .partitions
                .iter()
                .map(|partition| partition.seen.replicas.len())
                .max();
            (
                format!("Replicas of {}", state.view.topic),
                factor.map_or_else(String::new, |factor| format!("RF {factor}")),
            )
        }
        None => ("Replicas".to_owned(), String::new()),
    };
    let frame = Frame {
        title: title(state, Pane::Replicas, name),
        note: &note,
        focused: state.view.focus == Pane::Replicas,
        dashed: false,
    };
    let inside = canvas.frame(area, &frame);
    draw_inside(canvas, state, inside);
}

/// Draws what is inside the frame.
pub fn draw_inside(canvas: &mut Canvas<'_>, state: &State, area: Rect) {
    let Some(topic) = state.cluster.topics.get(&state.view.topic) else {
        empty(canvas, state, area);
        return;
    };
    let (brokers, column) = columns(state, topic, area.width.saturating_sub(LABEL - 2));
    let long = column >= 10;
    for (index, broker) in (0..).zip(&brokers) {
        let x = area.x + LABEL + index * column;
        let name = if long {
            format!("broker {broker}")
        } else {
            format!("b{broker}")
        };
        canvas.text(x, area.y, area.right() + 1, &name, Role::Dim);
    }
    let marked = column >= PREFERRED_FROM;
    let mut legend: &[&str] = match (area.width >= 33, marked) {
        (true, true) => &[
            "◆ leads      ● in sync   ◌ behind",
            "◇ preferred  ✗ dead      e epoch",
        ],
        (true, false) => &["◆ leads      ● in sync   ◌ behind", "✗ dead       e epoch"],
        (false, true) => &["◆ leads ● in sync ◌ behind", "◇ preferred ✗ dead e epoch"],
        (false, false) => &["◆ leads ● in sync ◌ behind", "✗ dead e epoch"],
    };
    let urgent = !state.cluster.standstills(topic).is_empty();
    let sentences: Vec<Vec<Line>> = costs(state, topic, marked)
        .into_iter()
        .map(|sentence| wrapped(&[sentence], area.width + 1))
        .collect();
    let rows = state.replica_rows();
    if rows.is_empty() {
        let filter = state.view.filter(Pane::Replicas).unwrap_or_default();
        let words = words::no_match(state, filter);
        canvas.text(area.x, area.y + 1, area.right() + 1, &words, Role::Dim);
        return;
    }
    let count = u16::try_from(rows.len()).unwrap_or(u16::MAX);
    let folded = rows.iter().any(|row| matches!(row, ReplicaRow::Topic(_)));
    let room = area.height.saturating_sub(1);
    let rows_and_blank = usize::from(count) + 1;
    let left = usize::from(room).saturating_sub(rows_and_blank);
    let said: usize = sentences.iter().map(Vec::len).sum();
    if said + legend.len() > left {
        legend = &[];
    }
    let squeezed = urgent && said > left;
    let costs = if squeezed {
        // What stands still is said wherever there is a line for it; partitions can be scrolled.
        let mut lines = sentences.concat();
        lines.truncate(usize::from(room / 2));
        lines
    } else {
        that_fit(sentences, left)
    };
    let fixed = u16::try_from(costs.len() + legend.len()).unwrap_or(0);
    let open = !folded && count.saturating_mul(2) + 1 + fixed <= room;
    let fits = count.saturating_add(1 + fixed) <= room;
    let with_words = open || fits || squeezed;
    let lines = if with_words { room - fixed } else { room };
    let each = if open { 2 } else { 1 };
    let visible = usize::from((lines / each).max(1));
    let cursor = state.replica_cursor();
    let at = rows.iter().position(|row| *row == cursor).unwrap_or(0);
    let first = (at + 1).saturating_sub(visible);
    let mut y = area.y + 1;
    for line in rows.iter().skip(first).take(visible) {
        match line {
            ReplicaRow::Topic(name) => {
                let marked = state.view.focus == Pane::Replicas && *line == cursor;
                let place = (area.x, y, area.right() + 1);
                topic_rows::draw(canvas, state, name, place, marked);
            }
            ReplicaRow::Partition(index) => {
                let index = usize::try_from(*index).unwrap_or(0);
                if let Some(partition) = topic.partitions.get(index) {
                    let place = (area, y);
                    row(canvas, state, partition, &brokers, place, (column, open));
                }
            }
        }
        y += each;
    }
    if !with_words {
        return;
    }
    if open || fits {
        y += 1;
    }
    for line in &costs {
        canvas.pieces(area.x, y, area.right() + 1, line);
        y += 1;
    }
    for (line, y) in legend.iter().zip(area.bottom().saturating_sub(2)..) {
        canvas.text(area.x, y, area.right() + 1, line, Role::Dim);
    }
}

/// The brokers that have a column, and how wide it is. With too many of them only those that keep some
/// of the topic have one; none has where even these are too many.
fn columns(state: &State, topic: &Topic, room: u16) -> (Vec<BrokerId>, u16) {
    let all: Vec<BrokerId> = state
        .cluster
        .brokers()
        .filter_map(Process::broker)
        .collect();
    let keeps = |broker: &BrokerId| {
        let mut partitions = topic.partitions.iter();
        partitions.any(|partition| partition.seen.replicas.contains(broker))
    };
    let keepers: Vec<BrokerId> = all.iter().copied().filter(keeps).collect();
    for brokers in [all, keepers] {
        let count = u16::try_from(brokers.len()).unwrap_or(u16::MAX).max(1);
        if room / count >= COLUMN_MIN {
            return (brokers, (room / count).min(COLUMN_MAX));
        }
    }
    (Vec::new(), 0)
}

fn empty(canvas: &mut Canvas<'_>, state: &State, area: Rect) {
    let hint = if state.is_ready() {
        "No topic yet.  {topic create} makes one"
    } else {
        "No topic yet."
    };
    let hint = state.view.keys.fill(hint);
    let what = "Which broker keeps which partition, and which one leads it.";
    canvas.nothing_yet(area, what, &hint);
}

fn row(
    canvas: &mut Canvas<'_>,
    state: &State,
    partition: &Partition,
    brokers: &[BrokerId],
    (area, y): (Rect, u16),
    (column, open): (u16, bool),
) {
    let end = area.right() + 1;
    let index = partition.seen.partition;
    let place = Rect::new(area.x, y, area.width, if open { 2 } else { 1 });
    canvas.spot(place, || Action::Screen(ScreenAction::PickPartition(index)));
    let cursor = state.view.focus == Pane::Replicas
        && state.replica_cursor() == ReplicaRow::Partition(index);
    if cursor {
        canvas.text(area.x - 1, y, end, "►", Role::Focus);
    }
    let role = if cursor { Role::Strong } else { Role::Text };
    canvas.text(area.x, y, end, &format!("p{index}"), role);
    if brokers.is_empty() {
        listed(canvas, state, partition, (area.x + LABEL, y, end));
    }
    for (at, broker) in (0..).zip(brokers) {
        let x = area.x + LABEL + at * column;
        cell(canvas, state, partition, *broker, (x, y, end), column);
    }
    let columns = u16::try_from(brokers.len()).unwrap_or(0) * column;
    let after = area.x + LABEL + columns;
    let mut aside = aside(state, partition);
    let fits = |(_, words): &mut (Role, String)| after + width(words) <= end;
    if let Some((role, words)) = aside.take_if(fits) {
        canvas.text(after, y, end, &words, role);
    }
    if open {
        canvas.text(
            area.x,
            y + 1,
            end,
            &format!("e{}", partition.seen.epoch),
            Role::Dim,
        );
        let isr = format!("ISR {}", words::listed(&partition.seen.isr));
        let after = canvas.text(area.x + LABEL, y + 1, end, &isr, Role::Dim) + 3;
        if let Some((role, words)) = aside
            && after + width(&words) <= end
        {
            canvas.text(after, y + 1, end, &words, role);
        }
    }
}

/// `◆1 ●2 ✗3`: the replicas by name, where there is no room for columns.
fn listed(
    canvas: &mut Canvas<'_>,
    state: &State,
    partition: &Partition,
    (mut x, y, end): (u16, u16, u16),
) {
    for broker in &partition.seen.replicas {
        let gone = state.cluster.is_gone(*broker);
        let (sign, role) = match partition.seen.leader == Some(*broker) {
            _ if gone => ("✗", Role::Dead),
            true => ("◆", Role::Focus),
            false if partition.seen.isr.contains(broker) => ("●", Role::Text),
            false => ("◌", Role::Warning),
        };
        x = canvas.text(x, y, end, &format!("{sign}{broker} "), role);
    }
}

fn cell(
    canvas: &mut Canvas<'_>,
    state: &State,
    partition: &Partition,
    broker: BrokerId,
    (x, y, end): (u16, u16, u16),
    column: u16,
) {
    if !partition.seen.replicas.contains(&broker) {
        canvas.text(x, y, end, "-", Role::Dim);
        return;
    }
    let process = state.cluster.process(broker);
    let gone = process.is_some_and(|process| process.status.is_gone());
    // Whoever led last stays marked while it is dead and nobody else can lead.
    let led_last = gone && partition.led_last() == Some(broker);
    let leads = partition.seen.leader == Some(broker) || led_last;
    let frozen = process.is_some_and(|process| process.status == Status::Frozen);
    let log_end = partition.log_end();
    let at = partition.ends.get(&broker).copied();
    let number = at.map_or_else(|| "-".to_owned(), |at| offset(at.0, column - 3));
    let behind = at.map_or(0, |at| log_end.0 - at.0);
    let in_sync = partition.seen.isr.contains(&broker);
    let steps = i64::try_from(WAY_STEPS).unwrap_or(1);
    let way = partition.caught_up(broker, steps, state.now);
    let preferred = partition.preferred() == Some(broker) && !leads;
    let mut after = if leads && (gone || frozen) {
        let (sign, role) = if gone {
            ("✗", Role::Dead)
        } else {
            ("z", Role::Warning)
        };
        let room = (column - 1).min(end.saturating_sub(x));
        let ways = [
            format!("{sign} {number} ◆"),
            format!("{sign}◆ {number}"),
            format!("{sign}◆{number}"),
        ];
        // Cells never touch: with less room the two signs stand together.
        let fits = |words: &&String| width(words) <= room;
        let words = ways.iter().find(fits).cloned();
        canvas.text(x, y, end, &words.unwrap_or(format!("{sign}◆")), role)
    } else if leads {
        let changed = state.just_changed(partition.changed_at);
        let flashes = changed && !state.view.appearance.reduced_motion;
        let role = if flashes { Role::Flash } else { Role::Leader };
        let after = canvas.text(x - 1, y, end, &format!(" ◆ {number} "), role) - 1;
        if changed && !flashes {
            canvas.text(after, y, end, "▪", Role::Warning)
        } else {
            after
        }
    } else {
        let (sign, role) = if gone {
            ("✗", Role::Dead)
        } else if frozen {
            ("z", Role::Warning)
        } else if in_sync {
            ("●", Role::Text)
        } else if way.is_some() {
            ("▸", Role::Warning)
        } else {
            ("◌", Role::Warning)
        };
        let mark = canvas.text(x, y, end, sign, role) + 1;
        // On its way back it shows how far it is, else how much it misses.
        let missing = match way {
            Some(done) if !gone && !frozen && !state.view.appearance.reduced_motion => {
                let done = usize::try_from(done).unwrap_or(0).min(WAY_STEPS);
                let (there, ahead) = ("■".repeat(done), "□".repeat(WAY_STEPS - done));
                format!("{there}{ahead}")
            }
            _ => offset(-behind, column - 3),
        };
        let tone = if gone { Role::Dead } else { Role::Warning };
        if behind <= 0 {
            canvas.text(mark, y, end, &number, role)
        } else if width(&number) + width(&missing) + 3 <= (column - 1).min(end - x) {
            let x = canvas.text(mark, y, end, &number, role);
            canvas.text(x + 1, y, end, &missing, tone)
        } else if gone && at.is_some_and(|at| at.to_string() == number) {
            canvas.text(mark, y, end, &number, role)
        } else {
            // Where only one of them has room, the leader's cell tells the other.
            canvas.text(mark, y, end, &missing, tone)
        }
    };
    if preferred && column >= PREFERRED_FROM {
        if after + 1 < x + column {
            after += 1;
        }
        canvas.text(after, y, end, "◇", Role::Warning);
    }
}

/// `45`, `-9`, or `17k` and `-2.3k` where the digits have no room.
fn offset(offset: i64, columns: u16) -> String {
    let digits = offset.to_string();
    if width(&digits) <= columns {
        return digits;
    }
    let sign = if offset < 0 { "-" } else { "" };
    format!("{sign}{}", words::figure(offset.unsigned_abs()))
}

/// The first sentences, each whole, that take no more than so many lines.
fn that_fit(sentences: Vec<Vec<Line>>, left: usize) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for sentence in sentences {
        if lines.len() + sentence.len() > left {
            break;
        }
        lines.extend(sentence);
    }
    lines
}

/// Lines over as many lines as they need.
fn wrapped(lines: &[Line], columns: u16) -> Vec<Line> {
    let lines = lines.iter();
    lines.flat_map(|line| wrap_pieces(line, columns)).collect()
}

#[cfg(test)]
mod tests {
    use super::offset;

    #[test]
    fn an_offset_keeps_its_digits_or_its_size() {
        let written = [(45, 4), (17_497, 7), (17_497, 4), (-61, 4), (-12_345, 4)];
        let written = written.map(|(at, columns)| offset(at, columns));
        assert_eq!(written, ["45", "17497", "17k", "-61", "-12k"]);
    }
}
