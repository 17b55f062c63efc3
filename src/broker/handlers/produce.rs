//! Produce 3 to 13: appends one batch to each partition named.
//!
//! Behaviour: `acks=0` answers nothing, and closes the connection where something failed; `acks=1` answers when
//! the leader has it; `acks=all` when every in-sync replica has it, at the latest after the request's timeout.
//! The next request of the connection is appended while this one waits. Repeated batches of idempotent
//! producers are answered with their first offsets. Leaders are hinted at from 10 on (KIP-951), topics named
//! by id from 13 on (KIP-516). Versions 0 to 2 are listed (KAFKA-18659) and close the connection.
//! A transactional batch needs the request's transactional id (KIP-98). The first one of a transaction in a partition is
//! taken when the transaction's coordinator says that it is part of it; from 12 on it is made so (KIP-890).

use std::{sync::Arc, time::Duration};

use kafka_protocol::{
    messages::{
        ProduceRequest, ProduceResponse,
        produce_request::{PartitionProduceData, TopicProduceData},
        produce_response::{
            BatchIndexAndErrorMessage, LeaderIdAndEpoch, NodeEndpoint, PartitionProduceResponse,
            TopicProduceResponse,
        },
    },
    protocol::StrBytes,
};
use tokio::time::Instant;

use super::{
    Reply, RequestContext, RequestError,
    leader_hints::LeaderHints,
    transaction_parts::{self, Refused},
};
use crate::{
    Broker,
    image::ClusterImage,
    internal_topic::InternalTopic,
    log::{AppendOrigin, LogError, RejectedRecord},
    partitions::{AppendReceipt, Partition, PartitionError, housekeeping::now_ms},
};
use wire::{
    ErrorCode, Offset, TopicPartition,
    record_batch::{BatchHeader, Compression},
};

/// The client id under which Kafka's own tools may write to internal topics.
const ADMIN_CLIENT_ID: &str = "__admin_client";

/// What the request says of all its batches.
#[derive(Debug, Clone, Copy)]
struct Terms {
    acks: i16,
    /// Whether there is a transactional id.
    is_transactional: bool,
}

/// One partition's part of the request.
struct Part {
    at: TopicPartition,
    outcome: Result<(Arc<Partition>, AppendReceipt), Refusal>,
}

struct Refusal {
    code: ErrorCode,
    message: Option<String>,
    /// Where the log starts, if the batch came as far as the log.
    log_start_offset: Option<Offset>,
    records: Vec<RejectedRecord>,
}

impl From<PartitionError> for Refusal {
    fn from(error: PartitionError) -> Self {
        let (code, message) = (ErrorCode::from(&error), Some(error.to_string()));
        let records = match error {
            PartitionError::Log(LogError::RejectedRecords { records, .. }) => records,
            _ => Vec::new(),
        };
        Self {
            code,
            message,
            log_start_offset: None,
            records,
        }
    }
}

impl From<ErrorCode> for Refusal {
    fn from(code: ErrorCode) -> Self {
        Self {
            code,
            message: None,
            log_start_offset: None,
            records: Vec::new(),
        }
    }
}

/// A topic of the request as the answer repeats it.
struct TopicParts {
    topic: TopicProduceResponse,
    parts: Vec<Part>,
}

pub(super) async fn handle(
    broker: &Arc<Broker>,
    context: &RequestContext,
    request: ProduceRequest,
) -> Result<Reply, RequestError> {
    let (acks, timeout_ms) = (request.acks, request.timeout_ms);
    let terms = Terms {
        acks,
        is_transactional: request.transactional_id.is_some(),
    };
    let image = broker.registry.image();
    let places: Vec<TopicPartition> = request
        .topic_data
        .iter()
        .flat_map(|topic| {
            let name = name_of(context, &image, topic).unwrap_or_default();
            let partitions = topic.partition_data.iter();
            partitions.map(move |data| TopicPartition::new(name, data.index))
        })
        .collect();
    let timeout = Duration::from_millis(u64::try_from(timeout_ms).unwrap_or_default());
    let deadline = Instant::now() + timeout;
    let images = || broker.registry.image();
    let settled = broker
        .partitions
        .wait_until_led(broker.id, images, &places, timeout);
    settled.await;
    let image = broker.registry.image();
    let refused = match &request.transactional_id {
        Some(id) => {
            let topics = request.topic_data.iter();
            let parts = topics.flat_map(|topic| &topic.partition_data);
            let records = parts.map(|data| data.records.as_deref().unwrap_or_default());
            let parts = places.iter().zip(records);
            transaction_parts::refused(broker, &image, context.version, id, parts).await
        }
        // Nothing is asked, and nothing is allocated.
        None => Refused::new(),
    };
    let mut places = places.into_iter();
    let topics: Vec<TopicParts> = request
        .topic_data
        .into_iter()
        // Nothing is said of a topic of which nothing is asked.
        .filter(|topic| !topic.partition_data.is_empty())
        .map(|topic| {
            let topic = (topic, &mut places);
            append_topic(broker, context, &image, topic, (terms, &refused))
        })
        .collect();
    match acks {
        0 => {
            let failed = topics
                .iter()
                .flat_map(|topic| &topic.parts)
                .find_map(|part| part.outcome.as_ref().err().map(|why| (&part.at, why.code)));
            match failed {
                Some((at, code)) => Err(RequestError::Unacknowledged {
                    at: at.clone(),
                    code,
                }),
                None => Ok(Reply::Nothing),
            }
        }
        -1 if topics.iter().any(TopicParts::is_appended) => {
            let (broker, context) = (Arc::clone(broker), context.clone());
            Ok(Reply::Later(Box::pin(async move {
                let mut topics = topics;
                for part in topics.iter_mut().flat_map(|topic| &mut topic.parts) {
                    part.wait(deadline).await;
                }
                respond(&broker, &context, topics)
            })))
        }
        _ => respond(broker, context, topics),
    }
}

fn append_topic(
    broker: &Broker,
    context: &RequestContext,
    image: &ClusterImage,
    (topic, places): (TopicProduceData, &mut impl Iterator<Item = TopicPartition>),
    (terms, refused): (Terms, &Refused),
) -> TopicParts {
    let is_known = name_of(context, image, &topic).is_some();
    let parts = topic
        .partition_data
        .iter()
        .zip(places)
        .map(|(data, at)| {
            let outcome = match refused.get(&at) {
                Some(code) => Err((*code).into()),
                None if is_known => append(broker, context, image, &at, data, terms),
                None => Err(ErrorCode::UnknownTopicId.into()),
            };
            Part { at, outcome }
        })
        .collect();
    let mut answer = TopicProduceResponse::default();
    if names_by_id(context) {
        answer.topic_id = topic.topic_id;
    } else {
        answer.name = topic.name;
    }
    TopicParts {
        topic: answer,
        parts,
    }
}

/// Whether topics are named by their ids (KIP-516).
fn names_by_id(context: &RequestContext) -> bool {
    context.version >= 13
}

/// The name of a topic of the request, if there is one of its id.
fn name_of<'a>(
    context: &RequestContext,
    image: &'a ClusterImage,
    topic: &'a TopicProduceData,
) -> Option<&'a str> {
    if names_by_id(context) {
        image.topic_by_id(topic.topic_id).map(|(name, _)| name)
    } else {
        Some(topic.name.as_str())
    }
}

fn append(
    broker: &Broker,
    context: &RequestContext,
    image: &ClusterImage,
    at: &TopicPartition,
    data: &PartitionProduceData,
    terms: Terms,
) -> Result<(Arc<Partition>, AppendReceipt), Refusal> {
    let acks = terms.acks;
    if !(-1..=1).contains(&acks) {
        return Err(ErrorCode::InvalidRequiredAcks.into());
    }
    let is_admin = context.client_id.as_deref() == Some(ADMIN_CLIENT_ID);
    if InternalTopic::named(&at.topic).is_some() && !is_admin {
        return Err(ErrorCode::InvalidTopicException.into());
    }
    let partition = broker.partitions.find(at, image)?;
    let records = data.records.as_deref().unwrap_or_default();
    check_header(context.version, terms, records)?;
    match partition.append(records, acks == -1, AppendOrigin::Client, now_ms()) {
        Ok(receipt) => Ok((partition, receipt)),
        Err(error) => {
            let mut refusal = Refusal::from(error);
            if tells_log_start(refusal.code) {
                refusal.log_start_offset = Some(partition.log_start_offset());
            }
            Err(refusal)
        }
    }
}

/// Whether an answer with this code tells where the log starts: those do that judge the records, or the
/// replicas, rather than the partition or the size of the batch.
fn tells_log_start(code: ErrorCode) -> bool {
    !matches!(
        code,
        ErrorCode::UnknownTopicOrPartition
            | ErrorCode::NotLeaderOrFollower
            | ErrorCode::MessageTooLarge
            | ErrorCode::RecordListTooLarge
            | ErrorCode::CorruptMessage
            | ErrorCode::KafkaStorageError
    )
}

/// Refuses what clients of this version do not know (zstd before 7: KIP-110), and parts of a transaction without the
/// id of one. What is no batch at all is refused by the log.
fn check_header(version: i16, terms: Terms, records: &[u8]) -> Result<(), ErrorCode> {
    match BatchHeader::parse(records) {
        Ok(header) if header.is_transactional() && !terms.is_transactional => {
            Err(ErrorCode::TransactionalIdAuthorizationFailed)
        }
        Ok(header) if version < 7 && header.compression() == Ok(Compression::Zstd) => {
            Err(ErrorCode::UnsupportedCompressionType)
        }
        _ => Ok(()),
    }
}

impl Part {
    async fn wait(&mut self, deadline: Instant) {
        if let Ok((partition, receipt)) = &self.outcome
            && let Err(error) = partition.committed(receipt, deadline).await
        {
            self.outcome = Err(error.into());
        }
    }
}

impl TopicParts {
    fn is_appended(&self) -> bool {
        self.parts.iter().any(|part| part.outcome.is_ok())
    }
}

fn respond(
    broker: &Broker,
    context: &RequestContext,
    topics: Vec<TopicParts>,
) -> Result<Reply, RequestError> {
    let version = context.version;
    let mut hints = LeaderHints::new(broker.registry.image());
    let responses = topics
        .into_iter()
        .map(|topic| {
            let partitions = topic
                .parts
                .into_iter()
                .map(|part| answer_part(version, &mut hints, part))
                .collect();
            topic.topic.with_partition_responses(partitions)
        })
        .collect();
    let mut response = ProduceResponse::default().with_responses(responses);
    if version >= 10 {
        response.node_endpoints = hints
            .endpoints
            .into_iter()
            .map(|(id, node)| {
                NodeEndpoint::default()
                    .with_node_id(id.0.into())
                    .with_host(StrBytes::from(node.host))
                    .with_port(node.port.into())
            })
            .collect();
    }
    Reply::response(context, &response)
}

fn answer_part(version: i16, hints: &mut LeaderHints, part: Part) -> PartitionProduceResponse {
    let answer = PartitionProduceResponse::default().with_index(part.at.partition);
    let refusal = match part.outcome {
        Ok((_, receipt)) => {
            let answer = answer
                .with_base_offset(receipt.appended.first_offset.0)
                .with_log_append_time_ms(receipt.appended.log_append_time);
            return if version >= 5 {
                answer.with_log_start_offset(receipt.appended.log_start_offset.0)
            } else {
                answer
            };
        }
        Err(refusal) => refusal,
    };
    let mut answer = answer
        .with_error_code(refusal.code.code())
        .with_base_offset(-1)
        .with_log_append_time_ms(-1);
    if version >= 5
        && let Some(start) = refusal.log_start_offset
    {
        answer.log_start_offset = start.0;
    }
    if version >= 8 {
        let records = refusal.records.into_iter().map(|record| {
            BatchIndexAndErrorMessage::default()
                .with_batch_index(record.index)
                .with_batch_index_error_message(Some(StrBytes::from(record.message)))
        });
        answer.record_errors = records.collect();
        answer.error_message = refusal.message.map(StrBytes::from);
    }
    if version >= 10
        && let Some(hint) = hints.hint(&part.at, refusal.code)
    {
        answer.current_leader = LeaderIdAndEpoch::default()
            .with_leader_id(hint.leader.into())
            .with_leader_epoch(hint.epoch.0);
    }
    answer
}
