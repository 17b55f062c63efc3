//! `ConsumerGroupDescribe`, versions 0 to 1: groups of the consumer protocol with their epochs, and of each member what
//! it has and what it is to have (KIP-848).
//!
//! Other groups, and those that do not exist, are `GROUP_ID_NOT_FOUND`. Version 1 tells the type of each member.

use std::sync::Arc;

use kafka_protocol::messages::{
    ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse, TopicName,
    consumer_group_describe_response::{Assignment, DescribedGroup, Member, TopicPartitions},
};
use kafka_protocol::protocol::StrBytes;

use super::{RequestContext, describe_groups::ALL_OPERATIONS};
use crate::Broker;
use crate::coordinator::{AssignedTopic, ConsumerGroupDescription, ConsumerMemberDescription};
use wire::ErrorCode;

/// Kafka's numbers for a member's protocol.
const CLASSIC_MEMBER: i8 = 0;
const CONSUMER_MEMBER: i8 = 1;

#[expect(clippy::unused_async, reason = "every handler is called the same way")]
pub(super) async fn handle(
    broker: &Arc<Broker>,
    context: &RequestContext,
    request: ConsumerGroupDescribeRequest,
) -> ConsumerGroupDescribeResponse {
    let groups = request.group_ids.into_iter().map(|id| {
        let described = match broker.groups.describe_consumer(&id) {
            _ if id.is_empty() => failed(ErrorCode::InvalidGroupId, None),
            Ok(Some(group)) => described(group, context.version),
            Ok(None) => {
                let message = format!("Group {} not found.", id.as_str());
                failed(ErrorCode::GroupIdNotFound, Some(message))
            }
            Err(error) => failed(error, None),
        };
        let described = described.with_group_id(id);
        if request.include_authorized_operations && described.error_code == 0 {
            described.with_authorized_operations(ALL_OPERATIONS)
        } else {
            described
        }
    });
    ConsumerGroupDescribeResponse::default().with_groups(groups.collect())
}

fn failed(error: ErrorCode, message: Option<String>) -> DescribedGroup {
    DescribedGroup::default()
        .with_error_code(error.code())
        .with_error_message(message.map(StrBytes::from))
}

fn described(group: ConsumerGroupDescription, version: i16) -> DescribedGroup {
    let members = group.members.into_iter();
    DescribedGroup::default()
        .with_group_state(StrBytes::from_static_str(group.state.name()))
        .with_group_epoch(group.epoch)
        .with_assignment_epoch(group.assignment_epoch)
        .with_assignor_name(StrBytes::from_static_str(group.assignor))
        .with_members(members.map(|it| member(it, version)).collect())
}

fn member(member: ConsumerMemberDescription, version: i16) -> Member {
    let kind = if member.is_classic {
        CLASSIC_MEMBER
    } else {
        CONSUMER_MEMBER
    };
    let names = member.topics.into_iter();
    let described = Member::default()
        .with_member_id(member.member_id.into())
        .with_instance_id(member.instance_id.map(StrBytes::from))
        .with_rack_id(member.rack_id.map(StrBytes::from))
        .with_member_epoch(member.epoch)
        .with_client_id(member.client_id.into())
        .with_client_host(member.client_host.into())
        .with_subscribed_topic_names(names.map(|name| TopicName(name.into())).collect())
        .with_subscribed_topic_regex(Some(member.expression.into()))
        .with_assignment(assignment(member.assignment))
        .with_target_assignment(assignment(member.target));
    if version >= 1 {
        described.with_member_type(kind)
    } else {
        described
    }
}

fn assignment(topics: Vec<AssignedTopic>) -> Assignment {
    let topics = topics.into_iter().map(|topic| {
        TopicPartitions::default()
            .with_topic_id(topic.id)
            .with_topic_name(TopicName(topic.name.into()))
            .with_partitions(topic.partitions)
    });
    Assignment::default().with_topic_partitions(topics.collect())
}
