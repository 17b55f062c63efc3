//! `__consumer_offsets`-0 as its leader has it. The next leader has what was committed, and perhaps more.

use crate::coordinator::{Logged, Replay, StoredRecord};

#[derive(Debug, Default)]
pub(super) struct OffsetsLog {
    batches: Vec<Vec<StoredRecord>>,
    /// How many of them every in-sync replica has.
    pub(super) committed: usize,
}

impl OffsetsLog {
    /// Appends a batch; how long the log is then.
    pub(super) fn append(&mut self, records: Vec<StoredRecord>) -> usize {
        self.batches.push(records);
        self.batches.len()
    }

    /// How much would be lost if a new leader had only what was committed.
    pub(super) fn uncommitted(&self) -> u64 {
        u64::try_from(self.batches.len() - self.committed).expect("small")
    }

    /// Every in-sync replica has `more` batches more.
    pub(super) fn replicated(&mut self, more: u64) {
        self.committed += usize::try_from(more).expect("small");
    }

    /// Another broker leads, with `kept` of what was not committed.
    pub(super) fn elect(&mut self, kept: u64) {
        let kept = usize::try_from(kept).expect("small");
        self.batches.truncate(self.committed + kept);
        self.committed = self.batches.len();
    }

    /// What a new coordinator reads.
    pub(super) fn replay(&self) -> Replay {
        let mut replay = Replay::default();
        for record in self.batches.iter().flatten() {
            let logged = Logged::Record(record.clone(), None);
            replay.apply(logged).expect("a coordinator wrote it");
        }
        replay
    }
}
