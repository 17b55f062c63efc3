//! Reads records with librdkafka, the client library of production.

use std::borrow::Cow;
use std::sync::Mutex;
use std::time::Duration;

use rdkafka::client::ClientContext;
use rdkafka::config::{ClientConfig, FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext, Rebalance, StreamConsumer};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::{BorrowedMessage, Headers};
use rdkafka::{Message, Offset as LibraryOffset, Timestamp, TopicPartitionList};
use regex::Regex;
use thiserror::Error;

use super::producer::words;
use wire::Offset;
use wire::report::{PartitionOffset, Report};
use wire::topic_name::{CONSUMER_OFFSETS, TRANSACTION_STATE};

/// How long the coordinator may take to tell committed offsets when partitions are assigned.
const COMMITTED_WAIT: Duration = Duration::from_secs(2);

/// How long the brokers may take to tell a topic's partitions.
const METADATA_WAIT: Duration = Duration::from_secs(10);

/// Why a consumer cannot read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ConsumerError {
    /// The client library refuses this setting.
    #[error("the consumer cannot start: {0}")]
    Config(String),
    /// No broker told the topic's partitions.
    #[error("no broker of {bootstrap} answers: {why}")]
    Unreachable { bootstrap: String, why: String },
    /// No topic has this name.
    #[error("UNKNOWN_TOPIC_OR_PARTITION: there is no topic {0}; kafkarium topics list names them")]
    UnknownTopic(String),
    /// No topic is called so.
    #[error("no topic matches {0:?}; kafkarium topics list names them")]
    NoTopic(String),
    /// The topic has fewer.
    #[error("there is no partition {0}: kafkarium topics describe shows those that are there")]
    UnknownPartition(i32),
    /// It does not describe names.
    #[error("no regular expression: {0}")]
    Expression(String),
    /// The library cannot go on; in Kafka's words.
    #[error("{0}")]
    Failed(String),
}

/// What to read, and for whom.
#[derive(Debug, Clone)]
pub struct Subscription<'a> {
    /// Any brokers of the cluster.
    pub bootstrap: &'a str,
    /// The topic, or several.
    pub topics: Topics<'a>,
    /// The group to share the work with; alone and without commits where there is none.
    pub group: Option<&'a str>,
    /// Only this partition; alone.
    pub partition: Option<i32>,
    /// Where to begin: alone, or where the group has not committed anything.
    pub start: Start,
    /// More settings by librdkafka's names.
    pub settings: &'a [(String, String)],
}

/// Which topics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topics<'a> {
    /// The one of this name.
    Named(&'a str),
    /// Those whose whole name the regular expression describes.
    Matching(&'a str),
}

/// Where in a log to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// With the oldest record.
    Oldest,
    /// With what comes from now on.
    Newest,
    /// With this offset; for who reads alone.
    At(Offset),
}

/// When a record is said to have been written, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordTime {
    /// By its producer's clock.
    Create(i64),
    /// By its leader's clock.
    LogAppend(i64),
    /// Nothing says it.
    None,
}

/// A consumer that tells what its group does as [`Report`]s.
pub struct Consumer {
    inner: StreamConsumer<Reports>,
}

impl Consumer {
    /// Joins the group, or takes all partitions where there is no group.
    ///
    /// # Errors
    /// A setting is not valid, or without a group no broker tells the topic's partitions.
    pub fn subscribe(
        subscription: &Subscription<'_>,
        told: impl Fn(Report) + Send + Sync + 'static,
    ) -> Result<Self, ConsumerError> {
        let mut config = ClientConfig::new();
        let oldest = match subscription.start {
            Start::Oldest => "earliest",
            Start::Newest | Start::At(_) => "latest",
        };
        config
            .set("bootstrap.servers", subscription.bootstrap)
            .set("auto.offset.reset", oldest)
            .set("auto.commit.interval.ms", "1000")
            .set("fetch.error.backoff.ms", "20")
            .set_log_level(RDKafkaLogLevel::Emerg);
        match subscription.group {
            Some(group) => config.set("group.id", group),
            // The library wants a name even for who joins nothing.
            None => config
                .set("group.id", "kafkarium-alone")
                .set("enable.auto.commit", "false"),
        };
        for (name, value) in super::impatience() {
            config.set(name, value);
        }
        for (name, value) in subscription.settings {
            config.set(name, value);
        }
        let context = Reports {
            told: Box::new(told),
            told_errors: Mutex::default(),
        };
        let inner = StreamConsumer::from_config_and_context(&config, context)
            .map_err(|error| ConsumerError::Config(error.to_string()))?;
        let consumer = Self { inner };
        match (subscription.group, subscription.topics) {
            (Some(_), Topics::Named(topic)) => consumer.subscribe_to(topic)?,
            // The library takes a name that begins so as a regular expression.
            (Some(_), Topics::Matching(expression)) => {
                consumer.subscribe_to(&format!("^({expression})$"))?;
            }
            (None, _) => consumer.assign_all(subscription)?,
        }
        Ok(consumer)
    }

    /// The next record. Dropping the future loses none. Troubles that the library retries are
    /// told as [`Report::ClientError`] meanwhile.
    ///
    /// # Errors
    /// The library cannot go on.
    pub async fn next(&self) -> Result<ConsumedRecord<'_>, ConsumerError> {
        loop {
            match self.inner.recv().await {
                Ok(message) => return Ok(ConsumedRecord { message }),
                Err(error @ KafkaError::MessageConsumptionFatal(_)) => {
                    return Err(ConsumerError::Failed(words(&error)));
                }
                Err(error) => self.inner.client().context().tell_error(&error),
            }
        }
    }

    /// Commits what was read, leaves the group and tells both.
    pub fn leave(self) {
        // The library does it when the consumer is dropped.
        drop(self);
    }

    fn subscribe_to(&self, topic: &str) -> Result<(), ConsumerError> {
        let subscribed = self.inner.subscribe(&[topic]);
        subscribed.map_err(|error| ConsumerError::Failed(words(&error)))
    }

    fn assign_all(&self, subscription: &Subscription<'_>) -> Result<(), ConsumerError> {
        let (named, expression) = match subscription.topics {
            Topics::Named(topic) => (Some(topic), None),
            Topics::Matching(text) => {
                let expression = Regex::new(&format!("^(?:{text})$"))
                    .map_err(|error| ConsumerError::Expression(error.to_string()))?;
                (None, Some((text, expression)))
            }
        };
        let metadata = self
            .inner
            .fetch_metadata(named, METADATA_WAIT)
            .map_err(|error| ConsumerError::Unreachable {
                bootstrap: subscription.bootstrap.to_owned(),
                why: words(&error),
            })?;
        let offset = match subscription.start {
            Start::Oldest => LibraryOffset::Beginning,
            Start::Newest => LibraryOffset::End,
            Start::At(offset) => LibraryOffset::Offset(offset.0),
        };
        let wanted = metadata.topics().iter().filter(|topic| match &expression {
            None => true,
            Some((_, expression)) => {
                !is_internal(topic.name()) && expression.is_match(topic.name())
            }
        });
        let all = wanted.flat_map(|topic| {
            let partitions = topic.partitions().iter();
            partitions.map(|partition| (topic.name(), partition.id()))
        });
        let all: Vec<(&str, i32)> = all.collect();
        if all.is_empty() {
            return Err(match subscription.topics {
                Topics::Named(topic) => ConsumerError::UnknownTopic(topic.to_owned()),
                Topics::Matching(text) => ConsumerError::NoTopic(text.to_owned()),
            });
        }
        let mut partitions = TopicPartitionList::new();
        for (topic, id) in all {
            if subscription
                .partition
                .is_none_or(|partition| partition == id)
            {
                partitions
                    .add_partition_offset(topic, id, offset)
                    .map_err(|error| ConsumerError::Failed(words(&error)))?;
            }
        }
        if let (Some(partition), 0) = (subscription.partition, partitions.count()) {
            return Err(ConsumerError::UnknownPartition(partition));
        }
        self.inner
            .assign(&partitions)
            .map_err(|error| ConsumerError::Failed(words(&error)))
    }
}

/// One record, as the library holds it.
pub struct ConsumedRecord<'a> {
    message: BorrowedMessage<'a>,
}

impl ConsumedRecord<'_> {
    /// Its key.
    #[must_use]
    pub fn key(&self) -> Option<&[u8]> {
        self.message.key()
    }

    /// Its value.
    #[must_use]
    pub fn value(&self) -> Option<&[u8]> {
        self.message.payload()
    }

    /// The topic it was read from.
    #[must_use]
    pub fn topic(&self) -> &str {
        self.message.topic()
    }

    /// When it was written.
    #[must_use]
    pub fn time(&self) -> RecordTime {
        match self.message.timestamp() {
            Timestamp::CreateTime(ms) => RecordTime::Create(ms),
            Timestamp::LogAppendTime(ms) => RecordTime::LogAppend(ms),
            Timestamp::NotAvailable => RecordTime::None,
        }
    }

    /// Names and values of its headers, in order.
    pub fn headers(&self) -> impl Iterator<Item = (&str, Option<&[u8]>)> {
        let headers = self.message.headers().into_iter();
        let headers = headers.flat_map(Headers::iter);
        headers.map(|header| (header.key, header.value))
    }

    /// The partition it was read from.
    #[must_use]
    pub fn partition(&self) -> i32 {
        self.message.partition()
    }

    /// Where it stands.
    #[must_use]
    pub fn offset(&self) -> Offset {
        Offset(self.message.offset())
    }

    /// The record as a report.
    #[must_use]
    pub fn report(&self) -> Report {
        let key = self.key().map(String::from_utf8_lossy);
        let value = self.value().map(String::from_utf8_lossy);
        // Valid UTF-8 is borrowed, only a replacement makes it owned.
        let lossy = [&key, &value]
            .into_iter()
            .any(|text| matches!(text, Some(Cow::Owned(_))));
        Report::Record {
            topic: self.message.topic().to_owned(),
            partition: self.message.partition(),
            offset: Offset(self.message.offset()),
            timestamp_ms: self.message.timestamp().to_millis().unwrap_or(-1),
            key: key.map(Cow::into_owned),
            value: value.map(Cow::into_owned),
            lossy,
        }
    }
}

/// Topics that Kafka keeps for itself.
fn is_internal(topic: &str) -> bool {
    [CONSUMER_OFFSETS, TRANSACTION_STATE].contains(&topic)
}

/// Different troubles that are told between two assignments: the library has so few.
const TOLD_ERRORS_MAX: usize = 64;

/// The library's callbacks, turned into reports.
struct Reports {
    told: Box<dyn Fn(Report) + Send + Sync>,
    /// The library repeats itself while a broker is away, its troubles by turns; people are told each once.
    told_errors: Mutex<Vec<String>>,
}

impl Reports {
    fn tell_error(&self, error: &KafkaError) {
        let error = words(error);
        let Ok(mut known) = self.told_errors.lock() else {
            return;
        };
        if known.len() < TOLD_ERRORS_MAX && !known.contains(&error) {
            known.push(error.clone());
            (self.told)(Report::ClientError { error });
        }
    }
}

impl ClientContext for Reports {
    fn error(&self, error: KafkaError, _reason: &str) {
        self.tell_error(&error);
    }
}

impl ConsumerContext for Reports {
    fn pre_rebalance(&self, _consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if let Rebalance::Revoke(partitions) = rebalance {
            (self.told)(Report::Revoked {
                partitions: offsets(partitions),
            });
        }
    }

    fn post_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if let Rebalance::Assign(partitions) = rebalance {
            let committed = consumer.committed_offsets((*partitions).clone(), COMMITTED_WAIT);
            (self.told)(Report::Assigned {
                partitions: offsets(committed.as_ref().unwrap_or(partitions)),
            });
            if let Ok(mut known) = self.told_errors.lock() {
                known.clear();
            }
        }
    }

    fn commit_callback(&self, result: KafkaResult<()>, committed: &TopicPartitionList) {
        // An error here is also "nothing to commit"; the next commit carries what this one missed.
        if result.is_ok() {
            (self.told)(Report::Committed {
                partitions: offsets(committed),
            });
        }
    }
}

fn offsets(list: &TopicPartitionList) -> Vec<PartitionOffset> {
    list.elements()
        .iter()
        .map(|element| PartitionOffset {
            topic: element.topic().to_owned(),
            partition: element.partition(),
            offset: match element.offset() {
                LibraryOffset::Offset(offset) => Offset(offset),
                _ => Offset(-1),
            },
        })
        .collect()
}
