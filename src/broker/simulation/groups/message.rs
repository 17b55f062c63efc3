//! What travels between consumers and coordinators.

use std::collections::BTreeMap;

use crate::coordinator::{Request, Response};
use wire::{ErrorCode, Offset};

/// A process of a consumer: what comes late for an earlier one is not for its successor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Client {
    pub(super) index: usize,
    pub(super) incarnation: u64,
}

/// A request.
#[derive(Debug, Clone)]
pub(super) enum Ask {
    Group(Request),
    /// `OffsetFetch` of these partitions.
    Offsets(Vec<i32>),
}

/// Its answer.
#[derive(Debug, Clone)]
pub(super) enum Told {
    Group(Response),
    Offsets(Result<Committed, ErrorCode>),
}

/// Where a group reads on; `None`: nothing is committed.
pub(super) type Committed = BTreeMap<i32, Option<Offset>>;

impl Ask {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Offsets(_) => "OffsetFetch",
            Self::Group(Request::Join(_)) => "JoinGroup",
            Self::Group(Request::Sync(_)) => "SyncGroup",
            Self::Group(Request::Heartbeat(_)) => "Heartbeat",
            Self::Group(Request::Leave(_)) => "LeaveGroup",
            Self::Group(Request::Commit(_)) => "OffsetCommit",
            Self::Group(Request::ConsumerHeartbeat(_)) => "ConsumerGroupHeartbeat",
            Self::Group(Request::DeleteGroup { .. }) => "DeleteGroups",
            Self::Group(Request::CommitInTransaction { .. }) => "TxnOffsetCommit",
            Self::Group(Request::DeleteOffsets { .. }) => "OffsetDelete",
        }
    }
}

impl Told {
    /// What matters of an answer, for the transcript.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Offsets(Ok(committed)) => format!("{committed:?}"),
            Self::Group(Response::Join(joined)) => format!(
                "{} as {:?}, generation {}",
                joined.error, joined.member_id, joined.generation
            ),
            Self::Group(Response::Sync(synced)) => format!("{}, assigned", synced.error),
            Self::Offsets(Err(error))
            | Self::Group(
                Response::Heartbeat(error)
                | Response::DeleteGroup(error)
                | Response::Leave(error, _)
                | Response::DeleteOffsets(error, _),
            ) => error.to_string(),
            Self::Group(Response::ConsumerHeartbeat(answer)) => match answer {
                Ok(answer) => format!("epoch {}", answer.member_epoch),
                Err(refusal) => refusal.error.to_string(),
            },
            Self::Group(Response::Commit(results)) => {
                let errors = results.iter().map(|(at, error)| format!("{at} {error}"));
                errors.collect::<Vec<_>>().join(", ")
            }
        }
    }
}
