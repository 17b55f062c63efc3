//! Looks for records that were acknowledged and are not there: a reader without a group goes over
//! every partition that our own producers wrote to, all the time and again after each change of leader.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::scope::Scope;
use crate::state::{Acks, Observation};
use client::kafka::{KafkaConnection, KafkaError};
use client::offsets::{self, Fetched, Position};
use wire::record_batch::Batches;
use wire::{BrokerId, ErrorCode, LeaderEpoch, Offset, TopicPartition};

/// Acknowledged records of one partition that are looked for again after a change of leader.
const REMEMBERED_MAX: usize = 20_000;

/// How often what is new is looked for.
const LOOK: Duration = Duration::from_millis(400);

/// Bytes of one partition that are read at once.
const PARTITION_BYTES: i32 = 1024 * 1024;

/// Records that were acknowledged, by where they must be.
#[derive(Debug, Default)]
pub(crate) struct Acknowledged {
    partitions: Mutex<BTreeMap<TopicPartition, Remembered>>,
}

/// What one partition must hold.
#[derive(Debug, Default)]
struct Remembered {
    /// In the order of their offsets. After a loss two may have had the same one.
    records: VecDeque<Record>,
    /// Everything below was looked at.
    checked: Offset,
    /// The leader's epoch when it was.
    epoch: LeaderEpoch,
    lost: BTreeSet<Record>,
}

/// An acknowledged record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Record {
    offset: Offset,
    /// The fingerprint of what stands there.
    content: u64,
    /// Whether all in sync acknowledged it, or only its leader.
    by_all: bool,
}

impl Acknowledged {
    /// This record was acknowledged.
    pub(crate) fn remember(&self, at: &TopicPartition, offset: Offset, content: u64, acks: Acks) {
        let record = Record {
            offset,
            content,
            by_all: acks == Acks::All,
        };
        let mut partitions = self.partitions();
        let remembered = match partitions.get_mut(at) {
            Some(remembered) => remembered,
            None => partitions.entry(at.clone()).or_default(),
        };
        remembered.remember(record);
    }

    /// How many records of a partition are looked for.
    #[cfg(test)]
    pub(crate) fn promised(&self, at: &TopicPartition) -> usize {
        let partitions = self.partitions();
        partitions
            .get(at)
            .map_or(0, |remembered| remembered.records.len())
    }

    /// A topic is gone on purpose, and its records with it.
    pub(crate) fn forget(&self, gone: impl Fn(&TopicPartition) -> bool) {
        self.partitions().retain(|at, _| !gone(at));
    }

    /// What to read now: partitions with something unchecked, and from where.
    fn unchecked(
        &self,
        epoch: impl Fn(&TopicPartition) -> Option<LeaderEpoch>,
    ) -> Vec<(TopicPartition, Offset)> {
        let mut partitions = self.partitions();
        partitions
            .iter_mut()
            .filter_map(|(at, remembered)| {
                let epoch = epoch(at)?;
                Some((at.clone(), remembered.read_from(epoch)?))
            })
            .collect()
    }

    /// Compares what was read with what must be there.
    fn compare(
        &self,
        at: &TopicPartition,
        read: &BTreeMap<Offset, u64>,
        start: Offset,
        end: Offset,
    ) {
        if let Some(remembered) = self.partitions().get_mut(at) {
            remembered.compare(read, start, end);
        }
    }

    /// Everything below `start` was deleted on purpose.
    fn expire(&self, at: &TopicPartition, start: Offset) {
        if let Some(remembered) = self.partitions().get_mut(at) {
            while remembered
                .records
                .front()
                .is_some_and(|record| record.offset < start)
            {
                remembered.records.pop_front();
            }
        }
    }

    /// Records that are gone: those that all in sync had acknowledged, and those that only a leader had.
    fn lost(&self) -> (u64, u64) {
        let partitions = self.partitions();
        let lost = partitions.values().flat_map(|remembered| &remembered.lost);
        lost.fold((0, 0), |(all, leader), record| {
            if record.by_all {
                (all + 1, leader)
            } else {
                (all, leader + 1)
            }
        })
    }

    fn partitions(&self) -> MutexGuard<'_, BTreeMap<TopicPartition, Remembered>> {
        // A panic ends the process; a poisoned lock is never seen.
        self.partitions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Remembered {
    fn remember(&mut self, record: Record) {
        let offset = record.offset;
        // Acknowledgements come in order but for retries.
        let behind = self
            .records
            .iter()
            .rev()
            .take_while(|known| known.offset > offset)
            .count();
        self.records.insert(self.records.len() - behind, record);
        self.checked = self.checked.min(offset);
        if self.records.len() > REMEMBERED_MAX {
            self.records.pop_front();
        }
    }

    /// The first offset to look at; `None`: all was looked at under this leader.
    fn read_from(&mut self, epoch: LeaderEpoch) -> Option<Offset> {
        if epoch != self.epoch {
            self.epoch = epoch;
            self.checked = self.records.front().map(|record| record.offset)?;
        }
        let unchecked = self
            .records
            .partition_point(|record| record.offset < self.checked);
        self.records.get(unchecked).map(|record| record.offset)
    }

    /// `read` is everything that stands from `start` up to `end`.
    fn compare(&mut self, read: &BTreeMap<Offset, u64>, start: Offset, end: Offset) {
        let from = self.records.partition_point(|record| record.offset < start);
        for record in self.records.iter().skip(from) {
            if record.offset >= end {
                break;
            }
            if read.get(&record.offset) == Some(&record.content) {
                self.lost.remove(record);
            } else {
                self.lost.insert(*record);
            }
        }
        let after_last = self
            .records
            .back()
            .map_or(end, |last| Offset(last.offset.0 + 1));
        self.checked = self.checked.max(end.min(after_last));
    }
}

/// A fingerprint of a record.
pub(crate) fn content(key: Option<&[u8]>, value: Option<&[u8]>) -> u64 {
    let mut hasher = DefaultHasher::new();
    (key, value).hash(&mut hasher);
    hasher.finish()
}

/// Reads everything acknowledged back.
pub(super) struct LostCheck {
    pub(super) acknowledged: Arc<Acknowledged>,
    pub(super) scope: Arc<Scope>,
}

impl LostCheck {
    /// Checks until cancelled.
    pub(super) async fn run(self, stop: CancellationToken) {
        let mut connections: BTreeMap<BrokerId, KafkaConnection> = BTreeMap::new();
        let mut told = None;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK) => {}
            }
            // One round after another while there is a backlog, bounded by the brokers' pace.
            while self.round(&mut connections).await && !stop.is_cancelled() {}
            let (lost, by_leader) = self.acknowledged.lost();
            if told != Some((lost, by_leader)) {
                told = Some((lost, by_leader));
                self.scope.tell(Observation::LostChecked { lost }).await;
                let by_leader = Observation::LostByLeaderChecked { lost: by_leader };
                self.scope.tell(by_leader).await;
            }
        }
    }

    /// Reads the next piece of every partition that has something unchecked; whether it got on.
    async fn round(&self, connections: &mut BTreeMap<BrokerId, KafkaConnection>) -> bool {
        let cluster = self.scope.cluster();
        if !cluster.topics.is_empty() {
            self.acknowledged
                .forget(|at| !cluster.topics.iter().any(|topic| topic.name == at.topic));
        }
        let partition = |at: &TopicPartition| {
            let topic = cluster.topics.iter().find(|topic| topic.name == at.topic)?;
            topic
                .partitions
                .iter()
                .find(|known| known.partition == at.partition)
        };
        let unchecked = self.acknowledged.unchecked(|at| Some(partition(at)?.epoch));
        let mut by_leader: BTreeMap<BrokerId, Vec<(TopicPartition, Offset)>> = BTreeMap::new();
        for (at, offset) in unchecked {
            if let Some(leader) = partition(&at).and_then(|known| known.leader) {
                by_leader.entry(leader).or_default().push((at, offset));
            }
        }
        let mut moved = false;
        for (leader, from) in by_leader {
            let Some(broker) = cluster.brokers.iter().find(|broker| broker.id == leader) else {
                continue;
            };
            let connection = connections.remove(&leader);
            if let Ok((connection, got_on)) = self.read(connection, &broker.address, &from).await {
                connections.insert(leader, connection);
                moved |= got_on;
            }
        }
        moved
    }

    async fn read(
        &self,
        connection: Option<KafkaConnection>,
        address: &str,
        from: &[(TopicPartition, Offset)],
    ) -> Result<(KafkaConnection, bool), KafkaError> {
        let wait = self.scope.manner().read_wait;
        let mut connection = match connection {
            Some(connection) => connection,
            None => self.scope.connect(address, wait).await?,
        };
        let fetched =
            offsets::fetch(&mut connection, from, PARTITION_BYTES, Duration::ZERO, wait).await?;
        let mut moved = false;
        let mut stuck = Vec::new();
        for (at, start) in from {
            let Some(fetched) = fetched.iter().find(|fetched| fetched.at == *at) else {
                continue;
            };
            let (read, end) = match fetched.error {
                None => decode(fetched, *start),
                Some(ErrorCode::OffsetOutOfRange) => (BTreeMap::new(), *start),
                Some(_) => continue,
            };
            if end > *start {
                moved = true;
                self.acknowledged.compare(at, &read, *start, end);
            } else {
                stuck.push((at.clone(), *start));
            }
        }
        self.look_past_the_ends(&mut connection, &stuck).await?;
        Ok((connection, moved))
    }

    /// Nothing can be read from where a record must be. Either the log begins after it (retention,
    /// which is no loss), or it ends before it (a loss), or readers are not let that far yet.
    async fn look_past_the_ends(
        &self,
        connection: &mut KafkaConnection,
        stuck: &[(TopicPartition, Offset)],
    ) -> Result<(), KafkaError> {
        if stuck.is_empty() {
            return Ok(());
        }
        let places: Vec<TopicPartition> = stuck.iter().map(|(at, _)| at.clone()).collect();
        let wait = self.scope.manner().read_wait;
        for (at, start) in
            offsets::list_offsets(connection, &places, Position::LogStart, wait).await?
        {
            self.acknowledged.expire(&at, start);
        }
        for (at, end) in offsets::list_offsets(connection, &places, Position::LogEnd, wait).await? {
            if stuck
                .iter()
                .any(|(known, start)| *known == at && *start >= end)
            {
                let nothing = BTreeMap::new();
                self.acknowledged
                    .compare(&at, &nothing, end, Offset(i64::MAX));
            }
        }
        Ok(())
    }
}

/// What stands where, and where the answer ended.
fn decode(fetched: &Fetched, start: Offset) -> (BTreeMap<Offset, u64>, Offset) {
    let mut read = BTreeMap::new();
    let mut end = start;
    for batch in Batches::new(&fetched.records) {
        let Ok(batch) = batch else { break };
        let Ok(payload) = batch.payload() else { break };
        for record in batch.records(&payload).map_while(Result::ok) {
            read.insert(record.offset, content(record.key, record.value));
        }
        end = end.max(batch.header.next_offset());
    }
    (read, end)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Record, Remembered, content};
    use wire::{LeaderEpoch, Offset};

    fn record(offset: i64, content: u64, by_all: bool) -> Record {
        Record {
            offset: Offset(offset),
            content,
            by_all,
        }
    }

    #[test]
    fn a_record_that_only_its_leader_had_is_lost_though_another_stands_in_its_place() {
        let mut remembered = Remembered::default();
        remembered.remember(record(0, 1, false));
        let log = BTreeMap::from([(Offset(0), 2)]);
        remembered.remember(record(0, 2, false));
        remembered.compare(&log, Offset(0), Offset(1));
        assert_eq!(
            remembered.lost.iter().collect::<Vec<_>>(),
            [&record(0, 1, false)]
        );
    }

    fn written(count: i64) -> (Remembered, BTreeMap<Offset, u64>) {
        let mut remembered = Remembered::default();
        let mut log = BTreeMap::new();
        for offset in 0..count {
            let fingerprint = content(Some(b"amy"), Some(&offset.to_be_bytes()));
            remembered.remember(record(offset, fingerprint, true));
            log.insert(Offset(offset), fingerprint);
        }
        (remembered, log)
    }

    #[test]
    fn what_a_new_leader_does_not_have_is_lost() {
        let (mut remembered, mut log) = written(5);
        let epoch = LeaderEpoch(0);
        assert_eq!(remembered.read_from(epoch), Some(Offset(0)));
        remembered.compare(&log, Offset(0), Offset(5));
        assert_eq!(remembered.read_from(epoch), None);
        assert!(remembered.lost.is_empty());

        // An unclean leader begins at offset 3 again with something else.
        log.insert(Offset(3), 1);
        log.remove(&Offset(4));
        assert_eq!(remembered.read_from(LeaderEpoch(1)), Some(Offset(0)));
        remembered.compare(&log, Offset(0), Offset(4));
        assert_eq!(remembered.lost.len(), 1, "offset 4 is not read past yet");
        remembered.compare(&log, Offset(4), Offset(6));
        assert_eq!(remembered.lost.len(), 2);
    }

    #[test]
    fn an_acknowledgement_that_comes_late_is_looked_at() {
        let (mut remembered, log) = written(3);
        remembered.compare(&log, Offset(0), Offset(5));
        remembered.remember(record(3, 7, true));
        assert_eq!(remembered.read_from(LeaderEpoch(0)), Some(Offset(3)));
        remembered.compare(&log, Offset(3), Offset(4));
        assert_eq!(remembered.lost.len(), 1);
    }
}
