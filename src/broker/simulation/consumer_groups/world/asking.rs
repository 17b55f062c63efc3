//! The coordinator: what it is asked, what it appends, who leads next.

use std::collections::VecDeque;
use std::time::Duration;

use super::super::member::{GROUP, TOPIC, TOPIC_ID};
use super::{Asked, Event, Process, World};
use crate::coordinator::{
    self, Assignor, CommitRequest, Config, ConsumerConfig, ConsumerGroupDescription, Coordinator,
    Effect, MemberIdentity, MigrationPolicy, Now, OffsetAndMetadata, Request, RequestId, Response,
    StoredRecord, WriteId,
};
use wire::{BrokerId, ErrorCode, LeaderEpoch, Offset, TopicPartition};

const SESSION_TIMEOUT: Duration = Duration::from_millis(60);

/// What a wall clock shows when a simulation begins.
const WALL_MS: i64 = 1_000_000;

impl World {
    /// A request arrives. What a member said before its last words counts no more.
    pub(super) fn ask(&mut self, process: Process, asked: Asked) {
        let (index, incarnation) = process;
        let member = &self.members[index];
        if let Asked::Heartbeat(number, _) = &asked
            && (member.incarnation != incarnation || !member.is_last(*number))
        {
            return;
        }
        let request = match &asked {
            Asked::Heartbeat(_, heartbeat) => Request::ConsumerHeartbeat(heartbeat.clone()),
            Asked::Commit(partition, member_id, epoch) => Request::Commit(CommitRequest {
                member: MemberIdentity {
                    group: GROUP.to_owned(),
                    generation: *epoch,
                    member_id: member_id.clone(),
                    group_instance_id: None,
                },
                knows_member_epochs: true,
                offsets: vec![(TopicPartition::new(TOPIC, *partition), offset())],
            }),
        };
        let id = RequestId(self.next_request);
        self.next_request += 1;
        self.course.say(|| format!("{id:?}: {asked:?}"));
        self.asked.insert(id, (process, asked));
        self.step(coordinator::Event::Request { id, request });
    }

    /// Lets the coordinator decide, and does what it says.
    pub(super) fn step(&mut self, event: coordinator::Event) {
        self.has_stepped = true;
        let now = Now {
            monotonic: Duration::from_millis(self.course.now_ms - self.started_ms),
            wall_ms: WALL_MS + i64::try_from(self.course.now_ms).expect("a simulation is short"),
        };
        let mut effects = VecDeque::from(self.coordinator.step(event, now));
        while let Some(effect) = effects.pop_front() {
            match effect {
                Effect::Respond { to, response } => self.respond(to, response),
                Effect::Report(report) => self.course.say(|| format!("{report:?}")),
                Effect::Store { write, records, .. } => {
                    if let Err(error) = self.store(write, records) {
                        let result = Err(error);
                        let refused = coordinator::Event::Stored { write, result };
                        effects.extend(self.coordinator.step(refused, now));
                    }
                }
            }
        }
        if let Some(next) = self.coordinator.next_deadline() {
            let next = self.started_ms + u64::try_from(next.as_millis()).unwrap_or(u64::MAX / 2);
            let next = next.max(self.course.now_ms + 1);
            if self.wakes_at.is_none_or(|at| next < at) {
                self.wakes_at = Some(next);
                self.course
                    .after(next - self.course.now_ms, Event::Tick(next));
            }
        }
    }

    fn store(&mut self, write: WriteId, records: Vec<StoredRecord>) -> Result<(), ErrorCode> {
        if self.course.goes_wrong(3) {
            self.course.say(|| format!("fault: {write:?} is refused"));
            return Err(ErrorCode::NotEnoughReplicas);
        }
        let end = self.log.append(records);
        self.uncommitted.push((end, write));
        Ok(())
    }

    fn respond(&mut self, to: RequestId, response: Response) {
        let Some((process, asked)) = self.asked.remove(&to) else {
            return;
        };
        self.course.say(|| format!("{to:?}: {response:?}"));
        match (asked, response) {
            (Asked::Heartbeat(number, _), Response::ConsumerHeartbeat(answer)) => {
                let answer = answer.map_err(|refusal| refusal.error);
                self.course.send(Event::Told(process, number, answer));
            }
            (Asked::Commit(partition, ..), Response::Commit(results))
                if results.iter().all(|(_, error)| error.is_none()) =>
            {
                self.ledger.committed(process, partition, &self.members);
            }
            _ => {}
        }
    }

    /// Followers have more of the log, perhaps all.
    pub(super) fn replicate(&mut self) {
        let more = self.course.chance.between(0, self.log.uncommitted());
        self.log.replicated(more);
        let committed = self.log.committed;
        let waiting = std::mem::take(&mut self.uncommitted).into_iter();
        let (done, waiting) = waiting.partition(|(end, _)| *end <= committed);
        self.uncommitted = waiting;
        let done: Vec<(usize, WriteId)> = done;
        for (_, write) in done {
            let in_doubt = self.course.goes_wrong(3);
            let result = if in_doubt {
                self.course.say(|| format!("fault: {write:?} is in doubt"));
                Err(ErrorCode::RequestTimedOut)
            } else {
                Ok(())
            };
            self.step(coordinator::Event::Stored { write, result });
        }
        let pause = if self.course.goes_wrong(4) {
            self.course.chance.between(10, 60)
        } else {
            self.course.chance.between(1, 5)
        };
        self.course.after(pause, Event::Replicated);
    }

    /// Another broker leads, and reads the log.
    pub(super) fn lead(&mut self) {
        self.leader_epoch = LeaderEpoch(self.leader_epoch.0 + 1);
        self.coordinator = coordinator();
        self.started_ms = self.course.now_ms;
        self.wakes_at = None;
        self.asked.clear();
        self.uncommitted.clear();
        self.step(topics(self.partitions));
        self.step(coordinator::Event::LoadStarted {
            partition: 0,
            leader_epoch: self.leader_epoch,
        });
        let replay = Box::new(self.log.replay());
        let pause = self.course.chance.between(1, 30);
        self.course
            .after(pause, Event::Loaded(self.leader_epoch, replay));
    }

    pub(super) fn described(&self) -> Result<ConsumerGroupDescription, String> {
        let group = self.coordinator.describe_consumer(GROUP);
        let group = group.map_err(|error| error.to_string())?;
        group.ok_or_else(|| "there is no group".to_owned())
    }
}

/// What there is to subscribe to.
pub(super) fn topics(partitions: i32) -> coordinator::Event {
    let topic = (TOPIC.to_owned(), TOPIC_ID, partitions);
    coordinator::Event::TopicsChanged {
        topics: vec![topic],
    }
}

fn offset() -> OffsetAndMetadata {
    OffsetAndMetadata {
        offset: Offset(0),
        leader_epoch: LeaderEpoch(-1),
        metadata: String::new(),
        commit_timestamp_ms: WALL_MS,
        expire_timestamp_ms: None,
    }
}

pub(super) fn coordinator() -> Coordinator {
    let config = Config {
        broker: BrokerId(1),
        session_timeout_min_ms: 1,
        session_timeout_max_ms: 1_000,
        initial_rebalance_delay: Duration::ZERO,
        group_size_max: 100,
        offsets_retention_ms: i64::MAX,
        retention_check_interval: Duration::from_secs(3_600),
        offset_metadata_bytes_max: 0,
        new_member_join_timeout: SESSION_TIMEOUT,
        consumer: ConsumerConfig {
            is_enabled: true,
            session_timeout: SESSION_TIMEOUT,
            heartbeat_interval_ms: 10,
            assignment_interval_ms: 15,
            group_size_max: 100,
            assignors: Assignor::ALL.to_vec(),
            migration_policy: MigrationPolicy::Disabled,
        },
    };
    let beginning = Now {
        monotonic: Duration::ZERO,
        wall_ms: WALL_MS,
    };
    Coordinator::new(config, 1, beginning)
}
