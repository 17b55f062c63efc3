//! What the checkpoint files keep of each log between starts.

use std::collections::BTreeMap;

use super::{Partition, Partitions, offline::Missing};
use crate::log::{Checkpoint, LogError, OpenAt};
use wire::{Offset, TopicPartition};

/// One log's lines in the checkpoint files. Without any the log is new.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) high_watermark: Offset,
    pub(super) recovery_point: Offset,
    /// Where the log starts, if that is inside a segment.
    pub(super) log_start: Option<Offset>,
    /// Up to where a compacted log was cleaned.
    pub(super) cleaned: Option<Offset>,
}

impl Held {
    /// Everything that the files in the log folder say. One that cannot be understood is named and passed over: logs are
    /// checked from their beginning then, and followers learn their high watermark anew.
    pub(super) fn read_all(
        partitions: &Partitions,
    ) -> Result<BTreeMap<TopicPartition, Self>, LogError> {
        let read = |checkpoint: Checkpoint| match checkpoint.read(partitions.data_dir()) {
            Err(error @ LogError::Corrupt { .. }) => {
                tracing::error!("{error}; its offsets count as unknown");
                Ok(BTreeMap::new())
            }
            other => other,
        };
        let mut all: BTreeMap<TopicPartition, Self> = BTreeMap::new();
        for (at, offset) in read(Checkpoint::HighWatermark)? {
            all.entry(at).or_default().high_watermark = offset;
        }
        for (at, offset) in read(Checkpoint::RecoveryPoint)? {
            all.entry(at).or_default().recovery_point = offset;
        }
        for (at, offset) in read(Checkpoint::LogStartOffset)? {
            all.entry(at).or_default().log_start = Some(offset);
        }
        for (at, offset) in read(Checkpoint::Cleaner)? {
            all.entry(at).or_default().cleaned = Some(offset);
        }
        Ok(all)
    }

    /// Below it the log held every record that was committed, as far as was written down.
    pub(super) fn end(&self) -> Offset {
        self.high_watermark.max(self.recovery_point)
    }

    pub(super) fn open_at(&self) -> OpenAt {
        OpenAt {
            recovery_point: self.recovery_point,
            log_start_offset: self.log_start,
        }
    }
}

impl Partition {
    /// What the checkpoints shall say. As long as records are missing they go on saying that they were there: another
    /// start must not take the log for complete either.
    pub(super) fn held(&self) -> Held {
        let state = self.lock();
        let log = &state.replica.log;
        let mut held = Held {
            high_watermark: state.replica.high_watermark(),
            recovery_point: log.recovery_point(),
            log_start: log.log_start_to_be_kept(),
            cleaned: log.config().compact.then(|| log.first_dirty_offset()),
        };
        if let Some(Missing {
            held: end,
            were_safe,
        }) = state.missing
        {
            held.high_watermark = held.high_watermark.max(end);
            if were_safe {
                held.recovery_point = held.recovery_point.max(end);
            }
        }
        held
    }
}

impl Partitions {
    /// Writes the checkpoint files. That it cannot is a failure of the whole log folder.
    pub(crate) fn save(&self) {
        // Whoever saves second knows more, and must be the last to write.
        let _turn = self.saving();
        let offline = self.offline().into_iter().map(|(at, it)| (at, it.held));
        let hosted = self.all();
        let hosted = hosted.iter().map(|it| (it.at().clone(), it.held()));
        let all: BTreeMap<TopicPartition, Held> = offline.chain(hosted).collect();
        let lines = |offset: fn(&Held) -> Option<Offset>| {
            let some = |(at, held): (&TopicPartition, &Held)| Some((at.clone(), offset(held)?));
            all.iter().filter_map(some).collect()
        };
        let files: [(Checkpoint, BTreeMap<TopicPartition, Offset>); 4] = [
            (
                Checkpoint::HighWatermark,
                lines(|held| Some(held.high_watermark)),
            ),
            (
                Checkpoint::RecoveryPoint,
                lines(|held| Some(held.recovery_point)),
            ),
            (Checkpoint::LogStartOffset, lines(|held| held.log_start)),
            (Checkpoint::Cleaner, lines(|held| held.cleaned)),
        ];
        for (checkpoint, offsets) in files {
            if let Err(error) = checkpoint.write(self.data_dir(), &offsets) {
                self.directory_failed(&error);
                return;
            }
        }
    }
}
