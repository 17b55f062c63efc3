//! Text that others wrote, as a terminal may have it: what would command a terminal, turn the direction of
//! writing or take no room is written out, `\x1b` and `\u{202e}`.
//!
//! Names stay as they are where they are kept and asked with; they go through here where they are written.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io;

use serde_json::ser::Formatter;

/// Text within one line: a name, a cell, a row.
#[must_use]
pub fn line(text: &str) -> Cow<'_, str> {
    shown(text, false)
}

/// Text of several lines: ends of lines and tabs stay.
#[must_use]
pub fn lines(text: &str) -> Cow<'_, str> {
    shown(text, true)
}

/// Bytes that are probably text of several lines; what is no UTF-8 is written out too, `\xff`.
#[must_use]
pub fn bytes(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        out.push_str(&lines(chunk.valid()));
        for byte in chunk.invalid() {
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out
}

fn shown(text: &str, several_lines: bool) -> Cow<'_, str> {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Cow::Borrowed(text);
    }
    let mut characters = text.char_indices().peekable();
    let mut before = None;
    let mut out = None;
    while let Some((at, character)) = characters.next() {
        let after = characters.peek().map(|(_, after)| *after);
        let stays = match character {
            '\n' | '\t' => several_lines,
            '\u{200c}' | '\u{200d}' => joins(before, after),
            _ => !acts(character),
        };
        before = Some(character);
        if stays {
            if let Some(out) = &mut out {
                String::push(out, character);
            }
            continue;
        }
        let out = out.get_or_insert_with(|| text.get(..at).unwrap_or_default().to_owned());
        written_out(out, character);
    }
    out.map_or(Cow::Borrowed(text), Cow::Owned)
}

/// Whether a sign does something instead of being seen.
fn acts(character: char) -> bool {
    character.is_control()
        || matches!(character,
            // Signs that take no room, and ends of lines that are no control characters.
            '\u{ad}' | '\u{34f}' | '\u{180e}' | '\u{200b}' | '\u{2028}' | '\u{2029}'
            | '\u{2060}'..='\u{2064}' | '\u{206a}'..='\u{206f}' | '\u{feff}'
            | '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}'
            | '\u{fff9}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e007f}'
            // Signs that turn the direction of writing: the rest of the terminal's line would turn too.
            | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Whether a joiner stands where writing has one: between letters of a script that joins, or within an emoji.
fn joins(before: Option<char>, after: Option<char>) -> bool {
    let joined = |neighbour: Option<char>| {
        neighbour.is_some_and(|neighbour| !neighbour.is_ascii() && !acts(neighbour))
    };
    joined(before) && joined(after)
}

fn written_out(out: &mut String, character: char) {
    let _ = match character {
        '\n' => write!(out, "\\n"),
        '\r' => write!(out, "\\r"),
        '\t' => write!(out, "\\t"),
        _ if u32::from(character) < 0x100 => write!(out, "\\x{:02x}", u32::from(character)),
        _ => write!(out, "\\u{{{:x}}}", u32::from(character)),
    };
}

/// JSON in one line in which such signs are written as `\u009b`: the same text to every reader of JSON.
#[derive(Debug, Clone, Copy, Default)]
pub struct Json;

impl Formatter for Json {
    fn write_string_fragment<W>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()>
    where
        W: ?Sized + io::Write,
    {
        let mut rest = fragment;
        while let Some((at, character)) = rest.char_indices().find(|(_, sign)| acts(*sign)) {
            let (before, after) = rest.split_at(at);
            writer.write_all(before.as_bytes())?;
            for unit in character.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
            rest = after.get(character.len_utf8()..).unwrap_or_default();
        }
        writer.write_all(rest.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Serialize as _;

    use super::{Json, acts, bytes, line, lines};

    #[test]
    fn what_would_command_a_terminal_is_written_out() {
        assert_eq!(line("billing"), "billing");
        assert_eq!(line("a\x1b]0;title\x07b\x7f"), r"a\x1b]0;title\x07b\x7f");
        assert_eq!(line("c1\u{9b}31m\u{9d}"), r"c1\x9b31m\x9d");
        assert_eq!(line("one\r\n\ttwo"), r"one\r\n\ttwo");
        assert_eq!(lines("one\r\n\ttwo"), "one\\r\n\ttwo");
        assert_eq!(line("\u{202e}rtl"), r"\u{202e}rtl");
        assert_eq!(line("a\u{200b}b\u{feff}"), r"a\u{200b}b\u{feff}");
        assert_eq!(bytes(b"caf\xe9\x1b[m\n"), "caf\\xe9\\x1b[m\n");
    }

    #[test]
    fn writing_of_any_script_stays_as_it_is() {
        for text in [
            "日本語",
            "שלום",
            "e\u{301}",
            "می\u{200c}خواهم",
            "👩\u{200d}👧",
        ] {
            assert_eq!(line(text), text);
        }
        assert_eq!(line("orders\u{200d}"), r"orders\u{200d}");
        assert_eq!(line("a\u{200c}b"), r"a\u{200c}b");
    }

    proptest! {
        #[test]
        fn nothing_is_left_that_acts(text in any::<String>(), raw in any::<Vec<u8>>()) {
            prop_assert!(!line(&text).chars().any(acts));
            let once = line(&text);
            prop_assert_eq!(&line(&once), &once);
            let several = lines(&text);
            prop_assert!(several.chars().all(|sign| !acts(sign) || sign == '\n' || sign == '\t'));
            prop_assert!(bytes(&raw).chars().all(|sign| !acts(sign) || sign == '\n' || sign == '\t'));
        }

        #[test]
        fn json_says_the_same(text in any::<String>()) {
            let mut written = Vec::new();
            let mut serializer = serde_json::Serializer::with_formatter(&mut written, Json);
            text.serialize(&mut serializer).expect("memory takes it");
            let written = String::from_utf8(written).expect("JSON is UTF-8");
            prop_assert!(!written.chars().any(acts));
            prop_assert_eq!(serde_json::from_str::<String>(&written).expect("JSON"), text);
        }
    }
}
