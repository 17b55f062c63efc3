//! `ListGroups`, versions 0 to 5: the groups that this broker coordinates.
//!
//! Filters by state from version 4 on (KIP-518), by type from 5 on (KIP-848). Both are compared
//! without regard to case.

use std::sync::Arc;

use kafka_protocol::messages::{
    ListGroupsRequest, ListGroupsResponse, list_groups_response::ListedGroup,
};
use kafka_protocol::protocol::StrBytes;

use super::RequestContext;
use crate::Broker;

#[expect(clippy::unused_async, reason = "every handler is called the same way")]
pub(super) async fn handle(
    broker: &Arc<Broker>,
    context: &RequestContext,
    request: ListGroupsRequest,
) -> ListGroupsResponse {
    let (error, groups) = broker.groups.list();
    let groups = groups
        .into_iter()
        .filter(|group| passes(&request.states_filter, &group.state.to_string()))
        .filter(|group| passes(&request.types_filter, group.group_type.name()))
        .map(|group| {
            let listed = ListedGroup::default()
                .with_group_id(StrBytes::from(group.id).into())
                .with_protocol_type(group.protocol_type.into());
            let listed = if context.version >= 4 {
                listed.with_group_state(group.state.to_string().into())
            } else {
                listed
            };
            if context.version >= 5 {
                listed.with_group_type(StrBytes::from_static_str(group.group_type.name()))
            } else {
                listed
            }
        });
    ListGroupsResponse::default()
        .with_error_code(error.code())
        .with_groups(groups.collect())
}

/// No filter lets everything through.
fn passes(filter: &[StrBytes], value: &str) -> bool {
    filter.is_empty()
        || filter
            .iter()
            .any(|wanted| wanted.eq_ignore_ascii_case(value))
}
