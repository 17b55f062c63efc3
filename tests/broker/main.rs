//! The broker program against real clients and real enemies: librdkafka, raw frames, SIGKILL.

mod cluster;
mod garbage;
mod offline;
mod sessions;
mod versions;

use std::time::{Duration, Instant};

use rdkafka::producer::FutureRecord;

use cluster::{Cluster, PATIENCE};

#[tokio::test]
async fn acknowledged_records_survive_the_death_of_their_leader_once_and_in_order() {
    let mut cluster = Cluster::start(3);
    cluster.create_topic("orders", 1, 3).await;
    cluster.produce("orders", 0..50).await;
    let state = cluster.partition("orders", 0).await.expect("a leader");
    let leader = usize::try_from(state.leader_id.0).expect("an id");
    cluster.broker(leader).kill();
    cluster.produce("orders", 50..100).await;
    let after = cluster.partition("orders", 0).await.expect("a leader");
    assert_ne!(after.leader_id, state.leader_id);
    assert_eq!(after.leader_epoch, state.leader_epoch + 1);
    assert_eq!(after.isr_nodes.len(), 2);
    cluster.restart(leader);
    cluster.wait_until_in_sync("orders", 3).await;
    assert_eq!(cluster.consume("orders", 100), (0..100).collect::<Vec<_>>());
}

#[tokio::test]
async fn acknowledged_records_survive_the_death_of_every_process_at_once() {
    let mut cluster = Cluster::start(3);
    cluster.create_topic("orders", 1, 3).await;
    cluster.produce("orders", 0..50).await;
    for broker in &mut cluster.brokers {
        broker.kill();
    }
    for id in 1..=3 {
        cluster.restart(id);
    }
    cluster.wait_until_in_sync("orders", 3).await;
    cluster.produce("orders", 50..60).await;
    assert_eq!(cluster.consume("orders", 60), (0..60).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_clean_stop_hands_leadership_over_before_the_session_ends() {
    let mut cluster = Cluster::start(3);
    cluster.create_topic("orders", 1, 3).await;
    cluster.produce("orders", 0..10).await;
    let state = cluster.partition("orders", 0).await.expect("a leader");
    let leader = usize::try_from(state.leader_id.0).expect("an id");
    cluster.broker(leader).terminate();
    let begun = Instant::now();
    cluster.produce("orders", 10..20).await;
    assert!(
        begun.elapsed() < Duration::from_millis(1_400),
        "nobody waited for a session"
    );
    assert_eq!(cluster.consume("orders", 20), (0..20).collect::<Vec<_>>());
}

#[tokio::test]
async fn every_codec_is_stored_and_read_back() {
    let cluster = Cluster::start(2);
    for codec in ["none", "gzip", "snappy", "lz4", "zstd"] {
        cluster.create_topic(codec, 1, 2).await;
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
        let mut values = cluster.consume(codec, 200);
        values.sort_unstable();
        assert_eq!(values, (0..200).collect::<Vec<_>>(), "{codec}");
    }
}
