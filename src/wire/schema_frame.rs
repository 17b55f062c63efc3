//! What the serializers of a schema registry put before a record: a byte 0, the schema's id in four bytes, and with
//! Protobuf the path to the message's type within its file.

/// A record whose schema a registry knows by its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SchemaFrame<'a> {
    /// The schema's id; registries count from 1.
    pub id: i32,
    /// What is written by that schema.
    pub rest: &'a [u8],
}

/// How a library writes the path to a message's type: the index of an outermost message of the file, then of a message
/// declared within it, and so on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathForm {
    /// Count and indexes as zigzag varints; one byte 0 is the first message: Confluent's format.
    Zigzag,
    /// The same as plain varints: confluent-kafka with `use.deprecated.format`.
    Plain,
    /// There is none, and the first message is meant: `@kafkajs/confluent-schema-registry`.
    Absent,
}

/// A message of Protobuf behind the path to its type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessagePath<'a> {
    /// How it is written.
    pub form: PathForm,
    /// The indexes, from the outermost message inwards.
    pub indexes: Vec<usize>,
    /// The message.
    pub message: &'a [u8],
}

impl<'a> SchemaFrame<'a> {
    /// The frame, where the bytes begin as one does.
    #[must_use]
    pub fn of(bytes: &'a [u8]) -> Option<Self> {
        let (head, rest) = bytes.split_first_chunk::<5>()?;
        let [0, id @ ..] = *head else {
            return None;
        };
        let id = i32::from_be_bytes(id);
        (id > 0).then_some(Self { id, rest })
    }

    /// Each way in which this can be a message of Protobuf, the most common first. The bytes do not tell which library
    /// wrote them: of the types and fields that a schema has, only some fit.
    #[must_use]
    pub fn message_paths(&self) -> Vec<MessagePath<'a>> {
        let zigzag = |number: u64| {
            let magnitude = i64::try_from(number >> 1).ok()?;
            let signed = if number & 1 == 0 {
                magnitude
            } else {
                -magnitude - 1
            };
            usize::try_from(signed).ok()
        };
        let plain = |number: u64| usize::try_from(number).ok();
        let mut paths = Vec::new();
        if let Some((indexes, message)) = indexes(self.rest, zigzag) {
            paths.push(MessagePath {
                form: PathForm::Zigzag,
                indexes,
                message,
            });
        }
        if let Some((indexes, message)) = indexes(self.rest, plain)
            && paths.iter().all(|known| known.indexes != indexes)
        {
            paths.push(MessagePath {
                form: PathForm::Plain,
                indexes,
                message,
            });
        }
        paths.push(MessagePath {
            form: PathForm::Absent,
            indexes: vec![0],
            message: self.rest,
        });
        paths
    }
}

/// A count and so many indexes, and what comes behind them.
fn indexes(mut bytes: &[u8], number: impl Fn(u64) -> Option<usize>) -> Option<(Vec<usize>, &[u8])> {
    let count = number(varint(&mut bytes)?)?;
    if count == 0 {
        return Some((vec![0], bytes));
    }
    // Each index takes a byte at least.
    if count > bytes.len() {
        return None;
    }
    let mut indexes = Vec::with_capacity(count);
    for _ in 0..count {
        indexes.push(number(varint(&mut bytes)?)?);
    }
    Some((indexes, bytes))
}

/// Whether these bytes are fields of Protobuf up to their end, of whatever message.
#[must_use]
pub fn is_protobuf(mut bytes: &[u8]) -> bool {
    while !bytes.is_empty() {
        if field(&mut bytes).is_none() {
            return false;
        }
    }
    true
}

/// Skips a field. Groups, which nobody writes any more, are not taken.
fn field(bytes: &mut &[u8]) -> Option<()> {
    const FIELD_MAX: u64 = (1 << 29) - 1;
    let tag = varint(bytes)?;
    if !(1..=FIELD_MAX).contains(&(tag >> 3)) {
        return None;
    }
    let length = match tag & 7 {
        0 => {
            varint(bytes)?;
            0
        }
        1 => 8,
        2 => usize::try_from(varint(bytes)?).ok()?,
        5 => 4,
        _ => return None,
    };
    *bytes = bytes.get(length..)?;
    Some(())
}

/// Seven bits a byte, the lowest first.
fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{MessagePath, PathForm, SchemaFrame, is_protobuf};

    #[test]
    fn a_frame_is_a_zero_and_an_id() {
        let frame = SchemaFrame::of(b"\x00\x00\x00\x00\x0cabc").expect("a frame");
        assert_eq!((frame.id, frame.rest), (12, &b"abc"[..]));
        for other in [
            &b""[..],
            b"\x00\x00\x00\x00",
            b"\x00\x00\x00\x00\x00abc",
            b"{\"a\":1}",
        ] {
            assert_eq!(SchemaFrame::of(other), None, "{other:?}");
        }
    }

    /// What confluent-kafka 2.16.1 and `@kafkajs/confluent-schema-registry` 3.9.0 write of the same file.
    #[test]
    fn the_path_to_a_message_is_read_as_each_library_writes_it() {
        let paths = |bytes: &'static [u8]| SchemaFrame::of(bytes).expect("a frame").message_paths();
        let path = |form, indexes: &[usize], message: &'static [u8]| MessagePath {
            form,
            indexes: indexes.to_vec(),
            message,
        };
        let order_of_python = paths(b"\x00\x00\x00\x00\x01\x00\x0a\x03amy");
        assert_eq!(
            order_of_python.first(),
            Some(&path(PathForm::Zigzag, &[0], b"\x0a\x03amy"))
        );
        let refund_of_python = paths(b"\x00\x00\x00\x00\x01\x02\x02\x08\x8a\x0a");
        assert_eq!(
            refund_of_python.first(),
            Some(&path(PathForm::Zigzag, &[1], b"\x08\x8a\x0a"))
        );
        let deprecated = paths(b"\x00\x00\x00\x00\x01\x01\x01\x08\x8a\x0a");
        assert_eq!(
            deprecated.first(),
            Some(&path(PathForm::Plain, &[1], b"\x08\x8a\x0a"))
        );
        let order_of_node = paths(b"\x00\x00\x00\x00\x01\x0a\x03amy");
        assert_eq!(
            order_of_node,
            [path(PathForm::Absent, &[0], b"\x0a\x03amy")]
        );
    }

    #[test]
    fn fields_of_protobuf_end_where_the_bytes_do() {
        for message in [
            &b""[..],
            b"\x0a\x03amy",
            b"\x08\x8a\x0a",
            b"\x0d\x01\x02\x03\x04",
        ] {
            assert!(is_protobuf(message), "{message:?}");
        }
        for other in [
            &b"\x0a\x04amy"[..],
            b"\x00",
            b"\x08",
            b"\x08\x8a\x0a\xff",
            b"amy",
        ] {
            assert!(!is_protobuf(other), "{other:?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_much(bytes in any::<Vec<u8>>()) {
            if let Some(frame) = SchemaFrame::of(&bytes) {
                prop_assert!(!frame.message_paths().is_empty());
            }
            let _ = is_protobuf(&bytes);
        }
    }
}
