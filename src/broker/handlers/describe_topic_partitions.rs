//! `DescribeTopicPartitions` 0 (KIP-966): topics in the order of their names, some partitions at a time.
//!
//! Behaviour: without names all topics. At most `response_partition_limit` partitions, and never more than Kafka's
//! 2000; where more are left, the cursor names the one to go on with. A topic that does not exist is
//! `UNKNOWN_TOPIC_OR_PARTITION`. Nothing is created.
//! Not done: eligible leader replicas; there are none with ZooKeeper.

use std::{collections::BTreeSet, sync::Arc};

use kafka_protocol::{
    messages::{
        DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse,
        describe_topic_partitions_response::{
            Cursor, DescribeTopicPartitionsResponsePartition, DescribeTopicPartitionsResponseTopic,
        },
    },
    protocol::StrBytes,
};

use super::{
    RequestContext,
    metadata::{NOBODY, TOPIC_OPERATIONS, ids, offline_replicas},
};
use crate::{
    Broker,
    controller::assignment,
    image::{ClusterImage, PartitionImage},
    topic_name,
};
use wire::ErrorCode;

#[expect(clippy::unused_async, reason = "handlers have one signature")]
pub(super) async fn handle(
    broker: &Arc<Broker>,
    _: &RequestContext,
    request: DescribeTopicPartitionsRequest,
) -> DescribeTopicPartitionsResponse {
    let asked = request.topics.iter().map(|topic| topic.name.to_string());
    let from = request.cursor.map(|cursor| {
        let name = cursor.topic_name.to_string();
        (name, cursor.partition_index)
    });
    let limit = usize::try_from(request.response_partition_limit).unwrap_or(0);
    let limit_max = broker.settings.max_request_partition_size_limit;
    let limit_max = usize::try_from(limit_max).unwrap_or(0).max(1);
    let image = broker.registry.image();
    describe(
        &image,
        asked.collect(),
        from.as_ref(),
        limit.clamp(1, limit_max),
    )
}

fn describe(
    image: &ClusterImage,
    mut names: BTreeSet<String>,
    from: Option<&(String, i32)>,
    limit: usize,
) -> DescribeTopicPartitionsResponse {
    if names.is_empty() {
        let told = image.topics.iter();
        let told = told.filter(|(_, topic)| !topic.is_being_created());
        names.extend(told.map(|(name, _)| name.clone()));
    }
    let mut response = DescribeTopicPartitionsResponse::default();
    let mut left = limit;
    for name in names {
        let first = match from {
            Some((topic, _)) if name < *topic => continue,
            Some((topic, index)) if name == *topic => *index,
            _ => 0,
        };
        let described = DescribeTopicPartitionsResponseTopic::default()
            .with_name(Some(StrBytes::from_string(name.clone()).into()))
            .with_topic_authorized_operations(TOPIC_OPERATIONS);
        let topic = image.topics.get(&name);
        let Some(topic) = topic.filter(|topic| !topic.is_being_created()) else {
            let code = if topic_name::is_valid(&name) {
                ErrorCode::UnknownTopicOrPartition
            } else {
                ErrorCode::InvalidTopicException
            };
            response.topics.push(described.with_error_code(code.code()));
            continue;
        };
        let mut partitions = topic
            .usable_partitions()
            .skip_while(|(index, _)| **index < first);
        let taken = partitions.by_ref().take(left);
        let taken: Vec<_> = taken
            .map(|(index, partition)| of_partition(image, *index, partition))
            .collect();
        left -= taken.len();
        let next = partitions.next().map(|(index, _)| *index);
        if !taken.is_empty() {
            let described = described
                .with_topic_id(topic.id)
                .with_is_internal(assignment::is_internal(&name))
                .with_partitions(taken);
            response.topics.push(described);
        }
        if let Some(next) = next {
            let cursor = Cursor::default()
                .with_topic_name(StrBytes::from_string(name).into())
                .with_partition_index(next);
            return response.with_next_cursor(Some(cursor));
        }
    }
    response
}

fn of_partition(
    image: &ClusterImage,
    index: i32,
    partition: &PartitionImage,
) -> DescribeTopicPartitionsResponsePartition {
    let leader = image.valid_leader(partition);
    let code = if leader.is_some() {
        ErrorCode::None
    } else {
        ErrorCode::LeaderNotAvailable
    };
    DescribeTopicPartitionsResponsePartition::default()
        .with_error_code(code.code())
        .with_partition_index(index)
        .with_leader_id(leader.unwrap_or(NOBODY).0.into())
        .with_leader_epoch(partition.leader_epoch.0)
        .with_replica_nodes(ids(&partition.replicas))
        .with_isr_nodes(ids(&partition.isr))
        .with_eligible_leader_replicas(Some(Vec::new()))
        .with_last_known_elr(Some(Vec::new()))
        .with_offline_replicas(ids(&offline_replicas(image, partition)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::TopicImage;
    use wire::BrokerId;

    fn image(topics: &[(&str, i32)]) -> ClusterImage {
        let topics = topics.iter().map(|(name, partitions)| {
            let partition = |index| {
                let mut partition = PartitionImage::assigned(vec![BrokerId(1)]);
                partition.version = 0;
                (index, partition)
            };
            let topic = TopicImage {
                id: uuid::Uuid::from_u128(7),
                czxid: 1,
                mzxid: 1,
                version: 0,
                configs_mzxid: 0,
                partitions: (0..*partitions).map(partition).collect(),
                configs: [].into(),
            };
            ((*name).to_owned(), Arc::new(topic))
        });
        ClusterImage {
            topics: topics.collect(),
            ..ClusterImage::default()
        }
    }

    /// Topics and partitions of all pages.
    fn pages(image: &ClusterImage, names: &[&str], limit: usize) -> Vec<Vec<(String, Vec<i32>)>> {
        let names: BTreeSet<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut pages = Vec::new();
        let mut from = None;
        loop {
            let page = describe(image, names.clone(), from.as_ref(), limit);
            let topics = page.topics.iter().map(|topic| {
                let indexes = topic.partitions.iter().map(|it| it.partition_index);
                let name = topic.name.as_ref().expect("a name").to_string();
                (name, indexes.collect())
            });
            pages.push(topics.collect());
            match page.next_cursor {
                Some(next) => from = Some((next.topic_name.to_string(), next.partition_index)),
                None => return pages,
            }
        }
    }

    fn of(name: &str, indexes: &[i32]) -> (String, Vec<i32>) {
        (name.to_owned(), indexes.to_vec())
    }

    #[test]
    fn a_long_answer_goes_on_where_its_cursor_says() {
        let image = image(&[("a", 3), ("b", 2), ("c", 1)]);
        let expected = [
            vec![of("a", &[0, 1])],
            vec![of("a", &[2]), of("b", &[0])],
            vec![of("b", &[1]), of("c", &[0])],
        ];
        assert_eq!(pages(&image, &[], 2), expected);
        let all = [vec![of("a", &[0, 1, 2]), of("b", &[0, 1]), of("c", &[0])]];
        assert_eq!(pages(&image, &[], 6), all, "nothing is left, so no cursor");
        assert_eq!(pages(&image, &["c"], 9), [vec![of("c", &[0])]]);
    }

    #[test]
    fn a_topic_that_does_not_exist_says_so() {
        let image = image(&[("a", 1)]);
        let answer = describe(&image, ["no/name".into(), "z".into()].into(), None, 10);
        let codes: Vec<i16> = answer.topics.iter().map(|it| it.error_code).collect();
        let expected = [
            ErrorCode::InvalidTopicException.code(),
            ErrorCode::UnknownTopicOrPartition.code(),
        ];
        assert_eq!(codes, expected);
    }
}
