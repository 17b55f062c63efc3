//! What is measured, and how: the same librdkafka drives both clusters.

#![expect(
    clippy::cast_precision_loss,
    reason = "figures are printed with three digits"
)]

use std::{
    collections::BTreeMap,
    fs, thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use rdkafka::{
    ClientConfig, Message,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
    consumer::{BaseConsumer, Consumer},
    error::RDKafkaErrorCode,
    producer::{BaseProducer, BaseRecord, DeliveryResult, Producer, ProducerContext},
};

use crate::engine::{BROKERS, Cluster, Engine};

/// The topic all figures are about.
const TOPIC: &str = "bench";
const PARTITIONS: i32 = 3;

/// Before a figure is given up.
const LIMIT: Duration = Duration::from_secs(180);

/// How long idle CPU is counted, after the cluster had as long to settle.
const IDLE: Duration = Duration::from_secs(20);

/// Records before the clock of a load run starts, and in it.
const WARM_UP: usize = 1_000_000;
const LOAD: usize = 1_000_000;

/// All figures of one engine.
#[derive(Default)]
pub struct Figures {
    pub launch: Duration,
    pub idle_memory_kib: u64,
    pub idle_cpu: f64,
    pub records_per_second: f64,
    pub cpu_seconds_per_million: f64,
    pub client_cpu_seconds_per_million: f64,
    pub loaded_memory_kib: u64,
    pub fail_over: Duration,
    pub restart: Duration,
}

/// The client, loaded before any server runs.
struct Client {
    admin: AdminClient<DefaultClientContext>,
    producer: BaseProducer<Receipts>,
    metadata: BaseConsumer,
    runtime: tokio::runtime::Runtime,
}

/// Counts what was acknowledged.
#[derive(Default)]
struct Receipts {
    acked: std::sync::atomic::AtomicUsize,
}

impl rdkafka::ClientContext for Receipts {}

impl ProducerContext for Receipts {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Ok(record) = result
            && record.offset() >= 0
        {
            self.acked
                .fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
    }
}

impl Client {
    fn new(bootstrap: &str) -> Result<Self> {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", bootstrap)
            .set("reconnect.backoff.ms", "10")
            .set("reconnect.backoff.max.ms", "50")
            .set("retry.backoff.ms", "10")
            .set("retry.backoff.max.ms", "50")
            .set("topic.metadata.refresh.fast.interval.ms", "20")
            .set("allow.auto.create.topics", "false")
            .set("log_level", "0");
        let admin = config.create()?;
        let metadata = config.clone().set("group.id", "bench").create()?;
        let producer = config
            .set("acks", "all")
            .set("linger.ms", "5")
            .set("queue.buffering.max.messages", "500000")
            .set("message.timeout.ms", "170000")
            .create_with_context(Receipts::default())?;
        Ok(Self {
            admin,
            producer,
            metadata,
            runtime: tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?,
        })
    }

    /// Asks for the topic until it exists.
    fn create_topic(&self) -> Result<()> {
        let options = AdminOptions::new()
            .request_timeout(Some(Duration::from_millis(500)))
            .operation_timeout(Some(Duration::from_millis(500)));
        let topic = NewTopic::new(TOPIC, PARTITIONS, TopicReplication::Fixed(BROKERS));
        until("the topic", || {
            let answer = self
                .runtime
                .block_on(self.admin.create_topics([&topic], &options));
            match answer.ok().and_then(|mut results| results.pop()) {
                Some(Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists))) => Ok(Some(())),
                _ => Ok(None),
            }
        })
    }

    /// Sends one record and waits for its acknowledgement. The producer asks for metadata all the while: left
    /// alone, librdkafka asks at ever longer intervals, and its next look would be what is measured.
    fn send_one(&self, partition: i32) -> Result<()> {
        let before = self.acked();
        self.producer
            .send(
                BaseRecord::<(), [u8]>::to(TOPIC)
                    .partition(partition)
                    .payload(&[b'x'; 100]),
            )
            .map_err(|(error, _)| error)?;
        until("the acknowledgement", || {
            self.producer.poll(Duration::from_millis(1));
            if self.acked() > before {
                return Ok(Some(()));
            }
            // While no broker answers there is nothing to learn.
            let _ = self
                .producer
                .client()
                .fetch_metadata(Some(TOPIC), Duration::from_millis(20));
            Ok(None)
        })
    }

    /// Sends `count` records of 100 bytes as fast as they are taken; returns when all are acknowledged.
    fn send_many(&self, count: usize) -> Result<()> {
        let goal = self.acked() + count;
        for index in 0..count {
            let partition = i32::try_from(index)? % PARTITIONS;
            let mut record = BaseRecord::<(), [u8]>::to(TOPIC)
                .partition(partition)
                .payload(&[b'x'; 100]);
            while let Err((error, back)) = self.producer.send(record) {
                if error.rdkafka_error_code() != Some(RDKafkaErrorCode::QueueFull) {
                    return Err(error.into());
                }
                self.producer.poll(Duration::from_millis(5));
                record = back;
            }
            if index % 1000 == 0 {
                self.producer.poll(Duration::ZERO);
            }
        }
        self.producer.flush(LIMIT)?;
        if self.acked() < goal {
            bail!(
                "{} of {count} records were not acknowledged",
                goal - self.acked()
            );
        }
        Ok(())
    }

    fn acked(&self) -> usize {
        self.producer
            .context()
            .acked
            .load(std::sync::atomic::Ordering::Relaxed)
    }

    /// Leader and ISR size of each partition, by partition.
    fn leaders(&self) -> Result<BTreeMap<i32, (i32, usize)>> {
        let metadata = self
            .metadata
            .fetch_metadata(Some(TOPIC), Duration::from_secs(2))?;
        let topic = metadata.topics().first().context("the topic is known")?;
        Ok(topic
            .partitions()
            .iter()
            .map(|part| (part.id(), (part.leader(), part.isr().len())))
            .collect())
    }
}

/// Takes every figure of one engine.
pub fn measure(engine: Engine) -> Result<Figures> {
    let name = engine.name();
    let mut figures = Figures::default();
    let mut cluster = Cluster::prepare(engine)?;
    let client = Client::new(&cluster.bootstrap())?;

    let start = Instant::now();
    cluster.start()?;
    client.create_topic()?;
    client.send_one(0)?;
    figures.launch = start.elapsed();
    eprintln!(
        "{name}: first acknowledged record after {:?}",
        figures.launch
    );

    until("a full ISR", || Ok(full_isr(&client).then_some(())))?;
    thread::sleep(IDLE);
    let before = cpu_seconds(&cluster.pids())?;
    thread::sleep(IDLE);
    figures.idle_cpu = (cpu_seconds(&cluster.pids())? - before) / IDLE.as_secs_f64();
    figures.idle_memory_kib = memory_kib(&cluster.pids())?;
    eprintln!("{name}: idle measured");

    client.send_many(WARM_UP)?;
    let servers = cpu_seconds(&cluster.pids())?;
    let own = cpu_seconds(&[std::process::id()])?;
    let start = Instant::now();
    client.send_many(LOAD)?;
    let millions = LOAD as f64 / 1e6;
    figures.records_per_second = LOAD as f64 / start.elapsed().as_secs_f64();
    figures.cpu_seconds_per_million = (cpu_seconds(&cluster.pids())? - servers) / millions;
    figures.client_cpu_seconds_per_million = (cpu_seconds(&[std::process::id()])? - own) / millions;
    figures.loaded_memory_kib = memory_kib(&cluster.pids())?;
    eprintln!("{name}: load measured");

    until("a full ISR", || Ok(full_isr(&client).then_some(())))?;
    let (victim, _) = *client.leaders()?.get(&0).context("partition 0")?;
    let start = Instant::now();
    cluster.kill_broker(victim)?;
    client.send_one(0)?;
    figures.fail_over = start.elapsed();
    eprintln!("{name}: fail-over after {:?}", figures.fail_over);

    let start = Instant::now();
    cluster.start_broker(victim)?;
    until("a full ISR", || Ok(full_isr(&client).then_some(())))?;
    figures.restart = start.elapsed();
    eprintln!("{name}: back in every ISR after {:?}", figures.restart);
    Ok(figures)
}

fn full_isr(client: &Client) -> bool {
    // A metadata request that fails while brokers come and go is simply asked again.
    client.leaders().is_ok_and(|leaders| {
        !leaders.is_empty()
            && leaders
                .values()
                .all(|(leader, isr)| *leader > 0 && i32::try_from(*isr) == Ok(BROKERS))
    })
}

fn until<T>(what: &str, mut look: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let deadline = Instant::now() + LIMIT;
    loop {
        if let Some(found) = look()? {
            return Ok(found);
        }
        if Instant::now() > deadline {
            bail!("waited {LIMIT:?} for {what}");
        }
        thread::sleep(Duration::from_millis(2));
    }
}

/// User and system time of these processes since they started.
fn cpu_seconds(pids: &[u32]) -> Result<f64> {
    let ticks_per_second = procfs::ticks_per_second() as f64;
    pids.iter()
        .map(|pid| {
            let stat = procfs::process::Process::new(i32::try_from(*pid)?)?.stat()?;
            Ok((stat.utime + stat.stime) as f64 / ticks_per_second)
        })
        .sum()
}

/// Proportional set size: shared pages are divided among the processes that share them.
fn memory_kib(pids: &[u32]) -> Result<u64> {
    pids.iter()
        .map(|pid| {
            let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
            text.lines()
                .find_map(|line| {
                    line.strip_prefix("Pss:")?
                        .split_whitespace()
                        .next()?
                        .parse::<u64>()
                        .ok()
                })
                .with_context(|| format!("no Pss of process {pid}"))
        })
        .sum()
}
