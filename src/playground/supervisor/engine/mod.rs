//! Which program the brokers are.
//!
//! Of an engine the supervisor knows what is written before a broker starts, what is run, and how its lines are
//! heard. One file an engine.

mod apache_3;
mod apache_jars;
mod kafkarium;
mod speech;

use std::ffi::OsString;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use wire::BrokerId;

use self::apache_3::Apache3;

pub use self::apache_jars::{Jars, fetch, fetch_into, fetched};
pub(super) use self::speech::{Reports, Speech};

/// The program that the brokers of a cluster are.
#[derive(Debug, Clone, Default)]
pub enum Engine {
    /// This one.
    #[default]
    Kafkarium,
    /// Apache Kafka 3.9, on our `ZooKeeper`.
    Apache3(Apache3),
}

/// An engine as a command line names it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum EngineName {
    #[default]
    Kafkarium,
    Apache3,
}

/// A broker that an engine is to start.
#[derive(Debug, Clone)]
pub(super) struct BrokerPlace {
    pub id: BrokerId,
    pub address: SocketAddr,
    pub zookeeper: SocketAddr,
    /// It is there, and this broker's alone.
    pub folder: PathBuf,
    /// How many brokers the cluster was planned with.
    pub brokers: usize,
}

/// What is run.
#[derive(Debug, Clone)]
pub(super) struct Launch {
    /// Arguments of this program.
    pub arguments: Vec<OsString>,
    /// Another program and its arguments, which this one then becomes.
    pub other: Vec<OsString>,
}

impl Launch {
    /// This program with these arguments.
    pub(super) fn of(arguments: Vec<OsString>) -> Self {
        Self {
            arguments,
            other: Vec::new(),
        }
    }
}

impl EngineName {
    /// All of them, as they are written.
    pub const ALL: [Self; 2] = [Self::Kafkarium, Self::Apache3];

    /// Finds its program: in `home`, or where [`fetch`] puts it.
    ///
    /// # Errors
    /// It is not there, or cannot run here; the sentence says what to do.
    pub fn find(self, home: Option<&Path>) -> Result<Engine> {
        match (self, home) {
            (Self::Kafkarium, None) => Ok(Engine::Kafkarium),
            (Self::Kafkarium, Some(_)) => {
                bail!(
                    "--kafka-home is for --engine apache-3.9: Kafkarium's brokers are this program"
                )
            }
            (Self::Apache3, home) => Ok(Engine::Apache3(Apache3::new(Jars::find("3.9", home)?)?)),
        }
    }
}

impl fmt::Display for EngineName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kafkarium => "kafkarium",
            Self::Apache3 => "apache-3.9",
        })
    }
}

impl std::str::FromStr for EngineName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|name| name.to_string() == text);
        known.ok_or_else(|| {
            let all = Self::ALL.map(|name| name.to_string()).join(" or ");
            format!("{all} expected")
        })
    }
}

impl Engine {
    /// Its name on a command line and in a data folder.
    #[must_use]
    pub fn name(&self) -> EngineName {
        match self {
            Self::Kafkarium => EngineName::Kafkarium,
            Self::Apache3(_) => EngineName::Apache3,
        }
    }

    /// Which release of Apache Kafka it is, where it is one.
    #[must_use]
    pub fn release(&self) -> Option<&str> {
        match self {
            Self::Kafkarium => None,
            Self::Apache3(apache) => Some(apache.release()),
        }
    }

    /// How it is called beside another one.
    #[must_use]
    pub fn title(&self) -> String {
        match self.release() {
            None => "Kafkarium".to_owned(),
            Some(release) => format!("Apache Kafka {release}"),
        }
    }

    /// The same where there is little room.
    #[must_use]
    pub fn short_title(&self) -> String {
        match self.release() {
            None => "ours".to_owned(),
            Some(release) => {
                let series = release.rsplit_once('.').map(|(series, _)| series);
                series.unwrap_or(release).to_owned()
            }
        }
    }

    /// What its processes are, with so many brokers.
    #[must_use]
    pub fn made_of(&self, brokers: usize) -> String {
        match self {
            Self::Kafkarium => format!("{} processes of 1 binary", brokers + 1),
            Self::Apache3(_) => {
                format!("{brokers} JVMs of {}, our ZooKeeper", apache_3::HEAP_MAX)
            }
        }
    }

    /// Whether a socket that listens can be handed to it.
    pub(super) fn takes_a_socket(&self) -> bool {
        matches!(self, Self::Kafkarium)
    }

    /// Writes what the broker reads at its start.
    ///
    /// # Errors
    /// The disk refuses.
    pub(super) fn prepare(&self, place: &BrokerPlace) -> Result<Launch> {
        match self {
            Self::Kafkarium => Ok(kafkarium::launch(place)),
            Self::Apache3(apache) => apache.prepare(place),
        }
    }

    /// How what a broker says is heard.
    pub(super) fn speech(&self, broker: BrokerId, address: SocketAddr) -> Box<dyn Speech> {
        match self {
            Self::Kafkarium => Box::new(Reports),
            Self::Apache3(apache) => Box::new(apache.speech(broker, address)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::EngineName;

    #[test]
    fn an_engine_that_nobody_knows_is_refused_with_those_that_are() {
        assert_eq!("apache-3.9".parse(), Ok(EngineName::Apache3));
        let refused = "apache-2".parse::<EngineName>();
        assert_eq!(refused, Err("kafkarium or apache-3.9 expected".to_owned()));
    }

    #[test]
    fn a_folder_for_our_own_brokers_is_a_mistake_that_is_told() {
        let refused = EngineName::Kafkarium.find(Some(Path::new("/opt/kafka")));
        let refused = refused.expect_err("it is no use").to_string();
        assert!(refused.contains("--engine apache-3.9"), "{refused}");
    }
}
