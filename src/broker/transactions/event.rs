//! What goes into the coordinator of transactions and what comes out.

use std::collections::BTreeSet;

use super::leadership::Replay;
use crate::coordinator::{RequestId, StoredRecord, WriteId};
use wire::{ErrorCode, LeaderEpoch, TopicPartition, report::Report};

/// Something that happened outside.
#[derive(Debug)]
pub(crate) enum Event {
    /// A client asks, or a broker for one.
    Request { id: RequestId, request: Request },
    /// Time passed: whatever is due by now happens.
    Tick,
    /// A write was committed by every in-sync replica, or was not.
    Stored {
        write: WriteId,
        result: Result<(), ErrorCode>,
    },
    /// What became of some markers of a transaction.
    Marked {
        mark: Mark,
        results: Vec<(TopicPartition, Marked)>,
    },
    /// This broker leads a partition of `__transaction_state` from now on; its log is being read.
    LoadStarted {
        partition: i32,
        leader_epoch: LeaderEpoch,
    },
    /// The log was read to its end.
    Loaded {
        partition: i32,
        leader_epoch: LeaderEpoch,
        replay: Replay,
    },
    /// Another broker leads the partition now, or none.
    Resigned { partition: i32 },
}

/// What changes a transaction; the rest are queries.
#[derive(Debug, Clone)]
pub(crate) enum Request {
    Init(InitRequest),
    AddPartitions(AddRequest),
    End(EndRequest),
}

/// Who claims to be the producer of a transactional id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ProducerIdentity {
    pub(crate) transactional_id: String,
    pub(crate) producer_id: i64,
    pub(crate) producer_epoch: i16,
}

/// `InitProducerId` with a transactional id.
#[derive(Debug, Clone)]
pub(crate) struct InitRequest {
    pub(crate) transactional_id: String,
    pub(crate) timeout_ms: i32,
    /// What the producer had before, if it goes on.
    pub(crate) expected: Option<(i64, i16)>,
    /// An id that nobody ever had. Without one the answer may be [`Response::ProducerIdNeeded`].
    pub(crate) fresh_producer_id: Option<i64>,
}

/// `AddPartitionsToTxn`, `AddOffsetsToTxn`.
#[derive(Debug, Clone)]
pub(crate) struct AddRequest {
    pub(crate) producer: ProducerIdentity,
    pub(crate) partitions: BTreeSet<TopicPartition>,
    /// 2: the leader of the partitions asks, for a producer whose epoch rises with each end.
    pub(crate) transaction_version: i16,
}

/// `EndTxn`.
#[derive(Debug, Clone)]
pub(crate) struct EndRequest {
    pub(crate) producer: ProducerIdentity,
    pub(crate) commit: bool,
    /// From 2 on, the end raises the epoch.
    pub(crate) transaction_version: i16,
    /// As in [`InitRequest`].
    pub(crate) fresh_producer_id: Option<i64>,
}

/// The answer to a [`Request`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Response {
    /// The producer's id and epoch from now on.
    Producer(Result<(i64, i16), ErrorCode>),
    Added(ErrorCode),
    /// Ask again with a fresh producer id: nothing was done.
    ProducerIdNeeded,
}

/// Whose markers, and decided by which leader: its epoch fences those of earlier ones.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Mark {
    pub(crate) transactional_id: String,
    pub(crate) producer_id: i64,
    pub(crate) producer_epoch: i16,
    pub(crate) commit: bool,
    pub(crate) coordinator_epoch: LeaderEpoch,
    /// From 2 on its epoch is above that of its records: at that very epoch the partition had it already, and what is
    /// open there is the next transaction.
    pub(crate) transaction_version: i16,
}

/// What became of a marker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Marked {
    /// It is in the log of every in-sync replica, or there is no such partition any more.
    Done,
    /// Not now, or not known: it is sent again.
    Again,
}

/// What is to be done outside.
#[derive(Debug)]
pub(crate) enum Effect {
    /// Answers a request.
    Respond { to: RequestId, response: Response },
    /// Appends a record with acks=all, only if the leader epoch is still this one, and tells the outcome in
    /// [`Event::Stored`]. Writes are to be appended in order.
    Store {
        write: WriteId,
        partition: i32,
        leader_epoch: LeaderEpoch,
        record: StoredRecord,
    },
    /// Sends markers to the leaders of these partitions and tells of each in [`Event::Marked`].
    Mark {
        mark: Mark,
        partitions: Vec<TopicPartition>,
    },
    /// Tells whoever watches.
    Report(Report),
}
