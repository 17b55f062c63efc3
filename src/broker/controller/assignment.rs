//! Where the replicas of new partitions go: Kafka's way round the brokers, begun where the fewest
//! partitions are led, so that leaders and followers stay evenly spread.

use std::collections::BTreeMap;

use thiserror::Error;

use crate::image::ClusterImage;
use crate::internal_topic::InternalTopic;
use wire::BrokerId;

/// Partitions of one topic: more would not fit into one znode.
pub(crate) const PARTITIONS_MAX: i32 = 10_000;

/// Why replicas cannot be placed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum AssignmentError {
    #[error("Number of partitions must be larger than 0.")]
    NoPartitions,
    /// This one is ours: Kafka tries, and fails.
    #[error("Number of partitions was set to {0} but must be between 1 and {PARTITIONS_MAX}.")]
    TooManyPartitions(i32),
    #[error("Replication factor must be larger than 0.")]
    NoReplicas(i16),
    #[error("Replication factor: {wanted} larger than available brokers: {live}.")]
    TooFewBrokers { wanted: i16, live: usize },
    #[error("{0}")]
    Manual(String),
}

/// Places a new topic over the live brokers.
pub(crate) fn of_new_topic(
    image: &ClusterImage,
    name: &str,
    partitions: i32,
    replication_factor: i16,
) -> Result<BTreeMap<i32, Vec<BrokerId>>, AssignmentError> {
    let ring = Ring::new(image, replication_factor)?;
    if partitions < 1 {
        return Err(AssignmentError::NoPartitions);
    }
    if partitions > PARTITIONS_MAX {
        return Err(AssignmentError::TooManyPartitions(partitions));
    }
    let load = Load::of(image, name);
    let start = ring.least(|broker| load.leads(broker));
    let best = (0..ring.brokers.len())
        .map(|shift| ring.place(0..partitions, start, shift))
        .min_by_key(|placed| load.unevenness_with(placed));
    Ok(best.unwrap_or_default())
}

/// Places more partitions of a topic, going on from its first as Kafka does.
pub(crate) fn of_more_partitions(
    image: &ClusterImage,
    first: &[BrokerId],
    indexes: std::ops::Range<i32>,
) -> Result<BTreeMap<i32, Vec<BrokerId>>, AssignmentError> {
    if indexes.end > PARTITIONS_MAX {
        return Err(AssignmentError::TooManyPartitions(indexes.end));
    }
    let ring = Ring::new(image, i16::try_from(first.len()).unwrap_or(i16::MAX))?;
    let start = first
        .first()
        .and_then(|leader| ring.brokers.iter().position(|broker| broker >= leader))
        .unwrap_or(0);
    Ok(ring.place(indexes, start, start))
}

/// Checks replicas that were placed by hand, for partitions from `first` on.
pub(crate) fn check_manual(
    image: &ClusterImage,
    first: i32,
    wanted: &BTreeMap<i32, Vec<BrokerId>>,
) -> Result<(), AssignmentError> {
    let refuse = |message: String| Err(AssignmentError::Manual(message));
    let replication_factor = wanted.values().next().map_or(0, Vec::len);
    for (expected, (index, replicas)) in (first..).zip(wanted) {
        if *index != expected {
            return refuse(
                "partitions should be a consecutive 0-based integer sequence".to_owned(),
            );
        }
        if *index >= PARTITIONS_MAX {
            return Err(AssignmentError::TooManyPartitions(*index + 1));
        }
        if replicas.is_empty() {
            return refuse(format!(
                "Cannot have replication factor of 0 for partition id {index}."
            ));
        }
        if replicas.len() != replication_factor {
            return refuse("All partitions should have the same number of replicas".to_owned());
        }
        for (position, id) in replicas.iter().enumerate() {
            if replicas.iter().take(position).any(|other| other == id) {
                return refuse(format!(
                    "Duplicate brokers not allowed in replica assignment: {} for partition id {index}.",
                    listed(replicas)
                ));
            }
            if !image.brokers.contains_key(id) {
                return refuse(format!("Unknown broker(s) in replica assignment: {id}."));
            }
        }
    }
    Ok(())
}

/// Brokers as Kafka lists them in its sentences.
pub(crate) fn listed<'a>(brokers: impl IntoIterator<Item = &'a BrokerId>) -> String {
    let brokers: Vec<String> = brokers.into_iter().map(ToString::to_string).collect();
    brokers.join(", ")
}

/// A partition's replicas while they move, or rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Replicas {
    /// Where the move leads to, then those that leave at its end.
    pub(crate) all: Vec<BrokerId>,
    pub(crate) adding: Vec<BrokerId>,
    pub(crate) removing: Vec<BrokerId>,
}

impl Replicas {
    /// As they were before the move.
    pub(crate) fn called_off(&self) -> Self {
        let before = self
            .all
            .iter()
            .copied()
            .filter(|id| !self.adding.contains(id));
        Self {
            all: before.collect(),
            adding: Vec::new(),
            removing: Vec::new(),
        }
    }

    /// Where the move leads to; `None` where none is under way.
    pub(crate) fn target(&self) -> Option<Vec<BrokerId>> {
        let under_way = !(self.adding.is_empty() && self.removing.is_empty());
        let staying = self.all.iter().copied();
        under_way.then(|| staying.filter(|id| !self.removing.contains(id)).collect())
    }

    /// On their way to these, from where they were before any move.
    pub(crate) fn moving_to(&self, target: &[BrokerId]) -> Self {
        let before = self.called_off().all;
        let without = |ids: &[BrokerId], others: &[BrokerId]| -> Vec<BrokerId> {
            ids.iter()
                .copied()
                .filter(|id| !others.contains(id))
                .collect()
        };
        let removing = without(&before, target);
        Self {
            all: target.iter().chain(&removing).copied().collect(),
            adding: without(target, &before),
            removing,
        }
    }
}

/// The live brokers in the order of their ids.
struct Ring {
    brokers: Vec<BrokerId>,
    replicas: usize,
}

impl Ring {
    fn new(image: &ClusterImage, replication_factor: i16) -> Result<Self, AssignmentError> {
        let brokers: Vec<BrokerId> = image.brokers.keys().copied().collect();
        let replicas = usize::try_from(replication_factor)
            .ok()
            .filter(|replicas| *replicas > 0)
            .ok_or(AssignmentError::NoReplicas(replication_factor))?;
        if replicas > brokers.len() {
            return Err(AssignmentError::TooFewBrokers {
                wanted: replication_factor,
                live: brokers.len(),
            });
        }
        Ok(Self { brokers, replicas })
    }

    /// The position of the broker with the smallest weight, the first of several.
    fn least(&self, weight: impl Fn(BrokerId) -> usize) -> usize {
        (0..self.brokers.len())
            .min_by_key(|position| weight(self.at(*position)))
            .unwrap_or(0)
    }

    fn at(&self, position: usize) -> BrokerId {
        *self
            .brokers
            .get(position % self.brokers.len())
            .expect("a ring is never empty and its positions wrap")
    }

    /// Each next partition's leader is the next broker; followers stand `shift` further, and one
    /// further still after each time round.
    fn place(
        &self,
        indexes: std::ops::Range<i32>,
        start: usize,
        mut shift: usize,
    ) -> BTreeMap<i32, Vec<BrokerId>> {
        let count = self.brokers.len();
        let mut placed = BTreeMap::new();
        for index in indexes {
            let round = usize::try_from(index).unwrap_or(0);
            if round > 0 && round.is_multiple_of(count) {
                shift += 1;
            }
            let leader = round + start;
            let followers = (0..self.replicas - 1)
                .map(|follower| self.at(leader + 1 + (shift + follower) % (count - 1)));
            placed.insert(
                index,
                std::iter::once(self.at(leader)).chain(followers).collect(),
            );
        }
        placed
    }
}

/// What the brokers have to do already, by their id.
struct Load {
    leads: BTreeMap<BrokerId, usize>,
    holds: BTreeMap<BrokerId, usize>,
}

impl Load {
    /// Kafka's own topics are spread among themselves, so that they do not push the others about.
    fn of(image: &ClusterImage, name: &str) -> Self {
        let mut load = Self {
            leads: BTreeMap::new(),
            holds: BTreeMap::new(),
        };
        let internal = is_internal(name);
        for topic in image
            .topics
            .iter()
            .filter(|(other, _)| is_internal(other) == internal)
        {
            for partition in topic.1.partitions.values() {
                load.add(&partition.replicas);
            }
        }
        load
    }

    fn add(&mut self, replicas: &[BrokerId]) {
        for (position, broker) in replicas.iter().enumerate() {
            *self.holds.entry(*broker).or_default() += 1;
            if position == 0 {
                *self.leads.entry(*broker).or_default() += 1;
            }
        }
    }

    fn leads(&self, broker: BrokerId) -> usize {
        self.leads.get(&broker).copied().unwrap_or(0)
    }

    /// The sum of squares of what each broker would hold.
    fn unevenness_with(&self, placed: &BTreeMap<i32, Vec<BrokerId>>) -> usize {
        let mut with = Self {
            leads: BTreeMap::new(),
            holds: self.holds.clone(),
        };
        for replicas in placed.values() {
            with.add(replicas);
        }
        with.holds.values().map(|held| held * held).sum()
    }
}

/// Whether Kafka itself owns a topic of this name.
pub(crate) fn is_internal(name: &str) -> bool {
    InternalTopic::named(name).is_some()
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, sync::Arc};

    use super::{AssignmentError, Replicas, check_manual, of_more_partitions, of_new_topic};
    use crate::image::{BrokerNode, ClusterImage, PartitionImage, TopicImage};
    use wire::BrokerId;

    fn cluster(brokers: i32) -> ClusterImage {
        let node = BrokerNode {
            host: "h".into(),
            port: 1,
            rack: None,
            epoch: 1,
        };
        ClusterImage {
            brokers: (1..=brokers)
                .map(|id| (BrokerId(id), node.clone()))
                .collect(),
            ..ClusterImage::default()
        }
    }

    fn add(image: &mut ClusterImage, name: &str, assignment: &BTreeMap<i32, Vec<BrokerId>>) {
        let partitions = assignment
            .iter()
            .map(|(index, replicas)| (*index, PartitionImage::assigned(replicas.clone())))
            .collect();
        let topic = TopicImage {
            id: uuid::Uuid::new_v4(),
            czxid: 1,
            mzxid: 1,
            version: 0,
            configs_mzxid: 0,
            partitions,
            configs: BTreeMap::new(),
        };
        image.topics.insert(name.into(), Arc::new(topic));
    }

    fn ids(assignment: &BTreeMap<i32, Vec<BrokerId>>) -> Vec<Vec<i32>> {
        assignment
            .values()
            .map(|replicas| replicas.iter().map(|id| id.0).collect())
            .collect()
    }

    #[test]
    fn a_fresh_cluster_has_its_leaders_on_the_diagonal() {
        let orders = of_new_topic(&cluster(3), "orders", 3, 3).expect("placed");
        assert_eq!(ids(&orders), [[1, 2, 3], [2, 3, 1], [3, 1, 2]]);
        let orders = of_new_topic(&cluster(4), "orders", 4, 2).expect("placed");
        assert_eq!(ids(&orders), [[1, 2], [2, 3], [3, 4], [4, 1]]);
        let offsets = of_new_topic(&cluster(1), "__consumer_offsets", 2, 1).expect("placed");
        assert_eq!(ids(&offsets), [[1], [1]]);
    }

    #[test]
    fn topics_of_one_partition_go_round_the_brokers() {
        let mut image = cluster(3);
        let mut leaders = Vec::new();
        for number in 0..6 {
            let placed = of_new_topic(&image, "t", 1, 2).expect("placed");
            leaders.push(placed[&0][0].0);
            add(&mut image, &number.to_string(), &placed);
        }
        assert_eq!(leaders, [1, 2, 3, 1, 2, 3]);
        let mut held = BTreeMap::<BrokerId, usize>::new();
        for topic in image.topics.values() {
            for id in &topic.partitions[&0].replicas {
                *held.entry(*id).or_default() += 1;
            }
        }
        assert!(held.values().all(|held| *held == 4), "{held:?}");
    }

    #[test]
    fn kafkas_own_topics_do_not_move_the_diagonal() {
        let mut image = cluster(3);
        let offsets = of_new_topic(&image, "__consumer_offsets", 10, 3).expect("placed");
        add(&mut image, "__consumer_offsets", &offsets);
        let orders = of_new_topic(&image, "orders", 3, 3).expect("placed");
        assert_eq!(ids(&orders), [[1, 2, 3], [2, 3, 1], [3, 1, 2]]);
    }

    #[test]
    fn added_partitions_go_on_round_the_brokers() {
        let image = cluster(3);
        let first = [2, 3, 1].map(BrokerId);
        let more = of_more_partitions(&image, &first, 3..5).expect("placed");
        assert_eq!(more[&3][0], BrokerId(2));
        assert_eq!(more[&4][0], BrokerId(3));
        assert!(more.values().all(|replicas| replicas.len() == 3));
    }

    #[test]
    fn what_cannot_be_placed_is_said() {
        let error = of_new_topic(&cluster(3), "t", 1, 4).expect_err("too many");
        let kafkas = "Replication factor: 4 larger than available brokers: 3.";
        assert_eq!(error.to_string(), kafkas);
        assert_eq!(
            of_new_topic(&cluster(3), "t", 0, 1),
            Err(AssignmentError::NoPartitions)
        );
        assert_eq!(
            of_new_topic(&cluster(3), "t", 1, 0),
            Err(AssignmentError::NoReplicas(0))
        );
    }

    #[test]
    fn replicas_placed_by_hand_are_checked() {
        let image = cluster(3);
        let check = |wanted: &[(i32, &[i32])]| {
            let wanted = wanted
                .iter()
                .map(|(index, ids)| (*index, ids.iter().copied().map(BrokerId).collect()))
                .collect();
            check_manual(&image, 0, &wanted)
        };
        assert_eq!(check(&[(0, &[3, 1]), (1, &[1, 2])]), Ok(()));
        for bad in [
            &[(1, &[1][..])][..],
            &[(0, &[])],
            &[(0, &[1, 1])],
            &[(0, &[1, 9])],
            &[(0, &[1, 2]), (1, &[1])],
        ] {
            assert!(
                matches!(check(bad), Err(AssignmentError::Manual(_))),
                "{bad:?}"
            );
        }
    }

    #[test]
    fn replicas_move_and_are_called_back() {
        let ids = |ids: &[i32]| ids.iter().copied().map(BrokerId).collect::<Vec<_>>();
        let resting = Replicas {
            all: ids(&[1, 2]),
            adding: vec![],
            removing: vec![],
        };
        let moving = resting.moving_to(&ids(&[3, 2]));
        let expected = Replicas {
            all: ids(&[3, 2, 1]),
            adding: ids(&[3]),
            removing: ids(&[1]),
        };
        assert_eq!(moving, expected);
        assert_eq!(moving.called_off().all, ids(&[2, 1]));
        let elsewhere = moving.moving_to(&ids(&[4]));
        assert_eq!(elsewhere.all, ids(&[4, 2, 1]));
        assert_eq!(elsewhere.adding, ids(&[4]));
        assert_eq!(resting.moving_to(&ids(&[2, 1])).all, ids(&[2, 1]));
    }
}
