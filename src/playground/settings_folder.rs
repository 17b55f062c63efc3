//! The folder of the user's settings: reads its files at the start, and again whenever one is saved.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::Duration;
use std::{fs, io};

use etcetera::BaseStrategy;
use notify::{RecursiveMode, Watcher};
use tokio::sync::mpsc;

use super::state::{
    KEYS, Observation,
    settings::{Layouts, Themes},
};

/// Folders of files that are chosen by name.
const FOLDERS: [&str; 2] = ["layouts", "themes"];

/// Files of one folder that are read; more of them is not a person's folder.
const FILES_MAX: usize = 64;

/// Bytes of a file that are read: a large layout has two thousand.
const FILE_BYTES_MAX: u64 = 64 * 1024;

/// How long the folder must be quiet before its files are read: editors write, rename and touch.
const QUIET: Duration = Duration::from_millis(30);

/// Files by their name below the folder, as `layouts/my.toml`.
type Files = BTreeMap<String, String>;

/// The folder, as it was when it was looked at last.
pub(super) struct SettingsFolder {
    path: PathBuf,
    seen: Files,
}

impl SettingsFolder {
    /// `$XDG_CONFIG_HOME/kafkarium`; `None` where there is no home folder.
    pub(super) fn of_the_user() -> Option<Self> {
        let strategy = etcetera::choose_base_strategy().ok()?;
        Some(Self {
            path: strategy.config_dir().join("kafkarium"),
            seen: Files::new(),
        })
    }

    /// Whether there is a layout and a theme of these names, in the program or in the folder.
    ///
    /// # Errors
    /// One is missing; the sentence lists what there is.
    pub(super) fn check(&self, layout: Option<&str>, theme: Option<&str>) -> anyhow::Result<()> {
        let layouts = Layouts::default();
        self.has("layout", layout, layouts.names())?;
        let themes = Themes::default();
        self.has("theme", theme, themes.names())
    }

    fn has<'n>(
        &self,
        kind: &str,
        wanted: Option<&str>,
        built_in: impl Iterator<Item = &'n str>,
    ) -> anyhow::Result<()> {
        let Some(wanted) = wanted else {
            return Ok(());
        };
        let files = read(&self.path);
        let own = files.keys().filter_map(|file| {
            let name = file.strip_prefix(kind)?.strip_prefix("s/")?;
            name.strip_suffix(".toml")
        });
        let mut known: Vec<&str> = built_in.collect();
        known.extend(own);
        let mut seen = HashSet::new();
        known.retain(|name| seen.insert(*name));
        anyhow::ensure!(
            known.contains(&wanted),
            "there is no {kind} \"{wanted}\": {} (own ones are files in {})",
            known.join(", "),
            self.path.join(format!("{kind}s")).display()
        );
        Ok(())
    }

    /// What every file holds that changed since the last look; `first` says that nobody saved it just now.
    pub(super) fn look(&mut self, at_start: bool) -> Vec<Observation> {
        let now = read(&self.path);
        let gone = self.seen.keys().filter(|file| !now.contains_key(*file));
        let gone = gone.map(|file| (file.clone(), None));
        let changed = now
            .iter()
            .filter(|(file, text)| self.seen.get(*file) != Some(*text))
            .map(|(file, text)| (file.clone(), Some(text.clone())));
        let told = gone
            .chain(changed)
            .map(|(file, text)| Observation::SettingsFile {
                file,
                text,
                at_start,
            })
            .collect();
        self.seen = now;
        told
    }

    /// Looks again whenever something is saved, and tells what changed. Without a way to be woken by the
    /// system the files stay as they were read at the start.
    pub(super) fn watch(self, told: mpsc::Sender<Observation>) -> notify::Result<()> {
        // One wake-up waiting is enough: the look that follows sees everything.
        let (wake, woken) = sync_channel(1);
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            // Reading is no change, or each look would wake the next.
            if event.is_ok_and(|event| !event.kind.is_access()) {
                wake_up(&wake);
            }
        })?;
        // It waits in the system for as long as the program runs, as the thread that reads keys does.
        std::thread::Builder::new()
            .name("settings".into())
            .spawn(move || {
                Watch {
                    folder: self,
                    watcher,
                    watched: Vec::new(),
                }
                .run(&woken, &told);
            })?;
        Ok(())
    }
}

fn wake_up(wake: &SyncSender<()>) {
    match wake.try_send(()) {
        Ok(()) | Err(TrySendError::Full(()) | TrySendError::Disconnected(())) => {}
    }
}

/// The thread's own.
struct Watch<W: Watcher> {
    folder: SettingsFolder,
    watcher: W,
    watched: Vec<PathBuf>,
}

impl<W: Watcher> Watch<W> {
    fn run(mut self, woken: &Receiver<()>, told: &mpsc::Sender<Observation>) {
        loop {
            // One that appeared before its parent was watched is only found by looking again.
            while self.watch_what_is_there() {}
            for observation in self.folder.look(false) {
                if told.blocking_send(observation).is_err() {
                    return;
                }
            }
            if woken.recv().is_err() {
                return;
            }
            while woken.recv_timeout(QUIET).is_ok() {}
        }
    }

    /// The folder and those in it, as far as they are there; until then the nearest that it would appear in.
    /// Whether there was one more.
    fn watch_what_is_there(&mut self) -> bool {
        self.watched.retain(|folder| folder.is_dir());
        let before = self.watched.len();
        let below = FOLDERS.map(|folder| self.folder.path.join(folder));
        let mut above = self.folder.path.ancestors().skip(1);
        let above = above.find(|folder| folder.is_dir()).map(Path::to_path_buf);
        let above = above.filter(|_| !self.folder.path.is_dir());
        let wanted = below
            .into_iter()
            .chain([self.folder.path.clone()])
            .chain(above);
        for folder in wanted {
            if !self.watched.contains(&folder)
                && self
                    .watcher
                    .watch(&folder, RecursiveMode::NonRecursive)
                    .is_ok()
            {
                self.watched.push(folder);
            }
        }
        self.watched.len() > before
    }
}

/// All files of the folder that mean something here.
fn read(path: &Path) -> Files {
    let mut files = Files::new();
    for folder in FOLDERS {
        let Ok(entries) = fs::read_dir(path.join(folder)) else {
            continue;
        };
        let names = entries
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|name| {
                let stem = name.strip_suffix(".toml");
                stem.is_some_and(|stem| !stem.is_empty() && !stem.starts_with('.'))
            });
        let mut names: Vec<String> = names.map(|name| format!("{folder}/{name}")).collect();
        names.sort();
        names.truncate(FILES_MAX);
        for name in names {
            if let Ok(text) = read_file(&path.join(&name)) {
                files.insert(name, text);
            }
        }
    }
    if let Ok(text) = read_file(&path.join(KEYS)) {
        files.insert(KEYS.to_owned(), text);
    }
    files
}

fn read_file(path: &Path) -> io::Result<String> {
    if fs::metadata(path)?.len() > FILE_BYTES_MAX {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    fs::read_to_string(path)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;
    use tokio::sync::mpsc;

    use super::{Files, Observation, SettingsFolder};

    fn file(observation: Option<Observation>) -> (String, Option<String>) {
        match observation {
            Some(Observation::SettingsFile { file, text, .. }) => (file, text),
            other => panic!("{other:?} is no file"),
        }
    }

    #[test]
    fn a_layout_that_is_not_there_is_refused_with_those_that_are() {
        let home = TempDir::new().expect("a temporary folder");
        let path = home.path().to_path_buf();
        fs::create_dir_all(path.join("layouts")).expect("writable");
        fs::write(path.join("layouts/my.toml"), "").expect("writable");
        let folder = SettingsFolder {
            path,
            seen: Files::new(),
        };
        folder.check(None, None).expect("nothing is wanted");
        folder
            .check(Some("my"), Some("light"))
            .expect("both are there");
        let wrong = folder
            .check(Some("mine"), None)
            .expect_err("it is not there");
        let wrong = wrong.to_string();
        assert!(
            wrong.starts_with("there is no layout \"mine\": overview, "),
            "{wrong}"
        );
        assert!(wrong.contains(", my (own ones are files in "), "{wrong}");
        folder
            .check(None, Some("my"))
            .expect_err("a layout is no theme");
    }

    #[test]
    fn files_are_told_when_they_are_saved_and_when_they_go() {
        let home = TempDir::new().expect("a temporary folder");
        let path = home.path().join("config/kafkarium");
        let folder = SettingsFolder {
            path: path.clone(),
            seen: Files::new(),
        };
        let (told, mut observations) = mpsc::channel(8);
        folder.watch(told).expect("the system wakes us");
        // The folders appear one after the other, as somebody makes them.
        fs::create_dir_all(path.join("layouts")).expect("writable");
        fs::write(path.join("layouts/my.toml"), "a").expect("writable");
        let seen = file(observations.blocking_recv());
        assert_eq!(seen, ("layouts/my.toml".into(), Some("a".into())));
        // As editors do: a new file under another name takes the old one's place.
        fs::write(path.join("layouts/.my.swp"), "b").expect("writable");
        fs::rename(path.join("layouts/.my.swp"), path.join("layouts/my.toml")).expect("renamed");
        let seen = file(observations.blocking_recv());
        assert_eq!(seen, ("layouts/my.toml".into(), Some("b".into())));
        fs::write(path.join("keys.toml"), "c").expect("writable");
        let seen = file(observations.blocking_recv());
        assert_eq!(seen, ("keys.toml".into(), Some("c".into())));
        fs::remove_file(path.join("layouts/my.toml")).expect("removed");
        let seen = file(observations.blocking_recv());
        assert_eq!(seen, ("layouts/my.toml".into(), None));
    }
}
