//! `AlterReplicaLogDirs` 1 to 2: moves replicas between the log folders of this broker, of which it has one.
//!
//! Behaviour: any other folder is `LOG_DIR_NOT_FOUND`; into its own one a replica of this broker need not be moved.

use std::{path::Path, sync::Arc};

use kafka_protocol::messages::{
    AlterReplicaLogDirsRequest, AlterReplicaLogDirsResponse,
    alter_replica_log_dirs_response::{
        AlterReplicaLogDirPartitionResult, AlterReplicaLogDirTopicResult,
    },
};

use super::RequestContext;
use crate::Broker;
use wire::{ErrorCode, TopicPartition};

#[expect(clippy::unused_async, reason = "handlers have one signature")]
pub(super) async fn handle(
    broker: &Arc<Broker>,
    _context: &RequestContext,
    request: AlterReplicaLogDirsRequest,
) -> AlterReplicaLogDirsResponse {
    let image = broker.registry.image();
    let mut results = Vec::new();
    for dir in request.dirs {
        let is_own = Path::new(dir.path.as_str()) == broker.partitions.data_dir();
        for topic in dir.topics {
            let partitions = topic.partitions.into_iter().map(|index| {
                let at = TopicPartition::new(topic.name.as_str(), index);
                let code = match broker.partitions.find(&at, &image) {
                    _ if !is_own => ErrorCode::LogDirNotFound,
                    Ok(_) => ErrorCode::None,
                    Err(error) => ErrorCode::from(&error),
                };
                AlterReplicaLogDirPartitionResult::default()
                    .with_partition_index(index)
                    .with_error_code(code.code())
            });
            let partitions = partitions.collect();
            results.push(
                AlterReplicaLogDirTopicResult::default()
                    .with_topic_name(topic.name)
                    .with_partitions(partitions),
            );
        }
    }
    AlterReplicaLogDirsResponse::default().with_results(results)
}
