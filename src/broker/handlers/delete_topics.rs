//! DeleteTopics 1 to 6: topics go, by name or (from 6) by id.
//!
//! Behaviour: a topic is marked and the controller removes it, also if brokers die meanwhile;
//! answered when it is gone, else `REQUEST_TIMED_OUT` after the request's timeout.
//! `TOPIC_DELETION_DISABLED` (`INVALID_REQUEST` before version 3) where `delete.topic.enable` is off.
//! Not done: quotas.

use std::{sync::Arc, time::Duration};

use futures::future::join_all;
use kafka_protocol::{
    messages::{
        DeleteTopicsRequest, DeleteTopicsResponse, TopicName,
        delete_topics_request::DeleteTopicState, delete_topics_response::DeletableTopicResult,
    },
    protocol::StrBytes,
};
use uuid::Uuid;

use super::RequestContext;
use crate::{Broker, registry::RegistryError};
use wire::ErrorCode;

pub(super) async fn handle(
    broker: &Arc<Broker>,
    context: &RequestContext,
    request: DeleteTopicsRequest,
) -> DeleteTopicsResponse {
    /// From here on topics are named by id or name; before, by name only.
    const BY_ID: i16 = 6;
    /// From here on clients know the code for switched-off deletion.
    const DISABLED_KNOWN: i16 = 3;
    let patience = Duration::from_millis(u64::try_from(request.timeout_ms).unwrap_or(0));
    let wanted = if context.version < BY_ID {
        let names = request.topic_names.into_iter();
        names
            .map(|name| DeleteTopicState::default().with_name(Some(name)))
            .collect()
    } else {
        request.topics
    };
    let disabled = if context.version < DISABLED_KNOWN {
        ErrorCode::InvalidRequest
    } else {
        ErrorCode::TopicDeletionDisabled
    };
    let results = wanted.into_iter().map(|topic| async {
        let (name, id) = (topic.name.clone(), topic.topic_id);
        let found = find(broker, topic);
        let deleted = match &found {
            Ok(_) if !broker.settings.delete_topic_enable => {
                Err((disabled, "Topic deletion is disabled.".to_owned()))
            }
            Ok((name, id)) => delete(broker, name, *id, patience).await,
            Err(refusal) => Err(refusal.clone()),
        };
        let (name, id) = match found {
            Ok((name, id)) => (Some(name), id),
            Err(_) => (name, id),
        };
        let result = DeletableTopicResult::default()
            .with_name(name)
            .with_topic_id(id);
        match deleted {
            Ok(()) => result,
            Err((code, message)) => result
                .with_error_code(code.code())
                .with_error_message(Some(StrBytes::from_string(message))),
        }
    });
    DeleteTopicsResponse::default().with_responses(join_all(results).await)
}

/// The topic's name and id, or why not: in the words of Kafka's controller, where 3.9 leaves them to the client.
fn find(
    broker: &Broker,
    topic: DeleteTopicState,
) -> Result<(TopicName, Uuid), (ErrorCode, String)> {
    let refuse = |code: ErrorCode, message: &str| Err((code, message.to_owned()));
    let image = broker.registry.image();
    match topic.name {
        Some(name) if topic.topic_id.is_nil() => {
            let Some(found) = image.topics.get(name.as_str()) else {
                let message = "This server does not host this topic-partition.";
                return refuse(ErrorCode::UnknownTopicOrPartition, message);
            };
            Ok((name, found.id))
        }
        Some(_) => {
            let message = "You may not specify both topic name and topic id.";
            refuse(ErrorCode::InvalidRequest, message)
        }
        None if topic.topic_id.is_nil() => {
            let message = "Neither topic name nor id were specified.";
            refuse(ErrorCode::InvalidRequest, message)
        }
        None => {
            let Some((name, topic)) = image.topic_by_id(topic.topic_id) else {
                let message = "This server does not host this topic ID.";
                return refuse(ErrorCode::UnknownTopicId, message);
            };
            Ok((StrBytes::from_string(name.to_owned()).into(), topic.id))
        }
    }
}

async fn delete(
    broker: &Broker,
    name: &str,
    id: Uuid,
    patience: Duration,
) -> Result<(), (ErrorCode, String)> {
    let refuse = |error: RegistryError| (ErrorCode::from(&error), error.to_string());
    broker.registry.delete_topic(name).await.map_err(refuse)?;
    let gone = broker.registry.wait_for(patience, |image| {
        image.topics.get(name).is_none_or(|topic| topic.id != id)
    });
    if gone.await {
        Ok(())
    } else {
        let message = "The topic is marked for deletion and not gone yet.".to_owned();
        Err((ErrorCode::RequestTimedOut, message))
    }
}
