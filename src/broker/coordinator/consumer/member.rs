//! A member of a group of the consumer protocol.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;

use super::event::{ConsumerHeartbeat, LEAVE_STATIC_EPOCH};
use super::partitions::Assigned;
use crate::coordinator::member::millis;

/// Where a member stands on its way to the target assignment. Numbers are Kafka's, in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MemberState {
    /// It has everything that the target of its epoch gives it.
    Stable = 0,
    /// It is to give up partitions before it goes on to the next epoch.
    UnrevokedPartitions = 1,
    /// It waits for partitions that other members have not given up yet.
    UnreleasedPartitions = 2,
}

/// What the coordinator knows of a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConsumerMember {
    pub member_id: String,
    pub subscription: Subscription,
    pub current: CurrentAssignment,
}

/// What a member says of itself: stored as one record.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Subscription {
    /// Set for static members, which keep their partitions while they are away.
    pub instance_id: Option<String>,
    pub rack_id: Option<String>,
    pub client_id: String,
    pub client_host: String,
    pub topics: BTreeSet<String>,
    /// Empty: none.
    pub expression: String,
    pub rebalance_timeout_ms: i32,
    pub assignor: Option<String>,
    /// Set for a member that speaks the classic protocol.
    pub classic: Option<ClassicMember>,
}

/// What is to be remembered of a member of the classic protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ClassicMember {
    pub session_timeout_ms: i32,
    /// Assignors with their metadata, the preferred one first.
    pub protocols: Vec<(String, Bytes)>,
}

/// What a member has, and is about to have: stored as one record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CurrentAssignment {
    /// `-2` while a static member is away.
    pub epoch: i32,
    /// The one before, in which a member may still speak whose last answer was lost.
    pub previous_epoch: i32,
    pub state: MemberState,
    pub assigned: Assigned,
    /// Not the member's any more, but it has not said yet that it gave them up.
    pub pending_revocation: Assigned,
}

impl Default for CurrentAssignment {
    fn default() -> Self {
        Self {
            epoch: 0,
            previous_epoch: 0,
            state: MemberState::Stable,
            assigned: Assigned::default(),
            pending_revocation: Assigned::default(),
        }
    }
}

impl ConsumerMember {
    pub(crate) fn new(member_id: &str) -> Self {
        Self {
            member_id: member_id.to_owned(),
            subscription: Subscription::default(),
            current: CurrentAssignment::default(),
        }
    }

    /// Whether it is a static member that went and may come back.
    pub(crate) fn is_away(&self) -> bool {
        self.current.epoch == LEAVE_STATIC_EPOCH
    }

    /// Whether it has reached the target of this epoch.
    pub(crate) fn is_reconciled_to(&self, assignment_epoch: i32) -> bool {
        self.current.state == MemberState::Stable && self.current.epoch == assignment_epoch
    }

    pub(crate) fn rebalance_timeout(&self) -> Duration {
        millis(self.subscription.rebalance_timeout_ms)
    }
}

impl Subscription {
    /// Takes over what the request says anew.
    pub(crate) fn update(&mut self, request: &ConsumerHeartbeat) {
        self.client_id.clone_from(&request.client_id);
        self.client_host.clone_from(&request.client_host);
        self.classic.clone_from(&request.classic);
        if request.instance_id.is_some() {
            self.instance_id.clone_from(&request.instance_id);
        }
        if request.rack_id.is_some() {
            self.rack_id.clone_from(&request.rack_id);
        }
        if request.rebalance_timeout_ms != -1 {
            self.rebalance_timeout_ms = request.rebalance_timeout_ms;
        }
        if let Some(topics) = &request.topics {
            self.topics = topics.iter().cloned().collect();
        }
        if let Some(expression) = &request.expression {
            self.expression.clone_from(expression);
        }
        if request.assignor.is_some() {
            self.assignor.clone_from(&request.assignor);
        }
    }
}
