//! `kafkarium replay`: a saved session, on any machine.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use playground;

/// Play a session that `:save` wrote: the same screens, without a cluster.
#[derive(Debug, Args)]
pub(super) struct ReplayArguments {
    /// The saved session.
    file: PathBuf,
    /// Record the screen into this file, for asciinema and its like.
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// Nothing flashes; bars are numbers.
    #[arg(long)]
    reduced_motion: bool,
}

/// Plays it until it is quit.
pub(super) fn run(arguments: &ReplayArguments) -> Result<()> {
    playground::replay(
        &arguments.file,
        arguments.record.as_deref(),
        arguments.reduced_motion,
    )
}
