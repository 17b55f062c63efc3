//! The broker program against real clients and real enemies: librdkafka, raw frames, SIGKILL.

mod bounds;
mod clients;
#[path = "../cluster/mod.rs"]
mod cluster;
mod configs;
mod connection;
mod consumer_groups;
mod declined;
mod garbage;
mod lenient;
mod newer_versions;
mod offline;
mod properties;
mod raised_epochs;
mod reassignment;
mod refusals;
mod remote;
mod sessions;
mod transactional_log;
mod transactional_offsets;
mod transactions;
mod versions;
mod words;

use kafka_protocol::{
    messages::{
        CreateTopicsRequest, MetadataRequest,
        create_topics_request::{CreatableReplicaAssignment, CreatableTopic},
        metadata_request::MetadataRequestTopic,
    },
    protocol::StrBytes,
};
use kafkarium::wire::ErrorCode;
use nix::sys::signal::Signal;
use rdkafka::producer::FutureRecord;

use clients::{WAIT, end_code};
use cluster::{Cluster, PATIENCE, until};

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

#[tokio::test]
async fn a_topic_is_not_said_to_be_there_before_its_leader_serves_it() {
    let mut cluster = Cluster::start(2, &["zookeeper.session.timeout.ms=60000"]);
    cluster.create_topic("first", 1, 2);
    let mut connection = cluster.connect(1).await;
    let mut other = cluster.connect(2).await;
    let request = |topic: &'static str, timeout_ms: i32| {
        let led_by_2 = CreatableReplicaAssignment::default().with_broker_ids(vec![2.into()]);
        let new = CreatableTopic::default()
            .with_name(StrBytes::from_static_str(topic).into())
            .with_num_partitions(-1)
            .with_replication_factor(-1)
            .with_assignments(vec![led_by_2]);
        CreateTopicsRequest::default()
            .with_timeout_ms(timeout_ms)
            .with_topics(vec![new])
    };
    cluster.broker(2).signal(Signal::SIGSTOP);
    let early = connection.ask(&request("early", 300), WAIT).await;
    cluster.broker(2).signal(Signal::SIGCONT);
    let code = early.expect("answered").topics[0].error_code;
    assert_eq!(code, ErrorCode::RequestTimedOut.code());

    let late = connection.ask(&request("late", 10_000), WAIT).await;
    assert_eq!(late.expect("answered").topics[0].error_code, 0);
    assert_eq!(end_code(&mut other, "late").await, ErrorCode::None);
}

#[tokio::test]
async fn an_auto_created_topic_is_told_of_with_all_its_leaders_or_without_partitions() {
    let cluster = Cluster::start(3, &["num.partitions=3"]);
    cluster.create_topic("first", 1, 3);
    for round in 0..8 {
        for id in cluster.ids() {
            let mut connection = cluster.connect(id).await;
            let name = StrBytes::from_string(format!("auto-{round}-{id}"));
            let topic = MetadataRequestTopic::default().with_name(Some(name.into()));
            let request = MetadataRequest::default()
                .with_topics(Some(vec![topic]))
                .with_allow_auto_topic_creation(true);
            until("the topic has its leaders", async || {
                let answer = connection.ask(&request, WAIT).await.expect("answered");
                let topic = &answer.topics[0];
                match ErrorCode::from_code(topic.error_code) {
                    ErrorCode::None => {
                        assert_eq!(topic.partitions.len(), 3);
                        let mut partitions = topic.partitions.iter();
                        assert!(partitions.all(|it| it.leader_id.0 > 0), "{topic:?}");
                        Some(())
                    }
                    code => {
                        assert_eq!(code, ErrorCode::LeaderNotAvailable);
                        assert_eq!(topic.partitions.len(), 0);
                        None
                    }
                }
            })
            .await;
        }
    }
}
