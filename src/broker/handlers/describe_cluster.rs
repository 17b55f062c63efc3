//! DescribeCluster 0 to 2: the live brokers and the controller.
//!
//! Behaviour: from version 1 a client that asks for controllers is answered
//! `MISMATCHED_ENDPOINT_TYPE`, as by every broker; other types do not exist. Nobody is ever fenced: a broker without a
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
use crate::Broker;
use wire::ErrorCode;

/// Brokers, not controllers, are meant.
const BROKERS: i8 = 1;
const CONTROLLERS: i8 = 2;

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
        let (code, message) = if request.endpoint_type == CONTROLLERS {
            let message = "The request was sent to an endpoint of type BROKER, but we wanted an \
                           endpoint of type CONTROLLER";
            (ErrorCode::MismatchedEndpointType, message.to_owned())
        } else {
            let message = format!("Unsupported endpoint type {}", request.endpoint_type);
            (ErrorCode::UnsupportedEndpointType, message)
        };
        return DescribeClusterResponse::default()
            .with_error_code(code.code())
            .with_error_message(Some(StrBytes::from_string(message)))
            .with_endpoint_type(BROKERS);
    }
    let image = broker.registry.image();
    let brokers = image.brokers.iter().map(|(id, node)| {
        DescribeClusterBroker::default()
            .with_broker_id(id.0.into())
            .with_host(StrBytes::from_string(node.host.clone()))
            .with_port(node.port.into())
            .with_rack(node.rack.clone().map(StrBytes::from_string))
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
