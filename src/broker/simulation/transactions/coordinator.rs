//! The coordinator with its log: what it appends, what becomes of that, and who leads next.

use std::time::Duration;

use super::super::chance::Chance;
use crate::coordinator::{Now, StoredRecord, WriteId};
use crate::transactions::{Config, Effect, Event, Replay, Transactions};
use wire::{ErrorCode, LeaderEpoch};

/// The one partition.
const PARTITION: i32 = 0;

pub(super) struct Coordinator {
    pub(super) transactions: Transactions,
    epoch: LeaderEpoch,
    log: Vec<StoredRecord>,
    /// How many of them every replica has.
    committed: usize,
    /// Writes whose outcome is not told yet, and how long the log was with each.
    waiting: Vec<(WriteId, usize)>,
    /// Refused before they were appended.
    refused: Vec<WriteId>,
    is_loading: bool,
}

impl Coordinator {
    pub(super) fn new(now: Now) -> (Self, Event) {
        let mut coordinator = Self {
            transactions: transactions(now),
            epoch: LeaderEpoch(0),
            log: Vec::new(),
            committed: 0,
            waiting: Vec::new(),
            refused: Vec::new(),
            is_loading: false,
        };
        let event = coordinator.fail_over(now, &mut Chance::new(0));
        (coordinator, event)
    }

    /// Another broker leads: it has what was committed, and perhaps more.
    pub(super) fn fail_over(&mut self, now: Now, chance: &mut Chance) -> Event {
        let behind = u64::try_from(self.log.len() - self.committed).expect("small");
        let lost = usize::try_from(chance.between(0, behind)).expect("small");
        self.log.truncate(self.log.len() - lost);
        self.committed = self.log.len();
        self.waiting.clear();
        self.refused.clear();
        self.epoch = LeaderEpoch(self.epoch.0 + 1);
        self.transactions = transactions(now);
        self.is_loading = true;
        Event::LoadStarted {
            partition: PARTITION,
            leader_epoch: self.epoch,
        }
    }

    /// The log was read.
    pub(super) fn load(&mut self) -> Option<Event> {
        if !std::mem::take(&mut self.is_loading) {
            return None;
        }
        let mut replay = Replay::default();
        for record in &self.log {
            replay.apply(record.clone()).expect("own record");
        }
        Some(Event::Loaded {
            partition: PARTITION,
            leader_epoch: self.epoch,
            replay,
        })
    }

    /// Appends what the coordinator writes; other effects are handed back.
    pub(super) fn take(&mut self, effects: Vec<Effect>, refuse: bool) -> Vec<Effect> {
        let mut others = Vec::new();
        for effect in effects {
            match effect {
                Effect::Store { write, .. } if refuse => self.refused.push(write),
                Effect::Store { write, record, .. } => {
                    self.log.push(record);
                    self.waiting.push((write, self.log.len()));
                }
                other => others.push(other),
            }
        }
        others
    }

    /// How many writes have no outcome yet.
    pub(super) fn writes(&self) -> usize {
        self.waiting.len() + self.refused.len()
    }

    /// The outcome of the oldest write. `in_doubt`: the log has it, and too few replicas are known to.
    pub(super) fn outcome(&mut self, in_doubt: bool) -> Option<Event> {
        if let Some(write) = self.refused.pop() {
            let result = Err(ErrorCode::NotEnoughReplicas);
            return Some(Event::Stored { write, result });
        }
        if self.waiting.is_empty() {
            return None;
        }
        let (write, end) = self.waiting.remove(0);
        let result = if in_doubt {
            Err(ErrorCode::NotEnoughReplicasAfterAppend)
        } else {
            self.committed = self.committed.max(end);
            Ok(())
        };
        Some(Event::Stored { write, result })
    }
}

fn transactions(now: Now) -> Transactions {
    let config = Config {
        timeout_max_ms: 60_000,
        timeout_check_interval: Duration::from_secs(1),
        id_expiration_ms: 30_000,
        expiration_check_interval: Duration::from_secs(10),
    };
    Transactions::new(config, 1, now)
}
