//! Topic configs by Kafka's names: what they take, and which value holds.
//!
//! A topic's own override holds, else the broker config that it falls back to.

use std::collections::BTreeMap;

use super::{
    broker::BrokerConfig,
    check::{AT_LEAST_0, AT_LEAST_1, Accepts, ConfigError, ConfigType, check_value},
    effect::Effect,
    layers::{BrokerLayers, ConfigSource, Layer},
};

/// One config that a topic can have.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TopicConfig {
    pub(crate) name: &'static str,
    pub(crate) kind: ConfigType,
    fallback: Fallback,
    accepts: Accepts,
    doc: &'static str,
}

/// What holds without an override.
#[derive(Debug, Clone, Copy)]
enum Fallback {
    /// The broker config of this name.
    Setting(&'static str),
    /// What the broker config of this name says in milliseconds, or the same in longer units.
    Time(&'static str),
    /// Kafka's default.
    Value(&'static str),
}

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
    "compression.gzip.level" Int Fallback::Setting("compression.gzip.level"), Accepts::Only { value: "-1", why: OWN_LEVEL }, "How hard gzip compresses; -1 is its own default.";
    "compression.lz4.level" Int Fallback::Setting("compression.lz4.level"), Accepts::Only { value: "9", why: OWN_LEVEL }, "How hard lz4 compresses.";
    "compression.type" String Fallback::Setting("compression.type"), Accepts::OneOf(&["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"]), "The codec of stored batches; producer keeps what the producer chose.";
    "compression.zstd.level" Int Fallback::Setting("compression.zstd.level"), Accepts::Only { value: "3", why: OWN_LEVEL }, "How hard zstd compresses.";
    "delete.retention.ms" Long Fallback::Setting("log.cleaner.delete.retention.ms"), AT_LEAST_0, "How long tombstones are kept in compacted topics.";
    "file.delete.delay.ms" Long Fallback::Setting("log.segment.delete.delay.ms"), AT_LEAST_0, "How long a file waits before it is deleted from the disk.";
    "flush.messages" Long Fallback::Setting("log.flush.interval.messages"), AT_LEAST_1, "Records written before the log is forced to the disk.";
    "flush.ms" Long Fallback::Time("log.flush.interval.ms"), AT_LEAST_0, "How long records may wait before the log is forced to the disk.";
    "follower.replication.throttled.replicas" List Fallback::Value(""), Accepts::Replicas, "Replicas whose fetching is throttled.";
    "index.interval.bytes" Int Fallback::Setting("log.index.interval.bytes"), AT_LEAST_0, "Bytes of log between two entries of its index.";
    "leader.replication.throttled.replicas" List Fallback::Value(""), Accepts::Replicas, "Replicas whose serving is throttled.";
    "local.retention.bytes" Long Fallback::Setting("log.local.retention.bytes"), Accepts::Only { value: "-2", why: NOT_TIERED }, "Bytes of a tiered partition that stay on the broker; -2 is as retention.bytes.";
    "local.retention.ms" Long Fallback::Setting("log.local.retention.ms"), Accepts::Only { value: "-2", why: NOT_TIERED }, "How long records of a tiered topic stay on the broker; -2 is as retention.ms.";
    "max.compaction.lag.ms" Long Fallback::Setting("log.cleaner.max.compaction.lag.ms"), AT_LEAST_1, "How long a record may stay uncompacted at most.";
    "max.message.bytes" Int Fallback::Setting("message.max.bytes"), AT_LEAST_0, "The largest record batch that is accepted.";
    "message.downconversion.enable" Boolean Fallback::Setting("log.message.downconversion.enable"), Accepts::Only { value: "true", why: NO_OLD_FORMATS }, "Whether consumers that know only older formats are served; they are not, whatever it says.";
    "message.format.version" String Fallback::Setting("log.message.format.version"), Accepts::KafkaVersion, "Ignored, as in Kafka since 3.0: records are stored in format 2.";
    "message.timestamp.after.max.ms" Long Fallback::Setting("log.message.timestamp.after.max.ms"), AT_LEAST_0, "How far a record's timestamp may be ahead of the broker's clock.";
    "message.timestamp.before.max.ms" Long Fallback::Setting("log.message.timestamp.before.max.ms"), AT_LEAST_0, "How far a record's timestamp may be behind the broker's clock.";
    "message.timestamp.difference.max.ms" Long Fallback::Setting("log.message.timestamp.difference.max.ms"), AT_LEAST_0, "How far a record's timestamp may be from the broker's clock, where the limits before and after it are not set.";
    "message.timestamp.type" String Fallback::Setting("log.message.timestamp.type"), Accepts::OneOf(&["CreateTime", "LogAppendTime"]), "Whether the producer's or the broker's clock stamps records.";
    "min.cleanable.dirty.ratio" Double Fallback::Setting("log.cleaner.min.cleanable.ratio"), Accepts::Share(0.0, 1.0), "The share of the log that must be dirty before it is compacted.";
    "min.compaction.lag.ms" Long Fallback::Setting("log.cleaner.min.compaction.lag.ms"), AT_LEAST_0, "How long a record stays uncompacted at least.";
    "min.insync.replicas" Int Fallback::Setting("min.insync.replicas"), AT_LEAST_1, "Replicas that must be in sync for acks=all to be accepted.";
    "preallocate" Boolean Fallback::Setting("log.preallocate"), Accepts::Any, "Whether a new segment takes its room on the disk at once.";
    "remote.log.copy.disable" Boolean Fallback::Value("false"), Accepts::Only { value: "false", why: NOT_TIERED }, "Whether a tiered log is no longer copied away.";
    "remote.log.delete.on.disable" Boolean Fallback::Value("false"), Accepts::Only { value: "false", why: NOT_TIERED }, "Whether tiered data goes when tiering is switched off.";
    "remote.storage.enable" Boolean Fallback::Value("false"), Accepts::Only { value: "false", why: NOT_TIERED }, "Whether closed segments are moved to remote storage.";
    "retention.bytes" Long Fallback::Setting("log.retention.bytes"), Accepts::Any, "Bytes of each partition that are kept; -1 is no limit.";
    "retention.ms" Long Fallback::Time("log.retention.ms"), Accepts::AtLeast(-1), "How long records are kept, consumed or not; -1 is forever.";
    "segment.bytes" Int Fallback::Setting("log.segment.bytes"), Accepts::AtLeast(14), "A segment that reaches this size is closed and a new one begun.";
    "segment.index.bytes" Int Fallback::Setting("log.index.size.max.bytes"), Accepts::AtLeast(4), "The largest size of an index.";
    "segment.jitter.ms" Long Fallback::Time("log.roll.jitter.ms"), AT_LEAST_0, "By how much the closing of segments is spread in time.";
    "segment.ms" Long Fallback::Time("log.roll.ms"), AT_LEAST_1, "A segment that reaches this age is closed and a new one begun.";
    "unclean.leader.election.enable" Boolean Fallback::Setting("unclean.leader.election.enable"), Accepts::Any, "Whether a replica outside the ISR may lead as a last resort, losing records.";
}

impl TopicConfig {
    /// The config of this name.
    pub(crate) fn find(name: &str) -> Option<&'static Self> {
        TOPIC_CONFIGS.iter().find(|config| config.name == name)
    }

    /// What it is for, and why it does nothing here where that is so: as the broker config that it falls back to.
    pub(crate) fn documentation(&self) -> String {
        let broker = match self.fallback {
            Fallback::Setting(name) | Fallback::Time(name) => BrokerConfig::find(name),
            Fallback::Value(_) => None,
        };
        match broker.map(|config| config.effect) {
            Some(Effect::Nothing(why)) => format!("{} Without effect: {}.", self.doc, why.text()),
            Some(Effect::Here(_)) | None => self.doc.to_owned(),
        }
    }

    /// What Kafka calls the config's synonyms: the topic's own before those of the broker config that it falls
    /// back to. The first holds; where there is none, Kafka's default does.
    pub(crate) fn synonyms(
        &self,
        overrides: &BTreeMap<String, String>,
        broker: &BrokerLayers<'_>,
    ) -> Vec<Layer> {
        let own = Layer::of_override(overrides, self.name, ConfigSource::Topic);
        let broker = match self.fallback {
            Fallback::Setting(name) | Fallback::Time(name) => broker.synonyms(name),
            Fallback::Value(_) => Vec::new(),
        };
        own.into_iter().chain(broker).collect()
    }

    /// The value that holds.
    pub(crate) fn value(
        &self,
        overrides: &BTreeMap<String, String>,
        broker: &BrokerLayers<'_>,
    ) -> String {
        let own = overrides
            .get(self.name)
            .and_then(|value| self.kind.canonical(value));
        let fallback = || match self.fallback {
            Fallback::Setting(name) => broker.value(name),
            Fallback::Time(name) => broker
                .effective()
                .milliseconds(name)
                .map(|milliseconds| milliseconds.to_string()),
            Fallback::Value(value) => Some(value.to_owned()),
        };
        own.or_else(fallback).unwrap_or_default()
    }

    fn check(&self, value: &str) -> Result<(), ConfigError> {
        check_value(self.name, value, self.kind, self.accepts)
    }
}

/// Checks all of a topic's overrides.
pub(crate) fn check(overrides: &BTreeMap<String, String>) -> Result<(), ConfigError> {
    for (name, value) in overrides {
        TopicConfig::find(name)
            .ok_or_else(|| ConfigError::Unknown(name.clone()))?
            .check(value)?;
    }
    let number = |name: &str| -> Option<i64> { overrides.get(name)?.trim().parse().ok() };
    let min = number("min.compaction.lag.ms").unwrap_or_default();
    let max = number("max.compaction.lag.ms").unwrap_or(i64::MAX);
    if min > max {
        return Err(ConfigError::CompactionLag { min, max });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{
        BrokerLayers, ConfigError, ConfigSource, Fallback, TOPIC_CONFIGS, TopicConfig, check,
    };
    use wire::ErrorCode;

    use crate::configs::Settings;

    fn overrides(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()))
            .collect()
    }

    fn started_with(settings: &Settings) -> BrokerLayers<'_> {
        BrokerLayers {
            settings,
            own: None,
            every: None,
        }
    }

    #[test]
    fn every_fallback_is_a_valid_value() {
        let settings = Settings::default();
        assert!(TOPIC_CONFIGS.is_sorted_by(|a, b| a.name < b.name));
        for config in TOPIC_CONFIGS {
            let value = config.value(&BTreeMap::new(), &started_with(&settings));
            if !matches!(config.fallback, Fallback::Value("")) {
                config.check(&value).expect(config.name);
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
        let lags = [
            ("min.compaction.lag.ms", "10"),
            ("max.compaction.lag.ms", "5"),
        ];
        let conflict = check(&overrides(&lags)).expect_err("they conflict");
        assert_eq!(ErrorCode::from(&conflict), ErrorCode::InvalidConfig);
        assert_eq!(
            conflict.to_string(),
            "conflict topic config setting min.compaction.lag.ms (10) > max.compaction.lag.ms (5)"
        );
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
        let documentation = |name| TopicConfig::find(name).expect(name).documentation();
        let jitter = documentation("segment.jitter.ms");
        assert!(jitter.contains(" Without effect: logs are"), "{jitter}");
        assert!(!documentation("segment.ms").contains("Without effect"));
    }

    #[test]
    fn the_nearest_value_holds() {
        let mut settings = Settings::default();
        settings.set("min.insync.replicas", "2").expect("valid");
        settings.set("log.roll.hours", "3").expect("valid");
        let broker = started_with(&settings);
        let config = TopicConfig::find("min.insync.replicas").expect("it exists");
        let own = overrides(&[("min.insync.replicas", "4")]);
        let layers = config.synonyms(&own, &broker).into_iter();
        let found: Vec<_> = layers.map(|it| (it.value, it.source)).collect();
        let found: Vec<_> = found
            .iter()
            .map(|(value, it)| (value.as_str(), *it))
            .collect();
        assert_eq!(
            found,
            [
                ("4", ConfigSource::Topic),
                ("2", ConfigSource::StaticBroker),
                ("1", ConfigSource::Default),
            ]
        );
        assert_eq!(config.value(&own, &broker), "4");
        assert_eq!(config.value(&BTreeMap::new(), &broker), "2");
        // As Kafka tells it: the value counts, its source is not told.
        let alone = TopicConfig::find("segment.ms").expect("it exists");
        assert_eq!(alone.value(&BTreeMap::new(), &broker), "10800000");
        assert_eq!(alone.synonyms(&BTreeMap::new(), &broker), []);
    }
}
