//! Groups of the consumer protocol (KIP-848): the coordinator itself divides the partitions, and
//! each member moves towards its share with its own heartbeats, giving up before others get.
//!
//! A change of membership, subscriptions or topics raises the group's epoch; a target assignment
//! is computed for it; a member that has given up what it is to give up takes on the target's epoch.

mod assignor;
mod classic_members;
mod converting;
mod coordinating;
mod describing;
mod event;
mod expression;
mod group;
mod heartbeat;
mod leaving;
mod loading;
mod member;
mod offsets;
mod partitions;
mod reconciling;
mod records;
#[cfg(test)]
mod tests;
mod topics;
mod writing;

pub(crate) use assignor::Assignor;
pub(crate) use converting::MigrationPolicy;
pub(crate) use describing::{AssignedTopic, ConsumerGroupDescription, ConsumerMemberDescription};
pub(crate) use event::{ConsumerHeartbeat, ConsumerHeartbeatAnswer, Refusal};
pub(crate) use group::ConsumerGroup;
pub(crate) use loading::StoredConsumerGroups;
pub(crate) use member::ConsumerMember;
pub(crate) use offsets::check_partition;
pub(crate) use partitions::Partitions;
pub(crate) use records::{KEY_VERSIONS, REGULAR_EXPRESSION_KEY_VERSION};
pub(crate) use topics::Topics;
pub(crate) use writing::{StoredChange, not_stored};

use std::time::Duration;

/// What is set for one group, instead of what holds for all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct ConsumerOverrides {
    pub session_timeout: Option<Duration>,
    pub heartbeat_interval_ms: Option<i32>,
    pub assignment_interval_ms: Option<i64>,
}

impl ConsumerConfig {
    /// The settings of a group for which these are set.
    pub(crate) fn with(&self, own: ConsumerOverrides) -> Self {
        let mut config = self.clone();
        if let Some(timeout) = own.session_timeout {
            config.session_timeout = timeout;
        }
        if let Some(interval) = own.heartbeat_interval_ms {
            config.heartbeat_interval_ms = interval;
        }
        if let Some(interval) = own.assignment_interval_ms {
            config.assignment_interval_ms = interval;
        }
        config
    }
}

/// The settings that groups of the consumer protocol obey.
#[derive(Debug, Clone)]
pub(crate) struct ConsumerConfig {
    /// Whether such groups are served at all.
    pub is_enabled: bool,
    pub session_timeout: Duration,
    pub heartbeat_interval_ms: i32,
    /// How long after a target assignment the next one is computed at the earliest.
    pub assignment_interval_ms: i64,
    pub group_size_max: usize,
    /// The first one is used where no member asks for one.
    pub assignors: Vec<Assignor>,
    pub migration_policy: MigrationPolicy,
}
