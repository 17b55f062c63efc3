//! Bytes and nouns: what travels between processes, and the names everything else uses.

#![warn(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

pub mod api_versions;
pub mod consumer_protocol;
pub mod control;
mod error_code;
pub mod fields;
pub mod frame;
mod group_state;
mod ids;
pub mod jute;
pub mod message_shape;
pub mod murmur2;
pub mod partitioner;
pub mod payload;
pub mod record_batch;
pub mod report;
mod reporter;
pub mod schema_frame;
pub mod shown;
pub mod topic_key;
pub mod topic_name;
pub mod transact;
mod transaction_state;
pub mod write_txn_markers;

pub use error_code::ErrorCode;
pub use group_state::GroupState;
pub use ids::{BrokerId, LeaderEpoch, Offset, TopicPartition};
pub use reporter::Reporter;
pub use transaction_state::TransactionState;
