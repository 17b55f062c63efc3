//! `groups --reset-offsets`: asks the cluster, decides, shows, and commits where it was told to.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use clap::{ArgGroup, Args};

use super::columns::{Column, table};
use super::instant::{self, datetime, duration};
use super::plan::{Known, Way, read_plan};
use crate::cli::say;
use client::admin::Admin;
use client::offsets::Position;
use client::topics::Cluster;
use wire::{Offset, TopicPartition};

const NEW_OFFSETS: [Column; 4] = [
    ("GROUP", 30),
    ("TOPIC", 30),
    ("PARTITION", 10),
    ("NEW-OFFSET", 15),
];

/// Where a group shall go on, and of which topics.
#[derive(Debug, Args)]
#[command(next_help_heading = "With --reset-offsets")]
#[command(group(ArgGroup::new("way").multiple(false)))]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of its own on the command line"
)]
pub(super) struct ResetArguments {
    /// To the oldest record.
    #[arg(long, group = "way")]
    to_earliest: bool,
    /// To the end: only what comes from now on.
    #[arg(long, group = "way")]
    to_latest: bool,
    /// To what is committed; to the end where nothing is.
    #[arg(long, group = "way")]
    to_current: bool,
    /// To this offset.
    #[arg(long, group = "way", value_name = "OFFSET", value_parser = clap::value_parser!(i64).range(0..))]
    to_offset: Option<i64>,
    /// So many records on, or back where it is negative.
    #[arg(
        long,
        group = "way",
        value_name = "RECORDS",
        allow_hyphen_values = true
    )]
    shift_by: Option<i64>,
    /// To the first record from then on: YYYY-MM-DDTHH:mm:SS.sss, UTC unless a zone follows.
    #[arg(long, group = "way", value_name = "TIME", value_parser = datetime)]
    to_datetime: Option<i64>,
    /// To the first record of the last so-and-so long: PT1H, P7D.
    #[arg(long, group = "way", value_name = "DURATION", value_parser = duration)]
    by_duration: Option<i64>,
    /// To what a file says that --export wrote.
    #[arg(long, group = "way", value_name = "FILE")]
    from_file: Option<PathBuf>,
    /// Every topic that the group has committed something of.
    #[arg(long, conflicts_with = "topics")]
    all_topics: bool,
    /// Only show the new offsets.
    #[arg(long, conflicts_with = "execute")]
    dry_run: bool,
    /// Do it.
    #[arg(long)]
    execute: bool,
    /// Print the new offsets as lines for --from-file.
    #[arg(long)]
    export: bool,
}

impl ResetArguments {
    fn way(&self) -> Result<Way> {
        Ok(match self {
            Self {
                to_earliest: true, ..
            } => Way::ToEarliest,
            Self {
                to_latest: true, ..
            } => Way::ToLatest,
            Self {
                to_current: true, ..
            } => Way::ToCurrent,
            Self {
                to_offset: Some(offset),
                ..
            } => Way::ToOffset(*offset),
            Self {
                shift_by: Some(records),
                ..
            } => Way::ShiftBy(*records),
            Self {
                to_datetime: Some(time),
                ..
            } => Way::ToTime(*time),
            Self {
                by_duration: Some(span),
                ..
            } => Way::ToTime(instant::now().saturating_sub(*span)),
            _ => bail!(
                "Option [reset-offsets] takes one of these options: [to-earliest], [to-latest], [to-current], \
                 [to-offset], [shift-by], [to-datetime], [by-duration], [from-file]"
            ),
        })
    }
}

/// New offsets of one group.
type NewOffsets = Vec<(TopicPartition, Offset)>;

/// Shows where these groups would go on, and moves them there where that was asked.
pub(super) async fn run(
    admin: &mut Admin,
    groups: &[String],
    topics: &[String],
    arguments: &ResetArguments,
) -> Result<()> {
    let mut files = if let Some(file) = &arguments.from_file {
        let text = std::fs::read_to_string(file)
            .with_context(|| format!("cannot read {}", file.display()))?;
        let only_group = match groups {
            [group] => Some(group.as_str()),
            _ => None,
        };
        let plan = read_plan(&text, only_group).with_context(|| file.display().to_string())?;
        Some(plan)
    } else {
        arguments.way()?;
        ensure!(
            arguments.all_topics || !topics.is_empty(),
            "One of the reset scopes should be defined: --all-topics, --topic."
        );
        None
    };
    if !arguments.execute && !arguments.dry_run && !arguments.export {
        let warning = "WARN: No action will be performed as the --execute option is missing.";
        say::tell(warning)?;
    }
    let named = if topics.is_empty() || files.is_some() {
        Vec::new()
    } else {
        named_partitions(admin, topics).await?
    };
    let mut moves = Vec::new();
    for group in groups {
        let committed = committed_of_inactive(admin, group).await?;
        let offsets = match &mut files {
            Some(plan) => {
                let wanted = plan.remove(group).unwrap_or_default();
                listed_offsets(admin, committed, wanted).await?
            }
            None if arguments.all_topics => {
                let partitions: Vec<_> = committed.keys().cloned().collect();
                new_offsets(admin, committed, &partitions, arguments.way()?).await?
            }
            None => new_offsets(admin, committed, &named, arguments.way()?).await?,
        };
        moves.push((group, offsets));
    }
    if arguments.execute {
        for (group, offsets) in &moves {
            if !offsets.is_empty() {
                admin.commit_offsets(group, offsets).await?;
            }
        }
    }
    if arguments.export {
        say::say_to_programs(&exported(&moves))
    } else {
        say::say(&shown(&moves))
    }
}

fn shown(moves: &[(&String, NewOffsets)]) -> String {
    let rows: Vec<Vec<String>> = moves
        .iter()
        .flat_map(|(group, offsets)| {
            offsets.iter().map(|(at, offset)| {
                vec![
                    (*group).clone(),
                    at.topic.clone(),
                    at.partition.to_string(),
                    offset.to_string(),
                ]
            })
        })
        .collect();
    table(&NEW_OFFSETS, &rows)
}

/// Lines for `--from-file`.
fn exported(moves: &[(&String, NewOffsets)]) -> String {
    let mut text = String::new();
    for (group, offsets) in moves {
        for (at, offset) in offsets {
            if moves.len() > 1 {
                let _ = write!(text, "{group},");
            }
            let _ = writeln!(text, "{},{},{offset}", at.topic, at.partition);
        }
    }
    text
}

/// What a group without members committed: with members they would commit over it.
async fn committed_of_inactive(
    admin: &mut Admin,
    name: &str,
) -> Result<BTreeMap<TopicPartition, Offset>> {
    let (_, group, committed) = admin.describe_group(name).await?;
    ensure!(
        group.members.is_empty() && group.state.is_inactive(),
        "Assignments can only be reset if the group '{name}' is inactive, but the current state is {}.",
        group.state
    );
    Ok(committed.into_iter().collect())
}

async fn new_offsets(
    admin: &mut Admin,
    committed: BTreeMap<TopicPartition, Offset>,
    partitions: &[TopicPartition],
    way: Way,
) -> Result<NewOffsets> {
    let known = ask(admin, committed, partitions, way).await?;
    let mut remarks = Vec::new();
    let offsets: Result<NewOffsets> = partitions
        .iter()
        .map(|at| Ok((at.clone(), known.new_offset(way, at, &mut remarks)?)))
        .collect();
    tell(&remarks)?;
    offsets
}

/// The offsets of a file, as far as the logs have them.
async fn listed_offsets(
    admin: &mut Admin,
    committed: BTreeMap<TopicPartition, Offset>,
    wanted: BTreeMap<TopicPartition, Offset>,
) -> Result<NewOffsets> {
    let partitions: Vec<TopicPartition> = wanted.keys().cloned().collect();
    let known = ask(admin, committed, &partitions, Way::ToLatest).await?;
    let mut remarks = Vec::new();
    let offsets: Result<NewOffsets> = wanted
        .into_iter()
        .map(|(at, offset)| {
            let offset = known.new_offset(Way::ToOffset(offset.0), &at, &mut remarks)?;
            Ok((at, offset))
        })
        .collect();
    tell(&remarks)?;
    offsets
}

fn tell(remarks: &[String]) -> Result<()> {
    for remark in remarks {
        say::tell(remark)?;
    }
    Ok(())
}

async fn ask(
    admin: &mut Admin,
    committed: BTreeMap<TopicPartition, Offset>,
    partitions: &[TopicPartition],
    way: Way,
) -> Result<Known> {
    let topics: BTreeSet<&str> = partitions.iter().map(|at| at.topic.as_str()).collect();
    let topics: Vec<String> = topics.into_iter().map(str::to_owned).collect();
    let mut known = Known {
        committed,
        ..Known::default()
    };
    if topics.is_empty() {
        return Ok(known);
    }
    known.earliest = admin.offsets(&topics, Position::LogStart).await?;
    known.latest = admin.high_watermarks(&topics).await?;
    if let Way::ToTime(time) = way {
        known.by_time = admin.offsets(&topics, Position::Timestamp(time)).await?;
    }
    Ok(known)
}

/// The partitions that `orders` or `orders:0,2` name, in order; all must be there.
pub(super) async fn named_partitions(
    admin: &mut Admin,
    topics: &[String],
) -> Result<Vec<TopicPartition>> {
    let cluster = admin.metadata(None).await?;
    let mut partitions = BTreeSet::new();
    for named in topics {
        partitions.extend(partitions_of(&cluster, named)?);
    }
    Ok(partitions.into_iter().collect())
}

fn partitions_of(cluster: &Cluster, named: &str) -> Result<Vec<TopicPartition>> {
    let (name, wanted) = match named.split_once(':') {
        Some((name, wanted)) => {
            let wanted: Result<Vec<i32>, _> = wanted
                .split(',')
                .map(|partition| partition.trim().parse())
                .collect();
            let usage =
                || format!("--topic {named}: a topic and its partitions expected, orders:0,2");
            (name, Some(wanted.ok().with_context(usage)?))
        }
        None => (named, None),
    };
    let topic = cluster.topics.iter().find(|topic| topic.name == name);
    let topic = topic.with_context(|| {
        format!(
            "UNKNOWN_TOPIC_OR_PARTITION: there is no topic {name}; kafkarium topics list names them all"
        )
    })?;
    let there: BTreeSet<i32> = topic
        .partitions
        .iter()
        .map(|partition| partition.partition)
        .collect();
    let wanted = wanted.unwrap_or_else(|| there.iter().copied().collect());
    if let Some(absent) = wanted.iter().find(|partition| !there.contains(partition)) {
        bail!(
            "UNKNOWN_TOPIC_OR_PARTITION: {name} has no partition {absent}: it has {} from 0 on",
            there.len()
        );
    }
    Ok(wanted
        .into_iter()
        .map(|partition| TopicPartition::new(name, partition))
        .collect())
}
