//! A producer that commits offsets in transactions, together with the coordinator of its transactions, which never fails
//! here: what becomes of that one is the matter of a world of its own.

use std::collections::{BTreeMap, BTreeSet};

use super::super::chance::Chance;
use crate::coordinator::{Producer as Identity, TransactionEnd};

/// Names a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Serial(pub(super) u64);

pub(super) struct Producer {
    id: i64,
    /// Whether its epoch rises with each end.
    pub(super) raises_epoch: bool,
    epoch: i16,
    pub(super) serial: Serial,
    pub(super) state: State,
    /// Whether something of the open transaction was acknowledged.
    has_written: bool,
    /// Counts its requests; the one that it waits for.
    number: u64,
    awaited: Option<u64>,
}

/// How its transaction stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Open,
    /// Decided: its marker is on its way.
    Ended {
        commit: bool,
        /// The producer was replaced.
        fenced: bool,
    },
}

/// What it does next.
pub(super) enum Act {
    /// It asks for offsets of these partitions.
    Commit(u64, BTreeSet<i32>),
    /// Its transaction ends: the marker is to be written.
    End(bool),
    Waits,
}

impl Producer {
    pub(super) fn new(id: i64, raises_epoch: bool, serial: Serial) -> Self {
        Self {
            id,
            raises_epoch,
            epoch: 0,
            serial,
            state: State::Open,
            has_written: false,
            number: 0,
            awaited: None,
        }
    }

    pub(super) fn identity(&self) -> Identity {
        Identity {
            id: self.id,
            epoch: self.epoch,
        }
    }

    pub(super) fn awaits(&self, number: u64) -> bool {
        self.awaited == Some(number)
    }

    /// Goes on. Whoever was killed is replaced, and its transaction aborted.
    pub(super) fn act(&mut self, partitions: i32, chance: &mut Chance) -> Act {
        if self.state != State::Open || self.awaited.is_some() {
            return Act::Waits;
        }
        match chance.between(0, 99) {
            0..=5 => self.fence(),
            6..=35 if self.has_written => self.end(chance.percent(65), false),
            _ => {
                self.number += 1;
                self.awaited = Some(self.number);
                let all = 0..partitions;
                let some: BTreeSet<i32> = all.filter(|_| chance.percent(40)).collect();
                let some = if some.is_empty() {
                    BTreeSet::from([0])
                } else {
                    some
                };
                Act::Commit(self.number, some)
            }
        }
    }

    /// It is replaced, and what is open aborted.
    pub(super) fn fence(&mut self) -> Act {
        self.end(false, true)
    }

    fn end(&mut self, commit: bool, fenced: bool) -> Act {
        self.state = State::Ended { commit, fenced };
        self.awaited = None;
        Act::End(commit)
    }

    /// Hears what became of a commit that it waits for.
    pub(super) fn hear(&mut self, acknowledged: bool) {
        self.awaited = None;
        self.has_written |= acknowledged;
    }

    /// Gives an answer up; it aborts, or asks again.
    pub(super) fn give_up(&mut self, chance: &mut Chance) -> Option<Act> {
        self.awaited = None;
        chance.percent(40).then(|| self.end(false, false))
    }

    /// The marker's own epoch.
    pub(super) fn marker_epoch(&self) -> i16 {
        match self.state {
            State::Ended { fenced: true, .. } => self.epoch + 1,
            _ => self.epoch + i16::from(self.raises_epoch),
        }
    }

    /// What the coordinator of groups is told of the marker.
    pub(super) fn news(&self) -> TransactionEnd {
        let State::Ended { commit, .. } = self.state else {
            unreachable!("a marker without an outcome");
        };
        TransactionEnd {
            producer_id: self.id,
            last_epoch: self.marker_epoch() - i16::from(self.raises_epoch),
            is_committed: commit,
        }
    }

    /// Its marker is acknowledged: the next transaction begins.
    pub(super) fn complete(&mut self, next: Serial) {
        let fenced = matches!(self.state, State::Ended { fenced: true, .. });
        // Whoever takes over begins behind the epoch of the marker.
        self.epoch = self.marker_epoch() + i16::from(fenced);
        self.serial = next;
        self.state = State::Open;
        self.has_written = false;
    }
}

/// The offsets of one request: each value is written once.
pub(super) type Values = BTreeMap<i32, i64>;
