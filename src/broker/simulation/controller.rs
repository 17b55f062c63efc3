//! A process as the controller: election, decisions, their writes; and topics that come and go.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use uuid::Uuid;

use super::{
    message::{Timer, Turn, ZooKeeperAnswer, ZooKeeperRequest},
    process::{Process, RETRY_PAUSE},
    registry::{AfterRead, Op, Plan, ids},
};
use crate::{
    controller::{Controller, ControllerSettings, Decisions, Election, Event},
    image::ClusterImage,
    registry::{
        Controllership, NewTopic,
        writes::{self, StatesMulti},
        znodes::{self, Znode},
    },
};
use client::zookeeper::ZnodeWrite;
use wire::{BrokerId, TopicPartition};

/// The topic of every simulation.
pub(super) const TOPIC: &str = "orders";

/// Its only partition.
pub(super) fn partition() -> TopicPartition {
    TopicPartition::new(TOPIC, 0)
}

const SETTINGS: ControllerSettings = ControllerSettings {
    unclean_leader_election: false,
    rebalance_interval: Some(Duration::from_millis(150)),
    imbalance_percentage: 10,
};

impl Process {
    /// One round of `controller_task`.
    pub(super) fn controller_turn(&mut self, turn: &mut Turn<'_>) {
        if self.controller_is_busy {
            self.controller_looks_again = true;
            return;
        }
        if !self.serves || self.connection.is_none() {
            return;
        }
        self.controller_looks_again = false;
        let image = self.mirror.image();
        if self.own_controllership().is_none()
            && image.controller.is_none()
            && self.broker_epoch >= 0
        {
            self.controller_is_busy = true;
            let paths = vec![znodes::CONTROLLER_EPOCH.to_owned()];
            self.ask(
                Op::CampaignEpoch(image),
                ZooKeeperRequest::Read(paths),
                turn,
            );
            return;
        }
        self.take_or_give_up_controllership(turn);
        self.look_at(image, turn);
    }

    fn own_controllership(&self) -> Option<Controllership> {
        Controllership::held(&self.mirror.image(), self.session?)
    }

    fn take_or_give_up_controllership(&mut self, turn: &mut Turn<'_>) {
        match (&self.controllership, self.own_controllership()) {
            (Some((before, _)), Some(now)) if *before == now => {}
            (_, None) => self.controllership = None,
            (_, Some(now)) => {
                turn.say(|| format!("broker {} is the controller, epoch {}", self.own, now.epoch));
                self.controllership = Some((now, Controller::new(SETTINGS, turn.clock)));
            }
        }
    }

    fn look_at(&mut self, image: Arc<ClusterImage>, turn: &mut Turn<'_>) {
        let Some((_, controller)) = &mut self.controllership else {
            return;
        };
        let decisions = controller.step(Event::Image(image), turn.clock);
        self.perform(decisions, turn);
    }

    fn perform(&mut self, decisions: Decisions, turn: &mut Turn<'_>) {
        let plan = Plan {
            states: decisions.states,
            reassigned: decisions.reassigned.into_iter().map(|it| it.1).collect(),
            remove: decisions.remove,
        };
        self.controller_is_busy = true;
        self.go_on(plan, turn);
    }

    /// Writes the next of what is left.
    pub(super) fn go_on(&mut self, mut plan: Plan, turn: &mut Turn<'_>) {
        if !plan.states.is_empty() {
            let parents: Vec<String> = writes::parents(&plan.states).into_iter().collect();
            let request = ZooKeeperRequest::Read(parents.clone());
            self.ask(Op::StatesParents { parents, plan }, request, turn);
        } else if let Some(replicas) = plan.reassigned.pop() {
            let request = ZooKeeperRequest::Read(vec![znodes::topic(TOPIC)]);
            self.ask(Op::ArrivedTopic { replicas, plan }, request, turn);
        } else if let Some(name) = plan.remove.pop() {
            let parents = vec![znodes::topic(&name), znodes::partitions(&name)];
            let request = ZooKeeperRequest::Children(parents);
            self.ask(Op::RemovalNames { name, plan }, request, turn);
        } else {
            self.controller_is_busy = false;
            if self.controller_looks_again {
                self.controller_turn(turn);
            }
        }
    }

    /// Something was not written: looks again soon.
    pub(super) fn give_up(&mut self, turn: &mut Turn<'_>) {
        self.controller_is_busy = false;
        turn.after(RETRY_PAUSE, Timer::Controller);
    }

    fn resign(&mut self, turn: &mut Turn<'_>) {
        turn.say(|| format!("broker {} is not the controller any more", self.own));
        self.controllership = None;
        self.give_up(turn);
    }

    pub(super) fn controller_answered(
        &mut self,
        op: Op,
        answer: ZooKeeperAnswer,
        turn: &mut Turn<'_>,
    ) {
        match (op, answer) {
            (Op::CampaignEpoch(image), ZooKeeperAnswer::Found(found)) => {
                if let Some(Some((data, stat))) = found.first() {
                    self.mirror.apply_controller_epoch(data, stat);
                }
                let writes = writes::campaign(self.own, &self.mirror.image()).to_vec();
                self.ask(Op::Campaign(image), ZooKeeperRequest::Multi(writes), turn);
            }
            (Op::Campaign(image), ZooKeeperAnswer::Written(results)) => {
                let (own, session) = (self.own, self.session.unwrap_or_default());
                self.mirror
                    .update(|image| writes::won(image, own, session, &results));
                self.stand_as_elected(&image, turn);
            }
            (Op::Campaign(image), ZooKeeperAnswer::NodeExists | ZooKeeperAnswer::BadVersion(_)) => {
                self.refresh([Znode::Controller].into(), AfterRead::Elected(image), turn);
            }
            (Op::StatesParents { parents, plan }, ZooKeeperAnswer::Found(found)) => {
                let parents = parents.into_iter().zip(found);
                let missing = parents.filter(|(_, found)| found.is_none());
                let missing = missing.map(|(path, _)| path).collect();
                self.write_states(missing, plan, turn);
            }
            (Op::States { .. }, ZooKeeperAnswer::BadVersion(path))
                if path == znodes::CONTROLLER_EPOCH =>
            {
                self.resign(turn);
            }
            (Op::States { multi, plan }, ZooKeeperAnswer::Written(results)) => {
                for write in &multi.states {
                    turn.say(|| {
                        let leader = write.leader.map_or(-1, |id| id.0);
                        format!(
                            "controller {}: {} leader {leader} epoch {} ISR {:?}: {}",
                            self.own,
                            write.at,
                            write.leader_epoch,
                            ids(&write.isr),
                            write.why
                        )
                    });
                }
                let (found, created) = multi.found(&results);
                self.mirror.apply(found);
                if created.is_empty() {
                    self.go_on(plan, turn);
                } else {
                    self.refresh(created, AfterRead::Plan(plan), turn);
                }
            }
            (
                Op::States { multi, plan },
                ZooKeeperAnswer::BadVersion(_)
                | ZooKeeperAnswer::NoNode
                | ZooKeeperAnswer::NodeExists,
            ) => {
                let states = multi.states.iter();
                let topics = states.map(|write| Znode::Topic(write.at.topic.clone()));
                let topics = topics.collect();
                self.refresh(topics, AfterRead::Topics(multi.states, plan), turn);
            }
            (op, answer) => self.went_on(op, answer, turn),
        }
    }

    /// What follows the states: moves that end, topics that go.
    fn went_on(&mut self, op: Op, answer: ZooKeeperAnswer, turn: &mut Turn<'_>) {
        match (op, answer) {
            (Op::ArrivedTopic { replicas, plan }, ZooKeeperAnswer::Found(found)) => {
                self.arrived(replicas, plan, &found, turn);
            }
            (Op::Arrived(plan), ZooKeeperAnswer::Written(_)) => {
                let changed = [Znode::Topic(TOPIC.into())];
                self.refresh(changed.into(), AfterRead::Plan(plan), turn);
            }
            (Op::RemovalNames { name, plan }, ZooKeeperAnswer::Children(mut names)) => {
                let partitions = names.pop().unwrap_or_default();
                let children = names.pop().unwrap_or_default();
                let paths = writes::removed(&name, &children, &partitions);
                let request = ZooKeeperRequest::Read(paths.clone());
                self.ask(Op::RemovalStats { name, paths, plan }, request, turn);
            }
            (Op::RemovalStats { name, paths, plan }, ZooKeeperAnswer::Found(found)) => {
                let Some((controllership, _)) = &self.controllership else {
                    self.give_up(turn);
                    return;
                };
                if found.last().is_none_or(Option::is_none) {
                    let changed = [Znode::Topic(name.clone()), Znode::DeleteTopic(name)];
                    self.refresh(changed.into(), AfterRead::Plan(plan), turn);
                    return;
                }
                let paths = paths.into_iter().zip(found);
                let existing = paths.filter(|(_, found)| found.is_some());
                let mut deletes = existing
                    .map(|(path, _)| ZnodeWrite::Delete { path })
                    .peekable();
                let multi = writes::checked_chunk(controllership, &mut deletes);
                self.ask(
                    Op::Removal { name, plan },
                    ZooKeeperRequest::Multi(multi),
                    turn,
                );
            }
            (Op::Removal { name, plan }, ZooKeeperAnswer::Written(_)) => {
                turn.say(|| format!("controller {}: topic {name} is removed", self.own));
                let changed = [Znode::Topic(name.clone()), Znode::DeleteTopic(name)];
                self.refresh(changed.into(), AfterRead::Plan(plan), turn);
            }
            (Op::Removal { .. }, ZooKeeperAnswer::BadVersion(_)) => self.resign(turn),
            _ => self.give_up(turn),
        }
    }

    /// The campaign is over, won or lost.
    pub(super) fn stand_as_elected(&mut self, image: &Arc<ClusterImage>, turn: &mut Turn<'_>) {
        self.controller_is_busy = false;
        self.take_or_give_up_controllership(turn);
        self.look_at(Arc::clone(image), turn);
    }

    fn write_states(
        &mut self,
        mut parents: std::collections::BTreeSet<String>,
        mut plan: Plan,
        turn: &mut Turn<'_>,
    ) {
        let Some((controllership, _)) = &self.controllership else {
            self.give_up(turn);
            return;
        };
        if self.session != Some(controllership.session) {
            self.resign(turn);
            return;
        }
        let mut states = std::mem::take(&mut plan.states).into_iter().peekable();
        let multi = StatesMulti::take(controllership, &mut states, &mut parents);
        plan.states = states.collect();
        let request = ZooKeeperRequest::Multi(multi.writes.clone());
        self.ask(Op::States { multi, plan }, request, turn);
    }

    /// Decides on a wish, if this broker is the controller and not in the middle of something.
    fn decide(&mut self, event: Event, turn: &mut Turn<'_>) {
        if self.controller_is_busy {
            return;
        }
        if let Some((_, controller)) = &mut self.controllership {
            let decisions = controller.step(event, turn.clock);
            self.perform(decisions, turn);
        }
    }

    pub(super) fn broker_stops(&mut self, broker: BrokerId, epoch: i64, turn: &mut Turn<'_>) {
        let event = Event::BrokerStops {
            broker,
            broker_epoch: epoch,
        };
        self.decide(event, turn);
    }

    pub(super) fn elect_preferred(&mut self, turn: &mut Turn<'_>) {
        let event = Event::ElectLeaders {
            election: Election::Preferred,
            partitions: None,
        };
        self.decide(event, turn);
    }

    /// As every broker may, controller or not.
    pub(super) fn create_topic(&mut self, id: Uuid, replicas: Vec<BrokerId>, turn: &mut Turn<'_>) {
        let image = self.mirror.image();
        if image.topics.contains_key(TOPIC) || image.deleting.contains(TOPIC) {
            return;
        }
        turn.say(|| {
            format!(
                "broker {} creates topic {TOPIC} with id {}",
                self.own,
                id.as_u128()
            )
        });
        let topic = NewTopic {
            name: TOPIC.into(),
            assignment: BTreeMap::from([(0, replicas)]),
            configs: BTreeMap::new(),
        };
        let mut writes = writes::new_topic(&topic, id, false);
        if let Some(controllership) = self.own_controllership() {
            writes.insert(0, controllership.check());
            writes.extend(writes::first_states(
                &controllership,
                TOPIC,
                &topic.assignment,
                &image.brokers,
            ));
        }
        let op = Op::Topic(Znode::Topic(TOPIC.into()));
        self.ask(op, ZooKeeperRequest::Multi(writes), turn);
    }

    pub(super) fn delete_topic(&mut self, turn: &mut Turn<'_>) {
        if !self.mirror.image().topics.contains_key(TOPIC) {
            return;
        }
        turn.say(|| format!("broker {} marks topic {TOPIC} for deletion", self.own));
        let mark = ZnodeWrite::Create {
            path: znodes::delete_topic(TOPIC),
            data: Vec::new(),
        };
        let op = Op::Topic(Znode::DeleteTopic(TOPIC.into()));
        self.ask(op, ZooKeeperRequest::Multi(vec![mark]), turn);
    }
}
