//! The ZooKeeper server: znodes, sessions and watches behind the wire protocol of 3.6 and later.

#![warn(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod acl;
mod connection;
mod data_tree;
mod database;
mod error;
mod four_letter;
mod path;
mod processor;
mod server;
mod session_tracker;
mod snapshot;
mod storage;
mod txn;
mod txn_log;
mod watch_manager;

pub use error::ZooKeeperError;
pub use server::ZooKeeperServer;

/// Numbers the connections of one run of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct ConnectionId(u64);
