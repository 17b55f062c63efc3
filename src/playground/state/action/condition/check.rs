//! Whether a condition holds by what is known now, and what is seen instead where it does not.

use serde::{Deserialize, Serialize};

use super::{
    Amount, Baseline, Being, Condition, Existence, Predicate, TransactionEnd, Which, Who,
    look::{
        absent, committed, config, copies, count, count_of, duplicates, lag, log_start, named,
        of_each, offset, overtaken, read, record, share,
    },
};
use crate::state::{
    State,
    cluster::{Cluster, Partition, ProcessName, Stage, Standstill, Status},
};
use wire::{BrokerId, GroupState};

/// What a look at a condition found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// Whether it holds.
    pub holds: bool,
    /// What was seen, in the condition's own terms: `isr of orders: p0 3, p1 2`.
    pub seen: String,
}

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
            Self::Offset(at, _) | Self::LogStart(at, _) => Some(&at.topic),
            Self::Record(record) => Some(&record.places.topic),
            Self::Copies(topic, _) => Some(topic),
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
            Self::Transaction(name, end) => transaction(state, name, *end),
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
            Self::Lag(group, amount) => lag(cluster, group, *amount),
            Self::Committed(group, at, amount) => committed(cluster, group, at, *amount),
            Self::Offset(at, amount) => offset(cluster, since, at, *amount),
            Self::LogStart(at, amount) => log_start(cluster, since, at, *amount),
            Self::Record(wanted) => record(cluster, since, wanted),
            Self::Read { by, places, amount } => read(cluster, since, by, places, *amount),
            Self::Duplicates(group, places, amount) => {
                duplicates(cluster, since, group, places, *amount)
            }
            Self::Overtaken(group, topic, amount) => {
                overtaken(cluster, since, group, topic, *amount)
            }
            Self::Replicas(places, amount) => {
                of_each(cluster, places, "replicas", |_, partition| {
                    let replicas = count_of(partition.seen.replicas.len());
                    (amount.holds(replicas), replicas.to_string())
                })
            }
            Self::Copies(topic, amount) => copies(cluster, topic, *amount),
            Self::Share(broker, role, topic, amount) => {
                share(cluster, *broker, *role, topic, *amount)
            }
            Self::Config(wanted) => config(cluster, wanted),
            Self::Count(counted, amount) => {
                let from = if amount.more {
                    since.counted(*counted)
                } else {
                    0
                };
                let count = count(cluster, *counted) - from;
                Verdict {
                    holds: amount.holds(count),
                    seen: format!("{counted} {count}"),
                }
            }
            Self::Stream(on) => Verdict {
                holds: cluster.streams() == *on,
                seen: match cluster.streams_beside.len() {
                    0 => format!("stream {}", cluster.stream),
                    beside => format!("stream {} and {beside} beside it", cluster.stream),
                },
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

fn process(cluster: &Cluster, which: &Which, being: Being) -> Verdict {
    let name = match which {
        Which::ZooKeeper => ProcessName::ZooKeeper,
        Which::Broker(id) => ProcessName::Broker(*id),
        Which::Consumer(name) => ProcessName::Consumer(name.clone()),
        Which::Producer(name) => ProcessName::Producer(name.clone()),
    };
    let status = cluster.processes.get(&name).map(|process| process.status);
    let (holds, words) = match status {
        None => (being == Being::Down, "is not there"),
        Some(Status::Up) => (being == Being::Up, "is up"),
        Some(Status::Frozen) => (being == Being::Frozen, "is frozen"),
        Some(Status::Planned | Status::Starting) => (false, "is starting"),
        Some(Status::Stopping) => (false, "is stopping"),
        Some(Status::Silent) => (being == Being::Down, "does not answer"),
        Some(Status::Gone) => (being == Being::Down, "is not in the metadata"),
        Some(Status::Stopped | Status::Killed | Status::Died { .. }) => {
            (being == Being::Down, "is down")
        }
    };
    Verdict {
        holds,
        seen: format!("{name} {words}"),
    }
}

fn transaction(state: &State, name: &str, end: TransactionEnd) -> Verdict {
    let Some(producing) = state.producing(name) else {
        return absent("producer", name);
    };
    let (is, words) = match producing.stage {
        Stage::Idle => (None, "has no transaction"),
        Stage::Beginning => (None, "is beginning"),
        Stage::Open => (Some(TransactionEnd::Open), "is open"),
        Stage::Committing => (None, "is being committed"),
        Stage::Aborting => (None, "is being aborted"),
        Stage::Committed => (Some(TransactionEnd::Committed), "is committed"),
        Stage::Aborted => (Some(TransactionEnd::Aborted), "is aborted"),
        Stage::Left => (Some(TransactionEnd::Left), "was left by its producer"),
    };
    Verdict {
        holds: is == Some(end),
        seen: format!("txn {name} {words}"),
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

#[cfg(test)]
mod tests {
    use super::{Baseline, Verdict};
    use crate::state::{Condition, Observation, ProcessChange, ProcessName, RecordSeen};
    use crate::ui::tests::session::{Session, ready};
    use wire::report::{Report, ReportLine};
    use wire::{BrokerId, Offset, TopicPartition};

    fn look(session: &Session, since: &Baseline, condition: &str) -> Verdict {
        let condition: Condition = condition.parse().expect(condition);
        condition.check(&session.state, since)
    }

    #[test]
    fn a_condition_is_looked_up_in_what_is_known_and_says_what_was_seen() {
        let session = ready((120, 36));
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

    fn written(
        session: &mut Session,
        topic: &str,
        partition: i32,
        records: &[(i64, Option<&str>)],
    ) {
        let records: Vec<RecordSeen> = records
            .iter()
            .map(|(offset, key)| RecordSeen {
                offset: Offset(*offset),
                key: key.map(str::to_owned),
                value: Some("tea".into()),
                ..RecordSeen::default()
            })
            .collect();
        let from = records.first().expect("a record").offset;
        let upto = Offset(records.last().expect("a record").offset.0 + 1);
        session.see(Observation::Records {
            partition: TopicPartition::new(topic, partition),
            from,
            upto,
            records,
        });
    }

    #[test]
    fn a_record_may_have_no_key_be_new_and_stand_in_several_partitions() {
        let mut session = ready((120, 36));
        written(
            &mut session,
            "orders",
            0,
            &[(100, Some("amy")), (101, None)],
        );
        let since = Baseline::of(&session.state.cluster);
        let holds = |session: &Session, text: &str| look(session, &since, text).holds;
        assert!(holds(&session, "record orders key amy value tea"));
        assert!(!holds(&session, "record orders key amy new"));
        written(
            &mut session,
            "orders",
            0,
            &[(102, Some("amy")), (103, None)],
        );
        written(&mut session, "orders", 1, &[(100, None)]);
        assert!(holds(&session, "record orders p0 key amy new in 1"));
        assert!(holds(&session, "record orders no key new in 2"));
        let seen = look(&session, &since, "record orders no key new in 3").seen;
        assert_eq!(seen, "orders p0 @103, p1 @100");
    }

    #[test]
    fn what_a_group_read_is_counted_from_the_beginning_of_the_wait_where_more_is_meant() {
        let mut session = ready((120, 36));
        let read = |session: &mut Session, offset: i64, at: i64| {
            let process = ProcessName::Consumer("c1".into());
            let report = Report::Record {
                topic: "orders".into(),
                partition: 0,
                offset: Offset(offset),
                timestamp_ms: at,
                key: None,
                value: None,
                lossy: false,
            };
            let line = ReportLine { at_ms: at, report };
            session.see(Observation::Report { process, line });
        };
        let nothing = Baseline::of(&session.state.cluster);
        read(&mut session, 500, 9);
        let since = Baseline::of(&session.state.cluster);
        read(&mut session, 501, 8);
        read(&mut session, 500, 9);
        for (condition, holds, seen) in [
            (
                "read billing orders p0 = 3",
                true,
                "billing read 3 of orders p0",
            ),
            (
                "read billing orders p0 = 2 more",
                true,
                "billing read 2 of orders p0",
            ),
            (
                "read consumer c2 orders p0 = 0",
                true,
                "consumer c2 read 0 of orders p0",
            ),
            (
                "duplicates billing orders 1 more",
                true,
                "billing read twice 1 of orders",
            ),
            (
                "overtaken billing orders 1",
                true,
                "billing read 1 records of orders after later ones",
            ),
            ("read audit orders 1", false, "there is no group audit"),
        ] {
            let verdict = look(&session, &since, condition);
            assert_eq!(
                (verdict.holds, verdict.seen.as_str()),
                (holds, seen),
                "{condition}"
            );
        }
        assert!(look(&session, &nothing, "read billing orders p0 = 3 more").holds);
    }

    #[test]
    fn what_a_topic_costs_and_who_keeps_it_is_looked_up() {
        let session = ready((120, 36));
        let since = Baseline::of(&session.state.cluster);
        for (condition, holds, seen) in [
            (
                "replicas orders 3",
                true,
                "replicas of orders: p0 3, p1 3, p2 3",
            ),
            (
                "broker 1 leads orders 1",
                true,
                "broker 1 leads 1 of orders",
            ),
            ("broker 3 has orders < 3", false, "broker 3 has 3 of orders"),
            (
                "config orders retention.ms default",
                true,
                "retention.ms is not set on orders",
            ),
            ("copies chat 0", false, "there is no topic chat"),
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
        let mut session = ready((120, 36));
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
        let mut session = ready((120, 36));
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
