//! One file per subcommand: parse, call, print.

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
