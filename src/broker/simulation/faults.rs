//! What goes wrong, when, and how it ends; and whether everything works again when it has.

use std::time::Duration;

use uuid::Uuid;

use super::{
    controller::partition,
    message::Message,
    process::Process,
    promises::{Healing, Violation},
    world::{Event, World},
};
use crate::replication::ReplicaLog;
use wire::BrokerId;

/// How long brokers have to come together, and then to take up the topic.
const PEACE: u64 = 45;

/// How long faults are made.
const TROUBLE: u64 = 420;

/// How long healing may take at most, far more than all timeouts together.
const HEALING: u64 = 1_500;

/// Runs one seed's world through trouble and healing.
pub(super) fn run(world: &mut World) -> Result<(), Violation> {
    world.run_until(PEACE)?;
    world.topic(true);
    world.run_until(PEACE * 2)?;
    world.after(0, Event::Fault);
    world.run_until(PEACE * 2 + TROUBLE)?;
    world.heals_within(HEALING)
}

impl World {
    pub(super) fn fault(&mut self, event: Event) {
        match event {
            Event::Fault => {
                if !self.is_healed {
                    self.something_goes_wrong();
                    let pause = self.chance.between(5, 50);
                    self.after(pause, Event::Fault);
                }
            }
            Event::Restart(id) => {
                if self.machine(id).process.is_none() {
                    self.start(id);
                }
            }
            Event::Thaw(id) => self.thaw(id),
            Event::ReachZooKeeper(id) => self.machine(id).reaches_zookeeper = true,
            Event::Reach(a, b) => drop(self.cuts.remove(&(a, b))),
            Event::ZooKeeperIsBack => self.zookeeper_is_back(),
            Event::Stop(id) => self.stop(id),
            other => unreachable!("{other:?} is no fault"),
        }
    }

    fn something_goes_wrong(&mut self) {
        let ids: Vec<BrokerId> = self.machines.iter().map(|machine| machine.id).collect();
        let Some(id) = self.chance.pick(&ids) else {
            return;
        };
        match self.chance.between(0, 99) {
            0..=22 => self.crash(id),
            23..=38 => self.freeze(id),
            39..=50 => self.break_connection(id),
            51..=60 => {
                self.machine(id).reaches_zookeeper = false;
                let length = self.chance.between(10, 90);
                self.say(|| format!("fault: broker {id} does not reach ZooKeeper for {length} ms"));
                self.break_connection(id);
                if let Some(session) = self.session_of(id) {
                    self.silence(session);
                }
                self.after(length, Event::ReachZooKeeper(id));
            }
            61..=76 => {
                let others: Vec<BrokerId> = ids.into_iter().filter(|it| *it != id).collect();
                let Some(other) = self.chance.pick(&others) else {
                    return;
                };
                let pair = (id.min(other), id.max(other));
                let length = self.chance.between(10, 90);
                self.say(|| {
                    format!(
                        "fault: brokers {} and {} are cut off from each other for {length} ms",
                        pair.0, pair.1
                    )
                });
                self.cuts.insert(pair);
                self.after(length, Event::Reach(pair.0, pair.1));
            }
            77..=80 => {
                let ahead = self.chance.between(10, 60);
                self.say(|| format!("fault: the clock of broker {id} jumps {ahead} ms ahead"));
                self.machine(id).clock_ahead += Duration::from_millis(ahead);
            }
            81..=84 => self.zookeeper_restarts(),
            85..=87 => {
                self.ask_controller(Message::ElectPreferred);
            }
            88..=91 => self.begin_stop(id),
            92..=95 => self.reassign(ids),
            _ => {
                let creates = self.current.is_none();
                self.topic(creates);
                if !creates {
                    // Made anew soon after, by whoever is asked.
                    let later = self.chance.between(2, 40);
                    self.create_after(later);
                }
            }
        }
    }

    /// Somebody creates the topic, or wishes it away.
    pub(super) fn topic(&mut self, creates: bool) {
        if creates {
            self.create_after(0);
            return;
        }
        self.ask_somebody(0, Message::DeleteTopic);
    }

    fn create_after(&mut self, ms: u64) {
        self.topics += 1;
        let id = Uuid::from_u128(self.topics.into());
        let mut replicas: Vec<BrokerId> = self.machines.iter().map(|it| it.id).collect();
        self.shuffle(&mut replicas);
        self.ask_somebody(ms, Message::CreateTopic { id, replicas });
    }

    /// Three of the brokers, in any order.
    fn shuffle(&mut self, ids: &mut Vec<BrokerId>) {
        for first in 0..ids.len() {
            let last = u64::try_from(ids.len() - 1).unwrap_or_default();
            let other = self.chance.between(0, last);
            ids.swap(first, usize::try_from(other).unwrap_or_default());
        }
        ids.truncate(3);
    }

    /// Somebody moves the partition, or calls its move off.
    fn reassign(&mut self, mut ids: Vec<BrokerId>) {
        let target = self.chance.percent(75).then(|| {
            self.shuffle(&mut ids);
            ids
        });
        self.ask_controller(Message::Reassign(target));
    }

    fn ask_somebody(&mut self, ms: u64, message: Message) {
        self.ask(ms, |process| process.serves, message);
    }

    fn ask_controller(&mut self, message: Message) {
        self.ask(1, |process| process.controllership.is_some(), message);
    }

    /// Sends a message to one of the brokers that may be asked, if there is any.
    fn ask(&mut self, ms: u64, may: fn(&Process) -> bool, message: Message) {
        let asked = self
            .machines
            .iter()
            .filter(|machine| machine.process.as_ref().is_some_and(may));
        let ids: Vec<BrokerId> = asked.map(|machine| machine.id).collect();
        if let Some(to) = self.chance.pick(&ids) {
            let incarnation = self.machine(to).incarnation;
            let event = Event::Message {
                to,
                incarnation,
                message,
            };
            self.after(ms, event);
        }
    }

    fn crash(&mut self, id: BrokerId) {
        let session = self.session_of(id);
        let Some(process) = self.machine(id).process.take() else {
            return;
        };
        let length = self.chance.between(3, 90);
        self.say(|| format!("fault: broker {id} crashes for {length} ms"));
        let machine = self.machine(id);
        machine.disk = process.crash();
        machine.is_frozen = false;
        machine.deferred.clear();
        if let Some(session) = session {
            self.silence(session);
        }
        self.ledger.unchecked = true;
        self.after(length, Event::Restart(id));
    }

    fn freeze(&mut self, id: BrokerId) {
        if self.machine(id).process.is_none() || self.machine(id).is_frozen {
            return;
        }
        let length = self.chance.between(5, 100);
        self.say(|| format!("fault: broker {id} is frozen for {length} ms"));
        self.machine(id).is_frozen = true;
        if let Some(session) = self.session_of(id) {
            self.silence(session);
        }
        self.after(length, Event::Thaw(id));
    }

    fn thaw(&mut self, id: BrokerId) {
        let machine = self.machine(id);
        if !machine.is_frozen {
            return;
        }
        machine.is_frozen = false;
        let deferred = std::mem::take(&mut machine.deferred);
        let reaches = machine.reaches_zookeeper;
        self.say(|| format!("broker {id} goes on"));
        let process = self.machine(id).process.as_ref();
        let connection = process.and_then(|it| it.connection);
        if let Some(session) = self.session_of(id)
            && let Some(session) = self.zookeeper.session(session)
            && reaches
            && session.connection == connection
        {
            session.silent_since = None;
        }
        for event in deferred {
            self.after(0, event);
        }
    }

    /// The connection to ZooKeeper breaks: what is under way to it may still arrive.
    fn break_connection(&mut self, id: BrokerId) {
        let machine = self.machine(id);
        let incarnation = machine.incarnation;
        let process = machine.process.as_ref();
        let Some(connection) = process.and_then(|process| process.connection) else {
            return;
        };
        self.say(|| format!("fault: the connection of broker {id} to ZooKeeper breaks"));
        let delay = self.chance.between(0, 3);
        let event = Event::Message {
            to: id,
            incarnation,
            message: Message::Disconnected(connection),
        };
        self.after(delay, event);
    }

    fn zookeeper_restarts(&mut self) {
        if !self.zookeeper_is_up {
            return;
        }
        let length = self.chance.between(5, 60);
        self.say(|| format!("fault: ZooKeeper is away for {length} ms"));
        self.zookeeper_is_up = false;
        let ids: Vec<BrokerId> = self.machines.iter().map(|machine| machine.id).collect();
        for id in ids {
            self.break_connection(id);
        }
        self.after(length, Event::ZooKeeperIsBack);
    }

    /// A restart of ZooKeeper gives every session its full timeout again.
    fn zookeeper_is_back(&mut self) {
        if self.zookeeper_is_up {
            return;
        }
        self.say(|| "ZooKeeper is back".into());
        self.zookeeper_is_up = true;
        for session in self.zookeeper.sessions() {
            self.silence(session);
        }
    }

    /// A clean stop: leadership is handed over first, and the session closed last.
    fn begin_stop(&mut self, id: BrokerId) {
        let process = self.machine(id).process.as_ref();
        let Some(broker_epoch) = process.map(|process| process.broker_epoch) else {
            return;
        };
        self.say(|| format!("broker {id} is asked to stop"));
        self.ask_controller(Message::Stops {
            broker: id,
            broker_epoch,
        });
        let later = self.chance.between(5, 40);
        self.after(later, Event::Stop(id));
    }

    fn stop(&mut self, id: BrokerId) {
        if self.machine(id).is_frozen {
            // It goes on with stopping when it goes on at all.
            self.after(10, Event::Stop(id));
            return;
        }
        let session = self.session_of(id);
        let Some(mut process) = self.machine(id).process.take() else {
            return;
        };
        self.say(|| format!("broker {id} stops"));
        for hosted in process.partitions.values_mut() {
            hosted.saved = hosted.replica.high_watermark();
        }
        self.machine(id).disk = process.crash();
        if let Some(session) = session
            && self.zookeeper_is_up
            && self.machine(id).reaches_zookeeper
            && self.zookeeper.session(session).is_some()
        {
            self.end_session(session);
        } else if let Some(session) = session {
            self.silence(session);
        }
        let later = self.chance.between(5, 60);
        self.after(later, Event::Restart(id));
    }

    fn session_of(&mut self, id: BrokerId) -> Option<i64> {
        self.machine(id).process.as_ref()?.session
    }
}

impl Healing for World {
    fn now(&self) -> u64 {
        self.now
    }

    fn run_until(&mut self, until: u64) -> Result<(), Violation> {
        World::run_until(self, until)
    }

    fn heal(&mut self) {
        self.say(|| "everything is healed".into());
        self.is_healed = true;
        self.cuts.clear();
        self.zookeeper_is_back();
        let ids: Vec<BrokerId> = self.machines.iter().map(|machine| machine.id).collect();
        for id in ids {
            self.machine(id).reaches_zookeeper = true;
            self.thaw(id);
            self.fault(Event::Restart(id));
        }
    }

    fn what_is_wrong(&self) -> Option<String> {
        let idle = self.machines.iter().find(|machine| {
            let process = machine.process.as_ref();
            process.is_none_or(|process| !process.serves)
        });
        if let Some(machine) = idle {
            return Some(format!("broker {} does not serve", machine.id));
        }
        let (topic, state) = self.current.as_ref()?;
        let at = partition();
        let Some(state) = state else {
            return Some(format!("{at} has no state"));
        };
        let replicas = topic.replicas(at.partition)?;
        if !replicas.adding.is_empty() || !replicas.removing.is_empty() {
            return Some(format!("{at} is still moving: {replicas:?}"));
        }
        if state.leader.0 < 0 || state.isr.len() < 3 {
            return Some(format!("{at} is in state {state:?}"));
        }
        let mut ends = Vec::new();
        for machine in &self.machines {
            let process = machine.process.as_ref()?;
            if !replicas.all.contains(&machine.id) {
                if process.partitions.contains_key(&at) {
                    return Some(format!("broker {} still has a log of {at}", machine.id));
                }
                continue;
            }
            let Some(hosted) = process.partitions.get(&at) else {
                return Some(format!("broker {} has no log of {at}", machine.id));
            };
            if hosted.topic_id != topic.topic_id {
                return Some(format!(
                    "broker {} has the log of an older {at}",
                    machine.id
                ));
            }
            let role = hosted.replica.current_leader();
            if role.leader != Some(state.leader) || role.epoch.0 != state.leader_epoch {
                return Some(format!(
                    "broker {} sees {role:?} of {at}, not {state:?}",
                    machine.id
                ));
            }
            ends.push((
                hosted.replica.log.log_end_offset(),
                hosted.replica.high_watermark(),
            ));
        }
        let first = ends.first().copied()?;
        if ends.iter().any(|end| *end != first || end.0 != end.1) {
            return Some(format!("log ends and high watermarks of {at} are {ends:?}"));
        }
        let waits = self.clients.iter().find(|client| client.is_producing());
        waits.map(|client| format!("client {} waits for an acknowledgement", client.index))
    }
}
