//! Sends markers to the leaders of their partitions: one request to each broker at a time, with all that waited.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use kafka_protocol::messages::write_txn_markers_request::WritableTxnMarkerTopic;
use kafka_protocol::protocol::StrBytes;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{Marks, TransactionCoordinator};
use crate::image::ClusterImage;
use crate::registry::Registry;
use crate::transactions::{Event, Mark, Marked};
use client::kafka::{KafkaConnection, KafkaError};
use wire::write_txn_markers::{TxnMarker, WriteTxnMarkersRequest, WriteTxnMarkersResponse};
use wire::{BrokerId, ErrorCode, TopicPartition};

/// Leaders answer when their replicas have the markers.
const ANSWER_WAIT: Duration = Duration::from_secs(30);

/// What waits for one broker, by whose they are.
type Queue = BTreeMap<Mark, Vec<TopicPartition>>;

/// A broker that leads partitions with markers to come.
#[derive(Default)]
struct Leader {
    queue: Queue,
    connection: Option<KafkaConnection>,
    is_asked: bool,
}

/// What became of one request.
struct Sent {
    to: BrokerId,
    markers: Queue,
    answer: Result<(KafkaConnection, WriteTxnMarkersResponse), KafkaError>,
}

/// Runs until `cancel`.
pub(super) async fn run(
    coordinator: TransactionCoordinator,
    mut marks: mpsc::Receiver<Marks>,
    cancel: CancellationToken,
) {
    let registry = coordinator.shared.registry.clone();
    let mut leaders: BTreeMap<BrokerId, Leader> = BTreeMap::new();
    let mut sending: FuturesUnordered<BoxFuture<'static, Sent>> = FuturesUnordered::new();
    loop {
        tokio::select! {
            () = cancel.cancelled() => return,
            Some(first) = marks.recv() => {
                route(&coordinator, &registry.image(), &mut leaders, first);
                while let Ok(next) = marks.try_recv() {
                    route(&coordinator, &registry.image(), &mut leaders, next);
                }
            }
            Some(sent) = sending.next(), if !sending.is_empty() => {
                let leader = leaders.entry(sent.to).or_default();
                leader.is_asked = false;
                leader.connection = answered(&coordinator, sent);
            }
        }
        for (id, leader) in &mut leaders {
            if leader.is_asked || leader.queue.is_empty() {
                continue;
            }
            leader.is_asked = true;
            let markers = std::mem::take(&mut leader.queue);
            let connection = leader.connection.take();
            sending.push(Box::pin(send(registry.clone(), *id, markers, connection)));
        }
    }
}

/// Puts each marker to those for its partition's leader. A partition that is gone needs none any more.
fn route(
    coordinator: &TransactionCoordinator,
    image: &ClusterImage,
    leaders: &mut BTreeMap<BrokerId, Leader>,
    marks: Marks,
) {
    let mut results = Vec::new();
    for at in marks.partitions {
        match image.partition(&at) {
            None => results.push((at, Marked::Done)),
            Some(partition) => match image.valid_leader(partition) {
                Some(id) => {
                    let queue = &mut leaders.entry(id).or_default().queue;
                    queue.entry(marks.mark.clone()).or_default().push(at);
                }
                None => results.push((at, Marked::Again)),
            },
        }
    }
    if !results.is_empty() {
        let mark = marks.mark;
        coordinator.step(Event::Marked { mark, results });
    }
}

async fn send(
    registry: Registry,
    to: BrokerId,
    markers: Queue,
    connection: Option<KafkaConnection>,
) -> Sent {
    let mut images = registry.watch();
    let address = {
        let image = images.borrow_and_update();
        let node = image.brokers.get(&to);
        node.map(|node| (node.host.clone(), node.port))
    };
    let client_id = format!("broker-{}-txn-marker-sender", registry.broker_id());
    let request = request(&markers);
    let asked = async {
        let mut connection = match (connection, &address) {
            (Some(connection), _) => connection,
            (None, address) => {
                let (host, port) = address.clone().unwrap_or_default();
                KafkaConnection::connect((host.as_str(), port), &client_id, ANSWER_WAIT).await?
            }
        };
        let answer = connection.ask(&request, ANSWER_WAIT).await?;
        Ok((connection, answer))
    };
    // Its session ended: others lead by now, and it may never answer.
    let is_gone = |image: &std::sync::Arc<ClusterImage>| !image.brokers.contains_key(&to);
    let answer = tokio::select! {
        answer = asked => answer,
        _ = images.wait_for(is_gone) => Err(KafkaError::OutOfStep),
    };
    Sent {
        to,
        markers,
        answer,
    }
}

fn request(markers: &Queue) -> WriteTxnMarkersRequest {
    let markers = markers.iter().map(|(mark, partitions)| {
        let mut topics: BTreeMap<&str, Vec<i32>> = BTreeMap::new();
        for at in partitions {
            topics.entry(&at.topic).or_default().push(at.partition);
        }
        let topics = topics.into_iter().map(|(name, indexes)| {
            WritableTxnMarkerTopic::default()
                .with_name(StrBytes::from_string(name.to_owned()).into())
                .with_partition_indexes(indexes)
        });
        TxnMarker {
            producer_id: mark.producer_id.into(),
            producer_epoch: mark.producer_epoch,
            transaction_result: mark.commit,
            topics: topics.collect(),
            coordinator_epoch: mark.coordinator_epoch.0,
            transaction_version: i8::try_from(mark.transaction_version).unwrap_or(i8::MAX),
        }
    });
    WriteTxnMarkersRequest {
        markers: markers.collect(),
    }
}

/// Tells the coordinator what became of each marker; the connection, if it is of further use.
fn answered(coordinator: &TransactionCoordinator, sent: Sent) -> Option<KafkaConnection> {
    let (connection, codes) = match sent.answer {
        Ok((connection, answer)) => (Some(connection), codes(answer)),
        Err(error) => {
            tracing::debug!("markers for broker {} are sent again: {error}", sent.to);
            (None, BTreeMap::new())
        }
    };
    for (mark, partitions) in sent.markers {
        let results = partitions.into_iter().map(|at| {
            let code = codes.get(&(mark.producer_id, at.clone()));
            (at, code.copied().map_or(Marked::Again, outcome))
        });
        let results = results.collect();
        coordinator.step(Event::Marked { mark, results });
    }
    connection
}

/// The answers name producers by their ids, each of which has one transaction at a time.
fn codes(answer: WriteTxnMarkersResponse) -> BTreeMap<(i64, TopicPartition), ErrorCode> {
    let mut codes = BTreeMap::new();
    for marker in answer.0.markers {
        for topic in marker.topics {
            for partition in topic.partitions {
                let at = TopicPartition::new(topic.name.as_str(), partition.partition_index);
                let code = ErrorCode::from_code(partition.error_code);
                codes.insert((marker.producer_id.0, at), code);
            }
        }
    }
    codes
}

fn outcome(code: ErrorCode) -> Marked {
    match code {
        // In the last case the partition knows a later epoch of the producer: nothing of this one is open there.
        ErrorCode::None | ErrorCode::InvalidProducerEpoch => Marked::Done,
        _ => Marked::Again,
    }
}
