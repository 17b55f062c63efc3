//! Feeds the cluster: single records and the demo stream, with librdkafka as any application would.
//!
//! What the library reports back is counted, told, and remembered for the check that nothing
//! acknowledged is lost.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinSet;

use super::observer::now;
use super::observer::{Acknowledged, Partitions};
use super::state::{Acks, DEMO_KEYS, NewRecord, Observation, StreamRate, stream_value};
use super::tally::{Sent, TOLD_EVERY, Tally};
use librdkafka::producer::{Outgoing, Producer, ProducerError};
use wire::TopicPartition;
use wire::murmur2::partition_for_key;

/// How often a fast stream sends its share.
const STREAM_STEP: Duration = Duration::from_millis(10);

/// Records that the fastest stream keeps under way.
const STREAM_WAITING_MAX: usize = 5_000;

/// How long a record may wait for its acknowledgement before it is given up.
const GIVE_UP_MS: &str = "120000";

/// What the stream sends now.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stream {
    topic: String,
    rate: StreamRate,
}

/// Topics that may wait for new leaders to be looked for.
const TOPICS_MOVED_MAX: usize = 64;

/// How long a broker may take to tell the new leaders.
const LEADERS_WAIT: Duration = Duration::from_millis(500);

/// Owns the producers and the stream.
pub(super) struct Feeder {
    senders: Arc<Senders>,
    stream: watch::Sender<Stream>,
    /// Streams beside it, by topic.
    beside: BTreeMap<String, watch::Sender<Stream>>,
    /// Topics whose leaders moved; one place each, more would ask the same again.
    moved: mpsc::Sender<String>,
    /// Dropped with the feeder, which ends them.
    tasks: JoinSet<()>,
}

impl Feeder {
    /// Connects in the background, so that the first record finds a connection.
    ///
    /// # Errors
    /// The client library cannot start.
    pub(super) fn new(
        bootstrap: &str,
        partitions: Partitions,
        acknowledged: Arc<Acknowledged>,
        observations: mpsc::Sender<Observation>,
    ) -> Result<Self> {
        let tally = Arc::new(Tally::new(observations.clone(), acknowledged));
        let senders = Arc::new(Senders {
            all: Arc::new(producer(bootstrap, "all", &tally)?),
            others: Mutex::default(),
            bootstrap: bootstrap.to_owned(),
            tally,
            partitions,
            observations,
            acks: Mutex::default(),
        });
        let (stream, rates) = watch::channel(Stream {
            topic: String::new(),
            rate: StreamRate::Off,
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(run_stream(Arc::clone(&senders), rates));
        tasks.spawn(tell_counts(Arc::clone(&senders.tally)));
        let (moved, topics) = mpsc::channel(TOPICS_MOVED_MAX);
        tasks.spawn(look_for_leaders(Arc::clone(&senders), topics));
        Ok(Self {
            senders,
            stream,
            moved,
            beside: BTreeMap::new(),
            tasks,
        })
    }

    /// Sends these records. What cannot be sent is told.
    pub(super) fn produce(&self, records: &[NewRecord]) {
        for record in records {
            self.senders.send(record);
        }
    }

    /// What counts all that is sent here.
    pub(super) fn tally(&self) -> &Tally {
        &self.senders.tally
    }

    /// Leaders of this topic moved: records that wait for them go on at once.
    pub(super) fn leaders_moved(&self, topic: &str) {
        // Full: enough questions are on their way.
        let _ = self.moved.try_send(topic.to_owned());
    }

    /// Streams wait for so many acknowledgements from now on.
    pub(super) fn wait_for(&self, acks: Acks) {
        *self.senders.streams_wait_for() = acks;
    }

    /// Sends demo records at this pace from now on.
    pub(super) fn stream(&self, topic: String, rate: StreamRate) {
        self.stream.send_replace(Stream { topic, rate });
    }

    /// The same beside that stream; a stream that ends goes, and its task with it.
    pub(super) fn stream_beside(&mut self, topic: String, rate: StreamRate) {
        while self.tasks.try_join_next().is_some() {}
        if rate == StreamRate::Off {
            self.beside.remove(&topic);
            return;
        }
        let stream = Stream {
            topic: topic.clone(),
            rate,
        };
        if let Some(running) = self.beside.get(&topic) {
            running.send_replace(stream);
            return;
        }
        let (sender, rates) = watch::channel(stream);
        self.tasks
            .spawn(run_stream(Arc::clone(&self.senders), rates));
        self.beside.insert(topic, sender);
    }
}

/// Key, value and headers together.
fn bytes_of(record: &NewRecord) -> u64 {
    let headers = record.headers.iter();
    let texts = headers.flat_map(|(name, value)| [name, value]);
    let bytes: usize = texts
        .chain(&record.key)
        .chain(&record.value)
        .map(String::len)
        .sum();
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

/// One producer for each kind of acknowledgement.
struct Senders {
    all: Arc<Producer<Sent>>,
    /// Those that do not wait for all; few ever ask for them.
    others: Mutex<BTreeMap<&'static str, Arc<Producer<Sent>>>>,
    bootstrap: String,
    tally: Arc<Tally>,
    partitions: Partitions,
    observations: mpsc::Sender<Observation>,
    /// What streams wait for.
    acks: Mutex<Acks>,
}

impl Senders {
    /// Sends one record; whether the library took it.
    fn send(&self, record: &NewRecord) -> bool {
        let key = record.key.as_deref().map(str::as_bytes);
        let partition = record.partition.or_else(|| {
            let count = self.partitions.count(&record.topic)?;
            key.map(|key| partition_for_key(key, count))
        });
        let sent = Sent {
            expected: partition.map(|partition| TopicPartition::new(&record.topic, partition)),
            key: record.key.clone(),
            content: super::observer::content(key, record.value.as_deref().map(str::as_bytes)),
            began: now(),
            since: Instant::now(),
            acks: record.acks,
            bytes: bytes_of(record),
        };
        let headers = record.headers.iter();
        let headers: Vec<_> = headers
            .map(|(name, value)| (name.as_str(), Some(value.as_str())))
            .collect();
        let outgoing = Outgoing {
            topic: &record.topic,
            partition: record.partition,
            key,
            value: record.value.as_deref().map(str::as_bytes),
            headers: &headers,
        };
        let producer = match self.producer(record.acks) {
            Ok(producer) => producer,
            Err(error) => {
                self.refused(sent, &error);
                return false;
            }
        };
        self.tally.sent(&sent);
        match producer.send(outgoing, sent) {
            Ok(()) => true,
            Err((error, sent)) => {
                self.tally.not_sent(&sent);
                if error != ProducerError::Full {
                    self.refused(sent, &error);
                }
                false
            }
        }
    }

    fn streams_wait_for(&self) -> MutexGuard<'_, Acks> {
        // A panic ends the process; a poisoned lock is never seen.
        self.acks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The producer with these acknowledgements, made when it is first needed.
    fn producer(&self, acks: Acks) -> Result<Arc<Producer<Sent>>, ProducerError> {
        if acks == Acks::All {
            return Ok(Arc::clone(&self.all));
        }
        let acks = acks.setting();
        // A panic ends the process; a poisoned lock is never seen.
        let mut others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(producer) = others.get(acks) {
            return Ok(Arc::clone(producer));
        }
        let producer = Arc::new(producer(&self.bootstrap, acks, &self.tally)?);
        others.insert(acks, Arc::clone(&producer));
        Ok(producer)
    }

    /// A record that never got as far as the library.
    fn refused(&self, sent: Sent, error: &ProducerError) {
        let _ = self.observations.try_send(Observation::SendFailed {
            partition: sent.expected,
            key: sent.key,
            error: error.to_string(),
        });
    }
}

fn producer(
    bootstrap: &str,
    acks: &str,
    tally: &Arc<Tally>,
) -> Result<Producer<Sent>, ProducerError> {
    let idempotent = if acks == "all" { "true" } else { "false" };
    let settings = [
        ("client.id", "playground"),
        ("acks", acks),
        ("enable.idempotence", idempotent),
        ("linger.ms", "0"),
        ("message.timeout.ms", GIVE_UP_MS),
    ];
    let tally = Arc::clone(tally);
    Producer::new(bootstrap, &settings, move |sent, delivery| {
        tally.delivered(&sent, delivery);
    })
}

/// Sends demo records at the pace that is set, until the feeder is gone.
async fn run_stream(senders: Arc<Senders>, mut rates: watch::Receiver<Stream>) {
    let mut number = 0_u64;
    loop {
        let stream = rates.borrow_and_update().clone();
        let began = Instant::now();
        let mut sent = 0_u64;
        loop {
            let due = match stream.rate {
                StreamRate::Off => 0,
                StreamRate::PerSecond(rate) => due(began.elapsed(), rate).saturating_sub(sent),
                StreamRate::Max => {
                    let room = STREAM_WAITING_MAX.saturating_sub(senders.all.waiting());
                    u64::try_from(room).unwrap_or(0)
                }
            };
            let acks = *senders.streams_wait_for();
            for _ in 0..due {
                number += 1;
                sent += 1;
                // What the library has no room for is not sent later: the pace is a pace.
                if !senders.send(&demo_record(&stream.topic, number, acks)) {
                    break;
                }
            }
            let pause = match stream.rate {
                StreamRate::Off => Duration::MAX,
                StreamRate::PerSecond(rate) if rate <= 100 => until_next(began.elapsed(), rate),
                _ => STREAM_STEP,
            };
            tokio::select! {
                changed = rates.changed() => match changed {
                    Ok(()) => break,
                    Err(_) => return,
                },
                () = sleep(pause) => {}
            }
        }
    }
}

/// `tokio::time::sleep` panics on none of the durations, but its clock ends before `MAX`.
async fn sleep(pause: Duration) {
    if pause == Duration::MAX {
        std::future::pending::<()>().await;
    }
    tokio::time::sleep(pause).await;
}

/// Records due after `elapsed` at `rate` a second; the first one is due at once.
fn due(elapsed: Duration, rate: u32) -> u64 {
    let nanos = elapsed.as_nanos().saturating_mul(u128::from(rate)) / 1_000_000_000;
    u64::try_from(nanos).unwrap_or(u64::MAX).saturating_add(1)
}

/// How long it is from `elapsed` to the next record at `rate` a second.
fn until_next(elapsed: Duration, rate: u32) -> Duration {
    let next = due(elapsed, rate);
    let nanos = u128::from(next) * 1_000_000_000 / u128::from(rate.max(1));
    let at = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
    at.saturating_sub(elapsed)
}

fn demo_record(topic: &str, number: u64, acks: Acks) -> NewRecord {
    let keys = DEMO_KEYS.len() as u64;
    let index = usize::try_from((number - 1) % keys).unwrap_or(0);
    NewRecord {
        topic: topic.to_owned(),
        key: DEMO_KEYS.get(index).map(|key| (*key).to_owned()),
        value: Some(stream_value(number)),
        acks,
        ..NewRecord::default()
    }
}

/// Lets the producer look for leaders that moved; asking blocks, so it has a thread meanwhile.
async fn look_for_leaders(senders: Arc<Senders>, mut topics: mpsc::Receiver<String>) {
    while let Some(topic) = topics.recv().await {
        let mut moved = BTreeSet::from([topic]);
        while let Ok(topic) = topics.try_recv() {
            moved.insert(topic);
        }
        let senders = Arc::clone(&senders);
        let looked = tokio::task::spawn_blocking(move || {
            for topic in moved {
                senders.all.look_for_leaders(&topic, LEADERS_WAIT);
            }
        });
        if looked.await.is_err() {
            return;
        }
    }
}

/// Tells the counts a little after they changed, so that a thousand changes are told once.
async fn tell_counts(tally: Arc<Tally>) {
    let changed: Arc<Notify> = tally.changed();
    loop {
        changed.notified().await;
        tally.tell().await;
        tokio::time::sleep(TOLD_EVERY).await;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{due, until_next};

    #[test]
    fn a_stream_sends_its_first_record_at_once_and_keeps_its_pace() {
        assert_eq!(due(Duration::ZERO, 10), 1);
        assert_eq!(until_next(Duration::ZERO, 10), Duration::from_millis(100));
        assert_eq!(due(Duration::from_millis(950), 10), 10);
        assert_eq!(
            until_next(Duration::from_millis(950), 10),
            Duration::from_millis(50)
        );
        assert_eq!(due(Duration::from_secs(10), 10_000), 100_001);
    }
}
