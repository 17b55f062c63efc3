//! Whether a condition holds by what is known now, and what is seen instead where it does not.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Amount, Being, Condition, Counted, Existence, Places, Predicate, Which, Who};
use crate::state::{
    State,
    cluster::{Cluster, Partition, ProcessName, RecordSeen, Standstill, Status, StreamRate},
};
use wire::{BrokerId, GroupState, Offset, TopicPartition};

/// What `moved` and `more` count from: how things were when the wait began.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Baseline {
    controller: Option<BrokerId>,
    leaders: BTreeMap<TopicPartition, BrokerId>,
    ends: BTreeMap<TopicPartition, Offset>,
    counts: [i64; 4],
}

/// What a look at a condition found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// Whether it holds.
    pub holds: bool,
    /// What was seen, in the condition's own terms: `isr of orders: p0 3, p1 2`.
    pub seen: String,
}

impl Baseline {
    /// How things are now.
    #[must_use]
    pub fn of(cluster: &Cluster) -> Self {
        let partitions = || cluster.partitions();
        Self {
            controller: cluster.controller.map(|(id, _)| id),
            leaders: partitions()
                .filter_map(|(place, partition)| Some((place, partition.seen.leader?)))
                .collect(),
            ends: partitions()
                .map(|(place, partition)| (place, partition.high_watermark))
                .collect(),
            counts: COUNTED.map(|counted| count(cluster, counted)),
        }
    }

    fn counted(&self, wanted: Counted) -> i64 {
        let counts = COUNTED.into_iter().zip(self.counts);
        counts
            .filter(|(counted, _)| *counted == wanted)
            .map(|(_, count)| count)
            .sum()
    }
}

const COUNTED: [Counted; 4] = [
    Counted::Sent,
    Counted::Acked,
    Counted::Failed,
    Counted::Lost,
];

impl Condition {
    /// Looks whether it holds.
    #[must_use]
    pub fn check(&self, state: &State, since: &Baseline) -> Verdict {
        match self {
            Self::Is(predicate) => predicate.check(state, since),
            Self::Not(inner) => {
                let Verdict { holds, seen } = inner.check(state, since);
                Verdict {
                    holds: !holds,
                    seen,
                }
            }
            Self::All(parts) => together(state, since, parts, |holds| !holds.contains(&false)),
            Self::Any(parts) => together(state, since, parts, |holds| holds.contains(&true)),
        }
    }

    /// The topics whose offsets and records it asks for.
    pub fn topics(&self) -> Vec<&str> {
        match self {
            Self::Is(predicate) => predicate.topic().into_iter().collect(),
            Self::Not(inner) => inner.topics(),
            Self::All(parts) | Self::Any(parts) => {
                parts.iter().flat_map(Condition::topics).collect()
            }
        }
    }
}

/// What decides is told: of those that shall all hold the ones that do not.
fn together(
    state: &State,
    since: &Baseline,
    parts: &[Condition],
    decide: impl Fn(&[bool]) -> bool,
) -> Verdict {
    let verdicts: Vec<Verdict> = parts.iter().map(|part| part.check(state, since)).collect();
    let held: Vec<bool> = verdicts.iter().map(|verdict| verdict.holds).collect();
    let holds = decide(&held);
    let decisive = verdicts.iter().filter(|verdict| verdict.holds == holds);
    let seen: Vec<&str> = decisive.map(|verdict| verdict.seen.as_str()).collect();
    Verdict {
        holds,
        seen: seen.join("; "),
    }
}

impl Predicate {
    fn topic(&self) -> Option<&str> {
        match self {
            Self::Offset(at, _) => Some(&at.topic),
            Self::Record { places, .. } => Some(&places.topic),
            _ => None,
        }
    }

    /// Whether brokers alone can tell: what they said last may be so no more.
    fn is_told_by_brokers(&self) -> bool {
        matches!(
            self,
            Self::Isr(..) | Self::Leader(..) | Self::Controller(_) | Self::Group { .. }
        )
    }

    fn check(&self, state: &State, since: &Baseline) -> Verdict {
        let cluster = &state.cluster;
        if self.is_told_by_brokers() && cluster.no_broker_answers() {
            return Verdict {
                holds: false,
                seen: "no broker answers".to_owned(),
            };
        }
        self.look(state, since)
    }

    fn look(&self, state: &State, since: &Baseline) -> Verdict {
        let cluster = &state.cluster;
        match self {
            Self::Ready => {
                let (up, planned) = cluster.brokers_up();
                Verdict {
                    holds: state.is_ready(),
                    seen: format!("{up} of {planned} brokers answer"),
                }
            }
            Self::Isr(places, amount) => of_each(cluster, places, "isr", |_, partition| {
                in_sync(cluster, partition, *amount)
            }),
            Self::Leader(places, who) => of_each(cluster, places, "leader", |place, partition| {
                let leader = partition.seen.leader;
                let before = since.leaders.get(place).copied();
                (who.holds(leader, before), named(leader))
            }),
            Self::Controller(who) => {
                let controller = cluster.controller.map(|(id, _)| id);
                Verdict {
                    holds: who.holds(controller, since.controller),
                    seen: format!("controller: {}", named(controller)),
                }
            }
            Self::Process(which, being) => process(cluster, which, *being),
            Self::BrokersUp(amount) => {
                let (up, planned) = cluster.brokers_up();
                Verdict {
                    holds: amount.holds(count_of(up)),
                    seen: format!("{up} of {planned} brokers answer"),
                }
            }
            Self::Topic(topic, existence) => of_topic(cluster, topic, *existence),
            Self::Group {
                group,
                state,
                members,
            } => of_group(cluster, group, *state, *members),
            Self::Lag(group, amount) => {
                let Some(known) = cluster.groups.get(group) else {
                    return absent("group", group);
                };
                let lag = cluster.group_lag(known);
                Verdict {
                    holds: amount.holds(lag),
                    seen: format!("lag of {group}: {lag}"),
                }
            }
            Self::Committed(group, at, amount) => {
                let committed = cluster
                    .groups
                    .get(group)
                    .and_then(|group| group.committed.get(at));
                let place = format!("{group} in {} p{}", at.topic, at.partition);
                match committed {
                    Some(Offset(offset)) => Verdict {
                        holds: amount.holds(*offset),
                        seen: format!("{place} committed {offset}"),
                    },
                    None => Verdict {
                        holds: false,
                        seen: format!("{place} committed nothing"),
                    },
                }
            }
            Self::Offset(at, amount) => of_each(
                cluster,
                &Places {
                    topic: at.topic.clone(),
                    partition: Some(at.partition),
                },
                "high watermark",
                |place, partition| {
                    let end = partition.high_watermark.0;
                    let from = since.ends.get(place).map_or(0, |offset| offset.0);
                    let counted = if amount.more { end - from } else { end };
                    (partition.measured && amount.holds(counted), end.to_string())
                },
            ),
            Self::Record { places, key, value } => {
                record(cluster, places, key.as_deref(), value.as_deref())
            }
            Self::Count(counted, amount) => {
                let now = count(cluster, *counted);
                let from = if amount.more {
                    since.counted(*counted)
                } else {
                    0
                };
                Verdict {
                    holds: amount.holds(now - from),
                    seen: format!("{counted} {}", now - from),
                }
            }
            Self::Stream(on) => Verdict {
                holds: (cluster.stream != StreamRate::Off) == *on,
                seen: format!("stream {}", cluster.stream),
            },
        }
    }
}

impl Who {
    fn holds(self, now: Option<BrokerId>, before: Option<BrokerId>) -> bool {
        match self {
            Self::Is(broker) => now == Some(broker),
            Self::IsNot(broker) => now.is_some_and(|now| now != broker),
            Self::Anybody => now.is_some(),
            Self::Nobody => now.is_none(),
            Self::Moved => now.is_some() && now != before,
        }
    }
}

/// Who is dead is in the ISR of a partition that nobody leads, but not in sync.
fn in_sync(cluster: &Cluster, partition: &Partition, amount: Amount) -> (bool, String) {
    if let Some(Standstill::Offline { .. }) = cluster.standstill(partition) {
        return (false, "offline".to_owned());
    }
    let in_sync = count_of(partition.seen.isr.len());
    (amount.holds(in_sync), in_sync.to_string())
}

/// Looks at one partition, or at each of a topic: all of them must pass.
fn of_each(
    cluster: &Cluster,
    places: &Places,
    what: &str,
    look: impl Fn(&TopicPartition, &Partition) -> (bool, String),
) -> Verdict {
    let Some(topic) = cluster.topics.get(&places.topic) else {
        return absent("topic", &places.topic);
    };
    let looked: Vec<(bool, String)> = topic
        .partitions
        .iter()
        .filter(|known| {
            places
                .partition
                .is_none_or(|wanted| wanted == known.seen.partition)
        })
        .map(|known| {
            let place = TopicPartition::new(&places.topic, known.seen.partition);
            let (holds, seen) = look(&place, known);
            (holds, format!("p{} {seen}", known.seen.partition))
        })
        .collect();
    let seen: Vec<&str> = looked.iter().map(|(_, seen)| seen.as_str()).collect();
    let seen = if seen.is_empty() {
        format!("{} has no such partition", places.topic)
    } else {
        format!("{what} of {}: {}", places.topic, seen.join(", "))
    };
    Verdict {
        holds: !looked.is_empty() && looked.iter().all(|(holds, _)| *holds),
        seen,
    }
}

fn process(cluster: &Cluster, which: &Which, being: Being) -> Verdict {
    let name = match which {
        Which::ZooKeeper => ProcessName::ZooKeeper,
        Which::Broker(id) => ProcessName::Broker(*id),
        Which::Consumer(name) => ProcessName::Consumer(name.clone()),
    };
    let status = cluster.processes.get(&name).map(|process| process.status);
    let (holds, words) = match status {
        None => (being == Being::Down, "is not there"),
        Some(Status::Up) => (being == Being::Up, "is up"),
        Some(Status::Frozen) => (being == Being::Frozen, "is frozen"),
        Some(Status::Planned | Status::Starting) => (false, "is starting"),
        Some(Status::Stopping) => (false, "is stopping"),
        Some(Status::Stopped | Status::Killed | Status::Died { .. }) => {
            (being == Being::Down, "is down")
        }
    };
    Verdict {
        holds,
        seen: format!("{name} {words}"),
    }
}

fn of_topic(cluster: &Cluster, name: &str, existence: Existence) -> Verdict {
    let known = cluster.topics.get(name);
    let partitions = known.map(|topic| count_of(topic.partitions.len()));
    let holds = match existence {
        Existence::Exists => known.is_some(),
        Existence::Gone => known.is_none(),
        Existence::Partitions(amount) => partitions.is_some_and(|count| amount.holds(count)),
    };
    let seen = match partitions {
        None => format!("there is no topic {name}"),
        Some(1) => format!("topic {name} has 1 partition"),
        Some(count) => format!("topic {name} has {count} partitions"),
    };
    Verdict { holds, seen }
}

fn of_group(
    cluster: &Cluster,
    name: &str,
    state: Option<GroupState>,
    members: Option<Amount>,
) -> Verdict {
    let Some(group) = cluster.groups.get(name) else {
        return absent("group", name);
    };
    let count = count_of(group.members.len());
    let in_state = state.is_none_or(|state| group.state == state);
    Verdict {
        holds: in_state && members.is_none_or(|members| members.holds(count)),
        seen: format!("group {name}: {}, members {count}", group.state),
    }
}

fn record(cluster: &Cluster, places: &Places, key: Option<&str>, value: Option<&str>) -> Verdict {
    let Some(topic) = cluster.topics.get(&places.topic) else {
        return absent("topic", &places.topic);
    };
    let is_it = |record: &RecordSeen| {
        key.is_none_or(|key| record.key.as_deref() == Some(key))
            && value.is_none_or(|value| record.value.as_deref() == Some(value))
    };
    let looked = topic.partitions.iter().filter(|known| {
        places
            .partition
            .is_none_or(|wanted| wanted == known.seen.partition)
    });
    let mut records = looked.flat_map(|known| {
        let at = known.seen.partition;
        known.tail.iter().map(move |record| (at, record))
    });
    match records.find(|(_, record)| is_it(record)) {
        Some((partition, record)) => Verdict {
            holds: true,
            seen: format!("{} p{partition} @{}", places.topic, record.offset),
        },
        None => Verdict {
            holds: false,
            seen: format!("no such record among the newest of {places}"),
        },
    }
}

fn count(cluster: &Cluster, counted: Counted) -> i64 {
    let count = match counted {
        Counted::Sent => cluster.produced.sent,
        Counted::Acked => cluster.produced.acked,
        Counted::Failed => cluster.produced.failed,
        Counted::Lost => cluster.lost,
    };
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn absent(what: &str, name: &str) -> Verdict {
    Verdict {
        holds: false,
        seen: format!("there is no {what} {name}"),
    }
}

fn named(broker: Option<BrokerId>) -> String {
    broker.map_or_else(|| "none".to_owned(), |broker| broker.to_string())
}

fn count_of(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::{Baseline, Verdict};
    use crate::state::{Appearance, Condition, Observation, ProcessChange, ProcessName};
    use crate::ui::tests::session::Session;
    use wire::BrokerId;

    fn ready() -> Session {
        let mut session = Session::new((120, 36), Appearance::default());
        session.all_ready();
        session
    }

    fn look(session: &Session, since: &Baseline, condition: &str) -> Verdict {
        let condition: Condition = condition.parse().expect(condition);
        condition.check(&session.state, since)
    }

    #[test]
    fn a_condition_is_looked_up_in_what_is_known_and_says_what_was_seen() {
        let session = ready();
        let since = Baseline::of(&session.state.cluster);
        for (condition, holds, seen) in [
            ("isr orders 3", true, "isr of orders: p0 3, p1 3, p2 3"),
            ("isr orders p1 < 3", false, "isr of orders: p1 3"),
            ("leader orders p2 3", true, "leader of orders: p2 3"),
            ("leader orders p2 not 3", false, "leader of orders: p2 3"),
            (
                "leader orders moved",
                false,
                "leader of orders: p0 1, p1 2, p2 3",
            ),
            ("isr orders p9 3", false, "orders has no such partition"),
            ("isr chat 3", false, "there is no topic chat"),
            (
                "broker 2 up and brokers up 3",
                true,
                "broker 2 is up; 3 of 3 brokers answer",
            ),
            (
                "broker 2 down or broker 9 down",
                true,
                "broker 9 is not there",
            ),
            ("not topic chat exists", true, "there is no topic chat"),
            (
                "topic orders partitions 3",
                true,
                "topic orders has 3 partitions",
            ),
            (
                "group billing stable members 2",
                true,
                "group billing: Stable, members 2",
            ),
            ("group audit stable", false, "there is no group audit"),
            ("stream off", true, "stream off"),
            ("lost 0 and ready", true, "lost 0; 3 of 3 brokers answer"),
        ] {
            let verdict = look(&session, &since, condition);
            assert_eq!(
                (verdict.holds, verdict.seen.as_str()),
                (holds, seen),
                "{condition}"
            );
        }
    }

    #[test]
    fn what_nobody_tells_any_more_does_not_hold() {
        let mut session = ready();
        let since = Baseline::of(&session.state.cluster);
        let exited = || ProcessChange::Exited {
            code: None,
            signal: Some(9),
        };
        for id in 1..=3 {
            let process = ProcessName::Broker(BrokerId(id));
            let change = exited();
            session.see(Observation::Process { process, change });
        }
        for condition in [
            "isr orders 3",
            "leader orders any",
            "controller 2",
            "group billing stable",
        ] {
            let verdict = look(&session, &since, condition);
            assert_eq!(
                (verdict.holds, verdict.seen.as_str()),
                (false, "no broker answers"),
                "{condition}"
            );
        }
        // Another one lives, and leads none of it.
        let process = ProcessName::Broker(BrokerId(4));
        session.spawned(process.clone(), 4124, Some(9095));
        session.ready(process, 9095);
        let verdict = look(&session, &since, "isr orders 3");
        assert_eq!(
            (verdict.holds, verdict.seen.as_str()),
            (false, "isr of orders: p0 offline, p1 offline, p2 offline")
        );
    }

    #[test]
    fn more_and_moved_count_from_the_beginning_of_the_wait() {
        let mut session = ready();
        let mut produced = session.state.cluster.produced.clone();
        let since = Baseline::of(&session.state.cluster);
        assert!(!look(&session, &since, "acked 2 more").holds);
        produced.acked += 2;
        session.see(Observation::Produced(produced));
        assert!(look(&session, &since, "acked 2 more").holds);
        session.see(Observation::Process {
            process: ProcessName::Broker(BrokerId(3)),
            change: ProcessChange::Frozen,
        });
        assert!(look(&session, &since, "broker 3 frozen").holds);
    }
}
