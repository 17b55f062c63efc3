//! Which leader epoch began at which offset (KIP-101, KIP-279), and Kafka's `leader-epoch-checkpoint` of it.

use std::path::{Path, PathBuf};

use super::LogError;
use super::checkpoints::{read_lines, write_lines};
use wire::{LeaderEpoch, Offset};

/// The epochs of one log and the file that keeps them.
#[derive(Debug)]
pub(super) struct LeaderEpochs {
    path: PathBuf,
    known: EpochEntries,
    /// Whether the file says something else than is known.
    unwritten: bool,
    /// Whether the log's folder is not there yet.
    has_no_folder: bool,
}

/// The epochs of one log, rising in both epoch and start offset.
#[derive(Debug, Clone, Default)]
pub(crate) struct EpochEntries {
    entries: Vec<(LeaderEpoch, Offset)>,
}

impl LeaderEpochs {
    /// None yet, of the log in `folder`.
    pub(super) fn new(folder: &Path) -> Self {
        Self {
            path: folder.join("leader-epoch-checkpoint"),
            known: EpochEntries::default(),
            unwritten: false,
            has_no_folder: false,
        }
    }

    /// As [`Self::new`], of a log whose folder is made later: [`Self::folder_is_made`] tells.
    pub(super) fn without_folder(folder: &Path) -> Self {
        Self {
            has_no_folder: true,
            ..Self::new(folder)
        }
    }

    /// From now on there is a place for the file.
    pub(super) fn folder_is_made(&mut self) {
        self.has_no_folder = false;
    }

    /// Reads `leader-epoch-checkpoint` in `folder`; `None` where there is none. One that cannot be understood
    /// is [`LogError::Corrupt`].
    pub(super) fn open(folder: &Path) -> Result<Option<Self>, LogError> {
        let mut epochs = Self::new(folder);
        let Some(lines) = read_lines(&epochs.path)? else {
            return Ok(None);
        };
        for line in lines {
            let parsed = line.split_once(' ').and_then(|(epoch, start)| {
                Some((
                    LeaderEpoch(epoch.parse().ok()?),
                    Offset(start.parse().ok()?),
                ))
            });
            let rises = |entry: &(LeaderEpoch, Offset)| {
                epochs
                    .known
                    .entries
                    .last()
                    .is_none_or(|last| last.0 < entry.0 && last.1 < entry.1)
            };
            match parsed.filter(rises) {
                Some(entry) => epochs.known.entries.push(entry),
                None => {
                    return Err(LogError::Corrupt {
                        path: epochs.path,
                        position: 0,
                        reason: format!("{line:?} is no epoch and start offset"),
                    });
                }
            }
        }
        Ok(Some(epochs))
    }

    /// See [`EpochEntries::latest`].
    pub(super) fn latest(&self) -> Option<LeaderEpoch> {
        self.known.latest()
    }

    /// See [`EpochEntries::epoch_at`].
    pub(super) fn epoch_at(&self, offset: Offset) -> Option<LeaderEpoch> {
        self.known.epoch_at(offset)
    }

    /// See [`EpochEntries::end_offset`].
    pub(super) fn end_offset(
        &self,
        epoch: LeaderEpoch,
        log_end_offset: Offset,
    ) -> Option<(LeaderEpoch, Offset)> {
        self.known.end_offset(epoch, log_end_offset)
    }

    /// See [`EpochEntries::assign`].
    pub(super) fn assign(&mut self, epoch: LeaderEpoch, start: Offset) -> Result<(), LogError> {
        self.write_if(|known| known.assign(epoch, start))
    }

    /// As [`Self::assign`], of an epoch that has no batch yet. Nothing of it needs to survive: an opened log forgets
    /// epochs that begin at its end. [`Self::write_unwritten`] puts it on file before the first batch.
    pub(super) fn assign_unwritten(&mut self, epoch: LeaderEpoch, start: Offset) {
        self.unwritten |= self.known.assign(epoch, start);
    }

    /// Puts on file what is only known here.
    pub(super) fn write_unwritten(&mut self) -> Result<(), LogError> {
        if self.unwritten { self.write() } else { Ok(()) }
    }

    /// See [`EpochEntries::truncate_from_end`].
    pub(super) fn truncate_from_end(&mut self, end: Offset) -> Result<(), LogError> {
        self.write_if(|known| known.truncate_from_end(end))
    }

    /// See [`EpochEntries::truncate_from_start`].
    pub(super) fn truncate_from_start(&mut self, start: Offset) -> Result<(), LogError> {
        self.write_if(|known| known.truncate_from_start(start))
    }

    /// See [`EpochEntries::clear`].
    pub(super) fn clear(&mut self) -> Result<(), LogError> {
        self.write_if(EpochEntries::clear)
    }

    /// Writes the file where `change` changed anything.
    fn write_if(&mut self, change: impl FnOnce(&mut EpochEntries) -> bool) -> Result<(), LogError> {
        if change(&mut self.known) {
            self.unwritten = true;
        } else {
            return Ok(());
        }
        if self.has_no_folder {
            return Ok(());
        }
        self.write()
    }

    fn write(&mut self) -> Result<(), LogError> {
        let lines = self.known.entries.iter();
        write_lines(
            &self.path,
            lines.map(|(epoch, start)| format!("{epoch} {start}")),
        )?;
        self.unwritten = false;
        Ok(())
    }
}

impl EpochEntries {
    /// The newest epoch.
    pub(crate) fn latest(&self) -> Option<LeaderEpoch> {
        self.entries.last().map(|entry| entry.0)
    }

    /// The epoch of the record at `offset`, as far as is known.
    pub(crate) fn epoch_at(&self, offset: Offset) -> Option<LeaderEpoch> {
        let after = self.entries.partition_point(|entry| entry.1 <= offset);
        self.entries.get(after.checked_sub(1)?).map(|entry| entry.0)
    }

    /// Epoch `epoch` begins at `start`. What contradicts it is dropped; an epoch that is known goes on. As every
    /// change it tells whether anything is another than before.
    pub(crate) fn assign(&mut self, epoch: LeaderEpoch, start: Offset) -> bool {
        if let Some(last) = self.entries.last()
            && last.0 == epoch
            && last.1 <= start
        {
            return false;
        }
        while self
            .entries
            .last()
            .is_some_and(|last| last.0 >= epoch || last.1 >= start)
        {
            self.entries.pop();
        }
        self.entries.push((epoch, start));
        true
    }

    /// The largest epoch at or below `epoch` and the offset at which it ended, as
    /// `OffsetForLeaderEpoch` answers; `None` where `epoch` is above all that is known.
    pub(crate) fn end_offset(
        &self,
        epoch: LeaderEpoch,
        log_end_offset: Offset,
    ) -> Option<(LeaderEpoch, Offset)> {
        if self.latest()? == epoch {
            return Some((epoch, log_end_offset));
        }
        let higher = self.entries.partition_point(|entry| entry.0 <= epoch);
        let (_, end) = *self.entries.get(higher)?;
        let floor = higher
            .checked_sub(1)
            .and_then(|floor| self.entries.get(floor));
        // Below the first known epoch everything is gone: it ended where that one began.
        Some((floor.map_or(epoch, |entry| entry.0), end))
    }

    /// The log now ends at `end`.
    pub(crate) fn truncate_from_end(&mut self, end: Offset) -> bool {
        let kept = self.entries.partition_point(|entry| entry.1 < end);
        if kept == self.entries.len() {
            return false;
        }
        self.entries.truncate(kept);
        true
    }

    /// The log now starts at `start`; the epoch that covers it starts there.
    pub(crate) fn truncate_from_start(&mut self, start: Offset) -> bool {
        let passed = self.entries.partition_point(|entry| entry.1 <= start);
        let Some(covering) = passed.checked_sub(1) else {
            return false;
        };
        if covering == 0 && self.entries.first().is_some_and(|entry| entry.1 == start) {
            return false;
        }
        self.entries.drain(..covering);
        if let Some(first) = self.entries.first_mut() {
            first.1 = start;
        }
        true
    }

    /// Forgets every epoch.
    pub(crate) fn clear(&mut self) -> bool {
        if self.entries.is_empty() {
            return false;
        }
        self.entries.clear();
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn epochs(folder: &Path, entries: &[(i32, i64)]) -> LeaderEpochs {
        let mut epochs = LeaderEpochs::new(folder);
        for (epoch, start) in entries {
            epochs
                .assign(LeaderEpoch(*epoch), Offset(*start))
                .expect("written");
        }
        epochs
    }

    fn end(epochs: &LeaderEpochs, epoch: i32) -> Option<(i32, i64)> {
        epochs
            .end_offset(LeaderEpoch(epoch), Offset(100))
            .map(|(epoch, end)| (epoch.0, end.0))
    }

    #[test]
    fn an_epoch_ends_where_the_next_known_one_begins() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let epochs = epochs(folder.path(), &[(2, 10), (4, 30), (7, 60)]);
        assert_eq!(end(&epochs, 7), Some((7, 100)));
        assert_eq!(end(&epochs, 8), None);
        assert_eq!(end(&epochs, 6), Some((4, 60)));
        assert_eq!(end(&epochs, 2), Some((2, 30)));
        assert_eq!(end(&epochs, 1), Some((1, 10)));
        assert_eq!(epochs.epoch_at(Offset(9)), None);
        assert_eq!(epochs.epoch_at(Offset(30)), Some(LeaderEpoch(4)));
    }

    #[test]
    fn epochs_come_back_from_the_file() {
        let folder = tempfile::tempdir().expect("temporary folder");
        epochs(folder.path(), &[(0, 0), (1, 5)]);
        let text = std::fs::read_to_string(folder.path().join("leader-epoch-checkpoint"));
        assert_eq!(text.expect("written"), "0\n2\n0 0\n1 5\n");
        let reopened = LeaderEpochs::open(folder.path()).expect("readable");
        let reopened = reopened.expect("there");
        assert_eq!(
            reopened.known.entries,
            [(LeaderEpoch(0), Offset(0)), (LeaderEpoch(1), Offset(5))]
        );
    }

    #[test]
    fn a_contradicting_assignment_drops_what_it_contradicts() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let mut epochs = epochs(folder.path(), &[(1, 10), (2, 20), (3, 30)]);
        epochs
            .assign(LeaderEpoch(3), Offset(40))
            .expect("no change");
        assert_eq!(end(&epochs, 2), Some((2, 30)));
        epochs.assign(LeaderEpoch(4), Offset(20)).expect("written");
        assert_eq!(end(&epochs, 3), Some((1, 20)));
    }

    #[test]
    fn truncation_moves_both_ends() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let mut epochs = epochs(folder.path(), &[(1, 10), (2, 20), (3, 30)]);
        epochs.truncate_from_end(Offset(30)).expect("written");
        assert_eq!(epochs.latest(), Some(LeaderEpoch(2)));
        epochs.truncate_from_start(Offset(15)).expect("written");
        assert_eq!(end(&epochs, 0), Some((0, 15)));
        epochs.truncate_from_start(Offset(25)).expect("written");
        assert_eq!(epochs.known.entries, [(LeaderEpoch(2), Offset(25))]);
    }
}
