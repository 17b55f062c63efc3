//! `kafkarium groups`: lists and describes consumer groups.

use std::collections::BTreeSet;
use std::io::Write;

use anyhow::{Result, bail};
use clap::{Args, Subcommand};

use super::cluster::ClusterArguments;
use super::table::Table;
use crate::client::admin::Admin;
use crate::wire::TopicPartition;

/// Lists and describes consumer groups.
#[derive(Debug, Args)]
pub(super) struct GroupsArguments {
    #[command(subcommand)]
    command: GroupsCommand,
    #[command(flatten)]
    cluster: ClusterArguments,
}

/// The flags are how `kafka-consumer-groups.sh` is told what to do.
#[derive(Debug, Subcommand)]
enum GroupsCommand {
    /// Lists all groups with their states.
    #[command(long_flag = "list")]
    List,
    /// Shows who reads what, and how far behind.
    #[command(long_flag = "describe")]
    Describe {
        /// The group.
        #[arg(value_name = "GROUP", required_unless_present = "group")]
        group_name: Option<String>,
        #[arg(long, hide = true, conflicts_with = "group_name")]
        group: Option<String>,
    },
}

/// Does what was asked and prints it.
pub(super) fn run(arguments: GroupsArguments) -> Result<()> {
    let cluster = arguments.cluster;
    super::cluster::block_on(async {
        match arguments.command {
            GroupsCommand::List => list(&mut cluster.admin()?).await,
            GroupsCommand::Describe { group_name, group } => {
                let group = group_name.or(group).unwrap_or_default();
                describe(&mut cluster.admin()?, &group).await
            }
        }
    })
}

async fn list(admin: &mut Admin) -> Result<()> {
    let mut table = Table::new(&["group", "state"]);
    for (group, state) in admin.list_groups().await? {
        table.row([group, state]);
    }
    write!(std::io::stdout().lock(), "{table}")?;
    Ok(())
}

async fn describe(admin: &mut Admin, name: &str) -> Result<()> {
    let (coordinator, group, committed) = admin.describe_group(name).await?;
    if group.state == "Dead" && committed.is_empty() {
        bail!("there is no group {name}; kafkarium groups list names them all");
    }
    let assigned = group.members.iter().flat_map(|member| &member.assignment);
    let partitions: BTreeSet<&TopicPartition> =
        committed.iter().map(|(at, _)| at).chain(assigned).collect();
    let topics: BTreeSet<&str> = partitions.iter().map(|at| at.topic.as_str()).collect();
    let topics: Vec<String> = topics.into_iter().map(str::to_owned).collect();
    let ends = admin.high_watermarks(&topics).await?;
    let mut table = Table::new(&[
        "topic",
        "partition",
        "committed",
        "high watermark",
        "lag",
        "reader",
        "host",
    ]);
    for at in partitions {
        let offset = committed
            .iter()
            .find(|(known, _)| known == at)
            .map(|(_, offset)| offset.0);
        let end = ends.get(at).map(|end| end.0);
        let reader = group
            .members
            .iter()
            .find(|member| member.assignment.contains(at));
        let number = |number: Option<i64>| number.map_or("-".to_owned(), |n| n.to_string());
        table.row([
            at.topic.clone(),
            at.partition.to_string(),
            number(offset),
            number(end),
            number(offset.zip(end).map(|(offset, end)| end - offset)),
            reader.map_or("-".to_owned(), |reader| reader.client_id.clone()),
            reader.map_or("-".to_owned(), |reader| reader.host.clone()),
        ]);
    }
    let protocol = match group.protocol.as_str() {
        "" => String::new(),
        protocol => format!(", divides by {protocol}"),
    };
    write!(
        std::io::stdout().lock(),
        "{}: {}, {} members{protocol}, coordinated by broker {coordinator}\n{table}",
        group.group,
        group.state,
        group.members.len(),
    )?;
    Ok(())
}
