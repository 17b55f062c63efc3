//! Kafkarium and Apache Kafka 3.9 + ZooKeeper, side by side on this machine, in one run.
//!
//! `cargo bench --bench compare` prints a Markdown table; `-- --only kafkarium` leaves Apache out
//! (Apache needs Java and Maven). Linux only: memory and CPU come from `/proc`.

#![expect(
    clippy::cast_precision_loss,
    reason = "figures are printed with three digits"
)]

mod engine;
mod measure;

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::{
    engine::{Engine, SESSION_TIMEOUT_MS},
    measure::{Figures, measure},
};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| word != "--bench")
        .collect();
    let only = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => None,
        ["--only", engine @ ("kafkarium" | "apache")] => Some(engine.to_owned()),
        _ => bail!("usage: cargo bench --bench compare [-- --only kafkarium|apache]"),
    };
    let program = PathBuf::from(env!("CARGO_BIN_EXE_kafkarium"));
    let target = program
        .parent()
        .and_then(Path::parent)
        .unwrap_or(Path::new("target"))
        .to_path_buf();
    let wanted = |name: &str| only.as_deref().is_none_or(|only| only == name);

    let ours = wanted("kafkarium")
        .then(|| measure(Engine::Kafkarium { program }))
        .transpose()?;
    let apache = wanted("apache")
        .then(|| Engine::apache(&target).and_then(measure))
        .transpose()?;
    print(ours.as_ref(), apache.as_ref());
    Ok(())
}

/// One row of the table: a figure and how it is written.
type Row = (&'static str, fn(&Figures) -> f64, &'static str);

const ROWS: [Row; 9] = [
    (
        "launch to first acks=all record, RF 3",
        |f| f.launch.as_secs_f64(),
        "s",
    ),
    (
        "memory (PSS) of all servers, idle",
        |f| f.idle_memory_kib as f64 / 1024.0,
        "MiB",
    ),
    (
        "CPU of all servers, idle",
        |f| f.idle_cpu * 100.0,
        "% of a core",
    ),
    (
        "records of 100 bytes, RF 3, acks=all",
        |f| f.records_per_second / 1000.0,
        "k/s",
    ),
    (
        "server CPU for a million of them",
        |f| f.cpu_seconds_per_million,
        "s",
    ),
    (
        "client CPU for a million of them",
        |f| f.client_cpu_seconds_per_million,
        "s",
    ),
    (
        "memory (PSS) of all servers, after the load",
        |f| f.loaded_memory_kib as f64 / 1024.0,
        "MiB",
    ),
    (
        "kill -9 of a leader to the first acknowledgement",
        |f| f.fail_over.as_secs_f64(),
        "s",
    ),
    ("restart to full ISR", |f| f.restart.as_secs_f64(), "s"),
];

fn print(ours: Option<&Figures>, apache: Option<&Figures>) {
    println!("Three brokers, ZooKeeper sessions of {SESSION_TIMEOUT_MS} ms, one run:\n");
    println!("| figure | Kafkarium | Apache Kafka 3.9 + ZooKeeper | Kafkarium : Apache |");
    println!("|---|---|---|---|");
    for (name, value, unit) in ROWS {
        let cell = |figures: Option<&Figures>| {
            figures.map_or_else(
                || "-".into(),
                |figures| format!("{:.3} {unit}", value(figures)),
            )
        };
        let ratio = match (ours.map(value), apache.map(value)) {
            (Some(ours), Some(apache)) if ours > 0.0 && apache > ours => {
                format!("1 : {:.1}", apache / ours)
            }
            (Some(ours), Some(apache)) if apache > 0.0 => format!("{:.1} : 1", ours / apache),
            _ => "-".into(),
        };
        println!("| {name} | {} | {} | {ratio} |", cell(ours), cell(apache));
    }
}
