//! What stands behind the name of an action: paces, topics, places, numbers.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{ActionError, ClusterAction};
use crate::state::cluster::{Acks, GroupProtocol, StreamRate};
use wire::{Offset, TopicPartition};

const CONFIG_USAGE: &str = "config TOPIC NAME VALUE, as in: config orders retention.ms 60000; the value \
     default takes it back";

const TOPIC_USAGE: &str =
    "topic create NAME PARTITIONS REPLICATION-FACTOR, as in: topic create chat 4 2";

/// A record as it is typed: `amy:hello`, `:no key`, `p2 amy:into this partition`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TypedRecord {
    /// Chosen by hand; else the key picks it.
    pub partition: Option<i32>,
    /// Empty: none.
    pub key: String,
    /// May be empty.
    pub value: String,
}

impl fmt::Display for TypedRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(partition) = self.partition {
            write!(f, "p{partition} ")?;
        }
        write!(f, "{}:{}", self.key, self.value)
    }
}

impl TypedRecord {
    /// Any text is a record; without a colon it is a key.
    pub(super) fn parse(text: &str) -> Self {
        let text = text.trim();
        let placed = text
            .split_once(char::is_whitespace)
            .and_then(|(first, rest)| {
                let partition: i32 = first.strip_prefix('p')?.parse().ok()?;
                (partition >= 0).then_some((partition, rest.trim_start()))
            });
        let (partition, record) = match placed {
            Some((partition, record)) => (Some(partition), record),
            None => (None, text),
        };
        let (key, value) = record.split_once(':').unwrap_or((record, ""));
        Self {
            partition,
            key: key.to_owned(),
            value: value.to_owned(),
        }
    }
}

/// A config of a topic, and what becomes of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopicConfig {
    /// The topic.
    pub topic: String,
    /// Kafka's name, `retention.ms`.
    pub name: String,
    /// `None`: it goes back to what the brokers have.
    pub value: Option<String>,
}

impl fmt::Display for TopicConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.value.as_deref().unwrap_or(Self::DEFAULT);
        write!(f, "config {} {} {value}", self.topic, self.name)
    }
}

impl TopicConfig {
    /// Stands for a value that is taken back.
    pub(super) const DEFAULT: &str = "default";

    /// `orders retention.ms 60000`
    pub(in crate::state) fn parse(words: &[&str]) -> Result<Self, ActionError> {
        let &[topic, name, value] = words else {
            return Err(ActionError::Arguments {
                usage: CONFIG_USAGE,
            });
        };
        Ok(Self {
            topic: topic.to_owned(),
            name: name.to_owned(),
            value: (value != Self::DEFAULT).then(|| value.to_owned()),
        })
    }
}

/// `all`, `1`, `0`, also as Kafka numbers them, `-1`.
pub(super) fn parse_acks(words: &[&str]) -> Result<Acks, ActionError> {
    match words {
        ["all" | "-1"] => Ok(Acks::All),
        ["1"] => Ok(Acks::Leader),
        ["0"] => Ok(Acks::None),
        _ => Err(ActionError::Arguments {
            usage: "acks all, 1 or 0: who must have a record before it counts as written",
        }),
    }
}

/// `classic`, `consumer`
pub(super) fn parse_protocol(name: &str) -> Result<Option<GroupProtocol>, ActionError> {
    let known = GroupProtocol::of_setting(name);
    known.map(Some).ok_or(ActionError::Arguments {
        usage: "group protocol classic or consumer: how consumers that come from now on join",
    })
}

pub(super) fn parse_rate(text: &str) -> Result<StreamRate, ActionError> {
    match text {
        "off" | "0" => Ok(StreamRate::Off),
        "max" => Ok(StreamRate::Max),
        number => number
            .parse()
            .map(StreamRate::PerSecond)
            .map_err(|_| ActionError::Arguments {
                usage: "stream off, a number of records per second, or max",
            }),
    }
}

/// `1204`, also as people write it, `1,204`.
pub(super) fn number_of<N: FromStr>(text: &str) -> Option<N> {
    text.replace(',', "").parse().ok()
}

/// `billing orders p0 41`
pub(super) fn parse_rewind(
    group: &str,
    topic: &str,
    partition: &str,
    offset: &str,
) -> Result<ClusterAction, ActionError> {
    let wrong = ActionError::Arguments {
        usage: "group rewind GROUP TOPIC PARTITION OFFSET, as in: group rewind billing orders p0 41",
    };
    let partition = partition.trim_start_matches('p').parse();
    let (Ok(partition), Ok(offset)) = (partition, offset.parse()) else {
        return Err(wrong);
    };
    Ok(ClusterAction::RewindGroup(Some((
        group.to_owned(),
        TopicPartition::new(topic, partition),
        Offset(offset),
    ))))
}

/// `chat 4 2`, `chat --partitions 4 --replication-factor 2`, or only the name.
pub(super) fn parse_topic(words: &[&str]) -> Result<ClusterAction, ActionError> {
    let wrong = || ActionError::Arguments { usage: TOPIC_USAGE };
    let (name, rest) = words.split_first().ok_or_else(wrong)?;
    let mut partitions = None;
    let mut factor = None;
    let mut words = rest.iter();
    while let Some(word) = words.next() {
        match *word {
            "--partitions" => partitions = words.next().copied(),
            "--replication-factor" => factor = words.next().copied(),
            number if partitions.is_none() => partitions = Some(number),
            number if factor.is_none() => factor = Some(number),
            _ => return Err(wrong()),
        }
    }
    let partitions = partitions.map_or(Ok(3), str::parse).map_err(|_| wrong())?;
    let factor = factor.map_or(Ok(3), str::parse).map_err(|_| wrong())?;
    Ok(ClusterAction::CreateTopic(Some((
        (*name).to_owned(),
        partitions,
        factor,
    ))))
}
