//! Consumers, brokers and what is between them, on simulated time.

use std::collections::BTreeSet;

use super::{
    broker::{Broker, Process},
    consumer::{Consumer, waits_for},
    ledger::Ledger,
    message::{Ask, Client, Told},
    offsets_log::OffsetsLog,
};
use crate::{
    coordinator::WriteId,
    simulation::{chance::Chance, promises::Violation, queue::Queue, transcript::Transcript},
};
use wire::{BrokerId, ErrorCode, LeaderEpoch};

const BROKERS: i32 = 3;

/// `heartbeat.interval.ms`.
const HEARTBEAT_INTERVAL: u64 = 15;

/// Two dynamic members and two static ones.
const INSTANCES: [Option<&str>; 4] = [None, None, Some("s2"), Some("s3")];

/// Who asks and does not care for the answer.
pub(super) const ADMINISTRATOR: Client = Client {
    index: usize::MAX,
    incarnation: 0,
};

/// A group and its surroundings.
pub(super) struct World {
    pub(super) chance: Chance,
    /// Milliseconds since the beginning.
    pub(super) now: u64,
    queue: Queue<Event>,
    pub(super) brokers: Vec<Broker>,
    pub(super) consumers: Vec<Consumer>,
    pub(super) log: OffsetsLog,
    /// The leader's process, which a restart replaces.
    pub(super) leading: u64,
    pub(super) ledger: Ledger,
    pub(super) transcript: Transcript,
    /// Consumers and brokers that do not reach each other.
    pub(super) cuts: BTreeSet<(usize, BrokerId)>,
    /// Whether fewer replicas are in sync than `min.insync.replicas`.
    pub(super) lacks_replicas: bool,
    /// Whether followers are slow.
    pub(super) is_slow: bool,
    /// No more faults, and nothing is lost any more.
    pub(super) is_healed: bool,
    /// Requests that arrived.
    pub(super) arrivals: u64,
}

/// What happens next.
#[derive(Debug)]
pub(super) enum Event {
    Request {
        to: BrokerId,
        incarnation: u64,
        client: Client,
        number: u64,
        ask: Ask,
    },
    Answer(Client, u64, Told),
    Act(Client),
    Beat(Client),
    Timeout(Client, u64),
    StartConsumer(usize),
    ThawConsumer(usize),
    Reach(usize, BrokerId),
    /// A deadline of a coordinator.
    Wake(BrokerId, u64),
    Hear(BrokerId, u64, LeaderEpoch, BrokerId),
    Loaded(BrokerId, u64, LeaderEpoch),
    Outcome(BrokerId, u64, WriteId, Result<(), ErrorCode>),
    Replicated(LeaderEpoch, usize),
    /// The controller looks whether the leader lives.
    Controller,
    StartBroker(BrokerId),
    ThawBroker(BrokerId),
    EnoughReplicas,
    FastReplicas,
    Fault,
}

impl World {
    pub(super) fn new(seed: u64, transcript: Transcript) -> Self {
        let consumers = INSTANCES.iter().enumerate();
        let consumers = consumers
            .map(|(index, instance)| Consumer::new(index, instance.map(ToOwned::to_owned)));
        let mut world = Self {
            chance: Chance::new(seed),
            now: 0,
            queue: Queue::new(),
            brokers: (1..=BROKERS).map(|id| Broker::new(BrokerId(id))).collect(),
            consumers: consumers.collect(),
            log: OffsetsLog::new(),
            leading: 0,
            ledger: Ledger::default(),
            transcript,
            cuts: BTreeSet::new(),
            lacks_replicas: false,
            is_slow: false,
            is_healed: false,
            arrivals: 0,
        };
        for id in 1..=BROKERS {
            world.start_broker(BrokerId(id));
        }
        world.elect();
        for index in 0..INSTANCES.len() {
            let later = world.chance.between(10, 40);
            world.after(later, Event::StartConsumer(index));
        }
        world.after(10, Event::Controller);
        world
    }

    pub(super) fn after(&mut self, ms: u64, event: Event) {
        self.queue.put(self.now + ms, event);
    }

    pub(super) fn say(&mut self, line: impl FnOnce() -> String) {
        self.transcript.say(self.now, line);
    }

    pub(super) fn broker(&mut self, id: BrokerId) -> &mut Broker {
        let index = usize::try_from(id.0 - 1).expect("brokers count from 1");
        self.brokers.get_mut(index).expect("it is in the cluster")
    }

    /// Lets everything happen that is due until `until`, or until a promise is broken.
    pub(super) fn run_until(&mut self, until: u64) -> Result<(), Violation> {
        while let Some((at, event)) = self.queue.take(until) {
            self.now = at;
            self.happen(event);
            self.ledger.verdict.so_far()?;
        }
        self.now = until;
        Ok(())
    }

    fn happen(&mut self, event: Event) {
        if let Some((id, incarnation)) = event.is_of_broker() {
            let broker = self.broker(id);
            if broker.process.is_none() || broker.incarnation != incarnation {
                return;
            }
            if broker.is_frozen {
                broker.deferred.push(event);
                return;
            }
        }
        if let Some(client) = event.is_of_consumer() {
            let Some(consumer) = self.consumers.get_mut(client.index) else {
                return;
            };
            if !consumer.runs || consumer.client != client {
                return;
            }
            if consumer.is_frozen {
                consumer.deferred.push(event);
                return;
            }
        }
        match event {
            Event::Request {
                to,
                client,
                number,
                ask,
                ..
            } => self.serve(to, client, number, ask),
            Event::Answer(client, number, told) => self.answered(client, number, told),
            Event::Act(client) => self.act(client),
            Event::Beat(client) => self.beat(client),
            Event::Timeout(client, number) => {
                if let Some(consumer) = self.consumers.get_mut(client.index)
                    && consumer.times_out(number)
                {
                    self.wake_consumer(client, 1);
                }
            }
            Event::Wake(id, _) => self.wake(id),
            Event::Hear(id, _, epoch, leader) => self.hear(id, epoch, leader),
            Event::Loaded(id, _, epoch) => self.loaded(id, epoch),
            Event::Outcome(id, _, write, result) => self.outcome(id, write, result),
            Event::Replicated(epoch, end) => self.replicated(epoch, end),
            fault => self.fault(fault),
        }
    }

    fn act(&mut self, client: Client) {
        let Some(consumer) = self.consumers.get_mut(client.index) else {
            return;
        };
        consumer.will_act = false;
        if consumer.is_busy() {
            return;
        }
        if consumer.coordinator.is_none() {
            self.find_coordinator(client);
            return;
        }
        match consumer.act(&mut self.ledger, &mut self.chance) {
            Some(ask) if waits_for(&ask, &mut self.chance) => self.ask(client, &ask),
            other => {
                if let (Some(ask), Some(to)) = (other, consumer.coordinator) {
                    self.transmit(to, client, 0, &ask);
                }
                let pause = self.chance.between(3, 9);
                self.wake_consumer(client, pause);
            }
        }
    }

    /// Some broker says who leads, as far as it knows.
    fn find_coordinator(&mut self, client: Client) {
        let serving = self.brokers.iter().filter(|broker| {
            let reached = !self.cuts.contains(&(client.index, broker.id));
            reached && broker.process.is_some() && !broker.is_frozen
        });
        let known = serving.map(|broker| broker.process.as_ref().and_then(Process::leader));
        let known: Vec<Option<BrokerId>> = known.collect();
        let leader = self.chance.pick(&known).flatten();
        if let Some(consumer) = self.consumers.get_mut(client.index) {
            consumer.coordinator = leader;
        }
        let delay = self.delay() + self.delay();
        self.wake_consumer(client, delay);
    }

    fn ask(&mut self, client: Client, ask: &Ask) {
        let Some(consumer) = self.consumers.get_mut(client.index) else {
            return;
        };
        let (number, timeout) = consumer.asks(ask);
        let to = consumer.coordinator.map_or(0, |id| id.0);
        self.say(|| format!("consumer {} asks broker {to}: {}", client.index, ask.name()));
        self.send(client, number, ask, timeout);
    }

    fn send(&mut self, client: Client, number: u64, ask: &Ask, timeout: u64) {
        self.after(timeout, Event::Timeout(client, number));
        let consumer = self.consumers.get(client.index);
        if let Some(to) = consumer.and_then(|consumer| consumer.coordinator) {
            self.transmit(to, client, number, ask);
        }
    }

    /// A request on its way: lost now and then, and now and then it comes twice.
    pub(super) fn transmit(&mut self, to: BrokerId, client: Client, number: u64, ask: &Ask) {
        if self.cuts.contains(&(client.index, to)) || self.is_lost() {
            return;
        }
        let copies = if self.is_lost() { 2 } else { 1 };
        let incarnation = self.broker(to).incarnation;
        for _ in 0..copies {
            let delay = self.delay();
            let event = Event::Request {
                to,
                incarnation,
                client,
                number,
                ask: ask.clone(),
            };
            self.after(delay, event);
        }
    }

    pub(super) fn answer(&mut self, from: BrokerId, to: Client, number: u64, told: Told) {
        if to == ADMINISTRATOR || self.cuts.contains(&(to.index, from)) || self.is_lost() {
            return;
        }
        let delay = self.delay();
        self.after(delay, Event::Answer(to, number, told));
    }

    fn answered(&mut self, client: Client, number: u64, told: Told) {
        let Some(consumer) = self.consumers.get_mut(client.index) else {
            return;
        };
        self.transcript.say(self.now, || {
            format!("consumer {} hears {}", client.index, told.shown())
        });
        if let Some(ask) = consumer.take(number, told, &mut self.ledger, &mut self.chance) {
            self.ask(client, &ask);
            return;
        }
        if consumer.is_fenced() {
            self.say(|| format!("consumer {} is fenced", client.index));
            self.end_consumer(client.index);
            return;
        }
        let pause = self.chance.between(1, 6);
        self.wake_consumer(client, pause);
    }

    pub(super) fn wake_consumer(&mut self, client: Client, ms: u64) {
        let Some(consumer) = self.consumers.get_mut(client.index) else {
            return;
        };
        if !consumer.will_act {
            consumer.will_act = true;
            self.after(ms, Event::Act(client));
        }
    }

    fn beat(&mut self, client: Client) {
        self.after(HEARTBEAT_INTERVAL, Event::Beat(client));
        let consumer = self.consumers.get_mut(client.index);
        if let Some((number, ask)) = consumer.and_then(Consumer::beats) {
            self.send(client, number, &ask, HEARTBEAT_INTERVAL * 2);
        }
    }

    fn delay(&mut self) -> u64 {
        if self.chance.percent(6) {
            self.chance.between(8, 30)
        } else {
            self.chance.between(1, 4)
        }
    }

    pub(super) fn replication_delay(&mut self) -> u64 {
        let delay = self.delay();
        if self.is_slow { delay * 8 } else { delay }
    }

    fn is_lost(&mut self) -> bool {
        !self.is_healed && self.chance.percent(2)
    }
}

impl Event {
    /// The broker's process that it happens to.
    fn is_of_broker(&self) -> Option<(BrokerId, u64)> {
        match self {
            Self::Request {
                to, incarnation, ..
            } => Some((*to, *incarnation)),
            Self::Wake(id, incarnation)
            | Self::Hear(id, incarnation, ..)
            | Self::Loaded(id, incarnation, _)
            | Self::Outcome(id, incarnation, ..) => Some((*id, *incarnation)),
            _ => None,
        }
    }

    /// The consumer's process that it happens to.
    fn is_of_consumer(&self) -> Option<Client> {
        match self {
            Self::Answer(client, ..)
            | Self::Act(client)
            | Self::Beat(client)
            | Self::Timeout(client, _) => Some(*client),
            _ => None,
        }
    }
}
