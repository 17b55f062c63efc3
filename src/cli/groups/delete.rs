//! `groups --delete` and `groups --delete-offsets`.

use anyhow::{Result, bail, ensure};

use super::columns::{Column, table};
use super::reset::named_partitions;
use super::sentence;
use crate::cli::say::say;
use client::admin::Admin;
use client::refusal::Refusal;
use wire::{ErrorCode, TopicPartition};

const DELETED: [Column; 3] = [("TOPIC", 30), ("PARTITION", 15), ("STATUS", 15)];

/// Deletes groups that have no members.
pub(super) async fn groups(admin: &mut Admin, groups: &[String]) -> Result<()> {
    let mut deleted = Vec::new();
    let mut failed = Vec::new();
    for group in groups {
        match admin.delete_group(group).await {
            Ok(()) => deleted.push(format!("'{group}'")),
            Err(error) => failed.push(format!(
                "\n* Group '{group}' could not be deleted due to: {}",
                why(&error)
            )),
        }
    }
    let deleted = deleted.join(", ");
    if failed.is_empty() {
        return say(&format!(
            "Deletion of requested consumer groups ({deleted}) was successful.\n"
        ));
    }
    let others = match deleted.as_str() {
        "" => String::new(),
        deleted => format!("\nThese consumer groups were deleted successfully: {deleted}"),
    };
    bail!(
        "Deletion of some consumer groups failed:{}{others}",
        failed.concat()
    )
}

/// Forgets what a group committed for topics, `orders` or `orders:0,2`.
pub(super) async fn offsets(admin: &mut Admin, group: &str, topics: &[String]) -> Result<()> {
    ensure!(
        !topics.is_empty(),
        "Option [delete-offsets] takes the following option(s): [topic]"
    );
    let partitions = named_partitions(admin, topics).await?;
    let deleted: Vec<(TopicPartition, ErrorCode)> =
        match admin.delete_offsets(group, &partitions).await {
            Ok(deleted) => deleted,
            Err(error) if error.code() == Some(ErrorCode::GroupIdNotFound) => {
                bail!("'{group}' does not exist.")
            }
            Err(error) => return Err(error.into()),
        };
    let failed = deleted.iter().filter(|(_, code)| !code.is_none()).count();
    let rows: Vec<Vec<String>> = deleted
        .iter()
        .map(|(at, code)| {
            let status = if code.is_none() {
                "Successful".to_owned()
            } else {
                format!("Error: {}", sentence(*code))
            };
            vec![at.topic.clone(), at.partition.to_string(), status]
        })
        .collect();
    if failed == 0 {
        say(&format!(
            "Request succeed for deleting offsets with topic {} group {group}\n",
            topics.join(", ")
        ))?;
    }
    say(&table(&DELETED, &rows))?;
    if failed > 0 {
        bail!("the offsets of {failed} partitions were not deleted");
    }
    Ok(())
}

fn why(error: &Refusal) -> String {
    error.code().map_or_else(|| error.to_string(), sentence)
}
