//! Our own transactional producers, as they tell of themselves.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use super::{Cluster, Process, ProcessChange, ProcessName, Status, fact::Change};
use crate::state::Timestamp;
use wire::{TopicPartition, report::TransactionStep};

/// A producer, and the transaction that it has open or ended last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Producing {
    /// What brokers know it by.
    pub transactional_id: String,
    /// After so long they abort what is open.
    pub timeout: Duration,
    /// How far its transaction is.
    pub stage: Stage,
    /// Since when.
    pub since: Timestamp,
    /// When the transaction began.
    pub began: Timestamp,
    /// Records of it that are acknowledged, by partition.
    pub records: BTreeMap<TopicPartition, u64>,
    /// Records of it that are on their way.
    pub under_way: u64,
    /// Why it could not do what it was told last, in the client library's words.
    pub refused: Option<String>,
}

/// How far a producer's transaction is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stage {
    /// There was none yet, or nobody remembers.
    Idle,
    /// It was told to begin.
    Beginning,
    /// It is open.
    Open,
    /// It was told to commit.
    Committing,
    /// It was told to abort.
    Aborting,
    /// All of it counts.
    Committed,
    /// None of it counts.
    Aborted,
    /// Its producer died or lost its id in the middle: brokers abort it.
    Left,
}

impl Stage {
    /// Whether something can be written into it.
    #[must_use]
    pub fn is_open(self) -> bool {
        matches!(self, Self::Beginning | Self::Open)
    }

    /// Whether it is neither over nor left.
    #[must_use]
    pub fn is_under_way(self) -> bool {
        self.is_open() || matches!(self, Self::Committing | Self::Aborting)
    }
}

impl Producing {
    /// A producer that is told to begin its first transaction.
    #[must_use]
    pub fn new(transactional_id: &str, timeout: Duration, at: Timestamp) -> Self {
        Self {
            transactional_id: transactional_id.to_owned(),
            timeout,
            stage: Stage::Beginning,
            since: at,
            began: at,
            records: BTreeMap::new(),
            under_way: 0,
            refused: None,
        }
    }

    /// It is told to begin another one.
    pub(in crate::state) fn begin(&mut self, timeout: Duration, at: Timestamp) {
        let id = std::mem::take(&mut self.transactional_id);
        *self = Self::new(&id, timeout, at);
    }

    pub(in crate::state) fn enter(&mut self, stage: Stage, at: Timestamp) {
        self.stage = stage;
        self.since = at;
    }

    /// How many records of it are acknowledged.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.records.values().sum()
    }

    /// Its process came, or went.
    pub(super) fn change(&mut self, change: &ProcessChange, at: Timestamp) {
        match change {
            // What it was told at once it does when it is there.
            ProcessChange::Spawned { .. } if self.stage != Stage::Beginning => {
                self.enter(Stage::Idle, at);
                self.records.clear();
            }
            ProcessChange::Exited { .. } => {
                self.under_way = 0;
                if self.stage.is_under_way() {
                    self.enter(Stage::Left, at);
                }
            }
            _ => {}
        }
    }

    fn hear(&mut self, change: &Change, at: Timestamp) {
        match change {
            Change::Transaction { step } => {
                let stage = match step {
                    TransactionStep::Began => Stage::Open,
                    TransactionStep::Committed => Stage::Committed,
                    TransactionStep::Aborted => Stage::Aborted,
                };
                self.refused = None;
                self.enter(stage, at);
                if stage == Stage::Open {
                    self.began = at;
                }
            }
            Change::TransactionRefused { error, fatal, .. } => {
                self.refused = Some(error.clone());
                self.enter(if *fatal { Stage::Left } else { Stage::Open }, at);
            }
            Change::Delivered { place, error } => {
                self.under_way = self.under_way.saturating_sub(1);
                match error {
                    None => *self.records.entry(place.clone()).or_default() += 1,
                    Some(error) => self.refused = Some(error.clone()),
                }
            }
            _ => {}
        }
    }
}

impl Cluster {
    /// Our own transactional producers.
    #[must_use]
    pub fn producers(&self) -> impl DoubleEndedIterator<Item = (&Process, &Producing)> {
        let processes = self.processes.values();
        processes.filter_map(|process| Some((process, process.producing.as_ref()?)))
    }

    /// What a producer of ours tells of its transaction.
    pub(super) fn producer_told(&mut self, by: &ProcessName, change: &Change, at: Timestamp) {
        let producer = self.processes.get_mut(by);
        if let Some(producing) = producer.and_then(|known| known.producing.as_mut()) {
            producing.hear(change, at);
        }
    }
}

impl Process {
    /// Whether it is a producer that does what it is told.
    #[must_use]
    pub fn takes_orders(&self) -> bool {
        let there = matches!(self.status, Status::Planned | Status::Starting | Status::Up);
        there && self.producing.is_some()
    }
}
