//! Kafkarium: a terminal playground on a real, local, Kafka-compatible cluster.
//!
//! Eight wings, in reading order, each a crate of this workspace but the first. An arrow between
//! them only points down this list, and [`playground`] never reaches into [`broker`] or
//! [`zookeeper`]: it knows the cluster only through wire protocols and process handles. Manifests
//! say who uses whom, and `tests/tidy.rs` holds them to it.
//!
//! | wing | what lives there |
//! |---|---|
//! | [`cli`] | one file per subcommand: parse, call, print |
//! | [`playground`] | the terminal: state, panes, child processes |
//! | [`broker`] | the Kafka server: log, replication, groups, controller |
//! | [`zookeeper`] | the ZooKeeper server: znodes, sessions, watches |
//! | [`librdkafka`] | a producer and a consumer on the client library of production |
//! | [`client`] | connections to Kafka and to ZooKeeper |
//! | [`testing`] | a cluster in other people's tests, driven like any other by its control socket |
//! | [`wire`] | bytes and nouns: frames, record batches, ids, error codes |

#![warn(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

pub mod cli;

pub use broker;
pub use client;
pub use librdkafka;
pub use playground;
pub use testing;
pub use wire;
pub use zookeeper;
