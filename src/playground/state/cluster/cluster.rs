//! The cluster as far as it is known, and what follows from it.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use super::{
    Acks, AsksSeen, Flow, Group, GroupProtocol, Partition, Process, ProcessName, ProducedSeen,
    Quorum, Receipt, SessionSeen, SoftwareSeen, Status, StreamRate, Transaction, Znodes,
    ZooKeeperSeen,
};
use crate::state::Timestamp;
use wire::{BrokerId, Offset, TopicPartition};

/// Everything that is known of the cluster.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Cluster {
    /// Our own processes.
    pub processes: BTreeMap<ProcessName, Process>,
    /// The controller, and since when.
    pub controller: Option<(BrokerId, Timestamp)>,
    /// Where clients begin.
    pub bootstrap: Option<String>,
    /// What its brokers run, where others run them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub software: Option<SoftwareSeen>,
    /// How often we ask them.
    #[serde(skip)]
    pub asks: Option<AsksSeen>,
    /// The quorum that keeps its metadata, if there is one and it told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quorum: Option<Quorum>,
    /// Topics by name.
    pub topics: BTreeMap<String, Topic>,
    /// Groups by id.
    pub groups: BTreeMap<String, Group>,
    /// Transactional ids that are known.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub transactions: BTreeMap<String, Transaction>,
    /// `ZooKeeper`'s own account, once it gave one.
    pub zookeeper: Option<ZooKeeperSeen>,
    /// `ZooKeeper`'s tree, while somebody looks at it.
    pub znodes: Znodes,
    /// Records on their way.
    pub flow: Flow,
    /// What our producer counted.
    pub produced: ProducedSeen,
    /// Acknowledged records that were looked for and not found.
    pub lost: u64,
    /// The same of records that only their leader acknowledged.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub lost_by_leader: u64,
    /// What our producers wait for.
    #[serde(default, skip_serializing_if = "Acks::is_usual")]
    pub acks: Acks,
    /// How our next consumers join their groups.
    #[serde(default, skip_serializing_if = "GroupProtocol::is_usual")]
    pub joins_by: GroupProtocol,
    /// The pace of the demo stream.
    pub stream: StreamRate,
    /// The topic that it goes into, or went into last.
    pub stream_into: String,
    /// The paces of the streams beside it, by topic.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub streams_beside: BTreeMap<String, StreamRate>,
    /// The last acknowledged record.
    pub receipt: Option<Delivery>,
    /// What our consumers read last: a read may be told before the acknowledgement is.
    pub(super) recent_reads: VecDeque<Read>,
}

/// A record that one of our consumers read.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::state) struct Read {
    pub place: TopicPartition,
    pub offset: Offset,
    pub group: String,
    pub consumer: String,
    pub at: Timestamp,
}

/// A topic.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Topic {
    /// Whether Kafka keeps it for itself.
    pub internal: bool,
    /// By index.
    pub partitions: Vec<Partition>,
    /// How many replicas must be in sync for `acks=all`.
    pub min_insync_replicas: Option<i32>,
    /// Configurations set on it.
    pub configs: BTreeMap<String, String>,
}

/// What the next failure costs a topic, by its partition with the fewest replicas in sync.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spare {
    /// `acks=all` is refused already.
    Refused,
    /// One replica is left in sync: with it goes what was acknowledged.
    Last,
    /// With one more lost, `acks=all` is refused.
    None,
    /// So many may be lost and `acks=all` goes on.
    Brokers(usize),
}

impl Topic {
    /// What the next failure costs; `None` until `min.insync.replicas` is known.
    #[must_use]
    pub fn spare(&self) -> Option<Spare> {
        let minimum = usize::try_from(self.min_insync_replicas?).ok()?;
        let least = self.least_in_sync();
        Some(match least.checked_sub(minimum) {
            None => Spare::Refused,
            Some(_) if least <= 1 => Spare::Last,
            Some(0) => Spare::None,
            Some(spare) => Spare::Brokers(spare),
        })
    }

    /// Replicas in sync, of the partition that has the fewest.
    #[must_use]
    pub fn least_in_sync(&self) -> usize {
        let in_sync = self.partitions.iter().map(|p| p.seen.isr.len());
        in_sync.min().unwrap_or(0)
    }
}

/// An acknowledged record, and who read it since.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Delivery {
    /// The acknowledgement.
    pub receipt: Receipt,
    /// Who acknowledged it: the ISR, or with `acks=1` the leader.
    pub isr: Vec<BrokerId>,
    /// The group and consumer that read it first, and how long after it was sent.
    pub read: Option<(String, String, Duration)>,
}

impl Topic {
    /// A partition by its index.
    #[must_use]
    pub fn partition(&self, index: i32) -> Option<&Partition> {
        self.partitions.get(usize::try_from(index).ok()?)
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes what it may skip by reference"
)]
const fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl Cluster {
    /// The broker processes, by id.
    pub fn brokers(&self) -> impl Iterator<Item = &Process> {
        self.processes
            .values()
            .filter(|process| process.broker().is_some())
    }

    /// Brokers and `ZooKeeper`.
    pub fn servers(&self) -> impl Iterator<Item = &Process> {
        self.processes
            .values()
            .filter(|process| process.name.is_server())
    }

    /// How many brokers answer, and how many there should be.
    #[must_use]
    pub fn brokers_up(&self) -> (usize, usize) {
        let up = self
            .brokers()
            .filter(|broker| broker.status == Status::Up)
            .count();
        (up, self.brokers().count())
    }

    /// Whether this broker is known not to run, whatever Metadata still says.
    #[must_use]
    pub fn is_gone(&self, broker: BrokerId) -> bool {
        self.process(broker)
            .is_some_and(|process| process.status.is_gone())
    }

    /// The process of a broker.
    #[must_use]
    pub fn process(&self, broker: BrokerId) -> Option<&Process> {
        self.processes.get(&ProcessName::Broker(broker))
    }

    /// A partition.
    #[must_use]
    pub fn partition(&self, at: &TopicPartition) -> Option<&Partition> {
        self.topics.get(&at.topic)?.partition(at.partition)
    }

    /// The partitions of all topics that are people's, with their places.
    pub fn partitions(&self) -> impl Iterator<Item = (TopicPartition, &Partition)> {
        self.topics
            .iter()
            .filter(|(_, topic)| !topic.internal)
            .flat_map(|(name, topic)| {
                topic.partitions.iter().map(move |partition| {
                    (
                        TopicPartition::new(name, partition.seen.partition),
                        partition,
                    )
                })
            })
    }

    /// Whether a partition of any topic is led by another than its preferred leader.
    #[must_use]
    pub fn any_astray(&self) -> bool {
        let mut partitions = self.topics.values().flat_map(|topic| &topic.partitions);
        partitions.any(Partition::is_astray)
    }

    /// Partitions that could go back to their preferred leaders at once, and who these are: they live and are in
    /// sync, and others lead.
    pub fn going_back(&self) -> impl Iterator<Item = (TopicPartition, BrokerId)> {
        self.partitions().filter_map(|(place, partition)| {
            let preferred = partition.preferred()?;
            let led = partition.seen.leader.is_some() && partition.is_astray();
            let ready = partition.seen.isr.contains(&preferred) && !self.is_silent(preferred);
            (led && ready).then_some((place, preferred))
        })
    }

    /// What a broker leads now, in every topic that is people's.
    #[must_use]
    pub fn led_by(&self, broker: BrokerId) -> Vec<TopicPartition> {
        self.partitions()
            .filter(|(_, partition)| partition.seen.leader == Some(broker))
            .map(|(place, _)| place)
            .collect()
    }

    /// Whether a stream goes into this topic now.
    #[must_use]
    pub fn streams_into(&self, topic: &str) -> bool {
        let into_it = self.stream != StreamRate::Off && self.stream_into == topic;
        into_it || self.streams_beside.contains_key(topic)
    }

    /// Whether any demo records are sent now.
    #[must_use]
    pub fn streams(&self) -> bool {
        self.stream != StreamRate::Off || !self.streams_beside.is_empty()
    }

    /// Whether Metadata names this broker as the controller.
    #[must_use]
    pub fn is_controller(&self, broker: BrokerId) -> bool {
        self.controller.is_some_and(|(id, _)| id == broker)
    }

    /// The partitions of this topic that the broker leads, and those it follows.
    #[must_use]
    pub fn roles(&self, broker: BrokerId, topic: &str) -> (Vec<i32>, Vec<i32>) {
        let mut leads = Vec::new();
        let mut follows = Vec::new();
        let partitions = self.topics.get(topic).map(|topic| &topic.partitions);
        for partition in partitions.into_iter().flatten() {
            if partition.seen.leader == Some(broker) {
                leads.push(partition.seen.partition);
            } else if partition.seen.replicas.contains(&broker) {
                follows.push(partition.seen.partition);
            }
        }
        (leads, follows)
    }

    /// How far a group is behind: `HW - committed`, as `kafka-consumer-groups.sh` prints it.
    #[must_use]
    pub fn lag(&self, group: &Group, at: &TopicPartition) -> Option<i64> {
        let committed = group.committed.get(at)?;
        let partition = self.partition(at).filter(|known| known.measured)?;
        Some((partition.high_watermark.0 - committed.0).max(0))
    }

    /// Lag over all partitions of a group.
    #[must_use]
    pub fn group_lag(&self, group: &Group) -> i64 {
        group
            .committed
            .keys()
            .filter_map(|at| self.lag(group, at))
            .sum()
    }

    /// The session of a broker, if `ZooKeeper` still keeps one.
    #[must_use]
    pub fn session(&self, broker: BrokerId) -> Option<&SessionSeen> {
        let znode = format!("/brokers/ids/{broker}");
        let known = self.process(broker).and_then(|process| process.session);
        self.zookeeper
            .as_ref()?
            .sessions
            .iter()
            .find(|session| Some(session.session) == known || session.ephemerals.contains(&znode))
    }

    /// The broker that a session belongs to.
    #[must_use]
    pub fn session_owner(&self, session: i64) -> Option<BrokerId> {
        self.brokers()
            .find(|process| process.session == Some(session))
            .and_then(Process::broker)
            .or_else(|| {
                let sessions = &self.zookeeper.as_ref()?.sessions;
                let seen = sessions.iter().find(|seen| seen.session == session)?;
                broker_of_znodes(&seen.ephemerals)
            })
    }
}

/// The broker whose registration is among these znodes.
pub(in crate::state) fn broker_of_znodes(znodes: &[String]) -> Option<BrokerId> {
    znodes
        .iter()
        .find_map(|path| path.strip_prefix("/brokers/ids/")?.parse().ok())
        .map(BrokerId)
}
