//! Records in the order in which they were written, beside the order in which a group read them.
//!
//! ```text
//! written          on    read
//! 1 amy  12:04:06  p0    1 amy
//! 2 ben  12:04:07  p1    2 eli  ◂ 3rd
//! 3 eli  12:04:10  p0    3 ben    2nd
//!
//! p0 alone:  amy eli   in order
//! all of it: ben was written before eli and read after it
//! ```

use ratatui::layout::Rect;

use crate::{
    state::{Cluster, Pane, ReadRecord, State, Timestamp},
    ui::{
        canvas::{Canvas, Frame, Pieces, fit, width},
        theme::Role,
        title,
    },
};
use wire::TopicPartition;

/// Columns of a number and a key.
const NAMED: u16 = 7;

/// Columns of a partition and the gap behind it.
const PLACE: u16 = 6;

/// Partitions that are told one by one.
const ALONE_MAX: usize = 3;

/// Draws the pane with its frame.
pub fn draw(canvas: &mut Canvas<'_>, state: &State, area: Rect) {
    let order = Order::of(state);
    let words = match &order {
        Some(order) => format!("Order: {}, read by {}", state.view.topic, order.group),
        None => format!("Order: {}", state.view.topic),
    };
    let note = order.as_ref().map(|order| order.read.len().to_string());
    let frame = Frame {
        title: title(state, Pane::Order, words),
        note: note.as_deref().unwrap_or_default(),
        focused: state.view.focus == Pane::Order,
        dashed: false,
    };
    let inside = canvas.frame(area, &frame);
    draw_inside(canvas, state, inside);
}

/// Draws what is inside the frame.
pub fn draw_inside(canvas: &mut Canvas<'_>, state: &State, area: Rect) {
    let Some(order) = Order::of(state) else {
        let hint = state.view.fill("{consumer add} adds one who reads");
        canvas.nothing_yet(area, "Nobody here has read it yet.", &hint);
        return;
    };
    let told = order.told();
    let below = u16::try_from(told.len()).unwrap_or(0) + 1;
    let end = area.right() + 1;
    canvas.pieces(area.x, area.y, end, &heading());
    let rows = usize::from(area.height.saturating_sub(1 + below)).max(1);
    let skipped = order.read.len().saturating_sub(rows);
    let lines = order.lines(state).skip(skipped).take(rows);
    let mut y = area.y + 1;
    for line in lines {
        if y >= area.bottom() {
            return;
        }
        canvas.pieces(area.x, y, end, &line);
        y += 1;
    }
    for (line, y) in told.iter().zip(y + 1..area.bottom()) {
        canvas.pieces(area.x, y, end, line);
    }
}

fn heading() -> Pieces {
    let [written, on, read] = [
        padded("written", NAMED + 10),
        padded("on", PLACE),
        "read".to_owned(),
    ];
    vec![(Role::Dim, written + &on + &read)]
}

/// A record that was read.
struct Read {
    record: ReadRecord,
    /// Its key, or where it stands.
    name: String,
}

/// The newest records that a group read of the shown topic.
struct Order<'a> {
    group: &'a str,
    /// As they were read.
    read: Vec<Read>,
    /// The same as they were written: their places in `read`.
    written: Vec<usize>,
}

impl<'a> Order<'a> {
    /// Of the shown group where it reads the shown topic, else of another one that does.
    fn of(state: &'a State) -> Option<Self> {
        let topic = &state.view.topic;
        let groups = state.cluster.groups.iter();
        let reading = groups.filter(|(_, group)| group.reading.order(topic).len() > 0);
        let (group, known) = reading.max_by_key(|(name, group)| {
            let shown = **name == state.view.group;
            (shown, group.since)
        })?;
        let read: Vec<Read> = known
            .reading
            .order(topic)
            .map(|record| Read {
                record: *record,
                name: named(&state.cluster, topic, record),
            })
            .collect();
        let mut written: Vec<usize> = (0..read.len()).collect();
        written.sort_by_key(|at| read.get(*at).map(|read| read.record.written_ms));
        Some(Self {
            group,
            read,
            written,
        })
    }

    /// A line for each: who was written in this place, and who was read in it.
    fn lines(&self, state: &'a State) -> impl Iterator<Item = Pieces> {
        let both = self.written.iter().zip(&self.read).enumerate();
        both.filter_map(move |(index, (at, read))| {
            let number = index + 1;
            let first = self.read.get(*at)?;
            let clock = Timestamp::from_ms(first.record.written_ms);
            let clock = clock.clock(state.setup.utc_offset_s);
            let left = fit(&format!("{number} {}", first.name), NAMED);
            let place = format!("p{}", first.record.partition);
            let right = fit(&format!("{number} {}", read.name), NAMED);
            let rank = self.written.iter().position(|at| *at == index)? + 1;
            let mark = match rank.cmp(&number) {
                std::cmp::Ordering::Equal => (Role::Text, String::new()),
                std::cmp::Ordering::Greater => (Role::Warning, format!("◂ {}", nth(rank))),
                std::cmp::Ordering::Less => (Role::Dim, format!("  {}", nth(rank))),
            };
            Some(vec![
                (Role::Text, padded(&left, NAMED)),
                (Role::Dim, format!("{clock}  ")),
                (Role::Text, padded(&place, PLACE)),
                (Role::Text, padded(&right, NAMED)),
                mark,
            ])
        })
    }

    /// What is in order, and what is not.
    fn told(&self) -> Vec<Pieces> {
        let mut partitions: Vec<i32> = self.read.iter().map(|it| it.record.partition).collect();
        partitions.sort_unstable();
        partitions.dedup();
        let mut told = Vec::new();
        if partitions.len() > 1 && partitions.len() <= ALONE_MAX {
            told.extend(partitions.iter().map(|partition| self.alone(*partition)));
        }
        told.push(match self.overtaking() {
            Some((late, early)) => vec![
                (Role::Dead, "✗ ".to_owned()),
                (
                    Role::Text,
                    format!("{late} came before {early}, read after"),
                ),
            ],
            None => vec![
                (Role::Good, "✓ ".to_owned()),
                (Role::Text, "read in the order they came".to_owned()),
            ],
        });
        told
    }

    /// `p0 alone:  in order`
    fn alone(&self, partition: i32) -> Pieces {
        let of = || {
            self.read
                .iter()
                .filter(move |it| it.record.partition == partition)
        };
        let names: Vec<&str> = of().map(|it| it.name.as_str()).collect();
        let is_sorted = of().is_sorted_by_key(|it| it.record.offset);
        let order = if is_sorted { "in order" } else { "read again" };
        vec![
            (Role::Dim, format!("p{partition} alone  ")),
            (Role::Text, fit(&names.join(" "), 16)),
            (Role::Dim, format!("  {order}")),
        ]
    }

    /// The first that was read after one that was written later, and that one.
    fn overtaking(&self) -> Option<(&str, &str)> {
        let mut latest: Option<&Read> = None;
        for read in &self.read {
            match latest {
                Some(later) if read.record.written_ms < later.record.written_ms => {
                    return Some((&read.name, &later.name));
                }
                _ => latest = Some(read),
            }
        }
        None
    }
}

fn named(cluster: &Cluster, topic: &str, record: &ReadRecord) -> String {
    let place = TopicPartition::new(topic, record.partition);
    let partition = cluster.partition(&place);
    let seen = partition.and_then(|partition| partition.record(record.offset));
    let key = seen.and_then(|seen| seen.key.clone());
    key.unwrap_or_else(|| format!("@{}", record.offset.0))
}

fn padded(words: &str, columns: u16) -> String {
    let gap = columns.saturating_sub(width(words));
    format!("{words}{}", " ".repeat(gap.into()))
}

/// `2nd`
fn nth(number: usize) -> String {
    let ending = match (number % 100, number % 10) {
        (11..=13, _) => "th",
        (_, 1) => "st",
        (_, 2) => "nd",
        (_, 3) => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

#[cfg(test)]
mod tests {
    #[test]
    fn numbers_have_their_endings() {
        let said: Vec<String> = [1, 2, 3, 4, 11, 12, 13, 21, 102].map(super::nth).into();
        let meant = [
            "1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "102nd",
        ];
        assert_eq!(said, meant);
    }
}
