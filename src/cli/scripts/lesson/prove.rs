//! Proves a lesson: asks the playground of this process as any other shell would.

use std::fmt;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::cli::scripts::running::{PATIENCE, act, act_or_end, end, reach, wait};
use client::control::Control;
use playground::state::{Action, Lesson, LessonStep};
use wire::control::Answer;

/// A step that does not do what it says.
#[derive(Debug)]
pub(super) struct Broken {
    /// Which, counted from 1.
    step: usize,
    condition: String,
    how: How,
}

#[derive(Debug)]
enum How {
    /// Nothing was done yet, and it holds: with what was seen.
    HoldsBefore(String),
    /// An action was refused, and why.
    Refused(String, String),
    /// It was done, and it does not hold: with what was seen instead.
    DoesNotHold(String),
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            step, condition, ..
        } = self;
        write!(f, "step {step}, \"{condition}\", ")?;
        match &self.how {
            How::HoldsBefore(seen) => write!(f, "holds before anything is done: {seen}"),
            How::Refused(action, why) => write!(f, "cannot come: {action} was refused: {why}"),
            How::DoesNotHold(seen) => write!(f, "does not hold after what it does: {seen}"),
        }
    }
}

/// Proves the lesson in the playground of this name, and ends that. `None`: each step is right.
pub(super) fn prove(lesson: &Lesson, name: &str) -> Result<Option<Broken>> {
    let mut control = reach(name)?;
    let proved = prove_each(lesson, &mut control);
    end(&mut control);
    proved
}

fn prove_each(lesson: &Lesson, control: &mut Control) -> Result<Option<Broken>> {
    if let Answer::Fails { why, .. } = wait(control, "ready", PATIENCE)? {
        bail!("the cluster is not ready: {why}");
    }
    for action in &lesson.needs {
        act_or_end(control, &Action::Cluster(action.clone()).to_string())?;
    }
    for (step, number) in lesson.steps.iter().zip(1..) {
        if let Some(how) = prove_step(step, control)? {
            return Ok(Some(Broken {
                step: number,
                condition: step.check.to_string(),
                how,
            }));
        }
    }
    Ok(None)
}

fn prove_step(step: &LessonStep, control: &mut Control) -> Result<Option<How>> {
    let condition = step.check.to_string();
    if let Answer::Holds { seen, .. } = wait(control, &condition, Duration::ZERO)? {
        return Ok(Some(How::HoldsBefore(seen)));
    }
    for action in &step.actions {
        let action = Action::Cluster(action.clone()).to_string();
        match act(control, &action)? {
            Answer::Fails { why, .. } | Answer::Wrong { why } => {
                return Ok(Some(How::Refused(action, why)));
            }
            Answer::Holds { .. } | Answer::Status(_) => {}
        }
    }
    match wait(control, &condition, PATIENCE)? {
        Answer::Fails { why, .. } | Answer::Wrong { why } => Ok(Some(How::DoesNotHold(why))),
        Answer::Holds { .. } | Answer::Status(_) => Ok(None),
    }
}
