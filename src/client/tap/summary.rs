//! What a message says in a few words, for the APIs that this program asks.

use std::any::Any;
use std::fmt::{Display, Write};

use kafka_protocol::messages::{
    ApiVersionsRequest, ApiVersionsResponse, CreateTopicsRequest, CreateTopicsResponse,
    DeleteGroupsRequest, DeleteGroupsResponse, DeleteTopicsRequest, DeleteTopicsResponse,
    DescribeConfigsRequest, DescribeConfigsResponse, DescribeGroupsRequest, DescribeGroupsResponse,
    FetchRequest, FetchResponse, FindCoordinatorRequest, FindCoordinatorResponse,
    ListGroupsRequest, ListGroupsResponse, ListOffsetsRequest, ListOffsetsResponse,
    MetadataRequest, MetadataResponse, OffsetCommitRequest, OffsetCommitResponse,
    OffsetFetchRequest, OffsetFetchResponse,
};

use wire::ErrorCode;

/// Names that are said before the rest is counted.
const NAMED_MAX: usize = 3;

/// The first words that fit a message.
macro_rules! first_of {
    ($message:expr; $($kind:ty => $say:expr),+ $(,)?) => {
        $(if let Some(message) = $message.downcast_ref::<$kind>() {
            let say: fn(&$kind) -> _ = $say;
            return say(message);
        })+
    };
}

/// What a request asks.
pub(super) fn of_request(request: &dyn Any) -> String {
    first_of! { request;
        ApiVersionsRequest => |asked| format!("I am {} {}",
            asked.client_software_name.as_str(), asked.client_software_version.as_str()),
        MetadataRequest => |asked| match &asked.topics {
            None => "all topics".to_owned(),
            Some(topics) if topics.is_empty() => "brokers only".to_owned(),
            Some(topics) => named(topics.iter().filter_map(|topic| Some(topic.name.as_ref()?.as_str()))),
        },
        FetchRequest => |asked| named(asked.topics.iter().flat_map(|topic| {
            topic.partitions.iter().map(|at| {
                format!("{}-{} from {}", topic.topic.as_str(), at.partition, at.fetch_offset)
            })
        })),
        ListOffsetsRequest => list_offsets,
        FindCoordinatorRequest => |asked| asked.key.to_string(),
        ListGroupsRequest => |_| String::new(),
        DescribeGroupsRequest => |asked| named(asked.groups.iter().map(|group| group.as_str())),
        OffsetFetchRequest => |asked| asked.group_id.to_string(),
        OffsetCommitRequest => |asked| format!("{}: {}", asked.group_id.as_str(),
            named(asked.topics.iter().flat_map(|topic| topic.partitions.iter().map(|at| {
                format!("{}-{} to {}", topic.name.as_str(), at.partition_index, at.committed_offset)
            })))),
        CreateTopicsRequest => |asked| named(asked.topics.iter().map(|topic| topic.name.as_str())),
        DeleteTopicsRequest => |asked| named(asked.topics.iter()
            .filter_map(|topic| Some(topic.name.as_ref()?.as_str()))
            .chain(asked.topic_names.iter().map(|name| name.as_str()))),
        DescribeConfigsRequest => |asked| named(asked.resources.iter()
            .map(|resource| resource.resource_name.as_str())),
        DeleteGroupsRequest => |asked| named(asked.groups_names.iter().map(|group| group.as_str())),
    }
    String::new()
}

fn list_offsets(asked: &ListOffsetsRequest) -> String {
    let timestamps = asked
        .topics
        .iter()
        .flat_map(|topic| topic.partitions.iter().map(|at| at.timestamp));
    let what = match timestamps.max() {
        Some(-1) if asked.replica_id.0 == -2 => "this replica's own log end".to_owned(),
        Some(-1) => "latest".to_owned(),
        Some(-2) => "earliest".to_owned(),
        Some(at) => format!("at {at}"),
        None => "nothing".to_owned(),
    };
    let places = asked.topics.iter().flat_map(|topic| {
        let partitions = topic.partitions.iter();
        partitions.map(|at| format!("{}-{}", topic.name.as_str(), at.partition_index))
    });
    format!("{what} of {}", named(places))
}

/// What an answer says, and its first error code.
pub(super) fn of_answer(answer: &dyn Any) -> (String, Option<ErrorCode>) {
    first_of! { answer;
        ApiVersionsResponse => |told| (
            format!("{} APIs", told.api_keys.len()),
            error([told.error_code]),
        ),
        MetadataResponse => |told| (
            format!("{} brokers, controller {}, {} topics",
                told.brokers.len(), told.controller_id.0, told.topics.len()),
            error(told.topics.iter().flat_map(|topic| {
                std::iter::once(topic.error_code).chain(topic.partitions.iter().map(|at| at.error_code))
            })),
        ),
        FetchResponse => |told| (
            named(told.responses.iter().flat_map(|topic| topic.partitions.iter()
                .filter_map(|at| Some((at, at.records.as_ref().filter(|bytes| !bytes.is_empty())?)))
                .map(|(at, bytes)| format!("{}-{} {} bytes, HW {}",
                    topic.topic.as_str(), at.partition_index, bytes.len(), at.high_watermark)))),
            error(std::iter::once(told.error_code).chain(
                told.responses.iter().flat_map(|topic| topic.partitions.iter().map(|at| at.error_code)))),
        ),
        ListOffsetsResponse => |told| (
            named(told.topics.iter().flat_map(|topic| topic.partitions.iter().map(|at| {
                format!("{}-{} {}", topic.name.as_str(), at.partition_index, at.offset)
            }))),
            error(told.topics.iter().flat_map(|topic| topic.partitions.iter().map(|at| at.error_code))),
        ),
        FindCoordinatorResponse => |told| (
            format!("broker {} {}:{}", told.node_id.0, told.host.as_str(), told.port),
            error([told.error_code]),
        ),
        ListGroupsResponse => |told| (
            named(told.groups.iter().map(|group| group.group_id.as_str())),
            error([told.error_code]),
        ),
        DescribeGroupsResponse => |told| (
            named(told.groups.iter().map(|group| format!("{} {}, {} members",
                group.group_id.as_str(), group.group_state.as_str(), group.members.len()))),
            error(told.groups.iter().map(|group| group.error_code)),
        ),
        OffsetFetchResponse => |told| (
            named(told.topics.iter().flat_map(|topic| topic.partitions.iter().map(|at| {
                format!("{}-{} {}", topic.name.as_str(), at.partition_index, at.committed_offset)
            }))),
            error(std::iter::once(told.error_code).chain(
                told.topics.iter().flat_map(|topic| topic.partitions.iter().map(|at| at.error_code)))),
        ),
        OffsetCommitResponse => |told| (
            String::new(),
            error(told.topics.iter().flat_map(|topic| topic.partitions.iter().map(|at| at.error_code))),
        ),
        CreateTopicsResponse => |told| (
            String::new(),
            error(told.topics.iter().map(|topic| topic.error_code)),
        ),
        DeleteTopicsResponse => |told| (
            String::new(),
            error(told.responses.iter().map(|topic| topic.error_code)),
        ),
        DescribeConfigsResponse => |told| (
            format!("{} settings",
                told.results.iter().map(|resource| resource.configs.len()).sum::<usize>()),
            error(told.results.iter().map(|resource| resource.error_code)),
        ),
        DeleteGroupsResponse => |told| (
            String::new(),
            error(told.results.iter().map(|group| group.error_code)),
        ),
    }
    (String::new(), None)
}

/// `a, b, c +2`
fn named(names: impl Iterator<Item = impl Display>) -> String {
    let mut text = String::new();
    let mut left_out = 0;
    for (index, name) in names.enumerate() {
        if index >= NAMED_MAX {
            left_out += 1;
            continue;
        }
        if index > 0 {
            text.push_str(", ");
        }
        let _ = write!(text, "{name}");
    }
    if left_out > 0 {
        let _ = write!(text, " +{left_out}");
    }
    text
}

fn error(codes: impl IntoIterator<Item = i16>) -> Option<ErrorCode> {
    let mut codes = codes.into_iter().map(ErrorCode::from_code);
    codes.find(|code| !code.is_none())
}

#[cfg(test)]
mod tests {
    use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
    use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
    use kafka_protocol::messages::metadata_response::MetadataResponseTopic;
    use kafka_protocol::messages::{
        BrokerId, FetchRequest, ListOffsetsRequest, MetadataResponse, TopicName,
    };
    use kafka_protocol::protocol::StrBytes;

    use super::{of_answer, of_request};
    use wire::ErrorCode;

    #[test]
    fn requests_say_what_they_ask() {
        let partitions = (0..5).map(|partition| {
            FetchPartition::default()
                .with_partition(partition)
                .with_fetch_offset(41)
        });
        let orders = || TopicName(StrBytes::from_static_str("orders"));
        let fetch = FetchRequest::default().with_topics(vec![
            FetchTopic::default()
                .with_topic(orders())
                .with_partitions(partitions.collect()),
        ]);
        assert_eq!(
            of_request(&fetch),
            "orders-0 from 41, orders-1 from 41, orders-2 from 41 +2"
        );
        let list = ListOffsetsRequest::default()
            .with_replica_id(BrokerId(-2))
            .with_topics(vec![
                ListOffsetsTopic::default()
                    .with_name(orders())
                    .with_partitions(vec![ListOffsetsPartition::default().with_timestamp(-1)]),
            ]);
        assert_eq!(of_request(&list), "this replica's own log end of orders-0");
    }

    #[test]
    fn an_answer_tells_its_first_error() {
        let code = ErrorCode::UnknownTopicOrPartition.code();
        let answer = MetadataResponse::default()
            .with_topics(vec![MetadataResponseTopic::default().with_error_code(code)]);
        assert_eq!(
            of_answer(&answer).1,
            Some(ErrorCode::UnknownTopicOrPartition)
        );
    }
}
