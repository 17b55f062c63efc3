//! Lessons: what somebody is told, what they are to do, and a condition on the cluster that says whether it is done.
//!
//! Any way there counts, so a step is checked by what the cluster became, never by a key. Its own actions do the step
//! as well, which is how a lesson is proved.

mod file;

use super::action::{ClusterAction, Condition};
use super::settings::Mistake;

/// A lesson as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lesson {
    /// What it is called.
    pub title: String,
    /// How long it takes at most.
    pub minutes: u16,
    /// How many brokers it begins with.
    pub brokers: i32,
    /// What is done before it begins, to the cluster of a new playground.
    pub needs: Vec<ClusterAction>,
    /// What is to be done, one after the other; never empty.
    pub steps: Vec<LessonStep>,
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LessonStep {
    /// What the learner is to do.
    pub text: String,
    /// Holds once it is done, and not before.
    pub check: Condition,
    /// Helps whoever does not find it.
    pub hint: String,
    /// What happened then, and why.
    pub why: String,
    /// Does it.
    pub actions: Vec<ClusterAction>,
}

/// The lessons that come with the program, in their order.
const BUILT_IN: [&str; 8] = [
    include_str!("../../lessons/record.toml"),
    include_str!("../../lessons/partition.toml"),
    include_str!("../../lessons/group.toml"),
    include_str!("../../lessons/two-groups.toml"),
    include_str!("../../lessons/leader.toml"),
    include_str!("../../lessons/min-insync.toml"),
    include_str!("../../lessons/come-back.toml"),
    include_str!("../../lessons/zookeeper.toml"),
];

impl Lesson {
    /// Reads a lesson's file.
    ///
    /// # Errors
    /// Where it is wrong, and what is expected there.
    pub fn read(text: &str) -> Result<Self, Mistake> {
        file::read(text)
    }

    /// The lessons that come with the program, in their order.
    #[must_use]
    pub fn built_in() -> Vec<Self> {
        BUILT_IN
            .iter()
            .filter_map(|text| Self::read(text).ok())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{BUILT_IN, Lesson};

    #[test]
    fn every_lesson_that_comes_with_the_program_can_be_read() {
        let mut titles = BTreeSet::new();
        for text in BUILT_IN {
            let lesson = Lesson::read(text).map_err(|mistake| format!("{mistake}\n{text}"));
            titles.insert(lesson.expect("it is right").title);
        }
        assert_eq!(titles.len(), BUILT_IN.len(), "each has a title of its own");
        assert_eq!(Lesson::built_in().len(), BUILT_IN.len());
    }
}
