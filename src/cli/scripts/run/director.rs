//! Lets a scenario happen: asks the playground as any other shell would, each thing at its time.

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::report::{Report, Verdict};
use crate::cli::scripts::milliseconds;
use crate::cli::scripts::running::connect;
use client::control::Control;
use playground::scenario::{Event, Scenario, What};
use playground::state::{Action, ClusterAction, StreamRate, TerminalAction};
use wire::control::{Answer, Question};

/// How often it is looked whether the playground listens.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// For how long the start, an incident or a condition without a time of its own may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Directs the playground of this process, and ends it. What came of it is in the report, also where somebody
/// ended the playground before.
pub(super) fn direct(
    scenario: &Scenario,
    seed: u64,
    name: &str,
    save: Option<&Path>,
    report: &Mutex<Report>,
) {
    let told = Told(report);
    let played = reach(name).and_then(|mut control| {
        let played = play(scenario, seed, &mut control, &told);
        if let Some(file) = save {
            told.step(do_at_once(
                &mut control,
                &format!("save {}", file.display()),
            ));
        }
        let _ = control.ask(&Question::Do {
            action: Action::Terminal(TerminalAction::Quit).to_string(),
            timeout_ms: 0,
        });
        played
    });
    told.step(played);
}

/// What goes into the report.
struct Told<'a>(&'a Mutex<Report>);

impl Told<'_> {
    fn tell(&self, at: Duration, words: &str, verdict: Verdict) {
        let mut report = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        report.tell(at, words, verdict);
    }

    /// A step that failed ends the scenario.
    fn step(&self, step: Result<()>) {
        if let Err(error) = step {
            let mut report = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            report.break_off(format!("{error:#}"));
        }
    }

    fn end(&self) {
        let mut report = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        report.end();
    }
}

/// A connection to the playground that starts on another thread.
fn reach(name: &str) -> Result<Control> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Ok(run) = playground::find(Some(name)) {
            return connect(&run);
        }
        if Instant::now() > deadline {
            bail!("the playground does not listen");
        }
        thread::sleep(LOOK_EVERY);
    }
}

fn play(scenario: &Scenario, seed: u64, control: &mut Control, told: &Told<'_>) -> Result<()> {
    let ready = wait(control, "ready", PATIENCE)?;
    if let Answer::Fails { why, .. } = ready {
        bail!("the cluster is not ready: {why}");
    }
    for (group, consumers) in &scenario.groups {
        for _ in 0..*consumers {
            do_at_once(control, &format!("consumer add {group}"))?;
        }
        let stable = format!("group \"{group}\" stable members {consumers}");
        if let Answer::Fails { why, .. } = wait(control, &stable, PATIENCE)? {
            bail!("group {group} does not come together: {why}");
        }
    }
    if scenario.rate != StreamRate::Off {
        do_at_once(control, &stream(scenario.rate))?;
    }
    let began = Instant::now();
    let mut streams = scenario.rate != StreamRate::Off;
    let end = scenario.lasts;
    for Event { at, what } in scenario.events(seed) {
        if at >= end && streams {
            // What is expected at the end is expected of a cluster that nobody writes to any more.
            sleep_until(began + end);
            do_at_once(control, &stream(StreamRate::Off))?;
            streams = false;
        }
        sleep_until(began + at);
        match what {
            What::Do { action, by_chance } => {
                let words = action.to_string();
                let verdict = match do_(control, &words)? {
                    Answer::Fails { why, .. } if by_chance => Verdict::Skipped(why),
                    other => Verdict::of(other),
                };
                told.tell(began.elapsed(), &words, verdict);
            }
            What::Expect(expectation) => {
                let words = expectation.wanted.condition.to_string();
                let within = expectation.wanted.within.unwrap_or(Duration::ZERO);
                let verdict = Verdict::of(wait(control, &words, within)?);
                told.tell(began.elapsed(), &expectation.words, verdict);
            }
        }
    }
    told.end();
    Ok(())
}

fn stream(rate: StreamRate) -> String {
    Action::Cluster(ClusterAction::Stream(rate)).to_string()
}

fn sleep_until(at: Instant) {
    thread::sleep(at.saturating_duration_since(Instant::now()));
}

fn wait(control: &mut Control, condition: &str, within: Duration) -> Result<Answer> {
    let question = Question::Wait {
        condition: condition.to_owned(),
        timeout_ms: milliseconds(within),
    };
    control.ask(&question).context("the playground ended")
}

fn do_(control: &mut Control, action: &str) -> Result<Answer> {
    let question = Question::Do {
        action: action.to_owned(),
        timeout_ms: milliseconds(PATIENCE),
    };
    control.ask(&question).context("the playground ended")
}

/// What belongs to the scenario itself must be possible.
fn do_at_once(control: &mut Control, action: &str) -> Result<()> {
    match do_(control, action)? {
        Answer::Fails { why, .. } | Answer::Wrong { why } => bail!("{action}: {why}"),
        Answer::Holds { .. } | Answer::Status(_) => Ok(()),
    }
}
