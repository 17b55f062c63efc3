//! The commit log of one partition on disk, in Kafka's own format.
//!
//! A log is a folder `orders-0` of segments. Batches are appended as the producer sent them, with base
//! offset and leader epoch stamped over, and read back with one `pread`. Everything here is `std::fs` and
//! blocks; nothing here is async, and a [`Log`] is used under its owner's lock. What takes long is handed
//! out to be done without it: [`Flush::sync`], [`Retired::remove`], [`Compaction::run`].
//!
//! What holds:
//! - Only bytes that the operating system took count. A write it did not take whole is taken back.
//! - Every start is a recovery: what lies behind the recovery point is checked batch by batch and cut at
//!   the first unsound one; what lies before it is trusted.
//! - Offsets grow. A record that was read at an offset is never another one there, unless the log was
//!   truncated, which only replication does, above the high watermark.

mod append;
mod checkpoints;
mod cleaner;
mod config;
mod error;
mod folder;
mod index;
mod leader_epochs;
mod partition_log;
mod producer_state;
mod read;
mod recovery;
mod retention;
mod scan;
mod segment;
#[cfg(test)]
mod tests;
mod transaction_index;
mod transactions;
mod validation;
mod verification;

pub(crate) use append::{AppendOrigin, Appended};
pub(crate) use checkpoints::Checkpoint;
pub(crate) use config::LogConfig;
pub(crate) use error::{LogError, RecordFault, RejectedRecord};
pub(crate) use folder::{
    PartitionFolder, list_partitions, mark_deleted, mark_stray, partition_folder, remove_folder,
};
#[cfg(test)]
pub(crate) use leader_epochs::EpochEntries;
pub(crate) use partition_log::Log;
pub(crate) use producer_state::ActiveProducer;
pub(crate) use read::TimestampedOffset;
pub(crate) use recovery::OpenAt;
pub(crate) use transaction_index::AbortedTransaction;
pub(crate) use transactions::TransactionEnd;
pub(crate) use verification::VerificationGuard;
#[cfg(test)]
pub(crate) use {
    producer_state::{MarkerRefusal, ProducerState, Verdict},
    verification::{NotVerified, Verifications},
};
