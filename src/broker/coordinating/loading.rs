//! Leaderships of an internal topic's partitions come and go: what each that comes has in its log is read first.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::future::BoxFuture;
use thiserror::Error;

use super::CoordinatorLog;
use crate::coordinator::{Logged, Producer, StoredRecord, TransactionEnd};
use wire::fields::FieldError;
use wire::record_batch::{Batch, BatchError, Batches, ControlType};
use wire::{ErrorCode, LeaderEpoch, Offset};

/// How long a failed load waits before it is tried again: first shortly, because the image may be
/// ahead of the log, which is about to learn that it leads.
const LOAD_RETRY: Duration = Duration::from_millis(2);
const LOAD_RETRY_MAX: Duration = Duration::from_millis(100);

/// Why a partition cannot be read.
#[derive(Debug, Error)]
enum LoadError {
    #[error("{0}")]
    Log(ErrorCode),
    #[error(transparent)]
    Batch(#[from] BatchError),
}

/// The partitions that are not led any more, and those that are led under another epoch than before.
pub(crate) fn changed_leaders(
    led: &BTreeMap<i32, LeaderEpoch>,
    now: &BTreeMap<i32, LeaderEpoch>,
) -> (Vec<i32>, Vec<(i32, LeaderEpoch)>) {
    let gone = led.keys().filter(|partition| !now.contains_key(partition));
    let come = now
        .iter()
        .filter(|(partition, leader_epoch)| led.get(partition) != Some(leader_epoch));
    (
        gone.copied().collect(),
        come.map(|(partition, leader_epoch)| (*partition, *leader_epoch))
            .collect(),
    )
}

/// Reads a partition of `topic` to its end into a new replay and tries again where that fails; `None` once it is not
/// `wanted` any more. `apply` takes records and markers one after the other.
pub(crate) async fn load<R: Default>(
    log: &dyn CoordinatorLog,
    topic: &'static str,
    partition: i32,
    leader_epoch: LeaderEpoch,
    wanted: impl Fn() -> bool,
    apply: impl Fn(&mut R, Logged) -> Result<(), FieldError>,
) -> Option<R> {
    let mut retry = LOAD_RETRY;
    loop {
        let started = Instant::now();
        let mut replay = R::default();
        let read = read_to_end(log, partition, leader_epoch, |batches| {
            replay_batches(topic, batches, |logged| apply(&mut replay, logged))
        });
        match read.await {
            Ok(end) => {
                tracing::info!(
                    "read {topic}-{partition} up to {end} in {} us",
                    started.elapsed().as_micros()
                );
                return Some(replay);
            }
            Err(_) if !wanted() => return None,
            Err(error) => {
                if retry == LOAD_RETRY_MAX {
                    tracing::warn!("cannot read {topic}-{partition}: {error}");
                }
                tokio::time::sleep(retry).await;
                retry = (retry * 2).min(LOAD_RETRY_MAX);
            }
        }
    }
}

async fn read_to_end(
    log: &dyn CoordinatorLog,
    partition: i32,
    leader_epoch: LeaderEpoch,
    mut apply: impl FnMut(&[u8]) -> Result<Option<Offset>, BatchError>,
) -> Result<Offset, LoadError> {
    let mut next = Offset(0);
    loop {
        let batches = log.read(partition, leader_epoch, next).await;
        match apply(&batches.map_err(LoadError::Log)?)? {
            // A batch that begins before `next` is not read twice.
            Some(read_to) if read_to > next => next = read_to,
            _ => return Ok(next),
        }
    }
}

/// Applies all records and markers in `batches`; the offset to read on from, `None` where there was none. A record that is none
/// of the coordinator's is left out.
fn replay_batches(
    topic: &str,
    batches: &[u8],
    mut apply: impl FnMut(Logged) -> Result<(), FieldError>,
) -> Result<Option<Offset>, BatchError> {
    let mut take = |logged, offset| {
        if let Err(error) = apply(logged) {
            tracing::warn!("left out the record at offset {offset} of {topic}: {error}");
        }
    };
    let mut next = None;
    for batch in Batches::new(batches) {
        let batch = batch?;
        next = Some(batch.header.next_offset());
        if batch.header.is_control() {
            if let Some(end) = end_of(&batch) {
                take(Logged::TransactionEnd(end), batch.header.base_offset);
            }
            continue;
        }
        let header = &batch.header;
        let producer = header.is_transactional().then_some(Producer {
            id: header.producer_id,
            epoch: header.producer_epoch,
        });
        let payload = batch.payload()?;
        for record in batch.records(&payload) {
            let record = record?;
            let Some(key) = record.key else { continue };
            let stored = StoredRecord {
                key: Bytes::copy_from_slice(key),
                value: record.value.map(Bytes::copy_from_slice),
            };
            take(Logged::Record(stored, producer), record.offset);
        }
    }
    Ok(next)
}

/// What a marker says.
fn end_of(batch: &Batch<'_>) -> Option<TransactionEnd> {
    let marker = batch.end_marker()?;
    Some(TransactionEnd {
        producer_id: batch.header.producer_id,
        last_epoch: batch.header.producer_epoch,
        is_committed: marker.control == ControlType::Commit,
    })
}

/// Waits for a write's replicas, as long as its setting says.
pub(crate) async fn awaited(
    outcome: BoxFuture<'static, Result<(), ErrorCode>>,
    timeout: Duration,
) -> Result<(), ErrorCode> {
    tokio::time::timeout(timeout, outcome)
        .await
        .unwrap_or(Err(ErrorCode::RequestTimedOut))
}
