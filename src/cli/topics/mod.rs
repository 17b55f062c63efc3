//! `kafkarium topics`: what `kafka-topics.sh` does.

mod describe;
mod selection;

use std::io::IsTerminal;

use anyhow::{Context, Result, anyhow, bail, ensure};
use clap::{ArgGroup, Args, ValueEnum};

use self::describe::Shown;
use self::selection::Selection;
use super::action::{Word, chosen, named};
use super::cluster::{ClusterArguments, CommandConfig, property};
use super::say::{say, tell};
use super::table::Table;
use client::admin::Admin;
use client::refusal::Refusal;
use client::topics::{Cluster, NewTopic, Topic};
use wire::{BrokerId, ErrorCode};

/// Creates, lists, describes, alters and deletes topics.
///
/// The action is a word (`topics describe orders`) or, as `kafka-topics.sh` has it, a flag
/// (`topics --topic orders --describe`); flags stand in any order.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("action").multiple(false)))]
pub(super) struct TopicsArguments {
    /// What to do.
    #[arg(value_name = "ACTION", value_parser = Word::<Action>::default())]
    word: Option<String>,
    /// The topic, as --topic names it.
    #[arg(value_name = "TOPIC")]
    by_position: Option<String>,
    #[command(flatten)]
    cluster: ClusterArguments,
    #[command(flatten)]
    config: CommandConfig,
    #[command(flatten)]
    flags: ActionFlags,
    /// The topic; all but --create also take a regular expression.
    #[arg(long)]
    topic: Option<String>,
    #[command(flatten)]
    create: CreateArguments,
    /// Do nothing where there is such a topic already.
    #[arg(long)]
    if_not_exists: bool,
    /// Do nothing where there is no such topic.
    #[arg(long)]
    if_exists: bool,
    /// Leave out topics that Kafka keeps for itself.
    #[arg(long)]
    exclude_internal: bool,
    #[command(flatten)]
    shown: Shown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Action {
    List,
    Describe,
    Create,
    Alter,
    Delete,
}

#[derive(Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of its own on the command line"
)]
struct ActionFlags {
    /// List topics.
    #[arg(long, group = "action")]
    list: bool,
    /// Show who leads and keeps each partition; of all topics where none is named.
    #[arg(long, group = "action")]
    describe: bool,
    /// Create a topic.
    #[arg(long, group = "action")]
    create: bool,
    /// Give a topic more partitions.
    #[arg(long, group = "action")]
    alter: bool,
    /// Delete a topic and its records for good.
    #[arg(long, group = "action")]
    delete: bool,
}

/// What a new topic, or new partitions, are like.
#[derive(Debug, Args)]
struct CreateArguments {
    /// How many partitions; without it, what the brokers are set to.
    #[arg(long, default_value_t = -1, hide_default_value = true, value_parser = clap::value_parser!(i32).range(-1..))]
    partitions: i32,
    /// How many replicas of each; without it, what the brokers are set to.
    #[arg(long, default_value_t = -1, hide_default_value = true, value_parser = clap::value_parser!(i16).range(-1..))]
    replication_factor: i16,
    /// Who keeps each partition, for example 1:2,2:3: partition 0 on brokers 1 and 2, partition 1 on 2 and 3.
    #[arg(long, value_name = "BROKERS", value_parser = assignments, conflicts_with_all = ["replication_factor"])]
    replica_assignment: Option<Assignments>,
    /// A setting of the topic by Kafka's name, for example retention.ms=60000.
    #[arg(long = "config", value_name = "KEY=VALUE", value_parser = property)]
    configs: Vec<(String, String)>,
}

/// Replicas by partition, the preferred leader first.
type Assignments = Vec<Vec<BrokerId>>;

/// Does what was asked and prints it.
pub(super) fn run(arguments: TopicsArguments) -> Result<()> {
    let flags = &arguments.flags;
    let flags = [
        (flags.list, Action::List),
        (flags.describe, Action::Describe),
        (flags.create, Action::Create),
        (flags.alter, Action::Alter),
        (flags.delete, Action::Delete),
    ];
    let (action, name) = chosen(&flags, arguments.word, arguments.by_position)?;
    let name = named("topic", name, arguments.topic)?;
    let selection = Selection::new(name.as_deref(), arguments.exclude_internal)?;
    // In the words of Kafka's tools.
    let one_topic = || {
        name.clone()
            .context("Missing required argument \"[topic]\": say --topic NAME")
    };
    arguments.config.check()?;
    super::cluster::block_on(async {
        let mut admin = arguments.cluster.admin()?;
        let admin = &mut admin;
        match action {
            Action::List => list(admin, &selection).await,
            Action::Describe => {
                describe::run(admin, &selection, arguments.if_exists, &arguments.shown).await
            }
            Action::Create => {
                let topic = NewTopic {
                    name: one_topic()?,
                    partitions: arguments.create.partitions,
                    replication_factor: arguments.create.replication_factor,
                    configs: arguments.create.configs,
                    assignments: arguments.create.replica_assignment.unwrap_or_default(),
                };
                create(admin, &topic, arguments.if_not_exists).await
            }
            Action::Alter => {
                one_topic()?;
                alter(admin, &selection, arguments.if_exists, &arguments.create).await
            }
            Action::Delete => {
                one_topic()?;
                delete(admin, &selection, arguments.if_exists).await
            }
        }
    })
}

async fn create(admin: &mut Admin, topic: &NewTopic, if_not_exists: bool) -> Result<()> {
    if topic.name.contains(['.', '_']) {
        // As Kafka's tool says it; the topic is created all the same.
        tell(
            "WARNING: Due to limitations in metric names, topics with a period ('.') or underscore ('_') \
             could collide. To avoid issues it is best to use either, but not both.",
        )?;
    }
    match admin.create_topic(topic).await {
        Ok(()) => say(&format!("Created topic {}.\n", topic.name)),
        Err(error) if if_not_exists && error.code() == Some(ErrorCode::TopicAlreadyExists) => {
            Ok(())
        }
        Err(error) if error.code() == Some(ErrorCode::InvalidReplicationFactor) => {
            let live = admin.metadata(Some(&[])).await?.brokers.len();
            bail!(
                "INVALID_REPLICATION_FACTOR: Replication factor: {} larger than available brokers: {live}. \
                 In the playground, a adds one",
                topic.replication_factor
            )
        }
        Err(error) => Err(explained(error, &topic.name)),
    }
}

/// A table for people at a terminal; one name a line for everything that reads them.
async fn list(admin: &mut Admin, selection: &Selection) -> Result<()> {
    let cluster = admin.metadata(None).await?;
    let topics = selection.of(&cluster);
    if !std::io::stdout().is_terminal() {
        for topic in topics {
            say(&format!("{}\n", topic.name))?;
        }
        return Ok(());
    }
    let mut table = Table::new(&["topic", "partitions", "replication factor", "in sync"]);
    for topic in topics {
        let behind = topic
            .partitions
            .iter()
            .filter(|partition| partition.isr.len() < partition.replicas.len())
            .count();
        table.row([
            topic.name.clone(),
            topic.partitions.len().to_string(),
            replication_factor(topic).to_string(),
            match behind {
                0 => "all".to_owned(),
                _ => format!("{behind} under-replicated"),
            },
        ]);
    }
    say(&table.to_string())
}

async fn alter(
    admin: &mut Admin,
    selection: &Selection,
    if_exists: bool,
    wanted: &CreateArguments,
) -> Result<()> {
    if !wanted.configs.is_empty() {
        bail!(
            "--config goes with --create: kafkarium configs --alter --topic NAME --add-config KEY=VALUE \
             changes what is there"
        );
    }
    let assignments = wanted.replica_assignment.as_deref().unwrap_or_default();
    let total = match wanted.partitions {
        -1 => i32::try_from(assignments.len()).unwrap_or(i32::MAX),
        partitions => partitions,
    };
    ensure!(total > 0, "say how many partitions: --partitions COUNT");
    let cluster = admin.metadata(None).await?;
    for topic in existing(selection, &cluster, if_exists)? {
        // As Kafka has it, an assignment names the partitions that are there too.
        let assignments = assignments
            .get(topic.partitions.len()..)
            .unwrap_or_default();
        admin
            .create_partitions(&topic.name, total, assignments)
            .await
            .map_err(|error| explained(error, &topic.name))?;
    }
    Ok(())
}

async fn delete(admin: &mut Admin, selection: &Selection, if_exists: bool) -> Result<()> {
    let cluster = admin.metadata(None).await?;
    for topic in existing(selection, &cluster, if_exists)? {
        match admin.delete_topic(&topic.name).await {
            Ok(()) => say(&format!("Deleted topic {}.\n", topic.name))?,
            Err(error) => return Err(explained(error, &topic.name)),
        }
    }
    Ok(())
}

/// The topics that are meant; none is an error unless that was expected.
fn existing<'a>(
    selection: &Selection,
    cluster: &'a Cluster,
    if_exists: bool,
) -> Result<Vec<&'a Topic>> {
    let topics = selection.of(cluster);
    if topics.is_empty()
        && !if_exists
        && let Some(name) = selection.name()
    {
        bail!(
            "UNKNOWN_TOPIC_OR_PARTITION: Topic '{name}' does not exist as expected; \
             kafkarium topics list names them all"
        );
    }
    Ok(topics)
}

fn replication_factor(topic: &Topic) -> usize {
    topic
        .partitions
        .first()
        .map_or(0, |partition| partition.replicas.len())
}

/// `1:2,2:3`, as `--replica-assignment` takes it.
fn assignments(text: &str) -> Result<Assignments, String> {
    let wrong =
        || "broker ids expected, : between replicas and , between partitions: 1:2,2:3".to_owned();
    let assignments: Assignments = text
        .split(',')
        .map(|partition| {
            partition
                .split(':')
                .map(|broker| broker.trim().parse().map(BrokerId))
                .collect::<Result<_, _>>()
        })
        .collect::<Result<_, _>>()
        .map_err(|_| wrong())?;
    for (partition, brokers) in assignments.iter().enumerate() {
        let twice = brokers
            .iter()
            .enumerate()
            .any(|(index, broker)| brokers.iter().take(index).any(|other| other == broker));
        if twice {
            return Err(format!(
                "Partition replica lists may not contain duplicate entries: partition {partition}"
            ));
        }
    }
    Ok(assignments)
}

/// What a person can do about it.
fn explained(error: Refusal, topic: &str) -> anyhow::Error {
    match error.code() {
        Some(code @ ErrorCode::UnknownTopicOrPartition) => {
            anyhow!("{code}: there is no topic {topic}; kafkarium topics list names them all")
        }
        // The sentence that people find in the web.
        Some(code @ ErrorCode::TopicAlreadyExists) => {
            anyhow!("{code}: Topic '{topic}' already exists.")
        }
        _ => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::assignments;
    use wire::BrokerId;

    #[test]
    fn replica_assignments_are_read_as_kafka_writes_them() {
        let [one, two, three] = [1, 2, 3].map(BrokerId);
        assert_eq!(
            assignments("1:2,2:3"),
            Ok(vec![vec![one, two], vec![two, three]])
        );
        assert_eq!(assignments("3"), Ok(vec![vec![three]]));
        for wrong in ["", "1:", "1;2", "1:1", "a"] {
            assignments(wrong).expect_err(wrong);
        }
    }
}
