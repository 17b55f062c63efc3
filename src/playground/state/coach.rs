//! The guide through the first minutes: each step is ticked by the cluster, not by the key.

use std::time::Duration;

use super::{Cluster, Delivery, Status, StreamRate, Timestamp, outage::Outages};
use crate::wire::{BrokerId, murmur2::murmur2};

/// How long a step's result stands before the next step is named.
const RESULT_FOR: Duration = Duration::from_secs(9);

/// Where the guide is.
#[derive(Debug, Clone, Default)]
pub struct Coach {
    /// Hidden for good, until `:coach`.
    pub hidden: bool,
    step: Step,
    /// What the last step came to, and when.
    result: Option<(String, Timestamp)>,
    /// The broker that was killed, and how far each log was when it came back.
    fallen: Option<Fallen>,
    consumers_before: usize,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Step {
    #[default]
    Produce,
    Stream,
    Kill,
    Restart,
    Consumer,
    Finished,
}

#[derive(Debug, Clone)]
struct Fallen {
    broker: BrokerId,
    /// How many records it lacked when it was started again, and when that was.
    restarted: Option<(i64, Timestamp)>,
}

impl Coach {
    /// The line to show now; `None` when there is nothing (more) to say.
    #[must_use]
    pub fn line(&self, cluster: &Cluster, now: Timestamp) -> Option<String> {
        if self.hidden {
            return None;
        }
        if let Some((result, since)) = &self.result
            && now.since(*since) < RESULT_FOR
        {
            return Some(result.clone());
        }
        match self.step {
            Step::Produce => Some("Press p to send a record.".into()),
            Step::Stream => Some("Press + for a stream, 1 then 10 a second.".into()),
            Step::Kill => Some(kill_line(cluster)),
            Step::Restart => {
                let broker = self.fallen.as_ref()?.broker;
                Some(format!("Press r: start broker {broker} again."))
            }
            Step::Consumer => Some("Press c: one more consumer.".into()),
            Step::Finished => None,
        }
    }

    /// Looks whether the cluster has done what the step asks for.
    pub fn follow(&mut self, cluster: &Cluster, outages: &Outages, now: Timestamp) {
        match self.step {
            Step::Produce => {
                if let Some(delivery) = &cluster.receipt
                    && (delivery.read.is_some() || cluster.produced.acked > 3)
                {
                    let result = delivered(cluster, delivery);
                    self.finish(Step::Stream, Some(result), now);
                }
            }
            Step::Stream => {
                if cluster.stream >= StreamRate::PerSecond(10) && cluster.produced.acked > 20 {
                    self.finish(Step::Kill, None, now);
                }
            }
            Step::Kill => self.follow_kill(cluster, outages, now),
            Step::Restart => self.follow_restart(cluster, now),
            Step::Consumer => {
                let consumers = running_consumers(cluster);
                let settled = cluster.groups.values().all(|group| group.state == "Stable");
                if consumers > self.consumers_before && settled {
                    let result = divided(cluster);
                    self.finish(Step::Finished, Some(result), now);
                }
            }
            Step::Finished => {
                let over = |(_, since): &(String, Timestamp)| now.since(*since) >= RESULT_FOR;
                if self.result.as_ref().is_some_and(over) {
                    self.result = None;
                }
            }
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
                    ", p{} stood still {:.2} s",
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
        self.finish(Step::Restart, Some(result), now);
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
            let result = format!(
                "Broker {broker} cut its log to what the others have, copied {missing} records, and is back in every ISR after {:.1} s.",
                now.since(since).as_secs_f64()
            );
            self.consumers_before = running_consumers(cluster);
            self.finish(Step::Consumer, Some(result), now);
        }
    }

    fn finish(&mut self, next: Step, result: Option<String>, now: Timestamp) {
        self.step = next;
        self.result = result.map(|result| (result, now));
    }
}

/// The words of the third step follow the cluster: who leads, then what nobody knows yet.
fn kill_line(cluster: &Cluster) -> String {
    let dying = cluster
        .brokers()
        .find(|process| process.status == Status::Killed && process.session_expired.is_none());
    if let Some(dying) = dying {
        let timeout = dying
            .broker()
            .and_then(|broker| cluster.session(broker))
            .map_or(1.5, |session| session.timeout.as_secs_f64());
        let waits = dying.led.first().map_or_else(String::new, |place| {
            format!(" Writes to p{} wait.", place.partition)
        });
        return format!("Nobody knows yet: ZooKeeper waits {timeout} s for its heartbeat.{waits}");
    }
    let Some((place, leader)) = cluster
        .partitions()
        .filter_map(|(place, partition)| Some((place, partition.seen.leader?)))
        .last()
    else {
        return "Pick a broker by its digit, then x: kill -9.".into();
    };
    format!(
        "Press {leader}, then x: kill -9 broker {leader}, which leads p{}.",
        place.partition
    )
}

/// The sum that chose the partition, who wrote, copied and read.
fn delivered(cluster: &Cluster, delivery: &Delivery) -> String {
    let place = &delivery.receipt.partition;
    let partitions = cluster
        .topics
        .get(&place.topic)
        .map_or(1, |topic| topic.partitions.len().max(1));
    let sum = delivery
        .receipt
        .key
        .as_deref()
        .map_or_else(String::new, |key| {
            let hash = murmur2(key.as_bytes()) & 0x7fff_ffff;
            let count = u32::try_from(partitions).unwrap_or(1);
            format!(
                "{key} -> p{}: murmur2(\"{key}\") & 0x7fffffff = {hash}, % {partitions} = {}. ",
                place.partition,
                hash % count
            )
        });
    let leader = cluster
        .partition(place)
        .and_then(|partition| partition.seen.leader)
        .map_or_else(String::new, |leader| format!("Broker {leader} wrote it"));
    let read = delivery
        .read
        .as_ref()
        .map_or_else(String::new, |(_, consumer, _)| {
            format!(", {consumer} read it")
        });
    format!("{sum}{leader}{read}.")
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

fn divided(cluster: &Cluster) -> String {
    let newest = cluster
        .groups
        .values()
        .flat_map(|group| &group.members)
        .max_by_key(|(_, member)| member.first_seen);
    match newest {
        Some((name, member)) if !member.reads.is_empty() => {
            let places: Vec<String> = member
                .reads
                .iter()
                .map(|place| format!("p{}", place.partition))
                .collect();
            format!(
                "{name} took over {}. That was Kafka.  : has every action by name, ? all keys.",
                places.join(" ")
            )
        }
        _ => "That was Kafka.  : has every action by name, ? all keys.".into(),
    }
}
