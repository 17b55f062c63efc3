//! Looks how far the open lesson is by what is known of the cluster: it goes on when the cluster says so.

use std::time::Duration;

use super::{
    answer,
    course::{Course, Run, Stage, parts},
    prepare,
    progress::Begun,
};
use crate::state::{
    State,
    action::{
        Action, Condition, Request,
        condition::{Baseline, Predicate},
    },
    story::{Hand, Line, Subject, Tone},
};

/// Who does nothing for so long is offered the hint.
const IDLE: Duration = Duration::from_secs(45);

/// So many actions from which nothing came bring the hint,
const TRIES_MAX: u32 = 2;

/// once something could have come from the last one.
const TRIED_FOR: Duration = Duration::from_secs(3);

/// What was undone is open again when it stayed so: a process that starts is neither up nor down for a moment.
const UNDONE_FOR: Duration = Duration::from_secs(2);

/// Time between two looks that counts at most: a program that was stopped meanwhile learned nothing.
const LOOK_MAX: Duration = Duration::from_secs(2);

/// Looks what came about.
pub(in crate::state) fn follow(state: &mut State) -> Vec<Request> {
    offer(state);
    let Some(mut course) = state.learning.course.take() else {
        return Vec::new();
    };
    count_time(state, &mut course);
    let mut requests = Vec::new();
    if state.view.lesson.docked {
        if let Some(before) = course.before {
            prepare::go_on(state, &mut course, before);
        }
        if course.before.is_none() {
            requests = look(state, &mut course);
        }
    }
    state.learning.course = Some(course);
    requests
}

/// The next action that the lesson does, when the one before is done.
pub(in crate::state) fn due(state: &mut State) -> Option<Action> {
    let refused = match state.waits.take_for_lesson() {
        Some(outcome) => outcome.err(),
        None if state.waits.is_for_lesson() => return None,
        None => None,
    };
    let course = state.learning.course.as_mut()?;
    if let Some(why) = refused {
        course.to_do.clear();
        state.message(why, true);
        return None;
    }
    course.to_do.pop_front()
}

/// Whether it makes the cluster as it needs it.
pub(in crate::state) fn prepares(state: &State) -> bool {
    let course = state.learning.course.as_ref();
    course.is_some_and(|course| course.before.is_some())
}

/// Somebody did something to the cluster.
pub(in crate::state) fn tried(state: &mut State) {
    let now = state.now;
    let course = state.learning.course.as_mut();
    let run = course.and_then(|course| course.runs.get_mut(course.step));
    if let Some(run) = run.filter(|run| run.stage == Stage::Open) {
        run.tries += 1;
        run.tried_at = now;
    }
}

/// Says once that there are lessons: where one goes on, or to who is here for the first time.
fn offer(state: &mut State) {
    if state.learning.offered || !state.learning.keeps || !state.is_ready() {
        return;
    }
    state.learning.offered = true;
    let lessons = state.learning.list();
    let begun = lessons.iter().find_map(|listed| {
        let steps = listed.lesson.steps.len();
        let step = listed.begun.filter(|_| !listed.done)? + 1;
        Some(format!(
            "lesson {} goes on at {step} of {steps}: ",
            listed.number
        ))
    });
    let is_first = matches!(state.data_folder, Some((_, None)));
    let first = || {
        let longest = lessons.iter().map(|listed| listed.lesson.minutes).max();
        let (count, minutes) = (lessons.len(), longest.unwrap_or_default());
        format!("{count} lessons of at most {minutes} minutes: ")
    };
    let untouched = lessons.iter().all(|listed| !listed.done);
    let Some(words) = begun.or_else(|| (is_first && untouched).then(first)) else {
        return;
    };
    let line = Line::new(state.now, Hand::Kafkarium)
        .say(words)
        .with(Tone::Hint, "{lesson list}");
    state.story.tell(&[Subject::Opening], line);
}

/// Time is used while there is something to do; it stands while a question or a picture is looked at.
fn count_time(state: &State, course: &mut Course) {
    let passed = state.now.since(course.counted).min(LOOK_MAX);
    course.counted = state.now;
    let counts = match course.stage() {
        Stage::Open => true,
        Stage::Done => !course.is_at_its_last(),
        Stage::Asks | Stage::Ahead => false,
    };
    if counts && state.view.lesson.docked && state.held.is_none() {
        course.used += passed;
    }
}

/// Comes to the step that the course is at.
pub(super) fn come_to(state: &mut State, course: &mut Course) {
    state.view.lesson.scroll = 0;
    state.view.lesson.why = false;
    state.view.lesson.marked = 0;
    let step = course.step;
    let asks = course.choices() > 0;
    let Some(run) = course.runs.get_mut(step) else {
        return;
    };
    if run.stage == Stage::Ahead {
        if run.since == Baseline::default() {
            ready(state, run);
        }
        run.began = state.now;
        run.stage = if asks { Stage::Asks } else { Stage::Open };
    }
    if run.stage == Stage::Asks {
        state.ask_in_lesson();
    }
}

/// From now on counts what comes.
fn ready(state: &State, run: &mut Run) {
    run.since = Baseline::of(&state.cluster);
    run.line_before = state.story.last_number();
}

fn look(state: &mut State, course: &mut Course) -> Vec<Request> {
    let mut requests = Vec::new();
    // What follows may be done already.
    for _ in 0..=course.lesson.steps.len() {
        match course.stage() {
            Stage::Asks | Stage::Open if came_about(state, course) => {
                requests.extend(keep(state, course));
            }
            Stage::Done => {
                look_at_done(state, course);
                break;
            }
            Stage::Asks | Stage::Open | Stage::Ahead => break,
        }
        if !goes_on_alone(state, course) {
            break;
        }
        course.step += 1;
        come_to(state, course);
    }
    requests
}

/// Whether the condition of the step that is open came to hold.
fn came_about(state: &mut State, course: &mut Course) -> bool {
    let at = course.step;
    let (Some(step), Some(run)) = (course.lesson.steps.get(at), course.runs.get_mut(at)) else {
        return false;
    };
    if let Some(predict) = &step.predict {
        answer::watch(state, predict, run);
    }
    let held = held(state, &step.check, &run.since);
    if held > run.held {
        run.held = held;
        run.tries = 0;
    }
    let pressed = state.view.last_key.map_or(run.began, |(_, at)| at);
    let idle = state.now.since(pressed.max(run.began)) >= IDLE;
    let tried = run.tries >= TRIES_MAX && state.now.since(run.tried_at) >= TRIED_FOR;
    run.hinted |= run.stage == Stage::Open && (idle || tried);
    let verdict = step.check.check(state, &run.since);
    if !verdict.holds {
        return false;
    }
    state.view.lesson.scroll = 0;
    run.stage = Stage::Done;
    run.seen = verdict.seen;
    run.done_at = state.now;
    let deed = answer::deed(state, run);
    run.deed = deed.map(|deed| deed.root);
    if let Some(predict) = &step.predict {
        run.answer = answer::right(predict, run, deed.map_or(run.began, |deed| deed.at));
    }
    let words = format!("{} step {}: {}", course.number, course.step + 1, step.check);
    let line = Line::new(state.now, Hand::Lesson)
        .say(words)
        .with(Tone::Good, "  ✓");
    state.story.begin(line);
    let next = course.lesson.steps.get(course.step + 1);
    if let (Some(next), Some(run)) = (next, course.runs.get_mut(course.step + 1))
        && run.stage == Stage::Ahead
    {
        ready(state, run);
        let next_held = held_of(state, next, run);
        if let Some(run) = course.runs.get_mut(course.step) {
            run.next_held = next_held;
        }
    }
    true
}

/// Whether the next step is come to without a word: it was begun in another way before, and is done as well.
fn goes_on_alone(state: &State, course: &Course) -> bool {
    let next = course.step + 1;
    match (
        course.lesson.steps.get(next),
        course.runs.get(next),
        course.run(),
    ) {
        (Some(step), Some(run), Some(shown)) if run.stage == Stage::Ahead => {
            step.predict.is_none()
                && held_of(state, step, run) > shown.next_held
                && step.check.check(state, &run.since).holds
        }
        _ => false,
    }
}

/// What was done may be undone, or the next step begun before it was asked for.
fn look_at_done(state: &mut State, course: &mut Course) {
    let (at, next) = (course.step, course.step + 1);
    let ahead = course
        .runs
        .get(next)
        .is_some_and(|run| run.stage == Stage::Ahead);
    if !ahead {
        return;
    }
    if goes_on_alone(state, course) {
        course.step = next;
        come_to(state, course);
        return;
    }
    let begun = match (course.lesson.steps.get(next), course.runs.get(next)) {
        (Some(step), Some(run)) => held_of(state, step, run),
        _ => 0,
    };
    let (Some(step), Some(run)) = (course.lesson.steps.get(at), course.runs.get_mut(at)) else {
        return;
    };
    let undone = parts(&step.check).iter().filter(|part| is_lasting(part));
    let undone = undone.map(|part| part.check(state, &run.since));
    let Some(undone) = undone.into_iter().find(|verdict| !verdict.holds) else {
        run.broken_since = None;
        return;
    };
    let since = *run.broken_since.get_or_insert(state.now);
    if state.now.since(since) < UNDONE_FOR {
        return;
    }
    if begun > run.next_held {
        course.step = next;
        come_to(state, course);
        return;
    }
    run.stage = Stage::Open;
    run.broken_since = None;
    run.began = state.now;
    run.held = 0;
    run.note = Some(format!("{}, so step {} is open again", undone.seen, at + 1));
}

/// Whether a part of a condition holds until somebody undoes it, which leaders, groups and newest records do not.
fn is_lasting(part: &Condition) -> bool {
    matches!(
        part,
        Condition::Is(
            Predicate::Process(..)
                | Predicate::BrokersUp(_)
                | Predicate::Topic(..)
                | Predicate::Stream(_)
        )
    )
}

fn held_of(state: &State, step: &super::LessonStep, run: &Run) -> usize {
    held(state, &step.check, &run.since)
}

/// How many parts of a condition hold.
fn held(state: &State, check: &Condition, since: &Baseline) -> usize {
    let parts = parts(check).iter();
    parts.filter(|part| part.check(state, since).holds).count()
}

/// Notes how far the course is, and asks for that to be kept.
pub(super) fn keep(state: &mut State, course: &Course) -> Option<Request> {
    let progress = &mut state.learning.progress;
    let done = course.stage() == Stage::Done;
    if done && course.is_at_its_last() {
        progress.begun.remove(&course.name);
        progress.done.insert(course.name.clone());
    } else {
        let begun = Begun {
            step: course.step + usize::from(done),
            used: course.used,
        };
        progress.begun.insert(course.name.clone(), begun);
    }
    let text = progress.text();
    state.learning.keeps.then_some(Request::KeepProgress(text))
}
