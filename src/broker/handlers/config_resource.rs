//! What configs can be asked of and altered for: a topic, this broker, or every broker.

use std::collections::BTreeMap;

use super::create_topics::Refusal;
use crate::{
    broker::{
        Broker,
        registry::znodes::Znode,
        topic_configs::{self, ConfigError, ConfigType, TopicConfig},
        topic_name,
    },
    wire::{BrokerId, ErrorCode},
};

/// Kafka's numbers for resources.
const TOPIC: i8 = 2;
const BROKER: i8 = 4;

/// A resource that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ConfigResource {
    Topic(String),
    /// `None`: what holds for every broker that has nothing of its own.
    Broker(Option<BrokerId>),
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
            BROKER if name.is_empty() => Ok(Self::Broker(None)),
            BROKER if name.parse() == Ok(broker.id.0) => Ok(Self::Broker(Some(broker.id))),
            BROKER => {
                let own = broker.id;
                let message = format!(
                    "Unexpected broker id, expected {own} or empty string, but received {name}"
                );
                Err((ErrorCode::InvalidRequest, message))
            }
            _ => {
                let message = format!("Resources of type {kind} have no configs here.");
                Err((ErrorCode::InvalidRequest, message))
            }
        }
    }

    /// Where its overrides are kept.
    pub(super) fn znode(&self) -> Znode {
        match self {
            Self::Topic(name) => Znode::TopicConfig(name.clone()),
            Self::Broker(id) => Znode::BrokerConfig(*id),
        }
    }

    /// Checks overrides as they would be after a change.
    pub(super) fn check(&self, overrides: &BTreeMap<String, String>) -> Result<(), Refusal> {
        let refuse = |error: ConfigError| (ErrorCode::from(&error), error.to_string());
        match self {
            Self::Topic(_) => topic_configs::check(overrides).map_err(refuse),
            Self::Broker(_) => {
                for (name, value) in overrides {
                    if !topic_configs::is_dynamic(name) {
                        let message =
                            format!("Cannot update these configs dynamically: Set({name})");
                        return Err((ErrorCode::InvalidRequest, message));
                    }
                    topic_configs::check_setting(name, value).map_err(refuse)?;
                }
                Ok(())
            }
        }
    }

    /// Whether values of this name are lists, to which can be added.
    pub(super) fn is_list(&self, name: &str) -> bool {
        match self {
            Self::Topic(_) => {
                TopicConfig::find(name).is_some_and(|config| config.kind == ConfigType::List)
            }
            Self::Broker(_) => false,
        }
    }
}
