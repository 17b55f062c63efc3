//! Records on their way: a block for each partition, a row for each replica; pipes enter and leave
//! at the leader's row, so a fail-over moves them.
//!
//! ```text
//!                            ╭─ p0 keys amy dan ───────────────────── epoch 4  ISR 1,2 ─╮
//!   stream ──amy───────────► │  1 ◆  │ 52 │ 53 │ 54 │ 55 │ 56 │ 57 ┃ 58 ┊               │ ──dan───► c1 at 58 lag 2
//!                            │  2 ●  │ 52 │ 53 │ 54 │ 55 │ 56 │ 57 │ ◄ fetching         │           billing
//!                            ╰──────────────────────────────────────────────────────────╯
//! ```

use ratatui::layout::Rect;

use super::flow_block::Block;
use crate::{
    state::{Pane, Partition, ProcessName, State, Topic, grouped, records_per_word},
    ui::{
        canvas::{Canvas, fit, width},
        theme::Role,
    },
};
use wire::TopicPartition;

/// Where the parts of the pane stand.
#[derive(Debug, Clone, Copy)]
pub struct Columns {
    /// The first column of the producers.
    pub left: u16,
    /// The left edge of the blocks.
    pub block: u16,
    /// One behind their right edge.
    pub block_end: u16,
    /// Where consumers are named.
    pub readers: u16,
    /// One behind the last column.
    pub end: u16,
}

impl Columns {
    fn new(area: Rect) -> Self {
        let wide = area.width >= 110;
        let (before, behind) = if wide { (27, 33) } else { (16, 22) };
        let block = area.x + before;
        let block_end = area.right().saturating_sub(behind).max(block + 4);
        Self {
            left: area.x + 2,
            block,
            block_end,
            readers: block_end + if wide { 11 } else { 7 },
            end: area.right(),
        }
    }
}

/// Draws the pane; it has no frame.
pub fn draw(canvas: &mut Canvas<'_>, state: &State, area: Rect) {
    let known = state.cluster.topics.get(&state.view.topic);
    let Some(topic) = known.filter(|_| state.is_ready()) else {
        let words = if state.is_ready() {
            "No topic to show.  {topic create} makes one"
        } else {
            "Who writes, which broker keeps it, who reads it: as it happens."
        };
        let words = state.view.keys.fill(words);
        canvas.text(area.x + 2, area.y + 1, area.right(), &words, Role::Dim);
        return;
    };
    let columns = Columns::new(area);
    let form = Form::new(topic, area.height);
    let shown = form.shown(state, topic);
    titles(canvas, state, topic, (columns, area.y), shown.len());
    let mut y = area.y + 1;
    for (index, partition) in shown.iter().enumerate() {
        let block = Block::new(state, partition, columns, form.open);
        if y + block.height() > area.bottom() {
            break;
        }
        let last = index + 1 == shown.len();
        let idle = if last { idle(state, topic) } else { Vec::new() };
        let next = (y + block.height() + u16::from(form.airy)).min(area.bottom());
        block.draw(canvas, (y, next), &idle);
        y = next;
    }
    if form.legend {
        legend(canvas, area);
    }
}

/// How much of the partitions fits.
struct Form {
    /// Whether each replica has its row.
    open: bool,
    /// Whether blocks have air between them.
    airy: bool,
    /// Whether the last two lines tell the signs.
    legend: bool,
    /// How many partitions are shown.
    count: usize,
}

impl Form {
    fn new(topic: &Topic, height: u16) -> Self {
        let count = u16::try_from(topic.partitions.len()).unwrap_or(u16::MAX);
        let replicas = topic
            .partitions
            .iter()
            .map(|partition| u16::try_from(partition.seen.replicas.len()).unwrap_or(u16::MAX))
            .max()
            .unwrap_or(1);
        let block = replicas.saturating_add(2);
        let room = height.saturating_sub(1);
        let fits = |lines: u16, more: u16| lines.saturating_mul(count).saturating_add(more) <= room;
        let forms = [
            (block + 1, 2, true, true, true),
            (block, 2, true, false, true),
            (block, 0, true, false, false),
            (2, 2, false, true, true),
            (1, 2, false, false, true),
            (1, 0, false, false, false),
        ];
        let found = forms.iter().find(|(lines, more, ..)| fits(*lines, *more));
        let (lines, more, open, airy, legend) =
            found.copied().unwrap_or((1, 0, false, false, false));
        Self {
            open,
            airy,
            legend,
            count: usize::from(room.saturating_sub(more) / lines),
        }
    }

    /// The partitions that are shown, the picked one among them.
    fn shown<'a>(&self, state: &State, topic: &'a Topic) -> Vec<&'a Partition> {
        let picked = usize::try_from(state.view.partition).unwrap_or(0);
        let last = topic.partitions.len().saturating_sub(self.count);
        let first = picked.saturating_sub(self.count / 2).min(last);
        topic
            .partitions
            .iter()
            .skip(first)
            .take(self.count)
            .collect()
    }
}

fn titles(
    canvas: &mut Canvas<'_>,
    state: &State,
    topic: &Topic,
    (columns, y): (Columns, u16),
    shown: usize,
) {
    canvas.text(columns.left, y, columns.block, "producers", Role::Strong);
    let focused = state.view.focus == Pane::Flow;
    let x = if focused {
        canvas.text(columns.block, y, columns.block_end, "► ", Role::Focus)
    } else {
        columns.block + 2
    };
    let room = columns.block_end - x;
    let name = format!("partitions of {}", state.view.topic);
    let whole = format!("{name}, on their brokers");
    let title = if width(&whole) <= room {
        whole
    } else {
        fit(&name, room)
    };
    let mut x = canvas.text(x, y, columns.block_end, &title, Role::Strong);
    let per_word = topic.partitions.iter().map(records_per_word).max();
    let mut notes = Vec::new();
    if let Some(per_word) = per_word.filter(|per_word| *per_word > 1) {
        notes.push(format!("1 word = {} records", grouped(per_word)));
    }
    if shown < topic.partitions.len() {
        notes.push(format!("{shown} of {}", topic.partitions.len()));
    }
    if !notes.is_empty() {
        let words = format!("   {}", notes.join("   "));
        x = canvas.text(x, y, columns.end, &words, Role::Warning);
    }
    let readers = columns.readers.saturating_sub(6);
    if x < readers {
        canvas.text(readers, y, columns.end, "consumers", Role::Strong);
    }
}

/// The members of the group that have nothing to read.
fn idle(state: &State, topic: &Topic) -> Vec<String> {
    let Some(group) = state.cluster.groups.get(&state.view.group) else {
        return Vec::new();
    };
    let read: usize = topic
        .partitions
        .iter()
        .filter(|partition| {
            let place = TopicPartition::new(&state.view.topic, partition.seen.partition);
            group.reader(&place).is_some()
        })
        .count();
    // While partitions are being divided nobody is idle yet.
    if group.rebalancing() || read < topic.partitions.len() {
        return Vec::new();
    }
    let members = group
        .members
        .values()
        .filter(|member| member.reads.is_empty());
    let alive = members.filter(|member| {
        let name = ProcessName::Consumer(member.name.clone());
        let process = state.cluster.processes.get(&name);
        process.is_none_or(|process| !process.status.is_gone())
    });
    alive
        .map(|member| format!("{} idle: no partition left", member.name))
        .collect()
}

fn legend(canvas: &mut Canvas<'_>, area: Rect) {
    let (x, y, end) = (area.x + 2, area.bottom() - 2, area.right());
    let fitting = |ways: [&'static str; 2], x: u16| {
        let fits = |words: &&str| width(words) <= end.saturating_sub(x);
        let last = ways.last().copied().unwrap_or_default();
        fit(ways.into_iter().find(fits).unwrap_or(last), end - x)
    };
    let words = fitting(
        [
            "1 word on a line = 1 record, by its key. From 50/s on: one word = a group, and the title \
             says how many.",
            "1 word = 1 record, by its key. From 50/s on it is a group: the title says of how many.",
        ],
        x,
    );
    canvas.text(x, y, end, &words, Role::Dim);
    let x = canvas.text(x, y + 1, end, "┃", Role::HighWatermark);
    let words = fitting(
        [
            " high watermark: consumers stop here    ┊ not safe yet    level: the follower has all that \
             the leader has",
            " high watermark: consumers stop here   ┊ not safe yet   level: has all of the leader",
        ],
        x,
    );
    canvas.text(x, y + 1, end, &words, Role::Dim);
}
