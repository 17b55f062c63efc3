//! Overrides of topics and brokers: read, changed and written if nobody else did meanwhile.

use std::collections::BTreeMap;

use super::{
    Registry, RegistryError, TRIES_MAX,
    znodes::{self, ConfigJson, Znode},
};
use client::zookeeper::{ZnodeWrite, ZooKeeperError};
use wire::ErrorCode;

impl Registry {
    /// Changes the overrides in a config znode, as far as the change agrees with what it finds.
    /// With `validate_only` nothing is written.
    ///
    /// # Errors
    /// What the change refuses, or why it cannot be written, as a client is told it.
    pub(crate) async fn change_configs(
        &self,
        znode: Znode,
        validate_only: bool,
        change: impl Fn(&mut BTreeMap<String, String>) -> Result<(), (ErrorCode, String)>,
    ) -> Result<(), (ErrorCode, String)> {
        let refuse = |error: RegistryError| (ErrorCode::from(&error), error.to_string());
        for _ in 0..TRIES_MAX {
            let (mut configs, version) = self.read_configs(&znode).await.map_err(refuse)?;
            let before = configs.clone();
            change(&mut configs)?;
            if validate_only || configs == before {
                return Ok(());
            }
            if self
                .write_configs(&znode, configs, version)
                .await
                .map_err(refuse)?
            {
                return self.refresh([znode].into()).await.map_err(refuse);
            }
        }
        Err(refuse(RegistryError::ZooKeeper(
            ZooKeeperError::ConnectionLost,
        )))
    }

    /// The overrides, and the version they were found at; none where there is no znode.
    async fn read_configs(
        &self,
        znode: &Znode,
    ) -> Result<(BTreeMap<String, String>, Option<i32>), RegistryError> {
        let path = znode.path();
        let Some((data, stat)) = self.connected().await?.read(&path).await? else {
            return Ok((BTreeMap::new(), None));
        };
        let json = znodes::read::<ConfigJson>(&path, &data);
        let json = json.ok_or(RegistryError::Unreadable { path })?;
        Ok((json.config, Some(stat.version)))
    }

    /// Writes the overrides over this version; `false` where another one is there.
    async fn write_configs(
        &self,
        znode: &Znode,
        configs: BTreeMap<String, String>,
        version: Option<i32>,
    ) -> Result<bool, RegistryError> {
        let path = znode.path();
        let data = znodes::write(&ConfigJson::new(configs));
        let write = match version {
            Some(_) => ZnodeWrite::SetData {
                path,
                data,
                version,
            },
            None => ZnodeWrite::Create { path, data },
        };
        match self.connected().await?.multi(&[write]).await {
            Ok(_) => Ok(true),
            Err(
                ZooKeeperError::BadVersion { .. }
                | ZooKeeperError::NodeExists { .. }
                | ZooKeeperError::NoNode { .. }
                | ZooKeeperError::ConnectionLost,
            ) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}
