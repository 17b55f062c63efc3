//! A producer as Kafka's clients are: one request at a time, asked again until it is answered for good.

use std::collections::BTreeSet;

use super::super::chance::Chance;
use super::ledger::Serial;
use crate::coordinator::RequestId;
use crate::transactions::{
    AddRequest, EndRequest, InitRequest, ProducerIdentity, Request, Response,
};
use wire::{ErrorCode, TopicPartition};

/// How long its transactions may stay open.
const TIMEOUT_MS: i32 = 5_000;

/// Where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    /// It has no id, or lost it.
    Beginning,
    /// Nothing is open.
    Ready,
    /// These are part of its transaction.
    Writing(BTreeSet<TopicPartition>),
    Adding(BTreeSet<TopicPartition>, TopicPartition),
    Ending {
        commit: bool,
    },
}

pub(super) struct Producer {
    pub(super) name: &'static str,
    transactional_id: &'static str,
    /// 2: its epoch rises with each end.
    pub(super) version: i16,
    pub(super) id: i64,
    pub(super) epoch: i16,
    step: Step,
    pub(super) serial: Serial,
    asked: Option<RequestId>,
}

/// What a producer learned.
pub(super) enum Learned {
    Nothing,
    /// Its transaction ends like this.
    Ended(Serial, bool),
    /// Ask again with a producer id.
    NeedsId,
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
            asked: None,
        }
    }

    /// The partitions that it may write into.
    pub(super) fn writable(&self) -> Vec<TopicPartition> {
        match &self.step {
            Step::Writing(partitions) => partitions.iter().cloned().collect(),
            _ => Vec::new(),
        }
    }

    pub(super) fn is_waiting(&self) -> bool {
        self.asked.is_some()
    }

    /// Gives up the answer that it waits for: it asks again.
    pub(super) fn stop_waiting(&mut self) {
        self.asked = None;
    }

    /// Goes on; its next request.
    pub(super) fn act(
        &mut self,
        id: RequestId,
        fresh_serial: Serial,
        among: &[TopicPartition],
        chance: &mut Chance,
    ) -> Request {
        match &self.step {
            Step::Ready => {
                self.serial = fresh_serial;
                let first = one_of(among, chance);
                self.step = Step::Adding(BTreeSet::new(), first);
            }
            // It is killed in the middle.
            Step::Writing(_) if chance.percent(10) => self.step = Step::Beginning,
            Step::Writing(added) if chance.percent(40) => {
                let added = added.clone();
                let next = one_of(among, chance);
                self.step = Step::Adding(added, next);
            }
            Step::Writing(_) => {
                let commit = chance.percent(60);
                self.step = Step::Ending { commit };
            }
            _ => {}
        }
        self.asked = Some(id);
        self.request(None)
    }

    pub(super) fn request(&self, fresh_producer_id: Option<i64>) -> Request {
        let producer = ProducerIdentity {
            transactional_id: self.transactional_id.to_owned(),
            producer_id: self.id,
            producer_epoch: self.epoch,
        };
        match &self.step {
            Step::Adding(_, at) => Request::AddPartitions(AddRequest {
                producer,
                partitions: BTreeSet::from([at.clone()]),
                transaction_version: self.version,
            }),
            Step::Ending { commit } => Request::End(EndRequest {
                producer,
                commit: *commit,
                transaction_version: self.version,
                fresh_producer_id,
            }),
            _ => Request::Init(InitRequest {
                transactional_id: self.transactional_id.to_owned(),
                timeout_ms: TIMEOUT_MS,
                expected: None,
                fresh_producer_id,
            }),
        }
    }

    /// Takes an answer, if it is the one that it waits for.
    pub(super) fn hear(&mut self, to: RequestId, response: &Response) -> Learned {
        if self.asked != Some(to) {
            return Learned::Nothing;
        }
        match response {
            Response::ProducerIdNeeded => return Learned::NeedsId,
            Response::Producer(Ok((id, epoch))) => {
                self.asked = None;
                (self.id, self.epoch) = (*id, *epoch);
                if let Step::Ending { commit } = std::mem::replace(&mut self.step, Step::Ready) {
                    return Learned::Ended(self.serial, commit);
                }
            }
            Response::Added(ErrorCode::None) => {
                self.asked = None;
                if let Step::Adding(added, at) = self.step.clone() {
                    let added = added.into_iter().chain([at]).collect();
                    self.step = Step::Writing(added);
                }
            }
            Response::Producer(Err(code)) | Response::Added(code) => {
                self.asked = None;
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
        }
        Learned::Nothing
    }
}

fn one_of(among: &[TopicPartition], chance: &mut Chance) -> TopicPartition {
    let last = u64::try_from(among.len()).expect("some") - 1;
    let index = usize::try_from(chance.between(0, last)).expect("small");
    among[index].clone()
}
