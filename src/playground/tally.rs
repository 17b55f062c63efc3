//! Counts what our own producers sent and what became of it, and tells it at a pace for eyes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, mpsc};

use super::observer::Acknowledged;
use super::state::{Acks, Observation, ProducedSeen, Receipt, Timestamp};
use librdkafka::producer::Delivery;
use wire::{Offset, TopicPartition};

/// How often counts and receipts of one partition are told at most.
pub(super) const TOLD_EVERY: Duration = Duration::from_millis(50);

/// One record on its way.
#[derive(Debug)]
pub(super) struct Sent {
    /// Where its key puts it, as far as the partitions are known.
    pub(super) expected: Option<TopicPartition>,
    /// Its key.
    pub(super) key: Option<String>,
    /// A fingerprint of key and value.
    pub(super) content: u64,
    /// When it was handed to the library.
    pub(super) began: Timestamp,
    /// The same, on a clock that never jumps.
    pub(super) since: Instant,
    /// What it waits for.
    pub(super) acks: Acks,
    /// Its key, value and headers.
    pub(super) bytes: u64,
}

/// The counters, shared between whoever sends and the library's thread.
pub(super) struct Tally {
    counts: Mutex<Counts>,
    changed: Arc<Notify>,
    acknowledged: Arc<Acknowledged>,
    observations: mpsc::Sender<Observation>,
}

#[derive(Debug, Default)]
struct Counts {
    sent: u64,
    acked: u64,
    acked_bytes: u64,
    failed: u64,
    waiting: BTreeMap<TopicPartition, Waiting>,
    told: BTreeMap<TopicPartition, Instant>,
}

/// Records of a partition that wait for their acknowledgement.
#[derive(Debug, Default)]
struct Waiting {
    all: u64,
    /// Those with `acks=all`.
    for_all: u64,
}

impl Tally {
    pub(super) fn new(
        observations: mpsc::Sender<Observation>,
        acknowledged: Arc<Acknowledged>,
    ) -> Self {
        Self {
            counts: Mutex::default(),
            changed: Arc::new(Notify::new()),
            acknowledged,
            observations,
        }
    }

    /// Is notified when there is something to tell.
    pub(super) fn changed(&self) -> Arc<Notify> {
        Arc::clone(&self.changed)
    }

    /// A record is about to be handed over.
    pub(super) fn sent(&self, sent: &Sent) {
        let mut counts = self.counts();
        counts.sent += 1;
        if let Some(at) = &sent.expected {
            let waiting = counts.waiting.entry(at.clone()).or_default();
            waiting.all += 1;
            waiting.for_all += u64::from(sent.acks == Acks::All);
        }
        drop(counts);
        self.changed.notify_one();
    }

    /// The library did not take it after all.
    pub(super) fn not_sent(&self, sent: &Sent) {
        let mut counts = self.counts();
        counts.sent = counts.sent.saturating_sub(1);
        counts.arrived(sent);
    }

    /// Nobody will ever tell what became of it.
    pub(super) fn given_up(&self, sent: &Sent) {
        let mut counts = self.counts();
        counts.arrived(sent);
        counts.failed += 1;
        drop(counts);
        self.changed.notify_one();
    }

    /// The library tells what became of it, which is promised from now on where it was acknowledged. Called on its
    /// thread: nothing here waits.
    pub(super) fn delivered(&self, sent: &Sent, delivery: Delivery) {
        match delivery.outcome {
            // Without an acknowledgement nobody knows where a record stands.
            Ok(offset) if offset >= Offset(0) && sent.acks != Acks::None => {
                self.acknowledged
                    .remember(&delivery.partition, offset, sent.content, sent.acks);
            }
            _ => {}
        }
        self.arrived(sent, delivery);
    }

    /// Counts and tells what became of a record.
    pub(super) fn arrived(&self, sent: &Sent, delivery: Delivery) {
        let receipt = {
            let mut counts = self.counts();
            counts.arrived(sent);
            if let Ok(offset) = delivery.outcome {
                counts.acked += 1;
                counts.acked_bytes += sent.bytes;
                counts.is_due(&delivery.partition).then_some(offset)
            } else {
                counts.failed += 1;
                None
            }
        };
        self.changed.notify_one();
        if let Err(error) = delivery.outcome {
            let known = delivery.partition.partition >= 0;
            // A full queue means the screen is behind; the counts tell it later.
            let _ = self.observations.try_send(Observation::SendFailed {
                partition: known.then_some(delivery.partition.clone()),
                key: sent.key.clone(),
                error: error.to_string(),
            });
        }
        if let Some(offset) = receipt {
            let _ = self.observations.try_send(Observation::Acked(Receipt {
                partition: delivery.partition,
                offset,
                key: sent.key.clone(),
                acks: sent.acks,
                sent_at: sent.began,
                latency: sent.since.elapsed(),
            }));
        }
    }

    /// Tells the counts.
    pub(super) async fn tell(&self) {
        let seen = {
            let counts = self.counts();
            let waiting = |how: fn(&Waiting) -> u64| {
                let waiting = counts.waiting.iter();
                let counted = waiting.map(|(at, waiting)| (at.clone(), how(waiting)));
                counted.filter(|(_, count)| *count > 0).collect()
            };
            ProducedSeen {
                sent: counts.sent,
                acked: counts.acked,
                acked_bytes: counts.acked_bytes,
                failed: counts.failed,
                waiting: waiting(|waiting| waiting.all),
                waiting_for_all: waiting(|waiting| waiting.for_all),
            }
        };
        let _ = self.observations.send(Observation::Produced(seen)).await;
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        // A panic ends the process; a poisoned lock is never seen.
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    fn arrived(&mut self, sent: &Sent) {
        if let Some(at) = &sent.expected
            && let Some(waiting) = self.waiting.get_mut(at)
        {
            waiting.all = waiting.all.saturating_sub(1);
            let for_all = u64::from(sent.acks == Acks::All);
            waiting.for_all = waiting.for_all.saturating_sub(for_all);
            if waiting.all == 0 {
                self.waiting.remove(at);
            }
        }
    }

    /// Whether a receipt of this partition may be told again.
    fn is_due(&mut self, at: &TopicPartition) -> bool {
        let now = Instant::now();
        match self.told.get_mut(at) {
            Some(last) if now.duration_since(*last) < TOLD_EVERY => false,
            Some(last) => {
                *last = now;
                true
            }
            None => {
                self.told.insert(at.clone(), now);
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Instant;

    use tokio::sync::mpsc;

    use super::{Sent, Tally};
    use crate::observer::Acknowledged;
    use crate::state::{Acks, Observation, Timestamp};
    use librdkafka::producer::Delivery;
    use wire::{Offset, TopicPartition};

    #[tokio::test]
    async fn a_burst_is_counted_whole_and_told_once() {
        let (sender, mut told) = mpsc::channel(64);
        let tally = Tally::new(sender, Arc::new(Acknowledged::default()));
        let at = TopicPartition::new("orders", 0);
        for offset in 0..10 {
            let sent = Sent {
                expected: Some(at.clone()),
                key: None,
                content: 0,
                began: Timestamp(0),
                since: Instant::now(),
                acks: Acks::All,
                bytes: 100,
            };
            tally.sent(&sent);
            if offset < 9 {
                let delivery = Delivery {
                    partition: at.clone(),
                    outcome: Ok(Offset(offset)),
                };
                tally.delivered(&sent, delivery);
            }
        }
        tally.tell().await;
        let mut receipts = 0;
        while let Ok(observation) = told.try_recv() {
            match observation {
                Observation::Acked(_) => receipts += 1,
                Observation::Produced(seen) => {
                    assert_eq!((seen.sent, seen.acked), (10, 9));
                    assert_eq!(seen.waiting, [(at.clone(), 1)]);
                    assert_eq!(seen.waiting_for_all, [(at.clone(), 1)]);
                }
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(receipts, 1);
    }

    #[tokio::test]
    async fn who_waits_for_all_in_sync_is_counted_apart() {
        let (sender, mut told) = mpsc::channel(64);
        let tally = Tally::new(sender, Arc::new(Acknowledged::default()));
        let at = TopicPartition::new("orders", 0);
        for acks in [Acks::Leader, Acks::None] {
            tally.sent(&Sent {
                expected: Some(at.clone()),
                key: None,
                content: 0,
                began: Timestamp(0),
                since: Instant::now(),
                acks,
                bytes: 100,
            });
        }
        tally.tell().await;
        let Ok(Observation::Produced(seen)) = told.try_recv() else {
            panic!("the counts are told");
        };
        assert_eq!(seen.waiting, [(at, 2)]);
        assert_eq!(seen.waiting_for_all, []);
    }
}
