//! Everything of one seed: what travels, who acts next, and what goes wrong.

mod leaders;

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::course::{Course, Travel};
use super::super::promises::{Healing, Verdict, Violation};
use super::super::transcript::Transcript;
use super::coordinator::Coordinator;
use super::ledger::{Ledger, Serial};
use super::partition::Partition;
use super::producer::{Ask, Learned, Producer};
use crate::coordinator::{Now, RequestId};
use crate::log::VerificationGuard;
use crate::planted::{self, Bug};
use crate::transactions::{
    Effect, Event as Decided, Mark, Marked, ProducerIdentity, Request, Response,
};
use wire::{ErrorCode, LeaderEpoch, Offset, TopicPartition};

/// How long faults happen, and how long everything may take to end once they are over, in milliseconds.
const FAULTS_MS: u64 = 5_000;
const HEALING_MS: u64 = 30_000;

/// How long a producer waits for an answer.
const PATIENCE_MS: u64 = 60;

const TRAVEL: Travel = Travel {
    lost_percent: 3,
    slowest_ms: 6,
};

const NAMES: [(&str, &str); 4] = [
    ("p1", "shared"),
    ("p2", "shared"),
    ("p3", "own"),
    ("p4", "old"),
];

pub(super) struct World {
    course: Course<Event>,
    coordinator: Coordinator,
    /// When the coordinator looks at the time next.
    wakes_at: Option<u64>,
    producers: Vec<Producer>,
    partitions: Vec<Partition>,
    ledger: Ledger,
    verdict: Verdict,
    /// Who asked the coordinator what, and is not answered.
    asked: BTreeMap<RequestId, (Asker, Request)>,
    /// What waits until it is in every in-sync replica.
    uncommitted: Vec<Uncommitted>,
    next_request: u64,
    next_serial: u64,
    next_producer_id: i64,
}

#[derive(Debug, Clone)]
enum Event {
    Act(usize),
    GiveUp(usize, u64),
    /// A question to the coordinator arrives.
    Asked(Asker, Request),
    /// Its answer to a producer.
    Told(usize, u64, Response),
    /// A record arrives at its leader.
    Record(Record),
    /// A leader's question whether a record is part of a transaction.
    Question(Question),
    Answer(Question, ErrorCode),
    /// The leader's answer to a producer.
    Written(usize, u64, ErrorCode),
    Marker(Mark, usize),
    MarkerTold(Mark, usize, Marked),
    /// The coordinator's oldest write has its outcome.
    Stored,
    Loaded,
    Tick(u64),
    Replicated(usize),
    Read,
    Fault,
}

#[derive(Debug, Clone)]
enum Asker {
    Producer(usize, u64),
    Leader(Box<Question>),
}

/// What a producer sent to a leader.
#[derive(Debug, Clone)]
struct Record {
    producer: usize,
    number: u64,
    identity: ProducerIdentity,
    /// Whether the leader makes the partition part of the transaction.
    adds: bool,
    partition: usize,
    sequence: i32,
    serial: Serial,
}

#[derive(Debug, Clone)]
struct Question {
    record: Record,
    leader_epoch: LeaderEpoch,
    guard: VerificationGuard,
}

struct Uncommitted {
    partition: usize,
    end: Offset,
    then: Event,
}

impl World {
    pub(super) fn new(seed: u64, versions: [i16; 4], transcript: Transcript) -> Self {
        let (coordinator, started) = Coordinator::new(now(0));
        let producers = NAMES.iter().zip(versions);
        let partitions = (0..3).map(|index| Partition::new(TopicPartition::new("orders", index)));
        let mut world = Self {
            course: Course::new(seed, transcript, TRAVEL),
            coordinator,
            wakes_at: None,
            producers: producers
                .map(|((name, id), version)| Producer::new(name, id, version))
                .collect(),
            partitions: partitions.collect(),
            ledger: Ledger::default(),
            verdict: Verdict::default(),
            asked: BTreeMap::new(),
            uncommitted: Vec::new(),
            next_request: 0,
            next_serial: 0,
            next_producer_id: 1_000,
        };
        world.step(started);
        world.course.after(1, Event::Loaded);
        for producer in 0..NAMES.len() {
            world.course.after(5, Event::Act(producer));
        }
        for partition in 0..world.partitions.len() {
            world.course.after(1, Event::Replicated(partition));
        }
        world.course.after(20, Event::Read);
        world.course.after(100, Event::Fault);
        world
    }

    pub(super) fn run(&mut self) -> Result<(), Violation> {
        self.run_until(FAULTS_MS)?;
        self.heals_within(HEALING_MS)?;
        self.read();
        self.ledger.compare_with_read(&mut self.verdict);
        self.verdict.so_far()
    }

    /// The same, perhaps late, or a second time.
    fn send_late(&mut self, event: Event) {
        if self.course.goes_wrong(6) {
            let late = self.course.chance.between(50, 2_500);
            self.course
                .say(|| format!("fault: late by {late} ms: {event:?}"));
            self.course.after(late, event.clone());
            if self.course.chance.percent(50) {
                return;
            }
        }
        self.course.send(event);
    }

    /// What was told of it.
    pub(super) fn into_transcript(self) -> Transcript {
        self.course.transcript
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Act(producer) => self.act(producer),
            Event::GiveUp(index, number) => {
                let producer = &mut self.producers[index];
                if producer.awaits(number) {
                    producer.give_up(number, &mut self.course.chance);
                    self.act_soon(index);
                }
            }
            Event::Asked(asker, request) => self.asked(asker, request),
            Event::Told(producer, number, response) => {
                let learned = self.producers[producer].hear(number, &response);
                self.learned(producer, learned);
            }
            Event::Written(producer, number, code) => {
                let learned = self.producers[producer].hear_of_record(number, code);
                self.learned(producer, learned);
            }
            Event::Record(record) => {
                self.take_record(record);
            }
            Event::Question(question) => self.asked_by_leader(question),
            Event::Answer(question, code) => self.answered(question, code),
            Event::Marker(mark, partition) => self.take_marker(mark, partition),
            Event::MarkerTold(mark, partition, marked) => {
                let at = self.partitions[partition].at.clone();
                self.step(Decided::Marked {
                    mark,
                    results: vec![(at, marked)],
                });
            }
            Event::Stored => {
                let in_doubt = self.course.goes_wrong(4);
                if let Some(stored) = self.coordinator.outcome(in_doubt) {
                    self.step(stored);
                }
            }
            Event::Loaded => {
                if let Some(loaded) = self.coordinator.load() {
                    self.step(loaded);
                }
            }
            Event::Tick(at) if self.wakes_at == Some(at) => {
                self.wakes_at = None;
                self.step(Decided::Tick);
            }
            // It was woken before.
            Event::Tick(_) => {}
            Event::Replicated(partition) => self.replicate(partition),
            Event::Read => {
                self.read();
                self.course.after(20, Event::Read);
            }
            Event::Fault => self.fault(),
        }
    }

    fn act_soon(&mut self, producer: usize) {
        // Some stand still until others have taken over.
        let pause = if self.course.goes_wrong(2) {
            self.course.chance.between(300, 2_500)
        } else {
            self.course.chance.between(1, 25)
        };
        self.course.after(pause, Event::Act(producer));
    }

    /// A producer goes on; after the faults nobody ends what is open: that is the coordinator's part.
    fn act(&mut self, index: usize) {
        if self.course.healed {
            return;
        }
        self.next_serial += 1;
        let all: Vec<TopicPartition> = self.partitions.iter().map(|it| it.at.clone()).collect();
        let fresh = Serial(self.next_serial);
        let producer = &mut self.producers[index];
        let (number, ask) = producer.act(fresh, &all, &mut self.course.chance);
        if let Some(serial) = producer.wishes() {
            self.ledger.wish(serial);
        }
        let (identity, serial) = (producer.identity(), producer.serial);
        let adds = producer.version >= 2;
        self.course.after(PATIENCE_MS, Event::GiveUp(index, number));
        match ask {
            Ask::Coordinator(request) => {
                self.send_late(Event::Asked(Asker::Producer(index, number), request));
            }
            Ask::Leader(at, sequence) => {
                let partition = all.iter().position(|it| *it == at).expect("one of them");
                self.send_late(Event::Record(Record {
                    producer: index,
                    number,
                    identity,
                    adds,
                    partition,
                    sequence,
                    serial,
                }));
            }
        }
    }

    fn learned(&mut self, producer: usize, learned: Learned) {
        match learned {
            Learned::Stale => return,
            Learned::Nothing => {}
            Learned::Acknowledged(at, serial) => self.ledger.acknowledge(&at, serial),
            Learned::Ended(serial, commit) => {
                let name = self.producers[producer].name;
                self.course
                    .say(|| format!("{name} hears that {serial:?} ends, commit={commit}"));
                self.ledger.tell(serial, commit, &mut self.verdict);
            }
        }
        self.act_soon(producer);
    }

    fn asked(&mut self, asker: Asker, request: Request) {
        if let Asker::Producer(index, number) = &asker {
            let producer = &self.producers[*index];
            let is_in_order = producer.awaits(*number) || matches!(request, Request::Init(_));
            let may_be_late = producer.version >= 2 || planted::is(Bug::LateEndOfOlderProtocol);
            if !is_in_order && !may_be_late {
                return;
            }
        }
        let id = RequestId(self.next_request);
        self.next_request += 1;
        self.course.say(|| format!("{id:?}: {request:?}"));
        self.asked.insert(id, (asker, request.clone()));
        self.step(Decided::Request { id, request });
    }

    /// Lets the coordinator decide, and does what it says.
    fn step(&mut self, event: Decided) {
        let effects = self
            .coordinator
            .transactions
            .step(event, now(self.course.now_ms));
        let refuse = self.course.goes_wrong(4);
        let before = self.coordinator.writes();
        for effect in self.coordinator.take(effects, refuse) {
            match effect {
                Effect::Mark { mark, partitions } => {
                    for at in partitions {
                        let index = self.partitions.iter().position(|it| it.at == at);
                        self.send_marker(mark.clone(), index.expect("one of them"));
                    }
                }
                Effect::Respond { to, response } => self.respond(to, response),
                Effect::Store { .. } | Effect::Report(_) => {}
            }
        }
        for _ in before..self.coordinator.writes() {
            let delay = self.course.chance.between(1, 8);
            self.course.after(delay, Event::Stored);
        }
        let next = self.coordinator.transactions.next_deadline();
        let next = u64::try_from(next.as_millis()).expect("soon");
        if self.wakes_at.is_none_or(|at| next < at) {
            let next = next.max(self.course.now_ms + 1);
            self.wakes_at = Some(next);
            self.course
                .after(next - self.course.now_ms, Event::Tick(next));
        }
    }

    fn respond(&mut self, to: RequestId, response: Response) {
        let Some((asker, mut request)) = self.asked.remove(&to) else {
            return;
        };
        self.course.say(|| format!("{to:?}: {response:?}"));
        if response == Response::ProducerIdNeeded {
            self.next_producer_id += 1;
            let fresh = Some(self.next_producer_id);
            match &mut request {
                Request::Init(request) => request.fresh_producer_id = fresh,
                Request::End(request) => request.fresh_producer_id = fresh,
                Request::AddPartitions(_) => {}
            }
            self.asked.insert(to, (asker, request.clone()));
            self.step(Decided::Request { id: to, request });
            return;
        }
        match (asker, response) {
            (Asker::Producer(index, number), response) => {
                self.course.send(Event::Told(index, number, response));
            }
            (Asker::Leader(question), Response::Added(code)) => {
                self.send_late(Event::Answer(*question, code));
            }
            (Asker::Leader(_), _) => {}
        }
    }

    fn read(&mut self) {
        for partition in &self.partitions {
            self.ledger.read(partition, &mut self.verdict);
        }
    }

    fn fault(&mut self) {
        if self.course.healed {
            return;
        }
        if self.course.chance.percent(35) {
            self.course
                .say(|| "fault: another broker coordinates".to_owned());
            self.asked.clear();
            let started = self
                .coordinator
                .fail_over(now(self.course.now_ms), &mut self.course.chance);
            self.step(started);
            let pause = self.course.chance.between(1, 40);
            self.course.after(pause, Event::Loaded);
        } else {
            let indexes: Vec<usize> = (0..self.partitions.len()).collect();
            let index = self.course.chance.pick(&indexes).expect("some");
            let partition = &mut self.partitions[index];
            let behind = partition.log_end_offset().0 - partition.high_watermark.0;
            let kept = self
                .course
                .chance
                .between(0, u64::try_from(behind).expect("few"));
            partition.elect(kept);
            let (at, end) = (partition.at.clone(), partition.log_end_offset());
            self.course
                .say(|| format!("fault: another broker leads {at}, which ends at {end}"));
            // Whoever waits hears nothing of a record, and that a marker is to be sent again.
            for it in std::mem::take(&mut self.uncommitted) {
                match it.then {
                    Event::MarkerTold(mark, at, _) if it.partition == index => {
                        self.course
                            .after(20, Event::MarkerTold(mark, at, Marked::Again));
                    }
                    _ if it.partition == index => {}
                    _ => self.uncommitted.push(it),
                }
            }
        }
        let pause = self.course.chance.between(50, 400);
        self.course.after(pause, Event::Fault);
    }
}

impl Healing for World {
    fn now(&self) -> u64 {
        self.course.now_ms
    }

    fn run_until(&mut self, until: u64) -> Result<(), Violation> {
        while let Some(event) = self.course.next(until) {
            self.happen(event);
            self.verdict.so_far()?;
        }
        self.course.now_ms = until;
        Ok(())
    }

    fn heal(&mut self) {
        self.course.healed = true;
    }

    fn what_is_wrong(&self) -> Option<String> {
        if self
            .course
            .expects(|event| matches!(event, Event::Record(_)))
        {
            return Some("records are on their way".to_owned());
        }
        let stuck = self
            .partitions
            .iter()
            .find(|it| it.last_stable_offset() < it.log_end_offset())?;
        Some(format!(
            "{} ends at {}, and is stable up to {} only",
            stuck.at,
            stuck.log_end_offset(),
            stuck.last_stable_offset()
        ))
    }
}

fn now(ms: u64) -> Now {
    Now {
        monotonic: Duration::from_millis(ms),
        wall_ms: 1_000_000 + i64::try_from(ms).expect("small"),
    }
}
