//! A producer as Kafka's clients are: one request at a time, sent again until it is answered for good.

use std::collections::{BTreeMap, BTreeSet};

use super::super::chance::Chance;
use super::ledger::Serial;
use crate::transactions::{
    AddRequest, EndRequest, InitRequest, ProducerIdentity, Request, Response,
};
use wire::{ErrorCode, TopicPartition};

/// How long its transactions may stay open.
const TIMEOUT_MS: i32 = 1_000;

/// Where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    /// It has no id, or lost it.
    Beginning,
    /// Nothing is open.
    Ready,
    /// A transaction is open, as the producer sees it.
    Writing,
    /// The partition becomes part of it.
    Adding(TopicPartition),
    /// A record is on its way.
    Sending(TopicPartition),
    /// `anew`: its sequences are not known any more, it begins again.
    Ending { commit: bool, anew: bool },
}

pub(super) struct Producer {
    pub(super) name: &'static str,
    transactional_id: &'static str,
    /// 2: its epoch rises with each end.
    pub(super) version: i16,
    id: i64,
    epoch: i16,
    step: Step,
    pub(super) serial: Serial,
    /// Partitions of the open transaction.
    added: BTreeSet<TopicPartition>,
    /// The next sequence in each partition, in this epoch.
    sequences: BTreeMap<TopicPartition, i32>,
    /// Counts its requests; the one that it waits for, if it does.
    number: u64,
    is_waiting: bool,
}

/// What a producer asks.
pub(super) enum Ask {
    Coordinator(Request),
    Leader(TopicPartition, i32),
}

/// What a producer learned.
pub(super) enum Learned {
    /// It does not wait for this answer any more.
    Stale,
    Nothing,
    /// A record is there.
    Acknowledged(TopicPartition, Serial),
    /// Its transaction ends like this.
    Ended(Serial, bool),
}

impl Producer {
    pub(super) fn new(name: &'static str, transactional_id: &'static str, version: i16) -> Self {
        Self {
            name,
            transactional_id,
            version,
            id: -1,
            epoch: -1,
            step: Step::Beginning,
            serial: Serial(0),
            added: BTreeSet::new(),
            sequences: BTreeMap::new(),
            number: 0,
            is_waiting: false,
        }
    }

    pub(super) fn identity(&self) -> ProducerIdentity {
        ProducerIdentity {
            transactional_id: self.transactional_id.to_owned(),
            producer_id: self.id,
            producer_epoch: self.epoch,
        }
    }

    /// Whether this is the request whose answer it waits for.
    pub(super) fn awaits(&self, number: u64) -> bool {
        self.is_waiting && self.number == number
    }

    /// Gives up an answer; it sends the same again, or ends the transaction.
    pub(super) fn give_up(&mut self, number: u64, chance: &mut Chance) {
        if !self.awaits(number) {
            return;
        }
        self.is_waiting = false;
        if matches!(self.step, Step::Sending(_)) && chance.percent(40) {
            self.abort_anew();
        }
    }

    /// Whether it asks the coordinator for the end of a transaction, and which.
    pub(super) fn wishes(&self) -> Option<Serial> {
        let commits = matches!(self.step, Step::Ending { commit: true, .. });
        commits.then_some(self.serial)
    }

    /// Goes on; the next request and its number.
    pub(super) fn act(
        &mut self,
        fresh: Serial,
        among: &[TopicPartition],
        chance: &mut Chance,
    ) -> (u64, Ask) {
        if self.step == Step::Ready {
            self.serial = fresh;
            self.added.clear();
            self.step = Step::Writing;
        }
        if self.step == Step::Writing {
            self.step = match chance.between(0, 99) {
                // It is killed in the middle.
                0..=7 => Step::Beginning,
                8..=35 if !self.added.is_empty() => Step::Ending {
                    commit: chance.percent(60),
                    anew: false,
                },
                _ => self.write_next(among, chance),
            };
        }
        self.number += 1;
        self.is_waiting = true;
        (self.number, self.ask())
    }

    fn write_next(&mut self, among: &[TopicPartition], chance: &mut Chance) -> Step {
        let last = u64::try_from(among.len()).expect("some") - 1;
        let index = usize::try_from(chance.between(0, last)).expect("small");
        let at = among[index].clone();
        if self.version >= 2 || self.added.contains(&at) {
            self.added.insert(at.clone());
            Step::Sending(at)
        } else {
            Step::Adding(at)
        }
    }

    fn ask(&self) -> Ask {
        match &self.step {
            Step::Adding(at) => Ask::Coordinator(Request::AddPartitions(AddRequest {
                producer: self.identity(),
                partitions: BTreeSet::from([at.clone()]),
                transaction_version: self.version,
            })),
            Step::Sending(at) => {
                let sequence = self.sequences.get(at).copied().unwrap_or(0);
                Ask::Leader(at.clone(), sequence)
            }
            Step::Ending { commit, .. } => Ask::Coordinator(Request::End(EndRequest {
                producer: self.identity(),
                commit: *commit,
                transaction_version: self.version,
                fresh_producer_id: None,
            })),
            Step::Beginning | Step::Ready | Step::Writing => {
                Ask::Coordinator(Request::Init(InitRequest {
                    transactional_id: self.transactional_id.to_owned(),
                    timeout_ms: TIMEOUT_MS,
                    expected: None,
                    fresh_producer_id: None,
                }))
            }
        }
    }

    fn abort_anew(&mut self) {
        self.step = Step::Ending {
            commit: false,
            anew: true,
        };
    }

    /// Takes a leader's answer, if it is the one that it waits for.
    pub(super) fn hear_of_record(&mut self, number: u64, code: ErrorCode) -> Learned {
        if !self.awaits(number) {
            return Learned::Stale;
        }
        self.is_waiting = false;
        let Step::Sending(at) = self.step.clone() else {
            return Learned::Nothing;
        };
        match code {
            ErrorCode::None => {
                *self.sequences.entry(at.clone()).or_default() += 1;
                self.step = Step::Writing;
                return Learned::Acknowledged(at, self.serial);
            }
            // It asks again.
            ErrorCode::NotEnoughReplicas
            | ErrorCode::NotLeaderOrFollower
            | ErrorCode::ConcurrentTransactions => {}
            ErrorCode::InvalidProducerIdMapping => self.step = Step::Beginning,
            ErrorCode::InvalidProducerEpoch if self.version < 2 => self.step = Step::Beginning,
            _ => self.abort_anew(),
        }
        Learned::Nothing
    }

    /// Takes the coordinator's answer, if it is the one that it waits for.
    pub(super) fn hear(&mut self, number: u64, response: &Response) -> Learned {
        if !self.awaits(number) {
            return Learned::Stale;
        }
        self.is_waiting = false;
        match response {
            Response::Producer(Ok(producer)) => {
                if (self.id, self.epoch) != *producer {
                    (self.id, self.epoch) = *producer;
                    self.sequences.clear();
                }
                if let Step::Ending { commit, anew } = self.step {
                    self.step = if anew { Step::Beginning } else { Step::Ready };
                    return Learned::Ended(self.serial, commit);
                }
                self.step = Step::Ready;
            }
            Response::Added(ErrorCode::None) => {
                if let Step::Adding(at) = self.step.clone() {
                    self.added.insert(at.clone());
                    self.step = Step::Sending(at);
                }
            }
            Response::Producer(Err(code)) | Response::Added(code) => {
                let asks_again = matches!(
                    code,
                    ErrorCode::NotCoordinator
                        | ErrorCode::CoordinatorLoadInProgress
                        | ErrorCode::CoordinatorNotAvailable
                        | ErrorCode::ConcurrentTransactions
                );
                if !asks_again {
                    self.step = Step::Beginning;
                }
            }
            Response::ProducerIdNeeded => {}
        }
        Learned::Nothing
    }
}
