//! What can go wrong between a batch and the disk.

use std::io;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use thiserror::Error;

use wire::record_batch::BatchError;
use wire::{LeaderEpoch, Offset, TopicPartition};

/// Why a log refused or failed. Where nothing else is said, the log is as it was before the call.
#[derive(Debug, Error)]
pub(crate) enum LogError {
    /// The operating system refused (`KAFKA_STORAGE_ERROR`).
    #[error("cannot {action} {}: {source}", path.display())]
    Storage {
        action: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    /// A write failed and could not be undone; the log takes nothing more until it is opened anew
    /// (`KAFKA_STORAGE_ERROR`).
    #[error("{partition} is offline after a failed write")]
    Offline { partition: TopicPartition },
    /// Records that were on the disk are gone (`KAFKA_STORAGE_ERROR`).
    #[error(
        "{} ends at offset {end}, and it held everything below {held}: put the files back, or let another \
         replica lead; with unclean.leader.election.enable=true it goes on without those records",
        path.display()
    )]
    Short {
        path: PathBuf,
        end: Offset,
        held: Offset,
    },
    /// A file holds what this program never wrote (`KAFKA_STORAGE_ERROR`).
    #[error("{} is damaged at byte {position}: {reason}", path.display())]
    Corrupt {
        path: PathBuf,
        position: u64,
        reason: String,
    },
    /// The folder belongs to another incarnation of the topic (`INCONSISTENT_TOPIC_ID`).
    #[error("{} belongs to topic id {found}, not {expected}", path.display())]
    TopicId {
        path: PathBuf,
        found: uuid::Uuid,
        expected: uuid::Uuid,
    },
    /// The log does not hold this offset (`OFFSET_OUT_OF_RANGE`).
    #[error("{partition} holds offsets {start} to {end}, not {offset}")]
    OffsetOutOfRange {
        partition: TopicPartition,
        offset: Offset,
        start: Offset,
        end: Offset,
    },
    /// The bytes are no batch, their checksum is wrong, or its records cannot be read; the code is the source's.
    #[error("batch for {partition}: {source}")]
    CorruptBatch {
        partition: TopicPartition,
        source: BatchError,
    },
    /// The batch is sound but breaks a rule (`INVALID_RECORD`).
    #[error("batch for {partition}: {reason}")]
    InvalidRecord {
        partition: TopicPartition,
        reason: String,
    },
    /// Single records that the topic does not take (`INVALID_TIMESTAMP` or `INVALID_RECORD`).
    #[error("{}", rejection(*.fault, .records))]
    RejectedRecords {
        fault: RecordFault,
        records: Vec<RejectedRecord>,
    },
    /// Above `max.message.bytes` (`MESSAGE_TOO_LARGE`).
    #[error("batch for {partition} takes {size_bytes} bytes, {max_bytes} are allowed")]
    BatchTooLarge {
        partition: TopicPartition,
        size_bytes: usize,
        max_bytes: usize,
    },
    /// Above `segment.bytes` (`RECORD_LIST_TOO_LARGE`).
    #[error("batch for {partition} takes {size_bytes} bytes, a segment holds {segment_bytes}")]
    LargerThanSegment {
        partition: TopicPartition,
        size_bytes: usize,
        segment_bytes: u64,
    },
    /// A gap or a step back in a producer's sequence (`OUT_OF_ORDER_SEQUENCE_NUMBER`).
    #[error(
        "{partition}: producer {producer_id} sent sequence {sequence} of epoch {producer_epoch} after {last_sequence}"
    )]
    OutOfOrderSequence {
        partition: TopicPartition,
        producer_id: i64,
        producer_epoch: i16,
        sequence: i32,
        last_sequence: i32,
    },
    /// A producer that was replaced by a newer one (`INVALID_PRODUCER_EPOCH`).
    #[error(
        "{partition}: producer {producer_id} is at epoch {current_epoch}, not {producer_epoch}"
    )]
    InvalidProducerEpoch {
        partition: TopicPartition,
        producer_id: i64,
        producer_epoch: i16,
        current_epoch: i16,
    },
    /// A batch outside of the transaction that its producer is in (`INVALID_TXN_STATE`).
    #[error(
        "{partition}: producer {producer_id} has a transaction open, and the batch is not part of it"
    )]
    InvalidTxnState {
        partition: TopicPartition,
        producer_id: i64,
    },
    /// A batch would begin a transaction of which its coordinator does not know (`INVALID_TXN_STATE`).
    #[error(
        "{partition}: the transaction of producer {producer_id} ended before this batch of it came"
    )]
    UnverifiedTransaction {
        partition: TopicPartition,
        producer_id: i64,
    },
    /// A marker of a coordinator that was replaced by a newer one (`TRANSACTION_COORDINATOR_FENCED`).
    #[error(
        "{partition}: a coordinator of epoch {current_epoch} ended a transaction of producer {producer_id}, and this \
         one is of epoch {coordinator_epoch}"
    )]
    CoordinatorFenced {
        partition: TopicPartition,
        producer_id: i64,
        coordinator_epoch: i32,
        current_epoch: i32,
    },
    /// A follower was sent what does not follow its log; it must ask where it diverged.
    #[error(
        "{partition} ends at {end} in epoch {epoch}; a batch at {offset} of epoch {batch_epoch} does not follow"
    )]
    NotContiguous {
        partition: TopicPartition,
        end: Offset,
        epoch: LeaderEpoch,
        offset: Offset,
        batch_epoch: LeaderEpoch,
    },
}

/// What is wrong with records that a topic does not take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RecordFault {
    Timestamp,
    /// Compacted topics need keys.
    Key,
}

/// A record that a topic does not take, by its place in the batch (KIP-467).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RejectedRecord {
    pub(crate) index: i32,
    pub(crate) message: String,
}

/// Kafka's words for records that a topic does not take.
fn rejection(fault: RecordFault, records: &[RejectedRecord]) -> String {
    const SHOWN: usize = 3;
    match fault {
        RecordFault::Timestamp => {
            "One or more records have been rejected due to invalid timestamp".to_owned()
        }
        RecordFault::Key => {
            let shown: Vec<String> = records
                .iter()
                .take(SHOWN)
                .map(|record| format!("record {}: {}", record.index, record.message))
                .collect();
            format!(
                "One or more records have been rejected due to {} record errors in total, and only showing \
                 the first three errors at most: [{}]",
                records.len(),
                shown.join(", ")
            )
        }
    }
}

impl LogError {
    /// For `map_err`: the operating system's refusal of `action` on `path`.
    pub(crate) fn storage<'a>(
        action: &'static str,
        path: &'a Path,
    ) -> impl FnOnce(io::Error) -> Self + 'a {
        move |source| Self::Storage {
            action,
            path: path.to_owned(),
            source,
        }
    }

    /// Whether nothing more may be asked of this log until it is opened anew. One damaged batch is not
    /// enough: everything else can be read, and followers may have it sound.
    pub(crate) fn takes_offline(&self) -> bool {
        match self {
            // The process has no descriptor left: that passes, and the disk is well.
            Self::Storage { source, .. } => {
                !matches!(errno(source), Some(Errno::EMFILE | Errno::ENFILE))
            }
            Self::Offline { .. } | Self::Short { .. } => true,
            _ => false,
        }
    }

    /// Whether not this log alone but the disk under all of them failed.
    pub(crate) fn is_of_the_disk(&self) -> bool {
        let Self::Storage { source, .. } = self else {
            return false;
        };
        matches!(
            source.kind(),
            io::ErrorKind::StorageFull
                | io::ErrorKind::QuotaExceeded
                | io::ErrorKind::ReadOnlyFilesystem
        ) || errno(source) == Some(Errno::EIO)
    }
}

fn errno(error: &io::Error) -> Option<Errno> {
    error.raw_os_error().map(Errno::from_raw)
}
