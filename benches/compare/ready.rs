//! How soon a test has its cluster: three brokers with a topic that is replicated on all of them, until a record was
//! acknowledged by all.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use kafkarium::testing;

use crate::{
    client::Client,
    engine::{BROKERS, Cluster, Engine},
};

/// Clusters of each that are started, one after the other.
const OURS: usize = 20;
const APACHES: usize = 5;

const TOPIC: &str = "orders";
const PARTITIONS: i32 = 3;

/// What others have published; none of them is three brokers that replicate.
const PUBLISHED: &str = "\
Published by others, one broker without replication, where nothing else is said:

- KIP-974, broker start alone, without the container: JVM 1150 to 1200 ms, the native image of Kafka (serial GC) 130 ms.
- Testcontainers' module starts such a container, `apache/kafka-native`: the container comes on top.
- Testcontainers' own example of three brokers (testcontainers-java, pull request 4549): more than 25 s on a runner
  of GitHub, its limit of 30 s was too short.
";

/// Starts both, one cluster after the other, and tells how long each took.
pub fn ready(program: &Path, jars: Option<&Path>) -> Result<String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let ours = sorted(OURS, || runtime.block_on(ours(program)))?;
    let apache = jars
        .map(|jars| sorted(APACHES, || apache(jars)))
        .transpose()?;
    let cell = |took: Option<Duration>| {
        took.map_or("-".to_owned(), |took| {
            format!("{:.0} ms", took.as_secs_f64() * 1000.0)
        })
    };
    let row = |name: &str, of: fn(&[Duration]) -> Option<Duration>| {
        let apache = apache.as_deref().and_then(of);
        format!("| {name} | {} | {} |\n", cell(of(&ours)), cell(apache))
    };
    let median = |took: &[Duration]| took.get(took.len() / 2).copied();
    Ok(format!(
        "Three brokers, {PARTITIONS} partitions on all of them, until a record was acknowledged by all; {OURS} and \
         {APACHES} clusters, one run:\n\n\
         | ready in a test | Kafkarium, `testing::Cluster` | Apache Kafka 3.9 + ZooKeeper, from its jars |\n|---|---|---|\n\
         {}{}{}\n{PUBLISHED}",
        row("fastest", |took| took.first().copied()),
        row("median", median),
        row("slowest", |took| took.last().copied()),
    ))
}

fn sorted(count: usize, mut start: impl FnMut() -> Result<Duration>) -> Result<Vec<Duration>> {
    let mut took = (0..count).map(|_| start()).collect::<Result<Vec<_>>>()?;
    took.sort_unstable();
    Ok(took)
}

/// As a test has it: the library comes back once a record was acknowledged.
async fn ours(program: &Path) -> Result<Duration> {
    let began = Instant::now();
    let cluster = testing::Cluster::builder()
        .program(program)
        .brokers(BROKERS.unsigned_abs())
        .topic(TOPIC, PARTITIONS, 3)
        .start()
        .await?;
    let took = began.elapsed();
    cluster.end().await?;
    Ok(took)
}

/// The client is loaded before the clock starts.
fn apache(jars: &Path) -> Result<Duration> {
    let jars: PathBuf = jars.to_owned();
    let mut cluster = Cluster::prepare(Engine::Apache { jars, heap: 512 })?;
    let client = Client::new(&cluster.bootstrap())?;
    let producer = client.producer(&[("acks", "all")])?;
    let began = Instant::now();
    cluster.start()?;
    client.create_topic(TOPIC, PARTITIONS, BROKERS)?;
    producer
        .send_one(TOPIC, 0)
        .context("Apache Kafka takes no record")?;
    Ok(began.elapsed())
}
