//! What was promised, and the first promise that was broken.

use std::{collections::BTreeMap, fmt};

use uuid::Uuid;

use super::{
    log::{MemoryLog, Record},
    promises::{Invariant, Verdict},
};
use wire::{BrokerId, LeaderEpoch, Offset, TopicPartition};

/// Everything that was ever told, and by whom.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    partitions: BTreeMap<(Uuid, i32), Committed>,
    pub(super) verdict: Verdict,
    /// Whether something changed since the members of the ISR were last compared with it.
    pub(super) unchecked: bool,
}

#[derive(Debug, Default)]
struct Committed {
    /// Below the high watermark of some replica at some time.
    records: Vec<Record>,
    leaders: BTreeMap<LeaderEpoch, (BrokerId, u64)>,
}

impl Ledger {
    /// A replica's high watermark covers its log from `from` to `to` now.
    pub(super) fn committed(
        &mut self,
        (broker, at, topic_id): (BrokerId, &TopicPartition, Uuid),
        log: &MemoryLog,
        from: Offset,
        to: Offset,
    ) {
        let known = self.partitions.entry((topic_id, at.partition)).or_default();
        let mut differs = None;
        for offset in from.0..to.0 {
            let index = usize::try_from(offset).unwrap_or_default();
            let found = log.get(Offset(offset));
            match (known.records.get(index), found) {
                (None, Some(record)) => {
                    known.records.push(record);
                    self.unchecked = true;
                }
                (known, found) if known == found.as_ref() => {}
                (known, found) => {
                    differs = Some((offset, known.copied(), found));
                    break;
                }
            }
        }
        if let Some((offset, known, found)) = differs {
            self.verdict.violated(Invariant::LogsAgree, || {
                format!(
                    "broker {broker} has {} at {at} offset {offset}, below its high watermark {to}, where {} was committed",
                    told(found),
                    told(known)
                )
            });
        }
    }

    /// The end of what was ever committed, and the record before it.
    pub(super) fn last_committed(
        &self,
        topic_id: Uuid,
        partition: i32,
    ) -> (Offset, Option<Record>) {
        let known = self.partitions.get(&(topic_id, partition));
        let records = known.map_or(&[][..], |known| &known.records);
        let end = i64::try_from(records.len()).expect("a simulation is short");
        (Offset(end), records.last().copied())
    }

    pub(super) fn committed_at(
        &self,
        topic_id: Uuid,
        partition: i32,
        offset: Offset,
    ) -> Option<Record> {
        let known = self.partitions.get(&(topic_id, partition))?;
        known.records.get(usize::try_from(offset.0).ok()?).copied()
    }

    /// A process took the leader's role.
    pub(super) fn leads(
        &mut self,
        (broker, incarnation): (BrokerId, u64),
        at: &TopicPartition,
        topic_id: Uuid,
        epoch: LeaderEpoch,
    ) {
        let known = self.partitions.entry((topic_id, at.partition)).or_default();
        let first = *known.leaders.entry(epoch).or_insert((broker, incarnation));
        if first != (broker, incarnation) {
            self.verdict.violated(Invariant::OneLeaderPerEpoch, || {
                format!("{at}: process {incarnation} of broker {broker} leads at epoch {epoch}, as process {} of broker {} did", first.1, first.0)
            });
        }
    }
}

fn told(record: Option<Record>) -> String {
    record.map_or("nothing".into(), |it| it.to_string())
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "record {} of epoch {}", self.value, self.epoch)
    }
}
