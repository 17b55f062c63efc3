//! Transactions with librdkafka: a producer that is led step by step, and one that reads one topic and writes others, what
//! was read up to where included in each transaction.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer as _, ThreadedProducer};
use rdkafka::{Message, Offset as LibraryOffset, TopicPartitionList};
use thiserror::Error;

use super::producer::{Producer, words};
use wire::Offset;

/// How long one call may take that the library is to be asked again for.
const CALL: Duration = Duration::from_secs(5);

/// How long is waited for room where too many records are under way.
const FULL_WAIT: Duration = Duration::from_millis(10);

/// How long a step of a transaction may take, however often it is asked again.
const STEP: Duration = Duration::from_secs(60);

/// Why a transaction does not go on.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TransactionError {
    /// The client library refuses this setting.
    #[error("the client cannot start: {0}")]
    Config(String),
    /// It is to be aborted; the next one may succeed.
    #[error("{0}")]
    Abort(String),
    /// The producer cannot go on, as when another one has taken over its id; what became of the transaction is not
    /// known here.
    #[error("{0}")]
    Fatal(String),
}

/// The steps of a producer with a `transactional.id`. Each blocks until it is done.
impl<T: Send + Sync + 'static> Producer<T> {
    /// Takes the transactional id over: what a producer before left open is aborted, and that one is fenced.
    ///
    /// # Errors
    /// The cluster does not give the id in time.
    pub fn take_id(&self) -> Result<(), TransactionError> {
        asked_again(|| self.inner.init_transactions(CALL))
    }

    /// Begins a transaction.
    ///
    /// # Errors
    /// The producer cannot go on.
    pub fn begin(&self) -> Result<(), TransactionError> {
        self.inner
            .begin_transaction()
            .map_err(|error| judged(&error))
    }

    /// Commits the transaction, once all its records are acknowledged.
    ///
    /// # Errors
    /// It is to be aborted, or what became of it is not known.
    pub fn commit(&self) -> Result<(), TransactionError> {
        asked_again(|| self.inner.commit_transaction(CALL))
    }

    /// Aborts the transaction. What was not sent yet is thrown away. Where nothing is in the transaction yet, because the
    /// last one is not complete, librdkafka ends it all the same, and cannot go on.
    ///
    /// # Errors
    /// What became of it is not known.
    pub fn abort(&self) -> Result<(), TransactionError> {
        asked_again(|| self.inner.abort_transaction(CALL))
    }
}

/// Who reads what, and under which ids.
#[derive(Debug, Clone, Copy)]
pub struct Transformation<'a> {
    /// Any brokers of the cluster.
    pub bootstrap: &'a str,
    /// What is read.
    pub topic: &'a str,
    /// The group that shares the work.
    pub group: &'a str,
    /// The group's member keeps its place for this long after its process died; a name of its own lets the next process
    /// take the place at once.
    pub session_timeout: Duration,
    pub group_instance_id: Option<&'a str>,
    pub transactional_id: &'a str,
    /// The brokers abort a transaction that is open for longer.
    pub transaction_timeout: Duration,
}

/// A record that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incoming {
    pub partition: i32,
    pub offset: Offset,
    pub value: Option<Vec<u8>>,
}

/// A consumer and a transactional producer that work together.
pub struct Transformer {
    topic: String,
    consumer: BaseConsumer,
    /// An abort waits for the deliveries of what it throws away, which somebody must take meanwhile.
    producer: ThreadedProducer<DefaultProducerContext>,
}

impl Transformer {
    /// Joins the group and takes over the transactional id, which ends what a producer before left open. Blocks.
    ///
    /// # Errors
    /// A setting is not valid, or the cluster does not let it begin in time.
    pub fn start(transformation: &Transformation<'_>) -> Result<Self, TransactionError> {
        let config = |error: KafkaError| TransactionError::Config(error.to_string());
        let mut producer = settings(transformation.bootstrap);
        producer
            .set("transactional.id", transformation.transactional_id)
            .set(
                "transaction.timeout.ms",
                transformation.transaction_timeout.as_millis().to_string(),
            )
            .set("linger.ms", "1");
        let producer: ThreadedProducer<_> = producer.create().map_err(config)?;
        asked_again(|| producer.init_transactions(CALL))?;
        let mut consumer = settings(transformation.bootstrap);
        consumer
            .set("group.id", transformation.group)
            .set("enable.auto.commit", "false")
            .set("auto.offset.reset", "earliest")
            .set("isolation.level", "read_committed")
            .set("fetch.error.backoff.ms", "20")
            .set(
                "session.timeout.ms",
                transformation.session_timeout.as_millis().to_string(),
            )
            .set("heartbeat.interval.ms", "500");
        if let Some(id) = transformation.group_instance_id {
            consumer.set("group.instance.id", id);
        }
        let consumer: BaseConsumer = consumer.create().map_err(config)?;
        consumer
            .subscribe(&[transformation.topic])
            .map_err(config)?;
        Ok(Self {
            topic: transformation.topic.to_owned(),
            consumer,
            producer,
        })
    }

    /// Up to `records_max` records that came by the time that nothing came for `wait`.
    ///
    /// # Errors
    /// The library cannot read on.
    pub fn read(
        &self,
        records_max: usize,
        wait: Duration,
    ) -> Result<Vec<Incoming>, TransactionError> {
        let mut read = Vec::new();
        while read.len() < records_max {
            match self.consumer.poll(wait) {
                None => break,
                Some(Ok(message)) => read.push(Incoming {
                    partition: message.partition(),
                    offset: Offset(message.offset()),
                    value: message.payload().map(<[u8]>::to_vec),
                }),
                Some(Err(error @ KafkaError::MessageConsumptionFatal(_))) => {
                    return Err(TransactionError::Fatal(words(&error)));
                }
                // The library tries again by itself.
                Some(Err(error)) => tracing::debug!("consumer: {error}"),
            }
        }
        Ok(read)
    }

    /// Begins a transaction.
    ///
    /// # Errors
    /// The producer cannot go on.
    pub fn begin(&self) -> Result<(), TransactionError> {
        self.producer
            .begin_transaction()
            .map_err(|error| judged(&error))
    }

    /// Writes a record as part of the transaction. Waits while too many are under way.
    ///
    /// # Errors
    /// The transaction cannot be committed any more.
    pub fn send(&self, topic: &str, partition: i32, value: &[u8]) -> Result<(), TransactionError> {
        loop {
            let record: BaseRecord<'_, [u8], [u8]> = BaseRecord::to(topic);
            let record = record.partition(partition).payload(value);
            match self.producer.send(record) {
                Ok(()) => return Ok(()),
                Err((error, _))
                    if error.rdkafka_error_code() == Some(RDKafkaErrorCode::QueueFull) =>
                {
                    std::thread::sleep(FULL_WAIT);
                }
                Err((error, _)) => return Err(judged(&error)),
            }
        }
    }

    /// Commits, with the offsets from which the group is to read on.
    ///
    /// # Errors
    /// The transaction is to be aborted, or what became of it is not known.
    pub fn commit(&self, read_on: &BTreeMap<i32, Offset>) -> Result<(), TransactionError> {
        let mut offsets = TopicPartitionList::new();
        for (partition, offset) in read_on {
            offsets
                .add_partition_offset(&self.topic, *partition, LibraryOffset::Offset(offset.0))
                .map_err(|error| TransactionError::Abort(words(&error)))?;
        }
        let member = self.consumer.group_metadata();
        let member = member.ok_or_else(|| TransactionError::Abort("no member".to_owned()))?;
        self.flush()?;
        asked_again(|| {
            let producer = &self.producer;
            producer.send_offsets_to_transaction(&offsets, &member, CALL)
        })?;
        asked_again(|| self.producer.commit_transaction(CALL))
    }

    /// Waits until what was sent is in the logs.
    ///
    /// # Errors
    /// The transaction is to be aborted, or what became of it is not known.
    pub fn flush(&self) -> Result<(), TransactionError> {
        asked_again(|| self.producer.flush(CALL))
    }

    /// Aborts the transaction. What was not sent yet is thrown away. Where nothing is in the transaction yet, because the
    /// last one is not complete, librdkafka ends it all the same, and cannot go on.
    ///
    /// # Errors
    /// What became of it is not known.
    pub fn abort(&self) -> Result<(), TransactionError> {
        asked_again(|| self.producer.abort_transaction(CALL))
    }

    /// Reads on from where the group's committed offsets are: what an aborted transaction read is to be read again.
    ///
    /// # Errors
    /// The library cannot; a new one may.
    pub fn rewind(&self) -> Result<(), TransactionError> {
        let fatal = |error: KafkaError| TransactionError::Fatal(words(&error));
        let deadline = Instant::now() + STEP;
        let committed = loop {
            match self.consumer.committed(CALL) {
                Ok(committed) => break committed,
                Err(error) if Instant::now() > deadline => return Err(fatal(error)),
                Err(_) => {}
            }
        };
        let mut places = TopicPartitionList::new();
        for at in committed.elements() {
            let offset = match at.offset() {
                LibraryOffset::Offset(offset) if offset >= 0 => LibraryOffset::Offset(offset),
                _ => LibraryOffset::Beginning,
            };
            places
                .add_partition_offset(at.topic(), at.partition(), offset)
                .map_err(fatal)?;
        }
        if places.count() == 0 {
            return Ok(());
        }
        let sought = self.consumer.seek_partitions(places, CALL).map_err(fatal)?;
        for at in sought.elements() {
            at.error().map_err(fatal)?;
        }
        Ok(())
    }
}

fn settings(bootstrap: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", bootstrap)
        .set_log_level(RDKafkaLogLevel::Emerg);
    for (name, value) in super::impatience() {
        config.set(name, value);
    }
    config
}

/// Asks again as long as the library says that it may help.
fn asked_again(mut ask: impl FnMut() -> KafkaResult<()>) -> Result<(), TransactionError> {
    let deadline = Instant::now() + STEP;
    loop {
        match ask() {
            Ok(()) => return Ok(()),
            Err(error) if is_retriable(&error) && Instant::now() < deadline => {}
            Err(error) => return Err(judged(&error)),
        }
    }
}

fn is_retriable(error: &KafkaError) -> bool {
    match error {
        KafkaError::Transaction(error) => error.is_retriable(),
        KafkaError::Flush(code) => *code == RDKafkaErrorCode::OperationTimedOut,
        _ => false,
    }
}

fn judged(error: &KafkaError) -> TransactionError {
    match error {
        KafkaError::Transaction(error) if error.txn_requires_abort() => {
            TransactionError::Abort(error.string())
        }
        KafkaError::Transaction(error) => TransactionError::Fatal(error.string()),
        error => match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::Fatal | RDKafkaErrorCode::Fenced) => {
                TransactionError::Fatal(words(error))
            }
            _ => TransactionError::Abort(words(error)),
        },
    }
}
