//! Which process a verb is aimed at, as it is typed and said.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{Action, ClusterAction};
use crate::state::{
    State,
    cluster::{Process, ProcessName, Status},
};
use wire::{BrokerId, TopicPartition};

/// The aim of a verb.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Target {
    /// What is picked now.
    Picked,
    /// This process.
    Process(ProcessName),
    /// Whichever broker leads this partition when the verb is done.
    LeaderOf(TopicPartition),
    /// The first replica of this partition that is alive and does not lead, one in sync before others.
    FollowerOf(TopicPartition),
    /// Whichever broker is the controller when the verb is done.
    Controller,
    /// Whichever broker coordinates this group when the verb is done.
    CoordinatorOf(String),
    /// The newest running consumer of ours in this group.
    ConsumerOf(String),
    /// One of the brokers that the verb can reach, by chance.
    Random,
    /// So many of the brokers that the verb can reach, by chance.
    RandomBrokers(u32),
    /// So many of the brokers that the verb can reach, from the picked one on.
    SomeBrokers(u32),
    /// These brokers.
    Brokers(Vec<BrokerId>),
    /// Every broker.
    AllBrokers,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Picked => f.write_str("what is picked"),
            Self::Process(process) => process.fmt(f),
            Self::LeaderOf(at) => write!(f, "leader of {} p{}", at.topic, at.partition),
            Self::FollowerOf(at) => write!(f, "follower of {} p{}", at.topic, at.partition),
            Self::Controller => f.write_str("controller"),
            Self::CoordinatorOf(group) => write!(f, "coordinator of {group}"),
            Self::ConsumerOf(group) => write!(f, "consumer of {group}"),
            Self::Random => f.write_str("random"),
            Self::RandomBrokers(count) => write!(f, "random {count}"),
            Self::SomeBrokers(count) => write!(f, "{count} brokers"),
            Self::Brokers(ids) => {
                f.write_str("brokers")?;
                ids.iter().try_for_each(|id| write!(f, " {id}"))
            }
            Self::AllBrokers => f.write_str("all brokers"),
        }
    }
}

/// The text names no process.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no process")]
pub struct UnknownTarget(pub String);

impl FromStr for Target {
    type Err = UnknownTarget;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unknown = || UnknownTarget(text.to_owned());
        let words: Vec<&str> = text.split_whitespace().collect();
        match words.as_slice() {
            [] | ["what", "is", "picked"] => Ok(Self::Picked),
            ["zookeeper" | "0"] => Ok(Self::Process(ProcessName::ZooKeeper)),
            ["all", "brokers"] => Ok(Self::AllBrokers),
            ["broker", id] => id
                .parse()
                .map(|id| Self::Process(ProcessName::Broker(BrokerId(id))))
                .map_err(|_| unknown()),
            ["consumer", "of", group @ ..] if !group.is_empty() => {
                Ok(Self::ConsumerOf(group.join(" ")))
            }
            ["consumer", name] => Ok(Self::Process(ProcessName::Consumer((*name).to_owned()))),
            ["producer", name] => Ok(Self::Process(ProcessName::Producer((*name).to_owned()))),
            ["leader", "of", topic, partition] => place(topic, partition)
                .map(Self::LeaderOf)
                .ok_or_else(unknown),
            ["follower", "of", topic, partition] => place(topic, partition)
                .map(Self::FollowerOf)
                .ok_or_else(unknown),
            ["controller"] => Ok(Self::Controller),
            ["coordinator", "of", group @ ..] if !group.is_empty() => {
                Ok(Self::CoordinatorOf(group.join(" ")))
            }
            ["random"] | ["random", "broker"] => Ok(Self::Random),
            ["random", count] | ["random", count, "brokers"] => {
                several(count).map(Self::RandomBrokers).ok_or_else(unknown)
            }
            [count, "brokers"] => several(count).map(Self::SomeBrokers).ok_or_else(unknown),
            ["brokers", ids @ ..] if !ids.is_empty() => {
                let ids = ids.iter().map(|id| id.parse().map(BrokerId));
                ids.collect::<Result<_, _>>()
                    .map(Self::Brokers)
                    .map_err(|_| unknown())
            }
            [word] => match word.parse() {
                Ok(id) => Ok(Self::Process(ProcessName::Broker(BrokerId(id)))),
                Err(_) if is_consumer_name(word) => {
                    Ok(Self::Process(ProcessName::Consumer((*word).to_owned())))
                }
                Err(_) => Err(unknown()),
            },
            _ => Err(unknown()),
        }
    }
}

/// How many; none is no target.
fn several(count: &str) -> Option<u32> {
    count.parse().ok().filter(|count| *count > 0)
}

/// `orders p0`
fn place(topic: &str, partition: &str) -> Option<TopicPartition> {
    let partition = partition.strip_prefix('p').unwrap_or(partition);
    Some(TopicPartition::new(topic, partition.parse().ok()?))
}

/// `c1`, as the playground names its consumers.
fn is_consumer_name(word: &str) -> bool {
    word.strip_prefix('c')
        .is_some_and(|number| number.parse::<u32>().is_ok())
}

impl State {
    /// The processes that a target means now.
    #[must_use]
    pub fn aimed(&self, target: &Target) -> Vec<ProcessName> {
        match target {
            Target::Picked => vec![self.view.picked.clone()],
            Target::Process(process) => vec![process.clone()],
            Target::AllBrokers => self
                .cluster
                .brokers()
                .map(|broker| broker.name.clone())
                .collect(),
            Target::Brokers(ids) => ids.iter().copied().map(ProcessName::Broker).collect(),
            role => self.in_role(role).into_iter().collect(),
        }
    }

    /// The process that has this role now.
    fn in_role(&self, role: &Target) -> Option<ProcessName> {
        let broker = match role {
            Target::LeaderOf(place) => self.cluster.partition(place)?.seen.leader,
            Target::FollowerOf(place) => {
                let seen = &self.cluster.partition(place)?.seen;
                let alive = |broker: &&BrokerId| {
                    Some(**broker) != seen.leader && !self.cluster.is_gone(**broker)
                };
                let followers = || seen.replicas.iter().filter(alive);
                let in_sync = followers().find(|broker| seen.isr.contains(broker));
                in_sync.or_else(|| followers().next()).copied()
            }
            Target::Controller => self.cluster.controller.map(|(controller, _)| controller),
            Target::CoordinatorOf(group) => self.cluster.groups.get(group)?.coordinator,
            Target::ConsumerOf(group) => return self.newest_consumer(group),
            Target::Picked
            | Target::Process(_)
            | Target::Random
            | Target::RandomBrokers(_)
            | Target::SomeBrokers(_)
            | Target::Brokers(_)
            | Target::AllBrokers => None,
        };
        broker.map(ProcessName::Broker)
    }

    fn newest_consumer(&self, group: &str) -> Option<ProcessName> {
        let processes = self.cluster.processes.values();
        let reading = processes.filter(|process| {
            process.group.as_deref() == Some(group) && process.status.is_running()
        });
        let numbered = reading.filter_map(|process| match &process.name {
            ProcessName::Consumer(name) => {
                Some((name.trim_start_matches('c').parse().ok()?, process))
            }
            _ => None,
        });
        let newest = numbered.max_by_key(|(number, _): &(u32, _)| *number);
        newest.map(|(_, process)| process.name.clone())
    }

    /// An action whose target is a role, or chance, with the process that this means now; any other as it is.
    ///
    /// # Errors
    /// Nobody has the role: a sentence that says so.
    pub(in crate::state) fn settled(&self, action: &Action) -> Result<Action, String> {
        let reached = || -> Vec<&Process> {
            let reached = self.cluster.brokers();
            reached
                .filter(|broker| reaches(action, broker.status))
                .collect()
        };
        let ids = || {
            reached()
                .into_iter()
                .filter_map(Process::broker)
                .collect::<Vec<_>>()
        };
        let several = match action.aim() {
            Some((_, Target::RandomBrokers(count))) => {
                Some(self.thrown(&ids(), usize::try_from(*count).unwrap_or(usize::MAX)))
            }
            Some((_, Target::SomeBrokers(count))) => {
                Some(self.neighbours(&ids(), usize::try_from(*count).unwrap_or(usize::MAX)))
            }
            _ => None,
        };
        match several {
            Some(brokers) if brokers.is_empty() => return Err(self.nobody(&Target::Random)),
            Some(brokers) => return Ok(action.at(Target::Brokers(brokers))),
            None => {}
        }
        let process = match action.aim() {
            None
            | Some((
                _,
                Target::Picked | Target::Process(_) | Target::AllBrokers | Target::Brokers(_),
            )) => {
                return Ok(action.clone());
            }
            Some((_, Target::Random)) => {
                let reached = reached();
                let thrown = self.throw(reached.len());
                let reached = thrown.and_then(|index| reached.get(index));
                reached.map(|broker| broker.name.clone())
            }
            Some((_, role)) => self.in_role(role),
        };
        match (process, action.aim()) {
            (Some(process), _) => Ok(action.at(Target::Process(process))),
            (None, Some((_, target))) => Err(self.nobody(target)),
            (None, None) => Ok(action.clone()),
        }
    }

    /// A number below `sides`. Chance is the microsecond in which somebody pressed the key: a session
    /// that is played again falls the same way.
    fn throw(&self, sides: usize) -> Option<usize> {
        let mut mixed = self
            .now
            .0
            .unsigned_abs()
            .wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mixed ^= mixed >> 32;
        usize::try_from(mixed.checked_rem(u64::try_from(sides).ok()?)?).ok()
    }

    /// Why a target means no process now.
    fn nobody(&self, target: &Target) -> String {
        match target {
            Target::LeaderOf(place) | Target::FollowerOf(place)
                if self.cluster.partition(place).is_none() =>
            {
                format!("there is no {place}")
            }
            Target::LeaderOf(place) => format!("nobody leads {place} now"),
            Target::FollowerOf(place) => format!("no follower of {place} is alive"),
            Target::Controller => "no broker is known to be the controller".to_owned(),
            Target::CoordinatorOf(group) if !self.cluster.groups.contains_key(group) => {
                format!("there is no group {group}")
            }
            Target::CoordinatorOf(group) => format!("nobody is known to coordinate {group}"),
            Target::ConsumerOf(group) => format!("no consumer of ours reads for {group}"),
            Target::Random => "no broker is in a state for that".to_owned(),
            target => format!("there is no {target}"),
        }
    }
}

/// Whether a verb can do something to a process in this state.
fn reaches(action: &Action, status: Status) -> bool {
    match action {
        Action::Cluster(ClusterAction::Start(_)) => status.is_gone(),
        Action::Cluster(ClusterAction::Thaw(_)) => status == Status::Frozen,
        Action::Cluster(ClusterAction::Kill(_)) => status.is_running(),
        _ => status == Status::Up,
    }
}

#[cfg(test)]
mod tests {
    use super::Target;
    use crate::state::ProcessName;
    use wire::{BrokerId, TopicPartition};

    #[test]
    fn roles_are_targets() {
        let place = TopicPartition::new("orders", 0);
        for (text, target) in [
            ("controller", Target::Controller),
            (
                "coordinator of billing",
                Target::CoordinatorOf("billing".into()),
            ),
            ("leader of orders p0", Target::LeaderOf(place.clone())),
            ("follower of orders 0", Target::FollowerOf(place)),
            ("consumer of billing", Target::ConsumerOf("billing".into())),
            ("random", Target::Random),
            ("random 20", Target::RandomBrokers(20)),
            ("10 brokers", Target::SomeBrokers(10)),
            (
                "brokers 2 8 13",
                Target::Brokers(vec![BrokerId(2), BrokerId(8), BrokerId(13)]),
            ),
        ] {
            assert_eq!(text.parse(), Ok(target.clone()), "{text}");
            assert_eq!(target.to_string().parse(), Ok(target));
        }
        assert_eq!("random broker".parse(), Ok(Target::Random));
        assert_eq!("random 3 brokers".parse(), Ok(Target::RandomBrokers(3)));
        for vague in [
            "random 0",
            "random brokers",
            "0 brokers",
            "brokers",
            "brokers x",
            "leader",
            "coordinator of",
            "follower of orders",
            "control",
        ] {
            assert!(vague.parse::<Target>().is_err(), "{vague}");
        }
    }

    #[test]
    fn digits_are_brokers_and_zero_is_zookeeper() {
        assert_eq!("0".parse(), Ok(Target::Process(ProcessName::ZooKeeper)));
        assert_eq!(
            "3".parse(),
            Ok(Target::Process(ProcessName::Broker(BrokerId(3))))
        );
        assert_eq!(
            "c2".parse(),
            Ok(Target::Process(ProcessName::Consumer("c2".into())))
        );
        assert!("kafka".parse::<Target>().is_err());
    }
}
