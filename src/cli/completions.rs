//! `kafkarium completions`: what a shell needs to complete this program's commands.

use std::io::Write;

use anyhow::Result;
use clap::{Args, CommandFactory};
use clap_complete::Shell;

/// Prints the completions for a shell, to be put where it looks for them.
#[derive(Debug, Args)]
pub(super) struct CompletionsArguments {
    /// The shell.
    shell: Shell,
}

/// Prints them.
pub(super) fn run<C: CommandFactory>(arguments: &CompletionsArguments) -> Result<()> {
    let mut text = Vec::new();
    clap_complete::generate(arguments.shell, &mut C::command(), "kafkarium", &mut text);
    std::io::stdout().lock().write_all(&text)?;
    Ok(())
}
