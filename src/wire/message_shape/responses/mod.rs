//! The shape of each API's answer, found by its request.

mod cluster;
mod groups;
mod records;
mod transactions;

use kafka_protocol::messages;
use kafka_protocol::protocol::Request;

use super::Shape;
use crate::write_txn_markers::WriteTxnMarkersRequest;

/// A request whose answer can be walked before it is decoded.
pub trait Answered: Request {
    /// The answer's shape in all its versions.
    const ANSWER: &'static Shape;
}

macro_rules! answers {
    ($($request:ident: $room:ident::$shape:ident,)*) => {
        $(
            impl Answered for messages::$request {
                const ANSWER: &'static Shape = &$room::$shape;
            }
        )*
    };
}

answers! {
    ProduceRequest: records::PRODUCE,
    FetchRequest: records::FETCH,
    ListOffsetsRequest: records::LIST_OFFSETS,
    DeleteRecordsRequest: records::DELETE_RECORDS,
    InitProducerIdRequest: records::INIT_PRODUCER_ID,
    AddPartitionsToTxnRequest: records::ADD_PARTITIONS_TO_TXN,
    OffsetForLeaderEpochRequest: records::OFFSET_FOR_LEADER_EPOCH,
    OffsetCommitRequest: groups::OFFSET_COMMIT,
    OffsetFetchRequest: groups::OFFSET_FETCH,
    OffsetDeleteRequest: groups::OFFSET_DELETE,
    FindCoordinatorRequest: groups::FIND_COORDINATOR,
    JoinGroupRequest: groups::JOIN_GROUP,
    HeartbeatRequest: groups::HEARTBEAT,
    LeaveGroupRequest: groups::LEAVE_GROUP,
    SyncGroupRequest: groups::SYNC_GROUP,
    DescribeGroupsRequest: groups::DESCRIBE_GROUPS,
    ConsumerGroupDescribeRequest: groups::CONSUMER_GROUP_DESCRIBE,
    ListTransactionsRequest: transactions::LIST_TRANSACTIONS,
    DescribeTransactionsRequest: transactions::DESCRIBE_TRANSACTIONS,
    ListGroupsRequest: groups::LIST_GROUPS,
    DeleteGroupsRequest: groups::DELETE_GROUPS,
    ApiVersionsRequest: cluster::API_VERSIONS,
    MetadataRequest: cluster::METADATA,
    DescribeClusterRequest: cluster::DESCRIBE_CLUSTER,
    DescribeTopicPartitionsRequest: cluster::DESCRIBE_TOPIC_PARTITIONS,
    CreateTopicsRequest: cluster::CREATE_TOPICS,
    DeleteTopicsRequest: cluster::DELETE_TOPICS,
    CreatePartitionsRequest: cluster::CREATE_PARTITIONS,
    DescribeConfigsRequest: cluster::DESCRIBE_CONFIGS,
    AlterConfigsRequest: cluster::ALTER_CONFIGS,
    IncrementalAlterConfigsRequest: cluster::INCREMENTAL_ALTER_CONFIGS,
    DescribeLogDirsRequest: cluster::DESCRIBE_LOG_DIRS,
    DescribeQuorumRequest: cluster::DESCRIBE_QUORUM,
    SaslHandshakeRequest: cluster::SASL_HANDSHAKE,
    SaslAuthenticateRequest: cluster::SASL_AUTHENTICATE,
    ElectLeadersRequest: cluster::ELECT_LEADERS,
    AlterPartitionReassignmentsRequest: cluster::ALTER_PARTITION_REASSIGNMENTS,
    ListPartitionReassignmentsRequest: cluster::LIST_PARTITION_REASSIGNMENTS,
    BrokerHeartbeatRequest: cluster::BROKER_HEARTBEAT,
}

impl Answered for WriteTxnMarkersRequest {
    const ANSWER: &'static Shape = &records::WRITE_TXN_MARKERS;
}
