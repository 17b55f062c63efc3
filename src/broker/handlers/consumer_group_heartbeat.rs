//! `ConsumerGroupHeartbeat`, versions 0 to 1: a member of a group of the consumer protocol joins, lives, moves towards
//! its share of the partitions, or leaves (KIP-848).
//!
//! From version 1 on with regular expressions and ids that members make; in version 0 a new member gets its id.
//! Where `group.coordinator.rebalance.protocols` does not name `consumer`: `UNSUPPORTED_VERSION`.
//! Not done: racks are stored and have no effect.

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use kafka_protocol::messages::{
    ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse,
    consumer_group_heartbeat_response::{Assignment, TopicPartitions},
};
use kafka_protocol::protocol::StrBytes;
use uuid::Uuid;

use super::{RequestContext, optional};
use crate::Broker;
use crate::coordinator::{
    ConsumerHeartbeat, ConsumerHeartbeatAnswer, Partitions, Refusal, Request, Response,
};
use wire::ErrorCode;

pub(super) async fn handle(
    broker: &Arc<Broker>,
    context: &RequestContext,
    request: ConsumerGroupHeartbeatRequest,
) -> ConsumerGroupHeartbeatResponse {
    let heartbeat = Box::new(heartbeat(context, request));
    match broker
        .groups
        .ask(Request::ConsumerHeartbeat(heartbeat))
        .await
    {
        Some(Response::ConsumerHeartbeat(Ok(answer))) => response(answer),
        Some(Response::ConsumerHeartbeat(Err(refusal))) => refused(refusal),
        _ => {
            let message = "The broker is stopping.";
            refused(Refusal::new(ErrorCode::CoordinatorNotAvailable, message))
        }
    }
}

fn heartbeat(
    context: &RequestContext,
    request: ConsumerGroupHeartbeatRequest,
) -> ConsumerHeartbeat {
    let topics = request.subscribed_topic_names;
    ConsumerHeartbeat {
        group: request.group_id.to_string(),
        member_id: request.member_id.to_string(),
        member_epoch: request.member_epoch,
        instance_id: optional(request.instance_id),
        rack_id: optional(request.rack_id),
        rebalance_timeout_ms: request.rebalance_timeout_ms,
        topics: topics.map(|topics| topics.iter().map(|topic| topic.to_string()).collect()),
        expression: optional(request.subscribed_topic_regex),
        assignor: optional(request.server_assignor),
        owned: request.topic_partitions.map(|topics| {
            let mut owned = Partitions::new();
            for topic in topics {
                if !topic.partitions.is_empty() {
                    let partitions = owned.entry(topic.topic_id).or_default();
                    partitions.extend(topic.partitions);
                }
            }
            owned
        }),
        client_id: optional(context.client_id.clone()).unwrap_or_default(),
        client_host: format!("/{}", context.peer.ip()),
        makes_member_id: context.version >= 1,
        new_member_id: URL_SAFE_NO_PAD.encode(Uuid::new_v4().as_bytes()),
        classic: None,
    }
}

fn response(answer: ConsumerHeartbeatAnswer) -> ConsumerGroupHeartbeatResponse {
    let assignment = answer.assignment.map(|partitions| {
        let topics = partitions.into_iter().map(|(topic, partitions)| {
            TopicPartitions::default()
                .with_topic_id(topic)
                .with_partitions(partitions.into_iter().collect())
        });
        Assignment::default().with_topic_partitions(topics.collect())
    });
    ConsumerGroupHeartbeatResponse::default()
        .with_member_id(Some(answer.member_id.into()))
        .with_member_epoch(answer.member_epoch)
        .with_heartbeat_interval_ms(answer.heartbeat_interval_ms)
        .with_assignment(assignment)
}

fn refused(refusal: Refusal) -> ConsumerGroupHeartbeatResponse {
    ConsumerGroupHeartbeatResponse::default()
        .with_error_code(refusal.error.code())
        .with_error_message(Some(StrBytes::from(refusal.message)))
}
