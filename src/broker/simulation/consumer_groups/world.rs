//! Everything of one seed: what travels, who acts next, and what goes wrong.

mod asking;

use std::collections::{BTreeMap, BTreeSet};

use self::asking::{coordinator, topics};
use super::super::course::{Course, Travel};
use super::super::promises::{Healing, Violation};
use super::super::transcript::Transcript;
use super::ledger::Ledger;
use super::log::OffsetsLog;
use super::member::{GROUP, Member, Process as State};
use crate::coordinator::{
    self, ConsumerHeartbeat, ConsumerHeartbeatAnswer, Coordinator, Replay, RequestId, WriteId,
};
use wire::{ErrorCode, GroupState, LeaderEpoch};

/// How long faults happen, and how long everything may take to end once they are over, in milliseconds.
const FAULTS_MS: u64 = 800;
const HEALING_MS: u64 = 2_000;

/// How long a member waits for an answer.
const PATIENCE_MS: u64 = 25;

const TRAVEL: Travel = Travel {
    lost_percent: 3,
    slowest_ms: 4,
};

/// The epochs with which a member leaves for good, and to come back.
const LEAVE: i32 = -1;
const LEAVE_STATIC: i32 = -2;

/// Three dynamic members and a static one.
const INSTANCES: [Option<&str>; 4] = [None, None, None, Some("s4")];

pub(super) struct World {
    course: Course<Event>,
    coordinator: Coordinator,
    /// When the coordinator began: its time counts from there.
    started_ms: u64,
    leader_epoch: LeaderEpoch,
    /// When the coordinator looks at the time next.
    wakes_at: Option<u64>,
    log: OffsetsLog,
    /// Writes that not every in-sync replica has, and how long the log was with each.
    uncommitted: Vec<(usize, WriteId)>,
    partitions: i32,
    members: Vec<Member>,
    /// Those that the coordinator has, as it was asked last.
    ids: BTreeSet<String>,
    has_stepped: bool,
    ledger: Ledger,
    /// Who asked what, and is not answered.
    asked: BTreeMap<RequestId, (Process, Asked)>,
    next_request: u64,
}

/// A process of a consumer, by its place among the members.
type Process = (usize, u64);

#[derive(Debug, Clone)]
enum Asked {
    /// A heartbeat of this number.
    Heartbeat(u64, Box<ConsumerHeartbeat>),
    /// A commit of this partition in this epoch.
    Commit(i32, String, i32),
}

#[derive(Debug)]
enum Event {
    Act(Process),
    GiveUp(Process, u64),
    Asked(Process, Asked),
    Told(Process, u64, Result<ConsumerHeartbeatAnswer, ErrorCode>),
    Start(usize),
    Tick(u64),
    Replicated,
    Loaded(LeaderEpoch, Box<Replay>),
    Fault,
}

impl World {
    pub(super) fn new(seed: u64, transcript: Transcript) -> Self {
        let members = INSTANCES.iter().enumerate();
        let members =
            members.map(|(index, instance)| Member::new(index, instance.map(str::to_owned)));
        let mut world = Self {
            course: Course::new(seed, transcript, TRAVEL),
            coordinator: coordinator(),
            started_ms: 0,
            leader_epoch: LeaderEpoch(0),
            wakes_at: None,
            log: OffsetsLog::default(),
            uncommitted: Vec::new(),
            partitions: 4,
            members: members.collect(),
            ids: BTreeSet::new(),
            has_stepped: false,
            ledger: Ledger::default(),
            asked: BTreeMap::new(),
            next_request: 0,
        };
        world.lead();
        for index in 0..INSTANCES.len() {
            let later = world.course.chance.between(5, 60);
            world.course.after(later, Event::Start(index));
        }
        world.course.after(1, Event::Replicated);
        world.course.after(40, Event::Fault);
        world
    }

    pub(super) fn run(&mut self) -> Result<(), Violation> {
        self.run_until(FAULTS_MS)?;
        self.heals_within(HEALING_MS)
    }

    /// What was told of it.
    pub(super) fn into_transcript(self) -> Transcript {
        self.course.transcript
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Act(process) => self.act(process),
            Event::GiveUp((index, incarnation), number) => {
                let member = &mut self.members[index];
                if member.incarnation == incarnation {
                    member.give_up(number);
                }
            }
            Event::Asked(process, asked) => self.ask(process, asked),
            Event::Told((index, incarnation), number, answer) => {
                let member = &mut self.members[index];
                if member.process == State::Runs && member.incarnation == incarnation {
                    if let Ok(answer) = &answer
                        && member.awaits(number)
                    {
                        self.ledger.epoch(member, answer.member_epoch);
                    }
                    member.hear(number, answer);
                    if member.process == State::IsOver {
                        self.stop(index);
                    }
                }
            }
            Event::Start(index) => {
                let member = &mut self.members[index];
                if member.process != State::Runs {
                    member.start();
                    let process = (index, member.incarnation);
                    self.act(process);
                }
            }
            Event::Tick(at) if self.wakes_at == Some(at) => {
                self.wakes_at = None;
                self.step(coordinator::Event::Tick);
            }
            // It was woken before.
            Event::Tick(_) => {}
            Event::Replicated => self.replicate(),
            Event::Loaded(leader_epoch, replay) => {
                self.course
                    .say(|| format!("the log is read under epoch {leader_epoch}"));
                self.step(coordinator::Event::Loaded {
                    partition: 0,
                    leader_epoch,
                    replay,
                });
            }
            Event::Fault => self.fault(),
        }
        self.look();
    }

    /// Holds the consumers against each other; the coordinator is asked for its members only when it did something.
    fn look(&mut self) {
        if std::mem::take(&mut self.has_stepped)
            && let Ok(group) = self.coordinator.describe_consumer(GROUP)
        {
            let members = group.into_iter().flat_map(|group| group.members);
            self.ids = members.map(|member| member.member_id).collect();
        }
        let ids = &self.ids;
        self.ledger.look(&mut self.members, |id| ids.contains(id));
    }

    fn act(&mut self, process: Process) {
        let (index, incarnation) = process;
        let member = &mut self.members[index];
        if member.process != State::Runs || member.incarnation != incarnation {
            return;
        }
        if member.frozen_until > self.course.now_ms {
            let left = member.frozen_until - self.course.now_ms;
            self.course.after(left, Event::Act(process));
            return;
        }
        // What it read it commits before it gives up, and now and then.
        if self.course.chance.percent(40)
            && let Some(partition) = member.reads(&mut self.course.chance)
        {
            let asked = Asked::Commit(partition, member.id.clone(), member.epoch);
            if self.course.goes_wrong(15) {
                let late = self.course.chance.between(10, 120);
                self.course
                    .say(|| format!("fault: late by {late} ms: {asked:?}"));
                self.course.after(late, Event::Asked(process, asked));
            } else {
                self.course.send(Event::Asked(process, asked));
            }
        }
        if let Some((number, heartbeat)) = self.members[index].beat() {
            self.course
                .after(PATIENCE_MS, Event::GiveUp(process, number));
            self.course.send(Event::Asked(
                process,
                Asked::Heartbeat(number, Box::new(heartbeat)),
            ));
        }
        let pause = self.course.chance.between(3, 15);
        self.course.after(pause, Event::Act(process));
    }

    fn stop(&mut self, index: usize) {
        self.members[index].stop();
        let pause = self.course.chance.between(5, 120);
        self.course.after(pause, Event::Start(index));
    }

    fn fault(&mut self) {
        if self.course.healed {
            return;
        }
        let indexes: Vec<usize> = (0..self.members.len()).collect();
        let index = self.course.chance.pick(&indexes).expect("some");
        let member = &mut self.members[index];
        match self.course.chance.between(0, 99) {
            0..=29 => {
                let kept = self.course.chance.between(0, self.log.uncommitted());
                self.course
                    .say(|| format!("fault: another broker leads, with {kept} batches more"));
                self.log.elect(kept);
                self.lead();
            }
            30..=49 => {
                let ms = self.course.chance.between(20, 160);
                member.frozen_until = self.course.now_ms + ms;
                self.course
                    .say(|| format!("fault: consumer {index} stands still for {ms} ms"));
            }
            50..=69 => {
                self.course
                    .say(|| format!("fault: consumer {index} is killed"));
                self.stop(index);
            }
            70..=94 if member.process == State::Runs && member.epoch > 0 => {
                let comes_back = member.instance.is_some() && self.course.chance.percent(70);
                let epoch = if comes_back { LEAVE_STATIC } else { LEAVE };
                let process = (index, member.incarnation);
                let (number, leave) = member.leave(epoch);
                self.course
                    .say(|| format!("fault: consumer {index} leaves with {epoch}"));
                self.course.send(Event::Asked(
                    process,
                    Asked::Heartbeat(number, Box::new(leave)),
                ));
                let pause = self.course.chance.between(5, 120);
                self.course.after(pause, Event::Start(index));
            }
            _ if self.partitions < 7 => {
                self.partitions += 1;
                let partitions = self.partitions;
                self.course
                    .say(|| format!("fault: the topic has {partitions} partitions"));
                self.step(topics(partitions));
            }
            _ => {}
        }
        let pause = self.course.chance.between(10, 90);
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
            self.ledger.verdict.so_far()?;
        }
        self.course.now_ms = until;
        Ok(())
    }

    fn heal(&mut self) {
        self.course.healed = true;
        for index in 0..self.members.len() {
            self.members[index].frozen_until = 0;
            self.course.after(200, Event::Start(index));
        }
    }

    fn what_is_wrong(&self) -> Option<String> {
        let group = match self.described() {
            Ok(group) => group,
            Err(why) => return Some(why),
        };
        if group.state != GroupState::Stable {
            return Some(format!(
                "the group is {:?}: {:?}",
                group.state, group.members
            ));
        }
        let ids: BTreeSet<&str> = group
            .members
            .iter()
            .map(|it| it.member_id.as_str())
            .collect();
        let alive: BTreeSet<&str> = self.members.iter().map(|it| it.id.as_str()).collect();
        if ids != alive {
            return Some(format!("the members are {ids:?}, the consumers {alive:?}"));
        }
        for member in &group.members {
            let consumer = self.members.iter().find(|it| it.id == member.member_id)?;
            let topics = member.assignment.iter();
            let assigned: BTreeSet<i32> = topics.flat_map(|it| it.partitions.clone()).collect();
            if consumer.process != State::Runs || !consumer.counts_in || consumer.owned != assigned
            {
                return Some(format!("{consumer:?} is to read {assigned:?}"));
            }
        }
        let readers = self.members.iter().flat_map(|it| it.owned.iter().copied());
        let mut read: Vec<i32> = readers.collect();
        read.sort_unstable();
        let all: Vec<i32> = (0..self.partitions).collect();
        (read != all).then(|| format!("{read:?} are read of {all:?}"))
    }
}
