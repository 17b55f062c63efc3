//! The broker program against real clients and real enemies: librdkafka, raw frames, SIGKILL.

mod clients;
#[path = "../cluster/mod.rs"]
mod cluster;
mod configs;
mod garbage;
mod offline;
mod reassignment;
mod refusals;
mod sessions;
mod versions;

use kafka_protocol::{
    messages::{CreateTopicsRequest, create_topics_request::CreatableTopic},
    protocol::StrBytes,
};
use kafkarium::wire::ErrorCode;
use rdkafka::producer::FutureRecord;

use clients::{WAIT, end_code};
use cluster::{Cluster, PATIENCE};

/// What makes acks=all mean two brokers.
const SAFE: &str = "min.insync.replicas=2";

#[tokio::test]
async fn acknowledged_records_survive_the_death_of_their_leader_once_and_in_order() {
    let mut cluster = Cluster::start(3, &[SAFE]);
    cluster.create_topic("orders", 1, 3);
    cluster.produce_values("orders", 0..50).await;
    let state = cluster.state("orders").await.expect("a leader");
    let leader = state.leader_id.0;
    cluster.kill_broker(leader);
    cluster.produce_values("orders", 50..100).await;
    let after = cluster.state("orders").await.expect("a leader");
    assert_ne!(after.leader_id, state.leader_id);
    assert_eq!(after.leader_epoch, state.leader_epoch + 1);
    assert_eq!(after.isr_nodes.len(), 2);
    cluster.start_broker(leader);
    cluster.wait_until_in_sync("orders", 3).await;
    assert_eq!(
        cluster.consume_values("orders", 100),
        (0..100).collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn acknowledged_records_survive_the_death_of_every_process_at_once() {
    let mut cluster = Cluster::start(3, &[SAFE]);
    cluster.create_topic("orders", 1, 3);
    cluster.produce_values("orders", 0..50).await;
    for id in 1..=3 {
        cluster.kill_broker(id);
    }
    for id in 1..=3 {
        cluster.start_broker(id);
    }
    cluster.wait_until_in_sync("orders", 3).await;
    cluster.produce_values("orders", 50..60).await;
    assert_eq!(
        cluster.consume_values("orders", 60),
        (0..60).collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn a_clean_stop_hands_leadership_over_before_the_session_ends() {
    let mut cluster = Cluster::start(3, &[SAFE, "zookeeper.session.timeout.ms=60000"]);
    cluster.create_topic("orders", 1, 3);
    cluster.produce_values("orders", 0..10).await;
    let leader = cluster.leader("orders").await;
    cluster.broker(leader).stop();
    // Longer than anybody here waits: no session runs out.
    cluster.produce_values("orders", 10..20).await;
    assert_eq!(
        cluster.consume_values("orders", 20),
        (0..20).collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn every_codec_is_stored_and_read_back() {
    let cluster = Cluster::start(2, &[SAFE]);
    for codec in ["none", "gzip", "snappy", "lz4", "zstd"] {
        cluster.create_topic(codec, 1, 2);
        let producer = cluster.producer(codec);
        let sending = (0..200).map(|value| {
            let (producer, topic) = (producer.clone(), codec.to_owned());
            async move {
                let value = value.to_string();
                let record = FutureRecord::<(), _>::to(&topic).payload(&value);
                producer.send(record, PATIENCE).await.expect("acknowledged");
            }
        });
        futures::future::join_all(sending).await;
        let mut values = cluster.consume_values(codec, 200);
        values.sort_unstable();
        assert_eq!(values, (0..200).collect::<Vec<_>>(), "{codec}");
    }
}

#[tokio::test]
async fn a_topic_can_be_used_as_soon_as_it_is_said_to_be_there() {
    let cluster = Cluster::start(1, &[]);
    let mut connection = cluster.connect(1).await;
    for round in 0..20 {
        let topic = format!("orders-{round}");
        let new = CreatableTopic::default()
            .with_name(StrBytes::from_string(topic.clone()).into())
            .with_num_partitions(3)
            .with_replication_factor(1);
        let request = CreateTopicsRequest::default()
            .with_timeout_ms(10_000)
            .with_topics(vec![new]);
        let answer = connection.ask(&request, WAIT).await.expect("answered");
        assert_eq!(answer.topics[0].error_code, 0, "{answer:?}");
        assert_eq!(end_code(&mut connection, &topic).await, ErrorCode::None);
    }
}
