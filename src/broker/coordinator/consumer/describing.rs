//! A group for `ConsumerGroupDescribe`.

use uuid::Uuid;

use super::ConsumerConfig;
use super::group::ConsumerGroup;
use super::member::ConsumerMember;
use super::partitions::Partitions;
use super::topics::Topics;

/// A group of the consumer protocol as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConsumerGroupDescription {
    pub state: wire::GroupState,
    pub epoch: i32,
    pub assignment_epoch: i32,
    pub assignor: &'static str,
    pub members: Vec<ConsumerMemberDescription>,
}

/// A member of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConsumerMemberDescription {
    pub member_id: String,
    pub instance_id: Option<String>,
    pub rack_id: Option<String>,
    pub epoch: i32,
    pub client_id: String,
    pub client_host: String,
    pub topics: Vec<String>,
    pub expression: String,
    /// Whether it speaks the classic protocol.
    pub is_classic: bool,
    /// What it has, also what it is still to give up.
    pub assignment: Vec<AssignedTopic>,
    pub target: Vec<AssignedTopic>,
}

/// Partitions of one topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AssignedTopic {
    pub id: Uuid,
    pub name: String,
    pub partitions: Vec<i32>,
}

impl ConsumerGroup {
    pub(crate) fn describe(
        &self,
        config: &ConsumerConfig,
        topics: &Topics,
    ) -> ConsumerGroupDescription {
        let members = self.members.values();
        ConsumerGroupDescription {
            state: self.state(),
            epoch: self.epoch,
            assignment_epoch: self.assignment_epoch,
            assignor: self.assignor(config).name(),
            members: members
                .map(|member| self.describe_member(member, topics))
                .collect(),
        }
    }

    fn describe_member(
        &self,
        member: &ConsumerMember,
        topics: &Topics,
    ) -> ConsumerMemberDescription {
        let subscription = member.subscription.clone();
        let mut held = member.current.assigned.clone();
        held.extend(&member.current.pending_revocation);
        let target = self.target.get(&member.member_id);
        ConsumerMemberDescription {
            member_id: member.member_id.clone(),
            instance_id: subscription.instance_id,
            rack_id: subscription.rack_id,
            epoch: member.current.epoch,
            client_id: subscription.client_id,
            client_host: subscription.client_host,
            topics: subscription.topics.into_iter().collect(),
            expression: subscription.expression,
            is_classic: subscription.classic.is_some(),
            assignment: by_name(&held.partitions(), topics),
            target: target.map_or_else(Vec::new, |target| by_name(target, topics)),
        }
    }
}

/// Topics that are gone have no name, and are left out.
fn by_name(partitions: &Partitions, topics: &Topics) -> Vec<AssignedTopic> {
    let named = partitions.iter().filter_map(|(id, partitions)| {
        Some(AssignedTopic {
            id: *id,
            name: topics.name(*id)?.to_owned(),
            partitions: partitions.iter().copied().collect(),
        })
    });
    let mut named: Vec<AssignedTopic> = named.collect();
    named.sort_by(|one, other| one.name.cmp(&other.name));
    named
}
