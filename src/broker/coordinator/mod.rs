//! Decides everything about consumer groups: who is a member, who leads, when a generation begins,
//! where each group reads on. Pure: requests, time and outcomes of writes go in, answers and
//! writes come out. Follows Kafka's classic group protocol
//! (<https://kafka.apache.org/protocol#The_Messages_JoinGroup>, KIP-62, KIP-345, KIP-394, KIP-814)
//! and, in a room of its own, the consumer group protocol ([`consumer`], KIP-848).

mod commit;
mod consumer;
mod deadlines;
mod event;
mod group;
pub(super) mod group_metadata_record;
mod join;
mod leadership;
mod leave;
mod loading;
mod member;
pub(super) mod offset_commit_record;
mod outcomes;
mod queries;
mod rebalance;
mod reports;
mod requests;
mod sync;
#[cfg(test)]
mod tests;
mod transactional_offsets;
mod turn;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

pub(crate) use consumer::{
    AssignedTopic, Assignor, ConsumerConfig, ConsumerGroupDescription, ConsumerHeartbeat,
    ConsumerHeartbeatAnswer, ConsumerMemberDescription, ConsumerOverrides, MigrationPolicy,
    Partitions, Refusal,
};
pub(crate) use event::{
    CommitRequest, Effect, Event, JoinRequest, JoinResponse, LeaveRequest, LeavingMember, Logged,
    MemberIdentity, Now, Producer, Request, RequestId, Response, StoredRecord, SyncRequest,
    SyncResponse, TransactionEnd, WriteId,
};
pub(crate) use group::GroupState;
pub(crate) use loading::Replay;
pub(crate) use offset_commit_record::OffsetAndMetadata;
pub(crate) use queries::{FoundOffset, GroupDescription, ListedGroup};
pub(crate) use turn::Config;

use consumer::Topics;
use deadlines::Deadline;
use group::{Group, OffsetsPartition};
use turn::{AfterWrite, Outstanding, Turn};

pub(crate) use super::internal_topic::partition_for;
use wire::{ErrorCode, LeaderEpoch, TopicPartition};

/// All groups that this broker coordinates.
#[derive(Debug)]
pub(crate) struct Coordinator {
    config: Config,
    /// Partitions of `__consumer_offsets`, of all brokers together.
    partition_count: i32,
    /// The ones that this broker leads.
    partitions: BTreeMap<i32, LedPartition>,
    /// By id. Invariant: the partition that keeps each is in `partitions`, loaded, under the same epoch.
    groups: BTreeMap<String, Group>,
    /// What there is to subscribe to.
    topics: Topics,
    /// What is set for single groups of the consumer protocol.
    overrides: BTreeMap<String, ConsumerOverrides>,
    outstanding: Outstanding,
}

#[derive(Debug)]
struct LedPartition {
    leader_epoch: LeaderEpoch,
    loaded: bool,
    /// Transactions whose markers came while the log was read.
    ended_meanwhile: Vec<TransactionEnd>,
    /// What the log held when it was read is before every marker that came since.
    loaded_before: WriteId,
    /// The groups with offsets of open transactions, and perhaps some that had.
    in_transactions: BTreeSet<String>,
}

impl Coordinator {
    /// A coordinator without partitions. `partition_count` is that of `__consumer_offsets`.
    pub(crate) fn new(config: Config, partition_count: i32, now: Now) -> Self {
        let mut outstanding = Outstanding::default();
        let first_check = now
            .monotonic
            .saturating_add(config.retention_check_interval);
        outstanding.deadlines.set(Deadline::Retention, first_check);
        Self {
            config,
            partition_count: partition_count.max(1),
            partitions: BTreeMap::new(),
            groups: BTreeMap::new(),
            topics: Topics::default(),
            overrides: BTreeMap::new(),
            outstanding,
        }
    }

    /// `__consumer_offsets` exists with this many partitions.
    pub(crate) fn set_partition_count(&mut self, partition_count: i32) {
        self.partition_count = partition_count.max(1);
    }

    /// The partition of `__consumer_offsets` that keeps this group.
    pub(crate) fn partition_for(&self, group: &str) -> i32 {
        partition_for(group, self.partition_count)
    }

    /// What the next write will be called: those before it are in the log before whatever is appended from now on.
    pub(crate) fn next_write(&self) -> WriteId {
        WriteId(self.outstanding.next_write)
    }

    /// When [`Event::Tick`] has something to do next.
    pub(crate) fn next_deadline(&self) -> Option<Duration> {
        self.outstanding.deadlines.next()
    }

    /// Decides. Effects are to be carried out in their order.
    pub(crate) fn step(&mut self, event: Event, now: Now) -> Vec<Effect> {
        let mut effects = Vec::new();
        match event {
            Event::Request { id, request } => self.request(id, request, now, &mut effects),
            Event::Tick => self.tick(now, &mut effects),
            Event::Stored { write, result } => self.stored(write, result, now, &mut effects),
            Event::TransactionEnded {
                partition,
                end,
                before,
            } => self.transaction_ended(partition, end, before),
            Event::LoadStarted {
                partition,
                leader_epoch,
            } => self.load_started(partition, leader_epoch, now, &mut effects),
            Event::Loaded {
                partition,
                leader_epoch,
                replay,
            } => {
                let offsets_partition = OffsetsPartition {
                    partition,
                    leader_epoch,
                };
                self.loaded(offsets_partition, *replay, now, &mut effects);
            }
            Event::Resigned { partition } => {
                self.partitions.remove(&partition);
                self.unload(partition, now, &mut effects);
            }
            Event::TopicsChanged { topics } => self.topics.replace(topics),
            Event::GroupConfigsChanged { overrides } => self.overrides = overrides,
            Event::TopicsDeleted { topics } => {
                self.forget_everywhere(now, &mut effects, |group| {
                    let offsets = group.offsets.keys().chain(group.pending_commits.keys());
                    let offsets = offsets.chain(group.transactional_offsets.partitions());
                    offsets
                        .filter(|at| topics.contains(&at.topic))
                        .cloned()
                        .collect()
                });
            }
        }
        effects
    }

    /// Where the group lives, if that is here and loaded.
    fn offsets_partition_of(&self, group: &str) -> Result<OffsetsPartition, ErrorCode> {
        let partition = self.partition_for(group);
        match self.partitions.get(&partition) {
            None => Err(ErrorCode::NotCoordinator),
            Some(led) if !led.loaded => Err(ErrorCode::CoordinatorLoadInProgress),
            Some(led) => Ok(OffsetsPartition {
                partition,
                leader_epoch: led.leader_epoch,
            }),
        }
    }

    /// Whether the partition's log is still to be read, under this epoch.
    pub(crate) fn is_awaiting_load(&self, partition: i32, leader_epoch: LeaderEpoch) -> bool {
        self.partitions
            .get(&partition)
            .is_some_and(|led| led.leader_epoch == leader_epoch && !led.loaded)
    }

    fn is_loading(&self) -> bool {
        self.partitions.values().any(|led| !led.loaded)
    }

    /// Lets a group act; `None`: there is none of this name.
    fn with_group<T>(
        &mut self,
        group: &str,
        now: Now,
        effects: &mut Vec<Effect>,
        act: impl FnOnce(&mut Group, &mut Turn<'_>) -> T,
    ) -> Option<T> {
        let group = self.groups.get_mut(group)?;
        let mut turn = Turn {
            now,
            config: &self.config,
            topics: &self.topics,
            overrides: &self.overrides,
            outstanding: &mut self.outstanding,
            effects,
        };
        Some(act(group, &mut turn))
    }

    fn tick(&mut self, now: Now, effects: &mut Vec<Effect>) {
        while let Some(due) = self.outstanding.deadlines.pop_due(now.monotonic) {
            match due {
                Deadline::Join { group } => {
                    self.with_group(&group, now, effects, Group::join_is_due);
                }
                Deadline::Sync { group } => {
                    self.with_group(&group, now, effects, Group::sync_is_due);
                }
                Deadline::Session { group, member_id } => {
                    self.with_group(&group, now, effects, |group, turn| {
                        group.session_is_due(&member_id, turn);
                    });
                }
                Deadline::Pending { group, member_id } => {
                    self.with_group(&group, now, effects, |group, turn| {
                        group.remove_pending(&member_id, turn);
                    });
                }
                Deadline::Revocation { group, member_id } => {
                    self.with_group(&group, now, effects, |group, turn| {
                        group.revocation_is_due(&member_id, turn);
                    });
                }
                Deadline::Expressions { group } => {
                    self.with_group(&group, now, effects, Group::expressions_are_due);
                }
                Deadline::Retention => self.expire_offsets(now, effects),
            }
        }
    }

    fn expire_offsets(&mut self, now: Now, effects: &mut Vec<Effect>) {
        let next = now
            .monotonic
            .saturating_add(self.config.retention_check_interval);
        self.outstanding.deadlines.set(Deadline::Retention, next);
        let retention_ms = self.config.offsets_retention_ms;
        self.forget_everywhere(now, effects, |group| {
            group.expired_offsets(now.wall_ms, retention_ms)
        });
    }

    /// Deletes some offsets of every group, and the groups that are empty then.
    fn forget_everywhere(
        &mut self,
        now: Now,
        effects: &mut Vec<Effect>,
        which: impl Fn(&Group) -> Vec<TopicPartition>,
    ) {
        let ids: Vec<String> = self.groups.keys().cloned().collect();
        for id in ids {
            let gone = self.with_group(&id, now, effects, |group, turn| {
                let partitions = which(group);
                group.forget_offsets(&partitions, AfterWrite::Nothing, turn)
            });
            if gone == Some(true) {
                self.groups.remove(&id);
            }
        }
    }
}
