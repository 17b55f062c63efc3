//! Where the coordinator of a key is, and the topic that decides it: created when first needed.

use std::time::Duration;

use crate::Broker;
use crate::image::{BrokerNode, ClusterImage};
use crate::internal_topic::InternalTopic;
use wire::{BrokerId, ErrorCode};

/// How long the first question waits for the new topic's leaders. Clients that are sent away
/// instead ask again only after their own back-off.
const LEADERS_WAIT: Duration = Duration::from_millis(500);

impl Broker {
    /// The live broker that coordinates what has this key.
    ///
    /// # Errors
    /// `COORDINATOR_NOT_AVAILABLE`: the topic cannot be created yet (too few brokers), or the
    /// key's partition has no leader now. The client asks again.
    pub(crate) async fn find_coordinator(
        &self,
        topic: InternalTopic,
        key: &str,
    ) -> Result<(BrokerId, BrokerNode), ErrorCode> {
        let mut images = self.registry.watch();
        if let Some(found) = coordinator_of(&images.borrow_and_update(), topic, key) {
            return Ok(found);
        }
        if images.borrow().topics.contains_key(topic.name()) {
            return Err(ErrorCode::CoordinatorNotAvailable);
        }
        self.create_internal_topic(topic).await;
        let found = images.wait_for(|image| coordinator_of(image, topic, key).is_some());
        match tokio::time::timeout(LEADERS_WAIT, found).await {
            Ok(Ok(image)) => coordinator_of(&image, topic, key),
            _ => None,
        }
        .ok_or(ErrorCode::CoordinatorNotAvailable)
    }

    /// Creates the topic, where there are brokers enough.
    pub(crate) async fn create_internal_topic(&self, topic: InternalTopic) {
        let settings = &self.settings;
        let created = self
            .registry
            .create_topic_of(
                topic.name(),
                topic.partition_count(settings),
                topic.replication_factor(settings),
                topic.configs(settings),
            )
            .await;
        if let Err(error) = created {
            tracing::info!("{} is not created now: {error}", topic.name());
        }
    }
}

/// The live broker that leads the key's partition of `topic`.
fn coordinator_of(
    image: &ClusterImage,
    topic: InternalTopic,
    key: &str,
) -> Option<(BrokerId, BrokerNode)> {
    let at = topic.place_of(key, image)?;
    let leader = image.valid_leader(image.partition(&at)?)?;
    Some((leader, image.brokers.get(&leader)?.clone()))
}
