//! `kafkarium topics`: creates, lists, describes and deletes topics.

use std::io::Write;

use anyhow::{Context, Result, anyhow, bail};
use clap::{Args, Subcommand};

use super::cluster::{ClusterArguments, property};
use super::table::{Table, listed};
use crate::client::admin::Admin;
use crate::client::refusal::Refusal;
use crate::client::topics::{Cluster, NewTopic, Topic};
use crate::wire::ErrorCode;

/// Creates, lists, describes and deletes topics.
#[derive(Debug, Args)]
pub(super) struct TopicsArguments {
    #[command(subcommand)]
    command: TopicsCommand,
    #[command(flatten)]
    cluster: ClusterArguments,
}

/// The flags are how `kafka-topics.sh` is told what to do.
#[derive(Debug, Subcommand)]
enum TopicsCommand {
    /// Creates a topic.
    #[command(long_flag = "create")]
    Create {
        #[command(flatten)]
        topic: TopicArgument,
        /// How many partitions; without it, what the brokers are set to.
        #[arg(long, default_value_t = -1, hide_default_value = true, value_parser = clap::value_parser!(i32).range(-1..))]
        partitions: i32,
        /// How many replicas of each; without it, what the brokers are set to.
        #[arg(long, default_value_t = -1, hide_default_value = true, value_parser = clap::value_parser!(i16).range(-1..))]
        replication_factor: i16,
        /// A setting of the topic by Kafka's name, for example retention.ms=60000.
        #[arg(long = "config", value_name = "KEY=VALUE", value_parser = property)]
        configs: Vec<(String, String)>,
    },
    /// Lists all topics.
    #[command(long_flag = "list")]
    List,
    /// Shows which broker leads and keeps each partition; of all topics where none is named.
    #[command(long_flag = "describe")]
    Describe {
        /// The topic.
        #[arg(id = "topic_name", value_name = "TOPIC")]
        name: Option<String>,
        #[arg(long = "topic", hide = true, conflicts_with = "topic_name")]
        topic: Option<String>,
    },
    /// Deletes a topic and its records for good.
    #[command(long_flag = "delete")]
    Delete {
        #[command(flatten)]
        topic: TopicArgument,
    },
}

/// One topic, by position or as Kafka's tools take it.
#[derive(Debug, Args)]
struct TopicArgument {
    /// The topic.
    #[arg(
        id = "topic_name",
        value_name = "TOPIC",
        required_unless_present = "topic"
    )]
    name: Option<String>,
    #[arg(long = "topic", hide = true, conflicts_with = "topic_name")]
    topic: Option<String>,
}

impl TopicArgument {
    fn name(self) -> Result<String> {
        self.name.or(self.topic).context("name a topic")
    }
}

/// Does what was asked and prints it.
pub(super) fn run(arguments: TopicsArguments) -> Result<()> {
    let cluster = arguments.cluster;
    super::cluster::block_on(async {
        match arguments.command {
            TopicsCommand::Create {
                topic,
                partitions,
                replication_factor,
                configs,
            } => {
                let topic = NewTopic {
                    name: topic.name()?,
                    partitions,
                    replication_factor,
                    configs,
                };
                create(&mut cluster.admin()?, &topic).await
            }
            TopicsCommand::List => list(&mut cluster.admin()?).await,
            TopicsCommand::Describe { name, topic } => {
                describe(&mut cluster.admin()?, name.or(topic)).await
            }
            TopicsCommand::Delete { topic } => {
                let name = topic.name()?;
                match cluster.admin()?.delete_topic(&name).await {
                    Ok(()) => say(&format!("deleted topic {name}\n")),
                    Err(error) => Err(explained(error, &name)),
                }
            }
        }
    })
}

async fn create(admin: &mut Admin, topic: &NewTopic) -> Result<()> {
    match admin.create_topic(topic).await {
        Ok(()) => say(&format!("created topic {}\n", topic.name)),
        Err(error) if error.code() == Some(ErrorCode::InvalidReplicationFactor) => {
            let live = admin.metadata(Some(&[])).await?.brokers.len();
            bail!(
                "INVALID_REPLICATION_FACTOR: {} wanted, {live} brokers live. \
                 In the playground, a adds one",
                topic.replication_factor
            )
        }
        Err(error) => Err(explained(error, &topic.name)),
    }
}

async fn list(admin: &mut Admin) -> Result<()> {
    let cluster = admin.metadata(None).await?;
    let mut table = Table::new(&["topic", "partitions", "replication factor", "in sync"]);
    for topic in &cluster.topics {
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

async fn describe(admin: &mut Admin, name: Option<String>) -> Result<()> {
    let asked = name.map(|name| [name]);
    let cluster = admin
        .metadata(asked.as_ref().map(|names| &names[..]))
        .await?;
    let names: Vec<String> = cluster
        .topics
        .iter()
        .map(|topic| topic.name.clone())
        .collect();
    if let Some(topic) = cluster.topics.iter().find(|topic| topic.error.is_some()) {
        let code = topic.error.unwrap_or(ErrorCode::UnknownServerError);
        return Err(explained(
            Refusal::Code {
                code,
                message: None,
            },
            &topic.name,
        ));
    }
    let configs = admin.topic_configs(&names).await?;
    for (index, topic) in cluster.topics.iter().enumerate() {
        if index > 0 {
            say("\n")?;
        }
        let own = configs
            .iter()
            .find(|(name, _)| *name == topic.name)
            .into_iter()
            .flat_map(|(_, configs)| configs)
            .filter(|config| config.of_topic)
            .fold(String::new(), |text, config| {
                format!("{text}, {}={}", config.name, config.value)
            });
        say(&described(&cluster, topic, &own))?;
    }
    Ok(())
}

fn described(cluster: &Cluster, topic: &Topic, own: &str) -> String {
    let mut table = Table::new(&["partition", "leader", "epoch", "replicas", "in sync"]);
    for partition in &topic.partitions {
        let leader = match partition.leader {
            Some(leader) if cluster.brokers.contains_key(&leader) => leader.to_string(),
            Some(leader) => format!("{leader} (gone)"),
            None => "none".to_owned(),
        };
        table.row([
            partition.partition.to_string(),
            leader,
            partition.epoch.to_string(),
            listed(&partition.replicas),
            listed(&partition.isr),
        ]);
    }
    format!(
        "{}: {} partitions, replication factor {}{own}\n{table}",
        topic.name,
        topic.partitions.len(),
        replication_factor(topic),
    )
}

fn replication_factor(topic: &Topic) -> usize {
    topic
        .partitions
        .first()
        .map_or(0, |partition| partition.replicas.len())
}

/// What a person can do about it.
fn explained(error: Refusal, topic: &str) -> anyhow::Error {
    match error.code() {
        Some(code @ ErrorCode::UnknownTopicOrPartition) => {
            anyhow!("{code}: there is no topic {topic}; kafkarium topics list names them all")
        }
        Some(code @ ErrorCode::TopicAlreadyExists) => {
            anyhow!("{code}: there is a topic {topic} already")
        }
        Some(code @ ErrorCode::InvalidTopicException) => anyhow!(
            "{code}: {topic:?} cannot name a topic: up to 249 letters, digits, . _ and - only"
        ),
        _ => error.into(),
    }
}

fn say(text: &str) -> Result<()> {
    std::io::stdout().lock().write_all(text.as_bytes())?;
    Ok(())
}
