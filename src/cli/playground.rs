//! `kafkarium` without a subcommand: the playground.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, bail};
use clap::Args;

use super::connection_settings::ConnectionArguments;
use playground::state::GroupProtocol;
use playground::{self, Announce, Attach, DEFAULT_NAME, EngineName, FolderOptions, Learn, Options};

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
    /// How consumers of the playground join their groups: classic, or consumer (KIP-848). J changes it.
    #[arg(long, value_name = "PROTOCOL", value_parser = group_protocol)]
    group_protocol: Option<GroupProtocol>,
    /// Broker 1 listens here, the others on the ports after it; with 0 each on any free port.
    #[arg(long, value_name = "PORT", default_value_t = 9092)]
    base_port: u16,
    /// ZooKeeper listens here; with 0 on any free port.
    #[arg(long, value_name = "PORT", default_value_t = 2181)]
    zookeeper_port: u16,
    /// The program that the brokers are: kafkarium, or apache-3.9 (Java), on the same ZooKeeper and under the same keys.
    #[arg(long, value_name = "ENGINE", default_value_t)]
    engine: EngineName,
    /// Where Apache Kafka is, a distribution or a folder of its jars; without it what kafkarium engine fetch got.
    #[arg(long, value_name = "DIR")]
    kafka_home: Option<PathBuf>,
    /// End by itself after this long, for example 20s or 5m.
    #[arg(long = "for", value_name = "TIME", value_parser = duration)]
    run_for: Option<Duration>,
}

/// What the playground starts with.
#[derive(Debug, Args)]
pub(super) struct PlaygroundArguments {
    #[command(flatten)]
    start: StartArguments,
    /// Look at somebody else's cluster, beginning at these brokers (HOST:PORT, with commas between), and start nothing.
    #[arg(
        long,
        value_name = "HOST:PORT,...",
        value_parser = addresses,
        conflicts_with_all = [
            "name", "fresh", "ephemeral", "data_dir", "brokers", "topics", "base_port", "zookeeper_port",
        ]
    )]
    bootstrap_server: Option<String>,
    #[command(flatten)]
    connection: ConnectionArguments,
    /// Of somebody else's cluster records, topics and groups may be changed; each change asks first.
    #[arg(long, requires = "bootstrap_server")]
    allow_writes: bool,
    /// Nothing flashes; bars are numbers.
    #[arg(long)]
    reduced_motion: bool,
    /// Record the screen into this file, for asciinema and its like.
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// The mouse picks and scrolls; selecting text then takes the shift key. :mouse toggles it.
    #[arg(long)]
    mouse: bool,
    /// The layout to begin with: overview, flow, stage, zookeeper, quorum, developer, replication, groups, transactions,
    /// fleet or one of your own.
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
    pub(super) fn without_screen(self, announce: Announce) -> Result<Options> {
        Ok(Options {
            consumers: Some(0),
            announce: Some(announce),
            only_these_topics: true,
            ..self.options()?
        })
    }

    fn options(self) -> Result<Options> {
        Ok(Options {
            engine: self.engine.find(self.kafka_home.as_deref())?,
            folder: FolderOptions {
                name: self.name,
                data_dir: self.data_dir,
                fresh: self.fresh,
                ephemeral: self.ephemeral,
            },
            brokers: self.brokers,
            topics: self.topics,
            group_protocol: self.group_protocol,
            base_port: self.base_port,
            zookeeper_port: self.zookeeper_port,
            run_for: self.run_for,
            ..Options::default()
        })
    }
}

/// Runs it until it is quit.
pub(super) fn run(arguments: PlaygroundArguments) -> Result<()> {
    start(arguments, None)
}

/// The same with the list of lessons open, or one of them.
pub(super) fn start(arguments: PlaygroundArguments, learn: Option<Learn>) -> Result<()> {
    if learn.is_some() && arguments.bootstrap_server.is_some() {
        bail!(
            "lessons end and start processes: they need a cluster of their own, without --bootstrap-server"
        );
    }
    let (security, notices) = arguments.connection.read()?;
    let attach = arguments.bootstrap_server.map(|bootstrap| Attach {
        bootstrap,
        writes: arguments.allow_writes,
        security,
        notices,
    });
    playground::run(&Options {
        attach,
        learn,
        reduced_motion: arguments.reduced_motion,
        record: arguments.record,
        mouse: arguments.mouse,
        layout: arguments.layout,
        theme: arguments.theme,
        ..arguments.start.options()?
    })
}

/// Addresses of brokers as Kafka's tools take them: `k1:9092,k2:9092`.
fn addresses(text: &str) -> Result<String, String> {
    let addresses: Vec<&str> = text
        .split(',')
        .map(str::trim)
        .filter(|it| !it.is_empty())
        .collect();
    let named = |address: &&str| {
        let (host, port) = address.rsplit_once(':').unwrap_or_default();
        !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0)
    };
    match addresses.iter().find(|address| !named(address)) {
        Some(address) => Err(format!("{address} is no HOST:PORT, as in localhost:9092")),
        None if addresses.is_empty() => Err("HOST:PORT expected, as in localhost:9092".to_owned()),
        None => Ok(addresses.join(",")),
    }
}

fn group_protocol(text: &str) -> Result<GroupProtocol, String> {
    let known = GroupProtocol::of_setting(text);
    known.ok_or_else(|| "classic or consumer expected".to_owned())
}

/// A time as the command line takes it: `20s`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let known = playground::state::duration(text);
    known.ok_or_else(|| "a time such as 500ms, 20s, 5m or 1h expected".to_owned())
}

#[cfg(test)]
mod tests {
    use super::addresses;

    #[test]
    fn each_address_has_a_host_and_a_port() {
        let told = addresses("k1:9092, [::1]:9093,");
        assert_eq!(told.as_deref(), Ok("k1:9092,[::1]:9093"));
        for (wrong, named) in [
            ("k1", "k1 is no HOST:PORT"),
            ("k1:9092,:9093", ":9093 is no"),
            ("k1:0", "k1:0 is no"),
            (",", "HOST:PORT expected"),
        ] {
            let why = addresses(wrong).expect_err(wrong);
            assert!(why.starts_with(named), "{why}");
        }
    }
}
