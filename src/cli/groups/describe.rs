//! `groups --describe`, in the columns of `kafka-consumer-groups.sh` of 3.9.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, bail};

use super::columns::{Column, table};
use crate::cli::say::{say, tell};
use client::admin::{Admin, Coordinator};
use client::groups::{Group, Member};
use wire::{GroupState, Offset, TopicPartition};

/// What is told of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum View {
    /// Each partition with its offsets, lag and reader.
    Offsets,
    /// Each member, with the partitions it reads where they are asked for.
    Members { assignment: bool },
    /// State, coordinator and size.
    State,
}

const OFFSETS: [Column; 9] = [
    ("GROUP", 15),
    ("TOPIC", 15),
    ("PARTITION", 10),
    ("CURRENT-OFFSET", 15),
    ("LOG-END-OFFSET", 15),
    ("LAG", 15),
    ("CONSUMER-ID", 15),
    ("HOST", 15),
    ("CLIENT-ID", 0),
];

const MEMBERS: [Column; 6] = [
    ("GROUP", 15),
    ("CONSUMER-ID", 15),
    ("HOST", 15),
    ("CLIENT-ID", 15),
    ("#PARTITIONS", 15),
    ("ASSIGNMENT", 0),
];

const STATE: [Column; 5] = [
    ("GROUP", 25),
    ("COORDINATOR (ID)", 25),
    ("ASSIGNMENT-STRATEGY", 20),
    ("STATE", 15),
    ("#MEMBERS", 0),
];

/// What a column shows where there is nothing.
const MISSING: &str = "-";

/// Describes the groups one after the other.
pub(super) async fn run(admin: &mut Admin, groups: &[String], view: View) -> Result<()> {
    let mut unknown = Vec::new();
    for name in groups {
        let (coordinator, group, committed) = admin.describe_group(name).await?;
        if group.state == GroupState::Dead && committed.is_empty() {
            unknown.push(name.as_str());
            continue;
        }
        let text = match view {
            View::Offsets => offsets(admin, &group, &committed).await?,
            View::Members { assignment } => members(&group, assignment),
            View::State => state(&group, &coordinator),
        };
        say(&text)?;
        if let Some(remark) = remark(&group) {
            tell(&format!("\n{remark}"))?;
        }
    }
    match unknown.as_slice() {
        [] => Ok(()),
        // The first half is the sentence of Kafka's tool.
        names => bail!(
            "Consumer group '{}' does not exist.; kafkarium groups list names them all",
            names.join("', '")
        ),
    }
}

/// What a reader of the columns should know.
fn remark(group: &Group) -> Option<String> {
    let name = &group.group;
    match group.state {
        GroupState::Empty => Some(format!("Consumer group '{name}' has no active members.")),
        GroupState::PreparingRebalance | GroupState::CompletingRebalance => {
            Some(format!("Warning: Consumer group '{name}' is rebalancing."))
        }
        _ => None,
    }
}

async fn offsets(
    admin: &mut Admin,
    group: &Group,
    committed: &[(TopicPartition, Offset)],
) -> Result<String> {
    let assigned = group.members.iter().flat_map(|member| &member.assignment);
    let partitions: BTreeSet<&TopicPartition> =
        committed.iter().map(|(at, _)| at).chain(assigned).collect();
    let topics: BTreeSet<&str> = partitions.iter().map(|at| at.topic.as_str()).collect();
    let topics: Vec<String> = topics.into_iter().map(str::to_owned).collect();
    let ends = if topics.is_empty() {
        BTreeMap::new()
    } else {
        admin.high_watermarks(&topics).await?
    };
    let rows: Vec<Vec<String>> = partitions
        .into_iter()
        .map(|at| {
            let offset = committed
                .iter()
                .find(|(known, _)| known == at)
                .map(|(_, offset)| offset.0);
            let end = ends.get(at).map(|end| end.0);
            let mut row = vec![
                group.group.clone(),
                at.topic.clone(),
                at.partition.to_string(),
                number(offset),
                number(end),
                number(offset.zip(end).map(|(offset, end)| end - offset)),
            ];
            row.extend(reader(group, at));
            row
        })
        .collect();
    Ok(table(&OFFSETS, &rows))
}

/// Consumer id, host and client id of who reads a partition.
fn reader(group: &Group, at: &TopicPartition) -> [String; 3] {
    let reader = group
        .members
        .iter()
        .find(|member| member.assignment.contains(at));
    reader.map_or([MISSING; 3].map(str::to_owned), |reader| {
        [
            reader.member_id.clone(),
            reader.host.clone(),
            reader.client_id.clone(),
        ]
    })
}

fn number(number: Option<i64>) -> String {
    number.map_or_else(|| MISSING.to_owned(), |number| number.to_string())
}

fn members(group: &Group, assignment: bool) -> String {
    let rows: Vec<Vec<String>> = group
        .members
        .iter()
        .map(|member| {
            let mut row = vec![
                group.group.clone(),
                member.member_id.clone(),
                member.host.clone(),
                member.client_id.clone(),
                member.assignment.len().to_string(),
            ];
            if assignment {
                row.push(assigned(member));
            }
            row
        })
        .collect();
    let columns = if assignment {
        MEMBERS.len()
    } else {
        MEMBERS.len() - 1
    };
    table(MEMBERS.get(..columns).unwrap_or(&MEMBERS), &rows)
}

/// `orders(0,2), payments(1)`.
fn assigned(member: &Member) -> String {
    let mut topics: BTreeMap<&str, Vec<i32>> = BTreeMap::new();
    for at in &member.assignment {
        topics.entry(&at.topic).or_default().push(at.partition);
    }
    if topics.is_empty() {
        return MISSING.to_owned();
    }
    let topics: Vec<String> = topics
        .into_iter()
        .map(|(topic, mut partitions)| {
            partitions.sort_unstable();
            format!("{topic}({})", crate::cli::table::listed(&partitions))
        })
        .collect();
    topics.join(", ")
}

fn state(group: &Group, coordinator: &Coordinator) -> String {
    let row = vec![
        group.group.clone(),
        format!("{}  ({})", coordinator.address, coordinator.broker),
        group.protocol.clone(),
        group.state.to_string(),
        group.members.len().to_string(),
    ];
    table(&STATE, &[row])
}
