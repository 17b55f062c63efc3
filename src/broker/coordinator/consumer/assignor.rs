//! Who is to read what: Kafka's server-side assignors `uniform` and `range`.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::partitions::Partitions;

/// An assignor, by the name under which members and settings ask for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Assignor {
    Uniform,
    Range,
}

/// A topic that somebody subscribes to. Assignors take topics in the order of their names.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TopicToAssign {
    pub id: Uuid,
    pub partitions: i32,
}

/// A member that gets a share. Assignors take members in the order of their ids.
#[derive(Debug, Clone)]
pub(crate) struct MemberToAssign<'a> {
    pub instance_id: Option<&'a str>,
    /// Positions in the list of topics, ascending.
    pub topics: Vec<usize>,
    /// What the target before gave it.
    pub before: Option<&'a Partitions>,
}

/// A partition: the position of its topic, its index.
type At = (usize, i32);

impl Assignor {
    pub(crate) const ALL: [Self; 2] = [Self::Uniform, Self::Range];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Uniform => "uniform",
            Self::Range => "range",
        }
    }

    /// The assignor that is called so, by its name or, as in Kafka 3.9, by its class.
    pub(crate) fn of_name(name: &str) -> Option<Self> {
        let class = |name| match name {
            "org.apache.kafka.coordinator.group.assignor.UniformAssignor" => Some(Self::Uniform),
            "org.apache.kafka.coordinator.group.assignor.RangeAssignor" => Some(Self::Range),
            _ => None,
        };
        let mut all = Self::ALL.into_iter();
        all.find(|it| it.name() == name).or_else(|| class(name))
    }

    /// Divides all partitions among those that subscribe to them: a share for each member, in the
    /// order of the members.
    pub(crate) fn assign(
        self,
        topics: &[TopicToAssign],
        members: &[MemberToAssign<'_>],
    ) -> Vec<Partitions> {
        let shares = match self {
            Self::Range => range(topics, members),
            Self::Uniform if all_subscribe_alike(members) => uniform(topics, members),
            Self::Uniform => balanced(topics, members),
        };
        shares
            .into_iter()
            .map(|share| by_topic(topics, share))
            .collect()
    }
}

fn by_topic(topics: &[TopicToAssign], share: impl IntoIterator<Item = At>) -> Partitions {
    let mut partitions = Partitions::new();
    for (topic, partition) in share {
        if let Some(topic) = topics.get(topic) {
            partitions.entry(topic.id).or_default().insert(partition);
        }
    }
    partitions
}

fn all_subscribe_alike(members: &[MemberToAssign<'_>]) -> bool {
    let mut lists = members.iter().map(|member| &member.topics);
    let first = lists.next();
    lists.all(|list| Some(list) == first)
}

fn partitions_of(topics: &[TopicToAssign], topic: usize) -> impl Iterator<Item = At> + use<> {
    let count = topics.get(topic).map_or(0, |topic| topic.partitions);
    (0..count).map(move |partition| (topic, partition))
}

/// What the member had and still subscribes to, in the order of topics and partitions.
fn kept(topics: &[TopicToAssign], member: &MemberToAssign<'_>) -> Vec<At> {
    let before = |topic: &usize| {
        let id = topics.get(*topic).map(|it| (it.id, it.partitions));
        let had = id.and_then(|(id, count)| Some((member.before?.get(&id)?, count)));
        let had = had.into_iter().flat_map(|(had, count)| had.range(0..count));
        had.map(|partition| (*topic, *partition))
            .collect::<Vec<At>>()
    };
    member.topics.iter().flat_map(before).collect()
}

/// Each topic for itself is cut into blocks, the first ones larger by one. Static members come
/// first, by their instance ids, so that they get the same block under another member id.
fn range(topics: &[TopicToAssign], members: &[MemberToAssign<'_>]) -> Vec<BTreeSet<At>> {
    let mut order: Vec<usize> = (0..members.len()).collect();
    order.sort_by_key(|&at| {
        let instance_id = members.get(at).and_then(|member| member.instance_id);
        (instance_id.is_none(), instance_id, at)
    });
    let mut shares = vec![BTreeSet::new(); members.len()];
    for topic in 0..topics.len() {
        let subscribes = |at: &&usize| {
            let member = members.get(**at);
            member.is_some_and(|member| member.topics.binary_search(&topic).is_ok())
        };
        let readers: Vec<usize> = order.iter().filter(subscribes).copied().collect();
        let mut partitions = partitions_of(topics, topic);
        let count = partitions.size_hint().0;
        for (position, reader) in readers.iter().enumerate() {
            let block = share_of(count, readers.len(), position);
            if let Some(share) = shares.get_mut(*reader) {
                share.extend(partitions.by_ref().take(block));
            }
        }
    }
    shares
}

/// How many of `count` the one at `position` of `among` gets.
fn share_of(count: usize, among: usize, position: usize) -> usize {
    count / among + usize::from(position < count % among)
}

/// Where everybody subscribes to the same topics: each keeps what it has up to its quota, the
/// rest goes in order to whoever has less.
fn uniform(topics: &[TopicToAssign], members: &[MemberToAssign<'_>]) -> Vec<BTreeSet<At>> {
    let subscribed = members.first().map_or(&[][..], |member| &member.topics);
    let all: Vec<At> = subscribed
        .iter()
        .flat_map(|topic| partitions_of(topics, *topic))
        .collect();
    let among = members.len().max(1);
    let least = all.len() / among;
    // So many members get one more than the others.
    let mut larger = all.len() % among;
    let mut taken = BTreeSet::new();
    let mut shares: Vec<BTreeSet<At>> = Vec::with_capacity(members.len());
    for member in members {
        let quota = least + usize::from(larger > 0);
        let had = kept(topics, member).into_iter();
        let free = had.filter(|at| !taken.contains(at));
        let share: BTreeSet<At> = free.take(quota).collect();
        larger -= usize::from(share.len() > least);
        taken.extend(share.iter().copied());
        shares.push(share);
    }
    let mut rest = all.into_iter().filter(|at| !taken.contains(at));
    for share in &mut shares {
        let has_more = share.len() > least;
        let quota = least + usize::from(has_more || larger > 0);
        let missing = quota.saturating_sub(share.len());
        share.extend(rest.by_ref().take(missing));
        larger -= usize::from(!has_more && share.len() > least);
    }
    shares
}

/// Where subscriptions differ: each keeps what it has, the rest goes to whoever has least, and
/// partitions move from those with more to those with less as long as that makes them more equal.
fn balanced(topics: &[TopicToAssign], members: &[MemberToAssign<'_>]) -> Vec<BTreeSet<At>> {
    let mut readers: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (at, member) in members.iter().enumerate() {
        for topic in &member.topics {
            readers.entry(*topic).or_default().push(at);
        }
    }
    let mut taken = BTreeSet::new();
    let mut shares: Vec<BTreeSet<At>> = Vec::with_capacity(members.len());
    for member in members {
        let had = kept(topics, member).into_iter();
        let share: BTreeSet<At> = had.filter(|at| taken.insert(*at)).collect();
        shares.push(share);
    }
    let size = |shares: &[BTreeSet<At>], at: usize| shares.get(at).map_or(0, BTreeSet::len);
    for (topic, readers) in &readers {
        for at in partitions_of(topics, *topic).filter(|at| !taken.contains(at)) {
            let least = readers.iter().min_by_key(|at| size(&shares, **at));
            if let Some(share) = least.and_then(|least| shares.get_mut(*least)) {
                share.insert(at);
            }
        }
    }
    // Each move makes the sum of the squares of all sizes smaller, so that this comes to an end.
    let mut moved = true;
    while moved {
        moved = false;
        for (topic, readers) in &readers {
            while let Some((from, to, at)) = unequal(&shares, readers, *topic) {
                if let Some(share) = shares.get_mut(from) {
                    share.remove(&at);
                }
                if let Some(share) = shares.get_mut(to) {
                    share.insert(at);
                }
                moved = true;
            }
        }
    }
    shares
}

/// A partition of the topic that its owner has too much and another reader too little.
fn unequal(shares: &[BTreeSet<At>], readers: &[usize], topic: usize) -> Option<(usize, usize, At)> {
    let size = |at: &usize| shares.get(*at).map_or(0, BTreeSet::len);
    let to = readers.iter().copied().min_by_key(size)?;
    let of_topic = |at: usize| {
        let share = shares.get(at)?;
        share.range((topic, 0)..(topic + 1, 0)).next().copied()
    };
    let owners = readers.iter().filter_map(|at| Some((*at, of_topic(*at)?)));
    // Of equals the first.
    let (from, at) = owners.rev().max_by_key(|(at, _)| size(at))?;
    (size(&from) > size(&to) + 1).then_some((from, to, at))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fmt::Write as _;

    use uuid::Uuid;

    use super::{Assignor, MemberToAssign, Partitions, TopicToAssign};

    /// Members that come and go; each time the assignor divides anew.
    struct Group {
        assignor: Assignor,
        topics: Vec<(&'static str, TopicToAssign)>,
        members: BTreeMap<&'static str, (&'static str, Option<&'static str>)>,
        target: BTreeMap<&'static str, Partitions>,
    }

    impl Group {
        fn new(assignor: Assignor, topics: &[(&'static str, i32)]) -> Self {
            let topics = topics.iter().zip(1..);
            let topic = |((name, partitions), id): (&(&'static str, i32), u128)| {
                let id = Uuid::from_u128(id);
                let partitions = *partitions;
                (*name, TopicToAssign { id, partitions })
            };
            Self {
                assignor,
                topics: topics.map(topic).collect(),
                members: BTreeMap::new(),
                target: BTreeMap::new(),
            }
        }

        fn joins(&mut self, id: &'static str, subscribed: &'static str) -> String {
            self.members.insert(id, (subscribed, None));
            self.assign()
        }

        fn leaves(&mut self, id: &'static str) -> String {
            self.members.remove(id);
            self.target.remove(id);
            self.assign()
        }

        /// `m1 a01 b0, m2 a2`.
        fn assign(&mut self) -> String {
            let topics: Vec<TopicToAssign> = self.topics.iter().map(|(_, it)| *it).collect();
            let members = self.members.iter();
            let members: Vec<MemberToAssign<'_>> = members
                .map(|(id, (subscribed, instance_id))| MemberToAssign {
                    instance_id: *instance_id,
                    topics: (0..topics.len())
                        .filter(|at| subscribed.contains(self.topics[*at].0))
                        .collect(),
                    before: self.target.get(id),
                })
                .collect();
            let shares = self.assignor.assign(&topics, &members);
            self.target = self.members.keys().copied().zip(shares).collect();
            let shown = self.target.iter().map(|(id, share)| {
                let mut shown = (*id).to_owned();
                for (name, topic) in &self.topics {
                    let Some(partitions) = share.get(&topic.id) else {
                        continue;
                    };
                    write!(shown, " {name}").expect("a string");
                    for partition in partitions {
                        write!(shown, "{partition}").expect("a string");
                    }
                }
                shown
            });
            shown.collect::<Vec<String>>().join(", ")
        }
    }

    #[test]
    fn uniform_moves_as_little_as_kafka_does() {
        let mut one = Group::new(Assignor::Uniform, &[("a", 3)]);
        assert_eq!(one.joins("m1", "a"), "m1 a012");
        assert_eq!(one.joins("m2", "a"), "m1 a01, m2 a2");
        assert_eq!(one.joins("m3", "a"), "m1 a0, m2 a2, m3 a1");
        assert_eq!(one.joins("m4", "a"), "m1 a0, m2 a2, m3 a1, m4");
        assert_eq!(one.leaves("m1"), "m2 a2, m3 a1, m4 a0");
        let mut four = Group::new(Assignor::Uniform, &[("a", 4)]);
        four.joins("m1", "a");
        assert_eq!(four.joins("m2", "a"), "m1 a01, m2 a23");
        assert_eq!(four.joins("m3", "a"), "m1 a01, m2 a2, m3 a3");
        assert_eq!(four.leaves("m1"), "m2 a02, m3 a13");
        let mut two = Group::new(Assignor::Uniform, &[("a", 3), ("b", 3)]);
        two.joins("m1", "ab");
        assert_eq!(two.joins("m2", "ab"), "m1 a012, m2 b012");
        assert_eq!(two.joins("m3", "ab"), "m1 a01, m2 b01, m3 a2 b2");
        assert_eq!(two.joins("m4", "ab"), "m1 a01, m2 b01, m3 a2, m4 b2");
        assert_eq!(two.leaves("m2"), "m1 a01, m3 a2 b0, m4 b12");
        let mut names = Group::new(Assignor::Uniform, &[("t", 3)]);
        names.joins("b", "t");
        assert_eq!(names.joins("a", "t"), "a t2, b t01");
    }

    #[test]
    fn uniform_is_fair_where_subscriptions_differ() {
        let mut group = Group::new(Assignor::Uniform, &[("a", 3), ("b", 3)]);
        group.joins("m1", "ab");
        assert_eq!(group.joins("m2", "a"), "m1 b012, m2 a012");
        assert_eq!(group.joins("m3", ""), "m1 b012, m2 a012, m3");
        assert_eq!(group.joins("m4", "b"), "m1 b12, m2 a012, m3, m4 b0");
    }

    #[test]
    fn range_cuts_each_topic_into_blocks_by_position() {
        let mut one = Group::new(Assignor::Range, &[("a", 3)]);
        one.joins("m1", "a");
        assert_eq!(one.joins("m2", "a"), "m1 a01, m2 a2");
        assert_eq!(one.joins("m3", "a"), "m1 a0, m2 a1, m3 a2");
        assert_eq!(one.joins("m4", "a"), "m1 a0, m2 a1, m3 a2, m4");
        assert_eq!(one.leaves("m1"), "m2 a0, m3 a1, m4 a2");
        let mut two = Group::new(Assignor::Range, &[("a", 3), ("b", 3)]);
        two.joins("m1", "ab");
        assert_eq!(two.joins("m2", "a"), "m1 a01 b012, m2 a2");
        let mut fixed = Group::new(Assignor::Range, &[("a", 3)]);
        fixed.members.insert("z1", ("a", Some("a")));
        fixed.members.insert("a1", ("a", Some("z")));
        assert_eq!(fixed.joins("b1", "a"), "a1 a1, b1 a2, z1 a0");
    }

    #[test]
    fn an_assignor_is_found_by_its_name_and_by_its_class() {
        for assignor in Assignor::ALL {
            assert_eq!(Assignor::of_name(assignor.name()), Some(assignor));
        }
        let class = "org.apache.kafka.coordinator.group.assignor.RangeAssignor";
        assert_eq!(Assignor::of_name(class), Some(Assignor::Range));
        assert_eq!(Assignor::of_name("sticky"), None);
    }
}
