//! Looks at one broker again and again: metadata, log ends, the groups it coordinates.
//!
//! Each broker has a task of its own, so one that is frozen or gone holds up none of the others.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::scope::{LogSeen, Nudges, Scope};
use crate::state::{
    BrokerSeen, ClusterSeen, GroupProtocol, GroupSeen, MemberSeen, PartitionSeen, Timestamp,
    TopicSeen, TransactionSeen,
};
use client::groups;
use client::kafka::{KafkaConnection, KafkaError};
use client::offsets::{self, Position};
use client::refusal::Refusal;
use client::topics::{self, Cluster, Topic, TopicConfig};
use client::transactions;
use wire::topic_name::{CONSUMER_OFFSETS, TRANSACTION_STATE};
use wire::{BrokerId, TopicPartition};

/// How often transactions are asked for while nothing seems to happen.
const TRANSACTIONS_QUIET: Duration = Duration::from_millis(500);

/// Transactional ids of one coordinator that are described at each look.
const TRANSACTIONS_MAX: usize = 64;

/// Looks at one broker.
pub(super) struct BrokerLook {
    pub(super) broker: BrokerId,
    pub(super) address: String,
    pub(super) scope: Arc<Scope>,
    connection: Option<KafkaConnection>,
    logs_looked: Option<Instant>,
    groups_looked: Option<Instant>,
    transactions_looked: Option<Instant>,
    /// By topic, with the replicas it had then: a topic made anew has other settings.
    configs: BTreeMap<String, (Vec<BrokerId>, Vec<TopicConfig>)>,
    configs_looked: Option<Instant>,
}

/// What a look was at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Looked {
    Everywhere,
    /// The last look at the logs was just now, and there are many brokers.
    NotAtLogs,
}

impl BrokerLook {
    pub(super) fn new(broker: BrokerId, address: String, scope: Arc<Scope>) -> Self {
        Self {
            broker,
            address,
            scope,
            connection: None,
            logs_looked: None,
            groups_looked: None,
            transactions_looked: None,
            configs: BTreeMap::new(),
            configs_looked: None,
        }
    }

    /// Looks until cancelled.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        let mut nudges = self.scope.nudges();
        let mut seen = Nudges::default();
        let manner = self.scope.manner();
        let mut failures = 0_u32;
        loop {
            let before = std::mem::replace(&mut seen, *nudges.borrow_and_update());
            let flows = seen.logs != before.logs;
            // On an error the connection is not put back.
            let looked = tokio::select! {
                () = stop.cancelled() => return,
                looked = self.look(seen.cluster != before.cluster) => looked,
            };
            let rarer = self.scope.rarer();
            let failed = failures;
            let pause = match &looked {
                Ok(Looked::Everywhere) if !flows => manner.quiet_look * rarer,
                Ok(_) => manner.quiet_look,
                Err(_) => {
                    failures += 1;
                    manner.pause(failures) * rarer
                }
            };
            match looked {
                Ok(_) => failures = 0,
                // A connection that was closed for good reasons is opened again, and nobody need know.
                Err(why) if failures == 2 => self.scope.is_silent(self.broker, &why).await,
                Err(_) => {}
            }
            if failures == 0 && failed >= 2 {
                self.scope.answers(self.broker).await;
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(manner.busy_look) => {}
            }
            // A stream into a hundred brokers would wake every look that there is with every record.
            let follows = manner.follows_records && rarer == 1;
            // Who does not answer is left alone for its time, whatever others do.
            let patient = manner.of_others && failures > 0;
            let is_news = |now: &Nudges| {
                let cluster = now.cluster != seen.cluster && !patient;
                cluster || (follows && now.logs != seen.logs)
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
                Ok(_) = nudges.wait_for(is_news) => {}
            }
        }
    }

    async fn look(&mut self, woken: bool) -> Result<Looked, Refusal> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        self.look_at_cluster(&mut connection, woken).await?;
        let too_soon = |last: Instant| last.elapsed() < self.scope.manner().quiet_look / 2;
        let looked = if self.scope.rarer() > 1 && self.logs_looked.is_some_and(too_soon) {
            Looked::NotAtLogs
        } else {
            self.look_at_logs(&mut connection).await?;
            self.logs_looked = Some(Instant::now());
            Looked::Everywhere
        };
        self.look_at_groups(&mut connection, woken).await?;
        self.look_at_transactions(&mut connection, woken).await?;
        self.connection = Some(connection);
        Ok(looked)
    }

    async fn connect(&self) -> Result<KafkaConnection, KafkaError> {
        let wait = self.scope.manner().answer_wait;
        let connection = self.scope.connect(&self.address, wait).await?;
        self.scope.see_software(connection.software()).await;
        Ok(connection)
    }

    /// One broker's metadata serves all: they follow the same znodes, or the same log.
    async fn look_at_cluster(
        &mut self,
        connection: &mut KafkaConnection,
        woken: bool,
    ) -> Result<(), KafkaError> {
        let manner = self.scope.manner();
        let interval = if woken {
            manner.metadata_busy
        } else {
            manner.metadata_quiet
        };
        if !self.scope.claim_metadata(interval) {
            return Ok(());
        }
        let cluster = match topics::metadata(connection, None, manner.answer_wait).await {
            Ok(cluster) => cluster,
            Err(error) => {
                self.scope.release_metadata();
                return Err(error);
            }
        };
        self.look_at_configs(connection, &cluster).await?;
        self.scope.see_cluster(self.seen(cluster)).await;
        Ok(())
    }

    async fn look_at_configs(
        &mut self,
        connection: &mut KafkaConnection,
        cluster: &Cluster,
    ) -> Result<(), KafkaError> {
        let old = self
            .configs_looked
            .is_none_or(|last| last.elapsed() >= self.scope.manner().configs_look);
        let known = |topic: &Topic| {
            let known = self.configs.get(&topic.name);
            known.is_some_and(|(replicas, _)| *replicas == replicas_of(topic))
        };
        if cluster.topics.is_empty() || (!old && cluster.topics.iter().all(known)) {
            return Ok(());
        }
        let names: Vec<String> = cluster
            .topics
            .iter()
            .map(|topic| topic.name.clone())
            .collect();
        let told = topics::topic_configs(connection, &names, self.wait()).await?;
        let mut told: BTreeMap<String, Vec<TopicConfig>> = told.into_iter().collect();
        self.configs = cluster
            .topics
            .iter()
            .map(|topic| {
                let configs = told.remove(&topic.name).unwrap_or_default();
                (topic.name.clone(), (replicas_of(topic), configs))
            })
            .collect();
        self.configs_looked = Some(Instant::now());
        Ok(())
    }

    async fn look_at_logs(&self, connection: &mut KafkaConnection) -> Result<(), KafkaError> {
        let manner = self.scope.manner();
        let wait = manner.answer_wait;
        let share = self.scope.share_of(self.broker);
        let mut seen: BTreeMap<TopicPartition, LogSeen> = BTreeMap::new();
        // Who reads the tail of others' logs is told where they begin and how far they are safe.
        let led = share.led.into_iter().filter(|_| !manner.of_others);
        let led: Vec<TopicPartition> = led.chain(share.read).collect();
        if !led.is_empty() {
            let ask = Position::HighWatermark;
            for (at, offset) in offsets::list_offsets(connection, &led, ask, wait).await? {
                seen.entry(at).or_default().high_watermark = Some(offset);
            }
        }
        if !led.is_empty() && !manner.of_others {
            let ask = Position::LogStart;
            for (at, offset) in offsets::list_offsets(connection, &led, ask, wait).await? {
                seen.entry(at).or_default().log_start = Some(offset);
            }
        }
        if !share.kept.is_empty() {
            let ask = Position::LogEnd;
            let told = offsets::list_offsets(connection, &share.kept, ask, wait).await?;
            for (at, offset) in told {
                seen.entry(at).or_default().end = Some((self.broker, offset));
            }
        }
        let seen: Vec<(TopicPartition, LogSeen)> = seen.into_iter().collect();
        self.scope.see_logs(&seen).await;
        Ok(())
    }

    async fn look_at_groups(
        &mut self,
        connection: &mut KafkaConnection,
        woken: bool,
    ) -> Result<(), Refusal> {
        let manner = self.scope.manner();
        let interval = if woken {
            manner.groups_busy
        } else {
            manner.groups_quiet
        };
        if self
            .groups_looked
            .is_some_and(|last| last.elapsed() < interval)
        {
            return Ok(());
        }
        self.groups_looked = Some(Instant::now());
        if !self.scope.coordinates(self.broker, CONSUMER_OFFSETS) {
            self.scope.see_groups_of(self.broker, &[]).await;
            return Ok(());
        }
        let listed = match groups::list_groups(connection, manner.answer_wait).await {
            Ok(listed) => listed,
            // Still loading what it coordinates; the next look knows more.
            Err(Refusal::Code { .. }) => return Ok(()),
            Err(error) => return Err(error),
        };
        let names: Vec<String> = listed.into_iter().map(|(name, _)| name).collect();
        self.scope.see_groups_of(self.broker, &names).await;
        if names.is_empty() {
            return Ok(());
        }
        let described = groups::describe_groups(connection, &names, manner.answer_wait).await?;
        let told = groups::committed_offsets_of(connection, &names, manner.answer_wait).await?;
        let mut told: BTreeMap<String, _> = told.into_iter().collect();
        for group in described {
            let Some(committed) = told.remove(&group.group) else {
                continue;
            };
            let kind = match group.epochs {
                Some(_) => GroupProtocol::Consumer,
                None => GroupProtocol::Classic,
            };
            let seen = GroupSeen {
                kind: Some(kind),
                epochs: group.epochs.map(|epochs| (epochs.group, epochs.assignment)),
                group: group.group,
                state: group.state,
                coordinator: Some(self.broker),
                protocol: group.protocol,
                members: group
                    .members
                    .into_iter()
                    .map(|member| MemberSeen {
                        member_id: member.member_id,
                        client_id: member.client_id,
                        host: member.host,
                        assignment: member.assignment,
                        epoch: member.epoch,
                        target: member.target,
                    })
                    .collect(),
                committed,
            };
            self.scope.see_group(seen).await;
        }
        Ok(())
    }

    fn wait(&self) -> Duration {
        self.scope.manner().answer_wait
    }

    /// Only while somebody looks at them: an idle cluster is not asked for what it does not have.
    async fn look_at_transactions(
        &mut self,
        connection: &mut KafkaConnection,
        woken: bool,
    ) -> Result<(), Refusal> {
        let interval = if woken {
            self.scope.manner().groups_busy
        } else {
            TRANSACTIONS_QUIET
        };
        let too_soon = |last: Instant| last.elapsed() < interval;
        if !self.scope.watches_transactions()
            || self.transactions_looked.is_some_and(too_soon)
            || !self.scope.coordinates(self.broker, TRANSACTION_STATE)
        {
            return Ok(());
        }
        self.transactions_looked = Some(Instant::now());
        let mut ids = match transactions::list_transactions(connection, self.wait()).await {
            Ok(ids) => ids,
            // Still loading what it coordinates, or it knows no transactions.
            Err(Refusal::Code { .. } | Refusal::Connection(KafkaError::Version { .. })) => {
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        ids.sort();
        ids.truncate(TRANSACTIONS_MAX);
        let mut seen = Vec::new();
        if !ids.is_empty() {
            let described = transactions::describe_transactions(connection, &ids, self.wait());
            seen.extend(described.await?.into_iter().map(|it| TransactionSeen {
                transactional_id: it.transactional_id,
                state: it.state,
                producer_id: it.producer_id,
                producer_epoch: it.producer_epoch,
                timeout: it.timeout,
                started: it.started_ms.map(Timestamp::from_ms),
                partitions: it.partitions,
            }));
        }
        self.scope.see_transactions(self.broker, seen).await;
        Ok(())
    }

    fn seen(&self, cluster: Cluster) -> ClusterSeen {
        let brokers = listed(&cluster);
        // Where a quorum decides, brokers name any of themselves: whoever it is passes requests on.
        let controller = cluster.controller.filter(|_| !self.scope.has_quorum());
        let topics = cluster
            .topics
            .into_iter()
            .filter(|topic| topic.error.is_none())
            .map(|topic| {
                let configs = self.configs.get(&topic.name);
                let configs = configs
                    .map(|(_, configs)| configs.as_slice())
                    .unwrap_or_default();
                TopicSeen {
                    min_insync_replicas: configs
                        .iter()
                        .find(|config| config.name == "min.insync.replicas")
                        .and_then(|config| config.value.parse().ok()),
                    configs: configs
                        .iter()
                        .filter(|config| config.of_topic)
                        .map(|config| (config.name.clone(), config.value.clone()))
                        .collect(),
                    partitions: topic
                        .partitions
                        .into_iter()
                        .map(|partition| PartitionSeen {
                            partition: partition.partition,
                            leader: partition.leader,
                            epoch: partition.epoch,
                            replicas: partition.replicas,
                            isr: partition.isr,
                        })
                        .collect(),
                    name: topic.name,
                    internal: topic.internal,
                }
            })
            .collect();
        ClusterSeen {
            cluster_id: cluster.cluster_id,
            controller,
            brokers,
            topics,
        }
    }
}

/// The brokers that Metadata names.
pub(super) fn listed(cluster: &Cluster) -> Vec<BrokerSeen> {
    let brokers = cluster.brokers.iter();
    brokers
        .map(|(id, address)| BrokerSeen {
            id: *id,
            address: address.clone(),
            rack: cluster.racks.get(id).cloned(),
        })
        .collect()
}

/// Whose order tells one creation of a topic from another, most of the time.
fn replicas_of(topic: &Topic) -> Vec<BrokerId> {
    let partitions = topic.partitions.iter();
    partitions
        .flat_map(|partition| partition.replicas.clone())
        .collect()
}
