//! Lessons: what somebody is told, what they are to do, and a condition on the cluster that says whether it is done.
//!
//! Any way there counts, so a step is checked by what the cluster became, never by a key. Its own actions do the step
//! as well, which is how a lesson is proved.

mod answer;
mod course;
mod file;
mod follow;
mod lead;
mod learning;
mod predict;
mod prepare;
mod progress;
mod recording;
mod sheet;

use serde::{Deserialize, Serialize};

use super::action::{Action, Condition};
use super::settings::{Beside, Mistake};
pub use course::Course;
pub(super) use follow::{due, follow, prepares, tried};
pub(super) use lead::{lead, read_again};
pub use learning::{Learning, Listed};
pub(super) use learning::{put, put_progress};
pub use predict::{Guess, Predict};
pub(super) use recording::note;
pub use sheet::{Part, Sheet};

/// A lesson as it was read. Its file's text is what is saved of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Lesson {
    /// The file's text.
    pub source: String,
    /// What it is called.
    pub title: String,
    /// How long it takes at most.
    pub minutes: u16,
    /// Which pane it is about, beside the Log.
    pub beside: Beside,
    /// How many brokers it begins with.
    pub brokers: i32,
    /// What is done before it begins, to the cluster of a new playground.
    pub needs: Vec<Action>,
    /// What is to be done, one after the other; never empty.
    pub steps: Vec<LessonStep>,
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LessonStep {
    /// What the learner is to do.
    pub text: String,
    /// One way to do it, where the text does not say it: keys, by their actions in braces.
    pub how: Option<String>,
    /// What is asked before it is done.
    pub predict: Option<Predict>,
    /// Holds once it is done, and not before.
    pub check: Condition,
    /// Helps whoever does not find it.
    pub hint: String,
    /// What happened then, and why.
    pub why: String,
    /// Does it.
    pub actions: Vec<Action>,
    /// Takes it back, so that it can be done again. Nothing: the check counts from when the step begins.
    pub undo: Vec<Action>,
    /// Does it in a shell of one's own, with this program's commands; [`BOOTSTRAP`] stands for the address.
    pub shell: Vec<String>,
    /// The same with Apache's.
    pub apache: Vec<String>,
}

/// Stands for the addresses of the brokers in a step's commands.
pub const BOOTSTRAP: &str = "{bootstrap}";

impl LessonStep {
    /// Commands with the addresses of the brokers in them.
    pub fn at<'a>(
        commands: &'a [String],
        bootstrap: &'a str,
    ) -> impl Iterator<Item = String> + use<'a> {
        let commands = commands.iter();
        commands.map(|command| command.replace(BOOTSTRAP, bootstrap))
    }
}

/// The lessons that come with the program, in their order: the name of each, which never changes, and its file.
const BUILT_IN: [(&str, &str); 16] = [
    ("record", include_str!("../../lessons/record.toml")),
    ("partition", include_str!("../../lessons/partition.toml")),
    ("key", include_str!("../../lessons/key.toml")),
    ("group", include_str!("../../lessons/group.toml")),
    ("two-groups", include_str!("../../lessons/two-groups.toml")),
    ("one-broker", include_str!("../../lessons/one-broker.toml")),
    (
        "replication",
        include_str!("../../lessons/replication.toml"),
    ),
    ("leader", include_str!("../../lessons/leader.toml")),
    ("min-insync", include_str!("../../lessons/min-insync.toml")),
    ("come-back", include_str!("../../lessons/come-back.toml")),
    ("retention", include_str!("../../lessons/retention.toml")),
    ("duplicates", include_str!("../../lessons/duplicates.toml")),
    ("zookeeper", include_str!("../../lessons/zookeeper.toml")),
    ("restaurant", include_str!("../../lessons/restaurant.toml")),
    ("bank", include_str!("../../lessons/bank.toml")),
    ("shell", include_str!("../../lessons/shell.toml")),
];

impl From<Lesson> for String {
    fn from(lesson: Lesson) -> Self {
        lesson.source
    }
}

impl TryFrom<String> for Lesson {
    type Error = Mistake;

    fn try_from(text: String) -> Result<Self, Mistake> {
        Self::read(&text)
    }
}

impl Lesson {
    /// Reads a lesson's file.
    ///
    /// # Errors
    /// Where it is wrong, and what is expected there.
    pub fn read(text: &str) -> Result<Self, Mistake> {
        file::read(text)
    }

    /// The lesson of this name that comes with the program.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        let mut lessons = learning::IN_PROGRAM.iter();
        lessons
            .find(|(known, _)| *known == name)
            .map(|(_, lesson)| lesson)
    }

    /// The lessons that come with the program, in their order.
    #[must_use]
    pub fn built_in() -> impl ExactSizeIterator<Item = &'static Self> {
        learning::IN_PROGRAM.iter().map(|(_, lesson)| lesson)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{BUILT_IN, Condition, Lesson, LessonStep};
    use crate::state::settings::Keymap;

    #[test]
    fn every_lesson_that_comes_with_the_program_can_be_read() {
        let mut titles = BTreeSet::new();
        for (_, text) in BUILT_IN {
            let lesson = Lesson::read(text).map_err(|mistake| format!("{mistake}\n{text}"));
            titles.insert(lesson.expect("it is right").title);
        }
        assert_eq!(titles.len(), BUILT_IN.len(), "each has a title of its own");
        assert_eq!(Lesson::built_in().len(), BUILT_IN.len());
        for lesson in Lesson::built_in() {
            for step in &lesson.steps {
                for words in step.words() {
                    let filled = Keymap::default().fill(words);
                    assert!(!filled.contains('{'), "no action: {filled}");
                }
                let counts = counts(&step.check);
                let why = "a step is taken back, or its check counts from its beginning";
                assert!(
                    counts || !step.undo.is_empty(),
                    "{}: {}: {why}",
                    lesson.title,
                    step.check
                );
            }
        }
    }

    impl LessonStep {
        fn words(&self) -> impl Iterator<Item = &String> {
            [&self.text, &self.hint, &self.why]
                .into_iter()
                .chain(&self.how)
        }
    }

    #[test]
    fn whoever_only_reads_the_text_knows_what_to_press() {
        for lesson in Lesson::built_in() {
            for step in &lesson.steps {
                let told = step.how.is_some() || step.text.contains('{') || !step.shell.is_empty();
                assert!(told, "{}: {}", lesson.title, step.text);
            }
        }
    }

    /// Whether doing a step once more makes its condition hold once more.
    fn counts(check: &Condition) -> bool {
        let words = check.to_string();
        let mut words = words.split_whitespace();
        words.any(|word| matches!(word, "more" | "new" | "moved"))
    }
}
