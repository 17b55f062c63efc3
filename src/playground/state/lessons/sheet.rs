//! What the lesson's pane says now, in parts that have their look from the screen.

use std::time::Duration;

use super::{
    LessonStep, Predict, answer,
    course::{Course, Run, Stage, parts},
    prepare,
};
use crate::state::{
    State,
    action::{Pane, letter_of},
    view::{Overlay, Standing},
};

/// Columns of a pane that its frame takes.
const FRAME: u16 = 3;

/// Of so many columns about one stays empty, because words are not cut.
const EMPTY_ONE_OF: usize = 20;

/// Columns of a tick and of the gaps around it.
const TICK: usize = 5;

/// What the pane says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sheet {
    /// The lesson's number.
    pub number: usize,
    /// How many lessons there are.
    pub lessons: usize,
    /// What it is called.
    pub title: String,
    /// The step, counted from 1.
    pub step: usize,
    /// How many there are.
    pub steps: usize,
    /// How long it took so far.
    pub used: Duration,
    /// How long it takes.
    pub minutes: u16,
    /// From the top down.
    pub parts: Vec<Part>,
    /// What stands at the bottom, whatever else has room.
    pub last: Option<Part>,
    /// Whether a question is open.
    pub asks: bool,
}

/// A part of a sheet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// What is to be done, or waited for.
    Text(String),
    /// One way to do it: keys, and what is typed.
    How(String),
    /// A line between parts, where there is room for it.
    Gap,
    /// A question, and what was guessed: its letter, and whether that was right.
    Question(String, Option<(String, bool)>),
    /// A choice, and whether it is marked.
    Choice(char, String, bool),
    /// What the cluster answered.
    Observed(String),
    /// A condition, whether it holds, and what is seen instead.
    Check(bool, String, String),
    /// Why it is so.
    Why(String),
    /// Why a step is open again.
    Note(String),
    /// Help for who does not find it.
    Hint(String),
    /// A line to type in one's own shell.
    Shell(String),
    /// How it goes on.
    Aside(String),
}

impl State {
    /// What the lesson's pane says; `None` where no lesson is open.
    #[must_use]
    pub fn lesson_sheet(&self) -> Option<Sheet> {
        let course = self.learning.course.as_ref()?;
        let (run, step) = (course.run()?, course.shown()?);
        let (parts, last) = match course.stage() {
            Stage::Ahead => waiting(self, course),
            Stage::Asks => asking(self, step),
            Stage::Open => to_do(self, step, run),
            Stage::Done => done(self, course, step, run),
        };
        Some(Sheet {
            number: course.number,
            lessons: self.learning.list().len(),
            title: course.lesson.title.clone(),
            step: course.step + 1,
            steps: course.lesson.steps.len(),
            used: course.used,
            minutes: course.lesson.minutes,
            parts,
            last,
            asks: course.asks(),
        })
    }

    /// Whether keys lead through a lesson: it is on the screen and nothing lies over it.
    #[must_use]
    pub fn leads_through_a_lesson(&self) -> bool {
        self.view.lesson.docked
            && self.learning.course.is_some()
            && self.picture_of.is_none()
            && self.view.overlay == Overlay::None
    }

    /// Whether letters are those of the open question.
    #[must_use]
    pub fn asks_in_lesson(&self) -> bool {
        let course = self.learning.course.as_ref();
        self.leads_through_a_lesson() && course.is_some_and(Course::asks)
    }
}

type Parts = (Vec<Part>, Option<Part>);

fn waiting(state: &State, course: &Course) -> Parts {
    let about = match course.to_do.front() {
        _ if !state.is_ready() => "the cluster is starting".to_owned(),
        Some(action) => format!(":{action}"),
        None => prepare::missing(state).unwrap_or_else(|| "almost there".to_owned()),
    };
    let parts = vec![
        Part::Text("The cluster becomes as the lesson needs it.".to_owned()),
        Part::Text(about),
    ];
    let last = state.view.fill("{lesson next} begins with what is there");
    (parts, Some(Part::Aside(last)))
}

fn asking(state: &State, step: &LessonStep) -> Parts {
    let mut parts = vec![
        Part::Text(state.view.fill(&format!("{} Before you do:", step.text))),
        Part::Gap,
    ];
    if let Some(Predict { question, choices }) = &step.predict {
        parts.push(Part::Question(question.clone(), None));
        parts.extend(choices.iter().enumerate().map(|(index, choice)| {
            let marked = index == state.view.lesson.marked;
            Part::Choice(letter_of(index), choice.text.clone(), marked)
        }));
    }
    let last = "Mark one, {answer}. The cluster will answer.";
    (parts, Some(Part::Aside(state.view.fill(last))))
}

/// What is to be done, and one way to do it.
fn told(state: &State, step: &LessonStep) -> String {
    let how = step.how.iter().map(|how| format!("  {how}"));
    let words: String = std::iter::once(step.text.clone()).chain(how).collect();
    state.view.fill_in_turn(&words)
}

fn to_do(state: &State, step: &LessonStep, run: &Run) -> Parts {
    let mut shown = vec![Part::Text(state.view.fill(&step.text))];
    let how = step.how.iter();
    shown.extend(how.map(|how| Part::How(state.view.fill_in_turn(how))));
    // One broker is enough for a client to find the others.
    let bootstrap = state.bootstrap();
    let bootstrap = bootstrap.split(',').next().unwrap_or_default();
    let commands =
        LessonStep::at(&step.shell, bootstrap).chain(LessonStep::at(&step.apache, bootstrap));
    shown.extend(commands.map(Part::Shell));
    if let Some(note) = &run.note {
        shown.push(Part::Note(note.clone()));
    }
    if let (Some(predict), Some(guess)) = (&step.predict, run.guessed) {
        let choice = predict.choices.get(guess);
        let words = choice.map_or("", |choice| choice.text.as_str());
        shown.push(Part::Aside(format!(
            "you said {}: {words}",
            letter_of(guess)
        )));
    }
    shown.push(Part::Gap);
    shown.extend(parts(&step.check).iter().map(|part| {
        let verdict = part.check(state, &run.since);
        Part::Check(verdict.holds, part.to_string(), verdict.seen)
    }));
    let hint = Part::Hint(state.view.fill_in_turn(&step.hint));
    (shown, run.hinted.then_some(hint))
}

impl State {
    /// Whether what is told of a step that is done is too long for its pane, so that it comes in two halves: what came,
    /// and why.
    pub(super) fn has_second_half(&self, course: &Course) -> bool {
        let (Some(step), Some(run)) = (course.shown(), course.run()) else {
            return false;
        };
        let mut told = what(self, step, run);
        told.push(why(self, step));
        told.push(Part::Aside(goes_on(self, course)));
        !self.has_room_for(&told)
    }

    /// Whether the lesson's pane shows all of it at once.
    fn has_room_for(&self, parts: &[Part]) -> bool {
        let places = self.view.places();
        let place = places.iter().find(|(standing, _)| match standing {
            Standing::Pane(pane) => *pane == Pane::Lesson,
            Standing::Tabs(tabs) => tabs.contains(&Pane::Lesson),
        });
        let Some((_, area)) = place else {
            return true;
        };
        let columns = usize::from(area.width.saturating_sub(FRAME)).max(1);
        let lines = |taken: usize| (taken + taken / EMPTY_ONE_OF).div_ceil(columns);
        let is_check = |part: &&Part| matches!(part, Part::Check(..));
        // What holds stands in one line.
        let checks = parts.iter().filter(is_check).map(Part::columns).sum();
        let others = parts.iter().filter(|part| !is_check(part));
        let others: usize = others.map(|part| lines(part.columns())).sum();
        lines(checks) + others <= usize::from(area.height.saturating_sub(2))
    }
}

impl Part {
    /// How many columns it would take in one line.
    fn columns(&self) -> usize {
        match self {
            Self::Gap => 0,
            Self::Question(words, guess) => {
                let guess = guess.as_ref();
                words.chars().count() + guess.map_or(0, |(said, _)| said.chars().count() + TICK)
            }
            Self::Check(_, words, _) => words.chars().count() + TICK,
            Self::Text(words)
            | Self::Observed(words)
            | Self::Why(words)
            | Self::Note(words)
            | Self::Hint(words)
            | Self::How(words)
            | Self::Shell(words)
            | Self::Aside(words)
            | Self::Choice(_, words, _) => words.chars().count(),
        }
    }
}

fn done(state: &State, course: &Course, step: &LessonStep, run: &Run) -> Parts {
    let halves = state.has_second_half(course);
    let mut shown = Vec::new();
    if !(halves && state.view.lesson.why) {
        shown = what(state, step, run);
        if halves {
            let last = state.view.fill("{lesson next}: why it is so");
            return (shown, Some(Part::Aside(last)));
        }
    }
    shown.push(why(state, step));
    let last = Part::Aside(goes_on(state, course));
    if let Some(next) = course.lesson.steps.get(course.step + 1) {
        let about = match &next.predict {
            Some(_) => "a question".to_owned(),
            None => told(state, next),
        };
        let next = Part::Aside(format!("next, step {}: {about}", course.step + 2));
        let mut all = shown.clone();
        all.extend([Part::Gap, next]);
        // It is said again when it is come to.
        if state.has_room_for(&[all.as_slice(), std::slice::from_ref(&last)].concat()) {
            shown = all;
        }
    }
    (shown, Some(last))
}

fn why(state: &State, step: &LessonStep) -> Part {
    Part::Why(state.view.fill(&step.why))
}

/// How it goes on.
fn goes_on(state: &State, course: &Course) -> String {
    let words = if course.is_at_its_last() {
        after_the_last(state, course)
    } else {
        "{lesson next} goes on".to_owned()
    };
    state.view.fill(&words)
}

/// What was asked, what came, and what holds.
fn what(state: &State, step: &LessonStep, run: &Run) -> Vec<Part> {
    let mut shown = Vec::new();
    if let Some(predict) = &step.predict {
        let guess = match run.guessed {
            Some(guess) => (
                format!("you said {}", letter_of(guess)),
                run.answer == Some(guess),
            ),
            None => ("the cluster was faster than your guess".to_owned(), false),
        };
        shown.push(Part::Question(predict.question.clone(), Some(guess)));
        shown.push(observed(state, step, predict, run));
    } else {
        shown.push(Part::Text(state.view.fill(&step.text)));
    }
    shown.extend(held(step));
    shown
}

/// The conditions of a step that is done.
fn held(step: &LessonStep) -> impl Iterator<Item = Part> {
    let parts = parts(&step.check).iter();
    parts.map(|part| Part::Check(true, part.to_string(), String::new()))
}

/// How it goes on when all is done.
fn after_the_last(state: &State, course: &Course) -> String {
    let (this, next) = (course.number, course.number + 1);
    let list = state.learning.list();
    let more = list.iter().find(|listed| listed.number == next);
    match more.map(|more| &more.lesson.title) {
        Some(title) => format!("Lesson {this} is done.  {{lesson next}}: lesson {next}, {title}"),
        None => format!("Lesson {this} is done, the last one.  {{lesson list}}: all"),
    }
}

/// What was seen, with its times, and which choice that was. Where the pane is low, what began it and what it came to.
fn observed(state: &State, step: &LessonStep, predict: &Predict, run: &Run) -> Part {
    let effects = run.deed.map(|root| answer::effects(state, root));
    let mut effects = effects.unwrap_or_default();
    let right = run
        .answer
        .and_then(|answer| Some((answer, predict.choices.get(answer)?)));
    let choice = match right {
        Some((answer, choice)) if run.guessed != Some(answer) => {
            format!("{}  {}. ", letter_of(answer), choice.text)
        }
        _ => String::new(),
    };
    if effects.is_empty() {
        return Part::Observed(format!("the cluster: {choice}{}", run.seen));
    }
    loop {
        let told = Part::Observed(format!("the cluster: {choice}{}", effects.join(", ")));
        let mut around = vec![
            Part::Question(predict.question.clone(), None),
            Part::Aside(String::from("it goes on")),
            told.clone(),
        ];
        around.extend(held(step));
        if effects.len() <= 1 || state.has_room_for(&around) {
            return told;
        }
        effects.remove(usize::from(effects.len() > 2));
    }
}
