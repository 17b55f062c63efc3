//! What somebody learns: which lessons there are, how far each was done, and the one that is open.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use super::{
    BUILT_IN, Lesson,
    course::Course,
    progress::{Begun, Progress},
    recording::Recording,
};
use crate::state::{State, settings::Mistake};

/// Own lessons that are kept; more of them is not a person's folder.
const OWN_MAX: usize = 64;

/// The lessons in the program, read once.
pub(super) static IN_PROGRAM: LazyLock<Vec<(&str, Lesson)>> = LazyLock::new(|| {
    let read = BUILT_IN.into_iter();
    read.filter_map(|(name, text)| Some((name, Lesson::read(text).ok()?)))
        .collect()
});

/// Lessons and how far they were done.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Learning {
    /// Own ones, by name. Files belong to whoever looks at a session.
    #[serde(skip)]
    own: BTreeMap<String, Lesson>,
    /// Own ones that are wrong, by file, and how.
    #[serde(skip)]
    mistakes: BTreeMap<String, String>,
    pub(super) progress: Progress,
    /// Whether the file that keeps the progress was looked for: only then it is written.
    pub(super) keeps: bool,
    /// Whether lessons were offered.
    pub(super) offered: bool,
    /// The lesson that is open, or was left for the list.
    pub course: Option<Course>,
    /// The lesson that is being written.
    #[serde(skip)]
    pub(super) recording: Option<Recording>,
}

/// A lesson in the list.
#[derive(Debug, Clone, Copy)]
pub struct Listed<'a> {
    /// Its number, from 1.
    pub number: usize,
    /// Its name.
    pub name: &'a str,
    /// What it is.
    pub lesson: &'a Lesson,
    /// Whether it was done.
    pub done: bool,
    /// The step it goes on at, counted from 0, where it was begun.
    pub begun: Option<usize>,
}

impl Learning {
    /// All lessons: those in the program in their order, then own ones.
    #[must_use]
    pub fn list(&self) -> Vec<Listed<'_>> {
        let in_program = IN_PROGRAM.iter().map(|(name, lesson)| {
            let own = self.own.get(*name);
            (*name, own.unwrap_or(lesson))
        });
        let own = self.own.iter();
        let own = own.filter(|(name, _)| !IN_PROGRAM.iter().any(|(known, _)| known == name));
        in_program
            .chain(own.map(|(name, lesson)| (name.as_str(), lesson)))
            .zip(1..)
            .map(|((name, lesson), number)| {
                let begun = self.progress.begun.get(name).map(|begun| begun.step);
                Listed {
                    number,
                    name,
                    lesson,
                    done: self.progress.done.contains(name),
                    begun: begun.filter(|step| *step < lesson.steps.len()),
                }
            })
            .collect()
    }

    /// What is wrong with own lessons, file by file.
    pub fn mistakes(&self) -> impl Iterator<Item = &str> {
        self.mistakes.values().map(String::as_str)
    }

    /// The topics whose records the open lesson looks at.
    pub fn topics(&self) -> impl Iterator<Item = &str> {
        self.course.iter().flat_map(Course::topics)
    }

    pub(super) fn begun(&self, name: &str) -> Option<Begun> {
        self.progress.begun.get(name).copied()
    }
}

/// Takes a file of an own lesson; `None`: it is gone. Whether it is the lesson that is open.
pub(in crate::state) fn put(
    state: &mut State,
    name: &str,
    text: Option<&str>,
) -> Result<bool, Mistake> {
    let learning = &mut state.learning;
    let is_open = |learning: &Learning| {
        let course = learning.course.as_ref();
        course.is_some_and(|course| course.name == name)
    };
    let Some(text) = text else {
        learning.own.remove(name);
        learning.mistakes.remove(name);
        return Ok(is_open(learning));
    };
    let lesson = match Lesson::read(text) {
        Ok(lesson) => lesson,
        Err(mistake) => {
            let words = format!("lessons/{name}.toml:{mistake}");
            learning.mistakes.insert(name.to_owned(), words);
            return Err(mistake);
        }
    };
    learning.mistakes.remove(name);
    if learning.own.len() < OWN_MAX || learning.own.contains_key(name) {
        learning.own.insert(name.to_owned(), lesson);
    }
    Ok(is_open(learning))
}

/// Takes the file that keeps the progress; `None`: there is none yet. Another playground may have written it.
pub(in crate::state) fn put_progress(state: &mut State, text: Option<&str>) -> Result<(), Mistake> {
    let learning = &mut state.learning;
    learning.keeps = false;
    learning.progress = Progress::read(text.unwrap_or_default())?;
    learning.keeps = true;
    Ok(())
}
