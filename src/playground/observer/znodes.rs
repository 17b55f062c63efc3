//! Reads `ZooKeeper`'s tree while it is on the screen: once whole, then what the watch names.
//!
//! A watch tells only that something changed; what it is now comes from a read.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, stream};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::scope::Scope;
use crate::state::{Observation, ZnodeContent, ZnodeSeen, ZnodesSeen};
use client::zookeeper::{Changes, Connection, Link, ZooKeeper, ZooKeeperError, ZooKeeperOptions};

/// Znodes that are kept: a cluster of a hundred partitions has them all, the pane says what it
/// leaves out.
const ZNODES_MAX: usize = 1500;

/// Children of one znode that are kept.
const CHILDREN_MAX: usize = 100;

/// Requests that wait for their answers at the same time.
const READS_AT_ONCE: usize = 32;

/// Text of one znode that is kept.
const DATA_BYTES_MAX: usize = 16 * 1024;

/// The session only watches: nothing hangs on how soon it ends.
const SESSION_TIMEOUT: Duration = Duration::from_secs(6);

/// Changes this close together are read together.
const SETTLE: Duration = Duration::from_millis(15);

/// Looks at the tree of one `ZooKeeper`.
pub(super) struct ZnodesLook {
    pub(super) address: String,
    pub(super) scope: Arc<Scope>,
}

impl ZnodesLook {
    /// Looks while the scope wants it, until cancelled.
    pub(super) async fn run(self, stop: CancellationToken) {
        let mut wanted = self.scope.znodes();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                Ok(_) = wanted.wait_for(Option::is_some) => {}
            }
            let options = ZooKeeperOptions {
                connect: self.address.clone(),
                session_timeout: SESSION_TIMEOUT,
                watches: vec!["/"],
            };
            let zookeeper = match ZooKeeper::start(options) {
                Ok(zookeeper) => zookeeper,
                Err(error) => {
                    let why = error.to_string();
                    self.scope.tell(Observation::Failed { why }).await;
                    return;
                }
            };
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.follow(&zookeeper, wanted.clone()) => {}
            }
            zookeeper.close().await;
        }
    }

    /// Follows the tree through all connections until nobody wants it.
    async fn follow(&self, zookeeper: &ZooKeeper, mut wanted: watch::Receiver<Option<String>>) {
        let mut links = zookeeper.links();
        loop {
            let Some(topic) = wanted.borrow_and_update().clone() else {
                return;
            };
            let link = links.borrow_and_update().clone();
            let followed = async {
                if let Link::Connected(connection) = link {
                    // A connection that broke is followed by another.
                    let _ = self.follow_connection(zookeeper, &connection, &topic).await;
                }
                std::future::pending::<()>().await;
            };
            tokio::select! {
                () = followed => {}
                Ok(()) = links.changed() => {}
                Ok(()) = wanted.changed() => {}
            }
        }
    }

    async fn follow_connection(
        &self,
        zookeeper: &ZooKeeper,
        connection: &Connection,
        topic: &str,
    ) -> Result<(), ZooKeeperError> {
        let mut tree = Tree::new(topic);
        let mut everything = true;
        loop {
            let znodes = if everything {
                tree.read_whole(connection).await?
            } else {
                Vec::new()
            };
            if everything {
                self.tell(connection, true, znodes).await;
            }
            let changes = zookeeper.changes().await;
            tokio::time::sleep(SETTLE).await;
            everything = changes.everything;
            if !everything {
                let znodes = tree.read_changes(connection, changes).await?;
                self.tell(connection, false, znodes).await;
            }
        }
    }

    async fn tell(&self, connection: &Connection, whole: bool, znodes: Vec<ZnodeSeen>) {
        if whole || !znodes.is_empty() {
            let seen = ZnodesSeen {
                session: connection.session,
                whole,
                znodes,
            };
            self.scope.tell(Observation::Znodes(seen)).await;
        }
    }
}

/// Which znodes are kept.
struct Tree {
    /// Below these everything is read, however many siblings they have.
    preferred: [String; 2],
    kept: BTreeSet<String>,
    /// How many of the kept ones are children of each.
    children: BTreeMap<String, usize>,
}

impl Tree {
    fn new(topic: &str) -> Self {
        Self {
            preferred: [
                format!("/brokers/topics/{topic}"),
                format!("/config/topics/{topic}"),
            ],
            kept: BTreeSet::new(),
            children: BTreeMap::new(),
        }
    }

    /// Reads from the root down, level by level, what may be kept.
    async fn read_whole(
        &mut self,
        connection: &Connection,
    ) -> Result<Vec<ZnodeSeen>, ZooKeeperError> {
        self.kept.clear();
        self.children.clear();
        let mut found = Vec::new();
        let mut level = vec!["/".to_owned()];
        while !level.is_empty() {
            level.sort_by_key(|path| !self.is_preferred(path));
            level.retain(|path| self.keep(path));
            let mut reads = stream::iter(level)
                .map(|path| read_with_children(connection, path))
                .buffered(READS_AT_ONCE);
            let mut below = Vec::new();
            while let Some(read) = reads.next().await {
                let (znode, children) = read?;
                found.push(znode);
                below.extend(children);
            }
            level = below;
        }
        Ok(found)
    }

    /// Reads what changed, and the parents of what came or went: they know how many there are.
    async fn read_changes(
        &mut self,
        connection: &Connection,
        changes: Changes,
    ) -> Result<Vec<ZnodeSeen>, ZooKeeperError> {
        let parents = changes.paths.iter().map(|path| parent(path).to_owned());
        let paths: BTreeSet<String> = parents.chain(changes.paths.iter().cloned()).collect();
        // Parents come before their children: `/a` is less than `/a/b`.
        let paths: Vec<String> = paths.into_iter().filter(|path| self.keep(path)).collect();
        let mut reads = stream::iter(paths)
            .map(|path| read(connection, path))
            .buffered(READS_AT_ONCE);
        let mut found = Vec::new();
        while let Some(read) = reads.next().await {
            let znode = read?;
            if znode.content.is_none() {
                self.forget(&znode.path);
            }
            found.push(znode);
        }
        Ok(found)
    }

    /// Whether this znode is kept, or may be from now on.
    fn keep(&mut self, path: &str) -> bool {
        if self.kept.contains(path) {
            return true;
        }
        let above = parent(path);
        if self.kept.len() >= ZNODES_MAX || path != "/" && !self.kept.contains(above) {
            return false;
        }
        let preferred = self.is_preferred(path);
        if path != "/" {
            let siblings = self.children.entry(above.to_owned()).or_default();
            if *siblings >= CHILDREN_MAX && !preferred {
                return false;
            }
            *siblings += 1;
        }
        self.kept.insert(path.to_owned());
        true
    }

    fn forget(&mut self, path: &str) {
        if self.kept.remove(path)
            && let Some(siblings) = self.children.get_mut(parent(path))
        {
            *siblings = siblings.saturating_sub(1);
        }
        self.children.remove(path);
    }

    fn is_preferred(&self, path: &str) -> bool {
        self.preferred.iter().any(|preferred| {
            path.strip_prefix(preferred.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    }
}

async fn read_with_children(
    connection: &Connection,
    path: String,
) -> Result<(ZnodeSeen, Vec<String>), ZooKeeperError> {
    let znode = read(connection, path).await?;
    if znode
        .content
        .as_ref()
        .is_none_or(|content| content.children == 0)
    {
        return Ok((znode, Vec::new()));
    }
    let mut names = connection.children(&znode.path).await?;
    names.sort_unstable();
    let above = znode.path.trim_end_matches('/');
    let children = names.iter().map(|name| format!("{above}/{name}")).collect();
    Ok((znode, children))
}

async fn read(connection: &Connection, path: String) -> Result<ZnodeSeen, ZooKeeperError> {
    let content = connection.read(&path).await?.map(|(data, stat)| {
        let kept = data.get(..DATA_BYTES_MAX).unwrap_or(&data);
        ZnodeContent {
            data: String::from_utf8_lossy(kept).into_owned(),
            size_bytes: stat.data_length,
            version: stat.version,
            mzxid: stat.mzxid,
            ephemeral_owner: stat.ephemeral_owner,
            children: stat.num_children,
        }
    });
    Ok(ZnodeSeen { path, content })
}

/// The path above this one; the root is above itself.
fn parent(path: &str) -> &str {
    match path.rsplit_once('/') {
        Some(("", _)) | None => "/",
        Some((parent, _)) => parent,
    }
}

#[cfg(test)]
mod tests {
    use super::{CHILDREN_MAX, Tree, ZNODES_MAX};

    #[test]
    fn what_is_on_the_screen_is_kept_and_the_rest_is_bounded() {
        let mut tree = Tree::new("zebra");
        for path in ["/", "/brokers", "/brokers/topics"] {
            assert!(tree.keep(path));
        }
        let topics = || (0..).map(|number| format!("/brokers/topics/t{number}"));
        let kept = topics().take(1000).filter(|path| tree.keep(path)).count();
        assert_eq!(kept, CHILDREN_MAX);
        assert!(tree.keep("/brokers/topics/zebra"), "the one that is shown");
        assert!(!tree.keep("/brokers/topics/t500/partitions"));
        for topic in topics().take(CHILDREN_MAX) {
            for number in 0..CHILDREN_MAX {
                tree.keep(&format!("{topic}/{number}"));
            }
        }
        assert_eq!(tree.kept.len(), ZNODES_MAX);
        assert!(tree.keep("/brokers/topics/t0"), "it is kept already");
    }

    #[test]
    fn what_is_gone_makes_room() {
        let mut tree = Tree::new("orders");
        tree.keep("/");
        for number in 0..CHILDREN_MAX {
            assert!(tree.keep(&format!("/{number}")));
        }
        assert!(!tree.keep("/more"));
        tree.forget("/7");
        assert!(tree.keep("/more"));
    }
}
