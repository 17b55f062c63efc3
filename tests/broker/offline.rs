//! Disks that fail under a broker: folders that vanish, a disk that is full. What was acknowledged is not lost.

use std::{fs, os::unix::fs::symlink, path::PathBuf, time::Duration, time::Instant};

use kafka_protocol::{
    messages::{
        DescribeLogDirsRequest, ListOffsetsRequest,
        list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic},
    },
    protocol::StrBytes,
};
use kafkarium::{client::kafka::KafkaConnection, wire::ErrorCode};

use crate::cluster::{Cluster, PATIENCE};

async fn leader(cluster: &Cluster, topic: &str) -> usize {
    let state = cluster.partition(topic, 0).await.expect("a leader");
    usize::try_from(state.leader_id.0).expect("somebody leads")
}

#[tokio::test]
async fn a_leader_whose_folder_was_removed_gives_the_partition_up_and_follows() {
    let cluster = Cluster::start(3);
    cluster.create_topic("orders", 1, 3).await;
    cluster.create_topic("other", 1, 3).await;
    cluster.produce("orders", 0..20).await;
    let before = leader(&cluster, "orders").await;
    fs::remove_dir_all(cluster.folder(before).join("orders-0")).expect("removed");
    cluster.produce("orders", 20..40).await;
    let after = leader(&cluster, "orders").await;
    assert_ne!(after, before);
    // What else it has on this disk goes on, and what it lost it has fetched again.
    let other = cluster.partition("other", 0).await.expect("a leader");
    assert_eq!(other.isr_nodes.len(), 3);
    cluster.produce("other", 0..5).await;
    cluster.wait_until_in_sync("orders", 3).await;
    assert_eq!(cluster.consume("orders", 40), (0..40).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_log_without_another_replica_waits_for_its_folder() {
    let mut cluster = Cluster::start_with(1, &[]);
    cluster.create_topic("orders", 1, 1).await;
    cluster.produce("orders", 0..10).await;
    let folder = cluster.folder(1).join("orders-0");
    let aside = cluster.folder(1).join("kept");
    fs::rename(&folder, &aside).expect("moved away");
    wait_for_log_dirs(&cluster, |offline| {
        offline.iter().any(|it| it.ends_with("orders-0"))
    })
    .await;
    assert_eq!(code(&cluster).await, ErrorCode::KafkaStorageError);
    assert!(!folder.exists(), "nothing empty takes its place");
    // A start does not forget what was there either.
    cluster.broker(1).terminate();
    cluster.restart(1);
    assert_eq!(code(&cluster).await, ErrorCode::KafkaStorageError);
    fs::rename(&aside, &folder).expect("put back");
    wait_for_log_dirs(&cluster, <[PathBuf]>::is_empty).await;
    cluster.produce("orders", 10..12).await;
    assert_eq!(cluster.consume("orders", 12), (0..12).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_log_that_lost_records_does_not_lead_those_that_have_them() {
    let mut cluster = Cluster::start(3);
    cluster.create_topic("orders", 1, 3).await;
    cluster.produce("orders", 0..20).await;
    let first = leader(&cluster, "orders").await;
    let checkpoint = cluster.folder(first).join("replication-offset-checkpoint");
    let begun = Instant::now();
    while !fs::read_to_string(&checkpoint).is_ok_and(|text| text.contains("orders 0 20\n")) {
        assert!(
            begun.elapsed() < PATIENCE,
            "the high watermark is written down"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for broker in &mut cluster.brokers {
        broker.kill();
    }
    let log = cluster
        .folder(first)
        .join("orders-0/00000000000000000000.log");
    let bytes = fs::read(&log).expect("there");
    fs::write(&log, &bytes[..bytes.len() / 2]).expect("cut");
    for id in 1..=3 {
        cluster.restart(id);
    }
    cluster.wait_until_in_sync("orders", 3).await;
    assert_ne!(leader(&cluster, "orders").await, first);
    assert_eq!(cluster.consume("orders", 20), (0..20).collect::<Vec<_>>());
}

#[tokio::test]
async fn with_a_full_disk_a_broker_hands_over_and_says_why_it_ends() {
    let mut cluster = Cluster::start(3);
    cluster.create_topic("orders", 1, 3).await;
    cluster.produce("orders", 0..20).await;
    let before = leader(&cluster, "orders").await;
    // Where the next checkpoint is written the disk is full from now on.
    let checkpoint = cluster
        .folder(before)
        .join("replication-offset-checkpoint.tmp");
    symlink("/dev/full", checkpoint).expect("linked");
    let begun = Instant::now();
    let mut sent = 20;
    while cluster.broker(before).is_running() {
        assert!(begun.elapsed() < PATIENCE, "the broker goes on");
        cluster.produce("orders", sent..=sent).await;
        sent += 1;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(!cluster.broker(before).success());
    cluster.produce("orders", sent..sent + 5).await;
    assert_ne!(leader(&cluster, "orders").await, before);
    assert_eq!(
        cluster.consume("orders", usize::try_from(sent + 5).expect("some")),
        (0..sent + 5).collect::<Vec<_>>()
    );
}

async fn wait_for_log_dirs(cluster: &Cluster, is_it: impl Fn(&[PathBuf]) -> bool) {
    let begun = Instant::now();
    loop {
        let mut connection = connect(cluster).await;
        let request = DescribeLogDirsRequest::default().with_topics(None);
        let answer = connection.ask(&request, PATIENCE).await.expect("answered");
        let failed = answer.results.iter().filter(|it| it.error_code != 0);
        let failed: Vec<PathBuf> = failed
            .map(|it| {
                assert_eq!(it.error_code, ErrorCode::KafkaStorageError.code());
                PathBuf::from(it.log_dir.as_str())
            })
            .collect();
        if is_it(&failed) {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "still {failed:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn connect(cluster: &Cluster) -> KafkaConnection {
    KafkaConnection::connect(cluster.brokers[0].address, "test", PATIENCE)
        .await
        .expect("connected")
}

/// What a question for the end of partition 0 of `orders` is answered with.
async fn code(cluster: &Cluster) -> ErrorCode {
    const LATEST: i64 = -1;
    let mut connection = connect(cluster).await;
    let request = ListOffsetsRequest::default()
        .with_replica_id((-1).into())
        .with_topics(vec![
            ListOffsetsTopic::default()
                .with_name(StrBytes::from_static_str("orders").into())
                .with_partitions(vec![ListOffsetsPartition::default().with_timestamp(LATEST)]),
        ]);
    let answer = connection.ask(&request, PATIENCE).await.expect("answered");
    ErrorCode::from_code(answer.topics[0].partitions[0].error_code)
}
