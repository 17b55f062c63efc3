//! Kafkarium: a terminal playground on a real, local, Kafka-compatible cluster.
//!
//! Six wings, in reading order. An arrow between them only points down this list, and
//! [`playground`] never reaches into [`broker`] or [`zookeeper`]: it knows the cluster only
//! through wire protocols and process handles. `tests/tidy.rs` holds these rules.
//!
//! | wing | what lives there |
//! |---|---|
//! | [`cli`] | one file per subcommand: parse, call, print |
//! | [`playground`] | the terminal: state, panes, child processes |
//! | [`broker`] | the Kafka server: log, replication, groups, controller |
//! | [`zookeeper`] | the ZooKeeper server: znodes, sessions, watches |
//! | [`client`] | connections to Kafka and to ZooKeeper |
//! | [`wire`] | bytes and nouns: frames, record batches, ids, error codes |

#![warn(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

pub mod cli;

pub use playground;

pub use broker;
pub use zookeeper;

pub use client;
pub use librdkafka;

pub use wire;
