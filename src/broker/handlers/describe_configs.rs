//! DescribeConfigs 1 to 4: the configs of topics and of this broker, with where they come from.
//!
//! Behaviour: Kafka's names, types, defaults, sources and, if asked for, synonyms and
//! documentation (from 3). A broker answers for itself and, under the empty name, for what was
//! changed for every broker. Naming no config is asking for all. Unknown topic:
//! `UNKNOWN_TOPIC_OR_PARTITION`. There are no loggers to list. Values of passwords, and of names that
//! no broker knows, are not told.
//! Groups need not exist to be asked for. Not done: client metrics.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use kafka_protocol::{
    messages::{
        DescribeConfigsRequest, DescribeConfigsResponse,
        describe_configs_request::DescribeConfigsResource,
        describe_configs_response::{
            DescribeConfigsResourceResult, DescribeConfigsResult, DescribeConfigsSynonym,
        },
    },
    protocol::StrBytes,
};

use super::{RequestContext, config_resource::ConfigResource, create_topics::Refusal};
use crate::{
    Broker,
    configs::{
        BROKER_CONFIGS, BrokerConfig, BrokerLayers, ConfigSource, ConfigType, Effect,
        GROUP_CONFIG_TYPE, GROUP_CONFIGS, GroupConfig, Layer, Scope, TOPIC_CONFIGS, TopicConfig,
    },
    throttle::RATES,
};

/// What the client wants to know beside the values.
#[derive(Clone, Copy)]
struct Wanted {
    synonyms: bool,
    documentation: bool,
}

#[expect(
    clippy::unused_async,
    reason = "handlers have one signature, and most of them wait"
)]
pub(super) async fn handle(
    broker: &Arc<Broker>,
    context: &RequestContext,
    request: DescribeConfigsRequest,
) -> DescribeConfigsResponse {
    /// From here on types and documentation are told.
    const DOCUMENTED: i16 = 3;
    let wanted = Wanted {
        synonyms: request.include_synonyms,
        documentation: request.include_documentation && context.version >= DOCUMENTED,
    };
    let results = request.resources.into_iter().map(|resource| {
        let result = DescribeConfigsResult::default()
            .with_resource_type(resource.resource_type)
            .with_resource_name(resource.resource_name.clone());
        match describe(broker, &resource, wanted) {
            Ok(configs) => result.with_configs(configs),
            Err((code, message)) => result
                .with_error_code(code.code())
                .with_error_message(Some(StrBytes::from_string(message))),
        }
    });
    DescribeConfigsResponse::default().with_results(results.collect())
}

fn describe(
    broker: &Broker,
    resource: &DescribeConfigsResource,
    wanted: Wanted,
) -> Result<Vec<DescribeConfigsResourceResult>, Refusal> {
    let found = ConfigResource::find(broker, resource.resource_type, &resource.resource_name)?;
    let keys = resource.configuration_keys.as_ref();
    let keys = keys.filter(|keys| !keys.is_empty());
    let asked = |name: &str| keys.is_none_or(|keys| keys.iter().any(|key| key.as_str() == name));
    let image = broker.registry.image();
    let layers = broker.config_layers(&image);
    let described: Vec<Described> = match found {
        ConfigResource::Topic(name) => {
            let none = BTreeMap::new();
            let topic = image.topics.get(&name);
            let overrides = topic.map_or(&none, |topic| &topic.configs);
            let configs = TOPIC_CONFIGS.iter();
            configs
                .map(|config| Described::of_topic(config, overrides, &layers))
                .collect()
        }
        ConfigResource::Broker(Some(_)) => {
            let given = layers.settings.given.keys();
            let changed = [layers.own, layers.every].into_iter().flatten();
            let set: BTreeSet<&str> = given
                .chain(changed.flat_map(BTreeMap::keys))
                .map(String::as_str)
                .collect();
            let told = BROKER_CONFIGS.iter().filter(|config| !config.is_hidden);
            let told: BTreeSet<&str> = told.map(|config| config.name).collect();
            let names = told.union(&set);
            names
                .map(|name| Described::of_broker(name, &layers))
                .collect()
        }
        ConfigResource::Loggers => Vec::new(),
        ConfigResource::Group(group) => {
            let none = BTreeMap::new();
            let overrides = image.group_configs.get(&group).unwrap_or(&none);
            let configs = GROUP_CONFIGS.iter();
            configs
                .map(|config| Described::of_group(config, overrides, &layers))
                .collect()
        }
        // Only what was changed: everything else differs from broker to broker.
        ConfigResource::Broker(None) => {
            let changed = layers.every.into_iter().flat_map(BTreeMap::keys);
            let only_changed = |name: &String| {
                let mut described = Described::of_broker(name, &layers);
                described.value = layers.every.and_then(|it| it.get(name)).cloned();
                let is_of_every =
                    |layer: &Layer| layer.source == ConfigSource::DynamicDefaultBroker;
                described.synonyms.retain(is_of_every);
                described
            };
            changed.map(only_changed).collect()
        }
    };
    let asked = described.into_iter().filter(|it| asked(&it.name));
    Ok(asked.map(|it| it.result(wanted)).collect())
}

/// A config with its values.
struct Described {
    name: String,
    kind: ConfigType,
    doc: Option<String>,
    is_read_only: bool,
    is_sensitive: bool,
    value: Option<String>,
    synonyms: Vec<Layer>,
}

impl Described {
    fn of_topic(
        config: &TopicConfig,
        overrides: &BTreeMap<String, String>,
        layers: &BrokerLayers<'_>,
    ) -> Self {
        Self {
            name: config.name.to_owned(),
            kind: config.kind,
            doc: Some(config.documentation()),
            is_read_only: false,
            is_sensitive: false,
            value: Some(config.value(overrides, layers)),
            synonyms: config.synonyms(overrides, layers),
        }
    }

    fn of_group(
        config: &GroupConfig,
        overrides: &BTreeMap<String, String>,
        layers: &BrokerLayers<'_>,
    ) -> Self {
        let synonyms = config.synonyms(overrides, layers);
        Self {
            name: config.name.to_owned(),
            kind: GROUP_CONFIG_TYPE,
            doc: Some(config.doc.to_owned()),
            is_read_only: false,
            is_sensitive: false,
            value: synonyms.first().map(|layer| layer.value.clone()),
            synonyms,
        }
    }

    /// What no broker knows may be anything, so that its value is kept secret.
    fn of_broker(name: &str, layers: &BrokerLayers<'_>) -> Self {
        let config = BrokerConfig::find(name);
        let rate = RATES.iter().find(|(rate, _)| *rate == name);
        let doc = match (config.map(|config| config.effect), rate) {
            (Some(Effect::Here(doc)), _) | (None, Some(&(_, doc))) => Some(doc.to_owned()),
            (Some(Effect::Nothing(why)), _) => Some(format!("Without effect: {}.", why.text())),
            (None, None) => None,
        };
        let kind = match (config, rate) {
            (Some(config), _) => config.kind,
            (None, Some(_)) => ConfigType::Long,
            (None, None) => ConfigType::Unknown,
        };
        Self {
            name: name.to_owned(),
            kind,
            doc,
            is_read_only: config.is_none_or(|config| config.scope == Scope::ReadOnly),
            is_sensitive: config.map_or(rate.is_none(), BrokerConfig::is_sensitive),
            value: layers.value(name),
            synonyms: layers.synonyms(name),
        }
    }

    fn result(self, wanted: Wanted) -> DescribeConfigsResourceResult {
        let shown = |value: String| (!self.is_sensitive).then(|| StrBytes::from_string(value));
        let source = self.synonyms.first().map(|layer| layer.source);
        let doc = self.doc.filter(|_| wanted.documentation);
        let config = DescribeConfigsResourceResult::default()
            .with_name(StrBytes::from_string(self.name))
            .with_value(self.value.and_then(shown))
            .with_read_only(self.is_read_only)
            .with_is_sensitive(self.is_sensitive)
            .with_config_source(source.unwrap_or(ConfigSource::Default) as i8)
            .with_config_type(self.kind as i8)
            .with_documentation(doc.map(StrBytes::from_string));
        if !wanted.synonyms {
            return config;
        }
        let synonyms = self.synonyms.into_iter().map(|layer| {
            DescribeConfigsSynonym::default()
                .with_name(StrBytes::from_string(layer.name))
                .with_value(shown(layer.value))
                .with_source(layer.source as i8)
        });
        config.with_synonyms(synonyms.collect())
    }
}
