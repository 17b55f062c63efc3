//! Where a cluster keeps its data: one folder, open in one playground at a time.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail, ensure};
use etcetera::BaseStrategy;
use nix::fcntl::Flock;

use super::engine::{Engine, EngineName};
use crate::own_folder::{self, LockError};
use wire::BrokerId;

/// Longest cluster name; it becomes a folder's and a file's name.
const NAME_LENGTH_MAX: usize = 64;

/// Folders of what clients say, below the cluster's.
const CONSUMERS: &str = "consumers";
const PRODUCERS: &str = "producers";

/// What the playground was asked to do about its data.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FolderOptions {
    /// The cluster's name.
    pub name: String,
    /// The folder to use instead of the one named after the cluster.
    pub data_dir: Option<PathBuf>,
    /// Forget what is there.
    pub fresh: bool,
    /// Keep nothing afterwards.
    pub ephemeral: bool,
}

/// A cluster's folder, locked until this is dropped.
#[derive(Debug)]
pub struct ClusterFolder {
    path: PathBuf,
    existed: bool,
    ephemeral: bool,
    open_to_others: Option<String>,
    cleaned: Vec<PathBuf>,
    _lock: Flock<File>,
}

impl ClusterFolder {
    /// Opens and locks the folder; an older cluster in it stays unless `fresh` is asked for.
    ///
    /// # Errors
    /// The name cannot be a folder, another playground has it open, or the disk refuses.
    pub fn open(options: &FolderOptions) -> Result<Self> {
        check_name(&options.name)?;
        let mut cleaned = Vec::new();
        let path = if let Some(path) = &options.data_dir {
            path.clone()
        } else if options.ephemeral {
            cleaned = remove_stale_ephemeral_folders();
            // Made under a name that nobody can guess, for this user alone: a folder that is there already
            // could be somebody else's.
            let folder = tempfile::Builder::new().prefix(EPHEMERAL_PREFIX).tempdir();
            folder.context("cannot create a temporary folder")?.keep()
        } else {
            let home = data_home()?;
            own_folder::make(&home, |_| true)?;
            home.join(&options.name)
        };
        let open_to_others = own_folder::make(&path, is_ours)?;
        for folder in folders_in(&path) {
            own_folder::make(&folder, |_| true)?;
        }
        let path = path
            .canonicalize()
            .with_context(|| format!("cannot open the data folder {}", path.display()))?;
        let lock = match &options.data_dir {
            None => lock(&path, &options.name)?,
            // Another name would not be another folder.
            Some(_) => lock_with(&path, &shown(&path), "say another --data-dir")?,
        };
        let mut folder = Self {
            path,
            existed: false,
            ephemeral: options.ephemeral,
            open_to_others,
            cleaned,
            _lock: lock,
        };
        if options.fresh {
            folder.wipe()?;
        }
        folder.existed = folder.zookeeper().exists();
        Ok(folder)
    }

    /// The folder itself.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether an earlier start left a cluster here.
    #[must_use]
    pub fn existed(&self) -> bool {
        self.existed
    }

    /// Whether it will be removed at the end.
    #[must_use]
    pub fn is_ephemeral(&self) -> bool {
        self.ephemeral
    }

    /// The sentence that says that others can read it, where it is a folder that was there and holds more.
    #[must_use]
    pub fn open_to_others(&self) -> Option<&str> {
        self.open_to_others.as_deref()
    }

    /// What was removed that killed playgrounds had left, in a sentence.
    #[must_use]
    pub fn cleaned(&self) -> Option<String> {
        let folders: Vec<String> = self.cleaned.iter().map(|path| shown(path)).collect();
        let left = "left by a playground that was killed, removed:";
        (!folders.is_empty()).then(|| format!("{left} {}", folders.join(" ")))
    }

    /// Where ZooKeeper keeps its znodes.
    #[must_use]
    pub fn zookeeper(&self) -> PathBuf {
        self.path.join("zookeeper")
    }

    /// Where one broker keeps its logs.
    #[must_use]
    pub fn broker(&self, broker: BrokerId) -> PathBuf {
        self.path.join(format!("broker-{broker}"))
    }

    /// Where one consumer's messages go.
    #[must_use]
    pub fn consumer(&self, client_id: &str) -> PathBuf {
        self.path.join(CONSUMERS).join(client_id)
    }

    /// Where one transactional producer's messages go.
    #[must_use]
    pub fn producer(&self, name: &str) -> PathBuf {
        self.path.join(PRODUCERS).join(name)
    }

    /// The brokers that have a folder here, in order.
    #[must_use]
    pub fn brokers(&self) -> Vec<BrokerId> {
        let mut found: Vec<BrokerId> = fs::read_dir(&self.path)
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| broker_of(&entry.file_name()))
            .collect();
        found.sort_unstable();
        found
    }

    /// Whether its brokers are of this engine; those of a new cluster are from now on.
    ///
    /// # Errors
    /// It was another engine that wrote here.
    pub fn is_of(&self, engine: &Engine) -> Result<()> {
        let file = self.path.join(ENGINE_FILE);
        // Only another engine than ours leaves its name.
        let before = match fs::read_to_string(&file) {
            Ok(name) if self.existed => name.trim().to_owned(),
            _ => EngineName::Kafkarium.to_string(),
        };
        let now = engine.name();
        if self.existed {
            ensure!(
                before == now.to_string(),
                "{} holds a cluster of --engine {before}: say --fresh to begin anew, or another --name",
                shown(&self.path)
            );
            return Ok(());
        }
        if now == EngineName::Kafkarium {
            return Ok(());
        }
        fs::write(&file, now.to_string())
            .with_context(|| format!("cannot write {}", file.display()))
    }

    /// When the cluster in here was last written to, for the sentence of a second start.
    #[must_use]
    pub fn last_used(&self) -> Option<std::time::SystemTime> {
        fs::metadata(self.zookeeper())
            .and_then(|data| data.modified())
            .ok()
    }

    /// Removes the processes' folders and nothing else: `--data-dir` may name any folder.
    fn wipe(&self) -> Result<()> {
        let mut folders = vec![
            self.zookeeper(),
            self.path.join(CONSUMERS),
            self.path.join(PRODUCERS),
        ];
        folders.extend(self.brokers().into_iter().map(|broker| self.broker(broker)));
        for folder in folders {
            match fs::remove_dir_all(&folder) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(error)
                        .with_context(|| format!("cannot remove the old {}", folder.display()));
                }
                _ => {}
            }
        }
        match fs::remove_file(self.path.join(ENGINE_FILE)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).context("cannot remove the name of the old engine")
            }
            _ => Ok(()),
        }
    }
}

impl Drop for ClusterFolder {
    fn drop(&mut self) {
        if self.ephemeral && self.wipe().is_ok() {
            let _ = fs::remove_file(self.path.join(LOCK_FILE));
            // Fails where the user's own files are in it, which is then right.
            let _ = fs::remove_dir(&self.path);
        }
    }
}

const LOCK_FILE: &str = "lock";

/// Names the engine of the brokers, where it is not this program.
const ENGINE_FILE: &str = "engine";
const EPHEMERAL_PREFIX: &str = "kafkarium-ephemeral-";

/// `$XDG_DATA_HOME/kafkarium`: the folder of all clusters.
///
/// # Errors
/// The user has no home folder.
pub fn data_home() -> Result<PathBuf> {
    let base =
        etcetera::choose_base_strategy().context("there is no home folder: say --data-dir DIR")?;
    Ok(base.data_dir().join("kafkarium"))
}

/// `path` with the home folder as `~`, for people.
#[must_use]
pub fn shown(path: &Path) -> String {
    if let Ok(home) = etcetera::home_dir()
        && let Ok(rest) = path.strip_prefix(&home)
    {
        return format!("~/{}", rest.display());
    }
    path.display().to_string()
}

/// The broker whose folder is called so.
fn broker_of(name: &OsStr) -> Option<BrokerId> {
    let id = name.to_str()?.strip_prefix("broker-")?.parse().ok()?;
    Some(BrokerId(id))
}

/// Whether a playground made it.
fn is_ours(name: &OsStr) -> bool {
    broker_of(name).is_some()
        || [LOCK_FILE, ENGINE_FILE, "zookeeper", CONSUMERS, PRODUCERS]
            .iter()
            .any(|known| name == *known)
}

/// The processes' folders that are there.
fn folders_in(path: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .filter(|entry| is_ours(&entry.file_name()))
        .map(|entry| entry.path())
        .collect()
}

/// The first name among `two`, `three`, ... is what the sentence about an open cluster proposes.
fn lock(folder: &Path, name: &str) -> Result<Flock<File>> {
    let other = if name == "two" { "three" } else { "two" };
    let helps = format!("kafkarium --name {other} starts a second one");
    lock_with(folder, name, &helps)
}

/// The same for what is called so, with what helps where it is open.
fn lock_with(folder: &Path, what: &str, helps: &str) -> Result<Flock<File>> {
    let path = folder.join(LOCK_FILE);
    own_folder::lock(&path).map_err(|error| match error {
        LockError::Held(pid) => anyhow!(
            "{what} is open in another kafkarium (pid {}). {helps}",
            pid.map_or_else(|| "unknown".into(), |pid| pid.to_string()),
        ),
        other => anyhow!("cannot lock {}: {other}", path.display()),
    })
}

fn check_name(name: &str) -> Result<()> {
    let plain = name
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
    if name.is_empty() || name.len() > NAME_LENGTH_MAX || !plain || name.starts_with('.') {
        bail!("{name:?} cannot name a cluster: letters, digits, - _ and . only");
    }
    Ok(())
}

/// A playground killed with -9 could not remove its ephemeral folder; the next one does. The folders that are gone.
pub(super) fn remove_stale_ephemeral_folders() -> Vec<PathBuf> {
    let mut removed = Vec::new();
    for entry in fs::read_dir(std::env::temp_dir())
        .into_iter()
        .flatten()
        .flatten()
    {
        let name = entry.file_name();
        let named = name
            .to_str()
            .is_some_and(|name| name.starts_with(EPHEMERAL_PREFIX));
        // Not through links: this describes the entry itself.
        let of_the_user = entry
            .metadata()
            .is_ok_and(|data| data.is_dir() && data.uid() == nix::unistd::geteuid().as_raw());
        let path = entry.path();
        if named
            && of_the_user
            && path.join(LOCK_FILE).exists()
            && own_folder::lock(&path.join(LOCK_FILE)).is_ok()
            && fs::remove_dir_all(&path).is_ok()
        {
            removed.push(path);
        }
    }
    removed
}

/// Removes the data of a cluster that does not run. Its folder, where there was one.
pub(super) fn remove_data(name: &str) -> Result<Option<PathBuf>> {
    check_name(name)?;
    let path = data_home()?.join(name);
    if !path.is_dir() {
        return Ok(None);
    }
    let lock = lock(&path, name)?;
    fs::remove_dir_all(&path).with_context(|| format!("cannot remove {}", path.display()))?;
    drop(lock);
    Ok(Some(path))
}

#[cfg(test)]
mod tests {
    use super::{ClusterFolder, FolderOptions};

    fn options(path: &std::path::Path) -> FolderOptions {
        FolderOptions {
            name: "demo".into(),
            data_dir: Some(path.into()),
            fresh: false,
            ephemeral: false,
        }
    }

    #[test]
    fn a_folder_is_open_in_one_playground_at_a_time() {
        let dir = tempfile::tempdir().expect("temporary folder");
        let first = ClusterFolder::open(&options(dir.path())).expect("free");
        let error = ClusterFolder::open(&options(dir.path())).expect_err("taken");
        let pid = std::process::id();
        assert_eq!(
            error.to_string(),
            format!(
                "{} is open in another kafkarium (pid {pid}). say another --data-dir",
                super::shown(&dir.path().canonicalize().expect("it is there"))
            )
        );
        let named = super::lock(dir.path(), "demo").expect_err("taken");
        let helps = "demo is open in another kafkarium (pid {pid}). kafkarium --name two starts a second one";
        assert_eq!(named.to_string(), helps.replace("{pid}", &pid.to_string()));
        drop(first);
        ClusterFolder::open(&options(dir.path())).expect("free again");
    }

    #[test]
    fn fresh_removes_the_cluster_and_leaves_other_files() {
        let dir = tempfile::tempdir().expect("temporary folder");
        std::fs::create_dir_all(dir.path().join("broker-3/orders-0")).expect("created");
        std::fs::create_dir_all(dir.path().join("zookeeper")).expect("created");
        std::fs::write(dir.path().join("notes.txt"), "mine").expect("written");
        let mut options = options(dir.path());
        let folder = ClusterFolder::open(&options).expect("open");
        assert!(folder.existed());
        assert_eq!(folder.brokers().len(), 1);
        drop(folder);
        options.fresh = true;
        let folder = ClusterFolder::open(&options).expect("open");
        assert!(!folder.existed());
        assert!(folder.brokers().is_empty());
        assert!(dir.path().join("notes.txt").exists());
    }

    #[test]
    fn a_name_that_leaves_the_data_folder_is_refused() {
        let dir = tempfile::tempdir().expect("temporary folder");
        let mut options = options(dir.path());
        options.name = "../other".into();
        ClusterFolder::open(&options).expect_err("refused");
    }

    #[test]
    fn an_ephemeral_cluster_leaves_nothing() {
        let dir = tempfile::tempdir().expect("temporary folder");
        let path = dir.path().join("cluster");
        let mut options = options(&path);
        options.ephemeral = true;
        let folder = ClusterFolder::open(&options).expect("open");
        std::fs::create_dir_all(folder.broker(wire::BrokerId(1))).expect("created");
        drop(folder);
        assert!(!path.exists());
    }
}
