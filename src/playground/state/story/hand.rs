//! Whose hand a line tells of.

use std::{borrow::Cow, fmt};

use serde::{Deserialize, Serialize};

use super::names::spaced;
use crate::state::cluster::ProcessName;
use wire::{BrokerId, control::Asker};

/// Who did what a line tells.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Hand {
    /// The person at this screen.
    #[default]
    You,
    /// Somebody in another shell.
    Shell,
    /// A scenario.
    Scenario,
    /// A lesson.
    Lesson,
    /// This program, by itself.
    Kafkarium,
    /// A process of the cluster.
    Process(ProcessName),
    /// Several brokers, each for itself.
    Brokers(Vec<BrokerId>),
    /// Whichever broker is the controller.
    Controller,
    /// The leaders of several partitions.
    Leaders,
    /// A group's coordinator.
    Group,
    /// A producer or a consumer.
    Client,
    /// A transaction whose time is up.
    Transaction,
    /// What deletes old records.
    Retention,
    /// Nobody told it: it was seen from outside.
    Seen,
    /// Nobody told it and nobody saw it: it follows from what was seen.
    Inferred,
    /// Nobody: the line goes on with what stands above it.
    Nobody,
}

impl Hand {
    /// A broker's own.
    #[must_use]
    pub const fn broker(id: BrokerId) -> Self {
        Self::Process(ProcessName::Broker(id))
    }

    /// Whether somebody wanted it: at the screen, or whoever asks the same from elsewhere.
    #[must_use]
    pub const fn is_wish(&self) -> bool {
        matches!(
            self,
            Self::You | Self::Shell | Self::Scenario | Self::Lesson
        )
    }
}

impl From<Asker> for Hand {
    fn from(asker: Asker) -> Self {
        match asker {
            Asker::Shell => Self::Shell,
            Asker::Scenario => Self::Scenario,
            Asker::Lesson => Self::Lesson,
        }
    }
}

impl fmt::Display for Hand {
    /// As the pane of `ZooKeeper` has room for with `#`: `zk`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Cow<'_, str> = match self {
            Self::You => "you".into(),
            Self::Shell => "shell".into(),
            Self::Scenario => "scenario".into(),
            Self::Lesson => "lesson".into(),
            Self::Kafkarium => "kafkarium".into(),
            Self::Process(ProcessName::ZooKeeper) if f.alternate() => "zk".into(),
            Self::Process(process) => process.to_string().into(),
            Self::Brokers(brokers) => format!("broker {}", spaced(brokers)).into(),
            Self::Controller => "controller".into(),
            Self::Leaders => "leaders".into(),
            Self::Group => "group".into(),
            Self::Client => "client".into(),
            Self::Transaction => "txn".into(),
            Self::Retention => "retention".into(),
            Self::Seen => "seen".into(),
            Self::Inferred => "inferred".into(),
            Self::Nobody => "".into(),
        };
        f.pad(&words)
    }
}
