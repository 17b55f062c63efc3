//! `ListConfigResources` 0 to 1: what has configs (KIP-1142).
//!
//! Behaviour: version 0 asks for client metrics alone (KIP-1000), which this cluster does not have. From version 1 on for
//! the kinds that are named, or for all: topics, brokers, their loggers, and groups that have configs of their own.

use std::sync::Arc;

use kafka_protocol::{
    messages::{
        ListConfigResourcesRequest, ListConfigResourcesResponse,
        list_config_resources_response::ConfigResource,
    },
    protocol::StrBytes,
};

use super::{
    RequestContext,
    config_resource::{BROKER, BROKER_LOGGER, CLIENT_METRICS, GROUP, TOPIC},
};
use crate::{Broker, image::ClusterImage};
use wire::ErrorCode;

/// In the order in which they are listed.
const ALL: [i8; 5] = [GROUP, CLIENT_METRICS, BROKER_LOGGER, BROKER, TOPIC];

#[expect(clippy::unused_async, reason = "handlers have one signature")]
pub(super) async fn handle(
    broker: &Arc<Broker>,
    context: &RequestContext,
    request: ListConfigResourcesRequest,
) -> ListConfigResourcesResponse {
    let asked: &[i8] = match request.resource_types.as_slice() {
        _ if context.version == 0 => &[CLIENT_METRICS],
        [] => &ALL,
        named => named,
    };
    let response = ListConfigResourcesResponse::default();
    if !asked.iter().all(|kind| ALL.contains(kind)) {
        return response.with_error_code(ErrorCode::UnsupportedVersion.code());
    }
    let image = broker.registry.image();
    let kinds = ALL.iter().filter(|kind| asked.contains(kind));
    let resources = kinds.flat_map(|kind| {
        let names = names(&image, *kind).into_iter();
        names.map(|name| {
            ConfigResource::default()
                .with_resource_name(StrBytes::from_string(name))
                .with_resource_type(*kind)
        })
    });
    response.with_config_resources(resources.collect())
}

fn names(image: &ClusterImage, kind: i8) -> Vec<String> {
    match kind {
        TOPIC => image.topics.keys().cloned().collect(),
        BROKER | BROKER_LOGGER => image.brokers.keys().map(|id| id.0.to_string()).collect(),
        GROUP => {
            let groups = image.group_configs.iter();
            let configured = groups.filter(|(_, configs)| !configs.is_empty());
            configured.map(|(group, _)| group.clone()).collect()
        }
        _ => Vec::new(),
    }
}
