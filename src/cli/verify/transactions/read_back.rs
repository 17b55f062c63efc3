//! The independent reader that looks at everything afterwards.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use super::ledger::{Copied, Outputs, TransactionId};
use super::{GROUP, OUTPUT_TOPICS};
use crate::cli::verify::TOPIC;
use client::admin::Admin;
use librdkafka::consumer::{Consumer, Start, Subscription, Topics};
use librdkafka::producer::{Outgoing, Producer};
use wire::{Offset, TopicPartition};

/// How long the reader waits for a next record before it gives up: an open transaction holds it up until it is aborted.
const READ_PATIENCE: Duration = Duration::from_secs(60);

/// How long the last records may take to be acknowledged.
const FLUSH_PATIENCE: Duration = Duration::from_secs(60);

/// What stands behind everything else in each partition of the outputs: markers take offsets, too, and a reader is not
/// told of them.
const LAST: &[u8] = b"last";

/// Where the group reads on.
pub(super) async fn read_on(bootstrap: &str) -> Result<BTreeMap<i32, Offset>> {
    let mut admin = Admin::new(bootstrap, "verify-reader");
    let (_, _, committed) = admin.describe_group(GROUP).await?;
    let of_source = committed.into_iter().filter(|(at, _)| at.topic == TOPIC);
    Ok(of_source
        .map(|(at, offset)| (at.partition, offset))
        .collect())
}

/// The high watermarks of a topic.
pub(super) async fn ends(bootstrap: &str, topic: &str) -> Result<BTreeMap<TopicPartition, Offset>> {
    let mut admin = Admin::new(bootstrap, "verify-reader");
    Ok(admin.high_watermarks(&[topic.to_owned()]).await?)
}

/// Everything in the outputs that readers of committed records see.
pub(super) async fn read_outputs(bootstrap: &str, partitions: i32) -> Result<Outputs> {
    let mut outputs = Outputs::default();
    for (topic, output) in OUTPUT_TOPICS.into_iter().zip(&mut outputs) {
        *output = read(bootstrap, topic, partitions).await?;
    }
    Ok(outputs)
}

async fn read(bootstrap: &str, topic: &str, partitions: i32) -> Result<BTreeMap<i32, Vec<Copied>>> {
    close(bootstrap, topic, partitions)?;
    let isolation = [("isolation.level".to_owned(), "read_committed".to_owned())];
    let subscription = Subscription {
        bootstrap,
        topics: Topics::Named(topic),
        group: None,
        partition: None,
        start: Start::Oldest,
        settings: &isolation,
    };
    let consumer = Consumer::subscribe(&subscription, |_| {})?;
    let mut read: BTreeMap<i32, Vec<Copied>> = BTreeMap::new();
    let mut open = partitions;
    while open > 0 {
        let record = tokio::time::timeout(READ_PATIENCE, consumer.next()).await;
        let record = record.with_context(|| {
            format!(
                "no record of {topic} came for {} s: {open} partitions are not read to their end",
                READ_PATIENCE.as_secs()
            )
        })??;
        let (partition, offset) = (record.partition(), record.offset());
        let value = record.value().unwrap_or_default();
        if value == LAST {
            open -= 1;
            continue;
        }
        let Some(copied) = copied(value) else {
            let text = String::from_utf8_lossy(value);
            bail!("{topic}-{partition} holds {text:?} at {offset}, which nobody sent there");
        };
        read.entry(partition).or_default().push(copied);
    }
    Ok(read)
}

fn copied(value: &[u8]) -> Option<Copied> {
    let mut words = std::str::from_utf8(value).ok()?.split(' ');
    let copied = Copied {
        transaction: TransactionId {
            process: words.next()?.parse().ok()?,
            number: words.next()?.parse().ok()?,
        },
        source: Offset(words.next()?.parse().ok()?),
    };
    words.next().is_none().then_some(copied)
}

/// Writes the last record of each partition, in no transaction.
fn close(bootstrap: &str, topic: &str, partitions: i32) -> Result<()> {
    let settings = [("acks", "all"), ("enable.idempotence", "true")];
    let producer = Producer::new(bootstrap, &settings, |(), _| {})?;
    for partition in 0..partitions {
        let record = Outgoing {
            topic,
            partition: Some(partition),
            value: Some(LAST),
            ..Outgoing::default()
        };
        if let Err((error, ())) = producer.send(record, ()) {
            return Err(error).context("cannot write the last records");
        }
    }
    ensure!(
        producer.flush(FLUSH_PATIENCE),
        "the last records were not acknowledged"
    );
    Ok(())
}
