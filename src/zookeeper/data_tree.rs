//! The znodes: a tree that changes only by [`Change`]s, which can be taken back while a multi is
//! still being checked. Who may do what, and versions, are asked before a change is made.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use bytes::Bytes;

use super::{
    path,
    txn::{Change, Stamp},
};
use wire::jute::{Acl, KeeperCode, Stat, open_acl, perms};

/// The `ephemeral_owner` of a container: a znode that is removed when its last child is.
pub(super) const CONTAINER_OWNER: i64 = i64::MIN;

/// Znodes that exist from the start and cannot be deleted.
const RESERVED: [&str; 4] = ["/", "/zookeeper", "/zookeeper/config", "/zookeeper/quota"];

/// Every znode, by path.
#[derive(Debug)]
pub(super) struct DataTree {
    /// Invariant: a path's parent is a key too, and lists it in its `children`.
    nodes: BTreeMap<String, Znode>,
    /// Invariant: the paths whose `owner` is this session.
    ephemerals: BTreeMap<i64, BTreeSet<String>>,
    /// Invariant: the paths whose `owner` is [`CONTAINER_OWNER`].
    containers: BTreeSet<String>,
    /// Shared by nearly every znode.
    open_acl: Arc<[Acl]>,
}

/// One znode. Times and transaction ids as in [`Stat`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Znode {
    pub data: Option<Bytes>,
    pub acl: Arc<[Acl]>,
    pub created: Stamp,
    pub modified: Stamp,
    pub version: i32,
    pub aversion: i32,
    /// The session of an ephemeral znode, [`CONTAINER_OWNER`], or 0.
    pub owner: i64,
    /// The last transaction that created or deleted a child.
    pub pzxid: i64,
    /// How many children were ever created: numbers the sequential ones.
    pub creations: i32,
    pub children: BTreeSet<String>,
}

/// How to take a change back.
#[derive(Debug)]
pub(super) enum Undo {
    Created {
        path: String,
        parent_pzxid: i64,
    },
    Deleted {
        path: String,
        node: Znode,
        parent_pzxid: i64,
    },
    SetData {
        path: String,
        data: Option<Bytes>,
        version: i32,
        modified: Stamp,
    },
    SetAcl {
        path: String,
        acl: Arc<[Acl]>,
        aversion: i32,
    },
}

impl DataTree {
    /// The tree of a new server: only the reserved znodes.
    pub(super) fn new() -> Self {
        let open_acl: Arc<[Acl]> = open_acl().into();
        let mut tree = Self {
            nodes: BTreeMap::new(),
            ephemerals: BTreeMap::new(),
            containers: BTreeSet::new(),
            open_acl: open_acl.clone(),
        };
        for path in RESERVED {
            let acl = if path == "/zookeeper/config" {
                vec![Acl::world(perms::READ)].into()
            } else {
                open_acl.clone()
            };
            tree.restore(
                path.to_owned(),
                Znode::new(Some(Bytes::new()), acl, 0, Stamp::default()),
            );
        }
        tree
    }

    /// Puts a znode back as it was stored. Parents come before their children.
    pub(super) fn restore(&mut self, path: String, mut node: Znode) {
        if node.acl == self.open_acl {
            node.acl = self.open_acl.clone();
        }
        if let Some((parent, name)) = path::split(&path)
            && let Some(parent) = self.nodes.get_mut(parent)
        {
            parent.children.insert(name.to_owned());
        }
        // A reserved znode is there before it is restored; its children are found again below it.
        if let Some(before) = self.nodes.get(&path) {
            node.children.clone_from(&before.children);
        }
        self.own(&path, node.owner);
        self.nodes.insert(path, node);
    }

    /// The znode at a path.
    pub(super) fn get(&self, path: &str) -> Option<&Znode> {
        self.nodes.get(path)
    }

    /// Every znode, parents before their children.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Znode)> {
        self.nodes.iter().map(|(path, node)| (path.as_str(), node))
    }

    /// How many znodes there are, the reserved ones included.
    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Bytes of all paths and data: what `mntr` calls the approximate size.
    pub(super) fn data_bytes(&self) -> usize {
        self.nodes
            .iter()
            .map(|(path, node)| path.len() + node.data.as_ref().map_or(0, Bytes::len))
            .sum()
    }

    /// How many znodes are below a path, at any depth.
    pub(super) fn descendants(&self, path: &str) -> usize {
        let prefix = path::prefix_of_children(path);
        self.nodes
            .range(prefix.clone()..)
            .take_while(|(below, _)| below.starts_with(&prefix))
            .filter(|(below, _)| below.as_str() != path)
            .count()
    }

    /// The ephemeral znodes of a session, in order.
    pub(super) fn ephemerals_of(&self, session: i64) -> impl Iterator<Item = &str> {
        self.ephemerals
            .get(&session)
            .into_iter()
            .flatten()
            .map(String::as_str)
    }

    /// Sessions that own ephemeral znodes, with these.
    pub(super) fn ephemerals(&self) -> &BTreeMap<i64, BTreeSet<String>> {
        &self.ephemerals
    }

    /// Containers that had children and have none left.
    pub(super) fn empty_containers(&self) -> Vec<String> {
        self.containers
            .iter()
            .filter(|path| {
                self.get(path)
                    .is_some_and(|node| node.creations > 0 && node.children.is_empty())
            })
            .cloned()
            .collect()
    }

    /// Whether this znode must stay.
    pub(super) fn is_reserved(path: &str) -> bool {
        RESERVED.contains(&path)
    }

    /// Makes one change.
    ///
    /// # Errors
    /// The tree does not allow it, and is as before.
    pub(super) fn apply(&mut self, change: &Change, at: Stamp) -> Result<Undo, KeeperCode> {
        match change {
            Change::Create {
                path,
                data,
                acl,
                owner,
            } => self.create(path, data.clone(), acl, *owner, at),
            Change::Delete { path } => self.delete(path, at),
            Change::SetData { path, data } => {
                let node = self.nodes.get_mut(path).ok_or(KeeperCode::NoNode)?;
                let undo = Undo::SetData {
                    path: path.clone(),
                    data: std::mem::replace(&mut node.data, data.clone()),
                    version: node.version,
                    modified: node.modified,
                };
                node.version = node.version.wrapping_add(1);
                node.modified = at;
                Ok(undo)
            }
            Change::SetAcl { path, acl } => {
                let acl = self.share(acl);
                let node = self.nodes.get_mut(path).ok_or(KeeperCode::NoNode)?;
                let undo = Undo::SetAcl {
                    path: path.clone(),
                    acl: std::mem::replace(&mut node.acl, acl),
                    aversion: node.aversion,
                };
                node.aversion = node.aversion.wrapping_add(1);
                Ok(undo)
            }
        }
    }

    /// Deletes the ephemeral znodes of a session that ends; returns their paths.
    pub(super) fn delete_ephemerals(&mut self, session: i64, at: Stamp) -> Vec<String> {
        let paths: Vec<String> = self.ephemerals_of(session).map(str::to_owned).collect();
        for path in &paths {
            self.remove(path, at.zxid);
        }
        paths
    }

    /// Takes a change back. Only the latest one that was not taken back yet may be.
    pub(super) fn undo(&mut self, undo: Undo) {
        match undo {
            Undo::Created { path, parent_pzxid } => {
                self.remove(&path, parent_pzxid);
                if let Some((parent, _)) = path::split(&path)
                    && let Some(parent) = self.nodes.get_mut(parent)
                {
                    parent.creations = parent.creations.wrapping_sub(1);
                }
            }
            Undo::Deleted {
                path,
                node,
                parent_pzxid,
            } => self.insert(path, node, parent_pzxid),
            Undo::SetData {
                path,
                data,
                version,
                modified,
            } => {
                if let Some(node) = self.nodes.get_mut(&path) {
                    node.data = data;
                    node.version = version;
                    node.modified = modified;
                }
            }
            Undo::SetAcl {
                path,
                acl,
                aversion,
            } => {
                if let Some(node) = self.nodes.get_mut(&path) {
                    node.acl = acl;
                    node.aversion = aversion;
                }
            }
        }
    }

    fn create(
        &mut self,
        path: &str,
        data: Option<Bytes>,
        acl: &[Acl],
        owner: i64,
        at: Stamp,
    ) -> Result<Undo, KeeperCode> {
        let (parent, _) = path::split(path).ok_or(KeeperCode::NodeExists)?;
        let acl = self.share(acl);
        let node = self.nodes.get_mut(parent).ok_or(KeeperCode::NoNode)?;
        if node.is_ephemeral() {
            return Err(KeeperCode::NoChildrenForEphemerals);
        }
        let parent_pzxid = node.pzxid;
        if self.nodes.contains_key(path) {
            return Err(KeeperCode::NodeExists);
        }
        if let Some(node) = self.nodes.get_mut(parent) {
            node.creations = node.creations.wrapping_add(1);
        }
        self.insert(path.to_owned(), Znode::new(data, acl, owner, at), at.zxid);
        Ok(Undo::Created {
            path: path.to_owned(),
            parent_pzxid,
        })
    }

    fn delete(&mut self, path: &str, at: Stamp) -> Result<Undo, KeeperCode> {
        let node = self.get(path).ok_or(KeeperCode::NoNode)?;
        if !node.children.is_empty() {
            return Err(KeeperCode::NotEmpty);
        }
        if Self::is_reserved(path) {
            return Err(KeeperCode::BadArguments);
        }
        let parent_pzxid = path::split(path)
            .and_then(|(parent, _)| self.get(parent))
            .map_or(0, |parent| parent.pzxid);
        let node = self
            .remove(path, at.zxid)
            .expect("the znode was found above");
        Ok(Undo::Deleted {
            path: path.to_owned(),
            node,
            parent_pzxid,
        })
    }

    fn insert(&mut self, path: String, node: Znode, parent_pzxid: i64) {
        if let Some((parent, name)) = path::split(&path)
            && let Some(parent) = self.nodes.get_mut(parent)
        {
            parent.children.insert(name.to_owned());
            parent.pzxid = parent_pzxid;
        }
        self.own(&path, node.owner);
        self.nodes.insert(path, node);
    }

    fn remove(&mut self, path: &str, parent_pzxid: i64) -> Option<Znode> {
        let node = self.nodes.remove(path)?;
        if let Some((parent, name)) = path::split(path)
            && let Some(parent) = self.nodes.get_mut(parent)
        {
            parent.children.remove(name);
            parent.pzxid = parent_pzxid;
        }
        if node.owner == CONTAINER_OWNER {
            self.containers.remove(path);
        } else if let Some(paths) = self.ephemerals.get_mut(&node.owner) {
            paths.remove(path);
            if paths.is_empty() {
                self.ephemerals.remove(&node.owner);
            }
        }
        Some(node)
    }

    fn own(&mut self, path: &str, owner: i64) {
        match owner {
            0 => {}
            CONTAINER_OWNER => {
                self.containers.insert(path.to_owned());
            }
            session => {
                self.ephemerals
                    .entry(session)
                    .or_default()
                    .insert(path.to_owned());
            }
        }
    }

    fn share(&self, acl: &[Acl]) -> Arc<[Acl]> {
        if *acl == *self.open_acl {
            self.open_acl.clone()
        } else {
            acl.into()
        }
    }
}

impl Znode {
    fn new(data: Option<Bytes>, acl: Arc<[Acl]>, owner: i64, at: Stamp) -> Self {
        Self {
            data,
            acl,
            created: at,
            modified: at,
            version: 0,
            aversion: 0,
            owner,
            pzxid: at.zxid,
            creations: 0,
            children: BTreeSet::new(),
        }
    }

    /// Whether it goes with its session.
    pub(super) fn is_ephemeral(&self) -> bool {
        self.owner != 0 && self.owner != CONTAINER_OWNER
    }

    /// The numbers that clients see. `cversion` counts creations and deletions of children, which
    /// is twice the creations less the children that are left.
    pub(super) fn stat(&self) -> Stat {
        let children = i32::try_from(self.children.len()).unwrap_or(i32::MAX);
        Stat {
            czxid: self.created.zxid,
            mzxid: self.modified.zxid,
            ctime_ms: self.created.time_ms,
            mtime_ms: self.modified.time_ms,
            version: self.version,
            cversion: self.creations.wrapping_mul(2).wrapping_sub(children),
            aversion: self.aversion,
            // Clients are not told what makes a container one.
            ephemeral_owner: if self.owner == CONTAINER_OWNER {
                0
            } else {
                self.owner
            },
            data_length: i32::try_from(self.data.as_ref().map_or(0, Bytes::len))
                .unwrap_or(i32::MAX),
            num_children: children,
            pzxid: self.pzxid,
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::{CONTAINER_OWNER, DataTree};
    use crate::txn::{Change, Stamp};
    use wire::jute::{KeeperCode, open_acl};

    fn at(zxid: i64) -> Stamp {
        Stamp {
            zxid,
            time_ms: zxid * 10,
        }
    }

    fn create(path: &str, owner: i64) -> Change {
        Change::Create {
            path: path.into(),
            data: Some(Bytes::from_static(b"v")),
            acl: open_acl(),
            owner,
        }
    }

    fn delete(path: &str) -> Change {
        Change::Delete { path: path.into() }
    }

    #[test]
    fn a_stat_counts_as_the_original_does() {
        let mut tree = DataTree::new();
        assert_eq!(tree.get("/").expect("root").stat().cversion, -1);
        tree.apply(&create("/a", 0), at(1)).expect("new");
        tree.apply(&create("/a/b", 0), at(2)).expect("new");
        tree.apply(&create("/a/c", 0), at(3)).expect("new");
        tree.apply(&delete("/a/b"), at(4)).expect("there");
        let set = Change::SetData {
            path: "/a".into(),
            data: None,
        };
        tree.apply(&set, at(5)).expect("there");
        let stat = tree.get("/a").expect("there").stat();
        assert_eq!((stat.czxid, stat.mzxid, stat.pzxid), (1, 5, 4));
        assert_eq!((stat.ctime_ms, stat.mtime_ms), (10, 50));
        assert_eq!((stat.version, stat.cversion), (1, 3));
        assert_eq!((stat.data_length, stat.num_children), (0, 1));
    }

    #[test]
    fn the_tree_refuses_what_would_break_it() {
        let mut tree = DataTree::new();
        tree.apply(&create("/e", 7), at(1)).expect("new");
        tree.apply(&create("/p", 0), at(2)).expect("new");
        tree.apply(&create("/p/c", 0), at(3)).expect("new");
        for (change, code) in [
            (create("/e/c", 0), KeeperCode::NoChildrenForEphemerals),
            (create("/p", 0), KeeperCode::NodeExists),
            (create("/", 0), KeeperCode::NodeExists),
            (create("/x/y", 0), KeeperCode::NoNode),
            (delete("/p"), KeeperCode::NotEmpty),
            (delete("/x"), KeeperCode::NoNode),
            (delete("/zookeeper/quota"), KeeperCode::BadArguments),
        ] {
            assert_eq!(tree.apply(&change, at(4)).err(), Some(code), "{change:?}");
        }
        assert_eq!(tree.len(), 4 + 3);
    }

    #[test]
    fn what_is_taken_back_never_was() {
        let mut tree = DataTree::new();
        tree.apply(&create("/a", 7), at(1)).expect("new");
        tree.apply(&create("/box", CONTAINER_OWNER), at(1))
            .expect("new");
        let before = format!("{tree:?}");
        let changes = [
            create("/b", 0),
            create("/b/c", 7),
            create("/box/c", 0),
            delete("/a"),
            delete("/b/c"),
            Change::SetAcl {
                path: "/b".into(),
                acl: vec![],
            },
            Change::SetData {
                path: "/b".into(),
                data: None,
            },
        ];
        let undos: Vec<_> = changes
            .iter()
            .map(|change| tree.apply(change, at(2)).expect("allowed"))
            .collect();
        for undo in undos.into_iter().rev() {
            tree.undo(undo);
        }
        assert_eq!(format!("{tree:?}"), before);
    }

    #[test]
    fn ephemerals_and_containers_are_found() {
        let mut tree = DataTree::new();
        tree.apply(&create("/a", 7), at(1)).expect("new");
        tree.apply(&create("/box", CONTAINER_OWNER), at(2))
            .expect("new");
        assert!(tree.empty_containers().is_empty(), "it never had a child");
        tree.apply(&create("/box/c", 7), at(3)).expect("new");
        assert_eq!(tree.ephemerals_of(7).collect::<Vec<_>>(), ["/a", "/box/c"]);
        assert_eq!(tree.descendants("/"), tree.len() - 1);
        assert_eq!(tree.descendants("/box"), 1);
        tree.apply(&delete("/box/c"), at(4)).expect("there");
        assert_eq!(tree.empty_containers(), ["/box"]);
    }
}
