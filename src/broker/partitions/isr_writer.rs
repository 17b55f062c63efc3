//! Writes ISR changes that leaders decided into the znodes, and looks for followers that fell behind.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use futures::{FutureExt, StreamExt, stream::FuturesUnordered};
use tokio::{sync::mpsc, time::MissedTickBehavior};

use super::{Partition, Partitions};
use crate::{
    registry::{IsrChange, Registry, RegistryError, writes},
    replication::{IsrWrite, WriteOutcome},
};

/// Changes that wait to be written: more than any broker has partitions that change at once. One that finds
/// no room is given up and decided again at the follower's next fetch.
const WAITING_MAX: usize = 4_096;

/// Writes under way at a time, so that ZooKeeper commits them together.
const WRITING_MAX: usize = 32;

/// Changes that are written with one request: a broker that comes back enters thousands of ISRs at once.
const TOGETHER_MAX: usize = 256;

/// Pause before a write of unknown fate is tried again: ZooKeeper is away, or just back.
const RETRY_PAUSE: Duration = Duration::from_millis(20);

/// Where decisions are left.
#[derive(Debug, Clone)]
pub(crate) struct IsrWrites {
    queue: mpsc::Sender<(Arc<Partition>, IsrWrite)>,
}

/// Takes the decisions out.
#[derive(Debug)]
pub(crate) struct IsrWriter {
    queue: mpsc::Receiver<(Arc<Partition>, IsrWrite)>,
    registry: Registry,
    partitions: Arc<Partitions>,
    lag_time_max: Duration,
}

impl IsrWrites {
    pub(crate) fn new(
        registry: Registry,
        partitions: Arc<Partitions>,
        lag_time_max: Duration,
    ) -> (Self, IsrWriter) {
        let (sender, queue) = mpsc::channel(WAITING_MAX);
        let writer = IsrWriter {
            queue,
            registry,
            partitions,
            lag_time_max,
        };
        (Self { queue: sender }, writer)
    }

    /// Has a decision written.
    pub(crate) fn write(&self, partition: &Arc<Partition>, write: IsrWrite) {
        if let Err(full) = self.queue.try_send((Arc::clone(partition), write)) {
            let (partition, write) = full.into_inner();
            partition.written(&write, WriteOutcome::NotWritten);
        }
    }
}

impl IsrWriter {
    /// Runs until dropped.
    pub(crate) async fn run(mut self) {
        // As often as Kafka looks: a follower leaves after one to one and a half lag times.
        let mut look = tokio::time::interval((self.lag_time_max / 2).max(Duration::from_millis(1)));
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut writing = FuturesUnordered::new();
        let mut coming = Vec::new();
        loop {
            tokio::select! {
                Some(()) = writing.next(), if !writing.is_empty() => {}
                1.. = self.queue.recv_many(&mut coming, TOGETHER_MAX), if writing.len() < WRITING_MAX => {
                    let coming = std::mem::take(&mut coming);
                    writing.push(write_all(self.registry.clone(), coming).boxed());
                }
                _ = look.tick() => {
                    let now = Instant::now();
                    let all = self.partitions.all().into_iter();
                    let mut decided = all.filter_map(|partition| {
                        let decided = partition.shrink(now, self.lag_time_max)?;
                        Some((partition, decided))
                    }).peekable();
                    while decided.peek().is_some() {
                        let some = decided.by_ref().take(TOGETHER_MAX).collect();
                        writing.push(write_all(self.registry.clone(), some).boxed());
                    }
                }
            }
        }
    }
}

/// A decision, with the partition that it is about.
type Decided = (Arc<Partition>, IsrWrite);

/// Writes them with one request, as far as that is possible, and what is left one by one.
async fn write_all(registry: Registry, all: Vec<Decided>) {
    let left = if all.len() > 1 {
        write_together(&registry, all).await
    } else {
        all
    };
    let left = left
        .into_iter()
        .map(|(partition, decided)| write(registry.clone(), partition, decided));
    futures::stream::iter(left)
        .buffer_unordered(WRITING_MAX)
        .collect::<()>()
        .await;
}

/// Returns those of which it is not known what became of them: all, where one of them did not fit.
async fn write_together(registry: &Registry, all: Vec<Decided>) -> Vec<Decided> {
    let image = registry.image();
    let fits = |(partition, decided): &Decided| {
        let found = decided.decided_on(
            &image,
            partition.at(),
            partition.topic_id(),
            registry.broker_id(),
        );
        let enter = |(topic, expected)| {
            writes::only_replicas_enter(expected, &decided.isr).then_some((topic, expected))
        };
        found.and_then(enter).filter(|_| partition.awaits(decided))
    };
    let changes: Vec<IsrChange> = all
        .iter()
        .filter_map(|it| {
            let (topic, expected) = fits(it)?;
            let (partition, decided) = it;
            Some(IsrChange {
                at: partition.at(),
                topic,
                expected,
                isr: &decided.isr,
                why: &decided.why,
            })
        })
        .collect();
    let written = match registry.write_isrs(&changes).await {
        Ok(written) => written,
        Err(error) => {
            tracing::debug!("{} ISRs are written one by one: {error}", changes.len());
            return all;
        }
    };
    let at: Vec<_> = changes.iter().map(|change| change.at.clone()).collect();
    let written: BTreeMap<_, _> = at.into_iter().zip(written).collect();
    let mut left = all;
    left.retain(|(partition, decided)| {
        let version = written.get(partition.at()).copied();
        if let Some(version) = version {
            tracing::info!(
                "{}: ISR {}: {}",
                partition.at(),
                list(&decided.isr),
                decided.why
            );
            partition.written(decided, WriteOutcome::Written { version });
        }
        version.is_none()
    });
    left
}

/// Writes until it is known what became of it: a write that perhaps happened may have made a replica eligible,
/// for which the high watermark must wait.
async fn write(registry: Registry, partition: Arc<Partition>, decided: IsrWrite) {
    while partition.awaits(&decided) {
        if let Some(outcome) = try_to_write(&registry, &partition, &decided).await {
            partition.written(&decided, outcome);
            return;
        }
        tokio::time::sleep(RETRY_PAUSE).await;
    }
}

/// `None`: whether it was written is not known.
async fn try_to_write(
    registry: &Registry,
    partition: &Partition,
    decided: &IsrWrite,
) -> Option<WriteOutcome> {
    let at = partition.at();
    let image = registry.image();
    let found = decided.decided_on(&image, at, partition.topic_id(), registry.broker_id());
    // The image is another one than the decision was made on: the partition learns of it, and decides again.
    let Some((topic, expected)) = found else {
        return Some(WriteOutcome::Superseded);
    };
    if !writes::only_replicas_enter(expected, &decided.isr) {
        return Some(WriteOutcome::NotWritten);
    }
    let written = registry
        .write_isr(
            at,
            topic,
            expected,
            decided.isr.clone(),
            decided.why.clone(),
        )
        .await;
    match written {
        Ok(state) => {
            tracing::info!(
                "{at}: ISR {} (was {}): {}",
                list(&state.isr),
                list(&expected.isr),
                decided.why
            );
            Some(WriteOutcome::Written {
                version: state.version,
            })
        }
        Err(RegistryError::Changed { .. }) => Some(WriteOutcome::Superseded),
        Err(RegistryError::ReplicasChanged { .. }) => Some(WriteOutcome::NotWritten),
        Err(error) => {
            tracing::warn!("{at}: the ISR cannot be written yet: {error}");
            None
        }
    }
}

fn list(isr: &[wire::BrokerId]) -> String {
    isr.iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(",")
}
