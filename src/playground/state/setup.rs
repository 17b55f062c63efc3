//! What the playground is told once, when it begins.

use serde::{Deserialize, Serialize};

use super::Timestamp;
use wire::BrokerId;

/// Options of this run and facts about this terminal.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Setup {
    /// `--name`, `demo`.
    pub name: String,
    /// `--ephemeral`: nothing is kept when it ends.
    pub ephemeral: bool,
    /// Now.
    pub started_at: Timestamp,
    /// Seconds east of Greenwich of the clock on the wall.
    pub utc_offset_s: i32,
    /// The brokers to run.
    pub brokers: Vec<BrokerId>,
    /// The topics that shall be there; the first one is shown and gets the demo records.
    pub topics: Vec<NewTopic>,
    /// The group of the first consumers.
    pub group: String,
    /// How many consumers to start with.
    pub consumers: u32,
    /// Ready means that a record was acknowledged by all replicas, too.
    #[serde(default)]
    pub proves: bool,
    /// What the terminal can show.
    pub appearance: Appearance,
    /// Columns and rows of the terminal.
    pub size: (u16, u16),
}

/// How often a broker looks for records that are too old or written over: Kafka looks every five minutes and every 15 s,
/// and nobody would see old records go. Ten brokers look once a second each, more of them no oftener together.
#[must_use]
pub fn old_records_looked_for_ms(brokers: usize) -> usize {
    1_000 * brokers.div_ceil(10).max(1)
}

/// A topic to create.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewTopic {
    /// Its name.
    pub name: String,
    /// How many partitions.
    pub partitions: i32,
    /// How many replicas of each.
    pub replication_factor: i16,
}

/// How the screen is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Appearance {
    /// Which colours.
    pub scheme: Scheme,
    /// How many colours.
    pub depth: Depth,
    /// Which signs.
    pub glyphs: Glyphs,
    /// `--reduced-motion`: nothing flashes, bars become numbers.
    pub reduced_motion: bool,
}

impl Default for Appearance {
    fn default() -> Self {
        Self {
            scheme: Scheme::Dark,
            depth: Depth::Indexed,
            glyphs: Glyphs::Unicode,
            reduced_motion: false,
        }
    }
}

/// A set of colours for one kind of background.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Scheme {
    /// For dark backgrounds.
    Dark,
    /// For light backgrounds.
    Light,
    /// No colours at all (`NO_COLOR`).
    Mono,
}

impl Scheme {
    /// The theme to begin with.
    #[must_use]
    pub fn theme(self) -> &'static str {
        match self {
            Self::Dark => "dark",
            Self::Light => "light",
            Self::Mono => "mono",
        }
    }
}

/// What a terminal's colours can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Depth {
    /// Any (`COLORTERM` says so).
    True,
    /// The 256 of xterm.
    Indexed,
    /// The 16 that the user's theme gives.
    Ansi,
}

/// The signs that draw states and marks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Glyphs {
    /// As drawn.
    Unicode,
    /// Where the terminal has no UTF-8.
    Ascii,
}
