//! `kafkarium produce`: what `kafka-console-producer.sh` does.

mod reader;

use std::io::{self, BufRead};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use clap::{Args, ValueEnum};
use serde::Serialize;

use self::reader::{LineReader, Parsed, Reader};
use super::client_settings::{ClientSettings, last};
use super::cluster::{ClusterArguments, client_settings, property};
use super::say::{json_line, tell};
use librdkafka::producer::{Delivery, Outgoing, Producer, ProducerError};

/// How long the library is given at a time while its queue is full.
const QUEUE_FULL_WAIT: Duration = Duration::from_millis(20);

/// The setting that says how long a broker is waited for.
const MAX_BLOCK_MS: &str = "max.block.ms";

/// How long that is where nothing is said: as with Kafka's tool.
const MAX_BLOCK: Duration = Duration::from_secs(60);

/// How long a broker may take to answer before somebody is told.
const REACH_STEP: Duration = Duration::from_secs(2);

/// How often the end looks whether every record has its answer.
const FLUSH_STEP: Duration = Duration::from_secs(1);

/// Sends each line of stdin as a record: `key:value`, or only a value.
///
/// With a property of Kafka's reader (parse.key, key.separator, ...) lines are read as
/// `kafka-console-producer.sh` reads them: they are values unless parse.key=true.
#[derive(Debug, Args)]
pub(super) struct ProduceArguments {
    #[command(flatten)]
    cluster: ClusterArguments,
    /// The topic to write to.
    #[arg(short, long)]
    topic: String,
    /// Who must have a record before it counts as written.
    #[arg(
        long,
        visible_alias = "request-required-acks",
        value_enum,
        allow_negative_numbers = true
    )]
    acks: Option<Acks>,
    /// Write to this partition instead of the one that the key picks.
    #[arg(short, long, value_parser = clap::value_parser!(i32).range(0..))]
    partition: Option<i32>,
    /// Send the next record only when the one before it has its answer.
    #[arg(long)]
    sync: bool,
    #[command(flatten)]
    lines: Lines,
    /// Print where each record went, one JSON object a line.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: ClientSettings,
    #[command(flatten)]
    tuning: Tuning,
}

/// How lines become records.
#[derive(Debug, Args)]
struct Lines {
    /// What stands between key and value; without it a colon.
    #[arg(long, value_name = "TEXT", conflicts_with = "no_key")]
    key_separator: Option<String>,
    /// Lines are values, whatever is in them.
    #[arg(long)]
    no_key: bool,
    /// How a line is read: parse.key=true, key.separator, parse.headers, headers.delimiter,
    /// headers.separator, headers.key.separator, null.marker, ignore.error. Another name is one of the
    /// client's settings. Before Kafka 4.2 it was called --property.
    #[arg(long = "reader-property", visible_alias = "property", value_name = "KEY=VALUE", value_parser = property)]
    properties: Vec<(String, String)>,
    /// A properties file with such properties.
    #[arg(long, value_name = "FILE")]
    reader_config: Option<PathBuf>,
    /// The class that reads; only Kafka's default one is built in.
    #[arg(long, value_name = "CLASS", hide = true)]
    line_reader: Option<String>,
}

/// Settings that have flags of their own in Kafka's tool.
#[derive(Debug, Args)]
#[command(next_help_heading = "Settings with flags of their own")]
struct Tuning {
    /// How batches are compressed; gzip where the codec is not said.
    #[arg(long, value_enum, value_name = "CODEC", num_args = 0..=1, default_missing_value = "gzip")]
    compression_codec: Option<Codec>,
    /// A batch is sent when it has this size (batch.size).
    #[arg(
        long,
        visible_alias = "max-partition-memory-bytes",
        value_name = "BYTES"
    )]
    batch_size: Option<u32>,
    /// A batch is sent when it waited so long (linger.ms).
    #[arg(long, value_name = "MS")]
    timeout: Option<u32>,
    /// How often a record is sent again (retries).
    #[arg(long, value_name = "COUNT")]
    message_send_max_retries: Option<u32>,
    /// The pause before that (retry.backoff.ms).
    #[arg(long, value_name = "MS")]
    retry_backoff_ms: Option<u32>,
    /// How long a broker may take to answer (request.timeout.ms).
    #[arg(long, value_name = "MS")]
    request_timeout_ms: Option<u32>,
    /// How much may wait to be sent (buffer.memory).
    #[arg(long, value_name = "BYTES")]
    max_memory_bytes: Option<u64>,
    /// How long it is known who leads what (metadata.max.age.ms).
    #[arg(long, value_name = "MS")]
    metadata_expiry_ms: Option<u32>,
    /// The size of the socket's buffer (send.buffer.bytes).
    #[arg(long, value_name = "BYTES")]
    socket_buffer_size: Option<u32>,
    /// How long a broker is waited for that answers (max.block.ms); a minute where nothing is said.
    #[arg(long, value_name = "MS")]
    max_block_ms: Option<u64>,
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

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Codec {
    None,
    Gzip,
    Snappy,
    Lz4,
    Zstd,
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

impl Lines {
    /// How to read lines; what is left over are settings of the client.
    fn reader(&self) -> Result<(Reader, Vec<(String, String)>)> {
        if let Some(class) = &self.line_reader {
            ensure!(
                class.rsplit(['.', '$']).next() == Some("LineMessageReader"),
                "--line-reader {class}: classes of Java are not loaded here; LineMessageReader is built in"
            );
        }
        let mut properties = match &self.reader_config {
            Some(file) => client_settings(file)?,
            None => Vec::new(),
        };
        properties.extend(self.properties.iter().cloned());
        let mut kafka = LineReader::default();
        if let Some(separator) = &self.key_separator {
            kafka.set("key.separator", separator)?;
        }
        let (mut used, mut others) = (false, Vec::new());
        for (name, value) in properties {
            if kafka.set(&name, &value)? {
                used = true;
            } else {
                others.push((name, value));
            }
        }
        if used {
            kafka.check()?;
            return Ok((Reader::Kafka(kafka), others));
        }
        let separator = self.key_separator.clone().unwrap_or_else(|| ":".into());
        let separator = (!self.no_key).then_some(separator);
        Ok((Reader::Lenient { separator }, others))
    }
}

impl Tuning {
    /// The settings by the names of Java's client, which `--command-property` takes too.
    fn settings(&self) -> Vec<(String, String)> {
        let codec = self
            .compression_codec
            .and_then(|codec| codec.to_possible_value());
        let number = |number: Option<u32>| number.map(|number| number.to_string());
        let settings = [
            (
                "compression.type",
                codec.map(|value| value.get_name().to_owned()),
            ),
            ("batch.size", number(self.batch_size)),
            ("linger.ms", number(self.timeout)),
            ("retries", number(self.message_send_max_retries)),
            ("retry.backoff.ms", number(self.retry_backoff_ms)),
            ("request.timeout.ms", number(self.request_timeout_ms)),
            (
                "buffer.memory",
                self.max_memory_bytes.map(|bytes| bytes.to_string()),
            ),
            ("metadata.max.age.ms", number(self.metadata_expiry_ms)),
            ("send.buffer.bytes", number(self.socket_buffer_size)),
            (MAX_BLOCK_MS, self.max_block_ms.map(|wait| wait.to_string())),
        ];
        let given = settings.into_iter();
        given
            .filter_map(|(name, value)| Some((name.to_owned(), value?)))
            .collect()
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

/// All settings of the producer, in the order in which they count.
fn settings(
    arguments: &ProduceArguments,
    others: &[(String, String)],
) -> Result<Vec<(String, String)>> {
    let set = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let mut more = others.to_vec();
    more.extend(arguments.tuning.settings());
    if let Some(acks) = arguments.acks {
        more.push(set("acks", acks.setting()));
    }
    let mut settings = vec![
        set("client.id", &arguments.settings.client_id),
        set("acks", Acks::All.setting()),
    ];
    settings.extend(arguments.settings.read(&more, &[MAX_BLOCK_MS])?);
    // As Java's client: idempotent unless another setting says that it cannot be.
    let acks = ["acks", "request.required.acks"].map(|name| last(&settings, name));
    let retries = ["retries", "message.send.max.retries"].map(|name| last(&settings, name));
    let all = acks
        .into_iter()
        .flatten()
        .all(|acks| matches!(acks, "all" | "-1"));
    if last(&settings, "enable.idempotence").is_none() {
        let idempotent = all && !retries.contains(&Some("0"));
        settings.push(set("enable.idempotence", &idempotent.to_string()));
    }
    Ok(settings)
}

/// Sends until the end of stdin and waits for every answer.
pub(super) fn run(arguments: &ProduceArguments) -> Result<()> {
    let (reader, others) = arguments.lines.reader()?;
    let mut settings = settings(arguments, &others)?;
    let max_block = max_block(&mut settings)?;
    let bootstrap = arguments.cluster.bootstrap()?;
    let settings: Vec<(&str, &str)> = settings
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let outcome = Arc::new(Outcome::default());
    let teller = Arc::clone(&outcome);
    let json = arguments.json;
    let producer = Producer::new(&bootstrap, &settings, move |sent: Sent, delivery| {
        teller.delivered(&sent, &delivery, json);
    })?;
    reach(&producer, &arguments.topic, &bootstrap, max_block)?;
    let sent = send_lines(&producer, arguments, &reader, &outcome);
    if outcome.deaf.load(Ordering::Relaxed) {
        return Ok(());
    }
    let mut told = false;
    while !producer.flush(FLUSH_STEP) {
        if !std::mem::replace(&mut told, true) {
            let waiting = match producer.waiting() {
                1 => "1 record waits for its acknowledgement".to_owned(),
                waiting => format!("{waiting} records wait for their acknowledgement"),
            };
            tell(&format!("kafkarium: {waiting}: trying on"))?;
        }
    }
    producer.abandon();
    sent?;
    match outcome.failed.load(Ordering::Relaxed) {
        0 => Ok(()),
        1 => bail!("1 record was not written"),
        failed => bail!("{failed} records were not written"),
    }
}

/// Takes out of the settings how long a broker is waited for.
fn max_block(settings: &mut Vec<(String, String)>) -> Result<Duration> {
    let wait = match last(settings, MAX_BLOCK_MS) {
        None => MAX_BLOCK,
        Some(value) => match value.trim().parse() {
            Ok(wait) => Duration::from_millis(wait),
            Err(_) => bail!("{MAX_BLOCK_MS}={value}: a number of milliseconds is expected"),
        },
    };
    settings.retain(|(name, _)| name != MAX_BLOCK_MS);
    Ok(wait)
}

/// Waits for a broker that answers, as long as Kafka's tool does; whoever looks on is told meanwhile.
fn reach(
    producer: &Producer<Sent>,
    topic: &str,
    bootstrap: &str,
    max_block: Duration,
) -> Result<()> {
    let began = Instant::now();
    let mut told = false;
    loop {
        let left = max_block.saturating_sub(began.elapsed());
        let Err(why) = producer.reach(topic, left.min(REACH_STEP)) else {
            return Ok(());
        };
        ensure!(
            began.elapsed() < max_block,
            "no broker of {bootstrap} answers: {why}"
        );
        if !std::mem::replace(&mut told, true) {
            tell(&format!(
                "kafkarium: no broker of {bootstrap} answers: trying on"
            ))?;
        }
    }
}

/// Sends line by line, to the end or to one that cannot be read.
fn send_lines(
    producer: &Producer<Sent>,
    arguments: &ProduceArguments,
    reader: &Reader,
    outcome: &Outcome,
) -> Result<()> {
    for (line, number) in io::stdin().lock().lines().zip(1..) {
        let line = line.context("cannot read stdin: lines must be UTF-8")?;
        send(producer, arguments, &reader.read(&line, number)?, outcome)?;
        while arguments.sync && !producer.flush(FLUSH_STEP) {}
        if outcome.deaf.load(Ordering::Relaxed) {
            return Ok(());
        }
    }
    Ok(())
}

fn send(
    producer: &Producer<Sent>,
    arguments: &ProduceArguments,
    parsed: &Parsed<'_>,
    outcome: &Outcome,
) -> Result<()> {
    let record = Outgoing {
        topic: &arguments.topic,
        partition: arguments.partition,
        key: parsed.key.map(str::as_bytes),
        value: parsed.value.map(str::as_bytes),
        headers: &parsed.headers,
    };
    let mut sent = Sent {
        key: parsed.key.map(str::to_owned),
        at: Instant::now(),
    };
    loop {
        match producer.send(record, sent) {
            Ok(()) => return Ok(()),
            Err((ProducerError::Full, back)) => {
                sent = back;
                let _ = producer.flush(QUEUE_FULL_WAIT);
            }
            Err((error @ (ProducerError::GivenUp(_) | ProducerError::UnknownTopic), back)) => {
                let delivery = Delivery {
                    partition: wire::TopicPartition::new(&arguments.topic, -1),
                    outcome: Err(error),
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
                let topic = &delivery.partition.topic;
                let help = match error {
                    ProducerError::UnknownTopic => {
                        format!(
                            ": there is no topic {topic}. kafkarium topics --create --topic {topic} makes it"
                        )
                    }
                    _ => String::new(),
                };
                let _ = tell(&format!(
                    "kafkarium: a record for {topic} was not written: {error}{help}"
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
