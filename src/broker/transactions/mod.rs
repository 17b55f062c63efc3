//! Decides everything about transactions: who is the producer of a transactional id, what belongs to its transaction,
//! how that ends. Pure: requests, time and outcomes of writes go in, answers, writes and markers come out.
//! Follows KIP-98, KIP-360 and KIP-890.
//!
//! Nothing is done before it is written: a change is pending from its request until every in-sync replica has its
//! record, and whoever asks meanwhile hears `CONCURRENT_TRANSACTIONS`. So what a later leader reads is what was said.

mod adding;
mod ending;
mod event;
mod initialising;
mod leadership;
mod marking;
mod metadata;
mod outcomes;
mod queries;
mod record;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

pub(crate) use event::{
    AddRequest, Effect, EndRequest, Event, InitRequest, Mark, Marked, ProducerIdentity, Request,
    Response,
};
pub(crate) use leadership::Replay;
pub(crate) use metadata::TransactionState;
pub(crate) use queries::{Filter, TransactionDescription};

use crate::coordinator::{Now, RequestId, StoredRecord, WriteId};
use crate::internal_topic::partition_for;
#[cfg(test)]
use crate::planted::{self, Bug};
use metadata::Metadata;
use wire::{ErrorCode, LeaderEpoch, TopicPartition};

/// A key's string ends here; a longer id could not be stored whole.
const TRANSACTIONAL_ID_BYTES_MAX: usize = 32_767;

/// How long what failed for a reason that goes away waits until it is tried again.
const RETRY_AFTER: Duration = Duration::from_millis(20);

/// The settings that transactions obey.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    pub(crate) timeout_max_ms: i32,
    /// How often transactions are looked for that are open for too long.
    pub(crate) timeout_check_interval: Duration,
    /// How long an id is kept whose transaction ended.
    pub(crate) id_expiration_ms: i64,
    pub(crate) expiration_check_interval: Duration,
}

/// All transactional ids that this broker coordinates.
#[derive(Debug)]
pub(crate) struct Transactions {
    config: Config,
    /// Partitions of `__transaction_state`, of all brokers together.
    partition_count: i32,
    /// The ones that this broker leads.
    led: BTreeMap<i32, Led>,
    /// By id. Invariant: the partition that keeps each is in `led`, loaded, under the same epoch.
    ids: BTreeMap<String, Transaction>,
    writes: BTreeMap<WriteId, String>,
    next_write: u64,
    next_timeout_check: Duration,
    next_expiration_check: Duration,
    /// Ids whose markers or whose write are to be tried again, by when.
    retries: BTreeSet<(Duration, String)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Led {
    leader_epoch: LeaderEpoch,
    loaded: bool,
}

/// One transactional id.
#[derive(Debug)]
struct Transaction {
    partition: i32,
    leader_epoch: LeaderEpoch,
    /// What every in-sync replica has. [`metadata::NO_EPOCH`]: nothing yet.
    stored: Metadata,
    pending: Option<Pending>,
    /// Partitions whose markers are on their way.
    marking: BTreeSet<TopicPartition>,
}

/// A change whose record is on its way.
#[derive(Debug)]
struct Pending {
    write: WriteId,
    /// `None`: the id is forgotten.
    target: Option<Metadata>,
    then: Then,
}

/// Who hears of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    /// The producer hears its id and epoch.
    TellProducer(RequestId),
    /// The producer has to ask again: first the open transaction is aborted.
    TellToAskAgain(RequestId),
    TellAdded(RequestId),
    Nothing,
}

impl Pending {
    /// Whether the outcome of the open transaction is decided with it.
    fn decides(&self) -> bool {
        let target = self.target.as_ref();
        target.is_none_or(|target| target.state.decided().is_some())
    }
}

impl Transactions {
    /// A coordinator without partitions. `partition_count` is that of `__transaction_state`.
    pub(crate) fn new(config: Config, partition_count: i32, now: Now) -> Self {
        Self {
            next_timeout_check: now.monotonic.saturating_add(config.timeout_check_interval),
            next_expiration_check: now
                .monotonic
                .saturating_add(config.expiration_check_interval),
            config,
            partition_count: partition_count.max(1),
            led: BTreeMap::new(),
            ids: BTreeMap::new(),
            writes: BTreeMap::new(),
            next_write: 0,
            retries: BTreeSet::new(),
        }
    }

    /// `__transaction_state` exists with this many partitions.
    pub(crate) fn set_partition_count(&mut self, partition_count: i32) {
        self.partition_count = partition_count.max(1);
    }

    /// When [`Event::Tick`] has something to do next.
    pub(crate) fn next_deadline(&self) -> Duration {
        let checks = self.next_timeout_check.min(self.next_expiration_check);
        let retry = self.retries.first().map_or(checks, |(at, _)| *at);
        checks.min(retry)
    }

    /// Decides. Effects are to be carried out in their order.
    pub(crate) fn step(&mut self, event: Event, now: Now) -> Vec<Effect> {
        let mut effects = Vec::new();
        match event {
            Event::Request { id, request } => {
                let answer = match request {
                    Request::Init(request) => self.initialise(id, &request, now, &mut effects),
                    Request::AddPartitions(request) => self
                        .add_partitions(id, request, now, &mut effects)
                        .map(Response::Added),
                    Request::End(request) => self.end(id, &request, now, &mut effects),
                };
                if let Some(response) = answer {
                    effects.push(Effect::Respond { to: id, response });
                }
            }
            Event::Tick => self.tick(now, &mut effects),
            Event::Stored { write, result } => self.stored(write, result, now, &mut effects),
            Event::Marked { mark, results } => self.marked(&mark, results, now, &mut effects),
            Event::LoadStarted {
                partition,
                leader_epoch,
            } => self.load_started(partition, leader_epoch, &mut effects),
            Event::Loaded {
                partition,
                leader_epoch,
                replay,
            } => self.loaded(partition, leader_epoch, replay, now, &mut effects),
            Event::Resigned { partition } => {
                self.led.remove(&partition);
                self.unload(partition, &mut effects);
            }
        }
        effects
    }

    /// The partition that keeps the id, if that is here and loaded.
    fn checked(&self, transactional_id: &str) -> Result<(i32, LeaderEpoch), ErrorCode> {
        if transactional_id.is_empty() || transactional_id.len() > TRANSACTIONAL_ID_BYTES_MAX {
            return Err(ErrorCode::InvalidRequest);
        }
        let partition = partition_for(transactional_id, self.partition_count);
        match self.led.get(&partition) {
            None => Err(ErrorCode::NotCoordinator),
            Some(led) if !led.loaded => Err(ErrorCode::CoordinatorLoadInProgress),
            Some(led) => Ok((partition, led.leader_epoch)),
        }
    }

    /// Writes what the id shall become; [`Then`] follows the outcome.
    fn write(
        &mut self,
        transactional_id: &str,
        target: Option<Metadata>,
        then: Then,
        effects: &mut Vec<Effect>,
    ) {
        let Some(transaction) = self.ids.get_mut(transactional_id) else {
            return;
        };
        let write = WriteId(self.next_write);
        self.next_write += 1;
        self.writes.insert(write, transactional_id.to_owned());
        effects.push(Effect::Store {
            write,
            partition: transaction.partition,
            leader_epoch: transaction.leader_epoch,
            record: StoredRecord {
                key: record::encode_key(transactional_id),
                value: target.as_ref().map(Metadata::encode),
            },
        });
        #[cfg(test)]
        if planted::is(Bug::MarkersBeforeOutcome)
            && let Some(target) = &target
        {
            let decided = Transaction {
                stored: target.clone(),
                pending: None,
                marking: BTreeSet::new(),
                ..*transaction
            };
            if let Some(mark) = decided.mark(transactional_id) {
                let partitions = target.partitions.iter().cloned().collect();
                effects.push(Effect::Mark { mark, partitions });
            }
        }
        transaction.pending = Some(Pending {
            write,
            target,
            then,
        });
    }

    fn retry_later(&mut self, transactional_id: &str, now: Now) {
        let at = now.monotonic.saturating_add(RETRY_AFTER);
        self.retries.insert((at, transactional_id.to_owned()));
    }

    fn tick(&mut self, now: Now, effects: &mut Vec<Effect>) {
        while let Some((at, _)) = self.retries.first() {
            if *at > now.monotonic {
                break;
            }
            if let Some((_, id)) = self.retries.pop_first() {
                self.retry(&id, now, effects);
            }
        }
        if self.next_timeout_check <= now.monotonic {
            let interval = self.config.timeout_check_interval;
            self.next_timeout_check = now.monotonic.saturating_add(interval);
            self.abort_timed_out(now, effects);
        }
        if self.next_expiration_check <= now.monotonic {
            let interval = self.config.expiration_check_interval;
            self.next_expiration_check = now.monotonic.saturating_add(interval);
            self.expire_ids(now, effects);
        }
    }

    fn expire_ids(&mut self, now: Now, effects: &mut Vec<Effect>) {
        let expired_before = now.wall_ms.saturating_sub(self.config.id_expiration_ms);
        let expired: Vec<String> = self
            .ids
            .iter()
            .filter(|(_, it)| it.pending.is_none() && it.stored.state.is_at_rest())
            .filter(|(_, it)| it.stored.last_update_ms <= expired_before)
            .map(|(id, _)| id.clone())
            .collect();
        for id in expired {
            self.write(&id, None, Then::Nothing, effects);
        }
    }
}
