//! The partitions of which this broker has a replica: their logs and roles, found by name.
//!
//! The shell around `broker::log` and `broker::replication`. [`image_follower`] opens, hands roles to and removes
//! partitions as the znodes say; [`isr_writer`] writes what leaders decide; [`housekeeping`] keeps disks in order.

mod appending;
mod error;
mod following;
mod held;
pub(super) mod housekeeping;
pub(super) mod image_follower;
pub(super) mod isr_writer;
pub(super) mod offline;
mod offsets;
mod opening;
mod partition;
mod replica_log;
mod waiters;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
    time::Duration,
};

use tokio::sync::{Notify, watch};

use self::offline::{Failures, Offline};
pub(crate) use self::{
    error::PartitionError,
    following::Followed,
    offsets::{OffsetQuery, Viewer},
    partition::{AppendReceipt, Partition, Read, ReadAnswer},
    waiters::Awaits,
};
use super::{image::ClusterImage, internal_topic::InternalTopic, replication::RoleChange};
use wire::{BrokerId, LeaderEpoch, TopicPartition};

/// Every partition that this broker hosts.
#[derive(Debug)]
pub(crate) struct Partitions {
    data_dir: PathBuf,
    hosted: RwLock<HashMap<TopicPartition, Arc<Partition>>>,
    /// Woken when the partitions to fetch from a leader are others than before.
    fetchers: RwLock<HashMap<BrokerId, Arc<Notify>>>,
    fetchers_added: Notify,
    coordinating: [(InternalTopic, watch::Sender<BTreeMap<i32, LeaderEpoch>>); 2],
    /// Those that this broker should host and that the disk does not let it.
    offline: RwLock<BTreeMap<TopicPartition, Offline>>,
    offline_added: Notify,
    failures: Arc<Failures>,
    /// Why no log of this folder can be kept any more.
    directory_failure: watch::Sender<Option<String>>,
    saving: Mutex<()>,
    /// Woken when partitions took up what a newer image says of them.
    settled: Notify,
}

/// How long a request without a time-out of its own waits for a log that is being opened: a new one takes a
/// moment. One that has much to recover takes longer, and the client shall look for the leader again.
pub(crate) const SETTLE_WAIT: Duration = Duration::from_millis(500);

impl Partitions {
    pub(crate) fn new(data_dir: PathBuf) -> Self {
        Self {
            data_dir,
            hosted: RwLock::default(),
            fetchers: RwLock::default(),
            fetchers_added: Notify::new(),
            coordinating: InternalTopic::ALL.map(|topic| (topic, watch::Sender::default())),
            offline: RwLock::default(),
            offline_added: Notify::new(),
            failures: Arc::default(),
            directory_failure: watch::Sender::default(),
            saving: Mutex::default(),
            settled: Notify::new(),
        }
    }

    /// Where the partitions' folders are.
    pub(crate) fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// The partition, if this broker hosts it.
    pub(crate) fn get(&self, at: &TopicPartition) -> Option<Arc<Partition>> {
        let hosted = self.hosted.read().unwrap_or_else(PoisonError::into_inner);
        hosted.get(at).map(Arc::clone)
    }

    /// The partition, or why not: somebody else's, or nobody's. The log of an earlier topic of this name, which is
    /// about to go, is nobody's: a follower of the new one would take it for its leader's.
    pub(crate) fn find(
        &self,
        at: &TopicPartition,
        image: &ClusterImage,
    ) -> Result<Arc<Partition>, PartitionError> {
        let hosted = self.get(at);
        let hosted = hosted.filter(|hosted| image.is_current(&at.topic, hosted.topic_id()));
        hosted.ok_or_else(|| {
            let at = at.clone();
            match image.partition(&at) {
                Some(_) if self.is_offline(&at) => PartitionError::Offline { at },
                Some(_) => PartitionError::not_leader(at),
                None => PartitionError::Unknown { at },
            }
        })
    }

    /// Waits, at most this long, for those that the newest image lets this broker lead and that it does not lead yet:
    /// whoever created a topic, or asked who leads, may be here sooner than its log is open. Whether it leads them
    /// all then.
    pub(crate) async fn wait_until_led(
        &self,
        own: BrokerId,
        image: impl Fn() -> Arc<ClusterImage>,
        all: &[TopicPartition],
        patience: Duration,
    ) -> bool {
        let is_at_rest = |image: &ClusterImage, at: &TopicPartition| match image.partition(at) {
            Some(partition) if image.valid_leader(partition) == Some(own) => {
                // A log that was opened before the first leader was written has that leader's epoch already.
                let has_role = |hosted: Arc<Partition>| {
                    let current = hosted.current_leader();
                    current.epoch > partition.leader_epoch
                        || (current.epoch == partition.leader_epoch && current.leader == Some(own))
                };
                self.get(at).is_some_and(has_role) || self.is_offline(at)
            }
            _ => true,
        };
        let settled = async {
            loop {
                let changed = self.settled.notified();
                let image = image();
                if all.iter().all(|at| is_at_rest(&image, at)) {
                    return;
                }
                changed.await;
            }
        };
        // What is not led by then is answered as somebody else's.
        tokio::time::timeout(patience, settled).await.is_ok()
    }

    /// All of them, in no order.
    pub(crate) fn all(&self) -> Vec<Arc<Partition>> {
        let hosted = self.hosted.read().unwrap_or_else(PoisonError::into_inner);
        hosted.values().map(Arc::clone).collect()
    }

    /// The partitions that this broker should host and cannot.
    pub(crate) fn offline(&self) -> BTreeMap<TopicPartition, Offline> {
        let offline = self.offline.read().unwrap_or_else(PoisonError::into_inner);
        offline.clone()
    }

    fn offline_of(&self, at: &TopicPartition) -> Option<Offline> {
        let offline = self.offline.read().unwrap_or_else(PoisonError::into_inner);
        offline.get(at).cloned()
    }

    fn is_offline(&self, at: &TopicPartition) -> bool {
        let offline = self.offline.read().unwrap_or_else(PoisonError::into_inner);
        offline.contains_key(at)
    }

    /// Waits until one more partition is offline.
    async fn offline_added(&self) {
        self.offline_added.notified().await;
    }

    /// Waits until no log can be kept here any more; why, with the file's name.
    pub(crate) async fn directory_failure(&self) -> String {
        let mut failure = self.directory_failure.subscribe();
        match failure.wait_for(Option::is_some).await {
            Ok(reason) => reason.clone().unwrap_or_default(),
            // The sender is our own.
            Err(_) => std::future::pending().await,
        }
    }

    /// The disk does not serve any log of this folder.
    fn directory_failed(&self, error: &dyn std::fmt::Display) {
        self.directory_failure.send_if_modified(|reason| {
            let is_first = reason.is_none();
            if is_first {
                *reason = Some(error.to_string());
            }
            is_first
        });
    }

    fn set_offline(&self, at: TopicPartition, offline: Offline) {
        let mut all = self.offline.write().unwrap_or_else(PoisonError::into_inner);
        all.insert(at, offline);
        drop(all);
        self.offline_added.notify_one();
    }

    fn clear_offline(&self, at: &TopicPartition) -> Option<Offline> {
        let mut all = self.offline.write().unwrap_or_else(PoisonError::into_inner);
        all.remove(at)
    }

    fn saving(&self) -> MutexGuard<'_, ()> {
        self.saving.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The partitions of an internal topic that this broker leads, with their epochs, as they change.
    pub(crate) fn coordinating(
        &self,
        topic: InternalTopic,
    ) -> watch::Receiver<BTreeMap<i32, LeaderEpoch>> {
        let mut all = self.coordinating.iter();
        let led = all.find(|(known, _)| *known == topic);
        let (_, led) = led.expect("the table has every internal topic");
        led.subscribe()
    }

    /// The leaders to fetch from, each with what is woken when its partitions change.
    pub(super) fn fetchers(&self) -> Vec<(BrokerId, Arc<Notify>)> {
        let fetchers = self.fetchers.read().unwrap_or_else(PoisonError::into_inner);
        fetchers
            .iter()
            .map(|(leader, changed)| (*leader, Arc::clone(changed)))
            .collect()
    }

    /// Waits until there is a leader that was not fetched from before.
    pub(super) async fn fetcher_added(&self) {
        self.fetchers_added.notified().await;
    }

    /// What is fetched from `leader`, as its logs stand now.
    pub(super) fn followed_from(&self, leader: BrokerId) -> Vec<Followed> {
        self.all()
            .iter()
            .filter_map(Partition::followed)
            .filter(|followed| followed.sent.leader == leader)
            .collect()
    }

    fn insert(&self, partition: Arc<Partition>) {
        let mut hosted = self.hosted.write().unwrap_or_else(PoisonError::into_inner);
        hosted.insert(partition.at().clone(), partition);
    }

    fn remove(&self, at: &TopicPartition) -> Option<Arc<Partition>> {
        let mut hosted = self.hosted.write().unwrap_or_else(PoisonError::into_inner);
        hosted.remove(at)
    }

    /// Tells fetchers and coordinators of new roles.
    fn roles_changed(&self, own: BrokerId, changes: &[(Arc<Partition>, RoleChange)]) {
        let leaders = changes
            .iter()
            .flat_map(|(_, change)| [change.before.leader, change.now.leader])
            .flatten()
            .filter(|leader| *leader != own);
        for leader in leaders.collect::<BTreeSet<_>>() {
            self.wake_fetcher(leader);
        }
        for (topic, led) in &self.coordinating {
            led.send_if_modified(|leads| {
                let mut modified = false;
                for (partition, change) in changes {
                    let at = partition.at();
                    if at.topic != topic.name() {
                        continue;
                    }
                    modified |= if change.now.leader == Some(own) {
                        leads.insert(at.partition, change.now.epoch) != Some(change.now.epoch)
                    } else {
                        leads.remove(&at.partition).is_some()
                    };
                }
                modified
            });
        }
    }

    fn wake_fetcher(&self, leader: BrokerId) {
        let known = {
            let fetchers = self.fetchers.read().unwrap_or_else(PoisonError::into_inner);
            fetchers.get(&leader).map(Arc::clone)
        };
        if let Some(changed) = known {
            changed.notify_one();
            return;
        }
        let mut fetchers = self
            .fetchers
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        fetchers.entry(leader).or_default();
        drop(fetchers);
        self.fetchers_added.notify_one();
    }
}
