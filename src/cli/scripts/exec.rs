//! `kafkarium exec`: does what keys do, one action after the other, and stops at the first that fails.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Result, anyhow};
use clap::Args;

use super::running::Running;
use super::{Outcome, exit, milliseconds};
use crate::cli::playground::duration;
use crate::cli::say::{say, say_to_programs};
use playground::state::{Action, Wanted};
use wire::control::{Answer, Asker, Question};

/// Does actions in the running playground, in their order, as its palette takes them: 'kill broker 2',
/// 'topic create chat 3 3', 'produce amy:hello', 'wait isr orders 3'.
///
/// Each is waited for until what it asked for is there. All are read before the first is done. Exits with 0 if
/// all were done, with 1 at the first that was refused or not done in time, with 2 if one is no action or no
/// playground runs.
#[derive(Debug, Args)]
pub(in crate::cli) struct ExecArguments {
    /// An action, or wait and a condition.
    #[arg(value_name = "ACTION", required = true)]
    steps: Vec<String>,
    #[command(flatten)]
    running: Running,
    /// For how long each may take, for example 500ms, 20s or 5m.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration)]
    timeout: Duration,
    /// One JSON object for each action.
    #[arg(long)]
    json: bool,
}

/// Runs it.
pub(in crate::cli) fn run(arguments: &ExecArguments) -> ExitCode {
    exit(steps(arguments))
}

fn steps(arguments: &ExecArguments) -> Result<Outcome> {
    let questions = arguments
        .steps
        .iter()
        .map(|step| question(step, arguments.timeout))
        .collect::<Result<Vec<Question>>>()?;
    let mut control = arguments.running.connect()?;
    for (step, question) in arguments.steps.iter().zip(questions) {
        let answer = control.ask(&question)?;
        if arguments.json {
            let mut line = Vec::new();
            serde_json::to_writer(&mut line, &answer)?;
            line.push(b'\n');
            say_to_programs(&String::from_utf8_lossy(&line))?;
        }
        match answer {
            Answer::Holds { after_ms, seen } => {
                if !arguments.json {
                    let seen = if seen.is_empty() {
                        seen
                    } else {
                        format!(": {seen}")
                    };
                    say(&format!("{step}  +{after_ms} ms{seen}\n"))?;
                }
            }
            Answer::Fails { why, .. } => return Ok(Outcome::Fails(format!("{step}: {why}"))),
            Answer::Wrong { why } => return Err(anyhow!("{step}: {why}")),
            Answer::Status(_) => {}
        }
    }
    Ok(Outcome::Holds)
}

/// What a step asks, where it can be read.
fn question(step: &str, timeout: Duration) -> Result<Question> {
    let timeout_ms = milliseconds(timeout);
    if let Some(condition) = step.trim_start().strip_prefix("wait ") {
        condition
            .parse::<Wanted>()
            .map_err(|error| anyhow!("{step}: {error}"))?;
        return Ok(Question::Wait {
            condition: condition.to_owned(),
            timeout_ms,
            since: None,
        });
    }
    step.parse::<Action>()
        .map_err(|error| anyhow!("{step}: {error}"))?;
    Ok(Question::Do {
        action: step.to_owned(),
        timeout_ms,
        by: Asker::Shell,
    })
}
