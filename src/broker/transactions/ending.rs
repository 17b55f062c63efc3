//! A transaction ends: by its producer's `EndTxn`, or because it was open for too long.

use super::event::{Effect, EndRequest, Response};
use super::metadata::{EPOCH_BUMPING_VERSION, Metadata, TransactionState, is_epoch_exhausted};
use super::{Then, Transaction, Transactions};
use crate::coordinator::{Now, RequestId};
#[cfg(test)]
use crate::planted::{self, Bug};
use wire::ErrorCode;

enum Decision {
    /// It is ended already, and this is said once more.
    Done(i64, i16),
    Become(Metadata),
    ProducerIdNeeded,
}

impl Transactions {
    pub(super) fn end(
        &mut self,
        to: RequestId,
        request: &EndRequest,
        now: Now,
        effects: &mut Vec<Effect>,
    ) -> Option<Response> {
        let decision = self
            .of(&request.producer)
            .and_then(|transaction| transaction.decide_end(request, now));
        match decision {
            Ok(Decision::Become(target)) => {
                let id = &request.producer.transactional_id;
                self.write(id, Some(target), Then::TellProducer(to), effects);
                None
            }
            Ok(Decision::Done(producer_id, epoch)) => {
                Some(Response::Producer(Ok((producer_id, epoch))))
            }
            Ok(Decision::ProducerIdNeeded) => Some(Response::ProducerIdNeeded),
            Err(error) => Some(Response::Producer(Err(error))),
        }
    }

    /// Aborts the transactions that are open for longer than their producers asked for.
    pub(super) fn abort_timed_out(&mut self, now: Now, effects: &mut Vec<Effect>) {
        let timed_out: Vec<(String, Metadata)> = self
            .ids
            .iter()
            .filter(|(_, it)| it.pending.is_none() && it.stored.is_timed_out(now.wall_ms))
            .map(|(id, it)| (id.clone(), it.stored.fenced(now.wall_ms)))
            .collect();
        for (id, target) in timed_out {
            self.write(&id, Some(target), Then::Nothing, effects);
        }
    }
}

impl Transaction {
    fn decide_end(&self, request: &EndRequest, now: Now) -> Result<Decision, ErrorCode> {
        let stored = &self.stored;
        let (producer_id, epoch) = (
            request.producer.producer_id,
            request.producer.producer_epoch,
        );
        let bumps = request.transaction_version >= EPOCH_BUMPING_VERSION;
        // Who asks again under the epoch that its first request has raised did not hear the answer.
        let ran_out = self.pending.is_none()
            && stored.previous_producer_id == producer_id
            && is_epoch_exhausted(epoch)
            && stored.producer_epoch == 0;
        let raised = epoch.checked_add(1) == Some(stored.producer_epoch);
        let is_retry = bumps && (ran_out || (raised && stored.producer_id == producer_id));
        if stored.is_followed_by(producer_id) {
            return Err(ErrorCode::ConcurrentTransactions);
        }
        // The last epoch of all is for fencing alone: no producer goes on with it.
        if is_retry && stored.producer_epoch == i16::MAX && stored.next_producer_id.is_none() {
            return Err(ErrorCode::ProducerFenced);
        }
        if stored.producer_id != producer_id && !is_retry {
            return Err(ErrorCode::InvalidProducerIdMapping);
        }
        if stored.producer_epoch != epoch && !is_retry {
            return Err(ErrorCode::ProducerFenced);
        }
        if self.pending.is_some() {
            return Err(ErrorCode::ConcurrentTransactions);
        }
        #[cfg(test)]
        if planted::is(Bug::LateEndEndsTheNext) && stored.state == TransactionState::Ongoing {
            return stored.ended(request, now);
        }
        match (stored.state, request.commit) {
            // The next transaction is not ended by what was meant for the last one.
            (TransactionState::Ongoing, _) if is_retry => Err(ErrorCode::ProducerFenced),
            (TransactionState::Ongoing, _) => stored.ended(request, now),
            // Whatever it is that comes, the end of this transaction or of the next one: once it is complete this is told.
            (TransactionState::PrepareCommit | TransactionState::PrepareAbort, _) => {
                Err(ErrorCode::ConcurrentTransactions)
            }
            (TransactionState::CompleteCommit, true) | (TransactionState::CompleteAbort, false)
                if is_retry || !bumps =>
            {
                Ok(Decision::Done(stored.producer_id, stored.producer_epoch))
            }
            // Nothing is open, but something may be in flight: the new epoch fences it.
            (state, false) if state.is_at_rest() && bumps && !is_retry => {
                stored.ended(request, now)
            }
            _ => Err(ErrorCode::InvalidTxnState),
        }
    }
}

impl Metadata {
    pub(super) fn is_timed_out(&self, now_ms: i64) -> bool {
        let until = self.start_ms.saturating_add(i64::from(self.timeout_ms));
        self.state == TransactionState::Ongoing && until < now_ms
    }

    /// The outcome is decided.
    fn ended(&self, request: &EndRequest, now: Now) -> Result<Decision, ErrorCode> {
        let state = if request.commit {
            TransactionState::PrepareCommit
        } else {
            TransactionState::PrepareAbort
        };
        let mut target = self.entering(state, now.wall_ms);
        target.transaction_version = request.transaction_version;
        if self.state.is_at_rest() {
            target.start_ms = now.wall_ms;
            target.partitions.clear();
        }
        if request.transaction_version >= EPOCH_BUMPING_VERSION {
            if self.is_epoch_exhausted() {
                let Some(fresh) = request.fresh_producer_id else {
                    return Ok(Decision::ProducerIdNeeded);
                };
                target.next_producer_id = Some(fresh);
            }
            target.last_producer_epoch = self.producer_epoch;
            let raised = self.producer_epoch.checked_add(1);
            target.producer_epoch = raised.ok_or(ErrorCode::ProducerFenced)?;
        }
        Ok(Decision::Become(target))
    }

    /// What the producer goes on with once this is stored.
    pub(super) fn told(&self) -> (i64, i16) {
        match self.next_producer_id {
            Some(next) => (next, 0),
            None => (self.producer_id, self.producer_epoch),
        }
    }

    /// Every partition has its marker.
    pub(super) fn completed(&self, commit: bool, now_ms: i64) -> Self {
        let state = if commit {
            TransactionState::CompleteCommit
        } else {
            TransactionState::CompleteAbort
        };
        let mut target = self.entering(state, now_ms);
        target.partitions.clear();
        if let Some(next) = target.next_producer_id.take() {
            target.producer_id = next;
            target.producer_epoch = 0;
        }
        target
    }
}
