//! A broker's process around the coordinator: requests that wait, writes on their way, its time.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use super::{
    GROUP,
    division::partition,
    message::{Ask, Client, Committed, Told},
    world::{Event, World},
};
use crate::coordinator::{
    self, CommitRequest, Config, ConsumerConfig, Coordinator, Effect, MigrationPolicy, Now,
    Request, RequestId, WriteId,
};
use wire::{BrokerId, LeaderEpoch, report::Report};

/// `offsets.retention.minutes`, and how often it is looked for offsets that are past it.
const OFFSETS_RETENTION_MS: i64 = 150;
const RETENTION_CHECK: Duration = Duration::from_millis(40);

/// `group.initial.rebalance.delay.ms`.
const INITIAL_DELAY: Duration = Duration::from_millis(10);

/// How long the first `JoinGroup` of a new member may be held.
const NEW_MEMBER_TIMEOUT: Duration = Duration::from_millis(300);

/// What a wall clock shows when a simulation begins.
const WALL_MS: i64 = 1_000_000;

/// A broker's machine.
#[derive(Debug)]
pub(super) struct Broker {
    pub(super) id: BrokerId,
    pub(super) process: Option<Process>,
    pub(super) incarnation: u64,
    pub(super) is_frozen: bool,
    /// What came while it was frozen.
    pub(super) deferred: Vec<Event>,
    /// How far its wall clock jumped.
    pub(super) wall_ahead: i64,
    /// Until when it does not hear who leads.
    pub(super) is_deaf_until: u64,
}

/// The memory of a broker.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) coordinator: Coordinator,
    pub(super) started: u64,
    pub(super) requests: u64,
    pub(super) waiting: BTreeMap<RequestId, Waiting>,
    pub(super) writes: BTreeMap<WriteId, Write>,
    /// Who leads `__consumer_offsets`, as it knows.
    pub(super) hears: (LeaderEpoch, Option<BrokerId>),
    /// The group's life as it was read from the log.
    pub(super) life: u64,
    pub(super) wakes_at: Option<u64>,
}

/// A request that is not answered yet.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) client: Client,
    pub(super) number: u64,
    pub(super) request: Request,
    /// Where the offsets that it brings stand in the log.
    pub(super) written: Option<(LeaderEpoch, usize)>,
}

/// A write that is not known to be committed.
#[derive(Debug)]
pub(super) struct Write {
    pub(super) epoch: LeaderEpoch,
    pub(super) index: usize,
    pub(super) is_decided: bool,
}

/// Members of the consumer protocol do not take part.
fn consumer_config() -> ConsumerConfig {
    ConsumerConfig {
        is_enabled: false,
        session_timeout: NEW_MEMBER_TIMEOUT,
        heartbeat_interval_ms: 1,
        assignment_interval_ms: 0,
        group_size_max: 0,
        assignors: Vec::new(),
        migration_policy: MigrationPolicy::Disabled,
    }
}

impl Broker {
    pub(super) fn new(id: BrokerId) -> Self {
        Self {
            id,
            process: None,
            incarnation: 0,
            is_frozen: false,
            deferred: Vec::new(),
            wall_ahead: 0,
            is_deaf_until: 0,
        }
    }
}

impl Process {
    pub(super) fn start(id: BrokerId, now: u64) -> Self {
        let config = Config {
            broker: id,
            session_timeout_min_ms: 1,
            session_timeout_max_ms: 1_000,
            initial_rebalance_delay: INITIAL_DELAY,
            group_size_max: 100,
            offsets_retention_ms: OFFSETS_RETENTION_MS,
            retention_check_interval: RETENTION_CHECK,
            offset_metadata_bytes_max: 8,
            new_member_join_timeout: NEW_MEMBER_TIMEOUT,
            consumer: consumer_config(),
        };
        let beginning = Now {
            monotonic: Duration::ZERO,
            wall_ms: WALL_MS,
        };
        Self {
            coordinator: Coordinator::new(config, 1, beginning),
            started: now,
            requests: 0,
            waiting: BTreeMap::new(),
            writes: BTreeMap::new(),
            hears: (LeaderEpoch(-1), None),
            life: 0,
            wakes_at: None,
        }
    }

    /// Who leads, as far as this process knows.
    pub(super) fn leader(&self) -> Option<BrokerId> {
        self.hears.1
    }

    pub(super) fn coordinator(&self) -> &Coordinator {
        &self.coordinator
    }
}

impl World {
    /// Lets a broker's coordinator decide, and does what it says, as the shell of the product does.
    pub(super) fn step(&mut self, id: BrokerId, event: coordinator::Event) {
        let (now, wall_ahead) = (self.now, self.broker(id).wall_ahead);
        let Some(mut process) = self.broker(id).process.take() else {
            return;
        };
        let now = Now {
            monotonic: Duration::from_millis(now - process.started),
            wall_ms: WALL_MS + i64::try_from(now).expect("a simulation is short") + wall_ahead,
        };
        let mut effects = VecDeque::from(process.coordinator.step(event, now));
        loop {
            while let Some(effect) = effects.pop_front() {
                if let Some(stored) = self.carry_out(id, &mut process, effect) {
                    effects.extend(process.coordinator.step(stored, now));
                }
            }
            match process.coordinator.next_deadline() {
                Some(due) if due <= now.monotonic => {
                    effects.extend(process.coordinator.step(coordinator::Event::Tick, now));
                }
                next => {
                    let next = next.map(|due| {
                        process.started + u64::try_from(due.as_millis()).expect("it is soon")
                    });
                    if let Some(at) = next
                        && process.wakes_at.is_none_or(|before| at < before)
                    {
                        process.wakes_at = Some(at);
                        let incarnation = self.broker(id).incarnation;
                        let ms = at - self.now;
                        self.after(ms, Event::Wake(id, incarnation));
                    }
                    break;
                }
            }
        }
        self.broker(id).process = Some(process);
    }

    /// A deadline may be due.
    pub(super) fn wake(&mut self, id: BrokerId) {
        if let Some(process) = &mut self.broker(id).process {
            process.wakes_at = None;
        }
        self.step(id, coordinator::Event::Tick);
    }

    fn carry_out(
        &mut self,
        id: BrokerId,
        process: &mut Process,
        effect: Effect,
    ) -> Option<coordinator::Event> {
        match effect {
            Effect::Respond { to, response } => {
                if let Some(waiting) = process.waiting.remove(&to) {
                    self.check_response(process, &waiting, &response);
                    self.answer(id, waiting.client, waiting.number, Told::Group(response));
                }
                None
            }
            Effect::Report(report) => {
                self.say(|| format!("broker {id}: {}", shown(&report)));
                None
            }
            Effect::Store {
                write,
                leader_epoch,
                records,
                ..
            } => {
                let stored = self.store(id, process, write, leader_epoch, records);
                let result = Err(stored.err()?);
                Some(coordinator::Event::Stored { write, result })
            }
        }
    }

    /// A request arrives.
    pub(super) fn serve(&mut self, id: BrokerId, client: Client, number: u64, ask: Ask) {
        let wall_ms = WALL_MS + i64::try_from(self.now).unwrap_or_default();
        let arrival = self.arrivals + 1;
        self.arrivals = arrival;
        let mut request = match ask {
            Ask::Group(request) => request,
            Ask::Offsets(partitions) => {
                self.fetch_offsets(id, client, number, &partitions);
                return;
            }
        };
        match &mut request {
            Request::Join(join) => {
                join.new_member_suffix = arrival.to_string();
                if let Some(instance) = join.group_instance_id.as_deref()
                    && join.member_id.is_empty()
                {
                    self.ledger.takes_instance(instance, arrival);
                }
            }
            Request::Commit(CommitRequest { offsets, .. }) => {
                for (_, offset) in offsets {
                    offset.commit_timestamp_ms = wall_ms;
                }
            }
            _ => {}
        }
        let Some(process) = &mut self.broker(id).process else {
            return;
        };
        let request_id = RequestId(process.requests);
        process.requests += 1;
        let waiting = Waiting {
            client,
            number,
            request: request.clone(),
            written: None,
        };
        process.waiting.insert(request_id, waiting);
        let asked = coordinator::Event::Request {
            id: request_id,
            request,
        };
        self.step(id, asked);
    }

    fn fetch_offsets(&mut self, id: BrokerId, client: Client, number: u64, partitions: &[i32]) {
        let Some(process) = &self.broker(id).process else {
            return;
        };
        let epoch = process.hears.0;
        let partitions: Vec<_> = partitions.iter().map(|index| partition(*index)).collect();
        let told = process
            .coordinator
            .fetch_offsets(GROUP, Some(&partitions), false);
        let told = told.map(|told| {
            let told = told.into_iter();
            told.map(|(at, value)| {
                let value = value.expect("no transaction changes it");
                (at.partition, value.map(|value| value.offset))
            })
            .collect::<Committed>()
        });
        if let Ok(told) = &told {
            self.ledger.told(epoch, told, &self.log);
        }
        self.answer(id, client, number, Told::Offsets(told));
    }
}

/// A report in a line.
fn shown(report: &Report) -> String {
    match report {
        Report::GroupState {
            state,
            generation,
            why,
            ..
        } => {
            let why = why.told(|member| member.member.clone());
            format!("{state}, generation {generation}: {why}")
        }
        Report::GroupMember {
            member, step, why, ..
        } => {
            let why = why.told(|member| member.member.clone());
            format!("{member} {step:?} {why}")
        }
        Report::GroupsLoaded { groups, epoch, .. } => {
            format!("loaded {groups:?} at epoch {epoch}")
        }
        other => format!("{other:?}"),
    }
}
