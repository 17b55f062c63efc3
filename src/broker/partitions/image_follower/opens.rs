//! Opens logs on threads that may wait for the disk, and takes up what was opened.

use std::sync::Arc;

use tokio::task::JoinError;
use uuid::Uuid;

use super::{ImageFollower, LogConfig, LogError, Offline, Opener, Partition, partition_folder};
use crate::{
    image::{ClusterImage, TopicImage},
    partitions::held::Held,
    replication::RoleChange,
};
use wire::TopicPartition;

/// What came of opening a log.
pub(super) struct Opened {
    at: TopicPartition,
    topic_id: Uuid,
    held: Held,
    result: Result<Partition, LogError>,
}

impl ImageFollower {
    pub(super) fn opener(
        &mut self,
        at: TopicPartition,
        image: &ClusterImage,
        topic: &TopicImage,
    ) -> Opener {
        let held = match self.partitions.offline_of(&at) {
            Some(offline) => offline.held,
            None => self.held.remove(&at).unwrap_or_default(),
        };
        let leads = image.partition(&at).and_then(|it| image.valid_leader(it));
        self.opening.insert(at.clone());
        Opener {
            own: self.own,
            folder: partition_folder(self.partitions.data_dir(), &at),
            topic_id: topic.id,
            config: LogConfig::new(&self.effective, &topic.configs),
            held,
            may_miss: leads.is_some_and(|leader| leader != self.own) || self.is_unclean(topic),
            failures: Arc::clone(&self.partitions.failures),
            reporter: self.reporter.clone(),
            at,
        }
    }

    /// Opens logs one after the other, on a thread that may wait for the disk.
    pub(super) fn open(&mut self, all: Vec<Opener>) {
        self.opens.spawn_blocking(move || {
            let opened = all.into_iter().map(|opener| Opened {
                at: opener.at.clone(),
                topic_id: opener.topic_id,
                held: opener.held,
                result: opener.open(),
            });
            opened.collect()
        });
    }

    /// Takes up what was opened by now, all together: others are told of it once.
    pub(super) fn take_opened(&mut self, first: Result<Vec<Opened>, JoinError>) {
        let image = Arc::clone(&self.applied);
        let mut changes = Vec::new();
        let mut next = Some(first);
        while let Some(opened) = next {
            match opened {
                Ok(opened) => {
                    for opened in opened {
                        changes.extend(self.opened(opened, &image));
                    }
                }
                Err(error) => tracing::error!("opening a log failed: {error}"),
            }
            next = self.opens.try_join_next();
        }
        self.partitions.roles_changed(self.own, &changes);
        self.partitions.settled.notify_waiters();
        self.open_missing(&image);
    }

    fn opened(
        &mut self,
        opened: Opened,
        image: &ClusterImage,
    ) -> Option<(Arc<Partition>, RoleChange)> {
        let at = opened.at;
        self.opening.remove(&at);
        match opened.result {
            Ok(partition) => {
                let partition = Arc::new(partition);
                self.partitions.insert(Arc::clone(&partition));
                if self.partitions.clear_offline(&at).is_some() {
                    tracing::info!("{at}: its log is open again");
                }
                if self.is_unwanted(image, &at, opened.topic_id) {
                    // Its topic was deleted, or created anew, while the log was opened.
                    self.remove_unwanted(image);
                    self.missing.push_back(at);
                    return None;
                }
                let change = self.give_role(image, &partition)?;
                Some((partition, change))
            }
            Err(error) => {
                self.blame_disk(error.is_of_the_disk(), &error);
                let offline = Offline {
                    topic_id: opened.topic_id,
                    reason: error.to_string(),
                    held: opened.held,
                };
                self.set_offline(at, offline);
                None
            }
        }
    }
}
