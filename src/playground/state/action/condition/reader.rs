//! Reads a condition word by word: names, numbers, places, times, and what is said where something else stands.

use std::time::Duration;

use super::{Amount, COMPARES, Compare, Places, forms::FORMS, words::Word};
use crate::state::{spelling::did_you_mean, time::duration};
use wire::{BrokerId, TopicPartition};

/// Why a text is no condition, and in which column, counted from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{understood}{problem} (column {column})")]
pub struct ConditionError {
    /// The part before it that was understood, with a comma; may be empty.
    pub understood: String,
    /// What is wrong, and what is right.
    pub problem: String,
    /// Where.
    pub column: usize,
}

/// A condition's words, and how far they are read.
pub(super) struct Reader<'a> {
    pub(super) words: &'a [Word],
    pub(super) at: usize,
    /// The first word of what is being read.
    pub(super) began: usize,
    pub(super) end_column: usize,
}

/// What was read, or what is wrong.
pub(super) type Read<T> = Result<T, ConditionError>;

impl Reader<'_> {
    pub(super) fn broker(&mut self) -> Read<BrokerId> {
        // `broker 3` says the same.
        self.takes("broker");
        let id = self.number("a broker's id, not ID, any, none or moved")?;
        Ok(BrokerId(i32::try_from(id).unwrap_or(-1)))
    }

    pub(super) fn places(&mut self) -> Read<Places> {
        let topic = self.name("a topic")?;
        let partition = self.words.get(self.at).and_then(partition);
        self.at += usize::from(partition.is_some());
        Ok(Places { topic, partition })
    }

    pub(super) fn place(&mut self) -> Read<TopicPartition> {
        let Places { topic, partition } = self.places()?;
        match partition {
            Some(partition) => Ok(TopicPartition::new(&topic, partition)),
            None => Err(self.wrong("a partition such as p0 is expected")),
        }
    }

    /// A number of something that is counted: more of it may be meant.
    pub(super) fn amount(&mut self, bare: Compare) -> Read<Amount> {
        let amount = self.number_of(bare)?;
        let more = self.takes("more");
        Ok(Amount { more, ..amount })
    }

    /// A number of what is there.
    pub(super) fn number_of(&mut self, bare: Compare) -> Read<Amount> {
        let compare = COMPARES.into_iter().find(|(sign, _)| self.takes(sign));
        let number = self.number("a number")?;
        Ok(Amount {
            compare: compare.map_or(bare, |(_, compare)| compare),
            number,
            more: false,
        })
    }

    pub(super) fn number(&mut self, what: &str) -> Read<i64> {
        let number = self
            .words
            .get(self.at)
            .and_then(|word| word.text.parse().ok());
        match number {
            Some(number) if number >= 0 => {
                self.at += 1;
                Ok(number)
            }
            _ => Err(self.wrong(&format!("{what} is expected"))),
        }
    }

    pub(super) fn name(&mut self, what: &str) -> Read<String> {
        match self.next() {
            Some(word) if word.quoted || word.text.chars().all(|sign| !"()<>=".contains(sign)) => {
                Ok(word.text.clone())
            }
            Some(_) => {
                self.at -= 1;
                Err(self.wrong(&format!("{what} is expected")))
            }
            None => Err(self.wrong(&format!("{what} is expected"))),
        }
    }

    pub(super) fn on_or_off(&mut self) -> Read<bool> {
        if self.takes("on") {
            Ok(true)
        } else if self.takes("off") {
            Ok(false)
        } else {
            Err(self.wrong("on or off is expected"))
        }
    }

    pub(super) fn keyword(&mut self, word: &str) -> Read<()> {
        if self.takes(word) {
            Ok(())
        } else {
            Err(self.wrong(&format!("{word} is expected")))
        }
    }

    pub(super) fn time(&mut self) -> Read<Duration> {
        let time = self
            .words
            .get(self.at)
            .and_then(|word| duration(&word.text));
        match time {
            Some(time) => {
                self.at += 1;
                Ok(time)
            }
            None => Err(self.wrong("a time such as 500ms, 10s or 2m is expected")),
        }
    }

    pub(super) fn next(&mut self) -> Option<&Word> {
        let word = self.words.get(self.at)?;
        self.at += 1;
        Some(word)
    }

    pub(super) fn takes(&mut self, wanted: &str) -> bool {
        let is_it = self
            .words
            .get(self.at)
            .is_some_and(|word| !word.quoted && word.text.eq_ignore_ascii_case(wanted));
        self.at += usize::from(is_it);
        is_it
    }

    /// The word at hand is not what it should be.
    pub(super) fn wrong(&self, expected: &str) -> ConditionError {
        let before = self.words.get(self.began..self.at).unwrap_or_default();
        let before: Vec<&str> = before.iter().map(|word| word.text.as_str()).collect();
        let understood = match before.as_slice() {
            [] => String::new(),
            words => format!("\"{}\" is understood, then ", words.join(" ")),
        };
        let (column, problem) = match self.words.get(self.at) {
            Some(word) => (word.column, format!("{expected}, not \"{}\"", word.text)),
            None => (self.end_column, expected.to_owned()),
        };
        ConditionError {
            understood,
            problem,
            column,
        }
    }

    pub(super) fn unknown_beginning(&self) -> ConditionError {
        let list: Vec<&str> = FORMS.iter().map(|form| form.word).collect();
        let list = list.join(", ");
        let Some(word) = self.words.get(self.at) else {
            return self.wrong(&format!("a condition is expected; it begins with {list}"));
        };
        let names = FORMS.iter().map(|form| form.word);
        let problem = match did_you_mean(&word.text.to_lowercase(), names) {
            Some(meant) => format!(
                "unknown condition \"{}\", did you mean \"{meant}\"?",
                word.text
            ),
            None => format!("unknown condition \"{}\"; there are {list}", word.text),
        };
        ConditionError {
            understood: String::new(),
            problem,
            column: word.column,
        }
    }
}

/// `p2`
fn partition(word: &Word) -> Option<i32> {
    let digits = word.text.strip_prefix('p').filter(|_| !word.quoted)?;
    digits.parse().ok().filter(|partition| *partition >= 0)
}
