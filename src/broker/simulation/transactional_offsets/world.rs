//! Everything of one seed: what travels, who acts next, and what goes wrong.

mod asking;

use std::collections::{BTreeMap, BTreeSet};

use self::asking::coordinator;
use super::super::course::{Course, Travel};
use super::super::promises::{Healing, Invariant, Violation};
use super::super::transcript::Transcript;
use super::ledger::Ledger;
use super::log::{Batch, OffsetsLog};
use super::producer::{Act, Producer, Serial, State, Values};
use crate::coordinator::{self, Coordinator, Replay, RequestId, TransactionEnd, WriteId};
use wire::{ErrorCode, LeaderEpoch};

/// How long faults happen, and how long everything may take to end once they are over, in milliseconds.
const FAULTS_MS: u64 = 2_500;
const HEALING_MS: u64 = 5_000;

/// How long a producer waits for an answer.
const PATIENCE_MS: u64 = 40;

const TRAVEL: Travel = Travel {
    lost_percent: 4,
    slowest_ms: 5,
};

/// How long a load may take at most.
const LOADING_MS: u64 = 100;

const PARTITIONS: i32 = 3;

pub(super) struct World {
    course: Course<Event>,
    coordinator: Coordinator,
    leader_epoch: LeaderEpoch,
    log: OffsetsLog,
    producers: Vec<Producer>,
    ledger: Ledger,
    /// What the coordinator was asked for and has not answered.
    asked: BTreeMap<RequestId, Asked>,
    /// What waits until it is in every in-sync replica, and where it ends.
    uncommitted: Vec<(usize, Waiting)>,
    next_request: u64,
    next_serial: u64,
    next_value: i64,
}

#[derive(Debug, Clone)]
struct Asked {
    /// The producer and the number of its request; nobody waits for others.
    by: Option<(usize, u64)>,
    transaction: Option<(Serial, coordinator::Producer)>,
    values: Values,
}

#[derive(Debug)]
enum Waiting {
    Write(WriteId),
    Marker(News),
}

/// A marker, as the coordinator of groups hears of it.
#[derive(Debug, Clone, Copy)]
struct News {
    leader_epoch: LeaderEpoch,
    producer: usize,
    serial: Serial,
    end: TransactionEnd,
    before: WriteId,
}

#[derive(Debug)]
enum Event {
    Act(usize),
    GiveUp(usize, u64),
    /// A commit arrives.
    Commit(Asked),
    Told(usize, u64, bool),
    /// Somebody commits without a transaction.
    Plain,
    /// The marker of a transaction is to be written, if nobody acknowledged it.
    Marker(usize, Serial),
    News(News),
    Completed(usize, Serial),
    Replicated,
    Read(LeaderEpoch),
    Loaded(LeaderEpoch, Box<Replay>),
    Fetch,
    Fault,
}

impl World {
    pub(super) fn new(seed: u64, transcript: Transcript) -> Self {
        let producers = [(1, true), (2, false), (3, true)].into_iter();
        let producers = producers
            .zip(0..)
            .map(|((id, raises_epoch), serial)| Producer::new(id, raises_epoch, Serial(serial)));
        let mut world = Self {
            course: Course::new(seed, transcript, TRAVEL),
            coordinator: coordinator(),
            leader_epoch: LeaderEpoch(0),
            log: OffsetsLog::default(),
            producers: producers.collect(),
            ledger: Ledger::default(),
            asked: BTreeMap::new(),
            uncommitted: Vec::new(),
            next_request: 0,
            next_serial: 100,
            next_value: 0,
        };
        world.lead();
        for producer in 0..world.producers.len() {
            world.course.after(20, Event::Act(producer));
        }
        for (ms, event) in [
            (1, Event::Replicated),
            (10, Event::Fetch),
            (30, Event::Plain),
            (60, Event::Fault),
        ] {
            world.course.after(ms, event);
        }
        world
    }

    pub(super) fn run(&mut self) -> Result<(), Violation> {
        self.run_until(FAULTS_MS)?;
        self.heals_within(HEALING_MS)?;
        // What the last coordinator forgot, because it was not known to be in the log, the next one reads there.
        self.log.elect(self.log.len() - self.log.committed);
        self.lead();
        self.run_until(self.course.now_ms + LOADING_MS)?;
        let counting = self.log.counting();
        for partition in 0..PARTITIONS {
            let told = self.told(partition, true);
            let told = told.map(|told| told.map(|it| it.offset.0));
            if told != Ok(counting.get(&partition).copied()) {
                self.ledger.verdict.violated(Invariant::HealsAgain, || {
                    format!(
                        "partition {partition} is told at {told:?}, and the log says {counting:?}"
                    )
                });
            }
        }
        self.ledger.verdict.so_far()
    }

    /// What was told of it.
    pub(super) fn into_transcript(self) -> Transcript {
        self.course.transcript
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Act(index) => self.act(index),
            Event::GiveUp(index, number) => {
                let producer = &mut self.producers[index];
                if producer.awaits(number)
                    && let Some(act) = producer.give_up(&mut self.course.chance)
                {
                    self.carry_out_act(index, act);
                }
            }
            Event::Commit(asked) => self.commit(asked),
            Event::Told(index, number, acknowledged) => {
                let producer = &mut self.producers[index];
                if producer.awaits(number) {
                    producer.hear(acknowledged);
                }
            }
            // As a producer, nobody commits after the faults.
            Event::Plain if self.course.healed => {}
            Event::Plain => {
                let values = self.values(BTreeSet::from([0, 2]));
                self.commit(Asked {
                    by: None,
                    transaction: None,
                    values,
                });
                let pause = self.course.chance.between(5, 90);
                self.course.after(pause, Event::Plain);
            }
            Event::Marker(index, serial) => self.write_marker(index, serial),
            Event::News(news) => self.hear_of_marker(news),
            Event::Completed(index, serial) => self.complete(index, serial),
            Event::Replicated => self.replicate(),
            Event::Read(epoch) if epoch == self.leader_epoch => {
                let replay = Box::new(self.log.replay());
                let pause = self.course.chance.between(0, 25);
                self.course.after(pause, Event::Loaded(epoch, replay));
            }
            Event::Read(_) => {}
            Event::Loaded(leader_epoch, replay) => {
                self.course
                    .say(|| format!("the log is read under epoch {leader_epoch}"));
                self.step(coordinator::Event::Loaded {
                    partition: 0,
                    leader_epoch,
                    replay,
                });
            }
            Event::Fetch => self.fetch(),
            Event::Fault => self.fault(),
        }
    }

    /// A producer goes on; after the faults nobody does.
    fn act(&mut self, index: usize) {
        if self.course.healed {
            return;
        }
        let act = self.producers[index].act(PARTITIONS, &mut self.course.chance);
        self.carry_out_act(index, act);
        let pause = self.course.chance.between(2, 20);
        self.course.after(pause, Event::Act(index));
    }

    fn carry_out_act(&mut self, index: usize, act: Act) {
        let producer = &self.producers[index];
        let (serial, identity) = (producer.serial, producer.identity());
        match act {
            Act::Waits => {}
            Act::Commit(number, partitions) => {
                self.course.after(PATIENCE_MS, Event::GiveUp(index, number));
                let asked = Asked {
                    by: Some((index, number)),
                    transaction: Some((serial, identity)),
                    values: self.values(partitions),
                };
                if self.course.goes_wrong(6) {
                    let late = self.course.chance.between(30, 300);
                    self.course
                        .say(|| format!("fault: late by {late} ms: {asked:?}"));
                    self.course.after(late, Event::Commit(asked));
                } else {
                    self.course.send(Event::Commit(asked));
                }
            }
            Act::End(commit) => {
                self.course
                    .say(|| format!("{serial:?} ends, commit={commit}"));
                self.ledger.decide(serial, commit);
                self.course.after(2, Event::Marker(index, serial));
            }
        }
    }

    fn values(&mut self, partitions: BTreeSet<i32>) -> Values {
        let partitions = partitions.into_iter();
        partitions
            .map(|partition| {
                self.next_value += 1;
                (partition, self.next_value)
            })
            .collect()
    }

    fn write_marker(&mut self, index: usize, serial: Serial) {
        let producer = &self.producers[index];
        if producer.serial != serial || producer.state == State::Open {
            return;
        }
        let end = producer.news();
        let logged = TransactionEnd {
            last_epoch: producer.marker_epoch(),
            ..end
        };
        // Where epochs rise, the log knows the one that comes again.
        let is_known = producer.raises_epoch && self.log.is_marked(serial);
        let length = if is_known {
            self.log.len()
        } else {
            let marker = Batch::Marker {
                serial,
                end: logged,
            };
            self.log.append(marker)
        };
        let news = News {
            leader_epoch: self.leader_epoch,
            producer: index,
            serial,
            end,
            before: self.coordinator.next_write(),
        };
        self.course
            .say(|| format!("batch {length}: the marker of {serial:?}"));
        self.uncommitted.push((length, Waiting::Marker(news)));
        let again = self.course.chance.between(15, 60);
        self.course.after(again, Event::Marker(index, serial));
    }

    fn hear_of_marker(&mut self, news: News) {
        if news.leader_epoch != self.leader_epoch {
            return;
        }
        let (end, before) = (news.end, news.before);
        self.course
            .say(|| format!("the coordinator hears of {news:?}"));
        self.step(coordinator::Event::TransactionEnded {
            partition: 0,
            end,
            before,
        });
        self.course
            .send(Event::Completed(news.producer, news.serial));
    }

    /// The transaction's coordinator hears that the marker is there.
    fn complete(&mut self, index: usize, serial: Serial) {
        let producer = &mut self.producers[index];
        if producer.serial != serial || producer.state == State::Open {
            return;
        }
        self.ledger.complete(serial);
        self.next_serial += 1;
        producer.complete(Serial(self.next_serial));
        self.course.say(|| format!("{serial:?} is complete"));
    }

    /// Followers have more of the log, perhaps all.
    fn replicate(&mut self) {
        let behind = u64::try_from(self.log.len() - self.log.committed).expect("small");
        let more = self.course.chance.between(0, behind);
        self.log.committed += usize::try_from(more).expect("small");
        let committed = self.log.committed;
        let waiting = std::mem::take(&mut self.uncommitted).into_iter();
        let (done, waiting) = waiting.partition(|(end, _)| *end <= committed);
        self.uncommitted = waiting;
        for (_, done) in done {
            match done {
                Waiting::Write(write) => {
                    let in_doubt = self.course.goes_wrong(4);
                    let result = if in_doubt {
                        self.course.say(|| format!("fault: {write:?} is in doubt"));
                        Err(ErrorCode::RequestTimedOut)
                    } else {
                        Ok(())
                    };
                    self.step(coordinator::Event::Stored { write, result });
                }
                Waiting::Marker(news) => {
                    // Each is told of by a task of its own, which runs when it runs.
                    let pause = if self.course.goes_wrong(15) {
                        self.course.chance.between(5, 120)
                    } else {
                        self.course.chance.between(0, 2)
                    };
                    self.course.after(pause, Event::News(news));
                }
            }
        }
        let pause = self.course.chance.between(1, 9);
        self.course.after(pause, Event::Replicated);
    }

    fn fetch(&mut self) {
        for stable in [false, true] {
            for partition in 0..PARTITIONS {
                let told = self.told(partition, stable);
                self.ledger.told(partition, &told, stable, &self.log);
            }
        }
        self.course.after(3, Event::Fetch);
    }

    fn fault(&mut self) {
        if self.course.healed {
            return;
        }
        let behind = u64::try_from(self.log.len() - self.log.committed).expect("small");
        let kept = self.course.chance.between(0, behind);
        self.course
            .say(|| format!("fault: another broker leads, with {kept} of {behind} batches more"));
        self.log.elect(usize::try_from(kept).expect("small"));
        self.lead();
        let pause = self.course.chance.between(40, 400);
        self.course.after(pause, Event::Fault);
    }

    /// Another broker leads, and reads the log.
    fn lead(&mut self) {
        self.leader_epoch = LeaderEpoch(self.leader_epoch.0 + 1);
        self.coordinator = coordinator();
        self.asked.clear();
        self.uncommitted.clear();
        self.step(coordinator::Event::LoadStarted {
            partition: 0,
            leader_epoch: self.leader_epoch,
        });
        let pause = self.course.chance.between(1, 10);
        self.course.after(pause, Event::Read(self.leader_epoch));
    }
}

impl Healing for World {
    fn now(&self) -> u64 {
        self.course.now_ms
    }

    fn run_until(&mut self, until: u64) -> Result<(), Violation> {
        while let Some(event) = self.course.next(until) {
            self.happen(event);
            self.ledger.verdict.so_far()?;
        }
        self.course.now_ms = until;
        Ok(())
    }

    /// What is open is aborted, as transactions that take too long are.
    fn heal(&mut self) {
        self.course.healed = true;
        for index in 0..self.producers.len() {
            if self.producers[index].state == State::Open {
                let act = self.producers[index].fence();
                self.carry_out_act(index, act);
            }
        }
    }

    fn what_is_wrong(&self) -> Option<String> {
        let unmarked = self.producers.iter().find(|it| it.state != State::Open);
        if let Some(producer) = unmarked {
            return Some(format!("{:?} has no marker", producer.serial));
        }
        (0..PARTITIONS).find_map(|partition| {
            let error = self.told(partition, true).err()?;
            Some(format!("partition {partition}: {error}"))
        })
    }
}
