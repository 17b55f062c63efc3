//! Our errors as Kafka's codes: the one place where they meet.

use super::{
    configs::ConfigError,
    controller::AssignmentError,
    log::{LogError, RecordFault},
    partitions::PartitionError,
    registry::RegistryError,
    replication::Refusal,
};
use client::zookeeper::ZooKeeperError;
use wire::ErrorCode;

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
            | RegistryError::ReplicasChanged { .. }
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
            AssignmentError::NoPartitions | AssignmentError::TooManyPartitions(_) => {
                Self::InvalidPartitions
            }
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
            ConfigError::Unknown(_)
            | ConfigError::Invalid { .. }
            | ConfigError::Group(_)
            | ConfigError::CompactionLag { .. } => Self::InvalidConfig,
            // Of brokers' configs, as Kafka answers.
            ConfigError::Requirement(_)
            | ConfigError::ReadOnly(_)
            | ConfigError::PerBroker(_)
            | ConfigError::PerListener(_)
            | ConfigError::Pool(_)
            | ConfigError::AtStart(_)
            | ConfigError::MetaAddress
            | ConfigError::NotHere { .. } => Self::InvalidRequest,
        }
    }
}

impl From<&PartitionError> for ErrorCode {
    fn from(error: &PartitionError) -> Self {
        match error {
            PartitionError::Unknown { .. } => Self::UnknownTopicOrPartition,
            PartitionError::Refused { refusal, .. } => refusal.into(),
            PartitionError::Offline { .. } => Self::KafkaStorageError,
            PartitionError::TimedOut { .. } => Self::RequestTimedOut,
            PartitionError::Compacted { .. } => Self::PolicyViolation,
            PartitionError::Log(error) => error.into(),
        }
    }
}

impl From<&Refusal> for ErrorCode {
    fn from(refusal: &Refusal) -> Self {
        match refusal {
            Refusal::NotLeader | Refusal::NotReplica(_) => Self::NotLeaderOrFollower,
            Refusal::FencedLeaderEpoch { .. } => Self::FencedLeaderEpoch,
            Refusal::UnknownLeaderEpoch { .. } => Self::UnknownLeaderEpoch,
            Refusal::NotEnoughReplicas { .. } => Self::NotEnoughReplicas,
            Refusal::NotEnoughReplicasAfterAppend { .. } => Self::NotEnoughReplicasAfterAppend,
            Refusal::OffsetNotAvailable => Self::OffsetNotAvailable,
            Refusal::OffsetOutOfRange { .. } => Self::OffsetOutOfRange,
        }
    }
}

impl From<&LogError> for ErrorCode {
    fn from(error: &LogError) -> Self {
        match error {
            LogError::Storage { .. }
            | LogError::Offline { .. }
            | LogError::Short { .. }
            | LogError::Corrupt { .. } => Self::KafkaStorageError,
            LogError::TopicId { .. } => Self::InconsistentTopicId,
            LogError::OffsetOutOfRange { .. } => Self::OffsetOutOfRange,
            LogError::CorruptBatch { source, .. } => source.into(),
            LogError::InvalidRecord { .. } => Self::InvalidRecord,
            LogError::RejectedRecords { fault, .. } => match fault {
                RecordFault::Timestamp => Self::InvalidTimestamp,
                RecordFault::Key => Self::InvalidRecord,
            },
            LogError::BatchTooLarge { .. } => Self::MessageTooLarge,
            LogError::LargerThanSegment { .. } => Self::RecordListTooLarge,
            LogError::OutOfOrderSequence { .. } => Self::OutOfOrderSequenceNumber,
            LogError::InvalidProducerEpoch { .. } => Self::InvalidProducerEpoch,
            LogError::InvalidTxnState { .. } | LogError::UnverifiedTransaction { .. } => {
                Self::InvalidTxnState
            }
            LogError::CoordinatorFenced { .. } => Self::TransactionCoordinatorFenced,
            // Only followers meet it; whoever asked gets nothing to do with it.
            LogError::NotContiguous { .. } => Self::UnknownServerError,
        }
    }
}
