//! Configs of single groups by Kafka's names (KIP-848): what holds for a group of the consumer protocol instead of
//! what the broker's own configs say.

use std::collections::BTreeMap;

use super::{
    broker::{BrokerConfig, Settings},
    check::{ConfigError, ConfigType},
    layers::{BrokerLayers, ConfigSource, Layer},
};

/// All of them are numbers.
pub(crate) const GROUP_CONFIG_TYPE: ConfigType = ConfigType::Int;

/// One config that a group can have.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GroupConfig {
    pub(crate) name: &'static str,
    pub(crate) doc: &'static str,
    /// The broker config that holds without it.
    broker: &'static str,
    /// The broker configs that bound it, where there are any.
    bounds: Option<(&'static str, &'static str)>,
}

pub(crate) const SESSION_TIMEOUT: &str = "consumer.session.timeout.ms";
pub(crate) const HEARTBEAT_INTERVAL: &str = "consumer.heartbeat.interval.ms";
pub(crate) const ASSIGNMENT_INTERVAL: &str = "consumer.assignment.interval.ms";

/// In the order of their names.
pub(crate) static GROUP_CONFIGS: [GroupConfig; 3] = [
    GroupConfig {
        name: ASSIGNMENT_INTERVAL,
        doc: "How long after it divided the group's partitions the broker divides them anew at the earliest.",
        broker: "group.consumer.assignment.interval.ms",
        bounds: None,
    },
    GroupConfig {
        name: HEARTBEAT_INTERVAL,
        doc: "How often the group's members are told to be heard.",
        broker: "group.consumer.heartbeat.interval.ms",
        bounds: Some((
            "group.consumer.min.heartbeat.interval.ms",
            "group.consumer.max.heartbeat.interval.ms",
        )),
    },
    GroupConfig {
        name: SESSION_TIMEOUT,
        doc: "How long a member of the group may be silent.",
        broker: "group.consumer.session.timeout.ms",
        bounds: Some((
            "group.consumer.min.session.timeout.ms",
            "group.consumer.max.session.timeout.ms",
        )),
    },
];

impl GroupConfig {
    pub(crate) fn find(name: &str) -> Option<&'static Self> {
        GROUP_CONFIGS.iter().find(|config| config.name == name)
    }

    /// What holds, and from where.
    pub(crate) fn synonyms(
        &self,
        overrides: &BTreeMap<String, String>,
        broker: &BrokerLayers<'_>,
    ) -> Vec<Layer> {
        let own = Layer::of_override(overrides, self.name, ConfigSource::Group);
        own.into_iter()
            .chain(broker.synonyms(self.broker))
            .collect()
    }

    fn check(&self, value: &str, settings: &Settings) -> Result<i64, ConfigError> {
        let number = value.trim().parse::<i32>().map_err(|_| {
            let expected = "Not a number of type INT".to_owned();
            let (name, value) = (self.name.to_owned(), value.to_owned());
            ConfigError::Invalid {
                name,
                value,
                expected,
            }
        })?;
        let number = i64::from(number);
        let bound = |name: &str| -> Option<i64> { settings.value(name)?.parse().ok() };
        let name = self.name;
        match self.bounds {
            None if number < 0 => Err(ConfigError::Group(format!("{name} must be at least 0"))),
            Some((least, _)) if bound(least).is_some_and(|it| number < it) => {
                let message = format!("{name} must be greater than or equal to {least}");
                Err(ConfigError::Group(message))
            }
            Some((_, most)) if bound(most).is_some_and(|it| number > it) => {
                let message = format!("{name} must be less than or equal to {most}");
                Err(ConfigError::Group(message))
            }
            _ => Ok(number),
        }
    }
}

/// Checks all of a group's overrides.
pub(crate) fn check(
    overrides: &BTreeMap<String, String>,
    settings: &Settings,
) -> Result<(), ConfigError> {
    let mut numbers = BTreeMap::new();
    for (name, value) in overrides {
        let unknown = || ConfigError::Group(format!("Unknown group config name: {name}"));
        let config = GroupConfig::find(name).ok_or_else(unknown)?;
        numbers.insert(config.name, config.check(value, settings)?);
    }
    let holds = |name: &'static str| {
        let broker = GroupConfig::find(name).map(|config| config.broker);
        let default = broker.and_then(|broker| {
            let config = BrokerConfig::find(broker)?;
            settings.value(config.name)?.parse().ok()
        });
        numbers.get(name).copied().or(default).unwrap_or_default()
    };
    if holds(SESSION_TIMEOUT) <= holds(HEARTBEAT_INTERVAL) {
        let message = format!("{SESSION_TIMEOUT} must be greater than {HEARTBEAT_INTERVAL}");
        return Err(ConfigError::Group(message));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{GROUP_CONFIGS, Settings, check};

    #[test]
    fn a_groups_configs_stay_within_the_brokers_bounds() {
        assert!(GROUP_CONFIGS.is_sorted_by(|a, b| a.name < b.name));
        let settings = Settings::default();
        let checked = |name: &str, value: &str| {
            let overrides = BTreeMap::from([(name.to_owned(), value.to_owned())]);
            check(&overrides, &settings).map_err(|error| error.to_string())
        };
        assert_eq!(checked("consumer.session.timeout.ms", "50000"), Ok(()));
        assert_eq!(checked("consumer.heartbeat.interval.ms", "15000"), Ok(()));
        for (name, value, expected) in [
            (
                "consumer.session.timeout.ms",
                "1",
                "consumer.session.timeout.ms must be greater than or equal to group.consumer.min.session.timeout.ms",
            ),
            (
                "consumer.heartbeat.interval.ms",
                "15001",
                "consumer.heartbeat.interval.ms must be less than or equal to group.consumer.max.heartbeat.interval.ms",
            ),
            (
                "consumer.assignment.interval.ms",
                "soon",
                "Invalid value soon for configuration consumer.assignment.interval.ms: Not a number of type INT",
            ),
            ("retention", "1", "Unknown group config name: retention"),
        ] {
            assert_eq!(checked(name, value), Err(expected.to_owned()));
        }
    }
}
