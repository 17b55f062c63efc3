//! DescribeCluster 0 to 2: the live brokers and the controller.
//!
//! Behaviour: from version 1 a client that asks for controllers is answered
//! `UNSUPPORTED_ENDPOINT_TYPE`, as by every broker. Nobody is ever fenced: a broker without a
//! session is not listed.
//! Not done: racks.

use std::sync::Arc;

use kafka_protocol::{
    messages::{
        DescribeClusterRequest, DescribeClusterResponse,
        describe_cluster_response::DescribeClusterBroker,
    },
    protocol::StrBytes,
};

use super::{
    RequestContext,
    metadata::{CLUSTER_OPERATIONS, OPERATIONS_NOT_ASKED, live_controller},
};
use crate::{broker::Broker, wire::ErrorCode};

/// Brokers, not controllers, are meant.
const BROKERS: i8 = 1;

#[expect(
    clippy::unused_async,
    reason = "handlers have one signature, and most of them wait"
)]
pub(super) async fn handle(
    broker: &Arc<Broker>,
    context: &RequestContext,
    request: DescribeClusterRequest,
) -> DescribeClusterResponse {
    if context.version > 0 && request.endpoint_type != BROKERS {
        let message = "Only brokers can be described here, not controllers.";
        return DescribeClusterResponse::default()
            .with_error_code(ErrorCode::UnsupportedEndpointType.code())
            .with_error_message(Some(StrBytes::from_static_str(message)))
            .with_endpoint_type(request.endpoint_type);
    }
    let image = broker.registry.image();
    let brokers = image.brokers.iter().map(|(id, node)| {
        DescribeClusterBroker::default()
            .with_broker_id(id.0.into())
            .with_host(StrBytes::from_string(node.host.clone()))
            .with_port(node.port.into())
    });
    let operations = if request.include_cluster_authorized_operations {
        CLUSTER_OPERATIONS
    } else {
        OPERATIONS_NOT_ASKED
    };
    DescribeClusterResponse::default()
        .with_cluster_id(StrBytes::from_string(image.cluster_id.clone()))
        .with_controller_id(live_controller(&image).map_or(-1, |id| id.0).into())
        .with_brokers(brokers.collect())
        .with_endpoint_type(BROKERS)
        .with_cluster_authorized_operations(operations)
}
