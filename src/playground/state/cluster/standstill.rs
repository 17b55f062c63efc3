//! Why a partition takes no writes, or waits with them: what its leader, its ISR and `ZooKeeper` come to.

use super::{Cluster, Group, Partition, ProcessName, Status, Topic};
use wire::{BrokerId, TopicPartition};

/// What a partition waits for. The one that only a dead broker's return can end stands first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standstill {
    /// No replica in sync lives: whoever else is there lacks records.
    Offline {
        /// Those who have it all, by id.
        isr: Vec<BrokerId>,
    },
    /// Its leader does not answer, and without `ZooKeeper` nobody is elected in its place.
    NoElection {
        /// The leader that Metadata still names.
        leader: Option<BrokerId>,
        /// Replicas in sync that live, by id.
        heirs: Vec<BrokerId>,
    },
    /// Its leader does not answer, and `ZooKeeper` still waits for its heartbeat.
    Unnoticed {
        /// The leader that Metadata still names.
        leader: BrokerId,
    },
    /// Its leader lives and waits for followers in its ISR, which nobody can take out of it without `ZooKeeper`.
    IsrStands {
        /// Those followers, by id.
        silent: Vec<BrokerId>,
    },
}

/// Too few replicas are in sync for `acks=all`: `NOT_ENOUGH_REPLICAS`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BelowMinimum {
    /// So many are.
    pub in_sync: usize,
    /// `min.insync.replicas`.
    pub needed: usize,
    /// A dead replica whose return helps.
    pub missed: Option<BrokerId>,
}

impl Standstill {
    /// Whether nobody takes writes at all; else only those wait that all in sync must have.
    #[must_use]
    pub fn is_without_leader(&self) -> bool {
        !matches!(self, Self::IsrStands { .. })
    }
}

impl Cluster {
    /// Whether this broker is known to answer nothing: it is dead or frozen.
    #[must_use]
    pub fn is_silent(&self, broker: BrokerId) -> bool {
        self.process(broker).is_some_and(|process| {
            let waits = matches!(process.status, Status::Frozen | Status::Silent);
            waits || process.status.is_gone()
        })
    }

    /// What our `ZooKeeper` does instead of answering, if it does not.
    #[must_use]
    pub fn zookeeper_away(&self) -> Option<Status> {
        let zookeeper = self.processes.get(&ProcessName::ZooKeeper)?;
        (zookeeper.status != Status::Up).then_some(zookeeper.status)
    }

    /// Whether every broker is dead.
    #[must_use]
    pub fn all_brokers_gone(&self) -> bool {
        let mut brokers = self.brokers().peekable();
        brokers.peek().is_some() && brokers.all(|broker| broker.status.is_gone())
    }

    /// What this partition waits for.
    #[must_use]
    pub fn standstill(&self, partition: &Partition) -> Option<Standstill> {
        let seen = &partition.seen;
        let (mut silent, mut live): (Vec<_>, Vec<_>) =
            seen.isr.iter().partition(|broker| self.is_silent(**broker));
        silent.sort_unstable();
        live.sort_unstable();
        if live.is_empty() && !silent.is_empty() {
            return Some(Standstill::Offline { isr: silent });
        }
        let led = seen.leader.is_some_and(|leader| !self.is_silent(leader));
        match (led, self.zookeeper_away(), seen.leader) {
            (false, Some(_), leader) if !live.is_empty() => Some(Standstill::NoElection {
                leader,
                heirs: live,
            }),
            (false, None, Some(leader)) => Some(Standstill::Unnoticed { leader }),
            (true, Some(_), _) if !silent.is_empty() => Some(Standstill::IsrStands { silent }),
            _ => None,
        }
    }

    /// What the partitions of a topic wait for, the worst first, each with those that wait for the same.
    #[must_use]
    pub fn standstills(&self, topic: &Topic) -> Vec<(Standstill, Vec<i32>)> {
        let mut found: Vec<(Standstill, Vec<i32>)> = Vec::new();
        for partition in &topic.partitions {
            let Some(standstill) = self.standstill(partition) else {
                continue;
            };
            let index = partition.seen.partition;
            match found.iter_mut().find(|(other, _)| *other == standstill) {
                Some((_, partitions)) => partitions.push(index),
                None => found.push((standstill, vec![index])),
            }
        }
        found.sort();
        found
    }

    /// Writes of our producer that wait for this partition.
    #[must_use]
    pub fn waiting(&self, place: &TopicPartition) -> u64 {
        count_at(&self.produced.waiting, place)
    }

    /// Those of them that wait for all in sync.
    #[must_use]
    pub fn waiting_for_all(&self, place: &TopicPartition) -> u64 {
        count_at(&self.produced.waiting_for_all, place)
    }

    /// Whether records wait because too few replicas are in sync.
    #[must_use]
    pub fn waits_for_replicas(&self) -> bool {
        let mut waiting = self.produced.waiting_for_all.iter();
        waiting.any(|(place, count)| *count > 0 && self.below_minimum(place).is_some())
    }

    /// Where fewer replicas are in sync than `acks=all` needs: how many are, how many it needs, and a dead one
    /// that is missed.
    #[must_use]
    pub fn below_minimum(&self, place: &TopicPartition) -> Option<BelowMinimum> {
        let topic = self.topics.get(&place.topic)?;
        let partition = topic.partition(place.partition)?;
        let (in_sync, needed) = topic.too_few_in_sync(partition)?;
        let mut replicas = partition.seen.replicas.iter();
        let missed = replicas.find(|broker| self.is_gone(**broker)).copied();
        Some(BelowMinimum {
            in_sync,
            needed,
            missed,
        })
    }

    /// Whether nobody coordinates this group: its coordinator is dead, and nobody takes its place.
    #[must_use]
    pub fn is_without_coordinator(&self, group: &Group) -> bool {
        let coordinator = group.coordinator.and_then(|broker| self.process(broker));
        let orphaned = coordinator.is_some_and(|process| {
            let noticed = process.session_expired.is_some();
            process.status.is_gone() && (noticed || self.zookeeper_away().is_some())
        });
        orphaned || self.no_broker_answers()
    }
}

impl Partition {
    /// Who leads by the metadata; where nobody does, who led last: the ISR ends with it.
    #[must_use]
    pub fn led_last(&self) -> Option<BrokerId> {
        self.seen.leader.or(match self.seen.isr.as_slice() {
            [only] => Some(*only),
            _ => None,
        })
    }
}

fn count_at(counts: &[(TopicPartition, u64)], place: &TopicPartition) -> u64 {
    let mut counts = counts.iter();
    counts
        .find(|(at, _)| at == place)
        .map_or(0, |(_, count)| *count)
}

#[cfg(test)]
mod tests {
    use super::Standstill;
    use crate::state::{
        Cluster, Group, Partition, PartitionSeen, Process, ProcessName, Status, Timestamp,
    };
    use wire::BrokerId;

    /// Brokers 1 to 3 and `ZooKeeper`, of which these do something else than to answer.
    fn cluster(changed: &[(ProcessName, Status)]) -> Cluster {
        let mut cluster = Cluster::default();
        let names = (1..=3).map(|id| ProcessName::Broker(BrokerId(id)));
        for name in names.chain([ProcessName::ZooKeeper]) {
            let mut process = Process::planned(name.clone(), Timestamp(0));
            let found = changed.iter().find(|(changed, _)| *changed == name);
            process.status = found.map_or(Status::Up, |(_, status)| *status);
            cluster.processes.insert(name, process);
        }
        cluster
    }

    fn broker(id: i32) -> ProcessName {
        ProcessName::Broker(BrokerId(id))
    }

    fn ids(brokers: &[i32]) -> Vec<BrokerId> {
        brokers.iter().copied().map(BrokerId).collect()
    }

    fn partition(leader: Option<i32>, isr: &[i32]) -> Partition {
        Partition {
            seen: PartitionSeen {
                leader: leader.map(BrokerId),
                replicas: ids(&[1, 2, 3]),
                isr: ids(isr),
                ..PartitionSeen::default()
            },
            ..Partition::default()
        }
    }

    #[test]
    fn a_partition_is_offline_as_soon_as_nobody_in_sync_lives() {
        let offline = |isr: &[i32]| Some(Standstill::Offline { isr: ids(isr) });
        let dead = cluster(&[(broker(1), Status::Killed)]);
        // Before anybody noticed, and after.
        assert_eq!(dead.standstill(&partition(Some(1), &[1])), offline(&[1]));
        assert_eq!(dead.standstill(&partition(None, &[1])), offline(&[1]));
        let frozen = cluster(&[(broker(1), Status::Frozen)]);
        assert_eq!(frozen.standstill(&partition(Some(1), &[1])), offline(&[1]));
        let all = cluster(&[
            (broker(1), Status::Killed),
            (broker(2), Status::Stopped),
            (broker(3), Status::Killed),
            (ProcessName::ZooKeeper, Status::Killed),
        ]);
        let partition = partition(Some(3), &[3, 1, 2]);
        assert_eq!(all.standstill(&partition), offline(&[1, 2, 3]));
        assert!(all.is_without_coordinator(&Group::default()));
    }

    #[test]
    fn without_zookeeper_nobody_is_elected_and_no_isr_shrinks() {
        for away in [Status::Killed, Status::Frozen, Status::Starting] {
            let cluster = cluster(&[(broker(2), Status::Killed), (ProcessName::ZooKeeper, away)]);
            let led_by_2 = cluster.standstill(&partition(Some(2), &[2, 3]));
            assert_eq!(
                led_by_2,
                Some(Standstill::NoElection {
                    leader: Some(BrokerId(2)),
                    heirs: ids(&[3]),
                })
            );
            let led_by_3 = cluster.standstill(&partition(Some(3), &[3, 2]));
            let waits = Standstill::IsrStands { silent: ids(&[2]) };
            assert_eq!(led_by_3, Some(waits));
            assert_eq!(cluster.standstill(&partition(Some(3), &[3, 1])), None);
        }
    }

    #[test]
    fn what_nobody_noticed_yet_is_said_only_while_zookeeper_counts_down() {
        let cluster = cluster(&[(broker(2), Status::Killed)]);
        let unnoticed = Standstill::Unnoticed {
            leader: BrokerId(2),
        };
        let found = cluster.standstill(&partition(Some(2), &[2, 3]));
        assert_eq!(found, Some(unnoticed));
        assert_eq!(cluster.standstill(&partition(Some(3), &[3, 2])), None);
        // An election is under way.
        assert_eq!(cluster.standstill(&partition(None, &[2, 3])), None);
    }

    #[test]
    fn a_group_has_no_coordinator_once_nobody_can_take_its_place() {
        let mut group = Group::default();
        group.coordinator = Some(BrokerId(2));
        let zookeeper = (ProcessName::ZooKeeper, Status::Killed);
        let dead = (broker(2), Status::Killed);
        assert!(!cluster(std::slice::from_ref(&dead)).is_without_coordinator(&group));
        assert!(cluster(&[dead, zookeeper.clone()]).is_without_coordinator(&group));
        assert!(!cluster(&[zookeeper]).is_without_coordinator(&group));
    }
}
