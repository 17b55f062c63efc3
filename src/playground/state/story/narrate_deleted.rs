//! Turns log starts that moved on into lines of "what happened": retention tells nobody, the records are just gone.

use std::{collections::BTreeMap, time::Duration};

use super::{Hand, Line, Merge, Story, Subject, Tone, grouped};
use crate::state::{
    Timestamp,
    cluster::{Cluster, LogStart, Topic},
};
use wire::Offset;

/// Segments that go within so long after the first share its line: under a stream one goes every few seconds.
const TOGETHER: Duration = Duration::from_secs(30);

/// Partitions that are named; of more only the count is told.
const NAMED_MAX: usize = 4;

/// What makes old records go.
const RETENTION: [&str; 2] = ["retention.ms", "retention.bytes"];

/// Tells of records that are there no more.
pub(in crate::state) fn deleted(
    story: &mut Story,
    cluster: &Cluster,
    home: &str,
    starts: &[LogStart],
    at: Timestamp,
) {
    for LogStart { place, offset } in starts {
        let name = &place.topic;
        let Some(topic) = cluster.topics.get(name) else {
            continue;
        };
        let merged = story.merged(
            at,
            TOGETHER,
            |merge| matches!(merge, Merge::Deleted(other, _) if other == name),
        );
        if let Some(entry) = merged
            && let Some(Merge::Deleted(_, starts)) = &mut entry.merge
        {
            let from = offset.before;
            let start = starts.entry(place.partition).or_insert((from, from));
            start.1 = offset.after;
            entry.text = words(home, name, topic, starts);
            continue;
        }
        let starts = BTreeMap::from([(place.partition, (offset.before, offset.after))]);
        let line = words(home, name, topic, &starts)
            .into_iter()
            .fold(Line::new(at, Hand::Retention), |line, (tone, words)| {
                line.with(tone, words)
            })
            .merging(Merge::Deleted(name.clone(), starts));
        story.tell(&[Subject::Topic(name.clone())], line);
    }
}

/// `120 old records deleted: p0 starts at 44 now, p1 at 40`
fn words(
    home: &str,
    name: &str,
    topic: &Topic,
    starts: &BTreeMap<i32, (Offset, Offset)>,
) -> Vec<(Tone, String)> {
    let count: i64 = starts.values().map(|(from, to)| to.0 - from.0).sum();
    let of = if name == home {
        String::new()
    } else {
        format!("{name}: ")
    };
    let noun = if count == 1 { "record" } else { "records" };
    let mut words = format!("{of}{} old {noun} deleted", grouped(count));
    if starts.len() > NAMED_MAX {
        words = format!("{words} from {} partitions", starts.len());
    } else {
        let named = starts
            .iter()
            .enumerate()
            .map(|(index, (partition, (_, to)))| {
                if index == 0 {
                    format!("p{partition} starts at {to} now")
                } else {
                    format!("p{partition} at {to}")
                }
            });
        words = format!("{words}: {}", named.collect::<Vec<_>>().join(", "));
    }
    let set = RETENTION.iter().filter_map(|config| {
        let value = topic.configs.get(*config)?;
        Some(format!("  {config} {value}"))
    });
    let set = set.map(|words| (Tone::Dim, words));
    std::iter::once((Tone::Plain, words)).chain(set).collect()
}

#[cfg(test)]
mod tests {
    use crate::state::{Appearance, Hand, Observation, PartitionOffsets};
    use crate::ui::tests::session::{Session, orders};
    use wire::{BrokerId, Offset};

    fn starts_at(session: &mut Session, partition: i32, start: i64) {
        session.see(Observation::Offsets(vec![PartitionOffsets {
            partition: orders(partition),
            log_start: Offset(start),
            high_watermark: Offset(100),
            last_stable: None,
            ends: vec![(BrokerId(1), Offset(100))],
        }]));
    }

    fn told(session: &Session) -> Vec<String> {
        let entries = session.state.story.entries().iter();
        let entries = entries.filter(|entry| entry.hand == Hand::Retention);
        entries
            .map(|entry| entry.text.iter().map(|(_, words)| words.as_str()).collect())
            .collect()
    }

    #[test]
    fn records_that_retention_deletes_are_told_of() {
        let mut session = Session::new((120, 36), Appearance::default());
        session.all_ready();
        starts_at(&mut session, 0, 0);
        starts_at(&mut session, 1, 0);
        assert!(told(&session).is_empty());
        session.later(1000);
        starts_at(&mut session, 0, 40);
        assert_eq!(
            told(&session),
            ["40 old records deleted: p0 starts at 40 now"]
        );
        session.later(1000);
        starts_at(&mut session, 0, 40);
        starts_at(&mut session, 1, 20);
        starts_at(&mut session, 0, 60);
        let words = "80 old records deleted: p0 starts at 60 now, p1 at 20";
        assert_eq!(told(&session), [words]);
        session.later(31_000);
        starts_at(&mut session, 0, 61);
        let later = "1 old record deleted: p0 starts at 61 now";
        assert_eq!(told(&session), [words, later]);
    }
}
