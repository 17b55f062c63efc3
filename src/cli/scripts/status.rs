//! `kafkarium status` and `kafkarium ps`: what a running playground knows.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use super::running::{Running, status};
use super::{Outcome, exit};
use crate::cli::say::{say, say_to_programs};
use crate::cli::table::Table;
use wire::BrokerId;
use wire::control::{PartitionStatus, ProcessStatus, Status};

/// Shows the running playground: addresses, processes, topics, groups.
///
/// Exits with 0 if it is ready, with 1 if it is not yet, with 2 if none runs.
#[derive(Debug, Args)]
pub(in crate::cli) struct StatusArguments {
    #[command(flatten)]
    running: Running,
    /// As one JSON object, in the shape of docs/status.schema.json.
    #[arg(long)]
    json: bool,
}

/// Shows the processes of the running playground.
#[derive(Debug, Args)]
pub(in crate::cli) struct PsArguments {
    #[command(flatten)]
    running: Running,
}

/// Runs `status`.
pub(in crate::cli) fn run(arguments: &StatusArguments) -> ExitCode {
    exit(show(arguments))
}

/// Runs `ps`.
pub(in crate::cli) fn ps(arguments: &PsArguments) -> ExitCode {
    exit((|| {
        let status = status(&mut arguments.running.connect()?)?;
        say(&processes(&status.processes).to_string())?;
        Ok(Outcome::Holds)
    })())
}

fn show(arguments: &StatusArguments) -> Result<Outcome> {
    let status = status(&mut arguments.running.connect()?)?;
    if arguments.json {
        say_json(&status)?;
    } else {
        say(&text(&status))?;
    }
    if status.ready {
        Ok(Outcome::Holds)
    } else {
        Ok(Outcome::Fails(format!("{} is not ready yet", status.name)))
    }
}

/// One line of JSON.
pub(super) fn say_json(status: &Status) -> Result<()> {
    say_to_programs(&(serde_json::to_string(status)? + "\n"))
}

/// The same for people.
pub(super) fn text(status: &Status) -> String {
    let mut parts = vec![
        format!(
            "{}  bootstrap {}  zookeeper {}\ndata {}\n",
            status.name,
            status.bootstrap,
            status.zookeeper,
            status.folder.display()
        ),
        processes(&status.processes).to_string(),
    ];
    let topics: Vec<_> = status
        .topics
        .iter()
        .filter(|topic| !topic.internal)
        .collect();
    if !topics.is_empty() {
        let mut table = Table::new(&["TOPIC", "PARTITION", "LEADER", "REPLICAS", "ISR", "END"]);
        for topic in topics {
            for partition in &topic.partitions {
                table.row(partition_row(&topic.name, partition));
            }
        }
        parts.push(table.to_string());
    }
    if !status.groups.is_empty() {
        let mut table = Table::new(&["GROUP", "STATE", "MEMBERS", "LAG"]);
        for group in &status.groups {
            table.row([
                group.group.clone(),
                group.state.clone(),
                group.members.to_string(),
                group.lag.to_string(),
            ]);
        }
        parts.push(table.to_string());
    }
    parts.join("\n")
}

fn processes(processes: &[ProcessStatus]) -> Table {
    let mut table = Table::new(&["PROCESS", "STATUS", "PID", "ADDRESS"]);
    for process in processes {
        let or_none = |cell: Option<String>| cell.unwrap_or_else(|| "-".to_owned());
        table.row([
            process.name.clone(),
            process.status.clone(),
            or_none(process.pid.map(|pid| pid.to_string())),
            or_none(process.address.clone()),
        ]);
    }
    table
}

fn partition_row(topic: &str, partition: &PartitionStatus) -> [String; 6] {
    let ids = |ids: &[BrokerId]| {
        let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
        ids.join(",")
    };
    [
        topic.to_owned(),
        partition.partition.to_string(),
        partition
            .leader
            .map_or_else(|| "none".to_owned(), |leader| leader.to_string()),
        ids(&partition.replicas),
        ids(&partition.isr),
        partition
            .high_watermark
            .map_or_else(|| "-".to_owned(), |end| end.to_string()),
    ]
}
