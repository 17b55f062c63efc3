//! The guide through the first minutes: each step is ticked by the cluster, not by the key.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::names::named_places;
use crate::state::{
    Timestamp,
    cluster::{Cluster, Delivery, Outages, ProcessName, Status, StreamRate},
};
use wire::{BrokerId, GroupState, murmur2::murmur2, report::MemberStep};

/// How long each sentence of a step's result stands.
const SENTENCE_FOR: Duration = Duration::from_secs(6);

/// Where the guide is.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Coach {
    /// Hidden for good, until `:coach`.
    pub hidden: bool,
    step: Step,
    /// What the last step came to, sentence by sentence, and since when.
    result: Vec<String>,
    result_since: Timestamp,
    /// The broker that was killed, and how far each log was when it came back.
    fallen: Option<Fallen>,
    consumers_before: usize,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
enum Step {
    #[default]
    Produce,
    Stream,
    Kill,
    Restart,
    Consumer,
    Finished,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Fallen {
    broker: BrokerId,
    /// How many records it lacked when it was started again, and when that was.
    restarted: Option<(i64, Timestamp)>,
}

impl Coach {
    /// One that says what to do first, or one that is hidden.
    pub(in crate::state) fn new(hidden: bool) -> Self {
        Self {
            hidden,
            ..Self::default()
        }
    }

    /// The line to show now, with actions named in braces; `None` when there is nothing (more) to say.
    #[must_use]
    pub fn line(&self, cluster: &Cluster, now: Timestamp) -> Option<String> {
        if self.hidden {
            return None;
        }
        if let Some(sentence) = self.sentence(now) {
            return Some(sentence.to_owned());
        }
        match self.step {
            Step::Produce if holds_records(cluster) => {
                Some("Press {produce} to send one more record.".into())
            }
            Step::Produce => Some("Press {produce} to send a record.".into()),
            Step::Stream => Some("Press {stream faster} for a stream, 1 then 10 a second.".into()),
            Step::Kill => Some(kill_line(cluster)),
            Step::Restart if cluster.brokers().filter(|it| it.status.is_gone()).count() > 1 => {
                Some("Press {heal}: start all again.".into())
            }
            Step::Restart => {
                let broker = self.fallen.as_ref()?.broker;
                Some(format!(
                    "Press {{start broker {broker}}}: start broker {broker} again."
                ))
            }
            Step::Consumer => {
                let next = ["a first", "a second", "a third", "a fourth"];
                let next = next.get(running_consumers(cluster)).unwrap_or(&"one more");
                Some(format!("Press {{consumer add}}: {next} consumer."))
            }
            Step::Finished => None,
        }
    }

    /// The sentence of the last result whose turn it is.
    fn sentence(&self, now: Timestamp) -> Option<&str> {
        let turn = now.since(self.result_since).as_secs() / SENTENCE_FOR.as_secs();
        let sentence = self.result.get(usize::try_from(turn).ok()?)?;
        Some(sentence)
    }

    /// Looks whether the cluster has done what the step asks for.
    pub fn follow(&mut self, cluster: &Cluster, outages: &Outages, now: Timestamp) {
        match self.step {
            Step::Produce => {
                if let Some(delivery) = &cluster.receipt
                    && (delivery.read.is_some() || cluster.produced.acked > 3)
                {
                    let result = delivered(cluster, delivery);
                    self.finish(Step::Stream, result, now);
                }
            }
            Step::Stream => {
                if cluster.stream >= StreamRate::PerSecond(10) && cluster.produced.acked > 20 {
                    self.finish(Step::Kill, Vec::new(), now);
                }
            }
            Step::Kill => self.follow_kill(cluster, outages, now),
            Step::Restart => self.follow_restart(cluster, now),
            Step::Consumer => {
                if running_consumers(cluster) > self.consumers_before
                    && let Some(result) = divided(cluster)
                {
                    self.finish(Step::Finished, result, now);
                }
            }
            Step::Finished => {}
        }
    }

    fn follow_kill(&mut self, cluster: &Cluster, outages: &Outages, now: Timestamp) {
        let fallen = cluster
            .brokers()
            .find(|process| process.status == Status::Killed && !process.led.is_empty());
        let Some(fallen) = fallen else { return };
        let (Some(broker), Some(place)) = (fallen.broker(), fallen.led.first()) else {
            return;
        };
        let Some(leader) = cluster
            .partition(place)
            .and_then(|partition| partition.seen.leader)
            .filter(|leader| *leader != broker)
        else {
            return;
        };
        let still = match &outages.last {
            Some((last, gap)) if last == place => {
                format!(
                    ", p{} had no leader for {:.2} s",
                    place.partition,
                    gap.as_secs_f64()
                )
            }
            _ if cluster.stream == StreamRate::Off => String::new(),
            _ => return,
        };
        self.fallen = Some(Fallen {
            broker,
            restarted: None,
        });
        let result = format!(
            "Broker {leader} leads p{}. {} acknowledged, {} lost{still}.",
            place.partition, cluster.produced.acked, cluster.lost
        );
        self.finish(Step::Restart, vec![result], now);
    }

    fn follow_restart(&mut self, cluster: &Cluster, now: Timestamp) {
        let Some(fallen) = &mut self.fallen else {
            return;
        };
        let broker = fallen.broker;
        let Some(process) = cluster.process(broker) else {
            return;
        };
        if process.status.is_gone() {
            return;
        }
        let (missing, since) = *fallen
            .restarted
            .get_or_insert_with(|| (missing(cluster, broker), process.since));
        let mut kept = cluster
            .partitions()
            .filter(|(_, partition)| partition.seen.replicas.contains(&broker))
            .peekable();
        if kept.peek().is_none() {
            return;
        }
        if process.status == Status::Up
            && kept.all(|(_, partition)| partition.seen.isr.contains(&broker))
        {
            let seconds = now.since(since).as_secs_f64();
            let result = vec![
                format!(
                    "Broker {broker} cut its log to what the others have and copied {missing} records."
                ),
                format!("It is back in every ISR after {seconds:.1} s."),
            ];
            self.consumers_before = running_consumers(cluster);
            self.finish(Step::Consumer, result, now);
        }
    }

    fn finish(&mut self, next: Step, result: Vec<String>, now: Timestamp) {
        self.step = next;
        self.result = result;
        self.result_since = now;
    }
}

/// Whether people's topics have records already, from another day or another producer.
fn holds_records(cluster: &Cluster) -> bool {
    let topics = cluster.topics.values().filter(|topic| !topic.internal);
    topics
        .flat_map(|topic| &topic.partitions)
        .any(|partition| partition.log_end().0 > 0)
}

/// The words of the third step follow the cluster: who leads, then what nobody knows yet.
fn kill_line(cluster: &Cluster) -> String {
    let dying = cluster
        .brokers()
        .find(|process| process.status == Status::Killed && process.session_expired.is_none());
    if let Some(dying) = dying {
        if cluster.zookeeper_away().is_some() {
            let key = cluster.revival_of_zookeeper();
            let key = key.map_or_else(String::new, |action| format!("  Press {{{action}}}."));
            return format!("Without ZooKeeper nobody is elected in its place.{key}");
        }
        let timeout = dying
            .broker()
            .and_then(|broker| cluster.session(broker))
            .map_or(1.5, |session| session.timeout.as_secs_f64());
        let waits = dying.led.first().map_or_else(String::new, |place| {
            format!(" Writes to p{} wait.", place.partition)
        });
        return format!("Nobody knows yet: ZooKeeper waits {timeout} s for its heartbeat.{waits}");
    }
    let lives = |broker: &BrokerId| {
        let process = cluster.process(*broker);
        process.is_none_or(|process| !process.status.is_gone())
    };
    // With every broker dead nobody says any more that nobody leads.
    let Some((place, leader)) = cluster
        .partitions()
        .filter_map(|(place, partition)| Some((place, partition.seen.leader.filter(lives)?)))
        .last()
    else {
        let dead = cluster.brokers().any(|process| process.status.is_gone());
        return if dead {
            "Nobody is left to lead. Press {heal}: start all again.".into()
        } else {
            "Pick a broker by its digit, then {kill}: kill -9.".into()
        };
    };
    format!(
        "Press {{pick {leader}}}, then {{kill}}: kill -9 broker {leader}, which leads p{}.",
        place.partition
    )
}

/// The sum that chose the partition; then who wrote, copied and read.
fn delivered(cluster: &Cluster, delivery: &Delivery) -> Vec<String> {
    let place = &delivery.receipt.partition;
    let partitions = cluster
        .topics
        .get(&place.topic)
        .map_or(1, |topic| topic.partitions.len().max(1));
    let mut sentences = Vec::new();
    if let Some(key) = &delivery.receipt.key {
        let hash = murmur2(key.as_bytes()) & 0x7fff_ffff;
        let count = u32::try_from(partitions).unwrap_or(1);
        let chosen = hash % count;
        sentences.push(if i32::try_from(chosen) == Ok(place.partition) {
            format!(
                "{key} -> p{chosen}: murmur2(\"{key}\") & 0x7fffffff = {hash}, % {count} = {chosen}."
            )
        } else {
            // The playground's producers know no other hash.
            format!(
                "{key} -> p{}: murmur2 picks p{chosen}. You named another, or partitions are new.",
                place.partition
            )
        });
    }
    let Some(leader) = cluster
        .partition(place)
        .and_then(|partition| partition.seen.leader)
    else {
        return sentences;
    };
    let copies: Vec<String> = delivery
        .isr
        .iter()
        .filter(|broker| **broker != leader)
        .map(ToString::to_string)
        .collect();
    let followers = match copies.as_slice() {
        [] => String::new(),
        copies => format!(", {} copied it", copies.join(" and ")),
    };
    let read = delivery
        .read
        .as_ref()
        .map_or_else(String::new, |(_, consumer, _)| {
            format!(", {consumer} read it")
        });
    sentences.push(format!("Broker {leader} wrote it{followers}{read}."));
    sentences
}

fn missing(cluster: &Cluster, broker: BrokerId) -> i64 {
    cluster
        .partitions()
        .filter_map(|(_, partition)| {
            let end = partition.ends.get(&broker)?;
            Some((partition.log_end().0 - end.0).max(0))
        })
        .sum()
}

fn running_consumers(cluster: &Cluster) -> usize {
    cluster
        .processes
        .values()
        .filter(|process| process.group.is_some() && process.status.is_running())
        .count()
}

/// Who took over what, once everybody is in and the group is stable.
fn divided(cluster: &Cluster) -> Option<Vec<String>> {
    let newest = cluster
        .processes
        .values()
        .filter(|process| process.status.is_running())
        .filter_map(|process| match &process.name {
            ProcessName::Consumer(name) => Some((process.since, name, process.group.as_ref()?)),
            _ => None,
        })
        .max()?;
    let (_, name, group) = newest;
    let group = cluster.groups.get(group)?;
    let (_, member) = group.named(name)?;
    if group.state != GroupState::Stable || member.step != Some(MemberStep::Synced) {
        return None;
    }
    let places = named_places(group.topics().len() > 1, &member.reads);
    let took = if places.is_empty() {
        format!("{name} sits idle: no partition is left for it.")
    } else {
        let one_each = group.members.values().all(|member| member.reads.len() == 1);
        let share = if one_each { " One partition each." } else { "" };
        format!("{name} took over {places}.{share}")
    };
    let end = "That was Kafka.  {palette} has every action by name, {help} all keys.";
    Some(vec![took, end.into()])
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Coach, delivered, kill_line};
    use crate::{
        state::{
            Acks, Appearance, Cluster, Delivery, Partition, ProcessChange, ProcessName, Receipt,
            Timestamp, Topic,
        },
        ui::tests::session::{Session, broker},
    };
    use wire::{Offset, TopicPartition, report::Report};

    #[test]
    fn no_sum_is_said_to_pick_a_partition_that_was_named() {
        let mut cluster = Cluster::default();
        let topic = Topic {
            partitions: vec![Partition::default(); 3],
            ..Topic::default()
        };
        cluster.topics.insert("orders".into(), topic);
        let told = |partition| {
            let receipt = Receipt {
                partition: TopicPartition::new("orders", partition),
                offset: Offset(0),
                key: Some("amy".into()),
                acks: Acks::All,
                sent_at: Timestamp::from_ms(0),
                latency: Duration::ZERO,
            };
            let delivery = Delivery {
                receipt,
                isr: Vec::new(),
                read: None,
            };
            delivered(&cluster, &delivery).concat()
        };
        assert!(told(0).contains("= 1709931786, % 3 = 0."), "{}", told(0));
        assert!(
            told(1).contains("amy -> p1: murmur2 picks p0."),
            "{}",
            told(1)
        );
    }

    #[test]
    fn nobody_is_told_to_kill_what_is_dead() {
        let mut session = Session::new((120, 36), Appearance::default());
        session.all_ready();
        let line = |session: &Session| kill_line(&session.state.cluster);
        let mut seen = vec![line(&session)];
        for number in [3, 1, 2] {
            let exited = ProcessChange::Exited {
                code: None,
                signal: Some(9),
            };
            session.later(100).process(broker(number), exited);
            session.later(1500).report(
                ProcessName::ZooKeeper,
                Report::SessionExpired {
                    session: 0,
                    timeout_ms: 1500,
                    ephemerals: vec![format!("/brokers/ids/{number}")],
                },
            );
            seen.push(line(&session));
        }
        assert_eq!(
            seen,
            [
                "Press {pick 3}, then {kill}: kill -9 broker 3, which leads p2.",
                "Press {pick 2}, then {kill}: kill -9 broker 2, which leads p1.",
                "Press {pick 2}, then {kill}: kill -9 broker 2, which leads p1.",
                "Nobody is left to lead. Press {heal}: start all again.",
            ]
        );
    }

    #[test]
    fn a_result_is_told_sentence_by_sentence_and_then_the_next_step() {
        let mut coach = Coach::default();
        coach.finish(
            super::Step::Stream,
            vec!["first".into(), "second".into()],
            Timestamp::from_ms(1000),
        );
        let cluster = crate::state::Cluster::default();
        let line = |ms| {
            coach
                .line(&cluster, Timestamp::from_ms(ms))
                .unwrap_or_default()
        };
        assert_eq!(line(1000), "first");
        assert_eq!(line(8000), "second");
        assert!(line(14_000).starts_with("Press {stream faster} for a stream"));
    }
}
