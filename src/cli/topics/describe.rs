//! `topics --describe`, line by line as `kafka-topics.sh` of 3.9 prints it.

use std::fmt::Write as _;

use anyhow::Result;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::Args;

use super::selection::Selection;
use super::{existing, replication_factor};
use crate::cli::say::say;
use crate::cli::table::listed;
use client::admin::Admin;
use client::topics::{Cluster, Partition, Topic, TopicConfig};

/// The setting that says how many must be in sync.
const MIN_INSYNC_REPLICAS: &str = "min.insync.replicas";

/// Which lines `--describe` prints.
#[derive(Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of its own on the command line"
)]
pub(super) struct Shown {
    /// Describe only partitions that a replica is behind in.
    #[arg(long, group = "shown")]
    under_replicated_partitions: bool,
    /// Describe only partitions that nobody leads.
    #[arg(long, group = "shown")]
    unavailable_partitions: bool,
    /// Describe only partitions with fewer replicas in sync than min.insync.replicas.
    #[arg(long, group = "shown")]
    under_min_isr_partitions: bool,
    /// Describe only partitions with just as many replicas in sync as min.insync.replicas.
    #[arg(long, group = "shown")]
    at_min_isr_partitions: bool,
    /// Describe only topics with settings of their own, without their partitions.
    #[arg(long, group = "shown")]
    topics_with_overrides: bool,
}

impl Shown {
    fn heading(&self) -> bool {
        !(self.under_replicated_partitions
            || self.unavailable_partitions
            || self.under_min_isr_partitions
            || self.at_min_isr_partitions)
    }

    fn partition(&self, cluster: &Cluster, partition: &Partition, min_isr: usize) -> bool {
        let in_sync = partition.isr.len();
        if self.under_replicated_partitions {
            in_sync < partition.replicas.len()
        } else if self.unavailable_partitions {
            leader(cluster, partition).is_none()
        } else if self.under_min_isr_partitions {
            in_sync < min_isr
        } else if self.at_min_isr_partitions {
            in_sync == min_isr
        } else {
            !self.topics_with_overrides
        }
    }
}

/// Describes the chosen topics.
pub(super) async fn run(
    admin: &mut Admin,
    selection: &Selection,
    if_exists: bool,
    shown: &Shown,
) -> Result<()> {
    let cluster = admin.metadata(None).await?;
    let topics = existing(selection, &cluster, if_exists)?;
    let names: Vec<String> = topics.iter().map(|topic| topic.name.clone()).collect();
    let configs = admin.topic_configs(&names).await?;
    for topic in topics {
        let configs = configs
            .iter()
            .find(|(name, _)| *name == topic.name)
            .map_or(&[][..], |(_, configs)| configs);
        say(&described(&cluster, topic, configs, shown))?;
    }
    Ok(())
}

fn described(cluster: &Cluster, topic: &Topic, configs: &[TopicConfig], shown: &Shown) -> String {
    let own: Vec<String> = configs
        .iter()
        .filter(|config| config.of_topic)
        .map(|config| format!("{}={}", config.name, config.value))
        .collect();
    if shown.topics_with_overrides && own.is_empty() {
        return String::new();
    }
    let name = &topic.name;
    let mut text = String::new();
    if shown.heading() {
        let id = topic
            .topic_id
            .map_or_else(String::new, |id| URL_SAFE_NO_PAD.encode(id));
        let _ = writeln!(
            text,
            "Topic: {name}\tTopicId: {id}\tPartitionCount: {}\tReplicationFactor: {}\tConfigs: {}",
            topic.partitions.len(),
            replication_factor(topic),
            own.join(","),
        );
    }
    let min_isr = configs
        .iter()
        .find(|config| config.name == MIN_INSYNC_REPLICAS)
        .and_then(|config| config.value.parse().ok())
        .unwrap_or(1);
    for partition in &topic.partitions {
        if !shown.partition(cluster, partition, min_isr) {
            continue;
        }
        let leader = leader(cluster, partition)
            .map_or_else(|| "none".to_owned(), |leader| leader.to_string());
        let _ = writeln!(
            text,
            "\tTopic: {name}\tPartition: {}\tLeader: {leader}\tReplicas: {}\tIsr: {}\tElr: N/A\tLastKnownElr: N/A",
            partition.partition,
            listed(&partition.replicas),
            listed(&partition.isr),
        );
    }
    text
}

/// Who leads and is there; metadata may still name one that has just died.
fn leader(cluster: &Cluster, partition: &Partition) -> Option<wire::BrokerId> {
    partition
        .leader
        .filter(|leader| cluster.brokers.contains_key(leader))
}
