//! One step of the coordinator while it runs: the time, the rules, and what comes out.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;

use super::consumer::{ConsumerConfig, ConsumerOverrides, StoredChange, Topics};
use super::deadlines::{Deadline, Deadlines};
use super::event::{Effect, Now, Producer, RequestId, Response, StoredRecord, WriteId};
use super::group::OffsetsPartition;
use super::member::Member;
use super::offset_commit_record::OffsetAndMetadata;
use wire::report::Report;
use wire::{BrokerId, ErrorCode, TopicPartition};

/// The settings that groups obey.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    pub broker: BrokerId,
    pub session_timeout_min_ms: i32,
    pub session_timeout_max_ms: i32,
    pub initial_rebalance_delay: Duration,
    pub group_size_max: usize,
    /// How long offsets of a group without members are kept.
    pub offsets_retention_ms: i64,
    pub retention_check_interval: Duration,
    pub offset_metadata_bytes_max: usize,
    /// How long a new member's first `JoinGroup` may be held.
    pub new_member_join_timeout: Duration,
    pub consumer: ConsumerConfig,
}

/// What happens once a write is committed, or was refused.
#[derive(Debug)]
pub(crate) enum AfterWrite {
    /// Nobody waits: offsets expired, or a group became empty.
    Nothing,
    /// Everybody gets its assignment.
    Assign {
        generation: i32,
        assignments: BTreeMap<String, Bytes>,
    },
    /// A static member came back under a new member id.
    Replace(Box<Replacement>),
    /// Offsets are answered in the order asked; those with an error were not written.
    Commit {
        to: RequestId,
        /// Whose transaction they belong to.
        producer: Option<Producer>,
        offsets: Vec<(TopicPartition, OffsetAndMetadata, ErrorCode)>,
    },
    /// Members of the consumer protocol hear of a change.
    ChangeConsumerGroup(StoredChange),
    /// The group is gone.
    DeleteGroup { to: RequestId },
    /// The offsets are gone.
    DeleteOffsets {
        to: RequestId,
        results: Vec<(TopicPartition, ErrorCode)>,
    },
}

/// A static member's old and new self.
#[derive(Debug)]
pub(crate) struct Replacement {
    pub to: RequestId,
    pub generation: i32,
    pub member_id: String,
    /// Put back if the write fails.
    pub old: Member,
    pub leader_before: Option<String>,
    pub supports_skipping_assignment: bool,
}

/// A write on its way.
#[derive(Debug)]
pub(crate) struct PendingWrite {
    pub group: String,
    /// A write of an earlier leadership changes nothing any more.
    pub offsets_partition: OffsetsPartition,
    pub then: AfterWrite,
}

/// What outlives a step: deadlines and writes whose outcome is not known.
#[derive(Debug, Default)]
pub(crate) struct Outstanding {
    pub deadlines: Deadlines,
    pub writes: BTreeMap<WriteId, PendingWrite>,
    pub next_write: u64,
}

/// Everything a group needs to act: borrowed for one step.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    pub now: Now,
    pub config: &'a Config,
    pub topics: &'a Topics,
    pub overrides: &'a BTreeMap<String, ConsumerOverrides>,
    pub outstanding: &'a mut Outstanding,
    pub effects: &'a mut Vec<Effect>,
}

impl Turn<'_> {
    pub(crate) fn respond(&mut self, to: RequestId, response: Response) {
        self.effects.push(Effect::Respond { to, response });
    }

    pub(crate) fn report(&mut self, report: Report) {
        self.effects.push(Effect::Report(report));
    }

    /// Appends records to the group's partition; [`AfterWrite`] follows the outcome.
    pub(crate) fn write(
        &mut self,
        group: &str,
        offsets_partition: OffsetsPartition,
        records: Vec<StoredRecord>,
        then: AfterWrite,
    ) -> WriteId {
        self.write_of(None, group, offsets_partition, records, then)
    }

    /// The same as part of a producer's transaction.
    pub(crate) fn write_of(
        &mut self,
        producer: Option<Producer>,
        group: &str,
        offsets_partition: OffsetsPartition,
        records: Vec<StoredRecord>,
        then: AfterWrite,
    ) -> WriteId {
        let write = WriteId(self.outstanding.next_write);
        self.outstanding.next_write += 1;
        let pending = PendingWrite {
            group: group.to_owned(),
            offsets_partition,
            then,
        };
        self.outstanding.writes.insert(write, pending);
        self.effects.push(Effect::Store {
            write,
            partition: offsets_partition.partition,
            leader_epoch: offsets_partition.leader_epoch,
            producer,
            records,
        });
        write
    }

    /// The records of a write that was decided in this step: until it is over, nothing was appended.
    pub(crate) fn unsent(&mut self, of: WriteId) -> Option<&mut Vec<StoredRecord>> {
        self.effects
            .iter_mut()
            .rev()
            .find_map(|effect| match effect {
                Effect::Store { write, records, .. } if *write == of => Some(records),
                _ => None,
            })
    }

    /// What a group of the consumer protocol obeys.
    pub(crate) fn consumer_config(&self, group: &str) -> ConsumerConfig {
        let own = self.overrides.get(group).copied().unwrap_or_default();
        self.config.consumer.with(own)
    }

    pub(crate) fn set_deadline(&mut self, deadline: Deadline, after: Duration) {
        let at = self.now.monotonic.saturating_add(after);
        self.outstanding.deadlines.set(deadline, at);
    }

    pub(crate) fn clear_deadline(&mut self, deadline: &Deadline) {
        self.outstanding.deadlines.clear(deadline);
    }

    pub(crate) fn set_session(&mut self, group: &str, member_id: &str, after: Duration) {
        self.set_deadline(session(group, member_id), after);
    }

    /// Forgets both what a member and what a pending id is waited for.
    pub(crate) fn clear_session(&mut self, group: &str, member_id: &str) {
        self.clear_deadline(&session(group, member_id));
        self.clear_deadline(&pending(group, member_id));
    }
}

pub(crate) fn session(group: &str, member_id: &str) -> Deadline {
    Deadline::Session {
        group: group.to_owned(),
        member_id: member_id.to_owned(),
    }
}

pub(crate) fn pending(group: &str, member_id: &str) -> Deadline {
    Deadline::Pending {
        group: group.to_owned(),
        member_id: member_id.to_owned(),
    }
}
