//! Follows the cluster's image: opens partitions that this broker shall have, gives them their roles,
//! removes those it shall not have any more.

mod opens;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fmt,
    io::ErrorKind,
    path::PathBuf,
    sync::Arc,
    time::Instant,
};

use tokio::{sync::watch, task::JoinSet};
use uuid::Uuid;

use self::opens::Opened;
use super::{
    Partition, PartitionError, Partitions,
    held::Held,
    offline::{Offline, Retries, probe},
    opening::Opener,
    partition::Assignment,
};
use crate::{
    Settings,
    configs::{BrokerLayers, boolean},
    image::{ClusterImage, TopicImage},
    log::{
        LogConfig, LogError, PartitionFolder, list_partitions, mark_deleted, mark_stray,
        partition_folder, remove_folder,
    },
    replication::{CurrentLeader, RoleChange},
};
use wire::{BrokerId, Offset, Reporter, TopicPartition};

/// Threads that open logs at a time: recovery is bound by the disk.
const OPENING_MAX: usize = 8;

/// Logs without a record that one thread opens in a row: each is done sooner than a thread is woken for it.
const EMPTY_TOGETHER_MAX: usize = 512;

/// The task's state.
pub(crate) struct ImageFollower {
    own: BrokerId,
    settings: Settings,
    partitions: Arc<Partitions>,
    reporter: Reporter,
    images: watch::Receiver<Arc<ClusterImage>>,
    /// What the checkpoints said at the start; each is used once.
    held: BTreeMap<TopicPartition, Held>,
    /// The image that was given out last.
    applied: Arc<ClusterImage>,
    /// This broker's settings with what was changed since its start.
    effective: Settings,
    /// The partitions of each topic that this broker shall have.
    wanted: BTreeMap<String, BTreeSet<i32>>,
    /// Wanted, and their turn to be opened has not come.
    missing: VecDeque<TopicPartition>,
    opening: BTreeSet<TopicPartition>,
    opens: JoinSet<Vec<Opened>>,
    /// Logs that failed.
    retries: Retries,
    deletions: JoinSet<()>,
}

impl ImageFollower {
    /// Reads the checkpoints and puts folders aside that belong to no topic of this image.
    pub(crate) fn new(
        own: BrokerId,
        settings: Settings,
        partitions: Arc<Partitions>,
        reporter: Reporter,
        images: watch::Receiver<Arc<ClusterImage>>,
    ) -> Result<Self, LogError> {
        probe(partitions.data_dir())?;
        let held = Held::read_all(&partitions)?;
        let mut follower = Self {
            own,
            effective: settings.clone(),
            settings,
            partitions,
            reporter,
            images,
            held,
            applied: Arc::default(),
            wanted: BTreeMap::new(),
            missing: VecDeque::new(),
            opening: BTreeSet::new(),
            opens: JoinSet::new(),
            retries: Retries::default(),
            deletions: JoinSet::new(),
        };
        follower.tidy_folders()?;
        Ok(follower)
    }

    /// Opens everything in the image of now. Afterwards all that can be served is.
    pub(crate) async fn catch_up(&mut self) {
        self.apply();
        while let Some(opened) = self.opens.join_next().await {
            self.take_opened(opened);
        }
    }

    /// Runs until dropped, or until the registry is gone.
    pub(crate) async fn run(mut self) {
        let failures = Arc::clone(&self.partitions.failures);
        loop {
            tokio::select! {
                changed = self.images.changed() => match changed {
                    Ok(()) => self.apply(),
                    Err(_) => return,
                },
                Some(opened) = self.opens.join_next(), if !self.opens.is_empty() => {
                    self.take_opened(opened);
                }
                () = failures.added() => self.take_failures(),
                () = until(self.retries.next_at()) => {
                    self.missing.extend(self.retries.due(Instant::now()));
                    self.open_missing(&Arc::clone(&self.applied));
                }
                Some(_) = self.deletions.join_next(), if !self.deletions.is_empty() => {}
            }
        }
    }

    /// Folders of topics that do not exist any more are removed. The cluster is the folder's own, which the
    /// registry has made sure of, and the image is a full one.
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
                        self.held.remove(&partition);
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
                PartitionFolder::Stray { .. } | PartitionFolder::Unreadable { .. } => {}
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

    /// Gives every partition the role it has in the newest image. Those whose log is open change at once.
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
        let mut changes = Vec::new();
        for at in looked_at {
            match self.partitions.get(&at) {
                Some(partition) => {
                    changes.extend(self.give_role(&image, &partition).map(|it| (partition, it)));
                }
                None if self.opening.contains(&at) => {}
                None if self.retries.waits(&at) && !self.has_new_leader(&image, &at) => {}
                None => {
                    self.retries.begin(&at);
                    self.missing.push_back(at);
                }
            }
        }
        self.partitions.roles_changed(self.own, &changes);
        self.partitions.settled.notify_waiters();
        self.open_missing(&image);
    }

    /// Notes which of the topic's partitions this broker shall have.
    fn want(&mut self, name: &str, topic: &TopicImage) {
        let wanted: BTreeSet<i32> = topic
            .partitions
            .iter()
            .filter(|(_, partition)| partition.is_kept_by(self.own))
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

    fn is_unwanted(&self, image: &ClusterImage, at: &TopicPartition, topic_id: Uuid) -> bool {
        let topic = image.topics.get(&at.topic);
        topic.is_none_or(|topic| topic.id != topic_id) || !self.is_wanted(at)
    }

    fn open_missing(&mut self, image: &ClusterImage) {
        let mut empty = Vec::new();
        while self.opens.len() < OPENING_MAX
            && let Some(at) = self.missing.pop_front()
        {
            // It may have been asked for twice, or not be wanted any more.
            let is_due = self.is_wanted(&at)
                && !self.opening.contains(&at)
                && self.partitions.get(&at).is_none();
            if !is_due {
                continue;
            }
            let Some(topic) = image.topics.get(&at.topic) else {
                continue;
            };
            let opener = self.opener(at, image, topic);
            if opener.held.end() > Offset(0) {
                self.open(vec![opener]);
            } else {
                empty.push(opener);
            }
            if empty.len() == EMPTY_TOGETHER_MAX {
                self.open(std::mem::take(&mut empty));
            }
        }
        if !empty.is_empty() {
            self.open(empty);
        }
    }

    fn give_role(&self, image: &ClusterImage, partition: &Arc<Partition>) -> Option<RoleChange> {
        let at = partition.at();
        let topic = image.topics.get(&at.topic)?;
        let state = topic.partitions.get(&at.partition)?;
        if topic.id != partition.topic_id() {
            return None;
        }
        let assignment = Assignment {
            image: state,
            leader: image.valid_leader(state),
            config: LogConfig::new(&self.effective, &topic.configs),
            min_insync_replicas: self.min_insync_replicas(topic).min(state.replicas.len()),
            unclean: self.is_unclean(topic),
        };
        match partition.apply(assignment, Instant::now()) {
            Ok(change) => {
                if let Some(change) = change {
                    tracing::debug!("{at}: {change:?}");
                }
                change
            }
            // It is told of where the partition is taken offline.
            Err(PartitionError::Log(error)) if error.takes_offline() => None,
            Err(error) => {
                tracing::error!("{at}: cannot take its role: {error}");
                None
            }
        }
    }

    /// Whether an unclean leader is better than none.
    fn is_unclean(&self, topic: &TopicImage) -> bool {
        let own = topic.configs.get("unclean.leader.election.enable");
        own.and_then(|value| boolean(value))
            .unwrap_or(self.effective.unclean_leader_election_enable)
    }

    /// As it is set; of a partition with fewer replicas, all of them are enough.
    fn min_insync_replicas(&self, topic: &TopicImage) -> usize {
        topic
            .configs
            .get("min.insync.replicas")
            .and_then(|value| value.trim().parse().ok())
            .or_else(|| usize::try_from(self.effective.min_insync_replicas).ok())
            .unwrap_or(1)
    }

    fn remove_unwanted(&mut self, image: &ClusterImage) {
        let mut gone = self.partitions.all();
        gone.retain(|it| self.is_unwanted(image, it.at(), it.topic_id()));
        for partition in &gone {
            self.partitions.remove(partition.at());
            if let Some(change) = partition.resign() {
                self.partitions
                    .roles_changed(self.own, &[(Arc::clone(partition), change)]);
            }
        }
        let mut gone: Vec<TopicPartition> = gone.iter().map(|it| it.at().clone()).collect();
        let mut offline = self.partitions.offline();
        offline.retain(|at, it| self.is_unwanted(image, at, it.topic_id));
        gone.extend(offline.into_keys());
        if gone.is_empty() {
            return;
        }
        for at in &gone {
            self.partitions.clear_offline(at);
        }
        self.retries.retain(|at| !gone.contains(at));
        // Before the folders go: a folder that is gone and still in the checkpoints is one that was lost.
        self.partitions.save();
        for at in &gone {
            match mark_deleted(&partition_folder(self.partitions.data_dir(), at)) {
                Err(LogError::Storage { source, .. }) if source.kind() == ErrorKind::NotFound => {}
                Ok(path) => self.remove_folder(path),
                Err(error) => tracing::error!("{at}: its log cannot be removed: {error}"),
            }
        }
    }

    /// Takes partitions offline whose log failed.
    fn take_failures(&mut self) {
        for failure in self.partitions.failures.take() {
            let at = failure.at;
            self.blame_disk(failure.is_of_the_disk, &failure.reason);
            let Some(partition) = self.partitions.get(&at) else {
                continue;
            };
            let offline = Offline {
                topic_id: partition.topic_id(),
                reason: failure.reason,
                held: partition.held(),
            };
            self.set_offline(at.clone(), offline);
            self.partitions.remove(&at);
            if let Some(change) = failure.given_up {
                self.partitions
                    .roles_changed(self.own, &[(partition, change)]);
            }
        }
        self.partitions.settled.notify_waiters();
    }

    /// Gives all logs up where not one log alone failed, but the disk under all of them.
    fn blame_disk(&self, is_known: bool, reason: &dyn fmt::Display) {
        if is_known {
            self.partitions.directory_failed(reason);
        } else if let Err(error) = probe(self.partitions.data_dir()) {
            self.partitions.directory_failed(&error);
        }
    }

    fn set_offline(&mut self, at: TopicPartition, offline: Offline) {
        let known = self.partitions.offline();
        let is_known = known
            .get(&at)
            .is_some_and(|known| known.reason == offline.reason);
        if !is_known {
            tracing::error!("{at} is offline on this broker: {}", offline.reason);
        }
        let leads = leads(&self.applied, &at);
        self.retries.failed(at.clone(), leads, Instant::now());
        self.partitions.set_offline(at, offline);
    }

    fn has_new_leader(&self, image: &ClusterImage, at: &TopicPartition) -> bool {
        leads(image, at).is_some_and(|now| self.retries.has_new_leader(at, self.own, now))
    }
}

fn leads(image: &ClusterImage, at: &TopicPartition) -> Option<CurrentLeader> {
    let state = image.partition(at)?;
    Some(CurrentLeader {
        leader: image.valid_leader(state),
        epoch: state.leader_epoch,
    })
}

/// Waits for a time, if there is one.
async fn until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time.into()).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, sync::Arc, time::Duration};

    use tokio::sync::watch;
    use uuid::Uuid;

    use super::ImageFollower;
    use crate::{
        Settings,
        image::{BrokerNode, ClusterImage, PartitionImage, TopicImage},
        partitions::Partitions,
    };
    use wire::{BrokerId, Reporter, TopicPartition};

    const OWN: BrokerId = BrokerId(1);

    /// A topic that is assigned to this broker, or led by it already.
    fn image(led: bool) -> ClusterImage {
        let mut partition = PartitionImage::assigned(vec![OWN]);
        if led {
            partition.leader = Some(OWN);
            partition.isr = vec![OWN];
            partition.version = 0;
            partition.mzxid = 3;
        }
        let topic = TopicImage {
            id: Uuid::from_u128(7),
            czxid: 2,
            mzxid: 2,
            version: 0,
            configs_mzxid: 0,
            partitions: [(0, partition)].into(),
            configs: BTreeMap::new(),
        };
        let node = BrokerNode {
            host: "localhost".to_owned(),
            port: 9092,
            rack: None,
            epoch: 1,
        };
        ClusterImage {
            brokers: [(OWN, node)].into(),
            topics: [("orders".to_owned(), Arc::new(topic))].into(),
            ..ClusterImage::default()
        }
    }

    #[tokio::test]
    async fn a_log_that_is_open_before_its_first_leader_is_known_is_waited_for() {
        let folder = tempfile::tempdir().expect("a folder");
        let partitions = Arc::new(Partitions::new(folder.path().to_owned()));
        let (images, watched) = watch::channel(Arc::new(image(false)));
        let mut follower = ImageFollower::new(
            OWN,
            Settings::default(),
            Arc::clone(&partitions),
            Reporter::off(),
            watched.clone(),
        )
        .expect("an empty folder");
        follower.catch_up().await;
        let at = [TopicPartition::new("orders", 0)];
        assert!(partitions.get(&at[0]).is_some(), "its log is open");

        images.send_replace(Arc::new(image(true)));
        let newest = || Arc::clone(&watched.borrow());
        let settled = partitions
            .wait_until_led(OWN, newest, &at, Duration::ZERO)
            .await;
        assert!(!settled, "the log does not know of its leader");

        let settling = partitions.wait_until_led(OWN, newest, &at, Duration::from_secs(60));
        tokio::select! {
            () = follower.run() => unreachable!("there may be more to follow"),
            settled = settling => assert!(settled),
        }
        let hosted = partitions.get(&at[0]).expect("still there");
        assert_eq!(hosted.current_leader().leader, Some(OWN));
    }

    #[tokio::test]
    async fn a_topic_made_anew_has_an_empty_log_and_one_that_is_gone_has_none() {
        let folder = tempfile::tempdir().expect("a folder");
        let partitions = Arc::new(Partitions::new(folder.path().to_owned()));
        let (images, watched) = watch::channel(Arc::new(image(true)));
        let settings = Settings::default();
        let reporter = Reporter::off();
        let mut follower =
            ImageFollower::new(OWN, settings, Arc::clone(&partitions), reporter, watched)
                .expect("an empty folder");
        follower.catch_up().await;
        let at = TopicPartition::new("orders", 0);
        let first = partitions.get(&at).expect("its log is open");
        assert_eq!(first.topic_id(), Uuid::from_u128(7));
        let until = async |holds: &dyn Fn() -> bool| loop {
            let settled = partitions.settled.notified();
            if holds() {
                return;
            }
            settled.await;
        };

        let changes = async {
            let anew = Uuid::from_u128(8);
            let mut image = image(true);
            let topic = image.topics.get_mut("orders").expect("it is there");
            Arc::make_mut(topic).id = anew;
            images.send_replace(Arc::new(image));
            until(&|| partitions.get(&at).is_some_and(|it| it.topic_id() == anew)).await;
            images.send_replace(Arc::default());
            until(&|| partitions.get(&at).is_none()).await;
        };
        tokio::select! {
            () = follower.run() => unreachable!("there may be more to follow"),
            () = changes => {}
        }
        assert!(!folder.path().join("orders-0").exists());
    }
}
