//! A record in the making: `P` opens it, pasted text lands in it.

use serde::{Deserialize, Serialize};

use super::Typing;
use crate::state::{
    action::{Key, NewRecord},
    cluster::Acks,
};

/// The composer's lines.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Compose {
    /// Key, value, headers, partition, acks.
    pub fields: [Typing; 5],
    /// Which line has the cursor.
    pub focus: usize,
    /// What is wrong with it, after enter.
    pub wrong: Option<String>,
}

/// What each line asks for, and how it is written.
pub const FIELDS: [(&str, &str); 5] = [
    ("key", "its murmur2 hash picks the partition; empty: any"),
    ("value", ""),
    ("headers", "name=value, name=value"),
    ("partition", "empty: the key picks it"),
    ("acks", "all, 1 or 0; empty: all"),
];

impl Compose {
    /// A composer with this key and value; the cursor is where the record begins: on the key, or behind a value.
    #[must_use]
    pub fn new(key: &str, value: &str) -> Self {
        Self {
            fields: [
                Typing::new(key),
                Typing::new(value),
                Typing::default(),
                Typing::default(),
                Typing::default(),
            ],
            focus: usize::from(!value.is_empty()),
            wrong: None,
        }
    }

    /// Moves to the next line, or the previous one.
    pub fn step(&mut self, forward: bool) {
        let count = self.fields.len();
        self.focus = (self.focus + if forward { 1 } else { count - 1 }) % count;
    }

    /// Types into the line with the cursor.
    pub fn press(&mut self, key: Key) {
        if let Some(field) = self.fields.get_mut(self.focus) {
            field.press(key);
        }
    }

    /// Pastes into the line with the cursor.
    pub fn paste(&mut self, text: &str) {
        if let Some(field) = self.fields.get_mut(self.focus) {
            field.insert(text);
        }
    }

    /// The record as it stands.
    ///
    /// # Errors
    /// A sentence that says which line cannot be read.
    pub fn record(&self, topic: &str) -> Result<NewRecord, String> {
        let [key, value, headers, partition, acks] = &self.fields;
        let text = |field: &Typing| field.text().trim().to_owned();
        let partition = match text(partition).trim_start_matches('p') {
            "" => None,
            number => Some(
                number
                    .parse()
                    .map_err(|_| format!("partition \"{number}\" is not a number"))?,
            ),
        };
        let acks = match text(acks).as_str() {
            "" | "all" | "-1" => Acks::All,
            "1" => Acks::Leader,
            "0" => Acks::None,
            other => return Err(format!("acks \"{other}\" is not all, 1 or 0")),
        };
        let headers = text(headers)
            .split(',')
            .filter(|header| !header.trim().is_empty())
            .map(|header| {
                header
                    .split_once('=')
                    .map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
                    .ok_or_else(|| format!("header \"{}\" has no =", header.trim()))
            })
            .collect::<Result<_, _>>()?;
        Ok(NewRecord {
            topic: topic.to_owned(),
            key: Some(text(key)).filter(|key| !key.is_empty()),
            value: Some(value.text().to_owned()),
            headers,
            partition,
            acks,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Compose;
    use crate::state::{Acks, Typing};

    #[test]
    fn a_record_is_read_from_the_lines_or_the_wrong_line_is_named() {
        let mut compose = Compose::new("amy", "a: b");
        compose.fields[2] = Typing::new("source=web, retry=1");
        compose.fields[3] = Typing::new("p2");
        let record = compose.record("orders").expect("all lines are right");
        assert_eq!(record.partition, Some(2));
        assert_eq!(record.headers.len(), 2);
        assert_eq!(record.acks, Acks::All);
        compose.fields[4] = Typing::new("two");
        assert_eq!(
            compose.record("orders"),
            Err("acks \"two\" is not all, 1 or 0".into())
        );
    }
}
