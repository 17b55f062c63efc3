//! The groups' one task: deadlines, writes on their way, partitions that come and go.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{Groups, Write, lock};
use crate::configs::{ASSIGNMENT_INTERVAL, HEARTBEAT_INTERVAL, SESSION_TIMEOUT};
use crate::coordinating;
use crate::coordinator::{ConsumerOverrides, Event, Replay};
use crate::image::ClusterImage;
use crate::internal_topic::InternalTopic;
use wire::LeaderEpoch;

const TOPIC: &str = InternalTopic::ConsumerOffsets.name();

/// Runs until `cancel`.
pub(super) async fn run(
    groups: Groups,
    mut written: mpsc::Receiver<Write>,
    mut coordinating: watch::Receiver<BTreeMap<i32, LeaderEpoch>>,
    mut image: watch::Receiver<Arc<ClusterImage>>,
    cancel: CancellationToken,
) {
    let mut writes: FuturesUnordered<BoxFuture<'static, Event>> = FuturesUnordered::new();
    let mut loads: FuturesUnordered<BoxFuture<'static, Option<Event>>> = FuturesUnordered::new();
    let mut topics = BTreeMap::new();
    let mut configs = BTreeMap::new();
    let mut led = BTreeMap::new();
    // What was there before is news, too.
    coordinating.mark_changed();
    image.mark_changed();
    let (mut coordinating_lives, mut image_lives) = (true, true);
    loop {
        let due = lock(&groups.shared.state).sleeping_until;
        tokio::select! {
            () = cancel.cancelled() => break,
            Some(write) = written.recv() => writes.push(outcome(write, groups.shared.commit_timeout)),
            Some(stored) = writes.next(), if !writes.is_empty() => groups.step(stored),
            Some(loaded) = loads.next(), if !loads.is_empty() => {
                if let Some(loaded) = loaded {
                    groups.step(loaded);
                }
            }
            // A deadline moved: sleep anew.
            () = groups.shared.wake.notified() => {}
            () = sleep_until(groups.shared.started, due) => groups.step(Event::Tick),
            changed = coordinating.changed(), if coordinating_lives => {
                coordinating_lives = changed.is_ok();
                let now = coordinating.borrow_and_update().clone();
                for (partition, leader_epoch) in groups.follow_leaders(&mut led, now) {
                    loads.push(load(groups.clone(), partition, leader_epoch));
                }
            }
            changed = image.changed(), if image_lives => {
                image_lives = changed.is_ok();
                let now = image.borrow_and_update().clone();
                groups.follow_partition_count(&now);
                groups.step(Event::TopicsChanged { topics: to_subscribe(&now) });
                groups.follow_configs(&mut configs, &now);
                groups.forget_topics(&mut topics, topic_ids(&now));
            }
        }
    }
    lock(&groups.shared.state).waiting.end();
}

impl Groups {
    /// Takes up the partitions that this broker leads from now on, and lets go of those that it
    /// does not; the ones to load.
    fn follow_leaders(
        &self,
        led: &mut BTreeMap<i32, LeaderEpoch>,
        now: BTreeMap<i32, LeaderEpoch>,
    ) -> Vec<(i32, LeaderEpoch)> {
        let (gone, to_load) = coordinating::changed_leaders(led, &now);
        for partition in gone {
            self.step(Event::Resigned { partition });
        }
        for (partition, leader_epoch) in to_load.iter().copied() {
            self.step(Event::LoadStarted {
                partition,
                leader_epoch,
            });
        }
        *led = now;
        to_load
    }

    fn follow_partition_count(&self, image: &ClusterImage) {
        let Some(topic) = image.topics.get(TOPIC) else {
            return;
        };
        if let Ok(count) = i32::try_from(topic.partitions.len())
            && count > 0
        {
            lock(&self.shared.state)
                .coordinator
                .set_partition_count(count);
        }
    }

    /// What is set for single groups.
    fn follow_configs(
        &self,
        known: &mut BTreeMap<String, BTreeMap<String, String>>,
        image: &ClusterImage,
    ) {
        if *known == image.group_configs {
            return;
        }
        known.clone_from(&image.group_configs);
        let overrides = known.iter();
        let overrides = overrides.map(|(group, configs)| (group.clone(), overrides_of(configs)));
        self.step(Event::GroupConfigsChanged {
            overrides: overrides.collect(),
        });
    }

    /// Offsets of topics that are gone, or were created anew under their name, go too.
    fn forget_topics(&self, known: &mut BTreeMap<String, Uuid>, now: BTreeMap<String, Uuid>) {
        let topics: Vec<String> = known
            .iter()
            .filter(|(name, id)| now.get(*name) != Some(id))
            .map(|(name, _)| name.clone())
            .collect();
        *known = now;
        if !topics.is_empty() {
            self.step(Event::TopicsDeleted { topics });
        }
    }
}

fn topic_ids(image: &ClusterImage) -> BTreeMap<String, Uuid> {
    let ids = image.topics.iter();
    ids.map(|(name, topic)| (name.clone(), topic.id)).collect()
}

/// What clients are told of, too: names, ids and numbers of partitions.
fn to_subscribe(image: &ClusterImage) -> Vec<(String, Uuid, i32)> {
    let topics = image.topics.iter();
    let usable = topics.filter(|(_, topic)| !topic.is_being_created());
    usable
        .map(|(name, topic)| {
            let count = topic.usable_partitions().count();
            (
                name.clone(),
                topic.id,
                i32::try_from(count).unwrap_or(i32::MAX),
            )
        })
        .collect()
}

/// Values were checked when they were set.
fn overrides_of(configs: &BTreeMap<String, String>) -> ConsumerOverrides {
    let number = |name: &str| configs.get(name)?.trim().parse::<i32>().ok();
    ConsumerOverrides {
        session_timeout: number(SESSION_TIMEOUT).map(super::millis),
        heartbeat_interval_ms: number(HEARTBEAT_INTERVAL),
        assignment_interval_ms: number(ASSIGNMENT_INTERVAL).map(i64::from),
    }
}

async fn sleep_until(started: Instant, due: Option<Duration>) {
    match due.and_then(|due| started.checked_add(due)) {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}

/// Waits for a write's replicas, as long as `offsets.commit.timeout.ms` says.
fn outcome(write: Write, timeout: Duration) -> BoxFuture<'static, Event> {
    Box::pin(async move {
        let result = coordinating::awaited(write.outcome, timeout).await;
        Event::Stored {
            write: write.id,
            result,
        }
    })
}

/// Reads a partition to its end; `None` once the partition is led under another epoch, or by another broker.
fn load(
    groups: Groups,
    partition: i32,
    leader_epoch: LeaderEpoch,
) -> BoxFuture<'static, Option<Event>> {
    Box::pin(async move {
        let wanted = || {
            let state = lock(&groups.shared.state);
            state.coordinator.is_awaiting_load(partition, leader_epoch)
        };
        let log = &*groups.shared.log;
        let replay = coordinating::load(log, TOPIC, partition, leader_epoch, wanted, Replay::apply);
        Some(Event::Loaded {
            partition,
            leader_epoch,
            replay: Box::new(replay.await?),
        })
    })
}
