//! Every config of a broker: the names, types, defaults and ranges of Apache Kafka 3.9, which of them can be
//! changed while brokers run, and which have an effect here.
//!
//! One row says all of a config. What has a field is read from there, what has none by its name; a row with a
//! reason is taken, checked by Kafka's rules, and without effect.

use std::collections::BTreeMap;

use super::{
    check::{
        AT_LEAST_0, AT_LEAST_1,
        Accepts::{
            self, Any, AtLeast, Between, GzipLevel, KafkaVersion, ListOf, NonEmpty, OneOf,
            OneOfInAnyCase, OwnOrCount, Share,
        },
        ConfigError, ConfigType, check_value,
    },
    effect::{Effect, Why},
    value::Value,
};

/// One config that a broker can have.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BrokerConfig {
    pub(crate) name: &'static str,
    pub(crate) kind: ConfigType,
    /// Kafka's; `None` where Kafka has none.
    pub(crate) default: Option<&'static str>,
    accepts: Accepts,
    pub(crate) scope: Scope,
    /// Kafka tells of it only where it is set.
    pub(crate) is_hidden: bool,
    pub(crate) effect: Effect,
}

/// When a config is read, and for whom it is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// When a broker starts.
    ReadOnly,
    /// While it runs, of one broker.
    PerBroker,
    /// While it runs, of one broker or of all.
    Cluster,
}

const CODECS: &[&str] = &["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"];
const TIMESTAMP_TYPES: &[&str] = &["CreateTime", "LogAppendTime"];
const CLEANUP_POLICIES: &[&str] = &["compact", "delete"];
const ASSIGNORS: &[&str] = &[
    "uniform",
    "range",
    "org.apache.kafka.coordinator.group.assignor.UniformAssignor",
    "org.apache.kafka.coordinator.group.assignor.RangeAssignor",
];
const PROTOCOLS: &[&str] = &["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"];

macro_rules! configs {
    ($($name:literal $kind:ident $default:expr, $accepts:expr, $scope:ident $($hidden:ident)?
        $({ $($field:ident: $type:ty)? } $doc:literal)? $(- $why:ident)?;)*) => {
        /// In the order of their names.
        pub(crate) static BROKER_CONFIGS: &[BrokerConfig] = &[$(BrokerConfig {
            name: $name,
            kind: ConfigType::$kind,
            default: $default,
            accepts: $accepts,
            scope: Scope::$scope,
            is_hidden: configs!(@is_hidden $($hidden)?),
            effect: $(Effect::Here($doc))? $(Effect::Nothing(Why::$why))?,
        },)*];

        /// The configs that a broker runs with. Field names follow Kafka's, with dots as underscores.
        #[derive(Debug, Clone, PartialEq)]
        pub struct Settings {
            $($($(#[doc = $doc] pub $field: $type,)?)?)*
            /// What was set, by Kafka's names and as it was written; also names that no broker knows.
            pub(crate) given: BTreeMap<String, String>,
        }

        impl Default for Settings {
            fn default() -> Self {
                Self {
                    $($($($field: Value::of_default($default).expect("the table's defaults are of their types"),)?)?)*
                    given: BTreeMap::new(),
                }
            }
        }

        impl Settings {
            /// Puts a checked value where it is read from.
            pub(super) fn put(&mut self, name: &str, value: &str) {
                match name {
                    $($($($name => {
                        if let Some(value) = Value::read(value) {
                            self.$field = value;
                        }
                    })?)?)*
                    _ => {}
                }
            }
        }
    };
    (@is_hidden hidden) => { true };
    (@is_hidden) => { false };
}

configs! {
    "advertised.listeners" String None, Any, PerBroker {} "What clients and brokers are told to connect to, where it is not the listener.";
    "alter.config.policy.class.name" Class None, Any, ReadOnly - NoPlugins;
    "alter.config.policy.kraft.compatibility.enable" Boolean Some("false"), Any, ReadOnly - ZooKeeperMode;
    "alter.log.dirs.replication.quota.window.num" Int Some("11"), AT_LEAST_1, ReadOnly - NoQuotas;
    "alter.log.dirs.replication.quota.window.size.seconds" Int Some("1"), AT_LEAST_1, ReadOnly - NoQuotas;
    "authorizer.class.name" String Some(""), Any, ReadOnly - Anonymous;
    "auto.create.topics.enable" Boolean Some("true"), Any, ReadOnly { auto_create_topics_enable: bool } "Whether a client that asks for an unknown topic creates it.";
    "auto.include.jmx.reporter" Boolean Some("true"), Any, ReadOnly - NoMetrics;
    "auto.leader.rebalance.enable" Boolean Some("true"), Any, ReadOnly { auto_leader_rebalance_enable: bool } "Whether the controller gives leadership back to preferred leaders.";
    "background.threads" Int Some("10"), AT_LEAST_1, Cluster - NoPools;
    "broker.heartbeat.interval.ms" Int Some("2000"), Any, ReadOnly - ZooKeeperMode;
    "broker.id" Int Some("-1"), Any, ReadOnly {} "The id of this broker.";
    "broker.id.generation.enable" Boolean Some("true"), Any, ReadOnly - GivenIds;
    "broker.rack" String None, Any, ReadOnly { broker_rack: Option<String> } "The rack of this broker, which clients are told.";
    "broker.session.timeout.ms" Int Some("9000"), Any, ReadOnly - ZooKeeperMode;
    "client.quota.callback.class" Class None, Any, ReadOnly - NoQuotas;
    "compression.gzip.level" Int Some("-1"), GzipLevel, Cluster - OwnLevels;
    "compression.lz4.level" Int Some("9"), Between(1, 17), Cluster - OwnLevels;
    "compression.type" String Some("producer"), OneOf(CODECS), Cluster { compression_type: String } "The codec of stored batches; producer keeps what the producer chose.";
    "compression.zstd.level" Int Some("3"), Between(-131_072, 22), Cluster - OwnLevels;
    "connection.failed.authentication.delay.ms" Int Some("100"), AT_LEAST_0, ReadOnly - Anonymous;
    "connections.max.idle.ms" Long Some("600000"), Any, ReadOnly { connections_max_idle_ms: i64 } "A connection that is silent for this long is closed.";
    "connections.max.reauth.ms" Long Some("0"), Any, ReadOnly - Anonymous;
    "control.plane.listener.name" String None, Any, ReadOnly - OneListener;
    "controlled.shutdown.enable" Boolean Some("true"), Any, ReadOnly { controlled_shutdown_enable: bool } "Whether a stopping broker hands its leadership over first.";
    "controlled.shutdown.max.retries" Int Some("3"), Any, ReadOnly - OwnPace;
    "controlled.shutdown.retry.backoff.ms" Long Some("5000"), Any, ReadOnly - OwnPace;
    "controller.listener.names" String None, Any, ReadOnly - ZooKeeperMode;
    "controller.quorum.append.linger.ms" Int Some("25"), Any, ReadOnly - ZooKeeperMode;
    "controller.quorum.bootstrap.servers" List Some(""), Any, ReadOnly - ZooKeeperMode;
    "controller.quorum.election.backoff.max.ms" Int Some("1000"), Any, ReadOnly - ZooKeeperMode;
    "controller.quorum.election.timeout.ms" Int Some("1000"), Any, ReadOnly - ZooKeeperMode;
    "controller.quorum.fetch.timeout.ms" Int Some("2000"), Any, ReadOnly - ZooKeeperMode;
    "controller.quorum.request.timeout.ms" Int Some("2000"), Any, ReadOnly - ZooKeeperMode;
    "controller.quorum.retry.backoff.ms" Int Some("20"), Any, ReadOnly - ZooKeeperMode;
    "controller.quorum.voters" List Some(""), Any, ReadOnly - ZooKeeperMode;
    "controller.quota.window.num" Int Some("11"), AT_LEAST_1, ReadOnly - NoQuotas;
    "controller.quota.window.size.seconds" Int Some("1"), AT_LEAST_1, ReadOnly - NoQuotas;
    "controller.socket.timeout.ms" Int Some("30000"), Any, ReadOnly - OwnPace;
    "create.topic.policy.class.name" Class None, Any, ReadOnly - NoPlugins;
    "default.replication.factor" Int Some("1"), AT_LEAST_1, ReadOnly { default_replication_factor: i32 } "Replicas of a topic created without a replication factor.";
    "delegation.token.expiry.check.interval.ms" Long Some("3600000"), AT_LEAST_1, ReadOnly - Anonymous;
    "delegation.token.expiry.time.ms" Long Some("86400000"), AT_LEAST_1, ReadOnly - Anonymous;
    "delegation.token.master.key" Password None, Any, ReadOnly - Anonymous;
    "delegation.token.max.lifetime.ms" Long Some("604800000"), AT_LEAST_1, ReadOnly - Anonymous;
    "delegation.token.secret.key" Password None, Any, ReadOnly - Anonymous;
    "delete.records.purgatory.purge.interval.requests" Int Some("1"), Any, ReadOnly - NoPurgatory;
    "delete.topic.enable" Boolean Some("true"), Any, ReadOnly { delete_topic_enable: bool } "Whether topics can be deleted.";
    "early.start.listeners" String None, Any, ReadOnly - ZooKeeperMode;
    "eligible.leader.replicas.enable" Boolean Some("false"), Any, ReadOnly - ZooKeeperMode;
    "fetch.max.bytes" Int Some("57671680"), AtLeast(1024), ReadOnly { fetch_max_bytes: i32 } "Bytes that a broker puts into one fetch answer at most.";
    "fetch.purgatory.purge.interval.requests" Int Some("1000"), Any, ReadOnly - NoPurgatory;
    "group.consumer.assignment.interval.ms" Int Some("1000"), AT_LEAST_0, ReadOnly hidden { group_consumer_assignment_interval_ms: i32 } "How long after it divided a group's partitions the broker divides them anew at the earliest (Kafka 4.3 and newer).";
    "group.consumer.assignors" List Some("org.apache.kafka.coordinator.group.assignor.UniformAssignor,org.apache.kafka.coordinator.group.assignor.RangeAssignor"), ListOf(ASSIGNORS), ReadOnly { group_consumer_assignors: String } "The ways to divide partitions that members of the consumer protocol may ask for; the first one is the default.";
    "group.consumer.heartbeat.interval.ms" Int Some("5000"), AT_LEAST_1, ReadOnly { group_consumer_heartbeat_interval_ms: i32 } "How often members of the consumer protocol are told to be heard.";
    "group.consumer.max.heartbeat.interval.ms" Int Some("15000"), AT_LEAST_1, ReadOnly { group_consumer_max_heartbeat_interval_ms: i32 } "The longest heartbeat interval of groups of the consumer protocol.";
    "group.consumer.max.session.timeout.ms" Int Some("60000"), AT_LEAST_1, ReadOnly { group_consumer_max_session_timeout_ms: i32 } "The longest session timeout of groups of the consumer protocol.";
    "group.consumer.max.size" Int Some("2147483647"), AT_LEAST_1, ReadOnly { group_consumer_max_size: i32 } "Members that a group of the consumer protocol may have.";
    "group.consumer.migration.policy" String Some("bidirectional"), OneOfInAnyCase(&["DISABLED", "DOWNGRADE", "UPGRADE", "BIDIRECTIONAL"]), ReadOnly hidden { group_consumer_migration_policy: String } "Whether groups change between the classic and the consumer protocol while they have members.";
    "group.consumer.min.heartbeat.interval.ms" Int Some("5000"), AT_LEAST_1, ReadOnly { group_consumer_min_heartbeat_interval_ms: i32 } "The shortest heartbeat interval of groups of the consumer protocol.";
    "group.consumer.min.session.timeout.ms" Int Some("45000"), AT_LEAST_1, ReadOnly { group_consumer_min_session_timeout_ms: i32 } "The shortest session timeout of groups of the consumer protocol.";
    "group.consumer.session.timeout.ms" Int Some("45000"), AT_LEAST_1, ReadOnly { group_consumer_session_timeout_ms: i32 } "How long a member of the consumer protocol may be silent.";
    "group.coordinator.append.linger.ms" Int Some("10"), AT_LEAST_0, ReadOnly - ClassicGroups;
    "group.coordinator.new.enable" Boolean Some("false"), Any, ReadOnly hidden - ClassicGroups;
    "group.coordinator.rebalance.protocols" List Some("classic,consumer"), ListOf(&["consumer", "classic", "share", "unknown"]), ReadOnly { group_coordinator_rebalance_protocols: String } "The protocols of groups that are served; classic always is.";
    "group.coordinator.threads" Int Some("1"), AT_LEAST_1, ReadOnly - ClassicGroups;
    "group.initial.rebalance.delay.ms" Int Some("3000"), AT_LEAST_0, ReadOnly { group_initial_rebalance_delay_ms: i32 } "How long an empty group waits for more members after the first.";
    "group.max.session.timeout.ms" Int Some("1800000"), AT_LEAST_1, ReadOnly { group_max_session_timeout_ms: i32 } "The longest session timeout a group member may ask for.";
    "group.max.size" Int Some("2147483647"), AT_LEAST_1, ReadOnly { group_max_size: i32 } "Members that a group may have.";
    "group.min.session.timeout.ms" Int Some("6000"), AT_LEAST_0, ReadOnly { group_min_session_timeout_ms: i32 } "The shortest session timeout a group member may ask for.";
    "group.share.delivery.count.limit" Int Some("5"), Between(2, 10), ReadOnly - ClassicGroups;
    "group.share.enable" Boolean Some("false"), Any, ReadOnly hidden - ClassicGroups;
    "group.share.heartbeat.interval.ms" Int Some("5000"), AT_LEAST_1, ReadOnly - ClassicGroups;
    "group.share.max.groups" Short Some("10"), Between(1, 100), ReadOnly - ClassicGroups;
    "group.share.max.heartbeat.interval.ms" Int Some("15000"), AT_LEAST_1, ReadOnly - ClassicGroups;
    "group.share.max.record.lock.duration.ms" Int Some("60000"), Between(30_000, 3_600_000), ReadOnly - ClassicGroups;
    "group.share.max.session.timeout.ms" Int Some("60000"), AT_LEAST_1, ReadOnly - ClassicGroups;
    "group.share.max.size" Short Some("200"), Between(10, 1000), ReadOnly - ClassicGroups;
    "group.share.min.heartbeat.interval.ms" Int Some("5000"), AT_LEAST_1, ReadOnly - ClassicGroups;
    "group.share.min.record.lock.duration.ms" Int Some("15000"), Between(1000, 30_000), ReadOnly - ClassicGroups;
    "group.share.min.session.timeout.ms" Int Some("45000"), AT_LEAST_1, ReadOnly - ClassicGroups;
    "group.share.partition.max.record.locks" Int Some("200"), Between(100, 10_000), ReadOnly - ClassicGroups;
    "group.share.record.lock.duration.ms" Int Some("30000"), Between(1000, 60_000), ReadOnly - ClassicGroups;
    "group.share.session.timeout.ms" Int Some("45000"), AT_LEAST_1, ReadOnly - ClassicGroups;
    "initial.broker.registration.timeout.ms" Int Some("60000"), Any, ReadOnly - ZooKeeperMode;
    "inter.broker.listener.name" String None, Any, ReadOnly - OneListener;
    "inter.broker.protocol.version" String Some("3.9-IV0"), KafkaVersion, ReadOnly - FormatsOf39;
    "kafka.metrics.polling.interval.secs" Int Some("10"), AT_LEAST_1, ReadOnly - NoMetrics;
    "kafka.metrics.reporters" List Some(""), Any, ReadOnly - NoMetrics;
    "leader.imbalance.check.interval.seconds" Long Some("300"), AT_LEAST_1, ReadOnly { leader_imbalance_check_interval_seconds: i64 } "How often the controller looks for leaders that are not preferred.";
    "leader.imbalance.per.broker.percentage" Int Some("10"), AT_LEAST_0, ReadOnly { leader_imbalance_per_broker_percentage: i32 } "The share of such leaders from which it acts.";
    "listener.security.protocol.map" String Some("SASL_SSL:SASL_SSL,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT"), Any, PerBroker {} "The protocols of listeners by name; only PLAINTEXT is spoken here.";
    "listeners" String Some("PLAINTEXT://:9092"), Any, PerBroker {} "Where this broker listens; one place, in plain text.";
    "log.cleaner.backoff.ms" Long Some("15000"), AT_LEAST_0, Cluster { log_cleaner_backoff_ms: i64 } "How often compacted logs are looked at.";
    "log.cleaner.dedupe.buffer.size" Long Some("134217728"), Any, Cluster - OwnCleaner;
    "log.cleaner.delete.retention.ms" Long Some("86400000"), AT_LEAST_0, Cluster { log_cleaner_delete_retention_ms: i64 } "How long tombstones are kept in compacted topics.";
    "log.cleaner.enable" Boolean Some("true"), Any, ReadOnly { log_cleaner_enable: bool } "Whether compacted topics are compacted.";
    "log.cleaner.io.buffer.load.factor" Double Some("0.9"), Any, Cluster - OwnCleaner;
    "log.cleaner.io.buffer.size" Int Some("524288"), AT_LEAST_0, Cluster - OwnCleaner;
    "log.cleaner.io.max.bytes.per.second" Double Some("1.7976931348623157E308"), Any, Cluster - OwnCleaner;
    "log.cleaner.max.compaction.lag.ms" Long Some("9223372036854775807"), AT_LEAST_1, Cluster { log_cleaner_max_compaction_lag_ms: i64 } "How long a record may stay uncompacted at most.";
    "log.cleaner.min.cleanable.ratio" Double Some("0.5"), Share(0.0, 1.0), Cluster { log_cleaner_min_cleanable_ratio: f64 } "The share of the log that must be dirty before it is compacted.";
    "log.cleaner.min.compaction.lag.ms" Long Some("0"), AT_LEAST_0, Cluster { log_cleaner_min_compaction_lag_ms: i64 } "How long a record stays uncompacted at least.";
    "log.cleaner.threads" Int Some("1"), AT_LEAST_0, Cluster - NoPools;
    "log.cleanup.policy" List Some("delete"), ListOf(CLEANUP_POLICIES), Cluster { log_cleanup_policy: String } "What happens to old segments: delete, compact or both.";
    "log.dir" String Some("/tmp/kafka-logs"), Any, ReadOnly {} "The folder of the logs, where log.dirs does not say it.";
    "log.dir.failure.timeout.ms" Long Some("30000"), AT_LEAST_1, ReadOnly - ZooKeeperMode;
    "log.dirs" String None, Any, ReadOnly {} "The folder of the logs; of several, the first is used.";
    "log.flush.interval.messages" Long Some("9223372036854775807"), AT_LEAST_1, Cluster - OwnFiles;
    "log.flush.interval.ms" Long None, Any, Cluster - OwnFiles;
    "log.flush.offset.checkpoint.interval.ms" Int Some("60000"), AT_LEAST_0, ReadOnly - OwnFiles;
    "log.flush.scheduler.interval.ms" Long Some("9223372036854775807"), Any, ReadOnly - OwnFiles;
    "log.flush.start.offset.checkpoint.interval.ms" Int Some("60000"), AT_LEAST_0, ReadOnly - OwnFiles;
    "log.index.interval.bytes" Int Some("4096"), AT_LEAST_0, Cluster { log_index_interval_bytes: i32 } "Bytes of log between two entries of its index.";
    "log.index.size.max.bytes" Int Some("10485760"), AtLeast(4), Cluster - OwnFiles;
    "log.initial.task.delay.ms" Long Some("30000"), AT_LEAST_0, ReadOnly hidden - OwnFiles;
    "log.local.retention.bytes" Long Some("-2"), AtLeast(-2), Cluster - LocalLogs;
    "log.local.retention.ms" Long Some("-2"), AtLeast(-2), Cluster - LocalLogs;
    "log.message.downconversion.enable" Boolean Some("true"), Any, Cluster - FormatsOf39;
    "log.message.format.version" String Some("3.0-IV1"), KafkaVersion, ReadOnly - FormatsOf39;
    "log.message.timestamp.after.max.ms" Long Some("9223372036854775807"), AT_LEAST_0, Cluster { log_message_timestamp_after_max_ms: i64 } "How far a record's timestamp may be ahead of the broker's clock.";
    "log.message.timestamp.before.max.ms" Long Some("9223372036854775807"), AT_LEAST_0, Cluster { log_message_timestamp_before_max_ms: i64 } "How far a record's timestamp may be behind the broker's clock.";
    "log.message.timestamp.difference.max.ms" Long Some("9223372036854775807"), AT_LEAST_0, Cluster { log_message_timestamp_difference_max_ms: i64 } "How far a record's timestamp may be from the broker's clock, where the limits before and after it are not set.";
    "log.message.timestamp.type" String Some("CreateTime"), OneOf(TIMESTAMP_TYPES), Cluster { log_message_timestamp_type: String } "Whether the producer's or the broker's clock stamps records.";
    "log.preallocate" Boolean Some("false"), Any, Cluster - OwnFiles;
    "log.retention.bytes" Long Some("-1"), Any, Cluster { log_retention_bytes: i64 } "Bytes of each partition that are kept; -1 is no limit.";
    "log.retention.check.interval.ms" Long Some("300000"), AT_LEAST_1, ReadOnly { log_retention_check_interval_ms: i64 } "How often segments are checked for deletion.";
    "log.retention.hours" Int Some("168"), Any, ReadOnly { log_retention_hours: i32 } "How long records are kept, where neither log.retention.ms nor log.retention.minutes say it.";
    "log.retention.minutes" Int None, Any, ReadOnly { log_retention_minutes: Option<i32> } "How long records are kept, where log.retention.ms does not say it.";
    "log.retention.ms" Long None, Any, Cluster { log_retention_ms: Option<i64> } "How long records are kept, consumed or not; -1 is forever.";
    "log.roll.hours" Int Some("168"), AT_LEAST_1, ReadOnly { log_roll_hours: i32 } "The age at which a segment is closed, where log.roll.ms does not say it.";
    "log.roll.jitter.hours" Int Some("0"), AT_LEAST_0, ReadOnly - OwnFiles;
    "log.roll.jitter.ms" Long None, Any, Cluster - OwnFiles;
    "log.roll.ms" Long None, Any, Cluster { log_roll_ms: Option<i64> } "A segment that reaches this age is closed and a new one begun.";
    "log.segment.bytes" Int Some("1073741824"), AtLeast(14), Cluster { log_segment_bytes: i32 } "A segment that reaches this size is closed and a new one begun.";
    "log.segment.delete.delay.ms" Long Some("60000"), AT_LEAST_0, Cluster - OwnFiles;
    "max.connection.creation.rate" Int Some("2147483647"), AT_LEAST_0, Cluster - OwnSockets;
    "max.connections" Int Some("2147483647"), AT_LEAST_0, Cluster { max_connections: i32 } "Connections that a broker holds at once.";
    "max.connections.per.ip" Int Some("2147483647"), AT_LEAST_0, Cluster { max_connections_per_ip: i32 } "Connections from one address that a broker holds at once.";
    "max.connections.per.ip.overrides" String Some(""), Any, Cluster { max_connections_per_ip_overrides: String } "Addresses that may have another number of connections, as in 127.0.0.1:200.";
    "max.incremental.fetch.session.cache.slots" Int Some("1000"), AT_LEAST_0, ReadOnly { max_incremental_fetch_session_cache_slots: i32 } "Fetch sessions that a broker keeps at once.";
    "max.request.partition.size.limit" Int Some("2000"), AT_LEAST_1, ReadOnly { max_request_partition_size_limit: i32 } "Partitions that one answer that describes topics page by page has at most.";
    "message.max.bytes" Int Some("1048588"), AT_LEAST_0, Cluster { message_max_bytes: i32 } "The largest record batch that is accepted.";
    "metadata.log.dir" String None, Any, ReadOnly - ZooKeeperMode;
    "metadata.log.max.record.bytes.between.snapshots" Long Some("20971520"), AT_LEAST_1, ReadOnly - ZooKeeperMode;
    "metadata.log.max.snapshot.interval.ms" Long Some("3600000"), AT_LEAST_0, ReadOnly - ZooKeeperMode;
    "metadata.log.segment.bytes" Int Some("1073741824"), AtLeast(12), ReadOnly - ZooKeeperMode;
    "metadata.log.segment.min.bytes" Int Some("8388608"), AtLeast(12), ReadOnly hidden - ZooKeeperMode;
    "metadata.log.segment.ms" Long Some("604800000"), Any, ReadOnly - ZooKeeperMode;
    "metadata.max.idle.interval.ms" Int Some("500"), AT_LEAST_0, ReadOnly - ZooKeeperMode;
    "metadata.max.retention.bytes" Long Some("104857600"), Any, ReadOnly - ZooKeeperMode;
    "metadata.max.retention.ms" Long Some("604800000"), Any, ReadOnly - ZooKeeperMode;
    "metric.reporters" List Some(""), Any, Cluster - NoMetrics;
    "metrics.num.samples" Int Some("2"), AT_LEAST_1, ReadOnly - NoMetrics;
    "metrics.recording.level" String Some("INFO"), Any, ReadOnly - NoMetrics;
    "metrics.sample.window.ms" Long Some("30000"), AT_LEAST_1, ReadOnly - NoMetrics;
    "min.insync.replicas" Int Some("1"), AT_LEAST_1, Cluster { min_insync_replicas: i32 } "Replicas that must be in sync for acks=all to be accepted.";
    "node.id" Int Some("-1"), Any, ReadOnly {} "The id of this broker, by its name in KRaft mode.";
    "num.io.threads" Int Some("8"), AT_LEAST_1, Cluster - NoPools;
    "num.network.threads" Int Some("3"), AT_LEAST_1, Cluster - NoPools;
    "num.partitions" Int Some("1"), AT_LEAST_1, ReadOnly { num_partitions: i32 } "Partitions of a topic created without a count.";
    "num.recovery.threads.per.data.dir" Int Some("1"), AT_LEAST_1, Cluster - NoPools;
    "num.replica.alter.log.dirs.threads" Int None, Any, ReadOnly - NoPools;
    "num.replica.fetchers" Int Some("1"), Any, Cluster - NoPools;
    "offset.metadata.max.bytes" Int Some("4096"), AT_LEAST_0, ReadOnly { offset_metadata_max_bytes: i32 } "The longest metadata text of a committed offset.";
    "offsets.commit.required.acks" Short Some("-1"), Any, ReadOnly - OwnOffsets;
    "offsets.commit.timeout.ms" Int Some("5000"), AT_LEAST_1, ReadOnly { offsets_commit_timeout_ms: i32 } "How long an offset commit waits for the replicas of the topic that keeps it.";
    "offsets.load.buffer.size" Int Some("5242880"), AT_LEAST_1, ReadOnly - OwnOffsets;
    "offsets.retention.check.interval.ms" Long Some("600000"), AT_LEAST_1, ReadOnly { offsets_retention_check_interval_ms: i64 } "How often offsets are checked for their retention.";
    "offsets.retention.minutes" Int Some("10080"), AT_LEAST_1, ReadOnly { offsets_retention_minutes: i32 } "How long the offsets of a group without members are kept.";
    "offsets.topic.compression.codec" Int Some("0"), Any, ReadOnly - OwnOffsets;
    "offsets.topic.num.partitions" Int Some("50"), AT_LEAST_1, ReadOnly { offsets_topic_num_partitions: i32 } "Partitions of the topic that keeps committed offsets.";
    "offsets.topic.replication.factor" Short Some("3"), AT_LEAST_1, ReadOnly { offsets_topic_replication_factor: i16 } "Replicas of the topic that keeps committed offsets.";
    "offsets.topic.segment.bytes" Int Some("104857600"), AT_LEAST_1, ReadOnly { offsets_topic_segment_bytes: i32 } "Segment size of the topic that keeps committed offsets.";
    "password.encoder.cipher.algorithm" String Some("AES/CBC/PKCS5Padding"), Any, ReadOnly - Plaintext;
    "password.encoder.iterations" Int Some("4096"), AtLeast(1024), ReadOnly - Plaintext;
    "password.encoder.key.length" Int Some("128"), AtLeast(8), ReadOnly - Plaintext;
    "password.encoder.keyfactory.algorithm" String None, Any, ReadOnly - Plaintext;
    "password.encoder.old.secret" Password None, Any, ReadOnly - Plaintext;
    "password.encoder.secret" Password None, Any, ReadOnly - Plaintext;
    "principal.builder.class" Class Some("org.apache.kafka.common.security.authenticator.DefaultKafkaPrincipalBuilder"), Any, PerBroker - Anonymous;
    "process.roles" List Some(""), ListOf(&["broker", "controller"]), ReadOnly - ZooKeeperMode;
    "producer.id.expiration.check.interval.ms" Int Some("600000"), AT_LEAST_1, ReadOnly hidden - OwnFiles;
    "producer.id.expiration.ms" Int Some("86400000"), AT_LEAST_1, Cluster { producer_id_expiration_ms: i32 } "How long the sequence of a silent idempotent producer is remembered.";
    "producer.purgatory.purge.interval.requests" Int Some("1000"), Any, ReadOnly - NoPurgatory;
    "queued.max.request.bytes" Long Some("-1"), Any, ReadOnly { queued_max_request_bytes: i64 } "Bytes of requests in memory from which on nothing more is read from connections; -1 is no limit.";
    "queued.max.requests" Int Some("500"), AT_LEAST_1, ReadOnly - NoPools;
    "quota.window.num" Int Some("11"), AT_LEAST_1, ReadOnly - NoQuotas;
    "quota.window.size.seconds" Int Some("1"), AT_LEAST_1, ReadOnly - NoQuotas;
    "remote.fetch.max.wait.ms" Int Some("500"), AT_LEAST_1, Cluster - LocalLogs;
    "remote.log.index.file.cache.total.size.bytes" Long Some("1073741824"), AT_LEAST_1, Cluster - LocalLogs;
    "remote.log.manager.copier.thread.pool.size" Int Some("-1"), OwnOrCount, ReadOnly - LocalLogs;
    "remote.log.manager.copy.max.bytes.per.second" Long Some("9223372036854775807"), AT_LEAST_1, Cluster - LocalLogs;
    "remote.log.manager.copy.quota.window.num" Int Some("11"), AT_LEAST_1, ReadOnly - LocalLogs;
    "remote.log.manager.copy.quota.window.size.seconds" Int Some("1"), AT_LEAST_1, ReadOnly - LocalLogs;
    "remote.log.manager.expiration.thread.pool.size" Int Some("-1"), OwnOrCount, ReadOnly - LocalLogs;
    "remote.log.manager.fetch.max.bytes.per.second" Long Some("9223372036854775807"), AT_LEAST_1, Cluster - LocalLogs;
    "remote.log.manager.fetch.quota.window.num" Int Some("11"), AT_LEAST_1, ReadOnly - LocalLogs;
    "remote.log.manager.fetch.quota.window.size.seconds" Int Some("1"), AT_LEAST_1, ReadOnly - LocalLogs;
    "remote.log.manager.task.interval.ms" Long Some("30000"), AT_LEAST_1, ReadOnly - LocalLogs;
    "remote.log.manager.task.retry.backoff.max.ms" Long Some("30000"), AT_LEAST_1, ReadOnly hidden - LocalLogs;
    "remote.log.manager.task.retry.backoff.ms" Long Some("500"), AT_LEAST_1, ReadOnly hidden - LocalLogs;
    "remote.log.manager.task.retry.jitter" Double Some("0.2"), Share(0.0, 0.5), ReadOnly hidden - LocalLogs;
    "remote.log.manager.thread.pool.size" Int Some("10"), AT_LEAST_1, ReadOnly - LocalLogs;
    "remote.log.metadata.custom.metadata.max.bytes" Int Some("128"), AT_LEAST_0, ReadOnly - LocalLogs;
    "remote.log.metadata.manager.class.name" String Some("org.apache.kafka.server.log.remote.metadata.storage.TopicBasedRemoteLogMetadataManager"), NonEmpty, ReadOnly - LocalLogs;
    "remote.log.metadata.manager.class.path" String None, Any, ReadOnly - LocalLogs;
    "remote.log.metadata.manager.impl.prefix" String Some("rlmm.config."), NonEmpty, ReadOnly - LocalLogs;
    "remote.log.metadata.manager.listener.name" String None, NonEmpty, ReadOnly - LocalLogs;
    "remote.log.reader.max.pending.tasks" Int Some("100"), AT_LEAST_1, ReadOnly - LocalLogs;
    "remote.log.reader.threads" Int Some("10"), AT_LEAST_1, ReadOnly - LocalLogs;
    "remote.log.storage.manager.class.name" String None, NonEmpty, ReadOnly - LocalLogs;
    "remote.log.storage.manager.class.path" String None, Any, ReadOnly - LocalLogs;
    "remote.log.storage.manager.impl.prefix" String Some("rsm.config."), NonEmpty, ReadOnly - LocalLogs;
    "remote.log.storage.system.enable" Boolean Some("false"), Any, ReadOnly - LocalLogs;
    "replica.fetch.backoff.ms" Int Some("1000"), AT_LEAST_0, ReadOnly - OwnPace;
    "replica.fetch.max.bytes" Int Some("1048576"), AT_LEAST_0, ReadOnly { replica_fetch_max_bytes: i32 } "Bytes of one partition that a follower asks for at once.";
    "replica.fetch.min.bytes" Int Some("1"), Any, ReadOnly - OwnPace;
    "replica.fetch.response.max.bytes" Int Some("10485760"), AT_LEAST_0, ReadOnly { replica_fetch_response_max_bytes: i32 } "Bytes of one answer that a follower asks for.";
    "replica.fetch.wait.max.ms" Int Some("500"), AT_LEAST_0, ReadOnly { replica_fetch_wait_max_ms: i32 } "How long a leader may hold a follower's fetch that finds nothing new.";
    "replica.high.watermark.checkpoint.interval.ms" Long Some("5000"), AT_LEAST_1, ReadOnly { replica_high_watermark_checkpoint_interval_ms: i64 } "How often high watermarks are written down for the next start.";
    "replica.lag.time.max.ms" Long Some("30000"), AT_LEAST_1, ReadOnly { replica_lag_time_max_ms: i64 } "A follower that has not caught up for this long leaves the ISR.";
    "replica.selector.class" String None, Any, ReadOnly - NoPlugins;
    "replica.socket.receive.buffer.bytes" Int Some("65536"), Any, ReadOnly - OwnSockets;
    "replica.socket.timeout.ms" Int Some("30000"), Any, ReadOnly - OwnPace;
    "replication.quota.window.num" Int Some("11"), AT_LEAST_1, ReadOnly - NoQuotas;
    "replication.quota.window.size.seconds" Int Some("1"), AT_LEAST_1, ReadOnly - NoQuotas;
    "request.timeout.ms" Int Some("30000"), Any, ReadOnly - OwnPace;
    "reserved.broker.max.id" Int Some("1000"), AT_LEAST_0, ReadOnly - GivenIds;
    "sasl.client.callback.handler.class" Class None, Any, ReadOnly - Anonymous;
    "sasl.enabled.mechanisms" List Some("GSSAPI"), Any, PerBroker - Anonymous;
    "sasl.jaas.config" Password None, Any, PerBroker - Anonymous;
    "sasl.kerberos.kinit.cmd" String Some("/usr/bin/kinit"), Any, PerBroker - Anonymous;
    "sasl.kerberos.min.time.before.relogin" Long Some("60000"), Any, PerBroker - Anonymous;
    "sasl.kerberos.principal.to.local.rules" List Some("DEFAULT"), Any, PerBroker - Anonymous;
    "sasl.kerberos.service.name" String None, Any, PerBroker - Anonymous;
    "sasl.kerberos.ticket.renew.jitter" Double Some("0.05"), Any, PerBroker - Anonymous;
    "sasl.kerberos.ticket.renew.window.factor" Double Some("0.8"), Any, PerBroker - Anonymous;
    "sasl.login.callback.handler.class" Class None, Any, ReadOnly - Anonymous;
    "sasl.login.class" Class None, Any, ReadOnly - Anonymous;
    "sasl.login.connect.timeout.ms" Int None, Any, ReadOnly - Anonymous;
    "sasl.login.read.timeout.ms" Int None, Any, ReadOnly - Anonymous;
    "sasl.login.refresh.buffer.seconds" Short Some("300"), Any, PerBroker - Anonymous;
    "sasl.login.refresh.min.period.seconds" Short Some("60"), Any, PerBroker - Anonymous;
    "sasl.login.refresh.window.factor" Double Some("0.8"), Any, PerBroker - Anonymous;
    "sasl.login.refresh.window.jitter" Double Some("0.05"), Any, PerBroker - Anonymous;
    "sasl.login.retry.backoff.max.ms" Long Some("10000"), Any, ReadOnly - Anonymous;
    "sasl.login.retry.backoff.ms" Long Some("100"), Any, ReadOnly - Anonymous;
    "sasl.mechanism.controller.protocol" String Some("GSSAPI"), Any, ReadOnly - ZooKeeperMode;
    "sasl.mechanism.inter.broker.protocol" String Some("GSSAPI"), Any, PerBroker - Anonymous;
    "sasl.oauthbearer.clock.skew.seconds" Int Some("30"), Any, ReadOnly - Anonymous;
    "sasl.oauthbearer.expected.audience" List None, Any, ReadOnly - Anonymous;
    "sasl.oauthbearer.expected.issuer" String None, Any, ReadOnly - Anonymous;
    "sasl.oauthbearer.jwks.endpoint.refresh.ms" Long Some("3600000"), Any, ReadOnly - Anonymous;
    "sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms" Long Some("10000"), Any, ReadOnly - Anonymous;
    "sasl.oauthbearer.jwks.endpoint.retry.backoff.ms" Long Some("100"), Any, ReadOnly - Anonymous;
    "sasl.oauthbearer.jwks.endpoint.url" String None, Any, ReadOnly - Anonymous;
    "sasl.oauthbearer.scope.claim.name" String Some("scope"), Any, ReadOnly - Anonymous;
    "sasl.oauthbearer.sub.claim.name" String Some("sub"), Any, ReadOnly - Anonymous;
    "sasl.oauthbearer.token.endpoint.url" String None, Any, ReadOnly - Anonymous;
    "sasl.server.callback.handler.class" Class None, Any, ReadOnly - Anonymous;
    "sasl.server.max.receive.size" Int Some("524288"), Any, ReadOnly - Anonymous;
    "security.inter.broker.protocol" String Some("PLAINTEXT"), OneOf(PROTOCOLS), ReadOnly - OneListener;
    "security.providers" String None, Any, ReadOnly - Anonymous;
    "server.max.startup.time.ms" Long Some("9223372036854775807"), AT_LEAST_0, ReadOnly hidden - ZooKeeperMode;
    "socket.connection.setup.timeout.max.ms" Long Some("30000"), Any, ReadOnly - OwnSockets;
    "socket.connection.setup.timeout.ms" Long Some("10000"), Any, ReadOnly - OwnSockets;
    "socket.listen.backlog.size" Int Some("50"), AT_LEAST_1, ReadOnly - OwnSockets;
    "socket.receive.buffer.bytes" Int Some("102400"), Any, ReadOnly - OwnSockets;
    "socket.request.max.bytes" Int Some("104857600"), AT_LEAST_1, ReadOnly { socket_request_max_bytes: i32 } "The largest request that is read.";
    "socket.send.buffer.bytes" Int Some("102400"), Any, ReadOnly - OwnSockets;
    "ssl.allow.dn.changes" Boolean Some("false"), Any, ReadOnly - Plaintext;
    "ssl.allow.san.changes" Boolean Some("false"), Any, ReadOnly - Plaintext;
    "ssl.cipher.suites" List Some(""), Any, PerBroker - Plaintext;
    "ssl.client.auth" String Some("none"), OneOf(&["required", "requested", "none"]), PerBroker - Plaintext;
    "ssl.enabled.protocols" List Some("TLSv1.2,TLSv1.3"), Any, PerBroker - Plaintext;
    "ssl.endpoint.identification.algorithm" String Some("https"), Any, PerBroker - Plaintext;
    "ssl.engine.factory.class" Class None, Any, PerBroker - Plaintext;
    "ssl.key.password" Password None, Any, PerBroker - Plaintext;
    "ssl.keymanager.algorithm" String Some("SunX509"), Any, PerBroker - Plaintext;
    "ssl.keystore.certificate.chain" Password None, Any, PerBroker - Plaintext;
    "ssl.keystore.key" Password None, Any, PerBroker - Plaintext;
    "ssl.keystore.location" String None, Any, PerBroker - Plaintext;
    "ssl.keystore.password" Password None, Any, PerBroker - Plaintext;
    "ssl.keystore.type" String Some("JKS"), Any, PerBroker - Plaintext;
    "ssl.principal.mapping.rules" String Some("DEFAULT"), Any, ReadOnly - Plaintext;
    "ssl.protocol" String Some("TLSv1.3"), Any, PerBroker - Plaintext;
    "ssl.provider" String None, Any, PerBroker - Plaintext;
    "ssl.secure.random.implementation" String None, Any, PerBroker - Plaintext;
    "ssl.trustmanager.algorithm" String Some("PKIX"), Any, PerBroker - Plaintext;
    "ssl.truststore.certificates" Password None, Any, PerBroker - Plaintext;
    "ssl.truststore.location" String None, Any, PerBroker - Plaintext;
    "ssl.truststore.password" Password None, Any, PerBroker - Plaintext;
    "ssl.truststore.type" String Some("JKS"), Any, PerBroker - Plaintext;
    "telemetry.max.bytes" Int Some("1048576"), AT_LEAST_1, ReadOnly - NoMetrics;
    "transaction.abort.timed.out.transaction.cleanup.interval.ms" Int Some("10000"), AT_LEAST_1, ReadOnly { transaction_abort_timed_out_transaction_cleanup_interval_ms: i32 } "How often transactions are aborted that are open for too long.";
    "transaction.max.timeout.ms" Int Some("900000"), AT_LEAST_1, ReadOnly { transaction_max_timeout_ms: i32 } "The longest time that a transaction may ask to stay open.";
    "transaction.partition.verification.enable" Boolean Some("true"), Any, Cluster { transaction_partition_verification_enable: bool } "Whether leaders ask the coordinator before a transaction begins in a partition.";
    "transaction.remove.expired.transaction.cleanup.interval.ms" Int Some("3600000"), AT_LEAST_1, ReadOnly { transaction_remove_expired_transaction_cleanup_interval_ms: i32 } "How often transactional ids are forgotten that nobody uses.";
    "transaction.state.log.load.buffer.size" Int Some("5242880"), AT_LEAST_1, ReadOnly { transaction_state_log_load_buffer_size: i32 } "Bytes read at a time of the topic that keeps transactions.";
    "transaction.state.log.min.isr" Int Some("2"), AT_LEAST_1, ReadOnly { transaction_state_log_min_isr: i32 } "In-sync replicas that a change of a transaction needs.";
    "transaction.state.log.num.partitions" Int Some("50"), AT_LEAST_1, ReadOnly { transaction_state_log_num_partitions: i32 } "Partitions of the topic that keeps transactions.";
    "transaction.state.log.replication.factor" Short Some("3"), AT_LEAST_1, ReadOnly { transaction_state_log_replication_factor: i16 } "Replicas of the topic that keeps transactions.";
    "transaction.state.log.segment.bytes" Int Some("104857600"), AT_LEAST_1, ReadOnly { transaction_state_log_segment_bytes: i32 } "Segment size of the topic that keeps transactions.";
    "transactional.id.expiration.ms" Int Some("604800000"), AT_LEAST_1, ReadOnly { transactional_id_expiration_ms: i32 } "How long a transactional id is kept that nobody uses.";
    "unclean.leader.election.enable" Boolean Some("false"), Any, Cluster { unclean_leader_election_enable: bool } "Whether a replica outside the ISR may lead as a last resort, losing records.";
    "unclean.leader.election.interval.ms" Long Some("300000"), AT_LEAST_1, ReadOnly hidden - ZooKeeperMode;
    "unstable.api.versions.enable" Boolean Some("false"), Any, ReadOnly hidden - ZooKeeperMode;
    "unstable.feature.versions.enable" Boolean Some("false"), Any, ReadOnly hidden - ZooKeeperMode;
    "zookeeper.clientCnxnSocket" String None, Any, ReadOnly - OwnZooKeeperClient;
    "zookeeper.connect" String None, Any, ReadOnly {} "The servers of ZooKeeper.";
    "zookeeper.connection.timeout.ms" Int None, AT_LEAST_1, ReadOnly { zookeeper_connection_timeout_ms: Option<i32> } "How long a start waits for ZooKeeper; without it 18 s.";
    "zookeeper.max.in.flight.requests" Int Some("10"), AT_LEAST_1, ReadOnly - OwnZooKeeperClient;
    "zookeeper.metadata.migration.enable" Boolean Some("false"), Any, ReadOnly - ZooKeeperMode;
    "zookeeper.metadata.migration.min.batch.size" Int Some("200"), AT_LEAST_1, ReadOnly hidden - ZooKeeperMode;
    "zookeeper.session.timeout.ms" Int Some("18000"), AT_LEAST_1, ReadOnly { zookeeper_session_timeout_ms: i32 } "How long ZooKeeper waits for a heartbeat before it declares the broker dead.";
    "zookeeper.set.acl" Boolean Some("false"), Any, ReadOnly - Anonymous;
    "zookeeper.ssl.cipher.suites" List None, Any, ReadOnly - Plaintext;
    "zookeeper.ssl.client.enable" Boolean Some("false"), Any, ReadOnly - Plaintext;
    "zookeeper.ssl.crl.enable" Boolean Some("false"), Any, ReadOnly - Plaintext;
    "zookeeper.ssl.enabled.protocols" List None, Any, ReadOnly - Plaintext;
    "zookeeper.ssl.endpoint.identification.algorithm" String Some("HTTPS"), Any, ReadOnly - Plaintext;
    "zookeeper.ssl.keystore.location" String None, Any, ReadOnly - Plaintext;
    "zookeeper.ssl.keystore.password" Password None, Any, ReadOnly - Plaintext;
    "zookeeper.ssl.keystore.type" String None, Any, ReadOnly - Plaintext;
    "zookeeper.ssl.ocsp.enable" Boolean Some("false"), Any, ReadOnly - Plaintext;
    "zookeeper.ssl.protocol" String Some("TLSv1.2"), Any, ReadOnly - Plaintext;
    "zookeeper.ssl.truststore.location" String None, Any, ReadOnly - Plaintext;
    "zookeeper.ssl.truststore.password" Password None, Any, ReadOnly - Plaintext;
    "zookeeper.ssl.truststore.type" String None, Any, ReadOnly - Plaintext;
}

impl BrokerConfig {
    /// The config of this name.
    pub(crate) fn find(name: &str) -> Option<&'static Self> {
        let found = BROKER_CONFIGS.binary_search_by(|config| config.name.cmp(name));
        found.ok().and_then(|index| BROKER_CONFIGS.get(index))
    }

    /// Whether its value is kept from those who ask.
    pub(crate) fn is_sensitive(&self) -> bool {
        self.kind == ConfigType::Password
    }

    pub(crate) fn check(&self, value: &str) -> Result<(), ConfigError> {
        check_value(self.name, value, self.kind, self.accepts)
    }
}
