//! Composes what is written to the znodes: which multis, and what each of them checks. Pure.

use std::{
    collections::{BTreeMap, BTreeSet},
    iter::Peekable,
};

use uuid::Uuid;

use super::{
    NewTopic,
    mirror::Found,
    znodes::{self, ConfigJson, ControllerJson, StateJson, TopicJson, Znode},
};
use crate::{
    controller::{StateWrite, assignment::Replicas},
    image::{BrokerNode, ClusterImage, PartitionImage, TopicImage},
};
use client::zookeeper::ZnodeWrite;
use wire::{BrokerId, TopicPartition, jute::Stat};

/// Bytes of one multi: half of ZooKeeper's default `jute.maxbuffer`.
const MULTI_BYTES_MAX: usize = 512 * 1024;

/// Being the controller: what every write of the controllership checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Controllership {
    pub(crate) epoch: i32,
    /// The version of `/controller_epoch`.
    epoch_version: i32,
    /// The session that owns `/controller`.
    pub(crate) session: i64,
}

impl Controllership {
    /// The controllership, if this session holds it.
    pub(crate) fn held(image: &ClusterImage, session: i64) -> Option<Self> {
        (image.controller_session == session).then_some(Self {
            epoch: image.controller_epoch,
            epoch_version: image.controller_epoch_version,
            session,
        })
    }

    /// The write that fails when another controller was elected since.
    pub(crate) fn check(&self) -> ZnodeWrite {
        ZnodeWrite::Check {
            path: znodes::CONTROLLER_EPOCH.to_owned(),
            version: self.epoch_version,
        }
    }
}

/// Becoming the controller: `/controller` is created and the epoch raised, both or neither.
pub(crate) fn campaign(own: BrokerId, image: &ClusterImage) -> [ZnodeWrite; 2] {
    [
        ZnodeWrite::CreateEphemeral {
            path: znodes::CONTROLLER.to_owned(),
            data: znodes::write(&ControllerJson::new(own)),
        },
        ZnodeWrite::SetData {
            path: znodes::CONTROLLER_EPOCH.to_owned(),
            data: (image.controller_epoch + 1).to_string().into_bytes(),
            version: Some(image.controller_epoch_version),
        },
    ]
}

/// What a [`campaign`] that was won means for the image it was composed from.
pub(crate) fn won(image: &mut ClusterImage, own: BrokerId, session: i64, results: &[Option<Stat>]) {
    let written = results.last().copied().flatten();
    image.controller_epoch_version =
        written.map_or(image.controller_epoch_version + 1, |stat| stat.version);
    image.controller_epoch += 1;
    image.controller = Some(own);
    image.controller_session = session;
}

/// One multi of the controller's states.
#[derive(Debug)]
pub(crate) struct StatesMulti {
    pub(crate) writes: Vec<ZnodeWrite>,
    /// The states in it.
    pub(crate) states: Vec<StateWrite>,
    /// Where in `writes` each state is set; `None` where it is created.
    set: Vec<Option<usize>>,
    controller_epoch: i32,
}

impl StatesMulti {
    /// Takes as many states as one multi should hold. It fails as a whole if another controller was elected or
    /// any of the states is another one than was read. `parents` are the missing znodes above
    /// new states; those that this multi creates are taken out.
    pub(crate) fn take(
        controllership: &Controllership,
        states: &mut Peekable<impl Iterator<Item = StateWrite>>,
        parents: &mut BTreeSet<String>,
    ) -> Self {
        let mut multi = Self {
            writes: vec![controllership.check()],
            states: Vec::new(),
            set: Vec::new(),
            controller_epoch: controllership.epoch,
        };
        let mut bytes = 0;
        while let Some(write) = states.next_if(|_| bytes < MULTI_BYTES_MAX) {
            let before = multi.writes.len();
            multi.push(write, parents);
            let added = multi.writes.get(before..).unwrap_or_default();
            bytes += added.iter().map(ZnodeWrite::size).sum::<usize>();
        }
        multi
    }

    fn push(&mut self, write: StateWrite, parents: &mut BTreeSet<String>) {
        let check = check_incarnation(&write.at.topic, write.topic_id);
        if !self.writes.contains(&check) {
            self.writes.push(check);
        }
        let path = znodes::state(&write.at);
        let data = znodes::write(&state_json(&write, self.controller_epoch));
        if write.before.has_state() {
            self.set.push(Some(self.writes.len()));
            self.writes.push(ZnodeWrite::SetData {
                path,
                data,
                version: Some(write.before.version),
            });
        } else {
            let missing = above_state(&write.at).into_iter();
            let missing = missing.filter(|parent| parents.remove(parent));
            self.writes
                .extend(missing.map(|path| ZnodeWrite::Create { path, data: vec![] }));
            self.set.push(None);
            self.writes.push(ZnodeWrite::Create { path, data });
        }
        self.states.push(write);
    }

    /// What the multi wrote, as a read would find it, and which znodes a read must tell because a
    /// create in a multi does not tell its stat everywhere (ZOOKEEPER-4026).
    pub(crate) fn found(&self, results: &[Option<Stat>]) -> (Vec<(Znode, Found)>, BTreeSet<Znode>) {
        let mut found = Vec::new();
        let mut created = BTreeSet::new();
        for (write, index) in self.states.iter().zip(&self.set) {
            let znode = Znode::State(write.at.clone());
            match index.and_then(|index| results.get(index).copied().flatten()) {
                Some(stat) => {
                    let data = znodes::write(&state_json(write, self.controller_epoch));
                    found.push((znode, Some((data, stat))));
                }
                None => drop(created.insert(znode)),
            }
        }
        (found, created)
    }
}

/// The znodes above states that are to be created.
pub(crate) fn parents(states: &[StateWrite]) -> BTreeSet<String> {
    states
        .iter()
        .filter(|write| !write.before.has_state())
        .flat_map(|write| above_state(&write.at))
        .collect()
}

/// Writes a state as the partition's leader, if it still has this version, and the topic this id and this version:
/// who left the replicas since then may have removed its log.
pub(crate) fn isr(
    at: &TopicPartition,
    topic_id: Uuid,
    topic_version: i32,
    data: Vec<u8>,
    version: i32,
) -> [ZnodeWrite; 3] {
    [
        check_incarnation(&at.topic, topic_id),
        ZnodeWrite::Check {
            path: znodes::topic(&at.topic),
            version: topic_version,
        },
        ZnodeWrite::SetData {
            path: znodes::state(at),
            data,
            version: Some(version),
        },
    ]
}

/// A change of an ISR that a leader decided on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct IsrChange<'a> {
    pub(crate) at: &'a TopicPartition,
    pub(crate) topic: &'a TopicImage,
    /// The state that it was decided on.
    pub(crate) expected: &'a PartitionImage,
    pub(crate) isr: &'a [BrokerId],
    /// In words.
    pub(crate) why: &'a str,
}

/// Several ISRs in one multi, each topic checked once, and where in it each state is set. `None`: one of them has no
/// leader.
pub(crate) fn isrs(changes: &[IsrChange<'_>]) -> Option<(Vec<ZnodeWrite>, Vec<usize>)> {
    let mut writes: Vec<ZnodeWrite> = Vec::new();
    let mut checked: BTreeSet<&str> = BTreeSet::new();
    let mut set = Vec::new();
    for change in changes {
        let state = isr_state(change.expected, change.isr.to_vec())?;
        let [incarnation, topic, state] = isr(
            change.at,
            change.topic.id,
            change.topic.version,
            znodes::write(&state),
            change.expected.version,
        );
        if checked.insert(&change.at.topic) {
            writes.extend([incarnation, topic]);
        }
        set.push(writes.len());
        writes.push(state);
    }
    Some((writes, set))
}

/// The write that fails when the topic is another one of the same name: its states begin at the
/// same versions.
fn check_incarnation(topic: &str, id: Uuid) -> ZnodeWrite {
    ZnodeWrite::Check {
        path: znodes::incarnation(topic, id),
        version: 0,
    }
}

/// Whether only replicas enter the ISR: who left meanwhile may have removed its log.
pub(crate) fn only_replicas_enter(expected: &PartitionImage, isr: &[BrokerId]) -> bool {
    isr.iter().all(|id| expected.is_kept_by(*id))
}

/// Whether the state that was read after a write failed is the one that the write named: only the replicas are
/// other ones.
pub(crate) fn is_untouched(expected: &PartitionImage, now: &PartitionImage) -> bool {
    now.version == expected.version && now.czxid == expected.czxid
}

/// The state with another ISR, as its leader writes it.
pub(crate) fn isr_state(expected: &PartitionImage, isr: Vec<BrokerId>) -> Option<StateJson> {
    Some(StateJson {
        controller_epoch: expected.controller_epoch,
        leader: expected.leader?,
        version: 1,
        leader_epoch: expected.leader_epoch.0,
        isr,
        leader_broker_epoch: expected.leader_broker_epoch,
    })
}

/// Whether the state that was read is the one that an ISR write of unknown outcome would have made.
pub(crate) fn is_written(
    expected: &PartitionImage,
    isr: &[BrokerId],
    now: &PartitionImage,
) -> bool {
    now.version == expected.version + 1
        && now.leader == expected.leader
        && now.leader_epoch == expected.leader_epoch
        && now.isr == isr
}

/// A new topic's assignment and configs. `config_exists`: left over from a deletion that did not come to its end.
pub(crate) fn new_topic(topic: &NewTopic, id: Uuid, config_exists: bool) -> Vec<ZnodeWrite> {
    let path = znodes::topic_config(&topic.name);
    let data = znodes::write(&ConfigJson::new(topic.configs.clone()));
    vec![
        if config_exists {
            ZnodeWrite::SetData {
                path,
                data,
                version: None,
            }
        } else {
            ZnodeWrite::Create { path, data }
        },
        ZnodeWrite::Create {
            path: znodes::topic(&topic.name),
            data: znodes::write(&TopicJson::new(id, topic.assignment.clone())),
        },
        ZnodeWrite::Create {
            path: znodes::incarnation(&topic.name, id),
            data: Vec::new(),
        },
    ]
}

/// The first states of a new topic, as the controller writes them with it: without a live replica
/// a partition has none until one comes.
pub(crate) fn first_states(
    controllership: &Controllership,
    topic: &str,
    assignment: &BTreeMap<i32, Vec<BrokerId>>,
    live: &BTreeMap<BrokerId, BrokerNode>,
) -> Vec<ZnodeWrite> {
    let empty = |path| ZnodeWrite::Create { path, data: vec![] };
    let mut writes = vec![empty(znodes::partitions(topic))];
    for (index, replicas) in assignment {
        let at = TopicPartition::new(topic, *index);
        let isr: Vec<BrokerId> = replicas
            .iter()
            .copied()
            .filter(|id| live.contains_key(id))
            .collect();
        let Some(leader) = isr.first().copied() else {
            continue;
        };
        let state = StateJson {
            controller_epoch: controllership.epoch,
            leader,
            version: 1,
            leader_epoch: 0,
            isr,
            leader_broker_epoch: live.get(&leader).map(|node| node.epoch),
        };
        writes.push(empty(znodes::partition(&at)));
        writes.push(ZnodeWrite::Create {
            path: znodes::state(&at),
            data: znodes::write(&state),
        });
    }
    writes
}

/// Leaves a partition with the replicas that a reassignment led to, if it still leads there and has still the
/// state that was seen to have arrived; `topic` is its znode as it was read just now.
pub(crate) fn arrived(
    controllership: &Controllership,
    at: &TopicPartition,
    replicas: Vec<BrokerId>,
    state: &PartitionImage,
    mut topic: TopicJson,
    version: i32,
) -> Option<Vec<ZnodeWrite>> {
    // Meanwhile it may have been called off, or led elsewhere.
    if topic.replicas(at.partition)?.target()? != replicas {
        return None;
    }
    let arrived = Replicas {
        all: replicas,
        adding: Vec::new(),
        removing: Vec::new(),
    };
    topic.set_replicas(at.partition, arrived);
    Some(vec![
        controllership.check(),
        ZnodeWrite::SetData {
            path: znodes::topic(&at.topic),
            data: znodes::write(&topic),
            version: Some(version),
        },
        ZnodeWrite::Check {
            path: znodes::state(at),
            version: state.version,
        },
    ])
}

/// Takes as many writes as one multi of the controller should hold.
pub(crate) fn checked_chunk(
    controllership: &Controllership,
    writes: &mut Peekable<impl Iterator<Item = ZnodeWrite>>,
) -> Vec<ZnodeWrite> {
    let mut multi = vec![controllership.check()];
    let mut bytes = 0;
    while let Some(write) = writes.next_if(|_| bytes < MULTI_BYTES_MAX) {
        bytes += write.size();
        multi.push(write);
    }
    multi
}

/// Every znode that a topic may have with these children and partitions, in the order in which they are removed:
/// children first, and the mark that it shall be removed at last.
pub(crate) fn removed(name: &str, children: &[String], partitions: &[String]) -> Vec<String> {
    let topic = znodes::topic(name);
    let under = znodes::partitions(name);
    let states = partitions
        .iter()
        .map(|index| format!("{under}/{index}/state"));
    states
        .chain(partitions.iter().map(|index| format!("{under}/{index}")))
        .chain(children.iter().map(|child| format!("{topic}/{child}")))
        .chain([
            topic.clone(),
            znodes::topic_config(name),
            znodes::delete_topic(name),
        ])
        .collect()
}

/// How a broker comes to be registered, by what is there.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Registering {
    /// It is, under this broker epoch.
    Done(i64),
    /// Another session holds the znode, and its process may live.
    Taken(i64),
    /// Nobody who lives does: this multi makes the znode anew. Its last result tells the broker epoch.
    Write(Vec<ZnodeWrite>),
}

/// Decides it from the stats of `/brokers/ids/N` and of `/controller`. `saved` are the sessions of this folder's
/// earlier processes: what is theirs is certainly this broker's own, and nobody lives behind it.
pub(crate) fn register(
    own: BrokerId,
    data: &[u8],
    session: i64,
    saved: &[i64],
    broker: Option<&Stat>,
    controller: Option<&Stat>,
) -> Registering {
    let path = znodes::broker(own);
    let mut writes = Vec::new();
    if let Some(stat) = broker {
        let owner = stat.ephemeral_owner;
        if owner == session {
            return Registering::Done(stat.czxid);
        }
        if !saved.contains(&owner) {
            return Registering::Taken(owner);
        }
        writes.push(ZnodeWrite::Delete { path: path.clone() });
    }
    if controller.is_some_and(|stat| {
        saved.contains(&stat.ephemeral_owner) && stat.ephemeral_owner != session
    }) {
        writes.push(ZnodeWrite::Delete {
            path: znodes::CONTROLLER.to_owned(),
        });
    }
    writes.push(ZnodeWrite::CreateEphemeral {
        path: path.clone(),
        data: data.to_vec(),
    });
    // A create in a multi does not tell its czxid everywhere (ZOOKEEPER-4026); a set does.
    writes.push(ZnodeWrite::SetData {
        path,
        data: data.to_vec(),
        version: None,
    });
    Registering::Write(writes)
}

fn above_state(at: &TopicPartition) -> [String; 2] {
    [znodes::partitions(&at.topic), znodes::partition(at)]
}

fn state_json(write: &StateWrite, controller_epoch: i32) -> StateJson {
    StateJson {
        controller_epoch,
        leader: write.leader.unwrap_or(BrokerId(-1)),
        version: 1,
        leader_epoch: write.leader_epoch.0,
        isr: write.isr.clone(),
        leader_broker_epoch: write.leader_broker_epoch,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids<const N: usize>(ids: [i32; N]) -> Vec<BrokerId> {
        ids.map(BrokerId).to_vec()
    }

    #[test]
    fn isrs_of_one_topic_are_set_together_and_the_topic_is_checked_once() {
        let topic = TopicImage {
            id: Uuid::from_u128(7),
            czxid: 2,
            mzxid: 2,
            version: 3,
            configs_mzxid: 0,
            partitions: BTreeMap::new(),
            configs: BTreeMap::new(),
        };
        let mut state = PartitionImage::assigned(ids([1, 2]));
        state.leader = Some(BrokerId(1));
        state.version = 5;
        let at = [TopicPartition::new("t", 0), TopicPartition::new("t", 1)];
        let isr = ids([1, 2]);
        let changes = at.each_ref().map(|at| IsrChange {
            at,
            topic: &topic,
            expected: &state,
            isr: &isr,
            why: "broker 2 caught up",
        });
        let (writes, set) = isrs(&changes).expect("both have a leader");
        let paths: Vec<&str> = writes.iter().map(ZnodeWrite::path).collect();
        let incarnation = znodes::incarnation("t", topic.id);
        assert_eq!(
            paths,
            [
                incarnation.as_str(),
                "/brokers/topics/t",
                "/brokers/topics/t/partitions/0/state",
                "/brokers/topics/t/partitions/1/state"
            ]
        );
        assert_eq!(set, [2, 3]);
        let versions = |write: &ZnodeWrite| match write {
            ZnodeWrite::SetData { version, .. } => *version,
            _ => None,
        };
        assert_eq!(
            writes.iter().filter_map(versions).collect::<Vec<_>>(),
            [5, 5]
        );
        let nobody_leads = PartitionImage {
            leader: None,
            ..state.clone()
        };
        let leaderless = IsrChange {
            expected: &nobody_leads,
            ..changes[0]
        };
        assert!(isrs(&[leaderless]).is_none());
    }

    #[test]
    fn a_move_ends_only_where_it_still_leads_to() {
        let controllership = Controllership {
            epoch: 1,
            epoch_version: 1,
            session: 1,
        };
        let at = TopicPartition::new("t", 0);
        let mut state = PartitionImage::assigned(ids([2, 3, 1]));
        state.leader = Some(BrokerId(2));
        let resting = Replicas {
            all: ids([1, 2]),
            adding: Vec::new(),
            removing: Vec::new(),
        };
        let ends = |replicas: Replicas| {
            let mut topic = TopicJson::new(Uuid::nil(), BTreeMap::new());
            topic.set_replicas(0, replicas);
            arrived(&controllership, &at, ids([2, 3]), &state, topic, 0).is_some()
        };
        let moving = resting.moving_to(&ids([2, 3]));
        assert!(ends(moving.clone()));
        assert!(!ends(moving.called_off()));
        assert!(!ends(moving.moving_to(&ids([4, 2]))));
    }
}
