//! Which cluster a client command talks to.

use anyhow::{Context, Result};
use clap::Args;

use crate::client::admin::Admin;
use crate::playground;

/// Where the brokers are.
#[derive(Debug, Args)]
pub(super) struct ClusterArguments {
    /// Any brokers of the cluster, with commas between; without it, those of the running playground.
    #[arg(short, long, value_name = "HOST:PORT", global = true)]
    bootstrap_server: Option<String>,
    /// The running playground to use, where there are several.
    #[arg(long, conflicts_with = "bootstrap_server", global = true)]
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
            Some(servers) => Ok(servers.clone()),
            None => Ok(playground::find(self.name.as_deref())?.bootstrap),
        }
    }
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
