//! What Kafka lists among a broker's configs and is no setting here: it is as it is.
//!
//! Listed is only what is true of this broker. Kafka's configs of what is not built (TLS, SASL, tiered storage,
//! quotas, a metadata quorum, thread pools) are left out rather than shown with values that mean nothing.

use super::{
    Broker,
    image::ClusterImage,
    topic_configs::{ConfigSource, ConfigType, Fallback, TOPIC_CONFIGS},
};

/// A config that nobody can change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fact {
    pub(crate) name: &'static str,
    pub(crate) kind: ConfigType,
    /// `None`: not set.
    pub(crate) value: Option<String>,
    pub(crate) source: ConfigSource,
    pub(crate) doc: &'static str,
}

/// The same for every broker: name, type, value, documentation.
const COMMON: [(&str, ConfigType, Option<&str>, &str); 12] = [
    (
        "authorizer.class.name",
        ConfigType::String,
        Some(""),
        "Who may do what; everybody may do everything.",
    ),
    (
        "broker.rack",
        ConfigType::String,
        None,
        "The rack of this broker.",
    ),
    (
        "group.coordinator.rebalance.protocols",
        ConfigType::List,
        Some("classic"),
        "The group protocols that are spoken.",
    ),
    (
        "inter.broker.protocol.version",
        ConfigType::String,
        Some("3.9-IV0"),
        "The version of Kafka whose znodes and requests brokers share.",
    ),
    (
        "log.cleaner.enable",
        ConfigType::Boolean,
        Some("true"),
        "Whether compacted topics are compacted.",
    ),
    (
        "log.retention.hours",
        ConfigType::Int,
        Some("168"),
        "How long records are kept where log.retention.ms does not say it.",
    ),
    (
        "log.retention.minutes",
        ConfigType::Int,
        None,
        "How long records are kept where log.retention.ms does not say it.",
    ),
    (
        "log.roll.hours",
        ConfigType::Int,
        Some("168"),
        "The age at which a segment is closed where log.roll.ms does not say it.",
    ),
    (
        "remote.log.storage.system.enable",
        ConfigType::Boolean,
        Some("false"),
        "Whether closed segments can be moved to remote storage.",
    ),
    (
        "replica.selector.class",
        ConfigType::String,
        None,
        "Who picks the replica that a consumer reads from; it is the leader.",
    ),
    (
        "security.inter.broker.protocol",
        ConfigType::String,
        Some("PLAINTEXT"),
        "How brokers talk to each other.",
    ),
    (
        "zookeeper.set.acl",
        ConfigType::Boolean,
        Some("false"),
        "Whether znodes are open to the brokers only.",
    ),
];

/// Every fact about this broker.
pub(crate) fn all(broker: &Broker, image: &ClusterImage) -> Vec<Fact> {
    let mut facts = vec![
        given(
            "broker.id",
            ConfigType::Int,
            broker.id.to_string(),
            "The id of this broker.",
        ),
        given(
            "log.dirs",
            ConfigType::String,
            broker.partitions.data_dir().display().to_string(),
            "The folder of the logs.",
        ),
    ];
    if let Some(node) = image.brokers.get(&broker.id) {
        let listener = format!("PLAINTEXT://{}:{}", node.host, node.port);
        let doc = "Where clients and brokers connect.";
        facts.push(given("listeners", ConfigType::String, listener, doc));
    }
    let common = COMMON.iter().map(|(name, kind, value, doc)| Fact {
        name,
        kind: *kind,
        value: value.map(str::to_owned),
        source: ConfigSource::Default,
        doc,
    });
    // What topics can set and this broker keeps no setting for.
    let defaults = TOPIC_CONFIGS.iter().filter_map(|config| {
        let Fallback::Named(name, value) = config.fallback else {
            return None;
        };
        Some(Fact {
            name,
            kind: config.kind,
            value: Some(value.to_owned()),
            source: ConfigSource::Default,
            doc: config.doc,
        })
    });
    facts.extend(common.chain(defaults));
    facts
}

/// What this broker was started with.
fn given(name: &'static str, kind: ConfigType, value: String, doc: &'static str) -> Fact {
    Fact {
        name,
        kind,
        value: Some(value),
        source: ConfigSource::StaticBroker,
        doc,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{COMMON, Fallback, TOPIC_CONFIGS};
    use crate::settings::Settings;

    #[test]
    fn no_fact_is_a_setting_or_told_twice() {
        let defaults = TOPIC_CONFIGS
            .iter()
            .filter_map(|config| match config.fallback {
                Fallback::Named(name, _) => Some(name),
                _ => None,
            });
        let settings = Settings::default().describe().into_iter();
        let mut names = BTreeSet::new();
        for name in COMMON
            .iter()
            .map(|(name, ..)| *name)
            .chain(defaults)
            .chain(settings.map(|(name, ..)| name))
        {
            assert!(names.insert(name), "{name}");
        }
    }
}
