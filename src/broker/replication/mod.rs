//! Replication decided: who is in sync, what is committed, what a follower must cut. Pure.
//!
//! A leader's view of one partition is a [`Leader`]; what a follower makes of a leader's answer is
//! a [`Truncation`]. Offsets, times and answers come in, and decisions come out; logs, sockets and znodes are
//! the shell's (`broker::partitions`, `broker::replica_fetcher`).

mod follower;
mod leader;

pub(crate) use follower::{EpochEnd, truncation};
pub(crate) use leader::{FollowerFetch, IsrWrite, Leader, LeaderStart, WriteOutcome};
