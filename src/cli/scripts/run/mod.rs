//! `kafkarium run`: a scenario, as a show on a screen and as a test without one.

mod director;
mod report;

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use anyhow::{Context, Result, bail};
use clap::Args;

use self::director::direct;
use self::report::Report;
use super::{Outcome, exit};
use crate::cli::say::say;
use playground::scenario::Scenario;
use playground::{FolderOptions, Options};

/// Runs a scenario: a cluster, its traffic, what goes wrong and when, and what must hold, as a TOML file says.
///
/// On a terminal it is a show in the playground, elsewhere plain lines. Exits with 0 if all that is expected
/// holds, with 1 if not, with 2 if the file is wrong or the cluster could not be run.
#[derive(Debug, Args)]
pub(in crate::cli) struct RunArguments {
    /// The scenario.
    #[arg(value_name = "FILE.toml")]
    file: PathBuf,
    /// Only read the file, and say where it is wrong.
    #[arg(long)]
    check: bool,
    /// Chooses what the scenario leaves to chance, instead of its own seed.
    #[arg(long)]
    seed: Option<u64>,
    /// Write what held and what did not into this file, as `JUnit` XML.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Record the screen into this file, for asciinema and its like.
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// Write the session into this file at the end, for kafkarium replay.
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
}

/// Runs it.
pub(in crate::cli) fn run(arguments: &RunArguments) -> ExitCode {
    exit(play(arguments))
}

fn play(arguments: &RunArguments) -> Result<Outcome> {
    let file = arguments.file.display();
    let text =
        fs::read_to_string(&arguments.file).with_context(|| format!("cannot read {file}"))?;
    let scenario = match Scenario::read(&text) {
        Ok(scenario) => scenario,
        Err(mistake) => bail!("{file}:{mistake}"),
    };
    if arguments.check {
        say(&format!("{file}: {}\n", outline(&scenario)))?;
        return Ok(Outcome::Holds);
    }
    if let Some(junit) = &arguments.junit {
        // Nobody waits for the end of a scenario to hear that.
        fs::write(junit, "").with_context(|| format!("cannot write {}", junit.display()))?;
    }
    let seed = arguments.seed.unwrap_or(scenario.seed);
    let name = format!("scenario-{}", std::process::id());
    let told = Arc::new(Mutex::new(Report::new(&scenario, seed)));
    let directing = {
        let (scenario, name) = (scenario.clone(), name.clone());
        let (save, told) = (arguments.save.clone(), Arc::clone(&told));
        thread::spawn(move || direct(&scenario, seed, &name, save.as_deref(), &told))
    };
    playground::run(&Options {
        folder: FolderOptions {
            name,
            ephemeral: true,
            ..FolderOptions::default()
        },
        brokers: Some(scenario.brokers),
        topics: scenario.topics.clone(),
        consumers: Some(0),
        only_these_topics: true,
        record: arguments.record.clone(),
        ..Options::default()
    })?;
    if directing.join().is_err() {
        bail!("the scenario's director ended early");
    }
    let report = told.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(junit) = &arguments.junit {
        fs::write(junit, report.junit()?)
            .with_context(|| format!("cannot write {}", junit.display()))?;
    }
    say(&report.to_string())?;
    match report.failures() {
        0 => Ok(Outcome::Holds),
        1 => Ok(Outcome::Fails("1 expectation does not hold".to_owned())),
        failures => Ok(Outcome::Fails(format!(
            "{failures} expectations do not hold"
        ))),
    }
}

fn outline(scenario: &Scenario) -> String {
    format!(
        "{}, {} brokers, {} incidents, {} expectations, {} s",
        scenario.title,
        scenario.brokers,
        scenario.incidents.len(),
        scenario.expectations.len(),
        scenario.lasts.as_secs_f64()
    )
}
