//! `kafkarium clean`: removes what playgrounds left that were killed, or the data of one that does not run.

use std::process::ExitCode;

use clap::Args;

use super::{Outcome, exit};
use crate::cli::say::say;

/// Removes what killed playgrounds left: their run files, sockets, logs and folders of ephemeral clusters.
///
/// With --name the data of that cluster too. Exits with 0 if all is clean, with 2 if something could not be
/// removed or the named cluster runs.
#[derive(Debug, Args)]
pub(in crate::cli) struct CleanArguments {
    /// The cluster whose data is removed for good.
    #[arg(long)]
    name: Option<String>,
}

/// Runs it.
pub(in crate::cli) fn run(arguments: &CleanArguments) -> ExitCode {
    exit((|| {
        let removed = playground::clean(arguments.name.as_deref())?;
        for path in &removed {
            say(&format!("removed {path}\n"))?;
        }
        if removed.is_empty() {
            say("nothing was left\n")?;
        }
        Ok(Outcome::Holds)
    })())
}
