//! What the bytes of a key or a value most probably are. No record tells it: who writes and who reads have agreed on it
//! elsewhere.

use serde::de::IgnoredAny;

use crate::schema_frame::SchemaFrame;

/// A guess, the likeliest.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Payload<'a> {
    /// An object or a list in JSON: it parses.
    Json(&'a str),
    /// UTF-8 that somebody can have written.
    Text(&'a str),
    /// Four bytes, big-endian, as Java's `IntegerSerializer` writes them.
    Integer(i32),
    /// Eight bytes, as `LongSerializer` writes them.
    Long(i64),
    /// Eight bytes, as `DoubleSerializer` writes them: a number of everyday size, and none as a long.
    Double(f64),
    /// A registry has its schema.
    Schema(SchemaFrame<'a>),
    /// None of these.
    Bytes(&'a [u8]),
}

/// Doubles of such a size are numbers of everyday; random bits seldom are.
const EVERYDAY: std::ops::Range<f64> = 1e-6..1e15;

impl<'a> Payload<'a> {
    /// What these bytes most probably are.
    ///
    /// Eight bytes that begin with 0 could be a schema's id and three bytes as well: a number is likelier, and
    /// [`SchemaFrame::of`] tells the other reading.
    #[must_use]
    pub fn of(bytes: &'a [u8]) -> Self {
        match Self::unparsed(bytes) {
            Self::Text(text) if is_json(text) => Self::Json(text),
            other => other,
        }
    }

    /// The same where only the first bytes of `count` are known: the cut may go through a character, and what is
    /// longer is no number and no JSON that parses.
    #[must_use]
    pub fn of_first(first: &'a [u8], count: usize) -> Self {
        if first.len() >= count {
            return Self::of(first);
        }
        let whole = match std::str::from_utf8(first) {
            Err(error) if error.error_len().is_none() => first.get(..error.valid_up_to()),
            _ => None,
        };
        match Self::unparsed(whole.unwrap_or(first)) {
            known @ (Self::Text(_) | Self::Schema(_)) => known,
            _ => Self::Bytes(first),
        }
    }

    /// The same without a look at whether text is JSON, which costs more than all the rest.
    #[must_use]
    pub fn unparsed(bytes: &'a [u8]) -> Self {
        if let Some(text) = text(bytes) {
            return Self::Text(text);
        }
        if let Ok(four) = bytes.try_into() {
            return Self::Integer(i32::from_be_bytes(four));
        }
        if let Ok(eight) = bytes.try_into() {
            let double = f64::from_be_bytes(eight);
            return if EVERYDAY.contains(&double.abs()) {
                Self::Double(double)
            } else {
                Self::Long(i64::from_be_bytes(eight))
            };
        }
        SchemaFrame::of(bytes).map_or(Self::Bytes(bytes), Self::Schema)
    }

    /// As it is, where it is text or a number.
    #[must_use]
    pub fn words(&self) -> Option<String> {
        match self {
            Self::Json(text) | Self::Text(text) => Some((*text).to_owned()),
            Self::Integer(number) => Some(number.to_string()),
            Self::Long(number) => Some(number.to_string()),
            Self::Double(number) => Some(number.to_string()),
            Self::Schema(_) | Self::Bytes(_) => None,
        }
    }
}

/// Whether a text is an object or a list in JSON.
#[must_use]
pub fn is_json(text: &str) -> bool {
    text.trim_start().starts_with(['{', '[']) && serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// UTF-8 that is plausible as text: hardly any control characters, but for those that text has; none where the bytes
/// are as many as a number's.
fn text(bytes: &[u8]) -> Option<&str> {
    const CONTROLS_ONE_IN: usize = 8;
    let text = std::str::from_utf8(bytes).ok()?;
    let is_control = |sign: &char| sign.is_control() && !matches!(sign, '\n' | '\r' | '\t');
    let controls = text.chars().filter(is_control).count();
    let most = match bytes.len() {
        4 | 8 => 0,
        _ => text.chars().count() / CONTROLS_ONE_IN,
    };
    (controls <= most && !text.contains('\0')).then_some(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Payload;
    use crate::schema_frame::SchemaFrame;

    #[test]
    fn what_people_send_is_told_apart() {
        for (bytes, payload) in [
            (&b"amy"[..], Payload::Text("amy")),
            (b"", Payload::Text("")),
            (b"order 44", Payload::Text("order 44")),
            (
                "d\u{e9}j\u{e0}\n".as_bytes(),
                Payload::Text("d\u{e9}j\u{e0}\n"),
            ),
            (br#"{"order":7}"#, Payload::Json(r#"{"order":7}"#)),
            (b"[1, 2]\n", Payload::Json("[1, 2]\n")),
            (b"{order", Payload::Text("{order")),
            // A number is text as well, and the same either way.
            (b"1290", Payload::Text("1290")),
            (&42_i32.to_be_bytes(), Payload::Integer(42)),
            (&(-1_i32).to_be_bytes(), Payload::Integer(-1)),
            (&42_i64.to_be_bytes(), Payload::Long(42)),
            (
                &1_764_000_000_000_i64.to_be_bytes(),
                Payload::Long(1_764_000_000_000),
            ),
            (&i64::MIN.to_be_bytes(), Payload::Long(i64::MIN)),
            (&12.9_f64.to_be_bytes(), Payload::Double(12.9)),
            (&(-0.5_f64).to_be_bytes(), Payload::Double(-0.5)),
            (
                b"\x1b[31mfailed\x1b[0m to bake",
                Payload::Text("\x1b[31mfailed\x1b[0m to bake"),
            ),
            (b"\x1b\x01\x02", Payload::Bytes(b"\x1b\x01\x02")),
            (b"\xff\x00\x1b", Payload::Bytes(b"\xff\x00\x1b")),
            (
                b"\x00\x00\x00\x00\x0c\x06amy",
                Payload::Schema(SchemaFrame {
                    id: 12,
                    rest: b"\x06amy",
                }),
            ),
        ] {
            assert_eq!(Payload::of(bytes), payload, "{bytes:?}");
        }
    }

    #[test]
    fn the_beginning_of_a_text_is_text_wherever_it_was_cut() {
        let long = "d\u{e9}".repeat(10);
        let first = long.as_bytes().get(..5).expect("thirty bytes");
        assert_eq!(Payload::of_first(first, 30), Payload::Text("d\u{e9}d"));
        assert_eq!(
            Payload::of_first(b"{\"a\":1}", 30),
            Payload::Text("{\"a\":1}")
        );
        assert_eq!(
            Payload::of_first(&[0, 0, 0, 1], 30),
            Payload::Bytes(&[0, 0, 0, 1])
        );
        assert_eq!(Payload::of_first(&[0, 0, 0, 1], 4), Payload::Integer(1));
    }

    #[test]
    fn a_number_is_shown_by_its_digits() {
        assert_eq!(Payload::Long(-42).words().as_deref(), Some("-42"));
        assert_eq!(Payload::Double(12.9).words().as_deref(), Some("12.9"));
        assert_eq!(Payload::Bytes(b"\xff").words(), None);
    }

    proptest! {
        #[test]
        fn every_number_of_java_is_read_back(number in any::<i32>()) {
            let bytes = number.to_be_bytes();
            let read = Payload::of(&bytes).words();
            let digits = number.to_string();
            // Four letters are a word.
            prop_assert!(read == Some(digits) || std::str::from_utf8(&bytes).ok() == read.as_deref());
        }
    }
}
