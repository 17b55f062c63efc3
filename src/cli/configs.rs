//! `kafkarium configs`: what `kafka-configs.sh` does.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use clap::{ArgGroup, Args, ValueEnum};

use super::action::{Word, chosen};
use super::cluster::{ClusterArguments, CommandConfig};
use super::java_properties;
use super::say::say;
use client::admin::Admin;
use client::configs::{Config, ConfigChange, ConfigResource};
use wire::BrokerId;

/// Shows and changes the settings of topics, brokers and groups.
///
/// The action is a word (`configs describe --topic orders`) or, as `kafka-configs.sh` has it, a
/// flag (`configs --entity-type topics --entity-name orders --describe`).
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("action").multiple(false)))]
pub(super) struct ConfigsArguments {
    /// What to do.
    #[arg(value_name = "ACTION", value_parser = Word::<Action>::default())]
    word: Option<String>,
    #[command(flatten)]
    cluster: ClusterArguments,
    #[command(flatten)]
    config: CommandConfig,
    /// Show settings.
    #[arg(long, group = "action")]
    describe: bool,
    /// Change settings.
    #[arg(long, group = "action")]
    alter: bool,
    #[command(flatten)]
    entity: Entity,
    /// Also those that were never changed.
    #[arg(long)]
    all: bool,
    /// Settings to make, for example retention.ms=60000,cleanup.policy=[compact,delete].
    #[arg(long, value_name = "KEY=VALUE,...")]
    add_config: Option<String>,
    /// A properties file with settings to make.
    #[arg(long, value_name = "FILE")]
    add_config_file: Option<PathBuf>,
    /// Settings to take back.
    #[arg(long, value_name = "KEY,...", value_delimiter = ',')]
    delete_config: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Action {
    Describe,
    Alter,
}

/// Whose settings.
#[derive(Debug, Args)]
#[expect(
    clippy::struct_field_names,
    reason = "the fields are Kafka's flags: --entity-type, --entity-name, --entity-default"
)]
struct Entity {
    /// What has the settings.
    #[arg(long, value_name = "TYPE")]
    entity_type: Option<EntityType>,
    /// The name of the topic or group, or the id of the broker.
    #[arg(long, value_name = "NAME")]
    entity_name: Option<String>,
    /// The settings of every broker that has none of its own.
    #[arg(long)]
    entity_default: bool,
    /// The topic: the same as --entity-type topics --entity-name TOPIC.
    #[arg(long)]
    topic: Option<String>,
    /// The broker: the same as --entity-type brokers --entity-name ID.
    #[arg(long, value_name = "ID")]
    broker: Option<String>,
    /// The same as --entity-type brokers --entity-default.
    #[arg(long)]
    broker_defaults: bool,
    /// The group: the same as --entity-type groups --entity-name GROUP.
    #[arg(long)]
    group: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum EntityType {
    Topics,
    Brokers,
    Groups,
}

/// Does what was asked and prints it.
pub(super) fn run(arguments: ConfigsArguments) -> Result<()> {
    let flags = [
        (arguments.describe, Action::Describe),
        (arguments.alter, Action::Alter),
    ];
    let (action, _) = chosen(&flags, arguments.word, None)?;
    arguments.config.check()?;
    let mut changes = Vec::new();
    if let Some(file) = &arguments.add_config_file {
        let text = std::fs::read_to_string(file)
            .with_context(|| format!("cannot read {}", file.display()))?;
        let settings = java_properties::parse(&text).into_iter();
        changes.extend(settings.map(|(name, value)| ConfigChange::Set(name, value)));
    }
    changes.extend(added(arguments.add_config.as_deref().unwrap_or_default())?);
    changes.extend(
        arguments
            .delete_config
            .into_iter()
            .map(ConfigChange::Delete),
    );
    super::cluster::block_on(async {
        let mut admin = arguments.cluster.admin()?;
        match action {
            Action::Describe => {
                ensure!(
                    changes.is_empty(),
                    "--describe changes nothing: say --alter with --add-config or --delete-config"
                );
                for resource in arguments.entity.described(&mut admin).await? {
                    describe(&mut admin, &resource, arguments.all).await?;
                }
                Ok(())
            }
            Action::Alter => {
                // In the words of Kafka's tools.
                ensure!(
                    !changes.is_empty(),
                    "At least one of --add-config, --add-config-file, or --delete-config must be specified with --alter"
                );
                let resource = arguments.entity.named()?.context(
                    "an entity must be named with --alter: --entity-name NAME, or --entity-default for all brokers",
                )?;
                admin.alter_configs(&resource, &changes).await?;
                say(&format!("Completed updating {}.\n", altered(&resource)))
            }
        }
    })
}

impl Entity {
    /// The one resource that is named, if one is.
    fn named(&self) -> Result<Option<ConfigResource>> {
        let mut resources = Vec::new();
        let of_type = |kind, name: &Option<String>| -> Result<Option<ConfigResource>> {
            match (kind, name) {
                (_, None) => Ok(None),
                (EntityType::Topics, Some(name)) => Ok(Some(ConfigResource::Topic(name.clone()))),
                (EntityType::Groups, Some(name)) => Ok(Some(ConfigResource::Group(name.clone()))),
                (EntityType::Brokers, Some(id)) => broker(id).map(Some),
            }
        };
        resources.extend(of_type(EntityType::Topics, &self.topic)?);
        resources.extend(of_type(EntityType::Brokers, &self.broker)?);
        resources.extend(of_type(EntityType::Groups, &self.group)?);
        if self.broker_defaults {
            resources.push(ConfigResource::Broker(None));
        }
        match (self.entity_type, &self.entity_name, self.entity_default) {
            (Some(EntityType::Brokers), None, true) => resources.push(ConfigResource::Broker(None)),
            (_, _, true) => bail!("--entity-default goes with --entity-type brokers and no name"),
            (Some(kind), name, false) => resources.extend(of_type(kind, name)?),
            (None, Some(name), false) => {
                bail!(
                    "whose settings? --entity-type topics, brokers or groups belongs to --entity-name {name}"
                )
            }
            (None, None, false) => {}
        }
        ensure!(
            resources.len() <= 1,
            "more than one entity is named: name one topic, broker or group"
        );
        Ok(resources.pop())
    }

    /// The resource that is named, or all of the type that is.
    async fn described(&self, admin: &mut Admin) -> Result<Vec<ConfigResource>> {
        if let Some(resource) = self.named()? {
            return Ok(vec![resource]);
        }
        match self.entity_type {
            Some(EntityType::Topics) => {
                let cluster = admin.metadata(None).await?;
                let names = cluster.topics.into_iter().map(|topic| topic.name);
                Ok(names.map(ConfigResource::Topic).collect())
            }
            Some(EntityType::Brokers) => {
                let cluster = admin.metadata(Some(&[])).await?;
                let brokers = cluster.brokers.into_keys().map(Some);
                Ok(brokers.chain([None]).map(ConfigResource::Broker).collect())
            }
            Some(EntityType::Groups) => bail!("which group? --entity-name GROUP"),
            None => bail!(
                "whose settings? --topic NAME, --broker ID, --broker-defaults, --group NAME, \
                 or --entity-type with --entity-name"
            ),
        }
    }
}

fn broker(id: &str) -> Result<ConfigResource> {
    // In the words of Kafka's tools.
    let id: i32 = id.parse().ok().with_context(|| {
        format!("The entity name for brokers must be a valid integer broker id, found: {id}")
    })?;
    Ok(ConfigResource::Broker(Some(BrokerId(id))))
}

/// `a=1,b=[2,3]`: commas between settings, brackets around a value that has commas of its own.
fn added(text: &str) -> Result<Vec<ConfigChange>> {
    let mut settings = vec![String::new()];
    let mut depth = 0_usize;
    for character in text.chars() {
        match character {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                settings.push(String::new());
                continue;
            }
            _ => {}
        }
        if let Some(last) = settings.last_mut() {
            last.push(character);
        }
    }
    ensure!(
        depth == 0,
        "--add-config: a bracket is not closed in {text:?}"
    );
    let settings = settings.iter().map(|setting| setting.trim());
    settings
        .filter(|setting| !setting.is_empty())
        .map(|setting| match setting.split_once('=') {
            Some((name, value)) if !name.trim().is_empty() => {
                let value = value.trim();
                let inner = value
                    .strip_prefix('[')
                    .and_then(|value| value.strip_suffix(']'));
                let value = inner.unwrap_or(value);
                Ok(ConfigChange::Set(name.trim().to_owned(), value.to_owned()))
            }
            _ => bail!("--add-config: KEY=VALUE expected instead of {setting:?}"),
        })
        .collect()
}

async fn describe(admin: &mut Admin, resource: &ConfigResource, all: bool) -> Result<()> {
    let configs = admin.describe_configs(resource).await?;
    let mut text = heading(resource, all);
    for config in configs {
        if all || config.source.is_of(resource) {
            text.push_str(&row(&config));
        }
    }
    say(&text)
}

/// In the words of Kafka's tools, which scripts look for.
fn heading(resource: &ConfigResource, all: bool) -> String {
    let which = if all { "All" } else { "Dynamic" };
    match resource {
        ConfigResource::Topic(name) => format!("{which} configs for topic {name} are:\n"),
        ConfigResource::Broker(Some(id)) => format!("{which} configs for broker {id} are:\n"),
        ConfigResource::Broker(None) => "Default configs for brokers in the cluster are:\n".into(),
        ConfigResource::Group(name) => format!("{which} configs for group {name} are:\n"),
    }
}

fn altered(resource: &ConfigResource) -> String {
    match resource {
        ConfigResource::Topic(name) => format!("config for topic {name}"),
        ConfigResource::Broker(Some(id)) => format!("config for broker {id}"),
        ConfigResource::Broker(None) => "default config for brokers in the cluster".into(),
        ConfigResource::Group(name) => format!("config for group {name}"),
    }
}

fn row(config: &Config) -> String {
    // Kafka's tools print Java's word for what is not there.
    let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "null".into());
    let synonyms: Vec<String> = config
        .synonyms
        .iter()
        .map(|(source, name, of)| format!("{source}:{name}={}", value(of)))
        .collect();
    let mut row = String::new();
    let _ = writeln!(
        row,
        "  {}={} sensitive={} synonyms={{{}}}",
        config.name,
        value(&config.value),
        config.sensitive,
        synonyms.join(", ")
    );
    row
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_keep_the_commas_of_a_value() {
        let set = |name: &str, value: &str| ConfigChange::Set(name.into(), value.into());
        assert_eq!(
            added("retention.ms=5000, cleanup.policy=[compact,delete]").expect("two settings"),
            [
                set("retention.ms", "5000"),
                set("cleanup.policy", "compact,delete")
            ]
        );
        assert_eq!(added("").expect("none"), []);
        let refused = added("retention.ms").expect_err("no value");
        assert_eq!(
            refused.to_string(),
            "--add-config: KEY=VALUE expected instead of \"retention.ms\""
        );
        added("cleanup.policy=[compact").expect_err("not closed");
    }
}
