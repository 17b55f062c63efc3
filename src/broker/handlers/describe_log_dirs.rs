//! DescribeLogDirs 1 to 5: what lies in this broker's one log folder, and the room on its disk (KIP-827).
//!
//! Behaviour: a folder is never cordoned (KIP-1066). A partition that is offline here because its files failed is a folder of its own, with
//! `KAFKA_STORAGE_ERROR`.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use kafka_protocol::{
    messages::{
        DescribeLogDirsRequest, DescribeLogDirsResponse,
        describe_log_dirs_response::{
            DescribeLogDirsPartition, DescribeLogDirsResult, DescribeLogDirsTopic,
        },
    },
    protocol::StrBytes,
};

use super::RequestContext;
use crate::{Broker, log::partition_folder};
use wire::{ErrorCode, TopicPartition};

#[expect(clippy::unused_async, reason = "handlers have one signature")]
pub(super) async fn handle(
    broker: &Arc<Broker>,
    context: &RequestContext,
    request: DescribeLogDirsRequest,
) -> DescribeLogDirsResponse {
    let is_asked = |at: &TopicPartition| match &request.topics {
        None => true,
        Some(topics) => topics.iter().any(|topic| {
            topic.topic.as_str() == at.topic && topic.partitions.contains(&at.partition)
        }),
    };
    let mut topics: BTreeMap<String, Vec<DescribeLogDirsPartition>> = BTreeMap::new();
    for partition in broker.partitions.all() {
        let at = partition.at();
        if is_asked(at) {
            let size_bytes = i64::try_from(partition.size_bytes()).unwrap_or(i64::MAX);
            topics.entry(at.topic.clone()).or_default().push(
                DescribeLogDirsPartition::default()
                    .with_partition_index(at.partition)
                    .with_partition_size(size_bytes),
            );
        }
    }
    let folder = broker.partitions.data_dir();
    let mut result = DescribeLogDirsResult::default()
        .with_log_dir(StrBytes::from(folder.display().to_string()))
        .with_topics(
            topics
                .into_iter()
                .map(|(name, mut partitions)| {
                    partitions.sort_by_key(|partition| partition.partition_index);
                    DescribeLogDirsTopic::default()
                        .with_name(StrBytes::from(name).into())
                        .with_partitions(partitions)
                })
                .collect(),
        );
    if context.version >= 4
        && let Some((total, usable)) = disk_bytes(folder)
    {
        result = result.with_total_bytes(total).with_usable_bytes(usable);
    }
    let offline = broker.partitions.offline().into_keys().filter(is_asked);
    let offline = offline.map(|at| {
        let folder = partition_folder(folder, &at);
        DescribeLogDirsResult::default()
            .with_error_code(ErrorCode::KafkaStorageError.code())
            .with_log_dir(StrBytes::from(folder.display().to_string()))
    });
    let results = std::iter::once(result).chain(offline).collect();
    DescribeLogDirsResponse::default().with_results(results)
}

/// The size of the folder's disk and how much of it this process may still use.
fn disk_bytes(folder: &Path) -> Option<(i64, i64)> {
    let disk = nix::sys::statvfs::statvfs(folder).ok()?;
    let bytes = |blocks| i64::try_from(disk.fragment_size().saturating_mul(blocks)).ok();
    Some((bytes(disk.blocks())?, bytes(disk.blocks_available())?))
}
