//! The palette: every action by name, with arguments completed from the live cluster.

mod offers;
mod preview;

use std::cmp::Reverse;

use nucleo_matcher::{
    Config, Matcher, Utf32Str,
    pattern::{CaseMatching, Normalization, Pattern},
};

use serde::{Deserialize, Serialize};

use super::{Action, Key, Overlay, State, Typing};
pub use offers::summary;
pub use preview::Preview;

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

    pub(super) fn press(&mut self, key: Key) {
        self.input.press(key);
        self.cursor = 0;
        self.wrong = None;
    }

    pub(super) fn paste(&mut self, text: &str) {
        self.input.insert(text);
        self.cursor = 0;
        self.wrong = None;
    }

    pub(super) fn step(&mut self, down: bool) {
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
    /// The key that does the same to what is picked.
    pub key: Option<Key>,
    /// What it reaches now.
    pub note: String,
    /// Whether the note is a warning.
    pub asks: bool,
    /// Whether it would do nothing.
    pub idle: bool,
}

/// What the palette finds and shows of what it would do, after its text, its cursor or the cluster changed.
pub(super) fn refresh(state: &mut State) {
    let Overlay::Palette(palette) = &state.view.overlay else {
        return;
    };
    let found = find(palette.input.text(), offers::all(state));
    let cursor = palette.cursor.min(found.len().saturating_sub(1));
    let typed = palette.input.text().trim();
    let typed = typed.parse::<Action>().ok().filter(|_| cursor == 0);
    let action = typed.or_else(|| found.get(cursor)?.text.parse().ok());
    let preview = action.map(|action| Preview::new(state, action));
    if let Overlay::Palette(palette) = &mut state.view.overlay {
        palette.found = found;
        palette.cursor = cursor;
        palette.preview = preview;
    }
}

/// Puts the chosen candidate into the input, with room for what its action still wants to know.
pub(super) fn complete(state: &mut State) {
    let Overlay::Palette(palette) = &mut state.view.overlay else {
        return;
    };
    if let Some(chosen) = palette.found.get(palette.cursor) {
        let more = if chosen.text.parse::<Action>().is_ok() {
            ""
        } else {
            " "
        };
        palette.input = Typing::new(format!("{}{more}", chosen.text));
        palette.cursor = 0;
    }
}

/// What enter does: the words as typed if they are an action, else the candidate under the cursor.
pub(super) fn chosen(state: &State) -> Option<String> {
    let Overlay::Palette(palette) = &state.view.overlay else {
        return None;
    };
    let typed = palette.input.text().trim();
    if palette.cursor == 0 && !typed.is_empty() && typed.parse::<Action>().is_ok() {
        return Some(typed.to_owned());
    }
    palette
        .found
        .get(palette.cursor)
        .map(|candidate| candidate.text.clone())
        .or_else(|| (!typed.is_empty()).then(|| typed.to_owned()))
}

/// Those that match what was typed, best first: each typed word has its letters in the candidate, in their
/// order. Where only the beginning matches, the candidate comes last.
fn find(typed: &str, all: Vec<Candidate>) -> Vec<Candidate> {
    let pattern = Pattern::parse(typed, CaseMatching::Ignore, Normalization::Smart);
    let verb = typed.split_whitespace().next().unwrap_or_default();
    let mut matcher = Matcher::new(Config::DEFAULT.match_paths());
    let mut letters = Vec::new();
    let mut found: Vec<(Reverse<u32>, Candidate)> = all
        .into_iter()
        .filter_map(|candidate| {
            let text = Utf32Str::new(&candidate.text, &mut letters);
            let score = pattern.score(text, &mut matcher);
            let score = match score {
                None if typed.trim() != verb && candidate.text.starts_with(verb) => 0,
                score => score?,
            };
            Some((Reverse(score), candidate))
        })
        .collect();
    // Equals stay in the order in which people meet them.
    found.sort_by_key(|(score, _)| *score);
    found.truncate(FOUND_MAX);
    found.into_iter().map(|(_, candidate)| candidate).collect()
}

/// Candidates that are kept: nobody walks further down a list than this.
const FOUND_MAX: usize = 200;

#[cfg(test)]
mod tests {
    use super::{Candidate, find};

    fn found(typed: &str, texts: &[&str]) -> Vec<String> {
        let all = texts.iter().map(|text| Candidate {
            text: (*text).to_owned(),
            key: None,
            note: String::new(),
            asks: false,
            idle: false,
        });
        let found = find(typed, all.collect());
        found.into_iter().map(|candidate| candidate.text).collect()
    }

    #[test]
    fn words_match_by_their_letters_and_the_best_comes_first() {
        let all = [
            "stop broker 1",
            "kill zookeeper",
            "kill broker 1",
            "kill all brokers",
        ];
        assert_eq!(
            found("ki br", &all),
            ["kill broker 1", "kill all brokers", "kill zookeeper"]
        );
        assert_eq!(found("klbr", &all), ["kill broker 1", "kill all brokers"]);
        assert_eq!(found("", &all), all);
        assert_eq!(found("xyz", &all), [""; 0]);
    }
}
