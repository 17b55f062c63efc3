//! Our errors as Kafka's codes: the one place where they meet.

use super::{controller::AssignmentError, registry::RegistryError, topic_configs::ConfigError};
use crate::{client::zookeeper::ZooKeeperError, wire::ErrorCode};

impl From<&RegistryError> for ErrorCode {
    fn from(error: &RegistryError) -> Self {
        match error {
            RegistryError::UnknownTopic { .. } => Self::UnknownTopicOrPartition,
            RegistryError::TopicExists { .. } => Self::TopicAlreadyExists,
            RegistryError::Topic(error) => error.into(),
            RegistryError::NotController => Self::NotController,
            // Clients try again after these.
            RegistryError::ZooKeeper(ZooKeeperError::ConnectionLost)
            | RegistryError::Changed { .. }
            | RegistryError::Unreachable { .. } => Self::RequestTimedOut,
            RegistryError::Stopping(_) => Self::BrokerNotAvailable,
            RegistryError::WrongCluster { .. }
            | RegistryError::WrongBroker { .. }
            | RegistryError::AlreadyRegistered { .. }
            | RegistryError::Disk { .. }
            | RegistryError::ZooKeeper(_)
            | RegistryError::Unreadable { .. } => Self::UnknownServerError,
        }
    }
}

impl From<&AssignmentError> for ErrorCode {
    fn from(error: &AssignmentError) -> Self {
        match error {
            AssignmentError::Partitions(_) => Self::InvalidPartitions,
            AssignmentError::NoReplicas(_) | AssignmentError::TooFewBrokers { .. } => {
                Self::InvalidReplicationFactor
            }
            AssignmentError::Manual(_) => Self::InvalidReplicaAssignment,
        }
    }
}

impl From<&ConfigError> for ErrorCode {
    fn from(error: &ConfigError) -> Self {
        match error {
            ConfigError::Unknown(_) | ConfigError::Invalid { .. } => Self::InvalidConfig,
        }
    }
}
