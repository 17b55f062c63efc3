//! The parts of the screen, by the names that actions, layouts and keys have for them.

use serde::{Deserialize, Serialize};

/// A part of the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pane {
    /// The boxes.
    Processes,
    /// Which broker keeps which partition.
    Replicas,
    /// The partitions' logs.
    Log,
    /// The group.
    Group,
    /// What happened.
    Story,
    /// `ZooKeeper`'s tree.
    Znodes,
    /// Who has a session at `ZooKeeper`, and for how long yet.
    Sessions,
    /// Who watches what.
    Watches,
    /// What happened in `ZooKeeper`.
    ZooKeeperStory,
    /// Records on their way, from producers through partitions to consumers.
    Flow,
    /// The brokers as columns, for a hall.
    StageBrokers,
    /// The consumers in boxes, for a hall.
    StageConsumers,
    /// Three numbers, for a hall.
    StageNumbers,
    /// What happened in sentences, for a hall.
    Caption,
    /// Requests and answers of our own connections.
    Wire,
    /// What the picked process writes.
    Output,
    /// What flows, and how far readers are behind.
    Throughput,
    /// Every broker as a cell.
    Brokers,
    /// Every partition of the shown topic as a cell.
    Partitions,
    /// The whole cluster in numbers.
    Now,
    /// The quorum of controllers, where one keeps the metadata.
    Quorum,
    /// Transactional ids, and the transactions of our own producers.
    Transactions,
    /// The lesson that is open.
    Lesson,
    /// Records in the order in which they were written, beside that in which a group read them.
    Order,
}

impl Pane {
    /// All panes. The order of the tabulator is that of the layout.
    pub const ALL: [Self; 24] = [
        Self::Processes,
        Self::Replicas,
        Self::Log,
        Self::Group,
        Self::Story,
        Self::Znodes,
        Self::Sessions,
        Self::Watches,
        Self::ZooKeeperStory,
        Self::Flow,
        Self::StageBrokers,
        Self::StageConsumers,
        Self::StageNumbers,
        Self::Caption,
        Self::Wire,
        Self::Output,
        Self::Throughput,
        Self::Brokers,
        Self::Partitions,
        Self::Now,
        Self::Quorum,
        Self::Transactions,
        Self::Lesson,
        Self::Order,
    ];

    /// What layouts and keys call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Processes => "processes",
            Self::Replicas => "replicas",
            Self::Log => "log",
            Self::Group => "group",
            Self::Story => "story",
            Self::Znodes => "znodes",
            Self::Sessions => "sessions",
            Self::Watches => "watches",
            Self::ZooKeeperStory => "zookeeper-story",
            Self::Flow => "flow",
            Self::StageBrokers => "stage-brokers",
            Self::StageConsumers => "stage-consumers",
            Self::StageNumbers => "stage-numbers",
            Self::Caption => "caption",
            Self::Wire => "wire",
            Self::Output => "output",
            Self::Throughput => "throughput",
            Self::Brokers => "brokers",
            Self::Partitions => "partitions",
            Self::Now => "now",
            Self::Quorum => "quorum",
            Self::Transactions => "transactions",
            Self::Lesson => "lesson",
            Self::Order => "order",
        }
    }

    /// Its title's first words.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Processes => "Processes",
            Self::Replicas => "Replicas",
            Self::Log => "Log",
            Self::Group => "Group",
            Self::Story | Self::ZooKeeperStory => "What happened",
            Self::Znodes => "znodes",
            Self::Sessions => "sessions",
            Self::Watches => "watches",
            Self::Flow => "flow",
            Self::StageBrokers => "brokers",
            Self::StageConsumers => "consumers",
            Self::StageNumbers => "numbers",
            Self::Caption => "caption",
            Self::Wire => "Wire",
            Self::Output => "Output",
            Self::Throughput => "Throughput and lag",
            Self::Brokers => "Brokers",
            Self::Partitions => "Partitions",
            Self::Now => "Now",
            Self::Quorum => "Quorum",
            Self::Transactions => "transactions",
            Self::Lesson => "Lesson",
            Self::Order => "Order",
        }
    }
}

/// What a cell of the Log pane says under its offset.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum RecordFace {
    /// The key.
    #[default]
    Key,
    /// The value.
    Value,
    /// The time of day.
    Time,
    /// The size.
    Size,
}

impl RecordFace {
    /// What layouts call them.
    pub const NAMES: [(&str, Self); 4] = [
        ("key", Self::Key),
        ("value", Self::Value),
        ("time", Self::Time),
        ("size", Self::Size),
    ];

    /// The next one.
    #[must_use]
    pub fn next(self) -> Self {
        match self {
            Self::Key => Self::Value,
            Self::Value => Self::Time,
            Self::Time => Self::Size,
            Self::Size => Self::Key,
        }
    }
}
