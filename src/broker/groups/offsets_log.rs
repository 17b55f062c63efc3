//! Reading batches of `__consumer_offsets` into groups.

use bytes::Bytes;

use crate::coordinator::{Replay, StoredRecord};
use crate::internal_topic::InternalTopic;
use wire::Offset;
use wire::record_batch::{BatchError, Batches};

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
                    "left out the record at offset {} of {}: {error}",
                    record.offset,
                    InternalTopic::ConsumerOffsets.name()
                );
            }
        }
    }
    Ok(next)
}
