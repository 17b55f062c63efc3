//! One partition's judgement: who should lead it and be in its ISR.
//!
//! A broker counts for a partition if it is registered, and was so before the state was written:
//! one that registered later was gone in between, even if nobody saw it go.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::StateWrite;
use crate::image::{ClusterImage, PartitionImage};
use wire::{BrokerId, ErrorCode, LeaderEpoch, TopicPartition};

/// Decides about partitions of one topic.
pub(super) struct Judge<'a> {
    pub(super) image: &'a ClusterImage,
    pub(super) topic_id: Uuid,
    pub(super) stopping: &'a BTreeMap<BrokerId, i64>,
    /// Whether a replica outside the ISR may lead where nobody of the ISR lives.
    pub(super) unclean: bool,
}

impl Judge<'_> {
    /// The state that the partition should have, if it is another one than it has.
    pub(super) fn state(
        &self,
        at: &TopicPartition,
        partition: &PartitionImage,
    ) -> Option<StateWrite> {
        if !partition.has_state() {
            return self.first_state(at, partition);
        }
        let steady = self.steady(partition);
        if !steady.is_empty() {
            let staying = self.staying(partition, steady);
            let leader = partition.leader.filter(|leader| staying.contains(leader));
            let leader = leader.or_else(|| preferred_of(&partition.replicas, &staying));
            if leader == partition.leader && staying == partition.isr {
                return None;
            }
            let why = self.why_without(partition, &staying);
            return Some(self.write(at, partition, leader, staying, why));
        }
        // Nobody of the ISR was there all the time. Who is back has every acknowledged record.
        let back: Vec<BrokerId> = only(&in_sync(partition), |id| self.is_live(id));
        if let Some(leader) = preferred_of(&partition.replicas, &back) {
            let why = format!("broker {leader} is back");
            return Some(self.elected(at, partition, leader, back, why));
        }
        if self.unclean
            && let Ok(write) = self.unclean(at, partition)
        {
            return Some(write);
        }
        partition.leader?;
        let why = self.why_without(partition, &[]);
        Some(self.write(at, partition, None, partition.isr.clone(), why))
    }

    /// The first replica becomes the leader, if it is in sync.
    pub(super) fn preferred(
        &self,
        at: &TopicPartition,
        partition: &PartitionImage,
    ) -> Result<StateWrite, ErrorCode> {
        let preferred = *partition
            .replicas
            .first()
            .ok_or(ErrorCode::PreferredLeaderNotAvailable)?;
        if partition.leader == Some(preferred) {
            return Err(ErrorCode::ElectionNotNeeded);
        }
        let may_lead =
            self.steady(partition).contains(&preferred) && !self.stopping.contains_key(&preferred);
        if !may_lead {
            return Err(ErrorCode::PreferredLeaderNotAvailable);
        }
        let isr = partition.isr.clone();
        Ok(self.elected(at, partition, preferred, isr, "preferred leader".into()))
    }

    /// A live replica becomes the leader, where no replica in sync lives.
    pub(super) fn unclean(
        &self,
        at: &TopicPartition,
        partition: &PartitionImage,
    ) -> Result<StateWrite, ErrorCode> {
        if !partition.has_state() {
            return Err(ErrorCode::EligibleLeadersNotAvailable);
        }
        if partition.isr.iter().any(|id| self.is_live(*id)) {
            return Err(ErrorCode::ElectionNotNeeded);
        }
        let live = only(&partition.replicas, |id| self.is_live(id));
        let leader = *live.first().ok_or(ErrorCode::EligibleLeadersNotAvailable)?;
        let why = "unclean election: nobody in sync lives".into();
        Ok(self.elected(at, partition, leader, vec![leader], why))
    }

    /// The replicas of a reassignment that reached its end, and whose state says so already.
    pub(super) fn reassigned(partition: &PartitionImage) -> Option<Vec<BrokerId>> {
        let target = target(partition)?;
        let arrived = target.iter().all(|id| partition.isr.contains(id));
        let left = partition.isr.iter().all(|id| target.contains(id))
            && partition
                .leader
                .is_some_and(|leader| target.contains(&leader));
        (arrived && left).then_some(target)
    }

    fn first_state(&self, at: &TopicPartition, partition: &PartitionImage) -> Option<StateWrite> {
        let live = only(&partition.replicas, |id| self.is_live(id));
        let isr = self.without_stopping(live);
        let leader = *isr.first()?;
        Some(StateWrite {
            at: at.clone(),
            topic_id: self.topic_id,
            before: partition.clone(),
            leader: Some(leader),
            leader_broker_epoch: self.broker_epoch(leader),
            leader_epoch: LeaderEpoch(0),
            isr,
            why: "new partition".into(),
        })
    }

    fn is_live(&self, id: BrokerId) -> bool {
        self.image.brokers.contains_key(&id)
    }

    /// Those of the ISR that live and lived when the state was written; and the leader, when it was elected.
    fn steady(&self, partition: &PartitionImage) -> Vec<BrokerId> {
        only(&in_sync(partition), |id| {
            if partition.leader == Some(id) {
                return self.image.valid_leader(partition).is_some();
            }
            let node = self.image.brokers.get(&id);
            node.is_some_and(|node| node.epoch < partition.mzxid)
        })
    }

    fn broker_epoch(&self, leader: BrokerId) -> Option<i64> {
        self.image.brokers.get(&leader).map(|node| node.epoch)
    }

    /// Those of a live ISR that shall stay: not who stops, nor who a finished reassignment removes.
    fn staying(&self, partition: &PartitionImage, steady: Vec<BrokerId>) -> Vec<BrokerId> {
        let staying = self.without_stopping(steady);
        match target(partition) {
            Some(target) if target.iter().all(|id| staying.contains(id)) => {
                only(&staying, |id| target.contains(&id))
            }
            _ => staying,
        }
    }

    /// Leaves out who stops, unless nobody else is left.
    fn without_stopping(&self, ids: Vec<BrokerId>) -> Vec<BrokerId> {
        let going_on = only(&ids, |id| !self.stopping.contains_key(&id));
        if going_on.is_empty() { ids } else { going_on }
    }

    /// A state with this leader; its epoch rises only if that is another one.
    fn write(
        &self,
        at: &TopicPartition,
        partition: &PartitionImage,
        leader: Option<BrokerId>,
        isr: Vec<BrokerId>,
        why: String,
    ) -> StateWrite {
        let rise = i32::from(leader != partition.leader);
        StateWrite {
            at: at.clone(),
            topic_id: self.topic_id,
            before: partition.clone(),
            leader,
            leader_broker_epoch: leader.and_then(|leader| self.broker_epoch(leader)),
            leader_epoch: LeaderEpoch(partition.leader_epoch.0 + rise),
            isr,
            why,
        }
    }

    /// A state with a newly elected leader: also the same broker, after a restart, begins a new epoch.
    fn elected(
        &self,
        at: &TopicPartition,
        partition: &PartitionImage,
        leader: BrokerId,
        isr: Vec<BrokerId>,
        why: String,
    ) -> StateWrite {
        StateWrite {
            leader_epoch: LeaderEpoch(partition.leader_epoch.0 + 1),
            ..self.write(at, partition, Some(leader), isr, why)
        }
    }

    /// Why those who are missing from the new ISR are missing.
    fn why_without(&self, partition: &PartitionImage, staying: &[BrokerId]) -> String {
        let mut reasons: Vec<String> = Vec::new();
        for id in &partition.isr {
            if staying.contains(id) {
                continue;
            }
            reasons.push(match self.image.brokers.get(id) {
                None => format!("broker {id} is gone"),
                Some(node) if node.epoch > partition.mzxid => format!("broker {id} was restarted"),
                Some(_)
                    if partition.leader == Some(*id)
                        && self.image.valid_leader(partition).is_none() =>
                {
                    format!("broker {id} was restarted")
                }
                Some(_) if self.stopping.contains_key(id) => "controlled shutdown".into(),
                Some(_) => "reassignment".into(),
            });
        }
        if reasons.is_empty() {
            reasons.push("its leader is not in sync".into());
        }
        reasons.dedup();
        reasons.join(", ")
    }
}

/// Where a reassignment leads to; `None` where none is under way.
fn target(partition: &PartitionImage) -> Option<Vec<BrokerId>> {
    let under_way = !(partition.adding.is_empty() && partition.removing.is_empty());
    under_way.then(|| only(&partition.replicas, |id| !partition.removing.contains(&id)))
}

fn only(ids: &[BrokerId], keep: impl Fn(BrokerId) -> bool) -> Vec<BrokerId> {
    ids.iter().copied().filter(|id| keep(*id)).collect()
}

/// The replicas in sync. Where a move that was called off left none, those that were: they keep their logs until
/// others have caught up. Beside replicas they do not count: one that left may have removed its log and
/// have been written into the ISR again by a leader that did not know.
fn in_sync(partition: &PartitionImage) -> Vec<BrokerId> {
    let replicas = only(&partition.isr, |id| partition.replicas.contains(&id));
    if replicas.is_empty() {
        partition.isr.clone()
    } else {
        replicas
    }
}

/// Of these, the first in the order of preference.
fn preferred_of(replicas: &[BrokerId], among: &[BrokerId]) -> Option<BrokerId> {
    let mut ids = replicas.iter().chain(among);
    ids.find(|id| among.contains(id)).copied()
}
