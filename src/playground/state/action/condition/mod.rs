//! Conditions: what somebody waits for, typed like an action and checked against what is known.
//!
//! One vocabulary for scripts, lessons and the palette: `isr orders 3 and not broker 2 up within 10s`.

mod check;
mod forms;
mod grammar;
mod words;

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

pub use check::{Baseline, Verdict};
pub use forms::{FORMS, Form};
pub use grammar::{ConditionError, duration};
use wire::{BrokerId, GroupState, TopicPartition};

/// What is waited for, and for how long at most.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// What shall hold.
    pub condition: Condition,
    /// How soon.
    pub within: Option<Duration>,
}

/// Something that holds or does not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Condition {
    /// One thing that can be looked up.
    Is(Predicate),
    /// The opposite.
    Not(Box<Condition>),
    /// Every one of them, at the same time.
    All(Vec<Condition>),
    /// At least one of them.
    Any(Vec<Condition>),
}

/// One thing that can be looked up in what is known of the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Predicate {
    /// Every process answers, topics and groups of the start are there.
    Ready,
    /// Replicas in sync, of one partition or of each.
    Isr(Places, Amount),
    /// Who leads, one partition or each.
    Leader(Places, Who),
    /// Who is the controller.
    Controller(Who),
    /// How a process fares.
    Process(Which, Being),
    /// How many brokers answer.
    BrokersUp(Amount),
    /// Whether a topic is there, with so many partitions where that is said.
    Topic(String, Existence),
    /// What a group does: its state by Kafka's name, how many members it has.
    Group {
        /// Its id.
        group: String,
        /// `Stable`; without it, any.
        state: Option<GroupState>,
        /// How many read in it.
        members: Option<Amount>,
    },
    /// By how many records a group is behind.
    Lag(String, Amount),
    /// The offset that a group committed.
    Committed(String, TopicPartition, Amount),
    /// Where a partition ends for readers: its high watermark.
    Offset(TopicPartition, Amount),
    /// Whether a topic has a record like this.
    Record {
        /// Where it is looked for.
        places: Places,
        /// Its key.
        key: Option<String>,
        /// Its value.
        value: Option<String>,
    },
    /// What our producer counted.
    Count(Counted, Amount),
    /// Whether demo records are being sent.
    Stream(bool),
}

/// A topic, or one of its partitions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Places {
    /// The topic.
    pub topic: String,
    /// One partition; without it, all.
    pub partition: Option<i32>,
}

/// What is counted from the start of the playground on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Counted {
    /// Records handed to the producer.
    Sent,
    /// Records acknowledged.
    Acked,
    /// Records given up.
    Failed,
    /// Acknowledged records that were looked for and not found.
    Lost,
}

/// Which process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Which {
    /// The `ZooKeeper` server.
    ZooKeeper,
    /// A broker.
    Broker(BrokerId),
    /// A consumer of ours.
    Consumer(String),
}

/// How a process fares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Being {
    /// It answers.
    Up,
    /// It does not run.
    Down,
    /// It is held by SIGSTOP.
    Frozen,
}

/// Whether something is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Existence {
    /// It is.
    Exists,
    /// It is not.
    Gone,
    /// It is, with so many partitions.
    Partitions(Amount),
}

/// Which broker has a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Who {
    /// This one.
    Is(BrokerId),
    /// Somebody, and not this one.
    IsNot(BrokerId),
    /// Somebody.
    Anybody,
    /// Nobody.
    Nobody,
    /// Somebody else than when the wait began.
    Moved,
}

/// A number to compare with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amount {
    /// How.
    pub compare: Compare,
    /// With what.
    pub number: i64,
    /// Counted from what it was when the wait began.
    pub more: bool,
}

/// How two numbers are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Compare {
    /// `=`
    Equal,
    /// `>=`
    AtLeast,
    /// `<=`
    AtMost,
    /// `>`
    Above,
    /// `<`
    Below,
}

/// Comparisons as they are written; longer ones before those that they begin with.
const COMPARES: [(&str, Compare); 5] = [
    (">=", Compare::AtLeast),
    ("<=", Compare::AtMost),
    (">", Compare::Above),
    ("<", Compare::Below),
    ("=", Compare::Equal),
];

impl Amount {
    /// Whether this number is meant.
    #[must_use]
    pub fn holds(self, number: i64) -> bool {
        match self.compare {
            Compare::Equal => number == self.number,
            Compare::AtLeast => number >= self.number,
            Compare::AtMost => number <= self.number,
            Compare::Above => number > self.number,
            Compare::Below => number < self.number,
        }
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.condition.fmt(f)?;
        match self.within {
            Some(within) => write!(f, " within {}ms", within.as_millis()),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Is(predicate) => predicate.fmt(f),
            Self::Not(inner) => match **inner {
                Self::Is(_) | Self::Not(_) => write!(f, "not {inner}"),
                _ => write!(f, "not ({inner})"),
            },
            Self::All(parts) => joined(f, parts, " and ", |part| matches!(part, Self::Any(_))),
            Self::Any(parts) => joined(f, parts, " or ", |_| false),
        }
    }
}

fn joined(
    f: &mut fmt::Formatter<'_>,
    parts: &[Condition],
    between: &str,
    wrapped: impl Fn(&Condition) -> bool,
) -> fmt::Result {
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            f.write_str(between)?;
        }
        if wrapped(part) {
            write!(f, "({part})")?;
        } else {
            write!(f, "{part}")?;
        }
    }
    Ok(())
}

impl fmt::Display for Predicate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ready => f.write_str("ready"),
            Self::Isr(places, amount) => write!(f, "isr {places} {amount}"),
            Self::Leader(places, who) => write!(f, "leader {places} {who}"),
            Self::Controller(who) => write!(f, "controller {who}"),
            Self::Process(which, being) => write!(f, "{which} {being}"),
            Self::BrokersUp(amount) => write!(f, "brokers up {amount}"),
            Self::Topic(topic, existence) => write!(f, "topic {} {existence}", Name(topic)),
            Self::Group {
                group,
                state,
                members,
            } => {
                write!(f, "group {}", Name(group))?;
                if let Some(state) = state {
                    write!(f, " {}", state.name().to_lowercase())?;
                }
                match members {
                    Some(members) => write!(f, " members {members}"),
                    None => Ok(()),
                }
            }
            Self::Lag(group, amount) => write!(f, "lag {} {amount}", Name(group)),
            Self::Committed(group, at, amount) => write!(
                f,
                "committed {} {} p{} {amount}",
                Name(group),
                Name(&at.topic),
                at.partition
            ),
            Self::Offset(at, amount) => {
                write!(f, "offset {} p{} {amount}", Name(&at.topic), at.partition)
            }
            Self::Record { places, key, value } => {
                write!(f, "record {places}")?;
                if let Some(key) = key {
                    write!(f, " key {}", Name(key))?;
                }
                match value {
                    Some(value) => write!(f, " value {}", Name(value)),
                    None => Ok(()),
                }
            }
            Self::Count(counted, amount) => write!(f, "{counted} {amount}"),
            Self::Stream(true) => f.write_str("stream on"),
            Self::Stream(false) => f.write_str("stream off"),
        }
    }
}

/// A name as it is typed: in quotes where it is more than one word, or a word that means something.
struct Name<'a>(&'a str);

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if words::needs_quotes(self.0) {
            write!(f, "\"{}\"", self.0.replace('"', "\\\""))
        } else {
            f.write_str(self.0)
        }
    }
}

impl fmt::Display for Places {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Name(&self.topic).fmt(f)?;
        match self.partition {
            Some(partition) => write!(f, " p{partition}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sent => "sent",
            Self::Acked => "acked",
            Self::Failed => "failed",
            Self::Lost => "lost",
        })
    }
}

impl fmt::Display for Which {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ZooKeeper => f.write_str("zookeeper"),
            Self::Broker(id) => write!(f, "broker {id}"),
            Self::Consumer(name) => write!(f, "consumer {}", Name(name)),
        }
    }
}

impl fmt::Display for Being {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::Frozen => "frozen",
        })
    }
}

impl fmt::Display for Existence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exists => f.write_str("exists"),
            Self::Gone => f.write_str("gone"),
            Self::Partitions(amount) => write!(f, "partitions {amount}"),
        }
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Is(broker) => broker.fmt(f),
            Self::IsNot(broker) => write!(f, "not {broker}"),
            Self::Anybody => f.write_str("any"),
            Self::Nobody => f.write_str("none"),
            Self::Moved => f.write_str("moved"),
        }
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = COMPARES
            .into_iter()
            .find(|(_, compare)| *compare == self.compare)
            .map_or("", |(sign, _)| sign);
        write!(f, "{sign} {}", self.number)?;
        if self.more {
            f.write_str(" more")
        } else {
            Ok(())
        }
    }
}
