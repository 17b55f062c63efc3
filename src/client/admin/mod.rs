//! Asks whoever must be asked: the controller, a coordinator, a leader, or anybody.

mod configs;
mod groups;

use std::collections::BTreeMap;
use std::time::Duration;

pub use self::groups::Coordinator;
use super::kafka::{KafkaConnection, KafkaError};
use super::offsets::{self, Position};
use super::placement;
use super::refusal::Refusal;
use super::security::Security;
use super::tap::Tap;
use super::topics::{self, Cluster, NewTopic};
use wire::{BrokerId, ErrorCode, Offset, TopicPartition};

/// How long one broker may take to answer.
const ANSWER_WAIT: Duration = Duration::from_secs(10);

/// How long one broker may take to accept a connection; a frozen one never does.
const CONNECT_WAIT: Duration = Duration::from_millis(800);

/// Connections to a cluster, opened as they are needed.
#[derive(Debug)]
pub struct Admin {
    bootstrap: String,
    client_id: String,
    connections: BTreeMap<String, KafkaConnection>,
    tap: Tap,
    security: Security,
}

impl Admin {
    /// Will ask brokers of `bootstrap`, addresses with commas between; connects to none yet.
    #[must_use]
    pub fn new(bootstrap: &str, client_id: &str) -> Self {
        Self {
            bootstrap: bootstrap.to_owned(),
            client_id: client_id.to_owned(),
            connections: BTreeMap::new(),
            tap: Tap::default(),
            security: Security::default(),
        }
    }

    /// Tells `tap` what it asks and is answered.
    #[must_use]
    pub fn tapped(self, tap: Tap) -> Self {
        Self { tap, ..self }
    }

    /// Secures its connections like this.
    #[must_use]
    pub fn secured(self, security: Security) -> Self {
        Self { security, ..self }
    }

    /// Closes all connections: after a failure their state is unknown.
    pub fn disconnect(&mut self) {
        self.connections.clear();
    }

    /// What any broker says of these topics, or of all.
    ///
    /// # Errors
    /// No broker answers.
    pub async fn metadata(&mut self, topics: Option<&[String]>) -> Result<Cluster, Refusal> {
        let mut why = "there is no address".to_owned();
        let bootstrap = self.bootstrap.clone();
        for address in bootstrap
            .split(',')
            .map(str::trim)
            .filter(|address| !address.is_empty())
        {
            let answer = match self.connection(address).await {
                Ok(connection) => topics::metadata(connection, topics, ANSWER_WAIT).await,
                Err(error) => Err(error),
            };
            match answer {
                Ok(cluster) => return Ok(cluster),
                Err(error) => {
                    self.connections.remove(address);
                    why = format!("{address}: {error}");
                }
            }
        }
        Err(Refusal::Unreachable { bootstrap, why })
    }

    /// Creates a topic.
    ///
    /// # Errors
    /// The controller refuses or cannot be asked.
    pub async fn create_topic(&mut self, topic: &NewTopic) -> Result<(), Refusal> {
        let controller = self.controller().await?;
        let connection = self.connection(&controller).await?;
        topics::create_topic(connection, topic, ANSWER_WAIT).await
    }

    /// Gives a topic more partitions: `total` of them, the new ones on `assignments` or where the
    /// controller likes.
    ///
    /// # Errors
    /// The controller refuses or cannot be asked.
    pub async fn create_partitions(
        &mut self,
        topic: &str,
        total: i32,
        assignments: &[Vec<BrokerId>],
    ) -> Result<(), Refusal> {
        let controller = self.controller().await?;
        let connection = self.connection(&controller).await?;
        topics::create_partitions(connection, topic, total, assignments, ANSWER_WAIT).await
    }

    /// Deletes a topic.
    ///
    /// # Errors
    /// The controller refuses or cannot be asked.
    pub async fn delete_topic(&mut self, name: &str) -> Result<(), Refusal> {
        let controller = self.controller().await?;
        let connection = self.connection(&controller).await?;
        topics::delete_topic(connection, name, ANSWER_WAIT).await
    }

    /// Gives partitions other replicas, the preferred leader first.
    ///
    /// # Errors
    /// The controller refuses one of them or cannot be asked.
    pub async fn reassign(
        &mut self,
        partitions: &[(TopicPartition, Vec<BrokerId>)],
    ) -> Result<(), Refusal> {
        let controller = self.controller().await?;
        let connection = self.connection(&controller).await?;
        placement::reassign(connection, partitions, ANSWER_WAIT).await
    }

    /// Gives leadership back to preferred leaders and says what became of each that did not lead.
    ///
    /// # Errors
    /// The controller refuses or cannot be asked.
    pub async fn elect_preferred_leaders(
        &mut self,
    ) -> Result<Vec<(TopicPartition, ErrorCode)>, Refusal> {
        let controller = self.controller().await?;
        let connection = self.connection(&controller).await?;
        placement::elect_preferred_leaders(connection, ANSWER_WAIT).await
    }

    /// High watermarks, from each partition's leader; those without a leader are left out.
    ///
    /// # Errors
    /// No broker answers.
    pub async fn high_watermarks(
        &mut self,
        topic_names: &[String],
    ) -> Result<BTreeMap<TopicPartition, Offset>, Refusal> {
        self.offsets(topic_names, Position::HighWatermark).await
    }

    /// Offsets of all partitions of these topics, from each partition's leader; those without a
    /// leader, or without a record at `position`, are left out.
    ///
    /// # Errors
    /// No broker answers.
    pub async fn offsets(
        &mut self,
        topic_names: &[String],
        position: Position,
    ) -> Result<BTreeMap<TopicPartition, Offset>, Refusal> {
        let cluster = self.metadata(Some(topic_names)).await?;
        let mut by_leader: BTreeMap<BrokerId, Vec<TopicPartition>> = BTreeMap::new();
        for topic in &cluster.topics {
            for partition in &topic.partitions {
                if let Some(leader) = partition.leader {
                    let at = TopicPartition::new(topic.name.clone(), partition.partition);
                    by_leader.entry(leader).or_default().push(at);
                }
            }
        }
        let mut found = BTreeMap::new();
        for (leader, partitions) in by_leader {
            let Some(address) = cluster.brokers.get(&leader) else {
                continue;
            };
            let Ok(connection) = self.connection(address).await else {
                continue;
            };
            match offsets::list_offsets(connection, &partitions, position, ANSWER_WAIT).await {
                Ok(offsets) => found.extend(offsets),
                // The broker may be back already: the next question opens a new connection.
                Err(_) => drop(self.connections.remove(address)),
            }
        }
        Ok(found)
    }

    /// How many brokers the controller knows to be live: it places the replicas of a new topic on these.
    ///
    /// # Errors
    /// The controller cannot be asked.
    pub async fn brokers_of_the_controller(&mut self) -> Result<usize, Refusal> {
        let controller = self.controller().await?;
        let connection = self.connection(&controller).await?;
        let seen = topics::metadata(connection, Some(&[]), ANSWER_WAIT).await?;
        Ok(seen.brokers.len())
    }

    /// The controller's address.
    async fn controller(&mut self) -> Result<String, Refusal> {
        let cluster = self.metadata(Some(&[])).await?;
        cluster
            .controller
            .and_then(|controller| cluster.brokers.get(&controller).cloned())
            .ok_or(Refusal::NoController)
    }

    /// The address of a broker that answers, in the order they were named.
    async fn any_broker(&mut self) -> Result<String, Refusal> {
        self.metadata(Some(&[])).await?;
        self.bootstrap
            .split(',')
            .map(str::trim)
            .find(|address| self.connections.contains_key(*address))
            .map(str::to_owned)
            .ok_or(Refusal::NoController)
    }

    async fn connection(&mut self, address: &str) -> Result<&mut KafkaConnection, KafkaError> {
        if !self.connections.contains_key(address) {
            let (client, wait, tap) = (&self.client_id, CONNECT_WAIT, self.tap.clone());
            let secured =
                KafkaConnection::connect_secured(address, client, wait, tap, &self.security);
            let connection = secured.await?;
            self.connections.insert(address.to_owned(), connection);
        }
        Ok(self
            .connections
            .get_mut(address)
            .expect("it was just put there"))
    }
}
