//! ZooKeeper as brokers see it: versioned znodes, ephemeral ones, sessions, multis, and what changed.

use std::collections::{BTreeMap, BTreeSet};

use crate::registry::znodes;
use client::zookeeper::{ZnodeWrite, ZooKeeperError};
use wire::{BrokerId, jute::Stat};

/// The one server, which never loses anything that it answered.
#[derive(Debug)]
pub(super) struct ZooKeeper {
    znodes: BTreeMap<String, Znode>,
    sessions: BTreeMap<i64, Session>,
    zxid: i64,
    /// The last session and the last connection that were given out.
    last_session: i64,
    last_connection: u64,
}

#[derive(Debug, Clone)]
struct Znode {
    data: Vec<u8>,
    czxid: i64,
    mzxid: i64,
    version: i32,
    owner: i64,
}

/// A session of one broker's process.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) broker: BrokerId,
    /// The connection it is served on. Requests of an earlier one are not looked at any more.
    pub(super) connection: Option<u64>,
    /// Since when nothing was heard of it, in milliseconds.
    pub(super) silent_since: Option<u64>,
}

type Results = Result<Vec<Option<Stat>>, ZooKeeperError>;

impl ZooKeeper {
    /// A server with what the first broker of a cluster makes.
    pub(super) fn new() -> Self {
        let mut zookeeper = Self {
            znodes: BTreeMap::new(),
            sessions: BTreeMap::new(),
            zxid: 0,
            last_session: 0,
            last_connection: 0,
        };
        let writes = znodes::PERSISTENT.map(|path| ZnodeWrite::Create {
            path: path.to_owned(),
            data: match path {
                znodes::CONTROLLER_EPOCH => b"0".to_vec(),
                _ => Vec::new(),
            },
        });
        zookeeper
            .multi(0, &writes)
            .expect("nothing is in its way yet");
        zookeeper
    }

    /// Connects, with a new session or the one that is named; `None` where ZooKeeper ended that one.
    pub(super) fn connect(&mut self, broker: BrokerId, session: Option<i64>) -> Option<(i64, u64)> {
        let id = if let Some(id) = session {
            id
        } else {
            self.last_session += 1;
            let session = Session {
                broker,
                connection: None,
                silent_since: None,
            };
            self.sessions.insert(self.last_session, session);
            self.last_session
        };
        let session = self.sessions.get_mut(&id)?;
        self.last_connection += 1;
        session.connection = Some(self.last_connection);
        session.silent_since = None;
        Some((id, self.last_connection))
    }

    pub(super) fn session(&mut self, id: i64) -> Option<&mut Session> {
        self.sessions.get_mut(&id)
    }

    /// The ids of all sessions.
    pub(super) fn sessions(&self) -> Vec<i64> {
        self.sessions.keys().copied().collect()
    }

    /// The sessions that would hear of a change, each with its broker and its connection.
    pub(super) fn watchers(&self) -> Vec<(BrokerId, u64)> {
        self.sessions
            .values()
            .filter_map(|session| Some((session.broker, session.connection?)))
            .collect()
    }

    /// Ends a session and with it its ephemeral znodes; the paths that are gone.
    pub(super) fn expire(&mut self, id: i64) -> BTreeSet<String> {
        self.sessions.remove(&id);
        self.zxid += 1;
        let owned = self.znodes.iter().filter(|(_, znode)| znode.owner == id);
        let gone: BTreeSet<String> = owned.map(|(path, _)| path.clone()).collect();
        self.znodes.retain(|_, znode| znode.owner != id);
        gone
    }

    pub(super) fn read(&self, path: &str) -> Option<(Vec<u8>, Stat)> {
        let znode = self.znodes.get(path)?;
        Some((znode.data.clone(), znode.stat()))
    }

    pub(super) fn children(&self, path: &str) -> Vec<String> {
        let under = format!("{path}/");
        self.znodes
            .range(under.clone()..)
            .map_while(|(path, _)| path.strip_prefix(&under))
            .filter(|name| !name.contains('/'))
            .map(ToOwned::to_owned)
            .collect()
    }

    /// Writes all of it or nothing.
    pub(super) fn multi(&mut self, session: i64, writes: &[ZnodeWrite]) -> Results {
        self.zxid += 1;
        let mut undo = Vec::new();
        let mut results = Vec::new();
        for write in writes {
            match self.write(session, write, &mut undo) {
                Ok(stat) => results.push(stat),
                Err(error) => {
                    for (path, before) in undo.into_iter().rev() {
                        match before {
                            Some(znode) => drop(self.znodes.insert(path, znode)),
                            None => drop(self.znodes.remove(&path)),
                        }
                    }
                    return Err(error);
                }
            }
        }
        Ok(results)
    }

    fn write(
        &mut self,
        session: i64,
        write: &ZnodeWrite,
        undo: &mut Vec<(String, Option<Znode>)>,
    ) -> Result<Option<Stat>, ZooKeeperError> {
        let path = write.path().to_owned();
        let before = self.znodes.get(&path).cloned();
        let found = before
            .clone()
            .ok_or(ZooKeeperError::NoNode { path: path.clone() });
        let fits = |znode: &Znode, version: i32| {
            let fits = version == -1 || znode.version == version;
            fits.then_some(())
                .ok_or(ZooKeeperError::BadVersion { path: path.clone() })
        };
        let after = match write {
            ZnodeWrite::Check { version, .. } => {
                fits(&found?, *version)?;
                return Ok(None);
            }
            ZnodeWrite::Create { data, .. } | ZnodeWrite::CreateEphemeral { data, .. } => {
                if found.is_ok() {
                    return Err(ZooKeeperError::NodeExists { path });
                }
                self.check_parent(&path)?;
                let is_ephemeral = matches!(write, ZnodeWrite::CreateEphemeral { .. });
                Some(Znode {
                    data: data.clone(),
                    czxid: self.zxid,
                    mzxid: self.zxid,
                    version: 0,
                    owner: if is_ephemeral { session } else { 0 },
                })
            }
            ZnodeWrite::SetData { data, version, .. } => {
                let found = found?;
                fits(&found, version.unwrap_or(-1))?;
                Some(Znode {
                    data: data.clone(),
                    mzxid: self.zxid,
                    version: found.version + 1,
                    ..found
                })
            }
            ZnodeWrite::Delete { .. } => {
                drop(found?);
                None
            }
        };
        undo.push((path.clone(), before));
        let stat = after.as_ref().map(Znode::stat);
        match after {
            Some(znode) => drop(self.znodes.insert(path, znode)),
            None => drop(self.znodes.remove(&path)),
        }
        Ok(stat)
    }

    fn check_parent(&self, path: &str) -> Result<(), ZooKeeperError> {
        match path.rsplit_once('/') {
            Some((parent, _)) if !parent.is_empty() && !self.znodes.contains_key(parent) => {
                Err(ZooKeeperError::NoNode {
                    path: parent.to_owned(),
                })
            }
            _ => Ok(()),
        }
    }
}

impl Znode {
    fn stat(&self) -> Stat {
        Stat {
            czxid: self.czxid,
            mzxid: self.mzxid,
            pzxid: self.czxid,
            ctime_ms: 0,
            mtime_ms: 0,
            version: self.version,
            cversion: 0,
            aversion: 0,
            ephemeral_owner: self.owner,
            data_length: 0,
            num_children: 0,
        }
    }
}
