//! Configs by Kafka's names, of brokers and of topics: what they take, which value holds, what has an effect.

mod broker;
pub(crate) mod changes;
mod check;
mod effect;
mod group;
mod layers;
mod placement;
mod remarks;
mod settings;
mod topic;
mod value;

pub use broker::Settings;
pub(crate) use broker::{BROKER_CONFIGS, BrokerConfig, Scope};
pub use check::ConfigError;
pub(crate) use check::{ConfigType, boolean, double, items};
pub(crate) use effect::Effect;
pub(crate) use group::{
    ASSIGNMENT_INTERVAL, GROUP_CONFIG_TYPE, GROUP_CONFIGS, GroupConfig, HEARTBEAT_INTERVAL,
    SESSION_TIMEOUT, check as check_group,
};
pub(crate) use layers::{BrokerLayers, ConfigSource, Layer};
pub use placement::{Endpoint, Placement};
pub(crate) use topic::{TOPIC_CONFIGS, TopicConfig, check as check_topic};
