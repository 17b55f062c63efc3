//! Fetch 4 to 18: records from the partitions named, for consumers and for followers.
//!
//! Behaviour: waits until there are `min_bytes`, something else to tell, or the time is up. The first partition
//! with records gives at least one batch, however large (KIP-74). Consumers see what is committed, from
//! version 11 on also on followers (KIP-392). A reader whose last epoch shows another history is told where
//! the logs part (KIP-595). Followers (replica id, from 15 on with their broker epoch) tell how far they are, and are
//! answered early when their high watermark is old (KIP-1166), with records if some come within a moment. Topics are named by id from 13 on (KIP-516), new
//! leaders told from 12 and 16 on (KIP-951). From 7 on a session saves naming what has not changed (KIP-227).
//! With the isolation level `read_committed` records come only as far as no transaction is open before them, and the
//! aborted ones among them are told in the order in which they began (KIP-98).
//! Not done: preferred replicas.

mod response;
mod session;

use std::{
    sync::{Arc, PoisonError},
    time::{Duration, Instant},
};

use bytes::BytesMut;
use kafka_protocol::messages::{FetchRequest, fetch_request::FetchPartition};
use tokio::{sync::Notify, time::Instant as Deadline};

pub(crate) use self::session::FetchSessions;
use self::{
    response::{Chosen, PartitionAnswer, encode, encode_error},
    session::{Asked, SessionPart, SessionRequest, Told, TopicKey},
};
use super::{Reply, RequestContext, RequestError};
use crate::{
    Broker,
    image::ClusterImage,
    partitions::{Awaits, Partition, PartitionError, Read, ReadAnswer},
    replication::{FollowerFetch, IsrWrite, Reader},
    throttle::BytesPerSecond,
};
use wire::{BrokerId, ErrorCode, LeaderEpoch, Offset, TopicPartition};

/// What one request asks, resolved to this broker's partitions.
struct Fetch {
    broker: Arc<Broker>,
    context: RequestContext,
    role: Role,
    session: SessionPart,
    topics: Vec<FetchedTopic>,
    min_bytes: usize,
    bytes_max: usize,
    is_read_committed: bool,
}

#[derive(Debug, Clone, Copy)]
enum Role {
    Consumer,
    Debugger,
    Follower {
        broker: BrokerId,
        /// Whether the broker epoch in the request is the one that the broker is registered under.
        registered: bool,
    },
}

struct FetchedTopic {
    key: TopicKey,
    partitions: Vec<FetchedPartition>,
}

struct FetchedPartition {
    at: TopicPartition,
    asked: FetchPartition,
    found: Result<Arc<Partition>, ErrorCode>,
    /// How fast the follower that asks may be served, where that is limited.
    limit: Option<BytesPerSecond>,
}

/// How long a fetch of a follower waits that is not in the ISR: it enters with a fetch, perhaps with the next one.
const OUT_OF_SYNC_WAIT: Duration = Duration::from_millis(500);

/// How long a follower is left without news of the high watermark alone: the next record, which is often there sooner,
/// brings it along, and nobody reads from a follower what it does not know to be committed.
const HIGH_WATERMARK_WAIT: Duration = Duration::from_millis(10);

/// One look at all partitions.
struct Look {
    /// As in the request.
    answers: Vec<Vec<PartitionAnswer>>,
    /// The records of all partitions, one after the other.
    records: BytesMut,
    /// Whether there is something to tell that does not wait for bytes.
    is_urgent: bool,
    /// Whether the follower's high watermark is old.
    is_stale: bool,
}

impl Look {
    fn is_of_one_out_of_sync(&self) -> bool {
        let mut answers = self.answers.iter().flatten().flatten();
        answers.any(|answer| answer.is_out_of_sync)
    }
}

#[expect(clippy::unused_async, reason = "handlers have one signature")]
pub(super) async fn handle(
    broker: &Arc<Broker>,
    context: &RequestContext,
    request: FetchRequest,
) -> Result<Reply, RequestError> {
    let wait = Duration::from_millis(u64::try_from(request.max_wait_ms).unwrap_or_default());
    let now = Deadline::now();
    let fetch = match Fetch::new(broker, context, request) {
        Ok(fetch) => fetch,
        Err(code) => return encode_error(context, code),
    };
    let look = fetch.look(true);
    if look.is_urgent || look.records.len() >= fetch.min_bytes || wait.is_zero() {
        return fetch.answer(look);
    }
    let wait = if look.is_of_one_out_of_sync() {
        wait.min(OUT_OF_SYNC_WAIT)
    } else {
        wait
    };
    Ok(Reply::Later(Box::pin(fetch.wait(now + wait))))
}

impl Fetch {
    /// Resolves what is asked, which a session may know in part; without one that fits, the error says so.
    fn new(
        broker: &Arc<Broker>,
        context: &RequestContext,
        request: FetchRequest,
    ) -> Result<Self, ErrorCode> {
        let image = broker.registry.image();
        let role = role(&image, context, &request);
        let by_id = context.version >= 13;
        let asked = SessionRequest {
            id: request.session_id,
            // Before version 7 there are no sessions.
            epoch: if context.version >= 7 {
                request.session_epoch
            } else {
                -1
            },
            privileged: matches!(role, Role::Follower { .. }),
            by_id,
            topics: request.topics,
            forgotten: request.forgotten_topics_data,
        };
        let (session, asked) = sessions(broker).begin(asked, Instant::now())?;
        let mut topics: Vec<FetchedTopic> = Vec::new();
        let mut name = None;
        for asked in asked {
            let Asked {
                topic,
                was_known,
                partition,
            } = asked;
            if topics.last().is_none_or(|last| last.key != topic) {
                name = if by_id {
                    let found = image.topic_by_id(topic.id);
                    found.map(|(name, _)| Arc::from(name))
                } else {
                    Some(Arc::clone(&topic.name))
                };
                topics.push(FetchedTopic {
                    key: topic,
                    partitions: Vec::new(),
                });
            }
            if let Some(topic) = topics.last_mut() {
                let mut found = find(broker, &image, name.as_deref(), partition, role);
                if was_known && name.is_none() {
                    found.found = Err(ErrorCode::UnknownTopicOrPartition);
                }
                topic.partitions.push(found);
            }
        }
        let bytes = |count: i32| usize::try_from(count).unwrap_or_default();
        Ok(Self {
            broker: Arc::clone(broker),
            context: context.clone(),
            role,
            session,
            topics,
            min_bytes: bytes(request.min_bytes),
            bytes_max: bytes(request.max_bytes.min(broker.settings.fetch_max_bytes)),
            // Who replicates takes everything.
            is_read_committed: request.isolation_level == 1 && matches!(role, Role::Consumer),
        })
    }

    /// Looks again whenever a partition moves on, until there is enough or no time left.
    async fn wait(self, mut deadline: Deadline) -> Result<Reply, RequestError> {
        let waiter = Arc::new(Notify::new());
        let awaits = match self.role {
            Role::Consumer => Awaits::Commits,
            Role::Debugger | Role::Follower { .. } => Awaits::Records,
        };
        let mut was_stale = false;
        loop {
            for partition in self.topics.iter().flat_map(|topic| &topic.partitions) {
                if let Ok(partition) = &partition.found {
                    partition.register(&waiter, awaits);
                }
            }
            let look = self.look(false);
            if look.is_urgent || look.records.len() >= self.min_bytes {
                return self.answer(look);
            }
            if look.is_stale && !std::mem::replace(&mut was_stale, true) {
                deadline = deadline.min(Deadline::now() + HIGH_WATERMARK_WAIT);
            }
            if tokio::time::timeout_at(deadline, waiter.notified())
                .await
                .is_err()
            {
                // Nothing moved on since.
                return self.answer(look);
            }
        }
    }

    /// Reads what there is. `is_first`: a follower tells its progress once for each request.
    fn look(&self, is_first: bool) -> Look {
        let mut look = Look {
            answers: Vec::with_capacity(self.topics.len()),
            records: BytesMut::new(),
            is_urgent: self.topics.is_empty(),
            is_stale: false,
        };
        for topic in &self.topics {
            let mut answers = Vec::with_capacity(topic.partitions.len());
            for partition in &topic.partitions {
                let answer = match self.read(partition, is_first, &mut look.records) {
                    Ok(answer) => {
                        look.is_urgent |= self.is_urgent(&partition.asked, &answer);
                        look.is_stale |= self.is_stale(&partition.asked, &answer);
                        Ok(answer)
                    }
                    Err(code) => {
                        look.is_urgent = true;
                        Err(code)
                    }
                };
                answers.push(answer);
            }
            look.answers.push(answers);
        }
        look
    }

    fn read(
        &self,
        fetched: &FetchedPartition,
        is_first: bool,
        records: &mut BytesMut,
    ) -> Result<ReadAnswer, ErrorCode> {
        let partition = fetched.found.as_ref().map_err(|code| *code)?;
        let asked = &fetched.asked;
        let epoch = |epoch: i32| (epoch >= 0).then_some(LeaderEpoch(epoch));
        let is_held = |limit| self.broker.throttle.is_exceeded(limit, Instant::now());
        let is_held = fetched.limit.is_some_and(is_held);
        // Who replicates reads what it asks for; other readers may be slow.
        let room = match self.role {
            Role::Follower { .. } => self.bytes_max,
            Role::Consumer | Role::Debugger => self.broker.answers.room(),
        };
        let left = if is_held {
            0
        } else {
            self.bytes_max.min(room).saturating_sub(records.len())
        };
        let bytes_max = usize::try_from(asked.partition_max_bytes).unwrap_or_default();
        let reader = match self.role {
            Role::Consumer => Reader::Consumer {
                from_followers: self.context.version >= 11,
            },
            Role::Debugger => Reader::Debugger,
            Role::Follower { broker, registered } => {
                Reader::Follower(is_first.then(|| FollowerFetch {
                    broker,
                    offset: Offset(asked.fetch_offset),
                    log_start: Offset(asked.log_start_offset.max(0)),
                    registered: registered && asked.current_leader_epoch >= 0,
                    now: Instant::now(),
                }))
            }
        };
        let read = Read {
            from: Offset(asked.fetch_offset),
            current_leader_epoch: epoch(asked.current_leader_epoch),
            last_fetched_epoch: epoch(asked.last_fetched_epoch),
            bytes_max: bytes_max.min(left),
            min_one_batch: records.is_empty() && !is_held,
            is_read_committed: self.is_read_committed,
            reader,
        };
        let (answer, isr_write): (ReadAnswer, Option<IsrWrite>) = partition
            .read(&read, records)
            .map_err(|error: PartitionError| ErrorCode::from(&error))?;
        if let Some(write) = isr_write {
            self.broker.isr_writes.write(partition, write);
        }
        Ok(answer)
    }

    fn is_of_follower(&self) -> bool {
        matches!(self.role, Role::Follower { .. })
    }

    /// Whether an answer without bytes is worth sending at once: the logs part, or begin elsewhere.
    fn is_urgent(&self, asked: &FetchPartition, answer: &ReadAnswer) -> bool {
        answer.diverging.is_some()
            || (self.is_of_follower() && asked.log_start_offset < answer.log_start_offset.0)
    }

    /// Whether an answer without bytes is worth sending if no better one comes soon.
    fn is_stale(&self, asked: &FetchPartition, answer: &ReadAnswer) -> bool {
        self.is_of_follower() && asked.high_watermark < answer.high_watermark.0
    }

    fn answer(&self, look: Look) -> Result<Reply, RequestError> {
        let partitions = self.topics.iter().flat_map(|topic| &topic.partitions);
        let limited = partitions.zip(look.answers.iter().flatten());
        for (_, answer) in limited.filter(|(partition, _)| partition.limit.is_some()) {
            let bytes = answer.as_ref().map_or(0, |answer| answer.size_bytes);
            self.broker.throttle.moved(bytes, Instant::now());
        }
        match self.choose(&look) {
            Ok(chosen) => encode(self, look, &chosen),
            Err(code) => encode_error(&self.context, code),
        }
    }

    /// What of the answers the client is told.
    fn choose(&self, look: &Look) -> Result<Chosen, ErrorCode> {
        let answers = self.topics.iter().zip(&look.answers);
        let answers = answers.flat_map(|(topic, answers)| {
            let partitions = topic.partitions.iter().zip(answers);
            partitions.map(|(partition, answer)| (&topic.key, &partition.asked, told(answer)))
        });
        match self.session {
            SessionPart::Sessionless => Ok(Chosen::all(0)),
            SessionPart::First { privileged, by_id } => {
                let answers: Vec<(Asked, Told)> = answers
                    .map(|(topic, asked, told)| {
                        let asked = Asked {
                            topic: topic.clone(),
                            was_known: told.is_known(),
                            partition: asked.clone(),
                        };
                        (asked, told)
                    })
                    .collect();
                let created = sessions(&self.broker).create(
                    privileged,
                    by_id,
                    answers.into_iter(),
                    Instant::now(),
                );
                Ok(Chosen::all(created.unwrap_or_default()))
            }
            SessionPart::Incremental { id, epoch } => {
                let answers = answers.map(|(topic, asked, told)| (topic, asked.partition, told));
                let told = sessions(&self.broker).tell(id, epoch, answers)?;
                Ok(Chosen::some(id, told))
            }
        }
    }
}

fn sessions(broker: &Broker) -> std::sync::MutexGuard<'_, FetchSessions> {
    let sessions = broker.fetch_sessions.lock();
    sessions.unwrap_or_else(PoisonError::into_inner)
}

fn told(answer: &PartitionAnswer) -> Told {
    match answer {
        Ok(answer) => Told {
            high_watermark: answer.high_watermark.0,
            log_start_offset: answer.log_start_offset.0,
            has_news: answer.size_bytes > 0 || answer.diverging.is_some(),
            has_records: answer.size_bytes > 0,
            error: None,
        },
        Err(code) => Told {
            high_watermark: -1,
            log_start_offset: -1,
            has_news: true,
            has_records: false,
            error: Some(*code),
        },
    }
}

fn role(image: &ClusterImage, context: &RequestContext, request: &FetchRequest) -> Role {
    let (replica, broker_epoch) = if context.version >= 15 {
        let state = &request.replica_state;
        (state.replica_id.0, state.replica_epoch)
    } else {
        // Without a broker epoch nobody enters an ISR.
        (request.replica_id.0, -1)
    };
    match replica {
        -1 => Role::Consumer,
        replica if replica >= 0 => {
            let broker = BrokerId(replica);
            let node = image.brokers.get(&broker);
            Role::Follower {
                broker,
                registered: node.is_some_and(|node| node.epoch == broker_epoch),
            }
        }
        _ => Role::Debugger,
    }
}

fn find(
    broker: &Broker,
    image: &ClusterImage,
    name: Option<&str>,
    asked: FetchPartition,
    role: Role,
) -> FetchedPartition {
    let at = TopicPartition::new(name.unwrap_or_default(), asked.partition);
    let found = match name {
        Some(_) => broker
            .partitions
            .find(&at, image)
            .map_err(|error| ErrorCode::from(&error)),
        None => Err(ErrorCode::UnknownTopicId),
    };
    let limit = match role {
        Role::Follower {
            broker: follower, ..
        } => broker.throttle.limit(image, &at, follower),
        Role::Consumer | Role::Debugger => None,
    };
    FetchedPartition {
        at,
        asked,
        found,
        limit,
    }
}
