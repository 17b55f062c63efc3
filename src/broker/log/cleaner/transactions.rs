//! Transactions under compaction: records of aborted ones go, and a marker once nothing of its transaction is left and
//! `delete.retention.ms` have passed since a pass first found that, so that every reader in between saw it.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use super::super::LogError;
use super::super::checkpoints::replace_file;
use super::super::producer_state::LastBatches;
use super::super::segment::file_path;
use super::super::transaction_index::AbortedTransaction;
use wire::Offset;
use wire::record_batch::{Batch, BatchHeader, ControlType};

/// What becomes of a marker.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum MarkerFate {
    Stays,
    /// It goes from this time on, which is to be written down with it.
    GoesFrom(i64),
    Goes,
}

/// The transactions that one pass meets, in the order of their batches.
#[derive(Debug)]
pub(super) struct CleanedTransactions<'a> {
    aborted: &'a AbortedByProducer,
    last_of_producers: &'a LastBatches,
    /// Producers of transactions with batches so far and no marker.
    met: HashSet<i64>,
    /// Those aborted ones that the new segment still holds something of.
    index: Vec<AbortedTransaction>,
    /// The markers of those that it holds nothing of any more.
    forgotten: HashSet<Offset>,
}

/// The aborted transactions with records in what is cleaned.
#[derive(Debug, Default)]
pub(super) struct AbortedByProducer(HashMap<i64, Vec<AbortedTransaction>>);

impl AbortedByProducer {
    pub(super) fn new(all: Vec<AbortedTransaction>) -> Self {
        let mut by_producer: HashMap<i64, Vec<AbortedTransaction>> = HashMap::new();
        for entry in all {
            by_producer
                .entry(entry.producer_id)
                .or_default()
                .push(entry);
        }
        Self(by_producer)
    }

    /// Whether the batch holds records of an aborted transaction.
    pub(super) fn holds(&self, header: &BatchHeader) -> bool {
        header.is_transactional()
            && !header.is_control()
            && self
                .entry_at(header.producer_id, header.base_offset)
                .is_some()
    }

    /// The producer's transaction that had begun at this offset and not ended before it. Those of one producer follow
    /// one after the other.
    fn entry_at(&self, producer_id: i64, at: Offset) -> Option<&AbortedTransaction> {
        let entries = self.0.get(&producer_id)?;
        let begun = entries.partition_point(|entry| entry.first_offset <= at);
        let entry = entries.get(begun.checked_sub(1)?)?;
        (at <= entry.last_offset).then_some(entry)
    }
}

impl<'a> CleanedTransactions<'a> {
    pub(super) fn new(aborted: &'a AbortedByProducer, last_of_producers: &'a LastBatches) -> Self {
        Self {
            aborted,
            last_of_producers,
            met: HashSet::new(),
            index: Vec::new(),
            forgotten: HashSet::new(),
        }
    }

    /// A batch with records, or what a pass before left of one; whether its transaction was aborted.
    pub(super) fn meet(&mut self, header: &BatchHeader) -> bool {
        if header.is_transactional() {
            self.met.insert(header.producer_id);
        }
        self.aborted.holds(header)
    }

    /// A control batch.
    pub(super) fn end(&mut self, batch: &Batch<'_>, now_ms: i64, retention_ms: i64) -> MarkerFate {
        let header = &batch.header;
        let Some(marker) = batch.end_marker() else {
            return MarkerFate::Stays;
        };
        let was_met = self.met.remove(&header.producer_id);
        if marker.control == ControlType::Abort {
            let last = header.last_offset();
            let entry = self.aborted.entry_at(header.producer_id, last);
            match entry.filter(|entry| entry.last_offset == last) {
                Some(entry) if was_met => self.index.push(*entry),
                Some(_) => {
                    self.forgotten.insert(last);
                }
                None => {}
            }
        }
        if was_met || self.last_of_producers.is_last_marker(header) {
            return MarkerFate::Stays;
        }
        match header.delete_horizon_ms() {
            None => MarkerFate::GoesFrom(now_ms.saturating_add(retention_ms)),
            Some(horizon) if now_ms >= horizon => MarkerFate::Goes,
            Some(_) => MarkerFate::Stays,
        }
    }

    /// Writes the `.txnindex` of the new segment that begins at `base`, in the place of that of `old`, where there is one.
    pub(super) fn write_index(
        &mut self,
        old: &Path,
        cleaned: &Path,
        base: Offset,
    ) -> Result<(), LogError> {
        let entries = std::mem::take(&mut self.index);
        if entries.is_empty() && !file_path(old, base, "txnindex").exists() {
            return Ok(());
        }
        let path = file_path(cleaned, base, "txnindex");
        let bytes: Vec<u8> = entries
            .iter()
            .flat_map(AbortedTransaction::encode)
            .collect();
        replace_file(&path, &bytes)?;
        let synced = std::fs::File::open(&path).and_then(|file| file.sync_data());
        synced.map_err(LogError::storage("sync", &path))
    }

    /// The markers of the aborted transactions that nothing is left of.
    pub(super) fn into_forgotten(self) -> HashSet<Offset> {
        self.forgotten
    }
}
