//! What a fetcher asks its leader.

use std::{collections::BTreeMap, time::Duration};

use kafka_protocol::messages::{
    FetchRequest,
    fetch_request::{FetchPartition, FetchTopic, ForgottenTopic, ReplicaState},
};

use super::{Fetcher, key, session::Ask};
use crate::partitions::Followed;

impl Fetcher {
    /// Names what the leader does not know yet of what is due.
    pub(super) fn request(&mut self, due: &[Followed], wait: Duration) -> FetchRequest {
        let Ask {
            id,
            epoch,
            named,
            forgotten,
        } = self
            .session
            .ask(due.iter().map(|followed| (key(followed), followed.sent)));
        let settings = &self.shared.settings;
        let mut topics: BTreeMap<uuid::Uuid, Vec<FetchPartition>> = BTreeMap::new();
        let named = due.iter().zip(named).filter(|(_, is_named)| *is_named);
        for (followed, _) in named {
            let partition = FetchPartition::default()
                .with_partition(followed.partition.at().partition)
                .with_current_leader_epoch(followed.sent.epoch.0)
                .with_fetch_offset(followed.sent.offset.0)
                .with_last_fetched_epoch(
                    followed.sent.last_fetched_epoch.map_or(-1, |epoch| epoch.0),
                )
                .with_log_start_offset(followed.sent.log_start_offset.0)
                .with_partition_max_bytes(settings.replica_fetch_max_bytes)
                .with_high_watermark(followed.sent.high_watermark.0);
            topics
                .entry(followed.partition.topic_id())
                .or_default()
                .push(partition);
        }
        let mut gone: BTreeMap<uuid::Uuid, Vec<i32>> = BTreeMap::new();
        for (topic, partition) in forgotten {
            gone.entry(topic).or_default().push(partition);
        }
        FetchRequest::default()
            .with_session_id(id)
            .with_session_epoch(epoch)
            .with_forgotten_topics_data(
                gone.into_iter()
                    .map(|(id, partitions)| {
                        ForgottenTopic::default()
                            .with_topic_id(id)
                            .with_partitions(partitions)
                    })
                    .collect(),
            )
            .with_replica_state(
                ReplicaState::default()
                    .with_replica_id(self.shared.registry.broker_id().0.into())
                    .with_replica_epoch(self.shared.registry.broker_epoch()),
            )
            .with_max_wait_ms(i32::try_from(wait.as_millis()).unwrap_or(i32::MAX))
            .with_min_bytes(1)
            .with_max_bytes(settings.replica_fetch_response_max_bytes)
            .with_topics(
                topics
                    .into_iter()
                    .map(|(id, partitions)| {
                        FetchTopic::default()
                            .with_topic_id(id)
                            .with_partitions(partitions)
                    })
                    .collect(),
            )
    }
}
