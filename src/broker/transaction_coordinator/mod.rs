//! The shell around [`transactions`](super::transactions): hands it requests, time, outcomes of writes and of markers,
//! and carries out what it decides.

mod markers;
mod remote;
mod task;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::configs::Settings;
use super::coordinating::{CoordinatorLog, Waiting, Write, append, batch_of, now_since};
use super::coordinator::Now;
use super::registry::Registry;
use super::transactions::{
    Config, Effect, Event, Filter, Mark, Marked, ProducerIdentity, Request, Response,
    TransactionDescription, TransactionState, Transactions,
};
use wire::{ErrorCode, Reporter, TopicPartition};

pub(crate) use remote::Coordinators;
pub(crate) use task::Sources;

/// Writes and sets of markers that may wait at once. Each belongs to a transactional id; beyond it requests are refused
/// as by a coordinator that is not available, and markers wait for their next try.
const WAITING_MAX: usize = 10_000;

/// The transactions that this broker coordinates. Clones are handles on the same.
#[derive(Clone)]
pub(crate) struct TransactionCoordinator {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    log: Arc<dyn CoordinatorLog>,
    registry: Registry,
    reporter: Reporter,
    started: Instant,
    writes: mpsc::Sender<Write>,
    marks: mpsc::Sender<Marks>,
    /// Another deadline is the next one.
    wake: Notify,
}

struct State {
    transactions: Transactions,
    waiting: Waiting<Response>,
    /// What the task sleeps until.
    sleeping_until: Duration,
}

/// Markers of one transaction, to be sent.
struct Marks {
    mark: Mark,
    partitions: Vec<TopicPartition>,
}

impl TransactionCoordinator {
    /// Starts its tasks in `tasks`. `sources` tell what this broker leads; transactions are there once the log is read.
    pub(crate) fn start(
        settings: &Settings,
        log: Arc<dyn CoordinatorLog>,
        registry: Registry,
        reporter: Reporter,
        sources: Sources,
        tasks: &mut JoinSet<()>,
        cancel: &CancellationToken,
    ) -> Self {
        let (writes, written) = mpsc::channel(WAITING_MAX);
        let (marks, to_mark) = mpsc::channel(WAITING_MAX);
        let started = Instant::now();
        let count = settings.transaction_state_log_num_partitions;
        let transactions = Transactions::new(config(settings), count, now_since(started));
        let coordinator = Self {
            shared: Arc::new(Shared {
                state: Mutex::new(State {
                    sleeping_until: transactions.next_deadline(),
                    transactions,
                    waiting: Waiting::new(),
                }),
                log,
                registry,
                reporter,
                started,
                writes,
                marks,
                wake: Notify::new(),
            }),
        };
        tasks.spawn(markers::run(coordinator.clone(), to_mark, cancel.clone()));
        tasks.spawn(task::run(
            coordinator.clone(),
            written,
            sources,
            cancel.clone(),
        ));
        coordinator
    }

    /// Asks for a producer's id and epoch, or for the end of its transaction.
    pub(crate) async fn ask_for_producer(
        &self,
        mut request: Request,
    ) -> Result<(i64, i16), ErrorCode> {
        loop {
            match self.ask(request.clone()).await {
                Some(Response::Producer(result)) => return result,
                Some(Response::ProducerIdNeeded) => {
                    let fresh = self.shared.registry.next_producer_id().await;
                    let fresh = fresh.map_err(|error| {
                        tracing::warn!("no producer id: {error}");
                        ErrorCode::CoordinatorNotAvailable
                    })?;
                    match &mut request {
                        Request::Init(request) => request.fresh_producer_id = Some(fresh),
                        Request::End(request) => request.fresh_producer_id = Some(fresh),
                        Request::AddPartitions(_) => {}
                    }
                }
                Some(Response::Added(_)) | None => return Err(ErrorCode::CoordinatorNotAvailable),
            }
        }
    }

    /// Makes partitions part of a transaction.
    pub(crate) async fn ask_to_add(&self, request: Request) -> ErrorCode {
        match self.ask(request).await {
            Some(Response::Added(error)) => error,
            _ => ErrorCode::CoordinatorNotAvailable,
        }
    }

    /// `None`: the broker is stopping.
    async fn ask(&self, request: Request) -> Option<Response> {
        let answered = {
            let mut state = self.lock();
            let (id, answered) = state.waiting.begin();
            self.carry_out(&mut state, Event::Request { id, request });
            answered
        };
        answered.await.ok()
    }

    /// See [`Transactions::verify`].
    pub(crate) fn verify(
        &self,
        producer: &ProducerIdentity,
        partitions: &[TopicPartition],
    ) -> Result<Vec<(TopicPartition, ErrorCode)>, ErrorCode> {
        self.lock().transactions.verify(producer, partitions)
    }

    /// See [`Transactions::describe`].
    pub(crate) fn describe(
        &self,
        transactional_id: &str,
    ) -> Result<TransactionDescription, ErrorCode> {
        self.lock().transactions.describe(transactional_id)
    }

    /// See [`Transactions::list`].
    pub(crate) fn list(
        &self,
        filter: &Filter,
    ) -> Result<Vec<(String, i64, TransactionState)>, ErrorCode> {
        let now = now_since(self.shared.started);
        self.lock().transactions.list(filter, now)
    }

    /// The state stays whole whatever a caller's panic interrupted: a panic ends the process.
    fn lock(&self) -> MutexGuard<'_, State> {
        let state = self.shared.state.lock();
        state.unwrap_or_else(PoisonError::into_inner)
    }

    fn step(&self, event: Event) {
        self.carry_out(&mut self.lock(), event);
    }

    /// Lets the coordinator decide and does what it says, also what follows from writes that are committed at once.
    fn carry_out(&self, state: &mut State, event: Event) {
        let now = now_since(self.shared.started);
        let mut effects = VecDeque::from(state.transactions.step(event, now));
        while let Some(effect) = effects.pop_front() {
            if let Some(event) = self.carry_out_one(state, effect, now) {
                effects.extend(state.transactions.step(event, now));
            }
        }
        let next = state.transactions.next_deadline();
        if next != state.sleeping_until {
            state.sleeping_until = next;
            self.shared.wake.notify_one();
        }
    }

    fn carry_out_one(&self, state: &mut State, effect: Effect, now: Now) -> Option<Event> {
        match effect {
            Effect::Respond { to, response } => {
                state.waiting.answer(to, response);
                None
            }
            Effect::Store {
                write,
                partition,
                leader_epoch,
                record,
            } => {
                let batch = || batch_of(&[record], None, now.wall_ms);
                let log = &*self.shared.log;
                let stored = append(
                    log,
                    &self.shared.writes,
                    write,
                    partition,
                    leader_epoch,
                    batch,
                );
                stored.map(|result| Event::Stored { write, result })
            }
            Effect::Report(report) => {
                self.shared.reporter.report(report);
                None
            }
            Effect::Mark { mark, partitions } => {
                let marks = Marks { mark, partitions };
                let refused = self.shared.marks.try_send(marks).err()?.into_inner();
                let again = refused.partitions.into_iter().map(|at| (at, Marked::Again));
                Some(Event::Marked {
                    mark: refused.mark,
                    results: again.collect(),
                })
            }
        }
    }
}

fn config(settings: &Settings) -> Config {
    Config {
        timeout_max_ms: settings.transaction_max_timeout_ms,
        timeout_check_interval: interval(
            settings.transaction_abort_timed_out_transaction_cleanup_interval_ms,
        ),
        id_expiration_ms: i64::from(settings.transactional_id_expiration_ms),
        expiration_check_interval: interval(
            settings.transaction_remove_expired_transaction_cleanup_interval_ms,
        ),
    }
}

fn interval(ms: i32) -> Duration {
    Duration::from_millis(u64::try_from(ms).unwrap_or(1).max(1))
}
