//! A process and ZooKeeper: registering, reading everything, following watches, writing the ISR.

use std::{collections::BTreeSet, sync::Arc};

use uuid::Uuid;

use super::{
    message::{Out, Timer, Turn, ZooKeeperAnswer, ZooKeeperRequest},
    process::Process,
};
use crate::{
    controller::{StateWrite, assignment::Replicas},
    image::{ClusterImage, PartitionImage},
    registry::{
        mirror::{Found, Listing},
        plan::Reads,
        writes::{self, Registering, StatesMulti},
        znodes::{self, BrokerJson, StateJson, Znode},
    },
    replication::{IsrWrite, WriteOutcome},
};
use wire::{BrokerId, TopicPartition};

/// What goes on when ZooKeeper answers.
#[derive(Debug)]
pub(super) enum Op {
    RegisterStats,
    Register,
    List {
        epoch: i64,
    },
    ReadFirst {
        epoch: i64,
        listing: Listing,
        first: Vec<Znode>,
    },
    ReadSecond {
        epoch: i64,
        second: Vec<Znode>,
    },
    Changed {
        reads: Reads,
        first: Vec<Znode>,
        before: Arc<ClusterImage>,
        then: AfterRead,
    },
    ChangedSecond {
        second: Vec<Znode>,
        then: AfterRead,
    },
    CampaignEpoch(Arc<ClusterImage>),
    Campaign(Arc<ClusterImage>),
    StatesParents {
        parents: Vec<String>,
        plan: Plan,
    },
    States {
        multi: StatesMulti,
        plan: Plan,
    },
    RemovalNames {
        name: String,
        plan: Plan,
    },
    RemovalStats {
        name: String,
        paths: Vec<String>,
        plan: Plan,
    },
    Removal {
        name: String,
        plan: Plan,
    },
    ArrivedTopic {
        replicas: Vec<BrokerId>,
        plan: Plan,
    },
    Arrived(Plan),
    Isr(Box<PendingIsr>),
    Topic(Znode),
    /// The topic is read to be given other replicas than these.
    Reassign(Replicas, Replicas),
}

/// Who waits for znodes to be read.
#[derive(Debug)]
pub(super) enum AfterRead {
    Registry,
    Elected(Arc<ClusterImage>),
    Topics(Vec<StateWrite>, Plan),
    Plan(Plan),
    Isr(Box<PendingIsr>),
    Nothing,
}

/// What the controller still has to write.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) states: Vec<StateWrite>,
    pub(super) reassigned: Vec<Vec<BrokerId>>,
    pub(super) remove: Vec<String>,
}

/// An ISR write on its way.
#[derive(Debug, Clone)]
pub(super) struct PendingIsr {
    at: TopicPartition,
    topic_id: Uuid,
    write: IsrWrite,
    expected: PartitionImage,
    state: StateJson,
}

impl Process {
    pub(super) fn connected(&mut self, session: i64, connection: u64, turn: &mut Turn<'_>) {
        turn.say(|| {
            format!(
                "broker {} is connected to ZooKeeper, session {session}",
                self.own
            )
        });
        self.lose_connection(turn);
        if self.session != Some(session) {
            self.broker_epoch = -1;
        }
        self.session = Some(session);
        self.connection = Some(connection);
        self.registry_is_busy = true;
        for (at, write) in std::mem::take(&mut self.unknown) {
            self.write_isr(&at, write, turn);
        }
        self.register(turn);
        turn.after(1, Timer::Controller);
    }

    pub(super) fn disconnected(&mut self, connection: u64, turn: &mut Turn<'_>) {
        if self.connection != Some(connection) {
            return;
        }
        turn.say(|| format!("broker {} lost its connection to ZooKeeper", self.own));
        self.lose_connection(turn);
        turn.out.push(Out::Connect(self.session));
    }

    fn lose_connection(&mut self, turn: &mut Turn<'_>) {
        self.connection = None;
        self.registry_is_busy = false;
        for (_, op) in std::mem::take(&mut self.ops) {
            self.answered(op, ZooKeeperAnswer::Lost, turn);
        }
    }

    /// Looks whether this broker is registered, by whom, and whether it still is the controller of an earlier life.
    pub(super) fn register(&mut self, turn: &mut Turn<'_>) {
        let paths = vec![znodes::broker(self.own), znodes::CONTROLLER.to_owned()];
        self.ask(Op::RegisterStats, ZooKeeperRequest::Read(paths), turn);
    }

    /// Reads what the watches named.
    pub(super) fn follow_watches(&mut self, turn: &mut Turn<'_>) {
        if self.registry_is_busy || self.dirty.is_empty() || self.connection.is_none() {
            return;
        }
        self.registry_is_busy = true;
        let changed = std::mem::take(&mut self.dirty);
        self.refresh(changed, AfterRead::Registry, turn);
    }

    pub(super) fn refresh(
        &mut self,
        changed: BTreeSet<Znode>,
        then: AfterRead,
        turn: &mut Turn<'_>,
    ) {
        let before = self.mirror.image();
        let mut reads = Reads::of(changed, &before);
        let first = std::mem::take(&mut reads.first);
        let request = ZooKeeperRequest::Read(first.iter().map(Znode::path).collect());
        let op = Op::Changed {
            reads,
            first,
            before,
            then,
        };
        self.ask(op, request, turn);
    }

    /// Goes on with what waited for ZooKeeper.
    pub(super) fn answered(&mut self, op: Op, answer: ZooKeeperAnswer, turn: &mut Turn<'_>) {
        match (op, answer) {
            (Op::RegisterStats, ZooKeeperAnswer::Found(found)) => self.register_by(&found, turn),
            (Op::Register, ZooKeeperAnswer::Written(results)) => {
                self.disk.sessions = self.session.into_iter().collect();
                let written = results.last().copied().flatten();
                let epoch = written.expect("a set tells its stat").czxid;
                turn.say(|| format!("broker {} is registered, epoch {epoch}", self.own));
                self.list(epoch, turn);
            }
            (Op::Register, ZooKeeperAnswer::NodeExists | ZooKeeperAnswer::NoNode) => {
                self.register(turn);
            }
            (Op::List { epoch }, ZooKeeperAnswer::Children(mut names)) => {
                let mut next = || names.pop().unwrap_or_default();
                let (deleting, broker_configs, topic_configs, topics, brokers) =
                    (next(), next(), next(), next(), next());
                let listing =
                    Listing::of(&brokers, topics, topic_configs, &broker_configs, deleting);
                let first = listing.first();
                let mut paths: Vec<String> = first.iter().map(Znode::path).collect();
                paths.push(znodes::CONTROLLER_EPOCH.to_owned());
                let op = Op::ReadFirst {
                    epoch,
                    listing,
                    first,
                };
                self.ask(op, ZooKeeperRequest::Read(paths), turn);
            }
            (
                Op::ReadFirst {
                    epoch,
                    mut listing,
                    first,
                },
                ZooKeeperAnswer::Found(mut found),
            ) => {
                if let Some(Some((data, stat))) = found.pop() {
                    self.mirror.apply_controller_epoch(&data, &stat);
                }
                let found: Vec<(Znode, Found)> = first.into_iter().zip(found).collect();
                listing.saw(&found);
                self.mirror.retain(&listing);
                let image = self.mirror.draft(found);
                let second = listing.second(&image);
                let request = ZooKeeperRequest::Read(second.iter().map(Znode::path).collect());
                self.ask(Op::ReadSecond { epoch, second }, request, turn);
            }
            (Op::ReadSecond { epoch, second }, ZooKeeperAnswer::Found(found)) => {
                self.mirror.apply(second.into_iter().zip(found));
                self.broker_epoch = epoch;
                self.registry_is_busy = false;
                if !self.serves {
                    self.serves = true;
                    Self::image_changed(turn);
                }
                turn.after(0, Timer::Controller);
                self.follow_watches(turn);
            }
            (
                Op::Changed {
                    reads,
                    first,
                    before,
                    then,
                },
                ZooKeeperAnswer::Found(found),
            ) => {
                let after = self.mirror.draft(first.into_iter().zip(found));
                let second = reads.second(&before, &after);
                if second.is_empty() {
                    self.mirror.apply([]);
                    self.was_read(then, turn);
                    return;
                }
                let request = ZooKeeperRequest::Read(second.iter().map(Znode::path).collect());
                self.ask(Op::ChangedSecond { second, then }, request, turn);
            }
            (Op::ChangedSecond { second, then }, ZooKeeperAnswer::Found(found)) => {
                self.mirror.apply(second.into_iter().zip(found));
                self.was_read(then, turn);
            }
            (Op::Changed { then, .. } | Op::ChangedSecond { then, .. }, _) => {
                self.was_not_read(then, turn);
            }
            (Op::Isr(write), answer) => self.isr_answered(write, answer, turn),
            (Op::Reassign(before, after), ZooKeeperAnswer::Found(found)) => {
                self.write_replicas(&before, after, &found, turn);
            }
            (Op::Reassign(..), _) => {}
            (Op::Topic(znode), _) => self.refresh([znode].into(), AfterRead::Nothing, turn),
            (
                Op::RegisterStats
                | Op::Register
                | Op::List { .. }
                | Op::ReadFirst { .. }
                | Op::ReadSecond { .. },
                _,
            ) => self.registry_is_busy = false,
            (op, answer) => self.controller_answered(op, answer, turn),
        }
    }

    fn was_read(&mut self, then: AfterRead, turn: &mut Turn<'_>) {
        match then {
            AfterRead::Registry => {
                self.registry_is_busy = false;
                self.follow_watches(turn);
            }
            AfterRead::Elected(image) => self.stand_as_elected(&image, turn),
            AfterRead::Topics(states, plan) => {
                let states = states.into_iter().map(|write| Znode::State(write.at));
                self.refresh(states.collect(), AfterRead::Plan(plan), turn);
            }
            AfterRead::Plan(plan) => self.go_on(plan, turn),
            AfterRead::Isr(write) => {
                let image = self.mirror.image();
                let now = image.partition_of(&write.at, write.topic_id);
                let outcome = match now {
                    Some(now) if writes::is_written(&write.expected, &write.state.isr, now) => {
                        WriteOutcome::Written {
                            version: now.version,
                        }
                    }
                    Some(now) if writes::is_untouched(&write.expected, now) => {
                        WriteOutcome::NotWritten
                    }
                    _ => WriteOutcome::Superseded,
                };
                self.isr_decided(&write, outcome);
            }
            AfterRead::Nothing => {}
        }
    }

    /// The connection broke while somebody waited.
    fn was_not_read(&mut self, then: AfterRead, turn: &mut Turn<'_>) {
        match then {
            AfterRead::Registry => self.registry_is_busy = false,
            AfterRead::Elected(_) | AfterRead::Topics(..) | AfterRead::Plan(_) => {
                self.give_up(turn);
            }
            AfterRead::Isr(write) => self.isr_answered(write, ZooKeeperAnswer::Lost, turn),
            AfterRead::Nothing => {}
        }
    }

    fn register_by(&mut self, found: &[Found], turn: &mut Turn<'_>) {
        let stat = |index: usize| found.get(index)?.as_ref().map(|(_, stat)| stat);
        let session = self.session.expect("it is connected");
        let data = znodes::write(&BrokerJson::new("host", 9092, None));
        let sessions = &self.disk.sessions;
        match writes::register(self.own, &data, session, sessions, stat(0), stat(1)) {
            Registering::Done(epoch) => self.list(epoch, turn),
            Registering::Taken(_) => turn.after(10, Timer::Register),
            Registering::Write(writes) => {
                self.disk.sessions.push(session);
                self.ask(Op::Register, ZooKeeperRequest::Multi(writes), turn);
            }
        }
    }

    fn list(&mut self, epoch: i64, turn: &mut Turn<'_>) {
        let paths = vec![
            znodes::BROKER_IDS,
            znodes::TOPICS,
            znodes::TOPIC_CONFIGS,
            znodes::BROKER_CONFIGS,
            znodes::DELETE_TOPICS,
        ];
        let paths = paths.into_iter().map(ToOwned::to_owned).collect();
        self.ask(Op::List { epoch }, ZooKeeperRequest::Children(paths), turn);
    }

    /// As `isr_writer` does.
    pub(super) fn write_isr(&mut self, at: &TopicPartition, write: IsrWrite, turn: &mut Turn<'_>) {
        let hosted = self.partitions.get(at);
        let hosted = hosted.filter(|hosted| hosted.replica.awaits(&write));
        let Some(topic_id) = hosted.map(|hosted| hosted.topic_id) else {
            return;
        };
        let image = self.mirror.image();
        let Some((topic, expected)) = write.decided_on(&image, at, topic_id, self.own) else {
            self.decide_isr(at, topic_id, &write, WriteOutcome::Superseded);
            return;
        };
        if !writes::only_replicas_enter(expected, &write.isr) {
            self.decide_isr(at, topic_id, &write, WriteOutcome::NotWritten);
            return;
        }
        let Some(state) = writes::isr_state(expected, write.isr.clone()) else {
            self.decide_isr(at, topic_id, &write, WriteOutcome::Superseded);
            return;
        };
        turn.say(|| {
            format!(
                "broker {}: {at} shall have ISR {:?} at version {}: {}",
                self.own,
                ids(&write.isr),
                write.version,
                write.why
            )
        });
        let data = znodes::write(&state);
        let writes = writes::isr(at, topic_id, topic.version, data, expected.version).to_vec();
        let pending = Box::new(PendingIsr {
            at: at.clone(),
            topic_id,
            write,
            expected: expected.clone(),
            state,
        });
        self.ask(Op::Isr(pending), ZooKeeperRequest::Multi(writes), turn);
    }

    fn isr_answered(
        &mut self,
        write: Box<PendingIsr>,
        answer: ZooKeeperAnswer,
        turn: &mut Turn<'_>,
    ) {
        match answer {
            ZooKeeperAnswer::Written(results) => {
                let stat = results.last().copied().flatten();
                let stat = stat.expect("a set tells its stat");
                let found = (znodes::write(&write.state), stat);
                let znode = Znode::State(write.at.clone());
                self.mirror.apply([(znode, Some(found))]);
                let version = stat.version;
                self.isr_decided(&write, WriteOutcome::Written { version });
            }
            // Whether it was written is not known until ZooKeeper is back.
            ZooKeeperAnswer::Lost => self.unknown.push((write.at, write.write)),
            _ => self.look_after_isr(write, turn),
        }
    }

    /// What is there now tells what became of the write.
    fn look_after_isr(&mut self, write: Box<PendingIsr>, turn: &mut Turn<'_>) {
        let topic = Znode::Topic(write.at.topic.clone());
        let state = Znode::State(write.at.clone());
        self.refresh([topic, state].into(), AfterRead::Isr(write), turn);
    }

    fn isr_decided(&mut self, write: &PendingIsr, outcome: WriteOutcome) {
        self.decide_isr(&write.at, write.topic_id, &write.write, outcome);
    }

    fn decide_isr(
        &mut self,
        at: &TopicPartition,
        topic_id: Uuid,
        write: &IsrWrite,
        outcome: WriteOutcome,
    ) {
        let hosted = self.partitions.get_mut(at);
        if let Some(hosted) = hosted.filter(|hosted| hosted.topic_id == topic_id) {
            hosted.replica.written(write, outcome);
        }
    }
}

/// Ids without their type's name.
pub(super) fn ids(isr: &[BrokerId]) -> Vec<i32> {
    isr.iter().map(|id| id.0).collect()
}
