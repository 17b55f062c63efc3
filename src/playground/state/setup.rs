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
    /// Whose the cluster is.
    #[serde(default)]
    pub reach: Reach,
    /// What the terminal can show.
    pub appearance: Appearance,
    /// Columns and rows of the terminal.
    pub size: (u16, u16),
}

/// Whose the cluster is, and so what can be done to it from here.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reach {
    /// Ours: its processes are our children, which can be signalled and are seen to die.
    #[default]
    Own,
    /// Somebody else's: all that is known of it is what its brokers answer.
    Attached {
        /// The addresses that were given, `k1:9092,k2:9092`.
        bootstrap: String,
        /// `--allow-writes`: records, topics and groups may be changed.
        writes: bool,
        /// How connections are secured, `TLS, SCRAM`; `None`: not at all.
        secured: Option<String>,
        /// Who we are to the brokers, if they ask.
        user: Option<String>,
    },
}

impl Reach {
    /// Whether its brokers are our children.
    #[must_use]
    pub const fn is_own(&self) -> bool {
        matches!(self, Self::Own)
    }

    /// Whether records, topics and groups may be changed.
    #[must_use]
    pub const fn may_write(&self) -> bool {
        matches!(self, Self::Own | Self::Attached { writes: true, .. })
    }

    /// How connections to others' brokers are secured, `TLS, SCRAM`.
    #[must_use]
    pub fn secured(&self) -> Option<&str> {
        match self {
            Self::Own => None,
            Self::Attached { secured, .. } => secured.as_deref(),
        }
    }

    /// Who we are to others' brokers, if they ask.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        match self {
            Self::Own => None,
            Self::Attached { user, .. } => user.as_deref(),
        }
    }

    /// The addresses that were given, of a cluster that is not ours.
    #[must_use]
    pub fn given(&self) -> Option<&str> {
        match self {
            Self::Own => None,
            Self::Attached { bootstrap, .. } => Some(bootstrap),
        }
    }
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
