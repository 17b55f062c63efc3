//! What a consumer reads of the records that lay there before it: a new group's from the beginning, a
//! rewound one's once more. Records that come while it reads are no part of it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    Cluster, ProcessName,
    fact::{Assigned, Change, Told},
};
use crate::state::Timestamp;
use wire::{Offset, TopicPartition};

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

impl CatchUp {
    fn read(&mut self, place: &TopicPartition, offset: Offset, at: Timestamp) {
        let Some(stretch) = self.stretches.get_mut(place) else {
            return;
        };
        if offset >= stretch.next && offset < stretch.upto {
            self.records += 1;
            self.last = Some((place.clone(), offset));
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
    /// Follows what a consumer tells. The positions of its group are still those before that.
    pub(super) fn follow_catch_up(&mut self, told: &Told) {
        let found = match &told.change {
            Change::Assigned(partitions) => self.stretches(&told.by, partitions),
            _ => BTreeMap::new(),
        };
        let Some(consumer) = self.processes.get_mut(&told.by) else {
            return;
        };
        match &told.change {
            Change::Assigned(_) if !found.is_empty() => {
                let under_way = consumer.catch_up.take_if(|known| known.done.is_none());
                let known = consumer.catch_up.insert(under_way.unwrap_or(CatchUp {
                    since: told.at,
                    stretches: BTreeMap::new(),
                    records: 0,
                    last: None,
                    done: None,
                }));
                known.stretches.extend(found);
            }
            Change::Revoked(places) => {
                let under_way = consumer.catch_up.take_if(|known| known.done.is_none());
                if let Some(mut known) = under_way {
                    for place in places {
                        known.stretches.remove(place);
                    }
                    consumer.catch_up = Some(known).filter(|known| !known.stretches.is_empty());
                }
            }
            Change::Read { place, offset, .. } => {
                let known = consumer.catch_up.as_mut();
                if let Some(known) = known.filter(|known| known.done.is_none()) {
                    known.read(place, *offset, told.at);
                }
            }
            _ => {}
        }
    }

    /// Whether this consumer has not yet read all that lay there before it.
    pub(super) fn is_catching_up(&self, process: &ProcessName) -> bool {
        let known = self.processes.get(process);
        let known = known.and_then(|consumer| consumer.catch_up.as_ref());
        known.is_some_and(|known| known.done.is_none())
    }

    /// What lies before a consumer in these partitions.
    fn stretches(
        &self,
        process: &ProcessName,
        partitions: &[Assigned],
    ) -> BTreeMap<TopicPartition, Stretch> {
        let group = self.processes.get(process);
        let group = group.and_then(|consumer| self.groups.get(consumer.group.as_ref()?));
        let found = partitions.iter().filter_map(|reads| {
            let place = reads.place.clone();
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

impl Cluster {
    /// What this consumer read, once it has the last record that lay there before.
    pub(super) fn caught_up_by(&self, process: &ProcessName) -> Option<Told> {
        let consumer = self.processes.get(process)?;
        let known = consumer.catch_up.as_ref()?;
        Some(Told {
            at: known.done?,
            by: process.clone(),
            change: Change::CaughtUp {
                group: consumer.group.clone()?,
                all: together(std::iter::once(known))?,
                last: known.last.clone()?,
            },
        })
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
