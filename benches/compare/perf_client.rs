//! Apache's own `kafka-producer-perf-test`, for a client that is not librdkafka.

use std::{path::Path, process::Command};

use anyhow::{Context, Result, ensure};

/// Records that it sends.
pub const RECORDS: usize = 1_000_000;

/// Sends a million records of 100 bytes with acks=all; records a second by its own account.
pub fn produce(jars: &Path, bootstrap: &str, topic: &str) -> Result<f64> {
    let output = Command::new("java")
        .arg("-cp")
        .arg(jars.join("*"))
        .arg("org.apache.kafka.tools.ProducerPerformance")
        .args(["--topic", topic, "--record-size", "100"])
        .args(["--num-records", &RECORDS.to_string(), "--throughput", "-1"])
        .args([
            "--producer-props",
            &format!("bootstrap.servers={bootstrap}"),
        ])
        .args(["acks=all", "linger.ms=5"])
        .output()
        .context("java does not start")?;
    let said = String::from_utf8_lossy(&output.stdout);
    ensure!(
        output.status.success(),
        "the perf client ended with {}: {said}{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    summary(&said).with_context(|| format!("the perf client said no rate: {said}"))
}

/// `1000000 records sent, 145000.0 records/sec (...), ...`: the last line is about all of them.
fn summary(said: &str) -> Option<f64> {
    let line = said
        .lines()
        .rev()
        .find(|line| line.contains(" records/sec"))?;
    let rate = line.split(", ").nth(1)?.split(' ').next()?;
    rate.parse().ok()
}
