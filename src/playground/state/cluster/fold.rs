//! Folds observations into what is known of the cluster.

use super::{
    Acks, Cluster, ClusterSeen, Delivery, Flow, Group, Observation, Partition, PartitionOffsets,
    Process, ProcessChange, ProcessName, Quorum, Receipt, RecordSeen, Word,
    fact::{Fact, LogStart, Moved, RoleSeen},
    process::Cpu,
};
use crate::state::Timestamp;
use wire::{BrokerId, Offset, TopicPartition};

/// Groups that are known at once. Whoever reads from a console has a new one each time, and not all of
/// them are ever told to be gone.
const GROUPS_MAX: usize = 256;

impl Cluster {
    /// Folds one observation in, and says what it came to that somebody may want to tell.
    pub(in crate::state) fn see(&mut self, seen: &Observation, at: Timestamp) -> Option<Fact> {
        match seen {
            Observation::Process { process, change } => {
                return Some(self.see_process(process, change, at));
            }
            Observation::Memory {
                process,
                rss_bytes,
                cpu_ms,
            } => {
                if let Some(known) = self.processes.get_mut(process) {
                    known.rss_bytes = Some(*rss_bytes);
                    known.cpu = cpu_ms.map(|used_ms| Cpu::after(known.cpu, used_ms, at));
                }
            }
            Observation::LogLines {
                process,
                file,
                lines,
            } => {
                if let Some(known) = self.processes.get_mut(process) {
                    known.log.clone_from(lines);
                    known.log_file.clone_from(file);
                }
            }
            Observation::Report { process, line } => return self.see_report(process, line, at),
            Observation::Cluster(cluster) => {
                return Some(Fact::LeadersSeen(self.see_metadata(cluster, at)));
            }
            Observation::Asks(asks) => self.asks = Some(asks.clone()),
            Observation::Software(software) => self.software = Some(software.clone()),
            Observation::Quorum(seen) => {
                let now = Quorum {
                    seen: seen.clone(),
                    silent_since: None,
                };
                return Some(Fact::QuorumSeen(self.quorum.replace(now)));
            }
            Observation::QuorumSilent { .. } => {
                if let Some(quorum) = &mut self.quorum {
                    quorum.silent_since.get_or_insert(at);
                }
            }
            Observation::Offsets(offsets) => return self.see_offsets(offsets, at),
            Observation::Records {
                partition,
                from,
                upto,
                records,
            } => {
                self.flows(partition, |flow, place, known| {
                    flow.appended(place, known, records, at);
                });
                if let Some(partition) = self.partition_mut(partition) {
                    partition.see_records(*from, *upto, records);
                }
            }
            Observation::Group(group) => {
                self.group_mut(&group.group).see(group, at);
                self.name_members(&group.group);
                self.sample_lags(at);
            }
            Observation::Transactions {
                coordinator,
                transactions,
            } => self.see_transactions(*coordinator, transactions, at),
            Observation::GroupGone { group } => {
                self.groups.remove(group);
            }
            Observation::ZooKeeper(zookeeper) => {
                self.znodes.see_watches(&zookeeper.watched);
                self.zookeeper = Some(zookeeper.clone());
            }
            Observation::Znodes(znodes) => self.znodes.see(znodes, at),
            Observation::Produced(produced) => self.produced.clone_from(produced),
            Observation::Acked(receipt) => self.see_acked(receipt, at),
            Observation::LostChecked { lost } => self.lost = *lost,
            Observation::LostByLeaderChecked { lost } => self.lost_by_leader = *lost,
            Observation::DataFolder { .. }
            | Observation::SendFailed { .. }
            | Observation::Done { .. }
            | Observation::Failed { .. }
            | Observation::Notice(_)
            | Observation::Copied(_)
            | Observation::Recording { .. }
            | Observation::Kept(_)
            | Observation::NotKept(_)
            | Observation::Wire { .. }
            | Observation::OffsetCommitted { .. }
            | Observation::Proved
            | Observation::SettingsFile { .. }
            | Observation::SettingsFileUnreadable { .. } => {}
        }
        None
    }

    fn see_process(
        &mut self,
        process: &ProcessName,
        change: &ProcessChange,
        at: Timestamp,
    ) -> Fact {
        let led = match process {
            ProcessName::Broker(broker) => self.led_by(*broker),
            ProcessName::Consumer(_) | ProcessName::Producer(_) | ProcessName::ZooKeeper => {
                Vec::new()
            }
        };
        let known = self
            .processes
            .entry(process.clone())
            .or_insert_with(|| Process::planned(process.clone(), at));
        let was_gone = known.status.is_gone();
        known.change(change, at);
        let status = known.status;
        if status.is_gone() && !was_gone {
            known.led = led;
        }
        if let Some(group) = known.group.clone() {
            self.name_members(&group);
        }
        Fact::Process {
            process: process.clone(),
            change: change.clone(),
            status,
        }
    }

    /// Retention tells nobody: the records are just gone.
    fn see_offsets(&mut self, offsets: &[PartitionOffsets], at: Timestamp) -> Option<Fact> {
        let mut deleted = Vec::new();
        for seen in offsets {
            let place = &seen.partition;
            let topic = self.topics.get(&place.topic);
            let internal = topic.is_some_and(|topic| topic.internal);
            let Some(partition) = self.partition_mut(place) else {
                continue;
            };
            let start = Moved::new(partition.log_start, seen.log_start);
            if partition.measured && start.after > start.before && !internal {
                deleted.push(LogStart {
                    place: place.clone(),
                    offset: start,
                });
            }
            partition.see_offsets(seen, at);
        }
        self.sample_lags(at);
        (!deleted.is_empty()).then_some(Fact::RecordsDeleted(deleted))
    }

    fn see_acked(&mut self, receipt: &Receipt, at: Timestamp) {
        let known = self.partition(&receipt.partition).map(|known| &known.seen);
        let isr = known.map(|seen| match receipt.acks {
            Acks::All => seen.isr.clone(),
            Acks::Leader => seen.leader.into_iter().collect(),
            Acks::None => Vec::new(),
        });
        let isr = isr.unwrap_or_default();
        let read = self
            .recent_reads
            .iter()
            .find(|read| read.place == receipt.partition && read.offset == receipt.offset)
            .map(|read| {
                let after = read.at.since(receipt.sent_at);
                (read.group.clone(), read.consumer.clone(), after)
            });
        let word = Word {
            key: receipt.key.clone(),
            offset: receipt.offset,
            at,
        };
        self.flows(&receipt.partition, |flow, place, partition| {
            flow.acknowledged(place, partition, word);
        });
        self.receipt = Some(Delivery {
            receipt: receipt.clone(),
            isr,
            read,
        });
    }

    /// Lets something flow through a partition that is known.
    pub(super) fn flows(
        &mut self,
        place: &TopicPartition,
        how: impl FnOnce(&mut Flow, &TopicPartition, &Partition),
    ) {
        // Not by `Cluster::partition`: that would borrow the flow as well.
        let topic = self.topics.get(&place.topic);
        if let Some(partition) = topic.and_then(|topic| topic.partition(place.partition)) {
            how(&mut self.flow, place, partition);
        }
    }

    pub(super) fn partition_mut(&mut self, at: &TopicPartition) -> Option<&mut Partition> {
        let index = usize::try_from(at.partition).ok()?;
        self.topics.get_mut(&at.topic)?.partitions.get_mut(index)
    }

    /// Records before the tail, for who looks back at them.
    pub(in crate::state) fn see_old_records(
        &mut self,
        at: &TopicPartition,
        (from, upto): (Offset, Offset),
        records: &[RecordSeen],
    ) {
        if let Some(partition) = self.partition_mut(at)
            && upto <= partition.tail.upto()
        {
            partition.see_records(from, upto, records);
        }
    }

    fn see_metadata(&mut self, seen: &ClusterSeen, at: Timestamp) -> Vec<RoleSeen> {
        self.bootstrap = seen
            .brokers
            .first()
            .map(|broker| broker.address.clone())
            .or(self.bootstrap.take());
        if let Some(controller) = seen.controller {
            self.see_controller(controller, at);
        }
        let mut moved = Vec::new();
        let mut gone = Vec::new();
        self.topics.retain(|name, _| {
            let stays = seen.topics.iter().any(|topic| topic.name == *name);
            if !stays {
                gone.push(name.clone());
            }
            stays
        });
        for group in self.groups.values_mut().filter(|_| !gone.is_empty()) {
            group.forget_topics(&gone);
        }
        for process in self.processes.values_mut() {
            process.assigned.retain(|at| !gone.contains(&at.topic));
        }
        self.flow
            .retain(|name| seen.topics.iter().any(|topic| topic.name == name));
        for topic in &seen.topics {
            let known = self.topics.entry(topic.name.clone()).or_default();
            known.internal = topic.internal;
            known.min_insync_replicas = topic.min_insync_replicas.or(known.min_insync_replicas);
            known.configs.clone_from(&topic.configs);
            known
                .partitions
                .resize_with(topic.partitions.len(), Partition::default);
            for (partition, seen) in known.partitions.iter_mut().zip(&topic.partitions) {
                let before = partition.role_before(seen);
                partition.see(seen, at);
                let place = || TopicPartition::new(&topic.name, seen.partition);
                moved.extend(before.and_then(|before| partition.role_since(before, place())));
            }
        }
        moved
    }

    pub(super) fn see_controller(&mut self, controller: BrokerId, at: Timestamp) {
        if self.controller.map(|(known, _)| known) != Some(controller) {
            self.controller = Some((controller, at));
        }
    }

    /// A group by its id. Where there are too many, the one that was left alone for the longest time goes.
    pub(super) fn group_mut(&mut self, id: &str) -> &mut Group {
        if self.groups.len() >= GROUPS_MAX && !self.groups.contains_key(id) {
            let oldest = self.groups.iter().min_by_key(|(_, group)| {
                let read = !group.members.is_empty();
                (read, group.since)
            });
            let oldest = oldest.map(|(id, _)| id.clone());
            oldest.and_then(|id| self.groups.remove(&id));
        }
        self.groups.entry(id.to_owned()).or_default()
    }

    pub(in crate::state) fn sample_lags(&mut self, at: Timestamp) {
        let lags: Vec<(String, i64)> = self
            .groups
            .iter()
            .map(|(id, group)| (id.clone(), self.group_lag(group)))
            .collect();
        for (id, lag) in lags {
            if let Some(group) = self.groups.get_mut(&id) {
                group.sample_lag(lag, at);
            }
        }
    }
}
