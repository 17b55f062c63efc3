//! How long a record takes to its acknowledgement, and to a consumer that waits for it, at a rate that both can hold.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts of some thousands"
)]

use std::time::Duration;

use anyhow::{Result, ensure};
use rdkafka::{
    Offset,
    consumer::{BaseConsumer, Consumer},
};

use crate::{
    client::{LIMIT, Producer, until},
    figures::{Figures, median},
    loads::read_from,
    measure::{PARTITIONS, Side, TOPIC},
};

/// A rate is held as long as the 99th percentile stays below: beyond it records queue up, and the length of the queue is
/// what would be compared.
const HELD: Duration = Duration::from_millis(20);

/// Records a second that are tried, one rate after the other.
const RATES: [u32; 8] = [50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000];

/// Where only one cluster is measured, no more than this.
const ALONE: u32 = 1_000;

/// How long a rate is tried, how often before it counts as too high, and how long it is measured at a time.
const TRIED_SECONDS: f64 = 3.0;
const TRIES: usize = 2;
const MEASURED_SECONDS: f64 = 5.0;

/// Records in requests of their own before anything is timed: Apache's code for them is compiled by then.
const WARM_UP: usize = 30_000;

/// How records are sent.
struct Sending {
    name: &'static str,
    settings: &'static [(&'static str, &'static str)],
}

const SENDINGS: [Sending; 2] = [
    Sending {
        name: "one record a request",
        settings: &[
            ("acks", "all"),
            ("linger.ms", "0"),
            ("batch.num.messages", "1"),
        ],
    },
    Sending {
        name: "linger 5 ms",
        settings: &[("acks", "all"), ("linger.ms", "5")],
    },
];

/// One side with its clients.
struct Timed<'a> {
    side: &'a Side,
    producer: Producer,
    consumer: BaseConsumer,
}

impl Timed<'_> {
    /// How long each record took, sorted: to its acknowledgement, and to the consumer.
    fn run(&self, rate: u32, seconds: f64) -> Result<[Vec<Duration>; 2]> {
        let count = (f64::from(rate) * seconds) as usize;
        let pace = Duration::from_secs(1) / rate;
        let (acknowledged, arrived) =
            self.producer
                .send_paced(&self.consumer, TOPIC, (count, pace))?;
        let mut both = [acknowledged, arrived];
        for times in &mut both {
            ensure!(
                times.len() == count,
                "{} of {count} timed records came through within {LIMIT:?}",
                times.len(),
            );
            times.sort();
        }
        Ok(both)
    }

    /// Whether this rate is held.
    fn holds(&self, rate: u32) -> Result<bool> {
        for _ in 0..TRIES {
            let [acknowledged, _] = self.run(rate, TRIED_SECONDS)?;
            if percentile(&acknowledged, 990) < HELD {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The highest rate that is held, if any is.
    fn highest(&self) -> Result<Option<u32>> {
        let mut held = None;
        for rate in RATES {
            if !self.holds(rate)? {
                break;
            }
            held = Some(rate);
        }
        Ok(held)
    }
}

/// `thousandths` of all are as quick as this.
fn percentile(sorted: &[Duration], thousandths: usize) -> Duration {
    let at = sorted.len() * thousandths / 1_000;
    let at = at.min(sorted.len().saturating_sub(1));
    sorted.get(at).copied().unwrap_or_default()
}

/// Finds the highest rate that all hold, and times them at it.
pub fn latency(sides: &[Side], figures: &mut Figures) -> Result<()> {
    // What the load runs left for the disk to write is not this figure's.
    nix::unistd::sync();
    for sending in &SENDINGS {
        let timed = sides
            .iter()
            .map(|side| begin(side, sending))
            .collect::<Result<Vec<_>>>()?;
        let name = sending.name;
        let mut held_by_all = (timed.len() == 1).then_some(ALONE);
        let mut is_held = true;
        for it in &timed {
            let highest = it.highest()?;
            let shown = format!("highest rate with an acknowledgement p99 below 20 ms, {name}");
            let rate = highest.unwrap_or_default();
            figures.note(it.side.column, shown, f64::from(rate), "records/s");
            is_held &= highest.is_some();
            held_by_all = Some(held_by_all.unwrap_or(rate).min(rate));
        }
        if let Some(rate) = held_by_all.filter(|_| is_held) {
            measure(&timed, (name, rate), figures)?;
        }
    }
    Ok(())
}

/// Times all of them at this rate, in turns, or at the highest one below at which they hold it for so long as well.
fn measure(timed: &[Timed], (name, rate): (&str, u32), figures: &mut Figures) -> Result<()> {
    let rates = RATES.into_iter().rev();
    for rate in rates.filter(|it| *it <= rate) {
        let mut taken = Vec::new();
        for _ in 0..figures.rounds {
            for it in timed {
                taken.push((it, it.run(rate, MEASURED_SECONDS)?));
            }
        }
        let holds = |one: &Timed| {
            let own = taken
                .iter()
                .filter(|(it, _)| it.side.column == one.side.column);
            let own = own.map(|(_, [acknowledged, _])| percentile(acknowledged, 990).as_secs_f64());
            median(&own.collect::<Vec<f64>>()).is_some_and(|it| it < HELD.as_secs_f64())
        };
        if timed.iter().all(holds) {
            for (it, both) in &taken {
                note(it, (name, rate), both, figures);
            }
            return Ok(());
        }
    }
    Ok(())
}

fn begin<'a>(side: &'a Side, sending: &Sending) -> Result<Timed<'a>> {
    let producer = side.client.producer(sending.settings)?;
    let consumer = side.client.consumer()?;
    producer.send_many(TOPIC, PARTITIONS, &[b'x'; 100], WARM_UP)?;
    read_from(&consumer, TOPIC, Offset::End)?;
    // The consumer knows where the end is once it was asked for a record.
    until("the end", || {
        let at = consumer.position()?;
        let known = |element: &rdkafka::topic_partition_list::TopicPartitionListElem<'_>| {
            matches!(element.offset(), Offset::Offset(_))
        };
        for partition in 0..PARTITIONS {
            producer.send_one(TOPIC, partition)?;
        }
        consumer.poll(Duration::from_millis(100));
        let elements = at.elements();
        Ok((elements.len() == 3 && elements.iter().all(known)).then_some(()))
    })?;
    while consumer.poll(Duration::from_millis(500)).is_some() {}
    Ok(Timed {
        side,
        producer,
        consumer,
    })
}

fn note(
    one: &Timed,
    (sending, rate): (&str, u32),
    both: &[Vec<Duration>; 2],
    figures: &mut Figures,
) {
    for (what, times) in ["produce", "end-to-end"].into_iter().zip(both) {
        for (percent, thousandths) in [("50", 500), ("99", 990), ("99.9", 999)] {
            let took = percentile(times, thousandths).as_secs_f64() * 1e3;
            let name = format!("{what} latency p{percent}, {sending}, RF 3, acks=all, at {rate}/s");
            figures.note(one.side.column, name, took, "ms");
        }
    }
}
