//! Settings of topics and brokers, asked and changed over one connection.

use std::fmt;
use std::time::Duration;

use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::incremental_alter_configs_request::{
    AlterConfigsResource, AlterableConfig,
};
use kafka_protocol::messages::{DescribeConfigsRequest, IncrementalAlterConfigsRequest};

use super::kafka::KafkaConnection;
use super::refusal::Refusal;
use super::topics::text;
use wire::BrokerId;

/// Whose settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConfigResource {
    /// A topic's own, and what it inherits.
    Topic(String),
    /// One broker's, or those that every broker without its own goes by.
    Broker(Option<BrokerId>),
    /// A group's (Kafka 4.0 and later).
    Group(String),
}

impl ConfigResource {
    /// The protocol's number of its kind.
    fn kind(&self) -> i8 {
        match self {
            Self::Topic(_) => 2,
            Self::Broker(_) => 4,
            Self::Group(_) => 32,
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Topic(name) | Self::Group(name) => name.clone(),
            Self::Broker(broker) => broker.map_or_else(String::new, |broker| broker.to_string()),
        }
    }
}

/// Where a value comes from, by the protocol's numbers and the names of Kafka's tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConfigSource(i8);

/// The protocol's numbers start at 1; what is not here is unknown.
const SOURCES: [&str; 8] = [
    "DYNAMIC_TOPIC_CONFIG",
    "DYNAMIC_BROKER_CONFIG",
    "DYNAMIC_DEFAULT_BROKER_CONFIG",
    "STATIC_BROKER_CONFIG",
    "DEFAULT_CONFIG",
    "DYNAMIC_BROKER_LOGGER_CONFIG",
    "DYNAMIC_CLIENT_METRICS_CONFIG",
    "DYNAMIC_GROUP_CONFIG",
];

impl ConfigSource {
    /// Whether this resource itself was given the value, and it can be taken back.
    #[must_use]
    pub fn is_of(self, resource: &ConfigResource) -> bool {
        let own = match resource {
            ConfigResource::Topic(_) => 1,
            ConfigResource::Broker(Some(_)) => 2,
            ConfigResource::Broker(None) => 3,
            ConfigResource::Group(_) => 8,
        };
        self.0 == own
    }
}

impl fmt::Display for ConfigSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = usize::try_from(self.0)
            .ok()
            .and_then(|number| SOURCES.get(number.checked_sub(1)?));
        f.write_str(name.unwrap_or(&"UNKNOWN"))
    }
}

/// One setting with all the places that say something about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Kafka's name.
    pub name: String,
    /// Absent where it is a secret or has none.
    pub value: Option<String>,
    /// Where the value in effect comes from.
    pub source: ConfigSource,
    /// A secret: its value is never told.
    pub sensitive: bool,
    /// The first is in effect: source, name there, value.
    pub synonyms: Vec<(ConfigSource, String, Option<String>)>,
}

/// What becomes of one setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConfigChange {
    /// It has this value.
    Set(String, String),
    /// It goes back to what it inherits.
    Delete(String),
}

/// All settings of one resource, by name.
///
/// # Errors
/// The broker refuses, or the connection failed.
pub async fn describe_configs(
    connection: &mut KafkaConnection,
    resource: &ConfigResource,
    wait: Duration,
) -> Result<Vec<Config>, Refusal> {
    let asked = DescribeConfigsResource::default()
        .with_resource_type(resource.kind())
        .with_resource_name(text(&resource.name()))
        .with_configuration_keys(None);
    let request = DescribeConfigsRequest::default()
        .with_resources(vec![asked])
        .with_include_synonyms(true);
    let answer = connection.ask(&request, wait).await?;
    let mut configs = Vec::new();
    for result in answer.results {
        Refusal::check(result.error_code, result.error_message.as_deref())?;
        configs.extend(result.configs.into_iter().map(|config| {
            Config {
                name: config.name.to_string(),
                value: config.value.map(|value| value.to_string()),
                source: ConfigSource(config.config_source),
                sensitive: config.is_sensitive,
                synonyms: config
                    .synonyms
                    .into_iter()
                    .map(|synonym| {
                        (
                            ConfigSource(synonym.source),
                            synonym.name.to_string(),
                            synonym.value.map(|value| value.to_string()),
                        )
                    })
                    .collect(),
            }
        }));
    }
    configs.sort_by(|left, right| left.name.cmp(&right.name));
    Ok(configs)
}

/// Changes some settings of one resource and leaves the others.
///
/// # Errors
/// The broker refuses one of them, and then changes none; or the connection failed.
pub async fn alter_configs(
    connection: &mut KafkaConnection,
    resource: &ConfigResource,
    changes: &[ConfigChange],
    wait: Duration,
) -> Result<(), Refusal> {
    /// The protocol's numbers of the operations.
    const SET: i8 = 0;
    const DELETE: i8 = 1;
    let configs = changes
        .iter()
        .map(|change| match change {
            ConfigChange::Set(name, value) => AlterableConfig::default()
                .with_name(text(name))
                .with_config_operation(SET)
                .with_value(Some(text(value))),
            ConfigChange::Delete(name) => AlterableConfig::default()
                .with_name(text(name))
                .with_config_operation(DELETE)
                .with_value(None),
        })
        .collect();
    let altered = AlterConfigsResource::default()
        .with_resource_type(resource.kind())
        .with_resource_name(text(&resource.name()))
        .with_configs(configs);
    let request = IncrementalAlterConfigsRequest::default().with_resources(vec![altered]);
    let answer = connection.ask(&request, wait).await?;
    for response in answer.responses {
        Refusal::check(response.error_code, response.error_message.as_deref())?;
    }
    Ok(())
}
