//! What only the controller writes: its own office, and the states of partitions.

use std::collections::BTreeSet;

use zookeeper_client::Stat;

use super::{
    Registry, RegistryError, reader,
    znodes::{self, ControllerJson, StateJson, Znode},
};
use crate::{
    broker::controller::StateWrite,
    client::zookeeper::{Connection, ZnodeWrite, ZooKeeperError},
    wire::{BrokerId, report::Report},
};

/// Bytes of one multi: half of ZooKeeper's default `jute.maxbuffer`.
pub(super) const MULTI_BYTES_MAX: usize = 512 * 1024;

/// Being the controller: what every write of the office checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Controllership {
    pub(crate) epoch: i32,
    /// The version of `/controller_epoch`.
    epoch_version: i32,
    /// The session that owns `/controller`.
    session: i64,
}

impl Controllership {
    /// The write that fails when another controller was elected since.
    pub(super) fn check(&self) -> ZnodeWrite {
        ZnodeWrite::Check {
            path: znodes::CONTROLLER_EPOCH.to_owned(),
            version: self.epoch_version,
        }
    }
}

impl Registry {
    /// Tries to become the controller: one multi creates `/controller` and raises the epoch.
    /// `None`: somebody else is.
    pub(crate) async fn campaign(&self) -> Result<Option<Controllership>, RegistryError> {
        let connection = self.connected().await?;
        reader::read_controller_epoch(&connection, &self.shared.mirror).await?;
        let image = self.image();
        let epoch = image.controller_epoch + 1;
        let writes = [
            ZnodeWrite::CreateEphemeral {
                path: znodes::CONTROLLER.to_owned(),
                data: znodes::write(&ControllerJson::new(self.broker_id())),
            },
            ZnodeWrite::SetData {
                path: znodes::CONTROLLER_EPOCH.to_owned(),
                data: epoch.to_string().into_bytes(),
                version: Some(image.controller_epoch_version),
            },
        ];
        match connection.multi(&writes).await {
            Ok(results) => {
                let version = results
                    .last()
                    .and_then(Option::as_ref)
                    .map_or(image.controller_epoch_version + 1, |stat| stat.version);
                self.shared.mirror.update(|image| {
                    image.controller = Some(self.broker_id());
                    image.controller_session = connection.session;
                    image.controller_epoch = epoch;
                    image.controller_epoch_version = version;
                });
                self.shared.reporter.report(Report::ControllerElected {
                    broker: self.broker_id(),
                    controller_epoch: epoch,
                });
            }
            Err(ZooKeeperError::NodeExists { .. } | ZooKeeperError::BadVersion { .. }) => {
                self.refresh([Znode::Controller].into()).await?;
            }
            // Perhaps it happened: the znodes tell.
            Err(ZooKeeperError::ConnectionLost) => {
                let connection = self.connected().await?;
                self.refresh([Znode::Controller].into()).await?;
                reader::read_controller_epoch(&connection, &self.shared.mirror).await?;
            }
            Err(error) => return Err(error.into()),
        }
        self.controllership()
    }

    /// The office, while this session holds it.
    ///
    /// # Errors
    /// Without a connection nobody can tell; who was the controller goes on being it.
    pub(crate) fn controllership(&self) -> Result<Option<Controllership>, RegistryError> {
        let session = self.shared.zookeeper.connection()?.session;
        let image = self.image();
        let held = image.controller_session == session;
        Ok(held.then_some(Controllership {
            epoch: image.controller_epoch,
            epoch_version: image.controller_epoch_version,
            session,
        }))
    }

    /// Writes states as the controller, in multis that each check the office and every state's
    /// version. Returns those that were written; the image shows them then. Where a state changed
    /// meanwhile, its part is not written but read again.
    pub(crate) async fn write_states(
        &self,
        office: Controllership,
        writes: Vec<StateWrite>,
    ) -> Result<Vec<StateWrite>, RegistryError> {
        let connection = self.connected().await?;
        if connection.session != office.session {
            return Err(RegistryError::NotController);
        }
        let mut done = Vec::new();
        let mut parents = self.missing_parents(&connection, &writes).await?;
        let mut writes = writes.into_iter().peekable();
        while writes.peek().is_some() {
            let mut multi = vec![office.check()];
            let mut bytes = 0;
            let mut part = Vec::new();
            // Index in the multi of each state that is set rather than created.
            let mut set = Vec::new();
            while let Some(write) = writes.next_if(|_| bytes < MULTI_BYTES_MAX) {
                let path = znodes::state(&write.at);
                let data = znodes::write(&state_json(&write, office.epoch));
                if write.before.has_state() {
                    set.push(Some(multi.len()));
                    multi.push(ZnodeWrite::SetData {
                        path,
                        data,
                        version: Some(write.before.version),
                    });
                } else {
                    for parent in [
                        znodes::partitions(&write.at.topic),
                        znodes::partition(&write.at),
                    ] {
                        if parents.remove(&parent) {
                            multi.push(ZnodeWrite::Create {
                                path: parent,
                                data: Vec::new(),
                            });
                        }
                    }
                    set.push(None);
                    multi.push(ZnodeWrite::Create { path, data });
                }
                bytes = multi.iter().map(ZnodeWrite::size).sum();
                part.push(write);
            }
            match connection.multi(&multi).await {
                Ok(results) => {
                    self.applied(office, &part, &set, &results).await?;
                    done.extend(part);
                }
                Err(ZooKeeperError::BadVersion { path }) if path == znodes::CONTROLLER_EPOCH => {
                    return Err(RegistryError::NotController);
                }
                Err(
                    ZooKeeperError::BadVersion { .. }
                    | ZooKeeperError::NoNode { .. }
                    | ZooKeeperError::NodeExists { .. }
                    | ZooKeeperError::ConnectionLost,
                ) => {
                    self.refresh(
                        part.iter()
                            .map(|write| Znode::Topic(write.at.topic.clone()))
                            .collect(),
                    )
                    .await?;
                    self.refresh(
                        part.into_iter()
                            .map(|write| Znode::State(write.at))
                            .collect(),
                    )
                    .await?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(done)
    }

    /// The znodes above states to be created that do not exist yet.
    async fn missing_parents(
        &self,
        connection: &Connection,
        writes: &[StateWrite],
    ) -> Result<BTreeSet<String>, ZooKeeperError> {
        let parents: BTreeSet<String> = writes
            .iter()
            .filter(|write| !write.before.has_state())
            .flat_map(|write| {
                [
                    znodes::partitions(&write.at.topic),
                    znodes::partition(&write.at),
                ]
            })
            .collect();
        let stats =
            futures::future::try_join_all(parents.iter().map(|path| connection.stat(path))).await?;
        let missing = parents
            .into_iter()
            .zip(stats)
            .filter(|(_, stat)| stat.is_none());
        Ok(missing.map(|(path, _)| path).collect())
    }

    /// Shows what was just written, without waiting for the watch.
    async fn applied(
        &self,
        office: Controllership,
        part: &[StateWrite],
        set: &[Option<usize>],
        results: &[Option<Stat>],
    ) -> Result<(), RegistryError> {
        let mut found = Vec::new();
        let mut created = BTreeSet::new();
        for (write, index) in part.iter().zip(set) {
            let znode = Znode::State(write.at.clone());
            match index.and_then(|index| results.get(index).copied().flatten()) {
                Some(stat) => {
                    found.push((
                        znode,
                        Some((znodes::write(&state_json(write, office.epoch)), stat)),
                    ));
                }
                // A create in a multi does not tell its stat everywhere (ZOOKEEPER-4026).
                None => drop(created.insert(znode)),
            }
        }
        self.shared.mirror.apply(found);
        if !created.is_empty() {
            self.refresh(created).await?;
        }
        Ok(())
    }
}

fn state_json(write: &StateWrite, controller_epoch: i32) -> StateJson {
    StateJson {
        controller_epoch,
        leader: write.leader.unwrap_or(BrokerId(-1)),
        version: 1,
        leader_epoch: write.leader_epoch.0,
        isr: write.isr.clone(),
    }
}
