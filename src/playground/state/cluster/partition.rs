//! A partition as Metadata, `ListOffsets` and its own records tell it.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use super::{
    PartitionOffsets, PartitionSeen, RecordSeen, Run,
    fact::{Moved, RoleSeen},
};
use crate::state::Timestamp;
use wire::{BrokerId, Offset, TopicPartition};

/// Records kept for looking back: more than a screen of the widest terminal shows.
pub const TAIL_MAX: usize = 400;

/// Old records that are read at once when somebody looks farther back.
pub const PAGE_RECORDS: i64 = 200;

/// Ends of the log that are kept for the rate are so far apart, however often it is told.
const SAMPLE_EVERY: Duration = Duration::from_millis(50);

/// Ends kept for the rate: those of five seconds.
const SAMPLES_MAX: usize = 100;

/// From this pace on a cell of the Log pane stands for a range of records.
const RANGES_FROM_PER_SECOND: f64 = 20.0;

/// A replica on its way back into the ISR.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct CatchingUp {
    /// Its log end when it was first seen behind, or after it was cut.
    pub from: Offset,
    /// When its log last grew.
    pub grew_at: Option<Timestamp>,
}

/// A replica whose log did not grow for so long stands still.
const STANDS_STILL: Duration = Duration::from_millis(1500);

/// A partition of a topic.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Partition {
    /// Metadata's word on it.
    pub seen: PartitionSeen,
    /// The oldest record that is still there.
    pub log_start: Offset,
    /// Consumers see records below it.
    pub high_watermark: Offset,
    /// Readers of committed transactions see records below it, if that is less.
    pub last_stable: Option<Offset>,
    /// Whether these offsets were ever told: no topic but the shown one and those that groups read is
    /// asked for them.
    pub measured: bool,
    /// Each replica's log end when it was last asked with success.
    pub ends: BTreeMap<BrokerId, Offset>,
    /// The newest records.
    pub tail: Run,
    /// Older ones, where somebody looked farther back than the tail goes.
    pub page: Run,
    /// Replicas that are not in sync: from where they copy what they miss.
    pub behind: BTreeMap<BrokerId, CatchingUp>,
    /// When leader, ISR or epoch last changed.
    pub changed_at: Option<Timestamp>,
    pub(crate) samples: VecDeque<(Timestamp, Offset)>,
}

impl Partition {
    /// Where the leader's log ends, or, where nobody leads, the farthest end that was seen.
    #[must_use]
    pub fn log_end(&self) -> Offset {
        self.seen
            .leader
            .and_then(|leader| self.ends.get(&leader).copied())
            .or_else(|| self.ends.values().max().copied())
            .unwrap_or(self.high_watermark)
            .max(self.high_watermark)
    }

    /// Whether a replica is missing from the ISR.
    #[must_use]
    pub fn under_replicated(&self) -> bool {
        self.seen.isr.len() < self.seen.replicas.len()
    }

    /// The replica that leads when all is well.
    #[must_use]
    pub fn preferred(&self) -> Option<BrokerId> {
        self.seen.replicas.first().copied()
    }

    /// Whether another replica leads than the preferred one.
    #[must_use]
    pub fn is_astray(&self) -> bool {
        self.seen.leader != self.preferred()
    }

    /// The record at this offset, if it is among those kept.
    #[must_use]
    pub fn record(&self, offset: Offset) -> Option<&RecordSeen> {
        self.tail
            .record(offset)
            .or_else(|| self.page.record(offset))
    }

    /// Whether this offset was read and has no record: compaction took it.
    #[must_use]
    pub fn is_hole(&self, offset: Offset) -> bool {
        let read = self.tail.covers(offset) || self.page.covers(offset);
        read && self.record(offset).is_none()
    }

    /// Whether readers of committed transactions are held back below the high watermark.
    #[must_use]
    pub fn stable_end(&self) -> Option<Offset> {
        self.last_stable
            .filter(|stable| *stable < self.high_watermark)
    }

    /// Records a second over the last seconds.
    #[must_use]
    pub fn rate(&self) -> f64 {
        let (Some((first, from)), Some((last, to))) = (self.samples.front(), self.samples.back())
        else {
            return 0.0;
        };
        let seconds = last.since(*first).as_secs_f64();
        if seconds < 1.0 {
            return 0.0;
        }
        let records = u32::try_from(to.0 - from.0).unwrap_or(u32::MAX);
        f64::from(records) / seconds
    }

    /// How many offsets one cell of the Log pane stands for: 1, or a power of ten that keeps the
    /// picture slow enough to read.
    #[must_use]
    pub fn records_per_cell(&self) -> i64 {
        let mut per_cell = 1_u32;
        while self.rate() > RANGES_FROM_PER_SECOND * f64::from(per_cell) && per_cell < 1_000_000 {
            per_cell *= 10;
        }
        i64::from(per_cell)
    }

    /// What was known of its leader and its ISR, if it was known at all and is told otherwise now.
    pub(super) fn role_before(&self, told: &PartitionSeen) -> Option<PartitionSeen> {
        let known = !self.seen.replicas.is_empty();
        let other = self.seen.leader != told.leader || self.seen.isr != told.isr;
        (known && other).then(|| self.seen.clone())
    }

    /// What came of it, if it was taken in.
    pub(super) fn role_since(
        &self,
        before: PartitionSeen,
        place: TopicPartition,
    ) -> Option<RoleSeen> {
        let now = &self.seen;
        (*now != before).then(|| RoleSeen {
            place,
            leader: Moved::new(before.leader, now.leader),
            epoch: Moved::new(before.epoch, now.epoch),
            isr: Moved::new(before.isr, now.isr.clone()),
        })
    }

    pub(in crate::state) fn see(&mut self, seen: &PartitionSeen, at: Timestamp) {
        let older = seen.epoch < self.seen.epoch && seen.replicas == self.seen.replicas;
        if older || *seen == self.seen {
            return;
        }
        let known = !self.seen.replicas.is_empty();
        self.seen.clone_from(seen);
        self.behind.retain(|broker, _| !seen.isr.contains(broker));
        // Who is in sync has all below the high watermark, whatever it was seen to have before.
        for broker in &seen.isr {
            if let Some(end) = self.ends.get_mut(broker) {
                *end = (*end).max(self.high_watermark);
            }
        }
        if known {
            self.changed_at = Some(at);
        }
    }

    pub(super) fn see_offsets(&mut self, offsets: &PartitionOffsets, at: Timestamp) {
        let before = self.log_end();
        self.measured = true;
        self.log_start = offsets.log_start;
        self.high_watermark = offsets.high_watermark;
        self.last_stable = offsets.last_stable;
        for (broker, end) in &offsets.ends {
            self.see_end(*broker, *end, at);
        }
        let end = self.log_end();
        // An answer can be older than the records that were read meanwhile: only an end that went back is a cut.
        if end < before {
            self.tail.cut(end);
            self.page.cut(end);
        }
        let due = |(last, _): &(Timestamp, Offset)| at.since(*last) >= SAMPLE_EVERY;
        if self.samples.back().is_none_or(due) {
            self.samples.push_back((at, end));
        }
        while self.samples.len() > SAMPLES_MAX
            || self
                .samples
                .front()
                .is_some_and(|(first, _)| at.since(*first).as_secs() > 4)
        {
            self.samples.pop_front();
        }
    }

    fn see_end(&mut self, broker: BrokerId, end: Offset, at: Timestamp) {
        let before = self.ends.insert(broker, end);
        if self.seen.isr.contains(&broker) {
            self.behind.remove(&broker);
            return;
        }
        let way = self.behind.entry(broker).or_insert(CatchingUp {
            from: end,
            grew_at: None,
        });
        way.from = way.from.min(end);
        if before.is_some_and(|before| end > before) {
            way.grew_at = Some(at);
        }
    }

    /// How far a replica is on its way back, in so many steps, while its log grows.
    #[must_use]
    pub fn caught_up(&self, broker: BrokerId, steps: i64, now: Timestamp) -> Option<i64> {
        let way = self.behind.get(&broker)?;
        if now.since(way.grew_at?) >= STANDS_STILL {
            return None;
        }
        let end = self.ends.get(&broker)?.0;
        let whole = (self.log_end().0 - way.from.0).max(1);
        Some(((end - way.from.0) * steps / whole).clamp(0, steps))
    }

    /// Takes records from `from` up to `upto`: of the tail, unless they lie before it.
    pub(in crate::state) fn see_records(
        &mut self,
        from: Offset,
        upto: Offset,
        records: &[RecordSeen],
    ) {
        if from < self.tail.from() && !self.tail.is_empty() {
            self.page.read(from, upto, records, TAIL_MAX);
        } else {
            self.tail.read(from, upto, records, TAIL_MAX);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Partition, TAIL_MAX};
    use crate::state::{PartitionOffsets, PartitionSeen, RecordSeen, Timestamp};
    use wire::{BrokerId, Offset, TopicPartition};

    fn record(offset: i64) -> RecordSeen {
        RecordSeen {
            offset: Offset(offset),
            ..RecordSeen::default()
        }
    }

    fn offsets(end: i64) -> PartitionOffsets {
        PartitionOffsets {
            partition: TopicPartition::new("orders", 0),
            log_start: Offset(0),
            high_watermark: Offset(end),
            last_stable: None,
            ends: vec![(BrokerId(1), Offset(end))],
        }
    }

    #[test]
    fn the_tail_keeps_the_newest_and_loses_what_was_cut() {
        let mut partition = Partition::default();
        let many = i64::try_from(TAIL_MAX).expect("small") + 50;
        let records: Vec<_> = (0..many).map(record).collect();
        partition.see_records(Offset(0), Offset(many), &records);
        assert_eq!(partition.tail.len(), TAIL_MAX);
        assert!(partition.record(Offset(49)).is_none());
        partition.see_offsets(&offsets(many), Timestamp(0));
        partition.see_offsets(&offsets(many - 10), Timestamp(0));
        assert!(partition.record(Offset(many - 11)).is_some());
        assert!(partition.record(Offset(many - 10)).is_none());
    }

    #[test]
    fn an_answer_that_is_older_than_a_record_takes_nothing_away() {
        let mut partition = Partition::default();
        partition.see_offsets(&offsets(0), Timestamp(0));
        partition.see_records(Offset(0), Offset(1), &[record(0)]);
        partition.see_offsets(&offsets(0), Timestamp(0));
        partition.see_offsets(&offsets(1), Timestamp(0));
        assert!(partition.record(Offset(0)).is_some());
    }

    #[test]
    fn old_records_that_were_asked_for_are_kept_beside_the_tail() {
        let mut partition = Partition::default();
        let tail: Vec<_> = (900..1000).map(record).collect();
        partition.see_records(Offset(900), Offset(1000), &tail);
        partition.see_records(Offset(100), Offset(103), &[record(100), record(102)]);
        assert!(partition.record(Offset(102)).is_some());
        assert!(partition.is_hole(Offset(101)));
        assert!(!partition.is_hole(Offset(500)), "it was not read");
        assert!(partition.record(Offset(950)).is_some());
    }

    #[test]
    fn a_replica_out_of_sync_is_followed_until_it_is_back() {
        let mut partition = Partition::default();
        let seen = |isr: &[i32]| PartitionSeen {
            leader: Some(BrokerId(1)),
            replicas: vec![BrokerId(1), BrokerId(2)],
            isr: isr.iter().copied().map(BrokerId).collect(),
            ..PartitionSeen::default()
        };
        partition.see(&seen(&[1]), Timestamp(0));
        for (ms, end) in [(0, 40), (100, 70)] {
            let mut offsets = offsets(100);
            offsets.ends.push((BrokerId(2), Offset(end)));
            partition.see_offsets(&offsets, Timestamp::from_ms(ms));
        }
        let way = |ms| partition.caught_up(BrokerId(2), 4, Timestamp::from_ms(ms));
        assert_eq!(way(200), Some(2));
        assert_eq!(way(5000), None, "it stands still");
        partition.see(&seen(&[1, 2]), Timestamp::from_ms(300));
        assert!(partition.behind.is_empty());
        let end = partition.ends.get(&BrokerId(2)).copied();
        assert_eq!(end, Some(Offset(100)), "it could not be back with less");
    }

    #[test]
    fn a_fast_partition_groups_its_cells() {
        let mut partition = Partition::default();
        for second in 0..4_i64 {
            partition.see_offsets(&offsets(second * 3000), Timestamp::from_ms(second * 1000));
        }
        assert_eq!(partition.records_per_cell(), 1000);
    }

    #[test]
    fn a_partition_that_is_told_of_all_the_time_is_as_fast() {
        let mut partition = Partition::default();
        for look in 0..600_i64 {
            partition.see_offsets(&offsets(look * 15), Timestamp::from_ms(look * 5));
        }
        assert_eq!(partition.records_per_cell(), 1000);
    }
}
