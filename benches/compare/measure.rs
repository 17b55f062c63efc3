//! What is measured, and in which order: the same clients drive both clusters, which take turns.

use std::{
    path::Path,
    thread,
    time::{Duration, Instant},
};

use anyhow::Result;

use crate::{
    account::{cpu_seconds, memory_mib},
    client::Client,
    conditions::Conditions,
    engine::{BROKERS, Cluster, Engine},
    faults::faults,
    figures::{Column, Figures, median},
    latency::latency,
    loads::{self, consume, java, loads},
};

/// The topic that figures without loads are about.
pub const TOPIC: &str = "bench";
pub const PARTITIONS: i32 = 3;

/// How long a cluster settles before its idle CPU is counted, and how long that is counted at a time.
const SETTLE: Duration = Duration::from_secs(20);
const IDLE: Duration = Duration::from_secs(10);

/// A topic with many partitions.
const MANY: i32 = 1_000;

/// Heaps that Apache is tried with.
const HEAPS_MIB: [u32; 2] = [256, 512];

/// One of the clusters, with the client that drives it.
pub struct Side {
    pub column: Column,
    pub cluster: Cluster,
    pub client: Client,
}

impl Side {
    fn start(engine: &Engine) -> Result<Self> {
        let mut cluster = Cluster::prepare(engine.clone())?;
        let client = Client::new(&cluster.bootstrap())?;
        cluster.start()?;
        client.create_topic(TOPIC, PARTITIONS, BROKERS)?;
        client.in_sync(TOPIC, PARTITIONS, BROKERS)?;
        Ok(Self {
            column: engine.into(),
            cluster,
            client,
        })
    }
}

/// Takes every figure of these engines. `jars`: Apache's own clients, where they are wanted.
pub fn measure(engines: &[Engine], jars: Option<&Path>, rounds: usize) -> Result<Figures> {
    let mut figures = Figures::new(rounds);
    for _ in 0..rounds {
        for engine in engines {
            launch(engine, &mut figures)?;
        }
    }
    let mut sides: Vec<Side> = engines.iter().map(Side::start).collect::<Result<_>>()?;
    idle(&sides, "idle", &mut figures)?;
    for round in 0..rounds {
        loads(&sides, round, &mut figures)?;
        consume(&sides, round, &mut figures)?;
        if let Some(jars) = jars {
            java(&sides, (jars, round), &mut figures)?;
        }
        if round + 1 < rounds {
            loads::forget(&sides, round)?;
        }
    }
    latency(&sides, &mut figures)?;
    for side in &sides {
        let memory = memory_mib(&side.cluster.pids())?;
        let name = "memory (PSS) of all servers, after the loads";
        figures.note(side.column, name, memory, "MiB");
    }
    for round in 0..rounds {
        faults(&mut sides, round, &mut figures)?;
    }
    many_partitions(&sides, &mut figures)?;
    Ok(figures)
}

/// Which heap is the better one for Apache: the larger is not always.
pub fn better_heap(jars: &Path, rounds: usize, conditions: &mut Conditions) -> Result<u32> {
    let mut best = (0.0, HEAPS_MIB[0]);
    for heap in HEAPS_MIB {
        let side = Side::start(&Engine::Apache {
            jars: jars.to_owned(),
            heap,
        })?;
        let rates = (0..=rounds).map(|_| loads::rate(&side, TOPIC));
        // The first is for the compiler.
        let rates = rates.skip(1).collect::<Result<Vec<f64>>>()?;
        let rate = median(&rates).unwrap_or_default();
        conditions.tried(heap, rate);
        if rate > best.0 {
            best = (rate, heap);
        }
    }
    Ok(best.1)
}

/// From nothing to the first record that all have. The client is there before.
fn launch(engine: &Engine, figures: &mut Figures) -> Result<()> {
    let mut cluster = Cluster::prepare(engine.clone())?;
    let client = Client::new(&cluster.bootstrap())?;
    let producer = client.producer(&[("acks", "all")])?;
    let start = Instant::now();
    cluster.start()?;
    client.create_topic(TOPIC, PARTITIONS, BROKERS)?;
    producer.send_one(TOPIC, 0)?;
    let took = start.elapsed().as_secs_f64();
    let name = "launch to first acks=all record, RF 3";
    figures.note(engine.into(), name, took, "s");
    Ok(())
}

/// Nothing is asked of either.
fn idle(sides: &[Side], when: &str, figures: &mut Figures) -> Result<()> {
    thread::sleep(SETTLE);
    for side in sides {
        let memory = memory_mib(&side.cluster.pids())?;
        let name = format!("memory (PSS) of all servers, {when}");
        figures.note(side.column, name, memory, "MiB");
    }
    let used = || -> Result<Vec<f64>> {
        let sides = sides.iter();
        sides
            .map(|side| cpu_seconds(&side.cluster.pids()))
            .collect()
    };
    for _ in 0..figures.rounds {
        let before = used()?;
        thread::sleep(IDLE);
        let after = used()?;
        for (side, seconds) in sides.iter().zip(before.iter().zip(after)) {
            let percent = (seconds.1 - seconds.0) / IDLE.as_secs_f64() * 100.0;
            let name = format!("CPU of all servers, {when}");
            figures.note(side.column, name, percent, "% of a core");
        }
    }
    Ok(())
}

/// Taken once: what a topic of so many partitions leaves to be deleted would be in the next one's figure.
fn many_partitions(sides: &[Side], figures: &mut Figures) -> Result<()> {
    let topic = format!("{TOPIC}-many");
    for side in sides {
        let start = Instant::now();
        side.client.create_topic(&topic, MANY, BROKERS)?;
        side.client.in_sync(&topic, MANY, BROKERS)?;
        let took = start.elapsed().as_secs_f64();
        let name = "1,000 partitions, RF 3: created and in sync";
        figures.note(side.column, name, took, "s");
    }
    idle(sides, "with 1,000 partitions more", figures)
}
