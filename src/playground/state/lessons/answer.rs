//! The cluster's answer: what was done, what followed from it and when, and which guess that makes right.

use super::{Predict, course::Run};
use crate::state::{
    State, Timestamp,
    story::{Entry, Hand, Story, Tone},
};

/// Effects that are told of a deed: the first, which began it, and the last ones, which it came to.
const EFFECTS_MAX: usize = 4;

/// The first line of the tree of what was done in a step.
pub(super) fn deed<'a>(state: &'a State, run: &Run) -> Option<&'a Entry> {
    deed_after(&state.story, run.line_before)
}

/// The newest thing that somebody wanted after a line, else the newest that began at all.
pub(super) fn deed_after(story: &Story, line: u64) -> Option<&Entry> {
    let entries = story.entries().iter().rev();
    let begun: Vec<&Entry> = entries
        .take_while(|entry| entry.number > line || entry.depth > 0)
        .filter(|entry| entry.depth == 0 && entry.hand != Hand::Lesson && entry.number > line)
        .collect();
    let wanted = begun.iter().find(|entry| entry.hand.is_wish());
    wanted.or(begun.first()).copied()
}

/// What followed from a deed, each with its time since: `p2 leader 3->1 +1.510 s`.
pub(super) fn effects(state: &State, root: u64) -> Vec<String> {
    let tree = || {
        state
            .story
            .entries()
            .iter()
            .filter(|entry| entry.root == root)
    };
    let Some(first) = tree().find(|entry| entry.depth == 0) else {
        return Vec::new();
    };
    let effects = tree().filter(|entry| entry.depth > 0);
    let told = effects.map(|entry| {
        let words = entry.text.iter().filter(|(tone, _)| *tone != Tone::Hint);
        let words: String = words.map(|(_, words)| words.as_str()).collect();
        let after = entry.at.since(first.at).as_secs_f64();
        format!("{} +{after:.3} s", words.trim())
    });
    let mut told: Vec<String> = told.collect();
    let between = told.len().saturating_sub(EFFECTS_MAX);
    told.drain(told.len().min(1)..told.len().min(1 + between));
    told
}

/// Notes which choices hold by now, and since when.
pub(super) fn watch(state: &State, predict: &Predict, run: &mut Run) {
    run.came.resize(predict.choices.len(), None);
    for (choice, came) in predict.choices.iter().zip(&mut run.came) {
        let Some(wanted) = &choice.comes else {
            continue;
        };
        if wanted.condition.check(state, &run.since).holds {
            came.get_or_insert(state.now);
        } else {
            *came = None;
        }
    }
}

/// The choice that was right: the first that holds, soon enough after the deed; else the one that says so of none.
pub(super) fn right(predict: &Predict, run: &Run, deed: Timestamp) -> Option<usize> {
    let choices = || predict.choices.iter().zip(&run.came);
    let holds = choices().position(|(choice, came)| {
        let (Some(wanted), Some(came)) = (&choice.comes, came) else {
            return false;
        };
        wanted
            .within
            .is_none_or(|within| came.since(deed) <= within)
    });
    holds.or_else(|| choices().position(|(choice, _)| choice.comes.is_none()))
}
