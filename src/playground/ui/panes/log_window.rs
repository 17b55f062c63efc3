//! Which offsets of a partition are on the screen, and in which column each boundary stands.
//!
//! Offsets are positions between cells: offset `n` is the left edge of the cell that is named `n`.

use crate::state::Partition;
use wire::Offset;

/// Columns from one boundary to the next.
pub const CELL: u16 = 6;

/// A full window moves on by so many cells at once: the eye can follow cells that stand still.
const STEP: i64 = 3;

/// The part of a log that is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// The offset at the left edge.
    pub start: i64,
    /// The offset at the right edge: the log's end, or what fits.
    pub end: i64,
    /// Offsets in one cell.
    pub per_cell: i64,
    /// The column of `start`.
    left: u16,
}

impl Window {
    /// The window on a partition, `cells` wide, that shows its end or the record of `cursor`.
    #[must_use]
    pub fn new(partition: &Partition, cursor: Option<Offset>, left: u16, cells: u16) -> Self {
        // Who looks back at a record sees records; a stream runs on beside the picture.
        let per_cell = match cursor {
            Some(_) => 1,
            None => partition.records_per_cell(),
        };
        let cells = i64::from(cells.max(1));
        let log_start = partition.log_start.0;
        let log_end = partition.log_end().0;
        let span = cells * per_cell;
        let following = if log_end - log_start <= span {
            log_start
        } else {
            let least = log_end - span;
            let step = STEP * per_cell;
            // One past a multiple: a log that just outgrew the window moves by one cell only.
            least + (per_cell - least).rem_euclid(step)
        };
        let start = match cursor {
            Some(cursor) if cursor.0 < following => {
                let before = (cells / 2) * per_cell;
                (cursor.0 - before).max(log_start)
            }
            _ => following,
        };
        Self {
            start,
            end: log_end.min(start + span).max(start),
            per_cell,
            left,
        }
    }

    /// The column of an offset that is in the window: the left edge of its cell, and behind all
    /// cells that of the end, which may lie within the last one.
    #[must_use]
    pub fn column(&self, offset: i64) -> Option<u16> {
        if offset < self.start {
            return None;
        }
        if offset == self.end {
            return Some(self.right());
        }
        let cells = u16::try_from((offset - self.start) / self.per_cell).ok()?;
        self.left.checked_add(cells.checked_mul(CELL)?)
    }

    /// The offsets whose boundaries are drawn.
    pub fn boundaries(self) -> impl Iterator<Item = i64> {
        let count = (self.end - self.start + self.per_cell - 1) / self.per_cell;
        (0..=count)
            .map(move |index| (self.start + index * self.per_cell).min(self.end.max(self.start)))
    }

    /// The column of the last boundary.
    #[must_use]
    pub fn right(&self) -> u16 {
        let count = (self.end - self.start + self.per_cell - 1) / self.per_cell;
        self.left + u16::try_from(count).unwrap_or(0) * CELL
    }
}

#[cfg(test)]
mod tests {
    use super::Window;
    use crate::state::Partition;
    use wire::{BrokerId, Offset};

    fn partition(start: i64, end: i64) -> Partition {
        let mut partition = Partition {
            log_start: Offset(start),
            high_watermark: Offset(end),
            ..Partition::default()
        };
        partition.ends.insert(BrokerId(1), Offset(end));
        partition
    }

    #[test]
    fn a_full_window_moves_by_three_and_always_shows_the_end() {
        for (end, start) in [
            (0, 0),
            (9, 0),
            (10, 1),
            (11, 4),
            (42, 34),
            (43, 34),
            (45, 37),
        ] {
            let window = Window::new(&partition(0, end), None, 11, 9);
            assert_eq!((window.start, window.end), (start, end), "log end {end}");
        }
    }

    #[test]
    fn boundaries_stand_left_of_their_records() {
        let window = Window::new(&partition(0, 45), None, 11, 9);
        assert_eq!(window.column(37), Some(11));
        assert_eq!(window.column(45), Some(59));
        assert_eq!(window.column(36), None);
        assert_eq!(window.boundaries().collect::<Vec<_>>().len(), 9);
    }

    #[test]
    fn the_end_of_a_log_closes_its_last_cell_however_full_that_is() {
        let window = Window {
            start: 0,
            end: 2650,
            per_cell: 100,
            left: 4,
        };
        let half_full = Window {
            end: 2650,
            ..window
        };
        let end = half_full.column(2650).expect("it is in the window");
        let before = half_full.column(2640).expect("it is in the window");
        assert_eq!(end, before + super::CELL, "in the same cell, and behind it");
    }

    #[test]
    fn the_cursor_is_on_the_screen() {
        let window = Window::new(&partition(0, 100), Some(Offset(20)), 11, 9);
        assert!(window.start <= 20 && 20 < window.end);
    }
}
