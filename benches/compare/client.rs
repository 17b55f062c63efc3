//! The client that drives both clusters: librdkafka, loaded before the clock starts.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use kafkarium::client::admin::Admin;
use rdkafka::{
    ClientConfig, Message,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
    consumer::{BaseConsumer, Consumer},
    error::RDKafkaErrorCode,
    producer::{BaseProducer, BaseRecord, DeliveryResult, Producer as _, ProducerContext},
};

/// Before a figure is given up.
pub const LIMIT: Duration = Duration::from_secs(180);

/// Asks for topics and metadata.
pub struct Client {
    config: ClientConfig,
    admin: AdminClient<DefaultClientContext>,
    metadata: BaseConsumer,
    runtime: tokio::runtime::Runtime,
    bootstrap: String,
}

impl Client {
    pub fn new(bootstrap: &str) -> Result<Self> {
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
        Ok(Self {
            admin: config.create()?,
            metadata: config.clone().set("group.id", "bench").create()?,
            runtime: tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?,
            config,
            bootstrap: bootstrap.to_owned(),
        })
    }

    /// A producer with these settings on top of the common ones.
    pub fn producer(&self, settings: &[(&str, &str)]) -> Result<Producer> {
        let mut config = self.config.clone();
        config
            .set("queue.buffering.max.messages", "500000")
            .set("message.timeout.ms", "170000");
        for (name, value) in settings {
            config.set(*name, *value);
        }
        Ok(Producer(config.create_with_context(Receipts::default())?))
    }

    /// A producer of transactions under this id, which waits for nothing before it sends.
    pub fn transactional(&self, id: &str) -> Result<BaseProducer> {
        let mut config = self.config.clone();
        config.set("transactional.id", id).set("linger.ms", "0");
        Ok(config.create()?)
    }

    /// A consumer that reads a topic by itself, without a group; of transactions what is committed.
    pub fn consumer(&self) -> Result<BaseConsumer> {
        let mut config = self.config.clone();
        config
            .set("group.id", "bench")
            .set("enable.auto.commit", "false")
            .set("fetch.wait.max.ms", "100")
            // A full queue makes librdkafka pause a partition for a second by default, and then the pauses
            // are what is measured: 100,000 records of each partition a second.
            .set("fetch.queue.backoff.ms", "1");
        Ok(config.create()?)
    }

    /// Asks for the topic until it exists.
    pub fn create_topic(&self, name: &str, partitions: i32, replicas: i32) -> Result<()> {
        let patience = if partitions > 100 {
            LIMIT
        } else {
            Duration::from_millis(500)
        };
        let options = AdminOptions::new()
            .request_timeout(Some(patience))
            .operation_timeout(Some(patience));
        let topic = NewTopic::new(name, partitions, TopicReplication::Fixed(replicas));
        // As many copies as a topic can keep and still lose a broker.
        let topic = topic.set("min.insync.replicas", if replicas > 1 { "2" } else { "1" });
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

    /// Leader and ISR size of each partition, by partition.
    pub fn leaders(&self, topic: &str) -> Result<BTreeMap<i32, (i32, i32)>> {
        let metadata = self
            .metadata
            .fetch_metadata(Some(topic), Duration::from_secs(5))?;
        let topic = metadata.topics().first().context("the topic is known")?;
        topic
            .partitions()
            .iter()
            .map(|part| {
                let isr = i32::try_from(part.isr().len())?;
                Ok((part.id(), (part.leader(), isr)))
            })
            .collect()
    }

    /// Deletes a topic. It may be there for a while yet.
    pub fn delete_topic(&self, name: &str) -> Result<()> {
        let deleted = self
            .runtime
            .block_on(self.admin.delete_topics(&[name], &AdminOptions::new()))?;
        for result in deleted {
            result.map_err(|(name, code)| anyhow::anyhow!("{name} is not deleted: {code}"))?;
        }
        Ok(())
    }

    /// Which broker is the controller.
    pub fn controller(&self) -> Result<i32> {
        let mut admin = Admin::new(&self.bootstrap, "bench");
        until("a controller", || {
            let told = self.runtime.block_on(admin.metadata(Some(&[])));
            Ok(told.ok().and_then(|told| told.controller).map(|id| id.0))
        })
    }

    /// Waits until each of so many partitions has a leader and all its replicas in sync.
    pub fn in_sync(&self, topic: &str, partitions: i32, replicas: i32) -> Result<()> {
        until("a full ISR", || {
            // A metadata request that fails while brokers come and go is simply asked again.
            let full = self.leaders(topic).is_ok_and(|leaders| {
                i32::try_from(leaders.len()) == Ok(partitions)
                    && leaders
                        .values()
                        .all(|(leader, isr)| *leader > 0 && *isr == replicas)
            });
            Ok(full.then_some(()))
        })
    }
}

/// Sends records.
pub struct Producer(BaseProducer<Receipts>);

/// Counts what was acknowledged, and notes when where records carry when they were sent.
pub struct Receipts {
    acked: AtomicUsize,
    began: Instant,
    stamped: Mutex<Stamped>,
}

/// What is known of records with stamps.
#[derive(Default)]
struct Stamped {
    /// From sending to the acknowledgement.
    latencies: Vec<Duration>,
    last: Option<Instant>,
    /// The longest time between two acknowledgements.
    gap: Duration,
}

impl Default for Receipts {
    fn default() -> Self {
        Self {
            acked: AtomicUsize::new(0),
            began: Instant::now(),
            stamped: Mutex::default(),
        }
    }
}

impl Receipts {
    fn stamped(&self) -> MutexGuard<'_, Stamped> {
        self.stamped.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was noted since the last time.
    fn taken(&self) -> Stamped {
        std::mem::take(&mut *self.stamped())
    }
}

impl rdkafka::ClientContext for Receipts {}

impl ProducerContext for Receipts {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        let Ok(record) = result else { return };
        if record.offset() < 0 {
            return;
        }
        self.acked.fetch_add(1, Ordering::Relaxed);
        if let Some(age) = record.key().and_then(|stamp| age(stamp, self.began)) {
            let mut stamped = self.stamped();
            let now = Instant::now();
            let last = stamped.last.replace(now).unwrap_or(now);
            stamped.gap = stamped.gap.max(now.duration_since(last));
            stamped.latencies.push(age);
        }
    }
}

/// How long ago a record was sent, by the stamp that is its key.
fn age(stamp: &[u8], began: Instant) -> Option<Duration> {
    let sent = u64::from_be_bytes(stamp.try_into().ok()?);
    began.elapsed().checked_sub(Duration::from_nanos(sent))
}

impl Producer {
    /// Sends one record and waits for its acknowledgement. It asks for metadata all the while: left alone,
    /// librdkafka asks at ever longer intervals, and its next look would be what is measured.
    pub fn send_one(&self, topic: &str, partition: i32) -> Result<()> {
        let before = self.acked();
        let record = BaseRecord::<(), [u8]>::to(topic);
        self.0
            .send(record.partition(partition).payload(&[b'x'; 100]))
            .map_err(|(error, _)| error)?;
        until("the acknowledgement", || {
            self.0.poll(Duration::from_millis(1));
            if self.acked() > before {
                return Ok(Some(()));
            }
            // While no broker answers there is nothing to learn.
            let _ = self
                .0
                .client()
                .fetch_metadata(Some(topic), Duration::from_millis(20));
            Ok(None)
        })
    }

    /// Sends records as fast as they are taken; returns when all are acknowledged.
    pub fn send_many(
        &self,
        topic: &str,
        partitions: i32,
        payload: &[u8],
        count: usize,
    ) -> Result<()> {
        let goal = self.acked() + count;
        for (index, partition) in (0..count).zip((0..partitions).cycle()) {
            let record = BaseRecord::<(), [u8]>::to(topic);
            let mut record = record.partition(partition).payload(payload);
            while let Err((error, back)) = self.0.send(record) {
                if error.rdkafka_error_code() != Some(RDKafkaErrorCode::QueueFull) {
                    return Err(error.into());
                }
                self.0.poll(Duration::from_millis(5));
                record = back;
            }
            if index % 1000 == 0 {
                self.0.poll(Duration::ZERO);
            }
        }
        self.0.flush(LIMIT)?;
        let missing = goal.saturating_sub(self.acked());
        if missing > 0 {
            bail!("{missing} of {count} records were not acknowledged");
        }
        Ok(())
    }

    /// Sends a record each `pace`, and returns how long each took to its acknowledgement and to a reader.
    pub fn send_paced(
        &self,
        consumer: &BaseConsumer,
        topic: &str,
        (count, pace): (usize, Duration),
    ) -> Result<(Vec<Duration>, Vec<Duration>)> {
        let began = self.0.context().began;
        let arrivals = thread::scope(|scope| {
            let reader = scope.spawn(move || {
                let mut arrivals = Vec::with_capacity(count);
                let deadline = Instant::now() + LIMIT;
                while arrivals.len() < count && Instant::now() < deadline {
                    if let Some(Ok(record)) = consumer.poll(Duration::from_millis(100)) {
                        arrivals.extend(record.key().and_then(|stamp| age(stamp, began)));
                    }
                }
                arrivals
            });
            self.pace(topic, None, (count, pace))?;
            reader
                .join()
                .map_err(|_| anyhow::anyhow!("the reader broke off"))
        })?;
        Ok((self.0.context().taken().latencies, arrivals))
    }

    /// Sends a record to one partition each `pace`; the longest time without an acknowledgement.
    pub fn longest_gap(
        &self,
        topic: &str,
        partition: i32,
        paced: (usize, Duration),
    ) -> Result<Duration> {
        self.0.context().taken();
        self.pace(topic, Some(partition), paced)?;
        Ok(self.0.context().taken().gap)
    }

    /// Sends a record with a stamp each `pace`, and waits for all acknowledgements, which a thread of its own takes: this
    /// one sleeps in between and leaves its core to the servers.
    fn pace(
        &self,
        topic: &str,
        partition: Option<i32>,
        (count, pace): (usize, Duration),
    ) -> Result<()> {
        let began = self.0.context().began;
        let is_done = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !is_done.load(Ordering::Relaxed) {
                    self.0.poll(Duration::from_millis(20));
                }
            });
            let sent = || {
                let mut due = Instant::now();
                for _ in 0..count {
                    thread::sleep(due.saturating_duration_since(Instant::now()));
                    let stamp = u64::try_from(began.elapsed().as_nanos())?.to_be_bytes();
                    let record = BaseRecord::to(topic).key(&stamp).payload(&[b'x'; 92]);
                    let record = match partition {
                        Some(partition) => record.partition(partition),
                        None => record,
                    };
                    self.0.send(record).map_err(|(error, _)| error)?;
                    due += pace;
                }
                Ok(self.0.flush(LIMIT)?)
            };
            let sent = sent();
            is_done.store(true, Ordering::Relaxed);
            sent
        })
    }

    fn acked(&self) -> usize {
        self.0.context().acked.load(Ordering::Relaxed)
    }
}

/// Looks again and again until there is something.
pub fn until<T>(what: &str, mut look: impl FnMut() -> Result<Option<T>>) -> Result<T> {
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
