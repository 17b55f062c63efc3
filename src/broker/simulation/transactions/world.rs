//! Everything of one seed: who acts next, and what goes wrong.

use std::time::Duration;

use super::super::chance::Chance;
use super::super::promises::{Healing, Verdict, Violation};
use super::super::transcript::Transcript;
use super::coordinator::Coordinator;
use super::ledger::{Ledger, Serial};
use super::producer::{Learned, Producer};
use crate::coordinator::{Now, RequestId};
use crate::transactions::{Effect, Event, Mark, Marked, ProducerIdentity, Request, Response};
use wire::TopicPartition;

/// Steps of a run with faults.
const STEPS: usize = 400;

/// How long everything may take to end once the faults are over, in milliseconds.
const HEALING_MS: u64 = 60_000;

pub(super) struct World {
    chance: Chance,
    pub(super) transcript: Transcript,
    now_ms: u64,
    coordinator: Coordinator,
    producers: Vec<Producer>,
    partitions: Vec<TopicPartition>,
    ledger: Ledger,
    verdict: Verdict,
    /// Markers on their way.
    markers: Vec<(Mark, TopicPartition)>,
    /// Requests that come once more, later.
    late: Vec<Request>,
    next_request: u64,
    next_serial: u64,
    next_producer_id: i64,
    healed: bool,
}

impl World {
    pub(super) fn new(seed: u64, transcript: Transcript) -> Self {
        let now = now(0);
        let (coordinator, started) = Coordinator::new(now);
        let mut world = Self {
            chance: Chance::new(seed),
            transcript,
            now_ms: 0,
            coordinator,
            producers: vec![
                Producer::new("p1", "shared", 2),
                Producer::new("p2", "shared", 0),
                Producer::new("p3", "own", 2),
            ],
            partitions: (0..3).map(|at| TopicPartition::new("orders", at)).collect(),
            ledger: Ledger::default(),
            verdict: Verdict::default(),
            markers: Vec::new(),
            late: Vec::new(),
            next_request: 0,
            next_serial: 0,
            next_producer_id: 1_000,
            healed: false,
        };
        world.step(started);
        world
    }

    pub(super) fn run(&mut self) -> Result<(), Violation> {
        for _ in 0..STEPS {
            self.happen();
            self.verdict.so_far()?;
        }
        self.heals_within(HEALING_MS)
    }

    /// One thing happens.
    fn happen(&mut self) {
        match self.chance.between(0, 99) {
            0..=24 => self.ask(),
            25..=44 => self.write(),
            45..=64 => {
                let in_doubt = self.goes_wrong(5);
                if in_doubt {
                    self.fault("a write is in doubt");
                }
                if let Some(stored) = self.coordinator.outcome(in_doubt) {
                    self.step(stored);
                }
            }
            65..=79 => self.mark(),
            80..=86 => {
                if let Some(loaded) = self.coordinator.load() {
                    self.step(loaded);
                }
            }
            87..=89 if self.goes_wrong(100) => {
                self.fault("another broker coordinates");
                let started = self
                    .coordinator
                    .fail_over(now(self.now_ms), &mut self.chance);
                self.step(started);
            }
            90..=91 if self.goes_wrong(100) => {
                if let Some(request) = self.late.pop() {
                    self.fault("a request comes late and again");
                    self.request(request);
                }
            }
            92..=93 if self.goes_wrong(100) => {
                let lost = self.producers.iter_mut().find(|it| it.is_waiting());
                if let Some(producer) = lost {
                    producer.stop_waiting();
                    self.fault("an answer is lost");
                }
            }
            _ => {
                let longest = if self.chance.percent(5) { 6_000 } else { 100 };
                self.now_ms += self.chance.between(1, longest);
                self.step(Event::Tick);
            }
        }
    }

    fn goes_wrong(&mut self, percent: u64) -> bool {
        !self.healed && self.chance.percent(percent)
    }

    fn fault(&mut self, what: &str) {
        self.transcript
            .say(self.now_ms, || format!("fault: {what}"));
    }

    /// A producer goes on.
    fn ask(&mut self) {
        let all: Vec<usize> = (0..self.producers.len()).collect();
        let Some(index) = self.chance.pick(&all) else {
            return;
        };
        let producer = &mut self.producers[index];
        if producer.is_waiting() || (self.healed && !producer.writable().is_empty()) {
            // After the faults nobody ends what is open: that is the coordinator's part.
            return;
        }
        self.next_serial += 1;
        let id = RequestId(self.next_request);
        let serial = Serial(self.next_serial);
        let request = producer.act(id, serial, &self.partitions, &mut self.chance);
        if let Request::End(end) = &request
            && end.commit
        {
            self.ledger.wish(producer.serial);
        }
        // The older protocol cannot tell a late end from one of the next transaction (KIP-890).
        if producer.version >= 2 && self.chance.percent(20) {
            self.late.push(request.clone());
        }
        self.request(request);
    }

    fn request(&mut self, request: Request) {
        let id = RequestId(self.next_request);
        self.next_request += 1;
        self.transcript.say(self.now_ms, || format!("{request:?}"));
        self.step(Event::Request { id, request });
    }

    /// A producer writes into one of its partitions, whose leader asks the coordinator where none is open there.
    fn write(&mut self) {
        for producer in &self.producers {
            let writable = producer.writable();
            let last = u64::try_from(writable.len()).expect("few");
            if last == 0 || !self.chance.percent(50) {
                continue;
            }
            let index = usize::try_from(self.chance.between(0, last - 1)).expect("few");
            let at = &writable[index];
            let identity = ProducerIdentity {
                transactional_id: id_of(producer),
                producer_id: producer.id,
                producer_epoch: producer.epoch,
            };
            if !self.ledger.is_open(at, producer.id) {
                let transactions = &self.coordinator.transactions;
                let verified = transactions.verify(&identity, std::slice::from_ref(at));
                let verified = verified.is_ok_and(|all| all.iter().all(|(_, code)| code.is_none()));
                if !verified {
                    continue;
                }
            }
            let (id, epoch, serial) = (producer.id, producer.epoch, producer.serial);
            let written = self.ledger.write(at, id, epoch, serial);
            let name = producer.name;
            self.transcript.say(self.now_ms, || {
                format!("{name} writes {serial:?} into {at}: {written}")
            });
            return;
        }
    }

    /// A marker arrives, or its answer is lost, or it does and comes again.
    fn mark(&mut self) {
        if self.markers.is_empty() {
            return;
        }
        let last = u64::try_from(self.markers.len()).expect("few") - 1;
        let index = usize::try_from(self.chance.between(0, last)).expect("few");
        let (mark, at) = self.markers.remove(index);
        let arrives = !self.goes_wrong(10);
        let marked = arrives && self.ledger.mark(&at, &mark, &mut self.verdict);
        self.transcript
            .say(self.now_ms, || format!("{mark:?} in {at}: {marked}"));
        // The older protocol cannot tell one that comes too late from the next one.
        if mark.transaction_version >= 2 && self.goes_wrong(10) {
            self.fault("a marker comes again");
            self.markers.push((mark.clone(), at.clone()));
        }
        let is_heard = marked && !self.goes_wrong(10);
        let result = if is_heard {
            Marked::Done
        } else {
            Marked::Again
        };
        self.step(Event::Marked {
            mark,
            results: vec![(at, result)],
        });
    }

    fn step(&mut self, event: Event) {
        let effects = self.coordinator.transactions.step(event, now(self.now_ms));
        let refuse = self.goes_wrong(5);
        for effect in self.coordinator.take(effects, refuse) {
            match effect {
                Effect::Mark { mark, partitions } => {
                    let each = partitions.into_iter().map(|at| (mark.clone(), at));
                    self.markers.extend(each);
                }
                Effect::Respond { to, response } => self.answer(to, &response),
                Effect::Store { .. } => {}
            }
        }
    }

    fn answer(&mut self, to: RequestId, response: &Response) {
        let now_ms = self.now_ms;
        self.transcript
            .say(now_ms, || format!("{to:?}: {response:?}"));
        let mut again = None;
        for producer in &mut self.producers {
            match producer.hear(to, response) {
                Learned::Nothing => {}
                Learned::Ended(serial, commit) => {
                    self.ledger.tell(serial, commit, &mut self.verdict);
                }
                Learned::NeedsId => {
                    self.next_producer_id += 1;
                    again = Some(producer.request(Some(self.next_producer_id)));
                }
            }
        }
        if let Some(request) = again {
            self.step(Event::Request { id: to, request });
        }
    }
}

impl Healing for World {
    fn now(&self) -> u64 {
        self.now_ms
    }

    fn run_until(&mut self, until: u64) -> Result<(), Violation> {
        while self.now_ms < until {
            self.happen();
            self.verdict.so_far()?;
        }
        Ok(())
    }

    fn heal(&mut self) {
        self.healed = true;
        for producer in &mut self.producers {
            producer.stop_waiting();
        }
    }

    fn what_is_wrong(&self) -> Option<String> {
        self.ledger.still_open()
    }
}

fn now(ms: u64) -> Now {
    Now {
        monotonic: Duration::from_millis(ms),
        wall_ms: 1_000_000 + i64::try_from(ms).expect("small"),
    }
}

fn id_of(producer: &Producer) -> String {
    match producer.request(None) {
        Request::AddPartitions(request) => request.producer.transactional_id,
        Request::End(request) => request.producer.transactional_id,
        Request::Init(request) => request.transactional_id,
    }
}
