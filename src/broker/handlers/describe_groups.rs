//! `DescribeGroups`, versions 0 to 6: state, assignor, members with metadata and assignment.
//!
//! A group that does not exist is `Dead`; from version 6 on it is an error, too. There is no
//! authorizer, so whoever asks for its operations may do all that groups have.

use std::sync::Arc;

use kafka_protocol::messages::{
    DescribeGroupsRequest, DescribeGroupsResponse, GroupId,
    describe_groups_response::{DescribedGroup, DescribedGroupMember},
};
use kafka_protocol::protocol::StrBytes;

use super::RequestContext;
use crate::Broker;
use crate::coordinator::{GroupDescription, GroupState};
use wire::ErrorCode;

/// READ, DELETE and DESCRIBE as bits of Kafka's `AclOperation`.
pub(super) const ALL_OPERATIONS: i32 = (1 << 3) | (1 << 6) | (1 << 8);

#[expect(clippy::unused_async, reason = "every handler is called the same way")]
pub(super) async fn handle(
    broker: &Arc<Broker>,
    context: &RequestContext,
    request: DescribeGroupsRequest,
) -> DescribeGroupsResponse {
    let groups = request.groups.into_iter().map(|id| {
        let described = match broker.groups.describe(&id) {
            Ok(Some(group)) => describe(group),
            Ok(None) => missing(&id, context.version),
            Err(error) => DescribedGroup::default().with_error_code(error.code()),
        };
        let described = described.with_group_id(id);
        if request.include_authorized_operations && described.error_code == 0 {
            described.with_authorized_operations(ALL_OPERATIONS)
        } else {
            described
        }
    });
    DescribeGroupsResponse::default().with_groups(groups.collect())
}

fn missing(id: &GroupId, version: i16) -> DescribedGroup {
    let dead =
        DescribedGroup::default().with_group_state(StrBytes::from(GroupState::Dead.to_string()));
    if version >= 6 {
        let message = format!("Group {} not found.", id.as_str());
        dead.with_error_code(ErrorCode::GroupIdNotFound.code())
            .with_error_message(Some(StrBytes::from(message)))
    } else {
        dead
    }
}

fn describe(group: GroupDescription) -> DescribedGroup {
    let members = group.members.into_iter().map(|member| {
        DescribedGroupMember::default()
            .with_member_id(member.member_id.into())
            .with_group_instance_id(member.group_instance_id.map(StrBytes::from))
            .with_client_id(member.client_id.into())
            .with_client_host(member.client_host.into())
            .with_member_metadata(member.metadata)
            .with_member_assignment(member.assignment)
    });
    DescribedGroup::default()
        .with_group_state(group.state.to_string().into())
        .with_protocol_type(group.protocol_type.into())
        .with_protocol_data(group.protocol.into())
        .with_members(members.collect())
}
