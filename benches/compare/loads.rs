//! Records as fast as they are taken, written and read.

#![expect(
    clippy::cast_precision_loss,
    reason = "figures are printed with three digits"
)]

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use rdkafka::{
    Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
};

use crate::{
    account::cpu_seconds,
    client::until,
    engine::BROKERS,
    figures::Figures,
    measure::{PARTITIONS, Side},
    perf_client,
};

/// Records before the clock of the load runs starts.
const WARM_UP: usize = 1_000_000;

/// Records of a load run: the same bytes, whatever their size.
const SMALL: (usize, usize) = (100, 1_000_000);
const LARGE: (usize, usize) = (1024, 200_000);

/// Records of 100 bytes that are read: not all, so that no larger ones come in between.
const READ: usize = 1_500_000;

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

    fn settings(&self) -> [(&'static str, &'static str); 3] {
        [
            ("acks", self.acks),
            ("compression.type", self.compression),
            ("linger.ms", "5"),
        ]
    }
}

/// The topic of a round that has so many replicas.
pub fn topic(replicas: i32, round: usize) -> String {
    format!("loads-{replicas}-{round}")
}

/// Every load once, in turns, into topics of this round.
pub fn loads(sides: &[Side], round: usize, figures: &mut Figures) -> Result<()> {
    for side in sides {
        for replicas in [1, BROKERS] {
            let topic = topic(replicas, round);
            side.client.create_topic(&topic, PARTITIONS, replicas)?;
            side.client.in_sync(&topic, PARTITIONS, replicas)?;
        }
        if round == 0 {
            let producer = side.client.producer(&LOADS[0].settings())?;
            let topic = topic(BROKERS, round);
            producer.send_many(&topic, PARTITIONS, &LOADS[0].payload(), WARM_UP)?;
        }
    }
    for load in &LOADS {
        for side in sides {
            one(side, load, round, figures)?;
        }
    }
    Ok(())
}

fn one(side: &Side, load: &Load, round: usize, figures: &mut Figures) -> Result<()> {
    let (topic, payload) = (topic(load.replicas, round), load.payload());
    let producer = side.client.producer(&load.settings())?;
    // Its connections are there and its threads run.
    producer.send_many(&topic, PARTITIONS, &payload, 1_000)?;
    // What the run before left for the disk to write is not this one's.
    nix::unistd::sync();
    let (count, pids) = (load.size.1, side.cluster.pids());
    let servers = cpu_seconds(&pids)?;
    let own = cpu_seconds(&[std::process::id()])?;
    let start = Instant::now();
    producer.send_many(&topic, PARTITIONS, &payload, count)?;
    let rate = count as f64 / start.elapsed().as_secs_f64();
    let millions = count as f64 / 1e6;
    let servers = (cpu_seconds(&pids)? - servers) / millions;
    let own = (cpu_seconds(&[std::process::id()])? - own) / millions;
    let (column, name) = (side.column, load.name());
    figures.note(column, format!("produce {name}"), rate / 1e3, "k/s");
    let named = format!("server CPU for a million: {name}");
    figures.note(column, named, servers, "s");
    if std::ptr::eq(load, &LOADS[0]) {
        let named = format!("client CPU for a million: {name}");
        figures.note(column, named, own, "s");
    }
    Ok(())
}

/// Records a second of the first load, into a topic that is there.
pub fn rate(side: &Side, topic: &str) -> Result<f64> {
    let load = &LOADS[0];
    let producer = side.client.producer(&load.settings())?;
    let start = Instant::now();
    producer.send_many(topic, PARTITIONS, &load.payload(), load.size.1)?;
    Ok(load.size.1 as f64 / start.elapsed().as_secs_f64())
}

/// Reads a replicated topic from its beginning.
pub fn consume(sides: &[Side], round: usize, figures: &mut Figures) -> Result<()> {
    for side in sides {
        let consumer = side.client.consumer()?;
        read_from(&consumer, &topic(BROKERS, round), Offset::Beginning)?;
        let pids = side.cluster.pids();
        let mut read = 0;
        let mut clock = None;
        until("the records", || {
            while read < READ {
                match consumer.poll(Duration::from_millis(100)) {
                    Some(Ok(_)) => read += 1,
                    Some(Err(error)) => return Err(error.into()),
                    None => return Ok(None),
                }
                // From the first record on: finding the leaders is not reading.
                if clock.is_none() {
                    clock = Some((Instant::now(), cpu_seconds(&pids)?));
                }
            }
            Ok(Some(()))
        })?;
        let (start, servers) = clock.context("something was read")?;
        let rate = READ as f64 / start.elapsed().as_secs_f64();
        let servers = (cpu_seconds(&pids)? - servers) / (READ as f64 / 1e6);
        figures.note(side.column, "consume 100 B", rate / 1e3, "k/s");
        let name = "server CPU for a million consumed: 100 B";
        figures.note(side.column, name, servers, "s");
    }
    Ok(())
}

/// Reads every partition from there on.
pub fn read_from(consumer: &BaseConsumer, topic: &str, from: Offset) -> Result<()> {
    let mut partitions = TopicPartitionList::new();
    for partition in 0..PARTITIONS {
        partitions.add_partition_offset(topic, partition, from)?;
    }
    Ok(consumer.assign(&partitions)?)
}

/// Apache's own client, whose batches are smaller.
pub fn java(sides: &[Side], (jars, round): (&Path, usize), figures: &mut Figures) -> Result<()> {
    for side in sides {
        nix::unistd::sync();
        let pids = side.cluster.pids();
        let servers = cpu_seconds(&pids)?;
        let topic = topic(BROKERS, round);
        let rate = perf_client::produce(jars, &side.cluster.bootstrap(), &topic)?;
        let millions = perf_client::RECORDS as f64 / 1e6;
        let servers = (cpu_seconds(&pids)? - servers) / millions;
        let name = "Java perf client, 100 B, RF 3, acks=all";
        figures.note(side.column, name, rate / 1e3, "k/s");
        let name = format!("server CPU for a million: {name}");
        figures.note(side.column, name, servers, "s");
    }
    Ok(())
}

/// What a round wrote goes from the disk.
pub fn forget(sides: &[Side], round: usize) -> Result<()> {
    for side in sides {
        for replicas in [1, BROKERS] {
            side.client.delete_topic(&topic(replicas, round))?;
        }
    }
    Ok(())
}
