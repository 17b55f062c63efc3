//! Folds observations into what is known of the cluster.

use std::time::Duration;

use super::{
    Acks, Cluster, ClusterSeen, Delivery, Flow, Group, Observation, Partition, Process,
    ProcessName, Receipt, RecordSeen, Status, Word,
    cluster::{Read, broker_of_znodes},
    process::Expired,
};
use crate::state::Timestamp;
use wire::{
    BrokerId, GroupState, Offset, TopicPartition,
    report::{MemberStep, PartitionOffset, Report, ReportLine},
};

/// Reads kept to be matched with acknowledgements that come later.
const RECENT_READS_MAX: usize = 64;

/// Groups that are known at once. Whoever reads from a console has a new one each time, and not all of
/// them are ever told to be gone.
const GROUPS_MAX: usize = 256;

impl Cluster {
    /// Folds one observation in.
    pub(in crate::state) fn see(&mut self, seen: &Observation, at: Timestamp) {
        match seen {
            Observation::Process { process, change } => {
                let led = match process {
                    ProcessName::Broker(broker) => self.led_by(*broker),
                    _ => Vec::new(),
                };
                let known = self
                    .processes
                    .entry(process.clone())
                    .or_insert_with(|| Process::planned(process.clone(), at));
                let was_gone = known.status.is_gone();
                known.change(change, at);
                if known.status.is_gone() && !was_gone {
                    known.led = led;
                }
                if let Some(group) = known.group.clone() {
                    self.name_members(&group);
                }
            }
            Observation::Memory { process, rss_bytes } => {
                if let Some(known) = self.processes.get_mut(process) {
                    known.rss_bytes = Some(*rss_bytes);
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
            Observation::Report { process, line } => self.see_report(process, line, at),
            Observation::Cluster(cluster) => self.see_metadata(cluster, at),
            Observation::Offsets(offsets) => {
                for known in offsets {
                    if let Some(partition) = self.partition_mut(&known.partition) {
                        partition.see_offsets(known, at);
                    }
                }
                self.sample_lags(at);
            }
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
    fn flows(
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

    fn partition_mut(&mut self, at: &TopicPartition) -> Option<&mut Partition> {
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

    fn see_metadata(&mut self, seen: &ClusterSeen, at: Timestamp) {
        self.bootstrap = seen
            .brokers
            .first()
            .map(|broker| broker.address.clone())
            .or(self.bootstrap.take());
        if let Some(controller) = seen.controller {
            self.see_controller(controller, at);
        }
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
                partition.see(seen, at);
            }
        }
    }

    fn see_controller(&mut self, controller: BrokerId, at: Timestamp) {
        if self.controller.map(|(known, _)| known) != Some(controller) {
            self.controller = Some((controller, at));
        }
    }

    fn see_report(&mut self, process: &ProcessName, line: &ReportLine, at: Timestamp) {
        let told_at = Timestamp::from_ms(line.at_ms);
        // Records come by the thousand, and say nothing of znodes.
        if !matches!(line.report, Report::Record { .. }) {
            self.znodes
                .see_report(&process.to_string(), &line.report, told_at);
        }
        match &line.report {
            Report::Registered {
                broker, session, ..
            } => {
                if let Some(known) = self.processes.get_mut(&ProcessName::Broker(*broker)) {
                    known.session = Some(*session);
                    known.session_expired = None;
                }
            }
            Report::SessionExpired {
                session,
                timeout_ms,
                ephemerals,
            } => {
                let owner = self
                    .session_owner(*session)
                    .or_else(|| broker_of_znodes(ephemerals));
                let known = owner.map(ProcessName::Broker);
                if let Some(known) = known.and_then(|name| self.processes.get_mut(&name)) {
                    known.session_expired = Some(Expired {
                        at: told_at,
                        timeout: Duration::from_millis(u64::from(*timeout_ms)),
                    });
                }
            }
            Report::ControllerElected { broker, .. } => self.see_controller(*broker, told_at),
            Report::PartitionChanged {
                topic,
                partition,
                leader,
                epoch,
                isr,
                ..
            } => {
                let place = TopicPartition::new(topic, *partition);
                if let Some(known) = self.partition_mut(&place)
                    && *epoch >= known.seen.epoch
                {
                    let mut seen = known.seen.clone();
                    seen.leader = (leader.0 >= 0).then_some(*leader);
                    seen.epoch = *epoch;
                    seen.isr.clone_from(isr);
                    known.see(&seen, at);
                }
            }
            Report::IsrChanged {
                topic,
                partition,
                leader,
                isr,
                ..
            } => {
                let place = TopicPartition::new(topic, *partition);
                if let Some(known) = self.partition_mut(&place)
                    && known.seen.leader == Some(*leader)
                {
                    let mut seen = known.seen.clone();
                    seen.isr.clone_from(isr);
                    known.see(&seen, at);
                }
            }
            report => self.see_group_report(process, report, told_at, at),
        }
    }

    fn see_group_report(
        &mut self,
        process: &ProcessName,
        report: &Report,
        told_at: Timestamp,
        at: Timestamp,
    ) {
        match report {
            Report::GroupState {
                group,
                state,
                generation,
                protocol,
                leader,
                awaited,
                rebalance_timeout_ms,
                members,
                ..
            } => {
                let known = self.group_mut(group);
                known.enter(*state, told_at);
                known.generation = Some(*generation);
                known.awaited.clone_from(awaited);
                known.leader.clone_from(leader);
                known.rebalance_timeout_ms = *rebalance_timeout_ms;
                if let Some(protocol) = protocol {
                    known.protocol.clone_from(protocol);
                }
                if matches!(state, GroupState::Stable | GroupState::Empty) {
                    known.divide(members, told_at);
                }
                if let ProcessName::Broker(broker) = process {
                    known.coordinator = Some(*broker);
                }
                self.name_members(group);
            }
            Report::GroupMember {
                group,
                member: member_id,
                client_id,
                step,
                partitions,
                ..
            } => {
                let known = self.group_mut(group);
                known.awaited.retain(|awaited| {
                    awaited != member_id || matches!(step, MemberStep::Asked | MemberStep::Synced)
                });
                let member = known.member(member_id, client_id, told_at);
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
            report => {
                self.follow_catch_up(process, report, told_at);
                self.see_consumer_report(process, report, at);
            }
        }
    }

    /// A group by its id. Where there are too many, the one that was left alone for the longest time goes.
    fn group_mut(&mut self, id: &str) -> &mut Group {
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

    fn see_consumer_report(&mut self, process: &ProcessName, report: &Report, at: Timestamp) {
        let ProcessName::Consumer(name) = process else {
            return;
        };
        let Some(consumer) = self.processes.get_mut(process) else {
            return;
        };
        if consumer.status == Status::Starting && matches!(report, Report::Assigned { .. }) {
            consumer.status = Status::Up;
            consumer.since = at;
        }
        match report {
            Report::Assigned { partitions } => consumer.assigned.extend(at_places(partitions)),
            Report::Revoked { partitions } => {
                for place in at_places(partitions) {
                    consumer.assigned.remove(&place);
                }
            }
            _ => {}
        }
        let Some(group_id) = consumer.group.clone() else {
            return;
        };
        if matches!(report, Report::Assigned { .. } | Report::Revoked { .. }) {
            self.name_members(&group_id);
        }
        if let Report::Record {
            topic,
            partition,
            offset,
            key,
            ..
        } = report
        {
            let word = Word {
                key: key.clone(),
                offset: *offset,
                at,
            };
            let place = TopicPartition::new(topic, *partition);
            self.flows(&place, |flow, place, partition| {
                flow.read(place, partition, &group_id, word);
            });
        }
        let group = self.groups.entry(group_id.clone()).or_default();
        match report {
            Report::Assigned { partitions } => {
                for reads in partitions {
                    let place = TopicPartition::new(&reads.topic, reads.partition);
                    if reads.offset.0 >= 0 {
                        group.positions.insert(place.clone(), reads.offset);
                    }
                    if let Some(member) = group.our_member(name) {
                        member.reads.insert(place);
                    }
                }
            }
            Report::Revoked { partitions } => {
                if let Some(member) = group.our_member(name) {
                    for place in at_places(partitions) {
                        member.reads.remove(&place);
                    }
                }
            }
            Report::Committed { partitions } => group.commit(partitions),
            Report::Record {
                topic,
                partition,
                offset,
                ..
            } => {
                let place = TopicPartition::new(topic, *partition);
                if let Some(delivery) = &mut self.receipt
                    && delivery.read.is_none()
                    && delivery.receipt.partition == place
                    && delivery.receipt.offset == *offset
                {
                    let after = at.since(delivery.receipt.sent_at);
                    delivery.read = Some((group_id.clone(), name.clone(), after));
                }
                self.recent_reads.push_back(Read {
                    place: place.clone(),
                    offset: *offset,
                    group: group_id,
                    consumer: name.clone(),
                    at,
                });
                if self.recent_reads.len() > RECENT_READS_MAX {
                    self.recent_reads.pop_front();
                }
                group.positions.insert(place, Offset(offset.0 + 1));
            }
            _ => {}
        }
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

fn at_places(partitions: &[PartitionOffset]) -> impl Iterator<Item = TopicPartition> {
    partitions
        .iter()
        .map(|at| TopicPartition::new(&at.topic, at.partition))
}
