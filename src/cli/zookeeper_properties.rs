//! What a `zookeeper.properties` says, as far as it has an effect here.

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf};

use anyhow::{Context, Result, ensure};

use super::server_files;

/// What a ZooKeeper server is started with.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct ZooKeeperProperties {
    pub(super) data_dir: Option<PathBuf>,
    pub(super) address: Option<SocketAddr>,
    /// The names of what is accepted and has no effect.
    pub(super) without_effect: Vec<String>,
}

/// Where to listen if no host is named: nobody logs in here.
const HOST: &str = "127.0.0.1";
pub(super) const PORT: u16 = 2181;

impl ZooKeeperProperties {
    /// Reads settings by ZooKeeper's names.
    pub(super) fn of(mut settings: BTreeMap<String, String>) -> Result<Self> {
        let servers = settings.keys().filter(|name| name.starts_with("server."));
        ensure!(
            servers.count() <= 1,
            "server.N: a ZooKeeper server stands alone here; take these lines out"
        );
        let mut given = |name: &str| settings.remove(name).filter(|value| !value.is_empty());
        let (host, port) = (given("clientPortAddress"), given("clientPort"));
        let port: Option<u16> = port
            .map(|port| {
                port.parse().ok().with_context(|| {
                    format!(
                        "Invalid value {port} for clientPort: a port from 0 to 65535 is expected"
                    )
                })
            })
            .transpose()?;
        let is_placed = host.is_some() || port.is_some();
        let address = is_placed.then(|| {
            let host = host.as_deref().unwrap_or(HOST);
            server_files::resolve(host, port.unwrap_or(PORT))
                .with_context(|| format!("clientPortAddress: cannot find {host}"))
        });
        let data_dir = given("dataDir").map(PathBuf::from);
        Ok(Self {
            data_dir,
            address: address.transpose()?,
            without_effect: settings.into_keys().collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{PathBuf, ZooKeeperProperties};

    fn read(settings: &[(&str, &str)]) -> anyhow::Result<ZooKeeperProperties> {
        let settings = settings.iter();
        ZooKeeperProperties::of(
            settings
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
        )
    }

    #[test]
    fn a_file_places_the_server_on_this_machine() {
        let found = read(&[
            ("dataDir", "/tmp/zookeeper"),
            ("clientPort", "2182"),
            ("maxClientCnxns", "0"),
            ("admin.enableServer", "false"),
        ]);
        let found = found.expect("valid");
        assert_eq!(found.data_dir, Some(PathBuf::from("/tmp/zookeeper")));
        assert_eq!(found.address, "127.0.0.1:2182".parse().ok());
        assert_eq!(
            found.without_effect,
            ["admin.enableServer", "maxClientCnxns"]
        );
        let found = read(&[("clientPortAddress", "::1")]).expect("valid");
        assert_eq!(found.address, "[::1]:2181".parse().ok());
        assert_eq!(read(&[]).expect("valid"), ZooKeeperProperties::default());
    }

    #[test]
    fn what_this_server_is_not_is_said() {
        let told = |settings: &[(&str, &str)]| read(settings).expect_err("refused").to_string();
        let ports = told(&[("clientPort", "70000")]);
        assert!(ports.contains("70000 for clientPort"), "{ports}");
        let ensemble = told(&[("server.1", "a:2888:3888"), ("server.2", "b:2888:3888")]);
        assert!(ensemble.contains("stands alone"), "{ensemble}");
    }
}
