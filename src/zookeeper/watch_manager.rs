//! Watches: which connection wants to hear of which path, once, always, or with all below it.

use std::collections::{BTreeMap, BTreeSet};

use super::{ConnectionId, path};
use wire::jute::{EventType, WatchMode, WatcherType};

/// All watches. They belong to connections: a client sets them again when it reconnects.
#[derive(Debug, Default)]
pub(super) struct WatchManager {
    /// Wait for the znode itself to come, change or go; recursive ones also for those below.
    data: WatchTable,
    /// Wait for the list of children to change.
    child: WatchTable,
}

impl WatchManager {
    /// Watches a znode, or its coming into being, once.
    pub(super) fn watch_data(&mut self, path: &str, watcher: ConnectionId) {
        self.data.add(path, watcher, Modes::STANDARD);
    }

    /// Watches a znode's children once.
    pub(super) fn watch_children(&mut self, path: &str, watcher: ConnectionId) {
        self.child.add(path, watcher, Modes::STANDARD);
    }

    /// Watches until removed. A recursive watch sees every znode below come, change and go, and
    /// therefore no lists of children.
    pub(super) fn watch_always(&mut self, path: &str, watcher: ConnectionId, mode: WatchMode) {
        match mode {
            WatchMode::Persistent => {
                self.data.add(path, watcher, Modes::PERSISTENT);
                self.child.add(path, watcher, Modes::PERSISTENT);
            }
            WatchMode::PersistentRecursive => self.data.add(path, watcher, Modes::RECURSIVE),
        }
    }

    /// Who hears of an event; one-shot watches are used up by it.
    pub(super) fn trigger(&mut self, path: &str, event: EventType) -> BTreeSet<ConnectionId> {
        match event {
            EventType::NodeCreated | EventType::NodeDataChanged => self.data.trigger(path, true),
            EventType::NodeChildrenChanged => self.child.trigger(path, false),
            EventType::NodeDeleted => {
                let mut watchers = self.data.trigger(path, true);
                watchers.extend(self.child.trigger(path, false));
                watchers
            }
        }
    }

    /// Whether this connection has such a watch at a path.
    pub(super) fn contains(&self, path: &str, watcher: ConnectionId, kind: WatcherType) -> bool {
        let data = self.data.modes(path, watcher);
        let child = self.child.modes(path, watcher);
        match kind {
            WatcherType::Any => data.or(child).is_some(),
            WatcherType::Data => data.is_some_and(|modes| modes.standard),
            WatcherType::Children => child.is_some_and(|modes| modes.standard),
            WatcherType::Persistent => data.is_some_and(|modes| modes.persistent),
            WatcherType::PersistentRecursive => data.is_some_and(|modes| modes.recursive),
        }
    }

    /// Removes such watches of this connection at a path; says whether there were any.
    pub(super) fn remove(&mut self, path: &str, watcher: ConnectionId, kind: WatcherType) -> bool {
        let found = self.contains(path, watcher, kind);
        let (data, child) = match kind {
            WatcherType::Any => (Modes::ALL, Modes::ALL),
            WatcherType::Data => (Modes::STANDARD, Modes::default()),
            WatcherType::Children => (Modes::default(), Modes::STANDARD),
            WatcherType::Persistent => (Modes::PERSISTENT, Modes::PERSISTENT),
            WatcherType::PersistentRecursive => (Modes::RECURSIVE, Modes::default()),
        };
        self.data.remove(path, watcher, data);
        self.child.remove(path, watcher, child);
        found
    }

    /// A connection is gone, and its watches with it.
    pub(super) fn forget(&mut self, watcher: ConnectionId) {
        self.data.forget(watcher);
        self.child.forget(watcher);
    }

    /// The watched paths with their watchers: data watches first, then children's, as `wchp` lists them.
    pub(super) fn by_path(&self) -> impl Iterator<Item = (&str, Vec<ConnectionId>)> {
        self.data
            .by_path
            .iter()
            .chain(&self.child.by_path)
            .map(|(path, watchers)| (path.as_str(), watchers.keys().copied().collect()))
    }

    /// The watching connections with their paths.
    pub(super) fn by_watcher(&self) -> BTreeMap<ConnectionId, BTreeSet<&str>> {
        let mut all: BTreeMap<ConnectionId, BTreeSet<&str>> = BTreeMap::new();
        for table in [&self.data, &self.child] {
            for (watcher, paths) in &table.by_watcher {
                all.entry(*watcher)
                    .or_default()
                    .extend(paths.iter().map(String::as_str));
            }
        }
        all
    }

    /// How many watches there are.
    pub(super) fn len(&self) -> usize {
        self.data.len() + self.child.len()
    }
}

/// How one connection watches one path; more than one way at once is possible.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Modes {
    standard: bool,
    persistent: bool,
    recursive: bool,
}

impl Modes {
    const STANDARD: Self = Self::of(true, false, false);
    const PERSISTENT: Self = Self::of(false, true, false);
    const RECURSIVE: Self = Self::of(false, false, true);
    const ALL: Self = Self::of(true, true, true);

    const fn of(standard: bool, persistent: bool, recursive: bool) -> Self {
        Self {
            standard,
            persistent,
            recursive,
        }
    }

    const fn with(self, other: Self) -> Self {
        Self::of(
            self.standard | other.standard,
            self.persistent | other.persistent,
            self.recursive | other.recursive,
        )
    }

    const fn without(self, other: Self) -> Self {
        Self::of(
            self.standard && !other.standard,
            self.persistent && !other.persistent,
            self.recursive && !other.recursive,
        )
    }
}

#[derive(Debug, Default)]
struct WatchTable {
    /// Invariant: no empty map and no empty modes in it.
    by_path: BTreeMap<String, BTreeMap<ConnectionId, Modes>>,
    /// Invariant: the same pairs, the other way round.
    by_watcher: BTreeMap<ConnectionId, BTreeSet<String>>,
    /// How many of the modes are recursive: with none, parents need no look.
    recursive: usize,
}

impl WatchTable {
    fn add(&mut self, path: &str, watcher: ConnectionId, modes: Modes) {
        let before = self.modes(path, watcher).unwrap_or_default();
        self.set(path, watcher, before.with(modes));
    }

    fn remove(&mut self, path: &str, watcher: ConnectionId, modes: Modes) {
        if let Some(before) = self.modes(path, watcher) {
            self.set(path, watcher, before.without(modes));
        }
    }

    fn modes(&self, path: &str, watcher: ConnectionId) -> Option<Modes> {
        self.by_path.get(path)?.get(&watcher).copied()
    }

    fn set(&mut self, path: &str, watcher: ConnectionId, modes: Modes) {
        let before = self.modes(path, watcher).unwrap_or_default();
        self.recursive += usize::from(modes.recursive);
        self.recursive -= usize::from(before.recursive);
        if modes == Modes::default() {
            if let Some(watchers) = self.by_path.get_mut(path) {
                watchers.remove(&watcher);
                if watchers.is_empty() {
                    self.by_path.remove(path);
                }
            }
            if let Some(paths) = self.by_watcher.get_mut(&watcher) {
                paths.remove(path);
                if paths.is_empty() {
                    self.by_watcher.remove(&watcher);
                }
            }
        } else {
            self.by_path
                .entry(path.to_owned())
                .or_default()
                .insert(watcher, modes);
            self.by_watcher
                .entry(watcher)
                .or_default()
                .insert(path.to_owned());
        }
    }

    fn trigger(&mut self, path: &str, recursive: bool) -> BTreeSet<ConnectionId> {
        let here = self.by_path.get(path).cloned().unwrap_or_default();
        for (watcher, modes) in &here {
            if modes.standard {
                self.set(path, *watcher, modes.without(Modes::STANDARD));
            }
        }
        let mut watchers: BTreeSet<_> = here.into_keys().collect();
        if recursive && self.recursive > 0 {
            for parent in path::up_from(path).skip(1) {
                let above = self.by_path.get(parent).into_iter().flatten();
                watchers.extend(
                    above
                        .filter(|(_, modes)| modes.recursive)
                        .map(|(watcher, _)| *watcher),
                );
            }
        }
        watchers
    }

    fn forget(&mut self, watcher: ConnectionId) {
        let paths = self.by_watcher.get(&watcher).cloned().unwrap_or_default();
        for path in paths {
            self.set(&path, watcher, Modes::default());
        }
    }

    fn len(&self) -> usize {
        self.by_watcher.values().map(BTreeSet::len).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::WatchManager;
    use crate::ConnectionId;
    use wire::jute::{EventType, WatchMode, WatcherType};

    const A: ConnectionId = ConnectionId(1);
    const B: ConnectionId = ConnectionId(2);

    fn heard(watches: &mut WatchManager, path: &str, event: EventType) -> Vec<u64> {
        let heard_by = watches.trigger(path, event);
        heard_by.into_iter().map(|id| id.0).collect()
    }

    #[test]
    fn a_watch_fires_once_and_only_for_what_it_waits_for() {
        let mut watches = WatchManager::default();
        watches.watch_data("/a", A);
        watches.watch_children("/a", B);
        assert!(heard(&mut watches, "/a/b", EventType::NodeCreated).is_empty());
        assert_eq!(
            heard(&mut watches, "/a", EventType::NodeChildrenChanged),
            [2]
        );
        assert_eq!(heard(&mut watches, "/a", EventType::NodeDataChanged), [1]);
        assert!(heard(&mut watches, "/a", EventType::NodeDataChanged).is_empty());
        assert_eq!(watches.len(), 0);
    }

    #[test]
    fn a_deletion_reaches_a_connection_once() {
        let mut watches = WatchManager::default();
        watches.watch_data("/a", A);
        watches.watch_children("/a", A);
        watches.watch_children("/a", B);
        assert_eq!(heard(&mut watches, "/a", EventType::NodeDeleted), [1, 2]);
        assert_eq!(watches.len(), 0);
    }

    #[test]
    fn persistent_watches_stay_and_recursive_ones_see_what_is_below() {
        let mut watches = WatchManager::default();
        watches.watch_always("/a", A, WatchMode::Persistent);
        watches.watch_always("/", B, WatchMode::PersistentRecursive);
        for _ in 0..2 {
            assert_eq!(
                heard(&mut watches, "/a", EventType::NodeDataChanged),
                [1, 2]
            );
            assert_eq!(
                heard(&mut watches, "/a", EventType::NodeChildrenChanged),
                [1]
            );
            assert_eq!(heard(&mut watches, "/a/b/c", EventType::NodeDeleted), [2]);
        }
    }

    #[test]
    fn a_one_shot_watch_beside_a_persistent_one_is_used_up_alone() {
        let mut watches = WatchManager::default();
        watches.watch_data("/a", A);
        watches.watch_always("/a", A, WatchMode::Persistent);
        assert!(watches.contains("/a", A, WatcherType::Data));
        assert_eq!(heard(&mut watches, "/a", EventType::NodeDataChanged), [1]);
        assert!(!watches.contains("/a", A, WatcherType::Data));
        assert!(watches.contains("/a", A, WatcherType::Persistent));
        assert!(!watches.remove("/a", A, WatcherType::Data));
        assert!(watches.remove("/a", A, WatcherType::Any));
        assert!(!watches.contains("/a", A, WatcherType::Any));
    }

    #[test]
    fn a_gone_connection_leaves_nothing_behind() {
        let mut watches = WatchManager::default();
        watches.watch_data("/a", A);
        watches.watch_always("/b", A, WatchMode::PersistentRecursive);
        watches.forget(A);
        assert_eq!(watches.len(), 0);
        assert_eq!(watches.data.recursive, 0);
        assert!(watches.by_path().next().is_none());
    }
}
