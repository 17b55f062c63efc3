//! A line of input with the keys that shells have taught everybody.

use serde::{Deserialize, Serialize};

use crate::state::action::Key;

/// Typed text and where the next character goes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Typing {
    text: String,
    /// Counted in characters.
    cursor: usize,
}

/// More than anybody types, less than a pasted file.
const CHARACTERS_MAX: usize = 4096;

impl Typing {
    /// A line that begins with this text, the cursor behind it.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        let text = text.into();
        Self {
            cursor: text.chars().count(),
            text,
        }
    }

    /// What was typed.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// How many characters stand before the cursor.
    #[must_use]
    pub fn cursor(&self) -> usize {
        self.cursor
    }

    /// Puts text at the cursor; line ends and control characters become spaces.
    pub fn insert(&mut self, text: &str) {
        let room = CHARACTERS_MAX.saturating_sub(self.text.chars().count());
        let clean: String = text
            .chars()
            .take(room)
            .map(|character| {
                if character.is_control() {
                    ' '
                } else {
                    character
                }
            })
            .collect();
        let at = self.byte(self.cursor);
        self.cursor += clean.chars().count();
        self.text.insert_str(at, &clean);
    }

    /// Edits with one key; tells whether the key was one that edits.
    pub fn press(&mut self, key: Key) -> bool {
        let end = self.text.chars().count();
        match key {
            Key::Char(character) => self.insert(character.encode_utf8(&mut [0; 4])),
            Key::Backspace | Key::Ctrl('h') => self.remove(self.cursor.saturating_sub(1)),
            Key::Delete | Key::Ctrl('d') if self.cursor < end => {
                let next = self.cursor + 1;
                let (from, to) = (self.byte(self.cursor), self.byte(next));
                self.text.replace_range(from..to, "");
            }
            Key::Left | Key::Ctrl('b') => self.cursor = self.cursor.saturating_sub(1),
            Key::Right | Key::Ctrl('f') => self.cursor = (self.cursor + 1).min(end),
            Key::Home | Key::Ctrl('a') => self.cursor = 0,
            Key::End | Key::Ctrl('e') => self.cursor = end,
            Key::Ctrl('u') => self.remove(0),
            Key::Ctrl('w') => self.remove(self.word_start()),
            Key::Ctrl('k') => {
                let at = self.byte(self.cursor);
                self.text.truncate(at);
            }
            _ => return false,
        }
        true
    }

    /// Removes from this character up to the cursor.
    fn remove(&mut self, from: usize) {
        let range = self.byte(from)..self.byte(self.cursor);
        self.text.replace_range(range, "");
        self.cursor = from;
    }

    fn word_start(&self) -> usize {
        let before: Vec<char> = self.text.chars().take(self.cursor).collect();
        let spaces = before
            .iter()
            .rev()
            .take_while(|character| character.is_whitespace())
            .count();
        let word = before
            .iter()
            .rev()
            .skip(spaces)
            .take_while(|character| !character.is_whitespace())
            .count();
        before.len() - spaces - word
    }

    fn byte(&self, character: usize) -> usize {
        self.text
            .char_indices()
            .nth(character)
            .map_or(self.text.len(), |(at, _)| at)
    }
}

#[cfg(test)]
mod tests {
    use super::Typing;
    use crate::state::Key;

    #[test]
    fn readline_keys_edit_wide_characters_too() {
        let mut line = Typing::new("kill größe");
        line.press(Key::Ctrl('w'));
        assert_eq!(line.text(), "kill ");
        line.insert("é\nx");
        assert_eq!(line.text(), "kill é x");
        for _ in 0..2 {
            line.press(Key::Left);
        }
        line.press(Key::Backspace);
        assert_eq!((line.text(), line.cursor()), ("kill  x", 5));
        line.press(Key::Ctrl('u'));
        assert_eq!(line.text(), " x");
    }
}
