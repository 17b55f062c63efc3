//! Logs that the disk failed: their partitions are offline on this broker, and others shall lead them.
//!
//! Where one partition's files are to blame, that partition is given up and opened again from time to time.
//! Where it is the disk under all of them, the broker hands everything over and ends, as Apache Kafka does whose last log
//! directory failed.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    sync::{Arc, Mutex, PoisonError, atomic::Ordering},
    time::{Duration, Instant},
};

use tokio::sync::Notify;
use uuid::Uuid;

use super::{Partition, Partitions, held::Held, partition::State};
use crate::{
    image::PartitionImage,
    log::LogError,
    registry::Registry,
    replication::{CurrentLeader, RoleChange},
};
use wire::{BrokerId, Offset, TopicPartition};

/// The first pause before a log is tried again: somebody may have put its files back.
const RETRY_PAUSE_MIN: Duration = Duration::from_secs(1);

/// The longest one.
const RETRY_PAUSE_MAX: Duration = Duration::from_secs(60);

/// Pause before an ISR is written again where ZooKeeper did not take it.
const WRITE_PAUSE: Duration = Duration::from_millis(200);

/// A partition that this broker should have and cannot serve.
#[derive(Debug, Clone)]
pub(crate) struct Offline {
    pub(super) topic_id: Uuid,
    /// With the file's name.
    pub(super) reason: String,
    /// What the checkpoints go on saying of its log.
    pub(super) held: Held,
}

/// Records that a log held and that are not in it any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Missing {
    /// The log held everything below.
    pub(super) held: Offset,
    /// Whether they were known to be on the disk, or whole files are gone. Otherwise the machine may have lost power
    /// before it wrote them, and nobody is expected to have kept them.
    pub(super) were_safe: bool,
}

/// A log that failed while it was in use.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) at: TopicPartition,
    pub(super) reason: String,
    pub(super) is_of_the_disk: bool,
    /// The role that the partition had.
    pub(super) given_up: Option<RoleChange>,
}

/// Where partitions tell that their log failed; each does so once.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    reported: Mutex<Vec<Failure>>,
    added: Notify,
}

impl Failures {
    fn report(&self, failure: Failure) {
        let mut reported = self.reported.lock().unwrap_or_else(PoisonError::into_inner);
        reported.push(failure);
        drop(reported);
        self.added.notify_one();
    }

    /// Waits for failures. What is not taken out after the wait is found by the next one.
    pub(super) async fn added(&self) {
        self.added.notified().await;
    }

    pub(super) fn take(&self) -> Vec<Failure> {
        std::mem::take(&mut *self.reported.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// When logs that failed are opened again.
#[derive(Debug, Default)]
pub(super) struct Retries {
    failed: BTreeMap<TopicPartition, Retry>,
}

#[derive(Debug)]
struct Retry {
    failed_at: Instant,
    pause: Duration,
    /// Whether its turn is still to come.
    waits: bool,
    /// Who led then.
    led: Option<CurrentLeader>,
}

impl Retries {
    /// A log failed while `led` was the partition's leader.
    pub(super) fn failed(&mut self, at: TopicPartition, led: Option<CurrentLeader>, now: Instant) {
        let before = self.failed.get(&at);
        let pause = match before {
            Some(before) if now < before.failed_at + before.pause * 2 + RETRY_PAUSE_MIN => {
                (before.pause * 2).min(RETRY_PAUSE_MAX)
            }
            _ => RETRY_PAUSE_MIN,
        };
        let retry = Retry {
            failed_at: now,
            pause,
            waits: true,
            led,
        };
        self.failed.insert(at, retry);
    }

    /// Whether the partition waits for its turn.
    pub(super) fn waits(&self, at: &TopicPartition) -> bool {
        self.failed.get(at).is_some_and(|retry| retry.waits)
    }

    /// Whether another broker leads since the log failed, so that its records can be had from there.
    pub(super) fn has_new_leader(
        &self,
        at: &TopicPartition,
        own: BrokerId,
        leads: CurrentLeader,
    ) -> bool {
        let other = leads.leader.is_some_and(|leader| leader != own);
        other
            && self
                .failed
                .get(at)
                .is_some_and(|retry| retry.led != Some(leads))
    }

    /// When the next one's turn comes.
    pub(super) fn next_at(&self) -> Option<Instant> {
        let waiting = self.failed.values().filter(|retry| retry.waits);
        waiting.map(|retry| retry.failed_at + retry.pause).min()
    }

    /// Those whose turn has come.
    pub(super) fn due(&mut self, now: Instant) -> Vec<TopicPartition> {
        let due = self
            .failed
            .iter_mut()
            .filter(|(_, retry)| retry.waits && retry.failed_at + retry.pause <= now);
        due.map(|(at, retry)| {
            retry.waits = false;
            at.clone()
        })
        .collect()
    }

    /// It is tried out of turn.
    pub(super) fn begin(&mut self, at: &TopicPartition) {
        if let Some(retry) = self.failed.get_mut(at) {
            retry.waits = false;
        }
    }

    /// Nobody wants these any more.
    pub(super) fn retain(&mut self, wanted: impl Fn(&TopicPartition) -> bool) {
        self.failed.retain(|at, _| wanted(at));
    }
}

impl Partition {
    pub(super) fn is_offline(&self) -> bool {
        self.offline.load(Ordering::Relaxed)
    }

    /// Takes the partition offline where the disk is to blame: what it holds is not what was said any more.
    pub(super) fn failed(&self, state: &mut State, error: LogError) -> LogError {
        if error.takes_offline() && !self.offline.swap(true, Ordering::Relaxed) {
            self.failures.report(Failure {
                at: self.at().clone(),
                reason: error.to_string(),
                is_of_the_disk: error.is_of_the_disk(),
                given_up: state.replica.resign(),
            });
            self.waiters.wake();
        }
        error
    }

    /// A log without records that were committed does not lead, where somebody may still have them.
    pub(super) fn check_complete(
        &self,
        state: &mut State,
        image: &PartitionImage,
        leader: Option<BrokerId>,
        unclean: bool,
    ) -> Result<(), LogError> {
        let own = state.replica.own();
        let Some(missing) = state.missing.filter(|_| leader == Some(own)) else {
            return Ok(());
        };
        let (end, held) = (state.replica.log.log_end_offset(), missing.held);
        let nobody_has_them = !missing.were_safe && image.isr == [own];
        if unclean || nobody_has_them {
            tracing::error!(
                "{}: leads without the records from {end} to {held}",
                self.at()
            );
            state.missing = None;
            return Ok(());
        }
        let path = state.replica.log.folder().to_owned();
        Err(self.failed(state, LogError::Short { path, end, held }))
    }
}

/// Whether files can be made in the folder that holds all logs, and take bytes.
pub(super) fn probe(folder: &Path) -> Result<(), LogError> {
    let path = folder.join("kafkarium-probe.tmp");
    let written = fs::write(&path, [0; 512]).and_then(|()| fs::remove_file(&path));
    written.map_err(LogError::storage("write", &path))
}

/// Takes this broker out of the ISR of what it cannot serve: the controller elects somebody else of it where this broker
/// should lead, and writes to the others need not wait for it where it should follow. Without somebody else alive in the ISR
/// nothing is given up. Runs until dropped, or until the registry is gone.
pub(crate) async fn resign(registry: Registry, partitions: Arc<Partitions>) {
    let own = registry.broker_id();
    let mut images = registry.watch();
    loop {
        let image = Arc::clone(&images.borrow_and_update());
        let mut is_done = true;
        for at in partitions.offline().into_keys() {
            let topic = image.topics.get(&at.topic);
            let Some((topic, state)) =
                topic.and_then(|topic| Some((topic, topic.partitions.get(&at.partition)?)))
            else {
                continue;
            };
            let mut others = state.isr.clone();
            others.retain(|broker| *broker != own);
            let lives = others.iter().any(|id| image.brokers.contains_key(id));
            if !state.isr.contains(&own) || !lives {
                // Where it is out of the ISR already, it is the controller's turn.
                continue;
            }
            let why = format!("broker {own}'s log is offline");
            match registry.write_isr(&at, topic, state, others, why).await {
                Ok(_) => tracing::warn!("{at}: given up, its log is offline here"),
                Err(error) => {
                    tracing::warn!("{at}: cannot be given up yet: {error}");
                    is_done = false;
                }
            }
        }
        tokio::select! {
            changed = images.changed() => if changed.is_err() { return },
            () = partitions.offline_added() => {}
            () = tokio::time::sleep(WRITE_PAUSE), if !is_done => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{Retries, probe};
    use crate::replication::CurrentLeader;
    use wire::{BrokerId, LeaderEpoch, TopicPartition};

    fn leads(broker: i32, epoch: i32) -> CurrentLeader {
        CurrentLeader {
            leader: Some(BrokerId(broker)),
            epoch: LeaderEpoch(epoch),
        }
    }

    #[test]
    fn a_log_that_keeps_failing_is_tried_less_and_less_often() {
        let mut retries = Retries::default();
        let at = TopicPartition::new("orders", 0);
        let mut now = Instant::now();
        let mut pauses = Vec::new();
        for _ in 0..8 {
            retries.failed(at.clone(), None, now);
            let next = retries.next_at().expect("it waits");
            assert!(retries.due(now).is_empty());
            assert_eq!(retries.due(next), std::slice::from_ref(&at));
            assert_eq!(retries.next_at(), None, "it is being opened");
            pauses.push((next - now).as_secs());
            now = next;
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60]);
        retries.failed(at, None, now + Duration::from_secs(3_600));
        let next = retries.next_at().expect("it waits");
        assert_eq!((next - now).as_secs(), 3_601, "an hour later it is news");
    }

    #[test]
    fn a_new_leader_elsewhere_is_a_reason_to_try_at_once() {
        let mut retries = Retries::default();
        let at = TopicPartition::new("orders", 0);
        let own = BrokerId(1);
        assert!(!retries.has_new_leader(&at, own, leads(2, 4)), "it is well");
        retries.failed(at.clone(), Some(leads(1, 3)), Instant::now());
        assert!(!retries.has_new_leader(&at, own, leads(1, 3)));
        assert!(!retries.has_new_leader(&at, own, leads(1, 5)), "that is us");
        assert!(retries.has_new_leader(&at, own, leads(2, 4)));
        retries.failed(at.clone(), Some(leads(2, 4)), Instant::now());
        assert!(!retries.has_new_leader(&at, own, leads(2, 4)), "tried");
    }

    #[test]
    fn a_folder_is_tried_by_writing() {
        let folder = tempfile::tempdir().expect("temporary folder");
        probe(folder.path()).expect("writable");
        assert_eq!(folder.path().read_dir().expect("listed").count(), 0);
        let gone = folder.path().join("gone");
        let refused = probe(&gone).expect_err("nothing is there");
        assert!(refused.to_string().contains("gone"), "{refused}");
    }
}
