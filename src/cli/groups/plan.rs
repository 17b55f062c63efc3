//! Where a group's offsets go: decided of what the cluster said, without asking it.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};

use wire::{Offset, TopicPartition};

/// Where a group shall go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// The oldest record that is there.
    ToEarliest,
    /// Only what comes from now on.
    ToLatest,
    /// What it committed; the end where it committed nothing.
    ToCurrent,
    /// This offset, or the nearest that is there.
    ToOffset(i64),
    /// So many records on, or back.
    ShiftBy(i64),
    /// The oldest record that is not older than this; the end where there is none.
    ToTime(i64),
}

/// What the cluster says of the partitions.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) committed: BTreeMap<TopicPartition, Offset>,
    pub(super) earliest: BTreeMap<TopicPartition, Offset>,
    pub(super) latest: BTreeMap<TopicPartition, Offset>,
    /// Of [`Way::ToTime`]; partitions without such a record are absent.
    pub(super) by_time: BTreeMap<TopicPartition, Offset>,
}

impl Known {
    /// The new offset of one partition; what a person should know goes to `remarks`.
    pub(super) fn new_offset(
        &self,
        way: Way,
        at: &TopicPartition,
        remarks: &mut Vec<String>,
    ) -> Result<Offset> {
        let (Some(earliest), Some(latest)) = (self.earliest.get(at), self.latest.get(at)) else {
            bail!("{at} has no leader just now that could tell its offsets: try again when it has");
        };
        let committed = self.committed.get(at);
        let wanted = match way {
            Way::ToEarliest => *earliest,
            Way::ToLatest => *latest,
            Way::ToCurrent => committed.copied().unwrap_or(*latest),
            Way::ToOffset(offset) => Offset(offset),
            Way::ShiftBy(records) => {
                let committed = committed.with_context(|| {
                    format!(
                        "Cannot shift offset for partition {at} since there is no current committed offset"
                    )
                })?;
                Offset(committed.0.saturating_add(records))
            }
            Way::ToTime(_) => {
                if let Some(offset) = self.by_time.get(at) {
                    *offset
                } else {
                    remarks.push(format!(
                        "Warn: Partition {} from topic {} has no record from then on. \
                         Falling back to latest known offset.",
                        at.partition, at.topic
                    ));
                    *latest
                }
            }
        };
        // What was committed stays as it is; everything else must be in the log.
        if way == Way::ToCurrent {
            return Ok(wanted);
        }
        if wanted > *latest {
            remarks.push(format!(
                "New offset ({wanted}) is higher than latest offset for topic partition {at}. \
                 Value will be set to {latest}"
            ));
        } else if wanted < *earliest {
            remarks.push(format!(
                "New offset ({wanted}) is lower than earliest offset for topic partition {at}. \
                 Value will be set to {earliest}"
            ));
        }
        Ok(wanted.min(*latest).max(*earliest))
    }
}

/// Lines of `--from-file`: `topic,partition,offset`, with the group before it where there are
/// several.
pub(super) fn read_plan(
    text: &str,
    only_group: Option<&str>,
) -> Result<BTreeMap<String, BTreeMap<TopicPartition, Offset>>> {
    let mut plan: BTreeMap<String, BTreeMap<TopicPartition, Offset>> = BTreeMap::new();
    for (index, line) in text.lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        let (group, at, offset) = read_line(line, only_group).with_context(|| {
            let group = if only_group.is_some() { "" } else { "group," };
            format!(
                "line {}: {line:?} is not {group}topic,partition,offset",
                index + 1
            )
        })?;
        plan.entry(group).or_default().insert(at, offset);
    }
    Ok(plan)
}

fn read_line(line: &str, only_group: Option<&str>) -> Option<(String, TopicPartition, Offset)> {
    // From the right: a group's name may have commas.
    let mut fields = line
        .rsplitn(4, ',')
        .map(|field| field.trim().trim_matches('"'));
    let offset: i64 = fields.next()?.parse().ok()?;
    let partition: i32 = fields.next()?.parse().ok()?;
    let topic = fields.next()?;
    let group = match (only_group, fields.next()) {
        (Some(only), None) => only,
        (None, Some(group)) => group,
        _ => return None,
    };
    (partition >= 0 && offset >= 0 && !topic.is_empty()).then(|| {
        let at = TopicPartition::new(topic, partition);
        (group.to_owned(), at, Offset(offset))
    })
}

#[cfg(test)]
mod tests {
    use super::{Known, Way, read_plan};
    use wire::{Offset, TopicPartition};

    /// `orders-0` begins at 10 and ends at 20; 15 is committed, record 12 is the first of its time.
    fn known() -> (Known, TopicPartition) {
        let at = TopicPartition::new("orders", 0);
        let only = |offset| [(at.clone(), Offset(offset))].into();
        let known = Known {
            committed: only(15),
            earliest: only(10),
            latest: only(20),
            by_time: only(12),
        };
        (known, at)
    }

    fn new_offset(known: &Known, way: Way, at: &TopicPartition) -> (Option<i64>, usize) {
        let mut remarks = Vec::new();
        let offset = known.new_offset(way, at, &mut remarks).ok();
        (offset.map(|offset| offset.0), remarks.len())
    }

    #[test]
    fn each_way_leads_to_its_offset_and_never_out_of_the_log() {
        let (known, at) = known();
        for (way, offset, remarks) in [
            (Way::ToEarliest, 10, 0),
            (Way::ToLatest, 20, 0),
            (Way::ToCurrent, 15, 0),
            (Way::ToOffset(17), 17, 0),
            (Way::ToOffset(99), 20, 1),
            (Way::ToOffset(3), 10, 1),
            (Way::ShiftBy(-2), 13, 0),
            (Way::ShiftBy(2), 17, 0),
            (Way::ShiftBy(-99), 10, 1),
            (Way::ShiftBy(i64::MAX), 20, 1),
            (Way::ToTime(7), 12, 0),
        ] {
            assert_eq!(
                new_offset(&known, way, &at),
                (Some(offset), remarks),
                "{way:?}"
            );
        }
    }

    #[test]
    fn what_was_never_committed_cannot_be_shifted_and_what_nobody_leads_cannot_be_moved() {
        let (mut known, at) = known();
        known.committed.clear();
        known.by_time.clear();
        assert_eq!(new_offset(&known, Way::ShiftBy(1), &at), (None, 0));
        assert_eq!(new_offset(&known, Way::ToCurrent, &at), (Some(20), 0));
        assert_eq!(new_offset(&known, Way::ToTime(7), &at), (Some(20), 1));
        known.latest.clear();
        assert_eq!(new_offset(&known, Way::ToEarliest, &at), (None, 0));
    }

    #[test]
    fn a_plan_is_read_as_it_was_exported() {
        let one = read_plan("orders,0,1\n\n\"orders\",1,2\n", Some("billing")).expect("a plan");
        assert_eq!(
            one.get("billing").map(std::collections::BTreeMap::len),
            Some(2)
        );
        let two = read_plan("a,b,orders,0,1\nbilling,orders,1,2\n", None).expect("a plan");
        assert_eq!(two.keys().collect::<Vec<_>>(), ["a,b", "billing"]);
        for wrong in [
            "orders,0",
            "orders,x,1",
            "orders,0,-1",
            "billing,orders,0,1",
        ] {
            let error = read_plan(wrong, Some("billing")).expect_err(wrong);
            assert!(error.to_string().starts_with("line 1: "), "{error}");
        }
    }
}
