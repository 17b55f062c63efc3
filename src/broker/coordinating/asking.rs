//! Requests that wait for what a coordinator decides, and writes that wait for their replicas.

use std::collections::HashMap;
use std::time::Instant;

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::{mpsc, oneshot};

use super::CoordinatorLog;
use crate::coordinator::{Now, RequestId, WriteId};
use crate::partitions::housekeeping::now_ms;
use wire::{ErrorCode, LeaderEpoch};

/// Who waits for which answer.
pub(crate) struct Waiting<Response> {
    answers: HashMap<RequestId, oneshot::Sender<Response>>,
    next: u64,
}

impl<Response> Waiting<Response> {
    pub(crate) fn new() -> Self {
        Self {
            answers: HashMap::new(),
            next: 0,
        }
    }

    /// A new request, and where its answer comes.
    pub(crate) fn begin(&mut self) -> (RequestId, oneshot::Receiver<Response>) {
        let (answer, answered) = oneshot::channel();
        let id = RequestId(self.next);
        self.next += 1;
        self.answers.insert(id, answer);
        (id, answered)
    }

    pub(crate) fn answer(&mut self, to: RequestId, response: Response) {
        if let Some(answer) = self.answers.remove(&to) {
            // Whoever asked may be gone.
            let _ = answer.send(response);
        }
    }

    /// Whoever still waits hears that the broker is stopping.
    pub(crate) fn end(&mut self) {
        self.answers.clear();
    }
}

/// A write whose replicas are waited for.
pub(crate) struct Write {
    pub(crate) id: WriteId,
    pub(crate) outcome: BoxFuture<'static, Result<(), ErrorCode>>,
}

/// Appends a batch. What came of it where that is known at once, else `writes` are told of it; where they are too many,
/// nothing is appended.
pub(crate) fn append(
    log: &dyn CoordinatorLog,
    writes: &mpsc::Sender<Write>,
    id: WriteId,
    partition: i32,
    leader_epoch: LeaderEpoch,
    batch: impl FnOnce() -> Vec<u8>,
) -> Option<Result<(), ErrorCode>> {
    let Ok(permit) = writes.try_reserve() else {
        return Some(Err(ErrorCode::CoordinatorNotAvailable));
    };
    let mut outcome = log.append(partition, leader_epoch, batch());
    let stored = (&mut outcome).now_or_never();
    if stored.is_none() {
        permit.send(Write { id, outcome });
    }
    stored
}

/// The time, on a coordinator's clocks.
pub(crate) fn now_since(started: Instant) -> Now {
    Now {
        monotonic: started.elapsed(),
        wall_ms: now_ms(),
    }
}
