//! Plans which replicas move so that every broker keeps its fair share.

use std::collections::{BTreeMap, BTreeSet};

use super::Request;
use crate::state::{
    State,
    cluster::Cluster,
    story::{Subject, Tone, listed},
};
use wire::{BrokerId, TopicPartition};

/// What shall move, and whereto.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Spread {
    /// The replicas that each of these partitions shall have, the preferred leader first.
    pub partitions: Vec<(TopicPartition, Vec<BrokerId>)>,
    /// How many replicas are copied to a broker that has none yet.
    pub copies: usize,
    /// Who gets them.
    pub onto: BTreeSet<BrokerId>,
}

impl Spread {
    /// The fewest moves found that leave no broker of the cluster with two replicas, or two
    /// preferred leaders, of a topic more than another. What Kafka keeps for itself stays.
    #[must_use]
    pub fn plan(cluster: &Cluster) -> Self {
        let brokers: Vec<BrokerId> = cluster
            .brokers()
            .filter_map(crate::state::cluster::Process::broker)
            .collect();
        let mut planned: BTreeMap<&str, Vec<Vec<BrokerId>>> = BTreeMap::new();
        for (name, topic) in &cluster.topics {
            if !topic.internal {
                let replicas = topic.partitions.iter();
                let replicas = replicas.map(|partition| partition.seen.replicas.clone());
                planned.insert(name, replicas.collect());
            }
        }
        while planned_move(&mut planned, &brokers, Share::Replicas) {}
        while planned_move(&mut planned, &brokers, Share::Leaders) {}
        let mut spread = Self::default();
        for (name, partitions) in planned {
            for (partition, replicas) in (0..).zip(partitions) {
                let at = TopicPartition::new(name, partition);
                let Some(known) = cluster.partition(&at) else {
                    continue;
                };
                let before = &known.seen.replicas;
                let new = replicas.iter().filter(|broker| !before.contains(broker));
                let new: Vec<BrokerId> = new.copied().collect();
                spread.copies += new.len();
                spread.onto.extend(new);
                if *before != replicas {
                    spread.partitions.push((at, replicas));
                }
            }
        }
        spread
    }
}

/// What is shared out fairly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Share {
    Replicas,
    /// First replicas: they lead when all is well.
    Leaders,
}

impl Share {
    fn holders(self, replicas: &[BrokerId]) -> &[BrokerId] {
        match self {
            Self::Replicas => replicas,
            Self::Leaders => replicas.get(..1).unwrap_or_default(),
        }
    }
}

/// How much of something each broker has.
fn loads<'a>(
    share: Share,
    partitions: impl Iterator<Item = &'a Vec<BrokerId>>,
    brokers: &[BrokerId],
) -> BTreeMap<BrokerId, usize> {
    let mut loads: BTreeMap<BrokerId, usize> = brokers.iter().map(|id| (*id, 0)).collect();
    for replicas in partitions {
        for broker in share.holders(replicas) {
            *loads.entry(*broker).or_default() += 1;
        }
    }
    loads
}

/// Moves one thing from a broker with much to one with little. Each move lowers the sum of the
/// squares of a topic's loads, or keeps it and lowers that of all topics: so it comes to an end.
fn planned_move(
    planned: &mut BTreeMap<&str, Vec<Vec<BrokerId>>>,
    brokers: &[BrokerId],
    share: Share,
) -> bool {
    let all = loads(share, planned.values().flatten(), brokers);
    for partitions in planned.values_mut() {
        let here = loads(share, partitions.iter(), brokers);
        let load = |broker: &BrokerId| {
            let of = |loads: &BTreeMap<BrokerId, usize>| loads.get(broker).copied().unwrap_or(0);
            (of(&here), of(&all))
        };
        // The last partitions move first: the first ones are those that people look at.
        for replicas in partitions.iter_mut().rev() {
            let from = share.holders(replicas).iter().copied().max_by_key(load);
            let may = |to: &&BrokerId| replicas.contains(to) == (share == Share::Leaders);
            let to = brokers.iter().filter(may).copied().min_by_key(load);
            let (Some(from), Some(to)) = (from, to) else {
                continue;
            };
            let ((from_here, from_all), (to_here, to_all)) = (load(&from), load(&to));
            let fairer_here = from_here >= to_here + 2;
            let fairer_in_all = from_here == to_here + 1 && from_all >= to_all + 2;
            if !fairer_here && !fairer_in_all {
                continue;
            }
            for replica in replicas.iter_mut() {
                if *replica == from {
                    *replica = to;
                } else if *replica == to {
                    *replica = from;
                }
            }
            return true;
        }
    }
    false
}

impl Spread {
    /// The plan for the cluster as it is, or why nothing can be moved now.
    fn of(state: &State) -> Result<Self, String> {
        let (up, all) = state.cluster.brokers_up();
        if up < all {
            return Err(format!(
                "{up} of {all} brokers are up: {{heal}} brings the others back, then {{partitions spread}} moves"
            ));
        }
        if state.cluster.topics.values().all(|topic| topic.internal) {
            return Err(
                "there is no topic whose partitions could move: {topic create} makes one"
                    .to_owned(),
            );
        }
        let spread = Self::plan(&state.cluster);
        if spread.partitions.is_empty() {
            return Err(
                "every broker has its fair share already.  {broker add} adds a broker".to_owned(),
            );
        }
        Ok(spread)
    }
}

/// The question before it, where there is something to move.
pub(in crate::state) fn question(state: &State) -> Option<String> {
    let spread = Spread::of(state).ok()?;
    let onto: Vec<BrokerId> = spread.onto.iter().copied().collect();
    let what = match (spread.copies, onto.len()) {
        (0, _) => "change who is preferred to lead".to_owned(),
        (1, _) => format!("copy 1 replica onto broker {}", listed(&onto)),
        (many, 1) => format!("copy {many} replicas onto broker {}", listed(&onto)),
        (many, _) => format!("copy {many} replicas onto brokers {}", listed(&onto)),
    };
    let partitions = match spread.partitions.len() {
        1 => "1 partition".to_owned(),
        many => format!("{many} partitions"),
    };
    let text =
        format!("{what}, of {partitions}?   {{confirm accept}} move   {{confirm back}} keep");
    Some(state.view.keys.fill(&text))
}

/// Moves partitions so that each broker has its fair share.
pub(in crate::state) fn spread(state: &mut State) -> Vec<Request> {
    let spread = match Spread::of(state) {
        Ok(spread) => spread,
        Err(refusal) => {
            state.message(refusal, false);
            return Vec::new();
        }
    };
    let mut line = state
        .wish()
        .say("move partitions onto all brokers")
        .with(Tone::Dim, format!(" ({} replicas copied)", spread.copies));
    for broker in &spread.onto {
        line = line.about(crate::state::story::of(*broker));
    }
    let mut topics: Vec<&String> = spread.partitions.iter().map(|(at, _)| &at.topic).collect();
    topics.dedup();
    for topic in topics {
        line = line.about(Subject::Topic(topic.clone()));
    }
    for (at, _) in &spread.partitions {
        line = line.about(Subject::Partition(at.clone()));
    }
    state.story.begin(line);
    vec![Request::Reassign(spread.partitions)]
}

/// What would move now, as `kafka-reassign-partitions.sh` reads it.
pub(super) fn plan_json(state: &State) -> Option<String> {
    let spread = Spread::of(state).ok()?;
    Some(json(&spread).to_string())
}

fn json(spread: &Spread) -> serde_json::Value {
    let partitions: Vec<serde_json::Value> = spread
        .partitions
        .iter()
        .map(|(at, replicas)| {
            serde_json::json!({"topic": at.topic, "partition": at.partition, "replicas": replicas})
        })
        .collect();
    serde_json::json!({"version": 1, "partitions": partitions})
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Share, Spread, loads};
    use crate::state::{Cluster, Partition, Process, ProcessName, Timestamp, cluster::Topic};
    use wire::BrokerId;

    fn cluster(brokers: i32, topics: &[(&str, &[&[i32]])]) -> Cluster {
        let mut cluster = Cluster::default();
        for id in 1..=brokers {
            let name = ProcessName::Broker(BrokerId(id));
            let process = Process::planned(name.clone(), Timestamp(0));
            cluster.processes.insert(name, process);
        }
        for (name, partitions) in topics {
            let mut topic = Topic::default();
            for (index, replicas) in (0..).zip(*partitions) {
                let mut partition = Partition::default();
                partition.seen.partition = index;
                partition.seen.replicas = replicas.iter().copied().map(BrokerId).collect();
                topic.partitions.push(partition);
            }
            cluster.topics.insert((*name).to_owned(), topic);
        }
        cluster
    }

    fn after(cluster: &Cluster) -> Vec<Vec<BrokerId>> {
        let spread = Spread::plan(cluster);
        let moved: BTreeMap<_, _> = spread.partitions.into_iter().collect();
        cluster
            .partitions()
            .map(|(at, partition)| moved.get(&at).unwrap_or(&partition.seen.replicas).clone())
            .collect()
    }

    #[test]
    fn a_fourth_broker_gets_its_share_with_the_fewest_copies() {
        let cluster = cluster(4, &[("orders", &[&[1, 2, 3], &[2, 3, 1], &[3, 1, 2]])]);
        let spread = Spread::plan(&cluster);
        assert_eq!(spread.copies, 2);
        assert_eq!(spread.onto.len(), 1);
        let ids: Vec<BrokerId> = (1..=4).map(BrokerId).collect();
        let planned = after(&cluster);
        let loads = loads(Share::Replicas, planned.iter(), &ids);
        assert_eq!(loads.values().sum::<usize>(), 9);
        assert!(loads.values().all(|load| (2..=3).contains(load)));
    }

    #[test]
    fn what_is_fair_stays() {
        let cluster = cluster(3, &[("orders", &[&[1, 2, 3], &[2, 3, 1], &[3, 1, 2]])]);
        assert_eq!(Spread::plan(&cluster), Spread::default());
    }

    #[test]
    fn topics_of_one_partition_share_the_brokers_between_them() {
        let alone: &[&[i32]] = &[&[1]];
        let cluster = cluster(4, &["a", "b", "c", "d"].map(|name| (name, alone)));
        let mut brokers: Vec<BrokerId> = after(&cluster).into_iter().flatten().collect();
        brokers.sort();
        assert_eq!(brokers, (1..=4).map(BrokerId).collect::<Vec<_>>());
    }

    #[test]
    fn leadership_is_divided_without_copying() {
        let cluster = cluster(3, &[("orders", &[&[1, 2, 3], &[1, 3, 2], &[1, 2, 3]])]);
        let spread = Spread::plan(&cluster);
        assert_eq!(spread.copies, 0);
        let mut leaders: Vec<BrokerId> = after(&cluster)
            .iter()
            .filter_map(|replicas| replicas.first().copied())
            .collect();
        leaders.sort();
        assert_eq!(leaders, [1, 2, 3].map(BrokerId));
    }
}
