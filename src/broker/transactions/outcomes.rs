//! What follows a write that was committed, or was not.

use super::event::{Effect, Response};
use super::metadata::{Metadata, NO_EPOCH};
use super::{Then, Transactions};
use crate::coordinator::{Now, WriteId};
use wire::ErrorCode;
use wire::report::{Report, TransactionCause};

/// What a failed write leaves behind.
enum Failure {
    /// No log has the record: all is as it was.
    Nothing,
    /// The record is in this leader's log, and may or may not outlive it: it is written again until it does.
    Uncertain,
    /// Another broker leads: it knows, and this one is about to hear of it.
    Moved,
}

impl Transactions {
    pub(super) fn stored(
        &mut self,
        write: WriteId,
        result: Result<(), ErrorCode>,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        let Some(id) = self.writes.remove(&write) else {
            return;
        };
        let Some(transaction) = self.ids.get_mut(&id) else {
            return;
        };
        let Some(pending) = transaction.pending.take_if(|it| it.write == write) else {
            return;
        };
        let error = match result {
            Ok(()) => {
                match pending.target {
                    Some(target) => {
                        respond(pending.then, Ok(target.told()), effects);
                        let before = std::mem::replace(&mut transaction.stored, target);
                        let report = reported(&id, &before, &transaction.stored, pending.then);
                        effects.push(Effect::Report(report));
                        transaction.marking.clear();
                        self.go_on_marking(&id, now, effects);
                    }
                    None => {
                        self.ids.remove(&id);
                    }
                }
                return;
            }
            Err(error) => error,
        };
        respond(pending.then, Err(told(error)), effects);
        match failure(error) {
            Failure::Nothing if transaction.stored.producer_epoch == NO_EPOCH => {
                self.ids.remove(&id);
            }
            // A completion is due still.
            Failure::Nothing => self.retry_later(&id, now),
            Failure::Uncertain => {
                transaction.pending = Some(super::Pending {
                    then: Then::Nothing,
                    ..pending
                });
                self.retry_later(&id, now);
            }
            Failure::Moved => {
                transaction.pending = Some(super::Pending {
                    then: Then::Nothing,
                    ..pending
                });
            }
        }
    }

    /// Tries again what failed a moment ago.
    pub(super) fn retry(&mut self, id: &str, now: Now, effects: &mut Vec<Effect>) {
        let Some(transaction) = self.ids.get_mut(id) else {
            return;
        };
        match transaction.pending.take() {
            // Still on its way.
            Some(pending) if self.writes.contains_key(&pending.write) => {
                transaction.pending = Some(pending);
            }
            Some(pending) => self.write(id, pending.target, pending.then, effects),
            None => self.go_on_marking(id, now, effects),
        }
    }
}

/// What is told of a change that was stored.
fn reported(id: &str, before: &Metadata, after: &Metadata, then: Then) -> Report {
    let why = match then {
        Then::TellToAskAgain(_) => TransactionCause::TakenOver,
        Then::Nothing if before.is_timed_out(after.last_update_ms) => TransactionCause::TimedOut,
        _ => TransactionCause::Producer,
    };
    Report::TransactionState {
        transactional_id: id.to_owned(),
        producer_id: after.producer_id,
        epoch_before: before.producer_epoch,
        epoch: after.producer_epoch,
        state_before: before.state.into(),
        state: after.state.into(),
        partitions: after.partitions.iter().cloned().collect(),
        start_ms: after.start_ms,
        timeout_ms: after.timeout_ms,
        why,
    }
}

fn respond(then: Then, result: Result<(i64, i16), ErrorCode>, effects: &mut Vec<Effect>) {
    let (to, response) = match then {
        Then::Nothing => return,
        Then::TellProducer(to) => (to, Response::Producer(result)),
        Then::TellToAskAgain(to) => {
            let error = result.err().unwrap_or(ErrorCode::ConcurrentTransactions);
            (to, Response::Producer(Err(error)))
        }
        Then::TellAdded(to) => (to, Response::Added(result.err().unwrap_or(ErrorCode::None))),
    };
    effects.push(Effect::Respond { to, response });
}

/// Whoever asked hears that the coordinator is gone: what it asked for is not known to have happened.
pub(super) fn refuse(then: Then, error: ErrorCode, effects: &mut Vec<Effect>) {
    respond(then, Err(error), effects);
}

fn failure(error: ErrorCode) -> Failure {
    match error {
        ErrorCode::NotEnoughReplicasAfterAppend | ErrorCode::RequestTimedOut => Failure::Uncertain,
        ErrorCode::NotLeaderOrFollower
        | ErrorCode::FencedLeaderEpoch
        | ErrorCode::UnknownLeaderEpoch
        | ErrorCode::KafkaStorageError => Failure::Moved,
        _ => Failure::Nothing,
    }
}

/// How clients hear that a change could not be stored.
fn told(error: ErrorCode) -> ErrorCode {
    match error {
        ErrorCode::UnknownTopicOrPartition
        | ErrorCode::NotEnoughReplicas
        | ErrorCode::NotEnoughReplicasAfterAppend
        | ErrorCode::RequestTimedOut => ErrorCode::CoordinatorNotAvailable,
        ErrorCode::NotLeaderOrFollower
        | ErrorCode::FencedLeaderEpoch
        | ErrorCode::UnknownLeaderEpoch
        | ErrorCode::KafkaStorageError => ErrorCode::NotCoordinator,
        ErrorCode::MessageTooLarge | ErrorCode::RecordListTooLarge => ErrorCode::UnknownServerError,
        other => other,
    }
}
