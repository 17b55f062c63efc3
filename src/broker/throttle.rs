//! Replication held to a rate while replicas move (KIP-73): what a leader serves to, and a follower fetches as, replicas that
//! are not in sync.
//!
//! A topic lists the replicas that are concerned, a broker its bytes per second, both while they run. Replicas
//! in sync are never held back: that would hold up producers.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::image::{ClusterImage, PartitionImage, TopicImage};
use wire::{BrokerId, TopicPartition};

/// Samples that the rate is taken of, and the time of each: Kafka's `replication.quota.window.num` and `.size.seconds`.
const SAMPLES: usize = 11;
const SAMPLE_TIME: Duration = Duration::from_secs(1);

/// Broker configs that can only be set while the broker runs, with their documentation.
pub(crate) const RATES: [(&str, &str); 3] = [
    (
        LEADER_RATE,
        "Bytes a second that a leader sends to throttled replicas that are not in sync.",
    ),
    (
        FOLLOWER_RATE,
        "Bytes a second that throttled replicas that are not in sync fetch.",
    ),
    (
        "replica.alter.log.dirs.io.max.bytes.per.second",
        "Bytes a second that move between folders; without effect here, a broker has one.",
    ),
];
const LEADER_RATE: &str = "leader.replication.throttled.rate";
const FOLLOWER_RATE: &str = "follower.replication.throttled.rate";

pub(crate) fn is_rate(config: &str) -> bool {
    RATES.iter().any(|(name, _)| *name == config)
}

/// The topic configs that list replicas, as `partition:broker` with commas between, or `*` for all.
const LEADER_REPLICAS: &str = "leader.replication.throttled.replicas";
const FOLLOWER_REPLICAS: &str = "follower.replication.throttled.replicas";

/// One side of replication, of one broker.
#[derive(Debug)]
pub(crate) struct Throttle {
    own: BrokerId,
    rate: &'static str,
    replicas: &'static str,
    moved: Mutex<Window>,
}

/// What a throttled replica may move in a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BytesPerSecond(u64);

impl Throttle {
    pub(crate) fn leading(own: BrokerId) -> Self {
        Self::new(own, LEADER_RATE, LEADER_REPLICAS)
    }

    pub(crate) fn following(own: BrokerId) -> Self {
        Self::new(own, FOLLOWER_RATE, FOLLOWER_REPLICAS)
    }

    fn new(own: BrokerId, rate: &'static str, replicas: &'static str) -> Self {
        Self {
            own,
            rate,
            replicas,
            moved: Mutex::default(),
        }
    }

    /// The limit that holds for what `follower` fetches of this partition, if one does.
    pub(crate) fn limit(
        &self,
        image: &ClusterImage,
        at: &TopicPartition,
        follower: BrokerId,
    ) -> Option<BytesPerSecond> {
        let topic = image.topics.get(&at.topic)?;
        let in_sync = |partition: &PartitionImage| partition.isr.contains(&follower);
        if !self.lists(topic, at.partition)
            || topic.partitions.get(&at.partition).is_none_or(in_sync)
        {
            return None;
        }
        let configs = [Some(self.own), None];
        let mut configs = configs.iter().filter_map(|id| image.broker_configs.get(id));
        let rate = configs.find_map(|configs| configs.get(self.rate))?;
        rate.trim().parse().ok().map(BytesPerSecond)
    }

    /// Whether the topic lists this broker's replica.
    fn lists(&self, topic: &TopicImage, partition: i32) -> bool {
        let Some(list) = topic.configs.get(self.replicas) else {
            return false;
        };
        let replica = format!("{partition}:{}", self.own);
        list.split(',')
            .map(str::trim)
            .any(|item| item == "*" || item == replica)
    }

    /// Whether so much was moved lately that more has to wait.
    pub(crate) fn is_exceeded(&self, limit: BytesPerSecond, now: Instant) -> bool {
        self.window().rate(now) > limit.0
    }

    /// Counts what a throttled replica moved.
    pub(crate) fn moved(&self, bytes: usize, now: Instant) {
        self.window()
            .add(u64::try_from(bytes).unwrap_or(u64::MAX), now);
    }

    fn window(&self) -> std::sync::MutexGuard<'_, Window> {
        self.moved.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The last seconds' bytes, second by second.
#[derive(Debug, Default)]
struct Window {
    /// When each began, and its bytes; the newest last, at most [`SAMPLES`].
    samples: VecDeque<(Instant, u64)>,
}

impl Window {
    fn add(&mut self, bytes: u64, now: Instant) {
        match self.samples.back_mut() {
            Some((began, sum)) if now.saturating_duration_since(*began) < SAMPLE_TIME => {
                *sum = sum.saturating_add(bytes);
            }
            _ => self.samples.push_back((now, bytes)),
        }
        if self.samples.len() > SAMPLES {
            self.samples.pop_front();
        }
    }

    /// Bytes a second.
    fn rate(&mut self, now: Instant) -> u64 {
        let all = SAMPLE_TIME * u32::try_from(SAMPLES).unwrap_or(u32::MAX);
        let is_old = |began: Instant| now.saturating_duration_since(began) >= all;
        while self
            .samples
            .front()
            .is_some_and(|(began, _)| is_old(*began))
        {
            self.samples.pop_front();
        }
        let Some((first, _)) = self.samples.front() else {
            return 0;
        };
        let span = now.saturating_duration_since(*first).max(SAMPLE_TIME);
        let sum = self
            .samples
            .iter()
            .map(|(_, bytes)| u128::from(*bytes))
            .sum::<u128>();
        u64::try_from(sum * 1_000 / span.as_millis().max(1)).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::Arc,
        time::{Duration, Instant},
    };

    use uuid::Uuid;

    use super::{BytesPerSecond, FOLLOWER_RATE, LEADER_RATE, LEADER_REPLICAS, Throttle};
    use crate::image::{ClusterImage, PartitionImage, TopicImage};
    use wire::{BrokerId, TopicPartition};

    const LEADER: BrokerId = BrokerId(1);
    const MOVING: BrokerId = BrokerId(3);

    fn image(replicas: &str, rate: (&str, &str)) -> ClusterImage {
        let mut partition = PartitionImage::assigned(vec![LEADER, BrokerId(2), MOVING]);
        partition.isr = vec![LEADER, BrokerId(2)];
        let topic = TopicImage {
            id: Uuid::from_u128(7),
            czxid: 1,
            mzxid: 1,
            version: 0,
            configs_mzxid: 1,
            partitions: [(0, partition)].into(),
            configs: [(LEADER_REPLICAS.to_owned(), replicas.to_owned())].into(),
        };
        ClusterImage {
            topics: [("orders".to_owned(), Arc::new(topic))].into(),
            broker_configs: [(
                Some(LEADER),
                [(rate.0.to_owned(), rate.1.to_owned())].into(),
            )]
            .into(),
            ..ClusterImage::default()
        }
    }

    #[test]
    fn what_is_listed_and_not_in_sync_is_held_to_the_rate() {
        let throttle = Throttle::leading(LEADER);
        let at = TopicPartition::new("orders", 0);
        let limit =
            |replicas, rate, follower| throttle.limit(&image(replicas, rate), &at, follower);
        let rate = (LEADER_RATE, "1000");
        assert_eq!(limit("0:1", rate, MOVING), Some(BytesPerSecond(1000)));
        assert_eq!(limit("2:3, 0:1", rate, MOVING), Some(BytesPerSecond(1000)));
        assert_eq!(limit("*", rate, MOVING), Some(BytesPerSecond(1000)));
        assert_eq!(limit("*", rate, BrokerId(2)), None, "it is in sync");
        assert_eq!(limit("0:2,1:1", rate, MOVING), None, "not this replica");
        assert_eq!(limit("*", (FOLLOWER_RATE, "1000"), MOVING), None);
    }

    #[test]
    fn the_rate_is_that_of_the_last_seconds() {
        let throttle = Throttle::following(MOVING);
        let limit = BytesPerSecond(1000);
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        assert!(!throttle.is_exceeded(limit, start));
        throttle.moved(1000, at(0));
        assert!(!throttle.is_exceeded(limit, at(10)));
        throttle.moved(3000, at(20));
        assert!(throttle.is_exceeded(limit, at(30)));
        assert!(throttle.is_exceeded(limit, at(3_900)));
        assert!(!throttle.is_exceeded(limit, at(4_100)), "4,000 in 4.1 s");
        for second in 5..60 {
            throttle.moved(1500, at(second * 1_000));
        }
        assert!(throttle.is_exceeded(limit, at(59_500)));
        assert!(!throttle.is_exceeded(limit, at(120_000)));
    }
}
