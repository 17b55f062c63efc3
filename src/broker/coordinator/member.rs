//! A member of a group: one client between its first `JoinGroup` and its leaving.

use std::time::Duration;

use bytes::Bytes;

use super::event::{JoinRequest, JoinedMember, RequestId};
use super::group_metadata_record::StoredMember;
use wire::report::{GroupCause, MemberName};

/// What the coordinator knows of a member.
#[derive(Debug, Clone)]
#[expect(clippy::struct_field_names, reason = "member id is Kafka's word")]
pub(crate) struct Member {
    pub member_id: String,
    /// Set for static members, which may restart without a rebalance.
    pub group_instance_id: Option<String>,
    pub client_id: String,
    pub client_host: String,
    pub rebalance_timeout: Duration,
    pub session_timeout: Duration,
    /// Assignors with their metadata, the preferred one first.
    pub protocols: Vec<(String, Bytes)>,
    /// From the last generation that became stable; empty before.
    pub assignment: Bytes,
    /// Its `JoinGroup` that waits for the others.
    pub awaiting_join: Option<RequestId>,
    /// Its `SyncGroup` that waits for the leader's.
    pub awaiting_sync: Option<RequestId>,
    /// Its first `JoinGroup` is not answered yet: it cannot send heartbeats.
    pub is_new: bool,
}

impl Member {
    /// A member that just asked to join under `member_id`.
    pub(crate) fn new(member_id: String, request: &JoinRequest) -> Self {
        Self {
            member_id,
            group_instance_id: request.group_instance_id.clone(),
            client_id: request.client_id.clone(),
            client_host: request.client_host.clone(),
            rebalance_timeout: millis(request.rebalance_timeout_ms),
            session_timeout: millis(request.session_timeout_ms),
            protocols: request.protocols.clone(),
            assignment: Bytes::new(),
            awaiting_join: None,
            awaiting_sync: None,
            is_new: true,
        }
    }

    /// A member as it was stored with `protocol` chosen.
    pub(crate) fn from_stored(stored: StoredMember, protocol: &str) -> Self {
        Self {
            member_id: stored.member_id,
            group_instance_id: stored.group_instance_id,
            client_id: stored.client_id,
            client_host: stored.client_host,
            rebalance_timeout: millis(stored.rebalance_timeout_ms),
            session_timeout: millis(stored.session_timeout_ms),
            protocols: vec![(protocol.to_owned(), stored.subscription)],
            assignment: stored.assignment,
            awaiting_join: None,
            awaiting_sync: None,
            is_new: false,
        }
    }

    /// The member for the log, with what it gets.
    pub(crate) fn to_stored(&self, protocol: &str, assignment: Bytes) -> StoredMember {
        StoredMember {
            member_id: self.member_id.clone(),
            group_instance_id: self.group_instance_id.clone(),
            client_id: self.client_id.clone(),
            client_host: self.client_host.clone(),
            rebalance_timeout_ms: to_millis(self.rebalance_timeout),
            session_timeout_ms: to_millis(self.session_timeout),
            subscription: self.metadata(protocol),
            assignment,
        }
    }

    /// The member as the leader sees it.
    pub(crate) fn to_joined(&self, protocol: &str) -> JoinedMember {
        JoinedMember {
            member_id: self.member_id.clone(),
            group_instance_id: self.group_instance_id.clone(),
            metadata: self.metadata(protocol),
        }
    }

    /// Its metadata for one assignor.
    pub(crate) fn metadata(&self, protocol: &str) -> Bytes {
        self.protocols
            .iter()
            .find(|(name, _)| name == protocol)
            .map(|(_, metadata)| metadata.clone())
            .unwrap_or_default()
    }

    /// Whether it knows this assignor.
    pub(crate) fn supports(&self, protocol: &str) -> bool {
        self.protocols.iter().any(|(name, _)| name == protocol)
    }

    /// Whether its silence means nothing now: it waits for an answer of ours.
    pub(crate) fn is_kept_alive(&self) -> bool {
        !self.is_new && (self.awaiting_join.is_some() || self.awaiting_sync.is_some())
    }

    /// How people may call it.
    pub(crate) fn name(&self) -> MemberName {
        MemberName {
            member: self.member_id.clone(),
            client_id: self.client_id.clone(),
        }
    }

    /// It did this, in words that follow its name.
    pub(crate) fn did(&self, what: impl Into<String>) -> GroupCause {
        GroupCause::by(vec![self.name()], what)
    }
}

/// A timeout from the wire; a negative one counts as none.
pub(crate) fn millis(ms: i32) -> Duration {
    Duration::from_millis(u64::try_from(ms).unwrap_or(0))
}

pub(crate) fn to_millis(timeout: Duration) -> i32 {
    i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX)
}
