//! What changes nothing: describing, listing, reading offsets.

use bytes::Bytes;

use super::Coordinator;
use super::consumer::ConsumerGroupDescription;
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
    pub state: wire::GroupState,
    pub group_type: GroupType,
}

/// The protocol of a group's members.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GroupType {
    Classic,
    Consumer,
}

impl GroupType {
    /// Kafka's name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Classic => "classic",
            Self::Consumer => "consumer",
        }
    }
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
        let group = self.groups.get(group);
        Ok(group.filter(|group| group.consumer.is_none()).map(describe))
    }

    /// The group of the consumer protocol as it stands; `None`: there is none of this name.
    ///
    /// # Errors
    /// The group is not ours, or is being loaded.
    pub(crate) fn describe_consumer(
        &self,
        group: &str,
    ) -> Result<Option<ConsumerGroupDescription>, ErrorCode> {
        self.offsets_partition_of(group)?;
        let group = self.groups.get(group);
        let consumer = group.and_then(|group| group.consumer.as_ref());
        Ok(consumer.map(|it| it.describe(&self.config.consumer, &self.topics)))
    }

    /// Whether a member that names itself and its epoch may read the group's offsets.
    ///
    /// # Errors
    /// Nothing is read.
    pub(crate) fn check_fetch(
        &self,
        group: &str,
        member_id: &str,
        member_epoch: i32,
    ) -> Result<(), ErrorCode> {
        self.offsets_partition_of(group)?;
        let group = self.groups.get(group);
        let consumer = group.and_then(|group| group.consumer.as_ref());
        consumer.map_or(Ok(()), |it| it.check_fetch(member_id, member_epoch))
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
            state: group
                .consumer
                .as_ref()
                .map_or_else(|| group.state.into(), |it| it.state()),
            group_type: if group.consumer.is_some() {
                GroupType::Consumer
            } else {
                GroupType::Classic
            },
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
