//! `meta.properties`: which cluster and which broker a data folder belongs to, in Kafka's format.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use wire::BrokerId;

const FILE: &str = "meta.properties";

/// What the file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MetaProperties {
    pub(crate) cluster_id: String,
    /// Absent in a folder that Kafka formatted without one.
    pub(crate) broker_id: Option<BrokerId>,
}

impl MetaProperties {
    pub(crate) fn path(data_dir: &Path) -> PathBuf {
        data_dir.join(FILE)
    }

    /// Reads the folder's file; `None` in a fresh folder.
    pub(crate) fn load(data_dir: &Path) -> io::Result<Option<Self>> {
        let text = match fs::read_to_string(Self::path(data_dir)) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let value = |name: &str| {
            text.lines()
                .filter(|line| !line.starts_with('#'))
                .filter_map(|line| line.split_once('='))
                .find(|(key, _)| key.trim() == name)
                .map(|(_, value)| value.trim())
        };
        let Some(cluster_id) = value("cluster.id") else {
            return Ok(None);
        };
        Ok(Some(Self {
            cluster_id: cluster_id.to_owned(),
            broker_id: value("broker.id")
                .and_then(|id| id.parse().ok())
                .map(BrokerId),
        }))
    }

    /// Writes the folder's file, all of it or nothing.
    pub(crate) fn store(&self, data_dir: &Path) -> io::Result<()> {
        let new = Self::path(data_dir).with_extension("properties.tmp");
        let mut file = File::create(&new)?;
        writeln!(file, "#\nversion=0\ncluster.id={}", self.cluster_id)?;
        if let Some(broker_id) = self.broker_id {
            writeln!(file, "broker.id={broker_id}")?;
        }
        file.sync_all()?;
        fs::rename(&new, Self::path(data_dir))
    }
}

#[cfg(test)]
mod tests {
    use super::MetaProperties;
    use wire::BrokerId;

    #[test]
    fn a_folder_remembers_its_cluster_and_broker() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        assert_eq!(MetaProperties::load(folder.path()).expect("readable"), None);
        let meta = MetaProperties {
            cluster_id: "FuJGMK44QUuNjqip9dpJFA".into(),
            broker_id: Some(BrokerId(3)),
        };
        meta.store(folder.path()).expect("written");
        assert_eq!(
            MetaProperties::load(folder.path()).expect("readable"),
            Some(meta)
        );
    }
}
