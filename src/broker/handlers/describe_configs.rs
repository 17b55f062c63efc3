//! DescribeConfigs 1 to 4: the configs of topics and of this broker, with where they come from.
//!
//! Behaviour: Kafka's names, types, defaults, sources and, if asked for, synonyms and
//! documentation (from 3). A broker answers for itself and, under the empty name, for what was
//! changed for every broker. Naming no config is asking for all. Unknown topic:
//! `UNKNOWN_TOPIC_OR_PARTITION`. There are no loggers to list.
//! Not done: client metrics, groups; nothing here is sensitive.

use std::{collections::BTreeMap, sync::Arc};

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
    broker_facts::{self, Fact},
    throttle::RATES,
    topic_configs::{self, BrokerLayers, ConfigSource, ConfigType, Layer, TOPIC_CONFIGS},
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
    let configs = match found {
        ConfigResource::Topic(name) => {
            let none = BTreeMap::new();
            let overrides = image
                .topics
                .get(&name)
                .map_or(&none, |topic| &topic.configs);
            let configs = TOPIC_CONFIGS.iter().filter(|config| asked(config.name));
            configs
                .filter_map(|config| {
                    let of_config = config.layers(overrides, &layers);
                    let holds = of_config.first()?.clone();
                    let synonyms = config.synonyms(&of_config);
                    let described = Described {
                        name: config.name,
                        kind: config.kind,
                        doc: config.doc,
                        read_only: false,
                    };
                    Some(described.result(holds, synonyms, wanted))
                })
                .collect()
        }
        ConfigResource::Broker(Some(_)) => {
            let settings = broker.settings.describe().into_iter();
            let settings =
                settings
                    .filter(|(name, ..)| asked(name))
                    .filter_map(|(name, _, kind, doc)| {
                        let read_only = !topic_configs::is_dynamic(name);
                        let of_setting = layers.layers(name);
                        let holds = of_setting.first()?.clone();
                        let synonyms = topic_configs::without_absent_default(&of_setting);
                        let described = Described {
                            name,
                            kind: topic_configs::kind_of(name, kind),
                            doc,
                            read_only,
                        };
                        let result = described.result(holds, synonyms, wanted);
                        Some(if of_setting.len() == 1 && synonyms.is_empty() {
                            result.with_value(None)
                        } else {
                            result
                        })
                    });
            let facts = broker_facts::all(broker, &image).into_iter();
            let facts = facts.filter(|fact| asked(fact.name));
            settings
                .chain(rates(&layers, &asked, wanted))
                .chain(facts.map(|fact| told(fact, wanted)))
                .collect()
        }
        ConfigResource::Loggers => Vec::new(),
        // Only what was changed: everything else differs from broker to broker.
        ConfigResource::Broker(None) => {
            let settings = broker.settings.describe().into_iter();
            let settings =
                settings
                    .filter(|(name, ..)| asked(name))
                    .filter_map(|(name, _, kind, doc)| {
                        let value = image.broker_configs.get(&None)?.get(name)?.clone();
                        let source = ConfigSource::DynamicDefaultBroker;
                        let changed = Layer {
                            name,
                            value,
                            source,
                        };
                        let described = Described {
                            name,
                            kind: topic_configs::kind_of(name, kind),
                            doc,
                            read_only: false,
                        };
                        Some(described.result(changed.clone(), &[changed], wanted))
                    });
            let every = BrokerLayers {
                own: None,
                ..layers
            };
            settings.chain(rates(&every, &asked, wanted)).collect()
        }
    };
    Ok(configs)
}

/// What is set only while brokers run, where it is.
fn rates(
    layers: &BrokerLayers<'_>,
    asked: impl Fn(&str) -> bool,
    wanted: Wanted,
) -> impl Iterator<Item = DescribeConfigsResourceResult> {
    let asked = RATES.iter().filter(move |(name, _)| asked(name));
    asked.filter_map(move |(name, doc)| {
        let changed = layers.changed(name);
        let described = Described {
            name,
            kind: ConfigType::Long,
            doc,
            read_only: false,
        };
        Some(described.result(changed.first()?.clone(), &changed, wanted))
    })
}

/// What a broker is rather than was told to be: nobody changes it.
fn told(fact: Fact, wanted: Wanted) -> DescribeConfigsResourceResult {
    let is_set = fact.value.is_some();
    let layer = Layer {
        name: fact.name,
        value: fact.value.unwrap_or_default(),
        source: fact.source,
    };
    let described = Described {
        name: fact.name,
        kind: fact.kind,
        doc: fact.doc,
        read_only: true,
    };
    if is_set {
        return described.result(layer.clone(), &[layer], wanted);
    }
    described.result(layer, &[], wanted).with_value(None)
}

/// A config apart from its values.
struct Described {
    name: &'static str,
    kind: ConfigType,
    doc: &'static str,
    read_only: bool,
}

impl Described {
    fn result(
        self,
        holds: Layer,
        synonyms: &[Layer],
        wanted: Wanted,
    ) -> DescribeConfigsResourceResult {
        let documentation = wanted
            .documentation
            .then(|| StrBytes::from_static_str(self.doc));
        let config = DescribeConfigsResourceResult::default()
            .with_name(StrBytes::from_static_str(self.name))
            .with_value(Some(StrBytes::from_string(holds.value)))
            .with_read_only(self.read_only)
            .with_config_source(holds.source as i8)
            .with_config_type(self.kind as i8)
            .with_documentation(documentation);
        if !wanted.synonyms {
            return config;
        }
        let synonyms = synonyms.iter().map(|layer| {
            DescribeConfigsSynonym::default()
                .with_name(StrBytes::from_static_str(layer.name))
                .with_value(Some(StrBytes::from_string(layer.value.clone())))
                .with_source(layer.source as i8)
        });
        config.with_synonyms(synonyms.collect())
    }
}
