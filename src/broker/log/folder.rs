//! The partitions' folders in a broker's log folder: their names and whose they are.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

use super::LogError;
use super::checkpoints::replace_file;
use wire::TopicPartition;

/// `partition.metadata`: which incarnation of the topic a log belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Metadata {
    pub topic_id: Uuid,
}

impl Metadata {
    /// Reads the file in a partition's folder; `None` where it was not written yet.
    pub(super) fn read(folder: &Path) -> Result<Option<Self>, LogError> {
        let path = folder.join("partition.metadata");
        let Some(text) = read_if_there(&path)? else {
            return Ok(None);
        };
        let mut lines = text.lines();
        let version = lines.next();
        let topic_id = lines
            .next()
            .and_then(|line| line.strip_prefix("topic_id: "))
            .and_then(|id| URL_SAFE_NO_PAD.decode(id.trim_end()).ok())
            .and_then(|id| Uuid::from_slice(&id).ok());
        match (version, topic_id) {
            (Some("version: 0"), Some(topic_id)) => Ok(Some(Self { topic_id })),
            _ => Err(LogError::Corrupt {
                path,
                position: 0,
                reason: "version 0 and a topic id are expected".to_owned(),
            }),
        }
    }

    /// Writes the file, unless it is there and says another topic.
    pub(super) fn write(self, folder: &Path) -> Result<(), LogError> {
        let path = folder.join("partition.metadata");
        match Self::read(folder)? {
            Some(found) if found == self => Ok(()),
            Some(found) => Err(LogError::TopicId {
                path,
                found: found.topic_id,
                expected: self.topic_id,
            }),
            None => {
                let id = URL_SAFE_NO_PAD.encode(self.topic_id.as_bytes());
                replace_file(&path, format!("version: 0\ntopic_id: {id}").as_bytes())
            }
        }
    }
}

/// What a folder among the partitions' is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PartitionFolder {
    /// A partition's log, and the topic id it was made for.
    Live {
        partition: TopicPartition,
        topic_id: Option<Uuid>,
        path: PathBuf,
    },
    /// A deleted partition whose files are not gone yet.
    Deleted { path: PathBuf },
    /// A log of which `partition.metadata` does not say whose it is; opening it says why.
    Unreadable { path: PathBuf },
    /// A log that belonged to nothing the cluster knew; kept for a person to look at.
    Stray { path: PathBuf },
}

/// The folder of a partition's log.
pub(crate) fn partition_folder(log_folder: &Path, partition: &TopicPartition) -> PathBuf {
    log_folder.join(partition.to_string())
}

/// Every partition's folder in a broker's log folder.
pub(crate) fn list_partitions(log_folder: &Path) -> Result<Vec<PartitionFolder>, LogError> {
    let mut found = Vec::new();
    for entry in fs::read_dir(log_folder).map_err(LogError::storage("list", log_folder))? {
        let path = entry.map_err(LogError::storage("list", log_folder))?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            continue;
        };
        if !path.is_dir() {
            continue;
        }
        if name.ends_with("-delete") {
            found.push(PartitionFolder::Deleted { path });
        } else if name.ends_with("-stray") {
            found.push(PartitionFolder::Stray { path });
        } else if let Some(partition) = parse_name(name) {
            found.push(match Metadata::read(&path) {
                Ok(metadata) => PartitionFolder::Live {
                    partition,
                    topic_id: metadata.map(|metadata| metadata.topic_id),
                    path,
                },
                Err(_) => PartitionFolder::Unreadable { path },
            });
        }
    }
    Ok(found)
}

/// Takes a partition's folder out of sight under a name that no partition has; the new path is for
/// [`remove_folder`]. Its log must be closed.
pub(crate) fn mark_deleted(folder: &Path) -> Result<PathBuf, LogError> {
    rename_aside(folder, "delete")
}

/// As [`mark_deleted`], for a log that nothing in the cluster claims: it is kept.
pub(crate) fn mark_stray(folder: &Path) -> Result<PathBuf, LogError> {
    rename_aside(folder, "stray")
}

/// Removes a folder that was marked deleted; may take long.
pub(crate) fn remove_folder(folder: &Path) -> Result<(), LogError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(LogError::storage("remove", folder)(error))
        }
        _ => Ok(()),
    }
}

fn rename_aside(folder: &Path, suffix: &str) -> Result<PathBuf, LogError> {
    let name = folder
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    // A file's name has 255 bytes at most and a topic's may have 249.
    let name: String = name.chars().take(200).collect();
    let aside = folder.with_file_name(format!("{name}.{}-{suffix}", Uuid::new_v4().simple()));
    fs::rename(folder, &aside).map_err(LogError::storage("rename", folder))?;
    Ok(aside)
}

fn parse_name(name: &str) -> Option<TopicPartition> {
    let (topic, partition) = name.rsplit_once('-')?;
    let digits = !partition.is_empty() && partition.bytes().all(|byte| byte.is_ascii_digit());
    (digits && !topic.is_empty()).then_some(TopicPartition::new(topic, partition.parse().ok()?))
}

fn read_if_there(path: &Path) -> Result<Option<String>, LogError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(LogError::storage("read", path)(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topics_id_is_written_once() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let id = Uuid::from_u128(0x1234);
        Metadata { topic_id: id }
            .write(folder.path())
            .expect("written");
        Metadata { topic_id: id }
            .write(folder.path())
            .expect("the same");
        let other = Metadata {
            topic_id: Uuid::from_u128(5),
        }
        .write(folder.path());
        assert!(matches!(other, Err(LogError::TopicId { found, .. }) if found == id));
    }

    #[test]
    fn folders_are_told_apart_by_name() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let orders = partition_folder(folder.path(), &TopicPartition::new("or-ders", 12));
        for path in [
            &orders,
            &folder.path().join("lost-0"),
            &folder.path().join("gone-1"),
        ] {
            fs::create_dir(path).expect("created");
        }
        fs::create_dir(folder.path().join("snapshots")).expect("created");
        let deleted = mark_deleted(&folder.path().join("gone-1")).expect("renamed");
        mark_stray(&folder.path().join("lost-0")).expect("renamed");
        let found = list_partitions(folder.path()).expect("listed");
        assert_eq!(found.len(), 3);
        assert!(found.contains(&PartitionFolder::Live {
            partition: TopicPartition::new("or-ders", 12),
            topic_id: None,
            path: orders,
        }));
        assert!(found.contains(&PartitionFolder::Deleted {
            path: deleted.clone()
        }));
        remove_folder(&deleted).expect("removed");
        assert!(!deleted.exists());
    }
}
