//! A TOML file whose every value knows its line and column, so that a mistake can be named where it is.

use crate::state::spelling::did_you_mean;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// Where a file is wrong, and how.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{line}:{column} {what}")]
pub struct Mistake {
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// What is there and what was expected.
    pub what: String,
}

impl Mistake {
    /// A mistake at this byte of a text.
    #[must_use]
    pub fn at(text: &str, byte: usize, what: impl Into<String>) -> Self {
        let before = text.get(..byte).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self {
            line: before.matches('\n').count() + 1,
            column: before.get(line_start..).unwrap_or_default().chars().count() + 1,
            what: what.into(),
        }
    }
}

/// Reads a whole file: `read` makes of its table what it stands for.
pub(crate) fn parse<T>(
    text: &str,
    read: impl FnOnce(Table<'_>) -> Result<T, Mistake>,
) -> Result<T, Mistake> {
    let document = DeTable::parse(text).map_err(|error| {
        let byte = error.span().map_or(0, |span| span.start);
        Mistake::at(text, byte, error.message().replace('\n', ", "))
    })?;
    read(Table {
        text,
        byte: document.span().start,
        entries: document.get_ref(),
    })
}

/// A value, or the name of one, with its place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Value<'a> {
    text: &'a str,
    byte: usize,
    found: Found<'a>,
}

#[derive(Debug, Clone, Copy)]
enum Found<'a> {
    Value(&'a DeValue<'a>),
    Name(&'a str),
}

impl<'a> Value<'a> {
    fn new(text: &'a str, value: &'a Spanned<DeValue<'a>>) -> Self {
        Self {
            text,
            byte: value.span().start,
            found: Found::Value(value.get_ref()),
        }
    }

    /// The line it begins in, from 1.
    pub fn line(&self) -> usize {
        Mistake::at(self.text, self.byte, "").line
    }

    /// A mistake at this value.
    pub fn wrong(&self, what: impl Into<String>) -> Mistake {
        Mistake::at(self.text, self.byte, what)
    }

    fn value(&self) -> Option<&'a DeValue<'a>> {
        match self.found {
            Found::Value(value) => Some(value),
            Found::Name(_) => None,
        }
    }

    fn expected(&self, what: &str) -> Mistake {
        self.wrong(format!("{what} is expected here"))
    }

    /// A text in quotes.
    pub fn string(&self) -> Result<&'a str, Mistake> {
        let text = match self.found {
            Found::Value(value) => value.as_str(),
            Found::Name(name) => Some(name),
        };
        text.ok_or_else(|| self.expected("a text in quotes"))
    }

    /// A number from `least` on.
    pub fn number(&self, least: u16) -> Result<u16, Mistake> {
        self.value()
            .and_then(DeValue::as_integer)
            .and_then(|number| u16::from_str_radix(number.as_str(), number.radix()).ok())
            .filter(|number| *number >= least)
            .ok_or_else(|| self.expected(&format!("a number from {least} to {}", u16::MAX)))
    }

    /// `true` or `false`.
    pub fn truth(&self) -> Result<bool, Mistake> {
        let truth = self.value().and_then(DeValue::as_bool);
        truth.ok_or_else(|| self.expected("true or false"))
    }

    /// `[…]`
    pub fn list(&self) -> Result<Vec<Value<'a>>, Mistake> {
        let list = self.value().and_then(DeValue::as_array);
        let list = list.ok_or_else(|| self.expected("a list"))?;
        Ok(list
            .iter()
            .map(|item| Value::new(self.text, item))
            .collect())
    }

    /// `{…}`
    pub fn table(&self) -> Result<Table<'a>, Mistake> {
        let entries = self.value().and_then(DeValue::as_table);
        Ok(Table {
            text: self.text,
            byte: self.byte,
            entries: entries.ok_or_else(|| self.expected("a table"))?,
        })
    }

    /// One of a few words; `noun` says what they are.
    pub fn word<T: Copy>(&self, noun: &str, known: &[(&str, T)]) -> Result<T, Mistake> {
        self.known(noun, self.string()?, known)
    }

    /// What a word in this value means.
    pub fn known<T: Copy>(
        &self,
        noun: &str,
        word: &str,
        known: &[(&str, T)],
    ) -> Result<T, Mistake> {
        let found = known.iter().find(|(name, _)| *name == word);
        found.map(|(_, meant)| *meant).ok_or_else(|| {
            let names = known.iter().map(|(name, _)| *name);
            self.wrong(unknown(noun, word, names))
        })
    }
}

/// A table with its place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Table<'a> {
    text: &'a str,
    byte: usize,
    entries: &'a DeTable<'a>,
}

impl<'a> Table<'a> {
    /// A mistake at the beginning of this table.
    pub fn wrong(&self, what: impl Into<String>) -> Mistake {
        Mistake::at(self.text, self.byte, what)
    }

    /// Refuses every key but these.
    pub fn only(&self, known: &[&str]) -> Result<(), Mistake> {
        let stranger = self
            .entries
            .keys()
            .filter(|key| !known.contains(&key.get_ref().as_ref()))
            .min_by_key(|key| key.span().start);
        match stranger {
            None => Ok(()),
            Some(key) => Err(Mistake::at(
                self.text,
                key.span().start,
                unknown("setting", key.get_ref(), known.iter().copied()),
            )),
        }
    }

    /// Every key with its value, in the order of the file.
    pub fn entries(&self) -> Vec<(Value<'a>, Value<'a>)> {
        let mut entries: Vec<(Value<'a>, Value<'a>)> = self
            .entries
            .iter()
            .map(|(key, value)| {
                let name = Value {
                    text: self.text,
                    byte: key.span().start,
                    found: Found::Name(key.get_ref()),
                };
                (name, Value::new(self.text, value))
            })
            .collect();
        entries.sort_by_key(|(name, _)| name.byte);
        entries
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<Value<'a>> {
        let value = self.entries.get(key)?;
        Some(Value::new(self.text, value))
    }

    /// The value of a key that may not be missing.
    pub fn need(&self, key: &str) -> Result<Value<'a>, Mistake> {
        self.get(key)
            .ok_or_else(|| self.wrong(format!("\"{key}\" is missing here")))
    }
}

/// `unknown pane "repicas", did you mean "replicas"?`
fn unknown<'k>(noun: &str, word: &str, known: impl Iterator<Item = &'k str> + Clone) -> String {
    if let Some(meant) = did_you_mean(word, known.clone()) {
        return format!("unknown {noun} \"{word}\", did you mean \"{meant}\"?");
    }
    let all: Vec<&str> = known.collect();
    format!("unknown {noun} \"{word}\", there are {}", all.join(", "))
}

#[cfg(test)]
mod tests {
    use super::{Mistake, parse};

    #[test]
    fn mistakes_are_counted_in_lines_and_characters() {
        let read = |text| parse(text, |table| table.need("größe")?.number(1));
        assert_eq!(read("\"größe\" = 3"), Ok(3));
        let wrong = read("# a\n\"größe\" = true").expect_err("no number");
        assert_eq!((wrong.line, wrong.column), (2, 11));
        let wrong = read("a = 1\nb = = 2").expect_err("no TOML");
        assert_eq!((wrong.line, wrong.column), (2, 5), "{wrong}");
        assert!(matches!(read("a = 1"), Err(Mistake { line: 1, .. })));
    }
}
