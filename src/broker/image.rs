//! What a broker knows of the cluster: one immutable image of the znodes, replaced as a whole.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use uuid::Uuid;

use wire::{BrokerId, LeaderEpoch, TopicPartition};

/// The cluster as the registry last read it. Topics, brokers and states may be of slightly
/// different ages; each part carries the transaction id that orders it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ClusterImage {
    /// `/cluster/id`.
    pub cluster_id: String,
    /// The broker named in `/controller`, if that znode exists.
    pub controller: Option<BrokerId>,
    /// The session that owns `/controller`, or 0.
    pub controller_session: i64,
    /// The number in `/controller_epoch`, as last read.
    pub controller_epoch: i32,
    /// The version of the znode `/controller_epoch`: what each of the controller's writes checks.
    pub controller_epoch_version: i32,
    /// The znodes under `/brokers/ids`.
    pub brokers: BTreeMap<BrokerId, BrokerNode>,
    /// The znodes under `/brokers/topics`, by name. Shared between images that agree on them.
    pub topics: BTreeMap<String, Arc<TopicImage>>,
    /// Topics named under `/admin/delete_topics`: the controller is about to remove them.
    pub deleting: BTreeSet<String>,
    /// Dynamic broker configs from `/config/brokers`; `None` is `<default>`, for every broker.
    pub broker_configs: BTreeMap<Option<BrokerId>, BTreeMap<String, String>>,
    /// Configs of groups from `/config/groups`, also of groups that do not exist.
    pub group_configs: BTreeMap<String, BTreeMap<String, String>>,
}

/// A live broker: its `/brokers/ids/N`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BrokerNode {
    /// The advertised host.
    pub host: String,
    /// The advertised port.
    pub port: u16,
    /// Where the broker stands, as its `broker.rack` says.
    pub rack: Option<String>,
    /// The broker epoch: the czxid of the znode.
    pub epoch: i64,
}

/// A topic: `/brokers/topics/T` with its partition states and `/config/topics/T`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TopicImage {
    /// Never reused: a topic created anew under the same name has another id.
    pub id: Uuid,
    /// The transaction that created the topic: an older state belongs to an earlier topic.
    pub czxid: i64,
    /// The transaction that last wrote the assignment.
    pub mzxid: i64,
    /// The version of the topic's znode: what a change of the assignment names.
    pub version: i32,
    /// The transaction that last wrote the configs, or 0 where there are none.
    pub configs_mzxid: i64,
    /// By partition index, from 0 without holes.
    pub partitions: BTreeMap<i32, PartitionImage>,
    /// Overrides from `/config/topics/T`, by Kafka's names.
    pub configs: BTreeMap<String, String>,
}

/// A partition's assignment and its `state` znode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PartitionImage {
    /// In order of preference: the first is the preferred leader.
    pub replicas: Vec<BrokerId>,
    /// Replicas being added by a reassignment.
    pub adding: Vec<BrokerId>,
    /// Replicas being removed by a reassignment.
    pub removing: Vec<BrokerId>,
    /// `None` while nobody in the ISR is alive, or the state is not written yet.
    pub leader: Option<BrokerId>,
    /// The broker epoch under which the leader was elected: the same broker registered anew does not lead. `None`
    /// in a state that another kind of broker wrote.
    pub leader_broker_epoch: Option<i64>,
    /// Rises by one with each change of leader.
    pub leader_epoch: LeaderEpoch,
    /// In-sync replicas.
    pub isr: Vec<BrokerId>,
    /// The state znode's version: the partition epoch that a conditional write names. `-1`: no state yet.
    pub version: i32,
    /// The transaction that created the state: another one means a topic made anew under the same name.
    pub czxid: i64,
    /// The transaction that last wrote the state: a broker whose epoch is above it registered since.
    pub mzxid: i64,
    /// The controller epoch the state was written under.
    pub controller_epoch: i32,
}

impl ClusterImage {
    /// The partition's image, if topic and partition exist.
    pub(crate) fn partition(&self, at: &TopicPartition) -> Option<&PartitionImage> {
        self.topics.get(&at.topic)?.partitions.get(&at.partition)
    }

    /// As [`Self::partition`], if the topic of this name has this id.
    pub(crate) fn partition_of(
        &self,
        at: &TopicPartition,
        topic_id: Uuid,
    ) -> Option<&PartitionImage> {
        let topic = self.topics.get(&at.topic)?;
        let partition = topic.partitions.get(&at.partition)?;
        (topic.id == topic_id).then_some(partition)
    }

    /// Whether no other topic than the one with this id has this name.
    pub(crate) fn is_current(&self, topic: &str, id: Uuid) -> bool {
        self.topics.get(topic).is_none_or(|topic| topic.id == id)
    }

    /// The topic with this id, with its name.
    pub(crate) fn topic_by_id(&self, id: Uuid) -> Option<(&str, &TopicImage)> {
        self.topics
            .iter()
            .find(|(_, topic)| topic.id == id)
            .map(|(name, topic)| (name.as_str(), topic.as_ref()))
    }

    /// The live leader of a partition: its broker is still registered as it was when it was elected. That the
    /// state was written later than the broker registered is not enough: whoever wrote it may not have
    /// known of the new registration.
    pub(crate) fn valid_leader(&self, partition: &PartitionImage) -> Option<BrokerId> {
        let leader = partition.leader?;
        let node = self.brokers.get(&leader)?;
        let elected = partition.leader_broker_epoch;
        #[cfg(test)]
        if super::planted::is(super::planted::Bug::RestartUnseen) {
            return Some(leader);
        }
        let is_valid = node.epoch < partition.mzxid && elected.is_none_or(|it| it == node.epoch);
        is_valid.then_some(leader)
    }
}

impl TopicImage {
    /// Whether it was just created and some of its partitions never had a leader. Clients are not told of it yet: who
    /// saw half of its partitions would send keys elsewhere than who sees all.
    pub(crate) fn is_being_created(&self) -> bool {
        self.mzxid == self.czxid && !self.partitions.values().all(PartitionImage::has_state)
    }

    /// The partitions that clients are told of: those that were added and never had a leader come later.
    pub(crate) fn usable_partitions(&self) -> impl Iterator<Item = (&i32, &PartitionImage)> {
        let partitions = self.partitions.iter();
        partitions.filter(|(_, partition)| partition.has_state())
    }
}

impl PartitionImage {
    /// Whether this broker shall have the log: as a replica, or because it left the replicas while it was in
    /// sync, maybe the last that was. What it has may be all there is, until others have caught up.
    pub(crate) fn is_kept_by(&self, broker: BrokerId) -> bool {
        self.replicas.contains(&broker) || self.isr.contains(&broker)
    }

    /// A partition that is assigned and has no state yet.
    pub(crate) fn assigned(replicas: Vec<BrokerId>) -> Self {
        Self {
            replicas,
            adding: Vec::new(),
            removing: Vec::new(),
            leader: None,
            leader_broker_epoch: None,
            leader_epoch: LeaderEpoch(0),
            isr: Vec::new(),
            version: Self::NO_STATE,
            czxid: 0,
            mzxid: 0,
            controller_epoch: 0,
        }
    }

    /// The `version` of a partition whose state is not written yet.
    pub(crate) const NO_STATE: i32 = -1;

    /// Whether the state znode exists.
    pub(crate) fn has_state(&self) -> bool {
        self.version != Self::NO_STATE
    }
}
