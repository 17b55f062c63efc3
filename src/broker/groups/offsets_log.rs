//! What the groups need of `__consumer_offsets`: appending a batch, reading a partition.

use bytes::Bytes;
use futures::future::BoxFuture;

use super::OFFSETS_TOPIC;
use crate::coordinator::{Replay, StoredRecord};
use wire::record_batch::{BatchBuilder, BatchError, Batches};
use wire::{ErrorCode, LeaderEpoch, Offset};

/// The partitions of `__consumer_offsets` on this broker.
pub(crate) trait OffsetsLog: Send + Sync + 'static {
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

/// The records as one batch.
pub(super) fn batch_of(records: &[StoredRecord], now_ms: i64) -> Vec<u8> {
    let mut batch = BatchBuilder::new();
    for record in records {
        batch.push(now_ms, Some(&record.key), record.value.as_deref());
    }
    batch.build()
}

/// Applies all records in `batches`; the offset to read on from, `None` where there was none.
/// Transactions are not written here, so control batches are the only ones left out.
pub(super) fn replay_batches(
    replay: &mut Replay,
    batches: &[u8],
) -> Result<Option<Offset>, BatchError> {
    let mut next = None;
    for batch in Batches::new(batches) {
        let batch = batch?;
        next = Some(batch.header.next_offset());
        if batch.header.is_control() {
            continue;
        }
        let payload = batch.payload()?;
        for record in batch.records(&payload) {
            let record = record?;
            let Some(key) = record.key else { continue };
            let stored = StoredRecord {
                key: Bytes::copy_from_slice(key),
                value: record.value.map(Bytes::copy_from_slice),
            };
            if let Err(error) = replay.apply(stored) {
                tracing::warn!(
                    "left out the record at offset {} of {OFFSETS_TOPIC}: {error}",
                    record.offset
                );
            }
        }
    }
    Ok(next)
}
