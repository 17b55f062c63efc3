//! Leads through lessons as somebody wants it: on, back, from the start, with the step done for them.

use super::{
    Listed,
    course::{Before, Course, Run, Stage},
    follow::{come_to, keep},
    recording::record,
};
use crate::state::{
    State,
    action::{LessonAction, Pane, Request},
    view::Overlay,
};

/// Does what leads through lessons.
pub(in crate::state) fn lead(state: &mut State, action: &LessonAction) -> Vec<Request> {
    if let Overlay::Lessons(cursor) = state.view.overlay
        && let Some(requests) = in_the_list(state, cursor, action)
    {
        return requests;
    }
    match action {
        LessonAction::ListLessons => list(state),
        LessonAction::BeginLesson(name) => return begin(state, name, false),
        LessonAction::ResetLesson => match open(state).map(|course| course.name.clone()) {
            Some(name) => return begin(state, &name, true),
            None => no_lesson(state),
        },
        LessonAction::NextStep => return with_course(state, next),
        LessonAction::StepBack => return with_course(state, back),
        LessonAction::DoStep => return with_course(state, do_step),
        LessonAction::RecordLesson(name) => return record(state, name.as_deref()),
        LessonAction::MarkChoice(choice) => {
            let choices = open(state)
                .filter(|course| course.asks())
                .map(Course::choices);
            let choice = usize::from(*choice);
            match choices {
                Some(choices) if choice < choices => state.view.lesson.marked = choice,
                Some(_) => state.message("there is no such choice", false),
                None => nothing_is_asked(state),
            }
        }
        LessonAction::AnswerQuestion(choice) => {
            let choice = choice.map(usize::from);
            return with_course(state, |state, course| {
                let choice = choice.unwrap_or(state.view.lesson.marked);
                if !course.asks() {
                    nothing_is_asked(state);
                } else if choice < course.choices() {
                    answer(state, course, choice);
                } else {
                    state.message("there is no such choice", false);
                }
                Vec::new()
            });
        }
    }
    Vec::new()
}

/// What keys mean while the list is open: the lesson under the cursor.
fn in_the_list(state: &mut State, cursor: usize, action: &LessonAction) -> Option<Vec<Request>> {
    let list = state.learning.list();
    let end = list.len().saturating_sub(1);
    let name = list.get(cursor).map(|listed| listed.name.to_owned())?;
    let cursor = match action {
        LessonAction::ListLessons => {
            state.view.overlay = Overlay::None;
            return Some(Vec::new());
        }
        LessonAction::ResetLesson => return Some(begin(state, &name, true)),
        LessonAction::DoStep => return Some(begin(state, &name, false)),
        LessonAction::NextStep => (cursor + 1).min(end),
        LessonAction::StepBack => cursor.saturating_sub(1),
        _ => return None,
    };
    state.view.overlay = Overlay::Lessons(cursor);
    Some(Vec::new())
}

/// The lesson on the screen.
fn open(state: &State) -> Option<&Course> {
    let course = state.learning.course.as_ref();
    course.filter(|_| state.view.lesson.docked)
}

fn no_lesson(state: &mut State) {
    state.message("no lesson is open: {lesson list} lists them", false);
}

fn nothing_is_asked(state: &mut State) {
    state.message("no question is open", false);
}

fn with_course(
    state: &mut State,
    lead: impl FnOnce(&mut State, &mut Course) -> Vec<Request>,
) -> Vec<Request> {
    if open(state).is_none() {
        no_lesson(state);
        return Vec::new();
    }
    let Some(mut course) = state.learning.course.take() else {
        return Vec::new();
    };
    let requests = lead(state, &mut course);
    // Another one may have begun.
    state.learning.course.get_or_insert(course);
    requests
}

/// Leaves the lesson for the list; it stays where it is.
fn list(state: &mut State) {
    let list = state.learning.list();
    let left = state.learning.course.as_ref().map(|course| &course.name);
    let at = list
        .iter()
        .position(|listed| Some(listed.name) == left.map(String::as_str));
    let begun = || {
        list.iter()
            .position(|listed| listed.begun.is_some() && !listed.done)
    };
    let fresh = || list.iter().position(|listed| !listed.done);
    let cursor = at.or_else(begun).or_else(fresh).unwrap_or(0);
    state.view.lesson.docked = false;
    state.view.overlay = Overlay::Lessons(cursor);
}

/// Opens a lesson by its number or its name: where it was left, or from its start.
fn begin(state: &mut State, named: &str, from_start: bool) -> Vec<Request> {
    let list = state.learning.list();
    let number: Option<usize> = named.parse().ok();
    let found = list
        .iter()
        .find(|listed| listed.name == named || Some(listed.number) == number);
    let Some(found) = found else {
        let count = list.len();
        let words = format!("there is no lesson {named}: 1 to {count}, {{lesson list}} lists them");
        state.message(words, true);
        return Vec::new();
    };
    let number = found.number;
    let fresh = opened(state, found, from_start);
    let left = state.learning.course.take();
    let left = left.filter(|course| course.name == fresh.name);
    let mut course = match left {
        Some(left) if from_start => Course {
            to_do: left.taken_back(),
            ..fresh
        },
        left => left.unwrap_or(fresh),
    };
    let words = format!("lesson {number}: {}", course.lesson.title);
    let line = state.wish().say(words);
    state.story.begin(line);
    state.view.overlay = Overlay::None;
    state.view.lesson.docked = true;
    state.view.lesson.beside = course.lesson.beside;
    // Whoever is in one need not be told of them.
    state.learning.offered = true;
    state.view.tab = Pane::Lesson;
    course.counted = state.now;
    if course.before.is_none() {
        come_to(state, &mut course);
    }
    let kept = keep(state, &course);
    state.learning.course = Some(course);
    kept.into_iter().collect()
}

fn next(state: &mut State, course: &mut Course) -> Vec<Request> {
    let is_last = course.is_at_its_last();
    match course.stage() {
        Stage::Done if !state.view.lesson.why && state.has_second_half(course) => {
            state.view.lesson.why = true;
            state.view.lesson.scroll = 0;
        }
        Stage::Ahead => {
            // Whoever does not want to wait begins with what is there.
            course.before = None;
            course.to_do.clear();
            come_to(state, course);
        }
        Stage::Asks => answer(state, course, state.view.lesson.marked),
        Stage::Done if is_last => {
            let next = course.number + 1;
            if state
                .learning
                .list()
                .iter()
                .any(|listed| listed.number == next)
            {
                return begin(state, &next.to_string(), false);
            }
            list(state);
        }
        Stage::Open if is_last => list(state),
        Stage::Open | Stage::Done => {
            course.to_do.clear();
            course.step += 1;
            come_to(state, course);
            return keep(state, course).into_iter().collect();
        }
    }
    Vec::new()
}

fn back(state: &mut State, course: &mut Course) -> Vec<Request> {
    course.to_do.clear();
    if std::mem::take(&mut state.view.lesson.why) {
        state.view.lesson.scroll = 0;
        return Vec::new();
    }
    match course.step.checked_sub(1) {
        Some(before) => {
            let was_done = course.stage() == Stage::Done;
            course.step = before;
            come_to(state, course);
            if was_done || course.stage() == Stage::Done {
                state.message(
                    "a look back: nothing on the cluster is taken back. :lesson reset does that",
                    false,
                );
            }
        }
        None => state.message(
            "this is the first step: {lesson list} leaves to the list",
            false,
        ),
    }
    Vec::new()
}

/// Does the step; whoever is asked has answered with what is marked.
fn do_step(state: &mut State, course: &mut Course) -> Vec<Request> {
    if course.stage() == Stage::Asks {
        answer(state, course, state.view.lesson.marked);
    }
    match course.stage() {
        Stage::Open => {
            let actions = course.shown().map(|step| step.actions.clone());
            course.to_do = actions.unwrap_or_default().into();
        }
        Stage::Done => state.message("it is done: {lesson next} goes on", false),
        Stage::Asks | Stage::Ahead => {}
    }
    Vec::new()
}

/// Takes a guess; from now on the step is to be done.
fn answer(state: &mut State, course: &mut Course, choice: usize) {
    if let Some(run) = course.runs.get_mut(course.step) {
        run.guessed = Some(choice);
        run.stage = Stage::Open;
        run.began = state.now;
    }
}

/// An own lesson was saved while it is open: it goes on with what the file says now, at the step that is shown.
pub(in crate::state) fn read_again(state: &mut State) {
    let Some(mut course) = state.learning.course.take() else {
        return;
    };
    let list = state.learning.list();
    let Some(found) = list.iter().find(|listed| listed.name == course.name) else {
        // Its file is gone: what was read of it stays until it is left.
        state.learning.course = Some(course);
        return;
    };
    course.number = found.number;
    course.lesson = found.lesson.clone();
    state.view.lesson.beside = course.lesson.beside;
    let steps = course.lesson.steps.len();
    course.step = course.step.min(steps.saturating_sub(1));
    course.to_do.clear();
    course.runs.resize_with(steps, Run::default);
    for run in course.runs.iter_mut().skip(course.step) {
        *run = Run::default();
    }
    if course.before.is_none() {
        come_to(state, &mut course);
    }
    state.learning.course = Some(course);
}

/// A course as it is opened for the first time in a session.
fn opened(state: &State, found: &Listed<'_>, from_start: bool) -> Course {
    let mut course = Course::new(found, state.now);
    let begun = state.learning.begun(found.name);
    let begun = begun.filter(|begun| begun.step < found.lesson.steps.len());
    course.before = Some(match begun.filter(|_| !from_start) {
        Some(begun) if begun.step > 0 => {
            course.step = begun.step;
            course.used = begun.used;
            Before::GoesOn
        }
        _ => Before::Begins,
    });
    course
}
