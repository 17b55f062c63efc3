//! `kafkarium` without a subcommand: the playground.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::Args;

use playground::{self, Announce, DEFAULT_NAME, FolderOptions, Learn, Options};

/// Which cluster is started.
#[derive(Debug, Args)]
pub(super) struct StartArguments {
    /// The cluster's name: several can run beside each other, each with its own data.
    #[arg(long, default_value = DEFAULT_NAME)]
    name: String,
    /// Forget what an earlier start left.
    #[arg(long)]
    fresh: bool,
    /// Keep nothing afterwards.
    #[arg(long)]
    ephemeral: bool,
    /// The folder for all data, instead of kafkarium/NAME in the user's data folder.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// How many brokers; without it as many as there were, or 3.
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(i32).range(1..=100))]
    brokers: Option<i32>,
    /// A topic to begin with, for example orders:4:2; may be repeated.
    #[arg(
        long = "topic",
        value_name = "NAME:PARTITIONS:RF",
        value_parser = playground::parse_topic
    )]
    topics: Vec<playground::NewTopic>,
    /// Broker 1 listens here, the others on the ports after it; with 0 each on any free port.
    #[arg(long, value_name = "PORT", default_value_t = 9092)]
    base_port: u16,
    /// ZooKeeper listens here; with 0 on any free port.
    #[arg(long, value_name = "PORT", default_value_t = 2181)]
    zookeeper_port: u16,
    /// End by itself after this long, for example 20s or 5m.
    #[arg(long = "for", value_name = "TIME", value_parser = duration)]
    run_for: Option<Duration>,
}

/// What the playground starts with.
#[derive(Debug, Args)]
pub(super) struct PlaygroundArguments {
    #[command(flatten)]
    start: StartArguments,
    /// Nothing flashes; bars are numbers.
    #[arg(long)]
    reduced_motion: bool,
    /// Record the screen into this file, for asciinema and its like.
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// The mouse picks and scrolls; selecting text then takes the shift key. :mouse toggles it.
    #[arg(long)]
    mouse: bool,
    /// The layout to begin with: overview, flow, stage, zookeeper, developer, replication, groups, fleet or one of your own.
    #[arg(long, value_name = "NAME")]
    layout: Option<String>,
    /// The theme to begin with: dark, light, mono or one of your own; without it, what the terminal tells.
    #[arg(long, value_name = "NAME")]
    theme: Option<String>,
}

impl StartArguments {
    /// The cluster's name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The cluster alone, which announces itself when it is ready.
    pub(super) fn without_screen(self, announce: Announce) -> Options {
        Options {
            consumers: Some(0),
            announce: Some(announce),
            only_these_topics: true,
            ..self.options()
        }
    }

    fn options(self) -> Options {
        Options {
            folder: FolderOptions {
                name: self.name,
                data_dir: self.data_dir,
                fresh: self.fresh,
                ephemeral: self.ephemeral,
            },
            brokers: self.brokers,
            topics: self.topics,
            base_port: self.base_port,
            zookeeper_port: self.zookeeper_port,
            run_for: self.run_for,
            ..Options::default()
        }
    }
}

/// Runs it until it is quit.
pub(super) fn run(arguments: PlaygroundArguments) -> Result<()> {
    start(arguments, None)
}

/// The same with the list of lessons open, or one of them.
pub(super) fn start(arguments: PlaygroundArguments, learn: Option<Learn>) -> Result<()> {
    playground::run(&Options {
        learn,
        reduced_motion: arguments.reduced_motion,
        record: arguments.record,
        mouse: arguments.mouse,
        layout: arguments.layout,
        theme: arguments.theme,
        ..arguments.start.options()
    })
}

/// A time as the command line takes it: `20s`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let known = playground::state::duration(text);
    known.ok_or_else(|| "a time such as 500ms, 20s, 5m or 1h expected".to_owned())
}
