//! Metadata 0 to 13: the live brokers, the controller, and who leads which partition.
//!
//! Behaviour: the leader is the one that leads now, `LEADER_NOT_AVAILABLE` where nobody does or
//! its broker is not registered any more. A topic is told of when all its partitions have had a leader, and
//! those that are added when they have. One asked for by name that does not exist is
//! created when the request and `auto.create.topics.enable` allow it (the answer is
//! `LEADER_NOT_AVAILABLE` until it has leaders; the client asks again), else
//! `UNKNOWN_TOPIC_OR_PARTITION`. By id (from 10): `UNKNOWN_TOPIC_ID`. One that is named twice is told of once. Version 0 asks for all topics
//! with an empty list, later versions with none. Authorized operations: all, for there are no ACLs.
//! Not done: racks.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use kafka_protocol::{
    messages::{
        MetadataRequest, MetadataResponse, TopicName,
        metadata_request::MetadataRequestTopic,
        metadata_response::{
            MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
        },
    },
    protocol::StrBytes,
};
use uuid::Uuid;

use super::RequestContext;
use crate::{
    Broker,
    controller::assignment,
    image::{ClusterImage, PartitionImage, TopicImage},
    internal_topic::InternalTopic,
    registry::RegistryError,
    topic_name,
};
use wire::{BrokerId, ErrorCode};

/// The bits of every operation on a topic: read, write, create, delete, alter, describe,
/// describe configs, alter configs.
pub(super) const TOPIC_OPERATIONS: i32 = 0x0df8;

/// The bits of every operation on the cluster: create, alter, describe, cluster action, describe
/// configs, alter configs, idempotent write.
pub(super) const CLUSTER_OPERATIONS: i32 = 0x1fa0;

/// What `authorized_operations` says when nobody asked for it.
pub(super) const OPERATIONS_NOT_ASKED: i32 = i32::MIN;

/// Nobody, on the wire.
pub(super) const NOBODY: BrokerId = BrokerId(-1);

pub(super) async fn handle(
    broker: &Arc<Broker>,
    context: &RequestContext,
    request: MetadataRequest,
) -> MetadataResponse {
    let image = broker.registry.image();
    let create = request.allow_auto_topic_creation || context.version < 4;
    let operations = if request.include_topic_authorized_operations {
        TOPIC_OPERATIONS
    } else {
        OPERATIONS_NOT_ASKED
    };
    let wanted = request
        .topics
        .filter(|topics| context.version > 0 || !topics.is_empty());
    let topics = match wanted {
        None => image
            .topics
            .iter()
            .filter(|(_, topic)| !topic.is_being_created())
            .map(|(name, topic)| known(&image, name, topic))
            .collect(),
        Some(wanted) => {
            let mut topics: Vec<MetadataResponseTopic> = Vec::with_capacity(wanted.len());
            let mut told = HashSet::new();
            for topic in wanted {
                if told.insert((topic.topic_id, topic.name.clone())) {
                    topics.push(one(broker, context.version, topic, create).await);
                }
            }
            topics
        }
    };
    let topics = topics
        .into_iter()
        .map(|topic| topic.with_topic_authorized_operations(operations))
        .collect();
    let brokers = image.brokers.iter().map(|(id, node)| {
        MetadataResponseBroker::default()
            .with_node_id(id.0.into())
            .with_host(StrBytes::from_string(node.host.clone()))
            .with_port(node.port.into())
            .with_rack(node.rack.clone().map(StrBytes::from_string))
    });
    let response = MetadataResponse::default()
        .with_brokers(brokers.collect())
        .with_cluster_id(Some(StrBytes::from_string(image.cluster_id.clone())))
        .with_controller_id(live_controller(&image).unwrap_or(NOBODY).0.into())
        .with_topics(topics);
    if (8..=10).contains(&context.version) {
        let asked = request.include_cluster_authorized_operations;
        let operations = if asked {
            CLUSTER_OPERATIONS
        } else {
            OPERATIONS_NOT_ASKED
        };
        return response.with_cluster_authorized_operations(operations);
    }
    response
}

/// The controller, as long as clients can reach it.
pub(super) fn live_controller(image: &ClusterImage) -> Option<BrokerId> {
    image.controller.filter(|id| image.brokers.contains_key(id))
}

async fn one(
    broker: &Broker,
    version: i16,
    wanted: MetadataRequestTopic,
    create: bool,
) -> MetadataResponseTopic {
    /// From here on an unknown id is answered without a name; before, with an empty one.
    const NULLABLE_NAME: i16 = 12;
    let image = &broker.registry.image();
    if !wanted.topic_id.is_nil() {
        if let Some((name, topic)) = image.topic_by_id(wanted.topic_id) {
            return known(image, name, topic);
        }
        let name = (version < NULLABLE_NAME).then(TopicName::default);
        return error(name, wanted.topic_id, ErrorCode::UnknownTopicId);
    }
    let Some(name) = wanted.name else {
        return error(
            Some(TopicName::default()),
            Uuid::nil(),
            ErrorCode::InvalidRequest,
        );
    };
    if let Some(topic) = image.topics.get(name.as_str()) {
        return known(image, &name, topic);
    }
    let code = if !topic_name::is_valid(&name) {
        ErrorCode::InvalidTopicException
    } else if create && broker.settings.auto_create_topics_enable {
        match auto_create(broker, &name).await {
            Ok(()) => match broker.registry.image().topics.get(name.as_str()) {
                Some(topic) => return known(&broker.registry.image(), &name, topic),
                None => ErrorCode::LeaderNotAvailable,
            },
            Err(code) => code,
        }
    } else {
        ErrorCode::UnknownTopicOrPartition
    };
    error(Some(name), Uuid::nil(), code)
}

/// Creates a topic that a client asked for, with the broker's defaults.
async fn auto_create(broker: &Broker, name: &str) -> Result<(), ErrorCode> {
    if let Some(topic) = InternalTopic::named(name) {
        broker.create_internal_topic(topic).await;
        return Ok(());
    }
    let partitions = broker.settings.num_partitions;
    let replicas = broker.settings.default_replication_factor;
    let replicas = i16::try_from(replicas).unwrap_or(i16::MAX);
    let configs = BTreeMap::new();
    match broker
        .registry
        .create_topic_of(name, partitions, replicas, configs)
        .await
    {
        Ok(_) | Err(RegistryError::TopicExists { .. }) => Ok(()),
        Err(error) => {
            tracing::info!(topic = name, %error, "a topic is not created by itself");
            Err(ErrorCode::from(&error))
        }
    }
}

fn error(name: Option<TopicName>, id: Uuid, code: ErrorCode) -> MetadataResponseTopic {
    MetadataResponseTopic::default()
        .with_name(name)
        .with_topic_id(id)
        .with_error_code(code.code())
}

fn known(image: &ClusterImage, name: &str, topic: &TopicImage) -> MetadataResponseTopic {
    if topic.is_being_created() {
        let name = StrBytes::from_string(name.to_owned()).into();
        return error(Some(name), topic.id, ErrorCode::LeaderNotAvailable);
    }
    let partitions = topic.usable_partitions().map(|(index, partition)| {
        let leader = image.valid_leader(partition);
        let code = if leader.is_some() {
            ErrorCode::None
        } else {
            ErrorCode::LeaderNotAvailable
        };
        MetadataResponsePartition::default()
            .with_error_code(code.code())
            .with_partition_index(*index)
            .with_leader_id(leader.unwrap_or(NOBODY).0.into())
            .with_leader_epoch(partition.leader_epoch.0)
            .with_replica_nodes(ids(&partition.replicas))
            .with_isr_nodes(ids(&partition.isr))
            .with_offline_replicas(ids(&offline_replicas(image, partition)))
    });
    MetadataResponseTopic::default()
        .with_name(Some(StrBytes::from_string(name.to_owned()).into()))
        .with_topic_id(topic.id)
        .with_is_internal(assignment::is_internal(name))
        .with_partitions(partitions.collect())
}

/// Replicas on brokers that are not registered.
pub(super) fn offline_replicas(image: &ClusterImage, partition: &PartitionImage) -> Vec<BrokerId> {
    let replicas = partition.replicas.iter().copied();
    replicas
        .filter(|id| !image.brokers.contains_key(id))
        .collect()
}

/// Broker ids as the codec has them.
pub(super) fn ids(ids: &[BrokerId]) -> Vec<kafka_protocol::messages::BrokerId> {
    ids.iter().map(|id| id.0.into()).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use uuid::Uuid;

    use super::known;
    use crate::image::{ClusterImage, PartitionImage, TopicImage};
    use wire::{BrokerId, ErrorCode};

    /// A topic with a partition for each of these: whether it had a leader.
    fn topic(assigned: i64, led: &[bool]) -> TopicImage {
        let partitions = (0..).zip(led).map(|(index, led)| {
            let mut partition = PartitionImage::assigned(vec![BrokerId(1)]);
            partition.version = if *led { 0 } else { PartitionImage::NO_STATE };
            (index, partition)
        });
        TopicImage {
            id: Uuid::from_u128(7),
            czxid: 1,
            mzxid: assigned,
            version: 0,
            configs_mzxid: 0,
            partitions: partitions.collect(),
            configs: BTreeMap::new(),
        }
    }

    #[test]
    fn a_new_topic_has_no_partitions_until_all_of_them_have_had_a_leader() {
        let answer = |topic: &TopicImage| {
            let answer = known(&ClusterImage::default(), "orders", topic);
            let code = ErrorCode::from_code(answer.error_code);
            (code, answer.partitions.len())
        };
        let being_created = topic(1, &[true, false]);
        assert_eq!(answer(&being_created), (ErrorCode::LeaderNotAvailable, 0));
        assert_eq!(answer(&topic(1, &[true, true])), (ErrorCode::None, 2));
        let growing = topic(5, &[true, true, false]);
        assert_eq!(answer(&growing), (ErrorCode::None, 2));
    }
}
