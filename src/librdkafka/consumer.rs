//! Reads records with librdkafka, the client library of production.

use std::borrow::Cow;
use std::sync::Mutex;
use std::time::Duration;

use rdkafka::client::ClientContext;
use rdkafka::config::{ClientConfig, FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext, Rebalance, StreamConsumer};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::BorrowedMessage;
use rdkafka::metadata::MetadataTopic;
use rdkafka::{Message, Offset as LibraryOffset, TopicPartitionList};
use thiserror::Error;

use super::producer::words;
use wire::Offset;
use wire::report::{PartitionOffset, Report};

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
    /// The library cannot go on; in Kafka's words.
    #[error("{0}")]
    Failed(String),
}

/// What to read, and for whom.
#[derive(Debug, Clone)]
pub struct Subscription<'a> {
    /// Any brokers of the cluster.
    pub bootstrap: &'a str,
    /// The topic.
    pub topic: &'a str,
    /// The group to share the work with; alone and without commits where there is none.
    pub group: Option<&'a str>,
    /// Where nothing is committed: from the oldest record on instead of only new ones.
    pub from_beginning: bool,
    /// More settings by librdkafka's names.
    pub settings: &'a [(String, String)],
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
        let oldest = if subscription.from_beginning {
            "earliest"
        } else {
            "latest"
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
            last_error: Mutex::new(None),
        };
        let inner = StreamConsumer::from_config_and_context(&config, context)
            .map_err(|error| ConsumerError::Config(error.to_string()))?;
        let consumer = Self { inner };
        match subscription.group {
            Some(_) => consumer
                .inner
                .subscribe(&[subscription.topic])
                .map_err(|error| ConsumerError::Failed(words(&error)))?,
            None => consumer.assign_all(subscription)?,
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

    fn assign_all(&self, subscription: &Subscription<'_>) -> Result<(), ConsumerError> {
        let metadata = self
            .inner
            .fetch_metadata(Some(subscription.topic), METADATA_WAIT)
            .map_err(|error| ConsumerError::Unreachable {
                bootstrap: subscription.bootstrap.to_owned(),
                why: words(&error),
            })?;
        let offset = if subscription.from_beginning {
            LibraryOffset::Beginning
        } else {
            LibraryOffset::End
        };
        let mut partitions = TopicPartitionList::new();
        for partition in metadata.topics().iter().flat_map(MetadataTopic::partitions) {
            partitions
                .add_partition_offset(subscription.topic, partition.id(), offset)
                .map_err(|error| ConsumerError::Failed(words(&error)))?;
        }
        if partitions.count() == 0 {
            return Err(ConsumerError::UnknownTopic(subscription.topic.to_owned()));
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

/// The library's callbacks, turned into reports.
struct Reports {
    told: Box<dyn Fn(Report) + Send + Sync>,
    /// The library repeats itself while a broker is away; people are told once.
    last_error: Mutex<Option<String>>,
}

impl Reports {
    fn tell_error(&self, error: &KafkaError) {
        let error = words(error);
        let Ok(mut last) = self.last_error.lock() else {
            return;
        };
        if last.as_ref() != Some(&error) {
            *last = Some(error.clone());
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
            if let Ok(mut last) = self.last_error.lock() {
                *last = None;
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
