//! What real clients do with the cluster: librdkafka produces and consumes, a bare connection asks.

use std::time::Duration;

use kafka_protocol::{
    messages::{
        ListOffsetsRequest, MetadataRequest,
        list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic},
        metadata_response::MetadataResponsePartition,
    },
    protocol::StrBytes,
};
use kafkarium::{
    client::kafka::KafkaConnection,
    librdkafka::producer::{Outgoing, Producer},
    wire::ErrorCode,
};
use rdkafka::{
    ClientConfig, Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    producer::{FutureProducer, FutureRecord},
};

use crate::cluster::{Cluster, PATIENCE, until, wait_until};

/// How long one question may take.
pub const WAIT: Duration = Duration::from_secs(10);

impl Cluster {
    pub fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", self.bootstrap())
            .set("reconnect.backoff.ms", "10")
            .set("reconnect.backoff.max.ms", "50")
            .set("retry.backoff.ms", "10")
            .set("topic.metadata.refresh.fast.interval.ms", "20");
        config
    }

    /// A connection to a broker.
    pub async fn connect(&self, id: i32) -> KafkaConnection {
        KafkaConnection::connect(&*self.address_of(id), "test", WAIT)
            .await
            .expect("a connection")
    }

    /// Partition 0 as a broker that answers tells it.
    pub async fn state(&self, topic: &str) -> Option<MetadataResponsePartition> {
        for id in self.ids() {
            let wait = Duration::from_secs(1);
            let address = self.address_of(id);
            let Ok(mut connection) = KafkaConnection::connect(&*address, "test", wait).await else {
                continue;
            };
            let request = MetadataRequest::default().with_topics(None);
            let Ok(metadata) = connection.ask(&request, wait).await else {
                continue;
            };
            return metadata
                .topics
                .into_iter()
                .find(|it| it.name.as_ref().is_some_and(|name| name.as_str() == topic))?
                .partitions
                .into_iter()
                .find(|it| it.partition_index == 0);
        }
        None
    }

    /// As [`end_code`], of broker 1.
    pub async fn end_code(&self, topic: &str) -> ErrorCode {
        end_code(&mut self.connect(1).await, topic).await
    }

    /// Who leads partition 0.
    pub async fn leader(&self, topic: &str) -> i32 {
        let lead = async || Some(self.state(topic).await?.leader_id.0).filter(|id| *id >= 0);
        until("somebody leads", lead).await
    }

    pub async fn wait_until_in_sync(&self, topic: &str, replicas: usize) {
        until("all replicas are in sync", async || {
            let state = self.state(topic).await?;
            (state.isr_nodes.len() == replicas).then_some(())
        })
        .await;
    }

    pub fn producer(&self, codec: &str) -> FutureProducer {
        self.config()
            .set("enable.idempotence", "true")
            .set("compression.type", codec)
            .set("linger.ms", "0")
            .create()
            .expect("a producer")
    }

    /// Produces `values` to partition 0 one after the other, each acknowledged by all.
    pub async fn produce_values(&self, topic: &str, values: impl Iterator<Item = i32>) {
        let producer = self.producer("none");
        for value in values {
            let value = value.to_string();
            let record = FutureRecord::<(), _>::to(topic)
                .partition(0)
                .payload(&value);
            let sent = producer.send(record, PATIENCE).await;
            assert!(sent.is_ok(), "{value}: {sent:?}");
        }
    }

    /// Everything in partition 0, from the beginning, by a client of its own.
    pub fn consume_values(&self, topic: &str, count: usize) -> Vec<i32> {
        let consumer: BaseConsumer = self
            .config()
            .set("group.id", "reader")
            .set("enable.auto.commit", "false")
            .create()
            .expect("a consumer");
        let mut assignment = TopicPartitionList::new();
        assignment
            .add_partition_offset(topic, 0, Offset::Beginning)
            .expect("an offset");
        consumer.assign(&assignment).expect("assigned");
        let mut values = Vec::new();
        wait_until("all records are read", || {
            if let Some(Ok(message)) = consumer.poll(Duration::from_millis(100)) {
                let value = std::str::from_utf8(message.payload().expect("a value"));
                values.push(value.expect("text").parse().expect("a number"));
            }
            (values.len() >= count).then_some(())
        });
        values
    }
}

/// How a broker answers a question for the end of partition 0.
pub async fn end_code(connection: &mut KafkaConnection, topic: &str) -> ErrorCode {
    const LATEST: i64 = -1;
    let name = StrBytes::from_string(topic.to_owned());
    let partition = ListOffsetsPartition::default().with_timestamp(LATEST);
    let topic = ListOffsetsTopic::default()
        .with_name(name.into())
        .with_partitions(vec![partition]);
    let request = ListOffsetsRequest::default()
        .with_replica_id((-1).into())
        .with_topics(vec![topic]);
    let answer = connection.ask(&request, WAIT).await.expect("answered");
    ErrorCode::from_code(answer.topics[0].partitions[0].error_code)
}

#[tokio::test]
async fn a_deleted_topic_stays_away_however_often_our_own_producer_asks_for_it() {
    let cluster = Cluster::start(1, &[]);
    cluster.create_topic("talk", 1, 1);
    let (told, mut deliveries) = tokio::sync::mpsc::channel(1_000);
    let bootstrap = cluster.bootstrap();
    let producer = tokio::task::spawn_blocking(move || {
        let settings = [("topic.metadata.refresh.interval.ms", "10")];
        Producer::new(&bootstrap, &settings, move |(), delivery| {
            let _ = told.try_send(delivery.outcome);
        })
    });
    let producer = producer.await.expect("made").expect("made");
    let producer = std::sync::Arc::new(producer);
    let record = Outgoing {
        topic: "talk",
        value: Some(b"hello"),
        ..Outgoing::default()
    };
    producer.send(record, ()).expect("taken");
    let delivered = deliveries.recv().await.expect("delivered");
    assert!(delivered.is_ok(), "{delivered:?}");

    cluster.run(&["topics", "delete", "talk"]);
    for _ in 0..20 {
        // The library takes it or knows that there is no such topic.
        let _ = producer.send(record, ());
        let asking = std::sync::Arc::clone(&producer);
        let asked = tokio::task::spawn_blocking(move || asking.look_for_leaders("talk", WAIT));
        asked.await.expect("asked");
        assert_eq!(cluster.state("talk").await, None);
    }

    // The same name is another topic, and the same producer finds it.
    cluster.create_topic("talk", 1, 1);
    until("the new topic takes records", async || {
        let asking = std::sync::Arc::clone(&producer);
        let asked = tokio::task::spawn_blocking(move || asking.look_for_leaders("talk", WAIT));
        asked.await.expect("asked");
        while deliveries.try_recv().is_ok() {}
        producer.send(record, ()).ok()?;
        deliveries.recv().await?.ok()
    })
    .await;
    tokio::task::spawn_blocking(move || drop(producer))
        .await
        .expect("dropped");
}
