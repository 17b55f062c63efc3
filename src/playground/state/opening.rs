//! The start: processes, the demo's topic, its group. Each step waits for the cluster, not for time.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    Cluster, NewConsumer, NewTopic, Process, ProcessName, Request, Setup, Status, Timestamp,
};
use wire::report::MemberStep;

/// How far the start has come.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Opening {
    topics_asked: bool,
    consumers_asked: bool,
    /// How long it took, once everything is there.
    pub ready_after: Option<Duration>,
    /// Whether it was looked who leads once everybody was in sync again.
    pub(super) leaders_counted: bool,
    /// Presses of `p` that came before the topic.
    pub kept: u32,
}

/// One of the steps, for the empty log to tick.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Whether it is done.
    pub done: bool,
    /// What it is.
    pub text: String,
}

impl Opening {
    /// The processes to start at once.
    #[must_use]
    pub fn first(setup: &Setup, cluster: &mut Cluster) -> Vec<Request> {
        let names = std::iter::once(ProcessName::ZooKeeper)
            .chain(setup.brokers.iter().copied().map(ProcessName::Broker));
        names
            .map(|name| {
                let process = Process::planned(name.clone(), setup.started_at);
                cluster.processes.insert(name.clone(), process);
                Request::Start(name)
            })
            .collect()
    }

    /// What can be begun now.
    pub fn next(&mut self, setup: &Setup, cluster: &Cluster, at: Timestamp) -> Vec<Request> {
        if self.ready_after.is_some() {
            return Vec::new();
        }
        let mut requests = Vec::new();
        let (up, planned) = cluster.brokers_up();
        let missing: Vec<&NewTopic> = setup
            .topics
            .iter()
            .filter(|topic| !topic_serves(cluster, &topic.name))
            .collect();
        if up == planned && up > 0 && !self.topics_asked {
            self.topics_asked = true;
            requests.extend(
                missing
                    .iter()
                    .map(|topic| Request::CreateTopic((*topic).clone())),
            );
        }
        if !missing.is_empty() || !self.topics_asked {
            return requests;
        }
        if !self.consumers_asked {
            self.consumers_asked = true;
            requests.extend(Self::consumers(setup).map(Request::AddConsumer));
        }
        if Self::group_serves(setup, cluster) {
            self.ready_after = Some(at.since(setup.started_at));
        }
        requests
    }

    /// The consumers that the start brings.
    fn consumers(setup: &Setup) -> impl Iterator<Item = NewConsumer> {
        let topic = setup.topics.first().map(|topic| topic.name.clone());
        (1..=setup.consumers).filter_map(move |number| {
            Some(NewConsumer {
                name: format!("c{number}"),
                group: setup.group.clone(),
                topic: topic.clone()?,
            })
        })
    }

    fn group_serves(setup: &Setup, cluster: &Cluster) -> bool {
        if setup.consumers == 0 || setup.topics.is_empty() {
            return true;
        }
        cluster.groups.get(&setup.group).is_some_and(|group| {
            group.state == "Stable"
                && Self::consumers(setup).all(|consumer| {
                    let member = group.named(&consumer.name);
                    member.is_some_and(|(_, member)| member.step == Some(MemberStep::Synced))
                })
        })
    }

    /// The steps with their ticks.
    #[must_use]
    pub fn steps(setup: &Setup, cluster: &Cluster) -> Vec<Step> {
        let zookeeper = cluster
            .processes
            .get(&ProcessName::ZooKeeper)
            .is_some_and(|process| process.status == Status::Up);
        let (up, planned) = cluster.brokers_up();
        let brokers = setup.brokers.iter().map(ToString::to_string);
        let mut steps = vec![
            Step {
                done: zookeeper,
                text: "ZooKeeper answers".into(),
            },
            Step {
                done: up == planned && cluster.controller.is_some(),
                text: match setup.brokers.as_slice() {
                    [only] => format!("broker {only} registers and becomes controller"),
                    _ => format!(
                        "brokers {} register, one becomes controller",
                        enumerated(&brokers.collect::<Vec<_>>())
                    ),
                },
            },
        ];
        for topic in setup.topics.iter().take(3) {
            steps.push(Step {
                done: topic_serves(cluster, &topic.name),
                text: format!(
                    "topic {}: {} partitions, each kept by {} brokers",
                    topic.name, topic.partitions, topic.replication_factor
                ),
            });
        }
        if setup.consumers > 0 && !setup.topics.is_empty() {
            let names: Vec<String> = (1..=setup.consumers).map(|n| format!("c{n}")).collect();
            let stable = cluster.groups.get(&setup.group);
            steps.push(Step {
                done: stable.is_some_and(|group| group.state == "Stable"),
                text: format!(
                    "group {}: consumers {} share the partitions",
                    setup.group,
                    enumerated(&names)
                ),
            });
        }
        steps
    }
}

/// Whether every partition of the topic has a leader.
fn topic_serves(cluster: &Cluster, name: &str) -> bool {
    cluster.topics.get(name).is_some_and(|topic| {
        !topic.partitions.is_empty()
            && topic
                .partitions
                .iter()
                .all(|partition| partition.seen.leader.is_some())
    })
}

/// `1, 2 and 3`
fn enumerated(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}
