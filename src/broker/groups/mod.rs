//! The shell around the [`coordinator`](super::coordinator): hands it requests, time and the
//! outcomes of writes, and carries out what it decides.

mod task;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::configs::{Settings, items};
use super::coordinating::{CoordinatorLog, Waiting, Write, append, batch_of, now_since};
use super::coordinator::{
    Assignor, Config, ConsumerConfig, ConsumerGroupDescription, Coordinator, Effect, Event,
    FoundOffset, GroupDescription, ListedGroup, MigrationPolicy, Now, Request, Response,
    TransactionEnd, WriteId,
};
use super::image::ClusterImage;
use wire::{BrokerId, ErrorCode, LeaderEpoch, Reporter, TopicPartition};

/// Writes that may wait for their replicas at once. Each belongs to a request that is held, or to
/// a group's deadline; beyond it requests are refused as by a coordinator that is not available.
const WRITES_WAITING_MAX: usize = 10_000;

/// How long the first `JoinGroup` of a new member may be held (Kafka's own constant).
const NEW_MEMBER_JOIN_TIMEOUT: Duration = Duration::from_secs(5 * 60);

/// The groups of this broker. Clones are handles on the same.
#[derive(Clone)]
pub(crate) struct Groups {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    log: Arc<dyn CoordinatorLog>,
    reporter: Reporter,
    commit_timeout: Duration,
    started: Instant,
    writes: mpsc::Sender<Write>,
    /// Another deadline is the next one.
    wake: Notify,
}

struct State {
    coordinator: Coordinator,
    waiting: Waiting<Response>,
    /// What the task sleeps until.
    sleeping_until: Option<Duration>,
}

impl Groups {
    /// Starts the groups' task in `tasks`. `coordinating` are the partitions of the topic that this broker
    /// leads, each with its epoch; their groups are there once the log is read. `image` tells
    /// which topics are gone.
    #[expect(
        clippy::too_many_arguments,
        reason = "everything that one task of a broker is given, once"
    )]
    pub(crate) fn start(
        broker: BrokerId,
        settings: &Settings,
        log: Arc<dyn CoordinatorLog>,
        coordinating: watch::Receiver<BTreeMap<i32, LeaderEpoch>>,
        image: watch::Receiver<Arc<ClusterImage>>,
        reporter: Reporter,
        tasks: &mut JoinSet<()>,
        cancel: CancellationToken,
    ) -> Self {
        let (writes, written) = mpsc::channel(WRITES_WAITING_MAX);
        let started = Instant::now();
        let now = now_since(started);
        let config = config(broker, settings);
        let coordinator = Coordinator::new(config, settings.offsets_topic_num_partitions, now);
        let groups = Self {
            shared: Arc::new(Shared {
                state: Mutex::new(State {
                    coordinator,
                    waiting: Waiting::new(),
                    sleeping_until: None,
                }),
                log,
                reporter,
                commit_timeout: millis(settings.offsets_commit_timeout_ms),
                started,
                writes,
                wake: Notify::new(),
            }),
        };
        tasks.spawn(task::run(
            groups.clone(),
            written,
            coordinating,
            image,
            cancel,
        ));
        groups
    }

    /// Asks the coordinator. The answer may take as long as others need to join. `None`: the
    /// broker is stopping.
    pub(crate) async fn ask(&self, request: Request) -> Option<Response> {
        self.put(request).await.ok()
    }

    fn put(&self, request: Request) -> oneshot::Receiver<Response> {
        let mut state = lock(&self.shared.state);
        let (id, answered) = state.waiting.begin();
        self.carry_out(&mut state, Event::Request { id, request });
        answered
    }

    /// See [`Coordinator::describe`].
    pub(crate) fn describe(&self, group: &str) -> Result<Option<GroupDescription>, ErrorCode> {
        lock(&self.shared.state).coordinator.describe(group)
    }

    /// See [`Coordinator::describe_consumer`].
    pub(crate) fn describe_consumer(
        &self,
        group: &str,
    ) -> Result<Option<ConsumerGroupDescription>, ErrorCode> {
        lock(&self.shared.state)
            .coordinator
            .describe_consumer(group)
    }

    /// See [`Coordinator::check_fetch`].
    pub(crate) fn check_fetch(
        &self,
        group: &str,
        member_id: &str,
        member_epoch: i32,
    ) -> Result<(), ErrorCode> {
        let state = lock(&self.shared.state);
        state
            .coordinator
            .check_fetch(group, member_id, member_epoch)
    }

    /// See [`Coordinator::list`].
    pub(crate) fn list(&self) -> (ErrorCode, Vec<ListedGroup>) {
        lock(&self.shared.state).coordinator.list()
    }

    /// See [`Coordinator::fetch_offsets`].
    pub(crate) fn fetch_offsets(
        &self,
        group: &str,
        partitions: Option<&[TopicPartition]>,
        require_stable: bool,
    ) -> Result<Vec<(TopicPartition, FoundOffset)>, ErrorCode> {
        let state = lock(&self.shared.state);
        state
            .coordinator
            .fetch_offsets(group, partitions, require_stable)
    }

    /// See [`Coordinator::next_write`].
    pub(crate) fn next_write(&self) -> WriteId {
        lock(&self.shared.state).coordinator.next_write()
    }

    /// A transaction's marker is in this partition of `__consumer_offsets`, on every in-sync replica; `before` is
    /// [`Self::next_write`] as it was when the marker had been appended. To be told before the marker is acknowledged: the
    /// producer's next transaction begins after that.
    pub(crate) fn transaction_ended(&self, partition: i32, end: TransactionEnd, before: WriteId) {
        let ended = Event::TransactionEnded {
            partition,
            end,
            before,
        };
        self.step(ended);
    }

    fn step(&self, event: Event) {
        self.carry_out(&mut lock(&self.shared.state), event);
    }

    /// Lets the coordinator decide and does what it says, also what follows from writes that are
    /// committed at once and from deadlines that are due by now.
    fn carry_out(&self, state: &mut State, event: Event) {
        let now = now_since(self.shared.started);
        let mut effects = VecDeque::from(state.coordinator.step(event, now));
        loop {
            while let Some(effect) = effects.pop_front() {
                if let Some(stored) = self.carry_out_one(state, effect, now) {
                    effects.extend(state.coordinator.step(stored, now));
                }
            }
            match state.coordinator.next_deadline() {
                Some(due) if due <= now.monotonic => {
                    effects.extend(state.coordinator.step(Event::Tick, now));
                }
                next => {
                    if next != state.sleeping_until {
                        state.sleeping_until = next;
                        self.shared.wake.notify_one();
                    }
                    return;
                }
            }
        }
    }

    fn carry_out_one(&self, state: &mut State, effect: Effect, now: Now) -> Option<Event> {
        match effect {
            Effect::Respond { to, response } => {
                state.waiting.answer(to, response);
                None
            }
            Effect::Report(report) => {
                self.shared.reporter.report(report);
                None
            }
            Effect::Store {
                write,
                partition,
                leader_epoch,
                producer,
                records,
            } => {
                let batch = || batch_of(&records, producer, now.wall_ms);
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
        }
    }
}

/// The state stays whole whatever a caller's panic interrupted: a panic ends the process.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn config(broker: BrokerId, settings: &Settings) -> Config {
    Config {
        broker,
        session_timeout_min_ms: settings.group_min_session_timeout_ms,
        session_timeout_max_ms: settings.group_max_session_timeout_ms,
        initial_rebalance_delay: millis(settings.group_initial_rebalance_delay_ms),
        group_size_max: usize::try_from(settings.group_max_size).unwrap_or(0),
        offsets_retention_ms: i64::from(settings.offsets_retention_minutes) * 60_000,
        retention_check_interval: Duration::from_millis(
            u64::try_from(settings.offsets_retention_check_interval_ms).unwrap_or(0),
        )
        .max(Duration::from_millis(1)),
        offset_metadata_bytes_max: usize::try_from(settings.offset_metadata_max_bytes).unwrap_or(0),
        new_member_join_timeout: NEW_MEMBER_JOIN_TIMEOUT,
        consumer: consumer_config(settings),
    }
}

fn consumer_config(settings: &Settings) -> ConsumerConfig {
    let mut protocols = items(&settings.group_coordinator_rebalance_protocols);
    let assignors = items(&settings.group_consumer_assignors);
    ConsumerConfig {
        is_enabled: protocols.any(|protocol| protocol == "consumer"),
        session_timeout: millis(settings.group_consumer_session_timeout_ms),
        heartbeat_interval_ms: settings.group_consumer_heartbeat_interval_ms,
        assignment_interval_ms: settings.group_consumer_assignment_interval_ms.into(),
        group_size_max: usize::try_from(settings.group_consumer_max_size).unwrap_or(0),
        assignors: assignors.filter_map(Assignor::of_name).collect(),
        migration_policy: MigrationPolicy::of_name(&settings.group_consumer_migration_policy),
    }
}

fn millis(ms: i32) -> Duration {
    Duration::from_millis(u64::try_from(ms).unwrap_or(0))
}
