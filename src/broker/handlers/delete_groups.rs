//! `DeleteGroups`, versions 0 to 3: groups without members go, with all their offsets. A group that is
//! named twice is answered once. The message of version 3 is null: each code says all there is.

use std::{collections::BTreeSet, sync::Arc};

use futures::future::join_all;
use kafka_protocol::messages::{
    DeleteGroupsRequest, DeleteGroupsResponse, delete_groups_response::DeletableGroupResult,
};

use super::RequestContext;
use crate::Broker;
use crate::coordinator::{Request, Response};
use wire::ErrorCode;

pub(super) async fn handle(
    broker: &Arc<Broker>,
    _context: &RequestContext,
    request: DeleteGroupsRequest,
) -> DeleteGroupsResponse {
    let groups: BTreeSet<_> = request.groups_names.into_iter().collect();
    let deletions = groups.into_iter().map(|id| async move {
        let delete = Request::DeleteGroup {
            group: id.to_string(),
        };
        let error = match broker.groups.ask(delete).await {
            Some(Response::DeleteGroup(error)) => error,
            _ => ErrorCode::CoordinatorNotAvailable,
        };
        DeletableGroupResult::default()
            .with_group_id(id)
            .with_error_code(error.code())
    });
    DeleteGroupsResponse::default().with_results(join_all(deletions).await)
}
