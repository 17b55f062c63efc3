//! Transactions: ten records over three partitions that are on every broker, committed one after the other by one producer
//! and by eight at once.

#![expect(
    clippy::cast_precision_loss,
    reason = "figures are printed with three digits"
)]

use std::{
    collections::HashMap,
    fmt::Write as _,
    path::Path,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use rdkafka::{
    Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    producer::{BaseProducer, BaseRecord, Producer as _},
};

use crate::{
    account::cpu_seconds,
    client::{Client, LIMIT},
    engine::{BROKERS, Cluster, Engine},
};

const TOPIC: &str = "transactions";
const PARTITIONS: i32 = 3;

/// The largest heap of each of Apache's processes.
const HEAP_MIB: u32 = 512;

/// What one transaction writes.
const RECORDS: i32 = 10;
const PAYLOAD: [u8; 100] = [b'x'; 100];

const PRODUCERS: [usize; 2] = [1, 8];

/// How long transactions go on before the clock starts, and how long they are counted.
const WARM_UP: Duration = Duration::from_secs(5);
const COUNTED: Duration = Duration::from_secs(20);

/// How long the last commits may take to be read.
const READ_WAIT: Duration = Duration::from_secs(10);

/// One run of so many producers.
struct Run {
    commits_a_second: f64,
    cpu_ms_a_commit: f64,
    visible_p50_ms: f64,
    visible_p99_ms: f64,
}

/// One of a run's figures.
type Figure = fn(&Run) -> f64;

/// What producers and the reader tell each other.
#[derive(Default)]
struct Board {
    stop: AtomicBool,
    is_counting: AtomicBool,
    commits: AtomicU64,
    next: AtomicU64,
    /// When a commit was asked for whose records were not read yet.
    asked: Mutex<HashMap<u64, Instant>>,
}

impl Board {
    fn asked(&self) -> MutexGuard<'_, HashMap<u64, Instant>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Both clusters, one after the other, as a table.
pub fn transactions(program: Option<&Path>, jars: Option<&Path>) -> Result<String> {
    let ours = program.map(|program| {
        measure(Engine::Kafkarium {
            program: program.to_owned(),
        })
    });
    let ours = ours.transpose()?;
    let apache = jars.map(|jars| {
        measure(Engine::Apache {
            jars: jars.to_owned(),
            heap: HEAP_MIB,
        })
    });
    let apache = apache.transpose()?;
    let mut table = format!(
        "Transactions of {RECORDS} records over {PARTITIONS} partitions, RF {BROKERS}, librdkafka, {} s each, one run:\n\n\
         | transactions | Kafkarium | Apache Kafka 3.9 + ZooKeeper | ratio |\n|---|---|---|---|\n",
        COUNTED.as_secs()
    );
    for (index, producers) in PRODUCERS.into_iter().enumerate() {
        let of = |runs: &Option<Vec<Run>>, figure: Figure| {
            let run = runs.as_ref().and_then(|runs| runs.get(index));
            run.map(figure)
        };
        let who = if producers == 1 {
            "1 producer".to_owned()
        } else {
            format!("{producers} producers")
        };
        let rows: [(&str, Figure); 4] = [
            ("commits a second", |run| run.commits_a_second),
            ("server CPU a commit, ms", |run| run.cpu_ms_a_commit),
            ("commit to visible, median, ms", |run| run.visible_p50_ms),
            ("commit to visible, p99, ms", |run| run.visible_p99_ms),
        ];
        for (name, figure) in rows {
            let (ours, apache) = (of(&ours, figure), of(&apache, figure));
            let cell = |value: Option<f64>| value.map_or("-".to_owned(), |it| format!("{it:.2}"));
            let ratio = ours.zip(apache).map(|(ours, apache)| ours / apache);
            writeln!(
                table,
                "| {who}: {name} | {} | {} | {} |",
                cell(ours),
                cell(apache),
                cell(ratio)
            )?;
        }
    }
    Ok(table)
}

fn measure(engine: Engine) -> Result<Vec<Run>> {
    let mut cluster = Cluster::prepare(engine)?;
    let client = Client::new(&cluster.bootstrap())?;
    cluster.start()?;
    client.create_topic(TOPIC, PARTITIONS, BROKERS)?;
    client.in_sync(TOPIC, PARTITIONS, BROKERS)?;
    let runs = PRODUCERS.map(|producers| run(&cluster, &client, producers));
    runs.into_iter().collect()
}

fn run(cluster: &Cluster, client: &Client, producers: usize) -> Result<Run> {
    let board = Board::default();
    let reader = client.consumer()?;
    let mut places = TopicPartitionList::new();
    for partition in 0..PARTITIONS {
        places.add_partition_offset(TOPIC, partition, Offset::End)?;
    }
    reader.assign(&places)?;
    // Each is there before the clock starts.
    let ready = (0..producers).map(|number| {
        let producer = client.transactional(&format!("bench-{producers}-{number}"))?;
        producer.init_transactions(LIMIT)?;
        Ok(producer)
    });
    let ready = ready.collect::<Result<Vec<_>>>()?;
    let pids = cluster.pids();
    thread::scope(|scope| {
        let board = &board;
        let reading = scope.spawn(move || read(&reader, board));
        let writing: Vec<_> = ready
            .into_iter()
            .map(|producer| {
                scope.spawn(move || {
                    let written = write(&producer, board);
                    // Nobody waits for those that go on without it.
                    board.stop.fetch_or(written.is_err(), Ordering::Relaxed);
                    written
                })
            })
            .collect();
        thread::sleep(WARM_UP);
        board.is_counting.store(true, Ordering::Relaxed);
        let (began, cpu) = (Instant::now(), cpu_seconds(&pids));
        let commits = board.commits.load(Ordering::Relaxed);
        thread::sleep(COUNTED);
        let commits = board.commits.load(Ordering::Relaxed) - commits;
        let (took, cpu_after) = (began.elapsed(), cpu_seconds(&pids));
        board.is_counting.store(false, Ordering::Relaxed);
        board.stop.store(true, Ordering::Relaxed);
        for producer in writing {
            producer
                .join()
                .map_err(|_| anyhow::anyhow!("a producer broke off"))??;
        }
        let mut visible = reading
            .join()
            .map_err(|_| anyhow::anyhow!("the reader broke off"))?;
        visible.sort_unstable();
        let at = |percent: usize| {
            let place = visible.len().saturating_sub(1) * percent / 100;
            let took = visible.get(place).context("nothing was read")?;
            Ok::<f64, anyhow::Error>(took.as_secs_f64() * 1000.0)
        };
        Ok(Run {
            commits_a_second: commits as f64 / took.as_secs_f64(),
            cpu_ms_a_commit: (cpu_after? - cpu?) * 1000.0 / commits.max(1) as f64,
            visible_p50_ms: at(50)?,
            visible_p99_ms: at(99)?,
        })
    })
}

/// One transaction after the other.
fn write(producer: &BaseProducer, board: &Board) -> Result<()> {
    while !board.stop.load(Ordering::Relaxed) {
        let number = board.next.fetch_add(1, Ordering::Relaxed);
        let key = number.to_be_bytes();
        producer.begin_transaction()?;
        for index in 0..RECORDS {
            let record = BaseRecord::to(TOPIC).partition(index % PARTITIONS);
            let record: BaseRecord<'_, [u8], [u8]> = record.payload(&PAYLOAD);
            // The last record is the one that is looked for.
            let record = if index + 1 == RECORDS {
                record.key(&key)
            } else {
                record
            };
            producer.send(record).map_err(|(error, _)| error)?;
        }
        if board.is_counting.load(Ordering::Relaxed) {
            board.asked().insert(number, Instant::now());
        }
        // rust-rdkafka's own flush polls for 100 ms whatever happens meanwhile, and that is what would be measured.
        while producer.in_flight_count() > 0 {
            producer.poll(Duration::from_millis(1));
        }
        producer.commit_transaction(LIMIT)?;
        board.commits.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

/// How long each counted transaction took from the request to commit until a consumer of committed records had it.
fn read(reader: &BaseConsumer, board: &Board) -> Vec<Duration> {
    let mut visible = Vec::new();
    let mut until = None;
    loop {
        if let Some(Ok(record)) = reader.poll(Duration::from_millis(100)) {
            let number = record.key().and_then(|key| key.try_into().ok());
            let number = number.map(u64::from_be_bytes);
            let asked = number.and_then(|number| board.asked().remove(&number));
            visible.extend(asked.map(|asked| asked.elapsed()));
        }
        if board.stop.load(Ordering::Relaxed) {
            let until = *until.get_or_insert_with(|| Instant::now() + READ_WAIT);
            if board.asked().is_empty() || Instant::now() > until {
                return visible;
            }
        }
    }
}
