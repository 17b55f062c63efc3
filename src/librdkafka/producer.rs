//! Sends records with librdkafka, the client library of production.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use rdkafka::Message;
use rdkafka::client::ClientContext;
use rdkafka::config::{ClientConfig, FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _, ProducerContext};
use thiserror::Error;

use wire::{Offset, TopicPartition};

/// Records that may wait inside the client library; `send` refuses more.
pub const RECORDS_WAITING_MAX: usize = 20_000;

/// Why a record was not sent or not acknowledged.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ProducerError {
    /// Too many records wait already; the caller may try again when some were acknowledged.
    #[error("{RECORDS_WAITING_MAX} records wait for their acknowledgement already")]
    Full,
    /// The client library refuses this setting.
    #[error("the producer cannot start: {0}")]
    Config(String),
    /// There is no such topic, and none is made by writing to it.
    #[error("UNKNOWN_TOPIC_OR_PARTITION")]
    UnknownTopic,
    /// The client library or a broker gave the record up; in Kafka's words.
    #[error("{0}")]
    GivenUp(String),
}

/// What became of one record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The partition, `-1` where the record never got one.
    pub partition: TopicPartition,
    /// Where it stands, or why it was given up. `-1` without acknowledgement (`acks=0`).
    pub outcome: Result<Offset, ProducerError>,
}

/// One record to send.
#[derive(Debug, Clone, Copy, Default)]
pub struct Outgoing<'a> {
    /// The topic.
    pub topic: &'a str,
    /// The partition; murmur2 of the key picks it where there is none.
    pub partition: Option<i32>,
    /// The key.
    pub key: Option<&'a [u8]>,
    /// The value.
    pub value: Option<&'a [u8]>,
    /// Headers, in order.
    pub headers: &'a [(&'a str, Option<&'a str>)],
}

/// How long the library is polled at a time. Its answers come at once whatever this is; but the
/// last millisecond of each poll spins, and a producer that is dropped waits for the current one.
const POLL: Duration = Duration::from_millis(500);

/// A producer that gives each record's tag `T` back with its [`Delivery`].
pub struct Producer<T: Send + Sync + 'static> {
    pub(super) inner: Arc<BaseProducer<Deliveries<T>>>,
    stop: Arc<AtomicBool>,
    poller: Option<JoinHandle<()>>,
}

impl<T: Send + Sync + 'static> Producer<T> {
    /// Connects to one of `bootstrap`, in the background. `settings` are librdkafka's names.
    /// `delivered` is called on the library's thread and should be quick.
    ///
    /// # Errors
    /// A setting is not valid.
    pub fn new(
        bootstrap: &str,
        settings: &[(&str, &str)],
        delivered: impl Fn(T, Delivery) + Send + Sync + 'static,
    ) -> Result<Self, ProducerError> {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", bootstrap)
            // The Java client's: librdkafka's own default would put keys elsewhere than Java does.
            .set("partitioner", "murmur2_random")
            .set(
                "queue.buffering.max.messages",
                RECORDS_WAITING_MAX.to_string(),
            )
            .set_log_level(RDKafkaLogLevel::Emerg);
        for (name, value) in super::impatience() {
            config.set(name, value);
        }
        for (name, value) in settings {
            config.set(*name, *value);
        }
        let context = Deliveries {
            delivered: Box::new(delivered),
        };
        let inner = BaseProducer::from_config_and_context(&config, context)
            .map_err(|error| ProducerError::Config(error.to_string()))?;
        let inner = Arc::new(inner);
        let stop = Arc::new(AtomicBool::new(false));
        let poller = std::thread::Builder::new()
            .name("deliveries".into())
            .spawn({
                let (inner, stop) = (Arc::clone(&inner), Arc::clone(&stop));
                move || {
                    while !stop.load(Ordering::Relaxed) {
                        inner.poll(POLL);
                    }
                }
            });
        Ok(Self {
            inner,
            stop,
            poller: Some(poller.map_err(|error| ProducerError::Config(error.to_string()))?),
        })
    }

    /// Lets go of the library's threads without waiting for them: for a process that is about to
    /// end and has had every answer.
    pub fn abandon(self) {
        std::mem::forget(self);
    }

    /// Hands a record to the library without waiting.
    ///
    /// # Errors
    /// The queue is full or the record can never be sent; its tag comes back.
    pub fn send(&self, record: Outgoing<'_>, tag: T) -> Result<(), (ProducerError, T)> {
        let mut base: BaseRecord<'_, [u8], [u8], Box<T>> =
            BaseRecord::with_opaque_to(record.topic, Box::new(tag));
        base.key = record.key;
        base.payload = record.value;
        base.partition = record.partition;
        if !record.headers.is_empty() {
            let headers = OwnedHeaders::new_with_capacity(record.headers.len());
            base.headers = Some(
                record
                    .headers
                    .iter()
                    .fold(headers, |headers, (key, value)| {
                        headers.insert(Header { key, value: *value })
                    }),
            );
        }
        self.inner.send(base).map_err(|(error, record)| {
            let error = match error.rdkafka_error_code() {
                Some(RDKafkaErrorCode::QueueFull) => ProducerError::Full,
                _ => given_up(&error),
            };
            (error, *record.delivery_opaque)
        })
    }

    /// Records that wait for their acknowledgement.
    #[must_use]
    pub fn waiting(&self) -> usize {
        usize::try_from(self.inner.in_flight_count()).unwrap_or(0)
    }

    /// Waits until a broker answers, up to `patience`; the last trouble where none does.
    ///
    /// # Errors
    /// None answered: why, in words.
    pub fn reach(&self, topic: &str, patience: Duration) -> Result<(), String> {
        let asked = self.inner.client().fetch_metadata(Some(topic), patience);
        asked.map(drop).map_err(|error| words(&error))
    }

    /// Asks any broker who leads the topic now and takes its answer over. The library itself looks
    /// for a leader that vanished once a second. Blocks up to `patience`.
    pub fn look_for_leaders(&self, topic: &str, patience: Duration) {
        // Without an answer the library goes on looking by itself.
        let _ = self.inner.client().fetch_metadata(Some(topic), patience);
    }

    /// Waits until every record is delivered or given up, at most `patience`; whether it came so far.
    #[must_use]
    pub fn flush(&self, patience: Duration) -> bool {
        self.inner.flush(patience).is_ok()
    }
}

impl<T: Send + Sync + 'static> Drop for Producer<T> {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(poller) = self.poller.take() {
            let _ = poller.join();
        }
    }
}

/// The library's callback for every record.
pub(super) struct Deliveries<T> {
    delivered: Box<dyn Fn(T, Delivery) + Send + Sync>,
}

impl<T: Send + Sync + 'static> ClientContext for Deliveries<T> {
    /// The library's connection troubles: it retries by itself, and what it gives up comes back
    /// as a delivery.
    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!("producer: {error}: {reason}");
    }
}

impl<T: Send + Sync + 'static> ProducerContext for Deliveries<T> {
    type DeliveryOpaque = Box<T>;

    fn delivery(&self, result: &DeliveryResult<'_>, tag: Self::DeliveryOpaque) {
        let (message, outcome) = match result {
            Ok(message) => (message, Ok(Offset(message.offset()))),
            Err((error, message)) => (message, Err(given_up(error))),
        };
        let delivery = Delivery {
            partition: TopicPartition::new(message.topic(), message.partition()),
            outcome,
        };
        (self.delivered)(*tag, delivery);
    }
}

fn given_up(error: &KafkaError) -> ProducerError {
    match error.rdkafka_error_code() {
        Some(RDKafkaErrorCode::UnknownTopic | RDKafkaErrorCode::UnknownTopicOrPartition) => {
            ProducerError::UnknownTopic
        }
        _ => ProducerError::GivenUp(words(error)),
    }
}

/// An error in Kafka's words where it has a code: `NOT_ENOUGH_REPLICAS`.
pub(super) fn words(error: &KafkaError) -> String {
    let Some(code) = error.rdkafka_error_code() else {
        return error.to_string();
    };
    let number = code as i32;
    match i16::try_from(number) {
        Ok(number) if number > 0 => wire::ErrorCode::from_code(number).name().to_owned(),
        _ => match code {
            RDKafkaErrorCode::MessageTimedOut => {
                "no acknowledgement came in time (message.timeout.ms)".to_owned()
            }
            RDKafkaErrorCode::AllBrokersDown => "no broker answers".to_owned(),
            RDKafkaErrorCode::BrokerTransportFailure => {
                "connections are refused or closed".to_owned()
            }
            RDKafkaErrorCode::OperationTimedOut => "no answer comes in time".to_owned(),
            RDKafkaErrorCode::UnknownTopic => "UNKNOWN_TOPIC_OR_PARTITION".to_owned(),
            RDKafkaErrorCode::UnknownPartition => "there is no such partition".to_owned(),
            _ => code.to_string(),
        },
    }
}
