//! The controller decides here who leads which partition: images of the cluster and requests go
//! in, states to be written come out. Nothing is written, awaited or timed in this room.
//!
//! Deciding is a comparison: the state of each partition with what it should be by the brokers
//! that live. So a new controller needs no history, and a decision whose write failed is simply
//! made again on the next image.

pub(crate) mod assignment;
mod partition;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

use uuid::Uuid;

pub(crate) use assignment::AssignmentError;
use partition::Judge;

use super::configs::boolean;
use super::image::{ClusterImage, PartitionImage, TopicImage};
use wire::{BrokerId, ErrorCode, LeaderEpoch, TopicPartition};

/// The controller's mind, for as long as this broker is the controller.
#[derive(Debug)]
pub(crate) struct Controller {
    settings: ControllerSettings,
    image: Arc<ClusterImage>,
    /// Brokers that asked to stop, by the broker epoch they asked under.
    stopping: BTreeMap<BrokerId, i64>,
    rebalance_at: Instant,
}

/// What of the broker's settings matters here.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ControllerSettings {
    /// For topics without an override of their own.
    pub(crate) unclean_leader_election: bool,
    /// How often leadership goes back to preferred leaders; `None`: never by itself.
    pub(crate) rebalance_interval: Option<Duration>,
    /// Above this share of partitions that a broker should lead and does not, it gets them back.
    pub(crate) imbalance_percentage: i32,
}

/// What the controller is told.
#[derive(Debug)]
pub(crate) enum Event {
    /// The cluster as it is now.
    Image(Arc<ClusterImage>),
    /// A broker asks to stop: it shall lead nothing and be in no ISR that has others.
    BrokerStops { broker: BrokerId, broker_epoch: i64 },
    /// Somebody wants leaders elected, of these partitions or of all.
    ElectLeaders {
        election: Election,
        partitions: Option<Vec<TopicPartition>>,
    },
    /// Time went by.
    Tick,
}

/// Kafka's election types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Election {
    /// The first replica, if it is in sync.
    Preferred,
    /// Any live replica, where no replica in sync lives: records may be lost.
    Unclean,
}

/// What the controller wants done, in this order.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Decisions {
    /// Topics to be removed with all their znodes.
    pub(crate) remove: Vec<String>,
    /// States to be written; changes of leader come first.
    pub(crate) states: Vec<StateWrite>,
    /// Reassignments that reached their end: the replicas that stay.
    pub(crate) reassigned: Vec<(TopicPartition, Vec<BrokerId>)>,
    /// For [`Event::ElectLeaders`]: what became of each partition.
    pub(crate) elected: Vec<(TopicPartition, ErrorCode)>,
}

/// A partition's state as it was read and as it shall be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StateWrite {
    pub(crate) at: TopicPartition,
    /// The topic that is meant, not one made anew under its name.
    pub(crate) topic_id: Uuid,
    pub(crate) before: PartitionImage,
    pub(crate) leader: Option<BrokerId>,
    /// The registration under which the leader was elected.
    pub(crate) leader_broker_epoch: Option<i64>,
    pub(crate) leader_epoch: LeaderEpoch,
    pub(crate) isr: Vec<BrokerId>,
    /// In words.
    pub(crate) why: String,
}

impl Controller {
    pub(crate) fn new(settings: ControllerSettings, now: Instant) -> Self {
        Self {
            settings,
            image: Arc::default(),
            stopping: BTreeMap::new(),
            rebalance_at: next_rebalance(&settings, now),
        }
    }

    /// When it wants a [`Event::Tick`] at the latest.
    pub(crate) fn wake_at(&self) -> Instant {
        self.rebalance_at
    }

    /// Takes an event in and says what follows from it.
    pub(crate) fn step(&mut self, event: Event, now: Instant) -> Decisions {
        match event {
            Event::Image(image) => {
                // A broker that registered anew, or is gone, does not stop any more.
                self.stopping.retain(|id, epoch| {
                    image
                        .brokers
                        .get(id)
                        .is_some_and(|node| node.epoch == *epoch)
                });
                self.image = image;
                self.reconcile()
            }
            Event::BrokerStops {
                broker,
                broker_epoch,
            } => {
                self.stopping.insert(broker, broker_epoch);
                self.reconcile()
            }
            Event::ElectLeaders {
                election,
                partitions,
            } => self.elect(election, partitions),
            Event::Tick if now >= self.rebalance_at => {
                self.rebalance_at = next_rebalance(&self.settings, now);
                if self.settings.rebalance_interval.is_none() {
                    return Decisions::default();
                }
                Decisions {
                    states: self.rebalance(),
                    ..Decisions::default()
                }
            }
            Event::Tick => Decisions::default(),
        }
    }

    /// How many partitions a stopping broker still leads though others could.
    pub(crate) fn still_leads(&self, broker: BrokerId) -> usize {
        self.partitions()
            .filter(|(_, _, partition)| {
                partition.leader == Some(broker)
                    && partition.replicas.len() > 1
                    && partition
                        .isr
                        .iter()
                        .any(|id| *id != broker && self.image.brokers.contains_key(id))
            })
            .count()
    }

    /// Compares every partition with what it should be.
    fn reconcile(&self) -> Decisions {
        let mut decisions = Decisions {
            remove: self.image.deleting.iter().cloned().collect(),
            ..Decisions::default()
        };
        for (name, topic, partition) in self.partitions() {
            let judge = self.judge(topic);
            if let Some(write) = judge.state(&name, partition) {
                decisions.states.push(write);
            } else if let Some(replicas) = Judge::reassigned(partition) {
                decisions.reassigned.push((name, replicas));
            }
        }
        decisions
            .states
            .sort_by_key(|write| write.leader == write.before.leader);
        decisions
    }

    fn judge<'a>(&'a self, topic: &TopicImage) -> Judge<'a> {
        const UNCLEAN: &str = "unclean.leader.election.enable";
        // The topic's own, what was changed at this broker or at all of them, what it was started with.
        let brokers = &self.image.broker_configs;
        let changed = [self.image.controller, None];
        let mut changed = changed
            .iter()
            .filter_map(|id| brokers.get(id)?.get(UNCLEAN));
        let unclean = topic
            .configs
            .get(UNCLEAN)
            .or_else(|| changed.next())
            .and_then(|value| boolean(value))
            .unwrap_or(self.settings.unclean_leader_election);
        Judge {
            image: &self.image,
            topic_id: topic.id,
            stopping: &self.stopping,
            unclean,
        }
    }

    fn elect(&self, election: Election, wanted: Option<Vec<TopicPartition>>) -> Decisions {
        let mut decisions = Decisions::default();
        let all = wanted.is_none();
        let wanted: BTreeSet<TopicPartition> = match wanted {
            Some(wanted) => wanted.into_iter().collect(),
            None => self.partitions().map(|(name, ..)| name).collect(),
        };
        for at in wanted {
            let found = self.image.topics.get(&at.topic);
            let Some((topic, partition)) =
                found.and_then(|topic| Some((topic, topic.partitions.get(&at.partition)?)))
            else {
                decisions
                    .elected
                    .push((at, ErrorCode::UnknownTopicOrPartition));
                continue;
            };
            let judge = self.judge(topic);
            let elected = match election {
                Election::Preferred => judge.preferred(&at, partition),
                Election::Unclean => judge.unclean(&at, partition),
            };
            let code = match elected {
                Ok(write) => {
                    decisions.states.push(write);
                    ErrorCode::None
                }
                Err(code) => code,
            };
            // Asked for all, only what was done or failed is told, as in Kafka.
            if !(all && code == ErrorCode::ElectionNotNeeded) {
                decisions.elected.push((at, code));
            }
        }
        decisions
    }

    /// Gives leadership back to preferred leaders, for brokers that miss too much of theirs.
    fn rebalance(&self) -> Vec<StateWrite> {
        let mut prefer: BTreeMap<BrokerId, (usize, Vec<StateWrite>)> = BTreeMap::new();
        for (at, topic, partition) in self.partitions() {
            let Some(preferred) = partition.replicas.first() else {
                continue;
            };
            let (all, writes) = prefer.entry(*preferred).or_default();
            *all += 1;
            writes.extend(self.judge(topic).preferred(&at, partition).ok());
        }
        let percentage = usize::try_from(self.settings.imbalance_percentage).unwrap_or(0);
        let imbalanced = prefer
            .into_values()
            .filter(|(all, writes)| writes.len() * 100 > all * percentage);
        imbalanced.flat_map(|(_, writes)| writes).collect()
    }

    /// Every partition that is not about to be removed.
    fn partitions(&self) -> impl Iterator<Item = (TopicPartition, &TopicImage, &PartitionImage)> {
        let topics = self.image.topics.iter();
        topics
            .filter(|(name, _)| !self.image.deleting.contains(*name))
            .flat_map(|(name, topic)| {
                topic.partitions.iter().map(move |(index, partition)| {
                    (TopicPartition::new(name, *index), topic.as_ref(), partition)
                })
            })
    }
}

fn next_rebalance(settings: &ControllerSettings, now: Instant) -> Instant {
    /// Where it never rebalances by itself, it still looks at the clock now and then.
    const NEVER: Duration = Duration::from_secs(3_600);
    now + settings.rebalance_interval.unwrap_or(NEVER)
}

#[cfg(test)]
mod tests;
