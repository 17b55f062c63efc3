//! A producer and a consumer on librdkafka, the client library of production.

#![warn(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

pub mod consumer;
pub mod producer;
pub mod transactions;

/// Settings of librdkafka for a cluster on this machine: its own back-off, up to a second, is
/// what one would otherwise see at a fail-over, and a frozen broker would hold its answers back
/// for a minute.
fn impatience() -> impl Iterator<Item = (&'static str, &'static str)> {
    [
        ("reconnect.backoff.ms", "10"),
        ("reconnect.backoff.max.ms", "50"),
        ("retry.backoff.ms", "10"),
        ("retry.backoff.max.ms", "50"),
        ("topic.metadata.refresh.fast.interval.ms", "20"),
        ("topic.metadata.refresh.interval.ms", "10000"),
        ("topic.metadata.propagation.max.ms", "5000"),
        ("socket.timeout.ms", "1500"),
        ("socket.connection.setup.timeout.ms", "1000"),
        ("log.connection.close", "false"),
        // The library asks again and again for what it once heard of: a topic that was deleted would come back.
        ("allow.auto.create.topics", "false"),
    ]
    .into_iter()
}
