//! A steady producer, and the independent reader that looks at everything afterwards.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::ledger::{Ledger, Sequence};
use super::{AcksWanted, TOPIC};
use client::admin::Admin;
use librdkafka::consumer::{Consumer, Start, Subscription, Topics};
use librdkafka::producer::{Outgoing, Producer, ProducerError};
use wire::{Offset, TopicPartition};

/// How often the producer looks how many records are due.
const TICK: Duration = Duration::from_millis(5);

/// How long the last records may take to be acknowledged once the cluster is whole again.
const FLUSH_PATIENCE: Duration = Duration::from_secs(60);

/// How long the reader waits for a next record before it gives up.
const READ_PATIENCE: Duration = Duration::from_secs(30);

/// The ledger, written by the client library's thread and read at the end.
pub(super) type SharedLedger = Arc<Mutex<Ledger>>;

/// The ledger's lock. A panic elsewhere ends the process, so it is never poisoned for long.
pub(super) fn open(ledger: &SharedLedger) -> MutexGuard<'_, Ledger> {
    ledger.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Sends records at a steady rate to every partition in turn, until it is told to stop.
pub(super) struct Load {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Result<()>>,
}

impl Load {
    /// Starts to send `rate` records a second.
    pub(super) fn start(
        bootstrap: &str,
        acks: AcksWanted,
        partitions: i32,
        rate: u32,
        ledger: &SharedLedger,
    ) -> Result<Self> {
        let idempotent = if acks == AcksWanted::All {
            "true"
        } else {
            "false"
        };
        let settings = [
            ("client.id", "verify"),
            ("acks", acks.setting()),
            ("enable.idempotence", idempotent),
            ("linger.ms", "5"),
        ];
        let promises = Arc::clone(ledger);
        let producer = Producer::new(
            bootstrap,
            &settings,
            move |tag: (i32, Sequence), delivery| {
                let mut ledger = open(&promises);
                match delivery.outcome {
                    Ok(offset) => ledger.acked(tag.0, tag.1, offset, Instant::now()),
                    Err(why) => ledger.given_up(why.to_string()),
                }
            },
        )?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::Builder::new()
            .name("load".to_owned())
            .spawn(move || send(&producer, partitions, rate, &stopped))
            .context("cannot start the producer's thread")?;
        Ok(Self { stop, thread })
    }

    /// Sends nothing more and waits until everything sent is acknowledged or given up.
    pub(super) fn finish(self) -> Result<()> {
        self.stop.store(true, Ordering::Relaxed);
        match self.thread.join() {
            Ok(result) => result,
            Err(_) => bail!("the producer's thread ended early"),
        }
    }
}

fn send(
    producer: &Producer<(i32, Sequence)>,
    partitions: i32,
    rate: u32,
    stop: &AtomicBool,
) -> Result<()> {
    let start = Instant::now();
    let mut sent = 0u64;
    let mut sequences: Vec<Sequence> = vec![0; usize::try_from(partitions)?];
    while !stop.load(Ordering::Relaxed) {
        let due = start.elapsed().as_millis() * u128::from(rate) / 1_000;
        'tick: while u128::from(sent) < due {
            for (partition, sequence) in (0..).zip(&mut sequences) {
                let value = format!("{partition} {sequence}");
                let record = Outgoing {
                    topic: TOPIC,
                    partition: Some(partition),
                    value: Some(value.as_bytes()),
                    ..Outgoing::default()
                };
                match producer.send(record, (partition, *sequence)) {
                    Ok(()) => *sequence += 1,
                    // What cannot be sent now is not made up for later: the rate is a ceiling.
                    Err((ProducerError::Full, _)) => {
                        sent = u64::try_from(due)?;
                        break 'tick;
                    }
                    Err((error, _)) => return Err(error).context("the producer refuses to go on"),
                }
                sent += 1;
            }
        }
        std::thread::sleep(TICK);
    }
    ensure!(
        producer.flush(FLUSH_PATIENCE),
        "{} records were neither acknowledged nor given up within {} s",
        producer.waiting(),
        FLUSH_PATIENCE.as_secs()
    );
    Ok(())
}

/// Reads every record of the topic, each partition up to the high watermark that its leader tells now.
/// Nothing that the run used is used again: new connections, another client.
pub(super) async fn read_back(
    bootstrap: &str,
    partitions: i32,
) -> Result<BTreeMap<i32, Vec<(Offset, Sequence)>>> {
    let mut admin = Admin::new(bootstrap, "verify-reader");
    let ends = admin.high_watermarks(&[TOPIC.to_owned()]).await?;
    let mut missing: BTreeMap<i32, Offset> = BTreeMap::new();
    for partition in 0..partitions {
        let end = ends.get(&TopicPartition::new(TOPIC, partition));
        let end = end.with_context(|| format!("partition {partition} tells no high watermark"))?;
        if end.0 > 0 {
            missing.insert(partition, *end);
        }
    }
    let subscription = Subscription {
        bootstrap,
        topics: Topics::Named(TOPIC),
        group: None,
        partition: None,
        start: Start::Oldest,
        settings: &[],
    };
    let consumer = Consumer::subscribe(&subscription, |_| {})?;
    let mut read: BTreeMap<i32, Vec<(Offset, Sequence)>> = BTreeMap::new();
    while !missing.is_empty() {
        let record = tokio::time::timeout(READ_PATIENCE, consumer.next()).await;
        let record = record.with_context(|| {
            format!(
                "no record came for {} s; still to read: {missing:?}",
                READ_PATIENCE.as_secs()
            )
        })??;
        let (partition, offset) = (record.partition(), record.offset());
        let text = String::from_utf8_lossy(record.value().unwrap_or_default()).into_owned();
        let sequence = text
            .split_once(' ')
            .filter(|(of, _)| of.parse() == Ok(partition))
            .and_then(|(_, sequence)| sequence.parse().ok());
        let Some(sequence) = sequence else {
            bail!("{TOPIC}-{partition} holds {text:?} at {offset}, which nobody sent there");
        };
        read.entry(partition).or_default().push((offset, sequence));
        if missing
            .get(&partition)
            .is_some_and(|end| offset.0 + 1 >= end.0)
        {
            missing.remove(&partition);
        }
    }
    Ok(read)
}
