//! Partitions of `__consumer_offsets` come and go: their groups are loaded and dropped.

use std::collections::BTreeSet;

use super::deadlines::Deadline;
use super::event::{Effect, JoinResponse, Now, Response, SyncResponse, WriteId};
use super::group::{Group, OffsetsPartition};
use super::loading::Replay;
use super::turn::Turn;
use super::{Coordinator, LedPartition, partition_for};
use wire::report::Report;
use wire::{ErrorCode, LeaderEpoch};

impl Coordinator {
    pub(super) fn load_started(
        &mut self,
        partition: i32,
        leader_epoch: LeaderEpoch,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        // Led again under another epoch: another broker may have led in between.
        self.unload(partition, now, effects);
        let led = LedPartition {
            leader_epoch,
            loaded: false,
            ended_meanwhile: Vec::new(),
            loaded_before: WriteId(0),
            in_transactions: BTreeSet::new(),
        };
        self.partitions.insert(partition, led);
    }

    pub(super) fn loaded(
        &mut self,
        offsets_partition: OffsetsPartition,
        mut replay: Replay,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        let led = self.partitions.get_mut(&offsets_partition.partition);
        let Some(led) = led.filter(|led| led.leader_epoch == offsets_partition.leader_epoch) else {
            // Led under a newer epoch by now, or not at all.
            return;
        };
        led.loaded = true;
        for end in led.ended_meanwhile.drain(..) {
            replay.end_transaction(&end);
        }
        let first_write = WriteId(self.outstanding.next_write);
        self.outstanding.next_write += replay.records_count();
        led.loaded_before = WriteId(self.outstanding.next_write);
        let mut loaded = Vec::new();
        for group in replay.into_groups(offsets_partition, first_write) {
            if partition_for(&group.id, self.partition_count) != offsets_partition.partition {
                continue;
            }
            loaded.push(group.id.clone());
            if !group.transactional_offsets.is_empty() {
                led.in_transactions.insert(group.id.clone());
            }
            self.groups.insert(group.id.clone(), group);
        }
        effects.push(Effect::Report(Report::GroupsLoaded {
            broker: self.config.broker,
            partition: offsets_partition.partition,
            epoch: offsets_partition.leader_epoch,
            groups: loaded.clone(),
        }));
        for id in loaded {
            self.with_group(&id, now, effects, Group::was_loaded);
        }
    }

    /// Drops the groups of a partition; whoever waits looks for the new coordinator.
    pub(super) fn unload(&mut self, partition: i32, now: Now, effects: &mut Vec<Effect>) {
        let ids: Vec<String> = self
            .groups
            .values()
            .filter(|group| group.offsets_partition.partition == partition)
            .map(|group| group.id.clone())
            .collect();
        for id in ids {
            self.with_group(&id, now, effects, Group::unload);
            self.groups.remove(&id);
        }
    }
}

impl Group {
    /// Members have their whole session timeout to find this broker.
    fn was_loaded(&mut self, turn: &mut Turn<'_>) {
        let why = format!(
            "read from __consumer_offsets-{} by broker {}",
            self.offsets_partition.partition, turn.config.broker
        );
        if self.consumer.is_some() {
            self.consumer_was_loaded(why.into(), turn);
            return;
        }
        self.report_state(&why.into(), turn);
        for member_id in self.members.keys().cloned().collect::<Vec<_>>() {
            self.heard(&member_id, turn);
        }
        if self.members.len() > turn.config.group_size_max {
            let why = format!(
                "the group has more members than {}",
                turn.config.group_size_max
            );
            self.prepare_rebalance(&why.into(), turn);
        }
    }

    fn unload(&mut self, turn: &mut Turn<'_>) {
        self.forget_members(turn);
        turn.clear_deadline(&Deadline::Join {
            group: self.id.clone(),
        });
        turn.clear_deadline(&Deadline::Sync {
            group: self.id.clone(),
        });
        for member_id in &self.pending_members {
            turn.clear_session(&self.id, member_id);
        }
        for member in self.members.values_mut() {
            turn.clear_session(&self.id, &member.member_id);
            if let Some(to) = member.awaiting_join.take() {
                let response = JoinResponse::error(&*member.member_id, ErrorCode::NotCoordinator);
                turn.respond(to, Response::Join(response));
            }
            if let Some(to) = member.awaiting_sync.take() {
                let response = SyncResponse::error(ErrorCode::NotCoordinator);
                turn.respond(to, Response::Sync(response));
            }
        }
    }
}
