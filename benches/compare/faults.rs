//! A leader is killed, with and without the controller in it, and stopped; it comes back with all that the loads wrote.

#![expect(
    clippy::cast_precision_loss,
    reason = "figures are printed with three digits"
)]

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow};

use crate::{
    engine::BROKERS,
    figures::Figures,
    loads,
    measure::{PARTITIONS, Side, TOPIC},
};

/// Records that are sent while a leader is stopped, one each so often, and when it is stopped.
const PACED: (usize, Duration) = (1_500, Duration::from_millis(2));
const STOPPED_AFTER: Duration = Duration::from_secs(1);

/// Every fault once, in turns.
pub fn faults(sides: &mut [Side], round: usize, figures: &mut Figures) -> Result<()> {
    for side in &mut *sides {
        kill(side, (false, round), figures)?;
    }
    for side in &mut *sides {
        kill(side, (true, round), figures)?;
    }
    for side in sides {
        stop(side, round, figures)?;
    }
    Ok(())
}

/// A new topic, whose leaders are all brokers, one of its partitions and that one's leader: the controller, or not.
fn victim(side: &Side, topic: &str, (is_controller, rounds): (bool, usize)) -> Result<(i32, i32)> {
    side.client.create_topic(topic, PARTITIONS, BROKERS)?;
    in_sync(side, topic, rounds)?;
    let controller = side.client.controller()?;
    let leaders = side.client.leaders(topic)?;
    let mut fitting = leaders
        .iter()
        .map(|(partition, (leader, _))| (*partition, *leader))
        .filter(|(_, leader)| (*leader == controller) == is_controller);
    fitting.next().context("every broker leads a partition")
}

/// Everything has all its replicas.
fn in_sync(side: &Side, topic: &str, rounds: usize) -> Result<()> {
    for topic in [TOPIC, topic, &loads::topic(BROKERS, rounds - 1)] {
        side.client.in_sync(topic, PARTITIONS, BROKERS)?;
    }
    Ok(())
}

fn kill(
    side: &mut Side,
    (is_controller, round): (bool, usize),
    figures: &mut Figures,
) -> Result<()> {
    let topic = format!("killed-{is_controller}-{round}");
    let (partition, victim) = victim(side, &topic, (is_controller, figures.rounds))?;
    let producer = side.client.producer(&[("acks", "all")])?;
    producer.send_one(&topic, partition)?;
    let start = Instant::now();
    side.cluster.kill_broker(victim)?;
    producer.send_one(&topic, partition)?;
    let took = start.elapsed().as_secs_f64();
    let who = if is_controller {
        "a leader that is the controller"
    } else {
        "a leader"
    };
    let name = format!("kill -9 of {who} to the first acknowledgement");
    figures.note(side.column, name, took, "s");
    if !is_controller {
        let gib = side.cluster.stored_bytes(victim)? as f64 / f64::from(1 << 30);
        let name = "stored by the broker that is restarted";
        figures.note(side.column, name, gib, "GiB");
    }
    let start = Instant::now();
    side.cluster.start_broker(victim)?;
    in_sync(side, &topic, figures.rounds)?;
    if !is_controller {
        let took = start.elapsed().as_secs_f64();
        figures.note(side.column, "restart to full ISR", took, "s");
    }
    Ok(())
}

fn stop(side: &mut Side, round: usize, figures: &mut Figures) -> Result<()> {
    let topic = format!("stopped-{round}");
    let (partition, victim) = victim(side, &topic, (false, figures.rounds))?;
    let producer = side
        .client
        .producer(&[("acks", "all"), ("linger.ms", "0")])?;
    producer.send_one(&topic, partition)?;
    let cluster = &mut side.cluster;
    let gap = thread::scope(|scope| {
        let stopping = scope.spawn(|| {
            thread::sleep(STOPPED_AFTER);
            cluster.stop_broker(victim)
        });
        let gap = producer.longest_gap(&topic, partition, PACED);
        let stopped = stopping.join();
        stopped.map_err(|_| anyhow!("stopping broke off"))??;
        gap
    })?;
    let name = "clean stop of a leader: longest time without an acknowledgement";
    figures.note(side.column, name, gap.as_secs_f64(), "s");
    side.cluster.start_broker(victim)?;
    in_sync(side, &topic, figures.rounds)
}
