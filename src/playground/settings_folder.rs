//! The folder of the user's settings: reads its files at the start, and again whenever one is saved.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use anyhow::Context;
use etcetera::BaseStrategy;
use notify::{RecursiveMode, Watcher};
use tokio::sync::mpsc;

use super::state::{
    KEYS, LEARNED, Observation, Unreadable,
    settings::{Layouts, Mistake, Themes},
};

/// Folders of files that are chosen by name.
const FOLDERS: [&str; 3] = ["layouts", "themes", "lessons"];

/// Files of one folder that are read; more of them is not a person's folder.
const FILES_MAX: usize = 64;

/// Bytes of a file that are read: a large layout has two thousand.
const FILE_BYTES_MAX: u64 = 64 * 1024;

/// Links from one to the next that are followed, as the system does.
const LINKS_MAX: usize = 40;

/// How long the folder must be quiet before its files are read: editors write, rename and touch.
const QUIET: Duration = Duration::from_millis(30);

/// Files that are there, by their name below the folder, as `layouts/my.toml`; a folder that cannot be listed is
/// among them, as `layouts`.
type Files = BTreeMap<String, Result<String, Unreadable>>;

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
        let listed = |file: &str| {
            let folder = file.split_once('/').map(|(folder, _)| folder);
            folder.is_none_or(|folder| !now.contains_key(folder))
        };
        let gone = self.seen.keys().filter(|file| {
            // Of a folder that cannot be listed nobody knows what is gone.
            !now.contains_key(*file) && listed(file) && !FOLDERS.contains(&file.as_str())
        });
        let gone = gone.map(|file| Observation::SettingsFile {
            file: file.clone(),
            text: None,
            at_start,
        });
        let changed = now
            .iter()
            .filter(|(file, content)| self.seen.get(*file) != Some(*content))
            .map(|(file, content)| match content.clone() {
                Ok(text) => Observation::SettingsFile {
                    file: file.clone(),
                    text: Some(text),
                    at_start,
                },
                Err(why) => Observation::SettingsFileUnreadable {
                    file: file.clone(),
                    why,
                    at_start,
                },
            });
        let told = gone.chain(changed).collect();
        let unlisted = self.seen.iter().filter(|(file, _)| !listed(file));
        let unlisted: Files = unlisted
            .map(|(file, content)| (file.clone(), content.clone()))
            .collect();
        self.seen = now;
        self.seen.extend(unlisted);
        told
    }

    /// Writes how far lessons were done, all of it or nothing.
    ///
    /// # Errors
    /// The disk does not take it; the sentence says which file.
    pub(super) fn keep_progress(&self, text: &str) -> anyhow::Result<()> {
        let file = self.path.join(LEARNED);
        let file = file.canonicalize().unwrap_or(file);
        let written = || {
            fs::create_dir_all(&self.path)?;
            let new = file.with_extension(format!("{}.new", std::process::id()));
            fs::write(&new, text)?;
            fs::rename(&new, &file)
        };
        written()
            .with_context(|| format!("how far lessons were done is not kept: {}", file.display()))
    }

    /// Writes a lesson of the user's own; one that is there stays.
    ///
    /// # Errors
    /// There is one of this name, or the disk does not take it.
    pub(super) fn keep_lesson(&self, name: &str, text: &str) -> anyhow::Result<PathBuf> {
        let folder = self.path.join("lessons");
        let file = folder.join(format!("{name}.toml"));
        let written = || {
            fs::create_dir_all(&folder)?;
            fs::File::create_new(&file)?.write_all(text.as_bytes())
        };
        written().with_context(|| format!("the lesson is not kept: {}", file.display()))?;
        Ok(file)
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
                    watched: BTreeSet::new(),
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
    /// Or tried to be, where the system refused.
    watched: BTreeSet<PathBuf>,
}

impl<W: Watcher> Watch<W> {
    fn run(mut self, woken: &Receiver<()>, told: &mpsc::Sender<Observation>) {
        loop {
            self.watch_what_is_there();
            for observation in self.folder.look(false) {
                if told.blocking_send(observation).is_err() {
                    return;
                }
            }
            if !self.wanted().is_subset(&self.watched) {
                // What appeared before its folder was watched is only found by looking again.
                continue;
            }
            if woken.recv().is_err() {
                return;
            }
            while woken.recv_timeout(QUIET).is_ok() {}
        }
    }

    /// Watches all anew: a folder that was deleted and made again has the same name and no watch.
    fn watch_what_is_there(&mut self) {
        let wanted = self.wanted();
        for folder in self.watched.difference(&wanted) {
            // It may be gone, which ended its watch.
            let _ = self.watcher.unwatch(folder);
        }
        for folder in &wanted {
            // Where the system refuses, the files there are read again with the next change elsewhere.
            let _ = self.watcher.watch(folder, RecursiveMode::NonRecursive);
        }
        self.watched = wanted;
    }

    /// The folder and those in it, as far as they are there; until then the nearest that it would appear in; and
    /// those in which the files that are links are saved.
    fn wanted(&self) -> BTreeSet<PathBuf> {
        let path = &self.folder.path;
        let below = FOLDERS.map(|folder| path.join(folder));
        let files = self.folder.seen.keys().map(|file| path.join(file));
        let links = files
            .chain(below.clone())
            .chain([path.join(KEYS), path.clone()]);
        let mut wanted: BTreeSet<PathBuf> = links.flat_map(|link| behind_links(&link)).collect();
        wanted.extend(below);
        let mut here = path.ancestors();
        wanted.extend(here.find(|folder| folder.is_dir()).map(Path::to_path_buf));
        wanted.retain(|folder| folder.is_dir());
        wanted
    }
}

/// The folders that hold what a link leads to, from one link to the next; nothing for what is no link.
fn behind_links(path: &Path) -> Vec<PathBuf> {
    let mut folders = Vec::new();
    let mut link = path.to_path_buf();
    while folders.len() < LINKS_MAX
        && let Ok(target) = fs::read_link(&link)
    {
        link = link.parent().unwrap_or(&link).join(target);
        folders.extend(link.parent().map(Path::to_path_buf));
    }
    folders
}

/// All files of the folder that mean something here.
fn read(path: &Path) -> Files {
    let mut files = Files::new();
    for folder in FOLDERS {
        let entries = match fs::read_dir(path.join(folder)) {
            Ok(entries) => entries,
            Err(error) if is_gone(&error) => continue,
            Err(error) => {
                let why = Unreadable::Refused(error.to_string());
                files.insert(folder.to_owned(), Err(why));
                continue;
            }
        };
        let names = entries
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|name| {
                let stem = name.strip_suffix(".toml");
                stem.is_some_and(|stem| !stem.is_empty() && !stem.starts_with('.'))
            });
        let names: BTreeSet<String> = names.map(|name| format!("{folder}/{name}")).collect();
        for (index, name) in names.into_iter().enumerate().take(FILES_MAX + 1) {
            let content = if index == FILES_MAX {
                let files_max = FILES_MAX;
                Some(Err(Unreadable::TooMany { files_max }))
            } else {
                read_file(&path.join(&name))
            };
            files.extend(content.map(|content| (name, content)));
        }
    }
    for name in [KEYS, LEARNED] {
        let file = read_file(&path.join(name));
        files.extend(file.map(|file| (name.to_owned(), file)));
    }
    files
}

fn is_gone(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

/// What a file holds; `None` where there is none.
fn read_file(path: &Path) -> Option<Result<String, Unreadable>> {
    let bytes = fs::metadata(path).and_then(|about| {
        if !about.is_file() {
            return Ok(Err(Unreadable::NotAFile));
        }
        let mut bytes = Vec::new();
        let file = fs::File::open(path)?;
        file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
        Ok(Ok(bytes))
    });
    match bytes {
        Ok(bytes) => Some(bytes.and_then(text)),
        Err(error) if is_gone(&error) => None,
        Err(error) => Some(Err(Unreadable::Refused(error.to_string()))),
    }
}

fn text(bytes: Vec<u8>) -> Result<String, Unreadable> {
    let bytes_max = FILE_BYTES_MAX;
    if u64::try_from(bytes.len()).is_ok_and(|bytes| bytes > bytes_max) {
        return Err(Unreadable::TooLarge { bytes_max });
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let (before, rest) = error.as_bytes().split_at(valid);
        let place = Mistake::at(&String::from_utf8_lossy(before), valid, "");
        Unreadable::NotUtf8 {
            line: place.line,
            column: place.column,
            byte: rest.first().copied().unwrap_or_default(),
        }
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    use tempfile::TempDir;
    use tokio::sync::mpsc;

    use super::{Files, Observation, SettingsFolder, Unreadable};

    fn file(observation: Option<Observation>) -> (String, Option<String>) {
        match observation {
            Some(Observation::SettingsFile { file, text, .. }) => (file, text),
            other => panic!("{other:?} is no file"),
        }
    }

    /// The next file that is told. One that is looked at while it is being written may be empty then, and is told
    /// again with the rest.
    fn next(observations: &mut mpsc::Receiver<Observation>) -> (String, Option<String>) {
        loop {
            let (name, text) = file(observations.blocking_recv());
            if text.as_deref() != Some("") {
                return (name, text);
            }
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
        let mut observations = watched(&path);
        // The folders appear one after the other, as somebody makes them.
        fs::create_dir_all(path.join("layouts")).expect("writable");
        fs::write(path.join("layouts/my.toml"), "a").expect("writable");
        let seen = next(&mut observations);
        assert_eq!(seen, ("layouts/my.toml".into(), Some("a".into())));
        // As editors do: a new file under another name takes the old one's place.
        fs::write(path.join("layouts/.my.swp"), "b").expect("writable");
        fs::rename(path.join("layouts/.my.swp"), path.join("layouts/my.toml")).expect("renamed");
        let seen = next(&mut observations);
        assert_eq!(seen, ("layouts/my.toml".into(), Some("b".into())));
        fs::write(path.join("keys.toml"), "c").expect("writable");
        let seen = next(&mut observations);
        assert_eq!(seen, ("keys.toml".into(), Some("c".into())));
        fs::remove_file(path.join("layouts/my.toml")).expect("removed");
        let seen = next(&mut observations);
        assert_eq!(seen, ("layouts/my.toml".into(), None));
    }

    fn watched(path: &Path) -> mpsc::Receiver<Observation> {
        let folder = SettingsFolder {
            path: path.to_path_buf(),
            seen: Files::new(),
        };
        let (told, observations) = mpsc::channel(8);
        folder.watch(told).expect("the system wakes us");
        observations
    }

    #[test]
    fn a_file_behind_links_is_read_again_when_it_is_saved_where_it_lies() {
        let home = TempDir::new().expect("a temporary folder");
        let path = home.path().join("config/kafkarium");
        // As people keep their dotfiles: a link to a link, the first relative.
        let kept = home.path().join("dotfiles/kafkarium");
        let older = home.path().join("older");
        for folder in [&path, &kept, &older, &kept.join("layouts")] {
            fs::create_dir_all(folder).expect("writable");
        }
        fs::write(older.join("my-keys"), "a").expect("writable");
        symlink(older.join("my-keys"), kept.join("keys.toml")).expect("a link");
        symlink("../../dotfiles/kafkarium/keys.toml", path.join("keys.toml")).expect("a link");
        symlink(kept.join("layouts"), path.join("layouts")).expect("a link");
        let mut observations = watched(&path);
        let keys = |text: &str| ("keys.toml".to_owned(), Some(text.to_owned()));
        assert_eq!(next(&mut observations), keys("a"));
        fs::write(older.join("my-keys"), "b").expect("writable");
        assert_eq!(next(&mut observations), keys("b"));
        fs::write(older.join("new"), "c").expect("writable");
        fs::rename(older.join("new"), older.join("my-keys")).expect("renamed");
        assert_eq!(next(&mut observations), keys("c"));
        fs::write(kept.join("layouts/my.toml"), "d").expect("writable");
        let seen = next(&mut observations);
        assert_eq!(seen, ("layouts/my.toml".into(), Some("d".into())));
        // The link between leads elsewhere.
        fs::write(kept.join("own"), "e").expect("writable");
        symlink("own", kept.join("link")).expect("a link");
        fs::rename(kept.join("link"), kept.join("keys.toml")).expect("renamed");
        assert_eq!(next(&mut observations), keys("e"));
    }

    #[test]
    fn a_folder_that_is_made_again_is_watched_again() {
        let home = TempDir::new().expect("a temporary folder");
        let path = home.path().join("kafkarium");
        fs::create_dir_all(&path).expect("writable");
        fs::write(path.join("keys.toml"), "a").expect("writable");
        let mut observations = watched(&path);
        for text in ["a", "b", "c"] {
            // Between the two it may be seen as gone.
            let held = Some(text.to_owned());
            while next(&mut observations).1 != held {}
            let next = home.path().join("next");
            let after = char::from(text.as_bytes()[0] + 1);
            fs::create_dir(&next).expect("writable");
            fs::write(next.join("keys.toml"), after.to_string()).expect("writable");
            fs::rename(&path, home.path().join(text)).expect("renamed");
            fs::rename(&next, &path).expect("renamed");
        }
    }

    #[test]
    fn a_file_that_cannot_be_read_is_not_gone() {
        let home = TempDir::new().expect("a temporary folder");
        let path = home.path().to_path_buf();
        let keys = path.join("keys.toml");
        let mut folder = SettingsFolder {
            path: path.clone(),
            seen: Files::new(),
        };
        let mut look = || folder.look(false);
        fs::create_dir(path.join("layouts")).expect("writable");
        fs::write(path.join("layouts/my.toml"), "").expect("writable");
        fs::write(&keys, "").expect("writable");
        assert_eq!(look().len(), 2);
        let unreadable = |file: &str, why: Unreadable| {
            vec![Observation::SettingsFileUnreadable {
                file: file.into(),
                why,
                at_start: false,
            }]
        };
        let (line, column, byte) = (2, 8, 0xe9);
        fs::write(&keys, b"[always]\n# \xc3\xa4 caf\xe9\n").expect("writable");
        let why = Unreadable::NotUtf8 { line, column, byte };
        assert_eq!(look(), unreadable("keys.toml", why));
        assert_eq!(look(), [], "once is enough");
        fs::write(&keys, "#".repeat(64 * 1024)).expect("writable");
        assert_eq!(file(look().pop()).0, "keys.toml");
        fs::write(&keys, "#".repeat(64 * 1024 + 1)).expect("writable");
        let bytes_max = 64 * 1024;
        let why = Unreadable::TooLarge { bytes_max };
        assert_eq!(look(), unreadable("keys.toml", why));
        // What never ends is not even begun.
        fs::remove_file(&keys).expect("removed");
        symlink("/dev/zero", &keys).expect("a link");
        assert_eq!(look(), unreadable("keys.toml", Unreadable::NotAFile));
        fs::remove_file(&keys).expect("removed");
        assert_eq!(file(look().pop()), ("keys.toml".into(), None));
        // A folder that cannot be listed: a link that leads to itself.
        fs::rename(path.join("layouts"), path.join("kept")).expect("renamed");
        symlink("layouts", path.join("layouts")).expect("a link");
        let seen = look();
        assert!(
            matches!(
                seen.as_slice(),
                [Observation::SettingsFileUnreadable { file, why: Unreadable::Refused(_), .. }]
                if file == "layouts"
            ),
            "{seen:?}"
        );
        fs::remove_file(path.join("layouts")).expect("removed");
        fs::rename(path.join("kept"), path.join("layouts")).expect("renamed");
        assert_eq!(look(), [], "nothing was lost meanwhile");
        for number in 0..64 {
            fs::write(path.join(format!("layouts/{number:02}.toml")), "").expect("writable");
        }
        let seen = look();
        assert_eq!(seen.len(), 65);
        let files_max = 64;
        let why = Unreadable::TooMany { files_max };
        assert_eq!(seen[64..], unreadable("layouts/my.toml", why));
    }
}
