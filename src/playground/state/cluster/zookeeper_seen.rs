//! What `ZooKeeper` tells: its four-letter words, and what is read of its tree.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::state::Timestamp;

/// `ZooKeeper` as its four-letter words tell it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZooKeeperSeen {
    /// How many znodes there are.
    pub znodes: u64,
    /// The last change of anything.
    pub zxid: i64,
    /// How many watches are set.
    pub watches: u64,
    /// Watched paths, each with the sessions that watch it; at most 64.
    pub watched: Vec<WatchSeen>,
    /// By session id.
    pub sessions: Vec<SessionSeen>,
    /// Whether the server ends a session at its deadline, not at its next tick.
    pub exact: bool,
    /// Words that the server does not allow.
    pub refused: Vec<String>,
}

/// A watched path. The words do not tell whether what is below it is watched too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchSeen {
    /// The path.
    pub path: String,
    /// Who watches it.
    pub sessions: Vec<i64>,
}

/// Znodes as they were read. After a watch fired, only those that it named.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZnodesSeen {
    /// Our own session, which reads and watches.
    pub session: i64,
    /// Whether these are all that are read: what is not among them is not there.
    pub whole: bool,
    /// In no order.
    pub znodes: Vec<ZnodeSeen>,
}

/// One znode.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZnodeSeen {
    /// `/brokers/ids/3`.
    pub path: String,
    /// `None`: it is gone.
    pub content: Option<ZnodeContent>,
}

/// What a znode holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZnodeContent {
    /// Its data as text, at most 16 KB of it.
    pub data: String,
    /// How much data there is.
    pub size_bytes: i32,
    /// How often the data changed.
    pub version: i32,
    /// The change that wrote it last.
    pub mzxid: i64,
    /// The session that it lives as long as; 0 where it outlives all.
    pub ephemeral_owner: i64,
    /// How many znodes are below it, read or not.
    pub children: i32,
}

/// A `ZooKeeper` session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionSeen {
    /// Its id.
    pub session: i64,
    /// Its agreed timeout.
    pub timeout: Duration,
    /// When the server last heard from it.
    pub last_heard: Timestamp,
    /// Its ephemeral znodes, `/brokers/ids/3`.
    pub ephemerals: Vec<String>,
}
