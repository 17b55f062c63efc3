//! `kafkarium produce`: sends the lines of stdin as records.

use std::io::{self, BufRead};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use serde::Serialize;

use super::cluster::{ClusterArguments, property};
use super::say::{json_line, tell};
use librdkafka::producer::{Delivery, Outgoing, Producer, ProducerError};

/// How long the library is given at a time while its queue is full.
const QUEUE_FULL_WAIT: Duration = Duration::from_millis(20);

/// How often the end looks whether every record has its answer.
const FLUSH_STEP: Duration = Duration::from_secs(1);

/// Sends each line of stdin as a record: `key:value`, or only a value.
#[derive(Debug, Args)]
pub(super) struct ProduceArguments {
    #[command(flatten)]
    cluster: ClusterArguments,
    /// The topic to write to.
    #[arg(short, long)]
    topic: String,
    /// Who must have a record before it counts as written.
    #[arg(long, value_enum, default_value_t = Acks::All)]
    acks: Acks,
    /// Write to this partition instead of the one that the key picks.
    #[arg(short, long, value_parser = clap::value_parser!(i32).range(0..))]
    partition: Option<i32>,
    /// What stands between key and value.
    #[arg(
        long,
        value_name = "TEXT",
        default_value = ":",
        conflicts_with = "no_key"
    )]
    key_separator: String,
    /// Lines are values, whatever is in them.
    #[arg(long)]
    no_key: bool,
    /// Print where each record went, one JSON object a line.
    #[arg(long)]
    json: bool,
    /// How brokers call this producer.
    #[arg(long, value_name = "NAME", default_value = "kafkarium")]
    client_id: String,
    /// Sets one of librdkafka's settings, for example compression.type=zstd.
    #[arg(long = "property", value_name = "KEY=VALUE", value_parser = property)]
    properties: Vec<(String, String)>,
}

/// `acks`, as Kafka's tools take it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Acks {
    /// Every replica in sync.
    #[value(alias = "-1")]
    All,
    /// The leader.
    #[value(name = "1")]
    Leader,
    /// Nobody.
    #[value(name = "0")]
    None,
}

impl Acks {
    fn setting(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Leader => "1",
            Self::None => "0",
        }
    }
}

/// What `--json` prints of each record.
#[derive(Serialize)]
struct Written<'a> {
    topic: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    partition: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    latency_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// A record on its way.
struct Sent {
    key: Option<String>,
    at: Instant,
}

/// Sends until the end of stdin and waits for every answer.
pub(super) fn run(arguments: &ProduceArguments) -> Result<()> {
    let bootstrap = arguments.cluster.bootstrap()?;
    let idempotent = if arguments.acks == Acks::All {
        "true"
    } else {
        "false"
    };
    let mut settings = vec![
        ("client.id", arguments.client_id.as_str()),
        ("enable.idempotence", idempotent),
        ("acks", arguments.acks.setting()),
    ];
    settings.extend(
        arguments
            .properties
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str())),
    );
    let outcome = Arc::new(Outcome::default());
    let teller = Arc::clone(&outcome);
    let json = arguments.json;
    let producer = Producer::new(&bootstrap, &settings, move |sent: Sent, delivery| {
        teller.delivered(&sent, &delivery, json);
    })?;
    for line in io::stdin().lock().lines() {
        let line = line.context("cannot read stdin: lines must be UTF-8")?;
        send(&producer, arguments, &line, &outcome)?;
        if outcome.deaf.load(Ordering::Relaxed) {
            return Ok(());
        }
    }
    while !producer.flush(FLUSH_STEP) {}
    producer.abandon();
    match outcome.failed.load(Ordering::Relaxed) {
        0 => Ok(()),
        1 => bail!("1 record was not written"),
        failed => bail!("{failed} records were not written"),
    }
}

fn send(
    producer: &Producer<Sent>,
    arguments: &ProduceArguments,
    line: &str,
    outcome: &Outcome,
) -> Result<()> {
    let (key, value) = match line.split_once(&arguments.key_separator) {
        Some((key, value)) if !arguments.no_key => (Some(key), value),
        _ => (None, line),
    };
    let record = Outgoing {
        topic: &arguments.topic,
        partition: arguments.partition,
        key: key.map(str::as_bytes),
        value: Some(value.as_bytes()),
        headers: &[],
    };
    let mut sent = Sent {
        key: key.map(str::to_owned),
        at: Instant::now(),
    };
    loop {
        match producer.send(record, sent) {
            Ok(()) => return Ok(()),
            Err((ProducerError::Full, back)) => {
                sent = back;
                let _ = producer.flush(QUEUE_FULL_WAIT);
            }
            Err((ProducerError::GivenUp(error), back)) => {
                let delivery = Delivery {
                    partition: wire::TopicPartition::new(&arguments.topic, -1),
                    outcome: Err(ProducerError::GivenUp(error)),
                };
                outcome.delivered(&back, &delivery, arguments.json);
                return Ok(());
            }
            Err((error, _)) => return Err(error.into()),
        }
    }
}

/// What the library's thread learned.
#[derive(Debug, Default)]
struct Outcome {
    failed: AtomicU64,
    /// Stdout was closed: nobody wants to know any more.
    deaf: AtomicBool,
}

impl Outcome {
    fn delivered(&self, sent: &Sent, delivery: &Delivery, json: bool) {
        if let Err(error) = &delivery.outcome {
            // The first failure tells the cause; thousands of the same would hide it.
            if self.failed.fetch_add(1, Ordering::Relaxed) == 0 {
                let _ = tell(&format!(
                    "kafkarium: a record for {} was not written: {error}",
                    delivery.partition.topic
                ));
            }
        }
        if json && written(sent, delivery).is_err() {
            self.deaf.store(true, Ordering::Relaxed);
        }
    }
}

fn written(sent: &Sent, delivery: &Delivery) -> Result<()> {
    let offset = delivery.outcome.as_ref().ok().map(|offset| offset.0);
    let line = Written {
        topic: &delivery.partition.topic,
        partition: Some(delivery.partition.partition).filter(|partition| *partition >= 0),
        offset: offset.filter(|offset| *offset >= 0),
        key: sent.key.as_deref(),
        latency_ms: offset.map(|_| sent.at.elapsed().as_secs_f64() * 1000.0),
        error: delivery.outcome.as_ref().err().map(ToString::to_string),
    };
    json_line(io::stdout().lock(), &line)?;
    Ok(())
}
