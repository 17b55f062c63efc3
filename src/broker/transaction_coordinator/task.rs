//! The coordinator's task: deadlines, writes on their way, partitions that come and go.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::{TransactionCoordinator, Write};
use crate::coordinating;
use crate::coordinator::Logged;
use crate::image::ClusterImage;
use crate::internal_topic::InternalTopic;
use crate::transactions::{Event, Replay};
use wire::LeaderEpoch;

const TOPIC: &str = InternalTopic::TransactionState.name();

/// Where the task learns what this broker coordinates.
pub(crate) struct Sources {
    /// The partitions of the topic that this broker leads, each with its epoch.
    pub(crate) led: watch::Receiver<BTreeMap<i32, LeaderEpoch>>,
    pub(crate) image: watch::Receiver<Arc<ClusterImage>>,
}

/// Runs until `cancel`.
pub(super) async fn run(
    coordinator: TransactionCoordinator,
    mut written: mpsc::Receiver<Write>,
    mut sources: Sources,
    cancel: CancellationToken,
) {
    let mut writes: FuturesUnordered<BoxFuture<'static, Event>> = FuturesUnordered::new();
    let mut loads: FuturesUnordered<BoxFuture<'static, Option<Event>>> = FuturesUnordered::new();
    let mut led = BTreeMap::new();
    // What was there before is news, too.
    sources.led.mark_changed();
    sources.image.mark_changed();
    let (mut led_lives, mut image_lives) = (true, true);
    loop {
        let due = coordinator.lock().sleeping_until;
        let due = coordinator.shared.started.checked_add(due);
        let due = async {
            match due {
                Some(at) => tokio::time::sleep_until(at.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = cancel.cancelled() => break,
            Some(write) = written.recv() => writes.push(Box::pin(async move {
                Event::Stored { write: write.id, result: write.outcome.await }
            })),
            Some(stored) = writes.next(), if !writes.is_empty() => coordinator.step(stored),
            Some(loaded) = loads.next(), if !loads.is_empty() => {
                if let Some(loaded) = loaded {
                    coordinator.step(loaded);
                }
            }
            // A deadline moved: sleep anew.
            () = coordinator.shared.wake.notified() => {}
            () = due => coordinator.step(Event::Tick),
            changed = sources.led.changed(), if led_lives => {
                led_lives = changed.is_ok();
                let now = sources.led.borrow_and_update().clone();
                let (gone, to_load) = coordinating::changed_leaders(&led, &now);
                for partition in gone {
                    coordinator.step(Event::Resigned { partition });
                }
                for (partition, leader_epoch) in to_load {
                    coordinator.step(Event::LoadStarted { partition, leader_epoch });
                    loads.push(load(coordinator.clone(), partition, leader_epoch));
                }
                led = now;
            }
            changed = sources.image.changed(), if image_lives => {
                image_lives = changed.is_ok();
                let now = Arc::clone(&sources.image.borrow_and_update());
                let count = now.topics.get(TOPIC).map(|topic| topic.partitions.len());
                if let Some(count) = count.and_then(|count| i32::try_from(count).ok())
                    && count > 0
                {
                    coordinator.lock().transactions.set_partition_count(count);
                }
            }
        }
    }
    coordinator.lock().waiting.end();
}

/// Reads a partition to its end; `None` once the partition is led under another epoch, or by another broker.
fn load(
    coordinator: TransactionCoordinator,
    partition: i32,
    leader_epoch: LeaderEpoch,
) -> BoxFuture<'static, Option<Event>> {
    Box::pin(async move {
        let wanted = || {
            let state = coordinator.lock();
            state.transactions.is_awaiting_load(partition, leader_epoch)
        };
        let log = &*coordinator.shared.log;
        // Its records are in no transaction.
        let apply = |replay: &mut Replay, logged| match logged {
            Logged::Record(record, _) => replay.apply(record),
            Logged::TransactionEnd(_) => Ok(()),
        };
        let replay = coordinating::load(log, TOPIC, partition, leader_epoch, wanted, apply);
        Some(Event::Loaded {
            partition,
            leader_epoch,
            replay: replay.await?,
        })
    })
}
