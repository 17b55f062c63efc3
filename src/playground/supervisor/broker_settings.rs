//! What the playground's brokers are told beyond Kafka's defaults.

use crate::state::old_records_looked_for_ms;

/// Partitions that keep committed offsets: Kafka's 50 would crowd the screen.
pub const OFFSETS_PARTITIONS: i32 = 10;

/// What differs from Kafka's defaults whoever the brokers are, so that the demo needs no patience.
pub(super) fn common_settings(brokers: usize) -> Vec<String> {
    let replication = offsets_replication_factor(brokers);
    vec![
        "zookeeper.session.timeout.ms=1500".into(),
        // Not 0: the first two consumers start together and would rebalance twice, half a second
        // apart. Kafka's 3000 would spend the first five seconds of the demo.
        "group.initial.rebalance.delay.ms=40".into(),
        "group.min.session.timeout.ms=1000".into(),
        format!("offsets.topic.num.partitions={OFFSETS_PARTITIONS}"),
        format!("offsets.topic.replication.factor={replication}"),
        format!("transaction.state.log.num.partitions={OFFSETS_PARTITIONS}"),
        format!("transaction.state.log.replication.factor={replication}"),
        format!("transaction.state.log.min.isr={}", replication.min(2)),
        // Kafka looks every 10 s for transactions that are open for too long.
        "transaction.abort.timed.out.transaction.cleanup.interval.ms=1000".into(),
    ]
}

/// The same and what else our own brokers are told.
pub(super) fn settings(brokers: usize) -> Vec<String> {
    let look = old_records_looked_for_ms(brokers);
    let mut settings = common_settings(brokers);
    settings.extend([
        // As our own consumers of the classic protocol have it. By the other one a partition moves with its owner's next
        // heartbeat, which Kafka has come each 5 s.
        "group.consumer.min.heartbeat.interval.ms=500".into(),
        "group.consumer.heartbeat.interval.ms=500".into(),
        "group.consumer.min.session.timeout.ms=3000".into(),
        "group.consumer.session.timeout.ms=3000".into(),
        // Followers are answered as soon as there is something to tell: asking twice a second for nothing, as with Kafka's
        // 500, is what a hundred brokers at rest would do most of the time.
        "replica.fetch.wait.max.ms=5000".into(),
        format!("log.retention.check.interval.ms={look}"),
        format!("log.cleaner.backoff.ms={look}"),
        // Four of the largest requests: many clients at once do not fill a laptop, and one that announces a large
        // request and sends nothing holds nobody up.
        "queued.max.request.bytes=419430400".into(),
    ]);
    settings
}

/// How many brokers keep committed offsets, where there are so many.
pub(super) fn offsets_replication_factor(brokers: usize) -> i16 {
    i16::try_from(brokers.clamp(1, 3)).unwrap_or(3)
}

#[cfg(test)]
mod tests {
    use super::settings;

    #[test]
    fn offsets_are_kept_by_no_more_brokers_than_there_are() {
        assert!(settings(1).contains(&"offsets.topic.replication.factor=1".to_owned()));
        assert!(settings(4).contains(&"offsets.topic.replication.factor=3".to_owned()));
    }

    #[test]
    fn old_records_are_looked_for_every_second() {
        for interval in ["log.retention.check.interval.ms", "log.cleaner.backoff.ms"] {
            assert!(settings(3).contains(&format!("{interval}=1000")));
            // All of them together ten times a second.
            assert!(settings(100).contains(&format!("{interval}=10000")));
        }
    }
}
