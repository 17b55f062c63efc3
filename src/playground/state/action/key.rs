//! Keys as the playground knows them, apart from how a terminal encodes them.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

/// One key, its modifiers folded in: `K` is a capital, not shift and `k`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Key {
    /// A character, as the keyboard layout gives it.
    Char(char),
    /// Control and a letter.
    Ctrl(char),
    /// Alt and a character; never bound, but never taken for the plain one either.
    Alt(char),
    /// The enter key.
    Enter,
    /// The escape key.
    Esc,
    /// The tabulator.
    Tab,
    /// Shift and the tabulator.
    BackTab,
    /// The key that deletes to the left.
    Backspace,
    /// The key that deletes to the right.
    Delete,
    /// Arrow up.
    Up,
    /// Arrow down.
    Down,
    /// Arrow left.
    Left,
    /// Arrow right.
    Right,
    /// To the beginning.
    Home,
    /// To the end.
    End,
    /// A page back; "back" on a clicker.
    PageUp,
    /// A page on; "next" on a clicker.
    PageDown,
    /// A function key; never bound by the program's own table.
    F(u8),
}

/// A key going down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyPress {
    /// Which key.
    pub key: Key,
    /// Whether the terminal itself said that the key is only being held. Where it cannot tell,
    /// `update` judges by the time between presses.
    pub repeat: bool,
}

impl KeyPress {
    /// The key of a terminal's event; `None` for releases and keys that nothing here ever binds.
    #[must_use]
    pub fn from_terminal(event: &KeyEvent) -> Option<Self> {
        if event.kind == KeyEventKind::Release {
            return None;
        }
        let control = event.modifiers.contains(KeyModifiers::CONTROL);
        let alt = event.modifiers.contains(KeyModifiers::ALT);
        let key = match event.code {
            KeyCode::Char(_) if control && alt => return None,
            KeyCode::Char(character) if control => Key::Ctrl(character.to_ascii_lowercase()),
            KeyCode::Char(character) if alt => Key::Alt(character),
            KeyCode::Char(character) => Key::Char(character),
            _ if control || alt => return None,
            KeyCode::Enter => Key::Enter,
            KeyCode::Esc => Key::Esc,
            KeyCode::Tab if event.modifiers.contains(KeyModifiers::SHIFT) => Key::BackTab,
            KeyCode::Tab => Key::Tab,
            KeyCode::BackTab => Key::BackTab,
            KeyCode::Backspace => Key::Backspace,
            KeyCode::Delete => Key::Delete,
            KeyCode::Up => Key::Up,
            KeyCode::Down => Key::Down,
            KeyCode::Left => Key::Left,
            KeyCode::Right => Key::Right,
            KeyCode::Home => Key::Home,
            KeyCode::End => Key::End,
            KeyCode::PageUp => Key::PageUp,
            KeyCode::PageDown => Key::PageDown,
            KeyCode::F(number) => Key::F(number),
            _ => return None,
        };
        Some(Self {
            key,
            repeat: event.kind == KeyEventKind::Repeat,
        })
    }
}

/// The keys that have names, as help and key files write them.
const NAMED: [(Key, &str); 15] = [
    (Key::Char(' '), "space"),
    (Key::Enter, "enter"),
    (Key::Esc, "esc"),
    (Key::Tab, "tab"),
    (Key::BackTab, "shift-tab"),
    (Key::Backspace, "backspace"),
    (Key::Delete, "delete"),
    (Key::Up, "up"),
    (Key::Down, "down"),
    (Key::Left, "left"),
    (Key::Right, "right"),
    (Key::Home, "home"),
    (Key::End, "end"),
    (Key::PageUp, "PgUp"),
    (Key::PageDown, "PgDn"),
];

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((_, name)) = NAMED.iter().find(|(key, _)| key == self) {
            return f.write_str(name);
        }
        match self {
            Self::Ctrl(letter) => write!(f, "^{}", letter.to_ascii_uppercase()),
            Self::Alt(character) => write!(f, "alt-{character}"),
            Self::Char(character) => write!(f, "{character}"),
            Self::F(number) => write!(f, "f{number}"),
            _ => Ok(()),
        }
    }
}

impl Key {
    /// The names of all keys that have one.
    pub fn names() -> impl Iterator<Item = &'static str> {
        NAMED.iter().map(|(_, name)| *name)
    }
}

impl FromStr for Key {
    type Err = UnknownKey;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some((key, _)) = NAMED
            .iter()
            .find(|(_, name)| name.eq_ignore_ascii_case(text))
        {
            return Ok(*key);
        }
        if let Some(character) = text.strip_prefix("alt-")
            && character.chars().count() == 1
        {
            return Ok(Self::Alt(character.chars().next().unwrap_or_default()));
        }
        if let Some(Ok(number @ 1..=12)) = text.strip_prefix(['f', 'F']).map(str::parse) {
            return Ok(Self::F(number));
        }
        let mut characters = text.chars();
        match (characters.next(), characters.next(), characters.next()) {
            (Some(only), None, _) => Ok(Self::Char(only)),
            (Some('^'), Some(letter), None) => Ok(Self::Ctrl(letter.to_ascii_lowercase())),
            _ => Err(UnknownKey(text.to_owned())),
        }
    }
}

/// No key has this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a key")]
pub struct UnknownKey(pub String);

#[cfg(test)]
mod tests {
    use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

    use super::{Key, KeyPress};

    #[test]
    fn alt_x_is_never_taken_for_x() {
        let event = KeyEvent::new(KeyCode::Char('x'), KeyModifiers::ALT);
        assert_eq!(
            KeyPress::from_terminal(&event).map(|press| press.key),
            Some(Key::Alt('x'))
        );
    }

    #[test]
    fn names_read_back() {
        for key in [
            Key::Char('x'),
            Key::Char(' '),
            Key::Char('f'),
            Key::Ctrl('c'),
            Key::Alt('x'),
            Key::PageUp,
            Key::F(12),
        ] {
            assert_eq!(key.to_string().parse(), Ok(key));
        }
    }
}
