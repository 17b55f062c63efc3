//! The coordinator of groups: what it is asked, what it appends, and what it tells.

use std::collections::VecDeque;
use std::time::Duration;

use super::super::log::Batch;
use super::super::producer::State;
use super::{Asked, Event, Waiting, World};
use crate::coordinator::{
    self, CommitRequest, Config, ConsumerConfig, Coordinator, Effect, MemberIdentity,
    MigrationPolicy, Now, OffsetAndMetadata, Request, RequestId, Response, StoredRecord, WriteId,
};
use wire::{BrokerId, ErrorCode, LeaderEpoch, Offset, TopicPartition};

const GROUP: &str = "billing";

impl World {
    /// The coordinator of the transaction says whether a commit is part of it still, and the group's takes it.
    pub(super) fn commit(&mut self, asked: Asked) {
        if let (Some((index, _)), Some((serial, _))) = (asked.by, asked.transaction) {
            let producer = &self.producers[index];
            if producer.serial != serial || producer.state != State::Open {
                return;
            }
        }
        let offsets = asked.values.iter();
        let commit = CommitRequest {
            member: MemberIdentity {
                group: GROUP.to_owned(),
                generation: -1,
                member_id: String::new(),
                group_instance_id: None,
            },
            knows_member_epochs: true,
            offsets: offsets
                .map(|(partition, value)| (at(*partition), offset(*value)))
                .collect(),
        };
        let request = match asked.transaction {
            None => Request::Commit(commit),
            Some((_, producer)) => Request::CommitInTransaction { producer, commit },
        };
        let id = RequestId(self.next_request);
        self.next_request += 1;
        self.course.say(|| format!("{id:?}: {asked:?}"));
        self.asked.insert(id, asked);
        self.step(coordinator::Event::Request { id, request });
    }

    /// Lets the coordinator decide, and does what it says.
    pub(super) fn step(&mut self, event: coordinator::Event) {
        let now = now(self.course.now_ms);
        let mut effects = VecDeque::from(self.coordinator.step(event, now));
        while let Some(effect) = effects.pop_front() {
            match effect {
                Effect::Respond { to, response } => self.respond(to, &response),
                Effect::Report(_) => {}
                Effect::Store { write, records, .. } => {
                    if let Err(error) = self.store(write, records) {
                        let result = Err(error);
                        let refused = coordinator::Event::Stored { write, result };
                        effects.extend(self.coordinator.step(refused, now));
                    }
                }
            }
        }
    }

    /// Appends what the request that came last is about.
    fn store(&mut self, write: WriteId, records: Vec<StoredRecord>) -> Result<(), ErrorCode> {
        if self.course.goes_wrong(4) {
            self.course.say(|| format!("fault: {write:?} is refused"));
            return Err(ErrorCode::NotEnoughReplicas);
        }
        let (_, asked) = self.asked.last_key_value().expect("a request");
        let batch = Batch::Offsets {
            records,
            values: asked.values.clone(),
            transaction: asked.transaction,
        };
        let end = self.log.append(batch);
        self.uncommitted.push((end, Waiting::Write(write)));
        Ok(())
    }

    fn respond(&mut self, to: RequestId, response: &Response) {
        let Some(asked) = self.asked.remove(&to) else {
            return;
        };
        self.course.say(|| format!("{to:?}: {response:?}"));
        let Response::Commit(results) = response else {
            return;
        };
        let acknowledged = results.iter().all(|(_, error)| error.is_none());
        let serial = asked.transaction.map(|(serial, _)| serial);
        if acknowledged {
            // Whoever was told counts on it, also where the answer is lost: it is in every in-sync replica.
            self.ledger.acknowledge(serial, &asked.values, &self.log);
        }
        if let Some((index, number)) = asked.by {
            self.course.send(Event::Told(index, number, acknowledged));
        }
    }

    pub(super) fn told(&self, partition: i32, stable: bool) -> coordinator::FoundOffset {
        let partitions = [at(partition)];
        let told = self
            .coordinator
            .fetch_offsets(GROUP, Some(&partitions), stable)?;
        told.into_iter().next().map_or(Ok(None), |(_, found)| found)
    }
}

fn at(partition: i32) -> TopicPartition {
    TopicPartition::new("orders", partition)
}

fn offset(value: i64) -> OffsetAndMetadata {
    OffsetAndMetadata {
        offset: Offset(value),
        leader_epoch: LeaderEpoch(-1),
        metadata: String::new(),
        commit_timestamp_ms: 0,
        expire_timestamp_ms: None,
    }
}

fn now(ms: u64) -> Now {
    Now {
        monotonic: Duration::from_millis(ms),
        wall_ms: i64::try_from(ms).expect("a simulation is short"),
    }
}

/// One that forgets nothing, and has no members.
pub(super) fn coordinator() -> Coordinator {
    let config = Config {
        broker: BrokerId(1),
        session_timeout_min_ms: 1,
        session_timeout_max_ms: 1_000,
        initial_rebalance_delay: Duration::ZERO,
        group_size_max: 1,
        offsets_retention_ms: i64::MAX,
        retention_check_interval: Duration::MAX,
        offset_metadata_bytes_max: 0,
        new_member_join_timeout: Duration::MAX,
        consumer: ConsumerConfig {
            is_enabled: false,
            session_timeout: Duration::MAX,
            heartbeat_interval_ms: 1,
            assignment_interval_ms: 0,
            group_size_max: 0,
            assignors: Vec::new(),
            migration_policy: MigrationPolicy::Disabled,
        },
    };
    Coordinator::new(config, 1, now(0))
}
