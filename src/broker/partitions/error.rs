//! Why a partition refuses a request.

use thiserror::Error;

use crate::{
    broker::log::LogError,
    wire::{BrokerId, LeaderEpoch, Offset, TopicPartition},
};

/// Why a partition refuses a request. `broker::error_code` says how clients are told.
#[derive(Debug, Error)]
pub(crate) enum PartitionError {
    #[error("{at} does not exist")]
    Unknown { at: TopicPartition },
    #[error("this broker does not lead {at}")]
    NotLeader { at: TopicPartition },
    #[error("{at} is at leader epoch {current}, and the request at {requested}")]
    FencedLeaderEpoch {
        at: TopicPartition,
        requested: LeaderEpoch,
        current: LeaderEpoch,
    },
    #[error("{at} is at leader epoch {current} here, and the request at {requested} already")]
    UnknownLeaderEpoch {
        at: TopicPartition,
        requested: LeaderEpoch,
        current: LeaderEpoch,
    },
    #[error("{at} has {isr} in-sync replicas and needs {min}")]
    NotEnoughReplicas {
        at: TopicPartition,
        isr: usize,
        min: usize,
    },
    #[error("{at} has {isr} in-sync replicas and needs {min}; the records are in the log")]
    NotEnoughReplicasAfterAppend {
        at: TopicPartition,
        isr: usize,
        min: usize,
    },
    #[error("{at}: not every in-sync replica answered in time")]
    TimedOut { at: TopicPartition },
    /// A new leader does not know yet what earlier ones told (KIP-207).
    #[error("{at}: the high watermark has not reached the beginning of this leader's epoch")]
    OffsetNotAvailable { at: TopicPartition },
    #[error("{at}: offset {offset} is not between {start} and {end}")]
    OffsetOutOfRange {
        at: TopicPartition,
        offset: Offset,
        start: Offset,
        end: Offset,
    },
    #[error("{at} is compacted: its records cannot be deleted by offset")]
    Compacted { at: TopicPartition },
    #[error("broker {broker} is no replica of {at}")]
    NotReplica {
        at: TopicPartition,
        broker: BrokerId,
    },
    #[error(transparent)]
    Log(#[from] LogError),
}
