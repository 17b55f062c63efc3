//! What the stage says while partitions have no leader and nobody can be elected, before anything else.

use super::StageCaption;
use crate::state::{
    State,
    action::{Action, ClusterAction, Target},
    cluster::{ProcessName, Standstill, Status},
    story::{listed, places},
};
use wire::{BrokerId, TopicPartition};

impl State {
    /// The caption of what stands still until somebody is brought back; offline partitions stand first.
    pub(super) fn standstill_caption(&self) -> Option<StageCaption> {
        if self.cluster.all_brokers_gone() {
            return Some(self.without_brokers());
        }
        let topic = self.cluster.topics.get(&self.view.topic);
        let standstills = topic.map(|topic| self.cluster.standstills(topic));
        let standstills = standstills.unwrap_or_default();
        let mut unelected = Vec::new();
        for (standstill, partitions) in standstills {
            match standstill {
                Standstill::Offline { isr } => return Some(self.offline(&isr, &partitions)),
                Standstill::NoElection { .. } => unelected.extend(partitions),
                _ => {}
            }
        }
        let away = self.cluster.zookeeper_away()?;
        Some(self.without_zookeeper(away, &unelected))
    }

    fn named(&self, partitions: &[i32]) -> String {
        let of = |index: &i32| TopicPartition::new(&self.view.topic, *index);
        let of: Vec<TopicPartition> = partitions.iter().map(of).collect();
        places(self.home_topic(), &of)
    }

    fn without_brokers(&self) -> StageCaption {
        StageCaption {
            headline: "Every broker is dead.".into(),
            text: "Nobody leads and nobody coordinates: nothing is written or read until one is back. \
                   What was acknowledged lies on their disks."
                .into(),
            checks: vec![self.lost()],
            next: Some((Action::Cluster(ClusterAction::Heal), "brings all of them back".into())),
        }
    }

    fn offline(&self, isr: &[BrokerId], partitions: &[i32]) -> StageCaption {
        let places = self.named(partitions);
        let one = partitions.len() == 1;
        let is = if one { "is" } else { "are" };
        let frozen = isr.iter().all(|broker| !self.cluster.is_gone(*broker));
        let dead = if frozen { "frozen" } else { "dead" };
        let (brokers, has) = match isr {
            [only] => (format!("broker {only}"), "has"),
            all => (format!("brokers {}", listed(all)), "have"),
        };
        let (them, its) = if one {
            ("it", "its")
        } else {
            ("them", "their")
        };
        let text = format!(
            "Whoever else lives is not in {its} ISR and lacks records: led by such a broker, {places} would lose them. \
             So writes wait, and what was acknowledged stays."
        );
        let revival = isr.first().map(|broker| self.cluster.revival(*broker));
        let next = revival.into_iter().flatten().next();
        let next = next.map(|action| {
            let who = match action.aim() {
                Some((_, Target::Process(ProcessName::ZooKeeper))) => "ZooKeeper".to_owned(),
                Some((_, Target::Process(process))) => process.to_string(),
                _ => String::new(),
            };
            (action, format!("brings {who} back"))
        });
        StageCaption {
            headline: format!("{places} {is} offline: only {dead} {brokers} {has} all of {them}."),
            text,
            checks: vec![self.lost()],
            next,
        }
    }

    fn without_zookeeper(&self, away: Status, unelected: &[i32]) -> StageCaption {
        let (headline, next) = match away {
            Status::Frozen => ("ZooKeeper is frozen.", "thaws ZooKeeper"),
            away if away.is_gone() => ("ZooKeeper is dead.", "brings ZooKeeper back"),
            _ => ("ZooKeeper is starting.", ""),
        };
        let text = if unelected.is_empty() {
            "Records flow on: leaders, followers and consumers talk to each other without it. But nobody can be \
             elected until it is back."
                .to_owned()
        } else {
            let places = self.named(unelected);
            let its = match unelected {
                [_] => "its leader is",
                _ => "their leaders are",
            };
            format!(
                "Writes to {places} wait: {its} dead too, and nobody can be elected until ZooKeeper is back. \
                 What has a live leader goes on."
            )
        };
        StageCaption {
            headline: headline.into(),
            text,
            checks: vec![self.lost()],
            next: self
                .cluster
                .revival_of_zookeeper()
                .map(|action| (action, next.into())),
        }
    }
}
