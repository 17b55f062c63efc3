//! Kafka's checkpoint files: a version, a count, one line an entry; replaced as a whole.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::LogError;
use wire::{Offset, TopicPartition};

/// The offsets that a log folder keeps for its partitions between starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Checkpoint {
    /// Up to where each log is known to be on disk.
    RecoveryPoint,
    /// The high watermark of each replica.
    HighWatermark,
    /// Where logs start whose start lies inside a segment.
    LogStartOffset,
    /// Up to where compacted logs were cleaned.
    Cleaner,
}

impl Checkpoint {
    /// The file's name, Kafka's.
    fn file_name(self) -> &'static str {
        match self {
            Self::RecoveryPoint => "recovery-point-offset-checkpoint",
            Self::HighWatermark => "replication-offset-checkpoint",
            Self::LogStartOffset => "log-start-offset-checkpoint",
            Self::Cleaner => "cleaner-offset-checkpoint",
        }
    }

    /// Reads the file in `folder`; without it no offset is known. A line that does not read is an error.
    pub(crate) fn read(self, folder: &Path) -> Result<BTreeMap<TopicPartition, Offset>, LogError> {
        let path = folder.join(self.file_name());
        let mut offsets = BTreeMap::new();
        for line in read_lines(&path)?.unwrap_or_default() {
            match parse(&line) {
                Some((partition, offset)) => offsets.insert(partition, offset),
                None => {
                    return Err(corrupt(
                        path,
                        format!("{line:?} is no partition and offset"),
                    ));
                }
            };
        }
        Ok(offsets)
    }

    /// Replaces the file in `folder`.
    pub(crate) fn write(
        self,
        folder: &Path,
        offsets: &BTreeMap<TopicPartition, Offset>,
    ) -> Result<(), LogError> {
        let lines = offsets
            .iter()
            .map(|(at, offset)| format!("{} {} {offset}", at.topic, at.partition));
        write_lines(&folder.join(self.file_name()), lines)
    }
}

fn parse(line: &str) -> Option<(TopicPartition, Offset)> {
    let mut words = line.split(' ');
    let (topic, partition, offset) = (words.next()?, words.next()?, words.next()?);
    let partition = TopicPartition::new(topic, partition.parse().ok()?);
    (words.next().is_none() && !topic.is_empty())
        .then_some((partition, Offset(offset.parse().ok()?)))
}

/// The entries of a checkpoint file; `None` where there is none.
pub(super) fn read_lines(path: &Path) -> Result<Option<Vec<String>>, LogError> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(LogError::storage("read", path)(error)),
    };
    let mut lines = text.lines();
    let version = lines.next();
    let count = lines.next().and_then(|line| line.parse::<usize>().ok());
    let entries: Vec<String> = lines.map(str::to_owned).collect();
    if version != Some("0") || count != Some(entries.len()) {
        return Err(corrupt(
            path.to_owned(),
            "version or number of entries is wrong".to_owned(),
        ));
    }
    Ok(Some(entries))
}

/// Replaces a checkpoint file: whoever reads it finds the old entries or the new ones, never a part.
pub(super) fn write_lines(
    path: &Path,
    entries: impl Iterator<Item = String>,
) -> Result<(), LogError> {
    let mut count = 0usize;
    let mut lines = String::new();
    for entry in entries {
        count += 1;
        lines.push_str(&entry);
        lines.push('\n');
    }
    replace_file(path, format!("0\n{count}\n{lines}").as_bytes())
}

/// Writes a new file beside `path` and renames it over it.
pub(super) fn replace_file(path: &Path, bytes: &[u8]) -> Result<(), LogError> {
    let mut beside = path.to_owned().into_os_string();
    beside.push(".tmp");
    let beside = PathBuf::from(beside);
    fs::write(&beside, bytes).map_err(LogError::storage("write", &beside))?;
    fs::rename(&beside, path).map_err(LogError::storage("replace", path))
}

fn corrupt(path: PathBuf, reason: String) -> LogError {
    LogError::Corrupt {
        path,
        position: 0,
        reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_come_back_and_lie_in_kafkas_format() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let offsets = BTreeMap::from([
            (TopicPartition::new("orders", 0), Offset(41)),
            (TopicPartition::new("orders", 1), Offset(7)),
        ]);
        let checkpoint = Checkpoint::HighWatermark;
        assert!(checkpoint.read(folder.path()).expect("none").is_empty());
        checkpoint.write(folder.path(), &offsets).expect("written");
        let text = fs::read_to_string(folder.path().join("replication-offset-checkpoint"));
        assert_eq!(text.expect("there"), "0\n2\norders 0 41\norders 1 7\n");
        assert_eq!(checkpoint.read(folder.path()).expect("readable"), offsets);
    }

    #[test]
    fn a_damaged_file_is_named() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = folder.path().join("recovery-point-offset-checkpoint");
        for text in [
            "",
            "1\n0\n",
            "0\n2\na 0 1\n",
            "0\n1\na 0\n",
            "0\n1\na b 1\n",
        ] {
            fs::write(&path, text).expect("written");
            let error = Checkpoint::RecoveryPoint.read(folder.path());
            assert!(matches!(error, Err(LogError::Corrupt { path: named, .. }) if named == path));
        }
    }
}
