//! An internal topic as this broker's replicas keep it.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::FutureExt;
use futures::future::{BoxFuture, ready};
use tokio::time::Instant;

use super::CoordinatorLog;
use crate::internal_topic::InternalTopic;
use crate::partitions::housekeeping::now_ms;
use crate::partitions::{OffsetQuery, Partition, PartitionError, Partitions, Read, Viewer};
use crate::replication::Reader;
use wire::{ErrorCode, LeaderEpoch, Offset, TopicPartition};

/// Longer than any caller waits for a write.
const COMMIT_WAIT: Duration = Duration::from_secs(3_600);

/// The partitions of one internal topic that this broker has.
pub(crate) struct ReplicatedLog {
    pub(crate) topic: InternalTopic,
    pub(crate) partitions: Arc<Partitions>,
    /// How much is read at a time.
    pub(crate) read_bytes_max: usize,
}

impl CoordinatorLog for ReplicatedLog {
    fn append(
        &self,
        partition: i32,
        leader_epoch: LeaderEpoch,
        batch: Vec<u8>,
    ) -> BoxFuture<'static, Result<(), ErrorCode>> {
        let appended = self.hosted(partition).and_then(|partition| {
            let receipt = partition.append_in_epoch(leader_epoch, &batch, now_ms())?;
            Ok((partition, receipt))
        });
        match appended {
            Ok((partition, receipt)) => async move {
                let committed = partition.committed(&receipt, Instant::now() + COMMIT_WAIT);
                committed.await.map_err(|error| ErrorCode::from(&error))
            }
            .boxed(),
            Err(error) => ready(Err(ErrorCode::from(&error))).boxed(),
        }
    }

    fn read(
        &self,
        partition: i32,
        leader_epoch: LeaderEpoch,
        from: Offset,
    ) -> BoxFuture<'static, Result<Bytes, ErrorCode>> {
        let hosted = self.hosted(partition);
        let bytes_max = self.read_bytes_max;
        async move {
            let read =
                tokio::task::spawn_blocking(move || read(&*hosted?, leader_epoch, from, bytes_max));
            match read.await {
                Ok(Ok(batches)) => Ok(batches),
                Ok(Err(error)) => Err(ErrorCode::from(&error)),
                Err(_) => Err(ErrorCode::BrokerNotAvailable),
            }
        }
        .boxed()
    }
}

impl ReplicatedLog {
    fn hosted(&self, partition: i32) -> Result<Arc<Partition>, PartitionError> {
        let at = TopicPartition::new(self.topic.name(), partition);
        let hosted = self.partitions.get(&at);
        hosted.ok_or_else(|| PartitionError::not_leader(at))
    }
}

fn read(
    partition: &Partition,
    leader_epoch: LeaderEpoch,
    from: Offset,
    bytes_max: usize,
) -> Result<Bytes, PartitionError> {
    let query = OffsetQuery::Earliest;
    let start = partition.find_offset(query, Viewer::Follower, Some(leader_epoch))?;
    let start = start.map_or(Offset(0), |start| start.offset);
    let read = Read {
        from: from.max(start),
        current_leader_epoch: Some(leader_epoch),
        last_fetched_epoch: None,
        bytes_max,
        min_one_batch: true,
        is_read_committed: false,
        reader: Reader::Debugger,
    };
    let mut batches = BytesMut::new();
    partition.read(&read, &mut batches)?;
    Ok(batches.freeze())
}
