//! A broker's settings by Kafka's names (`server.properties`), with Kafka's defaults.

use thiserror::Error;

/// Why a `--set key=value` was refused.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum SettingsError {
    /// No setting has this name.
    #[error("unknown broker setting {name:?}; names are Kafka's, as in server.properties")]
    Unknown { name: String },
    /// The value does not fit the setting's type or range.
    #[error("broker setting {name}={value:?} is not valid: {expected} expected")]
    Invalid {
        name: String,
        value: String,
        expected: String,
    },
}

/// Kafka's config types, as `DescribeConfigs` names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingType {
    Boolean,
    Int,
    Short,
    Long,
    Double,
    String,
}

/// A Rust type that a setting can have.
trait Value: Sized {
    const TYPE: SettingType;
    const EXPECTED: &'static str;
    fn read(text: &str) -> Option<Self>;
    fn write(&self) -> String;
}

macro_rules! plain_value {
    ($type:ty, $kind:ident, $expected:literal) => {
        impl Value for $type {
            const TYPE: SettingType = SettingType::$kind;
            const EXPECTED: &'static str = $expected;
            fn read(text: &str) -> Option<Self> {
                text.trim().parse().ok()
            }
            fn write(&self) -> String {
                self.to_string()
            }
        }
    };
}

plain_value!(bool, Boolean, "true or false");
plain_value!(i32, Int, "a whole number of 32 bits");
plain_value!(i16, Short, "a whole number of 16 bits");
plain_value!(i64, Long, "a whole number of 64 bits");
plain_value!(f64, Double, "a number");
plain_value!(String, String, "text");

macro_rules! settings {
    ($($name:literal => $field:ident: $type:ty = $default:expr, $doc:literal;)*) => {
        /// Every setting of a broker. Field names follow Kafka's with dots as underscores.
        #[derive(Debug, Clone, PartialEq)]
        pub struct Settings {
            $(#[doc = $doc] pub $field: $type,)*
        }

        impl Default for Settings {
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }

        impl Settings {
            /// Sets one value by Kafka's name.
            ///
            /// # Errors
            /// The name is unknown or the value does not read as its type; nothing changed then.
            pub fn set(&mut self, name: &str, value: &str) -> Result<(), SettingsError> {
                match name {
                    $($name => {
                        self.$field = <$type as Value>::read(value).ok_or_else(|| {
                            SettingsError::Invalid {
                                name: name.to_owned(),
                                value: value.to_owned(),
                                expected: <$type as Value>::EXPECTED.to_owned(),
                            }
                        })?;
                    })*
                    _ => return Err(SettingsError::Unknown { name: name.to_owned() }),
                }
                Ok(())
            }

            /// Every setting as name, value, type and documentation, in this file's order.
            #[must_use]
            pub fn describe(&self) -> Vec<(&'static str, String, SettingType, &'static str)> {
                vec![$(($name, Value::write(&self.$field), <$type as Value>::TYPE, $doc),)*]
            }
        }
    };
}

settings! {
    "zookeeper.session.timeout.ms" => zookeeper_session_timeout_ms: i32 = 18_000, "How long ZooKeeper waits for a heartbeat before it declares the broker dead.";
    "num.partitions" => num_partitions: i32 = 1, "Partitions of a topic created without a count.";
    "default.replication.factor" => default_replication_factor: i32 = 1, "Replicas of a topic created without a replication factor.";
    "auto.create.topics.enable" => auto_create_topics_enable: bool = true, "Whether a client that asks for an unknown topic creates it.";
    "delete.topic.enable" => delete_topic_enable: bool = true, "Whether topics can be deleted.";
    "min.insync.replicas" => min_insync_replicas: i32 = 1, "Replicas that must be in sync for acks=all to be accepted.";
    "unclean.leader.election.enable" => unclean_leader_election_enable: bool = false, "Whether a replica outside the ISR may lead as a last resort, losing records.";
    "replica.lag.time.max.ms" => replica_lag_time_max_ms: i64 = 30_000, "A follower that has not caught up for this long leaves the ISR.";
    "replica.fetch.wait.max.ms" => replica_fetch_wait_max_ms: i32 = 500, "How long a leader may hold a follower's fetch that finds nothing new.";
    "replica.fetch.max.bytes" => replica_fetch_max_bytes: i32 = 1_048_576, "Bytes of one partition that a follower asks for at once.";
    "replica.fetch.response.max.bytes" => replica_fetch_response_max_bytes: i32 = 10_485_760, "Bytes of one answer that a follower asks for.";
    "fetch.max.bytes" => fetch_max_bytes: i32 = 57_671_680, "Bytes that a broker puts into one fetch answer at most.";
    "max.incremental.fetch.session.cache.slots" => max_incremental_fetch_session_cache_slots: i32 = 1_000, "Fetch sessions that a broker keeps at once.";
    "socket.request.max.bytes" => socket_request_max_bytes: i32 = 104_857_600, "The largest request that is read.";
    "max.connections" => max_connections: i32 = 2_147_483_647, "Connections that a broker holds at once.";
    "connections.max.idle.ms" => connections_max_idle_ms: i64 = 600_000, "A connection that is silent for this long is closed.";
    "message.max.bytes" => message_max_bytes: i32 = 1_048_588, "The largest record batch that is accepted.";
    "compression.type" => compression_type: String = "producer".into(), "The codec of stored batches; producer keeps what the producer chose.";
    "log.message.timestamp.type" => log_message_timestamp_type: String = "CreateTime".into(), "Whether the producer's or the broker's clock stamps records.";
    "log.segment.bytes" => log_segment_bytes: i32 = 1_073_741_824, "A segment that reaches this size is closed and a new one begun.";
    "log.roll.ms" => log_roll_ms: i64 = 604_800_000, "A segment that reaches this age is closed and a new one begun.";
    "log.index.interval.bytes" => log_index_interval_bytes: i32 = 4_096, "Bytes of log between two entries of its index.";
    "log.retention.ms" => log_retention_ms: i64 = 604_800_000, "How long records are kept, consumed or not; -1 is forever.";
    "log.retention.bytes" => log_retention_bytes: i64 = -1, "Bytes of each partition that are kept; -1 is no limit.";
    "log.retention.check.interval.ms" => log_retention_check_interval_ms: i64 = 300_000, "How often segments are checked for deletion.";
    "log.cleanup.policy" => log_cleanup_policy: String = "delete".into(), "What happens to old segments: delete, compact or both.";
    "log.cleaner.delete.retention.ms" => log_cleaner_delete_retention_ms: i64 = 86_400_000, "How long tombstones are kept in compacted topics.";
    "log.cleaner.max.compaction.lag.ms" => log_cleaner_max_compaction_lag_ms: i64 = 9_223_372_036_854_775_807, "How long a record may stay uncompacted at most.";
    "log.cleaner.min.cleanable.ratio" => log_cleaner_min_cleanable_ratio: f64 = 0.5, "The share of the log that must be dirty before it is compacted.";
    "log.cleaner.min.compaction.lag.ms" => log_cleaner_min_compaction_lag_ms: i64 = 0, "How long a record stays uncompacted at least.";
    "log.message.timestamp.after.max.ms" => log_message_timestamp_after_max_ms: i64 = 9_223_372_036_854_775_807, "How far a record's timestamp may be ahead of the broker's clock.";
    "log.message.timestamp.before.max.ms" => log_message_timestamp_before_max_ms: i64 = 9_223_372_036_854_775_807, "How far a record's timestamp may be behind the broker's clock.";
    "log.flush.interval.messages" => log_flush_interval_messages: i64 = 9_223_372_036_854_775_807, "Records written before the log is forced to the disk.";
    "group.min.session.timeout.ms" => group_min_session_timeout_ms: i32 = 6_000, "The shortest session timeout a group member may ask for.";
    "group.max.session.timeout.ms" => group_max_session_timeout_ms: i32 = 1_800_000, "The longest session timeout a group member may ask for.";
    "group.initial.rebalance.delay.ms" => group_initial_rebalance_delay_ms: i32 = 3_000, "How long an empty group waits for more members after the first.";
    "group.max.size" => group_max_size: i32 = 2_147_483_647, "Members that a group may have.";
    "offsets.topic.num.partitions" => offsets_topic_num_partitions: i32 = 50, "Partitions of the topic that keeps committed offsets.";
    "offsets.topic.replication.factor" => offsets_topic_replication_factor: i16 = 3, "Replicas of the topic that keeps committed offsets.";
    "offsets.topic.segment.bytes" => offsets_topic_segment_bytes: i32 = 104_857_600, "Segment size of the topic that keeps committed offsets.";
    "offsets.retention.minutes" => offsets_retention_minutes: i32 = 10_080, "How long the offsets of a group without members are kept.";
    "offsets.retention.check.interval.ms" => offsets_retention_check_interval_ms: i64 = 600_000, "How often offsets are checked for their retention.";
    "offsets.commit.timeout.ms" => offsets_commit_timeout_ms: i32 = 5_000, "How long an offset commit waits for the replicas of the topic that keeps it.";
    "offset.metadata.max.bytes" => offset_metadata_max_bytes: i32 = 4_096, "The longest metadata text of a committed offset.";
    "producer.id.expiration.ms" => producer_id_expiration_ms: i32 = 86_400_000, "How long the sequence of a silent idempotent producer is remembered.";
    "auto.leader.rebalance.enable" => auto_leader_rebalance_enable: bool = true, "Whether the controller gives leadership back to preferred leaders.";
    "leader.imbalance.check.interval.seconds" => leader_imbalance_check_interval_seconds: i64 = 300, "How often the controller looks for leaders that are not preferred.";
    "leader.imbalance.per.broker.percentage" => leader_imbalance_per_broker_percentage: i32 = 10, "The share of such leaders from which it acts.";
    "controlled.shutdown.enable" => controlled_shutdown_enable: bool = true, "Whether a stopping broker hands its leadership over first.";
}

#[cfg(test)]
mod tests {
    use super::{Settings, SettingsError};

    #[test]
    fn a_setting_is_set_by_kafkas_name() {
        let mut settings = Settings::default();
        settings.set("min.insync.replicas", "2").expect("valid");
        assert_eq!(settings.min_insync_replicas, 2);
        assert!(
            settings
                .describe()
                .iter()
                .any(|(name, value, ..)| *name == "min.insync.replicas" && value == "2")
        );
    }

    #[test]
    fn a_wrong_setting_is_refused_with_its_name() {
        let mut settings = Settings::default();
        assert!(matches!(
            settings.set("min.insync", "2"),
            Err(SettingsError::Unknown { .. })
        ));
        assert!(matches!(
            settings.set("min.insync.replicas", "two"),
            Err(SettingsError::Invalid { .. })
        ));
    }
}
