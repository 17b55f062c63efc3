//! What is printed of a record: the properties of Kafka's `DefaultMessageFormatter`, in its order.

use std::fmt::Write as _;
use std::io::{self, Write};

use anyhow::{Result, bail};

use librdkafka::consumer::{ConsumedRecord, RecordTime};
use wire::{payload::Payload, shown};

/// In a class's place: text and numbers as such, all else in hexadecimal. Kafka has nothing like it.
const AUTO: &str = "auto";

/// Which parts are printed, and what stands between them.
#[derive(Debug, Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a property of its own: print.timestamp, print.key, ..."
)]
pub(super) struct Format {
    print_timestamp: bool,
    print_partition: bool,
    print_offset: bool,
    print_headers: bool,
    print_key: bool,
    print_value: bool,
    key_separator: String,
    line_separator: String,
    headers_separator: String,
    null_literal: String,
    key: Deserializer,
    value: Deserializer,
    headers: Deserializer,
    /// Stdout is a terminal, which shall show records and not obey them.
    at_terminal: bool,
}

/// How bytes are read before they are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deserializer {
    /// Text or anything else: the bytes as they are.
    Bytes,
    /// What they most probably are.
    Auto,
    Short,
    Integer,
    Long,
    Float,
    Double,
}

/// Why a record cannot be printed.
#[derive(Debug, thiserror::Error)]
pub(super) enum FormatError {
    /// Nobody reads any more.
    #[error(transparent)]
    Closed(#[from] io::Error),
    /// In the words of Kafka's deserializers.
    #[error("{offset}: Size of data received by {name}Deserializer is not {expected}", name = .of.name())]
    Size {
        /// `orders-0 @7`.
        offset: String,
        of: Deserializer,
        expected: usize,
    },
}

impl Default for Format {
    fn default() -> Self {
        Self {
            print_timestamp: false,
            print_partition: false,
            print_offset: false,
            print_headers: false,
            print_key: false,
            print_value: true,
            key_separator: "\t".into(),
            line_separator: "\n".into(),
            headers_separator: ",".into(),
            null_literal: "null".into(),
            key: Deserializer::Bytes,
            value: Deserializer::Bytes,
            headers: Deserializer::Bytes,
            at_terminal: false,
        }
    }
}

impl Format {
    /// Values only, or keys too; what commands a terminal is written out `at_terminal`.
    pub(super) fn new(print_key: bool, at_terminal: bool) -> Self {
        Self {
            print_key,
            at_terminal,
            ..Self::default()
        }
    }

    /// Takes a property; whether it is one of the formatter's.
    ///
    /// # Errors
    /// The value is none that it can have.
    pub(super) fn set(&mut self, name: &str, value: &str) -> Result<bool> {
        match name {
            "print.timestamp" => self.print_timestamp = yes_or_no(name, value)?,
            "print.partition" => self.print_partition = yes_or_no(name, value)?,
            "print.offset" => self.print_offset = yes_or_no(name, value)?,
            "print.headers" => self.print_headers = yes_or_no(name, value)?,
            "print.key" => self.print_key = yes_or_no(name, value)?,
            "print.value" => self.print_value = yes_or_no(name, value)?,
            "key.separator" => value.clone_into(&mut self.key_separator),
            "line.separator" => value.clone_into(&mut self.line_separator),
            "headers.separator" => value.clone_into(&mut self.headers_separator),
            "null.literal" => value.clone_into(&mut self.null_literal),
            "key.deserializer" => self.key = Deserializer::of_class(name, value)?,
            "value.deserializer" => self.value = Deserializer::of_class(name, value)?,
            "headers.deserializer" => self.headers = Deserializer::of_class(name, value)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Prints a record.
    ///
    /// # Errors
    /// Nobody reads any more, or a part is not what its deserializer reads.
    pub(super) fn write(
        &self,
        out: &mut impl Write,
        record: &ConsumedRecord<'_>,
    ) -> Result<(), FormatError> {
        let mut parts: Vec<Vec<u8>> = Vec::new();
        if self.print_timestamp {
            parts.push(timestamp(record.time()).into_bytes());
        }
        if self.print_partition {
            parts.push(format!("Partition:{}", record.partition()).into_bytes());
        }
        if self.print_offset {
            parts.push(format!("Offset:{}", record.offset()).into_bytes());
        }
        if self.print_headers {
            parts.push(self.headers(record)?);
        }
        let read = |bytes, deserializer| self.read(bytes, deserializer, record);
        if self.print_key {
            parts.push(read(record.key(), self.key)?);
        }
        if self.print_value {
            parts.push(read(record.value(), self.value)?);
        }
        for (index, part) in parts.iter().enumerate() {
            if index > 0 {
                out.write_all(self.key_separator.as_bytes())?;
            }
            if self.at_terminal {
                out.write_all(shown::bytes(part).as_bytes())?;
            } else {
                out.write_all(part)?;
            }
        }
        // As Kafka's: nothing at all is printed of a record that has no part to print.
        if !parts.is_empty() {
            out.write_all(self.line_separator.as_bytes())?;
        }
        Ok(())
    }

    fn headers(&self, record: &ConsumedRecord<'_>) -> Result<Vec<u8>, FormatError> {
        let mut text = Vec::new();
        for (index, (name, value)) in record.headers().enumerate() {
            if index > 0 {
                text.extend_from_slice(self.headers_separator.as_bytes());
            }
            text.extend_from_slice(name.as_bytes());
            text.push(b':');
            text.extend(self.read(value, self.headers, record)?);
        }
        if text.is_empty() {
            text.extend_from_slice(b"NO_HEADERS");
        }
        Ok(text)
    }

    fn read(
        &self,
        bytes: Option<&[u8]>,
        deserializer: Deserializer,
        record: &ConsumedRecord<'_>,
    ) -> Result<Vec<u8>, FormatError> {
        let Some(bytes) = bytes else {
            return Ok(self.null_literal.clone().into_bytes());
        };
        let read = deserializer.read(bytes);
        read.map_err(|expected| FormatError::Size {
            offset: format!(
                "{}-{} @{}",
                record.topic(),
                record.partition(),
                record.offset()
            ),
            of: deserializer,
            expected,
        })
    }
}

fn timestamp(time: RecordTime) -> String {
    match time {
        RecordTime::Create(ms) => format!("CreateTime:{ms}"),
        RecordTime::LogAppend(ms) => format!("LogAppendTime:{ms}"),
        RecordTime::None => "NO_TIMESTAMP".into(),
    }
}

/// Kafka takes everything but `true` as no, also `true,key.separator=-`, which somebody meant otherwise.
pub(crate) fn yes_or_no(name: &str, value: &str) -> Result<bool> {
    match value.trim() {
        yes if yes.eq_ignore_ascii_case("true") => Ok(true),
        no if no.eq_ignore_ascii_case("false") => Ok(false),
        _ => bail!("{name}={value}: true or false expected, and a --property for each property"),
    }
}

impl Deserializer {
    const ALL: [Self; 5] = [
        Self::Short,
        Self::Integer,
        Self::Long,
        Self::Float,
        Self::Double,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Bytes => "ByteArray",
            Self::Auto => AUTO,
            Self::Short => "Short",
            Self::Integer => "Integer",
            Self::Long => "Long",
            Self::Float => "Float",
            Self::Double => "Double",
        }
    }

    fn of_class(property: &str, class: &str) -> Result<Self> {
        let short = class
            .strip_prefix("org.apache.kafka.common.serialization.")
            .unwrap_or(class);
        let short = short.strip_suffix("Deserializer").unwrap_or(short);
        if matches!(short, "String" | "ByteArray" | "Bytes" | "ByteBuffer") {
            return Ok(Self::Bytes);
        }
        if class == AUTO {
            return Ok(Self::Auto);
        }
        let found = Self::ALL.into_iter().find(|known| known.name() == short);
        match found {
            Some(known) => Ok(known),
            None => bail!(
                "{property}={class}: classes of Java are not loaded here; String, ByteArray, Short, Integer, \
                 Long, Float and Double are built in, and {AUTO}, which guesses"
            ),
        }
    }

    /// The bytes to print, or how many there should be.
    fn read(self, bytes: &[u8]) -> Result<Vec<u8>, usize> {
        let text = match self {
            Self::Bytes => return Ok(bytes.to_vec()),
            Self::Auto => Payload::unparsed(bytes)
                .words()
                .unwrap_or_else(|| hexadecimal(bytes)),
            Self::Short => i16::from_be_bytes(exactly(bytes)?).to_string(),
            Self::Integer => i32::from_be_bytes(exactly(bytes)?).to_string(),
            Self::Long => i64::from_be_bytes(exactly(bytes)?).to_string(),
            Self::Float => f32::from_be_bytes(exactly(bytes)?).to_string(),
            Self::Double => f64::from_be_bytes(exactly(bytes)?).to_string(),
        };
        Ok(text.into_bytes())
    }
}

/// All bytes, as one number of two digits each.
fn hexadecimal(bytes: &[u8]) -> String {
    let mut text = String::from("0x");
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn exactly<const N: usize>(bytes: &[u8]) -> Result<[u8; N], usize> {
    bytes.try_into().map_err(|_| N)
}

#[cfg(test)]
mod tests {
    use super::{Deserializer, Format};

    #[test]
    fn properties_are_taken_and_others_left() {
        let mut format = Format::default();
        assert!(format.set("print.key", " TRUE").expect("valid"));
        assert!(format.print_key);
        assert!(!format.set("session.timeout.ms", "6000").expect("another's"));
        let refused = format.set("print.key", "true,key.separator=-");
        let refused = refused.expect_err("two in one").to_string();
        assert_eq!(
            refused,
            "print.key=true,key.separator=-: true or false expected, and a --property for each property"
        );
    }

    #[test]
    fn numbers_are_read_as_java_writes_them() {
        let long = "org.apache.kafka.common.serialization.LongDeserializer";
        let long = Deserializer::of_class("value.deserializer", long).expect("built in");
        assert_eq!(long.read(&[0, 0, 0, 0, 0, 0, 1, 0]), Ok(b"256".to_vec()));
        assert_eq!(long.read(b"one"), Err(8));
        let auto = Deserializer::of_class("value.deserializer", "auto").expect("built in");
        assert_eq!(auto.read(&[0, 0, 0, 0, 0, 0, 1, 0]), Ok(b"256".to_vec()));
        assert_eq!(auto.read(b"one"), Ok(b"one".to_vec()));
        assert_eq!(auto.read(b"\xff\x00\x1b"), Ok(b"0xff001b".to_vec()));
        Deserializer::of_class("value.deserializer", "com.example.Mine").expect_err("not loaded");
    }
}
