//! Which cluster a client command talks to.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;

use super::java_properties;
use client::admin::Admin;
use playground;

/// Where the brokers are.
#[derive(Debug, Args)]
pub(super) struct ClusterArguments {
    /// Any brokers of the cluster, with commas between; without it, those of the running playground.
    #[arg(short, long, value_name = "HOST:PORT")]
    bootstrap_server: Option<String>,
    /// The running playground to use, where there are several.
    #[arg(long, conflicts_with = "bootstrap_server")]
    name: Option<String>,
}

impl ClusterArguments {
    /// Questions to the cluster.
    pub(super) fn admin(&self) -> Result<Admin> {
        Ok(Admin::new(&self.bootstrap()?, "kafkarium"))
    }

    /// The brokers' addresses, as clients take them.
    pub(super) fn bootstrap(&self) -> Result<String> {
        match &self.bootstrap_server {
            Some(servers) => {
                servers
                    .split(',')
                    .try_for_each(|server| address("--bootstrap-server", server))?;
                Ok(servers.clone())
            }
            None => Ok(playground::find(self.name.as_deref())?.bootstrap),
        }
    }
}

/// Looks whether this is the address of a server: who leaves the port out would wait for nobody.
pub(super) fn address(flag: &str, server: &str) -> Result<()> {
    let (host, port) = server.trim().rsplit_once(':').with_context(|| {
        format!("{flag} {server}: no port: write HOST:PORT, for example {server}:9092")
    })?;
    ensure!(
        !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port != 0),
        "{flag} {server}: write HOST:PORT, for example localhost:9092"
    );
    Ok(())
}

/// The settings in a file for `--command-config`.
#[derive(Debug, Default, Args)]
pub(super) struct CommandConfig {
    /// A properties file with the client's settings.
    #[arg(long, value_name = "FILE")]
    command_config: Option<PathBuf>,
}

impl CommandConfig {
    /// Admin commands need none of the settings; but a file that asks for a secured connection
    /// shall not be answered over a plain one.
    pub(super) fn check(&self) -> Result<()> {
        match &self.command_config {
            Some(file) => client_settings(file).map(drop),
            None => Ok(()),
        }
    }
}

/// The settings in a client's properties file.
pub(super) fn client_settings(file: &Path) -> Result<Vec<(String, String)>> {
    let text =
        std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let settings = java_properties::parse(&text);
    let protocol = settings
        .iter()
        .rev()
        .find(|(name, _)| name == "security.protocol");
    if let Some((_, protocol)) = protocol
        && !protocol.eq_ignore_ascii_case("PLAINTEXT")
    {
        bail!(
            "{}: security.protocol={protocol} is not built in: PLAINTEXT is what kafkarium speaks",
            file.display()
        );
    }
    Ok(settings)
}

/// Runs one short command: a runtime with threads of its own would cost more than the answer.
pub(super) fn block_on<T>(command: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?
        .block_on(command)
}

/// `KEY=VALUE`, as `--property` takes it.
pub(super) fn property(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("KEY=VALUE expected".to_owned()),
    }
}
