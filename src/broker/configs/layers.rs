//! Where the value of a broker's config comes from: set for one broker or for all while they run, at the
//! start, or Kafka's default.

use std::collections::BTreeMap;

use super::{
    broker::{BrokerConfig, Settings},
    settings::synonyms,
};
use crate::image::ClusterImage;
use wire::BrokerId;

/// Where a value comes from, with Kafka's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConfigSource {
    Topic = 1,
    DynamicBroker = 2,
    DynamicDefaultBroker = 3,
    StaticBroker = 4,
    Default = 5,
    Group = 8,
}

/// A value as it was written, with its source and the name it was written under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Layer {
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) source: ConfigSource,
}

impl Layer {
    /// What was set for a resource itself.
    pub(super) fn of_override(
        overrides: &BTreeMap<String, String>,
        name: &str,
        source: ConfigSource,
    ) -> Option<Self> {
        overrides.get(name).map(|value| Self {
            name: name.to_owned(),
            value: value.clone(),
            source,
        })
    }
}

/// A broker's configs, as it was started and as they were changed since.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BrokerLayers<'a> {
    pub(crate) settings: &'a Settings,
    /// From `/config/brokers/N`.
    pub(crate) own: Option<&'a BTreeMap<String, String>>,
    /// From `/config/brokers/<default>`.
    pub(crate) every: Option<&'a BTreeMap<String, String>>,
}

impl<'a> BrokerLayers<'a> {
    /// The layers of this broker's configs.
    pub(crate) fn of(settings: &'a Settings, image: &'a ClusterImage, broker: BrokerId) -> Self {
        Self {
            settings,
            own: image.broker_configs.get(&Some(broker)),
            every: image.broker_configs.get(&None),
        }
    }
}

impl BrokerLayers<'_> {
    /// What Kafka calls a config's synonyms, from the newest change down to Kafka's default; the first holds.
    /// None where nobody said anything under this name.
    pub(crate) fn synonyms(&self, name: &str) -> Vec<Layer> {
        let names = synonyms(name);
        let set = [
            (self.own, ConfigSource::DynamicBroker),
            (self.every, ConfigSource::DynamicDefaultBroker),
            (Some(&self.settings.given), ConfigSource::StaticBroker),
        ];
        let set = set.into_iter().flat_map(|(configs, source)| {
            let found = names.iter().filter_map(move |name| {
                let value = configs?.get(*name)?.clone();
                Some(((*name).to_owned(), value, source))
            });
            found.collect::<Vec<_>>()
        });
        let defaults = names.iter().filter_map(|name| {
            let default = BrokerConfig::find(name)?.default?;
            Some((
                (*name).to_owned(),
                default.to_owned(),
                ConfigSource::Default,
            ))
        });
        let layers = set.chain(defaults).map(|(name, value, source)| Layer {
            name,
            value,
            source,
        });
        layers.skip_while(|layer| layer.name != name).collect()
    }

    /// The value that holds under this very name.
    pub(crate) fn value(&self, name: &str) -> Option<String> {
        let mut changed = [self.own, self.every].into_iter().flatten();
        let changed = changed.find_map(|configs| configs.get(name));
        match (changed, BrokerConfig::find(name)) {
            (Some(value), Some(config)) => config.kind.canonical(value),
            (Some(value), None) => Some(value.clone()),
            (None, _) => self.settings.value(name),
        }
    }

    /// The configs that hold, changes included.
    pub(crate) fn effective(&self) -> Settings {
        let mut settings = self.settings.clone();
        let changed = self.every.into_iter().chain(self.own).flatten();
        for (name, value) in changed.filter(|(name, _)| BrokerConfig::find(name).is_some()) {
            if let Err(error) = settings.set(name, value) {
                tracing::warn!(%error, "a changed broker config is passed over");
            }
        }
        settings
    }
}

#[cfg(test)]
mod tests {
    use super::{BrokerLayers, ConfigSource, Settings};

    #[test]
    fn the_layers_are_those_of_kafka() {
        let mut settings = Settings::default();
        for (name, value) in [
            ("log.retention.hours", "2"),
            ("min.insync.replicas", "2"),
            ("num.partitions", "2 "),
        ] {
            settings.set(name, value).expect("valid");
        }
        let own = [("min.insync.replicas".to_owned(), "3".to_owned())].into();
        let every = [("log.retention.ms".to_owned(), "99999999".to_owned())].into();
        let layers = BrokerLayers {
            settings: &settings,
            own: Some(&own),
            every: Some(&every),
        };
        let found = |name| -> Vec<(String, String, ConfigSource)> {
            let layers = layers.synonyms(name).into_iter();
            layers.map(|it| (it.name, it.value, it.source)).collect()
        };
        let layer = |name: &str, value: &str, source| (name.to_owned(), value.to_owned(), source);
        assert_eq!(
            found("min.insync.replicas"),
            [
                layer("min.insync.replicas", "3", ConfigSource::DynamicBroker),
                layer("min.insync.replicas", "2", ConfigSource::StaticBroker),
                layer("min.insync.replicas", "1", ConfigSource::Default),
            ]
        );
        let hours = [
            layer("log.retention.hours", "2", ConfigSource::StaticBroker),
            layer("log.retention.hours", "168", ConfigSource::Default),
        ];
        assert_eq!(found("log.retention.hours"), hours);
        assert_eq!(found("log.retention.minutes"), []);
        let ms = layer(
            "log.retention.ms",
            "99999999",
            ConfigSource::DynamicDefaultBroker,
        );
        assert_eq!(found("log.retention.ms"), [&[ms][..], &hours].concat());
        assert_eq!(layers.value("num.partitions").as_deref(), Some("2"));
        assert_eq!(layers.value("min.insync.replicas").as_deref(), Some("3"));
        let effective = layers.effective();
        assert_eq!(effective.min_insync_replicas, 3);
        assert_eq!(effective.retention_ms(), 99_999_999);
    }
}
