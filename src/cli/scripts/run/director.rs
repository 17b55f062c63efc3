//! Lets a scenario happen: asks the playground as any other shell would, each thing at its time.

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use super::report::{Report, Verdict};
use crate::cli::scripts::running::{PATIENCE, act, act_or_end, end, reach, wait};
use client::control::Control;
use playground::scenario::{Event, Scenario, What};
use playground::state::{Action, ClusterAction, StreamRate};
use wire::control::{Answer, Asker};

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
            told.step(act_or_end(
                &mut control,
                &format!("save {}", file.display()),
                Asker::Scenario,
            ));
        }
        end(&mut control);
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

fn play(scenario: &Scenario, seed: u64, control: &mut Control, told: &Told<'_>) -> Result<()> {
    let ready = wait(control, "ready", PATIENCE)?;
    if let Answer::Fails { why, .. } = ready {
        bail!("the cluster is not ready: {why}");
    }
    for (group, consumers) in &scenario.groups {
        for _ in 0..*consumers {
            act_or_end(control, &format!("consumer add {group}"), Asker::Scenario)?;
        }
        let stable = format!("group \"{group}\" stable members {consumers}");
        if let Answer::Fails { why, .. } = wait(control, &stable, PATIENCE)? {
            bail!("group {group} does not come together: {why}");
        }
    }
    if scenario.rate != StreamRate::Off {
        act_or_end(control, &stream(scenario.rate), Asker::Scenario)?;
    }
    for (topic, rate) in &scenario.producers {
        act_or_end(control, &producer(topic, *rate), Asker::Scenario)?;
    }
    let began = Instant::now();
    let mut streams = true;
    let lasts = scenario.lasts;
    for Event { at, what } in scenario.events(seed) {
        if at >= lasts && streams {
            // What is expected at the end is expected of a cluster that nobody writes to any more.
            sleep_until(began + lasts);
            act_or_end(control, &stream(StreamRate::Off), Asker::Scenario)?;
            for (topic, _) in &scenario.producers {
                act_or_end(control, &producer(topic, StreamRate::Off), Asker::Scenario)?;
            }
            streams = false;
        }
        sleep_until(began + at);
        match what {
            What::Do { action, by_chance } => {
                let words = action.to_string();
                let verdict = match act(control, &words, Asker::Scenario)? {
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

fn producer(topic: &str, rate: StreamRate) -> String {
    Action::Cluster(ClusterAction::StreamInto(topic.to_owned(), rate)).to_string()
}

fn sleep_until(at: Instant) {
    thread::sleep(at.saturating_duration_since(Instant::now()));
}
