//! The partitions of which this broker has a replica: their logs and roles, found by name.
//!
//! The shell around `broker::log` and `broker::replication`. [`image_follower`] opens, hands roles to and removes
//! partitions as the znodes say; [`isr_writer`] writes what leaders decide; [`housekeeping`] keeps disks in order.

mod appending;
mod error;
mod following;
pub(super) mod housekeeping;
pub(super) mod image_follower;
pub(super) mod isr_writer;
mod offsets;
mod partition;
mod replica_log;
mod waiters;

use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

use tokio::sync::{Notify, watch};

pub(crate) use self::{
    error::PartitionError,
    following::Followed,
    offsets::{OffsetQuery, Viewer},
    partition::{AppendReceipt, Partition, Read, ReadAnswer},
};
use super::{image::ClusterImage, replication::RoleChange};
use crate::wire::{BrokerId, LeaderEpoch, TopicPartition};

/// The topic that keeps committed offsets; its leaders are the group coordinators.
pub(crate) const OFFSETS_TOPIC: &str = "__consumer_offsets";

/// Every partition that this broker hosts.
#[derive(Debug)]
pub(crate) struct Partitions {
    data_dir: PathBuf,
    hosted: RwLock<HashMap<TopicPartition, Arc<Partition>>>,
    /// Woken when the partitions to fetch from a leader are others than before.
    fetchers: RwLock<HashMap<BrokerId, Arc<Notify>>>,
    fetchers_added: Notify,
    coordinating: watch::Sender<BTreeMap<i32, LeaderEpoch>>,
}

impl Partitions {
    pub(crate) fn new(data_dir: PathBuf) -> Self {
        Self {
            data_dir,
            hosted: RwLock::default(),
            fetchers: RwLock::default(),
            fetchers_added: Notify::new(),
            coordinating: watch::Sender::default(),
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

    /// The partition, or why not: somebody else's, or nobody's.
    pub(crate) fn find(
        &self,
        at: &TopicPartition,
        image: &ClusterImage,
    ) -> Result<Arc<Partition>, PartitionError> {
        self.get(at).ok_or_else(|| match image.partition(at) {
            Some(_) => PartitionError::not_leader(at.clone()),
            None => PartitionError::Unknown { at: at.clone() },
        })
    }

    /// All of them, in no order.
    pub(crate) fn all(&self) -> Vec<Arc<Partition>> {
        let hosted = self.hosted.read().unwrap_or_else(PoisonError::into_inner);
        hosted.values().map(Arc::clone).collect()
    }

    /// The partitions of `__consumer_offsets` that this broker leads, with their epochs, as they change.
    pub(crate) fn coordinating(&self) -> watch::Receiver<BTreeMap<i32, LeaderEpoch>> {
        self.coordinating.subscribe()
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
        for leader in leaders {
            self.wake_fetcher(leader);
        }
        self.coordinating.send_if_modified(|leads| {
            let mut modified = false;
            for (partition, change) in changes {
                let at = partition.at();
                if at.topic != OFFSETS_TOPIC {
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
