//! Brokers and partitions as cells in rows of ten: what stands where, and where the arrows lead.

use std::collections::BTreeMap;

use ratatui::layout::Rect;

use super::{ReplicaRow, Standing};
use crate::state::{
    State,
    action::{Motion, Pane},
    cluster::{Process, ProcessName, Status},
};
use wire::BrokerId;

/// Cells in a row, where there is room: a row is as many as a digit counts.
const COLUMNS_MAX: usize = 10;

/// Columns of a broker's cell without what it leads: mark, sign, id of three digits, blank.
const BROKER_CELL: u16 = 6;

/// Columns of a partition's cell: sign, in sync, two blanks.
const PARTITION_CELL: u16 = 4;

/// Columns before a row of partitions, where its name is no longer.
const PARTITION_NAME: u16 = 5;

/// Cells in rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grid {
    /// Cells in a row.
    pub columns: usize,
    /// Columns of a cell.
    pub cell: u16,
    /// Columns before a row.
    pub name: u16,
}

impl Grid {
    fn new(cell: u16, name: u16, room: u16) -> Self {
        // What lies between cells is not needed behind the last one.
        let fit = usize::from(room.saturating_sub(name) / cell);
        Self {
            columns: fit.clamp(1, COLUMNS_MAX),
            cell,
            name,
        }
    }

    /// The rows of so many cells.
    #[must_use]
    pub fn rows(&self, cells: usize) -> usize {
        cells.div_ceil(self.columns)
    }

    /// The first row that is shown where not all are: the one with this cell is among them.
    #[must_use]
    pub fn top(&self, at: usize, cells: usize, rows: usize) -> usize {
        let last = self.rows(cells).saturating_sub(rows);
        (at / self.columns)
            .saturating_sub(rows.saturating_sub(1))
            .min(last)
    }

    fn moved(&self, at: usize, motion: Motion, cells: usize) -> usize {
        let last = cells.saturating_sub(1);
        match motion {
            Motion::Left => at.saturating_sub(1),
            Motion::Right => at + 1,
            Motion::Up => at.checked_sub(self.columns).unwrap_or(at),
            Motion::Down if at + self.columns > last => at,
            Motion::Down => at + self.columns,
            Motion::PageUp => at % self.columns,
            Motion::PageDown => {
                let whole = (last / self.columns) * self.columns + at % self.columns;
                if whole > last {
                    whole - self.columns
                } else {
                    whole
                }
            }
            Motion::First => 0,
            Motion::Last => last,
        }
        .min(last)
    }
}

/// What a broker leads, of every topic that is people's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Leads {
    /// Partitions.
    pub partitions: usize,
    /// Those of them that miss a copy.
    pub under_replicated: usize,
}

impl State {
    /// What each broker leads; nothing of those that lead none.
    #[must_use]
    pub fn leads(&self) -> BTreeMap<BrokerId, Leads> {
        let mut leads: BTreeMap<BrokerId, Leads> = BTreeMap::new();
        let topics = self.cluster.topics.values().filter(|topic| !topic.internal);
        for partition in topics.flat_map(|topic| &topic.partitions) {
            if let Some(leader) = partition.seen.leader {
                let leads = leads.entry(leader).or_default();
                leads.partitions += 1;
                leads.under_replicated += usize::from(partition.under_replicated());
            }
        }
        leads
    }

    /// How the brokers' cells stand in so many columns.
    #[must_use]
    pub fn broker_grid(&self, room: u16) -> Grid {
        let most = self.leads().values().map(|leads| leads.partitions).max();
        let digits = most.unwrap_or(0).to_string().len();
        let digits = u16::try_from(digits).unwrap_or(u16::MAX);
        Grid::new(BROKER_CELL.saturating_add(digits), 0, room)
    }

    /// The same of the partitions of the shown topic.
    #[must_use]
    pub fn partition_grid(&self, room: u16) -> Grid {
        let topic = self.cluster.topics.get(&self.view.topic);
        let count = topic.map_or(0, |topic| topic.partitions.len());
        let digits = u16::try_from(count.saturating_sub(1).to_string().len()).unwrap_or(u16::MAX);
        // The blanks behind the last cell may lie in the frame's air.
        Grid::new(
            PARTITION_CELL,
            PARTITION_NAME.max(digits.saturating_add(2)),
            room.saturating_add(3),
        )
    }

    /// The brokers that have a cell: all, or those that the filter lets through.
    pub fn broker_cells(&self) -> impl Iterator<Item = &Process> {
        let filter = self.view.filter(Pane::Brokers);
        let passes = move |broker: &&Process| filter.is_none_or(|it| self.passes(broker, it));
        self.cluster.brokers().filter(passes)
    }

    /// `dead`, `frozen`, `up`, `controller`, or part of an id.
    fn passes(&self, process: &Process, filter: &str) -> bool {
        let id = process.broker();
        match filter {
            "dead" => process.status.is_gone(),
            "frozen" => process.status == Status::Frozen,
            "up" => process.status == Status::Up,
            "controller" => id.is_some_and(|id| self.cluster.is_controller(id)),
            part => id.is_some_and(|id| id.to_string().contains(part)),
        }
    }

    /// Where a broker stands among the cells.
    #[must_use]
    pub fn broker_place(&self, name: &ProcessName) -> Option<usize> {
        self.broker_cells().position(|broker| broker.name == *name)
    }

    fn room_of(&self, pane: Pane) -> u16 {
        let places = self.view.places();
        let found = places.iter().find(|(standing, _)| match standing {
            Standing::Pane(standing) => *standing == pane,
            Standing::Tabs(tabs) => tabs.contains(&pane),
        });
        let area = found.map_or(Rect::default(), |(_, area)| *area);
        area.width.saturating_sub(4)
    }

    /// Moves to another broker, or up to `ZooKeeper`.
    pub(super) fn move_between_brokers(&mut self, motion: Motion) {
        let grid = self.broker_grid(self.room_of(Pane::Brokers));
        let names: Vec<ProcessName> = self.broker_cells().map(|it| it.name.clone()).collect();
        let next = match self.broker_place(&self.view.picked) {
            Some(at) if motion == Motion::Up && at < grid.columns => {
                self.view.picked = ProcessName::ZooKeeper;
                return;
            }
            Some(at) => grid.moved(at, motion, names.len()),
            None if matches!(motion, Motion::Up | Motion::Left) => return,
            None => 0,
        };
        if let Some(name) = names.get(next) {
            self.view.picked = name.clone();
        }
    }

    /// Moves to another partition of the shown topic.
    pub(super) fn move_between_cells(&mut self, motion: Motion) {
        let grid = self.partition_grid(self.room_of(Pane::Partitions));
        let topic = self.cluster.topics.get(&self.view.topic);
        let count = topic.map_or(0, |topic| topic.partitions.len());
        let at = usize::try_from(self.view.partition).unwrap_or(0);
        let next = i32::try_from(grid.moved(at, motion, count)).unwrap_or(0);
        self.set_replica_cursor(ReplicaRow::Partition(next));
    }
}

#[cfg(test)]
mod tests {
    use super::{Grid, Motion};

    #[test]
    fn arrows_lead_over_the_grid_and_stop_at_its_ends() {
        let grid = Grid::new(7, 0, 70);
        assert_eq!(grid.columns, 10);
        let from = |at, motion| grid.moved(at, motion, 25);
        assert_eq!(from(3, Motion::Down), 13);
        assert_eq!(from(17, Motion::Down), 17, "nothing stands below it");
        assert_eq!(from(13, Motion::Up), 3);
        assert_eq!(from(3, Motion::Up), 3);
        assert_eq!(from(24, Motion::Right), 24);
        assert_eq!(from(9, Motion::Right), 10);
        assert_eq!(from(3, Motion::PageDown), 23);
        assert_eq!(from(7, Motion::PageDown), 17);
        assert_eq!(from(23, Motion::PageUp), 3);
        assert_eq!((from(5, Motion::First), from(5, Motion::Last)), (0, 24));
        assert_eq!(grid.moved(0, Motion::Right, 0), 0);
    }

    #[test]
    fn the_picked_row_is_among_those_shown() {
        let grid = Grid::new(7, 0, 70);
        assert_eq!(grid.rows(250), 25);
        assert_eq!(grid.top(9, 250, 10), 0);
        assert_eq!(grid.top(100, 250, 10), 1);
        assert_eq!(grid.top(249, 250, 10), 15);
        assert_eq!(grid.top(0, 30, 10), 0);
    }
}
