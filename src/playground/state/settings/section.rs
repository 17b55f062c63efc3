//! The parts of the help page.

use serde::{Deserialize, Serialize};

/// The part of the help page that a row stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Section {
    /// Choosing.
    Pick,
    /// Breaking and healing.
    Break,
    /// Records and consumers.
    Feed,
    /// Brokers and topics.
    Grow,
    /// The screen.
    See,
    /// Now and then.
    Time,
    /// The program.
    Program,
    /// What has no key.
    Names,
    /// Keys of one pane.
    Pane,
    /// Not on the page: it is said where it applies.
    Hidden,
}

impl Section {
    /// Sections in the order of the help page: first its left column, then its right one.
    pub const LEFT: [Self; 4] = [Self::Pick, Self::Break, Self::Feed, Self::Names];
    /// The right column.
    pub const RIGHT: [Self; 5] = [Self::Grow, Self::See, Self::Time, Self::Program, Self::Pane];
    /// Both columns.
    pub const ALL: [Self; 9] = [
        Self::Pick,
        Self::Break,
        Self::Feed,
        Self::Names,
        Self::Grow,
        Self::See,
        Self::Time,
        Self::Program,
        Self::Pane,
    ];

    /// Its headline.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Pick => "Pick",
            Self::Break => "Break and heal what is picked",
            Self::Feed => "Feed",
            Self::Grow => "Grow",
            Self::See => "See",
            Self::Time => "Time",
            Self::Program => "Program",
            Self::Names => "By name",
            Self::Pane => "In one pane",
            Self::Hidden => "",
        }
    }
}
