//! The start: processes, the demo's topic, its group. Each step waits for the cluster, not for time.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{NewConsumer, Request};
use crate::state::{
    NewTopic, Setup, Timestamp,
    cluster::{Cluster, GroupProtocol, Process, ProcessName, Status},
    story::{Tone, listed},
};
use wire::{BrokerId, GroupState, report::MemberStep};

/// How far the start has come.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Opening {
    topics_asked: bool,
    consumers_asked: bool,
    /// Whether a record was acknowledged by all replicas, where that is asked for.
    #[serde(default)]
    pub(in crate::state) proof: Proof,
    /// How long it took, once everything is there.
    pub ready_after: Option<Duration>,
    /// Whether it was looked who leads once everybody was in sync again.
    pub(in crate::state) leaders_counted: bool,
    /// Presses of `p` that came before the topic.
    pub kept: u32,
}

/// How far the proof is that writes are acknowledged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::state) enum Proof {
    /// Nobody asked for it.
    #[default]
    NotAsked,
    /// It is being written.
    Asked,
    /// All replicas in sync acknowledged it.
    Given,
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
    /// A start that is over and took so long.
    pub(in crate::state) fn over(took: Duration) -> Self {
        Self {
            ready_after: Some(took),
            leaders_counted: true,
            ..Self::default()
        }
    }

    /// The processes to start at once.
    #[must_use]
    pub fn first(setup: &Setup, cluster: &mut Cluster) -> Vec<Request> {
        if !setup.reach.is_own() {
            return Vec::new();
        }
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
        if !setup.reach.is_own() {
            // There is nothing to begin: what is there is looked at.
            if up > 0 && cluster.bootstrap.is_some() {
                self.ready_after = Some(at.since(setup.started_at));
            }
            return requests;
        }
        // Whoever died is not waited for: the others are a cluster without it.
        let gone = gone(cluster).count();
        let missing: Vec<&NewTopic> = setup
            .topics
            .iter()
            .filter(|topic| !topic_serves(cluster, &topic.name))
            .collect();
        if up + gone == planned && up > 0 && !self.topics_asked {
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
            let consumers = Self::consumers(setup).map(|consumer| NewConsumer {
                protocol: cluster.joins_by,
                ..consumer
            });
            requests.extend(consumers.map(Request::AddConsumer));
        }
        if setup.proves && self.proof != Proof::Given {
            if self.proof == Proof::NotAsked {
                self.proof = Proof::Asked;
                requests.push(Request::Prove);
            }
            return requests;
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
                protocol: GroupProtocol::default(),
            })
        })
    }

    fn group_serves(setup: &Setup, cluster: &Cluster) -> bool {
        if setup.consumers == 0 || setup.topics.is_empty() {
            return true;
        }
        let mut living = Self::consumers(setup)
            .filter(|consumer| {
                let process = cluster.processes.get(&consumer.process());
                process.is_none_or(|process| !process.status.is_gone())
            })
            .peekable();
        if living.peek().is_none() {
            return true;
        }
        cluster.groups.get(&setup.group).is_some_and(|group| {
            group.state == GroupState::Stable
                && living.all(|consumer| {
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
        let gone = gone(cluster).count();
        let died = match gone {
            0 => String::new(),
            gone => format!(" ({} of {planned}, the rest died)", planned - gone),
        };
        let brokers = setup.brokers.iter().map(ToString::to_string);
        let mut steps = vec![
            Step {
                done: zookeeper,
                text: "ZooKeeper answers".into(),
            },
            Step {
                done: up > 0 && up + gone == planned && cluster.controller.is_some(),
                text: match setup.brokers.as_slice() {
                    [only] => format!("broker {only} registers and becomes controller"),
                    _ => format!(
                        "brokers {} register{died}, one becomes controller",
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
                done: stable.is_some_and(|group| group.state == GroupState::Stable),
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

/// Brokers that are named one by one; of more it is said how many they are.
const NAMED_MAX: usize = 3;

/// How to connect; where some died before all was ready, how many brokers there are, who died, and what to do about
/// it. Where there is no room, who they were and where to look gives way: the boxes say both.
pub(in crate::state) fn how_it_went(cluster: &Cluster, connect: &str) -> Vec<(Tone, String)> {
    let connect = (Tone::Dim, format!(" connect: {connect}"));
    let (up, planned) = cluster.brokers_up();
    let gone: Vec<&Process> = gone(cluster).collect();
    let Some(first) = gone.first() else {
        return vec![connect];
    };
    let mut ids: Vec<BrokerId> = gone.iter().filter_map(|broker| broker.broker()).collect();
    let (noun, start) = match ids.len() {
        1 => ("broker", format!("  {{start {}}} starts it", first.name)),
        _ => ("brokers", "  {heal} starts them".to_owned()),
    };
    let more = match ids.len().saturating_sub(NAMED_MAX) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    ids.truncate(NAMED_MAX);
    let mut told = vec![
        (Tone::Bad, format!(" with {up} of {planned} brokers")),
        (Tone::Dim, format!(": {noun} {}{more} died", listed(&ids))),
    ];
    if !first.log_file.is_empty() {
        told.push((Tone::Dim, format!(", see {}", first.log_file)));
    }
    let again = (Tone::Hint, " again".to_owned());
    told.extend([connect, (Tone::Hint, start), again]);
    told
}

fn gone(cluster: &Cluster) -> impl Iterator<Item = &Process> {
    cluster.brokers().filter(|broker| broker.status.is_gone())
}

/// Whether every partition of the topic has a leader, or lacks one because of who is dead.
fn topic_serves(cluster: &Cluster, name: &str) -> bool {
    cluster.topics.get(name).is_some_and(|topic| {
        let mut seen = topic.partitions.iter().map(|partition| &partition.seen);
        !topic.partitions.is_empty()
            && seen.all(|seen| {
                let dead = !seen.isr.is_empty() && seen.isr.iter().all(|at| cluster.is_gone(*at));
                seen.leader.is_some() || dead
            })
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

#[cfg(test)]
mod tests {
    use crate::state::{Appearance, Observation, ProcessChange, Request};
    use crate::ui::tests::session::{Session, broker};

    const DIED: ProcessChange = ProcessChange::Exited {
        code: Some(1),
        signal: None,
    };

    fn creates(request: &Request) -> bool {
        matches!(request, Request::CreateTopic(_))
    }

    fn session() -> Session {
        let mut session = Session::new((120, 36), Appearance::default());
        for id in 1..=3 {
            let pid = u32::try_from(id).expect("small");
            session.spawned(broker(id), pid, None);
        }
        session
    }

    #[test]
    fn who_died_at_the_start_is_not_waited_for() {
        let mut session = session();
        session.ready(broker(1), 9092).ready(broker(3), 9094);
        assert!(!session.requests.iter().any(creates), "broker 2 may come");
        let file = "brokers/2/server.log".to_owned();
        session.see(Observation::LogLines {
            process: broker(2),
            file,
            lines: Vec::new(),
        });
        session.process(broker(2), DIED);
        assert!(session.requests.iter().any(creates));
        let told = super::how_it_went(&session.state.cluster, "kcat");
        let told: String = told.into_iter().map(|(_, words)| words).collect();
        assert_eq!(
            told,
            " with 2 of 3 brokers: broker 2 died, see brokers/2/server.log connect: kcat  {start broker 2} starts it again"
        );
    }

    #[test]
    fn who_died_before_the_others_were_up_is_not_waited_for_either() {
        let mut session = session();
        session.process(broker(2), DIED).ready(broker(1), 9092);
        assert!(!session.requests.iter().any(creates), "broker 3 may come");
        session.ready(broker(3), 9094);
        assert!(session.requests.iter().any(creates));
    }

    #[test]
    fn nothing_is_created_where_nobody_lives() {
        let mut session = session();
        for id in 1..=3 {
            session.process(broker(id), DIED);
        }
        assert!(!session.requests.iter().any(creates));
    }
}
