//! What leads through lessons, by name.

use std::fmt;

use super::{ActionError, LessonAction};

/// Choices have the letters from this one on.
const FIRST_LETTER: char = 'a';

/// Choices that a question has at most.
const CHOICES_MAX: u8 = 4;

/// The letter of a choice.
#[must_use]
pub fn letter_of(choice: usize) -> char {
    let letters = (FIRST_LETTER..).take(usize::from(CHOICES_MAX));
    letters.into_iter().nth(choice).unwrap_or('?')
}

fn choice_of(letter: &str) -> Result<u8, ActionError> {
    let mut letters = (FIRST_LETTER..).zip(0..CHOICES_MAX);
    let found = letters.find(|(known, _)| letter.chars().eq([*known]));
    found
        .map(|(_, choice)| choice)
        .ok_or(ActionError::Arguments {
            usage: "the letter of a choice: a, b, c or d",
        })
}

impl fmt::Display for LessonAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ListLessons => f.write_str("lesson list"),
            Self::BeginLesson(name) => write!(f, "lesson {name}"),
            Self::ResetLesson => f.write_str("lesson reset"),
            Self::NextStep => f.write_str("lesson next"),
            Self::StepBack => f.write_str("lesson back"),
            Self::DoStep => f.write_str("lesson do"),
            Self::RecordLesson(Some(name)) => write!(f, "lesson record {name}"),
            Self::RecordLesson(None) => f.write_str("lesson record"),
            Self::MarkChoice(choice) => write!(f, "mark {}", letter_of(usize::from(*choice))),
            Self::AnswerQuestion(Some(choice)) => {
                write!(f, "answer {}", letter_of(usize::from(*choice)))
            }
            Self::AnswerQuestion(None) => f.write_str("answer"),
        }
    }
}

/// What leads through lessons, in these words; `None` if they begin like nothing of it.
pub(super) fn parse(first: &str, rest: &[&str]) -> Option<Result<LessonAction, ActionError>> {
    Some(match (first, rest) {
        ("lesson", []) => Ok(LessonAction::ListLessons),
        ("lesson", ["skip"]) => Ok(LessonAction::NextStep),
        ("lesson", [name]) => Ok(LessonAction::BeginLesson((*name).to_owned())),
        ("lesson", ["record", name]) => Ok(LessonAction::RecordLesson(Some((*name).to_owned()))),
        ("lesson", _) => Err(ActionError::Arguments {
            usage: "lesson NUMBER, list, next, back, do, reset or record NAME, as in: lesson 5",
        }),
        ("mark", [letter]) => choice_of(letter).map(LessonAction::MarkChoice),
        ("answer", [letter]) => {
            choice_of(letter).map(|choice| LessonAction::AnswerQuestion(Some(choice)))
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::letter_of;
    use crate::state::Action;

    #[test]
    fn choices_have_letters() {
        assert_eq!((letter_of(0), letter_of(3)), ('a', 'd'));
        for wrong in ["answer e", "answer 1", "mark", "mark aa", "lesson 1 2"] {
            wrong.parse::<Action>().expect_err(wrong);
        }
        let skip = "lesson skip".parse::<Action>().expect("it is next");
        assert_eq!(skip.to_string(), "lesson next");
    }
}
