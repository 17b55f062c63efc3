//! A question that is asked before a step is done. The cluster answers it: what came first is the answer.

use crate::state::action::Wanted;

/// The question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Predict {
    /// What is asked.
    pub question: String,
    /// What can be guessed, by letter; at least two.
    pub choices: Vec<Guess>,
}

/// One choice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guess {
    /// Its words.
    pub text: String,
    /// Holds where it was right, once the step is done; how soon counts from the deed. Without it, it was right where
    /// no other choice was.
    pub comes: Option<Wanted>,
}
