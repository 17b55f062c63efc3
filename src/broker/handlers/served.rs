//! Waits until new partitions are served where they are led: a topic that is said to be there can be used.
//!
//! A leader is written by the controller and learned by its broker a moment later, which then opens a log; on a
//! busy machine that moment is long. The leaders are asked, as any client would ask them.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures::future::join_all;
use kafka_protocol::{
    messages::{
        ListOffsetsRequest, ListOffsetsResponse,
        list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic},
    },
    protocol::StrBytes,
};
use tokio::time::{Instant, sleep, timeout_at};
use uuid::Uuid;

use crate::{Broker, image::ClusterImage};
use client::kafka::{KafkaConnection, KafkaError};
use wire::{BrokerId, ErrorCode, TopicPartition};

/// How long one question to a leader may take: one that is frozen may have lost the partition meanwhile.
const ASK_WAIT: Duration = Duration::from_secs(1);

/// Pause before the leaders are asked again.
const PAUSE: Duration = Duration::from_millis(20);

/// ListOffsets' name for the start of the log.
const EARLIEST: i64 = -2;

/// Waits until every partition of these topics has a leader that serves it. Returns those of which some have none
/// at `deadline`. A topic that is deleted meanwhile is not waited for.
pub(super) async fn unserved(
    broker: &Broker,
    topics: &[(String, Uuid)],
    deadline: Instant,
) -> Vec<String> {
    let mut left: Vec<&(String, Uuid)> = topics.iter().collect();
    while !left.is_empty() {
        let mut images = broker.registry.watch();
        let image = Arc::clone(&images.borrow());
        left.retain(|(name, id)| image.topics.get(name).is_some_and(|topic| topic.id == *id));
        let led: Vec<&(String, Uuid)> = left
            .iter()
            .copied()
            .filter(|(name, _)| is_led(&image, name))
            .collect();
        let asked = timeout_at(deadline, not_served(broker, &image, &led)).await;
        if let Ok(not_served) = asked {
            left.retain(|topic| !led.contains(topic) || not_served.contains(&topic.0));
        }
        if left.is_empty() || Instant::now() >= deadline {
            break;
        }
        // Who leads is told by the image, whether its log is open by nobody.
        if led.is_empty() {
            drop(timeout_at(deadline, images.changed()).await);
        } else {
            sleep(PAUSE).await;
        }
    }
    left.into_iter().map(|(name, _)| name.clone()).collect()
}

fn is_led(image: &ClusterImage, name: &str) -> bool {
    let topic = image.topics.get(name);
    let mut partitions = topic.iter().flat_map(|topic| topic.partitions.values());
    partitions.all(|partition| image.valid_leader(partition).is_some())
}

/// Those of the topics of which a leader does not serve all its partitions yet.
async fn not_served(
    broker: &Broker,
    image: &ClusterImage,
    topics: &[&(String, Uuid)],
) -> Vec<String> {
    let mut by_leader: BTreeMap<BrokerId, Vec<TopicPartition>> = BTreeMap::new();
    for (name, _) in topics {
        let topic = image.topics.get(name);
        for (index, partition) in topic.iter().flat_map(|topic| &topic.partitions) {
            if let Some(leader) = image.valid_leader(partition) {
                let all = by_leader.entry(leader).or_default();
                all.push(TopicPartition::new(name.as_str(), *index));
            }
        }
    }
    let asked = by_leader.into_iter().map(|(leader, all)| async move {
        if leader == broker.id {
            let images = || broker.registry.image();
            let settled = broker
                .partitions
                .wait_until_led(broker.id, images, &all, ASK_WAIT)
                .await;
            return if settled { Vec::new() } else { all };
        }
        match ask(broker, image, leader, &all).await {
            Ok(answer) => refused(answer),
            Err(error) => {
                tracing::debug!("broker {leader} does not tell whether it serves: {error}");
                all
            }
        }
    });
    let not_served = join_all(asked).await.into_iter().flatten();
    not_served.map(|at| at.topic).collect()
}

async fn ask(
    broker: &Broker,
    image: &ClusterImage,
    leader: BrokerId,
    all: &[TopicPartition],
) -> Result<ListOffsetsResponse, KafkaError> {
    let node = image.brokers.get(&leader);
    let address = node.map(|node| (node.host.as_str(), node.port));
    let address = address.unwrap_or_default();
    let mut connection =
        KafkaConnection::connect(address, &format!("broker-{}", broker.id), ASK_WAIT).await?;
    let mut topics: BTreeMap<&str, Vec<ListOffsetsPartition>> = BTreeMap::new();
    for at in all {
        let partition = ListOffsetsPartition::default()
            .with_partition_index(at.partition)
            .with_timestamp(EARLIEST);
        topics.entry(&at.topic).or_default().push(partition);
    }
    let topics = topics.into_iter().map(|(name, partitions)| {
        ListOffsetsTopic::default()
            .with_name(StrBytes::from_string(name.to_owned()).into())
            .with_partitions(partitions)
    });
    let request = ListOffsetsRequest::default()
        .with_replica_id((-1).into())
        .with_topics(topics.collect());
    connection.ask(&request, ASK_WAIT).await
}

/// Those that the broker does not know of yet, or does not lead yet. What it cannot serve for another reason, as a
/// disk that failed, no wait will mend.
fn refused(answer: ListOffsetsResponse) -> Vec<TopicPartition> {
    let mut refused = Vec::new();
    for topic in answer.topics {
        for partition in topic.partitions {
            let code = ErrorCode::from_code(partition.error_code);
            if matches!(
                code,
                ErrorCode::UnknownTopicOrPartition | ErrorCode::NotLeaderOrFollower
            ) {
                refused.push(TopicPartition::new(
                    topic.name.as_str(),
                    partition.partition_index,
                ));
            }
        }
    }
    refused
}
