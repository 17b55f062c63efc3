//! Looks up what predicates ask of partitions, records and readers.

use super::{Amount, Baseline, Counted, Places, ReadBy, RecordWanted, Role, Verdict, WantedKey};
use crate::state::{
    action::TopicConfig,
    cluster::{Cluster, Partition, Reading, RecordKind, RecordSeen},
};
use wire::{BrokerId, Offset, TopicPartition};

/// Looks at one partition, or at each of a topic: all of them must pass.
pub(super) fn of_each(
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

pub(super) fn lag(cluster: &Cluster, group: &str, amount: Amount) -> Verdict {
    let Some(known) = cluster.groups.get(group) else {
        return absent("group", group);
    };
    let lag = cluster.group_lag(known);
    Verdict {
        holds: amount.holds(lag),
        seen: format!("lag of {group}: {lag}"),
    }
}

pub(super) fn committed(
    cluster: &Cluster,
    group: &str,
    at: &TopicPartition,
    amount: Amount,
) -> Verdict {
    let known = cluster.groups.get(group);
    let committed = known.and_then(|group| group.committed.get(at));
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

/// Where a partition ends for readers.
pub(super) fn offset(
    cluster: &Cluster,
    since: &Baseline,
    at: &TopicPartition,
    amount: Amount,
) -> Verdict {
    let from = since.ends.get(at).filter(|_| amount.more);
    one(cluster, at, "high watermark", amount, from, |partition| {
        partition.high_watermark
    })
}

/// Where it begins.
pub(super) fn log_start(
    cluster: &Cluster,
    since: &Baseline,
    at: &TopicPartition,
    amount: Amount,
) -> Verdict {
    let from = since.starts.get(at).filter(|_| amount.more);
    one(cluster, at, "log start", amount, from, |partition| {
        partition.log_start
    })
}

/// An offset of one partition, counted from where it was.
fn one(
    cluster: &Cluster,
    at: &TopicPartition,
    what: &str,
    amount: Amount,
    from: Option<&Offset>,
    of: impl Fn(&Partition) -> Offset,
) -> Verdict {
    let place = Places {
        topic: at.topic.clone(),
        partition: Some(at.partition),
    };
    of_each(cluster, &place, what, |_, partition| {
        let now = of(partition).0;
        let counted = now - from.map_or(0, |from| from.0);
        let holds = partition.measured && amount.holds(counted);
        (holds, now.to_string())
    })
}

/// The newest records are known, those of a screen or two.
pub(super) fn record(cluster: &Cluster, since: &Baseline, wanted: &RecordWanted) -> Verdict {
    let places = &wanted.places;
    let Some(topic) = cluster.topics.get(&places.topic) else {
        return absent("topic", &places.topic);
    };
    let looked = topic.partitions.iter().filter(|known| {
        places
            .partition
            .is_none_or(|wanted| wanted == known.seen.partition)
    });
    let found: Vec<String> = looked
        .filter_map(|known| {
            let partition = known.seen.partition;
            let place = TopicPartition::new(&places.topic, partition);
            let from = since.ends.get(&place).filter(|_| wanted.new);
            let mut records = known.tail.iter().rev();
            let found = records.find(|record| {
                from.is_none_or(|from| record.offset >= *from) && is_like(record, wanted)
            });
            found.map(|record| format!("p{partition} @{}", record.offset))
        })
        .collect();
    let holds = match wanted.partitions {
        Some(partitions) => partitions.holds(count_of(found.len())),
        None => !found.is_empty(),
    };
    let seen = if found.is_empty() {
        format!("no such record among the newest of {places}")
    } else {
        format!("{} {}", places.topic, found.join(", "))
    };
    Verdict { holds, seen }
}

fn is_like(record: &RecordSeen, wanted: &RecordWanted) -> bool {
    let key = match &wanted.key {
        WantedKey::Whatever => true,
        WantedKey::Absent => record.key.is_none(),
        WantedKey::Is(key) => record.key.as_ref() == Some(key),
    };
    let value = wanted.value.as_ref();
    // The end of a transaction is no record of anybody's.
    let written = matches!(record.kind, RecordKind::Data | RecordKind::Aborted);
    key && written && value.is_none_or(|value| record.value.as_ref() == Some(value))
}

/// How many records were read. Our own consumers tell each one; for others what they committed counts.
pub(super) fn read(
    cluster: &Cluster,
    since: &Baseline,
    by: &ReadBy,
    places: &Places,
    amount: Amount,
) -> Verdict {
    let (group_id, consumer) = match by {
        ReadBy::Group(group) => (Some(group.as_str()), None),
        ReadBy::Consumer(name) => (group_of(cluster, name), Some(name.as_str())),
    };
    let Some((id, group)) = group_id.and_then(|id| cluster.groups.get_key_value(id)) else {
        return match by {
            ReadBy::Group(group) => absent("group", group),
            ReadBy::Consumer(name) => absent("consumer", name),
        };
    };
    let before = since.reading.get(id).filter(|_| amount.more);
    of_sum(cluster, places, amount, &format!("{by} read"), |place| {
        let told = |reading: &Reading| reading.count(place, consumer).map(signed);
        let now = told(&group.reading).or_else(|| {
            let committed = group.committed.get(place).filter(|_| consumer.is_none())?;
            let start = cluster.partition(place)?.log_start;
            Some((committed.0 - start.0).max(0))
        });
        now.unwrap_or(0) - before.and_then(told).unwrap_or(0)
    })
}

/// The group that a consumer of ours reads for.
fn group_of<'a>(cluster: &'a Cluster, consumer: &str) -> Option<&'a str> {
    let mut processes = cluster.processes.iter();
    let (_, process) = processes.find(
        |(name, _)| matches!(name, crate::state::ProcessName::Consumer(name) if name == consumer),
    )?;
    process.group.as_deref()
}

pub(super) fn duplicates(
    cluster: &Cluster,
    since: &Baseline,
    group: &str,
    places: &Places,
    amount: Amount,
) -> Verdict {
    let Some(known) = cluster.groups.get(group) else {
        return absent("group", group);
    };
    let before = since.reading.get(group).filter(|_| amount.more);
    of_sum(
        cluster,
        places,
        amount,
        &format!("{group} read twice"),
        |place| {
            let again = |reading: &Reading| signed(reading.again(place));
            again(&known.reading) - before.map_or(0, again)
        },
    )
}

pub(super) fn overtaken(
    cluster: &Cluster,
    since: &Baseline,
    group: &str,
    topic: &str,
    amount: Amount,
) -> Verdict {
    let Some(known) = cluster.groups.get(group) else {
        return absent("group", group);
    };
    let before = since.reading.get(group).filter(|_| amount.more);
    let overtaken = |reading: &Reading| signed(reading.overtaken(topic));
    let count = overtaken(&known.reading) - before.map_or(0, overtaken);
    Verdict {
        holds: amount.holds(count),
        seen: format!("{group} read {count} records of {topic} after later ones"),
    }
}

/// Adds up over the partitions that are meant.
fn of_sum(
    cluster: &Cluster,
    places: &Places,
    amount: Amount,
    what: &str,
    of: impl Fn(&TopicPartition) -> i64,
) -> Verdict {
    let Some(topic) = cluster.topics.get(&places.topic) else {
        return absent("topic", &places.topic);
    };
    let meant = topic.partitions.iter().map(|known| known.seen.partition);
    let meant =
        meant.filter(|partition| places.partition.is_none_or(|wanted| wanted == *partition));
    let sum = meant
        .map(|partition| of(&TopicPartition::new(&places.topic, partition)))
        .sum();
    Verdict {
        holds: amount.holds(sum),
        seen: format!("{what} {sum} of {places}"),
    }
}

/// Records times their copies: what a topic costs.
pub(super) fn copies(cluster: &Cluster, name: &str, amount: Amount) -> Verdict {
    let Some(topic) = cluster.topics.get(name) else {
        return absent("topic", name);
    };
    let kept = topic.partitions.iter().flat_map(|partition| {
        let ends = partition.ends.iter();
        ends.filter(|(broker, _)| partition.seen.replicas.contains(broker))
            .map(|(_, end)| (end.0 - partition.log_start.0).max(0))
    });
    let sum = kept.sum();
    Verdict {
        holds: amount.holds(sum),
        seen: format!("copies of {name}: {sum}"),
    }
}

pub(super) fn share(
    cluster: &Cluster,
    broker: BrokerId,
    role: Role,
    name: &str,
    amount: Amount,
) -> Verdict {
    let Some(topic) = cluster.topics.get(name) else {
        return absent("topic", name);
    };
    let has = |partition: &&Partition| match role {
        Role::Has => partition.seen.replicas.contains(&broker),
        Role::Leads => partition.seen.leader == Some(broker),
    };
    let count = count_of(topic.partitions.iter().filter(has).count());
    let role = match role {
        Role::Has => "has",
        Role::Leads => "leads",
    };
    Verdict {
        holds: amount.holds(count),
        seen: format!("broker {broker} {role} {count} of {name}"),
    }
}

pub(super) fn config(cluster: &Cluster, wanted: &TopicConfig) -> Verdict {
    let TopicConfig { topic, name, value } = wanted;
    let Some(known) = cluster.topics.get(topic) else {
        return absent("topic", topic);
    };
    let set = known.configs.get(name);
    let seen = match set {
        Some(set) => format!("{name} of {topic} is {set}"),
        None => format!("{name} is not set on {topic}"),
    };
    Verdict {
        holds: set == value.as_ref(),
        seen,
    }
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

pub(super) fn count(cluster: &Cluster, counted: Counted) -> i64 {
    let count = match counted {
        Counted::Sent => cluster.produced.sent,
        Counted::Acked => cluster.produced.acked,
        Counted::Failed => cluster.produced.failed,
        Counted::Lost => cluster.lost,
        Counted::LostByLeader => cluster.lost_by_leader,
    };
    i64::try_from(count).unwrap_or(i64::MAX)
}

pub(super) fn absent(what: &str, name: &str) -> Verdict {
    Verdict {
        holds: false,
        seen: format!("there is no {what} {name}"),
    }
}

pub(super) fn named(broker: Option<BrokerId>) -> String {
    broker.map_or_else(|| "none".to_owned(), |broker| broker.to_string())
}

pub(super) fn count_of(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}
