//! One partition of the Log pane: brokers above its cells, readers below.
//!
//! ```text
//! p0 ◆ 1   ‹ ✗3 ends at 36                    2▼         ◆1▼          end 45
//! ISR 1,2  │  37 │  38 │  39 │  40 │  41 │  42 ┃  43 ┊  44 ┊          HW  43
//! epoch 4  │ dan │ amy │ amy │ amy │ dan │ dan ┃ amy ┊ amy ┊
//! readers        billing no reader ▲                                  lag 2
//! ```

use std::collections::BTreeMap;

use ratatui::layout::Rect;

use super::{
    log::untouched,
    log_window::{CELL, Window},
};
use crate::{
    state::{
        Action, Bracket, Cluster, DEMO_KEYS, Partition, RecordFace, RecordKind, RecordSeen,
        ScreenAction, State, Timestamp, grouped,
    },
    ui::{
        canvas::{Canvas, Pieces, columns, fit},
        theme::Role,
        words,
    },
};
use wire::{Offset, TopicPartition, murmur2::murmur2, shown};

/// Rows of an open partition.
pub const OPEN: u16 = 4;

/// Columns of a group's name beside its mark.
const GROUP_NAME: u16 = 16;

/// Where the parts of a lane stand.
#[derive(Debug, Clone, Copy)]
pub struct Ruler {
    /// The first column of the labels.
    pub labels: u16,
    /// The column of the first boundary.
    pub cells: u16,
    /// How many cells fit.
    pub count: u16,
    /// The column of `end`, `HW` and `lag`.
    pub figures: u16,
    /// One behind the last column.
    pub end: u16,
    /// Whether there is little room.
    pub narrow: bool,
}

/// A partition with what its lane needs.
pub struct Lane<'a> {
    pub(super) state: &'a State,
    pub(super) place: TopicPartition,
    pub(super) partition: &'a Partition,
    pub(super) ruler: Ruler,
    pub(super) window: Window,
    picked: bool,
    /// The transaction that has a row of its own.
    bracket: Option<Bracket>,
}

impl<'a> Lane<'a> {
    /// The lane of a partition.
    #[must_use]
    pub fn new(state: &'a State, partition: &'a Partition, ruler: Ruler) -> Self {
        let index = partition.seen.partition;
        let picked = state.view.partition == index;
        let cursor = state.view.record.filter(|_| picked);
        let mut lane = Self {
            state,
            place: TopicPartition::new(&state.view.topic, index),
            partition,
            ruler,
            window: Window::new(partition, cursor, ruler.cells, ruler.count),
            picked,
            bracket: None,
        };
        lane.bracket = lane.bracket();
        lane
    }

    /// Without the row of a transaction, where there is no room for it.
    #[must_use]
    pub fn plain(self) -> Self {
        Self {
            bracket: None,
            ..self
        }
    }

    /// Whether it has a row for a transaction.
    #[must_use]
    pub fn has_bracket(&self) -> bool {
        self.bracket.is_some()
    }

    /// How many rows it has where it is open.
    #[must_use]
    pub fn rows(&self) -> u16 {
        OPEN + u16::from(self.has_bracket())
    }

    pub(super) fn now(&self) -> Timestamp {
        self.state.now
    }

    pub(super) fn cluster(&self) -> &Cluster {
        &self.state.cluster
    }

    fn empty(&self) -> bool {
        self.partition.log_end() == self.partition.log_start
    }

    /// Draws the rows of an open partition.
    pub fn draw_open(&self, canvas: &mut Canvas<'_>, y: u16, marked: bool) {
        self.spot(canvas, y, self.rows());
        let labels = self.ruler.labels;
        let after = self.label(canvas, y, marked);
        let isr = words::listed(&self.partition.seen.isr);
        let epoch = format!("epoch {}", self.partition.seen.epoch);
        let (second, third) = if untouched(self.partition) {
            ("ISR".to_owned(), isr)
        } else {
            (format!("ISR {isr}"), epoch)
        };
        let cells = self.ruler.cells;
        canvas.text(labels, y + 1, cells, &second, Role::Dim);
        canvas.text(labels, y + 2, cells, &third, Role::Dim);
        self.marks(canvas, y, after);
        self.stable_mark(canvas, y);
        self.offsets(canvas, y + 1);
        self.records(canvas, y + 2);
        let readers = y + self.rows() - 1;
        if let Some(bracket) = &self.bracket {
            self.draw_bracket(canvas, y + 3, bracket);
        }
        if !untouched(self.partition) {
            canvas.text(labels, readers, cells, "readers", Role::Dim);
        }
        self.readers(canvas, readers);
        self.waiting(canvas, y + 2);
        if !untouched(self.partition) {
            self.figures(canvas, y);
        }
    }

    /// Draws the one row of a folded partition.
    pub fn draw_folded(&self, canvas: &mut Canvas<'_>, y: u16) {
        self.spot(canvas, y, 1);
        self.label(canvas, y, false);
        self.offsets(canvas, y);
        let x = self.ruler.figures;
        let end = self.ruler.end;
        let x = canvas.text(x, y, end, "HW ", Role::Dim);
        let high = self.partition.high_watermark.to_string();
        let x = canvas.text(x, y, end, &high, Role::Strong);
        if let Some(lag) = self.lag() {
            canvas.text(x, y, end, " lag ", Role::Dim);
            canvas.text(x + 5, y, end, &lag.to_string(), Role::Text);
        }
    }

    /// A click on a lane picks its partition.
    fn spot(&self, canvas: &mut Canvas<'_>, y: u16, rows: u16) {
        let columns = self.ruler.end.saturating_sub(self.ruler.labels);
        let place = Rect::new(self.ruler.labels, y, columns, rows);
        canvas.spot(place, || {
            Action::Screen(ScreenAction::PickPartition(self.place.partition))
        });
    }

    /// `p0 ◆ 1`
    fn label(&self, canvas: &mut Canvas<'_>, y: u16, marked: bool) -> u16 {
        let end = self.ruler.end;
        let mut x = self.ruler.labels;
        let name = format!("p{}", self.partition.seen.partition);
        if marked {
            x = canvas.text(x, y, end, "►", Role::Focus);
        }
        x = canvas.text(
            x,
            y,
            end,
            &name,
            if marked { Role::Strong } else { Role::Text },
        );
        match self.partition.seen.leader {
            Some(leader) if self.cluster().is_gone(leader) => {
                canvas.text(x, y, end, &format!(" ✗ {leader}"), Role::Dead)
            }
            Some(leader) => canvas.text(x, y, end, &format!(" ◆ {leader}"), Role::Focus),
            None => canvas.text(x, y, end, " none", Role::Dead),
        }
    }

    /// The sign of a boundary.
    fn boundary(&self, offset: i64) -> (&'static str, Role) {
        let high = self.partition.high_watermark.0;
        let at = |mark: i64| self.window.column(mark) == self.window.column(offset);
        if at(high) {
            ("┃", Role::HighWatermark)
        } else if offset > high {
            ("┊", Role::Dim)
        } else if self.partition.stable_end().is_some_and(|end| at(end.0)) {
            ("╎", Role::Warning)
        } else if offset == self.partition.log_start.0 && offset > 0 {
            ("╞", Role::Warning)
        } else {
            ("│", Role::Border)
        }
    }

    fn offsets(&self, canvas: &mut Canvas<'_>, y: u16) {
        self.cells(canvas, y, |lane, offset| {
            let text = if lane.window.per_cell > 1 {
                format!("{:>5}", words::range(offset))
            } else {
                format!("{:>4}", words::short(offset, 5))
            };
            let safe = offset < lane.partition.high_watermark.0;
            (text, if safe { Role::Text } else { Role::Dim })
        });
    }

    fn records(&self, canvas: &mut Canvas<'_>, y: u16) {
        self.cells(canvas, y, |lane, offset| {
            let safe = offset < lane.partition.high_watermark.0;
            if lane.window.per_cell > 1 {
                return (String::new(), Role::Dim);
            }
            let offset = Offset(offset);
            let Some(record) = lane.partition.record(offset) else {
                let hole = lane.partition.is_hole(offset);
                let text = if hole { "  ·" } else { "" };
                return (text.to_owned(), Role::Dim);
            };
            let word = match record.kind {
                RecordKind::Data => {
                    let role = match (&record.key, safe) {
                        (_, false) => Role::Dim,
                        (Some(key), true) if lane.state.view.face == RecordFace::Key => {
                            Role::Key(hue(key))
                        }
                        _ => Role::Text,
                    };
                    return (format!(" {}", fit(&lane.face(record), CELL - 2)), role);
                }
                RecordKind::Aborted => format!("~{}~", fit(&lane.face(record), CELL - 3)),
                RecordKind::Commit => lane.marker("✓", record),
                RecordKind::Abort => lane.marker("~", record),
                RecordKind::Control => "ctrl".to_owned(),
            };
            (word, Role::Dim)
        });
    }

    /// `✓ t1`: the end of a transaction.
    fn marker(&self, sign: &str, record: &RecordSeen) -> String {
        let id = self.cluster().transactional_id_of(record.batch.producer_id);
        format!("{sign} {}", fit(id.unwrap_or("txn"), CELL - 3))
    }

    /// What a record's cell says.
    fn face(&self, record: &RecordSeen) -> String {
        match self.state.view.face {
            RecordFace::Key => record.key.clone().unwrap_or_else(|| "-".into()),
            RecordFace::Value => record.value.clone().unwrap_or_else(|| "null".into()),
            RecordFace::Time => {
                let at = Timestamp::from_ms(record.timestamp_ms);
                let clock = at.clock(self.state.setup.utc_offset_s).to_string();
                clock.get(4..).unwrap_or_default().to_owned()
            }
            RecordFace::Size => format!("{}B", record.size_bytes),
        }
    }

    fn cells(&self, canvas: &mut Canvas<'_>, y: u16, cell: impl Fn(&Self, i64) -> (String, Role)) {
        let end = self.ruler.figures;
        for offset in self.window.boundaries() {
            let Some(column) = self.window.column(offset) else {
                continue;
            };
            let (sign, role) = self.boundary(offset);
            canvas.text(column, y, end, sign, role);
            if offset == self.window.end {
                break;
            }
            if self.window.per_cell == 1 {
                let place = Rect::new(column + 1, y, CELL - 1, 1);
                canvas.spot(place, || {
                    Action::Screen(ScreenAction::PickRecord(Offset(offset)))
                });
            }
            let (text, role) = cell(self, offset);
            canvas.text(column + 1, y, (column + CELL).min(end), &text, role);
            if self.picked && self.state.view.record == Some(Offset(offset)) {
                canvas.tone(column + 1, y, CELL - 1, Role::Selected);
            }
        }
    }

    /// `▲` committed, `△` read so far, and who.
    fn readers(&self, canvas: &mut Canvas<'_>, y: u16) {
        let labels_end = if untouched(self.partition) {
            self.ruler.cells
        } else {
            self.ruler.labels + 8
        };
        self.other_readers(canvas, y);
        let name = &self.state.view.group;
        let Some(group) = self.cluster().groups.get(name) else {
            return;
        };
        let name = fit(name, GROUP_NAME);
        let position = group.positions.get(&self.place).map(|position| position.0);
        let committed = group
            .committed
            .get(&self.place)
            .map(|committed| committed.0);
        let reader = group.reader(&self.place);
        // Who reads a log that nothing was written to yet stands at its beginning.
        let waits = (reader.is_some() && self.empty()).then_some(self.partition.log_start.0);
        let Some(from) = committed.or(position).or(waits) else {
            return;
        };
        let upto = position.filter(|position| *position > from && reader.is_some());
        let alone = self.cluster().is_without_coordinator(group);
        let ways = reader_ways(&name, reader, alone);
        let Some(mark) = self.window.column(from) else {
            let x = labels_end.max(self.ruler.cells);
            let ways = ways_from_before(&ways, from);
            let free = |way: &&Pieces| {
                let columns = columns(way);
                x + columns <= self.ruler.figures && canvas.blank(x, y, columns + 1)
            };
            if let Some(way) = ways.iter().find(free) {
                canvas.pieces(x, y, self.ruler.figures, way);
            }
            if let Some(column) = upto.and_then(|upto| self.window.column(upto)) {
                canvas.text(column, y, self.ruler.figures, "△", Role::Reader);
            }
            return;
        };
        let sign = if committed.is_some() { "▲" } else { "△" };
        canvas.text(mark, y, self.ruler.figures, sign, Role::Reader);
        let mut behind = mark;
        if let Some(column) = upto.and_then(|upto| self.window.column(upto))
            && column > mark
        {
            for x in mark + 1..column {
                // Others' marks on the way stay.
                if canvas.blank(x, y, 1) {
                    canvas.text(x, y, self.ruler.figures, "┄", Role::Good);
                }
            }
            canvas.text(column, y, self.ruler.figures, "△", Role::Reader);
            behind = column;
        }
        // Another group's initial stands right behind a mark that both have.
        let start = (behind + 1..self.ruler.figures)
            .find(|x| canvas.blank(*x, y, 1))
            .map_or(self.ruler.figures, |free| free + 1);
        for way in &ways {
            let columns = columns(way);
            let left = mark.checked_sub(1 + columns);
            let left = left.filter(|x| *x > labels_end && canvas.blank(x - 1, y, columns + 2));
            let right = (start + columns < self.ruler.figures).then_some(start);
            let right = right.filter(|x| canvas.blank(*x, y, columns + 1));
            if let Some(x) = left.or(right) {
                canvas.pieces(x, y, self.ruler.figures, way);
                return;
            }
        }
    }

    /// `▲b`: where the other groups stand, by their first letters.
    fn other_readers(&self, canvas: &mut Canvas<'_>, y: u16) {
        let mut marks: BTreeMap<u16, String> = BTreeMap::new();
        for (name, group) in &self.cluster().groups {
            if *name != self.state.view.group
                && let Some(committed) = group.committed.get(&self.place)
                && let Some(column) = self.window.column(committed.0)
                && column < self.ruler.figures
            {
                marks
                    .entry(column)
                    .or_default()
                    .extend(shown::line(name).chars().take(1));
            }
        }
        for (column, initials) in marks {
            let end = self.ruler.figures.min(column + CELL);
            let initials = fit(&initials, (end - column).saturating_sub(2));
            canvas.text(column, y, end, &format!("▲{initials}"), Role::Dim);
        }
    }

    fn lag(&self) -> Option<i64> {
        let group = self.cluster().groups.get(&self.state.view.group)?;
        self.cluster().lag(group, &self.place)
    }

    fn figures(&self, canvas: &mut Canvas<'_>, y: u16) {
        let x = self.ruler.figures;
        let end = self.ruler.end;
        let figure = |canvas: &mut Canvas<'_>, y: u16, label: &str, value: i64, role: Role| {
            let label = format!("{label:<4}");
            let value = if self.ruler.narrow {
                format!("{value:>4}")
            } else {
                value.to_string()
            };
            let x = canvas.text(x, y, end, &label, Role::Dim);
            canvas.text(x, y, end, &value, role);
        };
        let high = self.partition.high_watermark.0;
        figure(canvas, y, "end", self.partition.log_end().0, Role::Text);
        figure(canvas, y + 1, "HW", high, Role::Strong);
        if let Some(lag) = self.lag() {
            let y = y + self.rows() - 1;
            figure(canvas, y, "lag", lag, Role::Text);
        }
    }
}

/// Who reads, the longest way first. The group's name is in the Group pane too.
fn reader_ways(name: &str, reader: Option<&str>, alone: bool) -> Vec<Pieces> {
    let Some(reader) = reader else {
        let nobody = (Role::Warning, words::nobody_reads(alone).to_owned());
        let whole = vec![(Role::Text, format!("{name} ")), nobody.clone()];
        return vec![whole, vec![nobody]];
    };
    [format!("{name}/{reader}"), reader.to_owned()]
        .map(|words| vec![(Role::Reader, words)])
        .into()
}

/// `‹ billing/c1 committed 459`, for a mark left of the window.
fn ways_from_before(ways: &[Pieces], from: i64) -> Vec<Pieces> {
    let arrow = (Role::Reader, "‹ ".to_owned());
    let before = |way: &Pieces, rest: Option<(Role, String)>| -> Pieces {
        let arrow = std::iter::once(arrow.clone());
        arrow.chain(way.iter().cloned()).chain(rest).collect()
    };
    let committed = (Role::Dim, format!(" committed {}", grouped(from)));
    let whole = ways.first().map(|way| before(way, Some(committed)));
    let shorter = ways.iter().map(|way| before(way, None));
    let all = whole.into_iter().chain(shorter);
    all.chain([vec![arrow.clone()]]).collect()
}

/// The hue of a key: the demo's own never share one within a partition.
pub fn hue(key: &str) -> u8 {
    const DEMO_HUES: [u8; 6] = [0, 1, 2, 2, 3, 0];
    DEMO_KEYS
        .iter()
        .position(|demo| *demo == key)
        .and_then(|index| DEMO_HUES.get(index).copied())
        .unwrap_or_else(|| u8::try_from(murmur2(key.as_bytes()) >> 8 & 3).unwrap_or(0))
}
