//! Follows the cluster's picture: opens partitions that this broker shall have, gives them their roles,
//! removes those it shall not have any more.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    path::PathBuf,
    sync::Arc,
    time::Instant,
};

use tokio::{
    sync::watch,
    task::{JoinError, JoinSet},
};

use super::{Partition, Partitions, housekeeping::now_ms};
use crate::{
    broker::{
        Settings,
        image::{ClusterImage, TopicImage},
        log::{
            Checkpoint, Log, LogConfig, LogError, OpenAt, PartitionFolder, list_partitions,
            mark_deleted, mark_stray, partition_folder, remove_folder,
        },
        replication::RoleChange,
        topic_configs::BrokerLayers,
    },
    wire::{BrokerId, Offset, Reporter, TopicPartition, report::Report},
};

/// Logs opened at a time, each on a thread of its own: recovery is bound by the disk.
const OPENING_MAX: usize = 8;

/// The task's state.
pub(crate) struct ImageFollower {
    own: BrokerId,
    settings: Settings,
    partitions: Arc<Partitions>,
    reporter: Reporter,
    images: watch::Receiver<Arc<ClusterImage>>,
    /// What the checkpoints said at the start; each is used once.
    saved: Saved,
    /// The picture that was given out last.
    applied: Arc<ClusterImage>,
    /// This broker's settings with what was changed since its start.
    effective: Settings,
    /// The partitions of each topic that this broker shall have.
    wanted: BTreeMap<String, BTreeSet<i32>>,
    /// Wanted, and their turn to be opened has not come.
    missing: VecDeque<TopicPartition>,
    opening: BTreeSet<TopicPartition>,
    opens: JoinSet<Opened>,
    /// Logs that could not be opened: tried again only by another start.
    failed: BTreeSet<TopicPartition>,
    deletions: JoinSet<()>,
}

#[derive(Debug, Default)]
struct Saved {
    high_watermarks: BTreeMap<TopicPartition, Offset>,
    recovery_points: BTreeMap<TopicPartition, Offset>,
    log_starts: BTreeMap<TopicPartition, Offset>,
    cleaned: BTreeMap<TopicPartition, Offset>,
}

struct Opened {
    at: TopicPartition,
    result: Result<Arc<Partition>, LogError>,
}

impl ImageFollower {
    /// Reads the checkpoints and puts folders aside that belong to no topic of this picture.
    pub(crate) fn new(
        own: BrokerId,
        settings: Settings,
        partitions: Arc<Partitions>,
        reporter: Reporter,
        images: watch::Receiver<Arc<ClusterImage>>,
    ) -> Result<Self, LogError> {
        let folder = partitions.data_dir();
        let saved = Saved {
            high_watermarks: Checkpoint::HighWatermark.read(folder)?,
            recovery_points: Checkpoint::RecoveryPoint.read(folder)?,
            log_starts: Checkpoint::LogStartOffset.read(folder)?,
            cleaned: Checkpoint::Cleaner.read(folder)?,
        };
        let mut follower = Self {
            own,
            effective: settings.clone(),
            settings,
            partitions,
            reporter,
            images,
            saved,
            applied: Arc::default(),
            wanted: BTreeMap::new(),
            missing: VecDeque::new(),
            opening: BTreeSet::new(),
            opens: JoinSet::new(),
            failed: BTreeSet::new(),
            deletions: JoinSet::new(),
        };
        follower.tidy_folders()?;
        Ok(follower)
    }

    /// Opens everything in the picture of now. Afterwards all that can be served is.
    pub(crate) async fn catch_up(&mut self) {
        self.apply();
        while let Some(opened) = self.opens.join_next().await {
            self.opened(opened);
        }
    }

    /// Runs until dropped, or until the registry is gone.
    pub(crate) async fn run(mut self) {
        loop {
            tokio::select! {
                changed = self.images.changed() => match changed {
                    Ok(()) => self.apply(),
                    Err(_) => return,
                },
                Some(opened) = self.opens.join_next(), if !self.opens.is_empty() => {
                    self.opened(opened);
                }
                Some(_) = self.deletions.join_next(), if !self.deletions.is_empty() => {}
            }
        }
    }

    /// Folders of topics that do not exist any more are removed. The cluster is the folder's own, which the
    /// registry has made sure of, and the picture is a full one.
    fn tidy_folders(&mut self) -> Result<(), LogError> {
        let image = Arc::clone(&self.images.borrow());
        for folder in list_partitions(self.partitions.data_dir())? {
            match folder {
                PartitionFolder::Live {
                    partition,
                    topic_id: Some(id),
                    path,
                } => {
                    let topic = image.topics.get(&partition.topic);
                    if topic.is_none_or(|topic| topic.id != id) {
                        tracing::info!("{partition}: its topic {id} was deleted");
                        self.remove_folder(mark_deleted(&path)?);
                    }
                }
                PartitionFolder::Live {
                    partition,
                    topic_id: None,
                    path,
                } => {
                    let aside = mark_stray(&path)?;
                    tracing::warn!("{partition}: no topic id; kept as {}", aside.display());
                }
                PartitionFolder::Deleted { path } => self.remove_folder(path),
                PartitionFolder::Stray { .. } => {}
            }
        }
        Ok(())
    }

    fn remove_folder(&mut self, path: PathBuf) {
        self.deletions.spawn_blocking(move || {
            if let Err(error) = remove_folder(&path) {
                tracing::warn!("a deleted log stays on disk: {error}");
            }
        });
    }

    /// Gives every partition the role it has in the newest picture. Those whose log is open change at once.
    fn apply(&mut self) {
        let image = Arc::clone(&self.images.borrow_and_update());
        let before = std::mem::replace(&mut self.applied, Arc::clone(&image));
        let layers = BrokerLayers {
            settings: &self.settings,
            own: image.broker_configs.get(&Some(self.own)),
            every: image.broker_configs.get(&None),
        };
        self.effective = layers.effective();
        // Who leads depends on who lives. Otherwise only what changed is looked at.
        let everything =
            before.brokers != image.brokers || before.broker_configs != image.broker_configs;
        let is_same = |name: &str, topic: &Arc<TopicImage>, other: &ClusterImage| {
            let counterpart = other.topics.get(name);
            counterpart.is_some_and(|counterpart| Arc::ptr_eq(topic, counterpart))
        };
        for (name, topic) in &before.topics {
            if !is_same(name, topic, &image) {
                self.wanted.remove(name);
            }
        }
        let mut looked_at = Vec::new();
        for (name, topic) in &image.topics {
            let is_same = is_same(name, topic, &before);
            if !is_same {
                self.want(name, topic);
            }
            if (everything || !is_same)
                && let Some(wanted) = self.wanted.get(name)
            {
                let wanted = wanted.iter().map(|index| TopicPartition::new(name, *index));
                looked_at.extend(wanted);
            }
        }
        self.remove_unwanted(&image);
        self.failed
            .retain(|at| image.topics.contains_key(&at.topic));
        let mut changes = Vec::new();
        for at in looked_at {
            match self.partitions.get(&at) {
                Some(partition) => {
                    changes.extend(self.give_role(&image, &partition).map(|it| (partition, it)));
                }
                None if self.failed.contains(&at) || self.opening.contains(&at) => {}
                None => self.missing.push_back(at),
            }
        }
        self.partitions.roles_changed(self.own, &changes);
        self.open_missing(&image);
    }

    /// Notes which of the topic's partitions this broker shall have.
    fn want(&mut self, name: &str, topic: &TopicImage) {
        let wanted: BTreeSet<i32> = topic
            .partitions
            .iter()
            .filter(|(_, partition)| partition.replicas.contains(&self.own))
            .map(|(index, _)| *index)
            .collect();
        if !wanted.is_empty() {
            self.wanted.insert(name.to_owned(), wanted);
        }
    }

    fn is_wanted(&self, at: &TopicPartition) -> bool {
        let wanted = self.wanted.get(&at.topic);
        wanted.is_some_and(|wanted| wanted.contains(&at.partition))
    }

    fn open_missing(&mut self, image: &ClusterImage) {
        while self.opens.len() < OPENING_MAX
            && let Some(at) = self.missing.pop_front()
        {
            // It may have been asked for twice, or not be wanted any more.
            let is_due = self.is_wanted(&at)
                && !self.opening.contains(&at)
                && self.partitions.get(&at).is_none();
            if is_due && let Some(topic) = image.topics.get(&at.topic) {
                self.open(at, topic);
            }
        }
    }

    fn give_role(&self, image: &ClusterImage, partition: &Arc<Partition>) -> Option<RoleChange> {
        let at = partition.at();
        let topic = image.topics.get(&at.topic)?;
        let state = topic.partitions.get(&at.partition)?;
        if topic.id != partition.topic_id() {
            return None;
        }
        let config = LogConfig::new(&self.effective, &topic.configs);
        let min_isr = self.min_insync_replicas(topic);
        let applied = partition.apply(
            state,
            image.valid_leader(state),
            config,
            min_isr,
            Instant::now(),
        );
        match applied {
            Ok(change) => {
                if let Some(change) = change {
                    tracing::debug!("{at}: {change:?}");
                }
                change
            }
            Err(error) => {
                tracing::error!("{at}: cannot take its role: {error}");
                None
            }
        }
    }

    fn min_insync_replicas(&self, topic: &TopicImage) -> usize {
        topic
            .configs
            .get("min.insync.replicas")
            .and_then(|value| value.trim().parse().ok())
            .or_else(|| usize::try_from(self.effective.min_insync_replicas).ok())
            .unwrap_or(1)
    }

    fn remove_unwanted(&mut self, image: &ClusterImage) {
        let gone: Vec<_> = self
            .partitions
            .all()
            .into_iter()
            .filter(|partition| {
                let at = partition.at();
                let is_same = image
                    .topics
                    .get(&at.topic)
                    .is_some_and(|topic| topic.id == partition.topic_id());
                !is_same || !self.is_wanted(at)
            })
            .collect();
        for partition in gone {
            let at = partition.at();
            self.partitions.remove(at);
            if let Some(change) = partition.resign() {
                self.partitions
                    .roles_changed(self.own, &[(Arc::clone(&partition), change)]);
            }
            match mark_deleted(&partition_folder(self.partitions.data_dir(), at)) {
                Ok(path) => self.remove_folder(path),
                Err(error) => tracing::error!("{at}: its log cannot be removed: {error}"),
            }
        }
    }

    fn open(&mut self, at: TopicPartition, topic: &TopicImage) {
        let saved = OpenAt {
            recovery_point: self.saved.recovery_points.remove(&at).unwrap_or_default(),
            log_start_offset: self.saved.log_starts.remove(&at),
        };
        let cleaned = self.saved.cleaned.remove(&at).unwrap_or_default();
        let high_watermark = self.saved.high_watermarks.remove(&at).unwrap_or_default();
        let folder = partition_folder(self.partitions.data_dir(), &at);
        let config = LogConfig::new(&self.effective, &topic.configs);
        let min_isr = self.min_insync_replicas(topic);
        let (own, id) = (self.own, topic.id);
        let reporter = self.reporter.clone();
        self.opening.insert(at.clone());
        self.opens.spawn_blocking(move || {
            let open = || {
                if !folder.exists() {
                    return Log::create(&folder, at.clone(), id, config, now_ms());
                }
                let (mut log, report) = Log::open(&folder, at.clone(), config, saved, now_ms())?;
                if log.topic_id() != id {
                    return Err(LogError::TopicId {
                        path: folder.clone(),
                        found: log.topic_id(),
                        expected: id,
                    });
                }
                log.set_first_dirty_offset(cleaned);
                if let Some(reason) = &report.cut_reason {
                    tracing::warn!("{at}: cut {} bytes: {reason}", report.cut_bytes);
                }
                reporter.report(Report::LogRecovered {
                    broker: own,
                    topic: at.topic.clone(),
                    partition: at.partition,
                    log_end_offset: report.log_end_offset,
                    cut_bytes: report.cut_bytes,
                });
                Ok(log)
            };
            let result =
                open().map(|log| Arc::new(Partition::new(log, own, id, high_watermark, min_isr)));
            Opened { at, result }
        });
    }

    fn opened(&mut self, opened: Result<Opened, JoinError>) {
        let opened = match opened {
            Ok(opened) => opened,
            Err(error) => {
                tracing::error!("opening a log failed: {error}");
                return;
            }
        };
        self.opening.remove(&opened.at);
        let image = Arc::clone(&self.applied);
        match opened.result {
            Ok(partition) => {
                self.partitions.insert(Arc::clone(&partition));
                if let Some(change) = self.give_role(&image, &partition) {
                    self.partitions
                        .roles_changed(self.own, &[(partition, change)]);
                }
                // Its topic may have been deleted, or created anew, while the log was opened.
                self.remove_unwanted(&image);
                self.missing.push_back(opened.at);
            }
            Err(error) => {
                tracing::error!("{}: its log cannot be opened: {error}", opened.at);
                self.failed.insert(opened.at);
            }
        }
        self.open_missing(&image);
    }
}
