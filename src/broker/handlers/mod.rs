//! The APIs this broker answers: one table, read by dispatch and by ApiVersions.
//!
//! An API is one row in [`APIS`] and one file with
//! `async fn handle(broker: &Arc<Broker>, context: &RequestContext, request: XRequest)`, which
//! returns the response, or a [`Reply`] where it answers nothing or wants to answer later.

mod alter_configs;
mod api_versions;
mod broker_heartbeat;
mod config_resource;
mod create_partitions;
mod create_topics;
mod delete_topics;
mod describe_cluster;
mod describe_configs;
mod elect_leaders;
mod incremental_alter_configs;
mod metadata;

use std::{net::SocketAddr, sync::Arc};

use bytes::{Bytes, BytesMut};
use futures::future::BoxFuture;
use kafka_protocol::{
    messages::ApiKey,
    protocol::{Decodable, Encodable, HeaderVersion, StrBytes},
};
use thiserror::Error;

use super::Broker;
use crate::wire::{
    frame::{FrameError, encode_response},
    request_shape::{Shape, ShapeError, table as shape},
};

pub(crate) use api_versions::unsupported_version;

/// One API.
pub(crate) struct Api {
    pub(crate) key: ApiKey,
    /// The first version that is decoded.
    pub(crate) min_version: i16,
    pub(crate) max_version: i16,
    /// The first version that ApiVersions lists.
    pub(crate) advertised_from: i16,
    pub(crate) shape: &'static Shape,
    handle: Handle,
}

type Handle =
    fn(Arc<Broker>, RequestContext, Bytes) -> BoxFuture<'static, Result<Reply, RequestError>>;

/// Everything about a request that is not in its body.
#[derive(Debug, Clone)]
pub(crate) struct RequestContext {
    pub(crate) version: i16,
    pub(crate) correlation_id: i32,
    #[expect(
        dead_code,
        reason = "group members are named by it, once there are groups"
    )]
    pub(crate) client_id: Option<StrBytes>,
    #[expect(
        dead_code,
        reason = "group members are placed by it, once there are groups"
    )]
    pub(crate) peer: SocketAddr,
}

/// What a handler does with its connection.
pub(crate) enum Reply {
    /// Nothing is sent, as for `acks=0`.
    #[expect(dead_code, reason = "Produce, which needs it, is being built")]
    Nothing,
    /// A whole response frame.
    Frame(BytesMut),
    /// The answer comes when this is done, after those of earlier requests. The connection's next
    /// request is handled meanwhile.
    #[expect(
        dead_code,
        reason = "Produce and Fetch, which need it, are being built"
    )]
    Later(BoxFuture<'static, Result<Reply, RequestError>>),
}

/// Why a connection is closed instead of answered.
#[derive(Debug, Error)]
pub(crate) enum RequestError {
    #[error("API key {key} in version {version} is not supported")]
    Unsupported { key: i16, version: i16 },
    #[error("a malformed request: {0}")]
    Shape(#[from] ShapeError),
    #[error("a malformed request: {0}")]
    Decode(String),
    #[error(transparent)]
    Frame(#[from] FrameError),
}

macro_rules! api {
    ($key:ident $min:literal..=$max:literal, $shape:ident, $module:ident) => {
        Api {
            key: ApiKey::$key,
            min_version: $min,
            max_version: $max,
            advertised_from: $min,
            shape: &shape::$shape,
            handle: |broker, context, body| {
                Box::pin(async move {
                    let request = decode(body, context.version)?;
                    let answer = $module::handle(&broker, &context, request).await;
                    answer.into_reply(&context)
                })
            },
        }
    };
}

/// In the order of their keys. Advertise only what is tested.
pub(crate) static APIS: &[Api] = &[
    api!(Metadata 0..=13, METADATA, metadata),
    api!(ApiVersions 0..=4, API_VERSIONS, api_versions),
    api!(CreateTopics 2..=7, CREATE_TOPICS, create_topics),
    api!(DeleteTopics 1..=6, DELETE_TOPICS, delete_topics),
    api!(DescribeConfigs 1..=4, DESCRIBE_CONFIGS, describe_configs),
    api!(AlterConfigs 0..=2, ALTER_CONFIGS, alter_configs),
    api!(CreatePartitions 0..=3, CREATE_PARTITIONS, create_partitions),
    api!(ElectLeaders 0..=2, ELECT_LEADERS, elect_leaders),
    api!(IncrementalAlterConfigs 0..=1, INCREMENTAL_ALTER_CONFIGS, incremental_alter_configs),
    api!(DescribeCluster 0..=2, DESCRIBE_CLUSTER, describe_cluster),
    api!(BrokerHeartbeat 0..=1, BROKER_HEARTBEAT, broker_heartbeat),
];

impl Api {
    /// Lists versions below those that are decoded, for clients that look for them.
    #[expect(dead_code, reason = "Produce, which needs it, is being built")]
    const fn advertised_from(mut self, version: i16) -> Self {
        self.advertised_from = version;
        self
    }

    /// The API with this key, if `version` of it can be decoded.
    pub(crate) fn find(key: i16, version: i16) -> Result<&'static Self, RequestError> {
        APIS.iter()
            .find(|api| {
                api.key as i16 == key && (api.min_version..=api.max_version).contains(&version)
            })
            .ok_or(RequestError::Unsupported { key, version })
    }

    /// Checks, decodes and handles a request's body.
    pub(crate) fn handle(
        &self,
        broker: &Arc<Broker>,
        context: RequestContext,
        body: Bytes,
    ) -> Result<BoxFuture<'static, Result<Reply, RequestError>>, RequestError> {
        self.shape.check(context.version, &body)?;
        Ok((self.handle)(Arc::clone(broker), context, body))
    }
}

/// Decodes a body whose shape was checked.
fn decode<R: Decodable>(mut body: Bytes, version: i16) -> Result<R, RequestError> {
    R::decode(&mut body, version).map_err(|error| RequestError::Decode(error.to_string()))
}

/// What handlers return: a response, or a reply.
trait Answer {
    fn into_reply(self, context: &RequestContext) -> Result<Reply, RequestError>;
}

impl<R: Encodable + HeaderVersion> Answer for R {
    fn into_reply(self, context: &RequestContext) -> Result<Reply, RequestError> {
        Reply::response(context, &self)
    }
}

impl Answer for Reply {
    fn into_reply(self, _context: &RequestContext) -> Result<Reply, RequestError> {
        Ok(self)
    }
}

impl Reply {
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
