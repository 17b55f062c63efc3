//! The APIs this broker answers: one table, read by dispatch and by ApiVersions.
//!
//! An API is one row in [`APIS`] and one file with
//! `async fn handle(broker: &Arc<Broker>, context: &RequestContext, request: XRequest)`, which
//! returns the response, or a `Result<Reply, RequestError>` where it may answer nothing, or answers later.
//! What the cluster does not have is answered in [`declined`], whole families of APIs in one file.

mod add_offsets_to_txn;
mod add_partitions_to_txn;
mod alter_configs;
mod alter_partition_reassignments;
mod alter_replica_log_dirs;
mod api_versions;
mod broker_heartbeat;
mod config_resource;
mod consumer_group_describe;
mod consumer_group_heartbeat;
mod create_partitions;
mod create_topics;
mod declined;
mod delete_groups;
mod delete_records;
mod delete_topics;
mod describe_cluster;
mod describe_configs;
mod describe_groups;
mod describe_log_dirs;
mod describe_producers;
mod describe_topic_partitions;
mod describe_transactions;
mod elect_leaders;
mod end_txn;
mod fetch;
mod find_coordinator;
mod heartbeat;
mod incremental_alter_configs;
mod init_producer_id;
mod join_group;
mod leader_hints;
mod leave_group;
mod list_config_resources;
mod list_groups;
mod list_offsets;
mod list_partition_reassignments;
mod list_transactions;
mod metadata;
mod offset_commit;
mod offset_delete;
mod offset_fetch;
mod offset_for_leader_epoch;
mod offset_results;
mod produce;
mod served;
mod sync_group;
mod transaction_parts;
mod txn_offset_commit;
mod write_txn_markers;

use std::{collections::BTreeSet, net::SocketAddr, sync::Arc};

use bytes::{Buf, Bytes};
use futures::future::BoxFuture;
use kafka_protocol::{
    messages::{
        ApiKey, CreateTopicsRequest, DeleteGroupsRequest, DeleteTopicsRequest,
        DescribeLogDirsRequest, ListOffsetsRequest, OffsetForLeaderEpochRequest,
    },
    protocol::{Decodable, Encodable, HeaderVersion, StrBytes},
};
use thiserror::Error;

use super::Broker;
use wire::{
    ErrorCode, TopicPartition,
    frame::{self, Frame, FrameError, encode_response},
    message_shape::{Shape, ShapeError, requests as shape, responses::Answered},
};

pub(crate) use api_versions::unsupported_version;
pub(crate) use fetch::FetchSessions;

/// One API.
pub(crate) struct Api {
    pub(crate) key: ApiKey,
    /// The first version that is decoded.
    pub(crate) min_version: i16,
    pub(crate) max_version: i16,
    /// The first version that ApiVersions lists.
    pub(crate) advertised_from: i16,
    /// Whether ApiVersions lists it: what brokers ask of each other is none of the clients' business.
    pub(crate) is_advertised: bool,
    /// The first version that is taken by writing it anew, as the first one that is decoded.
    rewritten_from: i16,
    /// The last version that is decoded; newer ones are written anew as this one.
    decoded_until: i16,
    /// The answer's shape, where versions that are written anew have another one.
    answer: Option<&'static Shape>,
    pub(crate) shape: &'static Shape,
    handle: Handle,
}

/// What stands in front of an answer's body: in versions with tagged fields a byte more, which says that there are none.
const CORRELATION_ID_BYTES: usize = 4;

type Handle =
    fn(Arc<Broker>, RequestContext, Bytes) -> BoxFuture<'static, Result<Reply, RequestError>>;

/// Everything about a request that is not in its body.
#[derive(Debug, Clone)]
pub(crate) struct RequestContext {
    /// The one that is handled.
    pub(crate) version: i16,
    /// The one that the client sent: where the codec does not know it, it was written anew.
    pub(crate) sent_version: i16,
    pub(crate) correlation_id: i32,
    pub(crate) client_id: Option<StrBytes>,
    pub(crate) peer: SocketAddr,
}

/// What a handler does with its connection.
pub(crate) enum Reply {
    /// Nothing is sent, as for `acks=0`.
    Nothing,
    /// A whole response frame.
    Frame(Frame),
    /// The answer comes when this is done, after those of earlier requests. The connection's next
    /// request is handled meanwhile.
    Later(BoxFuture<'static, Result<Reply, RequestError>>),
}

/// Why a connection is closed instead of answered.
#[derive(Debug, Error)]
pub(crate) enum RequestError {
    #[error("API key {key} in version {version} is not supported")]
    Unsupported { key: i16, version: i16 },
    #[error("a batch for {at} with acks=0 failed: {code}")]
    Unacknowledged { at: TopicPartition, code: ErrorCode },
    #[error("a malformed request: {0}")]
    Shape(#[from] ShapeError),
    #[error("a malformed request: {0}")]
    Decode(String),
    #[error("{left} bytes of an answer were not read within connections.max.idle.ms")]
    Unread { left: usize },
    #[error(transparent)]
    Frame(#[from] FrameError),
}

macro_rules! api {
    // A handler that returns its response.
    ($key:ident $min:literal..=$max:literal, $shape:ident, $module:ident) => {
        api!(@row $key $min $max $shape, |broker, context, body| {
            Box::pin(async move {
                let request = decode(body, context.version)?;
                let response = $module::handle(&broker, &context, request).await;
                Reply::response(&context, &response)
            })
        })
    };
    // A handler that returns a `Result<Reply, RequestError>`.
    ($key:ident $min:literal..=$max:literal, $shape:ident, $module:ident -> Reply) => {
        api!(@row $key $min $max $shape, |broker, context, body| {
            Box::pin(async move {
                let request = decode(body, context.version)?;
                $module::handle(&broker, &context, request).await
            })
        })
    };
    // A function that needs nothing but the request, to decline it.
    ($key:ident $min:literal..=$max:literal, $shape:ident, declined::$module:ident::$function:ident) => {
        api!(@row $key $min $max $shape, |_broker, context, body| {
            Box::pin(async move {
                let request = decode(body, context.version)?;
                let response = declined::$module::$function(context.version, &request);
                Reply::response(&context, &response)
            })
        })
    };
    (@row $key:ident $min:literal $max:literal $shape:ident, $handle:expr) => {
        Api {
            key: ApiKey::$key,
            min_version: $min,
            max_version: $max,
            advertised_from: $min,
            is_advertised: true,
            rewritten_from: $min,
            decoded_until: $max,
            answer: None,
            shape: &shape::$shape,
            handle: $handle,
        }
    };
}

/// In the order of their keys. Advertise only what is tested.
///
/// Of the versions that Apache Kafka 3.9 takes these are left out: Produce 0 to 2 and Fetch 0 to 3, whose records would
/// have to be converted; OffsetCommit 0 and OffsetFetch 0, which it keeps in ZooKeeper; ListOffsets 0 and
/// DescribeConfigs 0, whose answers are others.
pub(crate) static APIS: &[Api] = &[
    api!(Produce 3..=13, PRODUCE, produce -> Reply).advertised_from(0),
    api!(Fetch 4..=18, FETCH, fetch -> Reply),
    api!(ListOffsets 1..=10, LIST_OFFSETS, list_offsets).rewritten_until(11, ListOffsetsRequest::ANSWER),
    api!(Metadata 0..=13, METADATA, metadata),
    api!(OffsetCommit 2..=10, OFFSET_COMMIT, offset_commit).rewritten_from(1),
    api!(OffsetFetch 1..=10, OFFSET_FETCH, offset_fetch),
    api!(FindCoordinator 0..=6, FIND_COORDINATOR, find_coordinator),
    api!(JoinGroup 0..=9, JOIN_GROUP, join_group),
    api!(Heartbeat 0..=4, HEARTBEAT, heartbeat),
    api!(LeaveGroup 0..=5, LEAVE_GROUP, leave_group),
    api!(SyncGroup 0..=5, SYNC_GROUP, sync_group),
    api!(DescribeGroups 0..=6, DESCRIBE_GROUPS, describe_groups),
    api!(ListGroups 0..=5, LIST_GROUPS, list_groups),
    api!(SaslHandshake 0..=1, SASL_HANDSHAKE, declined::sasl::handshake),
    api!(ApiVersions 0..=5, API_VERSIONS, api_versions -> Reply),
    api!(CreateTopics 2..=7, CREATE_TOPICS, create_topics)
        .rewritten_with_answer(0, CreateTopicsRequest::ANSWER),
    api!(DeleteTopics 1..=6, DELETE_TOPICS, delete_topics)
        .rewritten_with_answer(0, DeleteTopicsRequest::ANSWER),
    api!(DeleteRecords 0..=2, DELETE_RECORDS, delete_records),
    api!(InitProducerId 0..=5, INIT_PRODUCER_ID, init_producer_id),
    api!(OffsetForLeaderEpoch 2..=4, OFFSET_FOR_LEADER_EPOCH, offset_for_leader_epoch)
        .rewritten_with_answer(0, OffsetForLeaderEpochRequest::ANSWER),
    api!(AddPartitionsToTxn 0..=5, ADD_PARTITIONS_TO_TXN, add_partitions_to_txn),
    api!(AddOffsetsToTxn 0..=4, ADD_OFFSETS_TO_TXN, add_offsets_to_txn),
    api!(EndTxn 0..=5, END_TXN, end_txn),
    api!(WriteTxnMarkers 1..=2, WRITE_TXN_MARKERS, write_txn_markers -> Reply),
    api!(TxnOffsetCommit 0..=5, TXN_OFFSET_COMMIT, txn_offset_commit),
    api!(DescribeAcls 1..=3, DESCRIBE_ACLS, declined::acls::describe).rewritten_from(0),
    api!(CreateAcls 1..=3, CREATE_ACLS, declined::acls::create).rewritten_from(0),
    api!(DeleteAcls 1..=3, DELETE_ACLS, declined::acls::delete).rewritten_from(0),
    api!(DescribeConfigs 1..=4, DESCRIBE_CONFIGS, describe_configs),
    api!(AlterConfigs 0..=2, ALTER_CONFIGS, alter_configs),
    api!(AlterReplicaLogDirs 1..=2, ALTER_REPLICA_LOG_DIRS, alter_replica_log_dirs).rewritten_from(0),
    api!(DescribeLogDirs 1..=4, DESCRIBE_LOG_DIRS, describe_log_dirs)
        .rewritten_from(0)
        .rewritten_until(5, DescribeLogDirsRequest::ANSWER),
    api!(SaslAuthenticate 0..=2, SASL_AUTHENTICATE, declined::sasl::authenticate),
    api!(CreatePartitions 0..=3, CREATE_PARTITIONS, create_partitions),
    api!(CreateDelegationToken 1..=3, CREATE_DELEGATION_TOKEN, declined::delegation_tokens::create).rewritten_from(0),
    api!(RenewDelegationToken 1..=2, RENEW_DELEGATION_TOKEN, declined::delegation_tokens::renew).rewritten_from(0),
    api!(ExpireDelegationToken 1..=2, EXPIRE_DELEGATION_TOKEN, declined::delegation_tokens::expire).rewritten_from(0),
    api!(DescribeDelegationToken 1..=3, DESCRIBE_DELEGATION_TOKEN, declined::delegation_tokens::describe).rewritten_from(0),
    api!(DeleteGroups 0..=2, DELETE_GROUPS, delete_groups).rewritten_until(3, DeleteGroupsRequest::ANSWER),
    api!(ElectLeaders 0..=2, ELECT_LEADERS, elect_leaders),
    api!(IncrementalAlterConfigs 0..=1, INCREMENTAL_ALTER_CONFIGS, incremental_alter_configs),
    api!(AlterPartitionReassignments 0..=1, ALTER_PARTITION_REASSIGNMENTS, alter_partition_reassignments),
    api!(ListPartitionReassignments 0..=0, LIST_PARTITION_REASSIGNMENTS, list_partition_reassignments),
    api!(OffsetDelete 0..=0, OFFSET_DELETE, offset_delete),
    api!(DescribeClientQuotas 0..=1, DESCRIBE_CLIENT_QUOTAS, declined::client_quotas::describe),
    api!(AlterClientQuotas 0..=1, ALTER_CLIENT_QUOTAS, declined::client_quotas::alter),
    api!(DescribeUserScramCredentials 0..=0, DESCRIBE_USER_SCRAM_CREDENTIALS, declined::scram_credentials::describe),
    api!(AlterUserScramCredentials 0..=0, ALTER_USER_SCRAM_CREDENTIALS, declined::scram_credentials::alter),
    api!(DescribeCluster 0..=2, DESCRIBE_CLUSTER, describe_cluster),
    api!(DescribeProducers 0..=0, DESCRIBE_PRODUCERS, describe_producers),
    api!(BrokerHeartbeat 0..=1, BROKER_HEARTBEAT, broker_heartbeat).unadvertised(),
    api!(DescribeTransactions 0..=0, DESCRIBE_TRANSACTIONS, describe_transactions),
    api!(ListTransactions 0..=2, LIST_TRANSACTIONS, list_transactions),
    api!(ConsumerGroupHeartbeat 0..=1, CONSUMER_GROUP_HEARTBEAT, consumer_group_heartbeat),
    api!(ConsumerGroupDescribe 0..=1, CONSUMER_GROUP_DESCRIBE, consumer_group_describe),
    api!(ListConfigResources 0..=1, LIST_CONFIG_RESOURCES, list_config_resources),
    api!(DescribeTopicPartitions 0..=0, DESCRIBE_TOPIC_PARTITIONS, describe_topic_partitions),
];

impl Api {
    /// Lists versions below those that are decoded, for clients that look for them.
    const fn advertised_from(mut self, version: i16) -> Self {
        self.advertised_from = version;
        self
    }

    /// Takes requests of versions below those that the codec knows, which differ only by fields.
    const fn rewritten_from(mut self, version: i16) -> Self {
        self.rewritten_from = version;
        self.advertised_from = version;
        self
    }

    /// The same, with answers that differ too.
    const fn rewritten_with_answer(self, version: i16, answer: &'static Shape) -> Self {
        let mut api = self.rewritten_from(version);
        api.answer = Some(answer);
        api
    }

    /// Takes requests of versions above those that the codec knows, which differ only by fields that have defaults.
    const fn rewritten_until(mut self, version: i16, answer: &'static Shape) -> Self {
        self.max_version = version;
        self.answer = Some(answer);
        self
    }

    /// Leaves it out of ApiVersions.
    const fn unadvertised(mut self) -> Self {
        self.is_advertised = false;
        self
    }

    /// The API with this key, if `version` of it can be decoded.
    pub(crate) fn find(key: i16, version: i16) -> Result<&'static Self, RequestError> {
        APIS.iter()
            .find(|api| {
                api.key as i16 == key && (api.rewritten_from..=api.max_version).contains(&version)
            })
            .ok_or(RequestError::Unsupported { key, version })
    }

    /// Checks, decodes and handles a request's body.
    pub(crate) fn handle(
        &self,
        broker: &Arc<Broker>,
        mut context: RequestContext,
        body: Bytes,
    ) -> Result<BoxFuture<'static, Result<Reply, RequestError>>, RequestError> {
        let asked = context.sent_version;
        let decoded = asked.clamp(self.min_version, self.decoded_until);
        let body = self.shape.rewrite(asked, decoded, body)?;
        context.version = decoded;
        let handling = (self.handle)(Arc::clone(broker), context, body);
        match self.answer {
            Some(shape) if asked != decoded => Ok(Box::pin(async move {
                handling.await?.rewritten(shape, decoded, asked)
            })),
            _ => Ok(handling),
        }
    }
}

/// What of a request's items is there more than once.
fn repeated<T: Ord + Clone>(all: impl IntoIterator<Item = T>) -> BTreeSet<T> {
    let mut seen = BTreeSet::new();
    let again = all.into_iter().filter(|item| !seen.insert(item.clone()));
    again.collect()
}

/// A nullable string as the rooms behind the handlers know it.
fn optional(text: Option<StrBytes>) -> Option<String> {
    text.map(|text| text.to_string())
}

/// Decodes a body whose shape was checked.
fn decode<R: Decodable>(mut body: Bytes, version: i16) -> Result<R, RequestError> {
    R::decode(&mut body, version).map_err(|error| RequestError::Decode(error.to_string()))
}

impl Reply {
    /// An answer of one version in that of another, which has tagged fields if that one has.
    fn rewritten(self, shape: &'static Shape, from: i16, to: i16) -> Result<Self, RequestError> {
        match self {
            Self::Nothing => Ok(Self::Nothing),
            Self::Frame(mut frame) => {
                let mut body = frame.copy_to_bytes(frame.remaining());
                body.advance(frame::LENGTH_BYTES);
                let head_bytes = CORRELATION_ID_BYTES + usize::from(shape.is_flexible(from));
                let head = body.split_to(head_bytes.min(body.len()));
                let body = shape.rewrite(from, to, body)?;
                Ok(Self::Frame(Frame::new(vec![head, body])?))
            }
            Self::Later(wait) => Ok(Self::Later(Box::pin(async move {
                wait.await?.rewritten(shape, from, to)
            }))),
        }
    }

    /// The frame of a response.
    fn response<R: Encodable + HeaderVersion>(
        context: &RequestContext,
        response: &R,
    ) -> Result<Self, RequestError> {
        Ok(Self::Frame(encode_response(
            context.correlation_id,
            context.version,
            response,
        )?))
    }
}
