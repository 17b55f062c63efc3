//! Turns reports into facts.

use std::time::Duration;

use super::{
    Cluster, ProcessName,
    cluster::broker_of_znodes,
    fact::{
        Assigned, Cause, Change, Fact, GroupChange, MemberChange, Moved, Share, Told,
        TransactionMoved,
    },
};
use crate::state::Timestamp;
use wire::{
    BrokerId, TopicPartition,
    report::{
        GroupCause, MemberName, MemberPartitions, MemberStep, PartitionOffset, Report, ReportLine,
    },
};

impl Cluster {
    /// Folds a report in, and says what it came to.
    pub(super) fn see_report(
        &mut self,
        process: &ProcessName,
        line: &ReportLine,
        at: Timestamp,
    ) -> Option<Fact> {
        let told = Told {
            at: Timestamp::from_ms(line.at_ms),
            by: process.clone(),
            change: self.change(process, &line.report)?,
        };
        let catches_up = self.is_catching_up(process);
        self.take_in(&told, at);
        // Records come by the thousand: one says nothing, unless it was waited for.
        let told = if matches!(told.change, Change::Read { .. }) {
            let caught_up = catches_up && !self.is_catching_up(process);
            caught_up.then(|| self.caught_up_by(process)).flatten()?
        } else {
            told
        };
        Some(Fact::Told(told))
    }

    /// What a report says, beside what was known before it; `None`: nothing that is asked of it.
    fn change(&self, process: &ProcessName, report: &Report) -> Option<Change> {
        Some(match report {
            Report::Ready { .. }
            | Report::SessionOpened { .. }
            | Report::GroupsLoaded { .. }
            | Report::ClientError { .. } => return None,
            Report::SessionExpired {
                session,
                timeout_ms,
                ephemerals,
            } => self.session_ended(*session, Some(*timeout_ms), ephemerals),
            Report::SessionClosed {
                session,
                ephemerals,
            } => self.session_ended(*session, None, ephemerals),
            Report::WatchFired {
                path,
                change,
                sessions,
            } => Change::WatchFired {
                path: path.clone(),
                change: *change,
                sessions: sessions.clone(),
            },
            Report::WatchSeen { broker, path } => Change::WatchSeen {
                broker: *broker,
                path: path.clone(),
            },
            Report::Registered {
                broker, session, ..
            } => Change::Registered {
                broker: *broker,
                session: *session,
            },
            Report::ControllerElected {
                broker,
                controller_epoch,
            } => Change::ControllerElected {
                broker: *broker,
                before: self.controller.map(|(before, _)| before),
                controller_epoch: *controller_epoch,
            },
            Report::TopicCreated { topic, partitions } => Change::TopicCreated {
                topic: topic.clone(),
                partitions: partitions.clone(),
            },
            Report::TopicDeleted { topic } => Change::TopicDeleted {
                topic: topic.clone(),
            },
            Report::PartitionChanged { .. }
            | Report::ReassignmentFinished { .. }
            | Report::IsrChanged { .. }
            | Report::LogTruncated { .. }
            | Report::FollowerStalled { .. }
            | Report::LogRecovered { .. } => return of_partition(report),
            Report::GroupState { .. } => return self.group_change(report),
            Report::GroupMember { .. } => return self.member_change(report),
            Report::TransactionState { .. }
            | Report::MarkerWritten { .. }
            | Report::Transaction { .. }
            | Report::TransactionRefused { .. }
            | Report::Delivered { .. } => return self.of_transaction(process, report),
            Report::Assigned { partitions } => {
                Change::Assigned(self.assigned(process, partitions).collect())
            }
            Report::Revoked { partitions } => {
                Change::Revoked(partitions.iter().map(place_of).collect())
            }
            Report::Committed { partitions } => {
                let places = partitions.iter().map(|it| (place_of(it), it.offset));
                Change::Committed(places.collect())
            }
            Report::Record {
                topic,
                partition,
                offset,
                timestamp_ms,
                key,
                ..
            } => Change::Read {
                place: TopicPartition::new(topic, *partition),
                offset: *offset,
                key: key.clone(),
                written_ms: *timestamp_ms,
            },
        })
    }

    /// What brokers and our own producers tell of transactions.
    fn of_transaction(&self, process: &ProcessName, report: &Report) -> Option<Change> {
        Some(match report {
            Report::TransactionState { .. } => return transaction_moved(process, report),
            Report::MarkerWritten {
                topic,
                partition,
                offset,
                producer_id,
                commit,
                ..
            } => Change::MarkerWritten {
                broker: broker_of(process)?,
                place: TopicPartition::new(topic, *partition),
                offset: *offset,
                transactional_id: self.transactional_id_of(*producer_id).map(str::to_owned),
                commit: *commit,
            },
            Report::Transaction { step } => Change::Transaction { step: *step },
            Report::TransactionRefused { step, error, fatal } => Change::TransactionRefused {
                step: *step,
                error: error.clone(),
                fatal: *fatal,
            },
            Report::Delivered {
                topic,
                partition,
                error,
                ..
            } => Change::Delivered {
                place: TopicPartition::new(topic, *partition),
                error: error.clone(),
            },
            _ => return None,
        })
    }

    fn session_ended(
        &self,
        session: i64,
        expired_after_ms: Option<u32>,
        ephemerals: &[String],
    ) -> Change {
        let owner = self.session_owner(session);
        Change::SessionEnded {
            session,
            owner: owner.or_else(|| broker_of_znodes(ephemerals)),
            expired_after_ms,
            ephemerals: ephemerals.to_vec(),
        }
    }

    fn group_change(&self, report: &Report) -> Option<Change> {
        let Report::GroupState {
            group,
            state,
            generation,
            why,
            protocol,
            leader,
            awaited,
            rebalance_timeout_ms,
            members,
            before,
        } = report
        else {
            return None;
        };
        let shares = |members: &[MemberPartitions]| {
            let share = |holds: &MemberPartitions| Share {
                name: self.member_name(
                    group,
                    &MemberName {
                        member: holds.member.clone(),
                        client_id: holds.client_id.clone(),
                    },
                ),
                holds: holds.clone(),
            };
            members.iter().map(share).collect()
        };
        Some(Change::Group(Box::new(GroupChange {
            group: group.clone(),
            state: *state,
            generation: *generation,
            protocol: protocol.clone(),
            leader: leader.clone(),
            awaited: awaited.clone(),
            rebalance_timeout_ms: *rebalance_timeout_ms,
            why: self.cause(group, why),
            division: Moved::new(shares(before), shares(members)),
        })))
    }

    fn member_change(&self, report: &Report) -> Option<Change> {
        let Report::GroupMember {
            group,
            member,
            client_id,
            step,
            partitions,
            why,
            ..
        } = report
        else {
            return None;
        };
        let told = MemberName {
            member: member.clone(),
            client_id: client_id.clone(),
        };
        let known = self.groups.get(group);
        let known = known.and_then(|group| group.members.get(member)?.step);
        Some(Change::Member(Box::new(MemberChange {
            name: self.member_name(group, &told),
            was_member: known.is_some_and(|step| step != MemberStep::Asked),
            group: group.clone(),
            member: told.member,
            client_id: told.client_id,
            step: *step,
            partitions: partitions.clone(),
            why: self.cause(group, why),
        })))
    }

    fn cause(&self, group: &str, told: &GroupCause) -> Cause {
        let names = told.who.iter().map(|who| self.member_name(group, who));
        Cause {
            who: names.collect(),
            why: told.why.clone(),
        }
    }

    /// What a consumer of ours reads from now on.
    fn assigned<'a>(
        &'a self,
        process: &'a ProcessName,
        partitions: &'a [PartitionOffset],
    ) -> impl Iterator<Item = Assigned> + 'a {
        let consumer = self.processes.get(process);
        let group = consumer.and_then(|consumer| self.groups.get(consumer.group.as_ref()?));
        partitions.iter().map(move |reads| {
            let place = place_of(reads);
            let stood = group.and_then(|group| group.positions.get(&place));
            let reader = group.and_then(|group| group.reader(&place));
            let is_its_own = match process {
                ProcessName::Consumer(name) => reader == Some(name),
                ProcessName::Broker(_) | ProcessName::Producer(_) | ProcessName::ZooKeeper => false,
            };
            Assigned {
                offset: reads.offset,
                committed: group.and_then(|group| group.committed.get(&place).copied()),
                goes_on: stood == Some(&reads.offset) && is_its_own,
                place,
            }
        })
    }
}

fn broker_of(process: &ProcessName) -> Option<BrokerId> {
    match process {
        ProcessName::Broker(id) => Some(*id),
        _ => None,
    }
}

fn transaction_moved(process: &ProcessName, report: &Report) -> Option<Change> {
    let Report::TransactionState {
        transactional_id,
        producer_id,
        epoch_before,
        epoch,
        state_before,
        state,
        partitions,
        start_ms,
        timeout_ms,
        why,
    } = report
    else {
        return None;
    };
    Some(Change::TransactionMoved(Box::new(TransactionMoved {
        transactional_id: transactional_id.clone(),
        coordinator: broker_of(process),
        producer_id: *producer_id,
        epoch: Moved::new(*epoch_before, *epoch),
        state: Moved::new(*state_before, *state),
        partitions: partitions.clone(),
        started: (*start_ms >= 0).then(|| Timestamp::from_ms(*start_ms)),
        timeout: Duration::from_millis(u64::try_from(*timeout_ms).unwrap_or_default()),
        why: *why,
    })))
}

/// What brokers tell of a partition.
fn of_partition(report: &Report) -> Option<Change> {
    Some(match report {
        Report::PartitionChanged {
            topic,
            partition,
            leader_before,
            leader,
            epoch_before,
            epoch,
            isr_before,
            isr,
            ..
        } => Change::StateWritten {
            place: TopicPartition::new(topic, *partition),
            leader: Moved::new(*leader_before, *leader),
            epoch: Moved::new(*epoch_before, *epoch),
            isr: Moved::new(isr_before.clone(), isr.clone()),
        },
        Report::IsrChanged {
            topic,
            partition,
            leader,
            isr_before,
            isr,
            ..
        } => Change::IsrWritten {
            place: TopicPartition::new(topic, *partition),
            leader: *leader,
            isr: Moved::new(isr_before.clone(), isr.clone()),
        },
        Report::ReassignmentFinished {
            topic,
            partition,
            replicas_before,
            replicas,
        } => Change::Reassigned {
            place: TopicPartition::new(topic, *partition),
            replicas: Moved::new(replicas_before.clone(), replicas.clone()),
        },
        Report::LogTruncated {
            broker,
            topic,
            partition,
            from,
            to,
        } => Change::LogTruncated {
            broker: *broker,
            place: TopicPartition::new(topic, *partition),
            end: Moved::new(*from, *to),
        },
        Report::FollowerStalled {
            broker,
            topic,
            partition,
            leader,
            offset,
            for_ms,
            why,
        } => Change::FollowerStalled {
            broker: *broker,
            place: TopicPartition::new(topic, *partition),
            leader: *leader,
            offset: *offset,
            lasts: Duration::from_millis(*for_ms),
            why: why.clone(),
        },
        Report::LogRecovered {
            broker, cut_bytes, ..
        } => Change::LogRecovered {
            broker: *broker,
            cut_bytes: *cut_bytes,
        },
        _ => return None,
    })
}

fn place_of(told: &PartitionOffset) -> TopicPartition {
    TopicPartition::new(&told.topic, told.partition)
}
