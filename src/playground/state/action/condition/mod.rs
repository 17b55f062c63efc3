//! Conditions: what somebody waits for, typed like an action and checked against what is known.
//!
//! One vocabulary for scripts, lessons and the palette: `isr orders 3 and not broker 2 up within 10s`.

mod baseline;
mod check;
mod display;
mod forms;
mod grammar;
mod look;
mod reader;
mod words;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::TopicConfig;
pub use baseline::Baseline;
pub use check::Verdict;
pub use forms::{FORMS, Form};
pub use reader::ConditionError;
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
    /// How far the transaction of a producer of ours is.
    Transaction(String, TransactionEnd),
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
    /// Where a partition begins: the oldest record that is still there.
    LogStart(TopicPartition, Amount),
    /// Whether a topic has a record like this.
    Record(RecordWanted),
    /// How many records a group, or one consumer of it, read of a topic or of a partition.
    Read {
        /// Who.
        by: ReadBy,
        /// What.
        places: Places,
        /// How many.
        amount: Amount,
    },
    /// How many records a group read although it had read them before.
    Duplicates(String, Places, Amount),
    /// How many records of a topic a group read after one that was written later.
    Overtaken(String, String, Amount),
    /// How many replicas a partition has, in sync or not.
    Replicas(Places, Amount),
    /// How many copies of a topic's records all brokers keep together.
    Copies(String, Amount),
    /// How many partitions of a topic a broker has, or leads.
    Share(BrokerId, Role, String, Amount),
    /// What a config is set to on the topic itself; `None`: it is not set there.
    Config(TopicConfig),
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

/// What a record is like that is looked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordWanted {
    /// Where it is looked for.
    pub places: Places,
    /// Its key.
    pub key: WantedKey,
    /// Its value.
    pub value: Option<String>,
    /// Written since the wait began.
    pub new: bool,
    /// In how many partitions there is such a record.
    pub partitions: Option<Amount>,
}

/// Which key a record shall have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum WantedKey {
    /// Any, or none.
    Whatever,
    /// None.
    Absent,
    /// This one.
    Is(String),
}

/// Who reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReadBy {
    /// All members of a group.
    Group(String),
    /// One consumer of ours.
    Consumer(String),
}

/// What a broker is to a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Role {
    /// It has a replica.
    Has,
    /// It leads.
    Leads,
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
    /// The same of records that only their leader acknowledged.
    LostByLeader,
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
    /// A transactional producer of ours.
    Producer(String),
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

/// How far a transaction is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum TransactionEnd {
    /// It can be written into.
    Open,
    /// All of it counts.
    Committed,
    /// None of it counts.
    Aborted,
    /// Its producer died or lost its id in the middle.
    Left,
}

impl TransactionEnd {
    /// As they are typed.
    const NAMED: [(&str, Self); 4] = [
        ("open", Self::Open),
        ("committed", Self::Committed),
        ("aborted", Self::Aborted),
        ("left", Self::Left),
    ];
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
