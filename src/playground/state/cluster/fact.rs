//! Facts: what an observation came to, with what was so before. They are told once, by the fold; story, outages and
//! znodes read them, and nobody above reads reports.

use std::time::Duration;

use super::{CaughtUp, ProcessChange, ProcessName, Quorum, Status};
use crate::state::Timestamp;
use wire::{
    BrokerId, GroupState, LeaderEpoch, Offset, TopicPartition, TransactionState,
    report::{MemberPartitions, MemberStep, TransactionCause, TransactionStep, ZnodeChange},
};

/// Something that is so now, and that somebody may want to tell.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::state) enum Fact {
    /// A child came, went or changed.
    Process {
        process: ProcessName,
        change: ProcessChange,
        /// What it does now.
        status: Status,
    },
    /// Metadata named the leaders of all partitions; these are others than before, or have another ISR.
    LeadersSeen(Vec<RoleSeen>),
    /// The quorum told how it stands; this is what was known before.
    QuorumSeen(Option<Quorum>),
    /// Logs of people's topics begin later than they did.
    RecordsDeleted(Vec<LogStart>),
    /// A process told something of its own.
    Told(Told),
}

/// What Metadata says of a partition that it said otherwise before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::state) struct RoleSeen {
    pub place: TopicPartition,
    pub leader: Moved<Option<BrokerId>>,
    pub epoch: Moved<LeaderEpoch>,
    pub isr: Moved<Vec<BrokerId>>,
}

/// Where a partition's log begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::state) struct LogStart {
    pub place: TopicPartition,
    pub offset: Moved<Offset>,
}

/// What it was, and what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::state) struct Moved<T> {
    pub before: T,
    pub after: T,
}

impl<T: PartialEq> Moved<T> {
    pub const fn new(before: T, after: T) -> Self {
        Self { before, after }
    }

    /// Whether anything moved.
    pub fn is_change(&self) -> bool {
        self.before != self.after
    }
}

impl Moved<Vec<BrokerId>> {
    /// Who is among them no more.
    pub fn left(&self) -> impl Iterator<Item = BrokerId> {
        let gone = |broker: &&BrokerId| !self.after.contains(broker);
        self.before.iter().filter(gone).copied()
    }

    /// Who is among them now and was not.
    pub fn joined(&self) -> impl Iterator<Item = BrokerId> {
        let new = |broker: &&BrokerId| !self.before.contains(broker);
        self.after.iter().filter(new).copied()
    }
}

/// What a process told of itself, or of what it did.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::state) struct Told {
    /// When it was so, by that process's clock.
    pub at: Timestamp,
    pub by: ProcessName,
    pub change: Change,
}

/// A change that a process told.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::state) enum Change {
    SessionEnded {
        session: i64,
        /// The broker whose it was.
        owner: Option<BrokerId>,
        /// After so long without a heartbeat; `None`: its own client closed it.
        expired_after_ms: Option<u32>,
        ephemerals: Vec<String>,
    },
    WatchFired {
        path: String,
        change: ZnodeChange,
        sessions: Vec<i64>,
    },
    /// A broker's watch told it to read a path again.
    WatchSeen {
        broker: BrokerId,
        path: String,
    },
    Registered {
        broker: BrokerId,
        session: i64,
    },
    ControllerElected {
        broker: BrokerId,
        before: Option<BrokerId>,
        controller_epoch: i32,
    },
    TopicCreated {
        topic: String,
        /// Replicas of each partition; the first leads.
        partitions: Vec<Vec<BrokerId>>,
    },
    TopicDeleted {
        topic: String,
    },
    /// The controller wrote a partition's state.
    StateWritten {
        place: TopicPartition,
        /// `-1`: nobody.
        leader: Moved<BrokerId>,
        epoch: Moved<LeaderEpoch>,
        isr: Moved<Vec<BrokerId>>,
    },
    /// A leader wrote the ISR of its partition.
    IsrWritten {
        place: TopicPartition,
        leader: BrokerId,
        isr: Moved<Vec<BrokerId>>,
    },
    /// All new replicas are in sync, and the old ones are let go.
    Reassigned {
        place: TopicPartition,
        replicas: Moved<Vec<BrokerId>>,
    },
    LogTruncated {
        broker: BrokerId,
        place: TopicPartition,
        end: Moved<Offset>,
    },
    FollowerStalled {
        broker: BrokerId,
        place: TopicPartition,
        leader: BrokerId,
        offset: Offset,
        lasts: Duration,
        why: String,
    },
    LogRecovered {
        broker: BrokerId,
        cut_bytes: u64,
    },
    /// A coordinator wrote down how a transactional id stands.
    TransactionMoved(Box<TransactionMoved>),
    /// A leader wrote the marker that ends a transaction in its partition.
    MarkerWritten {
        broker: BrokerId,
        place: TopicPartition,
        offset: Offset,
        /// The transactional id, where it is known.
        transactional_id: Option<String>,
        commit: bool,
    },
    /// A producer of ours came a step on in its transaction.
    Transaction {
        step: TransactionStep,
    },
    /// It did not, and why.
    TransactionRefused {
        step: TransactionStep,
        error: String,
        fatal: bool,
    },
    /// A record that it sent is acknowledged, or was given up.
    Delivered {
        place: TopicPartition,
        error: Option<String>,
    },
    Group(Box<GroupChange>),
    Member(Box<MemberChange>),
    /// A consumer of ours got partitions.
    Assigned(Vec<Assigned>),
    /// It gave them up.
    Revoked(Vec<TopicPartition>),
    /// It committed these offsets.
    Committed(Vec<(TopicPartition, Offset)>),
    /// It read a record.
    Read {
        place: TopicPartition,
        offset: Offset,
        key: Option<String>,
        /// The record's own timestamp, in milliseconds.
        written_ms: i64,
    },
    /// It has read the last of the records that lay there before it.
    CaughtUp {
        group: String,
        all: CaughtUp,
        last: (TopicPartition, Offset),
    },
}

/// A group moved to another state. Members go by the names that people call them.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::state) struct GroupChange {
    pub group: String,
    pub state: GroupState,
    pub generation: i32,
    pub protocol: Option<String>,
    /// Its leader's member id.
    pub leader: Option<String>,
    /// Member ids of those that have not joined again yet.
    pub awaited: Vec<String>,
    pub rebalance_timeout_ms: u64,
    pub why: Cause,
    /// In `Stable`: who holds what.
    pub division: Moved<Vec<Share>>,
}

/// A transactional id stands otherwise than before.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::state) struct TransactionMoved {
    pub transactional_id: String,
    pub coordinator: Option<BrokerId>,
    pub producer_id: i64,
    pub epoch: Moved<i16>,
    pub state: Moved<TransactionState>,
    /// What belongs to it, or still needs its marker.
    pub partitions: Vec<TopicPartition>,
    pub started: Option<Timestamp>,
    pub timeout: Duration,
    pub why: TransactionCause,
}

/// A member of a group took a step.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::state) struct MemberChange {
    pub group: String,
    pub member: String,
    pub client_id: String,
    /// What people call it.
    pub name: String,
    /// Whether it had a place in the group already.
    pub was_member: bool,
    pub step: MemberStep,
    /// What it got, or gave up.
    pub partitions: Vec<TopicPartition>,
    pub why: Cause,
}

/// Who did something, as people call them, and what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::state) struct Cause {
    pub who: Vec<String>,
    pub why: String,
}

/// A member with what it holds.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::state) struct Share {
    /// What people call it.
    pub name: String,
    pub holds: MemberPartitions,
}

/// A partition that a consumer reads from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::state) struct Assigned {
    pub place: TopicPartition,
    /// `-1`: where its client library begins.
    pub offset: Offset,
    /// What its group committed there.
    pub committed: Option<Offset>,
    /// Whether it read there before, and stood at this offset.
    pub goes_on: bool,
}
