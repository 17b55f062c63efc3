//! Folds in what processes told of themselves.

use std::time::Duration;

use super::{
    Cluster, Group, ProcessName, Status, Word,
    cluster::Read,
    fact::{Change, GroupChange, MemberChange, Told},
    process::Expired,
};
use crate::state::Timestamp;
use wire::{GroupState, Offset, TopicPartition, report::MemberStep};

/// Reads kept to be matched with acknowledgements that come later.
const RECENT_READS_MAX: usize = 64;

impl Cluster {
    /// Folds a fact in that a process told.
    pub(super) fn take_in(&mut self, told: &Told, at: Timestamp) {
        self.znodes.hear(told);
        match &told.change {
            Change::Registered { broker, session } => {
                if let Some(known) = self.processes.get_mut(&ProcessName::Broker(*broker)) {
                    known.session = Some(*session);
                    known.session_expired = None;
                }
            }
            Change::SessionEnded {
                owner: Some(owner),
                expired_after_ms: Some(timeout_ms),
                ..
            } => {
                if let Some(known) = self.processes.get_mut(&ProcessName::Broker(*owner)) {
                    known.session_expired = Some(Expired {
                        at: told.at,
                        timeout: Duration::from_millis(u64::from(*timeout_ms)),
                    });
                }
            }
            Change::ControllerElected { broker, .. } => self.see_controller(*broker, told.at),
            Change::StateWritten {
                place,
                leader,
                epoch,
                isr,
            } => {
                if let Some(known) = self.partition_mut(place)
                    && epoch.after >= known.seen.epoch
                {
                    let mut seen = known.seen.clone();
                    seen.leader = (leader.after.0 >= 0).then_some(leader.after);
                    seen.epoch = epoch.after;
                    seen.isr.clone_from(&isr.after);
                    known.see(&seen, at);
                }
            }
            Change::IsrWritten { place, leader, isr } => {
                if let Some(known) = self.partition_mut(place)
                    && known.seen.leader == Some(*leader)
                {
                    let mut seen = known.seen.clone();
                    seen.isr.clone_from(&isr.after);
                    known.see(&seen, at);
                }
            }
            Change::TransactionMoved(moved) => self.transaction_moved(moved, told.at),
            Change::MarkerWritten {
                transactional_id: Some(id),
                place,
                ..
            } => self.marker_written(id, place),
            Change::Transaction { .. }
            | Change::TransactionRefused { .. }
            | Change::Delivered { .. } => self.producer_told(&told.by, &told.change, told.at),
            Change::Group(change) => self.group_moved(&told.by, change, told.at),
            Change::Member(change) => self.member_stepped(change, told.at),
            Change::Assigned(_)
            | Change::Revoked(_)
            | Change::Committed(_)
            | Change::Read { .. } => {
                self.follow_catch_up(told);
                self.consumer_told(told, at);
            }
            Change::SessionEnded { .. }
            | Change::MarkerWritten { .. }
            | Change::WatchFired { .. }
            | Change::WatchSeen { .. }
            | Change::TopicCreated { .. }
            | Change::TopicDeleted { .. }
            | Change::Reassigned { .. }
            | Change::LogTruncated { .. }
            | Change::FollowerStalled { .. }
            | Change::LogRecovered { .. }
            | Change::CaughtUp { .. } => {}
        }
    }

    fn group_moved(&mut self, by: &ProcessName, change: &GroupChange, at: Timestamp) {
        let known = self.group_mut(&change.group);
        known.enter(change.state, at);
        known.generation = Some(change.generation);
        known.awaited.clone_from(&change.awaited);
        known.leader.clone_from(&change.leader);
        known.rebalance_timeout_ms = change.rebalance_timeout_ms;
        if let Some(protocol) = &change.protocol {
            known.protocol.clone_from(protocol);
        }
        if matches!(change.state, GroupState::Stable | GroupState::Empty) {
            known.divide(&change.division.after, at);
        }
        if let ProcessName::Broker(broker) = by {
            known.coordinator = Some(*broker);
        }
        self.name_members(&change.group);
    }

    fn member_stepped(&mut self, change: &MemberChange, at: Timestamp) {
        let MemberChange {
            group,
            member: member_id,
            client_id,
            step,
            partitions,
            ..
        } = change;
        let known = self.group_mut(group);
        known.awaited.retain(|awaited| {
            awaited != member_id || matches!(step, MemberStep::Asked | MemberStep::Synced)
        });
        let member = known.member(member_id, client_id, at);
        member.step = Some(*step);
        match step {
            MemberStep::Asked => {}
            MemberStep::Synced => member.reads = partitions.iter().cloned().collect(),
            MemberStep::Joined | MemberStep::Left | MemberStep::Expired => {
                known.revoke(member_id, partitions);
            }
        }
        self.name_members(group);
    }

    fn consumer_told(&mut self, told: &Told, at: Timestamp) {
        let ProcessName::Consumer(name) = &told.by else {
            return;
        };
        let Some(consumer) = self.processes.get_mut(&told.by) else {
            return;
        };
        match &told.change {
            Change::Assigned(partitions) => {
                if consumer.status == Status::Starting {
                    consumer.status = Status::Up;
                    consumer.since = at;
                }
                let places = partitions.iter().map(|reads| reads.place.clone());
                consumer.assigned.extend(places);
                // What comes in the same moment with nothing in it is the word of a group that has nothing left.
                if !partitions.is_empty() {
                    consumer.stood.got(told.at);
                }
            }
            Change::Revoked(places) => {
                for place in places {
                    consumer.assigned.remove(place);
                }
                if !places.is_empty() {
                    consumer
                        .stood
                        .gave_up(!consumer.assigned.is_empty(), told.at);
                }
            }
            _ => {}
        }
        let Some(group_id) = consumer.group.clone() else {
            return;
        };
        match &told.change {
            Change::Assigned(_) | Change::Revoked(_) => self.name_members(&group_id),
            Change::Read {
                place, offset, key, ..
            } => {
                let word = Word {
                    key: key.clone(),
                    offset: *offset,
                    at,
                };
                self.flows(place, |flow, place, partition| {
                    flow.read(place, partition, &group_id, word);
                });
                self.record_read(&group_id, name, (place, *offset), at);
            }
            _ => {}
        }
        let group = self.groups.entry(group_id).or_default();
        group.reader_told(name, &told.change);
    }

    /// A consumer read a record: it may be the one whose acknowledgement came last.
    fn record_read(
        &mut self,
        group: &str,
        consumer: &str,
        (place, offset): (&TopicPartition, Offset),
        at: Timestamp,
    ) {
        if let Some(delivery) = &mut self.receipt
            && delivery.read.is_none()
            && delivery.receipt.partition == *place
            && delivery.receipt.offset == offset
        {
            let after = at.since(delivery.receipt.sent_at);
            delivery.read = Some((group.to_owned(), consumer.to_owned(), after));
        }
        self.recent_reads.push_back(Read {
            place: place.clone(),
            offset,
            group: group.to_owned(),
            consumer: consumer.to_owned(),
            at,
        });
        if self.recent_reads.len() > RECENT_READS_MAX {
            self.recent_reads.pop_front();
        }
    }
}

impl Group {
    /// What one of its members that is ours told of itself.
    fn reader_told(&mut self, name: &str, change: &Change) {
        match change {
            Change::Assigned(partitions) => {
                for reads in partitions {
                    if reads.offset.0 >= 0 {
                        self.positions.insert(reads.place.clone(), reads.offset);
                    }
                    if let Some(member) = self.our_member(name) {
                        member.reads.insert(reads.place.clone());
                    }
                }
            }
            Change::Revoked(places) => {
                if let Some(member) = self.our_member(name) {
                    for place in places {
                        member.reads.remove(place);
                    }
                }
            }
            Change::Committed(offsets) => self.commit(offsets),
            Change::Read {
                place,
                offset,
                written_ms,
                ..
            } => {
                self.reading.read(name, place, *offset, *written_ms);
                self.positions.insert(place.clone(), Offset(offset.0 + 1));
            }
            _ => {}
        }
    }
}
