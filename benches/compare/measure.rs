//! What is measured, and in which order: the same clients drive both clusters.

#![expect(
    clippy::cast_precision_loss,
    reason = "figures are printed with three digits"
)]

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use rdkafka::{
    Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
};

use crate::{
    account::{cpu_seconds, memory_mib},
    client::{Client, LIMIT, until},
    engine::{BROKERS, Cluster, Engine},
    figures::Figures,
    perf_client,
};

/// The topic that most figures are about.
const TOPIC: &str = "bench";
const PARTITIONS: i32 = 3;

/// How long idle CPU is counted, after the cluster had as long to settle.
const IDLE: Duration = Duration::from_secs(20);

/// Records before the clock of the load runs starts.
const WARM_UP: usize = 1_000_000;

/// Records of a load run: the same bytes, whatever their size.
const SMALL: (usize, usize) = (100, 1_000_000);
const LARGE: (usize, usize) = (1024, 200_000);

/// Records whose way is timed, one each millisecond.
const PACED: (usize, Duration) = (10_000, Duration::from_millis(1));

/// A topic with many partitions.
const MANY: i32 = 1_000;

/// One load run.
struct Load {
    replicas: i32,
    acks: &'static str,
    size: (usize, usize),
    compression: &'static str,
}

/// Every replication factor with every acks and size, and the safest with compression.
const LOADS: [Load; 10] = [
    load(BROKERS, "all", SMALL, "none"),
    load(BROKERS, "1", SMALL, "none"),
    load(1, "all", SMALL, "none"),
    load(1, "1", SMALL, "none"),
    load(BROKERS, "all", LARGE, "none"),
    load(BROKERS, "1", LARGE, "none"),
    load(1, "all", LARGE, "none"),
    load(1, "1", LARGE, "none"),
    load(BROKERS, "all", SMALL, "lz4"),
    load(BROKERS, "all", LARGE, "lz4"),
];

const fn load(
    replicas: i32,
    acks: &'static str,
    size: (usize, usize),
    compression: &'static str,
) -> Load {
    Load {
        replicas,
        acks,
        size,
        compression,
    }
}

impl Load {
    fn name(&self) -> String {
        let size = match self.size.0 {
            1024 => "1 KiB".to_owned(),
            bytes => format!("{bytes} B"),
        };
        let compression = match self.compression {
            "none" => String::new(),
            codec => format!(", {codec}"),
        };
        format!(
            "{size}, RF {}, acks={}{compression}",
            self.replicas, self.acks
        )
    }

    fn topic(&self) -> String {
        format!("{TOPIC}-{}", self.replicas)
    }

    /// Words that compress as text does: half of it repeats.
    fn payload(&self) -> Vec<u8> {
        let mut state = 1_u32;
        (0..self.size.0)
            .map(|index| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let noise = state.to_be_bytes()[0] % 26;
                if index % 2 == 0 { b'x' } else { b'a' + noise }
            })
            .collect()
    }
}

/// Takes every figure of one engine. `jars`: Apache's own clients, where they are wanted.
pub fn measure(engine: Engine, jars: Option<&std::path::Path>) -> Result<Figures> {
    eprintln!("{}", engine.name());
    let mut figures = Figures::default();
    let mut cluster = Cluster::prepare(engine)?;
    let client = Client::new(&cluster.bootstrap())?;
    launch(&mut cluster, &client, &mut figures)?;
    idle(&cluster, "idle", &mut figures)?;
    loads(&cluster, &client, &mut figures)?;
    consume(&cluster, &client, &mut figures)?;
    latency(&client, &mut figures)?;
    if let Some(jars) = jars {
        let rate = perf_client::produce(jars, &cluster.bootstrap(), &LOADS[0].topic())?;
        figures.note("Java perf client, 100 B, RF 3, acks=all", rate / 1e3, "k/s");
    }
    let memory = memory_mib(&cluster.pids())?;
    figures.note(
        "memory (PSS) of all servers, after the loads",
        memory,
        "MiB",
    );
    faults(&mut cluster, &client, &mut figures)?;
    many_partitions(&cluster, &client, &mut figures)?;
    Ok(figures)
}

fn launch(cluster: &mut Cluster, client: &Client, figures: &mut Figures) -> Result<()> {
    let producer = client.producer(&[("acks", "all")])?;
    let start = Instant::now();
    cluster.start()?;
    client.create_topic(TOPIC, PARTITIONS, BROKERS)?;
    producer.send_one(TOPIC, 0)?;
    let took = start.elapsed().as_secs_f64();
    figures.note("launch to first acks=all record, RF 3", took, "s");
    client.in_sync(TOPIC, PARTITIONS, BROKERS)
}

fn idle(cluster: &Cluster, when: &str, figures: &mut Figures) -> Result<()> {
    thread::sleep(IDLE);
    let before = cpu_seconds(&cluster.pids())?;
    thread::sleep(IDLE);
    let cpu = (cpu_seconds(&cluster.pids())? - before) / IDLE.as_secs_f64();
    let memory = memory_mib(&cluster.pids())?;
    figures.note(
        format!("memory (PSS) of all servers, {when}"),
        memory,
        "MiB",
    );
    figures.note(
        format!("CPU of all servers, {when}"),
        cpu * 100.0,
        "% of a core",
    );
    Ok(())
}

fn loads(cluster: &Cluster, client: &Client, figures: &mut Figures) -> Result<()> {
    for replicas in [1, BROKERS] {
        let topic = format!("{TOPIC}-{replicas}");
        client.create_topic(&topic, PARTITIONS, replicas)?;
        client.in_sync(&topic, PARTITIONS, replicas)?;
    }
    let mut warm = false;
    for load in &LOADS {
        let (topic, payload) = (load.topic(), load.payload());
        let settings = [
            ("acks", load.acks),
            ("compression.type", load.compression),
            ("linger.ms", "5"),
        ];
        let producer = client.producer(&settings)?;
        if !warm {
            producer.send_many(&topic, PARTITIONS, &payload, WARM_UP)?;
            warm = true;
        }
        // Its connections are there and its threads run.
        producer.send_many(&topic, PARTITIONS, &payload, 1_000)?;
        let count = load.size.1;
        let servers = cpu_seconds(&cluster.pids())?;
        let own = cpu_seconds(&[std::process::id()])?;
        let start = Instant::now();
        producer.send_many(&topic, PARTITIONS, &payload, count)?;
        let rate = count as f64 / start.elapsed().as_secs_f64();
        let millions = count as f64 / 1e6;
        let servers = (cpu_seconds(&cluster.pids())? - servers) / millions;
        let own = (cpu_seconds(&[std::process::id()])? - own) / millions;
        let name = load.name();
        figures.note(format!("produce {name}"), rate / 1e3, "k/s");
        figures.note(format!("server CPU for a million: {name}"), servers, "s");
        if std::ptr::eq(load, &LOADS[0]) {
            figures.note(format!("client CPU for a million: {name}"), own, "s");
        }
    }
    Ok(())
}

/// Reads a replicated topic from its beginning to its end.
fn consume(cluster: &Cluster, client: &Client, figures: &mut Figures) -> Result<()> {
    let consumer = client.consumer()?;
    let topic = LOADS[0].topic();
    let count = 2 * SMALL.1;
    read_from(&consumer, &topic, Offset::Beginning)?;
    let mut read = 0;
    let mut clock = None;
    until("the records", || {
        while read < count {
            match consumer.poll(Duration::from_millis(100)) {
                Some(Ok(_)) => read += 1,
                Some(Err(error)) => return Err(error.into()),
                None => return Ok(None),
            }
            // From the first record on: finding the leaders is not reading.
            if clock.is_none() {
                clock = Some((Instant::now(), cpu_seconds(&cluster.pids())?));
            }
        }
        Ok(Some(()))
    })?;
    let (start, servers) = clock.context("something was read")?;
    let rate = count as f64 / start.elapsed().as_secs_f64();
    let servers = (cpu_seconds(&cluster.pids())? - servers) / (count as f64 / 1e6);
    figures.note("consume 100 B", rate / 1e3, "k/s");
    figures.note("server CPU for a million consumed: 100 B", servers, "s");
    Ok(())
}

fn read_from(consumer: &BaseConsumer, topic: &str, from: Offset) -> Result<()> {
    let mut partitions = TopicPartitionList::new();
    for partition in 0..PARTITIONS {
        partitions.add_partition_offset(topic, partition, from)?;
    }
    Ok(consumer.assign(&partitions)?)
}

/// How long a record takes to its acknowledgement, and to a consumer that waits for it.
fn latency(client: &Client, figures: &mut Figures) -> Result<()> {
    // What the load runs left for the disk to write is not this figure's.
    nix::unistd::sync();
    let producer = client.producer(&[("acks", "all"), ("linger.ms", "0")])?;
    let consumer = client.consumer()?;
    read_from(&consumer, TOPIC, Offset::End)?;
    // The consumer knows where the end is once it was asked for a record.
    until("the end", || {
        let at = consumer.position()?;
        let known = |element: &rdkafka::topic_partition_list::TopicPartitionListElem<'_>| {
            matches!(element.offset(), Offset::Offset(_))
        };
        producer.send_one(TOPIC, 0)?;
        producer.send_one(TOPIC, 1)?;
        producer.send_one(TOPIC, 2)?;
        consumer.poll(Duration::from_millis(100));
        let elements = at.elements();
        Ok((elements.len() == 3 && elements.iter().all(known)).then_some(()))
    })?;
    while consumer.poll(Duration::from_millis(500)).is_some() {}
    let (acknowledged, arrived) = producer.send_paced(&consumer, TOPIC, PACED)?;
    for (what, times) in [("produce", acknowledged), ("end-to-end", arrived)] {
        let mut times = times;
        anyhow::ensure!(
            times.len() == PACED.0,
            "{} of {} timed records came through within {LIMIT:?}",
            times.len(),
            PACED.0
        );
        times.sort();
        for percent in [50, 99] {
            let at = times[times.len() * percent / 100].as_secs_f64();
            figures.note(
                format!("{what} latency p{percent} at 1,000/s, RF 3, acks=all"),
                at * 1e3,
                "ms",
            );
        }
    }
    Ok(())
}

/// A leader is killed, and comes back with all that the loads wrote.
fn faults(cluster: &mut Cluster, client: &Client, figures: &mut Figures) -> Result<()> {
    let producer = client.producer(&[("acks", "all")])?;
    let topics = [TOPIC.to_owned(), LOADS[0].topic()];
    for topic in &topics {
        client.in_sync(topic, PARTITIONS, BROKERS)?;
    }
    producer.send_one(TOPIC, 0)?;
    let (victim, _) = *client.leaders(TOPIC)?.get(&0).context("partition 0")?;
    let start = Instant::now();
    cluster.kill_broker(victim)?;
    producer.send_one(TOPIC, 0)?;
    let took = start.elapsed().as_secs_f64();
    figures.note(
        "kill -9 of a leader to the first acknowledgement",
        took,
        "s",
    );
    let gib = cluster.stored_bytes(victim)? as f64 / f64::from(1 << 30);
    figures.note("stored by the broker that is restarted", gib, "GiB");
    let start = Instant::now();
    cluster.start_broker(victim)?;
    for topic in &topics {
        client.in_sync(topic, PARTITIONS, BROKERS)?;
    }
    figures.note("restart to full ISR", start.elapsed().as_secs_f64(), "s");
    Ok(())
}

fn many_partitions(cluster: &Cluster, client: &Client, figures: &mut Figures) -> Result<()> {
    let topic = format!("{TOPIC}-many");
    let start = Instant::now();
    client.create_topic(&topic, MANY, BROKERS)?;
    client.in_sync(&topic, MANY, BROKERS)?;
    let took = start.elapsed().as_secs_f64();
    figures.note("1,000 partitions, RF 3: created and in sync", took, "s");
    idle(cluster, "with 1,000 partitions more", figures)
}
