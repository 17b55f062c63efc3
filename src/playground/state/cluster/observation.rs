//! What the outside tells: every fact about the cluster that the screen may show.

use std::{collections::BTreeMap, fmt, time::Duration};

use serde::{Deserialize, Serialize};

use super::{
    ExchangeSeen, GroupSeen, QuorumSeen, RecordSeen, TransactionSeen, ZnodesSeen, ZooKeeperSeen,
};
use crate::state::Timestamp;
use wire::{BrokerId, LeaderEpoch, Offset, TopicPartition, report::ReportLine};

/// A process of the playground, by the name people call it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ProcessName {
    /// The one `ZooKeeper` server; key `0`.
    ZooKeeper,
    /// A broker, by its id.
    Broker(BrokerId),
    /// A consumer, by its client id: `c1`.
    Consumer(String),
    /// A producer of ours that writes in transactions: `t1`, and `t1-2` where two have one id.
    Producer(String),
}

impl ProcessName {
    /// Whether it is a broker or `ZooKeeper`.
    #[must_use]
    pub const fn is_server(&self) -> bool {
        matches!(self, Self::Broker(_) | Self::ZooKeeper)
    }
}

impl fmt::Display for ProcessName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ZooKeeper => f.write_str("zookeeper"),
            Self::Broker(id) => write!(f, "broker {id}"),
            Self::Consumer(name) => write!(f, "consumer {name}"),
            Self::Producer(name) => write!(f, "producer {name}"),
        }
    }
}

/// How many acknowledgements the producer waits for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Acks {
    /// Every replica in sync.
    #[default]
    All,
    /// The leader.
    Leader,
    /// Nobody.
    None,
}

impl Acks {
    /// What is said beside a pace, where it is not the usual one.
    #[must_use]
    pub const fn sign(self) -> &'static str {
        match self {
            Self::All => "",
            Self::Leader => " acks=1",
            Self::None => " acks=0",
        }
    }

    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "serde passes what it may skip by reference"
    )]
    pub(super) const fn is_usual(&self) -> bool {
        matches!(self, Self::All)
    }

    /// As Kafka's setting `acks` has it.
    #[must_use]
    pub const fn setting(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Leader => "1",
            Self::None => "0",
        }
    }
}

/// Why a file cannot be taken as text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Unreadable {
    /// A person's own settings are far smaller.
    #[error(" is larger than {bytes_max} bytes, the most that is read")]
    TooLarge {
        /// The limit.
        bytes_max: u64,
    },
    /// Line and column are counted from 1, the column in characters.
    #[error(":{line}:{column} the byte 0x{byte:02X} is not UTF-8: save the file as UTF-8")]
    NotUtf8 {
        /// Where the first such byte stands.
        line: usize,
        /// And where in its line.
        column: usize,
        /// That byte.
        byte: u8,
    },
    /// A folder, a pipe or a device: reading it could take for ever.
    #[error(" is not a file")]
    NotAFile,
    /// Its folder has more files than are read.
    #[error(" is left unread: {files_max} files of a folder are read")]
    TooMany {
        /// How many are.
        files_max: usize,
    },
    /// The system's own words.
    #[error(" cannot be read: {0}")]
    Refused(String),
}

/// One fact. Snapshots replace what was known of their subject; the rest are moments.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Observation {
    /// The data folder is open.
    DataFolder {
        /// As shown, `~/.local/share/kafkarium/demo`.
        path: String,
        /// When it was last used; `None`: it was created now.
        last_used: Option<Timestamp>,
    },
    /// A child process changed.
    Process {
        /// Which.
        process: ProcessName,
        /// How.
        change: ProcessChange,
    },
    /// What a child costs: resident memory, and time on a core since it began. Older sessions lack the latter.
    Memory {
        /// Which.
        process: ProcessName,
        /// As the system counts it.
        rss_bytes: u64,
        /// As the system counts it.
        cpu_ms: Option<u64>,
    },
    /// The newest lines of a child's log, oldest first. Sent when it dies, and when it was asked for.
    LogLines {
        /// Which.
        process: ProcessName,
        /// The whole log's file, as shown.
        file: String,
        /// At most 200.
        lines: Vec<String>,
    },
    /// A child's own report, from its stdout.
    Report {
        /// Which child.
        process: ProcessName,
        /// What it said.
        line: ReportLine,
    },
    /// What a broker of others told of its software.
    Software(SoftwareSeen),
    /// How often our own connections asked others' brokers lately.
    Asks(AsksSeen),
    /// What the leader of a quorum of controllers says of it.
    Quorum(QuorumSeen),
    /// Nobody of it answers any more.
    QuorumSilent {
        /// Why not.
        why: String,
    },
    /// What Metadata says, with the configurations of its topics.
    Cluster(ClusterSeen),
    /// What `ListOffsets` says; partitions that are absent keep what was known.
    Offsets(Vec<PartitionOffsets>),
    /// Records of a partition, in the order of their offsets: new ones at its tail, or old ones that
    /// were asked for.
    Records {
        /// Where.
        partition: TopicPartition,
        /// What was read: from this offset on,
        from: Offset,
        /// up to this one. Offsets between them that have no record have none in the log either.
        upto: Offset,
        /// At most the newest 200 of what was not told before.
        records: Vec<RecordSeen>,
    },
    /// What `DescribeGroups` and `OffsetFetch` say of one group.
    Group(GroupSeen),
    /// The coordinator does not know this group any more.
    GroupGone {
        /// Its id.
        group: String,
    },
    /// What `ListTransactions` and `DescribeTransactions` say of all ids that one broker coordinates.
    Transactions {
        /// That broker.
        coordinator: BrokerId,
        /// By id.
        transactions: Vec<TransactionSeen>,
    },
    /// What `cons`, `dump` and `wchp` say.
    ZooKeeper(ZooKeeperSeen),
    /// What was read of `ZooKeeper`'s tree.
    Znodes(ZnodesSeen),
    /// What our own producer counted since the playground started; at most 20 a second.
    Produced(ProducedSeen),
    /// Our producer's record was acknowledged. At most 20 a second for each partition; the first one
    /// after a pause of a partition is always told, at once.
    Acked(Receipt),
    /// Our producer gave a record up.
    SendFailed {
        /// Where it would have gone, if it got that far.
        partition: Option<TopicPartition>,
        /// Its key.
        key: Option<String>,
        /// In Kafka's words, `NOT_ENOUGH_REPLICAS`.
        error: String,
    },
    /// The reader without a group looked again at what was acknowledged.
    LostChecked {
        /// Acknowledged records that it did not find, since the start.
        lost: u64,
    },
    /// The same for records that only their leader acknowledged (`acks=1`): nobody promised to keep them.
    LostByLeaderChecked {
        /// Those that it did not find, since the start.
        lost: u64,
    },
    /// A request was done.
    Done {
        /// What to say in "what happened", `topic chat created`; `None`: a report will tell it.
        say: Option<String>,
    },
    /// A request failed; this is said in "what happened" and in the footer.
    Failed {
        /// One sentence with the names, numbers and the way out.
        why: String,
    },
    /// Something worth a line that no key caused, `port 9092 is taken by java (pid 812): ...`.
    Notice(String),
    /// Requests and answers of our own connections, while they are listened to.
    Wire {
        /// Oldest first.
        exchanges: Vec<ExchangeSeen>,
        /// How many came faster than they could be told, since the start.
        missed: u64,
    },
    /// A coordinator answered `CommitOffset`.
    OffsetCommitted {
        /// For which group.
        group: String,
        /// Why not, where it refused or could not be asked.
        error: Option<String>,
    },
    /// What was written for a proof was acknowledged by all replicas in sync.
    Proved,
    /// Text is on its way to the clipboard.
    Copied(String),
    /// A file of the user's settings was read.
    SettingsFile {
        /// Below the settings folder, `layouts/my.toml`.
        file: String,
        /// What it holds; `None`: it is gone.
        text: Option<String>,
        /// Whether it was there already when the playground began.
        at_start: bool,
    },
    /// A file of the user's settings is there and cannot be taken as text.
    SettingsFileUnreadable {
        /// Below the settings folder, `layouts/my.toml`; or a folder of them, `layouts`.
        file: String,
        /// Why not.
        why: Unreadable,
        /// Whether it was so already when the playground began.
        at_start: bool,
    },
    /// The screen is recorded from now on, or no more.
    Recording {
        /// Whether it is.
        on: bool,
        /// Where it goes, or what there is now.
        say: String,
    },
    /// The session or the screen was written into a file.
    Kept(String),
    /// It was not, for this reason.
    NotKept(String),
}

/// How a child process changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProcessChange {
    /// It has a pid and, if it is a server, the address it will listen on.
    Spawned {
        /// Its process id.
        pid: u32,
        /// `127.0.0.1:9092`.
        address: Option<String>,
        /// The group a consumer reads for.
        group: Option<String>,
    },
    /// It answers on this address.
    Ready {
        /// `127.0.0.1:9092`.
        address: String,
        /// When that was so, by its own clock: milliseconds since 1970.
        at_ms: i64,
    },
    /// It is gone.
    Exited {
        /// What it returned, if it returned.
        code: Option<i32>,
        /// The signal that ended it.
        signal: Option<i32>,
    },
    /// SIGSTOP reached it.
    Frozen,
    /// SIGCONT reached it.
    Thawed,
    /// Metadata names this broker, which is no child of ours.
    Listed {
        /// Where clients reach it, `k2.shop:9092`.
        address: String,
        /// Where it stands, if it says so.
        rack: Option<String>,
    },
    /// Metadata names it no more.
    Unlisted,
    /// It is no child of ours and does not answer us.
    Silent {
        /// Why not.
        why: String,
    },
    /// It answers us again.
    Answers,
}

/// What one Metadata answer says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterSeen {
    /// The cluster's id.
    pub cluster_id: Option<String>,
    /// The broker that is controller.
    pub controller: Option<BrokerId>,
    /// Live brokers, by id.
    pub brokers: Vec<BrokerSeen>,
    /// All topics, by name.
    pub topics: Vec<TopicSeen>,
}

/// What a cluster's brokers run, as far as they tell it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SoftwareSeen {
    /// Whether a quorum of controllers keeps its metadata; else `ZooKeeper` does.
    pub quorum: bool,
    /// The release of Apache Kafka, `4.3`, that they are like.
    pub release: Option<String>,
}

/// How often our own connections asked brokers in a stretch of time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AsksSeen {
    /// The stretch.
    pub within: Duration,
    /// Requests of each API by its name, the most first.
    pub by_api: Vec<(String, u64)>,
}

impl AsksSeen {
    /// All of them in a second.
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.by_api.iter().map(|(_, count)| self.of(*count)).sum()
    }

    /// So many of them in a second.
    #[must_use]
    pub fn of(&self, count: u64) -> f64 {
        let count = f64::from(u32::try_from(count).unwrap_or(u32::MAX));
        count / self.within.as_secs_f64().max(0.001)
    }
}

/// A live broker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrokerSeen {
    /// Its id.
    pub id: BrokerId,
    /// Where clients reach it, `127.0.0.1:9092`.
    pub address: String,
    /// Where it stands, if it says so (`broker.rack`).
    pub rack: Option<String>,
}

/// A topic.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopicSeen {
    /// Its name.
    pub name: String,
    /// Whether Kafka keeps it for itself, as `__consumer_offsets`.
    pub internal: bool,
    /// By index.
    pub partitions: Vec<PartitionSeen>,
    /// `min.insync.replicas`, once it is known.
    pub min_insync_replicas: Option<i32>,
    /// Configurations that are set on the topic itself.
    pub configs: BTreeMap<String, String>,
}

/// A partition as Metadata tells it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionSeen {
    /// Its index.
    pub partition: i32,
    /// Who leads it; `None`: nobody can.
    pub leader: Option<BrokerId>,
    /// How often the leader changed.
    pub epoch: LeaderEpoch,
    /// The first is the preferred leader.
    pub replicas: Vec<BrokerId>,
    /// In the order the leader gives.
    pub isr: Vec<BrokerId>,
}

/// Where a partition's log begins and ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionOffsets {
    /// Which.
    pub partition: TopicPartition,
    /// The oldest record that is still there.
    pub log_start: Offset,
    /// Consumers see records below it.
    pub high_watermark: Offset,
    /// Readers of committed transactions see records below it.
    pub last_stable: Option<Offset>,
    /// Each replica's own log end (`ListOffsets` with replica id -2); who did not answer is absent.
    pub ends: Vec<(BrokerId, Offset)>,
}

/// What our own producer counted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProducedSeen {
    /// Records handed to the client library.
    pub sent: u64,
    /// Records acknowledged.
    pub acked: u64,
    /// Keys, values and headers of those.
    #[serde(default)]
    pub acked_bytes: u64,
    /// Records given up.
    pub failed: u64,
    /// Records that wait for their acknowledgement, by partition.
    pub waiting: Vec<(TopicPartition, u64)>,
    /// Those of them that wait for all in sync (`acks=all`): only they are refused where too few are.
    pub waiting_for_all: Vec<(TopicPartition, u64)>,
}

/// An acknowledged record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Where it went.
    pub partition: TopicPartition,
    /// The offset it got.
    pub offset: Offset,
    /// Its key.
    pub key: Option<String>,
    /// Whose acknowledgement was waited for.
    pub acks: Acks,
    /// When it was handed to the client library.
    pub sent_at: Timestamp,
    /// From there to the acknowledgement.
    pub latency: Duration,
}
