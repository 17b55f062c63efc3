//! Reads old records that somebody looks back at, as a consumer without a group.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::decode::decode;
use super::scope::Scope;
use crate::state::{Observation, RecordSeen};
use client::kafka::{KafkaConnection, KafkaError};
use client::offsets::{self, Isolation};
use wire::{Offset, TopicPartition};

/// Pages that may wait to be read: a key that is held asks for the same again soon.
pub(super) const PAGES_MAX: usize = 8;

/// Bytes that are read at once.
const PARTITION_BYTES: i32 = 256 * 1024;

/// Fetches for one page: long records fill an answer before the page is whole.
const FETCHES_MAX: usize = 8;

/// A stretch of a log that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) partition: TopicPartition,
    pub(super) from: Offset,
    pub(super) upto: Offset,
}

/// Reads pages one after the other, until cancelled. What cannot be read now is left out: who
/// still looks there asks again.
pub(super) async fn run(
    scope: Arc<Scope>,
    mut pages: mpsc::Receiver<Page>,
    stop: CancellationToken,
) {
    loop {
        let page = tokio::select! {
            () = stop.cancelled() => return,
            page = pages.recv() => page,
        };
        let Some(page) = page else { return };
        let Some(address) = scope.leader_address(&page.partition) else {
            continue;
        };
        let read = tokio::select! {
            () = stop.cancelled() => return,
            read = read(&scope, &address, &page) => read,
        };
        if let Ok((records, upto)) = read
            && upto > page.from
        {
            let told = Observation::Records {
                partition: page.partition,
                from: page.from,
                upto,
                records,
            };
            scope.tell(told).await;
        }
    }
}

/// The page's records, and how far they were read.
async fn read(
    scope: &Scope,
    address: &str,
    page: &Page,
) -> Result<(Vec<RecordSeen>, Offset), KafkaError> {
    let wait = scope.manner().read_wait;
    let mut connection = scope.connect(address, wait).await?;
    let mut records = Vec::new();
    let mut upto = page.from;
    for _ in 0..FETCHES_MAX {
        let before = upto;
        let part = read_part(&mut connection, wait, &page.partition, upto).await?;
        if let Some((read, next)) = part {
            records.extend(read);
            upto = next;
        }
        if upto == before || upto >= page.upto {
            break;
        }
    }
    let excess = records.partition_point(|record| record.offset < page.upto);
    records.truncate(excess);
    Ok((records, upto.min(page.upto)))
}

/// One fetch. Where it holds transactions, another asks which of them were aborted.
async fn read_part(
    connection: &mut KafkaConnection,
    wait: Duration,
    at: &TopicPartition,
    from: Offset,
) -> Result<Option<(Vec<RecordSeen>, Offset)>, KafkaError> {
    let ask = [(at.clone(), from)];
    let hold = Duration::ZERO;
    let fetched = offsets::fetch(connection, &ask, PARTITION_BYTES, hold, wait).await?;
    let Some(mut fetched) = fetched.into_iter().find(|part| part.error.is_none()) else {
        return Ok(None);
    };
    let (records, next) = decode(&fetched, from);
    if !records.iter().any(|record| record.batch.transactional) {
        return Ok(Some((records, next)));
    }
    let isolation = Isolation::ReadCommitted;
    let committed =
        offsets::fetch_in(connection, isolation, &ask, PARTITION_BYTES, hold, wait).await?;
    if let Some(committed) = committed.into_iter().find(|part| part.error.is_none()) {
        fetched.aborted = committed.aborted;
    }
    Ok(Some(decode(&fetched, from)))
}
