//! `InitProducerId`: a producer takes over a transactional id, and fences who had it before.

use std::collections::BTreeSet;

use super::event::{Effect, InitRequest, Response};
use super::metadata::{
    EPOCH_BUMPING_VERSION, Metadata, NO_EPOCH, TransactionState, is_epoch_exhausted,
};
use super::{Then, Transaction, Transactions};
use crate::coordinator::{Now, RequestId};
use wire::ErrorCode;

/// What an id's producer gets.
enum Decision {
    Become(Metadata),
    /// The open transaction is aborted first.
    Abort(Metadata),
    ProducerIdNeeded,
}

impl Transactions {
    pub(super) fn initialise(
        &mut self,
        to: RequestId,
        request: &InitRequest,
        now: Now,
        effects: &mut Vec<Effect>,
    ) -> Option<Response> {
        let refused = |error| Some(Response::Producer(Err(error)));
        if request.transactional_id.is_empty() {
            return refused(ErrorCode::InvalidRequest);
        }
        if request.timeout_ms <= 0 || request.timeout_ms > self.config.timeout_max_ms {
            return refused(ErrorCode::InvalidTransactionTimeout);
        }
        let (partition, leader_epoch) = match self.checked(&request.transactional_id) {
            Ok(led) => led,
            Err(error) => return refused(error),
        };
        let id = request.transactional_id.as_str();
        if !self.ids.contains_key(id) {
            let Some(fresh) = request.fresh_producer_id else {
                return Some(Response::ProducerIdNeeded);
            };
            let transaction = Transaction {
                partition,
                leader_epoch,
                stored: Metadata::new(fresh, request.timeout_ms, now.wall_ms),
                pending: None,
                marking: BTreeSet::new(),
            };
            self.ids.insert(id.to_owned(), transaction);
        }
        let transaction = self.ids.get(id)?;
        match transaction.decide_initial(request, now) {
            Ok(Decision::Become(target)) => {
                self.write(id, Some(target), Then::TellProducer(to), effects);
                None
            }
            Ok(Decision::Abort(target)) => {
                self.write(id, Some(target), Then::TellToAskAgain(to), effects);
                None
            }
            Ok(Decision::ProducerIdNeeded) => Some(Response::ProducerIdNeeded),
            Err(error) => refused(error),
        }
    }
}

impl Transaction {
    fn decide_initial(&self, request: &InitRequest, now: Now) -> Result<Decision, ErrorCode> {
        if self.pending.is_some() {
            return Err(ErrorCode::ConcurrentTransactions);
        }
        let stored = &self.stored;
        if let Some((producer_id, epoch)) = request.expected {
            if stored.is_followed_by(producer_id) {
                return Err(ErrorCode::ConcurrentTransactions);
            }
            let ran_out = producer_id == stored.previous_producer_id && is_epoch_exhausted(epoch);
            let is_known = stored.producer_epoch == NO_EPOCH || producer_id == stored.producer_id;
            if !is_known && !ran_out {
                return Err(ErrorCode::ProducerFenced);
            }
        }
        match stored.state {
            TransactionState::PrepareCommit | TransactionState::PrepareAbort => {
                Err(ErrorCode::ConcurrentTransactions)
            }
            TransactionState::Ongoing => Ok(Decision::Abort(stored.fenced(now.wall_ms))),
            _ => stored.initial(request, now),
        }
    }
}

impl Metadata {
    /// What a producer begins with where no transaction is open.
    fn initial(&self, request: &InitRequest, now: Now) -> Result<Decision, ErrorCode> {
        let expected = request.expected.map(|(_, epoch)| epoch);
        let current = self.producer_epoch;
        // The last epoch of all is for fencing alone, also for the producer that it fenced.
        let takes_over =
            |epoch| epoch == current || (current == i16::MAX && epoch == self.last_producer_epoch);
        let (producer_id, producer_epoch, last_producer_epoch) = match expected {
            _ if self.is_epoch_exhausted() && expected.is_none_or(takes_over) => {
                let Some(fresh) = request.fresh_producer_id else {
                    return Ok(Decision::ProducerIdNeeded);
                };
                (fresh, 0, expected.unwrap_or(NO_EPOCH))
            }
            None => (self.producer_id, current.saturating_add(1), NO_EPOCH),
            Some(epoch) if current == NO_EPOCH || epoch == current => {
                (self.producer_id, current.saturating_add(1), current)
            }
            // It did not hear the answer.
            Some(epoch) if epoch == self.last_producer_epoch => {
                (self.producer_id, current, self.last_producer_epoch)
            }
            Some(_) => return Err(ErrorCode::ProducerFenced),
        };
        Ok(Decision::Become(Self {
            producer_id,
            producer_epoch,
            last_producer_epoch,
            timeout_ms: request.timeout_ms,
            partitions: BTreeSet::new(),
            start_ms: -1,
            ..self.entering(TransactionState::Empty, now.wall_ms)
        }))
    }

    /// Aborted for somebody else than its producer, whose epoch is too old from now on.
    pub(super) fn fenced(&self, now_ms: i64) -> Self {
        let bumps = self.transaction_version >= EPOCH_BUMPING_VERSION;
        Self {
            producer_epoch: self.producer_epoch.saturating_add(1),
            // Who speaks that version may hear of its new epoch by ending the transaction.
            last_producer_epoch: if bumps { self.producer_epoch } else { NO_EPOCH },
            ..self.entering(TransactionState::PrepareAbort, now_ms)
        }
    }
}
