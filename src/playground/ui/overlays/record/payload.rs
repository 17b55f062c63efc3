//! A key or a value as what its bytes most probably are, and how that is known.

use std::fmt::Write as _;

use crate::{
    state::{RecordSeen, State, ValueFace},
    ui::words,
};
use wire::{
    payload::{Payload, is_json},
    schema_frame::{PathForm, SchemaFrame, is_protobuf},
    shown,
};

/// Bytes in a line of a hexadecimal dump.
const HEX_LINE: usize = 16;

/// The key's lines: in one what it says, and what it is.
pub(super) fn key(state: &State, bytes: &[u8], count: usize) -> Vec<String> {
    let face = state.view.value_face;
    let payload = Payload::of_first(bytes, count);
    let words = match (face, payload.words()) {
        (ValueFace::Text, _) => shown::bytes(bytes),
        (_, Some(words)) => words,
        _ => String::new(),
    };
    let what = what(face, &payload, bytes, count);
    let mut lines = vec![if words.is_empty() {
        format!("key    {what}")
    } else {
        format!("key    {}   {what}", spaced(words.replace('\n', "\\n")))
    }];
    if face == ValueFace::Hex || (face == ValueFace::Pretty && words.is_empty()) {
        lines.extend(hex(bytes));
    }
    lines
}

/// The value's lines.
pub(super) fn value(state: &State, record: &RecordSeen) -> Vec<String> {
    let face = state.view.value_face;
    let Some((bytes, count)) = record.kept_value() else {
        return vec!["value  null: a tombstone, where the topic is compacted".into()];
    };
    let payload = Payload::of_first(bytes, count);
    let what = what(face, &payload, bytes, count);
    let other = state.view.keys.fill("{overlay show} shows it another way");
    let mut lines = vec![format!("value  {what}   {other}")];
    match face {
        ValueFace::Hex => lines.extend(hex(bytes)),
        ValueFace::Text => lines.extend(shown::bytes(bytes).lines().map(spaced)),
        ValueFace::Pretty => lines.extend(set_out(&payload, bytes)),
    }
    if bytes.len() < count {
        lines.push(format!(
            "… only the first {} bytes are kept here",
            bytes.len()
        ));
    }
    lines
}

/// What it is shown as, how that is known, and how long it is.
fn what(face: ValueFace, payload: &Payload<'_>, bytes: &[u8], count: usize) -> String {
    let size = format!(
        "{} B",
        words::grouped(u32::try_from(count).unwrap_or(u32::MAX))
    );
    let words = match (face, payload) {
        _ if count == 0 => "empty".to_owned(),
        (ValueFace::Hex, _) | (_, Payload::Bytes(_)) if face != ValueFace::Text => "hex".to_owned(),
        (ValueFace::Text, Payload::Json(_) | Payload::Text(_)) | (_, Payload::Text(_)) => {
            "text, UTF-8".to_owned()
        }
        (ValueFace::Text, _) => "text, what is none written out".to_owned(),
        (_, Payload::Json(_)) => "JSON, it parses".to_owned(),
        (_, Payload::Integer(_)) => "integer, big-endian".to_owned(),
        (_, Payload::Long(_)) => match SchemaFrame::of(bytes) {
            Some(frame) => format!(
                "long, big-endian; else {} and {} B",
                framed(frame.id),
                frame.rest.len()
            ),
            None => "long, big-endian".to_owned(),
        },
        (_, Payload::Double(_)) => {
            let long = bytes.try_into().map(i64::from_be_bytes).unwrap_or_default();
            format!("double, big-endian; as a long {long}")
        }
        (_, Payload::Schema(frame)) => format!("{}: {}", framed(frame.id), behind(frame)),
        (_, Payload::Bytes(_)) => "hex".to_owned(),
    };
    format!("{words}, {size}")
}

fn framed(id: i32) -> String {
    format!("schema {id} of a registry")
}

/// What stands behind a schema's id. Without the schema its bytes are all that is known.
fn behind(frame: &SchemaFrame<'_>) -> String {
    if std::str::from_utf8(frame.rest).is_ok_and(is_json) {
        return "JSON, it parses".to_owned();
    }
    let mut paths = frame.message_paths().into_iter();
    match paths.find(|path| is_protobuf(path.message)) {
        None => "perhaps Avro, hex".to_owned(),
        Some(path) => {
            let indexes: Vec<String> = path.indexes.iter().map(usize::to_string).collect();
            let indexes = indexes.join(".");
            match path.form {
                PathForm::Zigzag => format!("perhaps Protobuf, message {indexes} of its file, hex"),
                PathForm::Plain => {
                    format!("perhaps Protobuf, message {indexes} as plain varints, hex")
                }
                PathForm::Absent => "perhaps Protobuf without message indexes, hex".to_owned(),
            }
        }
    }
}

/// The value as what it is.
fn set_out(payload: &Payload<'_>, bytes: &[u8]) -> Vec<String> {
    let json = |text: &str| json(text).lines().map(spaced).collect();
    match payload {
        Payload::Json(text) => json(text),
        Payload::Schema(frame) => match std::str::from_utf8(frame.rest) {
            Ok(text) if is_json(text) => json(text),
            _ => hex(bytes),
        },
        Payload::Bytes(_) => hex(bytes),
        _ => {
            let words = payload.words().unwrap_or_default();
            words.lines().map(spaced).collect()
        }
    }
}

/// A JSON object or array over several lines; its names keep their order, its numbers their digits.
fn json(text: &str) -> String {
    let text = text.trim();
    let mut set_out = String::new();
    let mut depth = 0_usize;
    let (mut quoted, mut escaped) = (false, false);
    for character in text.chars() {
        if !quoted && character.is_whitespace() {
            continue;
        }
        let empty = set_out.ends_with(['{', '[']);
        if !quoted && empty && !matches!(character, '}' | ']') {
            depth += 1;
            new_line(&mut set_out, depth);
        }
        match character {
            _ if quoted => set_out.push(character),
            ',' => {
                set_out.push(character);
                new_line(&mut set_out, depth);
            }
            ':' => set_out.push_str(": "),
            '}' | ']' => {
                if !empty {
                    depth = depth.saturating_sub(1);
                    new_line(&mut set_out, depth);
                }
                set_out.push(character);
            }
            other => set_out.push(other),
        }
        let ends = character == '"' && !escaped;
        escaped = quoted && character == '\\' && !escaped;
        quoted ^= ends;
    }
    set_out
}

fn new_line(text: &mut String, depth: usize) {
    text.push('\n');
    text.push_str(&"  ".repeat(depth));
}

/// Sixteen bytes in a line: where, in hexadecimal, as ASCII.
fn hex(bytes: &[u8]) -> Vec<String> {
    bytes
        .chunks(HEX_LINE)
        .enumerate()
        .map(|(line, part)| {
            let mut digits = String::new();
            for byte in part {
                let _ = write!(digits, "{byte:02x} ");
            }
            let ascii: String = part
                .iter()
                .map(|byte| match byte {
                    b' '..=b'~' => char::from(*byte),
                    _ => '.',
                })
                .collect();
            format!("{:06x}  {digits:<48} {ascii}", line * HEX_LINE)
        })
        .collect()
}

/// A line without what would move the terminal's cursor.
fn spaced(line: impl AsRef<str>) -> String {
    line.as_ref().replace('\t', "    ")
}

#[cfg(test)]
mod tests {
    use super::{behind, json, what};
    use crate::state::ValueFace;
    use wire::{payload::Payload, schema_frame::SchemaFrame};

    #[test]
    fn json_is_set_out_as_it_was_written() {
        let text = r#"{"b": 1.50, "a":["x, {\"}", {}], "c":[ ]}"#;
        let lines = [
            "{",
            "  \"b\": 1.50,",
            "  \"a\": [",
            r#"    "x, {\"}","#,
            "    {}",
            "  ],",
            "  \"c\": []",
            "}",
        ];
        assert_eq!(json(text), lines.join("\n"));
    }

    #[test]
    fn what_is_behind_a_schemas_id_is_guessed_with_a_perhaps() {
        for (bytes, said) in [
            (&b"\x00\x00\x00\x00\x0c{\"a\":1}"[..], "JSON, it parses"),
            (
                b"\x00\x00\x00\x00\x01\x00\x0a\x03amy",
                "perhaps Protobuf, message 0 of its file, hex",
            ),
            (
                b"\x00\x00\x00\x00\x01\x04\x02\x00\x0a\x03amy",
                "perhaps Protobuf, message 1.0 of its file, hex",
            ),
            (
                b"\x00\x00\x00\x00\x01\x0a\x03amy",
                "perhaps Protobuf without message indexes, hex",
            ),
            (b"\x00\x00\x00\x00\x01\x06amy\x02", "perhaps Avro, hex"),
        ] {
            let frame = SchemaFrame::of(bytes).expect("a frame");
            assert_eq!(behind(&frame), said, "{bytes:?}");
        }
    }

    #[test]
    fn what_a_payload_is_shown_as_says_how_that_is_known() {
        let framed = b"\x00\x00\x00\x00\x0c\x06amy";
        for (face, bytes, said) in [
            (ValueFace::Pretty, &b"amy"[..], "text, UTF-8, 3 B"),
            (ValueFace::Pretty, b"", "empty, 0 B"),
            (ValueFace::Pretty, b"{}", "JSON, it parses, 2 B"),
            (ValueFace::Text, b"{}", "text, UTF-8, 2 B"),
            (ValueFace::Hex, b"{}", "hex, 2 B"),
            (ValueFace::Pretty, &[0xff; 16], "hex, 16 B"),
            (
                ValueFace::Pretty,
                &[0, 0, 0, 42],
                "integer, big-endian, 4 B",
            ),
            (
                ValueFace::Pretty,
                &42_i64.to_be_bytes(),
                "long, big-endian, 8 B",
            ),
            (
                ValueFace::Pretty,
                &[0, 0, 0, 0, 12, 6, 0xff, 0x61],
                "long, big-endian; else schema 12 of a registry and 3 B, 8 B",
            ),
            (
                ValueFace::Pretty,
                &12.5_f64.to_be_bytes(),
                "double, big-endian; as a long 4623226492472524800, 8 B",
            ),
            (
                ValueFace::Pretty,
                framed,
                "schema 12 of a registry: perhaps Avro, hex, 9 B",
            ),
            (
                ValueFace::Text,
                framed,
                "text, what is none written out, 9 B",
            ),
        ] {
            let payload = Payload::of(bytes);
            assert_eq!(what(face, &payload, bytes, bytes.len()), said, "{bytes:?}");
        }
    }
}
