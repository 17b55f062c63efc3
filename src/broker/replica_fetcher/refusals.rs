//! Partitions that a fetcher gets no further with: when to ask again, and when to say so.

use std::{collections::HashMap, hash::Hash, time::Duration};

use tokio::time::Instant;

use wire::{LeaderEpoch, Offset};

/// The first pause: short, for a leader that has just been elected and does not know it yet.
const PAUSE_MIN: Duration = Duration::from_millis(20);

/// The longest pause: Kafka's `replica.fetch.backoff.ms`. What failed this often hardly passes by itself.
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// How much rarer each warning about the same standstill is than the one before it.
const RARER: u32 = 4;

/// What was refused lately, by partition.
#[derive(Debug)]
pub(super) struct Refusals<K> {
    /// How long a partition may stand still before it is told.
    patience: Duration,
    by_partition: HashMap<K, Standstill>,
}

/// A partition whose fetches fail, at one offset under one leader.
#[derive(Debug)]
struct Standstill {
    epoch: LeaderEpoch,
    offset: Offset,
    since: Instant,
    again_at: Instant,
    pause: Duration,
    /// How long it lasts when it is told next.
    told_after: Duration,
    is_told: bool,
}

/// When a standstill is worth telling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Told {
    /// How long it has lasted.
    pub(super) lasts: Duration,
    /// Whether it was told before.
    pub(super) again: bool,
}

impl<K: Eq + Hash> Refusals<K> {
    pub(super) fn new(patience: Duration) -> Self {
        Self {
            patience,
            by_partition: HashMap::new(),
        }
    }

    /// A fetch at `offset` failed: asks again after a pause, longer each time. Returns whether to tell of it.
    pub(super) fn failed(
        &mut self,
        key: K,
        (epoch, offset): (LeaderEpoch, Offset),
        now: Instant,
    ) -> Option<Told> {
        let stands = self.by_partition.entry(key).or_insert(Standstill {
            epoch,
            offset,
            since: now,
            again_at: now,
            pause: PAUSE_MIN,
            told_after: self.patience,
            is_told: false,
        });
        if (stands.epoch, stands.offset) != (epoch, offset) {
            *stands = Standstill {
                epoch,
                offset,
                since: now,
                again_at: now,
                pause: PAUSE_MIN,
                told_after: self.patience,
                is_told: false,
            };
        }
        stands.again_at = now + stands.pause;
        stands.pause = (stands.pause * 2).min(PAUSE_MAX);
        let lasts = now - stands.since;
        if lasts < stands.told_after {
            return None;
        }
        stands.told_after = lasts * RARER;
        let again = std::mem::replace(&mut stands.is_told, true);
        Some(Told { lasts, again })
    }

    /// A fetch was answered and taken. Returns whether a standstill ends that was told.
    pub(super) fn went_on(&mut self, key: &K) -> bool {
        !self.by_partition.is_empty()
            && self
                .by_partition
                .remove(key)
                .is_some_and(|stands| stands.is_told)
    }

    /// Something is another: everything may be asked for at once.
    pub(super) fn retry_all(&mut self, now: Instant) {
        for stands in self.by_partition.values_mut() {
            stands.again_at = now;
            stands.pause = PAUSE_MIN;
        }
    }

    /// Whether a partition may be asked for.
    pub(super) fn is_due(&self, key: &K, now: Instant) -> bool {
        self.by_partition
            .get(key)
            .is_none_or(|stands| stands.again_at <= now)
    }

    /// When the next of those that wait may be asked for.
    pub(super) fn next_due(&self, now: Instant) -> Option<Instant> {
        let waiting = self.by_partition.values().map(|stands| stands.again_at);
        waiting.filter(|at| *at > now).min()
    }

    /// Forgets partitions that are not followed any more.
    pub(super) fn retain(&mut self, is_followed: impl Fn(&K) -> bool) {
        self.by_partition.retain(|key, _| is_followed(key));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: (LeaderEpoch, Offset) = (LeaderEpoch(1), Offset(3));

    #[test]
    fn a_standstill_is_asked_for_less_and_less_and_told_once_and_rarely_again() {
        let start = Instant::now();
        let mut refusals = Refusals::new(Duration::from_secs(30));
        let (mut now, mut asked, mut told) = (start, 0, Vec::new());
        while now < start + Duration::from_secs(600) {
            told.extend(refusals.failed("p0", AT, now));
            asked += 1;
            assert!(!refusals.is_due(&"p0", now) && refusals.is_due(&"p1", now));
            now = refusals.next_due(now).expect("it is asked for again");
        }
        assert!((600..620).contains(&asked), "{asked}");
        assert_eq!(told.len(), 3, "after 30, 120 and 480 s: {told:?}");
        assert_eq!(
            told.iter().map(|it| it.again).collect::<Vec<_>>(),
            [false, true, true]
        );
        assert!(refusals.went_on(&"p0"));
        assert!(!refusals.went_on(&"p0"));
    }

    #[test]
    fn another_offset_or_leader_is_another_standstill() {
        let now = Instant::now();
        let mut refusals = Refusals::new(Duration::from_secs(1));
        assert_eq!(refusals.failed("p0", AT, now), None);
        let later = now + Duration::from_secs(2);
        let moved = (LeaderEpoch(1), Offset(4));
        assert_eq!(refusals.failed("p0", moved, later), None);
        assert_eq!(refusals.next_due(later), Some(later + PAUSE_MIN));
        refusals.retry_all(later);
        assert!(refusals.is_due(&"p0", later));
        assert!(!refusals.went_on(&"p0"), "nobody was told");
    }
}
