//! Under which conditions the figures were taken, and what is not fair in them: said below the table.

use std::{fmt::Write as _, fs, process::Command, thread};

use anyhow::{Context, Result};

use crate::engine::{APACHE, SESSION_TIMEOUT_MS};

/// Where the comparison is not fair, or says less than it seems to.
const GAPS: &str = "\
Honest gaps:

- Clients and both clusters share one machine: while one is measured, the other idles beside it, and what the clients \
  take is not there for the servers. Throughput of large batches is as much the client's as the broker's.
- The JVMs are warmed up by some millions of records, not by days of work; Apache's compiled code gets better still. \
  They start without an archive of their classes and are no native image (KIP-974 tells of 130 ms for one broker).
- Kafkarium has no TLS, no SASL, no ACLs, no quotas and no tiered storage: what they would cost is not in its figures, \
  and Apache has them switched off here.
- Neither waits for the disk before it acknowledges, as Kafka does by default.
- Three brokers on one machine replicate over the loopback: there is no network in the latencies.
- kill -9 to the first acknowledgement is mostly the session that has to run out, the same in both.
- Not compared: Apache Kafka 4 (KRaft), which needs no ZooKeeper, and stand-ins without replication (kfake and others).
";

/// What is known of this run.
pub struct Conditions {
    load_before: String,
    heaps: Vec<(u32, f64)>,
}

impl Conditions {
    pub fn now() -> Result<Self> {
        Ok(Self {
            load_before: load()?,
            heaps: Vec::new(),
        })
    }

    /// Apache's throughput with a heap that was tried.
    pub fn tried(&mut self, heap_mib: u32, rate: f64) {
        self.heaps.push((heap_mib, rate));
    }

    /// What stands below the table.
    pub fn told(&self) -> Result<String> {
        let mut text = format!(
            "Median, and in brackets the least and the most of the runs, which took turns. {}, {} cores, load average {} before \
             and {} after; Kafkarium {}, Apache Kafka {}, {}. Sessions are {SESSION_TIMEOUT_MS} ms in both; librdkafka is loaded before the \
             clock starts. A latency ratio is taken at the highest rate at which both keep their p99 below 20 ms.",
            model()?,
            thread::available_parallelism()?,
            self.load_before,
            load()?,
            env!("CARGO_PKG_VERSION"),
            APACHE,
            java(),
        );
        for (heap, rate) in &self.heaps {
            // Writing to a String cannot fail.
            let _ = write!(
                text,
                " With `-Xmx{heap}m` Apache took {:.0} k/s.",
                rate / 1e3
            );
        }
        if self.heaps.len() > 1 {
            text.push_str(" The better heap is used.");
        }
        Ok(format!("{text}\n\n{GAPS}"))
    }
}

fn load() -> Result<String> {
    let text = fs::read_to_string("/proc/loadavg")?;
    Ok(text.split(' ').next().unwrap_or_default().to_owned())
}

/// The processor, in its own words.
fn model() -> Result<String> {
    let text = fs::read_to_string("/proc/cpuinfo")?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("model name"));
    let name = line.and_then(|line| line.split_once(':'));
    let (_, name) = name.context("the processor has a name")?;
    Ok(name.trim().to_owned())
}

/// Which Java runs Apache's part; none where there is none.
fn java() -> String {
    let asked = Command::new("java").arg("-version").output();
    let said = asked.map(|output| String::from_utf8_lossy(&output.stderr).into_owned());
    let said = said.unwrap_or_default();
    said.lines().next().unwrap_or("no Java").to_owned()
}
