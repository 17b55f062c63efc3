//! What coordinators tell: of groups and of transactional ids.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::GroupProtocol;
use crate::state::Timestamp;
use wire::{BrokerId, GroupState, Offset, TopicPartition, TransactionState};

/// A group as its coordinator describes it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupSeen {
    /// Its id.
    pub group: String,
    /// Where it stands.
    pub state: GroupState,
    /// The broker that coordinates it.
    pub coordinator: Option<BrokerId>,
    /// The assignor, `range`.
    pub protocol: String,
    /// By member id.
    pub members: Vec<MemberSeen>,
    /// Committed offsets.
    pub committed: Vec<(TopicPartition, Offset)>,
    /// By which protocol it divides, where the coordinator told.
    #[serde(default)]
    pub kind: Option<GroupProtocol>,
    /// Of a group of the consumer protocol: the group's epoch, and that of the target that was computed last.
    #[serde(default)]
    pub epochs: Option<(i32, i32)>,
}

/// A member of a group.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberSeen {
    /// Given by the coordinator.
    pub member_id: String,
    /// Given by the client, `c1`.
    pub client_id: String,
    /// Where it connects from.
    pub host: String,
    /// What it reads now.
    pub assignment: Vec<TopicPartition>,
    /// The epoch of that, by the consumer protocol.
    #[serde(default)]
    pub epoch: Option<i32>,
    /// What it is to read, by the consumer protocol.
    #[serde(default)]
    pub target: Vec<TopicPartition>,
}

/// A transactional id as its coordinator describes it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransactionSeen {
    /// The id.
    pub transactional_id: String,
    /// Where its transaction stands.
    pub state: TransactionState,
    /// The producer that has the id.
    pub producer_id: i64,
    /// Its epoch.
    pub producer_epoch: i16,
    /// After so long the coordinator aborts what is open.
    pub timeout: Duration,
    /// When the open one began.
    pub started: Option<Timestamp>,
    /// What belongs to it, or still needs its marker.
    pub partitions: Vec<TopicPartition>,
}
