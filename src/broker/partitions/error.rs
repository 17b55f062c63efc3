//! Why a partition refuses a request.

use thiserror::Error;

use crate::{log::LogError, replication::Refusal};
use wire::TopicPartition;

/// Why a partition refuses a request. `broker::error_code` says how clients are told.
#[derive(Debug, Error)]
pub(crate) enum PartitionError {
    #[error("{at} does not exist")]
    Unknown { at: TopicPartition },
    #[error("{at}: {refusal}")]
    Refused {
        at: TopicPartition,
        refusal: Refusal,
    },
    /// Its log failed or could not be opened; the broker's own log says why.
    #[error("the log of {at} is offline on this broker")]
    Offline { at: TopicPartition },
    #[error("{at}: not every in-sync replica answered in time")]
    TimedOut { at: TopicPartition },
    #[error("{at} is compacted: its records cannot be deleted by offset")]
    Compacted { at: TopicPartition },
    #[error(transparent)]
    Log(#[from] LogError),
}

impl PartitionError {
    /// Whoever asks should look for the leader.
    pub(crate) fn not_leader(at: TopicPartition) -> Self {
        Self::Refused {
            at,
            refusal: Refusal::NotLeader,
        }
    }
}
