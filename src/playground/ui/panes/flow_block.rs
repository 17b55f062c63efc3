//! One partition of the Flow pane: its replicas, the pipe into its leader and the pipes out of it.

use std::collections::{BTreeSet, VecDeque};

use super::{flow::Columns, log_lane::hue, log_window::Window};
use crate::{
    state::{
        FlowLane, Group, Pane, Partition, RecordKind, Standstill, State, Status, Word, grouped,
    },
    ui::{
        canvas::{Canvas, Frame, fit, width},
        theme::Role,
        words,
    },
};
use wire::{BrokerId, Offset, TopicPartition};

use ratatui::layout::Rect;

/// Columns of `  1 ◆  `.
const LABEL: u16 = 7;

/// Columns that a follower's note takes, `◄ fetching`.
const NOTE: u16 = 12;

/// Records whose keys are named in the title.
const KEYS_OF: usize = 50;

/// Keys that the title names.
const KEYS_MAX: usize = 4;

/// A partition with what its block needs.
pub struct Block<'a> {
    state: &'a State,
    place: TopicPartition,
    partition: &'a Partition,
    columns: Columns,
    open: bool,
    window: Window,
    /// Columns from one boundary to the next.
    cell: u16,
}

impl<'a> Block<'a> {
    /// The block of a partition; one that is not open has the leader's row only.
    #[must_use]
    pub fn new(state: &'a State, partition: &'a Partition, columns: Columns, open: bool) -> Self {
        let digits = width(&partition.log_end().0.to_string()).max(2);
        let cell = if partition.records_per_cell() > 1 {
            6
        } else {
            digits + 3
        };
        let room = columns
            .block_end
            .saturating_sub(columns.block + 2 + LABEL + NOTE);
        Self {
            state,
            place: TopicPartition::new(&state.view.topic, partition.seen.partition),
            partition,
            columns,
            open,
            window: Window::new(partition, None, 0, (room / cell).max(1)),
            cell,
        }
    }

    /// The rows it takes.
    #[must_use]
    pub fn height(&self) -> u16 {
        if self.open {
            u16::try_from(self.partition.seen.replicas.len()).unwrap_or(u16::MAX - 2) + 2
        } else {
            1
        }
    }

    /// Draws it from row `y` on, with what belongs to it above row `bottom`; `idle` are members of the group without a
    /// partition.
    pub fn draw(&self, canvas: &mut Canvas<'_>, (y, bottom): (u16, u16), idle: &[String]) {
        if !self.open {
            self.folded(canvas, y);
            return;
        }
        let Columns {
            block, block_end, ..
        } = self.columns;
        let area = Rect::new(block, y, block_end - block, self.height());
        let seen = &self.partition.seen;
        let note = format!("epoch {}  ISR {}", seen.epoch, words::listed(&seen.isr));
        canvas.frame(
            area,
            &Frame {
                title: self.title(area.width.saturating_sub(width(&note) + 10)),
                note: &note,
                focused: self.is_picked(),
                dashed: false,
            },
        );
        let mut brokers = seen.replicas.clone();
        brokers.sort();
        let mut leader_row = y + 1;
        for (broker, row) in brokers.iter().zip(y + 1..) {
            if seen.leader == Some(*broker) {
                leader_row = row;
            }
            self.replica(canvas, *broker, (block + 1, row, block_end - 1));
        }
        self.written(canvas, leader_row);
        // What has no row below the reader stands above it.
        let rows = (leader_row + 1..bottom).chain(y..leader_row);
        let mut rows = rows.collect();
        self.read(canvas, leader_row, &mut rows);
        self.others(canvas, &mut rows, idle);
    }

    /// `p3  1 ◆  │ 52 │ 53 ┃`, with its pipes.
    fn folded(&self, canvas: &mut Canvas<'_>, y: u16) {
        let Columns {
            block, block_end, ..
        } = self.columns;
        let role = if self.is_picked() {
            Role::Focus
        } else {
            Role::Strong
        };
        let x = canvas.text(
            block,
            y,
            block_end,
            &format!("p{}", self.place.partition),
            role,
        );
        match self.partition.seen.leader {
            Some(leader) => self.replica(canvas, leader, (x, y, block_end - 1)),
            None => {
                canvas.text(x, y, block_end, "  no leader", Role::Dead);
            }
        }
        self.written(canvas, y);
        self.read(canvas, y, &mut VecDeque::new());
    }

    fn is_picked(&self) -> bool {
        self.state.view.focus == Pane::Flow && self.state.view.partition == self.place.partition
    }

    fn title(&self, room: u16) -> Vec<(Role, String)> {
        let name = format!("p{}", self.place.partition);
        let mut keys = BTreeSet::new();
        for record in self.partition.tail.iter().rev().take(KEYS_OF) {
            keys.extend(
                record
                    .key
                    .as_deref()
                    .filter(|_| record.kind == RecordKind::Data),
            );
        }
        let more = if keys.len() > KEYS_MAX { " …" } else { "" };
        let named: Vec<&str> = keys.into_iter().take(KEYS_MAX).collect();
        let mut title = vec![(Role::Strong, name.clone())];
        if !named.is_empty() {
            let room = room.saturating_sub(width(&name));
            let words = format!(" keys {}{more}", named.join(" "));
            let words = if width(&words) <= room {
                words
            } else {
                fit(&format!(" {}{more}", named.join(" ")), room)
            };
            title.push((Role::Dim, words));
        }
        title
    }

    /// One replica's row: the end of its log, or why there is none.
    fn replica(&self, canvas: &mut Canvas<'_>, broker: BrokerId, (x, y, end): (u16, u16, u16)) {
        let state = self.state;
        let leads = self.partition.seen.leader == Some(broker);
        let known = self.partition.ends.get(&broker).copied();
        let status = state.cluster.process(broker).map(|process| process.status);
        if status.is_some_and(Status::is_gone) {
            canvas.text(x + 1, y, end, &format!(" {broker} ✗ "), Role::Dead);
            let ends = known.map_or_else(String::new, |at| format!(", its log ends at {at}"));
            let led_last = self.partition.led_last() == Some(broker);
            let leader = match state.cluster.standstill(self.partition) {
                Some(Standstill::Offline { .. }) if led_last => ", offline",
                _ if leads => ", nobody leads",
                _ => "",
            };
            let room = end.saturating_sub(x + LABEL);
            let whole = format!("broker {broker} is dead{leader}{ends}");
            let words = if width(&whole) <= room {
                whole
            } else {
                let ends = known.map_or_else(String::new, |at| format!(", ends at {at}"));
                fit(&format!("dead{leader}{ends}"), room)
            };
            canvas.text(x + LABEL, y, end, &words, Role::Dead);
            return;
        }
        let in_sync = self.partition.seen.isr.contains(&broker);
        let frozen = status == Some(Status::Frozen);
        let (sign, role) = match (leads, in_sync) {
            _ if frozen => ("z", Role::WarningChip),
            (true, _) => ("◆", Role::Leader),
            (false, true) => ("●", Role::Text),
            (false, false) => ("◌", Role::Warning),
        };
        canvas.text(x + 1, y, end, &format!(" {broker} {sign} "), role);
        let upto = if leads {
            self.partition.log_end()
        } else {
            known.unwrap_or_default()
        };
        let after = self.cells(canvas, leads, upto, (x + LABEL, y, end));
        if leads || known.is_none() {
            return;
        }
        let behind = self.partition.log_end().0 - upto.0;
        let (words, role) = match behind {
            _ if frozen => ("frozen".to_owned(), Role::Warning),
            ..=0 => ("level".to_owned(), Role::Dim),
            behind if behind > 9 && !in_sync => {
                (format!("◄ behind {}", grouped(behind)), Role::Warning)
            }
            _ => ("◄ fetching".to_owned(), Role::Warning),
        };
        let shown = fit(&words, end.saturating_sub(after + 1));
        canvas.text(after + 1, y, end, &shown, role);
    }

    /// The cells up to a log's end, and the sign at each boundary. Returns the column behind them.
    fn cells(
        &self,
        canvas: &mut Canvas<'_>,
        leads: bool,
        upto: Offset,
        (x, y, end): (u16, u16, u16),
    ) -> u16 {
        let high = self.partition.high_watermark.0;
        let Window {
            start, per_cell, ..
        } = self.window;
        let last = self.window.end.min(upto.0);
        // Inside a range the mark stands at the range's left edge.
        let mark_at = if high >= last {
            high
        } else {
            start + (high - start).div_euclid(per_cell) * per_cell
        };
        let sign = |offset: i64| match offset {
            offset if leads && offset == mark_at => ("┃", Role::HighWatermark),
            offset if leads && offset > mark_at => ("┊", Role::Dim),
            _ => ("│", Role::Dim),
        };
        let mut column = x;
        let mut offset = start;
        while offset < last {
            let (mark, role) = sign(offset);
            let after = canvas.text(column, y, end, mark, role);
            let (text, role) = self.cell(offset);
            canvas.text(after, y, (column + self.cell).min(end), &text, role);
            column += self.cell;
            offset += per_cell;
        }
        let (mark, role) = sign(last.max(start));
        canvas.text(column, y, end, mark, role)
    }

    fn cell(&self, offset: i64) -> (String, Role) {
        let safe = offset < self.partition.high_watermark.0;
        if self.window.per_cell > 1 {
            let role = if safe { Role::Text } else { Role::Dim };
            return (format!("{:>5}", words::range(offset)), role);
        }
        let digits = usize::from(self.cell - 3);
        let key = self
            .partition
            .record(Offset(offset))
            .and_then(|record| record.key.as_deref());
        let role = match (key, safe) {
            (_, false) => Role::Dim,
            (Some(key), true) => Role::Key(hue(key)),
            (None, true) => Role::Text,
        };
        (format!(" {offset:>digits$} "), role)
    }

    fn lane(&self) -> Option<&FlowLane> {
        self.state.cluster.flow.lane(&self.place)
    }

    /// `stream ──amy───────────►`
    fn written(&self, canvas: &mut Canvas<'_>, y: u16) {
        let Columns { left, block, .. } = self.columns;
        let lane = self.lane();
        let shown = |word: &&Word| self.state.just_changed(Some(word.at));
        let foreign = lane.and_then(|lane| lane.foreign.as_ref()).filter(shown);
        let own = lane.and_then(|lane| lane.written.as_ref()).filter(shown);
        let word = match (own, foreign) {
            (Some(own), Some(foreign)) if own.at < foreign.at => Some(foreign),
            (own, foreign) => own.or(foreign),
        };
        let is_foreign = word.is_some() && word == foreign;
        let streams = self.state.cluster.streams_into(&self.place.topic);
        let who = match (
            is_foreign,
            streams,
            lane.is_some_and(|lane| lane.written.is_some()),
        ) {
            (true, ..) => "other",
            (_, true, _) => "stream",
            (_, false, true) => "you",
            (_, false, false) => "",
        };
        canvas.text(left, y, block, who, Role::Text);
        let from = left + 7;
        let pipe = Pipe {
            from,
            end: block - 1,
            y,
            open: self.is_led(),
        };
        pipe.draw(canvas, word);
        let waiting = self.waiting();
        if waiting > 0 && !pipe.open {
            let waits = if waiting == 1 { "waits" } else { "wait" };
            let words = format!(
                "{} {waits}",
                grouped(i64::try_from(waiting).unwrap_or(i64::MAX))
            );
            canvas.text(from + 2, y, block - 2, &words, Role::Warning);
        }
    }

    /// Whether somebody takes writes.
    fn is_led(&self) -> bool {
        let leader = self.partition.seen.leader;
        leader.is_some_and(|leader| {
            let process = self.state.cluster.process(leader);
            process.is_none_or(|process| matches!(process.status, Status::Up | Status::Stopping))
        })
    }

    fn waiting(&self) -> u64 {
        self.state.cluster.waiting(&self.place)
    }

    /// `──dan───► c1 at 58 lag 2`, and under it the group; then other groups, then who is idle.
    fn read(&self, canvas: &mut Canvas<'_>, y: u16, rows: &mut VecDeque<u16>) {
        let Columns {
            block_end,
            readers,
            end,
            ..
        } = self.columns;
        let name = &self.state.view.group;
        if let Some(group) = self.state.cluster.groups.get(name) {
            let shown = |word: &&Word| self.state.just_changed(Some(word.at));
            let word = self
                .lane()
                .and_then(|lane| lane.read.get(name))
                .filter(shown);
            let reader = group.reader(&self.place);
            let pipe = Pipe {
                from: block_end + 1,
                end: readers - 1,
                y,
                open: reader.is_some(),
            };
            pipe.draw(canvas, word);
            self.reader(canvas, group, reader, (readers, y, end));
            if let Some(row) = rows.pop_front() {
                canvas.text(readers, row, end, &fit(name, end - readers), Role::Dim);
            }
        }
    }

    /// Other groups, then who has nothing to read, in the rows that are left.
    fn others(&self, canvas: &mut Canvas<'_>, rows: &mut VecDeque<u16>, idle: &[String]) {
        let Columns {
            block_end,
            readers,
            end,
            ..
        } = self.columns;
        let name = &self.state.view.group;
        let room = end.saturating_sub(readers);
        let others =
            self.state.cluster.groups.iter().filter(|(other, group)| {
                *other != name && group.committed.contains_key(&self.place)
            });
        let others = others.map(|(other, group)| {
            let lag = self.state.cluster.lag(group, &self.place).unwrap_or(0);
            let who = group.reader(&self.place).unwrap_or(self.nobody(group));
            [
                format!("{other} {who} lag {lag}"),
                format!("{other} lag {lag}"),
                format!(
                    "{} {lag}",
                    fit(other, room.saturating_sub(width(&lag.to_string()) + 1))
                ),
            ]
        });
        let others: Vec<_> = others.collect();
        let free = rows.len().saturating_sub(idle.len()).max(1);
        for (index, ways) in others.iter().enumerate() {
            let Some(row) = rows.pop_front() else {
                return;
            };
            let left = others.len() - index;
            if index + 1 == free && left > 1 {
                let words = fit(&format!("{left} more groups"), room);
                canvas.text(readers, row, end, &words, Role::Dim);
                break;
            }
            let way = ways.iter().find(|way| width(way) <= room);
            let shown = fit(way.or(ways.last()).map_or("", String::as_str), room);
            canvas.text(readers, row, end, &shown, Role::Dim);
        }
        for (words, row) in idle.iter().zip(&*rows) {
            canvas.right(block_end + 2, *row, end, words, Role::Dim);
        }
    }

    /// Why nobody of a group reads it.
    fn nobody(&self, group: &Group) -> &'static str {
        words::nobody_reads(self.state.cluster.is_without_coordinator(group))
    }

    fn reader(
        &self,
        canvas: &mut Canvas<'_>,
        group: &Group,
        reader: Option<&str>,
        (x, y, end): (u16, u16, u16),
    ) {
        let mut pieces = match reader {
            Some(reader) => vec![(Role::Reader, reader.to_owned())],
            None => vec![(Role::Warning, self.nobody(group).to_owned())],
        };
        let lag = self.state.cluster.lag(group, &self.place);
        let lag = lag.map_or_else(String::new, |lag| lag.to_string());
        let at = group
            .positions
            .get(&self.place)
            .or_else(|| group.committed.get(&self.place))
            .filter(|_| reader.is_some())
            .map(ToString::to_string);
        if let Some(at) = at
            && reader.map_or(0, width) + width(&at) + width(&lag) + 9 <= end.saturating_sub(x)
        {
            pieces.push((Role::Dim, " at ".to_owned()));
            pieces.push((Role::Text, at));
        }
        if !lag.is_empty() {
            pieces.push((Role::Dim, " lag ".to_owned()));
            pieces.push((Role::Text, lag));
        }
        canvas.pieces(x, y, end, &pieces);
    }
}

/// A line that records go along.
struct Pipe {
    from: u16,
    end: u16,
    y: u16,
    /// Whether it leads anywhere.
    open: bool,
}

impl Pipe {
    /// Draws it with the word that is on it now.
    fn draw(&self, canvas: &mut Canvas<'_>, word: Option<&Word>) {
        let dashes = "─".repeat(usize::from(self.end.saturating_sub(self.from + 1)));
        let tip = if self.open { "►" } else { "✗" };
        let role = if self.open { Role::Dim } else { Role::Dead };
        let x = canvas.text(self.from, self.y, self.end, &dashes, Role::Dim);
        canvas.text(x, self.y, self.end, tip, role);
        if let Some(word) = word {
            let key = word.key.as_deref().unwrap_or("no key");
            // A short pipe keeps one dash before the word, a long one two.
            let short = self.end.saturating_sub(self.from) < 9;
            let x = self.from + if short { 1 } else { 2 };
            let room = self.end.saturating_sub(x + 1);
            let role = word
                .key
                .as_deref()
                .map_or(Role::Strong, |key| Role::Key(hue(key)));
            canvas.text(x, self.y, self.end, &fit(key, room), role);
        }
    }
}
