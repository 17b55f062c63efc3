//! The topics that brokers keep for themselves. Who leads one of their partitions coordinates what is kept there.

use std::collections::BTreeMap;

use super::{Settings, image::ClusterImage};
use wire::{TopicPartition, topic_name};

/// A topic of Kafka's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InternalTopic {
    /// Where groups and their committed offsets are kept.
    ConsumerOffsets,
    /// Where transactions are kept.
    TransactionState,
}

impl InternalTopic {
    pub(crate) const ALL: [Self; 2] = [Self::ConsumerOffsets, Self::TransactionState];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::ConsumerOffsets => topic_name::CONSUMER_OFFSETS,
            Self::TransactionState => topic_name::TRANSACTION_STATE,
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|topic| topic.name() == name)
    }

    /// How many partitions it gets when it is created.
    pub(crate) fn partition_count(self, settings: &Settings) -> i32 {
        match self {
            Self::ConsumerOffsets => settings.offsets_topic_num_partitions,
            Self::TransactionState => settings.transaction_state_log_num_partitions,
        }
    }

    /// How many replicas each of them gets.
    pub(crate) fn replication_factor(self, settings: &Settings) -> i16 {
        match self {
            Self::ConsumerOffsets => settings.offsets_topic_replication_factor,
            Self::TransactionState => settings.transaction_state_log_replication_factor,
        }
    }

    /// The topic's own configs, as Kafka sets them when it creates it.
    pub(crate) fn configs(self, settings: &Settings) -> BTreeMap<String, String> {
        let segment_bytes = |bytes: i32| ("segment.bytes", bytes.to_string());
        let configs = match self {
            Self::ConsumerOffsets => vec![
                ("compression.type", "producer".to_owned()),
                segment_bytes(settings.offsets_topic_segment_bytes),
            ],
            Self::TransactionState => vec![
                ("compression.type", "uncompressed".to_owned()),
                segment_bytes(settings.transaction_state_log_segment_bytes),
                (
                    "min.insync.replicas",
                    settings.transaction_state_log_min_isr.to_string(),
                ),
                ("unclean.leader.election.enable", "false".to_owned()),
            ],
        };
        let compacted = ("cleanup.policy", "compact".to_owned());
        let configs = configs.into_iter().chain([compacted]);
        configs
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    }

    /// The partition that keeps what has this key; `None` as long as the topic is not there.
    pub(crate) fn place_of(self, key: &str, image: &ClusterImage) -> Option<TopicPartition> {
        let count = image.topics.get(self.name())?.partitions.len();
        let count = i32::try_from(count).ok()?;
        Some(TopicPartition::new(self.name(), partition_for(key, count)))
    }
}

/// Kafka's choice of the partition that keeps what has this key: Java's `String.hashCode`, its distance from zero (the
/// smallest number of all has none and counts as zero), modulo the partitions.
pub(crate) fn partition_for(key: &str, partition_count: i32) -> i32 {
    let hash = key.encode_utf16().fold(0_i32, |hash, unit| {
        hash.wrapping_mul(31).wrapping_add(i32::from(unit))
    });
    hash.checked_abs().unwrap_or(0) % partition_count.max(1)
}

#[cfg(test)]
mod tests {
    use super::{InternalTopic, Settings, partition_for};

    #[test]
    fn each_is_found_by_its_name() {
        for topic in InternalTopic::ALL {
            assert_eq!(InternalTopic::named(topic.name()), Some(topic));
        }
        assert_eq!(InternalTopic::named("orders"), None);
    }

    #[test]
    fn keys_are_where_apache_kafka_keeps_them() {
        assert_eq!(partition_for("tx-java39", 50), 37);
        assert_eq!(partition_for("s264250", 50), 18);
        assert_eq!(partition_for("gg", 50), 46);
    }

    #[test]
    fn the_state_of_transactions_is_created_as_apache_kafka_creates_it() {
        let settings = Settings::default();
        let topic = InternalTopic::TransactionState;
        assert_eq!(topic.partition_count(&settings), 50);
        assert_eq!(topic.replication_factor(&settings), 3);
        let configs = topic.configs(&settings);
        let configs: Vec<(&str, &str)> = configs
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        assert_eq!(
            configs,
            [
                ("cleanup.policy", "compact"),
                ("compression.type", "uncompressed"),
                ("min.insync.replicas", "2"),
                ("segment.bytes", "104857600"),
                ("unclean.leader.election.enable", "false"),
            ]
        );
    }
}
