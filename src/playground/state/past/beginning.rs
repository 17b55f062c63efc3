//! Where a session begins: with nothing, or, where its beginning was let go, with what was known then.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::state::{
    Setup, State, Timestamp,
    action::Opening,
    cluster::{
        BrokerSeen, Cluster, ClusterSeen, Group, GroupSeen, MemberSeen, Observation,
        PartitionOffsets, Process, StreamRate, TopicSeen, TransactionSeen, ZnodeSeen, ZnodesSeen,
    },
    story::{Story, ToldLine},
    view::Eye,
};
use wire::{BrokerId, TopicPartition};

/// What a session is begun with. It tells what was known as the outside tells it, so that it is taken in as
/// everything after it. What follows from minutes before, as rates and what was on its way, begins anew.
#[derive(Debug, Clone)]
pub struct Beginning {
    /// What the run was told at its start.
    pub setup: Setup,
    /// When the session begins.
    pub at: Timestamp,
    /// How long the start took, if it was over.
    pub ready_after: Option<Duration>,
    /// Where the data is, as shown, and when it was last used.
    pub data_folder: Option<(String, Option<Timestamp>)>,
    /// Demo records that were sent with `p`.
    pub demo_records: u64,
    /// The pace of the demo stream, and its topic.
    pub stream: (StreamRate, String),
    /// Children.
    pub processes: Vec<Process>,
    /// What else was known, and since when.
    pub known: Vec<(Timestamp, Observation)>,
    /// What had happened.
    pub told: Vec<ToldLine>,
    /// What had happened in `ZooKeeper`.
    pub told_of_zookeeper: Vec<ToldLine>,
    /// Where somebody looked.
    pub eye: Eye,
}

impl Beginning {
    /// What to begin with, to go on from here.
    pub(super) fn of(state: &State) -> Self {
        Self {
            setup: state.setup.clone(),
            at: state.now,
            ready_after: state.opening.ready_after,
            data_folder: state.data_folder.clone(),
            demo_records: state.demo_records,
            stream: (state.cluster.stream, state.cluster.stream_into.clone()),
            processes: state.cluster.processes.values().cloned().collect(),
            known: known(&state.cluster, state.now),
            told: lines(&state.story),
            told_of_zookeeper: lines(&state.zookeeper_story.story),
            eye: state.view.eye(),
        }
    }

    /// The state that goes on from here.
    pub(super) fn state(self) -> State {
        let (mut state, _) = State::new(self.setup);
        let processes = self.processes.into_iter();
        state.cluster.processes = processes
            .map(|process| (process.name.clone(), process))
            .collect();
        for (at, seen) in &self.known {
            state.cluster.see(seen, *at);
        }
        (state.cluster.stream, state.cluster.stream_into) = self.stream;
        state.now = self.at;
        if let Some(took) = self.ready_after {
            state.opening = Opening::over(took);
            state.narrator.opening = false;
        }
        state.data_folder = self.data_folder;
        state.demo_records = self.demo_records;
        state.story.take_over(self.told);
        state
            .zookeeper_story
            .story
            .take_over(self.told_of_zookeeper);
        state.view.look_at(self.eye);
        state
    }
}

fn lines(story: &Story) -> Vec<ToldLine> {
    let entries = story.entries().iter();
    entries
        .map(|entry| ToldLine {
            at: entry.at,
            depth: entry.depth,
            hand: entry.hand.clone(),
            text: entry.text.clone(),
        })
        .collect()
}

/// What is known of the cluster beside its processes, as the outside would tell it.
fn known(cluster: &Cluster, now: Timestamp) -> Vec<(Timestamp, Observation)> {
    let mut known = Vec::new();
    if !cluster.topics.is_empty() || cluster.controller.is_some() {
        let since = cluster.controller.map_or(now, |(_, since)| since);
        known.push((since, Observation::Cluster(metadata(cluster))));
    }
    let places = || {
        cluster.topics.iter().flat_map(|(name, topic)| {
            let partitions = topic.partitions.iter();
            partitions.map(move |known| (TopicPartition::new(name, known.seen.partition), known))
        })
    };
    let offsets = places().filter(|(_, known)| known.measured);
    let offsets: Vec<_> = offsets
        .map(|(partition, known)| PartitionOffsets {
            partition,
            log_start: known.log_start,
            high_watermark: known.high_watermark,
            last_stable: known.last_stable,
            ends: known.ends.iter().map(|(id, end)| (*id, *end)).collect(),
        })
        .collect();
    if !offsets.is_empty() {
        known.push((now, Observation::Offsets(offsets)));
    }
    for (partition, seen) in places().filter(|(_, known)| !known.tail.is_empty()) {
        let records = Observation::Records {
            partition,
            from: seen.tail.from(),
            upto: seen.tail.upto(),
            records: seen.tail.iter().cloned().collect(),
        };
        known.push((now, records));
    }
    let groups = cluster.groups.iter();
    known.extend(groups.map(|(id, group)| (group.since, Observation::Group(described(id, group)))));
    known.extend(transactions(cluster).map(|seen| (now, seen)));
    let zookeeper = cluster.zookeeper.clone();
    known.extend(zookeeper.map(|seen| (now, Observation::ZooKeeper(seen))));
    if let Some(session) = cluster.znodes.session {
        let there = cluster.znodes.iter();
        let there = there.filter(|(_, znode)| znode.removed_at.is_none());
        let znodes = there.map(|(path, znode)| ZnodeSeen {
            path: path.to_owned(),
            content: Some(znode.content.clone()),
        });
        let seen = ZnodesSeen {
            session,
            whole: true,
            znodes: znodes.collect(),
        };
        known.push((now, Observation::Znodes(seen)));
    }
    if let Some(quorum) = &cluster.quorum {
        known.push((now, Observation::Quorum(quorum.seen.clone())));
    }
    if let Some(software) = &cluster.software {
        known.push((now, Observation::Software(software.clone())));
    }
    if cluster.produced.sent > 0 {
        known.push((now, Observation::Produced(cluster.produced.clone())));
    }
    if cluster.lost > 0 {
        known.push((now, Observation::LostChecked { lost: cluster.lost }));
    }
    known
}

/// What each coordinator has said of its transactional ids.
fn transactions(cluster: &Cluster) -> impl Iterator<Item = Observation> {
    let mut by_broker: BTreeMap<BrokerId, Vec<TransactionSeen>> = BTreeMap::new();
    for (id, known) in &cluster.transactions {
        let Some(coordinator) = known.coordinator else {
            continue;
        };
        by_broker
            .entry(coordinator)
            .or_default()
            .push(TransactionSeen {
                transactional_id: id.clone(),
                state: known.state,
                producer_id: known.producer_id,
                producer_epoch: known.epoch,
                timeout: known.timeout,
                started: known.started,
                partitions: known.partitions.iter().cloned().collect(),
            });
    }
    let told = by_broker.into_iter();
    told.map(|(coordinator, transactions)| Observation::Transactions {
        coordinator,
        transactions,
    })
}

fn metadata(cluster: &Cluster) -> ClusterSeen {
    // Clients begin at the first one.
    let first = cluster.bootstrap.clone().map(|address| BrokerSeen {
        id: BrokerId(-1),
        address,
        rack: None,
    });
    let topics = cluster.topics.iter().map(|(name, topic)| TopicSeen {
        name: name.clone(),
        internal: topic.internal,
        partitions: topic.partitions.iter().map(|it| it.seen.clone()).collect(),
        min_insync_replicas: topic.min_insync_replicas,
        configs: topic.configs.clone(),
    });
    ClusterSeen {
        cluster_id: None,
        controller: cluster.controller.map(|(broker, _)| broker),
        brokers: first.into_iter().collect(),
        topics: topics.collect(),
    }
}

fn described(id: &str, group: &Group) -> GroupSeen {
    let members = group.members.iter().map(|(member_id, member)| MemberSeen {
        member_id: member_id.clone(),
        client_id: member.client_id.clone(),
        host: member.host.clone(),
        assignment: member.reads.iter().cloned().collect(),
        epoch: member.epoch,
        target: member.target.iter().cloned().collect(),
    });
    let committed = group.committed.iter();
    GroupSeen {
        group: id.to_owned(),
        state: group.state,
        coordinator: group.coordinator,
        protocol: group.protocol.clone(),
        members: members.collect(),
        committed: committed.map(|(at, to)| (at.clone(), *to)).collect(),
        kind: group.kind,
        epochs: group.epochs,
    }
}
