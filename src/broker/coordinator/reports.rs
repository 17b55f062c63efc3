//! What the coordinator tells the people who watch.

use bytes::Bytes;

use super::group::{Group, GroupState};
use super::member::Member;
use super::turn::Turn;
use wire::TopicPartition;
use wire::consumer_protocol::{CONSUMER_PROTOCOL_TYPE, decode_assignment, decode_subscription};
use wire::report::{GroupCause, MemberPartitions, MemberStep, Report};

/// The group as it stands.
pub(crate) fn group_state(group: &Group, why: GroupCause) -> Report {
    let preparing = group.is(GroupState::PreparingRebalance);
    Report::GroupState {
        group: group.id.clone(),
        state: group.state.into(),
        generation: group.generation,
        why,
        protocol: group.protocol.clone(),
        leader: group.leader.clone(),
        awaited: if preparing {
            awaited(group)
        } else {
            Vec::new()
        },
        rebalance_timeout_ms: if preparing {
            u64::try_from(group.rebalance_timeout().as_millis()).unwrap_or(u64::MAX)
        } else {
            0
        },
        members: division(group, |_| true),
        before: if group.is(GroupState::Stable) {
            group.before.clone()
        } else {
            Vec::new()
        },
    }
}

/// Who of these members holds what.
pub(crate) fn division(group: &Group, which: impl Fn(&Member) -> bool) -> Vec<MemberPartitions> {
    group
        .members
        .values()
        .filter(|member| which(member))
        .map(|member| MemberPartitions {
            member: member.member_id.clone(),
            client_id: member.client_id.clone(),
            partitions: partitions(group, &member.assignment),
        })
        .collect()
}

/// Tells one step of a member, with the partitions that it got or gave up.
pub(crate) fn member(
    group: &Group,
    member: &Member,
    step: MemberStep,
    partitions: Vec<TopicPartition>,
    why: impl Into<GroupCause>,
    turn: &mut Turn<'_>,
) {
    turn.report(Report::GroupMember {
        group: group.id.clone(),
        member: member.member_id.clone(),
        client_id: member.client_id.clone(),
        step,
        generation: group.generation,
        partitions,
        why: why.into(),
    });
}

/// The partitions in a consumer's assignment; other protocol types keep theirs to themselves.
pub(crate) fn partitions(group: &Group, assignment: &Bytes) -> Vec<TopicPartition> {
    if group.protocol_type.as_deref() != Some(CONSUMER_PROTOCOL_TYPE) {
        return Vec::new();
    }
    decode_assignment(assignment).unwrap_or_default()
}

/// What a member that joins again gave up: what it held, but for what it says it still owns
/// (cooperative assignors).
pub(crate) fn gave_up(group: &Group, member: &Member) -> Vec<TopicPartition> {
    let owned = member
        .protocols
        .first()
        .and_then(|(_, metadata)| decode_subscription(metadata).ok())
        .map(|subscription| subscription.owned)
        .unwrap_or_default();
    partitions(group, &member.assignment)
        .into_iter()
        .filter(|held| !owned.contains(held))
        .collect()
}

fn awaited(group: &Group) -> Vec<String> {
    group
        .members
        .values()
        .filter(|member| member.awaiting_join.is_none())
        .map(|member| member.member_id.clone())
        .collect()
}
