//! What a playground is started with.

use std::path::PathBuf;
use std::time::Duration;

use crate::state::{GroupProtocol, NewTopic};
use crate::supervisor::{Engine, FolderOptions};
use client::security::Security;
use wire::{control::Status, topic_name};

/// What the command line asks for.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Somebody else's cluster, and nothing is started.
    pub attach: Option<Attach>,
    /// Where data lives.
    pub folder: FolderOptions,
    /// The program that the brokers are.
    pub engine: Engine,
    /// How many brokers; without it as many as the data folder has, or three.
    pub brokers: Option<i32>,
    /// The topics to begin with, `orders` where there are none.
    pub topics: Vec<NewTopic>,
    /// How many consumers the start brings; none without a topic.
    pub consumers: Option<u32>,
    /// How consumers of ours join their groups.
    pub group_protocol: Option<GroupProtocol>,
    /// No topic but those that are named.
    pub only_these_topics: bool,
    /// No screen: this is said on stdout when all is ready.
    pub announce: Option<Announce>,
    /// Broker 1's port.
    pub base_port: u16,
    /// `ZooKeeper`'s port.
    pub zookeeper_port: u16,
    /// End by itself after this long.
    pub run_for: Option<Duration>,
    /// Nothing flashes.
    pub reduced_motion: bool,
    /// Record the screen into this file.
    pub record: Option<PathBuf>,
    /// The mouse picks and scrolls from the start.
    pub mouse: bool,
    /// The layout to begin with, by its name.
    pub layout: Option<String>,
    /// The theme to begin with, by its name.
    pub theme: Option<String>,
    /// The list of lessons is open at first, or the lesson with this number or name.
    pub learn: Option<Learn>,
}

/// A cluster that somebody else runs.
#[derive(Debug, Clone, Default)]
pub struct Attach {
    /// Addresses of brokers with commas between.
    pub bootstrap: String,
    /// Whether records, topics and groups may be changed.
    pub writes: bool,
    /// How connections are secured.
    pub security: Security,
    /// What there is to say about those settings.
    pub notices: Vec<String>,
}

/// What somebody wants to learn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Learn {
    /// Whatever there is: the list is open.
    List,
    /// The lesson with this number or name.
    Lesson(String),
}

/// How a cluster without a screen says that it is ready.
#[derive(Debug, Clone, Copy)]
pub enum Announce {
    /// In these words, and then what happens as plain lines.
    Text(fn(&Status) -> String),
    /// As one JSON object, and then nothing.
    Json,
    /// Not at all: whoever started it asks it.
    Nothing,
}

/// `name:partitions:replication-factor`, as `--topic` takes it.
///
/// # Errors
/// It reads otherwise; the sentence says how.
pub fn parse_topic(text: &str) -> Result<NewTopic, String> {
    let usage = || "name:partitions:replication-factor expected, as in orders:4:2".to_owned();
    let mut parts = text.split(':');
    let name = parts
        .next()
        .filter(|name| !name.is_empty())
        .ok_or_else(usage)?;
    if let Some(refusal) = topic_name::refusal(name) {
        return Err(refusal);
    }
    let partitions: i32 = parts
        .next()
        .map_or(Ok(3), str::parse)
        .map_err(|_| usage())?;
    let replication_factor: i16 = parts
        .next()
        .map_or(Ok(3), str::parse)
        .map_err(|_| usage())?;
    if parts.next().is_some() || partitions < 1 || replication_factor < 1 {
        return Err(usage());
    }
    Ok(NewTopic {
        name: name.to_owned(),
        partitions,
        replication_factor,
    })
}

#[cfg(test)]
mod tests {
    use super::parse_topic;

    #[test]
    fn a_topic_is_read_as_the_tutorial_writes_it() {
        let topic = parse_topic("orders:4:2").expect("valid");
        assert_eq!((topic.partitions, topic.replication_factor), (4, 2));
        for wrong in ["", "orders:x:2", "orders:0:1", "orders:4:2:1", ":3:3"] {
            parse_topic(wrong).expect_err(wrong);
        }
        let refused = parse_topic("my orders:3:3").expect_err("no name of a topic");
        assert!(refused.starts_with("Topic name is invalid"), "{refused}");
    }
}
