//! Proves a lesson: asks the playground of this process as any other shell would.
//!
//! Each step is done, taken back and done again, the second time in a shell where it has commands for one; in the
//! end everything is taken back, and the cluster must be what it was.

use std::collections::BTreeMap;
use std::fmt;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::cli::scripts::running::{PATIENCE, act, end, mark, reach, status, wait, wait_since};
use client::control::Control;
use playground::state::{Action, ClusterAction, Lesson, LessonStep};
use wire::control::{Answer, Asker, GroupStatus, ProcessStatus, Status};
use wire::{BrokerId, GroupState};

/// What a step's condition counts from.
const MARK: &str = "step";

/// How often it is looked whether the cluster is what it was.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// The group of the start does not divide its partitions any more.
const SETTLED: &str = "group billing stable";

/// How long a step may take to be there.
const STEP_WAITS: Duration = Duration::from_secs(30);

/// A step that does not do what it says, or a lesson that cannot be taken back.
#[derive(Debug)]
pub(super) enum Broken {
    /// A step.
    Step {
        /// Which, counted from 1.
        step: usize,
        /// What it waits for.
        condition: String,
        /// What is wrong with it.
        how: How,
    },
    /// All steps were taken back, and the cluster is not what it was: what differs.
    NotReset(String),
}

/// How a step is broken.
#[derive(Debug)]
pub(super) enum How {
    /// Nothing was done yet, and it holds: with what was seen.
    HoldsBefore(String),
    /// It was taken back, and it holds still: with what was seen.
    HoldsAfterUndo(String),
    /// An action was refused, and why.
    Refused(String, String),
    /// A command for a shell failed, with what it said.
    Failed(String, String),
    /// It was done, and it does not hold: with what was seen instead.
    DoesNotHold(Way, String),
}

/// How a step is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// By its actions.
    Actions,
    /// By its actions, after it was taken back.
    ActionsAgain,
    /// By its commands, after it was taken back.
    Shell,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotReset(differs) => {
                write!(f, "all steps were taken back, and {differs}")
            }
            Self::Step {
                step,
                condition,
                how,
            } => {
                write!(f, "step {step}, \"{condition}\", ")?;
                how.fmt(f)
            }
        }
    }
}

impl fmt::Display for How {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HoldsBefore(seen) => write!(f, "holds before anything is done: {seen}"),
            Self::HoldsAfterUndo(seen) => write!(f, "holds still after it was taken back: {seen}"),
            Self::Refused(action, why) => write!(f, "cannot come: {action} was refused: {why}"),
            Self::Failed(command, said) => write!(f, "cannot come: {command} failed: {said}"),
            Self::DoesNotHold(way, seen) => {
                let way = match way {
                    Way::Actions => "what it does",
                    Way::ActionsAgain => "what it does once more",
                    Way::Shell => "its commands",
                };
                write!(f, "does not hold after {way}: {seen}")
            }
        }
    }
}

/// Proves the lesson in the playground of this name, and ends that. `None`: each step is right.
pub(super) fn prove(lesson: &Lesson, name: &str) -> Result<Option<Broken>> {
    let mut control = reach(name)?;
    let proved = prove_all(lesson, &mut control);
    end(&mut control);
    proved
}

fn prove_all(lesson: &Lesson, control: &mut Control) -> Result<Option<Broken>> {
    if let Answer::Fails { why, .. } = wait(control, "ready", PATIENCE)? {
        bail!("the cluster is not ready: {why}");
    }
    for action in &lesson.needs {
        if let Some(why) = refusal(action, control)? {
            bail!("{action}: {why}");
        }
    }
    let before = beginning(control)?;
    for (step, number) in lesson.steps.iter().zip(1..) {
        if let Some(how) = prove_step(step, control)? {
            return Ok(Some(Broken::Step {
                step: number,
                condition: step.check.to_string(),
                how,
            }));
        }
    }
    for step in lesson.steps.iter().rev() {
        take_back(step, control)?;
    }
    let deadline = Instant::now() + STEP_WAITS;
    loop {
        let Some(differs) = difference(&before, &shape(&status(control)?)) else {
            return Ok(None);
        };
        if Instant::now() > deadline {
            return Ok(Some(Broken::NotReset(differs)));
        }
        thread::sleep(LOOK_EVERY);
    }
}

/// What there is once every consumer reads: a group that divides its partitions just then never looks so again.
fn beginning(control: &mut Control) -> Result<Shape> {
    wait(control, SETTLED, STEP_WAITS)?;
    let deadline = Instant::now() + STEP_WAITS;
    loop {
        let now = status(control)?;
        let consumers = now.processes.iter().filter(|it| is_consumer(it)).count();
        if all_read(&now.groups, consumers) || Instant::now() > deadline {
            return Ok(shape(&now));
        }
        thread::sleep(LOOK_EVERY);
    }
}

/// Servers have an address.
fn is_consumer(process: &ProcessStatus) -> bool {
    process.address.is_none() && process.pid.is_some()
}

/// Whether so many consumers are members, and none waits for its partitions.
fn all_read(groups: &[GroupStatus], consumers: usize) -> bool {
    let members: usize = groups.iter().map(|group| group.members).sum();
    let rebalances = |group: &GroupStatus| GroupState::of_name(&group.state).is_rebalance();
    members == consumers && !groups.iter().any(rebalances)
}

fn prove_step(step: &LessonStep, control: &mut Control) -> Result<Option<How>> {
    if let Some(seen) = holds_now(step, control)? {
        return Ok(Some(How::HoldsBefore(seen)));
    }
    if let Some(how) = do_it(step, control, Way::Actions)? {
        return Ok(Some(how));
    }
    take_back(step, control)?;
    if let Some(seen) = holds_now(step, control)? {
        return Ok(Some(How::HoldsAfterUndo(seen)));
    }
    let way = if step.shell.is_empty() {
        Way::ActionsAgain
    } else {
        Way::Shell
    };
    do_it(step, control, way)
}

/// Whether the step's condition holds from now on without anything being done; with what is seen.
fn holds_now(step: &LessonStep, control: &mut Control) -> Result<Option<String>> {
    mark(control, MARK)?;
    let condition = step.check.to_string();
    match wait_since(control, &condition, Duration::ZERO, Some(MARK))? {
        Answer::Holds { seen, .. } => Ok(Some(seen)),
        Answer::Wrong { why } => bail!("{condition}: {why}"),
        Answer::Fails { .. } | Answer::Status(_) => Ok(None),
    }
}

fn do_it(step: &LessonStep, control: &mut Control, way: Way) -> Result<Option<How>> {
    if way == Way::Shell {
        let bootstrap = status(control)?.bootstrap;
        for command in LessonStep::at(&step.shell, &bootstrap) {
            if let Some(said) = run_in_shell(&command)? {
                return Ok(Some(How::Failed(command, said)));
            }
        }
    } else {
        for action in &step.actions {
            if let Some(why) = refusal(action, control)? {
                return Ok(Some(How::Refused(action.to_string(), why)));
            }
        }
    }
    let condition = step.check.to_string();
    match wait_since(control, &condition, STEP_WAITS, Some(MARK))? {
        Answer::Fails { why, .. } | Answer::Wrong { why } => Ok(Some(How::DoesNotHold(way, why))),
        Answer::Holds { .. } | Answer::Status(_) => Ok(None),
    }
}

/// What is not there need not be taken back: a refusal ends nothing, and what it leaves is seen afterwards.
fn take_back(step: &LessonStep, control: &mut Control) -> Result<()> {
    for action in &step.undo {
        refusal(action, control)?;
    }
    Ok(())
}

/// Does an action, or waits where it says so; why not, where it cannot be.
fn refusal(action: &Action, control: &mut Control) -> Result<Option<String>> {
    let answer = match action {
        Action::Cluster(ClusterAction::Wait(wanted)) => {
            wait(control, &wanted.to_string(), STEP_WAITS)?
        }
        action => act(control, &action.to_string(), Asker::Lesson)?,
    };
    Ok(match answer {
        Answer::Fails { why, .. } | Answer::Wrong { why } => Some(why),
        Answer::Holds { .. } | Answer::Status(_) => None,
    })
}

/// Runs a line in a shell that finds this program by its name; what it said, where it failed.
fn run_in_shell(command: &str) -> Result<Option<String>> {
    let program = std::env::current_exe().context("cannot find the program itself")?;
    let mut folders: Vec<_> = program.parent().into_iter().map(Into::into).collect();
    let path = std::env::var_os("PATH").unwrap_or_default();
    folders.extend(std::env::split_paths(&path));
    let output = Command::new("sh")
        .args(["-c", command])
        .env("PATH", std::env::join_paths(folders)?)
        .stdin(Stdio::null())
        .output()
        .context("there is no shell")?;
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Ok((!output.status.success()).then_some(said))
}

/// What a lesson leaves behind when it is taken back: processes, topics with their leaders, and who reads.
type Shape = BTreeMap<String, String>;

fn shape(status: &Status) -> Shape {
    // A consumer may come back under another name: what its group says is what counts.
    let servers = status
        .processes
        .iter()
        .filter(|process| process.address.is_some());
    let mut shape: Shape = servers
        .map(|process| (process.name.clone(), process.status.clone()))
        .collect();
    for topic in status.topics.iter().filter(|topic| !topic.internal) {
        for partition in &topic.partitions {
            let broker = |id: &BrokerId| id.to_string();
            let leader = partition
                .leader
                .as_ref()
                .map_or("nobody".to_owned(), broker);
            let isr = partition.isr.len();
            let replicas = partition.replicas.len();
            shape.insert(
                format!("{} p{}", topic.name, partition.partition),
                format!("leader {leader}, {isr} of {replicas} replicas in sync"),
            );
        }
    }
    for group in &status.groups {
        shape.insert(
            format!("group {}", group.group),
            format!("{} with {} members", group.state, group.members),
        );
    }
    shape
}

/// The first thing that is not what it was.
fn difference(before: &Shape, after: &Shape) -> Option<String> {
    let names = before.keys().chain(after.keys());
    let mut differing = names.filter(|name| before.get(*name) != after.get(*name));
    let name = differing.next()?;
    let told = |shape: &Shape| {
        shape
            .get(name)
            .map_or("not there", String::as_str)
            .to_owned()
    };
    Some(format!(
        "{name} is {}, and was {}",
        told(after),
        told(before)
    ))
}

#[cfg(test)]
mod tests {
    use super::all_read;
    use wire::control::GroupStatus;

    #[test]
    fn a_beginning_is_seen_once_every_consumer_has_its_partitions() {
        let billing = |state: &str, members| {
            vec![GroupStatus {
                group: "billing".into(),
                state: state.into(),
                members,
                lag: 0,
            }]
        };
        assert!(!all_read(&billing("CompletingRebalance", 2), 2));
        assert!(!all_read(&billing("Stable", 1), 2));
        assert!(all_read(&billing("Stable", 2), 2));
        assert!(all_read(&[], 0));
    }
}
