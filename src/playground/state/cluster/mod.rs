//! Facts: what is known of the cluster, folded from what was observed.

mod brackets;
mod catch_up;
#[expect(
    clippy::module_inception,
    reason = "the room is named after what this file holds"
)]
mod cluster;
mod coordinated;
mod fact;
mod flow;
mod fold;
mod fold_report;
mod fold_told;
mod group;
mod group_protocol;
mod hidden;
mod members;
mod observation;
mod outage;
mod partition;
mod process;
mod producing;
mod quorum;
mod rates;
mod reading;
mod record;
mod standstill;
mod stream;
mod transaction;
mod wire;
mod znode_words;
mod znodes;
mod zookeeper_seen;

pub use brackets::{Bracket, BracketEnd};
pub use catch_up::CaughtUp;
pub(super) use cluster::broker_of_znodes;
pub use cluster::{Cluster, Delivery, Spare, Topic};
pub use coordinated::{GroupSeen, MemberSeen, TransactionSeen};
pub(super) use fact::{
    Assigned, Cause, Change, Fact, GroupChange, LogStart, MemberChange, Moved, RoleSeen, Share,
    Told, TransactionMoved,
};
pub use flow::{Flow, FlowLane, Word, records_per_word};
pub use group::{Group, LAG_SECONDS, Member};
pub use group_protocol::GroupProtocol;
pub use hidden::Hidden;
pub use observation::{
    Acks, AsksSeen, BrokerSeen, ClusterSeen, Observation, PartitionOffsets, PartitionSeen,
    ProcessChange, ProcessName, ProducedSeen, Receipt, SoftwareSeen, TopicSeen, Unreadable,
};
pub use outage::{Ended, Outages};
pub(super) use partition::PAGE_RECORDS;
pub use partition::{Partition, TAIL_MAX};
pub use process::{Expired, Intent, Process, Status, StoodStill};
pub use producing::{Producing, Stage};
pub use quorum::{Quorum, QuorumReplica, QuorumSeen, QuorumSpare};
pub use rates::{RATE_SECONDS, Rates, Second};
pub use reading::{ReadRecord, Reading};
pub use record::{BatchSeen, BytesSeen, RecordKind, RecordSeen, Run};
pub use standstill::{BelowMinimum, Standstill};
pub use stream::StreamRate;
pub use transaction::{Outcome, Transaction};
pub use wire::{EXCHANGES_MAX, ExchangeSeen, Wire};
pub use znode_words::summary as znode_summary;
pub(super) use znodes::parent;
pub use znodes::{REMOVED_FOR, Watch, Znode, ZnodeWrite, Znodes};
pub use zookeeper_seen::{
    SessionSeen, WatchSeen, ZnodeContent, ZnodeSeen, ZnodesSeen, ZooKeeperSeen,
};
