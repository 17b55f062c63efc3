//! Everything together on simulated time: the queue of what comes next, and where it goes.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use uuid::Uuid;

use super::{
    chance::Chance,
    clients::{CLIENT_TIMEOUT, Client},
    controller::partition,
    ledger::Ledger,
    log::MemoryLog,
    message::{Answer, Message, Out, Turn, ZooKeeperRequest},
    process::{Disk, Process},
    promises::{Invariant, Violation},
    queue::Queue,
    transcript::Transcript,
    zookeeper::ZooKeeper,
};
use crate::{
    registry::znodes::{StateJson, TopicJson},
    replication::ReplicaLog,
};
use wire::BrokerId;

/// Two producers and two consumers.
const CLIENTS: usize = 4;

/// A cluster and its surroundings.
pub(super) struct World {
    pub(super) chance: Chance,
    /// Milliseconds since the beginning.
    pub(super) now: u64,
    begun: Instant,
    queue: Queue<Event>,
    pub(super) machines: Vec<Machine>,
    pub(super) zookeeper: ZooKeeper,
    pub(super) zookeeper_is_up: bool,
    /// Pairs of brokers that do not reach each other.
    pub(super) cuts: BTreeSet<(BrokerId, BrokerId)>,
    pub(super) clients: Vec<Client>,
    pub(super) ledger: Ledger,
    pub(super) transcript: Transcript,
    /// No more faults, and nothing is lost any more.
    pub(super) is_healed: bool,
    pub(super) topics: u64,
    /// The topic and its state as the znodes have it now.
    pub(super) current: Option<(TopicJson, Option<StateJson>)>,
    out: Vec<Out>,
}

/// A broker's machine.
pub(super) struct Machine {
    pub(super) id: BrokerId,
    pub(super) process: Option<Process>,
    /// The disk of a broker that is down.
    pub(super) disk: Disk,
    pub(super) incarnation: u64,
    pub(super) is_frozen: bool,
    /// What came while it was frozen.
    pub(super) deferred: Vec<Event>,
    /// How far its clock jumped ahead.
    pub(super) clock_ahead: Duration,
    pub(super) reaches_zookeeper: bool,
    /// When the last message to and from ZooKeeper arrives: connections keep their order.
    pub(super) fifo: [u64; 2],
}

/// What happens next.
#[derive(Debug)]
pub(super) enum Event {
    Message {
        to: BrokerId,
        incarnation: u64,
        message: Message,
    },
    ToZooKeeper {
        from: BrokerId,
        session: i64,
        connection: u64,
        op: u64,
        request: ZooKeeperRequest,
    },
    Connect {
        from: BrokerId,
        incarnation: u64,
        session: Option<i64>,
    },
    ToClient(usize, Answer),
    Client(usize),
    ClientTimeout(usize, u64),
    Expire {
        session: i64,
        since: u64,
    },
    Fault,
    Restart(BrokerId),
    Thaw(BrokerId),
    ReachZooKeeper(BrokerId),
    Reach(BrokerId, BrokerId),
    ZooKeeperIsBack,
    Stop(BrokerId),
}

impl World {
    pub(super) fn new(seed: u64, brokers: i32, transcript: Transcript) -> Self {
        let machines = (1..=brokers).map(|id| Machine {
            id: BrokerId(id),
            process: None,
            disk: Disk::default(),
            incarnation: 0,
            is_frozen: false,
            deferred: Vec::new(),
            clock_ahead: Duration::ZERO,
            reaches_zookeeper: true,
            fifo: [0; 2],
        });
        let mut world = Self {
            chance: Chance::new(seed),
            now: 0,
            begun: Instant::now(),
            queue: Queue::new(),
            machines: machines.collect(),
            zookeeper: ZooKeeper::new(),
            zookeeper_is_up: true,
            cuts: BTreeSet::new(),
            clients: (0..CLIENTS).map(Client::new).collect(),
            ledger: Ledger::default(),
            transcript,
            is_healed: false,
            topics: 0,
            current: None,
            out: Vec::new(),
        };
        for id in 1..=brokers {
            world.after(0, Event::Restart(BrokerId(id)));
        }
        for client in 0..CLIENTS {
            world.after(30, Event::Client(client));
        }
        world
    }

    pub(super) fn after(&mut self, ms: u64, event: Event) {
        self.queue.put(self.now + ms, event);
    }

    pub(super) fn say(&mut self, line: impl FnOnce() -> String) {
        self.transcript.say(self.now, line);
    }

    pub(super) fn machine(&mut self, id: BrokerId) -> &mut Machine {
        let index = usize::try_from(id.0 - 1).expect("brokers count from 1");
        self.machines.get_mut(index).expect("it is in the cluster")
    }

    /// Lets everything happen that is due until `until`, or until a promise is broken.
    pub(super) fn run_until(&mut self, until: u64) -> Result<(), Violation> {
        while let Some((at, event)) = self.queue.take(until) {
            self.now = at;
            self.happen(event);
            if self.ledger.unchecked {
                self.ledger.unchecked = false;
                self.check_isr();
            }
            self.ledger.verdict.so_far()?;
        }
        self.now = until;
        Ok(())
    }

    fn happen(&mut self, event: Event) {
        let frozen = match &event {
            Event::Message { to, .. } => Some(*to),
            Event::Connect { from, .. } => Some(*from),
            _ => None,
        };
        if let Some(id) = frozen
            && self.machine(id).is_frozen
        {
            self.machine(id).deferred.push(event);
            return;
        }
        match event {
            Event::Message {
                to,
                incarnation,
                message,
            } => self.deliver(to, incarnation, message),
            Event::ToZooKeeper {
                from,
                session,
                connection,
                op,
                request,
            } => self.serve_zookeeper(from, (session, connection), op, request),
            Event::Connect {
                from,
                incarnation,
                session,
            } => self.connect(from, incarnation, session),
            Event::ToClient(client, answer) => self.answer_client(client, answer),
            Event::Client(client) => self.client_turn(client),
            Event::ClientTimeout(client, number) => {
                if self
                    .clients
                    .get_mut(client)
                    .is_some_and(|it| it.time_out(number))
                {
                    self.after(1, Event::Client(client));
                }
            }
            Event::Expire { session, since } => self.expire(session, since),
            fault => self.fault(fault),
        }
    }

    pub(super) fn deliver(&mut self, to: BrokerId, incarnation: u64, message: Message) {
        let begun = self.begun;
        let mut out = std::mem::take(&mut self.out);
        let (now, clock) = (self.now, begun + Duration::from_millis(self.now));
        let index = usize::try_from(to.0 - 1).expect("brokers count from 1");
        let Some(machine) = self.machines.get_mut(index) else {
            return;
        };
        let clock = clock + machine.clock_ahead;
        if let Some(process) = &mut machine.process
            && process.incarnation == incarnation
        {
            let mut turn = Turn {
                now,
                clock,
                chance: &mut self.chance,
                out: &mut out,
                ledger: &mut self.ledger,
                transcript: &mut self.transcript,
            };
            process.step(message, &mut turn);
        }
        self.route(to, &mut out);
        self.out = out;
    }

    pub(super) fn start(&mut self, id: BrokerId) {
        let (now, begun) = (self.now, self.begun);
        let mut out = std::mem::take(&mut self.out);
        let mut turn = Turn {
            now,
            clock: begun + Duration::from_millis(now),
            chance: &mut self.chance,
            out: &mut out,
            ledger: &mut self.ledger,
            transcript: &mut self.transcript,
        };
        let index = usize::try_from(id.0 - 1).expect("brokers count from 1");
        if let Some(machine) = self.machines.get_mut(index) {
            machine.incarnation += 1;
            let disk = std::mem::take(&mut machine.disk);
            machine.process = Some(Process::start(id, machine.incarnation, disk, &mut turn));
        }
        self.route(id, &mut out);
        self.out = out;
    }

    fn client_turn(&mut self, client: usize) {
        let images = self.machines.iter().filter_map(|it| it.process.as_ref());
        let images: Vec<usize> = images
            .filter(|it| it.serves)
            .map(|it| usize::try_from(it.own.0 - 1).unwrap_or_default())
            .collect();
        let asked = self.chance.pick(&images).and_then(|index| {
            let process = self.machines.get(index)?.process.as_ref()?;
            let image = process.mirror.image();
            let client = self.clients.get_mut(client)?;
            client.ask(&image, !self.is_healed, &mut self.chance)
        });
        let Some((to, request)) = asked else {
            let pause = self.chance.between(3, 8);
            self.after(pause, Event::Client(client));
            return;
        };
        self.after(CLIENT_TIMEOUT, Event::ClientTimeout(client, request.number));
        let machine = self.machine(to);
        let (incarnation, runs) = (machine.incarnation, machine.process.is_some());
        if runs && !self.is_lost(2) {
            let delay = self.delay();
            let event = Event::Message {
                to,
                incarnation,
                message: Message::Client(request),
            };
            self.after(delay, event);
        }
    }

    fn answer_client(&mut self, client: usize, answer: Answer) {
        let Some(asking) = self.clients.get_mut(client) else {
            return;
        };
        if asking.take(answer, &mut self.ledger) {
            let pause = self.chance.between(1, 6);
            self.after(pause, Event::Client(client));
        }
    }

    /// Whoever may be elected has everything that was ever committed.
    fn check_isr(&mut self) {
        let Some((topic, Some(state))) = &self.current else {
            return;
        };
        let topic_id = &topic.topic_id;
        let at = partition();
        let (end, last) = self.ledger.last_committed(*topic_id, at.partition);
        if last.is_none() {
            return;
        }
        let replicas = topic.partitions.get(&at.partition);
        let may_lead = |id: &&BrokerId| replicas.is_some_and(|replicas| replicas.contains(id));
        for id in state.isr.iter().filter(may_lead) {
            let log = self
                .machines
                .iter()
                .find(|machine| machine.id == *id)
                .and_then(|machine| machine.log(*topic_id));
            let found = log.and_then(|log| log.get(wire::Offset(end.0 - 1)));
            if found == last {
                continue;
            }
            let log_end = log.map(ReplicaLog::log_end_offset).unwrap_or_default();
            let (epoch, isr) = (state.leader_epoch, super::registry::ids(&state.isr));
            self.ledger.verdict.violated(Invariant::AcknowledgedRecordsStay, || {
                format!(
                    "broker {id} is in the ISR {isr:?} of epoch {epoch} and its log ends at {log_end} with another history, while {at} is committed up to {end}"
                )
            });
            return;
        }
    }
}

impl Machine {
    /// The broker's log of the topic, whether it runs or not.
    pub(super) fn log(&self, topic_id: Uuid) -> Option<&MemoryLog> {
        let at = partition();
        let hosted = self.process.as_ref().and_then(|it| it.partitions.get(&at));
        if let Some(hosted) = hosted.filter(|hosted| hosted.topic_id == topic_id) {
            return Some(&hosted.replica.log);
        }
        let disk = self.process.as_ref().map_or(&self.disk, |it| &it.disk);
        let stored = disk.logs.get(&at);
        let stored = stored.filter(|stored| stored.topic_id == topic_id);
        stored.map(|stored| &stored.log)
    }
}
