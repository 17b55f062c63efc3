//! Single records inside a batch: varints, key, value, headers.

use super::{BatchError, BatchHeader, TimestampType};
use crate::Offset;

/// One record, lent from its batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    pub offset: Offset,
    /// Milliseconds since the Unix epoch.
    pub timestamp: i64,
    pub key: Option<&'a [u8]>,
    /// `None` is a tombstone.
    pub value: Option<&'a [u8]>,
    /// Still encoded, the count before them.
    pub headers: &'a [u8],
}

/// Walks the records of one batch. The first error is the last item; a walk that ends without
/// one has seen as many records as the header says, up to the last byte.
#[derive(Debug, Clone)]
pub struct Records<'a> {
    header: BatchHeader,
    left: &'a [u8],
    index: i32,
    done: bool,
}

impl<'a> Records<'a> {
    pub(super) fn new(header: &BatchHeader, payload: &'a [u8]) -> Self {
        Self {
            header: *header,
            left: payload,
            index: 0,
            done: false,
        }
    }

    fn read(&mut self) -> Result<Record<'a>, &'static str> {
        let length = read_varint(&mut self.left).ok_or("no length")?;
        let mut body = take(&mut self.left, length).ok_or("longer than its batch")?;
        let (_attributes, rest) = body.split_first().ok_or("no attributes")?;
        body = rest;
        let timestamp_delta = read_varlong(&mut body).ok_or("no timestamp")?;
        let offset_delta = read_varint(&mut body).ok_or("no offset")?;
        if offset_delta < 0 || offset_delta > self.header.last_offset_delta {
            return Err("an offset outside its batch");
        }
        let key = read_nullable(&mut body).ok_or("a key longer than its record")?;
        let value = read_nullable(&mut body).ok_or("a value longer than its record")?;
        check_headers(body).ok_or("headers that do not fit their record")?;
        let timestamp = match self.header.timestamp_type() {
            TimestampType::LogAppendTime => self.header.max_timestamp,
            TimestampType::CreateTime => self.header.base_timestamp.wrapping_add(timestamp_delta),
        };
        let offset = self
            .header
            .base_offset
            .0
            .wrapping_add(i64::from(offset_delta));
        Ok(Record {
            offset: Offset(offset),
            timestamp,
            key,
            value,
            headers: body,
        })
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<Record<'a>, BatchError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let read = if self.index < self.header.records_count {
            self.read()
        } else {
            self.done = true;
            if self.left.is_empty() {
                return None;
            }
            Err("bytes after the last record")
        };
        let index = self.index;
        self.index += 1;
        self.done |= read.is_err();
        Some(read.map_err(|reason| BatchError::Record { index, reason }))
    }
}

/// Appends one record as it lies in a batch. `headers` are encoded already, their count first.
pub(super) fn write_record(
    into: &mut Vec<u8>,
    timestamp_delta: i64,
    offset_delta: i32,
    key: Option<&[u8]>,
    value: Option<&[u8]>,
    headers: &[u8],
) {
    let mut body = Vec::with_capacity(
        24 + key.map_or(0, <[u8]>::len) + value.map_or(0, <[u8]>::len) + headers.len(),
    );
    body.push(0);
    write_varlong(&mut body, timestamp_delta);
    write_varlong(&mut body, i64::from(offset_delta));
    write_nullable(&mut body, key);
    write_nullable(&mut body, value);
    body.extend_from_slice(headers);
    write_length(into, body.len());
    into.extend_from_slice(&body);
}

/// Headers of a record, encoded with their count.
pub(super) fn encode_headers(headers: &[(&str, Option<&[u8]>)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_length(&mut bytes, headers.len());
    for (name, value) in headers {
        write_nullable(&mut bytes, Some(name.as_bytes()));
        write_nullable(&mut bytes, *value);
    }
    bytes
}

impl<'a> Record<'a> {
    /// Its headers, in order: names and values, either as the producer gave them.
    pub fn headers(&self) -> impl Iterator<Item = (&'a [u8], Option<&'a [u8]>)> + use<'a> {
        let mut bytes = self.headers;
        let count = read_varint(&mut bytes).unwrap_or(0);
        (0..count).map_while(move |_| {
            let name = read_nullable(&mut bytes)??;
            let value = read_nullable(&mut bytes)?;
            Some((name, value))
        })
    }
}

/// Whether `bytes` are headers and nothing else.
fn check_headers(mut bytes: &[u8]) -> Option<()> {
    let count = read_varint(&mut bytes)?;
    // No allocation depends on the count, and each header takes at least two bytes.
    for _ in 0..count {
        read_nullable(&mut bytes)??;
        read_nullable(&mut bytes)?;
    }
    (count >= 0 && bytes.is_empty()).then_some(())
}

/// A length and that many bytes; outer `None` where they do not fit, inner where the length is -1.
#[expect(
    clippy::option_option,
    reason = "does not fit, and null, are two things"
)]
fn read_nullable<'a>(bytes: &mut &'a [u8]) -> Option<Option<&'a [u8]>> {
    match read_varint(bytes)? {
        -1 => Some(None),
        length => take(bytes, length).map(Some),
    }
}

fn take<'a>(bytes: &mut &'a [u8], length: i32) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(usize::try_from(length).ok()?)?;
    *bytes = rest;
    Some(taken)
}

fn read_varint(bytes: &mut &[u8]) -> Option<i32> {
    i32::try_from(read_varlong(bytes)?).ok()
}

/// A zigzag number in groups of seven bits, lowest first.
fn read_varlong(bytes: &mut &[u8]) -> Option<i64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some((value >> 1).cast_signed() ^ -(value & 1).cast_signed());
        }
    }
    None
}

fn write_varlong(into: &mut Vec<u8>, value: i64) {
    let mut left = ((value << 1) ^ (value >> 63)).cast_unsigned();
    while left >= 0x80 {
        into.push(u8::try_from(left & 0x7f).expect("seven bits") | 0x80);
        left >>= 7;
    }
    into.push(u8::try_from(left).expect("below 0x80"));
}

fn write_length(into: &mut Vec<u8>, length: usize) {
    write_varlong(
        into,
        i64::try_from(length).expect("memory is smaller than 2^63"),
    );
}

fn write_nullable(into: &mut Vec<u8>, bytes: Option<&[u8]>) {
    match bytes {
        None => write_varlong(into, -1),
        Some(bytes) => {
            write_length(into, bytes.len());
            into.extend_from_slice(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Batch, BatchBuilder, Compression, HEADER_BYTES};
    use super::*;

    #[test]
    fn numbers_read_back_as_they_were_written() {
        for value in [
            0,
            -1,
            1,
            63,
            -64,
            64,
            300,
            i64::from(i32::MAX),
            i64::MIN,
            i64::MAX,
        ] {
            let mut bytes = Vec::new();
            write_varlong(&mut bytes, value);
            let mut left = bytes.as_slice();
            assert_eq!(read_varlong(&mut left), Some(value));
            assert!(left.is_empty());
        }
        assert_eq!(read_varlong(&mut [0x80u8; 11].as_slice()), None);
    }

    #[test]
    fn records_come_back_with_headers_and_nulls() {
        for codec in [Compression::None, Compression::Gzip, Compression::Zstd] {
            let mut builder = BatchBuilder::new();
            builder.compression(codec).base_offset(Offset(10));
            builder.push(5, Some(b"a"), None);
            builder.push_with_headers(3, None, Some(b""), &[("h", Some(b"x")), ("n", None)]);
            let bytes = builder.build();
            let batch = Batch::parse(&bytes).expect("own batch");
            let payload = batch.payload().expect("own codec");
            let records: Vec<_> = batch.records(&payload).map(Result::unwrap).collect();
            assert_eq!(records.len(), 2);
            assert_eq!((records[0].offset, records[0].timestamp), (Offset(10), 5));
            assert_eq!(
                (records[0].key, records[0].value),
                (Some(b"a".as_slice()), None)
            );
            assert_eq!((records[1].offset, records[1].timestamp), (Offset(11), 3));
            assert_eq!(records[1].value, Some(b"".as_slice()));
            assert_eq!(records[1].headers, b"\x04\x02h\x02x\x02n\x01");
        }
    }

    #[test]
    fn a_count_that_the_bytes_do_not_hold_is_an_error() {
        let mut builder = BatchBuilder::new();
        builder.push(1, None, Some(b"v"));
        let mut bytes = builder.build();
        for count in [0, 2, i32::MAX] {
            bytes[HEADER_BYTES - 4..HEADER_BYTES].copy_from_slice(&i32::to_be_bytes(count));
            let batch = Batch::parse(&bytes).expect("the header parses");
            let payload = batch.payload().expect("not compressed");
            assert!(batch.records(&payload).any(|record| record.is_err()));
        }
    }

    proptest! {
        #[test]
        fn garbage_records_never_panic(payload in proptest::collection::vec(any::<u8>(), 0..200), count in any::<i32>()) {
            let mut builder = BatchBuilder::new();
            builder.push(1, None, None);
            let mut header = Batch::parse(&builder.build()).expect("own batch").header;
            header.records_count = count;
            header.last_offset_delta = i32::MAX;
            let seen = Records::new(&header, &payload).count();
            prop_assert!(seen <= payload.len() + 1);
        }
    }
}
