//! Where a group's coordinator is, and the topic that decides it: created when first needed.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::Broker;
use crate::coordinator::partition_for;
use crate::image::{BrokerNode, ClusterImage};
use wire::{BrokerId, ErrorCode, TopicPartition};

use super::OFFSETS_TOPIC;

/// How long the first question waits for the new topic's leaders. Clients that are sent away
/// instead ask again only after their own back-off.
const LEADERS_WAIT: Duration = Duration::from_millis(500);

impl Broker {
    /// The live broker that coordinates this group.
    ///
    /// # Errors
    /// `COORDINATOR_NOT_AVAILABLE`: the topic cannot be created yet (too few brokers), or the
    /// group's partition has no leader now. The client asks again.
    pub(crate) async fn find_coordinator(
        &self,
        group: &str,
    ) -> Result<(BrokerId, BrokerNode), ErrorCode> {
        let mut images = self.registry.watch();
        if let Some(found) = coordinator_of(&images.borrow_and_update(), group) {
            return Ok(found);
        }
        let exists = |image: &ClusterImage| image.topics.contains_key(OFFSETS_TOPIC);
        if exists(&images.borrow()) {
            return Err(ErrorCode::CoordinatorNotAvailable);
        }
        self.create_offsets_topic().await;
        let found = images.wait_for(|image| coordinator_of(image, group).is_some());
        match tokio::time::timeout(LEADERS_WAIT, found).await {
            Ok(Ok(image)) => coordinator_of(&image, group),
            _ => None,
        }
        .ok_or(ErrorCode::CoordinatorNotAvailable)
    }

    /// Creates the topic of committed offsets, where there are brokers enough.
    pub(crate) async fn create_offsets_topic(&self) {
        let settings = &self.settings;
        let configs = BTreeMap::from([
            ("cleanup.policy".to_owned(), "compact".to_owned()),
            ("compression.type".to_owned(), "producer".to_owned()),
            (
                "segment.bytes".to_owned(),
                settings.offsets_topic_segment_bytes.to_string(),
            ),
        ]);
        let replicas = settings.offsets_topic_replication_factor;
        let created = self
            .registry
            .create_topic_of(
                OFFSETS_TOPIC,
                settings.offsets_topic_num_partitions,
                replicas,
                configs,
            )
            .await;
        if let Err(error) = created {
            tracing::info!("{OFFSETS_TOPIC} is not created now: {error}");
        }
    }
}

fn coordinator_of(image: &ClusterImage, group: &str) -> Option<(BrokerId, BrokerNode)> {
    let topic = image.topics.get(OFFSETS_TOPIC)?;
    let count = i32::try_from(topic.partitions.len()).ok()?;
    let at = TopicPartition::new(OFFSETS_TOPIC, partition_for(group, count));
    let leader = image.valid_leader(image.partition(&at)?)?;
    Some((leader, image.brokers.get(&leader)?.clone()))
}
