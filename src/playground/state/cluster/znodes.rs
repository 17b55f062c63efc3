//! `ZooKeeper`'s tree as it was read: what each znode holds, held before, and who wrote it.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet, VecDeque},
    fmt,
    time::Duration,
};

use serde::{Deserialize, Serialize};

use super::{
    WatchSeen, ZnodeContent, ZnodesSeen,
    fact::{Change, Told},
    znode_words::{epoch_of, state_in_words},
};
use crate::state::Timestamp;

/// A znode that is gone stays on the screen for so long.
pub const REMOVED_FOR: Duration = Duration::from_secs(30);

/// Writes that were told and whose znode may still be looked at.
const WRITES_MAX: usize = 256;

/// Paths whose watches fired last; a watch that is seen later may have been among them.
const FIRES_MAX: usize = 64;

/// The tree, and the watches on it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Znodes {
    /// Our own session, once the tree was read.
    pub session: Option<i64>,
    known: BTreeMap<ZnodePath, Znode>,
    watches: Vec<Watch>,
    fires: VecDeque<Fire>,
    writes: VecDeque<ZnodeWrite>,
}

/// A znode.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Znode {
    /// What it holds, or held when it went.
    pub content: ZnodeContent,
    /// What it held before that, if that was seen.
    pub before: Option<ZnodeContent>,
    /// When a change of it was seen.
    pub changed_at: Option<Timestamp>,
    /// When our own watch told that a znode below it came or went.
    pub children_changed_at: Option<Timestamp>,
    /// When it went.
    pub removed_at: Option<Timestamp>,
}

/// A watch, or several on one path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watch {
    /// The path.
    pub path: String,
    /// Who watches it.
    pub sessions: Vec<i64>,
    /// Whether it told of something below its path: only then it is known to be recursive.
    pub recursive: bool,
    /// When it fired last, if it did since the playground started.
    pub fired_at: Option<Timestamp>,
}

/// That a path's watches fired.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Fire {
    path: String,
    sessions: Vec<i64>,
    at: Timestamp,
}

/// Who wrote a znode, as its own process told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZnodeWrite {
    path: String,
    /// Who did it.
    pub by: ZnodeWriter,
    /// Whether the write was conditional on the version before it.
    pub conditional: bool,
    /// What it replaced, `leader 3 epoch 4 ISR 3,1,2`.
    pub before: Option<String>,
    /// What it made of it, in the same words; `None` where the words are not told.
    after: Option<String>,
}

/// Who writes znodes. In a saved session it is its words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum ZnodeWriter {
    /// `ZooKeeper`, because a session expired.
    Expiry,
    /// `ZooKeeper`, because a session was closed.
    Closing,
    /// A process, and what it was: `broker 2, as controller`.
    Process(String),
}

const EXPIRY: &str = "session expired";
const CLOSING: &str = "session closed";

impl ZnodeWriter {
    /// Whether a session's end did it, which only takes away.
    #[must_use]
    pub const fn is_session_end(&self) -> bool {
        matches!(self, Self::Expiry | Self::Closing)
    }
}

impl fmt::Display for ZnodeWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Expiry => EXPIRY,
            Self::Closing => CLOSING,
            Self::Process(by) => by,
        })
    }
}

impl From<String> for ZnodeWriter {
    fn from(words: String) -> Self {
        match words.as_str() {
            EXPIRY => Self::Expiry,
            CLOSING => Self::Closing,
            _ => Self::Process(words),
        }
    }
}

impl From<ZnodeWriter> for String {
    fn from(writer: ZnodeWriter) -> Self {
        writer.to_string()
    }
}

impl Znodes {
    /// Every znode that is known, each before those below it.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Znode)> {
        self.known
            .iter()
            .map(|(path, znode)| (path.as_str(), znode))
    }

    /// One znode.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<&Znode> {
        self.known.get(&ZnodePath(path.to_owned()))
    }

    /// The watches, by path.
    #[must_use]
    pub fn watches(&self) -> &[Watch] {
        &self.watches
    }

    /// The watches that tell of this path.
    pub fn watches_on<'a>(&'a self, path: &'a str) -> impl Iterator<Item = &'a Watch> {
        self.watches.iter().filter(move |watch| {
            watch.path == path || watch.recursive && is_below(path, &watch.path)
        })
    }

    /// Who made the znode what it is, if a report told.
    #[must_use]
    pub fn writer(&self, path: &str, summary: &str) -> Option<&ZnodeWrite> {
        let told = self.writes.iter().rev().find(|write| write.path == path)?;
        // Another write came after the one that was told.
        let outdated = |after: &String| after != summary;
        (!told.after.as_ref().is_some_and(outdated)).then_some(told)
    }

    /// When the last mark of a change goes that is shown for so long.
    #[must_use]
    pub fn next_change(&self, flash_for: Duration) -> Option<Timestamp> {
        let changes = self.known.values().filter_map(|znode| znode.changed_at);
        changes.max().map(|at| at.plus(flash_for))
    }

    pub(in crate::state) fn see(&mut self, seen: &ZnodesSeen, at: Timestamp) {
        self.session = Some(seen.session);
        if seen.whole {
            let there: BTreeSet<&str> = seen
                .znodes
                .iter()
                .map(|znode| znode.path.as_str())
                .collect();
            self.known
                .retain(|path, znode| znode.removed_at.is_some() || there.contains(path.as_str()));
        } else {
            let changed = seen.znodes.iter().map(|znode| znode.path.as_str());
            let below: Vec<&str> = changed.filter(|path| *path != "/").collect();
            if let (Some(path), Some(watch)) = (
                below.last(),
                self.watches
                    .iter_mut()
                    .find(|watch| watch.path == "/" && watch.sessions.contains(&seen.session)),
            ) {
                watch.recursive |= is_below(path, "/");
                watch.fired_at = Some(at);
            }
        }
        for znode in &seen.znodes {
            match &znode.content {
                Some(content) => self.see_content(&znode.path, content, seen.whole, at),
                None => self.see_gone(&znode.path, at),
            }
        }
        self.forget(at);
    }

    /// Forgets what went long enough ago.
    pub(in crate::state) fn forget(&mut self, now: Timestamp) {
        self.known.retain(|_, znode| {
            znode
                .removed_at
                .is_none_or(|removed| now.since(removed) < REMOVED_FOR)
        });
    }

    fn see_content(&mut self, path: &str, content: &ZnodeContent, whole: bool, at: Timestamp) {
        let path = ZnodePath(path.to_owned());
        let Some(known) = self.known.get_mut(&path) else {
            let znode = Znode {
                content: content.clone(),
                changed_at: (!whole).then_some(at),
                ..Znode::default()
            };
            let above = path.parent();
            self.known.insert(path, znode);
            if !whole {
                self.children_changed(&above, at);
            }
            return;
        };
        let is_new = known.removed_at.take().is_some();
        if is_new || known.content.mzxid != content.mzxid {
            known.before = (!is_new).then(|| known.content.clone());
            known.changed_at = Some(at);
        }
        known.content.clone_from(content);
        if is_new {
            self.children_changed(&path.parent(), at);
        }
    }

    fn see_gone(&mut self, path: &str, at: Timestamp) {
        let path = ZnodePath(path.to_owned());
        if let Some(znode) = self.known.get_mut(&path)
            && znode.removed_at.is_none()
        {
            znode.removed_at = Some(at);
            self.children_changed(&path.parent(), at);
        }
    }

    fn children_changed(&mut self, parent: &ZnodePath, at: Timestamp) {
        if let Some(parent) = self.known.get_mut(parent) {
            parent.children_changed_at = Some(at);
        }
    }

    /// Takes the list of watches; what is known of each stays known.
    pub(super) fn see_watches(&mut self, seen: &[WatchSeen]) {
        let before = std::mem::take(&mut self.watches);
        self.watches = seen
            .iter()
            .map(|watch| {
                let known = before.iter().find(|known| known.path == watch.path);
                Watch {
                    path: watch.path.clone(),
                    sessions: watch.sessions.clone(),
                    recursive: known.is_some_and(|known| known.recursive),
                    fired_at: known.and_then(|known| known.fired_at),
                }
            })
            .collect();
        for fire in self.fires.clone() {
            self.match_fire(&fire);
        }
    }

    fn match_fire(&mut self, fire: &Fire) {
        let exact: Vec<i64> = self
            .watches
            .iter()
            .filter(|watch| watch.path == fire.path)
            .flat_map(|watch| watch.sessions.clone())
            .collect();
        for watch in &mut self.watches {
            let told = |session: &i64| fire.sessions.contains(session);
            let fired = if watch.path == fire.path {
                watch.sessions.iter().any(told)
            } else {
                // Who also watches the path itself may have been told by that watch alone.
                let only_this = |session: &i64| told(session) && !exact.contains(session);
                let below = is_below(&fire.path, &watch.path);
                watch.recursive |= below && watch.sessions.iter().any(only_this);
                below && watch.recursive && watch.sessions.iter().any(told)
            };
            if fired {
                watch.fired_at = watch.fired_at.max(Some(fire.at));
            }
        }
    }

    /// Takes what a process told of znodes.
    pub(super) fn hear(&mut self, told: &Told) {
        let by = &told.by;
        let process = || ZnodeWriter::Process(by.to_string());
        match &told.change {
            Change::WatchFired { path, sessions, .. } => {
                let fire = Fire {
                    path: path.clone(),
                    sessions: sessions.clone(),
                    at: told.at,
                };
                self.match_fire(&fire);
                self.fires.retain(|known| known.path != *path);
                self.fires.push_back(fire);
                if self.fires.len() > FIRES_MAX {
                    self.fires.pop_front();
                }
            }
            Change::Registered { broker, .. } => {
                self.wrote(format!("/brokers/ids/{broker}"), process(), None);
            }
            Change::ControllerElected { .. } => {
                self.wrote("/controller".into(), process(), None);
                self.wrote("/controller_epoch".into(), process(), None);
            }
            Change::TopicCreated { topic, partitions } => {
                let by = ZnodeWriter::Process(format!("{by}, which created the topic"));
                self.wrote(format!("/config/topics/{topic}"), by.clone(), None);
                self.wrote(format!("/brokers/topics/{topic}"), by.clone(), None);
                for (partition, replicas) in partitions.iter().enumerate().take(WRITES_MAX / 4) {
                    let Some(leader) = replicas.first() else {
                        continue;
                    };
                    let after = state_in_words(leader.0, 0, replicas);
                    self.wrote(state_path(topic, partition), by.clone(), Some(after));
                }
            }
            Change::StateWritten {
                place,
                leader,
                epoch,
                isr,
            } => self.replaced(
                state_path(&place.topic, place.partition),
                format!("{by}, as controller"),
                state_in_words(leader.before.0, epoch.before.0, &isr.before),
                state_in_words(leader.after.0, epoch.after.0, &isr.after),
            ),
            Change::IsrWritten { place, leader, isr } => {
                let path = state_path(&place.topic, place.partition);
                let known = self.get(&path);
                // A leader changes its ISR within its own epoch.
                let epoch = known.and_then(|znode| epoch_of(&znode.content.data));
                if let Some(epoch) = epoch {
                    self.replaced(
                        path,
                        format!("{by}, as leader of p{}", place.partition),
                        state_in_words(leader.0, epoch, &isr.before),
                        state_in_words(leader.0, epoch, &isr.after),
                    );
                }
            }
            Change::SessionEnded {
                ephemerals,
                expired_after_ms,
                ..
            } => {
                let by = match expired_after_ms {
                    Some(_) => ZnodeWriter::Expiry,
                    None => ZnodeWriter::Closing,
                };
                for path in ephemerals {
                    self.wrote(path.clone(), by.clone(), None);
                }
            }
            _ => {}
        }
    }

    fn wrote(&mut self, path: String, by: ZnodeWriter, after: Option<String>) {
        self.remember(ZnodeWrite {
            path,
            by,
            conditional: false,
            before: None,
            after,
        });
    }

    fn replaced(&mut self, path: String, by: String, before: String, after: String) {
        self.remember(ZnodeWrite {
            path,
            by: ZnodeWriter::Process(by),
            conditional: true,
            before: Some(before),
            after: Some(after),
        });
    }

    fn remember(&mut self, write: ZnodeWrite) {
        self.writes.retain(|known| known.path != write.path);
        self.writes.push_back(write);
        if self.writes.len() > WRITES_MAX {
            self.writes.pop_front();
        }
    }
}

fn state_path(topic: &str, partition: impl std::fmt::Display) -> String {
    format!("/brokers/topics/{topic}/partitions/{partition}/state")
}

/// Whether a path is below another one.
fn is_below(path: &str, above: &str) -> bool {
    path != above
        && path
            .strip_prefix(above.trim_end_matches('/'))
            .is_some_and(|rest| rest.starts_with('/'))
}

/// A path in the order of the tree: what elects and registers first, numbers by their value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
struct ZnodePath(String);

impl ZnodePath {
    fn as_str(&self) -> &str {
        &self.0
    }

    fn parent(&self) -> Self {
        Self(parent(&self.0).to_owned())
    }
}

/// The path above this one; the root is above itself.
pub(in crate::state) fn parent(path: &str) -> &str {
    match path.rsplit_once('/') {
        Some(("", _)) | None => "/",
        Some((parent, _)) => parent,
    }
}

/// How a name is ordered among its siblings.
fn order(name: &str) -> (usize, Option<u64>, &str) {
    /// What a person looks for first, at the top of the tree.
    const FIRST: [&str; 6] = [
        "controller",
        "controller_epoch",
        "brokers",
        "config",
        "admin",
        "cluster",
    ];
    let rank = FIRST.iter().position(|first| *first == name);
    (rank.unwrap_or(FIRST.len()), name.parse().ok(), name)
}

impl Ord for ZnodePath {
    fn cmp(&self, other: &Self) -> Ordering {
        fn names(path: &str) -> impl Iterator<Item = (usize, Option<u64>, &str)> {
            path.split('/').filter(|name| !name.is_empty()).map(order)
        }
        names(&self.0).cmp(names(&other.0))
    }
}

impl PartialOrd for ZnodePath {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::Znodes;
    use crate::state::cluster::{Change, Moved, Told};
    use crate::state::znode_summary as summary;
    use crate::state::{ProcessName, Timestamp, WatchSeen, ZnodeContent, ZnodeSeen, ZnodesSeen};
    use wire::{BrokerId, LeaderEpoch, TopicPartition, report::ZnodeChange};

    const STATE: &str = "/brokers/topics/orders/partitions/2/state";

    fn content(data: &str, version: i32) -> ZnodeContent {
        ZnodeContent {
            data: data.into(),
            version,
            mzxid: i64::from(version),
            ..ZnodeContent::default()
        }
    }

    fn seen(whole: bool, znodes: &[(&str, Option<ZnodeContent>)]) -> ZnodesSeen {
        ZnodesSeen {
            session: 4,
            whole,
            znodes: znodes
                .iter()
                .map(|(path, content)| ZnodeSeen {
                    path: (*path).into(),
                    content: content.clone(),
                })
                .collect(),
        }
    }

    fn state(leader: i32, epoch: i32, isr: &str) -> String {
        format!(
            r#"{{"controller_epoch":1,"leader":{leader},"version":1,"leader_epoch":{epoch},"isr":[{isr}]}}"#
        )
    }

    #[test]
    fn the_tree_is_in_reading_order() {
        let mut znodes = Znodes::default();
        let paths = [
            "/zookeeper",
            "/brokers-else",
            "/brokers/topics/a/partitions/10",
            "/brokers/topics/a/partitions/9",
            "/brokers/topics",
            "/brokers",
            "/controller",
            "/",
        ];
        znodes.see(
            &seen(true, &paths.map(|path| (path, Some(content("", 0))))),
            Timestamp(0),
        );
        let order: Vec<&str> = znodes.iter().map(|(path, _)| path).collect();
        assert_eq!(
            order,
            [
                "/",
                "/controller",
                "/brokers",
                "/brokers/topics",
                "/brokers/topics/a/partitions/9",
                "/brokers/topics/a/partitions/10",
                "/brokers-else",
                "/zookeeper",
            ]
        );
    }

    #[test]
    fn what_goes_stays_for_a_while_and_its_parent_says_so() {
        let mut znodes = Znodes::default();
        let there = [
            ("/brokers/ids", Some(content("", 0))),
            ("/brokers/ids/3", Some(content("x", 0))),
        ];
        znodes.see(&seen(true, &there), Timestamp::from_ms(0));
        assert_eq!(
            znodes.get("/brokers/ids/3").expect("there").changed_at,
            None
        );
        znodes.see(
            &seen(false, &[("/brokers/ids/3", None)]),
            Timestamp::from_ms(1000),
        );
        let gone = znodes.get("/brokers/ids/3").expect("shown as removed");
        assert_eq!(gone.removed_at, Some(Timestamp::from_ms(1000)));
        let above = znodes.get("/brokers/ids").expect("there");
        assert_eq!(above.children_changed_at, Some(Timestamp::from_ms(1000)));
        znodes.forget(Timestamp::from_ms(40_000));
        assert!(znodes.get("/brokers/ids/3").is_none());
    }

    #[test]
    fn a_change_keeps_what_was_before_and_who_told_of_it() {
        let mut znodes = Znodes::default();
        znodes.see(
            &seen(true, &[(STATE, Some(content(&state(3, 4, "3,1,2"), 5)))]),
            Timestamp(0),
        );
        znodes.hear(&Told {
            at: Timestamp(1),
            by: ProcessName::Broker(BrokerId(2)),
            change: Change::StateWritten {
                place: TopicPartition::new("orders", 2),
                leader: Moved::new(BrokerId(3), BrokerId(1)),
                epoch: Moved::new(LeaderEpoch(4), LeaderEpoch(5)),
                isr: Moved::new(
                    vec![BrokerId(3), BrokerId(1), BrokerId(2)],
                    vec![BrokerId(1), BrokerId(2)],
                ),
            },
        });
        znodes.see(
            &seen(false, &[(STATE, Some(content(&state(1, 5, "1,2"), 6)))]),
            Timestamp(2),
        );
        let znode = znodes.get(STATE).expect("there");
        let before = znode.before.as_ref().expect("it was seen");
        assert_eq!((before.version, znode.content.version), (5, 6));
        let words = summary(STATE, &znode.content);
        let writer = znodes.writer(STATE, &words).expect("told");
        assert_eq!(writer.by.to_string(), "broker 2, as controller");
        assert_eq!(writer.before.as_deref(), Some("leader 3 epoch 4 ISR 3,1,2"));
        assert!(
            znodes.writer(STATE, "leader 2 epoch 6 ISR 2").is_none(),
            "somebody else wrote after the one that was told"
        );
    }

    #[test]
    fn a_watch_is_recursive_once_it_told_of_something_below() {
        let mut znodes = Znodes::default();
        let fired = |path: &str, sessions: &[i64], at| Told {
            at,
            by: ProcessName::ZooKeeper,
            change: Change::WatchFired {
                path: path.into(),
                change: ZnodeChange::Changed,
                sessions: sessions.to_vec(),
            },
        };
        // Told before anybody asked for the list of watches.
        znodes.hear(&fired("/brokers/ids/3", &[1], Timestamp(5)));
        let watches = [
            ("/brokers", vec![1, 2]),
            ("/brokers/seqid", vec![2]),
            ("/controller", vec![1]),
        ];
        let watches = watches.map(|(path, sessions)| WatchSeen {
            path: path.into(),
            sessions,
        });
        znodes.see_watches(&watches);
        let known = |znodes: &Znodes| -> Vec<(bool, Option<i64>)> {
            let watches = znodes.watches().iter();
            watches
                .map(|watch| (watch.recursive, watch.fired_at.map(|at| at.0)))
                .collect()
        };
        assert_eq!(
            known(&znodes),
            [(true, Some(5)), (false, None), (false, None)]
        );
        znodes.hear(&fired("/controller", &[1], Timestamp(9)));
        znodes.see_watches(&watches);
        assert_eq!(
            known(&znodes),
            [(true, Some(5)), (false, None), (false, Some(9))]
        );
        assert_eq!(znodes.watches_on("/brokers/topics").count(), 1);
        assert_eq!(znodes.watches_on("/controller/x").count(), 0);
    }
}
