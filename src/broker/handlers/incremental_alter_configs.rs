//! `IncrementalAlterConfigs` 0 to 1: single configs of topics, groups and brokers are set, deleted, or have
//! items added to or taken from their lists.
//!
//! Behaviour: all of a resource's changes or none; what results is checked as a whole. Effective
//! when the brokers' pictures show it, a moment later. Broker configs: those that Kafka changes while
//! it runs, except where it listens; others are refused as Kafka refuses read-only ones.
//! Not done: client metrics, policies.

use std::{collections::BTreeMap, sync::Arc};

use futures::future::join_all;
use kafka_protocol::{
    messages::{
        IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse,
        incremental_alter_configs_request::{AlterConfigsResource, AlterableConfig},
        incremental_alter_configs_response::AlterConfigsResourceResponse,
    },
    protocol::StrBytes,
};

use super::{RequestContext, config_resource::ConfigResource, create_topics::Refusal, repeated};
use crate::{
    Broker,
    configs::{TopicConfig, items},
};
use wire::ErrorCode;

pub(super) async fn handle(
    broker: &Arc<Broker>,
    _context: &RequestContext,
    request: IncrementalAlterConfigsRequest,
) -> IncrementalAlterConfigsResponse {
    let named =
        |resource: &AlterConfigsResource| (resource.resource_type, resource.resource_name.clone());
    let twice = repeated(request.resources.iter().map(named));
    let results = request.resources.iter().map(|resource| async {
        let result = AlterConfigsResourceResponse::default()
            .with_resource_type(resource.resource_type)
            .with_resource_name(resource.resource_name.clone());
        let altered = if twice.contains(&named(resource)) {
            let message = "Each resource must appear at most once.".to_owned();
            Err((ErrorCode::InvalidRequest, message))
        } else {
            alter(broker, resource, request.validate_only).await
        };
        match altered {
            Ok(()) => result.with_error_message(None),
            Err((code, message)) => result
                .with_error_code(code.code())
                .with_error_message(Some(StrBytes::from_string(message))),
        }
    });
    IncrementalAlterConfigsResponse::default().with_responses(join_all(results).await)
}

async fn alter(
    broker: &Broker,
    resource: &AlterConfigsResource,
    validate_only: bool,
) -> Result<(), Refusal> {
    for (position, config) in resource.configs.iter().enumerate() {
        if resource
            .configs
            .iter()
            .take(position)
            .any(|other| other.name == config.name)
        {
            let message = "Error due to duplicate config keys".to_owned();
            return Err((ErrorCode::InvalidRequest, message));
        }
    }
    let found =
        ConfigResource::find_to_alter(broker, resource.resource_type, &resource.resource_name)?;
    let change = |configs: &mut BTreeMap<String, String>| {
        let defaults = |name: &str| default_of(broker, &found, name);
        for config in &resource.configs {
            apply(&found, config, configs, defaults)?;
        }
        found.check(broker, configs)
    };
    broker
        .registry
        .change_configs(found.znode()?, validate_only, change)
        .await
}

/// What a list holds before it is first changed.
fn default_of(broker: &Broker, resource: &ConfigResource, name: &str) -> String {
    let image = broker.registry.image();
    let layers = broker.config_layers(&image);
    let value = match resource {
        ConfigResource::Topic(_) => {
            TopicConfig::find(name).map(|config| config.value(&BTreeMap::new(), &layers))
        }
        ConfigResource::Broker(_) | ConfigResource::Loggers => layers.value(name),
        // None of a group's configs is a list.
        ConfigResource::Group(_) => None,
    };
    value.unwrap_or_default()
}

fn apply(
    resource: &ConfigResource,
    config: &AlterableConfig,
    configs: &mut BTreeMap<String, String>,
    default: impl Fn(&str) -> String,
) -> Result<(), Refusal> {
    /// Kafka's numbers for what is done.
    const SET: i8 = 0;
    const DELETE: i8 = 1;
    const APPEND: i8 = 2;
    const SUBTRACT: i8 = 3;
    let name = config.name.to_string();
    if config.config_operation == DELETE {
        configs.remove(&name);
        return Ok(());
    }
    let Some(value) = &config.value else {
        let message = format!("Null value not supported for : {name}");
        return Err((ErrorCode::InvalidRequest, message));
    };
    if config.config_operation == SET {
        configs.insert(name, value.to_string());
        return Ok(());
    }
    if !matches!(config.config_operation, APPEND | SUBTRACT) {
        let message = format!("Unknown operation {} for {name}", config.config_operation);
        return Err((ErrorCode::InvalidRequest, message));
    }
    if !resource.is_list(&name) {
        let operation = match config.config_operation {
            APPEND => "append",
            _ => "subtract",
        };
        let message = format!("Config value {operation} is not allowed for config key: {name}");
        return Err((ErrorCode::InvalidConfig, message));
    }
    let before = configs
        .get(&name)
        .cloned()
        .unwrap_or_else(|| default(&name));
    let mut list: Vec<&str> = items(&before).filter(|item| !item.is_empty()).collect();
    for item in items(value) {
        list.retain(|other| *other != item);
        if config.config_operation == APPEND {
            list.push(item);
        }
    }
    configs.insert(name, list.join(","));
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use kafka_protocol::{
        messages::incremental_alter_configs_request::AlterableConfig, protocol::StrBytes,
    };

    use super::{ConfigResource, apply};
    use wire::ErrorCode;

    fn change(name: &'static str, operation: i8, value: Option<&'static str>) -> AlterableConfig {
        AlterableConfig::default()
            .with_name(StrBytes::from_static_str(name))
            .with_config_operation(operation)
            .with_value(value.map(StrBytes::from_static_str))
    }

    #[test]
    fn configs_are_set_deleted_and_lists_extended() {
        let topic = ConfigResource::Topic("t".into());
        let mut configs = BTreeMap::new();
        let default = |_: &str| "delete".to_owned();
        let mut apply = |config| apply(&topic, &config, &mut configs, default);
        apply(change("retention.ms", 0, Some("5"))).expect("set");
        apply(change("cleanup.policy", 2, Some("compact"))).expect("added to the default");
        let (code, _) = apply(change("retention.ms", 2, Some("6"))).expect_err("not a list");
        assert_eq!(code, ErrorCode::InvalidConfig);
        let (code, _) = apply(change("retention.ms", 0, None)).expect_err("no value");
        assert_eq!(code, ErrorCode::InvalidRequest);
        apply(change("retention.ms", 1, None)).expect("deleted");
        assert_eq!(
            configs,
            [("cleanup.policy".into(), "delete,compact".into())].into()
        );
        super::apply(
            &topic,
            &change("cleanup.policy", 3, Some("delete")),
            &mut configs,
            default,
        )
        .expect("taken away");
        assert_eq!(
            configs,
            [("cleanup.policy".into(), "compact".into())].into()
        );
    }
}
