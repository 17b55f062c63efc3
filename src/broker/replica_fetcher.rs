//! Follows: fetches from every leader what its followers here do not have yet.
//!
//! One task and one connection for each leader, with one long-polling fetch under way for all partitions that it
//! leads. An answer counts for a partition only if its role and its log's end are still those of the request.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use futures::FutureExt;
use kafka_protocol::{
    messages::{
        ListOffsetsRequest,
        fetch_response::{FetchResponse, PartitionData},
        list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic},
    },
    protocol::StrBytes,
};
use tokio::{sync::Notify, task::JoinSet, time::Instant};

mod refusals;
mod request;
mod session;

use self::{
    refusals::{Refusals, Told},
    session::LeaderSession,
};
use super::{
    Settings,
    partitions::{Followed, PartitionError, Partitions, housekeeping::now_ms},
    registry::Registry,
    replication::{EpochEnd, SentFetch},
    throttle::{BytesPerSecond, Throttle},
};
use client::kafka::{KafkaConnection, KafkaError};
use wire::{BrokerId, ErrorCode, LeaderEpoch, Offset, Reporter, report::Report};

/// The first pause after a failure: short, for a leader that has just been elected and does not know it yet.
const BACKOFF_MIN: Duration = Duration::from_millis(5);

/// The longest pause: a leader that is gone is soon nobody's leader.
const BACKOFF_MAX: Duration = Duration::from_millis(200);

/// How much longer than its own wait a fetch may take: a leader that is frozen or overwhelmed.
const FETCH_PATIENCE: Duration = Duration::from_secs(5);

/// How long connecting may take on a healthy network.
const CONNECT_WAIT: Duration = Duration::from_secs(2);

/// Pause before a partition is asked for again whose replication is throttled.
const THROTTLED_PAUSE: Duration = Duration::from_millis(100);

/// The fetch version that our leaders answer: with broker epochs, and the follower's high watermark.
const FETCH_VERSION: i16 = 18;

/// Starts a fetcher for every leader that is followed, as they come.
pub(crate) struct ReplicaFetchers {
    pub(crate) settings: Settings,
    pub(crate) registry: Registry,
    pub(crate) partitions: Arc<Partitions>,
    pub(crate) reporter: Reporter,
    pub(crate) throttle: Throttle,
}

impl ReplicaFetchers {
    /// How long a follower may lag behind before its leader counts it out.
    fn lag_time_max(&self) -> Duration {
        let ms = self.settings.replica_lag_time_max_ms;
        Duration::from_millis(u64::try_from(ms).unwrap_or_default())
    }

    /// Runs until dropped.
    pub(crate) async fn run(self) {
        let shared = Arc::new(self);
        let mut running = JoinSet::new();
        let mut known = HashSet::new();
        loop {
            for (leader, changed) in shared.partitions.fetchers() {
                if known.insert(leader) {
                    let fetcher = Fetcher {
                        shared: Arc::clone(&shared),
                        leader,
                        changed,
                        connection: None,
                        session: LeaderSession::new(),
                        broker_epoch: -1,
                        backoff: BACKOFF_MIN,
                        throttled_until: HashMap::new(),
                        refusals: Refusals::new(shared.lag_time_max()),
                    };
                    running.spawn(fetcher.run());
                }
            }
            shared.partitions.fetcher_added().await;
        }
    }
}

struct Fetcher {
    shared: Arc<ReplicaFetchers>,
    leader: BrokerId,
    /// Woken when the partitions to fetch are others.
    changed: Arc<Notify>,
    connection: Option<KafkaConnection>,
    session: LeaderSession<PartitionKey, SentFetch>,
    /// The registration of the leader that `connection` leads to.
    broker_epoch: i64,
    backoff: Duration,
    /// Partitions whose replication is throttled, and when to ask again.
    throttled_until: HashMap<PartitionKey, Instant>,
    /// Partitions that the leader refused, or whose records cannot be taken.
    refusals: Refusals<PartitionKey>,
}

/// A partition as fetches name it.
type PartitionKey = (uuid::Uuid, i32);

fn key(followed: &Followed) -> PartitionKey {
    (
        followed.partition.topic_id(),
        followed.partition.at().partition,
    )
}

impl Fetcher {
    async fn run(mut self) {
        loop {
            // What was changed until now is seen below; only later changes interrupt the fetch.
            let _ = self.changed.notified().now_or_never();
            let now = Instant::now();
            self.throttled_until.retain(|_, at| *at > now);
            let all = self.shared.partitions.followed_from(self.leader);
            let keys: HashSet<PartitionKey> = all.iter().map(key).collect();
            self.refusals.retain(|key| keys.contains(key));
            if all.is_empty() {
                self.disconnect();
                self.throttled_until.clear();
                self.changed.notified().await;
                continue;
            }
            for followed in &all {
                let held = self.limit(followed);
                let exceeded = |limit| self.shared.throttle.is_exceeded(limit, now.into_std());
                if held.is_some_and(exceeded) {
                    let again = self.throttled_until.entry(key(followed));
                    again.or_insert(now + THROTTLED_PAUSE);
                }
            }
            let due: Vec<Followed> = all
                .into_iter()
                .filter(|followed| self.is_due(&key(followed), now))
                .collect();
            let until = self.throttled_until.values().min().copied();
            let until = until.into_iter().chain(self.refusals.next_due(now)).min();
            if due.is_empty() {
                self.pause(until.unwrap_or(now + self.backoff)).await;
                continue;
            }
            let wait = until.map_or(self.wait_max(), |until| {
                self.wait_max().min(until.saturating_duration_since(now))
            });
            match self.fetch(&due, wait).await {
                Ok(Some(response)) => {
                    self.backoff = BACKOFF_MIN;
                    self.take(&due, response).await;
                }
                // The partitions changed while the leader held the fetch.
                Ok(None) => {
                    self.disconnect();
                    self.throttled_until.clear();
                    self.refusals.retry_all(now);
                    self.backoff = BACKOFF_MIN;
                }
                Err(error) => {
                    tracing::debug!("fetching from broker {}: {error}", self.leader);
                    self.disconnect();
                    self.pause(Instant::now() + self.backoff).await;
                    self.backoff = (self.backoff * 2).min(BACKOFF_MAX);
                }
            }
        }
    }

    /// What the leader has in hand for us is of no use any more.
    fn disconnect(&mut self) {
        self.connection = None;
        self.session.begin_anew();
    }

    /// How fast a replica here may be filled, where that is limited.
    fn limit(&self, followed: &Followed) -> Option<BytesPerSecond> {
        let registry = &self.shared.registry;
        let throttle = &self.shared.throttle;
        throttle.limit(
            &registry.image(),
            followed.partition.at(),
            registry.broker_id(),
        )
    }

    /// Waits, or until the partitions change.
    async fn pause(&mut self, until: Instant) {
        if tokio::time::timeout_at(until, self.changed.notified())
            .await
            .is_ok()
        {
            self.backoff = BACKOFF_MIN;
            self.throttled_until.clear();
            self.refusals.retry_all(Instant::now());
        }
    }

    fn is_due(&self, key: &PartitionKey, now: Instant) -> bool {
        !self.throttled_until.contains_key(key) && self.refusals.is_due(key, now)
    }

    /// At most half of the lag time: a follower that has everything is late by that much when a record comes.
    fn wait_max(&self) -> Duration {
        let ms = self.shared.settings.replica_fetch_wait_max_ms;
        let wait = Duration::from_millis(u64::try_from(ms).unwrap_or_default());
        wait.min(self.shared.lag_time_max() / 2)
    }

    /// Asks the leader. `None`: what is to be fetched changed before it answered.
    async fn fetch(
        &mut self,
        due: &[Followed],
        wait: Duration,
    ) -> Result<Option<FetchResponse>, KafkaError> {
        let changed = Arc::clone(&self.changed);
        self.connected().await?;
        let request = self.request(due, wait);
        let connection = self.connected().await?;
        let asked = connection.ask_in(FETCH_VERSION, &request, wait + FETCH_PATIENCE);
        tokio::select! {
            response = asked => response.map(Some),
            () = changed.notified() => Ok(None),
        }
    }

    async fn connected(&mut self) -> Result<&mut KafkaConnection, KafkaError> {
        let image = self.shared.registry.image();
        let Some(node) = image.brokers.get(&self.leader) else {
            return Err(KafkaError::Connect(std::io::ErrorKind::NotFound.into()));
        };
        // A leader that registered anew is another process.
        if self.broker_epoch != node.epoch {
            self.connection = None;
            self.session = LeaderSession::new();
        }
        let connection = if let Some(connection) = self.connection.take() {
            connection
        } else {
            let client_id = format!("broker-{}-fetcher-0", self.shared.registry.broker_id());
            let address = (node.host.as_str(), node.port);
            self.broker_epoch = node.epoch;
            KafkaConnection::connect(address, &client_id, CONNECT_WAIT).await?
        };
        Ok(self.connection.insert(connection))
    }

    /// Takes the leader's answer up. What was cut is written down before anything else: after a crash the old checkpoints
    /// would say that a log lost records.
    async fn take(&mut self, due: &[Followed], response: FetchResponse) {
        if !self.take_all(due, response).await {
            return;
        }
        let partitions = Arc::clone(&self.shared.partitions);
        let saved = tokio::task::spawn_blocking(move || partitions.save());
        if let Err(error) = saved.await {
            tracing::error!("what was cut is not written down yet: {error}");
        }
    }

    /// Returns whether a log was cut.
    async fn take_all(&mut self, due: &[Followed], response: FetchResponse) -> bool {
        let code = ErrorCode::from_code(response.error_code);
        if matches!(
            code,
            ErrorCode::FetchSessionIdNotFound
                | ErrorCode::InvalidFetchSessionEpoch
                | ErrorCode::FetchSessionTopicIdError
        ) {
            // The leader gave our place to another; it is asked for a new one at once.
            self.session = LeaderSession::new();
            return false;
        }
        if code.is_none() {
            self.session.answered(response.session_id);
        } else {
            self.session.begin_anew();
            tracing::debug!("fetching from broker {}: {code}", self.leader);
            self.pause(Instant::now() + self.backoff).await;
            return false;
        }
        let mut has_cut = false;
        let sent: HashMap<PartitionKey, &Followed> = due
            .iter()
            .map(|followed| (key(followed), followed))
            .collect();
        for topic in response.responses {
            for data in topic.partitions {
                let Some(followed) = sent.get(&(topic.topic_id, data.partition_index)) else {
                    continue;
                };
                match self.take_partition(followed, &data).await {
                    Ok(cut) => {
                        has_cut |= cut;
                        if self.refusals.went_on(&key(followed)) {
                            let at = followed.partition.at();
                            tracing::info!("{at}: follows broker {} again", self.leader);
                        }
                    }
                    Err(error) => self.failed(followed, &error),
                }
            }
        }
        has_cut
    }

    /// As [`Self::take_all`], for one partition.
    async fn take_partition(
        &mut self,
        followed: &Followed,
        data: &PartitionData,
    ) -> Result<bool, FetchError> {
        match ErrorCode::from_code(data.error_code) {
            ErrorCode::None => {}
            ErrorCode::OffsetOutOfRange => return self.reset(followed).await,
            code => return Err(FetchError::Refused(code)),
        }
        let diverging = &data.diverging_epoch;
        if diverging.epoch >= 0 {
            let diverging = EpochEnd {
                epoch: LeaderEpoch(diverging.epoch),
                end_offset: Offset(diverging.end_offset),
            };
            let cut = followed
                .partition
                .truncate_diverged(&followed.sent, diverging, now_ms())?;
            self.report_cut(followed, cut.map(|cut| (cut.from, cut.to)));
            return Ok(cut.is_some());
        }
        let records = data.records.as_deref().unwrap_or_default();
        if self.limit(followed).is_some() {
            let now = Instant::now().into_std();
            self.shared.throttle.moved(records.len(), now);
        }
        followed.partition.append_fetched(
            &followed.sent,
            records,
            Offset(data.high_watermark),
            Offset(data.log_start_offset),
            now_ms(),
        )?;
        Ok(false)
    }

    /// The leader does not have the offset that follows our log: asks where its own begins and ends.
    async fn reset(&mut self, followed: &Followed) -> Result<bool, FetchError> {
        let start = self.leader_offset(followed, -2).await?;
        let end = self.leader_offset(followed, -1).await?;
        let cut = followed
            .partition
            .reset_to(&followed.sent, start, end, now_ms())?;
        self.report_cut(followed, cut.map(|cut| (cut.from, cut.to)));
        Ok(cut.is_some())
    }

    async fn leader_offset(
        &mut self,
        followed: &Followed,
        timestamp: i64,
    ) -> Result<Offset, FetchError> {
        let at = followed.partition.at();
        let partition = ListOffsetsPartition::default()
            .with_partition_index(at.partition)
            .with_current_leader_epoch(followed.sent.epoch.0)
            .with_timestamp(timestamp);
        let request = ListOffsetsRequest::default()
            .with_replica_id(self.shared.registry.broker_id().0.into())
            .with_topics(vec![
                ListOffsetsTopic::default()
                    .with_name(StrBytes::from(at.topic.clone()).into())
                    .with_partitions(vec![partition]),
            ]);
        let response = self
            .connected()
            .await?
            .ask(&request, FETCH_PATIENCE)
            .await?;
        let answer = response
            .topics
            .first()
            .and_then(|topic| topic.partitions.first())
            .ok_or(FetchError::Refused(ErrorCode::UnknownServerError))?;
        match ErrorCode::from_code(answer.error_code) {
            ErrorCode::None => Ok(Offset(answer.offset)),
            code => Err(FetchError::Refused(code)),
        }
    }

    /// Goes on with this partition later. What lasts longer than a follower may lag hardly passes by itself.
    fn failed(&mut self, followed: &Followed, error: &FetchError) {
        let at = followed.partition.at();
        let (epoch, offset) = (followed.sent.epoch, followed.sent.offset);
        let told = self
            .refusals
            .failed(key(followed), (epoch, offset), Instant::now());
        let Some(Told { lasts, again }) = told else {
            tracing::debug!("{at}: {error}");
            return;
        };
        tracing::warn!(
            "{at}: stands at offset {offset} for {} s and gets nothing from broker {}: {error}",
            lasts.as_secs(),
            self.leader
        );
        if again {
            return;
        }
        self.shared.reporter.report(Report::FollowerStalled {
            broker: self.shared.registry.broker_id(),
            topic: at.topic.clone(),
            partition: at.partition,
            leader: self.leader,
            offset,
            for_ms: u64::try_from(lasts.as_millis()).unwrap_or(u64::MAX),
            why: error.to_string(),
        });
    }

    fn report_cut(&self, followed: &Followed, cut: Option<(Offset, Offset)>) {
        let Some((from, to)) = cut else { return };
        let at = followed.partition.at();
        tracing::info!(
            "{at}: cut from {from} to {to} to follow broker {}",
            self.leader
        );
        self.shared.reporter.report(Report::LogTruncated {
            broker: self.shared.registry.broker_id(),
            topic: at.topic.clone(),
            partition: at.partition,
            from,
            to,
        });
    }
}

/// Why a partition could not be taken forward.
#[derive(Debug, thiserror::Error)]
enum FetchError {
    #[error("the leader answered {0}")]
    Refused(ErrorCode),
    #[error(transparent)]
    Partition(#[from] PartitionError),
    #[error(transparent)]
    Kafka(#[from] KafkaError),
}
