//! Transcripts: what happens to a cluster, and what the controller writes.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{Controller, ControllerSettings, Decisions, Election, Event};
use crate::image::{BrokerNode, ClusterImage, PartitionImage, TopicImage};
use wire::{BrokerId, LeaderEpoch, TopicPartition};

/// A cluster with its znodes' transaction ids, and the controller that is told of it.
struct Cluster {
    image: ClusterImage,
    controller: Controller,
    zxid: i64,
    now: Instant,
    transcript: String,
}

impl Cluster {
    /// Topic `t` with these replicas, all of them live and in sync.
    fn new(brokers: i32, replicas: &[&[i32]]) -> Self {
        let now = Instant::now();
        let mut cluster = Self {
            image: ClusterImage::default(),
            controller: Controller::new(settings(), now),
            zxid: 0,
            now,
            transcript: String::new(),
        };
        for id in 1..=brokers {
            cluster.register(id);
        }
        cluster.topic("t", replicas);
        cluster.told();
        cluster.transcript.clear();
        cluster
    }

    fn register(&mut self, id: i32) {
        self.zxid += 1;
        let node = BrokerNode {
            host: "h".into(),
            port: 1,
            rack: None,
            epoch: self.zxid,
        };
        self.image.brokers.insert(BrokerId(id), node);
    }

    fn topic(&mut self, name: &str, replicas: &[&[i32]]) {
        self.zxid += 1;
        let partitions = (0..)
            .zip(replicas)
            .map(|(index, ids)| {
                (
                    index,
                    PartitionImage::assigned(ids.iter().copied().map(BrokerId).collect()),
                )
            })
            .collect();
        let topic = TopicImage {
            id: uuid::Uuid::from_u64_pair(1, self.zxid.unsigned_abs()),
            czxid: self.zxid,
            mzxid: self.zxid,
            version: 0,
            configs_mzxid: 0,
            partitions,
            configs: BTreeMap::new(),
        };
        self.image.topics.insert(name.into(), Arc::new(topic));
    }

    fn gone(&mut self, id: i32) {
        self.zxid += 1;
        self.image.brokers.remove(&BrokerId(id));
    }

    fn partition(&mut self, index: i32) -> &mut PartitionImage {
        let topic = Arc::make_mut(self.image.topics.get_mut("t").expect("t exists"));
        topic.partitions.get_mut(&index).expect("it exists")
    }

    /// A leader changes its ISR.
    fn isr(&mut self, index: i32, isr: &[i32]) {
        self.zxid += 1;
        let mzxid = self.zxid;
        let partition = self.partition(index);
        partition.isr = isr.iter().copied().map(BrokerId).collect();
        partition.version += 1;
        partition.mzxid = mzxid;
    }

    fn told(&mut self) {
        self.step(Event::Image(Arc::new(self.image.clone())));
    }

    /// Steps until nothing is left to write, as its task does.
    fn step(&mut self, event: Event) {
        let mut decisions = self.controller.step(event, self.now);
        while self.perform(&decisions) {
            let image = Event::Image(Arc::new(self.image.clone()));
            decisions = self.controller.step(image, self.now);
        }
    }

    fn perform(&mut self, decisions: &Decisions) -> bool {
        for name in &decisions.remove {
            writeln!(self.transcript, "remove {name}").expect("text");
            self.image.topics.remove(name);
            self.image.deleting.remove(name);
        }
        for write in &decisions.states {
            self.zxid += 1;
            let leader = write.leader.map_or(-1, |id| id.0);
            let isr: Vec<i32> = write.isr.iter().map(|id| id.0).collect();
            writeln!(
                self.transcript,
                "{} leader {leader} epoch {} isr {isr:?}: {}",
                write.at, write.leader_epoch, write.why
            )
            .expect("text");
            let topic = self
                .image
                .topics
                .get_mut(&write.at.topic)
                .expect("it exists");
            let partition = Arc::make_mut(topic)
                .partitions
                .get_mut(&write.at.partition)
                .expect("it exists");
            assert_eq!(*partition, write.before, "the write names what was read");
            partition.leader = write.leader;
            partition.leader_broker_epoch = write.leader_broker_epoch;
            partition.leader_epoch = write.leader_epoch;
            partition.isr.clone_from(&write.isr);
            partition.version += 1;
            partition.mzxid = self.zxid;
        }
        for (at, replicas) in &decisions.reassigned {
            let ids: Vec<i32> = replicas.iter().map(|id| id.0).collect();
            writeln!(self.transcript, "{at} replicas {ids:?}").expect("text");
            let partition = self.partition(at.partition);
            partition.replicas.clone_from(replicas);
            partition.adding.clear();
            partition.removing.clear();
        }
        for (at, code) in &decisions.elected {
            writeln!(self.transcript, "{at} {code}").expect("text");
        }
        !(decisions.remove.is_empty()
            && decisions.states.is_empty()
            && decisions.reassigned.is_empty())
    }

    fn wrote(&mut self, expected: &str) {
        let expected: Vec<&str> = expected
            .lines()
            .map(str::trim)
            .filter(|l| !l.is_empty())
            .collect();
        assert_eq!(self.transcript.lines().collect::<Vec<_>>(), expected);
        self.transcript.clear();
    }
}

fn settings() -> ControllerSettings {
    ControllerSettings {
        unclean_leader_election: false,
        rebalance_interval: Some(Duration::from_secs(300)),
        imbalance_percentage: 10,
    }
}

#[test]
fn a_new_topic_gets_its_first_live_replicas_as_leaders() {
    let mut cluster = Cluster::new(3, &[]);
    cluster.topic("u", &[&[1, 2, 3], &[2, 3, 1], &[4, 3]]);
    cluster.told();
    cluster.wrote(
        "u-0 leader 1 epoch 0 isr [1, 2, 3]: new partition
         u-1 leader 2 epoch 0 isr [2, 3, 1]: new partition
         u-2 leader 3 epoch 0 isr [3]: new partition",
    );
    cluster.told();
    cluster.wrote("");
}

#[test]
fn a_dead_leader_is_followed_by_the_next_in_sync_replica() {
    let mut cluster = Cluster::new(3, &[&[1, 2, 3], &[2, 3, 1], &[3, 1, 2]]);
    cluster.isr(2, &[3, 2, 1]);
    cluster.gone(3);
    cluster.told();
    cluster.wrote(
        "t-2 leader 1 epoch 1 isr [2, 1]: broker 3 is gone
         t-0 leader 1 epoch 0 isr [1, 2]: broker 3 is gone
         t-1 leader 2 epoch 0 isr [2, 1]: broker 3 is gone",
    );
    cluster.register(3);
    cluster.told();
    cluster.wrote("");
    cluster.isr(2, &[2, 1, 3]);
    cluster.told();
    cluster.wrote("");
}

#[test]
fn the_last_of_an_isr_stays_in_it_and_leads_again_when_back() {
    let mut cluster = Cluster::new(2, &[&[1, 2]]);
    cluster.gone(2);
    cluster.told();
    cluster.wrote("t-0 leader 1 epoch 0 isr [1]: broker 2 is gone");
    cluster.gone(1);
    cluster.told();
    cluster.wrote("t-0 leader -1 epoch 1 isr [1]: broker 1 is gone");
    cluster.register(2);
    cluster.told();
    cluster.wrote("");
    cluster.register(1);
    cluster.told();
    cluster.wrote("t-0 leader 1 epoch 2 isr [1]: broker 1 is back");
}

#[test]
fn an_unclean_election_needs_the_topics_leave() {
    let mut cluster = Cluster::new(2, &[&[1, 2]]);
    cluster.isr(0, &[1]);
    cluster.gone(1);
    cluster.told();
    cluster.wrote("t-0 leader -1 epoch 1 isr [1]: broker 1 is gone");
    let topic = Arc::make_mut(cluster.image.topics.get_mut("t").expect("t exists"));
    topic
        .configs
        .insert("unclean.leader.election.enable".into(), "true".into());
    cluster.told();
    cluster.wrote("t-0 leader 2 epoch 2 isr [2]: unclean election: nobody in sync lives");
}

#[test]
fn unclean_elections_can_be_allowed_while_the_controller_runs() {
    let mut cluster = Cluster::new(2, &[&[1, 2]]);
    cluster.isr(0, &[1]);
    cluster.gone(1);
    cluster.told();
    cluster.wrote("t-0 leader -1 epoch 1 isr [1]: broker 1 is gone");
    let configs = |value: &str| {
        let name = "unclean.leader.election.enable".to_owned();
        BTreeMap::from([(name, value.to_owned())])
    };
    cluster.image.controller = Some(BrokerId(2));
    let brokers = &mut cluster.image.broker_configs;
    brokers.insert(None, configs("true"));
    brokers.insert(Some(BrokerId(2)), configs("false"));
    cluster.told();
    cluster.wrote("");
    cluster.image.broker_configs.remove(&Some(BrokerId(2)));
    cluster.told();
    cluster.wrote("t-0 leader 2 epoch 2 isr [2]: unclean election: nobody in sync lives");
}

#[test]
fn a_restart_that_nobody_saw_counts_as_gone_and_back() {
    let mut cluster = Cluster::new(3, &[&[1, 2, 3], &[2, 3, 1]]);
    cluster.register(1);
    cluster.told();
    cluster.wrote(
        "t-0 leader 2 epoch 1 isr [2, 3]: broker 1 was restarted
         t-1 leader 2 epoch 0 isr [2, 3]: broker 1 was restarted",
    );
    let mut alone = Cluster::new(1, &[&[1]]);
    alone.register(1);
    alone.told();
    alone.wrote("t-0 leader 1 epoch 1 isr [1]: broker 1 is back");
}

#[test]
fn a_state_that_was_written_without_knowing_of_the_leaders_restart_makes_it_no_leader() {
    let mut cluster = Cluster::new(2, &[&[1, 2]]);
    cluster.register(1);
    cluster.isr(0, &[1]);
    let image = &cluster.image;
    assert_eq!(image.valid_leader(&image.topics["t"].partitions[&0]), None);
    cluster.told();
    cluster.wrote("t-0 leader 1 epoch 1 isr [1]: broker 1 is back");
}

#[test]
fn after_a_restart_of_everything_who_comes_first_leads() {
    let mut cluster = Cluster::new(3, &[&[1, 2, 3]]);
    for id in [1, 2, 3] {
        cluster.gone(id);
    }
    cluster.register(2);
    cluster.told();
    cluster.wrote("t-0 leader 2 epoch 1 isr [2]: broker 2 is back");
    cluster.register(1);
    cluster.register(3);
    cluster.told();
    cluster.wrote("");
    // All at once: none of them is ahead of the others.
    let mut cluster = Cluster::new(3, &[&[1, 2, 3]]);
    for id in [3, 1, 2] {
        cluster.register(id);
    }
    cluster.told();
    cluster.wrote("t-0 leader 1 epoch 1 isr [1, 2, 3]: broker 1 is back");
}

#[test]
fn a_new_controller_makes_good_what_the_one_before_left() {
    let mut cluster = Cluster::new(3, &[&[1, 2, 3], &[3, 2, 1]]);
    cluster.topic("half", &[&[2, 1]]);
    cluster.gone(3);
    cluster.controller = Controller::new(settings(), cluster.now);
    cluster.told();
    cluster.wrote(
        "half-0 leader 2 epoch 0 isr [2, 1]: new partition
         t-1 leader 2 epoch 1 isr [2, 1]: broker 3 is gone
         t-0 leader 1 epoch 0 isr [1, 2]: broker 3 is gone",
    );
}

#[test]
fn a_broker_that_stops_hands_over_first() {
    let mut cluster = Cluster::new(3, &[&[1, 2, 3], &[2, 3, 1], &[1]]);
    let epoch = cluster.image.brokers[&BrokerId(1)].epoch;
    cluster.step(Event::BrokerStops {
        broker: BrokerId(1),
        broker_epoch: epoch,
    });
    cluster.wrote(
        "t-0 leader 2 epoch 1 isr [2, 3]: controlled shutdown
         t-1 leader 2 epoch 0 isr [2, 3]: controlled shutdown",
    );
    assert_eq!(cluster.controller.still_leads(BrokerId(1)), 0);
    // Its leader would take it back into the ISR while it still fetches: not for long.
    cluster.isr(1, &[2, 3, 1]);
    cluster.told();
    cluster.wrote("t-1 leader 2 epoch 0 isr [2, 3]: controlled shutdown");
    cluster.gone(1);
    cluster.told();
    cluster.wrote("t-2 leader -1 epoch 1 isr [1]: broker 1 is gone");
    cluster.register(1);
    cluster.told();
    cluster.wrote("t-2 leader 1 epoch 2 isr [1]: broker 1 is back");
}

#[test]
fn preferred_leaders_are_elected_on_demand_and_by_the_clock() {
    let mut cluster = Cluster::new(2, &[&[1, 2], &[2, 1]]);
    cluster.gone(1);
    cluster.told();
    cluster.register(1);
    cluster.told();
    cluster.transcript.clear();
    let elect = |partitions| Event::ElectLeaders {
        election: Election::Preferred,
        partitions,
    };
    cluster.step(elect(Some(vec![
        TopicPartition::new("t", 0),
        TopicPartition::new("t", 9),
    ])));
    cluster.wrote(
        "t-0 PREFERRED_LEADER_NOT_AVAILABLE
         t-9 UNKNOWN_TOPIC_OR_PARTITION",
    );
    cluster.isr(0, &[2, 1]);
    cluster.told();
    cluster.step(Event::Tick);
    cluster.wrote("");
    cluster.now += Duration::from_secs(301);
    cluster.step(Event::Tick);
    cluster.wrote("t-0 leader 1 epoch 2 isr [2, 1]: preferred leader");
    cluster.step(elect(None));
    cluster.wrote("");
    cluster.step(Event::ElectLeaders {
        election: Election::Unclean,
        partitions: Some(vec![TopicPartition::new("t", 0)]),
    });
    cluster.wrote("t-0 ELECTION_NOT_NEEDED");
}

#[test]
fn a_topic_to_be_deleted_is_removed_and_nothing_else_happens_to_it() {
    let mut cluster = Cluster::new(2, &[&[1, 2]]);
    cluster.image.deleting.insert("t".into());
    cluster.gone(1);
    cluster.told();
    cluster.wrote("remove t");
}

#[test]
fn a_reassignment_ends_when_all_new_replicas_are_in_sync() {
    let mut cluster = Cluster::new(3, &[&[1, 2]]);
    let partition = cluster.partition(0);
    partition.replicas = [3, 2, 1].map(BrokerId).to_vec();
    partition.adding = vec![BrokerId(3)];
    partition.removing = vec![BrokerId(1)];
    cluster.told();
    cluster.wrote("");
    cluster.isr(0, &[1, 2, 3]);
    cluster.told();
    cluster.wrote(
        "t-0 leader 3 epoch 1 isr [2, 3]: reassignment
         t-0 replicas [3, 2]",
    );
    assert_eq!(cluster.partition(0).leader_epoch, LeaderEpoch(1));
}

#[test]
fn a_move_that_is_called_off_leaves_the_lead_where_the_records_are() {
    let mut cluster = Cluster::new(4, &[&[1, 2]]);
    cluster.isr(0, &[3]);
    cluster.told();
    cluster.wrote("t-0 leader 3 epoch 1 isr [3]: its leader is not in sync");
    cluster.isr(0, &[3, 2]);
    cluster.told();
    cluster.wrote("t-0 leader 2 epoch 2 isr [2]: reassignment");
}

#[test]
fn who_is_no_replica_does_not_lead_where_replicas_were_in_sync() {
    let mut cluster = Cluster::new(3, &[&[1, 2]]);
    cluster.isr(0, &[1, 3]);
    cluster.image.brokers.remove(&BrokerId(1));
    cluster.told();
    cluster.wrote("t-0 leader -1 epoch 1 isr [1, 3]: broker 1 is gone, reassignment");
}
