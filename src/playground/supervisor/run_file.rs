//! How commands find the running playground: a small file with its pid and addresses.

use std::fs;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use etcetera::BaseStrategy;
use serde::{Deserialize, Serialize};

use super::folder::{data_home, remove_data, remove_stale_ephemeral_folders, shown};
use crate::own_folder;

/// Longest path of a Unix socket on every system that has them: 104 bytes with the zero at the end, on macOS.
const SOCKET_PATH_MAX: usize = 103;

/// Run files larger than this are not ours.
const RUN_FILE_BYTES_MAX: u64 = 64 * 1024;

/// What one playground says about itself while it runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunFile {
    /// The cluster's name.
    pub name: String,
    /// The playground's process.
    pub pid: u32,
    /// When that process started, in clock ticks since boot: a pid alone may be another's by now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<u64>,
    /// The brokers' addresses, comma-separated as clients take them.
    pub bootstrap: String,
    /// ZooKeeper's address.
    pub zookeeper: String,
    /// The data folder.
    pub folder: PathBuf,
    /// Where other shells reach the playground, if it listens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control: Option<PathBuf>,
}

impl RunFile {
    /// What this process says about itself.
    #[must_use]
    pub fn of_this_process(name: &str, bootstrap: &str, zookeeper: &str, folder: &Path) -> Self {
        let pid = std::process::id();
        Self {
            name: name.to_owned(),
            pid,
            started: started(pid),
            bootstrap: bootstrap.to_owned(),
            zookeeper: zookeeper.to_owned(),
            folder: folder.to_owned(),
            control: None,
        }
    }

    /// Writes the file where the commands look for it; whole or not at all.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn write(&self) -> Result<WrittenRunFile> {
        let folder = run_folder()?;
        own_folder::make(&folder, |_| true)?;
        let mut path = folder.join(format!("{}.json", self.name));
        if read(&path).is_some_and(|other| other.pid != self.pid && other.is_alive()) {
            path = folder.join(format!("{}-{}.json", self.name, self.pid));
        }
        let unfinished = folder.join(format!("{}.json.{}", self.name, self.pid));
        fs::write(&unfinished, serde_json::to_vec(self)?)
            .and_then(|()| fs::rename(&unfinished, &path))
            .with_context(|| format!("cannot write {}", path.display()))?;
        Ok(WrittenRunFile { path })
    }

    /// Whether the playground that wrote this still runs.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        match (self.started, started(self.pid)) {
            (Some(then), now) => now == Some(then),
            (None, _) => i32::try_from(self.pid).is_ok_and(|pid| {
                nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), None).is_ok()
            }),
        }
    }
}

/// The file on disk, removed when the playground ends.
#[derive(Debug)]
pub struct WrittenRunFile {
    path: PathBuf,
}

impl Drop for WrittenRunFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// The running playground called `name`, or the only one there is.
///
/// # Errors
/// None runs, or several do and none was named; the sentence says what to do.
pub fn find(name: Option<&str>) -> Result<RunFile> {
    choose(running_in(&run_folders()), name)
}

/// Removes what playgrounds left that were killed: run files, sockets, folders of ephemeral clusters; with a name
/// that cluster's data too. What was removed, as shown.
///
/// # Errors
/// The named cluster runs, or the disk refuses.
pub fn clean(name: Option<&str>) -> Result<Vec<String>> {
    let mut removed = Vec::new();
    for folder in run_folders() {
        let left = left_in(&folder);
        for path in left {
            fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
            removed.push(shown(&path));
        }
    }
    removed.extend(
        remove_stale_ephemeral_folders()
            .iter()
            .map(|path| shown(path)),
    );
    if let Some(name) = name {
        removed.extend(remove_data(name)?.map(|path| shown(&path)));
    }
    Ok(removed)
}

/// Run files of processes that are gone, and sockets that nobody listens at.
fn left_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let paths = entries.map(|entry| entry.path());
    paths
        .filter(|path| match path.extension().and_then(|end| end.to_str()) {
            Some("json") => read(path).is_some_and(|run| !run.is_alive()),
            Some("sock") => UnixStream::connect(path)
                .is_err_and(|error| error.kind() == std::io::ErrorKind::ConnectionRefused),
            _ => false,
        })
        .collect()
}

fn choose(mut running: Vec<RunFile>, name: Option<&str>) -> Result<RunFile> {
    if let Some(name) = name {
        if let Some(at) = running.iter().position(|run| run.name == name) {
            return Ok(running.swap_remove(at));
        }
        let others: Vec<&str> = running.iter().map(|run| run.name.as_str()).collect();
        let others = match others.as_slice() {
            [] => String::new(),
            names => format!(" (running: {})", names.join(", ")),
        };
        bail!(
            "no playground {name} is running{others}: start it with kafkarium --name {name}, or say --bootstrap-server HOST:PORT"
        )
    }
    if let Some(at) = running
        .iter()
        .position(|run| run.name == super::DEFAULT_NAME)
    {
        return Ok(running.swap_remove(at));
    }
    match running.as_slice() {
        [] => bail!(
            "no playground is running: start one with kafkarium, or say --bootstrap-server HOST:PORT"
        ),
        [only] => Ok(only.clone()),
        several => {
            let names: Vec<&str> = several.iter().map(|run| run.name.as_str()).collect();
            bail!(
                "several playgrounds are running: say --name {}",
                names.join(" or --name ")
            )
        }
    }
}

/// The playgrounds whose file is in one of these folders and whose process lives, by name.
fn running_in(folders: &[PathBuf]) -> Vec<RunFile> {
    let mut found: Vec<RunFile> = folders
        .iter()
        .filter_map(|folder| fs::read_dir(folder).ok())
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "json")
        })
        .filter_map(|path| read(&path))
        .filter(RunFile::is_alive)
        .collect();
    found.sort_by(|left, right| (&left.name, left.pid).cmp(&(&right.name, right.pid)));
    found.dedup();
    found
}

fn read(path: &Path) -> Option<RunFile> {
    let small = fs::metadata(path).is_ok_and(|data| data.len() <= RUN_FILE_BYTES_MAX);
    let text = small.then(|| fs::read(path).ok())??;
    serde_json::from_slice(&text).ok()
}

/// Every folder where a playground of this user may have said that it runs. A playground and a command can have
/// been started from places that differ: cron, sudo and ssh without a session set no `XDG_RUNTIME_DIR`.
fn run_folders() -> Vec<PathBuf> {
    let session = || PathBuf::from(format!("/run/user/{}/kafkarium", nix::unistd::getuid()));
    let session = runtime_folder().is_none().then(session);
    let mut folders: Vec<PathBuf> = [run_folder(), data_home()]
        .into_iter()
        .flatten()
        .chain(session)
        .collect();
    folders.sort();
    folders.dedup();
    folders
}

/// Where the playground of this name listens to other shells: beside its run file, or in the folder for temporary
/// files where that path would be longer than a socket's may be.
///
/// # Errors
/// The disk refuses.
pub fn control_socket(name: &str) -> Result<PathBuf> {
    let folder = run_folder()?;
    own_folder::make(&folder, |_| true)?;
    // Two of one name, each with a folder of its own, do not touch each other.
    let file = format!("{name}-{}.sock", std::process::id());
    let path = folder.join(&file);
    if path.as_os_str().len() <= SOCKET_PATH_MAX {
        return Ok(path);
    }
    let folder = std::env::temp_dir().join(format!("kafkarium-{}", nix::unistd::geteuid()));
    own_folder::make(&folder, |_| true)?;
    Ok(folder.join(file))
}

/// `$XDG_RUNTIME_DIR/kafkarium`, or the folder of all clusters where there is none.
fn run_folder() -> Result<PathBuf> {
    match runtime_folder() {
        Some(folder) => Ok(folder.join("kafkarium")),
        None => data_home(),
    }
}

fn runtime_folder() -> Option<PathBuf> {
    let base = etcetera::choose_base_strategy().ok()?;
    base.runtime_dir().filter(|folder| folder.is_dir())
}

#[cfg(target_os = "linux")]
fn started(pid: u32) -> Option<u64> {
    let stat = procfs::process::Process::new(i32::try_from(pid).ok()?)
        .ok()?
        .stat()
        .ok()?;
    // A zombie is dead; only its parent has not looked yet.
    (stat.state != 'Z').then_some(stat.starttime)
}

#[cfg(not(target_os = "linux"))]
fn started(_pid: u32) -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::{RunFile, choose, running_in};

    #[test]
    fn the_file_of_a_dead_playground_is_ignored() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let alive =
            RunFile::of_this_process("demo", "127.0.0.1:9092", "127.0.0.1:2181", "/".as_ref());
        let dead = RunFile {
            name: "old".into(),
            started: Some(1),
            ..alive.clone()
        };
        for run in [&alive, &dead] {
            let text = serde_json::to_vec(run).expect("plain data");
            std::fs::write(folder.path().join(format!("{}.json", run.name)), text)
                .expect("written");
        }
        std::fs::write(folder.path().join("torn.json"), "{\"name\":").expect("written");
        assert_eq!(running_in(&[folder.path().to_owned()]), [alive]);
    }

    #[test]
    fn the_only_playground_is_found_and_others_are_named() {
        let run = |name: &str| {
            RunFile::of_this_process(name, "127.0.0.1:9092", "127.0.0.1:2181", "/".as_ref())
        };
        let chosen = |running: &[&str], name| {
            let running = running.iter().map(|name| run(name)).collect();
            choose(running, name)
                .map(|run| run.name)
                .map_err(|error| error.to_string())
        };
        assert_eq!(chosen(&["exp"], None), Ok("exp".into()));
        assert_eq!(chosen(&["demo", "exp"], None), Ok("demo".into()));
        assert_eq!(
            chosen(&["exp", "two"], None),
            Err("several playgrounds are running: say --name exp or --name two".into())
        );
        let other = chosen(&["exp", "two"], Some("demo")).expect_err("another name");
        assert!(
            other.starts_with("no playground demo is running (running: exp, two): "),
            "{other}"
        );
        let none = chosen(&[], None).expect_err("none");
        assert!(
            none.starts_with("no playground is running: start one"),
            "{none}"
        );
    }

    #[test]
    fn a_playground_is_found_in_whichever_folder_it_wrote_to() {
        let folders = [(); 2].map(|()| tempfile::tempdir().expect("temporary folder"));
        let run = RunFile::of_this_process("exp", "127.0.0.1:9092", "127.0.0.1:2181", "/".as_ref());
        let text = serde_json::to_vec(&run).expect("plain data");
        std::fs::write(folders[1].path().join("exp.json"), text).expect("written");
        let folders = folders.each_ref().map(|folder| folder.path().to_owned());
        assert_eq!(running_in(&folders), [run]);
    }
}
