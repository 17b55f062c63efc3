//! What the observer's tasks share: what the screen shows, and what was last told of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};

use super::manner::Manner;
use super::transactions::TransactionsTold;
use crate::state::{
    BrokerSeen, ClusterSeen, GroupSeen, Observation, PartitionOffsets, SoftwareSeen,
};
use client::security::Security;
use client::tap::Tap;
use wire::{BrokerId, Offset, TopicPartition};

/// Groups that are described at each look; more would cost more than they tell.
const GROUPS_MAX: usize = 32;

/// So many brokers are looked at as often as the eye wants.
const FEW_BROKERS: u32 = 10;

/// Shared by all tasks of one observer.
#[derive(Debug)]
pub(super) struct Scope {
    known: Mutex<Known>,
    /// Wakes whoever looks.
    nudges: watch::Sender<Nudges>,
    /// Counts changes of which partitions are watched, and who leads them.
    leaders: watch::Sender<u64>,
    /// Whether the tree of znodes is on the screen, and which topic is.
    znodes: watch::Sender<Option<String>>,
    /// Transactional ids, while somebody looks at them.
    pub(super) transactions: TransactionsTold,
    observations: mpsc::Sender<Observation>,
    tap: Tap,
    manner: Manner,
    pub(super) security: Security,
    /// How many brokers are looked at.
    brokers: AtomicU32,
}

/// How often something happened that is worth a look.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Nudges {
    /// Roles, members or processes may have changed.
    pub(super) cluster: u64,
    /// Records came.
    pub(super) logs: u64,
}

/// What is known now, and what was last told of it.
#[derive(Debug, Default)]
pub(super) struct Known {
    cluster: ClusterSeen,
    metadata_claimed: Option<Instant>,
    /// When any broker last told it.
    pub(super) metadata_seen: Option<Instant>,
    /// Brokers of others that Metadata named last.
    pub(super) listed: BTreeMap<BrokerId, BrokerSeen>,
    pub(super) software: Option<SoftwareSeen>,
    /// Why who we are is not taken, until somebody wants to try again.
    pub(super) refused: Option<String>,
    watched: Vec<TopicPartition>,
    logs: BTreeMap<TopicPartition, LogKnown>,
    groups: BTreeMap<String, GroupSeen>,
    /// Where each tail is read on.
    tails: BTreeMap<TopicPartition, Offset>,
}

/// What is known of one log; also what was last told.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct LogKnown {
    log_start: Offset,
    high_watermark: Option<Offset>,
    last_stable: Option<Offset>,
    /// Whether the last answer told a lower high watermark than the one known.
    lower_before: bool,
    ends: BTreeMap<BrokerId, Offset>,
}

impl LogKnown {
    /// Answers of one leader overtake each other on their ways here: a high watermark falls only
    /// when two of them in a row say so, and the last stable offset belongs to the high watermark
    /// that was told with it.
    fn see_high_watermark(&mut self, seen: &LogSeen) {
        let Some(told) = seen.high_watermark else {
            return;
        };
        let lower = self.high_watermark.is_some_and(|known| told < known);
        let said_before = std::mem::replace(&mut self.lower_before, lower);
        if lower && !said_before {
            return;
        }
        let rose = self.high_watermark != Some(told);
        let held_back = self.last_stable < self.high_watermark;
        self.high_watermark = Some(told);
        if seen.last_stable.is_some() {
            self.last_stable = seen.last_stable;
        } else if rose && !held_back {
            self.last_stable = None;
        }
    }
}

/// One broker's share of what is watched.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Share {
    /// Partitions it keeps.
    pub(super) kept: Vec<TopicPartition>,
    /// Those of them that it leads.
    pub(super) led: Vec<TopicPartition>,
    /// Others that it leads, which groups read: their lag is asked for, not their records.
    pub(super) read: Vec<TopicPartition>,
}

/// What one broker told of one log. What it did not tell is `None`.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct LogSeen {
    pub(super) log_start: Option<Offset>,
    pub(super) high_watermark: Option<Offset>,
    pub(super) last_stable: Option<Offset>,
    pub(super) end: Option<(BrokerId, Offset)>,
}

impl Scope {
    pub(super) fn new(
        observations: mpsc::Sender<Observation>,
        tap: Tap,
        manner: Manner,
        security: Security,
    ) -> Self {
        Self {
            known: Mutex::default(),
            nudges: watch::Sender::default(),
            leaders: watch::Sender::new(0),
            znodes: watch::Sender::default(),
            transactions: TransactionsTold::default(),
            observations,
            tap,
            manner,
            security,
            brokers: AtomicU32::new(0),
        }
    }

    /// How this cluster is looked at.
    pub(super) const fn manner(&self) -> Manner {
        self.manner
    }

    /// So many brokers are looked at.
    pub(super) fn count_brokers(&self, count: usize) {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        self.brokers.store(count, Ordering::Relaxed);
    }

    /// How many times rarer each broker is looked at than where there are a few: all together are asked no oftener.
    pub(super) fn rarer(&self) -> u32 {
        self.brokers
            .load(Ordering::Relaxed)
            .div_ceil(FEW_BROKERS)
            .max(1)
    }

    /// What listens to our connections.
    pub(super) fn tap(&self) -> &Tap {
        &self.tap
    }

    /// Tells the playground; waits while it is behind.
    pub(super) async fn tell(&self, observation: Observation) {
        // It only fails when the playground ends.
        let _ = self.observations.send(observation).await;
    }

    /// Roles, members or processes may have changed: everybody looks now.
    pub(super) fn nudge(&self) {
        self.nudges.send_modify(|nudges| nudges.cluster += 1);
    }

    /// Records came: everybody looks at the logs.
    pub(super) fn nudge_logs(&self) {
        self.nudges.send_modify(|nudges| nudges.logs += 1);
    }

    pub(super) fn nudges(&self) -> watch::Receiver<Nudges> {
        self.nudges.subscribe()
    }

    pub(super) fn leaders(&self) -> watch::Receiver<u64> {
        self.leaders.subscribe()
    }

    /// Watches these partitions from now on.
    pub(super) fn watch(&self, partitions: Vec<TopicPartition>) {
        let mut known = self.known();
        let kept: BTreeSet<&TopicPartition> = partitions.iter().collect();
        known.tails.retain(|at, _| kept.contains(at));
        known.logs.retain(|at, _| kept.contains(at));
        known.watched = partitions;
        known.watched.sort_unstable();
        drop(known);
        self.leaders.send_modify(|count| *count += 1);
        self.nudge();
    }

    /// Reads the tree of znodes from now on, with this topic's first; without one, no more.
    pub(super) fn watch_znodes(&self, topic: Option<String>) {
        self.znodes.send_replace(topic);
        self.nudge();
    }

    /// The topic whose znodes are read first, while any are.
    pub(super) fn znodes(&self) -> watch::Receiver<Option<String>> {
        self.znodes.subscribe()
    }

    /// Whether the caller shall ask for metadata: nobody else did within `interval`.
    pub(super) fn claim_metadata(&self, interval: Duration) -> bool {
        let mut known = self.known();
        let now = Instant::now();
        let due = known
            .metadata_claimed
            .is_none_or(|last| now.duration_since(last) >= interval);
        if due {
            known.metadata_claimed = Some(now);
        }
        due
    }

    /// Lets the next one ask for metadata at once: the claim came to nothing.
    pub(super) fn release_metadata(&self) {
        self.known().metadata_claimed = None;
    }

    /// Takes what Metadata said; tells it if it is news.
    pub(super) async fn see_cluster(&self, seen: ClusterSeen) {
        self.see_brokers(&seen.brokers).await;
        let moved = {
            let mut known = self.known();
            known.metadata_seen = Some(Instant::now());
            if known.cluster == seen {
                return;
            }
            let before = known.leaders_of_watched();
            known.cluster.clone_from(&seen);
            let gone =
                |at: &TopicPartition| !seen.topics.iter().any(|topic| topic.name == at.topic);
            // A topic made anew under the same name begins at offset 0 again.
            known.tails.retain(|at, _| !gone(at));
            known.logs.retain(|at, _| !gone(at));
            before != known.leaders_of_watched()
        };
        self.tell(Observation::Cluster(seen)).await;
        if moved {
            self.leaders.send_modify(|count| *count += 1);
            self.nudge();
        }
    }

    /// The newest metadata.
    pub(super) fn cluster(&self) -> ClusterSeen {
        self.known().cluster.clone()
    }

    /// How many partitions a topic has, if it is known.
    pub(super) fn partitions_of(&self, topic: &str) -> Option<i32> {
        let known = self.known();
        let topic = known
            .cluster
            .topics
            .iter()
            .find(|known| known.name == topic)?;
        i32::try_from(topic.partitions.len()).ok()
    }

    /// Whether this broker leads a partition of the internal topic `keeper`, and so coordinates what is kept there. As
    /// long as there is no such topic, any may.
    pub(super) fn coordinates(&self, broker: BrokerId, keeper: &str) -> bool {
        let known = self.known();
        let mut topics = known.cluster.topics.iter();
        topics
            .find(|topic| topic.name == keeper)
            .is_none_or(|topic| {
                topic
                    .partitions
                    .iter()
                    .any(|partition| partition.leader == Some(broker))
            })
    }

    /// Where the leader of a partition listens, as Metadata says.
    pub(super) fn leader_address(&self, at: &TopicPartition) -> Option<String> {
        let known = self.known();
        let leader = known.partition(at)?.leader?;
        let brokers = &known.cluster.brokers;
        let broker = brokers.iter().find(|broker| broker.id == leader)?;
        Some(broker.address.clone())
    }

    /// What of the watched partitions this broker keeps and leads.
    pub(super) fn share_of(&self, broker: BrokerId) -> Share {
        let known = self.known();
        let mut share = Share::default();
        for (at, partition) in known.watched_partitions() {
            if partition.replicas.contains(&broker) {
                share.kept.push(at.clone());
            }
            if partition.leader == Some(broker) {
                share.led.push(at.clone());
            }
        }
        let of_groups = known.groups.values().flat_map(|group| {
            let committed = group.committed.iter().map(|(at, _)| at);
            let assigned = group.members.iter().flat_map(|member| &member.assignment);
            committed.chain(assigned)
        });
        let read: BTreeSet<&TopicPartition> = of_groups
            .filter(|at| known.watched.binary_search(at).is_err())
            .collect();
        let led = |at: &&&TopicPartition| {
            let partition = known.partition(at);
            partition.is_some_and(|partition| partition.leader == Some(broker))
        };
        share.read = read.iter().filter(led).map(|at| (*at).clone()).collect();
        share
    }

    /// Merges what a broker told of logs, and tells what is news.
    pub(super) async fn see_logs(&self, seen: &[(TopicPartition, LogSeen)]) {
        let news: Vec<PartitionOffsets> = {
            let mut known = self.known();
            seen.iter()
                .filter_map(|(at, seen)| known.merge(at, *seen))
                .collect()
        };
        if !news.is_empty() {
            self.tell(Observation::Offsets(news)).await;
        }
    }

    /// Where to read this tail on.
    pub(super) fn tail(&self, at: &TopicPartition) -> Option<Offset> {
        self.known().tails.get(at).copied()
    }

    /// Those of these partitions whose topics are compacted.
    pub(super) fn compacted(&self, partitions: &[TopicPartition]) -> Vec<TopicPartition> {
        let known = self.known();
        let compacts = |at: &&TopicPartition| {
            let topic = known.cluster.topics.iter().find(|it| it.name == at.topic);
            let policy = topic.and_then(|topic| topic.configs.get("cleanup.policy"));
            policy.is_some_and(|policy| policy.split(',').any(|it| it.trim() == "compact"))
        };
        partitions.iter().filter(compacts).cloned().collect()
    }

    /// Reads this tail from its beginning the next time.
    pub(super) fn forget_tail(&self, at: &TopicPartition) {
        self.known().tails.remove(at);
    }

    /// Reads this tail on from here, if it is still watched.
    pub(super) fn set_tail(&self, at: &TopicPartition, offset: Offset) {
        let mut known = self.known();
        if known.watched.binary_search(at).is_ok() {
            known.tails.insert(at.clone(), offset);
        }
    }

    /// Takes what a coordinator said of a group; tells it if it is news.
    pub(super) async fn see_group(&self, seen: GroupSeen) {
        {
            let mut known = self.known();
            let full = known.groups.len() >= GROUPS_MAX && !known.groups.contains_key(&seen.group);
            if full || known.groups.get(&seen.group) == Some(&seen) {
                return;
            }
            known.groups.insert(seen.group.clone(), seen.clone());
        }
        self.tell(Observation::Group(seen)).await;
    }

    /// A coordinator told all its groups: those that it had before and has no more are gone.
    pub(super) async fn see_groups_of(&self, coordinator: BrokerId, listed: &[String]) {
        let gone: Vec<String> = {
            let mut known = self.known();
            let gone: Vec<String> = known
                .groups
                .values()
                .filter(|group| {
                    group.coordinator == Some(coordinator) && !listed.contains(&group.group)
                })
                .map(|group| group.group.clone())
                .collect();
            for group in &gone {
                known.groups.remove(group);
            }
            gone
        };
        for group in gone {
            self.tell(Observation::GroupGone { group }).await;
        }
    }

    pub(super) fn known(&self) -> MutexGuard<'_, Known> {
        // A panic ends the process; a poisoned lock is never seen.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn watched_partitions(
        &self,
    ) -> impl Iterator<Item = (&TopicPartition, &crate::state::PartitionSeen)> {
        self.watched
            .iter()
            .filter_map(|at| Some((at, self.partition(at)?)))
    }

    fn partition(&self, at: &TopicPartition) -> Option<&crate::state::PartitionSeen> {
        let topic = self
            .cluster
            .topics
            .iter()
            .find(|topic| topic.name == at.topic)?;
        topic
            .partitions
            .iter()
            .find(|partition| partition.partition == at.partition)
    }

    fn leaders_of_watched(&self) -> Vec<(TopicPartition, Option<BrokerId>, Vec<BrokerId>)> {
        self.watched_partitions()
            .map(|(at, partition)| (at.clone(), partition.leader, partition.replicas.clone()))
            .collect()
    }

    /// What is told of the log if this is news.
    fn merge(&mut self, at: &TopicPartition, seen: LogSeen) -> Option<PartitionOffsets> {
        let known = self.partition(at)?;
        let (leader, isr) = (known.leader, known.isr.clone());
        let log = self.logs.entry(at.clone()).or_default();
        let mut before = log.clone();
        log.log_start = seen.log_start.unwrap_or(log.log_start);
        log.see_high_watermark(&seen);
        if let Some((broker, end)) = seen.end {
            log.ends.insert(broker, end);
        }
        let high_watermark = log.high_watermark?;
        // The high watermark moved because every replica in sync has the records below it. Their
        // own answers may be older than the leader's.
        for broker in &isr {
            if let Some(end) = log.ends.get_mut(broker) {
                *end = (*end).max(high_watermark);
            }
        }
        // Nor can one of them be ahead of the leader it copies.
        let farthest = isr.iter().filter_map(|broker| log.ends.get(broker)).max();
        let farthest = farthest.copied();
        if let Some(end) = leader.and_then(|leader| log.ends.get_mut(&leader)) {
            *end = farthest.map_or(*end, |farthest| farthest.max(*end));
        }
        before.lower_before = log.lower_before;
        (*log != before).then(|| PartitionOffsets {
            partition: at.clone(),
            log_start: log.log_start,
            high_watermark,
            last_stable: log.last_stable,
            ends: log
                .ends
                .iter()
                .map(|(broker, end)| (*broker, *end))
                .collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::{LogSeen, Manner, Scope, Security};
    use crate::state::{ClusterSeen, GroupSeen, Observation, PartitionSeen, TopicSeen};
    use client::tap::Tap;
    use wire::{BrokerId, Offset, TopicPartition};

    fn cluster(leader: i32) -> ClusterSeen {
        ClusterSeen {
            topics: vec![TopicSeen {
                name: "orders".into(),
                partitions: vec![PartitionSeen {
                    leader: Some(BrokerId(leader)),
                    replicas: vec![BrokerId(1), BrokerId(2)],
                    isr: vec![BrokerId(1), BrokerId(2)],
                    ..PartitionSeen::default()
                }],
                ..TopicSeen::default()
            }],
            ..ClusterSeen::default()
        }
    }

    #[tokio::test]
    async fn the_high_watermark_never_passes_an_in_sync_log_end() {
        let (sender, mut told) = mpsc::channel(16);
        let scope = Scope::new(sender, Tap::default(), Manner::OWN, Security::default());
        let at = TopicPartition::new("orders", 0);
        scope.watch(vec![at.clone()]);
        scope.see_cluster(cluster(1)).await;
        let end = |broker, end| LogSeen {
            end: Some((BrokerId(broker), Offset(end))),
            ..LogSeen::default()
        };
        scope.see_logs(&[(at.clone(), end(2, 5))]).await;
        let leader = LogSeen {
            high_watermark: Some(Offset(7)),
            ..end(1, 8)
        };
        scope.see_logs(&[(at, leader)]).await;
        let mut last = None;
        while let Ok(observation) = told.try_recv() {
            last = Some(observation);
        }
        let Some(Observation::Offsets(offsets)) = last else {
            panic!("offsets are told last");
        };
        let ends = &offsets.first().expect("one partition").ends;
        assert_eq!(
            ends[..],
            [(BrokerId(1), Offset(8)), (BrokerId(2), Offset(7))]
        );
    }

    #[tokio::test]
    async fn the_lag_of_a_group_is_asked_for_in_topics_that_nobody_looks_at() {
        let (sender, _told) = mpsc::channel(16);
        let scope = Scope::new(sender, Tap::default(), Manner::OWN, Security::default());
        let at = TopicPartition::new("orders", 0);
        scope.see_cluster(cluster(1)).await;
        assert_eq!(scope.share_of(BrokerId(1)), super::Share::default());
        let seen = GroupSeen {
            group: "billing".into(),
            committed: vec![(at.clone(), Offset(3))],
            ..GroupSeen::default()
        };
        scope.see_group(seen).await;
        assert_eq!(scope.share_of(BrokerId(1)).read, vec![at.clone()]);
        assert!(scope.share_of(BrokerId(2)).read.is_empty());
        scope.watch(vec![at.clone()]);
        let share = scope.share_of(BrokerId(1));
        assert_eq!((share.led, share.read), (vec![at], Vec::new()));
    }

    #[tokio::test]
    async fn answers_that_overtake_each_other_make_nothing_fall_back() {
        let (sender, mut told) = mpsc::channel(64);
        let scope = Scope::new(sender, Tap::default(), Manner::OWN, Security::default());
        let at = TopicPartition::new("orders", 0);
        scope.watch(vec![at.clone()]);
        scope.see_cluster(cluster(1)).await;
        while told.try_recv().is_ok() {}
        let end = |broker, end| LogSeen {
            end: Some((BrokerId(broker), Offset(end))),
            ..LogSeen::default()
        };
        let high = |high, stable: Option<i64>| LogSeen {
            high_watermark: Some(Offset(high)),
            last_stable: stable.map(Offset),
            ..LogSeen::default()
        };
        let mut see = async |seen: LogSeen| {
            scope.see_logs(&[(at.clone(), seen)]).await;
            let mut last = None;
            while let Ok(Observation::Offsets(offsets)) = told.try_recv() {
                last = offsets.first().cloned();
            }
            last
        };
        see(end(1, 10)).await;
        see(high(10, Some(10))).await;
        // The follower is asked later than the leader, and was given more meanwhile.
        let seen = see(end(2, 14)).await.expect("news");
        assert_eq!(seen.ends[0], (BrokerId(1), Offset(14)));
        let seen = see(high(14, None)).await.expect("news");
        assert_eq!(seen.last_stable, None, "it was told of 10, not of 14");
        assert!(see(high(12, Some(12))).await.is_none(), "an older answer");
        let seen = see(high(12, Some(11))).await.expect("said twice");
        let stable = (seen.high_watermark, seen.last_stable);
        assert_eq!(stable, (Offset(12), Some(Offset(11))));
        let seen = see(high(13, None)).await.expect("news");
        assert_eq!(seen.last_stable, Some(Offset(11)), "a transaction is open");
    }

    #[tokio::test]
    async fn a_change_of_leader_wakes_the_tails() {
        let (sender, _told) = mpsc::channel(16);
        let scope = Scope::new(sender, Tap::default(), Manner::OWN, Security::default());
        let at = TopicPartition::new("orders", 0);
        scope.watch(vec![at.clone()]);
        scope.see_cluster(cluster(1)).await;
        let mut leaders = scope.leaders();
        leaders.mark_unchanged();
        scope.see_cluster(cluster(2)).await;
        assert!(leaders.has_changed().expect("the scope lives"));
        assert_eq!(scope.share_of(BrokerId(2)).led, [at]);
        assert!(scope.share_of(BrokerId(1)).led.is_empty());
    }
}
