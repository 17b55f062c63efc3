//! Everything together on simulated time: the queue of what comes next, and where it goes.

use std::{
    cmp::Ordering,
    collections::{BTreeSet, BinaryHeap},
    time::{Duration, Instant},
};

use uuid::Uuid;

use super::{
    chance::Chance,
    clients::{CLIENT_TIMEOUT, Client},
    controller::partition,
    ledger::{Invariant, Ledger, Violation},
    log::MemoryLog,
    message::{Answer, Message, Out, Turn, ZooKeeperAnswer, ZooKeeperRequest},
    process::{Disk, Process},
    transcript::Transcript,
    zookeeper::ZooKeeper,
};
use crate::{
    broker::{
        registry::znodes::{self, StateJson, TopicJson},
        replication::ReplicaLog,
    },
    wire::BrokerId,
};

/// `zookeeper.session.timeout.ms`.
pub(super) const SESSION_TIMEOUT: u64 = 40;

/// Two producers and two consumers.
const CLIENTS: usize = 4;

/// A cluster and its surroundings.
pub(super) struct World {
    pub(super) chance: Chance,
    /// Milliseconds since the beginning.
    pub(super) now: u64,
    begun: Instant,
    queue: BinaryHeap<Scheduled>,
    scheduled: u64,
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
    pub(super) current: Option<(Uuid, Option<StateJson>)>,
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
    fifo: [u64; 2],
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

struct Scheduled {
    at: u64,
    number: u64,
    event: Event,
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
            queue: BinaryHeap::new(),
            scheduled: 0,
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
        self.scheduled += 1;
        self.queue.push(Scheduled {
            at: self.now + ms,
            number: self.scheduled,
            event,
        });
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
        while self.queue.peek().is_some_and(|next| next.at <= until) {
            let Some(next) = self.queue.pop() else { break };
            self.now = next.at;
            self.happen(next.event);
            if self.ledger.unchecked {
                self.ledger.unchecked = false;
                self.check_isr();
            }
            if let Some(violation) = self.ledger.violation() {
                return Err(violation.clone());
            }
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

    /// Sends what a process wants sent.
    fn route(&mut self, from: BrokerId, out: &mut Vec<Out>) {
        for out in out.drain(..) {
            let incarnation = self.machine(from).incarnation;
            match out {
                Out::Broker(to, message) => self.send(from, to, message),
                Out::Client(client, answer) => {
                    if !self.is_lost(2) {
                        let delay = self.delay();
                        self.after(delay, Event::ToClient(client, answer));
                    }
                }
                Out::ZooKeeper { op, request } => {
                    let process = self.machine(from).process.as_ref();
                    let Some((session, connection)) =
                        process.and_then(|it| Some((it.session?, it.connection?)))
                    else {
                        continue;
                    };
                    let event = Event::ToZooKeeper {
                        from,
                        session,
                        connection,
                        op,
                        request,
                    };
                    self.in_order(from, 0, event);
                }
                Out::Connect(session) => {
                    let delay = self.delay();
                    let event = Event::Connect {
                        from,
                        incarnation,
                        session,
                    };
                    self.after(delay, event);
                }
                Out::After(ms, timer) => {
                    let message = Message::Timer(timer);
                    let event = Event::Message {
                        to: from,
                        incarnation,
                        message,
                    };
                    self.after(ms, event);
                }
            }
        }
    }

    fn send(&mut self, from: BrokerId, to: BrokerId, message: Message) {
        let is_cut = self.cuts.contains(&(from.min(to), from.max(to)));
        let incarnation = self.machine(to).incarnation;
        if is_cut || self.machine(to).process.is_none() || self.is_lost(2) {
            return;
        }
        let delay = self.delay();
        let event = Event::Message {
            to,
            incarnation,
            message,
        };
        self.after(delay, event);
    }

    /// A message to (0) or from (1) ZooKeeper, which never overtakes another.
    fn in_order(&mut self, broker: BrokerId, direction: usize, event: Event) {
        let delay = self.delay();
        let now = self.now;
        let Some(last) = self.machine(broker).fifo.get_mut(direction) else {
            return;
        };
        *last = (*last).max(now + delay);
        let ms = *last - now;
        self.after(ms, event);
    }

    fn from_zookeeper(&mut self, to: BrokerId, message: Message) {
        let incarnation = self.machine(to).incarnation;
        let event = Event::Message {
            to,
            incarnation,
            message,
        };
        self.in_order(to, 1, event);
    }

    fn serve_zookeeper(
        &mut self,
        from: BrokerId,
        (session, connection): (i64, u64),
        op: u64,
        request: ZooKeeperRequest,
    ) {
        if !self.zookeeper_is_up || !self.machine(from).reaches_zookeeper {
            // Nobody answers, which is noticed after a while.
            let incarnation = self.machine(from).incarnation;
            let event = Event::Message {
                to: from,
                incarnation,
                message: Message::Disconnected(connection),
            };
            self.after(SESSION_TIMEOUT / 3, event);
            return;
        }
        let served = self.zookeeper.session(session);
        if served.is_none_or(|it| it.connection != Some(connection)) {
            self.from_zookeeper(from, Message::Disconnected(connection));
            return;
        }
        let answer = match request {
            ZooKeeperRequest::Read(paths) => {
                let found = paths.iter().map(|path| self.zookeeper.read(path));
                ZooKeeperAnswer::Found(found.collect())
            }
            ZooKeeperRequest::Children(paths) => {
                let names = paths.iter().map(|path| self.zookeeper.children(path));
                ZooKeeperAnswer::Children(names.collect())
            }
            ZooKeeperRequest::Multi(writes) => {
                let written = self.zookeeper.multi(session, &writes);
                if written.is_ok() {
                    let paths = writes.iter().map(|write| write.path().to_owned());
                    self.changed(paths.collect());
                }
                written.into()
            }
        };
        let answer = Message::Answered {
            connection,
            op,
            answer,
        };
        self.from_zookeeper(from, answer);
    }

    /// Watches fire, and what the znodes say now is noted.
    fn changed(&mut self, paths: BTreeSet<String>) {
        for (broker, connection) in self.zookeeper.watchers() {
            let paths = paths.clone();
            self.from_zookeeper(broker, Message::Changed { connection, paths });
        }
        let at = partition();
        let topic = self.zookeeper.read(&znodes::topic(&at.topic));
        let topic = topic.and_then(|(data, _)| znodes::read::<TopicJson>("topic", &data));
        self.current = topic.map(|topic| {
            let state = self.zookeeper.read(&znodes::state(&at));
            let state = state.and_then(|(data, _)| znodes::read("state", &data));
            (topic.topic_id, state)
        });
        self.ledger.unchecked = true;
    }

    fn connect(&mut self, from: BrokerId, incarnation: u64, session: Option<i64>) {
        let reaches = self.zookeeper_is_up && self.machine(from).reaches_zookeeper;
        let machine = self.machine(from);
        if machine.incarnation != incarnation || machine.process.is_none() {
            return;
        }
        if !reaches {
            let event = Event::Connect {
                from,
                incarnation,
                session,
            };
            self.after(4, event);
            return;
        }
        let message = match self.zookeeper.connect(from, session) {
            Some((session, connection)) => Message::Connected {
                session,
                connection,
            },
            None => Message::Expired,
        };
        self.from_zookeeper(from, message);
    }

    /// Nothing is heard of a session from now on.
    pub(super) fn silence(&mut self, session: i64) {
        let since = self.now;
        if let Some(session) = self.zookeeper.session(session) {
            session.silent_since = Some(since);
        }
        self.after(SESSION_TIMEOUT, Event::Expire { session, since });
    }

    fn expire(&mut self, id: i64, since: u64) {
        let session = self.zookeeper.session(id);
        if session.is_none_or(|it| it.silent_since != Some(since)) {
            return;
        }
        if !self.zookeeper_is_up {
            self.after(2, Event::Expire { session: id, since });
            return;
        }
        self.end_session(id);
    }

    pub(super) fn end_session(&mut self, id: i64) {
        self.say(|| format!("ZooKeeper ends session {id}"));
        let session = self.zookeeper.session(id);
        let served = session.and_then(|it| Some((it.broker, it.connection?)));
        if let Some((broker, connection)) = served {
            self.from_zookeeper(broker, Message::Disconnected(connection));
        }
        let gone = self.zookeeper.expire(id);
        self.changed(gone);
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
        let Some((topic_id, Some(state))) = &self.current else {
            return;
        };
        let at = partition();
        let (end, last) = self.ledger.last_committed(*topic_id, at.partition);
        if last.is_none() {
            return;
        }
        for id in &state.isr {
            let log = self
                .machines
                .iter()
                .find(|machine| machine.id == *id)
                .and_then(|machine| machine.log(*topic_id));
            let found = log.and_then(|log| log.get(crate::wire::Offset(end.0 - 1)));
            if found == last {
                continue;
            }
            let log_end = log.map(ReplicaLog::log_end_offset).unwrap_or_default();
            let (epoch, isr) = (state.leader_epoch, super::registry::ids(&state.isr));
            self.ledger.violated(Invariant::AcknowledgedRecordsStay, || {
                format!(
                    "broker {id} is in the ISR {isr:?} of epoch {epoch} and its log ends at {log_end} with another history, while {at} is committed up to {end}"
                )
            });
            return;
        }
    }

    fn delay(&mut self) -> u64 {
        if self.chance.percent(6) {
            self.chance.between(8, 30)
        } else {
            self.chance.between(1, 4)
        }
    }

    fn is_lost(&mut self, percent: u64) -> bool {
        !self.is_healed && self.chance.percent(percent)
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

impl PartialEq for Scheduled {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for Scheduled {}

impl PartialOrd for Scheduled {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Scheduled {
    /// The earliest is the greatest: it comes first out of the heap.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.number).cmp(&(self.at, self.number))
    }
}
