//! Disks that fail under a broker: folders that vanish, a disk that is full. What was acknowledged is not lost.

use std::{fs, os::unix::fs::symlink, path::PathBuf};

use kafka_protocol::messages::DescribeLogDirsRequest;
use kafkarium::wire::ErrorCode;

use crate::{
    SAFE,
    clients::WAIT,
    cluster::{Cluster, until, wait_until},
};

#[tokio::test]
async fn a_leader_whose_folder_was_removed_gives_the_partition_up_and_follows() {
    let cluster = Cluster::start(3, &[SAFE]);
    cluster.create_topic("orders", 1, 3);
    cluster.create_topic("other", 1, 3);
    cluster.produce_values("orders", 0..20).await;
    let before = cluster.leader("orders").await;
    fs::remove_dir_all(cluster.folder_of(before).join("orders-0")).expect("removed");
    cluster.produce_values("orders", 20..40).await;
    let after = cluster.leader("orders").await;
    assert_ne!(after, before);
    // What else it has on this disk goes on, and what it lost it has fetched again.
    let other = cluster.state("other").await.expect("a leader");
    assert_eq!(other.isr_nodes.len(), 3);
    cluster.produce_values("other", 0..5).await;
    cluster.wait_until_in_sync("orders", 3).await;
    assert_eq!(
        cluster.consume_values("orders", 40),
        (0..40).collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn a_follower_whose_folder_was_removed_holds_no_write_up() {
    // It would be missed for a day, were it not to say so by itself.
    let cluster = Cluster::start(3, &[SAFE, "replica.lag.time.max.ms=86400000"]);
    cluster.create_topic("orders", 1, 3);
    cluster.produce_values("orders", 0..20).await;
    let state = cluster.state("orders").await.expect("a leader");
    let follower = state.isr_nodes.iter().find(|id| **id != state.leader_id);
    let follower = *follower.expect("two follow");
    // A file where its folder was: it cannot be made anew.
    let folder = cluster.folder_of(follower.0).join("orders-0");
    fs::remove_dir_all(&folder).expect("removed");
    fs::write(&folder, "").expect("written");
    cluster.produce_values("orders", 20..40).await;
    let after = cluster.state("orders").await.expect("a leader");
    assert_eq!(after.leader_id, state.leader_id);
    assert!(!after.isr_nodes.contains(&follower));
    fs::remove_file(&folder).expect("removed");
    cluster.wait_until_in_sync("orders", 3).await;
    assert_eq!(
        cluster.consume_values("orders", 40),
        (0..40).collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn a_log_without_another_replica_waits_for_its_folder() {
    let mut cluster = Cluster::start(1, &[]);
    cluster.create_topic("orders", 1, 1);
    cluster.produce_values("orders", 0..10).await;
    let folder = cluster.folder_of(1).join("orders-0");
    let aside = cluster.folder_of(1).join("kept");
    fs::rename(&folder, &aside).expect("moved away");
    wait_for_log_dirs(&cluster, |offline| {
        offline.iter().any(|it| it.ends_with("orders-0"))
    })
    .await;
    assert_eq!(
        cluster.end_code("orders").await,
        ErrorCode::KafkaStorageError
    );
    assert!(!folder.exists(), "nothing empty takes its place");
    // A start does not forget what was there either.
    cluster.broker(1).stop();
    cluster.start_broker(1);
    assert_eq!(
        cluster.end_code("orders").await,
        ErrorCode::KafkaStorageError
    );
    fs::rename(&aside, &folder).expect("put back");
    wait_for_log_dirs(&cluster, <[PathBuf]>::is_empty).await;
    cluster.produce_values("orders", 10..12).await;
    assert_eq!(
        cluster.consume_values("orders", 12),
        (0..12).collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn a_log_that_lost_records_does_not_lead_those_that_have_them() {
    let mut cluster = Cluster::start(3, &[SAFE]);
    cluster.create_topic("orders", 1, 3);
    cluster.produce_values("orders", 0..20).await;
    let first = cluster.leader("orders").await;
    let checkpoint = cluster
        .folder_of(first)
        .join("replication-offset-checkpoint");
    wait_until("the high watermark is written down", || {
        let text = fs::read_to_string(&checkpoint).ok()?;
        text.contains("orders 0 20\n").then_some(())
    });
    for id in 1..=3 {
        cluster.kill_broker(id);
    }
    let log = cluster
        .folder_of(first)
        .join("orders-0/00000000000000000000.log");
    let bytes = fs::read(&log).expect("there");
    fs::write(&log, &bytes[..bytes.len() / 2]).expect("cut");
    for id in 1..=3 {
        cluster.start_broker(id);
    }
    until("another broker leads all three", async || {
        let state = cluster.state("orders").await?;
        (state.leader_id.0 != first && state.isr_nodes.len() == 3).then_some(())
    })
    .await;
    assert_eq!(
        cluster.consume_values("orders", 20),
        (0..20).collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn with_a_full_disk_a_broker_hands_over_and_says_why_it_ends() {
    let mut cluster = Cluster::start(3, &[SAFE]);
    cluster.create_topic("orders", 1, 3);
    cluster.produce_values("orders", 0..20).await;
    let before = cluster.leader("orders").await;
    // Where the next checkpoint is written the disk is full from now on.
    let checkpoint = cluster
        .folder_of(before)
        .join("replication-offset-checkpoint.tmp");
    symlink("/dev/full", checkpoint).expect("linked");
    let mut sent = 20;
    until("the broker ends", async || {
        cluster.produce_values("orders", sent..=sent).await;
        sent += 1;
        (!cluster.broker(before).is_running()).then_some(())
    })
    .await;
    assert!(!cluster.broker(before).end().success());
    cluster.produce_values("orders", sent..sent + 5).await;
    assert_ne!(cluster.leader("orders").await, before);
    assert_eq!(
        cluster.consume_values("orders", usize::try_from(sent + 5).expect("some")),
        (0..sent + 5).collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn a_broker_that_can_make_no_log_in_its_folder_hands_over_and_ends() {
    let mut cluster = Cluster::start(3, &[SAFE]);
    let folder = cluster.folder_of(2);
    fs::rename(&folder, folder.with_extension("gone")).expect("moved away");
    // Where the machine is busy it has missed its folder already, by a checkpoint, and three replicas are refused.
    let create = |cluster: &Cluster, replicas: &str| {
        let arguments = [
            "topics",
            "create",
            "orders",
            "--partitions=3",
            "--if-not-exists",
        ];
        let mut command = cluster.command(&arguments);
        command.args(["--replication-factor", replicas]);
        command.status().expect("the binary runs").success()
    };
    let created = create(&cluster, "3");
    wait_until("the broker ends", || {
        (!cluster.broker(2).is_running()).then_some(())
    });
    assert!(!cluster.broker(2).end().success());
    if !created {
        wait_until("the others have the topic", || {
            create(&cluster, "2").then_some(())
        });
    }
    cluster.produce_values("orders", 0..10).await;
    assert_ne!(cluster.leader("orders").await, 2);
}

async fn wait_for_log_dirs(cluster: &Cluster, is_it: impl Fn(&[PathBuf]) -> bool) {
    until("the log directories are as they should", async || {
        let mut connection = cluster.connect(1).await;
        let request = DescribeLogDirsRequest::default().with_topics(None);
        let answer = connection.ask(&request, WAIT).await.expect("answered");
        let failed = answer.results.iter().filter(|it| it.error_code != 0);
        let failed: Vec<PathBuf> = failed
            .map(|it| {
                assert_eq!(it.error_code, ErrorCode::KafkaStorageError.code());
                PathBuf::from(it.log_dir.as_str())
            })
            .collect();
        is_it(&failed).then_some(())
    })
    .await;
}
