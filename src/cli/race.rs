//! `kafkarium race`: our brokers and another engine's under the same keys.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, ensure};
use clap::Args;

use playground::{self, Engine, EngineName, FolderOptions, Options, RaceFigures, RaceOptions};

use super::playground::duration;

/// Race our brokers against Apache Kafka's: one key press reaches both.
#[derive(Debug, Args)]
pub(super) struct RaceArguments {
    /// Who runs beside our brokers: apache-3.9 (Java), on a ZooKeeper of its own that is ours.
    #[arg(long, value_name = "ENGINE", default_value_t = EngineName::Apache3)]
    engine: EngineName,
    /// Where Apache Kafka is, a distribution or a folder of its jars; without it what kafkarium engine fetch got.
    #[arg(long, value_name = "DIR")]
    kafka_home: Option<PathBuf>,
    /// Our broker 1 listens here, the others on the ports after it; the other side on the hundredth port from each.
    /// With 0 on any free ports.
    #[arg(long, value_name = "PORT", default_value_t = 9092)]
    base_port: u16,
    /// Our ZooKeeper listens here, that of the other side on the hundredth port after it; with 0 on any free port.
    #[arg(long, value_name = "PORT", default_value_t = 2181)]
    zookeeper_port: u16,
    /// Without a screen: kill a leader of both and start it again, and print what that took.
    #[arg(long)]
    figures: bool,
    /// The same as one JSON object.
    #[arg(long)]
    json: bool,
    /// End by itself after this long, for example 20s or 5m.
    #[arg(long = "for", value_name = "TIME", value_parser = duration)]
    run_for: Option<Duration>,
    /// Record the screen into this file from the start (asciicast v2).
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// Nothing flashes.
    #[arg(long)]
    reduced_motion: bool,
}

/// Runs it until it is quit, or its figures are there.
pub(super) fn run(arguments: &RaceArguments) -> Result<()> {
    ensure!(
        arguments.engine != EngineName::Kafkarium,
        "a race is against another engine than our own: --engine apache-3.9"
    );
    let engine = arguments.engine.find(arguments.kafka_home.as_deref())?;
    let side = |name: &str, engine: Engine, beyond: u16| {
        let port = |port: u16| match port {
            0 => 0,
            port => port.saturating_add(beyond),
        };
        Options {
            engine,
            folder: FolderOptions {
                name: name.to_owned(),
                data_dir: None,
                fresh: false,
                ephemeral: true,
            },
            base_port: port(arguments.base_port),
            zookeeper_port: port(arguments.zookeeper_port),
            run_for: arguments.run_for,
            record: arguments.record.clone(),
            reduced_motion: arguments.reduced_motion,
            ..Options::default()
        }
    };
    playground::race(&RaceOptions {
        ours: side("race-kafkarium", Engine::Kafkarium, 0),
        theirs: side("race-apache", engine, 100),
        figures: match (arguments.json, arguments.figures) {
            (true, _) => Some(RaceFigures::Json),
            (false, true) => Some(RaceFigures::Text),
            (false, false) => None,
        },
    })
}
