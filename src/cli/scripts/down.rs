//! `kafkarium down`: ends a running playground and its processes.

use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::Args;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::running::Running;
use super::{Outcome, exit};
use crate::cli::playground::duration;
use crate::cli::say::say;

/// How often it is looked whether the playground has ended.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Ends the running playground and its processes, as q does.
///
/// Exits with 0 once it has ended, with 1 if it has not in time, with 2 if none runs.
#[derive(Debug, Args)]
pub(in crate::cli) struct DownArguments {
    #[command(flatten)]
    running: Running,
    /// For how long the processes may take to end.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration)]
    timeout: Duration,
}

/// Runs it.
pub(in crate::cli) fn run(arguments: &DownArguments) -> ExitCode {
    exit(end(arguments))
}

fn end(arguments: &DownArguments) -> Result<Outcome> {
    let run = arguments.running.file()?;
    let pid = i32::try_from(run.pid).context("the run file names no process")?;
    kill(Pid::from_raw(pid), Signal::SIGTERM)
        .with_context(|| format!("cannot end {} (pid {pid})", run.name))?;
    let deadline = Instant::now() + arguments.timeout;
    while run.is_alive() {
        if Instant::now() >= deadline {
            return Ok(Outcome::Fails(format!(
                "{} (pid {pid}) was told to end and still runs after {} s",
                run.name,
                arguments.timeout.as_secs()
            )));
        }
        thread::sleep(LOOK_EVERY);
    }
    say(&format!("{} ended\n", run.name))?;
    Ok(Outcome::Holds)
}
