//! The image of the znodes that this process keeps: every read and every write of our own is
//! applied to it, and only what is newer changes it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::watch;

use super::znodes::{self, BrokerJson, ConfigJson, ControllerJson, StateJson, TopicJson, Znode};
use crate::image::{BrokerNode, ClusterImage, PartitionImage, TopicImage};
use wire::{BrokerId, LeaderEpoch, TopicPartition, jute::Stat};

/// Owner of the [`ClusterImage`].
#[derive(Debug)]
pub(crate) struct Mirror {
    /// What was read so far, perhaps half of something. Changed under the lock, so that two
    /// changes never lose each other.
    draft: Mutex<ClusterImage>,
    published: watch::Sender<Arc<ClusterImage>>,
}

/// What a read found: the data with its stat, or that there is no such znode.
pub(crate) type Found = Option<(Vec<u8>, Stat)>;

impl Mirror {
    pub(crate) fn new(cluster_id: String) -> Self {
        let image = ClusterImage {
            cluster_id,
            ..ClusterImage::default()
        };
        Self {
            published: watch::Sender::new(Arc::new(image.clone())),
            draft: Mutex::new(image),
        }
    }

    pub(crate) fn image(&self) -> Arc<ClusterImage> {
        self.published.borrow().clone()
    }

    pub(crate) fn watch(&self) -> watch::Receiver<Arc<ClusterImage>> {
        self.published.subscribe()
    }

    /// Applies what several reads found and publishes the result once, if it differs.
    pub(crate) fn apply(&self, found: impl IntoIterator<Item = (Znode, Found)>) {
        self.update(|image| {
            for (znode, found) in found {
                apply(image, znode, found);
            }
        });
    }

    /// Applies the first half of what belongs together; the second half publishes both. Returns
    /// the image so far.
    pub(crate) fn draft(&self, found: impl IntoIterator<Item = (Znode, Found)>) -> ClusterImage {
        let mut draft = self.draft.lock().unwrap_or_else(PoisonError::into_inner);
        for (znode, found) in found {
            apply(&mut draft, znode, found);
        }
        draft.clone()
    }

    /// Changes the image and publishes it, if it differs.
    pub(crate) fn update(&self, change: impl FnOnce(&mut ClusterImage)) {
        let mut draft = self.draft.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut draft);
        if *draft != **self.published.borrow() {
            self.published.send_replace(Arc::new(draft.clone()));
        }
    }

    /// Applies a read of `/controller_epoch`.
    pub(crate) fn apply_controller_epoch(&self, data: &[u8], stat: &Stat) {
        let text = std::str::from_utf8(data).ok();
        let Some(epoch) = text.and_then(|text| text.trim().parse().ok()) else {
            return;
        };
        self.update(|image| {
            if stat.version >= image.controller_epoch_version {
                image.controller_epoch = epoch;
                image.controller_epoch_version = stat.version;
            }
        });
    }

    /// Drops what a listing did not name: it was removed while nobody watched. Not published yet.
    pub(crate) fn retain(&self, listing: &Listing) {
        let mut image = self.draft.lock().unwrap_or_else(PoisonError::into_inner);
        let image = &mut *image;
        image.brokers.retain(|id, _| listing.brokers.contains(id));
        image.topics.retain(|name, _| listing.topics.contains(name));
        image
            .deleting
            .retain(|name| listing.deleting.contains(name));
        image
            .broker_configs
            .retain(|id, _| listing.broker_configs.contains(id));
        image
            .group_configs
            .retain(|group, _| listing.group_configs.contains(group));
        for (name, topic) in &mut image.topics {
            if !topic.configs.is_empty() && !listing.topic_configs.contains(name) {
                Arc::make_mut(topic).configs.clear();
            }
        }
    }
}

/// The names of everything there is.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    pub(crate) brokers: Vec<BrokerId>,
    pub(crate) topics: Vec<String>,
    pub(crate) topic_configs: Vec<String>,
    pub(crate) broker_configs: Vec<Option<BrokerId>>,
    pub(crate) deleting: Vec<String>,
    pub(crate) group_configs: Vec<String>,
    /// Topics whose znode was read.
    pub(crate) present: Vec<String>,
}

fn apply(image: &mut ClusterImage, znode: Znode, found: Found) {
    let path = znode.path();
    match znode {
        Znode::Broker(id) => {
            match found
                .and_then(|(data, stat)| Some((znodes::read::<BrokerJson>(&path, &data)?, stat)))
            {
                Some((broker, stat)) => apply_broker(image, id, broker, &stat),
                None => drop(image.brokers.remove(&id)),
            }
        }
        Znode::Controller => {
            let found = found.and_then(|(data, stat)| {
                Some((znodes::read::<ControllerJson>(&path, &data)?, stat))
            });
            image.controller = found.as_ref().map(|(controller, _)| controller.broker_id);
            image.controller_session = found.map_or(0, |(_, stat)| stat.ephemeral_owner);
        }
        Znode::Topic(name) => match found {
            // A topic that cannot be read is not one that was deleted.
            Some((data, stat)) => {
                if let Some(topic) = znodes::read::<TopicJson>(&path, &data) {
                    apply_topic(image, name, topic, &stat);
                }
            }
            None => drop(image.topics.remove(&name)),
        },
        Znode::State(at) => {
            let found = found
                .and_then(|(data, stat)| Some((znodes::read::<StateJson>(&path, &data)?, stat)));
            apply_state(image, &at, found);
        }
        Znode::TopicConfig(name) => apply_topic_config(image, &name, found),
        Znode::BrokerConfig(id) => {
            match found.and_then(|(data, _)| znodes::read::<ConfigJson>(&path, &data)) {
                Some(json) => drop(image.broker_configs.insert(id, json.config)),
                None => drop(image.broker_configs.remove(&id)),
            }
        }
        Znode::GroupConfig(group) => {
            match found.and_then(|(data, _)| znodes::read::<ConfigJson>(&path, &data)) {
                Some(json) => drop(image.group_configs.insert(group, json.config)),
                None => drop(image.group_configs.remove(&group)),
            }
        }
        Znode::DeleteTopic(name) => {
            if found.is_some() {
                image.deleting.insert(name);
            } else {
                image.deleting.remove(&name);
            }
        }
    }
}

fn apply_broker(image: &mut ClusterImage, id: BrokerId, broker: BrokerJson, stat: &Stat) {
    if image
        .brokers
        .get(&id)
        .is_some_and(|known| known.epoch > stat.czxid)
    {
        return;
    }
    let (Some(host), Ok(port)) = (broker.host, u16::try_from(broker.port)) else {
        tracing::warn!(broker = %id, "a broker without a plaintext address is left out");
        image.brokers.remove(&id);
        return;
    };
    image.brokers.insert(
        id,
        BrokerNode {
            host,
            port,
            rack: broker.rack,
            epoch: stat.czxid,
        },
    );
}

fn apply_topic(image: &mut ClusterImage, name: String, json: TopicJson, stat: &Stat) {
    let known = image.topics.get(&name);
    if known.is_some_and(|known| known.mzxid >= stat.mzxid) {
        return;
    }
    // A topic that was deleted and created anew shares nothing with the one before.
    let known = known.filter(|known| known.czxid == stat.czxid);
    let partitions = json
        .partitions
        .into_iter()
        .map(|(index, replicas)| {
            let mut partition = known
                .and_then(|known| known.partitions.get(&index))
                .cloned()
                .unwrap_or_else(|| PartitionImage::assigned(Vec::new()));
            partition.replicas = replicas;
            partition.adding = json
                .adding_replicas
                .get(&index)
                .cloned()
                .unwrap_or_default();
            partition.removing = json
                .removing_replicas
                .get(&index)
                .cloned()
                .unwrap_or_default();
            (index, partition)
        })
        .collect();
    let topic = TopicImage {
        id: json.topic_id,
        czxid: stat.czxid,
        mzxid: stat.mzxid,
        version: stat.version,
        partitions,
        configs: known.map(|known| known.configs.clone()).unwrap_or_default(),
        configs_mzxid: known.map_or(0, |known| known.configs_mzxid),
    };
    image.topics.insert(name, Arc::new(topic));
}

fn apply_state(image: &mut ClusterImage, at: &TopicPartition, found: Option<(StateJson, Stat)>) {
    let Some(topic) = image.topics.get_mut(&at.topic) else {
        return;
    };
    let Some(known) = topic.partitions.get(&at.partition) else {
        return;
    };
    let newer = match &found {
        // The state of a topic made anew counts only when that topic is known.
        Some((_, stat)) => {
            stat.czxid >= topic.czxid
                && stat.mzxid > known.mzxid
                && (!known.has_state() || stat.czxid == known.czxid)
        }
        None => known.has_state(),
    };
    if !newer {
        return;
    }
    let topic = Arc::make_mut(topic);
    let Some(partition) = topic.partitions.get_mut(&at.partition) else {
        return;
    };
    let replicas = std::mem::take(&mut partition.replicas);
    let assigned = PartitionImage {
        adding: std::mem::take(&mut partition.adding),
        removing: std::mem::take(&mut partition.removing),
        ..PartitionImage::assigned(replicas)
    };
    *partition = match found {
        Some((state, stat)) => with_state(assigned, &state, &stat),
        None => assigned,
    };
}

/// The partition's image with this state in it.
pub(crate) fn with_state(
    assigned: PartitionImage,
    state: &StateJson,
    stat: &Stat,
) -> PartitionImage {
    PartitionImage {
        leader: (state.leader.0 >= 0).then_some(state.leader),
        leader_broker_epoch: state.leader_broker_epoch,
        leader_epoch: LeaderEpoch(state.leader_epoch),
        isr: state.isr.clone(),
        version: stat.version,
        czxid: stat.czxid,
        mzxid: stat.mzxid,
        controller_epoch: state.controller_epoch,
        ..assigned
    }
}

fn apply_topic_config(image: &mut ClusterImage, name: &str, found: Found) {
    let Some(topic) = image.topics.get_mut(name) else {
        return;
    };
    let (configs, mzxid) = match found {
        Some((data, stat)) => {
            let Some(json) = znodes::read::<ConfigJson>(&znodes::topic_config(name), &data) else {
                return;
            };
            if stat.mzxid <= topic.configs_mzxid {
                return;
            }
            (json.config, stat.mzxid)
        }
        None => (BTreeMap::new(), 0),
    };
    let topic = Arc::make_mut(topic);
    topic.configs = configs;
    topic.configs_mzxid = mzxid;
}
