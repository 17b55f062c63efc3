//! `ConsumerGroupHeartbeat` and `ConsumerGroupDescribe` 0: groups of the new protocol (KIP-848) are not built, which is
//! `UNSUPPORTED_VERSION`, as on Apache Kafka 3.9 with ZooKeeper.

use kafka_protocol::messages::{
    ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse, ConsumerGroupHeartbeatRequest,
    ConsumerGroupHeartbeatResponse, consumer_group_describe_response::DescribedGroup,
};

use wire::ErrorCode;

pub(crate) fn heartbeat(
    _version: i16,
    _request: &ConsumerGroupHeartbeatRequest,
) -> ConsumerGroupHeartbeatResponse {
    ConsumerGroupHeartbeatResponse::default().with_error_code(ErrorCode::UnsupportedVersion.code())
}

pub(crate) fn describe(
    _version: i16,
    request: &ConsumerGroupDescribeRequest,
) -> ConsumerGroupDescribeResponse {
    let groups = request.group_ids.iter().map(|id| {
        DescribedGroup::default()
            .with_group_id(id.clone())
            .with_error_code(ErrorCode::UnsupportedVersion.code())
    });
    ConsumerGroupDescribeResponse::default().with_groups(groups.collect())
}
