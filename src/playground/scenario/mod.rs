//! Scenarios: a cluster, its traffic, what goes wrong and when, and what must hold in the end, as a TOML file.
//!
//! Pure: a file and a seed say what happens at which time; the same seed says the same. Incidents are actions and
//! expectations are conditions, as everywhere.

mod file;
mod schedule;

use std::time::Duration;

use crate::state::{Action, NewTopic, StreamRate, Wanted};

pub use crate::state::settings::Mistake;
pub use schedule::{Event, What};

/// A scenario as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scenario {
    /// What it is called.
    pub title: String,
    /// Chooses what is left to chance.
    pub seed: u64,
    /// How many brokers.
    pub brokers: i32,
    /// The topics; demo records go into the first.
    pub topics: Vec<NewTopic>,
    /// How fast demo records are sent into the first topic from the beginning on.
    pub rate: StreamRate,
    /// Producers beside that stream: into which topic, and how fast.
    pub producers: Vec<(String, StreamRate)>,
    /// Groups, and how many consumers each begins with.
    pub groups: Vec<(String, u32)>,
    /// How long it takes until the end, when everything is expected.
    pub lasts: Duration,
    /// What happens.
    pub incidents: Vec<Incident>,
    /// What must hold.
    pub expectations: Vec<Expectation>,
}

/// Something that happens, once or again and again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incident {
    /// When it happens first, from the moment on at which all is ready.
    pub at: Duration,
    /// After which time it happens again.
    pub every: Option<Duration>,
    /// What.
    pub action: Action,
}

/// Something that must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expectation {
    /// When it is looked for; at the end where nothing is said.
    pub at: Option<Duration>,
    /// The condition, and for how long it is waited for.
    pub wanted: Wanted,
    /// The words of the file.
    pub words: String,
}

impl Scenario {
    /// Reads a scenario's file.
    ///
    /// # Errors
    /// Where it is wrong, and what is expected there.
    pub fn read(text: &str) -> Result<Self, Mistake> {
        file::read(text)
    }

    /// Everything that happens, in order; where something is left to chance, `seed` chooses.
    #[must_use]
    pub fn events(&self, seed: u64) -> Vec<Event> {
        schedule::events(self, seed)
    }
}
