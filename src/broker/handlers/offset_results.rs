//! What requests that change a group's offsets share: the group's coordinator is asked for those of partitions that
//! exist, and each partition of the request is told what became of it.

use std::{collections::BTreeMap, sync::Arc};

use kafka_protocol::messages::TopicName;

use crate::{
    Broker,
    coordinator::{OffsetAndMetadata, Request, Response},
    image::ClusterImage,
};
use wire::{ErrorCode, TopicPartition, topic_key::TopicKey};

pub(super) type Offsets = Vec<(TopicPartition, OffsetAndMetadata)>;

/// What became of the partitions that the coordinator was asked for.
pub(super) struct OffsetResults(BTreeMap<TopicPartition, ErrorCode>);

impl OffsetResults {
    /// The same of all.
    pub(super) fn all(asked: impl IntoIterator<Item = TopicPartition>, code: ErrorCode) -> Self {
        asked.into_iter().map(|at| (at, code)).collect()
    }

    /// Commits offsets; `asked` are their partitions.
    pub(super) async fn of_commit(
        broker: &Arc<Broker>,
        asked: Vec<TopicPartition>,
        commit: Request,
    ) -> Self {
        match broker.groups.ask(commit).await {
            Some(Response::Commit(results)) => results.into_iter().collect(),
            _ => Self::all(asked, ErrorCode::CoordinatorNotAvailable),
        }
    }

    /// As the answer tells it: who was not asked for does not exist.
    pub(super) fn code(&self, topic: &str, partition: i32) -> i16 {
        let found = self.0.get(&TopicPartition::new(topic, partition)).copied();
        found.unwrap_or(ErrorCode::UnknownTopicOrPartition).code()
    }
}

/// The name of a topic; one that is named by its id must exist.
pub(super) fn name_of(key: &TopicKey, image: &ClusterImage) -> Result<TopicName, ErrorCode> {
    match key {
        TopicKey::Name(name) => Ok(name.clone()),
        TopicKey::Id(id) => {
            let (name, _) = image.topic_by_id(*id).ok_or(ErrorCode::UnknownTopicId)?;
            Ok(TopicName(name.to_owned().into()))
        }
    }
}

impl FromIterator<(TopicPartition, ErrorCode)> for OffsetResults {
    fn from_iter<I: IntoIterator<Item = (TopicPartition, ErrorCode)>>(results: I) -> Self {
        Self(results.into_iter().collect())
    }
}
