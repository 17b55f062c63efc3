//! What a coordinator needs of its internal topic: appending a batch, reading a partition.

use bytes::Bytes;
use futures::future::BoxFuture;

use crate::coordinator::{Producer, StoredRecord};
use wire::record_batch::BatchBuilder;
use wire::{ErrorCode, LeaderEpoch, Offset};

/// The partitions of one internal topic on this broker.
pub(crate) trait CoordinatorLog: Send + Sync + 'static {
    /// Appends a batch, if this broker leads the partition under this epoch. The append happens in
    /// the call, so that batches stand in the order of the calls; the future ends when all
    /// in-sync replicas have it (`acks=all`).
    fn append(
        &self,
        partition: i32,
        leader_epoch: LeaderEpoch,
        batch: Vec<u8>,
    ) -> BoxFuture<'static, Result<(), ErrorCode>>;

    /// Whole batches from the one that holds `from` (or the first, if the log starts behind it)
    /// up to the log end: not only to the high watermark, which a new leader learns late.
    /// Some at a time; nothing at the end.
    fn read(
        &self,
        partition: i32,
        leader_epoch: LeaderEpoch,
        from: Offset,
    ) -> BoxFuture<'static, Result<Bytes, ErrorCode>>;
}

/// The records as one batch, which may belong to a producer's transaction.
pub(crate) fn batch_of(
    records: &[StoredRecord],
    producer: Option<Producer>,
    now_ms: i64,
) -> Vec<u8> {
    let mut batch = BatchBuilder::new();
    if let Some(producer) = producer {
        // Coordinators count no sequences: each batch begins at 0, as Kafka's do.
        batch
            .producer(producer.id, producer.epoch, 0)
            .transactional();
    }
    for record in records {
        batch.push(now_ms, Some(&record.key), record.value.as_deref());
    }
    batch.build()
}
