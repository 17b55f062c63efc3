//! What many brokers that died or came back at once brought about: summed up, a line for each kind.
//!
//! ```text
//! 12:05:02.310  you        kill -9 20 brokers (2 8 13 ...)   H heals all
//!     +1.283 s  zookeeper  └ 20 sessions expired, the last +1.500 s
//!     +1.291 s  controller   └ 20 leaders moved, ISR of 50 partitions is shorter, the last +1.531 s
//! ```

use std::{collections::BTreeSet, time::Duration};

use serde::{Deserialize, Serialize};

use super::{
    Hand,
    story::{Line, Merge, Story, Subject, Tone, of},
};
use crate::state::{
    Timestamp,
    cluster::{Change, Ended, Moved, ProcessName, Told, broker_of_znodes},
};
use wire::{BrokerId, TopicPartition, report::ZnodeChange};

/// A key that reached so many brokers has what followed summed up; of fewer each line is told.
pub(in crate::state) const MANY: usize = 4;

/// Effects of one kind, of many brokers or partitions, in the tree with this first line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sum {
    root: u64,
    last: Timestamp,
    of: Summed,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Summed {
    /// Sessions of these brokers expired.
    Sessions(BTreeSet<BrokerId>),
    /// These partitions have another leader, and the ISR of these is shorter.
    Changed {
        moved: BTreeSet<TopicPartition>,
        shorter: BTreeSet<TopicPartition>,
    },
    /// These partitions have copies in sync again.
    Longer(BTreeSet<TopicPartition>),
    /// These partitions take writes again.
    Writing {
        partitions: BTreeSet<TopicPartition>,
        without_leader: Duration,
        lost: u64,
    },
}

impl Summed {
    /// Takes in what is of its kind.
    fn join(&mut self, other: Self) -> Result<(), Self> {
        match (self, other) {
            (Self::Sessions(all), Self::Sessions(some)) => all.extend(some),
            (
                Self::Changed { moved, shorter },
                Self::Changed {
                    moved: more,
                    shorter: others,
                },
            ) => {
                moved.extend(more);
                shorter.extend(others);
            }
            (Self::Longer(all), Self::Longer(some)) => all.extend(some),
            (
                Self::Writing {
                    partitions,
                    without_leader,
                    lost,
                },
                Self::Writing {
                    partitions: more,
                    without_leader: other,
                    lost: now,
                },
            ) => {
                partitions.extend(more);
                *without_leader = other.max(*without_leader);
                *lost = now.max(*lost);
            }
            (_, other) => return Err(other),
        }
        Ok(())
    }

    fn is_like(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }

    fn words(&self) -> Vec<(Tone, String)> {
        let plain = |words: String| vec![(Tone::Plain, words)];
        let partitions = |count: usize| match count {
            1 => "1 partition".to_owned(),
            _ => format!("{count} partitions"),
        };
        match self {
            Self::Sessions(brokers) if brokers.len() == 1 => plain("1 session expired".to_owned()),
            Self::Sessions(brokers) => plain(format!("{} sessions expired", brokers.len())),
            Self::Changed { moved, shorter } => {
                let leaders = match moved.len() {
                    0 => None,
                    1 => Some("1 leader moved".to_owned()),
                    count => Some(format!("{count} leaders moved")),
                };
                let isr = (!shorter.is_empty())
                    .then(|| format!("ISR of {} is shorter", partitions(shorter.len())));
                let told: Vec<String> = leaders.into_iter().chain(isr).collect();
                plain(told.join(", "))
            }
            Self::Longer(all) => plain(format!("ISR of {} is longer", partitions(all.len()))),
            Self::Writing {
                partitions: all,
                without_leader,
                lost,
            } => {
                let verb = if all.len() == 1 { "writes" } else { "write" };
                let tone = if *lost == 0 { Tone::Good } else { Tone::Bad };
                vec![
                    (
                        Tone::Plain,
                        format!("{} {verb} again, ", partitions(all.len())),
                    ),
                    (tone, format!("{lost} lost")),
                    (
                        Tone::Plain,
                        format!(
                            ". Longest without leader {:.2} s",
                            without_leader.as_secs_f64()
                        ),
                    ),
                ]
            }
        }
    }

    /// What later lines may name as their cause.
    fn subjects(&self) -> Vec<Subject> {
        let all = |partitions: &BTreeSet<TopicPartition>| {
            let places = partitions.iter().cloned();
            places.map(Subject::Partition).collect::<Vec<_>>()
        };
        match self {
            Self::Sessions(brokers) => brokers.iter().map(|broker| of(*broker)).collect(),
            Self::Changed { moved, shorter } => [all(moved), all(shorter)].concat(),
            Self::Longer(_) | Self::Writing { .. } => Vec::new(),
        }
    }
}

/// Sums up what a process told, if it followed from what reached many brokers; whether it did.
pub(super) fn tell(story: &mut Story, told: &Told) -> bool {
    let (hand, causes, summed) = match &told.change {
        Change::SessionEnded {
            owner: Some(broker),
            expired_after_ms: Some(_),
            ..
        } => {
            let hand = Hand::Process(ProcessName::ZooKeeper);
            let summed = Summed::Sessions([*broker].into());
            (hand, vec![of(*broker)], summed)
        }
        // Everybody's watches fire for every one of them.
        Change::WatchFired {
            path,
            change: ZnodeChange::Deleted,
            ..
        } => {
            let broker = broker_of_znodes(std::slice::from_ref(path));
            let root = broker.and_then(|broker| story.begun_by(&[of(broker)], told.at, MANY));
            return root.is_some();
        }
        Change::StateWritten {
            place, leader, isr, ..
        } if leader.after.0 >= 0 => {
            let (causes, summed) = changed(place, leader.is_change(), isr);
            (
                Hand::Controller,
                [causes, vec![of(leader.before)]].concat(),
                summed,
            )
        }
        Change::IsrWritten { place, isr, .. } => {
            let (causes, summed) = changed(place, false, isr);
            (Hand::Leaders, causes, summed)
        }
        _ => return false,
    };
    let is_internal = |place: &TopicPartition| place.topic.starts_with("__");
    match &told.change {
        Change::StateWritten { place, .. } | Change::IsrWritten { place, .. }
            if is_internal(place) =>
        {
            return false;
        }
        _ => {}
    }
    sum(story, told.at, hand, &causes, summed)
}

/// Sums up that a partition takes writes again.
pub(super) fn tell_end(story: &mut Story, ended: &Ended, lost: u64) -> bool {
    let summed = Summed::Writing {
        partitions: [ended.partition.clone()].into(),
        without_leader: ended.without_leader,
        lost,
    };
    let causes = [Subject::Partition(ended.partition.clone())];
    sum(story, ended.acked_at, Hand::Client, &causes, summed)
}

/// What a written state came to, and what may have caused it.
fn changed(
    place: &TopicPartition,
    has_moved: bool,
    isr: &Moved<Vec<BrokerId>>,
) -> (Vec<Subject>, Summed) {
    let one = |is_so: bool| is_so.then(|| place.clone()).into_iter().collect();
    let causes = isr.left().chain(isr.joined()).map(of).collect();
    let is_longer = !has_moved && isr.joined().next().is_some();
    let summed = if is_longer {
        Summed::Longer(one(true))
    } else {
        Summed::Changed {
            moved: one(has_moved),
            shorter: one(isr.left().next().is_some()),
        }
    };
    (causes, summed)
}

fn sum(story: &mut Story, at: Timestamp, hand: Hand, causes: &[Subject], summed: Summed) -> bool {
    let Some(root) = story.begun_by(causes, at, MANY) else {
        return false;
    };
    let (root, began) = (root.root, root.at);
    let is_like = |merge: &Merge| matches!(merge, Merge::Sum(sum) if sum.root == root && sum.of.is_like(&summed));
    if let Some(entry) = story.merged(at, Duration::MAX, is_like)
        && let Some(Merge::Sum(sum)) = &mut entry.merge
    {
        if sum.of.join(summed).is_ok() {
            sum.last = sum.last.max(at);
            entry.text = sum.of.words();
            if sum.last > entry.at {
                let last = sum.last.since(began).as_secs_f64();
                entry
                    .text
                    .push((Tone::Dim, format!(", the last +{last:.3} s")));
            }
            entry.subjects = sum.of.subjects();
        }
        return true;
    }
    let mut line = Line::new(at, hand);
    for (tone, words) in summed.words() {
        line = line.with(tone, words);
    }
    for subject in summed.subjects() {
        line = line.about(subject);
    }
    let last = at;
    let of = summed;
    story.tell(causes, line.merging(Merge::Sum(Sum { root, last, of })));
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::LeaderEpoch;

    fn killed(count: i32) -> Story {
        let mut story = Story::default();
        let line = Line::new(Timestamp::from_ms(0), Hand::You).say("kill -9 brokers");
        let line = (1..=count).fold(line, |line, id| line.about(of(BrokerId(id))));
        story.begin(line);
        story
    }

    fn told(ms: i64, change: Change) -> Told {
        Told {
            at: Timestamp::from_ms(ms),
            by: ProcessName::ZooKeeper,
            change,
        }
    }

    fn expired(ms: i64, id: i32) -> Told {
        let change = Change::SessionEnded {
            session: id.into(),
            owner: Some(BrokerId(id)),
            expired_after_ms: Some(1_500),
            ephemerals: Vec::new(),
        };
        told(ms, change)
    }

    fn moved(ms: i64, partition: i32, from: i32) -> Told {
        let change = Change::StateWritten {
            place: TopicPartition::new("orders", partition),
            leader: Moved::new(BrokerId(from), BrokerId(99)),
            epoch: Moved::new(LeaderEpoch(0), LeaderEpoch(1)),
            isr: Moved::new(vec![BrokerId(from), BrokerId(99)], vec![BrokerId(99)]),
        };
        told(ms, change)
    }

    fn lines(story: &Story) -> Vec<String> {
        let entries = story.entries().iter();
        let text = |entry: &super::super::Entry| {
            let words: Vec<&str> = entry.text.iter().map(|(_, words)| words.as_str()).collect();
            format!("{} {}", entry.depth, words.concat())
        };
        entries.map(text).collect()
    }

    #[test]
    fn what_follows_from_many_at_once_is_a_line_for_each_kind() {
        let mut story = killed(20);
        for id in 1..=20 {
            let ms = 1_283 + i64::from(id);
            assert!(tell(&mut story, &expired(ms, id)));
            assert!(tell(&mut story, &moved(ms + 5, id, id)));
        }
        for (ms, partition) in [(1_400, 3), (1_604, 4)] {
            let ended = Ended {
                partition: TopicPartition::new("orders", partition),
                acked_at: Timestamp::from_ms(ms),
                took: Duration::from_millis(3),
                without_leader: Duration::from_secs(1),
                not_tried: None,
            };
            assert!(tell_end(&mut story, &ended, 0));
        }
        assert_eq!(
            lines(&story),
            [
                "0 kill -9 brokers",
                "1 20 sessions expired, the last +1.303 s",
                "2 20 leaders moved, ISR of 20 partitions is shorter, the last +1.308 s",
                "3 2 partitions write again, 0 lost. Longest without leader 1.00 s, the last +1.604 s",
            ]
        );
    }

    #[test]
    fn what_follows_from_few_is_not_summed_up() {
        let mut story = killed(3);
        assert!(!tell(&mut story, &expired(1_283, 1)));
        assert!(!tell(&mut story, &moved(1_290, 0, 1)));
        assert!(!tell(&mut story, &expired(1_283, 7)), "nobody killed it");
    }

    #[test]
    fn a_partition_that_nobody_leads_has_its_own_line() {
        let mut story = killed(20);
        let mut offline = moved(1_290, 0, 1);
        if let Change::StateWritten { leader, .. } = &mut offline.change {
            leader.after = BrokerId(-1);
        }
        assert!(!tell(&mut story, &offline));
    }
}
