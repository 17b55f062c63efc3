//! What is said at a start about configs that do nothing here.

use std::collections::BTreeMap;

use super::{
    broker::{BrokerConfig, Settings},
    effect::{Effect, Why},
};

/// Before the name of a config of one listener.
const LISTENER_PREFIX: &str = "listener.name.";

/// Whether Kafka takes a name that is in no table: a config of one listener.
fn is_of_listener(name: &str) -> bool {
    name.starts_with(LISTENER_PREFIX)
}

impl Settings {
    /// One line that names what was set and is without effect here, each with its reason.
    #[must_use]
    pub fn without_effect(&self) -> Option<String> {
        let mut by_reason: BTreeMap<Why, Vec<&str>> = BTreeMap::new();
        for name in self.given.keys() {
            let why = match BrokerConfig::find(name).map(|config| config.effect) {
                Some(Effect::Nothing(why)) => why,
                None if is_of_listener(name) => Why::OneListener,
                Some(Effect::Here(_)) | None => continue,
            };
            by_reason.entry(why).or_default().push(name);
        }
        let reasons = by_reason.into_iter();
        let told: Vec<String> = reasons
            .map(|(why, names)| format!("{} ({})", names.join(", "), why.text()))
            .collect();
        (!told.is_empty()).then(|| format!("accepted, without effect here: {}", told.join("; ")))
    }

    /// One line that names what was set and what no broker knows.
    #[must_use]
    pub fn unknown(&self) -> Option<String> {
        let names: Vec<&str> = (self.given.keys().map(String::as_str))
            .filter(|name| BrokerConfig::find(name).is_none() && !is_of_listener(name))
            .collect();
        (!names.is_empty()).then(|| {
            format!(
                "not known to any broker of Kafka 3.9, and without effect: {}",
                names.join(", ")
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Settings;

    #[test]
    fn what_has_no_effect_is_said_once_with_its_reason() {
        let mut settings = Settings::default();
        for (name, value) in [
            ("num.io.threads", "8"),
            ("num.network.threads", "3"),
            ("socket.send.buffer.bytes", "102400"),
            ("num.partitions", "2"),
            ("listener.name.foo.ssl.key.password", "secret"),
            ("advertised.host.name", "here"),
        ] {
            settings.set(name, value).expect("valid");
        }
        assert_eq!(
            settings.without_effect().as_deref(),
            Some(
                "accepted, without effect here: num.io.threads, num.network.threads (there are no \
                 pools of threads here); listener.name.foo.ssl.key.password (a broker has one \
                 listener here); socket.send.buffer.bytes (connections have the system's sizes \
                 and limits here)"
            )
        );
        let unknown = settings.unknown().expect("one is");
        assert!(unknown.ends_with(": advertised.host.name"), "{unknown}");
        assert_eq!(Settings::default().without_effect(), None);
    }
}
