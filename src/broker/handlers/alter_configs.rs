//! `AlterConfigs` 0 to 2: all configs of a topic, group or broker are replaced.
//!
//! Behaviour: what is not named goes back to its default. Otherwise as `IncrementalAlterConfigs`.
//! Not done: client metrics, policies.

use std::{collections::BTreeMap, sync::Arc};

use futures::future::join_all;
use kafka_protocol::{
    messages::{
        AlterConfigsRequest, AlterConfigsResponse, alter_configs_request::AlterConfigsResource,
        alter_configs_response::AlterConfigsResourceResponse,
    },
    protocol::StrBytes,
};

use super::{RequestContext, config_resource::ConfigResource, create_topics::Refusal};
use crate::Broker;
use wire::ErrorCode;

pub(super) async fn handle(
    broker: &Arc<Broker>,
    _context: &RequestContext,
    request: AlterConfigsRequest,
) -> AlterConfigsResponse {
    let results = request.resources.iter().map(|resource| async {
        let result = AlterConfigsResourceResponse::default()
            .with_resource_type(resource.resource_type)
            .with_resource_name(resource.resource_name.clone());
        match alter(broker, resource, request.validate_only).await {
            Ok(()) => result.with_error_message(None),
            Err((code, message)) => result
                .with_error_code(code.code())
                .with_error_message(Some(StrBytes::from_string(message))),
        }
    });
    AlterConfigsResponse::default().with_responses(join_all(results).await)
}

async fn alter(
    broker: &Broker,
    resource: &AlterConfigsResource,
    validate_only: bool,
) -> Result<(), Refusal> {
    let found =
        ConfigResource::find_to_alter(broker, resource.resource_type, &resource.resource_name)?;
    let mut wanted = BTreeMap::new();
    for config in &resource.configs {
        let Some(value) = &config.value else {
            let message = format!("Null value not supported for : {}", config.name);
            return Err((ErrorCode::InvalidRequest, message));
        };
        let name = config.name.to_string();
        if wanted.insert(name, value.to_string()).is_some() {
            let message = "Error due to duplicate config keys".to_owned();
            return Err((ErrorCode::InvalidRequest, message));
        }
    }
    let change = |configs: &mut BTreeMap<String, String>| {
        configs.clone_from(&wanted);
        found.check(broker, configs)
    };
    broker
        .registry
        .change_configs(found.znode()?, validate_only, change)
        .await
}
