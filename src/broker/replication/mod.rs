//! Replication decided: who is in sync, what is committed, what a follower must cut. Pure.
//!
//! A [`Replica`] is one broker's part in a partition: its log, behind [`ReplicaLog`], and its role. A leader's
//! view of all of them is a [`Leader`]; what a follower makes of a leader's answer is a `Truncation`.
//! Offsets, times and answers come in, and decisions come out; disks, sockets and znodes are the
//! shell's (`broker::partitions`, `broker::replica_fetcher`).

mod follower;
mod following;
mod leader;
mod leading;
mod replica;

use follower::truncation;

pub(crate) use follower::EpochEnd;
pub(crate) use following::{SentFetch, Truncated};
pub(crate) use leader::{FollowerFetch, IsrWrite, Leader, LeaderStart, WriteOutcome};
pub(crate) use leading::{ReadRequest, Readable, Reader};
pub(crate) use replica::{CurrentLeader, Refusal, Replica, ReplicaLog, RoleChange};
