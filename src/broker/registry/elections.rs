//! What only the controller writes: the controllership itself, and the states of partitions.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::{
    Registry, RegistryError, reader,
    writes::{self, Controllership, StatesMulti},
    znodes::{self, Znode},
};
use crate::controller::StateWrite;
use client::zookeeper::{Connection, ZooKeeperError};
use wire::report::Report;

impl Registry {
    /// Tries to become the controller: one multi creates `/controller` and raises the epoch.
    /// `None`: somebody else is.
    pub(crate) async fn campaign(&self) -> Result<Option<Controllership>, RegistryError> {
        let connection = self.connected().await?;
        reader::read_controller_epoch(&connection, &self.shared.mirror).await?;
        let image = self.image();
        let epoch = image.controller_epoch + 1;
        match connection
            .multi(&writes::campaign(self.broker_id(), &image))
            .await
        {
            Ok(results) => {
                self.shared.mirror.update(|image| {
                    writes::won(image, self.broker_id(), connection.session, &results);
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

    /// The controllership, while this session holds it.
    ///
    /// # Errors
    /// Without a connection nobody can tell; who was the controller goes on being it.
    pub(crate) fn controllership(&self) -> Result<Option<Controllership>, RegistryError> {
        let session = self.shared.zookeeper.connection()?.session;
        Ok(Controllership::held(&self.image(), session))
    }

    /// Writes states as the controller, in multis that each check the controllership and every state's
    /// version. Returns those that were written; the image shows them then. Where a state changed
    /// meanwhile, its part is not written but read again.
    pub(crate) async fn write_states(
        &self,
        controllership: Controllership,
        states: Vec<StateWrite>,
    ) -> Result<Vec<StateWrite>, RegistryError> {
        let connection = self.connected().await?;
        if connection.session != controllership.session {
            return Err(RegistryError::NotController);
        }
        let mut done = Vec::new();
        let mut parents = self.missing_parents(&connection, &states).await?;
        let mut states = states.into_iter().peekable();
        while states.peek().is_some() {
            let multi = StatesMulti::take(&controllership, &mut states, &mut parents);
            match connection.multi(&multi.writes).await {
                Ok(results) => {
                    // Shown at once, without waiting for the watch.
                    let (found, created) = multi.found(&results);
                    self.shared.mirror.apply(found);
                    if !created.is_empty() {
                        self.refresh(created).await?;
                    }
                    done.extend(multi.states);
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
                    let states = multi.states.iter();
                    let topics: BTreeMap<&str, Uuid> = states
                        .map(|write| (write.at.topic.as_str(), write.topic_id))
                        .collect();
                    for (topic, id) in topics {
                        self.mark_incarnation(topic, id).await?;
                    }
                    let states = multi.states.into_iter();
                    self.refresh(states.map(|write| Znode::State(write.at)).collect())
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
        states: &[StateWrite],
    ) -> Result<BTreeSet<String>, ZooKeeperError> {
        let parents = writes::parents(states);
        let found =
            futures::future::try_join_all(parents.iter().map(|path| connection.stat(path))).await?;
        let missing = parents
            .into_iter()
            .zip(found)
            .filter(|(_, found)| found.is_none());
        Ok(missing.map(|(path, _)| path).collect())
    }
}
