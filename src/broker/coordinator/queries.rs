//! What changes nothing: describing, listing, reading offsets.

use bytes::Bytes;

use super::Coordinator;
use super::group::{Group, GroupState};
use super::offset_commit_record::OffsetAndMetadata;
use wire::{ErrorCode, TopicPartition};

/// A group for `DescribeGroups`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GroupDescription {
    pub state: GroupState,
    pub protocol_type: String,
    /// The chosen assignor, only while stable.
    pub protocol: String,
    pub members: Vec<MemberDescription>,
}

/// A member for `DescribeGroups`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MemberDescription {
    pub member_id: String,
    pub group_instance_id: Option<String>,
    pub client_id: String,
    pub client_host: String,
    /// Only while stable.
    pub metadata: Bytes,
    pub assignment: Bytes,
}

/// A group for `ListGroups`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ListedGroup {
    pub id: String,
    pub protocol_type: String,
    pub state: GroupState,
}

/// A committed offset, if there is one, or why it is not told.
pub(crate) type FoundOffset = Result<Option<OffsetAndMetadata>, ErrorCode>;

impl Coordinator {
    /// The group as it stands; `None`: there is none of this name.
    ///
    /// # Errors
    /// The group is not ours, or is being loaded.
    pub(crate) fn describe(&self, group: &str) -> Result<Option<GroupDescription>, ErrorCode> {
        self.offsets_partition_of(group)?;
        Ok(self.groups.get(group).map(describe))
    }

    /// Every group of this broker's. The code says whether some are still being loaded.
    pub(crate) fn list(&self) -> (ErrorCode, Vec<ListedGroup>) {
        let error = if self.is_loading() {
            ErrorCode::CoordinatorLoadInProgress
        } else {
            ErrorCode::None
        };
        let groups = self.groups.values().map(|group| ListedGroup {
            id: group.id.clone(),
            protocol_type: group.protocol_type.clone().unwrap_or_default(),
            state: group.state,
        });
        (error, groups.collect())
    }

    /// Committed offsets of these partitions (`None` where there is none), or all that exist. Who asks for stable ones
    /// hears `UNSTABLE_OFFSET_COMMIT` of those that a transaction is about to change.
    ///
    /// # Errors
    /// The group is not ours, or is being loaded.
    pub(crate) fn fetch_offsets(
        &self,
        group: &str,
        partitions: Option<&[TopicPartition]>,
        require_stable: bool,
    ) -> Result<Vec<(TopicPartition, FoundOffset)>, ErrorCode> {
        self.offsets_partition_of(group)?;
        let Some(group) = self.groups.get(group) else {
            let partitions = partitions.unwrap_or_default().iter();
            return Ok(partitions.map(|at| (at.clone(), Ok(None))).collect());
        };
        let find = |at: &TopicPartition| {
            let found = if require_stable && group.transactional_offsets.contains(at) {
                Err(ErrorCode::UnstableOffsetCommit)
            } else {
                Ok(group
                    .offsets
                    .get(at)
                    .map(|committed| committed.value.clone()))
            };
            (at.clone(), found)
        };
        Ok(match partitions {
            Some(partitions) => partitions.iter().map(find).collect(),
            None => group.offsets.keys().map(find).collect(),
        })
    }
}

fn describe(group: &Group) -> GroupDescription {
    let stable = group.is(GroupState::Stable);
    let protocol = group
        .protocol
        .clone()
        .filter(|_| stable)
        .unwrap_or_default();
    GroupDescription {
        state: group.state,
        protocol_type: group.protocol_type.clone().unwrap_or_default(),
        members: group
            .members
            .values()
            .map(|member| MemberDescription {
                member_id: member.member_id.clone(),
                group_instance_id: member.group_instance_id.clone(),
                client_id: member.client_id.clone(),
                client_host: member.client_host.clone(),
                metadata: if stable {
                    member.metadata(&protocol)
                } else {
                    Bytes::new()
                },
                assignment: if stable {
                    member.assignment.clone()
                } else {
                    Bytes::new()
                },
            })
            .collect(),
        protocol,
    }
}
