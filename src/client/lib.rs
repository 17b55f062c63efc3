//! Connections to Kafka and to ZooKeeper, for brokers, playground and commands.

#![warn(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

pub mod admin;
pub mod configs;
pub mod control;
pub mod groups;
pub mod kafka;
pub mod offsets;
pub mod placement;
pub mod quorum;
pub mod refusal;
mod secured;
pub mod security;
pub mod software;
pub mod tap;
pub mod topics;
pub mod transactions;
pub mod zookeeper;
