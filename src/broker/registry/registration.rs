//! Joining the cluster: its id, the folder's id, and this broker's own ephemeral znode.
//!
//! A restarted process never takes its old session up again. It remembers that session's id in
//! its locked folder instead: a znode of that owner is certainly its own and nobody lives behind
//! it, so it deletes it and registers anew at once, with a new broker epoch.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::atomic::Ordering,
    time::Duration,
};

use futures::future::try_join_all;
use tokio::time::{Instant, sleep, timeout};

use super::{
    Registry, RegistryError, RegistryOptions, TRIES_MAX, connected_after, reader,
    writes::{self, Registering},
    znodes::{self, BrokerJson, ClusterIdJson},
};
use crate::meta_properties::MetaProperties;
use client::zookeeper::{Connection, ZnodeWrite, ZooKeeper, ZooKeeperError};
use wire::report::Report;

/// Holds the ids of the sessions under which this folder's broker may be registered, one a line.
const SESSIONS_FILE: &str = "zookeeper-sessions";

/// How often the znode of another process under the same id is looked at until it is gone.
const TAKEN_PAUSE: Duration = Duration::from_millis(50);

/// Connects, makes what a fresh ZooKeeper lacks, and compares the cluster's id with the folder's.
pub(super) async fn join_cluster(
    zookeeper: &ZooKeeper,
    options: &RegistryOptions,
) -> Result<(String, Connection), RegistryError> {
    let meta = MetaProperties::load(&options.data_dir).map_err(|source| disk(options, source))?;
    let path = MetaProperties::path(&options.data_dir);
    if let Some(folder) = meta.as_ref().and_then(|meta| meta.broker_id)
        && folder != options.broker_id
    {
        return Err(RegistryError::WrongBroker {
            folder,
            broker: options.broker_id,
            path,
        });
    }
    let joined = timeout(options.connection_timeout, async {
        let mut broken = 0;
        loop {
            let connection = connected_after(zookeeper, broken).await?;
            match cluster_id(&connection).await {
                Ok(id) => return Ok((id, connection)),
                Err(RegistryError::ZooKeeper(ZooKeeperError::ConnectionLost)) => {
                    broken = connection.number;
                }
                Err(error) => return Err(error),
            }
        }
    });
    let unreachable = |_| unreachable(options);
    let (cluster_id, connection) = joined.await.map_err(unreachable)??;
    match meta {
        Some(meta) if meta.cluster_id != cluster_id => {
            return Err(RegistryError::WrongCluster {
                folder: meta.cluster_id,
                zookeeper: cluster_id,
                path,
            });
        }
        Some(_) => {}
        None => MetaProperties {
            cluster_id: cluster_id.clone(),
            broker_id: Some(options.broker_id),
        }
        .store(&options.data_dir)
        .map_err(|source| disk(options, source))?,
    }
    Ok((cluster_id, connection))
}

/// The cluster's id. The first broker of a cluster makes it, with every persistent znode.
async fn cluster_id(connection: &Connection) -> Result<String, RegistryError> {
    loop {
        if let Some((data, _)) = connection.read(znodes::CLUSTER_ID).await? {
            return znodes::read::<ClusterIdJson>(znodes::CLUSTER_ID, &data)
                .map(|json| json.id)
                .ok_or_else(|| RegistryError::Unreadable {
                    path: znodes::CLUSTER_ID.to_owned(),
                });
        }
        let stats = try_join_all(znodes::PERSISTENT.map(|path| connection.stat(path))).await?;
        let missing: Vec<ZnodeWrite> = (znodes::PERSISTENT.into_iter().zip(stats))
            .filter(|(_, stat)| stat.is_none())
            .map(|(path, _)| ZnodeWrite::Create {
                path: path.to_owned(),
                data: match path {
                    znodes::CLUSTER_ID => znodes::write(&ClusterIdJson::random()),
                    znodes::CONTROLLER_EPOCH => b"0".to_vec(),
                    _ => Vec::new(),
                },
            })
            .collect();
        match connection.multi(&missing).await {
            // Another broker was faster with one of them.
            Ok(_) | Err(ZooKeeperError::NodeExists { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn unreachable(options: &RegistryOptions) -> RegistryError {
    RegistryError::Unreachable {
        connect: options.zookeeper.clone(),
        waited: options.connection_timeout,
    }
}

impl Registry {
    /// Arrives for the first time, and tells on which connection. One that breaks on the way is followed by the
    /// next, as later on: that many brokers start at once, or that ZooKeeper paused, ends no broker.
    pub(super) async fn arrive_first(
        &self,
        mut connection: Connection,
    ) -> Result<Connection, RegistryError> {
        loop {
            match self.arrive(&connection).await {
                Ok(()) => return Ok(connection),
                Err(RegistryError::ZooKeeper(ZooKeeperError::ConnectionLost)) => {}
                Err(error) => return Err(error),
            }
            tracing::info!("the connection to ZooKeeper broke before the broker was registered");
            let shared = &self.shared;
            let next = connected_after(&shared.zookeeper, connection.number);
            connection = timeout(shared.options.connection_timeout, next)
                .await
                .map_err(|_| unreachable(&shared.options))??;
        }
    }

    /// What each new connection begins with: be registered, then read everything. With a session
    /// that lives on, the registration is found in place.
    pub(super) async fn arrive(&self, connection: &Connection) -> Result<(), RegistryError> {
        let (epoch, ()) = futures::try_join!(self.register(connection), async {
            Ok(reader::read_everything(connection, &self.shared.mirror).await?)
        })?;
        self.refresh([znodes::Znode::Broker(self.broker_id())].into())
            .await?;
        let before = self.shared.broker_epoch.swap(epoch, Ordering::AcqRel);
        if before != epoch {
            tracing::info!(broker = %self.broker_id(), epoch, "registered");
            self.shared.reporter.report(Report::Registered {
                broker: self.broker_id(),
                broker_epoch: epoch,
                session: connection.session,
            });
        }
        Ok(())
    }

    /// Makes `/brokers/ids/N` this session's own and returns its czxid.
    async fn register(&self, connection: &Connection) -> Result<i64, RegistryError> {
        let options = &self.shared.options;
        let path = znodes::broker(options.broker_id);
        let data = znodes::write(&BrokerJson::new(
            &options.host,
            options.port,
            options.rack.as_deref(),
        ));
        let mut saved =
            Sessions::load(&options.data_dir).map_err(|source| disk(options, source))?;
        // As long as the owner's session may last once its process is gone.
        let patience = Instant::now() + options.session_timeout * 2;
        for _ in 0..TRIES_MAX {
            let (broker, controller) =
                futures::try_join!(connection.stat(&path), connection.stat(znodes::CONTROLLER))?;
            let registering = writes::register(
                options.broker_id,
                &data,
                connection.session,
                &saved.sessions,
                broker.as_ref(),
                controller.as_ref(),
            );
            let writes = match registering {
                Registering::Done(epoch) => return Ok(epoch),
                Registering::Taken(owner) => {
                    self.wait_until_free(connection, &path, owner, patience)
                        .await?;
                    continue;
                }
                Registering::Write(writes) => writes,
            };
            // Saved before it owns anything: a crash right after must find it there.
            saved.sessions.push(connection.session);
            saved
                .store()
                .await
                .map_err(|source| disk(options, source))?;
            match connection.multi(&writes).await {
                Ok(results) => {
                    saved.sessions = vec![connection.session];
                    saved
                        .store()
                        .await
                        .map_err(|source| disk(options, source))?;
                    if let Some(Some(stat)) = results.last() {
                        return Ok(stat.czxid);
                    }
                }
                Err(ZooKeeperError::NodeExists { .. } | ZooKeeperError::NoNode { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(RegistryError::AlreadyRegistered {
            broker: options.broker_id,
            session: connection.session,
        })
    }

    /// Waits until another session's znode is gone: its process may be dead already.
    async fn wait_until_free(
        &self,
        connection: &Connection,
        path: &str,
        owner: i64,
        patience: Instant,
    ) -> Result<(), RegistryError> {
        tracing::info!(path, session = owner, "waiting for another session to end");
        while connection
            .stat(path)
            .await?
            .is_some_and(|stat| stat.ephemeral_owner == owner)
        {
            if Instant::now() > patience {
                return Err(RegistryError::AlreadyRegistered {
                    broker: self.shared.options.broker_id,
                    session: owner,
                });
            }
            sleep(TAKEN_PAUSE).await;
        }
        Ok(())
    }

    /// Ends the ZooKeeper session, and with it the registration: the last step of a clean stop.
    pub(crate) async fn close(&self) {
        self.shared.zookeeper.close().await;
        self.shared.broker_epoch.store(-1, Ordering::Release);
    }
}

/// The sessions that were this folder's.
struct Sessions {
    path: PathBuf,
    sessions: Vec<i64>,
}

impl Sessions {
    fn load(data_dir: &Path) -> io::Result<Self> {
        let path = data_dir.join(SESSIONS_FILE);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error),
        };
        let sessions = text
            .lines()
            .filter_map(|line| line.trim().parse().ok())
            .collect();
        Ok(Self { path, sessions })
    }

    /// No fsync: what matters is to survive a crash of this process.
    async fn store(&self) -> io::Result<()> {
        let mut text = String::new();
        for session in &self.sessions {
            text.push_str(&session.to_string());
            text.push('\n');
        }
        let new = self.path.with_extension("new");
        tokio::fs::write(&new, text).await?;
        tokio::fs::rename(&new, &self.path).await
    }
}

fn disk(options: &RegistryOptions, source: io::Error) -> RegistryError {
    RegistryError::Disk {
        path: options.data_dir.clone(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::Sessions;

    #[tokio::test]
    async fn sessions_are_remembered_in_the_folder() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut sessions = Sessions::load(folder.path()).expect("none yet");
        assert!(sessions.sessions.is_empty());
        sessions.sessions = vec![72_057_594_037_927_936, -5];
        sessions.store().await.expect("written");
        let again = Sessions::load(folder.path()).expect("readable");
        assert_eq!(again.sessions, sessions.sessions);
    }
}
