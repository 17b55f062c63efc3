//! What a topic's configuration says about its logs.

use std::collections::BTreeMap;

use crate::configs::{Settings, double};
use wire::record_batch::{Compression, TimestampType};

/// One log's configuration; Kafka's topic settings of the same names. It may change while the log is open.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LogConfig {
    /// A segment that would grow beyond this is closed and a new one begun.
    pub segment_bytes: u64,
    /// A segment whose first record is older than this is closed, too; see [`LogConfig::segment_ms_max`].
    pub segment_ms: i64,
    /// Segments whose newest record is older may go; negative: never.
    pub retention_ms: i64,
    /// Oldest segments may go while this much remains; negative: no limit.
    pub retention_bytes: i64,
    /// Log bytes between two index entries.
    pub index_interval_bytes: u64,
    /// The largest batch a client may append.
    pub max_message_bytes: usize,
    /// Whose clock stamps the records.
    pub timestamp_type: TimestampType,
    /// How far a producer's clock may lie behind the broker's.
    pub timestamp_before_max_ms: i64,
    /// How far a producer's clock may run ahead of the broker's.
    pub timestamp_after_max_ms: i64,
    /// `cleanup.policy` contains `delete`.
    pub delete: bool,
    /// `cleanup.policy` contains `compact`.
    pub compact: bool,
    /// How long a tombstone outlives the records it deletes.
    pub delete_retention_ms: i64,
    /// A record stays uncompacted for this long.
    pub min_compaction_lag_ms: i64,
    /// A record is compacted after this long at the latest; what is dirty for longer does not wait for the ratio.
    pub max_compaction_lag_ms: i64,
    /// The share of the log that must be dirty before it is compacted.
    pub min_cleanable_dirty_ratio: f64,
    /// The codec batches are stored with; `None` keeps the producer's.
    pub compression: Option<Compression>,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self::new(&Settings::default(), &BTreeMap::new())
    }
}

impl LogConfig {
    /// How old an active segment may become: only closed ones can be compacted.
    pub(super) fn segment_ms_max(&self) -> i64 {
        if self.compact {
            self.segment_ms.min(self.max_compaction_lag_ms)
        } else {
            self.segment_ms
        }
    }

    /// The broker's settings under a topic's overrides. An override that does not read is passed over:
    /// it was checked when the topic was altered.
    pub(crate) fn new(settings: &Settings, overrides: &BTreeMap<String, String>) -> Self {
        let text = |name: &str| overrides.get(name).map(|value| value.trim());
        let number = |name: &str, default: i64| {
            text(name)
                .and_then(|value| value.parse::<i64>().ok())
                .unwrap_or(default)
        };
        let size = |name: &str, default: i64| u64::try_from(number(name, default)).unwrap_or(0);
        // For both limits where they are not set themselves.
        let difference = number(
            "message.timestamp.difference.max.ms",
            settings.log_message_timestamp_difference_max_ms,
        );
        let limit = |name: &str, default: i64| match number(name, default) {
            i64::MAX => difference,
            set => set,
        };
        let cleanup = text("cleanup.policy").unwrap_or(&settings.log_cleanup_policy);
        let has = |policy: &str| cleanup.split(',').any(|part| part.trim() == policy);
        let timestamps =
            text("message.timestamp.type").unwrap_or(&settings.log_message_timestamp_type);
        let codec = text("compression.type").unwrap_or(&settings.compression_type);
        Self {
            // Index entries hold positions in 32 bits, as Kafka's do.
            segment_bytes: size("segment.bytes", settings.log_segment_bytes.into())
                .min(u64::from(i32::MAX.unsigned_abs())),
            segment_ms: number("segment.ms", settings.roll_ms()),
            retention_ms: number("retention.ms", settings.retention_ms()),
            retention_bytes: number("retention.bytes", settings.log_retention_bytes),
            index_interval_bytes: size(
                "index.interval.bytes",
                settings.log_index_interval_bytes.into(),
            ),
            max_message_bytes: usize::try_from(number(
                "max.message.bytes",
                settings.message_max_bytes.into(),
            ))
            .unwrap_or(0),
            timestamp_type: if timestamps == "LogAppendTime" {
                TimestampType::LogAppendTime
            } else {
                TimestampType::CreateTime
            },
            timestamp_before_max_ms: limit(
                "message.timestamp.before.max.ms",
                settings.log_message_timestamp_before_max_ms,
            ),
            timestamp_after_max_ms: limit(
                "message.timestamp.after.max.ms",
                settings.log_message_timestamp_after_max_ms,
            ),
            delete: has("delete"),
            compact: has("compact"),
            delete_retention_ms: number(
                "delete.retention.ms",
                settings.log_cleaner_delete_retention_ms,
            ),
            min_compaction_lag_ms: number(
                "min.compaction.lag.ms",
                settings.log_cleaner_min_compaction_lag_ms,
            ),
            max_compaction_lag_ms: number(
                "max.compaction.lag.ms",
                settings.log_cleaner_max_compaction_lag_ms,
            ),
            min_cleanable_dirty_ratio: text("min.cleanable.dirty.ratio")
                .and_then(double)
                .unwrap_or(settings.log_cleaner_min_cleanable_ratio),
            compression: Compression::from_name(codec),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topics_overrides_win_over_the_brokers_settings() {
        let overrides = [
            ("cleanup.policy", "compact,delete"),
            ("segment.bytes", "1048576"),
            ("message.timestamp.type", "LogAppendTime"),
            ("compression.type", "zstd"),
            ("message.timestamp.difference.max.ms", "5"),
            ("message.timestamp.after.max.ms", "7"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let config = LogConfig::new(&Settings::default(), &overrides.into());
        assert!(config.compact && config.delete);
        assert_eq!(config.segment_bytes, 1_048_576);
        assert_eq!(config.timestamp_type, TimestampType::LogAppendTime);
        assert_eq!(config.compression, Some(Compression::Zstd));
        assert_eq!(config.retention_ms, 604_800_000);
        let limits = (
            config.timestamp_before_max_ms,
            config.timestamp_after_max_ms,
        );
        assert_eq!(
            limits,
            (5, 7),
            "the difference stands in where a limit is not set"
        );
        let plain = LogConfig::default();
        assert!(plain.delete && !plain.compact && plain.compression.is_none());
    }
}
