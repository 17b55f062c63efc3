//! What a consumer reads of the records that lay there before it: a new group's from the beginning, a
//! rewound one's once more. Records that come while it reads are no part of it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Cluster, ProcessName};
use crate::state::{
    Timestamp,
    action::grouped,
    story::{Line, Story, Subject, place as place_name},
};
use wire::{
    Offset, TopicPartition,
    report::{PartitionOffset, Report},
};

/// How long the screen tells of it.
const SHOWN_FOR: Duration = Duration::from_secs(10);

/// Who goes on where its group stood finds a few records at every rebalance of a stream: nothing to tell.
const FEW: u64 = 10;

/// A consumer on its way to where the log ended when its partitions were assigned.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::state) struct CatchUp {
    since: Timestamp,
    /// Partitions in which something lay.
    stretches: BTreeMap<TopicPartition, Stretch>,
    records: u64,
    /// The last of them.
    last: Option<(TopicPartition, Offset)>,
    /// When it had them all.
    done: Option<Timestamp>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Stretch {
    from: Offset,
    upto: Offset,
    next: Offset,
    /// Whether its log begins there.
    first: bool,
    /// Whether the group stood there, as far as we know.
    goes_on: bool,
}

/// What consumers of a group read of what lay there before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaughtUp {
    /// So many records.
    pub records: u64,
    /// From which offsets, or from the beginning where that is empty.
    pub from: BTreeMap<TopicPartition, Offset>,
    /// How long it took.
    pub took: Duration,
}

impl CaughtUp {
    /// `read 459 records from the beginning in 40 ms`
    #[must_use]
    pub fn words(&self, home: &str) -> String {
        let noun = if self.records == 1 {
            "record"
        } else {
            "records"
        };
        let records = grouped(i64::try_from(self.records).unwrap_or(i64::MAX));
        let from: Vec<String> = self
            .from
            .iter()
            .map(|(at, from)| format!("{} @{from}", place_name(home, &at.topic, at.partition)))
            .collect();
        let from = match from.as_slice() {
            [] => "the beginning".to_owned(),
            places => places.join(" "),
        };
        let took = if self.took < Duration::from_secs(1) {
            format!("{} ms", self.took.as_millis())
        } else {
            format!("{:.1} s", self.took.as_secs_f64())
        };
        format!("read {records} {noun} from {from} in {took}")
    }
}

impl CatchUp {
    fn read(&mut self, place: TopicPartition, offset: Offset, at: Timestamp) {
        let Some(stretch) = self.stretches.get_mut(&place) else {
            return;
        };
        if offset >= stretch.next && offset < stretch.upto {
            self.records += 1;
            self.last = Some((place, offset));
        }
        stretch.next = stretch.next.max(Offset(offset.0 + 1));
        if self
            .stretches
            .values()
            .all(|stretch| stretch.next >= stretch.upto)
        {
            self.done = Some(at);
        }
    }

    /// Whether it is more than the few records of a consumer that went on.
    fn is_told(&self) -> bool {
        let mut stretches = self.stretches.values();
        let found = stretches.any(|stretch| stretch.first || !stretch.goes_on);
        self.records >= FEW || (found && self.records > 0)
    }
}

impl Cluster {
    /// Follows what a consumer reports. The positions of its group are still those before the report.
    pub(super) fn follow_catch_up(
        &mut self,
        process: &ProcessName,
        report: &Report,
        at: Timestamp,
    ) {
        let found = match report {
            Report::Assigned { partitions } => self.stretches(process, partitions),
            _ => BTreeMap::new(),
        };
        let Some(consumer) = self.processes.get_mut(process) else {
            return;
        };
        match report {
            Report::Assigned { .. } if !found.is_empty() => {
                let under_way = consumer.catch_up.take_if(|known| known.done.is_none());
                let known = consumer.catch_up.insert(under_way.unwrap_or(CatchUp {
                    since: at,
                    stretches: BTreeMap::new(),
                    records: 0,
                    last: None,
                    done: None,
                }));
                known.stretches.extend(found);
            }
            Report::Revoked { partitions } => {
                let under_way = consumer.catch_up.take_if(|known| known.done.is_none());
                if let Some(mut known) = under_way {
                    for at in partitions {
                        let place = TopicPartition::new(&at.topic, at.partition);
                        known.stretches.remove(&place);
                    }
                    consumer.catch_up = Some(known).filter(|known| !known.stretches.is_empty());
                }
            }
            Report::Record {
                topic,
                partition,
                offset,
                ..
            } => {
                let known = consumer.catch_up.as_mut();
                if let Some(known) = known.filter(|known| known.done.is_none()) {
                    known.read(TopicPartition::new(topic, *partition), *offset, at);
                }
            }
            _ => {}
        }
    }

    /// Whether this consumer has not yet read all that lay there before it.
    pub(in crate::state) fn is_catching_up(&self, process: &ProcessName) -> bool {
        let known = self.processes.get(process);
        let known = known.and_then(|consumer| consumer.catch_up.as_ref());
        known.is_some_and(|known| known.done.is_none())
    }

    /// What lies before a consumer in these partitions.
    fn stretches(
        &self,
        process: &ProcessName,
        partitions: &[PartitionOffset],
    ) -> BTreeMap<TopicPartition, Stretch> {
        let group = self.processes.get(process);
        let group = group.and_then(|consumer| self.groups.get(consumer.group.as_ref()?));
        let found = partitions.iter().filter_map(|reads| {
            let place = TopicPartition::new(&reads.topic, reads.partition);
            let known = self.partition(&place)?;
            // Where nothing is committed it begins with the oldest record.
            let from = reads.offset.max(known.log_start);
            let stood = group.and_then(|group| group.positions.get(&place));
            let stretch = Stretch {
                from,
                upto: known.high_watermark,
                next: from,
                first: from == known.log_start,
                goes_on: stood == Some(&reads.offset),
            };
            (stretch.from < stretch.upto).then_some((place, stretch))
        });
        found.collect()
    }

    /// What the consumers of a group read of what lay there before, for some seconds after they had it.
    #[must_use]
    pub fn caught_up(&self, group: &str, now: Timestamp) -> Option<CaughtUp> {
        let known = self.processes.values();
        let known = known
            .filter(|process| process.group.as_deref() == Some(group))
            .filter_map(|process| process.catch_up.as_ref())
            .filter(|known| known.done.is_some_and(|at| now.since(at) < SHOWN_FOR));
        together(known)
    }
}

/// Several consumers read what one reader of all their partitions would have.
fn together<'a>(known: impl Iterator<Item = &'a CatchUp>) -> Option<CaughtUp> {
    let told: Vec<&CatchUp> = known.filter(|known| known.is_told()).collect();
    let since = told.iter().map(|known| known.since).min()?;
    let done = told.iter().filter_map(|known| known.done).max()?;
    let stretches = told.iter().flat_map(|known| &known.stretches);
    let first = stretches.clone().all(|(_, stretch)| stretch.first);
    let from = stretches.map(|(place, stretch)| (place.clone(), stretch.from));
    Some(CaughtUp {
        records: told.iter().map(|known| known.records).sum(),
        from: from.filter(|_| !first).collect(),
        took: done.since(since),
    })
}

/// Tells of a consumer that has read the last record that lay there before.
pub(in crate::state) fn tell(
    story: &mut Story,
    cluster: &Cluster,
    home: &str,
    process: &ProcessName,
) {
    let ProcessName::Consumer(name) = process else {
        return;
    };
    let Some(consumer) = cluster.processes.get(process) else {
        return;
    };
    let (Some(group), Some(known)) = (&consumer.group, &consumer.catch_up) else {
        return;
    };
    let (Some(at), Some((place, last))) = (known.done, &known.last) else {
        return;
    };
    let Some(caught_up) = together(std::iter::once(known)) else {
        return;
    };
    let words = format!(
        "{group}/{name} {}, the last {} @{last}",
        caught_up.words(home),
        place_name(home, &place.topic, place.partition)
    );
    let causes = [
        Subject::Process(process.clone()),
        Subject::GroupStep(group.clone()),
    ];
    story.tell(&causes, Line::new(at, "client").say(words));
}

#[cfg(test)]
mod tests {
    use crate::state::{Appearance, Entry};
    use crate::ui::tests::session::Session;

    fn said(session: &Session) -> Vec<String> {
        let entries = session.state.story.entries().iter();
        let words = |entry: &Entry| entry.text.iter().map(|(_, words)| words.as_str()).collect();
        entries
            .map(words)
            .filter(|line: &String| line.contains("read "))
            .collect()
    }

    fn shown(session: &Session) -> Option<String> {
        let known = session
            .state
            .cluster
            .caught_up("billing", session.state.now);
        known.map(|known| known.words("orders"))
    }

    /// Records lie in all partitions: 3, 2 and 0.
    fn old_records() -> Session {
        let mut session = Session::new((120, 36), Appearance::default());
        session.all_ready();
        session.offsets(0, 3, &[(1, 3), (2, 3), (3, 3)]);
        session.offsets(1, 2, &[(1, 2), (2, 2), (3, 2)]);
        session
    }

    #[test]
    fn what_lay_there_before_is_counted_from_the_beginning() {
        let mut session = old_records();
        session
            .later(100)
            .assigned("c1", &[(0, -1), (1, -1), (2, -1)]);
        session.later(20);
        for (partition, offset) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
            session.read("c1", partition, offset);
        }
        // This one came while it read.
        session.read("c1", 1, 2);
        assert_eq!(shown(&session), None, "p0 @2 is not read");
        session.later(20).read("c1", 0, 2);
        let words = "read 5 records from the beginning in 40 ms";
        assert_eq!(shown(&session).as_deref(), Some(words));
        assert_eq!(
            said(&session),
            [format!("billing/c1 {words}, the last p0 @2")]
        );
        session.later(1000).read("c1", 0, 3).read("c1", 1, 3);
        assert_eq!(said(&session).len(), 1, "live records are not told");
        session.later(10_000).tick();
        assert_eq!(shown(&session), None);
    }

    #[test]
    fn a_rewound_group_reads_again_and_who_goes_on_tells_nothing() {
        let mut session = old_records();
        session.later(100).assigned("c1", &[(0, 0), (1, 0)]);
        for (partition, offset) in [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1)] {
            session.read("c1", partition, offset);
        }
        assert_eq!(said(&session).len(), 1);
        session.later(20_000);
        session.offsets(0, 5, &[(1, 5), (2, 5), (3, 5)]);
        session.assigned("c1", &[(0, 3), (1, 2)]);
        session.read("c1", 0, 3).read("c1", 0, 4);
        assert_eq!(said(&session).len(), 1, "it went on");
        session.later(1000).assigned("c1", &[(0, 1), (1, 2)]);
        for offset in 1..5 {
            session.read("c1", 0, offset);
        }
        let words = "read 4 records from p0 @1 in 0 ms";
        assert_eq!(shown(&session).as_deref(), Some(words));
        assert_eq!(
            said(&session).last(),
            Some(&format!("billing/c1 {words}, the last p0 @4"))
        );
    }
}
