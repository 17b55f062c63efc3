//! What flowed in each of the last seconds, from counters that were told.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use super::Cluster;
use crate::state::Timestamp;

/// Seconds kept for the charts.
pub const RATE_SECONDS: usize = 60;

/// The last minute, second by second.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Rates {
    /// Oldest first.
    pub seconds: VecDeque<Second>,
    last: Counters,
}

/// What flowed in one second.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Second {
    /// Which second since 1970.
    pub second: i64,
    /// Records of our own producers that were acknowledged.
    pub acked: u64,
    /// Their keys and values.
    pub acked_bytes: u64,
    /// Records that the logs of the shown topic grew by, whoever wrote them.
    pub written: u64,
    /// Records that each group moved on by, committed or read.
    pub read: BTreeMap<String, u64>,
}

/// Counters at the end of a second.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Counters {
    second: i64,
    acked: u64,
    acked_bytes: u64,
    /// The topic, its partitions, and the sum of their log ends.
    written: (String, usize, i64),
    /// By group: partitions it stands in, and the sum of where.
    read: BTreeMap<String, (usize, i64)>,
}

impl Rates {
    /// The last whole second.
    #[must_use]
    pub fn newest(&self) -> Option<&Second> {
        self.seconds.back()
    }

    /// Closes the second that passed, if one did.
    pub(in crate::state) fn sample(&mut self, cluster: &Cluster, topic: &str, at: Timestamp) {
        let second = at.ms().div_euclid(1000);
        if second <= self.last.second {
            return;
        }
        let now = Counters::of(cluster, topic, second);
        let before = std::mem::replace(&mut self.last, now);
        let passed = second - before.second;
        if before.second == 0 || passed > i64::try_from(RATE_SECONDS).unwrap_or(i64::MAX) {
            self.seconds.clear();
            return;
        }
        // Where several seconds passed unseen their sum is spread over them.
        let share = u64::try_from(passed).unwrap_or(1).max(1);
        let flowed = self.last.since(&before, share);
        for at in before.second + 1..=second {
            self.seconds.push_back(Second {
                second: at,
                ..flowed.clone()
            });
        }
        let excess = self.seconds.len().saturating_sub(RATE_SECONDS);
        self.seconds.drain(..excess);
    }
}

impl Counters {
    fn of(cluster: &Cluster, topic: &str, second: i64) -> Self {
        let partitions = cluster
            .topics
            .get(topic)
            .map_or(&[][..], |topic| topic.partitions.as_slice());
        let ends = partitions.iter().map(|partition| partition.log_end().0);
        let read = cluster.groups.iter().map(|(name, group)| {
            let places = group.committed.iter().map(|(place, committed)| {
                let position = group.positions.get(place).copied();
                position.unwrap_or_default().max(*committed).0
            });
            (name.clone(), (group.committed.len(), places.sum()))
        });
        Self {
            second,
            acked: cluster.produced.acked,
            acked_bytes: cluster.produced.acked_bytes,
            written: (topic.to_owned(), partitions.len(), ends.sum()),
            read: read.collect(),
        }
    }

    /// What flowed since then, each second's share. A counter that began anew counts nothing.
    fn since(&self, before: &Self, share: u64) -> Second {
        let grown = |now: i64, then: i64| u64::try_from(now - then).unwrap_or(0) / share;
        let same_topic = (&self.written.0, self.written.1) == (&before.written.0, before.written.1);
        let read = self.read.iter().map(|(name, (places, sum))| {
            let then = before.read.get(name).filter(|then| then.0 == *places);
            (name.clone(), then.map_or(0, |then| grown(*sum, then.1)))
        });
        Second {
            second: self.second,
            acked: self.acked.saturating_sub(before.acked) / share,
            acked_bytes: self.acked_bytes.saturating_sub(before.acked_bytes) / share,
            written: if same_topic {
                grown(self.written.2, before.written.2)
            } else {
                0
            },
            read: read.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{RATE_SECONDS, Rates};
    use crate::state::{Cluster, Group, Timestamp};
    use wire::{Offset, TopicPartition};

    fn cluster(acked: u64, committed: i64) -> Cluster {
        let mut cluster = Cluster::default();
        cluster.produced.acked = acked;
        cluster.produced.acked_bytes = acked * 10;
        let mut group = Group::default();
        let place = TopicPartition::new("orders", 0);
        group.committed.insert(place, Offset(committed));
        cluster.groups.insert("billing".into(), group);
        cluster
    }

    #[test]
    fn a_second_holds_what_the_counters_grew_by() {
        let mut rates = Rates::default();
        for (second, acked, committed) in [(100, 5, 40), (101, 25, 47), (102, 25, 3)] {
            let at = Timestamp::from_ms(second * 1000 + 200);
            rates.sample(&cluster(acked, committed), "orders", at);
            rates.sample(&cluster(acked, committed), "orders", at);
        }
        let acked: Vec<u64> = rates.seconds.iter().map(|second| second.acked).collect();
        let read: Vec<u64> = rates
            .seconds
            .iter()
            .filter_map(|second| second.read.get("billing").copied())
            .collect();
        assert_eq!((&acked[..], &read[..]), (&[20, 0][..], &[7, 0][..]));
        assert_eq!(
            rates.seconds.front().map(|second| second.acked_bytes),
            Some(200)
        );
    }

    #[test]
    fn seconds_that_passed_unseen_share_what_flowed() {
        let mut rates = Rates::default();
        rates.sample(&cluster(0, 0), "orders", Timestamp::from_ms(100_000));
        rates.sample(&cluster(30, 0), "orders", Timestamp::from_ms(103_000));
        let acked: Vec<u64> = rates.seconds.iter().map(|second| second.acked).collect();
        assert_eq!(acked, [10, 10, 10]);
        for second in 104..300 {
            rates.sample(&cluster(30, 0), "orders", Timestamp::from_ms(second * 1000));
        }
        assert_eq!(rates.seconds.len(), RATE_SECONDS);
    }
}
