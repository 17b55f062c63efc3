//! What configs can be asked of and altered for: a topic, a group, this broker, or every broker. Loggers are asked
//! for by the broker's id; there are none that can be set.

use std::collections::BTreeMap;

use super::create_topics::Refusal;
use crate::{
    Broker,
    configs::{
        BrokerConfig, ConfigError, ConfigType, GROUP_CONFIG_TYPE, TopicConfig, changes,
        check_group, check_topic,
    },
    registry::znodes::Znode,
    topic_name,
};
use wire::{BrokerId, ErrorCode};

/// Kafka's numbers for resources.
pub(super) const TOPIC: i8 = 2;
pub(super) const BROKER: i8 = 4;
pub(super) const BROKER_LOGGER: i8 = 8;
/// Which this cluster does not have.
pub(super) const CLIENT_METRICS: i8 = 16;
pub(super) const GROUP: i8 = 32;

/// A resource that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ConfigResource {
    Topic(String),
    /// `None`: what holds for every broker that has nothing of its own.
    Broker(Option<BrokerId>),
    Loggers,
    /// It need not exist.
    Group(String),
}

impl ConfigResource {
    /// Finds what a client named. Of brokers, each answers only for itself.
    pub(super) fn find(broker: &Broker, kind: i8, name: &str) -> Result<Self, Refusal> {
        match kind {
            TOPIC => {
                if let Some(refusal) = topic_name::refusal(name) {
                    return Err((ErrorCode::InvalidTopicException, refusal));
                }
                if broker.registry.image().topics.contains_key(name) {
                    return Ok(Self::Topic(name.to_owned()));
                }
                let message = format!("The topic '{name}' does not exist.");
                Err((ErrorCode::UnknownTopicOrPartition, message))
            }
            _ => Self::find_other(broker, kind, name, "Broker"),
        }
    }

    /// Finds what is not a topic. Kafka calls a broker that is no number a node where it is to be changed.
    fn find_other(broker: &Broker, kind: i8, name: &str, noun: &str) -> Result<Self, Refusal> {
        match kind {
            GROUP if name.is_empty() => {
                let message = "Default group resources are not allowed.".to_owned();
                Err((ErrorCode::InvalidRequest, message))
            }
            GROUP => Ok(Self::Group(name.to_owned())),
            BROKER if name.is_empty() => Ok(Self::Broker(None)),
            BROKER if name.parse() == Ok(broker.id.0) => Ok(Self::Broker(Some(broker.id))),
            BROKER_LOGGER if name.parse() == Ok(broker.id.0) => Ok(Self::Loggers),
            BROKER | BROKER_LOGGER => {
                let own = broker.id;
                let message = match (kind, name.parse::<i32>()) {
                    (_, Err(_)) if name.is_empty() => "Broker id must not be empty".to_owned(),
                    (_, Err(_)) => format!("{noun} id must be an integer, but it is: {name}"),
                    (BROKER, Ok(_)) => format!(
                        "Unexpected broker id, expected {own} or empty string, but received {name}"
                    ),
                    _ => format!("Unexpected broker id, expected {own} but received {name}"),
                };
                Err((ErrorCode::InvalidRequest, message))
            }
            _ => {
                let message = format!("Unknown resource type {kind}");
                Err((ErrorCode::InvalidRequest, message))
            }
        }
    }

    /// The same for a change, where a topic's name is not looked at for itself.
    pub(super) fn find_to_alter(broker: &Broker, kind: i8, name: &str) -> Result<Self, Refusal> {
        if kind != TOPIC {
            return Self::find_other(broker, kind, name, "Node");
        }
        if name.is_empty() {
            let message = "Default topic resources are not allowed.".to_owned();
            return Err((ErrorCode::InvalidRequest, message));
        }
        if broker.registry.image().topics.contains_key(name) {
            return Ok(Self::Topic(name.to_owned()));
        }
        let message = format!("The topic '{name}' does not exist.");
        Err((ErrorCode::UnknownTopicOrPartition, message))
    }

    /// Where its overrides are kept.
    pub(super) fn znode(&self) -> Result<Znode, Refusal> {
        match self {
            Self::Topic(name) => Ok(Znode::TopicConfig(name.clone())),
            Self::Broker(id) => Ok(Znode::BrokerConfig(*id)),
            Self::Group(group) => Ok(Znode::GroupConfig(group.clone())),
            Self::Loggers => {
                let message = "No logger of this broker can be set.".to_owned();
                Err((ErrorCode::InvalidConfig, message))
            }
        }
    }

    /// Checks overrides as they would be after a change.
    pub(super) fn check(
        &self,
        broker: &Broker,
        overrides: &BTreeMap<String, String>,
    ) -> Result<(), Refusal> {
        match self {
            Self::Topic(topic) => check_topic(overrides).map_err(|error| {
                let message = match error {
                    ConfigError::Invalid { .. } => format!(
                        "Invalid config value for resource ConfigResource(type=TOPIC, name='{topic}'): {error}"
                    ),
                    _ => error.to_string(),
                };
                (ErrorCode::from(&error), message)
            }),
            Self::Loggers => Ok(()),
            Self::Group(_) => check_group(overrides, &broker.settings)
                .map_err(|error| (ErrorCode::from(&error), error.to_string())),
            Self::Broker(id) => {
                let image = broker.registry.image();
                changes::check(overrides, &broker.config_layers(&image), id.is_some())
                    .map_err(|error| (ErrorCode::InvalidRequest, error.to_string()))
            }
        }
    }

    /// Whether values of this name are lists, to which can be added.
    pub(super) fn is_list(&self, name: &str) -> bool {
        let kind = match self {
            Self::Topic(_) => TopicConfig::find(name).map(|config| config.kind),
            Self::Broker(_) => BrokerConfig::find(name).map(|config| config.kind),
            Self::Group(_) => Some(GROUP_CONFIG_TYPE),
            Self::Loggers => None,
        };
        kind == Some(ConfigType::List)
    }
}
