//! Topic configs by Kafka's names: what they accept, and which value holds.
//!
//! A topic's own override holds, else the broker setting that the config falls back to.

use std::collections::BTreeMap;

use thiserror::Error;

use super::{
    settings::{SettingType, Settings},
    throttle,
};

/// One config that a topic can have.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TopicConfig {
    pub(crate) name: &'static str,
    pub(crate) kind: ConfigType,
    pub(crate) fallback: Fallback,
    accepts: Accepts,
    pub(crate) doc: &'static str,
}

/// What holds without an override.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fallback {
    /// The broker setting of this name.
    Setting(&'static str),
    /// Kafka's default.
    Value(&'static str),
    /// Kafka's default, which Kafka keeps under this broker setting; here it is none.
    Named(&'static str, &'static str),
}

/// Kafka's config types, with their numbers in `DescribeConfigs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConfigType {
    Boolean = 1,
    String = 2,
    Int = 3,
    Short = 4,
    Long = 5,
    Double = 6,
    List = 7,
}

impl ConfigType {
    /// As Kafka's messages call it.
    fn name(self) -> &'static str {
        match self {
            Self::Boolean => "BOOLEAN",
            Self::String => "STRING",
            Self::Int => "INT",
            Self::Short => "SHORT",
            Self::Long => "LONG",
            Self::Double => "DOUBLE",
            Self::List => "LIST",
        }
    }
}

impl From<SettingType> for ConfigType {
    fn from(kind: SettingType) -> Self {
        match kind {
            SettingType::Boolean => Self::Boolean,
            SettingType::Int => Self::Int,
            SettingType::Short => Self::Short,
            SettingType::Long => Self::Long,
            SettingType::Double => Self::Double,
            SettingType::String => Self::String,
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Accepts {
    Boolean,
    Number {
        min: i64,
        max: i64,
    },
    Share,
    OneOf(&'static [&'static str]),
    ListOf(&'static [&'static str]),
    Replicas,
    /// The default alone, for this reason.
    Only {
        value: &'static str,
        why: &'static str,
    },
    /// A version of Kafka, such as `3.0-IV1` or `2.8`.
    KafkaVersion,
}

/// Where a value comes from, with Kafka's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConfigSource {
    Topic = 1,
    DynamicBroker = 2,
    DynamicDefaultBroker = 3,
    StaticBroker = 4,
    Default = 5,
}

/// A value with its source; the first of several holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Layer {
    pub(crate) name: &'static str,
    pub(crate) value: String,
    pub(crate) source: ConfigSource,
}

/// Why an override is refused, in Kafka's words.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum ConfigError {
    #[error("Unknown topic config name: {0}")]
    Unknown(String),
    #[error("Invalid value {value} for configuration {name}: {expected}")]
    Invalid {
        name: String,
        value: String,
        expected: String,
    },
}

const LONG: Accepts = Accepts::Number {
    min: 0,
    max: i64::MAX,
};
const COUNT: Accepts = Accepts::Number {
    min: 1,
    max: i64::MAX,
};
const LONG_OR_NONE: Accepts = Accepts::Number {
    min: -1,
    max: i64::MAX,
};
const SIZE: Accepts = Accepts::Number {
    min: 0,
    max: i32::MAX as i64,
};
const NOT_TIERED: &str = "there is no remote storage here, logs are kept on the brokers' disks";
const OWN_LEVEL: &str = "here each codec compresses with its own default level";
const NO_OLD_FORMATS: &str = "records of older formats are not served here, so none are converted";

macro_rules! configs {
    ($($name:literal $kind:ident $fallback:expr, $accepts:expr, $doc:literal;)*) => {
        /// In the order of their names.
        pub(crate) static TOPIC_CONFIGS: &[TopicConfig] = &[$(TopicConfig {
            name: $name,
            kind: ConfigType::$kind,
            fallback: $fallback,
            accepts: $accepts,
            doc: $doc,
        },)*];
    };
}

configs! {
    "cleanup.policy" List Fallback::Setting("log.cleanup.policy"), Accepts::ListOf(&["compact", "delete"]), "What happens to old segments: delete, compact or both.";
    "compression.gzip.level" Int Fallback::Named("compression.gzip.level", "-1"), Accepts::Only { value: "-1", why: OWN_LEVEL }, "How hard gzip compresses; -1 is its own default.";
    "compression.lz4.level" Int Fallback::Named("compression.lz4.level", "9"), Accepts::Only { value: "9", why: OWN_LEVEL }, "How hard lz4 compresses.";
    "compression.type" String Fallback::Setting("compression.type"), Accepts::OneOf(&["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"]), "The codec of stored batches; producer keeps what the producer chose.";
    "compression.zstd.level" Int Fallback::Named("compression.zstd.level", "3"), Accepts::Only { value: "3", why: OWN_LEVEL }, "How hard zstd compresses.";
    "delete.retention.ms" Long Fallback::Setting("log.cleaner.delete.retention.ms"), LONG, "How long tombstones are kept in compacted topics.";
    "file.delete.delay.ms" Long Fallback::Named("log.segment.delete.delay.ms", "60000"), LONG, "How long a file waits before it is deleted from the disk.";
    "flush.messages" Long Fallback::Setting("log.flush.interval.messages"), COUNT, "Records written before the log is forced to the disk.";
    "flush.ms" Long Fallback::Value("9223372036854775807"), LONG, "How long records may wait before the log is forced to the disk.";
    "follower.replication.throttled.replicas" List Fallback::Value(""), Accepts::Replicas, "Replicas whose fetching is throttled.";
    "index.interval.bytes" Int Fallback::Setting("log.index.interval.bytes"), SIZE, "Bytes of log between two entries of its index.";
    "leader.replication.throttled.replicas" List Fallback::Value(""), Accepts::Replicas, "Replicas whose serving is throttled.";
    "local.retention.bytes" Long Fallback::Named("log.local.retention.bytes", "-2"), Accepts::Only { value: "-2", why: NOT_TIERED }, "Bytes of a tiered partition that stay on the broker; -2 is as retention.bytes.";
    "local.retention.ms" Long Fallback::Named("log.local.retention.ms", "-2"), Accepts::Only { value: "-2", why: NOT_TIERED }, "How long records of a tiered topic stay on the broker; -2 is as retention.ms.";
    "max.compaction.lag.ms" Long Fallback::Setting("log.cleaner.max.compaction.lag.ms"), COUNT, "How long a record may stay uncompacted at most.";
    "max.message.bytes" Int Fallback::Setting("message.max.bytes"), SIZE, "The largest record batch that is accepted.";
    "message.downconversion.enable" Boolean Fallback::Named("log.message.downconversion.enable", "true"), Accepts::Only { value: "true", why: NO_OLD_FORMATS }, "Whether consumers that know only older formats are served; they are not, whatever it says.";
    "message.format.version" String Fallback::Named("log.message.format.version", "3.0-IV1"), Accepts::KafkaVersion, "Ignored, as in Kafka since 3.0: records are stored in format 2.";
    "message.timestamp.after.max.ms" Long Fallback::Setting("log.message.timestamp.after.max.ms"), LONG, "How far a record's timestamp may be ahead of the broker's clock.";
    "message.timestamp.before.max.ms" Long Fallback::Setting("log.message.timestamp.before.max.ms"), LONG, "How far a record's timestamp may be behind the broker's clock.";
    "message.timestamp.difference.max.ms" Long Fallback::Named("log.message.timestamp.difference.max.ms", "9223372036854775807"), LONG, "How far a record's timestamp may be from the broker's clock, where the limits before and after it are not set.";
    "message.timestamp.type" String Fallback::Setting("log.message.timestamp.type"), Accepts::OneOf(&["CreateTime", "LogAppendTime"]), "Whether the producer's or the broker's clock stamps records.";
    "min.cleanable.dirty.ratio" Double Fallback::Setting("log.cleaner.min.cleanable.ratio"), Accepts::Share, "The share of the log that must be dirty before it is compacted.";
    "min.compaction.lag.ms" Long Fallback::Setting("log.cleaner.min.compaction.lag.ms"), LONG, "How long a record stays uncompacted at least.";
    "min.insync.replicas" Int Fallback::Setting("min.insync.replicas"), Accepts::Number { min: 1, max: i32::MAX as i64 }, "Replicas that must be in sync for acks=all to be accepted.";
    "preallocate" Boolean Fallback::Named("log.preallocate", "false"), Accepts::Boolean, "Whether a new segment takes its room on the disk at once.";
    "remote.log.copy.disable" Boolean Fallback::Value("false"), Accepts::Only { value: "false", why: NOT_TIERED }, "Whether a tiered log is no longer copied away.";
    "remote.log.delete.on.disable" Boolean Fallback::Value("false"), Accepts::Only { value: "false", why: NOT_TIERED }, "Whether tiered data goes when tiering is switched off.";
    "remote.storage.enable" Boolean Fallback::Value("false"), Accepts::Only { value: "false", why: NOT_TIERED }, "Whether closed segments are moved to remote storage.";
    "retention.bytes" Long Fallback::Setting("log.retention.bytes"), LONG_OR_NONE, "Bytes of each partition that are kept; -1 is no limit.";
    "retention.ms" Long Fallback::Setting("log.retention.ms"), LONG_OR_NONE, "How long records are kept, consumed or not; -1 is forever.";
    "segment.bytes" Int Fallback::Setting("log.segment.bytes"), Accepts::Number { min: 14, max: i32::MAX as i64 }, "A segment that reaches this size is closed and a new one begun.";
    "segment.index.bytes" Int Fallback::Named("log.index.size.max.bytes", "10485760"), Accepts::Number { min: 4, max: i32::MAX as i64 }, "The largest size of an index.";
    "segment.jitter.ms" Long Fallback::Value("0"), LONG, "By how much the closing of segments is spread in time.";
    "segment.ms" Long Fallback::Setting("log.roll.ms"), COUNT, "A segment that reaches this age is closed and a new one begun.";
    "unclean.leader.election.enable" Boolean Fallback::Setting("unclean.leader.election.enable"), Accepts::Boolean, "Whether a replica outside the ISR may lead as a last resort, losing records.";
}

impl TopicConfig {
    /// The config of this name.
    pub(crate) fn find(name: &str) -> Option<&'static Self> {
        TOPIC_CONFIGS.iter().find(|config| config.name == name)
    }

    /// The values from the topic's override down to Kafka's default; the first holds.
    pub(crate) fn layers(
        &self,
        overrides: &BTreeMap<String, String>,
        broker: &BrokerLayers<'_>,
    ) -> Vec<Layer> {
        let own = overrides.get(self.name).map(|value| Layer {
            name: self.name,
            value: value.clone(),
            source: ConfigSource::Topic,
        });
        let mut layers: Vec<Layer> = own.into_iter().collect();
        match self.fallback {
            Fallback::Setting(setting) => layers.extend(broker.layers(setting)),
            Fallback::Value(value) => layers.push(Layer {
                name: self.name,
                value: value.to_owned(),
                source: ConfigSource::Default,
            }),
            Fallback::Named(name, value) => layers.push(Layer {
                name,
                value: value.to_owned(),
                source: ConfigSource::Default,
            }),
        }
        layers
    }

    /// Those of [`Self::layers`] that Kafka calls synonyms: a default that no broker setting holds is none.
    pub(crate) fn synonyms<'a>(&self, layers: &'a [Layer]) -> &'a [Layer] {
        match (self.fallback, layers.split_last()) {
            (Fallback::Value(_), Some((_, changed))) => changed,
            _ => without_absent_default(layers),
        }
    }

    fn check(&self, value: &str) -> Result<(), ConfigError> {
        check_value(self.name, value, self.kind, self.accepts)
    }
}

/// Broker settings that Kafka leaves empty by default, as the same settings in hours hold then.
const HELD_BY_HOURS: [&str; 2] = ["log.retention.ms", "log.roll.ms"];

/// Without Kafka's default where Kafka has none under this name.
pub(crate) fn without_absent_default(layers: &[Layer]) -> &[Layer] {
    match layers.split_last() {
        Some((last, changed))
            if last.source == ConfigSource::Default && HELD_BY_HOURS.contains(&last.name) =>
        {
            changed
        }
        _ => layers,
    }
}

fn check_value(
    name: &str,
    value: &str,
    kind: ConfigType,
    accepts: Accepts,
) -> Result<(), ConfigError> {
    accepts
        .check(value.trim(), kind)
        .map_err(|expected| ConfigError::Invalid {
            name: name.to_owned(),
            value: value.to_owned(),
            expected,
        })
}

impl Accepts {
    fn check(self, value: &str, kind: ConfigType) -> Result<(), String> {
        let one_of = |allowed: &[&str]| format!("String must be one of: {}", allowed.join(", "));
        match self {
            Self::Boolean if matches!(value.to_ascii_lowercase().as_str(), "true" | "false") => {
                Ok(())
            }
            Self::Boolean => Err("Expected value to be either true or false".into()),
            Self::Number { min, max } => match value.parse::<i64>() {
                Ok(number) if kind == ConfigType::Int && i32::try_from(number).is_err() => {
                    Err("Not a number of type INT".into())
                }
                Ok(number) if number < min => Err(format!("Value must be at least {min}")),
                Ok(number) if number > max => Err(format!("Value must be no more than {max}")),
                Ok(_) => Ok(()),
                Err(_) => Err(format!("Not a number of type {}", kind.name())),
            },
            Self::Share => match value.parse::<f64>() {
                Ok(share) if share < 0.0 => Err("Value must be at least 0".into()),
                Ok(share) if share <= 1.0 => Ok(()),
                Ok(_) => Err("Value must be no more than 1".into()),
                Err(_) => Err("Not a number of type DOUBLE".into()),
            },
            Self::OneOf(allowed) if allowed.contains(&value) => Ok(()),
            Self::OneOf(allowed) => Err(one_of(allowed)),
            Self::ListOf(allowed) => {
                // An empty list is one: nothing is done then.
                let mut parts = value.split(',').filter(|_| !value.is_empty());
                let all = parts.all(|part| allowed.contains(&part.trim()));
                if all { Ok(()) } else { Err(one_of(allowed)) }
            }
            Self::Replicas => {
                let is_number = |text: &str| text.trim().parse::<u32>().is_ok();
                let is_replica = |part: &str| {
                    part.split_once(':').is_some_and(|(partition, broker)| {
                        is_number(partition) && is_number(broker)
                    })
                };
                if matches!(value, "" | "*") || value.split(',').all(is_replica) {
                    return Ok(());
                }
                Err(
                    "must be the literal '*' or a list of replicas in the following format: \
                     [partitionId]:[brokerId],[partitionId]:[brokerId],..."
                        .into(),
                )
            }
            Self::Only { value: only, .. } if value.eq_ignore_ascii_case(only) => Ok(()),
            Self::Only { value: only, why } => Err(format!("Value must be {only}: {why}")),
            Self::KafkaVersion => {
                let numbers = value
                    .split_once("-IV")
                    .map_or(value, |(numbers, _)| numbers);
                let mut parts = numbers.split('.');
                if numbers.contains('.') && parts.all(|part| part.parse::<u8>().is_ok()) {
                    return Ok(());
                }
                Err(format!("Version {value} is not a valid version"))
            }
        }
    }
}

/// Checks all of a topic's overrides.
pub(crate) fn check(overrides: &BTreeMap<String, String>) -> Result<(), ConfigError> {
    for (name, value) in overrides {
        TopicConfig::find(name)
            .ok_or_else(|| ConfigError::Unknown(name.clone()))?
            .check(value)?;
    }
    Ok(())
}

/// The broker's settings, as they were started and as they were changed since.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BrokerLayers<'a> {
    pub(crate) settings: &'a Settings,
    /// From `/config/brokers/N`.
    pub(crate) own: Option<&'a BTreeMap<String, String>>,
    /// From `/config/brokers/<default>`.
    pub(crate) every: Option<&'a BTreeMap<String, String>>,
}

impl BrokerLayers<'_> {
    /// The values of one setting from the newest change down to Kafka's default.
    pub(crate) fn layers(&self, setting: &str) -> Vec<Layer> {
        let find = |settings: &Settings| {
            let mut all = settings.describe().into_iter();
            all.find(|(name, ..)| *name == setting)
                .map(|(name, value, ..)| (name, value))
        };
        let Some((name, started_with)) = find(self.settings) else {
            return Vec::new();
        };
        let mut layers = self.changed(name);
        let default = find(&Settings::default())
            .map(|(_, value)| value)
            .unwrap_or_default();
        if started_with != default {
            layers.push(Layer {
                name,
                value: started_with,
                source: ConfigSource::StaticBroker,
            });
        }
        layers.push(Layer {
            name,
            value: default,
            source: ConfigSource::Default,
        });
        layers
    }

    /// What was set while the broker ran, for itself before for every broker.
    pub(crate) fn changed(&self, name: &'static str) -> Vec<Layer> {
        let changed = [
            (self.own, ConfigSource::DynamicBroker),
            (self.every, ConfigSource::DynamicDefaultBroker),
        ];
        let layers = changed.into_iter().filter_map(|(configs, source)| {
            let value = configs?.get(name)?.clone();
            Some(Layer {
                name,
                value,
                source,
            })
        });
        layers.collect()
    }

    /// The settings that hold, changes included.
    pub(crate) fn effective(&self) -> Settings {
        let mut settings = self.settings.clone();
        let changed = self.every.into_iter().chain(self.own).flatten();
        for (name, value) in changed.filter(|(name, _)| !throttle::is_rate(name)) {
            if let Err(error) = settings.set(name, value) {
                tracing::warn!(%error, "a changed broker setting is passed over");
            }
        }
        settings
    }
}

/// Whether a broker setting takes effect when it is changed while the broker runs: those that
/// topics fall back to, read anew whenever the picture of the cluster changes.
pub(crate) fn is_dynamic(setting: &str) -> bool {
    let mut all = TOPIC_CONFIGS.iter();
    throttle::is_rate(setting)
        || all.any(|config| matches!(config.fallback, Fallback::Setting(name) if name == setting))
}

/// The type of a broker setting: a list where topics have a list of it.
pub(crate) fn kind_of(setting: &str, own: SettingType) -> ConfigType {
    let mut all = TOPIC_CONFIGS.iter();
    let config = all.find(|it| matches!(it.fallback, Fallback::Setting(name) if name == setting));
    config.map_or(own.into(), |config| config.kind)
}

/// Checks a change of a broker setting, in most cases by the topic config that falls back to it.
pub(crate) fn check_setting(setting: &str, value: &str) -> Result<(), ConfigError> {
    if throttle::is_rate(setting) {
        return check_value(setting, value, ConfigType::Long, LONG);
    }
    TOPIC_CONFIGS
        .iter()
        .find(|config| matches!(config.fallback, Fallback::Setting(name) if name == setting))
        .ok_or_else(|| ConfigError::Unknown(setting.to_owned()))
        .and_then(|config| check_value(setting, value, config.kind, config.accepts))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{
        BrokerLayers, ConfigError, ConfigSource, Fallback, TOPIC_CONFIGS, TopicConfig, check,
    };
    use crate::settings::Settings;

    fn overrides(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()))
            .collect()
    }

    #[test]
    fn every_fallback_is_a_setting_or_a_valid_value() {
        let settings = Settings::default();
        let broker = BrokerLayers {
            settings: &settings,
            own: None,
            every: None,
        };
        assert!(TOPIC_CONFIGS.is_sorted_by(|a, b| a.name < b.name));
        for config in TOPIC_CONFIGS {
            let layers = config.layers(&BTreeMap::new(), &broker);
            assert_eq!(layers.len(), 1, "{}", config.name);
            if !matches!(config.fallback, Fallback::Value("")) {
                config.check(&layers[0].value).expect(config.name);
            }
        }
    }

    #[test]
    fn overrides_are_checked_with_kafkas_words() {
        assert_eq!(
            check(&overrides(&[
                ("cleanup.policy", "compact, delete"),
                ("retention.ms", "-1")
            ])),
            Ok(())
        );
        let refused = |name, value| check(&overrides(&[(name, value)])).expect_err("refused");
        assert_eq!(
            refused("retention", "1"),
            ConfigError::Unknown("retention".into())
        );
        assert!(
            refused("retention.ms", "-2")
                .to_string()
                .contains("at least -1")
        );
        assert!(
            refused("compression.type", "lzma")
                .to_string()
                .contains("must be one of")
        );
        assert!(
            refused("min.insync.replicas", "two")
                .to_string()
                .contains("number")
        );
        assert!(
            refused("min.insync.replicas", "0")
                .to_string()
                .contains("at least 1")
        );
        assert!(
            refused("segment.bytes", "99999999999")
                .to_string()
                .contains("Not a number of type INT")
        );
        assert!(
            refused("leader.replication.throttled.replicas", "x")
                .to_string()
                .contains("[partitionId]:[brokerId]")
        );
        assert_eq!(check(&overrides(&[("cleanup.policy", "")])), Ok(()));
    }

    #[test]
    fn what_has_no_effect_here_keeps_its_default_and_says_why() {
        for (name, default, other) in [
            ("remote.storage.enable", "false", "true"),
            ("local.retention.ms", "-2", "1000"),
            ("message.downconversion.enable", "true", "false"),
            ("compression.zstd.level", "3", "9"),
        ] {
            assert_eq!(check(&overrides(&[(name, default)])), Ok(()));
            let refusal = check(&overrides(&[(name, other)])).expect_err(name);
            assert!(refusal.to_string().contains(" here"), "{refusal}");
        }
        assert_eq!(
            check(&overrides(&[("message.format.version", "2.8")])),
            Ok(())
        );
    }

    #[test]
    fn the_nearest_value_holds() {
        let mut settings = Settings::default();
        settings.set("min.insync.replicas", "2").expect("valid");
        let own = overrides(&[("min.insync.replicas", "3")]);
        let broker = BrokerLayers {
            settings: &settings,
            own: Some(&own),
            every: None,
        };
        let config = TopicConfig::find("min.insync.replicas").expect("it exists");
        let layers = config.layers(&overrides(&[("min.insync.replicas", "4")]), &broker);
        let found: Vec<_> = layers
            .iter()
            .map(|l| (l.value.as_str(), l.source))
            .collect();
        assert_eq!(
            found,
            [
                ("4", ConfigSource::Topic),
                ("3", ConfigSource::DynamicBroker),
                ("2", ConfigSource::StaticBroker),
                ("1", ConfigSource::Default),
            ]
        );
        assert_eq!(config.synonyms(&layers), layers);
        let alone = TopicConfig::find("flush.ms").expect("it exists");
        let layers = alone.layers(&overrides(&[("flush.ms", "7")]), &broker);
        assert_eq!(
            alone.synonyms(&layers),
            &layers[..1],
            "no broker setting stands for it"
        );
        assert_eq!(broker.effective().min_insync_replicas, 3);
    }
}
