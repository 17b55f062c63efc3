//! Records on their way: who was written last into each partition, and who was read last from it.
//!
//! A word stands for records that a report told of, never for a guess between two reports.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use super::{Partition, RecordKind, RecordSeen};
use crate::state::Timestamp;
use wire::{Offset, TopicPartition};

/// From this pace on a word stands for a group: more words a second cannot be read.
const GROUPS_FROM_PER_SECOND: f64 = 50.0;

/// Words a second that a line shows when it groups.
const WORDS_PER_SECOND: f64 = 4.0;

/// Below this pace each acknowledgement of ours is told, so that a record without one is not ours.
const ALL_TOLD_BELOW_PER_SECOND: f64 = 15.0;

/// How long an acknowledgement may come after its record was seen in the log.
const ACK_WAIT: Duration = Duration::from_millis(400);

/// Records older than this were written before anybody looked.
const FRESH_FOR: Duration = Duration::from_secs(5);

/// Offsets of acknowledgements and unexplained records that are kept for each partition.
const OFFSETS_MAX: usize = 64;

/// What flows through each partition.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Flow {
    lanes: BTreeMap<TopicPartition, FlowLane>,
}

/// What flows through one partition.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct FlowLane {
    /// Our own producer's record that was acknowledged last.
    pub written: Option<Word>,
    /// The last record that is not our producer's.
    pub foreign: Option<Word>,
    /// The record that a consumer of ours read last, by group.
    pub read: BTreeMap<String, Word>,
    acknowledged: VecDeque<Offset>,
    unexplained: VecDeque<(Offset, Option<String>, Timestamp)>,
    /// The newest record that was looked at.
    seen: Offset,
}

/// A record, or a group of them, on a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Word {
    /// The key of the record that it names.
    pub key: Option<String>,
    /// Its offset.
    pub offset: Offset,
    /// When the report of it came.
    pub at: Timestamp,
}

impl Flow {
    /// What flows through a partition.
    #[must_use]
    pub fn lane(&self, at: &TopicPartition) -> Option<&FlowLane> {
        self.lanes.get(at)
    }

    /// When the next word that stands since less than `shown_for` goes, or an unexplained record is
    /// explained.
    #[must_use]
    pub fn next_change(&self, now: Timestamp, shown_for: Duration) -> Option<Timestamp> {
        let words = self.lanes.values().flat_map(|lane| {
            let written = lane.written.iter().chain(&lane.foreign);
            written
                .chain(lane.read.values())
                .map(|word| word.at.plus(shown_for))
        });
        let unexplained = self.lanes.values().filter_map(|lane| {
            let (_, _, at) = lane.unexplained.front()?;
            Some(at.plus(ACK_WAIT))
        });
        words.chain(unexplained).filter(|at| *at > now).min()
    }

    pub(in crate::state) fn acknowledged(
        &mut self,
        place: &TopicPartition,
        partition: &Partition,
        word: Word,
    ) {
        let lane = self.lanes.entry(place.clone()).or_default();
        lane.acknowledged.push_back(word.offset);
        if lane.acknowledged.len() > OFFSETS_MAX {
            lane.acknowledged.pop_front();
        }
        replace(&mut lane.written, word, records_per_word(partition));
    }

    pub(in crate::state) fn read(
        &mut self,
        place: &TopicPartition,
        partition: &Partition,
        group: &str,
        word: Word,
    ) {
        let lane = self.lanes.entry(place.clone()).or_default();
        let per_word = records_per_word(partition);
        if let Some(known) = lane.read.get_mut(group) {
            if is_next(known, &word, per_word) {
                *known = word;
            }
        } else {
            lane.read.insert(group.to_owned(), word);
        }
    }

    /// Takes records that were seen in the log: those that nobody here sent are somebody else's.
    pub(super) fn appended(
        &mut self,
        place: &TopicPartition,
        partition: &Partition,
        records: &[RecordSeen],
        now: Timestamp,
    ) {
        let told = partition.rate() < ALL_TOLD_BELOW_PER_SECOND;
        let lane = self.lanes.entry(place.clone()).or_default();
        for record in records.iter().filter(|record| record.offset >= lane.seen) {
            let age = now.since(Timestamp::from_ms(record.timestamp_ms));
            if told && age < FRESH_FOR && record.kind == RecordKind::Data {
                lane.unexplained
                    .push_back((record.offset, record.key.clone(), now));
            }
        }
        if let Some(last) = records.last() {
            lane.seen = lane.seen.max(Offset(last.offset.0 + 1));
        }
        let excess = lane.unexplained.len().saturating_sub(OFFSETS_MAX);
        lane.unexplained.drain(..excess);
    }

    /// Decides about records whose acknowledgement should have been told by now.
    pub(in crate::state) fn explain(&mut self, now: Timestamp) {
        for lane in self.lanes.values_mut() {
            while let Some((offset, key, at)) = lane.unexplained.front().cloned() {
                let own = lane.acknowledged.contains(&offset);
                if !own && now.since(at) < ACK_WAIT {
                    break;
                }
                lane.unexplained.pop_front();
                if !own {
                    lane.foreign = Some(Word {
                        key,
                        offset,
                        at: now,
                    });
                }
            }
        }
    }

    /// Forgets topics that are gone.
    pub(in crate::state) fn retain(&mut self, there: impl Fn(&str) -> bool) {
        self.lanes.retain(|place, _| there(&place.topic));
    }
}

/// How many records one word stands for.
#[must_use]
pub fn records_per_word(partition: &Partition) -> i64 {
    /// Groups are of a size that people count in.
    const SIZES: [u32; 7] = [25, 100, 250, 1000, 2500, 10_000, 25_000];
    let rate = partition.rate();
    if rate < GROUPS_FROM_PER_SECOND {
        return 1;
    }
    let readable = |size: &&u32| rate / f64::from(**size) <= WORDS_PER_SECOND;
    SIZES
        .iter()
        .find(readable)
        .map_or(100_000, |size| i64::from(*size))
}

fn replace(shown: &mut Option<Word>, word: Word, per_word: i64) {
    if shown
        .as_ref()
        .is_none_or(|shown| is_next(shown, &word, per_word))
    {
        *shown = Some(word);
    }
}

/// Whether a record is in another group than the one that is shown.
fn is_next(shown: &Word, word: &Word, per_word: i64) -> bool {
    shown.offset.0.div_euclid(per_word) != word.offset.0.div_euclid(per_word)
}

#[cfg(test)]
mod tests {
    use super::{Flow, Word, records_per_word};
    use crate::state::{Partition, PartitionOffsets, RecordSeen, Timestamp};
    use wire::{BrokerId, Offset, TopicPartition};

    /// A partition that takes so many records a second.
    fn partition(rate: i64) -> Partition {
        let mut partition = Partition::default();
        for second in 0..4 {
            let end = Offset(second * rate);
            let offsets = PartitionOffsets {
                partition: TopicPartition::new("orders", 0),
                log_start: Offset(0),
                high_watermark: end,
                last_stable: None,
                ends: vec![(BrokerId(1), end)],
            };
            partition.see_offsets(&offsets, Timestamp::from_ms(second * 1000));
        }
        partition
    }

    fn word(offset: i64, ms: i64) -> Word {
        Word {
            key: Some(format!("k{offset}")),
            offset: Offset(offset),
            at: Timestamp::from_ms(ms),
        }
    }

    #[test]
    fn groups_begin_at_fifty_a_second_and_grow_with_the_pace() {
        let sizes = [0, 10, 49, 50, 333, 3333, 1_000_000];
        let sizes = sizes.map(|rate| records_per_word(&partition(rate)));
        assert_eq!(sizes, [1, 1, 1, 25, 100, 1000, 100_000]);
    }

    #[test]
    fn a_word_stands_until_its_group_is_full() {
        let place = TopicPartition::new("orders", 0);
        let fast = partition(333);
        let mut flow = Flow::default();
        let shown = |flow: &Flow| {
            let lane = flow.lane(&place).expect("written");
            lane.written.as_ref().map(|word| word.offset.0)
        };
        for offset in [110, 160, 199] {
            flow.acknowledged(&place, &fast, word(offset, offset));
            assert_eq!(shown(&flow), Some(110));
        }
        flow.acknowledged(&place, &fast, word(203, 203));
        assert_eq!(shown(&flow), Some(203));
    }

    #[test]
    fn a_record_that_nobody_here_sent_is_somebody_elses() {
        let place = TopicPartition::new("orders", 0);
        let slow = partition(1);
        let record = |offset, timestamp_ms| RecordSeen {
            offset: Offset(offset),
            key: Some(format!("k{offset}")),
            timestamp_ms,
            ..RecordSeen::default()
        };
        let mut flow = Flow::default();
        let old = record(4, 1_000);
        let records = [old, record(5, 20_000), record(6, 20_000)];
        flow.appended(&place, &slow, &records, Timestamp::from_ms(20_000));
        flow.acknowledged(&place, &slow, word(5, 20_010));
        flow.explain(Timestamp::from_ms(20_100));
        let foreign = |flow: &Flow| {
            let lane = flow.lane(&place).expect("written");
            lane.foreign.as_ref().map(|word| word.offset.0)
        };
        assert_eq!(foreign(&flow), None, "its acknowledgement may still come");
        flow.explain(Timestamp::from_ms(20_400));
        assert_eq!(foreign(&flow), Some(6));
        flow.appended(&place, &slow, &records, Timestamp::from_ms(20_500));
        flow.explain(Timestamp::from_ms(30_000));
        assert_eq!(foreign(&flow), Some(6), "each record is looked at once");
    }
}
