//! What goes into the coordinator and what comes out: requests without their wire form, answers
//! and writes as values.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use uuid::Uuid;

use super::consumer::{ConsumerHeartbeat, ConsumerHeartbeatAnswer, ConsumerOverrides, Refusal};
use super::loading::Replay;
use super::offset_commit_record::OffsetAndMetadata;
use wire::report::Report;
use wire::{ErrorCode, LeaderEpoch, TopicPartition};

/// The time of an event, on both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Now {
    /// On a clock that never jumps, from an arbitrary start: deadlines are counted on it.
    pub monotonic: Duration,
    /// Milliseconds since 1970: what records are stamped with.
    pub wall_ms: i64,
}

/// Names a request until it is answered. Chosen by the shell, never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct RequestId(pub u64);

/// Names a write until its outcome is known. They rise in the order of the appends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct WriteId(pub u64);

/// Something that happened outside.
#[derive(Debug)]
pub(crate) enum Event {
    /// A client asks.
    Request { id: RequestId, request: Request },
    /// Time passed: whatever is due by now happens.
    Tick,
    /// A write was committed by every in-sync replica, or was not.
    Stored {
        write: WriteId,
        result: Result<(), ErrorCode>,
    },
    /// A transaction's marker is in a partition of `__consumer_offsets`, on every in-sync replica. `before` is
    /// [`Coordinator::next_write`](super::Coordinator::next_write) as it was when the marker had been appended.
    TransactionEnded {
        partition: i32,
        end: TransactionEnd,
        before: WriteId,
    },
    /// This broker leads a partition of `__consumer_offsets` from now on; its log is being read.
    LoadStarted {
        partition: i32,
        leader_epoch: LeaderEpoch,
    },
    /// The log was read to its end.
    Loaded {
        partition: i32,
        leader_epoch: LeaderEpoch,
        replay: Box<Replay>,
    },
    /// Another broker leads the partition now, or none.
    Resigned { partition: i32 },
    /// These topics exist now, by name, id and number of partitions.
    TopicsChanged { topics: Vec<(String, Uuid, i32)> },
    /// This is set for single groups now.
    GroupConfigsChanged {
        overrides: BTreeMap<String, ConsumerOverrides>,
    },
    /// These topics are gone: their committed offsets go too.
    TopicsDeleted { topics: Vec<String> },
}

/// A transactional producer, as its batches name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Producer {
    pub id: i64,
    pub epoch: i16,
}

/// How a producer's transaction ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TransactionEnd {
    pub producer_id: i64,
    /// The last epoch whose records belong to it: what is of a later one belongs to the next transaction.
    pub last_epoch: i16,
    pub is_committed: bool,
}

/// What stands in a partition of an internal topic, one after the other.
#[derive(Debug, Clone)]
pub(crate) enum Logged {
    /// A record, which may belong to a producer's transaction.
    Record(StoredRecord, Option<Producer>),
    TransactionEnd(TransactionEnd),
}

/// One record of `__consumer_offsets`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredRecord {
    pub key: Bytes,
    /// `None`: a tombstone.
    pub value: Option<Bytes>,
}

/// What clients ask of a group's coordinator and what changes it; the rest are queries.
#[derive(Debug, Clone)]
pub(crate) enum Request {
    Join(JoinRequest),
    Sync(SyncRequest),
    Heartbeat(MemberIdentity),
    Leave(LeaveRequest),
    Commit(CommitRequest),
    /// `TxnOffsetCommit`: the offsets count once the producer's transaction is committed.
    CommitInTransaction {
        producer: Producer,
        commit: CommitRequest,
    },
    ConsumerHeartbeat(Box<ConsumerHeartbeat>),
    DeleteGroup {
        group: String,
    },
    DeleteOffsets {
        group: String,
        partitions: Vec<TopicPartition>,
    },
}

/// Who claims to be a member, and of which generation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MemberIdentity {
    pub group: String,
    pub generation: i32,
    pub member_id: String,
    pub group_instance_id: Option<String>,
}

/// `JoinGroup`.
#[derive(Debug, Clone)]
pub(crate) struct JoinRequest {
    pub group: String,
    /// Empty: a new member.
    pub member_id: String,
    pub group_instance_id: Option<String>,
    pub client_id: String,
    /// As Kafka writes it: `/127.0.0.1`.
    pub client_host: String,
    pub session_timeout_ms: i32,
    pub rebalance_timeout_ms: i32,
    pub protocol_type: String,
    /// Assignors with their metadata, the preferred one first.
    pub protocols: Vec<(String, Bytes)>,
    /// Version 4 and newer: a new dynamic member first gets its id and joins again with it.
    pub requires_known_member_id: bool,
    /// Version 9 and newer: a static leader can be told to leave the assignment as it is.
    pub supports_skipping_assignment: bool,
    /// Makes a new member's id unique; chance comes from outside.
    pub new_member_suffix: String,
}

/// `SyncGroup`.
#[derive(Debug, Clone)]
pub(crate) struct SyncRequest {
    pub member: MemberIdentity,
    /// Version 5 and newer: checked against the group's.
    pub protocol_type: Option<String>,
    pub protocol_name: Option<String>,
    /// Only from the leader: what each member gets.
    pub assignments: Vec<(String, Bytes)>,
}

/// `LeaveGroup`: several members from version 3 on, by member id or by instance id.
#[derive(Debug, Clone)]
pub(crate) struct LeaveRequest {
    pub group: String,
    pub members: Vec<LeavingMember>,
}

/// One member that is to leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LeavingMember {
    /// Empty: the instance id names it.
    pub member_id: String,
    pub group_instance_id: Option<String>,
    pub reason: Option<String>,
}

/// `OffsetCommit`, without the topics that do not exist.
#[derive(Debug, Clone)]
pub(crate) struct CommitRequest {
    pub member: MemberIdentity,
    /// Version 9 and newer: a generation may be a member epoch of the consumer protocol.
    pub knows_member_epochs: bool,
    pub offsets: Vec<(TopicPartition, OffsetAndMetadata)>,
}

/// The answer to a [`Request`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Response {
    Join(JoinResponse),
    Sync(SyncResponse),
    Heartbeat(ErrorCode),
    /// One code for the whole request, and one for each member in the order asked.
    Leave(ErrorCode, Vec<(LeavingMember, ErrorCode)>),
    Commit(Vec<(TopicPartition, ErrorCode)>),
    ConsumerHeartbeat(Result<ConsumerHeartbeatAnswer, Refusal>),
    DeleteGroup(ErrorCode),
    /// One code for the group; if it is `NONE`, one for each partition.
    DeleteOffsets(ErrorCode, Vec<(TopicPartition, ErrorCode)>),
}

/// The answer to `JoinGroup`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct JoinResponse {
    pub error: ErrorCode,
    pub generation: i32,
    pub protocol_type: Option<String>,
    pub protocol_name: Option<String>,
    /// The leader's member id, empty on errors.
    pub leader: String,
    pub skip_assignment: bool,
    pub member_id: String,
    /// Only for the leader: everybody's metadata.
    pub members: Vec<JoinedMember>,
}

/// A member as the leader sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct JoinedMember {
    pub member_id: String,
    pub group_instance_id: Option<String>,
    pub metadata: Bytes,
}

/// The answer to `SyncGroup`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SyncResponse {
    pub error: ErrorCode,
    pub protocol_type: Option<String>,
    pub protocol_name: Option<String>,
    pub assignment: Bytes,
}

/// What is to be done outside.
#[derive(Debug)]
pub(crate) enum Effect {
    /// Answers a request.
    Respond { to: RequestId, response: Response },
    /// Appends records as one batch with acks=all, only if the leader epoch is still this one,
    /// and tells the outcome in [`Event::Stored`]. Writes are to be appended in order.
    Store {
        write: WriteId,
        partition: i32,
        leader_epoch: LeaderEpoch,
        /// Whose transaction the batch belongs to.
        producer: Option<Producer>,
        records: Vec<StoredRecord>,
    },
    /// Tells whoever watches.
    Report(Report),
}

impl JoinResponse {
    /// A refusal.
    pub(crate) fn error(member_id: impl Into<String>, error: ErrorCode) -> Self {
        Self {
            error,
            generation: -1,
            protocol_type: None,
            protocol_name: None,
            leader: String::new(),
            skip_assignment: false,
            member_id: member_id.into(),
            members: Vec::new(),
        }
    }
}

impl SyncResponse {
    /// A refusal.
    pub(crate) fn error(error: ErrorCode) -> Self {
        Self {
            error,
            protocol_type: None,
            protocol_name: None,
            assignment: Bytes::new(),
        }
    }
}
