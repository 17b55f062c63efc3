//! Tells what is seen of a cluster that somebody else runs. Nobody there tells why: what only may be the cause is marked
//! as inferred.

use std::collections::BTreeMap;

use super::{Hand, Line, Story, Subject, Tone, grouped, names::listed};
use crate::state::{
    Setup, Timestamp,
    cluster::{Cluster, Process, ProcessChange, ProcessName, RoleSeen, Status},
};
use wire::BrokerId;

/// Partitions of a topic that are named; of more only the count is told.
const NAMED_MAX: usize = 6;

/// Lines about one change of the metadata: a rolling restart of a large cluster moves thousands of leaders.
const LINES_MAX: usize = 6;

/// The cluster answered for the first time.
pub(in crate::state) fn attached(
    story: &mut Story,
    setup: &Setup,
    cluster: &Cluster,
    at: Timestamp,
) {
    let count = |count: usize, one: &str, more: &str| {
        let noun = if count == 1 { one } else { more };
        format!(
            "{} {noun}",
            grouped(i64::try_from(count).unwrap_or(i64::MAX))
        )
    };
    let people = cluster.topics.values().filter(|topic| !topic.internal);
    let words = format!(
        "attached to {}: {}, {}",
        setup.reach.given().unwrap_or_default(),
        count(cluster.brokers().count(), "broker", "brokers"),
        count(people.count(), "topic", "topics")
    );
    let writes = if setup.reach.may_write() {
        "writes are allowed, each asks first"
    } else {
        "read-only"
    };
    let secured = setup.reach.secured().map(|how| format!(", {how}"));
    let user = setup.reach.user().map(|user| format!(" as {user}"));
    let parts = [Some(words), secured, user];
    let words: String = parts.into_iter().flatten().collect();
    let line = Line::new(at, Hand::Kafkarium).with(Tone::Good, words);
    story.begin(
        line.with(Tone::Dim, format!(", {writes}"))
            .about(Subject::Opening),
    );
}

/// A broker came, went, or does not answer. Those that were there from the beginning are told of together.
pub(in crate::state) fn broker(
    story: &mut Story,
    cluster: &Cluster,
    (process, change): (&ProcessName, &ProcessChange),
    at: Timestamp,
) {
    let subject = Subject::Process(process.clone());
    let known = cluster.processes.get(process);
    let line = Line::new(at, Hand::Seen);
    let (line, hangs) = match change {
        ProcessChange::Listed { address, .. } => {
            let words = format!("{process} is in the metadata, {address}");
            (line.with(Tone::Good, words), false)
        }
        ProcessChange::Unlisted => {
            let words = format!("{process} is not in the metadata any more");
            (line.with(Tone::Bad, words), true)
        }
        // Whoever is gone or silent already says nothing new.
        ProcessChange::Silent { why } if is(known, Status::Silent, at) => {
            let led = process_leads(cluster, process);
            let line = line.with(Tone::Bad, format!("{process} does not answer{led}"));
            (line.with(Tone::Dim, format!(": {why}")), false)
        }
        ProcessChange::Answers if is(known, Status::Up, at) => (
            line.with(Tone::Good, format!("{process} answers again")),
            true,
        ),
        _ => return,
    };
    let line = line.about(subject.clone());
    if hangs {
        story.tell(&[subject], line);
    } else {
        story.begin(line);
    }
}

fn is(process: Option<&Process>, status: Status, since: Timestamp) -> bool {
    process.is_some_and(|process| process.status == status && process.since == since)
}

/// ` (leads 4 partitions)`
fn process_leads(cluster: &Cluster, process: &ProcessName) -> String {
    let ProcessName::Broker(id) = process else {
        return String::new();
    };
    match cluster.led_by(*id).len() {
        0 => String::new(),
        1 => " (leads 1 partition)".to_owned(),
        count => format!(" (leads {count} partitions)"),
    }
}

/// Leaders moved, or replicas fell behind and caught up.
pub(in crate::state) fn roles(
    story: &mut Story,
    cluster: &Cluster,
    moved: &[RoleSeen],
    at: Timestamp,
) {
    let people = |seen: &&RoleSeen| {
        let topic = cluster.topics.get(&seen.place.topic);
        topic.is_some_and(|topic| !topic.internal)
    };
    // What is the same of several partitions of a topic is one line.
    let mut alike: BTreeMap<(&str, Kind), Vec<i32>> = BTreeMap::new();
    for seen in moved.iter().filter(people) {
        let kind = Kind::of(seen);
        let of_topic = alike.entry((&seen.place.topic, kind)).or_default();
        of_topic.push(seen.place.partition);
    }
    let lines = alike.len();
    for ((topic, kind), partitions) in alike.into_iter().take(LINES_MAX) {
        let places = places(topic, &partitions);
        let (causes, line) = kind.told(&places, at);
        story.tell(&causes, line);
    }
    if let Some(more) = lines.checked_sub(LINES_MAX).filter(|more| *more > 0) {
        let words = format!("and {more} more changes of leaders and ISRs");
        story.begin(Line::new(at, Hand::Seen).with(Tone::Dim, words));
    }
}

/// What changed of a partition.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Leader {
        before: Option<BrokerId>,
        after: Option<BrokerId>,
    },
    Isr {
        left: Vec<BrokerId>,
        joined: Vec<BrokerId>,
    },
}

impl Kind {
    fn of(seen: &RoleSeen) -> Self {
        if seen.leader.is_change() {
            return Self::Leader {
                before: seen.leader.before,
                after: seen.leader.after,
            };
        }
        Self::Isr {
            left: seen.isr.left().collect(),
            joined: seen.isr.joined().collect(),
        }
    }

    /// The line, and what it may be an effect of.
    fn told(self, places: &str, at: Timestamp) -> (Vec<Subject>, Line) {
        let line = Line::new(at, Hand::Seen);
        let brokers = |ids: &[BrokerId]| -> Vec<Subject> {
            let names = ids.iter().copied().map(ProcessName::Broker);
            names.map(Subject::Process).collect()
        };
        match self {
            Self::Leader { before, after } => {
                let name = |id: Option<BrokerId>| {
                    id.map_or_else(|| "nobody".to_owned(), |id| id.to_string())
                };
                let tone = if after.is_some() {
                    Tone::Plain
                } else {
                    Tone::Bad
                };
                let words = format!("{places} leader {}->{}", name(before), name(after));
                let causes = brokers(before.as_slice());
                (causes, line.with(tone, words))
            }
            Self::Isr { left, joined } if joined.is_empty() => {
                let words = format!("{places} ISR without {}", listed(&left));
                (brokers(&left), line.say(words))
            }
            Self::Isr { left, joined } => {
                let without = match left.as_slice() {
                    [] => String::new(),
                    left => format!(", without {}", listed(left)),
                };
                let words = format!("{places} ISR with {} again{without}", listed(&joined));
                (brokers(&joined), line.with(Tone::Good, words))
            }
        }
    }
}

/// `orders p0 p2`, `12 partitions of orders`
fn places(topic: &str, partitions: &[i32]) -> String {
    if partitions.len() > NAMED_MAX {
        return format!("{} partitions of {topic}", partitions.len());
    }
    let places: Vec<String> = partitions.iter().map(|index| format!("p{index}")).collect();
    format!("{topic} {}", places.join(" "))
}
