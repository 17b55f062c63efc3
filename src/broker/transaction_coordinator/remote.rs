//! Leaders ask a transaction's coordinator about their partitions (KIP-890): whether they are part of it, or to make
//! them so.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use kafka_protocol::messages::AddPartitionsToTxnRequest;
use kafka_protocol::messages::add_partitions_to_txn_request::{
    AddPartitionsToTxnTopic, AddPartitionsToTxnTransaction,
};
use kafka_protocol::protocol::StrBytes;

use crate::Broker;
use crate::internal_topic::InternalTopic;
use crate::transactions::{AddRequest, ProducerIdentity, Request};
use client::kafka::{KafkaConnection, KafkaError};
use wire::{BrokerId, ErrorCode, TopicPartition};

/// How long the coordinator's answer is waited for.
const ANSWER_WAIT: Duration = Duration::from_secs(5);

/// Connections to one coordinator that are kept for the next question.
const IDLE_MAX: usize = 8;

/// What is said of each partition.
type Codes = BTreeMap<TopicPartition, ErrorCode>;

/// Connections to coordinators that nobody uses now.
#[derive(Default)]
pub(crate) struct Coordinators {
    idle: Mutex<HashMap<BrokerId, Vec<KafkaConnection>>>,
}

impl Coordinators {
    fn take(&self, id: BrokerId) -> Option<KafkaConnection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.get_mut(&id)?.pop()
    }

    fn give_back(&self, id: BrokerId, connection: KafkaConnection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = idle.entry(id).or_default();
        if kept.len() < IDLE_MAX {
            kept.push(connection);
        }
    }
}

impl Broker {
    /// Asks whether these partitions are part of the producer's transaction (`verify_only`), or makes them so for a
    /// producer whose epoch rises with each end.
    ///
    /// # Errors
    /// No answer is to be had now.
    pub(crate) async fn ask_transaction(
        &self,
        producer: ProducerIdentity,
        partitions: BTreeSet<TopicPartition>,
        verify_only: bool,
    ) -> Result<Codes, ErrorCode> {
        let topic = InternalTopic::TransactionState;
        let (id, node) = self
            .find_coordinator(topic, &producer.transactional_id)
            .await?;
        if id == self.id && verify_only {
            let asked: Vec<TopicPartition> = partitions.iter().cloned().collect();
            let verified = self.transactions.verify(&producer, &asked);
            return Ok(match verified {
                Ok(results) => results.into_iter().collect(),
                Err(code) => all(partitions, code),
            });
        }
        if id == self.id {
            let request = Request::AddPartitions(AddRequest {
                producer,
                partitions: partitions.clone(),
                transaction_version: 2,
            });
            return Ok(all(partitions, self.transactions.ask_to_add(request).await));
        }
        let request = request(&producer, &partitions, verify_only);
        let address = (node.host.as_str(), node.port);
        let mut images = self.registry.watch();
        // Its session ended: another coordinates by now, and it may never answer.
        let gone = images.wait_for(|image| !image.brokers.contains_key(&id));
        let answer = tokio::select! {
            answer = self.ask_other(id, address, &request) => answer,
            _ = gone => Err(KafkaError::OutOfStep),
        };
        let (connection, answer) = answer.map_err(|error| {
            tracing::debug!("broker {id} does not tell of a transaction: {error}");
            ErrorCode::CoordinatorNotAvailable
        })?;
        self.coordinators.give_back(id, connection);
        Ok(answer)
    }

    async fn ask_other(
        &self,
        id: BrokerId,
        address: (&str, u16),
        request: &AddPartitionsToTxnRequest,
    ) -> Result<(KafkaConnection, Codes), KafkaError> {
        if let Some(kept) = self.coordinators.take(id) {
            match ask(kept, request).await {
                // One that was idle for long, or whose broker was started again, is closed.
                Err(KafkaError::Frame(_) | KafkaError::Closed { .. }) => {}
                answered => return answered,
            }
        }
        let client_id = format!("AddPartitionsManager-client-{}", self.id);
        let connection = KafkaConnection::connect(address, &client_id, ANSWER_WAIT).await?;
        ask(connection, request).await
    }
}

fn all(partitions: BTreeSet<TopicPartition>, code: ErrorCode) -> Codes {
    partitions.into_iter().map(|at| (at, code)).collect()
}

async fn ask(
    mut connection: KafkaConnection,
    request: &AddPartitionsToTxnRequest,
) -> Result<(KafkaConnection, Codes), KafkaError> {
    let answer = connection.ask(request, ANSWER_WAIT).await?;
    let mut codes = Codes::new();
    for topic in answer
        .results_by_transaction
        .into_iter()
        .flat_map(|it| it.topic_results)
    {
        for partition in topic.results_by_partition {
            let at = TopicPartition::new(topic.name.as_str(), partition.partition_index);
            let code = ErrorCode::from_code(partition.partition_error_code);
            codes.insert(at, code);
        }
    }
    Ok((connection, codes))
}

fn request(
    producer: &ProducerIdentity,
    partitions: &BTreeSet<TopicPartition>,
    verify_only: bool,
) -> AddPartitionsToTxnRequest {
    let mut topics: BTreeMap<&str, Vec<i32>> = BTreeMap::new();
    for at in partitions {
        topics.entry(&at.topic).or_default().push(at.partition);
    }
    let topics = topics.into_iter().map(|(name, indexes)| {
        AddPartitionsToTxnTopic::default()
            .with_name(StrBytes::from_string(name.to_owned()).into())
            .with_partitions(indexes)
    });
    let id = StrBytes::from_string(producer.transactional_id.clone());
    let transaction = AddPartitionsToTxnTransaction::default()
        .with_transactional_id(id.into())
        .with_producer_id(producer.producer_id.into())
        .with_producer_epoch(producer.producer_epoch)
        .with_verify_only(verify_only)
        .with_topics(topics.collect());
    AddPartitionsToTxnRequest::default().with_transactions(vec![transaction])
}
