//! What a broker was told: set by Kafka's names, checked one by one and together.

use super::{
    broker::{BrokerConfig, Settings},
    check::ConfigError,
};

/// Configs of which the first that is set holds, with the milliseconds of each one's unit.
const SYNONYMS: [&[(&str, i64)]; 4] = [
    &[
        ("log.retention.ms", 1),
        ("log.retention.minutes", 60_000),
        ("log.retention.hours", 3_600_000),
    ],
    &[("log.roll.ms", 1), ("log.roll.hours", 3_600_000)],
    &[
        ("log.roll.jitter.ms", 1),
        ("log.roll.jitter.hours", 3_600_000),
    ],
    &[
        ("log.flush.interval.ms", 1),
        ("log.flush.scheduler.interval.ms", 1),
    ],
];

/// The names that stand for a config, itself among them. Those before it win over it.
pub(super) fn synonyms(name: &str) -> Vec<&str> {
    let is_listed = |chain: &&&[(&'static str, i64)]| chain.iter().any(|(it, _)| *it == name);
    match SYNONYMS.iter().find(is_listed) {
        Some(chain) => chain.iter().map(|(it, _)| *it).collect(),
        None => vec![name],
    }
}

impl Settings {
    /// Sets one config by Kafka's name. A name that no broker knows is kept, as Kafka keeps it for plug-ins.
    ///
    /// # Errors
    /// The value does not fit the config's type or range; nothing changed then.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), ConfigError> {
        if let Some(config) = BrokerConfig::find(name) {
            config.check(value)?;
            self.put(name, value);
        }
        self.given.insert(name.to_owned(), value.to_owned());
        Ok(())
    }

    /// What holds of a config: as it was set, else Kafka's default.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<String> {
        let config = BrokerConfig::find(name)?;
        match self.given.get(name) {
            Some(given) => config.kind.canonical(given),
            None => config.default.map(str::to_owned),
        }
    }

    /// A duration that several configs may say in several units, by the name of the first.
    pub(crate) fn milliseconds(&self, name: &str) -> Option<i64> {
        let chain = SYNONYMS
            .iter()
            .find(|chain| chain.first().is_some_and(|(it, _)| *it == name))?;
        chain.iter().find_map(|(name, unit)| {
            let count: i64 = self.value(name)?.parse().ok()?;
            // Below zero there is only "without limit".
            Some(count.saturating_mul(*unit).max(-1))
        })
    }

    /// How long records are kept; -1: for ever.
    pub(crate) fn retention_ms(&self) -> i64 {
        self.milliseconds("log.retention.ms").unwrap_or(-1)
    }

    /// The age at which segments are closed.
    pub(crate) fn roll_ms(&self) -> i64 {
        self.milliseconds("log.roll.ms").unwrap_or(i64::MAX)
    }

    /// Checks what the configs say together.
    ///
    /// # Errors
    /// What Kafka requires and is not so.
    pub fn check(&self) -> Result<(), ConfigError> {
        let number = |name: &str| -> i64 {
            let value = self.value(name);
            value.and_then(|it| it.parse().ok()).unwrap_or_default()
        };
        let require = |is_so: bool, sentence: &str| {
            let failed = || ConfigError::Requirement(sentence.to_owned());
            is_so.then_some(()).ok_or_else(failed)
        };
        let jitter = self.milliseconds("log.roll.jitter.ms").unwrap_or_default();
        let cleaner_memory =
            number("log.cleaner.dedupe.buffer.size").checked_div(number("log.cleaner.threads"));
        let fetch_wait = number("replica.fetch.wait.max.ms");
        let queued = number("queued.max.request.bytes");
        require(
            self.roll_ms() >= 1,
            "log.roll.ms must be greater than or equal to 1",
        )?;
        require(
            jitter >= 0,
            "log.roll.jitter.ms must be greater than or equal to 0",
        )?;
        require(
            self.retention_ms() != 0,
            "log.retention.ms must be unlimited (-1) or, greater than or equal to 1",
        )?;
        require(
            cleaner_memory.is_none_or(|bytes| bytes > 1024 * 1024),
            "log.cleaner.dedupe.buffer.size must be at least 1MB per cleaner thread.",
        )?;
        require(
            fetch_wait <= number("replica.socket.timeout.ms"),
            "replica.socket.timeout.ms should always be at least replica.fetch.wait.max.ms \
             to prevent unnecessary socket timeouts",
        )?;
        require(
            fetch_wait <= number("replica.lag.time.max.ms"),
            "replica.fetch.wait.max.ms should always be less than or equal to \
             replica.lag.time.max.ms to prevent frequent changes in ISR",
        )?;
        require(
            queued <= 0 || queued >= number("socket.request.max.bytes"),
            "queued.max.request.bytes must be larger or equal to socket.request.max.bytes",
        )?;
        for what in ["heartbeat.interval.ms", "session.timeout.ms"] {
            let name = |bound: &str| format!("group.consumer.{bound}{what}");
            let (least, most, held) = (name("min."), name("max."), name(""));
            for (larger, smaller) in [(&most, &least), (&held, &least)] {
                require(
                    number(larger) >= number(smaller),
                    &format!("{larger} must be greater than or equals to {smaller}"),
                )?;
            }
            require(
                number(&held) <= number(&most),
                &format!("{held} must be less than or equals to {most}"),
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Settings;

    fn settings(given: &[(&str, &str)]) -> Settings {
        let mut settings = Settings::default();
        for (name, value) in given {
            settings.set(name, value).expect("each is valid for itself");
        }
        settings
    }

    #[test]
    fn a_config_is_set_by_kafkas_name_and_read_from_its_field() {
        let settings = settings(&[
            ("min.insync.replicas", " 2"),
            ("delete.topic.enable", "FALSE"),
        ]);
        assert_eq!(settings.min_insync_replicas, 2);
        assert!(!settings.delete_topic_enable);
        assert_eq!(settings.value("min.insync.replicas").as_deref(), Some("2"));
        assert_eq!(settings.value("num.io.threads").as_deref(), Some("8"));
        assert_eq!(settings.value("log.retention.ms"), None);
    }

    #[test]
    fn a_value_out_of_range_is_refused_and_changes_nothing() {
        let mut settings = Settings::default();
        for (name, value, expected) in [
            ("num.partitions", "-3", "Value must be at least 1"),
            ("socket.request.max.bytes", "-1", "Value must be at least 1"),
            ("replica.lag.time.max.ms", "-5", "Value must be at least 1"),
            (
                "compression.type",
                "nonsense",
                "String must be one of: uncompressed, zstd, lz4, snappy, gzip, producer",
            ),
            (
                "log.cleanup.policy",
                "eat",
                "String must be one of: compact, delete",
            ),
            (
                "auto.create.topics.enable",
                "yes",
                "Expected value to be either true or false",
            ),
            ("min.insync.replicas", "two", "Not a number of type INT"),
            // Also of what has no effect.
            ("num.io.threads", "0", "Value must be at least 1"),
        ] {
            let refused = settings.set(name, value).expect_err(name).to_string();
            let told = format!("Invalid value {value} for configuration {name}: {expected}");
            assert_eq!(refused, told);
        }
        assert_eq!(settings, Settings::default());
    }

    #[test]
    fn the_finest_unit_that_is_set_holds() {
        let days = 24 * 3_600_000;
        assert_eq!(Settings::default().retention_ms(), 7 * days);
        let hours = ("log.retention.hours", "2");
        let minutes = ("log.retention.minutes", "5");
        assert_eq!(settings(&[hours]).retention_ms(), 7_200_000);
        assert_eq!(settings(&[hours, minutes]).retention_ms(), 300_000);
        let ms = ("log.retention.ms", "7");
        assert_eq!(settings(&[hours, minutes, ms]).retention_ms(), 7);
        assert_eq!(
            settings(&[("log.retention.hours", "-7")]).retention_ms(),
            -1
        );
        assert_eq!(settings(&[("log.roll.hours", "3")]).roll_ms(), 10_800_000);
    }

    #[test]
    fn what_does_not_fit_together_is_refused_with_kafkas_sentence() {
        for (given, start) in [
            (
                &[("log.retention.hours", "0")][..],
                "log.retention.ms must be unlimited",
            ),
            (&[("log.roll.ms", "0")], "log.roll.ms must be greater"),
            (
                &[("replica.lag.time.max.ms", "400")],
                "replica.fetch.wait.max.ms should",
            ),
            (
                &[("replica.fetch.wait.max.ms", "31000")],
                "replica.socket.timeout.ms should",
            ),
            (
                &[("queued.max.request.bytes", "5")],
                "queued.max.request.bytes must",
            ),
            (
                &[("log.cleaner.threads", "200")],
                "log.cleaner.dedupe.buffer.size must",
            ),
            (
                &[("group.consumer.session.timeout.ms", "3000")],
                "group.consumer.session.timeout.ms must be greater",
            ),
            (
                &[("group.consumer.heartbeat.interval.ms", "20000")],
                "group.consumer.heartbeat.interval.ms must be less",
            ),
        ] {
            let refused = settings(given).check().expect_err(start).to_string();
            assert!(
                refused.starts_with(&format!("requirement failed: {start}")),
                "{refused}"
            );
        }
        assert_eq!(Settings::default().check(), Ok(()));
    }
}
