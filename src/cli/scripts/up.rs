//! `kafkarium up`: a cluster without a screen, ready when the command says so.

use std::fs::File;
use std::io::{Read, Seek};
use std::process::{Child, Command, ExitCode, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::Args;

use super::running::{connect, status};
use super::status::{say_json, text};
use super::{Outcome, exit, milliseconds};
use crate::cli::playground::{StartArguments, duration};
use crate::cli::say::say;
use playground::{Announce, RunFile};
use wire::control::{Answer, Question};

/// How often it is looked whether the cluster in the background listens.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// Starts a cluster without a screen: ZooKeeper, brokers and the topics that are named, nothing else. It is ready
/// once every broker answers and a record was acknowledged by all replicas; then its addresses, processes and
/// folder are printed.
///
/// Ends with SIGINT, SIGTERM or kafkarium down. With --detach it runs on in the background: the command exits
/// with 0 once it is ready, with 1 if it is not in time, with 2 if it could not be started.
#[derive(Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of its own on the command line"
)]
pub(in crate::cli) struct UpArguments {
    #[command(flatten)]
    start: StartArguments,
    /// The status as one JSON object, in the shape of docs/status.schema.json.
    #[arg(long)]
    json: bool,
    /// Come back once it is ready, and let it run in the background.
    #[arg(long)]
    detach: bool,
    /// With --detach: for how long the start may take.
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = duration)]
    timeout: Duration,
    /// End when stdin is closed, however whoever holds it ends.
    #[arg(long, conflicts_with = "detach")]
    until_eof: bool,
    /// Be that cluster in the background.
    #[arg(long, hide = true, conflicts_with = "detach")]
    in_background: bool,
}

/// Runs it.
pub(in crate::cli) fn run(arguments: UpArguments) -> ExitCode {
    exit(if arguments.detach {
        detach(&arguments)
    } else {
        play(arguments)
    })
}

fn play(arguments: UpArguments) -> Result<Outcome> {
    if arguments.in_background {
        // A terminal that is closed does not end it.
        nix::unistd::setsid().context("cannot leave the terminal")?;
    }
    if arguments.until_eof {
        thread::spawn(end_with_stdin);
    }
    let announce = if arguments.json {
        Announce::Json
    } else {
        Announce::Text(text)
    };
    playground::run(&arguments.start.without_screen(announce)?)?;
    Ok(Outcome::Holds)
}

/// Waits until nobody holds the other end of stdin, and ends this program as a signal would.
fn end_with_stdin() {
    let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
    let _ = nix::sys::signal::kill(nix::unistd::getpid(), nix::sys::signal::Signal::SIGTERM);
}

fn detach(arguments: &UpArguments) -> Result<Outcome> {
    let started_at = Instant::now();
    let program = std::env::current_exe().context("cannot find the program itself")?;
    let mut log = tempfile::tempfile().context("cannot make a file for what it says")?;
    let words = std::env::args_os()
        .skip(1)
        .filter(|word| word != "--detach");
    let mut child = Command::new(program)
        .args(words)
        .arg("--in-background")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log.try_clone().context("cannot share the file")?)
        .spawn()
        .context("cannot start the cluster")?;
    let Some(run) = listening(arguments, &mut child, started_at)? else {
        bail!("{}", said(&mut log));
    };
    let mut control = connect(&run)?;
    let left = arguments.timeout.saturating_sub(started_at.elapsed());
    let ready = Question::Wait {
        condition: "ready".to_owned(),
        timeout_ms: milliseconds(left),
        since: None,
    };
    match control.ask(&ready)? {
        Answer::Holds { .. } => {}
        Answer::Fails { why, .. } => {
            return Ok(Outcome::Fails(format!(
                "{} runs (pid {}) and is not ready: {why}",
                run.name, run.pid
            )));
        }
        other => bail!("the cluster answers something else: {other:?}"),
    }
    let status = status(&mut control)?;
    if arguments.json {
        say_json(&status)?;
    } else {
        say(&text(&status))?;
    }
    Ok(Outcome::Holds)
}

/// Waits until the child listens; `None`: it ended.
fn listening(
    arguments: &UpArguments,
    child: &mut Child,
    started_at: Instant,
) -> Result<Option<RunFile>> {
    loop {
        if let Ok(run) = playground::find(Some(arguments.start.name()))
            && run.pid == child.id()
        {
            return Ok(Some(run));
        }
        if child.try_wait().context("the cluster is gone")?.is_some() {
            return Ok(None);
        }
        if started_at.elapsed() > arguments.timeout {
            bail!("the cluster (pid {}) does not listen in time", child.id());
        }
        thread::sleep(LOOK_EVERY);
    }
}

fn said(log: &mut File) -> String {
    let mut text = String::new();
    let read = log
        .rewind()
        .and_then(|()| log.take(64 * 1024).read_to_string(&mut text));
    match read {
        Ok(_) if !text.trim().is_empty() => {
            text.trim().trim_start_matches("kafkarium: ").to_owned()
        }
        _ => "the cluster ended and did not say why".to_owned(),
    }
}
