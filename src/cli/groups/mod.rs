//! `kafkarium groups`: what `kafka-consumer-groups.sh` does.

mod columns;
mod delete;
mod describe;
mod instant;
mod plan;
mod reset;

use std::io::IsTerminal;

use anyhow::{Result, bail};
use clap::{ArgGroup, Args, ValueEnum};

use self::describe::View;
use self::reset::ResetArguments;
use super::action::{Word, chosen};
use super::cluster::{ClusterArguments, CommandConfig};
use super::say::{say, say_to_programs};
use super::table::Table;
use client::admin::Admin;
use wire::ErrorCode;

/// Lists, describes, resets and deletes consumer groups.
///
/// The action is a word (`groups describe billing`) or, as `kafka-consumer-groups.sh` has it, a
/// flag (`groups --group billing --describe`); flags stand in any order.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("action").multiple(false)))]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of its own on the command line"
)]
pub(super) struct GroupsArguments {
    /// What to do.
    #[arg(value_name = "ACTION", value_parser = Word::<Action>::default())]
    word: Option<String>,
    /// The group, as --group names it.
    #[arg(value_name = "GROUP")]
    by_position: Option<String>,
    #[command(flatten)]
    cluster: ClusterArguments,
    #[command(flatten)]
    config: CommandConfig,
    #[command(flatten)]
    flags: ActionFlags,
    /// The group; may be repeated.
    #[arg(long = "group", value_name = "GROUP")]
    groups: Vec<String>,
    /// Every group there is.
    #[arg(long, conflicts_with = "groups")]
    all_groups: bool,
    /// With --describe: the members and how many partitions each reads.
    #[arg(long, conflicts_with_all = ["offsets", "state"])]
    members: bool,
    /// With --describe: committed offsets, log ends and lag, which is shown anyway.
    #[arg(long, conflicts_with = "state")]
    offsets: bool,
    /// With --describe: state, coordinator and size; with --list: the state too, or only groups in
    /// these states, with commas between.
    #[arg(long, value_name = "STATES", num_args = 0..=1, default_missing_value = "")]
    state: Option<String>,
    /// With --members: which partitions each reads.
    #[arg(long)]
    verbose: bool,
    /// A topic, or some of its partitions: orders:0,2; may be repeated.
    #[arg(long = "topic", value_name = "TOPIC[:PARTITIONS]")]
    topics: Vec<String>,
    #[command(flatten)]
    reset: ResetArguments,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Action {
    List,
    Describe,
    ResetOffsets,
    DeleteOffsets,
    Delete,
}

#[derive(Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of its own on the command line"
)]
struct ActionFlags {
    /// List groups.
    #[arg(long, group = "action")]
    list: bool,
    /// Show who reads what, and how far behind.
    #[arg(long, group = "action")]
    describe: bool,
    /// Move what a group without members committed; shows what it would do unless --execute is said.
    #[arg(long, group = "action")]
    reset_offsets: bool,
    /// Forget what a group committed for the topics.
    #[arg(long, group = "action")]
    delete_offsets: bool,
    /// Delete groups that have no members.
    #[arg(long, group = "action")]
    delete: bool,
}

/// Does what was asked and prints it.
pub(super) fn run(arguments: GroupsArguments) -> Result<()> {
    let flags = &arguments.flags;
    let flags = [
        (flags.list, Action::List),
        (flags.describe, Action::Describe),
        (flags.reset_offsets, Action::ResetOffsets),
        (flags.delete_offsets, Action::DeleteOffsets),
        (flags.delete, Action::Delete),
    ];
    let (action, name) = chosen(&flags, arguments.word, arguments.by_position)?;
    let mut groups = arguments.groups;
    groups.extend(name);
    if action != Action::List && groups.is_empty() && !arguments.all_groups {
        // In the words of Kafka's tools.
        let option = action.to_possible_value();
        let option = option.as_ref().map_or("", |value| value.get_name());
        bail!("Option [{option}] takes one of these options: [all-groups], [group]");
    }
    arguments.config.check()?;
    super::cluster::block_on(async {
        let mut admin = arguments.cluster.admin()?;
        let admin = &mut admin;
        if arguments.all_groups {
            groups = admin
                .list_groups()
                .await?
                .into_iter()
                .map(|(group, _)| group)
                .collect();
        }
        match action {
            Action::List => list(admin, arguments.state.as_deref()).await,
            Action::Describe => {
                let view = match (arguments.members, arguments.state) {
                    (true, _) => View::Members {
                        assignment: arguments.verbose,
                    },
                    (false, Some(_)) => View::State,
                    (false, None) => View::Offsets,
                };
                describe::run(admin, &groups, view).await
            }
            Action::ResetOffsets => {
                reset::run(admin, &groups, &arguments.topics, &arguments.reset).await
            }
            Action::DeleteOffsets => match groups.as_slice() {
                [group] => delete::offsets(admin, group, &arguments.topics).await,
                _ => bail!("Option [delete-offsets] takes one [group]"),
            },
            Action::Delete => delete::groups(admin, &groups).await,
        }
    })
}

/// Names, one a line; with states where they are asked for, or where a person looks.
async fn list(admin: &mut Admin, states: Option<&str>) -> Result<()> {
    let mut groups = admin.list_groups().await?;
    let wanted: Vec<&str> = states
        .into_iter()
        .flat_map(|states| states.split(','))
        .map(str::trim)
        .filter(|state| !state.is_empty())
        .collect();
    if !wanted.is_empty() {
        groups.retain(|(_, state)| {
            wanted
                .iter()
                .any(|wanted| state.eq_ignore_ascii_case(wanted))
        });
    }
    if states.is_some() || std::io::stdout().is_terminal() {
        let mut table = Table::new(&["GROUP", "STATE"]);
        for (group, state) in groups {
            table.row([group, state]);
        }
        say(&table.to_string())?;
    } else {
        for (group, _) in groups {
            say_to_programs(&format!("{group}\n"))?;
        }
    }
    Ok(())
}

/// Kafka's code with the sentence that Kafka's tools say for it.
fn sentence(code: ErrorCode) -> String {
    let words = match code {
        ErrorCode::GroupIdNotFound => "The group id does not exist.",
        ErrorCode::NonEmptyGroup => "The group is not empty.",
        ErrorCode::GroupSubscribedToTopic => {
            "Deleting offsets of a topic is forbidden while the consumer group is actively subscribed to it."
        }
        ErrorCode::UnknownTopicOrPartition => "This server does not host this topic-partition.",
        _ => return code.to_string(),
    };
    format!("{code}: {words}")
}
