//! One file per subcommand: parse, call, print.

#[expect(
    dead_code,
    reason = "used by the servers' commands, which are being built"
)]
mod child;
#[cfg_attr(
    not(test),
    expect(
        dead_code,
        reason = "used by the servers' commands, which are being built"
    )
)]
mod data_folder;
#[expect(
    dead_code,
    reason = "used by the servers' commands, which are being built"
)]
mod logging;
#[expect(
    dead_code,
    reason = "used by the servers' commands, which are being built"
)]
mod shutdown;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// A terminal playground on a real, local, Kafka-compatible cluster.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {}

/// Parses the command line and runs what it names.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match arguments.command {
        None => ExitCode::SUCCESS,
        Some(command) => match command {},
    }
}
