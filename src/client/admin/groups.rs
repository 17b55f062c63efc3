//! Groups, asked of their coordinators.

use std::collections::BTreeMap;

use super::{ANSWER_WAIT, Admin};
use crate::groups::{self, Group};
use crate::refusal::Refusal;
use wire::{BrokerId, ErrorCode, Offset, TopicPartition};

/// Who keeps a group's members and offsets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coordinator {
    /// The broker.
    pub broker: BrokerId,
    /// Where it listens.
    pub address: String,
}

impl Admin {
    /// Every group of the cluster with its state, by name; brokers that do not answer are left out.
    ///
    /// # Errors
    /// No broker answers.
    pub async fn list_groups(&mut self) -> Result<Vec<(String, String)>, Refusal> {
        let cluster = self.metadata(Some(&[])).await?;
        let mut found = BTreeMap::new();
        let mut trouble = None;
        for address in cluster.brokers.values() {
            let listed = match self.connection(address).await {
                Ok(connection) => groups::list_groups(connection, ANSWER_WAIT).await,
                Err(error) => Err(error.into()),
            };
            match listed {
                Ok(groups) => found.extend(groups),
                Err(error) => trouble = Some(error),
            }
        }
        match trouble {
            Some(error) if found.is_empty() => Err(error),
            _ => Ok(found.into_iter().collect()),
        }
    }

    /// One group with what it committed; its state is `Dead` if there is no such group.
    ///
    /// # Errors
    /// Nobody coordinates it, or the coordinator refuses.
    pub async fn describe_group(
        &mut self,
        group: &str,
    ) -> Result<(Coordinator, Group, Vec<(TopicPartition, Offset)>), Refusal> {
        let (broker, address) = self.coordinator(group).await?;
        let connection = self.connection(&address).await?;
        let names = [group.to_owned()];
        let described = groups::describe_groups(connection, &names, ANSWER_WAIT).await?;
        let committed = groups::committed_offsets(connection, group, ANSWER_WAIT).await?;
        let described = described.into_iter().next().ok_or(Refusal::Code {
            code: ErrorCode::NotCoordinator,
            message: None,
        })?;
        Ok((Coordinator { broker, address }, described, committed))
    }

    /// Asks who coordinates this group, which creates the topic of committed offsets where there is
    /// none yet: the first consumer then finds its coordinator at once.
    ///
    /// # Errors
    /// Nobody does yet.
    pub async fn find_coordinator(&mut self, group: &str) -> Result<BrokerId, Refusal> {
        Ok(self.coordinator(group).await?.0)
    }

    /// Deletes a group that has no members.
    ///
    /// # Errors
    /// The coordinator refuses or cannot be asked.
    pub async fn delete_group(&mut self, group: &str) -> Result<(), Refusal> {
        let (_, address) = self.coordinator(group).await?;
        let connection = self.connection(&address).await?;
        groups::delete_group(connection, group, ANSWER_WAIT).await
    }

    /// Commits an offset for a group that has no members.
    ///
    /// # Errors
    /// The coordinator refuses, as it does while the group has members, or cannot be asked.
    pub async fn commit_offset(
        &mut self,
        group: &str,
        at: &TopicPartition,
        offset: Offset,
    ) -> Result<(), Refusal> {
        self.commit_offsets(group, &[(at.clone(), offset)]).await
    }

    /// Commits offsets, ordered by topic, for a group that has no members.
    ///
    /// # Errors
    /// The coordinator refuses, as it does while the group has members, or cannot be asked.
    pub async fn commit_offsets(
        &mut self,
        group: &str,
        offsets: &[(TopicPartition, Offset)],
    ) -> Result<(), Refusal> {
        let (_, address) = self.coordinator(group).await?;
        let connection = self.connection(&address).await?;
        groups::commit_offsets(connection, group, offsets, ANSWER_WAIT).await
    }

    /// Forgets what a group committed for these partitions, ordered by topic, and says what became
    /// of each.
    ///
    /// # Errors
    /// There is no such group, the coordinator refuses all or cannot be asked.
    pub async fn delete_offsets(
        &mut self,
        group: &str,
        partitions: &[TopicPartition],
    ) -> Result<Vec<(TopicPartition, ErrorCode)>, Refusal> {
        let (_, address) = self.coordinator(group).await?;
        let connection = self.connection(&address).await?;
        groups::delete_offsets(connection, group, partitions, ANSWER_WAIT).await
    }

    /// The coordinator of a group, asked of any broker that answers.
    pub(super) async fn coordinator(&mut self, group: &str) -> Result<(BrokerId, String), Refusal> {
        let cluster = self.metadata(Some(&[])).await?;
        let mut trouble = Refusal::NoController;
        for address in cluster.brokers.values() {
            let answer = match self.connection(address).await {
                Ok(connection) => groups::find_coordinator(connection, group, ANSWER_WAIT).await,
                Err(error) => Err(error.into()),
            };
            match answer {
                Ok(found) => return Ok(found),
                Err(error) => trouble = error,
            }
        }
        Err(trouble)
    }
}
