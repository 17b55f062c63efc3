//! Where a cursor can go, by the names that are typed.

use serde::{Deserialize, Serialize};

/// Where the cursor of a pane goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Motion {
    /// A row up.
    Up,
    /// A row down.
    Down,
    /// A column, or a record, to the left.
    Left,
    /// A column, or a record, to the right.
    Right,
    /// To the first.
    First,
    /// To the last, and follow it.
    Last,
    /// A page back.
    PageUp,
    /// A page on.
    PageDown,
}

pub(super) const MOTIONS: [(Motion, &str); 8] = [
    (Motion::Up, "up"),
    (Motion::Down, "down"),
    (Motion::Left, "left"),
    (Motion::Right, "right"),
    (Motion::First, "first"),
    (Motion::Last, "last"),
    (Motion::PageUp, "page up"),
    (Motion::PageDown, "page down"),
];
