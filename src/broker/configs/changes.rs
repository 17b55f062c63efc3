//! Which changes of broker configs are taken while brokers run.

use std::collections::BTreeMap;

use super::{
    broker::{BrokerConfig, Scope},
    check::{AT_LEAST_0, ConfigError, ConfigType, check_value},
    layers::BrokerLayers,
};
use crate::throttle;

/// Kafka binds new listeners while it runs; here it takes a start.
const AT_START: [&str; 3] = [
    "advertised.listeners",
    "listener.security.protocol.map",
    "listeners",
];

/// Pools of threads that grow to the double and shrink to the half at most.
const POOLS: [&str; 5] = [
    "background.threads",
    "num.io.threads",
    "num.network.threads",
    "num.recovery.threads.per.data.dir",
    "num.replica.fetchers",
];

/// Checks overrides as they would be after a change: of one broker, or of every broker.
///
/// # Errors
/// What Kafka 3.9 refuses, in its words.
pub(crate) fn check(
    overrides: &BTreeMap<String, String>,
    now: &BrokerLayers<'_>,
    is_of_one: bool,
) -> Result<(), ConfigError> {
    let known: Vec<(&BrokerConfig, &String)> = overrides
        .iter()
        .filter_map(|(name, value)| Some((BrokerConfig::find(name)?, value)))
        .collect();
    let those = |is_refused: &dyn Fn(&BrokerConfig) -> bool| -> Vec<String> {
        let refused = known.iter().filter(|(config, _)| is_refused(config));
        refused.map(|(config, _)| config.name.to_owned()).collect()
    };
    let refuse = |names: Vec<String>, error: fn(Vec<String>) -> ConfigError| {
        if names.is_empty() {
            Ok(())
        } else {
            Err(error(names))
        }
    };
    let read_only = those(&|config| config.scope == Scope::ReadOnly);
    refuse(read_only, ConfigError::ReadOnly)?;
    let is_per_listener =
        |config: &BrokerConfig| config.scope == Scope::PerBroker && config.name.starts_with("ssl.");
    refuse(those(&is_per_listener), ConfigError::PerListener)?;
    if !is_of_one {
        let per_broker = those(&|config| config.scope == Scope::PerBroker);
        refuse(per_broker, ConfigError::PerBroker)?;
    }
    for (config, value) in &known {
        config.check(value)?;
        if AT_START.contains(&config.name) {
            return Err(ConfigError::AtStart(config.name.to_owned()));
        }
        check_pool(config, value, now)?;
    }
    let rates = overrides.iter().filter(|(name, _)| throttle::is_rate(name));
    for (name, value) in rates {
        check_value(name, value, ConfigType::Long, AT_LEAST_0)?;
    }
    let changed = BrokerLayers {
        own: if is_of_one { Some(overrides) } else { now.own },
        every: if is_of_one {
            now.every
        } else {
            Some(overrides)
        },
        ..*now
    };
    changed.effective().check()
}

fn check_pool(
    config: &BrokerConfig,
    value: &str,
    now: &BrokerLayers<'_>,
) -> Result<(), ConfigError> {
    let name = config.name;
    if !POOLS.contains(&name) {
        return Ok(());
    }
    let number = |text: &str| text.trim().parse::<i64>().unwrap_or_default();
    let current = now.value(name).map(|it| number(&it)).unwrap_or_default();
    let refuse = |why: String| {
        Err(ConfigError::Pool(format!(
            "Dynamic thread count update validation failed for {name}={value}, value should {why} \
             the current value {current}"
        )))
    };
    if number(value) > current.saturating_mul(2) {
        return refuse("not be greater than double".to_owned());
    }
    if number(value) < current / 2 {
        return refuse("be at least half".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{BrokerLayers, check};
    use crate::configs::Settings;

    #[test]
    fn changes_are_taken_and_refused_as_kafka_does() {
        let settings = Settings::default();
        let now = BrokerLayers {
            settings: &settings,
            own: None,
            every: None,
        };
        let told = |name: &str, value: &str, is_of_one| {
            let overrides = [(name.to_owned(), value.to_owned())].into();
            let checked = check(&overrides, &now, is_of_one);
            checked.map_or_else(|error| error.to_string(), |()| "taken".to_owned())
        };
        for (name, value) in [
            ("log.retention.ms", "-2"),
            ("log.cleanup.policy", ""),
            ("max.connections", "10"),
            ("background.threads", "9"),
            ("unclean.leader.election.enable", "TRUE"),
            ("sasl.jaas.config", "x"),
            ("unknown.name", "1"),
            ("listener.name.external.ssl.keystore.location", "/x"),
            ("leader.replication.throttled.rate", "5"),
        ] {
            assert_eq!(told(name, value, true), "taken", "{name}={value}");
        }
        for (name, value, is_of_one, sentence) in [
            (
                "num.partitions",
                "x",
                true,
                "Cannot update these configs dynamically: Set(num.partitions)",
            ),
            (
                "listeners",
                "PLAINTEXT://:1",
                false,
                "Cannot update these configs at default cluster level, broker id must be \
                 specified: Set(listeners)",
            ),
            (
                "ssl.keystore.location",
                "/x",
                false,
                "These security configs can be dynamically updated only per-listener using the \
                 listener prefix: Set(ssl.keystore.location)",
            ),
            (
                "log.retention.ms",
                "0",
                true,
                "requirement failed: log.retention.ms must be unlimited (-1) or, greater than or \
                 equal to 1",
            ),
            (
                "message.max.bytes",
                "-1",
                true,
                "Invalid value -1 for configuration message.max.bytes: Value must be at least 0",
            ),
            (
                "leader.replication.throttled.rate",
                "-1",
                true,
                "Invalid value -1 for configuration leader.replication.throttled.rate: Value must \
                 be at least 0",
            ),
            (
                "advertised.listeners",
                "PLAINTEXT://127.0.0.1:1",
                true,
                "advertised.listeners is read when a broker starts here: start the broker again \
                 with another",
            ),
        ] {
            assert_eq!(told(name, value, is_of_one), sentence);
        }
        assert!(told("num.io.threads", "100", true).contains("double the current value 8"));
        assert!(told("num.io.threads", "1", true).contains("half the current value 8"));
    }
}
