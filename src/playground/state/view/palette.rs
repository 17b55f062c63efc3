//! The open palette: what was typed, what was found for it, and what enter would do.

use serde::{Deserialize, Serialize};

use super::Typing;
use crate::state::action::{Action, Key};

/// The open palette.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Palette {
    /// What was typed.
    pub input: Typing,
    /// Which candidate enter does.
    pub cursor: usize,
    /// Why what was typed is no action, after enter.
    pub wrong: Option<String>,
    /// What can be done now and matches, best first.
    #[serde(skip)]
    pub found: Vec<Candidate>,
    /// What enter would do.
    #[serde(skip)]
    pub preview: Option<Preview>,
    /// How enter comes to it.
    #[serde(skip)]
    pub enter: Enter,
}

/// What enter does with what was typed and what was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Enter {
    /// Nothing: there is nothing to do.
    #[default]
    Nothing,
    /// The action that these words name.
    Does(String),
    /// It only puts these words in: they would take something away, and nobody named it exactly.
    Completes(String),
    /// It says why what was typed is no action.
    Refuses(String),
}

impl Palette {
    /// A palette with this text in it.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self {
            input: Typing::new(text),
            ..Self::default()
        }
    }

    pub(in crate::state) fn press(&mut self, key: Key) {
        self.input.press(key);
        self.cursor = 0;
        self.wrong = None;
    }

    pub(in crate::state) fn paste(&mut self, text: &str) {
        self.input.insert(text);
        self.cursor = 0;
        self.wrong = None;
    }

    pub(in crate::state) fn step(&mut self, down: bool) {
        let last = self.found.len().saturating_sub(1);
        self.cursor = if down {
            (self.cursor + 1).min(last)
        } else {
            self.cursor.min(last).saturating_sub(1)
        };
    }
}

/// One line of the palette.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The action as it would be typed.
    pub text: String,
    /// The keys that do the same from here.
    pub keys: Option<String>,
    /// What it reaches now.
    pub note: String,
    /// Whether the note is a warning.
    pub asks: bool,
    /// Whether it would do nothing.
    pub idle: bool,
    /// Whether nothing but its verb was typed.
    pub only_verb: bool,
}

/// The right half of the palette.
#[derive(Debug, Clone, PartialEq)]
pub struct Preview {
    /// Which action.
    pub action: Action,
    /// What it does, in a sentence.
    pub does: String,
    /// What takes it back.
    pub undo: Option<String>,
    /// The command that does the same.
    pub command: Option<String>,
}
