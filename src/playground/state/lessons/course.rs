//! The lesson that is open: which step it is at, what was guessed, what came.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Lesson, LessonStep, Listed};
use crate::state::{
    Timestamp,
    action::{Action, Condition, condition::Baseline},
};

/// A lesson on its way.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Course {
    /// The lesson's name, which is that of its file.
    pub name: String,
    /// Its number in the list.
    pub number: usize,
    /// What it says.
    pub lesson: Lesson,
    /// The step that is shown, counted from 0.
    pub step: usize,
    /// What became of each step.
    pub(super) runs: Vec<Run>,
    /// What has to be there before the first step.
    pub(super) before: Option<Before>,
    /// How long it took so far.
    pub used: Duration,
    /// Up to when time was counted.
    pub(super) counted: Timestamp,
    /// Actions that are done one after the other, the next when the one before is done.
    pub(super) to_do: VecDeque<Action>,
}

/// What a lesson waits for before it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Before {
    /// The start of the playground; then it goes on where it was left.
    GoesOn,
    /// The start of the playground; then the cluster is made as that of a new one.
    Begins,
    /// What was broken heals, what the lesson does not need goes.
    Heals,
    /// What it needs is done.
    Needs,
}

/// What became of a step.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Run {
    pub stage: Stage,
    /// How things were when it began.
    pub since: Baseline,
    /// When that was.
    pub began: Timestamp,
    /// The last line of what happened before it.
    pub line_before: u64,
    /// What was guessed.
    pub guessed: Option<usize>,
    /// Since when each choice has held.
    pub came: Vec<Option<Timestamp>>,
    /// Which one was right, by what was seen.
    pub answer: Option<usize>,
    /// The tree of what happened that tells what was done and what followed.
    pub deed: Option<u64>,
    /// What was seen when it was done.
    pub seen: String,
    /// When it was done.
    pub done_at: Timestamp,
    /// How many parts of the next step's condition held then.
    pub next_held: usize,
    /// Since when it is not so any more.
    pub broken_since: Option<Timestamp>,
    /// Why it is open again.
    pub note: Option<String>,
    /// Actions since something of it came about, and when the last one was.
    pub tries: u32,
    pub tried_at: Timestamp,
    /// How many parts of its condition have held.
    pub held: usize,
    /// Whether the hint is shown.
    pub hinted: bool,
}

/// How far a step is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Stage {
    /// It was not come to yet.
    #[default]
    Ahead,
    /// Its question is open.
    Asks,
    /// It is to be done.
    Open,
    /// Its condition held.
    Done,
}

impl Course {
    pub(super) fn new(listed: &Listed<'_>, at: Timestamp) -> Self {
        Self {
            runs: vec![Run::default(); listed.lesson.steps.len()],
            name: listed.name.to_owned(),
            number: listed.number,
            lesson: listed.lesson.clone(),
            step: 0,
            before: None,
            used: Duration::ZERO,
            counted: at,
            to_do: VecDeque::new(),
        }
    }

    /// The step that is shown.
    #[must_use]
    pub fn shown(&self) -> Option<&LessonStep> {
        self.lesson.steps.get(self.step)
    }

    pub(super) fn run(&self) -> Option<&Run> {
        self.runs.get(self.step)
    }

    pub(super) fn stage(&self) -> Stage {
        match (self.before, self.run()) {
            (None, Some(run)) => run.stage,
            _ => Stage::Ahead,
        }
    }

    /// What takes back the steps that were done, the last one first.
    pub(super) fn taken_back(&self) -> VecDeque<Action> {
        let steps = self.lesson.steps.iter().zip(&self.runs);
        let done = steps.filter(|(_, run)| run.stage == Stage::Done);
        let done: Vec<&LessonStep> = done.map(|(step, _)| step).collect();
        let undo = done.iter().rev().flat_map(|step| step.undo.clone());
        undo.collect()
    }

    /// Whether there is no step after this one.
    #[must_use]
    pub fn is_at_its_last(&self) -> bool {
        self.step + 1 >= self.lesson.steps.len()
    }

    /// Whether its question is open, so that letters are its own.
    #[must_use]
    pub fn asks(&self) -> bool {
        self.stage() == Stage::Asks
    }

    /// How many choices the step's question has.
    #[must_use]
    pub fn choices(&self) -> usize {
        let predict = self.shown().and_then(|step| step.predict.as_ref());
        predict.map_or(0, |predict| predict.choices.len())
    }

    /// The topics whose records its conditions look at.
    pub fn topics(&self) -> impl Iterator<Item = &str> {
        let checks = self.lesson.steps.iter();
        checks.flat_map(|step| {
            let predict = step.predict.iter();
            let choices = predict.flat_map(|predict| &predict.choices);
            let comes = choices.filter_map(|choice| choice.comes.as_ref());
            let comes = comes.flat_map(|wanted| wanted.condition.topics());
            step.check.topics().into_iter().chain(comes)
        })
    }
}

/// The parts of a condition that are shown one by one.
pub(super) fn parts(condition: &Condition) -> &[Condition] {
    match condition {
        Condition::All(parts) => parts,
        one => std::slice::from_ref(one),
    }
}
