//! Topics and the ISR: what brokers write, controller or not.
//!
//! As in Kafka, every broker may write a topic's assignment: the controller sees it and gives its
//! partitions their leaders. When the broker is the controller itself, it writes all at once.

use std::collections::BTreeMap;

use futures::future::try_join_all;
use uuid::Uuid;

use super::{
    Controllership, IsrChange, Registry, RegistryError, TRIES_MAX, mirror, writes,
    znodes::{self, TopicJson, Znode},
};
use crate::{
    controller::assignment,
    image::{PartitionImage, TopicImage},
};
use client::zookeeper::{ZnodeWrite, ZooKeeperError};
use wire::{BrokerId, TopicPartition, report::Report};

/// A topic that shall be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewTopic {
    pub(crate) name: String,
    /// Replicas of each partition, from 0 without holes; the first is the preferred leader.
    pub(crate) assignment: BTreeMap<i32, Vec<BrokerId>>,
    /// Overrides, by Kafka's names.
    pub(crate) configs: BTreeMap<String, String>,
}

impl Registry {
    /// As the leader of a partition, changes its ISR, if its state is still the expected one.
    /// Returns the partition with its new state, which the image shows by then.
    ///
    /// # Errors
    /// [`RegistryError::Changed`]: somebody else changed the state; the image shows the new one
    /// and the caller decides again. [`RegistryError::ReplicasChanged`]: nothing was written, because the replicas
    /// are other ones. Any other: whether it was written is not known.
    pub(crate) async fn write_isr(
        &self,
        at: &TopicPartition,
        topic: &TopicImage,
        expected: &PartitionImage,
        isr: Vec<BrokerId>,
        why: String,
    ) -> Result<PartitionImage, RegistryError> {
        let topic_id = topic.id;
        let changed = || RegistryError::Changed { at: at.clone() };
        let state = writes::isr_state(expected, isr).ok_or_else(changed)?;
        let data = znodes::write(&state);
        let connection = self.connected().await?;
        let writes = writes::isr(at, topic_id, topic.version, data.clone(), expected.version);
        match connection.multi(&writes).await {
            Ok(results) => {
                let stat = results.last().copied().flatten().ok_or_else(changed)?;
                self.shared
                    .mirror
                    .apply([(Znode::State(at.clone()), Some((data, stat)))]);
                self.shared.reporter.report(Report::IsrChanged {
                    topic: at.topic.clone(),
                    partition: at.partition,
                    leader: state.leader,
                    isr_before: expected.isr.clone(),
                    isr: state.isr.clone(),
                    why,
                });
                Ok(mirror::with_state(expected.clone(), &state, &stat))
            }
            Err(ZooKeeperError::NoNode { path })
                if path == znodes::incarnation(&at.topic, topic_id) =>
            {
                self.mark_incarnation(&at.topic, topic_id).await?;
                Err(changed())
            }
            // After a lost connection the write may have happened: the state read again tells.
            Err(
                error @ (ZooKeeperError::BadVersion { .. }
                | ZooKeeperError::NoNode { .. }
                | ZooKeeperError::ConnectionLost),
            ) => {
                // Also who is a replica now.
                let changed_too = Znode::Topic(at.topic.clone());
                self.refresh([changed_too, Znode::State(at.clone())].into())
                    .await?;
                let image = self.image();
                match image.partition_of(at, topic_id) {
                    Some(now) if writes::is_written(expected, &state.isr, now) => Ok(now.clone()),
                    Some(now) if writes::is_untouched(expected, now) => match error {
                        ZooKeeperError::ConnectionLost => Err(error.into()),
                        _ => Err(RegistryError::ReplicasChanged { at: at.clone() }),
                    },
                    _ => Err(changed()),
                }
            }
            Err(error) => Err(error.into()),
        }
    }

    /// As [`Self::write_isr`], of several partitions in one write; the versions that their states have then.
    ///
    /// # Errors
    /// One of them does not fit any more, or whether they were written is not known: each is tried by itself then.
    pub(crate) async fn write_isrs(
        &self,
        changes: &[IsrChange<'_>],
    ) -> Result<Vec<i32>, RegistryError> {
        let Some((writes, set)) = writes::isrs(changes) else {
            let leaderless = changes.iter().find(|it| it.expected.leader.is_none());
            let at = leaderless
                .or(changes.first())
                .map(|change| change.at.clone());
            return at.map_or(Ok(Vec::new()), |at| Err(RegistryError::Changed { at }));
        };
        let results = self.connected().await?.multi(&writes).await?;
        let mut found = Vec::new();
        let mut versions = Vec::new();
        for (change, index) in changes.iter().zip(set) {
            let unknown = || RegistryError::Changed {
                at: change.at.clone(),
            };
            let stat = results.get(index).copied().flatten().ok_or_else(unknown)?;
            let write = writes.get(index).ok_or_else(unknown)?;
            if let ZnodeWrite::SetData { data, .. } = write {
                found.push((Znode::State(change.at.clone()), Some((data.clone(), stat))));
            }
            versions.push(stat.version);
        }
        self.shared.mirror.apply(found);
        for change in changes {
            self.shared.reporter.report(Report::IsrChanged {
                topic: change.at.topic.clone(),
                partition: change.at.partition,
                leader: self.broker_id(),
                isr_before: change.expected.isr.clone(),
                isr: change.isr.to_vec(),
                why: change.why.to_owned(),
            });
        }
        Ok(versions)
    }

    /// Makes the znode that writes check for a topic that other brokers than ours created. Where the topic was
    /// made anew meanwhile, there is nothing to do: the image is about to tell.
    pub(super) async fn mark_incarnation(
        &self,
        topic: &str,
        id: Uuid,
    ) -> Result<(), RegistryError> {
        let path = znodes::topic(topic);
        let connection = self.connected().await?;
        if let Some((data, stat)) = connection.read(&path).await?
            && let Some(json) = znodes::read::<TopicJson>(&path, &data)
            && json.topic_id == id
        {
            let version = stat.version;
            let mark = ZnodeWrite::Create {
                path: znodes::incarnation(topic, id),
                data: Vec::new(),
            };
            match connection
                .multi(&[ZnodeWrite::Check { path, version }, mark])
                .await
            {
                Ok(_)
                | Err(
                    ZooKeeperError::NodeExists { .. }
                    | ZooKeeperError::BadVersion { .. }
                    | ZooKeeperError::NoNode { .. },
                ) => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.refresh([Znode::Topic(topic.to_owned())].into()).await
    }

    /// Creates a topic with this many partitions and replicas, placed over the live brokers.
    pub(crate) async fn create_topic_of(
        &self,
        name: &str,
        partitions: i32,
        replication_factor: i16,
        configs: BTreeMap<String, String>,
    ) -> Result<Uuid, RegistryError> {
        let assignment =
            assignment::of_new_topic(&self.image(), name, partitions, replication_factor)?;
        self.create_topic(NewTopic {
            name: name.to_owned(),
            assignment,
            configs,
        })
        .await
    }

    /// Writes a new topic's znodes. On the controller its partitions have leaders at once and the
    /// image shows it; elsewhere the controller gives it leaders a moment later.
    pub(crate) async fn create_topic(&self, topic: NewTopic) -> Result<Uuid, RegistryError> {
        let image = self.image();
        if image.topics.contains_key(&topic.name) || image.deleting.contains(&topic.name) {
            return Err(RegistryError::TopicExists { topic: topic.name });
        }
        let id = znodes::random_id();
        self.connected().await?;
        let controllership = self.controllership()?;
        let mut config_exists = false;
        for _ in 0..TRIES_MAX {
            let writes = writes::new_topic(&topic, id, config_exists);
            let created = match controllership {
                Some(controllership) => {
                    self.create_with_states(controllership, writes, &topic)
                        .await
                }
                None => self.multi(writes).await,
            };
            match created {
                // Left over from a deletion that did not come to its end.
                Err(RegistryError::ZooKeeper(ZooKeeperError::NodeExists { path }))
                    if path == znodes::topic_config(&topic.name) =>
                {
                    config_exists = true;
                    continue;
                }
                // What is there now tells whether this write or another one made it.
                Ok(())
                | Err(RegistryError::ZooKeeper(
                    ZooKeeperError::NodeExists { .. } | ZooKeeperError::ConnectionLost,
                )) => {}
                Err(error) => return Err(error),
            }
            self.refresh([Znode::Topic(topic.name.clone())].into())
                .await?;
            match self.image().topics.get(&topic.name) {
                Some(found) if found.id == id => {
                    if controllership.is_some() {
                        self.shared.reporter.report(Report::TopicCreated {
                            topic: topic.name,
                            partitions: topic.assignment.into_values().collect(),
                        });
                    }
                    return Ok(id);
                }
                Some(_) => return Err(RegistryError::TopicExists { topic: topic.name }),
                None => {}
            }
        }
        Err(RegistryError::ZooKeeper(ZooKeeperError::ConnectionLost))
    }

    /// Adds partitions with these replicas; indexes must go on where the topic ends.
    pub(crate) async fn create_partitions(
        &self,
        name: &str,
        added: BTreeMap<i32, Vec<BrokerId>>,
    ) -> Result<(), RegistryError> {
        self.change_assignment(name, |json| json.partitions.extend(added.clone()))
            .await
    }

    /// Changes a topic's assignment, if nobody else did meanwhile; tries again if so.
    pub(crate) async fn change_assignment(
        &self,
        name: &str,
        change: impl Fn(&mut TopicJson),
    ) -> Result<(), RegistryError> {
        let path = znodes::topic(name);
        let unknown = || RegistryError::UnknownTopic {
            topic: name.to_owned(),
        };
        for _ in 0..TRIES_MAX {
            let connection = self.connected().await?;
            let read = match connection.read(&path).await {
                Err(ZooKeeperError::ConnectionLost) => continue,
                read => read?,
            };
            let (data, stat) = read.ok_or_else(unknown)?;
            let mut json: TopicJson = znodes::read(&path, &data)
                .ok_or_else(|| RegistryError::Unreadable { path: path.clone() })?;
            let before = json.clone();
            change(&mut json);
            if json == before {
                return Ok(());
            }
            match connection
                .set_data(&path, &znodes::write(&json), Some(stat.version))
                .await
            {
                Ok(_) => {
                    self.refresh([Znode::Topic(name.to_owned())].into()).await?;
                    return Ok(());
                }
                Err(ZooKeeperError::NoNode { .. }) => return Err(unknown()),
                Err(ZooKeeperError::BadVersion { .. } | ZooKeeperError::ConnectionLost) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(RegistryError::ZooKeeper(ZooKeeperError::ConnectionLost))
    }

    /// Leaves a partition with the replicas that a reassignment led to: as the controller.
    pub(crate) async fn finish_reassignment(
        &self,
        controllership: Controllership,
        at: &TopicPartition,
        replicas: Vec<BrokerId>,
    ) -> Result<(), RegistryError> {
        let path = znodes::topic(&at.topic);
        let Some((data, stat)) = self.connected().await?.read(&path).await? else {
            return Ok(());
        };
        let json: TopicJson = znodes::read(&path, &data)
            .ok_or_else(|| RegistryError::Unreadable { path: path.clone() })?;
        let image = self.image();
        let state = image.partition_of(at, json.topic_id);
        let multi = state.and_then(|state| {
            writes::arrived(&controllership, at, replicas, state, json, stat.version)
        });
        if let Some(multi) = multi {
            self.multi(multi).await?;
        }
        self.refresh([Znode::Topic(at.topic.clone())].into()).await
    }

    /// Marks a topic for deletion: the controller removes it, also if this broker dies now.
    pub(crate) async fn delete_topic(&self, name: &str) -> Result<(), RegistryError> {
        if !self.image().topics.contains_key(name) {
            return Err(RegistryError::UnknownTopic {
                topic: name.to_owned(),
            });
        }
        let mark = ZnodeWrite::Create {
            path: znodes::delete_topic(name),
            data: Vec::new(),
        };
        match self.multi(vec![mark]).await {
            Ok(()) | Err(RegistryError::ZooKeeper(ZooKeeperError::NodeExists { .. })) => {}
            Err(error) => return Err(error),
        }
        self.refresh([Znode::DeleteTopic(name.to_owned())].into())
            .await
    }

    /// Removes a topic's znodes, children first, then the mark: as the controller.
    pub(crate) async fn remove_topic(
        &self,
        controllership: Controllership,
        name: &str,
    ) -> Result<(), RegistryError> {
        let connection = self.connected().await?;
        let children = connection.children(&znodes::topic(name)).await?;
        let partitions = connection.children(&znodes::partitions(name)).await?;
        let paths = writes::removed(name, &children, &partitions);
        let found = try_join_all(paths.iter().map(|path| connection.stat(path))).await?;
        if found.last().is_none_or(Option::is_none) {
            // Another controller removed it; what has this name now was made anew.
            return self
                .refresh(
                    [
                        Znode::Topic(name.to_owned()),
                        Znode::DeleteTopic(name.to_owned()),
                    ]
                    .into(),
                )
                .await;
        }
        let existing = paths.into_iter().zip(found);
        let writes = existing
            .filter(|(_, stat)| stat.is_some())
            .map(|(path, _)| ZnodeWrite::Delete { path })
            .collect();
        drop(connection);
        self.write_chunked(controllership, writes).await?;
        self.refresh(
            [
                Znode::Topic(name.to_owned()),
                Znode::DeleteTopic(name.to_owned()),
            ]
            .into(),
        )
        .await?;
        self.shared.reporter.report(Report::TopicDeleted {
            topic: name.to_owned(),
        });
        Ok(())
    }

    async fn create_with_states(
        &self,
        controllership: Controllership,
        mut writes: Vec<ZnodeWrite>,
        topic: &NewTopic,
    ) -> Result<(), RegistryError> {
        let image = self.image();
        let states = writes::first_states(
            &controllership,
            &topic.name,
            &topic.assignment,
            &image.brokers,
        );
        writes.extend(states);
        self.write_chunked(controllership, writes).await
    }

    /// Writes in as few multis as fit, each checking the controllership.
    async fn write_chunked(
        &self,
        controllership: Controllership,
        writes: Vec<ZnodeWrite>,
    ) -> Result<(), RegistryError> {
        let mut writes = writes.into_iter().peekable();
        while writes.peek().is_some() {
            let multi = writes::checked_chunk(&controllership, &mut writes);
            match self.multi(multi).await {
                Err(RegistryError::ZooKeeper(ZooKeeperError::BadVersion { .. })) => {
                    return Err(RegistryError::NotController);
                }
                done => done?,
            }
        }
        Ok(())
    }

    async fn multi(&self, writes: Vec<ZnodeWrite>) -> Result<(), RegistryError> {
        self.connected().await?.multi(&writes).await?;
        Ok(())
    }
}
