//! `ConsumerGroupHeartbeat` without its wire form.

use super::member::ClassicMember;
use super::partitions::Partitions;
use wire::ErrorCode;

/// The member epoch of a member that joins.
pub(crate) const JOIN_EPOCH: i32 = 0;

/// The member epoch of a member that leaves for good.
pub(crate) const LEAVE_EPOCH: i32 = -1;

/// The member epoch of a static member that goes and may come back.
pub(crate) const LEAVE_STATIC_EPOCH: i32 = -2;

/// `ConsumerGroupHeartbeat`. `None` is "as before".
#[derive(Debug, Clone, Default)]
pub(crate) struct ConsumerHeartbeat {
    pub group: String,
    pub member_id: String,
    pub member_epoch: i32,
    pub instance_id: Option<String>,
    pub rack_id: Option<String>,
    /// `-1`: as before.
    pub rebalance_timeout_ms: i32,
    pub topics: Option<Vec<String>>,
    /// In the syntax of RE2; empty: none.
    pub expression: Option<String>,
    pub assignor: Option<String>,
    /// What the member has; ids of topics that do not exist are none of the group's business.
    pub owned: Option<Partitions>,
    pub client_id: String,
    /// As Kafka writes it: `/127.0.0.1`.
    pub client_host: String,
    /// Version 1 and newer: the member makes its own id.
    pub makes_member_id: bool,
    /// The id of a member that cannot make one; chance comes from outside.
    pub new_member_id: String,
    /// Set where a member of the classic protocol says this with its `JoinGroup`.
    pub classic: Option<ClassicMember>,
}

impl ConsumerHeartbeat {
    /// Whether the member says all that there is to say, as it does when it joins or is not sure
    /// that its last request arrived.
    pub(crate) fn is_full(&self) -> bool {
        self.rebalance_timeout_ms != -1
            && (self.topics.is_some() || self.expression.is_some())
            && self.owned.is_some()
    }
}

/// The answer to [`ConsumerHeartbeat`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConsumerHeartbeatAnswer {
    pub member_id: String,
    pub member_epoch: i32,
    pub heartbeat_interval_ms: i32,
    /// All that the member may have; `None`: as it was told last.
    pub assignment: Option<Partitions>,
}

/// A request that is refused, with words for whoever reads the client's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub error: ErrorCode,
    pub message: String,
}

impl Refusal {
    pub(crate) fn new(error: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            error,
            message: message.into(),
        }
    }
}
