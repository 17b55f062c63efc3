//! `kafkarium foreign`: becomes another program that ends with the playground, as our own servers do.

use std::convert::Infallible;
use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::Command;

use anyhow::{Context, Result};
use clap::Args;

use super::child::ChildFlags;

/// Becomes another program, which ends with its parent.
#[derive(Debug, Args)]
pub(super) struct ForeignArguments {
    #[command(flatten)]
    child: ChildFlags,
    /// The program and its arguments.
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<OsString>,
}

/// Comes back only where the program cannot be run.
pub(super) fn run(arguments: &ForeignArguments) -> Result<()> {
    // What the kernel was asked for stays with the process when its program changes.
    arguments.child.tie_to_parent()?;
    become_another(&arguments.command).map(|never| match never {})
}

fn become_another(command: &[OsString]) -> Result<Infallible> {
    let (program, rest) = command.split_first().context("a program is expected")?;
    let error = Command::new(program).args(rest).exec();
    Err(error).with_context(|| format!("cannot run {}", program.display()))
}
